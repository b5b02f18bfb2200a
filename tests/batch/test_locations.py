from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from visavis.batch import locations
from visavis.errors import BatchError, PhotoError

BASE = str(Path("/srv/tables"))


@pytest.mark.parametrize(
    ("text", "base", "found"),
    [
        ("a.jpg", BASE, "/srv/tables/a.jpg"),
        ("sub/../a.jpg", BASE, "/srv/tables/a.jpg"),
        ("/data/a.jpg", BASE, "/data/a.jpg"),
        ("file:///data/a%20b.jpg", BASE, "/data/a b.jpg"),
        ("file://localhost/data/a.jpg", BASE, "/data/a.jpg"),
        ("FILE:///data/a.jpg", BASE, "/data/a.jpg"),
        ("s3://bucket/a.jpg", BASE, "s3://bucket/a.jpg"),
        ("S3://bucket/A.jpg", BASE, "s3://bucket/A.jpg"),
        ("a.jpg", "s3://bucket/tables", "s3://bucket/tables/a.jpg"),
        ("s3://other/a.jpg", "s3://bucket/tables", "s3://other/a.jpg"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_a_cell_means_a_place(text: str, base: str, found: str) -> None:
    assert locations.located(text, base) == found


@pytest.mark.parametrize(
    ("text", "base", "told"),
    [
        ("simplecache::s3://bucket/a.jpg", BASE, "addresses within addresses"),
        ("zip://a.jpg::s3://bucket/b.zip", BASE, "addresses within addresses"),
        ("filecache://bucket/a.jpg", BASE, "copies of pictures on the disk"),
        ("file://elsewhere/a.jpg", BASE, "on another machine"),
        ("/etc/passwd", "s3://bucket/tables", "can't name files of this machine"),
        ("file:///etc/passwd", "s3://bucket/tables", "can't name files of this machine"),
        ("local:///etc/passwd", "s3://bucket/tables", "can't name files of this machine"),
    ],
)
def test_what_is_no_place_says_why(text: str, base: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        locations.located(text, base)


def test_folder_and_name() -> None:
    assert locations.folder_of("s3://bucket/a/b.csv") == "s3://bucket/a"
    assert locations.folder_of("s3://bucket/b.csv") == "s3://bucket"
    assert locations.name_of("s3://bucket/a/b.csv") == "b.csv"
    assert locations.name_of("s3://bucket/a/b?.csv") == "b?.csv"
    assert locations.name_of("https://server/a/b.csv?signature=abc/def") == "b.csv"


def test_a_file_is_known_by_its_stamp(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    assert locations.stamp(str(file)) is None
    assert locations.stamp("a\0b") is None
    file.write_bytes(b"123")
    before = locations.stamp(str(file))
    assert before is not None
    assert before[0] == locations.size(str(file)) == 3
    file.write_bytes(b"1234")
    assert locations.stamp(str(file)) != before


def test_digests_are_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    # FIPS 180-4's example of SHA-256.
    wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert locations.digest(str(tmp_path / "a")) == wanted
    assert locations.digest(str(tmp_path / "gone")) is None


# A storage that lies elsewhere, made of what it answers


class Elsewhere:
    def __init__(self, *answers: Exception | bytes) -> None:
        self.answers = list(answers)

    def open(self, _location: str, _mode: str) -> Any:
        import io

        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)


def read(monkeypatch: pytest.MonkeyPatch, *answers: Exception | bytes) -> bytes:
    monkeypatch.setattr(locations, "PAUSE_S", 0.0)
    elsewhere = Elsewhere(*answers)
    monkeypatch.setattr(locations, "filesystem", lambda location: elsewhere)
    try:
        return locations.read("s3://bucket/a.jpg")
    finally:
        assert not elsewhere.answers


def test_a_storage_is_asked_again_where_it_doesnt_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, TimeoutError(), OSError("reset"), b"picture") == b"picture"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (FileNotFoundError(), "photo.missing"),
        (IsADirectoryError(), "photo.directory"),
        (PermissionError("403"), "photo.unreadable"),
        (ValueError("no such bucket name"), "photo.unreadable"),
        (b"", "photo.empty"),
    ],
)
def test_a_definite_answer_is_the_row_s(
    monkeypatch: pytest.MonkeyPatch, answer: Exception | bytes, code: str
) -> None:
    with pytest.raises(PhotoError) as caught:
        read(monkeypatch, answer)
    assert caught.value.code == code


def test_an_outage_is_no_row_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a storage that is away for an hour would make a thousand pictures missing."""
    with pytest.raises(BatchError) as caught:
        read(monkeypatch, *[TimeoutError("no answer")] * locations.TRIES)
    assert caught.value.code == "batch.unreachable"
    assert "no answer" in str(caught.value)


def test_an_address_says_which_server() -> None:
    import fsspec

    class Served(fsspec.AbstractFileSystem):  # type: ignore[misc]
        def __init__(self, host: str, **more: Any) -> None:
            super().__init__(**more)
            self.host = host

        @staticmethod
        def _get_kwargs_from_urls(path: str) -> dict[str, str]:
            rest = path.partition("://")[2]
            return {"host": rest.partition("/")[0]} if rest.startswith("server") else {}

    fsspec.register_implementation("served", Served, clobber=True)
    assert locations.filesystem("served://server-2/a.jpg").host == "server-2"
    with pytest.raises(ValueError, match="served:// needs more than an address"):
        locations.filesystem("served:///a.jpg")


def test_a_table_whose_storage_doesnt_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class NobodyThereError(Exception):
        """A file system's own, as botocore's are."""

    monkeypatch.setattr(locations, "filesystem", lambda location: Elsewhere(NobodyThereError("no route")))
    with pytest.raises(BatchError) as caught:
        locations.open_table("s3://bucket/pairs.csv")
    assert caught.value.code == "batch.unreachable"
    assert "no route" in str(caught.value)


class StatusError(Exception):
    """As that of aiohttp, which names the address."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status}, url='https://me:secret@server/a.jpg?signature=secret'")
        self.status = status


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (StatusError(403), "photo.missing"),
        (StatusError(404), "photo.missing"),
        (StatusError(429), "batch.unreachable"),
        (StatusError(503), "batch.unreachable"),
        (ConnectionRefusedError("no route"), "batch.unreachable"),
        (None, "photo.missing"),
    ],
)
def test_http_says_of_a_server_that_is_away_that_the_file_is(
    monkeypatch: pytest.MonkeyPatch, cause: Exception | None, code: str
) -> None:
    """The cause tells them apart; and no message of a batch that stops tells what lets one in."""
    error = FileNotFoundError()
    error.__cause__ = cause
    monkeypatch.setattr(locations, "PAUSE_S", 0.0)
    monkeypatch.setattr(locations, "filesystem", lambda location: Elsewhere(error))
    with pytest.raises((PhotoError, BatchError)) as caught:
        locations.read("https://me:secret@server/a.jpg?signature=secret")
    assert caught.value.code == code
    if code == "batch.unreachable":
        assert "'https://server/a.jpg'" in str(caught.value)
        assert "secret" not in str(caught.value)


def test_what_isnt_installed_is_said() -> None:
    with pytest.raises(BatchError) as caught:
        locations.filesystem("gcs://bucket/a.jpg")
    assert caught.value.code == "batch.not_installed"
    with pytest.raises(ValueError, match="nonsense"):
        locations.filesystem("nonsense://bucket/a.jpg")
