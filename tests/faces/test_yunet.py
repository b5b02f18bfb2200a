from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from visavis.faces import yunet
from visavis.packs.install import require
from visavis.packs.runtime import Network

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from visavis.faces.face import Finds
    from visavis.verifier import Verifier

HEIGHT, WIDTH = 64, 96


def empty() -> dict[str, NDArray[np.float32]]:
    outputs = {}
    for stride in (8, 16, 32):
        cells = (HEIGHT // stride) * (WIDTH // stride)
        for name, numbers in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{name}_{stride}"] = np.zeros((1, cells, numbers), dtype=np.float32)
    return outputs


def put(
    outputs: dict[str, NDArray[np.float32]],
    stride: int,
    column: int,
    row: int,
    *,
    cls: float,
    obj: float,
    box: tuple[float, float, float, float],
    points: tuple[float, ...] = (0,) * 10,
) -> None:
    cell = row * (WIDTH // stride) + column
    for name, values in (("cls", [cls]), ("obj", [obj]), ("bbox", box), ("kps", points)):
        outputs[f"{name}_{stride}"][0, cell] = values


def decode(outputs: dict[str, NDArray[np.float32]], threshold: float = 0.5) -> Finds:
    return yunet.decode(outputs, HEIGHT, WIDTH, threshold=threshold)


def test_one_cell_by_hand() -> None:
    # Cell in column 4, row 2 of the grid with stride 16: corner (64, 32).
    # Centre (64 + 0.5 * 16, 32 - 0.25 * 16) = (72, 28); size (2 * 16, 1 * 16) = (32, 16).
    outputs = empty()
    points = (0, 0, 0.5, 0, 0.25, -1, -0.5, 2, 1, 1)
    put(outputs, 16, 4, 2, cls=0.9, obj=0.4, box=(0.5, -0.25, math.log(2), 0), points=points)
    finds = decode(outputs)
    assert finds.boxes == pytest.approx(np.array([[56, 20, 32, 16]]))
    assert finds.points.tolist() == [[[64, 32], [72, 32], [68, 16], [56, 64], [80, 48]]]
    assert finds.scores == pytest.approx([0.6])  # sqrt(0.9 * 0.4)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_cells_run_along_rows(stride: int) -> None:
    outputs = empty()
    column, row = WIDTH // stride - 1, HEIGHT // stride - 1
    put(outputs, stride, column, row, cls=1, obj=1, box=(0, 0, 0, 0))
    finds = decode(outputs)
    left, top, *size = finds.boxes[0]
    assert (left + stride / 2, top + stride / 2) == (column * stride, row * stride)
    assert size == [stride, stride]


def test_faces_come_best_first_and_once() -> None:
    outputs = empty()
    big = math.log(4)
    put(outputs, 8, 2, 2, cls=0.8, obj=0.8, box=(0, 0, big, big))
    put(outputs, 8, 3, 2, cls=0.9, obj=0.9, box=(0, 0, big, big))  # the same face from the cell beside it
    twice = math.log(2)
    put(outputs, 16, 1, 1, cls=0.85, obj=0.85, box=(0.1, 0.1, twice, twice))  # and from another grid
    put(outputs, 8, 10, 6, cls=0.7, obj=0.7, box=(0, 0, 0, 0))
    finds = decode(outputs)
    assert finds.scores == pytest.approx([0.9, 0.7])
    assert finds.boxes[:, :2] == pytest.approx(np.array([[8, 0], [76, 44]]), abs=1e-5)


def test_the_threshold_is_one_of_the_score() -> None:
    outputs = empty()
    put(outputs, 8, 0, 0, cls=1, obj=0.3, box=(0, 0, 0, 0))  # sqrt(0.3) = 0.548
    assert decode(outputs, 0.55).scores.size == 0
    assert decode(outputs, 0.54).scores.size == 1


def test_scores_outside_0_to_1_are_brought_there() -> None:
    outputs = empty()
    put(outputs, 8, 0, 0, cls=1.2, obj=1.1, box=(0, 0, 0, 0))
    put(outputs, 8, 9, 5, cls=-0.9, obj=-0.9, box=(0, 0, 0, 0))  # two negatives don't make a face
    assert decode(outputs).scores.tolist() == [1.0]


def test_nothing_found() -> None:
    finds = decode(empty())
    assert (finds.boxes.shape, finds.points.shape, finds.scores.shape) == ((0, 4), (0, 5, 2), (0,))


def test_outputs_of_another_size() -> None:
    with pytest.raises(ValueError, match="12 x 12 cells were expected, found 96"):
        yunet.decode(empty(), 96, 96, threshold=0.5)


def test_the_numbers_of_the_original(shared: Path, sface: Verifier) -> None:
    """Those that OpenCV 4.11's `FaceDetectorYN` gives for this picture."""
    pixels = np.asarray(Image.open(shared / "data/lfw-dev/Al_Gore/Al_Gore_0001.jpg"))
    canvas = np.zeros((256, 256, 3), dtype=np.uint8)
    canvas[:250, :250] = pixels
    outputs: dict[str, Any] = Network(require("sface").model("detector"), threads=1)(canvas[None])
    finds = yunet.decode(outputs, 256, 256, threshold=0.5)
    assert finds.scores == pytest.approx([0.925], abs=0.001)
    assert finds.boxes[0] == pytest.approx([95.74, 63.23, 84.70, 121.61], abs=0.02)
    expected = [(108.10, 111.63), (145.80, 112.00), (118.54, 135.54), (111.02, 151.60), (143.26, 152.84)]
    assert finds.points[0] == pytest.approx(np.array(expected), abs=0.02)
