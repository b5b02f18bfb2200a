from __future__ import annotations

from dataclasses import replace

import pytest
from tests.liveness.answers import LIVE, watched_points, without_faces

from visavis.liveness.challenge import draw
from visavis.liveness.check import working_points
from visavis.liveness.closer import closer

CHALLENGE = draw(seed=b"5")
STEP = next(step for step in CHALLENGE.steps if step.action == "closer")


@pytest.mark.parametrize(
    ("grown", "passed"), [(1.5, True), (1.25, True), (1.05, False), (1.0, False), (0.8, False)]
)
def test_a_face_grows_when_it_is_asked_to(grown: float, passed: bool) -> None:
    check = closer(watched_points(CHALLENGE, replace(LIVE, closer=grown)), working_points())
    assert check.passed is passed
    # The largest fifth of half a sine wave lies above 0.59 of its height, whatever the frames miss of it.
    assert 1 + 0.59 * (grown - 1) <= (check.values["growth"] or 0) + 0.02
    assert check.why.endswith(": too little") is not passed


def test_at_another_time_it_does_not_count() -> None:
    others = [draw(seed=b"other %d" % seed) for seed in range(30)]
    apart = [
        other
        for other in others
        for step in other.steps
        if step.action == "closer"
        and (step.from_ms > STEP.until_ms + 500 or step.until_ms < STEP.from_ms - 500)
    ]
    assert len(apart) > 5
    for other in apart:
        watched = watched_points(CHALLENGE, replace(LIVE, follows=other, turn_deg=0.0))
        assert closer(watched, working_points()).passed is False


def test_without_faces_it_is_not_assessed() -> None:
    gone = without_faces(watched_points(CHALLENGE), STEP.from_ms, STEP.until_ms + 500)
    assert closer(gone, working_points()).score is None
