"""One picture of a face record and what the record says about it, in either edition of the standard.

Bytes that are about the person (gender, colours of eyes and hair, height, features such as a beard,
expression) are carried so that a record can be written as it came. Nothing reads them, and a record that is
made anew has zeros in their place, which the standard calls unspecified.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from visavis.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["JPEG", "JPEG 2000", "PNG"]

MAX_FACE_RECORD = 4 * 2**20
"""Bytes of a record. Chips hold 15 to 60 kB; other systems up to a few hundred."""

MAX_IMAGES = 16
"""Images of one record; documents have one, rarely two, and MOSIP's records exactly one."""

MAX_LANDMARKS = 1_000
"""Landmarks of one image: ISO/IEC 14496-2 and anthropometry name fewer than 200 points."""

LANDMARK = struct.Struct(">BBHHH")

STARTS: dict[Kind, tuple[bytes, ...]] = {
    "JPEG": (b"\xff\xd8\xff",),
    "JPEG 2000": (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),  # in boxes, or the bare code stream
    "PNG": (b"\x89PNG\r\n\x1a\n",),
}

Angles = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Landmark:
    """A point of a face on its picture, as the record states it.

    Attributes:
        kind: Which list of points `code` is from.
        code: Which point.
        x: Pixels from the left edge; for points in space the unit is the edition's.
        y: Pixels from the upper edge.
        z: Depth; 0 (reserved) for points on the picture.
    """

    kind: int
    code: int
    x: int
    y: int
    z: int = 0


@dataclass(frozen=True, slots=True)
class Capture2005:
    """What the edition of 2005 says about where a picture came from (5.7).

    Attributes:
        source: Kind of device: 0 unspecified, 1 to 3 photographs, 4 to 6 video, 7 unknown.
        device: Type of the device, by its vendor.
        quality: As stated; 0 is unspecified, and the standard gives the other values no meaning.
    """

    source: int = 0
    device: int = 0
    quality: int = 0


@dataclass(frozen=True, slots=True)
class QualityBlock:
    """A score that some algorithm gave.

    Attributes:
        score: 0 to 100, higher is better; 255 where it failed.
        vendor: Whose algorithm.
        algorithm: Which one of theirs.
    """

    score: int
    vendor: int = 0
    algorithm: int = 0


@dataclass(frozen=True, slots=True)
class Capture2011:
    """What the edition of 2011 says about how a picture was taken and treated.

    Attributes:
        time: Nine bytes: year (2), month, day, hour, minute, second, milliseconds (2); see `moment`.
        technology: Kind of device.
        vendor: Its vendor's number.
        device: Type of the device, by its vendor.
        qualities: Scores, by any number of algorithms.
        sampling: Level of the spatial sampling rate.
        processing: Bits that tell what was done with the picture since.
        cross_reference: Number of the representation that this one was made from; 0 for none.
        solid: The shape of the face that may follow the picture, as it lies in the record. Nothing reads it.
    """

    time: bytes = bytes(9)
    technology: int = 0
    vendor: int = 0
    device: int = 0
    qualities: tuple[QualityBlock, ...] = ()
    sampling: int = 0
    processing: int = 0
    cross_reference: int = 0
    solid: bytes = field(default=b"", repr=False)

    @property
    def moment(self) -> datetime | None:
        """When it was taken, in UTC; None where the record doesn't say or names no such day."""
        try:
            year, month, day, hour, minute, second, thousandths = struct.unpack(">H5BH", self.time)
            return datetime(year, month, day, hour, minute, second, thousandths * 1000, UTC)
        except (struct.error, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class FaceImage:
    """One picture of a record. Whoever decodes it compares its size with what is stated.

    Attributes:
        data: The encoded picture, as it lies in the record.
        width: Width in pixels as the record states it; 0 where it states none.
        height: Height likewise.
        data_type: How it is encoded, as stated. 2005: 0 JPEG, 1 JPEG 2000; 2011: 0 JPEG, 1 and 2 JPEG 2000
            with and without loss, 3 PNG. `kind` goes by the bytes.
        image_type: 0 basic, 1 full frontal, 2 token frontal; 2011 also: 3 post-processed, from 0x80 on with a
            shape of the face.
        colour_space: 0 unspecified, 1 RGB of 24 bits, 2 YUV 4:2:2, 3 grey of 8 bits. 2005: 4 other; 2011:
            4 RGB of 48 bits, 5 grey of 16, 6 other.
        landmarks: Points of the face.
        pose: Yaw, pitch and roll by the standard's codes; 0 is unspecified.
        pose_uncertainty: The same of how sure they are.
        capture: What the record's edition says besides.
    """

    data: bytes = field(repr=False)
    width: int
    height: int
    data_type: int
    capture: Capture2005 | Capture2011
    image_type: int = 1
    colour_space: int = 0
    landmarks: tuple[Landmark, ...] = ()
    pose: Angles = (0, 0, 0)
    pose_uncertainty: Angles = (0, 0, 0)
    _person: bytes = field(default=b"", repr=False, compare=False)  # as it came; see above

    @property
    def kind(self) -> Kind:
        """How the picture is encoded, by its first bytes.

        Raises:
            RecordError: `record.damaged`: in no way that a record may hold. One that was read has a kind.
        """
        return kind_of(self.data)

    def person_bytes(self, count: int) -> bytes:
        """What to write where `count` bytes are about the person: as they came in this edition, or zeros."""
        return self._person if len(self._person) == count else bytes(count)


def kind_of(data: bytes, kinds: Sequence[Kind] = tuple(STARTS)) -> Kind:
    """Which of `kinds` a picture is, by its first bytes.

    Raises:
        RecordError: `record.damaged`: none of them.
    """
    for kind in kinds:
        if data.startswith(STARTS[kind]):
            return kind
    *others, last = dict.fromkeys(kinds)
    expected = f"{', '.join(others)} or {last}"
    raise damaged(f"a picture that begins with {data[:4].hex(' ') or 'nothing'}", expected)


def landmarks_of(data: bytes) -> tuple[Landmark, ...]:
    """Landmarks that fill `data`.

    Raises:
        RecordError: `record.too_large`.
    """
    count = len(data) // LANDMARK.size
    if count > MAX_LANDMARKS:
        raise too_large(f"{count} feature points", f"at most {MAX_LANDMARKS}")
    return tuple(Landmark(*numbers) for numbers in LANDMARK.iter_unpack(data))


def packed(layout: str, *numbers: int | bytes) -> bytes:
    """`struct.pack`, big-endian.

    Raises:
        RecordError: `record.field`: a number doesn't fit.
    """
    try:
        return struct.pack(f">{layout}", *numbers)
    except struct.error as error:
        raise unwritable(str(error)) from None


def landmark_bytes(landmarks: tuple[Landmark, ...]) -> bytes:
    """The opposite of `landmarks_of`."""
    if len(landmarks) > MAX_LANDMARKS:
        raise unwritable(f"{len(landmarks)} landmarks", f"at most {MAX_LANDMARKS}")
    return b"".join(packed("BBHHH", each.kind, each.code, each.x, each.y, each.z) for each in landmarks)


def damaged(found: str, expected: str | None = None) -> RecordError:
    """What to raise where a record contradicts its standard or itself."""
    return RecordError("record.damaged", "the face record is damaged", found=found, expected=expected)


def too_large(found: str, expected: str) -> RecordError:
    """What to raise where it is over a limit."""
    return RecordError("record.too_large", "the face record is too large", found=found, expected=expected)


def unsupported(found: str, expected: str) -> RecordError:
    """What to raise where it is of a kind that isn't read."""
    return RecordError(
        "record.unsupported", "this kind of face record isn't supported", found=found, expected=expected
    )


def unwritable(found: str, expected: str | None = None) -> RecordError:
    """What to raise where something doesn't fit into a record."""
    return RecordError("record.field", "a face record can't hold this", found=found, expected=expected)
