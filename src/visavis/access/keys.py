"""Keys: who may ask, for which purpose, for what, and how often.

A key is shown once, as ``vv_<id>_<secret>``. The id stands in the clear: it finds the row, and it names the
key in the ledger and in logs. Of the secret only HMAC-SHA256 under a key from the ledger's key file is
stored. That is enough, and slow hashes as for passwords would only cost time on each call: the secret is 256
random bits, so there is nothing to guess. Keyed it is so that whoever can write the database can't add a key
of their own.

Each call reads the key's row; nothing is cached, so that a revoked key is refused from the next call on.
Rate and quota are counted in that row by one statement. The rate is a bucket: it holds N calls, and N a
minute come back, evenly; a key that was quiet may use N at once, and in the long run never more than N a
minute. The quota is counted by days of UTC.

A key may belong to a user of the desk (`users`). Then nobody has its secret: it is used by whoever is signed
in as that user, and counted like any other.

Every change of a key is in the ledger before it has an effect.
"""

from __future__ import annotations

import base64
import functools
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from visavis.errors import AccessError
from visavis.ledger.entry import TEXT, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Connection

    from visavis.ledger.entry import Scalar
    from visavis.ledger.log import Ledger

SCOPES = (
    "verifications",
    "crosschecks",
    "documents",
    "quality",
    "templates",
    "challenges",
    "subjects",
    "ledger",
    "metrics",
)

SECRET_BYTES = 32
TOKEN = re.compile(r"vv_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
ID_BYTES = 8  # 60 bits of them are used: enough that two keys never have one id

MAX_RATE = 1_000_000
"""Calls a minute that a key may have at most; more is no limit."""
MAX_QUOTA = 1_000_000_000
LIFETIME = timedelta(days=365)
"""How long a key is valid where nobody says."""
OVERLAP = timedelta(hours=24)
"""How long the secret before a rotation stays valid where nobody says."""
MAX_OVERLAP = timedelta(days=30)

ENDED = {"expired": "access.expired", "revoked": "access.revoked"}

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of a key; its secret isn't.

    Attributes:
        id: Names it.
        purpose: What it is for. Every call with it is recorded under this purpose.
        legal_basis: On which ground that is lawful, in the operator's words.
        scopes: What it may be used for, of `SCOPES`.
        rate_per_min: Calls a minute.
        quota_per_day: Calls in a day of UTC.
        max_fmr: Highest false match rate that a policy may accept with it; None for any.
        created_at: Since when it is.
        expires_at: When it ends; None for never.
        revoked_at: When it was revoked; None where it wasn't.
        previous_until: Until when the secret before the last rotation is valid; None where there is none.
        user: Id of the user of the desk that it belongs to; None where it has a secret that somebody has.
    """

    id: str
    purpose: str
    legal_basis: str
    scopes: frozenset[str]
    rate_per_min: int
    quota_per_day: int
    max_fmr: float | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    previous_until: datetime | None
    user: str | None = None

    def state(self, now: datetime) -> str:
        """``"valid"``, ``"expired"`` or ``"revoked"``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "id": self.id,
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            "scopes": [scope for scope in SCOPES if scope in self.scopes],
            "rate_per_min": self.rate_per_min,
            "quota_per_day": self.quota_per_day,
            "max_fmr": self.max_fmr,
            **{
                name: None if (moment := getattr(self, name)) is None else moment.isoformat()
                for name in ("created_at", "expires_at", "revoked_at", "previous_until")
            },
            "user": self.user,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A call that may go on.

    Attributes:
        key: The key's id, as entries of the ledger name it.
        purpose: The key's.
        legal_basis: The key's.
        scopes: The key's.
        max_fmr: The key's.
        remaining: How many calls could follow at once.
        remaining_today: How many are left of the day's quota.
    """

    key: str
    purpose: str
    legal_basis: str
    scopes: frozenset[str]
    max_fmr: float | None
    remaining: int
    remaining_today: int


class Keys:
    """The keys in a ledger's database; safe for several threads and processes at once."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime] | None = None) -> None:
        """Take a ledger that is open to be appended to.

        Args:
            ledger: Keeps the keys' rows and records what is done with them.
            clock: What time it is.
        """
        if ledger.key is None:
            raise AccessError("access.no_secret", "keys take the ledger's key, which isn't there")
        self._ledger = ledger
        self._storage = ledger.storage
        self._pepper = hmac.digest(ledger.key.secret, b"access keys 1", "sha256")
        self._clock = clock or (lambda: datetime.now(UTC))

    # What operators do

    def create(
        self,
        *,
        purpose: str,
        legal_basis: str,
        scopes: Collection[str],
        rate_per_min: int,
        quota_per_day: int,
        max_fmr: float | None = None,
        expires_at: datetime | None = None,
        user: str | None = None,
        by: str | None = None,
    ) -> tuple[Key, str]:
        """Make a key.

        Args:
            purpose: What it is for, at most 200 characters.
            legal_basis: On which ground, at most 200 characters.
            scopes: What it may be used for, at least one of `SCOPES`.
            rate_per_min: Calls a minute, from 1.
            quota_per_day: Calls in a day of UTC, from 1.
            max_fmr: Highest false match rate that a policy may accept, above 0 and at most 0.1.
            expires_at: When it ends; None for never.
            user: Id of the user of the desk that it is for; what is returned beside it lets nobody in then.
            by: Id of the user who makes it; None at the command line.

        Returns:
            The key, and what its user is given; that can't be had again.

        Raises:
            AccessError: `access.key_fields`: one of the above is not as it should be.
            StorageError: It can't be written.
        """
        now = self._clock()
        _check(
            purpose=purpose,
            legal_basis=legal_basis,
            scopes=scopes,
            rate_per_min=rate_per_min,
            quota_per_day=quota_per_day,
            max_fmr=max_fmr,
        )
        if expires_at is not None and expires_at <= now:
            raise _unfit("the time that it ends", found=expires_at.isoformat(), expected="one to come")
        id_ = base64.b32encode(secrets.token_bytes(ID_BYTES)).decode().lower()[:12]
        secret = _new_secret()
        limits: dict[str, Scalar] = {
            "legal_basis": legal_basis,
            "scopes": ",".join(scope for scope in SCOPES if scope in scopes),
            "rate_per_min": rate_per_min,
            "quota_per_day": quota_per_day,
            "max_fmr": max_fmr,
        }
        row = {
            **limits,
            "id": id_,
            "purpose": purpose,
            "created_at": us(now),
            "expires_at": None if expires_at is None else us(expires_at),
            "secret": self._hashed(id_, secret),
            "bucket": 0,
            "day": 0,
            "used": 0,
            "noted_at": 0,
            "user_id": user,
        }
        ends = None if expires_at is None else expires_at.astimezone(UTC).isoformat()
        of_user: dict[str, Scalar] = {} if user is None else {"user": user}
        self._record("create", id_, purpose, {**limits, "expires_at": ends, **of_user}, by)
        with self._storage.writing() as connection:
            connection.execute(_keys().insert(), row)
        return self.get(id_), f"vv_{id_}_{secret}"

    def all(self) -> list[Key]:
        """All keys, the oldest first."""
        keys = _keys()
        with self._storage.reading() as connection:
            rows = connection.execute(keys.select().order_by(keys.c.created_at, keys.c.id)).all()
        return [_key(row) for row in rows]

    def get(self, id_: str) -> Key:
        """A key by its id.

        Raises:
            AccessError: `access.no_key`: there is no such key.
        """
        with self._storage.reading() as connection:
            row = _row(connection, id_)
        if row is None:
            raise AccessError("access.no_key", "there is no such key", found=repr(id_)[:40])
        return _key(row)

    def scopes_of(self, id_: str) -> frozenset[str]:
        """What a key may be used for; nothing where there is none of this id."""
        with self._storage.reading() as connection:
            row = _row(connection, id_)
        return frozenset() if row is None else _key(row).scopes

    def rotate(self, id_: str, *, overlap: timedelta = OVERLAP, by: str | None = None) -> str:
        """Give a key another secret; everything else of it stays, also what was counted.

        Args:
            id_: The key's.
            overlap: How long the secret that it had stays valid, from 0 to 30 days. An earlier one ends.
            by: As `create`.

        Returns:
            What its user is given; that can't be had again.

        Raises:
            AccessError: `access.no_key`; `access.revoked` or `access.expired`: it isn't valid any more;
                `access.key_fields`: the overlap is too long; `access.desk_key`: it belongs to a user.
            StorageError: It can't be written.
        """
        if not timedelta(0) <= overlap <= MAX_OVERLAP:
            raise _unfit("the overlap", found=overlap, expected=f"0 to {MAX_OVERLAP.days} days")
        key, now = self.get(id_), self._clock()
        if (state := key.state(now)) != "valid":
            raise AccessError(ENDED[state], f"the key {id_} is {state}: make another one")
        if key.user is not None:
            raise AccessError(
                "access.desk_key", f"the key {id_} belongs to a user of the desk and has no secret"
            )
        until = now + overlap
        secret = _new_secret()
        self._record("rotate", id_, key.purpose, {"previous_until": until.isoformat()}, by)
        keys = _keys()
        with self._storage.writing() as connection:
            connection.execute(
                keys.update()
                .where(keys.c.id == id_, keys.c.revoked_at.is_(None))
                .values(
                    previous_secret=keys.c.secret,
                    previous_until=us(until),
                    secret=self._hashed(id_, secret),
                )
            )
        return f"vv_{id_}_{secret}"

    def revoke(self, id_: str, *, by: str | None = None) -> Key:
        """End a key: the next call with it is refused, in every process.

        Args:
            id_: The key's.
            by: As `create`.

        Raises:
            AccessError: `access.no_key`.
            StorageError: It can't be written.
        """
        key = self.get(id_)
        if key.revoked_at is not None:
            return key
        self._record("revoke", id_, key.purpose, {}, by)
        keys = _keys()
        with self._storage.writing() as connection:
            connection.execute(
                keys.update()
                .where(keys.c.id == id_, keys.c.revoked_at.is_(None))
                .values(revoked_at=us(self._clock()))
            )
        return self.get(id_)

    # What each call does

    def admit(self, token: str, scope: str) -> Grant:
        """Look at what a caller shows, and count the call.

        Args:
            token: What the key's user was given.
            scope: What the call is, of `SCOPES`.

        Raises:
            AccessError: `access.unknown`, `access.revoked`, `access.expired`, `access.scope`, `access.rate`,
                `access.quota`.
            StorageError: The database can't be read or written: nobody is let in.
        """
        matched = TOKEN.fullmatch(token)
        if matched is None:
            raise _unknown()
        now = us(self._clock())
        with self._storage.reading() as connection:
            row = _row(connection, matched[1])
        if (
            row is None
            or not self._fits(row, self._hashed(matched[1], matched[2]), now)
            or row.user_id is not None
        ):
            raise _unknown()
        return self._admitted(row, scope, now)

    def grant(self, id_: str, scope: str, *, user: str, allowed: Collection[str]) -> Grant:
        """As `admit`, for a user who is signed in, under a key that belongs to them.

        Args:
            id_: The key's.
            scope: What the call is, of `SCOPES`.
            user: The user's id.
            allowed: The scopes that the user's roles allow.

        Raises:
            AccessError: `access.unknown`: it isn't the user's; `access.role`; otherwise as `admit`.
            StorageError: As `admit`.
        """
        now = us(self._clock())
        with self._storage.reading() as connection:
            row = _row(connection, id_)
        if row is None or row.user_id is None or row.user_id != user:
            raise _unknown()
        if scope not in allowed:
            refused = AccessError("access.role", "the user's roles don't allow this", found=scope)
            self._note(refused, _key(row), scope, row.noted_at)
            raise refused
        return self._admitted(row, scope, now)

    def of_user(self, user: str) -> list[Key]:
        """The keys of a user of the desk, the oldest first, whatever their state."""
        keys = _keys()
        query = keys.select().where(keys.c.user_id == user).order_by(keys.c.created_at, keys.c.id)
        with self._storage.reading() as connection:
            return [_key(row) for row in connection.execute(query)]

    def _admitted(self, row: Any, scope: str, now: int) -> Grant:
        """Count a call under a key, or refuse it and record that."""
        key = _key(row)
        refused = _refusal(key, row, scope, now)
        if refused is None:
            counted = self._count(row, now)
            if counted is not None:
                bucket, used = counted
                return Grant(
                    key=key.id,
                    purpose=key.purpose,
                    legal_basis=key.legal_basis,
                    scopes=key.scopes,
                    max_fmr=key.max_fmr,
                    remaining=max(0, (MINUTE_US - (bucket - now)) * key.rate_per_min // MINUTE_US),
                    remaining_today=key.quota_per_day - used,
                )
            # Somebody was faster, between looking and counting: revoked, or the last call that there was.
            with self._storage.reading() as connection:
                row = _row(connection, key.id)
            refused = _refusal(_key(row), row, scope, now) or _too_fast(key, 1)
        self._note(refused, key, scope, row.noted_at)
        raise refused

    def _note(self, refused: AccessError, key: Key, scope: str, noted_at: int) -> None:
        """Record a refusal: a key's first one in each minute, for a ledger is no log of attempts."""
        now = us(self._clock())
        if noted_at > now - MINUTE_US:
            return
        keys = _keys()
        with self._storage.writing() as connection:
            first = connection.execute(
                keys.update()
                .where(keys.c.id == key.id, keys.c.noted_at <= now - MINUTE_US)
                .values(noted_at=now)
            )
        if first.rowcount:
            self._ledger.append(
                Event(
                    kind="refusal",
                    purpose=key.purpose,
                    key=key.id,
                    reasons=(refused.code,),
                    details={"asked": scope, "noted": "the first one in a minute"},
                )
            )

    def _count(self, row: Any, now: int) -> tuple[int, int] | None:
        """Take one call out of the bucket and off the day's quota; None where there is none.

        The bucket is kept as the time at which it is full again (the generic cell rate algorithm of ITU-T
        I.371 in its virtual scheduling form), a day never as an earlier one: clocks of two machines differ.
        """
        given = {"of": row.id, "now": now, "step": MINUTE_US // row.rate_per_min, "today": now // DAY_US}
        # Whatever comes of the call is on disk before it is answered, and this with it.
        with self._storage.writing(lasting=False) as connection:
            counted = connection.execute(_counting(), given).first()
        return None if counted is None else (counted.bucket, counted.used)

    def _hashed(self, id_: str, secret: str) -> bytes:
        return hmac.digest(self._pepper, f"{id_}_{secret}".encode(), "sha256")

    def _fits(self, row: Any, hashed: bytes, now: int) -> bool:
        """Whether it is one of the key's secrets; how long that takes tells nothing of them."""
        fits = hmac.compare_digest(bytes(row.secret), hashed)
        if row.previous_secret is not None and row.previous_until > now:
            fits |= hmac.compare_digest(bytes(row.previous_secret), hashed)
        return fits

    def _record(
        self, action: str, id_: str, purpose: str, details: dict[str, Scalar], by: str | None
    ) -> None:
        told = details if by is None else {**details, "by": by}
        self._ledger.append(Event(kind="key", key=id_, purpose=purpose, decision=action, details=told))


def us(moment: datetime) -> int:
    """A moment in microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """The inverse of `us`."""
    return EPOCH + timedelta(microseconds=microseconds)


def _new_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def _refusal(key: Key, row: Any, scope: str, now: int) -> AccessError | None:
    """Why a key may not do something now, as its row stands; None where it may."""
    state = key.state(moment(now))
    if state != "valid":
        return AccessError(ENDED[state], f"the key is {state}")
    if scope not in key.scopes:
        return AccessError(
            "access.scope",
            "the key may not be used for this",
            found=scope,
            expected=", ".join(each for each in SCOPES if each in key.scopes),
        )
    today = now // DAY_US
    if row.day >= today and row.used >= key.quota_per_day:
        return AccessError(
            "access.quota",
            "the key's calls for today are used up",
            expected=f"{key.quota_per_day} a day, by UTC",
            retry_after_s=_seconds((row.day + 1) * DAY_US - now),
        )
    wait = max(row.bucket, now) + MINUTE_US // key.rate_per_min - MINUTE_US - now
    return _too_fast(key, wait) if wait > 0 else None


def _too_fast(key: Key, wait_us: int) -> AccessError:
    return AccessError(
        "access.rate",
        "the key is used too fast",
        expected=f"{key.rate_per_min} calls a minute",
        retry_after_s=_seconds(wait_us),
    )


def _seconds(microseconds: int) -> int:
    """Rounded up: who waits that long isn't refused again."""
    return max(1, -(-microseconds // 1_000_000))


def _unknown() -> AccessError:
    return AccessError("access.unknown", "there is no such key")


def _check(
    *,
    purpose: str,
    legal_basis: str,
    scopes: Collection[str],
    rate_per_min: int,
    quota_per_day: int,
    max_fmr: float | None,
) -> None:
    """Refuse what no key has."""
    for name, text in (("the purpose", purpose), ("the legal basis", legal_basis)):
        if not text.strip() or not TEXT.fullmatch(text):
            raise _unfit(name, expected="1 to 200 characters")
    wrong = [scope for scope in scopes if scope not in SCOPES]
    if wrong or not scopes:
        raise _unfit("the scopes", found=", ".join(wrong)[:100] or "none", expected=", ".join(SCOPES))
    for name, number, most in (("the rate", rate_per_min, MAX_RATE), ("the quota", quota_per_day, MAX_QUOTA)):
        if not 1 <= number <= most:
            raise _unfit(name, found=number, expected=f"1 to {most}")
    if max_fmr is not None and not 0 < max_fmr <= 0.1:
        raise _unfit("the highest false match rate", found=max_fmr, expected="above 0 up to 0.1")


def _unfit(what: str, *, found: object = None, expected: object = None) -> AccessError:
    return AccessError("access.key_fields", f"{what} of a key can't be this", found=found, expected=expected)


def _keys() -> Any:
    from visavis.access import tables

    return tables.keys


def _row(connection: Connection, id_: str) -> Any:
    return connection.execute(_of_id(), {"of": id_}).first()


@functools.cache
def _of_id() -> Any:
    """The query for a key; put together once, as that costs more than to ask it."""
    import sqlalchemy as sa

    keys = _keys()
    return keys.select().where(keys.c.id == sa.bindparam("of"))


@functools.cache
def _counting() -> Any:
    """What `Keys.admit` counts a call with."""
    import sqlalchemy as sa

    keys, bound = _keys(), functools.partial(sa.bindparam, type_=sa.BigInteger)
    now, today = bound("now"), bound("today")
    ahead = sa.case((keys.c.bucket > now, keys.c.bucket), else_=now) + bound("step")
    same_day = keys.c.day >= today
    return (
        keys.update()
        .where(
            keys.c.id == sa.bindparam("of"),
            keys.c.revoked_at.is_(None),
            ahead <= now + MINUTE_US,
            sa.or_(keys.c.day < today, keys.c.used < keys.c.quota_per_day),
        )
        .values(
            bucket=ahead,
            used=sa.case((same_day, keys.c.used + 1), else_=1),
            day=sa.case((same_day, keys.c.day), else_=today),
        )
        .returning(keys.c.bucket, keys.c.used)
    )


def _key(row: Any) -> Key:
    return Key(
        id=row.id,
        purpose=row.purpose,
        legal_basis=row.legal_basis,
        scopes=frozenset(row.scopes.split(",")),
        rate_per_min=row.rate_per_min,
        quota_per_day=row.quota_per_day,
        max_fmr=row.max_fmr,
        created_at=moment(row.created_at),
        expires_at=None if row.expires_at is None else moment(row.expires_at),
        revoked_at=None if row.revoked_at is None else moment(row.revoked_at),
        previous_until=None if row.previous_until is None else moment(row.previous_until),
        user=row.user_id,
    )
