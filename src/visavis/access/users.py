"""Users of the desk: who may sign in, what their roles allow, and under which purposes they act.

A user has a name to sign in with, an id that stands in the ledger in its place, and one role or more. What
they do counts like what a program does: under a key with a purpose, a legal basis, a rate and a quota. Each
purpose that a user is given is a key of its own (`keys`), whose secret nobody has; so the key's id in an
entry says who did it and what for, and all that holds for keys holds for users.

A user signs in with a password, which only a link sets that is good once (`invitations`), or at an OpenID
provider (`openid`).

Every change of a user is in the ledger before it has an effect, by the user's id and never by their name.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from visavis.access.keys import SCOPES, Keys, moment, us
from visavis.access.passwords import Passwords, refuse_weak
from visavis.errors import AccessError
from visavis.ledger.entry import Event
from visavis.ledger.rows import insert

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import Connection

    from visavis.access.keys import Grant, Key
    from visavis.access.passwords import Cost
    from visavis.ledger.entry import Scalar
    from visavis.ledger.log import Ledger

Role = Literal["clerk", "reviewer", "auditor", "administrator"]
ROLES: tuple[str, ...] = get_args(Role)

ACTS: Mapping[str, frozenset[str]] = {
    "clerk": frozenset({"verifications", "crosschecks", "documents", "quality", "challenges"}),
    "reviewer": frozenset({"reviews"}),
    "auditor": frozenset({"ledger", "subjects"}),
    "administrator": frozenset({"users", "metrics"}),
}
"""What each role allows: scopes of keys, and what only the desk knows: to decide on cases that were put aside
(``"reviews"``), and to manage users (``"users"``)."""
DESK_SCOPES = tuple(scope for scope in SCOPES if any(scope in acts for acts in ACTS.values()))
"""Scopes of the keys that users are given; their roles say which of these they may use."""

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,62}[a-z0-9]")
ISSUER_MOST, SUBJECT_MOST = 500, 255
"""Characters; the second is what OpenID Connect Core 1.0, section 2, allows."""
PER_MINUTE, PER_DAY = 60, 1000
"""Rate and quota of a purpose where nobody says."""
ID_BYTES = 8
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """What is known of a user.

    Attributes:
        id: Names them in the ledger.
        name: What they sign in with.
        roles: Of `ROLES`.
        created_at: Since when they are.
        blocked_at: Since when they may not sign in; None where they may.
        has_password: Whether they have set one.
        has_second_factor: Whether signing in with it takes a second factor.
        issuer: Of the OpenID provider where they sign in instead; None with a password.
        subject: What that one calls them.
        epoch: Rises whenever their sessions end.
        language: Tag of the language that they chose at the desk; None where they chose none.
    """

    id: str
    name: str
    roles: frozenset[str]
    created_at: datetime
    blocked_at: datetime | None
    has_password: bool
    has_second_factor: bool
    issuer: str | None
    subject: str | None
    epoch: int
    language: str | None

    @property
    def state(self) -> str:
        """``"active"``, ``"blocked"``, or ``"invited"``: they have set no password yet."""
        if self.blocked_at is not None:
            return "blocked"
        return "active" if self.has_password or self.issuer is not None else "invited"

    @property
    def acts(self) -> frozenset[str]:
        """What the roles allow."""
        return frozenset().union(*(ACTS[role] for role in self.roles))

    def may(self, act: str) -> bool:
        """Whether the roles allow something, of the values of `ACTS`."""
        return act in self.acts

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "id": self.id,
            "name": self.name,
            "roles": [role for role in ROLES if role in self.roles],
            "state": self.state,
            "created_at": self.created_at.isoformat(),
            "blocked_at": None if self.blocked_at is None else self.blocked_at.isoformat(),
            "second_factor": self.has_second_factor,
            "issuer": self.issuer,
            "subject": self.subject,
        }


class Users:
    """The users in a ledger's database; safe for several threads and processes at once.

    Attributes:
        ledger: Keeps their rows and records what is done with them.
        keys: The keys that they act under.
        clock: What time it is.
    """

    def __init__(
        self, ledger: Ledger, clock: Callable[[], datetime] | None = None, *, cost: Cost | None = None
    ) -> None:
        """Take a ledger that is open to be appended to.

        Args:
            ledger: Keeps their rows and records what is done with them.
            clock: What time it is.
            cost: How much work a password is.
        """
        self.ledger = ledger
        self.keys = Keys(ledger, clock)
        self.clock = clock or (lambda: datetime.now(UTC))
        self._storage = ledger.storage
        self._passwords = Passwords(self.secret(b"passwords"), cost)

    def secret(self, use: bytes) -> bytes:
        """A secret of its own for each use, from that of the ledger's key, 32 bytes."""
        assert self.ledger.key is not None  # noqa: S101  # Keys has seen to it
        return hmac.digest(self.ledger.key.secret, b"access users 1 " + use, "sha256")

    # What administrators do; `by` is the id of the one who does it, None at the command line

    def add(
        self,
        name: str,
        roles: Collection[str],
        *,
        openid: tuple[str, str] | None = None,
        by: str | None = None,
    ) -> User:
        """Add a user, who can't sign in before an invitation was accepted.

        Args:
            name: What they sign in with: 2 to 64 of a-z, 0-9 and ``. _ @ + -``; capitals become small.
            roles: At least one of `ROLES`.
            openid: Issuer and subject, where they sign in at an OpenID provider.
            by: Who adds them.

        Raises:
            AccessError: `access.user_fields`: something isn't as it should be; `access.user_exists`.
            StorageError: It can't be written.
        """
        name = _name(name)
        _check_roles(roles)
        if openid is not None:
            _check_openid(openid)
        with self._storage.reading() as connection:
            there = _row(connection, name=name)
        if there is not None:
            raise _exists(name)
        id_ = base64.b32encode(secrets.token_bytes(ID_BYTES)).decode().lower()[:12]
        self.record("add", id_, by, {"roles": _joined(roles), "openid": openid is not None})
        users, (issuer, subject) = _users(), openid or (None, None)
        row = {
            "id": id_,
            "name": name,
            "roles": _joined(roles),
            "epoch": 0,
            "created_at": us(self.clock()),
            "totp_step": 0,
            "issuer": issuer,
            "subject": subject,
        }
        with self._storage.writing() as connection:
            added = insert(connection, users).values(row).on_conflict_do_nothing().returning(users.c.id)
            if connection.execute(added).first() is None:  # somebody was faster
                raise _exists(name)
        return self.get(id_)

    def all(self) -> list[User]:
        """All users, by name."""
        users = _users()
        with self._storage.reading() as connection:
            return [_user(row) for row in connection.execute(users.select().order_by(users.c.name))]

    def get(self, id_: str) -> User:
        """A user by their id.

        Raises:
            AccessError: `access.no_user`.
        """
        return self._one(id=id_)

    def named(self, name: str) -> User:
        """A user by their name.

        Raises:
            AccessError: `access.no_user`.
        """
        return self._one(name=name.strip().lower())

    def set_roles(self, id_: str, roles: Collection[str], *, by: str | None = None) -> User:
        """Give a user other roles; their sessions end.

        Raises:
            AccessError: `access.no_user`; `access.user_fields`; `access.last_administrator`: nobody would be
                left who can manage users.
            StorageError: It can't be written.
        """
        _check_roles(roles)
        return self._set_roles(self.get(id_), roles, by=by, keeps_one="administrator" not in roles)

    def block(self, id_: str, *, by: str | None = None) -> User:
        """Keep a user out: their sessions end, they can't sign in, and open links are void.

        Raises:
            AccessError: `access.no_user`, `access.last_administrator`.
            StorageError: It can't be written.
        """
        user = self.get(id_)
        if user.blocked_at is not None:
            return user
        with self._storage.reading() as connection:
            self._keep_one(connection, user)
        self.record("block", id_, by)
        with self._storage.writing() as connection:
            self._keep_one(connection, user)
            self.end_sessions_of(connection, id_, blocked_at=us(self.clock()))
            _void_link(connection, id_)
        return self.get(id_)

    def unblock(self, id_: str, *, by: str | None = None) -> User:
        """Let a user in again.

        Raises:
            AccessError: `access.no_user`.
            StorageError: It can't be written.
        """
        if self.get(id_).blocked_at is not None:
            self.record("unblock", id_, by)
            with self._storage.writing() as connection:
                connection.execute(_users().update().where(_users().c.id == id_).values(blocked_at=None))
        return self.get(id_)

    def end_sessions(self, id_: str, *, by: str | None = None) -> None:
        """Sign a user out everywhere.

        Raises:
            AccessError: `access.no_user`.
            StorageError: It can't be written.
        """
        self.get(id_)
        self.record("end-sessions", id_, by)
        with self._storage.writing() as connection:
            self.end_sessions_of(connection, id_)

    def set_language(self, id_: str, language: str | None) -> None:
        """Keep which language a user chose; nothing else changes, and nothing is recorded.

        Args:
            id_: The user's.
            language: A tag that the desk knows; None for what their browser says.

        Raises:
            StorageError: It can't be written.
        """
        users = _users()
        with self._storage.writing() as connection:
            connection.execute(users.update().where(users.c.id == id_).values(language=language))

    # Purposes

    def give_purpose(
        self,
        id_: str,
        *,
        purpose: str,
        legal_basis: str,
        rate_per_min: int = PER_MINUTE,
        quota_per_day: int = PER_DAY,
        max_fmr: float | None = None,
        expires_at: datetime | None = None,
        by: str | None = None,
    ) -> Key:
        """Let a user act under a purpose: a key that belongs to them is made.

        Args:
            id_: The user's.
            purpose: As `Keys.create`.
            legal_basis: As `Keys.create`.
            rate_per_min: As `Keys.create`.
            quota_per_day: As `Keys.create`.
            max_fmr: As `Keys.create`.
            expires_at: As `Keys.create`.
            by: Who gives it.

        Raises:
            AccessError: `access.no_user`; `access.key_fields`.
            StorageError: It can't be written.
        """
        user = self.get(id_)
        key, _ = self.keys.create(
            purpose=purpose,
            legal_basis=legal_basis,
            scopes=DESK_SCOPES,
            rate_per_min=rate_per_min,
            quota_per_day=quota_per_day,
            max_fmr=max_fmr,
            expires_at=expires_at,
            user=user.id,
        )
        self.record("purpose", id_, by, {"key": key.id}, purpose=purpose)
        return key

    def take_purpose(self, id_: str, key: str, *, by: str | None = None) -> Key:
        """Let a user act under a purpose no more.

        Args:
            id_: The user's.
            key: The id of the key that `give_purpose` made.
            by: Who takes it.

        Raises:
            AccessError: `access.no_key`: it isn't the user's.
            StorageError: It can't be written.
        """
        found = self.keys.get(key)
        if found.user is None or found.user != id_:
            raise AccessError("access.no_key", "the user has no such purpose", found=repr(key)[:40])
        self.record("purpose-end", id_, by, {"key": key}, purpose=found.purpose)
        return self.keys.revoke(key)

    def purposes(self, id_: str) -> list[Key]:
        """What a user may choose from, the oldest first: their keys that are valid."""
        now = self.clock()
        return [key for key in self.keys.of_user(id_) if key.state(now) == "valid"]

    def anybody_else_may(self, act: str, purpose: str, *, but: str) -> bool:
        """Whether somebody who can sign in may do something for a purpose.

        Args:
            act: Of the values of `ACTS`.
            purpose: What it is called.
            but: Id of the user who doesn't count.
        """
        import sqlalchemy as sa

        from visavis.access import tables

        users, keys = tables.users, tables.keys
        query = (
            sa.select(users)
            .join(keys, keys.c.user_id == users.c.id)
            .where(keys.c.purpose == purpose, keys.c.revoked_at.is_(None), users.c.id != but)
            .where(keys.c.expires_at.is_(None) | (keys.c.expires_at > us(self.clock())))
        )
        with self._storage.reading() as connection:
            found = [_user(row) for row in connection.execute(query)]
        return any(user.state == "active" and user.may(act) for user in found)

    def grant(self, user: User, key: str, scope: str) -> Grant:
        """Let a call of a user in and count it, as `Keys.admit` does for a program.

        Args:
            user: Who is signed in, as `Sessions.find` has just given them.
            key: Id of the purpose that they chose.
            scope: What the call is, of `keys.SCOPES`.

        Raises:
            AccessError: `access.role`: their roles don't allow it; `access.unknown`: the key isn't theirs;
                otherwise as `Keys.admit`.
            StorageError: Nobody is let in.
        """
        return self.keys.grant(key, scope, user=user.id, allowed=user.acts)

    # Signing in; `sessions` is what calls it

    def password_fits(self, name: str, password: str) -> tuple[User | None, bool]:
        """The user of a name, and whether this is their password and they may sign in with it.

        It takes as long for a name that nobody has, for a user without a password and for a blocked one. A
        hash of less work than a new one would be is made anew.

        Raises:
            AccessError: `access.busy`.
            StorageError: It can't be read.
        """
        name = name.strip().lower()
        with self._storage.reading() as connection:
            row = _row(connection, name=name) if NAME.fullmatch(name) else None
        if row is None:
            self._passwords.fits("nobody", password, None)
            return None, False
        user, kept = _user(row), row.password
        fits = self._passwords.fits(user.id, password, kept)
        if not fits or user.state != "active":
            return user, False
        if self._passwords.is_outdated(kept):
            users = _users()
            better = self._passwords.hashed(user.id, password)
            with self._storage.writing() as connection:
                connection.execute(
                    users.update()
                    .where(users.c.id == user.id, users.c.password == kept)
                    .values(password=better)
                )
        return user, True

    def hashed(self, user: User, password: str) -> str:
        """What is kept of a new password.

        Raises:
            AccessError: `access.password`: it can't be one; `access.busy`.
        """
        refuse_weak(password, user.name)
        return self._passwords.hashed(user.id, password)

    def set_password(self, connection: Connection, user: User, hashed: str) -> bool:
        """Keep a password that `hashed` made; the user's sessions end and their link is void.

        The caller records it.

        Args:
            connection: Of a transaction that writes.
            user: As they were when it was decided that they may.
            hashed: What is kept.

        Returns:
            False where the user was changed meanwhile: nothing is kept then.
        """
        users = _users()
        changed = connection.execute(
            users.update()
            .where(users.c.id == user.id, users.c.epoch == user.epoch, users.c.blocked_at.is_(None))
            .values(password=hashed, epoch=users.c.epoch + 1)
        )
        if changed.rowcount == 1:
            _void_link(connection, user.id)
        return changed.rowcount == 1

    def of_openid(self, issuer: str, subject: str, *, name: str | None, roles: frozenset[str] | None) -> User:
        """The user of an OpenID identity; added where the provider says which roles they have.

        Args:
            issuer: The provider.
            subject: What it calls them.
            name: What they might be called here, if nobody is.
            roles: What it says of them; None where it isn't asked.

        Raises:
            AccessError: `access.openid_user`: there is no such user, they are blocked, or have no role.
            StorageError: It can't be read or written.
        """
        _check_openid((issuer, subject))
        with self._storage.reading() as connection:
            row = _row(connection, issuer=issuer, subject=subject)
        if roles is not None and not roles:
            if row is not None and row.blocked_at is None:
                self.end_sessions(row.id)
            raise _no_openid("the provider gives them no role here")
        if row is None:
            if roles is None:
                raise _no_openid("nobody has added them")
            return self._added(issuer, subject, name, roles)
        user = _user(row)
        if user.blocked_at is not None:
            raise _no_openid("they are blocked")
        if roles is not None and roles != user.roles:
            user = self._set_roles(user, roles, by=None, keeps_one=False)
        return user

    # What others of this room build on

    def record(
        self,
        action: str,
        id_: str,
        by: str | None,
        details: Mapping[str, Scalar] | None = None,
        *,
        purpose: str | None = None,
    ) -> None:
        """Have an entry in the ledger about a user.

        Args:
            action: What is done.
            id_: The user's.
            by: Id of who does it; None at the command line, or where nobody is signed in yet.
            details: What belongs to it.
            purpose: Which purpose it is about.
        """
        told: dict[str, Scalar] = {"user": id_, "by": by, **(details or {})}
        self.ledger.append(Event(kind="user", decision=action, purpose=purpose, details=told))

    def end_sessions_of(self, connection: Connection, id_: str, **changes: object) -> None:
        """Let all sessions of a user end in a transaction, with other changes of their row."""
        from visavis.access import tables

        users, sessions = tables.users, tables.sessions
        values = {**changes, "epoch": users.c.epoch + 1}
        connection.execute(users.update().where(users.c.id == id_).values(values))
        connection.execute(sessions.delete().where(sessions.c.user_id == id_))

    def _one(self, **which: str) -> User:
        with self._storage.reading() as connection:
            row = _row(connection, **which)
        if row is None:
            [found] = which.values()
            raise AccessError("access.no_user", "there is no such user", found=repr(found)[:80])
        return _user(row)

    def _set_roles(self, user: User, roles: Collection[str], *, by: str | None, keeps_one: bool) -> User:
        if frozenset(roles) == user.roles:
            return user
        if keeps_one:
            with self._storage.reading() as connection:
                self._keep_one(connection, user)
        self.record("roles", user.id, by, {"roles": _joined(roles), "before": _joined(user.roles)})
        with self._storage.writing() as connection:
            if keeps_one:
                self._keep_one(connection, user)
            self.end_sessions_of(connection, user.id, roles=_joined(roles))
        return self.get(user.id)

    def _keep_one(self, connection: Connection, leaving: User) -> None:
        """Refuse what leaves nobody who can manage users; in a transaction that writes nobody is faster."""
        if "administrator" not in leaving.roles:
            return
        users = _users()
        query = users.select().where(users.c.roles.contains("administrator")).order_by(users.c.id)
        if connection.get_execution_options().get("visavis_writing"):
            query = query.with_for_update()
        others = [user for row in connection.execute(query) if (user := _user(row)).id != leaving.id]
        if not any("administrator" in user.roles and user.state == "active" for user in others):
            raise AccessError(
                "access.last_administrator",
                "nobody else could manage users: make another administrator first",
            )

    def _added(self, issuer: str, subject: str, name: str | None, roles: frozenset[str]) -> User:
        """A new user who came from an OpenID provider; under a name that nobody has."""
        wished = (name or "").strip().lower()
        names = [wished] if NAME.fullmatch(wished) else []
        for each in (*names, *(f"openid-{secrets.token_hex(6)}" for _ in range(TRIES))):
            try:
                return self.add(each, roles, openid=(issuer, subject))
            except AccessError as error:
                if error.code != "access.user_exists":
                    raise
            with self._storage.reading() as connection:
                row = _row(connection, issuer=issuer, subject=subject)
            if row is not None:  # another request of the same person was faster
                return _user(row)
        raise _no_openid("no name is left for them")


def read(connection: Connection, id_: str) -> User | None:
    """A user by their id, as a transaction sees them."""
    row = _row(connection, id=id_)
    return None if row is None else _user(row)


def _name(name: str) -> str:
    name = name.strip().lower()
    if not NAME.fullmatch(name):
        raise _unfit("the name", found=repr(name)[:80], expected="2 to 64 of a-z, 0-9, . _ @ + and -")
    return name


def _check_roles(roles: Collection[str]) -> None:
    wrong = [role for role in roles if role not in ROLES]
    if wrong or not roles:
        raise _unfit("the roles", found=", ".join(wrong)[:100] or "none", expected=", ".join(ROLES))


def _check_openid(openid: tuple[str, str]) -> None:
    for what, text, most in zip(
        ("the issuer", "the subject"), openid, (ISSUER_MOST, SUBJECT_MOST), strict=True
    ):
        if not (1 <= len(text) <= most and text.isascii() and text.isprintable()):
            raise _unfit(what, expected=f"1 to {most} printable ASCII characters")


def _unfit(what: str, *, found: object = None, expected: object = None) -> AccessError:
    return AccessError(
        "access.user_fields", f"{what} of a user can't be this", found=found, expected=expected
    )


def _exists(name: str) -> AccessError:
    return AccessError("access.user_exists", "there is such a user already", found=name)


def _no_openid(why: str) -> AccessError:
    return AccessError("access.openid_user", f"this person may not sign in here: {why}")


def _joined(roles: Collection[str]) -> str:
    return ",".join(role for role in ROLES if role in roles)


def _users() -> Any:
    from visavis.access import tables

    return tables.users


def _void_link(connection: Connection, id_: str) -> None:
    from visavis.access import tables

    connection.execute(tables.invitations.delete().where(tables.invitations.c.user_id == id_))


def _row(connection: Connection, **which: str) -> Any:
    users = _users()
    query = users.select().where(*(users.c[name] == value for name, value in which.items()))
    return connection.execute(query).first()


def _user(row: Any) -> User:
    return User(
        id=row.id,
        name=row.name,
        roles=frozenset(row.roles.split(",")),
        created_at=moment(row.created_at),
        blocked_at=None if row.blocked_at is None else moment(row.blocked_at),
        has_password=row.password is not None,
        has_second_factor=row.totp_since is not None,
        issuer=row.issuer,
        subject=row.subject,
        epoch=row.epoch,
        language=row.language,
    )
