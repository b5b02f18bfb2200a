"""What every part of this room refuses in the same way and words."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from visavis.errors import PhotoError
from visavis.photo.limits import MAX_SIDE, MIN_SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_size(name: str, width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture with a side too short or too long, or with too many pixels."""
    found = f"{width} x {height}"
    if min(width, height) < MIN_SIDE:
        raise PhotoError(
            "photo.too_small",
            f"the {name} is too small",
            found=found,
            expected=f"sides of at least {MIN_SIDE} pixels",
        )
    if max(width, height) > MAX_SIDE or width * height > max_pixels:
        limit = f"sides of at most {MAX_SIDE} and {max_pixels} pixels in all"
        raise PhotoError("photo.too_large", f"the {name} is too large", found=found, expected=limit)


@contextlib.contextmanager
def decoder_errors(name: str) -> Iterator[None]:
    """Whatever reading foreign bytes raises says one thing: they are no good."""
    try:
        yield
    except PhotoError:
        raise
    # Decoders of foreign bytes raise what they like (OSError, SyntaxError, struct.error, cv2.error, even
    # MemoryError), and a bad picture must never end in a traceback.
    except Exception as error:  # noqa: BLE001
        words = one_line(error)
        cut = re.search(r"truncated|premature end|not enough", words, re.IGNORECASE)
        code, what = ("photo.truncated", "cut off") if cut else ("photo.damaged", "damaged")
        raise PhotoError(code, f"the {name} is {what}", found=words) from None


def one_line(words: object) -> str:
    """Foreign words fit for a message: one line, printable, not long."""
    text = " ".join(str(words).split()) or type(words).__name__
    return "".join(c if c.isprintable() else "?" for c in text)[:120]
