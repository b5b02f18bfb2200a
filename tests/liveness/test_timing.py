from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.liveness.answers import answered

from visavis.liveness.challenge import draw
from visavis.liveness.check import working_points
from visavis.liveness.frames import MAX_FRAMES, Frame
from visavis.liveness.timing import MAX_GAP_MS, problem_of, timing, without_face
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Callable

CHALLENGE = draw(seed=b"2")
SHOWN = answered(CHALLENGE)
FRAMES = list(SHOWN.frames)
END = CHALLENGE.duration_ms
TURN = next(step for step in CHALLENGE.steps if step.action in ("left", "right"))
COLOUR = next(step for step in CHALLENGE.steps if step.action == "colour")
SMALL = Photo.from_pixels(np.zeros((159, 300, 3), np.uint8))


def at(ms: float) -> Frame:
    return Frame(ms, FRAMES[0].photo)


def without(start: float, end: float) -> list[Frame]:
    return [frame for frame in FRAMES if not start <= frame.at_ms < end]


HOSTILE: dict[str, tuple[list[Frame], str]] = {
    "no frame": ([], "too_few_frames"),
    "one frame": (FRAMES[:1], "too_few_frames"),
    "a thousand": (FRAMES * 20, "too_many_frames"),
    "one too many": ([at(number * END / 300) for number in range(MAX_FRAMES + 1)], "too_many_frames"),
    "of two sizes": ([*FRAMES[:-1], Frame(FRAMES[-1].at_ms, SMALL)], "frames_differ_in_size"),
    "small": ([replace(frame, photo=SMALL) for frame in FRAMES], "frames_too_small"),
    "backwards": (FRAMES[::-1], "clock_backwards"),
    "two swapped": ([*FRAMES[:5], FRAMES[6], FRAMES[5], *FRAMES[7:]], "clock_backwards"),
    "at one time": ([at(5.0) for _ in range(60)], "clock_backwards"),
    "not a number": ([*FRAMES[:-1], at(math.nan)], "impossible_times"),
    "endless": ([*FRAMES[:-1], at(math.inf)], "impossible_times"),
    "faster than any camera": ([at(number * 1.0) for number in range(100)], "impossible_times"),
    "before it began": ([at(-501.0), *FRAMES], "impossible_times"),
    "long after it ended": ([*FRAMES, at(END + 2001)], "impossible_times"),
    "nothing for a second": (without(TURN.from_ms, TURN.from_ms + MAX_GAP_MS + 150), "frames_missing"),
    "nothing at the end": (without(END - 1000, END), "frames_missing"),
    "a colour unseen": (without(COLOUR.from_ms + 200, COLOUR.until_ms), "frames_missing"),
}


@pytest.mark.parametrize(("frames", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_frames_that_cannot_be_assessed(frames: list[Frame], code: str) -> None:
    problem = problem_of(CHALLENGE, frames)
    assert problem is not None
    assert problem[0] == code
    assert problem[1]


@pytest.mark.parametrize("rate", [5, 8, 15])
def test_the_usual_rates_will_do(rate: float) -> None:
    for seed in range(10):
        challenge = draw(seed=b"%d" % seed)
        gap = 1000 / rate
        frames = [at(ms) for ms in np.arange(gap / 2, challenge.duration_ms, gap)]
        assert problem_of(challenge, frames) is None


def test_a_step_without_faces_is_named() -> None:
    assert without_face(SHOWN.watched) is None
    faces = [
        None if TURN.from_ms <= frame.at_ms < TURN.until_ms else face
        for frame, face in zip(SHOWN.frames, SHOWN.faces, strict=True)
    ]
    problem = without_face(replace(SHOWN, faces=tuple(faces)).watched)
    assert problem is not None
    assert problem[0] == "face_missing"
    assert f"({TURN.action})" in problem[1]


def changed(change: Callable[[list[Frame]], list[Frame]]) -> float:
    frames = change(list(FRAMES))
    check = timing(replace(SHOWN, frames=tuple(frames)).watched, working_points())
    assert check.score is not None
    assert set(check.values) == {"frames", "repeated", "least_change"}
    return check.score


def recompressed(frame: Frame, random: np.random.Generator) -> Photo:
    """As a client that wants to hide it would send it: every value off by one at most."""
    pixels = frame.photo.pixels.astype(int) + random.integers(-1, 2, frame.photo.pixels.shape)
    return Photo.from_pixels(np.clip(pixels, 0, 255).astype(np.uint8))


def test_a_cameras_frames_are_all_different() -> None:
    assert changed(lambda frames: frames) > 0.5


def test_a_copy_anywhere_fails() -> None:
    assert (
        changed(lambda frames: [*frames[:40], replace(frames[40], photo=frames[3].photo), *frames[41:]]) == 0
    )


def test_a_copy_that_was_compressed_anew_fails() -> None:
    random = np.random.default_rng(1)

    def again(frames: list[Frame]) -> list[Frame]:
        return [*frames[:40], replace(frames[40], photo=recompressed(frames[3], random)), *frames[41:]]

    assert changed(again) < 0.5


def test_a_loop_fails() -> None:
    random = np.random.default_rng(1)
    loop = [
        replace(frame, photo=recompressed(FRAMES[number % 12], random)) for number, frame in enumerate(FRAMES)
    ]
    assert changed(lambda _: loop) < 0.5


def test_what_it_says() -> None:
    good = timing(SHOWN.watched, working_points())
    assert good.why == f"no two of the {len(FRAMES)} frames are alike"
    frozen = replace(SHOWN, frames=tuple(replace(frame, photo=FRAMES[0].photo) for frame in FRAMES))
    assert timing(frozen.watched, working_points()).why == f"{len(FRAMES) - 1} frames are copies of others"
