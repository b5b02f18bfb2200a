"""`visavis demo`: verdicts on public-domain photographs and on specimens of documents that carry them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli.output import unwritable, watched, write
from visavis.cli.progress import progress
from visavis.packs.catalogue import DEFAULT_PACK
from visavis.packs.install import fetch_demo_pictures, install

if TYPE_CHECKING:
    from visavis.documents.specimen import Holder
    from visavis.examiner import Examined
    from visavis.verifier import ExaminedDocument, Verifier

REFERENCE = "obama.jpg"
PROBES = {"obama2.jpg": "the same person", "biden.jpg": "another person"}
PASSPORT, SECOND_PASSPORT, STRANGERS = "passport.jpg", "second-passport.jpg", "passport-of-another.jpg"
READER = "mrz"
SEED = 3


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
    """Compare portraits by White House photographers, and specimens of passports with these portraits.

    The first run fetches the packs and the pictures, later ones need no network.
    """
    from visavis.report.page import page
    from visavis.report.text import text
    from visavis.verifier import Verifier

    with progress() as report:
        install(pack, offline=offline, progress=report)
        install(READER, offline=offline, progress=report)
        pictures = fetch_demo_pictures(offline=offline, progress=report)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in pictures.items():
            (out / name).write_bytes(content)
    except OSError as error:
        raise unwritable(out, error.strerror) from None
    verifier = Verifier(pack, record=False)  # nobody is checked here
    seen = {name: verifier.examine(out / name) for name in (REFERENCE, *PROBES)}
    for probe, who in PROBES.items():
        click.echo(f"\n{REFERENCE} and {probe} ({who})\n")
        verdict = verifier.compare([seen[REFERENCE]], seen[probe])
        click.echo(text(verdict, colour=watched(sys.stdout)))
        path = out / f"{Path(REFERENCE).stem}-{Path(probe).stem}.html"
        write(path, page(verdict, [seen[REFERENCE]], seen[probe], calibration=verifier.calibration))
        click.echo(f"report      {path}")
    _documents(verifier, seen, out)


def _documents(verifier: Verifier, seen: dict[str, Examined], out: Path) -> None:
    """Specimens with these portraits: one against photographs, and two against each other."""
    from visavis.report.crosscheck_page import crosscheck_page
    from visavis.report.page import page
    from visavis.report.text import crosscheck_text, text

    documents = _specimens(verifier, seen, out)
    passport = documents[PASSPORT]
    for probe, who in PROBES.items():
        click.echo(f"\n{PASSPORT}, a specimen with the portrait of {REFERENCE}, and {probe} ({who})\n")
        verdict = verifier.verify_document(passport, seen[probe])
        click.echo(text(verdict, colour=watched(sys.stdout)))
        path = out / f"{Path(PASSPORT).stem}-{Path(probe).stem}.html"
        write(
            path,
            page(
                verdict,
                [passport.reference],
                seen[probe],
                calibration=verifier.calibration,
                document=passport,
            ),
        )
        click.echo(f"report      {path}")
    for other, whose in ((SECOND_PASSPORT, "the same person"), (STRANGERS, "another person")):
        click.echo(f"\n{PASSPORT} and {other}, a specimen of {whose}\n")
        found = verifier.crosscheck(passport, documents[other])
        click.echo(crosscheck_text(found, colour=watched(sys.stdout)))
        path = out / f"{Path(PASSPORT).stem}-{Path(other).stem}.html"
        write(path, crosscheck_page(found, passport, documents[other]))
        click.echo(f"report      {path}")


def _specimens(verifier: Verifier, seen: dict[str, Examined], out: Path) -> dict[str, ExaminedDocument]:
    """Three passports of Utopia, drawn, photographed with care, written and read."""
    from dataclasses import replace
    from datetime import date

    from visavis.documents import camera, specimen

    holder = replace(specimen.fictional(SEED), sex="X")
    renewed = replace(
        holder, number="U12345678", issued=date(2025, 6, 1), expiry=date(2035, 5, 31), personal_number=""
    )
    another = replace(specimen.fictional(SEED + 1), sex="X")
    made: dict[str, tuple[str, Holder]] = {
        PASSPORT: (REFERENCE, holder),
        SECOND_PASSPORT: ("obama2.jpg", renewed),
        STRANGERS: ("biden.jpg", another),
    }
    documents = {}
    for number, (name, (portrait, of)) in enumerate(made.items()):
        examined = seen[portrait]
        assert examined.evidence.face is not None  # noqa: S101  # each of these pictures shows one
        cut = specimen.portrait_of(examined.photo, examined.evidence.face)
        drawn = specimen.draw("passport", of, cut, ghost=True, seed=SEED + number)
        read = [drawn.portrait, *drawn.line_boxes]
        shot = camera.photograph(drawn.page, severity=1, seed=SEED + number, spared=read)
        path = out / name
        try:
            path.write_bytes(shot.jpeg)
        except OSError as error:
            raise unwritable(path, error.strerror) from None
        documents[name] = verifier.examine_document(verifier.read_document(path))
    return documents
