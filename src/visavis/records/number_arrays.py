"""Long arrays of small numbers in JSON, as bytes: read all at once, before the rest is parsed.

A picture that comes as an array has a number for each of its bytes. A parser of JSON makes them one by one,
which takes longer than all else that is done with such a record until its picture is decoded.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORTEST = 4096
"""Bytes of an array's text from which on it is read this way. Pictures take more; the parser reads shorter
ones faster, and a request could hold many thousands of them."""

# In JSON that is sound, what stands after such a name is a value and never the inside of a text: a quote that
# ends a text has no letter behind it, and one in a text has a backslash before it.
NAME = re.compile(rb'"\w+"\s*:\s*\Z')
MOST_OF_NAME = 64
FIRST = b"-0123456789"
COMMA, MINUS, SPACE = b",- "

# Of each number there is one object: Python would make a new one wherever one lies below -5, and a list of
# these takes five times as much as one that only leads to them. (In lists: a tuple's are had half as fast.)
SIGNED = [*range(128), *range(-128, 0)]
UNSIGNED = [*range(256)]


class Numbers(list[int]):
    """Numbers that are bytes, signed or unsigned, with these; not to be changed.

    Attributes:
        octets: The bytes.
    """

    __slots__ = ("octets",)

    def __init__(self, octets: bytes, meaning: Sequence[int]) -> None:
        """Take them.

        Args:
            octets: The bytes.
            meaning: What number each byte is: `SIGNED` or `UNSIGNED`.
        """
        super().__init__(map(meaning.__getitem__, octets))
        self.octets = octets


def set_aside(data: bytes) -> tuple[bytes, dict[str, Numbers]]:
    """JSON with a text in the place of each long array of bytes that an object gives a name.

    Args:
        data: Text that may be anything. What isn't sound JSON isn't afterwards.

    Returns:
        What is left, and by text the numbers that it stands for. Nobody can guess the texts.
    """
    pieces: list[bytes] = []
    aside: dict[str, Numbers] = {}
    secret, done, end = "", 0, 0
    while (start := data.find(b"[", end)) >= 0:
        end = start + 1
        begins = data[end : end + 1] in FIRST
        if not begins or NAME.search(data, max(done, start - MOST_OF_NAME), start) is None:
            continue
        end = data.find(b"]", start)
        if end < 0:
            break
        found = _read(data[start + 1 : end]) if end - start > SHORTEST else None
        if found is None:
            continue
        secret = secret or secrets.token_hex(16)
        name = f"{secret} {len(aside)}"
        aside[name] = Numbers(*found)
        pieces += [data[done:start], f'"{name}"'.encode()]
        done = end + 1
    return (b"".join([*pieces, data[done:]]) if aside else data), aside


def _read(text: bytes) -> tuple[bytes, Sequence[int]] | None:
    """The numbers of an array as `Numbers` takes them; None where one isn't as JSON writes a byte."""
    import numpy as np

    if b" " in text:  # either none, or one behind each comma
        signs = np.frombuffer(text, np.uint8)
        is_comma, is_space = signs == COMMA, signs == SPACE
        as_many = np.count_nonzero(is_comma) == np.count_nonzero(is_space)
        if not as_many or is_space[0] or (is_space[1:] & ~is_comma[:-1]).any():
            return None
        text = text.translate(None, b" ")
    # Digits, with a sign before them or without, between all commas: a parser of arrays takes more than that.
    signs = np.frombuffer(b",%b," % text, np.uint8)
    is_comma, is_minus = signs == COMMA, signs == MINUS
    is_sound = not (
        text.translate(None, b"0123456789,-")
        or (is_minus[1:] & ~is_comma[:-1]).any()
        or (is_comma[1:] & (is_comma | is_minus)[:-1]).any()
    )
    if not is_sound:
        return None
    values = np.fromstring(text, np.int16, sep=",")  # the mode for text is no part of what is deprecated
    size = np.abs(values)
    digits = values.size + np.count_nonzero(size > 9) + np.count_nonzero(size > 99)
    between = np.count_nonzero(is_comma) - 2
    # Where one has more digits than it needs, is larger than it can be, or is -0, the sum differs.
    if values.size != between + 1 or len(text) != between + digits + np.count_nonzero(values < 0):
        return None
    low, high = int(values.min()), int(values.max())
    if low >= -128 and high <= 127:
        return values.astype(np.int8).tobytes(), SIGNED
    if low >= 0 and high <= 255:
        return values.astype(np.uint8).tobytes(), UNSIGNED
    return None
