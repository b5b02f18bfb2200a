"""Whether one person is on all frames: some of them are compared as `verify` compares two photos."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

from visavis.faces.recognise import similarity
from visavis.liveness.check import WORKING, Check, WorkingPoint, not_assessed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from visavis.faces.recognise import Template
    from visavis.liveness.sequence import Watched

NAME = "person"

COMPARED = 8
"""Frames that are compared, each with each other."""

FMR = 1e-3
"""Of two strangers: every two of the frames must reach its threshold. Those of one sitting lie far above."""

CLEARLY = 0.25
"""How far above or below the threshold a similarity is clear."""

LEAST_COMPARED = 3


def to_compare(watched: Watched) -> list[int]:
    """Which frames to compare: of each eighth of the time the one that looks most straight ahead."""
    edges = np.linspace(watched.at_ms[0], watched.at_ms[-1] + 1, COMPARED + 1)
    chosen = []
    for start, end in pairwise(edges):
        part = np.flatnonzero((watched.at_ms >= start) & (watched.at_ms < end) & watched.found)
        if len(part):
            chosen.append(int(part[np.argmin(np.abs(watched.yaw_deg[part]))]))
    return chosen


def person(templates: Sequence[Template], threshold: float) -> Check:
    """Whether the templates are of one person.

    Args:
        templates: Of the frames that `to_compare` chose, where a template could be made.
        threshold: The calibration's, at `FMR`.
    """
    if len(templates) < LEAST_COMPARED:
        return not_assessed(NAME, "too few frames show a face that can be compared")
    least = min(similarity(one, other) for one, other in combinations(templates, 2))
    point = WorkingPoint(threshold - CLEARLY, threshold, threshold + CLEARLY)
    values = {"least_similarity": least, "threshold": threshold, "compared": float(len(templates))}
    score = point.score(least)
    told = (
        f"the {len(templates)} frames compared show one person"
        if score >= WORKING
        else "two of the frames don't show the same person"
    )
    return Check(NAME, score, values, told)
