"""`visavis specimen`: a fictional document of Utopia with a given portrait, drawn and photographed."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from visavis.cli.output import unwritable
from visavis.packs.catalogue import DEFAULT_PACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from visavis.documents.camera import Shot
    from visavis.documents.specimen import Holder, Specimen
    from visavis.geometry import Box

    Pixels = NDArray[np.uint8]

KINDS = ("passport", "card", "td2", "visa", "visa-b")
DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("specimen")
@click.option("--portrait", required=True, metavar="FILE", help="A picture of the face to print.")
@click.option("--kind", type=click.Choice(KINDS), default="passport", show_default=True, help="What to draw.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for what is drawn; made where it is missing.",
)
@click.option(
    "--photographed",
    type=click.IntRange(1, 3),
    metavar="1|2|3",
    help="Photograph it too: 1 with care, 2 as on any day, 3 in a hurry and poor light.",
)
@click.option("--ghost", is_flag=True, help="Print a small pale second portrait.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of names, pattern and photograph.",
)
@click.option("--chip", is_flag=True, help="Write files of a chip, signed by a state made up for them.")
@click.option("--surname", help="Of the holder, who is made up where nothing is said.")
@click.option("--given-names", help="The holder's other names.")
@click.option("--number", help="Of the document: up to 9 capitals and digits.")
@click.option("--personal-number", help="Up to 14 capitals and digits.")
@click.option("--nationality", help="UTO, or XXA, XXB, XXC, XXX.")
@click.option("--place", help="Of birth.")
@click.option("--birth", type=DAY, metavar="YYYY-MM-DD", help="Date of birth.")
@click.option("--issued", type=DAY, metavar="YYYY-MM-DD", help="Date of issue.")
@click.option("--expiry", type=DAY, metavar="YYYY-MM-DD", help="Date of expiry.")
@click.option("--pack", default=DEFAULT_PACK, show_default=True, help="Which engine finds the face.")
def specimen_command(
    *,
    portrait: str,
    kind: str,
    out: Path,
    photographed: int | None,
    ghost: bool,
    seed: int,
    chip: bool,
    pack: str,
    **given: str | datetime | None,
) -> None:
    """Draw a fictional document of Utopia, marked SPECIMEN, with the face on a picture.

    Writes page.png (and back.png), photo.jpg where it is photographed, truth.json with all that is printed
    and where, and the folder chip with the certificate csca.cer beside it.

    Exit status: 0, or 64 wrong usage, 65 unusable picture, 66 missing file, 69 pack not available, 73 can't
    be written.
    """
    from visavis.documents import camera, specimen

    if chip and kind.startswith("visa"):
        raise click.UsageError("a visa has no chip")
    holder = _holder(specimen.fictional(seed), given)
    specimen.zone_of(kind, holder)  # refused before a pack is loaded
    face = _face(portrait, pack)
    drawn = specimen.draw(kind, holder, face, ghost=ghost, seed=seed)
    sides = {"page": drawn.page} | ({} if drawn.back is None else {"back": drawn.back})
    shots: dict[str, Shot] = {}
    if photographed is not None:
        for step, (side, pixels) in enumerate(sides.items()):
            read = _parts(drawn, side)
            shots[side] = camera.photograph(pixels, severity=photographed, seed=seed + step, spared=read)
    files = {f"{side}.png": _encoded(pixels, "PNG") for side, pixels in sides.items()}
    files |= {_photo_name(side): shot.jpeg for side, shot in shots.items()}
    if chip:
        files |= _chip(drawn, face)
    truth = _truth(drawn, shots) | {"seed": seed, "severity": photographed}
    files["truth.json"] = (json.dumps(truth, indent=2, ensure_ascii=False) + "\n").encode()
    _write(out, files, portrait)
    click.echo(f"Specimen: {out / 'page.png'}")
    for line in drawn.lines:
        click.echo(line)


def _holder(holder: Holder, given: Mapping[str, str | datetime | None]) -> Holder:
    """The made-up holder with what was said; what the document says of itself stays unspecified."""
    said: dict[str, str | date] = {
        name: value.date() if isinstance(value, datetime) else value
        for name, value in given.items()
        if value is not None
    }
    if "surname" in said and "given_names" not in said:
        said["given_names"] = ""
    return replace(holder, sex="X", **said)  # type: ignore[arg-type]


def _face(portrait: str, pack: str) -> Pixels:
    """The only face on a picture, cut as a document's portrait."""
    from visavis.decision.policy import Policy
    from visavis.documents.specimen import portrait_of
    from visavis.errors import PhotoError
    from visavis.examiner import Examiner

    examined = Examiner(pack).examine(portrait, policy=Policy())
    face = examined.evidence.face
    if face is None:
        several = len(examined.evidence.others)
        raise PhotoError(
            "photo.no_portrait",
            f"no portrait can be cut from {Path(portrait).name!r}",
            found=f"{several} faces" if several else "no face",
            expected="one face",
        )
    return portrait_of(examined.photo, face)


def _parts(drawn: Specimen, side: str) -> list[Box]:
    """What must be read on a side: portraits on the page, the zone where it is."""
    with_zone = side == ("page" if drawn.back is None else "back")
    return [*([drawn.portrait] if side == "page" else []), *(drawn.line_boxes if with_zone else ())]


def _photo_name(side: str) -> str:
    return "photo.jpg" if side == "page" else f"photo-{side}.jpg"


def _chip(drawn: Specimen, portrait: Pixels) -> dict[str, bytes]:
    from visavis.documents.specimen_chip import SpecimenState, make_chip

    state = SpecimenState.make()
    made = make_chip(drawn.lines, _encoded(portrait, "JPEG", quality=90), state)
    return {f"chip/EF.{name}": content for name, content in made.items()} | {"csca.cer": state.authority}


def _truth(drawn: Specimen, shots: Mapping[str, Shot]) -> dict[str, Any]:
    """All that is known about the pictures; corners from the upper left one on, clockwise, in pixels."""
    from visavis.documents.specimen import KINDS

    holder = drawn.holder
    zone = "page" if drawn.back is None else "back"
    parts = {"portrait": ("page", [drawn.portrait]), "mrz_lines": (zone, drawn.line_boxes)}
    if drawn.ghost is not None:
        parts["ghost"] = ("page", [drawn.ghost])
    sides: dict[str, Any] = {"page": {"file": "page.png"}}
    if drawn.back is not None:
        sides["back"] = {"file": "back.png"}
    for name, (side, boxes) in parts.items():
        sides[side][name] = [_corners(box).tolist() for box in boxes]
    photos = [
        {
            "file": _photo_name(side),
            "of": sides[side]["file"],
            "corners": shot.corners.round(2).tolist(),
            "homography": shot.homography.tolist(),
            **{
                name: [shot.place(_corners(box)).round(2).tolist() for box in boxes]
                for name, (on, boxes) in parts.items()
                if on == side
            },
        }
        for side, shot in shots.items()
    ]
    return {
        "kind": drawn.kind,
        "format": KINDS[drawn.kind].form,
        "holder": {
            "surname": holder.surname,
            "given_names": holder.given_names,
            "number": holder.number,
            "nationality": holder.nationality,
            "birth": holder.birth.isoformat(),
            "issued": holder.issued.isoformat(),
            "expiry": holder.expiry.isoformat(),
            "place": holder.place,
            "personal_number": holder.personal_number,
        },
        "mrz": list(drawn.lines),
        "sides": sides,
        "photos": photos,
    }


def _corners(box: Box) -> NDArray[np.float64]:
    import numpy as np

    right, bottom = box.x + box.width, box.y + box.height
    return np.array([(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)])


def _encoded(pixels: Pixels, kind: str, **options: int) -> bytes:
    from PIL import Image

    to = io.BytesIO()
    Image.fromarray(pixels).save(to, kind, **options)
    return to.getvalue()


def _write(out: Path, files: Mapping[str, bytes], portrait: str) -> None:
    """Write the files, which show a person, so that only their owner may read them."""
    import os

    for name, content in files.items():
        path = out / name
        if path.exists() and path.samefile(portrait):
            raise click.UsageError(f"this would overwrite the portrait: {path}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError as error:
            raise unwritable(path, error.strerror) from None
