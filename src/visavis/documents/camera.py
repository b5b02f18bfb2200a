"""A drawn page photographed in silico: laid on something, lit, held in front of a lens, compressed.

How far each effect goes, by severity. Lengths in pixels hold for a frame whose shorter side has 1080.

============================== ===================== ===================== =============================
effect                         1, a careful user     2, every day          3, poor light and hurry
============================== ===================== ===================== =============================
share of the frame filled      0.75 to 0.90          0.65 to 0.90          0.60 to 0.90
turn in the plane              up to 4°              up to 12°             up to 30°
and by one or two quarters     never                 1 in 8                1 in 4
tilt out of the plane          up to 7°              up to 16°             up to 26°
shadow across the frame        5 to 15 %             10 to 35 %            20 to 55 %
shadow with an edge            never                 1 in 3, 10 to 25 %    1 in 2, 15 to 40 %
glare: how often, strength     1 in 3, 0.1 to 0.3    1 in 2, 0.2 to 0.5    2 in 3, 0.35 to 0.9
radius over the shorter side   0.04 to 0.08          0.04 to 0.10          0.05 to 0.14
glare on what must be read     never                 at most 0.25          as it falls
finger at an edge              never                 1 in 3                1 in 2
and on what must be read       never                 never                 at most 3 % of each part
defocus, standard deviation    0.4 to 0.8 px         0.7 to 1.3 px         1.1 to 1.9 px
motion                         0 to 1 px             0 to 3 px             2 to 5.5 px
exposure                       0.95 to 1.08          0.8 to 1.15           0.45 to 0.9
white balance, each channel    3 %                   8 %                   15 %
noise, standard deviation      1 to 2.5              2.5 to 5              5 to 10 (of 255, mid grey)
JPEG quality                   90 to 96              75 to 90              50 to 75
============================== ===================== ===================== =============================

The page lies on wood, cloth, a bare desk, printed paper, or a desk with things on it, each as often.

The frame's filled share is that of the page's bounding box, in the direction in which it fills more. The
corners of the page never leave the frame.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.geometry import Box, Floats

    Pixels = NDArray[np.uint8]
    Picture = NDArray[np.float32]

Range = tuple[float, float]

SIZE = 1920, 1080
MIN_FRAME, MAX_FRAME = 240, 8192  # pixels of a side
REFERENCE = 1080  # pixels of the shorter side that lengths are given for
FOCAL = 1.3  # focal length over the frame's longer side: a phone's main camera
ROUNDING = 0.03  # radius of the page's corners over its longer side
TRIES = 30
GLARE_SEEN = 0.02  # less light than this isn't seen


@dataclass(frozen=True, slots=True)
class Severity:
    """How far each effect goes; see the table above."""

    filled: Range
    turn: float
    quarters: float
    tilt: float
    shadow: Range
    edged: float
    edge: Range
    glare: float
    glare_strength: Range
    glare_radius: Range
    glare_on_spared: float
    finger: float
    finger_on_spared: float
    defocus: Range
    motion: Range
    exposure: Range
    white_balance: float
    noise: Range
    quality: tuple[int, int]


SEVERITIES = {
    1: Severity(
        filled=(0.75, 0.9),
        turn=4,
        quarters=0,
        tilt=7,
        shadow=(0.05, 0.15),
        edged=0,
        edge=(0, 0),
        glare=1 / 3,
        glare_strength=(0.1, 0.3),
        glare_radius=(0.04, 0.08),
        glare_on_spared=GLARE_SEEN,
        finger=0,
        finger_on_spared=0,
        defocus=(0.4, 0.8),
        motion=(0, 1),
        exposure=(0.95, 1.08),
        white_balance=0.03,
        noise=(1, 2.5),
        quality=(90, 96),
    ),
    2: Severity(
        filled=(0.65, 0.9),
        turn=12,
        quarters=1 / 8,
        tilt=16,
        shadow=(0.1, 0.35),
        edged=1 / 3,
        edge=(0.1, 0.25),
        glare=1 / 2,
        glare_strength=(0.2, 0.5),
        glare_radius=(0.04, 0.1),
        glare_on_spared=0.25,
        finger=1 / 3,
        finger_on_spared=0,
        defocus=(0.7, 1.3),
        motion=(0, 3),
        exposure=(0.8, 1.15),
        white_balance=0.08,
        noise=(2.5, 5),
        quality=(75, 90),
    ),
    3: Severity(
        filled=(0.6, 0.9),
        turn=30,
        quarters=1 / 4,
        tilt=26,
        shadow=(0.2, 0.55),
        edged=1 / 2,
        edge=(0.15, 0.4),
        glare=2 / 3,
        glare_strength=(0.35, 0.9),
        glare_radius=(0.05, 0.14),
        glare_on_spared=1,
        finger=1 / 2,
        finger_on_spared=0.03,
        defocus=(1.1, 1.9),
        motion=(2, 5.5),
        exposure=(0.45, 0.9),
        white_balance=0.15,
        noise=(5, 10),
        quality=(50, 75),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A photograph of a page, and where the page lies on it.

    Attributes:
        pixels: H x W x 3, RGB, 8 bit: what `jpeg` decodes to.
        jpeg: The photograph as a file.
        corners: 4 x 2: the page's upper left, upper right, lower right and lower left corner (as printed), in
            pixels of the photograph.
        homography: 3 x 3, from pixels of the page to pixels of the photograph, corners of pixels at whole
            numbers as everywhere.
    """

    pixels: Pixels
    jpeg: bytes
    corners: Floats
    homography: Floats

    def place(self, points: Floats) -> Floats:
        """Where points of the page (n x 2) lie on the photograph."""
        return _moved(self.homography, points)


def photograph(
    page: Pixels, *, severity: int, seed: int, size: tuple[int, int] = SIZE, spared: Sequence[Box] = ()
) -> Shot:
    """Photograph a page.

    Args:
        page: H x W x 3, RGB, 8 bit.
        severity: 1, 2 or 3; see the table above.
        seed: Of all that happens.
        size: Width and height of the photograph in pixels.
        spared: Parts of the page that must be read, in its pixels (portrait, machine-readable lines): glare
            and fingers keep off them as far as the table says.

    Raises:
        DocumentError: `specimen.severity`, `specimen.size` or `specimen.page`.
    """
    _check(page, severity, size)
    how = SEVERITIES[severity]
    random = np.random.default_rng(seed)
    width, height = size
    unit = min(size) / REFERENCE
    homography = _pose(page.shape[1], page.shape[0], size, how, random)
    corners = _moved(homography, _outline(page.shape[1], page.shape[0]))
    parts = [_moved(homography, _rectangle(box)) for box in spared]

    light = _linear(_background(width, height, random))
    mask = _laid(light, page, homography, unit, random)
    if random.random() < how.finger:
        _finger(light, corners, parts, how, random)
    light *= _shadow(width, height, how, random)[..., None]
    glare = _glare(size, corners, parts, how, random) * (0.25 + 0.75 * mask)  # what it lies on shines less
    light += glare[..., None]
    light = _blurred(light, how, unit, random)
    light *= np.float32(random.uniform(*how.exposure))
    light *= random.uniform(1 - how.white_balance, 1 + how.white_balance, 3).astype(np.float32)
    pixels = _noisy(light, how, random)
    jpeg = _encoded(pixels, int(random.integers(how.quality[0], how.quality[1] + 1)))
    return Shot(_decoded(jpeg), jpeg, corners, homography)


def _check(page: NDArray[Any], severity: int, size: tuple[int, int]) -> None:
    if severity not in SEVERITIES:
        raise DocumentError(
            "specimen.severity", "no such severity", found=repr(severity), expected="1, 2 or 3"
        )
    if not all(MIN_FRAME <= side <= MAX_FRAME for side in size):
        expected = f"sides of {MIN_FRAME} to {MAX_FRAME} pixels"
        raise DocumentError("specimen.size", "no such photograph can be made", found=size, expected=expected)
    if page.dtype != np.uint8 or page.ndim != 3 or page.shape[2] != 3 or min(page.shape[:2]) < 16:
        raise DocumentError(
            "specimen.page",
            "the array isn't an RGB picture of a page",
            found=f"shape {page.shape} of {page.dtype}",
            expected="height x width x 3 of uint8, no side under 16",
        )


# Where the camera stands


def _pose(
    width: float, height: float, size: tuple[int, int], how: Severity, random: np.random.Generator
) -> Floats:
    """Page -> photograph: the page turned and tilted before a pinhole, then framed."""
    turn = random.uniform(-how.turn, how.turn)
    if random.random() < how.quarters:
        turn += random.choice((90.0, 180.0, 270.0))
    tilt, towards = random.uniform(0, how.tilt), random.uniform(0, math.tau)
    # Turned about the page's normal, then tilted about an axis in the plane (Rodrigues' formula).
    axis = np.array([math.cos(towards), math.sin(towards), 0.0])
    rotation = _about(axis, math.radians(tilt)) @ _about(np.array([0.0, 0.0, 1.0]), math.radians(turn))
    share = random.uniform(*how.filled)
    centred = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    focal = FOCAL * max(size)
    distance = focal * max(width, height) / (share * min(size))  # about as large as it will be framed
    project = np.array([[focal, 0, 0], [0, focal, 0], [0, 0, 1.0]])
    view = np.column_stack([rotation[:, 0], rotation[:, 1], (0, 0, distance)])
    seen = project @ view @ centred
    corners = _moved(seen, _outline(width, height))
    low, high = corners.min(axis=0), corners.max(axis=0)
    zoom = share * float(np.min(np.array(size) / (high - low)))
    room = (np.array(size) - zoom * (high - low)) / 2
    middle = np.array(size) / 2 + room * random.uniform(-0.8, 0.8, 2)
    shift = middle - zoom * (low + high) / 2
    framed: Floats = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]], [0, 0, 1.0]]) @ seen
    framed /= framed[2, 2]
    return framed


def _about(axis: Floats, angle: float) -> Floats:
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: Floats = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turned


def _outline(width: float, height: float) -> Floats:
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)


def _rectangle(box: Box) -> Floats:
    corners: Floats = _outline(box.width, box.height) + np.array([box.x, box.y])
    return corners


def _moved(homography: Floats, points: Floats) -> Floats:
    projected = np.column_stack([points, np.ones(len(points))]) @ homography.T
    moved: Floats = projected[:, :2] / projected[:, 2:]
    return moved


# What the page lies on


def _background(width: int, height: int, random: np.random.Generator) -> Picture:
    """Wood, cloth, a desk, paper, or a desk with things on it: H x W x 3, 0 to 255."""
    kinds = (_wood, _cloth, _desk, _paper, _clutter)
    return kinds[random.integers(len(kinds))](width, height, random)


def _cloud(width: int, height: int, across: float, down: float, random: np.random.Generator) -> Picture:
    """Smooth noise of about zero mean and unit spread, its grains `across` x `down` pixels."""
    import cv2

    cells = max(2, round(width / across)), max(2, round(height / down))
    grains = random.standard_normal((cells[1], cells[0]), dtype=np.float32)
    return cv2.resize(grains, (width, height), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def _tinted(tone: Picture, colour: Sequence[float]) -> Picture:
    painted: Picture = (tone[..., None] * np.array(colour, dtype=np.float32)).clip(4, 250)
    return painted


def _wood(width: int, height: int, random: np.random.Generator) -> Picture:
    """Grain along the longer side: rings cut lengthwise, fine fibres over them, gaps between boards."""
    wobble = _cloud(width, height, width / 3, height / 14, random)
    y = np.linspace(0, random.uniform(14, 34), height, dtype=np.float32)[:, None]
    rings = np.sin(y + 1.3 * wobble) * 0.07 + np.sin(2.7 * y + 2.1 * wobble) * 0.035
    tone = 1 + rings + 0.035 * _cloud(width, height, width / 22, 2.5, random)
    for gap in random.uniform(0, height, random.integers(0, 3)):
        tone[int(gap) : int(gap) + 3] *= 0.55
    colours = ((152, 104, 62), (112, 72, 44), (196, 156, 108), (74, 52, 40))
    return _tinted(tone, colours[random.integers(len(colours))])


def _cloth(width: int, height: int, random: np.random.Generator) -> Picture:
    """A weave, threads up and across, and soft folds."""
    thread = random.uniform(5, 9)
    y, x = np.ogrid[:height, :width]
    weave = 0.06 * np.sin(math.tau * x / thread) * np.sin(math.tau * y / thread)
    folds = 0.09 * _cloud(width, height, width / 4, height / 3, random)
    tone = (1 + weave + folds + 0.03 * _cloud(width, height, 3, 3, random)).astype(np.float32)
    return _tinted(tone, random.uniform(50, 200, 3).tolist())


def _desk(width: int, height: int, random: np.random.Generator) -> Picture:
    """A plain top, a little uneven and speckled; light, grey or nearly black."""
    grey = (random.uniform(28, 225) + random.normal(0, 6, 3)).tolist()
    tone = 1 + 0.02 * _cloud(width, height, width / 4, height / 4, random)
    return _tinted(tone + 0.02 * _cloud(width, height, 2, 2, random), grey)


def _paper(width: int, height: int, random: np.random.Generator) -> Picture:
    """A printed sheet that fills the frame: columns of words."""
    drawn = _tinted(1 + 0.01 * _cloud(width, height, 4, 4, random), (236, 234, 228))
    _words(drawn, (round(width * 0.04), 0, round(width * 0.92), height), random)
    return drawn


def _clutter(width: int, height: int, random: np.random.Generator) -> Picture:
    """A desk with cards, notes and a keyboard's corner on it, turned any way."""
    import cv2

    drawn = (_desk if random.random() < 0.5 else _wood)(width, height, random)
    for _ in range(int(random.integers(3, 7))):
        long = int(random.uniform(0.25, 0.6) * height)
        high = int(long * random.uniform(0.55, 0.8))
        colour = (random.uniform(120, 235) + random.normal(0, 22, 3)).tolist()
        thing = _tinted(np.ones((high, long), dtype=np.float32), colour)
        if random.random() < 0.4:
            key = max(6, long // 12)
            for top in range(key // 3, high - key, key + key // 4):
                for left in range(key // 3, long - key, key + key // 4):
                    thing[top : top + key, left : left + key] = 45
        else:
            _words(thing, (long // 12, high // 10, long * 10 // 12, high * 8 // 10), random)
        turn: Floats = np.array(cv2.getRotationMatrix2D((long / 2, high / 2), random.uniform(0, 360), 1.0))
        turn[:, 2] += [random.uniform(0, width) - long / 2, random.uniform(0, height) - high / 2]
        there = cv2.warpAffine(np.ones((high, long), dtype=np.float32), turn, (width, height))[..., None]
        drawn = drawn * (1 - there) + cv2.warpAffine(thing, turn, (width, height)) * there
    return drawn


def _words(drawn: Picture, box: tuple[int, int, int, int], random: np.random.Generator) -> None:
    """Lines of made-up words into a box of left, top, width and height."""
    import cv2

    left, top, width, height = box
    size = max(0.3, random.uniform(0.012, 0.02) * max(drawn.shape[:2]) / 22)
    printed = drawn.astype(np.uint8)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    step = max(8, round(size * 34))
    for y in range(top + step, top + height, step):
        words = [
            "".join(random.choice(letters, random.integers(2, 10))) for _ in range(1 + width // (step * 3))
        ]
        line = " ".join(words)
        (long, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        fitting = line[: int(len(line) * min(1.0, width / max(long, 1)))]
        cv2.putText(printed, fitting, (left, y), cv2.FONT_HERSHEY_SIMPLEX, size, (52, 52, 58), 1, cv2.LINE_AA)
    drawn[:] = printed


def _laid(
    light: Picture, page: Pixels, homography: Floats, unit: float, random: np.random.Generator
) -> Picture:
    """Lay the page down with the shadow that it throws; gives the share of the page in each pixel."""
    import cv2

    height, width = light.shape[:2]
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's pixel centres lie at whole numbers
    matrix = np.linalg.inv(half) @ homography @ half
    high, wide = page.shape[:2]
    # A page shown smaller is smoothed first: the warp picks single pixels.
    scale = math.sqrt(abs(float(np.linalg.det(homography[:2, :2]))))
    if scale < 1:
        page = cv2.GaussianBlur(page, (0, 0), 0.45 * math.sqrt(1 / scale**2 - 1) + 0.05)  # type: ignore[assignment]
    shape = np.zeros((high, wide), dtype=np.float32)
    radius = round(ROUNDING * max(high, wide))
    shape[radius : high - radius] = shape[:, radius : wide - radius] = 1
    for x in (radius, wide - 1 - radius):
        for y in (radius, high - 1 - radius):
            cv2.circle(shape, (x, y), radius, 1.0, -1, cv2.LINE_AA)
    mask = cv2.warpPerspective(shape, matrix, (width, height), flags=cv2.INTER_LINEAR)
    warped = cv2.warpPerspective(
        page, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    reach = random.uniform(2, 7) * unit
    away = random.uniform(-1, 1, 2) * reach
    moved = np.array([[1, 0, away[0]], [0, 1, away[1]]])
    thrown = cv2.GaussianBlur(cv2.warpAffine(mask, moved, (width, height)), (0, 0), reach)
    light *= (1 - random.uniform(0.25, 0.6) * thrown)[..., None]
    light *= (1 - mask)[..., None]
    light += _linear(warped.astype(np.float32)) * mask[..., None]
    return mask  # type: ignore[return-value]


# What comes between


def _finger(
    light: Picture, corners: Floats, parts: Sequence[Floats], how: Severity, random: np.random.Generator
) -> None:
    """A fingertip on one of the page's edges, where it covers what must be read no more than allowed."""
    height, width = light.shape[:2]
    inner = corners.mean(axis=0)
    side = float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).max())
    radius = side * random.uniform(0.055, 0.075)
    tone = np.array((0.62, 0.36, 0.26)) * random.uniform(0.25, 1.0)
    for _ in range(TRIES):
        edge, along = int(random.integers(4)), random.uniform(0.08, 0.92)
        start = corners[edge] * (1 - along) + corners[(edge + 1) % 4] * along
        inward = (inner - start) / np.linalg.norm(inner - start)
        direction = _turned(inward, random.uniform(-0.5, 0.5))
        tip = start + inward * side * random.uniform(-0.05, 0.03)  # the middle of its rounded end
        tail = tip - direction * 2 * max(width, height)
        if all(_covered(part, tip, tail, radius) <= how.finger_on_spared for part in parts):
            _draw_finger(light, tip, tail, radius, tone)
            return


def _turned(direction: Floats, angle: float) -> Floats:
    x, y = direction
    return np.array([x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)])


def _covered(part: Floats, tip: Floats, tail: Floats, radius: float) -> float:
    """Share of a part that a finger hides."""
    x, y = _grid(part).T
    _, apart = _from_axis(x, y, tip, tail)
    return float((apart < radius * 1.15).mean())


def _from_axis(x: Floats, y: Floats, tip: Floats, tail: Floats) -> tuple[Floats, Floats]:
    """How far along a finger's axis points lie, and how far from it (before its tip: from the tip)."""
    long = float(np.linalg.norm(tail - tip))
    ahead, aside = (tail - tip) / long, np.array([-(tail - tip)[1], (tail - tip)[0]]) / long
    along = (x - tip[0]) * ahead[0] + (y - tip[1]) * ahead[1]
    across = (x - tip[0]) * aside[0] + (y - tip[1]) * aside[1]
    return along, np.hypot(across, np.minimum(along, 0))


def _draw_finger(light: Picture, tip: Floats, tail: Floats, radius: float, tone: Floats) -> None:
    """A rounded cylinder lit from above, with a nail and the shadow it throws."""
    import cv2

    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along, apart = _from_axis(x, y, tip, tail)
    inside = np.clip((radius - apart) / 1.5 + 0.5, 0, 1).astype(np.float32)
    thrown = cv2.GaussianBlur(inside, (0, 0), radius * 0.25)
    light *= (1 - 0.5 * thrown * (1 - inside))[..., None]
    round_ = np.sqrt(np.clip(1 - (apart / radius) ** 2, 0, 1))
    shade = (0.35 + 0.65 * round_).astype(np.float32)
    colour = shade[..., None] * tone.astype(np.float32)
    ahead = (along + 0.2 * radius) / (0.62 * radius)
    nail = (abs(ahead) ** 3 + abs(apart / (0.56 * radius)) ** 3 < 1) & (along > -0.82 * radius)
    soft = cv2.GaussianBlur(nail.astype(np.float32), (0, 0), max(radius * 0.05, 0.5))[..., None]
    pale = np.array((0.16, 0.13, 0.12), dtype=np.float32) * float(tone.mean()) / 0.3
    colour += pale * soft * shade[..., None]
    light += (colour - light) * inside[..., None]


def _shadow(width: int, height: int, how: Severity, random: np.random.Generator) -> Picture:
    """Light left in each pixel: falling off across the frame, and at times behind a soft edge."""
    towards = random.uniform(0, math.tau)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    across = np.asarray((x * math.cos(towards) + y * math.sin(towards)) / math.sqrt(2), dtype=np.float32)
    left = 1 - random.uniform(*how.shadow) * (across + 1) / 2
    if random.random() < how.edged:
        towards, place = random.uniform(0, math.tau), random.uniform(-0.4, 0.4)
        other = x * math.cos(towards) + y * math.sin(towards) - place
        soft = random.uniform(0.03, 0.15)
        left *= 1 - random.uniform(*how.edge) / (1 + np.exp(-np.clip(other / soft * 4, -30, 30)))
    return left.astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Blob:
    """A lamp's reflection: a spot longer one way, flat in its middle and soft at its rim."""

    strength: float
    middle: Floats
    radius: float
    longer: float
    angle: float

    def at(self, x: Floats, y: Floats) -> Floats:
        """Light that it adds there, 1 being white paper in full light."""
        dx, dy = x - self.middle[0], y - self.middle[1]
        u = (dx * math.cos(self.angle) + dy * math.sin(self.angle)) / (self.radius * self.longer)
        v = (dy * math.cos(self.angle) - dx * math.sin(self.angle)) / self.radius
        light: Floats = self.strength * np.exp(-((u**2 + v**2) ** 1.4) / 1.2)
        return light


def _glare(
    size: tuple[int, int],
    corners: Floats,
    parts: Sequence[Floats],
    how: Severity,
    random: np.random.Generator,
) -> Picture:
    """Light that a reflection adds, its middle on the page; nothing where no place for it is found."""
    width, height = size
    none = np.zeros((height, width), dtype=np.float32)
    if random.random() >= how.glare:
        return none
    strength = random.uniform(*how.glare_strength)
    for _ in range(TRIES):
        blob = _Blob(
            strength=strength,
            middle=random.uniform(corners.min(axis=0), corners.max(axis=0)),
            radius=random.uniform(*how.glare_radius) * min(size),
            longer=random.uniform(1, 2.2),
            angle=random.uniform(0, math.pi),
        )
        if all(float(blob.at(*_grid(part).T).max()) <= how.glare_on_spared for part in parts):
            y, x = np.mgrid[:height, :width].astype(np.float32)
            return blob.at(x, y).astype(np.float32)
    return none


def _grid(part: Floats) -> Floats:
    """Points spread over a part of the page that four corners bound, n x 2."""
    u, v = (each.reshape(-1, 1) for each in np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 12)))
    upper, lower = part[0] + u * (part[1] - part[0]), part[3] + u * (part[2] - part[3])
    points: Floats = upper + v * (lower - upper)
    return points


# What lens, sensor and file make of it


def _linear(tones: Picture) -> Picture:
    """Values of sRGB, 0 to 255, as light, 0 to 1: a plain power of 2.2, which is close enough here."""
    light: Picture = np.power(tones / np.float32(255), np.float32(2.2))
    return light


def _blurred(light: Picture, how: Severity, unit: float, random: np.random.Generator) -> Picture:
    """Out of focus, then moved while the shutter was open."""
    import cv2

    soft = cv2.GaussianBlur(light, (0, 0), random.uniform(*how.defocus) * unit)
    length, angle = random.uniform(*how.motion) * unit, random.uniform(0, math.pi)
    reach = math.ceil(length / 2) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    # Each pixel's share of a line of that length, one pixel wide.
    kernel = np.clip(length / 2 + 0.5 - abs(along), 0, 1) * np.clip(1 - abs(across), 0, 1)
    return cv2.filter2D(soft, -1, kernel / kernel.sum())  # type: ignore[return-value]


def _noisy(light: Picture, how: Severity, random: np.random.Generator) -> Pixels:
    """As 8-bit values with the sensor's noise: of photons, so that its square grows with the light, on top of
    a floor. Phones smooth what they store, which leaves the noise in grains.
    """  # noqa: D205
    import cv2

    tones = np.clip(light, 0, 1) ** np.float32(1 / 2.2) * 255
    spread = np.float32(random.uniform(*how.noise))
    grains = cv2.GaussianBlur(random.standard_normal(tones.shape, dtype=np.float32), (0, 0), 0.6)
    grains *= spread / grains.std()
    # The power of 1/2.2 makes the noise of photons about even over the tones; the floor weighs on the dark.
    drawn = tones + grains * (0.8 + 0.4 * np.exp(-tones / 60))
    return drawn.clip(0, 255).round().astype(np.uint8)


def _encoded(pixels: Pixels, quality: int) -> bytes:
    from PIL import Image

    to = io.BytesIO()
    Image.fromarray(pixels).save(to, "JPEG", quality=quality, subsampling="4:2:0")
    return to.getvalue()


def _decoded(jpeg: bytes) -> Pixels:
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return np.array(image.convert("RGB"))
