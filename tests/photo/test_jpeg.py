"""JPEG at a scale, and the oddities of honest cameras and programs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests import pictures
from tests.photo.common import NEEDS_PROC, SAMPLES, difference, in_a_process, reference
from tests.pictures import encoded, scene

from visavis.errors import PhotoError
from visavis.photo import Photo
from visavis.photo.jpeg import Jpeg

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("divisor", [2, 4, 8])
def test_a_scaled_jpeg_agrees_with_the_full_one_made_smaller(divisor: int) -> None:
    data = encoded("JPEG", scene(640, 480, grain=2), quality=95)
    smaller = Image.open(io.BytesIO(data)).reduce(divisor)
    pixels = Photo.open(data, detail=640 // divisor).pixels
    # The inverse DCT of fewer coefficients is no box filter: alike on average, not in each pixel.
    assert np.abs(pixels.astype(int) - np.asarray(smaller)).mean() < 2


def test_a_200_megapixel_jpeg_comes_at_half_of_its_size() -> None:
    encoded_ = Jpeg(pictures.jpeg_header_only(16320, 12240))
    assert encoded_.scale_for(1.0) == 0.5


@NEEDS_PROC
def test_a_48_megapixel_jpeg_costs_neither_its_full_time_nor_its_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(np.tile(scene(400, 300), (20, 20, 1))).save(path, quality=90)
    coarse = in_a_process(f"        Photo.open({str(path)!r})\n")
    full = in_a_process(f"        Photo.open({str(path)!r}, detail=None)\n")
    assert coarse[1] < 100  # the pixels alone are 144 MB
    assert full[1] > 144
    assert coarse[0] < full[0]


def test_the_first_picture_of_an_mpo_is_meant() -> None:
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(2)]
    data = encoded("MPO", frames[0], save_all=True, append_images=frames[1:])
    read = Photo.open(data)
    assert (read.format, read.width) == ("JPEG", 200)
    assert difference(read.pixels, reference(data)) == 0


@pytest.mark.parametrize("padding", [1, 2, 5, 1000])
def test_zeros_before_the_end_of_a_jpeg(padding: int) -> None:
    data = encoded("JPEG")
    read = Photo.open(data[:-2] + bytes(padding) + data[-2:])
    assert difference(read.pixels, reference(data)) == 0
    assert read.notes in ((), ("padding before the JPEG's end skipped",))  # the decoder itself skips a few
    assert read.notes or padding < 1000


def test_stray_and_fill_bytes_between_jpeg_segments() -> None:
    data = encoded("JPEG")
    stray = Photo.open(data[:20] + b"\0\0\0" + data[20:])
    assert difference(stray.pixels, reference(data)) == 0
    assert stray.notes == ("stray bytes between JPEG segments skipped",)
    assert Photo.open(data[:20] + b"\xff\xff" + data[20:]).notes == ()


def test_an_unknown_jfif_revision_and_adobe_transform() -> None:
    data = bytearray(encoded("JPEG"))
    assert data[6:10] == b"JFIF"
    data[11] = 3
    assert difference(Photo.open(bytes(data)).pixels, reference(encoded("JPEG"))) == 0
    bare = data[:2] + data[20:]  # without JFIF, so that the next one counts
    odd = pictures.with_segment(bytes(bare), 0xEE, b"Adobe\0\x64\0\0\0\0\7")
    assert difference(Photo.open(odd).pixels, reference(encoded("JPEG"))) == 0


def test_a_harmless_warning_hides_no_loss() -> None:
    # libjpeg reports only its first warning.
    data = encoded("JPEG")
    odd = pictures.with_segment(data[:2] + data[20:], 0xEE, b"Adobe\0\x64\0\0\0\0\7")
    with pytest.raises(PhotoError) as caught:
        Photo.open(odd[:3000] + b"\xff\xd9")
    assert caught.value.code == "photo.truncated"


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("jpeg")])
def test_a_jpeg_cut_anywhere_in_its_data_with_an_end_marker_put_on_is_refused(name: str) -> None:
    data = SAMPLES[name]
    for cut in range(pictures.jpeg_scans(data)[0] + 20, len(data) - 6, len(data) // 60):
        with pytest.raises(PhotoError):
            Photo.open(data[:cut] + b"\xff\xd9")
