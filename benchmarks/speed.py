"""From the bytes of a 1080p JPEG to a template, on one thread, beside face_recognition in the same run.

    python benchmarks/speed.py --pack sface --runs 15

Both get the same pictures in turn, so that a machine that slows down slows both. Times are the processor's,
which other programs on the machine touch least; on an idle one they are the clock's. The peer is called as
its documentation says: load_image_file, then face_encodings with its defaults (HOG detector, small landmark
model). Without it only our own stages are printed.

Beside it stands what can't be avoided: the decoding of the JPEG at the scale that the examination needed, and
the runs of the networks on what they were given, alone and in turn with the whole path.
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
from typing import TYPE_CHECKING, Any
from unittest import mock

from common import machine, pictures_1080p, use_one_core

if TYPE_CHECKING:
    from visavis.decision.policy import Policy
    from visavis.examiner import Examiner

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
    bare = {picture: bare_path(examiner, picture, policy) for picture in pictures}
    ours: list[float] = []
    theirs: list[float] = []
    least: list[float] = []
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for run in range(-2, runs):  # the first two warm both up
        picture = pictures[run % len(pictures)]
        # Whichever comes after the peer finds cold caches: they take turns at that.
        unavoidable = _ms(bare[picture]) if run % 2 else None
        with mock.patch("time.perf_counter", time.thread_time):  # the examiner's clock
            start = time.thread_time()
            seen = examiner.examine(picture, policy=policy)
            elapsed = (time.thread_time() - start) * 1000
        if seen.template is None:
            raise SystemExit(f"a demo picture gave no template: {seen.problem}")
        if unavoidable is None:
            unavoidable = _ms(bare[picture])
        other = _ms(peer, picture) if peer else 0.0
        if run >= 0:
            ours.append(elapsed)
            theirs.append(other)
            least.append(unavoidable)
            for stage in STAGES:
                stages[stage].append(seen.timings_ms[stage])
    medians = {stage: statistics.median(times) for stage, times in stages.items()}
    whole, peer_ms = statistics.median(ours), statistics.median(theirs)
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    bare_ms = statistics.median(least)
    overhead = statistics.median(a / b for a, b in zip(ours, least, strict=True))
    print(f"\n{pack}: 1080p JPEG to template, one thread, {runs} runs, median milliseconds of the processor")
    for stage, ms in medians.items():
        print(f"  {stage:<18}{ms:8.1f}")
    print(f"  {'whole path':<18}{whole:8.1f}")
    print(f"  {'JPEG + networks':<18}{bare_ms:8.1f}   the whole path takes {overhead:.2f} times as long")
    if peer:
        print(f"  {'face_recognition':<18}{peer_ms:8.1f}   {ratio:.1f} times as long")
    return {
        "stages_ms": medians,
        "whole_ms": whole,
        "bare_ms": bare_ms,
        "overhead": overhead,
        "peer_ms": peer_ms if peer else None,
        "ratio": ratio if peer else None,
    }


def bare_path(examiner: Examiner, picture: bytes, policy: Policy) -> Callable[[], None]:
    """Decoding and networks alone: the picture once, at the finest scale that was needed, then each run."""
    import simplejpeg

    from visavis.packs.runtime import Network

    runs: list[tuple[Network, Any]] = []
    run = Network.__call__

    def noting(network: Network, given: Any) -> dict[str, Any]:
        runs.append((network, given))
        return run(network, given)

    with mock.patch.object(Network, "__call__", noting):
        height, width = examiner.examine(picture, policy=policy).photo.pixels.shape[:2]

    def again() -> None:
        simplejpeg.decode_jpeg(picture, "RGB", min_height=height, min_width=width)
        for network, given in runs:
            run(network, given)

    return again


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


def _ms(work: Callable[..., None], *given: bytes) -> float:
    start = time.thread_time()
    work(*given)
    return (time.thread_time() - start) * 1000


if __name__ == "__main__":
    main()
