from __future__ import annotations

import dataclasses
import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from visavis.evaluation import rates
from visavis.evaluation.comparisons import BINS, all_pairs, listed_pairs
from visavis.evaluation.groups import (
    MIN_PEOPLE,
    OTHER,
    differential,
    group_fmr_curves,
    grouping,
    worst_group,
)
from visavis.evaluation.result import Grouping, GroupRates, OperatingPoint
from visavis.evaluation.truth import Groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from visavis.evaluation.comparisons import Comparisons

BIN = 2 / BINS
TARGETS = (0.1, 0.01)


def templates(
    labels: Sequence[int],
    pictures: int = 3,
    *,
    alike: dict[int, float] | None = None,
    seed: int = 0,
    size: int = 32,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pictures of people, one label each; people of the groups in `alike` share a direction, as strongly as
    said there.
    """
    random = np.random.default_rng(seed)
    centres = random.normal(size=(len(labels), size))
    for label, strength in (alike or {}).items():
        centres[np.array(labels) == label] += strength * random.normal(size=size)
    person = np.repeat(np.arange(len(labels)), pictures)
    vectors = centres[person] + 0.8 * random.normal(size=(len(person), size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), person


def groups(labels: Sequence[int], names: str | Sequence[str] = "abcdefgh") -> Groups:
    count = max(labels, default=-1) + 1
    return Groups("shift", tuple(names[:count]), np.array(labels, dtype=np.int64))


def points(found: Comparisons, targets: Sequence[float] = TARGETS) -> tuple[OperatingPoint, ...]:
    thresholds = [rates.threshold_at(found, fmr) for fmr in targets]
    made = rates.points(found, thresholds, rates.finest(found))
    return tuple(OperatingPoint(fmr, point) for fmr, point in zip(targets, made, strict=True))


def told(found: Comparisons, of: Groups, targets: Sequence[float] = TARGETS) -> Grouping:
    return grouping(found, of, points(found, targets), rates.finest(found))


def all_rates(found: Grouping) -> Iterator[GroupRates]:
    for at in found.at:
        yield from at.rates


# By hand


def twenty(**changes: Any) -> Comparisons:
    """Two groups of ten, each two people compared once, and each person once with themselves.

    9 of the 45 pairs within the first group reach 0.5, none within the second, 10 of the 100 across. 3 of ten
    don't match themselves in the first, 1 in the second.
    """
    first, second, score = [], [], []
    within = across = 0
    for one, other in combinations(range(20), 2):
        high = False
        if other < 10:
            within += 1
            high = within <= 9
        elif one < 10:
            across += 1
            high = across <= 10
        first.append(one)
        second.append(other)
        score.append(0.7 if high else 0.1)
    genuine = [0.2 if person in (1, 5, 9, 12) else 0.8 for person in range(20)]
    same = np.array([False] * len(first) + [True] * 20)
    return listed_pairs(
        np.array(score + genuine, dtype=np.float32),
        np.array(first + list(range(20))),
        np.array(second + list(range(20))),
        same,
    )


def test_two_groups_by_hand() -> None:
    made = twenty()
    at = rates.points(made, [0.5], None)[0]
    found = grouping(made, groups([0] * 10 + [1] * 10), [OperatingPoint(0.1, at)], None)
    assert (found.name, found.groups, found.merged, found.unlabelled) == ("shift", ("a", "b"), (), 0)
    [told_at] = found.at
    assert (told_at.fmr_target, told_at.threshold) == (0.1, 0.5)
    a, b = told_at.rates
    assert (a.name, a.people, a.impostors, a.genuine) == ("a", 10, 45, 10)
    assert (b.name, b.people, b.impostors, b.genuine) == ("b", 10, 45, 10)
    _, own, _, supported = group_fmr_curves(made, groups([0] * 10 + [1] * 10), [0.5])
    assert own[:, 0] == pytest.approx([9 / 45, 0])
    assert not supported.any()
    assert [a.fnmr_per_person, b.fnmr_per_person] == pytest.approx([0.3, 0.1])
    assert [a.fnmr_ratio, b.fnmr_ratio] == pytest.approx([0.3 / 0.2, 0.1 / 0.2])
    [cross] = told_at.cross
    assert (cross.first, cross.second, cross.impostors) == ("a", "b", 100)
    # Fewer than 30 false matches are no rate, so there is nothing to divide either.
    assert not any(each.fmr_supported for each in (a, b, cross))
    assert (a.fmr, b.fmr, cross.fmr) == (None, None, None)
    assert (a.fmr_ratio, b.fmr_ratio) == (None, None)
    fmr, fnmr = told_at.differentials
    assert (fmr.rate, fmr.groups, fmr.worst, fmr.max_over_min) == ("fmr", 0, None, None)
    assert (fnmr.rate, fnmr.groups, fnmr.worst) == ("fnmr", 2, "a")
    assert fnmr.max_over_min == pytest.approx(3)
    assert fnmr.max_over_geometric_mean == pytest.approx(0.3 / math.sqrt(0.03))


def test_what_the_data_does_not_support_has_an_honest_upper_end() -> None:
    made = twenty()
    at = rates.points(made, [0.5], None)[0]
    [told_at] = grouping(made, groups([0] * 10 + [1] * 10), [OperatingPoint(0.1, at)], None).at
    a, b = told_at.rates
    # As if on the five pairs of ten people that share nobody, none of which is a false match, by scipy's
    # Wilson interval: with as many as there are it would tell of them. Across: 0 of ten.
    for each, pairs in ((a, 5), (b, 5), (told_at.cross[0], 10)):
        bound = stats.binomtest(0, pairs).proportion_ci(method="wilson").high
        assert each.fmr_low == 0
        assert each.fmr_high == pytest.approx(bound)


# Against brute force


LABELS = [number % 3 for number in range(93)]


def own_rates(
    scores: NDArray[np.float32], person: NDArray[np.int64], threshold: float
) -> NDArray[np.float64]:
    """FMR of each two people on its own, from the whole matrix of scores."""
    people = int(person.max()) + 1
    matrix = np.zeros((people, people))
    for one, other in combinations(range(people), 2):
        block = scores[np.ix_(person == one, person == other)]
        matrix[one, other] = matrix[other, one] = (block >= threshold).mean()
    return matrix


def test_rates_and_intervals_against_brute_force() -> None:
    vectors, person = templates(LABELS, alike={1: 1.0})
    # 1 to 3 pictures each
    keep = np.flatnonzero((np.random.default_rng(1).random(len(person)) > 0.3) | (np.arange(279) % 3 == 0))
    vectors, person = vectors[keep], person[keep]
    assert np.unique(person).size == 93
    made, label = all_pairs(vectors, person), np.array(LABELS)
    found = told(made, groups(LABELS))

    draws = np.concatenate([drawn for _, drawn in rates.draws(made)]).astype(float)
    scores = vectors @ vectors.T
    for at in found.at:
        # Bins' edges are thresholds, and all scores of a bin reach its lower edge.
        matrix = own_rates(np.floor((scores + 1) / BIN) * BIN - 1, person, at.threshold)
        group = np.array(LABELS)
        for number, each in enumerate(at.rates):
            inside = matrix[np.ix_(group == number, group == number)]
            assert each.fmr == (
                pytest.approx(inside.sum() / (31 * 30), rel=1e-6) if each.fmr_supported else None
            )
            assert each.people == 31
            pictures = np.bincount(person)[group == number]
            assert each.impostors == (pictures.sum() ** 2 - (pictures**2).sum()) // 2
        pictures = np.array([np.bincount(person)[group == number].sum() for number in range(3)])
        for cross, (one, other) in zip(at.cross, combinations(range(3), 2), strict=True):
            block = matrix[np.ix_(group == one, group == other)]
            assert (cross.first, cross.second) == ("abc"[one], "abc"[other])
            assert cross.fmr == (pytest.approx(block.mean(), rel=1e-6) if cross.fmr_supported else None)
            assert cross.impostors == pictures[one] * pictures[other]

    # Intervals: the matrix once more, from the kept comparisons.
    at = found.at[0]
    matrix = np.zeros((93, 93))
    reached = made.kept_bin >= round((at.threshold + 1) / BIN)
    np.add.at(matrix, tuple(made.kept_people[reached].T), made.kept_share[reached])
    matrix += matrix.T
    for number, each in enumerate(at.rates):
        mine = draws * (label == number)
        total = (mine.sum(axis=1) ** 2 - (mine**2).sum(axis=1)) / 2
        expected = np.einsum("ri,ij,rj->r", mine, matrix, mine) / 2 / total
        assert each.fmr_supported
        assert (each.fmr_low, each.fmr_high) == pytest.approx(
            tuple(np.quantile(expected, [0.025, 0.975])), rel=1e-5
        )
        _, replicates = rates.fmr_replicates(made, [at.threshold], among=label == number)
        assert replicates[:, 0] == pytest.approx(expected, rel=1e-5)
    for cross, (one, other) in zip(at.cross, combinations(range(3), 2), strict=True):
        mine, theirs = draws * (label == one), draws * (label == other)
        expected = np.einsum("ri,ij,rj->r", mine, matrix, theirs) / (mine.sum(axis=1) * theirs.sum(axis=1))
        assert cross.fmr_supported
        assert (cross.fmr_low, cross.fmr_high) == pytest.approx(
            tuple(np.quantile(expected, [0.025, 0.975])), rel=1e-5
        )


def test_fnmr_of_a_group_against_brute_force() -> None:
    vectors, person = templates(LABELS, alike={1: 1.0})
    missing = np.array([0, 0, 4, 8])  # people of 4, 5 and 9 pictures then, one group each
    made = all_pairs(vectors, person, missing=missing)
    point = OperatingPoint(0.001, rates.points(made, [0.7], None)[0])
    [at] = grouping(made, groups(LABELS), [point], None).at
    own = []
    for one in range(len(LABELS)):
        mine = vectors[person == one]
        pictures = len(mine) + int((missing == one).sum())
        scores = [float(a @ b) for a, b in combinations(mine, 2)]
        pairs = pictures * (pictures - 1) // 2
        own.append(1 - sum(score >= at.threshold for score in scores) / pairs)
    for number, each in enumerate(at.rates):
        expected = np.array([rate for rate, label in zip(own, LABELS, strict=True) if label == number])
        assert each.fnmr_per_person == pytest.approx(expected.mean(), abs=1e-9)
        assert each.genuine == sum(
            math.comb(3 + int((missing == one).sum()), 2)
            for one in range(len(LABELS))
            if LABELS[one] == number
        )
        assert each.fnmr_per_person_low is not None
        assert each.fnmr_per_person_high is not None
        # A bootstrap of a mean of 31 lies near the normal interval around it.
        half = 1.96 * expected.std() / math.sqrt(31)
        assert each.fnmr_per_person_low == pytest.approx(expected.mean() - half, abs=0.4 * half)
        assert each.fnmr_per_person_high == pytest.approx(expected.mean() + half, abs=0.4 * half)


# A group whose people resemble each other


def test_a_group_of_people_who_resemble_each_other_is_found() -> None:
    labels = [number % 2 for number in range(120)]
    made = all_pairs(*templates(labels, alike={1: 0.5}))
    found = told(made, groups(labels))
    for at, worst, point in zip(found.at, found.worst_group, points(made), strict=True):
        a, b = at.rates
        assert a.fmr_supported
        assert b.fmr_supported
        assert a.fmr is not None
        assert b.fmr is not None
        assert a.fmr_ratio == pytest.approx(a.fmr / point.at.fmr_per_person)
        assert a.fmr_ratio is not None
        assert b.fmr_ratio is not None
        assert a.fmr_ratio < 1 < b.fmr_ratio
        assert b.fmr_low is not None
        assert a.fmr_high is not None
        assert b.fmr_low > a.fmr_high
        fmr, _ = at.differentials
        assert (fmr.groups, fmr.worst) == (2, "b")
        assert fmr.max_over_min == pytest.approx(b.fmr / a.fmr)
        assert worst.group == "b"
        assert worst.supported
        assert worst.at is not None
        assert worst.at.threshold > point.at.threshold
        assert worst.at.fnmr_per_person >= point.at.fnmr_per_person
        assert worst.at.fmr < point.at.fmr


@pytest.mark.parametrize("fmr", [0.1, 0.05, 0.02])
def test_the_worst_group_has_the_lowest_threshold_that_holds_in_each(fmr: float) -> None:
    labels = [number % 3 for number in range(90)]
    vectors, person = templates(labels, alike={0: 1.0, 2: 1.4})
    made = all_pairs(vectors, person)
    found = worst_group(made, groups(labels), fmr, rates.finest(made))
    assert found.fmr_target == fmr
    assert found.at is not None
    scores = np.floor((vectors @ vectors.T + 1) / BIN) * BIN - 1

    def within(threshold: float) -> list[float]:
        matrix = own_rates(scores, person, threshold)
        group = np.array(labels)
        return [float(matrix[np.ix_(group == each, group == each)].sum() / (30 * 29)) for each in range(3)]

    assert max(within(found.at.threshold)) <= fmr * (1 + 1e-6)
    lower = within(found.at.threshold - BIN)
    assert max(lower) > fmr
    assert found.group == "abc"[int(np.argmax(lower))]
    assert found == told(made, groups(labels), [fmr]).worst_group[0]


def test_a_worst_group_with_too_little_data_says_so() -> None:
    labels = [0] * 60 + [1] * 12
    made = all_pairs(*templates(labels, 1, alike={1: 3.0}))
    found = worst_group(made, groups(labels), 0.001, None)
    assert not found.supported, "66 comparisons give no FMR of a thousandth"
    assert (found.group, found.at) == (None, None), (
        "who sets the threshold would tell whom somebody resembles"
    )


@pytest.mark.parametrize("size", [29, 30])
def test_a_group_takes_thirty_people_for_a_rate(size: int) -> None:
    labels = [0] * 60 + [1] * size
    found = told(all_pairs(*templates(labels, alike={1: 1.0})), groups(labels), [0.1])
    a, b = found.at[0].rates
    [cross] = found.at[0].cross
    assert a.fmr_supported
    assert {b.fmr_supported, cross.fmr_supported} == {size == 30}
    assert (b.fmr is None) == (cross.fmr is None) == (size == 29)
    assert (found.worst_group[0].group, found.worst_group[0].supported) == (
        ("b", True) if size == 30 else (None, False)
    )


def test_curves_are_what_the_groups_rates_are() -> None:
    labels = [number % 2 for number in range(80)] + [2] * 3
    made = all_pairs(*templates(labels, alike={1: 1.5}))
    found = told(made, groups(labels))
    thresholds = [at.threshold for at in found.at]
    names, fmr, bounds, supported = group_fmr_curves(made, groups(labels), thresholds)
    assert names == ("a", "b")
    assert fmr.shape == bounds.shape == supported.shape == (2, 2)
    assert {group.fmr_supported for group in all_rates(found)} == {True, False}
    for column, at in enumerate(found.at):
        for row, group in enumerate(at.rates):
            assert group.fmr == (fmr[row, column] if group.fmr_supported else None)
            assert group.fmr_high is not None
            assert fmr[row, column] < bounds[row, column] <= group.fmr_high
            assert supported[row, column] == group.fmr_supported
            if group.fmr_supported:
                assert bounds[row, column] < group.fmr_high, "one-sided, so nearer"


def test_curves_without_a_group() -> None:
    made = all_pairs(*templates([0] * 9))
    names, *arrays = group_fmr_curves(made, groups([0] * 9), [0.1, 0.2])
    assert names == ()
    assert [array.shape for array in arrays] == [(0, 2)] * 3


def test_beyond_what_is_supported_the_last_bound_holds() -> None:
    labels = [number % 2 for number in range(80)]
    made = all_pairs(*templates(labels))
    thresholds = rates.trade_off(made)
    _, fmr, bounds, supported = group_fmr_curves(made, groups(labels), thresholds)
    for rate, bound, known in zip(fmr, bounds, supported, strict=True):
        assert known[0]
        assert not known[-1]
        # Neither a finer one nor one that falls back on 20 pairs of people: 0 of 20 would be below 0.16.
        assert bound[~known] == pytest.approx(bound[known].min())
        assert bound[~known].max() < 0.05
        assert (bound >= rate).all()


# Who is in a group


def test_people_without_a_label_are_in_no_group() -> None:
    labels = [0] * 35 + [-1] * 10 + [1] * 35
    vectors, person = templates(labels)
    found = told(all_pairs(vectors, person), groups(labels))
    assert found.unlabelled == 10
    assert told(all_pairs(vectors[person != 36], person[person != 36]), groups(labels)).unlabelled == 9
    assert [group.people for group in found.at[0].rates] == [35, 35]
    alone = person[(person < 35) | (person >= 45)]
    other = all_pairs(vectors[np.isin(person, alone)], np.unique(alone, return_inverse=True)[1])
    at = dataclasses.replace(points(other)[0].at, threshold=found.at[0].threshold)
    without = grouping(other, groups([0] * 35 + [1] * 35), [OperatingPoint(0.1, at)], None)
    assert all(group.fmr_supported for group in found.at[0].rates)
    assert [group.fmr for group in found.at[0].rates] == pytest.approx(
        [group.fmr for group in without.at[0].rates]
    )


def test_small_groups_are_counted_together() -> None:
    labels = [0] * 20 + [1] * 6 + [2] * 9 + [3] * 10
    found = told(all_pairs(*templates(labels, alike={0: 1.0})), groups(labels, ["a", "b", "c", "d"]))
    assert found.groups == ("a", "d")
    assert found.merged == ("b", "c")
    for at in found.at:
        assert [(group.name, group.people) for group in at.rates] == [("a", 20), ("d", 10), (OTHER, 15)]
        assert [(cross.first, cross.second) for cross in at.cross] == [("a", "d"), ("a", OTHER), ("d", OTHER)]
        assert {differential.groups for differential in at.differentials} <= {0, 1, 2}
        assert all(differential.worst != OTHER for differential in at.differentials)


def test_too_few_even_together_are_left_out() -> None:
    labels = [0] * 20 + [1] * 5 + [2] * 4
    found = told(all_pairs(*templates(labels)), groups(labels))
    assert (found.groups, found.merged) == (("a",), ("b", "c"))
    assert [group.name for group in found.at[0].rates] == ["a"]
    assert found.at[0].cross == ()
    assert all(differential.gini is None for differential in found.at[0].differentials)


def test_a_label_called_like_ours_is_merged() -> None:
    labels = [0] * 12 + [1] * 12 + [2] * 3
    found = told(all_pairs(*templates(labels)), groups(labels, [OTHER, "a", "b"]))
    assert (found.groups, found.merged) == (("a",), (OTHER, "b"))
    assert [(group.name, group.people) for group in found.at[0].rates] == [("a", 12), (OTHER, 15)]


@pytest.mark.parametrize("absent", [(21, 22), (12, 22), (12, 13)])
def test_who_takes_no_part_is_in_no_group(absent: tuple[int, int]) -> None:
    """Two people, of ten with the label "b" and more, have no picture that can be read."""
    labels = [0] * 12 + [1] * 11
    vectors, person = templates(labels)
    present = ~np.isin(person, absent)
    found = told(all_pairs(vectors[present], person[present]), groups(labels))
    assert (found.groups, found.merged, found.unlabelled) == (("a",), ("b",), 0)


def test_a_group_without_genuine_comparisons() -> None:
    labels = [0] * 12 + [1] * 12
    vectors, person = templates(labels)
    single = (person < 12) | (np.arange(len(person)) % 3 == 0)
    found = told(all_pairs(vectors[single], person[single]), groups(labels))
    a, b = found.at[0].rates
    assert a.fnmr_per_person is not None
    assert (b.genuine, b.fnmr_per_person, b.fnmr_per_person_low, b.fnmr_per_person_high, b.fnmr_ratio) == (
        0,
        *[None] * 4,
    )
    assert b.fmr_high is not None
    assert found.at[0].differentials[1].groups <= 1


def test_a_group_without_impostors() -> None:
    """Pairs are listed within the first group and across, none within the second."""
    made = twenty()
    assert made.listed is not None
    inside = [(one, other) for one, other in made.listed.people.tolist() if one < 10]
    first, second = np.array(inside + [(person, person) for person in range(20)]).T
    same = first == second
    scores = np.linspace(-0.5, 0.9, len(first)).astype(np.float32)
    listed, labels = listed_pairs(scores, first, second, same), [0] * 10 + [1] * 10
    a, b = told(listed, groups(labels), [0.1]).at[0].rates
    assert (a.impostors, b.impostors) == (45, 0)
    assert a.fmr_high is not None
    assert (b.fmr, b.fmr_low, b.fmr_high, b.fmr_supported, b.fmr_ratio) == (None, None, None, False, None)
    assert b.fnmr_per_person is not None
    assert group_fmr_curves(listed, groups(labels), [0.1])[0] == ("a",)


def test_pairs_that_share_nobody_have_a_binomial_interval() -> None:
    """100 pairs within each group, nobody in two of them; 40 and 20 are alike."""
    first = np.arange(0, 400, 2)
    scores = np.full(200, 0.1, dtype=np.float32)
    scores[:40] = scores[-20:] = 0.9
    made = listed_pairs(scores, first, first + 1, np.zeros(200, dtype=bool))
    labels = [0] * 200 + [1] * 200
    at = rates.points(made, [0.5], None)[0]
    found = grouping(made, groups(labels), [OperatingPoint(0.1, at)], None)
    a, b = found.at[0].rates
    expected = stats.binomtest(40, 100).proportion_ci(method="wilson")
    assert a.fmr == 0.4
    assert (a.fmr_low, a.fmr_high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    # The other has too few for a rate; that of 30, from which on there is one, bounds it whatever they are.
    expected = stats.binomtest(30, 100).proportion_ci(method="wilson")
    assert (b.fmr, b.fmr_low) == (None, 0)
    assert b.fmr_high == pytest.approx(expected.high, abs=1e-9)
    assert found.at[0].cross == (), "nobody is compared across"


def test_nothing_to_compare() -> None:
    made = all_pairs(np.empty((0, 4), dtype=np.float32), np.empty(0, dtype=np.int64))
    found = grouping(made, Groups("shift", (), np.empty(0, dtype=np.int64)), [], None)
    assert found == Grouping("shift", (), (), 0, (), ())


# Nothing tells who resembles whom


def every_number(found: Grouping) -> list[object]:
    """All that is told of groups, whatever field it lies in."""
    return [part for at in found.at for part in (*at.rates, *at.cross)]


@pytest.mark.parametrize("size", [1, 2, MIN_PEOPLE - 1])
def test_a_label_for_each_person_or_each_pair_tells_nothing(size: int) -> None:
    people = 24 * size if size < 3 else 9
    labels = [person // size for person in range(people)]
    names = [f"{label:02}" for label in range(max(labels) + 1)]
    made = all_pairs(*templates(labels))
    found = told(made, groups(labels, names))
    assert found.groups == ()
    assert found.merged == tuple(names)
    if people >= MIN_PEOPLE:  # together they are no more than everybody
        assert {group.name for group in all_rates(found)} == {OTHER}
        assert {group.people for group in all_rates(found)} == {people}
    else:
        assert every_number(found) == []
        assert {(worst.group, worst.at) for worst in found.worst_group} == {(None, None)}
    assert all(at.cross == () for at in found.at)


@pytest.mark.parametrize("asked", [1, 2, MIN_PEOPLE - 1])
def test_one_person_against_a_group_of_candidates_tells_nothing(asked: int) -> None:
    labels = [0] * asked + [1] * 30
    found = told(all_pairs(*templates(labels)), groups(labels))
    assert {group.people for group in all_rates(found)} == {30}
    assert all(at.cross == () for at in found.at)


def test_a_large_label_of_which_few_are_compared_tells_nothing() -> None:
    """Twelve people have the label "a" and take part, but each of its rates would rest on nine or fewer."""
    listed = [
        (0, 1),  # within "a"
        *((0, other) for other in range(12, 24)),  # across, one person of "a" with all of "b"
        *((person, 24) for person in range(12)),  # with somebody without a label
        *combinations(range(12, 24), 2),  # within "b", as it should be
    ]
    themselves = [(person, person) for person in [*range(9), *range(12, 24)]]
    first, second = np.array(listed + themselves).T
    scores = np.linspace(0.9, -0.9, len(first)).astype(np.float32)
    made = listed_pairs(scores, first, second, first == second)
    labels = [0] * 12 + [1] * 12 + [-1]
    found = told(made, groups(labels), [0.1, 0.01])
    for at in found.at:
        a, b = at.rates
        assert (a.people, a.impostors, a.genuine) == (12, 1, 9)
        assert (a.fmr, a.fmr_low, a.fmr_high, a.fmr_ratio) == (None,) * 4
        assert (a.fnmr_per_person, a.fnmr_per_person_low, a.fnmr_per_person_high, a.fnmr_ratio) == (None,) * 4
        assert b.fmr_high is not None
        assert b.fnmr_per_person is not None
        assert at.cross == ()
    assert {worst.group for worst in found.worst_group} == {None}
    names, *_ = group_fmr_curves(made, groups(labels), [0.0])
    assert names == ("b",)


@pytest.mark.parametrize("pictures", [1, 3])
def test_two_candidates_of_a_group_may_change_places(pictures: int) -> None:
    """Somebody asks whom a person resembles: whoever it is, all that is told of the groups is the same."""
    labels = [number % 2 for number in range(80)]
    vectors, person = templates(labels, pictures)
    vectors[person == 0] = vectors[person == 6]  # the person asked about is the candidate in place 6
    swapped = person.copy()
    swapped[person == 6], swapped[person == 18] = 18, 6
    one, other = all_pairs(vectors, person), all_pairs(vectors, swapped)
    assert (one.histogram == other.histogram).all()
    at, last = points(one), rates.finest(one)
    assert grouping(one, groups(labels), at, last) == grouping(other, groups(labels), at, last)
    for made in (one, other):
        assert (
            worst_group(made, groups(labels), 0.01, last)
            == grouping(one, groups(labels), at, last).worst_group[1]
        )


def test_two_candidates_of_listed_pairs_may_change_places() -> None:
    labels = [number % 2 for number in range(30)]
    random = np.random.default_rng(4)
    first, second = np.array([*combinations(range(30), 2), *((person, person) for person in range(30))]).T
    scores = random.uniform(-0.2, 0.4, len(first)).astype(np.float32)
    scores[first == second] += 0.4
    change = np.arange(30)
    change[[6, 18]] = 18, 6
    one = listed_pairs(scores, first, second, first == second)
    other = listed_pairs(scores, change[first], change[second], first == second)
    at, last = points(one), rates.finest(one)
    assert grouping(one, groups(labels), at, last) == grouping(other, groups(labels), at, last)


# How far rates lie apart


def test_measures_by_hand() -> None:
    found = differential("fmr", {"a": 0.01, "b": 0.03, "c": 0.02})
    assert (found.rate, found.groups, found.worst) == ("fmr", 3, "b")
    assert found.max_over_min == pytest.approx(3)
    assert found.max_over_geometric_mean == pytest.approx(3 / 6 ** (1 / 3))
    # All differences, both ways: 2 (2 + 1 + 1) = 8; over 2 · 9 · 2, times 3 / 2.
    assert found.gini == pytest.approx(1 / 3)


@pytest.mark.parametrize("count", [2, 5, 24])
def test_gini_by_another_formula(count: int) -> None:
    """By ranks of sorted rates: 2 Σ i xᵢ / (n Σ xᵢ) - (n + 1) / n, which isn't corrected for n."""
    values = np.sort(np.random.default_rng(count).lognormal(-7, 1.5, count))
    rank = np.arange(1, count + 1)
    plain = 2 * (rank * values).sum() / (count * values.sum()) - (count + 1) / count
    found = differential("fnmr", {str(place): float(value) for place, value in enumerate(values)})
    assert found.gini == pytest.approx(plain * count / (count - 1))
    assert found.max_over_geometric_mean == pytest.approx(values[-1] / stats.gmean(values))


def test_gini_goes_from_nought_to_one() -> None:
    assert differential("fmr", dict.fromkeys("abc", 0.02)).gini == 0
    almost = differential("fmr", {"a": 1.0, "b": 1e-9, "c": 1e-9, "d": 1e-9}).gini
    assert almost == pytest.approx(1)


@pytest.mark.parametrize("of_group", [{}, {"a": 0.01}])
def test_one_group_lies_apart_from_nothing(of_group: dict[str, float]) -> None:
    found = differential("fmr", of_group)
    assert (found.groups, found.worst, found.max_over_min, found.max_over_geometric_mean, found.gini) == (
        len(of_group),
        *[None] * 4,
    )
