from __future__ import annotations

import json
import math
from typing import Any

import pytest

from visavis.decision.policy import Policy
from visavis.errors import PolicyError


def test_the_defaults() -> None:
    assert Policy().to_dict() == {
        "fmr": 1e-4,
        "faces": "only",
        "min_inter_eye_px": 10.0,
        "min_confidence": 0.6,
        "max_disagreement": 0.6,
        "min_inside": 0.6,
        "extrapolate": False,
        "require_valid_document": False,
    }


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"fmr": 0.0}, "policy.fmr"),
        ({"fmr": -1e-4}, "policy.fmr"),
        ({"fmr": 0.1001}, "policy.fmr"),
        ({"fmr": 1.0}, "policy.fmr"),
        ({"fmr": math.nan}, "policy.fmr"),
        ({"fmr": math.inf}, "policy.fmr"),
        ({"fmr": "1e-4"}, "policy.fmr"),
        ({"fmr": None}, "policy.fmr"),
        ({"fmr": True}, "policy.fmr"),
        ({"fmr": 10**400}, "policy.fmr"),
        ({"extrapolate": None}, "policy.extrapolate"),
        ({"extrapolate": 1}, "policy.extrapolate"),
        ({"extrapolate": "yes"}, "policy.extrapolate"),
        ({"faces": "best"}, "policy.faces"),
        ({"faces": "largest-central"}, "policy.faces"),
        ({"faces": ""}, "policy.faces"),
        ({"min_inter_eye_px": -1}, "policy.min_inter_eye_px"),
        ({"min_inter_eye_px": 10_001}, "policy.min_inter_eye_px"),
        ({"min_confidence": -0.01}, "policy.min_confidence"),
        ({"min_confidence": 1.01}, "policy.min_confidence"),
        ({"max_disagreement": -0.1}, "policy.max_disagreement"),
        ({"max_disagreement": math.nan}, "policy.max_disagreement"),
        ({"min_inside": 1.01}, "policy.min_inside"),
        ({"enforce_detection": False}, "policy.unknown"),
    ],
)
def test_rules_that_make_no_sense(rules: dict[str, Any], code: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_dict(rules)
    assert caught.value.code == code
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    "rules",
    [
        {"fmr": 0.1},
        {"fmr": 1e-300},
        {"min_inter_eye_px": 0},
        {"min_inter_eye_px": 10_000},
        {"min_confidence": 0},
        {"min_confidence": 1},
        {"max_disagreement": 0},
        {"max_disagreement": 10},
        {"faces": "largest_central"},
        {"fmr": 1e-7, "extrapolate": True},
    ],
)
def test_the_ends_of_each_range_and_the_way_through_json(rules: dict[str, Any]) -> None:
    policy = Policy.from_dict(rules)
    assert Policy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy == Policy(**rules)
