"""Whether the nose stands out as on a head, or lies in the plane of the face as on a picture.

A plane that is turned carries all that lies on it along, however it is turned: where the skin around eyes and
mouth corners goes tells where the nose would go. A nose that stands out by d goes d sin(t) further where the
plane is turned by t, and the turn is seen in how much the plane is narrowed, by cos(t) (weak perspective).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from visavis.liveness.check import Check, WorkingPoint, judged, not_assessed
from visavis.liveness.sequence import LATE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.liveness.sequence import Watched

NAME = "relief"

MOST_TURNED = 0.6  # quantile of the plane's turn from which on frames of turns count
LEAST_FRAMES = 6  # that could be followed
MOST_FRAMES = 48  # that are tried, evenly over the turns


def relief(watched: Watched, points: Mapping[str, WorkingPoint]) -> Check:
    """How far the nose stands out of the plane of eyes and mouth corners, in distances between the eyes.

    `nose_depth` is the d that explains the frames on which the plane is turned most, by least squares: about
    0.5 on a head, 0 on a picture that is flat, little on one that is bent. `parallax` is how far it went on
    these frames, on average.
    """
    moved = [each for frame in _turned(watched) if (each := watched.moved(frame)) is not None]
    if len(moved) < LEAST_FRAMES:
        return not_assessed(NAME, "too few frames of the turns show a face that can be followed")
    parallax = np.array([each.parallax for each in moved])
    sine = np.sqrt(np.clip(1 - np.array([each.narrowed for each in moved]) ** 2, 0, 1))
    most = sine >= np.quantile(sine, MOST_TURNED)
    depth = float((parallax * sine)[most].sum() / max((sine[most] ** 2).sum(), 1e-9))
    values = {"nose_depth": depth, "parallax": float(parallax[most].mean())}
    check = judged(NAME, values, points, "")
    if check.passed:
        why = f"the nose stands out of the face by {depth:.2f} of the distance between the eyes"
    elif depth < points[f"{NAME}.nose_depth"].at:
        why = f"the nose stands out by only {depth:.2f} of the distance between the eyes, as on a picture"
    else:
        why = "the nose hardly moves against the face, as on a picture"
    return Check(NAME, check.score, values, why)


def _turned(watched: Watched) -> list[int]:
    """The frames of the turns, at most so many, evenly chosen."""
    turns = np.zeros(len(watched.seen), dtype=bool)
    for step in watched.challenge.steps:
        if step.action in ("left", "right"):
            turns |= watched.during(step, late_ms=LATE_MS)
    frames = np.flatnonzero(turns & watched.found)
    if len(frames) > MOST_FRAMES:
        frames = frames[np.linspace(0, len(frames) - 1, MOST_FRAMES).round().astype(int)]
    return [int(frame) for frame in frames]
