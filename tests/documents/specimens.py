"""Specimens of one fictional holder as files: what the tests of a whole document share."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from visavis.documents import camera, specimen
from visavis.documents.specimen_chip import SpecimenState, make_chip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from visavis.verifier import Verifier

SEED = 3


@dataclass(frozen=True, slots=True)
class Specimens:
    """Files, and the truth about them.

    Attributes:
        passport: A photographed passport with a ghost portrait.
        front: The front of a photographed card.
        back: Its back, with the zone.
        chip: Folder of the passport's chip.
        trusted: The certificate of the state that signed it.
        passport_lines: What the passport's zone says.
        card_lines: What the card's says.
        other_back: The back of another holder's card.
        other_chip: A zip with the files of that card's chip, signed by another state of the same name.
    """

    passport: Path
    front: Path
    back: Path
    chip: Path
    trusted: Path
    passport_lines: tuple[str, ...]
    card_lines: tuple[str, ...]
    other_back: Path
    other_chip: Path


def make(folder: Path, sface: Verifier, portrait: bytes) -> Specimens:
    """Draw and photograph them."""
    examined = sface.examine(portrait)
    assert examined.evidence.face is not None
    face = specimen.portrait_of(examined.photo, examined.evidence.face)
    passport = specimen.draw("passport", specimen.fictional(SEED), face, ghost=True, seed=SEED)
    card = specimen.draw("card", specimen.fictional(SEED), face, seed=SEED)
    assert card.back is not None
    spared = [passport.portrait, *passport.line_boxes]
    other = specimen.draw("card", specimen.fictional(SEED + 1), face, seed=SEED)
    assert other.back is not None
    shots = {
        "passport": camera.photograph(passport.page, severity=1, seed=4, spared=spared),
        "front": camera.photograph(card.page, severity=1, seed=7),
        "back": camera.photograph(card.back, severity=1, seed=7),
        "other-back": camera.photograph(other.back, severity=1, seed=7),
    }
    for name, shot in shots.items():
        (folder / f"{name}.jpg").write_bytes(shot.jpeg)
    state = SpecimenState.make()
    chip = folder / "chip"
    chip.mkdir()
    for name, content in make_chip(passport.lines, jpeg(face), state).items():
        (chip / f"EF.{name}").write_bytes(content)
    with zipfile.ZipFile(folder / "other-chip.zip", "w") as archive:
        for name, content in make_chip(other.lines, jpeg(face), SpecimenState.make()).items():
            archive.writestr(f"EF.{name}", content)
    trusted = folder / "csca.cer"
    trusted.write_bytes(state.authority)
    return Specimens(
        passport=folder / "passport.jpg",
        front=folder / "front.jpg",
        back=folder / "back.jpg",
        chip=chip,
        trusted=trusted,
        passport_lines=passport.lines,
        card_lines=card.lines,
        other_back=folder / "other-back.jpg",
        other_chip=folder / "other-chip.zip",
    )


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Encoded."""
    to = io.BytesIO()
    Image.fromarray(pixels).save(to, "JPEG", quality=90)
    return to.getvalue()


def pdf(pages: Sequence[Image.Image]) -> bytes:
    """A PDF of scanned pages at 200 dots an inch."""
    to = io.BytesIO()
    pages[0].save(to, "PDF", save_all=True, append_images=pages[1:], resolution=200)
    return to.getvalue()


def changed(chip: Path, to: Path, files: Mapping[str, bytes]) -> Path:
    """A copy of a chip's folder with some files replaced."""
    to.mkdir()
    for file in chip.iterdir():
        (to / file.name).write_bytes(files.get(file.name, file.read_bytes()))
    return to
