"""Pictures of checks that are kept for a while, where whoever runs the desk asks for it.

They are those that a check shows, small JPEGs, and lie under the index of the ledger's entry that its
verdict is: all of one check in one body, as everything of `sealed` encrypted and bound to index and purpose.
Nothing is kept of somebody whom no reference names: nobody could find it for them.

A body is a line of JSON, a list of names with how many bytes each takes, and then the bytes:

    [["portrait",21934],["probe",18211]]⏎…

Who may look at them, and that it is recorded before they do, is for whoever calls this.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.access.keys import moment, us
from visavis.access.sealed import Sealed
from visavis.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from visavis.ledger.log import Ledger

TABLE = "access_pictures"
MOST, MOST_BYTES = 64, 32 * 2**20
"""Pictures of one check, and bytes of them all: more than what a check shows can take."""


@dataclass(frozen=True, slots=True)
class Note:
    """That pictures are kept, without them.

    Attributes:
        purpose: What the check was for; they may be looked at for nothing else.
        until: When their time is over.
        place: Where the ledger has the row of the person they are of.
    """

    purpose: str
    until: datetime
    place: bytes


class Pictures(Sealed[int]):
    """The pictures in a ledger's database; safe for several threads and processes at once."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime] | None = None) -> None:
        """Take a ledger that is open.

        Args:
            ledger: Its database keeps the pictures, its key encrypts them.
            clock: What time it is.
        """
        super().__init__(ledger, clock, table=TABLE, what="a set of pictures")

    def keep(
        self, index: int, pictures: Mapping[str, bytes], *, purpose: str, subject: str, keep_for: timedelta
    ) -> datetime | None:
        """Keep the pictures of a check; on disk when this returns.

        Args:
            index: Of the ledger's entry that the verdict is; nothing may be kept under it.
            pictures: By name; at most `MOST`, of `MOST_BYTES` in all.
            purpose: What the check was for.
            subject: The operator's own reference of the person.
            keep_for: How long.

        Returns:
            When their time is over; None where the person was erased meanwhile, or what the entry was about,
            and they aren't kept.

        Raises:
            AccessError: `access.pictures`: they are too many, or too large.
            StorageError: They can't be written.
        """
        size = sum(map(len, pictures.values()))
        if len(pictures) > MOST or size > MOST_BYTES:
            raise AccessError(
                "access.pictures",
                "the pictures of one check are too many, or too large, to be kept",
                found=f"{len(pictures)} with {size} bytes",
                expected=f"at most {MOST} with {MOST_BYTES} bytes",
            )
        body = _packed(pictures)
        return self.put(index, body, purpose=purpose, subject=subject, keep_for=keep_for, entry=index)

    def note(self, index: int) -> Note | None:
        """Whether pictures are kept under an index, for what and until when; None where there are none."""
        import sqlalchemy as sa

        table = self._table()
        query = sa.select(table.c.purpose, table.c.expires_at, table.c.subject).where(
            table.c.id == index, table.c.expires_at > us(self._clock())
        )
        with self._storage.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Note(row.purpose, moment(row.expires_at), bytes(row.subject))

    def get(self, index: int, *, purpose: str) -> dict[str, bytes] | None:
        """The pictures by name; None where there are none of this purpose, or not any more.

        Raises:
            AccessError: `access.damaged`: what is there is not what was kept.
            StorageError: They can't be read.
        """
        kept = self.find(index, purpose=purpose)
        return None if kept is None else _unpacked(kept.body)

    def erase_entries(self, first: int, last: int) -> int:
        """Delete those under a range of indices, both ends included; returns of how many checks."""
        table = self._table()
        return self._delete((table.c.id >= first) & (table.c.id <= last))


def _packed(pictures: Mapping[str, bytes]) -> bytes:
    head = json.dumps([(name, len(data)) for name, data in pictures.items()], separators=(",", ":"))
    return b"".join((head.encode(), b"\n", *pictures.values()))


def _unpacked(body: bytes) -> dict[str, bytes]:
    """The inverse of `_packed`; what is unpacked was authenticated before."""
    head, _, rest = body.partition(b"\n")
    pictures, at = {}, 0
    for name, size in json.loads(head):
        pictures[name] = rest[at : at + size]
        at += size
    return pictures
