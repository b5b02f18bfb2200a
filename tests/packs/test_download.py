from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import httpx2
import pytest

from visavis.errors import PackError
from visavis.packs import download as module
from visavis.packs.download import Client, SourceFailed, Wanted, download
from visavis.packs.pip_settings import Location, PipSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.packs.conftest import Server

CONTENT = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(10_000))
SIZE = len(CONTENT)
WANTED = Wanted("net.onnx", hashlib.sha256(CONTENT).hexdigest(), SIZE)
PATH = "/net.onnx"


@pytest.fixture
def client(home: Path) -> Iterator[Client]:
    with Client(PipSettings(()), offline=False) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "partial"
    made.mkdir()
    return made


def fetch(client: Client, url: str, folder: Path) -> bytes:
    path = download(client, url, WANTED, folder, lambda *_: None)
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.mark.parametrize(
    ("faults", "ranges", "requests"),
    [
        ([], True, 1),
        (["500"], True, 2),
        (["503", "429", "502"], True, 4),
        (["cut"], True, 2),
        (["cut", "cut", "cut"], True, 4),
        (["cut"], False, 2),
        (["cut", "500", "cut"], True, 4),
        (["stall"], True, 2),
        (["cut", "416"], True, 3),
        (["redirect /moved"], True, 1),
    ],
)
def test_a_download_survives(
    faults: list[str], ranges: bool, requests: int, server: Server, client: Client, folder: Path
) -> None:
    client.timeout = httpx2.Timeout(0.3)
    server.ranges = ranges
    server.add(PATH, CONTENT)
    server.add("/moved", CONTENT)
    server.faults[PATH] = list(faults)
    assert fetch(client, server.url + PATH, folder) == CONTENT
    assert len(server.asked(PATH)) == requests
    assert not server.faults[PATH]


def test_what_has_come_does_not_come_again(server: Server, client: Client, folder: Path) -> None:
    url = server.add(PATH, CONTENT)
    server.faults[PATH] = ["cut", "cut"]
    seen: list[tuple[str, int, int | None]] = []
    download(client, url, WANTED, folder, lambda *step: seen.append(step))
    assert server.asked(PATH) == [None, f"bytes={SIZE // 2}-", f"bytes={SIZE * 3 // 4}-"]
    amounts = [done for _, done, _ in seen]
    assert amounts == sorted(amounts)
    assert seen[-1] == ("net.onnx", SIZE, SIZE)


def test_a_part_of_an_earlier_run_is_continued(server: Server, client: Client, folder: Path) -> None:
    (folder / f"{WANTED.sha256}.part").write_bytes(CONTENT[:1000])
    assert fetch(client, server.add(PATH, CONTENT), folder) == CONTENT
    assert server.asked(PATH) == ["bytes=1000-"]


@pytest.mark.parametrize("rest", [bytes(1000), bytes(SIZE), bytes(SIZE + 5)], ids=["half", "whole", "longer"])
def test_a_bad_part_of_an_earlier_run_is_thrown_away(
    rest: bytes, server: Server, client: Client, folder: Path
) -> None:
    (folder / f"{WANTED.sha256}.part").write_bytes(rest)
    assert fetch(client, server.add(PATH, CONTENT), folder) == CONTENT
    assert server.asked(PATH)[-1] is None, "the last request asks for all of it"


@pytest.mark.parametrize(
    ("faults", "says", "requests"),
    [
        (["404"], "404 Not Found", 1),
        (["403"], "403 Forbidden", 1),
        (["401"], "401 Unauthorized", 1),
        (["500"] * 4, "500 Internal Server Error", 4),
        (["other"], "the content is another one: sha256 [0-9a-f]{64} instead of", 1),
        (["longer"], "the content is another one", 1),
        (["cut"] * 4, f"cut off after {SIZE * 15 // 16} of {SIZE} bytes: ", 4),
        (["redirect /net.onnx"] * 99, "redirects without end", None),
        (["redirect file:///etc/passwd"], "redirects from http to file", 1),
        (["redirect ftp://127.0.0.1/"], "redirects from http to ftp", 1),
    ],
)
def test_a_failure_is_told(
    faults: list[str], says: str, requests: int | None, server: Server, client: Client, folder: Path
) -> None:
    server.add(PATH, CONTENT)
    server.faults[PATH] = list(faults)
    with pytest.raises(SourceFailed, match=says) as caught:
        fetch(client, server.url + PATH, folder)
    assert "\n" not in str(caught.value)
    assert requests is None or len(server.asked(PATH)) == requests


@pytest.mark.parametrize("fault", ["other", "longer"])
def test_wrong_content_is_not_kept(fault: str, server: Server, client: Client, folder: Path) -> None:
    server.add(PATH, CONTENT)
    server.faults[PATH] = [fault]
    with pytest.raises(SourceFailed):
        fetch(client, server.url + PATH, folder)
    assert list(folder.iterdir()) == []


def test_a_page_to_log_in_is_refused_by_its_length(server: Server, client: Client, folder: Path) -> None:
    (folder / f"{WANTED.sha256}.part").write_bytes(CONTENT[:1000])
    server.ranges = False
    url = server.add(PATH, b"<html>Please log in</html>", "text/html")
    with pytest.raises(SourceFailed, match=f"offers 26 bytes instead of {SIZE}"):
        fetch(client, url, folder)
    assert (folder / f"{WANTED.sha256}.part").read_bytes() == CONTENT[:1000], "a good half isn't lost to it"


def test_a_redirect_from_https_to_http_is_refused(
    server: Server, client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.add(PATH, CONTENT)
    answer = httpx2.MockTransport(lambda request: httpx2.Response(302, headers={"Location": url}))
    monkeypatch.setattr(client, "_transport", answer)
    with pytest.raises(SourceFailed, match="redirects from https to http"):
        fetch(client, "https://weights.example/net.onnx", folder)
    assert server.log == []


def test_a_host_that_can_not_be_reached_is_tried_for_one_file_only(
    server: Server, client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    server.server_close()
    for name in ("/one", "/two", "/three"):
        with pytest.raises(SourceFailed, match="refused"):
            fetch(client, server.url + name, folder)
    assert len(pauses) == 1 + len(module.BACK_OFF_S) + 2


@pytest.mark.parametrize("url", ["git+https://a.example/b", "nonsense", "ftp://127.0.0.1/x", "http://"])
def test_an_address_that_can_not_be_asked(url: str, client: Client, folder: Path) -> None:
    with pytest.raises(SourceFailed):
        fetch(client, url, folder)


def test_a_local_address_needs_no_connection(home: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(CONTENT)
    with Client(PipSettings(()), offline=True) as client:
        assert fetch(client, (tmp_path / "net.onnx").as_uri(), folder) == CONTENT
        with pytest.raises(SourceFailed, match="404"):
            fetch(client, (tmp_path / "missing").as_uri(), folder)


def test_offline_asks_nobody(home: Path, server: Server, folder: Path) -> None:
    with Client(PipSettings(()), offline=True) as client, pytest.raises(SourceFailed, match="offline"):
        fetch(client, server.add(PATH, CONTENT), folder)
    assert server.log == []


def test_pips_proxy_is_used(home: Path, server: Server, folder: Path) -> None:
    server.add("http://weights.example/net.onnx", CONTENT)  # a proxy is asked for the whole address
    with Client(PipSettings((), proxy=server.url), offline=False) as client:
        assert fetch(client, "http://weights.example/net.onnx", folder) == CONTENT


def test_a_trusted_host_is_reached_through_the_proxy(home: Path, server: Server, folder: Path) -> None:
    server.add("http://weights.example/net.onnx", CONTENT)
    settings = PipSettings((), proxy=server.url, trusted_hosts=("weights.example",))
    with Client(settings, offline=False) as client:
        assert fetch(client, "http://weights.example/net.onnx", folder) == CONTENT


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_certificate_file_that_can_not_be_used_is_named(
    content: bytes | None, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "corporate.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceFailed, match=r"corporate\.pem"):
        Client(PipSettings((), certificate=str(path)), offline=False)


def test_credentials_of_an_index_go_to_that_index_only(home: Path, server: Server, folder: Path) -> None:
    server.add(PATH, CONTENT)
    host = server.url.removeprefix("http://")
    seen: list[str | None] = []
    settings = PipSettings((Location(f"http://me:secret@{host}/simple", is_index=True),))
    with Client(settings, offline=False) as client:
        client.event_hooks["request"].append(
            lambda request: seen.append(request.headers.get("Authorization"))
        )
        fetch(client, server.url + PATH, folder)
        with pytest.raises(SourceFailed) as caught:
            fetch(client, f"http://localhost:{server.server_port + 1}/x", folder)
    assert seen[0] is not None
    assert seen[-1] is None
    assert "secret" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_folder_that_can_not_be_written_is_an_error_of_the_home(
    server: Server, client: Client, tmp_path: Path
) -> None:
    with pytest.raises(PackError) as caught:
        fetch(client, server.add(PATH, CONTENT), tmp_path / "missing")
    assert caught.value.code == "pack.home"
