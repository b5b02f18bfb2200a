"""Error rates of packs beside face_recognition's, on the same pictures in the same run.

    python benchmarks/peer_accuracy.py FOLDER
    python benchmarks/peer_accuracy.py FOLDER --people 100 --pack sface --figures FILE

FOLDER holds one folder for each person with that person's pictures. Every picture is compared with every
other. Of the peer's faces the largest counts, found by its default HOG detector; its encoding is made with
its defaults (small landmark model, no jitter). visavis takes the large and central one. A picture without a
face is a failure to acquire for the one that finds none: its comparisons with the same person are false
non-matches at every threshold (ISO/IEC 19795-1), and it takes no part in those of two people.

The peer compares by Euclidean distance d. Here its similarity is 1 - d / 2, which puts all pairs in the same
order, and counts on the same grid as a cosine does. Its thresholds are for this similarity. "times": the
peer's FNMR over the pack's, each at its own threshold for the same FMR; "at least": the lower end of the 95 %
interval of that, people drawn anew, the same for both.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.progress import track

from common import machine
from visavis.evaluation.acquire import acquire
from visavis.evaluation.comparisons import BINS, Comparisons, all_pairs
from visavis.evaluation.folders import read_folders
from visavis.evaluation.rates import (
    FEWEST_FALSE_MATCHES,
    false_matches_at,
    fnmr_at,
    fnmr_intervals,
    fnmr_replicates,
    threshold_at,
)
from visavis.evaluation.store import Workplace
from visavis.examiner import Examiner
from visavis.packs.catalogue import PACKS
from visavis.packs.runtime import available_cores

if TYPE_CHECKING:
    from visavis.evaluation.comparisons import Booleans, Integers
    from visavis.evaluation.truth import Truth
    from visavis.geometry import Floats

FMRS = (1e-3, 1e-4, 1e-5)
SEED = 2008  # the year of LFW's protocols
ROWS = 512  # of the matrix of distances that are made at once
PEER = "face_recognition"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", action="append", help="may be given several times; all by default")
    parser.add_argument("--people", type=int, metavar="N", help="only N of the people, drawn at random")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    truth = drawn(read_folders(arguments.folder), arguments.people)
    print(machine())
    print(f"{len(truth.pictures):,} pictures of {len(truth.names):,} people")
    encodings, found = peer_encodings(truth)
    peer = by_distance(encodings, truth.person[found], truth.person[~found])
    theirs = described(PEER, peer, int((~found).sum()))
    systems = []
    for pack in arguments.pack or PACKS:
        examiner = Examiner(pack, threads=1)
        ours, without_face = by_cosine(truth, examiner)
        beside = times(ours, peer)
        systems.append(
            {"fingerprint": examiner.fingerprint, **described(pack, ours, without_face, beside=beside)}
        )
    if arguments.figures:
        figures = {
            "machine": machine(),
            "people": len(truth.names),
            "pictures": len(truth.pictures),
            "peer": theirs,
            "packs": systems,
        }
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def drawn(truth: Truth, people: int | None) -> Truth:
    """Some of the people, drawn at random."""
    order = np.random.default_rng(SEED).permutation(len(truth.names))[:people]
    chosen = np.flatnonzero(np.isin(truth.person, order))
    names, person = np.unique(truth.person[chosen], return_inverse=True)
    return dataclasses.replace(
        truth,
        pictures=tuple(truth.pictures[index] for index in chosen),
        picture_names=tuple(truth.picture_names[index] for index in chosen),
        person=person,
        names=tuple(truth.names[index] for index in names),
    )


# The peer


def peer_encodings(truth: Truth) -> tuple[Floats, Booleans]:
    """The peer's encoding of each picture with a face, n x 128, and which pictures those are."""
    # In processes, for dlib holds the interpreter while it works; none of them inherits our threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(available_cores(), mp_context=context, initializer=_quiet) as pool:
        made = pool.map(encoding, truth.pictures, chunksize=8)
        encodings = list(track(made, total=len(truth.pictures), description=PEER))
    found = np.array([each is not None for each in encodings])
    return np.stack([each for each in encodings if each is not None]), found


def encoding(path: Path) -> Floats | None:
    """The peer's encoding of the largest face that its default detector finds; None where it finds none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its models are found through pkg_resources, which warns
        import face_recognition

    picture = face_recognition.load_image_file(path)
    boxes = face_recognition.face_locations(picture)
    if not boxes:
        return None
    largest = max(boxes, key=lambda box: (box[2] - box[0]) * (box[1] - box[3]))  # top, right, bottom, left
    [found] = face_recognition.face_encodings(picture, known_face_locations=[largest])
    return np.asarray(found)


def _quiet() -> None:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"


def by_distance(encodings: Floats, person: Integers, missing: Integers) -> Comparisons:
    """Every encoding against every other by 1 - d / 2, d their Euclidean distance, counted as a cosine is.

    No impostor comparison is kept with its people: of FMR there is a rate here, and no interval.
    """
    people = 1 + int(max(person.max(initial=-1), missing.max(initial=-1)))
    histogram = np.zeros(BINS, dtype=np.int64)
    genuine = [np.empty(0, dtype=np.int64)]
    for rows, bins in _blocks(encodings):
        for row, own in zip(range(rows.start, rows.stop), bins, strict=True):
            after = own[row + 1 :]
            same = person[row + 1 :] == person[row]
            histogram += np.bincount(after[~same], minlength=BINS)
            genuine.append(person[row] * BINS + after[same])
    keys, counts = np.unique(np.concatenate(genuine), return_counts=True)
    pictures_of = np.bincount(person, minlength=people)
    meant = pictures_of + np.bincount(missing, minlength=people)
    return Comparisons(
        people=people,
        pictures_of=pictures_of,
        genuine_person=keys // BINS,
        genuine_bin=keys % BINS,
        genuine_count=counts,
        lost=(meant * (meant - 1) - pictures_of * (pictures_of - 1)) // 2,
        histogram=histogram,
        kept_bin=np.empty(0, dtype=np.int64),
        kept_people=np.empty((0, 2), dtype=np.int64),
        kept_weight=np.empty(0, dtype=np.float32),
        kept_share=np.empty(0, dtype=np.float32),
    )


def _blocks(encodings: Floats) -> Iterator[tuple[slice, Integers]]:
    """Bins of the similarities of some rows to all encodings."""
    squares = (encodings**2).sum(axis=1)
    assert squares.max(initial=0) < 4, "distances from 4 on would all be counted as one"
    for start in range(0, len(encodings), ROWS):
        rows = slice(start, min(start + ROWS, len(encodings)))
        squared = squares[rows, None] + squares[None, :] - 2 * encodings[rows] @ encodings.T
        similarities = 1 - np.sqrt(squared.clip(min=0)) / 2
        yield rows, ((similarities + 1) * (BINS / 2)).clip(0, BINS - 1).astype(np.int64)


# visavis


def by_cosine(truth: Truth, examiner: Examiner) -> tuple[Comparisons, int]:
    """The comparisons of a pack, and how many pictures gave it no template."""
    about = f"beside a peer {len(truth.pictures)} {truth.pictures[0].parent.parent.resolve()}"
    with Workplace(examiner.fingerprint, about) as workplace:
        acquired = acquire(truth, examiner, workplace=workplace)
        workplace.finish()
    if acquired.dropped:
        raise SystemExit(f"{acquired.dropped[0]}: both must get the same pictures, so leave it out")
    has = acquired.acquired
    return all_pairs(acquired.vectors, truth.person[has], missing=truth.person[~has]), int((~has).sum())


# What it comes to


def described(
    name: str, comparisons: Comparisons, without_face: int, *, beside: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Print one system's rates, and give them as plain data."""
    print(f"\n{name}: {without_face} pictures without a face")
    print(f"{'FMR':>8}{'threshold':>11}{'FNMR per person':>17}{'pooled':>9}", end="")
    print(f"{'times':>10}{'at least':>10}{'pooled':>10}{'at least':>10}" if beside else "")
    rows = []
    thresholds = [threshold_at(comparisons, fmr) for fmr in FMRS]
    pooled, per_person = fnmr_intervals(comparisons, thresholds)
    for place, (fmr, threshold) in enumerate(zip(FMRS, thresholds, strict=True)):
        fnmr, own = fnmr_at(comparisons, threshold)
        enough = false_matches_at(comparisons, threshold) >= FEWEST_FALSE_MATCHES
        row: dict[str, Any] = {"fmr_target": fmr, "threshold": threshold, "supported": enough}
        row |= {"fnmr": fnmr, "fnmr_low": pooled[place].low, "fnmr_high": pooled[place].high}
        row |= {
            "fnmr_per_person": own,
            "fnmr_per_person_low": per_person[place].low,
            "fnmr_per_person_high": per_person[place].high,
        }
        print(f"{fmr:8.0e}{threshold:11.4f}{own:17.2%}{fnmr:9.2%}", end="")
        if beside:
            row |= beside[place]
            names = ("times_per_person", "times_per_person_low", "times", "times_low")
            shown = [beside[place][name] for name in names]
            print("".join("       inf" if each is None else f"{each:10.1f}" for each in shown), end="")
        print("" if enough else "   too few false matches for a rate")
        rows.append(row)
    return {"name": name, "without_face": without_face, "rows": rows}


def times(ours: Comparisons, peer: Comparisons) -> list[dict[str, Any]]:
    """How many times the peer's FNMR is ours, each at its threshold for the same FMR; None: without limit."""
    here, there = ([threshold_at(each, fmr) for fmr in FMRS] for each in (ours, peer))
    found: list[dict[str, Any]] = [{} for _ in FMRS]
    names = ("times", "times_per_person")
    # The draws of people are those of one seed, so they are the same for both.
    for which, (name, mine, other) in enumerate(
        zip(names, fnmr_replicates(ours, here), fnmr_replicates(peer, there), strict=True)
    ):
        for place in range(len(FMRS)):
            rate, beside = fnmr_at(ours, here[place])[which], fnmr_at(peer, there[place])[which]
            found[place][name] = beside / rate if rate else None
            drawn_anew = other[:, place] / np.maximum(mine[:, place], 1e-12)
            low = float(np.quantile(drawn_anew, 0.025))
            found[place][f"{name}_low"] = low if low < 1e6 else None
    return found


if __name__ == "__main__":
    main()
