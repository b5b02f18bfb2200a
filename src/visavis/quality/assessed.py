"""A face held against what a picture is meant for: what was measured, and what falls short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.quality.component import Component
from visavis.quality.profiles import PROFILES, Floor, Profile, Shortfall, not_assessed, shortfalls
from visavis.quality.unified import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.quality.measure import Quality


@dataclass(frozen=True, slots=True)
class Assessed:
    """One face held against a profile, floors of the operator's own, or both.

    Attributes:
        profile: Name of the profile, or None where only own floors count.
        unified: All of it in one score, or why there is none.
        components: All of `component.NAMES` in their order.
        shortfalls: What lies below its floor.
        unknown: What has a floor and couldn't be assessed.
    """

    profile: str | None
    unified: Component
    components: tuple[Component, ...]
    shortfalls: tuple[Shortfall, ...]
    unknown: tuple[Component, ...]

    @property
    def score(self) -> float | None:
        """The unified score, 0 to 100; None where too little could be assessed."""
        return self.unified.score

    @property
    def meets(self) -> bool | None:
        """Whether every floor is reached; None where nothing falls short and something wasn't assessed."""
        if self.shortfalls:
            return False
        return None if self.unknown else True

    def to_dict(self) -> dict[str, Any]:
        """As plain data, scores to one decimal; the unified score is the first of the components."""
        components = (self.unified, *self.components)
        return {
            "profile": self.profile,
            "score": None if self.score is None else round(self.score, 1),
            "meets": self.meets,
            "components": [{"name": each.name, **each.to_dict()} for each in components],
            "shortfalls": [
                {"name": short.component.name, "floor": round(short.floor, 1), "advice": short.advice}
                for short in self.shortfalls
            ],
            "not_assessed": [{"name": each.name, "problem": each.problem} for each in self.unknown],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Assessed:
        """The inverse of `to_dict`, up to its rounding."""
        components = tuple(Component(**component) for component in data["components"])
        by_name = {component.name: component for component in components}
        return cls(
            profile=data["profile"],
            unified=by_name[NAME],
            components=tuple(each for each in components if each.name != NAME),
            shortfalls=tuple(
                Shortfall(by_name[short["name"]], short["floor"], short["advice"])
                for short in data["shortfalls"]
            ),
            unknown=tuple(by_name[each["name"]] for each in data["not_assessed"]),
        )


def required(profile: str | None, own: Mapping[str, float]) -> Profile | None:
    """The floors that count: those of a profile, and in their place or beside them an operator's own.

    Args:
        profile: Name of a profile, or None.
        own: Least scores by name of a component or of the unified score, 0 to 100; 0 takes a floor away.

    Returns:
        None where nothing is asked.
    """
    if profile is None and not own:
        return None
    floors = {} if profile is None else dict(PROFILES[profile].floors)
    floors |= {name: Floor(score, "the operator's own") for name, score in own.items()}
    return Profile(profile or "", {name: floor for name, floor in floors.items() if floor.score > 0})


def held(quality: Quality, profile: Profile) -> Assessed:
    """Hold what was measured against a profile.

    Args:
        quality: The components of a face.
        profile: What `required` gave, or one of `profiles.PROFILES`.
    """
    return Assessed(
        profile=profile.name or None,
        unified=quality.unified,
        components=quality.components,
        shortfalls=shortfalls(quality, profile),
        unknown=not_assessed(quality, profile),
    )
