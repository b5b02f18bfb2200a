"""`visavis users`: who may sign in at the desk, and what they may do there."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import click

from visavis.access.accounts import INVITATION, Accounts, invitation_link
from visavis.access.keys import MAX_QUOTA, MAX_RATE
from visavis.access.users import PER_DAY, PER_MINUTE, ROLES
from visavis.cli.keys import count, opened
from visavis.cli.ledger import where_option
from visavis.errors import AccessError
from visavis.ledger.entry import TEXT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from visavis.access.users import User

role_option = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(ROLES),
    help="What they may do; give it again for more.",
)


def origin_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--origin``."""
    return click.option(
        "--origin",
        envvar="VISAVIS_SERVICE_DESK_ORIGIN",
        metavar="ADDRESS",
        callback=_origin,
        help="Of the desk, such as https://desk.example; without it only the end of the link is printed.",
    )(command)


def _origin(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no address before anybody is added."""
    origin = (value or "").rstrip("/")
    if origin and not re.match(r"https?://", origin):
        raise click.BadParameter(f"{origin!r} is no address")
    return origin or None


def _text(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse what no purpose is before anything is done."""
    if value is not None and not (value.strip() and TEXT.fullmatch(value)):
        raise click.BadParameter("give 1 to 200 characters in one line")
    return value


@click.group("users")
def users_group() -> None:
    """Who may sign in at the desk, with which roles and for which purposes?

    Users lie in the ledger's database. Every change of a user is recorded, by their id and never their name.
    """


@users_group.command("add")
@where_option
@click.argument("name", metavar="NAME")
@role_option
@click.option("--purpose", metavar="TEXT", callback=_text, help="What they act for; needs --legal-basis.")
@click.option(
    "--legal-basis", metavar="TEXT", callback=_text, help="On which ground, such as consent or an article."
)
@click.option(
    "--rate", default=f"{PER_MINUTE}/min", show_default=True, metavar="N/min", help="Calls a minute."
)
@click.option("--quota", default=f"{PER_DAY}/day", show_default=True, metavar="M/day", help="Calls in a day.")
@click.option(
    "--openid",
    nargs=2,
    metavar="ISSUER SUBJECT",
    help="They sign in at this OpenID provider, which calls them so, and get no link.",
)
@origin_option
def add(
    *,
    where: str | None,
    name: str,
    roles: tuple[str, ...],
    purpose: str | None,
    legal_basis: str | None,
    rate: str,
    quota: str,
    openid: tuple[str, str] | None,
    origin: str | None,
) -> None:
    """Add the user NAME and print a link by which they set a password: once, within 24 hours.

    The link alone goes to standard output, what is known of the user to standard error.
    """
    if (purpose is None) != (legal_basis is None):
        raise click.UsageError("--purpose and --legal-basis go together")
    rate_per_min = count(rate, "min", MAX_RATE, "--rate")
    quota_per_day = count(quota, "day", MAX_QUOTA, "--quota")
    with opened(where, make=True) as ledger:
        accounts = Accounts.of(ledger)
        user = accounts.users.add(name, roles, openid=openid)
        if purpose is not None and legal_basis is not None:
            accounts.users.give_purpose(
                user.id,
                purpose=purpose,
                legal_basis=legal_basis,
                rate_per_min=rate_per_min,
                quota_per_day=quota_per_day,
            )
        token = None if openid is not None else accounts.invitations.make(user.id)
    _tell(user, f"{user.name} is added")
    if token is not None:
        _show(token, origin)


@users_group.command("list")
@where_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_users(*, where: str | None, as_json: bool) -> None:
    """Show all users, by name, with the purposes that they act for."""
    with opened(where) as ledger:
        users = Accounts.of(ledger).users
        found = [(user, users.purposes(user.id)) for user in users.all()]
    if as_json:
        told = [user.to_dict() | {"purposes": [key.to_dict() for key in keys]} for user, keys in found]
        click.echo(json.dumps(told, indent=2))
        return
    table = [("ID", "NAME", "STATE", "SECOND", "ROLES", "PURPOSES")]
    for user, keys in found:
        second = "yes" if user.has_second_factor else "elsewhere" if user.issuer else "no"
        roles = ",".join(role for role in ROLES if role in user.roles)
        purposes = "; ".join(f"{key.purpose} ({key.id})" for key in keys) or "none"
        table.append((user.id, user.name, user.state, second, roles, purposes))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@users_group.command("roles")
@where_option
@click.argument("name", metavar="NAME")
@role_option
def roles_command(*, where: str | None, name: str, roles: tuple[str, ...]) -> None:
    """Give the user NAME these roles, and no others; their sessions end."""
    with opened(where) as ledger:
        users = Accounts.of(ledger).users
        user = users.set_roles(users.named(name).id, roles)
    click.echo(f"{user.name}: {', '.join(role for role in ROLES if role in user.roles)}")


@users_group.command("purpose")
@where_option
@click.argument("name", metavar="NAME")
@click.option("--purpose", metavar="TEXT", callback=_text, help="What they act for, too.")
@click.option(
    "--legal-basis", metavar="TEXT", callback=_text, help="On which ground, such as consent or an article."
)
@click.option(
    "--rate", default=f"{PER_MINUTE}/min", show_default=True, metavar="N/min", help="Calls a minute."
)
@click.option("--quota", default=f"{PER_DAY}/day", show_default=True, metavar="M/day", help="Calls in a day.")
@click.option("--take", metavar="ID", help="Take the purpose of this id away instead.")
def purpose_command(
    *,
    where: str | None,
    name: str,
    purpose: str | None,
    legal_basis: str | None,
    rate: str,
    quota: str,
    take: str | None,
) -> None:
    """Let the user NAME act for a purpose, or no more."""
    given = (purpose is not None, legal_basis is not None, take is not None)
    if given not in ((True, True, False), (False, False, True)):
        raise click.UsageError("give --purpose and --legal-basis, or --take")
    rate_per_min = count(rate, "min", MAX_RATE, "--rate")
    quota_per_day = count(quota, "day", MAX_QUOTA, "--quota")
    with opened(where) as ledger:
        users = Accounts.of(ledger).users
        user = users.named(name)
        if take is not None:
            key = users.take_purpose(user.id, take)
            click.echo(f"{user.name} acts for {key.purpose!r} no more")
            return
        key = users.give_purpose(
            user.id,
            purpose=purpose or "",
            legal_basis=legal_basis or "",
            rate_per_min=rate_per_min,
            quota_per_day=quota_per_day,
        )
    click.echo(f"{user.name} may act for {key.purpose!r} ({key.id})")


@users_group.command("block")
@where_option
@click.argument("name", metavar="NAME")
def block(*, where: str | None, name: str) -> None:
    """Keep the user NAME out: their sessions end at once."""
    with opened(where) as ledger:
        users = Accounts.of(ledger).users
        user = users.block(users.named(name).id)
    click.echo(f"{user.name} is blocked")


@users_group.command("unblock")
@where_option
@click.argument("name", metavar="NAME")
def unblock(*, where: str | None, name: str) -> None:
    """Let the user NAME in again."""
    with opened(where) as ledger:
        users = Accounts.of(ledger).users
        user = users.unblock(users.named(name).id)
    click.echo(f"{user.name} is {user.state}")


@users_group.command("invite")
@where_option
@click.argument("name", metavar="NAME")
@origin_option
def invite(*, where: str | None, name: str, origin: str | None) -> None:
    """Print another link by which the user NAME sets a password; the one before is void."""
    with opened(where) as ledger:
        accounts = Accounts.of(ledger)
        user = accounts.users.named(name)
        token = accounts.invitations.make(user.id)
    _tell(user, f"{user.name} may set a password")
    _show(token, origin)


@users_group.command("totp-reset")
@where_option
@click.argument("name", metavar="NAME")
def totp_reset(*, where: str | None, name: str) -> None:
    """Take the second factor of the user NAME away, as for a lost phone; their sessions end."""
    with opened(where) as ledger:
        accounts = Accounts.of(ledger)
        user = accounts.users.named(name)
        if not user.has_second_factor:
            raise AccessError("access.second_factor", f"{user.name} has no second factor")
        accounts.second_factor.reset(user.id)
    click.echo(f"{user.name} has no second factor any more")


def _tell(user: User, what: str) -> None:
    roles = ", ".join(role for role in ROLES if role in user.roles)
    click.echo(f"{what} ({user.id}; {roles})", err=True)


def _show(token: str, origin: str | None) -> None:
    click.echo("the link is shown this once, works once, and ends after 24 hours:", err=True)
    sys.stderr.flush()
    click.echo(invitation_link(origin, token) if origin else f"{INVITATION}{token}")
