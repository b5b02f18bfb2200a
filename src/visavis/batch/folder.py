"""The folder of a batch: what it is bound to, its parts, and that only one process works in it.

    manifest.json                 what the batch is made from; a resume with something else is refused
    results/part-000001.parquet   results, each file whole or not there
    rejected.jsonl                rows without a verdict, and why
    summary.json, summary.html    counts and the spread of similarities

A file is written under another name, synced, and only then given its own: what has its name is whole,
whenever the machine or the process died. Only its owner may read it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO

from visavis.disk import sync_folder
from visavis.errors import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MANIFEST, LOCK, RESULTS = "manifest.json", ".lock", "results"
OWN = {MANIFEST, LOCK, RESULTS, "rejected.jsonl", "summary.json", "summary.html"}
BARE = {LOCK, RESULTS}
"""What a batch that was killed before it was bound to anything may have left."""
PART = re.compile(r"part-(\d{6})\.parquet")
UNFINISHED = ".unfinished-"
BOUND = ("table", "rows", "purpose", "pack", "fingerprint", "policy", "calibration", "device", "ledger")
"""What of a manifest has to be the same when the batch goes on."""


class Folder:
    """The folder of a batch.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        """Say where it is; nothing is made yet."""
        self.path = path

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Make it where there is none, and keep other processes out of it.

        Raises:
            BatchError: `batch.out`: it can't be made or written, or holds other things; `batch.busy`.
        """
        from filelock import FileLock, Timeout

        with self._writable():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = {each.name for each in self.path.iterdir() if not each.name.startswith(UNFINISHED)}
            if there - OWN or (MANIFEST not in there and (there - BARE or self.parts())):
                raise BatchError(
                    "batch.out",
                    f"{str(self.path)!r} holds other things than a batch",
                    found=min(there - OWN or there),
                    expected="a new or empty folder, or that of the batch which is to go on",
                )
            lock = FileLock(self.path / LOCK, mode=0o600)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise BatchError(
                    "batch.busy", f"another process works on the batch in {str(self.path)!r}"
                ) from None
        try:
            with self._writable():
                (self.path / RESULTS).mkdir(mode=0o700, exist_ok=True)
                sync_folder(self.path)
                for left in (*self.path.glob(f"{UNFINISHED}*"), *self.path.glob(f"{RESULTS}/{UNFINISHED}*")):
                    left.unlink()
            yield
        finally:
            lock.release()

    def manifest(self) -> dict[str, Any] | None:
        """What the batch is bound to; None where it is new.

        Raises:
            BatchError: `batch.out`: it can't be read.
        """
        try:
            found = json.loads((self.path / MANIFEST).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            found = None
        if not isinstance(found, dict) or not {"batch", "after", *BOUND} <= found.keys():
            raise BatchError("batch.out", f"{str(self.path / MANIFEST)!r} is damaged")
        return found

    def bind(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Write down what the batch is made from, or see that it is what was written down.

        Returns:
            The manifest that counts.

        Raises:
            BatchError: `batch.other`: the folder is of a batch that is made from something else.
        """
        plain: dict[str, Any] = json.loads(json.dumps(manifest))
        known = self.manifest()
        if known is None:
            self.write(MANIFEST, json.dumps(plain, indent=1).encode())
            return plain
        for name in BOUND:
            if known[name] != plain[name]:
                raise BatchError(
                    "batch.other",
                    f"the batch in {str(self.path)!r} was begun with another {name}: give another folder",
                    found=plain[name],
                    expected=known[name],
                )
        return known

    def parts(self) -> dict[int, Path]:
        """The parts that are there, by number, in order."""
        with self._writable():
            try:
                names = sorted(os.listdir(self.path / RESULTS))  # noqa: PTH208  # names are enough
            except FileNotFoundError:
                return {}
        return {
            int(found[1]): self.path / RESULTS / name for name in names if (found := PART.fullmatch(name))
        }

    @contextlib.contextmanager
    def part(self, number: int) -> Iterator[BinaryIO]:
        """A part to be written; it is there once the block ends without an error.

        Raises:
            BatchError: `batch.out`.
        """
        with self.whole(f"{RESULTS}/part-{number:06}.parquet") as file:
            yield file

    def write(self, name: str, content: bytes) -> None:
        """Write a small file.

        Raises:
            BatchError: `batch.out`.
        """
        with self.whole(name) as file:
            file.write(content)

    @contextlib.contextmanager
    def whole(self, name: str) -> Iterator[BinaryIO]:
        """A file to be written; it is there once the block ends without an error.

        Raises:
            BatchError: `batch.out`.
        """
        path = self.path / name
        with self._writable():
            descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(beside, path)  # noqa: PTH105  # `beside` is a string
            except BaseException:
                os.unlink(beside)  # noqa: PTH108
                raise
            sync_folder(path.parent)

    @contextlib.contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BatchError(
                "batch.out", f"{str(self.path)!r} can't be written", found=error.strerror or error
            ) from None
