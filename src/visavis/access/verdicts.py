"""Answers that were kept for a while, so that whoever asked can ask again.

An answer may hold what was read on a document. So it lies there as everything of `sealed` does: encrypted,
gone when its time is over, and within reach of an erasure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.access.sealed import Sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from visavis.ledger.log import Ledger

TABLE = "access_verdicts"


class Verdicts(Sealed[str]):
    """The answers in a ledger's database; safe for several threads and processes at once."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime] | None = None) -> None:
        """Take a ledger that is open.

        Args:
            ledger: Its database keeps the answers, its key encrypts them.
            clock: What time it is.
        """
        super().__init__(ledger, clock, table=TABLE, what="an answer")

    def keep(self, id_: str, body: bytes, *, purpose: str, subject: str | None, keep_for: timedelta) -> None:
        """Keep an answer, as `put` does."""
        self.put(id_, body, purpose=purpose, subject=subject, keep_for=keep_for)

    def get(self, id_: str, *, purpose: str) -> bytes | None:
        """An answer as `find` finds it."""
        kept = self.find(id_, purpose=purpose)
        return None if kept is None else kept.body
