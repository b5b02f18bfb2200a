"""Whether the colours that the screen flashed came back from the face, and as skin sends them back.

A face sends back k S of the screen's light S beside the light A of the room: in each channel its brightness
changes by the factor 1 + k S / A, whatever the skin's colour, the exposure and the white balance are. The
ratios of two channels are free of the exposure; what the white balance drifts is taken out as a straight line
in time. The room's light isn't known, but its colour is that of a lamp between candle and sky: of a few that
span these, the one that explains most is taken.

Dark and light parts of a face change by nearly the same factor. Another screen's glass does not: it shows a
mirror image of the screen in one place and nothing in others, and what it scatters lies over dark and light
alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from visavis.liveness.check import Check, WorkingPoint, judged, not_assessed
from visavis.liveness.sequence import CELLS, LINEAR, SETTLED_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from visavis.geometry import Floats
    from visavis.liveness.sequence import Watched

NAME = "reflection"

# Linear green and blue of a light against its red, as natural logarithms, for a black body of 2,700 K; lights
# between it and daylight lie near the straight line from there to 0.
WARM = np.array([0.0, -0.94, -2.35])
WARMTHS = (-0.15, 0.0, 0.25, 0.5, 0.75, 1.0)

AROUND_MS = 2500.0  # before and after the colours the screen is neutral: what a face looks like without them
STRAIGHT_DEG = 10.0

LEAST_FRAMES = 6
LEAST_CELLS = 20
DARKEST = 0.004  # of linear light: a cell that is darker says nothing

MOST_UNEVEN = 3.0  # more says no more


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """The face under the colours, n frames and m cells.

    Attributes:
        shown: n x 3, linear light of the screen, 0 to 1.
        times_s: n.
        light: n x m x 3, linear light of the cells.
    """

    shown: Floats
    times_s: Floats
    light: Floats


def reflection(watched: Watched, points: Mapping[str, WorkingPoint]) -> Check:
    """How the light on the face follows the screen.

    `correlation`, -1 to 1, is that of the change of colour that the screen predicts and the one that was
    seen; `amount` how much a full colour of the screen adds to the light of the room, 0.1 for a tenth.
    `uneven` is how much that differs over the face (standard deviation over mean, without what noise makes of
    it), and `veil` which share of it lies over dark and light alike: both near 0 on skin.
    """
    lit = _lit(watched)
    if len(lit.times_s) < LEAST_FRAMES or len(np.unique(lit.shown, axis=0)) < 2:
        return not_assessed(NAME, "too few frames show the face under different colours")
    if lit.light.shape[1] < LEAST_CELLS:
        return not_assessed(NAME, "the face is burnt out or too dark: the light on it can't be measured")
    whole = _detrended(_ratios(np.log(lit.light.mean(axis=1))), lit.times_s)
    best, expected = -2.0, whole
    for warmth in WARMTHS:
        gain = np.exp(-WARM * warmth)
        likely = _detrended(_ratios(lit.shown * gain / gain.mean()), lit.times_s)
        if (found := _correlation(likely, whole)) > best:
            best, expected = found, likely
    amount = float((expected * whole).sum() / (expected**2).sum())
    uneven, veil = _over_the_face(lit, expected)
    values = {"correlation": best, "amount": amount, "uneven": uneven, "veil": veil}
    check = judged(NAME, values, points, "")
    return Check(NAME, check.score, values, _why(values, points))


def _lit(watched: Watched) -> Lit:
    """The frames on which a colour has settled, those around them, and the cells measured on all of them."""
    shown, frames = [], []
    for step in watched.challenge.steps:
        if step.colour is None:
            continue
        for frame in np.flatnonzero(watched.during(step, after_ms=SETTLED_MS) & watched.found):
            shown.append(LINEAR[list(step.colour)])
            frames.append(int(frame))
    for frame in np.flatnonzero(_around(watched)):
        shown.append(np.zeros(3))
        frames.append(int(frame))
    if not frames:
        return Lit(np.zeros((0, 3)), np.zeros(0), np.zeros((0, 0, 3)))
    light = np.array([watched.seen[frame].light for frame in frames])[:, _face()]
    usable = np.isfinite(light).all(axis=(0, 2)) & (np.nan_to_num(light).min(axis=(0, 2)) >= DARKEST)
    return Lit(np.array(shown), watched.at_ms[frames] / 1000, light[:, usable])


def _around(watched: Watched) -> NDArray[np.bool_]:
    """Frames shortly before and after the colours on which the face looks about straight ahead."""
    colours = [step for step in watched.challenge.steps if step.colour is not None]
    start, end = colours[0].from_ms, colours[-1].until_ms
    times = watched.at_ms
    around = (times >= start - AROUND_MS) & (times < end + AROUND_MS)
    for step in colours:
        around &= ~watched.during(step, late_ms=SETTLED_MS)
    return around & watched.found & (np.abs(watched.yaw_deg) < STRAIGHT_DEG)


def _over_the_face(lit: Lit, expected: Floats) -> tuple[float, float]:
    """How uneven the change is over the face, and which share of it lies over dark and light alike."""
    frames, cells, _ = lit.light.shape
    ratios = _ratios(np.log(lit.light)).reshape(frames, -1)
    seen = _detrended(ratios, lit.times_s).reshape(frames, cells, 2)
    power = float((expected**2).sum())
    amounts = (expected[:, None] * seen).sum(axis=(0, 2)) / power
    left = seen - amounts[:, None] * expected[:, None]
    noise = (left**2).sum(axis=(0, 2)) / (2 * frames - 5) / power  # of each amount, as a variance
    mean = float(amounts.mean())
    if mean <= 0:
        return MOST_UNEVEN, 1.0
    spread = max(0.0, float(amounts.var() - noise.mean()))
    bright = lit.light.mean(axis=(0, 2))
    veil, slope = np.polynomial.polynomial.polyfit(bright, amounts * bright, 1)
    return min(MOST_UNEVEN, float(np.sqrt(spread)) / mean), float(veil / (veil + slope * bright.mean()))


def _ratios(light: Floats) -> Floats:
    """Red and blue against green."""
    return light[..., [0, 2]] - light[..., [1]]


def _detrended(values: Floats, times: Floats) -> Floats:
    """What is left of the columns without their mean and their straight line in time."""
    line = np.column_stack([np.ones_like(times), times])
    fitted, *_ = np.linalg.lstsq(line, values, rcond=None)
    left: Floats = values - line @ fitted
    return left


def _correlation(one: Floats, other: Floats) -> float:
    spread = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / spread if spread > 0 else 0.0


@cache
def _face() -> NDArray[np.bool_]:
    """Which cells lie between brows and chin."""
    y, x = np.mgrid[:CELLS, :CELLS]
    inside: NDArray[np.bool_] = ((x - 7.5) / 5.0) ** 2 + ((y - 8.5) / 6.2) ** 2 <= 1
    return inside


def _why(values: Mapping[str, float], points: Mapping[str, WorkingPoint]) -> str:
    failed = [name for name, value in values.items() if not points[f"{NAME}.{name}"].passes(value)]
    if "correlation" in failed:
        return "the light on the face doesn't follow the colours that were shown"
    if "amount" in failed:
        return "the face sends back too little of the screen's light"
    if failed:
        return "the screen's light comes back as from glass, not as from skin"
    return "the light on the face follows the colours that were shown"
