"""Salted digests against HMAC as hashlib makes it by hand, and what is left without salt or secret."""

from __future__ import annotations

import hashlib

import pytest

from visavis.errors import LedgerError
from visavis.ledger import digests

SECRET, SALT = bytes(range(32)), bytes(range(32, 64))


def hmac_by_hand(key: bytes, message: bytes) -> bytes:
    """RFC 2104 with SHA-256, for keys of at most 64 bytes."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(each ^ 0x36 for each in padded) + message).digest()
    return hashlib.sha256(bytes(each ^ 0x5C for each in padded) + inner).digest()


def test_an_input() -> None:
    value = hashlib.sha256(b"a picture").digest()
    opened = hmac_by_hand(SECRET, b"opening" + SALT)
    assert digests.opening(SECRET, SALT) == opened
    found = digests.salted_input(SECRET, SALT, value)
    assert found.digest == hmac_by_hand(opened, value).hex()
    assert found.salt == hashlib.sha256(b"salt" + SALT).hexdigest()[:32]


def test_a_subject() -> None:
    row = digests.subject_row(SECRET, SALT, "S-\u00e9")
    assert row.lookup == hmac_by_hand(SECRET, b"lookup" + "S-\u00e9".encode())
    assert row.salted.digest == hmac_by_hand(digests.opening(SECRET, SALT), "S-\u00e9".encode()).hex()
    assert row.salted.salt == hashlib.sha256(b"salt" + SALT + row.lookup).hexdigest()[:32]


def test_a_reference_that_is_no_text_is_refused() -> None:
    """As a command line gives it for bytes that are no UTF-8."""
    for reference in ("S-\udcff", "\ud800"):
        with pytest.raises(LedgerError) as caught:
            digests.lookup(SECRET, reference)
        assert caught.value.code == "ledger.entry"
        with pytest.raises(LedgerError) as caught:
            digests.subject_row(SECRET, SALT, reference)
        assert caught.value.code == "ledger.entry"


def test_another_salt_or_secret_gives_another_digest() -> None:
    value = bytes(32)
    found = {
        digests.salted_input(secret, salt, value).digest
        for secret in (SECRET, bytes(32))
        for salt in (SALT, bytes(32))
    }
    assert len(found) == 4


def test_salts_are_never_the_same() -> None:
    salts = {digests.new_salt() for _ in range(100)}
    assert len(salts) == 100
    assert all(len(salt) == 32 for salt in salts)
