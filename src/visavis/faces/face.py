"""A face on a photo: where it is, how its five points lie, how sure the detector was."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.geometry import Box, Point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.geometry import Floats

# Names as a viewer sees them: the eye on the picture's left is the person's right one.
LANDMARKS = ("eye_left", "eye_right", "nose", "mouth_left", "mouth_right")


@dataclass(frozen=True, slots=True)
class Face:
    """A face found on a photo, in pixels of the upright full-size picture.

    Attributes:
        box: The face from forehead to chin.
        landmarks: Five points: both eyes, tip of the nose, both corners of the mouth; left and right as on
            the upright face.
        confidence: The detector's score, 0 to 1.
        disagreement: Largest distance between the two detectors' ideas of a point, as a share of the distance
            between the eyes; None while only one of them has looked.
        inside: Share of the chip that lies on the photo, 0 to 1: below 1 the border cuts the face.
        placed_confidence: How sure the network that placed the points was of a face there, 0 to 1; None while
            it hasn't looked.
    """

    box: Box
    landmarks: tuple[Point, Point, Point, Point, Point]
    confidence: float
    disagreement: float | None = None
    inside: float = 1.0
    placed_confidence: float | None = None

    @property
    def points(self) -> Floats:
        """The landmarks as a 5 x 2 array."""
        return np.array(self.landmarks, dtype=np.float64)

    @property
    def inter_eye_px(self) -> float:
        """Distance between the eyes in pixels of the full-size picture."""
        (x0, y0), (x1, y1) = self.landmarks[:2]
        return math.hypot(x1 - x0, y1 - y0)

    @property
    def roll_deg(self) -> float:
        """Clockwise turn of the face in the picture plane, -180 to 180 degrees, from eyes to mouth."""
        eyes = self.points[:2].mean(axis=0)
        mouth = self.points[3:].mean(axis=0)
        down = mouth - eyes
        return math.degrees(math.atan2(-down[0], down[1]))

    def to_dict(self) -> dict[str, Any]:
        """As plain data, numbers rounded to what they can carry, and measured on the rounded points."""
        box = self.box
        first, second, third, fourth, fifth = ((round(x, 1), round(y, 1)) for x, y in self.landmarks)
        rounded = replace(self, landmarks=(first, second, third, fourth, fifth))
        return {
            "box_px": [round(value, 1) for value in (box.x, box.y, box.width, box.height)],
            "landmarks_px": {
                name: list(point) for name, point in zip(LANDMARKS, rounded.landmarks, strict=True)
            },
            "confidence": round(self.confidence, 4),
            "inter_eye_px": round(rounded.inter_eye_px, 1),
            "roll_deg": round(rounded.roll_deg, 1),
            "disagreement": None if self.disagreement is None else round(self.disagreement, 3),
            "inside": round(self.inside, 3),
            "placed_confidence": None if self.placed_confidence is None else round(self.placed_confidence, 4),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Face:
        """The inverse of `to_dict`, up to its rounding."""
        first, second, third, fourth, fifth = (tuple(data["landmarks_px"][name]) for name in LANDMARKS)
        return cls(
            box=Box(*data["box_px"]),
            landmarks=(first, second, third, fourth, fifth),
            confidence=data["confidence"],
            disagreement=data["disagreement"],
            inside=data["inside"],
            placed_confidence=data.get("placed_confidence"),  # older data has none
        )


@dataclass(frozen=True, slots=True)
class Finds:
    """n faces as a network gives them, in pixels of its input.

    Attributes:
        boxes: n x 4: x, y, width, height.
        points: n x 5 x 2.
        scores: n, 0 to 1.
    """

    boxes: Floats
    points: Floats
    scores: Floats
