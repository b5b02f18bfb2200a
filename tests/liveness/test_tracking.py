from __future__ import annotations

import math

import numpy as np
import pytest
from tests.liveness.answers import LIVE, PICTURE, marks_at, picture_at

from visavis.liveness.challenge import draw
from visavis.liveness.tracking import Look, followed
from visavis.photo import Photo

DRAWN = draw(seed=b"5")
TURN = next(step for step in DRAWN.steps if step.action in ("left", "right"))
MIDDLE = (TURN.from_ms + TURN.until_ms) / 2 + 200


def look(ms: float, depth: float, turn_deg: float, *, noise: int = 1) -> Look:
    manner = type(LIVE)(depth=depth, turn_deg=turn_deg)
    pixels, points = picture_at(ms, DRAWN, manner, np.random.default_rng(noise))
    return Look.at(Photo.from_pixels(pixels), points)


@pytest.mark.parametrize("depth", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("turn_deg", [10.0, 25.0, 35.0])
def test_a_turn_is_measured(depth: float, turn_deg: float) -> None:
    """The plane is narrowed by cos(t), and the nose goes d sin(t) further; its round sides a bit less."""
    moved = followed(look(100, depth, turn_deg), look(MIDDLE, depth, turn_deg, noise=2))
    assert moved is not None
    assert moved.narrowed == pytest.approx(math.cos(math.radians(turn_deg)), abs=0.05)
    assert moved.parallax == pytest.approx(
        0.9 * depth * math.sin(math.radians(turn_deg)), abs=0.015 + 0.04 * depth
    )


def test_points_that_are_off_do_not_mislead() -> None:
    """Landmarks say where to begin, and no more: those of a network are off by a pixel or two."""
    pixels, points = picture_at(MIDDLE, DRAWN, PICTURE, np.random.default_rng(2))
    straight = look(100, 0.0, 25.0)
    off = points + np.array([(1.5, 0), (-1, 1), (2.5, 0.5), (0, -1.5), (1, 1)])
    moved = followed(straight, Look.at(Photo.from_pixels(pixels), off))
    assert moved is not None
    assert moved.parallax < 0.015


def test_light_does_not_matter() -> None:
    pixels, points = picture_at(MIDDLE, DRAWN, LIVE, np.random.default_rng(2))
    shade = np.linspace(0.5, 1.0, pixels.shape[1])[None, :, None]
    darker = Photo.from_pixels((pixels * shade).astype(np.uint8))
    straight = look(100, 0.5, 25.0)
    bright, dark = (followed(straight, Look.at(each, points)) for each in (Photo.from_pixels(pixels), darker))
    assert bright is not None
    assert dark is not None
    assert dark.parallax == pytest.approx(bright.parallax, abs=0.01)


@pytest.mark.parametrize("pixels", ["blank", "noise"])
def test_what_cannot_be_followed_is_none(pixels: str) -> None:
    other = {
        "blank": np.full((240, 180, 3), 128, np.uint8),
        "noise": np.random.default_rng(3).integers(0, 256, (240, 180, 3), dtype=np.uint8),
    }[pixels]
    points = marks_at(0.0, 1.0, 0.5)
    assert followed(look(100, 0.5, 25.0), Look.at(Photo.from_pixels(other), points)) is None


def test_points_on_a_line_are_none() -> None:
    line = np.column_stack([np.linspace(60, 120, 5), np.linspace(60, 180, 5)])
    pixels, _ = picture_at(100, DRAWN, LIVE, np.random.default_rng(2))
    flat = Look(Look.at(Photo.from_pixels(pixels), marks_at(0, 1, 0)).grey, line)
    assert followed(flat, flat) is None
