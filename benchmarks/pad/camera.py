"""Light, lens, sensor and file: what a phone makes of the scene before it."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pad.answer import DARK
from pad.surface import HEIGHT, WIDTH, Floats, Picture
from visavis.liveness.challenge import Colour
from visavis.liveness.frames import Frame
from visavis.photo import Photo

REFERENCE_MM = 400.0
"""Distance at which the share of the screen's light is given."""


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """The light of the room and of the screen.

    Attributes:
        room: Its colour, R, G, B, mean 1.
        side: Where a directed part of it comes from, a unit vector from the surface.
        directed: Share of the room's light that is directed.
        screen: Light of the white screen on a face at `REFERENCE_MM`, 1 being the light of the room.
        late_ms: How much later than it should the screen shows a colour.
    """

    room: Floats
    side: Floats
    directed: float
    screen: float
    late_ms: float

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Light:
        """Of a room between a dim one, where the screen adds 60 %, and a bright one, where it adds 5 %."""
        warm = random.uniform(-0.5, 1.0)  # blue sky to warm lamps, after the camera's white balance
        room = np.array([1 + 0.10 * warm, 1.0, 1 - 0.18 * warm]) * random.normal(1, 0.02, 3)
        towards = np.array([random.uniform(-1, 1), random.uniform(-1.0, 0.1), -random.uniform(0.3, 1.0)])
        return cls(
            room=(room / room.mean()).astype(np.float32),
            side=(towards / np.linalg.norm(towards)).astype(np.float32),
            directed=float(random.uniform(0, 0.4)),
            screen=float(np.exp(random.uniform(math.log(0.05), math.log(0.6)))),
            late_ms=float(random.uniform(20, 120)),
        )

    def flash(self, colour: Colour | None) -> Floats:
        """What the screen sends at `REFERENCE_MM`, R, G, B."""
        if colour is None:
            return np.full(3, self.screen * DARK, dtype=np.float32)
        # Primaries of a screen leak a little into each other's channels of a camera.
        shares = (np.array(colour, dtype=np.float32) / 255) ** 2.2
        return self.screen * (LEAK @ shares)


LEAK = np.array([[0.90, 0.08, 0.02], [0.08, 0.84, 0.08], [0.02, 0.10, 0.88]], dtype=np.float32)


def lit(
    picture: Picture,
    normal: Picture | Floats,
    turn: Floats,
    own_normal: Picture | Floats,
    light: Light,
    flash: Floats,
    away_mm: float,
    *,
    relit: bool = True,
) -> Picture:
    """A surface that scatters, lit by the room and by the screen.

    Args:
        picture: What it reflects, as it looks in the room's light straight ahead.
        normal: Unit normals in the surface's own space, one for all or one for each pixel.
        turn: How the surface is turned.
        own_normal: Those under which the picture was lit.
        light: The room's.
        flash: The screen's, at `REFERENCE_MM`.
        away_mm: Distance from the screen.
        relit: Whether turning changes the room's light on it.
    """
    facing = normal @ turn.T.astype(np.float32)
    front = np.clip(-facing[..., 2:], 0.0, 1)
    screen = flash * np.float32((REFERENCE_MM / away_mm) ** 2) * front
    room: Floats | float = 1.0
    if relit and light.directed:
        now = np.clip(facing @ light.side, 0, 1)
        then = np.clip(own_normal @ light.side, 0, 1)
        room = (1 - light.directed + light.directed * now) / (1 - light.directed + light.directed * then)
        room = np.clip(room, 0.6, 1.5)[..., None]
    out: Picture = picture * (light.room * room + screen)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """Where the face is on the frame: what a phone's camera meters on.

    Attributes:
        centre: In pixels.
        radius: In pixels.
        speed: How fast it moves, in pixels a second.
    """

    centre: Floats
    radius: float
    speed: Floats

    def of(self, light: Picture) -> Picture:
        """That part of a frame, or its middle where the face isn't on it."""
        (x, y), reach = self.centre, self.radius
        part = light[
            max(0, round(y - reach)) : round(y + reach),
            max(0, round(x - 0.8 * reach)) : round(x + 0.8 * reach),
        ]
        return part if part.size else light[HEIGHT // 4 : -HEIGHT // 4, WIDTH // 4 : -WIDTH // 4]


Scene = Callable[[float], tuple[Picture, Spot]]
"""What stands before the camera: its light at a time, and where the face is."""


@dataclass(eq=False)
class Camera:
    """A phone's selfie camera in somebody's hand, for one sequence."""

    random: np.random.Generator
    bright: float = 1.0
    noise: float = field(init=False)

    def __post_init__(self) -> None:
        random = self.random
        self.noise = float(random.uniform(1.0, 2.5) + 1.5 * (1 - self.bright))
        self.quality = int(random.integers(78, 94))
        self.soft = float(random.uniform(0.35, 0.75))
        self.open_ms = float(random.uniform(8, 33))
        self.rate = float(random.uniform(5.2, 8.5))
        self.gain = float(random.uniform(0.8, 1.15))
        self.balance = random.uniform(0.94, 1.06, 3).astype(np.float32)
        self.adapts = random.uniform(0.1, 0.6), random.uniform(0.0, 0.35), random.uniform(1.5, 4.0)
        self.shake = float(random.uniform(0.4, 1.6))
        self._phases = random.uniform(0, math.tau, (2, 3))
        self._rates = random.uniform([0.3, 1.0, 3.0], [0.8, 2.5, 7.0], (2, 3))
        self._walk = np.zeros(4)
        self._metered: Floats | None = None
        self._first: Floats | None = None
        self._level, self._last_ms = 1.0, 0.0
        grains = random.standard_normal((HEIGHT + 96, WIDTH + 96, 3), dtype=np.float32)
        grains = np.asarray(cv2.GaussianBlur(grains, (0, 0), 0.55))  # phones smooth what they store
        self._grains = grains / grains.std()

    def times(self, until_ms: float) -> list[float]:
        """When pictures are taken: at an even pace but for a jitter and a frame that is lost now and then."""
        at, times = float(self.random.uniform(0, 80)), []
        while at < until_ms:
            if self.random.random() > 0.015:
                times.append(round(at, 1))
            at += 1000 / self.rate * float(np.clip(self.random.normal(1, 0.12), 0.6, 1.6))
        return times

    def shift(self, ms: float) -> Floats:
        """Where the hand moves the picture to, in pixels."""
        waves = np.array([2.2, 0.9, 0.25]) * self.shake
        moved: Floats = (waves * np.sin(math.tau * self._rates * ms / 1000 + self._phases)).sum(axis=1)
        return moved

    def take(self, light: Picture, ms: float, spot: Spot) -> bytes:
        """A picture of the light that falls on the sensor, as the bytes of a file.

        Args:
            light: height x width x 3, linear; 1 is white paper in the room's light.
            ms: When.
            spot: Where the face is.
        """
        here = self.shift(ms)
        speed = (self.shift(ms + 5) - self.shift(ms - 5)) * 100 + spot.speed
        moved = cv2.warpAffine(
            light,
            np.array([[1, 0, here[0]], [0, 1, here[1]]]),
            (WIDTH, HEIGHT),
            borderMode=cv2.BORDER_REPLICATE,
        )
        soft = np.asarray(cv2.GaussianBlur(moved, (0, 0), self.soft), dtype=np.float32)
        smeared = _smeared(soft, speed * self.open_ms / 1000)
        levels = _levels(smeared * self._metering(spot.of(smeared), ms))
        y, x = self.random.integers(0, 96, 2)
        grains = self._grains[y : y + HEIGHT, x : x + WIDTH]
        if self.random.random() < 0.5:
            grains = grains[:, ::-1]
        tones = CURVE[levels] + grains * (np.float32(self.noise) * GRAIN[levels])
        pixels = np.clip(tones, 0, 255).round().astype(np.uint8)
        return as_jpeg(pixels, self.quality)

    def _metering(self, face: Picture, ms: float) -> Floats:
        """Exposure and white balance: a slow walk, and what the phone does against a change of the light.

        To begin with the face is as bright as is usual, and its highlights stay below the sensor's white.
        """
        seconds = max(0.0, (ms - self._last_ms) / 1000)
        self._last_ms = ms
        self._walk += (
            self.random.normal(0, 1, 4) * math.sqrt(seconds) * np.array([0.012, 0.005, 0.005, 0.005])
        )
        middle = face.mean(axis=(0, 1)).astype(np.float64)
        if self._metered is None or self._first is None:
            self._metered = self._first = middle
            bright = float(np.quantile(face.max(axis=2), 0.95))
            self._level = min(0.3 / max(0.02, float(middle.mean())), 0.85 / max(0.05, bright))
        exposure, balance, slow = self.adapts
        share = 1 - math.exp(-seconds / slow)
        self._metered = self._metered + share * (middle - self._metered)
        change = np.log(self._metered / self._first)
        tint = change - change.mean()
        gains = -exposure * change.mean() - balance * tint + self._walk[0] + self._walk[1:]
        gain: Floats = (np.exp(gains) * self.balance * self.gain * self._level).astype(np.float32)
        return gain


def answer_frames(camera: Camera, until_ms: float, scene: Scene) -> list[Frame]:
    """Film a scene."""
    frames = []
    for ms in camera.times(until_ms):
        light, spot = scene(ms)
        frames.append(Frame(ms, Photo.open(camera.take(light, ms, spot))))
    return frames


def as_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Pixels as a file."""
    to = io.BytesIO()
    Image.fromarray(pixels).save(to, "JPEG", quality=quality, subsampling="4:2:0")
    return to.getvalue()


def _levels(light: Picture) -> NDArray[np.uint16]:
    """Linear light, 1 being the sensor's white, as places in `CURVE` and `GRAIN`."""
    levels: NDArray[np.uint16] = np.clip(light * np.float32(FINE), 0, len(CURVE) - 1).astype(np.uint16)
    return levels


def _curve() -> Floats:
    """Values of 0 to 255 for light of 0 to 2 in steps of 1 / FINE: a power of 1/2.2 under a soft shoulder."""
    light = np.arange(2 * FINE) / FINE
    bent = np.where(light > 0.75, 0.75 + 0.25 * (1 - np.exp(-(light - 0.75) / 0.25)), light)
    return (255 * bent ** (1 / 2.2)).astype(np.float32)


FINE = 8192
CURVE = _curve()
GRAIN = (0.8 + 0.5 * np.exp(-CURVE / 60)).astype(np.float32)
"""How much of the noise is left at each of these values: it is stronger in the dark."""


def _smeared(light: Picture, by: Floats) -> Picture:
    """Moved by so many pixels while the shutter was open."""
    length = min(12.0, float(np.hypot(*by)))
    if length < 0.5:
        return light
    angle = math.atan2(by[1], by[0])
    reach = math.ceil(length / 2) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    kernel = np.clip(length / 2 + 0.5 - abs(along), 0, 1) * np.clip(1 - abs(across), 0, 1)
    return cv2.filter2D(light, -1, (kernel / kernel.sum()).astype(np.float32))  # type: ignore[return-value]
