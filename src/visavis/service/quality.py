"""`POST /v1/quality`: is a picture fit to decide on?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.decision.reasons import below, explain
from visavis.ledger.recording import of_picture
from visavis.service import models
from visavis.service.answering import Kind, Task
from visavis.service.fields import digest_of, fields, one, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Reason
    from visavis.examiner import Examined
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.service.engine import Engine, Guard
    from visavis.service.intake import Given
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

FILES = {"picture": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Looking(Task["Examined"]):
    """A picture, and what it is meant for."""

    picture: bytes
    profile: str
    policy: Policy
    pack: str
    subject: str | None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.profile, self.subject)

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        return {"picture": sha256(self.picture)}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Examined:  # noqa: ARG002  # nothing is compared
        """As `Task.work`."""
        return engine.quality(wanted, self.picture, self.profile, self.policy)

    def event(self, result: Examined, use: Use) -> Event:
        """As `Task.event`."""
        return of_picture(
            "quality",
            result.evidence,
            use,
            decision=self.outcome(result),
            pack=self.pack,
            reasons=(reason.code for reason in self._reasons(result)),
            details={"profile": self.profile},
        )

    def answer(self, result: Examined, place: LedgerPlace) -> dict[str, Any]:  # noqa: ARG002  # it says nothing of the ledger
        """As `Task.answer`."""
        reasons = [reason.to_dict() for reason in self._reasons(result)]
        return {"outcome": self.outcome(result), "picture": result.evidence.to_dict(), "reasons": reasons}

    def outcome(self, result: Examined) -> str:
        """As `Task.outcome`: what keeps a face from being decided on weighs more than the profile."""
        quality = result.evidence.quality
        if quality is None:
            return "not_assessed"
        if result.problem is not None:
            return "falls_short"
        return {True: "meets", False: "falls_short", None: "not_assessed"}[quality.meets]

    def _reasons(self, result: Examined) -> list[Reason]:
        evidence = result.evidence
        return [
            *explain("picture", evidence, result.problem, self.policy),
            *below("picture", evidence.quality),
        ]


def _read(service: Service, grant: Grant, given: Given) -> Looking:  # noqa: ARG001  # every kind is read so
    asked = fields(models.QualityFields, given)
    return Looking(
        picture=one(given, "picture"),
        profile=asked.profile,
        policy=service.config.policy,
        pack=service.engine.verifier.pack.name,
        subject=asked.subject,
    )


QUALITY = Kind("quality", "quality", "quality", FILES, _read)
