"""The files of a passport's chip, as reader apps export them: a folder or a zip -> `ChipFiles`.

The first byte of a file says what it is; its name, where it names a file of a chip, has to agree.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from visavis.documents.files import MAX_ZIP, chip_folder, chip_zip, named, read_file
from visavis.documents.lds import GROUPS, LEFT_ALONE, TAGS, Com, read_com, read_dg1, read_dg2, trimmed
from visavis.documents.tlv import Tlv
from visavis.errors import DocumentError, PhotoError
from visavis.photo.formats import recognise
from visavis.photo.refusals import decoder_errors, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.records.face_image import FaceImage

ChipSource = bytes | str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class ChipFiles:
    """What was read from a chip, not authenticated yet.

    Attributes:
        groups: Name (``"DG1"``, ``"SOD"``) -> the file's bytes.
        mrz_lines: Lines of the machine-readable zone in DG1; none without it.
        portrait: The first picture of DG2, or None without it.
        com: What EF.COM says, or None without it.
        notes: What is missing, what was left alone, what was odd.
    """

    groups: Mapping[str, bytes] = field(repr=False)
    mrz_lines: tuple[str, ...]
    portrait: FaceImage | None
    com: Com | None
    notes: tuple[str, ...]

    @classmethod
    def read(cls, source: ChipSource) -> ChipFiles:
        """Read a chip's files from a folder, a zip, or the bytes of a zip.

        Raises:
            DocumentError: There are none, or they are damaged, too large or of a kind that can't be read; the
                codes begin with ``chip.``.
        """
        if isinstance(source, bytes):
            return cls.of(chip_zip(source))
        path = Path(source)
        if os.path.isdir(path):  # noqa: PTH112  # False, and no error, where nobody may look
            return cls.of(chip_folder(path))
        return cls.of(chip_zip(read_file(path, MAX_ZIP, "chip")))

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> ChipFiles:
        """Read files that somebody already holds, by name.

        Raises:
            DocumentError: As for `read`.
        """
        notes: list[str] = []
        groups = _groups(files, notes)
        if not groups.keys() & {"DG1", "DG2", "SOD"}:
            raise DocumentError(
                "chip.empty",
                "these aren't the files of a chip",
                found=f"{len(files)} files",
                expected="DG1, DG2 and SOD",
            )
        com = read_com(groups["COM"]) if "COM" in groups else None
        lines = read_dg1(groups["DG1"]) if "DG1" in groups else ()
        portrait = _portrait(groups["DG2"], notes) if "DG2" in groups else None
        notes.extend(f"there is no {name}: {lost}" for name, lost in MISSING.items() if name not in groups)
        if com is not None and (more := [name for name in com.groups if name not in groups]):
            notes.append(f"EF.COM also names {', '.join(more)}, not used here")
        return cls(groups, lines, portrait, com, tuple(notes))


MISSING = {
    "DG1": "no machine-readable zone of the chip",
    "DG2": "no portrait of the chip",
    "SOD": "nothing can be authenticated",
}


def _groups(files: Mapping[str, bytes], notes: list[str]) -> dict[str, bytes]:
    """The files that are a chip's, by what they are."""
    groups: dict[str, bytes] = {}
    for name, data in sorted(files.items()):
        shown = ascii(name[-60:])
        meant = named(name)
        if meant is not None and not data.strip(b"\0"):
            notes.append(f"{shown} is empty")
            continue
        group = GROUPS.get(data[0]) if data else None
        if meant is None and (group is None or not _is_one_element(data)):
            continue  # not a chip's: a picture, a report
        if group is None or meant not in (None, group):
            raise DocumentError(
                "chip.damaged",
                f"{shown} isn't what its name says",
                found=group or f"bytes that begin with {data[:2].hex(' ')}",
                expected=meant,
            )
        if group in LEFT_ALONE.values():
            notes.append(f"{group} is left alone")
            continue
        content, trailing = trimmed(group, data)
        if trailing:
            notes.append(f"{shown} has {trailing} zero bytes after its end, left out")
        if groups.get(group, content) != content:
            raise DocumentError("chip.damaged", f"there are two different files of {group}", found=shown)
        groups[group] = content
    return {name: groups[name] for name in TAGS if name in groups}


def _is_one_element(data: bytes) -> bool:
    try:
        Tlv.whole(data)
    except ValueError:
        return False
    return True


def _portrait(data: bytes, notes: list[str]) -> FaceImage:
    """The picture of DG2, whose header has to agree with what the record states."""
    record, more = read_dg2(data)
    notes.extend((*more, *record.notes))
    image = record.images[0]
    try:
        kind = recognise(image.data)
        with decoder_errors(kind.name):
            picture = kind(image.data)
    except PhotoError as error:
        code = {"photo.format": "chip.unsupported", "photo.too_large": "chip.too_large"}.get(
            error.code, "chip.damaged"
        )
        raise DocumentError(code, "the portrait in DG2 can't be used", found=one_line(error)) from None
    stated = (image.width, image.height)
    if 0 not in stated and stated != (picture.width, picture.height):
        raise DocumentError(
            "chip.damaged",
            "DG2 states a size that its portrait doesn't have",
            found=f"{image.width} x {image.height}",
            expected=f"{picture.width} x {picture.height}",
        )
    return image
