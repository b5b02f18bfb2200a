"""What was measured of a face, as rows that reports share, and what a report measures for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.decision.reasons import asked_of, label
from visavis.quality.advice import GUIDES
from visavis.quality.assessed import held
from visavis.quality.measure import measure
from visavis.quality.profiles import PROFILES
from visavis.quality.unified import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from visavis.decision.verdict import Decision, Evidence, Verdict
    from visavis.examiner import Examined
    from visavis.quality.assessed import Assessed
    from visavis.quality.profiles import Profile

OF_REFERENCE = PROFILES["document_portrait"]
OF_PROBE = PROFILES["selfie"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured component as people read it.

    Attributes:
        label: What it is called.
        native: What was measured, with its unit.
        score: 0 to 100.
        floor: The least score that the profile asks for, or None.
        advice: What to do where the score lies below the floor, or None.
    """

    label: str
    native: str
    score: float
    floor: float | None
    advice: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """How good one picture of a verdict is.

    Attributes:
        about: Which picture, such as ``"Reference 2"``.
        assessed: Its face held against the profile; None where there is no face.
        profile: What it was held against.
        is_asked: Whether the policy asks for that; otherwise it had no influence.
    """

    about: str
    assessed: Assessed | None
    profile: Profile
    is_asked: bool

    @property
    def against(self) -> str:
        """What it was held against, in words."""
        return asked_of(self.profile.name or None)

    @property
    def outcome(self) -> str:
        """Whether it reaches that, in words."""
        assessed = self.assessed
        if assessed is None:
            return "nothing was measured: there is no face that could be compared"
        told = []
        if assessed.shortfalls:
            told.append(f"falls short in: {', '.join(label(s.component.name) for s in assessed.shortfalls)}")
        if assessed.unknown:
            told.append(f"can't be told for: {', '.join(label(each.name) for each in assessed.unknown)}")
        return "; ".join(told) or "every floor is reached"

    @property
    def scores(self) -> str:
        """The scores of what has a floor, in a line."""
        rows = [] if self.assessed is None else score_rows(self.assessed, self.profile)
        return ", ".join(f"{row.label} {row.score:.0f}" for row in rows if row.floor is not None)


def score_rows(assessed: Assessed, profile: Profile) -> Iterator[Row]:
    """What was measured, in the order of the components."""
    advice = {short.component.name: short.advice for short in assessed.shortfalls}
    for component in assessed.components:
        if component.native is None or component.score is None:
            continue
        guide, floor = GUIDES[component.name], profile.floors.get(component.name)
        native = f"{_number(component.native)} {guide.unit}".rstrip()
        least = None if floor is None else floor.score
        yield Row(guide.label, native, component.score, least, advice.get(component.name))


def unified_row(assessed: Assessed, profile: Profile) -> Row | None:
    """The score of all components together; None where there is none."""
    if assessed.score is None:
        return None
    floor = profile.floors.get(NAME)
    advice = next((short.advice for short in assessed.shortfalls if short.component.name == NAME), None)
    return Row(label(NAME), "", assessed.score, None if floor is None else floor.score, advice)


def left_out(assessed: Assessed) -> Mapping[str, list[str]]:
    """Labels of what wasn't assessed, by the reason."""
    groups: dict[str, list[str]] = {}
    for component in (assessed.unified, *assessed.components):
        if component.problem is not None:
            groups.setdefault(component.problem, []).append(label(component.name))
    return groups


def of_verdict(
    verdict: Verdict, names: Sequence[str], seen: Sequence[Examined], *, of_documents: bool
) -> list[Held]:
    """How good each picture of a verdict is: as the policy asks, or measured now for people to see.

    Args:
        verdict: The verdict.
        names: What its pictures are called, the probe's last.
        seen: Its pictures.
        of_documents: Whether all of them are of documents.
    """
    asked, of_probe = verdict.policy.demanded(of_documents=of_documents)
    evidence = (verdict.reference, *verdict.further_references, verdict.probe)
    demands = [*[asked] * (len(seen) - 1), of_probe]
    defaults = [*[OF_REFERENCE] * (len(seen) - 1), OF_REFERENCE if of_documents else OF_PROBE]
    return [
        Held(name, _assessed(each, found, demand or default), demand or default, demand is not None)
        for name, each, found, demand, default in zip(names, seen, evidence, demands, defaults, strict=True)
    ]


def tone_of(meets: bool | None) -> Decision:
    """The colour and mark of the verdict that corresponds."""
    if meets is None:
        return "inconclusive"
    return "match" if meets else "no_match"


def _assessed(seen: Examined, evidence: Evidence, profile: Profile) -> Assessed | None:
    if evidence.quality is not None or evidence.face is None:
        return evidence.quality
    return held(measure(seen.photo, evidence.face, evidence.others), profile)


def _number(value: float) -> str:
    """A native value with about three digits."""
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # never a negative zero
