from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import entropy

from visavis.quality import exposure


def histogram(**share: float) -> Any:
    """Shares by level: ``l0=0.5``."""
    levels = np.zeros(256)
    for name, value in share.items():
        levels[int(name[1:])] = value
    return levels


@pytest.mark.parametrize(
    ("colour", "expected"),
    # By hand: 255 (0.2126 r + 0.7152 g + 0.0722 b) of ((v / 255 + 0.055) / 1.055)^2.4, rounded.
    [
        ((0, 0, 0), 0),
        ((255, 255, 255), 255),
        ((255, 0, 0), 54),
        ((0, 255, 0), 182),
        ((0, 0, 255), 18),
        ((77, 77, 77), 19),  # 30 % grey: 18.92
        ((10, 10, 10), 1),  # on the straight part: 10 / 12.92 = 0.77
        ((188, 188, 188), 128),  # the sRGB value of half the light
    ],
)
def test_luminance(colour: tuple[int, int, int], expected: int) -> None:
    levels = exposure.luminance(np.full((4, 5, 3), colour, dtype=np.uint8))
    assert levels.shape == (4, 5)
    assert levels.dtype == np.uint8
    assert (levels == expected).all()


def test_shares_count_levels() -> None:
    shares = exposure.shares(np.array([[0, 0, 7, 255]], dtype=np.uint8))
    assert shares.shape == (256,)
    assert (shares[0], shares[7], shares[255]) == (0.5, 0.25, 0.25)
    assert shares.sum() == 1


def test_half_black_and_half_30_percent_grey() -> None:
    levels = exposure.shares(
        exposure.luminance(np.repeat([[[0] * 3, [77] * 3]], 10, axis=0).astype(np.uint8))
    )
    # By hand: levels 0 and 19, so m = 9.5 / 255 and v = m².
    mean = exposure.luminance_mean(levels)
    assert mean.native == pytest.approx(0.037255, abs=1e-6)
    assert mean.score == pytest.approx(3.71, abs=0.05)  # 1 / (1 + e^3.2549)
    variance = exposure.luminance_variance(levels)
    assert variance.native == pytest.approx(0.0013879, abs=1e-7)
    assert variance.score == pytest.approx(23.9, abs=0.05)  # sin(pi 0.083276 / 1.083276)
    assert exposure.under_exposure_prevention(levels).native == 1
    assert exposure.dynamic_range(levels).native == 1


@pytest.mark.parametrize(
    ("level", "score"),
    # By hand: 100 S(m; 0.2, 0.05) (1 - S(m; 0.8, 0.05)) with m = level / 255.
    [(0, 1.80), (51, 50.0), (64, 73.49), (128, 99.51), (204, 50.0), (255, 1.80)],
)
def test_luminance_mean(level: int, score: float) -> None:
    component = exposure.luminance_mean(histogram(**{f"l{level}": 1.0}))
    assert component.native == pytest.approx(level / 255)
    assert component.score == pytest.approx(score, abs=0.05)


@pytest.mark.parametrize(
    ("low", "high", "score"),
    [
        (100, 100, 0.0),
        (0, 255, 19.51),  # v = 1/4: sin(15 pi / 16)
        (95, 161, 99.998),  # v = (33 / 255)² = 0.016747, nearly 1/60
        (118, 138, 26.23),  # v = (10 / 255)²: sin(pi 0.092272 / 1.092272)
    ],
)
def test_luminance_variance(low: int, high: int, score: float) -> None:
    levels = histogram(**{f"l{low}": 0.5}) + histogram(**{f"l{high}": 0.5})
    component = exposure.luminance_variance(levels)
    assert component.native == pytest.approx(((high - low) / 2 / 255) ** 2)
    assert component.score == pytest.approx(score, abs=0.05)


@pytest.mark.parametrize(
    ("share", "score"),
    # By hand: 120 (0.832 - 1 / (1 + e^((0.92 - x) / 0.05))).
    [(0.0, 99.84), (0.5, 99.81), (0.85, 76.06), (0.92, 39.84), (1.0, 0.0)],
)
def test_under_exposure_prevention(share: float, score: float) -> None:
    component = exposure.under_exposure_prevention(histogram(l25=share, l26=1 - share))
    assert component.native == pytest.approx(share)
    assert component.score == pytest.approx(score, abs=0.05)


@pytest.mark.parametrize(("share", "score"), [(0.0, 100.0), (0.01, 50.0), (0.04, 20.0), (1.0, 0.99)])
def test_over_exposure_prevention(share: float, score: float) -> None:
    component = exposure.over_exposure_prevention(histogram(l247=share, l246=1 - share))
    assert component.native == pytest.approx(share)
    assert component.score == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(
    ("levels", "bits"),
    [
        (histogram(l9=1.0), 0.0),
        (histogram(l0=0.25, l1=0.25, l2=0.25, l255=0.25), 2.0),
        (histogram(l0=0.5, l80=0.25, l200=0.25), 1.5),
        (np.full(256, 1 / 256), 8.0),
    ],
)
def test_dynamic_range(levels: Any, bits: float) -> None:
    component = exposure.dynamic_range(levels)
    assert component.native == pytest.approx(bits)
    assert component.score == pytest.approx(12.5 * bits)


def test_dynamic_range_against_scipy() -> None:
    levels = np.random.default_rng(3).dirichlet(np.ones(256))
    assert exposure.dynamic_range(levels).native == pytest.approx(entropy(levels, base=2))


@pytest.mark.parametrize(
    ("common", "score"),
    [(1.0, 100.0), (0.5, 81.23), (0.1, 50.12), (0.0, 0.0)],  # by hand: 100 x^0.3
)
def test_illumination_uniformity(common: float, score: float) -> None:
    left = histogram(l40=common, l60=1 - common)
    right = histogram(l40=common, l200=1 - common)
    component = exposure.illumination_uniformity(left, right)
    assert component.native == pytest.approx(common)
    assert component.score == pytest.approx(score, abs=0.01)
    assert exposure.illumination_uniformity(right, left) == component
