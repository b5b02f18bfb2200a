"""A batch beside the library: how fast, how much memory, and whether kills leave a trace in what it writes.

    python benchmarks/batch.py FOLDER
    python benchmarks/batch.py FOLDER --pairs 100000 --kills 100 --figures FILE
    python benchmarks/batch.py FOLDER --different 300 --pairs 2000 --kills 5 --kill-pairs 200

FOLDER holds one folder for each person with that person's pictures. Each probe meets one other picture of its
own person, no picture is in two pairs, and nobody in more than a few.

First pairs whose pictures are all different: the batch beside the library in one process for each core, each
kept on its core, all at the same time; and beside one such process alone, times the cores. The library's
processes have their packs loaded by then; so of the batch its start and end are told by themselves. Then so
many rows by repetition of these pairs under different subjects, with the memory of all processes of the
batch, looked at several times a second: the sum of what each has in memory, which counts what they share for
each of them, and the sum that counts it once. Then kills: a batch is killed again and again, alone or with
all its processes, at random moments, and started again. In the end its rows must be those of a batch that
nobody disturbed, and its ledger sound, with one entry for each row.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow.dataset as ds

from common import machine
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify
from visavis.packs.runtime import available_cores

SHARE, MEMORY_GB = 0.92, 1.5
"""What it is to reach: share of the library's rate on all cores, and memory of all processes."""
LOOKS_PER_S = 4
OF_ONE_PERSON = 4
"""Pairs of one person: pictures of one day are near-duplicates, and a batch of many of them is stopped."""
SEED = 8

LIBRARY = """
import json, os, sys, time
core, pack, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
os.environ.pop("VISAVIS_LEDGER", None)
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {core})
from visavis.verifier import Verifier
verifier = Verifier(pack, threads=1)
pairs = json.load(sys.stdin)
for pair in pairs[:5]:
    verifier.verify(*pair)
print("ready", flush=True)
os.read(3, 1)
start, done = time.perf_counter(), 0
while time.perf_counter() - start < seconds:
    verifier.verify(*pairs[done % len(pairs)])
    done += 1
print(done / (time.perf_counter() - start))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", default="sface")
    parser.add_argument("--processes", type=int, default=available_cores())
    parser.add_argument("--different", type=int, default=10**9, help="pairs of different pictures, at most")
    parser.add_argument(
        "--library-seconds", type=float, default=15, help="of each measurement of the library"
    )
    parser.add_argument("--pairs", type=int, default=0, help="rows by repetition")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--kill-pairs", type=int, default=600, help="rows of the batch that is killed")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    print(machine())
    pairs = pairs_of(arguments.folder)
    figures: dict[str, Any] = {"machine": machine(), "pack": arguments.pack, "processes": arguments.processes}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if arguments.different:
            figures |= speed(place, pairs[: arguments.different], arguments)
        if arguments.pairs:
            figures |= repetition(place, pairs, arguments)
        if arguments.kills:
            figures |= kills(place, pairs, arguments)
    if arguments.figures:
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def pairs_of(folder: Path) -> list[tuple[str, str]]:
    """Pairs of pictures of one person, no picture in two of them, in random order."""
    pairs = []
    for person in sorted(each for each in folder.iterdir() if each.is_dir()):
        pictures = sorted(str(path.resolve()) for path in person.iterdir() if path.is_file())
        pairs += list(zip(pictures[::2], pictures[1::2], strict=False))[:OF_ONE_PERSON]
    random.Random(SEED).shuffle(pairs)
    return pairs


def table(path: Path, pairs: list[tuple[str, str]], rows: int) -> Path:
    """A table of so many rows, the pairs again and again under different subjects."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("reference", "probe", "subject", "purpose"))
        for row in range(rows):
            writer.writerow((*pairs[row % len(pairs)], f"subject-{row}", "benchmark"))
    return path


def start(place: Path, table: Path, out: str, arguments: argparse.Namespace) -> subprocess.Popen[bytes]:
    """The command, with a ledger of its own for each folder."""
    command = [sys.executable, "-m", "visavis", "batch", str(table), "--out", str(place / out)]
    command += ["--pack", arguments.pack, "--processes", str(arguments.processes)]
    command += ["--ledger", str(place / f"{out}.sqlite"), "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VISAVIS_LEDGER")}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def finish(process: subprocess.Popen[bytes], what: str) -> None:
    if process.wait() != 0:
        raise SystemExit(f"{what} ended with status {process.returncode}")


def speed(place: Path, pairs: list[tuple[str, str]], arguments: argparse.Namespace) -> dict[str, Any]:
    cores = sorted(os.sched_getaffinity(0))[: arguments.processes]
    alone = sum(library(pairs, cores[:1], arguments))
    together = [sum(library(pairs, cores, arguments))]
    few = len(pairs) // 6
    short = timed(place, pairs[:few], "few", arguments)
    whole = timed(place, pairs, "different", arguments)
    together.append(sum(library(pairs, cores, arguments)))
    of_library = sum(together) / 2
    # Both have packs to load before and counts to make at the end: the difference is the pairs.
    rate = (len(pairs) - few) / (whole - short)
    share, of_one = rate / of_library, rate / alone / len(cores)
    print(f"library, one core             {alone:8.1f} pairs a second")
    print(
        f"library, {len(cores)} cores at once     {of_library:8.1f}; "
        f"before the batch {together[0]:.1f}, after it {together[1]:.1f}"
    )
    print(f"batch, {len(pairs):,} pairs            {rate:8.1f}, {share:.1%} of it; to reach {SHARE:.0%}")
    print(f"                                       {of_one:.1%} of one core times {len(cores)}")
    print(f"its start and end             {whole - len(pairs) / rate:8.1f} s")
    return {
        "pairs": len(pairs),
        "library_one_core_per_s": alone,
        "library_all_cores_per_s": of_library,
        "batch_per_s": rate,
        "batch_start_and_end_s": whole - len(pairs) / rate,
        "share": share,
        "share_of_one_core": of_one,
    }


def timed(place: Path, pairs: list[tuple[str, str]], out: str, arguments: argparse.Namespace) -> float:
    """Seconds that a batch takes, from the start of its command to its end."""
    rows = table(place / f"{out}.csv", pairs, len(pairs))
    begin = time.perf_counter()
    finish(start(place, rows, out, arguments), "the batch")
    return time.perf_counter() - begin


def library(pairs: list[tuple[str, str]], cores: list[int], arguments: argparse.Namespace) -> list[float]:
    """Verifications a second of the library in one process on each of these cores, all at once."""
    processes = []
    go_reading, go = os.pipe()
    command = [sys.executable, "-c", LIBRARY.replace("os.read(3, 1)", f"os.read({go_reading}, 1)")]
    for core in cores:
        process = subprocess.Popen(
            [*command, str(core), arguments.pack, str(arguments.library_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(go_reading,),
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(pairs).encode())
        process.stdin.close()
        processes.append(process)
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    os.write(go, b"." * len(cores))
    rates = []
    for process in processes:
        assert process.stdout is not None
        rates.append(float(process.stdout.read()))
        process.stdout.close()
        finish(process, "the library")
    os.close(go)
    os.close(go_reading)
    return rates


def repetition(place: Path, pairs: list[tuple[str, str]], arguments: argparse.Namespace) -> dict[str, Any]:
    begin = time.perf_counter()
    rows = table(place / "repeated.csv", pairs, arguments.pairs)
    process = start(place, rows, "repeated", arguments)
    peak = Peak(process.pid)
    with peak:
        finish(process, "the batch")
    seconds = time.perf_counter() - begin
    found = ds.dataset(place / "repeated" / "results").count_rows()
    if found != arguments.pairs:
        raise SystemExit(f"{found} rows came out of {arguments.pairs}")
    print(
        f"{arguments.pairs:,} rows by repetition     {arguments.pairs / seconds:8.1f} rows a second; memory "
        f"of all processes {peak.resident / 1e9:.2f} GB, shared pages once {peak.proportional / 1e9:.2f} GB; "
        f"to reach {MEMORY_GB} GB"
    )
    return {
        "repeated_rows": arguments.pairs,
        "repeated_per_s": arguments.pairs / seconds,
        "peak_resident_bytes": peak.resident,
        "peak_proportional_bytes": peak.proportional,
    }


class Peak:
    """The most memory that a process and those that it started have had at one time."""

    def __init__(self, pid: int) -> None:
        self.resident = self.proportional = 0
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(1 / LOOKS_PER_S):
            with contextlib.suppress(psutil.Error):
                each = [one.memory_full_info() for one in family(self._process)]
                self.resident = max(self.resident, sum(one.rss for one in each))
                self.proportional = max(self.proportional, sum(one.pss for one in each))


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def kills(place: Path, pairs: list[tuple[str, str]], arguments: argparse.Namespace) -> dict[str, Any]:
    chance = random.Random(SEED)
    rows = table(place / "killed.csv", pairs, arguments.kill_pairs)
    begin = time.perf_counter()
    finish(start(place, rows, "undisturbed", arguments), "the batch")
    span = time.perf_counter() - begin
    wanted = rows_of(place, "undisturbed")
    killed = batches = 0
    while killed < arguments.kills:
        batches += 1
        out = f"killed-{batches}"
        while True:
            process = start(place, rows, out, arguments)
            try:
                # Without kills left it runs to its end.
                process.wait(chance.uniform(0, span) if killed < arguments.kills else None)
            except subprocess.TimeoutExpired:
                killed += 1
                end(process, with_all=chance.random() < 0.5)
                continue
            if process.returncode != 0:
                raise SystemExit(f"after {killed} kills a batch ended with status {process.returncode}")
            break
        if rows_of(place, out) != wanted:
            raise SystemExit(f"after {killed} kills rows differ from those of the undisturbed batch")
        sound(place, out, arguments.kill_pairs)
        print(f"{killed} kills, {batches} batches, all rows as undisturbed, ledgers sound")
    return {"kills": killed, "killed_batches": batches, "killed_rows": arguments.kill_pairs}


def end(process: subprocess.Popen[bytes], *, with_all: bool) -> None:
    """Kill a batch (SIGKILL), alone or with the processes that it started, which end soon by themselves."""
    several = psutil.Process(process.pid)
    for each in family(several) if with_all else [several]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()


def rows_of(place: Path, out: str) -> list[dict[str, Any]]:
    """All rows, with all that they say."""
    found: list[dict[str, Any]] = ds.dataset(place / out / "results").to_table().sort_by("row").to_pylist()
    return found


def sound(place: Path, out: str, rows: int) -> None:
    """See that a ledger is whole, with one entry for each row."""
    with Ledger.open(place / f"{out}.sqlite") as ledger:
        assert ledger.key is not None
        report = verify(ledger, key=ledger.key.verifier)
        size = ledger.state().size
    if not report.sound:
        raise SystemExit(f"THE LEDGER IS NOT SOUND: {report}")
    if size != rows + 1:  # it begins with an entry of its own
        raise SystemExit(f"{size - 1} entries are in the ledger for {rows} rows")


if __name__ == "__main__":
    main()
