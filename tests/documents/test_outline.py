"""Pages found by their contour: drawn ones of known place, specimens photographed in silico, and no pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from visavis.documents import camera, specimen
from visavis.documents.outline import find_outline

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from visavis.geometry import Floats

    Pixels = NDArray[np.uint8]

CARD, VISA, PASSPORT = (85.6, 54.0), (120.0, 80.0), (125.0, 88.0)
# The portrait's face as shares of the page's height: the eyes, the nose, the corners of the mouth.
FACE = np.array([[0.22, 0.42], [0.33, 0.42], [0.275, 0.48], [0.235, 0.53], [0.315, 0.53]])


def corners_of(
    size: tuple[float, float], *, degrees: float = 0, height: float = 330, tilt: float = 0
) -> Floats:
    """A page around the middle of a picture of 900 x 700, tilted away about its lower edge's direction."""
    wide = height * size[0] / size[1]
    flat = np.array([[-wide, -height], [wide, -height], [wide, height], [-wide, height]]) / 2
    angle = np.radians(degrees)
    flat = flat @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    # A pinhole with its focal length as long as the picture; what is above lies further away.
    depth = 900 - flat[:, 1] * np.sin(np.radians(tilt))
    seen = np.stack([flat[:, 0], flat[:, 1] * np.cos(np.radians(tilt))], axis=1) * 900 / depth[:, None]
    return np.asarray(seen + np.array([450, 350]))


def face_on(corners: Floats, size: tuple[float, float]) -> Floats:
    unit = np.array([[0, 0], [size[0] / size[1], 0], [size[0] / size[1], 1], [0, 1]], np.float32)
    to_picture = cv2.getPerspectiveTransform(unit, corners.astype(np.float32))
    return np.asarray(cv2.perspectiveTransform(FACE[None], to_picture)[0])


def table(tone: tuple[int, int, int]) -> Pixels:
    noise = np.random.default_rng(1).normal(0, 4, (700, 900, 3))
    return np.asarray((np.array(tone) + noise).clip(0, 255), np.uint8)


def laid(picture: Pixels, corners: Floats, tone: tuple[int, int, int] = (205, 214, 208)) -> Pixels:
    """A page with print and a dark portrait, laid on a picture."""
    picture = picture.copy()
    # OpenCV counts from the middle of the first pixel.
    outline = np.round((corners - 0.5) * 16).astype(np.int32)
    cv2.fillConvexPoly(picture, outline, tone, cv2.LINE_AA, 4)
    right, down = corners[1] - corners[0], corners[3] - corners[0]
    for line in range(8):
        at = corners[0] + 0.5 * right + (0.15 + 0.09 * line) * down
        cv2.putText(
            picture, "Name Number", at.astype(int).tolist(), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 60)
        )
    portrait = corners[0] + np.array([[a * right + b * down] for a, b in ((0.07, 0.25), (0.33, 0.75))])[:, 0]
    portrait = np.array([portrait[0], portrait[0] + 0.26 * right, portrait[1], portrait[1] - 0.26 * right])
    cv2.fillConvexPoly(picture, portrait.astype(np.int32), (70, 80, 110))
    return picture


def error(found: Floats, true: Floats) -> float:
    """Mean distance of the corners over the page's longer edge."""
    longest = np.linalg.norm(true - np.roll(true, 1, axis=0), axis=1).max()
    return float(np.linalg.norm(found - true, axis=1).mean() / longest)


@pytest.mark.parametrize(
    ("size", "degrees", "tilt"),
    [
        (CARD, 0, 0),
        (CARD, 25, 0),
        (CARD, 90, 0),
        (CARD, 200, 0),
        (CARD, 7, 18),
        (VISA, -12, 0),
        (PASSPORT, 0, 0),
        (PASSPORT, -170, 10),
    ],
)
def test_a_page_is_found_and_its_size_told(size: tuple[float, float], degrees: float, tilt: float) -> None:
    true = corners_of(size, degrees=degrees, tilt=tilt)
    found = find_outline(laid(table((90, 80, 70)), true), face_on(true, size))
    assert found is not None
    assert error(found.corners, true) < 0.01
    assert found.size == size
    assert found.confidence > 0.7


def test_a_page_of_id_2_is_taken_for_one_of_id_3() -> None:
    true = corners_of((105.0, 74.0))
    found = find_outline(laid(table((90, 80, 70)), true), face_on(true, (105.0, 74.0)))
    assert found is not None
    assert found.size == PASSPORT


def lines_of_text(picture: Pixels) -> Pixels:
    for y in range(12, 700, 22):
        text = "vobis omnia quaecumque scripta sunt " * 3
        cv2.putText(picture, text, (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (50, 50, 58), 1, cv2.LINE_AA)
    return picture


def other_papers(picture: Pixels) -> Pixels:
    for x, y, degrees in ((60, 90, 20), (840, 120, -35), (780, 640, 10), (120, 620, 80)):
        box = cv2.boxPoints(((x, y), (260, 180), degrees))
        cv2.fillConvexPoly(picture, box.astype(np.int32), (232, 226, 240), cv2.LINE_AA)
    return picture


def fingers(picture: Pixels) -> Pixels:
    cv2.line(picture, (450, 699), (450, 520), (190, 140, 120), 60, cv2.LINE_AA)
    cv2.line(picture, (899, 300), (700, 300), (180, 130, 110), 50, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize(
    ("ground", "before", "after"),
    [
        ((236, 234, 228), lines_of_text, None),
        ((90, 110, 80), other_papers, None),
        ((90, 80, 70), None, fingers),
        # Nearly the page's tone: only the red channel differs, by 12.
        ((217, 214, 208), None, None),
    ],
)
def test_what_it_lies_on_and_what_covers_it(
    ground: tuple[int, int, int],
    before: Callable[[Pixels], Pixels] | None,
    after: Callable[[Pixels], Pixels] | None,
) -> None:
    true = corners_of(CARD, degrees=8, tilt=8)
    picture = table(ground) if before is None else before(table(ground))
    picture = laid(picture, true)
    picture = picture if after is None else after(picture)
    found = find_outline(picture, face_on(true, CARD))
    assert found is not None
    assert error(found.corners, true) < 0.01


def test_corners_are_in_pixels_of_the_picture() -> None:
    true = corners_of(CARD, degrees=15)
    picture = cv2.resize(laid(table((90, 80, 70)), true), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    found = find_outline(np.asarray(picture, np.uint8), 2 * face_on(true, CARD))
    assert found is not None
    assert error(found.corners, 2 * true) < 0.01


@pytest.mark.parametrize("kind", ["card", "passport"])
@pytest.mark.parametrize(("severity", "seed"), [(1, 11), (2, 12), (3, 14)])
def test_specimens(kind: str, severity: int, seed: int) -> None:
    """The face where the drawing puts it: its eyes at 45 % of the portrait's height."""
    drawn = specimen.draw(kind, specimen.fictional(seed), np.full((90, 70, 3), 120, np.uint8), seed=seed)
    read = [drawn.portrait, *drawn.line_boxes] if drawn.back is None else [drawn.portrait]
    shot = camera.photograph(drawn.page, severity=severity, seed=seed, size=(1200, 800), spared=read)
    box = drawn.portrait
    eye, mouth = 0.75 * box.height / 3.1 / 2, 0.75 * box.height / 3.0
    middle = np.array([box.x + box.width / 2, box.y + 0.45 * box.height])
    points = np.array([[-eye, 0], [eye, 0], [0, mouth / 2], [-0.7 * eye, mouth], [0.7 * eye, mouth]])
    found = find_outline(shot.pixels, shot.place(middle + points))
    assert found is not None
    assert error(found.corners, shot.corners) < 0.02


def test_the_border_of_the_picture_is_no_edge() -> None:
    """The page fills the picture, and another goes on past two of its sides."""
    true = corners_of(CARD, height=500)
    points = face_on(true, CARD)
    picture = laid(table((90, 80, 70)), true)
    left, top = np.ceil(true[0] + 3).astype(int)
    right, bottom = np.floor(true[2] - 3).astype(int)
    assert find_outline(picture[top:bottom, left:right], points - (left, top)) is None
    assert find_outline(picture[:, : right - 60], points) is None


def test_a_page_of_no_documents_shape_is_none() -> None:
    square = (60.0, 60.0)
    true = corners_of(square, height=400)
    assert find_outline(laid(table((90, 80, 70)), true), face_on(true, square)) is None


def test_a_portrait_beside_the_page_has_none() -> None:
    true = corners_of(CARD, height=200) + np.array([200, 150])
    points = face_on(true, CARD) - (500, 250)
    assert find_outline(laid(table((90, 80, 70)), true), points) is None


HEAD = np.array([[40, 40], [60, 40], [50, 50], [42, 60], [58, 60]], float)
NOISE = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
BLANK = np.full((300, 400, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("pixels", "points"),
    [
        (np.zeros((1, 1, 3), np.uint8), HEAD),
        (np.zeros((1, 1, 3), np.uint8), HEAD * 0.01),
        (np.zeros((1, 900, 3), np.uint8), HEAD * [1, 0.01]),
        (BLANK[:5, :100], HEAD * [1, 0.05]),
        (BLANK, HEAD),
        (BLANK, HEAD * 3),
        (NOISE, HEAD),
        (NOISE, HEAD * 3),
        (BLANK, HEAD - 500),
        (BLANK, HEAD + 5000),
        (BLANK, np.full((5, 2), 150.0)),  # no size and no direction
        (BLANK, HEAD[::-1]),
        (BLANK, np.full((5, 2), np.nan)),
        (BLANK, np.full((5, 2), np.inf)),
        (BLANK, HEAD * 1e300),
    ],
)
def test_nothing_is_invented(pixels: Pixels, points: Floats) -> None:
    assert find_outline(pixels, points) is None


def test_the_same_picture_gives_the_same() -> None:
    true = corners_of(CARD, degrees=5)
    picture, points = laid(table((90, 80, 70)), true), face_on(true, CARD)
    before = picture.copy()
    first, second = find_outline(picture, points), find_outline(picture, points)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.corners, second.corners)
    np.testing.assert_array_equal(picture, before)
