"""From the bytes of a 1080p JPEG to a template, on one thread, beside face_recognition in the same run.

    python benchmarks/speed.py --pack sface --runs 15

Both get the same pictures in turn, so that a machine that slows down slows both. The peer is called as its
documentation says: load_image_file, then face_encodings with its defaults (HOG detector, small landmark
model). Without it only our own stages are printed.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import machine, pictures_1080p, use_one_core

STAGES = ("photo", "detect", "landmarks", "align", "recognise")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", action="append", help="may be given several times; sface by default")
    parser.add_argument("--runs", type=int, default=15, help="timed runs of each")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    use_one_core()
    pictures = list(pictures_1080p().values())
    print(machine())
    peer = face_recognition_path()
    packs = {pack: compare(pack, pictures, peer, arguments.runs) for pack in arguments.pack or ["sface"]}
    if arguments.figures:
        figures = {"machine": machine(), "runs": arguments.runs, "packs": packs}
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def compare(
    pack: str, pictures: list[bytes], peer: Callable[[bytes], None] | None, runs: int
) -> dict[str, Any]:
    """Print the stages of one pack, and the ratio of the peer's time to ours, picture by picture in turn."""
    import cv2

    from visavis.decision.policy import Policy
    from visavis.examiner import Examiner

    cv2.setNumThreads(1)
    examiner = Examiner(pack, threads=1)
    policy = Policy(faces="largest_central")
    ours: list[float] = []
    theirs: list[float] = []
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for run in range(-2, runs):  # the first two warm both up
        picture = pictures[run % len(pictures)]
        start = time.perf_counter()
        seen = examiner.examine(picture, policy=policy)
        elapsed = (time.perf_counter() - start) * 1000
        if seen.template is None:
            raise SystemExit(f"a demo picture gave no template: {seen.problem}")
        other = _ms(peer, picture) if peer else 0.0
        if run >= 0:
            ours.append(elapsed)
            theirs.append(other)
            for stage in STAGES:
                stages[stage].append(seen.timings_ms[stage])
    medians = {stage: statistics.median(times) for stage, times in stages.items()}
    whole, peer_ms = statistics.median(ours), statistics.median(theirs)
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    print(f"\n{pack}: 1080p JPEG to template, one thread, {runs} runs, median milliseconds")
    for stage, ms in medians.items():
        print(f"  {stage:<18}{ms:8.1f}")
    print(f"  {'whole path':<18}{whole:8.1f}")
    if peer:
        print(f"  {'face_recognition':<18}{peer_ms:8.1f}   {ratio:.1f} times as long")
    return {
        "stages_ms": medians,
        "whole_ms": whole,
        "peer_ms": peer_ms if peer else None,
        "ratio": ratio if peer else None,
    }


def face_recognition_path() -> Callable[[bytes], None] | None:
    """The peer's path from bytes to encoding, or None where it isn't installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its models are found through pkg_resources, which warns
        try:
            import face_recognition
        except ImportError:
            print("face_recognition isn't installed: make bench installs it")
            return None

    def encode(picture: bytes) -> None:
        if not face_recognition.face_encodings(face_recognition.load_image_file(io.BytesIO(picture))):
            raise SystemExit("the peer found no face on a demo picture")

    return encode


def _ms(work: Callable[[bytes], None], picture: bytes) -> float:
    start = time.perf_counter()
    work(picture)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
