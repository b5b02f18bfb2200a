"""Single files out of a wheel or sdist.

They are read in memory: nothing is unpacked to disk, and nothing inside an archive chooses a path.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_UNPACKED = 256 * 2**20
"""An sdist must be unpacked from its beginning up to the member; this is as far as we go."""


class ArchiveError(Exception):
    """The archive doesn't hold what it should."""


def read_members(archive: Path, *, filename: str, sizes: Mapping[str, int]) -> dict[str, bytes]:
    """Read some members of a distribution.

    Args:
        archive: Where it lies.
        filename: Its name on the index, which says what kind of archive it is.
        sizes: The exact names of the members and how many bytes each has to have.

    Raises:
        ArchiveError: It can't be read, or a member is missing, no regular file, or of another size.
    """
    read = _read_zip if filename.endswith((".whl", ".zip")) else _read_tar
    try:
        members = read(archive, sizes)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"{filename} can't be unpacked: {error}") from error
    except (OSError, EOFError) as error:
        raise ArchiveError(f"{filename} can't be read: {error}") from error
    if missing := sizes.keys() - members.keys():
        raise ArchiveError(f"{filename} holds no file {', '.join(sorted(missing))}")
    return members


def _read_zip(path: Path, sizes: Mapping[str, int]) -> dict[str, bytes]:
    members = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename not in sizes or info.is_dir():
                continue
            _check_size(info.filename, info.file_size, sizes)
            # The other methods can't be told to stop at a size.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveError(f"{info.filename} is packed by an unexpected method")
            with archive.open(info) as stream:
                members[info.filename] = _read_exactly(stream, info.filename, sizes)
    return members


def _read_tar(path: Path, sizes: Mapping[str, int]) -> dict[str, bytes]:
    members = {}
    with _limited_tar(path) as archive:
        for info in archive:
            if info.name not in sizes or not info.isreg():
                continue
            _check_size(info.name, info.size, sizes)
            stream = archive.extractfile(info)
            assert stream is not None, "a regular file has a body"  # noqa: S101
            members[info.name] = _read_exactly(stream, info.name, sizes)
            if members.keys() == sizes.keys():
                break
    return members


def _check_size(member: str, size: int, sizes: Mapping[str, int]) -> None:
    if size != sizes[member]:
        raise ArchiveError(f"{member} has {size} bytes instead of {sizes[member]}")


def _read_exactly(stream: IO[bytes], member: str, sizes: Mapping[str, int]) -> bytes:
    content = stream.read(sizes[member] + 1)
    _check_size(member, len(content), sizes)
    return content


@contextlib.contextmanager
def _limited_tar(path: Path) -> Iterator[tarfile.TarFile]:
    with (
        gzip.open(path) as unpacked,
        tarfile.open(fileobj=_Limited(unpacked), mode="r|") as archive,
    ):
        yield archive


class _Limited(io.RawIOBase):
    """Reads on from a stream until `MAX_UNPACKED` bytes have come, then refuses."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._left = MAX_UNPACKED

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise ArchiveError(f"it unpacks to more than {MAX_UNPACKED} bytes")
        return content
