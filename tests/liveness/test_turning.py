from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.liveness.answers import LIVE, PICTURE, Manner, watched_points, without_faces

from visavis.liveness.challenge import Challenge, draw
from visavis.liveness.check import Check, working_points
from visavis.liveness.sequence import Watched
from visavis.liveness.turning import turning

CHALLENGE = draw(seed=b"5")
TURN = next(step for step in CHALLENGE.steps if step.action in ("left", "right"))
CLOSER = next(step for step in CHALLENGE.steps if step.action == "closer")


def checked(challenge: Challenge, manner: Manner = LIVE) -> Check:
    return turning(watched_points(challenge, manner), working_points())


@pytest.mark.parametrize("seed", range(20))
def test_a_head_that_does_what_is_asked_passes(seed: int) -> None:
    check = checked(draw(seed=b"%d" % seed), replace(LIVE, seed=seed))
    assert check.passed
    assert check.why.startswith("every turn went to the asked side")


def test_the_other_side_fails() -> None:
    check = checked(CHALLENGE, replace(LIVE, mirrored=True))
    assert check.score == 0
    assert check.why.startswith("the head turned to the wrong side")


def test_a_head_that_stays_straight_fails() -> None:
    check = checked(CHALLENGE, replace(LIVE, turn_deg=1.0))
    assert check.passed is False
    assert check.why.startswith("a turn that was asked for reached only")


def test_a_picture_that_is_turned_shows_no_turn_of_a_head() -> None:
    assert checked(CHALLENGE, replace(PICTURE, turn_deg=35.0)).passed is False


def test_the_answer_to_another_challenge_fails() -> None:
    """Two have the same turns in the same order in 1 of 148 cases: of 100 at most 4 (Poisson, 99.9 %)."""
    passed = sum(
        bool(checked(CHALLENGE, replace(LIVE, follows=draw(seed=b"other %d" % seed))).passed)
        for seed in range(100)
    )
    assert passed <= 4


def test_a_turn_where_none_is_asked_fails() -> None:
    watched = watched_points(CHALLENGE)
    aside = np.array([(0.0, 0), (0, 0), (16, 0), (0, 0), (0, 0)])
    seen = [
        replace(each, points=each.points + aside)
        if each.points is not None and CLOSER.from_ms + 800 < each.at_ms < CLOSER.until_ms - 200
        else each
        for each in watched.seen
    ]
    check = turning(Watched(CHALLENGE, tuple(seen)), working_points())
    assert check.passed is False
    assert "where no turn was asked for" in check.why


def test_a_jump_is_faster_than_a_head() -> None:
    """Cut from the straight look to the height of a turn: more than 25 degrees in 67 ms."""
    watched = watched_points(CHALLENGE, replace(LIVE, rate=15.0, turn_deg=35.0))
    middle = (TURN.from_ms + TURN.until_ms) / 2 + 200
    straight = watched.seen[5].points
    seen = [
        replace(each, points=straight) if TURN.from_ms <= each.at_ms < middle else each
        for each in watched.seen
    ]
    assert turning(watched, working_points()).passed
    jump = turning(Watched(CHALLENGE, tuple(seen)), working_points())
    assert (jump.values["fastest_deg_per_s"] or 0) > 25 / 0.067
    assert jump.passed is False


def test_a_turn_without_faces_is_not_assessed() -> None:
    gone = without_faces(watched_points(CHALLENGE), TURN.from_ms, TURN.until_ms + 500)
    assert turning(gone, working_points()).score is None
