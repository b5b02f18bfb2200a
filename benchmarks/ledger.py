"""The ledger: how many entries a second, how long a proof takes, how fast a whole ledger is checked.

    python benchmarks/ledger.py --entries 20000 --large 10000000

Every append waits for the disk. The large tree's tiles are made in bulk, with entries only where a proof asks
for one: only what a proof reads is measured. The tree takes 330 MB for ten million entries. Beside the time
that passes for a proof stands the time that its thread was at work: on a busy machine they differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from common import machine
from visavis.ledger import rows
from visavis.ledger.checkpoint import Checkpoint
from visavis.ledger.entry import Event
from visavis.ledger.log import Ledger
from visavis.ledger.merkle import includes, leaf_hash
from visavis.ledger.tables import checkpoints, entries, log, tiles
from visavis.ledger.tiles import WIDTH, Edge
from visavis.ledger.verify import verify

APPENDS_A_SECOND, PROOF_MS = 2000, 10  # what it is to reach


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=20_000, help="appended in each run")
    parser.add_argument("--threads", type=int, default=64, help="that append at the same time")
    parser.add_argument("--large", type=int, default=10_000_000, help="entries of the large tree")
    parser.add_argument("--proofs", type=int, default=200, help="made from the large tree")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    parser.add_argument("--append-to", type=Path, help=argparse.SUPPRESS)  # what a second process does
    arguments = parser.parse_args()
    if arguments.append_to is not None:
        with Ledger.open(arguments.append_to) as ledger:
            print("ready", flush=True)
            sys.stdin.readline()
            append(ledger, arguments.entries, arguments.threads)
        return
    print(machine())
    figures: dict[str, Any] = {"machine": machine(), "entries": arguments.entries}
    with tempfile.TemporaryDirectory() as folder:
        figures |= appending(Path(folder), arguments.entries, arguments.threads)
        figures |= proving(Path(folder), arguments.large, arguments.proofs)
    if arguments.figures:
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def appending(folder: Path, count: int, threads: int) -> dict[str, float]:
    """Rates of appending: one thread, many, and two processes; then of checking what they wrote."""
    with Ledger.open(folder / "alone.db") as ledger:
        alone = told("one thread, entries a second", append(ledger, min(count, 500), 1))
    with Ledger.open(folder / "many.db") as ledger:
        rate = append(ledger, count, threads)
        many = told(f"{threads} threads, entries a second", rate, at_least=True)
    path = folder / "both.db"
    Ledger.open(path).close()
    command = [sys.executable, __file__, "--append-to", str(path), "--threads", str(threads)]
    command += ["--entries", str(count // 2)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for each in both:
        assert each.stdout is not None
        each.stdout.readline()  # it is ready
    start = time.perf_counter()
    for each in both:
        assert each.stdin is not None
        each.stdin.write(b"go\n")
        each.stdin.flush()
    if any(each.wait() for each in both):
        raise SystemExit("a process that appends has failed")
    both_rate = told("two processes, entries a second", count / (time.perf_counter() - start), at_least=True)
    with Ledger.open(path) as ledger:
        assert ledger.key is not None
        start = time.perf_counter()
        report = verify(ledger, key=ledger.key.verifier)
        checked = report.size / (time.perf_counter() - start)
    if not report.sound:
        raise SystemExit(f"the ledger isn't whole: {report.findings[0]}")
    told("checked, entries a second", checked)
    return {
        "appends_alone": alone,
        "appends_threads": many,
        "appends_processes": both_rate,
        "verified": checked,
        "threads": threads,
    }


def append(ledger: Ledger, count: int, threads: int) -> float:
    """Append verdicts, each with a subject and two inputs; returns how many a second."""

    def work(number: int) -> None:
        for each in range(number, count, threads):
            ledger.append(verdict(each))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return count / (time.perf_counter() - start)


def verdict(number: int) -> Event:
    digest = hashlib.sha256(number.to_bytes(8)).digest()
    return Event(
        kind="verdict",
        purpose="onboarding",
        subject=f"customer-{os.getpid()}-{number}",
        inputs={"reference": digest, "probe": digest[::-1]},
        decision="match",
        fmr=1.23e-6,
        fmr_upper=5.6e-6,
        policy={"fmr": 1e-4, "faces": "only", "min_inter_eye_px": 10.0, "min_confidence": 0.6},
        pack="sface",
        fingerprint="0e786c95e261bf85",
        calibration=digest.hex(),
        reasons=("turned",),
        details={"threshold": 0.419},
    )


def proving(folder: Path, size: int, proofs: int) -> dict[str, float]:
    """Times of proofs from a large tree, each checked."""
    indices = random.Random(0).sample(range(size), min(proofs, size))
    leaves = {
        index: verdict(index).entry("2026-01-31T12:00:00.000000Z", {}, None).leaf() for index in indices
    }
    with Ledger.open(folder / "large.db") as ledger:
        root = fill(ledger, size, leaves)
        times, worked = [], []
        for index in indices:
            start, begun = time.perf_counter(), time.thread_time()
            proof = ledger.prove(index)
            worked.append((time.thread_time() - begun) * 1000)
            times.append((time.perf_counter() - start) * 1000)
            assert includes(leaf_hash(proof.leaf), index, size, proof.hashes, root), index
        old = size // 3
        start = time.perf_counter()
        ledger.consistency(old, size)
        consistency = (time.perf_counter() - start) * 1000
    times.sort()
    median, slow = statistics.median(times), times[int(len(times) * 0.99)]
    told(f"proof among {size:,}, median ms", median, at_most=True)
    told("the same, 99th of 100, ms", slow, at_most=True)
    told("of it at work itself, median ms", statistics.median(worked))
    told("proof of consistency, ms", consistency)
    return {
        "proof_ms": median,
        "proof_ms_p99": slow,
        "proof_cpu_ms": statistics.median(worked),
        "consistency_ms": consistency,
        "large": size,
    }


def fill(ledger: Ledger, size: int, leaves: dict[int, bytes]) -> bytes:
    """Write the tiles of a tree, level by level, whose other leaves are numbers; returns its root."""
    start = time.perf_counter()
    hashes = bytearray()
    for index in range(size):
        hashes += leaf_hash(leaves[index] if index in leaves else index.to_bytes(8))
    level, step = 0, WIDTH * 32
    stored: dict[tuple[int, int], bytes] = {}
    with ledger.storage.writing() as connection:
        for table in (tiles, entries, checkpoints):
            connection.execute(table.delete())
        while hashes:
            numbers = range((len(hashes) + step - 1) // step)
            made = [bytes(hashes[number * step : (number + 1) * step]) for number in numbers]
            connection.execute(
                tiles.insert(),
                [{"level": level, "idx": number, "hashes": tile} for number, tile in enumerate(made)],
            )
            stored[level, len(made) - 1] = made[-1]
            hashes = bytearray().join(_root(tile) for tile in made if len(tile) == step)
            level += 1
        root = Edge.load(size, lambda *place: stored[place]).root()
        assert ledger.key is not None
        connection.execute(
            entries.insert(),
            [
                {"idx": index, "leaf": leaf, "kind": "verdict", "time": "", "subject": None}
                for index, leaf in leaves.items()
            ],
        )
        note = ledger.key.sign(Checkpoint(ledger.key.verifier.name, size, root))
        connection.execute(checkpoints.insert(), {"size": size, "note": note})
        connection.execute(log.update(), {"size": size, "root": root})
        assert rows.state(connection, lock=False) is not None
    print(f"{'the large tree was made, seconds':<44}{time.perf_counter() - start:10.1f}")
    return root


def _root(tile: bytes) -> bytes:
    """The root of a full tile."""
    sha256 = hashlib.sha256
    while len(tile) > 32:
        tile = b"".join(sha256(b"\x01" + tile[at : at + 64]).digest() for at in range(0, len(tile), 64))
    return tile


def told(what: str, value: float, *, at_least: bool = False, at_most: bool = False) -> float:
    """Print a figure, with what it is to reach beside it."""
    target = f"   at least {APPENDS_A_SECOND:,}" if at_least else f"   at most {PROOF_MS}" if at_most else ""
    print(f"{what:<44}{value:10,.1f}{target}")
    return value


if __name__ == "__main__":
    main()
