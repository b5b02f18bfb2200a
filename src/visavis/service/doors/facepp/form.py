"""The fields of a request, read as tolerantly as the programs that send them are careless.

Multipart and urlencoded bodies; declared types and file names say nothing; a field may come as a file and a
file as a field; an empty one wasn't given; what the body hasn't is looked for in the query string.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.service.doors.facepp.errors import Said, bad
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_FIELDS = 64
"""Of one request; a verification by FaceID has less than 20."""
MAX_TEXT = 2**16
"""Bytes of a field that is no picture."""
MAX_NAME = 100


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

    def number(self, name: str, low: int, high: int, *, default: int) -> int:
        """A field that is a whole number.

        Raises:
            Said: It is none, or out of range.
        """
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise bad(name)
        return int(text)


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
    parts = _multipart(content_type or "", data) if kind == "multipart/form-data" else _urlencoded(data)
    values: dict[str, bytes] = {}
    for name, value in (*parts, *_urlencoded(query)):
        if value:
            values.setdefault(name, value)
    return Form(values)


def _urlencoded(data: bytes | bytearray) -> Iterator[tuple[str, bytes]]:
    pairs = bytes(data).split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise _too_many()
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        if len(name) <= MAX_NAME:
            yield unquoted(name).decode("utf-8", "replace").strip(), unquoted(value)


def unquoted(data: bytes) -> bytes:
    """A name or a value as it was before it was encoded; what is no escape stays as it is.

    A picture in base64 has a hundred thousand escapes, so that they aren't taken one by one; and they are
    taken in pieces, so that a value that consists of nothing else takes no more memory.
    """
    data = data.replace(b"+", b" ")
    if b"%" not in data:
        return data
    pieces, start = [], 0
    while start < len(data):
        end = start + PIECE
        cut = data.find(b"%", end - 2, end)  # an escape that the end would cut belongs to the next piece
        end = end if cut < 0 or end >= len(data) else cut
        pieces.append(_unquoted(data[start:end]))
        start = end
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
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise bad("body")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(data)  # type: ignore[arg-type]  # a bytearray will do
        parser.finalize()
    except FormParserError:
        raise bad("body") from None
    if not parts.ended:
        raise bad("body")
    return ((name, bytes(value)) for name, value in parts.found)


class _Parts:
    """What the parser of multipart forms finds."""

    def __init__(self) -> None:
        self.found: list[tuple[str, bytearray]] = []
        self.ended = False
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._disposition = b""
        self._into = bytearray()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_of_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": lambda data, start, end: self._into.extend(memoryview(data)[start:end]),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.found) >= MAX_FIELDS:
            raise _too_many()
        self._disposition = b""

    def _end_of_header(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def _begin_content(self) -> None:
        from python_multipart.multipart import parse_options_header

        options: Mapping[bytes, bytes] = parse_options_header(self._disposition)[1]
        name = options.get(b"name", b"").decode("utf-8", "replace").strip()
        self._into = bytearray()
        self.found.append((name[:MAX_NAME], self._into))

    def _end(self) -> None:
        self.ended = True


def _too_many() -> Problem:
    return Problem(413, "request.too_large", "the request has too many fields", expected=f"{MAX_FIELDS}")
