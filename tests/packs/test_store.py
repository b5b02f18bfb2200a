from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import filelock
import pytest

from visavis.errors import PackError
from visavis.packs import store as module
from visavis.packs.store import Entry, Manifest, Store, home

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def install(store: Store, pack: str, **contents: bytes) -> Manifest:
    """Store a pack whose files aren't converted."""
    entries = {}
    for role, content in contents.items():
        sha256 = store.put(content)
        entries[role] = Entry(source=sha256, recipe=None, model=sha256, size=len(content))
    manifest = Manifest(pack=pack, recipe_version=1, files=entries)
    store.write_manifest(manifest)
    return manifest


def blobs(store: Store) -> set[bytes]:
    return {path.read_bytes() for path in (store.root / "blobs").iterdir()}


# Blobs


def test_what_is_put_can_be_read(store: Store) -> None:
    sha256 = store.put(b"weights")
    # By coreutils: printf weights | sha256sum
    assert sha256 == "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"
    assert store.read(sha256, pack="toy") == store.find(sha256) == b"weights"
    assert store.put(b"weights") == sha256
    assert list(store.partial.iterdir()) == []


@pytest.mark.parametrize("harm", ["altered", "shortened", "gone", "a folder"])
def test_a_damaged_blob_is_refused_with_the_command_that_repairs_it(harm: str, store: Store) -> None:
    sha256 = store.put(b"weights")
    path = store.blob(sha256)
    path.unlink()
    if harm == "a folder":
        path.mkdir()
    elif harm != "gone":
        path.write_bytes({"altered": b"Weights", "shortened": b"weight"}[harm])
    with pytest.raises(PackError, match="visavis packs install toy") as caught:
        store.read(sha256, pack="toy")
    assert caught.value.code == "pack.damaged"
    assert store.find(sha256) is None


def test_a_damaged_blob_is_replaced(store: Store) -> None:
    sha256 = store.put(b"weights")
    store.blob(sha256).write_bytes(b"altered")
    store.put(b"weights")
    assert store.read(sha256, pack="toy") == b"weights"


def test_a_write_that_fails_leaves_no_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PackError, match="No space left") as caught:
        store.put(b"weights")
    assert caught.value.code == "pack.home"
    assert list((store.root / "blobs").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_blobs_can_be_read_by_other_users(store: Store) -> None:
    assert store.blob(store.put(b"weights")).stat().st_mode & 0o777 == 0o644


# Manifests


def test_a_manifest_comes_back(store: Store) -> None:
    manifest = install(store, "toy", detector=b"d", recogniser=b"r")
    assert store.manifest("toy") == manifest
    assert list(store.manifests()) == [manifest]
    assert store.manifest("twin") is None


SOUND: dict[str, Any] = {
    "pack": "toy",
    "recipe_version": 1,
    "files": {"detector": {"source": "0" * 64, "recipe": None, "model": "1" * 64, "size": 1}},
}


def changed(**fields: Any) -> bytes:
    return json.dumps({**SOUND, **fields}).encode()


def with_entry(**fields: Any) -> bytes:
    return changed(files={"detector": {**SOUND["files"]["detector"], **fields}})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (changed(), None),
        (b"", "pack.damaged"),
        (b"\x00\xff", "pack.damaged"),
        (b'{"pack": "toy"', "pack.damaged"),
        (b"[]", "pack.damaged"),
        (b"null", "pack.damaged"),
        (b"{}", "pack.damaged"),
        (b"[" * 100_000, "pack.damaged"),
        (changed(pack="twin"), "pack.damaged"),
        (changed(files=None), "pack.damaged"),
        (changed(files=["detector"]), "pack.damaged"),
        (changed(files={"detector": {}}), "pack.damaged"),
        (with_entry(extra=1), "pack.damaged"),
        (with_entry(model="../../../etc/passwd"), "pack.damaged"),
        (with_entry(source="/etc/passwd"), "pack.damaged"),
        (with_entry(model="A" * 64), "pack.damaged"),
        (with_entry(model=None), "pack.damaged"),
        (with_entry(size="1"), "pack.damaged"),
        (with_entry(model=["0" * 64]), "pack.damaged"),
    ],
)
def test_a_manifest_is_not_trusted(content: bytes, code: str | None, store: Store) -> None:
    (store.root / "packs").mkdir(parents=True)
    (store.root / "packs" / "toy.json").write_bytes(content)
    if code is None:
        assert store.manifest("toy")
        return
    with pytest.raises(PackError, match="visavis packs install toy") as caught:
        store.manifest("toy")
    assert caught.value.code == code


def test_removal_keeps_what_another_pack_needs(store: Store) -> None:
    install(store, "toy", detector=b"shared", recogniser=b"of toy")
    install(store, "twin", detector=b"shared", recogniser=b"of twin")
    store.remove_manifest("toy")
    assert blobs(store) == {b"shared", b"of twin"}
    store.remove_manifest("twin")
    assert blobs(store) == set()


def test_removal_deletes_nothing_while_another_manifest_is_unreadable(store: Store) -> None:
    install(store, "toy", detector=b"shared")
    install(store, "twin", detector=b"shared")
    (store.root / "packs" / "twin.json").write_bytes(b"?")
    store.remove_manifest("toy")
    assert store.manifest("toy") is None
    assert blobs(store) == {b"shared"}


def test_a_new_manifest_takes_the_place_of_the_old_one(store: Store) -> None:
    install(store, "toy", detector=b"same", recogniser=b"old")
    install(store, "toy", detector=b"same", recogniser=b"new")
    assert blobs(store) == {b"same", b"new"}


# The lock


def test_the_second_writer_waits_for_the_first(store: Store) -> None:
    waiting, order = threading.Event(), []

    def second() -> None:
        with Store(store.root).locked(on_wait=waiting.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with store.locked():
        thread.start()
        assert waiting.wait(5)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_writer_does_not_wait_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_TIMEOUT_S", 0.05)
    store.root.mkdir()
    with (
        filelock.FileLock(store.root / "lock"),
        pytest.raises(PackError, match="another process") as caught,
        store.locked(),
    ):
        pass
    assert caught.value.code == "pack.busy"


def test_leftovers_go_after_success_and_stay_after_failure(store: Store) -> None:
    def fail() -> NoReturn:
        with store.locked():
            (store.partial / "half.part").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (store.partial / "half.part").exists()
    with store.locked():
        pass
    assert list(store.partial.iterdir()) == []


# The home


def test_where_the_home_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VISAVIS_HOME", "here")
    assert home() == tmp_path / "here"
    monkeypatch.setenv("VISAVIS_HOME", "~/there")
    assert home() == Path.home() / "there"
    for unset in ("", None):
        monkeypatch.setenv("VISAVIS_HOME", unset) if unset == "" else monkeypatch.delenv("VISAVIS_HOME")
        assert home().name == "visavis"
        assert home().is_absolute()


def test_a_read_only_home_can_be_read(read_only_home: Callable[[], Path]) -> None:
    manifest = install(Store(), "toy", detector=b"weights")
    store = Store(read_only_home())
    assert store.manifest("toy") == manifest
    assert store.read(manifest.files["detector"].model, pack="toy") == b"weights"
    for write in (lambda: store.put(b"more"), lambda: store.remove_manifest("toy"), store.locked().__enter__):
        with pytest.raises(PackError, match="can't write to") as caught:
            write()
        assert caught.value.code == "pack.home"


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    store = Store(tmp_path / "home")
    for use in (lambda: store.put(b"more"), lambda: store.manifest("toy"), store.locked().__enter__):
        with pytest.raises(PackError) as caught:
            use()
        assert caught.value.code == "pack.home"
