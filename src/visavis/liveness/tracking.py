"""How a face moved between two looks at it, by its texture: whether its nose moved along with the plane.

Landmarks are placed by a network that knows how faces look, and places them so on a picture that lies flat
too; from frame to frame they are off by a pixel or two. Texture can be followed to a tenth of one. So the
landmarks only say where to begin: points around eyes and mouth corners, which lie nearly in one plane, and on
the tip of the nose are followed from the straight look to the other one (B. D. Lucas and T. Kanade, IJCAI
1981, in pyramids).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis import geometry
from visavis.faces.align import warp
from visavis.quality.aligned import POINTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats
    from visavis.photo import Photo

    Grey = NDArray[np.uint8]

PLANE = [0, 1, 3, 4]  # eyes and mouth corners among the five landmarks
NOSE = 2

# The face as it is followed: 128 x 128, with 44 pixels between the eyes.
SIDE = 128
FACE_POINTS: Floats = POINTS * 0.39 + np.array([14.0, 22.0])

LOCAL_PX = 6.0  # how far around a pixel its brightness and contrast are evened out
CONTRAST, LEAST_CONTRAST = 45.0, 4.0

WINDOW, LEVELS = 15, 2
RETURNED_PX = 0.7  # followed there and back, a point must come home as close as this

# In distances between the eyes: how far around a landmark points are followed, and how far they may be from
# where the landmarks say.
AROUND_PLANE, AROUND_NOSE, ASTRAY = 0.32, 0.16, 0.25

SPACING_PX, NOSE_SPACING_PX = 5.0, 2.0
ROUNDS = 3  # of fitting the plane, each without the points that lay far off
FAR = 2.5  # medians of how far points lie off
FAR_PX = 0.6  # at least
LEAST_ON_PLANE, LEAST_ON_NOSE = 16, 5
HORIZON = 1e-3  # a map that carries points of a face so near to its horizon is none of a face


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A face brought to one place and size.

    Attributes:
        grey: 128 x 128, its texture, evened out against light and shadow.
        points: Where the five landmarks lie on it, 5 x 2.
    """

    grey: Grey
    points: Floats

    @classmethod
    def at(cls, photo: Photo, points: Floats) -> Look:
        """The face with these landmarks, in pixels of the full photo."""
        import cv2

        transform = geometry.similarity_transform(points, FACE_POINTS)
        chip = cv2.cvtColor(warp(photo, transform, SIDE), cv2.COLOR_RGB2GRAY).astype(np.float32)
        rest = chip - cv2.GaussianBlur(chip, (0, 0), LOCAL_PX)
        spread = np.sqrt(cv2.GaussianBlur(rest**2, (0, 0), LOCAL_PX))
        even = 128 + CONTRAST * rest / (spread + LEAST_CONTRAST)
        return cls(np.clip(even, 0, 255).astype(np.uint8), geometry.apply(transform, points))


@dataclass(frozen=True, slots=True)
class Moved:
    """How a face moved.

    Attributes:
        narrowed: Short axis over long axis of what a circle on the plane of eyes and mouth corners became:
            the cosine of the plane's turn, seen from far.
        parallax: How far the tip of the nose lies from where that plane would have carried it, in distances
            between the eyes.
    """

    narrowed: float
    parallax: float


def followed(straight: Look, other: Look) -> Moved | None:
    """How a face moved from one look to another; None where too few points could be followed."""
    here, on_nose = _to_follow(straight)
    there, good = _follow(straight, other, here, on_nose)
    plane, nose = good & ~on_nose, good & on_nose
    if plane.sum() < LEAST_ON_PLANE or nose.sum() < LEAST_ON_NOSE:
        return None
    flat = np.column_stack([here, np.ones(len(here))])
    affine: Floats = np.zeros((3, 2))
    for _ in range(ROUNDS):
        affine, *_ = np.linalg.lstsq(flat[plane], there[plane], rcond=None)
        off = np.linalg.norm(flat @ affine - there, axis=1)
        plane &= off < max(FAR * float(np.median(off[plane])), FAR_PX)
        if plane.sum() < LEAST_ON_PLANE:
            return None
    long, short = np.linalg.svd(affine[:2], compute_uv=False)
    carried = _carried(here[plane], there[plane], here[nose])
    if carried is None or long <= 0:
        return None
    beside = np.median(there[nose] - carried, axis=0)
    eyes = float(np.linalg.norm(straight.points[1] - straight.points[0]))
    return Moved(float(short / long), float(np.linalg.norm(beside)) / float(long) / eyes)


def _to_follow(look: Look) -> tuple[Floats, NDArray[np.bool_]]:
    """The points to follow, n x 2, and which of them lie on the nose."""
    eyes = float(np.linalg.norm(look.points[1] - look.points[0]))
    steps = np.arange(WINDOW / 2, SIDE - WINDOW / 2, SPACING_PX)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    away = np.linalg.norm(grid[:, None] - look.points[PLANE], axis=-1).min(axis=1)
    plane = grid[away < AROUND_PLANE * eyes]
    steps = np.arange(-2, 3) * NOSE_SPACING_PX
    nose = look.points[NOSE] + np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    return np.vstack([plane, nose]), np.arange(len(plane) + len(nose)) >= len(plane)


def _follow(
    straight: Look, other: Look, here: Floats, on_nose: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Where points went, n x 2, and which of them can be believed."""
    import cv2

    eyes = float(np.linalg.norm(straight.points[1] - straight.points[0]))
    likely = _carried(straight.points[PLANE], other.points[PLANE], here)
    if likely is None:
        return here, np.zeros(len(here), dtype=bool)
    likely = likely.copy()
    likely[on_nose] = here[on_nose] + other.points[NOSE] - straight.points[NOSE]
    start = np.ascontiguousarray(here[:, None], dtype=np.float32)
    settings: dict[str, Any] = {
        "winSize": (WINDOW, WINDOW),
        "maxLevel": LEVELS,
        "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01),
        "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
    }
    guess = np.ascontiguousarray(likely[:, None], dtype=np.float32)
    there, found, _ = cv2.calcOpticalFlowPyrLK(straight.grey, other.grey, start, guess, **settings)
    home, again, _ = cv2.calcOpticalFlowPyrLK(other.grey, straight.grey, there, start.copy(), **settings)
    good = (found[:, 0] > 0) & (again[:, 0] > 0)
    good &= np.linalg.norm((home - start)[:, 0], axis=1) < RETURNED_PX
    good &= np.linalg.norm(there[:, 0] - likely, axis=1) < ASTRAY * eyes
    return there[:, 0].astype(np.float64), good


def _carried(plane: Floats, to: Floats, points: Floats) -> Floats | None:
    """Where the perspective map that carries a plane's points to others, by least squares, carries points."""
    import cv2

    matrix: Any = cv2.findHomography(plane.astype(np.float64), to.astype(np.float64), 0)[0]
    if matrix is None:  # points on a line, for instance
        return None
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    if (np.abs(moved[:, 2]) < HORIZON).any():
        return None
    there: Floats = moved[:, :2] / moved[:, 2:]
    return there
