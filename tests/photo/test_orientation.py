"""Which side is up."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests import pictures
from tests.photo.common import difference, reference
from tests.pictures import encoded

from visavis.photo import Photo, limits
from visavis.photo.directory import Directory
from visavis.photo.orientation import exif_orientation

# CIPA DC-008-2023, tag Orientation: the side of the upright picture where row 0 and column 0 as stored are.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


@pytest.mark.parametrize(("orientation", "sides"), SIDES.items())
def test_each_exif_orientation_is_applied_once(orientation: int, sides: tuple[str, str]) -> None:
    stored = np.full((40, 60, 3), 90, np.uint8)
    row, column = 2, 5
    stored[row, column] = 250, 10, 20
    read = Photo.open(encoded("PNG", stored, exif=pictures.exif_of(orientation)))
    assert (read.width, read.height) == ((60, 40) if orientation < 5 else (40, 60))
    place = {}
    for side, distance in zip(sides, (row, column), strict=True):
        place["x" if side in {"left", "right"} else "y"] = {
            "top": distance,
            "left": distance,
            "bottom": read.height - 1 - distance,
            "right": read.width - 1 - distance,
        }[side]
    assert np.argwhere(read.pixels[..., 0] == 250).tolist() == [[place["y"], place["x"]]]
    assert read.notes == (() if orientation == 1 else (f"turned by EXIF orientation {orientation}",))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("big_endian", [False, True])
def test_every_format_with_exif_is_turned(kind: str, big_endian: bool) -> None:
    exif = Image.Exif()
    exif.endian = ">" if big_endian else "<"
    exif[0x0112] = 8
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    flat = Photo.open(encoded(kind, **options))
    turned = Photo.open(encoded(kind, exif=exif, **options))
    assert difference(turned.pixels, np.rot90(flat.pixels)) == 0
    assert turned.notes == ("turned by EXIF orientation 8",)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(value: int) -> None:
    data = encoded("JPEG", exif=pictures.exif_of(value))
    assert difference(Photo.open(data).pixels, reference(data)) == 0


def test_broken_exif_costs_nothing_but_the_orientation() -> None:
    plain = encoded("JPEG")
    whole = pictures.exif_of(6)
    for cut in range(len(whole)):
        read = Photo.open(pictures.with_segment(plain, 0xE1, whole[:cut].ljust(6, b"\0")))
        assert read.notes in ((), ("turned by EXIF orientation 6",))


def test_more_values_than_a_tag_ever_has_are_not_unpacked() -> None:
    count = limits.MAX_PIECES + 1
    block = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x0112, 3, count, 26, 0) + bytes(2 * count)
    assert Directory.read(block).numbers(0x0112) == ()
    assert exif_orientation(block) == 1
