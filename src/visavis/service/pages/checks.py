"""The checks under way at the desk: in memory only, bounded in number, in bytes and in time.

A check belongs to whoever began it, and to the session in which they did; nobody else finds it, but for a
second person to whom it was given. What was sent and what is shown of it are counted as what requests hold
is. Pictures are gone a while after the verdict, at once when the check is ended or its session signed out,
and with the process in any case: nothing of them is ever on disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from visavis.verifier import ExaminedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.decision.verdict import Verdict
    from visavis.examiner import Examined
    from visavis.liveness.active import Active
    from visavis.service.engine import Papers
    from visavis.service.intake import Memory
    from visavis.service.pages.guidance import Last

Way = Literal["document", "pictures"]
"""What a claim rests on: a document, or another picture of the person."""
State = Literal["reference", "face", "decided", "waiting", "reviewed"]

IDLE_S = 30 * 60.0
"""How long a check stays that nobody touches."""
RESULT_S = 10 * 60.0
"""How long after the verdict its pictures stay, as long as nobody asks a second person."""
WAITING_S = 24 * 3600.0
"""How long it waits for a second person, and how long afterwards it can be read what they said."""
MOST, MOST_OF_ONE, MOST_WAITING = 500, 8, 100
"""Checks of all users, of one session, and of those that wait for a second person."""
LEAN_BYTES = 2**18
"""What a check holds beside its pictures, at most about: templates, the face's cut-outs, what was read."""


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


@dataclass(slots=True, eq=False)
class Check:
    """One check under way; changed by `Checks` and by whoever holds its `lock`.

    Attributes:
        id: Which nobody can guess.
        user: Id of the user who began it.
        session: What `session_of` makes of the session in which they did.
        key: Id of the purpose, as `Users.grant` takes it.
        purpose: What it is called.
        subject: The operator's own reference of the person, or None.
        way: What the claim rests on.
        created_at: When it was begun.
        step: Rises with everything that is done; a form says for which it was made.
        papers: What was given of the document, until the verdict.
        reference: What the claim rests on once it was looked at, without its pictures' pixels.
        active: What the answer to a challenge came to.
        challenge: Which challenge that was.
        verdict: The verdict, once there is one, with its place in the ledger.
        answer: The same as the API answers it, with the statement; see `docs/statement.md`.
        review: What a second person is asked.
        pictures: JPEGs to be shown, by name: ``"page-1"`` and so on, ``"portrait"``, ``"chip"``,
            ``"reference"``, ``"probe"``, and the cut-outs that were compared, ``"face-reference"`` and
            ``"face-probe"``.
        last: Where the face was on the frame before, for guidance.
        lock: Held while something is done with it, so that nothing is done twice.
    """

    id: str
    user: str
    session: bytes
    key: str
    purpose: str
    subject: str | None
    way: Way
    created_at: datetime
    step: int = 0
    papers: Papers | None = None
    reference: ExaminedDocument | Examined | None = None
    active: Active | None = None
    challenge: str | None = None
    verdict: Verdict | None = None
    answer: Mapping[str, Any] | None = None
    review: Review | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    last: Last | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: int = 0
    touched: float = 0.0
    decided: float = 0.0

    @property
    def state(self) -> State:
        """How far it is."""
        if self.review is not None:
            return "waiting" if self.review.decision is None else "reviewed"
        if self.verdict is not None:
            return "decided"
        return "reference" if self.reference is None else "face"

    @property
    def document(self) -> ExaminedDocument | None:
        """The document that it rests on, where it rests on one that was read."""
        return self.reference if isinstance(self.reference, ExaminedDocument) else None

    def __repr__(self) -> str:
        return f"<Check {self.state}, step {self.step}>"


class Checks:
    """All of them; safe for several threads at once."""

    def __init__(self, memory: Memory, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            memory: Where what they hold is counted.
            clock: Seconds, since whenever.
        """
        self._memory = memory
        self._clock = clock
        self._all: dict[str, Check] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._all)

    # Whoever does a check

    def begin(
        self, *, user: str, session: bytes, key: str, purpose: str, subject: str | None, way: Way
    ) -> Check | None:
        """Begin one; None where there are too many and none of this session is over.

        Args:
            user: Id of the user.
            session: As `session_of` makes it.
            key: Id of the purpose.
            purpose: What it is called.
            subject: The operator's own reference of the person, or None.
            way: What the claim rests on.
        """
        with self._lock:
            self.expire()
            mine = self.mine(user=user, session=session)
            over = sorted((each for each in mine if each.verdict is not None), key=lambda each: each.touched)
            if (len(mine) >= MOST_OF_ONE or len(self._all) >= MOST) and over:
                self.end(over[0])
                mine.remove(over[0])
            if len(mine) >= MOST_OF_ONE or len(self._all) >= MOST:
                return None
            check = Check(
                id=secrets.token_urlsafe(18),
                user=user,
                session=session,
                key=key,
                purpose=purpose,
                subject=subject,
                way=way,
                created_at=datetime.now(UTC),
                touched=self._clock(),
            )
            self._all[check.id] = check
            return check

    def find(self, id_: str, *, user: str, session: bytes) -> Check | None:
        """One of a session's own; None where there is none such, or not any more."""
        with self._lock:
            self.expire()
            check = self._all.get(id_)
            if check is None or check.user != user or check.session != session:
                return None
            check.touched = self._clock()
            return check

    def mine(self, *, user: str, session: bytes) -> list[Check]:
        """All of a session's own that don't wait for a second person, the newest first."""
        with self._lock:
            found = [each for each in self._all.values() if each.user == user and each.session == session]
            return [each for each in reversed(found) if each.state != "waiting"]

    def keep(self, check: Check, pictures: Mapping[str, bytes], papers: Papers | None) -> None:
        """Let a check hold these in the place of those that it holds.

        Raises:
            Problem: 429 `service.memory`: there is no room; nothing changed.
        """
        given = [] if papers is None else [*papers.pages, papers.chip or b""]
        size = sum(map(len, (*pictures.values(), *given))) + (LEAN_BYTES if pictures or given else 0)
        with self._lock:
            if check.id not in self._all:  # ended meanwhile
                return
            if size > check.held:
                self._memory.take(size - check.held)
            else:
                self._memory.give_back(check.held - size)
            check.held, check.pictures, check.papers = size, dict(pictures), papers

    def decide(self, check: Check, verdict: Verdict, answer: Mapping[str, Any]) -> None:
        """Note the verdict; what was given of the document isn't needed any more."""
        with self._lock:
            check.verdict, check.answer = verdict, answer
            check.step += 1
            check.decided = check.touched = self._clock()
            self.keep(check, check.pictures, None)

    def again(self, check: Check) -> Check | None:
        """Another check of the same person with what the claim rests on; None as `begin`.

        Raises:
            Problem: 429 `service.memory`.
        """
        with self._lock:
            reference, shown = check.reference, check.pictures  # it may be the one that has to go
            new = self.begin(
                user=check.user,
                session=check.session,
                key=check.key,
                purpose=check.purpose,
                subject=check.subject,
                way=check.way,
            )
            if new is None or reference is None:
                return new
            try:
                self.keep(new, {name: data for name, data in shown.items() if "probe" not in name}, None)
            except BaseException:
                self.end(new)
                raise
            new.reference = reference
            return new

    def ask(self, check: Check, why: str) -> bool:
        """Give a check that was decided to a second person; False where too many wait.

        Args:
            check: It has a verdict and no review.
            why: Why they are asked.
        """
        with self._lock:
            if len(self.waiting()) >= MOST_WAITING:
                return False
            check.review = Review(why, datetime.now(UTC))
            check.step += 1
            check.touched = self._clock()
            return True

    def end(self, check: Check) -> None:
        """Let go of a check and all that it holds; nothing where that was done."""
        with self._lock:
            if self._all.get(check.id) is check:
                self.keep(check, {}, None)
                del self._all[check.id]
            check.reference = check.active = None

    def sign_out(self, session: bytes) -> None:
        """End all checks of a session but those that a second person was asked about."""
        with self._lock:
            for check in [each for each in self._all.values() if each.session == session]:
                if check.review is None:
                    self.end(check)
                elif check.state == "reviewed":
                    self._empty(check)

    def asked(self, user: str) -> list[Check]:
        """What somebody asked a second person about, in whichever session, the newest first."""
        with self._lock:
            self.expire()
            found = [each for each in self._all.values() if each.user == user and each.review is not None]
            return sorted(found, key=lambda each: each.decided, reverse=True)

    def resume(self, id_: str, *, user: str, session: bytes) -> Check | None:
        """One of these, for the session in which its answer is read; None where there is none such."""
        with self._lock:
            check = next((each for each in self.asked(user) if each.id == id_), None)
            if check is not None:
                check.session = session
            return check

    # A second person

    def waiting(self) -> list[Check]:
        """Those that wait for a second person, the oldest first."""
        with self._lock:
            self.expire()
            return [each for each in self._all.values() if each.state == "waiting"]

    def waiting_for(self, id_: str, *, user: str) -> Check | None:
        """One that waits for a second person, who isn't the first; None where there is none such."""
        with self._lock:
            self.expire()
            check = self._all.get(id_)
            if check is None or check.state != "waiting" or check.user == user:
                return None
            check.touched = self._clock()
            return check

    def reviewed(self, check: Check) -> None:
        """Note that its `review` says what a second person decided."""
        with self._lock:
            check.step += 1
            check.decided = check.touched = self._clock()

    # Time

    def expire(self) -> int:
        """End what is past its time, and let go of pictures that are; says how many checks ended."""
        ended = 0
        with self._lock:
            now = self._clock()
            for check in list(self._all.values()):
                if check.lock.locked():  # something is under way; it says itself what comes of it
                    continue
                since, most = (check.touched, IDLE_S)
                if check.review is not None:  # however often somebody looks at it
                    since, most = (check.decided, WAITING_S)
                if now - since > most:
                    self.end(check)
                    ended += 1
                elif check.state in ("decided", "reviewed") and now - check.decided > RESULT_S:
                    self._empty(check)
        return ended

    def _empty(self, check: Check) -> None:
        """Let go of the pictures of a check, and of all else that could be compared."""
        self.keep(check, {}, None)
        check.reference = check.active = None


def session_of(token: str) -> bytes:
    """What binds a check to a session: a digest of what its cookie holds."""
    return hashlib.sha256(b"check " + token.encode()).digest()
