"""`visavis batch`: many pairs of a table, each one claimed identity."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli.ledger import where_option
from visavis.cli.output import watched
from visavis.cli.progress import counting
from visavis.cli.verify import floors_of, offered
from visavis.decision.policy import FACES, NO_FLOORS, Policy
from visavis.errors import LedgerError, VisavisError
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INDENT = 14


@click.command("batch")
@click.argument("pairs", metavar="PAIRS")
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for results, list of rejected rows and summary; the same one again goes on.",
)
@click.option(
    "--fmr", type=float, default=Policy().fmr, show_default=True, help="False match rate that you accept."
)
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine.")
@click.option(
    "--purpose",
    envvar="VISAVIS_PURPOSE",
    help="What it is done for, where a row doesn't say; VISAVIS_PURPOSE by default.",
)
@where_option
@click.option(
    "--processes",
    type=click.IntRange(1, 1024),
    help="How many engines at once; by default as many as cores and memory allow.",
)
@click.option(
    "--faces",
    type=click.Choice([rule.replace("_", "-") for rule in FACES]),
    default="only",
    show_default=True,
    help="Which face counts where a picture shows several.",
)
@click.option("--require-valid-document", is_flag=True, help="Decide nothing on a document that expired.")
@click.option(
    "--quality",
    metavar="PROFILE",
    help="Decide nothing unless the probe meets a profile: selfie, document_portrait or icao_portrait.",
)
@click.option("--reference-quality", metavar="PROFILE", help="Likewise for the reference.")
@click.option(
    "--floor",
    "floors",
    callback=floors_of,
    multiple=True,
    metavar="NAME=SCORE",
    help="The least score of the probe for one component, or as unified_score; in place of the profile's.",
)
@click.option("--liveness", is_flag=True, help="Say whether a live person is on the probe.")
@click.option("--require-liveness", is_flag=True, help="Decide nothing unless a live person is on the probe.")
@click.option(
    "--liveness-threshold",
    type=float,
    metavar="SCORE",
    help="Live from this score on, in place of that which ships with visavis.",
)
@click.option(
    "--calibration",
    metavar="FILE",
    help="Error rates measured on your own pictures, in place of those that ship with the pack.",
)
@click.option(
    "--extrapolate",
    is_flag=True,
    help="Accept a threshold from a model where --fmr is finer than the data supports.",
)
@click.option("--offline", is_flag=True, help="Never offer to download a missing pack.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def batch_command(
    *,
    pairs: str,
    out: Path,
    fmr: float,
    pack: str,
    purpose: str | None,
    where: str | None,
    processes: int | None,
    faces: str,
    require_valid_document: bool,
    quality: str | None,
    reference_quality: str | None,
    floors: dict[str, float],
    liveness: bool,
    require_liveness: bool,
    liveness_threshold: float | None,
    calibration: str | None,
    extrapolate: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Answer for each row of PAIRS, which is one claimed identity.

    PAIRS is CSV, Parquet or JSON Lines with the columns reference or document, probe, subject and purpose.
    Every row is recorded in the ledger. A table that pairs one face with many others is refused. The same
    command goes on where it was interrupted.

    Exit status: 0; 64 wrong usage, a table that is refused, or another batch's folder, 65 unusable table,
    66 missing table, 69 pack, ledger or storage not available, or at work already, 70 a process keeps dying,
    73 cannot write.
    """
    from visavis.batch.run import local, run

    if liveness_threshold is not None and not (liveness or require_liveness):
        raise click.UsageError("--liveness-threshold needs --liveness or --require-liveness")
    if not where:
        raise LedgerError(
            "ledger.not_set",
            "a batch records every row, and no ledger is named",
            expected="--ledger, or a path or address in VISAVIS_LEDGER",
        )
    policy = Policy(
        fmr=fmr,
        faces=faces.replace("-", "_"),
        extrapolate=extrapolate,
        require_valid_document=require_valid_document,
        quality=quality,
        reference_quality=reference_quality,
        floors=floors or NO_FLOORS,
        liveness="require" if require_liveness else "assess" if liveness else "off",
        liveness_threshold=liveness_threshold,
    )
    from visavis.packs.install import require

    offered(lambda: require(pack), pack, offline=offline)
    with _resumable(), _counting() as progress:
        found = run(
            pairs,
            out,
            ledger=where,
            pack=pack,
            policy=policy,
            calibration=calibration,
            purpose=purpose,
            engine=local(processes),
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    from visavis.batch.summary import lines

    for label, text in (*lines(found), ("results", str(out / "results"))):
        click.echo(f"{label:<{INDENT}}{text}")


@contextlib.contextmanager
def _resumable() -> Iterator[None]:
    """Say how to go on, where the batch can."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("visavis: interrupted; the same command goes on from here", err=True)
        raise
    except VisavisError as error:
        if error.code in ("batch.unreachable", "batch.worker") or error.code.startswith("storage."):
            click.echo("visavis: what is recorded stays; the same command goes on from here", err=True)
        raise


@contextlib.contextmanager
def _counting() -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and remaining time where a person watches, else a line for each tenth; on stderr."""
    if not watched(sys.stderr):
        with counting("rows") as tell:
            yield tell
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many rows a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f} a second")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = None

        def draw(done: int, total: int) -> None:
            nonlocal task
            if task is None:  # what an interrupted run has done takes no time
                task = bars.add_task("rows", total=total, completed=done)
            bars.update(task, completed=done)

        yield draw
