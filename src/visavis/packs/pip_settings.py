"""Which package index pip is configured for, and how it's reached.

Read from pip's own variables and files, so that it works without pip (as in environments made by uv, whose
variables count too) and without another process.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from visavis.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FILE = "pip.ini" if os.name == "nt" else "pip.conf"
_TRUE = ("1", "true", "t", "yes", "y", "on")


@dataclass(frozen=True, slots=True)
class Location:
    """One place that lists distributions.

    Attributes:
        url: An address or a path; None stands for the public index, whose address unearth knows.
        is_index: A simple index (PEP 503, PEP 691), or else a page or folder of files (find-links).
    """

    url: str | None
    is_index: bool

    @property
    def is_local(self) -> bool:
        """Whether it's read without a connection."""
        if self.url is None:
            return False
        return self.url.startswith("file:") or "://" not in self.url


@dataclass(frozen=True, slots=True)
class PipSettings:
    """What of pip's configuration matters for a download.

    Attributes:
        locations: Where to look, local ones first.
        certificate: A file of certificate authorities instead of the system's.
        proxy: Instead of the one in the environment.
        trusted_hosts: Hosts (with or without a port) whose certificate isn't checked.
    """

    locations: tuple[Location, ...]
    certificate: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()


def read_pip_settings(
    environ: Mapping[str, str] | None = None, files: Iterable[Path] | None = None
) -> PipSettings:
    """Read what pip would use now.

    Args:
        environ: Instead of this process's environment.
        files: Instead of pip's configuration files.

    Raises:
        PackError: `pack.settings` where a configuration file is there but can't be understood.
    """
    environ = os.environ if environ is None else environ
    options = _from_files(config_files(environ) if files is None else files) | _from_environment(environ)
    uv_index = _addresses(environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL") or "")

    links = _words(options.get("find-links")) + [
        link.strip() for link in environ.get("UV_FIND_LINKS", "").split(",") if link.strip()
    ]
    indexes: list[str | None] = []
    if not is_true(options.get("no-index")) and not is_true(environ.get("UV_NO_INDEX")):
        indexes += _words(options.get("index-url"))[:1] or uv_index[:1] or [None]
        indexes += _words(options.get("extra-index-url"))
        indexes += _addresses(environ.get("UV_INDEX", "")) + _addresses(environ.get("UV_EXTRA_INDEX_URL", ""))

    locations = [Location(link, is_index=False) for link in links]
    locations += [Location(index, is_index=True) for index in indexes]
    return PipSettings(
        locations=tuple(sorted(dict.fromkeys(locations), key=lambda location: not location.is_local)),
        certificate=options.get("cert") or None,
        proxy=options.get("proxy") or None,
        trusted_hosts=(*_words(options.get("trusted-host")), *_words(environ.get("UV_INSECURE_HOST"))),
    )


def config_files(environ: Mapping[str, str]) -> list[Path]:
    """Pip's configuration files, later ones overriding earlier ones, as its documentation orders them."""
    import platformdirs

    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    shared = platformdirs.site_config_dir("pip", appauthor=False, multipath=True).split(os.pathsep)
    if os.name == "posix":
        shared.append("/etc")
    own = [
        Path.home() / ("pip" if os.name == "nt" else ".pip"),
        platformdirs.user_config_path("pip", appauthor=False, roaming=True),
    ]
    if sys.platform == "darwin":
        own.append(Path.home() / ".config" / "pip")
    if chosen and Path(chosen).exists():
        own = []
    folders = [*map(Path, shared), *own, Path(sys.prefix)]
    return [folder / _FILE for folder in folders] + ([Path(chosen)] if chosen else [])


def _from_files(files: Iterable[Path]) -> dict[str, str]:
    options: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for path in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text())
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except (OSError, ValueError, configparser.Error) as error:
            raise PackError("pack.settings", f"pip's settings in {path} can't be read: {error}") from error
        for section, values in options.items():
            if parser.has_section(section):
                values.update({_option(key): value for key, value in parser.items(section)})
    return options["global"] | options["install"]


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {_option(key[4:]): value for key, value in environ.items() if key.startswith("PIP_") and value}


def _option(key: str) -> str:
    return key.lower().replace("_", "-").removeprefix("--")


def _words(value: str | None) -> list[str]:
    return value.split() if value else []


def _addresses(value: str) -> list[str]:
    """Addresses as uv takes them: separated by spaces, each perhaps with a name (`name=address`)."""
    return [re.sub(r"^[\w.-]+=", "", word) for word in value.split()]


def is_true(value: str | None) -> bool:
    """Whether a setting says yes, in the words that pip takes."""
    return (value or "").strip().lower() in _TRUE
