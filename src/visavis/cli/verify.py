"""`visavis verify`: is the person on one photo the person on another?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from visavis.cli import INCONCLUSIVE, MATCH, NO_MATCH
from visavis.cli.output import watched, write
from visavis.decision.policy import FACES, Policy
from visavis.errors import PackError, PhotoError
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    from visavis.examiner import Examined
    from visavis.geometry import Box
    from visavis.verifier import Verifier

STATUS = {"match": MATCH, "no_match": NO_MATCH, "inconclusive": INCONCLUSIVE}


def face_boxes(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[str | None, Box]:
    """``[reference:|probe:]x,y,w,h``: the boxes by the picture they belong to, None without a prefix."""
    from visavis.geometry import Box

    boxes: dict[str | None, Box] = {}
    for value in values:
        about, colon, numbers = value.rpartition(":")
        if colon and about not in ("reference", "probe"):
            raise click.BadParameter(f"{about!r} is neither 'reference' nor 'probe'")
        try:
            x, y, width, height = (float(number) for number in numbers.split(","))
            box = Box(x, y, width, height)
        except ValueError:
            raise click.BadParameter(
                f"{numbers!r} isn't x,y,w,h in pixels, width and height not negative"
            ) from None
        if (about or None) in boxes or None in boxes:
            raise click.BadParameter("give it once, or once with 'reference:' and once with 'probe:'")
        boxes[about or None] = box
    if None in boxes and len(boxes) > 1:
        raise click.BadParameter("give it once, or once with 'reference:' and once with 'probe:'")
    return boxes


@click.command("verify")
@click.argument("reference")
@click.argument("probe")
@click.option(
    "--fmr", type=float, default=Policy().fmr, show_default=True, help="False match rate that you accept."
)
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report with pictures."
)
@click.option(
    "--face",
    "boxes",
    callback=face_boxes,
    metavar="[reference:|probe:]x,y,w,h",
    multiple=True,
    help="Where the face is that is meant; without a prefix in the picture that shows several.",
)
@click.option(
    "--faces",
    type=click.Choice([rule.replace("_", "-") for rule in FACES]),
    default="only",
    show_default=True,
    help="Which face counts where a picture shows several.",
)
@click.option(
    "--also",
    "further",
    multiple=True,
    metavar="REFERENCE",
    help="A further picture of the person on REFERENCE; may be given several times.",
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
@click.pass_context
def verify_command(
    ctx: click.Context,
    *,
    reference: str,
    probe: str,
    fmr: float,
    pack: str,
    as_json: bool,
    report: Path | None,
    boxes: dict[str | None, Box],
    faces: str,
    further: tuple[str, ...],
    calibration: str | None,
    extrapolate: bool,
    offline: bool,
) -> None:
    """Is the person on PROBE the person on REFERENCE?

    REFERENCE and PROBE are picture files; - reads one of them from standard input.

    Exit status: 0 match, 1 no match, 2 inconclusive; 64 wrong usage, 65 unusable picture, 66 missing file,
    69 pack not available, 73 report can't be written.
    """
    from visavis.verifier import MAX_REFERENCES

    if [reference, probe, *further].count("-") > 1:
        raise click.UsageError("only one picture can come from standard input")
    if len(further) >= MAX_REFERENCES:
        raise click.UsageError(f"at most {MAX_REFERENCES} references of one person can be given")
    if report is not None and calibration is not None and _is_same(report, calibration):
        raise click.UsageError(f"the report would overwrite the calibration: {report}")
    if report is not None and any(_is_same(report, name) for name in (reference, probe, *further)):
        raise click.UsageError(f"the report would overwrite a picture: {report}")
    policy = Policy(fmr=fmr, faces=faces.replace("-", "_"), extrapolate=extrapolate)
    verifier = _verifier(pack, calibration, offline=offline)
    verifier.threshold(policy)  # an impossible policy is refused before a picture is opened
    seen = [verifier.examine(_source(reference), policy=policy, face=boxes.get("reference"))]
    seen += [verifier.examine(_source(name), policy=policy) for name in further]
    probed = verifier.examine(_source(probe), policy=policy, face=boxes.get("probe"))
    if (box := boxes.get(None)) is not None:
        seen, probed = _where_meant(verifier, policy, box, seen, probed)
    verdict = verifier.compare(seen, probed, policy=policy)
    if report is not None:
        from visavis.report.page import page

        write(report, page(verdict, seen, probed, calibration=verifier.calibration))
    if as_json:
        click.echo(json.dumps(verdict.to_dict(), indent=2))
    else:
        from visavis.report.text import text

        click.echo(text(verdict, colour=watched(sys.stdout)))
    ctx.exit(STATUS[verdict.decision])


def _verifier(pack: str, calibration: str | None, *, offline: bool) -> Verifier:
    """The verifier, after offering to install its pack where a person is there to answer."""
    from visavis.verifier import Verifier

    try:
        return Verifier(pack, calibration=calibration)
    except PackError as error:
        asked = watched(sys.stdin) and watched(sys.stderr) and not offline
        if error.code not in ("pack.not_installed", "pack.outdated") or not asked:
            raise
        click.echo(f"visavis: {error}", err=True)
        if not click.confirm("Install it now?", default=True, err=True):
            raise
        from visavis.cli.progress import progress
        from visavis.packs.install import install

        with progress() as report:
            install(pack, progress=report)
        return Verifier(pack, calibration=calibration)


def _is_same(report: Path, picture: str) -> bool:
    try:
        return picture != "-" and report.samefile(picture)
    except OSError:
        return False


def _source(name: str) -> str | BinaryIO:
    if name != "-":
        return name
    if sys.stdin is None:  # the shell's <&-
        raise PhotoError("photo.unreadable", "standard input is closed")
    return sys.stdin.buffer


def _where_meant(
    verifier: Verifier, policy: Policy, box: Box, references: list[Examined], probe: Examined
) -> tuple[list[Examined], Examined]:
    """Apply a box without a prefix to the picture that shows several faces; to the probe where none does."""
    crowded = [seen for seen in (*references, probe) if seen.evidence.others] or [probe]
    if len(crowded) > 1:
        raise click.UsageError("several pictures show several faces: say --face reference:... or probe:...")

    def again(seen: Examined) -> Examined:
        if seen is not crowded[0]:
            return seen
        return verifier.examine(seen.photo, policy=policy, face=box, name=seen.evidence.name)

    return [again(seen) for seen in references], again(probe)
