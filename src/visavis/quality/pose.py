"""Which way a head is turned, from five points.

A head is taken for five points in space, seen from so far that nearness makes nothing larger (weak
perspective). The turn and the size are those whose picture lies closest to the points found, by least
squares.

The detector's points are not exact, and people's heads differ. `ERROR_95_DEG` and `VARIED_ERROR_95_DEG` say
how far off the angles are; tests/quality/test_pose.py measures both. OFIQ takes the pose from a network
(3DDFA-V2), which sees more than five points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visavis.quality.component import Component

if TYPE_CHECKING:
    from visavis.geometry import Floats

# In distances between the eyes: x to the viewer's right, y down, z away from the viewer. Across and down it
# is how the detector places the points on faces that look straight ahead (medians on Labeled Faces in the
# Wild, made symmetric); the depth is that of MediaPipe's canonical face model, whose eyes are the corners of
# the lids: the cornea lies about 3 mm, 0.05, before them.
HEAD: Floats = np.array(
    [(-0.5, 0.0, -0.05), (0.5, 0.0, -0.05), (0.0, 0.57, -0.64), (-0.42, 1.03, -0.13), (0.42, 1.03, -0.13)]
)
CENTRED: Floats = HEAD - HEAD.mean(axis=0)
FITTING: Floats = CENTRED @ np.linalg.inv(CENTRED.T @ CENTRED)
ROUNDS = 5  # of improving the turn; ten change the errors below by about a tenth of a degree

ERROR_95_DEG = {"yaw": 4.1, "pitch": 4.6, "roll": 2.5}
"""Degrees that 95 of 100 estimates stay within on a head like `HEAD`.

It is turned to the side and up or down by up to 45 degrees, leans by up to 30, and is seen from ten times the
distance between its eyes, about 63 cm; each coordinate of each point is off by 2 % of that distance (standard
deviation).
"""

VARIED_ERROR_95_DEG = {"yaw": 5.4, "pitch": 8.5, "roll": 3.3}
"""The same on heads that differ.

Noses are up to a fifth flatter or longer; how far down nose and mouth lie and how wide the mouth is differs
by 5 % (standard deviation). A long face looks like one that is turned up or down, so pitch suffers most.
"""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head is turned, in degrees; all are 0 where it faces the camera upright.

    Attributes:
        yaw_deg: -90 to 90; positive where the face looks to the viewer's right, which is the person's left.
        pitch_deg: -180 to 180; positive where it looks down.
        roll_deg: -180 to 180; positive where the head leans clockwise, as `Face.roll_deg`.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def pose_of(points: Floats) -> Pose:
    """The pose of a head.

    A first turn comes from the linear map that fits best, by the nearest matrix of two orthonormal rows.
    Depths read off it and the points found make points in space, whose best turn (Umeyama, IEEE TPAMI 13(4),
    1991) is the next one; no round makes the fit worse.

    Args:
        points: 5 x 2, x to the right and y down, finite and not all alike.
    """
    head = CENTRED
    seen = points - points.mean(axis=0)
    seen = seen / np.sqrt((seen**2).sum())
    linear = seen.T @ FITTING
    left, sizes, right = np.linalg.svd(linear, full_matrices=False)
    rows = left @ right
    turn = np.vstack([rows, np.cross(rows[0], rows[1])])
    size = float(sizes.mean())
    for _ in range(ROUNDS):
        in_space = np.column_stack([seen, size * head @ turn[2]])
        left, _, right = np.linalg.svd(in_space.T @ head)
        turn = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
        flat = head @ turn[:2].T
        size = float((flat * seen).sum() / (flat**2).sum())
    return Pose(
        yaw_deg=math.degrees(math.asin(min(1.0, max(-1.0, turn[2, 0])))),
        pitch_deg=math.degrees(math.atan2(turn[2, 1], turn[2, 2])),
        roll_deg=math.degrees(math.atan2(turn[1, 0], turn[0, 0])),
    )


def pose_yaw(pose: Pose) -> Component:
    """Turn to the side in degrees, positive to the viewer's right. ISO/IEC 29794-5:2025, 7.4.11."""
    return Component.measured("pose_yaw", pose.yaw_deg, pose_score(pose.yaw_deg))


def pose_pitch(pose: Pose) -> Component:
    """Turn up or down in degrees, positive down. ISO/IEC 29794-5:2025, 7.4.11."""
    return Component.measured("pose_pitch", pose.pitch_deg, pose_score(pose.pitch_deg))


def pose_roll(pose: Pose) -> Component:
    """Lean in degrees, positive clockwise as the viewer sees it. ISO/IEC 29794-5:2025, 7.4.11."""
    return Component.measured("pose_roll", pose.roll_deg, pose_score(pose.roll_deg))


def pose_score(degrees: float) -> float:
    """The score of an angle, 0 to 100: 100 max(0, cos)²."""
    return 100 * max(0.0, math.cos(math.radians(degrees))) ** 2
