"""The type that specimens are printed with where people read: DejaVu Sans, which comes with matplotlib.

It has the letters of all scripts that names of specimens are written in.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

STYLES = {"plain": "DejaVuSans", "bold": "DejaVuSans-Bold", "italic": "DejaVuSans-Oblique"}


@lru_cache(64)
def sans(size: float, style: str = "plain") -> FreeTypeFont:
    """The type in `size` pixels an em; `style` is one of `STYLES`."""
    import matplotlib as mpl
    from PIL import ImageFont

    path = Path(mpl.get_data_path(), "fonts/ttf", f"{STYLES[style]}.ttf")
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@cache
def letters() -> frozenset[str]:
    """All characters that `sans` can print."""
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(sans(10).path).get_charmap()))
