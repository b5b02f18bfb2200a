"""An entry's bytes: one form, refused in any other; nothing in it that could be a picture."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.events import verdict

from visavis.errors import LedgerError
from visavis.ledger.entry import KINDS, MAX_ITEMS, MAX_TEXT, Entry, Event, Salted, canonical, stamp

SALTED = Salted("ab" * 32, "cd" * 16)
MOMENT = "2026-11-28T17:00:00.000000Z"


def entry(**changes: Any) -> Entry:
    event = replace(verdict(subject="S-1"), **changes)
    return event.entry(MOMENT, dict.fromkeys(event.inputs or {}, SALTED), SALTED)


def test_the_bytes_of_an_entry() -> None:
    """Written out by hand from the description in entry.py."""
    found = Event(kind="access", purpose="audit", fmr=1e-4, details={"b": True, "a": "\u00e9"}).entry(
        MOMENT, {}, None
    )
    assert (
        found.leaf()
        == (
            '{"calibration":null,"decision":null,"details":{"a":"\u00e9","b":true},"fingerprint":null,'
            '"fmr":0.0001,"fmr_upper":null,"inputs":{},"key":null,"kind":"access","pack":null,"policy":null,'
            '"purpose":"audit","reasons":[],"subject":null,"time":"2026-11-28T17:00:00.000000Z","version":1}'
        ).encode()
    )


def test_an_entry_is_read_back() -> None:
    for kind in KINDS:
        made = entry(kind=kind)
        assert Entry.parse(made.leaf()) == made


def test_every_byte_of_an_entry_counts() -> None:
    """Whatever is changed, it is refused or is another entry: no two byte strings are one entry."""
    leaf = entry().leaf()
    for at in range(len(leaf)):
        for changed in (
            leaf[:at] + bytes([leaf[at] ^ 1]) + leaf[at + 1 :],
            leaf[:at] + leaf[at + 1 :],
            leaf[:at] + b" " + leaf[at:],
        ):
            try:
                found = Entry.parse(changed)
            except LedgerError:
                continue
            assert found.leaf() == changed != leaf


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "search"},
        {"kind": 3},
        {"time": "2026-11-28"},
        {"time": "2026-11-28T17:00:00Z"},
        {"purpose": ""},
        {"purpose": 7},
        {"purpose": "x" * (MAX_TEXT + 1)},
        {"purpose": "a\nb"},
        {"key": "\x7f"},
        {"fmr": 1.5},
        {"fmr": -0.1},
        {"fmr": "1e-6"},
        {"reasons": "turned"},
        {"reasons": [1]},
        {"reasons": ["x"] * (MAX_ITEMS + 1)},
        {"subject": "S-1"},
        {"subject": {"digest": "ab" * 32}},
        {"subject": {"digest": "AB" * 32, "salt": "cd" * 16}},
        {"subject": {"digest": "ab" * 31, "salt": "cd" * 16}},
        {"inputs": []},
        {"inputs": {"Reference!": {"digest": "ab" * 32, "salt": "cd" * 16}}},
        {"inputs": {"probe": "ab" * 32}},
        {"policy": {"fmr": [1]}},
        {"policy": []},
        {"details": None},
        {"details": {"x": {"y": 1}}},
        {"details": {"x": 2**53}},
        {"details": {"": 1}},
        {"details": {f"x{number}": 1 for number in range(MAX_ITEMS + 1)}},
        {"version": 2},
        {"version": None},
        {"more": 1},
    ],
)
def test_what_no_entry_holds(change: dict[str, Any]) -> None:
    data = entry().to_dict() | change
    with pytest.raises(LedgerError) as caught:
        Entry.parse(canonical(data))
    assert caught.value.code == "ledger.entry"


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"{}",
        b"\xff",
        b'{"version":1}',
        b"[" * 100_000,
        b" " * 20_000,
        b'{"version":NaN}',
    ],
)
def test_what_is_no_entry(leaf: bytes) -> None:
    with pytest.raises(LedgerError) as caught:
        Entry.parse(leaf)
    assert caught.value.code == "ledger.entry"


@pytest.mark.parametrize(
    "change",
    [
        {"subject": ""},
        {"subject": " "},
        {"subject": "x" * (MAX_TEXT + 1)},
        {"subject": "S-\udcff"},
        {"reasons": tuple(f"{number:03}{197 * chr(0x4E00)}" for number in range(MAX_ITEMS))},
        {"place": b"short"},
        {"place": "x" * 32},
        {"place": bytes(32), "subject": "S-1"},
        {"inputs": {"probe": b"short"}},
        {"inputs": {"probe": "ab" * 32}},
        {"inputs": {"a template": b"x" * 512}},
        {"fmr": float("nan")},
        {"fmr": float("inf")},
        {"purpose": "\ud800"},
        {"details": {"template": "x" * 1000}},
        {"details": {"template": [0.1] * 128}},
        {"kind": "identification"},
    ],
)
def test_an_event_that_does_not_fit_is_refused_before_it_is_written(change: dict[str, Any]) -> None:
    with pytest.raises(LedgerError) as caught:
        replace(verdict(), **change)
    assert caught.value.code == "ledger.entry"


def test_an_event_has_no_room_for_a_template() -> None:
    """The fields are listed, and of each the longest value is one of a few hundred bytes; a place has 32."""
    assert {field.name for field in fields(Event)} == {
        *("kind", "purpose", "key", "subject", "inputs", "decision", "fmr", "fmr_upper", "policy", "pack"),
        *("fingerprint", "calibration", "reasons", "details", "place"),
    }
    assert MAX_TEXT < 4 * 128, "the smallest template has 128 numbers of 4 bytes"


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**52), 2**52)
    | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text('aZ09 "\\{}/+\u00e9\u4e00\U0001f600', min_size=1, max_size=20)


@given(
    plain=st.dictionaries(texts, scalars | texts, max_size=5),
    fmr=st.none() | st.floats(0, 1),
    reasons=st.lists(texts, max_size=3),
)
def test_any_entry_is_read_back(plain: dict[str, Any], fmr: float | None, reasons: list[str]) -> None:
    made = entry(details=plain, fmr=fmr, reasons=tuple(reasons))
    assert Entry.parse(made.leaf()) == made
    assert json.loads(made.leaf()) == made.to_dict()


def test_times_are_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert stamp(datetime(2026, 1, 31, 1, 30, tzinfo=east)) == "2026-01-30T23:30:00.000000Z"
    assert stamp(datetime(2026, 1, 31, 1, 30, 0, 1, tzinfo=UTC)) == "2026-01-31T01:30:00.000001Z"
