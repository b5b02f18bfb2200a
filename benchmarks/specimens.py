"""Fictional documents drawn, photographed in simulation, and read: what is found, and what it costs a face.

    python benchmarks/specimens.py FOLDER
    python benchmarks/specimens.py FOLDER --specimens 1000 --processes 2 --pack sface --figures FILE

FOLDER holds one folder for each person with that person's pictures. Each specimen bears the face of another
person, those with two pictures or more first, and is photographed at each of the three severities of
`visavis.documents.camera`, which turns some pictures by quarters. Of a card both sides are photographed, and
read as two pictures of one document. Kinds come in turn; every other specimen of a kind has a ghost portrait.
Printed is one of the person's pictures on which a face was found.

"portrait", "ghost": a face was taken for it that lies in its true place. "zone": each character is right.
"corners": each lies within 2 % of the page's longer edge of its true place. Intervals are Wilson's, 95 %.

Then the portrait as it was read, and for comparison the picture that was printed, are compared with all other
pictures of the person, at the threshold that the pack's calibration has for FMR 1 in 10,000. A portrait
without a template is a failure to acquire: all its comparisons are false non-matches (ISO/IEC 19795-1).
"loss": how much higher FNMR per person is than that of the picture, its interval from people drawn anew.
FMR: the same portraits compared with all pictures of the other people, at the same threshold.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import Progress, track

from common import machine
from visavis.decision.calibration import shipped
from visavis.decision.policy import Policy
from visavis.decision.reasons import poverty
from visavis.documents import camera, specimen
from visavis.documents.document import Document, read_document
from visavis.documents.reader import DocumentReader
from visavis.evaluation.acquire import POLICY, acquire
from visavis.evaluation.folders import read_folders
from visavis.evaluation.rates import REPLICATES, ends, wilson
from visavis.evaluation.store import Workplace
from visavis.examiner import Examiner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.documents.camera import Shot
    from visavis.documents.specimen import Specimen
    from visavis.evaluation.acquire import Acquired
    from visavis.evaluation.comparisons import Booleans, Integers
    from visavis.evaluation.truth import Truth
    from visavis.geometry import Box, Floats

SEED = 9303
FMR = 1e-4
CORNER = 0.02  # of the page's longer edge
TARGETS = {"portrait": (0.99, 0.98, 0.95), "zone": (0.99, 0.97, 0.85)}  # shares, by severity
MOST_LOST = 0.015  # of FNMR, at the mildest severity
COUNTED = ("portrait", "ghost", "zone", "corners")
ROWS = 256  # of the matrix of similarities that are made at once


@dataclass(frozen=True, slots=True)
class Task:
    """One specimen to draw; all that is random follows from its seed."""

    picture: Path
    kind: str
    ghost: bool
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What was read of a specimen at one severity.

    Attributes:
        portrait: Whether a face in its place was taken for the portrait.
        ghost: The same of the ghost portrait; None where none is drawn.
        stray_ghost: Whether something else was taken for a ghost portrait.
        zone: Whether all lines are right.
        valid: Whether their check digits are.
        corners: Whether the page's corners are, on the side with the zone.
        ms: Wall time for each of the document's pictures.
        poor: Whether `visavis verify` would by default refuse to compare the portrait.
        vector: Of the portrait's template, or None.
    """

    portrait: bool
    ghost: bool | None
    stray_ghost: bool
    zone: bool
    valid: bool
    corners: bool
    ms: float
    poor: bool
    vector: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Misses:
    """False non-matches of each person who has another picture, and all mated comparisons of each."""

    missed: Integers
    total: Integers

    @property
    def own(self) -> Floats:
        """FNMR of each person."""
        return self.missed / self.total

    def rates(self) -> dict[str, float]:
        """FNMR, pooled and as the mean over people."""
        return {
            "fnmr": float(self.missed.sum() / self.total.sum()),
            "fnmr_per_person": float(self.own.mean()),
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--specimens", type=int, default=1000, metavar="N")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    parser.add_argument("--pack", default="sface")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    examiner = Examiner(arguments.pack, threads=1)
    threshold = shipped(arguments.pack, examiner.fingerprint).threshold(FMR)
    truth = chosen(read_folders(arguments.folder), arguments.specimens, arguments.seed)
    about = f"specimens {arguments.specimens} {arguments.seed} {arguments.folder.resolve()}"
    acquired = templates(truth, examiner, about)
    printed = to_print(truth, acquired, arguments.seed)
    tasks = tasks_of([truth.pictures[picture] for picture in printed], arguments.seed)
    outcomes = list(read_all(tasks, arguments.pack, arguments.processes))
    faces = Faces(truth, acquired, printed, threshold)
    figures = {
        "machine": machine(),
        "pack": arguments.pack,
        "fingerprint": examiner.fingerprint,
        "seed": arguments.seed,
        "processes": arguments.processes,
        "specimens": len(tasks),
        "without_face": arguments.specimens - len(tasks),
        "fmr_target": FMR,
        "threshold": threshold,
        "most_lost": MOST_LOST,
        "picture": faces.measured([acquired.vectors[faces.row_of[picture]] for picture in printed]),
        "severities": [
            {"severity": severity}
            | counted(severity, [outcome[severity - 1] for outcome in outcomes])
            | faces.measured([outcome[severity - 1].vector for outcome in outcomes], loss=True)
            for severity in camera.SEVERITIES
        ],
    }
    report(figures)
    report_numbers(outcomes, faces)
    if arguments.figures:
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


# Who is drawn


def chosen(truth: Truth, people: int, seed: int) -> Truth:
    """The pictures of so many people drawn at random, those with two pictures or more first."""
    if not 0 < people <= len(truth.names):
        raise SystemExit(f"each specimen takes a person of its own: ask for 1 to {len(truth.names):,}")
    count = np.bincount(truth.person)
    order = np.random.default_rng(seed).permutation(len(count))
    order = order[np.argsort(count[order] < 2, kind="stable")][:people]
    kept = np.flatnonzero(np.isin(truth.person, order))
    place = {int(person): number for number, person in enumerate(order)}
    return dataclasses.replace(
        truth,
        pictures=tuple(truth.pictures[index] for index in kept),
        picture_names=tuple(truth.picture_names[index] for index in kept),
        person=np.array([place[int(truth.person[index])] for index in kept]),
        names=tuple(truth.names[person] for person in order),
    )


def templates(truth: Truth, examiner: Examiner, about: str) -> Acquired:
    """Templates of all pictures of the people drawn."""
    with (
        Progress(console=Console(stderr=True)) as bar,
        Workplace(examiner.fingerprint, about) as workplace,
    ):
        task = bar.add_task("pictures", total=len(truth.pictures))
        acquired = acquire(
            truth, examiner, workplace=workplace, progress=lambda done, _: bar.update(task, completed=done)
        )
        workplace.finish()
    return acquired


def to_print(truth: Truth, acquired: Acquired, seed: int) -> list[int]:
    """The picture of each person that is printed: one of those on which a face was found."""
    random = np.random.default_rng(seed)
    found = [
        np.flatnonzero((truth.person == person) & acquired.acquired) for person in range(len(truth.names))
    ]
    return [int(random.choice(pictures)) for pictures in found if pictures.size]


def tasks_of(pictures: Sequence[Path], seed: int) -> list[Task]:
    """All kinds in turn, each time with the ghost portrait or each time without."""
    kinds = list(specimen.KINDS)
    return [
        Task(picture, kinds[number % len(kinds)], number // len(kinds) % 2 == 0, seed + number)
        for number, picture in enumerate(pictures)
    ]


# Draw, photograph, read


def read_all(tasks: Sequence[Task], pack: str, processes: int) -> Iterator[list[Outcome]]:
    """The outcomes of each specimen by severity, in order; in processes, none of which has threads."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # which they inherit
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(pack,)) as pool:
        yield from track(
            pool.map(outcomes_of, tasks),
            total=len(tasks),
            description="specimens",
            console=Console(stderr=True),
        )


_tools: list[tuple[DocumentReader, Examiner]] = []
"""Of a process that reads: its networks."""


def _begin(pack: str) -> None:
    import cv2

    cv2.setNumThreads(1)
    _tools.append((DocumentReader(pack, threads=1), Examiner(pack, threads=1)))


def outcomes_of(task: Task) -> list[Outcome]:
    """Draw a specimen once; photograph and read it at each severity."""
    [(reader, examiner)] = _tools
    drawn = drawn_of(task, examiner)
    return [
        outcome_of(drawn, shots_of(drawn, severity, task.seed), reader, examiner)
        for severity in camera.SEVERITIES
    ]


def drawn_of(task: Task, examiner: Examiner) -> Specimen:
    """The specimen of a task."""
    examined = examiner.examine(task.picture, policy=POLICY)
    assert examined.evidence.face is not None, "the picture gave a template before"
    portrait = specimen.portrait_of(examined.photo, examined.evidence.face)
    holder = specimen.fictional(task.seed)
    return specimen.draw(task.kind, holder, portrait, ghost=task.ghost, seed=task.seed)


def shots_of(drawn: Specimen, severity: int, seed: int) -> list[Shot]:
    """A photograph of each side; of its own seed, whatever the side and the severity."""
    lines = list(drawn.line_boxes)
    sides = [(drawn.page, [drawn.portrait, *(lines if drawn.back is None else [])])]
    if drawn.back is not None:
        sides.append((drawn.back, lines))
    return [
        camera.photograph(pixels, severity=severity, seed=10 * seed + 2 * severity + number, spared=spared)
        for number, (pixels, spared) in enumerate(sides)
    ]


def outcome_of(drawn: Specimen, shots: Sequence[Shot], reader: DocumentReader, examiner: Examiner) -> Outcome:
    """Read a specimen's photographs and compare what is read with what is known."""
    start = time.perf_counter()
    document = read_document([shot.jpeg for shot in shots], reader=reader)
    ms = (time.perf_counter() - start) * 1000 / len(shots)
    vector, poor = None, False
    if document.portrait is not None:
        face, photo = document.portrait.face, document.portrait.photo
        examined = examiner.examine(photo, policy=POLICY, face=face.box)
        poor = poverty(examined.evidence, Policy()) is not None
        vector = None if examined.template is None else examined.template.vector
    ghost = document.ghost is not None and _ghost_found(document, drawn, shots[0])
    return Outcome(
        portrait=_portrait_found(document, drawn, shots[0]),
        ghost=None if drawn.ghost is None else ghost,
        stray_ghost=document.ghost is not None and not ghost,
        zone=document.mrz is not None and document.mrz.lines == drawn.lines,
        valid=document.mrz is not None and document.mrz.valid,
        corners=_corners_found(document, shots[-1]),
        ms=ms,
        poor=poor,
        vector=vector,
    )


def _portrait_found(document: Document, drawn: Specimen, shot: Shot) -> bool:
    """Whether all points of the face lie in the portrait's true place."""
    found = document.portrait
    return found is not None and found.page == 0 and _inside(found.face.points, shot, drawn.portrait)


def _ghost_found(document: Document, drawn: Specimen, shot: Shot) -> bool:
    """Whether the middle of the face does: its points are only roughly placed."""
    found = document.ghost
    if found is None or found.page != 0 or drawn.ghost is None:
        return False
    return _inside(np.array([found.face.box.centre]), shot, drawn.ghost)


def _inside(points: Floats, shot: Shot, box: Box) -> bool:
    """Whether points of the photograph lie in a part of the page."""
    right, bottom = box.x + box.width, box.y + box.height
    corners = shot.place(np.array([(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)]))
    edges, offsets = np.roll(corners, -1, axis=0) - corners, points[:, None] - corners
    return bool((edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0] > 0).all())


def _corners_found(document: Document, shot: Shot) -> bool:
    page = document.pages[-1].reading.page  # of a card the back, which has the zone
    if page is None:
        return False
    longest = np.linalg.norm(shot.corners - np.roll(shot.corners, 1, axis=0), axis=1).max()
    return bool(np.linalg.norm(page.corners - shot.corners, axis=1).max() <= CORNER * longest)


# What it comes to


def counted(severity: int, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What was found at one severity."""
    found: dict[str, Any] = {}
    for name in COUNTED:
        asked = [getattr(outcome, name) for outcome in outcomes if getattr(outcome, name) is not None]
        interval = wilson(sum(asked), len(asked))
        found[name] = {"count": sum(asked), "of": len(asked), "low": interval.low, "high": interval.high}
        if name in TARGETS:
            found[name]["target"] = TARGETS[name][severity - 1]
    found["valid_but_wrong"] = [
        number for number, outcome in enumerate(outcomes) if outcome.valid and not outcome.zone
    ]
    found["stray_ghosts"] = sum(outcome.stray_ghost for outcome in outcomes)
    found["poor"] = sum(outcome.poor for outcome in outcomes)
    found["median_ms"] = statistics.median(outcome.ms for outcome in outcomes)
    return found


class Faces:
    """Compares the specimens' faces with all pictures of the people drawn."""

    def __init__(self, truth: Truth, acquired: Acquired, printed: Sequence[int], threshold: float) -> None:
        """See `main`; `printed` are pictures of `truth`."""
        self._vectors, self._threshold = acquired.vectors, threshold
        self._pictures = np.flatnonzero(acquired.acquired)
        self._person = truth.person[self._pictures]
        self._printed = np.array(printed)
        self._holder = truth.person[self._printed]
        self.row_of = {int(picture): row for row, picture in enumerate(self._pictures)}
        readable = np.bincount(truth.person[acquired.readable], minlength=len(truth.names))
        self._total = readable[self._holder] - 1
        self._several = self._total > 0
        self._picture = self._misses([self._vectors[self.row_of[each]] for each in printed])[0]

    def measured(self, vectors: Sequence[Floats | None], *, loss: bool = False) -> dict[str, Any]:
        """FNMR and FMR of one vector for each specimen, None where it has none."""
        misses, impostors, false_matches = self._misses(vectors)
        failed = np.array([vector is None for vector in vectors])
        found: dict[str, Any] = {
            "people": int(self._several.sum()),
            "genuine": int(misses.total.sum()),
            "failures_to_acquire": int(failed.sum()),
            "failures_to_acquire_compared": int(failed[self._several].sum()),
            **misses.rates(),
            "impostors": impostors,
            "false_matches": false_matches,
            "fmr": false_matches / max(impostors, 1),
        }
        if loss:
            found |= lost(self._picture, misses)
        return found

    def unlike(self, vectors: Sequence[Floats | None]) -> list[int]:
        """Which specimens have more false non-matches than the picture that was printed."""
        worse = self._misses(vectors)[0].missed > self._picture.missed
        return [int(number) for number in np.flatnonzero(self._several)[worse]]

    def _misses(self, vectors: Sequence[Floats | None]) -> tuple[Misses, int, int]:
        """False non-matches, comparisons of two people, and how many of those are false matches."""
        matched = np.zeros(len(vectors), dtype=np.int64)
        impostors = false_matches = 0
        having = np.array([number for number, vector in enumerate(vectors) if vector is not None], dtype=int)
        for start in range(0, len(having), ROWS):
            rows = having[start : start + ROWS]
            reached = np.stack([vectors[row] for row in rows]) @ self._vectors.T >= self._threshold
            same = self._holder[rows, None] == self._person
            own: Booleans = self._printed[rows, None] == self._pictures
            matched[rows] = (reached & same & ~own).sum(axis=1)
            impostors += int((~same).sum())
            false_matches += int((reached & ~same).sum())
        several = self._several
        missed = (self._total - matched)[several]  # other pictures without a template among them
        return Misses(missed, self._total[several]), impostors, false_matches


def lost(picture: Misses, portrait: Misses) -> dict[str, float]:
    """How much FNMR rises, with the interval over people drawn anew."""
    people = len(picture.total)
    draws: NDArray[np.int64] = np.random.default_rng(SEED).integers(people, size=(REPLICATES, people))
    more = portrait.missed - picture.missed
    drawn = [
        (portrait.own - picture.own)[draws].mean(axis=1),
        more[draws].sum(axis=1) / picture.total[draws].sum(axis=1),
    ]
    values = [float((portrait.own - picture.own).mean()), float(more.sum() / picture.total.sum())]
    found: dict[str, float] = {}
    intervals = ends(np.stack(drawn, axis=1))
    for name, value, interval in zip(("loss_per_person", "loss"), values, intervals, strict=True):
        found |= {name: value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return found


def report(figures: dict[str, Any]) -> None:
    """Print a table."""
    severities, picture = figures["severities"], figures["picture"]
    print(figures["machine"])
    print(f"{figures['specimens']:,} specimens from seed {figures['seed']}", end="")
    print(f", {figures['without_face']} people without a face on any picture")
    print(f"{figures['pack']} {figures['fingerprint']}, threshold {figures['threshold']:.4f}\n")
    _line("severity", "picture", [str(each["severity"]) for each in severities])
    for name in COUNTED:
        _line(name, "", [_share(each[name]) for each in severities])
    _line("valid but wrong", "", [str(len(each["valid_but_wrong"])) for each in severities])
    _line("stray ghosts", "", [str(each["stray_ghosts"]) for each in severities])
    _line("too poor by default", "", [str(each["poor"]) for each in severities])
    _line("median ms a picture", "", [f"{each['median_ms']:.0f}" for each in severities])
    _line("failures to acquire", *_acquired(picture, severities))
    for name in ("fnmr_per_person", "fnmr"):
        _line(name, f"{picture[name]:.2%}", [f"{each[name]:.2%}" for each in severities])
    for name in ("loss_per_person", "loss"):
        _line(name, "", [_points(each, name) for each in severities])
    _line("fmr", _fmr(picture), [_fmr(each) for each in severities])
    print(f"\n{picture['people']:,} people have another picture: {picture['genuine']:,} mated comparisons.")
    print(f"loss_per_person at severity 1 is to be at most {100 * MOST_LOST:.1f} points.")


def _line(name: str, picture: str, cells: Sequence[str]) -> None:
    print(f"{name:<20}{picture:>22}" + "".join(f"{cell:>31}" for cell in cells))


def _acquired(picture: dict[str, Any], severities: Sequence[dict[str, Any]]) -> tuple[str, list[str]]:
    """Portraits without a template, and how many of those have a picture to be compared with."""
    told = [
        f"{each['failures_to_acquire']}, compared {each['failures_to_acquire_compared']}"
        for each in (picture, *severities)
    ]
    return told[0], told[1:]


def report_numbers(outcomes: Sequence[Sequence[Outcome]], faces: Faces) -> None:
    """Print which specimens failed where; the seed of number n is the first one's plus n."""
    for severity, found in zip(camera.SEVERITIES, zip(*outcomes, strict=True), strict=True):
        failed = {
            f"{name} missed": [n for n, outcome in enumerate(found) if getattr(outcome, name) is False]
            for name in COUNTED
        }
        failed["valid but wrong"] = [
            n for n, outcome in enumerate(found) if outcome.valid and not outcome.zone
        ]
        failed["more false non-matches"] = faces.unlike([outcome.vector for outcome in found])
        for name, numbers in failed.items():
            if numbers:
                print(f"severity {severity}, {name}: {' '.join(map(str, numbers))}")


def _share(found: dict[str, Any]) -> str:
    target = f", {found['target']:.0%}" if "target" in found else ""
    return f"{found['count'] / max(found['of'], 1):.1%} ({found['low']:.1%} to {found['high']:.1%}){target}"


def _points(rates: dict[str, float], name: str) -> str:
    return (
        f"{100 * rates[name]:+.2f} ({100 * rates[f'{name}_low']:+.2f} to {100 * rates[f'{name}_high']:+.2f})"
    )


def _fmr(rates: dict[str, Any]) -> str:
    return f"{rates['fmr']:.1e} ({rates['false_matches']:,} of {rates['impostors']:,})"


if __name__ == "__main__":
    main()
