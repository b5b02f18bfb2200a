"""What was done with a person's data under an operator's reference: a report of it in words, and erasure."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from visavis.access.keys import Keys
from visavis.access.pictures import Pictures
from visavis.access.verdicts import Verdicts
from visavis.ledger.entry import Entry, Event
from visavis.report.words import rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.access.keys import Key
    from visavis.ledger.entry import Scalar
    from visavis.ledger.log import Ledger, Receipt

WIDTH = 100
PICTURES = "pictures"

WHAT = {
    "verdict": "It was asked whether two pictures, or a picture and a document, show the same person.",
    "crosscheck": "It was asked whether two documents belong to the same person.",
    "document": "A document was read.",
    "quality": "The quality of a picture was measured.",
    "liveness": "It was checked whether a live person was before the camera.",
    "template": "A template was made of a face and handed out.",
    "conversion": "A record of a face was brought into another form.",
    "review": "A second person looked at what could not be decided.",
    "refusal": "Something was asked for and refused.",
    "access": "What is recorded about the person was looked at.",
    "rotation": "The key that signs the ledger was exchanged.",
    "erasure": "What could show whom earlier entries are about was destroyed.",
}
LOOKED_AT_PICTURES = "Pictures of the person that are kept were looked at."
CAME_TO = {
    "match": "Result: the same person",
    "no_match": "Result: not the same person",
    "inconclusive": "Result: nothing could be decided",
}


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a person's data.

    Attributes:
        index: Of its entry in the ledger.
        entry: The entry.
        legal_basis: On which ground, as the key that asked names it; None where no key asked.
    """

    index: int
    entry: Entry
    legal_basis: str | None

    @property
    def text(self) -> str:
        """In words, as one paragraph."""
        return " ".join(_sentences(self))

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        entry = self.entry
        return {
            "index": self.index,
            "time": entry.time,
            "kind": entry.kind,
            "purpose": entry.purpose,
            "legal_basis": self.legal_basis,
            "key": entry.key,
            "decision": entry.decision,
            "fmr": entry.fmr,
            "fmr_upper": entry.fmr_upper,
            "pack": entry.pack,
            "reasons": list(entry.reasons),
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What is recorded of a person.

    Attributes:
        reference: The operator's own.
        made_at: When the report was made.
        origin: Of the ledger.
        uses: Every use, the earliest first. This report is the last one.
        kept_until: Until when answers about the person are kept.
        pictures_until: Until when pictures of the person are kept, a time for each check.
    """

    reference: str
    made_at: datetime
    origin: str
    uses: tuple[Use, ...]
    kept_until: tuple[datetime, ...]
    pictures_until: tuple[datetime, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "subject": self.reference,
            "made_at": self.made_at.isoformat(),
            "ledger": self.origin,
            "uses": [use.to_dict() for use in self.uses],
            "kept_until": [moment.isoformat() for moment in self.kept_until],
            "pictures_kept_until": [moment.isoformat() for moment in self.pictures_until],
        }

    def lines(self) -> list[str]:
        """In words, in lines of at most 100 characters."""
        lines = [f"What is recorded under the reference {self.reference!r}"]
        made = f"Made {_day(self.made_at)} from the ledger {self.origin}."
        lines += ["", *textwrap.wrap(f"{made} The ledger holds no pictures, names or templates.", WIDTH)]
        if not self.uses:
            return [*lines, "", "Nothing is recorded, or what was recorded has been erased."]
        for use in self.uses:
            lines += ["", f"{_day(datetime.fromisoformat(use.entry.time))} (entry {use.index})"]
            lines += textwrap.wrap(use.text, WIDTH, initial_indent="  ", subsequent_indent="  ")
        lines += ["", *textwrap.wrap(f"{self._kept()} {self._pictures()}", WIDTH)]
        return lines

    def _kept(self) -> str:
        if not self.kept_until:
            return "No answers about the person are kept."
        count = len(self.kept_until)
        last = _day(self.kept_until[-1])
        if count == 1:
            return f"1 answer about the person is kept, until {last}."
        return f"{count} answers about the person are kept, the last until {last}."

    def _pictures(self) -> str:
        if not self.pictures_until:
            return "No pictures of the person are kept."
        count = len(self.pictures_until)
        last = _day(self.pictures_until[-1])
        if count == 1:
            return f"The pictures of 1 check are kept, encrypted, until {last}."
        return f"The pictures of {count} checks are kept, encrypted, the last until {last}."


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to.

    Attributes:
        verdicts: How many answers that were kept are deleted.
        pictures: Of how many checks pictures that were kept are deleted.
        receipt: Where the erasure is recorded; None where nothing was recorded of the person.
    """

    verdicts: int
    pictures: int
    receipt: Receipt | None

    @property
    def is_nothing(self) -> bool:
        """Whether there was nothing to erase."""
        return self.receipt is None and not self.verdicts and not self.pictures

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "verdicts": self.verdicts,
            "pictures": self.pictures,
            "ledger": None if self.receipt is None else self.receipt.to_dict(),
        }


class Subjects:
    """Reports and erasures from a ledger that is open; safe for several threads and processes at once."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime] | None = None) -> None:
        """Take a ledger that is open to be appended to.

        Args:
            ledger: What is reported and erased from.
            clock: What time it is.
        """
        self._ledger = ledger
        self._keys = Keys(ledger, clock)
        self._verdicts = Verdicts(ledger, clock)
        self._pictures = Pictures(ledger, clock)
        self._clock = clock or (lambda: datetime.now(UTC))

    def report(
        self, reference: str, *, purpose: str, key: str | None = None, only: str | None = None
    ) -> Report:
        """Every use of a person's data under a reference; that somebody looked is recorded first.

        Args:
            reference: The operator's own.
            purpose: What the report is made for.
            key: The id of the key that asks.
            only: Only what was done for this purpose.

        Raises:
            StorageError: The ledger can't be read or written.
            LedgerError: `ledger.entry`: the reference is no text that is recorded.
        """
        ledger = self._ledger
        digest = ledger.subject_digest(reference)
        # Of somebody who isn't on record no trace begins by being asked about.
        whose = None if digest is None else reference
        ledger.append(
            Event(
                kind="access",
                purpose=purpose,
                key=key,
                subject=whose,
                details={"what": "report", "found": digest is not None},
            )
        )
        uses: list[Use] = []
        if digest is not None:
            keys = {each.id: each for each in self._keys.all()}
            for index, leaf in ledger.leaves(subject=digest):
                entry = Entry.parse(leaf)
                if only is None or entry.purpose == only:
                    uses.append(Use(index, entry, _basis(keys, entry)))
        kept, pictures = (
            tuple(each.times_of(reference, purpose=only)) for each in (self._verdicts, self._pictures)
        )
        return Report(reference, self._clock(), ledger.state().origin, tuple(uses), kept, pictures)

    def erase(self, reference: str, *, purpose: str, key: str | None = None) -> Erased:
        """Delete what is kept about a person, and what shows which entries are about them.

        What the ledger has goes first: from then on nothing more is kept of the person, so that a check which
        ends just now leaves nothing behind. Where this is interrupted, a second call finds the rest.

        Args:
            reference: The operator's own.
            purpose: What it is done for.
            key: The id of the key that asks.

        Raises:
            StorageError: The ledger can't be read or written.
        """
        try:
            receipt = self._ledger.erase_subject(reference, purpose=purpose, key=key)
        finally:  # also where it is done, and somebody who reads keeps it in SQLite's log
            verdicts, pictures = self._verdicts.erase(reference), self._pictures.erase(reference)
        return Erased(verdicts, pictures, receipt)

    def erase_entries(self, first: int, last: int, *, purpose: str, key: str | None = None) -> Receipt:
        """Delete the pictures that are kept of some entries, and what shows which pictures they were about.

        Args:
            first: Index of the first one.
            last: Of the last one.
            purpose: What it is done for.
            key: The id of the key that asks.

        Raises:
            StorageError: The ledger can't be read or written.
            LedgerError: `ledger.index`: there are no such entries; nothing is deleted.
        """
        for index in (first, last):
            self._ledger.leaf(index)
        try:
            return self._ledger.erase_entries(first, last, purpose=purpose, key=key)
        finally:  # in the order that `erase` has, and for its reasons
            self._pictures.erase_entries(first, last)


def look_at_pictures(index: int, user: str) -> dict[str, Scalar]:
    """What an entry says, beside the rest, of somebody who looks at pictures that are kept.

    Args:
        index: Of the entry that they are kept under.
        user: Id of the user who looks.
    """
    return {"what": PICTURES, "entry": index, "user": user}


def is_look_at_pictures(entry: Entry) -> bool:
    """Whether an entry says that somebody looked at pictures that are kept."""
    return entry.kind == "access" and entry.details.get("what") == PICTURES


def _basis(keys: Mapping[str, Key], entry: Entry) -> str | None:
    key = None if entry.key is None else keys.get(entry.key)
    return None if key is None else key.legal_basis


def _sentences(use: Use) -> list[str]:
    entry = use.entry
    said = [WHAT.get(entry.kind, f"Something was recorded, a {entry.kind}.")]
    if is_look_at_pictures(entry):
        said = [LOOKED_AT_PICTURES]
    if entry.decision is not None and entry.kind != "refusal":
        result = CAME_TO.get(entry.decision, f"Result: {entry.decision.replace('_', ' ')}")
        if entry.fmr is not None or entry.fmr_upper is not None:
            result += f"; false match rate at this similarity {rate(entry.fmr, entry.fmr_upper)}"
        if entry.policy is not None and isinstance(accepted := entry.policy.get("fmr"), float):
            result += f", accepted {rate(accepted, 1.0)}"
        said.append(f"{result}.")
    if entry.reasons:
        said.append(f"Reasons: {', '.join(code.replace('_', ' ') for code in entry.reasons)}.")
    if entry.pack is not None:
        said.append(f"Engine: {entry.pack}.")
    if entry.purpose is not None:
        said.append(f"Purpose: {entry.purpose}.")
    if use.legal_basis is not None:
        said.append(f"Legal basis: {use.legal_basis}.")
    said.append("Asked by the operator." if entry.key is None else f"Asked with the key {entry.key}.")
    return said


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
