"""The curve: monotone, exact at the thresholds, never rounded over one."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.decision.calibration import Calibration, Mark, shipped
from visavis.packs.catalogue import PACKS
from visavis.service.doors.facepp.confidence import FACEID, FACEPP, Curve

# Section 3 of what is known of Face++: what its service answered from 2017 to 2022, and FaceID.
OBSERVED = {"1e-3": 62.327, "1e-4": 69.101, "1e-5": 73.975}
OBSERVED_FACEID = {"1e-3": 62.169, "1e-4": 69.315, "1e-5": 74.399, "1e-6": 78.038}


def calibration(pack: str = "sface") -> Calibration:
    text = resources.files("visavis.decision").joinpath(f"calibrations/{pack}.json").read_text("utf-8")
    return shipped(pack, json.loads(text)["fingerprint"])


CALIBRATION = calibration()
CURVE = Curve.through(CALIBRATION)


@pytest.mark.parametrize("pack", sorted(PACKS))
@pytest.mark.parametrize(("anchors", "observed"), [(FACEPP, OBSERVED), (FACEID, OBSERVED_FACEID)])
def test_measured_thresholds_fall_on_the_numbers_that_programs_know(
    pack: str, anchors: tuple[tuple[str, int], ...], observed: dict[str, float]
) -> None:
    found = calibration(pack)
    curve = Curve.through(found, anchors)
    assert curve.thresholds == observed
    for name, threshold in observed.items():
        at = found.threshold(float(name), extrapolate=True)
        assert curve(at) == threshold
        assert curve(math.nextafter(at, -1)) == round(threshold - 0.001, 3)
        assert curve(at + 1e-9) >= threshold
    # What ships supports 1 in 100,000 by counts; 1 in a million is the model's.
    assert curve.modelled == (("1e-6",) if anchors is FACEID else ())


def test_the_ends() -> None:
    assert (CURVE(1.0), CURVE(-1.0), CURVE(CALIBRATION.marks[0].threshold)) == (100.0, 0.0, 0.0)
    assert CURVE(math.nextafter(1.0, 0)) == 99.999


def test_it_never_falls_and_has_three_decimals() -> None:
    similarities = np.linspace(-1, 1, 200_001)
    confidences = [CURVE(float(similarity)) for similarity in similarities]
    assert all(low <= high for low, high in itertools.pairwise(confidences))
    assert all(each == round(each, 3) and len(repr(each).partition(".")[2]) <= 3 for each in confidences)
    assert (min(confidences), max(confidences)) == (0, 100)


@given(st.floats(-1, 1))
def test_it_reaches_a_threshold_exactly_where_the_similarity_does(similarity: float) -> None:
    for name, threshold in CURVE.thresholds.items():
        assert (CURVE(similarity) >= threshold) == (similarity >= CALIBRATION.threshold(float(name)))


def coarse(*marks: tuple[float, float]) -> Calibration:
    return replace(CALIBRATION, marks=tuple(Mark(at, rate, 1.0) for at, rate in marks), tail=None)


@pytest.mark.parametrize(
    ("marks", "known"),
    [
        (((0.1, 0.5), (0.4, 5e-5)), ["1e-3", "1e-4"]),
        (((0.1, 0.5), (0.3, 5e-4)), ["1e-3"]),
        (((0.1, 0.5), (0.3, 0.01)), []),
        (((0.3, 1e-4), (0.5, 1e-5)), ["1e-3", "1e-4", "1e-5"]),  # two rates at one similarity
        (((0.3, 0.1), (1.0, 1e-5)), ["1e-3", "1e-4"]),  # only a picture itself reaches the third
    ],
)
def test_a_rate_that_isnt_supported_has_no_threshold(
    marks: tuple[tuple[float, float], ...], known: list[str]
) -> None:
    found = coarse(*marks)
    curve = Curve.through(found)
    assert list(curve.thresholds) == known
    confidences = [curve(float(similarity)) for similarity in np.linspace(-1, 1, 2001)]
    assert confidences == sorted(confidences)
    assert (confidences[0], confidences[-1]) == (0, 100)
    for name in known:
        at = found.threshold(float(name))
        assert curve(at) >= curve.thresholds[name] > curve(math.nextafter(at, -1))
