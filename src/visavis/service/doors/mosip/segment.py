"""`/segment`: a record with one segment for each picture of its person's face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.decision.reasons import explain
from visavis.records import cbeff_json
from visavis.records.face_record import FaceRecord
from visavis.service.answering import Task
from visavis.service.doors.mosip import envelope, said
from visavis.service.doors.mosip.asked import MAX_FACES, Given, face_of, faces, not_this
from visavis.service.doors.mosip.change import of_change
from visavis.service.doors.mosip.envelope import FINE
from visavis.service.fields import digest_of, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Reason
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.records.cbeff import BiometricRecord, Bir
    from visavis.service.engine import Engine, Guard
    from visavis.service.pool import Wanted
    from visavis.service.service import Service


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation(Task["list[Reason]"]):
    """The faces of a record, each of which is to show one person; its result is why one doesn't.

    Attributes:
        record: The record.
        segments: One for each picture, as it came.
        pictures: The pictures, in the same order.
        policy: Which of several faces on a picture counts.
        subject: Nobody is named.
    """

    record: BiometricRecord
    segments: Sequence[Bir]
    pictures: Sequence[bytes]
    policy: Policy
    subject: str | None = None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs())

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        return {f"face {number}": sha256(data) for number, data in enumerate(self.pictures, 1)}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> list[Reason]:  # noqa: ARG002  # nothing is compared
        """As `Task.work`."""
        found: list[Reason] = []
        for number, data in enumerate(self.pictures, 1):
            wanted.check()
            seen = engine.verifier.examiner.look(data, policy=self.policy)
            name = "sample" if len(self.pictures) == 1 else f"sample, face {number}"
            found += said.decisive(explain(name, seen.evidence, seen.problem, self.policy))
        return found

    def event(self, result: list[Reason], use: Use) -> Event:
        """As `Task.event`."""
        details = {"faces": len(self.segments)}
        return of_change("segment", self.inputs(), use, decision=self.outcome(result), details=details)

    def answer(self, result: list[Reason], place: LedgerPlace) -> dict[str, Any]:
        """As `Task.answer`."""
        if result:
            return envelope.stated(said.status_of(result), "; ".join(said.in_words(result)), None)
        record = replace(self.record, segments=tuple(self.segments))
        return envelope.stated(FINE, said.done("segmented", place), cbeff_json.write_record(record))

    def outcome(self, result: list[Reason]) -> str:
        """As `Task.outcome`."""
        return "not_segmented" if result else "segmented"


def read(service: Service, grant: Grant, given: Given) -> Segmentation:  # noqa: ARG001  # all are read so
    """What is asked for.

    Raises:
        Stated: 402 where the record is missing, 401 where it can't be used, 404 where it has no face.
        RecordError: A record can't be read.
    """
    given.modalities("modalitiesToSegment")
    record = given.record("sample")
    face_of(record, "sample")
    segments = [each for block in faces(record) for each in _apart(block)]
    if len(segments) > MAX_FACES:
        raise not_this("sample", f"{len(segments)} pictures of a face", f"at most {MAX_FACES}")
    return Segmentation(record, segments, [given.picture(each) for each in segments], service.config.policy)


def _apart(block: Bir) -> list[Bir]:
    """One segment for each picture of a face record; one that has a single picture stays as it came."""
    data = block.bdb or b""
    if data.startswith(b"FAC\0"):
        record = FaceRecord.read(data)
        if len(record.images) > 1:
            alone = [replace(record, images=(image,), temporal=0).write() for image in record.images]
            return [replace(block, bdb=each, sb=None, sb_info=None, birs=()) for each in alone]
    return [block if not block.birs else replace(block, birs=())]
