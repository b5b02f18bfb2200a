from __future__ import annotations

from dataclasses import replace

import pytest
from tests.liveness.answers import LIVE, PICTURE, Manner, answered

from visavis.liveness.challenge import draw
from visavis.liveness.check import Check, working_points
from visavis.liveness.relief import relief

CHALLENGE = draw(seed=b"5")


def checked(manner: Manner) -> Check:
    return relief(answered(CHALLENGE, manner).watched, working_points())


@pytest.mark.parametrize(("depth", "turn_deg"), [(0.5, 25.0), (0.5, 18.0), (0.4, 30.0)])
def test_a_nose_that_stands_out_passes(depth: float, turn_deg: float) -> None:
    """The drawn nose is round and wide: points beside its tip stand out a little less than it does."""
    check = checked(replace(LIVE, depth=depth, turn_deg=turn_deg))
    assert check.passed
    assert check.values["nose_depth"] == pytest.approx(0.9 * depth, abs=0.25 * depth)
    assert check.why.startswith("the nose stands out of the face by")


@pytest.mark.parametrize("turn_deg", [18.0, 30.0, 45.0])
def test_a_picture_fails_however_far_it_is_turned(turn_deg: float) -> None:
    check = checked(replace(PICTURE, turn_deg=turn_deg))
    assert check.score is not None
    assert check.score < 0.25
    assert (check.values["nose_depth"] or 0) < 0.05
    assert "as on a picture" in check.why


def test_a_slight_bend_fails() -> None:
    assert checked(replace(LIVE, depth=0.06)).passed is False


def test_without_faces_in_the_turns_it_is_not_assessed() -> None:
    shown = answered(CHALLENGE)
    turns = [step for step in CHALLENGE.steps if step.action in ("left", "right")]
    faces = [
        None if any(step.from_ms <= frame.at_ms < step.until_ms + 400 for step in turns) else face
        for frame, face in zip(shown.frames, shown.faces, strict=True)
    ]
    watched = replace(shown, faces=tuple(faces)).watched
    assert relief(watched, working_points()).score is None
