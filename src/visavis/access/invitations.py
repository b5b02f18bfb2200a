"""Links that are good once, by which a user sets a password: new ones, and those who forgot theirs.

The link's token is 256 random bits, of which a keyed digest is kept. A user has one open link at most, it
ends after 24 hours, and of several who use it at the same time one wins. Opening it uses nothing up, for
programs that look at mail open links too.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from visavis.access.keys import us
from visavis.errors import AccessError

if TYPE_CHECKING:
    from visavis.access.users import User, Users

VALID = timedelta(hours=24)
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
FIRST = "administrator"
"""Name of the user that a first start makes."""


class Invitations:
    """The open links in a ledger's database; safe for several threads and processes at once."""

    def __init__(self, users: Users) -> None:
        """Take the users whose passwords are set."""
        self._users = users
        self._storage = users.ledger.storage
        self._secret = users.secret(b"invitations")

    def make(self, id_: str, *, by: str | None = None) -> str:
        """A new link for a user; one that is open is void. Their password stays until it is used.

        Args:
            id_: The user's.
            by: Id of who invites them; None at the command line.

        Returns:
            The link's token, which can't be had again.

        Raises:
            AccessError: `access.no_user`; `access.blocked`; `access.user_fields`: they sign in at an OpenID
                provider.
            StorageError: It can't be written.
        """
        user = self._users.get(id_)
        if user.blocked_at is not None:
            raise AccessError("access.blocked", f"{user.name} is blocked: unblock them first")
        if user.issuer is not None:
            raise AccessError(
                "access.user_fields",
                f"{user.name} has no password here",
                expected=f"signs in at {user.issuer}",
            )
        token = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        table = _invitations()
        self._users.record("invite", id_, by)
        row = {
            "digest": self._digest(token),
            "user_id": id_,
            "expires_at": us(self._users.clock() + VALID),
        }
        with self._storage.writing() as connection:
            connection.execute(table.delete().where(table.c.user_id == id_))
            connection.execute(table.insert(), row)
        return token

    def first(self) -> tuple[User, str] | None:
        """A link for the first administrator, as long as nobody has ever been able to sign in as one.

        To be asked when a service with a desk starts, once for all of its processes. It makes the user where
        there is none, and a new link where nobody used the one before.

        Raises:
            StorageError: It can't be written.
        """
        administrators = [user for user in self._users.all() if "administrator" in user.roles]
        if any(user.has_password or user.issuer is not None for user in administrators):
            return None
        waiting = [user for user in administrators if user.blocked_at is None]
        user = waiting[0] if waiting else self._first()
        return user, self.make(user.id)

    def find(self, token: str) -> User:
        """Whose link it is; that uses nothing up.

        Raises:
            AccessError: `access.invitation`: it was used, is over, or there was none.
            StorageError: It can't be read.
        """
        table = _invitations()
        query = table.select().where(
            table.c.digest == self._digest(token), table.c.expires_at > us(self._users.clock())
        )
        row = None
        if TOKEN.fullmatch(token):
            with self._storage.reading() as connection:
                row = connection.execute(query).first()
        if row is None:
            raise _none()
        user = self._users.get(row.user_id)
        if user.blocked_at is not None:
            raise _none()
        return user

    def accept(self, token: str, password: str) -> User:
        """Set the password of the user whose link it is; their sessions end, and the link is used up.

        Whoever has a second factor keeps it.

        Raises:
            AccessError: As `find`; `access.password`: it can't be one, and the link stays open;
                `access.busy`.
            StorageError: It can't be written.
        """
        user = self.find(token)
        hashed = self._users.hashed(user, password)
        self._users.record("password", user.id, None, {"how": "invitation"})
        table = _invitations()
        with self._storage.writing() as connection:
            used = connection.execute(
                table.delete().where(
                    table.c.digest == self._digest(token), table.c.expires_at > us(self._users.clock())
                )
            )
            if used.rowcount != 1 or not self._users.set_password(connection, user, hashed):
                raise _none()
        return self._users.get(user.id)

    def expire(self) -> int:
        """Delete links that are over, and say how many those were."""
        table = _invitations()
        with self._storage.writing() as connection:
            over = table.delete().where(table.c.expires_at <= us(self._users.clock()))
            return int(connection.execute(over).rowcount)

    def _first(self) -> User:
        """The first administrator; under another name where somebody else has that one already."""
        try:
            return self._users.add(FIRST, ["administrator"])
        except AccessError as error:
            if error.code != "access.user_exists":
                raise
        there = self._users.named(FIRST)
        if "administrator" in there.roles and there.state == "invited":  # another start was faster
            return there
        return self._users.add(f"{FIRST}-{secrets.token_hex(3)}", ["administrator"])

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._secret, token.encode("utf-8", "replace"), "sha256")


def _none() -> AccessError:
    return AccessError(
        "access.invitation", "this link was used, is over, or there was none: ask for a new one"
    )


def _invitations() -> Any:
    from visavis.access import tables

    return tables.invitations
