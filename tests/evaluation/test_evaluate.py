from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from tests.evaluation.invented import FINGERPRINT, WALL, Examiner, crowd, make, picture, vector

import visavis
from visavis.evaluation.acquire import acquire
from visavis.evaluation.evaluate import check_groups, compare, evaluate
from visavis.evaluation.folders import read_folders
from visavis.evaluation.labels import read_labels
from visavis.evaluation.lfw import read_lfw
from visavis.evaluation.pairs import read_pairs
from visavis.evaluation.store import Workplace
from visavis.evaluation.truth import EvaluationError

if TYPE_CHECKING:
    from pathlib import Path

    from visavis import examiner
    from visavis.evaluation.evaluate import Compared
    from visavis.evaluation.truth import Truth


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))


def compared(truth: Truth) -> Compared:
    with Workplace(FINGERPRINT, "pictures") as workplace:
        found = acquire(truth, cast("examiner.Examiner", Examiner(threads=1)), workplace=workplace)
        workplace.finish()
    return compare(truth, found)


def by_hand(threshold: float, people: int, pictures: int) -> tuple[float, float, float]:
    """FMR, FNMR and FNMR per person of a crowd, one by one."""
    own: list[list[bool]] = [[] for _ in range(people)]
    impostors: list[bool] = []
    takes = [(who, take) for who in range(people) for take in range(pictures)]
    vectors = {each: vector(f"p{each[0]:02}", each[1]).astype(float) for each in takes}
    for one, other in itertools.combinations(takes, 2):
        reached = bool(vectors[one] @ vectors[other] >= threshold)
        if one[0] == other[0]:
            own[one[0]].append(not reached)
        else:
            impostors.append(reached)
    pooled = [missed for each in own for missed in each]
    return float(np.mean(impostors)), float(np.mean(pooled)), float(np.mean([np.mean(each) for each in own]))


def test_every_picture_with_every_other_one(tmp_path: Path) -> None:
    found = evaluate(
        compared(read_folders(crowd(tmp_path / "people", 30))), pack="sface", data="crowd", fmrs=(0.1, 0.01)
    )
    assert (found.version, found.pack, found.fingerprint) == (visavis.__version__, "sface", FINGERPRINT)
    assert (found.protocol, found.data, found.rule) == ("all-pairs", "crowd", "overall")
    assert (found.fmr_interval, found.fnmr_interval) == ("bootstrap over people",) * 2
    counts = found.counts
    assert (counts.people, counts.people_with_genuine, counts.pictures) == (30, 30, 90)
    assert (counts.genuine, counts.impostors) == (90, 90 * 89 // 2 - 90)
    assert (counts.genuine_lost, counts.failures_to_acquire, counts.dropped) == (0, 0, 0)
    assert [point.fmr_target for point in found.operating_points] == [0.1, 0.01]
    for point in found.operating_points:
        expected = by_hand(point.at.threshold, 30, 3)
        assert (point.at.fmr, point.at.fnmr, point.at.fnmr_per_person) == pytest.approx(expected)
        assert point.at.fmr <= point.fmr_target
        lower = by_hand(point.at.threshold - 1e-4, 30, 3)
        assert lower[0] > point.fmr_target - 1 / counts.impostors - 1e-9, "no lower threshold would do"
    assert set(found.seconds) == {"templates", "comparisons", "rates"}
    assert min(found.seconds.values()) > 0
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["counts"]["pictures"] == 90


def test_failures_and_pictures_that_cannot_be_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "people", {"Ana": 3, "Bea": 2, "Cid": 1, "Dot": 1, "Eve": 2})
    (folder / "Ana" / "0.jpg").write_bytes(WALL)  # two genuine comparisons lost
    (folder / "Bea" / "0.jpg").write_bytes(b"unreadable")
    (folder / "Dot" / "0.jpg").write_bytes(b"unreadable too")
    found = evaluate(compared(read_folders(folder)), pack="sface", data="few", fmrs=(0.1,))
    counts = found.counts
    assert (counts.people, counts.people_with_genuine, counts.pictures) == (4, 2, 7)
    assert (counts.genuine, counts.genuine_lost) == (4, 2)
    assert counts.impostors == 2 * 1 + 2 * 1 + 2 * 2 + 1 + 2 + 2  # of Ana 2, Bea 1, Cid 1, Eve 2
    assert found.failures == ("Ana/0.jpg",)
    assert [each.what for each in found.dropped] == ["Bea/0.jpg", "Dot/0.jpg"]
    assert counts.dropped == 2
    assert found.operating_points[0].at.fnmr >= 0.5


@pytest.mark.parametrize("walls", [{"Ana"}, {"Ana", "Bea"}], ids=["one side", "both sides"])
def test_nothing_left_to_compare(walls: set[str], tmp_path: Path) -> None:
    folder = make(tmp_path / "people", {"Ana": 1, "Bea": 1})
    for who in walls:
        (folder / who / "0.jpg").write_bytes(WALL if who == "Ana" else b"unreadable")
    with pytest.raises(EvaluationError) as refused:
        compared(read_folders(folder))
    assert refused.value.code == "evaluation.empty"


def test_listed_pairs(tmp_path: Path) -> None:
    folder = make(tmp_path / "people", {f"p{number:02}": 2 for number in range(24)})
    rows = ["reference,probe,same"]
    rows += [f"p{number:02}/0.jpg,p{number:02}/1.jpg,1" for number in range(24)]
    rows += [f"p{number:02}/0.jpg,p{number + 1:02}/1.jpg,0" for number in range(0, 24, 2)]
    (folder / "pairs.csv").write_text("\n".join(rows))
    (folder / "p01" / "1.jpg").write_bytes(b"unreadable")  # out of both its pairs
    (folder / "p04" / "0.jpg").write_bytes(WALL)
    found = evaluate(compared(read_pairs(folder / "pairs.csv")), pack="sface", data="pairs", fmrs=(0.1,))
    counts = found.counts
    assert (counts.genuine, counts.genuine_lost, counts.impostors) == (23, 1, 12 - 2)
    assert (found.fmr_interval, found.fnmr_interval) == ("binomial", "binomial")
    [at] = [point.at for point in found.operating_points]
    scores = [
        vector(f"p{number:02}", 0) @ vector(f"p{number + 1:02}", 1)
        for number in range(0, 24, 2)
        if number not in (0, 4)
    ]
    assert at.fmr == pytest.approx(np.mean(np.array(scores) >= at.threshold)) == 0.1
    own = [vector(f"p{n:02}", 0) @ vector(f"p{n:02}", 1) for n in range(24) if n not in (1, 4)]
    assert at.false_non_matches == 1 + sum(score < at.threshold for score in own)
    assert found.ten_fold is None


def lfw(folder: Path, folds: int, pairs: int) -> Truth:
    """Folds in which people are with themselves, then with the next one."""
    lines, number = [f"{folds}\t{pairs}"], 0
    for _ in range(folds):
        people = [f"p{number + step:03}" for step in range(pairs)]
        number += pairs
        for who in people:
            (folder / who).mkdir(parents=True)
            for take in (1, 2):
                (folder / who / f"{who}_{take:04}.jpg").write_bytes(picture(who, take))
        lines += [f"{who}\t1\t2" for who in people]
        lines += [f"{who}\t1\t{people[place - 1]}\t2" for place, who in enumerate(people)]
    (folder / "pairs.txt").write_text("\n".join(lines))
    return read_lfw(folder / "pairs.txt", folder)


def test_folds(tmp_path: Path) -> None:
    found = compared(lfw(tmp_path / "lfw", 10, 12)).ten_fold
    assert found is not None
    assert len(found.folds) == len(found.thresholds) == 10
    for fold, (accuracy, threshold) in enumerate(zip(found.folds, found.thresholds, strict=True)):
        people = [f"p{12 * fold + step:03}" for step in range(12)]
        right = [vector(who, 1) @ vector(who, 2) >= threshold for who in people]
        right += [
            vector(who, 1) @ vector(people[place - 1], 2) < threshold for place, who in enumerate(people)
        ]
        assert accuracy == pytest.approx(np.mean(right))
    assert found.accuracy == pytest.approx(np.mean(found.folds))
    assert found.standard_error == pytest.approx(np.std(found.folds, ddof=1) / 10**0.5)


@pytest.mark.parametrize(("folds", "pairs"), [(10, 9), (40, 2), (1, 30)])
def test_folds_that_would_tell_of_single_people_or_are_one(folds: int, pairs: int, tmp_path: Path) -> None:
    truth = lfw(tmp_path / "lfw", folds, pairs)
    found = compared(truth)
    assert found.ten_fold is None
    assert found.comparisons.genuine == folds * pairs


# Groups


def labelled(folder: Path, labels: list[str], column: str = "region") -> Truth:
    truth = read_folders(crowd(folder / "people", len(labels)))
    rows = [f'p{number:02},"{label}"' for number, label in enumerate(labels)]
    (folder / "labels.csv").write_text("\n".join([f"person,{column}", *rows]), encoding="utf-8")
    return read_labels(folder / "labels.csv", truth)


def test_thresholds_of_the_worst_group(tmp_path: Path) -> None:
    found = compared(labelled(tmp_path, ["north", "south"] * 31))
    overall = evaluate(found, pack="sface", data="crowd", fmrs=(0.05,))
    worst = evaluate(found, pack="sface", data="crowd", fmrs=(0.05, 1e-6), in_worst_group=True)
    assert (overall.rule, worst.rule) == ("overall", "worst_group")
    [grouping] = overall.groupings
    assert grouping.groups == ("north", "south")
    [point], [lower] = worst.operating_points, overall.operating_points
    assert point.fmr_target == 0.05, "the groups support no FMR of a millionth"
    assert point.at.threshold == grouping.worst_group[0].at.threshold  # type: ignore[union-attr]
    at = worst.groupings[0].at[0]
    assert at.threshold == point.at.threshold
    assert 0.04 < max(each.fmr for each in at.rates if each.fmr is not None) <= 0.05
    assert lower.at.threshold != point.at.threshold


@pytest.mark.parametrize(
    "labels", [["north", "south", "east"] * 3, ["north", "south"] * 29], ids=["no group", "too few people"]
)
def test_no_worst_group(labels: list[str], tmp_path: Path) -> None:
    found = compared(labelled(tmp_path, labels))
    with pytest.raises(EvaluationError, match=r"found 1e-01, 1e-03, expected a larger rate") as refused:
        evaluate(found, pack="sface", data="crowd", fmrs=(0.1, 0.001), in_worst_group=True)
    assert refused.value.code == "evaluation.support"


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["north", "south"] * 10, None),
        (["north"] * 10 + ["south"] * 5 + ["east"] * 5, None),  # the two together are one
        (["north"] * 20, "found 1"),
        (["north"] * 19 + ["south"], "found 1"),
        ([f"r{number}" for number in range(20)], "found 1"),
        (["north"] * 9, "found 0"),
        (["north"] * 10 + ["x" * 93] * 10, "at most 100"),
        (["north"] * 10 + ["x" * 92] * 10, None),
        (["north"] * 10 + ["a\x1b[31m"] * 10, "printable"),
    ],
)
def test_whether_there_can_be_a_worst_group(labels: list[str], told: str | None, tmp_path: Path) -> None:
    truth = labelled(tmp_path, labels)
    if told is None:
        check_groups(truth)
        return
    with pytest.raises(EvaluationError, match=told) as refused:
        check_groups(truth)
    assert refused.value.code == "evaluation.labels"
    assert str(refused.value).isprintable()


def test_nothing_is_known_of_groups_where_none_were_given(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="found 0"):
        check_groups(read_folders(crowd(tmp_path / "people", 12)))


# Who is who leaves no trace


def test_the_order_of_people_changes_nothing(tmp_path: Path) -> None:
    """The draws of the bootstrap are known: intervals must not follow from who was drawn."""
    folder = crowd(tmp_path / "people", 40)
    before: dict[str, Any] = evaluate(compared(read_folders(folder)), pack="sface", data="crowd").to_dict()
    for number in range(40):
        (folder / f"p{number:02}").rename(folder / f"q{(number * 7) % 40:02}")
    after = evaluate(compared(read_folders(folder)), pack="sface", data="crowd").to_dict()
    assert after | {"seconds": None} == before | {"seconds": None}
