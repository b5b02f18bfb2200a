"""How each pack is best run: chosen on one half of the people, confirmed on the other.

    python benchmarks/arrangements.py FOLDER
    python benchmarks/arrangements.py FOLDER --people 400 --figures FILE

FOLDER holds one folder for each person with that person's pictures; all packs must be installed. Faces are
found and their points placed once, as the product does it (detectors.py compares other ways); then each
arrangement cuts its chips and makes its templates of them.

A view is the size of the face on the chip, 1 as the recogniser was trained, and m where it is mirrored. FNMR
is the mean of each person's own. "mean": over nine FMRs from 1e-5 to 1e-3, which is steadier than the one at
1e-4: there, one person who fails moves the figure by a tenth of a point. "ms": what the recognisers take for
one face on one thread. The lowest mean of the first half is marked; "shipped" is what the pack does.

The last line: of faces that a picture shows beside the chosen one, how many are more like the person's other
pictures. They are counted, and nothing is said of which they are.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.progress import track

from common import machine
from visavis import geometry
from visavis.evaluation.acquire import POLICY
from visavis.evaluation.comparisons import Comparisons, all_pairs
from visavis.evaluation.folders import read_folders
from visavis.evaluation.rates import fnmr_at, threshold_at
from visavis.examiner import Examiner
from visavis.faces.align import CHIP_POINTS, CHIP_SIDE, align
from visavis.packs.catalogue import PACKS, View
from visavis.packs.install import require
from visavis.packs.runtime import Network, available_cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.evaluation.comparisons import Booleans, Integers
    from visavis.examiner import Examined
    from visavis.geometry import Floats

STEADY = tuple(float(fmr) for fmr in np.logspace(-5, -3, 9))
SEED = 2025
SINGLE = ("sface", "edgeface-xs", "edgeface-xxs")
VIEWS = tuple(View(scale, mirrored) for scale in (0.94, 1.0, 1.06) for mirrored in (False, True))
CUBIC = "cubic"  # one view of size 1, cut with cubic instead of linear interpolation
CHIPS = (*map(str, range(len(VIEWS))), CUBIC)

PLAIN, MIRRORED = View(), View(mirrored=True)
TWO_SIZES = (View(0.94), View(1.06, mirrored=True))
SETS: dict[str, tuple[View, ...]] = {
    "1": (PLAIN,),
    "1 1m": (PLAIN, MIRRORED),
    "0.94 1.06m": TWO_SIZES,
    "0.94m 1 1.06m": (View(0.94, mirrored=True), PLAIN, View(1.06, mirrored=True)),
    "0.94 0.94m 1.06 1.06m": (View(0.94), View(0.94, mirrored=True), View(1.06), View(1.06, mirrored=True)),
    "all six": VIEWS,
}


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A pack run in one way: for each of its recognisers which views."""

    pack: str
    parts: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """For the table."""
        return "  +  ".join(views if len(self.parts) == 1 else f"{who} {views}" for who, views in self.parts)


ARRANGEMENTS = (
    *(Arrangement(pack, ((pack, views),)) for pack in SINGLE for views in (*SETS, CUBIC)),
    *(
        Arrangement("duo", (("sface", first), ("edgeface-xs", second)))
        for first, second in (("1", "1"), ("1 1m", "1 1m"), ("0.94 1.06m", "1"), ("0.94 1.06m", "0.94 1.06m"))
    ),
)
SHIPPED = {
    "sface": "0.94 1.06m",
    "edgeface-xs": "1",
    "edgeface-xxs": "0.94 1.06m",
    "duo": "sface 0.94 1.06m  +  edgeface-xs 1",
}


class Recognisers:
    """The networks of the single packs; every chip's vector apart."""

    def __init__(self) -> None:
        self._networks = {pack: Network(require(pack).model("recogniser"), threads=1) for pack in SINGLE}

    def __call__(self, seen: Examined) -> dict[str, NDArray[np.float16]]:
        """For each recogniser the vectors of `CHIPS`, each of length 1."""
        assert seen.evidence.face is not None
        chips = np.concatenate([align(seen.photo, seen.evidence.face, VIEWS), _cubic(seen)[None]])
        vectors = {pack: network(chips)["template"] for pack, network in self._networks.items()}
        return {pack: _unit(found).astype(np.float16) for pack, found in vectors.items()}

    def milliseconds(self, pack: str, count: int) -> float:
        """Median time for one face of `count` chips."""
        chips = np.zeros((count, CHIP_SIDE, CHIP_SIDE, 3), dtype=np.uint8)
        times = []
        for _ in range(30):
            start = time.perf_counter()
            self._networks[pack](chips)
            times.append(1000 * (time.perf_counter() - start))
        return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, metavar="N", help="only N of the people, drawn at random")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for pack, shipped in SHIPPED.items():
        _check(pack, shipped)
    truth = read_folders(arguments.folder)
    random = np.random.default_rng(SEED)
    order = random.permutation(len(truth.names))[: arguments.people]
    chosen = np.flatnonzero(np.isin(truth.person, order))
    person = np.unique(truth.person[chosen], return_inverse=True)[1]
    examiner, recognisers = Examiner("duo", threads=1), Recognisers()

    def look(index: int) -> tuple[dict[str, NDArray[np.float16]], list[Floats]] | None:
        seen = examiner.examine(truth.pictures[index], policy=POLICY)
        if seen.template is None:
            return None
        others = [
            other.template.vector
            for face in seen.evidence.others
            if (other := examiner.examine(seen.photo, policy=POLICY, face=face.box)).template is not None
        ]
        return recognisers(seen), [seen.template.vector, *others]

    with ThreadPoolExecutor(available_cores()) as pool:
        found = list(track(pool.map(look, chosen.tolist()), total=len(chosen), description="pictures"))
    has = np.array([each is not None for each in found])
    vectors = {pack: np.stack([each[0][pack] for each in found if each]) for pack in SINGLE}
    first = np.zeros(int(person.max()) + 1, dtype=bool)
    first[random.permutation(len(first))[: len(first) // 2]] = True
    print(machine())
    print(f"{len(chosen):,} pictures of {len(first):,} people, {int((~has).sum())} without a face\n")
    rows = arrangements(vectors, person, has, first, recognisers)
    wrong, several = wrong_faces([each[1] for each in found if each], person[has])
    print(
        f"\n{several} other faces beside a person of whom there are other pictures; more like them: {wrong}"
    )
    if arguments.figures:
        figures = {
            "machine": machine(),
            "people": len(first),
            "pictures": len(chosen),
            "arrangements": rows,
            "other_faces": several,
            "wrong_faces": wrong,
        }
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def arrangements(
    vectors: dict[str, NDArray[np.float16]],
    person: Integers,
    has: Booleans,
    first: Booleans,
    recognisers: Recognisers,
) -> list[dict[str, Any]]:
    """Print the first table."""
    width = max(len(arrangement.name) for arrangement in ARRANGEMENTS)
    print(f"{'':<{14 + width}}{'chosen on one half':>27}{'confirmed on the other':>29}")
    head = f"{'mean':>10}{'at 1e-4':>9}{'pooled':>8}  "
    print(f"{'FNMR per person':<{14 + width}}{head}{head}{'ms':>6}")
    rows: list[dict[str, Any]] = []
    for arrangement in ARRANGEMENTS:
        templates = np.concatenate(
            [_template(vectors[who], views) for who, views in arrangement.parts], axis=1
        )
        templates /= np.sqrt(len(arrangement.parts))
        row: dict[str, Any] = {"pack": arrangement.pack, "arrangement": arrangement.name}
        for name, people in (("chosen", first), ("confirmed", ~first)):
            comparisons = _among(templates, person, has, people)
            at = threshold_at(comparisons, 1e-4)
            row[f"{name}_pooled"], row[f"{name}_at"] = fnmr_at(comparisons, at)
            row[f"{name}_mean"] = statistics.mean(
                fnmr_at(comparisons, threshold_at(comparisons, fmr))[1] for fmr in STEADY
            )
        row["ms"] = sum(
            recognisers.milliseconds(who, 1 if views == CUBIC else len(SETS[views]))
            for who, views in arrangement.parts
        )
        row["shipped"] = SHIPPED[arrangement.pack] == arrangement.name
        rows.append(row)
    for row in rows:
        of_pack = [other["chosen_mean"] for other in rows if other["pack"] == row["pack"]]
        row["best"] = row["chosen_mean"] == min(of_pack)
        mark = f"{'  lowest' if row['best'] else ''}{'  shipped' if row['shipped'] else ''}"
        print(f"{row['pack']:<14}{row['arrangement']:<{width}}", end="")
        for name in ("chosen", "confirmed"):
            mean, at, pooled = (row[f"{name}_{column}"] for column in ("mean", "at", "pooled"))
            print(f"{mean:>10.2%}{at:>9.2%}{pooled:>8.2%}", end="  ")
        print(f"{row['ms']:>6.1f}{mark}")
    return rows


def wrong_faces(faces: Sequence[Sequence[Floats]], person: Integers) -> tuple[int, int]:
    """How many faces are more like the person's other pictures than the chosen one, and of how many."""
    chosen = np.stack([each[0] for each in faces])
    wrong = several = 0
    for number, each in enumerate(faces):
        own = (person == person[number]) & (np.arange(len(faces)) != number)
        if own.any():
            alike = [float(np.median(chosen[own] @ vector)) for vector in each]
            several += len(each) - 1
            wrong += sum(other > alike[0] for other in alike[1:])
    return wrong, several


def _template(vectors: NDArray[np.float16], views: str) -> NDArray[np.float32]:
    """The sum over the vectors of some views, brought to length 1."""
    places = [CHIPS.index(CUBIC)] if views == CUBIC else [VIEWS.index(view) for view in SETS[views]]
    return _unit(vectors[:, places].astype(np.float32).sum(axis=1))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)  # type: ignore[no-any-return]


def _cubic(seen: Examined) -> NDArray[np.uint8]:
    assert seen.evidence.face is not None
    transform = geometry.similarity_transform(seen.evidence.face.points * seen.photo.scale, CHIP_POINTS)
    transform[:, 2] += transform[:, :2] @ np.array([0.5, 0.5]) - 0.5  # OpenCV's pixel centres
    size = (CHIP_SIDE, CHIP_SIDE)
    return cv2.warpAffine(seen.photo.pixels, transform, size, flags=cv2.INTER_CUBIC)  # type: ignore[return-value]


def _among(templates: Floats, person: Integers, has: Booleans, people: Booleans) -> Comparisons:
    part = people[person]
    renumbered = np.unique(person[part], return_inverse=True)[1]
    return all_pairs(templates[part[has]], renumbered[has[part]], missing=renumbered[~has[part]])


def _check(pack: str, shipped: str) -> None:
    """Say so where the pack no longer does what is called shipped here."""
    parts = [SETS[views] for other, views in _parts(pack, shipped) if other]
    if parts != [recogniser.views for recogniser in PACKS[pack].recognisers]:
        raise SystemExit(f"{pack} is no longer shipped as {shipped}: mend SHIPPED")


def _parts(pack: str, shipped: str) -> Iterator[tuple[str, str]]:
    [arrangement] = [each for each in ARRANGEMENTS if each.pack == pack and each.name == shipped]
    yield from arrangement.parts


if __name__ == "__main__":
    main()
