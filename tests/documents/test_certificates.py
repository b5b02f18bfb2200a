from __future__ import annotations

from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from tests.documents.issuing_state import SIGNED, YEAR, State, resigned

from visavis.documents.certificates import (
    CERTIFICATE_SIGN,
    CRL_SIGN,
    DIGITAL_SIGNATURE,
    Certificate,
    Name,
    Revocations,
)
from visavis.documents.tlv import Tlv, encoded

UTOPIA = State()
SIGNER = UTOPIA.signer(purposes=("2.23.136.1.1.3",), critical="1.2.3")


def test_a_certificate_is_read_as_cryptography_reads_it() -> None:
    ours = Certificate.read(SIGNER.certificate)
    theirs = x509.load_der_x509_certificate(SIGNER.certificate)
    assert ours.serial == theirs.serial_number
    assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
    assert (ours.issuer.text, ours.subject.text) == ("C=UT, CN=CSCA", "C=UT, CN=Signer")
    assert ours.subject.country == "UT"
    identifier = theirs.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert ours.subject_key == identifier
    assert ours.authority is False
    assert [ours.may(use) for use in (DIGITAL_SIGNATURE, CERTIFICATE_SIGN, CRL_SIGN)] == [True, False, False]
    assert ours.extended_usage == ("2.23.136.1.1.3",)
    assert ours.not_understood == ("1.2.3",)
    csca = Certificate.read(UTOPIA.certificate)
    assert csca.authority
    assert csca.self_issued
    assert not ours.self_issued
    assert [csca.may(use) for use in (DIGITAL_SIGNATURE, CERTIFICATE_SIGN, CRL_SIGN)] == [False, True, True]
    assert csca.check(csca).valid
    assert ours.check(csca).valid
    assert not csca.check(ours).valid


def test_a_revocation_list_is_read_as_cryptography_reads_it() -> None:
    data = UTOPIA.revocations(5, 2**100)
    ours, theirs = Revocations.read(data), x509.load_der_x509_crl(data)
    assert ours.serials == {revoked.serial_number for revoked in theirs} == {5, 2**100}
    assert (ours.this_update, ours.next_update) == (theirs.last_update_utc, theirs.next_update_utc)
    assert ours.partial == ""
    assert Revocations.read(UTOPIA.revocations()).serials == frozenset()
    assert ours.check(Certificate.read(UTOPIA.certificate)).valid
    assert not ours.check(Certificate.read(SIGNER.certificate)).valid


def named(*parts: tuple[str, Any]) -> Name:
    listed = [
        asn1_x509.RelativeDistinguishedName([asn1_x509.NameTypeAndValue({"type": kind, "value": value})])
        for kind, value in parts
    ]
    return Name.read(Tlv.whole(asn1_x509.Name("", asn1_x509.RDNSequence(listed)).dump()))


def text(kind: str, value: str) -> Any:
    return asn1_x509.DirectoryString(kind, value)


STRINGS = ("utf8_string", "printable_string", "bmp_string", "universal_string", "teletex_string")


def test_names_are_compared_by_their_meaning() -> None:
    """States change the case and the kind of string between CSCA and signer (RFC 5280, 7.1)."""
    first = named(
        ("country_name", text("printable_string", "UT")), ("common_name", text("utf8_string", "CSCA  Utopia"))
    )
    for kind in STRINGS:
        second = named(("country_name", text(kind, "ut")), ("common_name", text(kind, "csca utopia")))
        assert second == first
        assert hash(second) == hash(first)
        assert second.country == "UT"
    assert named(("common_name", text("utf8_string", "CSCA Utopia"))) != first
    assert named(("common_name", text("utf8_string", "CSCA Utopia"))).country == ""


@pytest.mark.parametrize("country", ["\n\x1b", "U", "Utopia", "U1", ""])
def test_what_is_no_country_is_none(country: str) -> None:
    assert named(("country_name", text("utf8_string", country))).country == ""


def test_odd_certificates_that_do_no_harm() -> None:
    """A negative number, as some states have given."""
    odd = resigned(SIGNER.certificate, UTOPIA.key, serial_number=-5)
    assert Certificate.read(odd).serial == -5
    assert Certificate.read(odd).check(Certificate.read(UTOPIA.certificate)).valid


def test_a_certificate_without_extensions_says_nothing() -> None:
    bare = Certificate.read(resigned(SIGNER.certificate, UTOPIA.key, extensions=None))
    assert bare.subject_key is None
    assert bare.authority is None
    assert bare.may(DIGITAL_SIGNATURE) is None
    assert bare.extended_usage == ()
    assert bare.not_understood == ()


def test_two_different_signature_algorithms_are_refused() -> None:
    made = asn1_x509.Certificate.load(SIGNER.certificate)
    made["signature_algorithm"] = {"algorithm": "sha512_ecdsa"}
    with pytest.raises(ValueError, match="two different signature algorithms"):
        Certificate.read(made.dump(force=True))


def test_an_extension_twice_is_refused() -> None:
    made = asn1_x509.Certificate.load(SIGNER.certificate)
    extensions = made["tbs_certificate"]["extensions"]
    extensions.append(extensions[0].copy())
    with pytest.raises(ValueError, match="twice"):
        Certificate.read(resigned(made.dump(force=True), UTOPIA.key))


def test_a_name_of_thousands_of_parts_is_refused() -> None:
    pair = encoded(0x31, encoded(0x30, b"\6\3\x55\4\3", encoded(0x0C, b"a")))
    with pytest.raises(ValueError, match="too many parts"):
        Name.read(Tlv.whole(encoded(0x30, pair * 5000)))


def test_a_list_that_is_not_whole_is_marked() -> None:
    builder = x509.CertificateRevocationListBuilder(UTOPIA.name, SIGNED, SIGNED + YEAR)
    builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
    made = builder.sign(UTOPIA.key, SHA256()).public_bytes(Encoding.DER)
    assert Revocations.read(made).partial == "critical extension 2.5.29.27"
