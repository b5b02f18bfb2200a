"""PNG: its chunks with their checksums, and Pillow."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from visavis.photo.encoded import Whole
from visavis.photo.limits import MAX_METADATA
from visavis.photo.orientation import exif_orientation
from visavis.photo.raster import Raster, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image


# First column and row of each pass, and the steps to the next ones (ISO/IEC 15948, 8.2).
ONE_PASS = ((0, 0, 1, 1),)
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


class Png(Whole):
    """Each chunk's length and checksum is looked at here: Pillow skips those of the picture data."""

    name = "PNG"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.bits = 8
        self.picture_data: list[slice] = []
        metadata = 0
        for count, (kind, start, length) in enumerate(self._chunks()):
            self.count_pieces(count)
            if (kind == b"IHDR") != (count == 0):
                raise self.damaged("no header first, or a second one")
            if kind == b"IHDR":
                self._header(start, length)
            elif kind == b"acTL":
                (frames,) = self.numbers_at(">I", start) if length >= 4 else (0,)
                raise self.animated(frames)
            if kind == b"IDAT":
                self.picture_data.append(slice(start, start + length))
                continue
            metadata += length
            if metadata > MAX_METADATA:
                raise self.too_large(f"{metadata} bytes of metadata or more", f"at most {MAX_METADATA}")
            if kind == b"eXIf":
                self.orientation = exif_orientation(data[start : start + length])
        if not self.picture_data:
            raise self.truncated("no picture data")

    def _chunks(self) -> Iterator[tuple[bytes, int, int]]:
        """Kind, start of the body and its length, for each chunk up to IEND."""
        view = memoryview(self.data)
        position = 8
        while True:
            length, kind = self.numbers_at(">I4s", position)
            if length > 2**31 - 1 or not kind.isalpha():
                raise self.damaged("a broken chunk header")
            start, end = position + 8, position + 8 + length
            if kind == b"IHDR" and position == 8:
                self.set_size(*self.numbers_at(">II", start))  # before a byte more is believed
            (checksum,) = self.numbers_at(">I", end)
            if zlib.crc32(view[position + 4 : end]) != checksum:
                raise self.damaged(f"a wrong checksum of {kind.decode()}")
            if kind == b"IEND":
                return
            yield kind, start, length
            position = end + 4

    def _header(self, start: int, length: int) -> None:
        if length != 13:
            raise self.damaged(f"a header of {length} bytes")
        self.bits, colour, _, _, interlaced = self.data[start + 8 : start + 13]
        bits = self.bits * {2: 3, 4: 2, 6: 4}.get(colour, 1)
        self.passes = ADAM7 if interlaced else ONE_PASS
        self.inflated = 0
        for left, top, right, down in self.passes:
            columns, rows = -(-(self.width - left) // right), -(-(self.height - top) // down)
            self.inflated += rows * (1 + -(-columns * bits // 8))  # a filter byte before each row

    def samples(self) -> Raster:
        """What Pillow decodes, once it is known to be all."""
        from PIL import PngImagePlugin

        image = load(PngImagePlugin.PngImageFile, self.data)
        self.profile = image.info.get("icc_profile") or b""
        if self.bits > 8:
            # Pillow keeps 8 bits of the colours but 16 of the transparent one, so the two can't be compared.
            image.info.pop("transparency", None)
        self._check_complete(image)
        return Raster.of_image(image, bits=self.bits)

    def _check_complete(self, image: Image.Image) -> None:
        """A compressed stream that ends too soon, but properly, leaves the rest of Pillow's picture zero.

        Counting what it inflates to takes as long as decoding, so only a picture that could be such one is
        counted: one whose last row is zero, and an interlaced one.
        """
        last_row = image.crop((0, image.height - 1, image.width, image.height))
        if self.passes is ONE_PASS and last_row.getbbox():
            return
        stream = zlib.decompressobj()
        count = 0
        for place in self.picture_data:
            pending = self.data[place]
            while pending and count < self.inflated:
                count += len(stream.decompress(pending, 2**20))
                pending = stream.unconsumed_tail
        if count < self.inflated:
            raise self.truncated(f"{count} of {self.inflated} bytes")
