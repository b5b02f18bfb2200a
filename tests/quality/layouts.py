"""Faces as points and boxes, and pictures of one colour. No people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.faces.face import Face
from visavis.geometry import Box
from visavis.photo import Photo
from visavis.quality.aligned import POINTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SKIN = (200, 150, 120)  # a* 14, b* 23 by hand: well inside what natural colour takes for natural


def face_at(points: Any = POINTS, *, box: Box | None = None) -> Face:
    """A face with these five points; by default they lie where an aligned picture has them."""
    first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
    return Face(
        box or Box(10, 10, 200, 240), (first, second, third, fourth, fifth), 0.9, placed_confidence=0.9
    )


def plain(colour: tuple[int, int, int] = SKIN, width: int = 256, height: int = 256) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def photo(pixels: NDArray[np.uint8]) -> Photo:
    """A photo of any size: what is too small to be opened is hostile input here."""
    height, width = pixels.shape[:2]
    return Photo(np.ascontiguousarray(pixels), width, height, "array", "")
