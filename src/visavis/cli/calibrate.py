"""`visavis calibrate`: from pictures whose truth is known to a calibration that `verify` uses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from visavis.cli.output import write
from visavis.cli.pictures import FILE, Given, compared, given_options
from visavis.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from visavis.decision.calibration import Calibration

FMRS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


@click.command("calibrate")
@given_options
@click.option("--out", type=FILE, required=True, help="The calibration, for verify --calibration.")
@click.option("--name", help="What to call the pictures; the folder's or file's name by default.")
@click.option("--description", default="", help="What they are: whose, by which camera, when.")
@click.option("--worst-group", is_flag=True, help="Make every rate that of the worst group.")
def calibrate_command(
    *, out: Path, name: str | None, description: str, worst_group: bool, **given: object
) -> None:
    """Measure what a similarity means on your own pictures.

    The calibration says which false match rate, and which likelihood ratio, a similarity stands for, as far
    as your pictures support it. It belongs to the pack that it was measured with.

    Exit status: 0; 64 wrong usage, 65 unusable truth, or too little of it, 66 missing file or folder, 69 pack
    not available, 73 cannot write.
    """
    source = Given(**given)  # type: ignore[arg-type]
    if worst_group and source.groups is None and source.pairs is None:
        raise click.UsageError("--worst-group needs --groups, or pairs with groups")
    with compared(source) as (comparisons, examiner):
        from visavis.evaluation.calibrate import calibrate

        calibration = calibrate(
            comparisons.comparisons,
            pack=examiner.pack.name,
            fingerprint=examiner.fingerprint,
            data=comparisons.data(name or source.name, description or "not described"),
            groups=comparisons.truth.groups if worst_group else (),
        )
    write(out, json.dumps(calibration.to_dict(), indent=1) + "\n")
    for line in _lines(calibration):
        click.echo(line)
    click.echo(f"written to {out}; use it with: visavis verify --calibration {out} --pack {source.pack} ...")


def _lines(calibration: Calibration) -> Iterator[str]:
    yield f"{calibration.pack} {calibration.fingerprint}, measured on {calibration.data}"
    if calibration.rule == "worst_group":
        yield f"each rate is that of the worst of {', '.join(calibration.groups)}"
    for fmr in FMRS:
        yield f"FMR {fmr:.0e}  {_threshold(calibration, fmr)}"
    yield f"finest FMR that the pictures support: {calibration.finest:.2g}"
    if calibration.likelihood:
        low, high = calibration.likelihood[0][1], calibration.likelihood[-1][1]
        yield f"log10 likelihood ratios from {low:.1f} to {high:.1f}"
    if calibration.tail is not None:
        yield from (f"tail model: {transfer}" for transfer in calibration.tail.transfers)
    yield f"digest {calibration.digest}"


def _threshold(calibration: Calibration, fmr: float) -> str:
    try:
        return f"threshold {calibration.threshold(fmr):.4f}"
    except PolicyError:
        pass
    try:
        return f"threshold {calibration.threshold(fmr, extrapolate=True):.4f} by the tail model only"
    except PolicyError:
        return "beyond the pictures"
