"""A picture of a face as a relief: a head that can be turned, seen by a camera nearby.

The depth comes from the five landmarks alone: an ellipsoid for the skull, with brow, mouth and chin, and a
nose. It is no measurement of the person on the picture, but as deep as a head, and people differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad.surface import HEIGHT, WIDTH, Floats, Maps, Picture, Pose, normals, splat
from visavis import geometry

EYES_PX = 90.0  # between the eyes on the picture that the relief is made of
SIDE = 560  # of that picture
EYES_AT = 280.0, 220.0  # middle between the eyes on it
STEP = 2.0  # pixels between nodes of the relief
PIVOT_MM = 95.0  # how far behind the eyes the axis lies that a head turns about


@dataclass(frozen=True, slots=True)
class Build:
    """What heads differ in.

    Attributes:
        eyes_mm: Between the pupils.
        nose: How far the tip of the nose stands out of the plane through eyes and mouth corners, in distances
            between the eyes. MediaPipe's canonical face has 0.55.
        depth: Of the skull from its sides to its front, in the same unit.
    """

    eyes_mm: float
    nose: float
    depth: float

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Build:
        """Somebody's."""
        return cls(
            eyes_mm=float(np.clip(random.normal(63, 3), 55, 71)),
            nose=float(np.clip(random.normal(0.5, 0.06), 0.36, 0.66)),
            depth=float(np.clip(random.normal(1.5, 0.1), 1.25, 1.75)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head, its body, and the room behind.

    Attributes:
        texture: The picture, square, linear light.
        landmarks: On it, 5 x 2.
        mask: How much of each pixel is head.
        body: How much is neck and shoulders.
        room: What is behind, frame-sized and larger.
        nodes: Grid over the part of the picture that is head, in millimetres; the middle between the eyes is
            the origin.
        inside: Which of them are.
        first: Column and row of the picture that the first of them lies on.
        normals: Of the picture's pixels.
        mm_per_px: Of the picture.
        build: The head's.
    """

    texture: Picture
    landmarks: Floats
    mask: Picture
    body: Picture
    room: Picture
    nodes: Floats
    inside: NDArray[np.bool_]
    first: tuple[float, float]
    normals: Picture
    mm_per_px: float
    build: Build

    def seen(self, yaw_deg: float, pitch_deg: float, pose: Pose) -> Maps:
        """What the camera sees of the head in a pose that includes these angles."""
        towards = (1 if yaw_deg >= 0 else -1, 1 if pitch_deg >= 0 else -1)
        return splat(self.nodes, self.inside, STEP, pose, towards, self.first)


def make_head(pixels: NDArray[np.uint8], landmarks: Floats, build: Build) -> Head:
    """Make a relief of a picture.

    Args:
        pixels: height x width x 3, RGB, 8 bit.
        landmarks: 5 x 2: eyes, nose, mouth corners, in pixels.
        build: How deep it is.
    """
    texture, points = upright(pixels, landmarks)
    across, down = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    a, b = (across - EYES_AT[0]) / EYES_PX, (down - EYES_AT[1]) / EYES_PX
    outline = person_mask(texture, a, b)
    mask, body = outline * head_mask(a, b), outline * body_mask(b)
    room = behind(texture, outline)
    marks = (points - np.array(EYES_AT)) / EYES_PX
    every = int(STEP)
    height = relief(a[::every, ::every], b[::every, ::every], marks, build) * build.eyes_mm
    mm_per_px = build.eyes_mm / EYES_PX
    grid = np.stack(
        [a[::every, ::every] * build.eyes_mm, b[::every, ::every] * build.eyes_mm, -height], axis=-1
    ).astype(np.float32)
    whole = np.asarray(cv2.resize(normals(grid), (SIDE, SIDE)), dtype=np.float32)
    inside = mask[::every, ::every] > 0.02
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    first = float(columns[0] * STEP), float(rows[0] * STEP)
    return Head(
        texture,
        points,
        mask,
        body,
        room,
        grid[part],
        inside[part],
        first,
        whole,
        mm_per_px,
        build,
    )


def upright(pixels: NDArray[np.uint8], landmarks: Floats) -> tuple[Picture, Floats]:
    """The face upright, at the size and place that all reliefs share, in linear light."""
    eyes = landmarks[:2].mean(axis=0)
    mouth = landmarks[3:].mean(axis=0)
    apart = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    along = (mouth - eyes) / np.linalg.norm(mouth - eyes)
    # Upright by the eyes and by the line from eyes to mouth, each counting half.
    line = (landmarks[1] - landmarks[0]) / apart
    axis = line + np.array([along[1], -along[0]])
    axis /= np.linalg.norm(axis)
    source = np.stack([eyes, eyes + axis * apart])
    target = np.array([EYES_AT, (EYES_AT[0] + EYES_PX, EYES_AT[1])])
    move = geometry.similarity_transform(source, target)
    shrink = geometry.scale_of(move)
    flags = cv2.INTER_CUBIC if shrink > 1 else cv2.INTER_AREA
    moved = cv2.warpAffine(pixels, move, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    # Pictures that were turned before have black corners; what lies outside isn't known either.
    there = cv2.erode((pixels.max(axis=2) > 6).astype(np.uint8), np.ones((3, 3)), borderValue=0)
    there = cv2.morphologyEx(there, cv2.MORPH_CLOSE, np.ones((9, 9)))
    known = cv2.warpAffine(there, move, (SIDE, SIDE), flags=cv2.INTER_NEAREST, borderValue=0) > 0
    texture = to_light(moved)  # type: ignore[arg-type]
    coarse = 140
    rough = filled(
        shrunk(texture, coarse),
        cv2.erode(cv2.resize(known.astype(np.uint8), (coarse, coarse)), np.ones((3, 3))) > 0,
    )
    texture[~known] = cv2.resize(rough, (SIDE, SIDE))[~known]
    return texture, geometry.apply(move, landmarks)


def shrunk(picture: Picture, side: int) -> Picture:
    """A square picture brought to a smaller size."""
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)


def relief(a: Floats, b: Floats, marks: Floats, build: Build) -> Floats:
    """Height over the line between the eyes, towards the viewer, in distances between the eyes.

    Args:
        a: Places to the right of the middle between the eyes, in the same unit.
        b: Places down.
        marks: The landmarks in the same coordinates, 5 x 2.
        build: Whose.
    """
    nose, mouth = marks[2], marks[3:].mean(axis=0)
    face = _face(a, b, mouth, build)
    ridge = _nose(a, b, nose)
    at_marks = _face(marks[:, 0], marks[:, 1], mouth, build)
    plane = _plane(marks, at_marks)
    there = plane @ np.array([nose[0], nose[1], 1.0])
    own = float(_nose(nose[0], nose[1], nose))
    amount = (build.nose + there - at_marks[2]) / own
    zero = at_marks[:2].mean()
    height: Floats = face + amount * ridge - zero
    return height


def _plane(marks: Floats, heights: Floats) -> Floats:
    """The plane through eyes and mouth corners, by least squares: height = p x + q y + r."""
    four = [0, 1, 3, 4]
    fitted, *_ = np.linalg.lstsq(np.column_stack([marks[four], np.ones(4)]), heights[four], rcond=None)
    return np.asarray(fitted)


def _face(a: Floats, b: Floats, mouth: Floats, build: Build) -> Floats:
    """The head without its nose."""
    high = np.where(b < 0.25, 1.95, 2.15)
    away = (np.abs(a) / 1.3) ** 2.3 + (np.abs(b - 0.25) / high) ** 2.3
    # An ellipsoid, but for its sides, which go on as steeply as they are at nine tenths of the way out.
    skull = build.depth * (np.sqrt(1 - np.minimum(away, 0.9)) - np.maximum(away - 0.9, 0) / (2 * 0.1**0.5))
    lips = 0.25 * np.exp(-(((a - mouth[0]) / 0.55) ** 2) / 2 - ((b - mouth[1] - 0.07) / 0.42) ** 2 / 2)
    chin = 0.14 * np.exp(-((a / 0.4) ** 2) / 2 - ((b - 1.72) / 0.25) ** 2 / 2)
    brow = 0.07 * np.exp(-(((np.abs(a) - 0.35) / 0.4) ** 2) / 2 - ((b + 0.38) / 0.16) ** 2 / 2)
    sockets = 0.09 * sum(
        np.exp(-(((a - side) / 0.2) ** 2) / 2 - ((b + 0.02) / 0.15) ** 2 / 2) for side in (-0.5, 0.5)
    )
    return np.asarray(skull + lips + chin + brow - sockets)


def _nose(a: Floats | float, b: Floats | float, tip: Floats) -> Floats:
    """The shape of a nose, 1 at its tip."""
    long = max(0.3, float(tip[1]))
    t = np.clip(np.asarray(b) / long, 0, 1)
    below = np.clip(np.asarray(b) - long, 0, None)
    profile = t**1.25 * np.exp(-((below / 0.14) ** 2))
    side = 0.1 + 0.09 * t
    middle = tip[0] * t
    return np.asarray(profile * np.exp(-(((a - middle) / side) ** 2) / 2))


def egg(a: Floats, b: Floats, half: float, up: float, low: float) -> Picture:
    """How far out places lie in the outline of a head, 1 on it: egg-shaped, narrower towards the chin."""
    half_here = np.where(b < 0.1, half, half * (1 - 0.15 * np.clip((b - 0.1) / 1.4, 0, 1) ** 1.5))
    reach = np.where(b < 0.1, 0.1 + up, low - 0.1)
    away = ((np.abs(a) / half_here) ** 2.4 + (np.abs(b - 0.1) / reach) ** 2.4) ** (1 / 2.4)
    return np.asarray(away, dtype=np.float32)


def head_mask(a: Floats, b: Floats) -> Picture:
    """What turns with the head: a generous outline with the hair, with a soft edge."""
    return np.asarray(np.clip((1.0 - egg(a, b, 1.5, 1.95, 1.9)) / 0.07, 0, 1), dtype=np.float32)


BODY_FROM = EYES_AT[1] + 1.2 * EYES_PX  # row of the picture from which on there is neck and shoulders


def body_mask(b: Floats) -> Picture:
    """What stays when the head turns: from about the mouth down."""
    return np.asarray(np.clip((b - 1.2) / 0.15, 0, 1), dtype=np.float32)


def person_mask(texture: Picture, a: Floats, b: Floats) -> Picture:
    """How much of each pixel is the person: by their colours (GrabCut), from where a person is for sure."""
    small = 140
    picture = shrunk(texture, small) ** np.float32(1 / 2.2)
    a, b = shrunk(a, small), shrunk(b, small)
    shoulders = 0.7 + 2.3 * np.clip(b - 1.9, 0, None) ** 1.2
    kinds = np.full((small, small), cv2.GC_PR_BGD, dtype=np.uint8)
    kinds[(egg(a, b, 1.3, 1.85, 1.88) < 1) | ((np.abs(a) < shoulders) & (b > 1.4))] = cv2.GC_PR_FGD
    kinds[(egg(a, b, 1.08, 1.6, 1.72) < 1) | ((np.abs(a) < shoulders - 0.35) & (b > 1.4))] = cv2.GC_FGD
    kinds[(egg(a, b, 1.75, 2.1, 2.2) > 1) & (b < 1.5)] = cv2.GC_BGD
    kinds[(np.abs(a) > shoulders + 1.0) & (b >= 1.5)] = cv2.GC_BGD
    cv2.setRNGSeed(1)
    bytes_ = np.clip(picture * 255, 0, 255).astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(bytes_, kinds, (0, 0, 1, 1), *models, 3, cv2.GC_INIT_WITH_MASK)  # the box isn't looked at
    found = ((kinds == cv2.GC_FGD) | (kinds == cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(cv2.medianBlur(found, 5), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    large = cv2.GaussianBlur(cv2.resize(found.astype(np.float32), texture.shape[:2]), (0, 0), 5.0)
    return np.asarray(np.clip((large - 0.5) * 2.2 + 0.3, 0, 1), dtype=np.float32)


def behind(texture: Picture, person: Picture) -> Picture:
    """The room: the picture with its person filled from the sides, blurred as what is far off."""
    free = cv2.dilate(shrunk(person, 140), np.ones((5, 5))) < 0.05
    out = cv2.GaussianBlur(filled(shrunk(texture, 140), free), (0, 0), 4.0)
    side = round(1.15 * max(WIDTH, HEIGHT))
    return cv2.resize(out, (side, side), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def filled(picture: Picture, known: NDArray[np.bool_]) -> Picture:
    """What isn't known, filled from what is near, ever more coarsely."""
    out, done = picture.copy(), known.copy()
    for spread in (2.0, 4.0, 8.0, 16.0, 32.0, 64.0):
        if done.all():
            break
        share = cv2.GaussianBlur(known.astype(np.float32), (0, 0), spread)
        blurred = cv2.GaussianBlur(picture * known[..., None], (0, 0), spread)
        fill = ~done & (share > 0.05)
        out[fill] = blurred[fill] / share[fill][:, None]
        done |= fill
    return out


def to_light(pixels: NDArray[np.uint8]) -> Picture:
    """8-bit values as linear light, 0 to 1: a power of 2.2, which is close enough here."""
    return LIGHT[pixels]


LIGHT = (np.arange(256, dtype=np.float32) / 255) ** np.float32(2.2)
