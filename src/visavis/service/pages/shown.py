"""What of a check's pictures is shown: small JPEGs, faces upright and of one size.

They are made by an engine's thread, while the pixels are there; afterwards only they are left.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from visavis.documents.specimen import portrait_of
from visavis.service.kept import NOTHING, emptied, without_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.documents.document import Document, Portrait, Side
    from visavis.examiner import Examined
    from visavis.quality.profiles import Profile
    from visavis.verifier import ExaminedDocument

PAGE, FACE = 680, 400
"""Pixels of the longer side of a page, and of the height of a face, as they are shown."""
QUALITY = 75


def jpeg(pixels: NDArray[Any], side: int = PAGE) -> bytes:
    """A picture as a JPEG, no larger than `side` pixels."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side), reducing_gap=3.0)
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=QUALITY)
    return encoded.getvalue()


def of_photo(seen: Examined, name: str) -> dict[str, bytes]:
    """A photo under a name: the face, upright, or where there is none all of it; and what was compared."""
    face = seen.evidence.face
    whole = seen.photo.pixels if face is None else portrait_of(seen.photo, face, height=FACE)
    shown = {name: jpeg(whole, FACE)}
    if seen.chips is not None:
        shown[f"face-{name}"] = jpeg(seen.chips[0])
    return shown


def of_document(read: ExaminedDocument) -> dict[str, bytes]:
    """A document: its pages seen from straight above, its portraits, and which face was compared."""
    shown = {
        f"page-{number}": jpeg(side.photo.pixels if side.reading.page is None else side.reading.page.pixels)
        for number, side in enumerate(read.document.pages, 1)
    }
    for role, name in (("printed", "portrait"), ("chip", "chip")):
        if role in read.portraits:
            shown |= {name: of_photo(read.portraits[role], name)[name]}
    if read.choice.portrait is not None:
        compared = of_photo(read.reference, "reference")
        shown |= {name: data for name, data in compared.items() if name == "face-reference"}
    return shown


def lean(read: ExaminedDocument, asked: Profile | None) -> ExaminedDocument:
    """A document that can still be compared, and of which no picture is left.

    Args:
        read: The document.
        asked: What the policy asks of the quality of the portrait that counts.
    """
    reference = without_picture(read.reference, asked)
    portraits = {
        role: reference if seen is read.reference else without_picture(seen, None)
        for role, seen in read.portraits.items()
    }
    return replace(
        read,
        document=_document(read.document),
        portraits=portraits,
        further={name: without_picture(seen, None) for name, seen in read.further.items()},
        reference=reference,
    )


def _document(document: Document) -> Document:
    chip, portrait = document.chip, document.chip_portrait
    if chip is not None:
        chip = replace(chip, groups=dict.fromkeys(chip.groups, b""), portrait=None)
    return replace(
        document,
        pages=tuple(_side(side) for side in document.pages),
        portrait=_portrait(document.portrait),
        further_portraits=tuple(
            replace(each, photo=emptied(each.photo)) for each in document.further_portraits
        ),
        ghost=_portrait(document.ghost),
        chip=chip,
        chip_portrait=None if portrait is None else emptied(portrait),
    )


def _side(side: Side) -> Side:
    reading, page = side.reading, side.reading.page
    if page is not None:
        reading = replace(reading, page=replace(page, pixels=NOTHING))
    return replace(side, photo=emptied(side.photo), reading=reading)


def _portrait(portrait: Portrait | None) -> Portrait | None:
    return None if portrait is None else replace(portrait, photo=emptied(portrait.photo))
