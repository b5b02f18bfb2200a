"""Looking for entries and counting them, in either database, against plain code over all entries."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.service.pages.test_audit import verdict

from visavis.ledger.entry import Entry, Event
from visavis.ledger.log import Ledger
from visavis.service.pages import entries, uses
from visavis.service.pages.entries import Wanted, day_of, search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(database_with_tables: str, tmp_path: Path) -> Iterator[Ledger]:
    """Entries of 20 days, whose clock goes back for a moment now and then."""
    now = START
    chance = random.Random(11)
    with Ledger.open(database_with_tables, key_file=tmp_path / "key", clock=lambda: now) as ledger:
        for number in range(200):
            now = START + timedelta(hours=2.4 * number - (3 if number % 17 == 0 else 0))
            purpose = f"purpose {chance.randrange(3)}"
            decision = chance.choice(["match", "no_match"])
            event = verdict(purpose=purpose, decision=decision, inputs={}, subject=f"case {number % 5}")
            refusal = Event(kind="refusal", purpose=purpose, reasons=("access.quota",))
            ledger.append(refusal if number % 10 == 3 else event)
        yield ledger


def pages(ledger: Ledger, wanted: Wanted) -> list[int]:
    """All that is found, over as many pages as it takes."""
    found, before = [], None
    while True:
        page = search(ledger, wanted, before=before)
        found += [line.index for line in page.lines]
        if page.before is None:
            return found
        assert before is None or page.before < before
        before = page.before


def day(entry: Entry) -> date:
    return datetime.fromisoformat(entry.time).astimezone().date()


def test_all_that_fits_is_found_and_nothing_else(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "PAGE", 7)
    monkeypatch.setattr(entries, "STEP", 5)
    monkeypatch.setattr(entries, "MOST_READ", 23)
    all_ = [(index, Entry.parse(leaf)) for index, leaf in ledger.leaves()]
    digest = ledger.subject_digest("case 2")
    first, last = date(2026, 3, 5), date(2026, 3, 9)
    for wanted in (
        Wanted(),
        Wanted(kind="refusal"),
        Wanted(purpose="purpose 1"),
        Wanted(purpose="purpose 1", decision="match"),
        Wanted(subject=digest),
        Wanted(first=first),
        Wanted(last=last),
        Wanted(first=first, last=last),
        Wanted(first=first, last=first, kind="verdict", purpose="purpose 2"),
        Wanted(first=date(2027, 1, 1)),
        Wanted(key="nobody"),
    ):
        expected = [
            index
            for index, entry in reversed(all_)
            if (wanted.kind in (None, entry.kind) and wanted.purpose in (None, entry.purpose))
            and (wanted.decision in (None, entry.decision) and wanted.key in (None, entry.key))
            and (wanted.subject is None or (entry.subject and entry.subject.digest == wanted.subject))
            and (wanted.first is None or day(entry) >= wanted.first)
            and (wanted.last is None or day(entry) <= wanted.last)
        ]
        assert pages(ledger, wanted) == expected, wanted


def test_what_is_counted_is_what_is_there(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "BLOCK", 16)
    first, last = date(2026, 3, 4), date(2026, 3, 11)
    expected = Counter(
        (entry.purpose, day(entry))
        for _, leaf in ledger.leaves(kind="verdict")
        if first <= day(entry := Entry.parse(leaf)) <= last
    )
    tally = uses.Tally()
    for _ in range(2):  # read, then kept
        found = tally.count(ledger, first, last)
        counted = {
            (cell.purpose, date.fromisoformat(cell.day)): count
            for cell, count in found.counts.items()
            if cell.what == "verdict"
        }
        assert counted == expected
    bars, most = uses.charts(found.counts, uses.Period("", 8, 1).parts(last), "purpose")
    assert {each.name: each.total for each in bars} == {
        purpose: sum(count for (of, _), count in expected.items() if of == purpose)
        for purpose in {of for of, _ in expected}
    }
    assert most == max(expected.values())


def test_purposes_that_have_no_chart_of_their_own_are_one_more() -> None:
    today = date(2026, 3, 1)
    counts = {
        uses.Cell(today.isoformat(), f"purpose {number:02}", "", "verdict"): 20 - number
        for number in range(20)
    }
    bars, most = uses.charts(counts, [(today, today)], "purpose")
    assert [each.name for each in bars[:-1]] == [f"purpose {number:02}" for number in range(uses.MOST_GROUPS)]
    assert (bars[-1].rest, bars[-1].total) == (8, sum(range(1, 9)))
    assert most == 36  # of all that have no chart of their own, together
    assert bars[0].path == "M75.0 96v-53.3h450.0V96z"  # 600 x 12.5 % ; 96 x 20 / 36 ; 600 x 75 %


@pytest.mark.parametrize(
    "text", ["x", "2026-13-01", "20260101T00", "1969-12-31", "9999-01-01", "2026-01-01; x"]
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        day_of(text)


def test_days() -> None:
    assert day_of("") is None
    assert day_of("2026-01-31") == date(2026, 1, 31)
