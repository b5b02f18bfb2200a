from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from tests.liveness.answers import LIVE, NOTHING, marks_at, step_at, times_of

from visavis.liveness.challenge import Challenge, draw
from visavis.liveness.check import Check, working_points
from visavis.liveness.reflection import reflection
from visavis.liveness.sequence import LINEAR, Seen, Watched

CHALLENGE = draw(seed=b"5")
POINTS = marks_at(0.0, 1.0, 0.5)


@dataclass(frozen=True)
class Scene:
    """What lights a face of 16 x 16 cells, and what the camera makes of it."""

    amount: float = 0.1
    room: tuple[float, float, float] = (0.6, 0.6, 0.6)
    veil: float = 0.0
    mirror: float = 0.0
    drift: float = 0.0
    exposure: float = 0.0
    white: tuple[float, float, float] = (1.0, 1.0, 1.0)
    albedo: float = 0.5
    noise: float = 0.004
    follows: Challenge | None = None


def watched(scene: Scene, challenge: Challenge = CHALLENGE) -> Watched:
    random = np.random.default_rng(4)
    shade = np.clip(random.normal(1, 0.35, (16, 16, 1)), 0.3, 2)
    albedo = scene.albedo * shade * np.array([1.0, 0.7, 0.55])
    mirror = (np.mgrid[:16, :16][1] < 6)[..., None] * scene.mirror
    seen = []
    for ms in times_of(challenge, LIVE, random):
        step = step_at(scene.follows or challenge, ms - 80)
        flash = LINEAR[list(step.colour)] if step is not None and step.colour else np.zeros(3)
        light = albedo * (np.array(scene.room) + scene.amount * flash) + (scene.veil + mirror) * flash
        seconds = ms / 1000
        gain = (1 + scene.exposure * np.sin(seconds)) * np.array(scene.white)
        gain = gain * np.exp(scene.drift * seconds * np.array([1, 0, -1]))
        light = light * gain * np.exp(random.normal(0, scene.noise, light.shape))
        seen.append(Seen(float(ms), f"{ms}", NOTHING, POINTS, None, light))
    return Watched(challenge, tuple(seen))


def checked(scene: Scene, challenge: Challenge = CHALLENGE) -> Check:
    return reflection(watched(scene, challenge), working_points())


LIVE_SCENES: dict[str, Scene] = {
    "as usual": Scene(),
    "a dim room": Scene(amount=0.5),
    "a bright room": Scene(amount=0.03),
    "dark skin": Scene(albedo=0.06),
    "light skin": Scene(albedo=0.9),
    "a warm lamp": Scene(room=(1.0, 0.5, 0.2)),
    "under the sky": Scene(room=(0.5, 0.6, 0.8)),
    "a wrong white balance": Scene(white=(1.5, 1.0, 0.6)),
    "a white balance that drifts": Scene(drift=0.02),
    "an exposure that drifts": Scene(exposure=0.2),
}


@pytest.mark.parametrize("scene", LIVE_SCENES.values(), ids=LIVE_SCENES.keys())
def test_skin_that_follows_the_screen_passes(scene: Scene) -> None:
    check = checked(scene)
    assert check.passed, check
    assert (check.values["correlation"] or 0) > 0.9
    assert abs(check.values["uneven"] or 0) < 0.15
    assert abs(check.values["veil"] or 0) < 0.15
    assert check.why == "the light on the face follows the colours that were shown"


def test_the_amount_does_not_depend_on_the_skin() -> None:
    """A full colour adds 0.1 to a room of 0.6."""
    for albedo in (0.06, 0.3, 0.9):
        assert checked(Scene(albedo=albedo)).values["amount"] == pytest.approx(0.1 / 0.6, rel=0.15)


ATTACKS: dict[str, tuple[Scene, str]] = {
    "sends nothing back": (Scene(amount=0.0), ""),
    "sends next to nothing back": (Scene(amount=0.004), "too little"),
    "other colours": (Scene(follows=draw(seed=b"6")), "doesn't follow"),
    "glass over all": (Scene(amount=0.0, veil=0.05), "as from glass"),
    "a mirror image": (Scene(amount=0.0, mirror=0.1), "as from glass"),
}


@pytest.mark.parametrize(("scene", "why"), ATTACKS.values(), ids=ATTACKS.keys())
def test_what_is_no_skin_fails(scene: Scene, why: str) -> None:
    check = checked(scene)
    assert check.passed is False
    assert why in check.why


def test_colours_guessed_at_random_rarely_pass() -> None:
    """In about 1 of 100 cases; the turns beside them in 1 of 148. At most 3 of 60 (Poisson, 99.6 %)."""
    passed = 0
    for seed in range(60):
        guessed = list(draw(seed=b"guess %d" % seed).steps)
        colours = [step.colour for step in guessed if step.colour is not None]
        steps = [
            replace(step, colour=colours[number % len(colours)]) if step.colour else step
            for number, step in enumerate(CHALLENGE.steps)
        ]
        passed += bool(checked(Scene(follows=replace(CHALLENGE, steps=tuple(steps)))).passed)
    assert passed <= 3


def dimmed(value: Any) -> Watched:
    whole = watched(Scene())
    seen = [replace(each, light=None if each.light is None else each.light * value) for each in whole.seen]
    return Watched(CHALLENGE, tuple(seen))


@pytest.mark.parametrize("value", [np.nan, 1e-3])
def test_a_face_that_is_burnt_out_or_dark_is_not_assessed(value: float) -> None:
    check = reflection(dimmed(value), working_points())
    assert check.score is None
    assert "burnt out or too dark" in check.why


def test_without_faces_it_is_not_assessed() -> None:
    first = CHALLENGE.steps[0].until_ms
    whole = watched(Scene()).seen
    seen = [each if each.at_ms < first - 600 else replace(each, points=None, light=None) for each in whole]
    check = reflection(Watched(CHALLENGE, tuple(seen)), working_points())
    assert check.score is None
