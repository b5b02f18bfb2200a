"""The porch: where those wait who have shown nothing yet, so that they never take up the whole service.

To look at a password takes time on purpose, and an OpenID provider may be slow. Both happen in the threads
in which all else waits for the database; strangers get a few of these, and whoever comes while too many
wait already is sent away.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from visavis.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_ONCE, WAITING = 3, 60
"""Threads that one porch holds at most, and how many may wait for them: a few seconds, at passwords."""
RETRY_S = 5


class Porch:
    """Lets a few in at a time; for one event loop."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        """Say how many.

        Args:
            at_once: How many are let in at the same time.
            waiting: How many wait for that at most.
        """
        self._places = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._there = 0

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place, as soon as there is one.

        Raises:
            AccessError: `access.busy`: too many wait already.
        """
        if self._there >= self._most:
            raise AccessError("access.busy", "too many sign in at the same time", retry_after_s=RETRY_S)
        self._there += 1
        try:
            async with self._places:
                yield
        finally:
            self._there -= 1
