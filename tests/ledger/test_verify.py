"""Whatever is changed in a stored ledger is found, where it is. The same table for both databases."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from tests.ledger.events import verdict

from visavis.ledger.checkpoint import Checkpoint, read_checkpoint
from visavis.ledger.entry import Entry, Event
from visavis.ledger.keys import LedgerKey
from visavis.ledger.log import Ledger, prepare
from visavis.ledger.merkle import leaf_hash
from visavis.ledger.tables import checkpoints, entries, log, salts, subjects, tiles
from visavis.ledger.tiles import Edge
from visavis.ledger.verify import MOST, Report, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

SIZE = 304
"""More than a tile, so that there are full and partial ones on two levels."""


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    """Entries with and without a subject, in groups; a subject and some entries erased."""
    prepare(database)
    with Ledger.open(database) as opened:
        for start, count in ((1, 1), (2, 2), (4, 250), (254, 40)):
            opened.append_many(
                [verdict(number, subject=f"S-{number % 5}") for number in range(start, start + count)]
            )
        opened.append_many([verdict(number) for number in range(8)])
        opened.erase_subject("S-3")
        opened.erase_entries(296, 297)
        assert opened.state().size == SIZE
        yield opened


def check(ledger: Ledger, kept: Checkpoint | None = None) -> Report:
    assert ledger.key is not None
    return verify(ledger, key=ledger.key.verifier, checkpoint=kept)


def kept_at(ledger: Ledger, size: int) -> Checkpoint:
    """The checkpoint of a size, as somebody has it who kept it then."""
    assert ledger.key is not None
    with ledger.storage.reading() as connection:
        note = connection.execute(sa.select(checkpoints.c.note).where(checkpoints.c.size == size)).scalar()
    assert note is not None
    return read_checkpoint(note, [ledger.key.verifier])


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def test_a_whole_ledger(ledger: Ledger) -> None:
    told: list[tuple[int, int]] = []
    assert ledger.key is not None
    report = verify(
        ledger,
        key=ledger.key.verifier,
        checkpoint=kept_at(ledger, 254),
        progress=lambda *numbers: told.append(numbers),
    )
    assert report.findings == ()
    assert report.sound
    assert (report.size, report.root) == (SIZE, ledger.state().root)
    assert report.checkpoints == 8
    # Of S-3 59 subjects and 118 inputs, and the subject of its erasure; 4 inputs of two entries.
    assert report.erased == 59 * 3 + 1 + 4
    assert told[-1] == (SIZE, SIZE)
    assert report.to_dict()["sound"] is True


def test_pages_make_no_difference(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = check(ledger)
    for page in (1, 7, 256, 303, 304, 305):
        monkeypatch.setattr("visavis.ledger.verify.PAGE", page)
        assert check(ledger) == whole


# What can be altered: column by column, every byte of a value


def altered(value: Any, at: int) -> Any:
    """A value with one byte, or one character, that is another."""
    if isinstance(value, bytes | memoryview):
        content = bytes(value)
        place = at % len(content)
        return content[:place] + bytes([content[place] ^ (1 << at % 8)]) + content[place + 1 :]
    if isinstance(value, int):
        return value + (at + 1) * 1000
    place = at % len(value)
    other = "b" if value[place] == "a" else "a"
    return value[:place] + other + value[place + 1 :]


COLUMNS = [
    (entries.c.leaf, entries.c.idx == 0),
    (entries.c.leaf, entries.c.idx == 150),
    (entries.c.leaf, entries.c.idx == SIZE - 1),
    (entries.c.kind, entries.c.idx == 150),
    (entries.c.time, entries.c.idx == 150),
    (entries.c.subject, entries.c.idx == 150),
    (tiles.c.hashes, (tiles.c.level == 0) & (tiles.c.idx == 0)),
    (tiles.c.hashes, (tiles.c.level == 0) & (tiles.c.idx == 1)),
    (tiles.c.hashes, tiles.c.level == 1),
    (tiles.c.level, tiles.c.level == 1),
    (tiles.c.idx, (tiles.c.level == 0) & (tiles.c.idx == 1)),
    (checkpoints.c.note, checkpoints.c.size == 4),
    (checkpoints.c.note, checkpoints.c.size == SIZE),
    (checkpoints.c.size, checkpoints.c.size == 254),
    (salts.c.salt, (salts.c.idx == 150) & (salts.c.role == "probe")),
    (salts.c.role, (salts.c.idx == 150) & (salts.c.role == "probe")),
    (salts.c.idx, (salts.c.idx == 150) & (salts.c.role == "probe")),
    (subjects.c.salt, sa.true()),
    (subjects.c.lookup, sa.true()),
    (subjects.c.digest, sa.true()),
    (log.c.origin, sa.true()),
    (log.c.verifier_key, sa.true()),
    (log.c.size, sa.true()),
    (log.c.root, sa.true()),
]


@pytest.mark.parametrize(
    ("column", "where"),
    COLUMNS,
    ids=[f"{column.table.name}.{column.name}-{n}" for n, (column, _) in enumerate(COLUMNS)],
)
def test_any_byte_that_is_altered_is_found(column: Any, where: Any, ledger: Ledger) -> None:
    keys = [each for each in column.table.primary_key if each is not column]
    with ledger.storage.reading() as connection:
        row = connection.execute(sa.select(column.table).where(where)).mappings().first()
    assert row is not None
    value = row[column.name]
    this = sa.and_(*(each == row[each.name] for each in keys)) if keys else sa.true()
    length = 3 if isinstance(value, int) else len(value)
    for at in range(0, length, max(1, length // 4)):
        changed = altered(value, at)
        assert changed != value
        with ledger.storage.writing() as connection:
            connection.execute(
                sa.update(column.table).where(this, column == value).values({column.name: changed})
            )
        report = check(ledger)
        assert not report.sound, (column, at, changed)
        with ledger.storage.writing() as connection:
            connection.execute(
                sa.update(column.table).where(this, column == changed).values({column.name: value})
            )
    assert check(ledger).sound, "it was put back"


# What can be done to whole rows


def swap(connection: Connection) -> None:
    """Two entries change places, with all that stands beside them."""
    for first, second in ((150, -1), (151, 150), (-1, 151)):
        for table in (entries, salts):
            connection.execute(sa.update(table).where(table.c.idx == first).values(idx=second))


def swap_leaves(connection: Connection) -> None:
    found = {
        row.idx: row for row in connection.execute(sa.select(entries).where(entries.c.idx.in_([150, 155])))
    }
    for place, other in ((150, 155), (155, 150)):
        connection.execute(sa.update(entries).where(entries.c.idx == place).values(leaf=found[other].leaf))


def delete(index: int) -> Callable[[Connection], None]:
    def act(connection: Connection) -> None:
        for table in (entries, salts):
            connection.execute(sa.delete(table).where(table.c.idx == index))

    return act


def delete_and_close_the_gap(connection: Connection) -> None:
    delete(150)(connection)
    for index in range(151, SIZE):
        for table in (entries, salts):
            connection.execute(sa.update(table).where(table.c.idx == index).values(idx=index - 1))


def truncate(size: int) -> Callable[[Connection], None]:
    """The newest entries go, and all else is made as if they had never been, up to what takes the key."""

    def act(connection: Connection) -> None:
        for table in (entries, salts):
            connection.execute(sa.delete(table).where(table.c.idx >= size))
        connection.execute(sa.delete(checkpoints).where(checkpoints.c.size > size))
        rebuild(connection)

    return act


def rebuild(connection: Connection) -> None:
    """Tiles and root anew from the entries as they are."""
    edge = Edge()
    for (leaf,) in connection.execute(sa.select(entries.c.leaf).order_by(entries.c.idx)):
        edge.append(leaf_hash(bytes(leaf)))
    connection.execute(sa.delete(tiles))
    connection.execute(
        sa.insert(tiles),
        [
            {"level": level, "idx": idx, "hashes": hashes}
            for (level, idx), hashes in edge.take_changed().items()
        ],
    )
    connection.execute(sa.update(log).values(size=edge.size, root=edge.root()))


def rewrite(connection: Connection) -> None:
    """One entry says something else, and the tree is made anew."""
    leaf = bytes(connection.execute(sa.select(entries.c.leaf).where(entries.c.idx == 150)).scalar() or b"")
    changed = leaf.replace(b'"decision":"match"', b'"decision":"no_match"')
    assert changed != leaf
    connection.execute(sa.update(entries).where(entries.c.idx == 150).values(leaf=changed))
    rebuild(connection)


def only(statement: Any) -> Callable[[Connection], None]:
    def act(connection: Connection) -> None:
        assert connection.execute(statement).rowcount != 0

    return act


ROWS: list[tuple[str, Callable[[Connection], None], str]] = [
    ("two entries swapped", swap, "entry_altered"),
    ("two leaves swapped", swap_leaves, "entry_altered"),
    ("the first one deleted", delete(0), "entry_missing"),
    ("one deleted in the middle", delete(150), "entry_missing"),
    ("the last one deleted", delete(SIZE - 1), "truncated"),
    ("one deleted and the gap closed", delete_and_close_the_gap, "entry_altered"),
    (
        "an entry of another kind of bytes",
        only(sa.update(entries).where(entries.c.idx == 7).values(leaf=b"{}")),
        "entry_malformed",
    ),
    ("rewritten with its tree", rewrite, "checkpoint"),
    ("a tile deleted", only(sa.delete(tiles).where(tiles.c.level == 1)), "tile"),
    (
        "the leaves' tile deleted",
        only(sa.delete(tiles).where((tiles.c.level == 0) & (tiles.c.idx == 0))),
        "tile",
    ),
    ("a tile too many", only(sa.insert(tiles).values(level=5, idx=0, hashes=bytes(32))), "tile"),
    ("a tile cut", only(sa.update(tiles).where(tiles.c.level == 1).values(hashes=b"")), "tile"),
    (
        "the newest checkpoint deleted",
        only(sa.delete(checkpoints).where(checkpoints.c.size == SIZE)),
        "checkpoint",
    ),
    ("all checkpoints deleted", only(sa.delete(checkpoints)), "checkpoint"),
    (
        "a checkpoint put under another size",
        only(sa.update(checkpoints).where(checkpoints.c.size == 4).values(size=5)),
        "checkpoint",
    ),
    ("a salt deleted", only(sa.delete(salts).where(salts.c.idx == 150)), "salt_missing"),
    ("all salts deleted", only(sa.delete(salts)), "salt_missing"),
    ("a subject deleted", only(sa.delete(subjects)), "salt_missing"),
    ("a salt too many", only(sa.insert(salts).values(idx=150, role="other", salt=bytes(32))), "salt"),
    (
        "a salt of an entry that isn't",
        only(sa.insert(salts).values(idx=9999, role="probe", salt=bytes(32))),
        "salt",
    ),
    (
        "a salt that was destroyed",
        only(sa.insert(salts).values(idx=3, role="probe", salt=bytes(32))),
        "salt_returned",
    ),
    ("a cut end, its checkpoints kept", only(sa.delete(entries).where(entries.c.idx >= 260)), "truncated"),
]


@pytest.mark.parametrize(("act", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_is_done_to_rows_is_found(act: Callable[[Connection], None], code: str, ledger: Ledger) -> None:
    with ledger.storage.writing() as connection:
        act(connection)
    report = check(ledger)
    assert code in codes(report), report.findings


def test_one_altered_entry_is_one_finding(ledger: Ledger) -> None:
    """Where it is, and nothing else: the tree and all that was signed of it are still whole."""
    leaf = ledger.leaf(150).replace(b"onboarding", b"boarding-on")
    with ledger.storage.writing() as connection:
        connection.execute(sa.update(entries).where(entries.c.idx == 150).values(leaf=leaf))
    [finding] = check(ledger).findings
    assert (finding.code, finding.where) == ("entry_altered", "entry 150")


def test_a_cut_end_is_found_with_a_checkpoint_from_elsewhere_alone(ledger: Ledger) -> None:
    """Whoever can write the database can put it back to what was once signed; what somebody kept shows it."""
    kept = kept_at(ledger, SIZE)
    with ledger.storage.writing() as connection:
        truncate(294)(connection)
    # The salts that the erasures destroyed are gone without a record now, so that alone shows.
    assert codes(check(ledger)) == {"salt_missing"}
    assert "truncated" in codes(check(ledger, kept))


def test_a_cut_end_without_erasures(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for number in range(5):
            ledger.append(verdict(number))
        kept = kept_at(ledger, 6)
        with ledger.storage.writing() as connection:
            truncate(4)(connection)
        assert check(ledger).sound, "nothing in the ledger itself can show it"
        assert check(ledger, kept_at(ledger, 3)).sound
        assert codes(check(ledger, kept)) == {"truncated"}


def test_of_two_forks_one_does_not_fit(tmp_path: Path) -> None:
    """Two copies go on separately under one key: each is whole, what was kept of one convicts the other."""
    with Ledger.open(tmp_path / "a.db") as ledger:
        ledger.append(verdict(1))
    shutil.copy(tmp_path / "a.db", tmp_path / "b.db")
    key = tmp_path / "a.db.key"
    with Ledger.open(tmp_path / "a.db", key_file=key) as a, Ledger.open(tmp_path / "b.db", key_file=key) as b:
        for ledger, name in ((a, "a"), (b, "b")):
            for number in range(3):
                ledger.append(verdict(f"{name}{number}"))
            assert check(ledger).sound
        for size in (3, 5):
            assert codes(check(b, kept_at(a, size))) == {"other_history"}
            assert codes(check(a, kept_at(b, size))) == {"other_history"}
        assert check(b, kept_at(a, 2)).sound, "until then they are one"


def test_somebody_without_the_key_signs_nothing(ledger: Ledger) -> None:
    """Entries, tree and checkpoints made anew, signed with another key of the same name."""
    assert ledger.key is not None
    other = LedgerKey.new(ledger.key.verifier.name)
    with ledger.storage.writing() as connection:
        rewrite(connection)
        connection.execute(sa.delete(checkpoints))
        state = connection.execute(sa.select(log)).one()
        note = other.sign(Checkpoint(state.origin, state.size, bytes(state.root)))
        connection.execute(sa.insert(checkpoints).values(size=state.size, note=note))
        connection.execute(sa.update(log).values(verifier_key=str(other.verifier)))
    assert {"checkpoint", "origin"} <= codes(check(ledger))
    # By the key that the ledger itself names only its beginning shows it, which names the first one.
    assert "start" in codes(verify(ledger, key=other.verifier))


def test_a_ledger_put_in_the_place_of_another(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a.db") as a, Ledger.open(tmp_path / "b.db") as b:
        assert a.key is not None
        assert {"origin", "checkpoint", "start"} <= codes(verify(b, key=a.key.verifier))
        assert "origin" in codes(check(b, kept_at(a, 1)))


def test_findings_have_an_end(ledger: Ledger) -> None:
    with ledger.storage.writing() as connection:
        connection.execute(sa.delete(salts))
    report = check(ledger)
    assert codes(report) == {"salt_missing"}
    assert len(report.findings) == MOST
    # Inputs of two for each verdict, but not of the 59 of S-3, nor of the two that were erased by index.
    assert report.further == {"salt_missing": (SIZE - 3 - 59 - 2) * 2 - MOST}
    assert report.size == SIZE


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET leaf = CAST(leaf AS TEXT) WHERE idx = 1",
        "UPDATE ledger_entries SET kind = CAST(kind AS BLOB) WHERE idx = 1",
        "UPDATE ledger_entries SET subject = 7 WHERE idx = 1",
        "UPDATE ledger_tiles SET hashes = 'x'",
        "UPDATE ledger_checkpoints SET note = x'00' WHERE size = 2",
        "UPDATE ledger_salts SET salt = 'x'",
        "UPDATE ledger_salts SET idx = 'x' WHERE role = 'probe'",
        "UPDATE ledger_subjects SET salt = 'x'",
        "UPDATE ledger_log SET root = 'x'",
        "UPDATE ledger_log SET size = 'x'",
        "UPDATE ledger_log SET origin = x'00'",
    ],
)
def test_a_value_of_another_type(statement: str, tmp_path: Path) -> None:
    """SQLite holds any type in any column."""
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.append(verdict(1, subject="S-1"))
        with ledger.storage.writing() as connection:
            assert connection.exec_driver_sql(statement).rowcount > 0
        assert not check(ledger).sound


def test_an_index_of_the_database_that_hides_an_entry(tmp_path: Path) -> None:
    """SQLite: the entry is there and whole, but is not found any more by its subject."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.append(verdict(1, subject="S-1"))
        with ledger.storage.writing() as connection:
            connection.exec_driver_sql("PRAGMA writable_schema=ON")
            connection.exec_driver_sql(
                "UPDATE sqlite_schema SET sql = replace(sql, '(subject, idx)', '(kind, idx)') "
                "WHERE name = 'ledger_entries_subject'"
            )
            connection.exec_driver_sql("PRAGMA writable_schema=RESET")
        assert "database" in codes(check(ledger))


def test_a_damaged_file_is_a_finding_or_an_error_and_no_traceback(tmp_path: Path) -> None:
    """Bytes of SQLite's file altered one after another: never whole with another content."""
    from visavis.errors import StorageError

    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.append_many([verdict(number, subject="S-1") for number in range(20)])
        key = ledger.key
        before = list(ledger.leaves())
        ledger.storage.scrub()
    assert key is not None
    content = path.read_bytes()
    noticed = 0
    for at in range(0, len(content), len(content) // 80):
        copy = tmp_path / f"copy{at}.db"
        copy.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        try:
            with Ledger.read(copy, key_file=tmp_path / "ledger.db.key") as reader:
                report = verify(reader, key=key.verifier)
                if report.sound:
                    assert list(reader.leaves()) == before, at  # a byte that holds nothing
                else:
                    noticed += 1
        except StorageError:
            noticed += 1
    assert noticed > 10


def test_what_an_erasure_says_must_be_read(ledger: Ledger) -> None:
    """An erasure without a subject whose details are something else covers nothing."""
    ledger.append(Event(kind="erasure", details={"first": "x", "last": None}))
    assert check(ledger).sound
    assert Entry.parse(ledger.leaf(SIZE)).details == {"first": "x", "last": None}
