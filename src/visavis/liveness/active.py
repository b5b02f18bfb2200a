"""The active challenge: whether frames show a live person who did what a challenge asked.

Six checks look at the frames, each for itself. The weakest decides: an attack has to pass all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from visavis.decision.calibration import shipped
from visavis.decision.policy import Policy
from visavis.errors import PhotoError
from visavis.liveness.check import WORKING, Check, working_points
from visavis.liveness.closer import closer
from visavis.liveness.person import FMR, person, to_compare
from visavis.liveness.reflection import reflection
from visavis.liveness.relief import relief
from visavis.liveness.sequence import Seen, Watched
from visavis.liveness.timing import problem_of, timing, without_face
from visavis.liveness.turning import turning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.decision.calibration import Calibration
    from visavis.examiner import Examiner
    from visavis.faces.recognise import Template
    from visavis.liveness.challenge import Challenge
    from visavis.liveness.check import WorkingPoint
    from visavis.liveness.frames import Frame

Outcome = Literal["live", "attack", "not assessed"]

POLICY = Policy(faces="largest_central")
"""Which face of a frame counts, and which are too poor to be compared."""


@dataclass(frozen=True, slots=True)
class Active:
    """What the frames that answer a challenge come to.

    Attributes:
        outcome: ``"live"``, ``"attack"``, or ``"not assessed"``.
        score: That of the weakest check, 0 to 1; None where nothing was assessed.
        threshold: From which score on the frames count as live.
        checks: What each check found; none where the frames can't be looked at.
        problem: Code of what kept the frames from being assessed, or None.
        why: What the outcome rests on, in one sentence.
        template: Of the frame that looks most straight ahead, to be compared with a probe; None without one.
    """

    outcome: Outcome
    score: float | None
    threshold: float
    checks: tuple[Check, ...]
    problem: str | None
    why: str
    template: Template | None = field(default=None, compare=False, repr=False)

    @classmethod
    def not_assessed(
        cls, problem: str, why: str, checks: tuple[Check, ...] = (), template: Template | None = None
    ) -> Active:
        """Where nothing can be said.

        Args:
            problem: Its code.
            why: One sentence.
            checks: What was checked all the same.
            template: As in `Active`.
        """
        return cls("not assessed", None, WORKING, checks, problem, why, template)

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of what kept the frames from being assessed, and of the checks that failed."""
        failed = tuple(f"{check.name}_failed" for check in self.checks if check.passed is False)
        return failed if self.problem is None else (self.problem, *failed)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, numbers rounded to what they can carry, without the template."""
        return {
            "outcome": self.outcome,
            "score": None if self.score is None else round(self.score, 4),
            "threshold": self.threshold,
            "checks": [check.to_dict() for check in self.checks],
            "problem": self.problem,
            "why": self.why,
        }


class ActiveDetector:
    """Judges answers to challenges with one examiner; safe for several threads at once."""

    def __init__(
        self,
        examiner: Examiner,
        *,
        calibration: Calibration | None = None,
        points: Mapping[str, WorkingPoint] | None = None,
    ) -> None:
        """Take an examiner.

        Args:
            examiner: Finds the faces, and makes templates of a few.
            calibration: Of its pack; that which ships with visavis by default.
            points: Working points of the checks; those that ship with visavis by default.

        Raises:
            PackError: The calibration isn't one of the examiner's pack.
        """
        pack = examiner.pack.name
        calibration = calibration or shipped(pack, examiner.fingerprint)
        calibration.require(pack, examiner.fingerprint)
        self._examiner = examiner
        self._threshold = calibration.threshold(FMR)
        self._points = working_points() if points is None else points

    def judge(self, challenge: Challenge, frames: Sequence[Frame]) -> Active:
        """Whether frames show a live person who did what was asked.

        Args:
            challenge: What was asked; whether it may still be answered is the register's business.
            frames: The answer, in the order of their times; at most 200.

        Returns:
            Never an error for frames that are of no use: `Active.problem` names what is wrong with them.
        """
        if problem := problem_of(challenge, frames):
            return Active.not_assessed(*problem)
        seen, looks = [], []
        for frame in frames:
            try:
                look = self._examiner.look(frame.photo, policy=POLICY)
            except PhotoError as error:
                return Active.not_assessed("frame_unusable", f"a frame can't be decoded: {error}")
            seen.append(Seen.of(frame.at_ms, look.photo, look.evidence.face))
            looks.append(replace(look, photo=frame.photo))  # not the finer pictures of all frames at once
        watched = Watched(challenge, tuple(seen))
        if problem := without_face(watched):
            return Active.not_assessed(*problem)
        chosen = to_compare(watched)
        templates = {number: self._examiner.recognise(looks[number]).template for number in chosen}
        checks = (
            timing(watched, self._points),
            person([each for each in templates.values() if each is not None], self._threshold),
            turning(watched, self._points),
            relief(watched, self._points),
            closer(watched, self._points),
            reflection(watched, self._points),
        )
        straightest = sorted(templates, key=lambda number: abs(watched.yaw_deg[number]))
        fit = (templates[number] for number in straightest if templates[number] is not None)
        return together(checks, next(fit, None))


def together(checks: tuple[Check, ...], template: Template | None) -> Active:
    """The weakest check decides; one that couldn't be made leaves it open, unless another fails.

    Args:
        checks: At least one.
        template: As in `Active`.
    """
    failed = [check for check in checks if check.passed is False]
    unknown = [check for check in checks if check.score is None]
    if unknown and not failed:
        why = f"{unknown[0].name}: {unknown[0].why}"
        return Active.not_assessed("check_not_assessed", why, checks, template)
    score, weakest = min(
        ((check.score, check) for check in checks if check.score is not None), key=itemgetter(0)
    )
    if failed:
        why = f"{weakest.name}: {weakest.why}"
        return Active("attack", score, WORKING, checks, None, why, template)
    return Active("live", score, WORKING, checks, None, f"all {len(checks)} checks passed", template)
