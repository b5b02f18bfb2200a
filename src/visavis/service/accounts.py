"""Users and sessions as the settings say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from visavis.access.accounts import OPENID, Accounts
from visavis.access.openid import Settings, read_secret
from visavis.access.sessions import Spans

if TYPE_CHECKING:
    from visavis.ledger.log import Ledger
    from visavis.service.config import Config


def accounts(ledger: Ledger, config: Config) -> Accounts:
    """What the desk needs to know who is before it.

    Args:
        ledger: Keeps users and records what is done.
        config: How the service is set up.

    Raises:
        AccessError: `access.openid_settings`: the file of the secret can't be read, or an address can't be
            used.
    """
    spans = Spans(
        longest=timedelta(hours=config.desk_hours), idle=timedelta(minutes=config.desk_idle_minutes)
    )
    return Accounts.of(ledger, spans=spans, openid=openid_settings(config))


def openid_settings(config: Config) -> Settings | None:
    """How the OpenID provider is reached; None without one.

    Raises:
        AccessError: As `accounts`.
    """
    if config.openid_issuer is None:
        return None
    return Settings(
        issuer=config.openid_issuer,
        client=config.openid_client or "",
        secret=None if config.openid_secret is None else read_secret(config.openid_secret),
        redirect=config.origin + OPENID,
        claim=config.openid_claim,
        roles=config.openid_roles,
    )
