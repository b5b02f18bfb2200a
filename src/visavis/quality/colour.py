"""Whether the light on a face has a tint."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from visavis.quality.component import Component, sigmoid
from visavis.quality.exposure import linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats

# Linear sRGB to CIE XYZ, and its white, adapted to D50 (B. Lindbloom, "RGB/XYZ Matrices", Bradford; as OFIQ).
TO_XYZ: Floats = np.array(
    [(0.43605, 0.38508, 0.14309), (0.22249, 0.71689, 0.06062), (0.01393, 0.09710, 0.71419)]
)
WHITE: Floats = np.array([0.964221, 1.0, 0.825211])
NATURAL_A = (5.0, 25.0)
NATURAL_B = (5.0, 35.0)
UNNATURAL = 100.0  # OFIQ's native value where a* or b* is negative: greenish, bluish, or without colour


def natural_colour(cheeks: NDArray[np.uint8]) -> Component:
    """How far the mean colour of the cheeks lies from the colours that faces have in white light.

    ISO/IEC 29794-5:2025, 7.3.10. The native value is the distance of a* from 5..25 and b* from 5..35 in
    CIELAB, 0 and up, and 100 where either is negative.

    It's meant as a measure of light: a coloured lamp, a wrong white balance, a picture without colour. It
    isn't free of the skin: very light and very dark skin has little chroma, falls short of the range in white
    light and loses some points; a strong tint of the light loses many more. The score says nothing
    about the person, and a low one isn't a defect of the person.

    Args:
        cheeks: Height x width x 3, RGB, at least one pixel.
    """
    a, b = a_and_b(cheeks.mean(axis=(0, 1), dtype=np.float64) / 255)
    off = math.hypot(_outside(a, *NATURAL_A), _outside(b, *NATURAL_B))
    distance = UNNATURAL if a < 0 or b < 0 else off
    return Component.measured("natural_colour", distance, 200 * (1 - sigmoid(distance, 0, 10)))


def a_and_b(colour: Floats) -> tuple[float, float]:
    """a* and b* of CIELAB (CIE 15, white D50) of one sRGB colour, each 0 to 1."""
    ratios = TO_XYZ @ linear(colour) / WHITE
    x, y, z = np.where(ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116)
    return float(500 * (x - y)), float(200 * (y - z))


def _outside(value: float, low: float, high: float) -> float:
    return max(0.0, low - value, value - high)
