from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.access.conftest import known

from visavis.access.verdicts import Verdicts
from visavis.errors import AccessError, StorageError
from visavis.ledger.digests import lookup
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.access.conftest import Clock

BODY = b'{"decision": "match", "surname": "ERIKSSON"}'
DAY = timedelta(days=1)


@pytest.fixture
def verdicts(ledger: Ledger, clock: Clock) -> Verdicts:
    known(ledger, "customer 17", "one", "other")
    return Verdicts(ledger, clock)


def test_an_answer_is_kept_for_its_purpose_and_its_time(verdicts: Verdicts, clock: Clock) -> None:
    verdicts.keep("a", BODY, purpose="p", subject=None, keep_for=DAY)
    assert verdicts.get("a", purpose="p") == BODY
    assert verdicts.get("a", purpose="q") is None
    assert verdicts.get("b", purpose="p") is None
    clock.move(days=1, seconds=-1)
    assert verdicts.get("a", purpose="p") == BODY
    clock.move(seconds=1)
    assert verdicts.get("a", purpose="p") is None
    assert [verdicts.expire(), verdicts.expire()] == [1, 0]


def test_an_answer_knows_whom_it_is_about(verdicts: Verdicts, ledger: Ledger) -> None:
    verdicts.keep("a", BODY, purpose="p", subject="customer 17", keep_for=DAY)
    verdicts.keep("b", BODY, purpose="p", subject=None, keep_for=DAY)
    known, nobody = verdicts.find("a", purpose="p"), verdicts.find("b", purpose="p")
    assert known is not None
    assert nobody is not None
    assert ledger.key is not None
    assert (known.body, known.place) == (BODY, lookup(ledger.key.secret, "customer 17"))
    assert nobody.place is None
    assert verdicts.find("a", purpose="q") is None


def test_an_id_is_used_once(verdicts: Verdicts) -> None:
    verdicts.keep("a", BODY, purpose="p", subject=None, keep_for=DAY)
    with pytest.raises(StorageError):
        verdicts.keep("a", b"other", purpose="p", subject=None, keep_for=DAY)
    assert verdicts.get("a", purpose="p") == BODY


def test_erasing_takes_those_of_the_subject_only(verdicts: Verdicts, clock: Clock) -> None:
    for id_, subject in (("a", "one"), ("b", "one"), ("c", "other"), ("d", None)):
        verdicts.keep(id_, BODY, purpose="p", subject=subject, keep_for=DAY)
    assert verdicts.times_of("one") == [clock.now + DAY] * 2
    assert verdicts.erase("one") == 2
    assert verdicts.times_of("one") == []
    assert [verdicts.get(id_, purpose="p") for id_ in "abcd"] == [None, None, BODY, BODY]


def test_of_somebody_who_was_erased_meanwhile_nothing_is_kept(verdicts: Verdicts, ledger: Ledger) -> None:
    ledger.erase_subject("one")
    verdicts.keep("a", BODY, purpose="p", subject="one", keep_for=DAY)
    assert verdicts.get("a", purpose="p") is None
    assert verdicts.times_of("one") == []
    known(ledger, "one")  # they come again
    verdicts.keep("a", BODY, purpose="p", subject="one", keep_for=DAY)
    assert verdicts.get("a", purpose="p") == BODY


def test_stolen_files_tell_nothing_of_an_answer(tmp_path: Path) -> None:
    where = tmp_path / "ledger.db"
    with Ledger.open(where) as ledger:
        known(ledger, "customer 17")
        Verdicts(ledger).keep("a", BODY, purpose="p", subject="customer 17", keep_for=DAY)
        stolen = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*") if path.suffix != ".key")
    assert b"access_verdicts" in stolen
    assert b"ERIKSSON" not in stolen
    assert b"customer 17" not in stolen


def test_what_was_deleted_leaves_the_files(tmp_path: Path) -> None:
    where = tmp_path / "ledger.db"
    with Ledger.open(where) as ledger:
        known(ledger, "s")
        verdicts = Verdicts(ledger)
        verdicts.keep("a", BODY, purpose="p", subject="s", keep_for=DAY)
        body = sqlite3.connect(where).execute("SELECT body FROM access_verdicts").fetchone()[0]
        assert verdicts.erase("s") == 1
        left = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    assert body not in left
    assert body[12:40] not in left


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE access_verdicts SET body = substr(body, 1, length(body) - 1)",
        "UPDATE access_verdicts SET body = x''",
        "UPDATE access_verdicts SET id = CASE id WHEN 'a' THEN 'c' ELSE 'a' END",
        "UPDATE access_verdicts SET purpose = 'p'",
    ],
)
def test_an_answer_that_was_altered_or_moved_is_refused(tmp_path: Path, change: str) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        verdicts = Verdicts(ledger)
        verdicts.keep("a", BODY, purpose="q" if "purpose" in change else "p", subject=None, keep_for=DAY)
        verdicts.keep("b", BODY, purpose="p", subject=None, keep_for=DAY)
        with ledger.storage.writing() as connection:
            connection.exec_driver_sql(change)
        with pytest.raises(AccessError) as caught:
            verdicts.get("a", purpose="p")
        assert caught.value.code == "access.damaged"
