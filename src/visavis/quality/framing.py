"""How large a face is on its picture, and how much of the picture lies around it.

What needs the chin is estimated under a name of its own: five points have none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from visavis.quality.component import Component, FailureToAssess, sigmoid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from visavis.faces.face import Face

CHIN_RATIO = 1.8
"""Distance from the eyes to the chin over that from the eyes to the corners of the mouth.

The median on photographs of Labeled Faces in the Wild, the chin by dlib's 68 points and eyes and mouth by our
own detector. People differ, and whoever opens the mouth moves the chin and not its corners.
"""

BEST_HEAD = 0.45  # OFIQ's best distance from eyes to chin, as a share of the picture's height
FARTHEST_YAW = 75.0  # degrees; beyond it the distance between the eyes says nothing of the size


def inter_eye_distance(face: Face, yaw_deg: float) -> Component:
    """Pixels between the eyes as if the face looked straight ahead. ISO/IEC 29794-5:2025, 7.4.8.

    Args:
        face: In pixels of the full-size picture.
        yaw_deg: How far it is turned to the side.

    Raises:
        FailureToAssess: It is seen from the side.
    """
    if abs(yaw_deg) > FARTHEST_YAW:
        raise FailureToAssess("the face is seen from the side")
    pixels = face.inter_eye_px / math.cos(math.radians(yaw_deg))
    return Component.measured("inter_eye_distance", pixels, 100 * sigmoid(pixels, 70, 20))


def left_crop(face: Face) -> Component:
    """From the eye on the picture's left to that edge, in distances between the eyes.

    ISO/IEC 29794-5:2025, 7.4.10.1. Below 0 the eye lies outside.
    """
    room = face.landmarks[0][0] / face.inter_eye_px
    return Component.measured("left_crop", room, 100 * sigmoid(room, 0.9, 0.1))


def right_crop(face: Face, width: int) -> Component:
    """The same from the other eye to the right edge of a picture `width` pixels wide.

    ISO/IEC 29794-5:2025, 7.4.10.2.
    """
    room = (width - face.landmarks[1][0]) / face.inter_eye_px
    return Component.measured("right_crop", room, 100 * sigmoid(room, 0.9, 0.1))


def estimated_head_size(face: Face, height: int) -> Component:
    """From eyes to estimated chin as a share of the picture's height, 0 and up; 0.45 is best.

    Scaled as head size (7.4.9), whose native value OFIQ states the same way.
    """
    share = eyes_to_chin(face) / height
    off = abs(share - BEST_HEAD)
    return Component.measured("estimated_head_size", share, 200 * (1 - sigmoid(off, 0, 0.05)))


def estimated_margin_above(face: Face) -> Component:
    """From the picture's upper edge to the eyes, in distances from eyes to estimated chin.

    Scaled as margin above (7.4.10.3).
    """
    room = _eyes_y(face) / eyes_to_chin(face)
    return Component.measured("estimated_margin_above", room, 100 * sigmoid(room, 1.4, 0.1))


def estimated_margin_below(face: Face, height: int) -> Component:
    """From the eyes to the lower edge of a picture `height` pixels high, in the same unit.

    Scaled as margin below (7.4.10.4).
    """
    room = (height - _eyes_y(face)) / eyes_to_chin(face)
    return Component.measured("estimated_margin_below", room, 100 * sigmoid(room, 1.8, 0.1))


def single_face_present(face: Face, others: Sequence[Face]) -> Component:
    """Area of the second largest face over that of the largest, 0 to 1. ISO/IEC 29794-5:2025, 7.4.2.

    Raises:
        FailureToAssess: No face has an area.
    """
    areas = sorted((each.box.area for each in (face, *others)), reverse=True)
    if not 0 < areas[0] < math.inf:
        raise FailureToAssess("the face has no area")
    share = areas[1] / areas[0] if others else 0.0
    return Component.measured("single_face_present", share, 100 * (1 - share))


def face_on_photo(face: Face) -> Component:
    """Share of what the recogniser looks at that lies on the photo, 0 to 1; the score is its hundredfold.

    Unlike the crops and the margins it doesn't ask for room around the face.
    """
    return Component.measured("face_on_photo", face.inside, 100 * face.inside)


def detection_confidence(face: Face) -> Component:
    """How sure the detector was of the face, 0 to 1; the score is its hundredfold.

    It falls with most of what can be wrong with a picture, even where something covers the face.
    """
    return Component.measured("detection_confidence", face.confidence, 100 * face.confidence)


def placement_confidence(face: Face) -> Component:
    """The same of the second detector, which looked closely to place the points, 0 to 1.

    It looks at the face alone, upright and at one size, and tells more of false non-matches than the first
    one's.

    Raises:
        FailureToAssess: The second detector hasn't looked.
    """
    if face.placed_confidence is None:
        raise FailureToAssess("the second detector hasn't looked at the face")
    return Component.measured("placement_confidence", face.placed_confidence, 100 * face.placed_confidence)


def eyes_to_chin(face: Face) -> float:
    """Estimated distance from between the eyes to the chin, in pixels of the full-size picture."""
    points = face.points
    return CHIN_RATIO * float(np.linalg.norm(points[3:].mean(axis=0) - points[:2].mean(axis=0)))


def _eyes_y(face: Face) -> float:
    return (face.landmarks[0][1] + face.landmarks[1][1]) / 2
