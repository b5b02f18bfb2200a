"""What the service keeps itself: which requests were made under an Idempotency-Key, and open challenges.

Both are shared by all processes of a service, so each step is one statement that only one of them can win.
"""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.ledger.rows import insert
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from visavis.liveness.register import Sealed
    from visavis.storage.engine import Storage

BUSY_S = 1
"""What `Retry-After` says where the same request is under way."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A request under an Idempotency-Key, and where its answer is or will be.

    Attributes:
        key: Id of the access key.
        name: Digest of the Idempotency-Key.
        answer: The id under which the answer is kept.
        is_new: Whether it is ours to work on; otherwise it was answered before.
    """

    key: str
    name: bytes
    answer: str
    is_new: bool


class Requests:
    """Requests under an Idempotency-Key; safe for several threads and processes."""

    def __init__(
        self,
        storage: Storage,
        *,
        secret: bytes,
        lease_s: float,
        kept_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a database.

        Args:
            storage: Where the tables are.
            secret: 32 bytes under which digests are made: without it nobody confirms a guess about a request.
            lease_s: How long a request is taken to be under way, at most.
            kept_s: How long its answer is found again.
            clock: Seconds since the epoch.
        """
        self._storage = storage
        self._secret = secret
        self._lease_s = lease_s
        self._kept_s = kept_s
        self._clock = clock

    def claim(
        self, key: str, idempotency_key: str, body: bytes, answer: str, *, is_kept: Callable[[str], bool]
    ) -> Claim:
        """Take a request on, or find out where its answer is.

        Args:
            key: Id of the access key.
            idempotency_key: What the client calls the request.
            body: SHA-256 over all that was asked.
            answer: The id under which its answer is to be kept, if it is new.
            is_kept: Whether there is an answer under an id.

        Raises:
            Problem: 422 `idempotency.other_body`, 409 `idempotency.in_flight`.
            StorageError: The database can't be used.
        """
        from visavis.service.tables import requests

        name = hmac.digest(self._secret, b"name" + idempotency_key.encode(), "sha256")
        body = hmac.digest(self._secret, b"body" + body, "sha256")
        now = self._clock()
        times = {"lease": now + self._lease_s, "until": now + self._kept_s}
        row = {"key": key, "name": name, "body": body, "answer": answer, **times}
        mine = (requests.c.key == key) & (requests.c.name == name)
        with self._storage.writing() as connection:
            connection.execute(requests.delete().where(mine & (requests.c.until <= now)))
            taken = insert(connection, requests).values(row).on_conflict_do_nothing()
            if connection.execute(taken.returning(requests.c.answer)).first() is not None:
                return Claim(key, name, answer, is_new=True)
            there = connection.execute(requests.select().where(mine)).first()
        if there is None:  # given up between the two statements
            raise _in_flight()
        if bytes(there.body) != body:
            raise Problem(
                422,
                "idempotency.other_body",
                "another request was made under this Idempotency-Key: take a new one",
            )
        if is_kept(there.answer):
            return Claim(key, name, there.answer, is_new=False)
        with self._storage.writing() as connection:
            # Whoever worked on it is gone, or its answer is: the first to say so takes it over.
            over = connection.execute(
                requests.update()
                .where(mine & (requests.c.answer == there.answer) & (requests.c.lease <= now))
                .values(answer=answer, **times)
            )
        if over.rowcount == 1:
            return Claim(key, name, answer, is_new=True)
        raise _in_flight()

    def release(self, claim: Claim) -> None:
        """Give a request up that came to no answer, so that it may be tried again at once."""
        from visavis.service.tables import requests

        with self._storage.writing() as connection:
            connection.execute(
                requests.delete().where(
                    (requests.c.key == claim.key)
                    & (requests.c.name == claim.name)
                    & (requests.c.answer == claim.answer)
                )
            )

    def expire(self) -> int:
        """Delete what is past its time, and say how many that were."""
        from visavis.service.tables import requests

        with self._storage.writing() as connection:
            return connection.execute(requests.delete().where(requests.c.until <= self._clock())).rowcount


class Challenges:
    """Challenges that were drawn; a register for `liveness.register.Issuer`, shared by all processes."""

    def __init__(self, storage: Storage, clock: Callable[[], float] = time.time) -> None:
        """Take a database."""
        self._storage = storage
        self._clock = clock

    def keep(self, sealed: Sealed, *, purpose: str, for_s: float) -> None:
        """Keep a challenge until it is answered and the answer used.

        Args:
            sealed: The challenge.
            purpose: That of the key it was drawn under.
            for_s: How long.
        """
        from visavis.service.tables import challenges

        row = {
            "id": sealed.challenge.id,
            "purpose": purpose,
            "sealed": json.dumps(sealed.to_dict()),
            "state": "drawn",
            "until": self._clock() + for_s,
        }
        with self._storage.writing() as connection:
            connection.execute(challenges.insert(), row)

    def find(self, challenge_id: str, *, purpose: str) -> tuple[Sealed, str]:
        """A challenge that was drawn under a purpose, and its state.

        Raises:
            Problem: 404 `request.challenge_unknown`.
        """
        from visavis.liveness.register import Sealed
        from visavis.service.tables import challenges

        with self._storage.reading() as connection:
            row = connection.execute(challenges.select().where(challenges.c.id == challenge_id)).first()
        if row is None or row.purpose != purpose or row.until <= self._clock():
            raise unknown_challenge()
        return Sealed.from_dict(json.loads(row.sealed)), row.state

    def spend(self, challenge_id: str, expires_at: datetime, *, now: datetime) -> bool:  # noqa: ARG002
        """As `liveness.register.Register.spend`."""
        return self._step(challenge_id, "drawn", "answered")

    def use(self, challenge_id: str) -> bool:
        """Note that a verification rests on the answer; True for the first one, which is the only one."""
        return self._step(challenge_id, "answered", "used")

    def expire(self) -> int:
        """Delete what is past its time, and say how many that were."""
        from visavis.service.tables import challenges

        with self._storage.writing() as connection:
            return connection.execute(challenges.delete().where(challenges.c.until <= self._clock())).rowcount

    def _step(self, challenge_id: str, before: str, after: str) -> bool:
        from visavis.service.tables import challenges

        with self._storage.writing() as connection:
            changed = connection.execute(
                challenges.update()
                .where((challenges.c.id == challenge_id) & (challenges.c.state == before))
                .values(state=after)
            )
        return changed.rowcount == 1


def _in_flight() -> Problem:
    return Problem(
        409,
        "idempotency.in_flight",
        "the same request is under way: ask again for its answer",
        headers={"Retry-After": str(BUSY_S)},
    )


def unknown_challenge() -> Problem:
    """What is raised where a challenge isn't there, or is of another purpose."""
    return Problem(404, "request.challenge_unknown", "there is no such challenge, or it has expired")
