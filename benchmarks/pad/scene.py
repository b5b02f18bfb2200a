"""What stands before the camera: a person, a print, a screen. Each gives the light of a frame at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pad.answer import Moment
from pad.camera import REFERENCE_MM, Light, Scene, Spot, lit
from pad.head import BODY_FROM, EYES_AT, SIDE, Head
from pad.surface import FOCAL, HEIGHT, WIDTH, Floats, Maps, Picture, Pose, normals, plane_maps, project, splat
from visavis.liveness.challenge import Colour

Motion = Callable[[float], Moment]
Shown = Callable[[float], Colour | None]

PHONE_MM = 70.0, 145.0  # the screen that flashes; the camera is in the middle of its upper edge
OWN = math.pi * REFERENCE_MM**2 / (PHONE_MM[0] * PHONE_MM[1])
"""A screen's own light over that of white paper that it lights at `REFERENCE_MM`: paper sends back E / pi."""

FRONT = np.array([0.0, 0.0, -1.0], dtype=np.float32)
BODY_MM = 60.0  # how far shoulders are behind the eyes
ROOM_MM = 1500.0


def person(head: Head, light: Light, moves: Motion, shown: Shown) -> Scene:
    """A live person."""

    def at(ms: float) -> tuple[Picture, Spot]:
        moment, flash = moves(ms), light.flash(shown(ms))
        drawn = room(head.room, moment, light, flash)
        _body(drawn, head, moment, light, flash)
        pose = moment.pose()
        maps = head.seen(moment.yaw_deg, moment.pitch_deg, pose)
        normal = maps.of(head.normals)
        skin = lit(maps.of(head.texture), normal, pose.turn, normal, light, flash, moment.away_mm)
        lay(drawn, maps, skin, maps.seen * maps.of(head.mask))
        return drawn, spot(moves, ms)

    return at


def room(picture: Picture, moment: Moment, light: Light, flash: Floats) -> Picture:
    """What is far behind: it hardly moves, and the screen hardly reaches it."""
    y, x = (picture.shape[0] - HEIGHT) // 2, (picture.shape[1] - WIDTH) // 2
    shift = 0.02 * moment.across_mm, 0.02 * moment.down_mm
    part = picture[y + round(shift[1]) :, x + round(shift[0]) :][:HEIGHT, :WIDTH]
    return part * (light.room + flash * (REFERENCE_MM / ROOM_MM) ** 2)


def _body(drawn: Picture, head: Head, moment: Moment, light: Light, flash: Floats) -> None:
    place = np.array([moment.across_mm, moment.down_mm, moment.away_mm + BODY_MM])
    place += eyes_offset(head.mm_per_px * (1 + BODY_MM / moment.away_mm))
    still = Pose(np.eye(3), place)
    maps = plane_maps((SIDE, SIDE), head.mm_per_px * (1 + BODY_MM / moment.away_mm), still, below=True)
    maps = maps.from_row(BODY_FROM)
    skin = lit(
        maps.of(head.texture), FRONT, still.turn, FRONT, light, flash * np.float32(0.8), float(place[2])
    )
    lay(drawn, maps, skin, maps.of(head.body))  # where the picture ends its last row goes on


def standing_still(scene: Scene, shown: Shown) -> Scene:
    """A scene as it is at its beginning, but for the screen's colours; quicker to draw."""
    drawn: dict[Colour | None, tuple[Picture, Spot]] = {}

    def at(ms: float) -> tuple[Picture, Spot]:
        colour = shown(ms)
        if colour not in drawn:
            drawn[colour] = scene(ms)
        return drawn[colour]

    return at


def eyes_offset(mm_per_px: float) -> Floats:
    """From the middle between the eyes to the middle of the upright picture."""
    return np.array([(SIDE - 1) / 2 - EYES_AT[0], (SIDE - 1) / 2 - EYES_AT[1], 0.0]) * mm_per_px


def lay(below: Picture, maps: Maps, above: Picture, share: Picture) -> None:
    """Lay what is seen of a surface over what was drawn before."""
    there = below[maps.part]
    there += (above - there) * share[..., None]


def spot(moves: Motion, ms: float) -> Spot:
    """Where the middle of the face is on the frame, and how fast it moves there."""
    places = []
    for time in (ms - 10, ms + 10):
        pose = moves(time).pose()
        places.append(project((np.array([0.0, 30.0, -20.0]) @ pose.turn.T + pose.place)[None])[0])
    radius = 55.0 * FOCAL / moves(ms).away_mm
    return Spot((places[0] + places[1]) / 2, radius, (places[1] - places[0]) * 50)


# Prints


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """A picture on paper.

    Attributes:
        picture: Linear light, with what printing made of it.
        mm_per_px: How large a pixel is printed.
        eyes: Where the middle between the eyes lies, in pixels.
        gloss: Light of the room's lamp that its surface mirrors.
        holes: Share of paper in each pixel, or None where it is whole.
    """

    picture: Picture
    mm_per_px: float
    eyes: tuple[float, float]
    gloss: float
    holes: Picture | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.shape[1], self.picture.shape[0]

    def offset(self) -> Floats:
        """From the middle between the eyes to the middle of the paper, in millimetres."""
        width, height = self.size
        return np.array([(width - 1) / 2 - self.eyes[0], (height - 1) / 2 - self.eyes[1], 0]) * self.mm_per_px


def printed(head: Head, random: np.random.Generator, *, scale: tuple[float, float] = (0.75, 1.15)) -> Print:
    """A portrait printed about as large as life, cut to a sheet of paper, as a good printer would."""
    mm_per_px = head.mm_per_px * random.uniform(*scale)
    wide, high = min(1.0, random.uniform(190, 250) / (SIDE * mm_per_px)), 1.0
    width, height = int(SIDE * wide), int(SIDE * high)
    left = int(np.clip(EYES_AT[0] - width / 2, 0, SIDE - width))
    height = min(height, int(random.uniform(250, 330) / mm_per_px))
    top = int(np.clip(EYES_AT[1] - 0.42 * height, 0, SIDE - height))
    part = head.texture[top : top + height, left : left + width]
    ink, paper = random.uniform(0.015, 0.05), random.uniform(0.86, 0.96)
    tint = random.normal(1, 0.03, 3).astype(np.float32)
    grain = random.standard_normal((height, width, 1)).astype(np.float32) * random.uniform(0.0, 0.03)
    drawn = (ink + (paper - ink) * np.clip(part, 0, 1) ** random.uniform(0.92, 1.12)) * tint * (1 + grain)
    border = int(random.choice([0, 0, 8, 14]))
    drawn = cv2.copyMakeBorder(drawn, border, border, border, border, cv2.BORDER_CONSTANT, value=[paper] * 3)
    eyes = EYES_AT[0] - left + border, EYES_AT[1] - top + border
    return Print(drawn.astype(np.float32), mm_per_px, eyes, float(random.choice([0.0, 0.0, 0.15, 0.3])))


def flat_print(
    sheet: Print, light: Light, moves: Motion, shown: Shown, behind: Scene, pivot_mm: float
) -> Scene:
    """A print held, turned and moved before the camera."""

    def at(ms: float) -> tuple[Picture, Spot]:
        moment, flash = moves(ms), light.flash(shown(ms))
        pose = shifted(moment.pose(pivot_mm), sheet.offset())
        maps = plane_maps(sheet.size, sheet.mm_per_px, pose)
        paper = lit(maps.of(sheet.picture), FRONT, pose.turn, FRONT, light, flash, moment.away_mm)
        paper += shine(maps, pose, light, sheet.gloss)
        drawn = behind(ms)[0].copy()
        lay(drawn, maps, paper, maps.seen if sheet.holes is None else maps.seen * maps.of(sheet.holes))
        return drawn, spot(moves, ms)

    return at


def bent_print(
    sheet: Print,
    light: Light,
    moves: Motion,
    shown: Shown,
    behind: Scene,
    bend: Callable[[Picture], Picture],
    pivot_mm: float,
) -> Scene:
    """A print that is no plane.

    Args:
        sheet: The print.
        light: On it.
        moves: How it is moved.
        shown: What the screen shows.
        behind: What it hides.
        bend: From how far beside the middle a place on the paper is, to where it goes: across and away, in
            millimetres, rows x columns x 2.
        pivot_mm: How far behind it the axis is that it turns about.
    """
    step = 2.0
    width, height = sheet.size
    across = (np.arange(0, width, step, dtype=np.float32) - sheet.eyes[0]) * sheet.mm_per_px
    down = (np.arange(0, height, step, dtype=np.float32) - sheet.eyes[1]) * sheet.mm_per_px
    grid = np.stack(np.meshgrid(across, down), axis=-1)
    bent = bend(grid[..., 0])
    nodes = np.stack([bent[..., 0], grid[..., 1], bent[..., 1]], axis=-1).astype(np.float32)
    inside = (
        np.abs(np.gradient(bent[..., 0], axis=1)) > 1e-3
    )  # what a tight bend takes out of sight isn't there
    whole: Picture = cv2.resize(normals(nodes), (width, height))  # type: ignore[assignment]

    def at(ms: float) -> tuple[Picture, Spot]:
        moment, flash = moves(ms), light.flash(shown(ms))
        pose = moment.pose(pivot_mm)
        towards = (1 if moment.yaw_deg >= 0 else -1, 1 if moment.pitch_deg >= 0 else -1)
        maps = splat(nodes, inside, step, pose, towards)
        paper = lit(maps.of(sheet.picture), maps.of(whole), pose.turn, FRONT, light, flash, moment.away_mm)
        drawn = behind(ms)[0].copy()
        lay(drawn, maps, paper, maps.seen if sheet.holes is None else maps.seen * maps.of(sheet.holes))
        return drawn, spot(moves, ms)

    return at


def cylinder(radius_mm: float) -> Callable[[Picture], Picture]:
    """Bent around an upright cylinder, towards the camera."""

    def bend(across: Picture) -> Picture:
        angle = np.clip(across / radius_mm, -1.45, 1.45)
        return np.stack([radius_mm * np.sin(angle), radius_mm * (1 - np.cos(angle))], axis=-1)

    return bend


def fold(angle_deg: float) -> Callable[[Picture], Picture]:
    """Folded along the ridge of the nose, both halves so far back."""
    along, back = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))

    def bend(across: Picture) -> Picture:
        return np.stack([across * along, np.sqrt(across**2 + 9.0) * back], axis=-1)

    return bend


def with_holes(sheet: Print, head: Head) -> Print:
    """The eyes cut out."""
    height, width = sheet.picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    whole = np.ones((height, width), dtype=np.float32)
    middle = np.array(EYES_AT)
    for eye in head.landmarks[:2]:
        place = eye - middle + np.array(sheet.eyes)
        away = np.hypot((x - place[0]) / 24.0, (y - place[1]) / 13.0)
        whole *= np.clip((away - 1) * 12 + 0.5, 0, 1)
    return Print(sheet.picture, sheet.mm_per_px, sheet.eyes, sheet.gloss, whole)


def shifted(pose: Pose, offset: Floats) -> Pose:
    """The pose of a point so far from the origin, in the surface's own space."""
    return Pose(pose.turn, pose.place + pose.turn @ offset)


def shine(maps: Maps, pose: Pose, light: Light, gloss: float) -> Picture | np.float32:
    """The lamp's reflection on a glossy surface: a soft spot that runs over it as it turns."""
    if not gloss:
        return np.float32(0)
    normal, rays = (pose.turn @ FRONT).astype(np.float32), RAYS[maps.part]
    away = rays - 2 * (rays @ normal)[..., None] * normal
    spot: Picture = np.clip(away @ light.side, 0, 1) ** 60
    shone: Picture = np.float32(gloss * 2 * light.directed) * spot[..., None]
    return shone


RAYS = np.stack(
    [
        *np.meshgrid(
            (np.arange(WIDTH, dtype=np.float32) - (WIDTH - 1) / 2) / FOCAL,
            (np.arange(HEIGHT, dtype=np.float32) - (HEIGHT - 1) / 2) / FOCAL,
        ),
        np.ones((HEIGHT, WIDTH), dtype=np.float32),
    ],
    axis=-1,
)
RAYS /= np.linalg.norm(RAYS, axis=-1, keepdims=True)


# Screens


@dataclass(frozen=True, slots=True)
class Display:
    """A phone or a tablet that shows something.

    Attributes:
        wide_mm: Its lit part.
        high_mm: Its lit part.
        pitch_mm: From one of its pixels to the next.
        bright: Its white, 1 being that of the screen of the phone that asks.
        grid: How strongly its pixels beat with those of the camera.
        mirrors: Share of the light that its glass mirrors.
        scatters: Share of the light that it scatters.
        rim: Millimetres of black around the lit part.
    """

    wide_mm: float
    high_mm: float
    pitch_mm: float
    bright: float
    grid: float
    mirrors: float
    scatters: float
    rim: float

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Display:
        """Somebody's phone, tablet or monitor."""
        wide, pitch = ((68.0, 0.06), (160.0, 0.096), (290.0, 0.2))[int(random.integers(3))]
        return cls(
            wide_mm=wide * random.uniform(0.9, 1.1),
            high_mm=wide * random.uniform(1.3, 1.5),
            pitch_mm=pitch * random.uniform(0.9, 1.1),
            bright=float(np.exp(random.uniform(np.log(0.17), np.log(1.0)))),
            grid=random.uniform(0.01, 0.07),
            mirrors=random.uniform(0.008, 0.045),
            scatters=random.uniform(0.004, 0.015),
            rim=random.uniform(4, 12),
        )


def display(
    screen: Display,
    shows: Callable[[float], Picture],
    eyes_mm: float,
    eyes_px: tuple[float, float, float],
    light: Light,
    moves: Motion,
    shown: Shown,
    behind: Scene,
    pivot_mm: float,
) -> Scene:
    """A screen held before the camera.

    Args:
        screen: What it is like.
        shows: The picture on it at a time, linear, 0 to 1.
        eyes_mm: Between the eyes of a head, so far from the camera as `moves` says.
        eyes_px: On the picture shown: the middle between the eyes, and the distance between them.
        light: Of the room and of the phone that asks.
        moves: How the screen is moved.
        shown: What the phone that asks shows.
        behind: What is behind it.
        pivot_mm: How far behind it the axis is that it turns about.
    """
    glass = Glass(screen, light)

    def at(ms: float) -> tuple[Picture, Spot]:
        moment, flash = moves(ms), light.flash(shown(ms))
        picture = shows(ms)
        height, width = picture.shape[:2]
        mm_per_px = max(screen.wide_mm / width, screen.high_mm / height)
        # Faces on a small screen are held nearer, so that they look as large.
        nearer = eyes_px[2] * mm_per_px / eyes_mm
        place = np.array([moment.across_mm, moment.down_mm, moment.away_mm]) * nearer
        pivot = np.array([0, 0, pivot_mm * nearer])
        turn = moment.pose().turn
        centre = np.array([(width - 1) / 2 - eyes_px[0], (height - 1) / 2 - eyes_px[1], 0]) * mm_per_px
        pose = Pose(turn, place + pivot + turn @ (centre - pivot))
        maps = plane_maps((width, height), mm_per_px, pose)
        seen = maps.of(picture) * np.float32(screen.bright * OWN * light.screen) * glass.beat(maps, mm_per_px)
        seen *= _within(maps, width, height, screen, mm_per_px)[..., None]
        near = np.float32((REFERENCE_MM / pose.place[2]) ** 2)
        seen += np.float32(screen.scatters) * (light.room + flash * near)
        seen += glass.mirrored(pose, flash)[maps.part]
        drawn = behind(ms)[0].copy()
        lay(drawn, maps, seen, _within(maps, width, height, screen, mm_per_px, screen.rim))
        return drawn, spot(moves, ms)

    return at


class Glass:
    """What a screen's pixels and its glass add."""

    def __init__(self, screen: Display, light: Light) -> None:
        self._screen, self._light = screen, light

    def beat(self, maps: Maps, mm_per_px: float) -> Picture:
        """Moire: the screen's pixels, seen through those of the camera."""
        turns = np.float32(2 * np.pi * mm_per_px / self._screen.pitch_mm)
        # Sampled at the middles of the camera's pixels, which folds the fine grid down to what it beats with.
        columns, rows = maps.x * turns, maps.y * turns
        stripes = [np.cos(columns + third * np.float32(2 * np.pi / 3)) for third in (-1, 0, 1)]
        beat = 1 + np.float32(self._screen.grid) * (
            np.stack(stripes, -1) + np.float32(0.5) * np.cos(rows)[..., None]
        )
        return np.asarray(cv2.GaussianBlur(beat, (0, 0), 0.6), dtype=np.float32)

    def mirrored(self, pose: Pose, flash: Floats) -> Picture:
        """The phone that asks, and the room's lamp, mirrored in the glass."""
        rays = RAYS[::4, ::4]  # what it adds is smooth
        normal = (pose.turn @ FRONT).astype(np.float32)
        least = np.float32(-1e-3)
        reach = np.float32(pose.place @ normal) / np.minimum(rays @ normal, least)  # along a ray to the glass
        away = rays - 2 * (rays @ normal)[..., None] * normal
        back = -reach * rays[..., 2] / np.minimum(away[..., 2], least)  # and on to the phone's plane
        x = reach * rays[..., 0] + back * away[..., 0]
        y = reach * rays[..., 1] + back * away[..., 1]
        wide, high = PHONE_MM
        inside = np.clip((wide / 2 - np.abs(x)) / 6 + 0.5, 0, 1)
        inside *= np.clip((high / 2 - np.abs(y - high / 2 - 6)) / 6 + 0.5, 0, 1)
        lamp = np.clip(away @ self._light.side, 0, 1) ** 400 * np.float32(3 * self._light.directed)
        added = np.float32(self._screen.mirrors) * (
            inside[..., None] * np.float32(OWN) * flash + lamp[..., None] + np.float32(0.15)
        )
        return np.asarray(
            cv2.resize(added, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), dtype=np.float32
        )


def _within(
    maps: Maps, width: int, height: int, screen: Display, mm_per_px: float, rim: float = 0.0
) -> Picture:
    half = (screen.wide_mm / 2 + rim) / mm_per_px, (screen.high_mm / 2 + rim) / mm_per_px
    margin = np.minimum(
        half[0] - np.abs(maps.x - (width - 1) / 2), half[1] - np.abs(maps.y - (height - 1) / 2)
    )
    return np.asarray(np.clip(margin + 0.5, 0, 1), dtype=np.float32)
