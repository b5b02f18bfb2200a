from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.liveness.faces import face_at

from visavis.errors import PhotoError
from visavis.geometry import Box
from visavis.liveness.liveness import Liveness, assess
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


def judged(detector: Any, *, threshold: float = 0.6, face: Face | None = FACE) -> Liveness:
    return assess(PHOTO, face, detector, threshold=threshold)


@pytest.mark.parametrize(
    ("score", "outcome", "why"),
    [
        (0.7, "live", "the score reaches the threshold"),
        (0.6, "live", "the score reaches the threshold"),
        (0.5999, "attack", "the score is below the threshold"),
        (0.0, "attack", "the score is below the threshold"),
    ],
)
def test_the_threshold_itself_is_live(score: float, outcome: str, why: str) -> None:
    detector = Fixed(score)
    assert judged(detector) == Liveness(outcome, score, 0.6, why, detector.passive)  # type: ignore[arg-type]


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
        "why": "the score is below the threshold",
        "passive": {"score": 0.1235, "probabilities": {"pad_close": [0.1, 0.1235, 0.7765]}, "notes": []},
    }
    assert json.loads(json.dumps(data)) == data
    nothing = judged(None).to_dict()
    assert nothing["outcome"] == "not assessed"
    assert (nothing["score"], nothing["threshold"], nothing["passive"]) == (None, None, None)
