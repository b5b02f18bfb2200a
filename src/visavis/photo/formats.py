"""Which format: what the first bytes say. A format's module is loaded with its first picture."""

from __future__ import annotations

import codecs
import contextlib
from typing import TYPE_CHECKING

from visavis.errors import PhotoError

if TYPE_CHECKING:
    from visavis.photo.encoded import Encoded

SUPPORTED = "JPEG, PNG, WebP, TIFF, BMP, JPEG 2000 or HEIC"


def recognise(data: bytes) -> type[Encoded]:
    """The class that reads these bytes.

    Raises:
        PhotoError: They aren't a picture of a supported format.
    """
    if data.startswith(b"\xff\xd8"):
        from visavis.photo.jpeg import Jpeg

        return Jpeg
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        from visavis.photo.png import Png

        return Png
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        from visavis.photo.webp import WebP

        return WebP
    if data.startswith((b"II*\0", b"MM\0*")):
        from visavis.photo.tiff import Tiff

        return Tiff
    if data.startswith(b"BM"):
        from visavis.photo.bmp import Bmp

        return Bmp
    if data.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        from visavis.photo.jpeg2000 import Jpeg2000

        return Jpeg2000
    if data[4:8] == b"ftyp":
        from visavis.photo.heic import BRANDS, Heic

        if data[8:12] in BRANDS:
            return Heic
    raise PhotoError(
        "photo.format", "this isn't a supported picture", found=_looks_like(data), expected=SUPPORTED
    )


def _looks_like(data: bytes) -> str:
    """A guess for the message, at what people send by mistake."""
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
