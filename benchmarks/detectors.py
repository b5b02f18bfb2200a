"""Which network finds faces, and which one places the five points: the arrangements side by side.

    python benchmarks/detectors.py FOLDER --pack edgeface-xs
    python benchmarks/detectors.py FOLDER --pack edgeface-xs --people 200 --figures FILE.json

FOLDER holds one folder for each person with that person's pictures, as for `visavis evaluate`. All
arrangements see the same pictures in turn, choose the largest central face, and feed the same recogniser;
nothing is refused.

First table: FNMR is the mean of each person's own, at three FMRs, and over nine of them from 1e-5 to 1e-3,
which is steadier: one person more or less who fails moves the figure at a single FMR far. That mean also on
one half of the people, on which an arrangement is chosen, and the other, which confirms it. "none": pictures
without a face, which fail at every threshold. "apart": pictures where the points that count differ from those
that YuNet found the face with by more than the product tolerates; in one pass of CenterFace that includes
another choice of the face. "ms": median time of finding and placing in a picture, on one thread.

Second table: pictures turned clockwise by quarters; in what share of them the face's direction from eyes to
mouth comes out at most 40 degrees from the truth, that of an upright picture being straight down.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.progress import track

from common import machine
from visavis import geometry
from visavis.evaluation.comparisons import Comparisons, all_pairs
from visavis.evaluation.rates import fnmr_at, threshold_at
from visavis.examiner import Clock
from visavis.faces import centerface, yunet
from visavis.faces.align import align, warp
from visavis.faces.choose import choose
from visavis.faces.detect import (
    CROP_SIDE,
    DOUBTFUL,
    NEAR_CENTRE,
    THRESHOLD,
    Detector,
    _canvas,  # CenterFace gets the whole picture prepared exactly as YuNet does
    _fit,
    central_first,
    detail_for,
)
from visavis.faces.face import Face
from visavis.faces.recognise import Recogniser, Template
from visavis.geometry import Box
from visavis.packs.install import Installed, require
from visavis.packs.runtime import Network
from visavis.photo import Photo

if TYPE_CHECKING:
    from visavis.evaluation.comparisons import Booleans, Integers
    from visavis.geometry import Floats, Point

TARGETS = (1e-3, 1e-4, 1e-5)
STEADY = tuple(float(fmr) for fmr in np.logspace(-5, -3, 9))
WHOLE_SIDE = 640  # longer side at most, in pixels, of a whole picture that is looked at once
YUNET_LARGER = 1.4  # faces on the crop than for CenterFace: YuNet placed best so, of 0.5, 0.7, 1, 1.4 and 1.8
SWAPPED = [1, 0, 2, 4, 3]  # the points of a face in its mirror image
TURNS = (0, 90, 180, 270)
UPRIGHT_WITHIN = 40.0  # degrees
SEED = 2020


class OnePass:
    """CenterFace over the whole picture: finds faces and places their points in one run."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self, photo: Photo) -> tuple[Face, ...]:
        """All faces, largest and most central first."""
        pixels, scale = _fit(photo.pixels, WHOLE_SIDE)
        scale *= photo.scale
        outputs = self._network(_canvas(pixels, 0)[None])
        rows, columns = np.nonzero(outputs["heatmap"][0, 0] > THRESHOLD)
        repeated = {
            name: np.broadcast_to(planes[0], (len(rows), *planes.shape[1:]))
            for name, planes in outputs.items()
        }
        finds = centerface.decode(repeated, rows, columns)
        faces = []
        for kept in geometry.suppress(finds.boxes, finds.scores, overlap=yunet.OVERLAP):
            x, y, width, height = (float(value) for value in finds.boxes[kept] / scale)
            points = landmarks(finds.points[kept] / scale)
            faces.append(Face(Box(x, y, width, height), points, float(finds.scores[kept])))
        return central_first(tuple(faces), photo)


class Finder(Detector):
    """YuNet alone: a single look at a turned picture, and a second look of its own at the crop."""

    def look(self, photo: Photo, turned: int) -> tuple[Face, ...]:
        """Faces of the photo turned clockwise by `turned` degrees, largest and most central first."""
        side = min(WHOLE_SIDE, max(photo.width, photo.height))
        return central_first(self._look(photo, side, turned=turned), photo)

    def _place(self, photo: Photo, face: Face, inter_eye: int) -> Face:
        """As the product's, but by YuNet on a crop that suits it; `Detector.place` decides in the same way.

        Where the second look finds no face in the middle of the crop, it disagrees infinitely.
        """
        target = self._canonical * inter_eye * YUNET_LARGER + CROP_SIDE / 2
        to_crop = geometry.similarity_transform(face.points, target)
        crop = warp(photo, to_crop, CROP_SIDE)
        finds = yunet.decode(self._finder(crop[None]), CROP_SIDE, CROP_SIDE, threshold=THRESHOLD)
        centres = finds.boxes[:, :2] + finds.boxes[:, 2:] / 2
        near = np.linalg.norm(centres - CROP_SIDE / 2, axis=1) < NEAR_CENTRE * CROP_SIDE
        if not near.any():
            return replace(face, disagreement=float("inf"))
        best = int(np.argmax(near))  # the finds come best first
        points = geometry.apply(geometry.invert(to_crop), finds.points[best])
        placed = replace(face, landmarks=landmarks(points))
        return replace(placed, disagreement=apart(placed, face))


class Twice(Detector):
    """Points placed on the crop and on its mirror image, and averaged."""

    def _place(self, photo: Photo, face: Face, inter_eye: int) -> Face:
        mirror = np.array([[-1.0, 0.0, photo.width], [0.0, 1.0, 0.0]])
        mirrored = Photo.from_pixels(np.ascontiguousarray(photo.pixels[:, ::-1]))
        if mirrored.width != photo.width:  # decoded at a scale: there is nothing to gain
            return super()._place(photo, face, inter_eye)
        turned = replace(face, landmarks=landmarks(geometry.apply(mirror, face.points)[SWAPPED]))
        other = geometry.apply(mirror, super()._place(mirrored, turned, inter_eye).points)[SWAPPED]
        points = (super()._place(photo, face, inter_eye).points + other) / 2
        placed = replace(face, landmarks=landmarks(points))
        return replace(placed, disagreement=apart(placed, face))


@dataclass(slots=True)
class Arrangement:
    """A way from a photo to five points, and what came of it, picture by picture.

    Attributes:
        name: What it is called in the table.
        find: All faces of a photo, largest and most central first.
        place: Moves the points of the one that counts; None where they stay.
        second: Whether there is something that YuNet's points can disagree with.
        templates: Of each picture; None where no face was found.
        milliseconds: Time of finding and placing in each picture.
        apart: In how many pictures the points lie further than `DOUBTFUL` from YuNet's.
    """

    name: str
    find: Callable[[Photo], tuple[Face, ...]]
    place: Callable[[Photo, Face], Face] | None = None
    second: bool = True
    templates: list[Template | None] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    apart: int = 0

    def take(self, photo: Photo, own: Face | None, recognise: Callable[[Photo, Face], Template]) -> None:
        """Add a picture; `own` is the face that counts as YuNet alone sees it."""
        clock = Clock()
        with clock("find"):
            face = choose(self.find(photo), "largest_central").face
        if face is not None:
            photo = photo.finer(detail_for(face))
            if self.place is not None:
                with clock("place"):
                    face = self.place(photo, face)
        self.milliseconds.append(sum(clock.timings_ms.values()))
        self.templates.append(None if face is None else recognise(photo, face))
        if face is not None and own is not None:
            disagreement = apart(face, own) if face.disagreement is None else face.disagreement
            self.apart += disagreement > DOUBTFUL


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", default="sface")
    parser.add_argument("--people", type=int, metavar="N", help="only N of the people, drawn at random")
    parser.add_argument("--turned", type=int, default=1000, metavar="N", help="pictures that are turned")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    random = np.random.default_rng(SEED)
    people = sorted(path for path in arguments.folder.iterdir() if path.is_dir())
    if arguments.people and arguments.people < len(people):
        people = [people[i] for i in sorted(random.choice(len(people), arguments.people, replace=False))]
    pictures = [path for folder in people for path in sorted(folder.iterdir()) if path.is_file()]
    _, person = np.unique([path.parent.name for path in pictures], return_inverse=True)
    installed = require(arguments.pack)
    print(machine())
    print(f"{arguments.pack} {installed.fingerprint}, {len(pictures)} pictures of {len(people)} people\n")
    rows = arrangements(installed, pictures, person)
    drawn = random.choice(len(pictures), min(arguments.turned, len(pictures)), replace=False)
    turned = turned_pictures(installed, [pictures[i] for i in sorted(drawn)])
    if arguments.figures:
        figures = {
            "machine": machine(),
            "pack": arguments.pack,
            "fingerprint": installed.fingerprint,
            "people": len(people),
            "pictures": len(pictures),
            "arrangements": rows,
            "pictures_turned": len(drawn),
            "turned": turned,
        }
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def arrangements(installed: Installed, pictures: Sequence[Path], person: Integers) -> list[dict[str, Any]]:
    """Print the first table."""
    pack = installed.pack
    networks = {role: Network(installed.model(role), threads=1) for role in pack.files}
    finder, placer = networks["detector"], networks["landmarks"]
    recogniser = Recogniser(
        [(networks[role], len(each.views)) for role, each in pack.recognisers_by_role.items()],
        pack=pack.name,
        fingerprint=installed.fingerprint,
    )
    product, alone, one_pass = Detector(finder, placer), Finder(finder, placer), OnePass(placer)
    twice = Twice(finder, placer)

    def find(photo: Photo) -> tuple[Face, ...]:
        return product.find(photo).faces

    def recognise(photo: Photo, face: Face) -> Template:
        [template] = recogniser([align(photo, face, pack.views)])
        return template

    compared = [
        Arrangement("YuNet finds, its own points", find, second=False),
        Arrangement("CenterFace finds and places in one pass over the whole picture", one_pass),
        Arrangement("YuNet finds, YuNet places again on the crop", find, alone.place),
        Arrangement("YuNet finds, CenterFace places on the crop", find, product.place),
        Arrangement("YuNet finds, CenterFace places on the crop and on its mirror image", find, twice.place),
    ]
    for path in track(pictures, description="arrangements"):
        photo = Photo.open(path)
        own = choose(find(photo), "largest_central").face
        for arrangement in compared:
            arrangement.take(photo, own, recognise)
    width = max(len(arrangement.name) for arrangement in compared)
    fmrs = "".join(f"{fmr:>9.0e}" for fmr in TARGETS)
    print(f"{'FNMR per person at FMR':<{width}}{fmrs}{'mean':>9}{'of half':>9}{'others':>9}", end="")
    print(f"{'none':>7}{'apart':>7}{'ms':>7}")
    half = np.zeros(int(person.max()) + 1, dtype=bool)
    half[np.random.default_rng(SEED).permutation(len(half))[: len(half) // 2]] = True
    rows = []
    for arrangement in compared:
        comparisons = compare(arrangement.templates, person)
        of_half, others = (steady(compare(arrangement.templates, person, people)) for people in (half, ~half))
        at = [per_person(comparisons, fmr) for fmr in TARGETS]
        row = {
            "name": arrangement.name,
            "fnmr_per_person": {f"{fmr:.0e}": rate for fmr, rate in zip(TARGETS, at, strict=True)},
            "mean": steady(comparisons),
            "mean_of_half": of_half,
            "mean_of_others": others,
            "none": sum(template is None for template in arrangement.templates),
            "apart": arrangement.apart if arrangement.second else None,
            "median_ms": statistics.median(arrangement.milliseconds),
        }
        rows.append(row)
        rates = "".join(f"{rate:>9.3%}" for rate in (*at, row["mean"], of_half, others))
        many = "-" if row["apart"] is None else row["apart"]
        print(f"{arrangement.name:<{width}}{rates}{row['none']:>7}{many:>7}{row['median_ms']:>7.2f}")
    return rows


def turned_pictures(installed: Installed, pictures: Sequence[Path]) -> list[dict[str, Any]]:
    """Print the second table."""
    finder, placer = (Network(installed.model(role), threads=1) for role in ("detector", "landmarks"))
    detector = Finder(finder, placer)
    right = {
        "the product's way, Detector.find": dict.fromkeys(TURNS, 0),
        "turned by eyes to mouth of the first look, looked at again": dict.fromkeys(TURNS, 0),
        "highest score of four turns": dict.fromkeys(TURNS, 0),
    }
    for path in track(pictures, description="turned"):
        pixels = Photo.open(path).pixels
        for degrees in TURNS:
            photo = Photo.from_pixels(np.rot90(pixels, -degrees // 90))
            looks = {turned: detector.look(photo, turned) for turned in TURNS}
            ways = (detector.find(photo).faces, by_direction(looks), max(looks.values(), key=confidence))
            for counts, faces in zip(right.values(), ways, strict=True):
                counts[degrees] += is_upright(faces, degrees)
    width = max(len(name) for name in right)
    print(f"\n{f'{len(pictures)} pictures turned by':<{width}}{'':>3}", end="")
    print("".join(f"{degrees:>9}" for degrees in TURNS), f"{'all':>9}", sep="")
    rows = []
    for name, counts in right.items():
        shares = [counts[degrees] / len(pictures) for degrees in TURNS]
        every = statistics.mean(shares)
        rows.append({"name": name, "upright": dict(zip(TURNS, shares, strict=True)), "all": every})
        print(f"{name:<{width}}{'':>3}" + "".join(f"{share:>9.1%}" for share in (*shares, every)))
    return rows


def by_direction(looks: dict[int, tuple[Face, ...]]) -> tuple[Face, ...]:
    """Faces after turning by the quarters that bring the first look's direction closest to straight down."""
    if not looks[0]:
        return ()
    return looks[-round(looks[0][0].roll_deg / 90) * 90 % 360]


def is_upright(faces: tuple[Face, ...], turned: int) -> bool:
    """Whether the first face would come upright onto a chip, found on a picture turned by `turned`."""
    if not faces:
        return False
    off = (faces[0].roll_deg - turned + 180) % 360 - 180
    return abs(off) <= UPRIGHT_WITHIN


def confidence(faces: tuple[Face, ...]) -> float:
    return faces[0].confidence if faces else 0.0


def apart(one: Face, other: Face) -> float:
    """Largest distance between two ideas of a point, as `Face.disagreement` has it."""
    distance = np.linalg.norm(one.points - other.points, axis=1).max()
    return float(distance / max(one.inter_eye_px, other.inter_eye_px))


def landmarks(points: Floats) -> tuple[Point, Point, Point, Point, Point]:
    """5 x 2 points as a face keeps them."""
    first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
    return first, second, third, fourth, fifth


def compare(
    templates: Sequence[Template | None], person: Integers, people: Booleans | None = None
) -> Comparisons:
    """All pairs, or those among some of the people; a picture without a template fails at every threshold."""
    part = np.ones(len(person), dtype=bool) if people is None else people[person]
    acquired = np.array([template is not None for template in templates])
    renumbered = np.unique(person[part], return_inverse=True)[1]
    chosen = [
        template.vector for template, wanted in zip(templates, part, strict=True) if template and wanted
    ]
    return all_pairs(np.stack(chosen), renumbered[acquired[part]], missing=renumbered[~acquired[part]])


def steady(comparisons: Comparisons) -> float:
    """FNMR per person, averaged over `STEADY`."""
    return statistics.mean(per_person(comparisons, fmr) for fmr in STEADY)


def per_person(comparisons: Comparisons, fmr: float) -> float:
    """FNMR with each person weighing the same, where FMR is at most `fmr`."""
    return fnmr_at(comparisons, threshold_at(comparisons, fmr))[1]


if __name__ == "__main__":
    main()
