"""Salted digests of what was compared, and of whose it was; destroying a salt makes its digest meaningless.

    opening = HMAC-SHA256(secret, salt)
    digest  = HMAC-SHA256(opening, value)

The secret lies in the key's file, the salt in a table beside the tree. Without the secret a stolen database
tells nothing: whoever guesses a value can't confirm the guess. Without the salt nobody can, with the secret
neither. To show somebody that a digest is of their picture or reference, the operator gives them the opening
of that one digest.

Each input of each entry has a salt of its own. A subject has one salt for all entries, so that whoever knows
the operator's reference, the secret and the salt finds them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from visavis.ledger.entry import Salted, reference_bytes

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """What is kept of a subject.

    Attributes:
        lookup: HMAC-SHA256 of the operator's reference under the secret: how the row is found.
        salted: As it stands in every entry of the subject.
        salt: What an erasure destroys.
    """

    lookup: bytes
    salted: Salted
    salt: bytes


def new_salt() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(SALT_BYTES)


def opening(secret: bytes, salt: bytes) -> bytes:
    """What opens one digest and no other, 32 bytes."""
    return hmac.digest(secret, b"opening" + salt, "sha256")


def digest(opening: bytes, value: bytes) -> str:
    """The digest of a value, in hex."""
    return hmac.digest(opening, value, "sha256").hex()


def salt_digest(salt: bytes, *bound: bytes) -> str:
    """What stands in an entry so that no other salt fits: half a SHA-256 of it, in hex.

    Args:
        salt: 32 random bytes, so that the digest doesn't help to find them.
        bound: What else must not be exchanged.
    """
    return hashlib.sha256(b"".join((b"salt", salt, *bound))).hexdigest()[:32]


def salted_input(secret: bytes, salt: bytes, sha256: bytes) -> Salted:
    """The salted digest of an input.

    Args:
        secret: Of the key.
        salt: Of this input of this entry.
        sha256: Of the bytes that were given, 32 bytes.
    """
    return Salted(digest(opening(secret, salt), sha256), salt_digest(salt))


def lookup(secret: bytes, reference: str) -> bytes:
    """How the row of a subject is found, 32 bytes.

    Raises:
        LedgerError: As `reference_bytes`.
    """
    return hmac.digest(secret, b"lookup" + reference_bytes(reference), "sha256")


def subject_row(secret: bytes, salt: bytes, reference: str) -> SubjectRow:
    """The row of a subject.

    Args:
        secret: Of the key.
        salt: Of this subject.
        reference: The operator's own.
    """
    place = lookup(secret, reference)
    salted = Salted(digest(opening(secret, salt), reference_bytes(reference)), salt_digest(salt, place))
    return SubjectRow(place, salted, salt)
