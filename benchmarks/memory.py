"""Does memory grow? Many verifications in one process, its resident memory printed on the way.

    python benchmarks/memory.py --count 10000

Exit status 1 where the last tenth of the run holds more than 5 MiB above the first tenth after warming up.
"""

from __future__ import annotations

import argparse
import statistics
import sys

import psutil

from common import machine
from visavis.packs.install import fetch_demo_pictures
from visavis.verifier import Verifier

GROWTH_MIB = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--pack", default="sface")
    arguments = parser.parse_args()
    print(machine())
    pictures = list(fetch_demo_pictures().values())
    verifier = Verifier(arguments.pack, threads=1)
    process = psutil.Process()
    resident = []
    for number in range(arguments.count):
        verifier.verify(pictures[number % 3], pictures[(number // 3) % 3])
        if number % max(1, arguments.count // 200) == 0:
            resident.append(process.memory_info().rss / 2**20)
        if number % max(1, arguments.count // 10) == 0:
            print(f"{number:>8} verifications{resident[-1]:9.1f} MiB", flush=True)
    tenth = max(1, len(resident) // 10)
    grown = statistics.median(resident[-tenth:]) - statistics.median(resident[tenth : 2 * tenth])
    print(
        f"grown by {grown:.1f} MiB over {arguments.count} verifications, at most {GROWTH_MIB:g} are allowed"
    )
    sys.exit(1 if grown > GROWTH_MIB else 0)


if __name__ == "__main__":
    main()
