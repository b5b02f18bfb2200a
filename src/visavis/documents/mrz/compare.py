"""Two documents, or the two sides of one, field by field and by what the fields mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.documents.mrz import countries, dates
from visavis.documents.mrz.layout import DIGITS, LETTERS
from visavis.documents.mrz.mrz import UNSPECIFIED, Mrz
from visavis.documents.mrz.names import Likeness, same_name

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("surname", "given_names")
FIELDS = (
    "document_code",
    "issuing_state",
    *NAMES,
    "document_number",
    "nationality",
    "date_of_birth",
    "sex",
    "date_of_expiry",
    "personal_number",
)
"""What is compared, in this order."""


@dataclass(frozen=True, slots=True)
class Row:
    """One field of both.

    Attributes:
        field: Its name.
        first: What the first one says, or None where it doesn't have the field.
        second: What the second one says, likewise.
        outcome: ``"same"``, ``"differs"`` or ``"not_comparable"``.
        why: One sentence.
    """

    field: str
    first: str | None
    second: str | None
    outcome: Likeness
    why: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "field": self.field,
            "first": self.first,
            "second": self.second,
            "outcome": self.outcome,
            "why": self.why,
        }


def compare(first: Mrz | Mapping[str, str], second: Mrz | Mapping[str, str]) -> tuple[Row, ...]:
    """All fields that at least one of two has, compared by their meaning.

    Args:
        first: A zone, or values by the names that `Mrz.fields` has: what a page or a chip says, with dates as
            ``YYYY-MM-DD``, codes of states, and names in any script that `names` knows.
        second: The other one.
    """
    a, b = _said(first), _said(second)
    cut = _cut(first), _cut(second)
    return tuple(
        Row(field, a.get(field), b.get(field), *_compare(field, a.get(field), b.get(field), cut))
        for field in FIELDS
        if field in a or field in b
    )


def _said(document: Mrz | Mapping[str, str]) -> dict[str, str]:
    if isinstance(document, Mrz):
        # A field of the zone that is no date still says something: its characters.
        return {name: field.value or field.raw.strip("<") for name, field in document.fields.items()}
    return dict(document)


def _cut(document: Mrz | Mapping[str, str]) -> bool:
    return isinstance(document, Mrz) and document.names_truncated


def _compare(field: str, a: str | None, b: str | None, cut: tuple[bool, bool]) -> tuple[Likeness, str]:
    if not a or not b:
        both = not a and not b
        return (
            "not_comparable",
            "neither has it" if both else f"the {'first' if a else 'second'} has it alone",
        )
    if field in NAMES:
        return _names(a, b, cut)
    if field.startswith("date_of"):
        return _dates(a, b)
    if field in ("nationality", "issuing_state"):
        return _states(a, b)
    if field == "sex" and UNSPECIFIED in (a, b) and a != b:
        return "not_comparable", "one of them doesn't say"
    if _plain(a) == _plain(b):
        return "same", "the same characters"
    return "differs", "other characters"


def _names(a: str, b: str, cut: tuple[bool, bool]) -> tuple[Likeness, str]:
    whole = same_name(a, b)
    if whole != "differs":
        why = "the same name" if whole == "same" else "one name by some ways of writing letters, or two"
        return whole, why
    if not any(cut):
        return "differs", "no way of writing letters makes them one name"
    if same_name(a, b, cut=cut) == "same":
        return "same", "as far as it goes: the name was cut to fit the zone"
    return "differs", "not even the beginnings of the words agree"


def _dates(a: str, b: str) -> tuple[Likeness, str]:
    if not dates.is_date(a) or not dates.is_date(b):
        return "not_comparable", "one of them is no date"
    same = dates.same_date(a, b)
    if same is None:
        return "not_comparable", "what is known of them agrees, and a part isn't known"
    return ("same", "the same day") if same else ("differs", "other days")


def _states(a: str, b: str) -> tuple[Likeness, str]:
    if countries.canonical(a) == countries.canonical(b):
        return "same", "the same code" if a == b else "two codes of one state"
    if a not in countries.CODES or b not in countries.CODES:
        return "not_comparable", "one of them is no code that the standard knows"
    return "differs", "other codes"


def _plain(text: str) -> str:
    """Capitals and digits: numbers are printed with blanks and hyphens that zones leave out."""
    return "".join(character for character in text.upper() if character in LETTERS + DIGITS)
