"""Whether the head turned to the sides that were asked for, when it was asked, and as fast as a head can."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from visavis.liveness.check import Check, WorkingPoint, judged, not_assessed
from visavis.liveness.sequence import LATE_MS, REACTION_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.liveness.sequence import Watched

NAME = "turning"

FAR = 0.88
"""Quantile that stands for how far a turn went: the points of one or two frames may be somewhere else."""

LEFT = {"left": 1.0, "right": -1.0}
"""The sign of a turn; a yaw is positive to the person's left."""


def turning(watched: Watched, points: Mapping[str, WorkingPoint]) -> Check:
    """Whether the pose follows the sequence.

    `least_turn_deg` is the smallest of the turns, each how far the head went to the side that was asked less
    how far it went to the other; `worst_stray_deg` how far it turned where no turn was asked;
    `fastest_deg_per_s` the fastest change.
    """
    yaw = watched.yaw_deg
    turns, strays = [], [0.0]
    for step in watched.challenge.steps:
        late = LATE_MS if step.action in LEFT else 0.0
        settled = yaw[watched.during(step, after_ms=REACTION_MS, late_ms=late) & watched.found]
        if step.action not in LEFT:
            if len(settled):
                strays.append(float(np.abs(settled).max()))
            continue
        if not len(settled):
            return not_assessed(NAME, "a turn has no frame with a face")
        towards = settled * LEFT[step.action]
        turns.append(float(np.quantile(towards, FAR) - max(0.0, -np.quantile(towards, 1 - FAR))))
    values = {
        "least_turn_deg": min(turns),
        "worst_stray_deg": max(strays),
        "fastest_deg_per_s": _fastest(watched),
    }
    return judged(NAME, values, points, _why(values, points))


def _fastest(watched: Watched) -> float:
    """The fastest change of the yaw between frames with a face, in degrees a second."""
    seen = np.flatnonzero(watched.found)
    speeds = [
        abs(watched.yaw_deg[there] - watched.yaw_deg[here])
        / max(watched.at_ms[there] - watched.at_ms[here], 1.0)
        for here, there in pairwise(seen)
    ]
    return 1000 * float(np.nanmax(speeds)) if speeds else 0.0


def _why(values: Mapping[str, float], points: Mapping[str, WorkingPoint]) -> str:
    passed = {name: points[f"{NAME}.{name}"].passes(value) for name, value in values.items()}
    if not passed["least_turn_deg"]:
        turn = values["least_turn_deg"]
        if turn < -points[f"{NAME}.least_turn_deg"].at:
            return f"the head turned to the wrong side, by {-turn:.0f} degrees"
        return f"a turn that was asked for reached only {max(0.0, turn):.0f} degrees"
    if not passed["worst_stray_deg"]:
        return f"the head turned by {values['worst_stray_deg']:.0f} degrees where no turn was asked for"
    if not passed["fastest_deg_per_s"]:
        return f"the head turned by {values['fastest_deg_per_s']:.0f} degrees a second, faster than heads do"
    return f"every turn went to the asked side, by {values['least_turn_deg']:.0f} degrees or more"
