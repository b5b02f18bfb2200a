"""Appending: what was acknowledged is there, once, whoever else writes and whatever happens."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.ledger.events import picture, verdict

import visavis
from visavis.errors import LedgerError, StorageError
from visavis.ledger import digests
from visavis.ledger.checkpoint import read_checkpoint
from visavis.ledger.entry import Event
from visavis.ledger.keys import read_key
from visavis.ledger.log import Ledger, prepare
from visavis.ledger.merkle import EMPTY_ROOT, consistent, includes, leaf_hash
from visavis.ledger.reader import Reader, key_path
from visavis.ledger.verify import verify
from visavis.storage import engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import PostgreSQL

SOURCE = Path(visavis.__file__).parents[1]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def ledger(where: str) -> Iterator[Ledger]:
    with Ledger.open(where) as opened:
        yield opened


def sound(where: str) -> int:
    """The size of a ledger that is whole."""
    with Reader.read(where) as reader:
        assert reader.key is not None
        report = verify(reader, key=reader.key.verifier)
    assert report.findings == ()
    return report.size


def test_a_ledger_begins_with_its_name(ledger: Ledger, where: str) -> None:
    key = read_key(key_path(where))
    entry = ledger.entry(0)
    assert entry.kind == "start"
    assert entry.details == {"version": visavis.__version__, "verifier_key": str(key.verifier)}
    assert ledger.state().size == 1
    assert read_checkpoint(ledger.checkpoint(), [key.verifier]).origin == key.verifier.name


def test_appended_and_read(ledger: Ledger, where: str) -> None:
    receipt = ledger.append(verdict(1, subject="S-1"))
    assert (receipt.index, receipt.size, receipt.origin) == (1, 2, ledger.state().origin)
    entry = ledger.entry(1)
    assert (entry.kind, entry.decision, entry.fmr, entry.pack) == ("verdict", "match", 1.23e-6, "sface")
    assert entry.purpose == "onboarding"
    assert set(entry.inputs) == {"reference", "probe"}
    assert sound(where) == 2


def test_many_at_once_are_many_entries(ledger: Ledger, where: str) -> None:
    receipts = ledger.append_many([verdict(number) for number in range(700)])
    assert [receipt.index for receipt in receipts] == list(range(1, 701))
    assert {receipt.size for receipt in receipts} == {701}
    assert ledger.append_many([]) == []
    assert sound(where) == 701


def test_a_ledger_is_taken_up_where_it_was_left(where: str) -> None:
    sizes = (1, 254, 1, 1, 300)
    for count in sizes:
        with Ledger.open(where) as ledger:
            ledger.append_many([verdict(number) for number in range(count)])
    assert sound(where) == 1 + sum(sizes)


def test_the_clock_is_in_the_entry(where: str) -> None:
    with Ledger.open(where, clock=lambda: datetime(2026, 1, 31, 12, tzinfo=UTC)) as ledger:
        ledger.append(verdict())
        assert ledger.entry(1).time == "2026-01-31T12:00:00.000000Z"


def test_neither_pictures_nor_references_are_in_the_database(ledger: Ledger, where: str) -> None:
    """Not in clear and not as digests that could be compared; the same picture never looks the same twice."""
    ledger.append_many([verdict("same", subject="customer-4711") for _ in range(2)])
    with ledger.storage.reading() as connection:
        content = b"".join(
            bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
            for table in ("ledger_entries", "ledger_salts", "ledger_subjects", "ledger_log")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
            for cell in row
        )
    for secret in ("customer-4711", picture("rsame").hex()):
        assert secret.encode() not in content
    assert picture("rsame") not in content
    first, second = ledger.entry(1), ledger.entry(2)
    assert first.inputs["probe"] != second.inputs["probe"]
    assert first.subject == second.subject


def test_a_stolen_database_confirms_no_guess(ledger: Ledger) -> None:
    """Whoever has all tables and guesses reference and picture rightly can't tell, without the key."""
    ledger.append(verdict("x", subject="customer-4711"))
    entry = ledger.entry(1)
    with ledger.storage.reading() as connection:
        [salt] = connection.exec_driver_sql(
            "SELECT salt FROM ledger_salts WHERE idx = 1 AND role = 'probe'"
        ).scalars()
        [subject_salt] = connection.exec_driver_sql("SELECT salt FROM ledger_subjects").scalars()
    assert entry.subject is not None
    for value, known, wanted in (
        (picture("px"), bytes(salt), entry.inputs["probe"].digest),
        (b"customer-4711", bytes(subject_salt), entry.subject.digest),
    ):
        guesses = {digests.digest(known, value), digests.digest(value, known), digests.digest(b"", value)}
        guesses |= {digests.digest(digests.opening(b"", known), value)}
        assert wanted not in guesses
        assert ledger.key is not None
        assert digests.digest(digests.opening(ledger.key.secret, known), value) == wanted


def test_a_digest_is_opened_for_one_picture_alone(ledger: Ledger) -> None:
    ledger.append_many([verdict("a"), verdict("b")])
    opening = ledger.openings(1).get("probe")
    assert opening is not None
    assert digests.digest(opening, picture("pa")) == ledger.entry(1).inputs["probe"].digest
    assert digests.digest(opening, picture("pb")) != ledger.entry(2).inputs["probe"].digest
    assert ledger.openings(1).get("nobody") is None


def test_a_subject_is_found_by_who_knows_the_reference(ledger: Ledger) -> None:
    ledger.append_many([verdict(number, subject=f"S-{number % 3}") for number in range(9)])
    digest = ledger.subject_digest("S-1")
    assert [index for index, _ in ledger.leaves(subject=digest)] == [2, 5, 8]
    assert ledger.subject_digest("S-9") is None


def test_leaves_are_chosen_and_read_in_pages(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.ledger.reader.PAGE", 4)
    ledger.append_many([verdict(number) for number in range(9)])
    ledger.append(Event(kind="access", purpose="audit"))
    assert [index for index, _ in ledger.leaves()] == list(range(11))
    assert [index for index, _ in ledger.leaves(kind="access")] == [10]
    assert list(ledger.leaves(since="9999-01-01")) == []
    assert len(list(ledger.leaves(since="2000-01-01", kind="verdict"))) == 9


# Proofs


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_every_proof_holds(size: int, where: str) -> None:
    with Ledger.open(where) as ledger:
        ledger.append_many([verdict(number) for number in range(size - 1)])
        assert ledger.key is not None
        for index in sorted({0, size // 2, size - 1}):
            proof = ledger.prove(index)
            checkpoint = read_checkpoint(proof.note, [ledger.key.verifier])
            assert checkpoint.size == size
            assert includes(leaf_hash(proof.leaf), index, size, proof.hashes, checkpoint.root)
            # https://c2sp.org/tlog-proof: two lines, the hashes, an empty line, the checkpoint.
            head, *rest = proof.text.split("\n")
            assert (head, rest[0]) == ("c2sp.org/tlog-proof@v1", f"index {index}")
            assert rest[1 + len(proof.hashes)] == ""
            assert proof.text.endswith(proof.note)


def test_every_consistency_holds(ledger: Ledger) -> None:
    assert ledger.key is not None
    roots = {0: EMPTY_ROOT}
    for count in (1, 3, 250, 10, 300):
        ledger.append_many([verdict(number) for number in range(count)])
        checkpoint = read_checkpoint(ledger.checkpoint(), [ledger.key.verifier])
        roots[checkpoint.size] = checkpoint.root
    for old, first in roots.items():
        for new, last in roots.items():
            if old <= new:
                assert consistent(old, new, ledger.consistency(old, new), first, last)


@pytest.mark.parametrize("index", [-1, 2, 10**12])
def test_there_is_no_proof_of_what_is_not_there(index: int, ledger: Ledger) -> None:
    ledger.append(verdict())
    for ask in (ledger.prove, ledger.leaf, ledger.entry):
        with pytest.raises(LedgerError) as caught:
            ask(index)
        assert caught.value.code == "ledger.index"
    with pytest.raises(LedgerError) as caught:
        ledger.consistency(0, 3)
    assert caught.value.code == "ledger.index"


# Erasure


def test_an_erased_subject_is_nobodys(ledger: Ledger, where: str) -> None:
    ledger.append_many([verdict(number, subject=f"S-{number % 2}") for number in range(4)])
    before = ledger.leaf(1)
    receipt = ledger.erase_subject("S-0", purpose="a request of the person")
    assert receipt is not None
    assert (receipt.index, ledger.entry(5).kind) == (5, "erasure")
    assert ledger.entry(5).details == {"salts": 4}
    assert ledger.entry(5).subject == ledger.entry(1).subject
    assert ledger.leaf(1) == before
    assert ledger.subject_digest("S-0") is None
    assert ledger.openings(1).get("probe") is ledger.openings(3).get("probe") is None
    assert ledger.openings(2).get("probe") is not None
    assert ledger.erase_subject("S-0") is None, "there is nothing left of it"
    ledger.append(verdict(9, subject="S-0"))
    assert ledger.entry(6).subject != ledger.entry(1).subject, "a new salt, so nothing leads back"
    assert sound(where) == 7


def test_entries_without_a_subject_are_erased_by_index(ledger: Ledger, where: str) -> None:
    ledger.append_many([verdict(number) for number in range(5)])
    ledger.erase_entries(2, 3, purpose="retention")
    assert [ledger.openings(index).get("probe") is None for index in range(1, 6)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert sound(where) == 7
    for first, last in ((-1, 1), (3, 2), (6, 7)):
        with pytest.raises(LedgerError) as caught:
            ledger.erase_entries(first, last)
        assert caught.value.code == "ledger.index"


def test_erased_salts_leave_the_files(tmp_path: Path) -> None:
    """SQLite: neither the database nor its log has the bytes any more, deleted pages included."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.append_many([verdict(number, subject="S-1") for number in range(50)])
        with ledger.storage.reading() as connection:
            salts = [
                bytes(each) for each in connection.exec_driver_sql("SELECT salt FROM ledger_salts").scalars()
            ]
            salts += [
                bytes(each)
                for each in connection.exec_driver_sql("SELECT salt FROM ledger_subjects").scalars()
            ]
        assert len(salts) == 101
        files = [path, path.with_name("ledger.db-wal")]
        assert all(any(salt in file.read_bytes() for file in files) for salt in salts)
        ledger.erase_subject("S-1")
        content = b"".join(file.read_bytes() for file in files)
        assert not any(salt in content for salt in salts)


def test_while_somebody_reads_an_erasure_says_that_it_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite can't empty its log then; erasing again does, and records nothing a second time."""
    monkeypatch.setattr(engine, "WAIT_S", 0.2)
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.append(verdict(1, subject="S-1"))
        with ledger.storage.reading() as connection:
            [salt] = connection.exec_driver_sql("SELECT salt FROM ledger_subjects").scalars()
            with pytest.raises(StorageError) as caught:
                ledger.erase_subject("S-1")
        assert caught.value.code == "storage.locked"
        size = ledger.state().size
        log = path.with_name("ledger.db-wal")
        assert bytes(salt) in log.read_bytes()
        assert ledger.erase_subject("S-1") is None
        assert bytes(salt) not in log.read_bytes() + path.read_bytes()
        assert ledger.state().size == size
        assert ledger.entry(size - 1).kind == "erasure"


# Keys


def test_a_lost_key_is_not_made_anew(where: str) -> None:
    with Ledger.open(where) as ledger:
        ledger.append(verdict(subject="S-1"))
    path = key_path(where)
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(LedgerError) as caught:
        Ledger.open(where)
    assert caught.value.code == "ledger.no_key"
    assert not path.exists()
    with Reader.read(where) as reader:
        assert reader.state().size == 2
        with pytest.raises(LedgerError) as caught:
            reader.subject_digest("S-1")
        assert caught.value.code == "ledger.no_key"
    path.write_bytes(kept)
    path.chmod(0o600)
    assert sound(where) == 2


def test_the_key_of_another_ledger_is_refused(where: str, tmp_path: Path) -> None:
    Ledger.open(where).close()
    other = tmp_path / "other.db"
    Ledger.open(other, key_file=tmp_path / "other.key").close()
    with pytest.raises(LedgerError) as caught:
        Ledger.open(where, key_file=tmp_path / "other.key")
    assert caught.value.code == "ledger.other_key"


def test_in_postgresql_somebody_says_where_the_key_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
    with pytest.raises(LedgerError) as caught:
        key_path("postgresql://a/b")
    assert caught.value.code == "ledger.no_key"
    assert key_path("/a/ledger.db") == Path("/a/ledger.db.key")
    monkeypatch.setenv("VISAVIS_LEDGER_KEY", "/secrets/key")
    assert key_path("/a/ledger.db") == key_path("postgresql://a/b") == Path("/secrets/key")


def test_nothing_is_read_where_nothing_was_recorded(database: str) -> None:
    with pytest.raises(StorageError):
        Reader.read(database)
    prepare(database)
    with pytest.raises(LedgerError) as caught:
        Reader.read(database)
    assert caught.value.code == "ledger.empty"


def test_a_damaged_tree_is_not_appended_to(where: str) -> None:
    with Ledger.open(where) as ledger:
        ledger.append_many([verdict(number) for number in range(3)])
        with ledger.storage.writing() as connection:
            tile = bytes(connection.exec_driver_sql("SELECT hashes FROM ledger_tiles").scalar() or b"")
            import sqlalchemy as sa

            changed = bytes([tile[0] ^ 1]) + tile[1:]
            connection.execute(sa.text("UPDATE ledger_tiles SET hashes = :h"), {"h": changed})
    with Ledger.open(where) as ledger:
        with pytest.raises(LedgerError) as caught:
            ledger.append(verdict())
        assert caught.value.code == "ledger.damaged"
        assert ledger.state().size == 4


# Threads and processes


def test_threads_share_commits_and_no_index(ledger: Ledger, where: str) -> None:
    found: list[int] = []

    def work(worker: int) -> None:
        for number in range(20):
            found.append(ledger.append(verdict(f"{worker}-{number}", subject=f"S-{worker}")).index)  # noqa: PERF401

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 241))
    with ledger.storage.reading() as connection:
        commits = connection.exec_driver_sql("SELECT count(*) FROM ledger_checkpoints").scalar() or 0
    assert commits < 200
    assert sound(where) == 241


def test_erasing_among_appends(ledger: Ledger, where: str) -> None:
    threads = [
        threading.Thread(target=lambda: [ledger.append(verdict(subject="S-1")) for _ in range(15)]),
        threading.Thread(target=lambda: [ledger.append(verdict(subject="S-2")) for _ in range(15)]),
        threading.Thread(target=lambda: [ledger.erase_subject("S-1") for _ in range(5)]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sound(where) > 31


def test_a_subject_may_be_named_by_its_place(ledger: Ledger, where: str) -> None:
    """By who has no reference; once the person is erased, or was never recorded, it is about nobody."""
    assert ledger.key is not None
    place = digests.lookup(ledger.key.secret, "S-1")
    assert ledger.entry(ledger.append(Event(kind="access", place=place)).index).subject is None
    ledger.append(verdict(1, subject="S-1"))
    look = ledger.append_many([Event(kind="access", place=place), Event(kind="access")])[0].index
    assert ledger.entry(look).subject == ledger.entry(2).subject is not None
    assert ledger.entry(look + 1).subject is None
    digest = ledger.subject_digest("S-1")
    assert [index for index, _ in ledger.leaves(subject=digest)] == [2, look]
    assert ledger.erase_subject("S-1") is not None
    assert ledger.entry(ledger.append(Event(kind="access", place=place)).index).subject is None
    sound(where)
    for wrong in ({"place": b"x"}, {"place": place, "subject": "S-1"}):
        with pytest.raises(LedgerError, match="place"):
            Event(kind="access", **wrong)


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own that appends."""
    start = "import sys; from tests.ledger.events import verdict; from visavis.ledger.log import Ledger\n"
    return subprocess.Popen(
        [sys.executable, "-c", start + code, *arguments],
        env=os.environ | {"PYTHONPATH": f"{SOURCE}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


APPENDING = """
ledger = Ledger.open(sys.argv[1])
for number in range(int(sys.argv[2])):
    print(ledger.append(verdict(number, subject="S-1")).index, flush=True)
"""


def test_processes_share_no_index(where: str) -> None:
    """Several at once, the ledger's very beginning included."""
    children = [child(APPENDING, where, "40") for _ in range(3)]
    outputs = [each.communicate(timeout=120) for each in children]
    assert [error for _, error in outputs] == [""] * 3
    found = [int(line) for output, _ in outputs for line in output.splitlines()]
    assert sorted(found) == list(range(1, 121))
    assert sound(where) == 121


KILLED = """
import os, signal, threading, time
import alembic.command, sqlalchemy.dialects.postgresql, sqlalchemy.dialects.sqlite
import visavis.ledger.tables
def work(ledger, pipe):
    while True:
        index = ledger.append(verdict(subject="S-1")).index
        os.write(pipe, b"%d\\n" % index)
for turn in range(int(sys.argv[2])):
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        ledger = Ledger.open(sys.argv[1])
        for _ in range(4):
            threading.Thread(target=work, args=(ledger, writing)).start()
        threading.Event().wait()
    os.close(writing)
    told = os.read(reading, 4096)  # as soon as there is something that could be lost
    time.sleep(0.003 * turn)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while more := os.read(reading, 65536):
        told += more
    os.close(reading)
    print(told.decode(), end="", flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(where: str) -> None:
    """Twenty times a process with four threads is killed while it appends."""
    output, error = child(KILLED, where, "20").communicate(timeout=120)
    assert error == ""
    found = [int(line) for line in output.split()]
    assert len(found) == len(set(found)) >= 20
    assert max(found) < sound(where)


def test_what_was_acknowledged_survives_the_server(postgresql: PostgreSQL, tmp_path: Path) -> None:
    """PostgreSQL itself stops at once, without its tidy end, and starts again."""
    from tests.databases import private_postgresql

    with private_postgresql() as server:
        where = server.new()
        prepare(where)
        with Ledger.open(where, key_file=tmp_path / "key") as ledger:
            indices = [ledger.append(verdict(number)).index for number in range(5)]
            server.stop()
            with pytest.raises(StorageError) as caught:
                ledger.append(verdict("lost"))
            assert caught.value.code == "storage.gone"
            server.start()
            indices.append(ledger.append(verdict("after")).index)
            assert indices == [1, 2, 3, 4, 5, 6]
            assert ledger.key is not None
            report = verify(ledger, key=ledger.key.verifier)
            assert (report.size, report.findings) == (7, ())


# What goes wrong


FILLING = """
import resource, signal
ledger = Ledger.open(sys.argv[1])
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from visavis.errors import StorageError
try:
    for number in range(100000):
        print(ledger.append(verdict(number)).index, flush=True)
except StorageError as error:
    print(error.code)
try:
    ledger.append(verdict("again"))
except StorageError as error:
    print(error.code)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="limits of a process")
def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files fails a write as a full disk does; with space again it goes on."""
    where = str(tmp_path / "ledger.db")
    process = child(FILLING, where, str(400_000))
    output, error = process.communicate(timeout=120)
    assert error == ""
    *indices, first, second = output.split()
    assert (first, second) == ("storage.gone", "storage.gone")  # EFBIG, which SQLite tells as a failing disk
    assert [int(index) for index in indices] == list(range(1, len(indices) + 1))
    assert sound(where) >= len(indices) + 1
    with Ledger.open(where) as ledger:
        ledger.append(verdict("after"))
    sound(where)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can mount a disk of its own")
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with Ledger.open(disk / "ledger.db", key_file=tmp_path / "key") as ledger:
            indices: list[int] = []
            with pytest.raises(StorageError) as caught:
                indices.extend(ledger.append(verdict(number)).index for number in range(10_000))
            assert caught.value.code == "storage.full"
            assert ledger.key is not None
            report = verify(ledger, key=ledger.key.verifier)
            assert report.findings == ()
            assert report.size == indices[-1] + 1
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_where_a_group_fails_every_thread_hears_of_it(ledger: Ledger, where: str) -> None:
    errors: list[str] = []
    real = ledger.storage.writing

    def broken() -> None:
        raise StorageError("storage.full", "no space")

    ledger.storage.writing = broken  # type: ignore[method-assign, assignment]

    def work() -> None:
        try:
            ledger.append(verdict())
        except StorageError as error:
            errors.append(error.code)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == ["storage.full"] * 6
    ledger.storage.writing = real  # type: ignore[method-assign]
    assert ledger.append(verdict()).index == 1
    assert sound(where) == 2


def test_a_locked_ledger_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.storage.engine.WAIT_S", 0.05)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError) as caught:
            ledger.append(verdict())
        assert caught.value.code == "storage.locked"
        other.execute("ROLLBACK")
        other.close()
        assert ledger.append(verdict()).index == 1
