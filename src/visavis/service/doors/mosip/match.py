"""`/match`: is the person on the sample the one whom the only other record is of?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.errors import AccessError, PackError
from visavis.ledger.recording import of_verdict
from visavis.records.cbeff import FACE
from visavis.service.answering import Task
from visavis.service.doors.mosip import envelope, said
from visavis.service.doors.mosip.asked import Given, face_of, missing, not_this
from visavis.service.doors.mosip.envelope import FINE, INVALID_INPUT, MATCHING_FAILED, Stated
from visavis.service.doors.mosip.template import secret_of
from visavis.service.fields import digest_of, policy_of, sha256
from visavis.service.intake import file_of
from visavis.service.kept import Kept, is_sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Verdict
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.records.cbeff import Bir
    from visavis.service.engine import Engine, Guard
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

DECISIONS = {"match": "MATCHED", "no_match": "NOT_MATCHED", "inconclusive": "ERROR"}
NOT_OURS = "request.modality: visavis knows faces and nothing else"


@dataclass(frozen=True, slots=True, eq=False)
class Match(Task["Verdict"]):
    """One claim: a record that it rests on, and a sample.

    Attributes:
        reference: The picture of the record, or the face that its template keeps.
        given: The bytes that the reference came as.
        probe: The picture of the sample.
        policy: What applies.
        modalities: What else than the face was asked for.
        subject: Nobody is named.
    """

    reference: bytes | Kept
    given: bytes
    probe: bytes
    policy: Policy
    modalities: Sequence[str]
    subject: str | None = None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.policy.to_dict())

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        return {"reference": sha256(self.given), "probe": sha256(self.probe)}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Verdict:
        """As `Task.work`."""
        return engine.verify(wanted, [self.reference], self.probe, policy=self.policy, guard=guard)

    def event(self, result: Verdict, use: Use) -> Event:
        """As `Task.event`."""
        return of_verdict(result, use)

    def answer(self, result: Verdict, place: LedgerPlace) -> dict[str, Any]:
        """As `Task.answer`."""
        plain, why = result.to_dict(), said.decisive(result.reasons)
        policy, calibration = plain["policy"], plain["calibration"]
        told = {
            **{name: plain[name] for name in ("decision", "similarity", "threshold", "fmr", "fmr_upper")},
            **{name: plain[name] for name in ("llr", "pack", "fingerprint")},
            "policy_fmr": policy["fmr"],
            "calibration": calibration["digest"],
            "liveness": plain["liveness"]["outcome"],
            "reasons": ", ".join(reason.code for reason in result.reasons),
        }
        words = said.in_words(why)
        decided = {
            "match": DECISIONS[result.decision],
            "errors": words,
            "analyticsInfo": said.texts(told, place),
        }
        others = {
            name: {"match": "ERROR", "errors": [NOT_OURS], "analyticsInfo": {}} for name in self.modalities
        }
        response = [{"galleryIndex": 0, "decisions": {FACE: decided, **others}, "analyticsInfo": {}}]
        number = said.status_of(why) if why else FINE
        return envelope.stated(number, "; ".join(words) or said.done("decided", place), response)

    def outcome(self, result: Verdict) -> str:
        """As `Task.outcome`."""
        return result.decision


def read(service: Service, grant: Grant, given: Given) -> Match:
    """What is asked for.

    Raises:
        Stated: 402 where a record is missing, 401 where there are several or one can't be used, 404 where one
            has no face, 405 where another pack made its template.
        VisavisError: A face record can't be read, or the key doesn't allow the policy.
    """
    modalities = given.modalities("modalitiesToMatch")
    sample = given.record("sample")
    others = given.fields.get("gallery")
    if others is None or others == []:
        raise missing("gallery")
    if not isinstance(others, list):
        raise not_this("gallery", type(others).__name__, "an array of one record")
    if len(others) > 1:
        raise Stated(
            INVALID_INPUT,
            "request.several_records",
            "visavis compares with one claimed identity: it searches for nobody in several records",
            found=f"{len(others)} records in gallery",
            expected="exactly one",
            is_kept=True,
        )
    record = given.as_record("gallery[0]", others[0])
    probe = given.picture(face_of(sample, "sample"))
    block = face_of(record, "gallery[0]")
    reference = _kept(service, grant, block) or given.picture(block)
    return Match(
        reference=reference,
        given=reference if isinstance(reference, bytes) else file_of(block.bdb or b"", given.body),
        probe=probe,
        policy=policy_of(service, grant, None),
        modalities=[name for name in modalities if name != FACE],
    )


def _kept(service: Service, grant: Grant, block: Bir) -> Kept | None:
    """The face that a template keeps; None where it is no template of ours."""
    data = block.bdb or b""
    if not is_sealed(data):
        return None
    fingerprint = service.engine.verifier.examiner.fingerprint
    try:
        kept = unsealed(data, secret_of(service), grant.purpose, fingerprint)
    except PackError as error:
        raise Stated(
            MATCHING_FAILED,
            error.code,
            "another pack made the template: extract it again",
            found=error.found,
            expected=error.expected,
        ) from None
    except AccessError as error:
        raise Stated(INVALID_INPUT, "request.template", error.message) from None
    return replace(kept, evidence=replace(kept.evidence, sha256=sha256(data)))
