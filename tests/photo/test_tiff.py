"""TIFF: compressions, depths, pages."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image
from tests import pictures
from tests.photo.common import difference, tiff_followed_by
from tests.pictures import encoded, scene, tiff_grey

from visavis.photo import Photo


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"])
def test_tiff_in_each_lossless_compression(compression: str | None) -> None:
    data = encoded("TIFF", compression=compression)
    assert difference(Photo.open(data).pixels, scene()) == 0


def test_sixteen_bits_of_a_tiff() -> None:
    values = np.tile(np.linspace(0, 65535, 64).round().astype(np.uint16), (32, 1))
    expected = np.repeat(np.round(values / 257).astype(int)[..., None], 3, axis=2)
    assert difference(Photo.open(tiff_grey(values)).pixels, expected) == 0
    white_is_zero = Photo.open(tiff_grey(values, tags={262: (3, [0])}))
    assert difference(white_is_zero.pixels, 255 - expected) == 0


def test_twelve_bits_of_a_tiff() -> None:
    values = np.tile(np.linspace(0, 4095, 64).round().astype(int), (32, 1))
    high, low = values[:, ::2], values[:, 1::2]  # TIFF 6.0, section 8: two samples in three bytes
    packed = np.stack([high >> 4, (high & 15) << 4 | low >> 8, low & 255], -1).astype(np.uint8)
    size = (3, [packed.size])
    tags = {256: (3, [64]), 257: (3, [32]), 258: (3, [12]), 259: (3, [1]), 262: (3, [1]), 273: (3, [8])}
    read = Photo.open(pictures.tiff_of(tags | {277: (3, [1]), 278: (3, [32]), 279: size}, packed.tobytes()))
    assert difference(read.pixels[..., 0], np.round(values * 255 / 4095)) == 0
    assert read.notes == ("reduced from 12 to 8 bits",)


def test_a_thumbnail_behind_a_tiff_is_no_page() -> None:
    grey = np.asarray(Image.fromarray(scene()).convert("L"))
    thumbnail = struct.pack("<HHHII", 1, 254, 4, 1, 1) + bytes(4)
    read = Photo.open(tiff_followed_by(tiff_grey(grey), thumbnail))
    assert difference(read.pixels[..., 0], grey) == 0
