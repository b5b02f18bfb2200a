"""One file from an address: streamed to disk, resumed after a cut, checked by its hash."""

from __future__ import annotations

import hashlib
import logging
import ssl
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers.sync import PyPIClient

from visavis.packs.store import writes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from visavis.packs.pip_settings import PipSettings

    Progress = Callable[[str, int, int | None], None]
    """Told what is being worked on, how much of it is done, and how much there is (None: not known)."""

BACK_OFF_S = (0.5, 1.0, 2.0)
"""The pauses between tries; one try more than there are pauses."""
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}

# What unearth would say of an index is said in our error, once, with all other sources.
logging.getLogger("unearth").addHandler(logging.NullHandler())


class SourceFailed(Exception):  # noqa: N818 - not an error of the program: the next source is asked
    """This source can't give the file; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a download has to turn out to be."""

    name: str
    sha256: str
    size: int


class Client(PyPIClient):
    """The HTTP client of pip's world, with pip's settings, tries again, and a few refusals."""

    def __init__(self, settings: PipSettings, *, offline: bool) -> None:
        """Prepare a client; nothing is connected yet.

        Args:
            settings: Certificate, proxy, trusted hosts, and indexes with their credentials.
            offline: Refuse whatever isn't a local file.

        Raises:
            SourceFailed: The certificates that the settings name can't be used.
        """
        super().__init__(
            trusted_hosts=settings.trusted_hosts,
            verify=_certificates(settings.certificate),
            proxy=settings.proxy,
            mounts=_unchecked_hosts(settings),
            timeout=httpx2.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            follow_redirects=True,
            headers={"User-Agent": "visavis"},
            event_hooks={
                "request": [self._refuse_connections] if offline else [],
                "response": [_refuse_downgrade],
            },
        )
        indexes = [place.url for place in settings.locations if place.is_index and place.url]
        self.auth = MultiDomainBasicAuth(prompting=False, index_urls=indexes)
        self._unreachable: dict[str, str] = {}

    def iter_secure_origins(self) -> Iterable[tuple[str, str, str]]:
        """Every origin: all that we take is known by its hash, so a plain http index can slip nothing in."""
        yield ("*", "*", "*")

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request, again after a pause where the trouble may pass.

        Raises:
            SourceFailed: No connection, no answer, or one that isn't the document.
        """
        host = request.url.host
        if host in self._unreachable:
            raise SourceFailed(self._unreachable[host])
        try:
            response = self._try_to_send(request, **options)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            self._unreachable[error.request.url.host] = reason(error)
            raise SourceFailed(reason(error)) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise SourceFailed(reason(error)) from error
        if response.status_code >= 400 and response.status_code not in (404, 416):
            response.close()
            raise SourceFailed(_status(response))
        return response

    def _try_to_send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        for pause in BACK_OFF_S:
            try:
                response = super().send(request, **options)
            except (httpx2.ConnectTimeout, httpx2.UnsupportedProtocol):
                raise  # the first was patient enough, the second won't change
            except httpx2.TransportError:
                time.sleep(pause)
                continue
            if response.status_code not in _TRANSIENT:
                return response
            response.close()
            time.sleep(pause)
        return super().send(request, **options)

    def _refuse_connections(self, request: httpx2.Request) -> None:
        if request.url.scheme != "file":
            raise SourceFailed("not asked, because of offline")


def download(client: Client, url: str, wanted: Wanted, folder: Path, progress: Progress) -> Path:
    """Bring a file into a folder.

    Args:
        client: Does the requests.
        url: http, https or file.
        wanted: What it has to be.
        folder: Where it's written, as `<sha256>.part`; a part that lies there already is continued.
        progress: Told the name, the bytes there are, and the bytes there will be.

    Returns:
        Where the complete, checked file lies.

    Raises:
        SourceFailed: It isn't there, isn't what it should be, or the connection fails too often.
        PackError: `pack.home`, where it can't be written.
    """
    part = folder / f"{wanted.sha256}.part"
    with writes(folder):
        resumed = part.exists()
        _continue_until_complete(client, url, wanted, part, progress)
        if (found := _file_sha256(part)) == wanted.sha256:
            return part
        part.unlink()
    if resumed:  # what lay there may have been the bad half
        return download(client, url, wanted, folder, progress)
    raise SourceFailed(f"the content is another one: sha256 {found} instead of {wanted.sha256}")


def _continue_until_complete(
    client: Client, url: str, wanted: Wanted, part: Path, progress: Progress
) -> None:
    trouble = ""
    for pause in (0.0, *BACK_OFF_S):
        time.sleep(pause)
        if _size(part) < wanted.size:
            trouble = _append(client, url, wanted, part, progress)
        if _size(part) >= wanted.size:
            return
    raise SourceFailed(f"cut off after {_size(part)} of {wanted.size} bytes: {trouble}")


def _append(client: Client, url: str, wanted: Wanted, part: Path, progress: Progress) -> str:
    """Write what comes to the end of the part, up to one byte too much; returns what ended it."""
    have = _size(part)
    # Compression would make byte ranges mean something else.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code in (206, 416):
            if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                part.unlink(missing_ok=True)
                return "the server sends another range than the one asked for"
        else:
            _refuse_other_file(response, wanted)
            have = 0
        with part.open("ab") as stream:
            stream.truncate(have)
            try:
                for chunk in response.iter_bytes():  # as they come: gathering them would lose some at a cut
                    stream.write(chunk[: wanted.size + 1 - have])
                    have += len(chunk)
                    progress(wanted.name, min(have, wanted.size), wanted.size)
                    if have > wanted.size:
                        break
            except httpx2.HTTPError as error:
                return reason(error)
    return "the server closed the connection"


def _refuse_other_file(response: httpx2.Response, wanted: Wanted) -> None:
    """See from its head alone that an answer isn't the file: a missing one, or a page where to log in."""
    if response.status_code != 200:
        raise SourceFailed(_status(response))
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) != wanted.size and "Content-Encoding" not in response.headers:
        raise SourceFailed(f"offers {length} bytes instead of {wanted.size}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def reason(error: Exception) -> str:
    """An error of the client in one line, without addresses (they may hold credentials)."""
    texts: dict[type[Exception], str] = {
        httpx2.ConnectTimeout: "no connection in time",
        httpx2.ReadTimeout: "no answer in time",
        httpx2.TooManyRedirects: "it redirects without end",
        httpx2.UnsupportedProtocol: "no address that can be asked",
    }
    return texts.get(type(error)) or " ".join(str(error).split()) or type(error).__name__


def _status(response: httpx2.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".strip()


def _refuse_downgrade(response: httpx2.Response) -> None:
    """A redirect may lead anywhere on the web, but not from https to http, nor to a file of this machine."""
    if not response.has_redirect_location:
        return
    scheme = urlsplit(str(response.url.join(response.headers["Location"]))).scheme
    if scheme not in ("http", "https") or (response.url.scheme == "https" and scheme != "https"):
        raise SourceFailed(f"it redirects from {response.url.scheme} to {scheme}")


def _certificates(path: str | None) -> ssl.SSLContext | bool:
    if path is None:
        return True
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # also what ssl raises for a file without certificates
        raise SourceFailed(
            f"pip's certificate file {path} can't be used: {error.strerror or error}"
        ) from error


def _unchecked_hosts(settings: PipSettings) -> dict[str, httpx2.BaseTransport]:
    """Transports for trusted hosts that, unlike unearth's own, go through the proxy."""
    proxies = urllib.request.getproxies()
    mounts: dict[str, httpx2.BaseTransport] = {}
    for host in settings.trusted_hosts:
        bypassed = urllib.request.proxy_bypass(host)
        proxy = settings.proxy or (None if bypassed else proxies.get("https"))
        mounts[f"all://{host}"] = httpx2.HTTPTransport(verify=False, proxy=proxy)
    return mounts


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
