"""JPEG: the walk over its segments, and libjpeg-turbo at a scale."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, cast

from visavis.photo.colour import srgb, working_mode
from visavis.photo.encoded import Encoded
from visavis.photo.limits import MAX_BLOCK_VISITS, MAX_BLOCKS_HELD, MAX_PIXELS_AT_SCALE
from visavis.photo.orientation import exif_orientation
from visavis.photo.raster import Raster

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

# The decoder knows all eighths, but only these have fast code: 3/8 to 7/8 take longer than full size.
SCALES = (1 / 8, 1 / 4, 1 / 2, 1.0)

# A marker that ends entropy-coded data: neither a stuffed zero, a fill byte nor a restart (0xD0 to 0xD7).
MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
# Frames, tables and scans, application data, comments (ISO/IEC 10918-1, table B.1).
KINDS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xDE), *range(0xE0, 0xF0), 0xFE} - {0xC8})

MODES = {1: "L", 3: "RGB", 4: "CMYK"}


class Jpeg(Encoded):
    """Baseline and progressive, decoded by libjpeg-turbo at a scale, strictly: lost data is an error.

    The walk over all segments costs little (1.8 GB/s) and finds what the decoder wouldn't tell: scans that
    never came, and the work that a bomb of many scans would make.
    """

    name = "JPEG"
    max_pixels = MAX_PIXELS_AT_SCALE

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.scales = SCALES
        self.mode = ""
        self.blocks: dict[int, int] = {}  # component -> number of its 8 x 8 blocks
        self.unsent: dict[int, list[int]] = {}  # component -> for each coefficient, bits still to come
        self.visits = 0
        self.several_scans = False
        self.stray = 0
        self.end = 0
        self._walk()

    def _walk(self) -> None:
        head: list[bytes] = [self.data[:2]]
        profile: dict[int, bytes] = {}
        first_scan = 0
        previous = 2
        for count, (kind, start, end) in enumerate(self._segments()):
            self.count_pieces(count)
            body = self.data[start + 4 : end]
            if not first_scan:
                self.stray += len(self.data[previous:start].strip(b"\xff"))
                head.append(self.data[start:end])
            if 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xCC}:
                self._frame(kind, body)
            elif kind == 0xDA:
                first_scan = first_scan or end
                self._scan(body)
            elif kind == 0xE1 and body.startswith(b"Exif\0\0") and self.orientation == 1:
                self.orientation = exif_orientation(body)
            elif kind == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) >= 14:
                profile[body[12]] = body[14:]
            previous = end
        self.profile = b"".join(profile[number] for number in sorted(profile))
        self._finish(head, first_scan)

    def _segments(self) -> Iterator[tuple[int, int, int]]:
        """Marker, start and end of each segment up to the end marker, which stays in `end`."""
        position = 2
        while match := MARKER.search(self.data, position):
            start, kind = match.start(), self.data[match.end() - 1]
            if kind == 0xD9:
                self.end = start
                return
            if kind not in KINDS:
                raise self.damaged(f"marker 0x{kind:02x} where none belongs")
            (length,) = self.numbers_at(">H", start + 2)
            if length < 2:
                raise self.damaged(f"a segment of {length} bytes")
            position = start + 2 + length
            if position > len(self.data):
                raise self.truncated()
            yield kind, start, position
        raise self.truncated("no end marker")

    def _frame(self, kind: int, body: bytes) -> None:
        if self.mode:
            raise self.damaged("a second frame header")
        if len(body) < 6 or len(body) != 6 + 3 * body[5]:
            raise self.damaged("a broken frame header")
        precision, height, width, components = struct.unpack_from(">BHHB", body)
        if kind not in {0xC0, 0xC1, 0xC2} or precision != 8:
            found = f"process {kind - 0xC0} with {precision} bits"
            raise self.unsupported(found, "baseline or progressive with 8 bits")
        if components not in MODES:
            raise self.unsupported(f"{components} components", "1, 3 or 4")
        self.set_size(width, height)
        self.mode = MODES[components]
        self.several_scans = kind == 0xC2
        sampling = {body[i]: (body[i + 1] >> 4, body[i + 1] & 15) for i in range(6, len(body), 3)}
        if len(sampling) != components or not all(1 <= f <= 4 for pair in sampling.values() for f in pair):
            raise self.damaged("a broken frame header")
        across = max(h for h, _ in sampling.values()) * 8
        down = max(v for _, v in sampling.values()) * 8
        for component, (h, v) in sampling.items():
            self.blocks[component] = -(-width * h // across) * -(-height * v // down)
            self.unsent[component] = [1] * 64

    def _scan(self, body: bytes) -> None:
        if not self.mode or not body or len(body) != 4 + 2 * body[0]:
            raise self.damaged("a broken scan header")
        self.several_scans |= body[0] < len(self.blocks)
        first, last, approximation = body[-3:]
        for component in body[1:-3:2]:
            if component not in self.unsent:
                raise self.damaged("a scan of an unknown component")
            self.unsent[component][first : last + 1] = [approximation & 15] * (min(last, 63) + 1 - first)
            self.visits += self.blocks[component]
        if self.visits > MAX_BLOCK_VISITS:
            raise self.too_large("too many scans for its size", f"at most {MAX_BLOCK_VISITS} block visits")

    def _finish(self, head: list[bytes], first_scan: int) -> None:
        if not first_scan:
            raise self.truncated("no picture data")
        if any(any(bits) for bits in self.unsent.values()):
            raise self.truncated("scans are missing")
        held = sum(self.blocks.values())
        if self.several_scans and held > MAX_BLOCKS_HELD:
            raise self.too_large(f"{held} blocks in several scans", f"at most {MAX_BLOCKS_HELD}")
        # What the decoder would warn of without a loss is put right before it looks, for it reports only its
        # first warning and a real loss could hide behind a harmless one.
        tidy = [self._tidied(segment) for segment in head]
        if self.stray or tidy != head:
            first_bytes = b"".join(tidy)
            self.end += len(first_bytes) - first_scan
            self.data = first_bytes + self.data[first_scan:]

    def _tidied(self, segment: bytes) -> bytes:
        """JFIF of an unknown revision, or Adobe's colour transform of an unknown number."""
        if segment.startswith(b"\xff\xe0") and segment[4:9] == b"JFIF\0" and len(segment) >= 16:
            return segment[:9] + b"\1" + segment[10:]
        if segment.startswith(b"\xff\xee") and segment[4:9] == b"Adobe" and len(segment) >= 16:
            known, default = ((0, 2), 2) if self.mode == "CMYK" else ((0, 1), 1)  # libjpeg's own choice
            return segment if segment[15] in known else segment[:15] + bytes([default]) + segment[16:]
        return segment

    def decode(self, scale: float, notes: list[str]) -> NDArray[np.uint8]:
        """The pixels as sRGB, decoded in one go by libjpeg-turbo."""
        import numpy as np

        if self.stray:
            notes.append("stray bytes between JPEG segments skipped")
        mode = working_mode(self.mode, self.profile)
        pixels = self._turbo({"L": "GRAY"}.get(mode, mode), scale, notes)
        if mode == "CMYK":
            np.subtract(255, pixels, out=pixels)  # Adobe's habit, which all follow: no ink is 255
        return srgb(Raster.of_array(pixels, mode), self.profile, notes, room=pixels)

    def _turbo(self, colorspace: str, scale: float, notes: list[str]) -> NDArray[np.uint8]:
        import simplejpeg

        width, height = (round(scale * 8) * side for side in (self.width, self.height))
        size = {"min_width": -(-width // 8), "min_height": -(-height // 8)}
        try:
            found = simplejpeg.decode_jpeg_header(self.data, **size)
        except ValueError as error:
            if "subsampling" in str(error):
                raise self.unsupported("unusual chroma subsampling", "4:4:4, 4:2:2 or 4:2:0") from None
            raise
        if found[:2] != (size["min_height"], size["min_width"]):
            raise self.damaged("contradicting sizes")  # never decoded at a size that wasn't checked
        try:
            pixels = simplejpeg.decode_jpeg(self.data, colorspace, **size)
        except ValueError as error:
            if not self._is_padding(str(error)):
                raise
            notes.append("padding before the JPEG's end skipped")
            pixels = simplejpeg.decode_jpeg(self.data, colorspace, **size, strict=False)
        return cast("NDArray[np.uint8]", pixels)

    def _is_padding(self, warning: str) -> bool:
        """Some cameras fill up with zeros before the end marker: by then all picture data has been read."""
        match = re.search(r"(\d+) extraneous bytes before marker 0xd9", warning)
        return match is not None and not self.data[self.end - int(match[1]) : self.end].strip(b"\0")
