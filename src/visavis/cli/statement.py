"""`visavis statement`: signed statements, checked by whoever has one and a public key."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from visavis.cli import MATCH, NO_MATCH
from visavis.cli.ledger import content, opened_to_read, where_option
from visavis.cli.output import watched
from visavis.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from visavis.ledger.statement import Statement

INDENT = 14
MAX_PICTURE = 2**28

FALSE = (
    "statement.proof",
    "statement.signature",
    "statement.untrusted",
    "ledger.checkpoint",
    "ledger.entry",
    "ledger.signature",
)
"""Codes of what makes a statement one that doesn't hold, rather than none."""


@click.group("statement")
def statement_group() -> None:
    """Does a signed statement hold, and what does it say?"""


@statement_group.command("verify")
@click.argument("file", metavar="FILE")
@click.option(
    "--key",
    "key_text",
    metavar="JWK|FILE",
    help="The public key that is trusted, as JWK or set of them; by default that of VISAVIS_LEDGER.",
)
@click.option(
    "--picture",
    "pictures",
    multiple=True,
    metavar="ROLE=FILE",
    help="Also check that an input of the verdict is this file, as in probe=selfie.jpg.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@where_option
@click.pass_context
def verify_statement(
    ctx: click.Context,
    *,
    file: str,
    key_text: str | None,
    pictures: tuple[str, ...],
    as_json: bool,
    where: str | None,
) -> None:
    """Check a statement: its signature, its proof, and the checkpoint that the proof leads to.

    FILE holds it; - reads it from standard input. Nothing is asked of anybody: only the public key is needed,
    which must come from elsewhere than the statement.

    Exit status: 0 it holds, and the pictures are those; 1 it doesn't, or they aren't; 64 wrong usage;
    65 this is no statement, or the key can't be used; 66 a file is missing.
    """
    from visavis.ledger.statement import verify

    asked = [_role(each) for each in pictures]
    keys = _keys(key_text, where)
    token = content(file, 2**18)
    try:
        statement = verify(token, keys)
    except LedgerError as error:
        if error.code not in FALSE:
            raise
        if as_json:
            click.echo(json.dumps({"holds": False, "code": error.code, "why": str(error)}, indent=2))
        else:
            click.echo("\n".join(_headed("DOES NOT HOLD", "red", [("why", str(error))])))
        ctx.exit(NO_MATCH)
    shown = {role: statement.is_about(role, content(path, MAX_PICTURE)) for role, path in asked}
    if as_json:
        click.echo(json.dumps({"holds": True, **statement.to_dict(), "pictures": shown}, indent=2))
    else:
        click.echo("\n".join(_headed("HOLDS", "green", _rows(statement, dict(asked), shown))))
    ctx.exit(MATCH if all(shown.values()) else NO_MATCH)


@statement_group.command("issue")
@where_option
@click.argument("index", type=click.IntRange(min=0))
def issue_statement(*, where: str | None, index: int) -> None:
    """Print the signed statement of entry INDEX, for whoever the verdict is shown to."""
    from visavis.ledger.statement import issue

    with opened_to_read(where) as reader:
        click.echo(issue(reader, index))


@statement_group.command("keys")
@where_option
def show_keys(*, where: str | None) -> None:
    """Print the public keys by which statements are checked, as JSON Web Key Set."""
    from visavis.ledger.statement import published

    with opened_to_read(where) as reader:
        click.echo(json.dumps(published(reader), indent=2))


def _rows(
    statement: Statement, files: dict[str, str], shown: dict[str, bool | None]
) -> Iterator[tuple[str, str]]:
    from visavis.report.words import rate

    entry = statement.entry
    yield "says", f"{entry.kind}: {entry.decision}" if entry.decision else entry.kind
    if entry.fmr is not None or entry.fmr_upper is not None:
        yield "FMR", rate(entry.fmr, entry.fmr_upper)
    if entry.policy is not None and isinstance(accepted := entry.policy.get("fmr"), float) and accepted > 0:
        yield "accepted", rate(accepted, 1.0)
    if entry.reasons:
        yield "reasons", ", ".join(entry.reasons)
    if entry.pack is not None:
        yield "pack", f"{entry.pack}, {entry.fingerprint}" if entry.fingerprint else entry.pack
    if entry.purpose is not None:
        yield "purpose", entry.purpose
    yield "time", entry.time
    yield "ledger", f"entry {statement.index} of {statement.checkpoint.size} in {statement.checkpoint.origin}"
    for role, answer in shown.items():
        said = {True: "it is", False: "it is NOT", None: "the statement can't tell whether it is"}[answer]
        yield "picture", f"{said} the {role}: {files[role]}"


def _headed(title: str, colour: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    from visavis.report.text import headed

    return headed(title, colour, rows, indent=INDENT, colour=watched(sys.stdout))


def _role(text: str) -> tuple[str, str]:
    role, sign, path = text.partition("=")
    if not role or not sign or not path:
        raise click.BadParameter(f"{text!r} is not of the form probe=selfie.jpg", param_hint="--picture")
    return role, path


def _keys(text: str | None, where: str | None) -> list[bytes]:
    """The public keys that are trusted."""
    from visavis.ledger.keys import read_key
    from visavis.ledger.reader import key_path
    from visavis.ledger.statement import read_keys

    if text is not None:
        return read_keys(text if text.lstrip().startswith("{") else content(text, 2**17))
    if where:
        key = read_key(key_path(where))
        return [each.public for each in (key.verifier, *key.former)]
    raise click.UsageError("say whose statement it should be: --key, or VISAVIS_LEDGER")
