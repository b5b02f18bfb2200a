"""Near-duplicates of one face, whatever their bytes, in one batch or in many."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.batch.invented import FINGERPRINT, PACK, picture, vector

from visavis.access import windows
from visavis.access.fan_out import Limits
from visavis.access.gate import Gate
from visavis.batch.admission import Admission
from visavis.errors import AccessError
from visavis.faces.recognise import Template
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.batch.conftest import Desk

    from visavis.batch.admission import NotAdmittedError
    from visavis.batch.work import Answer

LIMITS = Limits(references=3, references_all_keys=5, probes=6)


@pytest.fixture(autouse=True)
def salts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ones in every run: under one salt in some near-duplicates share too few bands."""
    monkeypatch.setattr(windows, "secrets", SimpleNamespace(token_bytes=random.Random(7).randbytes))


def near(desk: Desk, who: str, number: int) -> str:
    """A picture that was encoded again: other bytes, nearly the same template."""
    return desk.put(f"{who}-near-{number}.jpg", picture(who, number, near=True))


def search(desk: Desk, rows: int, *, swapped: bool = False, name: str = "pairs.csv", start: int = 0) -> str:
    """A table that pairs one face with many others, each time by another file, under other subjects."""
    pairs = []
    for number in range(start, start + rows):
        other, wanted = desk.person(f"other{number}")[0], near(desk, "wanted", number)
        pair = (wanted, other) if swapped else (other, wanted)
        pairs.append((*pair, f"subject {number}", "a test"))
    return desk.table(pairs, name=name)


def stop(desk: Desk, table: str, out: str = "out") -> AccessError:
    with pytest.raises(AccessError) as caught:
        desk.run(table, out, limits=LIMITS)
    assert caught.value.code == "access.fan_out"
    return caught.value


def test_near_duplicates_stop_the_batch(desk: Desk) -> None:
    error = stop(desk, search(desk, 10))
    assert str(error) == (
        "row 4: one probe is compared with too many different references: nothing was compared "
        "(found 4 by the key, expected at most 3 in 24 hours)"
    )
    [entry] = desk.entries()
    assert (entry.kind, entry.decision, entry.reasons) == ("refusal", "stopped", ("access.fan_out",))
    assert entry.purpose == "a test"
    assert entry.details["row"] == 4
    assert entry.details["asked"] == "batch"
    assert list((desk.path / "out" / "results").iterdir()) == [], "nobody gets an answer"
    assert desk.engines[0].closed


def test_the_columns_swapped(desk: Desk) -> None:
    assert "row 7: one reference is compared with too many different probes" in str(
        stop(desk, search(desk, 10, swapped=True))
    )


def test_many_small_tables_are_one_search(desk: Desk) -> None:
    """Each folder, each table and each batch is another one; the ledger is the same."""
    for number in range(3):
        desk.run(search(desk, 1, name=f"{number}.csv", start=number), f"out{number}", limits=LIMITS)
    stop(desk, search(desk, 1, name="3.csv", start=3), "out3")
    again = desk.run(search(desk, 1, name="0.csv", start=0), "again", limits=LIMITS)
    assert again.decisions["no_match"] == 1, "what was allowed once may be asked again"


def test_going_on_doesnt_help(desk: Desk) -> None:
    table = search(desk, 10)
    for _ in range(3):
        assert "row 4" in str(stop(desk, table))
    assert [entry.kind for entry in desk.entries()] == ["refusal"] * 3


def test_a_service_counts_the_same_faces(desk: Desk) -> None:
    """Two ways to one ledger: what a batch compared, a service's keys know of, and the other way round."""
    desk.run(search(desk, 3), limits=LIMITS)

    def template(who: str, kind: str, take: int) -> Template:
        return Template(vector(who, kind, take), PACK.name, FINGERPRINT)

    with Ledger.open(desk.ledger) as ledger:
        gate = Gate(ledger, limits=LIMITS)
        probe = template("wanted", "near", 77)
        for number in range(2):
            gate._fan_out.admit(key="another", reference=[template(f"new{number}", "take", 0)], probe=probe)
        with pytest.raises(AccessError, match="6 by all keys"):
            gate._fan_out.admit(key="another", reference=[template("new2", "take", 0)], probe=probe)


def test_honest_people_pass(desk: Desk) -> None:
    summary = desk.run(desk.crowd(100), limits=LIMITS)
    assert summary.decisions == {"match": 100, "no_match": 0, "inconclusive": 0}


def test_the_same_pair_is_asked_for_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a pair that stands in a table ten thousand times would be looked up ten thousand squared."""
    asked: list[int] = []
    admit = Admission._refused

    def watched(self: Admission, answers: Sequence[Answer]) -> NotAdmittedError | None:
        asked.extend(answer.number for answer in answers)
        return admit(self, answers)

    monkeypatch.setattr(Admission, "_refused", watched)
    pair = desk.person("somebody")
    desk.run(desk.table([(*pair, f"subject {n}", "a test") for n in range(200)]))
    assert asked == [1]
    assert len(desk.entries()) == 200
