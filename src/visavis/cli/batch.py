"""`visavis batch`: many pairs of a table, each one claimed identity."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli.ledger import where_option
from visavis.cli.policy import policy_options
from visavis.cli.progress import counting
from visavis.cli.verify import offered
from visavis.errors import LedgerError, VisavisError
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.packs.runtime import DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.decision.policy import Policy

INDENT = 14
GONE_ON_WITH = ("batch.unreachable", "batch.worker", "batch.cluster", "batch.node", "pack.device")
"""What a batch may end with that has begun, beside what is wrong with the ledger's storage."""


@click.command("batch")
@click.argument("pairs", metavar="PAIRS")
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for results, list of rejected rows and summary; the same one again goes on.",
)
@policy_options
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
    help="How many engines at once; by default as many as cores, or GPUs, and memory allow.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where they run: in processes of this machine, or on a cluster of Ray.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="Of the cluster's head, or auto; without it Ray is started on this machine.",
)
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="cpu",
    show_default=True,
    help="On what networks run; cuda needs onnxruntime-gpu and a GPU, and a pack in floats.",
)
@click.option(
    "--calibration",
    metavar="FILE",
    help="Error rates measured on your own pictures, in place of those that ship with the pack.",
)
@click.option("--offline", is_flag=True, help="Never offer to download a missing pack.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def batch_command(
    *,
    pairs: str,
    out: Path,
    policy: Policy,
    pack: str,
    purpose: str | None,
    where: str | None,
    processes: int | None,
    engine: str,
    address: str | None,
    device: str,
    calibration: str | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Answer for each row of PAIRS, which is one claimed identity.

    PAIRS is CSV, Parquet or JSON Lines with the columns reference or document, probe, subject and purpose.
    Every row is recorded in the ledger. A table that pairs one face with many others is refused. The same
    command goes on where it was interrupted.

    Exit status: 0; 64 wrong usage, a table that is refused, or another batch's folder, 65 unusable table,
    66 missing table, 69 pack, ledger, storage, cluster or GPU not available, or at work already, 70 a process
    keeps dying, 73 cannot write.
    """
    from visavis.batch.run import cluster, local, run

    if address is not None and engine != "ray":
        raise click.UsageError("--address needs --engine ray")
    if not where:
        raise LedgerError(
            "ledger.not_set",
            "a batch records every row, and no ledger is named",
            expected="--ledger, or a path or address in VISAVIS_LEDGER",
        )
    from visavis.packs.install import require

    offered(lambda: require(pack), pack, offline=offline)
    with _resumable(), counting("rows") as progress:
        found = run(
            pairs,
            out,
            ledger=where,
            pack=pack,
            policy=policy,
            calibration=calibration,
            purpose=purpose,
            device=device,
            engine=cluster(address, processes) if engine == "ray" else local(processes),
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
        if error.code in GONE_ON_WITH or error.code.startswith("storage."):
            click.echo("visavis: what is recorded stays; the same command goes on from here", err=True)
        raise
