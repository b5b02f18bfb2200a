"""A directory of tags: a TIFF has one for each page, and EXIF is one (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from visavis.photo.limits import MAX_PIECES

# Bytes of a value of each kind, from BYTE to DOUBLE and the IFD of a later supplement.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I"}


class Entry(NamedTuple):
    """What a directory says of a tag; the values themselves may lie anywhere, or beyond the end."""

    kind: int
    values: int
    start: int  # of the values
    length: int  # of the values in bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory, whose entries are read only when somebody asks: it may have 65535."""

    data: bytes
    order: str
    places: dict[int, int]  # tag -> where its entry begins
    following: int  # offset of the next directory, 0 after the last, -1 where the number itself is cut off

    @classmethod
    def read(cls, data: bytes, at: int | None = None) -> Directory:
        """The directory at an offset, or the first; `ValueError` where it runs over the end."""
        order = {b"II": "<", b"MM": ">"}.get(data[:2])
        if order is None or len(data) < 8:
            raise ValueError("no TIFF header")
        if at is None:
            (at,) = struct.unpack_from(f"{order}I", data, 4)
        if at + 2 > len(data):
            raise ValueError("no directory")
        (count,) = struct.unpack_from(f"{order}H", data, at)
        end = at + 2 + 12 * count
        if end > len(data):
            raise ValueError("a directory beyond the end")
        tags = struct.iter_unpack(f"{order}H10x", memoryview(data)[at + 2 : end])
        places = {tag: place for (tag,), place in zip(tags, range(at + 2, end, 12), strict=True)}
        (following,) = struct.unpack_from(f"{order}I", data, end) if end + 4 <= len(data) else (-1,)
        return cls(data, order, places, following)

    def entry(self, tag: int) -> Entry | None:
        """What is said of a tag, the last time where it stands twice."""
        place = self.places.get(tag)
        if place is None:
            return None
        kind, values = struct.unpack_from(f"{self.order}HI", self.data, place + 2)
        length = values * SIZES.get(kind, 0)
        # Values of up to 4 bytes stand in the entry itself.
        start = place + 8 if length <= 4 else struct.unpack_from(f"{self.order}I", self.data, place + 8)[0]
        return Entry(kind, values, start, length, self.data[place : place + 12])

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The values of a tag of whole numbers; none where it is absent, of another kind or cut off."""
        entry = self.entry(tag)
        layout = WHOLE_NUMBERS.get(entry.kind) if entry else None
        if entry is None or layout is None or entry.values > MAX_PIECES:
            return ()
        if entry.start + entry.length > len(self.data):
            return ()
        return struct.unpack_from(f"{self.order}{entry.values}{layout}", self.data, entry.start)

    def bytes_of(self, tag: int) -> bytes:
        """The values of a tag as they lie in the file; none where it is absent."""
        entry = self.entry(tag)
        return self.data[entry.start : entry.start + entry.length] if entry else b""
