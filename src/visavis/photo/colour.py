"""Colours: samples of any kind become sRGB, by their ICC profile and over white."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, cast

from visavis.photo.limits import MAX_METADATA
from visavis.photo.refusals import one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image, ImageCms

    from visavis.photo.raster import Raster


def srgb(
    raster: Raster, profile: bytes, notes: list[str], *, room: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """The samples as sRGB over white; `room`, the samples if they are RGB already, is used again."""
    import numpy as np
    from PIL import Image, ImageCms

    mode = working_mode(raster.mode, profile)
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


def working_mode(mode: str, profile: bytes) -> str:
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
        name = one_line(ImageCms.getProfileDescription(source))[:60]
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
