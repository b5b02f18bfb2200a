"""The ledger itself: appending in groups, erasing, and the exchange of the key that signs.

Whoever appends holds the lock on the one row of `ledger_log` (SQLite: on the whole database) from reading the
size to the commit, so that several threads and processes never give one index twice and never leave one out.
Threads that wait for the disk together share one commit. An append returns when the entry, its salts, the
tree and a signed checkpoint are on disk; where it raises, the caller has no answer to give.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from visavis.errors import LedgerError, StorageError
from visavis.ledger import digests, rows
from visavis.ledger.checkpoint import Checkpoint, cosigned
from visavis.ledger.entry import Event, stamp
from visavis.ledger.groups import Groups
from visavis.ledger.keys import LedgerKey, make_key, read_key, take_place, write_next
from visavis.ledger.merkle import EMPTY_ROOT, leaf_hash
from visavis.ledger.reader import Reader, key_path
from visavis.ledger.tiles import Edge
from visavis.storage import schema
from visavis.storage.engine import Storage, open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from visavis.ledger.entry import Salted, Scalar
    from visavis.ledger.rows import State

MAX_GROUP = 1000
"""Entries that share a commit, at most: it bounds how long the last of them waits."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where something was recorded.

    Attributes:
        origin: Of the ledger.
        index: Of the entry, from 0.
        size: How many entries the ledger had once this one and those that were written with it were in it.
    """

    origin: str
    index: int
    size: int

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"origin": self.origin, "index": self.index}


def prepare(where: str | Path) -> None:
    """Make the tables of a ledger, or bring them to this version.

    Raises:
        StorageError: As `open_storage` and `schema.prepare`.
    """
    storage = open_storage(where)
    try:
        schema.prepare(storage)
    finally:
        storage.close()


class Ledger(Reader):
    """A ledger that is open; safe for several threads at once, not to be taken through a fork."""

    def __init__(
        self,
        storage: Storage,
        key: LedgerKey,
        clock: Callable[[], datetime] | None = None,
        key_file: Path | None = None,
    ) -> None:
        """Use `open`.

        Args:
            storage: Where it lies; its tables are there.
            key: Signs and salts.
            clock: What time it is.
            key_file: Where the key lies.
        """
        super().__init__(storage, key, key_file)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._groups = Groups(self._write, MAX_GROUP)
        self._writer = threading.Lock()
        self._edge: tuple[bytes, Edge] | None = None  # of the tree as this process left it, with its root

    @classmethod
    def open(
        cls,
        where: str | Path,
        *,
        key_file: str | Path | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Ledger:
        """Open a ledger to append to it. A new one begins with an entry that names version and key.

        Args:
            where: A file's path, or an address of PostgreSQL, whose tables `prepare` makes.
            key_file: Where its key lies, see `key_path`.
            clock: What time it is; the machine's by default.

        Raises:
            StorageError: As `open_storage`, `schema.prepare` and `schema.check`.
            LedgerError: As `make_key`; `ledger.other_key`: the key is of another ledger.
        """
        path = key_path(where, key_file)
        storage = open_storage(where)
        try:
            if storage.kind == "sqlite":
                schema.prepare(storage)
            else:
                schema.check(storage)
            with storage.reading() as connection:
                begun = rows.state(connection, lock=False) is not None
            # A key that is lost isn't made anew under a ledger that it has signed.
            ledger = cls(storage, read_key(path) if begun else make_key(path), clock, path)
            ledger._begin()
        except BaseException:
            storage.close()
            raise
        return ledger

    # Appending

    def append(self, event: Event) -> Receipt:
        """Record an event; when this returns it is on disk.

        Raises:
            StorageError: It couldn't be written; whether it was is only unknown where the database went away
                during the commit.
            LedgerError: `ledger.damaged`: the stored tree isn't the one that was signed last.
        """
        return self.append_many([event])[0]

    def append_many(self, events: Sequence[Event]) -> list[Receipt]:
        """Record several events one after the other, all of them or none.

        Raises:
            StorageError: As `append`.
            LedgerError: As `append`.
        """
        return self._groups.submit(events) if events else []

    def _write(self, events: Sequence[Event]) -> list[Receipt]:
        """Append the events of a group in one transaction."""
        with self._writer:
            with self.storage.writing() as connection:
                receipts, after = self._extend(connection, events)
            self._edge = after
        return receipts

    def _begin(self) -> None:
        """Enter the ledger's name where it is new, or see that it is this key's."""
        key = self._key()
        with self.storage.writing() as connection:
            tables = rows.tables()
            row = {"id": 1, "origin": key.verifier.name, "verifier_key": str(key.verifier)}
            connection.execute(
                rows.insert(connection, tables.log).on_conflict_do_nothing(),
                row | {"size": 0, "root": EMPTY_ROOT},
            )
            state = rows.present(rows.state(connection, lock=True))
            if state.origin != self._locked_key(state).verifier.name:
                raise LedgerError(
                    "ledger.other_key",
                    f"the key is not that of the ledger {self.storage.where}",
                    found=key.verifier,
                    expected=state.origin,
                )
            if state.size == 0:
                from visavis import __version__

                details = {"version": __version__, "verifier_key": str(key.verifier)}
                _, after = self._extend(connection, [Event(kind="start", details=details)])
                self._edge = after

    def _locked_key(self, state: State) -> LedgerKey:
        """The key that signs, where the lock on the ledger is held; brings an exchange of it to its end."""
        known = self.key
        key = self.signing_key(state.key)
        if key is not known and self._key_file is not None:
            with contextlib.suppress(LedgerError):  # it can be read where it lies, too
                take_place(self._key_file, state.key)
        return key

    def _extend(
        self,
        connection: Connection,
        events: Sequence[Event],
        subject: Salted | None = None,
        successor: LedgerKey | None = None,
    ) -> tuple[list[Receipt], tuple[bytes, Edge]]:
        """Append events within a transaction.

        Args:
            connection: Of a transaction that writes.
            events: What to append.
            subject: The subject of all of them, where it is known salted.
            successor: The key that signs from here on, where they exchange it.

        Returns:
            Their receipts, and the tree's edge, to be kept once the transaction is committed.
        """
        tables = rows.tables()
        state = rows.present(rows.state(connection, lock=True))
        key = self._locked_key(state)
        edge = self._take_edge(connection, state)
        subjects = rows.subjects(connection, key.secret, events)
        found = rows.subjects_at(connection, {each.place for each in events if each.place is not None})
        now = stamp(self._clock())
        added, salts, receipts = [], [], []
        for index, event in enumerate(events, start=state.size):
            inputs = {}
            for role, sha256 in (event.inputs or {}).items():
                salt = digests.new_salt()
                inputs[role] = digests.salted_input(key.secret, salt, sha256)
                salts.append({"idx": index, "role": role, "salt": salt})
            whose = subject if event.subject is None else subjects[event.subject]
            if event.place is not None:
                whose = found.get(event.place)
            leaf = event.entry(now, inputs, whose).leaf()
            edge.append(leaf_hash(leaf))
            added.append(
                {
                    "idx": index,
                    "leaf": leaf,
                    "kind": event.kind,
                    "time": now,
                    "subject": None if whose is None else whose.digest,
                }
            )
            receipts.append(Receipt(state.origin, index, state.size + len(events)))
        root = edge.root()
        checkpoint = Checkpoint(state.origin, edge.size, root)
        note = key.sign(checkpoint)
        changed: dict[str, Any] = {"size": edge.size, "root": root}
        if successor is not None:
            note = cosigned(note, successor.verifier, successor.signature(checkpoint.text.encode()))
            changed["verifier_key"] = str(successor.verifier)
        connection.execute(tables.entries.insert(), added)
        if salts:
            connection.execute(tables.salts.insert(), salts)
        rows.write_tiles(connection, edge)
        connection.execute(tables.checkpoints.insert(), {"size": edge.size, "note": note})
        connection.execute(tables.log.update(), changed)
        return receipts, (root, edge)

    def _take_edge(self, connection: Connection, state: State) -> Edge:
        """The edge of the tree as it is; that which is kept only where nobody else has appended since."""
        kept, self._edge = self._edge, None  # taken back only after the commit
        if kept is not None and kept[1].size == state.size and kept[0] == state.root:
            return kept[1]
        try:
            edge = Edge.load(state.size, lambda level, number: rows.tile(connection, level, number))
        except ValueError as error:
            raise rows.damaged(str(error)) from None
        if edge.root() != state.root:
            raise rows.damaged("the root isn't the one that was kept")
        return edge

    # The key

    def rotate_key(
        self, *, leaked: bool = False, purpose: str | None = None, key: str | None = None
    ) -> Receipt:
        """Let a new key sign from now on, and record that; the one before is gone afterwards.

        The checkpoint of that entry is signed by both, so that whoever trusts one of them can trust the
        other. All that was signed before stays as it is. The secret of `digests` stays too: without it
        nothing that was recorded of anybody would be found any more.

        Args:
            leaked: Whether somebody else may have the one before: then it is not kept among those whose
                statements still count.
            purpose: What it is done for.
            key: The name of the key that asked.

        Returns:
            Where it is recorded.

        Raises:
            StorageError: As `append`.
            LedgerError: As `append`; `ledger.key`: the new key can't be written, and then nothing is changed;
                or it signs already, and only its file stays beside that of the one before until the ledger
                is opened anew.
        """
        path = self._key_file
        if path is None:
            raise LedgerError("ledger.no_key", "where the key of the ledger lies isn't known")
        with self._writer:
            with self.storage.writing() as connection:
                before = self._locked_key(rows.present(rows.state(connection, lock=True)))
                new = before.rotated(leaked=leaked)
                write_next(path, new)
                details: dict[str, Scalar] = {
                    "verifier_key": str(new.verifier),
                    "former": str(before.verifier),
                    "leaked": leaked,
                }
                event = Event(kind="rotation", purpose=purpose, key=key, details=details)
                [receipt], after = self._extend(connection, [event], successor=new)
            self._edge, self.key = after, new
            with self.storage.writing() as connection:  # only who holds the lock moves a key
                take_place(path, rows.present(rows.state(connection, lock=True)).key)
        return receipt

    # Erasing

    def erase_subject(
        self, reference: str, *, purpose: str | None = None, key: str | None = None
    ) -> Receipt | None:
        """Destroy the salts of all that was recorded of a subject, and record that.

        The entries stay and the tree verifies as before; nobody can tell any more whose they are and what was
        compared. Copies of the database from before still have the salts.

        Args:
            reference: The operator's own.
            purpose: What it was done for.
            key: The name of the key that asked.

        Returns:
            Where that was recorded; None where nothing is recorded of the subject, or not any more.

        Raises:
            StorageError: As `append`; `storage.locked`: it is done and recorded, but somebody who reads keeps
                the salts in SQLite's log. Erasing again takes them out of it.
            LedgerError: As `append`.
        """
        secret = self._key().secret
        place = digests.lookup(secret, reference)
        with self._writer:
            with self.storage.writing() as connection:
                rows.present(rows.state(connection, lock=True))
                row = rows.subject(connection, place)
                receipt, after = None, self._edge
                if row is not None:
                    salted = digests.subject_row(secret, row.salt, reference).salted
                    gone = rows.destroy_subject(connection, place, salted.digest)
                    event = Event(kind="erasure", purpose=purpose, key=key, details={"salts": gone})
                    [receipt], after = self._extend(connection, [event], salted)
            self._edge = after
        self._scrub("ledger_salts", "ledger_subjects")
        return receipt

    def erase_entries(
        self, first: int, last: int, *, purpose: str | None = None, key: str | None = None
    ) -> Receipt:
        """Destroy the salts of the inputs of some entries, for those without a subject or past their time.

        Args:
            first: Index of the first one.
            last: Of the last one.
            purpose: What it was done for.
            key: The name of the key that asked.

        Returns:
            Where that was recorded.

        Raises:
            StorageError: As `erase_subject`.
            LedgerError: As `append`; `ledger.index`: there are no such entries.
        """
        with self._writer:
            with self.storage.writing() as connection:
                state = rows.present(rows.state(connection, lock=True))
                if not 0 <= first <= last < state.size:
                    raise rows.no_such(f"{first} to {last}", state.size)
                gone = rows.destroy_salts(connection, first, last)
                details = {"first": first, "last": last, "salts": gone}
                event = Event(kind="erasure", purpose=purpose, key=key, details=details)
                [receipt], after = self._extend(connection, [event])
            self._edge = after
        self._scrub("ledger_salts")
        return receipt

    def _scrub(self, *tables: str) -> None:
        """Destroyed salts leave the database's files too, or whoever erased hears of it."""
        if not self.storage.scrub(*tables):
            raise StorageError(
                "storage.locked",
                "what was erased may still lie in the database's log, because others read it; "
                f"erase again: {self.storage.where}",
            )
