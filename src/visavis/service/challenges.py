"""`POST /v1/challenges` and `POST /v1/challenges/{id}/answers`: was a live person before the camera?"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from visavis.ledger.recording import of_frames, together
from visavis.liveness.challenge import LIFETIME, in_words
from visavis.liveness.frames import MAX_FRAMES
from visavis.service import models
from visavis.service.answered_challenge import USABLE, binding_of, keep
from visavis.service.answering import Kind, Task
from visavis.service.fields import digest_of, fields, several, sha256
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.decision.verdict import LedgerPlace
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.liveness.active import Active
    from visavis.liveness.challenge import Challenge
    from visavis.liveness.register import Sealed
    from visavis.service.engine import Engine, Guard
    from visavis.service.intake import Given
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

FILES = {"frame": MAX_FRAMES}


def draw(service: Service, grant: Grant, subject: str | None) -> dict[str, Any]:
    """Draw a challenge and keep it until it expires.

    Raises:
        StorageError: It can't be kept.
    """
    sealed = service.issuer.issue(binding_of(service, subject))
    challenge = sealed.challenge
    service.challenges.keep(sealed, purpose=grant.purpose, for_s=(LIFETIME + USABLE).total_seconds())
    return {
        "id": challenge.id,
        "issued_at": challenge.issued_at.isoformat(),
        "expires_at": challenge.expires_at.isoformat(),
        "duration_ms": challenge.duration_ms,
        "steps": [{**step.to_dict(), "words": in_words(step)} for step in challenge.steps],
    }


@dataclass(frozen=True, slots=True, eq=False)
class Answering(Task["Active"]):
    """The frames that answer a challenge."""

    sealed: Sealed
    frames: Sequence[tuple[float, bytes]]
    pack: str
    subject: str | None
    came_at: datetime

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), [at for at, _ in self.frames], self._challenge.id, self.subject)

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        return {"frames": together(self._digests)}

    def prepare(self, service: Service, grant: Grant) -> Answering:  # noqa: ARG002  # every task is prepared so
        """As `Task.prepare`: the challenge is spent, whatever the frames come to.

        Raises:
            Problem: 409, where it doesn't count any more.
        """
        refused = service.issuer.admit(self.sealed, binding=self._challenge.binding, now=self.came_at)
        if refused is not None:
            code, told = refused
            raise Problem(409, f"request.{code}", told)
        return self

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Active:  # noqa: ARG002  # nothing is compared
        """As `Task.work`."""
        return engine.judge(wanted, self._challenge, self.frames)

    def event(self, result: Active, use: Use) -> Event:
        """As `Task.event`."""
        return of_frames(
            self._challenge.id,
            self._digests,
            use,
            decision=result.outcome,
            pack=self.pack,
            reasons=result.codes,
        )

    def keep(self, service: Service, grant: Grant, result: Active) -> None:
        """As `Task.keep`: for the verification that may rest on it."""
        keep(service, grant, self._challenge.id, result, self.subject)

    def answer(self, result: Active, place: LedgerPlace) -> dict[str, Any]:  # noqa: ARG002  # it says nothing of the ledger
        """As `Task.answer`."""
        return {"challenge": self._challenge.id, "liveness": result.to_dict()}

    def outcome(self, result: Active) -> str:
        """As `Task.outcome`."""
        return result.outcome.replace(" ", "_")

    @property
    def _digests(self) -> list[str]:
        return [sha256(data) for _, data in self.frames]

    @property
    def _challenge(self) -> Challenge:
        return self.sealed.challenge


def _read(challenge_id: str, service: Service, grant: Grant, given: Given) -> Answering:
    asked = fields(models.AnswerFields, given)
    return answering(
        service,
        grant,
        challenge_id,
        frames=several(given, "frame"),
        times=asked.times,
        subject=asked.subject,
    )


def answering(
    service: Service,
    grant: Grant,
    challenge_id: str,
    *,
    frames: Sequence[bytes],
    times: Sequence[float],
    subject: str | None,
) -> Answering:
    """The answer to a challenge that was drawn for a subject.

    Args:
        service: What judges it.
        grant: Of the call.
        challenge_id: Which challenge.
        frames: The pictures.
        times: Of each frame, when it was taken, in milliseconds since the first step began.
        subject: The operator's own reference of the person, or None.

    Raises:
        Problem: It isn't complete; 404 or 409 where the challenge isn't there, or is another subject's.
    """
    if len(frames) != len(times):
        raise Problem(
            422,
            "request.fields",
            "times has one for each frame",
            found=len(times),
            expected=len(frames),
        )
    sealed, _ = service.challenges.find(challenge_id, purpose=grant.purpose)
    if sealed.challenge.binding != binding_of(service, subject):
        raise Problem(
            409, "request.challenge_of_another_request", "the challenge was drawn for another subject"
        )
    return Answering(
        sealed=sealed,
        frames=list(zip(times, frames, strict=True)),
        pack=service.engine.verifier.pack.name,
        subject=subject,
        came_at=datetime.now(UTC),
    )


def answer_to(challenge_id: str) -> Kind[Active]:
    """An answer to a challenge."""
    return Kind("liveness", "liveness", "challenges", FILES, functools.partial(_read, challenge_id))
