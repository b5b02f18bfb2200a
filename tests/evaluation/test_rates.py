from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from tests.evaluation.test_comparisons import people

from visavis.evaluation.comparisons import BINS, Comparisons, all_pairs
from visavis.evaluation.rates import fmr_at, fmr_replicates, fnmr_at, threshold_at


def comparisons(impostors: list[float], genuine: list[float] | None = None, **changes: Any) -> Comparisons:
    genuine = [0.9] if genuine is None else genuine
    fields: dict[str, Any] = {
        "genuine": np.array(genuine, dtype=np.float32),
        "genuine_person": np.zeros(len(genuine), dtype=int),
        "histogram": np.zeros(BINS, dtype=int),
        "impostors": len(impostors),
        "tail": np.array(sorted(impostors, reverse=True), dtype=np.float32),
        "tail_people": np.tile([0, 1], (len(impostors), 1)),
        "tail_from": -1.0,
        "people": 2,
        "pictures_of": np.array([1, len(impostors)]),
    }
    return Comparisons(**(fields | changes))


TEN = comparisons([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


@pytest.mark.parametrize(
    ("fmr", "passing"), [(0.0, 0), (0.05, 0), (0.1, 1), (0.19, 1), (0.2, 2), (0.3, 3), (0.5, 5), (0.9, 9)]
)
def test_the_threshold_lets_as_many_pass_as_allowed(fmr: float, passing: int) -> None:
    threshold = threshold_at(TEN, fmr)
    assert (TEN.tail >= threshold).sum() == passing
    assert fmr_at(TEN, threshold) == passing / 10
    lower = float(np.nextafter(np.float32(threshold), np.float32(-1)))
    assert fmr_at(TEN, lower) > fmr, "it is the lowest such threshold"


def test_equal_scores_match_or_fail_together() -> None:
    tied = comparisons([0.1] * 5 + [0.5] * 4 + [0.9])
    assert fmr_at(tied, threshold_at(tied, 0.1)) == 0.1
    assert fmr_at(tied, threshold_at(tied, 0.3)) == 0.1  # four more would be too many
    assert fmr_at(tied, threshold_at(tied, 0.5)) == 0.5
    assert fmr_at(tied, 0.5) == 0.5, "a score that reaches the threshold is a match"
    assert fmr_at(tied, 0.500001) == 0.1


def test_an_fmr_for_which_nothing_was_kept() -> None:
    kept = dataclasses.replace(comparisons([0.8, 0.9]), impostors=100)
    assert fmr_at(kept, threshold_at(kept, 0.01)) == 0.01
    with pytest.raises(ValueError, match=r"an FMR below 0\.02 was expected, found 0\.02"):
        threshold_at(kept, 0.02)


def test_fnmr_by_hand() -> None:
    # Person 0: one of four missed; person 1: one of one; person 2 has no genuine comparison.
    found = comparisons(
        [0.1],
        [0.9, 0.8, 0.5, 0.2, 0.1],
        genuine_person=np.array([0, 0, 0, 0, 1]),
        people=3,
        pictures_of=np.array([4, 2, 1]),
    )
    assert fnmr_at(found, 0.5) == (2 / 5, (1 / 4 + 1) / 2)  # 0.5 itself reaches the threshold
    assert fnmr_at(found, 0.0) == (0, 0)
    assert fnmr_at(found, 1.0) == (1, 1)


def test_a_failure_to_acquire_is_a_miss_at_every_threshold() -> None:
    templates, person = people(5, 3)
    found = all_pairs(templates, person, missing=np.array([0]))
    pooled, per_person = fnmr_at(found, -1.0)
    assert pooled == 3 / 18
    assert per_person == pytest.approx((3 / 6) / 5)


@pytest.mark.parametrize("threshold", [0.3, 0.45, 0.6])
def test_fmr_against_brute_force(threshold: float) -> None:
    templates, person = people(30, 4)
    found = all_pairs(templates, person)
    assert found.tail_from < threshold
    scores = (templates @ templates.T)[np.triu(person[:, None] != person[None, :], 1)]
    assert fmr_at(found, threshold) == pytest.approx((scores >= threshold).mean(), abs=2 / scores.size)


# Replicates


def test_replicates_lie_around_the_estimate() -> None:
    found = all_pairs(*people(60, 3))
    thresholds = [threshold_at(found, fmr) for fmr in (0.05, 0.02)]
    rates = fmr_replicates(found, thresholds, replicates=600, seed=1)
    assert rates.shape == (600, 2)
    for column, threshold in zip(rates.T, thresholds, strict=True):
        estimate = fmr_at(found, threshold)
        assert column.mean() == pytest.approx(estimate, abs=4 * column.std() / 600**0.5 + 0.03 * estimate)
    assert (rates[:, 0] >= rates[:, 1]).all()


def test_replicates_by_brute_force() -> None:
    """Each replicate against a list of all pictures of the people drawn, paired one by one."""
    templates, person = people(6, 2)
    found = all_pairs(templates, person)
    threshold = 0.2
    random = np.random.default_rng(9)
    rates = fmr_replicates(found, [threshold], replicates=5, seed=9)
    for rate in rates[:, 0]:
        drawn = random.integers(6, size=6)
        passed = total = 0
        for place, first in enumerate(drawn):
            for second in drawn[place + 1 :]:
                if first == second:
                    continue
                scores = templates[person == first] @ templates[person == second].T
                passed += (scores >= threshold).sum()
                total += scores.size
        assert rate == pytest.approx(passed / total)


def test_shared_people_widen_the_interval() -> None:
    """One person of forty who resembles everybody: a binomial interval knows nothing of that."""
    random = np.random.default_rng(3)
    vectors = random.normal(size=(40, 64))
    vectors[0] = vectors.sum(axis=0)
    templates = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = all_pairs(templates, np.arange(40))
    threshold = threshold_at(found, 0.03)
    rate = fmr_at(found, threshold)
    binomial = (rate * (1 - rate) / found.impostors) ** 0.5
    assert fmr_replicates(found, [threshold], replicates=400, seed=0).std() > 2 * binomial


def test_a_seed_decides_everything() -> None:
    found = all_pairs(*people(10, 2))
    first, again, other = (
        fmr_replicates(found, [0.3], replicates=20, seed=seed).tolist() for seed in (4, 4, 5)
    )
    assert first == again
    assert first != other
