"""Packs onto this machine and off it, and the way to what is installed.

    require(name).model("recogniser")

is all that comparing faces needs, `require_any` serves the rest. Only `install` reaches for the network.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from visavis.errors import PackError
from visavis.packs.catalogue import (
    DEFAULT_PACK,
    DEMO_PICTURES,
    PACKS,
    Engine,
    File,
    Pack,
    Role,
    all_packs,
    find_pack,
)
from visavis.packs.store import Entry, Manifest, Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from visavis.packs.download import Progress

OFFLINE = "VISAVIS_OFFLINE"


@dataclass(frozen=True, slots=True)
class InstalledPack:
    """A pack on this machine.

    Attributes:
        pack: Its entry in the catalogue.
        fingerprint: See `Pack.fingerprint`.
        entries: What was made of each of its files.
    """

    pack: Pack
    fingerprint: str
    entries: dict[Role, Entry]
    _store: Store = field(repr=False, compare=False)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.pack.name!r}, fingerprint={self.fingerprint!r}, size={self.size})"
        )

    @property
    def size(self) -> int:
        """Bytes of the networks that get loaded."""
        return sum(entry.size for entry in self.entries.values())

    def model(self, role: Role) -> bytes:
        """The network that plays this part, as ONNX, checked against the hash noted at installation.

        Raises:
            PackError: `pack.damaged`.
        """
        return self._store.read(self.entries[role].model, pack=self.pack.name)


@dataclass(frozen=True, slots=True, repr=False)
class Installed(InstalledPack):
    """An engine on this machine. Its fingerprint goes into every template and calibration."""

    pack: Engine


def install(
    name: str = DEFAULT_PACK, *, offline: bool = False, progress: Progress | None = None
) -> InstalledPack:
    """Make a pack ready for use. Does nothing where it's ready already, and repairs it where it's damaged.

    Two installations at once do the work once: the second waits for the first, and finds its files there.

    Args:
        name: The pack.
        offline: Make no connection; files come from a local mirror or find-links folder, or not at all.
            `VISAVIS_OFFLINE=1` says the same.
        progress: Told about downloads and conversions.

    Raises:
        PackError: `pack.unknown`; `pack.unreachable` or `pack.offline` where a file can't be had; `pack.home`
            where the home can't be written; `pack.busy`; `pack.settings` where pip's settings can't be read.
    """
    pack, store, tell = find_pack(name), Store(), progress or _silent
    if ready := _sound(pack):
        return ready
    with store.locked(on_wait=lambda: tell("waiting for another installation", 0, None)):
        contents = _fetch(pack.files.values(), store, f"the pack '{name}'", offline=offline, progress=tell)
        entries = {
            role: _convert(file, contents[file.sha256], store, tell) for role, file in pack.files.items()
        }
        store.write_manifest(
            Manifest(
                pack=name,
                recipe_version=_recipe_version(),
                files={str(role): entry for role, entry in entries.items()},
            )
        )
    return _installed(pack, entries, store)


def installed(name: str) -> InstalledPack | None:
    """What is installed under that name, or None. Looks at the manifest only, not at the files.

    Raises:
        PackError: `pack.unknown`; `pack.home`; `pack.damaged`; `pack.outdated` where another version of
            visavis installed it, whose templates were others.
    """
    pack, store = find_pack(name), Store()
    manifest = store.manifest(name)
    if manifest is None:
        return None
    found = {role: (entry.source, entry.recipe) for role, entry in manifest.files.items()}
    expected = {role: (file.sha256, file.recipe) for role, file in pack.files.items()}
    if manifest.recipe_version != _recipe_version() or found != expected:
        raise PackError(
            "pack.outdated",
            f"the pack '{name}' was installed by another version of visavis; "
            f"bring it up to date with: visavis packs install {name}",
        )
    entries = {role: manifest.files[role] for role in pack.files}
    return _installed(pack, entries, store)


def require(name: str = DEFAULT_PACK) -> Installed:
    """The engine that is installed under that name.

    Raises:
        PackError: `pack.not_installed`, with the command that installs it, `pack.purpose` where the pack
            compares no faces, and what `installed` raises.
    """
    pack = find_pack(name)
    if not isinstance(pack, Engine):
        raise PackError(
            "pack.purpose",
            f"the pack '{name}' compares no faces",
            found=pack.summary,
            expected=f"one of {', '.join(PACKS)}",
        )
    found = require_any(name)
    assert isinstance(found, Installed), "an engine's entry makes an engine"  # noqa: S101
    return found


def require_any(name: str) -> InstalledPack:
    """What is installed under that name, engine or tool.

    Raises:
        PackError: `pack.not_installed`, with the command that installs it, and what `installed` raises.
    """
    if found := installed(name):
        return found
    raise PackError(
        "pack.not_installed",
        f"the pack '{name}' is not installed; install it with: visavis packs install {name}",
    )


def verify(name: str) -> list[PackError]:
    """Read every file of an installed pack again.

    Returns:
        What is wrong, one `pack.damaged` for each bad file; nothing where all is well.

    Raises:
        PackError: `pack.not_installed`, and what `installed` raises.
    """
    found = require_any(name)
    store, problems = Store(), []
    for sha256 in dict.fromkeys(
        hash_ for entry in found.entries.values() for hash_ in (entry.source, entry.model)
    ):
        try:
            store.read(sha256, pack=name)
        except PackError as problem:
            problems.append(problem)
    return problems


def remove(name: str) -> None:
    """Take a pack off this machine; files that another installed pack needs stay.

    Raises:
        PackError: `pack.unknown`, `pack.not_installed`, `pack.home`, `pack.busy`.
    """
    find_pack(name)
    store = Store()
    if not _is_there(name, store):
        raise PackError("pack.not_installed", f"the pack '{name}' is not installed")
    with store.locked():
        store.remove_manifest(name)


def fetch_demo_pictures(*, offline: bool = False, progress: Progress | None = None) -> dict[str, bytes]:
    """The pictures that the demonstration compares, as JPEG bytes by name; fetched once, then kept.

    Raises:
        PackError: As `install` does.
    """
    store = Store()
    pictures = {file.name: store.find(file.sha256) for file in DEMO_PICTURES}
    if all(pictures.values()):
        return {name: content for name, content in pictures.items() if content}
    with store.locked():
        contents = _fetch(DEMO_PICTURES, store, "the demo", offline=offline, progress=progress or _silent)
    return {file.name: contents[file.sha256] for file in DEMO_PICTURES}


def _is_there(name: str, store: Store) -> bool:
    """Whether anything is installed under that name, be it damaged or outdated."""
    try:
        return store.manifest(name) is not None
    except PackError as error:
        if error.code != "pack.damaged":
            raise
        return True


def _installed(pack: Pack, entries: dict[Role, Entry], store: Store) -> InstalledPack:
    if isinstance(pack, Engine):
        return Installed(pack=pack, fingerprint=pack.fingerprint, entries=entries, _store=store)
    return InstalledPack(pack=pack, fingerprint=pack.fingerprint, entries=entries, _store=store)


def _sound(pack: Pack) -> InstalledPack | None:
    """The pack, if it's installed as this version does it and undamaged."""
    try:
        found = installed(pack.name)
        return found if found and not verify(pack.name) else None
    except PackError:
        return None


def _fetch(
    files: Iterable[File], store: Store, what: str, *, offline: bool, progress: Progress
) -> dict[str, bytes]:
    from visavis.packs.pip_settings import is_true
    from visavis.packs.sources import Sources  # brings an HTTP client along

    offline = offline or is_true(os.environ.get(OFFLINE))
    with Sources(store, offline=offline, progress=progress) as sources:
        return sources.fetch(files, what=what)


def _convert(file: File, source: bytes, store: Store, progress: Progress) -> Entry:
    if file.recipe is None:
        return Entry(source=file.sha256, recipe=None, model=file.sha256, size=len(source))
    if known := _converted_before(file, store):
        return known
    from visavis.packs.convert import convert

    step = f"converting {file.name}"
    progress(step, 0, None)
    network = convert(file.recipe, source)
    entry = Entry(source=file.sha256, recipe=file.recipe, model=store.put(network), size=len(network))
    progress(step, 1, 1)
    return entry


def _converted_before(file: File, store: Store) -> Entry | None:
    """Packs share files: one conversion serves all that run a file by the same recipe."""
    for name in all_packs():
        try:
            manifest = store.manifest(name)
        except PackError:
            continue
        if manifest and manifest.recipe_version == _recipe_version():
            for entry in manifest.files.values():
                if (entry.source, entry.recipe) == (file.sha256, file.recipe) and store.find(entry.model):
                    return entry
    return None


def _recipe_version() -> int:
    from visavis.packs.convert import RECIPE_VERSION

    return RECIPE_VERSION


def _silent(name: str, done: int, total: int | None) -> None:
    pass
