"""Rectangles: ``top,left,width,height`` where they are given, whole numbers where they are told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from visavis.geometry import Box
from visavis.service.doors.facepp.errors import bad

if TYPE_CHECKING:
    from visavis.photo import Photo
    from visavis.service.doors.facepp.form import Form

MOST = 1e6
"""Of a coordinate."""


def given(form: Form, field: str) -> Box | None:
    """Where the client says that a face is, in pixels of the upright picture; None where it says nothing.

    Raises:
        Said: It isn't four numbers of a rectangle.
    """
    text = form.text(field)
    if text is None:
        return None
    if not text.isascii() or "_" in text:  # Python would read other digits, and digits in groups
        raise bad(field)
    try:
        top, left, width, height = (float(number) for number in text.split(","))
    except ValueError:
        raise bad(field) from None
    numbers = (top, left, width, height)
    if (
        not all(math.isfinite(number) and abs(number) <= MOST for number in numbers)
        or min(width, height) <= 0
    ):
        raise bad(field)
    return Box(left, top, width, height)


def told(box: Box, photo: Photo) -> dict[str, int]:
    """A face's box in whole pixels, as much of it as lies on the picture, at least one pixel."""
    left, top = (
        min(max(0, round(low)), side - 1) for low, side in ((box.x, photo.width), (box.y, photo.height))
    )
    right, bottom = (
        min(max(low + 1, round(high)), side)
        for low, high, side in (
            (left, box.x + box.width, photo.width),
            (top, box.y + box.height, photo.height),
        )
    )
    return {"top": top, "left": left, "width": right - left, "height": bottom - top}
