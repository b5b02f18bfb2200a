from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.documents.issuing_state import NOW, State, chip_of, groups_of

from visavis.documents import trust as trust_module
from visavis.documents.authenticity import authenticate
from visavis.documents.tlv import encoded
from visavis.documents.trust import MAX_BYTES, MAX_FILES, MAX_VALUE, Trust
from visavis.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

UTOPIA, OTHER, THIRD = State(), State("XX"), State("YY")
CHIP = chip_of(groups_of(), UTOPIA.signer())


def passes(trust: Trust) -> bool:
    return authenticate(CHIP, trust, now=NOW).outcome == "passed"


def pem(data: bytes, kind: str = "CERTIFICATE") -> bytes:
    lines = base64.encodebytes(data)
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (kind.encode(), lines, kind.encode())


def ldif(**values: bytes) -> bytes:
    """An LDIF with one entry for each value; long lines are folded (RFC 2849)."""
    entries = [b"version: 1\n"]
    for name, value in values.items():
        text = base64.b64encode(value)
        folded = b"\n ".join(text[start : start + 76] for start in range(0, len(text), 76))
        attribute = name.rstrip("0123456789").encode()
        entries.append(
            b"dn: cn=%b,c=UT\nobjectClass: top\n%b;binary:: %b\n" % (name.encode(), attribute, folded)
        )
    return b"\n".join(entries)


def test_single_certificates_in_both_encodings() -> None:
    for data in (UTOPIA.certificate, pem(UTOPIA.certificate), b"Utopia\n" + pem(UTOPIA.certificate)):
        trust = Trust.read(data)
        assert [known.raw for known in trust.certificates] == [UTOPIA.certificate]
        assert passes(trust)
    both = pem(OTHER.certificate) + pem(UTOPIA.certificate) + pem(UTOPIA.revocations(5), "X509 CRL")
    trust = Trust.read(both.replace(b"\n", b"\r\n"))
    assert (len(trust.certificates), len(trust.revocations)) == (2, 1)
    assert passes(trust)


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.cer").write_bytes(OTHER.certificate)
    (tmp_path / "b.CRT").write_bytes(pem(UTOPIA.certificate))
    (tmp_path / "c.crl").write_bytes(UTOPIA.revocations())
    (tmp_path / "d.ml").write_bytes(THIRD.master_list(THIRD.certificate))
    (tmp_path / "e.ldif").write_bytes(ldif(cACertificate=UTOPIA.certificate))
    (tmp_path / "README.md").write_text("not read")
    (tmp_path / "more").mkdir()
    trust = Trust.read(tmp_path)
    assert {known.subject.country for known in trust.certificates} == {"UT", "XX", "YY"}
    assert len(trust.certificates) == 3  # each once
    assert len(trust.revocations) == 1
    assert passes(trust)
    assert Trust.read(tmp_path / "a.cer", str(tmp_path / "b.CRT")).certificates[1].subject.country == "UT"


def test_a_master_list() -> None:
    trust = Trust.read(OTHER.master_list(OTHER.certificate, UTOPIA.certificate, THIRD.certificate))
    assert len(trust.certificates) == 3
    assert passes(trust)
    (note,) = trust.notes
    assert "a master list with 3 certificates, signed by C=XX, CN=Master List Signer" in note
    assert "whether to trust its signer is yours to decide" in note
    # The signer's own certificate isn't one of them.
    assert all(known.authority for known in trust.certificates)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"attribute_digest": bytes(32)}, "isn't the one that was signed"),
        ({"certificates": ()}, "without its signer's certificate"),
        ({"without": "message_digest"}, "lack the digest"),
        ({"attribute_kind": "2.23.136.1.1.1"}, "of another kind"),
    ],
)
def test_a_master_list_that_its_signer_did_not_sign_is_refused(how: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words) as caught:
        Trust.read(OTHER.master_list(UTOPIA.certificate, **how))
    assert caught.value.code == "certificates.damaged"


def test_a_master_list_changed_anywhere_adds_nothing() -> None:
    data = OTHER.master_list(UTOPIA.certificate)
    at = data.index(UTOPIA.certificate) + len(UTOPIA.certificate) - 1
    changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    with pytest.raises(DocumentError, match="isn't the one that was signed"):
        Trust.read(changed)


def test_an_entry_of_a_master_list_that_cannot_be_read_is_left_out() -> None:
    odd = encoded(0x30, b"\2\1\1")
    trust = Trust.read(OTHER.master_list(odd, UTOPIA.certificate))
    assert len(trust.certificates) == 1
    assert trust.notes[0] == "the certificates: 1 entries can't be read and are left out"


def test_an_ldif() -> None:
    data = ldif(
        cACertificate1=UTOPIA.certificate,
        userCertificate2=UTOPIA.signer().certificate,
        certificateRevocationList3=UTOPIA.revocations(7),
        pkdMasterListContent4=OTHER.master_list(OTHER.certificate, THIRD.certificate),
        jpegPhoto5=b"\xff\xd8\xff",
        cACertificate6=encoded(0x30, b"\2\1\1"),
    )
    for variant in (data, data.replace(b"\n", b"\r\n"), data.rstrip()):
        trust = Trust.read(variant)
        assert (len(trust.certificates), len(trust.revocations)) == (4, 1)
        assert trust.notes[1] == "the certificates: 1 entries can't be read and are left out"
        assert passes(trust)


HOSTILE = {
    "nothing": (b"", "certificates.damaged", "nothing"),
    "text": (b"Hello", "certificates.damaged", "48 65 6c 6c"),
    "a zip": (b"PK\3\4" + bytes(50), "certificates.damaged", "50 4b"),
    "half a certificate": (UTOPIA.certificate[:-1], "certificates.damaged", "bytes are left"),
    "more than a certificate": (UTOPIA.certificate + b"\0", "certificates.damaged", "after its end"),
    "an indefinite length": (b"\x30\x80" + bytes(50), "certificates.damaged", "indefinite"),
    "an endless length": (b"\x30\x84\xff\xff\xff\xff", "certificates.damaged", "4294967295"),
    "a damaged PEM": (pem(UTOPIA.certificate[:-5]), "certificates.damaged", "bytes are left"),
    "a PEM of a key": (pem(encoded(0x30, b"\2\1\0"), "PRIVATE KEY"), "certificates.damaged", "tag 02"),
    "an empty PEM": (b"-----BEGIN CERTIFICATE-----\n", "certificates.empty", "no certificate"),
    "an LDIF of nothing": (b"version: 1\ndn: c=UT\n", "certificates.empty", "no certificate"),
    "an LDIF of no base64": (b"dn: c=UT\na:: %%%\n", "certificates.empty", "no certificate"),
    "an LDIF of one endless value": (
        b"dn: c=UT\na:: MA==\n" + b" AAAA\n" * (MAX_VALUE // 6 + 1),
        "certificates.too_large",
        "a value of an LDIF",
    ),
    "an LDIF of millions of values": (
        b"dn: c=UT\n" + b"a:: \n" * 2_000_000,
        "certificates.too_large",
        "200000",
    ),
    "millions of lines": (b"dn: c=UT\n" + b"\n" * 20_000_000, "certificates.empty", "no certificate"),
    "millions of PEM without an end": (
        b"-----BEGIN CERTIFICATE-----\n" * 1_000_000,
        "certificates.empty",
        "no certificate",
    ),
    "a huge LDIF": (b"dn: c=UT\n" + bytes(MAX_BYTES), "certificates.too_large", "file of certificates"),
}


@pytest.mark.parametrize(("data", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_certificates_end_in_one_clear_line(data: bytes, code: str, word: str) -> None:
    start = time.process_time()
    with pytest.raises(DocumentError) as caught:
        Trust.read(data)
    assert time.process_time() - start < 5
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is None


def test_more_than_enough_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, data in (
        ("MAX_CERTIFICATES", (UTOPIA.certificate, OTHER.certificate, THIRD.certificate)),
        ("MAX_LISTS", (UTOPIA.revocations(), OTHER.revocations(), THIRD.revocations())),
        ("MAX_REVOKED", (UTOPIA.revocations(1, 2, 3),)),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(trust_module, name, 2)
            with pytest.raises(DocumentError) as caught:
                Trust.read(*data)
            assert caught.value.code == "certificates.too_large"
        Trust.read(*data)


def test_hostile_paths(tmp_path: Path) -> None:
    def refused(path: Path | str) -> str:
        with pytest.raises(DocumentError) as caught:
            Trust.read(path)
        return caught.value.code

    assert refused(tmp_path) == "certificates.empty"
    assert refused(tmp_path / "nowhere.cer") == "certificates.missing"
    assert refused("a\0b") == "certificates.missing"
    with (tmp_path / "large.cer").open("wb") as file:
        file.truncate(2**40)
    assert refused(tmp_path) == "certificates.too_large"
    (tmp_path / "large.cer").unlink()
    for number in range(MAX_FILES + 1):
        (tmp_path / str(number)).touch()
    assert refused(tmp_path) == "certificates.too_large"
