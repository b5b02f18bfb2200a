from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from tests.pictures import encoded, scene
from tests.quality.layouts import SKIN, face_at, photo, plain

from visavis.geometry import Box
from visavis.photo import Photo
from visavis.quality import component
from visavis.quality import measure as measuring
from visavis.quality.aligned import POINTS
from visavis.quality.component import NAMES
from visavis.quality.measure import MEASURES, NEVER, Quality, measure, measured

ALIGNED = ("luminance_mean", "luminance_variance", "dynamic_range", "over_exposure_prevention")


def checked(quality: Quality) -> Quality:
    """The same, after a look at what holds for every quality."""
    assert tuple(each.name for each in quality.components) == NAMES
    assert len(quality.scores) == len(NAMES)
    for each, score in zip(quality.components, quality.scores, strict=True):
        assert quality[each.name] is each
        assert each.score == score
        if each.problem is None:
            assert each.native is not None
            assert math.isfinite(each.native)
            assert score is not None
            assert 0 <= score <= 100
        else:
            assert each.problem
            assert each.native is score is None
    json.dumps(quality.to_dict(), allow_nan=False)
    return quality


def test_every_component_is_measured_or_never() -> None:
    assert set(MEASURES) | set(NEVER) == set(NAMES)
    assert not set(MEASURES) & set(NEVER)


def test_a_plain_face() -> None:
    quality = checked(measure(photo(plain()), face_at()))
    failed = {each.name for each in quality.components if each.problem}
    assert failed == set(NEVER) | {
        *("sharpness_proxy", "coarse_detail", "grain_prevention", "directional_detail")
    }
    # By hand: SKIN has linear 0.5776, 0.3050, 0.1878 and so luminance 0.3545, level 90.
    assert quality["luminance_mean"].native == pytest.approx(90 / 255)
    assert quality["luminance_mean"].score == pytest.approx(95.6, abs=0.5)
    assert quality["luminance_variance"].score == pytest.approx(0, abs=1e-6)
    assert quality["dynamic_range"].score == 0
    assert quality["illumination_uniformity"].score == 100
    assert quality["natural_colour"].score == 100
    assert quality["single_face_present"].score == 100
    assert quality["inter_eye_distance"].native == pytest.approx(113, abs=0.5)
    assert quality["left_crop"].native == pytest.approx(71 / 113)
    assert quality["right_crop"].native == pytest.approx((256 - 184) / 113)
    assert quality["estimated_head_size"].native == pytest.approx(1.8 * 130 / 256, abs=1e-3)


def test_light_from_one_side() -> None:
    pixels = plain((0, 0, 0))
    pixels[:, 128:] = 188  # half of the light
    quality = checked(measure(photo(pixels), face_at()))
    assert quality["illumination_uniformity"].score == 0
    assert quality["under_exposure_prevention"].native == pytest.approx(0.5, abs=0.01)
    assert quality["luminance_mean"].native == pytest.approx(64 / 255, abs=0.002)
    assert quality["dynamic_range"].score == pytest.approx(12.5, abs=0.01)


def test_other_faces_count() -> None:
    quarter = face_at(box=Box(0, 0, 100, 120))
    assert measure(photo(plain()), face_at(), [quarter])["single_face_present"].native == 0.25


def test_the_same_twice() -> None:
    pixels = scene(256, 256)
    assert measure(photo(pixels), face_at()) == measure(photo(pixels.copy()), face_at())


def test_some_alone_are_what_they_are_among_all() -> None:
    given = photo(scene(256, 256))
    names = ("pose_yaw", "luminance_mean", "sharpness_proxy")
    every = measure(given, face_at())
    assert list(measured(names, given, face_at())) == [every[name] for name in names]


@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_larger_picture_of_the_same(size: int) -> None:
    pixels = scene(256, 256, grain=0)
    usual = measure(photo(pixels), face_at())
    large = pixels.repeat(size, axis=0).repeat(size, axis=1)
    again = measure(
        photo(large), face_at(POINTS * size, box=Box(10 * size, 10 * size, 200 * size, 240 * size))
    )
    for first, second in zip(usual.components, again.components, strict=True):
        assert first.problem == second.problem
        if first.score is None or first.name == "inter_eye_distance":
            continue
        assert second.score == pytest.approx(first.score, abs=1.5), first.name
    assert again["inter_eye_distance"].native == pytest.approx(
        size * (usual["inter_eye_distance"].native or 0)
    )


def test_a_turned_picture_of_the_same() -> None:
    pixels = scene(256, 256, grain=0)
    usual = measure(photo(pixels), face_at())
    points = np.stack([256 - POINTS[:, 1], POINTS[:, 0]], axis=1)
    turned = measure(photo(np.rot90(pixels, -1)), face_at(points))
    for name in (*ALIGNED, "illumination_uniformity", "natural_colour", "pose_yaw", "pose_pitch"):
        assert turned[name].score == pytest.approx(usual[name].score, abs=0.5), name
    assert turned["pose_roll"].native == pytest.approx(90 + (usual["pose_roll"].native or 0), abs=0.1)


def test_a_photo_decoded_coarsely() -> None:
    data = encoded("JPEG", scene(1024, 1024, grain=0), quality=95)
    face = face_at(POINTS * 4, box=Box(40, 40, 800, 960))
    coarse = Photo.open(data, detail=400)
    assert coarse.scale == 0.5
    first, second = measure(coarse, face), measure(Photo.open(data, detail=None), face)
    for name in (*ALIGNED, "under_exposure_prevention", "natural_colour", "illumination_uniformity"):
        assert first[name].score == pytest.approx(second[name].score, abs=2.5), name


HOSTILE_PHOTOS: dict[str, Any] = {
    "1 x 1": plain(width=1, height=1),
    "one row": plain(width=300, height=1),
    "one column": plain(width=1, height=300),
    "black": plain((0, 0, 0)),
    "white": plain((255, 255, 255)),
    "one colour": plain(SKIN),
    "grey": plain((119, 119, 119)),
    "noise": np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8),
}
HOSTILE_POINTS: dict[str, Any] = {
    "in place": POINTS,
    "outside": POINTS + 5000,
    "far outside": POINTS - 9e5,
    "half outside": POINTS - (128, 0),
    "all equal": np.full((5, 2), 7.0),
    "at the corner": np.zeros((5, 2)),
    "not numbers": np.full((5, 2), math.nan),
    "one not a number": np.where(np.arange(10).reshape(5, 2) == 3, math.nan, POINTS),
    "infinite": np.full((5, 2), -math.inf),
    "huge": POINTS * 1e5,
    "enormous": POINTS * 1e305,
    "tiny": POINTS / 1e6,
    "on a line": np.stack([np.arange(5.0) * 20, np.full(5, 30.0)], axis=1),
    "mirrored": POINTS * (-1, 1) + (256, 0),
    "upside down": 256 - POINTS,
    "from the side": POINTS * (0.05, 1) + (100, 0),
    "eyes on the mouth": POINTS[[3, 4, 2, 3, 4]],
}


@pytest.mark.parametrize("pixels", HOSTILE_PHOTOS.values(), ids=HOSTILE_PHOTOS)
@pytest.mark.parametrize("points", HOSTILE_POINTS.values(), ids=HOSTILE_POINTS)
@pytest.mark.parametrize("box", [Box(0, 0, 0, 0), Box(-1e300, -1e300, 1e300, 1e300), Box(10, 10, 200, 240)])
def test_hostile_input(pixels: Any, points: Any, box: Box) -> None:
    face = face_at(points, box=box)
    quality = checked(measure(photo(pixels), face, [face, face_at()]))
    assert quality == measure(photo(pixels), face, [face, face_at()])


def test_what_stays_assessed_on_hostile_pictures() -> None:
    black = measure(photo(plain((0, 0, 0))), face_at())
    assert black["under_exposure_prevention"].score == 0
    assert black["over_exposure_prevention"].score == 100
    white = measure(photo(plain((255, 255, 255))), face_at())
    assert white["over_exposure_prevention"].score == pytest.approx(0.99, abs=0.01)
    grey = measure(photo(plain((119, 119, 119))), face_at())
    assert grey["natural_colour"].score == pytest.approx(0, abs=0.05)
    outside = measure(photo(plain()), face_at(POINTS + 5000))
    assert outside["luminance_mean"].problem == "less than half of the face lies on the photo"
    assert outside["pose_yaw"].problem is None


def test_an_unknown_name() -> None:
    with pytest.raises(KeyError, match="beauty"):
        measure(photo(plain()), face_at())["beauty"]


def test_nothing_is_said_of_the_person() -> None:
    words = ("age", "gender", "sex", "ethnic", "race", "emotion", "beauty", "tone")
    named = [name for name in NAMES if set(name.split("_")) & set(words)]
    assert named == []
    assert measuring.NEVER["expression_neutrality"]
    assert set(component.OWN) <= set(MEASURES)
