"""Where packs lie on this machine: files by content hash, and one small manifest for each installed pack.

    $VISAVIS_HOME/
      blobs/<sha256>       upstream files and the networks converted from them
      packs/<name>.json    what was installed: source, network, recipe
      partial/             downloads and writes under way; nothing reads it but their writer
      lock                 held by whoever installs or removes

A file appears under its final name complete or not at all. Reading needs neither the lock nor write access.

Upstream files are kept beside the networks made of them (18 MB beside the default pack's): a new version of
visavis with new recipes converts them again without a connection, and `verify` can prove what a network was
made of.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from visavis.disk import sync_folder
from visavis.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

LOCK_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an installed pack.

    Attributes:
        source: SHA-256 of the upstream file.
        recipe: The conversion it went through, if any.
        model: SHA-256 of what came out, which is what gets loaded.
        size: Of that, in bytes.
    """

    source: str
    recipe: str | None
    model: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an installation left behind."""

    pack: str
    recipe_version: int
    files: Mapping[str, Entry]

    @property
    def blobs(self) -> set[str]:
        """The hashes of all blobs that this pack needs."""
        return {hash_ for entry in self.files.values() for hash_ in (entry.source, entry.model)}


def home() -> Path:
    """The folder of installed packs: `VISAVIS_HOME`, or the platform's place for a user's data."""
    if chosen := os.environ.get("VISAVIS_HOME"):
        return Path(chosen).expanduser().absolute()

    import platformdirs

    return platformdirs.user_data_path("visavis", appauthor=False)


class Store:
    """The files under one home."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = home() if root is None else root
        self.partial = self.root / "partial"

    # Blobs

    def blob(self, sha256: str) -> Path:
        """Where the file of that content lies, if it's there."""
        return self.root / "blobs" / sha256

    def find(self, sha256: str) -> bytes | None:
        """The bytes of that content; None where they are missing or damaged."""
        try:
            content = self.blob(sha256).read_bytes()
        except OSError:
            return None
        return content if _sha256(content) == sha256 else None

    def read(self, sha256: str, *, pack: str) -> bytes:
        """The bytes of that content, checked.

        Args:
            sha256: Their hash.
            pack: Whose file it is, for the command that repairs it.

        Raises:
            PackError: `pack.damaged` where the file is missing, unreadable or altered.
        """
        try:
            content = self.blob(sha256).read_bytes()
        except OSError as error:
            raise damaged(pack, f"{self.blob(sha256)}: {_reason(error)}") from error
        if (actual := _sha256(content)) != sha256:
            raise damaged(pack, f"{self.blob(sha256)} was altered", found=f"sha256 {actual}", expected=sha256)
        return content

    def put(self, content: bytes) -> str:
        """Keep these bytes; returns their hash."""
        sha256 = _sha256(content)
        if self.find(sha256) is None:
            self._write(self.blob(sha256), content)
        return sha256

    # Manifests

    def manifest(self, pack: str) -> Manifest | None:
        """What is installed under that name; None where nothing is.

        Raises:
            PackError: `pack.damaged` where the manifest makes no sense, `pack.home` where it can't be read.
        """
        path = self._manifest_path(pack)
        try:
            fields = json.loads(path.read_bytes())
            files = {role: Entry(**entry) for role, entry in fields["files"].items()}
            manifest = Manifest(pack=fields["pack"], recipe_version=fields["recipe_version"], files=files)
            # A hash becomes a file name: one that isn't a hash could point anywhere.
            sound = manifest.pack == pack and all(map(_is_sha256, manifest.blobs))
            sound = sound and all(isinstance(entry.size, int) for entry in files.values())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PackError("pack.home", f"can't read {path}: {_reason(error)}") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise damaged(pack, f"{path} is no manifest") from error
        if not sound:
            raise damaged(pack, f"{path} is no manifest of this pack")
        return manifest

    def manifests(self) -> Iterator[Manifest]:
        """All that is installed.

        Raises:
            PackError: As `manifest` does, where one of them can't be read.
        """
        for path in sorted((self.root / "packs").glob("*.json")):
            if manifest := self.manifest(path.stem):
                yield manifest

    def write_manifest(self, manifest: Manifest) -> None:
        """Declare a pack installed, in the place of what was installed under that name before."""
        before = self._readable_blobs(manifest.pack)
        text = json.dumps(asdict(manifest), indent=2) + "\n"
        self._write(self._manifest_path(manifest.pack), text.encode())
        self._drop(before)

    def remove_manifest(self, pack: str) -> None:
        """Forget a pack, and delete those of its blobs that no other pack needs."""
        before = self._readable_blobs(pack)
        with writes(self.root):
            self._manifest_path(pack).unlink(missing_ok=True)
        self._drop(before)

    # One writer at a time

    @contextlib.contextmanager
    def locked(self, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold this home's lock, so that one process at a time installs or removes.

        One lock for all packs, not one for each: packs share files, and a removal must not take away what an
        installation of another pack has just found there. A killed process lets go of it.

        Args:
            on_wait: Called once where another process holds it.

        Raises:
            PackError: `pack.home` where the home can't be written, `pack.busy` where the wait is in vain.
        """
        import filelock

        lock = filelock.FileLock(self.root / "lock")
        with writes(self.root):
            self.partial.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                on_wait()
                try:
                    lock.acquire(timeout=LOCK_TIMEOUT_S)
                except filelock.Timeout as error:
                    raise PackError(
                        "pack.busy", f"another process has been writing to {self.root} for too long"
                    ) from error
        try:
            yield
            self._sweep()
        finally:
            lock.release()

    def _sweep(self) -> None:
        """Delete what interrupted writers left. Not reached after an error, so that downloads can resume."""
        with writes(self.root):
            for path in self.partial.iterdir():
                path.unlink()

    # Details

    def _manifest_path(self, pack: str) -> Path:
        return self.root / "packs" / f"{pack}.json"

    def _write(self, path: Path, content: bytes) -> None:
        """All or nothing, also through a power cut."""
        with writes(self.root):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.partial.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.partial, suffix=".tmp", delete=False) as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary = Path(stream.name)
            temporary.chmod(0o644)  # it was made private, but a home may serve several users
            temporary.replace(path)
            sync_folder(path.parent)

    def _readable_blobs(self, pack: str) -> set[str]:
        try:
            manifest = self.manifest(pack)
        except PackError:
            return set()
        return manifest.blobs if manifest else set()

    def _drop(self, candidates: Iterable[str]) -> None:
        try:
            needed = {sha256 for manifest in self.manifests() for sha256 in manifest.blobs}
        except PackError:
            return  # somebody's manifest is unreadable: what it needs is unknown, so nothing is deleted
        with writes(self.root):
            for sha256 in set(candidates) - needed:
                self.blob(sha256).unlink(missing_ok=True)


@contextlib.contextmanager
def writes(root: Path) -> Iterator[None]:
    """Name the home where writing to it fails (no permission, no space).

    Raises:
        PackError: `pack.home`.
    """
    try:
        yield
    except OSError as error:
        raise PackError("pack.home", f"can't write to {root}: {_reason(error)}") from error


def damaged(pack: str, what: str, *, found: object = None, expected: object = None) -> PackError:
    """The error for a pack whose files aren't what was installed, with the command that repairs it."""
    message = f"the pack '{pack}' is damaged: {what}; repair it with: visavis packs install {pack}"
    return PackError("pack.damaged", message, found=found, expected=expected)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_sha256(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
