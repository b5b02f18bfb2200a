from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from visavis.access.keys import Keys
from visavis.access.pictures import Pictures
from visavis.access.subjects import Subjects, look_at_pictures
from visavis.access.verdicts import Verdicts
from visavis.errors import LedgerError, StorageError
from visavis.ledger.entry import KINDS, Entry, Event
from visavis.ledger.verify import verify

if TYPE_CHECKING:
    from tests.access.conftest import Clock

    from visavis.ledger.log import Ledger

PURPOSE = "access by the subject"


@pytest.fixture
def subjects(ledger: Ledger, clock: Clock) -> Subjects:
    return Subjects(ledger, clock)


def verdict(subject: str = "customer 17", **other: Any) -> Event:
    plain: dict[str, Any] = {
        "kind": "verdict",
        "purpose": "opening an account",
        "subject": subject,
        "inputs": {"reference": b"r" * 32, "probe": b"p" * 32},
        "decision": "match",
        "fmr": 1e-5,
        "fmr_upper": 2e-5,
        "policy": {"fmr": 1e-4},
        "pack": "sface",
    }
    return Event(**plain | other)


def sound(ledger: Ledger) -> bool:
    assert ledger.key is not None
    return verify(ledger, key=ledger.key.verifier).sound


def test_a_report_tells_every_use_in_words(subjects: Subjects, ledger: Ledger, clock: Clock) -> None:
    key, _ = Keys(ledger, clock).create(
        purpose="opening an account",
        legal_basis="a contract",
        scopes=["verifications"],
        rate_per_min=1,
        quota_per_day=1,
    )
    ledger.append(verdict(key=key.id))
    ledger.append(verdict("customer 18"))
    clock.move(days=1)
    ledger.append(
        Event(
            kind="document",
            purpose="a loan",
            subject="customer 17",
            decision="undecided",
            reasons=("no_portrait",),
            pack="mrz",
        )
    )
    report = subjects.report("customer 17", purpose=PURPOSE)
    assert (
        "\n".join(report.lines())
        == f"""\
What is recorded under the reference 'customer 17'

Made 2026-03-15 09:30 UTC from the ledger {report.origin}. The ledger holds no
pictures, names or templates.

2026-03-14 09:30 UTC (entry 2)
  It was asked whether two pictures, or a picture and a document, show the same person. Result: the
  same person; false match rate at this similarity 1 in 100,000 (upper bound 1 in 50,000), accepted
  1 in 10,000. Engine: sface. Purpose: opening an account. Legal basis: a contract. Asked with the
  key {key.id}.

2026-03-15 09:30 UTC (entry 4)
  A document was read. Result: undecided. Reasons: no portrait. Engine: mrz. Purpose: a loan. Asked
  by the operator.

2026-03-15 09:30 UTC (entry 5)
  What is recorded about the person was looked at. Purpose: access by the subject. Asked by the
  operator.

No answers about the person are kept. No pictures of the person are kept."""
    )
    plain = report.to_dict()
    assert [use["index"] for use in plain["uses"]] == [2, 4, 5]
    assert plain["uses"][0]["legal_basis"] == "a contract"
    assert plain["uses"][0]["text"] == report.uses[0].text
    assert (plain["subject"], plain["kept_until"], plain["pictures_kept_until"]) == ("customer 17", [], [])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("start", "key", "user")])
def test_every_kind_of_entry_about_a_person_has_words(kind: Any) -> None:
    from visavis.access.subjects import WHAT

    assert WHAT[kind].endswith(".")


def test_every_look_is_recorded(subjects: Subjects, ledger: Ledger) -> None:
    ledger.append(verdict())
    for _ in range(2):
        subjects.report("customer 17", purpose=PURPOSE, key="k")
    looks = [Entry.parse(leaf) for _, leaf in ledger.leaves(kind="access")]
    assert [(look.purpose, look.key, look.details["what"]) for look in looks] == [
        (PURPOSE, "k", "report")
    ] * 2
    assert len(subjects.report("customer 17", purpose=PURPOSE).uses) == 4


def test_somebody_who_is_not_on_record_leaves_no_trace_of_their_own(
    subjects: Subjects, ledger: Ledger
) -> None:
    report = subjects.report("nobody", purpose=PURPOSE)
    assert report.uses == ()
    assert "Nothing is recorded" in report.lines()[-1]
    [look] = [Entry.parse(leaf) for _, leaf in ledger.leaves(kind="access")]
    assert look.subject is None
    assert look.details == {"what": "report", "found": False}
    assert ledger.subject_digest("nobody") is None


def test_a_report_may_be_of_one_purpose_only(subjects: Subjects, ledger: Ledger) -> None:
    ledger.append(verdict())
    ledger.append(verdict(purpose="a loan"))
    uses = subjects.report("customer 17", purpose="a loan", only="a loan").uses
    assert [(use.index, use.entry.kind) for use in uses] == [(2, "verdict"), (3, "access")]


@pytest.mark.parametrize("reference", ["", "x" * 201])
def test_what_is_no_reference_has_no_report(subjects: Subjects, ledger: Ledger, reference: str) -> None:
    ledger.append(verdict())
    assert subjects.report(reference, purpose=PURPOSE).uses == ()


def test_a_report_needs_a_purpose(subjects: Subjects) -> None:
    with pytest.raises(LedgerError):
        subjects.report("customer 17", purpose="")


def test_an_erasure_takes_answers_and_salts_and_the_tree_holds(
    subjects: Subjects, ledger: Ledger, clock: Clock
) -> None:
    verdicts = Verdicts(ledger, clock)
    receipt = ledger.append(verdict())
    ledger.append(verdict("customer 18"))
    before = ledger.leaf(receipt.index)
    for id_, subject in (("a", "customer 17"), ("b", "customer 18")):
        verdicts.keep(id_, b"{}", purpose="p", subject=subject, keep_for=timedelta(days=1))
    assert subjects.report("customer 17", purpose=PURPOSE).kept_until == (clock.now + timedelta(days=1),)
    erased = subjects.erase("customer 17", purpose="erasure for the subject")
    assert erased.verdicts == 1
    assert erased.receipt is not None
    assert Entry.parse(ledger.leaf(erased.receipt.index)).kind == "erasure"
    assert ledger.subject_digest("customer 17") is None
    assert ledger.openings(receipt.index).get("probe") is None
    assert ledger.leaf(receipt.index) == before, "the entry stays"
    assert [verdicts.get(id_, purpose="p") for id_ in "ab"] == [None, b"{}"]
    assert subjects.report("customer 17", purpose=PURPOSE).uses == ()
    assert len(subjects.report("customer 18", purpose=PURPOSE).uses) == 2
    assert sound(ledger)
    assert subjects.erase("customer 17", purpose="again").receipt is None


def test_pictures_that_are_kept_are_reported_and_erased(
    subjects: Subjects, ledger: Ledger, clock: Clock
) -> None:
    pictures = Pictures(ledger, clock)
    for subject, days in (("customer 17", 2), ("customer 17", 1), ("customer 18", 3)):
        index = ledger.append(verdict(subject)).index
        pictures.keep(index, {"probe": b"p"}, purpose="p", subject=subject, keep_for=timedelta(days=days))
    report = subjects.report("customer 17", purpose=PURPOSE)
    assert report.to_dict()["pictures_kept_until"] == [
        "2026-03-15T09:30:00+00:00",
        "2026-03-16T09:30:00+00:00",
    ]
    two = "The pictures of 2 checks are kept, encrypted, the last until 2026-03-16 09:30 UTC."
    assert " ".join(report.lines()).endswith(two)
    assert len(subjects.report("customer 17", purpose="p", only="p").pictures_until) == 2
    assert subjects.report("customer 17", purpose="q", only="q").pictures_until == ()
    clock.move(days=1)
    one = " ".join(subjects.report("customer 17", purpose=PURPOSE).lines())
    assert "The pictures of 1 check are kept, encrypted, until 2026-03-16 09:30 UTC." in one
    erased = subjects.erase("customer 17", purpose="erasure for the subject")
    assert (erased.verdicts, erased.pictures, erased.is_nothing) == (0, 2, False)
    assert erased.to_dict()["pictures"] == 2
    assert subjects.report("customer 17", purpose=PURPOSE).pictures_until == ()
    assert len(subjects.report("customer 18", purpose=PURPOSE).pictures_until) == 1
    assert subjects.erase("customer 17", purpose="again").is_nothing
    assert sound(ledger)


def test_an_erasure_that_stays_in_the_log_of_the_database_still_takes_what_is_kept(
    subjects: Subjects, ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, verdicts, index = (
        Pictures(ledger, clock),
        Verdicts(ledger, clock),
        ledger.append(verdict()).index,
    )
    pictures.keep(index, {"probe": b"p"}, purpose="p", subject="customer 17", keep_for=timedelta(days=1))
    verdicts.keep("a", b"{}", purpose="p", subject="customer 17", keep_for=timedelta(days=1))

    def busy(*tables: str) -> None:
        if "ledger_salts" in tables:
            raise StorageError("storage.locked", "somebody reads")

    monkeypatch.setattr(ledger, "_scrub", busy)
    with pytest.raises(StorageError):
        subjects.erase("customer 17", purpose="erasure for the subject")
    assert pictures.note(index) is None
    assert verdicts.get("a", purpose="p") is None
    assert ledger.subject_digest("customer 17") is None


def test_erasing_while_checks_end_leaves_nothing_behind(
    subjects: Subjects, ledger: Ledger, clock: Clock
) -> None:
    """A check that is in the ledger when its person is erased, and would keep its pictures just then."""
    pictures, indices = Pictures(ledger, clock), [ledger.append(verdict()).index for _ in range(20)]
    began = threading.Event()

    def check(index: int) -> None:
        began.set()
        pictures.keep(index, {"probe": b"p"}, purpose="p", subject="customer 17", keep_for=timedelta(days=1))

    with ThreadPoolExecutor(4) as threads:
        ends = [threads.submit(check, index) for index in indices]
        began.wait()
        subjects.erase("customer 17", purpose="erasure for the subject")
        for each in ends:
            each.result()
    assert [index for index in indices if pictures.note(index)] == []


def test_a_look_at_pictures_is_told_as_one(subjects: Subjects, ledger: Ledger) -> None:
    index = ledger.append(verdict()).index
    details = look_at_pictures(index, "u")
    ledger.append(Event(kind="access", purpose="p", subject="customer 17", details=details))
    look, report = subjects.report("customer 17", purpose=PURPOSE).uses[1:]
    assert look.text.startswith("Pictures of the person that are kept were looked at. Purpose: p.")
    assert report.text.startswith("What is recorded about the person was looked at.")
    assert look.entry.details == {"what": "pictures", "entry": index, "user": "u"}


def test_erasing_entries_takes_their_pictures_along(subjects: Subjects, ledger: Ledger, clock: Clock) -> None:
    pictures = Pictures(ledger, clock)
    indices = [ledger.append(verdict()).index for _ in range(4)]
    for index in indices:
        pictures.keep(index, {"probe": b"p"}, purpose="p", subject="customer 17", keep_for=timedelta(days=1))
    with pytest.raises(LedgerError) as none:
        subjects.erase_entries(indices[0], 99, purpose="retention ended")
    assert none.value.code == "ledger.index"
    assert all(pictures.note(index) for index in indices)
    subjects.erase_entries(indices[1], indices[2], purpose="retention ended")
    assert [pictures.note(index) is not None for index in indices] == [True, False, False, True]
    assert [bool(ledger.openings(index)) for index in indices] == [True, False, False, True]
    assert sound(ledger)


def test_what_comes_after_an_erasure_is_a_record_of_its_own(subjects: Subjects, ledger: Ledger) -> None:
    ledger.append(verdict())
    subjects.erase("customer 17", purpose="erasure for the subject")
    receipt = ledger.append(verdict())
    uses = subjects.report("customer 17", purpose=PURPOSE).uses
    assert [use.index for use in uses] == [receipt.index, receipt.index + 1]
    assert sound(ledger)
