from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from visavis.quality import pose
from visavis.quality.pose import ERROR_95_DEG, HEAD, VARIED_ERROR_95_DEG, pose_of

if TYPE_CHECKING:
    from visavis.geometry import Floats

AXES = ("yaw", "pitch", "roll")


def seen(head: Floats, yaw: float, pitch: float, roll: float, *, distance: float = 1e9) -> Floats:
    """Five points of a head that is turned and seen from `distance`, in distances between its eyes."""
    # With x to the right, y down and z away, a turn to the viewer's right is a negative one about y.
    turn = Rotation.from_euler("ZYX", [roll, -yaw, pitch], degrees=True)
    turned = turn.apply(head - head.mean(axis=0))
    picture: Floats = turned[:, :2] * (distance / (distance + turned[:, 2:]))
    return picture


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"),
    [(0, 0, 0), (30, 0, 0), (-45, 0, 0), (0, 40, 0), (0, -40, 0), (0, 0, 170), (25, -35, -60), (60, 10, 5)],
)
@pytest.mark.parametrize("size", [1.0, 250.0])
def test_exact_points_give_the_pose(yaw: float, pitch: float, roll: float, size: float) -> None:
    found = pose_of(size * seen(HEAD, yaw, pitch, roll) + (17, -4))
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx((yaw, pitch, roll), abs=0.1)


def test_directions_by_hand() -> None:
    """On pictures that need no head: the nose goes where the face looks."""
    upright = [(40, 40), (80, 40), (60, 63), (43, 81), (77, 81)]

    def moved(x: float, y: float) -> pose.Pose:
        points = np.array(upright, dtype=float)
        points[2] += (x, y)
        return pose_of(points)

    assert abs(moved(0, 0).yaw_deg) < 1
    assert moved(8, 0).yaw_deg > 8  # to the viewer's right
    assert moved(-8, 0).yaw_deg < -8
    assert moved(0, 6).pitch_deg > moved(0, 0).pitch_deg + 5  # down
    assert moved(0, -6).pitch_deg < moved(0, 0).pitch_deg - 5
    quarter = np.array([(120 - y, x) for x, y in upright], dtype=float)  # clockwise, as y runs down
    assert pose_of(quarter).roll_deg == pytest.approx(90, abs=1)


def errors(*, varied: bool) -> Floats:
    """The 95th percentile of the errors of yaw, pitch and roll, in degrees."""
    random = np.random.default_rng(20)
    found = []
    for _ in range(1500):
        head = HEAD.copy()
        if varied:
            head[2, 2] = head[0, 2] + (head[2, 2] - head[0, 2]) * random.uniform(0.8, 1.2)
            head[2, 1] *= random.normal(1, 0.05)
            head[3:] *= (random.normal(1, 0.05), random.normal(1, 0.05), 1)
        truth = random.uniform(-45, 45), random.uniform(-45, 45), random.uniform(-30, 30)
        points = seen(head, *truth, distance=10) + random.normal(0, 0.02, (5, 2))
        estimate = pose_of(points)
        found.append(np.subtract((estimate.yaw_deg, estimate.pitch_deg, estimate.roll_deg), truth))
    result: Floats = np.percentile(np.abs(found), 95, axis=0)
    return result


@pytest.mark.parametrize(("varied", "stated"), [(False, ERROR_95_DEG), (True, VARIED_ERROR_95_DEG)])
def test_the_errors_are_as_stated(varied: bool, stated: dict[str, float]) -> None:
    for axis, error in zip(AXES, errors(varied=varied), strict=True):
        assert 0.9 * stated[axis] < error < stated[axis], axis


@pytest.mark.parametrize(
    ("degrees", "score"), [(0, 100), (30, 75), (-45, 50), (60, 25), (90, 0), (120, 0), (-180, 0)]
)
def test_scores(degrees: float, score: float) -> None:
    turned = pose.Pose(degrees, degrees, degrees)
    for component in (pose.pose_yaw(turned), pose.pose_pitch(turned), pose.pose_roll(turned)):
        assert component.native == degrees
        assert component.score == pytest.approx(score)
