"""How a face is lit: luminance, its spread, its extremes, and how alike both cheeks are.

All of it rests on luminance as OFIQ computes it: linear light from sRGB, weighted 0.2126, 0.7152, 0.0722
(ITU-R BT.709), rounded to 256 levels. Linear luminance is the light that a face sends back, so it depends on
the skin as much as on the lamp: in one and the same light dark skin has a lower mean, a smaller variance, a
lower entropy and a larger share of dark levels than light skin. A low score here is no proof of bad light.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from visavis.quality.component import Component, sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats

LEVELS = 256
WEIGHTS = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
DARK = 25  # levels up to here are under-exposed,
BRIGHT = 247  # and from here on over-exposed


def linear(value: Floats) -> Floats:
    """Linear light, 0 to 1, of sRGB values 0 to 1 (IEC 61966-2-1)."""
    return np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)


def luminance(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The level of luminance, 0 to 255, of each pixel of an RGB picture."""
    import cv2

    light = cv2.transform(cv2.LUT(pixels, _table()), np.ones((1, 3), dtype=np.float32))
    return (light + np.float32(0.5)).astype(np.uint8)


def shares(levels: NDArray[np.uint8]) -> Floats:
    """The share of each of the 256 levels among at least one; they add up to 1."""
    counted: Floats = np.bincount(levels.reshape(-1), minlength=LEVELS) / levels.size
    return counted


def luminance_mean(levels: Floats) -> Component:
    """Mean luminance of the face, 0 (black) to 1 (white). ISO/IEC 29794-5:2025, 7.3.4.2.

    Args:
        levels: `shares` of the face.
    """
    mean = _mean(levels)
    score = 100 * sigmoid(mean, 0.2, 0.05) * (1 - sigmoid(mean, 0.8, 0.05))
    return Component.measured("luminance_mean", mean, score)


def luminance_variance(levels: Floats) -> Component:
    """Variance of the luminance of the face, 0 to 0.25; 1/60 is best. ISO/IEC 29794-5:2025, 7.3.4.3.

    Args:
        levels: `shares` of the face.
    """
    variance = float(levels @ (_steps() - _mean(levels)) ** 2)
    score = 100 * math.sin(math.pi * 60 * variance / (60 * variance + 1))
    return Component.measured("luminance_variance", variance, score)


def under_exposure_prevention(levels: Floats) -> Component:
    """Share of the face in the darkest 26 levels, 0 to 1. ISO/IEC 29794-5:2025, 7.3.5.

    Args:
        levels: `shares` of the face.
    """
    share = float(levels[: DARK + 1].sum())
    return Component.measured("under_exposure_prevention", share, 120 * (0.832 - sigmoid(share, 0.92, 0.05)))


def over_exposure_prevention(levels: Floats) -> Component:
    """Share of the face in the brightest 9 levels, 0 to 1. ISO/IEC 29794-5:2025, 7.3.6.

    Args:
        levels: `shares` of the face.
    """
    share = float(levels[BRIGHT:].sum())
    return Component.measured("over_exposure_prevention", share, 1 / (share + 0.01))


def dynamic_range(levels: Floats) -> Component:
    """Entropy of the luminance of the face in bits, 0 to 8. ISO/IEC 29794-5:2025, 7.3.7.

    Args:
        levels: `shares` of the face.
    """
    filled = levels[levels > 0]
    entropy = max(0.0, -float(filled @ np.log2(filled)))
    return Component.measured("dynamic_range", entropy, 12.5 * entropy)


def illumination_uniformity(left: Floats, right: Floats) -> Component:
    """What the histograms of both cheeks have in common, 0 to 1. ISO/IEC 29794-5:2025, 7.3.3.

    Args:
        left: `shares` of one cheek.
        right: `shares` of the other.
    """
    common = float(np.minimum(left, right).sum())
    return Component.measured("illumination_uniformity", common, 100 * common**0.3)


def _mean(levels: Floats) -> float:
    return float(levels @ _steps())


@cache
def _steps() -> Floats:
    return np.arange(LEVELS) / (LEVELS - 1)


@cache
def _table() -> NDArray[np.float32]:
    """What each value of red, green and blue adds to the level of luminance: 1 x 256 x 3."""
    light = linear(_steps()) * (LEVELS - 1)
    return (light[None, :, None] * WEIGHTS).astype(np.float32)
