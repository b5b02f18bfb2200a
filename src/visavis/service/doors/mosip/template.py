"""`/extract-template`: a record's face as a template that only this installation reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from visavis.decision.reasons import below, explain
from visavis.ledger.recording import of_picture
from visavis.quality.unified import NAME as UNIFIED
from visavis.records import cbeff_json
from visavis.records.cbeff import PARTS, PROCESSED, Quality, Registered
from visavis.service.answering import Task
from visavis.service.doors.mosip import envelope, said
from visavis.service.doors.mosip.asked import Given, face_of
from visavis.service.doors.mosip.envelope import FINE, INVALID_INPUT, Stated
from visavis.service.fields import digest_of, policy_of, sha256
from visavis.service.service import derived

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Reason
    from visavis.examiner import Examined
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.records.cbeff import BdbInfo, BiometricRecord, Bir, BirInfo
    from visavis.service.engine import Engine, Guard
    from visavis.service.kept import Kept
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

Named = TypeVar("Named", "BiometricRecord", "Bir", "BirInfo", "BdbInfo")

OURS = "visavis"
FORMAT = Registered(OURS, "face-template-1")
ALLOWED = ("VERIFY", "ENROLL", "ENROLLVERIFY")
"""Purposes of a record under which a template may be made. Those that identify are for comparing one with
many; what is kept for an audit isn't kept to be compared; and none allows nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Extraction(Task["tuple[Examined, Kept | None]"]):
    """A picture whose face is to become a template.

    Attributes:
        picture: The picture of the record.
        record: The record.
        block: What it holds of the face.
        policy: Which faces are too poor.
        pack: What makes the template.
        secret: That seals it.
        purpose: Under which it may be compared.
        subject: Nobody is named.
    """

    picture: bytes
    record: BiometricRecord
    block: Bir
    policy: Policy
    pack: str
    secret: bytes
    purpose: str
    subject: str | None = None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.policy.to_dict())

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        return {"picture": sha256(self.picture)}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> tuple[Examined, Kept | None]:  # noqa: ARG002  # nothing is compared
        """As `Task.work`."""
        return engine.keep(wanted, self.picture, self.policy)

    def event(self, result: tuple[Examined, Kept | None], use: Use) -> Event:
        """As `Task.event`."""
        reasons = (reason.code for reason in self._reasons(result[0]))
        decision = self.outcome(result)
        seen = result[0].evidence
        return of_picture("template", seen, use, decision=decision, pack=self.pack, reasons=reasons)

    def answer(self, result: tuple[Examined, Kept | None], place: LedgerPlace) -> dict[str, Any]:
        """As `Task.answer`."""
        seen, kept = result
        if kept is None:
            why = said.decisive(self._reasons(seen))
            return envelope.stated(said.status_of(why), "; ".join(said.in_words(why)), None)
        plain = known(self.record)
        record = replace(
            plain,
            info=without_payload(plain.info),
            segments=(self._processed(kept),),
            others=without_pictures(self.record.others),
        )
        return envelope.stated(FINE, said.done("extracted", place), cbeff_json.write_record(record))

    def outcome(self, result: tuple[Examined, Kept | None]) -> str:
        """As `Task.outcome`."""
        return "too_poor" if result[1] is None else "extracted"

    def _reasons(self, seen: Examined) -> list[Reason]:
        evidence = seen.evidence
        return [
            *explain("sample", evidence, seen.problem, self.policy),
            *below("sample", evidence.quality),
        ]

    def _processed(self, kept: Kept) -> Bir:
        """The segment of the template; what could hold the picture, or was about it, is left out."""
        block, quality = known(self.block), kept.evidence.quality
        info = block.bdb_info
        assert info is not None  # noqa: S101  # that it is of a face stands there
        # A whole number: the platform's own class for it can't hold another.
        score = None if quality is None or quality.score is None else round(quality.score)
        algorithm = Registered(OURS, kept.template.fingerprint)
        return replace(
            block,
            info=without_payload(block.info),
            bdb_info=replace(
                info,
                format=FORMAT,
                encryption=True,
                level=PROCESSED,
                feature_extraction_algorithm=algorithm,
                comparison_algorithm=algorithm,
                compression_algorithm=None,
                quality=Quality(Registered(OURS, UNIFIED), score),
            ),
            bdb=kept.sealed(self.secret, self.purpose),
            sb=None,
            sb_info=None,
            birs=(),
            others=without_pictures(block.others),
        )


def known(thing: Named) -> Named:
    """A part of a record without names that nobody here knows, in it or in what it is made of.

    Anything could stand under them. Records within it stay as they are.
    """
    parts = PARTS[type(thing)]
    inner = [part.name for part in parts if not (isinstance(part.kind, str) or part.several)]
    changed: dict[str, Any] = {
        name: known(each) for name in inner if (each := getattr(thing, name)) is not None
    }
    names = {part.key for part in parts}
    given = {key: each for key, each in thing.as_received.items() if key in names}
    return replace(thing, **changed, as_received=given)


def without_payload(info: BirInfo | None) -> BirInfo | None:
    """What is said about a record, without what its creator added."""
    return None if info is None else replace(info, payload=None)


def without_pictures(others: Mapping[str, str | None]) -> dict[str, str | None]:
    """What MOSIP notes, without what the device signed."""
    return {name: value for name, value in others.items() if name != "PAYLOAD"}


def read(service: Service, grant: Grant, given: Given) -> Extraction:
    """What is asked for.

    Raises:
        Stated: 402 where the record is missing, 401 where it can't be used or its purpose doesn't allow it,
            404 where it has no face.
        VisavisError: A record can't be read, or the key doesn't allow the policy.
    """
    given.modalities("modalitiesToExtract")
    record = given.record("sample")
    block = face_of(record, "sample")
    purpose = None if block.bdb_info is None else block.bdb_info.purpose
    if purpose not in ALLOWED:
        raise Stated(
            INVALID_INPUT,
            "request.purpose",
            "the purpose of the record doesn't allow a template",
            found=purpose or "no purpose",
            expected=", ".join(ALLOWED),
            is_kept=True,
        )
    return Extraction(
        picture=given.picture(block),
        record=record,
        block=block,
        policy=policy_of(service, grant, None),
        pack=service.engine.verifier.pack.name,
        secret=secret_of(service),
        purpose=grant.purpose,
    )


def secret_of(service: Service) -> bytes:
    """What templates are sealed with."""
    return derived(service.key, b"templates")
