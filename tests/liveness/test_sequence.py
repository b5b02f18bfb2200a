from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.liveness.answers import EYES_PX, LIVE, MARKS, answered, face_at, texture

from visavis.liveness.challenge import draw
from visavis.liveness.sequence import LIGHT_SIDE, Seen
from visavis.liveness.timing import without_face
from visavis.photo import Photo

CHALLENGE = draw(seed=b"1")
TURNS = [step for step in CHALLENGE.steps if step.action in ("left", "right")]
GREY = Photo.from_pixels(np.full((240, 180, 3), 188, np.uint8))
FACE = face_at(EYES_PX * MARKS + (90.0, 120.0))


def test_turns_have_the_sign_of_their_side_and_their_size() -> None:
    """`pose_of` knows a head whose mouth lies behind its eyes, unlike the drawn one's: 25 is 15 to 35."""
    watched = answered(CHALLENGE).watched
    for step in TURNS:
        during = watched.yaw_deg[watched.during(step, after_ms=500, late_ms=200)]
        most = during[np.argmax(np.abs(during))]
        assert np.sign(most) == (1 if step.action == "left" else -1)
        assert 15 < abs(most) < 35
    straight = watched.yaw_deg[watched.during(CHALLENGE.steps[0])]
    assert np.abs(straight).max() < 4


def test_the_scale_is_that_of_the_face_and_not_of_a_turn() -> None:
    watched = answered(CHALLENGE, replace(LIVE, closer=1.3)).watched
    [closer] = [step for step in CHALLENGE.steps if step.action == "closer"]
    assert watched.scale[watched.during(closer)].max() == pytest.approx(1.3, abs=0.04)
    for step in TURNS:
        assert watched.scale[watched.during(step, after_ms=500)] == pytest.approx(1.0, abs=0.06)


def test_a_single_frame_that_is_far_off_disappears() -> None:
    shown = answered(CHALLENGE)
    calm = shown.watched.yaw_deg
    faces = list(shown.faces)
    faces[3] = face_at(
        EYES_PX * MARKS[[0, 1, 2, 3, 4]] + [(0, 0), (0, 0), (15, 0), (0, 0), (0, 0)] + (90.0, 120.0)
    )
    jumpy = replace(shown, faces=tuple(faces)).watched.yaw_deg
    assert np.abs(jumpy - calm)[:8].max() < 4


def test_frames_without_a_face_are_no_numbers() -> None:
    shown = answered(CHALLENGE)
    faces = list(shown.faces)
    faces[2] = faces[20] = None
    watched = replace(shown, faces=tuple(faces)).watched
    assert np.flatnonzero(~watched.found).tolist() == [2, 20]
    for values in (watched.yaw_deg, watched.scale):
        assert np.flatnonzero(~np.isfinite(values)).tolist() == [2, 20]
    assert watched.moved(20) is None
    assert without_face(watched) is None


def test_scattered_points_are_no_face() -> None:
    seen = Seen.of(0.0, GREY, face_at(np.array([(10.0, 10), (10, 10.2), (100, 50), (5, 90), (170, 20)])))
    assert (seen.points, seen.look, seen.light) == (None, None, None)


def test_light_is_linear() -> None:
    """188 of 255 is 0.503 of the light (IEC 61966-2-1)."""
    seen = Seen.of(0.0, GREY, FACE)
    assert seen.light is not None
    assert seen.light.shape == (16, 16, 3)
    assert seen.light == pytest.approx(0.503, abs=0.001)
    assert seen.thumbnail.shape == (64, 64)
    assert seen.thumbnail == pytest.approx(188, abs=0.01)


def test_what_is_burnt_out_is_no_number() -> None:
    pixels = np.full((240, 180, 3), 188, np.uint8)
    pixels[:, :90, 0] = 255  # on the picture's left the red is gone
    seen = Seen.of(0.0, Photo.from_pixels(pixels), FACE)
    assert seen.light is not None
    half = LIGHT_SIDE // 4 // 2
    assert np.isnan(seen.light[:, : half - 1, 0]).all()
    assert np.isfinite(seen.light[:, half + 1 :]).all()
    assert np.isfinite(seen.light[..., 1:]).all()


def test_the_drawn_face_is_nobodys_and_the_same_each_time() -> None:
    assert np.array_equal(texture(1), texture.__wrapped__(1))
    assert not np.array_equal(texture(1), texture(2))
