"""Error rates from comparisons (ISO/IEC 19795-1), with intervals that know that comparisons share people.

A binomial interval over comparisons that share people is far too narrow. Drawing the people anew, with
replacement, and weighing each comparison by the product of how often its two people were drawn keeps that
dependence: the subsets bootstrap of Bolle, Ratha, Pankanti ("Error analysis of pattern recognition systems:
the subsets bootstrap", CVIU 93(1), 2004) with the weights for pairs of Owen ("The pigeonhole bootstrap",
Annals of Applied Statistics 1(2), 2007). Owen shows that it never makes the variance too small; where a rate
rests on few comparisons, which hardly share people, it makes it up to three times too large. Only where no
person has part in two comparisons is the interval binomial: Wilson's (JASA 22, 1927).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from visavis.evaluation.comparisons import BINS, bin_of, edge
from visavis.evaluation.result import EqualErrorRate, Point, ScoreHistogram, TenFold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from visavis.evaluation.comparisons import Booleans, Comparisons, Integers
    from visavis.geometry import Floats

REPLICATES = 1000
SEED = 19795
CONFIDENCE = 0.95
FEWEST_FALSE_MATCHES = 30
"""Doddington's rule of 30: fewer errors than this give no rate, only a bound (Doddington and others, "The
NIST speaker recognition evaluation", Speech Communication 31, 2000)."""
FEWEST_PEOPLE = 30
"""Fewer people than this who have part in comparisons of two people give no rate, only a bound: people drawn
anew from so few spread too little. Of simulated intervals at FMR 0.1 and 0.02 with 20 people 0.87 and 0.73
held the true rate, with 40 people 0.91 and 0.89."""
WIDEST = 3.0
"""Upper end of the interval over the rate; where people drawn anew spread it further, there is no rate."""
COARSEST = 0.1  # FMR from which the trade-off is drawn,
PER_DECADE = 10  # and its points in each power of ten
DRAWN_AT_ONCE = 32  # replicates whose weights are held together,
LOOKED_UP_AT_ONCE = 2048  # and for how many comparisons: what a processor has at hand
SHOWN_BINS = 128  # of the histogram that is shown


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % interval of a rate, two-sided."""

    low: float
    high: float


# Thresholds and rates


def people_compared(comparisons: Comparisons) -> int:
    """How many people have part in comparisons of two people."""
    if comparisons.listed is not None:
        return len(np.unique(comparisons.listed.people))
    people = int((comparisons.pictures_of > 0).sum())
    return people if people > 1 else 0


def threshold_at(comparisons: Comparisons, fmr: float, *, per_person: bool = False) -> float:
    """The lowest threshold whose measured FMR is at most `fmr`; a similarity that reaches it is a match.

    Equal similarities match or fail together, so the FMR may stay below what was asked.

    Args:
        comparisons: The comparisons.
        fmr: 0 to 1.
        per_person: Whether each pair of people weighs the same, instead of each comparison.
    """
    if per_person:
        own = np.bincount(comparisons.kept_bin, weights=comparisons.kept_share, minlength=BINS)
        reached = np.append(np.cumsum(own[::-1])[::-1], 0) / pairs_of_people(comparisons)
        # Shares are kept in single precision: a third three times over is a little more than one.
        return edge(int(np.argmax(reached <= fmr * (1 + 1e-6))))
    allowed = int(fmr * comparisons.impostors + 1e-9)
    return edge(int(np.argmax(_reached(comparisons) <= allowed)))


def false_matches_at(comparisons: Comparisons, threshold: float) -> int:
    """How many comparisons of two people reach `threshold`."""
    return int(_reached(comparisons)[bin_of(threshold)])


def fmr_at(comparisons: Comparisons, threshold: float) -> tuple[float, float]:
    """FMR at a threshold: over all comparisons of two people, and as the mean of each pair of people's own.

    One person with many pictures has part in a large share of all comparisons; in the mean over pairs of
    people, as among an operator's customers, that person weighs no more than any other.
    """
    part = slice(0, _kept_reaching(comparisons, threshold))
    own = float(comparisons.kept_share[part].sum(dtype=np.float64)) / pairs_of_people(comparisons)
    return false_matches_at(comparisons, threshold) / max(comparisons.impostors, 1), min(own, 1.0)


def pairs_of_people(comparisons: Comparisons, among: Booleans | None = None) -> float:
    """Pairs of people that were compared, at least 1."""
    everybody = np.ones((1, comparisons.people), dtype=np.float32)
    return float(impostors_drawn(comparisons, everybody, among, per_person=True)[0])


def fnmr_at(comparisons: Comparisons, threshold: float) -> tuple[float, float]:
    """FNMR at a threshold: over all comparisons of one person, and as the mean of each person's own."""
    missed, total = misses(comparisons, [threshold])
    if not total.any():
        return 0.0, 0.0
    compared = total > 0
    own = shares(missed[compared, 0], total[compared])
    return float(missed.sum() / total.sum()), float(own.mean())


def misses(comparisons: Comparisons, thresholds: Sequence[float]) -> tuple[Integers, Integers]:
    """False non-matches of each person at each threshold, and all genuine comparisons of each person.

    Returns:
        people x thresholds, and people.
    """
    people, of = comparisons.people, comparisons.genuine_person
    made = np.bincount(of, weights=comparisons.genuine_count, minlength=people).astype(np.int64)
    missed = np.empty((people, len(thresholds)), dtype=np.int64)
    for column, threshold in enumerate(thresholds):
        below = comparisons.genuine_bin < bin_of(threshold)
        missed[:, column] = np.bincount(
            of[below], weights=comparisons.genuine_count[below], minlength=people
        ).astype(np.int64)
    return missed + comparisons.lost[:, None], made + comparisons.lost


def shares(part: Integers, whole: Integers) -> Floats:
    """Shares in steps of 2**-32: sums of them are exact, so they don't tell in which order people came."""
    return np.round(part / np.maximum(whole, 1) * 2.0**32) / 2.0**32


# Intervals


def fmr_intervals(
    comparisons: Comparisons, thresholds: Sequence[float]
) -> tuple[list[Interval], list[Interval]]:
    """The interval of the FMR at each threshold: over all comparisons, and per person.

    They say nothing about whether the data supports a rate there: `supports` does.
    """
    if impostors_disjoint(comparisons):
        count = comparisons.impostors
        both = [wilson(false_matches_at(comparisons, threshold), count) for threshold in thresholds]
        return both, both
    rates = [fmr_at(comparisons, threshold) for threshold in thresholds]
    pooled, per_person = (
        [_holding(interval, rate[which]) for interval, rate in zip(ends(drawn), rates, strict=True)]
        for which, drawn in enumerate(fmr_replicates(comparisons, thresholds))
    )
    return pooled, per_person


def fnmr_intervals(
    comparisons: Comparisons, thresholds: Sequence[float]
) -> tuple[list[Interval], list[Interval]]:
    """The interval of the FNMR at each threshold: over all comparisons, and per person.

    Where few people fail at all, people drawn anew say little of those who were not there. The upper end is
    then at least that of the share of people who fail (Wilson), each failing as far as those found do.
    """
    missed, total = misses(comparisons, thresholds)
    missed, total = missed[total > 0], total[total > 0]
    if not total.size:
        return [Interval(0.0, 1.0)] * len(thresholds), [Interval(0.0, 1.0)] * len(thresholds)
    own = shares(missed, total[:, None])
    failing = (missed > 0).sum(axis=0)
    if genuine_disjoint(comparisons):
        alike = [wilson(int(count), len(total)) for count in failing]
        return alike, alike
    pooled, per_person = fnmr_replicates(comparisons, thresholds)
    both = []
    for drawn, rates in ((pooled, missed.sum(axis=0) / total.sum()), (per_person, own.mean(axis=0))):
        found = []
        for interval, rate, count in zip(ends(drawn), rates, failing, strict=True):
            few = wilson(int(count), len(total)).high
            far = rate / (count / len(total)) if count else 1.0
            high = min(1.0, max(interval.high, few * far))
            found.append(_holding(Interval(interval.low, high), float(rate)))
        both.append(found)
    return both[0], both[1]


def fmr_replicates(
    comparisons: Comparisons,
    thresholds: Sequence[float],
    *,
    among: Booleans | None = None,
    seed: int = SEED,
) -> tuple[Floats, Floats]:
    """FMR at each threshold for each draw of the people: over all comparisons, and per pair of people.

    Args:
        comparisons: The comparisons.
        thresholds: In any order.
        among: Only comparisons within these people.
        seed: Of the draws.

    Returns:
        Twice `REPLICATES` x thresholds.
    """
    order = np.argsort([-threshold for threshold in thresholds], kind="stable")
    reaching = [_kept_reaching(comparisons, thresholds[place]) for place in order]
    kept = np.arange(max(reaching, default=0))
    if among is not None:
        kept = np.flatnonzero(among[comparisons.kept_people[: len(kept)]].all(axis=1))
    until = np.searchsorted(kept, reaching)
    # Sums in single precision hang on their order: within a bin too, that must not be the one of the people.
    one, other = np.sort(places(comparisons)[comparisons.kept_people[kept]], axis=1).T
    people = comparisons.people
    kept = kept[np.argsort(((BINS - comparisons.kept_bin[kept]) * people + one) * people + other)]
    first, second = np.ascontiguousarray(comparisons.kept_people[kept].T)
    weights = np.stack([comparisons.kept_weight[kept], comparisons.kept_share[kept]])
    pooled, per_person = np.zeros((2, REPLICATES, len(thresholds)))
    for rows, drawn in draws(comparisons, seed):
        of_person = np.ascontiguousarray(drawn.T)  # so that one look-up finds all draws of a person
        totals = [
            impostors_drawn(comparisons, drawn, among, per_person=per_person) for per_person in (False, True)
        ]
        reached = np.zeros((2, len(drawn)))
        start = 0
        for place, end in zip(order, until, strict=True):
            for part in range(start, end, LOOKED_UP_AT_ONCE):
                these = slice(part, min(part + LOOKED_UP_AT_ONCE, end))
                reached += weights[:, these] @ (of_person[first[these]] * of_person[second[these]])
            start = end
            pooled[rows, place], per_person[rows, place] = reached / totals
    return pooled, per_person


def fnmr_replicates(
    comparisons: Comparisons, thresholds: Sequence[float], *, seed: int = SEED
) -> tuple[Floats, Floats]:
    """FNMR at each threshold for each draw of the people: over all comparisons, and per person.

    Returns:
        Twice `REPLICATES` x thresholds.
    """
    missed, total = misses(comparisons, thresholds)
    own = shares(missed, total[:, None])
    pooled, per_person = np.empty((2, REPLICATES, len(thresholds)))
    for rows, drawn in draws(comparisons, seed):
        pooled[rows] = drawn @ missed / np.maximum(drawn @ total, 1)[:, None]
        per_person[rows] = drawn @ own / np.maximum(drawn @ (total > 0), 1)[:, None]
    return pooled, per_person


def draws(comparisons: Comparisons, seed: int = SEED) -> Iterator[tuple[slice, Floats]]:
    """How often each person is drawn when as many as there are are drawn with replacement.

    The draws are known. If they followed the order in which people came, the ends of an interval would tell
    which of them resemble each other; so they follow an order that people's similarities make.

    Yields:
        Which of the `REPLICATES` draws, and draws x people as float32.
    """
    people, place = comparisons.people, places(comparisons)
    random = np.random.default_rng(seed)
    for start in range(0, REPLICATES, DRAWN_AT_ONCE):
        count = min(DRAWN_AT_ONCE, REPLICATES - start)
        drawn = [np.bincount(random.integers(people, size=people), minlength=people) for _ in range(count)]
        yield slice(start, start + count), np.asarray(drawn, dtype=np.float32)[:, place]


def places(comparisons: Comparisons) -> Integers:
    """A place for each person that doesn't hang on the order in which people came.

    They are ordered by the sum of squares of the bins of their comparisons: whole numbers.
    """
    own = np.zeros(comparisons.people)
    for person, bins, count in (
        (comparisons.genuine_person, comparisons.genuine_bin, comparisons.genuine_count),
        (comparisons.kept_people[:, 0], comparisons.kept_bin, 1),
        (comparisons.kept_people[:, 1], comparisons.kept_bin, 1),
    ):
        squares = count * bins.astype(np.float64) ** 2
        own += np.bincount(person, weights=squares, minlength=comparisons.people)
    return np.argsort(np.argsort(own, kind="stable"), kind="stable")


def impostors_drawn(
    comparisons: Comparisons, drawn: Floats, among: Booleans | None = None, *, per_person: bool = False
) -> Floats:
    """Comparisons of two people in each draw, each as often as its two people together; at least 1.

    Args:
        comparisons: The comparisons.
        drawn: draws x people.
        among: Only comparisons within these people.
        per_person: Count pairs of people instead.
    """
    drawn = drawn.astype(np.float64)
    if among is not None:
        drawn = drawn * among
    if comparisons.listed is not None:
        first, second = comparisons.listed.people.T
        weights = comparisons.listed.share if per_person else np.ones(len(first))
        total: Floats = (drawn[:, first] * drawn[:, second]) @ weights
    else:
        pictures_of = comparisons.pictures_of
        pictures = drawn * (pictures_of > 0 if per_person else pictures_of)
        total = (pictures.sum(axis=1) ** 2 - (pictures**2).sum(axis=1)) / 2
    return total.clip(min=1)


def impostors_disjoint(comparisons: Comparisons) -> bool:
    """Whether nobody has part in two comparisons of two people."""
    if comparisons.listed is None:
        return comparisons.impostors <= 1
    return int(np.bincount(comparisons.listed.people.ravel(), minlength=1).max()) <= 1


def genuine_disjoint(comparisons: Comparisons) -> bool:
    """Whether nobody has part in two comparisons of one person."""
    _, total = misses(comparisons, [])
    return int(total.max(initial=0)) <= 1


def wilson(count: int, of: int) -> Interval:
    """Wilson's interval of a share, for comparisons that nobody shares."""
    if of == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, spread = count / of, z**2 / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    # At both ends the formula gives the end itself, up to rounding.
    low = 0.0 if count == 0 else max(0.0, middle - half)
    return Interval(low, 1.0 if count == of else min(1.0, middle + half))


# What the data supports


@dataclass(frozen=True, slots=True)
class Supported:
    """The strictest threshold at which the comparisons support an FMR, with the rates and their intervals."""

    threshold: float
    fmr: float
    fmr_per_person: float
    interval: Interval
    per_person_interval: Interval


def finest(comparisons: Comparisons) -> Supported | None:
    """The finest FMR that the comparisons support as a rate; None where they support none.

    It takes `FEWEST_FALSE_MATCHES`, `FEWEST_PEOPLE`, and intervals that reach no higher than `WIDEST` times
    the rate and not down to 0.
    """
    found = None
    thresholds = [
        threshold
        for threshold in trade_off(comparisons)
        if false_matches_at(comparisons, threshold) >= FEWEST_FALSE_MATCHES
    ]
    for threshold, *intervals in zip(thresholds, *fmr_intervals(comparisons, thresholds), strict=True):
        rates = fmr_at(comparisons, threshold)
        if not supports(comparisons, threshold, rates, intervals):
            break
        found = Supported(threshold, *rates, *intervals)
    return found


def supports(
    comparisons: Comparisons, threshold: float, rates: Sequence[float], intervals: Sequence[Interval]
) -> bool:
    """Whether the comparisons support these rates at a threshold, given their intervals."""
    # Where all rests on three people or fewer, more than 2.5 % of the draws are without any of them.
    return (
        false_matches_at(comparisons, threshold) >= FEWEST_FALSE_MATCHES
        and people_compared(comparisons) >= FEWEST_PEOPLE
        and all(
            interval.low > 0 and interval.high <= WIDEST * rate
            for rate, interval in zip(rates, intervals, strict=True)
        )
    )


def trade_off(comparisons: Comparisons, *, coarsest: float = COARSEST) -> list[float]:
    """Rising thresholds from an FMR of `coarsest` down to the last false match, `PER_DECADE` in each power of
    ten.
    """  # noqa: D205
    steps = math.floor(math.log10(max(coarsest * comparisons.impostors, 0.1)) * PER_DECADE + 1e-9)
    targets = [coarsest * 10 ** (-step / PER_DECADE) for step in range(steps + 1)]
    return sorted({threshold_at(comparisons, fmr) for fmr in targets})


def points(
    comparisons: Comparisons, thresholds: Sequence[float], last: Supported | None
) -> tuple[Point, ...]:
    """Both rates at each threshold, with intervals.

    Args:
        comparisons: The comparisons.
        thresholds: In any order.
        last: What `finest` says of the comparisons.
    """
    missed, _ = misses(comparisons, thresholds)
    found = []
    for place, (threshold, *intervals) in enumerate(
        zip(
            thresholds,
            *fmr_intervals(comparisons, thresholds),
            *fnmr_intervals(comparisons, thresholds),
            strict=True,
        )
    ):
        fmrs, fnmrs = fmr_at(comparisons, threshold), fnmr_at(comparisons, threshold)
        supported = supports(comparisons, threshold, fmrs, intervals[:2])
        if not supported:
            intervals[:2] = _bounds(comparisons, threshold, fmrs, intervals[:2], last)
        fmr, own_fmr, fnmr, own_fnmr = intervals
        found.append(
            Point(
                threshold=threshold,
                fmr=fmrs[0],
                fmr_low=fmr.low,
                fmr_high=fmr.high,
                fmr_per_person=fmrs[1],
                fmr_per_person_low=own_fmr.low,
                fmr_per_person_high=own_fmr.high,
                supported=supported,
                fnmr=fnmrs[0],
                fnmr_low=fnmr.low,
                fnmr_high=fnmr.high,
                fnmr_per_person=fnmrs[1],
                fnmr_per_person_low=own_fnmr.low,
                fnmr_per_person_high=own_fnmr.high,
                false_matches=false_matches_at(comparisons, threshold),
                false_non_matches=int(missed[:, place].sum()),
            )
        )
    return tuple(found)


def _bounds(
    comparisons: Comparisons,
    threshold: float,
    rates: Sequence[float],
    intervals: Sequence[Interval],
    last: Supported | None,
) -> list[Interval]:
    """What may still be said where the comparisons don't support a rate.

    FMR falls with the threshold: beyond the last one that is supported, its upper end still is a bound. Where
    none is supported, rates count as if they rested on as many comparisons as there are pairs of people that
    share nobody.
    """
    if impostors_disjoint(comparisons):
        return list(intervals)  # Wilson's hold whatever the count
    if last is not None and threshold >= last.threshold:
        bounds = [last.interval.high, last.per_person_interval.high]
    else:
        apart = comparisons.people // 2
        bounds = [wilson(math.ceil(rate * apart), apart).high for rate in rates]
    return [
        Interval(interval.low, max(interval.high, bound))
        for interval, bound in zip(intervals, bounds, strict=True)
    ]


# One number for the whole trade-off, and how similarities are spread


def equal_error_rate(comparisons: Comparisons) -> EqualErrorRate | None:
    """Where FMR and FNMR meet, on the grid of thresholds: the mean of the two where they are closest."""
    _, total = misses(comparisons, [])
    if not comparisons.impostors or not total.any():
        return None
    pooled, per_person = _fnmr_curves(comparisons, total)
    fmr = _reached(comparisons) / comparisons.impostors
    place, own_place = (int(np.argmax(fnmr >= fmr)) for fnmr in (pooled, per_person))
    rate, own_rate = _meeting(fmr, pooled, place), _meeting(fmr, per_person, own_place)
    interval, own = _equal_error_intervals(comparisons, place, own_place, rate, own_rate)
    return EqualErrorRate(
        rate=rate,
        low=interval.low,
        high=interval.high,
        per_person=own_rate,
        per_person_low=own.low,
        per_person_high=own.high,
        threshold=edge(place),
    )


def score_histogram(comparisons: Comparisons) -> ScoreHistogram:
    """Similarities in `SHOWN_BINS` equal steps from -1 to 1; genuine ones with each person weighing the same.

    Comparisons that a failure to acquire took lie at the very left.
    """
    _, total = misses(comparisons, [])
    wide = BINS // SHOWN_BINS
    people = max(int((total > 0).sum()), 1)
    of = comparisons.genuine_person
    genuine = np.bincount(
        comparisons.genuine_bin // wide,
        weights=shares(comparisons.genuine_count, total[of]),
        minlength=SHOWN_BINS,
    )
    genuine[0] += shares(comparisons.lost, total).sum()
    impostor = comparisons.histogram.reshape(SHOWN_BINS, wide).sum(axis=1) / max(comparisons.impostors, 1)
    return ScoreHistogram(
        edges=tuple(edge(bin_) for bin_ in range(0, BINS + 1, wide)),
        genuine=tuple((genuine / people).tolist()),
        impostor=tuple(impostor.tolist()),
    )


def ten_fold(scores: Floats, same: Booleans, fold: Integers) -> TenFold | None:
    """Accuracy by folds, as the protocol of Labeled Faces in the Wild has it (Huang and others, UMass Amherst
    Technical Report 07-49, 2007).

    Args:
        scores: Similarity of each pair; minus infinity where a picture gave no template, which is no match.
        same: Whether the pair is of one person.
        fold: The fold of each pair.

    Returns:
        None where there is no other fold that could set a threshold.
    """  # noqa: D205
    folds = np.unique(fold)
    if len(folds) < 2:
        return None
    accuracies, thresholds = [], []
    for tested in folds:
        rest = fold != tested
        threshold = _most_accurate(scores[rest], same[rest])
        thresholds.append(threshold)
        accuracies.append(float(((scores[~rest] >= threshold) == same[~rest]).mean()))
    return TenFold(
        accuracy=float(np.mean(accuracies)),
        standard_error=float(np.std(accuracies, ddof=1)) / math.sqrt(len(accuracies)),
        folds=tuple(accuracies),
        thresholds=tuple(thresholds),
    )


def _most_accurate(scores: Floats, same: Booleans) -> float:
    """The threshold with the most right answers; of several the middle one."""
    order = np.argsort(scores)
    scores, same = scores[order], same[order]
    # With the threshold at place i, everything before it is "no match".
    right = np.concatenate([[0], np.cumsum(~same)]) + np.concatenate([np.cumsum(same[::-1])[::-1], [0]])
    possible = np.flatnonzero(np.concatenate([[True], scores[1:] > scores[:-1], [True]]))
    # No threshold lets a picture without a template match.
    possible = possible[possible >= np.isneginf(scores).sum()]
    best = possible[right[possible] == right[possible].max()]
    place = int(best[len(best) // 2])
    low = float(scores[place - 1]) if place > 0 else -1.0
    high = float(scores[place]) if place < len(scores) else 1.0
    return max(low, -1.0) / 2 + high / 2 if high > low else high


def _equal_error_intervals(
    comparisons: Comparisons, place: int, own_place: int, rate: float, own_rate: float
) -> tuple[Interval, Interval]:
    """Where the curves of each draw meet, on thresholds around the meeting point.

    Without any error the draws have none either; the upper end is then at least what so many people can say.
    """
    if impostors_disjoint(comparisons):
        return Interval(0.0, 1.0), Interval(0.0, 1.0)
    low, high = min(place, own_place) - BINS // 8, max(place, own_place) + BINS // 8
    around = [edge(bin_) for bin_ in range(max(low, 0), min(high, BINS) + 1, BINS // 1024)]
    fmr, _ = fmr_replicates(comparisons, around)
    _, total = misses(comparisons, [])
    without_error = wilson(0, int((total > 0).sum())).high
    both = []
    for fnmr, found in zip(fnmr_replicates(comparisons, around), (rate, own_rate), strict=True):
        met = np.argmax(fnmr >= fmr, axis=1)
        met[(fnmr < fmr).all(axis=1)] = len(around) - 1
        rows = np.arange(len(met))
        [interval] = ends(((fmr[rows, met] + fnmr[rows, met]) / 2)[:, None])
        least = 0.0 if found else without_error
        both.append(_holding(Interval(interval.low, max(interval.high, least)), found))
    return both[0], both[1]


def _meeting(fmr: Floats, fnmr: Floats, place: int) -> float:
    """The mean of both rates at the place, or just before it, where they are closer."""
    places = [place] if place == 0 else [place - 1, place]
    closest = min(places, key=lambda at: abs(float(fmr[at] - fnmr[at])))
    return float(fmr[closest] + fnmr[closest]) / 2


def _fnmr_curves(comparisons: Comparisons, total: Integers) -> tuple[Floats, Floats]:
    """FNMR at the edges of all bins, over all comparisons and per person."""
    of, bins, count = comparisons.genuine_person, comparisons.genuine_bin, comparisons.genuine_count
    people = int((total > 0).sum())
    own = shares(count, total[of])
    curves = []
    lost = comparisons.lost
    for weights, missed, whole in (
        (count, lost.sum(), total.sum()),
        (own, shares(lost, total).sum(), people),
    ):
        below = np.concatenate([[0.0], np.cumsum(np.bincount(bins, weights=weights, minlength=BINS))])
        curves.append((below + missed) / whole)
    return curves[0], curves[1]


def _reached(comparisons: Comparisons) -> Integers:
    """Impostor comparisons that reach the lower edge of each bin, and, last, the upper end: none."""
    reached = np.zeros(BINS + 1, dtype=np.int64)
    reached[:-1] = np.cumsum(comparisons.histogram[::-1])[::-1]
    return reached


def _kept_reaching(comparisons: Comparisons, threshold: float) -> int:
    """How many of the kept impostor comparisons reach a threshold; they lie highest first."""
    return int(np.searchsorted(-comparisons.kept_bin, -bin_of(threshold), side="right"))


def _holding(interval: Interval, rate: float) -> Interval:
    """The interval, stretched to its rate where rounding or few draws left that outside."""
    return Interval(min(interval.low, rate), max(min(interval.high, 1.0), rate))


def ends(drawn: Floats) -> list[Interval]:
    """The middle 95 % of draws x rates, for each rate."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return [Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)]
