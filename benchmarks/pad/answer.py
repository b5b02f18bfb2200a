"""How a person moves who answers a challenge: where the head is and how it is turned, at any time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pad.head import PIVOT_MM
from pad.surface import Pose, turned
from visavis.liveness.challenge import Challenge, Colour

DARK = 0.03  # of a white screen's light: what a screen with a few words on dark grey sends


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a head, or what stands for one, is.

    Attributes:
        yaw_deg: Positive to the person's left.
        pitch_deg: Positive down.
        roll_deg: Positive clockwise as the camera sees it.
        across_mm: Of the middle between the eyes, to the camera's right.
        down_mm: Down.
        away_mm: From the camera.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    across_mm: float
    down_mm: float
    away_mm: float

    def pose(self, pivot_mm: float = PIVOT_MM) -> Pose:
        """The pose of a surface that turns about an axis so far behind its origin."""
        turn = turned(self.yaw_deg, self.pitch_deg, self.roll_deg)
        pivot = np.array([0.0, 0.0, pivot_mm])
        return Pose(turn, np.array([self.across_mm, self.down_mm, self.away_mm]) + pivot - turn @ pivot)


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody answers.

    Attributes:
        reaction_ms: From the word to the first movement.
        turn_deg: How far the head turns to the side.
        out_ms: How long that takes.
        back_ms: And the way back.
        distance_mm: From the camera.
        closer: Share of the distance that is left when one came closer.
        wander: How much head and hand move without being asked; 1 is usual.
    """

    reaction_ms: tuple[float, float] = (150.0, 450.0)
    turn_deg: tuple[float, float] = (15.0, 35.0)
    out_ms: tuple[float, float] = (450.0, 750.0)
    back_ms: tuple[float, float] = (400.0, 700.0)
    distance_mm: tuple[float, float] = (330.0, 480.0)
    closer: tuple[float, float] = (0.62, 0.78)
    wander: tuple[float, float] = (0.5, 1.5)


PERSON = Manner()


def motion(
    challenge: Challenge, random: np.random.Generator, manner: Manner = PERSON
) -> Callable[[float], Moment]:
    """The movement that answers a challenge: time in milliseconds -> moment."""
    distance = random.uniform(*manner.distance_mm)
    wander = random.uniform(*manner.wander)
    drifts = [_drift(random) for _ in range(6)]
    tilt = random.uniform(-5, 5), random.uniform(-3, 3)
    yaw0 = random.uniform(-3, 3)
    place = random.uniform(-25, 25), random.uniform(-25, 15)
    habit = random.normal(0, 0.12), random.normal(0, 0.1)  # of pitch and roll in a turn
    usual = random.uniform(*manner.turn_deg)
    pulses: list[tuple[str, float, Callable[[float], float]]] = []
    for step in challenge.steps:
        start = step.from_ms + random.uniform(*manner.reaction_ms)
        out, back = random.uniform(*manner.out_ms), random.uniform(*manner.back_ms)
        # One is back about when the next step begins, and never waits less than a moment at the far end.
        leave = max(start + out + 100, step.until_ms - back + random.uniform(-150, 200))
        if step.action in ("left", "right"):
            low, high = manner.turn_deg
            amount = float(np.clip(usual + random.normal(0, 3), low, high))
            side = 1 if step.action == "left" else -1
            pulses.append(("turn", side * amount, _pulse(start, start + out, leave, leave + back)))
        elif step.action == "closer":
            share = 1 - random.uniform(*manner.closer)
            pulses.append(("closer", share, _pulse(start, start + out, leave, leave + back)))

    def at(ms: float) -> Moment:
        yaw = sum(amount * pulse(ms) for kind, amount, pulse in pulses if kind == "turn")
        near = sum(amount * pulse(ms) for kind, amount, pulse in pulses if kind == "closer")
        free = [wander * drift(ms / 1000) for drift in drifts]
        return Moment(
            yaw_deg=yaw0 + yaw + 1.2 * free[0],
            pitch_deg=tilt[0] + habit[0] * abs(yaw) + 1.5 * free[1] + 4 * near,
            roll_deg=tilt[1] + habit[1] * yaw + 1.0 * free[2],
            across_mm=place[0] + 5 * free[3],
            down_mm=place[1] + 5 * free[4],
            away_mm=distance * (1 - near) * (1 + 0.012 * free[5]),
        )

    return at


def shown_at(challenge: Challenge, late_ms: float) -> Callable[[float], Colour | None]:
    """What the screen shows, that much later than it should; None between the colours."""

    def at(ms: float) -> Colour | None:
        for step in challenge.steps:
            if step.from_ms <= ms - late_ms < step.until_ms:
                return step.colour
        return None

    return at


def _pulse(start: float, there: float, leave: float, end: float) -> Callable[[float], float]:
    """0 before `start`, 1 between `there` and `leave`, 0 after `end`, smooth between."""

    def at(ms: float) -> float:
        return _smooth((ms - start) / (there - start)) * (1 - _smooth((ms - leave) / (end - leave)))

    return at


def _smooth(share: float) -> float:
    """A movement of least jerk (Flash and Hogan, J. Neuroscience 5(7), 1985), from 0 to 1."""
    x = min(1.0, max(0.0, share))
    return x**3 * (10 - 15 * x + 6 * x**2)


def _drift(random: np.random.Generator) -> Callable[[float], float]:
    """A slow movement to and fro, of about 1."""
    waves = [
        (random.uniform(0.1, 0.5), 0.6),
        (random.uniform(0.5, 1.3), 0.3),
        (random.uniform(1.3, 3.0), 0.1),
    ]
    phases = random.uniform(0, math.tau, 3)

    def at(seconds: float) -> float:
        return sum(
            size * math.sin(math.tau * rate * seconds + phase)
            for (rate, size), phase in zip(waves, phases, strict=True)
        )

    return at
