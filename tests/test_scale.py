"""The simulation of benchmarks/scale.py, held against formulas whose results are known."""

from __future__ import annotations

import json
import math
import random
import statistics
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import scale  # no package: it lies in benchmarks/
from scale_model import Plan, Simulated, Steps, erlang_c, most_sustained, simulate

UNBOUNDED = 10**6


def exponential(mean: float = 1.0, count: int = 20_000) -> tuple[float, ...]:
    """Times as the queues of textbooks have them, with exactly this mean."""
    chance = random.Random(4)
    times = [chance.expovariate(1) for _ in range(count)]
    factor = mean / statistics.mean(times)
    return tuple(factor * each for each in times)


EXPONENTIAL = exponential()


@pytest.mark.parametrize(
    ("servers", "load", "share"),
    [
        (1, 0.7, 0.7),  # who comes to one server waits where it is busy
        (2, 1.0, 1 / 3),  # by hand: B = (1/2) / (1 + 1 + 1/2) = 1/5; C = 2 B / (2 - 1 (1 - B))
        (3, 2.0, 4 / 9),  # by hand: B = (8/6) / (1 + 2 + 2 + 8/6) = 4/19; C = 3 B / (3 - 2 (1 - B))
    ],
)
def test_erlang_c(servers: int, load: float, share: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(share)


@pytest.mark.parametrize(("engines", "load"), [(1, 0.6), (2, 1.4), (8, 6.0)])
def test_waiting_is_that_of_erlang(engines: int, load: float) -> None:
    """M/M/c: C(c, A) / (c - A) of a mean service time is waited on average (Erlang 1917)."""
    run = Simulated(
        Steps(native=EXPONENTIAL),
        Plan(rate=load, engines=engines, queue=UNBOUNDED, wait_s=UNBOUNDED, most=5000),
    )
    told = run.run()
    assert statistics.mean(run.seconds) == pytest.approx(
        1 + erlang_c(engines, load) / (engines - load), rel=0.1
    )
    assert told.busy["engine"] == pytest.approx(load / engines, rel=0.07)
    assert told.refused == 0


def test_times_at_one_engine_are_exponential() -> None:
    """M/M/1: the time in the system is exponential with rate 1 - A, so that p99 by p50 is ln 100 / ln 2."""
    plan = Plan(rate=0.5, queue=UNBOUNDED, wait_s=UNBOUNDED, most=6000)
    told = simulate(Steps(native=EXPONENTIAL), plan)
    assert told.p50 == pytest.approx(math.log(2) / 0.5, rel=0.08)
    assert told.p99 / told.p50 == pytest.approx(math.log(100) / math.log(2), rel=0.1)


def test_waiting_for_what_always_takes_as_long_is_half() -> None:
    """M/D/1: A / 2 (1 - A) of a service time is waited (Pollaczek and Khinchine)."""
    run = Simulated(Steps(native=(1.0,)), Plan(rate=0.8, queue=UNBOUNDED, wait_s=UNBOUNDED, most=6000))
    run.run()
    assert statistics.mean(run.seconds) == pytest.approx(1 + 0.8 / (2 * 0.2), rel=0.1)


@pytest.mark.parametrize(
    ("engines", "load", "share"),
    [
        (1, 0.6, 0.375),  # A / (1 + A)
        (2, 1.0, 0.2),  # by hand, as above
        (5, 3.0, 0.1101),  # Erlang B by hand: 2.025 / 18.4
    ],
)
def test_who_finds_no_place_is_refused(engines: int, load: float, share: float) -> None:
    """M/M/c/c: Erlang B. A queue of none, and nobody is refused for how long they would wait."""
    plan = Plan(rate=load, engines=engines, queue=0, wait_s=UNBOUNDED, most=5000)
    assert simulate(Steps(native=EXPONENTIAL), plan).refused == pytest.approx(share, rel=0.08)


def test_who_would_wait_too_long_is_refused() -> None:
    plan = Plan(rate=3.0, queue=UNBOUNDED, wait_s=2.0, most=1000)
    told = simulate(Steps(native=(1.0,)), plan)
    assert told.refused == pytest.approx(2 / 3, abs=0.03), "one a second is answered, of three"
    assert told.p99 <= 2 + 1 + 1e-6, "those before it, and its own"


def test_a_turn_bounds_what_a_database_does_however_many_machines_there_are() -> None:
    steps = Steps(native=(0.05,), turn=(0.02,))
    for machines in (2, 6):
        told = simulate(
            steps,
            Plan(queue=UNBOUNDED, wait_s=UNBOUNDED, callers=80, machines=machines, engines=8, most=1000),
        )
        assert told.per_s == pytest.approx(50, rel=0.02)
        assert told.busy["turn"] > 0.98


def test_pythons_lock_is_one_of_a_process() -> None:
    steps = Steps(native=(0.01,), python=0.02)
    one, four = (
        simulate(
            steps,
            Plan(
                queue=UNBOUNDED,
                wait_s=UNBOUNDED,
                callers=32,
                workers=workers,
                engines=16 // workers,
                most=2000,
            ),
        )
        for workers in (1, 4)
    )
    assert one.per_s == pytest.approx(50, rel=0.02)
    assert four.per_s == pytest.approx(200, rel=0.05)


def test_a_row_is_one_of_a_key() -> None:
    steps = Steps(native=(0.0,), key=(0.01,))
    one, many = (
        simulate(
            steps,
            Plan(queue=UNBOUNDED, wait_s=UNBOUNDED, callers=40, machines=4, engines=16, keys=keys, most=1000),
        )
        for keys in (1, 99)
    )
    assert one.per_s == pytest.approx(100, rel=0.03)
    assert many.per_s > 10 * one.per_s


def test_entries_share_a_commit() -> None:
    """Twelve threads of a process wait for the database: six gather while six are written."""
    steps = Steps(native=(0.0,), commit=(0.01,))
    told = simulate(steps, Plan(queue=UNBOUNDED, wait_s=UNBOUNDED, callers=64, engines=64, most=1500))
    assert told.group == pytest.approx(6, rel=0.05)
    assert told.per_s == pytest.approx(600, rel=0.05)
    alone = simulate(steps, Plan(queue=UNBOUNDED, wait_s=UNBOUNDED, callers=1, engines=1, most=500))
    assert alone.group == 1
    assert alone.per_s == pytest.approx(100, rel=0.03)


def test_a_sqlite_file_has_one_writer_for_all() -> None:
    steps = Steps(native=(0.0,), turn=(0.004,), key=(0.001,), keep=(0.005,), one_writer=True)
    assert simulate(
        steps, Plan(queue=UNBOUNDED, wait_s=UNBOUNDED, callers=12, engines=12, most=1000)
    ).per_s == pytest.approx(100, rel=0.03)


def test_who_has_the_fewest_gets_the_next() -> None:
    steps = Steps(native=(0.05,))
    chance, fewest = (
        simulate(steps, Plan(rate=200, workers=16, engines=1, choice=choice, most=3000))
        for choice in ("chance", "fewest")
    )
    assert fewest.refused < 0.01 < 0.1 < chance.refused


def test_the_most_that_is_sustained_lies_between_two_that_were_tried() -> None:
    steps = Steps(native=(0.05,))
    plan = Plan(engines=4, most=1500)
    rate, told = most_sustained(steps, plan, 80, tries=5)
    assert told.sustained
    assert 20 < rate < 80
    assert not simulate(steps, Plan(engines=4, most=1500, rate=rate + 2 * 80 / 2**5)).sustained


# From what was measured


def step(ms: float, cpu: float, server: float = 0.5) -> dict[str, Any]:
    return {"ms": [ms] * 100, "cpu_ms": cpu, "server_ms": server, "statements": 2.0}


def made() -> dict[str, Any]:
    """Figures that nobody measured, as scale_measure.py writes them."""
    found: dict[str, Any] = {
        "key": step(3.0, 1.0),
        "look": step(1.0, 0.5),
        "turn": step(10.0, 4.0),
        "again": step(5.0, 3.0),
        "commit": step(6.0, 2.0),
        "statement": step(3.0, 1.0),
        "keep": step(2.0, 1.0),
        "entry_ms": 0.2,
        "gathered": 20.0,
        "gathered_per_s": 2000.0,
        "turn_per_s": 90.0,
        "key_row_per_s": 300.0,
        "service": {"cpu_ms": 60.0},
    }
    library = {"cpu_ms": [40.0] * 100, "wall_ms": 41.0, "python_ms": 5.0}
    return {"library": library, "databases": {"postgresql": found}}


def test_the_parts_of_a_verification_are_what_it_costs() -> None:
    parts = scale.cost(made(), "postgresql")
    # The service was measured with faces that it knew: 60 ms, of which 3 for their turn.
    assert parts["rest"] == pytest.approx(60 - 40 - 1 - 3 - 2 - 1 - 1)
    assert parts["service"] == pytest.approx(60 - 3 + 4)
    assert parts["server"] == pytest.approx(5 * 0.5)


def test_steps_are_in_seconds_and_count_nothing_twice() -> None:
    steps = scale.steps(made(), "postgresql")
    assert steps.native[0] == pytest.approx(0.035)
    assert steps.python == pytest.approx(0.005 + 0.017), (
        "what holds the lock, and all beside library and turn"
    )
    assert (steps.turn[0], steps.turn_python) == pytest.approx((0.010, 0.004))
    assert steps.key[0] == pytest.approx(0.002), "without looking it up"
    assert steps.statement[0] == pytest.approx(0.002), "the work itself is in what the engine's process does"
    assert not steps.one_writer


def test_limits_are_the_inverse_of_how_long_each_takes() -> None:
    rows = {
        row["what"]: row
        for row in scale.limits(
            scale.steps(made(), "postgresql"), made()["databases"]["postgresql"], "postgresql"
        )
    }
    assert rows["turn"]["per_s"] == pytest.approx(100)
    assert rows["turn"]["away_per_s"] == pytest.approx(1000 / (10 + 3 * 0.5)), "two statements and a commit"
    assert rows["turn"]["measured"] == 90
    assert rows["gathered"]["per_s"] == pytest.approx(2000)
    assert rows["key"]["per_s"] == pytest.approx(500)


def test_the_chart_is_a_file_of_its_own() -> None:
    point = {"p50_ms": 80.0, "p99_ms": 200.0, "refused": 0.0}
    points = [point | {"rate": 10.0 * number, "refused": number / 100} for number in range(1, 6)]
    drawn = scale.chart({"kinds": {"postgresql": {"loads": points, "shards": [{"rate": 33.3}]}}})
    root = ET.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in drawn
    assert "Sustained are 33 a second; at 50 a second" in drawn


def test_numbers_that_belong_together_stand_in_one_line() -> None:
    data = {"a": [1.5, -2, 3e-05], "b": {"c": [], "d": [{"e": 1}]}}
    text = scale.compact(data)
    assert "[ 1.5, -2, 3e-05 ]" in text
    assert json.loads(text) == data
