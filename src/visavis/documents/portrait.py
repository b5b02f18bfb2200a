"""Which of the faces on a photographed document is its portrait, and which the ghost portrait.

Many documents print the holder twice: the portrait, and a small pale ghost beside it. A face on a watermark,
a coin or a stamp is found with less certainty than either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from visavis.faces import yunet
from visavis.faces.face import Face
from visavis.geometry import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from visavis.geometry import Floats
    from visavis.packs.runtime import Network

    Pixels = NDArray[np.uint8]

SURE = 0.8  # confidence from which a face counts before a larger one that has less
EQUAL = 0.5  # of the portrait's area: a face as large as this may be meant as well
GHOST = 0.03  # of the portrait's area: what is smaller is no ghost but a pattern
PALE_SIDE = 480  # pixels of the longer side of the page on which a ghost is looked for
PALE = 0.6  # confidence of one, where contrast was raised
CONTRAST = 3.0  # by how much at most
TILE = 80  # pixels of a part of the page whose contrast is raised by itself

HEAD = 3.1  # from chin to crown, in distances between the eyes
HEAD_SHARE = 0.75  # of a portrait's height (ICAO Doc 9303-3, 3.9: 70 to 80 %)
EYES_AT = 0.45  # of a portrait's height, from above
ASPECT = 7 / 9  # width over height of a portrait


@dataclass(frozen=True, slots=True)
class Portraits:
    """The faces of a document by what they are.

    Attributes:
        portrait: The face that is compared, or None.
        ghost: The small second print of it, by its size; whether it shows the same person, comparing tells.
        others: All further faces.
        problem: ``"no_portrait"``, ``"two_portraits"``, or None.
    """

    portrait: Face | None
    ghost: Face | None = None
    others: tuple[Face, ...] = ()
    problem: str | None = None


def choose_portrait(faces: Sequence[Face], corners: Floats | None = None) -> Portraits:
    """Which face is the portrait: the surest ones first, the largest of those.

    Args:
        faces: All that were found on the photo.
        corners: 4 x 2, of the page on the photo, where it's known: faces beside it don't count.
    """
    on_page = [face for face in faces if corners is None or _inside(face, corners)]
    beside = tuple(face for face in faces if face not in on_page)
    sure = [face for face in on_page if face.confidence >= SURE]
    candidates = sorted(sure or on_page, key=lambda face: -face.box.area)
    if not candidates:
        return Portraits(None, others=beside, problem="no_portrait")
    portrait, rest = candidates[0], candidates[1:]
    unsure = tuple(face for face in on_page if face not in candidates)
    if rest and rest[0].box.area >= EQUAL * portrait.box.area:
        return Portraits(None, others=(*candidates, *unsure, *beside), problem="two_portraits")
    smaller = [face for face in (*rest, *unsure) if face.box.area >= GHOST * portrait.box.area]
    smaller = [face for face in smaller if face.box.area < EQUAL * portrait.box.area]
    ghost = max(smaller, key=lambda face: face.confidence, default=None)
    others = tuple(face for face in (*rest, *unsure, *beside) if face is not ghost)
    return Portraits(portrait, ghost, others)


def look_for_ghost(finder: Network, page: Pixels, portrait: Face) -> Face | None:
    """The ghost portrait on a page seen from straight above, where the whole photo didn't show it.

    A ghost is pale, small and often of one colour: the page is looked at in grey, finer than a portrait
    needs, its contrast raised part by part (Zuiderveld, "Contrast limited adaptive histogram equalization",
    Graphics Gems IV, 1994).

    Args:
        finder: The network that finds faces (YuNet).
        page: H x W x 3, RGB, upright.
        portrait: In pixels of the page.

    Returns:
        The surest face of a ghost's size that isn't the portrait, in pixels of the page, or None.
    """
    import cv2

    scale = min(1.0, PALE_SIDE / max(page.shape[:2]))
    width, height = (max(1, round(length * scale)) for length in page.shape[1::-1])
    grey = cv2.cvtColor(cv2.resize(page, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    tiles = max(1, round(width / TILE)), max(1, round(height / TILE))
    raised = cv2.createCLAHE(CONTRAST, tiles).apply(grey)
    high, wide = (-(-length // yunet.MULTIPLE) * yunet.MULTIPLE for length in (height, width))
    canvas = np.zeros((1, high, wide, 3), np.uint8)
    canvas[0, :height, :width] = raised[..., None]
    finds = yunet.decode(finder(canvas), high, wide, threshold=PALE)
    frame = crop_box(portrait)
    ghosts = []
    for box, points, score in zip(finds.boxes / scale, finds.points / scale, finds.scores, strict=True):
        first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
        place = Box(*(float(each) for each in box))
        x, y = place.centre
        beside = abs(x - frame.centre[0]) > frame.width / 2 or abs(y - frame.centre[1]) > frame.height / 2
        if beside and GHOST * portrait.box.area <= place.area < EQUAL * portrait.box.area:
            ghosts.append(Face(place, (first, second, third, fourth, fifth), float(score)))
    return max(ghosts, key=lambda face: face.confidence, default=None)


def moved(face: Face, move: Callable[[Floats], Floats]) -> Face:
    """A face in pixels of another picture.

    Args:
        face: In pixels of one picture.
        move: Where points (n x 2) of that picture lie on the other.

    Returns:
        The same with its points moved; its box is the upright one around the moved box.
    """
    x, y, width, height = face.box.x, face.box.y, face.box.width, face.box.height
    corners = move(np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    first, second, third, fourth, fifth = ((float(a), float(b)) for a, b in move(face.points))
    box = Box(*(float(each) for each in (*low, *(high - low))))
    return replace(face, box=box, landmarks=(first, second, third, fourth, fifth))


def crop_box(face: Face) -> Box:
    """Where the printed portrait around a face is on the photo, upright or not.

    From the points alone, by how a portrait is cut; a face turned aside shows less between the eyes, so that
    the height from eyes to mouth (times 3 for the head) counts where it gives more.
    """
    eyes, mouth = face.points[:2].mean(axis=0), face.points[3:].mean(axis=0)
    down = mouth - eyes
    high = float(np.linalg.norm(down))
    height = max(HEAD * face.inter_eye_px, 3.0 * high, 1.0) / HEAD_SHARE
    down = down / max(high, 1e-6)
    right = np.array([down[1], -down[0]])
    width = ASPECT * height
    top = eyes - EYES_AT * height * down
    corners = np.array([top + side * width / 2 * right + at * down for side in (-1, 1) for at in (0, height)])
    low, high_corner = corners.min(axis=0), corners.max(axis=0)
    return Box(*(float(each) for each in (*low, *(high_corner - low))))


def _inside(face: Face, corners: Floats) -> bool:
    """Whether the middle of a face lies on the page; its corners run round it in either sense."""
    edges = np.roll(corners, -1, axis=0) - corners
    offsets = np.array(face.box.centre) - corners
    sides = edges[:, 0] * offsets[:, 1] - edges[:, 1] * offsets[:, 0]
    return bool((sides > 0).all() or (sides < 0).all())
