from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavis.errors import RecordError
from visavis.records import number_arrays
from visavis.records.cbeff_json import read_json
from visavis.records.number_arrays import Numbers, set_aside

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST, SHORTEST_OF_ALL = 256, number_arrays.SHORTEST
SIGNED = [*range(-128, 128)]
UNSIGNED = [*range(256)]
COMPACT, AIRY, WIDE = (",", ":"), (", ", ": "), (" , ", " : ")


@pytest.fixture(scope="module", autouse=True)
def short_ones_too() -> Iterator[None]:
    """Arrays that are short enough to be looked at are read so here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(number_arrays, "SHORTEST", SHORTEST)
        yield


def dumped(value: Any, separators: tuple[str, str] = COMPACT) -> bytes:
    return json.dumps(value, separators=separators).encode()


@pytest.mark.parametrize("separators", [COMPACT, AIRY], ids=["compact", "airy"])
@pytest.mark.parametrize(
    ("numbers", "octets"),
    [
        (SIGNED, bytes([*range(128, 256), *range(128)])),
        (UNSIGNED, bytes(range(256))),
        ([0] * 200, bytes(200)),
        ([-1] * 200, b"\xff" * 200),
        ([127, 128] * 100, b"\x7f\x80" * 100),
    ],
    ids=["signed", "unsigned", "zeros", "below zero", "over 127"],
)
def test_bytes_are_read_at_once(numbers: list[int], octets: bytes, separators: tuple[str, str]) -> None:
    data = dumped({"bdb": numbers, "more": [{"sb": numbers}]}, separators)
    _, aside = set_aside(data)
    assert [each.octets for each in aside.values()] == [octets, octets]
    found = read_json(data)
    assert found == {"bdb": numbers, "more": [{"sb": numbers}]}
    assert isinstance(found["bdb"], Numbers)
    assert json.dumps(found) == json.dumps({"bdb": numbers, "more": [{"sb": numbers}]})


@pytest.mark.parametrize(("times", "is_long"), [(5, False), (40, True)])
def test_only_long_ones_are_worth_it(times: int, is_long: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature is short, a picture is long."""
    monkeypatch.setattr(number_arrays, "SHORTEST", SHORTEST_OF_ALL)
    data = dumped({"bdb": [17, -5] * 50 * times})
    assert bool(set_aside(data)[1]) == is_long


LEFT: dict[str, Any] = {
    "a number over 255": [*UNSIGNED, 256],
    "a number below -128": [*SIGNED, -129],
    "both below 0 and over 127": [*SIGNED, 200],
    "a number of five digits": [*UNSIGNED, 65546],
    "a fraction": [*UNSIGNED, 1.5],
    "a text": [*UNSIGNED, "1"],
    "null": [*UNSIGNED, None],
    "an array in it": [[*UNSIGNED]],
    "few numbers": [1, 2, 3],
    "none": [],
}


@pytest.mark.parametrize("numbers", LEFT.values(), ids=LEFT)
def test_other_arrays_are_left_to_the_parser(numbers: list[Any]) -> None:
    data = dumped({"bdb": numbers})
    assert set_aside(data) == (data, {})
    assert read_json(data) == {"bdb": numbers}


@pytest.mark.parametrize("separators", [WIDE, (",\n", ":\n")], ids=["spaces on both sides", "lines"])
def test_arrays_set_otherwise_are_left_to_the_parser(separators: tuple[str, str]) -> None:
    data = dumped({"bdb": UNSIGNED}, separators)
    assert set_aside(data) == (data, {})
    assert read_json(data) == {"bdb": UNSIGNED}


WRONG = {
    "an empty place": "1,,2",
    "a comma too many": "1,2,",
    "a comma before all": ",1,2",
    "a leading zero": "01,2",
    "only zeros": "00,2",
    "two signs": "--1,2",
    "a sign alone": "1,-",
    "a sign alone, then more": "1,-,2",
    "a sign inside": "1-2,3",
    "a plus": "+1,2",
    "a space for a comma": "1 2, 3",
    "a space inside": "1,2 3, 4",
    "a space before all": "1, 2,3 ",
    "a letter": "1,x",
    "a line": "1,\n,2",
    "hexadecimal": "0x1,2",
}
MANY = ",".join(["17"] * SHORTEST)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("where", ["{},{}", "{1},{0}"], ids=["before", "behind"])
def test_what_is_no_json_stays_none(wrong: str, where: str) -> None:
    data = f'{{"bdb":[{where.format(wrong, MANY)}]}}'.encode()
    assert not set_aside(data)[1]
    try:
        expected = json.loads(data)  # some are sound in the middle of others
    except ValueError:
        with pytest.raises(RecordError, match=r"no JSON at \d+") as raised:
            read_json(data)
        assert raised.value.code == "record.damaged"
    else:
        assert read_json(data) == expected


ARRAY = f"[{MANY}]"
SOUND = {
    "minus nothing": f'{{"bdb":[{MANY},-0,2]}}',
    "a space at the end": f'{{"bdb":[{MANY},1, 2 ]}}',
    "in a text": json.dumps({"a": f'"bdb":{ARRAY}', "bdb": 1}),
    "as a text": json.dumps({"bdb": ARRAY}),
    "behind an escaped quote": json.dumps({'"bdb"': f'":{ARRAY}'}),
    "as a value of an odd name": json.dumps({'x"bdb': [17] * SHORTEST}),
    "behind a bracket in a text": f'{{"a":"[ {{","bdb":{ARRAY}}}',
    "in an array": f'[{ARRAY},{{"bdb":{ARRAY}}}]',
    "behind a name that is escaped": f'{{"b\\u0064b":{ARRAY}}}',
    "behind another character set's name": f'{{"ü":{ARRAY},"bdb":{ARRAY}}}',
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_what_is_seldom_written_so_is_read_too(text: str) -> None:
    assert read_json(text.encode()) == json.loads(text)


UNSOUND = {
    "a name without a comma before it": f'{{"a":"x"bdb":{ARRAY}}}',
    "a name twice": f'{{"bdb":{ARRAY},"bdb":{ARRAY}}}',
    "two values": f'{{"bdb":{ARRAY}{ARRAY}}}',
    "no end": f'{{"bdb":{ARRAY}',
    "no end of the array": f'{{"bdb":{ARRAY[:-1]}',
    "more behind it": f'{{"bdb":{ARRAY}}}x',
    "a text that doesn't end": f'{{"a":"\\"bdb":{ARRAY}}}',
}


@pytest.mark.parametrize("text", UNSOUND.values(), ids=UNSOUND)
def test_what_surrounds_an_array_has_to_be_sound(text: str) -> None:
    with pytest.raises(RecordError) as raised:
        read_json(text.encode())
    assert raised.value.code == "record.damaged"
    assert '"' not in str(raised.value.found), "where it is wrong, in what was sent"


def repeated(numbers: list[int]) -> list[int]:
    return numbers * (SHORTEST // len(numbers) + 1)


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.text(st.characters(codec="utf-8")),
        st.integers(-300, 300),
        # Long enough to be read at once, whatever the numbers are.
        st.lists(st.integers(-128, 127) | st.integers(-128, 255), min_size=1, max_size=20).map(repeated),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["bdb", "sb", '"', "x y"]), inner)
    ),
    max_leaves=6,
)


@given(value=VALUES, separators=st.sampled_from([COMPACT, AIRY, WIDE]))
@settings(max_examples=150, deadline=None)
def test_all_json_is_read_as_by_the_parser(value: Any, separators: tuple[str, str]) -> None:
    data = dumped(value, separators)
    assert read_json(data) == value


@given(data=st.binary(max_size=40), at=st.integers(0, 400))
@settings(max_examples=150, deadline=None)
def test_damage_is_read_as_by_the_parser(data: bytes, at: int) -> None:
    sound = f'{{"a":{{"bdb":{ARRAY}}}}}'.encode()
    damaged = sound[:at] + data + sound[at:]
    try:
        expected = json.loads(damaged.decode("utf-8-sig"))
    except ValueError:
        with pytest.raises(RecordError):
            read_json(damaged)
    else:
        assert read_json(damaged) == expected
