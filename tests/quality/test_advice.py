from __future__ import annotations

import pytest

from visavis.quality.advice import GUIDES, advice_for
from visavis.quality.component import NAMES, Component
from visavis.quality.unified import NAME


def test_every_component_has_a_guide_and_no_other() -> None:
    assert tuple(GUIDES) == (*NAMES, NAME)
    for name, guide in GUIDES.items():
        assert guide.label, name
        assert guide.advice, name
        assert (guide.centre is None) == (not guide.above), name


@pytest.mark.parametrize(
    ("name", "native", "words"),
    [
        ("luminance_mean", 0.1, "dark"),
        ("luminance_mean", 0.9, "bright"),
        ("luminance_variance", 0.0, "little contrast"),
        ("luminance_variance", 0.2, "harsh"),
        ("pose_yaw", 30, "turned to the left"),  # the viewer's right is the person's left
        ("pose_yaw", -30, "turned to the right"),
        ("pose_pitch", 30, "turned down: raise the chin"),
        ("pose_pitch", -30, "turned up: lower the chin"),
        ("pose_roll", 30, "leans to the left"),  # clockwise for the viewer
        ("pose_roll", -30, "leans to the right"),
        ("estimated_head_size", 0.1, "move closer"),
        ("estimated_head_size", 0.9, "move away"),
        ("inter_eye_distance", 12, "move closer"),
        ("illumination_uniformity", 0.0, "from the front"),
        ("single_face_present", 0.9, "nobody else"),
    ],
)
def test_the_advice_knows_the_direction(name: str, native: float, words: str) -> None:
    assert words in (advice_for(Component.measured(name, native, 3.0)) or "")


@pytest.mark.parametrize("name", NAMES)
def test_no_advice_on_what_was_not_assessed(name: str) -> None:
    assert advice_for(Component.failed(name, "why")) is None
