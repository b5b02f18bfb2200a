"""Where bytes may come from, and what is refused before they are looked at."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.photo.common import SAMPLES, difference

from visavis.errors import PhotoError
from visavis.photo import Photo, limits

if TYPE_CHECKING:
    from collections.abc import Callable


def test_every_kind_of_source_gives_the_same_photo(tmp_path: Path) -> None:
    data = SAMPLES["png"]
    path = tmp_path / "a picture.png"
    path.write_bytes(data)
    expected = Photo.open(data)
    with path.open("rb") as file:
        sources: list[Any] = [
            bytearray(data),
            memoryview(data),
            str(path),
            path,
            io.BytesIO(data),
            file,
            Dribbling(data),
        ]
        for source in sources:
            read = Photo.open(source)
            assert read.sha256 == expected.sha256
            assert difference(read.pixels, expected.pixels) == 0


class Dribbling(io.RawIOBase):
    """A raw file that gives a few bytes at a time, as sockets do."""

    def __init__(self, data: bytes) -> None:
        self.rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.rest.read(min(size, 1000))


@pytest.mark.skipif(sys.platform != "linux", reason="only here may a name be any bytes")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe\n.png")
    Path(name).write_bytes(SAMPLES["png"])
    assert Photo.open(name).format == "PNG"
    with pytest.raises(PhotoError) as caught:
        Photo.open(name + "x")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda folder: folder / "nothing.jpg", "photo.missing"),
        (lambda folder: "", "photo.missing"),
        (lambda folder: "a\0b", "photo.missing"),
        (lambda folder: write(folder / "file", b"x") / "below.jpg", "photo.missing"),
        (lambda folder: folder, "photo.directory"),
        (lambda folder: write(folder / "empty.jpg", b""), "photo.empty"),
        (lambda folder: "x" * 5000, "photo.unreadable"),
        (lambda folder: pipe(folder / "pipe"), "photo.unreadable"),
        (lambda folder: "/dev/zero", "photo.unreadable"),
        (lambda folder: sparse(folder / "sparse.jpg", limits.MAX_BYTES + 1), "photo.too_many_bytes"),
        (lambda folder: io.StringIO("text"), "photo.unreadable"),
        (lambda folder: closed(), "photo.unreadable"),
        (lambda folder: Endless(), "photo.too_many_bytes"),
        (lambda folder: bytes(limits.MAX_BYTES + 1), "photo.too_many_bytes"),
        (lambda folder: b"", "photo.empty"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="pipes and devices")
def test_sources_that_give_no_bytes(make: Callable[[Path], Any], code: str, tmp_path: Path) -> None:
    with pytest.raises(PhotoError) as caught:
        Photo.open(make(tmp_path))
    assert caught.value.code == code
    assert str(caught.value).isprintable()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def closed() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


class Endless(io.RawIOBase):
    """Gives bytes for ever, but remembers how many."""

    given = 0

    def read(self, size: int = -1) -> bytes:
        self.given += size
        assert self.given <= limits.MAX_BYTES + 1, "more was read than the limit"
        return bytes(size)


def test_a_source_of_another_kind_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="not from int"):
        Photo.open(5)  # type: ignore[arg-type]
