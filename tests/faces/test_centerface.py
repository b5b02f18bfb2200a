from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.faces import centerface

if TYPE_CHECKING:
    from numpy.typing import NDArray


def empty(count: int = 1) -> dict[str, NDArray[np.float32]]:
    channels = {"heatmap": 1, "scale": 2, "offset": 2, "landmarks": 10}
    return {name: np.zeros((count, n, 8, 8), dtype=np.float32) for name, n in channels.items()}


def put(
    outputs: dict[str, NDArray[np.float32]], picture: int, row: int, column: int, **values: list[float]
) -> None:
    for name, numbers in values.items():
        outputs[name][picture, :, row, column] = numbers


def test_one_cell_by_hand() -> None:
    # Row 3, column 5; all pairs are y, x. Height 4 * 4 = 16, width 4 * 2 = 8.
    # Centre y = 4 * (3 + 0.25 + 0.5) = 15, x = 4 * (5 - 0.5 + 0.5) = 20; corner y = 7, x = 16.
    outputs = empty()
    put(
        outputs,
        0,
        3,
        5,
        heatmap=[0.75],
        scale=[math.log(4), math.log(2)],
        offset=[0.25, -0.5],
        landmarks=[0.25, 0.0, 0.25, 1.0, 0.5, 0.5, 0.75, 0.25, 0.75, 0.75],
    )
    placed = centerface.decode(outputs, np.array([3]), np.array([5]))
    assert placed.scores.tolist() == [0.75]
    assert placed.boxes == pytest.approx(np.array([[16, 7, 8, 16]]))
    points = [(16, 11), (24, 11), (20, 15), (18, 19), (22, 19)]
    assert placed.points == pytest.approx(np.array([points]))


def test_a_face_that_the_border_cuts_keeps_its_points() -> None:
    # Row 0, column 0: centre (2, 2), size 32, so the corner lies at -14: clipped, all points would shift.
    outputs = empty()
    put(outputs, 0, 0, 0, heatmap=[1], scale=[math.log(8)] * 2, offset=[0, 0], landmarks=[0.5] * 10)
    placed = centerface.decode(outputs, np.array([0]), np.array([0]))
    assert placed.boxes == pytest.approx(np.array([[-14, -14, 32, 32]]))
    assert placed.points == pytest.approx(np.full((1, 5, 2), 2.0))


def test_each_picture_has_its_own_cell() -> None:
    outputs = empty(2)
    put(outputs, 0, 1, 2, heatmap=[0.5], scale=[0, 0], offset=[0, 0], landmarks=[0] * 10)
    put(outputs, 1, 6, 7, heatmap=[0.9], scale=[0, 0], offset=[0, 0], landmarks=[0] * 10)
    rows, columns = centerface.peak(outputs["heatmap"][:, 0])
    assert (rows.tolist(), columns.tolist()) == ([1, 6], [2, 7])
    placed = centerface.decode(outputs, rows, columns)
    assert placed.scores == pytest.approx([0.5, 0.9])
    assert placed.boxes == pytest.approx(np.array([[8, 4, 4, 4], [28, 24, 4, 4]]))
