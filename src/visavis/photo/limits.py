"""Every limit on a picture's bytes, each with its reason: against files made to exhaust memory or time."""

from __future__ import annotations

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

MAX_DIRECTORIES = 100
"""Directories of a TIFF, one for each page or thumbnail: their list may go round in a circle."""

MAX_TILES_JPEG2000 = 4_096
"""Tiles of a JPEG 2000: its decoder reserves some 6 kB for each before it reads one."""

MAX_LAYERS_JPEG2000 = 64
"""Quality layers: each visits each tile, component and level, and 65535 of them would do so for seconds."""

MIN_BLOCK_JPEG2000 = 256
"""Pixels of a code block or a precinct: the decoder keeps notes on each, so tiny ones cost much memory."""

MAX_METADATA = 16 * 2**20
"""Bytes of a PNG that aren't picture data, and of an ICC profile: Pillow keeps a second copy of them."""
