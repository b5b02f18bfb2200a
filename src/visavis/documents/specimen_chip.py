"""Chip files of a fictional state, for demonstrations and tests: everything a reader app would export.

The state is Utopia, which Doc 9303 made up for its samples. Its certificates say SPECIMEN, and its keys are
new each time: nobody has a certificate that would vouch for them, unless it is saved on purpose.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from visavis.documents.authenticity import SECURITY_OBJECT
from visavis.documents.cms import CONTENT_TYPE, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_TIME
from visavis.documents.lds import FACE_FORMAT, LINE_LENGTHS, TAGS
from visavis.documents.tlv import INTEGER, OCTETS, SEQUENCE, SET, UTC_TIME, encoded, encoded_oid
from visavis.photo.formats import recognise
from visavis.records.face_image import Capture2005, FaceImage
from visavis.records.face_record import FaceRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

COUNTRY = "UT"
SHA_256 = "2.16.840.1.101.3.4.2.1"
ECDSA_WITH_SHA_256 = "1.2.840.10045.4.3.2"
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class SpecimenState:
    """A fictional issuing state with one document signer; ECDSA on P-256 with SHA-256.

    Attributes:
        authority: The state's certificate (CSCA) in DER: what a user supplies to check its documents.
        signer: The document signer's certificate in DER.
        signer_key: The signer's private key.
    """

    authority: bytes
    signer: bytes
    signer_key: EllipticCurvePrivateKey

    @classmethod
    def make(cls, now: datetime | None = None) -> SpecimenState:
        """A state with new keys whose certificates are valid from a day before `now`."""
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding

        begin = (now or datetime.now(UTC)) - timedelta(days=1)
        authority_key, signer_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        name, signer_name = _name("SPECIMEN CSCA"), _name("SPECIMEN Document Signer")
        authority = _certificate(name, name, authority_key, authority_key, begin=begin, authority=True)
        signer = _certificate(signer_name, name, signer_key, authority_key, begin=begin, authority=False)
        return cls(authority.public_bytes(Encoding.DER), signer.public_bytes(Encoding.DER), signer_key)


def make_chip(
    mrz_lines: Sequence[str], portrait: bytes, state: SpecimenState, *, signed_at: datetime | None = None
) -> dict[str, bytes]:
    """All files of a chip by their names (``"DG1"``, ``"SOD"`` ...).

    Args:
        mrz_lines: Lines of a TD1, TD2 or TD3, 90, 72 or 88 characters in all.
        portrait: A JPEG or JPEG 2000.
        state: Who signs.
        signed_at: The signing time that the security object states; the present by default.
    """
    groups = {"DG1": make_dg1(mrz_lines), "DG2": make_dg2(portrait)}
    sod = make_sod(groups, state, signed_at=signed_at or datetime.now(UTC))
    return {"COM": make_com(groups), **groups, "SOD": sod}


def make_dg1(mrz_lines: Sequence[str]) -> bytes:
    """EF.DG1 (Doc 9303-10, 4.7.1)."""
    text = "".join(mrz_lines)
    if len(text) not in LINE_LENGTHS:
        raise ValueError(f"{len(text)} characters instead of 90, 72 or 88")
    return encoded(TAGS["DG1"], encoded(0x5F1F, text.encode("ascii")))


def make_dg2(portrait: bytes) -> bytes:
    """EF.DG2 (Doc 9303-10, 4.7.2) with one face record, the size of its picture stated as it is."""
    picture = recognise(portrait)(portrait)
    return wrap_face_record(make_face_record(portrait, picture.width, picture.height))


def make_face_record(portrait: bytes, width: int, height: int) -> bytes:
    """A record of ISO/IEC 19794-5:2005 that leaves all fields about the person unspecified."""
    data_type = 0 if portrait.startswith(b"\xff\xd8") else 1
    image = FaceImage(portrait, width, height, data_type, Capture2005(), colour_space=1)
    return FaceRecord("2005", (image,)).write()


def wrap_face_record(record: bytes) -> bytes:
    """EF.DG2 around a face record."""
    owner, kind = FACE_FORMAT
    header = encoded(
        0xA1,
        encoded(0x80, b"\x01\x01"),  # version of the header
        encoded(0x81, b"\x02"),  # face
        encoded(0x87, owner),
        encoded(0x88, kind),
    )
    template = encoded(0x7F60, header, encoded(0x5F2E, record))
    return encoded(TAGS["DG2"], encoded(0x7F61, encoded(INTEGER, b"\x01"), template))


def make_com(groups: Mapping[str, bytes]) -> bytes:
    """EF.COM (Doc 9303-10, 4.6.1), version 1.7 of the data structure and 4.0.0 of Unicode."""
    tags = bytes(TAGS[name] for name in groups)
    return encoded(TAGS["COM"], encoded(0x5F01, b"0107"), encoded(0x5F36, b"040000"), encoded(0x5C, tags))


def make_sod(groups: Mapping[str, bytes], state: SpecimenState, *, signed_at: datetime) -> bytes:
    """EF.SOD (Doc 9303-10, 4.6.2): the digests of the data groups, signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    sha_256 = encoded(SEQUENCE, encoded_oid(SHA_256))
    table = make_security_object(groups, sha_256)
    values = {
        CONTENT_TYPE: encoded_oid(SECURITY_OBJECT),
        MESSAGE_DIGEST: encoded(OCTETS, hashlib.sha256(table).digest()),
        SIGNING_TIME: encoded(UTC_TIME, signed_at.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode()),
    }
    # A set in DER has its elements in the order of their bytes (X.690, 11.6).
    attributes = sorted(
        encoded(SEQUENCE, encoded_oid(oid), encoded(SET, value)) for oid, value in values.items()
    )
    signature = state.signer_key.sign(encoded(SET, *attributes), ec.ECDSA(hashes.SHA256()))
    signer = x509.load_der_x509_certificate(state.signer)
    signer_info = encoded(
        SEQUENCE,
        encoded(INTEGER, b"\x01"),
        encoded(SEQUENCE, signer.issuer.public_bytes(), _number(signer.serial_number)),
        sha_256,
        encoded(0xA0, *attributes),
        encoded(SEQUENCE, encoded_oid(ECDSA_WITH_SHA_256)),
        encoded(OCTETS, signature),
    )
    signed = encoded(
        SEQUENCE,
        encoded(INTEGER, b"\x03"),
        encoded(SET, sha_256),
        encoded(SEQUENCE, encoded_oid(SECURITY_OBJECT), encoded(0xA0, encoded(OCTETS, table))),
        encoded(0xA0, state.signer),
        encoded(SET, signer_info),
    )
    return encoded(TAGS["SOD"], encoded(SEQUENCE, encoded_oid(SIGNED_DATA), encoded(0xA0, signed)))


def make_security_object(groups: Mapping[str, bytes], algorithm: bytes) -> bytes:
    """The LDSSecurityObject (Doc 9303-10, 4.6.2.3) with SHA-256 of each data group."""
    entries = (
        encoded(
            SEQUENCE,
            _number(int(name.removeprefix("DG"))),
            encoded(OCTETS, hashlib.sha256(data).digest()),
        )
        for name, data in groups.items()
    )
    return encoded(SEQUENCE, _number(0), algorithm, encoded(SEQUENCE, *entries))


def _number(value: int) -> bytes:
    return encoded(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def _name(common: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = {
        NameOID.COUNTRY_NAME: COUNTRY,
        NameOID.ORGANIZATION_NAME: "Utopia, a fictional state",
        NameOID.COMMON_NAME: common,
    }
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    issuer_key: EllipticCurvePrivateKey,
    *,
    begin: datetime,
    authority: bool,
) -> x509.Certificate:
    """A certificate with what Doc 9303-12, 7.1, wants of a CSCA's or a document signer's."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    usage = x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + (15 if authority else 11) * YEAR)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())
