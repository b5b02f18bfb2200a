"""Answers that were kept for a while, so that whoever asked can ask again.

An answer may hold what was read on a document. So it lies there encrypted (AES-256-GCM under a key from the
ledger's key file), is gone when its time is over, and goes when its subject is erased.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from visavis.access.keys import moment, us
from visavis.errors import AccessError
from visavis.ledger import digests

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.ledger.log import Ledger

NONCE_BYTES = 12
TABLE = "access_verdicts"


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was kept.

    Attributes:
        body: The answer.
        place: Where the ledger has the row of the person it is about; None where nobody was named.
    """

    body: bytes
    place: bytes | None


class Verdicts:
    """The answers in a ledger's database; safe for several threads and processes at once."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime] | None = None) -> None:
        """Take a ledger that is open.

        Args:
            ledger: Its database keeps the answers, its key encrypts them.
            clock: What time it is.
        """
        if ledger.key is None:
            raise AccessError("access.no_secret", "answers take the ledger's key, which isn't there")
        self._storage = ledger.storage
        self._secret = ledger.key.secret
        self._key = hmac.digest(ledger.key.secret, b"access verdicts 1", "sha256")
        self._clock = clock or (lambda: datetime.now(UTC))

    def keep(self, id_: str, body: bytes, *, purpose: str, subject: str | None, keep_for: timedelta) -> None:
        """Keep an answer; on disk when this returns.

        Args:
            id_: Its name, which must be new.
            body: The answer.
            purpose: What it was made for.
            subject: The operator's own reference of the person.
            keep_for: How long.

        Raises:
            StorageError: It can't be written.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        row = {
            "id": id_,
            "purpose": purpose,
            "subject": None if subject is None else digests.lookup(self._secret, subject),
            "body": nonce + self._cipher().encrypt(nonce, body, _bound(id_, purpose)),
            "expires_at": us(self._clock() + keep_for),
        }
        with self._storage.writing() as connection:
            connection.execute(_verdicts().insert(), row)

    def get(self, id_: str, *, purpose: str) -> bytes | None:
        """An answer as `find` finds it."""
        kept = self.find(id_, purpose=purpose)
        return None if kept is None else kept.body

    def find(self, id_: str, *, purpose: str) -> Kept | None:
        """An answer; None where there is none of this purpose, its time is over, or it was erased.

        Raises:
            AccessError: `access.damaged`: what is there is not what was kept.
            StorageError: It can't be read.
        """
        from cryptography.exceptions import InvalidTag

        verdicts = _verdicts()
        with self._storage.reading() as connection:
            row = connection.execute(
                verdicts.select().where(
                    verdicts.c.id == id_,
                    verdicts.c.purpose == purpose,
                    verdicts.c.expires_at > us(self._clock()),
                )
            ).first()
        if row is None:
            return None
        content = bytes(row.body)
        try:
            body = self._cipher().decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _bound(id_, purpose))
        except (InvalidTag, ValueError):
            raise AccessError(
                "access.damaged", "an answer that was kept is damaged, or of another key", found=id_
            ) from None
        return Kept(body, None if row.subject is None else bytes(row.subject))

    def times_of(self, subject: str) -> list[datetime]:
        """Until when the answers about a subject are kept."""
        verdicts, now = _verdicts(), us(self._clock())
        with self._storage.reading() as connection:
            rows = connection.execute(
                verdicts.select()
                .where(verdicts.c.subject == digests.lookup(self._secret, subject))
                .order_by(verdicts.c.expires_at)
            ).all()
        return [moment(row.expires_at) for row in rows if row.expires_at > now]

    def erase(self, subject: str) -> int:
        """Delete all answers about a subject; returns how many."""
        return self._delete(_verdicts().c.subject == digests.lookup(self._secret, subject))

    def expire(self) -> int:
        """Delete the answers whose time is over; returns how many."""
        return self._delete(_verdicts().c.expires_at <= us(self._clock()))

    def _delete(self, which: Any) -> int:
        with self._storage.writing() as connection:
            gone = connection.execute(_verdicts().delete().where(which)).rowcount
        if gone:
            self._storage.scrub(TABLE)
        return int(gone)

    def _cipher(self) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)


def _bound(id_: str, purpose: str) -> bytes:
    """What an answer is bound to: put into another's row it can't be read."""
    return f"{id_}\n{purpose}".encode()


def _verdicts() -> Any:
    from visavis.access import tables

    return tables.verdicts
