"""JPEG 2000: its boxes, the code stream within, and OpenJPEG through Pillow at a resolution level."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from visavis.photo.colour import srgb
from visavis.photo.encoded import Encoded
from visavis.photo.limits import (
    MAX_LAYERS_JPEG2000,
    MAX_PIXELS_JPEG2000,
    MAX_TILES_JPEG2000,
    MIN_BLOCK_JPEG2000,
)
from visavis.photo.raster import Raster, load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Jpeg2000(Encoded):
    """A code stream, bare or in boxes; the decoder can leave out resolution levels, each halves the sides."""

    name = "JPEG 2000"
    max_decoded = MAX_PIXELS_JPEG2000

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.bits = 8
        self.levels = 32
        self.at_origin = True
        self.tiles = 0
        self.parts: dict[int, int] = {}  # tile -> number of its parts that came
        self.parts_stated: dict[int, int] = {}
        start, end, stated = self._code_stream()
        self._walk(start, end)
        if stated and stated != (self.width, self.height):
            raise self.damaged("contradicting sizes")
        levels = range(min(self.levels, 5), 0, -1)
        self.scales = (*(0.5**level for level in levels if self._can_leave_out(level)), 1.0)

    def _code_stream(self) -> tuple[int, int, tuple[int, int] | None]:
        """Where it starts and ends, and the size that the boxes around it state."""
        if self.data.startswith(b"\xff\x4f"):
            return 0, len(self.data), None
        stated = None
        for kind, start, end in self.boxes(0, len(self.data)):
            if kind == b"jp2h":
                for inner, inner_start, inner_end in self.boxes(start, end):
                    if inner == b"ihdr":
                        height, width = self.numbers_at(">II", inner_start)
                        self.set_size(width, height)
                        stated = (width, height)
                    elif inner == b"colr" and self.data[inner_start : inner_start + 1] == b"\2":
                        self.profile = self.data[inner_start + 3 : inner_end]
            elif kind == b"jp2c":
                return start, end, stated
        raise self.truncated("no code stream")

    def _walk(self, start: int, end: int) -> None:
        """Main header, then each tile-part by its length, up to the end marker (ISO/IEC 15444-1, A.4)."""
        if self.bytes_at(start, 4) != b"\xff\x4f\xff\x51":
            raise self.damaged("no code stream header")
        self._size(start + 4)
        position, count = start + 2, 0
        tile_part = 0  # end of the present one
        while position + 2 <= end:
            (marker,) = self.numbers_at(">H", position)
            if marker == 0xFFD9 and not tile_part:
                self._check_complete()
                return
            if marker == 0xFF93:
                if tile_part < position:
                    raise self.damaged("tile data where none belongs")
                position, tile_part = tile_part, 0
            else:
                (length,) = self.numbers_at(">H", position + 2)
                body = self.bytes_at(position + 4, max(length, 2) - 2)
                if marker == 0xFF90:
                    tile_part = self._tile_part(position, body, end)
                elif marker == 0xFF5F:
                    raise self.unsupported("changes of the progression order", "one order")
                elif marker in {0xFF52, 0xFF53}:
                    self._coding(body, default=marker == 0xFF52)
                position += 2 + max(length, 2)
            count += 1
            self.count_pieces(count)
        raise self.truncated("no end marker")

    def _size(self, position: int) -> None:
        layout = ">HHIIIIIIIIHB"
        _, _, *numbers, components, depth = self.numbers_at(layout, position)
        right, bottom, left, top, tile_w, tile_h, tile_x, tile_y = numbers
        self.set_size(right - left, bottom - top)
        if not 1 <= components <= 4:
            raise self.unsupported(f"{components} components", "1 to 4")
        self.bits = (depth & 0x7F) + 1
        if self.bits > 16:
            raise self.unsupported(f"{self.bits} bits", "at most 16")
        self.at_origin = left == top == 0
        if not tile_w or not tile_h:
            raise self.damaged("tiles of no size")
        self.tiles = -(-(right - tile_x) // tile_w) * -(-(bottom - tile_y) // tile_h)
        if self.tiles > MAX_TILES_JPEG2000:
            raise self.too_large(f"{self.tiles} tiles", f"at most {MAX_TILES_JPEG2000}")

    def _coding(self, body: bytes, *, default: bool) -> None:
        """Layers, levels, code blocks and precincts of COD and COC (ISO/IEC 15444-1, A.6.1 and A.6.2)."""
        style = body[5:] if default else body[2:]
        if len(style) < 5:
            raise self.damaged("a broken coding style")
        if default and int.from_bytes(body[2:4]) > MAX_LAYERS_JPEG2000:
            raise self.too_large(f"{int.from_bytes(body[2:4])} layers", f"at most {MAX_LAYERS_JPEG2000}")
        levels, block_w, block_h = style[:3]
        self.levels = min(self.levels, levels)
        precincts = style[5:] if body[0 if default else 1] & 1 else b""
        # Sides are stated as powers of two; of a precinct the shorter one counts, as if it were a square.
        powers = [block_w + block_h + 4, *(2 * min(size >> 4, size & 15) for size in precincts[1:])]
        if 2 ** min(powers) < MIN_BLOCK_JPEG2000:
            expected = f"at least {MIN_BLOCK_JPEG2000} pixels each"
            raise self.unsupported("tiny code blocks or precincts", expected)

    def _tile_part(self, position: int, body: bytes, end: int) -> int:
        if len(body) != 8:
            raise self.damaged("a broken tile header")
        tile, length, _, parts = struct.unpack(">HIBB", body)
        self.parts[tile] = self.parts.get(tile, 0) + 1
        if parts:
            self.parts_stated[tile] = parts
        if length == 0:  # the last one, up to the end marker
            if self.bytes_at(end - 2, 2) != b"\xff\xd9":
                raise self.truncated("no end marker")
            return end - 2
        if length < 14:
            raise self.damaged("a broken tile length")
        if position + length > end:
            raise self.truncated()
        return position + int(length)

    def _check_complete(self) -> None:
        """Every tile, in all its parts: the decoder would leave a missing one black."""
        if len(self.parts) < self.tiles:
            raise self.truncated(f"{len(self.parts)} of {self.tiles} tiles")
        if any(self.parts[tile] < parts for tile, parts in self.parts_stated.items()):
            raise self.truncated("parts of a tile are missing")

    def _can_leave_out(self, level: int) -> bool:
        """Pillow rounds the sides that remain, where the decoder rounds them up: only if that is the same."""
        step = 1 << level
        sides = (self.width, self.height)
        return self.at_origin and all((side + step // 2) // step == -(-side // step) for side in sides)

    def decode(self, scale: float, notes: list[str]) -> NDArray[np.uint8]:
        """The pixels as sRGB, decoded without the levels that `scale` doesn't need."""
        from PIL import Jpeg2KImagePlugin

        level = int(1 / scale).bit_length() - 1
        image = load(Jpeg2KImagePlugin.Jpeg2KImageFile, self.data, reduce=level)
        # Pillow stretches samples of any depth to 8 or 16 bits.
        return srgb(Raster.of_image(image, bits=16 if self.bits > 8 else 8), self.profile, notes)
