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

    from numpy.typing import NDArray

    from visavis.geometry import Floats

STRIDES = (8, 16, 32)
MULTIPLE = 32  # sides of the network's input
OVERLAP = 0.3  # two boxes that share more are one face

NOTHING: tuple[Floats, Floats, Floats] = (np.zeros((0, 4)), np.zeros((0, 5, 2)), np.zeros(0))


def decode(outputs: Mapping[str, Floats], height: int, width: int, *, threshold: float) -> Finds:
    """Faces from the network's outputs for one picture, best first.

    Args:
        outputs: ``cls_s``, ``obj_s`` (1 x cells x 1), ``bbox_s`` (1 x cells x 4), ``kps_s`` (1 x cells x 10)
            for each stride s.
        height: Height of the network's input, a multiple of 32.
        width: Width of the network's input, a multiple of 32.
        threshold: Faces of a lower score, sqrt(cls x obj), are left out.
    """
    parts = [NOTHING]
    for stride in STRIDES:
        columns, rows = width // stride, height // stride
        cls, obj = (outputs[f"{kind}_{stride}"][0, :, 0] for kind in ("cls", "obj"))
        if cls.size != columns * rows:
            raise ValueError(f"{columns} x {rows} cells were expected, found {cls.size}")
        # Nearly all cells lack one of the two, and roots are drawn of the rest only.
        cells = np.flatnonzero(np.minimum(cls, obj) >= threshold**2 * (1 - 1e-6))
        if cells.size:
            scores = np.sqrt(np.clip(cls[cells], 0, 1) * np.clip(obj[cells], 0, 1))
            sure = scores >= threshold
            parts.append(_faces(outputs, stride, columns, cells[sure], scores[sure]))
    boxes, points, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = suppress(boxes, scores, overlap=OVERLAP)
    return Finds(boxes[kept], points[kept], scores[kept])


def _faces(
    outputs: Mapping[str, Floats], stride: int, columns: int, cells: NDArray[np.intp], scores: Floats
) -> tuple[Floats, Floats, Floats]:
    """Boxes, points and scores that chosen cells of a grid give."""
    corner = np.stack([cells % columns, cells // columns], axis=1).astype(np.float64)
    box = outputs[f"bbox_{stride}"][0, cells].astype(np.float64)
    centre = (corner + box[:, :2]) * stride
    size = np.exp(box[:, 2:]) * stride
    points = (corner[:, None] + outputs[f"kps_{stride}"][0, cells].reshape(-1, 5, 2)) * stride
    return np.hstack([centre - size / 2, size]), points, scores.astype(np.float64)
