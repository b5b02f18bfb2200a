"""What a check of a challenge's answer comes to, and the working points that bring measures to one scale."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKING = 0.5
"""Where every score has its working point: from here on a check speaks for a live person."""


@dataclass(frozen=True, slots=True)
class WorkingPoint:
    """How a measure becomes a score: 0 at `worst`, 0.5 at `at`, 1 at `best`, straight lines between.

    Attributes:
        worst: The value of an answer that fails clearly.
        at: Where the check passes; between the others.
        best: The value of an answer that passes clearly; below `worst` where less is better.
    """

    worst: float
    at: float
    best: float

    def __post_init__(self) -> None:
        if not (self.worst < self.at < self.best or self.worst > self.at > self.best):
            raise ValueError(f"a working point between its ends was expected, found {self}")

    def score(self, value: float) -> float:
        """The score of a value, 0 to 1."""
        first, last = (self.worst, self.at) if self.passes(value) is False else (self.at, self.best)
        share = (value - first) / (last - first)
        start = 0.0 if first == self.worst else WORKING
        return min(1.0, max(0.0, start + WORKING * share))

    def passes(self, value: float) -> bool:
        """Whether a value lies at the working point or on the better side of it."""
        return value >= self.at if self.best > self.worst else value <= self.at


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Attributes:
        name: Such as ``"turning"``.
        score: 0 to 1; from 0.5 on it speaks for a live person. None where it couldn't be assessed.
        values: What was measured, by name; None for what couldn't be.
        why: What the score rests on, in one sentence.
    """

    name: str
    score: float | None
    values: Mapping[str, float | None]
    why: str

    @property
    def passed(self) -> bool | None:
        """Whether it speaks for a live person; None where it couldn't be assessed."""
        return None if self.score is None else self.score >= WORKING

    def to_dict(self) -> dict[str, Any]:
        """As plain data, numbers rounded to what they can carry."""
        return {
            "name": self.name,
            "score": None if self.score is None else round(self.score, 4),
            "values": {
                name: None if value is None else round(float(value), 4) for name, value in self.values.items()
            },
            "why": self.why,
        }


def judged(name: str, values: Mapping[str, float], points: Mapping[str, WorkingPoint], why: str) -> Check:
    """A check whose score is the least of its measures'.

    Args:
        name: Of the check.
        values: What was measured, by name; those without a working point are told and not judged.
        points: Working points by ``"check.measure"``.
        why: One sentence.
    """
    keys = {f"{name}.{measure}": value for measure, value in values.items()}
    score = min(points[key].score(value) for key, value in keys.items() if key in points)
    return Check(name, score, values, why)


def not_assessed(name: str, why: str) -> Check:
    """A check that couldn't be made."""
    return Check(name, None, {}, why)


@functools.cache
def working_points() -> Mapping[str, WorkingPoint]:
    """The working points that come with visavis, by ``"check.measure"``.

    The file itself says how they were set, and on what.
    """
    return {name: WorkingPoint(**point) for name, point in _shipped()["active"].items()}


@functools.cache
def passive_threshold() -> float:
    """From which score on a single picture counts as live, 0 to 1."""
    return float(_shipped()["passive"]["threshold"])


@functools.cache
def _shipped() -> Mapping[str, Any]:
    path = resources.files("visavis.liveness") / "working_points.json"
    shipped: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return shipped
