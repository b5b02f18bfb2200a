"""Where a table and its pictures lie: paths, ``file://``, and whatever fsspec opens; and their bytes.

A picture is held in memory and written nowhere. Where a storage has no such picture, that is said of the row;
where it doesn't answer, the batch stops, so that an outage doesn't pass for a thousand pictures that are
missing.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from visavis.errors import BatchError, PhotoError
from visavis.photo.limits import MAX_BYTES
from visavis.photo.source import read_bytes

if TYPE_CHECKING:
    from typing import BinaryIO

TRIES, PAUSE_S = 3, 1.0
"""How often a storage that doesn't answer is asked, and how long before it is asked again."""
KEPT_ON_DISK = {"blockcache", "cached", "filecache", "simplecache"}
"""Schemes of fsspec that leave copies of pictures on this machine's disk."""
LOCAL = {"local", "file"}
HTTP = ("http://", "https://")
LETS_IN = re.compile(r"(?<=://)[^/\s]*@|\?[^\s'\"]*")
"""What of an address may be a secret: user and password, and the query, which may be a signature."""
WAITS = (408, 429)
"""Statuses of HTTP that blame the request, and yet another time it may be answered."""


def is_remote(location: str) -> bool:
    """Whether a location isn't a path on this machine."""
    return "://" in location


def table_location(where: str) -> str:
    """The location of a table that the command line names: an absolute path, or an address.

    Raises:
        BatchError: `batch.missing`: the address can't be used.
    """
    try:
        return located(where, os.getcwd())  # noqa: PTH109  # a name may be no Path
    except ValueError as error:
        raise BatchError("batch.missing", f"the table can't be found: {error}") from None


def folder_of(location: str) -> str:
    """The folder that a location lies in."""
    if is_remote(location):
        scheme, _, rest = location.partition("://")
        return f"{scheme}://{rest.rpartition('/')[0]}"
    return os.path.dirname(location)  # noqa: PTH120


def name_of(location: str) -> str:
    """The last part of a location, for messages and evidence."""
    if not is_remote(location):
        return os.path.basename(location)  # noqa: PTH119
    path = location.partition("?")[0] if location.startswith(HTTP) else location
    return path.rstrip("/").rpartition("/")[2]


def located(text: str, base: str) -> str:
    """What a cell means: an absolute path, or an address.

    Args:
        text: A path, relative to `base` or absolute; ``file://``; or an address of another scheme.
        base: The folder of the table.

    Raises:
        ValueError: It can't be used; the message says why.
    """
    if "::" in text:
        raise ValueError("addresses within addresses aren't opened")
    if is_remote(text):
        scheme = text.partition("://")[0].lower()
        if scheme in KEPT_ON_DISK:
            raise ValueError(f"{scheme}:// would leave copies of pictures on the disk")
        if scheme not in LOCAL:
            return f"{scheme}://{text.partition('://')[2]}"
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost"):
            raise ValueError("a file on another machine has another scheme than file://")
        text = url2pathname(unquote(parts.path))
        if not os.path.isabs(text):  # noqa: PTH117
            raise ValueError("file:// needs an absolute path")
    if is_remote(base):
        # Whoever wrote that table isn't necessarily who may read this machine's files.
        if os.path.isabs(text):  # noqa: PTH117
            raise ValueError("a table that lies elsewhere can't name files of this machine")
        return f"{base}/{text}"
    return os.path.abspath(os.path.join(base, text))  # noqa: PTH100, PTH118  # a name may be no Path


def open_table(location: str) -> BinaryIO:
    """Open a table's bytes to read.

    Raises:
        BatchError: `batch.missing`, `batch.unreadable`, `batch.unreachable` or `batch.not_installed`.
    """
    name = name_of(location)
    try:
        if not is_remote(location):
            return open(location, "rb")  # noqa: PTH123
        return _opened(location)
    except BatchError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise BatchError("batch.missing", f"there is no table {name!r}") from None
    except (ValueError, PermissionError, IsADirectoryError) as error:  # ValueError: a NUL in the name
        raise BatchError("batch.unreadable", f"the table {name!r} can't be read", found=error) from None
    except Exception as error:  # noqa: BLE001  # each file system has errors of its own
        raise BatchError(
            "batch.unreachable", f"the table {name!r} can't be reached", found=_line(error)
        ) from None


def filesystem(location: str) -> Any:
    """The fsspec file system of an address.

    Raises:
        ValueError: There is no such scheme, or it needs more than an address.
        BatchError: `batch.not_installed`: fsspec or what it needs for the scheme isn't there.
    """
    scheme = location.partition("://")[0]
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(location)[0]  # of the server that the address names
    except (AttributeError, TypeError):
        raise ValueError(f"{scheme}:// needs more than an address") from None
    except ImportError as error:
        raise BatchError(
            "batch.not_installed",
            f"{scheme}:// can't be opened, for something isn't installed; try: pip install 'visavis[batch]'",
            found=" ".join(str(error).split()),
        ) from None


def read(location: str) -> bytes:
    """The bytes of a picture, within the limit that a picture has.

    Raises:
        PhotoError: There are none, too many, or it isn't there.
        BatchError: `batch.unreachable`: its storage doesn't answer; `batch.not_installed`.
    """
    return _fetch(location) if is_remote(location) else read_bytes(location)


def _fetch(location: str) -> bytes:
    name = ascii(location)
    for attempt in range(1, TRIES + 1):
        try:
            with _opened(location) as file:
                return read_bytes(file.read(MAX_BYTES + 1))
        except FileNotFoundError:
            raise PhotoError("photo.missing", f"there is no file {name}") from None
        except IsADirectoryError:
            raise PhotoError("photo.directory", f"{name} is a directory, not a picture") from None
        except (PermissionError, ValueError) as error:
            raise PhotoError("photo.unreadable", f"{name} can't be read", found=_line(error)) from None
        except (PhotoError, BatchError):
            raise
        # Each file system has errors of its own for a server that doesn't answer.
        except Exception as error:
            if attempt == TRIES:
                raise BatchError(
                    "batch.unreachable",
                    f"the storage of {LETS_IN.sub('', location)!a} doesn't answer",
                    found=_line(error),
                ) from error
            time.sleep(PAUSE_S * attempt)
    raise AssertionError  # the last attempt has returned or raised


def _opened(location: str) -> BinaryIO:
    """An open remote file; of HTTP a server that doesn't answer isn't taken for a file that is missing."""
    try:
        return filesystem(location).open(location, "rb")  # type: ignore[no-any-return]
    except FileNotFoundError as error:
        cause = error.__cause__
        status = getattr(cause, "status", 0)
        if location.startswith(HTTP) and cause is not None and (not 400 <= status < 500 or status in WAITS):
            raise cause from None
        raise


def _line(error: Exception) -> str:
    return " ".join(LETS_IN.sub("", f"{type(error).__name__}: {error}").split())[:300]


def stamp(location: str) -> tuple[int, int] | None:
    """Size and time of change of a file, by which it is known again; None where that can't be told."""
    if is_remote(location):
        return None
    try:
        status = os.stat(location)  # noqa: PTH116  # ValueError: a NUL in the name
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def size(location: str) -> int | None:
    """How many bytes a picture has, without reading them; None where that can't be told."""
    if not is_remote(location):
        known = stamp(location)
        return None if known is None else known[0]
    try:
        return int(filesystem(location).info(location)["size"])
    except BatchError:
        raise
    except Exception:  # noqa: BLE001  # whatever it is, the row will say it when its turn comes
        return None


def digest(location: str) -> str | None:
    """SHA-256 of a picture's bytes, in hex; None where they can't be had.

    Raises:
        BatchError: As `read`.
    """
    try:
        return hashlib.sha256(read(location)).hexdigest()
    except PhotoError:
        return None
