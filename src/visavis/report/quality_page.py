"""Whether a picture meets a profile, and that as one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import visavis
from visavis.decision.policy import Policy
from visavis.decision.reasons import explain, label, spoken
from visavis.documents.templates import templates
from visavis.faces.choose import rivals
from visavis.quality.assessed import held
from visavis.quality.measure import measure
from visavis.report import scores, words
from visavis.report.page import picture, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from visavis.decision.verdict import Decision, Reason
    from visavis.examiner import Examined
    from visavis.quality.assessed import Assessed
    from visavis.quality.profiles import Profile
    from visavis.report.scores import Row

NOT_SAID = (
    ("Who is on it,", "and whether it is the person that somebody claims: for that, compare it."),
    (
        "Whether a live person was there, or the picture was altered.",
        "A good picture of a picture may meet every floor.",
    ),
    ("How often a comparison of it errs.", "A picture that meets the profile can still be judged wrongly."),
)


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One picture, and what became of it when it was held against a profile.

    Attributes:
        seen: The picture, looked at.
        profile: What it is meant for.
        assessed: Its face held against that, or None where no face was chosen.
        reasons: What keeps the face from being compared, then what to keep in mind.
    """

    seen: Examined
    profile: Profile
    assessed: Assessed | None
    reasons: tuple[Reason, ...]

    @property
    def problem(self) -> Reason | None:
        """What keeps the face from being compared: none, several, or one too poor to say."""
        return next((reason for reason in self.reasons if reason.decisive), None)

    @property
    def meets(self) -> bool | None:
        """Whether the picture meets the profile; None where nobody can say."""
        if self.assessed is None:
            return None
        return False if self.problem is not None else self.assessed.meets

    @property
    def tone(self) -> Decision:
        """The colour and mark of the verdict that corresponds."""
        return scores.tone_of(self.meets)

    @property
    def rows(self) -> list[Row]:
        """What was measured, in the order of the components."""
        return [] if self.assessed is None else list(scores.score_rows(self.assessed, self.profile))

    @property
    def unified(self) -> Row | None:
        """The score of all components together, or None."""
        return None if self.assessed is None else scores.unified_row(self.assessed, self.profile)

    @property
    def left_out(self) -> Mapping[str, list[str]]:
        """Labels of what wasn't assessed, by the reason."""
        return {} if self.assessed is None else scores.left_out(self.assessed)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        seen = self.seen.evidence.to_dict()
        del seen["quality"]  # it stands beside the picture here
        face = seen.pop("face")
        nothing: dict[str, Any] = {"profile": self.profile.name, "score": None}
        nothing |= {"components": [], "shortfalls": [], "not_assessed": []}
        assessed = nothing if self.assessed is None else self.assessed.to_dict()
        problem = self.problem
        return {
            "picture": seen,
            "face": face,
            **{name: assessed[name] for name in ("profile", "score")},
            "meets": self.meets,
            **{name: assessed[name] for name in ("components", "shortfalls", "not_assessed")},
            "problem": None if problem is None else {"code": problem.code, "message": problem.message},
        }


def assess(seen: Examined, profile: Profile) -> Finding:
    """Hold a picture against a profile.

    Args:
        seen: The picture, looked at by the default policy.
        profile: What it is meant for.
    """
    evidence = seen.evidence
    assessed = None
    if evidence.face is not None:
        assessed = held(measure(seen.photo, evidence.face, evidence.others), profile)
    reasons = explain("picture", evidence, seen.problem, Policy())
    return Finding(seen, profile, assessed, tuple(_without_a_box(reason, seen) for reason in reasons))


def heading(finding: Finding) -> str:
    """Whether the picture meets the profile, in a line."""
    profile = spoken(finding.profile.name)
    if finding.meets is None:
        return f"CANNOT TELL whether it meets the profile {profile}"
    return f"{'MEETS' if finding.meets else 'FALLS SHORT OF'} the profile {profile}"


def meaning(finding: Finding) -> str:
    """What the heading rests on, in a sentence."""
    if finding.assessed is None:
        return "No face was measured."
    count = len(finding.profile.floors)
    short, unknown = len(finding.assessed.shortfalls), finding.assessed.unknown
    told = f"{count - short - len(unknown)} of {count} floors are reached"
    if short:
        told += f", {short} {'is' if short == 1 else 'are'} not"
    if unknown:
        told += f"; not assessed: {', '.join(label(each.name) for each in unknown)}"
    if finding.problem is not None:
        told += "; the face is too poor to be compared"
    return f"{told}."


def quality_page(finding: Finding, *, made_at: datetime | None = None) -> str:
    """The picture and its scores as HTML, without scripts and without anything from outside.

    Args:
        finding: What `assess` said.
        made_at: When it was made, with a time zone; now by default.

    Raises:
        ValueError: `made_at` has no time zone.
    """
    template = templates("visavis.report").get_template("quality.html")
    return template.render(
        finding=finding,
        heading=heading(finding),
        meaning=meaning(finding),
        words=words,
        pictures=[picture("picture", finding.seen)],
        reasons=finding.reasons,
        not_said=NOT_SAID,
        made_at=stamp(made_at),
        version=visavis.__version__,
    )


def _without_a_box(reason: Reason, seen: Examined) -> Reason:
    """The reason, without the advice to give a box: here nobody can."""
    if reason.code != "several_faces":
        return reason
    count = len(rivals(seen.evidence.others))
    message = f"the picture shows {count} faces of comparable size: crop it to the one that is meant"
    return replace(reason, message=message)
