from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from visavis.errors import ChallengeError
from visavis.liveness.challenge import (
    COLOURS,
    LIFETIME,
    Challenge,
    Step,
    colour_name,
    draw,
    in_words,
)
from visavis.liveness.frames import MAX_FRAMES

NOW = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)


def drawn(number: int) -> Challenge:
    return draw("request 7", now=NOW, seed=b"%d" % number)


def test_every_challenge_is_made_as_promised() -> None:
    for number in range(500):
        challenge = drawn(number)
        steps = challenge.steps
        asked = [step.action for step in steps]
        turns = asked.count("left") + asked.count("right")
        assert asked[0] == "straight"
        assert asked.count("straight") == asked.count("closer") == 1
        assert (turns, asked.count("colour")) in ((2, 5), (3, 4))
        first = asked.index("colour")
        run = steps[first : first + asked.count("colour")]
        assert all(step.action == "colour" for step in run), "the colours follow one another"
        colours = [step.colour for step in run]
        assert all(here != there for here, there in pairwise(colours))
        assert set(colours) <= set(COLOURS)
        assert len(set(colours)) >= 3
        assert steps[0].from_ms == 0
        assert all(here.until_ms == there.from_ms for here, there in pairwise(steps))
        # At most three flashes a second (WCAG 2.2, 2.3.1), and 15 frames a second are within the limit.
        assert all(step.until_ms - step.from_ms >= 1000 / 3 for step in run)
        assert challenge.duration_ms / 1000 * 15 <= MAX_FRAMES


def test_it_lives_for_three_minutes_from_a_whole_second() -> None:
    challenge = drawn(1)
    assert challenge.issued_at == datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
    assert challenge.expires_at - challenge.issued_at == LIFETIME == timedelta(minutes=3)
    elsewhere = draw("", now=datetime(2026, 1, 31, 14, 0, 0, tzinfo=timezone(timedelta(hours=2))))
    assert elsewhere.issued_at == challenge.issued_at
    assert elsewhere.to_dict()["issued_at"] == "2026-01-31T12:00:00+00:00"


def test_a_seed_repeats_a_challenge_and_nothing_else_does() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    many = [draw() for _ in range(200)]
    assert len({challenge.id for challenge in many}) == 200
    assert len({challenge.steps for challenge in many}) == 200


def test_orders_and_sides_are_drawn_evenly() -> None:
    """Two turns: 2 x 2 sides, 4!/2! orders; three: 8 and 5!/3!. Both are drawn half of the time."""
    orders: dict[tuple[str, ...], int] = {}
    count = 4000
    for number in range(count):
        asked = [step.action for step in drawn(number).steps]
        order = tuple(here for here, there in pairwise([*asked, ""]) if (here, there) != ("colour", "colour"))
        orders[order] = orders.get(order, 0) + 1
    short = [many for order, many in orders.items() if len(order) == 5]
    long = [many for order, many in orders.items() if len(order) == 6]
    assert (len(short), len(long)) == (48, 160)
    assert sum(short) == pytest.approx(count / 2, abs=4 * (count / 4) ** 0.5)
    # 42 on average and 13; four standard deviations of a Poisson count.
    assert all(abs(many - count / 96) <= 4 * (count / 96) ** 0.5 for many in short)
    assert max(long) <= count / 320 + 5 * (count / 320) ** 0.5


def test_as_plain_data_and_back() -> None:
    for number in range(20):
        challenge = drawn(number)
        assert Challenge.from_dict(json.loads(json.dumps(challenge.to_dict()))) == challenge


GOOD = drawn(3).to_dict()
TURN = next(number for number, step in enumerate(GOOD["steps"]) if step["action"] in ("left", "right"))
FLASH = next(number for number, step in enumerate(GOOD["steps"]) if step["action"] == "colour")


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The good challenge with one thing changed; a function as what it becomes changes the old value."""
    data = copy.deepcopy(GOOD)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to(place[path[-1]]) if callable(to) else to
    return data


HOSTILE: dict[str, object] = {
    "nothing": None,
    "a list": [GOOD],
    "text": json.dumps(GOOD),
    "empty": {},
    "less": {name: value for name, value in GOOD.items() if name != "binding"},
    "more": {**GOOD, "then": 1},
    "id of another form": changed("id", to="../../etc/passwd"),
    "id in capitals": changed("id", to=lambda old: "A" + old[1:]),
    "id no text": changed("id", to=7),
    "time without a zone": changed("issued_at", to="2026-01-31T12:00:00"),
    "no time": changed("expires_at", to="soon"),
    "time before all times": changed("expires_at", to="0001-01-01T00:00:00+14:00"),
    "time as a number": changed("expires_at", to=1e300),
    "no steps": changed("steps", to=[]),
    "too many steps": changed("steps", to=lambda old: old * 20),
    "steps as an object": changed("steps", to={}),
    "a step that is none": changed("steps", TURN, to=7),
    "a step with less": changed("steps", TURN, to={}),
    "unknown action": changed("steps", TURN, "action", to="jump"),
    "action that can't be a key": changed("steps", TURN, "action", to=["left"]),
    "time of a step as text": changed("steps", 0, "from_ms", to="0"),
    "time of a step as truth": changed("steps", 0, "from_ms", to=False),
    "not a number": changed("steps", TURN, "until_ms", to=float("nan")),
    "endless": changed("steps", -1, "until_ms", to=float("inf")),
    "an hour": changed("steps", -1, "until_ms", to=3.6e6),
    "backwards": changed("steps", TURN, "until_ms", to=0),
    "a gap between steps": changed("steps", TURN, "from_ms", to=lambda old: old + 1),
    "not from the start": changed("steps", 0, "from_ms", to=1),
    "no straight look": changed("steps", 0, "action", to="left"),
    "no colours": changed("steps", to=lambda old: old[:FLASH] if FLASH > TURN else old[:1]),
    "a colour with four parts": changed("steps", FLASH, "colour", to=[0, 0, 0, 0]),
    "a colour out of range": changed("steps", FLASH, "colour", to=[0, 0, 256]),
    "a colour in fractions": changed("steps", FLASH, "colour", to=[0, 0, 0.5]),
    "a colour of truths": changed("steps", FLASH, "colour", to=[True, True, False]),
    "no colour to show": changed("steps", FLASH, "colour", to=None),
    "a colour in a turn": changed("steps", TURN, "colour", to=[0, 0, 0]),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_challenge_is_refused_by_name(data: object) -> None:
    with pytest.raises(ChallengeError) as refused:
        Challenge.from_dict(data)
    assert refused.value.code == "challenge.damaged"


@pytest.mark.parametrize("binding", ["x" * 201, "two\nlines", "bell\a", "\u202egnp", None, 7, b"bytes"])
def test_a_request_is_named_by_one_line(binding: Any) -> None:
    with pytest.raises(ChallengeError) as refused:
        draw(binding)
    assert refused.value.code == "challenge.binding"
    with pytest.raises(ChallengeError):
        Challenge.from_dict({**GOOD, "binding": binding})


@pytest.mark.parametrize("binding", ["", "x" * 200, "Anfrage Nº 7, Zürich"])
def test_what_a_request_may_be_called(binding: str) -> None:
    assert draw(binding).binding == binding


def test_steps_in_words() -> None:
    assert in_words(Step("left", 0, 1)) == "turn your head to your left, and back"
    assert in_words(Step("colour", 0, 1, (0, 255, 255))) == "look at the screen, which is all cyan"
    assert in_words(Step("colour", 0, 1, (1, 2, 3))) == "look at the screen, which is all #010203"
    assert colour_name(None) == "dark"
