"""Biometric records as JSON, the way MOSIP's service and its clients send them.

Bytes come as arrays of signed numbers (what the client that ships sends), of unsigned ones, or as base64;
times in four forms; names in any case; numbers, and true and false, also as texts; anything may be null. What
is written has the form that it came in.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import math
import re
from array import array
from typing import TYPE_CHECKING, Any, cast

from visavis.records import moments
from visavis.records.cbeff import (
    PARTS,
    BiometricRecord,
    Bir,
    Count,
    damaged,
    name_of,
    shown,
    too_large,
    unwritable,
    xml_name_of,
)
from visavis.records.number_arrays import Numbers, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.errors import RecordError
    from visavis.records.cbeff import Part

MAX_JSON = 16 * 2**20
"""Bytes of JSON. A face of 200 kB is 0.8 MB of numbers; in memory these take up to fifteen times that."""

MAX_STRUCTURE = 200_000
"""Brackets, braces, quotes and backslashes: what isn't numbers. A record of twelve blocks has 4,000."""

MAX_DEPTH = 64
"""Arrays and objects in one another. A record's own need four for each level."""

# Letters, digits and all else that says nothing about where arrays and objects begin and end.
PLAIN = bytes(set(range(256)) - set(b'[]{}"'))
ESCAPED = re.compile(rb"\\.", re.DOTALL)
STRUCTURE = re.compile(rb'"[^"]*"?|([\[{])|([\]}])')

# What may be half of a pair. Java's writers escape other signs too: "=" comes as \u003d.
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

WHOLE = re.compile(r"-?[0-9]{1,10}")
NUMBER = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,9})?")
FLAGS = {"true": True, "false": False}

URL_SAFE = str.maketrans("-_", "+/")


# Texts


def read_json(data: bytes) -> Any:
    """Parse JSON that nobody trusts: what it would cost is known before it is parsed.

    Returns:
        Plain values. No name stands twice in an object, numbers are finite, texts are Unicode.

    Raises:
        RecordError: `record.too_large` or `record.damaged`.
    """
    if len(data) > MAX_JSON:
        raise too_large(f"{len(data)} bytes", f"at most {MAX_JSON}")
    _check_structure(data)
    text, aside = set_aside(data)
    if aside:
        try:
            return _parse(text, aside)
        except (ValueError, RecursionError):  # then once more, to say where
            aside.clear()
    try:
        return _parse(data, {})
    except (ValueError, RecursionError) as error:
        raise _no_json(error) from None


def _parse(data: bytes, aside: Mapping[str, Numbers]) -> Any:
    found = json.loads(
        data.decode("utf-8-sig"),
        object_pairs_hook=functools.partial(_object, aside),
        parse_constant=_refuse,
        parse_float=_finite,
    )
    if SURROGATE.search(data):  # half of a pair is no text
        json.dumps(found, ensure_ascii=False).encode()
    return found


def _no_json(error: Exception) -> RecordError:
    told = f"no JSON at {error.pos}" if isinstance(error, json.JSONDecodeError) else _told(error)
    return damaged("", told, "JSON")


def _told(error: Exception) -> str:
    return "text that isn't Unicode" if isinstance(error, UnicodeError) else str(error)[:60]


def _check_structure(data: bytes) -> None:
    """Count arrays, objects and texts, and how deep they lie, without making any."""
    if data.count(b"\\") > MAX_STRUCTURE:
        raise too_large("too many escapes", f"at most {MAX_STRUCTURE}")
    skeleton = (ESCAPED.sub(b"", data) if b"\\" in data else data).translate(None, PLAIN)
    if len(skeleton) > MAX_STRUCTURE:
        raise too_large("too many arrays, objects and texts", f"at most {MAX_STRUCTURE} brackets and quotes")
    depth = 0
    for found in STRUCTURE.finditer(skeleton):
        depth += (found[1] is not None) - (found[2] is not None)
        if depth > MAX_DEPTH:
            raise too_large(
                f"more than {MAX_DEPTH} arrays and objects in one another", f"at most {MAX_DEPTH}"
            )


def _object(aside: Mapping[str, Numbers], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name that stands twice")
    if aside:
        for name, value in pairs:
            if isinstance(value, str) and value in aside:
                found[name] = aside[value]
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name}, which is no number of JSON")


def _finite(number: str) -> float:
    found = float(number)
    if not math.isfinite(found):
        raise ValueError("a number that is too large")
    return found


# Records


def read_record(given: Any) -> BiometricRecord:
    """A record from what `read_json` gave.

    Raises:
        RecordError: `record.damaged`: something in it isn't as it should be; the message says where.
            `record.too_large`: it holds too many records, or too deep.
    """
    return cast("BiometricRecord", _read_class(BiometricRecord, given, "", 0, Count()))


def read_bir(given: Any) -> Bir:
    """A single record, such as a segment, likewise."""
    return cast("Bir", _read_class(Bir, given, "", 0, Count()))


def write_record(record: BiometricRecord | Bir) -> dict[str, Any]:
    """A record as plain values for `json.dumps`, which must not be changed.

    Raises:
        RecordError: `record.field`: something can't be written.
    """
    return _write_class(record, "", _octets_like(record))


def _read_class(kind: type, given: Any, where: str, level: int, count: Count) -> Any:
    if not isinstance(given, dict):
        raise damaged(where or "the record", _called(given), "an object")
    if kind is Bir:
        count.enter(level, where)
    values: dict[str, Any] = {}
    for part in PARTS[kind]:
        value = given.get(part.key)
        if value is None:
            continue
        inside = f"{where}.{part.key}" if where else part.key
        if isinstance(part.kind, str):
            values[part.name] = _read_value(part.kind, value, inside)
        elif part.several:
            if not isinstance(value, list):
                raise damaged(inside, _called(value), "an array")
            values[part.name] = tuple(
                _read_class(part.kind, each, f"{inside}[{number}]", level + 1, count)
                for number, each in enumerate(value)
            )
        else:
            values[part.name] = _read_class(part.kind, value, inside, level, count)
    return kind(**values, as_received=given)


def _read_value(kind: str, given: Any, where: str) -> Any:
    try:
        return READ[kind](given)
    except ValueError as error:
        raise damaged(where, str(error)) from None


def _write_class(thing: Any, where: str, octets_like: Any) -> dict[str, Any]:
    """What it was read from, with what was changed since; one made anew has all names, as MOSIP writes it."""
    given: Mapping[str, Any] | None = thing.as_received if isinstance(thing.as_received, dict) else None
    parts = {part.key: part for part in PARTS[type(thing)]}
    out: dict[str, Any] = {}
    if given is not None:
        for key, value in given.items():
            out[key] = _write_part(thing, parts[key], value, where, octets_like) if key in parts else value
    for key, part in parts.items():
        if key not in out and (given is None or getattr(thing, part.name) not in (None, (), {})):
            out[key] = _write_part(thing, part, None, where, octets_like)
    return out


def _write_part(thing: Any, part: Part, given: Any, where: str, octets_like: Any) -> Any:
    value = getattr(thing, part.name)
    inside = f"{where}.{part.key}" if where else part.key
    if isinstance(part.kind, str):
        if given is not None and _read_value(part.kind, given, inside) == value:
            return given
        if value is None or (given is None and value in ((), {})):
            return None
        like = octets_like if part.kind == "octets" and given is None else given
        try:
            return WRITE[part.kind](value, like)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise unwritable(inside, str(error)[:60]) from None
    if part.several:
        if given is None and not value:
            return None
        return [_write_class(each, f"{inside}[{number}]", octets_like) for number, each in enumerate(value)]
    return None if value is None else _write_class(value, inside, octets_like)


def _octets_like(thing: BiometricRecord | Bir) -> Any:
    """Bytes as this record's came, if any did: others that are added look the same."""
    given = thing.as_received if isinstance(thing.as_received, dict) else {}
    if given.get("bdb") is not None:
        return given["bdb"]
    within = thing.segments if isinstance(thing, BiometricRecord) else thing.birs
    return next((like for each in within if (like := _octets_like(each)) is not None), None)


# Values


def _text(given: Any) -> str:
    if isinstance(given, str):
        return given
    if type(given) is int:  # some write a format's type as a number
        return str(given)
    raise ValueError(f"{_called(given)} where a text belongs")


def _whole(given: Any) -> int:
    if isinstance(given, str) and WHOLE.fullmatch(given):
        given = int(given)
    if type(given) is int and abs(given) < 2**31:
        return given
    raise ValueError(f"{_called(given)} where a number up to 2147483647 belongs")


def _number(given: Any) -> float:
    if isinstance(given, str) and NUMBER.fullmatch(given):
        given = float(given) if "." in given else int(given)
    if type(given) in (int, float) and abs(given) < 2**31:
        return cast("float", given)
    raise ValueError(f"{_called(given)} where a number belongs")


def _flag(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and given.lower() in FLAGS:
        return FLAGS[given.lower()]
    raise ValueError(f"{_called(given)} where true or false belongs")


def _octets(given: Any) -> bytes:
    if isinstance(given, str):
        return octets_of(given)
    if isinstance(given, Numbers):
        return given.octets
    if not isinstance(given, list) or not set(map(type, given)) <= {int}:
        raise ValueError(f"{_called(given)} where bytes belong")
    try:
        return array("b", given).tobytes()
    except OverflowError:
        pass
    try:
        return bytes(given)
    except (ValueError, OverflowError):
        raise ValueError("numbers that are no bytes, signed or unsigned") from None


def octets_of(text: str) -> bytes:
    """Bytes from base64, in either alphabet, with padding or without; `ValueError` where it is none."""
    try:
        padded = text.translate(URL_SAFE).encode("ascii") + b"=" * (-len(text) % 4)
        return base64.b64decode(padded, validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("text that isn't base64") from None


def _names(given: Any) -> tuple[str, ...]:
    return tuple(name_of(each) for each in _texts(given))


def _texts(given: Any) -> tuple[str, ...]:
    if isinstance(given, list):
        texts = tuple(each for each in given if each is not None)
        if all(isinstance(each, str) for each in texts):
            return texts
    raise ValueError(f"{_called(given)} where an array of texts belongs")


def _map(given: Any) -> dict[str, str | None]:
    if not isinstance(given, dict):
        raise ValueError(f"{_called(given)} where an object of texts belongs")
    return {key: None if value is None else _as_text(value) for key, value in given.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        raise ValueError(f"{_called(value)} where a text belongs")
    return json.dumps(value)


def _called(given: Any) -> str:
    """What kind of value something is, in JSON's words."""
    match given:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number" if isinstance(given, int) and abs(given) >= 2**63 else shown(given)
        case str():
            return "a text"
        case list():
            return "an array"
    return "an object"


def _write_octets(value: bytes, like: Any) -> Any:
    if isinstance(like, str):
        text = base64.b64encode(value).decode("ascii")
        return text.replace("+", "-").replace("/", "_") if re.search("[-_]", like) else text
    if isinstance(like, list) and any(number > 127 for number in like):
        return list(value)
    return array("b", value).tolist()


def _write_name(value: str, like: Any) -> str:
    return xml_name_of(value) if isinstance(like, str) and like != like.upper() else value


def _write_names(value: tuple[str, ...], like: Any) -> list[str]:
    first = like[0] if isinstance(like, list) and like else None
    return [_write_name(each, first) for each in value]


def _write_map(value: dict[str, str | None], like: Any) -> dict[str, Any]:
    given = like if isinstance(like, dict) else {}
    same = {key for key, text in _map(given).items() if key in value and value[key] == text}
    return {key: given[key] if key in same else text for key, text in value.items()}


def _as_it_is(value: Any, like: Any) -> Any:  # noqa: ARG001  # it has one form
    return value


READ: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "whole": _whole,
    "number": _number,
    "flag": _flag,
    "octets": _octets,
    "moment": moments.read_json,
    "name": lambda given: name_of(_text(given)),
    "names": _names,
    "texts": _texts,
    "map": _map,
}

WRITE: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("text", "whole", "number", "flag"), _as_it_is),
    "octets": _write_octets,
    "moment": moments.write_json,
    "name": _write_name,
    "names": _write_names,
    "texts": lambda value, like: list(value),  # noqa: ARG005
    "map": _write_map,
}
