"""Decoded samples of any kind and depth, and how Pillow is asked for them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image


def load(reader: type[Any], data: bytes, *, reduce: int = 0) -> Image.Image:
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


class Raster(NamedTuple):
    """Decoded samples of any kind, given out in bands of rows so that each step needs little memory."""

    width: int
    height: int
    mode: str  # "L", "RGB" or "CMYK": the colours without alpha
    alpha: bool
    bits: int
    band: Callable[[int, int], Image.Image]

    @classmethod
    def of_array(cls, pixels: NDArray[np.uint8], mode: str, *, layout: str | None = None) -> Raster:
        """H x W x channels of 8 bits, in one of Pillow's modes; `layout` where the channels lie otherwise."""
        from PIL import Image

        height, width = pixels.shape[:2]

        def band(top: int, bottom: int) -> Image.Image:
            rows = pixels[top:bottom]
            return Image.frombuffer(mode, (width, len(rows)), rows, "raw", layout or mode, 0, 1)

        return cls(width, height, mode.removesuffix("A"), mode.endswith("A"), 8, band)

    @classmethod
    def of_image(cls, image: Image.Image, *, bits: int = 8, inverted: bool = False) -> Raster:
        """A picture of Pillow's; `bits` and `inverted` say what it has forgotten of the file's samples."""
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
