"""Is the ledger what was signed? Every entry, tile, checkpoint and salt, read once, in bounded memory.

What is wrong is found where it is: where an entry differs from the tree, the tree's hash is taken for what
comes after it, so that one altered entry is one finding. A ledger without findings is the one that its key
signed. Whether that key signed two histories, or the newest entries were cut off together with what was
signed of them, only a checkpoint that somebody kept elsewhere can show.

Where the key was exchanged, an entry names the one before and the one after, and both signed the checkpoint
of that entry: whoever trusts one key of a ledger has all of them from it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.errors import LedgerError, StorageError
from visavis.ledger import digests, rows
from visavis.ledger.checkpoint import Checkpoint, VerifierKey, read_checkpoint
from visavis.ledger.entry import Entry
from visavis.ledger.merkle import HASH_BYTES, leaf_hash
from visavis.ledger.reader import PAGE
from visavis.ledger.tiles import WIDTH, Edge, expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from visavis.ledger.reader import Reader
    from visavis.ledger.rows import State

MOST = 20
"""Findings of one code that are told of; of the others only how many there are."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that isn't as it was signed.

    Attributes:
        code: Stable name.
        where: Which entry, tile, checkpoint or table.
        message: One sentence for a person.
    """

    code: str
    where: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"code": self.code, "where": self.where, "message": self.message}


@dataclass(frozen=True, slots=True)
class Report:
    """What a check came to.

    Attributes:
        origin: Which ledger.
        size: How many entries were read.
        root: The root of the tree that they make.
        checkpoints: How many checkpoints of its own were compared, each with its signature.
        compared: The checkpoint from elsewhere, None without one.
        keys: All keys that signed, the first one first.
        erased: Inputs and subjects whose salts were destroyed by an erasure that is on record.
        findings: What is wrong, of each code at most `MOST`.
        further: How many more of a code there are, where there are more.
    """

    origin: str
    size: int
    root: bytes
    checkpoints: int
    compared: Checkpoint | None
    keys: tuple[VerifierKey, ...]
    erased: int
    findings: tuple[Finding, ...]
    further: Mapping[str, int]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "sound": self.sound,
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "checkpoints": self.checkpoints,
            "compared_with": None if self.compared is None else self.compared.size,
            "keys": [str(key) for key in self.keys],
            "erased": self.erased,
            "findings": [finding.to_dict() for finding in self.findings],
            "further_findings": dict(self.further),
        }


class _LostError(Exception):
    """Nothing says any more what the tree was."""


def verify(
    reader: Reader,
    *,
    key: VerifierKey,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check a whole ledger.

    Args:
        reader: The ledger.
        key: The public half of its key, or of one that signed before, best from elsewhere than the ledger.
        checkpoint: One that was kept elsewhere and whose signature was checked.
        progress: Told how many entries of how many were read.

    Raises:
        LedgerError: `ledger.empty`: there is no ledger yet.
        StorageError: It can't be read.
    """
    check = _Check(key, checkpoint)
    try:
        with reader.storage.reading() as connection:
            state = rows.present(rows.state(connection, lock=False))
            check.run(connection, state, progress)
    except _LostError:
        pass
    except (TypeError, ValueError, OverflowError) as error:
        # SQLite holds any type in any column, so that somebody can have put a text where bytes belong.
        check.found("database", "the database", f"a value has another type than it should have: {error}")
    except StorageError as error:
        if error.code != "storage.damaged":
            raise
        check.found("database", "the database", str(error))
    return check.report()


def signers(reader: Reader, key: VerifierKey) -> tuple[VerifierKey, ...]:
    """All keys that signed for a ledger, as it says, if a given one is among them; otherwise only that one.

    Raises:
        StorageError: It can't be read.
    """
    with reader.storage.reading() as connection:
        return _Signers.of(connection, key).keys


class _Check:
    """One run; the methods stand in the order in which they are called."""

    def __init__(self, key: VerifierKey, checkpoint: Checkpoint | None) -> None:
        self.findings: list[Finding] = []
        self._counts: Counter[str] = Counter()
        self._key = key
        self._signers = _Signers((key,), ())
        self._exchanged: set[int] = set()  # last indices of checkpoints that all signed who had to
        self._kept = checkpoint
        self._edge = Edge()
        self._signed = 0
        self._erased = 0
        self._read = 0

    def report(self) -> Report:
        return Report(
            self._key.name,
            self._read,
            self._edge.root(),
            self._signed,
            self._kept,
            self._signers.keys,
            self._erased,
            tuple(self.findings),
            {code: count - MOST for code, count in self._counts.items() if count > MOST},
        )

    def found(self, code: str, where: str, message: str) -> None:
        self._counts[code] += 1
        if self._counts[code] <= MOST:
            self.findings.append(Finding(code, where, message))

    def run(self, connection: Connection, state: State, progress: Callable[[int, int], None] | None) -> None:
        self._database(connection)
        self._signers = _Signers.of(connection, self._key)
        if (state.origin, state.key) != (self._key.name, str(self._signers.keys[-1])):
            self.found("origin", "the ledger", f"it says that it is {state.key}")
        if self._kept is not None and self._kept.origin != self._key.name:
            self.found("origin", "the checkpoint", f"it is of another ledger, {self._kept.origin}")
        notes = _Notes(connection)
        self._ranges = list(_erased_ranges(connection))
        while page := _page(connection, self._edge.size):
            self._pages(connection, page, notes)
            if progress is not None:
                progress(self._edge.size, state.size)
        self._end(connection, state, notes)

    def _database(self, connection: Connection) -> None:
        """Whether SQLite's own structure holds, its indices too; PostgreSQL has tools of its own for that."""
        if connection.dialect.name == "sqlite":
            for (line,) in connection.exec_driver_sql(f"PRAGMA integrity_check({MOST})"):
                if line != "ok":
                    self.found("database", "the database", str(line).replace("\n", " "))

    def _pages(self, connection: Connection, page: Sequence[Any], notes: _Notes) -> None:
        """One page of entries, and what belongs to them."""
        stop = page[-1].idx + 1
        tree = _leaf_hashes(connection, self._edge.size, stop)
        about = _About.of(connection, self._edge.size, stop, page, self._ranges)
        for row in page:
            while self._edge.size < row.idx:
                index = self._edge.size
                self.found("entry_missing", f"entry {index}", "it isn't there")
                if index not in tree:
                    raise _LostError
                self._push(connection, tree[index], notes)
            leaf = bytes(row.leaf)
            computed = leaf_hash(leaf)
            kept = tree.get(row.idx)
            if kept is None:
                self.found("tile", f"entry {row.idx}", "the tree has no hash of it")
            elif kept != computed:
                self.found("entry_altered", f"entry {row.idx}", "it is not the one that the tree has")
            self._read += 1
            self._entry(row, leaf, about)
            self._push(connection, computed if kept is None else kept, notes)
        if about.left:
            (index, role), *_ = about.left
            self.found("salt", f"entry {index}", f"there is a salt of an input {role!r} that it doesn't have")

    def _entry(self, row: Any, leaf: bytes, about: _About) -> None:
        """Whether the row says what the leaf says, and whether the salts are those of the entry."""
        where = f"entry {row.idx}"
        try:
            entry = Entry.parse(leaf)
        except LedgerError as error:
            self.found("entry_malformed", where, str(error))
            return
        subject = None if entry.subject is None else entry.subject.digest
        if (row.kind, row.time, row.subject) != (entry.kind, entry.time, subject):
            self.found("column", where, "the columns beside it say something else than it does")
        first = str(self._signers.keys[0])
        if row.idx == 0 and (entry.kind, entry.details.get("verifier_key")) != ("start", first):
            self.found("start", where, "it isn't the beginning of this ledger")
        if entry.kind == "rotation" and row.idx not in self._signers.exchanges:
            self.found("rotation", where, "it exchanges a key that didn't sign for this ledger then")
        if entry.subject is not None:
            salt_digest = about.subjects.get(entry.subject.digest)
            erased = about.subject_erased(entry.subject.digest, row.idx)
            self._salt(where, "of the subject", salt_digest, entry.subject.salt, erased=erased)
        erased = about.erased(subject, row.idx)
        for role, salted in entry.inputs.items():
            salt = about.left.pop((row.idx, role), None)
            found = None if salt is None else digests.salt_digest(salt)
            self._salt(where, f"of the input {role!r}", found, salted.salt, erased=erased)

    def _salt(self, where: str, whose: str, found: str | None, expected: str, *, erased: bool) -> None:
        if found is None and erased:
            self._erased += 1
        elif found is None:
            self.found("salt_missing", where, f"the salt {whose} is gone, and no erasure is on record")
        elif erased:
            self.found("salt_returned", where, f"the salt {whose} is there although an erasure destroyed it")
        elif found != expected:
            self.found("salt", where, f"the salt {whose} is another one")

    def _push(self, connection: Connection, hash_: bytes, notes: _Notes) -> None:
        """Append to the tree; compare the tiles that are full with it, and what was signed of this size."""
        self._edge.append(hash_)
        size = self._edge.size
        if size % WIDTH == 0:
            self._tiles(connection, {**self._edge.take_changed()}, full=True)
        root: bytes | None = None
        if notes.size == size or (self._kept is not None and self._kept.size == size):
            root = self._edge.root()
        if (
            root is not None
            and self._kept is not None
            and self._kept.size == size
            and self._kept.root != root
        ):
            self.found("other_history", f"size {size}", "the checkpoint that was kept has another root")
        while notes.size is not None and notes.size <= size:
            self._note(notes, root)
            notes.advance()

    def _note(self, notes: _Notes, root: bytes | None) -> None:
        """A checkpoint of the ledger itself."""
        assert notes.size is not None  # noqa: S101  # there is one
        where = f"checkpoint {notes.size}"
        try:
            for key in self._signers.of_size(notes.size):
                signed = read_checkpoint(notes.note, [key])
        except LedgerError as error:
            self.found("checkpoint", where, str(error))
            return
        self._exchanged.add(notes.size - 1)
        if (signed.origin, signed.size) != (self._key.name, notes.size):
            self.found("checkpoint", where, f"it is of {signed.origin}, size {signed.size}")
        elif root is None or signed.root != root:
            self.found("checkpoint", where, "what was signed is another root")
        self._signed += 1

    def _tiles(self, connection: Connection, made: Mapping[tuple[int, int], bytes], *, full: bool) -> None:
        for (level, number), hashes in made.items():
            if full and len(hashes) < WIDTH * HASH_BYTES:
                continue  # still growing; compared at the end
            if rows.tile(connection, level, number) != hashes:
                self.found("tile", f"tile {number} of level {level}", "it isn't what the entries make")

    def _end(self, connection: Connection, state: State, notes: _Notes) -> None:
        """What only shows when all entries were read."""
        size, root = self._edge.size, self._edge.root()
        self._tiles(
            connection,
            {(level, full): self._edge.tile(level) for level, full, rest in expected(size) if rest},
            full=False,
        )
        counts = rows.tile_counts(connection)
        for level, number in {level: full + bool(rest) for level, full, rest in expected(size)}.items():
            if counts.pop(level, 0) != number:
                self.found("tile", f"level {level}", f"it should have {number} tiles")
        if counts:
            self.found("tile", f"level {min(counts)}", "there are tiles that the entries don't make")
        if notes.size is not None:
            self.found("truncated", f"entry {size}", f"a checkpoint was signed of {notes.last()} entries")
        elif notes.before != size:
            self.found("checkpoint", f"size {size}", "nothing is signed of the ledger as it is")
        for index in self._signers.exchanges:
            if index not in self._exchanged and index < size:
                self.found("rotation", f"entry {index}", "not both keys signed that one follows the other")
        if self._kept is not None and self._kept.size > size:
            message = f"the checkpoint that was kept is of {self._kept.size} entries"
            self.found("truncated", f"entry {size}", message)
        if (state.size, state.root) != (size, root):
            self.found("size", "the ledger", f"it says that it has {state.size} entries, and another root")
        if rows.salts_from(connection, size):
            self.found("salt", f"entry {size}", "there are salts of entries that aren't there")


@dataclass(frozen=True, slots=True)
class _Signers:
    """Which keys signed for a ledger, one after the other.

    Attributes:
        keys: The first one first.
        exchanges: Indices of the entries that exchange them: one less than there are keys.
    """

    keys: tuple[VerifierKey, ...]
    exchanges: tuple[int, ...]

    @classmethod
    def of(cls, connection: Connection, trusted: VerifierKey) -> _Signers:
        """As the ledger has it, if a key that is trusted is among them; otherwise that one alone.

        That the column by which they are found says the truth is seen when the entries are read.
        """
        keys: list[VerifierKey] = []
        exchanges: list[int] = []
        for row in rows.rotations(connection):
            try:
                details = Entry.parse(bytes(row.leaf)).details
                former, new = (
                    VerifierKey.parse(str(details.get(name))) for name in ("former", "verifier_key")
                )
            except (LedgerError, TypeError):  # SQLite holds a text where bytes belong
                return cls((trusted,), ())
            if (keys and keys[-1] != former) or {former.name, new.name} != {trusted.name}:
                return cls((trusted,), ())
            keys += [new] if keys else [former, new]
            exchanges.append(row.idx)
        return cls(tuple(keys), tuple(exchanges)) if trusted in keys else cls((trusted,), ())

    def of_size(self, size: int) -> tuple[VerifierKey, ...]:
        """Who has to have signed a checkpoint of that size: one, or where they are exchanged both."""
        passed = sum(index < size - 1 for index in self.exchanges)
        both = size - 1 in self.exchanges
        return self.keys[passed : passed + 1 + both]


class _Notes:
    """The ledger's own checkpoints by size, one after the other.

    Attributes:
        size: Of the one that is next, None after the last.
        note: What was signed.
        before: Size of the one before, None before the first.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._page: list[Any] = []
        self.size: int | None = -1
        self.before: int | None = None
        self.note = ""
        self.advance()
        self.before = None

    def advance(self) -> None:
        self.before = self.size
        if not self._page:
            self._page = rows.notes_after(self._connection, self.size or 0, PAGE)[::-1]
        if self._page:
            row = self._page.pop()
            self.size, self.note = row.size, row.note
        else:
            self.size = None

    def last(self) -> int:
        """The size of the last one."""
        return rows.largest_note(self._connection)


@dataclass(slots=True)
class _About:
    """What belongs to a page of entries.

    Attributes:
        left: Salts of inputs by entry and role; each is taken out when its entry was seen.
        subjects: By a subject's digest: what an entry must have of its salt.
        ranges: Erasures of entries: index, first and last.
    """

    left: dict[tuple[int, str], bytes]
    subjects: dict[str, str]
    erasures: Mapping[str, int]
    ranges: list[tuple[int, int, int]]

    @classmethod
    def of(
        cls,
        connection: Connection,
        start: int,
        stop: int,
        page: Sequence[Any],
        ranges: Sequence[tuple[int, int, int]],
    ) -> _About:
        wanted = sorted({row.subject for row in page if row.subject is not None})
        known = rows.subjects_of(connection, wanted)
        return cls(
            left={
                (row.idx, row.role): bytes(row.salt) for row in rows.salts_between(connection, start, stop)
            },
            subjects={row.digest: digests.salt_digest(bytes(row.salt), bytes(row.lookup)) for row in known},
            erasures=rows.erasures_of(connection, wanted),
            ranges=[each for each in ranges if each[1] < stop and each[2] >= start],
        )

    def subject_erased(self, digest: str, index: int) -> bool:
        return self.erasures.get(digest, -1) >= index

    def erased(self, subject: str | None, index: int) -> bool:
        """Whether the salts of an entry's inputs were destroyed, as the ledger has it."""
        if subject is not None and self.subject_erased(subject, index):
            return True
        return any(first <= index <= last and index < erasure for erasure, first, last in self.ranges)


def _page(connection: Connection, start: int) -> Sequence[Any]:
    entries = rows.tables().entries
    return connection.execute(
        entries.select().where(entries.c.idx >= start).order_by(entries.c.idx).limit(PAGE)
    ).all()


def _leaf_hashes(connection: Connection, start: int, stop: int) -> dict[int, bytes]:
    """The hashes of leaves as the tree has them, by index."""
    found = {}
    for number in range(start // WIDTH, (stop - 1) // WIDTH + 1):
        tile = rows.tile(connection, 0, number)
        for at in range(len(tile) // HASH_BYTES):
            found[number * WIDTH + at] = tile[at * HASH_BYTES : (at + 1) * HASH_BYTES]
    return found


def _erased_ranges(connection: Connection) -> Iterator[tuple[int, int, int]]:
    """Index, first and last of each erasure of entries; one that can't be read is found with its entry."""
    for row in rows.erasures_of_entries(connection):
        try:
            details = Entry.parse(bytes(row.leaf)).details
        except LedgerError:
            continue
        first, last = details.get("first"), details.get("last")
        if isinstance(first, int) and isinstance(last, int):
            yield row.idx, first, last
