"""Certificates of issuing states that the user supplies: single files, folders, master lists, LDIF.

Nothing is trusted unless somebody says so: visavis ships no certificate, and what comes with a chip never
counts. Every self-signed certificate that the user supplies is trusted; others have to lead to one of them.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from visavis.documents.certificates import Certificate, Revocations
from visavis.documents.cms import SignedData
from visavis.documents.files import list_folder, read_file
from visavis.documents.signatures import UnsupportedError
from visavis.documents.tlv import INTEGER, OID, SEQUENCE, SET, TIME, UTC_TIME, Fields, Tlv
from visavis.errors import DocumentError
from visavis.photo.refusals import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

TrustSource = bytes | str | os.PathLike[str]

MAX_BYTES = 64 * 2**20
"""Bytes of a file. ICAO's whole LDIF of master lists has about 30 MB."""

MAX_FILES = 5_000
"""Files in a folder."""

MAX_CERTIFICATES = 20_000
"""Certificates in all; a master list has about 600."""

MAX_LISTS = 1_000
"""Revocation lists in all; there is one for each state and key."""

MAX_REVOKED = 1_000_000
"""Numbers in all of them."""

MAX_VALUE = 16 * 2**20
"""Characters of one value in an LDIF: the longest is a master list."""

MAX_VALUES = 200_000
"""Values of one LDIF."""

SUFFIXES = (".cer", ".crt", ".pem", ".der", ".crl", ".ml", ".ldif")

MASTER_LIST = "2.23.136.1.1.2"  # Doc 9303-12, 9
BEGIN = b"-----BEGIN "
BASE64 = b":: "  # what an LDIF has between an attribute and a value in base64


@dataclass(frozen=True, slots=True)
class Trust:
    """What the user supplied.

    Attributes:
        certificates: Every certificate, each once.
        revocations: Every revocation list.
        notes: Who signed a master list, what couldn't be read.
    """

    certificates: tuple[Certificate, ...] = field(repr=False)
    revocations: tuple[Revocations, ...] = field(repr=False)
    notes: tuple[str, ...]

    @classmethod
    def read(cls, *sources: TrustSource) -> Trust:
        """Read files, folders, or the bytes of a file.

        They may be certificates and revocation lists as DER or PEM, master lists, and LDIF; in a
        folder, those that end with one of `SUFFIXES`.

        Raises:
            DocumentError: Something is missing, can't be read, is too large or damaged, or a master list
                isn't what its signer signed; the codes begin with ``certificates.``.
        """
        found = _Found()
        for source in sources:
            for name, data in _files(source):
                found.add(name, data)
        if not found.certificates and not found.revocations:
            raise DocumentError(
                "certificates.empty",
                "there is no certificate in what was given",
                expected="certificates, a master list or an LDIF",
            )
        return cls(tuple(found.certificates.values()), tuple(found.revocations), tuple(found.notes))


def _files(source: TrustSource) -> Iterator[tuple[str, bytes]]:
    if isinstance(source, bytes):
        if len(source) > MAX_BYTES:
            raise _too_large("a file of certificates", f"{MAX_BYTES} bytes")
        yield "the certificates", source
        return
    path = Path(source)
    if not os.path.isdir(path):  # noqa: PTH112  # False, and no error, where nobody may look
        yield ascii(path.name), read_file(path, MAX_BYTES, "certificates")
        return
    for file in list_folder(path, MAX_FILES, "certificates"):
        if file.suffix.lower() in SUFFIXES:
            yield ascii(file.name), read_file(file, MAX_BYTES, "certificates")


class _Found:
    """What was read so far."""

    def __init__(self) -> None:
        self.certificates: dict[bytes, Certificate] = {}
        self.revocations: list[Revocations] = []
        self.revoked = 0
        self.notes: list[str] = []

    def add(self, name: str, data: bytes) -> None:
        """Whatever a file holds."""
        try:
            if data.startswith(b"0"):  # the tag of a sequence
                self._add_der(name, data)
            elif BEGIN in data[:65_536]:
                for block in _pem_blocks(data):
                    self._add_der(name, block)
            elif re.search(rb"(?m)^(dn|version):", data[:65_536]):
                self._add_ldif(name, data)
            else:
                raise ValueError(f"bytes that begin with {data[:4].hex(' ') or 'nothing'}")
        except ValueError as error:
            message = f"{name} isn't a certificate, revocation list, master list or LDIF"
            raise DocumentError("certificates.damaged", message, found=one_line(error)) from None

    def _add_der(self, name: str, data: bytes) -> None:
        outer = Tlv.whole(data).must_be(SEQUENCE)
        first = Fields(outer).next()
        if first.tag == OID:
            self._add_master_list(name, SignedData.read(outer))
        elif _is_revocation_list(first):
            self._add_revocations(Revocations.read(data))
        else:
            self._add_certificate(Certificate.read(data))

    def _add_certificate(self, certificate: Certificate) -> None:
        self.certificates.setdefault(certificate.raw, certificate)
        if len(self.certificates) > MAX_CERTIFICATES:
            raise _too_large("the collection of certificates", f"{MAX_CERTIFICATES}")

    def _add_revocations(self, revocations: Revocations) -> None:
        self.revocations.append(revocations)
        self.revoked += len(revocations.serials)
        if len(self.revocations) > MAX_LISTS or self.revoked > MAX_REVOKED:
            raise _too_large("the collection of revocation lists", f"{MAX_LISTS}, with {MAX_REVOKED} numbers")

    def _add_master_list(self, name: str, signed: SignedData) -> None:
        """Every certificate of a master list whose signature holds (Doc 9303-12, 9)."""
        signers = signed.signer.find(signed.certificates)
        if not signers:
            raise ValueError("a master list without its signer's certificate")
        try:
            checked = signed.check(signers[0], MASTER_LIST)
        except UnsupportedError as error:
            raise ValueError(f"a master list signed with an unknown algorithm: {error}") from None
        if not checked.valid:
            raise ValueError("a master list whose signature is wrong")
        fields = Fields(Tlv.whole(signed.content).must_be(SEQUENCE))
        fields.next(INTEGER)
        listed = [element.raw for element in fields.next(SET).children()]
        read = self._add_readable(name, listed)
        self.notes.append(
            f"{name}: a master list with {read} certificates, signed by {signers[0].subject.text}; "
            "its signature holds, but whether to trust its signer is yours to decide"
        )

    def _add_ldif(self, name: str, data: bytes) -> None:
        """Values of an LDIF (RFC 2849) that are certificates, revocation lists or master lists."""
        damaged = 0
        for value in _ldif_values(data):
            try:
                self._add_der(name, value)
            except ValueError:
                damaged += 1
        self._note_damaged(name, damaged)

    def _add_readable(self, name: str, listed: list[bytes]) -> int:
        damaged = 0
        for raw in listed:
            try:
                self._add_certificate(Certificate.read(raw))
            except ValueError:
                damaged += 1
        self._note_damaged(name, damaged)
        return len(listed) - damaged

    def _note_damaged(self, name: str, count: int) -> None:
        if count:
            self.notes.append(f"{name}: {count} entries can't be read and are left out")


def _is_revocation_list(body: Tlv) -> bool:
    """Where a certificate has its validity, a list has a plain time (RFC 5280, 5.1)."""
    fields = Fields(body.must_be(SEQUENCE))
    if fields.optional(0xA0):
        return False
    fields.optional(INTEGER)
    fields.next()
    fields.next()
    return fields.next().tag in {UTC_TIME, TIME}


def _pem_blocks(data: bytes) -> Iterator[bytes]:
    """What stands between a beginning and the end that belongs to it (RFC 7468)."""
    start = data.find(BEGIN)
    while start >= 0:
        following = data.find(BEGIN, start + 1)
        body = data[start + len(BEGIN) : following if following >= 0 else len(data)]
        label, _, rest = body.partition(b"-----")
        text, end, _ = rest.partition(b"-----END " + label + b"-----")
        if end:
            yield base64.b64decode(text)
        start = following


def _ldif_values(data: bytes) -> Iterator[bytes]:
    """Base64 values, whatever their attribute is called; they go on in lines that begin with a space."""
    start = data.find(BASE64)
    for _ in range(MAX_VALUES):
        if start < 0:
            return
        start += len(BASE64)
        end = _line_end(data, start)
        while data.startswith(b" ", end + 1) and end - start <= MAX_VALUE:
            end = _line_end(data, end + 1)
        if end - start > MAX_VALUE:
            raise _too_large("a value of an LDIF", f"{MAX_VALUE} characters")
        with contextlib.suppress(binascii.Error):  # no base64 is no certificate
            value = base64.b64decode(data[start:end].translate(None, b" \r\n"), validate=True)
            if value.startswith(b"0"):
                yield value
        start = data.find(BASE64, end)
    raise _too_large("an LDIF", f"{MAX_VALUES} values")


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return end if end >= 0 else len(data)


def _too_large(what: str, expected: str) -> DocumentError:
    return DocumentError("certificates.too_large", f"{what} is too large", expected=f"at most {expected}")
