"""How often what was asked for, by day, purpose and key: counted from the entries, and charts of it.

Entries never change, so what was counted of a block of them stays true and is kept in memory, within limits.
One page counts for a second or two; of a long ledger it says how far it came, and goes on when asked again.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from visavis.ledger import rows
from visavis.service.pages.entries import bytes_of, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from visavis.ledger.reader import Reader

BLOCK = 4096
"""Entries that are counted at a time, and whose counts are kept together."""
MOST_CELLS = 100_000
"""Counts that are kept in memory; about 20 MB."""
MOST_S = 1.5
KINDS = ("verdict", "crosscheck", "document", "quality", "liveness", "template", "conversion")
"""Kinds of entries that are a use of somebody's data."""
REFUSED, STOPPED = "refusal", "stopped"
MOST_GROUPS = 12
"""Charts on one page; the rest is one chart more."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """What is counted together.

    Attributes:
        day: As ``2026-01-31``, where the service stands.
        purpose: What it was for; empty where nobody said.
        key: Id of the key that asked; empty without one.
        what: Of `KINDS`, or `REFUSED`, or `STOPPED`.
    """

    day: str
    purpose: str
    key: str
    what: str


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted.

    Attributes:
        counts: How many by cell, of the days that were asked for.
        since: The first day that all entries are counted of; None where it is the first that was asked for.
        read: How many entries there are in those days, about.
    """

    counts: Mapping[Cell, int]
    since: date | None
    read: int


class Tally:
    """Counts of blocks, those kept that were used last; safe for several threads at once."""

    def __init__(self, most: int = MOST_CELLS) -> None:
        """Begin without any.

        Args:
            most: Counts that are kept.
        """
        self._most = most
        self._blocks: OrderedDict[int, Mapping[Cell, int]] = OrderedDict()
        self._cells = 0
        self._lock = threading.Lock()

    @property
    def cells(self) -> int:
        """How many counts are kept."""
        return self._cells

    def count(self, reader: Reader, first: date, last: date, *, most_s: float = MOST_S) -> Counted:
        """Count the entries of some days, from the last one back.

        Args:
            reader: The ledger.
            first: The first day.
            last: The last one, too.
            most_s: Seconds after which no further block is read, once there is one that is kept.

        Raises:
            StorageError: The ledger can't be read.
        """
        started = time.monotonic()
        total: Counter[Cell] = Counter()
        days = (first.isoformat(), last.isoformat())
        with reader.storage.reading() as connection:
            size = rows.present(rows.state(connection, lock=False)).size
            low, high = span(connection, size, first, last)
        blocks = range(low // BLOCK, -(-high // BLOCK))
        reached, gained = days[1], 0
        for number in reversed(blocks):
            found = self._kept(number)
            if found is None:
                if gained and time.monotonic() - started > most_s:
                    after = date.fromisoformat(reached) + timedelta(days=1)
                    since = min(max(after, first), last)
                    whole = {cell: count for cell, count in total.items() if cell.day >= since.isoformat()}
                    return Counted(whole, since, high - low)
                found = self._read(reader, number, size)
                gained += (number + 1) * BLOCK <= size  # the last one still grows, and isn't kept
            total.update({cell: count for cell, count in found.items() if days[0] <= cell.day <= days[1]})
            reached = min([reached, *(cell.day for cell in found)])
        return Counted(total, None, high - low)

    def _kept(self, number: int) -> Mapping[Cell, int] | None:
        with self._lock:
            found = self._blocks.get(number)
            if found is not None:
                self._blocks.move_to_end(number)
            return found

    def _read(self, reader: Reader, number: int, size: int) -> Mapping[Cell, int]:
        entries = rows.tables().entries.c
        query = rows.sa().select(entries.leaf)
        query = query.where(entries.idx >= number * BLOCK, entries.idx < (number + 1) * BLOCK)
        counted: Counter[Cell] = Counter()
        day = _days()
        with reader.storage.reading() as connection:
            for (leaf,) in connection.execute(query).yield_per(500):
                cell = _cell(bytes_of(leaf), day)
                if cell is not None:
                    counted[cell] += 1
        if (number + 1) * BLOCK <= size:
            self._keep(number, counted)
        return counted

    def _keep(self, number: int, counted: Mapping[Cell, int]) -> None:
        with self._lock:
            if number not in self._blocks and len(counted) <= self._most:
                self._blocks[number] = dict(counted)
                self._cells += len(counted)
            while self._cells > self._most:
                _, gone = self._blocks.popitem(last=False)
                self._cells -= len(gone)


def _days() -> Callable[[str], str]:
    """From the time of an entry to its day where the service stands; every zone keeps quarters of an hour."""
    known: dict[str, str] = {}

    def day(stamped: str) -> str:
        minute = stamped[:16]
        if minute not in known:
            known[minute] = datetime.fromisoformat(f"{minute}:00+00:00").astimezone().date().isoformat()
        return known[minute]

    return day


def _cell(leaf: bytes, day: Callable[[str], str]) -> Cell | None:
    """Where an entry counts; None where it doesn't, or can't be read."""
    try:
        data = json.loads(leaf)
        kind, purpose, key = data["kind"], data["purpose"] or "", data["key"] or ""
        if kind == REFUSED:
            kind = STOPPED if data["decision"] == STOPPED else REFUSED
        elif kind not in KINDS:
            return None
        return Cell(day(data["time"]), str(purpose), str(key), kind)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


# Charts


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of days, and how it is cut.

    Attributes:
        name: What it is called in an address.
        units: How many parts.
        days: Days of one part.
    """

    name: str
    units: int
    days: int

    def parts(self, last: date) -> list[tuple[date, date]]:
        """First and last day of each part, the earliest first."""
        found = []
        for back in reversed(range(self.units)):
            end = last - timedelta(days=back * self.days)
            found.append((end - timedelta(days=self.days - 1), end))
        return found


PERIODS: Mapping[str, Period] = {
    each.name: each
    for each in (Period("7d", 7, 1), Period("30d", 30, 1), Period("13w", 13, 7), Period("52w", 52, 7))
}

WIDTH, HEIGHT = 600, 96
"""Of a chart's bars, in units of its own."""
GAP = 0.25
"""Share of a part's width that is left free."""


@dataclass(frozen=True, slots=True)
class Bars:
    """The uses of one purpose, or under one key.

    Attributes:
        name: Which one; empty for those uses that name none.
        rest: How many purposes or keys have no chart of their own and are in this one; 0 in all others.
        numbers: One for each part of the period.
        path: The bars, as the outline of an SVG path.
    """

    name: str
    rest: int
    numbers: tuple[int, ...]
    path: str

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.numbers)


def charts(counts: Mapping[Cell, int], parts: Sequence[tuple[date, date]], by: str) -> tuple[list[Bars], int]:
    """One chart for each purpose or key, the one that was used most first, and the height that all have.

    Args:
        counts: How many by cell.
        parts: First and last day of each part.
        by: ``"purpose"`` or ``"key"``.
    """
    place = {
        day.isoformat(): number for number, (first, last) in enumerate(parts) for day in _each(first, last)
    }
    series: dict[str, list[int]] = {}
    for cell, count in counts.items():
        if cell.what in KINDS and cell.day in place:
            name = cell.purpose if by == "purpose" else cell.key
            series.setdefault(name, [0] * len(parts))[place[cell.day]] += count
    ranked = sorted(series.items(), key=lambda item: (-sum(item[1]), item[0]))
    own, others = ranked[:MOST_GROUPS], ranked[MOST_GROUPS:]
    named = [(name, 0, numbers) for name, numbers in own]
    if others:
        named.append(("", len(others), [sum(column) for column in zip(*(n for _, n in others), strict=True)]))
    most = max((max(numbers) for _, _, numbers in named), default=0)
    drawn = [Bars(name, rest, tuple(numbers), _path(numbers, most)) for name, rest, numbers in named]
    return drawn, most


def _path(numbers: Sequence[int], most: int) -> str:
    step = WIDTH / max(1, len(numbers))
    bars = (
        f"M{number * step + step * GAP / 2:.1f} {HEIGHT}v-{max(1.5, HEIGHT * value / most):.1f}"
        f"h{step * (1 - GAP):.1f}V{HEIGHT}z"
        for number, value in enumerate(numbers)
        if value
    )
    return "".join(bars)


def _each(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
