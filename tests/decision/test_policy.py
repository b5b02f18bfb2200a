from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from typing import Any

import pytest

from visavis.decision.policy import Policy
from visavis.errors import PolicyError
from visavis.quality.profiles import PROFILES


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
        "quality": None,
        "reference_quality": None,
        "floors": {},
        "liveness": "off",
        "liveness_threshold": None,
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
        ({"quality": "passport"}, "policy.quality"),
        ({"quality": ""}, "policy.quality"),
        ({"quality": True}, "policy.quality"),
        ({"quality": ["selfie"]}, "policy.quality"),
        ({"quality": {"selfie": 1}}, "policy.quality"),
        ({"reference_quality": "document-portrait"}, "policy.reference_quality"),
        ({"reference_quality": 0}, "policy.reference_quality"),
        ({"floors": None}, "policy.floors"),
        ({"floors": [["sharpness_proxy", 10]]}, "policy.floors"),
        ({"floors": "sharpness_proxy=10"}, "policy.floors"),
        ({"floors": {"beauty": 10}}, "policy.floors"),
        ({"floors": {"eyes_open": 10}}, "policy.floors"),  # of the standard, and never measured
        ({"floors": {7: 10}}, "policy.floors"),
        ({"floors": {"sharpness_proxy": -0.1}}, "policy.floors"),
        ({"floors": {"sharpness_proxy": 100.1}}, "policy.floors"),
        ({"floors": {"sharpness_proxy": math.nan}}, "policy.floors"),
        ({"floors": {"sharpness_proxy": "50"}}, "policy.floors"),
        ({"floors": {"sharpness_proxy": None}}, "policy.floors"),
        ({"floors": {"sharpness_proxy": True}}, "policy.floors"),
        ({"floors": {"unified_score": 10**400}}, "policy.floors"),
        ({"liveness": "required"}, "policy.liveness"),
        ({"liveness": True}, "policy.liveness"),
        ({"liveness": None}, "policy.liveness"),
        ({"liveness": []}, "policy.liveness"),
        ({"liveness_threshold": 0}, "policy.liveness_threshold"),
        ({"liveness_threshold": 1.01}, "policy.liveness_threshold"),
        ({"liveness_threshold": math.nan}, "policy.liveness_threshold"),
        ({"liveness_threshold": "0.5"}, "policy.liveness_threshold"),
        ({"liveness_threshold": False}, "policy.liveness_threshold"),
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
        {"quality": "selfie", "reference_quality": "icao_portrait"},
        {"floors": {"sharpness_proxy": 0, "unified_score": 100}},
        {"floors": {"unified_score": 50.5}, "liveness": "assess"},
        {"liveness": "require", "liveness_threshold": 1},
    ],
)
def test_the_ends_of_each_range_and_the_way_through_json(rules: dict[str, Any]) -> None:
    policy = Policy.from_dict(rules)
    assert Policy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy == Policy(**rules)


def test_a_policy_of_an_older_version_still_reads() -> None:
    old = {"fmr": 1e-5, "faces": "only", "min_inter_eye_px": 10.0, "min_confidence": 0.6}
    old |= {"max_disagreement": 0.6, "min_inside": 0.6, "extrapolate": False, "require_valid_document": True}
    assert Policy.from_dict(old) == Policy(fmr=1e-5, require_valid_document=True)


def test_floors_stay_as_they_were_given_whatever_becomes_of_the_mapping() -> None:
    given = {"unified_score": 50.0, "sharpness_proxy": 20.0}
    policy = Policy(floors=given)
    given["unified_score"] = 0.0
    assert policy.floors == {"sharpness_proxy": 20.0, "unified_score": 50.0}
    assert list(policy.floors) == ["sharpness_proxy", "unified_score"]
    with pytest.raises(TypeError):
        policy.floors["unified_score"] = 0.0  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.floors = {}  # type: ignore[misc]


def test_a_policy_is_a_value_like_any_other() -> None:
    one = Policy(floors={"unified_score": 50, "sharpness_proxy": 20})
    other = Policy(floors={"sharpness_proxy": 20.0, "unified_score": 50.0})
    assert one == other
    assert hash(one) == hash(other)
    assert one != Policy(floors={"unified_score": 50})
    assert pickle.loads(pickle.dumps(one)) == one == copy.deepcopy(one)
    assert dataclasses.replace(one, fmr=1e-3).floors == one.floors


def test_what_each_picture_must_reach() -> None:
    assert Policy().demanded() == (None, None)
    policy = Policy(quality="selfie", reference_quality="document_portrait", floors={"pose_yaw": 0})
    reference, probe = policy.demanded()
    assert reference == PROFILES["document_portrait"]
    assert probe is not None
    assert probe.floors.keys() == PROFILES["selfie"].floors.keys() - {"pose_yaw"}
    assert policy.demanded(of_documents=True) == (reference, reference)
    assert Policy(quality="selfie").demanded(of_documents=True) == (None, None)
