"""From a similarity to a confidence, 0 to 100: a curve through the error rates that visavis measured.

Face++ tells a confidence and three thresholds for it, one for each false match rate. They have been the same
numbers for years, and programs have them, or others near them, built in. Here the curve goes through exactly
these numbers, at the similarities at which the calibration in force has these rates. Between them it is
straight in the similarity. It is 0 up to the calibration's first mark, where most different people are more
alike, and 100 at a similarity of 1.

A confidence has three decimals. It is rounded down and never up to the next threshold: it reaches a threshold
exactly where the similarity reaches the one that it stands for.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from visavis.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from visavis.decision.calibration import Calibration

FACEPP = (("1e-3", 62_327), ("1e-4", 69_101), ("1e-5", 73_975))
"""By the false match rate: thousandths of the confidence that stands for it, as Face++ answers."""
FACEID = (("1e-3", 62_169), ("1e-4", 69_315), ("1e-5", 74_399), ("1e-6", 78_038))
"""The same as FaceID answers."""
WHOLE = 100_000


@dataclass(frozen=True, slots=True)
class Curve:
    """A confidence for each similarity; it never falls.

    Attributes:
        knots: Similarity and thousandths of the confidence, neither falling; from 0 to 100.
        thresholds: By the false match rate: the confidence that stands for it, of those that the calibration
            knows.
        modelled: Those of them that come from the calibration's model of the tail, and from no count.
    """

    knots: tuple[tuple[float, int], ...]
    thresholds: dict[str, float]
    modelled: tuple[str, ...]

    @classmethod
    def through(cls, calibration: Calibration, anchors: Sequence[tuple[str, int]] = FACEPP) -> Self:
        """The curve of a calibration.

        A rate that neither its data nor its model of the tail supports has no threshold.

        Args:
            calibration: That which is in force.
            anchors: By the false match rate, which falls: thousandths of the confidence.
        """
        first = calibration.marks[0].threshold
        knots: list[tuple[float, int]] = []
        thresholds, modelled = {}, []
        for name, thousandths in anchors:
            rate = float(name)
            try:
                at = calibration.threshold(rate, extrapolate=True)
            except PolicyError:
                break  # what is finer isn't supported either
            if at >= 1:
                break
            knots.append((at, thousandths))
            thresholds[name] = thousandths / 1000
            if not calibration.supports(rate):
                modelled.append(name)
        lowest = first if not knots or first < knots[0][0] else -1.0
        return cls(((lowest, 0), *knots, (1.0, WHOLE)), thresholds, tuple(modelled))

    def __call__(self, similarity: float) -> float:
        """The confidence of a similarity, -1 to 1."""
        after = bisect.bisect_right(self.knots, similarity, key=lambda knot: knot[0])
        if after == 0:
            return 0.0
        if after == len(self.knots):
            return self.knots[-1][1] / 1000
        (left, low), (right, high) = self.knots[after - 1], self.knots[after]
        exact = low + (similarity - left) / (right - left) * (high - low)
        return min(max(math.floor(exact), low), high - 1) / 1000
