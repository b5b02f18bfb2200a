"""The service over loopback beside the library: verifications a second, waiting times, overload, memory.

    python benchmarks/service.py --seconds 30 --memory 100000

The client is a process of its own with as many connections as there are callers; it takes a little of the
cores that it measures. The library is measured in as many threads of this process as the service has engines.
Waiting times are told at half of what the service sustains, with requests that come at random times; overload
is ten times what it sustains. Memory is that of the service's process, over requests with small pictures
without a face, which go the whole way to the ledger and take little time.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
from PIL import Image

from common import machine
from visavis.access.keys import SCOPES, Keys
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify
from visavis.packs.install import fetch_demo_pictures
from visavis.packs.runtime import available_cores
from visavis.verifier import Verifier

SHARE, P99_TIMES, OVERLOAD_TIMES, REFUSAL_MS, GROWTH_MB = 0.8, 3.0, 5.0, 50.0, 20.0
"""What it is to reach: share of the library's rate; p99 by the median at half load; slowest accepted request
at ten times the load by the unloaded median; how soon a refusal comes; how much memory grows."""


@dataclass
class Seen:
    """What a client saw."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    indices: list[int] = field(default_factory=list)
    lost: int = 0

    def add(self, status: int, seconds: float, index: int | None) -> None:
        """An answer came."""
        self.seconds.setdefault(status, []).append(seconds)
        if index is not None:
            self.indices.append(index)

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers had each status."""
        return {status: len(times) for status, times in sorted(self.seconds.items())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--memory", type=int, default=2000, help="requests over which memory is watched")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    print(machine())
    pair = pictures()
    engines = available_cores()
    library = library_rate(pair, engines, arguments.seconds)
    print(f"library, {engines} threads      {library:8.1f} verifications a second")
    with tempfile.TemporaryDirectory() as folder:
        figures = service_figures(Path(folder), pair, library, engines, arguments)
    if arguments.figures:
        told = {"machine": machine(), "engines": engines, "library_per_s": library, **figures}
        arguments.figures.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def pictures() -> tuple[bytes, bytes]:
    found = fetch_demo_pictures()
    return found["obama.jpg"], found["obama2.jpg"]


def library_rate(pair: tuple[bytes, bytes], threads: int, seconds: float) -> float:
    """Verifications a second of one Verifier with as many threads as the service has engines."""
    verifier = Verifier("sface", threads=1)
    verifier.verify(*pair)
    done, end = Counter[int](), time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < end:
            verifier.verify(*pair)
            done[number] += 1

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    return done.total() / (time.perf_counter() - start)


def service_figures(
    folder: Path, pair: tuple[bytes, bytes], library: float, engines: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    database = folder / "service.sqlite"
    with Ledger.open(database) as ledger:
        token = Keys(ledger).create(
            purpose="benchmark", legal_basis="none", scopes=SCOPES, rate_per_min=10**6, quota_per_day=10**8
        )[1]
    process, address = start(database, folder / "log", arguments.workers)
    try:
        alone = run(address, token, pair, callers=1, seconds=arguments.seconds / 2)
        unloaded = statistics.median(alone.seconds[200])
        full = run(address, token, pair, callers=2 * engines, seconds=arguments.seconds)
        rate = len(full.seconds[200]) / arguments.seconds
        share = rate / library
        print(f"service                 {rate:8.1f}          {share:.0%} of it; to reach {SHARE:.0%}")
        half = run(address, token, pair, callers=4 * engines, seconds=arguments.seconds, per_second=rate / 2)
        p50, p99 = quantiles(half.seconds[200])
        print(
            f"at half load            {p50 * 1000:8.0f} ms median, {p99 * 1000:.0f} ms p99, "
            f"{p99 / p50:.1f} times; to reach {P99_TIMES:g}"
        )
        over = run(
            address, token, pair, callers=30 * engines, seconds=arguments.seconds, per_second=10 * rate
        )
        slowest = max(over.seconds[200])
        refused = sorted(over.seconds.get(429, [0.0]))
        late = refused[int(0.99 * (len(refused) - 1))] * 1000
        print(
            f"at ten times the load   {len(over.seconds[200]) / arguments.seconds:8.1f} answered a second, "
            f"the slowest in {slowest * 1000:.0f} ms, {slowest / unloaded:.1f} times the unloaded median "
            f"({unloaded * 1000:.0f} ms); to reach {OVERLOAD_TIMES:g}"
        )
        print(
            f"                        refusals: median {statistics.median(refused) * 1000:.0f} ms, "
            f"p99 {late:.0f} ms; to reach {REFUSAL_MS:g} ms; answers {over.statuses}, lost {over.lost}"
        )
        growth = memory_growth(process, address, token, arguments.memory)
        print(
            f"memory                  {growth:8.1f} MB more after {arguments.memory} requests; "
            f"to reach less than {GROWTH_MB:g}"
        )
        acknowledged = [*alone.indices, *full.indices, *half.indices, *over.indices]
    finally:
        process.terminate()
        process.wait(60)
    with Ledger.open(database) as ledger:
        assert ledger.key is not None
        whole = verify(ledger, key=ledger.key.verifier).sound
        size = ledger.state().size
    nothing_lost = len(set(acknowledged)) == len(acknowledged) and max(acknowledged) < size
    print(
        f"ledger                  {'sound' if whole else 'NOT SOUND'}, {size} entries, "
        f"{'every answer in it' if nothing_lost else 'ANSWERS MISSING'}"
    )
    return {
        "service_per_s": rate,
        "share": share,
        "half_load_ms": [p50 * 1000, p99 * 1000],
        "unloaded_ms": unloaded * 1000,
        "overload_slowest_ms": slowest * 1000,
        "refusal_p99_ms": late,
        "overload_statuses": over.statuses,
        "memory_growth_mb": growth,
        "memory_requests": arguments.memory,
        "ledger_sound": whole and nothing_lost,
    }


def start(database: Path, log: Path, workers: int) -> tuple[subprocess.Popen[bytes], str]:
    """A service, and its address once it is ready."""
    command = [sys.executable, "-m", "visavis", "serve", "--port", "0", "--workers", str(workers)]
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


def run(
    address: str,
    token: str,
    pair: tuple[bytes, bytes],
    *,
    callers: int,
    seconds: float,
    per_second: float | None = None,
) -> Seen:
    """What callers in another process see; they ask at random times where a rate is given, else at once."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(client, (address, token, pair, callers, seconds, per_second))


def client(
    address: str,
    token: str,
    pair: tuple[bytes, bytes],
    callers: int,
    seconds: float,
    per_second: float | None,
) -> Seen:
    seen, lock = Seen(), threading.Lock()
    chance = random.Random(5)
    body, content_type = form({"reference": pair[0], "probe": pair[1]})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    # To make a client takes more time than to use one; none is made while anything is measured.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    clients = [httpx2.Client(timeout=60, trust_env=False, verify=context) for _ in range(callers)]
    begin = time.perf_counter() + 0.5
    times: list[float] = []
    if per_second is not None:
        at = begin
        while at < begin + seconds:
            times.append(at)
            at += chance.expovariate(per_second)
        times.reverse()

    def call(http: httpx2.Client) -> None:
        with http:
            while True:
                if per_second is not None:
                    with lock:
                        if not times:
                            return
                        due = times.pop()
                    time.sleep(max(0.0, due - time.perf_counter()))
                elif time.perf_counter() > begin + seconds:
                    return
                start = time.perf_counter()
                try:
                    answer = http.post(f"{address}/v1/verifications", content=body, headers=headers)
                except httpx2.TransportError:
                    with lock:
                        seen.lost += 1
                    continue
                took = time.perf_counter() - start
                index = answer.json()["ledger"]["index"] if answer.status_code == 200 else None
                with lock:
                    seen.add(answer.status_code, took, index)

    threads = [threading.Thread(target=call, args=(http,)) for http in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def form(files: dict[str, bytes]) -> tuple[bytes, str]:
    """A form, made once."""
    request = httpx2.Request("POST", "http://here", files=files)
    return request.read(), request.headers["content-type"]


def quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))]


def memory_growth(process: subprocess.Popen[bytes], address: str, token: str, count: int) -> float:
    """MB that the process holds more after so many requests than after the first tenth of them."""
    to = io.BytesIO()
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(to, "JPEG")
    body, content_type = form({"reference": to.getvalue(), "probe": to.getvalue()})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    whole = psutil.Process(process.pid)

    def held() -> float:
        return sum(each.memory_info().rss for each in (whole, *whole.children(recursive=True))) / 1e6

    def ask(number: int) -> None:
        with httpx2.Client(timeout=60, trust_env=False) as http:
            for _ in range(number):
                http.post(f"{address}/v1/verifications", content=body, headers=headers)

    def ask_all(number: int) -> None:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(ask, [number // 4] * 4))

    ask_all(max(count // 10, 400))
    before = held()
    ask_all(count)
    return held() - before


if __name__ == "__main__":
    main()
