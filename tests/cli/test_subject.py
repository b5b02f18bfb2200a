from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from visavis.access.pictures import Pictures
from visavis.cli.subject import subject_group
from visavis.errors import LedgerError, StorageError
from visavis.ledger.entry import Entry, Event
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    where = tmp_path / "ledger.db"
    monkeypatch.setenv("VISAVIS_LEDGER", str(where))
    monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
    monkeypatch.delenv("VISAVIS_PURPOSE", raising=False)
    with Ledger.open(where) as opened:
        opened.append(
            Event(
                kind="verdict",
                purpose="opening an account",
                subject="customer 17",
                inputs={"probe": bytes(32)},
                decision="no_match",
                fmr=0.5,
                fmr_upper=0.6,
                pack="sface",
            )
        )
    return where


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(subject_group, words, input=given)


def last(where: Path) -> Entry:
    with Ledger.open(where) as opened:
        return opened.entry(opened.state().size - 1)


def test_a_report_in_words_and_as_json(ledger: Path) -> None:
    ran = run("report", "customer 17")
    assert ran.exit_code == 0
    assert all(len(line) <= 100 for line in ran.stdout.splitlines())
    assert "Result: not the same person; false match rate" in " ".join(ran.stdout.split())
    assert last(ledger).purpose == "access by the subject"
    told = json.loads(run("report", "customer 17", "--json", "--purpose", "audit").stdout)
    assert [use["kind"] for use in told["uses"]] == ["verdict", "access", "access"]
    assert last(ledger).purpose == "audit"


def test_a_report_of_nobody(ledger: Path) -> None:
    ran = run("report", "customer 18")
    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[-1] == "Nothing is recorded, or what was recorded has been erased."


def test_an_erasure_is_asked_about_and_recorded(ledger: Path) -> None:
    ran = run("erase", "customer 17", given="n\n")
    assert ran.exit_code == 1, "click's own, which visavis.cli.main makes 130"
    assert last(ledger).kind == "verdict"
    ran = run("erase", "customer 17", given="y\n")
    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[0] == "answers that were kept: 0 deleted"
    assert ran.stdout.splitlines()[1] == "pictures that were kept: those of 0 checks deleted"
    assert ran.stdout.splitlines()[2].startswith("the erasure is entry 2 of the ledger visavis/ledger-")
    assert (last(ledger).kind, last(ledger).purpose) == ("erasure", "erasure for the subject")
    with Ledger.open(ledger) as opened:
        assert opened.key is not None
        assert verify(opened, key=opened.key.verifier).sound
    assert run("erase", "customer 17", "--yes").stdout == "nothing is kept or recorded of it\n"
    told = json.loads(run("erase", "customer 17", "--yes", "--json").stdout)
    assert told == {"verdicts": 0, "pictures": 0, "ledger": None}


def test_pictures_that_are_kept_are_told_and_erased(ledger: Path) -> None:
    with Ledger.open(ledger) as opened:
        Pictures(opened).keep(
            1, {"probe": b"p"}, purpose="p", subject="customer 17", keep_for=timedelta(days=1)
        )
    assert "The pictures of 1 check are kept, encrypted, until" in run("report", "customer 17").stdout
    told = json.loads(run("report", "customer 17", "--json").stdout)
    assert len(told["pictures_kept_until"]) == 1
    ran = run("erase", "customer 17", "--yes")
    assert ran.stdout.splitlines()[1] == "pictures that were kept: those of 1 check deleted"
    with Ledger.open(ledger) as opened:
        assert Pictures(opened).note(1) is None


def test_nothing_is_made_where_there_is_no_ledger(tmp_path: Path) -> None:
    where = tmp_path / "other.db"
    for words in (("report", "x"), ("erase", "x", "--yes")):
        ran = run(*words, "--ledger", str(where))
        assert isinstance(ran.exception, StorageError | LedgerError)
    assert not where.exists()
