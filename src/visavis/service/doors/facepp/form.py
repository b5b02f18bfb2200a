"""The fields of a request, read as tolerantly as the programs that send them are careless.

Multipart and urlencoded bodies; declared types and file names say nothing; a field may come as a file and a
file as a field; an empty one wasn't given; what the body hasn't is looked for in the query string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visavis.service.doors.facepp.errors import Said, bad
from visavis.service.multipart import FormError, parts
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FIELDS = 64
"""Of one request; a verification by FaceID has less than 20."""
MAX_TEXT = 2**16
"""Bytes of a field that is no picture."""
MAX_NAME = 100
WHOLE = re.compile(r"[0-9]{1,9}")
DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")

GROWTH = 2
"""How many times the size of its body is held beside it while it is read: a value's pieces, and the value."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What was given, by name; nothing is empty."""

    values: dict[str, bytes]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def take(self, name: str) -> bytes:
        """The bytes of a field that is there; they are held no longer than they are needed."""
        return self.values.pop(name)

    def text(self, name: str) -> str | None:
        """The text of a field without the space around it; None where it wasn't given.

        Raises:
            Said: It is no text, or no short one.
        """
        value = self.values.get(name, b"")
        if len(value) > MAX_TEXT:
            raise bad(name)
        try:
            return value.decode("utf-8").strip() or None
        except UnicodeDecodeError:
            raise bad(name) from None

    def needed(self, *names: str) -> list[str]:
        """The texts of fields that have to be there.

        Raises:
            Said: One isn't; all that aren't are named.
        """
        found = [self.text(name) for name in names]
        if missing := [name for name, text in zip(names, found, strict=True) if text is None]:
            raise Said(400, "MISSING_ARGUMENTS", ", ".join(missing))
        return [text for text in found if text is not None]

    def flag(self, name: str, *, default: bool) -> bool:
        """A field that is 0 or 1.

        Raises:
            Said: It is neither.
        """
        return self.number(name, 0, 1, default=int(default)) == 1

    def decimal(self, name: str, low: int, high: int, *, default: float) -> float:
        """A field that is a number, with or without a decimal point.

        Raises:
            Said: It is none, or out of range.
        """
        return self._number(DECIMAL, name, low, high, default)

    def number(self, name: str, low: int, high: int, *, default: int) -> int:
        """A field that is a whole number.

        Raises:
            Said: It is none, or out of range.
        """
        return int(self._number(WHOLE, name, low, high, default))

    def _number(self, form: re.Pattern[str], name: str, low: int, high: int, default: float) -> float:
        text = self.text(name)
        if text is None:
            return default
        if not (form.fullmatch(text) and low <= float(text) <= high):
            raise bad(name)
        return float(text)


def read(content_type: str | None, data: bytes | bytearray, query: bytes) -> Form:
    """What a request gives.

    Args:
        content_type: What the client says the body is; what isn't multipart is taken for urlencoded.
        data: The body.
        query: The query string, which counts for what the body doesn't give.

    Raises:
        Said: The body can't be read.
        Problem: 413 `request.too_large`: it has too many fields.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    given = _multipart(content_type or "", data) if kind == "multipart/form-data" else _urlencoded(data)
    values: dict[str, bytes] = {}
    for name, value in (*given, *_urlencoded(query)):
        if value:
            values.setdefault(name, value)
    return Form(values)


def _urlencoded(data: bytes | bytearray) -> Iterator[tuple[str, bytes]]:
    start = 0
    for _ in range(MAX_FIELDS):
        found = data.find(b"&", start)
        end = len(data) if found < 0 else found
        sign = data.find(b"=", start, end)
        sign = end if sign < 0 else sign
        if sign - start <= MAX_NAME:
            name = unquoted(data, start, sign).decode("utf-8", "replace").strip()
            yield name, unquoted(data, sign + 1, end)
        if found < 0:
            return
        start = end + 1
    # What isn't encoded at all, a picture as it is for instance, is no form with many fields.
    raise _too_many() if data.isascii() else bad("body")


def unquoted(data: bytes | bytearray, start: int = 0, end: int | None = None) -> bytes:
    """A name or a value as it was before it was encoded; what is no escape stays as it is.

    A picture in base64 has a hundred thousand escapes, so that they aren't taken one by one; and they are
    taken in pieces, so that a value takes little more memory than it has bytes.
    """
    end = len(data) if end is None else end
    pieces = []
    while start < end:
        stop = min(start + PIECE, end)
        if stop < end:  # an escape that would be cut belongs to the next piece
            cut = data.find(b"%", stop - 2, stop)
            stop = stop if cut < 0 else cut
        piece = bytes(data[start:stop]).replace(b"+", b" ")
        pieces.append(_unquoted(piece) if b"%" in piece else piece)
        start = stop
    return b"".join(pieces)


def _unquoted(piece: bytes) -> bytes:
    found = np.frombuffer(piece + b"  ", np.uint8)
    at = np.flatnonzero(found[:-2] == ord("%"))
    high, low = DIGIT[found[at + 1]], DIGIT[found[at + 2]]
    escapes = (high < 16) & (low < 16)
    at, high, low = at[escapes], high[escapes], low[escapes]
    plain, stays = found[:-2].copy(), np.ones(len(piece), bool)
    plain[at] = high * 16 + low
    stays[at + 1] = stays[at + 2] = False
    return plain[stays].tobytes()


PIECE = 2**16
DIGIT = np.full(256, 16, np.uint8)
"""What a byte counts as a hexadecimal digit; 16 where it is none."""
DIGIT[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
DIGIT[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)


def _multipart(content_type: str, data: bytes | bytearray) -> Iterator[tuple[str, bytes]]:
    try:
        for count, (name, start, end, _) in enumerate(parts(content_type, data)):
            if count == MAX_FIELDS:
                raise _too_many()
            with memoryview(data) as view:
                content = bytes(view[start:end])
            yield (name or b"").decode("utf-8", "replace").strip()[:MAX_NAME], content
    except FormError:
        raise bad("body") from None


def _too_many() -> Problem:
    return Problem(413, "request.too_large", "the request has too many fields", expected=f"{MAX_FIELDS}")
