"""How much fine detail a face shows: a stand-in for sharpness, which needs trained weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from visavis.quality.aligned import SIDE
from visavis.quality.component import Component, FailureToAssess, sigmoid

if TYPE_CHECKING:
    from visavis.quality.aligned import AlignedFace

SHRUNK = 64  # side in pixels of the aligned face on which detail is measured
WINDOW = slice(5, 51), slice(11, 53)  # its rows and columns from the brows to below the mouth
FLAT = 4.0  # variance of the grey values, 0 to 255, below which there is nothing to see
LEAST = 1e-3  # of the Laplacian's variance: a smooth slope has none
# Our judgement: most clear photographs score above 70, a blur of a tenth of the eye distance nearly nothing.
MIDDLE, WIDTH = -4.0, 0.8


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


def _in_full(window: slice) -> slice:
    """The same places on the aligned face."""
    return slice(window.start * SIDE // SHRUNK, window.stop * SIDE // SHRUNK)
