"""HEIC: its boxes, and pillow-heif where that is installed."""

from __future__ import annotations

from typing import Any

from visavis.errors import PhotoError
from visavis.photo.encoded import Whole
from visavis.photo.limits import MAX_PIXELS_HEIC
from visavis.photo.raster import Raster

# Brands of a file (ISO/IEC 23008-12).
STILLS = {b"heic", b"heix", b"heim", b"heis", b"mif1"}
SEQUENCES = {b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"}
BRANDS = STILLS | SEQUENCES


class Heic(Whole):
    """Decoded by pillow-heif, an optional extra.

    It turns the picture by the container's own boxes; EXIF orientation doesn't count here.
    """

    name = "HEIC"
    max_pixels = max_decoded = MAX_PIXELS_HEIC

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        if data[8:12] in SEQUENCES:
            raise self.animated("a sequence of")
        for _ in self.boxes(0, len(data)):
            pass  # none runs over the end; nothing else of it is ours to read
        self.set_size(*self._open().size)

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

    def samples(self) -> Raster:
        """What pillow-heif decodes, turned already."""
        import numpy as np

        image = self._open()
        pixels = np.asarray(image)
        if image.mode not in {"L", "RGB", "RGBA"} or pixels.dtype != np.uint8:
            raise self.unsupported(f"samples of kind {image.mode}", "8 bit grey, RGB or RGBA")
        self.profile = image.info.get("icc_profile") or b""
        return Raster.of_array(pixels, image.mode)
