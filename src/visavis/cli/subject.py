"""`visavis subject`: what was done with a person's data, and erasing what shows whose it was."""

from __future__ import annotations

import json

import click

from visavis.cli.keys import opened
from visavis.cli.ledger import where_option


@click.group("subject")
def subject_group() -> None:
    """What was done with a person's data? REF is the operator's own reference of the person."""


@subject_group.command("report")
@where_option
@click.argument("reference", metavar="REF")
@click.option(
    "--purpose",
    envvar="VISAVIS_PURPOSE",
    default="access by the subject",
    show_default=True,
    help="What the report is made for; that is recorded.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def report(*, where: str | None, reference: str, purpose: str, as_json: bool) -> None:
    """Tell in words every use of a person's data that is recorded under REF.

    That somebody looked is recorded before anything is shown.
    """
    from visavis.access.subjects import Subjects

    with opened(where) as ledger:
        found = Subjects(ledger).report(reference, purpose=purpose)
    click.echo(json.dumps(found.to_dict(), indent=2) if as_json else "\n".join(found.lines()))


@subject_group.command("erase")
@where_option
@click.argument("reference", metavar="REF")
@click.option(
    "--purpose",
    envvar="VISAVIS_PURPOSE",
    default="erasure for the subject",
    show_default=True,
    help="What it is done for; that is recorded.",
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True, help="Print what was erased as JSON.")
def erase(*, where: str | None, reference: str, purpose: str, yes: bool, as_json: bool) -> None:
    """Delete what is kept about REF, and destroy what shows which entries are about it.

    Kept may be answers of a service, and pictures of its desk. The entries stay, the ledger verifies as
    before, and nobody can tell any more whom they are about. Copies of the database from before still can.
    """
    from visavis.access.subjects import Subjects

    if not yes:
        click.confirm(f"Erase what is kept of {reference!r}, for good?", abort=True, err=True)
    with opened(where) as ledger:
        erased = Subjects(ledger).erase(reference, purpose=purpose)
    if as_json:
        click.echo(json.dumps(erased.to_dict(), indent=2))
        return
    if erased.is_nothing:
        click.echo("nothing is kept or recorded of it")
        return
    click.echo(f"answers that were kept: {erased.verdicts} deleted")
    click.echo(f"pictures that were kept: those of {_checks(erased.pictures)} deleted")
    if erased.receipt is not None:
        click.echo(f"the erasure is entry {erased.receipt.index} of the ledger {erased.receipt.origin}")


def _checks(count: int) -> str:
    return "1 check" if count == 1 else f"{count} checks"
