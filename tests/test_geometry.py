from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis import geometry
from visavis.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

COORDINATES = st.floats(-1000, 1000)


def points(seed: int, count: int = 5) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(0, 100, (count, 2))


# Boxes


def test_area_and_centre() -> None:
    box = Box(10, 20, 30, 40)
    assert box.area == 1200
    assert box.centre == (25, 40)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Box(0, 0, 10, 10), 1.0),
        (Box(5, 0, 10, 10), 50 / 150),
        (Box(5, 5, 10, 10), 25 / 175),
        (Box(2, 2, 5, 5), 25 / 100),
        (Box(10, 0, 10, 10), 0.0),  # they touch
        (Box(30, 0, 10, 10), 0.0),
        (Box(0, 30, 10, 10), 0.0),
        (Box(20, 20, 10, 10), 0.0),  # apart on both axes: two negative lengths must not make an area
        (Box(5, 5, 0, 0), 0.0),
    ],
)
def test_overlap_by_hand(other: Box, expected: float) -> None:
    box = Box(0, 0, 10, 10)
    assert box.overlap(other) == pytest.approx(expected)
    assert other.overlap(box) == pytest.approx(expected)


@pytest.mark.parametrize(
    "numbers",
    [(math.nan, 0, 1, 1), (0, math.inf, 1, 1), (0, 0, -1, 1), (0, 0, 1, -0.5), (0, 0, math.inf, 1)],
)
def test_a_box_that_is_none(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"expected, found"):
        Box(*numbers)


# Transforms


@given(st.floats(-3, 3), st.floats(0.05, 20), COORDINATES, COORDINATES, st.integers(0, 1000))
def test_a_similarity_is_found_again(turn: float, scale: float, x: float, y: float, seed: int) -> None:
    source = points(seed)
    p, q = scale * math.cos(turn), scale * math.sin(turn)
    true = np.array([[p, -q, x], [q, p, y]])
    target = source @ true[:, :2].T + true[:, 2]
    assert geometry.similarity_transform(source, target) == pytest.approx(true, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_similarity_is_the_least_squares_one(seed: int) -> None:
    """Against the same problem as a plain linear system: x' = p x - q y + a, y' = q x + p y + b."""
    source, target = points(seed), points(seed + 100)
    (x, y), one, none = source.T, np.ones(5), np.zeros(5)
    rows = np.vstack([np.stack([x, -y, one, none], 1), np.stack([y, x, none, one], 1)])
    p, q, a, b = np.linalg.lstsq(rows, target.T.ravel(), rcond=None)[0]
    assert geometry.similarity_transform(source, target) == pytest.approx(np.array([[p, -q, a], [q, p, b]]))


def test_a_similarity_agrees_with_opencv() -> None:
    source = points(3)
    target = geometry.apply(np.array([[0.8, -0.3, 12.0], [0.3, 0.8, -5.0]]), source) + points(4) / 100
    theirs, _ = cv2.estimateAffinePartial2D(source, target, method=cv2.LMEDS)
    assert geometry.similarity_transform(source, target) == pytest.approx(theirs, abs=0.5)


def test_a_similarity_never_mirrors() -> None:
    source = points(5)
    transform = geometry.similarity_transform(source, source * [-1, 1])
    assert np.linalg.det(transform[:, :2]) >= 0


def test_points_that_coincide() -> None:
    same = np.full((5, 2), 7.0)
    transform = geometry.similarity_transform(same, points(1))
    assert np.isfinite(transform).all()
    assert geometry.scale_of(transform) == 0


def test_apply_and_invert() -> None:
    transform = np.array([[0.0, -2.0, 10.0], [2.0, 0.0, 20.0]])  # a quarter turn clockwise at double size
    moved = geometry.apply(transform, np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert moved.tolist() == [[2.0, 26.0], [10.0, 20.0]]
    assert geometry.apply(geometry.invert(transform), moved) == pytest.approx(np.array([[3, 4], [0, 0]]))
    assert geometry.scale_of(transform) == 2
    assert geometry.scale_of(geometry.invert(transform)) == pytest.approx(0.5)


# Non-maximum suppression


def suppress(boxes: list[Any], scores: list[float], overlap: float = 0.3) -> list[int]:
    array = np.array(boxes, dtype=float).reshape(-1, 4)
    return geometry.suppress(array, np.array(scores, dtype=float), overlap=overlap)


def test_suppression_by_hand() -> None:
    boxes = [
        (0, 0, 10, 10),
        (1, 0, 10, 10),  # shares 90 of 110 with the first
        (8, 0, 10, 10),  # shares 20 of 180 with the first, and 30 of 170 with the second
        (50, 50, 10, 10),
        (3, 0, 10, 10),  # shares 70 of 130 with the first and 50 of 150 with the third
    ]
    assert suppress(boxes, [0.9, 0.8, 0.7, 0.95, 0.6]) == [3, 0, 2]
    assert suppress(boxes, [0.9, 0.99, 0.7, 0.95, 0.6]) == [1, 3, 2]
    assert suppress(boxes, [0.9, 0.8, 0.7, 0.95, 0.6], overlap=0.1) == [3, 0]
    assert suppress(boxes, [0.9, 0.8, 0.7, 0.95, 0.6], overlap=0.6) == [3, 0, 2, 4]


def test_a_box_that_only_a_dropped_one_covers_stays() -> None:
    boxes = [(0, 0, 10, 10), (4, 0, 10, 10), (8, 0, 10, 10)]  # 60 of 140, 60 of 140, 20 of 180
    assert suppress(boxes, [0.9, 0.8, 0.7]) == [0, 2]


def test_exactly_the_limit_stays_and_equal_scores_keep_their_order() -> None:
    boxes = [(0, 0, 10, 10), (5, 0, 10, 10)]  # 50 of 150
    assert suppress(boxes, [0.5, 0.5], overlap=1 / 3) == [0, 1]
    assert suppress(boxes, [0.5, 0.5], overlap=0.33) == [0]


def test_nothing_to_suppress() -> None:
    assert suppress([], []) == []
