from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from visavis.faces.face import LANDMARKS, Face
from visavis.geometry import Box, Point


def face(*points: Point, disagreement: float | None = None) -> Face:
    first, second, third, fourth, fifth = points
    return Face(Box(1.04, 2.06, 30, 40), (first, second, third, fourth, fifth), 0.98765, disagreement)


UPRIGHT = face((10, 20), (40, 20), (25, 30), (15, 50), (35, 50))


def turned(degrees: float) -> Face:
    """The upright face turned clockwise, in a picture whose y runs down."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return face(*((x * c - y * s, x * s + y * c) for x, y in UPRIGHT.landmarks))


def test_distance_between_the_eyes() -> None:
    assert UPRIGHT.inter_eye_px == 30
    assert face((0, 0), (30, 40), (0, 0), (0, 0), (0, 0)).inter_eye_px == 50


@pytest.mark.parametrize("degrees", [0, 1, 30, 90, 120, 179, -1, -45, -90, -179])
def test_roll_is_clockwise(degrees: float) -> None:
    assert turned(degrees).roll_deg == pytest.approx(degrees)


def test_roll_by_hand() -> None:
    # The head has fallen onto the viewer's right: the mouth lies to the left of the eyes.
    assert face((50, 10), (50, 30), (40, 20), (20, 12), (20, 28)).roll_deg == 90
    # Upside down, and mirrored or not makes no difference.
    assert abs(face((10, 50), (40, 50), (25, 40), (15, 20), (35, 20)).roll_deg) == 180


def test_points_in_order() -> None:
    assert UPRIGHT.points.shape == (5, 2)
    assert UPRIGHT.points.tolist() == [list(point) for point in UPRIGHT.landmarks]


@pytest.mark.parametrize("disagreement", [None, 0.12345])
@pytest.mark.parametrize("placed_confidence", [None, 0.87654])
def test_as_plain_data_and_back(disagreement: float | None, placed_confidence: float | None) -> None:
    changed = dataclasses.replace(UPRIGHT, disagreement=disagreement, placed_confidence=placed_confidence)
    data = changed.to_dict()
    assert data == {
        "box_px": [1.0, 2.1, 30, 40],
        "landmarks_px": dict(zip(LANDMARKS, [[10, 20], [40, 20], [25, 30], [15, 50], [35, 50]], strict=True)),
        "confidence": 0.9877,  # by hand: 0.98765 to four places
        "inter_eye_px": 30,
        "roll_deg": 0,
        "disagreement": None if disagreement is None else 0.123,
        "inside": 1.0,
        "placed_confidence": None if placed_confidence is None else 0.8765,
    }
    again = Face.from_dict(json.loads(json.dumps(data)))
    assert again.to_dict() == data
    assert again.landmarks == UPRIGHT.landmarks


def test_what_is_read_back_is_written_the_same_again() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        points = ((float(x), float(y)) for x, y in random.uniform(0, 300, (5, 2)))
        data = face(*points).to_dict()
        assert Face.from_dict(data).to_dict() == data


def test_older_data_says_nothing_of_the_second_detector() -> None:
    data = dataclasses.replace(UPRIGHT, placed_confidence=0.9).to_dict()
    del data["placed_confidence"]
    assert Face.from_dict(data).placed_confidence is None


def test_a_face_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        UPRIGHT.confidence = 1.0  # type: ignore[misc]
