from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import confusion_matrix, det_curve
from tests.evaluation.test_comparisons import exact, floats, people

from visavis.evaluation import comparisons as comparisons_module
from visavis.evaluation import rates as module
from visavis.evaluation.comparisons import BINS, Comparisons, all_pairs, bin_of, edge, listed_pairs
from visavis.evaluation.rates import (
    FEWEST_FALSE_MATCHES,
    FEWEST_PEOPLE,
    PER_DECADE,
    REPLICATES,
    SHOWN_BINS,
    WIDEST,
    draws,
    ends,
    equal_error_rate,
    false_matches_at,
    finest,
    fmr_at,
    fmr_intervals,
    fmr_replicates,
    fnmr_at,
    fnmr_intervals,
    fnmr_replicates,
    impostors_disjoint,
    misses,
    people_compared,
    places,
    points,
    score_histogram,
    ten_fold,
    threshold_at,
    trade_off,
    wilson,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.geometry import Floats


def listed(
    impostors: Sequence[tuple[int, int, float]] = (), genuine: Sequence[tuple[int, float]] = ()
) -> Comparisons:
    """Comparisons given as (person, other person, similarity) and (person, similarity)."""
    first = [one for one, *_ in impostors] + [one for one, _ in genuine]
    second = [other for _, other, _ in impostors] + [one for one, _ in genuine]
    scores = [score for *_, score in impostors] + [score for _, score in genuine]
    return listed_pairs(
        np.array(scores, dtype=np.float32),
        np.array(first, dtype=np.int64),
        np.array(second, dtype=np.int64),
        np.arange(len(scores)) >= len(impostors),
    )


def disjoint(impostors: Sequence[float], genuine: Sequence[float] = ()) -> Comparisons:
    """Each impostor comparison of two people, and each genuine one of a person, that have no other."""
    apart = 2 * len(impostors)
    return listed(
        [(2 * place, 2 * place + 1, score) for place, score in enumerate(impostors)],
        [(apart + place, score) for place, score in enumerate(genuine)],
    )


def every_pair(scores: NDArray[np.float32], person: NDArray[np.int64]) -> Comparisons:
    """Every picture with every other one, from a matrix of scores, as a list."""
    one, other = np.triu_indices(len(person), 1)
    return listed_pairs(scores[one, other], person[one], person[other], person[one] == person[other])


def look_alike(others: int = 20) -> Comparisons:
    """Person 0 has 100 equal pictures at 0.6 to other people with two pictures each, at 0.36 to each other.

    With 20 others 4,000 of 4,760 comparisons of two people are with person 0, and 20 of 210 pairs of people.
    """
    person = np.repeat(np.arange(1 + others), [100] + [2] * others)
    vectors = np.zeros((1 + others, 1 + others), dtype=np.float32)
    vectors[0, 0] = 1
    vectors[1:, 0] = 0.6
    vectors[1:, 1:] = 0.8 * np.eye(others)
    return all_pairs(vectors[person], person)


TEN = disjoint([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


# Thresholds


@pytest.mark.parametrize("per_person", [False, True])
@pytest.mark.parametrize(
    ("fmr", "passing"),
    [(0.0, 0), (0.05, 0), (0.1, 1), (0.19, 1), (0.2, 2), (0.3, 3), (0.5, 5), (0.9, 9), (1.0, 10)],
)
def test_the_threshold_is_the_lowest_whose_fmr_is_at_most_what_was_asked(
    fmr: float, passing: int, *, per_person: bool
) -> None:
    threshold = threshold_at(TEN, fmr, per_person=per_person)
    assert false_matches_at(TEN, threshold) == passing
    assert fmr_at(TEN, threshold) == (passing / 10, passing / 10)
    if fmr < 1:
        assert fmr_at(TEN, edge(bin_of(threshold) - 1))[per_person] > fmr, "it is the lowest such threshold"
    else:
        assert threshold == -1


def test_equal_scores_match_or_fail_together() -> None:
    tied = disjoint([0.1] * 5 + [0.5] * 4 + [0.9])
    assert fmr_at(tied, threshold_at(tied, 0.1))[0] == 0.1
    assert fmr_at(tied, threshold_at(tied, 0.3))[0] == 0.1  # four more would be too many
    assert fmr_at(tied, threshold_at(tied, 0.5))[0] == 0.5
    assert fmr_at(tied, 0.5)[0] == 0.5, "a score that reaches the threshold is a match"
    assert fmr_at(tied, 0.500001)[0] == 0.1


def test_thresholds_and_rates_on_continuous_scores() -> None:
    """Against the lowest score itself, found in the sorted list."""
    scores = np.sort(np.random.default_rng(0).uniform(-1, 1, 2000))[::-1]
    found = disjoint(scores.tolist())
    for fmr in (0.001, 0.01, 0.0333, 0.5):
        allowed = int(fmr * 2000)
        # Any threshold above the first score that is too many will do; the grid has one within a step.
        assert scores[allowed] < threshold_at(found, fmr) <= scores[allowed] + 2 / BINS + 1e-7
        assert fmr_at(found, threshold_at(found, fmr))[0] <= fmr


def test_thirds_of_a_pair_of_people_add_up_to_one() -> None:
    """Of ten pairs of people one has three comparisons, and all match: exactly 0.1 per pair of people."""
    found = listed([(0, 1, 0.9)] * 3 + [(2 * pair, 2 * pair + 1, 0.1) for pair in range(1, 10)])
    threshold = threshold_at(found, 0.1, per_person=True)
    assert threshold < 0.2
    assert fmr_at(found, threshold) == pytest.approx((3 / 12, 0.1), rel=1e-6)


def test_a_person_with_many_pictures_weighs_no_more_than_any_other() -> None:
    found = look_alike()
    assert found.impostors == 4760
    assert fmr_at(found, 0.5) == pytest.approx((4000 / 4760, 20 / 210), rel=1e-6)
    assert fmr_at(found, 0.3) == pytest.approx((1, 1), rel=1e-6)
    assert 0.6 < threshold_at(found, 0.1) < 0.6001, "the one person is far too much over all comparisons"
    assert 0.36 < threshold_at(found, 0.1, per_person=True) < 0.3601
    assert 0.6 < threshold_at(found, 0.09, per_person=True) < 0.6001


@pytest.mark.parametrize("threshold", [0.3, 0.45, 0.6])
def test_fmr_against_brute_force(threshold: float) -> None:
    templates, person = people(30, 4)
    found = all_pairs(templates, person)
    reach = templates @ templates.T >= threshold
    pairs = [(one, other) for one in range(30) for other in range(one)]
    own = [reach[np.ix_(person == one, person == other)].mean() for one, other in pairs]
    pooled, per_person = fmr_at(found, threshold)
    assert pooled == pytest.approx(np.mean(own), abs=2 / found.impostors)  # equally many pictures of each
    assert per_person == pytest.approx(np.mean(own), abs=2 / found.impostors)


def test_thinning_changes_no_pooled_rate_and_hardly_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    templates, person = people(150, 3)
    templates, person = templates[100:], person[100:]  # not equally many pictures of each person
    whole = all_pairs(templates, person)
    monkeypatch.setattr(comparisons_module, "PER_LEVEL", 2000)
    thinned = all_pairs(templates, person)
    assert thinned.kept_bin.size < 0.6 * whole.kept_bin.size
    for threshold in (0.2, 0.35, 0.5):
        pooled, per_person = fmr_at(thinned, threshold)
        assert pooled == fmr_at(whole, threshold)[0]
        assert per_person == pytest.approx(fmr_at(whole, threshold)[1], rel=0.05)
        narrow, wide = (fmr_replicates(each, [threshold])[0].std() for each in (whole, thinned))
        assert wide == pytest.approx(narrow, rel=0.15)


# FNMR


def test_fnmr_by_hand() -> None:
    # Person 0: one of four missed; person 1: one of one; person 2 has no genuine comparison.
    genuine = [(0, 0.9), (0, 0.8), (0, 0.5), (0, 0.2), (1, 0.1)]
    found = listed([(0, 2, 0.1)], genuine)
    assert fnmr_at(found, 0.5) == (2 / 5, (1 / 4 + 1) / 2)  # 0.5 itself reaches the threshold
    assert fnmr_at(found, 0.0) == (0, 0)
    assert fnmr_at(found, 1.0) == (1, 1)
    missed, total = misses(found, [0.5, 0.15])
    assert missed.tolist() == [[1, 0], [1, 1], [0, 0]]
    assert total.tolist() == [4, 1, 0]


def test_fnmr_by_hand_with_losses() -> None:
    # Person 0: of three one below, one lost; person 1: the only one lost.
    found = listed([], [(0, 0.9), (0, 0.2), (0, -np.inf), (1, -np.inf), (2, 0.8)])
    assert fnmr_at(found, 0.5) == pytest.approx((3 / 5, (2 / 3 + 1 + 0) / 3))
    assert fnmr_at(found, -1) == pytest.approx((2 / 5, (1 / 3 + 1 + 0) / 3))


def test_a_failure_to_acquire_is_a_miss_at_every_threshold() -> None:
    templates, person = people(5, 3)
    found = all_pairs(templates, person, missing=np.array([0]))
    pooled, per_person = fnmr_at(found, -1.0)
    assert pooled == 3 / 18
    assert per_person == pytest.approx((3 / 6) / 5)


# Draws


def test_draws_are_of_as_many_people_as_there_are() -> None:
    found = all_pairs(*people(7, 2))
    drawn = np.concatenate([part for _, part in draws(found)])
    assert drawn.shape == (REPLICATES, 7)
    assert (drawn.sum(axis=1) == 7).all()
    # Binomial with 7 trials of 1/7: mean 1, variance 6/7.
    assert drawn.mean(axis=0) == pytest.approx(1, abs=4 * (6 / 7 / REPLICATES) ** 0.5)
    assert drawn.var() == pytest.approx(6 / 7, rel=0.1)
    rows = np.concatenate([np.arange(REPLICATES)[rows] for rows, _ in draws(found)])
    assert rows.tolist() == list(range(REPLICATES))


def test_places_by_hand() -> None:
    """Bins of 0.5, 0 and -0.5 are 3, 2 and 1 quarters of all: squares 9, 4 and 1."""
    # Person 0: 9 + 1 = 10; person 1: 9 + 4 = 13; person 2: 4 + 1 + 9 = 14; person 3: 1.
    found = listed([(0, 1, 0.5), (0, 3, -0.5), (1, 2, 0.0), (2, 4, -0.5)], [(2, 0.5), (4, -1.0)])
    assert places(found).tolist() == [2, 3, 4, 0, 1]


def test_people_are_drawn_by_their_places() -> None:
    """The draws are known: whoever is called what, the same one of them is drawn as often."""
    templates, person = people(12, 2)
    one = all_pairs(templates, person)
    called = np.random.default_rng(1).permutation(12)
    other = all_pairs(templates, called[person])
    assert (places(one) == places(other)[called]).all()
    for (_, drawn), (_, again) in zip(draws(one), draws(other), strict=True):
        assert (drawn == again[:, called]).all()


def by_list(
    scores: Floats,
    person: NDArray[np.int64],
    compared: NDArray[np.bool_],
    threshold: float,
    seed: int,
    among: NDArray[np.bool_],
    order: NDArray[np.int64],
) -> tuple[list[float], list[float]]:
    """FMR of each draw by a list of the people drawn, each with each later one that is somebody else.

    `order` has the person of each place.
    """
    random = np.random.default_rng(seed)
    count = int(person.max()) + 1
    pooled, per_person = [], []
    for _ in range(module.REPLICATES):
        drawn = order[random.integers(count, size=count)]
        passed = total = pairs = 0
        own = 0.0
        for place, first in enumerate(drawn):
            for second in drawn[place + 1 :]:
                between = np.ix_(person == first, person == second)
                made = compared[between]
                if first == second or not made.any() or not among[[first, second]].all():
                    continue
                matches = int((made & (scores[between] >= threshold)).sum())
                passed, total, pairs = passed + matches, total + int(made.sum()), pairs + 1
                own += matches / made.sum()
        pooled.append(passed / max(total, 1))
        per_person.append(own / max(pairs, 1))
    return pooled, per_person


@pytest.mark.parametrize("only", [None, [0, 2, 3, 5], [4]], ids=["everybody", "among four", "among one"])
@pytest.mark.parametrize("as_list", [False, True])
def test_fmr_replicates_by_brute_force(
    only: list[int] | None, *, as_list: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPLICATES", 20)
    monkeypatch.setattr(module, "DRAWN_AT_ONCE", 8)
    monkeypatch.setattr(module, "LOOKED_UP_AT_ONCE", 5)
    templates, person = exact([2, 1, 4, 3, 2, 2])
    scores = templates.astype(float) @ templates.T
    among = None if only is None else np.isin(np.arange(6), only)
    everybody = np.ones(6, dtype=bool) if among is None else among
    compared = np.ones_like(scores, dtype=bool)
    if as_list:  # not every pair, so that some people were never compared
        compared = np.triu(np.random.default_rng(2).random(scores.shape) < 0.3, 1)
        one, other = np.nonzero(compared)
        found = listed_pairs(
            scores[compared].astype(np.float32), person[one], person[other], person[one] == person[other]
        )
        compared |= compared.T
    else:
        found = all_pairs(templates, person)
    thresholds = [0.0, 0.25, -0.25]  # in no order
    rates = fmr_replicates(found, thresholds, among=among, seed=9)
    for column, threshold in enumerate(thresholds):
        expected = by_list(scores, person, compared, threshold, 9, everybody, np.argsort(places(found)))
        for drawn, by_hand in zip(rates, expected, strict=True):
            assert drawn[:, column] == pytest.approx(by_hand, abs=1e-6)
    assert (rates[0].max() > 0) == (only != [4])


def test_fnmr_replicates_by_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLICATES", 20)
    monkeypatch.setattr(module, "DRAWN_AT_ONCE", 8)
    templates, person = exact([2, 1, 4, 3, 2, 2])
    found = all_pairs(templates, person, missing=np.array([0, 3]))
    thresholds = [0.6, 0.3]
    assert 0 < fnmr_at(found, 0.3)[0] < fnmr_at(found, 0.6)[0] < 1
    random = np.random.default_rng(9)
    pooled, per_person = fnmr_replicates(found, thresholds, seed=9)
    missed, total = misses(found, thresholds)
    order = np.argsort(places(found))
    for row in range(20):
        drawn = order[random.integers(6, size=6)]
        for column in range(2):
            counted = [(missed[who, column], total[who]) for who in drawn if total[who]]
            missed_, total_ = np.sum(counted, axis=0)
            assert pooled[row, column] == pytest.approx(missed_ / total_)
            own = [a / b for a, b in counted]
            assert per_person[row, column] == pytest.approx(sum(own) / len(own))


def test_listed_or_not_makes_no_difference() -> None:
    templates, person = exact([3, 1, 4, 2, 2, 5])
    found = all_pairs(templates, person)
    as_list = every_pair(templates @ templates.T, person)
    for threshold in (-0.25, 0.0, 0.25):
        assert fmr_at(found, threshold) == pytest.approx(fmr_at(as_list, threshold))
        assert fnmr_at(found, threshold) == fnmr_at(as_list, threshold)
    for one, other in zip(fmr_replicates(found, [0, 0.2]), fmr_replicates(as_list, [0, 0.2]), strict=True):
        assert one == pytest.approx(other, abs=1e-6)


@pytest.mark.parametrize("alike", [6, 18])
def test_two_candidates_may_change_places(alike: int) -> None:
    """Somebody asks whom person 0 resembles: whoever it is, nothing that is told differs in a single bit."""

    def told(who: int) -> tuple[object, ...]:
        templates, person = people(40, 3, size=32)
        templates = templates[np.argsort(person, kind="stable")]
        person = np.repeat(np.arange(40), 3)
        templates[person == 0] = templates[person == 6]  # and 6 is then called `who`
        called = np.arange(40)
        called[[6, 18]] = (who, 24 - who)
        found = all_pairs(templates, called[person])
        last, thresholds = finest(found), trade_off(found)
        return (
            points(found, thresholds, last),
            fmr_intervals(found, thresholds),
            fnmr_intervals(found, thresholds),
            last,
            equal_error_rate(found),
            score_histogram(found),
        )

    assert told(alike) == told(24 - alike)


def test_a_seed_decides_everything() -> None:
    found = all_pairs(*people(10, 2))
    for replicates in (fmr_replicates, fnmr_replicates):
        first, again, other = (replicates(found, [0.3], seed=seed)[0].tolist() for seed in (4, 4, 5))
        assert first == again
        assert first != other


# Intervals


@pytest.mark.parametrize(
    ("count", "of"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (1, 3000), (30, 1_000_000)]
)
def test_wilson_against_scipy(count: int, of: int) -> None:
    expected = stats.binomtest(count, of).proportion_ci(0.95, method="wilson")
    found = wilson(count, of)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= count / of <= found.high <= 1


def test_nothing_compared_says_nothing() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)


def test_ends_are_the_middle_of_the_draws() -> None:
    drawn = np.stack([np.arange(1001.0), np.arange(1001.0)[::-1] / 1000], axis=1)
    first, second = ends(drawn)
    assert (first.low, first.high) == pytest.approx((25, 975))
    assert (second.low, second.high) == pytest.approx((0.025, 0.975))


def test_the_interval_is_binomial_only_where_nobody_is_shared() -> None:
    apart = disjoint([0.9] * 3 + [0.1] * 57)
    assert impostors_disjoint(apart)
    expected = stats.binomtest(3, 60).proportion_ci(0.95, method="wilson")
    for [found] in fmr_intervals(apart, [0.5]):
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    pairs = [(2 * place, 2 * place + 1, 0.9 if place < 3 else 0.1) for place in range(59)]
    shared = listed([*pairs, (0, 118, 0.1)])
    assert not impostors_disjoint(shared)
    assert fmr_at(shared, 0.5)[0] == 3 / 60
    for [found] in fmr_intervals(shared, [0.5]):
        assert (found.low, found.high) != pytest.approx((expected.low, expected.high), abs=1e-4)


def test_shared_people_widen_the_interval() -> None:
    """One person of forty who resembles everybody: a binomial interval knows nothing of that."""
    vectors = np.random.default_rng(3).normal(size=(40, 64))
    vectors[0] = vectors.sum(axis=0)
    templates = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = all_pairs(templates, np.arange(40))
    threshold = threshold_at(found, 0.03)
    count = false_matches_at(found, threshold)
    [[interval], _] = fmr_intervals(found, [threshold])
    binomial = wilson(count, found.impostors)
    assert count == 23
    assert interval.high - interval.low > 2 * (binomial.high - binomial.low)


def sets() -> dict[str, Comparisons]:
    none = np.empty(0, dtype=np.int64)
    two = people(2, 20, size=8)
    return {
        "nothing": all_pairs(np.empty((0, 4), dtype=np.float32), none),
        "nothing listed": listed(),
        "only failures": all_pairs(np.empty((0, 4), dtype=np.float32), none, missing=np.array([0, 0, 1])),
        "one picture": all_pairs(floats((1, 0)), np.array([0])),
        "no impostors": all_pairs(*people(1, 6)),
        "no genuine": all_pairs(*people(30, 1)),
        "one comparison": all_pairs(floats((1, 0), (0.6, 0.8)), np.array([0, 1])),
        "all equal": all_pairs(floats(*[(0.6, 0.8)] * 12), np.repeat(np.arange(4), 3)),
        "opposites": all_pairs(floats((1, 0), (-1, 0), (1, 0), (-1, 0)), np.array([0, 0, 1, 1])),
        "two people": all_pairs(*two),
        "disjoint": disjoint([0.1, 0.5, 0.9], [0.2, 0.6, 0.8]),
        "genuine listed": disjoint([], [0.2, 0.6, 0.8]),
        "all lost": disjoint([0.1, 0.5], [-np.inf, -np.inf]),
        "many pictures of one": look_alike(),
        "many": all_pairs(*people(40, 3), missing=np.array([0, 3, 3])),
    }


SETS = sets()


@pytest.mark.parametrize("name", SETS)
def test_every_set_gives_rates_within_their_intervals(name: str) -> None:
    found = SETS[name]
    last = finest(found)
    for point in points(found, [*trade_off(found), -1.0, 0.0, 0.3, 1.0], last):
        assert all(math.isfinite(value) for value in dataclasses.astuple(point))
        assert 0 <= point.fmr_low <= point.fmr <= point.fmr_high <= 1
        assert 0 <= point.fmr_per_person_low <= point.fmr_per_person <= point.fmr_per_person_high <= 1
        assert 0 <= point.fnmr_low <= point.fnmr <= point.fnmr_high <= 1
        assert 0 <= point.fnmr_per_person_low <= point.fnmr_per_person <= point.fnmr_per_person_high <= 1
        assert not found.genuine or point.fnmr == point.false_non_matches / found.genuine
        assert not found.impostors or point.fmr == point.false_matches / found.impostors
    eer = equal_error_rate(found)
    assert (eer is None) == (not found.genuine or not found.impostors)
    if eer is not None:
        assert 0 <= eer.low <= eer.rate <= eer.high <= 1
        assert 0 <= eer.per_person_low <= eer.per_person <= eer.per_person_high <= 1
    shown = score_histogram(found)
    assert sum(shown.genuine) == pytest.approx(1 if found.genuine else 0)
    assert sum(shown.impostor) == pytest.approx(1 if found.impostors else 0)


@pytest.mark.parametrize("name", ["nothing", "no impostors", "genuine listed", "only failures"])
def test_no_impostors_support_nothing(name: str) -> None:
    found = SETS[name]
    assert (finest(found), trade_off(found)) == (None, [])
    [point] = points(found, [0.3], None)
    assert (point.fmr, point.fmr_low, point.fmr_high, point.supported) == (0, 0, 1, False)


@pytest.mark.parametrize("name", ["nothing", "no genuine", "one picture"])
def test_no_genuine_comparison_says_nothing_of_fnmr(name: str) -> None:
    [point] = points(SETS[name], [0.3], None)
    assert (point.fnmr, point.fnmr_low, point.fnmr_high) == (0, 0, 1)
    assert (point.fnmr_per_person, point.fnmr_per_person_low, point.fnmr_per_person_high) == (0, 0, 1)


@pytest.mark.parametrize("each", [1, 10])
def test_no_false_non_match_at_all(each: int) -> None:
    """However many pictures 100 people have: what 100 people can say. The rule of three has 3 / 100."""
    found = listed([], [(who, 0.9) for who in range(100) for _ in range(each)])
    expected = stats.binomtest(0, 100).proportion_ci(0.95, method="wilson").high
    for [interval] in fnmr_intervals(found, [0.5]):
        assert interval.low == 0
        assert interval.high == pytest.approx(expected)
        assert interval.high == pytest.approx(3 / 100, rel=0.3)


def test_one_comparison_of_each_person_makes_the_fnmr_interval_binomial() -> None:
    found = listed([], [(who, 0.1 if who < 7 else 0.9) for who in range(50)])
    expected = stats.binomtest(7, 50).proportion_ci(0.95, method="wilson")
    for [interval] in fnmr_intervals(found, [0.5]):
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_few_people_who_fail() -> None:
    """One of 50 people misses two of four comparisons: one person of 50 may be 10.5 % of all (Wilson)."""
    found = listed(
        [], [(who, 0.1 if who == 0 and place < 2 else 0.9) for who in range(50) for place in range(4)]
    )
    expected = stats.binomtest(1, 50).proportion_ci(0.95, method="wilson").high / 2
    for [interval] in fnmr_intervals(found, [0.5]):
        assert interval.low == 0
        assert interval.high == pytest.approx(expected)


def test_the_fnmr_interval_against_scipy() -> None:
    """With equally many comparisons of each person the mean of each person's own, drawn anew."""
    random = np.random.default_rng(0)
    failing = random.random((80, 6)) < random.beta(1, 3, size=(80, 1))
    found = listed(
        [], [(who, 0.1 if failing[who, place] else 0.9) for who in range(80) for place in range(6)]
    )
    expected = stats.bootstrap(
        (failing.mean(axis=1),), np.mean, n_resamples=5000, method="percentile", rng=1
    ).confidence_interval
    pooled, per_person = fnmr_intervals(found, [0.5])
    for [interval] in (pooled, per_person):
        # The 2.5 % ends of 1,000 draws have a standard error of about 9 % of the spread.
        error = 4 * 0.09 * failing.mean(axis=1).std() / 80**0.5
        assert interval.low == pytest.approx(expected.low, abs=error)
        assert interval.high == pytest.approx(expected.high, abs=error)


# Coverage. Scores are sums of normal deviates, so that rates are known exactly: of an impostor score one
# deviate for each of the two people, one for the pair of them and one for the comparison; of a genuine one
# one for the person and one for the comparison. All are 0.1 wide; half of an impostor score is people.


def drawn_set(seed: int, people_: int, pictures: int) -> Comparisons:
    random = np.random.default_rng(seed)
    person = np.repeat(np.arange(people_), pictures)
    wolf, sheep = random.normal(0, 0.1, (2, people_))
    pair = np.triu(random.normal(0, 0.1, (people_, people_)), 1)
    pair += pair.T
    same = person[:, None] == person[None, :]
    impostor = wolf[person][:, None] + wolf[person][None, :] + pair[np.ix_(person, person)]
    genuine = np.broadcast_to(0.5 + sheep[person][:, None], same.shape)
    scores = np.where(same, genuine, impostor) + random.normal(0, 0.1, same.shape)
    return every_pair(scores.clip(-1, 1).astype(np.float32), person)


def test_coverage_of_both_intervals() -> None:
    """Forty people, two pictures each, 120 sets: the true rate should lie within 95 % of the intervals.

    With so few people the bootstrap reaches some percent less; the binomial error of 120 sets is 2 %. Of FMR
    the interval that forgets the people covers about half.
    """
    fmr, fnmr, count = 0.1, 0.2, 120
    at = edge(bin_of(0.2 * stats.norm.isf(fmr)))
    genuine_at = edge(bin_of(0.5 + 0.02**0.5 * stats.norm.ppf(fnmr)))
    covered = dict.fromkeys(("pooled", "per person", "binomial", "FNMR", "FNMR per person"), 0)
    for seed in range(count):
        found = drawn_set(seed, 40, 2)
        intervals = {
            "binomial": wilson(false_matches_at(found, at), found.impostors),
            **dict(
                zip(
                    ("pooled", "per person"),
                    (found_[0] for found_ in fmr_intervals(found, [at])),
                    strict=True,
                )
            ),
        }
        for name, interval in intervals.items():
            covered[name] += interval.low <= fmr <= interval.high
        own = [found_[0] for found_ in fnmr_intervals(found, [genuine_at])]
        for name, interval in zip(("FNMR", "FNMR per person"), own, strict=True):
            covered[name] += interval.low <= fnmr <= interval.high
    error = (0.95 * 0.05 / count) ** 0.5
    assert covered["pooled"] / count > 0.95 - 0.05 - 2 * error
    assert covered["per person"] / count > 0.95 - 0.05 - 2 * error
    assert covered["binomial"] / count < 0.7
    for name in ("FNMR", "FNMR per person"):
        assert covered[name] / count > 0.95 - 2.5 * error


def test_coverage_on_templates() -> None:
    """People as random directions: (1 + cosine) / 2 of two of them is beta distributed, so FMR is known."""
    fmr, size, count = 0.05, 16, 120
    at = edge(bin_of(2 * stats.beta.isf(fmr, (size - 1) / 2, (size - 1) / 2) - 1))
    covered = 0
    for seed in range(count):
        found = all_pairs(*people(25, 2, seed=seed, size=size))
        [[interval], _] = fmr_intervals(found, [at])
        covered += interval.low <= fmr <= interval.high
    assert covered / count > 0.95 - 2.5 * (0.95 * 0.05 / count) ** 0.5


# What the data supports


def test_the_finest_rate_that_is_supported() -> None:
    found = all_pairs(*people(60, 3))
    last = finest(found)
    assert last is not None
    thresholds = trade_off(found)
    place = thresholds.index(last.threshold)
    assert 0 < place < len(thresholds) - 1
    assert (last.fmr, last.fmr_per_person) == fmr_at(found, last.threshold)
    assert false_matches_at(found, last.threshold) >= FEWEST_FALSE_MATCHES
    assert last.interval.high <= WIDEST * last.fmr
    assert last.per_person_interval.high <= WIDEST * last.fmr_per_person
    support = [point.supported for point in points(found, thresholds, last)]
    assert support == [True] * (place + 1) + [False] * (len(thresholds) - place - 1)
    few = false_matches_at(found, thresholds[place + 1]) < FEWEST_FALSE_MATCHES
    [[interval], [own]] = fmr_intervals(found, [thresholds[place + 1]])
    fmr, own_fmr = fmr_at(found, thresholds[place + 1])
    assert few or interval.high > WIDEST * fmr or own.high > WIDEST * own_fmr


def test_beyond_the_data_there_are_only_bounds() -> None:
    found = all_pairs(*people(60, 3))
    last = finest(found)
    assert last is not None
    seen = points(found, [*trade_off(found), 1.0], last)
    beyond = [point for point in seen if not point.supported]
    assert len(beyond) > 1
    for point in beyond:
        assert (point.fmr_high, point.fmr_per_person_high) == (
            last.interval.high,
            last.per_person_interval.high,
        )
    for point in seen:
        assert point.fmr_high >= point.fmr
        assert point.fmr_per_person_high >= point.fmr_per_person
    for looser, stricter in pairwise(seen):
        assert looser.threshold < stricter.threshold
        # Draws are summed in single precision.
        assert looser.fmr_high >= stricter.fmr_high * (1 - 1e-6)
        assert looser.fmr_per_person_high >= stricter.fmr_per_person_high * (1 - 1e-6)
        assert looser.fnmr_high <= stricter.fnmr_high


def test_where_nothing_is_supported_a_bound_rests_on_people_who_share_nobody() -> None:
    """Twenty people are ten pairs that share nobody."""
    found = all_pairs(*people(20, 1))
    assert finest(found) is None
    strict, loose = points(found, [1.0, threshold_at(found, 0.1)], None)
    assert (strict.false_matches, loose.false_matches) == (0, 19)
    expected = [stats.binomtest(count, 10).proportion_ci(0.95, method="wilson").high for count in (0, 1)]
    assert strict.fmr_high == pytest.approx(expected[0])
    assert loose.fmr_high == pytest.approx(expected[1])
    assert not strict.supported
    assert not loose.supported


def test_disjoint_pairs_keep_their_interval_whatever_the_count() -> None:
    found = disjoint(np.linspace(-0.9, 0.9, 1000).tolist())
    last = finest(found)
    assert last is not None
    assert false_matches_at(found, last.threshold) == 31  # 0.1 times 10 to the -0.5 is 31.6 of 1,000
    [point] = points(found, [1.0], last)
    assert not point.supported
    assert point.fmr_high == pytest.approx(stats.binomtest(0, 1000).proportion_ci(0.95, method="wilson").high)


@pytest.mark.parametrize("false_matches", [FEWEST_FALSE_MATCHES - 1, FEWEST_FALSE_MATCHES])
def test_a_rate_takes_thirty_false_matches(false_matches: int) -> None:
    found = disjoint([0.9] * false_matches + [0.1] * (1000 - false_matches))
    [point] = points(found, [0.5], finest(found))
    assert point.supported == (false_matches == 30)


@pytest.mark.parametrize("count", [FEWEST_PEOPLE - 1, FEWEST_PEOPLE])
def test_a_rate_takes_thirty_people(count: int) -> None:
    """Of more people than that all but these have no part in comparisons of two people."""
    templates, person = people(count, 4)
    as_list = every_pair(templates @ templates.T, person)
    alone = [(count + place, 0.9) for place in range(5)]
    pairs = [
        (one, other, float(templates[person == one][0] @ templates[person == other][0]))
        for one in range(count)
        for other in range(one)
    ]
    for found in (all_pairs(templates, person), as_list, listed(pairs, alone)):
        assert people_compared(found) == count
        threshold = threshold_at(found, 0.1)
        assert false_matches_at(found, threshold) >= FEWEST_FALSE_MATCHES
        [point] = points(found, [threshold], finest(found))
        assert point.supported == (count == 30)
        assert (finest(found) is not None) == (count == 30)


def test_nobody_is_compared() -> None:
    assert people_compared(SETS["nothing"]) == people_compared(SETS["nothing listed"]) == 0
    assert people_compared(SETS["no impostors"]) == 0, "one person alone"


def test_one_person_makes_no_rate() -> None:
    """All 8,000 false matches are one person's: drawn anew, a third of all sets are without that person."""
    found = look_alike(40)
    [point] = points(found, [0.5], finest(found))
    assert point.false_matches == 8000
    assert point.fmr_per_person_low == 0
    assert not point.supported


def test_a_bound_is_no_lower_than_the_draws_say() -> None:
    """One person has part in every false match: as many pairs that share nobody would say less."""
    found = look_alike(200)
    assert finest(found) is None
    [point] = points(found, [0.5], None)
    apart = 100
    alone = stats.binomtest(math.ceil(point.fmr * apart), apart).proportion_ci(0.95, method="wilson").high
    [[interval], _] = fmr_intervals(found, [0.5])
    assert point.fmr_high == interval.high > alone


@pytest.mark.parametrize("count", [2, 3])
def test_three_people_make_no_rate(count: int) -> None:
    """However many pictures they have, there are three pairs of people."""
    found = all_pairs(*people(count, 40, size=8))
    threshold = threshold_at(found, 0.1)
    assert false_matches_at(found, threshold) > 100
    assert finest(found) is None
    [point] = points(found, [threshold], None)
    assert not point.supported
    assert point.fmr_high == pytest.approx(stats.binomtest(1, 1).proportion_ci(0.95, method="wilson").high)


# The trade-off


def test_the_trade_off_runs_down_to_the_last_false_match() -> None:
    found = disjoint(np.linspace(-0.9, 0.9, 1000).tolist())
    thresholds = trade_off(found)
    counts = [false_matches_at(found, threshold) for threshold in thresholds]
    # 100, 79.4, 63.1 ... 3.98, 3.16, 2.51, 1.99, 1.58, 1.26 and 1, each rounded down, and each but once.
    assert counts == [100, 79, 63, 50, 39, 31, 25, 19, 15, 12, 10, 7, 6, 5, 3, 2, 1]
    assert thresholds == sorted(set(thresholds))
    assert false_matches_at(found, trade_off(found, coarsest=0.5)[0]) == 500
    assert len(trade_off(found)) <= 2 * PER_DECADE + 1


@pytest.mark.parametrize(("count", "found"), [(0, 0), (9, 0), (10, 1), (11, 1)])
def test_a_trade_off_takes_ten_comparisons(count: int, found: int) -> None:
    assert len(trade_off(disjoint(np.linspace(0, 0.9, count).tolist()))) == found


def test_points_against_scikit_learn() -> None:
    random = np.random.default_rng(5)
    impostors, genuine = random.normal(0, 0.15, 3000), random.normal(0.4, 0.15, 200)
    found = disjoint(impostors.tolist(), genuine.tolist())
    same = np.repeat([0, 1], [3000, 200])
    scores = np.concatenate([impostors, genuine]).astype(np.float32)
    for point in points(found, trade_off(found), finest(found)):
        matrix = confusion_matrix(same, scores >= point.threshold)
        assert [[3000 - point.false_matches, point.false_matches]] == matrix[:1].tolist()
        assert [point.false_non_matches, 200 - point.false_non_matches] == matrix[1].tolist()


# Equal error rate


@pytest.mark.parametrize("seed", range(5))
def test_the_equal_error_rate_against_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    impostors, genuine = random.normal(0, 0.15, 700), random.normal(0.4, 0.15, 300)
    fmr, fnmr, _ = det_curve(np.repeat([0, 1], [700, 300]), np.concatenate([impostors, genuine]))
    closest = np.argmin(np.abs(fmr - fnmr))
    found = equal_error_rate(disjoint(impostors.tolist(), genuine.tolist()))
    assert found is not None
    # Beside the meeting point the rates change by one comparison at a time.
    expected = (fmr[closest] + fnmr[closest]) / 2
    assert found.rate == pytest.approx(expected, abs=1 / 700)
    assert found.per_person == found.rate, "one comparison of each person"
    at = fmr_at(disjoint(impostors.tolist()), found.threshold)[0]
    assert at == pytest.approx(found.rate, abs=1 / 300)


def test_the_equal_error_rate_by_hand() -> None:
    # At 0.5 one of ten impostors reaches, and one of ten genuine ones, all of person 40, does not: of the two
    # people with genuine comparisons, person 40 misses one of two and person 41 none of eight.
    impostors = [(2 * place, 2 * place + 1, 0.8 if place == 0 else -0.5) for place in range(10)]
    genuine = [(40, 0.2), (40, 0.9), *[(41, 0.9)] * 8]
    found = equal_error_rate(listed(impostors, genuine))
    assert found is not None
    assert found.rate == pytest.approx(0.1)
    assert 0.2 < found.threshold <= 0.8
    # Per person FNMR is 0.25 there and 0 below 0.2; FMR is 0.1 on both sides.
    assert found.per_person == pytest.approx((0.1 + 0) / 2)


def test_people_who_are_told_apart() -> None:
    found = equal_error_rate(disjoint([-0.2, 0.1], [0.7, 0.8]))
    assert found is not None
    assert found.rate == found.per_person == 0
    assert 0.1 < found.threshold < 0.1 + 3 / BINS


def test_the_equal_error_rate_with_everybody_s_draws() -> None:
    found = equal_error_rate(all_pairs(*people(60, 4)))
    few = equal_error_rate(all_pairs(*people(15, 4)))
    assert found is not None
    assert few is not None
    assert found.low < found.rate < found.high
    assert found.per_person_low < found.per_person < found.per_person_high
    assert found.high - found.low < few.high - few.low
    # Equally many pictures of each person: the same rate either way.
    assert found.per_person == pytest.approx(found.rate, abs=1e-6)


def test_people_who_are_told_apart_are_few_all_the_same() -> None:
    """No error at all: what the 40 people can say who have two pictures, of 50."""
    person = np.repeat(np.arange(50), [2] * 40 + [1] * 10)
    found = equal_error_rate(all_pairs(np.eye(50, dtype=np.float32)[person], person))
    assert found is not None
    expected = stats.binomtest(0, 40).proportion_ci(0.95, method="wilson").high
    assert (found.low, found.rate) == (found.per_person_low, found.per_person) == (0, 0)
    assert [found.high, found.per_person_high] == pytest.approx([expected, expected])


# How similarities are spread


def test_the_histogram_by_hand() -> None:
    found = listed(
        [(0, 1, -1.0), (0, 2, -0.99), (1, 2, 0.0), (1, 3, 1.0)],
        [(0, 0.0), (0, 0.01), (1, 1.0), (1, -np.inf), (1, -np.inf), (1, 0.0)],
    )
    shown = score_histogram(found)
    assert shown.edges == tuple(np.linspace(-1, 1, SHOWN_BINS + 1))
    middle = SHOWN_BINS // 2
    impostor = {place: share for place, share in enumerate(shown.impostor) if share}
    assert impostor == {0: 0.5, middle: 0.25, SHOWN_BINS - 1: 0.25}
    genuine = {place: share for place, share in enumerate(shown.genuine) if share}
    # Person 0 has both in the middle; of person 1 half is lost, a quarter on top, a quarter in the middle.
    assert genuine == pytest.approx({0: 0.25, middle: 0.5 + 0.125, SHOWN_BINS - 1: 0.125})


# Ten folds


def folds(*pairs: tuple[int, float, bool]) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    fold, scores, same = zip(*pairs, strict=True)
    return np.array(scores, dtype=np.float32), np.array(same), np.array(fold)


def test_folds_by_hand() -> None:
    found = ten_fold(
        *folds(
            (0, 0.9, True), (0, 0.1, False), (1, 0.8, True), (1, 0.2, False), (2, 0.3, True), (2, 0.4, False)
        )
    )
    assert found is not None
    # Fold 0: the others are 0.2 no, 0.3 yes, 0.4 no, 0.8 yes: three of four are right between 0.2 and 0.3 and
    # between 0.4 and 0.8; of the two the upper one is taken. Fold 1 likewise. Fold 2: 0.2 no, 0.8 yes.
    assert found.thresholds == pytest.approx((0.6, 0.65, 0.5))
    assert list(found.folds) == [1, 1, 0.5]
    assert found.accuracy == pytest.approx(5 / 6)
    # Standard deviation of 1, 1, 0.5 is the root of 1/12; through the root of 3.
    assert found.standard_error == pytest.approx(1 / 6)


def test_folds_of_ten() -> None:
    """Ten folds of which one is all wrong: 0.9, and a standard error of 0.1 (0.316 over root 10)."""
    pairs = [(fold, score if fold else -score, score > 0) for fold in range(10) for score in (0.5, -0.5)]
    found = ten_fold(*folds(*pairs))
    assert found is not None
    assert (found.accuracy, found.standard_error) == pytest.approx((0.9, 0.1))
    assert found.thresholds == pytest.approx([0.0] * 10)


def test_a_picture_without_a_template_never_matches() -> None:
    lost = -np.inf
    pairs = [
        (0, lost, True),
        (1, lost, True),
        (0, lost, True),
        (1, lost, True),
        (0, 0.5, True),
        (1, 0.5, True),
    ]
    found = ten_fold(*folds(*pairs))
    assert found is not None
    assert found.folds == pytest.approx((1 / 3, 1 / 3)), "all are one person, and yet the lost are no match"
    assert all(math.isfinite(threshold) for threshold in found.thresholds)
    nothing = ten_fold(*folds((0, lost, True), (0, lost, False), (1, lost, True), (1, lost, False)))
    assert nothing is not None
    assert nothing.folds == (0.5, 0.5)
    assert all(math.isfinite(threshold) for threshold in nothing.thresholds)


def test_without_another_fold_there_is_no_threshold() -> None:
    assert ten_fold(*folds((3, 0.5, True), (3, 0.1, False))) is None
