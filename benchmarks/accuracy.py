"""Error rates of a pack over all pairs of pictures of people, and the calibration that ships with it.

    python benchmarks/accuracy.py FOLDER --pack sface
    python benchmarks/accuracy.py FOLDER --pack sface --calibrate "name of the data: what it is"

FOLDER holds one folder for each person with that person's pictures. The face that counts is the largest
central one. A picture without a face is a failure to acquire: each of its genuine comparisons is a false
non-match at every threshold (ISO/IEC 19795-1). With --calibrate the measured false match rates become the
pack's calibration file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rich.progress import track

from visavis.decision.calibration import Calibration, Data, Mark
from visavis.decision.policy import Policy
from visavis.evaluation.comparisons import TAIL, Comparisons, all_pairs
from visavis.evaluation.rates import fmr_at, fmr_replicates, fnmr_at, threshold_at
from visavis.examiner import Examiner
from visavis.packs.runtime import available_cores

POLICY = Policy(
    faces="largest_central", min_inter_eye_px=0, min_confidence=0, max_disagreement=10, min_inside=0
)
TARGETS = (1e-3, 1e-4, 1e-5)
CALIBRATIONS = Path(__file__).parents[1] / "src/visavis/decision/calibrations"

REPLICATES = 1000
PER_DECADE = 10  # marks of a calibration in each power of ten of the FMR
FEWEST_FALSE_MATCHES = 30  # Doddington's rule of 30: fewer errors than this give no rate, only a bound
WIDEST = 3.0  # upper bound over estimate; where people drawn anew spread it further, the data gives no rate


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", default="sface")
    parser.add_argument(
        "--calibrate", metavar="NAME: TEXT", help="write the calibration, with what the data is"
    )
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    pictures = sorted(path for path in arguments.folder.glob("*/*") if path.is_file())
    names, person = np.unique([path.parent.name for path in pictures], return_inverse=True)
    examiner = Examiner(arguments.pack, threads=1)
    start = time.perf_counter()
    with ThreadPoolExecutor(available_cores()) as pool:
        seen = pool.map(lambda path: examiner.examine(path, policy=POLICY).template, pictures)
        templates = list(track(seen, total=len(pictures), description=arguments.pack))
    seconds = time.perf_counter() - start
    acquired = np.array([template is not None for template in templates])
    comparisons = all_pairs(
        np.stack([template.vector for template in templates if template is not None]),
        person[acquired],
        missing=person[~acquired],
    )
    missing = int((~acquired).sum())
    print(f"{arguments.pack} {examiner.fingerprint}")
    print(f"{len(pictures)} pictures of {len(names)} people, {missing} without a face")
    print(f"{comparisons.genuine.size:,} genuine and {comparisons.impostors:,} impostor comparisons")
    print(f"{seconds:.0f} s, {1000 * seconds / len(pictures):.1f} ms a picture on {available_cores()} cores")
    rows = [row(comparisons, fmr) for fmr in TARGETS]
    print(f"{'FMR':>8} {'threshold':>10} {'FNMR pooled':>12} {'per person':>11}")
    for found in rows:
        print("{fmr:8.0e} {threshold:10.4f} {fnmr:12.2%} {fnmr_per_person:11.2%}".format(**found))
    if arguments.figures:
        figures = {
            "pack": arguments.pack,
            "fingerprint": examiner.fingerprint,
            "people": len(names),
            "pictures": len(pictures),
            "genuine": int(comparisons.genuine.size),
            "impostors": comparisons.impostors,
            "without_face": missing,
            "rows": rows,
        }
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if arguments.calibrate:
        name, _, description = arguments.calibrate.partition(": ")
        data = Data(
            name=name,
            description=description,
            people=len(names),
            pictures=len(pictures),
            impostor_comparisons=comparisons.impostors,
            genuine_comparisons=int(comparisons.genuine.size),
            without_face=missing,
        )
        calibration = calibrate(comparisons, arguments.pack, examiner.fingerprint, data)
        path = CALIBRATIONS / f"{arguments.pack}.json"
        path.write_text(json.dumps(calibration.to_dict(), indent=1) + "\n", encoding="utf-8")
        print(f"{path.name}: {len(calibration.marks)} marks, the finest at FMR {calibration.finest:.1e}")


def row(comparisons: Comparisons, fmr: float) -> dict[str, float]:
    """FNMR where FMR is at most `fmr`, over all comparisons and with each person weighing the same."""
    threshold = threshold_at(comparisons, fmr)
    pooled, per_person = fnmr_at(comparisons, threshold)
    return {"fmr": fmr, "threshold": threshold, "fnmr": pooled, "fnmr_per_person": per_person}


def calibrate(comparisons: Comparisons, pack: str, fingerprint: str, data: Data) -> Calibration:
    """Marks from FMR 1 down to the finest that the data supports, each with an upper bound."""
    marks = [*_coarse(comparisons), *_fine(comparisons)]
    method = (
        f"FMR over all pairs; upper bounds: 95th percentile over {REPLICATES} draws of the people with "
        f"replacement, comparisons weighted by how often both people were drawn; above FMR {TAIL:g} none "
        f"but 1; finest mark: at least {FEWEST_FALSE_MATCHES} false matches, and a bound at most "
        f"{WIDEST:g} times the rate"
    )
    return Calibration(pack=pack, fingerprint=fingerprint, data=data, method=method, marks=tuple(marks))


def _coarse(comparisons: Comparisons) -> Iterator[Mark]:
    """Marks where single scores weren't kept; of the people drawn anew nothing is known there."""
    reached = np.cumsum(comparisons.histogram[::-1])[::-1] / comparisons.impostors
    edges = np.linspace(-1, 1, len(reached) + 1)[:-1]
    for fmr in np.logspace(0, np.log10(TAIL), PER_DECADE, endpoint=False):
        at = int(np.searchsorted(-reached, -fmr, side="right"))
        if 0 < at < len(reached) and edges[at] < comparisons.tail_from and reached[at] < 1:
            yield Mark(round(float(edges[at]), 5), float(reached[at]), 1.0)


def _fine(comparisons: Comparisons) -> Iterator[Mark]:
    finest = FEWEST_FALSE_MATCHES / comparisons.impostors
    steps = np.arange(1, PER_DECADE * 9)
    targets = TAIL * 0.9 * 10 ** (-(steps - 1) / PER_DECADE)
    targets = targets[targets >= finest]
    thresholds = [threshold_at(comparisons, float(fmr)) for fmr in targets]
    drawn = fmr_replicates(comparisons, thresholds, replicates=REPLICATES, seed=19795)
    upper = np.quantile(drawn, 0.95, axis=0)
    for threshold, bound in zip(thresholds, upper, strict=True):
        fmr = fmr_at(comparisons, threshold)
        if bound > WIDEST * fmr:
            return
        yield Mark(threshold, fmr, float(bound))


if __name__ == "__main__":
    main()
