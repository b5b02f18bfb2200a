"""A face brought upright to one size, and the parts of it on which light and colour are measured.

OFIQ does the same with five points out of 98, and measures inside the hull of all 98, for under- and
over-exposure less what a network took for covered. Here the place is fixed once the five points are: a band
from the brows to the eyes and half an ellipse from there to the chin. Glasses, hair and hands that lie in it
are measured with the face, and on a face turned to the side some of the background is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from visavis import geometry
from visavis.faces.align import warp
from visavis.quality.component import FailureToAssess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.faces.face import Face
    from visavis.geometry import Floats
    from visavis.photo import Photo

    Place = tuple[slice, slice]

SIDE = 256
# Where OFIQ puts the five points on its picture of 616 x 616, of which this one is the middle.
POINTS: Floats = np.array([(251, 272), (364, 272), (308, 336), (262, 402), (355, 402)]) - (180.0, 228.0)

BROWS = 40  # pixels from the eyes up to where the measured part begins,
CHIN = 205  # down to its end,
HALF_WIDTH = 115  # and to either side. The chin and the jaws of most people lie a little further out.

CHEEK = 0.3  # side of a cheek's square as a share of the distance between the eyes (OFIQ)
MIN_CHEEK = 8  # pixels; a cheek that is narrower is turned away
MIN_INSIDE = 0.5  # share of the measured part that must lie on the photo
FARTHEST = 1e6  # pixels; no picture is larger
ALIKE = 0.5  # how much of a face's five points the fit must explain: mirrored or scattered ones fail


@dataclass(frozen=True, slots=True, eq=False)
class AlignedFace:
    """A face upright, with about 113 pixels between the eyes.

    Attributes:
        pixels: 256 x 256 x 3, RGB, black outside of the photo.
        points: The five landmarks on it, 5 x 2.
        on_photo: 256 x 256, whether a pixel lies on the photo; None where all do.
    """

    pixels: NDArray[np.uint8]
    points: Floats
    on_photo: NDArray[np.bool_] | None

    @property
    def middle(self) -> NDArray[np.bool_]:
        """Which pixels lie between brows and chin and on the photo: 256 x 256."""
        return _middle() if self.on_photo is None else _middle() & self.on_photo

    @property
    def cheeks(self) -> tuple[Place, Place]:
        """Where the cheeks lie: squares of one size, the one on the picture's left first.

        As OFIQ has it: they begin under the middle of each eye, go outwards, and lie half way down from the
        eyes to the mouth.

        Raises:
            FailureToAssess: A cheek is turned away or lies outside of the photo.
        """
        left, right = self.points[:2]
        mouth = self.points[3:].mean(axis=0)
        down = int(np.linalg.norm(mouth - (left + right) / 2) / 2)
        side = int(CHEEK * np.linalg.norm(right - left))
        if side < MIN_CHEEK:
            raise FailureToAssess("the face is turned so far that a cheek can't be seen")
        return self._square(left, -side, down, side), self._square(right, 0, down, side)

    def _square(self, eye: Floats, across: int, down: int, side: int) -> Place:
        x, y = int(eye[0]) + across, int(eye[1]) + down
        if x < 0 or y < 0 or max(x, y) + side > SIDE:
            raise FailureToAssess("a cheek doesn't lie where the eyes and the mouth suggest")
        place = slice(y, y + side), slice(x, x + side)
        if self.on_photo is not None and not self.on_photo[place].all():
            raise FailureToAssess("a cheek lies outside of the photo")
        return place


def transform_of(face: Face) -> Floats:
    """The 2 x 3 transform from the photo to the aligned face.

    Raises:
        FailureToAssess: The five points don't lie as on any face, or not on a picture.
    """
    points = face.points
    if not np.isfinite(points).all() or np.abs(points).max() > FARTHEST:
        raise FailureToAssess("the points of the face don't lie on a picture")
    if face.inter_eye_px < 1:
        raise FailureToAssess("the eyes are less than a pixel apart")
    transform = geometry.similarity_transform(points, POINTS)
    spread = POINTS - POINTS.mean(axis=0)
    missed = geometry.apply(transform, points) - POINTS
    if (missed**2).sum() > (1 - ALIKE) * (spread**2).sum():
        raise FailureToAssess("the five points don't lie as on a face")
    return transform


def align_face(photo: Photo, face: Face) -> AlignedFace:
    """Bring a face upright and to size.

    Args:
        photo: Decoded at `faces.detect.detail_for(face)` or finer.
        face: Where the face is.

    Raises:
        FailureToAssess: The points are no face's, or less than half of the measured part is on the photo.
    """
    transform = transform_of(face)
    to_photo = geometry.invert(transform)
    size = np.array([photo.width, photo.height])
    corners = geometry.apply(to_photo, np.array([(0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)], dtype=float))
    on_photo = None
    if (corners < 0).any() or (corners > size).any():
        steps = np.arange(SIDE) + 0.5
        on_photo = np.ones((SIDE, SIDE), dtype=bool)
        for (a, b, c), length in zip(to_photo, size, strict=True):
            places = (a * steps + c)[None, :] + (b * steps)[:, None]
            on_photo &= (places >= 0) & (places <= length)
        if on_photo[_middle()].mean() < MIN_INSIDE:
            raise FailureToAssess("less than half of the face lies on the photo")
    return AlignedFace(warp(photo, transform, SIDE), geometry.apply(transform, face.points), on_photo)


@cache
def _middle() -> NDArray[np.bool_]:
    """Which pixels lie between brows and chin."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    across = (x - POINTS[:2, 0].mean()) / HALF_WIDTH
    down = y - POINTS[:2, 1].mean()
    jaw = across**2 + (down / CHIN) ** 2 <= 1
    band = (np.abs(across) <= 1) & (down >= -BROWS)
    middle: NDArray[np.bool_] = np.where(down < 0, band, jaw)
    return middle
