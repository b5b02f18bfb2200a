"""Whether it pays to give the recognisers several faces in one run: milliseconds a face, on one thread.

    python benchmarks/batching.py --pack sface --runs 40

A service could gather the faces of several requests and recognise them together. Runs with one face and
with more take turns by chance, so that a machine that slows down slows all; told is the median, for each
face, and by how much it is less than with one face. Beside it stands how much of a whole verification
recognising is: no more than that share of it can be gained, and whoever is gathered waits for the others.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from pathlib import Path
from typing import Any

from common import machine, use_one_core

FACES = (1, 2, 4, 8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", action="append", help="may be given several times; sface by default")
    parser.add_argument("--runs", type=int, default=40, help="timed runs of each")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    use_one_core()
    print(machine())
    packs = {pack: measured(pack, arguments.runs) for pack in arguments.pack or ["sface"]}
    if arguments.figures:
        figures = {"machine": machine(), "runs": arguments.runs, "packs": packs}
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measured(pack: str, runs: int) -> dict[str, Any]:
    """Print a pack's times."""
    from visavis.decision.policy import Policy
    from visavis.examiner import Examiner
    from visavis.faces.recognise import Recogniser
    from visavis.packs.install import fetch_demo_pictures, require
    from visavis.packs.runtime import Network

    installed = require(pack)
    networks = [
        (Network(installed.model(role), threads=1), len(each.views))
        for role, each in installed.pack.recognisers_by_role.items()
    ]
    recognise = Recogniser(networks, pack=pack, fingerprint=installed.fingerprint)
    examiner = Examiner(pack, threads=1)
    pictures = [fetch_demo_pictures()[name] for name in ("obama.jpg", "obama2.jpg")]
    chips, whole = [], []
    for run in range(-2, max(4, runs // 4)):  # the first two warm up
        start = time.perf_counter()
        looked = [examiner.examine(picture, policy=Policy()) for picture in pictures]
        if run >= 0:
            whole.append(time.perf_counter() - start)
        chips = [seen.chips for seen in looked if seen.chips is not None]
    times: dict[int, list[float]] = {count: [] for count in FACES}
    chance = random.Random(5)
    for run in range(-2, runs):
        for count in chance.sample(FACES, len(FACES)):  # what ran before leaves its traces in the caches
            faces = [chips[number % len(chips)] for number in range(count)]
            start = time.perf_counter()
            recognise(faces)
            if run >= 0:
                times[count].append((time.perf_counter() - start) / count)
    medians = {count: statistics.median(each) * 1000 for count, each in times.items()}
    share = 2 * medians[1] / (statistics.median(whole) * 1000)
    print(f"\n{pack}: one thread, {runs} runs, median milliseconds a face; recognising is {share:.0%} of the")
    print("way of two pictures to their templates")
    for count, ms in medians.items():
        print(f"  {count} at once{ms:14.2f}{1 - ms / medians[1]:10.0%} less than one at a time")
    return {"ms_per_face": medians, "share_of_verification": share}


if __name__ == "__main__":
    main()
