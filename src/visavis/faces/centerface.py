"""CenterFace: places the five points of a face precisely.

Xu et al., "CenterFace: joint face detection and alignment using face as point", Scientific Programming 2020.
One grid with a cell every 4 pixels: a heat map of face centres, and for each cell the size of the box, the
offset of its centre and five points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.faces.face import Finds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from visavis.geometry import Floats

    Integers = NDArray[np.integer[Any]]

STRIDE = 4


def decode(outputs: Mapping[str, Floats], rows: Integers, columns: Integers) -> Finds:
    """Boxes and points that the network gives at chosen cells, picture by picture.

    The points are relative to the corner of the box as the network gives it: clipping the box to the picture
    first would shift the points of a face that the border cuts.

    Args:
        outputs: ``heatmap`` (n x 1 x h x w), ``scale`` (n x 2 x h x w), ``offset`` (n x 2 x h x w),
            ``landmarks`` (n x 10 x h x w), each pair in the order y, x.
        rows: The cell's row for each of the n pictures.
        columns: The cell's column for each of the n pictures.
    """
    n = np.arange(len(rows))
    scores = outputs["heatmap"][n, 0, rows, columns].astype(np.float64)
    size = STRIDE * np.exp(outputs["scale"][n, :, rows, columns].astype(np.float64))
    offset = outputs["offset"][n, :, rows, columns].astype(np.float64)
    centre = STRIDE * (np.stack([rows, columns], axis=1) + offset + 0.5)
    corner = centre - size / 2
    relative = outputs["landmarks"][n, :, rows, columns].astype(np.float64).reshape(-1, 5, 2)
    points = corner[:, None] + relative * size[:, None]
    return Finds(np.hstack([corner[:, ::-1], size[:, ::-1]]), points[:, :, ::-1], scores)


def peak(heatmap: Floats) -> tuple[Integers, Integers]:
    """Row and column of the highest cell of each of n heat maps (n x h x w)."""
    flat = heatmap.reshape(len(heatmap), -1).argmax(axis=1)
    rows, columns = np.unravel_index(flat, heatmap.shape[1:])
    return rows, columns
