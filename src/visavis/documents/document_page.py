"""What was read of a document as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

import visavis
from visavis.documents import words
from visavis.documents.document import AGAINST_THE_CHIP
from visavis.documents.page import FORMS, PX_PER_MM
from visavis.documents.specimen import portrait_of
from visavis.documents.templates import templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from visavis.documents.document import Document, Portrait, Side
    from visavis.documents.mrz.compare import Row
    from visavis.documents.mrz.mrz import Field

SIDE = 900
"""Longest side of an embedded picture in pixels."""

PORTRAIT = 320  # pixels of the height of a portrait that was cut out
QUALITY = 85
DOUBTFUL = 0.5  # confidence under which a field is marked: more likely wrong than right

Tone = Literal["match", "no_match", "inconclusive"]

TITLES = {
    "chip_failed": "CHIP FAILED",
    "chip_of_another_document": "CHIP OF ANOTHER DOCUMENT",
    "chip_differs": "CHIP DIFFERS",
    "several_documents": "SEVERAL DOCUMENTS",
}
"""What a page is headed by where a problem has one of these codes, the first that it has."""

NOT_SHOWN = (
    (
        "That the printed page is genuine.",
        "What is printed was read, not examined: a forged or altered page reads as well as a genuine one.",
    ),
    (
        "That every character was read right.",
        "Right check digits say little about names, which have none; confidences are the reader's own.",
    ),
    (
        "That the document belongs to whoever shows it.",
        "For that, its portrait is compared with a photograph of the person (visavis verify).",
    ),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One photograph as the page shows it; places are pixels of the upright full-size picture.

    Attributes:
        side: What was read on it.
        number: From 1.
        image: The photograph as a data URL.
        flat: The page seen from straight above, or None.
        corners: The page's corners as the points of an SVG polygon, or None.
    """

    side: Side
    number: int
    image: str
    flat: str | None
    corners: str | None


@dataclass(frozen=True, slots=True)
class Cut:
    """A picture cut out of another, as a data URL, with its caption."""

    title: str
    image: str


def page(document: Document) -> str:
    """The document as HTML, without scripts and without anything from outside."""
    template = templates("visavis.documents").get_template("document.html")
    return template.render(
        document=document,
        words=words,
        tone=_tone(document),
        title=_title(document),
        pictures=[_picture(side, number) for number, side in enumerate(document.pages, 1)],
        zone=_zone(document),
        portraits=list(_portraits(document)),
        fields=_fields(document),
        doubtful=DOUBTFUL,
        not_shown=NOT_SHOWN,
        read_at=document.read_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        version=visavis.__version__,
    )


def _tone(document: Document) -> Tone:
    if any(problem.code in AGAINST_THE_CHIP for problem in document.problems):
        return "no_match"
    if document.mrz is None or not document.mrz.valid or any(each.decisive for each in document.problems):
        return "inconclusive"
    return "match"


def _title(document: Document) -> str:
    codes = {problem.code for problem in document.problems}
    special = next((title for code, title in TITLES.items() if code in codes), None)
    return special or ("READ" if _tone(document) == "match" else "NOT ALL COULD BE READ")


def _picture(side: Side, number: int) -> Picture:
    corners = None
    if side.reading.page is not None:
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in side.reading.page.corners)
    return Picture(
        side=side,
        number=number,
        image=_embedded(side.photo.pixels),
        flat=None if side.reading.page is None else _embedded(side.reading.page.pixels),
        corners=corners,
    )


def _zone(document: Document) -> str | None:
    """The strip of the page that the zone is on."""
    for side in document.pages:
        if side.reading.page is not None and side.reading.mrz is document.mrz and document.mrz is not None:
            height = round(2 * FORMS[document.mrz.format].middle * PX_PER_MM)
            return _embedded(side.reading.page.pixels[-height:])
    return None


def _portraits(document: Document) -> Iterator[Cut]:
    for title, portrait in (("Printed portrait", document.portrait), ("Ghost portrait", document.ghost)):
        if portrait is not None:
            yield Cut(title, _upright(portrait))
    for portrait in document.further_portraits:
        yield Cut(f"Portrait of picture {portrait.page + 1}", _upright(portrait))
    if document.chip_portrait is not None:
        yield Cut("Portrait of the chip (DG2)", _embedded(document.chip_portrait.pixels, PORTRAIT))


def _upright(portrait: Portrait) -> str:
    return _embedded(portrait_of(portrait.photo, portrait.face, height=PORTRAIT))


def _fields(document: Document) -> list[tuple[str, Field | None, Row | None]]:
    """Name, printed field and comparison with the chip; what the chip has alone comes last."""
    rows = {row.field: row for row in document.printed_against_chip}
    printed = {} if document.mrz is None else dict(document.mrz.fields)
    names = [*printed, *(name for name in rows if name not in printed)]
    return [(name, printed.get(name), rows.get(name)) for name in names]


def _embedded(pixels: NDArray[Any], side: int = SIDE) -> str:
    """A picture as a data URL, no larger than needed."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side), reducing_gap=3.0)
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode('ascii')}"
