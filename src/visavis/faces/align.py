"""A face brought into the place where the recogniser expects it: the chip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from visavis import geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.faces.face import Face
    from visavis.geometry import Floats
    from visavis.packs.catalogue import View
    from visavis.photo import Photo

CHIP_SIDE = 112
# Where the five points lie on a chip of 112 x 112: the convention that both recognisers were trained with.
CHIP_POINTS: Floats = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
CHIP_CORNERS: Floats = np.array([(0.0, 0.0), (CHIP_SIDE, 0), (0, CHIP_SIDE), (CHIP_SIDE, CHIP_SIDE)])


def align(photo: Photo, face: Face, views: Sequence[View]) -> NDArray[np.uint8]:
    """The chips of a face: turned upright, scaled and shifted by its five points, once for each view.

    What lies outside the photo is black.

    Returns:
        views x 112 x 112 x 3, RGB.
    """
    chips = np.empty((len(views), CHIP_SIDE, CHIP_SIDE, 3), dtype=np.uint8)
    for chip, view in zip(chips, views, strict=True):
        target = (CHIP_POINTS - CHIP_SIDE / 2) * view.scale + CHIP_SIDE / 2
        cut = warp(photo, geometry.similarity_transform(face.points, target), CHIP_SIDE)
        chip[:] = cut[:, ::-1] if view.mirrored else cut
    return chips


def inside(photo: Photo, face: Face) -> float:
    """Share of a face's chip that lies on the photo, 0 to 1, on a grid of points a few pixels apart."""
    to_photo = geometry.invert(geometry.similarity_transform(face.points, CHIP_POINTS))
    # Where the chip's corners lie on the photo, all of the chip does.
    corners = geometry.apply(to_photo, CHIP_CORNERS)
    if (corners >= 0).all() and (corners < (photo.width, photo.height)).all():
        return 1.0
    steps = np.arange(2.0, CHIP_SIDE, 4.0)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points = geometry.apply(to_photo, grid)
    return float(((points >= 0) & (points < (photo.width, photo.height))).all(axis=1).mean())


def warp(photo: Photo, transform: Floats, side: int) -> NDArray[np.uint8]:
    """A square of `side` pixels out of a photo.

    A face much larger than its crop is first shrunk by a whole factor, averaging over all pixels: picking
    single ones would turn skin texture and stubble into noise.

    Args:
        photo: The photo.
        transform: 2 x 3, from pixels of the full-size picture to pixels of the square.
        side: Side of the square.
    """
    import cv2

    # Four corners and six numbers: numpy would take longer over them than OpenCV over the pixels.
    (xx, xy, x0), (yx, yy, y0) = transform.tolist()
    scale = photo.scale
    area = xx * yy - xy * yx
    corners = [(u - x0, v - y0) for u in (0, side) for v in (0, side)]
    columns = [(yy * u - xy * v) / area * scale for u, v in corners]
    rows = [(xx * v - yx * u) / area * scale for u, v in corners]
    height, width = photo.pixels.shape[:2]
    shrink = max(1, int(scale / math.sqrt(abs(area))))
    left, right = _reach(columns, shrink, width)
    top, bottom = _reach(rows, shrink, height)
    region = photo.pixels[top:bottom, left:right]
    across = down = 1.0
    if shrink > 1 and min(region.shape[:2]) >= shrink:
        size = region.shape[1] // shrink, region.shape[0] // shrink
        across, down = region.shape[1] / size[0], region.shape[0] / size[1]
        region = cv2.resize(region, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    # Pixel centres lie at whole numbers for OpenCV and at halves here.
    matrix = [
        (p * across, q * down, p * (left + across / 2) + q * (top + down / 2) + shift - 0.5)
        for p, q, shift in ((xx / scale, xy / scale, x0), (yx / scale, yy / scale, y0))
    ]
    return cv2.warpAffine(region, np.array(matrix), (side, side), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _reach(places: Sequence[float], margin: int, length: int) -> tuple[int, int]:
    """From which pixel to which a region goes that holds some places, at least one pixel inside `length`."""
    start = min(max(math.floor(min(places)) - margin, 0), length - 1)
    return start, min(max(math.ceil(max(places)) + margin, start + 1), length)
