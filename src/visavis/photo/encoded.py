"""What all formats share: the bytes of a picture, its size and scales, and how it is refused."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from visavis.errors import PhotoError
from visavis.photo.colour import srgb
from visavis.photo.limits import MAX_PIECES, MAX_PIXELS
from visavis.photo.refusals import check_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from visavis.photo.raster import Raster


class Encoded(ABC):
    """The bytes of one format: the constructor reads their structure, `decode` runs the decoder.

    Attributes:
        width: Width in pixels as stored, before the picture is turned.
        height: Height likewise.
        orientation: EXIF orientation, 1 to 8.
        profile: ICC profile, or no bytes.
        scales: What the decoder can do, ascending; the last is 1.
    """

    name: ClassVar[str]
    max_pixels: ClassVar[int] = MAX_PIXELS
    max_decoded: ClassVar[int] = MAX_PIXELS

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.width = self.height = 0
        self.orientation = 1
        self.profile = b""
        self.scales: tuple[float, ...] = (1.0,)

    @abstractmethod
    def decode(self, scale: float, notes: list[str]) -> NDArray[np.uint8]:
        """The pixels at one of `scales` as sRGB, H x W x 3, not turned yet; remarks go to `notes`."""

    def scale_for(self, wanted: float) -> float:
        """The coarsest scale that gives `wanted`, or else the finest that memory allows."""
        pixels = self.width * self.height
        allowed = [scale for scale in self.scales if pixels * scale * scale <= self.max_decoded]
        if not allowed:
            raise self.too_large(f"{self.width} x {self.height}", f"at most {self.max_decoded} pixels")
        return next((scale for scale in allowed if scale >= wanted), allowed[-1])

    def set_size(self, width: int, height: int) -> None:
        """Called as soon as the size is known, before anything else is believed."""
        check_size(self.name, width, height, self.max_pixels)
        self.width, self.height = width, height

    def bytes_at(self, start: int, length: int) -> bytes:
        """These bytes, all of them; no reader of a structure may run over the end unseen."""
        if start + length > len(self.data):
            raise self.truncated()
        return self.data[start : start + length]

    def numbers_at(self, layout: str, start: int) -> tuple[Any, ...]:
        """What `struct` finds there, under the same condition."""
        return struct.unpack(layout, self.bytes_at(start, struct.calcsize(layout)))

    def boxes(self, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Kind, start and end of the content of each box (ISO/IEC 15444-1, I.4, and 14496-12, 4.2)."""
        count = 0
        while position < end:
            length, kind = self.numbers_at(">I4s", position)
            start = position + 8
            if length == 1:
                (length,) = self.numbers_at(">Q", start)
                start += 8
            stop = position + length if length else end
            if stop < start:
                raise self.damaged("a broken box length")
            if stop > end:
                raise self.truncated()
            yield kind, start, stop
            position = stop
            count += 1
            self.count_pieces(count)

    def count_pieces(self, count: int) -> None:
        """Called with the number of pieces so far: each costs time in Python."""
        if count > MAX_PIECES:
            raise self.too_large(f"more than {MAX_PIECES} pieces", f"at most {MAX_PIECES}")

    def truncated(self, found: object = None) -> PhotoError:
        """What to raise where the end is missing."""
        return PhotoError("photo.truncated", f"the {self.name} is cut off", found=found)

    def damaged(self, found: object) -> PhotoError:
        """What to raise where the bytes contradict the format or themselves."""
        return PhotoError("photo.damaged", f"the {self.name} is damaged", found=found)

    def animated(self, count: object, what: str = "frames") -> PhotoError:
        """What to raise for several pictures in one file."""
        message = f"the {self.name} isn't a single still picture"
        return PhotoError("photo.animated", message, found=f"{count} {what}", expected="one")

    def unsupported(self, found: object, expected: object) -> PhotoError:
        """What to raise for a kind of the format that nobody needs or its decoder can't do."""
        return PhotoError(
            "photo.format", f"this kind of {self.name} isn't supported", found=found, expected=expected
        )

    def too_large(self, found: object, expected: object) -> PhotoError:
        """What to raise where decoding would cost too much."""
        return PhotoError(
            "photo.too_large", f"the {self.name} is too large to decode", found=found, expected=expected
        )


class Whole(Encoded):
    """A format that is decoded in full, by a decoder that gives samples of any kind."""

    def decode(self, scale: float, notes: list[str]) -> NDArray[np.uint8]:  # noqa: ARG002  # always 1
        """The samples as sRGB."""
        raster = self.samples()
        return srgb(raster, self.profile, notes)

    @abstractmethod
    def samples(self) -> Raster:
        """Run the decoder; `profile` is known afterwards at the latest."""
