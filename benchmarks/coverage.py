"""Do thresholds and intervals hold for other people?

    python benchmarks/coverage.py FOLDER --pack sface
    python benchmarks/coverage.py FOLDER --pack sface --splits 100 --figures FILE

FOLDER holds one folder for each person with that person's pictures. Again and again the people are split at
random into two halves. On one half a threshold is asked for an FMR, with the interval that `visavis evaluate`
and `visavis calibrate` give; then the other half, and all people together, say what is true at that
threshold.

"others": the FMR of the other half over the one asked for: median, lowest, highest, and in how many splits it
lies between half and twice. "covered": in how many splits the 95 % interval holds the rate of all people, and
that of the other half. The second is a harder question than a 95 % interval answers: the other half is a
sample too, and about 83 in 100 is what a perfect interval gives.

First: every comparison weighs the same. One man in a seventh of all comparisons is in one of the halves
only. Second: every pair of people weighs the same, as in a calibration. Third: FNMR per person
at the second's thresholds; its ratio is to the FNMR of all people.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import track

from common import templates
from visavis.evaluation.comparisons import Comparisons, all_pairs
from visavis.evaluation.rates import (
    Interval,
    fmr_at,
    fmr_intervals,
    fnmr_at,
    fnmr_intervals,
    threshold_at,
)
from visavis.examiner import Examiner

if TYPE_CHECKING:
    from visavis.evaluation.comparisons import Booleans, Integers
    from visavis.geometry import Floats

ASKED = (1e-3, 1e-4)
SEED = 2382  # ISO/IEC 2382-37 names what is measured here


@dataclass(frozen=True, slots=True)
class Case:
    """One split: the interval of one half, and the rates of the other half and of all people."""

    asked: float
    interval: Interval
    others: float
    everybody: float


# Which of the two weighings (0: of comparisons, 1: of people), the rate, and its intervals.
BLOCKS: dict[
    str, tuple[int, Callable[..., tuple[float, float]], Callable[..., tuple[list[Interval], ...]]]
] = {
    "FMR pooled": (0, fmr_at, fmr_intervals),
    "FMR per person": (1, fmr_at, fmr_intervals),
    "FNMR per person": (1, fnmr_at, fnmr_intervals),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", default="sface")
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    examiner = Examiner(arguments.pack, threads=1)
    truth, acquired = templates(arguments.folder, examiner)
    person = truth.person[acquired.acquired]
    whole = all_pairs(acquired.vectors, person)
    random = np.random.default_rng(SEED)
    blocks: dict[str, list[Case]] = {name: [] for name in BLOCKS}
    for _ in track(range(arguments.splits), description="splits"):
        half = np.zeros(whole.people, dtype=bool)
        half[random.permutation(whole.people)[: whole.people // 2]] = True
        ours, theirs = (among(acquired.vectors, person, chosen) for chosen in (half, ~half))
        for name, case in cases(ours, theirs, whole):
            blocks[name].append(case)
    print(f"{arguments.pack} {examiner.fingerprint}, {arguments.splits} splits of {whole.people:,} people")
    rows = []
    print(f"{'':<16}{'asked':>7}{'others: median':>16}{'low':>6}{'high':>6}{'half to twice':>15}", end="")
    print(f"{'covered: all':>14}{'others':>8}")
    for name, found in blocks.items():
        for asked in ASKED:
            row = summary([case for case in found if case.asked == asked], is_fmr=name.startswith("FMR"))
            rows.append({"rate": name, **row})
            print(f"{name:<16}{asked:>7.0e}", end="")
            print(
                "{median:>16.2f}{low:>6.2f}{high:>6.2f}{within:>15.0%}{all:>14.0%}{others:>8.0%}".format(
                    **row
                )
            )
    if arguments.figures:
        figures = {
            "pack": arguments.pack,
            "fingerprint": examiner.fingerprint,
            "splits": arguments.splits,
            "people": whole.people,
            "rows": rows,
        }
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def among(vectors: Floats, person: Integers, chosen: Booleans) -> Comparisons:
    """All comparisons among some of the people."""
    part = chosen[person]
    _, renumbered = np.unique(person[part], return_inverse=True)
    return all_pairs(vectors[part], renumbered)


def cases(ours: Comparisons, theirs: Comparisons, whole: Comparisons) -> Iterator[tuple[str, Case]]:
    """What one half says of each rate, and what the others and all people have."""
    for name, (column, rate, intervals) in BLOCKS.items():
        thresholds = [threshold_at(ours, fmr, per_person=column == 1) for fmr in ASKED]
        ends = intervals(ours, thresholds)[column]
        for asked, threshold, interval in zip(ASKED, thresholds, ends, strict=True):
            others, everybody = (rate(compared, threshold)[column] for compared in (theirs, whole))
            yield name, Case(asked, interval, others, everybody)


def summary(found: Sequence[Case], *, is_fmr: bool) -> dict[str, float]:
    """One row of the table."""
    asked = found[0].asked
    ratios = [case.others / (case.asked if is_fmr else case.everybody) for case in found]
    return {
        "asked": asked,
        "median": float(np.median(ratios)),
        "low": min(ratios),
        "high": max(ratios),
        "within": float(np.mean([0.5 <= ratio <= 2 for ratio in ratios])),
        "all": _covered(found, [case.everybody for case in found]),
        "others": _covered(found, [case.others for case in found]),
    }


def _covered(found: Sequence[Case], truth: Sequence[float]) -> float:
    held = [case.interval.low <= true <= case.interval.high for case, true in zip(found, truth, strict=True)]
    return float(np.mean(held))


if __name__ == "__main__":
    main()
