"""What is asked for: the records of a request, and which of what they hold counts.

A record is of one person. Its face is the first block of the type FACE that isn't marked as an exception; a
proof of exception (EXCEPTION_PHOTO) is never looked at, and nothing but that first block is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.errors import VisavisError
from visavis.ledger.recording import Use, of_refusal
from visavis.records import cbeff_json
from visavis.records.cbeff import FACE, name_of
from visavis.records.face_record import FaceRecord
from visavis.service.doors.mosip import envelope
from visavis.service.doors.mosip.envelope import INVALID_INPUT, MISSING_INPUT, NO_SUCH_BIOMETRIC, Stated
from visavis.service.intake import file_of
from visavis.service.kept import is_sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from visavis.access.gate import Grant
    from visavis.records.cbeff import BiometricRecord, Bir
    from visavis.service.answering import Task
    from visavis.service.service import Service

PROOF = "EXCEPTION_PHOTO"
"""A picture that proves that somebody lacks a finger, say."""

MAX_FACES = 8
"""Pictures of a face in a record: of those that are looked at one by one."""

MAX_MODALITIES = 32
"""Of a request: CBEFF knows fifteen."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is inside a request.

    Attributes:
        fields: Of the JSON inside the envelope.
        body: The bytes that it came in, which count what is made of them.
    """

    fields: Mapping[str, Any]
    body: bytes | bytearray

    def record(self, name: str) -> BiometricRecord:
        """A record.

        Raises:
            Stated: 402 where it is missing.
            RecordError: It is none.
        """
        return self.as_record(name, self.fields.get(name))

    def as_record(self, name: str, value: object) -> BiometricRecord:
        """Likewise, of a value that stands elsewhere."""
        if value is None:
            raise missing(name)
        if not isinstance(value, dict):
            raise not_this(name, type(value).__name__, "a record")
        return cbeff_json.read_record(value)

    def modalities(self, name: str) -> tuple[str, ...]:
        """What is asked for; the face where nothing is said.

        Raises:
            Stated: 401 where the face isn't among it.
        """
        value = self.fields.get(name)
        if value is None or value == []:
            return (FACE,)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise not_this(name, type(value).__name__, "a list of names")
        found = tuple(dict.fromkeys(name_of(each) for each in value[:MAX_MODALITIES]))
        if FACE not in found:
            raise Stated(
                INVALID_INPUT,
                "request.modality",
                "visavis knows faces and nothing else",
                found=", ".join(found)[:100],
                expected=FACE,
            )
        return found

    def picture(self, block: Bir) -> bytes:
        """The picture that a block holds, bare or in a face record, which states nothing that is believed.

        Raises:
            RecordError: It is a face record that can't be read.
            Stated: 401 where it is a template.
        """
        data = block.bdb or b""
        if is_sealed(data):
            raise Stated(
                INVALID_INPUT,
                "request.template",
                "a template stands where a picture is needed",
                expected="a face record or a picture",
            )
        if data.startswith(b"FAC\0"):
            data = FaceRecord.read(data).images[0].data
        return file_of(data, self.body)


@dataclass(frozen=True, slots=True)
class Asking:
    """What came through the door, before anything of it is looked at.

    Attributes:
        token: The key that was shown.
        what: What is asked for, as the ledger calls it.
        body: The bytes.
        read: Makes a task of what is inside.
    """

    token: str
    what: str
    body: bytes | bytearray
    read: Callable[[Service, Grant, Given], Task[Any]]

    def task(self, service: Service, grant: Grant) -> Task[Any]:
        """What is asked for. What is refused for what it asks, and not for its form, is recorded.

        Raises:
            Problem: It can't be read, isn't complete, or can't be had.
            VisavisError: The record can't be used, or the policy can't be had.
        """
        try:
            return self.read(service, grant, Given(envelope.read(self.body), self.body))
        except Stated as refused:
            if refused.is_kept:
                error = VisavisError(refused.code, refused.detail)
                use = Use(purpose=grant.purpose, key=grant.key)
                service.ledger.append(of_refusal(error, self.what, use))
            raise


def faces(record: BiometricRecord) -> Iterator[Bir]:
    """The blocks of a record that are of a face."""
    for segment in record.segments:
        yield from (block for block in segment.blocks() if is_face(block))


def is_face(block: Bir) -> bool:
    """Whether a block is a face that may be looked at."""
    is_exception = PROOF in block.types or (block.others.get("EXCEPTION") or "").strip().lower() == "true"
    return FACE in block.types and not is_exception and bool(block.bdb)


def face_of(record: BiometricRecord, name: str) -> Bir:
    """The face of a record.

    Raises:
        Stated: 404 where there is none.
    """
    found = next(faces(record), None)
    if found is None:
        there = {name for segment in record.segments for block in segment.blocks() for name in block.types}
        raise Stated(
            NO_SUCH_BIOMETRIC,
            "request.no_face",
            f"there is no face in {name}",
            found=", ".join(sorted(there))[:100] or "nothing",
            expected="a segment of the type FACE with a bdb that isn't marked as an exception",
        )
    return found


def missing(name: str) -> Stated:
    """What to raise where a field isn't there."""
    return Stated(MISSING_INPUT, "request.missing", f"{name} is missing")


def not_this(name: str, found: object, expected: object) -> Stated:
    """What to raise where a field isn't as it should be."""
    return Stated(INVALID_INPUT, "request.input", f"{name} can't be used", found=found, expected=expected)
