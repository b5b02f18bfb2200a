"""What a row of a table of pairs says: one claimed identity, or why it can't be understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.batch.locations import located
from visavis.errors import LedgerError
from visavis.ledger.entry import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDED = ("reference", "probe", "subject", "purpose")
KNOWN = (*NEEDED, "document")
"""Columns that a table is understood by; all others pass through."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claimed identity.

    Attributes:
        number: Of the row, from 1: the first one after the names of the columns.
        reference: Where the picture lies that the claim rests on; None where it rests on a document.
        document: Where the document's picture or PDF lies; None where it rests on a reference.
        probe: Where the picture of the person who makes it lies.
        subject: The operator's own reference of the person.
        purpose: What it is done for.
    """

    number: int
    reference: str | None
    document: str | None
    probe: str
    subject: str
    purpose: str

    @property
    def rests_on(self) -> str:
        """Where the reference or the document lies."""
        return self.reference or self.document or ""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that makes no claim.

    Attributes:
        number: As in `Claim`.
        code: ``"batch.row"``, or that of the error.
        message: What is wrong with it.
    """

    number: int
    code: str
    message: str


Row = Claim | Malformed


def read_row(number: int, cells: Mapping[str, str], *, base: str, purpose: str | None) -> Row:
    """What a row says.

    Args:
        number: Of the row.
        cells: Text by name of a known column; empty, or not there, where nothing is said.
        base: The folder of the table, that paths are relative to.
        purpose: That of rows that say none.
    """
    said = {name: cells.get(name, "").strip() for name in KNOWN}
    said["purpose"] = said["purpose"] or purpose or ""
    if bool(said["reference"]) == bool(said["document"]):
        found = "both" if said["document"] else "neither"
        return _malformed(number, f"a claim rests on a reference or on a document, found {found}")
    for name in ("probe", "subject", "purpose"):
        if not said[name]:
            return _malformed(number, f"{name} is empty")
    places = {}
    for name in ("reference", "document", "probe"):
        try:
            places[name] = located(said[name], base) if said[name] else None
        except ValueError as error:
            return _malformed(number, f"{name}: {error}")
    try:
        Event(kind="access", purpose=said["purpose"], subject=said["subject"])
    except LedgerError as error:
        return Malformed(number, error.code, str(error))
    probe = places["probe"]
    assert probe is not None  # noqa: S101  # it isn't empty
    return Claim(number, places["reference"], places["document"], probe, said["subject"], said["purpose"])


def _malformed(number: int, message: str) -> Malformed:
    return Malformed(number, "batch.row", message)
