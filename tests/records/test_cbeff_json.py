from __future__ import annotations

import copy
import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.records.samples import TIMES, bir_json, image_2011, record_2011, record_json, signed

from visavis.errors import RecordError
from visavis.records.cbeff import (
    MAX_BIRS,
    MAX_LEVELS,
    BdbInfo,
    BiometricRecord,
    Bir,
    BirInfo,
    Quality,
    Registered,
)
from visavis.records.cbeff_json import (
    MAX_DEPTH,
    MAX_JSON,
    MAX_STRUCTURE,
    read_bir,
    read_json,
    read_record,
    write_record,
)

BLOCK = record_2011(image_2011())
FORMS = ("signed", "unsigned", "base64")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("time", [*TIMES.values(), None], ids=[*TIMES, "null"])
def test_every_form_is_read_and_written_as_it_came(form: str, time: Any) -> None:
    plain = record_json(bir_json(form=form, time=time), bir_json(b"", form=form, time=time))
    found = read_record(read_json(json.dumps(plain).encode()))
    assert [segment.bdb for segment in found.segments] == [BLOCK, b""]
    assert found.segments[0].sb == b"a signature"
    about = found.segments[0].bdb_info
    assert about is not None
    assert (about.creation_date is None) == (time is None)
    assert write_record(found) == plain
    assert list(write_record(found)["segments"][0]) == list(plain["segments"][0]), "in the same order"
    assert json.dumps(write_record(found)) == json.dumps(plain)


def test_what_a_record_says_is_read() -> None:
    found = read_record(record_json(bir_json(time=TIMES["text"])))
    (segment,) = found.segments
    about = segment.bdb_info
    assert about is not None
    assert (about.types, about.subtypes, about.level, about.purpose) == (("FACE",), (), "RAW", "VERIFY")
    assert segment.types == ("FACE",)
    assert about.format == Registered("Mosip", "8")
    assert about.quality is not None
    assert (about.quality.score, about.quality.failed) == (100, None)
    assert about.creation_date == datetime(2023, 12, 31, 23, 59, 58, 371_670, UTC)
    assert segment.info is not None
    assert segment.info.integrity is False
    assert segment.others == {"EXCEPTION": "false", "SDK_SCORE": None, "RETRIES": "1"}
    assert [each.bdb for each in segment.blocks()] == [BLOCK]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *((word, "FACE") for word in ("FACE", "Face", "face")),
        *((word, "EXCEPTION_PHOTO") for word in ("EXCEPTION_PHOTO", "ExceptionPhoto", "exception_photo")),
        ("Hand Geometry", "HAND_GEOMETRY"),
        ("Gesture", "GESTURE"),
    ],
)
def test_names_are_read_in_any_case(written: str, name: str) -> None:
    plain = bir_json(kind=written)
    found = read_bir(plain)
    assert found.types == (name,)
    assert write_record(found) == plain


def test_other_names_and_numbers_for_texts_are_left_as_they_are() -> None:
    plain = record_json() | {"new": [{"deep": None}]}
    plain["segments"][0] |= {
        "element": [],
        "bdbInfo": {"format": {"organization": "257", "type": 8, "x": 1.50}},
    }
    found = read_record(plain)
    about = found.segments[0].bdb_info
    assert about is not None
    assert about.format == Registered("257", "8")
    assert write_record(found) == plain


def test_numbers_and_flags_may_be_texts_and_lists_may_hold_nulls() -> None:
    """What Java's readers of JSON take too; nothing that is decided depends on any of it."""
    plain = {
        "version": {"major": "1", "minor": "-2"},
        "birInfo": {"integrity": "False"},
        "bdbInfo": {
            "encryption": "true",
            "type": ["Face", None],
            "subtype": [None],
            "quality": {"score": "80"},
        },
    }
    found = read_bir(plain)
    assert found.version is not None
    assert (found.version.major, found.version.minor) == (1, -2)
    assert found.info is not None
    assert found.info.integrity is False
    about = found.bdb_info
    assert about is not None
    assert about.quality is not None
    assert (about.encryption, about.types, about.subtypes) == (True, ("FACE",), ())
    assert about.quality.score == 80
    assert write_record(found) == plain
    new = dataclasses.replace(about, types=("FINGER",), quality=dataclasses.replace(about.quality, score=3))
    written = write_record(dataclasses.replace(found, bdb_info=new))["bdbInfo"]
    assert (written["type"], written["quality"]) == (["Finger"], {"score": 3})
    assert read_bir({"bdbInfo": {"quality": {"score": "79.5"}}}).bdb_info == BdbInfo(
        quality=Quality(score=79.5)
    )


NO_NUMBERS = ("", " 1", "1 ", "1e3", "0x1", "1,5", "1.5", "9" * 11, "\u0661", "yes", "NaN", "+1")


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_other_texts_are_no_numbers_and_no_flags(text: str) -> None:
    for plain in ({"version": {"major": text}}, {"birInfo": {"integrity": text}}):
        with pytest.raises(RecordError) as caught:
            read_bir(plain)
        assert caught.value.code == "record.damaged"


@pytest.mark.parametrize("text", ["+/+/", "-_-_", "+/8=", "-_8", "-_8="])
def test_base64_is_read_in_both_alphabets(text: str) -> None:
    assert read_bir({"bdb": text}).bdb in (b"\xfb\xff\xbf", b"\xfb\xff")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (signed(b"\xff\0"), [-5, 5]),
        ([255, 0], [251, 5]),
        ("/wA=", "+wU="),
        ("_wA=", "-wU="),
        ([1, 2], [-5, 5]),
        (None, [-5, 5]),
    ],
)
def test_new_bytes_have_the_form_of_the_old(before: Any, after: Any) -> None:
    plain = {"bdb": before, "birInfo": {"payload": None}, "x": 1}
    new = dataclasses.replace(read_bir(plain), bdb=b"\xfb\5")
    assert write_record(new) == plain | {"bdb": after}


@pytest.mark.parametrize("form", FORMS)
def test_the_original_moves_into_the_payload(form: str) -> None:
    """What MOSIP's conversion does."""
    record = read_record(record_json(bir_json(form=form)))
    segment = record.segments[0]
    assert segment.info is not None
    assert segment.bdb_info is not None
    changed = dataclasses.replace(
        segment,
        bdb=b"new\xff",
        info=dataclasses.replace(segment.info, payload=segment.bdb),
        bdb_info=dataclasses.replace(segment.bdb_info, level="PROCESSED"),
    )
    written = write_record(dataclasses.replace(record, segments=(changed,)))
    expected = record_json(bir_json(b"new\xff", form=form))
    expected["segments"][0]["birInfo"]["payload"] = bir_json(form=form)["bdb"]
    expected["segments"][0]["bdbInfo"]["level"] = "PROCESSED"
    assert written == expected


def test_changes_keep_the_forms_of_names_times_and_notes() -> None:
    plain = bir_json(time=TIMES["object"], kind="Face")
    plain["bdbInfo"]["level"] = "Raw"
    found = read_bir(plain)
    assert found.bdb_info is not None
    about = dataclasses.replace(
        found.bdb_info,
        types=("FINGER",),
        level="INTERMEDIATE",
        creation_date=datetime(2024, 2, 29, tzinfo=UTC),
        not_valid_after=datetime(2025, 1, 1, tzinfo=UTC),
    )
    others = {**found.others, "SDK_SCORE": "0.5"}
    written = write_record(dataclasses.replace(found, bdb_info=about, others=others, sb=None))
    plain["bdbInfo"] |= {"type": ["Finger"], "level": "Intermediate"}
    plain["bdbInfo"]["creationDate"] = {
        "date": {"year": 2024, "month": 2, "day": 29},
        "time": {"hour": 0, "minute": 0, "second": 0, "nano": 0},
    }
    plain["bdbInfo"]["notValidAfter"] = "2025-01-01T00:00:00.000Z"
    assert written == plain | {"others": {"EXCEPTION": "false", "SDK_SCORE": "0.5", "RETRIES": 1}, "sb": None}


def test_a_record_made_anew_has_all_names() -> None:
    bir = Bir(bdb_info=BdbInfo(types=("FACE",), format=Registered("Mosip", "8")), bdb=b"\xff")
    written = write_record(BiometricRecord(segments=(bir,)))
    assert list(written) == ["version", "cbeffversion", "birInfo", "segments", "others"]
    (segment,) = written["segments"]
    assert segment.keys() == bir_json().keys()
    assert segment["bdbInfo"].keys() == bir_json()["bdbInfo"].keys()
    assert (segment["bdb"], segment["sb"], segment["bdbInfo"]["type"]) == ([-1], None, ["FACE"])
    assert read_record(json.loads(json.dumps(written))).segments == (bir,)


def test_records_in_records_come_in_order() -> None:
    plain = bir_json(b"1") | {"birs": [bir_json(b"2") | {"birs": [bir_json(b"3")]}, bir_json(b"4")]}
    found = read_bir(plain)
    assert [each.bdb for each in found.blocks()] == [b"1", b"2", b"3", b"4"]
    assert write_record(found) == plain
    fewer = dataclasses.replace(found, birs=found.birs[1:])
    assert write_record(fewer) == plain | {"birs": [bir_json(b"4")]}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = (
        value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    )
    return [path, *(each for key, inner in below for each in paths(inner, (*path, key)))]


SMALL = record_json(
    bir_json(b"\xff\0\1", time=TIMES["array of 7"]) | {"birs": [bir_json(b"", form="base64")]}
)
PATHS = paths(SMALL)


def put(plain: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    out = copy.deepcopy(plain)
    inside = out
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return out


def outcome(plain: Any) -> BiometricRecord | RecordError:
    try:
        return read_record(plain)
    except RecordError as error:
        return error


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PATHS), json_values)
def test_any_value_anywhere_is_read_and_comes_back_or_is_named(path: tuple[Any, ...], value: Any) -> None:
    plain = put(SMALL, path, value)
    found = outcome(plain)
    if isinstance(found, RecordError):
        assert found.code in ("record.damaged", "record.too_large")
        assert str(found).isprintable()
        assert len(str(found)) < 400
    else:
        assert write_record(found) == plain


WRONG: tuple[Any, ...] = (True, 1, -1.5, "\x1b text", [], [[]], [None], {}, {"a": []}, 10**400, "x" * 100_000)


@pytest.mark.parametrize("path", [path for path in PATHS if path and not isinstance(path[-1], int)], ids=str)
def test_wrong_types_are_refused_with_the_place(path: tuple[Any, ...]) -> None:
    refused = 0
    for value in WRONG:
        plain = put(SMALL, path, value)
        found = outcome(plain)
        if isinstance(found, RecordError):
            refused += 1
            words = str(found)
            assert found.code == "record.damaged"
            assert words.isprintable()
            assert len(words) < 300
            assert str(path[-1]) in words or str(path[-2]) in words
        else:
            assert write_record(found) == plain
    carried = path[-1] in ("EXCEPTION", "SDK_SCORE", "RETRIES")
    assert refused >= (2 if carried else 5)


def nested(levels: int) -> dict[str, Any]:
    bir: dict[str, Any] = {}
    for _ in range(levels):
        bir = {"birs": [bir]}
    return bir


HOSTILE: dict[str, tuple[Any, str, str]] = {
    "null": (None, "record.damaged", "null"),
    "an array": ([], "record.damaged", "an array"),
    "records too deep": (record_json(nested(MAX_LEVELS)), "record.too_large", f"{MAX_LEVELS + 1} deep"),
    "records very deep": (record_json(nested(900)), "record.too_large", "deep"),
    "too many records": (record_json(*[{}] * (MAX_BIRS + 1)), "record.too_large", f"more than {MAX_BIRS}"),
    "too many records within": (
        record_json(*[{"birs": [{}] * 20}] * 10),
        "record.too_large",
        f"more than {MAX_BIRS}",
    ),
    "a segment of null": (record_json() | {"segments": [None]}, "record.damaged", "segments[0]: null"),
    "no bytes": (record_json({"bdb": [0, 256]}), "record.damaged", "segments[0].bdb"),
    "bytes of both kinds": (record_json({"bdb": [-1, 200]}), "record.damaged", "segments[0].bdb"),
    "huge bytes": (record_json({"bdb": [10**400]}), "record.damaged", "segments[0].bdb"),
    "true bytes": (record_json({"bdb": [1, True]}), "record.damaged", "segments[0].bdb"),
    "no base64": (record_json({"bdb": "a*b="}), "record.damaged", "base64"),
    "base64 with a line": (record_json({"bdb": "AAAA\nAAAA"}), "record.damaged", "base64"),
    "base64 beyond ASCII": (record_json({"bdb": "\uff21AAA"}), "record.damaged", "base64"),
    "half of base64": (record_json({"bdb": "A"}), "record.damaged", "base64"),
    "a year that never is": (
        record_json({"bdbInfo": {"creationDate": [10**400, 1, 1, 1, 1, 1]}}),
        "record.damaged",
        "creationDate",
    ),
}


@pytest.mark.parametrize(("plain", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_records_end_in_one_clear_line(plain: Any, code: str, word: str) -> None:
    with pytest.raises(RecordError) as caught:
        read_record(plain)
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()


TEXTS: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "record.damaged", "no JSON at 0"),
    "half": (b'{"a": [1, 2', "record.damaged", "no JSON"),
    "two": (b"{} {}", "record.damaged", "no JSON at 3"),
    "NaN": (b'{"a": NaN}', "record.damaged", "NaN"),
    "infinity": (b"[-Infinity]", "record.damaged", "-Infinity"),
    "a number without end": (b"[1e999]", "record.damaged", "too large"),
    "a number of 5000 digits": (b"[" + b"9" * 5000 + b"]", "record.damaged", "digits"),
    "a name twice": (b'{"bdb": 1, "bdb": 2}', "record.damaged", "twice"),
    "Latin-1": (b'{"\xe9": 1}', "record.damaged", "Unicode"),
    "half of a pair": (b'"\\ud800"', "record.damaged", "Unicode"),
    "half of a pair as a name": (b'{"\\uD800": 1}', "record.damaged", "Unicode"),
    "the other half": (b'{"\\u003d": "\\udfFF"}', "record.damaged", "Unicode"),
    "UTF-16": ("[1]".encode("utf-16"), "record.damaged", "found"),
    "deep arrays": (b"[" * 100_000 + b"]" * 100_000, "record.too_large", f"more than {MAX_DEPTH}"),
    "deep and open": (b"[" * 100_000, "record.too_large", f"more than {MAX_DEPTH}"),
    "deep objects": (b'{"a":' * 200 + b"1" + b"}" * 200, "record.too_large", f"more than {MAX_DEPTH}"),
    "just too deep": (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "record.too_large", "in one another"),
    "deep behind an escape": (b'["\\"",' + b"[" * 200, "record.too_large", "in one another"),
    "many arrays": (b"[" + b"[]," * MAX_STRUCTURE + b"[]]", "record.too_large", "too many"),
    "many texts": (b"[" + b'"",' * MAX_STRUCTURE + b'""]', "record.too_large", "too many"),
    "many escapes": (b'["' + b"\\n" * (MAX_STRUCTURE + 1) + b'"]', "record.too_large", "escapes"),
    "too many bytes": (b" " * (MAX_JSON + 1), "record.too_large", f"{MAX_JSON + 1} bytes"),
}


@pytest.mark.parametrize(("data", "code", "word"), TEXTS.values(), ids=TEXTS)
def test_hostile_json_ends_in_one_clear_line(data: bytes, code: str, word: str) -> None:
    with pytest.raises(RecordError) as caught:
        read_json(data)
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@settings(max_examples=100, deadline=None)
@given(json_values)
def test_any_json_is_read(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    "text", ['["[[[[{{{{"]', '["\\"[\\\\", {"a]}": "\\\\"}]', "[" * MAX_DEPTH + "]" * MAX_DEPTH, "\ufeff[1]"]
)
def test_brackets_in_texts_are_no_depth(text: str) -> None:
    assert read_json(text.encode()) == json.loads(text.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    "bir",
    [
        Bir(info=BirInfo(payload="text")),  # type: ignore[arg-type]
        Bir(info=BirInfo(creation_date="now")),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_not_written(bir: Bir) -> None:
    with pytest.raises(RecordError) as caught:
        write_record(bir)
    assert caught.value.code == "record.field"


def test_half_a_megabyte_of_signed_numbers_is_read() -> None:
    block = bytes(range(256)) * 2048
    plain = record_json(bir_json(block))
    found = read_record(read_json(json.dumps(plain).encode()))
    assert found.segments[0].bdb == block
    assert write_record(found) == plain
