from __future__ import annotations

import dataclasses
import tracemalloc
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from visavis.evaluation import comparisons as module
from visavis.evaluation.comparisons import (
    BINS,
    LEVELS,
    PER_LEVEL,
    Comparisons,
    all_pairs,
    bin_of,
    edge,
    listed_pairs,
    scores_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.evaluation.comparisons import Integers

    Templates = tuple[NDArray[np.float32], NDArray[np.int64]]


def floats(*values: float | tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def people(count: int, pictures: int, *, seed: int = 0, size: int = 16) -> Templates:
    """Templates of people, in no order: each a centre with some noise."""
    random = np.random.default_rng(seed)
    person = random.permutation(np.repeat(np.arange(count), pictures))
    vectors = random.normal(size=(count, size))[person] + random.normal(size=(len(person), size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), person


def exact(pictures: Sequence[int], *, seed: int = 0) -> Templates:
    """Templates of 64 times 1/8 or -1/8, in no order: cosines are multiples of 1/32, without rounding."""
    random = np.random.default_rng(seed)
    person = random.permutation(np.repeat(np.arange(len(pictures)), pictures))
    centres = random.choice([-1, 1], size=(len(pictures), 64))
    flips = random.choice([-1, 1], size=(len(person), 64), p=[0.15, 0.85])
    return (centres[person] * flips / 8).astype(np.float32), person


def brute_force(
    templates: NDArray[np.float32], person: NDArray[np.int64]
) -> tuple[Counter[tuple[int, int]], Counter[tuple[int, int, int]]]:
    """How often each (person, bin) and each (bin, person, other person) occurs, one by one."""
    genuine, impostor = Counter[tuple[int, int]](), Counter[tuple[int, int, int]]()
    for i, j in combinations(range(len(person)), 2):
        score = float(templates[i].astype(float) @ templates[j].astype(float))
        bin_ = min(int((score + 1) * BINS / 2), BINS - 1)
        one, other = sorted((int(person[i]), int(person[j])))
        if one == other:
            genuine[one, bin_] += 1
        else:
            impostor[bin_, one, other] += 1
    return genuine, impostor


def genuine_of(found: Comparisons) -> Counter[tuple[int, int]]:
    entries = zip(
        found.genuine_person.tolist(), found.genuine_bin.tolist(), found.genuine_count.tolist(), strict=True
    )
    return Counter({(who, bin_): count for who, bin_, count in entries})


def kept_of(found: Comparisons) -> Counter[tuple[int, ...]]:
    return Counter(
        (bin_, *sorted(two))
        for bin_, two in zip(found.kept_bin.tolist(), found.kept_people.tolist(), strict=True)
    )


def plain(found: Comparisons) -> dict[str, object]:
    fields = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in fields.items()
    }


# The grid


def test_edges_and_bins_undo_each_other() -> None:
    assert [bin_of(edge(bin_)) for bin_ in range(BINS + 1)] == list(range(BINS + 1))
    assert (edge(0), edge(BINS // 2), edge(BINS)) == (-1, 0, 1)


def test_the_bin_of_a_threshold_is_the_first_that_reaches_it_as_a_whole() -> None:
    for bin_ in (0, 1, BINS // 2, BINS - 1):
        assert bin_of(edge(bin_) + 1e-9) == bin_ + 1
        assert bin_of(edge(bin_) - 1e-9) == bin_
    assert (bin_of(-1.5), bin_of(1.5)) == (0, BINS)


def test_what_lies_in_a_bin_reaches_its_edge() -> None:
    scores = np.random.default_rng(0).uniform(-1, 1, 20_000).astype(np.float32)
    apart = np.arange(len(scores))
    found = listed_pairs(scores, 2 * apart, 2 * apart + 1, np.zeros(len(scores), dtype=bool))
    for bin_ in (1, 1000, BINS // 2, 54_321, BINS - 1):
        reach = scores.astype(float) >= edge(bin_)
        beside = np.abs(scores - edge(bin_)) < 6e-8  # half a step of single precision just below 1 + 1
        assert abs(int(found.histogram[bin_:].sum()) - int(reach.sum())) <= beside.sum()


# Every picture with every other one


@pytest.mark.parametrize("tile", [(1024, 4096), (7, 11), (16, 4), (1, 1)])
@pytest.mark.parametrize(
    "pictures",
    [[5] * 8, [2] * 30, [1, 1, 1], [1, 40, 1, 1, 2, 3], [50], [30, 30]],
    ids=["five each", "two each", "one each", "one across tiles", "one person", "two across tiles"],
)
def test_against_brute_force(
    pictures: list[int], tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TILE_ROWS", tile[0])
    monkeypatch.setattr(module, "TILE_COLUMNS", tile[1])
    templates, person = exact(pictures)
    found = all_pairs(templates, person)
    genuine, impostor = brute_force(templates, person)
    assert found.people == len(pictures)
    assert found.pictures_of.tolist() == pictures
    assert genuine_of(found) == genuine
    assert found.genuine == genuine.total()
    histogram = Counter(dict(enumerate(found.histogram.tolist())))
    by_bin = Counter[int]()
    for (bin_, *_), count in impostor.items():
        by_bin[bin_] += count
    assert +histogram == by_bin
    assert found.impostors == impostor.total()
    assert kept_of(found) == impostor, "so few are all kept"
    assert (np.diff(found.kept_bin) <= 0).all()
    assert set(found.kept_weight.tolist()) <= {1.0}
    expected = [1 / (pictures[one] * pictures[other]) for one, other in found.kept_people.tolist()]
    assert found.kept_share == pytest.approx(expected)
    assert not found.lost.any()
    assert found.listed is None


def test_by_hand() -> None:
    # Person 0 has (1, 0) and (0, 1), person 1 has (0.6, 0.8): genuine 0; impostors 0.6 and 0.8.
    found = all_pairs(floats((0.6, 0.8), (1, 0), (0, 1)), np.array([1, 0, 0]))
    assert plain(found) | {"histogram": None} == {
        "people": 2,
        "pictures_of": [2, 1],
        "genuine_person": [0],
        "genuine_bin": [32_768],
        "genuine_count": [1],
        "lost": [0, 0],
        "histogram": None,
        "kept_bin": [58_982, 52_428],  # floor(1.8 * 32,768 = 58,982.4), floor(1.6 * 32,768 = 52,428.8)
        "kept_people": [[0, 1], [0, 1]],
        "kept_weight": [1, 1],
        "kept_share": [0.5, 0.5],
        "listed": None,
    }
    assert np.flatnonzero(found.histogram).tolist() == [52_428, 58_982]


def test_scores_at_the_ends_of_the_range() -> None:
    found = all_pairs(floats((1, 0), (1, 0), (-1, 0)), np.array([0, 1, 2]))
    assert (found.histogram[0], found.histogram[-1], found.impostors) == (2, 1, 3)
    assert found.kept_bin.tolist() == [BINS - 1, 0, 0]
    assert found.kept_people.tolist() == [[0, 1], [0, 2], [1, 2]]


def test_rounding_beyond_the_ends_stays_on_the_grid() -> None:
    long = float(np.float32(1.0000002))
    found = all_pairs(floats((long, 0), (long, 0), (-long, 0)), np.array([0, 1, 2]))
    assert (found.histogram[0], found.histogram[-1]) == (2, 1)


def test_all_templates_equal() -> None:
    found = all_pairs(floats(*[(0.6, 0.8)] * 12), np.repeat(np.arange(4), 3))
    [bin_] = np.flatnonzero(found.histogram)  # 0.36 + 0.64, give or take a rounding
    assert bin_ in {BINS - 2, BINS - 1}
    assert found.impostors == 54  # 6 pairs of people, 9 comparisons each
    assert genuine_of(found) == {(who, bin_): 3 for who in range(4)}


@pytest.mark.parametrize(
    ("count", "missing", "people_", "lost"),
    [(0, [], 0, []), (0, [0, 0, 1], 2, [1, 0]), (1, [], 1, [0]), (1, [0], 1, [1])],
    ids=["nothing", "nothing but failures", "one picture", "one picture and a failure"],
)
def test_nothing_to_compare(count: int, missing: list[int], people_: int, lost: list[int]) -> None:
    templates, person = np.ones((count, 1), dtype=np.float32), np.zeros(count, dtype=np.int64)
    found = all_pairs(templates, person, missing=np.array(missing, dtype=np.int64))
    assert (found.people, found.lost.tolist(), found.pictures_of.sum()) == (people_, lost, count)
    assert (found.impostors, found.genuine) == (0, sum(lost))
    assert found.genuine_count.size == found.kept_bin.size == 0
    assert found.kept_people.shape == (0, 2)
    assert found.histogram.shape == (BINS,)


def test_two_people_with_one_picture_each() -> None:
    found = all_pairs(floats((1, 0), (0, 1)), np.array([0, 1]))
    assert (found.genuine, found.impostors, found.kept_bin.tolist()) == (0, 1, [BINS // 2])


def test_a_picture_without_a_template_misses_all_its_genuine_comparisons() -> None:
    templates, person = people(4, 3)
    # Person 0 lacks one of then four pictures (3 comparisons), person 2 two of five (2 * 3 + 1);
    # person 4 has no template at all, of two pictures (1).
    found = all_pairs(templates, person, missing=np.array([0, 2, 2, 4, 4]))
    assert found.lost.tolist() == [3, 0, 7, 0, 1]
    assert found.genuine_count.sum() == 4 * 3
    assert found.genuine == 4 * 3 + 11
    assert found.people == 5
    assert found.pictures_of.tolist() == [3, 3, 3, 3, 0]
    assert found.impostors == all_pairs(templates, person).impostors


# Determinism


@pytest.mark.parametrize("cores", [1, 5])
def test_neither_chance_nor_cores_change_anything(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TILE_ROWS", 20)
    monkeypatch.setattr(module, "PER_LEVEL", 40)
    templates, person = exact([4] * 30)
    monkeypatch.setattr(module, "available_cores", lambda: 2)
    expected = plain(all_pairs(templates, person))
    monkeypatch.setattr(module, "available_cores", lambda: cores)
    assert plain(all_pairs(templates, person)) == expected


def test_the_order_of_pictures_changes_nothing() -> None:
    templates, person = exact([4] * 30)
    found, other_way = all_pairs(templates, person), all_pairs(templates[::-1], person[::-1])
    assert found.histogram.tolist() == other_way.histogram.tolist()
    assert genuine_of(found) == genuine_of(other_way)
    assert kept_of(found) == kept_of(other_way)


# Keeping some for all


def levels(bins: Integers, all_bins: Integers, few: int) -> NDArray[np.int64]:
    """The level of each bin, from how many comparisons reach it; those with `few` reaching are 99."""
    ordered = np.sort(all_bins)
    reached = len(ordered) - np.searchsorted(ordered, bins, side="left")
    level = np.floor(-np.log10(reached / len(ordered)) * LEVELS + 1e-9)
    return np.where(reached <= few, 99, level).astype(np.int64)


def test_what_is_kept_of_a_level_stands_for_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    templates, person = people(60, 3)
    whole = all_pairs(templates, person)
    assert whole.kept_bin.size == whole.impostors == 60 * 59 / 2 * 9
    monkeypatch.setattr(module, "PER_LEVEL", 100)
    found = all_pairs(templates, person)
    held: Counter[int] = Counter(levels(whole.kept_bin, whole.kept_bin, 100).tolist())
    level = levels(found.kept_bin, whole.kept_bin, 100)
    kept = Counter(level.tolist())
    assert set(kept) == set(held)
    assert len(held) == 23  # 15,930 comparisons, down to 100 of them: 2.2 powers of ten
    for each, count in held.items():
        assert found.kept_weight[level == each].sum() == pytest.approx(count, rel=1e-6)
        share = min(1.0, 100 / count)
        assert kept[each] == pytest.approx(share * count, abs=4.5 * (share * (1 - share) * count) ** 0.5)
    assert found.kept_weight.sum() == pytest.approx(whole.impostors, rel=1e-6)
    assert found.histogram.tolist() == whole.histogram.tolist(), "nothing is left out of the histogram"
    few = held[99]
    assert 90 <= few <= 100
    assert found.kept_bin[:few].tolist() == whole.kept_bin[:few].tolist()
    assert sorted(found.kept_people[:few].tolist()) == sorted(whole.kept_people[:few].tolist())
    assert set(found.kept_weight[:few].tolist()) == {1.0}
    assert found.kept_share == pytest.approx(found.kept_weight / 9)


def test_the_share_that_is_kept_is_without_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons of one person above a threshold, counted by weight: right on the mean over many samples."""
    templates, person = people(40, 3)
    whole = all_pairs(templates, person)
    threshold = int(np.sort(whole.kept_bin)[-1500])

    def of_person_0(found: Comparisons) -> float:
        theirs = (found.kept_people == 0).any(axis=1) & (found.kept_bin >= threshold)
        return float(found.kept_weight[theirs].sum())

    monkeypatch.setattr(module, "PER_LEVEL", 60)
    counted = []
    for seed in range(150):
        monkeypatch.setattr(module, "SEED", seed)
        counted.append(of_person_0(all_pairs(templates, person)))
    error = np.std(counted, ddof=1) / len(counted) ** 0.5
    assert error > 0
    assert np.mean(counted) == pytest.approx(of_person_0(whole), abs=3.5 * error)


def test_each_tile_has_its_own_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same thirty templates twice: of 435 comparisons within each half, others are kept."""
    monkeypatch.setattr(module, "TILE_ROWS", 30)
    monkeypatch.setattr(module, "TILE_COLUMNS", 30)
    monkeypatch.setattr(module, "PER_LEVEL", 20)
    templates, _ = people(30, 1)
    found = all_pairs(np.concatenate([templates, templates]), np.arange(60))
    within = [found.kept_people[(found.kept_people // 30 == half).all(axis=1)] % 30 for half in (0, 1)]
    first, second = ({tuple(two) for two in half.tolist()} for half in within)
    assert len(first & second) < 0.7 * min(len(first), len(second))


def test_the_highest_are_kept_even_where_many_are_equal() -> None:
    """Of 1.04 times as many as a level may hold, those that alone are few enough are all kept."""
    histogram = np.zeros(BINS, dtype=np.int64)
    histogram[[BINS - 1, BINS - 2, 100]] = np.array([0.95, 0.09, 10.4]) * PER_LEVEL
    levels = module._Levels(histogram)
    assert levels.share[[BINS - 1, BINS - 2]].tolist() == [1, 1]
    assert levels.share[100] == pytest.approx(1 / 10.4)


def test_memory_grows_with_pictures_and_not_with_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TILE_ROWS", 256)
    monkeypatch.setattr(module, "TILE_COLUMNS", 256)
    monkeypatch.setattr(module, "PER_LEVEL", 1000)
    monkeypatch.setattr(module, "available_cores", lambda: 1)
    peaks = []
    for count in (500, 1000):
        templates, person = people(count, 3, size=512)
        tracemalloc.start()
        found = all_pairs(templates, person)
        peaks.append(tracemalloc.get_traced_memory()[1] / templates.nbytes)
        tracemalloc.stop()
        # Each level is at most what it may hold, up to chance.
        powers = np.log10(found.impostors / 1000)
        assert found.kept_bin.size <= 1.1 * 1000 * (LEVELS * powers + 2)
    assert peaks[1] < 3, "3,000 templates: the score matrix alone would be 6 times as large"
    assert peaks[1] < 1.1 * peaks[0]


def test_no_more_is_kept_than_rates_need() -> None:
    found = all_pairs(*people(500, 3))
    powers = np.log10(found.impostors / PER_LEVEL)
    assert found.impostors == 1_122_750
    assert found.kept_bin.size <= PER_LEVEL * (LEVELS * powers + 2)
    assert found.kept_bin.size < 0.5 * found.impostors


# Listed pairs


def test_listed_pairs_by_hand() -> None:
    # Impostors: 0-1 twice (once named the other way round), 1-2 once, 0-2 once without a template.
    # Genuine: 0 twice, of which one without a template, 2 twice in one bin.
    found = listed_pairs(
        floats(0.5, 0.75, -1, -np.inf, 0.5, -np.inf, 1, 1),
        np.array([0, 1, 1, 2, 0, 0, 2, 2]),
        np.array([1, 0, 2, 0, 0, 0, 2, 2]),
        np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=bool),
    )
    assert found.listed is not None
    assert found.listed.people.tolist() == [[0, 1], [0, 1], [1, 2]]
    assert found.listed.share.tolist() == [0.5, 0.5, 1]
    assert plain(found) | {"histogram": None, "listed": None} == {
        "people": 3,
        "pictures_of": [0, 0, 0],
        "genuine_person": [0, 2],
        "genuine_bin": [49_152, BINS - 1],  # 1.5 * 32,768
        "genuine_count": [1, 2],
        "lost": [1, 0, 0],
        "histogram": None,
        "kept_bin": [57_344, 49_152, 0],  # 1.75 * 32,768
        "kept_people": [[0, 1], [0, 1], [1, 2]],
        "kept_weight": [1, 1, 1],
        "kept_share": [0.5, 0.5, 1],
        "listed": None,
    }
    assert np.flatnonzero(found.histogram).tolist() == [0, 49_152, 57_344]
    assert (found.impostors, found.genuine) == (3, 4)


@pytest.mark.parametrize("whole", [np.int32, np.int64, np.uint16])
def test_many_people_don_t_run_into_each_other(whole: type[np.integer[Any]]) -> None:
    """Two people of 60,000 make a number that 32 bits can't hold."""
    first: Integers = np.array([0, 35_791, 59_998], dtype=whole)
    second: Integers = np.array([1, 23_646, 59_999], dtype=whole)
    found = listed_pairs(floats(0, 0, 0), first, second, np.zeros(3, dtype=bool))
    assert found.kept_share.tolist() == [1, 1, 1]
    same = listed_pairs(floats(0.5), second[2:], second[2:], np.ones(1, dtype=bool))
    assert genuine_of(same) == {(59_999, 49_152): 1}


def test_no_listed_pairs() -> None:
    none = np.empty(0, dtype=np.int64)
    found = listed_pairs(np.empty(0, dtype=np.float32), none, none, np.empty(0, dtype=bool))
    assert (found.people, found.genuine, found.impostors) == (0, 0, 0)


def test_every_pair_listed_is_every_picture_with_every_other_one() -> None:
    templates, person = exact([3, 1, 4, 2])
    one, other = np.triu_indices(len(person), 1)
    scores = scores_of(templates, np.arange(len(person)), one, other)
    listed = listed_pairs(scores, person[one], person[other], person[one] == person[other])
    found = all_pairs(templates, person)
    assert listed.histogram.tolist() == found.histogram.tolist()
    assert genuine_of(listed) == genuine_of(found)
    assert kept_of(listed) == kept_of(found)
    shares = [
        sorted(zip(each.kept_bin.tolist(), np.sort(each.kept_people).tolist(), each.kept_share, strict=True))
        for each in (listed, found)
    ]
    assert [share for *_, share in shares[0]] == pytest.approx([share for *_, share in shares[1]])


@pytest.mark.parametrize("chunk", [1, 2, 65_536])
def test_scores_of_listed_pictures(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    templates = floats((1, 0), (0.6, 0.8), (-1, 0), (1.0000002, 0))
    row = np.array([2, -1, 0, 1, 3])  # picture 1 gave no template
    first, second = np.array([0, 0, 1, 2, 1, 2, 4]), np.array([2, 1, 3, 3, 1, 2, 4])
    scores = scores_of(templates, row, first, second)
    assert scores.dtype == np.float32
    # The last of the rows is a rounding too long: its cosine with itself still is 1.
    assert scores == pytest.approx([-1, -np.inf, -np.inf, 0.6, -np.inf, 1, 1])
    assert scores.max() == 1


def test_scores_where_no_picture_gave_a_template() -> None:
    none = np.empty((0, 4), dtype=np.float32)
    scores = scores_of(none, np.array([-1, -1]), np.array([0]), np.array([1]))
    assert scores.tolist() == [-np.inf]
