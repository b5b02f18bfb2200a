"""What an evaluation has worked out so far, encrypted, so that a run that was killed can go on.

$VISAVIS_HOME/evaluations/
  lock                 held for the moment in which a run begins or is destroyed
  <run>/               for one pack and one set of pictures
    key                32 random bytes of this run
    templates          records, each of one picture
    lock               held by the process that runs

A record can be read only by whoever has the run's key and the very picture that it was made from. When a run
is finished its key is overwritten before anything is deleted; a run that nobody went on with for a day is
destroyed by the next one. (A drive may keep what was overwritten for a while. That is why a record needs the
picture too: who has that has nothing left to find out.)
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import threading
import time
from typing import TYPE_CHECKING, Self

from visavis.evaluation.truth import EvaluationError
from visavis.packs.store import home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path
    from types import TracebackType

STALE_AFTER_S = 24 * 3600.0
LOCK_TIMEOUT_S = 60.0

KEY_BYTES = 32
LENGTH_BYTES = 4
NAME_BYTES = 16
NONCE_BYTES = 12  # NIST SP 800-38D, 8.2.2
TAG_BYTES = 16
MAX_RECORD = 2**20
"""A template has some 2 kB: a length above this is damage."""

RUN = re.compile("[0-9a-f]{16}")


class Workplace:
    """The working store of one run; `get` and `put` are safe for several threads at once.

    Leaving the block without `finish` keeps it for a resumption.
    """

    def __init__(self, fingerprint: str, about: str) -> None:
        """Say which run it is; nothing is written before the block is entered.

        Args:
            fingerprint: Of the pack that makes the templates.
            about: What else makes this run, such as the folder of its pictures.
        """
        run = hashlib.sha256(json.dumps([fingerprint, about]).encode()).hexdigest()[:16]
        self._root = home() / "evaluations"
        self._folder = self._root / run
        self._mutex = threading.Lock()
        self._open = contextlib.ExitStack()
        self._where: dict[bytes, tuple[int, int]] = {}  # name -> start and length in the file

    def __enter__(self) -> Self:
        """Take up the run where it was left, or begin it.

        Raises:
            EvaluationError: `evaluation.busy`: another process runs it; `evaluation.store`: the home can't be
                written.
        """
        import filelock

        forget_stale()
        with _one_at_a_time(self._root), contextlib.ExitStack() as undo:
            _make_private(self._folder)
            lock = filelock.FileLock(self._folder / "lock", mode=0o600)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                raise EvaluationError(
                    "evaluation.busy", "another process makes the same evaluation at this moment"
                ) from None
            undo.callback(lock.release)
            self._key = _key(self._folder)
            self._file: FileIO = undo.enter_context(_private(self._folder / "templates"))
            self._end = self._read_index()
            self._open = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def get(self, digest: bytes) -> bytes | None:
        """What was put for a picture; None where nothing was, or it was damaged since.

        Args:
            digest: SHA-256 of the picture's content.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        name = self._name(digest)
        with self._mutex, _writes(self._root):
            if name not in self._where:
                return None
            start, length = self._where[name]
            self._file.seek(start)
            record = self._file.read(length)
        nonce, sealed = record[NAME_BYTES:][:NONCE_BYTES], record[NAME_BYTES + NONCE_BYTES :]
        try:
            return AESGCM(self._key_of(digest)).decrypt(nonce, sealed, name)
        except InvalidTag:
            return None

    def put(self, digest: bytes, content: bytes) -> None:
        """Keep something for a picture, in the place of what was kept before.

        Raises:
            EvaluationError: `evaluation.store`: it can't be written.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        name, nonce = self._name(digest), secrets.token_bytes(NONCE_BYTES)
        record = name + nonce + AESGCM(self._key_of(digest)).encrypt(nonce, content, name)
        with self._mutex, _writes(self._root):
            self._file.seek(self._end)
            rest = memoryview(len(record).to_bytes(LENGTH_BYTES) + record)
            # Cut short by a full disk, it is written over by the next one or cut off by the next run.
            while rest:
                rest = rest[self._file.write(rest) :]
            self._where[name] = (self._end + LENGTH_BYTES, len(record))
            self._end += LENGTH_BYTES + len(record)

    def finish(self) -> None:
        """Destroy the workplace: from here on nobody can read what it held.

        Raises:
            EvaluationError: `evaluation.store`: it can't be deleted.
        """
        with _one_at_a_time(self._root):
            self._open.close()
            _destroy(self._folder)

    def _read_index(self) -> int:
        """Find the records; cuts off what was left of one that wasn't written to its end."""
        size = self._file.seek(0, os.SEEK_END)
        end = 0
        while True:
            self._file.seek(end)
            head = self._file.read(LENGTH_BYTES + NAME_BYTES)
            length = int.from_bytes(head[:LENGTH_BYTES])
            after = end + LENGTH_BYTES + length
            if not NAME_BYTES + NONCE_BYTES + TAG_BYTES <= length <= MAX_RECORD or after > size:
                self._file.truncate(end)
                return end
            self._where[head[LENGTH_BYTES:]] = (end + LENGTH_BYTES, length)
            end = after

    def _name(self, digest: bytes) -> bytes:
        return hmac.digest(self._key, b"name" + digest, "sha256")[:NAME_BYTES]

    def _key_of(self, digest: bytes) -> bytes:
        return hmac.digest(self._key, b"template" + digest, "sha256")


def forget_stale(max_age_s: float = STALE_AFTER_S) -> None:
    """Destroy the workplaces of runs that were left and that nobody went on with for so long.

    Raises:
        EvaluationError: `evaluation.store`: one can't be deleted.
    """
    import filelock

    root = home() / "evaluations"
    with _one_at_a_time(root):
        for folder in root.iterdir():
            if folder.is_symlink() or not folder.is_dir() or not RUN.fullmatch(folder.name):
                continue
            templates = folder / "templates"
            touched = (templates if templates.exists() else folder).stat().st_mtime
            # In either direction: a clock that was set back must not keep it for years.
            if abs(time.time() - touched) > max_age_s:
                lock = filelock.FileLock(folder / "lock", mode=0o600)
                try:
                    lock.acquire(timeout=0)
                except filelock.Timeout:
                    continue  # it runs
                lock.release()  # nobody else can take it: all who want to wait for the lock above
                _destroy(folder)


@contextlib.contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Hold the lock under which runs begin and are destroyed: no folder vanishes under one that begins."""
    import filelock

    with _writes(root):
        _make_private(root)
        lock = filelock.FileLock(root / "lock", mode=0o600)
        try:
            lock.acquire(timeout=LOCK_TIMEOUT_S)
        except filelock.Timeout:
            raise EvaluationError(
                "evaluation.busy", "another process keeps all evaluations waiting for too long"
            ) from None
        try:
            yield
        finally:
            lock.release()


@contextlib.contextmanager
def _writes(root: Path) -> Iterator[None]:
    """Name the folder where working in it fails (no permission, no space)."""
    try:
        yield
    except OSError as error:
        raise EvaluationError(
            "evaluation.store",
            f"can't work in {str(root)!r}",
            found=error.strerror or str(error),
            expected="a VISAVIS_HOME that can be written",
        ) from None


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def _private(path: Path) -> FileIO:
    """A file that only its owner may read, to read and write; made where it's not there."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return open(os.open(path, flags, 0o600), "r+b", buffering=0)  # noqa: PTH123


def _key(folder: Path) -> bytes:
    """The key of the run; a new one where there is none, or it wasn't written to its end."""
    with _private(folder / "key") as file:
        key = file.read()
        if len(key) != KEY_BYTES or not any(key):  # zeros: it was being destroyed
            key = secrets.token_bytes(KEY_BYTES)
            file.seek(0)
            file.truncate()
            file.write(key)
            os.fsync(file.fileno())
            (folder / "templates").unlink(missing_ok=True)
    return key


def _destroy(folder: Path) -> None:
    """The key first: without it the rest is noise."""
    key = folder / "key"
    if key.exists():
        with _private(key) as file:
            file.write(bytes(KEY_BYTES))
            os.fsync(file.fileno())
        key.unlink()
    shutil.rmtree(folder)
