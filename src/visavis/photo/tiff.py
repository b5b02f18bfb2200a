"""TIFF: its directory, all of its strips or tiles, and Pillow (section numbers are those of TIFF 6.0)."""

from __future__ import annotations

import struct
from typing import cast

from visavis.photo.directory import Directory
from visavis.photo.encoded import Whole
from visavis.photo.limits import MAX_DIRECTORIES, MAX_PIXELS
from visavis.photo.orientation import ORIENTATION
from visavis.photo.raster import Raster, load

# Tags, section 8 where no other is named.
SUBFILE_TYPE = 254
WIDTH = 256
HEIGHT = 257
BITS = 258
COMPRESSION = 259
COLOUR = 262
STRIP_OFFSETS = 273
SAMPLES = 277
ROWS_OF_A_STRIP = 278
STRIP_LENGTHS = 279
PLANES = 284
TILE_WIDTH = 322  # and the next three: section 15
TILE_HEIGHT = 323
TILE_OFFSETS = 324
TILE_LENGTHS = 325
ICC_PROFILE = 34675  # ICC.1, annex B.4
DNG_VERSION = 50706  # Adobe's raw files

# What says how pixels are stored; besides those above: bit order, predictor, palette, meaning of additional
# samples, kind of samples, chroma subsampling.
PIXEL_TAGS = {WIDTH, HEIGHT, BITS, COMPRESSION, COLOUR, 266, STRIP_OFFSETS, SAMPLES, ROWS_OF_A_STRIP}
PIXEL_TAGS |= {STRIP_LENGTHS, PLANES, 317, 320, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS}
PIXEL_TAGS |= {338, 339, 530}

# Of a subfile type: a reduced version of another picture, a transparency mask.
REDUCED = 1
MASK = 4

UNCOMPRESSED = 1
COMPRESSIONS = {UNCOMPRESSED: "none", 5: "LZW", 8: "Deflate", 32773: "PackBits", 32946: "Deflate"}


class Tiff(Whole):
    """One page, uncompressed or with a lossless compression whose decoder reports damage."""

    name = "TIFF"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.directory = self._directory()
        self._check_directory()
        self.set_size(self._one(WIDTH), self._one(HEIGHT))
        self._check_pages()
        compression = self._one(COMPRESSION, 1)
        if compression not in COMPRESSIONS:
            names = ", ".join(dict.fromkeys(COMPRESSIONS.values()))
            raise self.unsupported(f"compression {compression}", names)
        self.bits = max(self._all(BITS) or (1,))
        self._check_pieces(compression)
        orientation = self._one(ORIENTATION, 1)
        self.orientation = orientation if 1 <= orientation <= 8 else 1
        self.profile = self.directory.bytes_of(ICC_PROFILE)

    def _directory(self, at: int | None = None) -> Directory:
        try:
            return Directory.read(self.data, at)
        except ValueError as error:
            raise self.truncated(error) from None

    def _all(self, tag: int) -> tuple[int, ...]:
        entry = self.directory.entry(tag)
        self.count_pieces(entry.values if entry else 0)
        return self.directory.numbers(tag)

    def _one(self, tag: int, default: int | None = None) -> int:
        values = self._all(tag)
        if len(values) != 1 and (values or default is None):
            raise self.damaged(f"{len(values)} values of tag {tag}")
        return values[0] if values else cast("int", default)

    def _check_directory(self) -> None:
        if self.directory.following < 0:
            raise self.truncated("half a directory")
        for tag in self.directory.places:
            entry = self.directory.entry(tag)
            if entry and entry.start + entry.length > len(self.data):
                raise self.truncated(f"tag {tag} beyond the end")

    def _check_pages(self) -> None:
        if DNG_VERSION in self.directory.places or self._one(SUBFILE_TYPE, 0) & REDUCED:
            raise self.unsupported("a camera's raw file", "a developed picture")
        pages = directories = 1
        following = self.directory.following
        while following > 0:
            if directories == MAX_DIRECTORIES:
                raise self.animated(f"{MAX_DIRECTORIES} or more", "pages")
            page = self._directory(following)
            directories += 1
            kind = page.numbers(SUBFILE_TYPE)
            # A thumbnail or a mask belongs to the page before it.
            pages += not (kind and kind[0] & (REDUCED | MASK))
            if page.following == following:
                break
            following = page.following
        if pages > 1:
            raise self.animated(pages, "pages")

    def _check_pieces(self, compression: int) -> None:
        """All strips or tiles are there: where one isn't, Pillow would leave its part black."""
        planes = self._one(SAMPLES, 1) if self._one(PLANES, 1) == 2 else 1
        if tiled := TILE_OFFSETS in self.directory.places:
            across, down = self._one(TILE_WIDTH), self._one(TILE_HEIGHT)
        else:
            across, down = self.width, min(self._one(ROWS_OF_A_STRIP, self.height), self.height)
        if min(across, down) < 1 or across * down > MAX_PIXELS:
            raise self.damaged(f"pieces of {across} x {down}")
        expected = -(-self.width // across) * -(-self.height // down) * planes
        offsets = self._all(TILE_OFFSETS if tiled else STRIP_OFFSETS)
        lengths = self._all(TILE_LENGTHS if tiled else STRIP_LENGTHS)
        if len(offsets) < expected or len(lengths) < expected:
            raise self.truncated(f"{min(len(offsets), len(lengths))} of {expected} pieces")
        if compression == UNCOMPRESSED and sum(lengths) < self._raw_size():
            raise self.truncated(f"{sum(lengths)} bytes of at least {self._raw_size()}")
        if any(start + length > len(self.data) for start, length in zip(offsets, lengths, strict=False)):
            raise self.truncated()

    def _raw_size(self) -> int:
        depths, samples = self._all(BITS) or (1,), self._one(SAMPLES, 1)
        bits = sum(depths) if len(depths) == samples else depths[0] * samples
        return self.width * bits * self.height // 8

    def samples(self) -> Raster:
        """What Pillow decodes from the pixels' own tags alone."""
        from PIL import TiffImagePlugin

        image = load(TiffImagePlugin.TiffImageFile, self._pixels_only())
        if image.mode in {"I", "F", "LAB"}:
            raise self.unsupported(f"samples of kind {image.mode}", "8 or 16 bit grey, RGB or CMYK")
        inverted = self._one(COLOUR, 1) == 0  # white is zero; Pillow forgets that with 16 bits
        return Raster.of_image(image, bits=self.bits, inverted=inverted)

    def _pixels_only(self) -> bytes:
        """The file with another directory that has only the tags of the pixels.

        So Pillow neither turns the picture (we do, once) nor warns of a tag that doesn't matter.
        """
        tags = sorted(PIXEL_TAGS & self.directory.places.keys())
        entries = [entry.raw for tag in tags if (entry := self.directory.entry(tag))]
        order = self.directory.order
        start = len(self.data) + len(self.data) % 2
        directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
        return b"".join(
            (
                self.data[:4],
                struct.pack(f"{order}I", start),
                memoryview(self.data)[8:],
                bytes(start - len(self.data)),
                directory,
            )
        )
