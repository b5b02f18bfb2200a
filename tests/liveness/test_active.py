from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.liveness.answers import LIVE, PICTURE, Answered, Toy, ToyCalibration, answered

from visavis.errors import PackError, PhotoError
from visavis.liveness.active import Active, ActiveDetector, together
from visavis.liveness.challenge import draw
from visavis.liveness.check import WORKING, Check, not_assessed
from visavis.liveness.frames import MAX_FRAMES, Frame
from visavis.photo import Photo

CHALLENGE = draw(seed=b"5")
CHECKS = ["timing", "person", "turning", "relief", "closer", "reflection"]


def judged(answer: Answered, **toy: Any) -> Active:
    detector = ActiveDetector(Toy(answer, **toy), calibration=ToyCalibration())  # type: ignore[arg-type]
    return detector.judge(CHALLENGE, answer.frames)


def test_a_live_person_who_does_what_is_asked() -> None:
    active = judged(answered(CHALLENGE))
    assert (active.outcome, active.problem) == ("live", None)
    assert active.why == "all 6 checks passed"
    assert [check.name for check in active.checks] == CHECKS
    assert active.score is not None
    assert active.score == min(check.score or 0 for check in active.checks) >= active.threshold == WORKING
    assert active.template is not None


def test_a_picture_that_is_turned_moved_and_lit() -> None:
    active = judged(answered(CHALLENGE, replace(PICTURE, turn_deg=35.0)))
    assert active.outcome == "attack"
    passed = {check.name: check.passed for check in active.checks}
    assert passed == {
        "timing": True,
        "person": True,
        "turning": False,
        "relief": False,
        "closer": True,
        "reflection": True,
    }


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"amount": 0.0}, {"reflection"}),
        ({"amount": 0.0, "veil": 0.2}, {"reflection"}),
        ({"closer": 1.0}, {"closer"}),
        ({"mirrored": True}, {"turning"}),
    ],
)
def test_the_check_that_is_meant_fails_alone(changes: dict[str, Any], failed: set[str]) -> None:
    active = judged(answered(CHALLENGE, replace(LIVE, **changes)))
    assert {check.name for check in active.checks if not check.passed} == failed
    assert active.outcome == "attack"
    assert active.why.startswith(f"{failed.pop()}: ")


def test_the_answer_to_another_challenge() -> None:
    active = judged(answered(CHALLENGE, replace(LIVE, follows=draw(seed=b"6"))))
    assert active.outcome == "attack"
    assert {check.name for check in active.checks if not check.passed} >= {"turning", "reflection"}


def test_two_people_in_turn() -> None:
    shown = answered(CHALLENGE)
    later = {frame.photo.sha256: 1 for frame in shown.frames if frame.at_ms > CHALLENGE.duration_ms / 2}
    active = judged(shown, people=later)
    assert active.outcome == "attack"
    assert active.why == "person: two of the frames don't show the same person"


def test_a_recogniser_sees_at_most_eight_frames() -> None:
    shown = answered(CHALLENGE)
    toy = Toy(shown)
    ActiveDetector(toy, calibration=ToyCalibration()).judge(CHALLENGE, shown.frames)  # type: ignore[arg-type]
    assert toy.looked == len(shown.frames)
    assert toy.recognised == 8


GREY = Photo.from_pixels(np.full((240, 180, 3), 128, np.uint8))
FRAMES = answered(CHALLENGE).frames


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        ((), "too_few_frames"),
        (FRAMES[:1], "too_few_frames"),
        (FRAMES * 11, "too_many_frames"),
        (FRAMES[::-1], "clock_backwards"),
        (tuple(Frame(frame.at_ms, GREY) for frame in FRAMES), "face_missing"),
    ],
)
def test_useless_frames_are_an_outcome(frames: tuple[Frame, ...], problem: str) -> None:
    toy = Toy(answered(CHALLENGE))
    active = ActiveDetector(toy, calibration=ToyCalibration()).judge(CHALLENGE, frames)  # type: ignore[arg-type]
    assert (active.outcome, active.problem, active.score) == ("not assessed", problem, None)
    assert active.checks == ()
    assert active.template is None
    assert toy.looked <= MAX_FRAMES


def test_a_frame_that_cannot_be_decoded_is_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: Any, **__: Any) -> Any:
        raise PhotoError("photo.damaged", "the JPEG is damaged")

    toy = Toy(answered(CHALLENGE))
    monkeypatch.setattr(toy, "look", damaged)
    active = ActiveDetector(toy, calibration=ToyCalibration()).judge(CHALLENGE, FRAMES)  # type: ignore[arg-type]
    assert (active.outcome, active.problem) == ("not assessed", "frame_unusable")


def test_a_check_that_cannot_be_made_leaves_it_open_unless_another_fails() -> None:
    good, bad, unknown = (
        Check("closer", 0.7, {}, "."),
        Check("relief", 0.2, {}, "flat"),
        not_assessed("light", "dark"),
    )
    open_one = together((good, unknown), None)
    assert (open_one.outcome, open_one.problem, open_one.score) == (
        "not assessed",
        "check_not_assessed",
        None,
    )
    assert open_one.why == "light: dark"
    assert open_one.checks == (good, unknown)
    attack = together((good, unknown, bad), None)
    assert (attack.outcome, attack.problem, attack.score) == ("attack", None, 0.2)
    assert attack.why == "relief: flat"
    nothing = together((unknown,), None)
    assert (nothing.outcome, nothing.problem) == ("not assessed", "check_not_assessed")


def test_threads_share_a_detector() -> None:
    shown = answered(CHALLENGE)
    detector = ActiveDetector(Toy(shown), calibration=ToyCalibration())  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: detector.judge(CHALLENGE, shown.frames), range(2))
    assert first == second


def test_a_calibration_of_another_pack_is_refused() -> None:
    with pytest.raises(PackError):
        ActiveDetector(Toy())  # type: ignore[arg-type]  # nothing ships for the pack "toy"


def test_as_plain_data() -> None:
    check = Check("timing", 0.123456, {"frames": 90.0}, "because")
    active = Active("attack", 0.123456, 0.5, (check,), None, "timing: because")
    data = active.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data == {
        "outcome": "attack",
        "score": 0.1235,
        "threshold": 0.5,
        "checks": [{"name": "timing", "score": 0.1235, "values": {"frames": 90.0}, "why": "because"}],
        "problem": None,
        "why": "timing: because",
    }
    nothing = Active.not_assessed("too_few_frames", "there are 3 frames").to_dict()
    assert (nothing["outcome"], nothing["score"], nothing["problem"]) == (
        "not assessed",
        None,
        "too_few_frames",
    )
