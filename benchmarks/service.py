"""The service over loopback beside the library: verifications a second, waiting times, overload, memory.

    python benchmarks/service.py --seconds 30 --memory 100000

The library is measured in as many threads of this process as the service has engines, by turns with the
service, so that a machine that slows down slows both; the share is the median of the turns. What one
verification costs in processor time is told beside it: other programs on the machine hardly change that. The
callers (`callers.py`) are a process of their own, and how much of a core they took is told too.

Waiting times are told at half of what the service sustains, with requests that come at random times; overload
is ten times what it sustains. Both are counted from when a request was due. Memory is that of the service's
processes, over requests with small pictures without a face, which go the whole way to the ledger and take
little time. All verifications are of the same two photographs.

With `--workers 2` the service has two processes that share the cores, in place of threads in one. With
`--door` the same is asked through a door, with pictures as programs that come to it send them; that every
answer is in the ledger is then told by counting, where the answers don't say where they stand.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
from PIL import Image

from callers import Load, Seen, seen
from common import machine
from questions import OK, WAYS
from visavis.access.keys import SCOPES, Keys
from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify
from visavis.packs.install import fetch_demo_pictures
from visavis.packs.runtime import available_cores
from visavis.verifier import Verifier

SHARE, P99_TIMES, OVERLOAD_TIMES, REFUSAL_MS, GROWTH_MB = 0.8, 3.0, 5.0, 50.0, 20.0
"""What it is to reach: share of the library's rate; p99 by the median at half load; slowest accepted request
at ten times the load by the unloaded median; how soon a refusal comes; how much memory grows."""
TURNS = 3
WARM_S = 2.0
LONG_S = 24 * 3600.0

COMPREFACE = """\
CompreFace              publishes scripts for load tests and no results (exadel-inc/CompreFace: docs/,
                        load-tests/, embedding-calculator/README.md), so nothing can stand beside these
                        figures. The one that a maintainer gives, in issue 980, is less than 300 ms on four
                        cores for a search among 50,000 stored faces, which isn't a verification."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to.

    Attributes:
        per_s: Verifications a second.
        cpu_ms: Processor time of one.
    """

    per_s: float
    cpu_ms: float


class Service:
    """A service of its own, and what was seen of it."""

    def __init__(
        self,
        database: Path | str,
        folder: Path,
        pair: tuple[bytes, bytes],
        *,
        workers: int = 1,
        way: str = "native",
    ) -> None:
        self.database, self.way = database, way
        with Ledger.open(self.database) as ledger:
            self.token = Keys(ledger).create(
                purpose="benchmark",
                legal_basis="none",
                scopes=SCOPES,
                rate_per_min=10**6,
                quota_per_day=10**8,
            )[1]
        self.process, self.address = start(self.database, folder / "log", workers, WAYS[way].doors)
        self.indices: list[int] = []
        self.answered = 0
        self._question = WAYS[way].ask(self.token, *pair)

    def seen(self, callers: int, seconds: float, per_second: float | None = None) -> Seen:
        """What callers see of verifications."""
        return self._seen(Load(self.address, self._question, self.way, callers, seconds, per_second))

    def _seen(self, load: Load) -> Seen:
        found = seen(load)
        self.indices += found.indices
        self.answered += len(found.seconds.get(OK, ()))
        return found

    def turn(self, callers: int, seconds: float) -> Turn:
        """What it sustains."""
        cpu = self.cpu_s()
        count = len(self.seen(callers, seconds).seconds[200])
        return Turn(count / seconds, 1000 * (self.cpu_s() - cpu) / count)

    def cpu_s(self) -> float:
        """Processor time that its processes took so far."""
        return sum(sum(each.cpu_times()[:2]) for each in self._processes())

    def held_mb(self) -> float:
        """MB that its processes hold."""
        return sum(each.memory_info().rss for each in self._processes()) / 1e6

    def growth(self, count: int) -> tuple[float, dict[int, int]]:
        """MB that it holds more after so many requests than after a tenth of them, and the answers."""
        to = io.BytesIO()
        Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(to, "JPEG")
        question = WAYS[self.way].ask(self.token, to.getvalue(), to.getvalue())

        def ask(most: int) -> dict[int, int]:
            found = self._seen(Load(self.address, question, self.way, callers=2, seconds=LONG_S, most=most))
            if found.lost:
                raise SystemExit(f"{found.lost} were lost; answers {found.statuses}")
            return found.statuses

        ask(max(count // 10, 400))
        before = self.held_mb()
        answers = ask(count)
        return self.held_mb() - before, answers

    def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(60)

    def _processes(self) -> list[psutil.Process]:
        whole = psutil.Process(self.process.pid)
        return [whole, *whole.children(recursive=True)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--memory", type=int, default=2000, help="requests over which memory is watched")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--door", choices=sorted(set(WAYS) - {"native"}), help="ask through this one")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    print(machine())
    way = arguments.door or "native"
    one, other = map(WAYS[way].encoded, pictures())
    pair, engines = (one, other), available_cores()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "service.sqlite"
        service = Service(database, Path(folder), pair, workers=arguments.workers, way=way)
        try:
            figures = sustained(service, pair, engines, arguments.seconds)
            figures |= waiting(service, engines, arguments.seconds, figures["service_per_s"])
            figures |= memory(service, arguments.memory)
        finally:
            service.end()
        figures |= recorded(service)
    print(COMPREFACE)
    if arguments.figures:
        told = {"machine": machine(), "engines": engines, "workers": arguments.workers, "way": way, **figures}
        arguments.figures.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def pictures() -> tuple[bytes, bytes]:
    found = fetch_demo_pictures()
    return found["obama.jpg"], found["obama2.jpg"]


def sustained(service: Service, pair: tuple[bytes, bytes], engines: int, seconds: float) -> dict[str, Any]:
    """Library and service by turns."""
    verifier = Verifier("sface", threads=1)
    verifier.verify(*pair)
    service.seen(2 * engines, WARM_S)
    turns = [
        (
            library_turn(verifier, pair, engines, seconds / TURNS),
            service.turn(2 * engines, seconds / TURNS),
        )
        for _ in range(TURNS)
    ]
    library, ours = (
        Turn(statistics.median(turn.per_s for turn in each), statistics.median(turn.cpu_ms for turn in each))
        for each in zip(*turns, strict=True)
    )
    share = statistics.median(its.per_s / of_library.per_s for of_library, its in turns)
    print(
        f"library, {engines} threads      {library.per_s:8.1f} verifications a second, "
        f"{library.cpu_ms:.1f} ms of a core each\n"
        f"service                 {ours.per_s:8.1f}, {ours.cpu_ms:.1f} ms of a core each; "
        f"{share:.0%} of the library's rate; to reach {SHARE:.0%}; "
        f"by processor time {library.cpu_ms / ours.cpu_ms:.0%}"
    )
    return {
        "library_per_s": library.per_s,
        "library_cpu_ms": library.cpu_ms,
        "service_per_s": ours.per_s,
        "service_cpu_ms": ours.cpu_ms,
        "share": share,
    }


def library_turn(verifier: Verifier, pair: tuple[bytes, bytes], threads: int, seconds: float) -> Turn:
    """One Verifier with as many threads as the service has engines."""
    done, end = Counter[int](), time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < end:
            verifier.verify(*pair)
            done[number] += 1

    start, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    count = done.total()
    return Turn(count / (time.perf_counter() - start), 1000 * (time.process_time() - cpu) / count)


def waiting(service: Service, engines: int, seconds: float, rate: float) -> dict[str, Any]:
    """How long requests take: alone, at half load, at ten times the load."""
    unloaded = statistics.median(service.seen(1, seconds / 2).seconds[200])
    half = service.seen(2 * engines, seconds, rate / 2)
    p50, p99 = quantiles(half.seconds[200])
    print(
        f"at half load            {p50 * 1000:8.0f} ms median, {p99 * 1000:.0f} ms p99, "
        f"{p99 / p50:.1f} times; to reach {P99_TIMES:g}; answers {half.statuses}, lost {half.lost}"
    )
    over = service.seen(2 * engines, seconds, 10 * rate)
    slowest = max(over.seconds[200])
    refused = quantiles(over.seconds.get(429, [0.0]))
    print(
        f"at ten times the load   {len(over.seconds[200]) / seconds:8.1f} answered a second, "
        f"the slowest in {slowest * 1000:.0f} ms, {slowest / unloaded:.1f} times the unloaded median "
        f"({unloaded * 1000:.0f} ms); to reach {OVERLOAD_TIMES:g}\n"
        f"                        refusals: median {refused[0] * 1000:.0f} ms, "
        f"p99 {refused[1] * 1000:.0f} ms; to reach {REFUSAL_MS:g} ms; answers {over.statuses}, "
        f"lost {over.lost}\n"
        f"                        the callers took {over.cores:.2f} of a core, and sent "
        f"{quantiles(over.late)[1] * 1000:.0f} ms late at p99"
    )
    return {
        "half_load_ms": [p50 * 1000, p99 * 1000],
        "half_load_statuses": half.statuses,
        "unloaded_ms": unloaded * 1000,
        "overload_per_s": len(over.seconds[200]) / seconds,
        "overload_slowest_ms": slowest * 1000,
        "refusal_p99_ms": refused[1] * 1000,
        "overload_statuses": over.statuses,
        "overload_lost": over.lost,
        "callers_cores": over.cores,
    }


def memory(service: Service, count: int) -> dict[str, Any]:
    growth, answers = service.growth(count)
    print(
        f"memory                  {growth:8.1f} MB more after {count} requests, answers {answers}; "
        f"to reach less than {GROWTH_MB:g}"
    )
    return {"memory_growth_mb": growth, "memory_requests": count, "memory_statuses": answers}


def recorded(service: Service) -> dict[str, Any]:
    """Whether every answer is in the ledger."""
    with Ledger.open(service.database) as ledger:
        assert ledger.key is not None
        whole = verify(ledger, key=ledger.key.verifier).sound
        size = ledger.state().size
        verdicts = sum(1 for _, leaf in ledger.leaves() if Entry.parse(leaf).kind == "verdict")
    indices = service.indices
    each_its_own = len(set(indices)) == len(indices) and max(indices, default=0) < size
    nothing_lost = each_its_own and verdicts >= service.answered
    print(
        f"ledger                  {'sound' if whole else 'NOT SOUND'}, {size} entries, "
        f"{'every answer in it' if nothing_lost else 'ANSWERS MISSING'}"
    )
    return {"ledger_sound": whole and nothing_lost}


def start(
    database: Path | str, log: Path, workers: int, doors: tuple[str, ...] = ()
) -> tuple[subprocess.Popen[bytes], str]:
    """A service, and its address once it is ready."""
    command = [sys.executable, "-m", "visavis", "serve", "--port", "0", "--workers", str(workers)]
    command += [word for door in doors for word in ("--door", door)]
    with log.open("wb") as file:
        process = subprocess.Popen([*command, "--database", str(database)], stderr=file, stdout=file)
    for _ in range(1200):
        if found := re.search(r"http://[0-9.]+:[0-9]+", log.read_text()):
            try:
                ready = httpx2.get(f"{found[0]}/v1/health/ready", timeout=5, trust_env=False)
            except httpx2.TransportError:
                ready = None
            if ready is not None and ready.is_success:
                return process, found[0]
        if process.poll() is not None:
            raise SystemExit(log.read_text())
        time.sleep(0.05)
    raise SystemExit("the service doesn't start")


def quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))]


if __name__ == "__main__":
    main()
