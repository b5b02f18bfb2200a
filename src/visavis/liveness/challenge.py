"""The challenge: what a person is asked to do before the camera, drawn anew for each request.

They look straight ahead; then, in an order that nobody knows before, they turn to the sides, come closer, and
look at a screen that flashes a few colours. It is bound to one request, lives for a few minutes and counts
once (`register.py`).

How many there are: with two turns 48 orders of the parts, sides included, and 3,720 runs of five colours;
with three turns 160 and 720 of four; and the lengths of the steps on top. Two challenges ask for the same
turns in the same order in 1 of 148 cases, and for the same colours too in 1 of several hundred thousand.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, get_args

from visavis.errors import ChallengeError

Action = Literal["straight", "left", "right", "closer", "colour"]
"""What is asked; left and right are the person's own."""

Colour = tuple[int, int, int]

LIFETIME = timedelta(minutes=3)
"""From drawing it to checking its answer: to show it, to do what it asks, and to send the frames."""

COLOURS: tuple[Colour, ...] = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (255, 0, 255),
    (0, 255, 255),
)
"""What a screen shows, sRGB: far from each other, and bright enough to be seen on a face."""

LEAST_COLOURS = 3
"""Different colours in a run: of two that alternate there would be too few."""

# How long a step lasts, from and to, in milliseconds. All together stay under 13.2 seconds, so that 15 frames
# a second are no more than `frames.MAX_FRAMES`. No colour is so short that a screen would flicker: more than
# three flashes a second are a danger to people with photosensitive epilepsy (WCAG 2.2, 2.3.1).
STRAIGHT_MS = 1200, 1600
TURN_MS = 1700, 1900
CLOSER_MS = 1800, 2200
COLOUR_MS = 700, 900
GRAIN_MS = 50

PARTS = 7  # turns and colours together: two and five, or three and four

MAX_STEPS = 32
MAX_DURATION_MS = 60_000.0
MAX_BINDING = 200


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is asked.

    Attributes:
        action: What to do.
        from_ms: When it begins, in milliseconds since the first step began.
        until_ms: When it ends.
        colour: What fills the screen, sRGB, in a ``"colour"`` step; None in the others.
    """

    action: Action
    from_ms: float
    until_ms: float
    colour: Colour | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "action": self.action,
            "from_ms": self.from_ms,
            "until_ms": self.until_ms,
            "colour": None if self.colour is None else list(self.colour),
        }


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a person is asked to do.

    Attributes:
        id: 32 hexadecimal digits that no other challenge has.
        binding: Which request it belongs to, in one printable line of at most 200 characters; may be empty.
        issued_at: When it was drawn, UTC.
        expires_at: When it stops to count.
        steps: What is asked, each from where the one before ends: a straight look from 0 on, and after it at
            least one turn, one step closer and two colours.

    Raises:
        ChallengeError: `challenge.damaged`: the steps aren't such.
    """

    id: str
    binding: str
    issued_at: datetime
    expires_at: datetime
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps or self.steps[0].action != "straight" or self.steps[0].from_ms != 0:
            raise damaged("its steps", expected="a straight look from 0 on")
        if any(here.until_ms != there.from_ms for here, there in pairwise(self.steps)):
            raise damaged("its steps", expected="each from where the one before ends")
        asked = [step.action for step in self.steps]
        if not {"left", "right"} & {*asked} or "closer" not in asked or asked.count("colour") < 2:
            raise damaged("its steps", expected="a turn, a step closer and two colours")

    @property
    def duration_ms(self) -> float:
        """How long all of it takes."""
        return self.steps[-1].until_ms

    def to_dict(self) -> dict[str, Any]:
        """As plain data, ready for JSON."""
        return {
            "id": self.id,
            "binding": self.binding,
            "issued_at": self.issued_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "steps": [step.to_dict() for step in self.steps],
        }

    @classmethod
    def from_dict(cls, data: object) -> Challenge:
        """The inverse of `to_dict`, for data that nobody vouches for.

        Raises:
            ChallengeError: `challenge.damaged`: something is missing, too much, or makes no sense.
        """
        given = _record("a challenge", data, ("id", "binding", "issued_at", "expires_at", "steps"))
        steps = given["steps"]
        if not isinstance(steps, list) or not 1 <= len(steps) <= MAX_STEPS:
            raise damaged("its steps", expected=f"a list of 1 to {MAX_STEPS}")
        return cls(
            id=_id(given["id"]),
            binding=checked_binding(given["binding"]),
            issued_at=_time("issued_at", given["issued_at"]),
            expires_at=_time("expires_at", given["expires_at"]),
            steps=tuple(_step(step) for step in steps),
        )


def draw(binding: str = "", *, now: datetime | None = None, seed: bytes | None = None) -> Challenge:
    """Draw a challenge.

    Args:
        binding: Which request it belongs to.
        now: When it is drawn, with its time zone; the machine's clock by default.
        seed: Makes the drawing repeatable, for tests and experiments; one that counts is drawn without.

    Raises:
        ChallengeError: `challenge.binding`: the request isn't one printable line of at most 200 characters.
    """
    checked_binding(binding)
    now = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    chance = secrets.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  # only with a seed
    turns = chance.choice((2, 3))
    sides: tuple[Action, ...] = ("left", "right")
    parts: list[tuple[Action, ...]] = [(side,) for side in chance.choices(sides, k=turns)]
    flash: Action = "colour"
    parts += [("closer",), (flash,) * (PARTS - turns)]
    chance.shuffle(parts)
    colours = iter(_colours(PARTS - turns, chance))
    steps: list[Step] = []
    end = 0.0
    actions: list[Action] = ["straight", *(action for part in parts for action in part)]
    for action in actions:
        start, end = end, end + _length(action, chance)
        steps.append(Step(action, start, end, next(colours) if action == "colour" else None))
    number = secrets.token_hex(16) if seed is None else chance.randbytes(16).hex()
    return Challenge(number, binding, now, now + LIFETIME, tuple(steps))


def in_words(step: Step) -> str:
    """What a step asks of a person."""
    return {
        "straight": "look straight at the camera",
        "left": "turn your head to your left, and back",
        "right": "turn your head to your right, and back",
        "closer": "come closer to the camera, and back",
        "colour": f"look at the screen, which is all {colour_name(step.colour)}",
    }[step.action]


def colour_name(colour: Colour | None) -> str:
    """A colour in a word, or as its hexadecimal digits."""
    names = dict(zip(COLOURS, ("red", "green", "blue", "yellow", "magenta", "cyan"), strict=True))
    if colour is None:
        return "dark"
    return names.get(colour, "#" + bytes(colour).hex())


def checked_binding(binding: object) -> str:
    """A binding that is one printable line of at most 200 characters.

    Raises:
        ChallengeError: `challenge.binding`: it isn't.
    """
    if isinstance(binding, str) and len(binding) <= MAX_BINDING and binding.isprintable():
        return binding
    raise ChallengeError(
        "challenge.binding",
        "a request is named by one line",
        found=f"{len(binding)} characters" if isinstance(binding, str) else type(binding).__name__,
        expected=f"at most {MAX_BINDING} printable characters",
    )


def damaged(what: str, *, found: object = None, expected: object = None) -> ChallengeError:
    """What to raise where a challenge can't be one."""
    message = f"a challenge is damaged: {what}"
    return ChallengeError("challenge.damaged", message, found=found, expected=expected)


def _colours(count: int, chance: random.Random) -> list[Colour]:
    """Colours of which no two that are alike follow each other, and not only two in turn."""
    while True:
        run = [chance.choice(COLOURS)]
        while len(run) < count:
            run.append(chance.choice([colour for colour in COLOURS if colour != run[-1]]))
        if len(set(run)) >= LEAST_COLOURS:
            return run


def _length(action: Action, chance: random.Random) -> float:
    low, high = {"straight": STRAIGHT_MS, "closer": CLOSER_MS, "colour": COLOUR_MS}.get(action, TURN_MS)
    return float(chance.randrange(low, high + 1, GRAIN_MS))


def _record(name: str, data: object, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(data, Mapping) or set(data) != set(keys):
        raise damaged(name, expected=f"an object with {', '.join(keys)}, and nothing else")
    return data


def _id(value: object) -> str:
    if isinstance(value, str) and len(value) == 32 and set(value) <= set("0123456789abcdef"):
        return value
    raise damaged("its id", expected="32 hexadecimal digits")


def _time(name: str, value: object) -> datetime:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        if time is not None and time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise damaged(name, expected="a time with its zone, as in 2026-01-31T12:00:00+00:00")


def _step(data: object) -> Step:
    given = _record("a step", data, ("action", "from_ms", "until_ms", "colour"))
    action, colour = given["action"], given["colour"]
    if action not in get_args(Action):
        raise damaged("what a step asks for", expected=", ".join(get_args(Action)))
    times = given["from_ms"], given["until_ms"]
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        raise damaged("the time of a step", expected="milliseconds")
    if not 0 <= times[0] < times[1] <= MAX_DURATION_MS:
        raise damaged("the time of a step", expected=f"from 0 on, rising, up to {MAX_DURATION_MS:g}")
    if (colour is not None) != (action == "colour"):
        raise damaged("the colour of a step", expected="one in each step of colour, none in the others")
    return Step(action, float(times[0]), float(times[1]), None if colour is None else _colour(colour))


def _colour(value: object) -> Colour:
    if isinstance(value, list) and len(value) == 3:
        red, green, blue = value
        if all(type(part) is int and 0 <= part <= 255 for part in (red, green, blue)):
            return red, green, blue
    raise damaged("the colour of a step", expected="three whole numbers from 0 to 255")
