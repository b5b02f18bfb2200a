"""Times as biometric records state them: in words, or as Java's libraries write a time without a zone.

A time without a zone is UTC. Records state nanoseconds; what is read is whole microseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

TEXT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r"(?:(Z)|([+-])([0-9]{2}):?([0-9]{2}))?(?:\[UTC\])?"
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DATE = ("year", "month", "day")
TIME = ("hour", "minute", "second", "nano")


def read_text(text: str) -> datetime:
    """A time by ISO 8601, ``2021-08-11T10:32:48.124194800Z``; `ValueError` where it isn't one."""
    found = TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a time of ISO 8601")
    *whole, fraction, _, sign, hours, minutes = found.groups()
    zone: timezone = UTC
    if sign:
        away = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(-away if sign == "-" else away)
    nanos = int((fraction or "0").ljust(9, "0"))
    return _moment([int(part or 0) for part in whole] + [nanos], zone)


def read_json(given: Any) -> datetime:
    """A time in any of its forms in JSON; `ValueError` where it is in none.

    Args:
        given: ISO text, milliseconds since 1970, an array (year, month, day, hour, minute, then second and
            nanosecond where they aren't 0), or an object of ``date`` and ``time``.
    """
    if isinstance(given, str):
        return read_text(given)
    if type(given) is int:
        return _since_1970(given)
    if isinstance(given, list):
        if not 5 <= len(given) <= 7 or any(type(part) is not int for part in given):
            raise ValueError("an array that isn't of five to seven whole numbers")
        return _moment([*given, 0, 0][:7], UTC)
    if isinstance(given, dict) and all(isinstance(given.get(half), dict) for half in ("date", "time")):
        date, time = given["date"], given["time"]
        parts = [*(date.get(name) for name in DATE), *(time.get(name, 0) for name in TIME)]
        if any(type(part) is not int for part in parts):
            raise ValueError("an object without whole numbers for date and time")
        return _moment(parts, UTC)
    raise ValueError(f"{type(given).__name__} where a time belongs")


def write_text(moment: datetime) -> str:
    """By ISO 8601 in UTC, in milliseconds."""
    return _utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_json(moment: datetime, like: Any) -> Any:
    """In the same form as another time, or as text."""
    utc = _utc(moment)
    date = [utc.year, utc.month, utc.day]
    time = [utc.hour, utc.minute, utc.second, utc.microsecond * 1000]
    if type(like) is int:
        return (utc - EPOCH) // MILLISECOND
    if isinstance(like, list):
        return date + time
    if isinstance(like, dict):
        return {"date": dict(zip(DATE, date, strict=True)), "time": dict(zip(TIME, time, strict=True))}
    return write_text(moment)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _since_1970(milliseconds: int) -> datetime:
    try:
        return EPOCH + milliseconds * MILLISECOND
    except OverflowError:
        raise ValueError("a time out of range") from None


def _moment(parts: list[int], zone: timezone) -> datetime:
    year, month, day, hour, minute, second, nanos = parts
    if not 0 <= nanos < 10**9:
        raise ValueError("nanoseconds out of range")
    try:
        return datetime(year, month, day, hour, minute, second, nanos // 1000, zone).astimezone(UTC)
    except OverflowError:
        raise ValueError("a time out of range") from None
