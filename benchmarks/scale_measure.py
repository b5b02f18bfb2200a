"""What the simulation of the service at scale takes from measurement; see scale.py.

Processor time wherever it can be told, because other programs hardly change it; what waits for a disk or for
another process is told as time that passed. What is measured of `fan_out` is with a window that already
holds many comparisons, of faces that are random vectors, each of which comes once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import sqlalchemy as sa

from ledger import append, verdict
from service import TURNS, WARM_S, Service, quantiles
from visavis.access import tables
from visavis.access.gate import Gate
from visavis.access.keys import SCOPES, Keys
from visavis.access.marks import BANDS
from visavis.access.verdicts import Verdicts
from visavis.faces.recognise import Template
from visavis.ledger.log import Ledger, prepare
from visavis.ledger.statement import issue
from visavis.ledger.tiles import WIDTH
from visavis.packs.runtime import available_cores
from visavis.verifier import Verifier

SAMPLES = 300
FILLED = 20_000
"""Comparisons that the window holds before its turns are measured."""
DIMENSIONS = 128
TOGETHER = 8
"""Threads that want the same thing at the same time."""
GATHERED = 64
SIZES = (1, 10, 100)
LARGE = 10**6
MARKS = 2 * BANDS
TILE_BYTES = 32 * WIDTH / (WIDTH - 1)
"""Of an entry: its hash in the lowest tile, and its share of those above."""


@dataclass
class Spent:
    """Processor time within calls that let go of Python's lock."""

    seconds: float = 0.0


def library(pair: tuple[bytes, bytes]) -> dict[str, Any]:
    """What a verification takes on one core: processor time of each, and how much of it holds no lock."""
    verifier = Verifier("sface", threads=1)
    for _ in range(5):
        verifier.verify(*pair)
    times, walls, spent = [], [], Spent()
    with _watched(spent):
        for _ in range(SAMPLES):
            wall, begun = time.perf_counter(), time.thread_time()
            verifier.verify(*pair)
            times.append(1000 * (time.thread_time() - begun))
            walls.append(1000 * (time.perf_counter() - wall))
    return {
        "cpu_ms": in_order(times),
        "wall_ms": statistics.median(walls),
        "python_ms": statistics.mean(times) - 1000 * spent.seconds / SAMPLES,
    }


@contextlib.contextmanager
def _watched(spent: Spent) -> Iterator[None]:
    """Watch the calls of networks, decoders and image arithmetic, which let go of Python's lock."""
    import cv2
    import onnxruntime
    import simplejpeg

    places: list[tuple[Any, str]] = [
        (onnxruntime.InferenceSession, "run"),
        (simplejpeg, "decode_jpeg"),
        (cv2, "resize"),
        (cv2, "warpAffine"),
    ]
    kept = [getattr(owner, name) for owner, name in places]

    def watching(call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            begun = time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                spent.seconds += time.thread_time() - begun

        return watched

    for (owner, name), call in zip(places, kept, strict=True):
        setattr(owner, name, watching(call))
    try:
        yield
    finally:
        for (owner, name), call in zip(places, kept, strict=True):
            setattr(owner, name, call)


# The database


def database(where: str, server: Callable[[], float]) -> dict[str, Any]:
    """What each step of a request takes in a database that nobody else uses.

    Args:
        where: Its address; a new one, with its tables.
        server: Tells how much processor time its server took so far, in seconds.
    """
    with Ledger.open(where) as ledger:
        keys, gate = Keys(ledger), Gate(ledger)
        tokens = [_key(ledger)[1] for _ in range(TOGETHER)]
        grant = gate.enter(tokens[0], "verifications")
        faces = _faces(2 * SAMPLES + 2 * SAMPLES + 2)

        def entered(number: int) -> None:
            gate.enter(tokens[number % TOGETHER], "verifications")

        def entered_alike(_: int) -> None:
            gate.enter(tokens[0], "verifications")

        def compared(number: int) -> None:
            gate.compare(grant, reference=[faces[2 * number]], probe=faces[2 * number + 1])

        def appended(size: int) -> Callable[[int], None]:
            def work(number: int) -> None:
                first = LARGE * size + number * size
                ledger.append_many([verdict(each) for each in range(first, first + size)])

            return work

        verdicts, answer = Verdicts(ledger), secrets.token_bytes(3000)

        def kept(_: int) -> None:
            name, purpose = secrets.token_hex(16), grant.purpose
            verdicts.keep(name, answer, purpose=purpose, subject=None, keep_for=timedelta(hours=24))

        found: dict[str, Any] = {
            "key": _timed(entered_alike, server),
            "look": _timed(lambda _: keys.get(grant.key), server),
            "key_row_per_s": _together(entered_alike),
            "key_rows_per_s": _together(entered),
        }
        compared(2 * SAMPLES)
        _fill(ledger)
        found["turn"] = _timed(compared, server)
        found["again"] = _timed(lambda _: compared(0), server)
        found["turn_per_s"] = _together(lambda number: compared(SAMPLES + number))
        found["comparison_bytes"] = (
            _bytes(ledger, "access_marks") + _bytes(ledger, "access_comparisons")
        ) / _count(ledger, tables.comparisons)
        sizes = {size: _timed(appended(size), server, 30 if size > 1 else SAMPLES) for size in SIZES}
        found["commit"] = sizes[1]
        first, *_, last = SIZES
        found["entry_ms"] = (_median(sizes[last]) - _median(sizes[first])) / (last - first)
        found |= _gathered(ledger)
        found["statement"] = _timed(lambda number: issue(ledger, number + TOGETHER + 2), server)
        found["keep"] = _timed(kept, server)
    return found


def _key(ledger: Ledger) -> tuple[Any, str]:
    limits: dict[str, Any] = {"rate_per_min": LARGE, "quota_per_day": LARGE}
    return Keys(ledger).create(purpose="benchmark", legal_basis="none", scopes=SCOPES, **limits)


def _faces(count: int) -> list[Template]:
    """Templates of different people, as far as marks can tell: random vectors of length 1."""
    vectors = np.random.default_rng(7).normal(size=(count, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [Template(vector, "sface", "made for a benchmark") for vector in vectors]


def _timed(
    work: Callable[[int], object], server: Callable[[], float], count: int = SAMPLES
) -> dict[str, Any]:
    """How long something takes that is done again and again, alone."""
    seen: Counter[str] = Counter()

    def listen(*_: object) -> None:
        seen["statements"] += 1

    work(0)
    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        times, served, begun = [], server(), time.thread_time()
        for number in range(1, count):
            start_ = time.perf_counter()
            work(number)
            times.append(1000 * (time.perf_counter() - start_))
        cpu, served = time.thread_time() - begun, server() - served
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    return {
        "ms": in_order(times),
        "cpu_ms": 1000 * cpu / len(times),
        "server_ms": 1000 * served / len(times),
        "statements": seen["statements"] / len(times),
    }


def in_order(times: list[float]) -> list[float]:
    """A hundred of some times, evenly among them in order: how they are spread, in few numbers."""
    ordered = sorted(times)
    places = ((2 * number + 1) * len(ordered) // 200 for number in range(100))
    return [round(ordered[place], 3) for place in places]


def _median(step: dict[str, Any]) -> float:
    return float(statistics.median(step["ms"]))


def _together(work: Callable[[int], object]) -> float:
    """How many a second, where several threads want the same."""
    start_ = time.perf_counter()
    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(work, range(SAMPLES)))
    return SAMPLES / (time.perf_counter() - start_)


def _fill(ledger: Ledger) -> None:
    """Let the window hold many comparisons."""
    random = np.random.default_rng(9)
    now = time.time_ns() // 1000
    with ledger.storage.writing() as connection:
        number = connection.execute(sa.select(sa.func.max(tables.windows.c.number))).scalar()
        ids = range(LARGE, LARGE + FILLED)
        compared: list[tuple[Any, ...]] = [(each, number, "another", now, each, each) for each in ids]
        marks = random.integers(0, 2**63 - 1, (FILLED, MARKS)).tolist()
        marked: list[tuple[Any, ...]] = [
            (number, mark, each) for each, own in zip(ids, marks, strict=True) for mark in own
        ]
        names = (
            "access_comparisons (id, number, key, at, reference, probe)",
            "access_marks (number, mark, comparison)",
        )
        for name, rows in zip(names, (compared, marked), strict=True):
            if ledger.storage.kind == "sqlite":
                places = ", ".join("?" * len(rows[0]))
                connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({places})", rows)
                continue
            raw = connection.connection.driver_connection
            assert raw is not None
            with raw.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        if ledger.storage.kind == "postgresql":
            connection.exec_driver_sql("ANALYZE")  # as its autovacuum does after a while


def _gathered(ledger: Ledger) -> dict[str, float]:
    """Commits that many threads share."""
    from visavis.ledger.tables import checkpoints

    before, count = _count(ledger, checkpoints), 10 * SAMPLES
    per_s = append(ledger, count, GATHERED)
    return {"gathered_per_s": per_s, "gathered": count / (_count(ledger, checkpoints) - before)}


def _count(ledger: Ledger, table: Any) -> int:
    with ledger.storage.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _bytes(ledger: Ledger, begins: str) -> int:
    """Bytes of tables whose names begin like this, with their indices."""
    query = (
        "SELECT SUM(pgsize) FROM dbstat JOIN sqlite_master USING (name) WHERE tbl_name LIKE :begins"
        if ledger.storage.kind == "sqlite"
        else "SELECT SUM(pg_total_relation_size(oid)) FROM pg_class "
        "WHERE relkind = 'r' AND relname LIKE :begins"
    )
    with ledger.storage.reading() as connection:
        return int(connection.execute(sa.text(query), {"begins": f"{begins}%"}).scalar_one())


# The service


class Others:
    """What other programs take of this machine's cores while a service runs."""

    def __init__(self, running: Service) -> None:
        self._running = running
        self._before = self._state()

    def cores(self) -> float:
        """Since the beginning, on average; without the service and its callers."""
        time_s, busy_s = (now - then for now, then in zip(self._state(), self._before, strict=True))
        return max(0.0, busy_s / time_s)

    def _state(self) -> tuple[float, float]:
        whole, children = psutil.cpu_times(), os.times()
        busy = sum(whole) - whole.idle - getattr(whole, "iowait", 0.0) - getattr(whole, "guest", 0.0)
        callers = children.children_user + children.children_system
        return time.perf_counter(), busy - callers - self._running.cpu_s()


def service(
    where: str, pair: tuple[bytes, bytes], seconds: float, server: Callable[[], float]
) -> dict[str, Any]:
    """A service under load: what it sustains, what a verification costs, how long it takes at half load."""
    callers = 2 * available_cores()
    with tempfile.TemporaryDirectory() as folder:
        running = Service(where, Path(folder), pair)
        try:
            running.seen(callers, WARM_S)
            served, cpu = server(), running.cpu_s()
            others = Others(running)
            loads = [running.seen(callers, seconds / TURNS) for _ in range(TURNS)]
            taken = others.cores() + statistics.median(load.cores for load in loads)
            served, cpu = server() - served, running.cpu_s() - cpu
            count = sum(len(load.seconds[200]) for load in loads)
            per_s = statistics.median(TURNS * len(load.seconds[200]) / seconds for load in loads)
            others = Others(running)
            half = running.seen(callers, seconds, per_s / 2)
            taken_half = others.cores() + half.cores
        finally:
            running.end()
    p50, p99 = quantiles(half.seconds[200])
    with Ledger.open(where) as ledger:
        entries = ledger.state().size
        stored = {
            # PostgreSQL keeps each state of a tile until it is vacuumed: a tile counts as what it holds.
            "entry_bytes": (_bytes(ledger, "ledger_") - _bytes(ledger, "ledger_tiles")) / entries
            + TILE_BYTES,
            "answer_bytes": _bytes(ledger, "access_verdicts") / _count(ledger, tables.verdicts),
        }
    return {
        "per_s": per_s,
        "cpu_ms": 1000 * cpu / count,
        "server_ms": 1000 * served / count,
        "taken_cores": taken,
        "taken_cores_half": taken_half,
        "half_ms": [1000 * p50, 1000 * p99],
        "half_refused": 1 - len(half.seconds[200]) / sum(half.statuses.values()),
        **stored,
    }


def of_process(pid: int) -> float:
    """Processor time of a process and those that it started, in seconds."""
    whole = psutil.Process(pid)
    total = 0.0
    for each in (whole, *whole.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(each.cpu_times()[:2])
    return total


@contextlib.contextmanager
def databases() -> Iterator[dict[str, tuple[Callable[[], str], Callable[[], float]]]]:
    """By its kind: what makes a new database, and what tells its server's processor time.

    PostgreSQL is a private server as the tests start it, where it is installed.
    """
    from tests.databases import binaries, private_postgresql

    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        made: dict[str, tuple[Callable[[], str], Callable[[], float]]] = {}
        made["sqlite"] = (lambda: _keyed(str(folder / f"{secrets.token_hex(4)}.sqlite"), folder), lambda: 0.0)
        if binaries() is not None:
            server = stack.enter_context(private_postgresql())
            pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])

            def new() -> str:
                where = _keyed(server.new(), folder)
                prepare(where)
                return where

            made["postgresql"] = new, lambda: of_process(pid)
        yield made


def _keyed(where: str, folder: Path) -> str:
    """The same, with a key file of its own."""
    os.environ["VISAVIS_LEDGER_KEY"] = str(folder / f"{secrets.token_hex(4)}.key")
    return where


def measured(pair: tuple[bytes, bytes], seconds: float) -> dict[str, Any]:
    """All of it."""
    os.environ.pop("VISAVIS_LEDGER", None)
    found: dict[str, Any] = {"library": library(pair), "databases": {}}
    with databases() as made:
        for kind, (new, server) in made.items():
            found["databases"][kind] = {
                **database(new(), server),
                "service": service(new(), pair, seconds, server),
            }
    return found
