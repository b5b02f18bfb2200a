from __future__ import annotations

import numpy as np
import pytest
from tests.quality.layouts import face_at, photo, plain

from visavis.quality.advice import advice_for
from visavis.quality.component import NAMES, Component
from visavis.quality.measure import MEASURES, Quality, measure
from visavis.quality.profiles import PROFILES, Floor, Profile, Shortfall, not_assessed, shortfalls
from visavis.quality.unified import FOLLOWS_SKIN, NAME, shipped

# The ten swatches of the Monk Skin Tone scale (E. Monk, skintone.google), as published in sRGB.
TONES = (
    "f6ede4 f3e7db f7ead0 eadaba d7bd96 a07e56 825c43 604134 3a312a 292420".split()  # noqa: SIM905
)


def quality_of(**scores: float) -> Quality:
    """A quality that is best but for these scores."""
    return Quality(
        tuple(
            Component.measured(name, 0.0, scores.get(name, 100.0))
            if name in MEASURES
            else Component.failed(name, "never")
            for name in NAMES
        )
    )


def test_the_profiles() -> None:
    assert list(PROFILES) == ["selfie", "document_portrait", "icao_portrait"]
    for name, profile in PROFILES.items():
        assert profile.name == name
        assert set(profile.floors) <= {NAME, *MEASURES}
        assert NAME in profile.floors
        for floor in profile.floors.values():
            assert 0 < floor.score < 100
            assert floor.reason


@pytest.mark.parametrize("name", PROFILES)
def test_the_best_falls_short_of_nothing(name: str) -> None:
    assert shortfalls(quality_of(), PROFILES[name]) == ()
    assert not_assessed(quality_of(), PROFILES[name]) == ()


@pytest.mark.parametrize("name", PROFILES)
def test_each_floor_is_felt(name: str) -> None:
    for component, floor in PROFILES[name].floors.items():
        if component == NAME:
            continue
        # Of the unified score's floor this says nothing: what is poor in one component lowers it too.
        (short,) = without_unified(quality_of(**{component: floor.score - 0.01}), name)
        assert (short.component.name, short.floor) == (component, floor.score)
        assert short.advice
        assert without_unified(quality_of(**{component: floor.score}), name) == []


def without_unified(quality: Quality, name: str) -> list[Shortfall]:
    return [each for each in shortfalls(quality, PROFILES[name]) if each.component.name != NAME]


@pytest.mark.parametrize("name", PROFILES)
def test_the_floor_of_the_unified_score_is_felt(name: str) -> None:
    floor = PROFILES[name].floors[NAME]
    assert floor.score == shipped().floors[name].score
    names = [term.name for term in shipped().terms]
    worse = [quality_of(**dict.fromkeys(names, score)) for score in np.arange(100.0, -1, -2)]
    scores = [quality.score or 0.0 for quality in worse]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < floor.score < scores[0]
    for quality, score in zip(worse, scores, strict=True):
        found = shortfalls(quality, PROFILES[name])
        assert (NAME in [short.component.name for short in found]) == (score < floor.score)
        if score < floor.score:
            assert found[0].component == quality.unified


def test_the_advice_is_on_what_costs_most() -> None:
    names = [term.name for term in shipped().terms]
    low = {"directional_detail": 0.0, "grain_prevention": 80.0}
    quality = quality_of(**dict.fromkeys(names, 100.0) | low)
    worst, _ = shipped().losses(quality.components)[0]
    assert worst.name == "directional_detail"
    profile = Profile("mine", {NAME: Floor(99.99, "a test")})
    (short,) = shortfalls(quality, profile)
    assert short.advice == advice_for(quality["directional_detail"])
    assert short.component == quality.unified


def test_a_unified_score_that_can_not_be_given_is_told() -> None:
    quality = measure(photo(plain()), face_at(np.full((5, 2), 7.0)))
    assert NAME not in [short.component.name for short in shortfalls(quality, PROFILES["selfie"])]
    assert not_assessed(quality, PROFILES["selfie"])[0].name == NAME


def test_no_profile_has_a_floor_that_follows_the_skin() -> None:
    """But for these, which refuse what is nearly black or burnt out, strong tints, one-sided light."""
    allowed = {"luminance_mean", "over_exposure_prevention", "natural_colour", "illumination_uniformity"}
    for profile in PROFILES.values():
        assert set(profile.floors) & FOLLOWS_SKIN <= allowed


def test_shortfalls_come_in_the_order_of_components() -> None:
    found = without_unified(quality_of(sharpness_proxy=0.0, luminance_mean=0.0, pose_yaw=0.0), "selfie")
    assert [short.component.name for short in found] == ["luminance_mean", "pose_yaw", "sharpness_proxy"]


def test_what_was_not_assessed_is_no_shortfall_but_told() -> None:
    quality = measure(photo(plain(width=1, height=1)), face_at())
    assert quality["luminance_mean"].score is None
    assert "luminance_mean" not in [each.component.name for each in shortfalls(quality, PROFILES["selfie"])]
    told = not_assessed(quality, PROFILES["selfie"])
    assert {"luminance_mean", "sharpness_proxy"} <= {component.name for component in told}
    assert all(component.problem for component in told)
    assert "sharpness" not in {component.name for component in told}  # no profile asks for it


def test_floors_that_rest_on_angles_and_pixels() -> None:
    icao = PROFILES["icao_portrait"].floors
    # By hand: S(90; 70, 20); cos² of 5 + 5.4 and 5 + 8.5 degrees, the errors stated in quality.pose.
    assert icao["inter_eye_distance"].score == pytest.approx(73.1, abs=0.05)
    assert icao["pose_yaw"].score == pytest.approx(96.74, abs=0.05)
    assert icao["pose_pitch"].score == pytest.approx(94.55, abs=0.05)
    # A second face of 0.6 of the height has 0.36 of the area.
    assert PROFILES["selfie"].floors["single_face_present"].score == pytest.approx(64)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("tone", TONES)
def test_no_skin_falls_short_in_white_light(name: str, tone: str) -> None:
    """The exposure and colour scores follow the skin; the floors must not."""
    red, green, blue = bytes.fromhex(tone)
    pixels = plain((red, green, blue))
    # Shading from 60 to 100 % of the swatch from one cheek to the middle and back: the least that a face has.
    x = np.abs(np.arange(256) - 127.5) / 127.5
    shaded = (pixels * (1 - 0.4 * x)[None, :, None]).round().astype(np.uint8)
    quality = measure(photo(shaded), face_at())
    colour = ("luminance_mean", "over_exposure_prevention", "natural_colour", "illumination_uniformity")
    short = {each.component.name for each in shortfalls(quality, PROFILES[name])}
    assert not short & set(colour)


def test_the_scores_do_follow_the_skin() -> None:
    """What the docstrings of exposure and colour warn of, so that nobody sets a floor without knowing."""
    light, dark = (
        measure(photo(plain(tuple(bytes.fromhex(tone)))), face_at())  # type: ignore[arg-type]
        for tone in ("d7bd96", "292420")
    )
    assert (dark["luminance_mean"].score or 0) < 5 < 90 < (light["luminance_mean"].score or 0)
    assert (
        (dark["under_exposure_prevention"].score or 0)
        < 1
        < 99
        < (light["under_exposure_prevention"].score or 0)
    )
    assert (dark["natural_colour"].score or 0) < 85 < (light["natural_colour"].score or 0)
