"""Mutated chip files and certificates: each a named failure or an unaltered pass, within little memory.

    python benchmarks/fuzz_chip.py --count 10000
    python benchmarks/fuzz_chip.py --bases bases.zip              # keep what is mutated
    python benchmarks/fuzz_chip.py --bases bases.zip --only 4711  # one mutation again, in this very process

A synthetic state signs chips with every kind of algorithm; their files, a zip of them, and the certificates
that a user supplies are mutated, byte by byte and element by element. What must never happen: another
exception than `DocumentError`, a message of several lines, a slow answer, and above all a changed data group
that passes.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import sys
import time
import zipfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.documents.issuing_state import (  # noqa: E402
    ALGORITHMS,
    NOW,
    TD1,
    TD2,
    TD3,
    State,
    files_of,
    groups_of,
)

from visavis.documents.authenticity import authenticate  # noqa: E402
from visavis.documents.chip import ChipFiles  # noqa: E402
from visavis.documents.tlv import SEQUENCE, SET, Tlv, encoded  # noqa: E402
from visavis.documents.trust import Trust  # noqa: E402
from visavis.errors import DocumentError  # noqa: E402

Files = dict[str, bytes]

MAX_SECONDS = 2.0
MAX_MEGABYTES = 300
CHUNK = 250
SUPPLIED = "supplied/"  # in front of what a user supplies, in the same folder as the chip's files

# Beginnings of lengths and elements that readers stumble over.
ODD = (b"\x30\x80", b"\x84\xff\xff\xff\xff", b"\x02\x00", b"\x06\x00", b"\x82\xff\xff", b"\x1f\xff", b"\0\0")


def make_bases() -> list[Files]:
    """Chips of one state, each with what a user supplies to check it."""
    state, newer = State(), State(which="newer")
    bases = []
    for number, algorithm in enumerate(ALGORITHMS.values()):
        groups = groups_of((TD1, TD2, TD3)[number % 3], ("JPEG", "JPEG2000")[number % 2], seed=number)
        issuer = newer if number % 4 == 3 else state
        supplied = {
            0: {"a.cer": state.certificate},
            1: {"a.ml": state.master_list(state.certificate), "a.crl": state.revocations(1, 2)},
            2: {"a.cer": state.certificate, "a.crl": state.revocations(3)},
            3: {"a.cer": state.certificate, "b.cer": state.link(newer)},
        }[number % 4]
        files = files_of(groups, issuer.signer(algorithm), by_key=number % 5 == 4)
        bases.append(files | {SUPPLIED + name: data for name, data in supplied.items()})
    return bases


def saved_bases(path: Path | None) -> list[Files]:
    """Those in a zip, which is written where it isn't there: keys are new each time."""
    if path is None:
        return make_bases()
    if not path.exists():
        with zipfile.ZipFile(path, "w") as archive:
            for number, files in enumerate(make_bases()):
                for name, data in files.items():
                    archive.writestr(f"{number}/{name}", data)
    bases: list[Files] = []
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            base, _, name = entry.partition("/")
            bases += [{} for _ in range(int(base) + 1 - len(bases))]
            bases[int(base)][name] = archive.read(entry)
    return bases


def injured(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Bytes with one to three injuries."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(out) or 1)
        if rng.random() < 0.3:
            at = min(at, rng.randrange(200))  # headers
        match rng.randrange(7):
            case 0:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                out[at : at + 1] = bytes([(out[at] if out else 0) ^ 1 << rng.randrange(8)])
            case 2:
                del out[at : at + rng.choice((1, 2, 20, 1000))]
            case 3:
                out[at:at] = rng.choice((*ODD, bytes(out[at : at + 20]), rng.randbytes(4)))
            case 4:
                out[at : at + 20] = other[at : at + 20]
            case 5:
                out[at : at + 2] = rng.choice(ODD)
            case _:
                del out[at:]
    return bytes(out)


def rebuilt(data: bytes, rng: random.Random) -> bytes:
    """One element changed, removed, doubled, swapped or nested, with all lengths around it right."""
    try:
        element = Tlv.whole(data)
        children = list(element.children()) if element.tag >> 5 & 1 or element.tag > 0xFF else []
    except ValueError:
        children = []
    if not children or rng.random() < 0.05:
        return injured(data, data, rng)
    parts = [child.raw for child in children]
    at = rng.randrange(len(parts))
    match rng.randrange(12):
        case 0:
            del parts[at]
        case 1:
            parts.insert(at, parts[at])
        case 2:
            rng.shuffle(parts)
        case 3:
            parts[at] = encoded(rng.choice((SEQUENCE, SET, 0xA0)), parts[at])
        case 4:
            parts[at] = encoded(rng.randrange(1, 256), children[at].content)
        case _:
            parts[at] = rebuilt(parts[at], rng)
    return encoded(element.tag, *parts)


def mutation(number: int, bases: list[Files]) -> tuple[Files, Files, bool]:
    """The genuine files, the mutated ones, and whether they come as a zip that is mutated itself."""
    rng = random.Random(number)
    genuine, other = rng.choice(bases), rng.choice(bases)
    files = dict(genuine)
    names = [name for name in files if name in other]
    weights = [6 if name == "SOD" else 1 for name in names]
    for name in rng.choices(names, weights, k=rng.choice((1, 1, 2))):
        match rng.randrange(5):
            case 0 | 1:
                files[name] = injured(files[name], other[name], rng)
            case 2 | 3:
                files[name] = rebuilt(files[name], rng)
            case _:
                files[name] = other[name]  # genuine, of another chip
    return genuine, files, rng.random() < 0.1


def zipped(files: Files, rng: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"EF_{name}.bin", data)
    return injured(out.getvalue(), out.getvalue()[::-1], rng)


def outcome(number: int, bases: list[Files]) -> str:
    """What came out in a word; one that begins with ``!`` must not happen."""
    genuine, files, packed = mutation(number, bases)
    given = {name: data for name, data in files.items() if not name.startswith(SUPPLIED)}
    try:
        trust = Trust.read(*(data for name, data in files.items() if name.startswith(SUPPLIED)))
        chip = ChipFiles.read(zipped(given, random.Random(number))) if packed else ChipFiles.of(given)
        result = authenticate(chip, trust, now=NOW)
    except DocumentError as error:
        return error.code if str(error).isprintable() else f"! a message of several lines: {error.code}"
    except Exception as error:  # noqa: BLE001  # these are what the script looks for
        return f"! {type(error).__name__}: {error}"
    if any(not stage.why.isprintable() for stage in result.stages):
        return "! a stage whose words aren't one line"
    if result.outcome != "passed":
        return next(
            (f"{stage.name} {stage.outcome}" for stage in result.stages if stage.outcome != "passed"), "?"
        )
    genuine_sets = [genuine, *(base for base in bases if base["SOD"] == files["SOD"])]
    fits = any(all(chip.groups[name] == base[name] for name in result.groups) for base in genuine_sets)
    vouched = {name for name in ("DG1", "DG2") if name in chip.groups} <= set(result.groups)
    return "passed, unaltered" if fits and vouched else "! a changed data group passed"


@dataclass
class Tally:
    """What came out of some mutations, and what must not."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    worst: float = 0.0
    worst_number: int = -1
    peak: int = 0

    def run(self, first: int, last: int, bases: list[Files]) -> Tally:
        """Examine the mutations of these numbers."""
        for number in range(first, last):
            start = time.perf_counter()
            result = outcome(number, bases)
            seconds = time.perf_counter() - start
            self.outcomes[result] += 1
            if result.startswith("!"):
                self.findings.append(f"{number}: {result}")
            if seconds > MAX_SECONDS:
                self.findings.append(f"{number}: took {seconds:.1f} s")
            if seconds > self.worst:
                self.worst, self.worst_number = seconds, number
        self.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if self.peak > MAX_MEGABYTES:
            self.findings.append(f"{first} to {last - 1}: {self.peak} MB")
        return self

    def add(self, other: Tally) -> None:
        """Take in what another process found."""
        self.outcomes += other.outcomes
        self.findings += other.findings
        self.peak = max(self.peak, other.peak)
        if other.worst > self.worst:
            self.worst, self.worst_number = other.worst, other.worst_number

    def print(self) -> None:
        """The counts, the extremes and the first findings."""
        for name, times in self.outcomes.most_common():
            print(f"{times:8} {name}")
        print(f"worst {self.worst * 1e3:.0f} ms ({self.worst_number}), peak {self.peak} MB")
        print("\n".join(self.findings[:50]) or "nothing found")


def work(first: int, last: int, bases: list[Files]) -> Tally:
    """Some mutations in a process of their own."""
    return Tally().run(first, last, bases)


def run(first: int, count: int, jobs: int, bases: list[Files]) -> Tally:
    """All mutations, on so many processes."""
    tally = Tally()
    last = first + count
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        parts = {
            start: pool.submit(work, start, min(start + CHUNK, last), bases)
            for start in range(first, last, CHUNK)
        }
        for start, part in parts.items():
            try:
                tally.add(part.result())
            except BrokenProcessPool:
                tally.findings.append(f"{start} to {start + CHUNK - 1}: a process died")
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--bases", type=Path, help="a zip of what is mutated, written where it isn't there")
    parser.add_argument("--only", type=int, help="one mutation again, in this process")
    arguments = parser.parse_args()
    bases = saved_bases(arguments.bases)
    for number, base in enumerate(bases):
        given = {name: data for name, data in base.items() if not name.startswith(SUPPLIED)}
        supplied = (data for name, data in base.items() if name.startswith(SUPPLIED))
        result = authenticate(ChipFiles.of(given), Trust.read(*supplied), now=NOW)
        assert result.outcome == "passed", (number, result)
    if arguments.only is not None:
        print(outcome(arguments.only, bases))
        return
    tally = run(arguments.first, arguments.count, arguments.jobs, bases)
    tally.print()
    sys.exit(1 if tally.findings else 0)


if __name__ == "__main__":
    main()
