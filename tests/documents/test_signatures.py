"""What signatures refuse; that they pass and fail as they should is in `test_authenticity`."""

from __future__ import annotations

import hashlib

import pytest
from asn1crypto import algos, core
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.documents.issuing_state import Algorithm as How
from tests.documents.issuing_state import key_of, pss_of, sign, signature_algorithm

from visavis.documents.signatures import DIGESTS, Checked, UnsupportedError, check, digest
from visavis.documents.tlv import Tlv, encoded

MESSAGE = b"a message"
RSA_KEY = key_of("RSA")
RSA_ALGORITHM = Tlv.whole(encoded(0x30, bytes.fromhex("06092a864886f70d01010b 0500")))


def public(kind: str) -> Tlv:
    key = key_of(kind).public_key()
    return Tlv.whole(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def algorithm(how: How) -> Tlv:
    return Tlv.whole(algos.SignedDigestAlgorithm(signature_algorithm(how)).dump())


def test_digests_are_those_of_hashlib() -> None:
    for name in DIGESTS.values():
        assert digest(name, MESSAGE) == getattr(hashlib, name.replace("-", "").lower())(MESSAGE).digest()


def test_pss_without_parameters_has_the_defaults_of_the_standard() -> None:
    """RFC 8017, A.2.3: SHA-1 for both, and 20 bytes of salt."""
    bare = Tlv.whole(encoded(0x30, core.ObjectIdentifier("1.2.840.113549.1.1.10").dump()))
    signature = sign(RSA_KEY, MESSAGE, "sha1", pss=True)
    assert check(public("RSA"), bare, signature, MESSAGE) == Checked(
        True, "RSA-PSS of 2048 bits with SHA-1", True
    )
    assert not check(public("RSA"), bare, sign(RSA_KEY, MESSAGE, "sha256", pss=True), MESSAGE).valid


def test_pss_with_another_salt_fails() -> None:
    signature = sign(RSA_KEY, MESSAGE, "sha256", pss=True)
    for salt, valid in ((32, True), (20, False), (0, False)):
        how = signature_algorithm(How("RSA", "sha256", pss=True))
        how["parameters"]["salt_length"] = salt
        found = check(public("RSA"), Tlv.whole(algos.SignedDigestAlgorithm(how).dump()), signature, MESSAGE)
        assert found.valid == valid
    assert pss_of("sha256") is not None


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"salt_length": -1}, ValueError),
        ({"salt_length": 100_000}, ValueError),
        ({"trailer_field": 2}, UnsupportedError),
        ({"hash_algorithm": {"algorithm": "md5"}}, UnsupportedError),
    ],
)
def test_odd_parameters_of_pss_are_refused(change: dict[str, object], kind: type[ValueError]) -> None:
    how = signature_algorithm(How("RSA", "sha256", pss=True))
    how["parameters"] |= change
    odd = Tlv.whole(algos.SignedDigestAlgorithm(how).dump())
    with pytest.raises(kind):
        check(public("RSA"), odd, bytes(256), MESSAGE)


def test_a_key_for_pss_is_one_of_rsa() -> None:
    """Some certificates mark their key so (RFC 4055, 1.2)."""
    plain = public("RSA").raw
    marked = plain.replace(bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01010a"))
    assert marked != plain
    signature = sign(RSA_KEY, MESSAGE, "sha384", pss=True)
    assert check(Tlv.whole(marked), algorithm(How("RSA", "sha384", pss=True)), signature, MESSAGE).valid


@pytest.mark.parametrize("bits", [64, 512, 1023, 8193, 16_384])
def test_rsa_keys_of_odd_sizes_are_refused(bits: int) -> None:
    numbers = encoded(0x30, core.Integer((1 << bits) - 1).dump(), core.Integer(65537).dump())
    kind = encoded(0x30, bytes.fromhex("06092a864886f70d010101 0500"))
    key = Tlv.whole(encoded(0x30, kind, encoded(0x03, b"\0", numbers)))
    with pytest.raises(ValueError, match=r"an RSA key of \d+ bits|a number of \d+ bytes"):
        check(key, RSA_ALGORITHM, bytes(bits // 8), MESSAGE)


@pytest.mark.parametrize("signature", [b"", b"\0", bytes(256), bytes(100_000), b"\x30\x06\2\1\0\2\1\0"])
@pytest.mark.parametrize("kind", ["RSA", "P-256"])
def test_what_is_no_signature_is_invalid(kind: str, signature: bytes) -> None:
    for pss in (False, True) if kind == "RSA" else (False,):
        assert not check(public(kind), algorithm(How(kind, pss=pss)), signature, MESSAGE).valid


@pytest.mark.parametrize(("kind", "other"), [("RSA", "P-256"), ("P-256", "RSA")])
def test_a_key_of_another_kind_is_refused(kind: str, other: str) -> None:
    with pytest.raises(ValueError, match="with a key of kind"):
        check(public(kind), algorithm(How(other)), bytes(64), MESSAGE)


def test_a_point_beside_the_curve_is_refused() -> None:
    key = public("P-256").raw
    with pytest.raises(ValueError, match=r"(?i)point|key"):
        check(Tlv.whole(key[:-1] + bytes([key[-1] ^ 1])), algorithm(How("P-256")), bytes(64), MESSAGE)


@pytest.mark.parametrize("dotted", ["1.3.132.0.10", "1.2.840.10045.3.1.1", "1.3.36.3.3.2.8.1.1.5"])
def test_other_curves_are_not_known(dotted: str) -> None:
    """secp256k1, P-192 and brainpoolP224r1."""
    curve = core.ObjectIdentifier(dotted).dump()
    kind = encoded(0x30, core.ObjectIdentifier("1.2.840.10045.2.1").dump(), curve)
    key = Tlv.whole(encoded(0x30, kind, encoded(0x03, b"\0\4" + bytes(64))))
    with pytest.raises(UnsupportedError, match=f"curve {dotted}"):
        check(key, algorithm(How("P-256")), bytes(64), MESSAGE)


def test_other_algorithms_are_not_known() -> None:
    for name in ("md5_rsa", "dsa", "ed25519"):
        odd = Tlv.whole(algos.SignedDigestAlgorithm({"algorithm": name}).dump())
        with pytest.raises(UnsupportedError, match="signature algorithm"):
            check(public("RSA"), odd, bytes(256), MESSAGE)
