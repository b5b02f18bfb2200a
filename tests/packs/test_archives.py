from __future__ import annotations

import gzip
import io
import tarfile
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest

from visavis.packs import archives
from visavis.packs.archives import ArchiveError, read_members

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = b"weights" * 1000
MEMBER = "pack/net.onnx"
SIZES = {MEMBER: len(CONTENT)}


def in_zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", method) as archive:
        warnings.simplefilter("ignore")  # zipfile warns of a name that comes twice
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def in_tar(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
            else:
                info.linkname = "/etc/passwd"
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def lying_zip(size: int) -> bytes:
    """A zip whose directory says that the member has the right size, while it unpacks to another one."""
    packed = bytearray(in_zip((MEMBER, bytes(size))))
    for place in (packed.index(b"PK\x03\x04") + 22, packed.index(b"PK\x01\x02") + 24):
        packed[place : place + 4] = len(CONTENT).to_bytes(4, "little")
    return bytes(packed)


@pytest.mark.parametrize(
    ("filename", "archive"),
    [("a-1.whl", in_zip), ("a-1.zip", in_zip), ("a-1.tar.gz", in_tar)],
    ids=["wheel", "zip", "sdist"],
)
def test_a_member_is_read_out(
    filename: str, archive: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "download.part"
    path.write_bytes(archive(("pack/setup.py", b"x"), (MEMBER, CONTENT), ("pack/late.py", b"y")))
    monkeypatch.chdir(tmp_path)
    assert read_members(path, filename=filename, sizes=SIZES) == {MEMBER: CONTENT}
    assert list(tmp_path.iterdir()) == [path], "nothing is unpacked to disk"


@pytest.mark.parametrize(
    ("filename", "content", "says"),
    [
        ("a.whl", b"", "can't be unpacked"),
        ("a.whl", b"<html>log in</html>", "can't be unpacked"),
        ("a.whl", in_zip((MEMBER, CONTENT))[:-40], "can't be unpacked"),
        ("a.whl", in_zip(("other", CONTENT)), "holds no file pack/net.onnx"),
        ("a.whl", in_zip(("pack/net.onnx/", b"")), "holds no file"),
        ("a.whl", in_zip(("../" + MEMBER, CONTENT)), "holds no file"),
        ("a.whl", in_zip(("/" + MEMBER, CONTENT)), "holds no file"),
        ("a.whl", in_zip((MEMBER, CONTENT + b"!")), "has 7001 bytes instead of 7000"),
        ("a.whl", in_zip((MEMBER, bytes(10**7))), "has 10000000 bytes instead of 7000"),
        ("a.whl", lying_zip(10**7), "can't be unpacked"),
        ("a.whl", in_zip((MEMBER, CONTENT), (MEMBER, b"twice")), "has 5 bytes instead of 7000"),
        ("a.whl", in_zip((MEMBER, CONTENT), method=zipfile.ZIP_BZIP2), "unexpected method"),
        ("a.tar.gz", b"", "can't be unpacked"),
        ("a.tar.gz", b"<html>log in</html>", "can't be read"),
        ("a.tar.gz", in_tar((MEMBER, CONTENT))[:60], "can't be read"),
        ("a.tar.gz", gzip.compress(b"no tar" * 1000), "can't be unpacked"),
        ("a.tar.gz", in_tar(("other", CONTENT)), "holds no file pack/net.onnx"),
        ("a.tar.gz", in_tar(("./" + MEMBER, CONTENT)), "holds no file"),
        ("a.tar.gz", in_tar((MEMBER, b""), kind=tarfile.SYMTYPE), "holds no file"),
        ("a.tar.gz", in_tar((MEMBER, b""), kind=tarfile.LNKTYPE), "holds no file"),
        ("a.tar.gz", in_tar((MEMBER, b""), kind=tarfile.FIFOTYPE), "holds no file"),
        ("a.tar.gz", in_tar((MEMBER, CONTENT + b"!")), "has 7001 bytes instead of 7000"),
    ],
)
def test_a_hostile_archive_is_refused(filename: str, content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "download.part"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=says):
        read_members(path, filename=filename, sizes=SIZES)
    assert list(tmp_path.iterdir()) == [path]


def test_a_bomb_before_the_member_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 10**6)
    path = tmp_path / "download.part"
    path.write_bytes(in_tar(("padding", bytes(2 * 10**6)), (MEMBER, CONTENT)))
    with pytest.raises(ArchiveError, match="unpacks to more than 1000000 bytes"):
        read_members(path, filename="a.tar.gz", sizes=SIZES)
    path.write_bytes(in_tar(("padding", bytes(9 * 10**5)), (MEMBER, CONTENT)))
    assert read_members(path, filename="a.tar.gz", sizes=SIZES) == {MEMBER: CONTENT}
