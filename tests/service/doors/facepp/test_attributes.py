"""What is told of a face, and what never is."""

from __future__ import annotations

import pytest

from visavis.decision.policy import Policy
from visavis.quality.component import NAMES, Component
from visavis.quality.measure import Quality
from visavis.quality.profiles import PROFILES
from visavis.service.doors.facepp.attributes import DECLINED, GIVEN, KNOWN, Judged, asked_for, attributes
from visavis.service.doors.facepp.errors import Said

# Section 4 of what is known of Face++: every attribute that it documents.
DOCUMENTED = (
    "gender,age,smiling,headpose,facequality,blur,eyestatus,emotion,beauty,mouthstatus,eyegaze,skinstatus"
)


def test_all_that_is_documented_is_known() -> None:
    assert set(DOCUMENTED.split(",")) | {"glass", "ethnicity"} == set(KNOWN)
    assert set(GIVEN) == {"headpose", "facequality", "blur"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("none", None),
        ("none,none", None),
        ("blur", ("blur",)),
        (" Blur , headpose,", ("headpose", "blur")),
        ("gender,age", ()),
        (DOCUMENTED, ("headpose", "facequality", "blur")),
    ],
)
def test_what_is_asked_for(text: str | None, expected: tuple[str, ...] | None) -> None:
    assert asked_for(text, refuse=False) == expected


@pytest.mark.parametrize("name", DECLINED)
def test_a_declined_one_may_be_refused(name: str) -> None:
    assert asked_for(f"blur,{name}", refuse=False) == ("blur",)
    with pytest.raises(Said, match="BAD_ARGUMENTS: return_attributes"):
        asked_for(f"blur,{name}", refuse=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mood", "BAD_ARGUMENTS: return_attributes"),
        ("blur;headpose", "BAD_ARGUMENTS: return_attributes"),
        (",".join([*KNOWN, "blur"]), "TOO_MANY_FACE_ATTRIBUTES"),
        ("blur," * 30_000, "TOO_MANY_FACE_ATTRIBUTES"),
    ],
)
def test_what_cant_be_asked_for(text: str, said: str) -> None:
    with pytest.raises(Said) as caught:
        asked_for(text, refuse=False)
    assert caught.value.detail == said


def test_what_cant_be_assessed_is_left_out_and_no_face_is_called_good() -> None:
    nothing = Quality(tuple(Component.failed(name, "not here") for name in NAMES))
    found = attributes(tuple(GIVEN), Judged.by(Policy(), nothing, is_fit=True))
    floor = PROFILES["selfie"].floors["unified_score"].score
    assert found == {"facequality": {"value": 0.0, "threshold": floor}}


@pytest.mark.parametrize(
    ("policy", "is_fit", "quality", "blurred"),
    [
        (Policy(floors={"unified_score": 40.0, "sharpness_proxy": 10.0}), True, 40.0, 90.0),
        (Policy(quality="icao_portrait"), True, 87.6, 50.0),
        (Policy(), True, 77.9, 75.0),
        (Policy(), False, 77.9, 75.0),
    ],
)
def test_thresholds_are_those_of_the_policy(
    policy: Policy, is_fit: bool, quality: float, blurred: float
) -> None:
    good = Quality(tuple(Component.measured(name, 1.0, 90.0) for name in NAMES))
    found = attributes(tuple(GIVEN), Judged.by(policy, good, is_fit=is_fit))
    assert found["facequality"]["threshold"] == quality
    assert (found["facequality"]["value"] > 0) == is_fit
    assert found["blur"] == {"blurness": {"value": 10.0, "threshold": blurred}}
    assert found["headpose"] == {"pitch_angle": 1.0, "roll_angle": 1.0, "yaw_angle": 1.0}
