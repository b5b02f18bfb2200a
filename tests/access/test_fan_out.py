from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from visavis.access import tables, windows
from visavis.access.fan_out import ALIKE, FanOut, Limits
from visavis.access.keys import us
from visavis.access.marks import BANDS
from visavis.access.windows import DatabaseWindow, MemoryWindow
from visavis.decision.calibration import shipped
from visavis.errors import AccessError
from visavis.ledger import log
from visavis.packs.catalogue import PACKS
from visavis.storage.engine import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.access.conftest import Clock, Faces

    from visavis.access.windows import Window
    from visavis.faces.recognise import Template

SECRET = bytes(32)


@pytest.fixture(autouse=True)
def salts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ones in every run: under one salt in some near-duplicates share too few bands."""
    monkeypatch.setattr(windows, "secrets", SimpleNamespace(token_bytes=random.Random(7).randbytes))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def window(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Window]:
    if request.param == "memory":
        yield MemoryWindow()
        return
    where = str(tmp_path / "ledger.db")
    server: Any = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        where = server.new_with_tables()
    else:
        log.prepare(where)
    storage = open_storage(where)
    yield DatabaseWindow(storage)
    storage.close()
    if server is not None:
        server.drop(where)


@pytest.fixture
def fan_out(window: Window, clock: Clock) -> FanOut:
    return FanOut(window, Limits(references=3, references_all_keys=5, probes=6), secret=SECRET, clock=clock)


def stopped(fan_out: FanOut, reference: Template, probe: Template, key: str = "k") -> bool:
    try:
        fan_out.admit(key=key, reference=[reference], probe=probe)
    except AccessError as error:
        return error.code == "access.fan_out"
    return False


def test_one_probe_against_many_references_is_stopped(fan_out: FanOut, faces: Faces) -> None:
    probe = faces.new()
    assert [stopped(fan_out, faces.new(), probe) for _ in range(5)] == [False] * 3 + [True] * 2


def test_pictures_that_are_nearly_the_same_count_as_one(fan_out: FanOut, faces: Faces) -> None:
    probe, references = faces.new(), [faces.new() for _ in range(3)]
    for reference in references:
        for _ in range(2):
            assert not stopped(fan_out, faces.near(reference, 0.97), faces.near(probe, 0.97))
    assert stopped(fan_out, faces.new(), faces.near(probe, 0.97)), "another reference"
    assert not stopped(fan_out, faces.near(references[0], 0.97), probe), "one that was allowed"
    assert not stopped(fan_out, faces.new(), faces.new()), "somebody else"


def test_different_people_who_verify_once_are_let_through(fan_out: FanOut, faces: Faces) -> None:
    for _ in range(40):
        person = faces.new()
        assert not stopped(fan_out, person, faces.near(person, 0.7))


def test_the_same_comparison_again_takes_no_more_room(
    fan_out: FanOut, faces: Faces, window: Window, clock: Clock
) -> None:
    """It is found by its marks once, with the time of the last one."""
    reference, probe = faces.new(), faces.new()

    def found() -> list[int]:
        with window.turn() as turn:
            number = us(clock()) // (fan_out.limits.window // timedelta(microseconds=1))
            salt = turn.salt(number, make=False)
            assert salt is not None
            marks = fan_out._marker(salt).kept(probe, "probe")
            return [seen.at for _, seen in turn.find(number, marks, 0)]

    for key in ("k", "other"):
        for _ in range(4):
            fan_out.admit(key=key, reference=[reference], probe=probe)
            clock.move(minutes=1)
    assert len(found()) == 2 * BANDS, "one for each key"
    assert len(set(found())) == 2
    fan_out.admit(key="k", reference=[reference], probe=faces.near(probe, 0.97))
    assert len(found()) > 2 * BANDS, "another picture of the same face has marks of its own"
    later = us(clock())
    fan_out.admit(key="k", reference=[reference], probe=probe)
    assert max(found()) == later


def test_one_reference_against_many_probes_is_stopped_later(fan_out: FanOut, faces: Faces) -> None:
    """Whoever searches may put the face into the reference's place."""
    reference = faces.new()
    assert [stopped(fan_out, reference, faces.new()) for _ in range(8)] == [False] * 6 + [True] * 2


def test_keys_together_have_a_limit_too(fan_out: FanOut, faces: Faces) -> None:
    probe = faces.new()
    answers = [stopped(fan_out, faces.new(), probe, key=f"key {number}") for number in range(7)]
    assert answers == [False] * 5 + [True] * 2


def test_a_stop_says_what_was_found_and_when_there_is_room(
    fan_out: FanOut, faces: Faces, clock: Clock
) -> None:
    probe = faces.new()
    for _ in range(3):
        fan_out.admit(key="k", reference=[faces.new()], probe=probe)
        clock.move(hours=1)
    with pytest.raises(AccessError) as caught:
        fan_out.admit(key="k", reference=[faces.new()], probe=probe)
    assert str(caught.value) == (
        "one probe is compared with too many different references: nothing was compared "
        "(found 4 by the key, expected at most 3 in 24 hours)"
    )
    # The first was three hours ago.
    assert caught.value.retry_after_s == 21 * 3600
    clock.move(hours=21, seconds=-1)
    assert stopped(fan_out, faces.new(), probe)
    clock.move(seconds=1)
    assert not stopped(fan_out, faces.new(), probe)
    assert stopped(fan_out, faces.new(), probe)


def test_the_window_slides_over_the_change_of_salts(fan_out: FanOut, faces: Faces, clock: Clock) -> None:
    """The clock says 9:30; salts change at midnight."""
    probe = faces.new()
    references = [faces.new() for _ in range(3)]
    clock.move(hours=14)
    for reference in references[:2]:
        assert not stopped(fan_out, reference, probe)
    clock.move(hours=2)
    assert not stopped(fan_out, references[2], probe)
    assert stopped(fan_out, faces.new(), probe)
    assert not stopped(fan_out, references[0], probe), "known from before midnight"
    clock.move(hours=22)  # those of 23:30 are gone, but for the one that came again at 1:30
    assert not stopped(fan_out, faces.new(), probe)
    assert stopped(fan_out, faces.new(), probe)


def test_several_references_of_one_person_count_as_one(fan_out: FanOut, faces: Faces) -> None:
    probe, first = faces.new(), faces.new()
    person = [first, *(faces.near(first, 0.6) for _ in range(7))]
    for _ in range(2):
        fan_out.admit(key="k", reference=person, probe=probe)
    fan_out.admit(key="k", reference=person[3:4], probe=probe)
    assert [stopped(fan_out, faces.new(), probe) for _ in range(3)] == [False, False, True]
    assert not stopped(fan_out, person[7], probe)


def test_several_people_given_as_one_reference_count_as_several(fan_out: FanOut, faces: Faces) -> None:
    """Or else they could be compared one by one afterwards, as a reference that is known."""
    probe = faces.new()
    people = [faces.new() for _ in range(8)]
    with pytest.raises(AccessError):
        fan_out.admit(key="k", reference=people, probe=probe)
    assert [stopped(fan_out, person, probe) for person in people] == [False] * 3 + [True] * 5


def test_templates_of_two_packs_never_meet(fan_out: FanOut, faces: Faces) -> None:
    probe = faces.new()
    for _ in range(3):
        assert not stopped(fan_out, faces.new(), probe)
    other = type(probe)(probe.vector, "other", "fedcba9876543210")
    assert not stopped(fan_out, faces.new("fedcba9876543210"), other)


def test_salts_and_marks_leave_when_their_time_is_over(
    window: Window, fan_out: FanOut, faces: Faces, clock: Clock
) -> None:
    for _ in range(3):
        fan_out.admit(key="k", reference=[faces.new()], probe=faces.new())
    for _ in range(3):
        clock.move(hours=24)
        fan_out.admit(key="k", reference=[faces.new()], probe=faces.new())
    clock.move(seconds=1)
    fan_out.admit(key="k", reference=[faces.new()], probe=faces.new())
    if isinstance(window, DatabaseWindow):
        with window._storage.reading() as connection:
            counts = Counter(
                {
                    table.name: len({row.number for row in connection.execute(table.select())})
                    for table in (tables.windows, tables.comparisons, tables.marks)
                }
            )
        assert counts == {"access_windows": 2, "access_comparisons": 2, "access_marks": 2}
    else:
        assert isinstance(window, MemoryWindow)
        assert len(window._salts) == len(window._marks) == 2


@pytest.mark.parametrize("window", ["sqlite", "postgresql"], indirect=True)
def test_salts_leave_where_nobody_compares_any_more(
    window: DatabaseWindow, fan_out: FanOut, faces: Faces, clock: Clock
) -> None:
    fan_out.admit(key="k", reference=[faces.new()], probe=faces.new())
    for days, left in ((1, 1), (1, 0), (1, 0)):
        clock.move(days=days)
        fan_out.expire()
        with window._storage.reading() as connection:
            assert len(connection.execute(tables.windows.select()).all()) == left


@pytest.mark.parametrize("window", ["sqlite", "postgresql"], indirect=True)
def test_what_is_kept_is_no_template(window: DatabaseWindow, fan_out: FanOut, faces: Faces) -> None:
    probe = faces.new()
    fan_out.admit(key="k", reference=[faces.new()], probe=probe)
    with window._storage.reading() as connection:
        marks = {row.mark for row in connection.execute(tables.marks.select())}
        [salt] = [bytes(row.salt) for row in connection.execute(tables.windows.select())]
    # Whoever stole the database has salt and marks. Without the secret of the key's file neither the
    # directions nor the digests can be made: those of the salt alone fit nothing.
    from visavis.access.marks import Marker

    assert not marks & set(Marker(salt).kept(probe, "probe"))
    assert marks & set(Marker(fan_out._marker(salt)._secret).kept(probe, "probe"))


def test_threads_never_get_more_than_there_is(fan_out: FanOut, faces: Faces) -> None:
    probe = faces.new()
    references = [faces.new() for _ in range(12)]
    answers: Counter[bool] = Counter()

    def work(some: list[Template]) -> None:
        for reference in some:
            answers[stopped(fan_out, reference, probe)] += 1

    threads = [threading.Thread(target=work, args=(references[start::3],)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {False: 3, True: 9}


@pytest.mark.parametrize(
    "wrong",
    [
        {"references": 0},
        {"references_all_keys": -1},
        {"probes": 1_000_001},
        {"probes_all_keys": 2.5},
        {"window": timedelta(seconds=59)},
        {"window": timedelta(days=32)},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AccessError) as caught:
        Limits(**wrong)
    assert caught.value.code == "access.limits"


@pytest.mark.parametrize("pack", ["sface", "edgeface-xs", "edgeface-xxs", "duo"])
def test_different_people_hardly_pass_for_one_reference(pack: str) -> None:
    found = PACKS[pack]
    assert shipped(pack, found.fingerprint).threshold(1e-5, extrapolate=True) < ALIKE
