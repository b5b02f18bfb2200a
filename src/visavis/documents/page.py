"""The page of a document on a photo: its corners, and its pixels seen from straight above.

Where a document's edge has no contrast, or fingers hide it, no contour can be found. The machine-readable
zone can: its place on the page, and the page's size, are set by the standard. So the zone says where the page
must be, and each edge is moved to a contour where there is one near.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.documents.text import Zone
    from visavis.geometry import Floats

    Pixels = NDArray[np.uint8]

PX_PER_MM = 10
PITCH = 2.54  # mm between characters (ICAO Doc 9303-3, 4.4: 10 an inch)
STROKE = 0.5  # mm that a line ends before the pitch of its last character does


@dataclass(frozen=True, slots=True)
class Form:
    """The size of a document, and where its zone is, in mm (ICAO Doc 9303-4 to 9303-7).

    Attributes:
        width: Of the page.
        height: Of the page.
        characters: In a line of the zone.
        left: Where the lines begin, from the left edge.
        middle: Of the zone, above the lower edge.
    """

    width: float
    height: float
    characters: int
    left: float
    middle: float


FORMS = {
    "TD1": Form(85.6, 54.0, 30, 4.7, 11.4),
    "TD2": Form(105.0, 74.0, 36, 4.6, 12.6),
    "TD3": Form(125.0, 88.0, 44, 6.6, 12.6),
    "MRVA": Form(120.0, 80.0, 44, 4.2, 12.6),
    "MRVB": Form(105.0, 74.0, 36, 4.6, 12.6),
    "FRA": Form(105.0, 74.0, 36, 6.8, 12.6),
}

WINDOW = 0.1  # of the page's height, within which an edge's contour is sought; then
FINE_WINDOW = 0.03  # the same once more
SAMPLES = 40  # along an edge
STEPS = 53  # across it
ENDS = 27  # places tried for either end
CONTOUR = 0.42  # of the greatest contrast across an edge, on the mean of its samples, that makes a contour
FAINT = 12.0  # difference of two tones, of 255, that is no edge
EXPECTED = 0.3  # what a line at the window's border loses of its contrast: others than the page have edges
CORNER = 0.08  # of an edge at either end that isn't looked at: corners are round
WORKING_SIDE = 900  # pixels of the longer side of the picture on which contours are sought


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A page on a photo.

    Attributes:
        pixels: H x W x 3, RGB: the page seen from straight above, `PX_PER_MM`.
        corners: 4 x 2: its upper left, upper right, lower right and lower left corner as printed, in pixels
            of the full-size photo.
        confidence: 0 to 1: how clear its contour is; where only its zone told its place, the share of its
            edges that have one.
    """

    pixels: Pixels
    corners: Floats
    confidence: float


def page_by_zone(zone: Zone, form: Form) -> Floats:
    """Where the page's corners are if the camera looked straight at it.

    Args:
        zone: In pixels of some picture.
        form: Of the document.

    Returns:
        4 x 2, in pixels of the same picture, in the order of `Page.corners`.
    """
    per_mm = zone.length / (form.characters * PITCH - STROKE)
    direction = np.array(zone.direction)
    normal = np.array([-direction[1], direction[0]])
    middle = (zone.curves[0][0] + zone.curves[-1][0]) / 2
    begin = zone.centre + zone.low * direction + middle * normal
    lower_left = begin + per_mm * (form.middle * normal - form.left * direction)
    right, up = per_mm * form.width * direction, -per_mm * form.height * normal
    return np.array([lower_left + up, lower_left + up + right, lower_left + right, lower_left])


def find_edges(pixels: Pixels, corners: Floats) -> tuple[Floats, float]:
    """Move the edges of a page to the contours near them.

    Args:
        pixels: H x W x 3, RGB.
        corners: 4 x 2, where they are expected.

    Returns:
        The corners, 4 x 2, and the share of the edges that have a contour.
    """
    import cv2

    scale = min(1.0, WORKING_SIDE / max(pixels.shape[:2]))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    smooth = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.2), np.uint8)
    corners = corners * scale
    seen = np.zeros(4, bool)
    for window in (WINDOW, FINE_WINDOW):
        reach = window * float(np.linalg.norm(corners[3] - corners[0]))
        edges = []
        for index in range(4):
            start, end = corners[index], corners[(index + 1) % 4]
            moved = _contour(smooth, start, end, reach)
            if window == WINDOW:
                seen[index] = moved is not None
            edges.append(moved if moved is not None and seen[index] else (start, end))
        corners = np.array([_crossing(edges[index - 1], edges[index]) for index in range(4)])
    return corners / scale, float(seen.mean())


def _contour(pixels: Pixels, start: Floats, end: Floats, reach: float) -> tuple[Floats, Floats] | None:
    """The straight line of most contrast near an edge, or None where there's no clear one."""
    import cv2

    along = np.linspace(CORNER, 1 - CORNER, SAMPLES)
    across = np.linspace(-reach, reach, STEPS)
    direction = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
    normal = np.array([-direction[1], direction[0]])
    points = start + along[:, None, None] * (end - start) + across[None, :, None] * normal
    profile = cv2.remap(
        pixels,
        (points - 0.5).astype(np.float32),
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,  # type: ignore[call-overload]
    ).astype(np.float32)
    steps = np.pad(profile[:, 2:] - profile[:, :-2], ((0, 0), (1, 1), (0, 0)))
    height, width = pixels.shape[:2]
    steps *= ((points > 1) & (points < (width - 1, height - 1))).all(axis=2, keepdims=True)
    steps /= np.maximum(np.abs(steps).max(axis=(1, 2), keepdims=True), FAINT)
    # Every line from one place at the start to one at the end.
    ends = np.linspace(0, STEPS - 1, ENDS)
    places = np.rint(ends[:, None, None] * (1 - along) + ends[None, :, None] * along).astype(int)
    on_line = steps[np.arange(SAMPLES), places]
    # A page differs from what it lies on to the same side all along; print has edges to both sides.
    share = np.abs(on_line.mean(axis=2)).max(axis=2) / 2 + np.abs(on_line).max(axis=3).mean(axis=2) / 2
    nearness = np.abs(ends / (STEPS - 1) * 2 - 1)
    share = share - EXPECTED * (nearness[:, None] + nearness) / 2
    first, last = np.unravel_index(int(share.argmax()), share.shape)
    if share[first, last] < CONTOUR:
        return None
    at = ends[[first, last]] / (STEPS - 1) * 2 * reach - reach
    return start + at[0] * normal, end + at[1] * normal


def _crossing(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> Floats:
    """Where two lines meet, each given by two points; the middle of their near ends if they are parallel."""
    along, other = first[1] - first[0], second[1] - second[0]
    cross = along[0] * other[1] - along[1] * other[0]
    if abs(cross) < 1e-9:
        return np.asarray((first[1] + second[0]) / 2)
    offset = second[0] - first[0]
    return np.asarray(first[0] + (offset[0] * other[1] - offset[1] * other[0]) / cross * along)


def flatten(pixels: Pixels, corners: Floats, width: float, height: float) -> Pixels:
    """The page seen from straight above.

    Args:
        pixels: H x W x 3, RGB.
        corners: 4 x 2, in pixels of this picture.
        width: Of the page in mm.
        height: Of the page in mm.
    """
    import cv2

    size = round(width * PX_PER_MM), round(height * PX_PER_MM)
    target = np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float32)
    # OpenCV's pixel centres lie at whole numbers, ours at halves.
    to_page = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), target - np.float32(0.5))
    return cv2.warpPerspective(pixels, to_page, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def to_photo(points: Floats, corners: Floats, size: tuple[int, int]) -> Floats:
    """Where points of a page lie on the photo that shows it; `to_page` is the inverse.

    Args:
        points: n x 2, in pixels of `Page.pixels`.
        corners: 4 x 2, of the page, in pixels of the photo.
        size: Width and height of `Page.pixels`.

    Returns:
        n x 2, in the pixels that the corners are given in.
    """
    return _projected(points, _rectangle(size), corners)


def to_page(points: Floats, corners: Floats, size: tuple[int, int]) -> Floats:
    """Where points of a photo lie on its page, n x 2; see `to_photo`, which is the inverse."""
    return _projected(points, corners, _rectangle(size))


def _rectangle(size: tuple[int, int]) -> Floats:
    width, height = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], float)


def _projected(points: Floats, source: Floats, target: Floats) -> Floats:
    """Points moved by the perspective that takes four points to four others."""
    import cv2

    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    return np.asarray(cv2.perspectiveTransform(np.asarray(points, float)[None], matrix)[0])
