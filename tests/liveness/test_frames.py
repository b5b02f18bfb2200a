from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.pictures import encoded

from visavis.errors import ChallengeError, PhotoError
from visavis.liveness import frames
from visavis.liveness.frames import DETAIL, MAX_FRAMES, MAX_LISTED, read_answer

if TYPE_CHECKING:
    from pathlib import Path

ID = "0123456789abcdef" * 2
RNG = np.random.default_rng(5)
PICTURE = encoded("JPEG", RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two frames and their list, beside something that is none of their business."""
    inside = tmp_path / "frames"
    inside.mkdir()
    (tmp_path / "outside.jpg").write_bytes(PICTURE)
    for name in ("000.jpg", "001.jpg"):
        (inside / name).write_bytes(PICTURE)
    listed(inside)
    return inside


def listed(folder: Path, *entries: Any, **changes: Any) -> None:
    entries = entries or ({"file": "000.jpg", "at_ms": 0}, {"file": "001.jpg", "at_ms": 99.5})
    data = {"challenge": ID, "frames": list(entries), **changes}
    (folder / "frames.json").write_text(json.dumps(data), encoding="utf-8")


def test_frames_come_in_the_order_of_the_list(folder: Path) -> None:
    answer = read_answer(folder)
    assert answer.challenge_id == ID
    assert [frame.at_ms for frame in answer.frames] == [0.0, 99.5]
    assert [(frame.photo.width, frame.photo.height) for frame in answer.frames] == [(64, 48)] * 2


def test_of_too_many_frames_one_more_than_the_limit_is_opened(folder: Path) -> None:
    listed(folder, *({"file": "000.jpg", "at_ms": number} for number in range(1000)))
    assert len(read_answer(folder).frames) == MAX_FRAMES + 1


ONE = {"file": "000.jpg", "at_ms": 0}
HOSTILE: dict[str, tuple[tuple[Any, ...], str]] = {
    "up and out": (({**ONE, "file": "../outside.jpg"},), "frames.damaged"),
    "from the root": (({**ONE, "file": "/etc/passwd"},), "frames.damaged"),
    "backslashes": (({**ONE, "file": "..\\outside.jpg"},), "frames.damaged"),
    "below": (({**ONE, "file": "sub/000.jpg"},), "frames.damaged"),
    "the folder itself": (({**ONE, "file": "."},), "frames.damaged"),
    "hidden": (({**ONE, "file": ".hidden"},), "frames.damaged"),
    "a NUL": (({**ONE, "file": "000.jpg\0"},), "frames.damaged"),
    "a line's end": (({**ONE, "file": "000.jpg\n"},), "frames.damaged"),
    "no name": (({**ONE, "file": ""},), "frames.damaged"),
    "a long name": (({**ONE, "file": "x" * 101},), "frames.damaged"),
    "a number as name": (({**ONE, "file": 0},), "frames.damaged"),
    "a missing file": (({**ONE, "file": "002.jpg"},), "frames.missing"),
    "a link that leads out": (({**ONE, "file": "link.jpg"},), "frames.unreadable"),
    "a folder": (({**ONE, "file": "folder.jpg"},), "frames.unreadable"),
    "a pipe": (({**ONE, "file": "pipe.jpg"},), "frames.unreadable"),
    "time as text": (({**ONE, "at_ms": "0"},), "frames.damaged"),
    "time as truth": (({**ONE, "at_ms": True},), "frames.damaged"),
    "no time": (({**ONE, "at_ms": None},), "frames.damaged"),
    "not a number": (({**ONE, "at_ms": float("nan")},), "frames.damaged"),
    "endless": (({**ONE, "at_ms": float("inf")},), "frames.damaged"),
    "past all time": (({**ONE, "at_ms": 10**400},), "frames.damaged"),
    "less": (({"file": "000.jpg"},), "frames.damaged"),
    "more": (({**ONE, "exif": 1},), "frames.damaged"),
    "no object": ((7,), "frames.damaged"),
    "a huge list": ((ONE,) * (MAX_LISTED + 1), "frames.too_large"),
}


@pytest.mark.parametrize(("entries", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_lists_that_nobody_should_believe(entries: tuple[Any, ...], code: str, folder: Path) -> None:
    (folder / "link.jpg").symlink_to(folder.parent / "outside.jpg")
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    listed(folder, *entries)
    with pytest.raises(ChallengeError) as refused:
        read_answer(folder)
    assert refused.value.code == code


INDEXES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "frames.damaged"),
    "no JSON": (b"frames", "frames.damaged"),
    "no UTF-8": (b'{"challenge": "\xff"}', "frames.damaged"),
    "deep": (b"[" * 100_000, "frames.damaged"),
    "a list": (b"[]", "frames.damaged"),
    "less": (b'{"frames": []}', "frames.damaged"),
    "more": (b'{"challenge": "%s", "frames": [], "and": 1}' % ID.encode(), "frames.damaged"),
    "frames no list": (b'{"challenge": "%s", "frames": {}}' % ID.encode(), "frames.damaged"),
    "no id": (b'{"challenge": "../x", "frames": []}', "frames.damaged"),
    "large": (b" " * (frames.MAX_INDEX_BYTES + 1), "frames.too_large"),
}


@pytest.mark.parametrize(("index", "code"), INDEXES.values(), ids=INDEXES.keys())
def test_a_list_that_is_none(index: bytes, code: str, folder: Path) -> None:
    (folder / "frames.json").write_bytes(index)
    with pytest.raises(ChallengeError) as refused:
        read_answer(folder)
    assert refused.value.code == code


def test_no_list_and_no_folder(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ChallengeError) as refused:
            read_answer(place)
        assert refused.value.code == "frames.missing"


def test_a_frame_that_is_no_picture(folder: Path) -> None:
    (folder / "001.jpg").write_bytes(b"no picture")
    with pytest.raises(PhotoError):
        read_answer(folder)


def test_limits_on_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_FRAME_BYTES", "MAX_TOTAL_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(frames, name, len(PICTURE) + (name == "MAX_TOTAL_BYTES"))
            if name == "MAX_FRAME_BYTES":
                (folder / "001.jpg").write_bytes(PICTURE + b"x")
            with pytest.raises(ChallengeError) as refused:
                read_answer(folder)
            assert refused.value.code == "frames.too_large"
            (folder / "001.jpg").write_bytes(PICTURE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_frames_are_held_at_what_is_needed(kind: str, folder: Path) -> None:
    large = np.repeat(np.repeat(RNG.integers(0, 256, (27, 48, 3), dtype=np.uint8), 40, axis=0), 40, axis=1)
    (folder / "000.jpg").write_bytes(encoded(kind, large))
    photo = read_answer(folder).frames[0].photo
    assert (photo.width, photo.height) == (1920, 1080)
    assert max(photo.pixels.shape) == DETAIL
    # Averaged, not picked: block after block has the colour that it was drawn with.
    step = photo.pixels.shape[1] / 48
    centres = (np.arange(48) + 0.5) * step
    shown = photo.pixels[(centres[:27]).astype(int)][:, centres.astype(int)]
    assert np.abs(shown.astype(int) - large[20::40, 20::40]).mean() < 12
