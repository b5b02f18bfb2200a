"""All quality components of one face on a 1080p JPEG, on one thread, given the face.

    python benchmarks/quality_speed.py --runs 60

The photo is decoded as finely as placing the points of the face needs, as the corridor leaves it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from common import machine, pictures_1080p, use_one_core


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="sface", help="finds the faces; sface by default")
    parser.add_argument("--runs", type=int, default=60, help="timed runs on each picture")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    use_one_core()
    print(machine())
    figures = {
        "machine": machine(),
        "runs": arguments.runs,
        "quality_ms": time_quality(arguments.pack, arguments.runs),
    }
    if arguments.figures:
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def time_quality(pack: str, runs: int) -> float:
    """Print and return the median milliseconds of measuring all components of one face."""
    import cv2

    from visavis.decision.policy import Policy
    from visavis.examiner import Examiner
    from visavis.quality.measure import measure

    cv2.setNumThreads(1)
    examiner = Examiner(pack, threads=1)
    times = []
    for name, picture in pictures_1080p().items():
        seen = examiner.look(picture, policy=Policy(faces="largest_central"))
        face, others = seen.evidence.face, seen.evidence.others
        if face is None:
            raise SystemExit(f"no face was found on the demo picture {name}")
        for run in range(-2, runs):  # the first two warm up
            start = time.perf_counter()
            measure(seen.photo, face, others)
            if run >= 0:
                times.append((time.perf_counter() - start) * 1000)
    median = statistics.median(times)
    print(f"\nquality of one face, 1080p, one thread, {runs} runs on each picture, median milliseconds")
    print(f"  {'all components':<18}{median:8.1f}")
    return median


if __name__ == "__main__":
    main()
