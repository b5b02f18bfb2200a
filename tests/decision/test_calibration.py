from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.decision import calibration as module
from visavis.decision.calibration import MAX_BYTES, Calibration, Data, Mark, Rate, load, shipped
from visavis.decision.checks import LONGEST_NAME
from visavis.decision.tail import REACH, Tail, Transfer
from visavis.errors import PackError, PolicyError
from visavis.packs.catalogue import PACKS, find_pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = {
    "name": "toy",
    "description": "a toy",
    "people": 1_000,
    "pictures": 5_000,
    "impostor_comparisons": 12_500_000,
    "genuine_comparisons": 10_000,
    "without_face": 3,
}
MARKS = [[0.0, 0.5, 0.6], [0.2, 0.01, 0.02], [0.3, 0.001, 0.004], [0.5, 1e-5, 3e-5]]


KNOTS = [[-0.1, -2.0], [0.1, -1.0], [0.3, 1.0], [0.4, 4.0], [0.6, 4.0], [0.7, 5.0]]
TRANSFER = {"fmr": 1e-4, "ratio": 1.5, "low": 0.5, "high": 3.0, "splits": 10}
TAIL = {"start": 0.4, "fmr": 2e-4, "scale": 0.03, "transfers": [TRANSFER]}


def plain(**changes: Any) -> dict[str, Any]:
    """A calibration's file, with the digest that fits: made here as the documentation says, by other code."""
    whole = {
        "pack": "toy",
        "fingerprint": "f" * 16,
        "data": DATA,
        "method": "guessed",
        "marks": MARKS,
        "rule": "overall",
        "groups": [],
        "likelihood": [],
        "tail": None,
    }
    whole |= changes
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return {"digest": hashlib.sha256(canonical.encode()).hexdigest(), **whole}


TOY = Calibration.from_dict(plain())
KNOTTED = Calibration.from_dict(plain(likelihood=KNOTS))
TAILED = Calibration.from_dict(plain(tail=TAIL))
WORST = Calibration.from_dict(plain(rule="worst_group", groups=["branch A", "Zweigstelle Süd"]))


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    """Marks of any shape that a measurement could give."""
    steps = draw(st.lists(st.tuples(st.integers(1, 1000), st.floats(0.1, 1.1)), min_size=2, max_size=12))
    total = sum(width for width, _ in steps)
    threshold, exponent, marks = -0.5, -draw(st.floats(0, 1)), []
    for width, fall in steps:
        fmr = 10**exponent
        marks.append([threshold, fmr, min(1.0, 1.5 * fmr)])
        threshold, exponent = threshold + 1.4 * width / total, exponent - fall
    return Calibration.from_dict(plain(marks=marks))


# Between similarity and rate


@pytest.mark.parametrize(("threshold", "fmr", "upper"), MARKS)
def test_at_the_marks_both_ways_are_exact(threshold: float, fmr: float, upper: float) -> None:
    assert TOY.threshold(fmr) == pytest.approx(threshold, abs=1e-12)
    rate = TOY.rate(threshold)
    assert rate.fmr == pytest.approx(fmr, rel=1e-12)
    assert rate.upper == pytest.approx(upper, rel=1e-12)


def test_between_the_marks_by_hand() -> None:
    # Halfway between 0.2 and 0.3: the geometric mean of 1e-2 and 1e-3, and of 0.02 and 0.004.
    rate = TOY.rate(0.25)
    assert rate.fmr == pytest.approx(10**-2.5)
    assert rate.upper == pytest.approx(math.sqrt(0.02 * 0.004))
    assert TOY.threshold(10**-2.5) == pytest.approx(0.25)


def test_beyond_the_last_mark_there_is_only_a_bound() -> None:
    assert TOY.rate(0.5 + 1e-9) == Rate(None, 3e-5)
    assert TOY.rate(1.0) == Rate(None, 3e-5)
    assert TOY.finest == 1e-5


def test_below_the_first_mark_every_comparison_may_reach_it() -> None:
    assert TOY.rate(-1e-9) == TOY.rate(-1.0) == Rate(1.0, 1.0)
    assert TOY.threshold(0.7) == 0.0


@pytest.mark.parametrize("fmr", [9.99e-6, 1e-6, 1e-12, 0.0])
def test_no_promise_finer_than_the_data(fmr: float) -> None:
    with pytest.raises(PolicyError) as caught:
        TOY.threshold(fmr)
    assert caught.value.code == "policy.fmr_unsupported"
    assert "1.0e-05 or more" in str(caught.value)
    assert "5,000 pictures of 1,000 people" in str(caught.value)


@pytest.mark.parametrize(
    ("finest", "told"), [(1.2e-6, "1.2e-06"), (1.24e-6, "1.3e-06"), (9.94e-6, "1.0e-05")]
)
def test_the_rate_that_a_refusal_names_can_be_had(finest: float, told: str) -> None:
    calibration = Calibration.from_dict(plain(marks=[*MARKS[:3], [0.5, finest, 3e-5]]))
    with pytest.raises(PolicyError, match=f"expected {told} or more"):
        calibration.threshold(1e-12)
    assert calibration.threshold(float(told)) <= 0.5


@given(calibrations(), st.floats(0, 1))
def test_rate_undoes_threshold(calibration: Calibration, share: float) -> None:
    first = calibration.marks[0].fmr
    fmr = max(calibration.finest, first * (calibration.finest / first) ** share)
    similarity = calibration.threshold(fmr) - 1e-12
    below = similarity < calibration.marks[0].threshold  # that hair's breadth leaves what was measured
    assert calibration.rate(similarity).fmr == (1 if below else pytest.approx(fmr, rel=1e-4))


@given(calibrations(), st.floats(-1, 1), st.floats(-1, 1))
def test_the_more_alike_the_rarer(calibration: Calibration, one: float, other: float) -> None:
    low, high = (calibration.rate(similarity) for similarity in sorted((one, other)))
    assert high.upper <= low.upper * (1 + 1e-9)
    if high.fmr is not None:
        assert low.fmr is not None
        assert high.fmr <= low.fmr * (1 + 1e-9)
        assert high.fmr <= high.upper * (1 + 1e-9)


@given(calibrations(), st.floats(0, 1), st.floats(0, 1))
def test_the_stricter_the_higher(calibration: Calibration, one: float, other: float) -> None:
    strict, loose = sorted(calibration.finest ** max(share, 1e-9) for share in (one, other))
    assert calibration.threshold(strict) >= calibration.threshold(loose) - 1e-12


@given(calibrations(), st.floats(-1, 1), st.floats(0, 1))
def test_a_match_is_a_rate_within_the_policy(
    calibration: Calibration, similarity: float, share: float
) -> None:
    policy = calibration.finest ** max(share, 1e-9)
    matches = similarity >= calibration.threshold(policy)
    fmr = calibration.rate(similarity).fmr
    if fmr is None:
        assert matches
    elif abs(fmr / policy - 1) > 1e-6:
        assert matches == (fmr <= policy)


# Beyond the data, by a model


def test_beyond_the_last_mark_the_tail_is_a_model_beside_the_bound() -> None:
    # 2e-4 * exp(-(0.52 - 0.4) / 0.03) = 2e-4 * e^-4 = 3.663e-6
    rate = TAILED.rate(0.52)
    assert (rate.fmr, rate.upper) == (None, 3e-5)
    assert rate.modelled == pytest.approx(3.663e-6, rel=1e-3)
    assert TAILED.rate(0.5).modelled is None
    assert TAILED.rate(0.3).modelled is None
    assert TOY.rate(0.52).modelled is None


def test_a_model_never_says_more_than_the_count_nor_beyond_its_reach() -> None:
    slow = Calibration.from_dict(plain(tail=TAIL | {"fmr": 0.4, "scale": 1.0}))
    assert slow.rate(0.52).modelled == 1e-5  # it would say 0.35, where less was counted before
    assert TAILED.finest_modelled == pytest.approx(1e-5 / REACH)
    assert TAILED.rate(0.99).modelled == pytest.approx(1e-7)  # it would say 6e-13
    assert TOY.finest_modelled == TOY.finest == 1e-5


@pytest.mark.parametrize(
    ("fmr", "threshold"),
    [
        (1e-6, 0.4 + 0.03 * math.log(200)),  # 0.559
        (1e-7, 0.4 + 0.03 * math.log(2000)),  # 0.628: the last that is within reach
        (9.9e-6, 0.5),  # the model would say 0.490, below the mark where the count already said 1e-5
    ],
)
def test_a_threshold_by_the_model(fmr: float, threshold: float) -> None:
    assert TAILED.threshold(fmr, extrapolate=True) == pytest.approx(threshold, abs=1e-12)
    assert not TAILED.supports(fmr)
    with pytest.raises(PolicyError, match=r"1\.0e-05 or more"):
        TAILED.threshold(fmr)


def test_where_the_data_supports_a_rate_the_model_changes_nothing() -> None:
    for fmr in (0.5, 1e-2, 1e-4, 1e-5):
        assert TAILED.supports(fmr)
        assert TAILED.threshold(fmr, extrapolate=True) == TAILED.threshold(fmr) == TOY.threshold(fmr)


@pytest.mark.parametrize(
    ("tail", "fmr", "told"),
    [
        (TAIL, 9.9e-8, "1.0e-07 or more with its model, which reaches at most 100 times beyond the data"),
        (TAIL, 0.0, "1.0e-07 or more"),
        (None, 9.9e-6, "1.0e-05 or more, as it has no model of the tail"),
        # At similarity 1 this one has 0.01 * exp(-0.6 / 0.08) = 5.53e-6 left: no similarity reaches less.
        (TAIL | {"fmr": 0.01, "scale": 0.08}, 5.5e-6, "5.6e-06 or more with its model"),
    ],
)
def test_what_even_the_model_refuses(tail: dict[str, Any] | None, fmr: float, told: str) -> None:
    with pytest.raises(PolicyError, match=told) as caught:
        Calibration.from_dict(plain(tail=tail)).threshold(fmr, extrapolate=True)
    assert caught.value.code == "policy.fmr_unsupported"


@given(st.floats(0.05, 0.5), st.floats(1e-5, 1), st.floats(0.003, 1), st.floats(0, 1), st.floats(-1, 1))
def test_a_modelled_match_is_a_modelled_rate_within_the_policy(
    start: float, fmr: float, scale: float, share: float, similarity: float
) -> None:
    tail = {"start": start, "fmr": fmr, "scale": scale, "transfers": [TRANSFER]}
    calibration = Calibration.from_dict(plain(tail=tail))
    policy = calibration.finest * (calibration.finest_modelled / calibration.finest) ** share
    threshold = calibration.threshold(policy, extrapolate=True)
    assert calibration.marks[-1].threshold <= threshold <= 1
    rate = calibration.rate(similarity)
    if rate.modelled is not None and abs(similarity - threshold) > 1e-9:
        assert (similarity > threshold) == (rate.modelled <= policy * (1 + 1e-9))
        assert calibration.finest_modelled <= rate.modelled <= calibration.finest <= rate.upper


# Likelihood ratios


@pytest.mark.parametrize(
    ("similarity", "llr", "is_bound"),
    [
        (-1.0, -2.0, True),
        (-0.1, -2.0, True),
        (0.0, -1.5, False),  # halfway between two knots
        (0.2, 0.0, False),
        (0.3, 1.0, False),
        (0.325, 1.75, False),  # a quarter of the way from 1 to 4
        (0.5, 4.0, False),
        (0.7, 5.0, True),
        (1.0, 5.0, True),
    ],
)
def test_the_likelihood_ratio_of_a_similarity(similarity: float, llr: float, is_bound: bool) -> None:
    assert KNOTTED.llr(similarity) == pytest.approx(llr)
    assert KNOTTED.llr_is_bound(similarity) == is_bound


def test_the_likelihood_ratio_is_interpolated_as_numpy_does() -> None:
    similarities, ratios = np.array(KNOTS).T
    for similarity in np.linspace(-1, 1, 201):
        expected = np.interp(similarity, similarities, ratios)
        assert KNOTTED.llr(float(similarity)) == pytest.approx(expected, abs=1e-12)


def test_without_knots_there_is_no_likelihood_ratio() -> None:
    assert TOY.llr(0.5) is None
    assert not TOY.llr_is_bound(0.5)


# As a file


@pytest.mark.parametrize("calibration", [TOY, KNOTTED, TAILED, WORST])
def test_the_way_through_json(calibration: Calibration) -> None:
    again = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict(), allow_nan=False)))
    assert again == calibration
    assert again.digest == calibration.digest


def test_the_file_is_the_plain_data() -> None:
    assert TOY.to_dict() == plain()
    assert TAILED.to_dict() == plain(tail=TAIL)


def test_a_file_may_be_laid_out_anew() -> None:
    """Order, spaces, and another way to write a number change no digest."""
    file = {key: plain()[key] for key in sorted(plain(), reverse=True)}
    text = json.dumps(file, indent=4).replace("0.0,", "0,").replace("1e-05", "0.000010")
    assert "0.000010" in text
    assert Calibration.from_dict(json.loads(text)) == TOY


CHANGES: list[dict[str, Any]] = [
    {"pack": "sface"},
    {"fingerprint": "e" * 16},
    {"data": DATA | {"people": 1_001}},
    {"method": "measured"},
    {"marks": [*MARKS[:3], [0.5, 1e-5, 2e-5]]},
    {"rule": "worst_group", "groups": ["a", "b"]},
    {"likelihood": KNOTS},
    {"tail": TAIL},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_whatever_is_changed_afterwards_is_noticed(change: dict[str, Any]) -> None:
    others: list[Any] = [TOY.digest, TOY.digest.upper(), "", None, 7, [], {}]
    for digest in others:
        with pytest.raises(PackError, match="changed after it was written") as caught:
            Calibration.from_dict(plain() | change | {"digest": digest})
        assert caught.value.code == "calibration.damaged"
    assert Calibration.from_dict(plain(**change)).digest != TOY.digest


def test_who_loads_it_says_whose_it_is() -> None:
    assert TOY.origin == "operator"
    assert Calibration.from_dict(plain(), origin="shipped") == TOY
    with pytest.raises(PackError, match="more than it should"):
        Calibration.from_dict(plain(origin="shipped"))


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        [],
        None,
        "calibration",
        7,
        {key: value for key, value in plain().items() if key != "fingerprint"},
        {key: value for key, value in plain().items() if key != "digest"},
        plain(more=1),
        plain(pack=7),
        plain(pack=""),
        plain(fingerprint=None),
        plain(method=["a"]),
        plain(method="two\nlines"),
        plain(method="x" * 10_000),
        plain(data={**DATA, "name": "MATCH\nMATCH"}),
        plain(data={**DATA, "name": "\x1b[2J"}),
        plain(data={**DATA, "name": "gpj.\u202etrap"}),
        plain(data={**DATA, "name": "\ud800"}),
        plain(data={**DATA, "name": "x" * (LONGEST_NAME + 1)}),
        plain(data={**DATA, "people": "1000"}),
        plain(data={**DATA, "people": 1000.0}),
        plain(data={**DATA, "people": True}),
        plain(data={**DATA, "people": -1}),
        plain(data={**DATA, "people": 10**400}),
        plain(data=[*DATA.values()]),
        plain(marks={}),
        plain(marks="[[0, 1, 1]]"),
        plain(marks=[None, None]),
        plain(marks=[*MARKS[:3], [0.5, 1e-5, 3e-5, 1]]),
        plain(marks=[*MARKS[:3], [True, 1e-5, 3e-5]]),
        plain(marks=[*MARKS[:3], [0.5, None, 3e-5]]),
        plain(marks=[*MARKS[:3], [0.5, [1e-5], 3e-5]]),
        plain(marks=[*MARKS[:3], [10**400, 1e-5, 3e-5]]),
        plain(marks=[*MARKS[:3], [1.5, 1e-5, 3e-5]]),
        plain(marks=[*MARKS[:3], [0.5, 1e-320, 3e-5]]),  # 1 over it is no number
        plain(rule="best_group"),
        plain(rule=None),
        plain(rule=["overall"]),
        plain(groups=["a", "b"]),  # and overall
        plain(rule="worst_group"),
        plain(rule="worst_group", groups=["a"]),
        plain(rule="worst_group", groups=["a", "a"]),
        plain(rule="worst_group", groups=["a", ""]),
        plain(rule="worst_group", groups=["a", 7]),
        plain(rule="worst_group", groups=["a", ["b"]]),
        plain(rule="worst_group", groups=["a", "b\r"]),
        plain(rule="worst_group", groups="ab"),
        plain(likelihood=None),
        plain(likelihood=[[0.1, 1.0]]),
        plain(likelihood=[[0.1], [0.2]]),
        plain(likelihood=[[0.1, -1.0], [0.1, 1.0]]),
        plain(likelihood=[[0.1, -1.0], [0.2, 2.0], [0.3, 1.0]]),
        plain(likelihood=[[0.1, 0.5], [0.2, 2.0]]),  # whatever was seen spoke for one person
        plain(likelihood=[[0.1, -2.0], [0.2, -0.5]]),
        plain(likelihood=[[0.1, -1.0], [0.2, math.nan]]),
        plain(likelihood=[[0.1, -math.inf], [0.2, 1.0]]),
        plain(likelihood=[[0.1, -1.0], [0.2, 1e9]]),
        plain(likelihood=[[0.1, -1.0], ["0.2", 1.0]]),
        plain(likelihood=[[-3.0, -1.0], [0.2, 1.0]]),
        plain(tail=[]),
        plain(tail={}),
        plain(tail=TAIL | {"shape": 0.1}),
        plain(tail=TAIL | {"start": 0.51}),  # beyond the last mark
        plain(tail=TAIL | {"start": -2.0}),
        plain(tail=TAIL | {"start": "0.4"}),
        plain(tail=TAIL | {"fmr": 0.0}),
        plain(tail=TAIL | {"fmr": 9e-6}),  # finer than the finest mark
        plain(tail=TAIL | {"fmr": math.nan}),
        plain(tail=TAIL | {"scale": 0.0}),
        plain(tail=TAIL | {"scale": -0.1}),
        plain(tail=TAIL | {"scale": math.inf}),
        plain(tail=TAIL | {"scale": True}),
        plain(tail=TAIL | {"transfers": []}),
        plain(tail=TAIL | {"transfers": None}),
        plain(tail=TAIL | {"transfers": [[1e-4, 1.5, 0.5, 3.0, 10]]}),
        plain(tail=TAIL | {"transfers": [TRANSFER | {"more": 1}]}),
        plain(tail=TAIL | {"transfers": [TRANSFER | {"fmr": 0}]}),
        plain(tail=TAIL | {"transfers": [TRANSFER | {"low": 2.0}]}),
        plain(tail=TAIL | {"transfers": [TRANSFER | {"high": 1.0}]}),
        plain(tail=TAIL | {"transfers": [TRANSFER | {"low": -0.1}]}),
        plain(tail=TAIL | {"transfers": [TRANSFER | {"high": math.inf}]}),
        plain(tail=TAIL | {"transfers": [TRANSFER | {"splits": 0}]}),
        plain(tail=TAIL | {"transfers": [TRANSFER | {"splits": 2.5}]}),
        plain(marks=[]),
        plain(marks=MARKS[:1]),
        plain(marks=None),
        plain(marks=[[0.1, 0.2], [0.3, 0.1]]),
        plain(marks=[*MARKS[:2], ["0.3", 0.001, 0.004]]),
        plain(marks=[MARKS[1], MARKS[0]]),
        plain(marks=[MARKS[0], MARKS[0]]),
        plain(marks=[[0.0, 0.1, 0.1], [0.1, 0.2, 0.2]]),  # FMR rises
        plain(marks=[[0.0, 0.1, 0.1], [0.1, 0.0, 0.1]]),  # none can be claimed
        plain(marks=[[0.0, 0.1, 0.1], [0.1, -0.1, 0.1]]),
        plain(marks=[[0.0, math.nan, 0.1], [0.1, 0.01, 0.1]]),
        plain(marks=[[0.0, 0.1, 0.1], [math.nan, 0.01, 0.1]]),
        plain(marks=[[0.0, 0.1, 0.1], [math.inf, 0.01, 0.1]]),
        plain(marks=[[0.0, 0.1, 0.1], [0.1, 0.01, 0.001]]),  # a bound below its rate
        plain(marks=[[0.0, 0.1, 0.1], [0.1, 0.01, math.nan]]),
        plain(data={}),
        plain(data=None),
        plain(data={**DATA, "more": 1}),
    ],
)
def test_a_damaged_calibration(damaged: Any) -> None:
    with pytest.raises(PackError) as caught:
        Calibration.from_dict(damaged)
    assert caught.value.code == "calibration.damaged"
    assert "changed after" not in str(caught.value), "each has a digest that fits"
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_what_is_made_in_python_is_looked_at_too() -> None:
    for make in (
        lambda: Mark(0.1, 0.2, math.nan),
        lambda: Data("", "a toy", 1, 1, 1, 1, 1),
        lambda: Transfer(1e-4, 4.0, 0.5, 3.0, 10),
        lambda: Tail(0.4, 2e-4, 0.03, ()),
        lambda: dataclasses.replace(TOY, marks=()),
        lambda: dataclasses.replace(TOY, groups=("a", "b")),
    ):
        with pytest.raises(PackError) as caught:
            make()
        assert caught.value.code == "calibration.damaged"


# An operator's file


def put_file(folder: Path, content: str | bytes) -> Path:
    path = folder / "ours.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_an_operators_calibration(tmp_path: Path) -> None:
    path = put_file(tmp_path, json.dumps(plain(tail=TAIL), indent=1))
    for given_as in (path, str(path)):
        calibration = load(given_as, pack="toy", fingerprint="f" * 16)
        assert calibration == TAILED
        assert calibration.origin == "operator"


def test_numbers_made_by_numpy_are_written_as_any_others(tmp_path: Path) -> None:
    marks = tuple(Mark(*map(np.float64, mark)) for mark in MARKS)
    made = dataclasses.replace(TOY, marks=marks)
    assert made.digest == TOY.digest
    path = put_file(tmp_path, json.dumps(made.to_dict()))
    assert load(path, pack="toy", fingerprint="f" * 16) == TOY


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"", "calibration.damaged", "isn't JSON"),
        (b"\xff\xfe\x00", "calibration.damaged", "isn't JSON"),
        (b"\x89PNG\r\n\x1a\n", "calibration.damaged", "isn't JSON"),
        (json.dumps(plain())[:200], "calibration.damaged", "isn't JSON"),
        ("[" * 200_000, "calibration.damaged", "isn't JSON"),
        ("1" * 10_000, "calibration.damaged", "isn't JSON"),
        ("{}", "calibration.damaged", "lacks pack"),
        ("[]", "calibration.damaged", "found list of 0"),
        ("NaN", "calibration.damaged", "found nan"),
        (json.dumps(plain(pack="other")), "calibration.other_pack", "found other ffffffffffffffff"),
        (json.dumps(plain(fingerprint="0" * 16)), "calibration.other_pack", "found toy 0000000000000000"),
        (json.dumps(plain()).replace("0.004", "0.002"), "calibration.damaged", "changed after"),
        (b" " * (MAX_BYTES + 1), "calibration.too_large", "at most 1,048,576 bytes"),
        (b" " * MAX_BYTES, "calibration.damaged", "isn't JSON"),
    ],
)
def test_an_operators_file_that_cannot_be_used(
    content: str | bytes, code: str, told: str, tmp_path: Path
) -> None:
    path = put_file(tmp_path, content)
    with pytest.raises(PackError) as caught:
        load(path, pack="toy", fingerprint="f" * 16)
    assert caught.value.code == code
    assert told in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nothing.json", "calibration.no_file"),
        ("ours.json/below.json", "calibration.no_file"),
        ("\0.json", "calibration.no_file"),
        ("\x1b[31m\n.json", "calibration.no_file"),
        (".", "calibration.unreadable"),
        ("pipe", "calibration.unreadable"),
        ("x" * 5000, "calibration.unreadable"),
    ],
)
def test_a_path_where_no_file_can_be_read(name: str, code: str, tmp_path: Path) -> None:
    put_file(tmp_path, json.dumps(plain()))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PackError) as caught:
        load(f"{tmp_path}/{name}", pack="toy", fingerprint="f" * 16)
    assert caught.value.code == code
    assert str(caught.value).isprintable()


# Those that ship


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes a shipped calibration, into a folder where there are no others."""
    (tmp_path / "calibrations").mkdir()
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    shipped.cache_clear()

    def write(pack: str, text: str) -> None:
        (tmp_path / "calibrations" / f"{pack}.json").write_text(text)

    yield write
    shipped.cache_clear()


def test_a_shipped_calibration(put: Callable[[str, str], None]) -> None:
    put("toy", json.dumps(plain()))
    assert shipped("toy", "f" * 16) == TOY
    assert shipped("toy", "f" * 16).origin == "shipped"


@pytest.mark.parametrize(
    ("text", "fingerprint", "code"),
    [
        (None, "f" * 16, "calibration.missing"),
        (json.dumps(plain()), "0" * 16, "calibration.other_pack"),
        (json.dumps(plain(pack="other")), "f" * 16, "calibration.other_pack"),
        (json.dumps(plain()).replace("0.004", "0.002"), "f" * 16, "calibration.damaged"),
        ("", "f" * 16, "calibration.damaged"),
        (json.dumps(plain())[:200], "f" * 16, "calibration.damaged"),
        ("[]", "f" * 16, "calibration.damaged"),
        ("{}", "f" * 16, "calibration.damaged"),
    ],
)
def test_a_shipped_calibration_that_cannot_be_used(
    put: Callable[[str, str], None], text: str | None, fingerprint: str, code: str
) -> None:
    if text is not None:
        put("toy", text)
    with pytest.raises(PackError) as caught:
        shipped("toy", fingerprint)
    assert caught.value.code == code


@pytest.mark.parametrize("pack", PACKS)
def test_each_pack_ships_its_own_calibration(pack: str) -> None:
    calibration = shipped(pack, find_pack(pack).fingerprint)
    assert (calibration.pack, calibration.origin) == (pack, "shipped")
    assert calibration.finest <= 1e-5, "the default policy and ten times stricter can be had"
    assert calibration.finest * calibration.data.impostor_comparisons >= 30 * (1 - 1e-9), "rule of 30"
    assert calibration.data.people > 1000
    assert -0.2 < calibration.threshold(1e-3) < calibration.threshold(1e-4) < 0.8
    for mark in calibration.marks:
        assert mark.fmr <= mark.fmr_upper <= 1


def test_no_calibration_without_a_pack() -> None:
    folder = Path(module.__file__).parent / "calibrations"
    assert {path.stem for path in folder.iterdir()} == set(PACKS)
