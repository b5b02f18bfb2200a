from __future__ import annotations

import json

import pytest

from visavis.quality.assessed import Assessed, held, required
from visavis.quality.component import NAMES, Component
from visavis.quality.measure import Quality
from visavis.quality.profiles import PROFILES, Profile
from visavis.quality.unified import NAME as UNIFIED


def quality(**scores: float | str) -> Quality:
    """A face whose scores are all 99, but for these: another score, or why it wasn't assessed."""
    return Quality(
        tuple(
            Component.failed(name, value)
            if isinstance(value := scores.get(name, 99.0), str)
            else Component.measured(name, 1.23456, value)
            for name in NAMES
        )
    )


def demanded(profile: str | None = None, **own: float) -> Profile:
    profiled = required(profile, own)
    assert profiled is not None
    return profiled


def test_where_nothing_is_asked_there_is_no_profile() -> None:
    assert required(None, {}) is None


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_alone_stays_as_it_is(name: str) -> None:
    assert demanded(name) == PROFILES[name]


def test_own_floors_go_before_those_of_the_profile() -> None:
    own = demanded("selfie", natural_colour=80, luminance_variance=5, left_crop=0)
    shipped = PROFILES["selfie"].floors
    assert own.floors["natural_colour"].score == 80 > shipped["natural_colour"].score
    assert own.floors["luminance_variance"].score == 5
    assert "luminance_variance" not in shipped
    assert "left_crop" not in own.floors, "0 takes a floor away"
    rest = shipped.keys() - {"natural_colour", "left_crop"}
    assert {name: own.floors[name] for name in rest} == {name: shipped[name] for name in rest}


def test_a_profile_is_lowered_only_by_name() -> None:
    assert held(quality(natural_colour=20), demanded("selfie")).meets is False
    assert held(quality(natural_colour=20), demanded("selfie", natural_colour=20)).meets is True
    assert held(quality(natural_colour=19.99), demanded("selfie", natural_colour=20)).meets is False


@pytest.mark.parametrize(
    ("scores", "meets", "short", "unknown"),
    [
        ({}, True, [], []),
        ({"natural_colour": 49.9}, False, ["natural_colour"], []),
        ({"sharpness_proxy": "cut"}, None, [], ["sharpness_proxy"]),
        ({"sharpness_proxy": "cut", "pose_yaw": 1.0}, False, ["pose_yaw"], ["sharpness_proxy"]),
        ({"eyes_open": "no eyelids"}, True, [], []),
    ],
)
def test_what_falls_short_and_what_cannot_be_told(
    scores: dict[str, float | str], meets: bool | None, short: list[str], unknown: list[str]
) -> None:
    found = held(quality(**scores), demanded("selfie"))
    assert found.profile == "selfie"
    assert found.meets is meets
    assert [each.component.name for each in found.shortfalls] == short
    assert [each.name for each in found.unknown] == unknown
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(data) == ["profile", "score", "meets", "components", "shortfalls", "not_assessed"]
    assert [each["name"] for each in data["components"]] == [UNIFIED, *NAMES]
    again = Assessed.from_dict(data)
    assert again.to_dict() == data
    assert again.meets is meets


def test_own_floors_alone_have_no_name() -> None:
    found = held(quality(pose_roll=98.0), demanded(pose_roll=98.5))
    assert found.profile is None
    assert found.to_dict()["shortfalls"][0]["floor"] == 98.5


def test_the_unified_score_has_a_floor_like_a_component() -> None:
    good, bad = quality(), quality(**dict.fromkeys(NAMES, 0.0))
    assert good.score is not None
    assert bad.score is not None
    assert bad.score < good.score
    between = demanded(None, **{UNIFIED: (bad.score + good.score) / 2})
    assert held(good, between).meets is True
    found = held(bad, between)
    assert [each.component.name for each in found.shortfalls] == [UNIFIED]
    assert found.shortfalls[0].advice
    again = Assessed.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict()


def test_a_unified_score_that_cannot_be_given_is_not_assessed() -> None:
    nothing = quality(**dict.fromkeys(NAMES, "the face is too small"))
    assert nothing.score is None
    found = held(nothing, demanded(None, **{UNIFIED: 1}))
    assert found.meets is None
    assert [each.name for each in found.unknown] == [UNIFIED]
    assert Assessed.from_dict(found.to_dict()).to_dict() == found.to_dict()
