"""A batch on Ray beside the same batch without, a node that dies in the middle, and what one recorder can do.

    python benchmarks/cluster.py FOLDER
    python benchmarks/cluster.py FOLDER --rounds 5 --record 20000 --kill-node

FOLDER holds one folder for each person with that person's pictures, as for `benchmarks/batch.py`. On one
machine, in turns, a batch with processes of its own and one with a Ray that is started for it, on the same
pairs and as many engines; rates are taken from the first tenth of the rows on, so that neither the start of
Ray nor the loading of packs counts. Rows of both have to be the same in all that they say.

`--kill-node` starts a cluster of a head and two nodes with half of the engines each, kills one of them
with all that runs on it at half of the rows, and compares once more.

`--record` says how many rows a second can be let through, recorded and written where engines take no time at
all: that is what one recorder leaves to a cluster. Each row is of two people whom nobody has met.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pyarrow.dataset as ds

from batch import pairs_of, sound, table
from common import machine
from visavis.batch.rows import Claim
from visavis.batch.run import cluster, local, run
from visavis.batch.work import Answer, Answers, Setup, Task, Worker
from visavis.faces.recognise import Template
from visavis.packs.runtime import available_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from visavis.batch.engine import Engine

SHARE = 0.85
"""What it is to reach: share of the rate without Ray."""
NODES = 2
SMALL = {"object_store_memory": 100 * 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", default="sface")
    parser.add_argument("--processes", type=int, default=available_cores())
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kill-node", action="store_true")
    parser.add_argument("--record", type=int, default=0, metavar="ROWS")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    print(machine())
    pairs = pairs_of(arguments.folder)[: arguments.pairs]
    figures: dict[str, Any] = {"machine": machine(), "pack": arguments.pack, "processes": arguments.processes}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if arguments.rounds:
            figures |= speed(place, pairs, arguments)
        if arguments.kill_node:
            figures |= killed(place, pairs, arguments)
        if arguments.record:
            figures |= recorder(place, pairs[0], arguments)
    if arguments.figures:
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


class Clock:
    """When how many rows were done."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def __call__(self, done: int, _: int) -> None:
        """So many rows are done."""
        self.seen.append((time.perf_counter(), done))

    @property
    def rate(self) -> float:
        """Rows a second from the first tenth of them on."""
        end, total = self.seen[-1]
        start, done = next(each for each in self.seen if each[1] >= total / 10)
        return (total - done) / (end - start)

    @property
    def pause(self) -> float:
        """The longest time without a row, from the first tenth on."""
        late = [at for at, done in self.seen if done >= self.seen[-1][1] / 10]
        return max(after - before for before, after in pairwise(late))


def batch(
    place: Path, rows: Path, out: str, engine: Callable[[Setup], Engine], pack: str, clock: Clock
) -> list[dict[str, Any]]:
    """Run a batch with a ledger of its own; gives its rows."""
    run(str(rows), place / out, ledger=place / f"{out}.sqlite", pack=pack, engine=engine, progress=clock)
    found: list[dict[str, Any]] = ds.dataset(place / out / "results").to_table().sort_by("row").to_pylist()
    sound(place, out, len(found))
    return found


def speed(place: Path, pairs: list[tuple[str, str]], arguments: argparse.Namespace) -> dict[str, Any]:
    rows = table(place / "pairs.csv", pairs, len(pairs))
    engines = {"local": local(arguments.processes), "ray": cluster(None, arguments.processes)}
    rates: dict[str, list[float]] = {name: [] for name in engines}
    wanted: list[dict[str, Any]] = []
    for number in range(arguments.rounds):
        for name, engine in engines.items():
            clock = Clock()
            found = batch(place, rows, f"{name}-{number}", engine, arguments.pack, clock)
            wanted = wanted or found
            if found != wanted:
                raise SystemExit(f"ROWS DIFFER between the first batch and {name}, round {number + 1}")
            rates[name].append(clock.rate)
    both = [statistics.median(rates[name]) for name in engines]
    share = both[1] / both[0]
    each = statistics.median(ray / alone for alone, ray in zip(rates["local"], rates["ray"], strict=True))
    print(
        f"{len(pairs):,} pairs, {arguments.processes} engines, medians of {arguments.rounds} rounds in turns"
    )
    print(f"processes of its own {both[0]:8.1f} rows a second")
    print(
        f"Ray                  {both[1]:8.1f}, {share:.1%} of it, {each:.1%} by rounds; to reach {SHARE:.0%}"
    )
    print("all rows the same")
    return {"pairs": len(pairs), "local_per_s": both[0], "ray_per_s": both[1], "share": share}


class Killing:
    """An engine on a cluster of which a node dies before a certain task is taken."""

    def __init__(self, engine: Engine, number: int, kill: Callable[[], None]) -> None:
        self._engine, self._number, self._kill = engine, number, kill

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answers]:
        """As `Engine.answers`."""

        def taken() -> Iterator[Task]:
            for task in tasks:
                if task.number == self._number:
                    self._kill()
                yield task

        return self._engine.answers(taken())

    def close(self) -> None:
        """As `Engine.close`."""
        self._engine.close()


def killed(place: Path, pairs: list[tuple[str, str]], arguments: argparse.Namespace) -> dict[str, Any]:
    import os

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    rows = table(place / "killed.csv", pairs, len(pairs))
    wanted = batch(place, rows, "undisturbed", local(arguments.processes), arguments.pack, Clock())
    net: Any = Cluster(initialize_head=True, head_node_args={**SMALL, "num_cpus": 0})
    try:
        cores = -(-arguments.processes // NODES)
        nodes = [net.add_node(num_cpus=cores, **SMALL) for _ in range(NODES)]
        net.wait_for_nodes()

        def kill() -> None:
            [raylet] = nodes[0].all_processes["raylet"]
            workers = psutil.Process(raylet.process.pid).children(recursive=True)
            net.remove_node(nodes[0], allow_graceful=False)
            for each in workers:
                if each.is_running():
                    each.kill()

        def start(setup: Setup) -> Engine:
            return Killing(cluster(str(net.address))(setup), len(pairs) // 16, kill)

        clock = Clock()
        found = batch(place, rows, "killed", start, arguments.pack, clock)
    finally:
        net.shutdown()
    if found != wanted:
        raise SystemExit("ROWS DIFFER after a node was killed")
    print(f"one of {NODES} nodes killed in the middle: all rows the same, each recorded once")
    print(f"longest pause       {clock.pause:8.1f} s")
    return {"killed_nodes": 1, "killed_rows": len(found), "longest_pause_s": clock.pause}


class Instant:
    """An engine that takes no time: all rows are answered as one pair was, with two new people each."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._chance = np.random.default_rng(8)
        self._answer: Answer | None = None

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answers]:
        """As `Engine.answers`."""
        for task in tasks:
            if self._answer is None:
                [self._answer] = Worker(self._setup)(replace(task, claims=task.claims[:1])).answers
            yield Answers(task.number, tuple(self._of(claim, self._answer) for claim in task.claims), {})

    def _of(self, claim: Claim, answer: Answer) -> Answer:
        assert answer.probe is not None
        event = replace(answer.event, details={**(answer.event.details or {}), "row": claim.number})
        reference, probe = (self._new(answer.probe) for _ in range(2))
        pair = claim.number.to_bytes(8, "big")
        return replace(
            answer, number=claim.number, event=event, references=(reference,), probe=probe, pair=pair
        )

    def _new(self, like: Template) -> Template:
        vector = self._chance.normal(size=like.vector.size)
        return replace(like, vector=(vector / np.linalg.norm(vector)).astype(np.float32))

    def close(self) -> None:
        """As `Engine.close`."""


def recorder(place: Path, pair: tuple[str, str], arguments: argparse.Namespace) -> dict[str, Any]:
    rows = table(place / "recorded.csv", [pair], arguments.record)
    clock, busy = Clock(), time.process_time()
    batch(place, rows, "recorded", Instant, arguments.pack, clock)
    busy = (time.process_time() - busy) / arguments.record
    print(f"let through, recorded and written with engines that take no time, {arguments.record:,} rows:")
    print(
        f"                     {clock.rate:8.1f} rows a second, {busy * 1e3:.2f} ms of a processor for each"
    )
    return {"recorded_rows": arguments.record, "recorded_per_s": clock.rate, "recorded_cpu_s": busy}


if __name__ == "__main__":
    main()
