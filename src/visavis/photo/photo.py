"""The photo itself: what it is, how it comes to be, and a finer look at the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from visavis.errors import PhotoError
from visavis.photo.formats import recognise
from visavis.photo.limits import MAX_PIXELS
from visavis.photo.orientation import upright
from visavis.photo.refusals import check_size, decoder_errors
from visavis.photo.source import read_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from visavis.photo.encoded import Encoded
    from visavis.photo.source import PhotoSource

DETAIL = 960
"""Decoded pixels that the longer side needs at least: a face that fills a tenth of it still has 96."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Photo:
    """An upright RGB picture, decoded as finely as needed.

    Attributes:
        pixels: H x W x 3, RGB, 8 bit, sRGB, upright, C-contiguous, read-only; decoded at `scale`.
        width: Width of the whole upright picture in pixels, as a viewer would show it.
        height: Height of the same.
        format: ``"JPEG"``, ``"PNG"``, ``"WebP"``, ``"TIFF"``, ``"BMP"``, ``"JPEG 2000"``, ``"HEIC"``,
            ``"PDF"`` for a page of one, or ``"array"``.
        sha256: Digest of the encoded bytes (of the pixels for an array), in hexadecimal.
        notes: What was done on the way, in short stable texts such as ``"turned by EXIF orientation 6"``.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    format: str
    sha256: str
    notes: tuple[str, ...] = ()
    _encoded: Encoded | None = field(default=None)  # kept only where a finer decode is possible

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
        data = read_bytes(source)
        kind = recognise(data)
        with decoder_errors(kind.name):
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
        check_size("array", width, height, MAX_PIXELS)
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
    def _decoded(cls, encoded: Encoded, wanted: float, sha256: str) -> Photo:
        scale = encoded.scale_for(wanted)
        notes: list[str] = []
        with decoder_errors(encoded.name):
            pixels = encoded.decode(scale, notes)
        pixels = upright(pixels, encoded.orientation, notes)
        pixels.flags.writeable = False
        turned = encoded.orientation >= 5
        width, height = (encoded.height, encoded.width) if turned else (encoded.width, encoded.height)
        more = encoded if scale < encoded.scale_for(1.0) else None
        return cls(pixels, width, height, encoded.name, sha256, tuple(notes), more)

    def __repr__(self) -> str:
        shown = f"{self.width} x {self.height} {self.format}"
        scale = "" if self.scale == 1 else f" at scale {self.scale:.3g}"
        return f"<Photo {shown}{scale}, sha256 {self.sha256[:12]}>"
