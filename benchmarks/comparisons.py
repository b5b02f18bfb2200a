"""Every picture against every other: how fast, in how much memory, beside plain NumPy in the same run.

    python benchmarks/comparisons.py --templates 45000 --size 512

Templates are drawn at random, three pictures a person. Timed are the comparisons, then both error rates
with intervals at FMR 1e-3 to 1e-6 and along the trade-off. The peer makes the score matrix in blocks of rows,
picks genuine and impostor scores by boolean masks, and counts them by np.histogram; it keeps no people, so
that it could give no intervals. It gets fewer templates, and its time is scaled by the number of comparisons.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from common import machine
from visavis.evaluation.comparisons import BINS, all_pairs
from visavis.evaluation.rates import finest, points, threshold_at, trade_off

if TYPE_CHECKING:
    from visavis.evaluation.comparisons import Integers
    from visavis.geometry import Floats

PICTURES = 3  # of each person
FMRS = (1e-3, 1e-4, 1e-5, 1e-6)
PEER_ROWS = 512  # in a block: 512 x 8,000 scores and their masks fit into any memory


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--templates", type=int, default=45_000)
    parser.add_argument("--size", type=int, default=512, help="numbers in a template")
    parser.add_argument("--peer", type=int, default=8_000, help="templates that the peer gets at most")
    arguments = parser.parse_args()
    print(machine())
    templates, person = synthetic(arguments.templates, arguments.size)

    start = time.perf_counter()
    comparisons = all_pairs(templates, person)
    compared = time.perf_counter()
    last = finest(comparisons)
    thresholds = [threshold_at(comparisons, fmr) for fmr in FMRS]
    seen = points(comparisons, thresholds, last)
    curve = points(comparisons, trade_off(comparisons), last)
    rated = time.perf_counter()
    made = comparisons.genuine + comparisons.impostors
    resident = peak_mib()

    print(f"\n{len(templates):,} templates of {arguments.size} numbers, {comparisons.people:,} people")
    print(f"  {'comparisons':<32}{made:>16,}")
    print(f"  {'of them kept with their people':<32}{comparisons.kept_bin.size:>16,}")
    print(f"  {'seconds to compare':<32}{compared - start:>16.1f}")
    print(f"  {'seconds for rates and intervals':<32}{rated - compared:>16.1f}")
    print(f"  {'seconds in all':<32}{rated - start:>16.1f}   {target(made)}")
    print(f"  {'comparisons a second':<32}{made / (compared - start):>16,.0f}")
    print(f"  {'peak resident MiB':<32}{resident:>16,.0f}   at most 2,048 for 10^9 comparisons")
    print(f"  {'points of the trade-off':<32}{len(curve):>16}")
    for fmr, point in zip(FMRS, seen, strict=True):
        said = "supported" if point.supported else "only a bound"
        print(f"  FMR {fmr:<8g} measured {point.fmr:.2e}, at most {point.fmr_high:.2e}   {said}")

    fewer = min(arguments.peer, arguments.templates)
    peer_start = time.perf_counter()
    plain_numpy(templates[:fewer], person[:fewer])
    theirs = (time.perf_counter() - peer_start) / (fewer * (fewer - 1) / 2) * made
    print(f"\n  plain NumPy on {fewer:,} templates, scaled to as many comparisons: {theirs:.1f} s")
    print(f"  {theirs / (compared - start):.1f} times as long as our comparisons")


def synthetic(count: int, size: int) -> tuple[Floats, Integers]:
    """Unit vectors, each a person's direction with as much noise, and the person of each."""
    random = np.random.default_rng(0)
    person = np.arange(count) // PICTURES
    templates = random.standard_normal((person[-1] + 1, size), dtype=np.float32)[person]
    templates += random.standard_normal((count, size), dtype=np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return templates, person


def plain_numpy(templates: Floats, person: Integers) -> tuple[Integers, Integers]:
    """Genuine and impostor scores by bin, as one would write it first."""
    edges = np.linspace(-1, 1, BINS + 1)
    genuine, impostor = np.zeros((2, BINS), dtype=np.int64)
    places = np.arange(len(person))
    for row in range(0, len(person), PEER_ROWS):
        rows = slice(row, row + PEER_ROWS)
        scores = templates[rows] @ templates.T
        above = places[rows, None] < places[None, :]
        same = person[rows, None] == person[None, :]
        genuine += np.histogram(scores[same & above], edges)[0]
        impostor += np.histogram(scores[~same & above], edges)[0]
    return genuine, impostor


def target(made: int) -> str:
    return "at most 10 s for 7,171 templates" if made < 10**8 else "at most 120 s for 10^9 comparisons"


def peak_mib() -> float:
    """The most memory that was resident at once; macOS counts bytes, Linux KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
