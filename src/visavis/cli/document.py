"""`visavis document`: what is printed on a document, and what its chip holds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from visavis.cli import INCONCLUSIVE, MATCH, NO_MATCH
from visavis.cli.output import watched, write
from visavis.cli.purpose import purpose_options, record_first
from visavis.cli.verify import is_same
from visavis.ledger.recording import of_document, use
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.documents.chip import ChipFiles
    from visavis.documents.document import Document, Portrait, Side

INDENT = 14


@click.command("document")
@click.argument("pictures", metavar="PICTURE...", nargs=-1, required=True)
@click.option("--chip", metavar="FOLDER|ZIP", help="The files of its chip, as a reader app exports them.")
@click.option(
    "--trust",
    metavar="PATH",
    multiple=True,
    help="Certificates of issuing states: a file, folder, master list or LDIF; may be given several times.",
)
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine finds the portrait.")
@click.option("--json", "as_json", is_flag=True, help="Print what was read as JSON.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report with pictures."
)
@purpose_options
@click.pass_context
def document_command(
    ctx: click.Context,
    *,
    pictures: tuple[str, ...],
    chip: str | None,
    trust: tuple[str, ...],
    pack: str,
    as_json: bool,
    report: Path | None,
    purpose: str | None,
    subject: str | None,
) -> None:
    """What do page and chip of a document say?

    Each PICTURE is a photograph of the same document (front, back), or a PDF of it. It needs the pack mrz.

    Exit status: 0 read; 1 the chip failed its authentication, or differs from the printed page; 2 there is no
    portrait, none that can be told, or pictures of several documents; 64 wrong usage, 65 unusable picture or
    chip, 66 missing file, 69 pack or ledger not available, 73 report or ledger can't be
    written.
    """
    from visavis.documents.document import read_document
    from visavis.documents.reader import DocumentReader
    from visavis.documents.trust import Trust

    if trust and chip is None:
        raise click.UsageError("--trust needs --chip: certificates are for what a chip holds")
    if report is not None and any(is_same(report, name) for name in (*pictures, *trust, chip or "")):
        raise click.UsageError(f"the report would overwrite what is to be read: {report}")
    wanted = use(purpose, subject)  # refused before anything is read
    trusted = Trust.read(*trust) if trust else None
    document = read_document(pictures, reader=DocumentReader(pack), chip=chip, trust=trusted)
    place = record_first(lambda use: of_document(document, pack, use), wanted)
    if report is not None:
        from visavis.documents.document_page import page

        write(report, page(document))
    if as_json:
        click.echo(json.dumps(document.to_dict(), indent=2))
    else:
        click.echo(text(document, colour=watched(sys.stdout)))
        if place is not None:
            click.echo(f"{'ledger':{INDENT}}{place}")
    ctx.exit(status_of(document))


def status_of(document: Document) -> int:
    """The exit status that a document calls for."""
    from visavis.documents.document import AGAINST_THE_CHIP

    if any(problem.code in AGAINST_THE_CHIP for problem in document.problems):
        return NO_MATCH
    return INCONCLUSIVE if any(problem.decisive for problem in document.problems) else MATCH


def text(document: Document, *, colour: bool = False) -> str:
    """What was read, in lines of at most 100 characters.

    Args:
        document: What was read.
        colour: Whether to style labels with ANSI codes.
    """
    from visavis.report.text import labelled

    lines: list[str] = []
    for label, value in _rows(document):
        lines += labelled([(label, value)], INDENT, colour=colour)
        if label == "zone":
            lines += _zone(document)
    return "\n".join(line.rstrip() for line in lines)


def _rows(document: Document) -> Iterator[tuple[str, str]]:
    from visavis.documents import words

    yield "document", document.name or "without a name"
    for problem in document.problems:
        yield "reason" if problem.decisive else "note", words.told(problem)
    yield "zone", words.zone(document)
    yield "portrait", _portrait(document.portrait)
    if document.ghost is not None:
        yield "ghost", _portrait(document.ghost)
    for number, side in enumerate(document.pages, 1):
        yield f"picture {number}", _side(side)
    if document.chip is None:
        yield "chip", "no files of a chip were given: nothing here was authenticated"
    else:
        yield from _chip(document, document.chip)
    yield "not checked", words.NOT_CHECKED
    total = sum(sum(side.reading.timings_ms.values()) for side in document.pages)
    yield "time", f"{total:.0f} ms"


def _zone(document: Document) -> Iterator[str]:
    """Lines and fields of the zone."""
    from visavis.documents import words

    if document.mrz is None:
        return
    yield from (" " * INDENT + line for line in document.mrz.lines)
    table = [("field", "value", "confidence", "check digit")]
    table += [
        (words.field(name), field.value or "-", f"{field.confidence:.2f}", words.checked(field.checked))
        for name, field in document.mrz.fields.items()
    ]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield " " * INDENT + "  ".join([*cells, row[3]])


def _portrait(portrait: Portrait | None) -> str:
    if portrait is None:
        return "none"
    face = portrait.face
    return (
        f"on picture {portrait.page + 1}, eyes {face.inter_eye_px:.0f} pixels apart, "
        f"confidence of the detector {face.confidence:.2f}"
    )


def _side(side: Side) -> str:
    photo, reading = side.photo, side.reading
    said = [f"{side.name or 'without a name'}: {photo.width} x {photo.height} {photo.format}"]
    if reading.turned:
        said.append(f"to be turned by {reading.turned} degrees clockwise")
    if reading.page is None:
        said.append("no zone on it that says where the page is")
    else:
        said.append(f"page found, confidence {reading.page.confidence:.2f}")
    return ", ".join([*said, *photo.notes])


def _chip(document: Document, chip: ChipFiles) -> Iterator[tuple[str, str]]:
    from visavis.documents import words

    yield "chip", ", ".join(chip.groups)
    if document.chip_portrait is not None:
        photo = document.chip_portrait
        yield "  portrait", f"{photo.width} x {photo.height} {photo.format}"
    if document.chip_mrz is not None:
        yield "  zone", words.against_chip(document)
    if document.authenticity is not None:
        for stage in document.authenticity.stages:
            yield f"  {stage.name}", "; ".join([f"{stage.outcome}: {stage.why}", *stage.notes])
        yield "  limits", document.authenticity.limits
    for note in (*chip.notes, *document.notes):
        yield "  note", note
