from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from visavis.decision.calibration import Calibration, Data
from visavis.decision.tail import Tail, Transfer
from visavis.evaluation import calibrate as module
from visavis.evaluation.calibrate import STEPS, calibrate, cost, likelihoods, spread
from visavis.evaluation.comparisons import BINS, Comparisons, all_pairs, bin_of, edge, listed_pairs
from visavis.evaluation.groups import group_fmr_curves
from visavis.evaluation.rates import fmr_at, fmr_replicates
from visavis.evaluation.truth import EvaluationError, Groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DATA = Data("desk", "invented", 1, 1, 1, 1, 0)


def crowd(count: int = 150, pictures: int = 3, *, seed: int = 0, size: int = 24) -> Any:
    """Templates of people with as many pictures each, but of every tenth three times as many."""
    random = np.random.default_rng(seed)
    person = np.repeat(
        np.arange(count), [3 * pictures if who % 10 == 0 else pictures for who in range(count)]
    )
    vectors = random.normal(size=(count, size))[person] + 0.6 * random.normal(size=(len(person), size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), person


@pytest.fixture(scope="module")
def people() -> Comparisons:
    return all_pairs(*crowd())


@pytest.fixture(scope="module")
def made(people: Comparisons) -> Calibration:
    return of(people)


def of(comparisons: Comparisons, groups: Sequence[Groups] = ()) -> Calibration:
    return calibrate(comparisons, pack="sface", fingerprint="0" * 16, data=DATA, groups=groups)


def two_columns(people: int) -> tuple[Groups, Groups]:
    who = np.arange(people)
    return (
        Groups("region", ("north", "south"), who % 2),
        Groups("desk", ("1", "2", "3", "few"), np.where(who < 4, 3, who % 3)),
    )


# Marks


def brute_force(threshold: float) -> tuple[float, int]:
    """FMR as the mean over pairs of people of each pair's own, and how many false matches, one by one."""
    vectors, person = crowd()
    reach = vectors.astype(float) @ vectors.T.astype(float) >= threshold
    of_person = [np.flatnonzero(person == who) for who in range(person.max() + 1)]
    own, count = [], 0
    for one, other in itertools.combinations(of_person, 2):
        matches = reach[np.ix_(one, other)]
        own.append(matches.mean())
        count += int(matches.sum())
    return float(np.mean(own)), count


def test_marks_against_brute_force(made: Calibration) -> None:
    assert len(made.marks) > 20
    for mark in made.marks[:: len(made.marks) // 6]:
        assert mark.fmr == pytest.approx(brute_force(mark.threshold)[0], rel=5.1e-5)  # five digits are kept


def test_marks_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five pairs of people, two comparisons each: at each of the similarities every pair weighs a fifth."""
    scores = np.array([0.9, 0.1, 0.7, 0.2, 0.5, 0.3, 0.4, 0.4, 0.2, 0.1], dtype=np.float32)
    first = np.repeat(np.arange(0, 10, 2), 2)
    found = listed_pairs(scores, first, first + 1, np.zeros(10, dtype=bool))
    monkeypatch.setattr(module, "FEWEST_FALSE_MATCHES", 1)
    monkeypatch.setattr(module, "FEWEST_PEOPLE", 1)
    monkeypatch.setattr(module, "WIDEST", math.inf)
    monkeypatch.setattr(module, "fmr_replicates", lambda _, those: (None, np.full((9, len(those)), 0.5)))
    marks = of(found).marks
    # Above 0.1 lie 0.8 of the scores, more than the 10^-0.1 where marks begin; above 0.2 lie 0.6, and so on.
    assert [mark.fmr for mark in marks] == [0.6, 0.5, 0.3, 0.2, 0.1]
    # A threshold lies just above the highest score that doesn't reach it.
    below = [bin_of(mark.threshold) - 1 for mark in marks]
    assert below == [math.floor((score + 1) * BINS / 2) for score in (0.2, 0.3, 0.4, 0.5, 0.7)]


def test_marks_rise_and_fall_strictly(made: Calibration) -> None:
    for one, other in itertools.pairwise(made.marks):
        assert one.threshold < other.threshold
        assert one.fmr > other.fmr
        assert other.fmr <= other.fmr_upper
    assert made.marks[0].fmr <= 10**-0.1


def test_bounds_are_quantiles_over_draws_of_the_people(people: Comparisons, made: Calibration) -> None:
    thresholds = [mark.threshold for mark in made.marks]
    _, drawn = fmr_replicates(people, thresholds)
    bounds = np.quantile(drawn, 0.95, axis=0)
    assert [mark.fmr_upper for mark in made.marks] == pytest.approx(
        np.maximum(bounds, [mark.fmr for mark in made.marks]), rel=1e-4
    )


def test_the_finest_mark_follows_the_rule_of_30(
    people: Comparisons, made: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = [brute_force(mark.threshold)[1] for mark in made.marks[-2:]]
    assert min(counts) >= 30
    monkeypatch.setattr(module, "WIDEST", math.inf)
    counts = [brute_force(mark.threshold)[1] for mark in of(people).marks[-2:]]
    assert 30 <= counts[-1] < 60, "the next mark would lie 21 % lower"
    monkeypatch.setattr(module, "FEWEST_FALSE_MATCHES", 300)
    assert 300 <= brute_force(of(people).marks[-1].threshold)[1] < 600


def test_rates_that_differ_in_the_sixth_digit_only_are_one_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks keep five digits; two of them must not come out the same."""
    monkeypatch.setattr(module, "FEWEST_PEOPLE", 1)
    monkeypatch.setattr(module, "_thresholds", lambda comparisons: [0.0, 0.1, 0.2, 0.3])
    rates = iter([0.50000049, 0.50000041, 0.4, 0.4000001])
    monkeypatch.setattr(module, "fmr_at", lambda *_: (0.0, next(rates)))
    monkeypatch.setattr(module, "false_matches_at", lambda *_: 1000)
    monkeypatch.setattr(module, "fmr_replicates", lambda *_: (None, np.full((1000, 4), 0.5)))
    scores = np.array([0.5], dtype=np.float32)
    found = listed_pairs(scores, np.array([0]), np.array([1]), np.zeros(1, dtype=bool))
    assert [(mark.threshold, mark.fmr) for mark in module._marks(found)] == [(0.0, 0.5), (0.2, 0.4)]


def test_marks_of_the_worst_group_are_the_highest_of_any(people: Comparisons) -> None:
    columns = two_columns(people.people)
    made = of(people, columns)
    assert made.rule == "worst_group"
    assert made.groups == ("region: north", "region: south", "desk: 1", "desk: 2", "desk: 3")
    thresholds = [mark.threshold for mark in made.marks]
    assert len(thresholds) > 10
    curves = [group_fmr_curves(people, column, thresholds) for column in columns]
    highest = np.concatenate([curve[1] for curve in curves]).max(axis=0)
    bounds = np.concatenate([curve[2] for curve in curves]).max(axis=0)
    assert [mark.fmr for mark in made.marks] == pytest.approx(highest, rel=5.1e-5)
    assert [mark.fmr_upper for mark in made.marks] == pytest.approx(np.maximum(bounds, highest), rel=5.1e-5)
    # and the rate of one group is that of its people alone
    vectors, person = crowd()
    group = np.flatnonzero(np.isin(person, np.flatnonzero(columns[0].of_person == 1)))
    alone = all_pairs(vectors[group], np.unique(person[group], return_inverse=True)[1])
    middle = len(thresholds) // 2
    rate = np.concatenate([curve[1] for curve in curves])[1, middle]
    assert rate == pytest.approx(fmr_at(alone, thresholds[middle])[1], rel=1e-5)


def test_a_group_of_fewer_than_thirty_makes_no_marks(people: Comparisons) -> None:
    column = Groups("region", ("north", "south"), (np.arange(people.people) < 29).astype(np.int64))
    with pytest.raises(EvaluationError) as refused:
        of(people, [column])
    assert refused.value.code == "evaluation.support"


@pytest.mark.parametrize("sizes", [[], [9, 9], [9, 50]], ids=["none", "small ones", "one"])
def test_a_worst_group_takes_two(sizes: list[int], people: Comparisons) -> None:
    labels = np.full(people.people, -1)
    labels[: sum(sizes)] = np.repeat(np.arange(len(sizes)), sizes)
    column = Groups("region", tuple(f"r{number}" for number in range(len(sizes))), labels)
    with pytest.raises(EvaluationError) as refused:
        of(people, [column] if sizes != [9, 9] else [dataclasses.replace(column, of_person=labels % 1 - 1)])
    assert refused.value.code == "evaluation.labels"
    assert "at least 10 people" in str(refused.value)


@pytest.mark.parametrize(("count", "pictures"), [(2, 3), (3, 30), (29, 6)])
def test_too_little(count: int, pictures: int) -> None:
    """A few people have part in thousands of comparisons, and still are a few people."""
    comparisons = all_pairs(*crowd(count, pictures))
    with pytest.raises(EvaluationError) as refused:
        of(comparisons)
    assert refused.value.code == "evaluation.support"
    told = f"there is too little to make a calibration of (found {comparisons.impostors:,} comparisons"
    assert str(refused.value).startswith(told)


def test_nothing_at_all() -> None:
    with pytest.raises(EvaluationError) as refused:
        of(nothing())
    assert refused.value.code == "evaluation.support"


def nothing() -> Comparisons:
    none = np.empty(0, dtype=np.int64)
    return listed_pairs(np.empty(0, dtype=np.float32), none, none, np.empty(0, dtype=bool))


# Likelihood ratios


def shares(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Normal scores of one person and of two people, with noise, in `STEPS` steps."""
    random = np.random.default_rng(seed)
    one, two = random.normal(0.5, 0.15, 800), random.normal(0.1, 0.12, 8000)
    found = [np.histogram(each, bins=STEPS, range=(-1, 1))[0] / len(each) for each in (one, two)]
    return found[0], found[1]


@pytest.mark.parametrize("seed", range(5))
def test_likelihoods_are_an_isotonic_regression(seed: int) -> None:
    """scikit-learn's, of "is one person" on similarity, the two kinds weighing the same (Brümmer 2006)."""
    genuine, impostor = shares(seed)
    places = np.arange(STEPS)
    fitted = IsotonicRegression(y_min=0, y_max=1).fit(
        np.concatenate([places, places]),
        np.repeat([1, 0], STEPS),
        sample_weight=np.concatenate([genuine, impostor]),
    )
    share = fitted.predict(places)
    with np.errstate(divide="ignore"):
        expected = np.clip(np.log10(share / (1 - share)), -2, 3)
    knots = likelihoods(genuine, impostor, -2, 3)
    similarities, ratios = np.array(knots).T
    middles = (places + 0.5) * 2 / STEPS - 1
    seen = (genuine + impostor > 0) & (middles >= similarities[0]) & (middles <= similarities[-1])
    assert seen.sum() > 20
    found = np.interp(middles, similarities, ratios)
    assert found[seen] == pytest.approx(expected[seen], abs=2e-3)  # three digits are kept
    assert (knots[0][1], knots[-1][1]) == (-2, 3)


def test_likelihoods_by_hand() -> None:
    genuine, impostor = np.zeros(STEPS), np.zeros(STEPS)
    # Steps 60 to 63: ratios 1/8, 2, 1/2 (these two violate the order and pool to 1), 8.
    genuine[60:64] = 0.05, 0.2, 0.2, 0.55
    impostor[60:64] = 0.4, 0.1, 0.3, 0.06875
    pooled = math.log10(0.4 / 0.4)
    edges = [(60.5 + step) / 64 - 1 for step in range(4)]
    found = likelihoods(genuine, impostor, -3, 3)
    expected = zip(edges, (math.log10(1 / 8), pooled, pooled, math.log10(8)), strict=True)
    assert found == tuple((round(at, 5), round(llr, 3)) for at, llr in expected)
    assert likelihoods(genuine, impostor, -0.5, 0.3) == (
        (round(edges[0], 5), -0.5),
        *found[1:3],
        (round(edges[3], 5), 0.3),
    )


def test_likelihoods_of_nothing() -> None:
    genuine, impostor = shares(0)
    nothing = np.zeros(STEPS)
    assert likelihoods(nothing, nothing, -2, 3) == ()
    assert likelihoods(nothing, impostor, -2, 3) == ()
    assert likelihoods(genuine, nothing, -2, 3) == ()
    assert likelihoods(genuine, impostor, 0.5, 3) == (), "no evidence may speak for one side whatever it is"
    assert likelihoods(genuine, impostor, -2, -1) == ()


def test_spread_by_hand() -> None:
    # Person 0: two genuine, at 0.5 and 0.9; person 2: one at 0.9.
    # People 0 and 1 twice: 0.1 and -0.5; 1 and 2 once: 0.1.
    scores = np.array([0.5, 0.9, 0.9, 0.1, -0.5, 0.1], dtype=np.float32)
    first, second = np.array([0, 0, 2, 0, 1, 1]), np.array([0, 0, 2, 1, 0, 2])
    found = listed_pairs(scores, first, second, np.array([1, 1, 1, 0, 0, 0], dtype=bool))

    def step(score: float) -> int:
        return int((score + 1) * STEPS / 2)

    genuine, impostor = spread(found, np.ones(3, dtype=bool))
    assert {at: genuine[at] for at in np.flatnonzero(genuine)} == {step(0.5): 0.25, step(0.9): 0.75}
    assert {at: impostor[at] for at in np.flatnonzero(impostor)} == {step(-0.5): 0.25, step(0.1): 0.75}
    genuine, impostor = spread(found, np.array([False, True, True]))
    assert {at: genuine[at] for at in np.flatnonzero(genuine)} == {step(0.9): 1}
    assert {at: impostor[at] for at in np.flatnonzero(impostor)} == {step(0.1): 1}
    genuine, impostor = spread(found, np.zeros(3, dtype=bool))
    assert not genuine.any()
    assert not impostor.any()


def test_cost_by_hand() -> None:
    """Cllr = 1/2 (mean log2(1 + 1/LR) over one person + mean log2(1 + LR) over two people)."""
    genuine, impostor = np.array([0.25, 0.75]), np.array([0.75, 0.25])
    assert cost(genuine, impostor, np.zeros(2)) == pytest.approx(1)
    # LR 1/3 and 3: 1/2 (0.25 log2 4 + 0.75 log2 4/3 + 0.75 log2 4/3 + 0.25 log2 4) = 0.5 + 0.75 * 0.415037
    llr = np.log10([1 / 3, 3])
    assert cost(genuine, impostor, llr) == pytest.approx(0.8112781)
    assert cost(np.array([0.0, 1]), np.array([1.0, 0]), np.array([-20, 20])) == pytest.approx(0, abs=1e-12)


def test_cost_against_its_definition() -> None:
    random = np.random.default_rng(0)
    genuine, impostor = shares(1)
    llr = np.sort(random.normal(0, 2, STEPS))
    ratio = 10**llr
    expected = 0.5 * (genuine @ np.log2(1 + 1 / ratio) + impostor @ np.log2(1 + ratio))
    assert cost(genuine, impostor, llr) == pytest.approx(expected, rel=1e-9)


def test_ratios_are_never_further_than_the_data_bears_out(people: Comparisons, made: Calibration) -> None:
    last = made.marks[-1]
    vectors, person = crowd()
    scores = vectors @ vectors.T
    own = []
    for who in range(person.max() + 1):
        theirs = np.flatnonzero(person == who)
        one, other = np.triu_indices(len(theirs), 1)
        own.append(scores[theirs[one], theirs[other]])
    # The step of the last mark counts as a whole.
    start = math.floor((last.threshold + 1) * STEPS / 2) * 2 / STEPS - 1
    above = np.mean([(each >= start).mean() for each in own])
    assert made.likelihood[-1][1] == pytest.approx(math.log10(above / last.fmr_upper), abs=2e-3)
    assert made.likelihood[0][1] < -0.5


# The tail


def exponential(count: int = 700, *, scale: float = 0.05, seed: int = 1) -> Comparisons:
    """Every two of so many people compared once, each on its own: scores above -0.2, exponential."""
    random = np.random.default_rng(seed)
    first, second = np.triu_indices(count, 1)
    scores = np.minimum(-0.2 + random.exponential(scale, len(first)), 1).astype(np.float32)
    who = np.arange(count)
    return listed_pairs(
        np.concatenate([scores, random.normal(0.6, 0.1, count).clip(-1, 1).astype(np.float32)]),
        np.concatenate([first, who]),
        np.concatenate([second, who]),
        np.repeat([False, True], [len(first), count]),
    )


def of_few_draws(comparisons: Comparisons) -> Calibration:
    """With 200 draws of the people in the place of 1,000: no tail hangs on the bounds of marks."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("visavis.evaluation.rates.REPLICATES", 200)
        return of(comparisons)


@pytest.fixture(scope="module")
def tailed() -> Calibration:
    return of_few_draws(exponential())


def test_the_tail_finds_the_scale_of_an_exponential(tailed: Calibration) -> None:
    assert tailed.tail is not None
    last = tailed.marks[-1]
    assert (tailed.tail.start, tailed.tail.fmr) == (last.threshold, last.fmr)
    assert tailed.tail.scale == pytest.approx(0.05, rel=0.2)  # 30 false matches at its end: 18 % of noise
    fmr = last.fmr / 50
    expected = -0.2 + 0.05 * math.log(1 / fmr)
    assert tailed.threshold(fmr, extrapolate=True) == pytest.approx(expected, abs=0.05)


def test_transfers_of_an_exponential_are_around_one(tailed: Calibration) -> None:
    assert tailed.tail is not None
    # 244,650 comparisons: a quarter of them are among the people held out, so 10 expected down to 1.6e-4.
    [transfer] = tailed.tail.transfers
    assert (transfer.fmr, transfer.splits) == (1e-3, 40)
    assert transfer.ratio == pytest.approx(1, abs=0.2)
    assert transfer.low < 1 < transfer.high


def test_a_heavier_tail_than_the_model_shows() -> None:
    """Some pairs of relatives: more false matches among the people held out than the model says."""
    plain = exponential()
    random = np.random.default_rng(3)
    few = random.random(len(plain.kept_bin)) < 0.003
    bins = np.where(few, bin_of(0.5), plain.kept_bin)
    order = np.argsort(-bins, kind="stable")
    assert plain.listed is not None
    heavier = dataclasses.replace(
        plain,
        histogram=np.bincount(bins, minlength=BINS),
        kept_bin=bins[order],
        kept_people=plain.kept_people[order],
        listed=dataclasses.replace(plain.listed, people=plain.listed.people[order]),
    )
    tail = of_few_draws(heavier).tail
    assert tail is not None
    assert tail.transfers[0].ratio > 1.5


def test_no_tail_from_less_than_a_power_of_ten(people: Comparisons, made: Calibration) -> None:
    transfer = (Transfer(1e-3, 1, 1, 1, 40),)
    marks = made.marks
    assert module._tail(marks, ()) is None, "nothing shows how it transfers"
    coarse = [mark for mark in marks if mark.fmr > 0.1]
    assert module._tail(coarse, transfer) is None
    reaching = [mark for mark in marks if mark.fmr > 0.02]
    found = module._tail(reaching, transfer)
    assert found is not None
    before = [mark for mark in reaching if mark.fmr >= 10 * reaching[-1].fmr][-1]
    slope = (reaching[-1].threshold - before.threshold) / math.log(before.fmr / reaching[-1].fmr)
    assert found == Tail(reaching[-1].threshold, reaching[-1].fmr, slope, transfer)


# The whole


def test_neither_chance_nor_the_order_of_people_changes_anything(
    people: Comparisons, made: Calibration
) -> None:
    assert of(people) == made
    vectors, person = crowd()
    shuffled = np.random.default_rng(5).permutation(person.max() + 1)[person]
    other = of(all_pairs(vectors, shuffled))
    assert other.marks == made.marks
    assert other.likelihood == made.likelihood
    assert other == made


def test_a_file_of_it_reads_back(made: Calibration, tailed: Calibration, people: Comparisons) -> None:
    for calibration in (made, tailed, of(people, two_columns(people.people))):
        assert Calibration.from_dict(calibration.to_dict()) == calibration
    assert made.rate(edge(bin_of(made.threshold(0.01)))).fmr == pytest.approx(0.01, rel=1e-3)


def test_the_method_says_what_was_done(made: Calibration, tailed: Calibration, people: Comparisons) -> None:
    for part in ("mean over pairs of people", "95% percentile over 1000 draws", "at least 30 false matches"):
        assert part in made.method
    assert "Cllr" in made.method
    assert "worst group" not in made.method
    assert ("tail: log FMR" in made.method, "tail: log FMR" in tailed.method) == (
        made.tail is not None,
        True,
    )
    assert "those of the worst group" in of(people, two_columns(people.people)).method


def test_nobody_with_two_pictures() -> None:
    """Marks need no genuine comparison; likelihood ratios do."""
    vectors, person = crowd(200, 1)
    once = np.unique(person, return_index=True)[1]
    made = of(all_pairs(vectors[once], person[once]))
    assert len(made.marks) > 5
    assert made.likelihood == ()
    assert "Cllr" not in made.method
