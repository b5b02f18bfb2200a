"""The parts of a form (RFC 7578), found without looking at their bytes one by one.

A form may come from somebody who has shown no key yet. Where its parts begin and end is looked for with the
fast search for bytes, so that a form takes no longer than its size allows, whatever stands in it. RFC 2046,
5.1.1 says that no line of a part may begin with the boundary: one that does makes the form unreadable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HEAD = 2**13
"""Bytes of what stands before a part."""

END = b"\r\n"
REST = re.compile(rb"[ \t]*\r\n")
"""What follows a boundary on its line."""


class Part(NamedTuple):
    """One part of a form.

    Attributes:
        name: Its name; None where it has none.
        begin: Where its content begins in the form.
        end: Where it ends.
        is_given: Whether somebody gave it: a browser sends a field for a file also where nobody chose one
            (HTML, "constructing the entry list"), with nothing for the file's name and nothing in it.
    """

    name: bytes | None
    begin: int
    end: int
    is_given: bool


class FormError(ValueError):
    """A form that can't be read; it says why, and nothing of what stands in it."""


def parts(content_type: str, data: bytes | bytearray) -> Iterator[Part]:
    """The parts of a form in their order; whoever has had enough of them stops.

    Args:
        content_type: What the client says that it is, with the boundary.
        data: The form.

    Yields:
        Each part.

    Raises:
        FormError: It can't be read, or ends too soon.
    """
    from python_multipart.multipart import parse_options_header

    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise FormError("the form names no boundary")
    line = b"--" + boundary
    delimiter = END + line
    found = -len(END) if data.startswith(line) else data.find(delimiter)
    if found == -1:
        raise FormError("the form doesn't have the boundary that it names")
    while True:
        at = found + len(delimiter)
        if data.startswith(b"--", at):
            return
        rest = REST.match(data, at)
        if rest is None:
            raise FormError("a line of the form begins with the boundary and doesn't end with it")
        head = rest.end() - len(END)  # where there is no head, the empty line after it follows at once
        found = data.find(delimiter, head)
        if found < 0:
            raise FormError("the form ends too soon")
        empty = data.find(END + END, head, min(head + MAX_HEAD, found + len(END)))
        if empty < 0:
            raise FormError("a part of the form has no end of its head")
        begin = empty + len(END + END)
        name, file_name = _names(bytes(data[head:empty]))
        yield Part(name, min(begin, found), found, is_given=begin < found or file_name != b"")


def _names(head: bytes) -> tuple[bytes | None, bytes | None]:
    """The name of a part, and that of its file, by its head."""
    from python_multipart.multipart import parse_options_header

    names: tuple[bytes | None, bytes | None] = None, None
    for line in filter(None, head.split(END)):
        field, colon, value = line.partition(b":")
        if not colon:
            raise FormError("the head of a part of the form can't be read")
        if field.strip().lower() == b"content-disposition":
            options = parse_options_header(value.strip())[1]
            names = options.get(b"name"), options.get(b"filename")
    return names
