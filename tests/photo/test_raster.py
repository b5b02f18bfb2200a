"""Depth, palette, alpha, grey."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.photo.common import difference
from tests.pictures import encoded, png_of, scene

from visavis.photo import Photo


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = np.tile(np.linspace(0, 65535, 64).round().astype(np.uint16), (32, 1))
    expected = np.round(values / 257).astype(int)
    grey = Photo.open(png_of(values))
    assert difference(grey.pixels, np.repeat(expected[..., None], 3, axis=2)) == 0
    assert grey.notes == ("reduced from 16 to 8 bits",)
    for interlaced in (False, True):
        colour = Photo.open(png_of(np.stack([values, values[:, ::-1], values], -1), interlaced=interlaced))
        assert difference(colour.pixels, np.stack([expected, expected[:, ::-1], expected], -1)) <= 1
        assert colour.notes == ("reduced from 16 to 8 bits",)


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_alpha_is_laid_over_white(kind: str, options: dict[str, Any]) -> None:
    rgba = np.zeros((32, 48, 4), np.uint8)
    rgba[..., :3] = 200, 100, 50
    rgba[..., 3] = np.arange(48) * 255 // 47
    cover = rgba[..., 3:] / 255
    expected = np.round(rgba[..., :3] * cover + 255 * (1 - cover))  # Porter and Duff 1984: A over B
    read = Photo.open(encoded(kind, rgba, **options))
    assert difference(read.pixels, expected) <= 1
    assert read.notes == ("alpha laid over white",)


def test_an_opaque_alpha_is_no_event() -> None:
    rgba = np.dstack([scene(), np.full((150, 200), 255, np.uint8)])
    read = Photo.open(encoded("PNG", rgba))
    assert difference(read.pixels, scene()) == 0
    assert read.notes == ()


def test_grey_with_alpha() -> None:
    grey = np.full((32, 32, 2), 60, np.uint8)
    grey[:, 16:, 1] = 0
    grey[:, :16, 1] = 255
    pixels = Photo.open(encoded("PNG", Image.fromarray(grey))).pixels
    assert (pixels[0, 0].tolist(), pixels[0, 31].tolist()) == ([60] * 3, [255] * 3)


def test_a_palette_with_and_without_transparency() -> None:
    image = Image.fromarray(np.tile(np.arange(4, dtype=np.uint8).repeat(8), (32, 1)))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7])
    colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]]
    assert Photo.open(encoded("PNG", image)).pixels[0, ::8].tolist() == colours
    assert Photo.open(encoded("TIFF", image)).pixels[0, ::8].tolist() == colours
    half = Photo.open(encoded("PNG", image, transparency=bytes([255, 0, 255, 255])))
    assert half.pixels[0, ::8].tolist() == [colours[0], [255] * 3, *colours[2:]]


def test_a_transparent_colour() -> None:
    rgb = scene(32, 32)
    rgb[:, :16] = 1, 2, 3
    key = (b"tRNS", struct.pack(">3H", 1, 2, 3))
    read = Photo.open(png_of(rgb, extra=key))
    assert (read.pixels[:, :16] == 255).all()
    assert difference(read.pixels[:, 16:], rgb[:, 16:]) == 0
    # With 16 bits Pillow can't compare the colour with the pixels any more: it stays what it is.
    deep = Photo.open(png_of(rgb.astype(np.uint16) * 257, extra=key))
    assert difference(deep.pixels, rgb) <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit(kind: str) -> None:
    image = Image.fromarray(scene()).convert("1")
    assert difference(Photo.open(encoded(kind, image)).pixels, np.asarray(image.convert("RGB"))) == 0
