"""A ledger that is read: entries, proofs, and who a digest is of, for whoever has the key."""

from __future__ import annotations

import base64
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from visavis.errors import LedgerError
from visavis.ledger import digests, rows
from visavis.ledger.entry import Entry
from visavis.ledger.keys import LedgerKey, key_that_signs, read_key
from visavis.ledger.merkle import leaf_hash
from visavis.storage import schema
from visavis.storage.engine import Storage, file_of, open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from visavis.ledger.rows import State

PAGE = 1000
"""Entries that are read at a time."""


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry is in the ledger, for somebody who has neither.

    Attributes:
        index: Of the entry.
        leaf: The entry's bytes.
        hashes: From the leaf's sibling up to below the root.
        note: The signed checkpoint whose root they lead to.
        key: The public half of the key that signs it, as the ledger names it.
    """

    index: int
    leaf: bytes
    hashes: tuple[bytes, ...]
    note: str
    key: str

    @property
    def text(self) -> str:
        """In the form of C2SP tlog-proof; the entry isn't part of it."""
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.hashes)
        return f"c2sp.org/tlog-proof@v1\nindex {self.index}\n{hashes}\n{self.note}"

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "index": self.index,
            "leaf": self.leaf.decode(),
            "leaf_hash": leaf_hash(self.leaf).hex(),
            "inclusion": [each.hex() for each in self.hashes],
            "checkpoint": self.note,
        }


def key_path(where: str | Path, key_file: str | Path | None = None) -> Path:
    """Where the key of a ledger lies: as given, as `VISAVIS_LEDGER_KEY` says, or beside a ledger of SQLite.

    Raises:
        LedgerError: `ledger.no_key`: the ledger is in PostgreSQL and nobody said where its key is.
        StorageError: `storage.address`: the address of the ledger can't be read.
    """
    if chosen := key_file or os.environ.get("VISAVIS_LEDGER_KEY"):
        return Path(chosen).expanduser()
    file = file_of(where)
    if file is None:
        raise LedgerError(
            "ledger.no_key",
            "where the key of a ledger in PostgreSQL lies has to be said",
            expected="a path in VISAVIS_LEDGER_KEY",
        )
    return file.with_name(f"{file.name}.key")


class Reader:
    """A ledger that is read; safe for several threads at once, not to be taken through a fork."""

    def __init__(self, storage: Storage, key: LedgerKey | None = None, key_file: Path | None = None) -> None:
        """Use `read`.

        Args:
            storage: Where the ledger lies; its tables are there.
            key: What subjects and openings take.
            key_file: Where the key lies, to be read again when another one signs.
        """
        self.storage = storage
        self.key = key
        self._key_file = key_file

    @classmethod
    def read(cls, where: str | Path, *, key_file: str | Path | None = None) -> Reader:
        """Open a ledger to read it; nothing is made and nothing is changed.

        Args:
            where: As in `open`.
            key_file: Where its key lies; only looking a subject up needs one.

        Raises:
            StorageError: As `open_storage` and `schema.check`.
            LedgerError: As `read_key`, unless there is no key; `ledger.empty`: there is no ledger yet.
        """
        storage = open_storage(where, writable=False)
        try:
            schema.check(storage)
            reader = Reader(storage, *_key_or_none(where, key_file))
            state = reader.state()
            if reader.key is not None:
                with contextlib.suppress(LedgerError):  # of another ledger: whoever checks finds that
                    reader.signing_key(state.key)
        except BaseException:
            storage.close()
            raise
        return reader

    def close(self) -> None:
        """Give back what it holds."""
        self.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def state(self) -> State:
        """What it says of itself.

        Raises:
            LedgerError: `ledger.empty`: there is no ledger yet.
        """
        with self.storage.reading() as connection:
            return rows.present(rows.state(connection, lock=False))

    def checkpoint(self) -> str:
        """The newest checkpoint, a signed note."""
        with self.storage.reading() as connection:
            return rows.newest(connection)

    def leaf(self, index: int) -> bytes:
        """The bytes of an entry.

        Raises:
            LedgerError: `ledger.index`: there is no such entry.
        """
        with self.storage.reading() as connection:
            return rows.leaf(connection, index)

    def entry(self, index: int) -> Entry:
        """An entry.

        Raises:
            LedgerError: `ledger.index`: there is no such entry; `ledger.entry`: it isn't one any more.
        """
        return Entry.parse(self.leaf(index))

    def leaves(
        self, *, kind: str | None = None, since: str | None = None, subject: str | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of entries, from the first one on, in bounded memory.

        Args:
            kind: Only those of this kind.
            since: Only those from this time on, as `stamp` gives it.
            subject: Only those with this digest, as `subject_digest` gives it.
        """
        columns = rows.tables().entries.c
        query = rows.sa().select(columns.idx, columns.leaf).order_by(columns.idx).limit(PAGE)
        for column, value in ((columns.kind, kind), (columns.subject, subject)):
            if value is not None:
                query = query.where(column == value)
        if since is not None:
            query = query.where(columns.time >= since)
        after = -1
        while True:
            with self.storage.reading() as connection:
                page = connection.execute(query.where(columns.idx > after)).all()
            for row in page:
                yield row.idx, row.leaf
            if len(page) < PAGE:
                return
            after = page[-1].idx

    def subject_digest(self, reference: str) -> str | None:
        """The digest under which a subject is recorded; None where nothing is, or it was erased.

        Raises:
            LedgerError: `ledger.no_key`: it takes the ledger's key.
        """
        secret = self._key().secret
        place = digests.lookup(secret, reference)
        with self.storage.reading() as connection:
            row = rows.subject(connection, place)
        return None if row is None else digests.subject_row(secret, row.salt, reference).salted.digest

    def openings(self, index: int) -> Mapping[str, bytes]:
        """By role: what opens the digests of an entry's inputs, see `digests`.

        Those whose salt was destroyed aren't among them.

        Raises:
            LedgerError: `ledger.no_key`: it takes the ledger's key.
        """
        secret = self._key().secret
        with self.storage.reading() as connection:
            salts = rows.salts_of(connection, index)
        return {role: digests.opening(secret, salt) for role, salt in salts.items()}

    def prove(self, index: int) -> Proof:
        """That an entry is in the ledger as the newest checkpoint has it.

        Raises:
            LedgerError: `ledger.index`: there is no such entry; `ledger.damaged`: the tree is incomplete.
        """
        with self.storage.reading() as connection:
            state = rows.present(rows.state(connection, lock=False))
            leaf = rows.leaf(connection, index)
            tree = rows.tree(connection, state.size)
            try:
                hashes = tree.inclusion(index, state.size)
            except ValueError as error:
                raise rows.damaged(str(error)) from None
            return Proof(index, leaf, tuple(hashes), rows.newest(connection), state.key)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """That the ledger of one size grew out of that of another.

        Raises:
            LedgerError: `ledger.index`: it never had that many; `ledger.damaged`: the tree is incomplete.
        """
        with self.storage.reading() as connection:
            state = rows.present(rows.state(connection, lock=False))
            if not 0 <= old <= new <= state.size:
                raise rows.no_such(f"{old} to {new}", state.size)
            try:
                return tuple(rows.tree(connection, state.size).consistency(old, new))
            except ValueError as error:
                raise rows.damaged(str(error)) from None

    def signing_key(self, verifier: str | None = None) -> LedgerKey:
        """The key that signs for the ledger, read anew where it was exchanged since the ledger was opened.

        Args:
            verifier: Its public half, as the ledger names it; by default it is asked.

        Raises:
            LedgerError: `ledger.no_key`: there is none here; as `key_that_signs`.
        """
        wanted = self.state().key if verifier is None else verifier
        key = self._key()
        if str(key.verifier) != wanted:
            if self._key_file is None:
                raise LedgerError(
                    "ledger.other_key",
                    f"the key is not that of the ledger {self.storage.where}",
                    found=key.verifier,
                    expected=wanted,
                )
            self.key = key = key_that_signs(self._key_file, wanted)
        return key

    def _key(self) -> LedgerKey:
        if self.key is None:
            raise LedgerError("ledger.no_key", "this takes the key of the ledger, which isn't there")
        return self.key


def _key_or_none(
    where: str | Path, key_file: str | Path | None
) -> tuple[LedgerKey, Path] | tuple[None, None]:
    """The key and where it lies, if it is there."""
    try:
        path = key_path(where, key_file)
        return read_key(path), path
    except LedgerError as error:
        if error.code == "ledger.no_key" and key_file is None:
            return None, None
        raise
