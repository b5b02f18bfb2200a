"""What the ledger reads and writes in its tables: one function for each question, all in a transaction.

What is asked for every entry is put together once: that costs more than the answer.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.errors import LedgerError
from visavis.ledger import digests
from visavis.ledger.entry import Salted
from visavis.ledger.tiles import Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from visavis.ledger.entry import Event
    from visavis.ledger.tiles import Edge

BOUND = 500
"""Values in one `IN (...)`; SQLite takes 999 of older days."""


@dataclass(frozen=True, slots=True)
class State:
    """What a ledger says of itself.

    Attributes:
        origin: Which ledger it is.
        key: The public half of its key, as it says; who checks it has it from elsewhere.
        size: How many entries it has.
        root: The root of its tree.
    """

    origin: str
    key: str
    size: int
    root: bytes


def sa() -> Any:
    """SQLAlchemy, loaded where it is used."""
    import sqlalchemy as sa

    return sa


def tables() -> Any:
    """The tables."""
    from visavis.ledger import tables

    return tables


def insert(connection: Connection, table: Any) -> Any:
    """An insertion that can say what to do about a row that is there; each database has its own."""
    return _insert(table, of_postgresql=connection.dialect.name == "postgresql")


def _insert(table: Any, *, of_postgresql: bool) -> Any:
    if of_postgresql:
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def state(connection: Connection, *, lock: bool) -> State | None:
    """What the ledger says of itself, None where there is none; with `lock` nobody else appends meanwhile."""
    row = connection.execute(_state(lock)).first()
    return None if row is None else State(row.origin, row.verifier_key, row.size, bytes(row.root))


@functools.cache
def _state(lock: bool) -> Any:
    query = tables().log.select()
    return query.with_for_update() if lock else query


def present(state: State | None) -> State:
    """The same, where there must be a ledger."""
    if state is None:
        raise LedgerError("ledger.empty", "there is no ledger here yet: nothing was recorded")
    return state


def subjects(connection: Connection, secret: bytes, events: Sequence[Event]) -> Mapping[str, Salted]:
    """The subjects of events, salted; those that are new get their salt."""
    known, asking = tables().subjects, _subjects()
    places = {digests.lookup(secret, each): each for event in events if (each := event.subject) is not None}
    found: dict[str, Salted] = {}
    wanted = list(places)
    for start in range(0, len(wanted), BOUND):
        for row in connection.execute(asking, {"some": wanted[start : start + BOUND]}):
            reference = places[bytes(row.lookup)]
            found[reference] = digests.subject_row(secret, row.salt, reference).salted
    made = []
    for reference in places.values():
        if reference not in found:
            new = digests.subject_row(secret, digests.new_salt(), reference)
            made.append({"lookup": new.lookup, "digest": new.salted.digest, "salt": new.salt})
            found[reference] = new.salted
    if made:
        connection.execute(known.insert(), made)
    return found


@functools.cache
def _subjects() -> Any:
    known = tables().subjects
    return known.select().where(known.c.lookup.in_(sa().bindparam("some", expanding=True)))


def subjects_at(connection: Connection, places: Collection[bytes]) -> Mapping[bytes, Salted]:
    """The subjects in places, salted; none where one was erased."""
    wanted = sorted(places)
    found: dict[bytes, Salted] = {}
    for start in range(0, len(wanted), BOUND):
        for row in connection.execute(_subjects(), {"some": wanted[start : start + BOUND]}):
            place = bytes(row.lookup)
            found[place] = Salted(row.digest, digests.salt_digest(bytes(row.salt), place))
    return found


def subject(connection: Connection, place: bytes) -> Any:
    """The row of a subject by its place, or None."""
    subjects = tables().subjects
    return connection.execute(subjects.select().where(subjects.c.lookup == place)).first()


def is_on_record(connection: Connection, place: bytes) -> bool:
    """Whether there is a subject in a place; where there is, it stays until the transaction ends."""
    known = tables().subjects
    asking = sa().select(known.c.lookup).where(known.c.lookup == place)
    return connection.execute(asking.with_for_update(read=True, key_share=True)).first() is not None


def is_open(connection: Connection, index: int) -> bool:
    """Whether an entry has the salts of its inputs; where it has, they stay until the transaction ends."""
    salts = tables().salts
    asking = sa().select(salts.c.idx).where(salts.c.idx == index).limit(1)
    return connection.execute(asking.with_for_update(read=True, key_share=True)).first() is not None


def destroy_subject(connection: Connection, place: bytes, digest: str) -> int:
    """Destroy the salt of a subject and those of all entries with its digest; returns how many of these."""
    known, entries, salts = tables().subjects, tables().entries, tables().salts
    theirs = sa().select(entries.c.idx).where(entries.c.subject == digest)
    gone = connection.execute(salts.delete().where(salts.c.idx.in_(theirs))).rowcount
    connection.execute(known.delete().where(known.c.lookup == place))
    return int(gone)


def destroy_salts(connection: Connection, first: int, last: int) -> int:
    """Destroy the salts of the inputs of some entries; returns how many."""
    salts = tables().salts
    return int(connection.execute(salts.delete().where(salts.c.idx.between(first, last))).rowcount)


def write_tiles(connection: Connection, edge: Edge) -> None:
    """Write the tiles that changed."""
    connection.execute(
        _writing_tiles(connection.dialect.name == "postgresql"),
        [
            {"level": level, "idx": number, "hashes": hashes}
            for (level, number), hashes in edge.take_changed().items()
        ],
    )


@functools.cache
def _writing_tiles(of_postgresql: bool) -> Any:
    insertion = _insert(tables().tiles, of_postgresql=of_postgresql)
    return insertion.on_conflict_do_update(
        index_elements=["level", "idx"], set_={"hashes": insertion.excluded.hashes}
    )


def tile(connection: Connection, level: int, number: int) -> bytes:
    """The hashes of a tile; nothing where it isn't there."""
    found = connection.execute(_tile(), {"of_level": level, "number": number}).scalar()
    return b"" if found is None else bytes(found)


@functools.cache
def _tile() -> Any:
    tiles, bound = tables().tiles.c, sa().bindparam
    return sa().select(tiles.hashes).where(tiles.level == bound("of_level"), tiles.idx == bound("number"))


def tree(connection: Connection, size: int) -> Tree:
    """The stored tree of so many leaves."""
    return Tree(size, lambda level, number: tile(connection, level, number))


def leaf(connection: Connection, index: int) -> bytes:
    """The bytes of an entry."""
    found = connection.execute(_leaf(), {"number": index}).scalar()
    if found is None:
        raise no_such(index, present(state(connection, lock=False)).size)
    return bytes(found)


@functools.cache
def _leaf() -> Any:
    entries = tables().entries.c
    return sa().select(entries.leaf).where(entries.idx == sa().bindparam("number"))


def salts_of(connection: Connection, index: int) -> dict[str, bytes]:
    """By role: the salts of an entry's inputs."""
    return {role: bytes(salt) for role, salt in connection.execute(_salts(), {"number": index})}


@functools.cache
def _salts() -> Any:
    salts = tables().salts.c
    return sa().select(salts.role, salts.salt).where(salts.idx == sa().bindparam("number"))


def newest(connection: Connection) -> str:
    """The newest checkpoint."""
    note: str | None = connection.execute(_newest()).scalar()
    if note is None:
        raise damaged("there is no checkpoint")
    return note


@functools.cache
def _newest() -> Any:
    checkpoints = tables().checkpoints.c
    return sa().select(checkpoints.note).order_by(checkpoints.size.desc()).limit(1)


def damaged(found: str) -> LedgerError:
    """What to raise where the tree isn't what was signed."""
    return LedgerError(
        "ledger.damaged",
        "the ledger's tree is damaged; visavis ledger verify says where",
        found=found,
    )


def no_such(found: object, size: int) -> LedgerError:
    """What to raise where there is no such entry."""
    return LedgerError(
        "ledger.index", "the ledger has no such entry", found=found, expected=f"0 to {size - 1}"
    )


def tile_counts(connection: Connection) -> dict[int, int]:
    """How many tiles each level has."""
    tiles = tables().tiles
    query = sa().select(tiles.c.level, sa().func.count().label("tiles")).group_by(tiles.c.level)
    return {row.level: row.tiles for row in connection.execute(query)}


def notes_after(connection: Connection, size: int, most: int) -> list[Any]:
    """Checkpoints of larger sizes, the smallest first."""
    checkpoints = tables().checkpoints
    query = checkpoints.select().where(checkpoints.c.size > size)
    return list(connection.execute(query.order_by(checkpoints.c.size).limit(most)))


def largest_note(connection: Connection) -> int:
    """The size of the newest checkpoint; -1 without one."""
    found = connection.execute(sa().select(sa().func.max(tables().checkpoints.c.size))).scalar()
    return -1 if found is None else int(found)


def salts_between(connection: Connection, start: int, stop: int) -> list[Any]:
    """The salts of entries from one up to but not including another."""
    salts = tables().salts
    query = salts.select().where(salts.c.idx >= start, salts.c.idx < stop)
    return list(connection.execute(query))


def salts_from(connection: Connection, start: int) -> bool:
    """Whether there are salts of entries from one on, or of none that can be."""
    salts = tables().salts
    query = sa().select(salts.c.idx).where((salts.c.idx >= start) | (salts.c.idx < 0)).limit(1)
    return connection.execute(query).first() is not None


def subjects_of(connection: Connection, wanted: Sequence[str]) -> list[Any]:
    """The rows of subjects by their digests; those that were erased have none."""
    known = tables().subjects
    return [
        row
        for start in range(0, len(wanted), BOUND)
        for row in connection.execute(known.select().where(known.c.digest.in_(wanted[start : start + BOUND])))
    ]


def erasures_of(connection: Connection, wanted: Sequence[str]) -> dict[str, int]:
    """By a subject's digest: the index of its last erasure."""
    entries = tables().entries
    return {
        subject: index
        for start in range(0, len(wanted), BOUND)
        for subject, index in connection.execute(
            sa()
            .select(entries.c.subject, sa().func.max(entries.c.idx))
            .where(entries.c.kind == "erasure", entries.c.subject.in_(wanted[start : start + BOUND]))
            .group_by(entries.c.subject)
        )
    }


def rotations(connection: Connection) -> list[Any]:
    """Index and leaf of the entries that exchange the key, the first one first."""
    entries = tables().entries
    query = sa().select(entries.c.idx, entries.c.leaf).where(entries.c.kind == "rotation")
    return list(connection.execute(query.order_by(entries.c.idx)))


def erasures_of_entries(connection: Connection) -> list[Any]:
    """Index and leaf of the erasures that are of entries and not of a subject."""
    entries = tables().entries
    query = sa().select(entries.c.idx, entries.c.leaf)
    return list(connection.execute(query.where(entries.c.kind == "erasure", entries.c.subject.is_(None))))
