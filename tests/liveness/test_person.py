from __future__ import annotations

import numpy as np
import pytest
from tests.liveness.answers import LIVE, watched_points

from visavis.errors import PackError
from visavis.faces.recognise import Template
from visavis.liveness.challenge import draw
from visavis.liveness.person import COMPARED, person, to_compare


def template(degrees: float, fingerprint: str = "f") -> Template:
    turn = np.radians(degrees)
    return Template(np.array([np.cos(turn), np.sin(turn)], dtype=np.float32), "toy", fingerprint)


@pytest.mark.parametrize(
    ("degrees", "least", "score"),
    [
        ((0, 0, 0), 1.0, 1.0),
        ((0, 10, 20, 30), 0.866, 1.0),
        ((0, 60, 30), 0.5, 0.7),  # cosine 0.5 is 0.1 above the threshold: 0.5 + 0.5 x 0.1 / 0.25
        ((0, 80, 40), 0.174, 0.047),  # 0.226 below: 0.5 - 0.5 x 0.226 / 0.25
        ((0, 0, 0, 0, 0, 0, 0, 90), 0.0, 0.0),  # one frame of somebody else is enough
    ],
)
def test_the_two_frames_that_are_least_alike_decide(
    degrees: tuple[float, ...], least: float, score: float
) -> None:
    check = person([template(each) for each in degrees], 0.4)
    assert check.values["least_similarity"] == pytest.approx(least, abs=1e-3)
    assert check.score == pytest.approx(score, abs=2e-3)
    assert ("one person" in check.why) is check.passed


def test_too_few_are_not_assessed() -> None:
    assert person([template(0), template(0)], 0.4).score is None
    assert person([], 0.4).score is None


def test_templates_of_two_packs_never_meet() -> None:
    with pytest.raises(PackError):
        person([template(0), template(0), template(0, "g")], 0.4)


def test_frames_from_all_of_the_time_that_look_straight_ahead() -> None:
    watched = watched_points(draw(seed=b"5"), LIVE)
    chosen = to_compare(watched)
    assert len(chosen) == COMPARED
    part = watched.challenge.duration_ms / COMPARED
    assert [int(watched.at_ms[frame] // part) for frame in chosen] == pytest.approx(range(COMPARED), abs=1)
    assert np.abs(watched.yaw_deg[chosen]).max() < 15
