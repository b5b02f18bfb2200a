"""Bytes that nobody trusts become a photo: an upright 8-bit RGB picture.

Every limit on a picture's bytes stands in this module and nowhere else. A picture passes three gates: its
bytes are read (never more than a limit), its structure is read by the classes below (sizes are known and
refused before a decoder sees a byte; what is cut off is found here where the decoder would be lenient), and
only then a decoder runs. Whatever goes wrong is a `PhotoError` with one of these codes:

==================== =================================================================================
code                 meaning
==================== =================================================================================
photo.missing        no such file
photo.directory      the path is a directory
photo.unreadable     no permission, a read error, or not a regular file (a pipe, a device)
photo.empty          no bytes at all
photo.too_many_bytes more bytes than `MAX_BYTES`
photo.format         not a supported kind of picture; `found` says what it looks like
photo.too_small      a side under `MIN_SIDE`
photo.too_large      a side, the pixels, or the work to decode them, over a limit
photo.truncated      the end is missing
photo.damaged        the structure or the picture data is broken
photo.animated       several frames or pages: which of them would be meant?
photo.heic           a HEIC picture, and the extra ``visavis[heic]`` isn't installed
==================== =================================================================================
"""

from __future__ import annotations

import codecs
import contextlib
import functools
import hashlib
import io
import os
import re
import stat
import struct
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, NamedTuple, cast

from visavis.errors import PhotoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image, ImageCms


PhotoSource = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO

DETAIL = 960
"""Decoded pixels that the longer side needs at least: a face that fills a tenth of it still has 96."""

MAX_BYTES = 64 * 2**20
"""A 200-megapixel phone picture has about 40 MB, a lossless 24-megapixel one about 50."""

MIN_SIDE = 16
"""Under this no face can be found, and several decoders have their oddest corners here."""

MAX_SIDE = 20_000
"""The longest phone panoramas and 200-megapixel pictures (16320 x 12240) stay below."""

MAX_PIXELS = 50_000_000
"""Decoded pixels: a decoder holds up to 4 bytes for each and we 3; with the file that stays under 500 MB."""

MAX_PIXELS_AT_SCALE = 220_000_000
"""Pixels of a JPEG, which is decoded row by row at the scale that is needed."""

MAX_PIXELS_JPEG2000 = 12_500_000
"""Decoded pixels of a JPEG 2000: its decoder holds up to 25 bytes for each and takes up to 0.3 us."""

MAX_PIXELS_HEIC = 50_000_000
"""Pixels of a HEIC, the 48-megapixel ones of phones included."""

MAX_BLOCKS_HELD = 2_400_000
"""8 x 8 blocks of a JPEG sent in several scans, 128 bytes each: the decoder must hold them all at once."""

MAX_BLOCK_VISITS = 30_000_000
"""Blocks times scans of such a JPEG, at about 60 ns each. Without it a small file could cost minutes."""

MAX_PIECES = 65_536
"""Segments, chunks, boxes, strips or tiles of one file, each of which costs time in Python."""

MAX_TILES_JPEG2000 = 4_096
"""Tiles of a JPEG 2000: its decoder reserves some 6 kB for each before it reads one."""

MAX_LAYERS_JPEG2000 = 64
"""Quality layers: each visits each tile, component and level, and 65535 of them would do so for seconds."""

MAX_METADATA = 16 * 2**20
"""Bytes of a PNG that aren't picture data, and of an ICC profile: Pillow keeps a second copy of them."""

SUPPORTED = "JPEG, PNG, WebP, TIFF, BMP, JPEG 2000 or HEIC"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Photo:
    """An upright RGB picture, decoded as finely as needed.

    Attributes:
        pixels: H x W x 3, RGB, 8 bit, sRGB, upright, C-contiguous, read-only; decoded at `scale`.
        width: Width of the whole upright picture in pixels, as a viewer would show it.
        height: Height of the same.
        format: ``"JPEG"``, ``"PNG"``, ``"WebP"``, ``"TIFF"``, ``"BMP"``, ``"JPEG 2000"``, ``"HEIC"``, or
            ``"array"``.
        sha256: Digest of the encoded bytes (of the pixels for an array), in hexadecimal.
        notes: What was done on the way, in short stable texts such as ``"turned by EXIF orientation 6"``.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    format: str
    sha256: str
    notes: tuple[str, ...] = ()
    _encoded: _Encoded | None = field(default=None)  # kept only where a finer decode is possible

    @property
    def scale(self) -> float:
        """Decoded pixels per pixel of the whole picture, at most 1."""
        return float(self.pixels.shape[1] / self.width)

    @classmethod
    def open(cls, source: PhotoSource, *, detail: int | None = DETAIL) -> Photo:
        """Decode a picture from its bytes, from a path, or from an open binary file.

        Args:
            source: Encoded bytes, the path of a file, or a file object opened for reading bytes.
            detail: Decoded pixels that the longer side needs at least. JPEG and JPEG 2000 are decoded at the
                smallest fast scale that gives them; the other formats are decoded in full. `None` asks for
                full size, within `MAX_PIXELS`.

        Raises:
            PhotoError: The bytes can't be had or aren't a picture within the limits.
        """
        data = _read(source)
        kind = _recognise(data)
        with _decoder_errors(kind.name):
            encoded = kind(data)
        # Decoders round sides up: at n/8 the longer one has enough if it has all but 7/8 of a pixel.
        wanted = 1.0 if detail is None else (detail - 7 / 8) / max(encoded.width, encoded.height)
        return cls._decoded(encoded, wanted, hashlib.sha256(data).hexdigest())

    @classmethod
    def from_pixels(cls, pixels: NDArray[np.uint8]) -> Photo:
        """Take an upright sRGB picture that somebody already holds; the pixels are copied.

        Args:
            pixels: H x W x 3, RGB, 8 bit.

        Raises:
            PhotoError: The array has another shape or type, or its size is outside the limits.
        """
        import numpy as np

        given = np.asarray(pixels)
        if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3:
            raise PhotoError(
                "photo.format",
                "the array isn't an RGB picture",
                found=f"shape {given.shape} of {given.dtype}",
                expected="height x width x 3 of uint8",
            )
        height, width = given.shape[:2]
        _check_size("array", width, height, MAX_PIXELS)
        own = given.copy(order="C")
        own.flags.writeable = False
        return cls(own, width, height, "array", hashlib.sha256(own.data).hexdigest())

    def finer(self, scale: float) -> Photo:
        """The same picture decoded at `scale` or finer, where the bytes have more to give.

        Args:
            scale: Decoded pixels per pixel of the whole picture; 1.0 is full size.

        Returns:
            This very photo when it is fine enough already. A picture of more than `MAX_PIXELS` comes at the
            finest scale that stays within them: look at `scale`.
        """
        if self._encoded is None or scale <= self.scale or self._encoded.scale_for(scale) <= self.scale:
            return self
        return self._decoded(self._encoded, scale, self.sha256)

    @classmethod
    def _decoded(cls, encoded: _Encoded, wanted: float, sha256: str) -> Photo:
        scale = encoded.scale_for(wanted)
        notes: list[str] = []
        with _decoder_errors(encoded.name):
            pixels = encoded.decode(scale, notes)
        pixels = _upright(pixels, encoded.orientation, notes)
        pixels.flags.writeable = False
        turned = encoded.orientation >= 5
        width, height = (encoded.height, encoded.width) if turned else (encoded.width, encoded.height)
        more = encoded if scale < encoded.scale_for(1.0) else None
        return cls(pixels, width, height, encoded.name, sha256, tuple(notes), more)

    def __repr__(self) -> str:
        shown = f"{self.width} x {self.height} {self.format}"
        scale = "" if self.scale == 1 else f" at scale {self.scale:.3g}"
        return f"<Photo {shown}{scale}, sha256 {self.sha256[:12]}>"


# Reading bytes


def _read(source: PhotoSource) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        _check_bytes(memoryview(source).nbytes)
        data = bytes(source)
    elif isinstance(source, str | os.PathLike):
        data = _read_path(source)
    elif hasattr(source, "read"):
        data = _read_file(source, "the file object")
    else:
        kind = type(source).__name__
        raise TypeError(f"a photo comes from bytes, a path or a binary file object, not from {kind}")
    if not data:
        raise PhotoError("photo.empty", "the picture has no bytes")
    return data


def _read_path(path: str | os.PathLike[str]) -> bytes:
    name = ascii(os.fsdecode(path))  # one printable line, whatever bytes the name has
    try:
        # Opened first and looked at afterwards, so that nobody can swap the file in between; without
        # O_NONBLOCK a pipe would keep us waiting for its writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise PhotoError("photo.missing", f"there is no file {name}") from None
    except OSError as error:
        if os.path.isdir(path):  # noqa: PTH112  # Windows refuses to open one; `path` may be bytes-like
            raise PhotoError("photo.directory", f"{name} is a directory, not a picture") from None
        raise PhotoError("photo.unreadable", f"{name} can't be read", found=error.strerror) from None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise PhotoError("photo.directory", f"{name} is a directory, not a picture")
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError("photo.unreadable", f"{name} isn't a regular file")
        _check_bytes(status.st_size)
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            return _read_file(cast("BinaryIO", file), name)
    finally:
        os.close(descriptor)


def _read_file(file: BinaryIO, name: str) -> bytes:
    parts: list[bytes] = []
    total = 0
    try:
        while part := file.read(MAX_BYTES + 1 - total):  # a raw file or a socket may give less than asked
            if not isinstance(part, bytes):
                raise PhotoError("photo.unreadable", f"{name} gives text", expected="a file opened as binary")
            parts.append(part)
            total += len(part)
            _check_bytes(total)
    except (OSError, ValueError) as error:  # ValueError: the file is closed
        raise PhotoError("photo.unreadable", f"{name} can't be read", found=_one_line(error)) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_bytes(count: int) -> None:
    if count > MAX_BYTES:
        raise PhotoError(
            "photo.too_many_bytes",
            "the picture has too many bytes",
            found=f"{count} or more" if count == MAX_BYTES + 1 else count,
            expected=f"at most {MAX_BYTES}",
        )


# Which format


def _recognise(data: bytes) -> type[_Encoded]:
    if data.startswith(b"\xff\xd8"):
        return _Jpeg
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _Png
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _WebP
    if data.startswith((b"II*\0", b"MM\0*")):
        return _Tiff
    if data.startswith(b"BM"):
        return _Bmp
    if data.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return _Jpeg2000
    if data[4:8] == b"ftyp" and data[8:12] in _Heic.BRANDS:
        return _Heic
    raise PhotoError(
        "photo.format", "this isn't a supported picture", found=_looks_like(data), expected=SUPPORTED
    )


def _looks_like(data: bytes) -> str:
    for start, name in (
        (b"GIF8", "a GIF"),
        (b"PK", "a zip archive"),
        (b"%PDF", "a PDF"),
        (b"8BPS", "a Photoshop file"),
        (b"\0\0\1\0", "an icon"),
        (b"II+\0", "a BigTIFF"),
        (b"MM\0+", "a BigTIFF"),
        (b"\xff\x0a", "a JPEG XL"),
        (b"\0\0\0\x0cJXL ", "a JPEG XL"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"/9j/", "base64 text"),
        (b"iVBOR", "base64 text"),
        (b"data:", "base64 text"),
    ):
        if data.startswith(start):
            return name
    if data[4:8] == b"ftyp":
        return "an AVIF" if data[8:12] in {b"avif", b"avis"} else "a film or another kind of ISO media file"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "an SVG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    with contextlib.suppress(UnicodeDecodeError):
        text = codecs.getincrementaldecoder("utf-8")().decode(data[:1024])  # which may end within a letter
        if all(c.isprintable() or c.isspace() for c in text):
            return "text"
    return "unknown bytes"


# What all formats share


class _Encoded(ABC):
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
            raise self._too_large(f"{self.width} x {self.height}", f"at most {self.max_decoded} pixels")
        return next((scale for scale in allowed if scale >= wanted), allowed[-1])

    def _sized(self, width: int, height: int) -> None:
        """Called as soon as the size is known, before anything else is believed."""
        _check_size(self.name, width, height, self.max_pixels)
        self.width, self.height = width, height

    def _slice(self, start: int, length: int) -> bytes:
        """These bytes, all of them; no reader of a structure may run over the end unseen."""
        if start + length > len(self.data):
            raise self._truncated()
        return self.data[start : start + length]

    def _numbers(self, layout: str, start: int) -> tuple[int, ...]:
        return struct.unpack(layout, self._slice(start, struct.calcsize(layout)))

    def _boxes(self, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Kind, start and end of the content of each box (ISO/IEC 15444-1, I.4, and 14496-12, 4.2)."""
        count = 0
        while position < end:
            length, kind = struct.unpack(">I4s", self._slice(position, 8))
            start = position + 8
            if length == 1:
                (length,) = self._numbers(">Q", start)
                start += 8
            stop = position + length if length else end
            if stop < start:
                raise self._damaged("a broken box length")
            if stop > end:
                raise self._truncated()
            yield kind, start, stop
            position = stop
            count += 1
            self._count_pieces(count)

    def _truncated(self, found: object = None) -> PhotoError:
        return PhotoError("photo.truncated", f"the {self.name} is cut off", found=found)

    def _damaged(self, found: object) -> PhotoError:
        return PhotoError("photo.damaged", f"the {self.name} is damaged", found=found)

    def _animated(self, count: object, what: str = "frames") -> PhotoError:
        message = f"the {self.name} isn't a single still picture"
        return PhotoError("photo.animated", message, found=f"{count} {what}", expected="one")

    def _unsupported(self, found: object, expected: object) -> PhotoError:
        return PhotoError(
            "photo.format", f"this kind of {self.name} isn't supported", found=found, expected=expected
        )

    def _too_large(self, found: object, expected: object) -> PhotoError:
        return PhotoError(
            "photo.too_large", f"the {self.name} is too large to decode", found=found, expected=expected
        )

    def _count_pieces(self, count: int) -> None:
        if count > MAX_PIECES:
            raise self._too_large(f"more than {MAX_PIECES} pieces", f"at most {MAX_PIECES}")


class _Whole(_Encoded):
    """A format that is decoded in full."""

    def decode(self, scale: float, notes: list[str]) -> NDArray[np.uint8]:  # noqa: ARG002  # always 1
        raster = self.samples()
        return _srgb(raster, self.profile, notes)

    @abstractmethod
    def samples(self) -> _Raster:
        """Run the decoder; `profile` is known afterwards at the latest."""


def _check_size(name: str, width: int, height: int, max_pixels: int) -> None:
    found = f"{width} x {height}"
    if min(width, height) < MIN_SIDE:
        raise PhotoError(
            "photo.too_small",
            f"the {name} is too small",
            found=found,
            expected=f"sides of at least {MIN_SIDE} pixels",
        )
    if max(width, height) > MAX_SIDE or width * height > max_pixels:
        limit = f"sides of at most {MAX_SIDE} and {max_pixels} pixels in all"
        raise PhotoError("photo.too_large", f"the {name} is too large", found=found, expected=limit)


@contextlib.contextmanager
def _decoder_errors(name: str) -> Iterator[None]:
    """Whatever reading foreign bytes raises says one thing: they are no good."""
    try:
        yield
    except PhotoError:
        raise
    # Decoders of foreign bytes raise what they like (OSError, SyntaxError, struct.error, cv2.error, even
    # MemoryError), and a bad picture must never end in a traceback.
    except Exception as error:  # noqa: BLE001
        words = _one_line(error)
        cut = re.search(r"truncated|premature end|not enough", words, re.IGNORECASE)
        code, what = ("photo.truncated", "cut off") if cut else ("photo.damaged", "damaged")
        raise PhotoError(code, f"the {name} is {what}", found=words) from None


def _one_line(words: object) -> str:
    """Foreign words fit for a message: one line, printable, not long."""
    text = " ".join(str(words).split()) or type(words).__name__
    return "".join(c if c.isprintable() else "?" for c in text)[:120]


# JPEG


class _Jpeg(_Encoded):
    """Baseline and progressive, decoded by libjpeg-turbo at a scale, strictly: lost data is an error.

    The walk over all segments costs little (1.8 GB/s) and finds what the decoder wouldn't tell: scans that
    never came, and the work that a bomb of many scans would make.
    """

    name = "JPEG"
    max_pixels = MAX_PIXELS_AT_SCALE

    # The decoder knows all eighths, but only these have fast code: 3/8 to 7/8 take longer than full size.
    SCALES = (1 / 8, 1 / 4, 1 / 2, 1.0)
    # A marker that ends entropy-coded data: neither a stuffed zero, a fill byte nor a restart (0xD0 to 0xD7).
    MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
    # Frames, tables and scans, application data, comments (ISO/IEC 10918-1, table B.1).
    KINDS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xDE), *range(0xE0, 0xF0), 0xFE} - {0xC8})
    MODES: ClassVar = {1: "L", 3: "RGB", 4: "CMYK"}

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.scales = self.SCALES
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
            self._count_pieces(count)
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
                self.orientation = _exif_orientation(body)
            elif kind == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) >= 14:
                profile[body[12]] = body[14:]
            previous = end
        self.profile = b"".join(profile[number] for number in sorted(profile))
        self._finish(head, first_scan)

    def _segments(self) -> Iterator[tuple[int, int, int]]:
        """Marker, start and end of each segment up to the end marker, which stays in `end`."""
        position = 2
        while match := self.MARKER.search(self.data, position):
            start, kind = match.start(), self.data[match.end() - 1]
            if kind == 0xD9:
                self.end = start
                return
            if kind not in self.KINDS:
                raise self._damaged(f"marker 0x{kind:02x} where none belongs")
            (length,) = self._numbers(">H", start + 2)
            if length < 2:
                raise self._damaged(f"a segment of {length} bytes")
            position = start + 2 + length
            if position > len(self.data):
                raise self._truncated()
            yield kind, start, position
        raise self._truncated("no end marker")

    def _frame(self, kind: int, body: bytes) -> None:
        if self.mode:
            raise self._damaged("a second frame header")
        if len(body) < 6 or len(body) != 6 + 3 * body[5]:
            raise self._damaged("a broken frame header")
        precision, height, width, components = struct.unpack_from(">BHHB", body)
        if kind not in {0xC0, 0xC1, 0xC2} or precision != 8:
            found = f"process {kind - 0xC0} with {precision} bits"
            raise self._unsupported(found, "baseline or progressive with 8 bits")
        if components not in self.MODES:
            raise self._unsupported(f"{components} components", "1, 3 or 4")
        self._sized(width, height)
        self.mode = self.MODES[components]
        self.several_scans = kind == 0xC2
        sampling = {body[i]: (body[i + 1] >> 4, body[i + 1] & 15) for i in range(6, len(body), 3)}
        if len(sampling) != components or not all(1 <= f <= 4 for pair in sampling.values() for f in pair):
            raise self._damaged("a broken frame header")
        across = max(h for h, _ in sampling.values()) * 8
        down = max(v for _, v in sampling.values()) * 8
        for component, (h, v) in sampling.items():
            self.blocks[component] = -(-width * h // across) * -(-height * v // down)
            self.unsent[component] = [1] * 64

    def _scan(self, body: bytes) -> None:
        if not self.mode or not body or len(body) != 4 + 2 * body[0]:
            raise self._damaged("a broken scan header")
        self.several_scans |= body[0] < len(self.blocks)
        first, last, approximation = body[-3:]
        for component in body[1:-3:2]:
            if component not in self.unsent:
                raise self._damaged("a scan of an unknown component")
            self.unsent[component][first : last + 1] = [approximation & 15] * (min(last, 63) + 1 - first)
            self.visits += self.blocks[component]
        if self.visits > MAX_BLOCK_VISITS:
            raise self._too_large("too many scans for its size", f"at most {MAX_BLOCK_VISITS} block visits")

    def _finish(self, head: list[bytes], first_scan: int) -> None:
        if not first_scan:
            raise self._truncated("no picture data")
        if any(any(bits) for bits in self.unsent.values()):
            raise self._truncated("scans are missing")
        held = sum(self.blocks.values())
        if self.several_scans and held > MAX_BLOCKS_HELD:
            raise self._too_large(f"{held} blocks in several scans", f"at most {MAX_BLOCKS_HELD}")
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
        import numpy as np

        if self.stray:
            notes.append("stray bytes between JPEG segments skipped")
        mode = _working_mode(self.mode, self.profile)
        pixels = self._turbo({"L": "GRAY"}.get(mode, mode), scale, notes)
        if mode == "CMYK":
            np.subtract(255, pixels, out=pixels)  # Adobe's habit, which all follow: no ink is 255
        return _srgb(_Raster.of_array(pixels, mode), self.profile, notes, room=pixels)

    def _turbo(self, colorspace: str, scale: float, notes: list[str]) -> NDArray[np.uint8]:
        import simplejpeg

        width, height = (round(scale * 8) * side for side in (self.width, self.height))
        size = {"min_width": -(-width // 8), "min_height": -(-height // 8)}
        try:
            found = simplejpeg.decode_jpeg_header(self.data, **size)
        except ValueError as error:
            if "subsampling" in str(error):
                raise self._unsupported("unusual chroma subsampling", "4:4:4, 4:2:2 or 4:2:0") from None
            raise
        if found[:2] != (size["min_height"], size["min_width"]):
            raise self._damaged("contradicting sizes")  # never decoded at a size that wasn't checked
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


# PNG


class _Png(_Whole):
    """Each chunk's length and checksum is looked at here: Pillow skips those of the picture data."""

    name = "PNG"
    # First column and row of each pass, and the steps to the next ones (ISO/IEC 15948, 8.2).
    ADAM7 = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.bits = 8
        kinds: set[bytes] = set()
        metadata = 0
        for count, (kind, start, length) in enumerate(self._chunks()):
            self._count_pieces(count)
            if (kind == b"IHDR") != (count == 0):
                raise self._damaged("no header first, or a second one")
            if kind == b"IHDR":
                self._header(start, length)
            elif kind == b"acTL":
                (frames,) = self._numbers(">I", start) if length >= 4 else (0,)
                raise self._animated(frames)
            elif kind == b"eXIf":
                self.orientation = _exif_orientation(data[start : start + length])
            if kind != b"IDAT":
                metadata += length
            kinds.add(kind)
        if b"IDAT" not in kinds:
            raise self._truncated("no picture data")
        if metadata > MAX_METADATA:
            raise self._too_large(f"{metadata} bytes of metadata", f"at most {MAX_METADATA}")

    def _chunks(self) -> Iterator[tuple[bytes, int, int]]:
        """Kind, start of the body and its length, for each chunk up to IEND."""
        view = memoryview(self.data)
        position = 8
        while True:
            length, kind = struct.unpack(">I4s", self._slice(position, 8))
            if length > 2**31 - 1 or not kind.isalpha():
                raise self._damaged("a broken chunk header")
            start, end = position + 8, position + 8 + length
            if kind == b"IHDR" and position == 8:
                self._slice(start, 8)
                self._sized(*self._numbers(">II", start))  # before a byte more is believed
            (checksum,) = self._numbers(">I", end)
            if zlib.crc32(view[position + 4 : end]) != checksum:
                raise self._damaged(f"a wrong checksum of {kind.decode()}")
            if kind == b"IEND":
                return
            yield kind, start, length
            position = end + 4

    def _header(self, start: int, length: int) -> None:
        if length != 13:
            raise self._damaged(f"a header of {length} bytes")
        self.bits, colour, _, _, interlaced = self.data[start + 8 : start + 13]
        bits = self.bits * {2: 3, 4: 2, 6: 4}.get(colour, 1)
        self.passes = self.ADAM7 if interlaced else ((0, 0, 1, 1),)
        self.inflated = 0
        for left, top, right, down in self.passes:
            columns, rows = -(-(self.width - left) // right), -(-(self.height - top) // down)
            self.inflated += rows * (1 + -(-columns * bits // 8))  # a filter byte before each row

    def samples(self) -> _Raster:
        from PIL import PngImagePlugin

        image = _load(PngImagePlugin.PngImageFile, self.data)
        self.profile = image.info.get("icc_profile") or b""
        if self.bits > 8:
            # Pillow keeps 8 bits of the colours but 16 of the transparent one, so the two can't be compared.
            image.info.pop("transparency", None)
        self._check_complete(image)
        return _Raster.of_image(image, bits=self.bits)

    def _check_complete(self, image: Image.Image) -> None:
        """A compressed stream that ends too soon, but properly, leaves the rest of Pillow's picture zero.

        Counting what it inflates to takes as long as decoding, so only a picture that could be such one is
        counted: one whose last row is zero, and an interlaced one.
        """
        last_row = image.crop((0, image.height - 1, image.width, image.height))
        if len(self.passes) == 1 and last_row.getbbox():
            return
        stream = zlib.decompressobj()
        count = 0
        for kind, start, length in self._chunks():
            pending = self.data[start : start + length] if kind == b"IDAT" else b""
            while pending and count < self.inflated:
                count += len(stream.decompress(pending, 2**20))
                pending = stream.unconsumed_tail
        if count < self.inflated:
            raise self._truncated(f"{count} of {self.inflated} bytes")


# WebP


class _WebP(_Whole):
    """Decoded by OpenCV: Pillow holds the picture four times, 760 MB for 48 megapixels."""

    name = "WebP"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        (size,) = self._numbers("<I", 4)
        end = 8 + size
        frames = 0
        position, count = 12, 0
        while position < end:
            kind, length = struct.unpack("<4sI", self._slice(position, 8))
            start = position + 8
            if not self.width:
                self._canvas(kind, start)
            body = self._slice(start, length) if kind in {b"EXIF", b"ICCP"} else b""
            if kind == b"EXIF":
                self.orientation = _exif_orientation(body)
            elif kind == b"ICCP":
                self.profile = body
            frames += kind == b"ANMF"
            position = start + length + length % 2
            if position > end or start + length > len(data):
                raise self._truncated()
            count += 1
            self._count_pieces(count)
        if frames:
            raise self._animated(frames)
        if not self.width:
            raise self._truncated("no picture data")

    def _canvas(self, kind: bytes, start: int) -> None:
        if kind == b"VP8X":
            low_w, high_w, low_h, high_h = self._numbers("<HBHB", start + 4)
            self._sized(low_w + (high_w << 16) + 1, low_h + (high_h << 16) + 1)
        elif kind == b"VP8L":
            (bits,) = self._numbers("<I", start + 1)
            self._sized((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        elif kind == b"VP8 ":
            width, height = self._numbers("<HH", start + 6)
            self._sized(width & 0x3FFF, height & 0x3FFF)
        else:
            raise self._damaged("no picture first")

    def samples(self) -> _Raster:
        import cv2
        import numpy as np

        pixels = cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3:
            raise self._damaged("picture data that doesn't decode")
        mode = "RGBA" if pixels.shape[2] == 4 else "RGB"
        return _Raster.of_array(cast("NDArray[np.uint8]", pixels), mode, layout=mode.replace("RGB", "BGR"))


# TIFF


class _Tiff(_Whole):
    """One page, uncompressed or with a lossless compression whose decoder reports damage."""

    name = "TIFF"
    COMPRESSIONS: ClassVar = {1: "none", 5: "LZW", 8: "Deflate", 32773: "PackBits", 32946: "Deflate"}
    # The tags that say how pixels are stored, from NewSubfileType to YCbCrSubSampling.
    PIXEL_TAGS = frozenset(
        {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 530}
    )

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.directory = self._directory()
        self._sized(self._one(256), self._one(257))
        self._check_pages()
        compression = self._one(259, 1)
        if compression not in self.COMPRESSIONS:
            names = ", ".join(dict.fromkeys(self.COMPRESSIONS.values()))
            raise self._unsupported(f"compression {compression}", names)
        self.bits = max(self._all(258) or (1,))
        self._check_pieces(compression)
        orientation = self._one(274, 1)
        self.orientation = orientation if 1 <= orientation <= 8 else 1
        if 34675 in self.directory.entries:
            self.profile = self.directory.bytes_of(34675)

    def _directory(self) -> _Directory:
        try:
            directory = _Directory.read(self.data)
        except ValueError as error:
            raise self._truncated(error) from None
        if directory.following < 0:
            raise self._truncated("half a directory")
        for entry in directory.entries.values():
            if entry.start + entry.length > len(self.data):
                raise self._truncated(f"tag {entry.tag} beyond the end")
        return directory

    def _all(self, tag: int) -> tuple[int, ...]:
        entry = self.directory.entries.get(tag)
        self._count_pieces(entry.values if entry else 0)
        return self.directory.numbers(tag)

    def _one(self, tag: int, default: int | None = None) -> int:
        values = self._all(tag)
        if len(values) != 1 and (values or default is None):
            raise self._damaged(f"{len(values)} values of tag {tag}")
        return values[0] if values else cast("int", default)

    def _check_pages(self) -> None:
        if (
            50706 in self.directory.entries or self._one(254, 0) & 1
        ):  # DNG version; "a reduced image of another"
            raise self._unsupported("a camera's raw file", "a developed picture")
        pages = 1
        following = self.directory.following
        while following > 0 and pages < 100:  # a directory may point back to itself
            try:
                page = _Directory.read(self.data, following)
            except ValueError as error:
                raise self._truncated(error) from None
            kind = page.numbers(254)
            pages += not (kind and kind[0] & 5)  # a thumbnail or a mask belongs to the page before it
            if page.following == following:
                break
            following = page.following
        if pages > 1:
            raise self._animated(pages if pages < 100 else "100 or more", "pages")

    def _raw_size(self) -> int:
        depths, samples = self._all(258) or (1,), self._one(277, 1)
        bits = sum(depths) if len(depths) == samples else depths[0] * samples
        return self.width * bits * self.height // 8

    def _check_pieces(self, compression: int) -> None:
        """All strips or tiles are there: where one isn't, Pillow would leave its part black."""
        planes = self._one(277, 1) if self._one(284, 1) == 2 else 1
        if tiled := 324 in self.directory.entries:
            across, down = self._one(322), self._one(323)
        else:
            across, down = self.width, min(self._one(278, self.height), self.height)
        if min(across, down) < 1 or across * down > MAX_PIXELS:
            raise self._damaged(f"pieces of {across} x {down}")
        expected = -(-self.width // across) * -(-self.height // down) * planes
        offsets, lengths = (self._all(tag) for tag in ((324, 325) if tiled else (273, 279)))
        if len(offsets) < expected or len(lengths) < expected:
            raise self._truncated(f"{min(len(offsets), len(lengths))} of {expected} pieces")
        if compression == 1 and sum(lengths) < self._raw_size():
            raise self._truncated(f"{sum(lengths)} bytes of at least {self._raw_size()}")
        if any(start + length > len(self.data) for start, length in zip(offsets, lengths, strict=False)):
            raise self._truncated()

    def samples(self) -> _Raster:
        from PIL import TiffImagePlugin

        image = _load(TiffImagePlugin.TiffImageFile, self._pixels_only())
        if image.mode in {"I", "F", "LAB"}:
            raise self._unsupported(f"samples of kind {image.mode}", "8 or 16 bit grey, RGB or CMYK")
        inverted = self._one(262, 1) == 0  # white is zero; Pillow forgets that with 16 bits
        return _Raster.of_image(image, bits=self.bits, inverted=inverted)

    def _pixels_only(self) -> bytes:
        """The file with another directory that has only the tags of the pixels.

        So Pillow neither turns the picture (we do, once) nor warns of a tag that doesn't matter.
        """
        entries = [
            self.directory.entries[tag].raw for tag in sorted(self.directory.entries.keys() & self.PIXEL_TAGS)
        ]
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


class _Entry(NamedTuple):
    tag: int
    kind: int
    values: int
    start: int  # of the values
    length: int  # of the values in bytes
    raw: bytes


@dataclass(frozen=True)
class _Directory:
    """One directory of a TIFF, which is also what EXIF is made of."""

    data: bytes
    order: str
    entries: dict[int, _Entry]
    following: int  # offset of the next directory, 0 after the last, -1 where the number itself is cut off

    SIZES: ClassVar = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}

    @classmethod
    def read(cls, data: bytes, at: int | None = None) -> _Directory:
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
        entries = {}
        for position in range(at + 2, end, 12):
            tag, kind, number = struct.unpack_from(f"{order}HHI", data, position)
            length = number * cls.SIZES.get(kind, 0)
            start = position + 8 if length <= 4 else struct.unpack_from(f"{order}I", data, position + 8)[0]
            entries[tag] = _Entry(tag, kind, number, start, length, data[position : position + 12])
        (following,) = struct.unpack_from(f"{order}I", data, end) if end + 4 <= len(data) else (-1,)
        return cls(data, order, entries, following)

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The values of a tag of whole numbers; none where it is absent, of another kind, or cut off."""
        entry = self.entries.get(tag)
        layout = {1: "B", 3: "H", 4: "I"}.get(entry.kind) if entry else None
        if entry is None or layout is None or entry.start + entry.length > len(self.data):
            return ()
        return struct.unpack_from(f"{self.order}{entry.values}{layout}", self.data, entry.start)

    def bytes_of(self, tag: int) -> bytes:
        entry = self.entries[tag]
        return self.data[entry.start : entry.start + entry.length]


def _exif_orientation(block: bytes) -> int:
    """Orientation of an EXIF block, 1 where absent or broken; its other tags are nobody's business here."""
    with contextlib.suppress(ValueError, struct.error):
        values = _Directory.read(block.removeprefix(b"Exif\0\0")).numbers(274)
        if len(values) == 1 and 1 <= values[0] <= 8:
            return values[0]
    return 1


# BMP


class _Bmp(_Whole):
    """Uncompressed only: Pillow unpacks run lengths in Python, far too slowly for a large picture."""

    name = "BMP"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        offset, header = self._numbers("<II", 10)
        if header == 12:
            width, height, _, bits = self._numbers("<HHHH", 18)
            compression = 0
        else:
            width, height, _, bits, compression = self._numbers("<iiHHI", 18)
        self._sized(width, abs(height))
        if compression not in {0, 3}:
            raise self._unsupported(f"compression {compression}", "no compression")
        rows = ((width * bits + 31) // 32 * 4) * abs(height)
        if offset + rows > len(data):
            raise self._truncated()

    def samples(self) -> _Raster:
        from PIL import BmpImagePlugin

        return _Raster.of_image(_load(BmpImagePlugin.BmpImageFile, self.data))


# JPEG 2000


class _Jpeg2000(_Encoded):
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
        width, height = self._walk(start, end)
        if stated and stated != (width, height):
            raise self._damaged("contradicting sizes")
        levels = range(min(self.levels, 5), 0, -1)
        self.scales = (*(0.5**level for level in levels if self._can_leave_out(level)), 1.0)

    def _code_stream(self) -> tuple[int, int, tuple[int, int] | None]:
        """Where it starts and ends, and the size that the boxes around it state."""
        if self.data.startswith(b"\xff\x4f"):
            return 0, len(self.data), None
        stated = None
        for kind, start, end in self._boxes(0, len(self.data)):
            if kind == b"jp2h":
                for inner, inner_start, inner_end in self._boxes(start, end):
                    if inner == b"ihdr":
                        height, width = self._numbers(">II", inner_start)
                        self._sized(width, height)
                        stated = (width, height)
                    elif inner == b"colr" and self.data[inner_start : inner_start + 1] == b"\2":
                        self.profile = self.data[inner_start + 3 : inner_end]
            elif kind == b"jp2c":
                return start, end, stated
        raise self._truncated("no code stream")

    def _walk(self, start: int, end: int) -> tuple[int, int]:
        """Main header, then each tile-part by its length, up to the end marker (ISO/IEC 15444-1, A.4)."""
        if self._slice(start, 4) != b"\xff\x4f\xff\x51":
            raise self._damaged("no code stream header")
        size = self._size(start + 4)
        position, count = start + 2, 0
        tile_part = 0  # end of the present one
        while position + 2 <= end:
            (marker,) = self._numbers(">H", position)
            if marker == 0xFFD9 and not tile_part:
                self._check_complete()
                return size
            if marker == 0xFF93:
                if tile_part < position:
                    raise self._damaged("tile data where none belongs")
                position, tile_part = tile_part, 0
            else:
                (length,) = self._numbers(">H", position + 2)
                body = self._slice(position + 4, max(length, 2) - 2)
                if marker == 0xFF90:
                    tile_part = self._tile_part(position, body, end)
                elif marker == 0xFF5F:
                    raise self._unsupported("changes of the progression order", "one order")
                elif marker in {0xFF52, 0xFF53}:
                    self._coding(body, default=marker == 0xFF52)
                position += 2 + max(length, 2)
            count += 1
            self._count_pieces(count)
        raise self._truncated("no end marker")

    def _size(self, position: int) -> tuple[int, int]:
        layout = ">HHIIIIIIIIHB"
        _, _, right, bottom, left, top, tile_w, tile_h, tile_x, tile_y, components, depth = self._numbers(
            layout, position
        )
        self._sized(right - left, bottom - top)
        if not 1 <= components <= 4:
            raise self._unsupported(f"{components} components", "1 to 4")
        self.bits = (depth & 0x7F) + 1
        if self.bits > 16:
            raise self._unsupported(f"{self.bits} bits", "at most 16")
        self.at_origin = left == top == 0
        if not tile_w or not tile_h:
            raise self._damaged("tiles of no size")
        self.tiles = -(-(right - tile_x) // tile_w) * -(-(bottom - tile_y) // tile_h)
        if self.tiles > MAX_TILES_JPEG2000:
            raise self._too_large(f"{self.tiles} tiles", f"at most {MAX_TILES_JPEG2000}")
        return right - left, bottom - top

    def _tile_part(self, position: int, body: bytes, end: int) -> int:
        if len(body) != 8:
            raise self._damaged("a broken tile header")
        tile, length, _, parts = struct.unpack(">HIBB", body)
        self.parts[tile] = self.parts.get(tile, 0) + 1
        if parts:
            self.parts_stated[tile] = parts
        if length == 0:  # the last one, up to the end marker
            if self._slice(end - 2, 2) != b"\xff\xd9":
                raise self._truncated("no end marker")
            return end - 2
        if length < 14:
            raise self._damaged("a broken tile length")
        if position + length > end:
            raise self._truncated()
        return position + int(length)

    def _check_complete(self) -> None:
        """Every tile, in all its parts: the decoder would leave a missing one black."""
        if len(self.parts) < self.tiles:
            raise self._truncated(f"{len(self.parts)} of {self.tiles} tiles")
        if any(self.parts[tile] < parts for tile, parts in self.parts_stated.items()):
            raise self._truncated("parts of a tile are missing")

    def _can_leave_out(self, level: int) -> bool:
        """Pillow rounds the sides that remain, where the decoder rounds them up: only if that is the same."""
        step = 1 << level
        sides = (self.width, self.height)
        return self.at_origin and all((side + step // 2) // step == -(-side // step) for side in sides)

    def _coding(self, body: bytes, *, default: bool) -> None:
        """Layers, levels, code blocks and precincts of COD and COC (ISO/IEC 15444-1, A.6.1 and A.6.2)."""
        style = body[5:] if default else body[2:]
        if len(style) < 5:
            raise self._damaged("a broken coding style")
        if default and int.from_bytes(body[2:4]) > MAX_LAYERS_JPEG2000:
            raise self._too_large(f"{int.from_bytes(body[2:4])} layers", f"at most {MAX_LAYERS_JPEG2000}")
        levels, block_w, block_h = style[:3]
        self.levels = min(self.levels, levels)
        precincts = style[5:] if body[0 if default else 1] & 1 else b""
        # The decoder keeps notes on each block and precinct: tiny ones would cost memory without measure.
        if block_w + block_h + 4 < 8 or any(min(size >> 4, size & 15) < 4 for size in precincts[1:]):
            raise self._unsupported("tiny code blocks or precincts", "at least 256 pixels each")

    def decode(self, scale: float, notes: list[str]) -> NDArray[np.uint8]:
        from PIL import Jpeg2KImagePlugin

        level = int(1 / scale).bit_length() - 1
        image = _load(Jpeg2KImagePlugin.Jpeg2KImageFile, self.data, reduce=level)
        # Pillow stretches samples of any depth to 8 or 16 bits.
        return _srgb(_Raster.of_image(image, bits=16 if self.bits > 8 else 8), self.profile, notes)


# HEIC


class _Heic(_Whole):
    """Decoded by pillow-heif, an optional extra.

    It turns the picture by the container's own boxes; EXIF orientation doesn't count here.
    """

    name = "HEIC"
    max_pixels = max_decoded = MAX_PIXELS_HEIC
    STILLS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})
    SEQUENCES = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})
    BRANDS = STILLS | SEQUENCES

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        if data[8:12] in self.SEQUENCES:
            raise self._animated("a sequence of")
        for _ in self._boxes(0, len(data)):
            pass  # none runs over the end; nothing else of it is ours to read
        self._sized(*self._open().size)

    def _open(self) -> Any:
        import importlib

        try:
            heif = importlib.import_module("pillow_heif")
        except ImportError:
            raise PhotoError(
                "photo.heic",
                "HEIC pictures need an extra: pip install 'visavis[heic]'",
                expected="the package pillow-heif",
            ) from None
        file = heif.open_heif(self.data)
        return file[file.primary_index]

    def samples(self) -> _Raster:
        import numpy as np

        image = self._open()
        pixels = np.asarray(image)
        if image.mode not in {"L", "RGB", "RGBA"} or pixels.dtype != np.uint8:
            raise self._unsupported(f"samples of kind {image.mode}", "8 bit grey, RGB or RGBA")
        self.profile = image.info.get("icc_profile") or b""
        return _Raster.of_array(pixels, image.mode)


# From a decoder's samples to sRGB


def _load(reader: type[Any], data: bytes, *, reduce: int = 0) -> Image.Image:
    """Run one of Pillow's readers.

    Its class is called directly: `PIL.Image.open` would load the readers of forty formats nobody asked for,
    and warn of sizes through the `warnings` of the whole process.
    """
    with io.BytesIO(data) as stream:
        image: Image.Image = reader(stream)
        if reduce:
            image.reduce = reduce  # type: ignore[method-assign, assignment]
        image.load()
    return image


class _Raster(NamedTuple):
    """Decoded samples of any kind, given out in bands of rows so that each step needs little memory."""

    width: int
    height: int
    mode: str  # "L", "RGB" or "CMYK": the colours without alpha
    alpha: bool
    bits: int
    band: Callable[[int, int], Image.Image]

    @classmethod
    def of_array(cls, pixels: NDArray[np.uint8], mode: str, *, layout: str | None = None) -> _Raster:
        from PIL import Image

        height, width = pixels.shape[:2]

        def band(top: int, bottom: int) -> Image.Image:
            rows = pixels[top:bottom]
            return Image.frombuffer(mode, (width, len(rows)), rows, "raw", layout or mode, 0, 1)

        return cls(width, height, mode.removesuffix("A"), mode.endswith("A"), 8, band)

    @classmethod
    def of_image(cls, image: Image.Image, *, bits: int = 8, inverted: bool = False) -> _Raster:
        deep = image.mode.startswith("I;16")
        if image.mode == "La":
            image = image.convert("LA")
        alpha = image.mode in {"LA", "PA", "RGBA"} or "transparency" in image.info
        mode = {"1": "L", "L": "L", "LA": "L", "CMYK": "CMYK"}.get(image.mode, "L" if deep else "RGB")

        def band(top: int, bottom: int) -> Image.Image:
            rows = image.crop((0, top, image.width, bottom))
            return _eight_bits(rows, bits, inverted) if deep else rows

        return cls(image.width, image.height, mode, alpha and not deep, bits, band)


def _eight_bits(rows: Image.Image, bits: int, inverted: bool) -> Image.Image:
    """Grey of 9 to 16 bits scaled, not clipped: the largest value becomes 255."""
    import numpy as np
    from PIL import Image

    largest = (1 << bits) - 1
    values = np.minimum(np.asarray(rows).astype(np.uint32), largest)
    grey = ((values * 255 + largest // 2) // largest).astype(np.uint8)
    return Image.fromarray(255 - grey if inverted else grey)


def _srgb(
    raster: _Raster, profile: bytes, notes: list[str], *, room: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """The samples as sRGB over white; `room`, the samples if they are RGB already, is used again."""
    import numpy as np
    from PIL import Image, ImageCms

    mode = _working_mode(raster.mode, profile)
    transform = _transform(profile, mode, notes)
    if room is not None and mode == "RGB":
        if transform is None:
            return room
        out = room
    else:
        out = np.empty((raster.height, raster.width, 3), np.uint8)
    translucent = False
    rows = max(1, 2**20 // raster.width)
    for top in range(0, raster.height, rows):
        bottom = min(top + rows, raster.height)
        band = raster.band(top, bottom)
        cover = None
        if raster.alpha:
            band = band.convert("RGBA")
            cover = band.getchannel("A")
        band = band.convert(mode)
        if transform is not None:
            band = cast("Image.Image", ImageCms.applyTransform(band, transform))
        band = band.convert("RGB")
        if cover is not None and cast("tuple[int, int]", cover.getextrema())[0] < 255:
            band = Image.composite(band, Image.new("RGB", band.size, "white"), cover)
            translucent = True
        out[top:bottom] = np.asarray(band)
    if mode == "CMYK" and transform is None:
        notes.append("converted from CMYK without a profile")
    if raster.bits > 8:
        notes.append(f"reduced from {raster.bits} to 8 bits")
    if translucent:
        notes.append("alpha laid over white")
    return out


def _working_mode(mode: str, profile: bytes) -> str:
    """The mode in which colours are converted: grey stays grey only for a grey profile."""
    return "RGB" if mode == "L" and profile[16:20] != b"GRAY" else mode


def _transform(profile: bytes, mode: str, notes: list[str]) -> ImageCms.ImageCmsTransform | None:
    if not profile:
        return None
    if len(profile) > MAX_METADATA:
        notes.append("ICC profile ignored: too large")
        return None
    transform, note = _transform_of(profile, mode)
    if note:
        notes.append(note)
    return transform


@functools.lru_cache(maxsize=8)
def _transform_of(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """The way from a profile to sRGB, none where it is sRGB already, and what to note about it."""
    from PIL import Image, ImageCms

    space = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}[mode]
    if profile[16:20] != space:
        return None, "ICC profile ignored: made for another kind of picture"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(
            source,
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # Without its cache of one pixel a transform may be shared between threads.
            ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE,
        )
        name = _one_line(ImageCms.getProfileDescription(source))[:60]
    except Exception:  # noqa: BLE001  # a profile is as foreign as the picture, and dispensable
        return None, "ICC profile ignored: damaged"
    if mode == "RGB":
        # Measured rather than believed by name: many sRGB profiles differ in bytes but not in effect.
        steps = (0, 32, 64, 96, 128, 160, 192, 224, 255)
        colours = bytes(value for r in steps for g in steps for b in steps for value in (r, g, b))
        chart = Image.frombytes("RGB", (27, 27), colours)
        changed = cast("Image.Image", ImageCms.applyTransform(chart, transform)).tobytes()
        if all(abs(a - b) <= 2 for a, b in zip(colours, changed, strict=True)):
            return None, ""
    return transform, f"converted from ICC profile '{name}'"


# Upright


def _upright(pixels: NDArray[np.uint8], orientation: int, notes: list[str]) -> NDArray[np.uint8]:
    """Turn and mirror by EXIF orientation (CIPA DC-008, 4.6.4: where row 0 and column 0 are to be shown)."""
    import numpy as np

    if orientation == 1:
        return np.ascontiguousarray(pixels)
    notes.append(f"turned by EXIF orientation {orientation}")
    view = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    if orientation in {3, 4, 7, 8}:
        view = view[::-1]
    if orientation in {2, 3, 6, 7}:
        view = view[:, ::-1]
    upright = np.empty(view.shape, np.uint8)
    for channel in range(3):  # three times as fast as one copy of strided pixels
        upright[..., channel] = view[..., channel]
    return upright
