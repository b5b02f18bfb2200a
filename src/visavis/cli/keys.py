"""`visavis keys`: who may ask a service, for which purpose, for what and how often."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from visavis.access.keys import LIFETIME, MAX_QUOTA, MAX_RATE, OVERLAP, SCOPES, Keys
from visavis.cli.ledger import where_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.access.keys import Key
    from visavis.ledger.log import Ledger

SPAN = re.compile(r"([0-9]{1,5})([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.group("keys")
def keys_group() -> None:
    """Who may ask a service, for which purpose, for what and how often?

    Keys lie in the ledger's database. Every key has a purpose, and every change of a key is recorded.
    """


@keys_group.command("create")
@where_option
@click.option("--purpose", required=True, metavar="TEXT", help="What it is for; every call is recorded so.")
@click.option(
    "--legal-basis", required=True, metavar="TEXT", help="On which ground, such as consent or an article."
)
@click.option("--rate", required=True, metavar="N/min", help="Calls a minute; so many may come at once.")
@click.option("--quota", required=True, metavar="M/day", help="Calls in a day of UTC.")
@click.option(
    "--scopes", required=True, metavar="LIST", help=f"What it may be used for, of {', '.join(SCOPES)}."
)
@click.option(
    "--expires",
    default=f"{LIFETIME.days}d",
    show_default=True,
    metavar="TIME",
    help="When it ends: after 90d or 12h, at 2027-01-31 or 2027-01-31T12:00 (UTC), or never.",
)
@click.option(
    "--max-fmr", type=float, metavar="RATE", help="Highest false match rate that a policy may accept with it."
)
@click.option("--json", "as_json", is_flag=True, help="Print key and secret as JSON.")
def create(
    *,
    where: str | None,
    purpose: str,
    legal_basis: str,
    rate: str,
    quota: str,
    scopes: str,
    expires: str,
    max_fmr: float | None,
    as_json: bool,
) -> None:
    """Make a key and print it, once: what is stored of it can't be turned back.

    The key alone goes to standard output, what is known of it to standard error.
    """
    rate_per_min = count(rate, "min", MAX_RATE, "--rate")
    quota_per_day = count(quota, "day", MAX_QUOTA, "--quota")
    ends = _end(expires)
    with opened(where, make=True) as ledger:
        key, token = Keys(ledger).create(
            purpose=purpose,
            legal_basis=legal_basis,
            scopes=tuple(each.strip() for each in scopes.split(",") if each.strip()),
            rate_per_min=rate_per_min,
            quota_per_day=quota_per_day,
            max_fmr=max_fmr,
            expires_at=ends,
        )
    _show(key, token, as_json=as_json)


@keys_group.command("list")
@where_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_keys(*, where: str | None, as_json: bool) -> None:
    """Show all keys, the oldest first."""
    with opened(where) as ledger:
        keys = Keys(ledger).all()
    now = datetime.now(UTC)
    if as_json:
        click.echo(json.dumps([key.to_dict() | {"state": key.state(now)} for key in keys], indent=2))
        return
    table = [("ID", "STATE", "RATE", "QUOTA", "ENDS", "SCOPES", "PURPOSE")]
    for key in keys:
        ends = "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}"
        scopes = ",".join(scope for scope in SCOPES if scope in key.scopes)
        limits = (f"{key.rate_per_min}/min", f"{key.quota_per_day}/day")
        table.append((key.id, key.state(now), *limits, ends, scopes, key.purpose))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@keys_group.command("rotate")
@where_option
@click.argument("id_", metavar="ID")
@click.option(
    "--overlap",
    default=f"{OVERLAP // timedelta(hours=1)}h",
    show_default=True,
    metavar="TIME",
    help="How long the secret that it had stays valid: 0m, 12h, 7d.",
)
@click.option("--json", "as_json", is_flag=True, help="Print key and secret as JSON.")
def rotate(*, where: str | None, id_: str, overlap: str, as_json: bool) -> None:
    """Give the key ID another secret and print it, once. What was counted for the key stays."""
    span = _span(overlap)
    if span is None:
        raise click.BadParameter(f"{overlap!r} is no time such as 12h", param_hint="--overlap")
    with opened(where) as ledger:
        keys = Keys(ledger)
        token = keys.rotate(id_, overlap=span)
        key = keys.get(id_)
    _show(key, token, as_json=as_json)


@keys_group.command("revoke")
@where_option
@click.argument("id_", metavar="ID")
def revoke(*, where: str | None, id_: str) -> None:
    """End the key ID: the next call with it is refused."""
    with opened(where) as ledger:
        Keys(ledger).revoke(id_)
    click.echo(f"{id_} is revoked")


@contextlib.contextmanager
def opened(where: str | None, *, make: bool = False) -> Iterator[Ledger]:
    """A ledger that is there, open to be appended to.

    Args:
        where: Its path or address.
        make: Whether a new one is made where there is none.
    """
    from visavis.ledger.log import Ledger
    from visavis.ledger.reader import Reader

    if not where:
        raise click.UsageError("say which ledger: --ledger, or VISAVIS_LEDGER")
    if not make:
        Reader.read(where).close()
    with Ledger.open(where) as ledger:
        yield ledger


def _show(key: Key, token: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(key.to_dict() | {"secret": token}, indent=2))
        return
    ends = "never ends" if key.expires_at is None else f"ends {key.expires_at:%Y-%m-%d %H:%M} UTC"
    said = [f"key {key.id} for {key.purpose!r}, {ends}"]
    if key.previous_until is not None:
        said.append(f"the secret before it is valid until {key.previous_until:%Y-%m-%d %H:%M} UTC")
    said.append("it is shown this once:")
    click.echo("\n".join(said), err=True)
    sys.stderr.flush()
    click.echo(token)


def count(text: str, unit: str, most: int, option: str) -> int:
    """The number of ``N/min`` or ``M/day``."""
    number, _, of = text.partition("/")
    if of != unit or not re.fullmatch(r"[0-9]{1,10}", number) or not 1 <= int(number) <= most:
        raise click.BadParameter(f"{text!r} is not of the form 60/{unit}", param_hint=option)
    return int(number)


def _span(text: str) -> timedelta | None:
    matched = SPAN.fullmatch(text)
    return None if matched is None else timedelta(**{UNITS[matched[2]]: int(matched[1])})


def _end(text: str) -> datetime | None:
    """When a key ends: after a time, at a moment, or never."""
    if text == "never":
        return None
    if (span := _span(text)) is not None:
        return datetime.now(UTC) + span
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is none of 90d, 2027-01-31 and never", param_hint="--expires"
        ) from None
