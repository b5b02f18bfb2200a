"""A batch from its table to its summary, whole, interrupted anywhere, and gone on with."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.batch.conftest import HEAD
from tests.batch.invented import InventedEngine, picture

from visavis.batch import page, pairs, results
from visavis.batch.folder import Folder
from visavis.batch.record import Record
from visavis.batch.run import Pictures
from visavis.batch.work import Looked
from visavis.decision.policy import Policy
from visavis.errors import BatchError, LedgerError, StorageError
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.batch.conftest import Desk


class KilledError(BaseException):
    """Stands for SIGKILL: nobody catches it."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three parts need no two hundred rows."""
    monkeypatch.setattr(pairs, "FEWEST_IN_PART", 8)


def mixed(desk: Desk, people: int = 20) -> str:
    """A table of three parts with all that a row can come to."""
    rows = [
        [*desk.person(f"p{number}"), f"subject {number}", "a test", f"branch {number % 3}"]
        for number in range(people)
    ]
    desk.put("wall.jpg", b"a wall")
    desk.put("text.jpg", b"nothing that is a picture")
    rows[3][1] = "wall.jpg"
    rows[5][1] = "p0-1.jpg"
    rows[10][0] = "text.jpg"
    rows[11][1] = "gone.jpg"
    rows[12][2] = ""
    return desk.table(rows, (*HEAD, "branch"))


def test_every_row_has_a_result_and_every_claim_an_entry(desk: Desk) -> None:
    seen: list[tuple[int, int]] = []
    summary = desk.run(mixed(desk), progress=lambda done, total: seen.append((done, total)))
    rows = desk.rows()
    assert [row["row"] for row in rows] == list(range(1, 21))
    assert list(rows[0]) == [*results.COLUMNS, *HEAD, "branch"]
    assert [row["branch"] for row in rows] == [f"branch {number % 3}" for number in range(20)]
    by_row = {row["row"]: row for row in rows}
    assert by_row[1]["decision"] == "match"
    assert by_row[1]["similarity"] > by_row[1]["threshold"]
    assert by_row[6]["decision"] == "no_match"
    assert (by_row[4]["decision"], by_row[4]["reasons"], by_row[4]["about"]) == (
        "inconclusive",
        ["no_face"],
        ["probe"],
    )
    assert by_row[4]["similarity"] is None
    assert [(row["row"], row["error"], row["message"]) for row in rows if row["error"]] == [
        (11, "photo.format", "reference: this isn't a supported picture (found text)"),
        (12, "photo.missing", "probe: there is no file 'gone.jpg'"),
        (13, "batch.row", "subject is empty"),
    ]
    assert summary.decisions == {"match": 15, "no_match": 1, "inconclusive": 1}
    assert summary.rejected == {"batch.row": 1, "photo.format": 1, "photo.missing": 1}
    assert summary.reasons == {"no_face": 1}
    assert summary.rows == 20
    assert seen[0] == (0, 20)
    assert seen[-1] == (20, 20)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    rejected = (desk.path / "out" / "rejected.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in rejected] == [
        {"row": row["row"], "code": row["error"], "reason": row["message"]} for row in rows if row["error"]
    ]
    entries = desk.entries()
    assert [entry.details["row"] for entry in entries] == [row["row"] for row in rows if row["row"] != 13]
    assert [row["ledger_index"] for row in rows if row["row"] != 13] == list(range(1, 20))
    assert by_row[13]["ledger_index"] is None
    kinds = Counter(entry.kind for entry in entries)
    assert kinds == {"verdict": 17, "refusal": 2}
    for entry in entries:
        row = by_row[int(str(entry.details["row"]))]
        assert entry.decision == row["decision"]
        assert entry.purpose == "a test"
        assert entry.details["batch"] == summary.batch
    [refused] = [entry for entry in entries if entry.reasons == ("photo.missing",)]
    assert set(refused.inputs) == {"reference"}, "of what was read before"
    assert len({entry.subject.digest for entry in entries if entry.subject}) == 19
    assert desk.engines[0].closed


def test_files_are_their_owner_s_alone(desk: Desk) -> None:
    desk.run(desk.crowd(3))
    for path in (desk.path / "out").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_batch_that_is_done_is_only_counted_again(desk: Desk) -> None:
    table = mixed(desk)
    first = desk.run(table)
    before = desk.rows()
    assert desk.run(table) == first
    assert len(desk.engines) == 1
    assert desk.rows() == before
    assert len(desk.entries()) == 19


# Interrupted


def at(number: int, of: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """What dies at its n-th call, before it does anything or after it has."""
    calls = 0

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            raise KilledError
        found = of(*args, **kwargs)
        if calls == number:
            raise KilledError
        return found

    return dying


@pytest.fixture(scope="module")
def undisturbed() -> list[dict[str, Any]]:
    """Rows of a batch that nobody disturbed; filled by the first test that needs them."""
    return []


PLACES = [
    (Folder, "bind", 1),  # once a run
    (Record, "append", 1),
    (Record, "append", 3),
    (Folder, "write", 1),
    (Folder, "write", 3),
    (results, "write", 1),
    (results, "write", 3),
    (InventedEngine, "__init__", 1),  # once a run
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("owner", "name", "number"), PLACES, ids=lambda value: getattr(value, "__name__", value)
)
def test_whenever_it_dies_nothing_is_done_twice_and_nothing_lost(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: list[dict[str, Any]],
    owner: Any,
    name: str,
    number: int,
    after: bool,
) -> None:
    table = mixed(desk)
    monkeypatch.setattr(page, "page", lambda summary: "")  # to draw charts takes longer than all the rest
    if not undisturbed:
        desk.run(table, "undisturbed", ledger=desk.path / "other.db")
        undisturbed += desk.rows("undisturbed")
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, at(number, getattr(owner, name), after=after))
        with pytest.raises(KilledError):
            desk.run(table)
        summary = desk.run(table)
    assert desk.rows() == undisturbed
    assert summary.decisions == {"match": 15, "no_match": 1, "inconclusive": 1}
    entries = desk.entries()
    assert len({entry.details["row"] for entry in entries}) == len(entries) == 19
    assert [
        path.name for path in (desk.path / "out" / "results").iterdir() if path.name.startswith(".")
    ] == []


def test_what_others_record_meanwhile_doesnt_disturb(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither entries of a service nor those of another batch are taken for this one's."""
    table = mixed(desk)
    with monkeypatch.context() as patched:
        patched.setattr(results, "write", at(2, results.write, after=False))
        with pytest.raises(KilledError):
            desk.run(table)
    desk.run(table, "another")
    desk.run(table)
    rows = desk.rows()
    drop = [{**row, "ledger_index": None} for row in rows]
    assert drop == [{**row, "ledger_index": None} for row in desk.rows("another")]
    entries = desk.entries()
    assert len(entries) == 2 * 19
    for row in rows:
        if row["ledger_index"] is not None:
            assert entries[row["ledger_index"] - 1].details["row"] == row["row"]
            assert (
                entries[row["ledger_index"] - 1].details["batch"]
                == json.loads((desk.path / "out" / "manifest.json").read_text())["batch"]
            )


def test_a_part_that_is_gone_is_made_again_from_what_is_recorded(desk: Desk) -> None:
    table = mixed(desk)
    desk.run(table)
    before = desk.rows()
    (desk.path / "out" / "results" / "part-000002.parquet").unlink()
    desk.run(table)
    assert desk.rows() == before
    assert len(desk.entries()) == 19


def test_progress_begins_with_what_is_done_and_ends_with_all(desk: Desk) -> None:
    """Parts of 8, 8 and 4 rows; nothing of the last one is a claim."""
    table = desk.table([(*desk.person("p"), "subject" if row < 16 else "", "a test") for row in range(20)])
    for gone, begun in ((None, 0), (2, 12), (3, 16)):
        if gone is not None:
            (desk.path / "out" / "results" / f"part-00000{gone}.parquet").unlink()
        seen: list[int] = []
        desk.run(table, progress=lambda done, total, seen=seen: seen.append(done))
        assert (seen[0], seen[-1]) == (begun, 20)
        assert seen == sorted(seen)


def test_pictures_that_changed_after_they_were_recorded_are_noticed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = mixed(desk)
    with monkeypatch.context() as patched:
        patched.setattr(results, "write", at(1, results.write, after=False))
        with pytest.raises(KilledError):
            desk.run(table)
    desk.put("p2-1.jpg", picture("p2", 2))
    with pytest.raises(BatchError) as caught:
        desk.run(table)
    assert caught.value.code == "batch.changed"
    assert "row 3" in str(caught.value)
    assert "entry 3 of the ledger" in str(caught.value)


def test_where_the_ledger_can_t_be_written_there_are_no_results(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Ledger, events: Any) -> Any:
        raise StorageError("storage.full", "there is no space")

    monkeypatch.setattr(Ledger, "append_many", full)
    with pytest.raises(StorageError):
        desk.run(mixed(desk))
    assert list((desk.path / "out" / "results").iterdir()) == []


# Something else than what it was begun with


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"policy": Policy(fmr=1e-3)}, "another policy"),
        ({"pack": "edgeface-xs"}, "another pack"),
        ({"purpose": "another one"}, "another purpose"),
        ({"ledger": "other"}, "another ledger"),
        ({"device": "cuda"}, "another device"),
        ({"table": "other"}, "another table"),
    ],
)
def test_only_the_same_goes_on(desk: Desk, given: dict[str, Any], told: str) -> None:
    table = desk.crowd(3)
    desk.run(table)
    if given.pop("table", None):
        table = desk.crowd(2)
    if "ledger" in given:
        given["ledger"] = desk.path / "other.db"
    with pytest.raises(BatchError) as caught:
        desk.run(table, **given)
    assert caught.value.code == "batch.other"
    assert told in str(caught.value)
    assert len(desk.entries()) == 3


def test_a_folder_with_other_things_is_left_alone(desk: Desk) -> None:
    (desk.path / "out").mkdir()
    desk.put("out/letter.txt", b"dear")
    with pytest.raises(BatchError) as caught:
        desk.run(desk.crowd(1))
    assert caught.value.code == "batch.out"
    assert "letter.txt" in str(caught.value)


def test_two_at_once_are_refused(desk: Desk) -> None:
    table = desk.crowd(1)
    with Folder(desk.path / "out").locked(), pytest.raises(BatchError) as caught:
        desk.run(table)
    assert caught.value.code == "batch.busy"
    desk.run(table)


def test_a_key_that_isn_t_the_ledger_s_ends_it_before_it_begins(desk: Desk) -> None:
    table = desk.crowd(1)
    desk.run(table, "first")
    desk.put("ledger.db.key", b"no key")
    with pytest.raises(LedgerError):
        desk.run(table)
    assert not (desk.path / "out").exists()


# Pictures that are named again


def test_the_same_picture_is_read_once(desk: Desk) -> None:
    reference = desk.person("somebody")[0]
    rows = [
        (reference, desk.put(f"probe{n % 3}.jpg", picture("somebody", 10 + n % 3)), f"subject {n}", "a test")
        for n in range(100)
    ]
    desk.run(desk.table(rows))
    assert Counter(desk.engines[0].asked) == {picture("somebody", take): 1 for take in (0, 10, 11, 12)}


def test_a_picture_that_changed_is_read_again(desk: Desk) -> None:
    pair = desk.person("somebody")
    table = desk.table([(*pair, f"subject {n}", "a test") for n in range(16)])

    class Changing(InventedEngine):
        def answers(self, tasks: Any) -> Any:
            for task in tasks:
                yield self.worker(task)
                desk.put(pair[1], picture("somebody else", 11))

    desk.run(table, engine=Changing)
    assert [row["decision"] for row in desk.rows()] == ["match"] * 8 + ["no_match"] * 8


def test_what_is_known_of_pictures_is_bounded() -> None:
    pictures = Pictures(10_000)
    for number in range(50):
        pictures.keep({f"/picture {number}": Looked(None, bytes(400))})
        pictures.known(["/picture 0"])
    known = pictures.known([f"/picture {number}" for number in range(50)])
    # 400 bytes of content, 500 for what holds them, and the name.
    assert len(known) == 10_000 // 911
    assert "/picture 0" in known, "it was named all the time"
    assert "/picture 49" in known
