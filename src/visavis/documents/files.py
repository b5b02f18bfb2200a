"""Where files of a chip and of certificates come from: a path, a folder, a zip; never more than the limits.

A zip is read in memory: nothing is unpacked to disk, and no name in it is ever used as a path.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from visavis.errors import DocumentError
from visavis.photo.refusals import one_line

MAX_FILE = 4 * 2**20
"""Bytes of one file: the largest portraits of chips have 60 kB, and no chip holds a megabyte."""

MAX_ZIP = 8 * 2**20
"""Bytes of a zip."""

MAX_UNPACKED = 16 * 2**20
"""Bytes of all files together."""

MAX_FILES = 256
"""Files in a folder or zip: a chip has at most 18, apps add pictures and a report."""

MAX_RATIO = 200
"""Bytes that one packed byte may become. A chip's files hardly shrink."""

MAX_RATIO_FROM = 65_536
"""Bytes from which on the ratio counts: a short file of zeros harms nobody."""

# As apps call the files: EF_DG1.bin, EF.DG1, dg01.dat, Datagroup1 ... or by their identifiers on the chip,
# 0101 to 0110 for the groups, 011D and 011E (Doc 9303-10, 3.11).
GROUP_NAME = re.compile(
    r"(?:^|[^a-z0-9])(?:ef)?[^a-z0-9]?(?:dg|data ?group)[^a-z0-9]?0?([1-9]|1[0-6])(?![0-9])"
)
OBJECT_NAME = re.compile(r"(?:^|[^a-z0-9])(?:ef)?[^a-z0-9]?(com|sod)(?![a-z0-9])")
IDENTIFIER = re.compile(r"(?:0x|ef)?[^a-z0-9]?(01(?:0[1-9a-f]|10|1d|1e))")

NOT_OF_A_CHIP = (
    ".jpg",
    ".jpeg",
    ".jp2",
    ".j2k",
    ".png",
    ".bmp",
    ".txt",
    ".json",
    ".xml",
    ".html",
    ".pdf",
    ".csv",
)
"""What apps make of a file, such as ``DG2.jpg``: these aren't opened."""


def named(name: str) -> str | None:
    """Which file of a chip a name means: ``"DG1"``, ``"SOD"``, ``"COM"``, or None."""
    last = name.rpartition("/")[2].lower()
    if found := GROUP_NAME.search(last):
        return f"DG{int(found[1])}"
    if found := OBJECT_NAME.search(last):
        return found[1].upper()
    if found := IDENTIFIER.fullmatch(last.partition(".")[0]):
        number = int(found[1], 16) & 0xFF
        return {0x1D: "SOD", 0x1E: "COM"}.get(number, f"DG{number}")
    return None


def read_file(path: Path, limit: int, about: str) -> bytes:
    """All bytes of a regular file, never more than a limit.

    Args:
        path: Where it lies.
        limit: Bytes that it may have.
        about: What its error codes begin with, ``"chip"`` or ``"certificates"``.

    Raises:
        DocumentError: It is missing, can't be read, isn't a regular file, or is too large.
    """
    name = ascii(os.fspath(path))
    try:
        # Opened first and looked at afterwards; without O_NONBLOCK a pipe would keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise DocumentError(f"{about}.missing", f"there is no file or folder {name}") from None
    except OSError as error:
        raise DocumentError(f"{about}.unreadable", f"{name} can't be read", found=error.strerror) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError(f"{about}.unreadable", f"{name} isn't a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise DocumentError(f"{about}.unreadable", f"{name} can't be read", found=error.strerror) from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise DocumentError(f"{about}.too_large", f"{name} is too large", expected=f"at most {limit} bytes")
    return data


def list_folder(folder: Path, most: int, about: str) -> list[Path]:
    """The files of a folder in the order of their names, none of its folders and no hidden ones.

    Raises:
        DocumentError: It can't be read, or holds more than `most` files.
    """
    found: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.is_file():
                    continue
                found.append(Path(entry.path))
                if len(found) > most:
                    message = f"the folder {os.fspath(folder)!a} holds too many files"
                    raise DocumentError(f"{about}.too_large", message, expected=f"at most {most}")
    except OSError as error:
        message = f"the folder {os.fspath(folder)!a} can't be read"
        raise DocumentError(f"{about}.unreadable", message, found=error.strerror) from None
    return sorted(found)


def chip_folder(folder: Path) -> dict[str, bytes]:
    """All files of a folder that may be a chip's, by name."""
    files = {}
    for path in list_folder(folder, MAX_FILES, "chip"):
        if path.name.lower().endswith(NOT_OF_A_CHIP):
            continue
        files[path.name] = read_file(path, MAX_FILE, "chip")
        _check_total(sum(map(len, files.values())))
    return files


def chip_zip(data: bytes) -> dict[str, bytes]:
    """All files of a zip that may be a chip's, by name, each unpacked no further than the limits."""
    if len(data) > MAX_ZIP:
        raise _zip_error("chip.too_large", "is too large", f"{len(data)} bytes", f"at most {MAX_ZIP}")
    if not data.startswith(b"PK\3\4"):
        raise DocumentError(
            "chip.unreadable", "this isn't a chip's folder or zip", expected="a folder or a zip"
        )
    # Each entry of the directory begins so: they are counted before anybody builds a list of them.
    if data.count(b"PK\1\2") > MAX_FILES:
        raise _zip_error("chip.too_large", "holds too many files", None, f"at most {MAX_FILES}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _unpacked(archive)
    # RuntimeError: encrypted, NotImplementedError: another method of compression; zipfile has them from a
    # directory that may say anything.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise _zip_error("chip.damaged", "can't be unpacked", one_line(error)) from None


def _unpacked(archive: zipfile.ZipFile) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for info in archive.infolist():
        name = _safe_name(info.filename)
        hidden = any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
        if hidden or info.is_dir() or name.lower().endswith(NOT_OF_A_CHIP):
            continue
        if info.flag_bits & 1:
            raise _zip_error("chip.unsupported", "is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _zip_error("chip.unsupported", "is packed by an unusual method", info.compress_type)
        if info.file_size > max(MAX_RATIO_FROM, MAX_RATIO * info.compress_size):
            raise _zip_error("chip.too_large", "unpacks to far more than it holds")
        _check_total(total + info.file_size)
        with archive.open(info) as stream:
            content = stream.read(min(info.file_size, MAX_FILE) + 1)
        if len(content) > MAX_FILE:
            raise _zip_error(
                "chip.too_large", "holds a file that is too large", None, f"at most {MAX_FILE} bytes"
            )
        if content.startswith(b"PK\3\4"):
            raise _zip_error("chip.unsupported", "holds another zip")
        if name in files:
            raise _zip_error("chip.damaged", "holds two files of one name", ascii(name[-60:]))
        files[name] = content
        total += len(content)
    return files


def _safe_name(name: str) -> str:
    """A name in a zip, refused where it leads out of its folder."""
    if (
        not name
        or name.startswith("/")
        or "\\" in name
        or ":" in name
        or ".." in name.split("/")
        or "\0" in name
    ):
        raise _zip_error("chip.damaged", "holds a name that leads out of its folder", ascii(name[:60]))
    return name


def _zip_error(code: str, what: str, found: object = None, expected: object = None) -> DocumentError:
    return DocumentError(code, f"the zip of a chip's files {what}", found=found, expected=expected)


def _check_total(count: int) -> None:
    if count > MAX_UNPACKED:
        raise DocumentError(
            "chip.too_large", "the files are too large together", expected=f"at most {MAX_UNPACKED} bytes"
        )
