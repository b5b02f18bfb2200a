"""The checks under way at the desk, as `held` holds them: in memory only, and bounded in all ways."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from visavis.service.pages.held import Held, Stage, Store
from visavis.verifier import ExaminedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.decision.verdict import Verdict
    from visavis.examiner import Examined
    from visavis.liveness.active import Active
    from visavis.service.engine import Papers
    from visavis.service.pages.guidance import Last

Way = Literal["document", "pictures"]
"""What a claim rests on: a document, or another picture of the person."""

MOST, MOST_OF_ONE = 500, 8
"""Checks of all users, and of one session."""


@dataclass(slots=True, eq=False, kw_only=True, repr=False)
class Check(Held):
    """One check under way.

    Attributes:
        way: What the claim rests on.
        created_at: When it was begun.
        papers: What was given of the document, until the verdict.
        reference: What the claim rests on once it was looked at, without its pictures' pixels.
        is_face_alone: Whether what was given as a document shows a face and nothing else of one.
        active: What the answer to a challenge came to.
        challenge: Which challenge that was.
        verdict: The verdict, once there is one, with its place in the ledger.
        pictures: By name: ``"page-1"`` and so on, ``"portrait"``, ``"chip"``, ``"reference"``, ``"probe"``,
            and the cut-outs that were compared, ``"face-reference"`` and ``"face-probe"``.
        last: Where the face was on the frame before, for guidance.
    """

    way: Way
    created_at: datetime
    papers: Papers | None = None
    reference: ExaminedDocument | Examined | None = None
    is_face_alone: bool = False
    active: Active | None = None
    challenge: str | None = None
    verdict: Verdict | None = None
    last: Last | None = None

    @property
    def stage(self) -> Stage:
        """How far it is before there is a verdict."""
        return "reference" if self.reference is None else "face"

    @property
    def document(self) -> ExaminedDocument | None:
        """The document that it rests on, where it rests on one that was read."""
        return self.reference if isinstance(self.reference, ExaminedDocument) else None

    def forget(self) -> None:
        """Let go of what could still be compared."""
        self.papers = self.reference = self.active = None


class Checks(Store[Check]):
    """All of them; safe for several threads at once."""

    most, most_of_one = MOST, MOST_OF_ONE

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
            if not self._has_room(user=user, session=session):
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

    def keep(self, check: Check, pictures: Mapping[str, bytes], papers: Papers | None) -> None:
        """Let a check hold these in the place of those that it holds.

        Raises:
            Problem: 429 `service.memory`: there is no room; nothing changed.
        """
        given = [] if papers is None else [*papers.pages, papers.chip or b""]
        with self._lock:
            if self._hold(check, pictures, given):
                check.papers = papers

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
            new.reference, new.is_face_alone = reference, check.is_face_alone
            return new
