"""`visavis calibrate`: from pictures whose truth is known to a calibration that `verify` uses."""

from __future__ import annotations

import json
import shlex
from decimal import ROUND_CEILING, Context, Decimal
from typing import TYPE_CHECKING

import click

from visavis.cli.output import write
from visavis.cli.pictures import FILE, Given, compared, given_options, line_of
from visavis.decision.checks import LONGEST_TEXT
from visavis.decision.policy import Policy
from visavis.errors import PolicyError
from visavis.report.words import one_in, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from visavis.decision.calibration import Calibration
    from visavis.decision.tail import Transfer

FMRS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


@click.command("calibrate")
@given_options
@click.option("--out", type=FILE, required=True, help="The calibration, for verify --calibration.")
@click.option(
    "--description",
    default="not described",
    callback=line_of(LONGEST_TEXT),
    help="What they are: whose, by which camera, when.",
)
def calibrate_command(*, out: Path, name: str | None, description: str, **given: object) -> None:
    """Measure what a similarity means on your own pictures.

    The calibration says which false match rate, and which likelihood ratio, a similarity stands for, as far
    as your pictures support it. It belongs to the pack that it was measured with.

    Exit status: 0; 64 wrong usage, 65 unusable truth, or too little of it, 66 missing file or folder, 69 pack
    not available or the same evaluation under way, 73 cannot write.
    """
    source = Given(**given)  # type: ignore[arg-type]
    source.check_outputs(out)
    with compared(source) as (comparisons, examiner):
        from visavis.evaluation.calibrate import calibrate

        calibration = calibrate(
            comparisons.comparisons,
            pack=examiner.pack.name,
            fingerprint=examiner.fingerprint,
            data=comparisons.data(name or source.name, description),
            groups=comparisons.truth.groups if source.worst_group else (),
        )
    write(out, json.dumps(calibration.to_dict(), indent=1) + "\n")
    for line in _lines(calibration):
        click.echo(line)
    file = shlex.quote(printable(str(out)))
    options = "" if calibration.supports(Policy().fmr) else f" --fmr {_finest(calibration)}"
    use = f"visavis verify --calibration {file} --pack {source.pack}{options} ..."
    click.echo(f"written to {file}; use it with: {use}")


def _lines(calibration: Calibration) -> Iterator[str]:
    yield f"{calibration.pack} {calibration.fingerprint}, measured on {calibration.data}"
    yield "false match rates (FMR), each pair of people weighing the same:"
    if calibration.rule == "worst_group":
        yield f"each rate is that of the worst of {', '.join(calibration.groups)}"
    wide = max(len(one_in(fmr)) for fmr in FMRS)
    for fmr in FMRS:
        yield f"FMR {one_in(fmr).ljust(wide)}  {_threshold(calibration, fmr)}"
    yield f"finest FMR that the pictures support: {one_in(calibration.finest)}"
    usual = Policy().fmr
    if not calibration.supports(usual):
        least = _finest(calibration)
        yield f"verify's default, {one_in(usual)}, is beyond the pictures: verify needs --fmr {least} or more"
    if calibration.likelihood:
        low, high = calibration.likelihood[0][1], calibration.likelihood[-1][1]
        yield f"log10 likelihood ratios from {low:.1f} to {high:.1f}"
    if calibration.tail is not None:
        yield "the tail model, made of half of these people and tried on the other half:"
        yield from (_tried(transfer) for transfer in calibration.tail.transfers)
        yield "other cameras and other people than these were not tried"
    yield f"digest {calibration.digest}"


def _tried(transfer: Transfer) -> str:
    low, ratio, high = (f"{value:.2g}" for value in (transfer.low, transfer.ratio, transfer.high))
    return (
        f"  where it said {one_in(transfer.fmr)}, there were {ratio} times as many false matches "
        f"({low} to {high} in {transfer.splits} splits)"
    )


def _finest(calibration: Calibration) -> str:
    """The finest FMR in two digits that don't promise more."""
    return f"{Decimal(f'{calibration.finest:.9g}').normalize(Context(2, ROUND_CEILING)):g}"


def _threshold(calibration: Calibration, fmr: float) -> str:
    try:
        return f"threshold {calibration.threshold(fmr):.4f}"
    except PolicyError:
        pass
    try:
        threshold = calibration.threshold(fmr, extrapolate=True)
        return f"threshold {threshold:.4f} by the tail model only (verify --extrapolate)"
    except PolicyError:
        return "beyond the pictures"
