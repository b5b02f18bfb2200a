"""Crosschecks of the desk: in memory only, bounded in number, in bytes and in time, like its checks.

One belongs to the session in which it was asked for. Its pictures are gone a while after it was decided, at
once when it is ended or its session signed out, and with the process in any case.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from visavis.service.pages.checks import IDLE_S, LEAN_BYTES, RESULT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.documents.crosscheck import Crosscheck
    from visavis.service.intake import Memory

MOST, MOST_OF_ONE = 200, 4
"""Crosschecks of all users, and of one session."""
ID = re.compile(r"[A-Za-z0-9_-]{24}")


@dataclass(slots=True, eq=False)
class Pair:
    """Two documents against each other; changed by `Pairs`, and by whoever holds its `lock`.

    Attributes:
        id: Which nobody can guess; the form brings it, so that what is sent twice is done once.
        user: Id of the user.
        session: What `session_of` makes of the session.
        key: Id of the purpose.
        purpose: What it is called.
        subject: The operator's own reference of the person, or None.
        found: What it came to, with its place in the ledger; None before.
        answer: The same as the API answers it, with the statement.
        pictures: JPEGs to be shown, by name: ``"first-portrait"``, ``"second-page-1"`` and so on.
        lock: Held while it is worked on.
    """

    id: str
    user: str
    session: bytes
    key: str = ""
    purpose: str = ""
    subject: str | None = None
    found: Crosscheck | None = None
    answer: Mapping[str, Any] | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: int = 0
    touched: float = 0.0
    decided: float = 0.0

    def __repr__(self) -> str:
        return f"<Pair {'under way' if self.found is None else 'decided'}>"


class Pairs:
    """All of them; safe for several threads at once."""

    def __init__(self, memory: Memory, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            memory: Where what they hold is counted.
            clock: Seconds, since whenever.
        """
        self._memory = memory
        self._clock = clock
        self._all: dict[str, Pair] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._all)

    def begin(self, id_: str, *, user: str, session: bytes) -> Pair | None:
        """The one of an id that `new_id` made, begun where it isn't there; None where it can't be.

        Args:
            id_: As the form brings it.
            user: Id of the user.
            session: As `session_of` makes it.
        """
        with self._lock:
            if (found := self.find(id_, user=user, session=session)) is not None:
                return found
            mine = sorted(
                (each for each in self._all.values() if each.session == session and each.user == user),
                key=lambda each: each.touched,
            )
            over = [each for each in mine if each.found is not None]
            if (len(mine) >= MOST_OF_ONE or len(self._all) >= MOST) and over:
                self.end(over[0])
                mine.remove(over[0])
            full = len(mine) >= MOST_OF_ONE or len(self._all) >= MOST
            if full or not ID.fullmatch(id_) or id_ in self._all:
                return None
            self._all[id_] = pair = Pair(id_, user, session, touched=self._clock())
            return pair

    def find(self, id_: str, *, user: str, session: bytes) -> Pair | None:
        """One of a session's own; None where there is none such, or not any more."""
        with self._lock:
            self.expire()
            pair = self._all.get(id_)
            if pair is None or pair.user != user or pair.session != session:
                return None
            pair.touched = self._clock()
            return pair

    def decide(
        self, pair: Pair, found: Crosscheck, answer: Mapping[str, Any], pictures: Mapping[str, bytes]
    ) -> None:
        """Note what it came to; where there is no room for its pictures, it stands without them."""
        from visavis.service.problems import Problem

        with self._lock:
            pair.found, pair.answer = found, answer
            pair.decided = pair.touched = self._clock()
            if pair.id not in self._all:  # ended meanwhile
                return
            size = sum(map(len, pictures.values())) + LEAN_BYTES
            try:
                self._memory.take(size)
            except Problem:
                return
            pair.held, pair.pictures = size, dict(pictures)

    def end(self, pair: Pair) -> None:
        """Let go of one and all that it holds; nothing where that was done."""
        with self._lock:
            if self._all.get(pair.id) is pair:
                self._empty(pair)
                del self._all[pair.id]

    def sign_out(self, session: bytes) -> None:
        """End all of a session."""
        with self._lock:
            for pair in [each for each in self._all.values() if each.session == session]:
                self.end(pair)

    def expire(self) -> int:
        """End what is past its time, and let go of pictures that are; says how many ended."""
        ended = 0
        with self._lock:
            now = self._clock()
            for pair in list(self._all.values()):
                if pair.lock.locked():
                    continue
                if now - pair.touched > IDLE_S:
                    self.end(pair)
                    ended += 1
                elif pair.found is not None and now - pair.decided > RESULT_S:
                    self._empty(pair)
        return ended

    def _empty(self, pair: Pair) -> None:
        self._memory.give_back(pair.held)
        pair.held, pair.pictures = 0, {}


def new_id() -> str:
    """An id for a form."""
    return secrets.token_urlsafe(18)
