"""The crosschecks of the desk, as `held` holds them: in memory only, and bounded in all ways."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.service.pages.held import Held, Store
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from visavis.documents.crosscheck import Crosscheck

MOST, MOST_OF_ONE = 200, 4
"""Crosschecks of all users, and of one session."""
ID = re.compile(r"p[A-Za-z0-9_-]{24}")
"""Ids of forms and of crosschecks; none is that of a check."""


@dataclass(slots=True, eq=False, kw_only=True, repr=False)
class Pair(Held):
    """Two documents against each other; its id comes of the form, so that what is sent twice is done once.

    Attributes:
        found: What it came to, with its place in the ledger; None before.
        pictures: By name: ``"first-portrait"``, ``"second-page-1"`` and so on.
    """

    found: Crosscheck | None = None

    def forget(self) -> None:
        """Let go of what was read, where it would stay for a day: a second person was asked."""
        if self.review is not None and self.found is not None:
            rows = tuple(replace(row, first=None, second=None) for row in self.found.fields)
            self.found = replace(self.found, fields=rows)


class Pairs(Store[Pair]):
    """All of them; safe for several threads at once."""

    most, most_of_one = MOST, MOST_OF_ONE

    def begin(self, id_: str, *, user: str, session: bytes) -> Pair | None:
        """The one of an id that `id_of` made, begun where it isn't there; None where it can't be.

        Args:
            id_: Its id.
            user: Id of the user.
            session: As `session_of` makes it.
        """
        with self._lock:
            if (found := self.find(id_, user=user, session=session)) is not None:
                return found
            has_room = self._has_room(user=user, session=session)
            if not has_room or not ID.fullmatch(id_) or id_ in self._all:
                return None
            self._all[id_] = pair = Pair(id=id_, user=user, session=session, touched=self._clock())
            return pair

    def decide(
        self, pair: Pair, found: Crosscheck, answer: Mapping[str, Any], pictures: Mapping[str, bytes]
    ) -> None:
        """Note what it came to; where there is no room for its pictures, it stands without them."""
        with self._lock:
            pair.found, pair.answer = found, answer
            pair.step += 1
            pair.decided = pair.touched = self._clock()
            try:
                self._hold(pair, pictures)
            except Problem:
                return


def new_id() -> str:
    """An id for a form."""
    return f"p{secrets.token_urlsafe(18)}"


def id_of(form: str, given: Iterable[str | bytes]) -> str:
    """The id of the crosscheck that comes of a form: the same where the same was sent twice, and no other.

    Args:
        form: The id that the form brought.
        given: All else that it brought.
    """
    digest = hashlib.sha256()
    for each in (form, *given):
        part = hashlib.sha256(each.encode() if isinstance(each, str) else each)
        digest.update(part.digest())
    return f"p{base64.urlsafe_b64encode(digest.digest()[:18]).decode()}"
