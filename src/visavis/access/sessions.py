"""Who is signed in at the desk: sessions on the side of the service, and the way into one.

A browser holds a random token, the database a keyed digest of it: a stolen database signs nobody in, and
whoever can write it can't make a session. A session ends when nobody used it for a while, when its time is
over, when it is signed out, and at once when its user is blocked, gets other roles, another password or
another second factor: it carries the number of its user's `epoch`, which rises then. Each step up gets a
new token, so that one that somebody planted before is worth nothing after.

Where a second factor is wanted, the password only gives a token for the next step, which is no session.

The token is for a cookie (``__Host-``, Secure, HttpOnly, SameSite=Lax or stricter). What stands in a form
against forged requests is an HMAC of the token; before anybody is signed in, of a token from `before`.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from visavis.access import users as user_rows
from visavis.access.attempts import Attempts
from visavis.access.browsers import Browsers
from visavis.access.keys import moment, us
from visavis.errors import AccessError

if TYPE_CHECKING:
    from datetime import datetime

    from visavis.access.attempts import Attempt, Rules
    from visavis.access.second_factor import SecondFactor
    from visavis.access.users import User, Users

TOKEN = re.compile(r"v([bps])_([A-Za-z0-9_-]{43})")
BEFORE, SECOND, FULL = "b", "p", "s"
"""What kind of token it is: of nobody yet, of somebody whose second factor is still to come, of a session."""
STAGES = {SECOND: "second", FULL: "full"}
SECOND_FOR = timedelta(minutes=5)
"""How long somebody has for the second factor."""
SEEN_EVERY = timedelta(minutes=1)
"""A session's last use is kept no finer than this, for each time costs a commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """How long a session lasts.

    Attributes:
        longest: At most.
        idle: Without being used.
    """

    longest: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in.

    Attributes:
        user: Who, as their row says now.
        key: Id of the purpose that they chose; None before they did, or where it is theirs no more.
        how: How they signed in: ``"password"``, ``"password and code"``, ``"password and recovery code"`` or
            ``"openid"``.
        since: Since when.
        until: When it ends at the latest.
        csrf: What stands in its forms.
    """

    user: User
    key: str | None
    how: str
    since: datetime
    until: datetime
    csrf: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a step of signing in came to.

    Attributes:
        token: For the cookie, in the place of the one before.
        session: None where the second factor is still to come.
    """

    token: str
    session: Session | None


class Sessions:
    """The sessions in a ledger's database; safe for several threads and processes at once.

    Attributes:
        attempts: Counts who fails to sign in.
        browsers: Knows with which browsers somebody has signed in.
    """

    def __init__(
        self,
        users: Users,
        second: SecondFactor,
        *,
        spans: Spans | None = None,
        rules: Rules | None = None,
    ) -> None:
        """Take the users whose sessions they are.

        Args:
            users: The users.
            second: Their second factors.
            spans: How long a session lasts.
            rules: When somebody who fails has to wait.
        """
        self._users = users
        self._second = second
        self._spans = spans or Spans()
        self._storage = users.ledger.storage
        self._clock = users.clock
        self._secret = users.secret(b"sessions")
        self._csrf = users.secret(b"csrf")
        self.attempts = Attempts(
            users.ledger, secret=users.secret(b"attempts"), clock=users.clock, rules=rules
        )
        self.browsers = Browsers(users.secret(b"browsers"))

    # Forms

    def before(self) -> str:
        """A token for the cookie of somebody who isn't signed in: their forms can't be forged either."""
        return _token(BEFORE)

    def csrf(self, token: str) -> str:
        """What stands in a form that is given to whoever has a token."""
        mac = hmac.digest(self._csrf, token.encode("utf-8", "replace"), "sha256")
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    def check_csrf(self, token: str | None, given: str | None) -> None:
        """Refuse a form that wasn't given to whoever sends it.

        Args:
            token: Of the cookie that came with it; None without one.
            given: What stood in it; None without.

        Raises:
            AccessError: `access.csrf`.
        """
        right = self.csrf(token or "").encode()
        fits = hmac.compare_digest(right, (given or "").encode("utf-8", "replace"))
        if token is None or not TOKEN.fullmatch(token) or not fits:
            raise AccessError("access.csrf", "this form is too old, or isn't from here: load the page again")

    # Signing in

    def sign_in(
        self, name: str, password: str, *, address: str | None, browser: str | None = None
    ) -> SignedIn:
        """Sign somebody in with a password.

        Args:
            name: What was typed.
            password: What was typed.
            address: Where it comes from, as far as that is known.
            browser: The cookie that `browsers` made for theirs; None without one.

        Raises:
            AccessError: `access.sign_in`: the same for a wrong name, a wrong password, and whoever is
                blocked; `access.locked`: nothing was looked at; `access.busy`.
            StorageError: Nobody is signed in.
        """
        attempt = self._attempt(name, address, browser)
        user, fits = self._tried(attempt, name, password)
        if user is None or not fits:
            self.attempts.failed(attempt, None if user is None else user.id)
            raise _wrong()
        self.attempts.passed(attempt)
        if user.has_second_factor:
            return SignedIn(self._begin(user, SECOND, "password", SECOND_FOR), None)
        return self._signed_in(user, "password")

    def sign_in_second(self, token: str, code: str, *, address: str | None) -> SignedIn:
        """Sign somebody in with the second factor.

        Args:
            token: As `sign_in` gave it.
            code: What was typed: the app's code, or a recovery code.
            address: As for `sign_in`.

        Raises:
            AccessError: `access.session`: it took too long, begin anew; `access.second_factor`: the code is
                wrong or was used; `access.locked`.
            StorageError: Nobody is signed in.
        """
        user, _ = self._find(token, SECOND)
        attempt = self.attempts.begin("second factor", user.id, address)
        used = self._second.use(user.id, code)
        if used is None:
            self.attempts.failed(attempt, user.id)
            raise AccessError("access.second_factor", "the code is wrong, was used, or is over")
        self.attempts.passed(attempt)
        self._end(token)
        return self._signed_in(user, f"password and {used}")

    def sign_in_openid(self, user: User) -> SignedIn:
        """Sign somebody in whom an OpenID provider has vouched for, as `Users.of_openid` gives them.

        Raises:
            AccessError: `access.openid_user`: they are blocked, or no user of a provider.
            StorageError: Nobody is signed in.
        """
        if user.issuer is None or user.state != "active":
            raise AccessError("access.openid_user", "this person may not sign in here: they are blocked")
        return self._signed_in(user, "openid")

    # Sessions

    def find(self, token: str | None) -> Session:
        """Who is signed in with a token; to be asked on each request, and nothing of it kept.

        Raises:
            AccessError: `access.session`: nobody is, or not any more.
            StorageError: It can't be read: nobody is let in.
        """
        user, row = self._find(token, FULL)
        now = us(self._clock())
        if now - row.seen_at >= SEEN_EVERY // timedelta(microseconds=1):
            sessions = _sessions()
            with self._storage.writing() as connection:
                connection.execute(
                    sessions.update()
                    .where(sessions.c.digest == row.digest, sessions.c.seen_at < now)
                    .values(seen_at=now)
                )
        key = row.key
        if key is not None and all(key != each.id for each in self._users.purposes(user.id)):
            key = None
        return Session(
            user=user,
            key=key,
            how=row.how,
            since=moment(row.created_at),
            until=moment(row.until),
            csrf=self.csrf(token or ""),
        )

    def choose(self, token: str, key: str) -> Session:
        """Let somebody who is signed in act under one of their purposes.

        Args:
            token: Of the session.
            key: Id of the purpose, one of `Users.purposes`.

        Raises:
            AccessError: `access.session`; `access.no_key`: it isn't theirs, or is over.
            StorageError: It can't be written.
        """
        user, row = self._find(token, FULL)
        if all(key != each.id for each in self._users.purposes(user.id)):
            raise AccessError("access.no_key", "the user has no such purpose", found=repr(key)[:40])
        sessions = _sessions()
        with self._storage.writing() as connection:
            connection.execute(sessions.update().where(sessions.c.digest == row.digest).values(key=key))
        return self.find(token)

    def prove(self, token: str, password: str, *, address: str | None, browser: str | None = None) -> None:
        """Have whoever is signed in show once more that it is they, before they change how they sign in.

        An open screen alone, or a stolen cookie, isn't enough for that (OWASP ASVS 5.0, 7.5.1).

        Args:
            token: Of the session.
            password: What was typed; a wrong one counts as it does for `sign_in`.
            address: As for `sign_in`.
            browser: As for `sign_in`.

        Raises:
            AccessError: `access.session`; `access.sign_in`: the password is wrong; `access.locked`;
                `access.busy`.
            StorageError: Nothing is shown.
        """
        user, _ = self._find(token, FULL)
        self._prove(user, password, address, browser)

    def change_password(
        self, token: str, old: str, new: str, *, address: str | None, browser: str | None = None
    ) -> SignedIn:
        """Give whoever is signed in another password; all their sessions end, and this one goes on anew.

        Args:
            token: Of the session.
            old: The password that they have.
            new: The one that they want.
            address: As for `sign_in`.
            browser: As for `sign_in`.

        Raises:
            AccessError: `access.session`; `access.sign_in`: the old one is wrong; `access.password`: the new
                one can't be one; `access.locked`; `access.busy`.
            StorageError: It can't be written.
        """
        user, row = self._find(token, FULL)
        self._prove(user, old, address, browser)
        hashed = self._users.hashed(user, new)
        self._users.record("password", user.id, user.id, {"how": "old password"})
        with self._storage.writing() as connection:
            if not self._users.set_password(connection, user, hashed):
                raise _no_session()
        return self._again(user, row)

    def confirm_second_factor(self, token: str, code: str) -> tuple[SignedIn, list[str]]:
        """Let the second factor count that `SecondFactor.begin` began; the session goes on anew.

        Args:
            token: Of the session.
            code: What the app shows.

        Returns:
            The session, and the recovery codes, which can't be had again.

        Raises:
            AccessError: `access.session`; `access.second_factor`: the code is wrong.
            StorageError: It can't be written.
        """
        user, row = self._find(token, FULL)
        codes = self._second.confirm(user, code)
        return self._again(user, row), codes

    def sign_out(self, token: str | None) -> None:
        """End a session, or a step on the way into one; nothing where there is none.

        Raises:
            StorageError: It can't be written.
        """
        if token is not None and TOKEN.fullmatch(token):
            self._end(token)

    def sign_out_everywhere(self, token: str) -> None:
        """End all sessions of whoever is signed in.

        Raises:
            AccessError: `access.session`.
            StorageError: It can't be written.
        """
        user, _ = self._find(token, FULL)
        self._users.end_sessions(user.id, by=user.id)

    def expire(self) -> int:
        """Delete sessions that are over and failures that are forgotten, and say how many those were."""
        sessions, now = _sessions(), us(self._clock())
        idle = us(self._clock() - self._spans.idle)
        with self._storage.writing() as connection:
            over = (sessions.c.until <= now) | (sessions.c.seen_at <= idle)
            gone = int(connection.execute(sessions.delete().where(over)).rowcount)
        return gone + self.attempts.expire()

    def _attempt(self, name: str, address: str | None, browser: str | None) -> Attempt:
        """An attempt at somebody's password, counted by their own browser where it comes from there."""
        name = name.strip().lower()[:200]
        number = self.browsers.number(browser, name)
        if number is not None:
            return self.attempts.begin("browser", f"{number}\n{name}", None)
        return self.attempts.begin("name", name, address)

    def _tried(self, attempt: Attempt, name: str, password: str) -> tuple[User | None, bool]:
        try:
            return self._users.password_fits(name, password)
        except AccessError:  # too many at the same time: nothing was looked at
            self.attempts.withdrawn(attempt)
            raise

    def _prove(self, user: User, password: str, address: str | None, browser: str | None) -> None:
        attempt = self._attempt(user.name, address, browser)
        known, fits = self._tried(attempt, user.name, password)
        if known is None or not fits:
            self.attempts.failed(attempt, user.id)
            raise _wrong()
        self.attempts.passed(attempt)

    def _signed_in(self, user: User, how: str) -> SignedIn:
        self._users.record("sign-in", user.id, user.id, {"how": how})
        token = self._begin(user, FULL, how, self._spans.longest)
        return SignedIn(token, self.find(token))

    def _again(self, user: User, row: Any) -> SignedIn:
        """A session of somebody whose sessions have just ended, with the time that one of them had left.

        Where they were ended once more meanwhile, by somebody else, this one has ended too.
        """
        left = moment(row.until) - self._clock()
        now = replace(self._users.get(user.id), epoch=user.epoch + 1)
        token = self._begin(now, FULL, row.how, left, key=row.key)
        return SignedIn(token, self.find(token))

    def _begin(self, user: User, kind: str, how: str, lasting: timedelta, *, key: str | None = None) -> str:
        token, now = _token(kind), self._clock()
        if key is None and kind == FULL and len(purposes := self._users.purposes(user.id)) == 1:
            key = purposes[0].id  # who has no choice needn't choose
        row = {
            "digest": self._digest(token),
            "user_id": user.id,
            "epoch": user.epoch,
            "stage": STAGES[kind],
            "how": how,
            "key": key,
            "created_at": us(now),
            "seen_at": us(now),
            "until": us(now + lasting),
        }
        with self._storage.writing() as connection:
            connection.execute(_sessions().insert(), row)
        return token

    def _find(self, token: str | None, kind: str) -> tuple[User, Any]:
        """User and row of a token of some kind, if it still counts."""
        matched = TOKEN.fullmatch(token or "")
        if matched is None or matched[1] != kind:
            raise _no_session()
        sessions, now = _sessions(), self._clock()
        query = sessions.select().where(
            sessions.c.digest == self._digest(matched[0]),
            sessions.c.stage == STAGES[kind],
            sessions.c.until > us(now),
            sessions.c.seen_at > us(now - self._spans.idle),
        )
        with self._storage.reading() as connection:
            row = connection.execute(query).first()
            user = None if row is None else user_rows.read(connection, row.user_id)
        if row is None or user is None or user.state != "active" or user.epoch != row.epoch:
            raise _no_session()
        return user, row

    def _end(self, token: str) -> None:
        sessions = _sessions()
        with self._storage.writing() as connection:
            connection.execute(sessions.delete().where(sessions.c.digest == self._digest(token)))

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._secret, token.encode(), "sha256")


def _token(kind: str) -> str:
    return f"v{kind}_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def _no_session() -> AccessError:
    return AccessError("access.session", "nobody is signed in, or not any more: sign in again")


def _wrong() -> AccessError:
    return AccessError("access.sign_in", "name or password is wrong, or the user may not sign in")


def _sessions() -> Any:
    from visavis.access import tables

    return tables.sessions
