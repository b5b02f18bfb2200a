"""Dates of the machine-readable zone: six digits without a century, and parts that may be unknown.

No duration is ever worked out of them: a date is compared with today, or with another date, and that is all.
"""

from __future__ import annotations

import calendar
import re
from typing import TYPE_CHECKING

from visavis.decision.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

UNKNOWN = "X"
EXPIRY_AHEAD = 50
"""Years from now on that an expiry may lie ahead; what would lie farther is taken for the century before."""

RAW = re.compile(r"(?:\d\d|<<){3}", re.ASCII)
WRITTEN = re.compile(r"(?:\d{4}|XXXX)-(?:\d\d|XX)-(?:\d\d|XX)", re.ASCII)


def date_of_birth(raw: str, today: date) -> str | None:
    """A date of birth with its century: the latest that doesn't lie in the future.

    Args:
        raw: ``YYMMDD``, an unknown part as two fillers (Doc 9303-3, 4.8).
        today: The date of today.

    Returns:
        ``YYYY-MM-DD``, an unknown part as X (ISO 8601-2); None where it is no date.
    """
    return _dated(raw, lambda year, month, day: (year, month or 1, day or 1) <= _parts(today), today)


def date_of_expiry(raw: str, today: date) -> str | None:
    """A date of expiry with its century: the latest less than `EXPIRY_AHEAD` years from now.

    The arguments and what it returns are those of `date_of_birth`.
    """
    return _dated(raw, lambda year, *_: year < today.year + EXPIRY_AHEAD, today)


def concerns(about: str, birth: str | None, expiry: str | None, today: date) -> Iterator[Reason]:
    """What to keep in mind about the dates of a document.

    Args:
        about: What the document is called.
        birth: Date of birth as `date_of_birth` returns it, or as the chip or the page says it in full.
        expiry: Date of expiry, likewise.
        today: The date of today.
    """
    if birth is not None and _earliest(birth) > today.isoformat():
        message = f"the date of birth on the {about}, {birth}, lies in the future"
        yield Reason("birth_in_future", about, message, decisive=False)
    if expiry is not None and _latest(expiry) < today.isoformat():
        message = f"the {about} expired on {expiry}"
        yield Reason("expired", about, message, decisive=False)


def raw_of(written: str) -> str | None:
    """``YYMMDD`` with fillers of a date written ``YYYY-MM-DD`` with X; None where it is none."""
    if not is_date(written):
        return None
    return (written[2:4] + written[5:7] + written[8:]).replace(UNKNOWN, "<")


def is_date(written: str) -> bool:
    """Whether this is a date as ``YYYY-MM-DD``, an unknown part as X."""
    if not WRITTEN.fullmatch(written):
        return False
    year, month, day = (None if UNKNOWN in part else int(part) for part in written.split("-"))
    return year != 0 and _possible(year, month, day)


def same_date(a: str, b: str) -> bool | None:
    """Whether two dates, as `is_date` wants them, are the same; None where an unknown part leaves it open."""
    pairs = list(zip(a.split("-"), b.split("-"), strict=True))
    if any(x != y and UNKNOWN not in x + y for x, y in pairs):
        return False
    return None if UNKNOWN in a + b else True


def _dated(raw: str, allowed: Callable[[int, int, int], bool], today: date) -> str | None:
    if not RAW.fullmatch(raw):
        return None
    two, month, day = (None if part == "<<" else int(part) for part in (raw[:2], raw[2:4], raw[4:]))
    if two is None:
        return _written(None, month, day) if _possible(None, month, day) else None
    century = today.year // 100 * 100 + 100
    for year in (century + two, century - 100 + two, century - 200 + two):
        if allowed(year, month or 0, day or 0) and _possible(year, month, day):
            return _written(year, month, day)
    return None


def _possible(year: int | None, month: int | None, day: int | None) -> bool:
    if month is not None and not 1 <= month <= 12:
        return False
    leap = year is None or calendar.isleap(year)
    most = 31 if month is None else calendar.monthrange(2000 if leap else 2001, month)[1]
    return day is None or 1 <= day <= most


def _written(year: int | None, month: int | None, day: int | None) -> str:
    parts = ("X" * 4 if year is None else f"{year:04d}", *(_two(part) for part in (month, day)))
    return "-".join(parts)


def _two(part: int | None) -> str:
    return UNKNOWN * 2 if part is None else f"{part:02d}"


def _parts(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _earliest(written: str) -> str:
    """The earliest day that a date with unknown parts may be, good enough to compare."""
    year, month, day = written.split("-")
    return "-".join([year.replace(UNKNOWN, "0"), month.replace("XX", "01"), day.replace("XX", "01")])


def _latest(written: str) -> str:
    year, month, day = written.split("-")
    return "-".join([year.replace(UNKNOWN, "9"), month.replace("XX", "12"), day.replace("XX", "31")])
