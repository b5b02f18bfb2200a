"""`POST /facepp/v3/compare`: how alike are two faces?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.ledger.recording import of_verdict
from visavis.service.answering import Task
from visavis.service.doors.facepp import rectangles, tokens
from visavis.service.doors.facepp.confidence import Curve
from visavis.service.doors.facepp.pictures import SIDES, of_field, opened, source, unknown_token
from visavis.service.doors.facepp.seeing import Seen, image_id, is_enough, look, recalled
from visavis.service.fields import digest_of, policy_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Verdict
    from visavis.examiner import Examined
    from visavis.geometry import Box
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.service.doors.facepp.asked import Asked
    from visavis.service.doors.facepp.pictures import Source
    from visavis.service.engine import Engine, Guard
    from visavis.service.kept import Kept
    from visavis.service.pool import Wanted
    from visavis.service.service import Service


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What a comparison came to.

    Attributes:
        verdict: Under the service's policy, as it is recorded.
        seen: What was seen on each side; None where it is a token.
        confidence: None where nothing may be said.
        thresholds: What goes with it.
    """

    verdict: Verdict
    seen: tuple[Seen | None, ...]
    confidence: float | None
    thresholds: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(Task[Compared]):
    """Two sides, each a picture or a token."""

    asked: Asked
    sides: tuple[Source, ...]
    boxes: tuple[Box | None, ...]
    policy: Policy
    hours: float
    kept: tuple[Kept | None, ...] = (None, None)
    subject: str | None = None

    @property
    def reference(self) -> int:
        """Which side is the reference: the first, unless only the second one was enrolled before."""
        first, second = (side.token is not None for side in self.sides)
        return 1 if second and not first else 0

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.policy.to_dict(), [str(box) for box in self.boxes])

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        reference = self.reference
        return {"reference": self.sides[reference].sha256, "probe": self.sides[1 - reference].sha256}

    def prepare(self, service: Service, grant: Grant) -> Comparison:
        """As `Task.prepare`: with the faces of its tokens."""
        kept = (
            None if side.token is None else face_of(service, grant, side.token, self.policy)
            for side in self.sides
        )
        return replace(self, kept=tuple(kept))

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Compared:
        """As `Task.work`."""
        seen: list[Seen | None] = []
        examined: list[Examined] = []
        for number, (side, box, kept) in enumerate(zip(self.sides, self.boxes, self.kept, strict=True)):
            if kept is not None:
                seen.append(None)
                is_probe = number != self.reference
                examined.append(recalled(kept, side.token or "", self.policy, is_probe=is_probe))
                continue
            with of_field(side.field):
                photo = opened(side.data)
                found = look(engine, wanted, photo, policy=self.policy, box=box, keeps=self.hours > 0)
            seen.append(found)
            examined.append(found.examined)
        reference, probe = examined[self.reference], examined[1 - self.reference]
        verdict = engine.compare(wanted, [reference], probe, policy=self.policy, guard=guard)
        curve = Curve.through(engine.verifier.calibration)
        similarity = verdict.similarity
        confidence = None if similarity is None or not curve.thresholds else curve(similarity)
        return Compared(verdict, tuple(seen), confidence, curve.thresholds)

    def event(self, result: Compared, use: Use) -> Event:
        """As `Task.event`."""
        return of_verdict(result.verdict, use)

    def keep(self, service: Service, grant: Grant, result: Compared) -> None:
        """As `Task.keep`: the faces that were given a token."""
        faces = {
            seen.token: seen.kept
            for seen in result.seen
            if seen is not None and seen.token is not None and seen.kept is not None
        }
        tokens.of(service).keep(faces, key=grant.key, hours=self.hours)

    def answer(self, result: Compared, place: LedgerPlace) -> dict[str, Any]:  # noqa: ARG002  # it has no field for that
        """As `Task.answer`."""
        told: dict[str, Any] = {}
        if result.confidence is not None:
            told |= {"confidence": result.confidence, "thresholds": dict(result.thresholds)}
        pictures = [(number, seen) for number, seen in enumerate(result.seen, 1) if seen is not None]
        told |= {f"image_id{number}": image_id() for number, _ in pictures}
        told |= {f"faces{number}": seen.faces for number, seen in pictures}
        return self.asked.answer(told)

    def outcome(self, result: Compared) -> str:
        """As `Task.outcome`."""
        return result.verdict.decision


def face_of(service: Service, grant: Grant, token: str, policy: Policy) -> Kept:
    """The face of a token.

    Raises:
        Said: There is none for this key that the policy can be applied to.
    """
    fingerprint = service.engine.verifier.examiner.fingerprint
    kept = tokens.of(service).find(token, key=grant.key, fingerprint=fingerprint)
    if kept is None or not is_enough(kept, policy):
        raise unknown_token(token)
    return kept


def make(asked: Asked, service: Service, grant: Grant) -> Comparison:
    """What was asked.

    Raises:
        Said: It isn't complete, or can't be read.
        VisavisError: The policy can't be had.
    """
    for names in SIDES:
        names.given(asked.form)
    boxes = tuple(rectangles.given(asked.form, f"face_rectangle{number}") for number in (1, 2))
    sides = tuple(source(asked, names) for names in SIDES)
    policy = policy_of(service, grant, None)
    return Comparison(asked, sides, boxes, policy, service.config.facepp_token_hours)
