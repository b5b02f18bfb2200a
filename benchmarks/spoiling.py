"""Ways in which pictures of faces go wrong, drawn at random, for benchmarks that need bad pictures.

Lengths are shares of the distance between the eyes, light is linear, and what is drawn lies evenly between
the ends that stand here; they were set before anything was measured on them. The order is that of a camera:
what stands before the lens, light, framing, blur, pixels, noise, file.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from visavis.quality.exposure import linear

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from visavis.geometry import Floats

    Pixels = NDArray[np.uint8]

HOW_MANY = (0.5, 0.3, 0.2)  # shares of pictures with one, two and three things wrong
GREY = 128  # beside a picture that leans


@dataclass(slots=True)
class Picture:
    """A picture on its way through the camera.

    Attributes:
        light: H x W x 3, linear, 0 to 1 unless it was brightened.
        points: The five landmarks in it, 5 x 2.
    """

    light: NDArray[np.float32]
    points: Floats

    @property
    def apart(self) -> float:
        """Pixels between the eyes, at least 1."""
        return max(1.0, float(np.linalg.norm(self.points[1] - self.points[0])))


def spoil(pixels: Pixels, points: Floats, random: np.random.Generator) -> tuple[Pixels | bytes, list[str]]:
    """A picture made worse in one to three ways, and their names.

    Args:
        pixels: H x W x 3, RGB.
        points: The five landmarks of the face in it, 5 x 2.
        random: Where chance comes from.
    """
    count = 1 + int(random.choice(len(HOW_MANY), p=HOW_MANY))
    chosen = set(random.choice(len(WAYS) + 1, count, replace=False).tolist())
    picture = Picture(linear(pixels / 255).astype(np.float32), points.copy())
    names = []
    for place, (name, way) in enumerate(WAYS.items()):
        if place in chosen:
            way(picture, random)
            names.append(name)
    made = gamma(picture.light)
    if len(WAYS) not in chosen:
        return made, names
    to = io.BytesIO()
    quality = round(float(np.exp(random.uniform(math.log(5), math.log(50)))))
    Image.fromarray(made).save(to, "JPEG", quality=quality, subsampling="4:2:0")
    return to.getvalue(), [*names, "compressed"]


def gamma(light: NDArray[np.float32]) -> Pixels:
    """The sRGB values (IEC 61966-2-1) of linear light, which is cut at 0 and 1."""
    light = light.clip(0, 1)
    value = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)
    return (255 * value + 0.5).astype(np.uint8)


def covered(picture: Picture, random: np.random.Generator) -> None:
    """A bar of one colour, a quarter to two thirds as wide as the eyes are apart, across some of the face."""
    middle = picture.points.mean(axis=0) + picture.apart * random.uniform(-0.7, 0.7, 2)
    angle = random.uniform(0, math.pi)
    along = 1.5 * picture.apart * np.array([math.cos(angle), math.sin(angle)])
    width = max(1, round(picture.apart * random.uniform(0.25, 0.67)))
    first, second = (tuple(int(value) for value in end) for end in (middle - along, middle + along))
    mask = np.zeros(picture.light.shape[:2], dtype=np.uint8)
    cv2.line(mask, first, second, 1, width)
    picture.light[mask > 0] = random.uniform(0, 0.7, 3)


def side_light(picture: Picture, random: np.random.Generator) -> None:
    """One side of the face gets 1/20 to 1/3 of the light; the change lies across the nose."""
    eyes = picture.points[1] - picture.points[0]
    across = eyes / picture.apart * random.choice((-1, 1))
    y, x = np.mgrid[: picture.light.shape[0], : picture.light.shape[1]] + 0.5
    place = ((x - picture.points[2, 0]) * across[0] + (y - picture.points[2, 1]) * across[1]) / picture.apart
    least = math.exp(random.uniform(math.log(1 / 20), math.log(1 / 3)))
    share = 0.5 + 0.5 * np.tanh(place / random.uniform(0.2, 0.6))
    picture.light *= (least + (1 - least) * share)[..., None].astype(np.float32)


def dark(picture: Picture, random: np.random.Generator) -> None:
    """1/30 to 1/4 of the light, with the noise of a sensor that gets so little."""
    picture.light *= math.exp(random.uniform(math.log(1 / 30), math.log(1 / 4)))
    _sensor(picture, random, 0.001)


def burnt_out(picture: Picture, random: np.random.Generator) -> None:
    """Two to six times the light, cut off where it is white."""
    picture.light *= math.exp(random.uniform(math.log(2), math.log(6)))
    np.clip(picture.light, 0, 1, out=picture.light)


def leaning(picture: Picture, random: np.random.Generator) -> None:
    """Turned in the picture plane by 10 to 45 degrees around the face."""
    degrees = random.uniform(10, 45) * random.choice((-1, 1))
    x, y = picture.points.mean(axis=0)
    turn = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), degrees, 1.0)
    height, width = picture.light.shape[:2]
    grey = (float(linear(np.array(GREY / 255))),) * 3
    picture.light = cv2.warpAffine(picture.light, turn, (width, height), borderValue=grey).astype(np.float32)
    turn[:, 2] += 0.5 - turn[:, :2].sum(axis=1) / 2  # from pixel centres at whole numbers to those at halves
    picture.points = picture.points @ turn[:, :2].T + turn[:, 2]


def cut_off(picture: Picture, random: np.random.Generator) -> None:
    """One edge of the picture goes through the face: a third of an eye distance outside of the points to as
    much inside.
    """  # noqa: D205
    low, high = picture.points.min(axis=0), picture.points.max(axis=0)
    into = picture.apart * random.uniform(-1 / 3, 1 / 3)
    height, width = picture.light.shape[:2]
    left = top = 0
    right, bottom = width, height
    match int(random.integers(4)):
        case 0:
            left = round(low[0] + into)
        case 1:
            right = round(high[0] - into)
        case 2:
            top = round(low[1] + into)
        case _:
            bottom = round(high[1] - into)
    left, top = max(0, left), max(0, top)
    picture.light = np.ascontiguousarray(picture.light[top:bottom, left:right])
    picture.points = picture.points - (left, top)


def defocused(picture: Picture, random: np.random.Generator) -> None:
    """Blurred by a disc with a radius of 1/30 to 1/6 of the distance between the eyes."""
    radius = picture.apart * random.uniform(1 / 30, 1 / 6)
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    _blur(picture, (radius + 0.5 - np.hypot(x, y)).clip(0, 1))


def moved(picture: Picture, random: np.random.Generator) -> None:
    """Blurred along a line of 1/10 to 1/2 of the distance between the eyes."""
    length, angle = picture.apart * random.uniform(0.1, 0.5), random.uniform(0, math.pi)
    reach = math.ceil(length / 2)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along = np.abs(x * math.cos(angle) + y * math.sin(angle))
    off = np.abs(y * math.cos(angle) - x * math.sin(angle))
    _blur(picture, (length / 2 + 0.5 - along).clip(0, 1) * (1 - off).clip(0, 1))


def few_pixels(picture: Picture, random: np.random.Generator) -> None:
    """Shrunk until the eyes are 8 to 30 pixels apart, unless they are closer already."""
    factor = math.exp(random.uniform(math.log(8), math.log(30))) / picture.apart
    if factor >= 1:
        return
    height, width = (max(16, round(side * factor)) for side in picture.light.shape[:2])
    by = np.array([width / picture.light.shape[1], height / picture.light.shape[0]])
    picture.light = cv2.resize(picture.light, (width, height), interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    picture.points = picture.points * by


def noisy(picture: Picture, random: np.random.Generator) -> None:
    """The noise of a sensor that was set to be sensitive."""
    _sensor(picture, random, math.exp(random.uniform(math.log(0.001), math.log(0.02))))


WAYS: dict[str, Callable[[Picture, np.random.Generator], None]] = {
    "covered": covered,
    "light from the side": side_light,
    "dark": dark,
    "burnt out": burnt_out,
    "leaning": leaning,
    "cut off": cut_off,
    "out of focus": defocused,
    "moved": moved,
    "few pixels": few_pixels,
    "noisy": noisy,
}
"""All ways but compression, which comes last and makes a file, in their order."""


def darker_skin(pixels: Pixels, points: Floats, factor: float) -> Pixels:
    """The same picture in the same light, with skin that sends back `factor` of the light.

    Skin is taken for an oval around the face without its eyes, with soft edges; all else stays.
    """
    apart = float(np.linalg.norm(points[1] - points[0]))
    right = (points[1] - points[0]) / max(apart, 1e-6)
    down = np.array([-right[1], right[0]])
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5

    def oval(middle: Floats, across: float, along: float, soft: float) -> Floats:
        """1 inside of an oval and 0 outside, half-axes and softness in distances between the eyes."""
        off = np.stack([x - middle[0], y - middle[1]], axis=-1) / apart
        far = np.hypot(off @ right / across, off @ down / along)
        inside: Floats = ((1 - far) * min(across, along) / soft + 0.5).clip(0, 1)
        return inside

    skin = oval(eyes + 0.35 * (mouth - eyes), 1.1, 1.6, 0.2)
    for eye in points[:2]:
        skin *= 1 - oval(eye, 0.25, 0.12, 0.06)
    light = linear(pixels / 255) * (1 - (1 - factor) * skin)[..., None]
    return gamma(light.astype(np.float32))


def _blur(picture: Picture, weights: Floats) -> None:
    kernel = (weights / weights.sum()).astype(np.float32)
    picture.light = cv2.filter2D(picture.light, -1, kernel, borderType=cv2.BORDER_REPLICATE).astype(
        np.float32
    )


def _sensor(picture: Picture, random: np.random.Generator, strength: float) -> None:
    """Noise whose variance is `strength` of the light and a little that is always there."""
    spread = np.sqrt(strength * picture.light.clip(0, None) + strength**2)
    noise = random.standard_normal(picture.light.shape, dtype=np.float32)
    picture.light = (picture.light + spread * noise).clip(0, None).astype(np.float32)
