"""WebP: its chunks, and OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from visavis.photo.encoded import Whole
from visavis.photo.orientation import exif_orientation
from visavis.photo.raster import Raster

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


class WebP(Whole):
    """Decoded by OpenCV: Pillow holds the picture four times, 760 MB for 48 megapixels."""

    name = "WebP"

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        frames = 0
        for kind, start, length in self._chunks():
            if not self.width:
                self._canvas(kind, start)
            if kind == b"EXIF":
                self.orientation = exif_orientation(self.bytes_at(start, length))
            elif kind == b"ICCP":
                self.profile = self.bytes_at(start, length)
            frames += kind == b"ANMF"
        if frames:
            raise self.animated(frames)
        if not self.width:
            raise self.truncated("no picture data")

    def _chunks(self) -> Iterator[tuple[bytes, int, int]]:
        """Kind, start of the body and its length, which is looked at after the size of the picture."""
        (size,) = self.numbers_at("<I", 4)
        end = 8 + size
        position, count = 12, 0
        while position < end:
            kind, length = self.numbers_at("<4sI", position)
            start = position + 8
            yield kind, start, length
            position = start + length + length % 2
            if position > end or start + length > len(self.data):
                raise self.truncated()
            count += 1
            self.count_pieces(count)

    def _canvas(self, kind: bytes, start: int) -> None:
        if kind == b"VP8X":
            low_w, high_w, low_h, high_h = self.numbers_at("<HBHB", start + 4)
            self.set_size(low_w + (high_w << 16) + 1, low_h + (high_h << 16) + 1)
        elif kind == b"VP8L":
            (bits,) = self.numbers_at("<I", start + 1)
            self.set_size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        elif kind == b"VP8 ":
            width, height = self.numbers_at("<HH", start + 6)
            self.set_size(width & 0x3FFF, height & 0x3FFF)
        else:
            raise self.damaged("no picture first")

    def samples(self) -> Raster:
        """What OpenCV decodes: blue first."""
        import cv2
        import numpy as np

        pixels = cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3:
            raise self.damaged("picture data that doesn't decode")
        mode = "RGBA" if pixels.shape[2] == 4 else "RGB"
        return Raster.of_array(cast("NDArray[np.uint8]", pixels), mode, layout=mode.replace("RGB", "BGR"))
