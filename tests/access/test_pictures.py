from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.access.conftest import known

from visavis.access.pictures import MOST, MOST_BYTES, Pictures
from visavis.access.verdicts import Verdicts
from visavis.errors import AccessError, StorageError
from visavis.ledger.digests import lookup
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.access.conftest import Clock

SOME = {"portrait": b"\xff\xd8\xff a portrait \n of somebody", "probe": b"", "page-1": bytes(range(256))}
DAY = timedelta(days=1)


@pytest.fixture
def pictures(ledger: Ledger, clock: Clock) -> Pictures:
    known(ledger, "case 1", "one", "other")
    return Pictures(ledger, clock)


def put(pictures: Pictures, index: int, subject: str = "case 1", purpose: str = "p") -> None:
    pictures.keep(index, SOME, purpose=purpose, subject=subject, keep_for=DAY)


def test_pictures_are_kept_for_their_purpose_and_their_time(
    pictures: Pictures, ledger: Ledger, clock: Clock
) -> None:
    until = pictures.keep(7, SOME, purpose="p", subject="case 1", keep_for=DAY)
    assert until == clock.now + DAY
    assert pictures.get(7, purpose="p") == SOME
    assert pictures.get(7, purpose="q") is None
    assert pictures.get(8, purpose="p") is None
    note = pictures.note(7)
    assert note is not None
    assert ledger.key is not None
    assert (note.purpose, note.until) == ("p", until)
    assert note.place == lookup(ledger.key.secret, "case 1")
    clock.move(days=1, seconds=-1)
    assert pictures.get(7, purpose="p") == SOME
    clock.move(seconds=1)
    assert (pictures.get(7, purpose="p"), pictures.note(7)) == (None, None)
    assert [pictures.expire(), pictures.expire()] == [1, 0]


def test_of_one_verdict_pictures_are_kept_once(pictures: Pictures) -> None:
    put(pictures, 7)
    with pytest.raises(StorageError):
        pictures.keep(7, {"probe": b"other"}, purpose="p", subject="case 1", keep_for=DAY)
    assert pictures.get(7, purpose="p") == SOME


def test_of_somebody_who_was_erased_meanwhile_nothing_is_kept(pictures: Pictures, ledger: Ledger) -> None:
    ledger.erase_subject("case 1")
    assert pictures.keep(7, SOME, purpose="p", subject="case 1", keep_for=DAY) is None
    assert pictures.note(7) is None


def test_of_an_entry_whose_content_was_erased_meanwhile_nothing_is_kept(
    pictures: Pictures, ledger: Ledger
) -> None:
    ledger.erase_entries(6, 7)
    assert pictures.keep(7, SOME, purpose="p", subject="case 1", keep_for=DAY) is None
    assert pictures.keep(8, SOME, purpose="p", subject="case 1", keep_for=DAY) is not None


@pytest.mark.parametrize(
    "many", [{str(number): b"" for number in range(MOST + 1)}, {"a": bytes(MOST_BYTES), "b": b"1"}]
)
def test_too_much_is_not_kept(pictures: Pictures, many: dict[str, bytes]) -> None:
    with pytest.raises(AccessError) as caught:
        pictures.keep(7, many, purpose="p", subject="case 1", keep_for=DAY)
    assert caught.value.code == "access.pictures"
    assert pictures.note(7) is None


def test_erasing_takes_those_of_the_subject_only(pictures: Pictures, clock: Clock) -> None:
    for index, subject in ((1, "one"), (2, "one"), (3, "other")):
        put(pictures, index, subject)
    assert pictures.times_of("one") == [clock.now + DAY] * 2
    assert pictures.times_of("one", purpose="q") == []
    assert pictures.erase("one") == 2
    assert pictures.times_of("one") == []
    assert [pictures.note(index) is not None for index in (1, 2, 3)] == [False, False, True]


def test_erasing_a_range_takes_both_ends(pictures: Pictures) -> None:
    for index in range(1, 6):
        put(pictures, index)
    assert pictures.erase_entries(2, 4) == 3
    assert [index for index in range(1, 6) if pictures.note(index)] == [1, 5]
    assert pictures.erase_entries(5, 4) == 0


def test_stolen_files_show_no_picture(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        known(ledger, "customer 17")
        put(Pictures(ledger), 7, "customer 17")
        stolen = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*") if path.suffix != ".key")
    assert b"access_pictures" in stolen
    for told in (b"a portrait", b"customer 17", bytes(range(40, 60))):
        assert told not in stolen


def test_what_was_deleted_leaves_the_files(tmp_path: Path) -> None:
    where = tmp_path / "ledger.db"
    with Ledger.open(where) as ledger:
        known(ledger, "s")
        pictures = Pictures(ledger)
        # Longer than a page of the file, so that it lies on pages of its own.
        pictures.keep(7, {"probe": bytes(20_000)}, purpose="p", subject="s", keep_for=DAY)
        body = sqlite3.connect(where).execute("SELECT body FROM access_pictures").fetchone()[0]
        assert pictures.erase("s") == 1
        left = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    parts = [body[at : at + 24] for at in range(0, len(body) - 24, 997)]
    assert len(parts) == 21
    assert not any(part in left for part in parts)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE access_pictures SET body = substr(body, 1, length(body) - 1)",
        "UPDATE access_pictures SET body = x''",
        "UPDATE access_pictures SET id = CASE id WHEN 7 THEN 9 ELSE 7 END",
        "UPDATE access_pictures SET purpose = 'p'",
        "UPDATE access_pictures SET body = (SELECT body FROM access_verdicts)",
    ],
)
def test_what_was_altered_or_moved_is_refused(tmp_path: Path, change: str) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        known(ledger, "case 1")
        pictures = Pictures(ledger)
        put(pictures, 7, purpose="q" if "purpose" in change else "p")
        put(pictures, 8)
        Verdicts(ledger).keep("7", b"[]\n", purpose="p", subject="case 1", keep_for=DAY)
        with ledger.storage.writing() as connection:
            connection.exec_driver_sql(change)
        with pytest.raises(AccessError) as caught:
            pictures.get(7, purpose="p")
        assert caught.value.code == "access.damaged"


def test_another_ledgers_key_opens_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "two.db") as two:
        known(one, "case 1")
        known(two, "case 1")
        put(Pictures(one), 7)
        put(Pictures(two), 7)
        with one.storage.reading() as connection:
            body = connection.exec_driver_sql("SELECT body FROM access_pictures").scalar()
        with two.storage.writing() as connection:
            connection.exec_driver_sql("UPDATE access_pictures SET body = ?", (body,))
        assert Pictures(one).get(7, purpose="p") == SOME
        with pytest.raises(AccessError) as caught:
            Pictures(two).get(7, purpose="p")
        assert caught.value.code == "access.damaged"
