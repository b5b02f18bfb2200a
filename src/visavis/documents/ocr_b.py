"""The type that machines read: OCR-B, size I (ISO 1073-2), drawn from the standard's proportions.

Doc 9303-3, 4.3 lets machine-readable zones have 37 characters. Each is given by the middle of its strokes, as
a pen with a round tip would go.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats

    Pixels = NDArray[np.uint8]

# Measures of size I in mm. Heights are those of the strokes' middles, which stand on 0.
PITCH = 2.54  # between two characters: 10 per inch
STROKE = 0.35
CAPITAL = 2.20
DIGIT = 2.40

UNITS = 100  # of the table in a mm
FINER = 8  # parts of a pixel's side that are drawn and averaged
CURVE = np.linspace(0, 1, 13)[1:]  # steps of a curve that is drawn
ROUND = 0.5523  # of the way to the corner: where the handles of a quarter of an ellipse lie

GLYPHS: dict[str, tuple[str, ...]] = {
    "A": ("47,0 127,220 207,0", "74,72 180,72"),
    "B": (
        "60,118 60,220 122,220 (181,220) 181,169 (181,118) 122,118",
        "60,118 127,118 (195,118) 195,59 (195,0) 127,0 60,0 60,118",
    ),
    "C": ("197,202 (176,220) 143,220 (57,220) 57,122 57,98 (57,0) 143,0 (176,0) 197,18",),
    "D": ("57,0 57,220 107,220 (197,220) 197,125 197,95 (197,0) 107,0 57,0",),
    "E": ("192,220 62,220 62,0 192,0", "62,116 174,116"),
    "F": ("194,220 64,220 64,0", "64,116 174,116"),
    "G": ("195,204 (174,220) 141,220 (55,220) 55,122 55,98 (55,0) 141,0 (176,0) 199,18 199,104 142,104",),
    "H": ("57,0 57,220", "197,0 197,220", "57,116 197,116"),
    "I": ("127,0 127,220", "75,220 179,220", "75,0 179,0"),
    "J": ("100,220 178,220 178,64 (178,0) 119,0 (76,0) 56,32",),
    "K": ("60,0 60,220", "194,220 60,92", "104,134 199,0"),
    "L": ("66,220 66,0 196,0",),
    "M": ("47,0 47,220 127,98 207,220 207,0",),
    "N": ("57,0 57,220 197,0 197,220",),
    "O": ("127,220 (207,220) 207,122 207,98 (207,0) 127,0 (47,0) 47,98 47,122 (47,220) 127,220",),
    "P": ("60,0 60,220 131,220 (197,220) 197,158 (197,96) 131,96 60,96",),
    "Q": (
        "127,220 (207,220) 207,122 207,98 (207,0) 127,0 (47,0) 47,98 47,122 (47,220) 127,220",
        "122,86 210,0",
    ),
    "R": ("60,0 60,220 131,220 (195,220) 195,160 (195,100) 131,100 60,100", "134,100 201,0"),
    "S": (
        "190,200 (168,220) 128,220 (62,220) 62,168 (62,122) 127,113",
        "127,113 (196,103) 196,54 (196,0) 126,0 (84,0) 57,24",
    ),
    "T": ("47,220 207,220", "127,220 127,0"),
    "U": ("57,220 57,72 (57,0) 127,0 (197,0) 197,72 197,220",),
    "V": ("47,220 127,0 207,220",),
    "W": ("40,220 80,0 127,150 174,0 214,220",),
    "X": ("52,220 202,0", "52,0 202,220"),
    "Y": ("47,220 127,106 207,220", "127,106 127,0"),
    "Z": ("57,220 197,220 57,0 197,0",),
    "0": ("127,240 (189,240) 189,120 (189,0) 127,0 (65,0) 65,120 (65,240) 127,240",),
    "1": ("73,196 133,240 133,0", "73,0 193,0"),
    "2": ("61,198 (74,240) 126,240 (192,240) 192,182 (192,151) 138,90 57,0 197,0",),
    "3": ("62,240 186,240 108,142 123,142 (197,142) 197,71 (197,0) 122,0 (80,0) 55,24",),
    "4": ("136,240 53,66 201,66", "156,124 156,0"),
    "5": ("186,240 74,240 69,138 (94,151) 122,151 (197,151) 197,76 (197,0) 121,0 (80,0) 56,26",),
    "6": ("160,240 (57,120) 57,72 (57,0) 127,0 (197,0) 197,72 (197,144) 127,144 (57,144) 57,72",),
    "7": ("57,240 197,240 108,0",),
    "8": (
        "127,130 (67,130) 67,185 (67,240) 127,240 (187,240) 187,185 (187,130) 127,130",
        "127,130 (57,130) 57,65 (57,0) 127,0 (197,0) 197,65 (197,130) 127,130",
    ),
    "9": ("94,0 (197,120) 197,168 (197,240) 127,240 (57,240) 57,168 (57,96) 127,96 (197,96) 197,168",),
    "<": ("192,200 62,110 192,20",),
}
"""Strokes of each character: points x,y in hundredths of a mm, x from the left edge of its place, y upwards
from the base. A straight line leads to the next point; a point in brackets is the corner that a curve goes
round.
"""


def ink(text: str, pitch: float, shift: tuple[float, float] = (0, 0)) -> Pixels:
    """Print a line.

    Args:
        text: Characters of `GLYPHS`.
        pitch: Pixels from one character to the next; the height follows it.
        shift: How far the line is moved to the right and down, 0 to 1 pixel.

    Returns:
        H x W: how much of each pixel is ink, 0 to 255. But for the shift, the line's left edge is that of
        the first pixel, and digits begin at the upper edge.
    """
    import cv2

    scale = pitch / PITCH
    width, height = int(np.ceil(len(text) * pitch + 1)), int(np.ceil((DIGIT + STROKE) * scale + 1))
    fine = np.zeros((height * FINER, width * FINER), dtype=np.uint8)
    thickness = round(STROKE * scale * FINER)
    base = (DIGIT + STROKE / 2) * scale
    for place, character in enumerate(text):
        for points in strokes(character):
            x = points[:, 0] * scale + place * pitch + shift[0]
            y = base - points[:, 1] * scale + shift[1]
            sixteenths = ((np.stack([x, y], axis=-1) * FINER - 0.5) * 16).round().astype(np.int32)
            cv2.polylines(fine, [sixteenths], False, 255, thickness, cv2.LINE_8, 4)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


@cache
def strokes(character: str) -> tuple[Floats, ...]:
    """The middles of a character's strokes, each n x 2: x, y in mm as in `GLYPHS`, curves as short lines."""
    return tuple(_path(stroke) for stroke in GLYPHS[character])


def _path(stroke: str) -> Floats:
    """The points of one stroke of the table; a curve is a cubic Bézier curve."""
    path: list[Floats] = []
    corner = None
    for token in stroke.split():
        point = np.array([float(value) / UNITS for value in token.strip("()").split(",")])
        if token.startswith("("):
            corner = point
            continue
        if corner is None:
            path.append(point)
        else:
            start, t = path[-1], CURVE[:, None]
            near, far = start + ROUND * (corner - start), point + ROUND * (corner - point)
            curve = (
                (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * near + 3 * (1 - t) * t**2 * far + t**3 * point
            )
            path.extend(curve)
            corner = None
    return np.array(path)
