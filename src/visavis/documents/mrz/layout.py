"""The forms of the machine-readable zone, as data (ICAO Doc 9303 parts 4 to 7, and the old French card).

Lines and columns are counted from 0. What stands at a position is said by a kind: characters that belong
there, and characters that shouldn't be there but are seen on real documents. The latter cost something when a
picture is read, and never make a zone unreadable.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

FILLER = "<"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
ALPHABET = LETTERS + DIGITS + FILLER
"""All 37 characters, in the order in which the recogniser gives them."""

FormName = Literal["TD1", "TD2", "TD3", "MRVA", "MRVB", "FRA"]
Kind = Literal["lead", "code", "state", "name", "number", "date", "digit", "sex"]
Cell = tuple[int, int]

KINDS: dict[Kind, tuple[str, str]] = {
    "lead": (LETTERS, ""),
    "code": (LETTERS + FILLER, DIGITS),  # old cards of the United States have a digit in second place
    "state": (LETTERS + FILLER, DIGITS),
    "name": (LETTERS + FILLER, ""),
    "number": (ALPHABET, ""),
    "date": (DIGITS, FILLER),  # an unknown part is written as fillers
    "digit": (DIGITS, FILLER),
    "sex": ("FM" + FILLER, "X"),
}
"""Of each kind the characters that belong to it, and those that are merely seen."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a field stands.

    Attributes:
        name: Of the field.
        line: Number of the line.
        start: Its first column.
        length: Its characters.
        kind: What they may be.
    """

    name: str
    line: int
    start: int
    length: int
    kind: Kind

    @property
    def end(self) -> int:
        """The column behind its last one."""
        return self.start + self.length

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Line and column of each of its characters."""
        return tuple((self.line, column) for column in range(self.start, self.end))

    def of(self, lines: tuple[str, ...]) -> str:
        """Its characters."""
        return lines[self.line][self.start : self.end]


@dataclass(frozen=True, slots=True)
class Check:
    """A check digit.

    Attributes:
        field: The field that it covers, or None for the composite one, which covers several.
        cells: Line and column of each character that it covers, in the order in which they are weighted.
        digit: Line and column of the digit itself.
    """

    field: str | None
    cells: tuple[Cell, ...]
    digit: Cell


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the zone.

    Attributes:
        name: ``"TD1"``, ``"TD2"``, ``"TD3"``, ``"MRVA"``, ``"MRVB"`` or ``"FRA"``.
        count: How many lines it has.
        length: How many characters each of them has.
        spans: Its fields, without check digits.
        checks: Its check digits, the composite one last.
        leads: What the first line begins with; one of them.
        may_lead: Further letters that it is seen to begin with.
        overflow: The field that a document number continues in where it is longer than nine characters.
    """

    name: FormName
    count: int
    length: int
    spans: tuple[Span, ...]
    checks: tuple[Check, ...]
    leads: tuple[str, ...]
    may_lead: str = ""
    overflow: str | None = None

    def span(self, field: str) -> Span | None:
        """Where a field stands, or None where this form doesn't have it."""
        return next((span for span in self.spans if span.name == field), None)

    def fits(self, lines: tuple[str, ...]) -> bool:
        """Whether lines have this form: their number, their length and what they begin with."""
        return (
            len(lines) == self.count
            and all(len(line) == self.length for line in lines)
            and (lines[0].startswith(self.leads) or lines[0].startswith(tuple(self.may_lead)))
        )


def _spans(*spans: tuple[str, int, int, int, Kind]) -> tuple[Span, ...]:
    return tuple(Span(*span) for span in spans)


def _cells(*ranges: tuple[int, int, int]) -> tuple[Cell, ...]:
    return tuple((line, column) for line, start, end in ranges for column in range(start, end))


def _check(field: str | None, digit: Cell, *ranges: tuple[int, int, int]) -> Check:
    return Check(field, _cells(*ranges), digit)


def _second_line() -> tuple[tuple[Span, ...], tuple[Check, ...]]:
    """What the second lines of all forms of two lines begin with (parts 4, 6 and 7)."""
    spans = _spans(
        ("document_number", 1, 0, 9, "number"),
        ("nationality", 1, 10, 3, "state"),
        ("date_of_birth", 1, 13, 6, "date"),
        ("sex", 1, 20, 1, "sex"),
        ("date_of_expiry", 1, 21, 6, "date"),
    )
    checks = (
        _check("document_number", (1, 9), (1, 0, 9)),
        _check("date_of_birth", (1, 19), (1, 13, 19)),
        _check("date_of_expiry", (1, 27), (1, 21, 27)),
    )
    return spans, checks


def _first_line(length: int) -> tuple[Span, ...]:
    """The first lines of all forms of two lines."""
    return _spans(
        ("document_code", 0, 0, 2, "name"),
        ("issuing_state", 0, 2, 3, "state"),
        ("names", 0, 5, length - 5, "name"),
    )


_SECOND, _CHECKS = _second_line()
_NOT_A_VISA = LETTERS.replace("V", "")

TD1 = Form(
    name="TD1",  # part 5, 4.2
    count=3,
    length=30,
    spans=_spans(
        ("document_code", 0, 0, 2, "code"),
        ("issuing_state", 0, 2, 3, "state"),
        ("document_number", 0, 5, 9, "number"),
        ("optional_data", 0, 15, 15, "number"),
        ("date_of_birth", 1, 0, 6, "date"),
        ("sex", 1, 7, 1, "sex"),
        ("date_of_expiry", 1, 8, 6, "date"),
        ("nationality", 1, 15, 3, "state"),
        ("optional_data_2", 1, 18, 11, "number"),
        ("names", 2, 0, 30, "name"),
    ),
    checks=(
        _check("document_number", (0, 14), (0, 5, 14)),
        _check("date_of_birth", (1, 6), (1, 0, 6)),
        _check("date_of_expiry", (1, 14), (1, 8, 14)),
        _check(None, (1, 29), (0, 5, 30), (1, 0, 7), (1, 8, 15), (1, 18, 29)),
    ),
    leads=("A", "C", "I"),
    may_lead=_NOT_A_VISA,
    overflow="optional_data",
)
TD2 = Form(
    name="TD2",  # part 6, 4.2
    count=2,
    length=36,
    spans=(*_first_line(36), *_SECOND, Span("optional_data", 1, 28, 7, "number")),
    checks=(*_CHECKS, _check(None, (1, 35), (1, 0, 10), (1, 13, 20), (1, 21, 35))),
    leads=("A", "C", "I"),
    may_lead=_NOT_A_VISA,
    overflow="optional_data",
)
TD3 = Form(
    name="TD3",  # part 4, 4.2
    count=2,
    length=44,
    spans=(*_first_line(44), *_SECOND, Span("personal_number", 1, 28, 14, "number")),
    checks=(
        *_CHECKS,
        _check("personal_number", (1, 42), (1, 28, 42)),
        _check(None, (1, 43), (1, 0, 10), (1, 13, 20), (1, 21, 43)),
    ),
    leads=("P",),
    may_lead=_NOT_A_VISA,
)
MRVA = Form(
    name="MRVA",  # part 7, 4.2
    count=2,
    length=44,
    spans=(*_first_line(44), *_SECOND, Span("optional_data", 1, 28, 16, "number")),
    checks=_CHECKS,
    leads=("V",),
)
MRVB = Form(
    name="MRVB",  # part 7, 5.2
    count=2,
    length=36,
    spans=(*_first_line(36), *_SECOND, Span("optional_data", 1, 28, 8, "number")),
    checks=_CHECKS,
    leads=("V",),
)
FRA = Form(
    name="FRA",  # the card of 1988 to 2021, of no part of Doc 9303
    count=2,
    length=36,
    spans=_spans(
        ("document_code", 0, 0, 2, "name"),
        ("issuing_state", 0, 2, 3, "state"),
        ("surname", 0, 5, 25, "name"),
        ("optional_data", 0, 30, 6, "number"),
        ("document_number", 1, 0, 12, "number"),
        ("given_names", 1, 13, 14, "name"),
        ("date_of_birth", 1, 27, 6, "date"),
        ("sex", 1, 34, 1, "sex"),
    ),
    checks=(
        _check("document_number", (1, 12), (1, 0, 12)),
        _check("date_of_birth", (1, 33), (1, 27, 33)),
        _check(None, (1, 35), (0, 0, 36), (1, 0, 35)),
    ),
    leads=("IDFRA",),
)

FORMS: tuple[Form, ...] = (TD1, FRA, TD2, TD3, MRVA, MRVB)
"""All forms; the old French card before the form of two lines that it looks like."""


def form_named(name: str) -> Form | None:
    """The form of a name, written with a hyphen (``"MRV-A"``) or without."""
    return next((form for form in FORMS if form.name == name.replace("-", "")), None)


@cache
def kinds(form: Form) -> tuple[tuple[Kind, ...], ...]:
    """For each line the kind of each position, check digits too."""
    table: list[list[Kind]] = [["digit"] * form.length for _ in range(form.count)]
    for span in form.spans:
        for line, column in span.cells:
            table[line][column] = span.kind
    table[0][0] = "lead"
    return tuple(tuple(line) for line in table)
