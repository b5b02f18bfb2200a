"""A face brought into the place where the recogniser expects it: the chip."""

from __future__ import annotations

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
    steps = np.arange(2.0, CHIP_SIDE, 4.0)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    to_photo = geometry.invert(geometry.similarity_transform(face.points, CHIP_POINTS))
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

    pixels = photo.pixels
    to_full = geometry.invert(transform)
    corners = geometry.apply(to_full, np.array([(0, 0), (side, 0), (0, side), (side, side)])) * photo.scale
    height, width = pixels.shape[:2]
    shrink = max(1, int(photo.scale * geometry.scale_of(to_full)))
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - shrink, 0, (width - 1, height - 1))
    right, bottom = np.clip(
        np.ceil(corners.max(axis=0)).astype(int) + shrink, (left + 1, top + 1), (width, height)
    )
    region = pixels[top:bottom, left:right]
    factor = np.array([1.0, 1.0])
    if shrink > 1 and min(region.shape[:2]) >= shrink:
        size = region.shape[1] // shrink, region.shape[0] // shrink
        factor = np.array([region.shape[1] / size[0], region.shape[0] / size[1]])
        region = cv2.resize(region, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    # Pixel centres lie at whole numbers for OpenCV and at halves here.
    linear = transform[:, :2] / photo.scale * factor
    shift = transform[:, :2] @ (np.array([left, top]) / photo.scale) + transform[:, 2]
    shift = shift + linear @ np.array([0.5, 0.5]) - 0.5
    return cv2.warpAffine(region, np.column_stack([linear, shift]), (side, side), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]
