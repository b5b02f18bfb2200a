"""Signatures of issuing states: which algorithms are allowed, and whether one fits a key and a message.

Doc 9303-12, section 4.4, allows RSA (PKCS#1 v1.5 and PSS, RFC 8017) and ECDSA with SHA-224 to SHA-512; SHA-1
stands in older documents and is said to be weak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.documents.curves import CURVES, Curve
from visavis.documents.tlv import BIT_STRING, NULL, SEQUENCE, Fields, Tlv, encoded, encoded_oid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

DIGESTS = {
    "1.3.14.3.2.26": "SHA-1",
    "2.16.840.1.101.3.4.2.4": "SHA-224",
    "2.16.840.1.101.3.4.2.1": "SHA-256",
    "2.16.840.1.101.3.4.2.2": "SHA-384",
    "2.16.840.1.101.3.4.2.3": "SHA-512",
}
WEAK = "SHA-1"

RSA = "1.2.840.113549.1.1.1"
RSA_PSS = "1.2.840.113549.1.1.10"
MGF1 = "1.2.840.113549.1.1.8"
RSA_WITH = {
    "1.2.840.113549.1.1.5": "SHA-1",
    "1.2.840.113549.1.1.14": "SHA-224",
    "1.2.840.113549.1.1.11": "SHA-256",
    "1.2.840.113549.1.1.12": "SHA-384",
    "1.2.840.113549.1.1.13": "SHA-512",
}
EC_KEY = "1.2.840.10045.2.1"
ECDSA_WITH = {
    "1.2.840.10045.4.1": "SHA-1",
    "1.2.840.10045.4.3.1": "SHA-224",
    "1.2.840.10045.4.3.2": "SHA-256",
    "1.2.840.10045.4.3.3": "SHA-384",
    "1.2.840.10045.4.3.4": "SHA-512",
}
PRIME_FIELD = "1.2.840.10045.1.1"

MIN_RSA = 1024
"""Bits; shorter keys have been broken. Doc 9303 asks for 2048 and more."""

MAX_RSA = 8192
"""Bits; the longest that states use is 6144, and longer ones only cost time."""


class UnsupportedError(ValueError):
    """An algorithm that isn't known here: nothing can be said about the signature."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A signature that was checked.

    Attributes:
        valid: Whether it is that of the key over the message.
        algorithm: ``"ECDSA on P-256 with SHA-256"``.
        weak: Whether it rests on SHA-1.
    """

    valid: bool
    algorithm: str
    weak: bool


def digest_name(algorithm: Tlv) -> str:
    """The digest that an AlgorithmIdentifier names."""
    oid = Fields(algorithm.must_be(SEQUENCE)).next().oid()
    if oid not in DIGESTS:
        raise UnsupportedError(f"digest {oid}")
    return DIGESTS[oid]


def digest(name: str, data: bytes) -> bytes:
    """The digest of `data` with one of `DIGESTS`."""
    import hashlib

    return hashlib.new(name.replace("-", ""), data).digest()


def check(
    key: Tlv, algorithm: Tlv, signature: bytes, message: bytes, *, hashed: str | None = None
) -> Checked:
    """Check a signature.

    Args:
        key: SubjectPublicKeyInfo.
        algorithm: AlgorithmIdentifier of the signature.
        signature: As it stands in a certificate or in CMS.
        message: What was signed.
        hashed: The digest, where the algorithm names none (plain RSA in CMS).

    Raises:
        UnsupportedError: The algorithm or the kind of key isn't known.
        ValueError: Key or algorithm contradict their encoding or each other.
    """
    fields = Fields(algorithm.must_be(SEQUENCE))
    oid = fields.next().oid()
    if oid == RSA and hashed:
        return _check_pkcs1(key, hashed, signature, message)
    if oid in RSA_WITH:
        return _check_pkcs1(key, RSA_WITH[oid], signature, message)
    if oid == RSA_PSS:
        return _check_pss(key, fields.optional(SEQUENCE), signature, message)
    if oid in ECDSA_WITH:
        return _check_ecdsa(key, ECDSA_WITH[oid], signature, message)
    raise UnsupportedError(f"signature algorithm {oid}")


def _check_pkcs1(key: Tlv, hashed: str, signature: bytes, message: bytes) -> Checked:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    public = _rsa_key(key)
    try:
        public.verify(signature, message, PKCS1v15(), _hash(hashed))
        valid = True
    except InvalidSignature:
        valid = False
    return Checked(valid, f"RSA of {public.key_size} bits with {hashed}", hashed == WEAK)


def _check_pss(key: Tlv, parameters: Tlv | None, signature: bytes, message: bytes) -> Checked:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding

    hashed, mask, salt = _pss_parameters(parameters)
    public = _rsa_key(key)
    try:
        public.verify(signature, message, padding.PSS(padding.MGF1(_hash(mask)), salt), _hash(hashed))
        valid = True
    except InvalidSignature:
        valid = False
    return Checked(valid, f"RSA-PSS of {public.key_size} bits with {hashed}", hashed == WEAK)


def _pss_parameters(parameters: Tlv | None) -> tuple[str, str, int]:
    """Digest, digest of the mask, length of the salt; the defaults are those of RFC 8017, A.2.3."""
    hashed = mask = WEAK
    salt = 20
    if parameters is None:
        return hashed, mask, salt
    fields = Fields(parameters)
    if element := fields.optional(0xA0):
        hashed = digest_name(element.only())
    if element := fields.optional(0xA1):
        generator = Fields(element.only())
        if (oid := generator.next().oid()) != MGF1:
            raise UnsupportedError(f"mask generation {oid}")
        mask = digest_name(generator.next())
    if element := fields.optional(0xA2):
        salt = element.only().number()
    if (element := fields.optional(0xA3)) and element.only().number() != 1:
        raise UnsupportedError("another trailer field of PSS")
    fields.finish()
    if not 0 <= salt <= MAX_RSA // 8:
        raise ValueError(f"a salt of {salt} bytes")
    return hashed, mask, salt


def _check_ecdsa(key: Tlv, hashed: str, signature: bytes, message: bytes) -> Checked:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    curve, public = _ec_key(key)
    try:
        public.verify(signature, message, ECDSA(_hash(hashed)))
        valid = True
    except InvalidSignature:
        valid = False
    return Checked(valid, f"ECDSA on {curve.name} with {hashed}", hashed == WEAK)


def _rsa_key(key: Tlv) -> RSAPublicKey:
    """The key as plain RSA, also where it is marked as one for PSS."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    fields = Fields(key.must_be(SEQUENCE))
    oid = Fields(fields.next(SEQUENCE)).next().oid()
    if oid not in {RSA, RSA_PSS}:
        raise ValueError(f"a signature of RSA with a key of kind {oid}")
    numbers = Fields(Tlv.whole(fields.next().bits()).must_be(SEQUENCE))
    modulus, exponent = numbers.next().number(), numbers.next().number()
    if not MIN_RSA <= modulus.bit_length() <= MAX_RSA:
        raise ValueError(f"an RSA key of {modulus.bit_length()} bits")
    return RSAPublicNumbers(exponent, modulus).public_key()


def _ec_key(key: Tlv) -> tuple[Curve, EllipticCurvePublicKey]:
    """The key on a named curve, whichever way its curve was given."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    fields = Fields(key.must_be(SEQUENCE))
    algorithm = Fields(fields.next(SEQUENCE))
    if (oid := algorithm.next().oid()) != EC_KEY:
        raise ValueError(f"a signature of ECDSA with a key of kind {oid}")
    curve = _curve(algorithm.next())
    point = fields.next().bits()
    named = encoded(SEQUENCE, encoded_oid(EC_KEY), encoded_oid(curve.oid))
    public = load_der_public_key(encoded(SEQUENCE, named, encoded(BIT_STRING, b"\0", point)))
    if not isinstance(public, EllipticCurvePublicKey):
        raise TypeError("a key on a curve isn't one")
    return curve, public


def _curve(parameters: Tlv) -> Curve:
    """The curve of a key: its name, or all its parameters (RFC 3279, 2.3.5)."""
    if parameters.tag == NULL:
        raise UnsupportedError("a key without its curve")
    if parameters.tag != SEQUENCE:
        oid = parameters.oid()
        found = [curve for curve in CURVES if curve.oid == oid]
        if not found:
            raise UnsupportedError(f"curve {oid}")
        return found[0]
    fields = Fields(parameters)
    fields.next().number()  # the version says which of base point and hash may be there
    finite = Fields(fields.next(SEQUENCE))
    if (oid := finite.next().oid()) != PRIME_FIELD:
        raise UnsupportedError(f"a field of kind {oid}")
    p = finite.next().number()
    coefficients = Fields(fields.next(SEQUENCE))
    a, b = (int.from_bytes(coefficients.next(0x04).content) for _ in range(2))
    base, order = fields.next(0x04).content, fields.next().number()
    cofactor = fields.optional(0x02)
    for curve in CURVES:
        if (p, a, b, order) == (curve.p, curve.a, curve.b, curve.order) and base in _base_points(curve):
            if cofactor is not None and cofactor.number() != 1:
                break
            return curve
    raise UnsupportedError("parameters of a curve that equal no known curve")


def _base_points(curve: Curve) -> tuple[bytes, bytes]:
    """The two ways to write the base point: both coordinates, or one and a sign (SEC 1, 2.3.3)."""
    x, y = (value.to_bytes(curve.size) for value in (curve.x, curve.y))
    return b"\x04" + x + y, bytes([2 + curve.y % 2]) + x


def _hash(name: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    known: dict[str, HashAlgorithm] = {
        "SHA-1": hashes.SHA1(),  # noqa: S303  # some genuine documents rest on it, and it is said to be weak
        "SHA-224": hashes.SHA224(),
        "SHA-256": hashes.SHA256(),
        "SHA-384": hashes.SHA384(),
        "SHA-512": hashes.SHA512(),
    }
    return known[name]
