"""What a photo is, at which scale it comes, and what becomes of arrays."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests import pictures
from tests.photo.common import SAMPLES, difference, reference
from tests.pictures import encoded, scene

import visavis
from visavis import photo
from visavis.errors import PhotoError
from visavis.photo import Photo, limits
from visavis.photo.jpeg import Jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_pixels_are_contiguous_and_read_only(data: bytes) -> None:
    pixels = Photo.open(data).pixels
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0


def test_the_digest_is_of_the_encoded_bytes() -> None:
    assert Photo.open(SAMPLES["bmp"]).sha256 == hashlib.sha256(SAMPLES["bmp"]).hexdigest()


def test_the_repr_is_one_short_line() -> None:
    text = repr(Photo.open(encoded("JPEG", scene(1920, 1080))))
    assert text.startswith("<Photo 1920 x 1080 JPEG at scale 0.5, sha256 ")
    assert len(text) < 80
    assert "\n" not in text


@pytest.mark.parametrize(
    ("size", "detail", "decoded"),
    [
        ((1920, 1080), 960, (960, 540)),
        ((1080, 1920), 960, (540, 960)),
        ((1922, 1081), 960, (961, 541)),  # libjpeg rounds up: ceil(1081 / 2)
        ((1919, 1080), 960, (960, 540)),  # the half has enough: ceil(1919 / 2) is 960 ...
        ((1900, 1080), 960, (1900, 1080)),  # ... but here it is 950
        ((1920, 1080), 200, (240, 135)),
        ((1920, 1080), 1, (240, 135)),  # an eighth is the coarsest
        ((1920, 1080), None, (1920, 1080)),
        ((640, 480), 960, (640, 480)),
    ],
)
def test_a_jpeg_is_decoded_at_the_scale_that_is_needed(
    size: tuple[int, int], detail: int | None, decoded: tuple[int, int]
) -> None:
    read = Photo.open(encoded("JPEG", scene(*size)), detail=detail)
    assert (read.width, read.height) == size
    assert read.pixels.shape == (decoded[1], decoded[0], 3)
    assert read.scale == decoded[0] / size[0]


def test_the_default_detail_is_half_of_full_hd() -> None:
    assert Photo.open(encoded("JPEG", scene(1920, 1080))).pixels.shape == (540, 960, 3)


def test_finer_gives_the_same_picture_with_more_pixels() -> None:
    data = encoded("JPEG", scene(1920, 1080), exif=pictures.exif_of(6))
    coarse = Photo.open(data, detail=200)
    assert coarse.finer(coarse.scale) is coarse
    for scale, shape in ((0.2, (480, 270, 3)), (0.3, (960, 540, 3)), (1.0, (1920, 1080, 3))):
        finer = coarse.finer(scale)
        assert finer.scale >= scale
        assert finer.pixels.shape == shape
        assert (finer.width, finer.height, finer.sha256) == (coarse.width, coarse.height, coarse.sha256)
        assert finer.notes == coarse.notes == ("turned by EXIF orientation 6",)
    full = coarse.finer(1.0)
    assert full.finer(1.0) is full
    assert difference(full.pixels, np.rot90(reference(data), -1)) == 0


def test_finer_of_a_picture_decoded_in_full_is_itself() -> None:
    read = Photo.open(SAMPLES["png"])
    assert read.finer(1.0) is read


def test_no_decode_gives_more_pixels_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jpeg, "max_decoded", 100_000)
    read = Photo.open(encoded("JPEG", scene(640, 480)), detail=None)
    assert read.pixels.shape == (240, 320, 3)
    assert read.finer(1.0) is read


def test_pixels_that_somebody_holds_are_copied() -> None:
    mine = scene()
    held, plain = Photo.from_pixels(mine[:, ::-1]), Photo.from_pixels(mine)
    mine[:] = 0
    assert difference(plain.pixels, scene()) == 0
    assert (held.format, held.width, held.height, held.scale, held.notes) == ("array", 200, 150, 1.0, ())
    assert difference(held.pixels, scene()[:, ::-1]) == 0
    assert held.pixels.flags.c_contiguous
    assert not held.pixels.flags.writeable
    assert held.finer(1.0) is held
    assert held.sha256 != plain.sha256


@pytest.mark.parametrize(
    ("pixels", "code"),
    [
        (scene().astype(float), "photo.format"),
        (scene()[..., 0], "photo.format"),
        (np.zeros((64, 64, 4), np.uint8), "photo.format"),
        (np.zeros((64, 8, 3), np.uint8), "photo.too_small"),
        (np.broadcast_to(np.uint8(0), (8000, 8000, 3)), "photo.too_large"),
    ],
)
def test_arrays_that_are_no_photo(pixels: NDArray[Any], code: str) -> None:
    with pytest.raises(PhotoError) as caught:
        Photo.from_pixels(pixels)
    assert caught.value.code == code


def test_threads_do_not_disturb_each_other() -> None:
    expected = {name: Photo.open(data).pixels for name, data in SAMPLES.items()}
    wrong: list[str] = []

    def work() -> None:
        for _ in range(5):
            wrong.extend(n for n, data in SAMPLES.items() if difference(Photo.open(data).pixels, expected[n]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_every_limit_is_there_for_users() -> None:
    stated = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert len(stated) > 10
    assert {name: getattr(photo, name) for name in photo.__all__ if name in stated} == stated


def test_importing_the_module_loads_no_decoder() -> None:
    code = "import sys, visavis.photo; print(*{'numpy', 'PIL', 'cv2', 'simplejpeg'} & sys.modules.keys())"
    env = os.environ | {"PYTHONPATH": str(Path(visavis.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
