"""Whether the face came closer when it was asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from visavis.liveness.check import Check, WorkingPoint, judged, not_assessed
from visavis.liveness.sequence import LATE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.liveness.sequence import Watched

NAME = "closer"

HIGH = 0.8  # quantile that stands for the largest size: one frame alone doesn't count


def closer(watched: Watched, points: Mapping[str, WorkingPoint]) -> Check:
    """How much larger the face was in that step than in the others: `growth`, 1 where it was not."""
    asked = np.zeros(len(watched.seen), dtype=bool)
    for step in watched.challenge.steps:
        if step.action == "closer":
            asked |= watched.during(step, late_ms=LATE_MS)
    known = np.isfinite(watched.scale)
    if not (asked & known).any() or not (~asked & known).any():
        return not_assessed(NAME, "no frame of the step shows a face")
    growth = float(np.quantile(watched.scale[asked & known], HIGH) / np.median(watched.scale[~asked & known]))
    check = judged(NAME, {"growth": growth}, points, "")
    told = f"the face grew by {100 * (growth - 1):.0f} % when it was asked to come closer"
    return Check(NAME, check.score, check.values, told if check.passed else f"{told}: too little")
