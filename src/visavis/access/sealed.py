"""What is kept for a while in a ledger's database: encrypted, for a purpose, until its time is over.

Each body lies there under AES-256-GCM and a key that follows from the ledger's, another one for each table.
It is bound to its id and its purpose, so that in another's row it can't be read. It is gone when its time is
over, and goes when the person is erased whom it is about; of them there is only a keyed digest of their
reference. Of somebody who isn't on record in the ledger nothing is kept: they were erased meanwhile.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from visavis.access.keys import moment, us
from visavis.errors import AccessError
from visavis.ledger import digests, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.ledger.log import Ledger

NONCE_BYTES = 12

Id = TypeVar("Id", int, str)


@dataclass(frozen=True, slots=True)
class Kept:
    """A body that was kept.

    Attributes:
        body: What was given.
        place: Where the ledger has the row of the person it is about; None where nobody was named.
        until: When its time is over.
    """

    body: bytes
    place: bytes | None
    until: datetime


class Sealed(Generic[Id]):
    """The bodies in one table; safe for several threads and processes at once."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], datetime] | None = None, *, table: str, what: str
    ) -> None:
        """Take a ledger that is open.

        Args:
            ledger: Its database keeps the bodies, its key encrypts them.
            clock: What time it is.
            table: One of `access.tables`, with the columns of ``access_verdicts``.
            what: What bodies are called in errors: ``"an answer"``.
        """
        if ledger.key is None:
            raise AccessError("access.no_secret", f"{what} takes the ledger's key, which isn't there")
        self._storage = ledger.storage
        self._secret = ledger.key.secret
        self._key = hmac.digest(ledger.key.secret, f"{table.replace('_', ' ')} 1".encode(), "sha256")
        self._clock = clock or (lambda: datetime.now(UTC))
        self._name = table
        self._what = what

    def put(
        self,
        id_: Id,
        body: bytes,
        *,
        purpose: str,
        subject: str | None,
        keep_for: timedelta,
        entry: int | None = None,
    ) -> datetime | None:
        """Keep a body, once the ledger has what it is about; on disk when this returns.

        Args:
            id_: Its name, which must be new.
            body: The body.
            purpose: What it was made for.
            subject: The operator's own reference of the person.
            keep_for: How long.
            entry: Index of the ledger's entry that it belongs to, where it goes with what that was about.

        Returns:
            When its time is over; None where the person or what the entry was about was erased meanwhile, and
            it isn't kept.

        Raises:
            StorageError: It can't be written.
        """
        nonce, until = secrets.token_bytes(NONCE_BYTES), self._clock() + keep_for
        place = None if subject is None else digests.lookup(self._secret, subject)
        row = {
            "id": id_,
            "purpose": purpose,
            "subject": place,
            "body": nonce + self._cipher().encrypt(nonce, body, _bound(id_, purpose)),
            "expires_at": us(until),
        }
        with self._storage.writing() as connection:
            # In the order in which an erasure takes them: otherwise each could wait for the other.
            if entry is not None and not rows.is_open(connection, entry):
                return None
            if place is not None and not rows.is_on_record(connection, place):
                return None
            connection.execute(self._table().insert(), row)
        return until

    def find(self, id_: Id, *, purpose: str) -> Kept | None:
        """A body; None where there is none of this purpose, its time is over, or it was erased.

        Raises:
            AccessError: `access.damaged`: what is there is not what was kept.
            StorageError: It can't be read.
        """
        from cryptography.exceptions import InvalidTag

        table = self._table()
        with self._storage.reading() as connection:
            row = connection.execute(
                table.select().where(
                    table.c.id == id_, table.c.purpose == purpose, table.c.expires_at > us(self._clock())
                )
            ).first()
        if row is None:
            return None
        content = bytes(row.body)
        try:
            body = self._cipher().decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _bound(id_, purpose))
        except (InvalidTag, ValueError):
            raise self._damaged(id_) from None
        return Kept(body, None if row.subject is None else bytes(row.subject), moment(row.expires_at))

    def times_of(self, subject: str, *, purpose: str | None = None) -> list[datetime]:
        """Until when bodies about a subject are kept, the earliest first.

        Args:
            subject: The operator's own reference of the person.
            purpose: Only those of this one.
        """
        import sqlalchemy as sa

        table = self._table()
        query = sa.select(table.c.expires_at).where(
            table.c.subject == digests.lookup(self._secret, subject), table.c.expires_at > us(self._clock())
        )
        if purpose is not None:
            query = query.where(table.c.purpose == purpose)
        with self._storage.reading() as connection:
            return [moment(found) for found in connection.scalars(query.order_by(table.c.expires_at))]

    def erase(self, subject: str) -> int:
        """Delete all bodies about a subject; returns how many."""
        return self._delete(self._table().c.subject == digests.lookup(self._secret, subject))

    def expire(self) -> int:
        """Delete the bodies whose time is over; returns how many."""
        return self._delete(self._table().c.expires_at <= us(self._clock()))

    def _delete(self, which: Any) -> int:
        with self._storage.writing() as connection:
            gone = connection.execute(self._table().delete().where(which)).rowcount
        if gone:
            self._storage.scrub(self._name)
        return int(gone)

    def _damaged(self, id_: Id) -> AccessError:
        told = f"{self._what} that was kept is damaged, or of another key"
        return AccessError("access.damaged", told, found=str(id_))

    def _cipher(self) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def _table(self) -> Any:
        from visavis.access import tables

        return tables.metadata.tables[self._name]


def _bound(id_: int | str, purpose: str) -> bytes:
    """What a body is bound to: put into another's row it can't be read."""
    return f"{id_}\n{purpose}".encode()
