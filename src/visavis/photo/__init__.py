"""Bytes that nobody trusts become a photo: an upright 8-bit RGB picture.

A picture passes three gates: its bytes are read (never more than a limit), its structure is read by the class
of its format (sizes are known and refused before a decoder sees a byte; what is cut off is found there where
the decoder would be lenient), and only then a decoder runs. Every limit on a picture's bytes stands in
`limits` and nowhere else. Whatever goes wrong is a `PhotoError` with one of these codes:

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

from visavis.photo.formats import SUPPORTED
from visavis.photo.limits import (
    MAX_BLOCK_VISITS,
    MAX_BLOCKS_HELD,
    MAX_BYTES,
    MAX_DIRECTORIES,
    MAX_LAYERS_JPEG2000,
    MAX_METADATA,
    MAX_PIECES,
    MAX_PIXELS,
    MAX_PIXELS_AT_SCALE,
    MAX_PIXELS_HEIC,
    MAX_PIXELS_JPEG2000,
    MAX_SIDE,
    MAX_TILES_JPEG2000,
    MIN_BLOCK_JPEG2000,
    MIN_SIDE,
)
from visavis.photo.photo import DETAIL, Photo
from visavis.photo.source import PhotoSource

__all__ = [
    "DETAIL",
    "MAX_BLOCKS_HELD",
    "MAX_BLOCK_VISITS",
    "MAX_BYTES",
    "MAX_DIRECTORIES",
    "MAX_LAYERS_JPEG2000",
    "MAX_METADATA",
    "MAX_PIECES",
    "MAX_PIXELS",
    "MAX_PIXELS_AT_SCALE",
    "MAX_PIXELS_HEIC",
    "MAX_PIXELS_JPEG2000",
    "MAX_SIDE",
    "MAX_TILES_JPEG2000",
    "MIN_BLOCK_JPEG2000",
    "MIN_SIDE",
    "SUPPORTED",
    "Photo",
    "PhotoSource",
]
