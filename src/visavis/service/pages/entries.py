"""Entries of the ledger as they are looked through at the desk: filtered, newest first, a page at a time.

Kind, subject and place in the ledger are found by the database. Everything else stands in the entries, which
have to be read for it: no more of them in one go than a page may take, and the answer says how far that was.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from visavis.errors import LedgerError
from visavis.ledger import rows
from visavis.ledger.entry import Entry, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from visavis.ledger.reader import Reader

PAGE = 50
"""Entries on one page."""
STEP = 500
"""Entries that are read at a time."""
MOST_READ = 50_000
MOST_S = 1.0
"""Entries that one page may read, and seconds that it may take for it."""
AROUND = 1000
"""Entries before and after those of some days that are looked at too: clocks of several machines differ."""
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are looked for; None for any.

    Attributes:
        kind: Of `ledger.entry.KINDS`.
        purpose: Exactly this one.
        key: Id of the key that asked.
        decision: What it came to.
        first: The first day.
        last: The last day, too.
        subject: Digest of the person, as `Reader.subject_digest` gives it.
    """

    kind: str | None = None
    purpose: str | None = None
    key: str | None = None
    decision: str | None = None
    first: date | None = None
    last: date | None = None
    subject: str | None = None

    @property
    def is_any(self) -> bool:
        """Whether nothing is asked of them."""
        return self == Wanted()

    @property
    def times(self) -> tuple[str | None, str | None]:
        """From when on, and until before when, as entries write times."""
        return (
            None if self.first is None else moment_of(self.first),
            None if self.last is None else moment_of(self.last + timedelta(days=1)),
        )

    @property
    def parts(self) -> tuple[bytes, ...]:
        """What stands in the bytes of each such entry."""
        named = (("purpose", self.purpose), ("key", self.key), ("decision", self.decision))
        return tuple(
            f'"{name}":{json.dumps(value, ensure_ascii=False)}'.encode("utf-8", "replace")
            for name, value in named
            if value is not None
        )

    def fits(self, entry: Entry) -> bool:
        """Whether an entry is one, as far as the database doesn't say."""
        named = ((self.purpose, entry.purpose), (self.key, entry.key), (self.decision, entry.decision))
        return all(wanted in (None, found) for wanted, found in named)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry that was found.

    Attributes:
        index: Its place.
        entry: What it says; None where that can't be read: it is damaged.
    """

    index: int
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        lines: The newest first.
        read: How many entries were read for it.
        before: Where to go on: at the entries before this one; None where there are none.
        is_whole: Whether the page is full, or nothing is left; otherwise it took too long to look further.
        size: How many entries the ledger has.
    """

    lines: tuple[Line, ...]
    read: int
    before: int | None
    is_whole: bool
    size: int


def search(reader: Reader, wanted: Wanted, *, before: int | None = None) -> Found:
    """Look for entries, from the newest one down.

    Args:
        reader: The ledger.
        wanted: Which ones.
        before: Only those before this one.

    Raises:
        StorageError: The ledger can't be read.
    """
    since, until = wanted.times
    parts = wanted.parts
    started = time.monotonic()
    lines: list[Line] = []
    read = 0
    with reader.storage.reading() as connection:
        size = rows.present(rows.state(connection, lock=False)).size
        low, high = _range(connection, size, since, until)
        high = high if before is None else min(high, before)
        query = _query(wanted, low)
        while True:
            page = connection.execute(query, {"high": high}).all()
            for row in page:
                read, high = read + 1, row.idx
                time_ = str(row.time)
                if (since is not None and time_ < since) or (until is not None and time_ >= until):
                    continue
                leaf = bytes_of(row.leaf)
                if not all(part in leaf for part in parts):
                    continue
                line = Line(row.idx, parsed(leaf))
                if line.entry is None or wanted.fits(line.entry):
                    lines.append(line)
                    if len(lines) == PAGE:
                        return Found(tuple(lines), read, high if high > low else None, True, size)
            if len(page) < STEP:
                return Found(tuple(lines), read, None, True, size)
            if read >= MOST_READ or time.monotonic() - started > MOST_S:
                return Found(tuple(lines), read, high, False, size)


def span(connection: Connection, size: int, first: date, last: date) -> tuple[int, int]:
    """Between which places all entries of some days lie, with a few of the days before and after."""
    return _range(connection, size, moment_of(first), moment_of(last + timedelta(days=1)))


def moment_of(day: date) -> str:
    """When a day begins where the service stands, as entries write times."""
    return stamp(datetime.combine(day, datetime.min.time()).astimezone(UTC))


def bytes_of(stored: object) -> bytes:
    """The bytes of an entry; SQLite may hold a text where somebody put one."""
    return bytes(stored) if isinstance(stored, bytes | bytearray | memoryview) else str(stored).encode()


def parsed(leaf: bytes) -> Entry | None:
    """An entry; None where it can't be read."""
    try:
        return Entry.parse(leaf)
    except (LedgerError, TypeError, ValueError):
        return None


def day_of(text: str) -> date | None:
    """A day as a form sends it; None where it is none.

    Raises:
        ValueError: It is no day that can be asked for.
    """
    if not text:
        return None
    day = date.fromisoformat(text)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(text)
    return day


def descending(
    connection: Connection, kind: str, *, high: int, low: int = 0
) -> Iterator[tuple[int, Entry | None, str]]:
    """Place, content and time of the entries of a kind, the newest first."""
    query = _query(Wanted(kind=kind), low)
    while True:
        page = connection.execute(query, {"high": high}).all()
        for row in page:
            high = row.idx
            yield row.idx, parsed(bytes_of(row.leaf)), str(row.time)
        if len(page) < STEP:
            return


def _query(wanted: Wanted, low: int) -> Any:
    sa, entries = rows.sa(), rows.tables().entries.c
    query = sa.select(entries.idx, entries.leaf, entries.time).where(
        entries.idx >= low, entries.idx < sa.bindparam("high")
    )
    for column, value in ((entries.kind, wanted.kind), (entries.subject, wanted.subject)):
        if value is not None:
            query = query.where(column == value)
    return query.order_by(entries.idx.desc()).limit(STEP)


def _range(connection: Connection, size: int, since: str | None, until: str | None) -> tuple[int, int]:
    low = 0 if since is None else max(0, _first_from(connection, size, since) - AROUND)
    high = size if until is None else min(size, _first_from(connection, size, until) + AROUND)
    return low, high


def _first_from(connection: Connection, size: int, moment: str) -> int:
    """The place of the first entry of a time or later, by halves: entries lie in the order of time."""
    sa, entries = rows.sa(), rows.tables().entries.c
    query = sa.select(entries.time).where(entries.idx >= sa.bindparam("place")).order_by(entries.idx).limit(1)
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(query, {"place": middle}).scalar()
        if found is not None and str(found) < moment:
            low = middle + 1
        else:
            high = middle
    return low
