"""Boxes, points and similarity transforms: plain numpy, no picture and no network.

x runs to the right and y down; (0, 0) is the outer corner of the first pixel, so that its centre lies at
(0.5, 0.5) and coordinates scale with the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels: its upper left corner and its size, the size never negative."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.x, self.y, self.width, self.height)):
            raise ValueError(f"a box of finite numbers was expected, found {self}")
        if self.width < 0 or self.height < 0:
            raise ValueError(f"a box of no negative size was expected, found {self.width} x {self.height}")

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> Point:
        """Centre in pixels."""
        return self.x + self.width / 2, self.y + self.height / 2

    def overlap(self, other: Box) -> float:
        """Intersection over union with `other`, 0 to 1."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        common = width * height
        return common / (self.area + other.area - common)


def similarity_transform(source: Floats, target: Floats) -> Floats:
    """The rotation, scale and shift that brings `source` closest to `target`.

    Least squares without reflection (Umeyama, "Least-squares estimation of transformation parameters between
    two point patterns", IEEE TPAMI 13(4), 1991), solved in the plane with points as complex numbers: of all
    a, b the pair that minimises |a s + b - t|².

    Args:
        source: n x 2 points.
        target: n x 2 points.

    Returns:
        2 x 3 matrix ``[[p, -q, x], [q, p, y]]``; the identity's rotation at scale 0 where all source points
        coincide.
    """
    s = source[:, 0] + 1j * source[:, 1]
    t = target[:, 0] + 1j * target[:, 1]
    centred = s - s.mean()
    spread = float(np.vdot(centred, centred).real)
    a = np.vdot(centred, t - t.mean()) / spread if spread > 0 else 0j
    b = t.mean() - a * s.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def apply(transform: Floats, points: Floats) -> Floats:
    """`points` (n x 2) moved by a 2 x 3 `transform`."""
    moved: Floats = points @ transform[:, :2].T + transform[:, 2]
    return moved


def invert(transform: Floats) -> Floats:
    """The 2 x 3 transform that undoes `transform`, which must not be of scale 0."""
    linear = np.linalg.inv(transform[:, :2])
    return np.hstack([linear, -linear @ transform[:, 2:]])


def scale_of(transform: Floats) -> float:
    """How many target pixels one source pixel becomes under a similarity `transform`."""
    return math.hypot(float(transform[0, 0]), float(transform[1, 0]))


def suppress(boxes: Floats, scores: Floats, *, overlap: float) -> list[int]:
    """Greedy non-maximum suppression.

    Args:
        boxes: n x 4, each x, y, width, height.
        scores: n, higher is better.
        overlap: Intersection over union (0 to 1) above which the box of lower score is dropped.

    Returns:
        Indices of the boxes that stay, best first.
    """
    left, top = boxes[:, 0], boxes[:, 1]
    right, bottom = left + boxes[:, 2], top + boxes[:, 3]
    areas = boxes[:, 2] * boxes[:, 3]
    waiting = np.argsort(-scores, kind="stable")
    kept = []
    while waiting.size:
        best, rest = waiting[0], waiting[1:]
        kept.append(int(best))
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        common = np.clip(width, 0, None) * np.clip(height, 0, None)
        union = areas[best] + areas[rest] - common
        waiting = rest[common <= overlap * union]
    return kept
