"""Kill the service under load, again and again: every acknowledged verdict must be in the ledger.

    python benchmarks/soak_kill.py --kills 1000

Each round starts the service, lets some callers ask, kills it (SIGKILL) at a random moment after the first
answer, and looks each answer up that a caller has got. At the end the whole ledger is verified.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import psutil

from common import machine
from service import form, pictures, start
from visavis.access.keys import SCOPES, Keys
from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    print(machine())
    chance = random.Random(11)
    body = form(dict(zip(("reference", "probe"), pictures(), strict=True)))
    acknowledged: set[int] = set()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "service.sqlite"
        with Ledger.open(database) as ledger:
            token = Keys(ledger).create(
                purpose="soak", legal_basis="none", scopes=SCOPES, rate_per_min=10**6, quota_per_day=10**8
            )[1]
        begin = time.perf_counter()
        for kill in range(1, arguments.kills + 1):
            answers = one_round(database, Path(folder) / "log", token, body, chance, arguments)
            look_up(database, answers)
            indices = [answer["ledger"]["index"] for answer in answers]
            if len(acknowledged.union(indices)) != len(acknowledged) + len(indices):
                raise SystemExit("two acknowledged verdicts have one place in the ledger")
            acknowledged.update(indices)
            if kill % 10 == 0 or kill == arguments.kills:
                seconds = time.perf_counter() - begin
                print(
                    f"{kill} kills, {len(acknowledged)} acknowledged verdicts, none missing, {seconds:.0f} s"
                )
        with Ledger.open(database) as ledger:
            assert ledger.key is not None
            report = verify(ledger, key=ledger.key.verifier)
    if len(acknowledged) < arguments.kills:
        raise SystemExit("too few verdicts were acknowledged for this to say anything")
    if not report.sound:
        raise SystemExit(f"THE LEDGER IS NOT SOUND: {report}")
    print("the ledger is sound")


def one_round(
    database: Path,
    log: Path,
    token: str,
    body: tuple[bytes, str],
    chance: random.Random,
    arguments: argparse.Namespace,
) -> list[dict[str, Any]]:
    """What callers got until the service was killed."""
    process, address = start(database, log, arguments.workers)
    answers: list[dict[str, Any]] = []
    headers = {"Authorization": f"Bearer {token}", "Content-Type": body[1]}

    def ask() -> None:
        with httpx2.Client(timeout=30, trust_env=False) as http:
            while True:
                try:
                    answer = http.post(f"{address}/v1/verifications", content=body[0], headers=headers)
                except httpx2.TransportError:
                    return
                if answer.status_code == 200:
                    answers.append(answer.json())

    threads = [threading.Thread(target=ask) for _ in range(arguments.callers)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 30
    while not answers and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(chance.uniform(0.0, 0.5))
    several = psutil.Process(process.pid)
    for each in (several, *several.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait(30)
    for thread in threads:
        thread.join()
    return answers


def look_up(database: Path, answers: list[dict[str, Any]]) -> None:
    """Find each answer's entry."""
    with Ledger.open(database) as ledger:
        for answer in answers:
            entry = Entry.parse(ledger.leaf(answer["ledger"]["index"]))
            if (entry.kind, entry.decision) != ("verdict", answer["verdict"]["decision"]):
                raise SystemExit(f"an acknowledged verdict is missing: {answer['ledger']}")


if __name__ == "__main__":
    main()
