"""Error rates by groups that the operator gave, and how far they lie apart; every person weighs the same.

Nothing here may say who resembles whom. So no rate rests on fewer than `MIN_PEOPLE` people of a group, and
where the comparisons of a group don't support an FMR none is given, nor a threshold that hangs on it: a rate
above 0 in the right one of cleverly chosen groups would tell whom a person resembles. What is given there is
a bound that follows from the number of people alone, or from a coarser rate that is supported.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from visavis.evaluation import rates
from visavis.evaluation.comparisons import BINS, Listed, bin_of, edge
from visavis.evaluation.rates import (
    CONFIDENCE,
    FEWEST_FALSE_MATCHES,
    FEWEST_PEOPLE,
    REPLICATES,
    WIDEST,
    Interval,
    wilson,
)
from visavis.evaluation.result import CrossRate, Differential, Grouping, GroupRates, GroupsAt, WorstGroup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Literal

    from visavis.evaluation.comparisons import Booleans, Comparisons, Integers
    from visavis.evaluation.rates import Supported
    from visavis.evaluation.result import OperatingPoint
    from visavis.evaluation.truth import Groups
    from visavis.geometry import Floats

    _Estimates = dict[tuple[int, int], dict[float, "_Estimate"]]

# Rates of one or two people would say who resembles whom, which an evaluation never does; and they carry no
# information.
MIN_PEOPLE = 10
OTHER = "(other)"


def grouping(
    comparisons: Comparisons, groups: Groups, points: Sequence[OperatingPoint], last: Supported | None
) -> Grouping:
    """Rates of each group, and across each two of them, at the thresholds of operating points.

    Labels of fewer than `MIN_PEOPLE` people are counted together under `OTHER`, and where they are too few
    even then, not at all. Across groups only those rates are told that rest on `MIN_PEOPLE` people of either.

    Args:
        comparisons: The comparisons.
        groups: Of the same people.
        points: Overall rates.
        last: What `rates.finest` says of the comparisons.
    """
    divided = _Divided(comparisons, groups)
    targets = [point.fmr_target for point in points]
    worst = [divided.worst(fmr) for fmr in targets]
    fmrs = divided.fmrs([point.at.threshold for point in points] + [each[0] for each in worst if each])
    of_groups = [list(_rates_of(divided, group, points, fmrs)) for group in range(len(divided.names))]
    return Grouping(
        name=groups.name,
        groups=tuple(name for name in divided.names if name != OTHER),
        merged=divided.merged,
        unlabelled=divided.unlabelled,
        at=tuple(
            _groups_at(divided, point, [found[place] for found in of_groups], fmrs)
            for place, point in enumerate(points)
        ),
        worst_group=_worst_groups(divided, targets, worst, fmrs, last),
    )


def worst_group(comparisons: Comparisons, groups: Groups, fmr: float, last: Supported | None) -> WorstGroup:
    """The lowest threshold at which no group's own FMR exceeds `fmr`, and the overall rates there.

    A group's FMR is over comparisons within it, each pair of people weighing the same.

    Args:
        comparisons: The comparisons.
        groups: Of the same people.
        fmr: 0 to 1.
        last: What `rates.finest` says of the comparisons.
    """
    divided = _Divided(comparisons, groups)
    worst = divided.worst(fmr)
    fmrs = divided.fmrs([worst[0]] if worst else [])
    [found] = _worst_groups(divided, [fmr], [worst], fmrs, last)
    return found


def group_fmr_curves(
    comparisons: Comparisons, groups: Groups, thresholds: Sequence[float]
) -> tuple[tuple[str, ...], Floats, Floats, Booleans]:
    """FMR within each group that has one, each pair of people weighing the same.

    Returns:
        The groups' names. Groups x thresholds: the rates; their upper bounds, one-sided at 95 % where the
        group's data supports the rate and at least that where it doesn't; whether it does.
    """
    divided = _Divided(comparisons, groups)
    fmrs = divided.fmrs(thresholds)
    told = [part.groups for part in divided.parts if part.within and part.told]
    found = [[fmrs[groups][threshold] for threshold in thresholds] for groups in told]
    shape = len(told), len(thresholds)
    return (
        tuple(divided.names[group] for group, _ in told),
        np.array([each.rate for row in found for each in row]).reshape(shape),
        np.array([each.bound for row in found for each in row]).reshape(shape),
        np.array([each.supported for row in found for each in row], dtype=bool).reshape(shape),
    )


def differential(rate: Literal["fmr", "fnmr"], of_group: Mapping[str, float]) -> Differential:
    """How far rates lie apart.

    Highest through geometric mean: Grother, "FRVT Part 8: Summarizing Demographic Differentials", NIST IR
    8429, 2022. Gini coefficient n / (n - 1) Σᵢⱼ |xᵢ - xⱼ| / (2 n² mean), 0 where all are the same and 1 where
    one group has all errors: Howard and others, "Evaluating Proposed Fairness Models for Face Recognition
    Algorithms", 2022 (GARBE).

    Args:
        rate: Which one.
        of_group: Rate of each group, those of 0 left out: a ratio to them says nothing.
    """
    values = np.array(list(of_group.values()))
    count = len(values)
    if count < 2:
        return Differential(rate, count, None, None, None, None)
    apart = np.abs(values[:, None] - values[None, :]).sum()
    return Differential(
        rate=rate,
        groups=count,
        worst=max(of_group, key=lambda name: of_group[name]),
        max_over_min=float(values.max() / values.min()),
        max_over_geometric_mean=float(values.max() / np.exp(np.log(values).mean())),
        gini=float(count / (count - 1) * apart / (2 * count**2 * values.mean())),
    )


@dataclass(frozen=True, slots=True)
class _Estimate:
    """An FMR of comparisons within a group or across two.

    Attributes:
        rate: Mean over pairs of people of each pair's own rate. Not to be told where it isn't supported.
        low: Lower end of its two-sided 95 % interval.
        high: Upper end; where the data doesn't support the rate, a bound that doesn't hang on it.
        bound: The same one-sided.
        supported: Whether the data supports the rate.
    """

    rate: float
    low: float
    high: float
    bound: float
    supported: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Comparisons of two people within a group or across two.

    Attributes:
        groups: The two; twice the same for comparisons within it.
        people: How many people of each have part.
        impostors: How many comparisons there are.
        bins: Bins of those that were kept, highest first.
        two: k x 2, the two people of each.
        share: The share of each in all comparisons of its two people.
        members: Everybody x 2: who of each group gave a template, as 0 and 1.
        listed: All comparisons of the part where pairs were listed; None where they weren't.
    """

    groups: tuple[int, int]
    people: tuple[int, int]
    impostors: int
    bins: Integers
    two: Integers
    share: Floats
    members: Floats
    listed: Listed | None

    @property
    def within(self) -> bool:
        """Whether it is within one group."""
        return self.groups[0] == self.groups[1]

    @property
    def told(self) -> bool:
        """Whether enough people of each group have part."""
        return min(self.people) >= MIN_PEOPLE

    def pairs(self, drawn: Floats) -> Floats:
        """Pairs of people in each of draws x people, each as often as its two people together; at least 1."""
        if self.listed is not None:
            one, other = self.listed.people.T
            pairs: Floats = (drawn[:, one] * drawn[:, other]) @ self.listed.share
        else:
            first, second = (drawn @ self.members).T.astype(np.float64)
            pairs = (first**2 - drawn**2 @ self.members[:, 0]) / 2 if self.within else first * second
        return np.maximum(pairs, 1)

    def threshold(self, fmr: float) -> float:
        """The lowest threshold whose FMR is at most `fmr`."""
        own = np.bincount(self.bins, weights=self.share, minlength=BINS)
        reached = np.append(np.cumsum(own[::-1])[::-1], 0) / self._all_pairs()
        return edge(int(np.argmax(reached <= fmr * (1 + 1e-9))))

    def reaching(self, thresholds: Sequence[float]) -> Integers:
        """How many of the kept comparisons reach each threshold."""
        found: Integers = np.searchsorted(-self.bins, [-bin_of(each) for each in thresholds], side="right")
        return found

    def fmr_drawn(self, drawn: Floats, reaching: Integers) -> Floats:
        """FMR in each of draws x people, given how many comparisons reach each of rising thresholds."""
        starts = np.append(0, reaching[:0:-1])
        lengths = reaching[::-1] - starts
        one, other = self.two[: reaching.max(initial=0)].T
        weights = drawn[:, one]
        weights *= drawn[:, other]
        weights *= self.share[: len(one)]
        sums = np.zeros((len(drawn), len(reaching)))
        filled = lengths > 0
        if filled.any():
            sums[:, filled] = np.add.reduceat(weights, starts[filled], axis=1, dtype=np.float64)
        return np.cumsum(sums, axis=1)[:, ::-1] / self.pairs(drawn)[:, None]

    def estimates(self, drawn: Floats, reaching: Integers) -> Iterator[_Estimate]:
        """FMR at rising thresholds, given that of each draw and how many comparisons reach each."""
        counts = reaching.tolist()
        reached = np.append(0.0, np.cumsum(self.share, dtype=np.float64))
        found = [min(float(reached[count]) / self._all_pairs(), 1.0) for count in counts]
        tail = (1 - CONFIDENCE) / 2
        ends = np.quantile(drawn, [tail, 1 - tail, CONFIDENCE], axis=0).T.tolist()
        # Beyond the last threshold that is supported the bounds there still hold. Where none is, what holds
        # for as many comparisons without a false match as there are pairs of people that share nobody.
        least = wilson(0, self.people[0] // 2 if self.within else min(self.people)).high
        if self._disjoint():
            alone = [wilson(count, self.impostors) for count in counts]
            ends = [(interval.low, interval.high, interval.high) for interval in alone]
            least = wilson(min(FEWEST_FALSE_MATCHES, self.impostors), self.impostors).high
        enough = min(self.people) >= FEWEST_PEOPLE
        last: tuple[float, float] | None = None
        for rate, count, (low, high, bound) in zip(found, counts, ends, strict=True):
            supported = enough and count >= FEWEST_FALSE_MATCHES and low > 0 and high <= WIDEST * rate
            if supported:
                last = high, bound
            else:
                low, (high, bound) = 0.0, last or (least, least)  # noqa: PLW2901
            yield _Estimate(rate, low, high, bound, supported)

    def _all_pairs(self) -> float:
        return float(self.pairs(np.ones((1, len(self.members))))[0])

    def _disjoint(self) -> bool:
        """Whether nobody has part in two comparisons."""
        return self.listed is not None and int(np.bincount(self.listed.people.ravel()).max()) <= 1


class _Divided:
    """Comparisons of people who are divided into groups.

    Attributes:
        comparisons: The comparisons.
        group_of: Group of each person, -1 for none.
        names: Of the groups, `OTHER` last where it is one.
        merged: Labels that are no group of their own.
        unlabelled: People without a label.
        parts: Within each group, in their order, then across each two.
    """

    def __init__(self, comparisons: Comparisons, groups: Groups) -> None:
        takes_part = (comparisons.pictures_of > 0) | (rates.misses(comparisons, [])[1] > 0)
        if comparisons.listed is not None:
            takes_part[comparisons.listed.people] = True
        label_of = groups.of_person[: comparisons.people]
        self.unlabelled = int((takes_part & (label_of < 0)).sum())
        label_of = np.where(takes_part, label_of, -1)
        people = np.bincount(label_of[label_of >= 0], minlength=len(groups.labels))
        # The operator's own "(other)", if there is one, is merged with ours.
        own = [
            label for label, name in enumerate(groups.labels) if people[label] >= MIN_PEOPLE and name != OTHER
        ]
        self.merged = tuple(name for label, name in enumerate(groups.labels) if label not in own)
        others = people.sum() - people[own].sum() >= MIN_PEOPLE
        self.names = (*(groups.labels[label] for label in own), *([OTHER] if others else []))
        group = np.full(len(groups.labels) + 1, len(own) if others else -1)
        group[own] = np.arange(len(own))
        group[-1] = -1  # of those without a label
        self.comparisons, self.group_of = comparisons, group[label_of]
        self.parts = tuple(self._parts())

    def genuine(self, group: int) -> Comparisons:
        """Comparisons of one person of a group, and nothing else."""
        whole, members = self.comparisons, np.flatnonzero(self.group_of == group)
        place = np.full(whole.people, -1)
        place[members] = np.arange(len(members))
        theirs = place[whole.genuine_person] >= 0
        return dataclasses.replace(
            whole,
            people=len(members),
            pictures_of=whole.pictures_of[members],
            genuine_person=place[whole.genuine_person[theirs]],
            genuine_bin=whole.genuine_bin[theirs],
            genuine_count=whole.genuine_count[theirs],
            lost=whole.lost[members],
            histogram=np.zeros_like(whole.histogram),
            kept_bin=whole.kept_bin[:0],
            kept_people=whole.kept_people[:0],
            kept_weight=whole.kept_weight[:0],
            kept_share=whole.kept_share[:0],
            listed=None,
        )

    def worst(self, fmr: float) -> tuple[float, int] | None:
        """The lowest threshold at which no group's own FMR exceeds `fmr`, and the group that sets it."""
        found = [(part.threshold(fmr), part.groups[0]) for part in self.parts if part.within and part.told]
        return max(found, key=lambda each: each[0], default=None)

    def fmrs(self, thresholds: Sequence[float]) -> _Estimates:
        """FMR by part and threshold, of the parts in which enough people have part."""
        wanted = sorted({*thresholds, *rates.trade_off(self.comparisons)})
        told = [(part, part.reaching(wanted)) for part in self.parts if part.told]
        fmr = np.empty((len(told), REPLICATES, len(wanted)), dtype=np.float32)
        for rows, drawn in rates.draws(self.comparisons):
            for (part, reaching), of_part in zip(told, fmr, strict=True):
                of_part[rows] = part.fmr_drawn(drawn, reaching)
        return {
            part.groups: dict(zip(wanted, part.estimates(of_part, reaching), strict=True))
            for (part, reaching), of_part in zip(told, fmr, strict=True)
        }

    def _parts(self) -> Iterator[_Part]:
        comparisons, count = self.comparisons, len(self.names)
        places = [(group, group) for group in range(count)] + list(combinations(range(count), 2))
        part_of = np.full((count + 1, count + 1), -1)  # the last row and column are for people of no group
        for part, (first, second) in enumerate(places):
            part_of[first, second] = part_of[second, first] = part
        kept = self._split(part_of, comparisons.kept_people, len(places))
        listed = comparisons.listed
        rows = kept if listed is None else self._split(part_of, listed.people, len(places))
        gave = comparisons.pictures_of
        for groups, chosen, made in zip(places, kept, rows, strict=True):
            first, second = (self.group_of == group for group in groups)
            if listed is None:
                theirs, have_part = None, gave > 0
                impostors = _impostors(gave[first], None if groups[0] == groups[1] else gave[second])
            else:
                theirs = Listed(listed.people[made], listed.share[made])
                have_part = np.zeros(comparisons.people, dtype=bool)
                have_part[theirs.people] = True
                impostors = len(made)
            members = np.stack([first & have_part, second & have_part], axis=1)
            yield _Part(
                groups=groups,
                people=(int(members[:, 0].sum()), int(members[:, 1].sum())),
                impostors=impostors,
                bins=comparisons.kept_bin[chosen].astype(np.int64),
                two=comparisons.kept_people[chosen],
                share=comparisons.kept_share[chosen],
                members=members.astype(np.float32),
                listed=theirs,
            )

    def _split(self, part_of: Integers, people: Integers, parts: int) -> Sequence[Integers]:
        """Which rows of n x 2 people belong to each part, in their order."""
        part = part_of[self.group_of[people[:, 0]], self.group_of[people[:, 1]]]
        order = np.argsort(part, kind="stable")
        return np.split(order, np.searchsorted(part[order], np.arange(parts + 1)))[1:-1]


def _impostors(first: Integers, second: Integers | None) -> int:
    """Comparisons across two groups, or within one, given how many pictures there are of each person."""
    if second is None:
        return int(first.sum() ** 2 - (first**2).sum()) // 2
    return int(first.sum() * second.sum())


def _fnmrs(genuine: Comparisons, thresholds: Sequence[float]) -> list[tuple[float, Interval] | None]:
    """Mean of each person's own FNMR with its interval at each threshold; None for too few people."""
    if (rates.misses(genuine, [])[1] > 0).sum() < MIN_PEOPLE:
        return [None] * len(thresholds)
    _, intervals = rates.fnmr_intervals(genuine, thresholds)
    return [
        (rates.fnmr_at(genuine, threshold)[1], interval)
        for threshold, interval in zip(thresholds, intervals, strict=True)
    ]


def _groups_at(
    divided: _Divided, point: OperatingPoint, of_groups: Sequence[GroupRates], fmrs: _Estimates
) -> GroupsAt:
    names, threshold = divided.names, point.at.threshold
    cross = []
    for part in divided.parts:
        if part.told and not part.within:
            fmr = fmrs[part.groups][threshold]
            first, second = (names[group] for group in part.groups)
            rate = fmr.rate if fmr.supported else None
            cross.append(CrossRate(first, second, rate, fmr.low, fmr.high, fmr.supported, part.impostors))
    # People of several labels are no group: most comparisons within it are across labels.
    alike = [each for each in of_groups if each.name != OTHER]
    return GroupsAt(
        fmr_target=point.fmr_target,
        threshold=threshold,
        rates=tuple(of_groups),
        cross=tuple(cross),
        differentials=(
            differential("fmr", {each.name: each.fmr for each in alike if each.fmr}),
            differential("fnmr", {each.name: each.fnmr_per_person for each in alike if each.fnmr_per_person}),
        ),
    )


def _rates_of(
    divided: _Divided, group: int, points: Sequence[OperatingPoint], fmrs: _Estimates
) -> Iterator[GroupRates]:
    """Rates of a group at each operating point."""
    genuine, within = divided.genuine(group), divided.parts[group]
    fnmrs = _fnmrs(genuine, [point.at.threshold for point in points])
    for point, fnmr in zip(points, fnmrs, strict=True):
        at, fmr = point.at, fmrs[within.groups][point.at.threshold] if within.told else None
        own, interval = fnmr or (None, None)
        ratio = fmr is not None and fmr.supported and at.supported and at.fmr_per_person > 0
        yield GroupRates(
            name=divided.names[group],
            people=genuine.people,
            fmr=fmr.rate if fmr and fmr.supported else None,
            fmr_low=fmr.low if fmr else None,
            fmr_high=fmr.high if fmr else None,
            fmr_supported=fmr is not None and fmr.supported,
            fmr_ratio=fmr.rate / at.fmr_per_person if fmr and ratio else None,
            fnmr_per_person=own,
            fnmr_per_person_low=interval.low if interval else None,
            fnmr_per_person_high=interval.high if interval else None,
            fnmr_ratio=own / at.fnmr_per_person if own is not None and at.fnmr_per_person > 0 else None,
            impostors=within.impostors,
            genuine=genuine.genuine,
        )


def _worst_groups(
    divided: _Divided,
    targets: Sequence[float],
    worst: Sequence[tuple[float, int] | None],
    fmrs: _Estimates,
    last: Supported | None,
) -> tuple[WorstGroup, ...]:
    points = iter(rates.points(divided.comparisons, [each[0] for each in worst if each], last))
    found = []
    for fmr, each in zip(targets, worst, strict=True):
        if each is None:
            found.append(WorstGroup(fmr, None, supported=False, at=None))
            continue
        (threshold, group), point = each, next(points)
        supported = fmrs[group, group][threshold].supported
        name, at = (divided.names[group], point) if supported else (None, None)
        found.append(WorstGroup(fmr, name, supported, at))
    return tuple(found)
