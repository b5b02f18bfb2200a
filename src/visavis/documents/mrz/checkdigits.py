"""Check digits (ICAO Doc 9303-3, 4.9): values weighted 7, 3, 1, 7, 3, 1 ..., summed modulo 10."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from visavis.documents.mrz.layout import ALPHABET, DIGITS, FILLER, LETTERS

if TYPE_CHECKING:
    from visavis.documents.mrz.layout import Check, Form

WEIGHTS = (7, 3, 1)
VALUES = {character: value for value, character in enumerate(DIGITS + LETTERS)} | {FILLER: 0}
"""Of each character: digits as they are, A to Z as 10 to 35, fillers 0."""


def check_digit(text: str) -> str:
    """The check digit of some characters.

    Args:
        text: Characters of the zone's alphabet.

    Raises:
        ValueError: Another character is among them.
    """
    if wrong := set(text) - set(ALPHABET):
        raise ValueError(f"{min(wrong)!r} has no place in a machine-readable zone")
    return str(sum(VALUES[c] * WEIGHTS[i % 3] for i, c in enumerate(text)) % 10)


def checks_of(form: Form, lines: tuple[str, ...]) -> tuple[Check, ...]:
    """The check digits of a zone, wherever they stand on it.

    A document number of more than nine characters has a filler for its check digit; its rest and the digit
    stand at the beginning of the optional data, up to the next filler (Doc 9303-5, 4.2.2, note j).
    """
    return tuple(_overflowing(form, lines, check) or check for check in form.checks)


def is_right(check: Check, lines: tuple[str, ...]) -> bool:
    """Whether a check digit is right; a filler is right where the field that it covers is empty."""
    covered = "".join(lines[line][column] for line, column in check.cells)
    given = lines[check.digit[0]][check.digit[1]]
    if given == FILLER:
        return check.field is not None and not covered.strip(FILLER)
    return given == check_digit(covered)


def _overflowing(form: Form, lines: tuple[str, ...], check: Check) -> Check | None:
    """Where the check digit of a long document number stands, or None where the number isn't long."""
    span = form.span(form.overflow or "")
    if check.field != "document_number" or span is None:
        return None
    line, column = check.digit
    number = "".join(lines[line][column] for line, column in check.cells)
    rest = span.of(lines).partition(FILLER)[0]
    if lines[line][column] != FILLER or FILLER in number or len(rest) < 2:
        return None
    return replace(check, cells=check.cells + span.cells[: len(rest) - 1], digit=span.cells[len(rest) - 1])
