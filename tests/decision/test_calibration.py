from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.decision import calibration as module
from visavis.decision.calibration import Calibration, Rate, shipped
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


def plain(**changes: Any) -> dict[str, Any]:
    whole = {"pack": "toy", "fingerprint": "f" * 16, "data": DATA, "method": "guessed", "marks": MARKS}
    return whole | changes


TOY = Calibration.from_dict(plain())


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    """Marks of any shape that a measurement could give."""
    steps = draw(st.lists(st.tuples(st.integers(1, 1000), st.floats(0.1, 3)), min_size=2, max_size=12))
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


@given(calibrations(), st.floats(0, 1))
def test_rate_undoes_threshold(calibration: Calibration, share: float) -> None:
    first = calibration.marks[0].fmr
    fmr = max(calibration.finest, first * (calibration.finest / first) ** share)
    rate = calibration.rate(calibration.threshold(fmr) - 1e-12)
    assert rate.fmr == pytest.approx(fmr, rel=1e-4) or fmr == first


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


# As a file


def test_the_way_through_json() -> None:
    assert Calibration.from_dict(json.loads(json.dumps(TOY.to_dict()))) == TOY
    assert TOY.to_dict() == plain()


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {key: value for key, value in plain().items() if key != "fingerprint"},
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
    ids=lambda damaged: str(damaged.get("marks", damaged.get("data", "missing")))[:40],
)
def test_a_damaged_calibration(damaged: dict[str, Any]) -> None:
    with pytest.raises(PackError) as caught:
        Calibration.from_dict(damaged)
    assert caught.value.code == "calibration.damaged"


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


@pytest.mark.parametrize(
    ("text", "fingerprint", "code"),
    [
        (None, "f" * 16, "calibration.missing"),
        (json.dumps(plain()), "0" * 16, "calibration.other_pack"),
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
    assert calibration.pack == pack
    assert calibration.finest <= 1e-5, "the default policy and ten times stricter can be had"
    assert calibration.finest * calibration.data.impostor_comparisons >= 30 * (1 - 1e-9), "rule of 30"
    assert calibration.data.people > 1000
    assert -0.2 < calibration.threshold(1e-3) < calibration.threshold(1e-4) < 0.8
    for mark in calibration.marks:
        assert mark.fmr <= mark.fmr_upper <= 1


def test_no_calibration_without_a_pack() -> None:
    folder = Path(module.__file__).parent / "calibrations"
    assert {path.stem for path in folder.iterdir()} == set(PACKS)
