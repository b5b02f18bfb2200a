"""Faces with a given box."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from visavis.faces.face import Face

if TYPE_CHECKING:
    from visavis.geometry import Box

POINTS = np.array([(-1.0, -1.0), (1.0, -1.0), (0.0, 0.0), (-0.7, 1.0), (0.7, 1.0)])


def face_at(box: Box, *, roll: float = 0.0) -> Face:
    """A face of this box, turned by `roll` degrees clockwise in the middle of nowhere."""
    turn = math.radians(roll)
    turned = POINTS @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    first, second, third, fourth, fifth = ((float(x) + 50, float(y) + 50) for x, y in turned)
    return Face(box, (first, second, third, fourth, fifth), confidence=0.95)
