from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from tests.quality.layouts import face_at, photo, plain

from visavis.quality.aligned import POINTS, AlignedFace, align_face
from visavis.quality.component import Component, FailureToAssess
from visavis.quality.sharpness import (
    Detail,
    coarse_detail,
    detail_of,
    directional_detail,
    grain_prevention,
    sharpness_proxy,
)


def blobs(
    blur: float, *, seed: int = 5, contrast: float = 1.0
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture of 256 x 256 with detail of every size (1/f noise), blurred by `blur` pixels."""
    random = np.random.default_rng(seed)
    waves = np.fft.fft2(random.normal(size=(256, 256)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    frequency[0, 0] = 1
    noise = gaussian_filter(np.fft.ifft2(waves / frequency).real, blur)
    values = 128 + contrast * 40 * (noise - noise.mean()) / noise.std()
    return np.repeat(values.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def measured(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], size: float = 1.0) -> Component:
    return sharpness_proxy(align_face(photo(pixels), face_at(POINTS * size)))


def test_blur_lowers_it_step_by_step() -> None:
    scores = [measured(blobs(blur)).score for blur in (0.0, 4.0, 6.0, 9.0, 14.0)]
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    assert (scores[0] or 0) > 75
    assert (scores[-1] or 100) < 10


@pytest.mark.parametrize("contrast", [0.4, 0.7, 1.4])
def test_contrast_and_exposure_leave_it_alone(contrast: float) -> None:
    usual, other = measured(blobs(4)).native, measured(blobs(4, contrast=contrast)).native
    assert other == pytest.approx(usual, abs=0.1)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_size_of_the_picture_leaves_it_alone(size: int) -> None:
    pixels = blobs(3)
    larger = cv2.resize(pixels, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
    usual = measured(pixels)
    again = measured(larger.astype(np.uint8), size)
    assert again.native == pytest.approx(usual.native, abs=0.2)
    assert again.score == pytest.approx(usual.score, abs=3)


def test_by_hand_on_stripes() -> None:
    """Columns of 0 and 80 in turn, each 8 pixels wide and so 2 on the shrunk face: 0 0 80 80 ..."""
    stripes = np.zeros((256, 256, 3), dtype=np.uint8)
    stripes[:, np.arange(256) // 8 % 2 == 1] = 80
    # Laplacian of 0 0 80 80: each value has one neighbour that differs by 80, so it is +-80; the grey values
    # deviate from their mean by 40. Their variances are 80² and 40² but for the odd column of the window.
    component = sharpness_proxy(AlignedFace(stripes, POINTS, None))
    assert component.native == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (120, 90, 60)])
def test_a_face_without_contrast(colour: tuple[int, int, int]) -> None:
    with pytest.raises(FailureToAssess, match="no contrast"):
        measured(plain(colour))


def test_a_slope_has_no_detail() -> None:
    slope = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2)
    assert measured(slope).score == pytest.approx(0, abs=1e-3)


def test_a_cut_face() -> None:
    aligned = align_face(photo(blobs(3)), face_at(POINTS - (100, 0)))
    with pytest.raises(FailureToAssess, match="lies outside"):
        sharpness_proxy(aligned)


# Coarse detail and grain


def noisy(blur: float, noise: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Blobs with so much noise, in grey values, on every pixel."""
    grain = np.random.default_rng(8).normal(0, noise, (256, 256, 1))
    return (blobs(blur) + grain).clip(0, 255).round().astype(np.uint8)


def detail_in(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], shift: float = 0) -> Detail:
    return detail_of(align_face(photo(pixels), face_at(POINTS - (shift, 0))))


def both(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], shift: float = 0) -> tuple[float, float]:
    detail = detail_in(pixels, shift)
    coarse, grain = coarse_detail(detail), grain_prevention(detail)
    assert coarse.native == detail.coarse
    assert grain.native == pytest.approx(detail.fine - detail.coarse)
    return coarse.score or 0, grain.score or 0


def test_noise_passes_for_sharpness_but_not_for_coarse_detail() -> None:
    blurred, spoiled = blobs(14), noisy(14, 20)
    assert (measured(spoiled).score or 0) > (measured(blurred).score or 0) + 20
    assert both(spoiled)[0] < both(blobs(0))[0] - 20
    assert both(spoiled)[1] < both(blurred)[1] - 20


def test_blur_lowers_coarse_detail_step_by_step() -> None:
    scores = [both(blobs(blur))[0] for blur in (0.0, 6.0, 9.0, 14.0, 20.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 60
    assert scores[-1] < 10


def test_noise_lowers_grain_prevention_step_by_step() -> None:
    scores = [both(noisy(4, noise))[1] for noise in (0, 10, 20, 40)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 30


def test_detail_by_hand_on_stripes() -> None:
    """Columns of 0 and 80, each 16 pixels wide: 2 on the coarse face, 4 on the fine one."""
    stripes = np.zeros((256, 256, 3), dtype=np.uint8)
    stripes[:, np.arange(256) // 16 % 2 == 1] = 80
    # As above: coarse +-80 in all columns, 80² over 40² = 4. Fine: only 22 of the window's 42 columns have a
    # neighbour that differs.
    detail = detail_of(AlignedFace(stripes, POINTS, None))
    assert (detail.fine, detail.coarse) == pytest.approx((math.log2(4 * 22 / 42), 2), abs=0.02)


def test_detail_of_what_lies_on_the_photo() -> None:
    """The edge of the photo isn't taken for detail, and less than half of the middle isn't enough."""
    whole, cut = both(blobs(9)), both(blobs(9), shift=60)
    assert cut == pytest.approx(whole, abs=15)
    with pytest.raises(FailureToAssess, match="less than half"):
        both(blobs(3), shift=120)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255)])
def test_detail_of_a_face_without_contrast(colour: tuple[int, int, int]) -> None:
    with pytest.raises(FailureToAssess, match="no contrast"):
        both(plain(colour))


# Detail by direction


def moved(length: int, degrees: float, blur: float = 0.0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Blobs blurred along a line of `length` pixels in a direction."""
    kernel = np.zeros((length, length), dtype=np.uint8)
    middle = (length - 1) / 2
    along = middle * np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    first, second = (tuple(round(value) for value in middle + sign * along) for sign in (-1, 1))
    cv2.line(kernel, first, second, 1)
    weights = kernel / kernel.sum()
    return cv2.filter2D(blobs(blur), -1, weights, borderType=cv2.BORDER_REFLECT).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 120])
def test_a_movement_in_any_direction_is_seen(degrees: float) -> None:
    """Moved so far that no direction but one loses anything: coarse detail stays, the least doesn't."""
    still, blurred = detail_in(blobs(0)), detail_in(moved(41, degrees))
    assert still.least - blurred.least > 3
    assert still.coarse - blurred.coarse < still.least - blurred.least - 0.5


def test_the_further_it_moved_the_less_there_is() -> None:
    scores = [directional_detail(detail_in(moved(length, 30))).score for length in (1, 15, 31, 61)]
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    assert (scores[0] or 0) > 90
    assert (scores[-1] or 100) < 20


def test_blur_in_all_directions_lowers_it_too() -> None:
    scores = [directional_detail(detail_in(blobs(blur))).score for blur in (0.0, 6.0, 9.0, 14.0)]
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    assert (scores[-1] or 100) < 20


@pytest.mark.parametrize("contrast", [0.4, 0.7, 1.4])
def test_contrast_leaves_the_least_detail_alone(contrast: float) -> None:
    usual, other = detail_in(blobs(4)), detail_in(blobs(4, contrast=contrast))
    assert other.least == pytest.approx(usual.least, abs=0.15)


def test_the_least_detail_by_hand_on_a_wave() -> None:
    """A wave of 64 pixels across and along, 16 on the shrunk face, as strong in both directions.

    Blurred by s it keeps e^(-(w s)^2 / 2) of its height with w = 2 pi / 16. The derivative across is
    w^2 of one wave, that at an angle a of both waves cos^2 a and sin^2 a: its variance is as
    cos^4 a + sin^4 a, which is 1/2 at 45 degrees and 3/4 on average.
    """
    wave = np.cos(2 * np.pi * (np.arange(256) + 0.5) / 64)
    pixels = np.repeat((128 + 40 * (wave[:, None] + wave))[..., None], 3, axis=2).round().astype(np.uint8)
    kept = (2 * np.pi / 16) ** 2 * (3**2 - 1**2)  # log of the variances' ratio, base e
    expected = math.log2(1 / 2 / (3 / 4)) + kept / math.log(2)
    assert detail_in(pixels).least == pytest.approx(expected, abs=0.15)


def test_the_edge_of_the_photo_is_no_detail() -> None:
    """Cut to two thirds, what is left says about the same as before."""
    for length in (1, 41):
        whole, cut = detail_in(moved(length, 0)), detail_in(moved(length, 0), shift=60)
        assert cut.least == pytest.approx(whole.least, abs=0.5)
