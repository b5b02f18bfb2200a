"""Lock-out: whoever fails too often to sign in has to wait, longer each time.

Counted by the name that was typed, whether there is such a user or not, and by where it comes from; in place
of both by the browser, where it is the user's own (`browsers`); by the user at the second factor, and where
that comes from. An attempt is counted before it is looked at and taken back when it was right, so that
many at the same time are not more than one after the other. Kept are keyed digests of names and addresses.

That somebody is locked out is one entry of the ledger in each window, whether there is such a user or not:
how long an answer takes doesn't tell. Strangers can cause these entries; there are a few in a minute at most.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from visavis.access.keys import MINUTE_US, us
from visavis.errors import AccessError
from visavis.ledger.entry import Event
from visavis.ledger.rows import insert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from visavis.ledger.entry import Scalar
    from visavis.ledger.log import Ledger

NOTED_PER_MINUTE = 10
"""Entries about lock-outs that the ledger takes in a minute, over all names and addresses."""
MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When somebody is locked out, and for how long.

    NIST SP 800-63B-4, section 3.2.2, asks for at most 100 failures in a row: with these delays those take
    more than a day.

    Attributes:
        account: Failures with one name, or at one user's second factor, from which on one has to wait.
        place: The same for one address, within one `window`; an office shares one.
        first: How long after that failure; after each further one twice as long.
        longest: How long at most, so that nobody can lock somebody else out for good.
        window: After how long without a failure they are forgotten; those of an address that don't reach its
            limit as long after the first of them.
    """

    account: int = 5
    place: int = 100
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=15)
    window: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted.

    Attributes:
        account: Digest of the name or the user.
        place: Digest of the address; None where it isn't known.
        reached: Digests whose limit is reached with it, each with what it is of and how many failures.
    """

    account: bytes
    place: bytes | None
    reached: tuple[tuple[bytes, str, int], ...]


class Attempts:
    """Counts attempts in a ledger's database; safe for several threads and processes at once."""

    def __init__(
        self, ledger: Ledger, *, secret: bytes, clock: Callable[[], datetime], rules: Rules | None = None
    ) -> None:
        """Take a ledger that is open to be appended to.

        Args:
            ledger: Keeps the counts and records who is locked out.
            secret: Under which digests are made.
            clock: What time it is.
            rules: When somebody is locked out.
        """
        self._ledger = ledger
        self._storage = ledger.storage
        self._secret = secret
        self._clock = clock
        self._rules = rules or Rules()

    def begin(self, what: str, account: str, address: str | None) -> Attempt:
        """Count an attempt that is about to be looked at.

        Args:
            what: ``"name"``, ``"browser"``, or ``"second factor"``.
            account: The name that was typed, the browser's number with it, or the user's id.
            address: Where it comes from; None where that isn't known.

        Raises:
            AccessError: `access.locked`: it isn't looked at, and wasn't counted.
            StorageError: It can't be counted: nobody is let in.
        """
        limits = {self._digest(what, account[:MOST]): (what, self._rules.account)}
        mine, place = next(iter(limits)), None
        if address is not None:
            place = self._digest("address", _network(address))
            limits[place] = ("address", self._rules.place)
        now, reached, wait = us(self._clock()), [], 0
        with self._storage.writing() as connection:
            rows = self._rows(connection, limits)
            wait = max(row.until - now for row in rows)
            if wait <= 0:
                for row in rows:
                    digest = bytes(row.digest)
                    what_of, limit = limits[digest]
                    fresh = row.last_at <= now - us_of(self._rules.window)
                    failures = 1 if fresh else row.failures + 1
                    # In an office somebody mistypes all the time: that mustn't add up over the days.
                    adds_up = fresh or failures >= limit or what_of != "address"
                    last_at = now if adds_up else row.last_at
                    self._write(connection, digest, failures, last_at, now + self._delay(failures, limit))
                    if failures >= limit:
                        reached.append((digest, what_of, failures))
        if wait > 0:
            raise locked(wait)
        return Attempt(mine, place, tuple(reached))

    def passed(self, attempt: Attempt) -> None:
        """Take an attempt back that was right; of its name all failures are forgotten.

        Raises:
            StorageError: It can't be written.
        """
        table, digests = _attempts(), (attempt.account, attempt.place)
        with self._storage.writing() as connection:
            for digest in sorted(each for each in digests if each is not None):  # in the order of `_rows`
                if digest == attempt.account:
                    connection.execute(table.delete().where(table.c.digest == digest))
                else:
                    self._take_back(connection, digest)

    def forget(self, what: str, account: str) -> None:
        """Forget all failures of a name, or at a user's second factor.

        Args:
            what: As for `begin`.
            account: As for `begin`.

        Raises:
            StorageError: It can't be written.
        """
        table, digest = _attempts(), self._digest(what, account[:MOST])
        with self._storage.writing() as connection:
            connection.execute(table.delete().where(table.c.digest == digest))

    def withdrawn(self, attempt: Attempt) -> None:
        """Take an attempt back that was never looked at.

        Raises:
            StorageError: It can't be written.
        """
        with self._storage.writing() as connection:
            for digest in sorted(each for each in (attempt.account, attempt.place) if each is not None):
                self._take_back(connection, digest)

    def failed(self, attempt: Attempt, user: str | None) -> None:
        """Record that somebody is locked out with this attempt, once in each window.

        Args:
            attempt: It was wrong.
            user: Id of the user; None where there is none.

        Raises:
            StorageError: It can't be written.
            LedgerError: As `Ledger.append`.
        """
        now, events = us(self._clock()), []
        table = _attempts()
        for digest, what, failures in attempt.reached:
            with self._storage.writing() as connection:
                before = now - us_of(self._rules.window)
                first = connection.execute(
                    table.update()
                    .where(table.c.digest == digest, table.c.noted_at <= before)
                    .values(noted_at=now)
                )
                if first.rowcount and self._has_room(connection, now):
                    whose = user if what != "address" else None
                    details: dict[str, Scalar] = {"asked": "sign-in", "by": what, "failures": failures}
                    events.append(
                        Event(kind="refusal", reasons=("access.locked",), details={**details, "user": whose})
                    )
        self._ledger.append_many(events)

    def expire(self) -> int:
        """Delete what is forgotten, and say how many names and addresses that were."""
        table, now = _attempts(), us(self._clock())
        over = (table.c.last_at <= now - us_of(self._rules.window)) & (table.c.until <= now)
        with self._storage.writing() as connection:
            return int(connection.execute(table.delete().where(over)).rowcount)

    def _rows(self, connection: Connection, digests: Iterable[bytes]) -> list[Any]:
        """The rows of some digests, made where they aren't there, locked in one order."""
        table = _attempts()
        nothing = {"failures": 0, "last_at": 0, "until": 0, "noted_at": 0}
        return [
            connection.execute(
                insert(connection, table)
                .values(digest=digest, **nothing)
                .on_conflict_do_update(index_elements=["digest"], set_={"digest": digest})
                .returning(table)
            ).one()
            for digest in sorted(digests)
        ]

    def _write(self, connection: Connection, digest: bytes, failures: int, last_at: int, until: int) -> None:
        table = _attempts()
        connection.execute(
            table.update()
            .where(table.c.digest == digest)
            .values(failures=min(failures, MOST), last_at=last_at, until=until)
        )

    def _take_back(self, connection: Connection, digest: bytes) -> None:
        table = _attempts()
        connection.execute(
            table.update()
            .where(table.c.digest == digest, table.c.failures > 0)
            .values(failures=table.c.failures - 1, until=0)
        )

    def _delay(self, failures: int, limit: int) -> int:
        """How long to wait after so many failures, in microseconds."""
        over = failures - limit
        if over < 0:
            return 0
        return min(us_of(self._rules.first) << min(over, 20), us_of(self._rules.longest))

    def _has_room(self, connection: Connection, now: int) -> bool:
        """Whether one entry more may be written in this minute."""
        [row] = self._rows(connection, [self._digest("entries", "")])
        noted = row.failures if row.last_at > now - MINUTE_US else 0
        began = row.last_at if noted else now
        if noted < NOTED_PER_MINUTE:
            self._write(connection, bytes(row.digest), noted + 1, began, 0)
        return noted < NOTED_PER_MINUTE

    def _digest(self, what: str, of: str) -> bytes:
        return hmac.digest(self._secret, f"{what}\n{of}".encode("utf-8", "surrogatepass"), "sha256")


def us_of(span: timedelta) -> int:
    """A time span in microseconds."""
    return span // timedelta(microseconds=1)


def locked(wait_us: int) -> AccessError:
    """What is raised where one has to wait."""
    return AccessError(
        "access.locked",
        "signing in failed too often: wait before you try again",
        retry_after_s=max(1, -(-wait_us // 1_000_000)),
    )


def _network(address: str) -> str:
    """What an address is counted by: of IPv6 the /64 that one customer has at least."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _attempts() -> Any:
    from visavis.access import tables

    return tables.attempts
