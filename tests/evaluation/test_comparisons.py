from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.evaluation import comparisons as module
from visavis.evaluation.comparisons import BINS, all_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


def people(
    count: int, pictures: int, *, seed: int = 0, size: int = 16
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Templates of people, in no order: each a centre with some noise."""
    random = np.random.default_rng(seed)
    person = random.permutation(np.repeat(np.arange(count), pictures))
    vectors = random.normal(size=(count, size))[person] + random.normal(size=(len(person), size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), person


def brute_force(
    templates: NDArray[np.float32], person: NDArray[np.int64]
) -> tuple[list[tuple[float, int]], list[tuple[float, tuple[int, int]]]]:
    genuine, impostor = [], []
    for i, j in combinations(range(len(person)), 2):
        score = float(templates[i] @ templates[j])
        if person[i] == person[j]:
            genuine.append((score, int(person[i])))
        else:
            impostor.append((score, (int(person[i]), int(person[j]))))
    return genuine, impostor


@pytest.mark.parametrize(("count", "pictures"), [(8, 5), (60, 2), (3, 1)])
@pytest.mark.parametrize("rows", [7, 1024])
def test_against_brute_force(count: int, pictures: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", rows)
    templates, person = people(count, pictures)
    found = all_pairs(templates, person)
    genuine, impostor = brute_force(templates, person)
    by_score = sorted((score for score, _ in impostor), reverse=True)
    assert found.people == count
    assert found.pictures_of.tolist() == [pictures] * count
    assert np.sort(found.genuine) == pytest.approx(sorted(score for score, _ in genuine), abs=1e-6)
    for who in range(count):
        theirs = sorted(score for score, person_ in genuine if person_ == who)
        assert np.sort(found.genuine[found.genuine_person == who]) == pytest.approx(theirs, abs=1e-6)
    assert found.impostors == len(impostor) == found.histogram.sum()
    edges = np.linspace(-1, 1, BINS + 1)
    expected, _ = np.histogram(by_score, edges)
    # Rounding may put a score into the bin beside its own.
    assert np.abs(np.cumsum(found.histogram) - np.cumsum(expected)).max() <= 1
    assert found.tail == pytest.approx(by_score[: found.tail.size], abs=1e-6)
    assert found.tail.size >= min(len(impostor), 1000)
    assert (np.diff(found.tail) <= 0).all()
    pairs = sorted((round(score, 4), *sorted(two)) for score, two in impostor if score >= found.tail_from)
    kept = sorted(
        (round(float(score), 4), *sorted(two.tolist()))
        for score, two in zip(found.tail, found.tail_people, strict=True)
    )
    assert [two for _, *two in kept] == [two for _, *two in pairs]


def test_only_the_highest_are_kept_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAIL", 0.05)
    templates, person = people(250, 2)  # 124,500 impostor comparisons
    found = all_pairs(templates, person)
    assert 0.05 * found.impostors <= found.tail.size < 0.06 * found.impostors
    scores = templates @ templates.T
    impostor = scores[np.triu(person[:, None] != person[None, :], 1)]
    assert (impostor >= found.tail_from).sum() == pytest.approx(found.tail.size, abs=1)


def test_by_hand() -> None:
    # Person 0 has (1,0) and (0,1), person 1 has (0.6,0.8): genuine 0; impostors 0.6 and 0.8.
    templates = np.array([(0.6, 0.8), (1, 0), (0, 1)], dtype=np.float32)
    found = all_pairs(templates, np.array([1, 0, 0]))
    assert found.genuine.tolist() == [0]
    assert found.genuine_person.tolist() == [0]
    assert found.tail == pytest.approx([0.8, 0.6])
    assert [sorted(two) for two in found.tail_people.tolist()] == [[0, 1], [0, 1]]
    assert found.pictures_of.tolist() == [2, 1]


def test_scores_at_the_ends_of_the_range() -> None:
    templates = np.array([(1, 0), (1, 0), (-1, 0)], dtype=np.float32)
    found = all_pairs(templates, np.array([0, 1, 2]))
    assert (found.histogram[0], found.histogram[-1]) == (2, 1)
    assert found.tail.tolist() == [1, -1, -1]


def test_a_picture_without_a_template_misses_all_its_genuine_comparisons() -> None:
    templates, person = people(4, 3)
    # Person 0 lacks one of then four pictures (3 comparisons), person 2 two of five (2 * 3 + 1);
    # person 4 has no template at all, of two pictures (1).
    missing = np.array([0, 2, 2, 4, 4])
    found = all_pairs(templates, person, missing=missing)
    lost = np.isneginf(found.genuine)
    assert lost.sum() == 3 + 7 + 1
    assert np.bincount(found.genuine_person[lost], minlength=5).tolist() == [3, 0, 7, 0, 1]
    assert (~lost).sum() == 4 * 3
    assert found.people == 5
    assert found.pictures_of.tolist() == [3, 3, 3, 3, 0]
    assert found.impostors == all_pairs(templates, person).impostors
