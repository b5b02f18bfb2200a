"""Who may see pictures that are kept: a session that said what for, of one entry, and for minutes."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OPEN_S = 5 * 60.0
MOST = 1000
"""Entries that are open at a time, for all sessions together; the longest open one gives way."""


class Opened:
    """What is open to whom; in memory, and gone with the session."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing.

        Args:
            clock: Seconds, since whenever.
        """
        self._clock = clock
        self._open: OrderedDict[tuple[bytes, int], tuple[str, float]] = OrderedDict()

    def open(self, session: bytes, index: int, purpose: str) -> None:
        """Let a session see the pictures of an entry from now on, for some minutes.

        Args:
            session: As `session_of` makes it.
            index: Of the entry.
            purpose: What they were kept for.
        """
        self._open[session, index] = (purpose, self._clock() + OPEN_S)
        self._open.move_to_end((session, index))
        while len(self._open) > MOST:
            self._open.popitem(last=False)

    def purpose(self, session: bytes, index: int) -> str | None:
        """For what a session may see the pictures of an entry; None where it may not, or not any more."""
        purpose, until = self._open.get((session, index), ("", 0.0))
        return purpose if self._clock() < until else None

    def sign_out(self, session: bytes) -> None:
        """Close all that is open to a session."""
        for found in [each for each in self._open if each[0] == session]:
            del self._open[found]
