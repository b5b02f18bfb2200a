"""BMP: its header, and Pillow."""

from __future__ import annotations

from visavis.photo.encoded import Whole
from visavis.photo.raster import Raster, load


class Bmp(Whole):
    """Uncompressed only: Pillow unpacks run lengths in Python, far too slowly for a large picture."""

    name = "BMP"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        offset, header = self.numbers_at("<II", 10)
        if header == 12:
            width, height, _, bits = self.numbers_at("<HHHH", 18)
            compression = 0
        else:
            width, height, _, bits, compression = self.numbers_at("<iiHHI", 18)
        self.set_size(width, abs(height))
        if compression not in {0, 3}:
            raise self.unsupported(f"compression {compression}", "no compression")
        rows = ((width * bits + 31) // 32 * 4) * abs(height)
        if offset + rows > len(data):
            raise self.truncated()

    def samples(self) -> Raster:
        """What Pillow decodes, without a profile: nobody puts one there."""
        from PIL import BmpImagePlugin

        return Raster.of_image(load(BmpImagePlugin.BmpImageFile, self.data))
