"""Passive detection of presentation attacks: how long a face on a 1080p photo takes, on one thread.

    python benchmarks/pad_speed.py --runs 60

The face is given: what finding it takes is in speed.py. A photo that was decoded at a smaller scale for that
is decoded again in full, which is timed by itself.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

from common import machine, pictures_1080p, use_one_core

LIMIT_MS = 8.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=60, help="timed runs of each")
    runs = parser.parse_args().runs
    use_one_core()
    print(machine())
    times = measure(list(pictures_1080p().values()), runs)
    print(f"\nface on a 1080p photo to score, one thread, {runs} runs, milliseconds")
    print(f"  {'':<18}{'median':>8}{'least':>8}")
    for name, taken in times.items():
        print(f"  {name:<18}{statistics.median(taken):8.1f}{min(taken):8.1f}")
    within = statistics.median(times["per face"]) <= LIMIT_MS
    print(f"\nper face, on a photo in full size: {'within' if within else 'above'} {LIMIT_MS:g} ms")


def measure(pictures: list[bytes], runs: int) -> dict[str, list[float]]:
    """Milliseconds of each stage, picture by picture in turn; the whole is timed apart from its parts."""
    import cv2

    from visavis.decision.policy import Policy
    from visavis.examiner import Examiner
    from visavis.liveness.passive import PACK, SCALES, PassiveDetector, crop_place, cut
    from visavis.packs.install import require_any
    from visavis.packs.runtime import Network
    from visavis.photo import Photo

    cv2.setNumThreads(1)
    detector, pack = PassiveDetector(threads=1), require_any(PACK)
    networks = {role: Network(pack.model(role), threads=1) for role in SCALES}
    examiner, policy = Examiner(threads=1), Policy(faces="largest_central")
    photos = [Photo.open(picture) for picture in pictures]
    faces = [examiner.examine(photo, policy=policy).evidence.face for photo in photos]
    times: dict[str, list[float]] = {}
    for run in range(-3, runs):  # the first three warm up
        photo, face = photos[run % len(photos)], faces[run % len(photos)]
        if face is None:
            raise SystemExit("no face was found on a demo picture")
        full = photo.finer(1.0)
        place = partial(crop_place, face.box, width=full.width, height=full.height)
        crops = {role: cut(full.pixels, place(scale))[None] for role, scale in SCALES.items()}
        works: dict[str, Callable[[], object]] = {
            "decoding in full": partial(photo.finer, 1.0),
            **{f"{role} crop": partial(cut, full.pixels, place(SCALES[role])) for role in SCALES},
            **{f"{role} network": partial(networks[role], crops[role]) for role in SCALES},
            "per face": partial(detector.look, full, face),
        }
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if run >= 0:
                times.setdefault(name, []).append((time.perf_counter() - start) * 1000)
    return times


if __name__ == "__main__":
    main()
