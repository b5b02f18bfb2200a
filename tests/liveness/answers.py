"""Answers of a drawn face that is nobody's: a relief of known depth, lit and turned by formula.

The face is a texture of soft blots with dark eyes and mouth, on a plane out of which a round nose stands.
Seen from far, a point (x, y) at depth z goes to x cos(t) - z sin(t) when it is turned by t to the viewer's
right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from visavis.faces.face import Face
from visavis.faces.recognise import Template
from visavis.geometry import Box
from visavis.liveness.frames import Frame
from visavis.liveness.sequence import LINEAR, Seen, Watched
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.geometry import Floats
    from visavis.liveness.challenge import Challenge, Step

WIDTH, HEIGHT = 180, 240
EYES_PX = 44.0
# In distances between the eyes around the middle of eyes and mouth corners, x to the viewer's right, y down.
MARKS: Floats = np.array([(-0.5, -0.5), (0.5, -0.5), (0.0, 0.05), (-0.42, 0.5), (0.42, 0.5)])
NOSE_WIDTH = 0.3
NOTHING = np.zeros((64, 64), dtype=np.float32)


@dataclass(frozen=True)
class Manner:
    """How somebody answers.

    Attributes:
        depth: How far the nose stands out, in distances between the eyes; 0 is a picture.
        turn_deg: How far they turn, to the side that is asked.
        mirrored: Whether they turn to the other side.
        closer: How much larger they become.
        amount: How much a full colour adds to the light of the room.
        veil: How much of a full colour lies on everything, as on glass, 1 being white.
        room: The room's light, R, G, B.
        follows: The challenge that they follow, where it is another one.
        rate: Frames a second.
        seed: Of noise, and of how the face looks.
    """

    depth: float = 0.5
    turn_deg: float = 25.0
    mirrored: bool = False
    closer: float = 1.35
    amount: float = 0.2
    veil: float = 0.0
    room: tuple[float, float, float] = (0.8, 0.8, 0.8)
    follows: Challenge | None = None
    rate: float = 6.0
    seed: int = 1


LIVE = Manner()
PICTURE = replace(LIVE, depth=0.0)


def yaw_at(challenge: Challenge, ms: float, manner: Manner) -> float:
    """Turn to the person's left in degrees: half a sine wave over each turn, 200 ms late."""
    step = step_at(challenge, ms - 200)
    if step is None or step.action not in ("left", "right"):
        return 0.0
    share = (ms - 200 - step.from_ms) / (step.until_ms - step.from_ms)
    side = (1 if step.action == "left" else -1) * (-1 if manner.mirrored else 1)
    return float(side * manner.turn_deg * np.sin(np.pi * share))


def scale_at(challenge: Challenge, ms: float, manner: Manner) -> float:
    step = step_at(challenge, ms - 200)
    if step is None or step.action != "closer":
        return 1.0
    share = (ms - 200 - step.from_ms) / (step.until_ms - step.from_ms)
    return float(1 + (manner.closer - 1) * np.sin(np.pi * share))


def step_at(challenge: Challenge, ms: float) -> Step | None:
    return next((step for step in challenge.steps if step.from_ms <= ms < step.until_ms), None)


def marks_at(yaw_deg: float, scale: float, depth: float, shift: Sequence[float] | Floats = (0, 0)) -> Floats:
    """The five landmarks on a frame, in pixels."""
    turn = np.radians(yaw_deg)
    x = MARKS[:, 0] * np.cos(turn) - relief(MARKS[:, 0], MARKS[:, 1], depth) * np.sin(turn)
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    marks: Floats = scale * EYES_PX * np.column_stack([x, MARKS[:, 1]]) + middle + np.array(shift)
    return marks


def relief(x: NDArray[Any], y: NDArray[Any], depth: float) -> NDArray[Any]:
    """Depth away from the viewer: the nose lies before the plane."""
    nose = MARKS[2]
    height: NDArray[Any] = -depth * np.exp(-((x - nose[0]) ** 2 + (y - nose[1]) ** 2) / NOSE_WIDTH**2 / 2)
    return height


@cache
def texture(seed: int) -> NDArray[np.float32]:
    """400 x 400 albedos, 100 pixels between the eyes, the middle of the face in the middle."""
    random = np.random.default_rng(seed)
    blots = np.zeros((400, 400), dtype=np.float32)
    for size in (3.0, 6.0, 12.0):
        noise = random.normal(size=(400, 400)).astype(np.float32)
        soft = cv2.GaussianBlur(noise, (0, 0), size)
        blots += soft / soft.std()
    skin = 0.45 + 0.035 * blots
    y, x = (np.mgrid[:400, :400] - 200) / 100
    for across, down, wide, high, depth in (
        (-0.5, -0.5, 0.2, 0.1, 0.7),
        (0.5, -0.5, 0.2, 0.1, 0.7),
        (-0.5, -0.75, 0.3, 0.06, 0.5),
        (0.5, -0.75, 0.3, 0.06, 0.5),
        (0.0, 0.5, 0.4, 0.08, 0.5),
    ):
        skin *= 1 - depth * np.exp(-(((x - across) / wide) ** 2) - ((y - down) / high) ** 2)
    colour = np.array([1.0, 0.75, 0.6], dtype=np.float32)
    albedo: NDArray[np.float32] = np.clip(skin[..., None] * colour, 0.01, 1).astype(np.float32)
    return albedo


def picture_at(ms: float, challenge: Challenge, manner: Manner, random: np.random.Generator) -> Any:
    """One frame as pixels, and its landmarks."""
    asked = manner.follows or challenge
    yaw, scale = yaw_at(asked, ms, manner), scale_at(asked, ms, manner)
    shift = random.normal(0, 0.6, 2)
    turn = np.radians(yaw)
    v, u = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    u, y = (
        (each - middle - by) / scale / EYES_PX
        for each, middle, by in ((u, WIDTH / 2, shift[0]), (v, HEIGHT / 2, shift[1]))
    )
    x = u / np.cos(turn)
    for _ in range(10 if yaw and manner.depth else 0):  # each round halves what is left of the error
        x = (u + relief(x, y, manner.depth) * np.sin(turn)) / np.cos(turn)
    across, down = ((each * 100 + 200 - 0.5).astype(np.float32) for each in (x, y))
    albedo = cv2.remap(texture(manner.seed), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    shown = step_at(asked, ms - 80)
    flash = LINEAR[list(shown.colour)] if shown is not None and shown.colour else np.zeros(3)
    light = albedo * (np.array(manner.room) + manner.amount * flash * 0.8) + manner.veil * flash * 0.3
    light = np.clip(light, 0, 1)
    srgb = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    noisy = srgb + random.normal(0, 1.5, srgb.shape)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8), marks_at(yaw, scale, manner.depth, shift)


def face_at(points: Floats) -> Face:
    """A face with these points."""
    low, high = points.min(axis=0) - EYES_PX / 2, points.max(axis=0) + EYES_PX / 2
    first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
    box = Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    return Face(box, (first, second, third, fourth, fifth), confidence=0.95)


@dataclass(frozen=True, eq=False)
class Answered:
    """An answer, and where the face is on each of its frames."""

    challenge: Challenge
    frames: tuple[Frame, ...]
    faces: tuple[Face | None, ...]

    @cached_property
    def watched(self) -> Watched:
        """What is seen on it."""
        seen = [
            Seen.of(frame.at_ms, frame.photo, face)
            for frame, face in zip(self.frames, self.faces, strict=True)
        ]
        return Watched(self.challenge, tuple(seen))


def times_of(challenge: Challenge, manner: Manner, random: np.random.Generator) -> Floats:
    """When the frames are taken."""
    gap = 1000 / manner.rate
    times = np.arange(gap / 2, challenge.duration_ms, gap)
    jittered: Floats = times + random.uniform(-0.1, 0.1, len(times)) * gap
    return jittered


def watched_points(challenge: Challenge, manner: Manner = LIVE) -> Watched:
    """The same answer without a pixel, for checks that only look at landmarks."""
    random = np.random.default_rng(manner.seed)
    asked, seen = manner.follows or challenge, []
    for ms in times_of(challenge, manner, random):
        points = marks_at(yaw_at(asked, ms, manner), scale_at(asked, ms, manner), manner.depth)
        points = points + random.normal(0, 0.4, points.shape)
        seen.append(Seen(float(ms), f"{ms}", NOTHING, points, None, None))
    return Watched(challenge, tuple(seen))


def without_faces(watched: Watched, start: float, end: float) -> Watched:
    """The same where no face is found for a while."""
    seen = [replace(each, points=None) if start <= each.at_ms < end else each for each in watched.seen]
    return Watched(watched.challenge, tuple(seen))


@cache
def answered(challenge: Challenge, manner: Manner = LIVE) -> Answered:
    """An answer to a challenge, frame by frame."""
    random = np.random.default_rng(manner.seed)
    frames, faces = [], []
    for ms in times_of(challenge, manner, random):
        pixels, points = picture_at(float(ms), challenge, manner, random)
        frames.append(Frame(float(ms), Photo.from_pixels(pixels)))
        faces.append(face_at(points + random.normal(0, 0.4, points.shape)))
    return Answered(challenge, tuple(frames), tuple(faces))


class Toy:
    """Stands for an examiner that finds the faces of answers where they were drawn, by the frames' digests.

    `people` says who is on which frame, by digest; everybody else is person 0.
    """

    pack = SimpleNamespace(name="toy")
    fingerprint = "0123456789abcdef"

    def __init__(self, *answers: Answered, people: dict[str, int] | None = None) -> None:
        self.faces = {
            frame.photo.sha256: face
            for answer in answers
            for frame, face in zip(answer.frames, answer.faces, strict=True)
        }
        self.people = people or {}
        self.looked = self.recognised = 0

    def look(self, source: Photo, *, policy: Any) -> Any:
        self.looked += 1
        evidence = SimpleNamespace(face=self.faces.get(source.sha256), sha256=source.sha256)
        return ToyLook(source, evidence)

    def recognise(self, look: ToyLook) -> Any:
        self.recognised += 1
        if look.evidence.face is None:
            return SimpleNamespace(template=None)
        vector = np.zeros(8, dtype=np.float32)
        vector[self.people.get(look.evidence.sha256, 0)] = 1.0
        return SimpleNamespace(template=Template(vector, "toy", self.fingerprint))


@dataclass(frozen=True)
class ToyLook:
    """What the toy saw on a frame."""

    photo: Photo
    evidence: Any


class ToyCalibration:
    """Calls two templates a match from a cosine of 0.4 on."""

    def require(self, pack: str, fingerprint: str) -> None:
        assert (pack, fingerprint) == ("toy", Toy.fingerprint)

    def threshold(self, fmr: float) -> float:
        return 0.4
