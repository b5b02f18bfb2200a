from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from visavis.documents.page import FORMS, PX_PER_MM, find_edges, flatten, page_by_zone, to_page, to_photo
from visavis.documents.text import Zone

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats

PASSPORT = FORMS["TD3"]
PER_MM = 5.0
LENGTH = PER_MM * (44 * 2.54 - 0.5)


def zone(degrees: float) -> Zone:
    """A passport's zone at 5 pixels a millimetre, its middle at 500, 600, its lines 6.35 mm apart."""
    angle = np.radians(degrees)
    curves = tuple((side * 6.35 * PER_MM / 2, 0.0, 0.0) for side in (-1, 1))
    direction = float(np.cos(angle)), float(np.sin(angle))
    return Zone((500.0, 600.0), direction, -LENGTH / 2, LENGTH / 2, curves)


def true_corners(degrees: float) -> Floats:
    """By hand: the zone begins 6.6 mm from the left edge, its middle lies 12.6 mm above the lower one."""
    left, lower = -LENGTH / 2 - 6.6 * PER_MM, 12.6 * PER_MM
    upper, right = lower - 88 * PER_MM, left + 125 * PER_MM
    corners = np.array([[left, upper], [right, upper], [right, lower], [left, lower]])
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(corners @ turn.T + (500, 600))


@pytest.mark.parametrize("degrees", [0, 17, 90, 180, 270])
def test_the_zone_says_where_the_page_is(degrees: float) -> None:
    np.testing.assert_allclose(page_by_zone(zone(degrees), PASSPORT), true_corners(degrees), atol=1e-6)


@pytest.mark.parametrize("name", FORMS)
def test_a_zone_fits_on_its_page(name: str) -> None:
    form = FORMS[name]
    assert form.left + form.characters * 2.54 <= form.width
    assert 0 < form.middle < 23.2  # the height of the zone (Doc 9303-3)


def drawn(corners: Floats, *, seed: int = 0) -> NDArray[np.uint8]:
    """A pale page with dark print on a darker table."""
    picture = np.full((1000, 1200, 3), (90, 80, 70), np.uint8)
    # OpenCV counts from the middle of the first pixel.
    cv2.fillPoly(
        picture,
        [np.round((corners - 0.5) * 16).astype(np.int32)],
        (225, 230, 220),
        shift=4,
        lineType=cv2.LINE_AA,
    )
    random = np.random.default_rng(seed)
    middle = corners.mean(axis=0)
    for _ in range(60):
        place = middle + (corners[random.integers(4)] - middle) * random.uniform(0, 0.75)
        cv2.putText(
            picture, "Name", [int(each) for each in place], cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 60), 1
        )
    noise = random.normal(0, 4, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 8, 90])
def test_edges_go_to_the_contour_near_them(degrees: float) -> None:
    true = true_corners(degrees) * 0.9 + (30, 20)
    given = true + np.array([[12, 9], [-10, 14], [9, -12], [-13, -8]])
    found, share = find_edges(drawn(true), given)
    assert np.linalg.norm(found - true, axis=1).max() < 2.25  # half a millimetre
    assert share == 1


def test_edges_without_a_contour_stay() -> None:
    plain = np.random.default_rng(1).integers(118, 122, (800, 1000, 3), dtype=np.uint8)
    given = np.array([[100, 100], [800, 110], [790, 600], [90, 590]], float)
    found, share = find_edges(plain, given)
    np.testing.assert_allclose(found, given, atol=1e-6)
    assert share == 0


def test_one_edge_may_be_hidden() -> None:
    """The page's right edge is out of the picture."""
    true = true_corners(0)
    picture = drawn(true)[:, :700]
    given = true + np.array([[6, 6], [0, 5], [0, -5], [5, -6]])
    found, share = find_edges(picture, given)
    assert share == 0.75
    np.testing.assert_allclose(found[[0, 3]], true[[0, 3]], atol=2)
    np.testing.assert_allclose(found[1:3, 0], true[1:3, 0], atol=1)


def test_the_page_is_seen_from_straight_above() -> None:
    """A mark at 100, 50 mm of a page that lies askew comes to pixel 1000, 500."""
    corners = np.array([[150, 120], [980, 180], [940, 760], [110, 690]], float)
    size = np.array([[0, 0], [125, 0], [125, 88], [0, 88]], np.float32)
    to_picture = cv2.getPerspectiveTransform(size, corners.astype(np.float32))
    picture = np.full((900, 1100, 3), 255, np.uint8)
    mark = cv2.perspectiveTransform(np.array([[[100.0, 50.0]]]), to_picture)[0, 0]
    # OpenCV draws about the middle of a pixel; a place x lies in pixel floor(x).
    cv2.circle(picture, [round(float(each) - 0.5) for each in mark], 6, (0, 0, 0), -1)
    page = flatten(picture, corners, 125, 88)
    assert page.shape == (88 * PX_PER_MM, 125 * PX_PER_MM, 3)
    rows, columns = np.nonzero(page[..., 0] < 128)
    assert (columns.mean() + 0.5) / PX_PER_MM == pytest.approx(100, abs=0.15)
    assert (rows.mean() + 0.5) / PX_PER_MM == pytest.approx(50, abs=0.15)


def test_points_of_the_page_and_of_the_photo() -> None:
    """A trapezium: its corners, and where its diagonals meet, which in perspective is the page's middle."""
    corners = np.array([[200, 100], [600, 100], [800, 500], [0, 500]], float)
    page = np.array([[0, 0], [1250, 0], [1250, 880], [0, 880], [625, 440]], float)
    # By hand: y = 100 + 400 t on the diagonal (200 + 600 t, ...), which is at x = 400 for t = 1/3.
    photo = np.vstack([corners, [[400, 100 + 400 / 3]]])
    np.testing.assert_allclose(to_photo(page, corners, (1250, 880)), photo, atol=1e-3)
    np.testing.assert_allclose(to_page(photo, corners, (1250, 880)), page, atol=1e-3)


def test_a_mark_on_the_flattened_page_is_where_its_point_goes() -> None:
    corners = np.array([[150, 120], [980, 180], [940, 760], [110, 690]], float)
    picture = np.full((900, 1100, 3), 255, np.uint8)
    cv2.circle(picture, (700, 400), 6, (0, 0, 0), -1)  # about the middle of that pixel, at 700.5, 400.5
    rows, columns = np.nonzero(flatten(picture, corners, 125, 88)[..., 0] < 128)
    expected = to_page(np.array([[700.5, 400.5]]), corners, (1250, 880))[0]
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx(tuple(expected), abs=1)
