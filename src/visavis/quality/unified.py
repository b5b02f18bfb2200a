"""One score for a picture of a face: how likely it is to be recognised, given what its components say.

The log odds that a comparison with a good picture of the same person matches are taken for a sum: one number
for all faces, and for some components a gain that never falls while the component's score rises. So a better
component never lowers the unified score. The numbers lie in ``unified.json``; benchmarks/quality_score.py
writes them, fitted to false non-matches of the default pack on pictures spoiled in many ways, and says how
well they do on people it hasn't seen.

Components that follow the skin as much as the light have no part in it (see `FOLLOWS_SKIN`).
"""

from __future__ import annotations

import bisect
import functools
import itertools
import json
import math
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from visavis.quality.component import NAMES, Component

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = "unified_score"
FOLLOWS_SKIN = frozenset(
    {
        "luminance_mean",
        "luminance_variance",
        "under_exposure_prevention",
        "over_exposure_prevention",
        "dynamic_range",
        "natural_colour",
        "illumination_uniformity",
    }
)
"""Components that differ between light and dark skin in one and the same light."""
MOST_MISSING = 0.4
"""Share of what the components could add up to, above which too much is missing to give a score: what the
detector says doesn't make up for a picture that couldn't be looked at."""


@dataclass(frozen=True, slots=True)
class Term:
    """What one component adds to the log odds of a match.

    Attributes:
        name: One of `component.NAMES`.
        scores: Scores of the component, rising, two or more.
        gains: What it adds at each of them, from 0 and never falling; in between in a straight line, beyond
            them as at the nearest.
        missing: What it adds where it couldn't be assessed, from 0 to the last of `gains`.
    """

    name: str
    scores: tuple[float, ...]
    gains: tuple[float, ...]
    missing: float

    def __post_init__(self) -> None:
        known = self.name in NAMES
        alike = len(self.scores) == len(self.gains) >= 2
        rising = all(low < high for low, high in itertools.pairwise((*self.scores, math.inf)))
        never_falling = all(low <= high for low, high in itertools.pairwise((*self.gains, math.inf)))
        if not alike:
            raise ValueError(f"as many gains as scores were expected, two or more, found {self}")
        ends = self.scores[0] >= 0 and self.scores[-1] <= 100 and self.gains[0] == 0 < self.gains[-1] < 50
        between = 0 <= self.missing <= self.gains[-1]
        if not (known and rising and never_falling and ends and between):
            raise ValueError(f"a gain that never falls on scores that rise was expected, found {self}")

    @property
    def most(self) -> float:
        """What it adds at best."""
        return self.gains[-1]

    def gain(self, score: float | None) -> float:
        """What it adds at a score, 0 to 100, or where there is None."""
        if score is None:
            return self.missing
        after = bisect.bisect_right(self.scores, score)
        if after == 0:
            return self.gains[0]
        if after == len(self.scores):
            return self.gains[-1]
        low, high = self.scores[after - 1], self.scores[after]
        rise = self.gains[after] - self.gains[after - 1]
        return self.gains[after - 1] + rise * (score - low) / (high - low)


@dataclass(frozen=True, slots=True)
class UnifiedFloor:
    """The least unified score of a profile, and the rule that gave it.

    Attributes:
        score: 0 to 100.
        missed: Share of genuine comparisons, 0 to 1, that the pictures just at the floor miss at most.
    """

    score: float
    missed: float

    def __post_init__(self) -> None:
        if not (0 < self.score < 100 and 0 < self.missed < 1):
            raise ValueError(f"a score of 0 to 100 and a share of 0 to 1 were expected, found {self}")


@dataclass(frozen=True, slots=True)
class Unified:
    """How components become one score, and where that comes from.

    Attributes:
        pack: The pack whose comparisons it was fitted to.
        fingerprint: That pack's fingerprint.
        fmr: The FMR of the threshold at which a comparison counts as missed.
        data: What was compared.
        people: How many people the fit rests on.
        comparisons: How many comparisons.
        offset: Log odds of a match where every component adds nothing.
        terms: The components that count.
        floors: By the profile's name.
    """

    pack: str
    fingerprint: str
    fmr: float
    data: str
    people: int
    comparisons: int
    offset: float
    terms: tuple[Term, ...]
    floors: Mapping[str, UnifiedFloor]

    def __post_init__(self) -> None:
        names = [term.name for term in self.terms]
        if not names or len(set(names)) < len(names) or not math.isfinite(self.offset):
            raise ValueError(f"an offset and terms of different components were expected, found {self}")

    def assess(self, components: Iterable[Component]) -> Component:
        """The unified score of a face.

        The native value is the expected share of genuine comparisons that are missed, 0 to 1: false
        non-matches at `fmr` with a good picture of the same person, over pictures like those of the fit. The
        score is what matches of a hundred.

        A component that couldn't be assessed adds what such faces of the fit had on average. Where the
        missing ones could make up more than two fifths of the sum, the score is a failure to assess.

        Args:
            components: Of one face; those that have no term don't matter.
        """
        found = {component.name: component for component in components}
        missing = [term for term in self.terms if _score(found, term.name) is None]
        if sum(term.most for term in missing) > MOST_MISSING * sum(term.most for term in self.terms):
            told = ["too little of the face could be assessed"]
            told += [found[term.name].problem or "" for term in missing if term.name in found][:1]
            return Component.failed(NAME, ": ".join(told))
        odds = self.offset + sum(term.gain(_score(found, term.name)) for term in self.terms)
        matched = 0.5 + 0.5 * math.tanh(odds / 2)
        return Component.measured(NAME, 1 - matched, 100 * matched)

    def losses(self, components: Iterable[Component]) -> list[tuple[Component, float]]:
        """By how much each component that counts falls short of its best, in log odds; the worst first."""
        most = {term.name: term for term in self.terms}
        counted = [component for component in components if component.name in most]
        lost = [(each, most[each.name].most - most[each.name].gain(each.score)) for each in counted]
        return sorted(lost, key=lambda pair: -pair[1])

    def to_dict(self) -> dict[str, Any]:
        """As plain data, as it lies in the file."""
        return {
            "pack": self.pack,
            "fingerprint": self.fingerprint,
            "fmr": self.fmr,
            "data": self.data,
            "people": self.people,
            "comparisons": self.comparisons,
            "offset": self.offset,
            "terms": [
                {
                    "name": term.name,
                    "scores": list(term.scores),
                    "gains": list(term.gains),
                    "missing": term.missing,
                }
                for term in self.terms
            ],
            "floors": {
                name: {"score": floor.score, "missed": floor.missed} for name, floor in self.floors.items()
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Unified:
        """The inverse of `to_dict`.

        Raises:
            ValueError: A better component could lower the score, or one counts that follows the skin.
        """
        if barred := FOLLOWS_SKIN & {each["name"] for each in data["terms"]}:
            raise ValueError(f"components that don't follow the skin were expected, found {sorted(barred)}")
        terms = (
            Term(each["name"], tuple(each["scores"]), tuple(each["gains"]), each["missing"])
            for each in data["terms"]
        )
        floors = {name: UnifiedFloor(**floor) for name, floor in data["floors"].items()}
        return cls(**{**data, "terms": tuple(terms), "floors": floors})


@functools.cache
def shipped() -> Unified:
    """The one that ships with visavis, read once."""
    text = resources.files("visavis.quality").joinpath("unified.json").read_text(encoding="utf-8")
    return Unified.from_dict(json.loads(text))


def _score(found: Mapping[str, Component], name: str) -> float | None:
    return found[name].score if name in found else None
