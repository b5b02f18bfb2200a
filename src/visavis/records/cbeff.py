"""Biometric information records (CBEFF, ISO/IEC 19785) as MOSIP exchanges them: what they hold, in any form.

A record has two forms, JSON (`cbeff_json`) and XML (`cbeff_xml`). Both are read into what stands here and
written from it. Each part keeps what it was read from, `as_received`: what wasn't changed is written exactly
as it came, with names that nobody here knows, and what was changed is written in the same form. To change a
part, make a new one with `dataclasses.replace`.

Names of types, levels and purposes are in capitals, as MOSIP writes them (``"FACE"``, ``"EXCEPTION_PHOTO"``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from visavis.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

MAX_BIRS = 128
"""Records in one, all levels together. A person has ten fingers, two irises and a face, some twice."""

MAX_LEVELS = 8
"""How deep records may lie in records; MOSIP's lie one deep."""

FACE = "FACE"
RAW, INTERMEDIATE, PROCESSED = "RAW", "INTERMEDIATE", "PROCESSED"

NAMES = {
    **{
        name.upper(): (name.upper(), name)
        for name in ("Scent", "Ear", "Face", "Finger", "Foot", "Vein", "Iris")
    },
    **{name.upper(): (name.upper(), name) for name in ("DNA", "Retina", "Voice", "Gait", "Keystroke")},
    "HANDGEOMETRY": ("HAND_GEOMETRY", "HandGeometry"),
    "LIPMOVEMENT": ("LIP_MOVEMENT", "LipMovement"),
    "SIGNATURESIGN": ("SIGNATURE_SIGN", "SignatureSign"),
    "EXCEPTIONPHOTO": ("EXCEPTION_PHOTO", "ExceptionPhoto"),
    **{name.upper(): (name.upper(), name) for name in ("Raw", "Intermediate", "Processed")},
    **{name.upper(): (name.upper(), name) for name in ("Verify", "Identify", "Enroll", "Audit")},
    "ENROLLVERIFY": ("ENROLLVERIFY", "EnrollVerify"),
    "ENROLLIDENTIFY": ("ENROLLIDENTIFY", "EnrollIdentify"),
}
"""Without separators -> as in JSON, as in XML."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version's two numbers."""

    major: int | None = None
    minor: int | None = None
    as_received: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registry names: a format, a device, an algorithm.

    Attributes:
        organization: Whose; ``"257"`` or ``"Mosip"`` for the formats of ISO/IEC JTC 1/SC 37.
        type: Which one of theirs; ``"8"`` for the records of faces.
    """

    organization: str | None = None
    type: str | None = None
    as_received: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Quality:
    """What somebody measured of a block.

    Attributes:
        algorithm: Who, and how.
        score: Mostly 0 to 100, higher is better; None where it isn't known.
        failed: Why there is no score.
    """

    algorithm: Registered | None = None
    score: float | None = None
    failed: str | None = None
    as_received: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class BirInfo:
    """About a record: who made it, when, and what its creator added. Times are in UTC."""

    creator: str | None = None
    index: str | None = None
    payload: bytes | None = field(default=None, repr=False)
    integrity: bool | None = None
    creation_date: datetime | None = None
    not_valid_before: datetime | None = None
    not_valid_after: datetime | None = None
    as_received: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class BdbInfo:
    """About a record's block.

    Attributes:
        format: What kind of record the block is.
        types: What it is of; ``("FACE",)``.
        subtypes: Which one, ``("Left",)`` for an iris; none or ``("UNKNOWN",)`` for a face.
        level: `RAW`, `INTERMEDIATE` or `PROCESSED`.
        purpose: ``"VERIFY"``, ``"ENROLL"`` and others.
        quality: What was measured of it.
    """

    challenge_response: bytes | None = field(default=None, repr=False)
    index: str | None = None
    format: Registered | None = None
    encryption: bool | None = None
    creation_date: datetime | None = None
    not_valid_before: datetime | None = None
    not_valid_after: datetime | None = None
    types: tuple[str, ...] = ()
    subtypes: tuple[str, ...] = ()
    level: str | None = None
    product: Registered | None = None
    capture_device: Registered | None = None
    feature_extraction_algorithm: Registered | None = None
    comparison_algorithm: Registered | None = None
    compression_algorithm: Registered | None = None
    purpose: str | None = None
    quality: Quality | None = None
    as_received: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class SbInfo:
    """About a record's signature: in what format it is."""

    format: Registered | None = None
    as_received: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Bir:
    """One biometric information record.

    Attributes:
        version: Of this form of records.
        cbeff_version: Of CBEFF.
        info: About the record.
        bdb_info: About its block.
        bdb: The block, such as a face record; None where there is none.
        sb: The signature over it. Nothing here checks it.
        birs: Records within this one.
        sb_info: About the signature.
        others: What else MOSIP notes, ``"EXCEPTION"`` and ``"SDK_SCORE"`` for instance, as texts.
    """

    version: Version | None = None
    cbeff_version: Version | None = None
    info: BirInfo | None = None
    bdb_info: BdbInfo | None = None
    bdb: bytes | None = field(default=None, repr=False)
    sb: bytes | None = field(default=None, repr=False)
    birs: tuple[Bir, ...] = ()
    sb_info: SbInfo | None = None
    others: Mapping[str, str | None] = field(default_factory=dict)
    as_received: Any = field(default=None, repr=False, compare=False)

    @property
    def types(self) -> tuple[str, ...]:
        """What the block is of."""
        return () if self.bdb_info is None else self.bdb_info.types

    def blocks(self) -> Iterator[Bir]:
        """This record and all within it, those that hold a block."""
        if self.bdb is not None:
            yield self
        for each in self.birs:
            yield from each.blocks()


@dataclass(frozen=True, slots=True)
class BiometricRecord:
    """Several records of one person, as MOSIP sends them in JSON.

    Attributes:
        version: Of this form of records.
        cbeff_version: Of CBEFF.
        info: About all of them.
        segments: The records.
        others: What else MOSIP notes, as texts.
    """

    version: Version | None = None
    cbeff_version: Version | None = None
    info: BirInfo | None = None
    segments: tuple[Bir, ...] = ()
    others: Mapping[str, str | None] = field(default_factory=dict)
    as_received: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Part:
    """Where a value stands: in its class here, in JSON and in XML.

    Attributes:
        name: Of the attribute.
        key: In JSON.
        element: In XML; parts are in the order of its schema.
        kind: ``"text"``, ``"whole"``, ``"number"``, ``"flag"``, ``"octets"``, ``"moment"``, ``"name"``,
            ``"names"``, ``"texts"``, ``"map"``, or the class of one or of several parts that it is made of.
        several: Whether a class may stand here more than once.
    """

    name: str
    key: str
    element: str
    kind: str | type
    several: bool = False


_VERSIONS = (
    Part("version", "version", "Version", Version),
    Part("cbeff_version", "cbeffversion", "CBEFFVersion", Version),
    Part("info", "birInfo", "BIRInfo", BirInfo),
)
_TIMES = (
    Part("creation_date", "creationDate", "CreationDate", "moment"),
    Part("not_valid_before", "notValidBefore", "NotValidBefore", "moment"),
    Part("not_valid_after", "notValidAfter", "NotValidAfter", "moment"),
)
_OTHERS = Part("others", "others", "Others", "map")

PARTS: dict[type, tuple[Part, ...]] = {
    Version: (Part("major", "major", "Major", "whole"), Part("minor", "minor", "Minor", "whole")),
    Registered: (
        Part("organization", "organization", "Organization", "text"),
        Part("type", "type", "Type", "text"),
    ),
    Quality: (
        Part("algorithm", "algorithm", "Algorithm", Registered),
        Part("score", "score", "Score", "number"),
        Part("failed", "qualityCalculationFailed", "QualityCalculationFailed", "text"),
    ),
    BirInfo: (
        Part("creator", "creator", "Creator", "text"),
        Part("index", "index", "Index", "text"),
        Part("payload", "payload", "Payload", "octets"),
        Part("integrity", "integrity", "Integrity", "flag"),
        *_TIMES,
    ),
    BdbInfo: (
        Part("challenge_response", "challengeResponse", "ChallengeResponse", "octets"),
        Part("index", "index", "Index", "text"),
        Part("format", "format", "Format", Registered),
        Part("encryption", "encryption", "Encryption", "flag"),
        *_TIMES,
        Part("types", "type", "Type", "names"),
        Part("subtypes", "subtype", "Subtype", "texts"),
        Part("level", "level", "Level", "name"),
        Part("product", "product", "Product", Registered),
        Part("capture_device", "captureDevice", "CaptureDevice", Registered),
        Part(
            "feature_extraction_algorithm",
            "featureExtractionAlgorithm",
            "FeatureExtractionAlgorithm",
            Registered,
        ),
        Part("comparison_algorithm", "comparisonAlgorithm", "ComparisonAlgorithm", Registered),
        Part("compression_algorithm", "compressionAlgorithm", "CompressionAlgorithm", Registered),
        Part("purpose", "purpose", "Purpose", "name"),
        Part("quality", "quality", "Quality", Quality),
    ),
    SbInfo: (Part("format", "format", "Format", Registered),),
    Bir: (
        *_VERSIONS,
        Part("bdb_info", "bdbInfo", "BDBInfo", BdbInfo),
        Part("bdb", "bdb", "BDB", "octets"),
        Part("sb", "sb", "SB", "octets"),
        Part("birs", "birs", "BIR", Bir, several=True),
        Part("sb_info", "sbInfo", "SBInfo", SbInfo),
        _OTHERS,
    ),
    BiometricRecord: (
        *_VERSIONS,
        Part("segments", "segments", "BIR", Bir, several=True),
        _OTHERS,
    ),
}
"""What each class is made of."""


class Count:
    """How many records were read so far, and how deep they lie: both are bounded before they are read."""

    def __init__(self) -> None:
        self.birs = 0

    def enter(self, level: int, where: str) -> None:
        """Called before each record."""
        self.birs += 1
        if self.birs > MAX_BIRS:
            raise too_large(f"more than {MAX_BIRS} records", f"at most {MAX_BIRS}")
        if level > MAX_LEVELS:
            raise too_large(f"{where}: records {level} deep", f"at most {MAX_LEVELS}")


def name_of(text: str) -> str:
    """A type, level or purpose as JSON spells it, whatever its case; one that nobody knows in capitals."""
    key = re.sub(r"[\s_-]", "", text).upper()
    return NAMES[key][0] if key in NAMES else text.strip().upper()


def xml_name_of(name: str) -> str:
    """The same as XML spells it."""
    key = re.sub(r"[\s_-]", "", name).upper()
    return NAMES[key][1] if key in NAMES else name


def shown(value: object) -> str:
    """A foreign value fit for a message: short, one line, printable."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def damaged(where: str, found: str, expected: str | None = None) -> RecordError:
    """What to raise where a record isn't as it should be; `where` leads there."""
    return RecordError(
        "record.damaged",
        "the biometric record is damaged",
        found=f"{where}: {found}" if where else found,
        expected=expected,
    )


def too_large(found: str, expected: str) -> RecordError:
    """What to raise where it is over a limit."""
    return RecordError(
        "record.too_large", "the biometric record is too large", found=found, expected=expected
    )


def unwritable(where: str, found: str, expected: str | None = None) -> RecordError:
    """What to raise where something doesn't fit into a record."""
    return RecordError(
        "record.field", "a biometric record can't hold this", found=f"{where}: {found}", expected=expected
    )
