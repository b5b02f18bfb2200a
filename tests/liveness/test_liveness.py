from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.liveness.faces import face_at

from visavis.decision.verdict import Liveness
from visavis.errors import PhotoError
from visavis.faces.recognise import Template
from visavis.geometry import Box
from visavis.liveness.active import Active
from visavis.liveness.check import Check, passive_threshold
from visavis.liveness.liveness import assess
from visavis.liveness.passive import Passive
from visavis.photo import Photo

if TYPE_CHECKING:
    from visavis.faces.face import Face
    from visavis.liveness.passive import PassiveDetector

PHOTO = Photo.from_pixels(np.zeros((480, 640, 3), np.uint8))
FACE = face_at(Box(280, 200, 60, 80))


class Fixed:
    """A detector that gives every face one score, or an error."""

    def __init__(self, score: float = 0.5, error: Exception | None = None) -> None:
        self.passive = Passive(score, {"pad_close": (0.1, score, 0.9 - score)}, ())
        self.error = error

    def look(self, photo: Photo, face: Face) -> Passive:
        if self.error:
            raise self.error
        return self.passive


def judged(
    detector: Any,
    *,
    threshold: float | None = 0.6,
    face: Face | None = FACE,
    active: Active | None = None,
) -> Liveness:
    return assess(PHOTO, face, detector, threshold=threshold, active=active)


@pytest.mark.parametrize(
    ("score", "outcome", "why"),
    [
        (0.7, "live", "the score of the picture reaches the threshold"),
        (0.6, "live", "the score of the picture reaches the threshold"),
        (0.5999, "attack", "the score of the picture is below the threshold"),
        (0.0, "attack", "the score of the picture is below the threshold"),
    ],
)
def test_the_threshold_itself_is_live(score: float, outcome: str, why: str) -> None:
    detector = Fixed(score)
    passive = {"outcome": outcome, "threshold": 0.6, **detector.passive.to_dict()}
    assert judged(detector) == Liveness(outcome, score, 0.6, why, passive)  # type: ignore[arg-type]


def test_the_threshold_is_that_which_ships_by_default() -> None:
    at = passive_threshold()
    assert judged(Fixed(at), threshold=None).outcome == "live"
    assert judged(Fixed(at), threshold=None).threshold == at
    assert judged(Fixed(at - 1e-6), threshold=None).outcome == "attack"


@pytest.mark.parametrize(
    ("detector", "face", "why"),
    [
        (None, FACE, "the pack 'pad' is not installed: visavis packs install pad brings it"),
        (Fixed(), None, "there is no face to look at"),
        (Fixed(), face_at(Box(280, 200, 0, 0)), "the face is too small: 0 pixels of the 30 that it takes"),
        (Fixed(), face_at(Box(-500, 0, 90, 90)), "the middle of the face lies outside the photo"),
        (Fixed(), face_at(Box(280, 200, 60, 80), roll=90), "the face leans by more than 30 degrees"),
        (
            Fixed(error=PhotoError("photo.damaged", "the JPEG is damaged", found="no end")),
            FACE,
            "the photo can't be decoded at full size: the JPEG is damaged (found no end)",
        ),
    ],
)
def test_what_cannot_be_assessed_is_no_error(
    detector: PassiveDetector | None, face: Face | None, why: str
) -> None:
    assert judged(detector, face=face) == Liveness("not assessed", None, None, why, None)


def test_as_plain_data() -> None:
    data = judged(Fixed(0.123456)).to_dict()
    assert data == {
        "outcome": "attack",
        "score": 0.1235,
        "threshold": 0.6,
        "why": "the score of the picture is below the threshold",
        "passive": {
            "outcome": "attack",
            "threshold": 0.6,
            "score": 0.1235,
            "probabilities": {"pad_close": [0.1, 0.1235, 0.7765]},
            "notes": [],
        },
        "active": None,
    }
    assert json.loads(json.dumps(data)) == data
    nothing = judged(None).to_dict()
    assert nothing["outcome"] == "not assessed"
    assert (nothing["score"], nothing["threshold"], nothing["passive"]) == (None, None, None)


# With an answered challenge


def answer(outcome: str, *, template: bool = True) -> Active:
    score = {"live": 0.8, "attack": 0.2, "not assessed": None}[outcome]
    check = Check("relief", score, {}, "the nose stands out" if outcome == "live" else "too flat")
    made = Template(np.eye(1, 128, dtype=np.float32)[0], "sface", "f" * 16) if template else None
    return Active(outcome, score, 0.5, (check,), None, check.why, made)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("detector", "active", "outcome", "score", "why"),
    [
        (Fixed(0.9), "live", "live", 0.8, "the answer to the challenge: the nose stands out"),
        (Fixed(0.9), "attack", "attack", 0.2, "the answer to the challenge: too flat"),
        (Fixed(0.1), "live", "attack", 0.1, "the score of the picture is below the threshold"),
        (Fixed(0.1), "attack", "attack", 0.1, "the score of the picture is below the threshold"),
        (Fixed(0.1), "not assessed", "attack", 0.1, "the score of the picture is below the threshold"),
        (
            Fixed(0.9),
            "not assessed",
            "not assessed",
            None,
            "the answer to the challenge could not be assessed: too flat",
        ),
        (None, "attack", "attack", 0.2, "the answer to the challenge: too flat; the picture alone was not"),
        (None, "live", "live", 0.8, "the answer to the challenge: the nose stands out; the picture alone"),
        (None, "not assessed", "not assessed", None, "the answer to the challenge could not be assessed"),
    ],
)
def test_either_shows_an_attack_and_only_the_answer_a_live_person(
    detector: Any, active: str, outcome: str, score: float | None, why: str
) -> None:
    found = judged(detector, active=answer(active))
    assert (found.outcome, found.score) == (outcome, score)
    assert found.why.startswith(why)
    assert found.active is not None
    assert found.active["outcome"] == active
    assert (found.passive is None) == (detector is None)
    assert json.loads(json.dumps(found.to_dict()))["active"]["checks"][0]["name"] == "relief"


def test_an_answer_without_a_face_to_compare_proves_nothing() -> None:
    found = judged(Fixed(0.9), active=answer("live", template=False))
    assert (found.outcome, found.score) == ("not assessed", None)
    assert "no frame of the answer" in found.why


def test_an_answer_that_shows_an_attack_needs_no_face_to_compare() -> None:
    found = judged(Fixed(0.9), active=answer("attack", template=False))
    assert (found.outcome, found.score) == ("attack", 0.2)
    assert found.why == "the answer to the challenge: too flat"
