"""JPEG 2000 at a resolution level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.photo.common import difference
from tests.pictures import encoded, scene

from visavis.photo import Photo


def test_a_jpeg_2000_leaves_out_resolution_levels() -> None:
    drawn = scene(1001, 603, grain=1)
    read = Photo.open(encoded("JPEG2000", drawn), detail=480)
    assert read.pixels.shape == (302, 501, 3)
    smaller = Image.fromarray(drawn).resize((501, 302), Image.Resampling.BOX)
    assert np.abs(read.pixels.astype(int) - np.asarray(smaller)).mean() < 4
    assert difference(read.finer(1.0).pixels, drawn) == 0


@pytest.mark.parametrize("offset", [(0, 0), (3, 5)])
@pytest.mark.parametrize("width", range(96, 104))
def test_a_jpeg_2000_of_any_size_gives_the_detail(width: int, offset: tuple[int, int]) -> None:
    moved: dict[str, Any] = {"tile_size": (256, 256), "tile_offset": (0, 0), "offset": offset}
    read = Photo.open(encoded("JPEG2000", scene(width, 68), **moved), detail=10)
    # 97 and 101 can't do without two levels, but 101 can without three.
    assert 10 <= read.pixels.shape[1] <= (104 if any(offset) else 26 if width % 8 in {0, 4, 5, 6, 7} else 52)


def test_sixteen_bits_of_a_jpeg_2000() -> None:
    grey = np.asarray(Image.fromarray(scene()).convert("L"))
    data = encoded("JPEG2000", grey.astype(np.uint16) * 257)
    assert difference(Photo.open(data).pixels[..., 1], grey) == 0
