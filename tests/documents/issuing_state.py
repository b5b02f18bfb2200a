"""A whole issuing state, made anew by the tests: CSCA, links, signers, revocation lists, master lists, chips.

Signed data are encoded by asn1crypto and certificates by cryptography, so that they are no echo of the code
that reads them.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests.pictures import encoded as picture
from tests.pictures import scene

from visavis.documents.chip import ChipFiles
from visavis.documents.curves import CURVES
from visavis.documents.specimen_chip import make_com, make_dg1, make_dg2
from visavis.documents.tlv import encoded

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SIGNED = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)

TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")

NAMED_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P-224": ec.SECP224R1,
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}
USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True)
class Algorithm:
    """How a signer signs."""

    key: str  # a curve's name, or "RSA"
    digest: str = "sha256"
    pss: bool = False
    explicit: bool = False  # all parameters of the curve instead of its name
    plain: bool = False  # RSA whose algorithm names no digest


P256 = Algorithm("P-256")
ALGORITHMS = {
    **{f"RSA {digest}": Algorithm("RSA", digest) for digest in HASHES},
    "RSA without a digest": Algorithm("RSA", plain=True),
    **{f"RSA-PSS {digest}": Algorithm("RSA", digest, pss=True) for digest in HASHES},
    **{f"ECDSA {digest}": Algorithm("P-256", digest) for digest in HASHES},
    **{f"ECDSA {curve}": Algorithm(curve, "sha384") for curve in NAMED_CURVES if curve != "P-256"},
    **{f"ECDSA {curve} explicit": Algorithm(curve, explicit=True) for curve in NAMED_CURVES},
}


@functools.cache
def key_of(kind: str, which: str = "") -> Key:
    """The same key each time for the same words: making one of RSA takes long."""
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(NAMED_CURVES[kind]())


def sign(key: Key, data: bytes, digest: str, *, pss: bool = False) -> bytes:
    """A signature; the salt of PSS is as long as the digest."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(HASHES[digest]))
    return key.sign(data, pss_of(digest) if pss else padding.PKCS1v15(), HASHES[digest])


def pss_of(digest: str) -> padding.PSS:
    return padding.PSS(padding.MGF1(HASHES[digest]), HASHES[digest].digest_size)


def name_of(common: str, country: str | None = "UT") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, country)] if country else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(
    key: Key,
    subject: x509.Name,
    issuer_key: Key,
    issuer: x509.Name,
    *,
    authority: bool | None = False,
    begin: datetime = SIGNED - YEAR,
    end: datetime = SIGNED + 11 * YEAR,
    usage: tuple[str, ...] | None = None,
    purposes: tuple[str, ...] = (),
    critical: str | None = None,
    pss: bool = False,
) -> bytes:
    """A certificate in DER, signed with SHA-256."""
    if usage is None:
        usage = ("key_cert_sign", "crl_sign") if authority else ("digital_signature",)
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), begin, end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(**{use: use in usage for use in USES}), critical=True)
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    if purposes:
        oids = [x509.ObjectIdentifier(oid) for oid in purposes]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=True)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\0")
        builder = builder.add_extension(unknown, critical=True)
    scheme = pss_of("sha256") if pss else None
    return builder.sign(issuer_key, hashes.SHA256(), rsa_padding=scheme).public_bytes(Encoding.DER)


def resigned(der: bytes, issuer_key: Key, **changes: Any) -> bytes:
    """A certificate with changes in its body, signed again with ECDSA or RSA and SHA-256."""
    made = asn1_x509.Certificate.load(der)
    for path, value in changes.items():
        made["tbs_certificate"][path] = value
    made["signature_value"] = sign(issuer_key, made["tbs_certificate"].dump(force=True), "sha256")
    return bytes(made.dump(force=True))


def explicit_parameters(name: str, *, compressed: bool = False, **changes: int) -> bytes:
    """A curve's parameters in full (RFC 3279, 2.3.5), with changes."""
    curve = next(curve for curve in CURVES if curve.name == name)
    value = {field: changes.get(field, getattr(curve, field)) for field in ("p", "a", "b", "x", "y", "order")}
    size = curve.size
    field = core.ObjectIdentifier("1.2.840.10045.1.1").dump() + core.Integer(value["p"]).dump()
    point = b"\x04" + value["x"].to_bytes(size) + value["y"].to_bytes(size)
    if compressed:
        point = bytes([2 + value["y"] % 2]) + value["x"].to_bytes(size)
    return encoded(
        0x30,
        core.Integer(1).dump(),
        encoded(0x30, field),
        encoded(0x30, *(core.OctetString(value[part].to_bytes(size)).dump() for part in ("a", "b"))),
        core.OctetString(point).dump(),
        core.Integer(value["order"]).dump(),
        core.Integer(changes.get("cofactor", 1)).dump(),
    )


def with_explicit_curve(der: bytes, issuer_key: Key, parameters: bytes) -> bytes:
    """A certificate whose key has these parameters instead of the name of its curve."""
    made = asn1_x509.Certificate.load(der)
    point = made["tbs_certificate"]["subject_public_key_info"]["public_key"].dump()
    algorithm = encoded(0x30, core.ObjectIdentifier("1.2.840.10045.2.1").dump(), parameters)
    old = made["tbs_certificate"]["subject_public_key_info"].dump()
    content = made["tbs_certificate"].contents.replace(old, encoded(0x30, algorithm, point))
    body = encoded(0x30, content)
    signature = b"\0" + sign(issuer_key, body, "sha256")
    return encoded(0x30, body, made["signature_algorithm"].dump(), encoded(0x03, signature))


@dataclass(frozen=True)
class Signer:
    """A key with its certificate."""

    key: Key
    certificate: bytes
    algorithm: Algorithm = P256

    @property
    def serial(self) -> int:
        return x509.load_der_x509_certificate(self.certificate).serial_number


class State:
    """A state with its CSCA."""

    def __init__(
        self, country: str = "UT", *, key: str = "P-256", common: str = "CSCA", which: str = "", **how: Any
    ) -> None:
        self.country = country
        self.name = name_of(common, country)
        self.key = key_of(key, f"CSCA of {country} {which}")
        defaults: dict[str, Any] = {"begin": SIGNED - 2 * YEAR, "end": SIGNED + 14 * YEAR, "authority": True}
        self.certificate = certificate(self.key, self.name, self.key, self.name, **(defaults | how))

    def signer(self, algorithm: Algorithm = P256, *, country: str | None = None, **how: Any) -> Signer:
        """A document signer."""
        key = key_of(algorithm.key, f"signer of {self.country}")
        subject = name_of("Signer", country or self.country)
        der = certificate(key, subject, self.key, self.name, **how)
        if algorithm.explicit:
            der = with_explicit_curve(der, self.key, explicit_parameters(algorithm.key))
        return Signer(key, der, algorithm)

    def link(self, newer: State, **how: Any) -> bytes:
        """The certificate with which this state's key vouches for its next one."""
        defaults: dict[str, Any] = {"authority": True, "begin": SIGNED - 2 * YEAR}
        return certificate(newer.key, newer.name, self.key, self.name, **(defaults | how))

    def revocations(
        self, *serials: int, key: Key | None = None, made: datetime = NOW - DAY, due: datetime = NOW + YEAR
    ) -> bytes:
        """A revocation list in DER."""
        builder = x509.CertificateRevocationListBuilder(self.name, made, due)
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder(serial, made).build()
            builder = builder.add_revoked_certificate(revoked)
        builder = builder.add_extension(x509.CRLNumber(7), critical=False)
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def master_list(self, *certificates: bytes, **how: Any) -> bytes:
        """An ICAO master list, signed by a signer of this state."""
        key = key_of("P-256", "master list")
        der = certificate(
            key,
            name_of("Master List Signer", self.country),
            self.key,
            self.name,
            purposes=("2.23.136.1.1.3",),
        )
        content = MASTER_LIST({"version": 0, "certificates": [*map(core.Any.load, certificates)]}).dump()
        return signed_data(content, "2.23.136.1.1.2", Signer(key, der), **how)


MASTER_LIST: Any = type(
    "MasterList",
    (core.Sequence,),
    {
        "_fields": [
            ("version", core.Integer),
            ("certificates", type("Certificates", (core.SetOf,), {"_child_spec": core.Any})),
        ]
    },
)
HASH: Any = type(
    "Hash", (core.Sequence,), {"_fields": [("number", core.Integer), ("value", core.OctetString)]}
)
SECURITY_OBJECT: Any = type(
    "SecurityObject",
    (core.Sequence,),
    {
        "_fields": [
            ("version", core.Integer),
            ("digest", algos.DigestAlgorithm),
            ("hashes", type("Hashes", (core.SequenceOf,), {"_child_spec": HASH})),
        ]
    },
)


def security_object(groups: dict[str, bytes], digest: str = "sha256") -> bytes:
    """The table of digests."""
    hashed = [
        {"number": int(name[2:]), "value": hashlib.new(digest, data).digest()}
        for name, data in groups.items()
    ]
    return bytes(SECURITY_OBJECT({"version": 0, "digest": {"algorithm": digest}, "hashes": hashed}).dump())


def signed_data(
    content: bytes,
    kind: str,
    signer: Signer,
    *,
    digest: str | None = None,
    signing_time: datetime | None = SIGNED,
    certificates: tuple[bytes, ...] | None = None,
    by_key: bool = False,
    without: str | None = None,
    attribute_kind: str | None = None,
    attribute_digest: bytes | None = None,
    stated_content: bytes | None = None,
    stated_digest: str | None = None,
    twice: str | None = None,
) -> bytes:
    """A ContentInfo with signed data; what is named `stated` is put there after signing."""
    algorithm = signer.algorithm
    digest = digest or algorithm.digest
    values: dict[str, Any] = {
        "content_type": attribute_kind or kind,
        "message_digest": attribute_digest or hashlib.new(digest, content).digest(),
    }
    if signing_time is not None:
        values["signing_time"] = cms.Time({"utc_time": signing_time})
    listed = [{"type": name, "values": [value]} for name, value in values.items() if name != without]
    listed += [attribute for attribute in listed if attribute["type"] == twice]
    attributes = cms.CMSAttributes(listed)
    own = asn1_x509.Certificate.load(signer.certificate)
    if by_key:
        identifier = cms.SignerIdentifier("subject_key_identifier", own.key_identifier_value.native)
    else:
        issuer = {"issuer": own.issuer, "serial_number": own.serial_number}
        identifier = cms.SignerIdentifier("issuer_and_serial_number", issuer)
    info = {
        "version": "v3" if by_key else "v1",
        "sid": identifier,
        "digest_algorithm": {"algorithm": stated_digest or digest},
        "signed_attrs": attributes,
        "signature_algorithm": signature_algorithm(algorithm),
        "signature": sign(signer.key, attributes.dump(), algorithm.digest, pss=algorithm.pss),
    }
    given = (signer.certificate,) if certificates is None else certificates
    signed: dict[str, Any] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": digest}],
        "encap_content_info": {"content_type": kind, "content": stated_content or content},
        "signer_infos": [info],
    }
    if given:
        signed["certificates"] = [
            cms.CertificateChoices("certificate", asn1_x509.Certificate.load(one)) for one in given
        ]
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())


def signature_algorithm(algorithm: Algorithm) -> dict[str, Any]:
    if algorithm.key != "RSA":
        return {"algorithm": f"{algorithm.digest}_ecdsa"}
    if algorithm.pss:
        mask = {"algorithm": "mgf1", "parameters": {"algorithm": algorithm.digest}}
        parameters = {
            "hash_algorithm": {"algorithm": algorithm.digest},
            "mask_gen_algorithm": mask,
            "salt_length": HASHES[algorithm.digest].digest_size,
        }
        return {"algorithm": "rsassa_pss", "parameters": parameters}
    return {"algorithm": "rsassa_pkcs1v15" if algorithm.plain else f"{algorithm.digest}_rsa"}


def sod(groups: dict[str, bytes], signer: Signer, *, table: bytes | None = None, **how: Any) -> bytes:
    """EF.SOD for data groups."""
    content = table or security_object(groups, how.pop("hashed", signer.algorithm.digest))
    return encoded(0x77, signed_data(content, how.pop("kind", "2.23.136.1.1.1"), signer, **how))


@functools.cache
def portrait(kind: str = "JPEG", seed: int = 7) -> bytes:
    """A picture of waves and noise."""
    return picture(kind, scene(90, 120, seed=seed))


def groups_of(mrz: tuple[str, ...] = TD3, kind: str = "JPEG", seed: int = 7) -> dict[str, bytes]:
    """The data groups of a chip."""
    return {"DG1": make_dg1(mrz), "DG2": make_dg2(portrait(kind, seed))}


def files_of(groups: dict[str, bytes], signer: Signer, **how: Any) -> dict[str, bytes]:
    """All files of a chip."""
    return {"COM": make_com(groups), **groups, "SOD": sod(groups, signer, **how)}


def chip_of(groups: dict[str, bytes], signer: Signer, **how: Any) -> ChipFiles:
    """A chip, read."""
    return ChipFiles.of(files_of(groups, signer, **how))
