from __future__ import annotations

import numpy as np
import pytest
from tests.quality.layouts import SKIN, plain

from visavis.quality.colour import a_and_b, natural_colour


@pytest.mark.parametrize(
    ("colour", "expected"),
    # Published values of the sRGB primaries under D50 (B. Lindbloom's CIE colour calculator, Bradford).
    [((1, 0, 0), (80.81, 69.89)), ((0, 1, 0), (-79.29, 80.99)), ((0, 0, 1), (68.30, -112.03))],
)
def test_primaries(colour: tuple[float, float, float], expected: tuple[float, float]) -> None:
    assert a_and_b(np.array(colour, dtype=float)) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("colour", "distance", "score"),
    [
        (SKIN, 0.0, 100.0),
        ((255, 0, 0), 65.82, 0.28),  # hypot(80.81 - 25, 69.89 - 35); 200 / (1 + e^6.582)
        ((0, 0, 255), 100.0, 0.01),  # b* below 0
        ((0, 255, 0), 100.0, 0.01),  # a* below 0
        ((128, 128, 128), 100.0, 0.01),  # no colour at all
        ((0, 0, 0), 7.07, 66.05),  # both 0: hypot(5, 5); 200 / (1 + e^0.707)
    ],
)
def test_natural_colour(colour: tuple[int, int, int], distance: float, score: float) -> None:
    component = natural_colour(plain(colour, 6, 4))
    assert component.native == pytest.approx(distance, abs=0.05)
    assert component.score == pytest.approx(score, abs=0.05)


def test_it_is_the_mean_colour_that_counts() -> None:
    half = np.concatenate([plain((220, 150, 120), 4, 4), plain((180, 150, 120), 4, 4)])
    assert natural_colour(half) == natural_colour(plain(SKIN, 4, 8))
