"""The exchange of the key that signs: who trusts one key can follow, and nothing is lost on the way."""

from __future__ import annotations

import json
import os
import shutil
import stat
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from tests.ledger.events import verdict
from tests.ledger.test_log import child
from tests.ledger.test_verify import check, codes, rebuild

from visavis.errors import LedgerError
from visavis.ledger import jws, keys, log, statement
from visavis.ledger.checkpoint import Checkpoint, VerifierKey, read_checkpoint
from visavis.ledger.entry import Entry, Event
from visavis.ledger.keys import MOST_FORMER, LedgerKey, next_path, read_key, write_next
from visavis.ledger.log import Ledger
from visavis.ledger.reader import Reader, key_path
from visavis.ledger.tables import checkpoints, entries
from visavis.ledger.verify import signers, verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ledger(where: str) -> Iterator[Ledger]:
    """Two verdicts, an exchange, two verdicts, an exchange, one verdict."""
    with Ledger.open(where) as opened:
        for number in range(2):
            opened.append(verdict(number))
        opened.rotate_key(purpose="once a year")
        opened.append_many([verdict(2), verdict(3)])
        opened.rotate_key()
        opened.append(verdict(4))
        yield opened


FIRST, SECOND = 3, 6
"""Indices of the entries that exchange the key, after the start and two verdicts, and two more."""


def public(ledger: Ledger) -> tuple[VerifierKey, ...]:
    """All keys that signed, the first one first, as the key's file has them."""
    key = ledger.signing_key()
    return (*key.former[::-1], key.verifier)


def note(ledger: Ledger, size: int) -> str:
    with ledger.storage.reading() as connection:
        found = connection.execute(sa.select(checkpoints.c.note).where(checkpoints.c.size == size)).scalar()
    assert isinstance(found, str)
    return found


def test_an_entry_names_both(ledger: Ledger) -> None:
    first, second, third = public(ledger)
    entry = ledger.entry(FIRST)
    assert (entry.kind, entry.purpose) == ("rotation", "once a year")
    assert entry.details == {"former": str(first), "verifier_key": str(second), "leaked": False}
    assert ledger.entry(SECOND).details["verifier_key"] == str(third) == ledger.state().key
    assert len({first.name, second.name, third.name}) == 1, "it is one ledger"


def test_each_checkpoint_is_signed_by_the_key_of_its_time(ledger: Ledger) -> None:
    first, second, third = public(ledger)
    by_size = {1: [first], 3: [first], 4: [first, second], 6: [second], 7: [second, third], 8: [third]}
    for size, expected in by_size.items():
        for key in (first, second, third):
            if key in expected:
                assert read_checkpoint(note(ledger, size), [key]).size == size
                continue
            with pytest.raises(LedgerError) as caught:
                read_checkpoint(note(ledger, size), [key])
            assert caught.value.code == "ledger.signature"


def test_it_is_whole_by_every_key_that_signed(ledger: Ledger) -> None:
    every = public(ledger)
    for key in every:
        report = verify(ledger, key=key, checkpoint=read_checkpoint(note(ledger, 3), [every[0]]))
        assert report.findings == ()
        assert (report.size, report.checkpoints, report.keys) == (8, 7, every)
        assert signers(ledger, key) == every
    stranger = LedgerKey.new(every[0].name).verifier
    assert signers(ledger, stranger) == (stranger,)
    assert {"origin", "start", "checkpoint"} <= codes(verify(ledger, key=stranger))


def test_statements_name_the_key_that_signed(ledger: Ledger) -> None:
    token = statement.issue(ledger, 1)
    ledger.rotate_key()
    published = statement.published(ledger)
    names = [key["kid"] for key in published["keys"]]
    assert len(set(names)) == 4
    for issued, kid in ((token, names[1]), (statement.issue(ledger, 1), names[0])):
        header = jws.parts(issued)[0]
        assert header["kid"] == kid
        known = statement.read_keys(json.dumps(published))
        assert statement.verify(issued, known).entry.decision == "match"
        assert statement.verify(issued, [known[names.index(kid)]]).index == 1


def test_the_statements_of_a_leaked_key_do_not_count(ledger: Ledger) -> None:
    token = statement.issue(ledger, 1)
    leaked = ledger.signing_key().verifier
    receipt = ledger.rotate_key(leaked=True, purpose="it was in a mail")
    assert ledger.entry(receipt.index).details["leaked"] is True
    assert leaked not in ledger.signing_key().former
    assert len(statement.published(ledger)["keys"]) == 3
    known = statement.read_keys(json.dumps(statement.published(ledger)))
    with pytest.raises(LedgerError) as caught:
        statement.verify(token, known)
    assert caught.value.code == "statement.untrusted"
    assert statement.verify(statement.issue(ledger, 1), known).index == 1, "it is issued anew"
    assert check(ledger).sound
    assert leaked in check(ledger).keys


def test_what_was_recorded_of_a_person_is_still_found(where: str) -> None:
    with Ledger.open(where) as ledger:
        ledger.append(verdict(1, subject="S-1"))
        ledger.rotate_key()
        ledger.append(verdict(2, subject="S-1"))
        digest = ledger.subject_digest("S-1")
        assert [index for index, _ in ledger.leaves(subject=digest)] == [1, 3]
        assert ledger.openings(1).get("probe") is not None
        assert ledger.erase_subject("S-1") is not None
        assert check(ledger).sound


def test_the_private_half_is_gone_and_the_file_is_as_private(where: str) -> None:
    path = key_path(where)
    with Ledger.open(where) as ledger:
        path.chmod(0o440)
        before = path.read_text()
        ledger.rotate_key()
        seed = before.splitlines()[0].rpartition("+")[2]
        assert seed not in path.read_text()
        assert before.splitlines()[1] == path.read_text().splitlines()[1], "the secret of the digests stays"
        assert stat.S_IMODE(path.stat().st_mode) == 0o440
        assert sorted(each.name for each in path.parent.iterdir() if "key" in each.name) == [path.name]


def test_only_so_many_former_keys_are_kept() -> None:
    key = LedgerKey.new()
    made = [key]
    for _ in range(MOST_FORMER + 2):
        made.append(made[-1].rotated(leaked=False))
    assert made[-1].former == tuple(each.verifier for each in made[-2 : -2 - MOST_FORMER : -1])
    assert LedgerKey.parse(made[-1].text()) == made[-1]
    for wrong in (
        f"{made[0].verifier}\n",
        "VISAVIS+FORMER+x\n",
        f"VISAVIS+FORMER+{LedgerKey.new().verifier}\n",
    ):
        with pytest.raises(LedgerError):
            LedgerKey.parse(made[-1].text() + wrong)


def test_a_statement_is_issued_though_the_key_is_exchanged_meanwhile(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the proof, whose checkpoint the key before has signed, and the look at the key."""
    prove = Ledger.prove
    proofs = []

    def exchanged(self: Ledger, index: int) -> Any:
        proofs.append(prove(self, index))
        if len(proofs) == 1:
            ledger.rotate_key()
        return proofs[-1]

    monkeypatch.setattr(Ledger, "prove", exchanged)
    token = statement.issue(ledger, 1)
    assert [proof.key for proof in proofs] == [str(key) for key in public(ledger)[-2:]]
    assert statement.verify(token, [ledger.signing_key().verifier.public]).index == 1


# Who else has it open


def test_a_process_that_has_it_open_goes_on(ledger: Ledger, where: str) -> None:
    with Ledger.open(where) as other, Reader.read(where) as reader:
        ledger.rotate_key()
        assert other.append(verdict(5)).index == 9
        ledger.rotate_key()
        assert statement.published(other) == statement.published(ledger)
        ledger.rotate_key()
        token = statement.issue(other, 1)
        assert statement.verify(token, [ledger.signing_key().verifier.public]).index == 1
        assert reader.signing_key() == ledger.signing_key()
    assert check(ledger).sound


ROTATING = """
import os, threading
ledger = Ledger.open(sys.argv[1])
def work(number):
    for turn in range(12):
        if number == 0 and turn % 3 == 0:
            ledger.rotate_key()
        else:
            os.write(1, b"%d\\n" % ledger.append(verdict()).index)
threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
for each in threads: each.start()
for each in threads: each.join()
"""


def test_several_append_and_exchange_at_once(where: str) -> None:
    Ledger.open(where).close()
    children = [child(ROTATING, where) for _ in range(2)]
    outputs = [each.communicate(timeout=120) for each in children]
    assert [error for _, error in outputs] == [""] * 2
    appended = [int(line) for output, _ in outputs for line in output.splitlines()]
    assert len(appended) == len(set(appended)) == 2 * (3 * 12 - 4)
    with Reader.read(where) as reader:
        assert reader.key is not None
        report = verify(reader, key=reader.key.verifier)
    assert (report.findings, report.size, len(report.keys)) == ((), 1 + 2 * 36, 1 + 2 * 4)


# Where it is interrupted


@pytest.mark.parametrize("at", ["before the ledger names it", "after the ledger names it"])
def test_an_exchange_that_is_interrupted(where: str, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends between two of the steps: the file beside it, the ledger, the file itself."""
    path = key_path(where)

    class End(BaseException):
        pass

    def end(*_: Any) -> None:
        raise End

    with Ledger.open(where) as ledger:
        ledger.append(verdict(1))
        old = ledger.signing_key()
        with monkeypatch.context() as patched:
            if at.startswith("before"):
                patched.setattr(log, "cosigned", end)
            else:
                patched.setattr(log, "take_place", end)
            with pytest.raises(End):
                ledger.rotate_key()
    assert next_path(path).exists()
    assert read_key(path) == old
    with Reader.read(where) as reader:  # who only reads moves nothing
        assert reader.signing_key() == (old if at.startswith("before") else read_key(next_path(path)))
    assert next_path(path).exists()
    with Ledger.open(where) as ledger:
        assert ledger.append(verdict(2)).index == (2 if at.startswith("before") else 3)
        assert (ledger.signing_key() == old) is at.startswith("before")
        assert next_path(path).exists() is at.startswith("before")
        ledger.rotate_key()
        assert not next_path(path).exists()
        assert read_key(path) == ledger.signing_key()
        assert check(ledger).sound


def test_where_the_new_key_cannot_be_written_nothing_changes(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with Ledger.open(where) as ledger:
        old = ledger.signing_key()
        with monkeypatch.context() as patched:
            patched.setattr(keys, "_written", full)
            with pytest.raises(LedgerError) as caught:
                ledger.rotate_key()
        assert (caught.value.code, caught.value.found) == ("ledger.key", "No space left on device")
        assert (ledger.signing_key(), ledger.state().size) == (old, 1)
        assert ledger.append(verdict()).index == 1


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_key_that_did_not_arrive_is_an_error(where: str, tmp_path: Path) -> None:
    """On another machine, whose file still holds the key before."""
    elsewhere = tmp_path / "elsewhere.key"
    with Ledger.open(where) as ledger:
        shutil.copy(key_path(where), elsewhere)
        with Ledger.open(where, key_file=elsewhere) as other:
            ledger.rotate_key()
            with pytest.raises(LedgerError) as caught:
                other.append(verdict())
            assert caught.value.code == "ledger.other_key"
            shutil.copy(key_path(where), elsewhere)
            assert other.append(verdict()).index == 2
        assert check(ledger).sound


# Forgeries


def forged(ledger: Ledger, index: int, **details: Any) -> None:
    """An entry of an exchange says something else, and the tree is made anew."""
    leaf = ledger.leaf(index)
    entry = Entry.parse(leaf)
    event = Event(kind="rotation", purpose=entry.purpose, details={**entry.details, **details})
    with ledger.storage.writing() as connection:
        changed = event.entry(entry.time, {}, None).leaf()
        connection.execute(sa.update(entries).where(entries.c.idx == index).values(leaf=changed))
        rebuild(connection)


def test_somebody_without_a_key_exchanges_none(ledger: Ledger) -> None:
    """Who can write the database appends an exchange to a key of theirs, which signs from there on."""
    thief = LedgerKey.new(ledger.state().origin)
    trusted = public(ledger)
    details: dict[str, Any] = {
        "former": str(trusted[-1]),
        "verifier_key": str(thief.verifier),
        "leaked": False,
    }
    ledger.append(Event(kind="rotation", details=details))
    with ledger.storage.writing() as connection:
        connection.execute(sa.text("UPDATE ledger_log SET verifier_key = :key"), {"key": str(thief.verifier)})
        state = connection.execute(sa.text("SELECT size, root FROM ledger_log")).one()
        note = thief.sign(Checkpoint(thief.verifier.name, state.size, bytes(state.root)))
        connection.execute(sa.update(checkpoints).where(checkpoints.c.size == 9).values(note=note))
    for key in trusted:
        assert "checkpoint" in codes(verify(ledger, key=key))


def test_an_exchange_that_the_key_before_never_signed(ledger: Ledger) -> None:
    """Its checkpoint is taken away, so that only later ones are there, which the new key signed."""
    with ledger.storage.writing() as connection:
        connection.execute(sa.delete(checkpoints).where(checkpoints.c.size == FIRST + 1))
    assert codes(check(ledger)) == {"rotation"}
    assert [finding.where for finding in check(ledger).findings] == [f"entry {FIRST}"]


@pytest.mark.parametrize(
    "details",
    [
        {"verifier_key": "nonsense"},
        {"former": None},
        {"former": str(LedgerKey.of("other", bytes(32), bytes(32)).verifier)},
    ],
)
def test_an_exchange_that_says_something_else(ledger: Ledger, details: dict[str, Any]) -> None:
    for index in (FIRST, SECOND):
        forged(ledger, index, **details)
        assert {"checkpoint", "rotation"} <= codes(check(ledger))


def test_a_column_that_hides_an_exchange(ledger: Ledger) -> None:
    with ledger.storage.writing() as connection:
        connection.execute(sa.update(entries).where(entries.c.idx == SECOND).values(kind="access"))
    assert {"column", "rotation"} <= codes(check(ledger))


@pytest.mark.parametrize("value", ["CAST(leaf AS TEXT)", "7", "'x'"])
def test_an_exchange_of_another_type(value: str, tmp_path: Path) -> None:
    """SQLite holds any type in any column."""
    with Ledger.open(tmp_path / "ledger.db", key_file=tmp_path / "key") as ledger:
        ledger.rotate_key()
        with ledger.storage.writing() as connection:
            connection.exec_driver_sql(f"UPDATE ledger_entries SET leaf = {value} WHERE kind = 'rotation'")
        assert not check(ledger).sound
        key = ledger.signing_key().verifier
        assert signers(ledger, key) == (key,)


def test_two_threads_exchange_one_after_the_other(where: str) -> None:
    with Ledger.open(where) as ledger:
        threads = [threading.Thread(target=ledger.rotate_key) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(check(ledger).keys) == 4
        assert check(ledger).sound


def test_a_key_that_was_written_and_never_named_is_not_taken(where: str) -> None:
    path = key_path(where)
    with Ledger.open(where) as ledger:
        write_next(path, ledger.signing_key().rotated(leaked=False))
    with Ledger.open(where) as ledger:
        ledger.append(verdict())
        assert next_path(path).exists()
        assert check(ledger).sound
