"""From comparisons to a calibration: what a similarity means, never finer than the comparisons support.

Every rate here lets each person weigh the same. A calibration speaks of the next customer; people of whom the
data happens to hold many pictures say no more about that one than the others do, and thresholds that hang on
them don't hold for other people (benchmarks/coverage.py shows how far).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from visavis.decision.calibration import Calibration, Data, Mark
from visavis.decision.tail import Tail, Transfer
from visavis.evaluation.comparisons import BINS, bin_of, edge
from visavis.evaluation.groups import MIN_PEOPLE, group_fmr_curves
from visavis.evaluation.rates import (
    CONFIDENCE,
    FEWEST_FALSE_MATCHES,
    FEWEST_PEOPLE,
    PER_DECADE,
    REPLICATES,
    SEED,
    WIDEST,
    false_matches_at,
    fmr_at,
    fmr_replicates,
    fnmr_intervals,
    people_compared,
    places,
    shares,
    threshold_at,
)
from visavis.evaluation.truth import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from visavis.evaluation.comparisons import Booleans, Comparisons
    from visavis.evaluation.truth import Groups
    from visavis.geometry import Floats

DECADE = 10.0  # of FMR, over which the tail's slope is taken
SPLITS = 40  # of the people into halves, to see how well a model transfers
TRANSFERS = (1e-3, 1e-4, 1e-5, 1e-6)
FEWEST_HELD_OUT = 10  # false matches that must be expected among the people held out
STEPS = 128  # of similarity over -1 ... 1, on which likelihoods are compared
MEDIAN = 0.5  # FMR below whose threshold likelihood ratios aren't told apart


def calibrate(
    comparisons: Comparisons, *, pack: str, fingerprint: str, data: Data, groups: Sequence[Groups] = ()
) -> Calibration:
    """Fit all that a calibration holds.

    Args:
        comparisons: Of a pack's templates.
        pack: Its name.
        fingerprint: Its fingerprint.
        data: What the pictures are.
        groups: Make the rates of each mark those of the worst group of these, each within itself; none: the
            rates are over all comparisons of two people.

    Raises:
        EvaluationError: `evaluation.support`: the comparisons support no rate; `evaluation.labels`: there are
            fewer than two groups of enough people.
    """
    labels: tuple[str, ...] = ()
    if groups:
        labels, marks = _worst_marks(comparisons, groups)
    else:
        marks = tuple(_marks(comparisons))
    if len(marks) < 2:
        raise EvaluationError(
            "evaluation.support",
            "there is too little to make a calibration of",
            found=f"{comparisons.impostors:,} comparisons of two people",
            expected=f"some hundred people, so that {FEWEST_FALSE_MATCHES} false matches give a small rate",
        )
    whole = np.ones(comparisons.people, dtype=bool)
    knots = likelihoods(*spread(comparisons, whole), *_limits(comparisons, marks))
    method = (
        "FMR: mean over pairs of people of each pair's own rate, over all comparisons of different people; "
        f"upper bounds: {CONFIDENCE:.0%} percentile over {REPLICATES} draws of the people with replacement, "
        "each pair weighing as often as its two people were drawn; finest mark: at least "
        f"{FEWEST_FALSE_MATCHES} false matches, {FEWEST_PEOPLE} people, and a bound at most {WIDEST:g} times "
        "the rate"
    )
    if groups:
        method += "; at each threshold those of the worst group, each group within itself"
    if knots:
        found, least = _held_out_cost(comparisons, marks)
        method += (
            "; likelihood ratios: isotonic regression (pool adjacent violators), cut where the data ends; "
            f"their cost (Cllr) on people held out {found:.4f}, at least possible there {least:.4f}"
        )
    tail = _tail(marks, tuple(_transfers(comparisons)))
    if tail is not None:
        method += "; tail: log FMR in a straight line, as over the last power of ten"
    return Calibration(
        pack=pack,
        fingerprint=fingerprint,
        data=data,
        method=method,
        marks=marks,
        rule="worst_group" if groups else "overall",
        groups=labels,
        likelihood=knots,
        tail=tail,
    )


# Marks


def _marks(comparisons: Comparisons) -> Iterator[Mark]:
    """Measured points from an FMR just under 1 down to the finest that the data supports."""
    if people_compared(comparisons) < FEWEST_PEOPLE:
        return
    thresholds = _thresholds(comparisons)
    _, drawn = fmr_replicates(comparisons, thresholds)
    ends = np.quantile(drawn, [(1 - CONFIDENCE) / 2, CONFIDENCE], axis=0).T
    last = 1.0
    for threshold, (low, bound) in zip(thresholds, ends, strict=True):
        fmr = fmr_at(comparisons, threshold)[1]
        few = false_matches_at(comparisons, threshold) < FEWEST_FALSE_MATCHES
        if few or low == 0 or bound > WIDEST * fmr:  # 0: all rests on two or three people
            return
        mark = _mark(threshold, fmr, float(bound))
        if 0 < mark.fmr < last:
            yield mark
            last = mark.fmr


def _worst_marks(
    comparisons: Comparisons, groups: Sequence[Groups]
) -> tuple[tuple[str, ...], tuple[Mark, ...]]:
    """The groups, and the same marks: rate and bound each the highest of any of them."""
    thresholds = _thresholds(comparisons)
    curves = [group_fmr_curves(comparisons, column, thresholds) for column in groups]
    labels = tuple(
        f"{column.name}: {name}" for column, curve in zip(groups, curves, strict=True) for name in curve[0]
    )
    if len(labels) < 2:
        raise EvaluationError(
            "evaluation.labels",
            "there are too few groups for one to be the worst",
            found=len(labels),
            expected=f"two groups or more, each of at least {MIN_PEOPLE} people with a template",
        )
    rates, bounds, supported = (
        np.concatenate([curve[part] for curve in curves], axis=0) for part in (1, 2, 3)
    )
    last, marks = 1.0, []
    for place, threshold in enumerate(thresholds):
        fmr, bound = float(rates[:, place].max()), float(bounds[:, place].max())
        worst = int(rates[:, place].argmax())
        if not supported[worst, place] or bound > WIDEST * fmr:
            break
        mark = _mark(threshold, fmr, bound)
        if 0 < mark.fmr < last:
            marks.append(mark)
            last = mark.fmr
    return labels, tuple(marks)


def _thresholds(comparisons: Comparisons) -> list[float]:
    steps = np.arange(1, PER_DECADE * max(1, round(math.log10(max(comparisons.impostors, 10)))))
    found = {threshold_at(comparisons, 10 ** (-step / PER_DECADE), per_person=True) for step in steps}
    return sorted(threshold for threshold in found if threshold <= 1)


def _mark(threshold: float, fmr: float, bound: float) -> Mark:
    fmr, bound = (float(f"{value:.5g}") for value in (fmr, bound))
    return Mark(threshold, fmr, min(1.0, max(fmr, bound)))


# The tail


def _tail(marks: Sequence[Mark], transfers: tuple[Transfer, ...]) -> Tail | None:
    """Beyond the last mark: excesses over it taken as exponential, their mean as over the last power of ten.

    None where the marks span less than that, or nothing shows how such a model transfers.
    """
    last = marks[-1]
    before = [mark for mark in marks if mark.fmr >= last.fmr * DECADE * (1 - 1e-9)]
    if not before or not transfers:
        return None
    scale = (last.threshold - before[-1].threshold) / math.log(before[-1].fmr / last.fmr)
    return Tail(last.threshold, last.fmr, scale, transfers)


def _transfers(comparisons: Comparisons) -> Iterator[Transfer]:
    """For each FMR: models made of what half of the people say at ten times that FMR and above, held against
    the other half.
    """  # noqa: D205
    halves = [(_curve(comparisons, half), _curve(comparisons, ~half)) for half in _halves(comparisons)]
    for fmr in TRANSFERS:
        if fmr * comparisons.impostors / 4 < FEWEST_HELD_OUT:
            return
        ratios = []
        for fitted_on, held_out in halves:
            start, before = (_threshold(fitted_on, fmr * DECADE**power) for power in (1, 2))
            scale = (start - before) / math.log(DECADE)
            ratios.append(held_out[bin_of(start + scale * math.log(DECADE))] / fmr)
        middle, low, high = (float(f"{value:.3g}") for value in np.quantile(ratios, (0.5, 0, 1)))
        yield Transfer(fmr, middle, low, high, SPLITS)


def _halves(comparisons: Comparisons) -> Iterator[Booleans]:
    """`SPLITS` times half of the people, by places that don't depend on the order in which they came."""
    random = np.random.default_rng(SEED)
    people, place = comparisons.people, places(comparisons)
    for _ in range(SPLITS):
        half = np.zeros(people, dtype=bool)
        half[random.permutation(people)[: people // 2]] = True
        yield half[place]


def _curve(comparisons: Comparisons, among: Booleans) -> Floats:
    """FMR among some people at the lower edge of each bin, and, last, at the upper end."""
    kept = among[comparisons.kept_people].all(axis=1)
    own = np.bincount(comparisons.kept_bin[kept], weights=comparisons.kept_share[kept], minlength=BINS)
    reached: Floats = np.append(np.cumsum(own[::-1])[::-1], 0.0)
    return reached / max(float(reached[0]), 1.0)


def _threshold(curve: Floats, fmr: float) -> float:
    return edge(int(np.argmax(curve <= fmr)))


# Likelihood ratios


def spread(comparisons: Comparisons, among: Booleans) -> tuple[Floats, Floats]:
    """Shares of genuine and of impostor comparisons among some people in each of `STEPS` steps of similarity.

    Every person weighs the same, and every pair of people. Both are zero where there is none.
    """
    wide = BINS // STEPS
    total = np.bincount(
        comparisons.genuine_person, weights=comparisons.genuine_count, minlength=comparisons.people
    )
    of, inside = comparisons.genuine_person, among[comparisons.genuine_person]
    genuine = np.bincount(
        comparisons.genuine_bin[inside] // wide,
        weights=shares(comparisons.genuine_count, total[of])[inside],
        minlength=STEPS,
    )
    kept = among[comparisons.kept_people].all(axis=1)
    impostor = np.bincount(
        comparisons.kept_bin[kept] // wide, weights=comparisons.kept_share[kept], minlength=STEPS
    )
    return genuine / max(genuine.sum(), 1), impostor / max(impostor.sum(), 1)


def likelihoods(
    genuine: Floats, impostor: Floats, lowest: float, highest: float
) -> tuple[tuple[float, float], ...]:
    """Similarity and log10 likelihood ratio, neither falling: the isotonic regression of one on the other.

    Pool adjacent violators gives the best of all rising maps (Brümmer and du Preez, "Application-independent
    evaluation of speaker detection", Computer Speech and Language 20, 2006).

    Args:
        genuine: Share of genuine comparisons in each of `STEPS` equal steps of similarity.
        impostor: Share of impostor comparisons.
        lowest: No ratio is claimed to be lower,
        highest: nor higher.

    Returns:
        Knots; none where the two don't overlap enough to say anything in between.
    """
    middles = (np.arange(STEPS) + 0.5) * 2 / STEPS - 1
    seen = genuine + impostor > 0
    knots: list[tuple[float, float]] = []
    for first, last, ratio in _pooled(genuine[seen], impostor[seen]):
        llr = min(max(ratio, lowest), highest)
        ends = middles[seen][[first, last]]
        # A stretch of equal ratios keeps both its ends, so that nothing is drawn across it.
        knots += [(round(similarity, 5), round(llr, 3)) for similarity in dict.fromkeys(ends.tolist())]
    below = [knot for knot in knots if knot[1] <= lowest + 1e-3]
    above = [knot for knot in knots if knot[1] >= highest - 1e-3]
    between = [knot for knot in knots if lowest + 1e-3 < knot[1] < highest - 1e-3]
    found = (*below[-1:], *between, *above[:1])
    return found if len(found) > 1 and found[0][1] < 0 < found[-1][1] else ()


def cost(genuine: Floats, impostor: Floats, llr: Floats) -> float:
    """The cost of log likelihood ratios, Cllr: 0 for perfect ones, 1 for ratios that never say anything.

    Brümmer and du Preez (2006), equation 15, from shares in steps of similarity and log10 ratios there.
    """
    natural = np.asarray(llr) * math.log(10)
    missed = np.logaddexp(0, -natural) @ genuine
    fooled = np.logaddexp(0, natural) @ impostor
    return float(missed + fooled) / (2 * math.log(2))


def _pooled(genuine: Floats, impostor: Floats) -> Iterator[tuple[int, int, float]]:
    """Stretches of steps with their common log10 ratio, which doesn't fall from one to the next."""
    stretches: list[tuple[int, int, float, float]] = []
    for step, (of_one, of_two) in enumerate(zip(genuine.tolist(), impostor.tolist(), strict=True)):
        first, last = step, step
        while stretches and stretches[-1][2] * of_two >= of_one * stretches[-1][3]:
            first, _, one, two = stretches.pop()
            of_one, of_two = of_one + one, of_two + two  # noqa: PLW2901
        stretches.append((first, last, of_one, of_two))
    for first, last, of_one, of_two in stretches:
        ratio = math.inf if of_two == 0 else (-math.inf if of_one == 0 else math.log10(of_one / of_two))
        yield first, last, ratio


def _limits(comparisons: Comparisons, marks: Sequence[Mark]) -> tuple[float, float]:
    """The lowest and the highest log10 likelihood ratio that the data can bear out.

    Above the last mark: the share of genuine comparisons there through the upper bound of the FMR. Below the
    threshold of FMR `MEDIAN`: the upper end of the FNMR there through the share of impostor comparisons.
    """
    last, middle = marks[-1], min(marks, key=lambda mark: abs(mark.fmr - MEDIAN))
    whole = np.ones(comparisons.people, dtype=bool)
    genuine, _ = spread(comparisons, whole)
    above = float(genuine[bin_of(last.threshold) * STEPS // BINS :].sum())
    _, [missed] = fnmr_intervals(comparisons, [middle.threshold])
    lowest = math.log10(missed.high / (1 - middle.fmr)) if middle.fmr < 1 else 0.0
    return lowest, math.log10(max(above, 1e-9) / last.fmr_upper)


def _held_out_cost(comparisons: Comparisons, marks: Sequence[Mark]) -> tuple[float, float]:
    """Mean Cllr of ratios fitted on half of the people, on the other half; and of the best ratios there."""
    limits = _limits(comparisons, marks)
    middles = (np.arange(STEPS) + 0.5) * 2 / STEPS - 1
    found: list[float] = []
    least: list[float] = []
    for half in _halves(comparisons):
        fitted_on, held_out = spread(comparisons, half), spread(comparisons, ~half)
        for costs, of in ((found, fitted_on), (least, held_out)):
            knots = likelihoods(*of, *limits)
            if knots:
                similarities, ratios = np.array(knots).T
                costs.append(cost(*held_out, np.interp(middles, similarities, ratios)))
    return float(np.mean(found)) if found else 1.0, float(np.mean(least)) if least else 1.0
