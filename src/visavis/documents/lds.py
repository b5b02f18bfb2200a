"""The files of a chip's logical data structure (Doc 9303-10): EF.COM, EF.DG1, EF.DG2 and the SOD's content.

Data groups that visavis has no use for are not read: fingers and irises (DG3, DG4), further details of the
person (DG11 to DG13) and others. Section numbers are those of Doc 9303-10, eighth edition.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.documents.signatures import digest_name
from visavis.documents.tlv import INTEGER, OCTETS, SEQUENCE, Fields, Tlv
from visavis.errors import DocumentError, RecordError
from visavis.photo.refusals import one_line
from visavis.records.face_record import FaceRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TAGS = {"COM": 0x60, "DG1": 0x61, "DG2": 0x75, "DG14": 0x6E, "DG15": 0x6F, "SOD": 0x77}
"""Tag of each file that is read (table 34)."""

LEFT_ALONE = {
    0x63: "DG3",
    0x76: "DG4",
    0x65: "DG5",
    0x66: "DG6",
    0x67: "DG7",
    0x68: "DG8",
    0x69: "DG9",
    0x6A: "DG10",
    0x6B: "DG11",
    0x6C: "DG12",
    0x6D: "DG13",
    0x70: "DG16",
}
"""Tag of each that is not."""

GROUPS = {tag: name for name, tag in TAGS.items()} | LEFT_ALONE

MAX_FACES = 16
"""Face templates in one DG2; documents have one."""

FACE_FORMAT = (b"\x01\x01", b"\x00\x08")
"""Owner and type of ISO/IEC 19794-5 among the formats of ISO/IEC JTC 1/SC 37 (4.7.2, table 45)."""

RECORD_CODES = {
    "record.damaged": "chip.damaged",
    "record.too_large": "chip.too_large",
    "record.unsupported": "chip.unsupported",
}
"""What is wrong with a face record, as what is wrong with the chip that holds it."""

LINE_LENGTHS = {90: 30, 72: 36, 88: 44}
"""Characters of a machine-readable zone -> those of a line: TD1, TD2 and TD3 (4.7.1)."""

MAX_TRAILING = 65_536
"""Zero bytes that may follow a file: some readers fill up their last block."""


@dataclass(frozen=True, slots=True)
class Com:
    """What EF.COM says is on the chip. It is not signed (4.6.1).

    Attributes:
        version: Of the data structure, ``"1.7"``.
        groups: Names of the data groups.
    """

    version: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SecurityObject:
    """The digests that the issuing state signed (4.6.2.3).

    Attributes:
        digest: With which digest they were made.
        hashes: Number of a data group -> digest of its file.
    """

    digest: str
    hashes: Mapping[int, bytes]

    @classmethod
    def read(cls, data: bytes) -> SecurityObject:
        """Read an LDSSecurityObject; `ValueError` where it isn't one."""
        fields = Fields(Tlv.whole(data).must_be(SEQUENCE))
        if (version := fields.next().number()) not in (0, 1):
            raise ValueError(f"version {version} of the table of hashes")
        hashed = digest_name(fields.next())
        hashes: dict[int, bytes] = {}
        for entry in fields.next(SEQUENCE).children():
            pair = Fields(entry.must_be(SEQUENCE))
            number, value = pair.next(INTEGER).number(), pair.next(OCTETS).content
            pair.finish()
            if number in hashes or not 1 <= number <= 16:
                raise ValueError(f"data group {number} in the table of hashes, twice or out of range")
            hashes[number] = value
        fields.optional(SEQUENCE)  # the versions once more
        fields.finish()
        return cls(hashed, hashes)


def trimmed(name: str, data: bytes) -> tuple[bytes, int]:
    """The element that a file consists of, without zero bytes that follow, and their number."""
    with _damage(name):
        element = Tlv.at(data, 0, len(data)).must_be(TAGS[name])
        left = len(data) - element.end
        if left > MAX_TRAILING or any(data[element.end :]):
            raise ValueError(f"{left} bytes after its end")
        return element.raw, left


def read_com(data: bytes) -> Com:
    """EF.COM (4.6.1).

    Raises:
        DocumentError: It is damaged.
    """
    with _damage("COM"):
        fields = Fields(Tlv.whole(data).must_be(TAGS["COM"]))
        version = fields.next(0x5F01).content.decode("ascii")
        fields.next(0x5F36)
        tags = fields.next(0x5C).content
        if not re.fullmatch(r"[0-9]{4}", version):
            raise ValueError("a broken version")
        return Com(
            f"{int(version[:2])}.{int(version[2:])}", tuple(GROUPS[tag] for tag in tags if tag in GROUPS)
        )


def read_dg1(data: bytes) -> tuple[str, ...]:
    """EF.DG1 (4.7.1): the lines of the machine-readable zone.

    Raises:
        DocumentError: It is damaged, or no machine-readable zone has its length or its characters.
    """
    with _damage("DG1"):
        text = Tlv.whole(data).must_be(TAGS["DG1"]).only().must_be(0x5F1F).content.decode("ascii")
        if len(text) not in LINE_LENGTHS:
            raise ValueError(f"{len(text)} characters instead of 90, 72 or 88")
        if not re.fullmatch(r"[A-Z0-9<]+", text):
            raise ValueError("characters that no machine-readable zone has")
        length = LINE_LENGTHS[len(text)]
        return tuple(text[start : start + length] for start in range(0, len(text), length))


def read_dg2(data: bytes) -> tuple[FaceRecord, tuple[str, ...]]:
    """EF.DG2 (4.7.2): the first face record, and what is to be said about the others.

    Raises:
        DocumentError: It is damaged, or its record of a kind that can't be read.
    """
    with _damage("DG2"):
        fields = Fields(Tlv.whole(data).must_be(TAGS["DG2"]).only().must_be(0x7F61))
        count = fields.next(INTEGER).number()
        if not 1 <= count <= MAX_FACES:
            raise ValueError(f"{count} faces instead of 1 to {MAX_FACES}")
        records = [_record(fields.next(0x7F60)) for _ in range(count)]
        fields.finish()
    notes = (f"DG2 holds {count} faces; the first is used",) if count > 1 else ()
    try:
        return FaceRecord.read(records[0], editions=("2005",)), notes  # which Doc 9303-10 asks for
    except RecordError as error:
        code = RECORD_CODES[error.code]
        raise DocumentError(code, error.message, found=error.found, expected=error.expected) from None


def _record(template: Tlv) -> bytes:
    """The biometric data block of a template, if its header says that it is a face record."""
    fields = Fields(template)
    header = {child.tag: child.content for child in fields.next(0xA1).children()}
    block = fields.next()
    fields.finish()
    if 0x87 not in header or 0x88 not in header:
        raise ValueError("a face without a stated format")
    if block.tag not in (0x5F2E, 0x7F2E):
        raise ValueError(f"tag {block.tag:02X} instead of a face record's")
    if (header[0x87], header[0x88]) != FACE_FORMAT:
        newer = block.content[:1] in {b"\x65", b"\xa1"}
        found = "ISO/IEC 39794-5" if newer else f"owner {header[0x87].hex()}, type {header[0x88].hex()}"
        raise DocumentError(
            "chip.unsupported",
            "this kind of face record isn't supported",
            found=found[:60],
            expected="ISO/IEC 19794-5:2005",
        )
    return block.content


@contextlib.contextmanager
def _damage(name: str) -> Iterator[None]:
    """What contradicts the encoding is a damaged file."""
    try:
        yield
    except ValueError as error:
        raise DocumentError("chip.damaged", f"EF.{name} is damaged", found=one_line(error)) from None
