"""When the frames were taken, and whether they are as many pictures as they say.

What a broken client sends (a clock that runs backwards, a step without frames) is a named problem: nothing
was assessed. Frames that are repeated are no accident of a camera: no two pictures of a sensor are alike.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from visavis.liveness.check import Check, WorkingPoint, judged
from visavis.liveness.frames import MAX_FRAMES
from visavis.liveness.sequence import SETTLED_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.liveness.challenge import Challenge
    from visavis.liveness.frames import Frame
    from visavis.liveness.sequence import Watched

NAME = "timing"

MIN_FRAMES = 30
"""Fewer can't follow a dozen seconds."""

MIN_SIDE = 160
"""Pixels of a frame's shorter side."""

MAX_GAP_MS = 900.0
"""Without a frame: a colour could come and go unseen."""

MIN_GAP_MS = 4.0
"""Between two frames: no camera of a phone takes 250 pictures a second."""

EARLY_MS, OVERTIME_MS = 500.0, 2000.0
"""How long before the first step and after the last one a frame may be taken."""

LEAST_IN_STEP = 4
"""Frames of a step that is a movement."""

LEAST_IN_COLOUR = 1
"""Frames of a colour after it has settled on the face."""


def problem_of(challenge: Challenge, frames: Sequence[Frame]) -> tuple[str, str] | None:
    """What keeps frames from being assessed at all, as a code and a sentence; None where nothing does."""
    if len(frames) > MAX_FRAMES:
        return "too_many_frames", f"there are more than {MAX_FRAMES} frames"
    if len(frames) < MIN_FRAMES:
        told = f"there are {len(frames)} frames: send at least {MIN_FRAMES}, 5 to 15 a second"
        return "too_few_frames", told
    sizes = {(frame.photo.width, frame.photo.height) for frame in frames}
    if len(sizes) > 1:
        return "frames_differ_in_size", f"the frames have {len(sizes)} different sizes: a camera keeps to one"
    if min(*sizes.pop()) < MIN_SIDE:
        return "frames_too_small", f"the shorter side of the frames has fewer than {MIN_SIDE} pixels"
    times = [frame.at_ms for frame in frames]
    if not np.isfinite(times).all():
        return "impossible_times", "the time of a frame isn't a number"
    gaps = [there - here for here, there in pairwise(times)]
    if min(gaps) <= 0:
        return "clock_backwards", "the frames aren't in the order of their times"
    if min(gaps) < MIN_GAP_MS:
        return "impossible_times", f"two frames lie less than {MIN_GAP_MS:g} ms apart: no camera is so fast"
    if times[0] < -EARLY_MS or times[-1] > challenge.duration_ms + OVERTIME_MS:
        return "impossible_times", "a frame was taken before the challenge began or after it ended"
    longest = max(times[0], *gaps, challenge.duration_ms - times[-1])
    if longest > MAX_GAP_MS:
        return "frames_missing", f"there is no frame for {longest:.0f} ms"
    return _missed(challenge, np.array(times), None)


def without_face(watched: Watched) -> tuple[str, str] | None:
    """The same where the faces on the frames are too few."""
    if problem := _missed(watched.challenge, watched.at_ms[watched.found], "a face"):
        return problem
    return None


def timing(watched: Watched, points: Mapping[str, WorkingPoint]) -> Check:
    """Whether all frames are different pictures.

    `least_change` is the mean difference in brightness, in levels of 256, of the two frames that are most
    alike; the frames shrunk to 64 x 64, which leaves little of a sensor's noise and all that moves.
    """
    values = {
        "frames": float(len(watched.seen)),
        "repeated": float(len(watched.seen) - len({each.sha256 for each in watched.seen})),
        "least_change": _least_change(watched),
    }
    if values["repeated"]:
        return Check(NAME, 0.0, values, f"{values['repeated']:.0f} frames are copies of others")
    check = judged(NAME, values, points, "")
    why = (
        "no two of the {frames:.0f} frames are alike"
        if check.passed
        else (
            "two frames are nearly the same picture: they differ by {least_change:.2f} levels of brightness"
        )
    )
    return Check(NAME, check.score, values, why.format(**values))


def _missed(challenge: Challenge, times: np.ndarray, what: str | None) -> tuple[str, str] | None:
    for number, step in enumerate(challenge.steps, 1):
        is_colour = step.action == "colour"
        start = step.from_ms + (SETTLED_MS if is_colour else 0.0)
        count = int(((times >= start) & (times < step.until_ms)).sum())
        if count < (least := LEAST_IN_COLOUR if is_colour else LEAST_IN_STEP):
            told = f"step {number} ({step.action}) has {count} frames"
            if what:
                return "face_missing", f"{told} with {what}: it needs {least}"
            return "frames_missing", f"{told}: it needs {least}"
    return None


def _least_change(watched: Watched) -> float:
    """The smallest mean difference of any two thumbnails."""
    flat = np.stack([each.thumbnail.ravel() for each in watched.seen])
    least = np.inf
    for number, one in enumerate(flat[:-1]):
        least = min(least, float(np.abs(flat[number + 1 :] - one).mean(axis=1).min()))
    return least
