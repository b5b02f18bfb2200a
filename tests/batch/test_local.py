"""Processes that answer, die, and are replaced. Their engines are invented."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.batch.invented import InventedEngine, InventedSetup, invented, picture

from visavis.batch.local import LocalEngine
from visavis.batch.rows import Claim
from visavis.batch.under_way import TRIES
from visavis.batch.work import Setup, Task
from visavis.decision.policy import Policy
from visavis.errors import BatchError, PackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.batch.engine import Engine

SETUP = Setup("sface", Policy(), None, "batch")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes find what is invented where this one does."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    started = LocalEngine(invented(SETUP), 2)
    yield started
    started.close()


@pytest.fixture
def lonely() -> Iterator[LocalEngine]:
    """One process is enough to see it die."""
    started = LocalEngine(invented(SETUP), 1)
    yield started
    started.close()


def tasks(folder: Path, probes: list[bytes], each: int = 2) -> list[Task]:
    """Claims on invented pictures, so many for each task."""
    (folder / "reference").write_bytes(picture("somebody"))
    claims = []
    for number, content in enumerate(probes, start=1):
        (folder / f"probe{number}").write_bytes(content)
        claims.append(
            Claim(
                number,
                str(folder / "reference"),
                None,
                str(folder / f"probe{number}"),
                f"s{number}",
                "a test",
            )
        )
    return [
        Task(at, tuple(claims[start : start + each]), {})
        for at, start in enumerate(range(0, len(claims), each))
    ]


def decisions(engine: Engine, todo: list[Task]) -> list[tuple[int, str | None]]:
    return [
        (answer.number, answer.event.decision)
        for answers in engine.answers(todo)
        for answer in answers.answers
    ]


def test_answers_come_in_order_and_are_those_of_one_process(engine: LocalEngine, tmp_path: Path) -> None:
    probes = [
        b"wait 0.3 " + picture("somebody", 1),
        *(picture("somebody" if n % 3 else "other", n) for n in range(50)),
    ]
    todo = tasks(tmp_path, probes)
    found = decisions(engine, todo)
    assert [number for number, _ in found] == list(range(1, 52))
    assert {decision for _, decision in found} == {"match", "no_match"}
    assert found == decisions(InventedEngine(SETUP), todo)


def test_libraries_of_a_process_have_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which they learn as they are loaded, long before a line of ours."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    monkeypatch.setenv(names[0], "3")
    for name in names[1:]:
        monkeypatch.delenv(name, raising=False)
    engine = LocalEngine(invented(SETUP), 1)
    try:
        assert not {*names[1:]} & os.environ.keys()
        decisions(engine, tasks(tmp_path, [picture("somebody", 1)]))  # by then it has begun
        told = psutil.Process(engine._hands[0].process.pid).environ()
    finally:
        engine.close()
    assert [told[name] for name in names] == ["3", "1", "1"]


def test_tasks_are_taken_as_they_are_needed(engine: LocalEngine, tmp_path: Path) -> None:
    """Otherwise memory would grow with the table."""
    todo = tasks(tmp_path, [b"wait 1 " + picture("somebody", 1), *[picture("somebody", 2)] * 99], each=1)
    taken = 0

    def counted() -> Iterator[Task]:
        nonlocal taken
        for task in todo:
            taken += 1
            yield task

    answers = engine.answers(counted())
    next(answers)  # the first one takes a second, and all others wait for their order meanwhile
    assert 2 < taken <= 2 * 8 + 1
    assert len(list(answers)) == 99


def test_a_process_that_dies_is_replaced(engine: LocalEngine, tmp_path: Path) -> None:
    times = tmp_path / "times"
    dying = f"die {times} {TRIES - 1} ".encode() + picture("somebody", 1)
    probes = [picture("somebody", 1)] * 6 + [dying] + [picture("somebody", 1)] * 13
    found = decisions(engine, tasks(tmp_path, probes))
    assert found == [(number, "match") for number in range(1, 21)]
    assert times.read_bytes() == b"..", "it died twice"


def test_a_task_that_kills_each_time_is_given_up(lonely: LocalEngine, tmp_path: Path) -> None:
    times = tmp_path / "times"
    probes = [picture("somebody", 1)] * 2 + [f"die {times} 99".encode()] + [picture("somebody", 1)] * 9
    with pytest.raises(BatchError) as caught:
        decisions(lonely, tasks(tmp_path, probes))
    assert caught.value.code == "batch.worker"
    assert f"died {TRIES} times, at work on rows 3 to 4" in str(caught.value)
    assert f"exit status {-signal.SIGKILL}" in str(caught.value)
    assert len(times.read_bytes()) == TRIES


def test_a_fault_is_told_and_no_row_is_lost_for_it(lonely: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a fault of ours"):
        decisions(lonely, tasks(tmp_path, [b"fault"]))


def test_what_no_row_is_to_blame_for_is_raised(tmp_path: Path) -> None:
    setup = Setup("no such pack", Policy(), None, "batch")
    engine = LocalEngine(setup, 1)
    try:
        with pytest.raises(PackError) as caught:
            decisions(engine, tasks(tmp_path, [picture("somebody", 1)]))
    finally:
        engine.close()
    assert caught.value.code == "pack.unknown"


def test_processes_that_never_come_to_life_are_given_up(tmp_path: Path) -> None:
    engine = LocalEngine(Unborn("sface", Policy(), None, "batch"), 1)
    try:
        with pytest.raises(BatchError) as caught:
            decisions(engine, tasks(tmp_path, [picture("somebody", 1)]))
    finally:
        engine.close()
    assert caught.value.code == "batch.worker"


class Unborn(InventedSetup):
    """Its process dies before it can answer."""

    def verifier(self) -> None:  # type: ignore[override]
        os._exit(3)


def test_a_process_that_cant_take_a_task_in_dies(lonely: LocalEngine) -> None:
    """Otherwise it would be waited for without end."""
    [hand] = lonely._hands
    hand.pipe.send_bytes(b"no task")
    hand.process.join(60)
    assert hand.process.exitcode == 1


def test_a_closed_engine_leaves_no_process(tmp_path: Path) -> None:
    engine = LocalEngine(invented(SETUP), 2)
    pids = [hand.process.pid for hand in engine._hands]
    todo = tasks(tmp_path, [picture("somebody", 1), *[b"wait 60 " + picture("somebody", 1)] * 4], each=1)
    assert next(engine.answers(todo)).number == 0  # the others are under way
    begin = time.monotonic()
    engine.close()
    assert time.monotonic() - begin < 10
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)
