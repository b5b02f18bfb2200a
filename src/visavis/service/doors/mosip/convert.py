"""`/convert-format`: the faces of a record in another encoding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.records import cbeff_json
from visavis.records.cbeff import BirInfo, too_large
from visavis.records.convert import SOURCE, TARGETS, convert
from visavis.service.answering import Task
from visavis.service.doors.mosip import envelope, said
from visavis.service.doors.mosip.asked import MAX_FACES, Given, face_of, faces, missing, not_this
from visavis.service.doors.mosip.change import of_change, with_faces
from visavis.service.doors.mosip.envelope import FINE
from visavis.service.fields import digest_of, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.access.gate import Grant
    from visavis.decision.verdict import LedgerPlace
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.records.cbeff import BiometricRecord, Bir
    from visavis.service.engine import Engine, Guard
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

MOST_BYTES = 8 * 2**20
"""Of all converted pictures together: as a list of numbers each byte takes about fifteen while it is
answered."""


@dataclass(frozen=True, slots=True, eq=False)
class Conversion(Task["BiometricRecord"]):
    """A record, and what its faces are to become.

    Attributes:
        record: The record.
        target: One of `records.convert.TARGETS`.
        subject: Nobody is named.
    """

    record: BiometricRecord
    target: str
    subject: str | None = None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.target)

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        blocks = enumerate(faces(self.record), 1)
        return {f"face {number}": sha256(block.bdb or b"") for number, block in blocks}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> BiometricRecord:  # noqa: ARG002  # no network looks
        """As `Task.work`."""

        def converted(block: Bir) -> Bir:
            wanted.check()
            data = block.bdb or b""
            info = replace(block.info or BirInfo(), payload=data)
            return replace(block, info=info, bdb=convert(data, self.target))

        record = with_faces(self.record, converted)
        if (size := sum(len(block.bdb or b"") for block in faces(record))) > MOST_BYTES:
            raise too_large(f"{size} bytes of converted pictures", f"at most {MOST_BYTES}")
        return record

    def event(self, result: BiometricRecord, use: Use) -> Event:
        """As `Task.event`."""
        details = {"target": self.target}
        return of_change("convert", self.inputs(), use, decision=self.outcome(result), details=details)

    def answer(self, result: BiometricRecord, place: LedgerPlace) -> dict[str, Any]:
        """As `Task.answer`."""
        return envelope.stated(FINE, said.done("converted", place), cbeff_json.write_record(result))

    def outcome(self, result: BiometricRecord) -> str:  # noqa: ARG002  # or there is none
        """As `Task.outcome`."""
        return "converted"


def read(service: Service, grant: Grant, given: Given) -> Conversion:  # noqa: ARG001  # all are read so
    """What is asked for.

    Raises:
        Stated: 402 where something is missing, 401 where it can't be used, 404 where there is no face.
        RecordError: The record can't be read.
    """
    given.modalities("modalitiesToConvert")
    source, target = (given.fields.get(name) for name in ("sourceFormat", "targetFormat"))
    if source is None or target is None:
        raise missing("sourceFormat" if source is None else "targetFormat")
    if source != SOURCE:
        raise not_this("sourceFormat", ascii(source)[:60], SOURCE)
    if not isinstance(target, str) or target not in TARGETS:
        raise not_this("targetFormat", ascii(target)[:60], ", ".join(TARGETS))
    record = given.record("sample")
    face_of(record, "sample")
    if (count := sum(1 for _ in faces(record))) > MAX_FACES:
        raise not_this("sample", f"{count} faces", f"at most {MAX_FACES}")
    return Conversion(record, target)
