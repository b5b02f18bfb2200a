"""Who answers a challenge: a live person, or an attack. Attackers do the best that their means allow.

An attacker knows the challenge as a client does, that is from its beginning, and follows it. Instruments are
held before the camera of the phone that asks, or pictures are put in place of the camera's (*injected*).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pad.answer import PERSON, Manner, Moment, motion, shown_at
from pad.camera import Camera, Light, Scene, Spot, answer_frames, as_jpeg
from pad.head import EYES_AT, EYES_PX, PIVOT_MM, SIDE, Build, Head, make_head, to_light
from pad.people import People
from pad.scene import (
    Display,
    Motion,
    Shown,
    bent_print,
    cylinder,
    display,
    eyes_offset,
    flat_print,
    fold,
    lay,
    person,
    printed,
    shifted,
    spot,
    standing_still,
    with_holes,
)
from pad.surface import FOCAL, HEIGHT, WIDTH, Picture, Pose, plane_maps
from visavis.liveness.challenge import COLOURS, Challenge, Step, draw
from visavis.liveness.frames import Frame
from visavis.photo import Photo

Random = np.random.Generator

# An attacker knows that turns are wanted, and moves an instrument in the hand faster and further than a head.
HANDS = Manner(turn_deg=(18.0, 45.0), out_ms=(350.0, 700.0), back_ms=(350.0, 650.0), wander=(0.3, 1.5))


@dataclass(frozen=True, slots=True)
class Species:
    """One kind of answer.

    Attributes:
        render: Plays it.
        group: What it counts as: ``"bona fide"``, ``"planar"``, ``"recorded"``, ``"repeated"``,
            ``"two people"``, or ``"reported"`` for attacks that are measured and have no target.
        about: In a line.
    """

    render: Callable[[People, Challenge, Random], list[Frame]]
    group: str
    about: str


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What every answer before a camera has."""

    light: Light
    camera: Camera
    shown: Shown

    @classmethod
    def drawn(cls, challenge: Challenge, random: Random) -> Setting:
        """Some room and some phone."""
        light = Light.drawn(random)
        bright = float(np.clip(1 - light.screen / 0.6, 0, 1))
        return cls(light, Camera(random, bright), shown_at(challenge, light.late_ms))

    def film(self, scene: Scene, challenge: Challenge) -> list[Frame]:
        """Everything that happens before the camera while the challenge lasts."""
        return answer_frames(self.camera, challenge.duration_ms, scene)


def render(name: str, people: People, challenge: Challenge, seed: int) -> list[Frame]:
    """The frames of one answer.

    Args:
        name: Of the species, one of `SPECIES`.
        people: Whose pictures are taken.
        challenge: What was asked.
        seed: Of all that happens.
    """
    number = list(SPECIES).index(name)
    return SPECIES[name].render(people, challenge, np.random.default_rng([seed, number]))


def somebody(people: People, random: Random, *, but: str | None = None) -> tuple[Head, str]:
    """A head of somebody, and their name."""
    portrait = people.draw(random, but=but)
    return make_head(portrait.pixels, portrait.landmarks, Build.drawn(random)), portrait.person


# A live person


def bona_fide(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    head, _ = somebody(people, random)
    return film_person(head, challenge, random)


def film_person(head: Head, challenge: Challenge, random: Random) -> list[Frame]:
    """Somebody answers with their own head."""
    setting = Setting.drawn(challenge, random)
    scene = person(head, setting.light, motion(challenge, random, PERSON), setting.shown)
    return setting.film(scene, challenge)


# Paper


def attacker(people: People, challenge: Challenge, random: Random, setting: Setting, but: str) -> Scene:
    """Who stands behind an instrument, and hardly moves."""
    head, _ = somebody(people, random, but=but)
    moves = motion(
        challenge,
        random,
        replace(PERSON, turn_deg=(1.0, 4.0), closer=(0.95, 0.99), distance_mm=(550.0, 800.0)),
    )
    down = random.uniform(40, 160)
    lower = lambda ms: replace(moves(ms), down_mm=moves(ms).down_mm + down)  # noqa: E731
    return standing_still(person(head, setting.light, lower, setting.shown), setting.shown)


def as_large(moves: Motion, scale: float) -> Motion:
    """The same movement at a distance at which something larger or smaller than life looks as large."""

    def at(ms: float) -> Moment:
        moment = moves(ms)
        return replace(
            moment,
            away_mm=moment.away_mm * scale,
            across_mm=moment.across_mm * scale,
            down_mm=moment.down_mm * scale,
        )

    return at


def flat(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    head, name = somebody(people, random)
    setting, sheet = Setting.drawn(challenge, random), printed(head, random)
    moves = as_large(motion(challenge, random, HANDS), sheet.mm_per_px / head.mm_per_px)
    behind = attacker(people, challenge, random, setting, name)
    scene = flat_print(sheet, setting.light, moves, setting.shown, behind, random.uniform(-20, 120))
    return setting.film(scene, challenge)


def bent(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    return _bent(people, challenge, random, cylinder(float(np.exp(random.uniform(np.log(65), np.log(300))))))


def folded(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    return _bent(people, challenge, random, fold(random.uniform(10, 40)))


def _bent(
    people: People, challenge: Challenge, random: Random, bend: Callable[[Picture], Picture]
) -> list[Frame]:
    head, name = somebody(people, random)
    setting, sheet = Setting.drawn(challenge, random), printed(head, random)
    moves = as_large(motion(challenge, random, HANDS), sheet.mm_per_px / head.mm_per_px)
    behind = attacker(people, challenge, random, setting, name)
    scene = bent_print(sheet, setting.light, moves, setting.shown, behind, bend, random.uniform(0, 120))
    return setting.film(scene, challenge)


def eye_holes(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """Worn before the face: the attacker's own eyes behind it, and the attacker's own movements."""
    head, name = somebody(people, random)
    wearer, _ = somebody(people, random, but=name)
    setting, sheet = Setting.drawn(challenge, random), printed(head, random, scale=(0.9, 1.15))
    sheet = with_holes(sheet, head)
    moves = motion(challenge, random, replace(HANDS, turn_deg=(15.0, 38.0)))
    gap = random.uniform(12, 35)
    scene_of_wearer = person(wearer, setting.light, moves, setting.shown)
    # The paper lies so far before the eyes, and turns about the same neck.
    nearer = lambda ms: replace(moves(ms), away_mm=moves(ms).away_mm - gap)  # noqa: E731
    pivot = PIVOT_MM + gap
    if random.random() < 0.5:
        scene = flat_print(sheet, setting.light, nearer, setting.shown, scene_of_wearer, pivot)
    else:
        bend = cylinder(random.uniform(75, 300))
        scene = bent_print(sheet, setting.light, nearer, setting.shown, scene_of_wearer, bend, pivot)
    return setting.film(scene, challenge)


# Screens


def screen_still(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    head, name = somebody(people, random)
    setting, screen = Setting.drawn(challenge, random), Display.drawn(random)
    moves = motion(challenge, random, HANDS)
    behind = attacker(people, challenge, random, setting, name)
    show = np.clip(head.texture, 0, 1) ** np.float32(random.uniform(0.95, 1.1))
    scene = display(
        screen, lambda _: show, head.build.eyes_mm, (*EYES_AT, EYES_PX),
        setting.light, moves, setting.shown, behind, random.uniform(-20, 100),
    )  # fmt: skip
    return setting.film(scene, challenge)


def screen_on_cue(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """Films of the person turning and coming closer, started when each is asked for; no colours on them."""
    return _on_cue(people, challenge, random, lambda _: None)


def screen_guessing(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """The same, tinted with colours guessed at random when a colour is asked for."""
    return _on_cue(people, challenge, random, guessed(challenge, random))


def screen_composited(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """The same, lit in real time by the colours that are asked for."""
    return _on_cue(people, challenge, random, shown_at(challenge, random.uniform(60, 200)))


def guessed(challenge: Challenge, random: Random) -> Shown:
    """Colours drawn for the times at which colours are asked for."""
    steps: list[Step] = []
    for step in challenge.steps:
        others = [colour for colour in COLOURS if not steps or colour != steps[-1].colour]
        colour = others[int(random.integers(len(others)))] if step.colour else None
        steps.append(replace(step, colour=colour))
    return shown_at(replace(challenge, steps=tuple(steps)), random.uniform(20, 150))


def _on_cue(people: People, challenge: Challenge, random: Random, tints: Shown) -> list[Frame]:
    head, name = somebody(people, random)
    film = person(head, Light.drawn(random), motion(challenge, random, PERSON), tints)
    return _on_screen(people, challenge, random, lambda ms: np.clip(film(ms)[0], 0, 1), head, name)


def _on_screen(
    people: People,
    challenge: Challenge,
    random: Random,
    shows: Callable[[float], Picture],
    head: Head,
    name: str,
) -> list[Frame]:
    """Frames of a film shown on a screen that is held still before the camera, filling its view."""
    setting, screen = Setting.drawn(challenge, random), Display.drawn(random)
    still = replace(PERSON, turn_deg=(0.0, 0.1), closer=(0.995, 0.999), wander=(0.2, 1.0))
    hold = motion(challenge, random, still)
    behind = attacker(people, challenge, random, setting, name)
    # Held so that a head on it, filmed from 40 cm, looks about as large as one at that distance.
    apart = head.build.eyes_mm * FOCAL / 400
    middle = (WIDTH - 1) / 2, (HEIGHT - 1) / 2, apart
    scene = display(
        screen, shows, head.build.eyes_mm, middle, setting.light, hold, setting.shown, behind, 0.0
    )  # fmt: skip
    return setting.film(scene, challenge)


# Recordings


def recording(people: People, random: Random) -> tuple[list[Frame], Challenge, Head, str]:
    """A genuine answer to another challenge."""
    other = draw(seed=random.bytes(16))
    head, name = somebody(people, random)
    return film_person(head, other, random), other, head, name


def replay_on_screen(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    frames, other, head, name = recording(people, random)
    times = np.array([frame.at_ms for frame in frames]) * _stretch(other, challenge, random)

    def shows(ms: float) -> Picture:
        return to_light(frames[max(0, int(np.searchsorted(times, ms, side="right")) - 1)].photo.pixels)

    return _on_screen(people, challenge, random, shows, head, name)


def replay_injected(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    frames, other, _, _ = recording(people, random)
    by = _stretch(other, challenge, random)
    return [
        Frame(frame.at_ms * by, frame.photo)
        for frame in frames
        if frame.at_ms * by < challenge.duration_ms + 300
    ]


def _stretch(other: Challenge, challenge: Challenge, random: Random) -> float:
    """As recorded, or brought to the length that is asked for."""
    return challenge.duration_ms / other.duration_ms if random.random() < 0.5 else 1.0


def replay_recut(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """Injected from four recordings of one sitting: for each step the part in which the same was asked for.

    Colours too are taken from where the recordings have them, and from elsewhere where they don't.
    """
    head, _ = somebody(people, random)
    light, manner = Light.drawn(random), random.integers(2**32)
    camera = Camera(random, 0.7)
    store: dict[tuple[str, object], list[tuple[Scene, float, float]]] = {}
    for _ in range(4):
        other = draw(seed=random.bytes(16))
        scene = person(
            head, light, motion(other, np.random.default_rng(manner), PERSON), shown_at(other, light.late_ms)
        )
        for step in other.steps:
            store.setdefault((step.action, step.colour), []).append((scene, step.from_ms, step.until_ms))
            store.setdefault((step.action, None), []).append((scene, step.from_ms, step.until_ms))
    cuts = []
    for step in challenge.steps:
        found = (
            store.get((step.action, step.colour))
            or store.get((step.action, None))
            or store[("straight", None)]
        )
        cuts.append((step, *found[int(random.integers(len(found)))]))

    def scene_at(ms: float) -> tuple[Picture, Spot]:
        for step, scene, start, end in cuts:
            if ms < step.until_ms:
                return scene(start + (ms - step.from_ms) * (end - start) / (step.until_ms - step.from_ms))
        return cuts[-1][1](cuts[-1][3])

    return answer_frames(camera, challenge.duration_ms, scene_at)


# Frames more than once


def frozen(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """A genuine answer of which a second or more stands still: copies, or the same pixels compressed anew."""
    frames = bona_fide(people, challenge, random)
    start = int(random.integers(0, max(1, len(frames) - 8)))
    count = int(random.integers(5, 12))
    again = _compressed_anew if random.random() < 0.5 else _as_it_is
    held = frames[start].photo
    return [
        Frame(frame.at_ms, again(held, number)) if start < number <= start + count else frame
        for number, frame in enumerate(frames)
    ]


def doubled(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """Every second frame sent twice, so that there seem to be enough."""
    frames = bona_fide(people, challenge, random)
    again = _compressed_anew if random.random() < 0.5 else _as_it_is
    return [
        frame if number % 2 == 0 else Frame(frame.at_ms, again(frames[number - 1].photo, number))
        for number, frame in enumerate(frames)
    ]


def looped(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """A second or two played again and again to the end of the answer, forwards, or to and fro."""
    frames = bona_fide(people, challenge, random)
    count = int(random.integers(6, 15))
    start = int(random.integers(0, max(1, len(frames) - 2 * count)))
    clip = list(range(start, start + count))
    if random.random() < 0.5:
        clip += clip[-2:0:-1]
    again = _compressed_anew if random.random() < 0.5 else _as_it_is
    loop = [
        Frame(frame.at_ms, again(frames[clip[(number - start) % len(clip)]].photo, number))
        for number, frame in enumerate(frames[start + count :], start + count)
    ]
    return [*frames[: start + count], *loop]


def _as_it_is(photo: Photo, number: int) -> Photo:  # noqa: ARG001
    return photo


def _compressed_anew(photo: Photo, number: int) -> Photo:
    return Photo.open(as_jpeg(photo.pixels, 70 + number % 20))


def frozen_disguised(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """A second or more that stands still, with noise and a hand's movement put on."""
    frames = bona_fide(people, challenge, random)
    start = int(random.integers(0, max(1, len(frames) - 8)))
    held = frames[start].photo.pixels
    shake = Camera(random)

    def disguise(frame: Frame) -> Frame:
        x, y = shake.shift(frame.at_ms)
        moved = cv2.warpAffine(
            held, np.array([[1, 0, x], [0, 1, y]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE
        )
        noisy = np.clip(moved + random.normal(0, 2, moved.shape), 0, 255).astype(np.uint8)
        return Frame(frame.at_ms, Photo.open(as_jpeg(noisy, 85)))

    return [disguise(frame) if start < number <= start + 9 else frame for number, frame in enumerate(frames)]


# Two people


def alternated(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """Some steps answered by one person, the others by another; injected."""
    first, name = somebody(people, random)
    second, _ = somebody(people, random, but=name)
    while True:
        mine = random.random(len(challenge.steps)) < 0.5
        if 0 < mine.sum() < len(mine):
            break
    setting = Setting.drawn(challenge, random)
    moves = motion(challenge, random, PERSON)
    scenes = [person(head, setting.light, moves, setting.shown) for head in (first, second)]

    def at(ms: float) -> tuple[Picture, Spot]:
        step = next((n for n, step in enumerate(challenge.steps) if ms < step.until_ms), len(mine) - 1)
        return scenes[int(mine[step])](ms)

    return setting.film(at, challenge)


def pasted(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """One person's face, cut from a picture, laid over another's who answers: moved with it as a plane,
    brought to its brightness and colour in each frame; injected.
    """  # noqa: D205
    claimed, name = somebody(people, random)
    actor, _ = somebody(people, random, but=name)
    setting = Setting.drawn(challenge, random)
    moves = motion(challenge, random, PERSON)
    base = person(actor, setting.light, moves, setting.shown)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    a, b = (x - EYES_AT[0]) / EYES_PX, (y - EYES_AT[1]) / EYES_PX
    patch = np.clip((1 - np.hypot(a / 1.0, (b - 0.45) / 1.2)) / 0.18, 0, 1).astype(np.float32)

    def at(ms: float) -> tuple[Picture, Spot]:
        below, face_spot = base(ms)
        pose = _plane_pose(actor, moves(ms))
        maps = plane_maps((SIDE, SIDE), actor.mm_per_px, pose)
        face, share = maps.of(claimed.texture), maps.of(patch) * maps.seen
        weight = share / max(1e-6, float(share.sum()))
        there = below[maps.part]
        colour = (there * weight[..., None]).sum(axis=(0, 1)) / (face * weight[..., None]).sum(axis=(0, 1))
        lay(below, maps, face * colour, share)
        return below, face_spot

    return setting.film(at, challenge)


def _plane_pose(head: Head, moment: Moment) -> Pose:
    """Of the plane through a head's eyes and mouth."""
    return shifted(moment.pose(), eyes_offset(head.mm_per_px))


# A still picture warped


def warped(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """No colours put on."""
    return _warped(people, challenge, random, lambda _: None)


def warped_guessing(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """Colours guessed at random when a colour is asked for."""
    return _warped(people, challenge, random, guessed(challenge, random))


def warped_composited(people: People, challenge: Challenge, random: Random) -> list[Frame]:
    """The right colours, put on in real time."""
    return _warped(people, challenge, random, shown_at(challenge, random.uniform(20, 150)))


def _warped(people: People, challenge: Challenge, random: Random, tints: Shown) -> list[Frame]:
    """The face narrowed, moved as if it were round, and its nose pushed to the side, as far as the attacker
    thinks right; injected.
    """  # noqa: D205
    head, _ = somebody(people, random)
    light, camera = Light.drawn(random), Camera(random, 0.7)
    moves = motion(challenge, random, replace(PERSON, turn_deg=(15.0, 35.0)))
    push, roundness = random.uniform(0.1, 0.6), random.uniform(0.0, 1.0)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    a, b = (x - EYES_AT[0]) / EYES_PX, (y - EYES_AT[1]) / EYES_PX
    nose = (head.landmarks[2] - np.array(EYES_AT)) / EYES_PX
    near_nose = np.exp(-(((a - nose[0]) / 0.3) ** 2) - ((b - nose[1]) / 0.35) ** 2)
    dome = np.sqrt(np.clip(1 - (a / 1.4) ** 2 - ((b - 0.3) / 2.0) ** 2, 0, 1))
    inner = np.exp(-((a / 1.3) ** 4) - ((b - 0.4) / 1.7) ** 4)
    window = np.clip((SIDE / 2 - np.maximum(abs(x - SIDE / 2), abs(y - SIDE / 2))) / 60, 0, 1).astype(
        np.float32
    )
    whole = np.clip(1.25 - np.hypot(a / 1.4, (b - 0.3) / 2.0), 0, 1)  # where a tint is laid on

    def at(ms: float) -> tuple[Picture, Spot]:
        moment = moves(ms)
        yaw = np.radians(moment.yaw_deg)
        # Where a place of the warped picture is taken from: narrowed around the face, the nose pushed.
        wide = a * (1 + inner * (1 / np.cos(yaw) - 1)) - (push * near_nose + roundness * dome) * np.sin(yaw)
        picture = cv2.remap(
            head.texture, (wide * EYES_PX + EYES_AT[0]).astype(np.float32), y, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        shade = 1 + whole[..., None] * light.flash(tints(ms))
        still = Moment(0.0, 0.0, moment.roll_deg, moment.across_mm, moment.down_mm, moment.away_mm)
        maps = plane_maps((SIDE, SIDE), head.mm_per_px, _plane_pose(head, still))
        drawn = head.room[:HEIGHT, :WIDTH].copy()
        lay(drawn, maps, maps.of((picture * shade).astype(np.float32)), maps.of(window))
        return drawn, spot(moves, ms)

    return answer_frames(camera, challenge.duration_ms, at)


SPECIES: dict[str, Species] = {
    "bona fide": Species(bona_fide, "bona fide", "a live person"),
    "flat print": Species(flat, "planar", "a print held, turned and moved"),
    "bent print": Species(bent, "planar", "a print bent around an upright cylinder of 6.5 to 30 cm radius"),
    "print with eye holes": Species(eye_holes, "planar", "a print worn before the face, eyes cut out"),
    "screen, still": Species(
        screen_still, "planar", "a picture on a phone, tablet or monitor, turned and moved"
    ),
    "screen, film on cue": Species(screen_on_cue, "planar", "films of the person, started as each step asks"),
    "replay on a screen": Species(
        replay_on_screen, "recorded", "a genuine answer to another challenge, on a screen"
    ),
    "replay injected": Species(replay_injected, "recorded", "the same, in place of the camera's pictures"),
    "frames frozen": Species(frozen, "repeated", "a second or more stands still"),
    "frames doubled": Species(doubled, "repeated", "every second frame twice"),
    "frames looped": Species(looped, "repeated", "a second or two again and again"),
    "two people in turn": Species(alternated, "two people", "some steps by one person, some by another"),
    "face pasted": Species(pasted, "two people", "one person's face laid over another's"),
    "still warped": Species(warped, "reported", "a picture warped to seem to turn, injected"),
    "still warped, tints guessed": Species(warped_guessing, "reported", "the same, with colours at random"),
    "still warped, tints right": Species(
        warped_composited, "reported", "the same, with the colours asked for"
    ),
    "screen, tints guessed": Species(screen_guessing, "reported", "films on cue with colours at random"),
    "screen, tints right": Species(screen_composited, "reported", "films on cue lit in real time"),
    "print folded": Species(folded, "reported", "a print folded along the nose"),
    "replay recut": Species(replay_recut, "reported", "recordings cut and put together anew, injected"),
    "frames frozen, disguised": Species(
        frozen_disguised, "reported", "a second stands still under new noise"
    ),
}
