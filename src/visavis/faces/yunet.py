"""YuNet: finds faces in a whole picture, quickly.

Wu, Peng, Yu: "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 20, 2023. Three
grids with a cell every 8, 16 and 32 pixels; each cell says how likely a face sits on it, its box and its five
points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from visavis.faces.face import Finds
from visavis.geometry import suppress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.geometry import Floats

STRIDES = (8, 16, 32)
MULTIPLE = 32  # sides of the network's input
OVERLAP = 0.3  # two boxes that share more are one face


def decode(outputs: Mapping[str, Floats], height: int, width: int, *, threshold: float) -> Finds:
    """Faces from the network's outputs for one picture, best first.

    Args:
        outputs: ``cls_s``, ``obj_s`` (1 x cells x 1), ``bbox_s`` (1 x cells x 4), ``kps_s`` (1 x cells x 10)
            for each stride s.
        height: Height of the network's input, a multiple of 32.
        width: Width of the network's input, a multiple of 32.
        threshold: Faces of a lower score, sqrt(cls x obj), are left out.
    """
    parts = [_grid(outputs, stride, width // stride, height // stride, threshold) for stride in STRIDES]
    boxes, points, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = suppress(boxes, scores, overlap=OVERLAP)
    return Finds(boxes[kept], points[kept], scores[kept])


def _grid(
    outputs: Mapping[str, Floats], stride: int, columns: int, rows: int, threshold: float
) -> tuple[Floats, Floats, Floats]:
    scores = np.sqrt(
        np.clip(outputs[f"cls_{stride}"][0, :, 0], 0, 1) * np.clip(outputs[f"obj_{stride}"][0, :, 0], 0, 1)
    )
    if scores.size != columns * rows:
        raise ValueError(f"{columns} x {rows} cells were expected, found {scores.size}")
    cells = np.flatnonzero(scores >= threshold)
    corner = np.stack([cells % columns, cells // columns], axis=1).astype(np.float64)
    box = outputs[f"bbox_{stride}"][0, cells].astype(np.float64)
    centre = (corner + box[:, :2]) * stride
    size = np.exp(box[:, 2:]) * stride
    points = (corner[:, None] + outputs[f"kps_{stride}"][0, cells].reshape(-1, 5, 2)) * stride
    return np.hstack([centre - size / 2, size]), points, scores[cells].astype(np.float64)
