"""The unified score: fitted to false non-matches on half of the people, judged on the other half.

    python benchmarks/quality_score.py FOLDER
    python benchmarks/quality_score.py FOLDER --write --description TEXT --figures FILE --chart FILE

FOLDER holds one folder for each person with that person's pictures; those with two and more take part. Of
each up to three pairs are compared: the reference as it is, the probe as it is and spoiled in one to three
ways drawn at random (spoiling.py). A comparison is missed where its similarity stays below the pack's
threshold for FMR 1 in 10,000, as its calibration has it. Each person weighs the same. A probe without a face
has no quality: such are counted, and left out.

People are told apart into halves by a digest of their names. --write fits the score on the first half and
writes src/visavis/quality/unified.json; the curves are those of the second half, of what the file says.

"curve": error versus discard (ISO/IEC 29794-1): FNMR of what is kept where so many of the pictures are
discarded, those with the lowest score first; in brackets the 95 % interval, people drawn anew. "drop": FNMR
with a fifth discarded over FNMR with none. "skin": the first picture of each person of the second half, in
the same light with darker skin, through the whole corridor, beside a score fitted with the exposure
components too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.progress import track
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from spoiling import darker_skin, spoil
from visavis.decision.calibration import shipped as calibration
from visavis.errors import PhotoError
from visavis.evaluation.acquire import POLICY
from visavis.evaluation.folders import read_folders
from visavis.evaluation.workers import on_all_cores
from visavis.examiner import Examiner
from visavis.faces.recognise import similarity
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.photo import Photo
from visavis.quality import unified
from visavis.quality.component import NAMES, Component
from visavis.quality.measure import measure
from visavis.quality.unified import Term, Unified, UnifiedFloor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.evaluation.comparisons import Booleans, Integers
    from visavis.examiner import Examined
    from visavis.faces.recognise import Template
    from visavis.geometry import Floats
    from visavis.photo import PhotoSource

    Pixels = NDArray[np.uint8]

FMR = 1e-4
PAIRS, PICTURES, SPOILED = 3, 6, 6  # of a person at most: pairs, pictures in them, spoiled probes
COMPONENTS = (
    "inter_eye_distance",
    "left_crop",
    "right_crop",
    "pose_yaw",
    "pose_pitch",
    "pose_roll",
    "sharpness_proxy",
    "coarse_detail",
    "grain_prevention",
    "directional_detail",
    "face_on_photo",
    "detection_confidence",
)
"""What may enter the score: what is about the face. Margins and the head's size are about the room around it,
and pictures that were cut through the face would teach that tight crops are bad. The second detector's
confidence would predict misses too, but falls on dark skin in good light, more than any of these."""
EXPOSURE = ("luminance_mean", "luminance_variance", "under_exposure_prevention", "dynamic_range")
KNOTS = 6  # of each component's gain, at even steps of its quantiles
PENALTY = 2e-4  # on each squared rise of a gain, for each comparison
LEAST_GAIN = 0.05  # in log odds; a component that gains less is left out
MISSED = {"selfie": 0.2, "document_portrait": 0.5, "icao_portrait": 0.1}
"""What pictures just at a profile's floor may miss: one in five where another can be taken at once, one in
two where the document is all there is, one in ten of a portrait that will be compared for years."""
DISCARDED = tuple(round(0.05 * step, 2) for step in range(11))
FIFTH = DISCARDED.index(0.2)
ALONE = {
    "unified score": None,
    "distance between the eyes alone": "inter_eye_distance",
    "sharpness alone": "sharpness_proxy",
    "the detector's confidence alone": "detection_confidence",
}
SKINS = (1.0, 0.5, 0.3, 0.15)  # of the light that the skin sends back
OLD_FLOOR = 37.5  # of the dynamic range, three bits
REPLICATES = 1000
SEED = 29794


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """One comparison of a person with themselves.

    Attributes:
        person: Index.
        ways: How the probe was spoiled.
        missed: Whether it's a false non-match.
        scores: Of the probe's components in the order of `NAMES`, NaN where not assessed; None without a
            face.
    """

    person: int
    ways: tuple[str, ...]
    missed: bool
    scores: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Probes with a face as columns.

    Attributes:
        person: Index of each.
        spoiled: Whether it was.
        missed: Whether it's a false non-match.
        scores: n x components, NaN where not assessed.
    """

    person: Integers
    spoiled: Booleans
    missed: Booleans
    scores: Floats

    def part(self, chosen: Booleans) -> Table:
        """Some of them."""
        return Table(self.person[chosen], self.spoiled[chosen], self.missed[chosen], self.scores[chosen])

    def column(self, name: str) -> Floats:
        """The scores of a component."""
        found: Floats = self.scores[:, NAMES.index(name)]
        return found

    @property
    def weights(self) -> Floats:
        """Of each probe, so that each person weighs the same; they add up to 1."""
        _, place, count = np.unique(self.person, return_inverse=True, return_counts=True)
        found: Floats = 1 / count[place] / len(count)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, metavar="N", help="only the first N of the people")
    parser.add_argument("--write", action="store_true", help="fit the score and write unified.json")
    parser.add_argument("--description", default="pictures of known people", help="of FOLDER, for --write")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the curves")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    examiner = Examiner(DEFAULT_PACK, threads=1)
    threshold = calibration(DEFAULT_PACK, examiner.fingerprint).threshold(FMR)
    people = list(people_of(arguments.folder))[: arguments.people]
    second = np.array([in_second_half(name) for name, _ in people])
    work = partial(compare, examiner=examiner, threshold=threshold)
    with closing(on_all_cores(work, enumerate(people))) as found:
        probes = [probe for each in track(found, description="people", total=len(people)) for probe in each]
    told(probes, second)
    table = Table(
        np.array([probe.person for probe in probes if probe.scores is not None]),
        np.array([bool(probe.ways) for probe in probes if probe.scores is not None]),
        np.array([probe.missed for probe in probes if probe.scores is not None]),
        np.array([probe.scores for probe in probes if probe.scores is not None]),
    )
    ours, others = (table.part(second[table.person] == half) for half in (False, True))
    if arguments.write:
        model = fit(ours, COMPONENTS, examiner.fingerprint, arguments.description)
        path = Path(unified.__file__).with_name("unified.json")
        path.write_text(json.dumps(model.to_dict(), indent=1) + "\n", encoding="utf-8")
        unified.shipped.cache_clear()
    model = unified.shipped()
    if model.fingerprint != examiner.fingerprint:
        raise SystemExit("the unified score was fitted with other weights: run this with --write")
    print_model(model)
    measured = {
        "pack": model.pack,
        "fingerprint": model.fingerprint,
        "fmr": FMR,
        "people": len(np.unique(others.person)),
        "fitted_people": model.people,
        "without_face": sum(probe.scores is None and bool(second[probe.person]) for probe in probes),
        "discarded": DISCARDED,
        "curves": [
            curves(name, part, model)
            for name, part in (
                ("all", others),
                ("spoiled", others.part(others.spoiled)),
                ("as they are", others.part(~others.spoiled)),
            )
        ],
        "floors": [floor_row(name, others, model) for name in model.floors],
        "reliability": reliability(others, model),
        "skin": skin(
            [each for each, half in zip(people, second, strict=True) if half],
            examiner,
            model,
            fit(ours, (*COMPONENTS, *EXPOSURE), examiner.fingerprint, ""),
        ),
    }
    if arguments.figures:
        arguments.figures.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    if arguments.chart:
        draw(measured, arguments.chart)


def people_of(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Names of those who have two pictures or more, and their pictures."""
    truth = read_folders(folder)
    for person, name in enumerate(truth.names):
        pictures = [truth.pictures[place] for place in np.flatnonzero(truth.person == person)]
        if len(pictures) > 1:
            yield name, pictures


def in_second_half(name: str) -> bool:
    """Which half somebody is in."""
    return hashlib.sha256(name.encode()).digest()[-1] % 2 == 1


# Comparisons


def compare(
    numbered: tuple[int, tuple[str, Sequence[Path]]], *, examiner: Examiner, threshold: float
) -> list[Probe]:
    """One person's pairs, each as it is, and the spoiled probes in turn."""
    number, (name, pictures) = numbered
    random = np.random.default_rng([SEED, *hashlib.sha256(name.encode()).digest()[:4]])
    shuffled = [pictures[place] for place in random.permutation(len(pictures))[:PICTURES]]
    pairs = list(combinations(shuffled, 2))
    pairs = [pairs[place] for place in random.permutation(len(pairs))[:PAIRS]]
    seen = {picture: look(picture, examiner) for picture in {each for pair in pairs for each in pair}}
    good = []
    probes = []
    for first, other in pairs:
        reference, probe = seen[first], seen[other]
        if reference is None or reference.template is None or probe is None:
            continue
        probes.append(judged(number, (), reference.template, probe, threshold))
        if probe.evidence.face is not None:
            good.append((reference.template, probe, probe.evidence.face.points * probe.photo.scale))
    for turn in range(SPOILED if good else 0):
        template, probe, points = good[turn % len(good)]
        made, ways = spoil(probe.photo.pixels, points, random)
        probes.append(judged(number, tuple(ways), template, look(made, examiner), threshold))
    return probes


def look(picture: PhotoSource | Pixels, examiner: Examiner) -> Examined | None:
    """A picture after its way down the corridor; None where it can't be used at all."""
    try:
        photo = Photo.from_pixels(picture) if isinstance(picture, np.ndarray) else picture
        return examiner.examine(photo, policy=POLICY)
    except PhotoError:
        return None


def judged(
    person: int, ways: tuple[str, ...], reference: Template, probe: Examined | None, threshold: float
) -> Probe:
    """What came of a comparison."""
    if probe is None or probe.evidence.face is None:
        return Probe(person, ways, missed=True, scores=None)
    template = probe.template
    missed = template is None or similarity(reference, template) < threshold
    return Probe(person, ways, missed, scores_of(probe))


def scores_of(seen: Examined) -> Floats:
    """Of all components of the face, NaN where not assessed."""
    assert seen.evidence.face is not None
    quality = measure(seen.photo, seen.evidence.face, seen.evidence.others)
    return np.array([np.nan if score is None else score for score in quality.scores])


def told(probes: Sequence[Probe], second: Booleans) -> None:
    """How many comparisons there are, and what each way of spoiling does alone."""
    print(f"{len(second):,} people, {int(second.sum()):,} of them in the second half")
    print(f"\n{'spoiled by':<22}{'probes':>8}{'without a face':>16}{'missed':>9}   alone: probes, missed")
    counted = Counter(way for probe in probes for way in probe.ways or ("as it is",))
    for way, count in counted.most_common():
        among = [probe for probe in probes if way in (probe.ways or ("as it is",))]
        alone = [probe for probe in among if len(probe.ways) < 2]
        lost = sum(probe.scores is None for probe in among)
        rates = [np.mean([probe.missed for probe in each]) for each in (among, alone)]
        print(f"{way:<22}{count:>8,}{lost:>16,}{rates[0]:>9.1%}{len(alone):>11,}{rates[1]:>9.1%}")


# The fit


def fit(table: Table, names: Sequence[str], fingerprint: str, data: str) -> Unified:
    """Gains that make the comparisons that were matched and missed likeliest, and the floors.

    Logistic regression on the rises of each gain from knot to knot, none of which may be negative, with a
    small penalty on their squares; a component that couldn't be assessed has a gain of its own.
    """
    columns, knots = [], {}
    for name in names:
        scores = table.column(name)
        known = scores[~np.isnan(scores)]
        steps = np.unique(np.quantile(known, np.linspace(0.02, 0.98, KNOTS)).round(2))
        if len(steps) < 2:
            continue
        knots[name] = steps
        filled = np.nan_to_num(scores, nan=0.0)[:, None]
        rises = ((filled - steps[:-1]) / np.diff(steps)).clip(0, 1)
        missing = np.isnan(scores)
        rises[missing] = 0
        columns += [rises, missing[:, None].astype(float)]
    rows = np.hstack(columns)
    signs = np.where(table.missed, 1.0, -1.0)
    weights = table.weights

    def loss(numbers: Floats) -> tuple[float, Floats]:
        off = signs * (numbers[0] + rows @ numbers[1:])
        slope = weights * signs * (0.5 + 0.5 * np.tanh(off / 2))
        value = float(weights @ np.logaddexp(0, off) + PENALTY * (numbers[1:] ** 2).sum())
        return value, np.concatenate([[slope.sum()], rows.T @ slope + 2 * PENALTY * numbers[1:]])

    bounds = [(None, None), *[(0, None)] * rows.shape[1]]
    best = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds)
    terms, rest = [], best.x[1:]
    for name, steps in knots.items():
        own, rest = rest[: len(steps)], rest[len(steps) :]
        gains = np.concatenate([[0.0], own[:-1].cumsum()]).round(4)
        if gains[-1] >= LEAST_GAIN:
            unseen = round(min(float(own[-1]), float(gains[-1])), 4)
            terms.append(Term(name, tuple(steps.tolist()), tuple(gains.tolist()), unseen))
    fitted = Unified(
        pack=DEFAULT_PACK,
        fingerprint=fingerprint,
        fmr=FMR,
        data=data,
        people=len(np.unique(table.person)),
        comparisons=len(table.person),
        offset=round(float(best.x[0]), 4),
        terms=tuple(terms),
        floors={},
    )
    return replace(fitted, floors=floors(table, fitted))


def floors(table: Table, model: Unified) -> dict[str, UnifiedFloor]:
    """For each profile the lowest score whose pictures miss no more than it allows.

    What pictures of a score miss is counted: isotonic regression of the missed on the score.
    """
    scores = assessed(table, model)
    known = ~np.isnan(scores)
    curve = IsotonicRegression(increasing=False, y_min=0, y_max=1)
    missed = curve.fit_transform(scores[known], table.missed[known], sample_weight=table.weights[known])
    order = np.argsort(scores[known])
    found = {}
    for name, most in MISSED.items():
        reached = scores[known][order][missed[order] <= most]
        found[name] = UnifiedFloor(round(float(reached[0]), 1), most)
    return found


def assessed(table: Table, model: Unified) -> Floats:
    """The unified score of each probe, as the product gives it; NaN where it gives none."""
    names = [term.name for term in model.terms]
    rows = np.stack([table.column(name) for name in names], axis=1)
    found = (model.assess(map(_component, names, row)).score for row in rows.tolist())
    return np.array([np.nan if score is None else score for score in found])


def _component(name: str, score: float) -> Component:
    if np.isnan(score):
        return Component.failed(name, "not assessed")
    return Component.measured(name, 0.0, score)


def print_model(model: Unified) -> None:
    print(f"\nfitted on {model.comparisons:,} comparisons of {model.people:,} people; what a component adds")
    print(f"{'':<24}{'at most':>9}{'not assessed':>14}")
    for term in sorted(model.terms, key=lambda term: -term.most):
        print(f"{term.name:<24}{term.most:>9.2f}{term.missing:>14.2f}")


# How it does


def curves(name: str, table: Table, model: Unified) -> dict[str, Any]:
    """Print and return the error-versus-discard curves of some of the probes."""
    print(f"\ncurve, pictures {name}: {len(table.person):,} of {len(np.unique(table.person)):,} people")
    print(f"{'discarded':<34}{''.join(f'{share:>7.0%}' for share in DISCARDED)}   drop at a fifth")
    rows = []
    for title, component in ALONE.items():
        scores = assessed(table, model) if component is None else table.column(component)
        rows.append({"by": title, **curve(table, np.nan_to_num(scores, nan=-1.0))})
        shown = "".join(f"{rate:>7.1%}" for rate in rows[-1]["fnmr"])
        drop = "{drop:.2f} ({drop_low:.2f} to {drop_high:.2f})".format(**rows[-1])
        print(f"{title:<34}{shown}   {drop}")
        if component is None:
            for end in ("low", "high"):
                print(f"  {end:<32}{''.join(f'{rate:>7.1%}' for rate in rows[-1][f'fnmr_{end}'])}")
    ideal = curve(table, np.where(table.missed, 0.0, 1.0))["fnmr"]
    print(f"{'the best there could be':<34}{''.join(f'{rate:>7.1%}' for rate in ideal)}")
    return {"pictures": name, "comparisons": len(table.person), "rows": rows, "ideal": ideal}


def curve(table: Table, scores: Floats) -> dict[str, Any]:
    """FNMR of what is kept at each share discarded, with intervals, and the drop at a fifth."""
    order = np.argsort(scores, kind="stable")
    weights, missed = table.weights[order], table.missed[order]
    people, person = np.unique(table.person, return_inverse=True)
    person = person[order]
    random = np.random.default_rng(SEED)
    drawn = random.multinomial(len(people), np.full(len(people), 1 / len(people)), size=REPLICATES)
    rates = _kept(weights[None], missed)[0]
    spread = _kept(weights * drawn[:, person], missed)
    low, high = np.quantile(spread, (0.025, 0.975), axis=0)
    drops = spread[:, FIFTH] / spread[:, 0].clip(1e-9, None)
    return {
        "fnmr": rates.tolist(),
        "fnmr_low": low.tolist(),
        "fnmr_high": high.tolist(),
        "drop": float(rates[FIFTH] / max(rates[0], 1e-9)),
        "drop_low": float(np.quantile(drops, 0.025)),
        "drop_high": float(np.quantile(drops, 0.975)),
    }


def _kept(weights: Floats, missed: Booleans) -> Floats:
    """FNMR of what is kept: draws x shares discarded, for weights of draws x probes, the worst first."""
    below = weights.cumsum(axis=1) - weights / 2
    total = weights.sum(axis=1, keepdims=True)
    found = []
    for share in DISCARDED:
        kept = weights * (below >= share * total)
        found.append(kept @ missed / kept.sum(axis=1))
    return np.stack(found, axis=1)


def floor_row(name: str, table: Table, model: Unified) -> dict[str, Any]:
    """Print and return what a profile's floor refuses, and what pictures on either side of it miss."""
    floor = model.floors[name]
    scores, weights = np.nan_to_num(assessed(table, model), nan=-1.0), table.weights
    below = scores < floor.score
    if name == next(iter(model.floors)):
        print(f"\n{'floor of':<20}{'score':>7}{'refused: as they are':>22}{'spoiled':>9}", end="")
        print(f"{'FNMR below':>12}{'above':>8}")
    shares = {
        "refused": _share(below, weights, ~table.spoiled),
        "refused_spoiled": _share(below, weights, table.spoiled),
        "fnmr_below": _share(table.missed, weights, below),
        "fnmr_above": _share(table.missed, weights, ~below),
    }
    widths = (22, 9, 12, 8)
    shown = (f"{share:>{width}.1%}" for share, width in zip(shares.values(), widths, strict=True))
    print(f"{name:<20}{floor.score:>7.1f}{''.join(shown)}")
    return {"profile": name, "score": floor.score, "missed": floor.missed, **shares}


def reliability(table: Table, model: Unified) -> list[dict[str, float]]:
    """Print and return how many of a hundred match, by what the score says."""
    scores = assessed(table, model)
    edges = (0, 50, 70, 80, 90, 95, 98, 100)
    print(f"\n{'score':<12}{'mean':>7}{'of 100 match':>14}{'pictures':>10}")
    rows = []
    for low, high in pairwise(edges):
        within = (scores >= low) & (scores < high)
        if not within.any():
            continue
        mean = float(np.average(scores[within], weights=table.weights[within]))
        matched = 100 * (1 - _share(table.missed, table.weights, within))
        rows.append(
            {"low": low, "high": high, "mean": mean, "matched": matched, "pictures": int(within.sum())}
        )
        print(f"{f'{low} to {high}':<12}{mean:>7.1f}{matched:>14.1f}{int(within.sum()):>10,}")
    return rows


def _share(what: Booleans, weights: Floats, among: Booleans) -> float:
    """The weighted share of some for which something is true; 0 where there are none."""
    return float((weights * what)[among].sum() / max(weights[among].sum(), 1e-12))


# Darker skin


def skin(
    people: Sequence[tuple[str, Sequence[Path]]], examiner: Examiner, model: Unified, exposed: Unified
) -> list[dict[str, Any]]:
    """Print and return what becomes of one picture of each person where only the skin is darker."""
    work = partial(in_each_skin, examiner=examiner)
    with closing(on_all_cores(work, people)) as found:
        rows = [each for each in track(found, description="skin", total=len(people)) if each is not None]
    lost = [sum(row[place] is None for row in rows) for place in range(len(SKINS))]
    whole = np.array([row for row in rows if all(each is not None for each in row)])
    tables = [_table(whole[:, place]) for place in range(len(SKINS))]
    lit = tables[0].column("dynamic_range") >= OLD_FLOOR
    least = model.floors["selfie"].score
    usual = {id(each): assessed(tables[0], each) for each in (model, exposed)}
    print(f"\nskin, {len(whole):,} people, in the same light: mean change of the score, 5 % change by more")
    print(f"{'sends back':<12}{'no face':>8}{'unified':>16}{'with exposure':>18}", end="")
    print(f"{'below the selfie floor':>24}{'dynamic range < 37.5':>22}")
    measured = []
    for factor, table, without in zip(SKINS, tables, lost, strict=True):
        row: dict[str, Any] = {"factor": factor, "without_face": without, "people": len(whole)}
        for name, each in (("", model), ("_exposed", exposed)):
            change = assessed(table, each) - usual[id(each)]
            row |= {f"change{name}": float(change.mean()), f"worst{name}": float(np.quantile(change, 0.05))}
        row["below"] = int((assessed(table, model) < least).sum())
        row["lit"] = int(lit.sum())
        row["flat"] = int((table.column("dynamic_range")[lit] < OLD_FLOOR).sum())
        row["components"] = {
            name: float(np.nanmean(table.column(name) - tables[0].column(name)))
            for name in (*(term.name for term in model.terms), *EXPOSURE, *sorted(unified.FOLLOWS_SKIN))
        }
        measured.append(row)
        print(f"{factor:<12}{without:>8}{row['change']:>+8.2f}{row['worst']:>+8.2f}", end="")
        print(f"{row['change_exposed']:>+10.2f}{row['worst_exposed']:>+8.2f}", end="")
        print(f"{row['below']:>24}{row['flat']:>14} of {row['lit']}")
    print("\nmean change of each component's score")
    for name in measured[0]["components"]:
        changes = "".join(f"{row['components'][name]:>+9.2f}" for row in measured)
        print(f"{name:<28}{changes}")
    return measured


def in_each_skin(person: tuple[str, Sequence[Path]], *, examiner: Examiner) -> list[Floats | None] | None:
    """Scores of a person's first picture with the skin as it is and darker."""
    seen = look(person[1][0], examiner)
    if seen is None or seen.evidence.face is None:
        return None
    points = seen.evidence.face.points * seen.photo.scale
    found = (look(darker_skin(seen.photo.pixels, points, factor), examiner) for factor in SKINS)
    return [None if each is None or each.evidence.face is None else scores_of(each) for each in found]


def _table(scores: Floats) -> Table:
    nobody = np.zeros(len(scores), dtype=bool)
    return Table(np.arange(len(scores)), nobody, nobody, scores)


# The chart


def draw(measured: Mapping[str, Any], to: Path) -> None:
    """The curves beside each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    shown: Iterable[Any] = measured["curves"]
    for axes, part in zip(figure.subplots(1, 3), shown, strict=True):
        x = [100 * share for share in measured["discarded"]]
        for row in part["rows"]:
            (line,) = axes.plot(x, [100 * rate for rate in row["fnmr"]], label=row["by"])
            if row["by"] == "unified score":
                ends = ([100 * rate for rate in row[f"fnmr_{end}"]] for end in ("low", "high"))
                axes.fill_between(x, *ends, color=line.get_color(), alpha=0.15, linewidth=0)
        axes.plot(x, [100 * rate for rate in part["ideal"]], color="grey", linestyle=":", label="the best")
        axes.axhline(50 * part["rows"][0]["fnmr"][0], color="grey", linewidth=0.5)
        axes.set(title=part["pictures"], xlabel="discarded, %", ylabel="FNMR of the rest, %", ylim=(0, None))
    axes.legend()
    figure.savefig(to)


if __name__ == "__main__":
    main()
