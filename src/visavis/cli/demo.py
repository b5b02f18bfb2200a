"""`visavis demo`: two verdicts on three public-domain photographs, from an empty machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from visavis.cli.output import unwritable, watched, write
from visavis.cli.progress import progress
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.packs.install import fetch_demo_pictures, install

REFERENCE = "obama.jpg"
PROBES = {"obama2.jpg": "the same person", "biden.jpg": "another person"}


@click.command("demo")
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("visavis-demo"),
    show_default=True,
    help="Folder for pictures and reports.",
)
@click.option("--offline", is_flag=True, help="Make no connection.")
def demo_command(*, pack: str, out: Path, offline: bool) -> None:
    """Compare portraits by White House photographers: two of one person, and one of another.

    The first run fetches the pack and the pictures, later ones need no network.
    """
    from visavis.report.page import page
    from visavis.report.text import text
    from visavis.verifier import Verifier

    with progress() as report:
        install(pack, offline=offline, progress=report)
        pictures = fetch_demo_pictures(offline=offline, progress=report)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in pictures.items():
            (out / name).write_bytes(content)
    except OSError as error:
        raise unwritable(out, error.strerror) from None
    verifier = Verifier(pack)
    for probe, who in PROBES.items():
        click.echo(f"\n{REFERENCE} and {probe} ({who})\n")
        reference, probed = verifier.examine(out / REFERENCE), verifier.examine(out / probe)
        verdict = verifier.compare([reference], probed)
        click.echo(text(verdict, colour=watched(sys.stdout)))
        path = out / f"{Path(REFERENCE).stem}-{Path(probe).stem}.html"
        write(path, page(verdict, [reference], probed, calibration=verifier.calibration))
        click.echo(f"report      {path}")
