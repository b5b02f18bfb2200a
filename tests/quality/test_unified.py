from __future__ import annotations

import copy
import dataclasses
import json
import math
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from tests.quality.layouts import face_at, photo, plain

from visavis.packs.catalogue import DEFAULT_PACK, find_pack
from visavis.quality.component import NAMES, Component
from visavis.quality.exposure import linear
from visavis.quality.measure import MEASURES, Quality, measure
from visavis.quality.profiles import PROFILES
from visavis.quality.unified import FOLLOWS_SKIN, NAME, Term, Unified, UnifiedFloor, shipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL = shipped()
TERMS = {term.name: term for term in MODEL.terms}
FILE: dict[str, Any] = json.loads(
    resources.files("visavis.quality").joinpath("unified.json").read_text(encoding="utf-8")
)
SCORES = st.floats(0, 100)


def by_hand(**changes: Any) -> Unified:
    """Two components of which the first adds up to 2 and the second up to 1, and half a unit for all."""
    model = Unified(
        pack="sface",
        fingerprint="0",
        fmr=1e-4,
        data="made up",
        people=10,
        comparisons=20,
        offset=0.5,
        terms=(
            Term("coarse_detail", (20.0, 40.0, 80.0), (0.0, 1.0, 2.0), 0.25),
            Term("pose_yaw", (50.0, 100.0), (0.0, 1.0), 0.0),
        ),
        floors={"selfie": UnifiedFloor(50.0, 0.2)},
    )
    return dataclasses.replace(model, **changes)


def components(**scores: float | None) -> list[Component]:
    return [
        Component.failed(name, "it can't be seen") if score is None else Component.measured(name, 0.0, score)
        for name, score in scores.items()
    ]


# What it says


@pytest.mark.parametrize(
    ("detail", "yaw", "odds"),
    [
        (0, 0, 0.5),
        (20, 50, 0.5),
        (30, 50, 1.0),
        (40, 50, 1.5),
        (60, 75, 2.5),
        (80, 100, 3.5),
        (100, 100, 3.5),
    ],
)
def test_by_hand(detail: float, yaw: float, odds: float) -> None:
    found = by_hand().assess(components(coarse_detail=detail, pose_yaw=yaw))
    assert (found.name, found.clause) == ("unified_score", None)
    assert found.score == pytest.approx(100 / (1 + math.exp(-odds)))
    assert found.native == pytest.approx(1 / (1 + math.exp(odds)))


def test_what_was_not_assessed_adds_what_the_file_says() -> None:
    found = by_hand().assess(components(coarse_detail=80, pose_yaw=None))
    assert found.score == pytest.approx(100 / (1 + math.exp(-2.5)))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"coarse_detail": None, "pose_yaw": 90.0}, ": it can't be seen"),
        ({"coarse_detail": None, "pose_yaw": None}, ": it can't be seen"),
        ({"pose_yaw": 90.0}, ""),
        ({}, ""),
    ],
)
def test_too_much_is_missing(given: dict[str, float | None], why: str) -> None:
    """Detail makes up two thirds of what can be reached."""
    found = by_hand().assess(components(**given))
    assert (found.score, found.native) == (None, None)
    assert found.problem == f"too little of the face could be assessed{why}"


def test_what_costs_most_comes_first() -> None:
    lost = by_hand().losses(components(pose_yaw=50, coarse_detail=70, luminance_mean=0))
    assert [(component.name, loss) for component, loss in lost] == [("pose_yaw", 1), ("coarse_detail", 0.25)]


# The one that ships


@given(st.fixed_dictionaries(dict.fromkeys(TERMS, SCORES)), st.sampled_from(list(TERMS)), SCORES)
def test_a_better_component_never_lowers_it(scores: dict[str, float], name: str, other: float) -> None:
    low, high = sorted((scores[name], other))
    worse, better = (MODEL.assess(components(**scores | {name: score})).score for score in (low, high))
    assert worse is not None
    assert better is not None
    assert worse <= better


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, st.none() | SCORES)))
def test_whatever_is_missing(scores: dict[str, float | None]) -> None:
    """A score, or why there is none; what is missing adds between the worst and the best."""
    found = MODEL.assess(components(**scores))
    missing = [name for name in TERMS if scores[name] is None]
    if found.score is None:
        assert found.problem == "too little of the face could be assessed: it can't be seen"
        assert len(missing) > 1
        return
    worst, best = (
        MODEL.assess(components(**{**scores, **dict.fromkeys(missing, score)})).score
        for score in (0.0, 100.0)
    )
    assert worst is not None
    assert best is not None
    assert worst - 1e-9 <= found.score <= best + 1e-9


@given(st.fixed_dictionaries(dict.fromkeys(sorted(FOLLOWS_SKIN), SCORES)))
def test_what_follows_the_skin_has_no_part(scores: dict[str, float]) -> None:
    usual = dict.fromkeys(MEASURES, 70.0)
    assert MODEL.assess(components(**usual | scores)) == MODEL.assess(components(**usual))


def test_the_file_is_what_it_must_be() -> None:
    assert set(FILE) == {field.name for field in dataclasses.fields(Unified)}
    assert Unified.from_dict(FILE) == MODEL
    assert MODEL.to_dict() == FILE
    assert (MODEL.pack, MODEL.fingerprint) == (DEFAULT_PACK, find_pack(DEFAULT_PACK).fingerprint)
    assert MODEL.fmr == 1e-4
    assert MODEL.people >= 100
    assert MODEL.comparisons > MODEL.people
    assert len(MODEL.data) > 10
    assert set(MODEL.floors) == set(PROFILES)
    assert set(TERMS) <= set(MEASURES)
    assert not set(TERMS) & FOLLOWS_SKIN
    best = MODEL.assess(components(**dict.fromkeys(TERMS, 100.0))).score
    worst = MODEL.assess(components(**dict.fromkeys(TERMS, 0.0))).score
    assert worst is not None
    assert best is not None
    assert worst < 5 < 95 < best


def test_it_is_read_once() -> None:
    assert shipped() is MODEL


def term(**changes: Any) -> dict[str, Any]:
    return {"terms": [{**FILE["terms"][0], **changes}]}


@pytest.mark.parametrize(
    "changes",
    [
        term(name="beauty"),
        term(name="luminance_mean"),
        term(name="illumination_uniformity"),
        term(gains=[0.0, 2.0, 1.0], scores=[0.0, 1.0, 2.0]),
        term(gains=[0.0, 1.0], scores=[2.0, 1.0]),
        term(gains=[0.0, 1.0], scores=[1.0, 1.0]),
        term(gains=[0.0, 1.0], scores=[-1.0, 1.0]),
        term(gains=[0.0, 1.0], scores=[0.0, 101.0]),
        term(gains=[0.5, 1.0], scores=[0.0, 1.0]),
        term(gains=[0.0, 0.0], scores=[0.0, 1.0], missing=0.0),
        term(gains=[0.0, math.nan], scores=[0.0, 1.0]),
        term(gains=[0.0, 1.0], scores=[0.0, math.nan]),
        term(gains=[0.0, 1.0], scores=[0.0, 1.0], missing=1.1),
        term(gains=[0.0, 1.0], scores=[0.0, 1.0], missing=-0.1),
        term(gains=[0.0], scores=[0.0]),
        term(gains=[0.0, 1.0, 2.0], scores=[0.0, 1.0]),
        {"terms": []},
        {"terms": [FILE["terms"][0]] * 2},
        {"offset": math.inf},
        {"floors": {"selfie": {"score": 0.0, "missed": 0.2}}},
        {"floors": {"selfie": {"score": 50.0, "missed": 1.0}}},
    ],
)
def test_a_file_that_would_break_the_promise(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Unified.from_dict(copy.deepcopy(FILE) | changes)


# On a face


def drawn(skin: float = 1.0, *, blur: float = 0.0) -> NDArray[np.uint8]:
    """A drawn face in even light whose skin sends back `skin` of the light that it did."""
    y, x = np.mgrid[:256, :256] + 0.5
    random = np.random.default_rng(3)
    light = np.full((256, 256), 0.6)
    head = ((x - 127.5) / 110) ** 2 + ((y - 125) / 150) ** 2 <= 1
    pores = gaussian_filter(random.normal(size=(256, 256)), 3)  # 0.8 of them: 7 % of the skin's light
    shading = 0.75 + 0.25 * np.exp(-(((x - 127.5) / 90) ** 2)) + 0.8 * pores
    light[head] = (0.35 * skin * shading)[head]
    for left, top, wide, high, share in (
        (71, 44, 24, 8, 0.1),  # eyes, brows, nose, mouth
        (184, 44, 24, 8, 0.1),
        (71, 20, 34, 6, 0.3),
        (184, 20, 34, 6, 0.3),
        (127.5, 112, 16, 6, 0.5),
        (127.5, 174, 50, 9, 0.4),
    ):
        light[((x - left) / wide) ** 2 + ((y - top) / high) ** 2 <= 1] *= share
    light = gaussian_filter(light, 1 + blur)
    values = np.interp(light, linear(np.arange(256) / 255), np.arange(256))
    return np.repeat(values.round().astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("skin", [0.5, 0.3, 0.15])
def test_darker_skin_does_not_lower_it(skin: float) -> None:
    usual, darker = (measure(photo(drawn(each)), face_at()) for each in (1.0, skin))
    assert usual.score is not None
    assert darker.score is not None
    assert -0.5 < darker.score - usual.score < 3
    # The picture is one on which it would show: exposure falls by far.
    assert (darker["dynamic_range"].score or 0) < (usual["dynamic_range"].score or 0) - 8


def test_blur_lowers_it() -> None:
    scores = [measure(photo(drawn(blur=blur)), face_at()).score or 0 for blur in (5, 10, 20)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < scores[0] - 20


def test_a_quality_has_it() -> None:
    quality = measure(photo(drawn()), face_at())
    assert quality.unified == quality[NAME] == MODEL.assess(quality.components)
    assert quality.score == quality.unified.score
    assert NAME not in NAMES
    told = quality.to_dict()
    assert list(told) == [NAME, *NAMES]
    assert told[NAME] == quality.unified.to_dict()
    assert Quality(quality.components) == quality


def test_no_score_of_what_is_no_face() -> None:
    quality = measure(photo(plain()), face_at(np.full((5, 2), 7.0)))
    assert quality.score is None
    assert quality.unified.problem == (
        "too little of the face could be assessed: the eyes are less than a pixel apart"
    )
