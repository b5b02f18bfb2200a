"""Signed data of CMS (RFC 5652, section 5): the envelope of a chip's security object and of master lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from visavis.documents.certificates import Certificate, Name
from visavis.documents.signatures import Checked, check, digest, digest_name
from visavis.documents.tlv import INTEGER, OCTETS, OID, SEQUENCE, SET, Fields, Tlv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"

MAX_CERTIFICATES = 64
"""Certificates in one envelope: the signer's, perhaps with those above it."""


@dataclass(frozen=True, slots=True, eq=False)
class Signer:
    """Who signed, what else was signed, and the signature (5.3).

    Attributes:
        issuer: Issuer of the signer's certificate, where it is named so.
        serial: Its number, likewise.
        key: The identifier of the signer's key, where it is named so.
        digest: Digest of the content.
        attributes: Type -> the value that was signed beside the content.
        signed: The attributes as they were signed.
        algorithm: AlgorithmIdentifier of the signature.
        signature: The signature.
    """

    issuer: Name | None
    serial: int | None
    key: bytes | None
    digest: str
    attributes: Mapping[str, Tlv] = field(repr=False)
    signed: bytes = field(repr=False)
    algorithm: Tlv = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def read(cls, element: Tlv) -> Signer:
        """A SignerInfo."""
        fields = Fields(element.must_be(SEQUENCE))
        fields.next(INTEGER)
        issuer = serial = key = None
        if by_key := fields.optional(0x80):
            key = by_key.content
        else:
            identifier = Fields(fields.next(SEQUENCE))
            issuer, serial = Name.read(identifier.next()), identifier.next().number()
        hashed = digest_name(fields.next())
        attributes = fields.optional(0xA0)
        if attributes is None:
            raise ValueError("no signed attributes")  # required for any content that isn't plain data
        algorithm, signature = fields.next(SEQUENCE), fields.next(OCTETS).content
        fields.optional(0xA1)
        fields.finish()
        # They are signed under the tag of a set, not under the one that they stand with (5.4).
        signed = bytes([SET]) + attributes.raw[1:]
        return cls(issuer, serial, key, hashed, _attributes(attributes), signed, algorithm, signature)

    @property
    def signing_time(self) -> datetime | None:
        """When the signer says it signed (11.3)."""
        value = self.attributes.get(SIGNING_TIME)
        return None if value is None else value.time()

    def find(self, certificates: Iterable[Certificate]) -> list[Certificate]:
        """The certificates that the signer may mean."""
        if self.key is not None:
            return [known for known in certificates if known.subject_key == self.key]
        return [known for known in certificates if (known.issuer, known.serial) == (self.issuer, self.serial)]


@dataclass(frozen=True, slots=True, eq=False)
class SignedData:
    """Content, certificates and the one signer.

    Attributes:
        kind: Type of the content.
        content: The bytes that were signed.
        certificates: Those that came with it; nobody vouches for them.
        signer: Who signed.
    """

    kind: str
    content: bytes = field(repr=False)
    certificates: tuple[Certificate, ...]
    signer: Signer

    @classmethod
    def read(cls, element: Tlv) -> SignedData:
        """A ContentInfo with signed data; `ValueError` where it isn't one."""
        outer = Fields(element.must_be(SEQUENCE))
        if (kind := outer.next().oid()) != SIGNED_DATA:
            raise ValueError(f"content of kind {kind} instead of signed data")
        fields = Fields(outer.next(0xA0).only().must_be(SEQUENCE))
        outer.finish()
        fields.next(INTEGER)
        fields.next(SET)
        content = Fields(fields.next(SEQUENCE))
        kind, octets = content.next(OID).oid(), content.next(0xA0).only().must_be(OCTETS).content
        content.finish()
        certificates = fields.optional(0xA0)
        fields.optional(0xA1)
        signers = list(fields.next(SET).children())
        fields.finish()
        if len(signers) != 1:
            raise ValueError(f"{len(signers)} signers instead of one")
        known = list(certificates.children()) if certificates else []
        if len(known) > MAX_CERTIFICATES:
            raise ValueError(f"{len(known)} certificates in one envelope")
        found = tuple(Certificate.read(certificate.raw) for certificate in known)
        return cls(kind, octets, found, Signer.read(signers[0]))

    def check(self, certificate: Certificate, kind: str) -> Checked:
        """Check the signature over attributes and content (5.4 and 5.6).

        Args:
            certificate: The signer's.
            kind: What the content has to be.

        Raises:
            UnsupportedError: The algorithm isn't known.
            ValueError: The attributes don't belong to the content; the words say how.
        """
        attributes = self.signer.attributes
        for oid, name in ((CONTENT_TYPE, "content type"), (MESSAGE_DIGEST, "digest")):
            if oid not in attributes:
                raise ValueError(f"the signed attributes lack the {name}")
        if not self.kind == attributes[CONTENT_TYPE].oid() == kind:
            raise ValueError("the signed content is of another kind")
        stated = attributes[MESSAGE_DIGEST].must_be(OCTETS).content
        if stated != digest(self.signer.digest, self.content):
            raise ValueError(
                f"the content isn't the one that was signed: its {self.signer.digest} is another"
            )
        signer = self.signer
        checked = check(
            certificate.key, signer.algorithm, signer.signature, signer.signed, hashed=signer.digest
        )
        weak = checked.weak or signer.digest == "SHA-1"
        return Checked(checked.valid, checked.algorithm, weak)


def _attributes(element: Tlv) -> dict[str, Tlv]:
    """Attributes by type: each once, with one value (11.1 to 11.3)."""
    found: dict[str, Tlv] = {}
    for attribute in element.children():
        fields = Fields(attribute.must_be(SEQUENCE))
        oid, values = fields.next(OID).oid(), list(fields.next(SET).children())
        if oid in found:
            raise ValueError(f"signed attribute {oid} twice")
        if len(values) == 1:
            found[oid] = values[0]
        elif oid in {CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME}:
            raise ValueError(f"{len(values)} values of signed attribute {oid}")
    return found
