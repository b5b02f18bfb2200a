"""How much detail a face shows, fine and coarse, and whether it is grain.

Blur takes fine detail away and noise adds it, so that a noisy blurred face passes for a sharp one. Coarse
detail is where blur that matters shows and noise doesn't; more fine detail than goes with it is grain. A
camera or a head that moves takes detail away in one direction and leaves it in the other, so that it is
measured in each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visavis.quality.aligned import SIDE
from visavis.quality.component import Component, FailureToAssess, sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats
    from visavis.quality.aligned import AlignedFace

SHRUNK = 64  # side in pixels of the aligned face on which detail is measured
WINDOW = slice(5, 51), slice(11, 53)  # its rows and columns from the brows to below the mouth
FLAT = 4.0  # variance of the grey values, 0 to 255, below which there is nothing to see
LEAST = 1e-3  # of the Laplacian's variance: a smooth slope has none
# Our judgement: most clear photographs score above 70, a blur of a tenth of the eye distance nearly nothing.
MIDDLE, WIDTH = -4.0, 0.8
# The same of coarse detail, and of grain: nearly all clear photographs score above 50.
COARSE_MIDDLE, COARSE_WIDTH = -1.2, 0.8
GRAIN_MIDDLE, GRAIN_WIDTH = -1.5, 0.4
# The same of detail in the direction that has least.
LEAST_MIDDLE, LEAST_WIDTH = 2.5, 0.8
LEAST_SEEN = 0.5  # share of the middle that must lie on the photo for the three
# Pixels of the shrunk face: the blur that leaves detail, and that which leaves shapes.
SMALL, LARGE = 1.0, 3.0
SHAPELESS = 0.01  # added to the variance of the shapes, so that there is always some
DIRECTIONS = 8


@dataclass(frozen=True, slots=True)
class Detail:
    """Detail in the middle of a face, in powers of two.

    Attributes:
        fine: Over contrast, with about 28 pixels between the eyes.
        coarse: The same with 14.
        least: In the direction that has least of it, over shapes three times as large.
    """

    fine: float
    coarse: float
    least: float


def sharpness_proxy(face: AlignedFace) -> Component:
    """Detail over contrast in the middle of the face, in powers of two.

    The native value is log2 of the variance of the Laplacian over the variance of the grey values. The share
    makes it free of exposure and contrast. It is measured with about 28 pixels between the eyes whatever the
    picture's size, so it sees blur that a recogniser sees and none that is finer. Noise counts as detail.

    Raises:
        FailureToAssess: The face is of one colour, or some of its middle lies outside of the photo.
    """
    import cv2

    if face.on_photo is not None and not face.on_photo[_in_full(WINDOW[0]), _in_full(WINDOW[1])].all():
        raise FailureToAssess("some of the face lies outside of the photo")
    small = cv2.resize(face.pixels, (SHRUNK, SHRUNK), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    contrast = float(grey[WINDOW].var())
    if contrast < FLAT:
        raise FailureToAssess("the face has no contrast")
    detail = float(cv2.Laplacian(grey, cv2.CV_32F)[WINDOW].var())
    share = math.log2(max(detail, LEAST) / contrast)
    return Component.measured("sharpness_proxy", share, 100 * sigmoid(share, MIDDLE, WIDTH))


def detail_of(face: AlignedFace) -> Detail:
    """Detail of the part of the face's middle that lies on the photo.

    Fine and coarse detail are log2 of the variance of the Laplacian over that of the grey values on the finer
    of both sizes. For that in one direction the finer one is blurred a little and three times as much: log2
    of the variance of the second derivative in that direction on the first, over the mean in all directions
    on the second.

    Raises:
        FailureToAssess: The face is of one colour, or less than half of its middle lies on the photo.
    """
    import cv2

    grey = cv2.cvtColor(face.pixels, cv2.COLOR_RGB2GRAY)
    seen = None if face.on_photo is None else face.on_photo.astype(np.uint8)
    found = []
    contrast = least = 0.0
    for side in (SHRUNK, SHRUNK // 2):
        small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
        part = tuple(slice(each.start * side // SHRUNK, each.stop * side // SHRUNK) for each in WINDOW)
        inside = np.ones((side, side), dtype=bool)[part]
        if seen is not None:
            # A pixel at the photo's edge would show the edge, and so would its neighbours.
            whole = (cv2.resize(255 * seen, (side, side), interpolation=cv2.INTER_AREA) == 255).astype(
                np.uint8
            )
            inside = cv2.erode(whole, np.ones((3, 3), dtype=np.uint8))[part] > 0
            if inside.mean() < LEAST_SEEN:
                raise FailureToAssess("less than half of the middle of the face lies on the photo")
        contrast = contrast or float(small[part][inside].var())
        if contrast < FLAT:
            raise FailureToAssess("the face has no contrast")
        if side == SHRUNK:
            least = _least(small, None if seen is None else whole, inside)
        detail = float(cv2.Laplacian(small, cv2.CV_32F)[part][inside].var())
        found.append(math.log2(max(detail, LEAST) / contrast))
    fine, coarse = found
    return Detail(fine, coarse, least)


def coarse_detail(detail: Detail) -> Component:
    """Coarse detail over contrast, in powers of two: little of it is blur, and few pixels.

    Like the fine one it is free of exposure and contrast.
    """
    score = 100 * sigmoid(detail.coarse, COARSE_MIDDLE, COARSE_WIDTH)
    return Component.measured("coarse_detail", detail.coarse, score)


def grain_prevention(detail: Detail) -> Component:
    """Fine over coarse detail in powers of two: much of it is noise, or blocks of a JPEG."""
    grain = detail.fine - detail.coarse
    return Component.measured("grain_prevention", grain, 100 * sigmoid(-grain, -GRAIN_MIDDLE, GRAIN_WIDTH))


def directional_detail(detail: Detail) -> Component:
    """Detail in the direction that has least of it, over shapes, in powers of two: little of it is blur.

    Where camera or head moved, detail across the movement stays and makes up for what is lost along it in any
    measure that knows no directions. Free of exposure and contrast like the others.
    """
    score = 100 * sigmoid(detail.least, LEAST_MIDDLE, LEAST_WIDTH)
    return Component.measured("directional_detail", detail.least, score)


def _least(grey: NDArray[np.float32], whole: NDArray[np.uint8] | None, inside: NDArray[np.bool_]) -> float:
    """Detail in the direction that has least, of the shrunk face; `whole` says what of it is photo."""
    small, large = (_along(_blurred(grey, whole, sigma), inside) for sigma in (SMALL, LARGE))
    return math.log2(max(float(small.min()), LEAST) / (float(large.mean()) + SHAPELESS))


def _blurred(grey: NDArray[np.float32], whole: NDArray[np.uint8] | None, sigma: float) -> NDArray[np.float32]:
    """Blurred, what isn't on the photo left out of account."""
    import cv2

    if whole is None:
        return cv2.GaussianBlur(grey, (0, 0), sigma).astype(np.float32)
    weights = cv2.GaussianBlur(whole.astype(np.float32), (0, 0), sigma)
    blurred = cv2.GaussianBlur(grey * whole, (0, 0), sigma)
    return (blurred / np.maximum(weights, 1e-3)).astype(np.float32)


def _along(grey: NDArray[np.float32], inside: NDArray[np.bool_]) -> Floats:
    """Variance of the second derivative in each of the directions, of the window's pixels that are inside.

    In the direction (cos a, sin a) the derivative is xx cos² a + 2 xy cos a sin a + yy sin² a, so that its
    variance follows from the three derivatives' covariance.
    """
    import cv2

    orders = ((2, 0), (1, 1), (0, 2))
    derivatives = [cv2.Sobel(grey, cv2.CV_32F, x, y, ksize=3)[WINDOW][inside] for x, y in orders]
    angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    cosine, sine = np.cos(angles), np.sin(angles)
    weights = np.stack([cosine**2, 2 * cosine * sine, sine**2])
    found: Floats = np.einsum("ia,ij,ja->a", weights, np.cov(derivatives, bias=True), weights)
    return found


def _in_full(window: slice) -> slice:
    """The same places on the aligned face."""
    return slice(window.start * SIDE // SHRUNK, window.stop * SIDE // SHRUNK)
