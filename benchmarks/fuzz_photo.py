"""Mutated pictures through photo and detector: no crash, hang or exception but `PhotoError`, little memory.

    python benchmarks/fuzz_photo.py --count 100000
    python benchmarks/fuzz_photo.py --only 4711         # one mutation again, in this very process

Each mutation comes from its own number, so that a finding can be repeated. Workers are processes of their
own: one that dies of a signal or is silent for too long is counted, named by its number, and replaced.
"""

from __future__ import annotations

import argparse
import functools
import io
import multiprocessing
import os
import random
import resource
import struct
import sys
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.pictures import mutated, samples  # noqa: E402

from visavis.decision.policy import Policy  # noqa: E402
from visavis.errors import PhotoError  # noqa: E402
from visavis.examiner import Examiner  # noqa: E402
from visavis.packs.install import fetch_demo_pictures  # noqa: E402
from visavis.photo import Photo  # noqa: E402

GOOD = "decoded"
POLICY = Policy(faces="largest_central")
MAX_SECONDS = 2.0
MAX_MEGABYTES = 500
SECONDS_TO_START = 30.0  # to import and to draw


def base_pictures() -> list[bytes]:
    """Small ones, some with sides that are no multiples of a block, and some with a face."""
    drawn = [*samples(96, 96).values(), *samples(131, 77).values(), *samples(400, 300).values()]
    return [*drawn, *(_small(portrait) for portrait in fetch_demo_pictures().values())]


def _small(portrait: bytes) -> bytes:
    picture = Image.open(io.BytesIO(portrait))
    picture.thumbnail((240, 240))
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG")
    return encoded.getvalue()


def picture(number: int, bases: list[bytes]) -> bytes:
    rng = random.Random(number)
    return mutated(rng.choice(bases), rng.choice(bases), rng)


def examine(photo: Photo) -> None:
    """What is done with a mutated picture that still decodes."""
    photo.finer(1.0).pixels.sum()
    examiner().examine(photo, policy=POLICY)


@functools.cache
def examiner() -> Examiner:
    return Examiner(threads=1)


def own_mistake(error: PhotoError) -> str:
    """`Photo` calls any exception a damaged picture, but some can only come from an error of our own."""
    cause = error.__context__
    mistakes = (
        ArithmeticError,
        LookupError,
        AttributeError,
        NameError,
        TypeError,
        AssertionError,
        struct.error,
    )
    if cause is None or not isinstance(cause, mistakes):
        return ""
    where = traceback.extract_tb(cause.__traceback__)[-1]
    return f"{type(cause).__name__}: {cause}" if Path(where.filename).parent.name == "photo" else ""


def outcome(data: bytes) -> str:
    """``"decoded"``, the code of a `PhotoError`, or the type of any other exception."""
    try:
        examine(Photo.open(data))
    except PhotoError as error:
        if mistake := own_mistake(error):
            return mistake
        return error.code if "\n" not in str(error) else "a message of several lines"
    except Exception as error:  # noqa: BLE001  # these are what the script looks for
        return f"{type(error).__name__}: {error}"
    return GOOD


def work(results: Connection, first: int, step: int, last: int) -> None:
    """Every `step`-th mutation; sends number, outcome, seconds and the peak memory so far."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff prints what it dislikes
    warnings.simplefilter("error")
    bases = base_pictures()
    results.send((-1, "", 0.0, 0))  # ready
    for number in range(first, last, step):
        data = picture(number, bases)
        start = time.perf_counter()
        result = outcome(data)
        seconds = time.perf_counter() - start
        results.send((number, result, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


@dataclass
class Worker:
    """A process that can be replaced behind a mutation that it didn't survive."""

    step: int
    last: int
    number: int = 0
    since: float = 0.0
    process: SpawnProcess | None = None
    results: Connection | None = None

    def start(self, first: int) -> Connection:
        """Begin at a mutation; the results come through the connection."""
        context = multiprocessing.get_context("spawn")
        self.results, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=work, args=(theirs, first, self.step, self.last), daemon=True)
        self.process.start()
        theirs.close()
        self.number = first
        self.since = time.monotonic() + SECONDS_TO_START
        return self.results

    def end(self, *, kill: bool = False) -> int | None:
        """Wait for the process; its exit code."""
        assert self.process is not None
        assert self.results is not None
        if kill:
            self.process.kill()
        self.process.join()
        self.results.close()
        return self.process.exitcode


@dataclass
class Tally:
    """What came out, and what must not."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    worst: float = 0.0
    worst_number: int = 0
    peak: int = 0

    def add(self, number: int, result: str, seconds: float, memory: int) -> None:
        """Count one examined mutation."""
        self.outcomes[result] += 1
        if result != GOOD and not result.startswith("photo."):
            self.findings.append(f"{number}: {result}")
        if seconds > MAX_SECONDS:
            self.findings.append(f"{number}: took {seconds:.1f} s")
        if memory > max(self.peak, MAX_MEGABYTES):
            self.findings.append(f"{number}: {memory} MB")
        self.peak = max(self.peak, memory)
        if seconds > self.worst:
            self.worst, self.worst_number = seconds, number

    def lost(self, number: int, how: str) -> None:
        """Count one that its worker didn't survive."""
        self.outcomes[how] += 1
        self.findings.append(f"{number}: {how}")

    def print(self) -> None:
        """The counts, the extremes and the first findings."""
        for name, times in self.outcomes.most_common():
            print(f"{times:8} {name}")
        print(f"worst {self.worst * 1e3:.0f} ms ({self.worst_number}), peak {self.peak} MB")
        print("\n".join(self.findings[:50]) or "nothing found")


def run(first: int, count: int, jobs: int) -> Tally:
    """All mutations, on so many workers."""
    tally = Tally()
    last = first + count
    at_work: dict[Connection, Worker] = {}

    def start(worker: Worker, number: int) -> None:
        if number < last:
            at_work[worker.start(number)] = worker

    for index in range(jobs):
        start(Worker(jobs, last), first + index)
    while at_work:
        ready = wait(list(at_work), timeout=0.2)
        for pipe, worker in list(at_work.items()):
            if pipe in ready:
                try:
                    number, *result = pipe.recv()
                except EOFError:
                    del at_work[pipe]
                    if code := worker.end():
                        tally.lost(worker.number, f"crash with exit code {code}")
                        start(worker, worker.number + jobs)
                    continue
                worker.since = time.monotonic()
                if number >= 0:
                    worker.number = number + jobs
                    tally.add(number, *result)
            elif time.monotonic() - worker.since > MAX_SECONDS + 1:
                del at_work[pipe]
                worker.end(kill=True)
                tally.lost(worker.number, "hang")
                start(worker, worker.number + jobs)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="how many mutations")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="worker processes")
    parser.add_argument("--only", type=int, help="repeat this one here and print its outcome")
    options = parser.parse_args()
    if options.only is not None:
        data = picture(options.only, base_pictures())
        print(f"{len(data)} bytes, {data[:16]!r}: {outcome(data)}")
        return 0
    began = time.monotonic()
    tally = run(options.first, options.count, options.jobs)
    tally.print()
    print(f"{options.count / (time.monotonic() - began):.0f} mutations a second")
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
