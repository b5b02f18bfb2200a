"""Face records of ISO/IEC 19794-5: pictures with headers, in the editions of 2005 and 2011.

What a record that was read is written as is what it was read from, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from visavis.errors import RecordError
from visavis.records import iso_2005, iso_2011
from visavis.records.face_image import (
    MAX_FACE_RECORD,
    MAX_IMAGES,
    damaged,
    kind_of,
    too_large,
    unsupported,
    unwritable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from struct import Struct

    from visavis.records.face_image import FaceImage, Kind

Edition = Literal["2005", "2011"]


class Layout(Protocol):
    """What an edition's module has."""

    VERSION: bytes
    HEADER: Struct
    DATA_TYPES: tuple[Kind, ...]

    def read_header(self, data: bytes) -> tuple[int, int, int]:
        """Stated length, number of images, and how these follow one another in time."""

    def read_image(self, data: bytes, start: int, notes: list[str]) -> tuple[FaceImage, int]:
        """The image at a place, and where the next begins; what is odd goes to `notes`."""

    def write(self, images: tuple[FaceImage, ...], temporal: int) -> bytes:
        """The record."""


LAYOUTS: dict[Edition, Layout] = {"2005": iso_2005, "2011": iso_2011}
VERSIONS: dict[bytes, Edition] = {layout.VERSION: edition for edition, layout in LAYOUTS.items()}


@dataclass(frozen=True, slots=True)
class FaceRecord:
    """What a record holds.

    Attributes:
        edition: Of the standard, ``"2005"`` or ``"2011"``.
        images: At least one; the first is the one to use.
        temporal: How the images follow one another in time; 2011 only, 0 for a single one.
        notes: What was odd about it and did no harm.
    """

    edition: Edition
    images: tuple[FaceImage, ...]
    temporal: int = 0
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, data: bytes, *, editions: Sequence[Edition] = ("2005", "2011")) -> FaceRecord:
        """Read a record that fills `data`.

        Args:
            data: The record.
            editions: Those that will do.

        Raises:
            RecordError: `record.unsupported`: it is of another standard or edition; `record.damaged`: it
                contradicts itself; `record.too_large`: it is over a limit.
        """
        if len(data) > MAX_FACE_RECORD:
            raise too_large(f"{len(data)} bytes", f"at most {MAX_FACE_RECORD}")
        edition = _edition(data, editions)
        layout = LAYOUTS[edition]
        if len(data) < layout.HEADER.size:
            raise damaged(f"{len(data)} bytes", "a whole header")
        length, count, temporal = layout.read_header(data)
        if length != len(data):
            raise damaged(f"a stated length of {length}", f"{len(data)}, which are there")
        if not 1 <= count <= MAX_IMAGES:
            raise damaged(f"{count} images", f"1 to {MAX_IMAGES}")
        position = layout.HEADER.size
        images = []
        notes: list[str] = []
        for number in range(count):
            image, position = layout.read_image(data, position, notes)
            images.append(image)
            if number == 1:
                notes.append(f"the face record holds {count} images; the first is used")
        if position != len(data):
            raise damaged(f"{len(data) - position} bytes after its last image")
        return cls(edition, tuple(images), temporal, tuple(notes))

    def write(self) -> bytes:
        """The record as bytes.

        Raises:
            RecordError: `record.field`: something doesn't fit into a record of this edition;
                `record.too_large`: it is over a limit.
        """
        if not 1 <= len(self.images) <= MAX_IMAGES:
            raise unwritable(f"{len(self.images)} images", f"1 to {MAX_IMAGES}")
        layout = LAYOUTS[self.edition]
        for image in self.images:
            try:
                kind_of(image.data, layout.DATA_TYPES)
            except RecordError as error:
                raise unwritable(str(error.found), str(error.expected)) from None
        data = layout.write(self.images, self.temporal)
        if len(data) > MAX_FACE_RECORD:
            raise too_large(f"{len(data)} bytes", f"at most {MAX_FACE_RECORD}")
        return data


def _edition(data: bytes, editions: Sequence[Edition]) -> Edition:
    """Which edition a record is of, if it is one that will do."""
    expected = " or ".join(f"ISO/IEC 19794-5:{edition}" for edition in editions)
    if data[:4] != b"FAC\0":
        # ISO/IEC 39794-5 is ASN.1: its block (application 5), or the template that chips put around it.
        if data[:1] in {b"\x65", b"\xa1"}:
            raise unsupported("ISO/IEC 39794-5", expected)
        raise unsupported(f"a record that begins with {data[:4].hex(' ') or 'nothing'}", expected)
    if len(data) < 8:
        raise damaged(f"{len(data)} bytes", "a whole header")
    edition = VERSIONS.get(data[4:8])
    if edition is None:
        raise unsupported(f"version {data[4:8].decode('latin-1')!a}", expected)
    if edition not in editions:
        raise unsupported(f"ISO/IEC 19794-5:{edition}", expected)
    return edition
