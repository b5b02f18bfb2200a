from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from visavis.evaluation import store as module
from visavis.evaluation.store import Workplace, forget_stale
from visavis.evaluation.truth import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the workplaces of a home of this test's own lie."""
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "evaluations"


def workplace(about: str = "pictures") -> Workplace:
    return Workplace("0123456789abcdef", about)


def digest(picture: int) -> bytes:
    return hashlib.sha256(f"picture {picture}".encode()).digest()


def content(picture: int) -> bytes:
    return f"template of {picture} ".encode() * 20


def run_of(place: Path) -> Path:
    """The folder of the only run."""
    [folder] = (path for path in place.iterdir() if path.is_dir())
    return folder


def leave(pictures: int, about: str = "pictures") -> None:
    """A run that is killed after so many pictures."""
    with contextlib.suppress(KeyboardInterrupt), workplace(about) as store:
        for picture in range(pictures):
            store.put(digest(picture), content(picture))
        raise KeyboardInterrupt


def kept(pictures: int, about: str = "pictures") -> list[int]:
    """Which of the first so many pictures a resumption finds."""
    with workplace(about) as store:
        found = [store.get(digest(picture)) for picture in range(pictures)]
    assert all(what in (None, content(picture)) for picture, what in enumerate(found))
    return [picture for picture, what in enumerate(found) if what is not None]


def test_what_is_put_can_be_read() -> None:
    with workplace() as store:
        assert store.get(digest(1)) is None
        store.put(digest(1), content(1))
        store.put(digest(2), b"")
        assert store.get(digest(1)) == content(1)
        assert store.get(digest(2)) == b""
        store.put(digest(1), content(3))
        assert store.get(digest(1)) == content(3)


def test_a_killed_run_goes_on(place: Path) -> None:
    leave(5)
    with workplace() as store:
        assert [store.get(digest(picture)) for picture in range(5)] == [content(p) for p in range(5)]
        store.put(digest(5), content(5))
    assert kept(8) == [0, 1, 2, 3, 4, 5]


def test_another_run_has_another_workplace(place: Path) -> None:
    leave(2)
    assert kept(2, "other pictures") == []
    with Workplace("fedcba9876543210", "pictures") as store:
        assert store.get(digest(0)) is None
    # Nor can two runs be made one by moving text from one part to the other.
    with Workplace("0123456789abcdefp", "ictures") as store:
        assert store.get(digest(0)) is None
    assert kept(2) == [0, 1]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_only_the_owner_may_read(place: Path) -> None:
    place.mkdir(parents=True, mode=0o755)
    before = os.umask(0)
    try:
        leave(1)
    finally:
        os.umask(before)
    modes = {path.relative_to(place).name: stat.S_IMODE(path.stat().st_mode) for path in place.rglob("*")}
    run = run_of(place)
    assert modes == {run.name: 0o700, "key": 0o600, "templates": 0o600, "lock": 0o600}
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


# What can be read by whom


def test_nothing_lies_in_the_clear(place: Path) -> None:
    leave(3)
    written = (run_of(place) / "templates").read_bytes()
    assert len(written) > 3 * len(content(0))
    for picture in range(3):
        assert content(picture)[:12] not in written
        assert digest(picture)[:4] not in written


def records(place: Path) -> list[bytes]:
    written, found = (run_of(place) / "templates").read_bytes(), []
    while written:
        length = int.from_bytes(written[:4])
        found.append(written[4 : 4 + length])
        written = written[4 + length :]
    return found


def hmac(key: bytes, message: bytes) -> bytes:
    made = HMAC(key, hashes.SHA256())
    made.update(message)
    return made.finalize()


def test_a_record_needs_the_key_and_the_picture(place: Path) -> None:
    leave(2)
    key = (run_of(place) / "key").read_bytes()
    assert len(key) == 32
    record = records(place)[1]
    name, nonce, sealed = record[:16], record[16:28], record[28:]

    def opened(key: bytes, picture: int) -> bytes:
        return AESGCM(hmac(key, b"template" + digest(picture))).decrypt(nonce, sealed, name)

    assert opened(key, 1) == content(1)
    assert name == hmac(key, b"name" + digest(1))[:16]
    for wrong_key, wrong_picture in ((key, 0), (bytes(32), 1)):
        with pytest.raises(InvalidTag):
            opened(wrong_key, wrong_picture)


def test_a_record_under_another_name_is_ignored(place: Path) -> None:
    """Whoever can write the file can't pass one person's template off as another's."""
    leave(2)
    first, second = records(place)
    swapped = [second[:16] + first[16:], first[:16] + second[16:]]
    path = run_of(place) / "templates"
    path.write_bytes(b"".join(len(record).to_bytes(4) + record for record in swapped))
    assert kept(2) == []


def test_the_same_twice_is_written_differently(place: Path) -> None:
    with workplace() as store:
        store.put(digest(1), content(1))
        store.put(digest(1), content(1))
    first, second = records(place)
    assert first[:16] == second[:16]
    assert first[16:28] != second[16:28]
    assert first[28:] != second[28:]


# Damage


def flip(path: Path, at: int) -> None:
    written = bytearray(path.read_bytes())
    written[at] ^= 1
    path.write_bytes(written)


SIZE = 4 + 16 + 12 + len(content(0)) + 16  # of one record of pictures 0 to 9


@pytest.mark.parametrize(
    ("harm", "left"),
    [
        (lambda path: os.truncate(path, 3 * SIZE - 1), [0, 1]),
        (lambda path: os.truncate(path, 2 * SIZE + 3), [0, 1]),
        (lambda path: os.truncate(path, 0), []),
        (lambda path: path.write_bytes(path.read_bytes() + b"\0"), [0, 1, 2]),
        (lambda path: path.write_bytes(path.read_bytes() + bytes(10_000)), [0, 1, 2]),
        (lambda path: path.write_bytes(path.read_bytes() + b"\xff" * 10_000), [0, 1, 2]),
        (lambda path: flip(path, SIZE + 40), [0, 2]),  # sealed
        (lambda path: flip(path, SIZE + 4), [0, 2]),  # name
        (lambda path: flip(path, SIZE + 22), [0, 2]),  # nonce
        (lambda path: flip(path, SIZE), [0]),  # length, far too long
        (lambda path: flip(path, SIZE + 3), [0]),  # length, by one: what comes after can't be found
        (lambda path: path.unlink(), []),
    ],
)
def test_damage_costs_only_what_is_damaged(harm: Callable[[Path], Any], left: list[int], place: Path) -> None:
    leave(3)
    harm(run_of(place) / "templates")
    assert kept(3) == left
    assert (run_of(place) / "templates").stat().st_size % SIZE <= 1  # the rest was cut off
    with workplace() as store:  # and nothing that comes later
        for picture in {0, 1, 2} - {*left}:
            assert store.get(digest(picture)) is None
            store.put(digest(picture), content(picture))
    assert kept(4) == [0, 1, 2]


@pytest.mark.parametrize("key", [b"", b"half a key", bytes(32), b"x" * 33])
def test_without_a_whole_key_the_run_begins_anew(key: bytes, place: Path) -> None:
    leave(2)
    (run_of(place) / "key").write_bytes(key)
    assert kept(2) == []
    new = (run_of(place) / "key").read_bytes()
    assert len(new) == 32
    assert len(set(new)) > 10
    assert (run_of(place) / "templates").read_bytes() == b""


# The end


def test_nothing_is_left_after_the_end(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(2)
    run = run_of(place)
    os.link(run / "key", place / "another name of the key")
    with workplace() as store:
        store.put(digest(3), content(3))
        store.finish()
        assert not run.exists()
    assert [path.name for path in place.iterdir() if path.name != "lock"] == ["another name of the key"]
    assert (place / "another name of the key").read_bytes() == bytes(32)
    assert kept(4) == []


def test_the_key_goes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    with workplace() as store:
        store.put(digest(1), content(1))
        monkeypatch.setattr(shutil, "rmtree", refuse)
        with pytest.raises(EvaluationError, match="Permission denied") as caught:
            store.finish()
    assert caught.value.code == "evaluation.store"
    assert not (run_of(place) / "key").exists()
    monkeypatch.undo()


def age(place: Path, hours: float) -> Path:
    run = run_of(place)
    then = time.time() - hours * 3600
    os.utime(run / "templates", (then, then))
    return run


@pytest.mark.parametrize(("hours", "gone"), [(23.9, False), (24.1, True), (-24.1, True), (1e5, True)])
def test_a_run_that_was_left_is_forgotten(hours: float, gone: bool, place: Path) -> None:
    leave(1, "left")
    run = age(place, hours)
    with workplace("another"):
        assert run.exists() is not gone
    assert kept(1, "left") == ([] if gone else [0])


def test_one_that_was_left_before_its_first_picture_too(place: Path) -> None:
    leave(0, "left")
    run = run_of(place)
    (run / "templates").unlink()
    os.utime(run, (0, 0))
    forget_stale()
    assert not run.exists()


def test_only_runs_are_forgotten(place: Path, tmp_path: Path) -> None:
    (place / "notes").mkdir(parents=True)
    (place / ("0" * 16)).write_text("a file")
    outside = tmp_path / "outside"
    outside.mkdir()
    (place / ("1" * 16)).symlink_to(outside)
    before = {path.name for path in place.iterdir()}
    for path in [outside, *place.iterdir()]:
        os.utime(path, (0, 0))
    forget_stale(0)
    assert {path.name for path in place.iterdir()} - {"lock"} == before
    assert outside.exists()


# One writer for each run


def in_another_thread(action: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(action).result()


def test_a_run_has_one_writer(place: Path) -> None:
    with workplace() as store:
        for run in (leave, lambda pictures: in_another_thread(lambda: leave(pictures))):
            with pytest.raises(EvaluationError, match="the same evaluation at this moment") as caught:
                run(0)
            assert caught.value.code == "evaluation.busy"
        store.put(digest(1), content(1))  # the attempt took nothing away
        with workplace("another"):
            pass
        [run_of_this] = (path.parent for path in place.glob("*/templates") if path.stat().st_size)
        os.utime(run_of_this / "templates", (0, 0))
        in_another_thread(forget_stale)
        assert store.get(digest(1)) == content(1)
        assert run_of_this.exists()
    os.utime(run_of_this / "templates")
    assert kept(2) == [1]


def test_it_can_be_used_by_several_threads() -> None:
    with workplace() as store, ThreadPoolExecutor(8) as pool:
        pictures = [*range(200)] * 2

        def use(picture: int) -> bool:
            store.put(digest(picture), content(picture))
            return store.get(digest(picture)) == content(picture)

        assert all(pool.map(use, pictures))
    assert kept(200) == [*range(200)]


def test_runs_that_begin_and_end_at_once_do_not_meet(place: Path) -> None:
    inside = 0
    most = 0
    outcomes: list[bool | str] = []
    guard = threading.Lock()

    def run(_: int) -> None:
        nonlocal inside, most
        try:
            with workplace() as store:
                with guard:
                    inside += 1
                    most = max(most, inside)
                store.put(digest(1), content(1))
                outcomes.append(store.get(digest(1)) == content(1))
                with guard:
                    inside -= 1
                store.finish()
        except EvaluationError as error:
            outcomes.append(error.code)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(40)))
    assert most == 1
    assert {*outcomes} <= {True, "evaluation.busy"}
    assert outcomes.count(True) > 1
    assert [path.name for path in place.iterdir()] in ([], ["lock"])


# Where it can't be written


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, what: memoryview) -> int:
            if len(what) > 10:
                return self.file.write(what[:10])  # type: ignore[no-any-return]
            raise OSError(errno.ENOSPC, "No space left on device")

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    with workplace() as store:
        store.put(digest(0), content(0))
        whole = store._file
        store._file = Full(whole)  # type: ignore[assignment]
        with pytest.raises(EvaluationError, match="No space left") as caught:
            store.put(digest(1), content(1))
        assert caught.value.code == "evaluation.store"
        assert store.get(digest(1)) is None
        store._file = whole
        assert store.get(digest(0)) == content(0)
    assert kept(2) == [0]


@pytest.mark.parametrize("at", ["home", "evaluations"])
def test_a_home_that_is_no_folder(at: str, place: Path) -> None:
    path = place if at == "evaluations" else place.parent
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file")
    with pytest.raises(EvaluationError, match="expected a VISAVIS_HOME that can be written") as caught:
        workplace().__enter__()
    assert caught.value.code == "evaluation.store"


def test_a_workplace_that_waits_in_vain(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    place.mkdir(parents=True)
    monkeypatch.setattr(module, "LOCK_TIMEOUT_S", 0.01)
    with filelock.FileLock(place / "lock"), pytest.raises(EvaluationError) as caught:
        in_another_thread(forget_stale)
    assert caught.value.code == "evaluation.busy"
