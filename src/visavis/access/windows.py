"""Where `fan_out` keeps what was compared in a window: in memory for one run, or in the ledger's database.

Both keep the same: for each comparison who made it, when, under which numbers its reference and its probe
were counted, and the marks of both. No template and no picture.
"""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import threading
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from visavis.storage.engine import Storage

SALT_BYTES = 32
SWEPT = 2000
"""Marks of windows that are over that a call deletes, about."""
TURN = 0x66616E6F7574  # the number of PostgreSQL's advisory lock: "fanout" in ASCII


@dataclass(frozen=True, slots=True)
class Seen:
    """A comparison that was made.

    Attributes:
        id: Its number.
        key: Who made it.
        at: When, in microseconds since 1970.
        reference: Number of the first comparison whose reference this one's is a near-duplicate of.
        probe: The same for the probe.
    """

    id: int
    key: str
    at: int
    reference: int
    probe: int


class Turn(Protocol):
    """What can be done while nobody else does anything."""

    def salt(self, number: int, *, make: bool) -> bytes | None:
        """The salt of a window; a new one where there is none, or None."""

    def find(self, number: int, marks: Iterable[int], since: int) -> list[tuple[int, Seen]]:
        """Which comparisons of a window from some time on have which of these marks."""

    def add(
        self, number: int, key: str, at: int, numbers: tuple[int | None, int | None], marks: Iterable[int]
    ) -> None:
        """Keep a comparison.

        Args:
            number: Of the window.
            key: Who made it.
            at: When.
            numbers: Of its reference and of its probe; None where they are the first of their kind.
            marks: Of both.
        """

    def renew(self, id_: int, at: int) -> None:
        """Move a comparison that was made again to a later time."""

    def forget(self, first: int, last: int) -> None:
        """Destroy the salts of windows outside a range at once, and bit by bit what was kept under them."""


BY_INDEX = tuple(f"set_config('enable_{way}', 'off', true)" for way in ("seqscan", "hashjoin", "mergejoin"))
"""For PostgreSQL, until the transaction ends: marks are looked up by their index, and comparisons by theirs.

By its statistics it may think otherwise, which are wrong as long as a table that was filled wasn't analysed;
to read all of it takes seconds, and everybody waits for their turn."""


class Window(Protocol):
    """Where it is kept."""

    def turn(self) -> AbstractContextManager[Turn]:
        """One after the other: what is looked up and added in a turn is not disturbed."""

    def scrub(self) -> None:
        """Make salts that were destroyed leave the place where they were, as far as it can be done."""


class MemoryWindow:
    """In memory; safe for several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._salts: dict[int, bytes] = {}
        self._marks: dict[int, dict[int, list[int]]] = {}
        self._seen: dict[int, dict[int, Seen]] = {}
        self._last = 0

    @contextlib.contextmanager
    def turn(self) -> Iterator[Turn]:
        """As `Window.turn`."""
        with self._lock:
            yield self

    def scrub(self) -> None:
        """As `Window.scrub`; there is nothing to do."""

    def salt(self, number: int, *, make: bool) -> bytes | None:
        """As `Turn.salt`."""
        if make and number not in self._salts:
            self._salts[number] = secrets.token_bytes(SALT_BYTES)
            self._marks[number] = defaultdict(list)
            self._seen[number] = {}
        return self._salts.get(number)

    def find(self, number: int, marks: Iterable[int], since: int) -> list[tuple[int, Seen]]:
        """As `Turn.find`."""
        kept, seen = self._marks[number], self._seen[number]
        found = ((mark, seen[id_]) for mark in marks for id_ in kept.get(mark, ()))
        return [(mark, each) for mark, each in found if each.at > since]

    def add(
        self, number: int, key: str, at: int, numbers: tuple[int | None, int | None], marks: Iterable[int]
    ) -> None:
        """As `Turn.add`."""
        self._last += 1
        reference, probe = (self._last if given is None else given for given in numbers)
        self._seen[number][self._last] = Seen(self._last, key, at, reference, probe)
        for mark in marks:
            self._marks[number][mark].append(self._last)

    def renew(self, id_: int, at: int) -> None:
        """As `Turn.renew`."""
        for seen in self._seen.values():
            if id_ in seen:
                seen[id_] = replace(seen[id_], at=at)

    def forget(self, first: int, last: int) -> None:
        """As `Turn.forget`."""
        for number in [number for number in self._salts if not first <= number <= last]:
            del self._salts[number], self._marks[number], self._seen[number]


class DatabaseWindow:
    """In the ledger's database; safe for several threads and processes at once."""

    def __init__(self, storage: Storage) -> None:
        """Take a database; its tables are there."""
        self._storage = storage
        self._swept: int | None = None
        self._salts: dict[int, bytes] = {}

    @contextlib.contextmanager
    def turn(self) -> Iterator[Turn]:
        """As `Window.turn`.

        Raises:
            StorageError: The database can't be read or written.
        """
        # What is compared afterwards is recorded, and only then answered: by then this is on disk too.
        with self._storage.writing(lasting=False) as connection:
            if self._storage.kind == "postgresql":
                taken = (f"pg_advisory_xact_lock({TURN})", *BY_INDEX)
                connection.exec_driver_sql(f"SELECT {', '.join(taken)}").all()
            yield _Rows(connection, self)

    def scrub(self) -> None:
        """As `Window.scrub`.

        Raises:
            StorageError: The database can't be written.
        """
        self._storage.scrub("access_windows", "access_marks")

    def known(self, number: int) -> bytes | None:
        """The salt of a window that was read before: as long as it is there, it is the same."""
        return self._salts.get(number)

    def note_read(self, number: int, salt: bytes) -> None:
        """Remember a salt that was read, and so was committed by whoever made it."""
        self._salts = {**self._salts, number: salt}

    def forget(self, first: int, last: int) -> None:
        """Remember no salt of windows outside a range."""
        if any(not first <= number <= last for number in self._salts):
            self._salts = {number: salt for number, salt in self._salts.items() if first <= number <= last}

    def swept(self, first: int) -> bool:
        """Whether nothing is left of windows before one, as far as this process knows."""
        return self._swept == first

    def note_swept(self, first: int) -> None:
        """Remember that nothing is left of windows before one."""
        self._swept = first


@functools.cache
def _finding(of_postgresql: bool) -> Any:
    """The query for the comparisons that have some marks, made once: to make it costs more than to run it.

    The marks are one parameter; hundreds of them would cost more than looking them up.
    """
    import sqlalchemy as sa

    from visavis.access import tables

    kept, comparisons = tables.marks.c, tables.comparisons.c
    if of_postgresql:
        among = kept.mark == sa.any_(sa.bindparam("wanted", type_=sa.ARRAY(sa.BigInteger)))
    else:
        among = kept.mark.in_(sa.select(_values("wanted", of_postgresql)))
    return sa.select(
        kept.mark, comparisons.id, comparisons.key, comparisons.at, comparisons.reference, comparisons.probe
    ).where(
        kept.number == sa.bindparam("of"),
        comparisons.id == kept.comparison,
        comparisons.at > sa.bindparam("after"),
        among,
    )


@functools.cache
def _salted() -> Any:
    """The query for the salt of a window."""
    import sqlalchemy as sa

    from visavis.access import tables

    windows = tables.windows.c
    return sa.select(windows.salt).where(windows.number == sa.bindparam("of"))


@functools.cache
def _adding(of_postgresql: bool) -> tuple[Any, Any, Any]:
    """What adds a comparison, gives it its own number, and adds its marks; made once, too.

    The marks are one parameter here as well.
    """
    import sqlalchemy as sa

    from visavis.access import tables

    comparisons, marks = tables.comparisons, tables.marks
    naming = (
        comparisons.update()
        .where(comparisons.c.id == sa.bindparam("of"))
        .values(reference=sa.bindparam("as_reference"), probe=sa.bindparam("as_probe"))
    )
    each = _values("marks", of_postgresql)
    rows = sa.select(sa.bindparam("of", type_=sa.BigInteger), each, sa.bindparam("by", type_=sa.BigInteger))
    return comparisons.insert(), naming, marks.insert().from_select(["number", "mark", "comparison"], rows)


def _values(name: str, of_postgresql: bool) -> Any:
    """The numbers of one parameter, as a column."""
    import sqlalchemy as sa

    if of_postgresql:
        return sa.func.unnest(sa.bindparam(name, type_=sa.ARRAY(sa.BigInteger)))
    return sa.func.json_each(sa.bindparam(name)).table_valued("value").c.value


class _Rows:
    """A turn in a database: one transaction."""

    def __init__(self, connection: Connection, window: DatabaseWindow) -> None:
        from visavis.access import tables

        self._connection = connection
        self._window = window
        self._tables: Any = tables
        self._of_postgresql = connection.dialect.name == "postgresql"
        self._salts: dict[int, bytes | None] = {}  # nobody else changes them in this turn

    def salt(self, number: int, *, make: bool) -> bytes | None:
        if number not in self._salts or (make and self._salts[number] is None):
            self._salts[number] = self._salt(number, make=make)
        return self._salts[number]

    def _salt(self, number: int, *, make: bool) -> bytes | None:
        if (known := self._window.known(number)) is not None:
            return known
        found: bytes | None = self._connection.execute(_salted(), {"of": number}).scalar()
        if found is not None:
            self._window.note_read(number, bytes(found))
            return bytes(found)
        if not make:
            return None
        salt = secrets.token_bytes(SALT_BYTES)
        self._connection.execute(self._tables.windows.insert(), {"number": number, "salt": salt})
        return salt

    def find(self, number: int, marks: Iterable[int], since: int) -> list[tuple[int, Seen]]:
        found = self._connection.execute(
            _finding(self._of_postgresql), {"of": number, "after": since, "wanted": self._given(marks)}
        )
        return [(mark, Seen(*rest)) for mark, *rest in found]

    def add(
        self, number: int, key: str, at: int, numbers: tuple[int | None, int | None], marks: Iterable[int]
    ) -> None:
        adding, naming, marking = _adding(self._of_postgresql)
        reference, probe = numbers
        row = {"number": number, "key": key, "at": at, "reference": reference or 0, "probe": probe or 0}
        made = self._connection.execute(adding, row).inserted_primary_key
        assert made is not None  # noqa: S101  # both databases give it
        [id_] = made
        if reference is None or probe is None:
            self._connection.execute(
                naming, {"of": id_, "as_reference": reference or id_, "as_probe": probe or id_}
            )
        self._connection.execute(marking, {"of": number, "marks": self._given(marks), "by": id_})

    def _given(self, marks: Iterable[int]) -> list[int] | str:
        """Marks as one parameter."""
        return list(marks) if self._of_postgresql else json.dumps(list(marks))

    def renew(self, id_: int, at: int) -> None:
        comparisons = self._tables.comparisons
        self._connection.execute(comparisons.update().where(comparisons.c.id == id_).values(at=at))

    def forget(self, first: int, last: int) -> None:
        import sqlalchemy as sa

        self._salts = {number: salt for number, salt in self._salts.items() if first <= number <= last}
        self._window.forget(first, last)
        if self._window.swept(first):
            return
        windows, marks, comparisons = self._tables.windows, self._tables.marks, self._tables.comparisons

        def over(table: Any) -> Any:
            return sa.or_(table.c.number < first, table.c.number > last)

        self._connection.execute(windows.delete().where(over(windows)))
        number = self._connection.execute(sa.select(marks.c.number).where(over(marks)).limit(1)).scalar()
        if number is None:
            self._connection.execute(comparisons.delete().where(over(comparisons)))
            self._window.note_swept(first)
            return
        some = sa.select(marks.c.mark).where(marks.c.number == number).order_by(marks.c.mark)
        end = self._connection.execute(some.limit(1).offset(SWEPT)).scalar()
        gone = marks.c.number == number
        self._connection.execute(marks.delete().where(gone if end is None else gone & (marks.c.mark <= end)))
