"""Reading a picture's bytes from wherever they are, and never more of them than the limit."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO, cast

from visavis.errors import PhotoError
from visavis.photo.limits import MAX_BYTES
from visavis.photo.refusals import one_line

PhotoSource = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO


def read_bytes(source: PhotoSource) -> bytes:
    """All bytes of a source.

    Raises:
        PhotoError: There are none, too many, or they can't be had.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        _check_bytes(memoryview(source).nbytes)
        data = bytes(source)
    elif isinstance(source, str | os.PathLike):
        data = _read_path(source)
    elif hasattr(source, "read"):
        data = _read_file(source, "the file object")
    else:
        kind = type(source).__name__
        raise TypeError(f"a photo comes from bytes, a path or a binary file object, not from {kind}")
    if not data:
        raise PhotoError("photo.empty", "the picture has no bytes")
    return data


def _read_path(path: str | os.PathLike[str]) -> bytes:
    name = ascii(os.fsdecode(path))  # one printable line, whatever bytes the name has
    try:
        # Opened first and looked at afterwards, so that nobody can swap the file in between; without
        # O_NONBLOCK a pipe would keep us waiting for its writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise PhotoError("photo.missing", f"there is no file {name}") from None
    except OSError as error:
        if os.path.isdir(path):  # noqa: PTH112  # Windows refuses to open one; `path` may be bytes-like
            raise PhotoError("photo.directory", f"{name} is a directory, not a picture") from None
        raise PhotoError("photo.unreadable", f"{name} can't be read", found=error.strerror) from None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise PhotoError("photo.directory", f"{name} is a directory, not a picture")
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError("photo.unreadable", f"{name} isn't a regular file")
        _check_bytes(status.st_size)
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            return _read_file(cast("BinaryIO", file), name)
    finally:
        os.close(descriptor)


def _read_file(file: BinaryIO, name: str) -> bytes:
    parts: list[bytes] = []
    total = 0
    try:
        while part := file.read(MAX_BYTES + 1 - total):  # a raw file or a socket may give less than asked
            if not isinstance(part, bytes):
                raise PhotoError("photo.unreadable", f"{name} gives text", expected="a file opened as binary")
            parts.append(part)
            total += len(part)
            _check_bytes(total)
    except (OSError, ValueError) as error:  # ValueError: the file is closed
        raise PhotoError("photo.unreadable", f"{name} can't be read", found=one_line(error)) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_bytes(count: int) -> None:
    if count > MAX_BYTES:
        raise PhotoError(
            "photo.too_many_bytes",
            "the picture has too many bytes",
            found=f"{count} or more" if count == MAX_BYTES + 1 else count,
            expected=f"at most {MAX_BYTES}",
        )
