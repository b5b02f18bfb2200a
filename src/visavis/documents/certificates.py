"""Certificates and revocation lists (RFC 5280), as issuing states write them.

Several states' certificates break a rule that does no harm here, such as a negative serial number. So they
are read by what is needed of them, and every signature is checked over the very bytes that were signed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from visavis.documents.signatures import Checked, check
from visavis.documents.tlv import BOOLEAN, INTEGER, OCTETS, OID, SEQUENCE, SET, TIME, UTC_TIME, Fields, Tlv
from visavis.photo.refusals import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

COUNTRY = "2.5.4.6"
SHOWN = {COUNTRY: "C", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.3": "CN"}
ENCODINGS = {0x0C: "utf-8", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}  # the others are read as Latin-1

# Extensions (RFC 5280, 4.2, and Doc 9303-12, 7.1)
SUBJECT_KEY = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
BASIC_CONSTRAINTS = "2.5.29.19"
EXTENDED_USAGE = "2.5.29.37"
UNDERSTOOD = {SUBJECT_KEY, KEY_USAGE, BASIC_CONSTRAINTS, EXTENDED_USAGE}
# Those below restrict nothing that matters here: private key usage period, alternative names of subject and
# issuer, where revocation lists are, policies, authority key, change of name, types of documents.
UNDERSTOOD |= {"2.5.29.16", "2.5.29.17", "2.5.29.18", "2.5.29.31", "2.5.29.32", "2.5.29.35"}
UNDERSTOOD |= {"2.23.136.1.1.6.1", "2.23.136.1.1.6.2"}
# Of revocation lists: their number.
UNDERSTOOD_OF_LISTS = {"2.5.29.20", "2.5.29.35", "2.5.29.18"}

# Bits of the key usage (4.2.1.3)
DIGITAL_SIGNATURE = 0
CERTIFICATE_SIGN = 5
CRL_SIGN = 6

MAX_PARTS = 64
"""Parts of a name."""


@dataclass(frozen=True, slots=True)
class Name:
    """Whom a certificate is for, or by.

    Attributes:
        parts: Type and value of each part, letters of both cases made alike (RFC 5280, 7.1): states change
            the case and the kind of string between their certificates.
        text: For people, in one line.
    """

    parts: tuple[tuple[str, str], ...]
    text: str = field(compare=False)

    @property
    def country(self) -> str:
        """Two letters in upper case (international organisations may have three), or nothing."""
        stated = next((value.upper() for oid, value in self.parts if oid == COUNTRY), "")
        return stated if re.fullmatch("[A-Z]{2,3}", stated) else ""

    @classmethod
    def read(cls, element: Tlv) -> Name:
        """A Name: a sequence of sets of pairs."""
        parts, shown = [], []
        for relative in element.must_be(SEQUENCE).children():
            for pair in relative.must_be(SET).children():
                fields = Fields(pair.must_be(SEQUENCE))
                oid, value = fields.next().oid(), fields.next()
                text = value.content.decode(ENCODINGS.get(value.tag, "latin-1"))
                parts.append((oid, " ".join(text.split()).casefold()))
                if oid in SHOWN:
                    shown.append(f"{SHOWN[oid]}={text}")
                if len(parts) > MAX_PARTS:
                    raise ValueError("a name of too many parts")
        return cls(tuple(parts), one_line(", ".join(shown) or "a name without text"))


Extensions = dict[str, tuple[bool, bytes]]  # type -> critical, value


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """A certificate, read but not trusted.

    Attributes:
        raw: All its bytes.
        serial: Its number.
        issuer: Who signed it.
        subject: Whose key it holds.
        not_before: Begin of its validity.
        not_after: The end.
        key: SubjectPublicKeyInfo.
        extensions: Type -> whether critical, and the value.
    """

    raw: bytes = field(repr=False)
    serial: int
    issuer: Name
    subject: Name
    not_before: datetime
    not_after: datetime
    key: Tlv = field(repr=False)
    extensions: Mapping[str, tuple[bool, bytes]] = field(repr=False)
    _signed: Signed = field(repr=False)

    @classmethod
    def read(cls, data: bytes) -> Certificate:
        """Read a certificate that fills `data`; `ValueError` where it isn't one."""
        signed = Signed.read(data)
        fields = Fields(signed.body)
        fields.optional(0xA0)  # the version
        serial = fields.next().number()
        fields.next(SEQUENCE)  # the algorithm once more
        issuer = Name.read(fields.next())
        validity = Fields(fields.next(SEQUENCE))
        not_before, not_after = validity.next().time(), validity.next().time()
        subject = Name.read(fields.next())
        key = fields.next(SEQUENCE)
        fields.optional(0x81)
        fields.optional(0x82)
        extensions = _extensions(fields.optional(0xA3))
        fields.finish()
        return cls(data, serial, issuer, subject, not_before, not_after, key, extensions, signed)

    @property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.issuer == self.subject

    @property
    def subject_key(self) -> bytes | None:
        """The identifier of its key, where it has one."""
        if SUBJECT_KEY not in self.extensions:
            return None
        return Tlv.whole(self.extensions[SUBJECT_KEY][1]).must_be(OCTETS).content

    @property
    def authority(self) -> bool | None:
        """Whether it may issue certificates; None where it doesn't say."""
        if BASIC_CONSTRAINTS not in self.extensions:
            return None
        flag = Fields(Tlv.whole(self.extensions[BASIC_CONSTRAINTS][1]).must_be(SEQUENCE)).optional(BOOLEAN)
        return flag is not None and flag.truth()

    def may(self, use: int) -> bool | None:
        """Whether its key may be used so; None where it doesn't say."""
        if KEY_USAGE not in self.extensions:
            return None
        bits = Tlv.whole(self.extensions[KEY_USAGE][1]).must_be(0x03).content[1:]
        return use // 8 < len(bits) and bool(bits[use // 8] & 0x80 >> use % 8)

    @property
    def extended_usage(self) -> tuple[str, ...]:
        """Purposes that it is restricted to; none where it is for any."""
        if EXTENDED_USAGE not in self.extensions:
            return ()
        purposes = Tlv.whole(self.extensions[EXTENDED_USAGE][1]).must_be(SEQUENCE).children()
        return tuple(purpose.oid() for purpose in purposes)

    @property
    def not_understood(self) -> tuple[str, ...]:
        """Critical extensions that nobody here looks at: such a certificate can't be relied on."""
        return tuple(
            oid for oid, (critical, _) in self.extensions.items() if critical and oid not in UNDERSTOOD
        )

    def valid_at(self, when: datetime) -> bool:
        """Whether a moment lies in its validity."""
        return self.not_before <= when <= self.not_after

    def check(self, issuer: Certificate) -> Checked:
        """Check its signature under the issuer's key."""
        return self._signed.check(issuer)


@dataclass(frozen=True, slots=True, eq=False)
class Revocations:
    """A revocation list, read but not trusted.

    Attributes:
        issuer: Who signed it.
        this_update: When it was made.
        next_update: When the next one was due, where it says.
        serials: Numbers of the certificates that were revoked.
        partial: Why it isn't the whole list of its issuer, or nothing.
    """

    issuer: Name
    this_update: datetime
    next_update: datetime | None
    serials: frozenset[int] = field(repr=False)
    partial: str
    _signed: Signed = field(repr=False)

    @classmethod
    def read(cls, data: bytes) -> Revocations:
        """Read a list that fills `data`; `ValueError` where it isn't one."""
        signed = Signed.read(data)
        fields = Fields(signed.body)
        fields.optional(INTEGER)  # the version
        fields.next(SEQUENCE)  # the algorithm once more
        issuer = Name.read(fields.next())
        this_update = fields.next().time()
        following = fields.optional(UTC_TIME, TIME)
        entries = fields.optional(SEQUENCE)
        serials = (
            (Fields(entry.must_be(SEQUENCE)).next().number() for entry in entries.children())
            if entries
            else ()
        )
        numbers = frozenset(serials)
        extensions = _extensions(fields.optional(0xA0))
        fields.finish()
        unknown = [
            oid for oid, (critical, _) in extensions.items() if critical and oid not in UNDERSTOOD_OF_LISTS
        ]
        partial = f"critical extension {unknown[0]}" if unknown else ""
        next_update = following.time() if following else None
        return cls(issuer, this_update, next_update, numbers, partial, signed)

    def check(self, issuer: Certificate) -> Checked:
        """Check its signature under the issuer's key."""
        return self._signed.check(issuer)


@dataclass(frozen=True, slots=True, eq=False)
class Signed:
    """What certificates and lists have in common: a body, and a signature over it (RFC 5280, 4.1.1)."""

    body: Tlv
    algorithm: Tlv
    signature: bytes

    @classmethod
    def read(cls, data: bytes) -> Signed:
        """The three parts."""
        fields = Fields(Tlv.whole(data).must_be(SEQUENCE))
        body, algorithm, signature = fields.next(SEQUENCE), fields.next(SEQUENCE), fields.next().bits()
        fields.finish()
        # The algorithm stands in the body too, where it is signed; both must be the same (4.1.1.2).
        inner = next((child for child in body.children() if child.tag == SEQUENCE), None)
        if inner is None or inner.raw != algorithm.raw:
            raise ValueError("two different signature algorithms")
        return cls(body, algorithm, signature)

    def check(self, issuer: Certificate) -> Checked:
        """Check the signature under the issuer's key."""
        return check(issuer.key, self.algorithm, self.signature, self.body.raw)


def _extensions(element: Tlv | None) -> Extensions:
    """Extensions by type, each once (4.2)."""
    found: Extensions = {}
    if element is None:
        return found
    for extension in element.only().must_be(SEQUENCE).children():
        fields = Fields(extension.must_be(SEQUENCE))
        oid = fields.next(OID).oid()
        flag = fields.optional(BOOLEAN)
        if oid in found:
            raise ValueError(f"extension {oid} twice")
        found[oid] = (flag is not None and flag.truth(), fields.next(OCTETS).content)
        fields.finish()
    return found
