"""All that a desk needs to know who is before it, put together: one for each process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.access.invitations import Invitations
from visavis.access.openid import Provider
from visavis.access.second_factor import SecondFactor
from visavis.access.sessions import Sessions
from visavis.access.users import Users
from visavis.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from visavis.access.attempts import Rules
    from visavis.access.openid import Settings
    from visavis.access.passwords import Cost
    from visavis.access.sessions import SignedIn, Spans
    from visavis.access.users import User
    from visavis.ledger.log import Ledger

INVITATION = "/desk/invitation/"
"""Path of the page that a link leads to; the link's token follows."""
OPENID = "/desk/openid"
"""Path of the page that people come back to from an OpenID provider."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Users and how they sign in; safe for several threads and processes at once.

    Attributes:
        users: Who may sign in.
        invitations: Links by which they set a password.
        second_factor: Their second factors.
        sessions: Who is signed in.
        openid: Where they sign in instead; None without.
    """

    users: Users
    invitations: Invitations
    second_factor: SecondFactor
    sessions: Sessions
    openid: Provider | None

    @classmethod
    def of(
        cls,
        ledger: Ledger,
        *,
        spans: Spans | None = None,
        rules: Rules | None = None,
        openid: Settings | None = None,
        cost: Cost | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Accounts:
        """Take a ledger that is open to be appended to.

        Args:
            ledger: Keeps all of it and records what is done.
            spans: How long a session lasts.
            rules: When somebody who fails has to wait.
            openid: The OpenID provider; None without.
            cost: How much work a password is.
            clock: What time it is.
        """
        users = Users(ledger, clock, cost=cost)
        second = SecondFactor(users)
        provider = None
        if openid is not None:
            provider = Provider(openid, secret=users.secret(b"openid"), clock=users.clock)
        sessions = Sessions(users, second, spans=spans, rules=rules)
        return cls(users, Invitations(users), second, sessions, provider)

    def accept(self, token: str, password: str) -> User:
        """Set the password of the user whose link it is, and forget who failed to sign in as them.

        So nobody is kept out by others' failures whom an administrator gives a link.

        Args:
            token: Of the link.
            password: What they chose.

        Raises:
            AccessError: As `Invitations.accept`.
            StorageError: It can't be written.
        """
        user = self.invitations.accept(token, password)
        self.sessions.attempts.forget("name", user.name)
        return user

    def finish_openid(self, sealed: str | None, given: Mapping[str, str]) -> SignedIn:
        """Sign somebody in who comes back from the OpenID provider.

        Args:
            sealed: The cookie that `Provider.begin` made.
            given: The parameters in the address that they came back to.

        Raises:
            AccessError: As `Provider.finish` and `Users.of_openid`; `access.openid_settings`: there is no
                provider.
            StorageError: Nobody is signed in.
        """
        if self.openid is None:
            raise AccessError("access.openid_settings", "OpenID: no provider is set")
        found = self.openid.finish(sealed, given)
        user = self.users.of_openid(found.issuer, found.subject, name=found.name, roles=found.roles)
        return self.sessions.sign_in_openid(user)

    def expire(self) -> int:
        """Delete all that is past its time, and say how many sessions, links and failures that were."""
        return self.sessions.expire() + self.invitations.expire()


def invitation_link(origin: str, token: str) -> str:
    """The address that a link leads to.

    Args:
        origin: Of the desk, ``https://desk.example``.
        token: Of the link.
    """
    return f"{origin}{INVITATION}{token}"
