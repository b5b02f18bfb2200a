"""What a door costs over the native call: milliseconds, alternating, on the same two pictures.

    python benchmarks/doors.py --door facepp --count 200

The application runs in this process, with one engine and the settings that a service has by default; the
native call and the door's come by turns, so that a machine that slows down slows both. Told is the median of
the paired differences, with a 95 % interval by drawing pairs anew.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from starlette.testclient import TestClient  # noqa: E402

from common import machine  # noqa: E402
from questions import OK, WAYS, Way  # noqa: E402
from visavis.access.keys import SCOPES, Keys  # noqa: E402
from visavis.packs.install import fetch_demo_pictures  # noqa: E402
from visavis.service.app import create_app  # noqa: E402
from visavis.service.config import Config  # noqa: E402
from visavis.service.service import Service  # noqa: E402

MOST_MS = 3.0
"""What it is to reach."""
REPLICATES = 2000
WARM = 5

Call = Callable[[], None]
Took = tuple[float, float]
"""Milliseconds of wall clock and of all threads' processor time."""


def calling(client: TestClient, way: Way, token: str, pair: tuple[bytes, bytes]) -> Call:
    """The question asked one way."""
    question = way.ask(token, *pair)

    def call() -> None:
        answer = client.post(question.path, headers=question.headers, content=question.body)
        told = way.told(answer.status_code, answer.content)
        assert told.status == OK, answer.text
        assert told.decision != "inconclusive", answer.text

    return call


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--door", choices=sorted(set(WAYS) - {"native"}), required=True)
    parser.add_argument("--count", type=int, default=200, help="how many pairs of calls")
    options = parser.parse_args()
    print(machine())
    found = fetch_demo_pictures()
    native, way = WAYS["native"], WAYS[options.door]
    pair = way.encoded(found["obama.jpg"]), way.encoded(found["obama2.jpg"])
    with tempfile.TemporaryDirectory() as folder:
        service = Service.start(Config(database=f"{folder}/doors.sqlite", doors=way.doors, engines=1))
        token = Keys(service.ledger).create(
            purpose="benchmark", legal_basis="none", scopes=SCOPES, rate_per_min=10**6, quota_per_day=10**8
        )[1]
        with TestClient(create_app(service)) as client:
            own, door = (calling(client, each, token, pair) for each in (native, way))
            both = alternating(own, door, count=options.count)
        service.ledger.close()
    for what, which in (("wall clock", 0), ("processor time", 1)):
        owns, doors = ([each[which] for each in times] for times in both)
        differences = [door - own for own, door in zip(owns, doors, strict=True)]
        low, high = interval(differences)
        median = statistics.median(differences)
        print(
            f"{what}: native call {statistics.median(owns):.2f} ms, door {options.door} "
            f"{statistics.median(doors):.2f} ms, medians of {len(owns)}; the door costs {median:.2f} ms "
            f"(95 % interval {low:.2f} to {high:.2f}); to reach {MOST_MS:g}"
        )
    return 0 if median <= MOST_MS else 1


def alternating(own: Call, door: Call, *, count: int) -> tuple[list[Took], list[Took]]:
    """What each call took, by turns; which comes first changes each time."""
    for _ in range(WARM):
        own()
        door()
    took: dict[Call, list[Took]] = {own: [], door: []}
    for number in range(count):
        for call in (own, door) if number % 2 else (door, own):
            took[call].append(timed(call))
    return took[own], took[door]


def timed(call: Call) -> Took:
    start, cpu = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - start) * 1000, (time.process_time() - cpu) * 1000


def interval(differences: list[float]) -> tuple[float, float]:
    """Of the median, 95 %, by drawing the differences anew."""
    rng = random.Random(1)
    medians = sorted(
        statistics.median(rng.choices(differences, k=len(differences))) for _ in range(REPLICATES)
    )
    return medians[round(0.025 * REPLICATES)], medians[round(0.975 * REPLICATES) - 1]


if __name__ == "__main__":
    sys.exit(main())
