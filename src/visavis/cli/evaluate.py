"""`visavis evaluate`: error rates of a pack on pictures whose truth is known."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING

import click

from visavis.cli.output import write
from visavis.cli.pictures import FILE, Given, compared, given_options, rates
from visavis.cli.progress import counting

if TYPE_CHECKING:
    from pathlib import Path

    from visavis.evaluation.result import Evaluation, OperatingPoint

FMRS = (1e-3, 1e-4, 1e-5, 1e-6)
MADE_WORSE = 200  # people whose pictures are made worse for a report


@click.command("evaluate")
@given_options
@click.option(
    "--fmr",
    "fmrs",
    type=float,
    multiple=True,
    default=FMRS,
    show_default=True,
    callback=rates,
    help="False match rate to give the other rate at; may be given several times.",
)
@click.option("--report", type=FILE, help="Write an HTML report with charts.")
@click.option("--csv", "as_csv", type=FILE, help="Write the operating points as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--made-worse",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Of how many people to make pictures worse; {MADE_WORSE} for a report, else 0.",
)
def evaluate_command(
    *,
    fmrs: tuple[float, ...],
    name: str | None,
    report: Path | None,
    as_csv: Path | None,
    as_json: bool,
    made_worse: int | None,
    **given: object,
) -> None:
    """Measure how often a pack errs on your own pictures.

    You say who is on which picture, by folders or by a list of pairs. What comes out are rates with
    intervals, never who looks like whom, and nothing is kept of any face.

    Exit status: 0; 64 wrong usage, 65 unusable truth, 66 missing file or folder, 69 pack not available or
    the same evaluation under way, 73 cannot write.
    """
    source = Given(**given)  # type: ignore[arg-type]
    source.check_outputs(report, as_csv)
    with compared(source) as (comparisons, examiner):
        from visavis.evaluation.evaluate import evaluate
        from visavis.evaluation.rates import SEED
        from visavis.evaluation.robustness import robustness

        evaluation = evaluate(
            comparisons,
            pack=source.pack,
            data=name or source.name,
            fmrs=fmrs,
            in_worst_group=source.worst_group,
        )
        people = made_worse if made_worse is not None else MADE_WORSE * (report is not None)
        if people:
            point = _middle(evaluation)
            with counting("people with pictures made worse") as progress:
                table = robustness(
                    comparisons.truth,
                    examiner,
                    fmr_target=point.fmr_target,
                    threshold=point.at.threshold,
                    people=people,
                    seed=SEED,
                    progress=progress,
                )
            evaluation = dataclasses.replace(evaluation, robustness=table)
    if report is not None:
        from visavis.evaluation.page import page

        write(report, page(evaluation))
    if as_csv is not None:
        from visavis.evaluation.csv_table import csv_text

        write(as_csv, csv_text(evaluation))
    if as_json:
        click.echo(json.dumps(evaluation.to_dict(), indent=1))
    else:
        from visavis.evaluation.text import text

        click.echo(text(evaluation))


def _middle(evaluation: Evaluation) -> OperatingPoint:
    """The operating point at which pictures are made worse: the one closest to the default policy's."""
    from visavis.decision.policy import Policy

    usual = math.log(Policy().fmr)
    return min(evaluation.operating_points, key=lambda point: abs(math.log(point.fmr_target) - usual))
