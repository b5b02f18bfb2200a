"""Face records of ISO/IEC 19794-5:2005: a picture with a header, as the chips of passports hold them.

What a record states about the person (gender, colours of eyes and hair, expression) is skipped: it is neither
read nor kept. All numbers are big-endian; section numbers are those of the standard.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Literal

from visavis.errors import DocumentError

Kind = Literal["JPEG", "JPEG 2000"]

MAX_FACE_RECORD = 4 * 2**20
"""Bytes of a record. Chips hold 15 to 60 kB; other systems up to a few hundred."""

MAX_IMAGES = 16
"""Images of one record; documents have one, rarely two."""

HEADER = struct.Struct(">4s4sIH")  # 5.4: format, version, length, number of images
FACE = struct.Struct(
    ">IH14x"
)  # 5.5: length, feature points; the rest, about the person and the pose, is skipped
FEATURE_POINT = 8  # 5.6, bytes of each
IMAGE = struct.Struct(">BBHHBBHH")  # 5.7: see `FaceImage`; the eighth is the device

VERSIONS = {b"030\0": "ISO/IEC 19794-5:2011"}
FACE_TYPES = ("basic", "full frontal", "token frontal")
COLOURS = ("unspecified", "sRGB", "YUV 4:2:2", "grey", "other")
SOURCES = (
    "unspecified",
    "photograph",
    "photograph of a digital camera",
    "photograph from a scanner",
    "video",
    "video of an analogue camera",
    "video of a digital camera",
    "unknown",
)
DATA_TYPES: tuple[Kind, Kind] = ("JPEG", "JPEG 2000")
STARTS = {
    "JPEG": (b"\xff\xd8\xff",),
    "JPEG 2000": (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),  # in boxes, or the bare code stream
}


@dataclass(frozen=True, slots=True)
class FaceImage:
    """One picture of a record.

    Attributes:
        data: The encoded picture, as it lies in the record.
        kind: How it is encoded, by its first bytes.
        width: Width in pixels as the record states it; 0 where it states none.
        height: Height likewise.
        face_type: ``"basic"``, ``"full frontal"``, ``"token frontal"``, or ``"other"``.
        colour: Colour space as stated, ``"sRGB"`` for instance.
        source: What kind of device it came from.
        quality: As stated; 0 is unspecified, and the standard gives the other values no meaning.
    """

    data: bytes = field(repr=False)
    kind: Kind
    width: int
    height: int
    face_type: str
    colour: str
    source: str
    quality: int


@dataclass(frozen=True, slots=True)
class FaceRecord:
    """What a record holds.

    Attributes:
        images: At least one; the first is the one to use.
        notes: What was odd about it and did no harm.
    """

    images: tuple[FaceImage, ...]
    notes: tuple[str, ...]

    @classmethod
    def read(cls, data: bytes) -> FaceRecord:
        """Read a record that fills `data`.

        Raises:
            DocumentError: It is of another standard or version, contradicts itself, or is too large.
        """
        if len(data) > MAX_FACE_RECORD:
            raise DocumentError(
                "chip.too_large",
                "the face record is too large",
                found=f"{len(data)} bytes",
                expected=f"at most {MAX_FACE_RECORD}",
            )
        count = _header(data)
        images = []
        notes: list[str] = []
        position = HEADER.size
        for number in range(count):
            image, position = _image(data, position, notes)
            images.append(image)
            if number == 1:
                notes.append(f"the face record holds {count} images; the first is used")
        if position != len(data):
            raise _damaged(f"{len(data) - position} bytes after its last image")
        return cls(tuple(images), tuple(notes))


def _header(data: bytes) -> int:
    """Check the header (5.4); the number of images."""
    if data[:4] != b"FAC\0":
        # ISO/IEC 39794-5 is ASN.1: its block (application 5), or the template that chips put around it.
        if data[:1] in {b"\x65", b"\xa1"}:
            raise _unsupported("ISO/IEC 39794-5")
        raise _unsupported(f"a record that begins with {data[:4].hex(' ') or 'nothing'}")
    if len(data) < HEADER.size:
        raise _damaged(f"{len(data)} bytes", "a whole header")
    _, version, length, count = HEADER.unpack_from(data)
    if version != b"010\0":
        raise _unsupported(VERSIONS.get(version, f"version {version.decode('latin-1')!a}"))
    if length != len(data):
        raise _damaged(f"a stated length of {length}", f"{len(data)}, which are there")
    if not 1 <= count <= MAX_IMAGES:
        raise _damaged(f"{count} images", f"1 to {MAX_IMAGES}")
    return int(count)


def _image(data: bytes, start: int, notes: list[str]) -> tuple[FaceImage, int]:
    """The image whose block begins at `start` (5.5 to 5.8), and where the next begins."""
    if start + FACE.size > len(data):
        raise _damaged("no room for an image", "as many images as are stated")
    length, points = FACE.unpack_from(data, start)
    at = start + FACE.size + FEATURE_POINT * points
    end = start + length
    if end > len(data):
        raise _damaged(f"an image of {length} bytes", f"at most {len(data) - start}, which are there")
    picture = at + IMAGE.size
    if picture >= end:
        raise _damaged(f"an image of {length} bytes with {points} feature points", "room for a picture")
    face_type, data_type, width, height, colour, source, _, quality = IMAGE.unpack_from(data, at)
    content = data[picture:end]
    kind = _kind(content)
    if data_type >= len(DATA_TYPES) or DATA_TYPES[data_type] != kind:
        notes.append(f"the face record calls its picture type {data_type}, but it is a {kind}")
    image = FaceImage(
        data=content,
        kind=kind,
        width=width,
        height=height,
        face_type=_name(FACE_TYPES, face_type),
        colour=_name(COLOURS, colour),
        source=_name(SOURCES, source),
        quality=quality,
    )
    return image, end


def _kind(content: bytes) -> Kind:
    for kind in DATA_TYPES:
        if content.startswith(STARTS[kind]):
            return kind
    raise _damaged(f"a picture that begins with {content[:4].hex(' ')}", "JPEG or JPEG 2000")


def _name(names: tuple[str, ...], value: int) -> str:
    return names[value] if value < len(names) else "other"


def _damaged(found: str, expected: str | None = None) -> DocumentError:
    return DocumentError("chip.damaged", "the face record is damaged", found=found, expected=expected)


def _unsupported(found: str) -> DocumentError:
    return DocumentError(
        "chip.unsupported",
        "this kind of face record isn't supported",
        found=found,
        expected="ISO/IEC 19794-5:2005",
    )
