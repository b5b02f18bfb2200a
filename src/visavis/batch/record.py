"""The ledger's entries of a batch: one for each row that came to something, and never two.

All entries of a part are appended in one transaction. Each names its batch and its row, so that a batch that
was killed before the part's file was there finds them again. It works the part out once more, compares what
comes out with what was recorded, and appends nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from visavis.errors import BatchError
from visavis.ledger import digests, rows
from visavis.ledger.entry import Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.batch.work import Answer
    from visavis.errors import AccessError
    from visavis.ledger.log import Ledger

PAGE = 1000
KINDS = ("verdict", "refusal")
ASKED = "batch"
"""What was asked for where all of a batch was refused, as the ledger calls it."""


class Record:
    """What a ledger holds of one batch."""

    def __init__(self, ledger: Ledger, batch: str) -> None:
        """Say which batch.

        Args:
            ledger: Open to be appended to.
            batch: Its id.
        """
        self._ledger = ledger
        self._batch = batch
        self._found: dict[int, tuple[int, dict[str, Any]]] = {}

    def find(self, after: int) -> None:
        """Look for entries of this batch that were appended after one, by its index."""
        columns = rows.tables().entries.c
        query = rows.sa().select(columns.idx, columns.leaf).where(columns.kind.in_(KINDS))
        query = query.order_by(columns.idx).limit(PAGE)
        while True:
            with self._ledger.storage.reading() as connection:
                page = connection.execute(query.where(columns.idx > after)).all()
            for row in page:
                if self._batch.encode() not in row.leaf:
                    continue
                entry = json.loads(row.leaf)
                details = entry["details"]
                if details.get("batch") == self._batch and details.get("asked") != ASKED:
                    self._found[details["row"]] = row.idx, entry
            if len(page) < PAGE:
                return
            after = page[-1].idx

    def is_recorded(self, answers: Sequence[Answer]) -> bool:
        """Whether entries of these rows were found: all are there, or none."""
        return any(answer.number in self._found for answer in answers)

    def recorded(self, answers: Sequence[Answer]) -> list[int]:
        """The indices of the entries of these rows, where they were found.

        Raises:
            BatchError: `batch.changed`: what was recorded of a row isn't what comes out now.
        """
        indices = []
        for answer in answers:
            index, entry = self._found.get(answer.number, (-1, {}))
            if not self._agrees(answer.event, index, entry):
                raise BatchError(
                    "batch.changed",
                    f"row {answer.number} comes out otherwise than it was recorded: its pictures changed",
                    found=answer.event.decision or ", ".join(answer.event.reasons),
                    expected=f"what entry {index} of the ledger says",
                )
            indices.append(index)
        return indices

    def append(self, answers: Sequence[Answer]) -> list[int]:
        """Record rows, all or none; gives the indices of their entries.

        Raises:
            StorageError: They couldn't be written.
            LedgerError: The ledger is damaged.
        """
        return [receipt.index for receipt in self._ledger.append_many([each.event for each in answers])]

    def append_stop(self, error: AccessError, purpose: str | None, window_hours: float) -> None:
        """Record that a batch was stopped, or not begun, because one face would meet too many others.

        Raises:
            StorageError: As `append`.
            LedgerError: As `append`.
        """
        row: int | None = getattr(error, "row", None)
        self._ledger.append(
            Event(
                kind="refusal",
                purpose=purpose,
                decision="stopped",
                reasons=(error.code,),
                details={
                    "asked": ASKED,
                    "batch": self._batch,
                    "row": row,
                    "found": str(error.found),
                    "expected": str(error.expected),
                    "window_hours": window_hours,
                },
            )
        )

    def _agrees(self, event: Event, index: int, entry: Mapping[str, Any]) -> bool:
        """Whether an entry says what an event does; of inputs, those whose salts weren't erased meanwhile."""
        if not entry:
            return False
        same = (event.decision, list(event.reasons), event.fmr, event.fmr_upper) == (
            entry["decision"],
            entry["reasons"],
            entry["fmr"],
            entry["fmr_upper"],
        ) and {*(event.inputs or {})} == {*entry["inputs"]}
        openings = self._ledger.openings(index) if same else {}
        for role, sha256 in (event.inputs or {}).items():
            if same and (opening := openings.get(role)) is not None:
                same = digests.digest(opening, sha256) == entry["inputs"][role]["digest"]
        return same
