from __future__ import annotations

import dataclasses
import math

import pytest
from tests.quality.layouts import face_at

from visavis.geometry import Box
from visavis.quality import framing
from visavis.quality.component import FailureToAssess

# Eyes 100 pixels apart at y = 300, mouth 100 below: T = 180 with the estimated chin.
FACE = face_at([(200, 300), (300, 300), (250, 350), (210, 400), (290, 400)])


def eyes_apart(pixels: float) -> list[tuple[float, float]]:
    return [(0, 0), (pixels, 0), (0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("pixels", "yaw", "score"),
    # By hand: 100 / (1 + e^((70 - d / cos yaw) / 20)).
    [(70, 0, 50.0), (90, 0, 73.11), (110, 0, 88.08), (20, 0, 7.59), (35, 60, 50.0), (35, -60, 50.0)],
)
def test_inter_eye_distance(pixels: float, yaw: float, score: float) -> None:
    component = framing.inter_eye_distance(face_at(eyes_apart(pixels)), yaw)
    assert component.native == pytest.approx(pixels / math.cos(math.radians(yaw)))
    assert component.score == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize("yaw", [76, -80, 90])
def test_seen_from_the_side_it_has_no_distance(yaw: float) -> None:
    with pytest.raises(FailureToAssess, match="from the side"):
        framing.inter_eye_distance(FACE, yaw)


@pytest.mark.parametrize(
    ("room", "score"), [(0.9, 50.0), (1.0, 73.11), (0.7, 11.92), (2.0, 99.998), (-5.0, 0.0)]
)
def test_crops(room: float, score: float) -> None:
    left = framing.left_crop(face_at([(100 * room, 0), (100 * room + 100, 0), (0, 0), (0, 0), (0, 0)]))
    right = framing.right_crop(FACE, round(300 + 100 * room))
    for component in (left, right):
        assert component.native == pytest.approx(room)
        assert component.score == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(
    ("height", "share", "score"),
    # By hand: 200 (1 - S(|T / height - 0.45|; 0, 0.05)).
    [(400, 0.45, 100.0), (360, 0.50, 53.79), (450, 0.40, 53.79), (600, 0.30, 9.49), (18_000, 0.01, 0.03)],
)
def test_estimated_head_size(height: int, share: float, score: float) -> None:
    component = framing.estimated_head_size(FACE, height)
    assert component.native == pytest.approx(share)
    assert component.score == pytest.approx(score, abs=0.01)


def test_estimated_margin_above() -> None:
    above = framing.estimated_margin_above(FACE)
    assert above.native == pytest.approx(300 / 180)
    assert above.score == pytest.approx(93.51, abs=0.01)  # S(1.66667; 1.4, 0.1)


@pytest.mark.parametrize(
    ("height", "room", "score"), [(624, 1.8, 50.0), (642, 1.9, 73.11), (588, 1.6, 11.92)]
)
def test_estimated_margin_below(height: int, room: float, score: float) -> None:
    below = framing.estimated_margin_below(FACE, height)
    assert below.native == pytest.approx(room)
    assert below.score == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(
    ("areas", "share"),
    [((400,), 0.0), ((400, 100), 0.25), ((100, 400), 0.25), ((400, 400), 1.0), ((400, 50, 100, 10), 0.25)],
)
def test_single_face_present(areas: tuple[float, ...], share: float) -> None:
    face, *others = (face_at(box=Box(0, 0, area / 10, 10)) for area in areas)
    component = framing.single_face_present(face, others)
    assert component.native == pytest.approx(share)
    assert component.score == pytest.approx(100 * (1 - share))


@pytest.mark.parametrize("box", [Box(5, 5, 0, 0), Box(0, 0, 1e200, 1e200)])
def test_a_face_without_area(box: Box) -> None:
    with pytest.raises(FailureToAssess, match="no area"):
        framing.single_face_present(face_at(box=box), ())


def test_how_sure_each_detector_was() -> None:
    """The score is the hundredfold of what each says; the second one may not have looked."""
    face = dataclasses.replace(FACE, confidence=0.75, placed_confidence=0.5)
    for component, native in (
        (framing.detection_confidence(face), 0.75),
        (framing.placement_confidence(face), 0.5),
    ):
        assert (component.native, component.score, component.clause) == (native, 100 * native, None)
    with pytest.raises(FailureToAssess, match="hasn't looked"):
        framing.placement_confidence(dataclasses.replace(FACE, placed_confidence=None))
