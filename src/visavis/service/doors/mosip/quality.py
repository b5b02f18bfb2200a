"""`/check-quality`: how good is the picture of a face, in one number and by component?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.decision.reasons import explain
from visavis.ledger.recording import of_picture
from visavis.records.cbeff import FACE
from visavis.service.answering import Task
from visavis.service.doors.mosip import envelope, said
from visavis.service.doors.mosip.asked import Given, face_of
from visavis.service.doors.mosip.envelope import FINE, POOR_QUALITY
from visavis.service.doors.mosip.match import NOT_OURS
from visavis.service.fields import digest_of, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Reason
    from visavis.examiner import Examined
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.quality.assessed import Assessed
    from visavis.service.engine import Engine, Guard
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

PROFILE = "selfie"
"""What the picture is held against, for advice; the score has nothing to do with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Check(Task["Examined"]):
    """A picture.

    Attributes:
        picture: The picture of the sample.
        policy: Which of its faces counts.
        pack: What looks.
        modalities: What else than the face was asked for.
        subject: Nobody is named.
    """

    picture: bytes
    policy: Policy
    pack: str
    modalities: Sequence[str]
    subject: str | None = None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs())

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        return {"picture": sha256(self.picture)}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Examined:  # noqa: ARG002  # nothing is compared
        """As `Task.work`."""
        return engine.quality(wanted, self.picture, PROFILE, self.policy)

    def event(self, result: Examined, use: Use) -> Event:
        """As `Task.event`."""
        return of_picture(
            "quality",
            result.evidence,
            use,
            decision=self.outcome(result),
            pack=self.pack,
            reasons=(reason.code for reason in self._reasons(result)),
            details={"profile": None},
        )

    def answer(self, result: Examined, place: LedgerPlace) -> dict[str, Any]:
        """As `Task.answer`."""
        quality, reasons = result.evidence.quality, self._reasons(result)
        told: dict[str, object] = {"pack": self.pack, "reasons": ", ".join(each.code for each in reasons)}
        score, number, errors = 0.0, FINE, list[str]()
        if quality is None:
            errors, number = said.in_words(said.decisive(reasons)), said.status_of(reasons)
        else:
            told |= _components(quality)
            if quality.score is None:
                errors, number = [f"quality: {quality.unified.problem}"], POOR_QUALITY
            else:
                score = round(quality.score, 1)
        scored = {"score": score, "errors": errors, "analyticsInfo": said.texts(told, place)}
        others = {name: {"score": 0.0, "errors": [NOT_OURS], "analyticsInfo": {}} for name in self.modalities}
        response = {"scores": {FACE: scored, **others}, "analyticsInfo": {}}
        return envelope.stated(number, "; ".join(errors) or said.done("measured", place), response)

    def outcome(self, result: Examined) -> str:
        """As `Task.outcome`."""
        quality = result.evidence.quality
        return "not_assessed" if quality is None or quality.score is None else "measured"

    def _reasons(self, result: Examined) -> list[Reason]:
        return list(explain("sample", result.evidence, result.problem, self.policy))


def read(service: Service, grant: Grant, given: Given) -> Check:  # noqa: ARG001  # all are read so
    """What is asked for.

    Raises:
        Stated: 402 where the record is missing, 401 where it can't be used, 404 where it has no face.
        RecordError: A record can't be read.
    """
    modalities = given.modalities("modalitiesToCheck")
    return Check(
        picture=given.picture(face_of(given.record("sample"), "sample")),
        policy=service.config.policy,
        pack=service.engine.verifier.pack.name,
        modalities=[name for name in modalities if name != FACE],
    )


def _components(quality: Assessed) -> dict[str, object]:
    """Each component's score, what was measured, or why it wasn't; then what to do better."""
    told: dict[str, object] = {}
    for each in quality.components:
        plain = each.to_dict()
        told[each.name] = plain["score"]
        told[f"{each.name}.native"] = plain["native"]
        if each.problem is not None:
            told[f"{each.name}.problem"] = each.problem
    told["profile"] = quality.profile
    told["meets_profile"] = quality.meets
    told["advice"] = "; ".join(short.advice for short in quality.shortfalls)
    return told
