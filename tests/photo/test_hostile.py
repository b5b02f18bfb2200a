"""What is refused, with which code: hostile, cut and mutated bytes."""

from __future__ import annotations

import random
import time
import zlib
from typing import TYPE_CHECKING

import pytest
from tests import pictures
from tests.photo.common import NEEDS_PROC, SAMPLES, in_a_process
from tests.photo.hostile import HOSTILE
from tests.pictures import png_from, png_header

from visavis.errors import PhotoError
from visavis.photo import Photo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("data", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_end_in_one_clear_line(
    data: bytes, code: str, word: str, capfd: pytest.CaptureFixture[str]
) -> None:
    start = time.process_time()
    with pytest.raises(PhotoError) as caught:
        Photo.open(data)
    assert time.process_time() - start < 2
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is None
    assert capfd.readouterr() == ("", "")


@NEEDS_PROC
def test_hostile_bytes_stay_under_500_megabytes(tmp_path: Path) -> None:
    for number, (data, _, _) in enumerate(HOSTILE.values()):
        (tmp_path / str(number)).write_bytes(data)
    # As large as a PNG may be, of one colour: 200 kB that become 200 MB before they are a picture.
    large = zlib.compress(bytes(7071 * (1 + 4 * 7071)), 9)
    parts = ((b"IHDR", png_header(7071, 7071, colour=6)), (b"IDAT", large), (b"IEND", b""))
    (tmp_path / "large").write_bytes(png_from(*parts))
    _, megabytes = in_a_process(
        f"""
        for path in sorted(pathlib.Path({str(tmp_path)!r}).iterdir()):
            try:
                Photo.open(path)
            except PhotoError:
                pass
        """
    )
    assert 300 < megabytes < 500  # the large one is in it: 4 bytes for Pillow and 3 for us of each pixel


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_a_picture_cut_anywhere_is_refused(data: bytes) -> None:
    places = {*range(12, min(len(data), 60)), *range(12, len(data), max(1, len(data) // 60))}
    for cut in sorted(places | {len(data) - 1}):
        with pytest.raises(PhotoError) as caught:
            Photo.open(data[:cut])
        assert caught.value.code == "photo.truncated", cut


def test_mutated_pictures_raise_nothing_else() -> None:
    """A few of the mutations of `benchmarks/fuzz_photo.py`."""
    small = list(pictures.samples(96, 64).values())
    outcomes = set()
    for seed in range(600):
        rng = random.Random(seed)
        start = time.process_time()
        try:
            Photo.open(pictures.mutated(rng.choice(small), rng.choice(small), rng))
            outcomes.add("decoded")
        except PhotoError as error:
            outcomes.add(error.code)
        assert time.process_time() - start < 2
    assert outcomes >= {"decoded", "photo.truncated", "photo.damaged", "photo.format"}


def test_whatever_a_decoder_raises_is_a_damaged_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    import simplejpeg

    def decode(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(simplejpeg, "decode_jpeg", decode)
    with pytest.raises(PhotoError, match="MemoryError") as caught:
        Photo.open(SAMPLES["jpeg"])
    assert caught.value.code == "photo.damaged"
