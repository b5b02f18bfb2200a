from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from tests.quality.layouts import face_at, photo, plain

from visavis.quality.aligned import POINTS, AlignedFace, align_face
from visavis.quality.component import Component, FailureToAssess
from visavis.quality.sharpness import sharpness_proxy


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
