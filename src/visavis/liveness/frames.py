"""Frames that answer a challenge: pictures with times, read from a folder that nobody vouches for.

The folder holds the pictures and ``frames.json``, which names them in the order of their times:

    {"challenge": "<id>", "frames": [{"file": "000.jpg", "at_ms": 0}, {"file": "001.jpg", "at_ms": 98.4}]}
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visavis.errors import ChallengeError
from visavis.liveness.files import read_file
from visavis.photo import Photo

if TYPE_CHECKING:
    import os

INDEX = "frames.json"

MAX_FRAMES = 200
"""Frames that are looked at: the longest challenge at 15 a second."""

MAX_LISTED = 10_000
"""Entries of a list that is read at all; of more frames than `MAX_FRAMES` it only matters that they are."""

MAX_INDEX_BYTES = 2**20
"""Of ``frames.json``: ten thousand entries take half of it."""

MAX_FRAME_BYTES = 8 * 2**20
"""Of one picture: a lossless frame of 1920 x 1080 takes about 4 MB."""

MAX_TOTAL_BYTES = 256 * 2**20
"""Of all pictures together."""

DETAIL = 640
"""Pixels of a frame's longer side that are kept: a face that fills half of it has 60 between the eyes."""

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
"""What a frame's file may be called: a plain name, no path."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of an answer.

    Attributes:
        at_ms: When it was taken, in milliseconds since the first step began, as the client says.
        photo: The picture.
    """

    at_ms: float
    photo: Photo


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The frames that were sent for a challenge.

    Attributes:
        challenge_id: Which challenge they say they answer.
        frames: In the order that they were listed in. Where more than `MAX_FRAMES` were listed it is one more
            than that: enough to be refused, and no more work.
    """

    challenge_id: str
    frames: tuple[Frame, ...]


def read_answer(folder: str | os.PathLike[str]) -> Answer:
    """Read the frames of a folder.

    Raises:
        ChallengeError: `frames.missing`, `frames.unreadable`, `frames.too_large` or `frames.damaged`.
        PhotoError: A frame's file isn't a picture that can be used.
    """
    root = Path(folder)
    challenge_id, listed = _index(read_file(root / INDEX, MAX_INDEX_BYTES, "frames", follow=False))
    frames: list[Frame] = []
    total = 0
    for name, at_ms in listed[: MAX_FRAMES + 1]:
        data = read_file(root / name, MAX_FRAME_BYTES, "frames", follow=False)
        total += len(data)
        if total > MAX_TOTAL_BYTES:
            message = "the frames are too large together"
            raise ChallengeError("frames.too_large", message, expected=f"at most {MAX_TOTAL_BYTES} bytes")
        frames.append(Frame(at_ms, shrunk(Photo.open(data, detail=DETAIL))))
    return Answer(challenge_id, tuple(frames))


def shrunk(photo: Photo) -> Photo:
    """The same picture held at no more pixels than a frame needs; not every format is decoded at scale."""
    height, width = photo.pixels.shape[:2]
    scale = DETAIL / max(height, width)
    if scale >= 1:
        return photo
    import cv2

    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    pixels.flags.writeable = False
    return replace(photo, pixels=pixels)  # type: ignore[arg-type]


def _index(data: bytes) -> tuple[str, list[tuple[str, float]]]:
    try:
        given = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _damaged(f"{INDEX} isn't JSON") from None
    if not isinstance(given, Mapping) or set(given) != {"challenge", "frames"}:
        raise _damaged(f"{INDEX}", expected="an object with challenge and frames, and nothing else")
    challenge_id, frames = given["challenge"], given["frames"]
    if not isinstance(challenge_id, str) or not re.fullmatch("[0-9a-f]{32}", challenge_id):
        raise _damaged("the challenge's id", expected="32 hexadecimal digits")
    if not isinstance(frames, list):
        raise _damaged("the list of frames", expected="a list")
    if len(frames) > MAX_LISTED:
        limit = f"at most {MAX_FRAMES}"
        raise ChallengeError("frames.too_large", "too many frames", found=len(frames), expected=limit)
    return challenge_id, [_entry(frame) for frame in frames]


def _entry(given: Any) -> tuple[str, float]:
    if not isinstance(given, Mapping) or set(given) != {"file", "at_ms"}:
        raise _damaged("a frame", expected="an object with file and at_ms, and nothing else")
    name, at_ms = given["file"], given["at_ms"]
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _damaged("the file of a frame", found=ascii(name)[:80], expected="a file's name, and no path")
    number = isinstance(at_ms, int | float) and not isinstance(at_ms, bool)
    if not number or not -1e9 <= at_ms <= 1e9 or math.isnan(at_ms):
        raise _damaged("the time of a frame", found=ascii(at_ms)[:80], expected="milliseconds")
    return name, float(at_ms)


def _damaged(what: str, *, found: object = None, expected: object = None) -> ChallengeError:
    return ChallengeError(
        "frames.damaged", f"the list of frames is damaged: {what}", found=found, expected=expected
    )
