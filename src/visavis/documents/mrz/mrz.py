"""A machine-readable zone as a result: its lines, its fields, and how sure each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from visavis.documents.mrz import dates, names
from visavis.documents.mrz.checkdigits import check_digit, checks_of, is_right
from visavis.documents.mrz.countries import CODES
from visavis.documents.mrz.layout import (
    ALPHABET,
    FILLER,
    FORMS,
    KINDS,
    Form,
    FormName,
    form_named,
    kinds,
)
from visavis.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from visavis.documents.mrz.layout import Cell, Span

DOUBTED = 0.5
"""The most that a field is sure of where its check digit is wrong, and the factor of an unknown code."""

UNSPECIFIED = "X"  # what a page says where a zone has a filler for the sex (Doc 9303-4, 4.1.1.1)


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it stands in the zone.

    Attributes:
        value: What it says: words parted by spaces, dates as ``YYYY-MM-DD`` with X for what is unknown; empty
            where the field is, or where it can't be what it should be.
        raw: Its characters.
        confidence: How probable it is that the least sure of its characters was read as it is printed, 0
            to 1, check digits and known codes of states considered.
        checked: Whether the check digit that covers it is right, its own or else the composite one; None
            where the form has none for it, as for most names.
    """

    value: str
    raw: str
    confidence: float
    checked: bool | None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "value": self.value,
            "raw": self.raw,
            "confidence": self.confidence,
            "checked": self.checked,
        }


@dataclass(frozen=True, slots=True)
class Repair:
    """A character that was taken for another one than it looks most like.

    Attributes:
        line: Number of the line, from 0.
        column: Number of the character, from 0.
        seen: What it looks most like.
        taken: What it was taken for.
        why: ``"check digit"``, or ``"field"`` where the rules for names or the known codes speak for it.
    """

    line: int
    column: int
    seen: str
    taken: str
    why: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "line": self.line,
            "column": self.column,
            "seen": self.seen,
            "taken": self.taken,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Mrz:
    """A machine-readable zone.

    Attributes:
        format: ``"TD1"``, ``"TD2"``, ``"TD3"``, ``"MRVA"``, ``"MRVB"`` or ``"FRA"``.
        lines: Its lines, each as long as the form wants it.
        fields: By name, in the order in which they stand in the zone.
        valid: Whether every check digit is right and every character is one that may stand where it does. It
            doesn't say that names, which no check digit covers, were read right.
        confidence: That of the field that is least sure.
        repairs: What was changed on the way from the picture.
    """

    format: FormName
    lines: tuple[str, ...]
    fields: Mapping[str, Field]
    valid: bool
    confidence: float
    repairs: tuple[Repair, ...] = ()

    @property
    def names_truncated(self) -> bool:
        """Whether the name may have been cut to fit."""
        parts = [self.fields[part].raw for part in ("surname", "given_names")]
        return any(raw and not raw.endswith(FILLER) for raw in parts)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "format": self.format,
            "lines": list(self.lines),
            "valid": self.valid,
            "confidence": self.confidence,
            "names_truncated": self.names_truncated,
            "fields": {name: field.to_dict() for name, field in self.fields.items()},
            "repairs": [repair.to_dict() for repair in self.repairs],
        }


def parse(
    lines: Sequence[str],
    confidences: Sequence[Sequence[float]] | None = None,
    *,
    today: date | None = None,
    repairs: tuple[Repair, ...] = (),
) -> Mrz | None:
    """The zone that lines of text are.

    Args:
        lines: From the first to the last; spaces around them don't count.
        confidences: For each character how probable it is that it is right; all of them are where this is
            missing.
        today: The date by which centuries are told; that of the clock where it is missing.
        repairs: What was changed to come to these lines.

    Returns:
        None where they have no form of a zone: by their number, their length, their first letters, their
        alphabet.
    """
    zone = tuple(line.strip() for line in lines[: max(form.count for form in FORMS) + 1])
    if not all(line and set(line) <= set(ALPHABET) for line in zone):
        return None
    forms = [form for form in FORMS if form.fits(zone)]
    if not forms:
        return None
    form = max(forms, key=lambda form: _rightness(form, zone))  # the first of equals
    return read_as(form, zone, confidences, today=today, repairs=repairs)


def read_as(
    form: Form,
    lines: tuple[str, ...],
    confidences: Sequence[Sequence[float]] | None = None,
    *,
    today: date | None = None,
    repairs: tuple[Repair, ...] = (),
) -> Mrz:
    """A zone of a known form: as `parse`, but the lines must fit it."""
    today = today or datetime.now(UTC).date()
    checks = checks_of(form, lines)
    right = [is_right(check, lines) for check in checks]
    fields: dict[str, Field] = {}
    for span in form.spans:
        checked, cells = None, span.cells
        for check, is_it in zip(checks, right, strict=True):
            if check.field == span.name:
                checked, cells = is_it, check.cells
            elif checked is None and check.field is None and set(cells) <= set(check.cells):
                checked = is_it
        for name, value, part in _parts(form, span, cells, lines, today):
            sure = 1.0 if confidences is None else _sure(part, confidences)
            raw = _text(part, lines)
            fields[name] = Field(value, raw, _confidence(span, value, sure, checked), checked)
    allowed = all(
        character in "".join(KINDS[kind])
        for line, row in zip(lines, kinds(form), strict=True)
        for character, kind in zip(line, row, strict=True)
    )
    return Mrz(
        form.name,
        lines,
        fields,
        allowed and all(right),
        min(field.confidence for field in fields.values()),
        repairs,
    )


def compose(form: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """The lines of a zone, check digits and all.

    Args:
        form: Name of the form, ``"MRV-A"`` as well as ``"MRVA"``.
        fields: Values by the names that `Mrz.fields` has; what is missing stays empty. Names may be of any
            script that `names` knows, dates are written ``YYYY-MM-DD`` with X for what is unknown, the sex is
            ``"F"``, ``"M"`` or ``"X"``.

    Raises:
        DocumentError: `mrz.form` where there is no such form, `mrz.field` where a value can't stand in it.
    """
    found = form_named(form)
    if found is None:
        expected = f"one of {', '.join(form.name for form in FORMS)}"
        raise DocumentError("mrz.form", "no such form of a zone", found=repr(form), expected=expected)
    known = {
        name
        for span in found.spans
        for name in (("surname", "given_names") if span.name == "names" else (span.name,))
    }
    if unknown := fields.keys() - known:
        raise _refused(min(unknown), "a value", f"a field of {found.name}")
    table = [[FILLER] * found.length for _ in range(found.count)]
    overflow = ""
    for span in found.spans:
        if span.name == found.overflow and overflow:
            if fields.get(span.name):
                overflow += FILLER
            raw = _fill(span, overflow + fields.get(span.name, ""))
        elif (
            span.name == "document_number" and found.overflow and len(fields.get(span.name, "")) > span.length
        ):
            number = _fill(span, fields[span.name], length=len(fields[span.name]))
            raw, overflow = number[: span.length], number[span.length :] + check_digit(number)
        else:
            raw = _raw(span, fields)
        table[span.line][span.start : span.end] = raw
    for check in found.checks:
        covered = "".join(table[line][column] for line, column in check.cells)
        line, column = check.digit
        if not (check.field == "document_number" and overflow):
            empty = check.field == "personal_number" and not covered.strip(FILLER)
            table[line][column] = FILLER if empty else check_digit(covered)
    return tuple("".join(line) for line in table)


def _rightness(form: Form, lines: tuple[str, ...]) -> int:
    return sum(is_right(check, lines) for check in checks_of(form, lines))


def _sure(cells: Sequence[Cell], confidences: Sequence[Sequence[float]]) -> float:
    """How sure the least sure character is."""
    return min((confidences[line][column] for line, column in cells), default=1.0)


def _confidence(span: Span, value: str, sure: float, checked: bool | None) -> float:
    if checked is False:
        sure = min(sure, DOUBTED)
    if span.kind == "state" and value and value not in CODES:
        sure *= DOUBTED
    return sure


def _parts(
    form: Form, span: Span, cells: tuple[Cell, ...], lines: tuple[str, ...], today: date
) -> Iterator[tuple[str, str, tuple[Cell, ...]]]:
    """Name, value and characters of the fields that a span holds."""
    raw = _text(cells, lines)
    if span.name == "names":
        name = names.split(raw)
        start = len(raw) - len(raw.lstrip(FILLER))
        end = raw.find(2 * FILLER, start)
        end = len(raw) if end < 0 else end + 2
        yield "surname", name.surname, cells[:end]
        yield "given_names", name.given_names, cells[end:]
    elif span.kind == "name":
        yield span.name, " ".join(raw.replace(FILLER, " ").split()), cells
    elif span.name == "date_of_birth":
        yield span.name, dates.date_of_birth(raw, today) or "", cells
    elif span.name == "date_of_expiry":
        yield span.name, dates.date_of_expiry(raw, today) or "", cells
    elif span.name == "sex":
        yield span.name, UNSPECIFIED if raw == FILLER else raw, cells
    elif span.name == form.overflow:
        # What a long document number has taken of it isn't optional data.
        used = next(check.digit for check in checks_of(form, lines) if check.field == "document_number")
        rest = cells[cells.index(used) + 1 :] if used in cells else cells
        yield span.name, _text(rest, lines).strip(FILLER), rest
    else:
        yield span.name, raw.strip(FILLER), cells


def _text(cells: Sequence[Cell], lines: tuple[str, ...]) -> str:
    return "".join(lines[line][column] for line, column in cells)


def _raw(span: Span, fields: Mapping[str, str]) -> str:
    """The characters of a field."""
    if span.kind == "name":
        names_only = span.name == "names"
        surname = fields.get("surname" if names_only else span.name, "")
        given = fields.get("given_names", "") if names_only else ""
        if not surname and not given:
            return FILLER * span.length
        field = names.join(surname, given, span.length)
        if field is None:
            raise _refused(
                span.name, repr((surname + ", " + given)[:60]), "letters that can be transliterated"
            )
        return field
    value = fields.get(span.name, "")
    if span.kind == "date":
        raw = dates.raw_of(value) if value else FILLER * span.length
        if raw is None:
            raise _refused(span.name, repr(value[:20]), "a date as YYYY-MM-DD")
        return raw
    if span.kind == "sex" and value == UNSPECIFIED:
        return FILLER
    return _fill(span, value)


def _fill(span: Span, value: str, length: int | None = None) -> str:
    length = span.length if length is None else length
    usual = KINDS[span.kind][0]
    if len(value) > length or not set(value) <= set(usual):
        raise _refused(span.name, repr(value[:60]), f"at most {length} characters of {usual}")
    return value.ljust(length, FILLER)


def _refused(field: str, found: str, expected: str) -> DocumentError:
    return DocumentError("mrz.field", f"the field {field} can't hold this", found=found, expected=expected)
