"""`visavis quality`: is a picture fit to decide on, and what would make it better?"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli import INCONCLUSIVE, MATCH, NO_MATCH
from visavis.cli.output import watched, write
from visavis.cli.purpose import purpose_options, record_first
from visavis.cli.verify import is_same, source
from visavis.decision.policy import Policy
from visavis.decision.reasons import below
from visavis.ledger.recording import of_picture, use
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.quality.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.report.quality_page import Finding

WIDTH = 100
INDENT = 14

STATUS = {True: MATCH, False: NO_MATCH, None: INCONCLUSIVE}
DECISIONS = {True: "meets", False: "falls_short", None: "not_assessed"}  # as the service has them
COLOURS = {True: "green", False: "red", None: "yellow"}


@click.command("quality")
@click.argument("picture", metavar="PICTURE")
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="selfie",
    show_default=True,
    help="What the picture is meant for.",
)
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine finds the face.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as JSON.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an HTML report with the picture.",
)
@purpose_options
@click.pass_context
def quality_command(
    ctx: click.Context,
    *,
    picture: str,
    profile: str,
    pack: str,
    as_json: bool,
    report: Path | None,
    purpose: str | None,
    subject: str | None,
) -> None:
    """Is a picture fit to decide on?

    PICTURE is a picture file; - reads it from standard input.

    Exit status: 0 it meets the profile; 1 it falls short; 2 there is no face to measure, or too little of it
    to tell; 64 wrong usage, 65 unusable picture, 66 missing file, 69 pack or ledger not available, 73 report
    or ledger can't be written.
    """
    from visavis.examiner import Examiner
    from visavis.report.quality_page import assess, quality_page

    if report is not None and is_same(report, picture):
        raise click.UsageError(f"the report would overwrite the picture: {report}")
    wanted = use(purpose, subject)  # refused before anything is looked at
    seen = Examiner(pack).look(source(picture), policy=Policy())
    finding = assess(seen, PROFILES[profile])
    place = record_first(
        lambda use: of_picture(
            "quality",
            seen.evidence,
            use,
            decision=DECISIONS[finding.meets],
            pack=pack,
            reasons=[reason.code for reason in (*finding.reasons, *below("picture", finding.assessed))],
            details={"profile": profile},
        ),
        wanted,
    )
    if report is not None:
        write(report, quality_page(finding))
    if as_json:
        click.echo(json.dumps(finding.to_dict(), indent=2))
    else:
        click.echo(text(finding, colour=watched(sys.stdout)))
        if place is not None:
            click.echo(f"{'ledger':{INDENT}}{place}")
    ctx.exit(STATUS[finding.meets])


def text(finding: Finding, *, colour: bool = False) -> str:
    """What was measured, in lines of at most 100 characters.

    Args:
        finding: What was measured.
        colour: Whether to style it with ANSI codes.
    """
    from visavis.report.quality_page import heading, meaning
    from visavis.report.text import headed, labelled

    lines = [
        *headed(
            heading(finding),
            COLOURS[finding.meets],
            _about(finding),
            meaning=meaning(finding),
            indent=INDENT,
            colour=colour,
        )
    ]
    if finding.assessed is not None:
        lines += ["", *_table(finding), ""]
        left_out = [
            ("not assessed", f"{', '.join(labels)}: {why}") for why, labels in finding.left_out.items()
        ]
        lines += labelled(left_out, INDENT, colour=colour)
    return "\n".join(lines)


def _about(finding: Finding) -> Iterator[tuple[str, str]]:
    from visavis.report import words

    if (unified := finding.unified) is not None:
        asked = "" if unified.floor is None else f", {unified.floor:.1f} asked"
        yield "score", f"{unified.score:.1f} of 100{asked}"
        if unified.advice is not None:
            yield "", f"below the floor: {unified.advice}"
    for reason in finding.reasons:
        yield "reason" if reason.decisive else "note", words.told(reason)
    seen = finding.seen.evidence
    yield "picture", f"{words.name_of(seen.name)}: {seen.width} x {seen.height} {seen.format}"


def _table(finding: Finding) -> Iterator[str]:
    """One line for each component, and under it what to do where it lies below the floor."""
    table: list[tuple[str, str, str, str, str | None]] = [("component", "measured", "score", "floor", None)]
    table += [
        (
            row.label,
            row.native,
            f"{row.score:.1f}",
            "" if row.floor is None else f"{row.floor:.1f}",
            row.advice,
        )
        for row in finding.rows
    ]
    label, native = max(len(row[0]) for row in table), max(len(row[1]) for row in table)
    for row in table:
        yield f"{row[0]:{label}}  {row[1]:{native}}  {row[2]:>5}  {row[3]:>5}".rstrip()
        if row[4] is not None:
            yield from textwrap.wrap(
                f"below the floor: {row[4]}", WIDTH, initial_indent="    ", subsequent_indent="    "
            )
