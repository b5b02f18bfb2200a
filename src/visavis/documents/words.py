"""What was read of a document, in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visavis.decision.verdict import Reason
    from visavis.documents.document import Document
    from visavis.documents.mrz.layout import FormName

FORMS: dict[FormName, str] = {
    "TD1": "a card (TD1, three lines of 30)",
    "TD2": "a card or paper (TD2, two lines of 36)",
    "TD3": "a passport (TD3, two lines of 44)",
    "MRVA": "a visa (MRV-A, two lines of 44)",
    "MRVB": "a visa (MRV-B, two lines of 36)",
    "FRA": "a French card of 1988 to 2021 (two lines of 36)",
}

NOT_CHECKED = (
    "whether the printed page is genuine or was altered, and whether the document belongs to whoever shows it"
)


def zone(document: Document) -> str:
    """Which form it has, and whether its check digits are right."""
    mrz = document.mrz
    if mrz is None:
        return "none was found"
    if not mrz.valid:
        return f"of {FORMS[mrz.format]}, not valid"
    cut = ", and they may be cut to fit" if mrz.names_truncated else ""
    return (
        f"of {FORMS[mrz.format]}, valid: all check digits are right. They don't cover every field: "
        f"names have none{cut}"
    )


def field(name: str) -> str:
    """A field's name."""
    return name.replace("_", " ")


def checked(is_right: bool | None) -> str:
    """What the check digit of a field came to."""
    return "no check digit" if is_right is None else "right" if is_right else "wrong"


def against_chip(document: Document) -> str:
    """What is printed against what the chip says."""
    rows = document.printed_against_chip
    if not rows:
        return "nothing printed was read to compare it with"
    count = sum(row.outcome == "same" for row in rows)
    said = [f"{count} of {len(rows)} fields are the same as printed"]
    for outcome, what in (("differs", "different"), ("not_comparable", "not comparable")):
        names = [field(row.field) for row in rows if row.outcome == outcome]
        if names:
            said.append(f"{what}: {', '.join(names)}")
    return "; ".join(said)


def told(problem: Reason) -> str:
    """A problem as a sentence."""
    return sentence(problem.message)


def sentence(message: str) -> str:
    """A message with a capital and a full stop."""
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
