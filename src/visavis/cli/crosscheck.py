"""`visavis crosscheck`: do two documents belong to one person?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from visavis.cli.output import watched, write
from visavis.cli.purpose import purpose_options
from visavis.cli.verify import STATUS, is_same, load, offered, read, trusted
from visavis.decision.policy import Policy
from visavis.ledger.recording import use
from visavis.packs.catalogue import DEFAULT_PACK


@click.command("crosscheck")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--also-a", multiple=True, metavar="PICTURE", help="A further picture of A, such as its back.")
@click.option("--also-b", multiple=True, metavar="PICTURE", help="A further picture of B.")
@click.option("--chip-a", metavar="PATH", help="The files of A's chip: a folder or a zip.")
@click.option("--chip-b", metavar="PATH", help="The files of B's chip.")
@click.option(
    "--trust",
    "certificates",
    multiple=True,
    metavar="PATH",
    help="Certificates of issuing states that you trust: a file or a folder.",
)
@click.option(
    "--fmr", type=float, default=Policy().fmr, show_default=True, help="False match rate that you accept."
)
@click.option(
    "--require-valid-document",
    is_flag=True,
    help="Decide nothing on a document that expired, or whose chip failed or is of another document.",
)
@click.option(
    "--quality",
    metavar="PROFILE",
    help="Decide nothing unless both portraits meet a profile, such as document_portrait.",
)
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine.")
@click.option("--calibration", metavar="FILE", help="Error rates measured on your own pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report with pictures."
)
@click.option("--offline", is_flag=True, help="Never offer to download a missing pack.")
@purpose_options
@click.pass_context
def crosscheck_command(
    ctx: click.Context,
    *,
    first: str,
    second: str,
    also_a: tuple[str, ...],
    also_b: tuple[str, ...],
    chip_a: str | None,
    chip_b: str | None,
    certificates: tuple[str, ...],
    fmr: float,
    require_valid_document: bool,
    quality: str | None,
    pack: str,
    calibration: str | None,
    as_json: bool,
    report: Path | None,
    offline: bool,
    purpose: str | None,
    subject: str | None,
) -> None:
    """Do the documents A and B belong to one person?

    A and B are pictures or PDFs; - reads one of them from standard input. Portraits and printed data are
    compared, and one rule decides, which the result states.

    Exit status: 0 match, 1 no match, 2 inconclusive; 64 wrong usage, 65 unusable picture, 66 missing file,
    69 pack or ledger not available, 73 report or ledger can't be written.
    """
    given = [first, second, *also_a, *also_b]
    if given.count("-") > 1:
        raise click.UsageError("only one picture can come from standard input")
    if report is not None and any(
        is_same(report, name)
        for name in (*given, *certificates, *filter(None, (chip_a, chip_b, calibration)))
    ):
        raise click.UsageError(f"the report would overwrite what was given: {report}")
    policy = Policy(fmr=fmr, require_valid_document=require_valid_document, reference_quality=quality)
    use(purpose, subject)  # refused before anything is loaded
    verifier = offered(lambda: load(pack, calibration), pack, offline=offline)
    verifier.threshold(policy)  # an impossible policy is refused before a picture is opened
    trust = trusted(certificates)
    one = offered(lambda: read(verifier, policy, [first, *also_a], chip_a, trust), "mrz", offline=offline)
    other = read(verifier, policy, [second, *also_b], chip_b, trust)
    found = verifier.crosscheck(one, other, policy=policy, purpose=purpose, subject=subject)
    if report is not None:
        from visavis.report.crosscheck_page import crosscheck_page

        write(report, crosscheck_page(found, one, other))
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        from visavis.report.text import crosscheck_text

        click.echo(crosscheck_text(found, colour=watched(sys.stdout)))
    ctx.exit(STATUS[found.decision])
