"""What is under way at the desk: in memory only, bounded in number, in bytes and in time.

It belongs to whoever began it, and to the session in which they did; nobody else finds it, but for a second
person to whom it was given. What was sent and what is shown of it are counted as what requests hold is.
Pictures are gone a while after the answer, at once when it is ended or its session signed out, and with the
process in any case: nothing of them is on disk but what `keeping` keeps where that is asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from visavis.service.pages.keeping import NOT_KEPT, Keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from visavis.service.intake import Memory

Stage = Literal["open", "reference", "face"]
"""How far something is before there is an answer: a check needs what the claim rests on, then the face."""
State = Stage | Literal["decided", "waiting", "reviewed"]

IDLE_S = 30 * 60.0
"""How long something stays that nobody touches."""
RESULT_S = 10 * 60.0
"""How long after the answer its pictures stay, as long as nobody asks a second person."""
WAITING_S = 24 * 3600.0
"""How long it waits for a second person, and how long afterwards it can be read what they said."""
MOST_WAITING = 100
"""Of one kind, how many wait for a second person."""
LEAN_BYTES = 2**18
"""What something holds beside its pictures, at most about: templates, the face's cut-outs, what was read."""


@dataclass(slots=True)
class Review:
    """What a second person is asked, and what they said.

    Attributes:
        why: Why they are asked, in the words of whoever asks.
        asked_at: When.
        decision: What they decided, ``"match"``, ``"no_match"`` or ``"inconclusive"``; None before they did.
        note: Why, in their words.
        by: Id of the user who decided.
        decided_at: When.
        index: Of the ledger's entry that says so.
    """

    why: str
    asked_at: datetime
    decision: str | None = None
    note: str = ""
    by: str | None = None
    decided_at: datetime | None = None
    index: int | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Held:
    """Something under way; changed by its `Store` and by whoever holds its `lock`.

    Attributes:
        id: Which nobody can guess.
        user: Id of the user who began it.
        session: What `session_of` makes of the session in which they did.
        key: Id of the purpose, as `Users.grant` takes it.
        purpose: What it is called.
        subject: The operator's own reference of the person, or None.
        step: Rises with everything that is done; a form says for which it was made.
        answer: What it came to as the API answers it, with the statement; None before.
        review: What a second person is asked.
        keeping: Whether pictures of it are kept beyond it; see `keeping`.
        pictures: JPEGs to be shown, by name.
        lock: Held while something is done with it, so that nothing is done twice.
    """

    id: str
    user: str
    session: bytes
    key: str = ""
    purpose: str = ""
    subject: str | None = None
    step: int = 0
    answer: Mapping[str, Any] | None = None
    review: Review | None = None
    keeping: Keeping = NOT_KEPT
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: int = 0
    touched: float = 0.0
    decided: float = 0.0

    @property
    def state(self) -> State:
        """How far it is."""
        if self.review is not None:
            return "waiting" if self.review.decision is None else "reviewed"
        return self.stage if self.answer is None else "decided"

    @property
    def stage(self) -> Stage:
        """How far it is before there is an answer."""
        return "open"

    def forget(self) -> None:
        """Let go of what could still be compared; its pictures are its store's."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state}, step {self.step}>"


One = TypeVar("One", bound=Held)


class Store(Generic[One]):
    """All of one kind; safe for several threads at once.

    Attributes:
        most: How many of all users there may be.
        most_of_one: How many of one session.
    """

    most: ClassVar[int]
    most_of_one: ClassVar[int]

    def __init__(self, memory: Memory, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            memory: Where what they hold is counted.
            clock: Seconds, since whenever.
        """
        self._memory = memory
        self._clock = clock
        self._all: dict[str, One] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._all)

    # Whoever began it

    def find(self, id_: str, *, user: str, session: bytes) -> One | None:
        """One of a session's own; None where there is none such, or not any more."""
        with self._lock:
            self.expire()
            one = self._all.get(id_)
            if one is None or one.user != user or one.session != session:
                return None
            one.touched = self._clock()
            return one

    def mine(self, *, user: str, session: bytes) -> list[One]:
        """All of a session's own that don't wait for a second person, the newest first."""
        with self._lock:
            found = [each for each in self._all.values() if each.user == user and each.session == session]
            return [each for each in reversed(found) if each.state != "waiting"]

    def end(self, one: One) -> None:
        """Let go of one and all that it holds; nothing where that was done."""
        with self._lock:
            if self._all.get(one.id) is one:
                self._hold(one, {})
                del self._all[one.id]
            one.forget()

    def sign_out(self, session: bytes) -> None:
        """End all of a session but those that a second person was asked about."""
        self._leave(lambda one: one.session == session)

    def sign_out_everywhere(self, user: str) -> None:
        """The same of all sessions of a user."""
        self._leave(lambda one: one.user == user)

    def erase(self, subject: str) -> int:
        """End all that is about a person, also what waits for a second one; returns how many ended."""
        with self._lock:
            theirs = [each for each in self._all.values() if each.subject == subject]
            for one in theirs:
                self.end(one)
            return len(theirs)

    def _leave(self, is_left: Callable[[One], bool]) -> None:
        with self._lock:
            for one in [each for each in self._all.values() if is_left(each)]:
                if one.review is None:
                    self.end(one)
                elif one.state == "reviewed":
                    self._empty(one)

    # Whoever asks a second person

    def ask(self, one: One, why: str) -> bool:
        """Give one to a second person; False where too many wait.

        Args:
            one: It has an answer and no review.
            why: Why they are asked.
        """
        with self._lock:
            if len(self.waiting()) >= MOST_WAITING:
                return False
            one.review = Review(why, datetime.now(UTC))
            one.step += 1
            one.touched = self._clock()
            return True

    def asked(self, user: str) -> list[One]:
        """What somebody asked a second person about, in whichever session, the newest first."""
        with self._lock:
            self.expire()
            found = [each for each in self._all.values() if each.user == user and each.review is not None]
            return sorted(found, key=lambda each: each.decided, reverse=True)

    def resume(self, id_: str, *, user: str, session: bytes) -> One | None:
        """One of these, for the session in which its answer is read; None where there is none such."""
        with self._lock:
            one = next((each for each in self.asked(user) if each.id == id_), None)
            if one is not None:
                one.session = session
            return one

    # A second person

    def waiting(self) -> list[One]:
        """Those that wait for a second person, the oldest first."""
        with self._lock:
            self.expire()
            return [each for each in self._all.values() if each.state == "waiting"]

    def waiting_for(self, id_: str, *, user: str, purposes: Collection[str]) -> One | None:
        """One that waits for a second person; None where there is none such.

        Args:
            id_: Its id.
            user: Who the second person is; never the first.
            purposes: What they were given, by its names: they see nothing of other purposes.
        """
        with self._lock:
            self.expire()
            one = self._all.get(id_)
            if one is None or one.state != "waiting" or one.user == user or one.purpose not in purposes:
                return None
            one.touched = self._clock()
            return one

    def reviewed(self, one: One) -> None:
        """Note that its `review` says what a second person decided."""
        with self._lock:
            one.step += 1
            one.decided = one.touched = self._clock()

    # Time

    def expire(self) -> int:
        """End what is past its time, and let go of pictures that are; says how many ended."""
        ended = 0
        with self._lock:
            now = self._clock()
            for one in list(self._all.values()):
                if one.lock.locked():  # something is under way; it says itself what comes of it
                    continue
                since, most = (one.touched, IDLE_S)
                if one.review is not None:  # however often somebody looks at it
                    since, most = (one.decided, WAITING_S)
                if now - since > most:
                    self.end(one)
                    ended += 1
                elif one.state in ("decided", "reviewed") and now - one.decided > RESULT_S:
                    self._empty(one)
        return ended

    # What the kinds do the same way

    def _has_room(self, *, user: str, session: bytes) -> bool:
        """Whether there may be one more of a session; of its own the oldest that is over makes room."""
        mine = self.mine(user=user, session=session)
        over = sorted((each for each in mine if each.answer is not None), key=lambda each: each.touched)
        if (len(mine) >= self.most_of_one or len(self._all) >= self.most) and over:
            self.end(over[0])
            mine.remove(over[0])
        return len(mine) < self.most_of_one and len(self._all) < self.most

    def _hold(self, one: One, pictures: Mapping[str, bytes], given: Iterable[bytes] = ()) -> bool:
        """Let one hold these pictures in the place of those that it holds; False where it has ended.

        Args:
            one: The one.
            pictures: What is shown of it.
            given: What else it holds.

        Raises:
            Problem: 429 `service.memory`: there is no room; nothing changed.
        """
        sizes = [len(each) for each in (*pictures.values(), *given)]
        size = sum(sizes) + LEAN_BYTES if sizes else 0
        if one.id not in self._all:
            return False
        if size > one.held:
            self._memory.take(size - one.held)
        else:
            self._memory.give_back(one.held - size)
        one.held, one.pictures = size, dict(pictures)
        return True

    def _empty(self, one: One) -> None:
        """Let go of the pictures of one, and of all else that could be compared."""
        self._hold(one, {})
        one.forget()


def session_of(token: str) -> bytes:
    """What binds something to a session: a digest of what its cookie holds."""
    return hashlib.sha256(b"check " + token.encode()).digest()
