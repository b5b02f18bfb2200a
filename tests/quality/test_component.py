from __future__ import annotations

import dataclasses
import math

import pytest

from visavis.quality.component import NAMES, OWN, STANDARD, Component, sigmoid


@pytest.mark.parametrize(
    ("x", "expected"),
    # By hand: 1 / (1 + e^((2 - x) / 0.5)).
    [(2, 0.5), (2.5, 0.731059), (1.5, 0.268941), (3, 0.880797), (1e9, 1.0), (-1e9, 0.0)],
)
def test_sigmoid(x: float, expected: float) -> None:
    assert sigmoid(x, 2, 0.5) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("score", "expected"), [(-3.0, 0.0), (0.0, 0.0), (41.5, 41.5), (100.2, 100.0)])
def test_scores_are_clipped(score: float, expected: float) -> None:
    component = Component.measured("luminance_mean", 0.25, score)
    assert component == Component("luminance_mean", "7.3.4.2", 0.25, expected)


def test_what_failed_has_no_number() -> None:
    failed = Component.failed("head_size", "no chin")
    assert (failed.native, failed.score, failed.clause) == (None, None, "7.4.9")
    assert failed.to_dict() == {"clause": "7.4.9", "native": None, "score": None, "problem": "no chin"}


@pytest.mark.parametrize(
    ("native", "score", "problem"),
    [
        (None, None, None),
        (1.0, None, None),
        (None, 50.0, None),
        (math.nan, 50.0, None),
        (math.inf, 50.0, None),
        (1.0, math.nan, None),
        (1.0, -1.0, None),
        (1.0, 100.1, None),
        (1.0, 0.0, "why"),
        (None, -1.0, "why"),
    ],
)
def test_a_component_is_measured_or_failed(
    native: float | None, score: float | None, problem: str | None
) -> None:
    with pytest.raises(ValueError, match="a measured component or a failure to assess"):
        Component("luminance_mean", "7.3.4.2", native, score, problem)


def test_plain_data_is_rounded() -> None:
    data = Component.measured("sharpness_proxy", -1.234567, 98.7654).to_dict()
    assert data == {"clause": None, "native": -1.235, "score": 98.8, "problem": None}


def test_names() -> None:
    assert len(NAMES) == len(set(NAMES)) == len(STANDARD) + len(OWN)
    # OFIQ 1.0.3 has 27 components beside the unified score (identifiers 0x42 to 0x5C).
    assert len(STANDARD) == 0x5C - 0x42 + 1
    clauses = [tuple(map(int, clause.split("."))) for clause in STANDARD.values()]
    assert clauses == sorted(clauses)


def test_a_component_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Component.failed("head_size", "no chin").score = 1.0  # type: ignore[misc]
