"""Pictures that are fetched from an address that a client gives: only from hosts that the operator named.

Whoever may make a service fetch something can try to reach what only the service can. So nothing is fetched
unless the host stands on the operator's list; every address that its name leads to must be a public one; the
connection is made to the very address that was looked at, so that the name can't lead elsewhere a moment
later; all of this holds again after each redirect; and there are limits on time, bytes and redirects.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from visavis.service.doors.facepp.errors import Said
from visavis.service.doors.facepp.pictures import MAX_BYTES, too_large
from visavis.service.intake import Body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    import httpx2

    from visavis.service.service import Service

    Resolve = Callable[[str, int], Awaitable[Collection[str]]]

WITHIN_S = 5.0
"""For all of it: names, redirects, bytes."""
MAX_REDIRECTS = 3
MAX_URL = 2048
PORTS = {"https": 443, "http": 80}

UNICAST = ipaddress.ip_network("2000::/3")
"""What IANA has given out of IPv6 for the public Internet."""
NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            *("192.0.0.0/24", "192.88.99.0/24"),  # for protocols, for relays that are no more
            *("2001::/23", "2001:db8::/32", "3fff::/20"),  # for protocols, for documents
            "2002::/16",  # leads to another address that is written in it (RFC 3056)
        ),
    )
)
"""Beside what `ipaddress` itself calls not global, which isn't the same in all versions of Python."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of an address."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Origin:
        """That of an address, or of an entry of the operator's list: a host alone means HTTPS.

        Raises:
            ValueError: It has none, or says more than an address may.
        """
        if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
            raise ValueError("an address is printable ASCII without spaces")
        parts = urlsplit(text if "://" in text else f"https://{text}")
        if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.password:
            raise ValueError("an address has HTTP or HTTPS, a host, and no user")
        return cls(parts.scheme, parts.hostname.lower().rstrip("."), parts.port or PORTS[parts.scheme])


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet, and no other one is written in it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and (found not in UNICAST or found.scope_id is not None):
        return False  # those with another address in them among others: mapped, translated
    if found.is_multicast or found.is_reserved or any(found in net for net in NEVER):
        return False
    return found.is_global


async def resolved(host: str, port: int) -> list[str]:
    """All addresses of a name.

    Raises:
        OSError: It has none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def fetched(
    service: Service,
    url: str,
    field: str,
    *,
    resolve: Resolve = resolved,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> bytes:
    """The bytes that lie at an address; they are counted as long as somebody holds them.

    Args:
        service: Whose list of hosts counts.
        url: What the client gave.
        field: In which field.
        resolve: Gives all addresses of a host.
        transport: What makes the connection.

    Raises:
        Said: They can't be had.
        Problem: 429 `service.memory`.
    """
    allowed = {Origin.of(entry) for entry in service.config.facepp_image_hosts}
    if not allowed:
        raise _invalid(field)
    body = Body(service.memory)
    errand = _Errand(field, allowed, body, resolve, transport)
    try:
        async with asyncio.timeout(WITHIN_S):
            for _ in range(MAX_REDIRECTS + 1):
                onward = await errand.step(url)
                if onward is None:
                    found, body.data = body.held(body.data), bytearray()
                    return found
                url = onward
        raise _invalid(field)
    except TimeoutError:
        body.let_go()
        raise Said(412, "IMAGE_DOWNLOAD_TIMEOUT", field) from None
    except BaseException:
        body.let_go()
        raise


@dataclass(frozen=True, slots=True, eq=False)
class _Errand:
    """What holds for every step of the way to a picture."""

    field: str
    allowed: Collection[Origin]
    body: Body
    resolve: Resolve
    transport: httpx2.AsyncBaseTransport | None

    async def step(self, url: str) -> str | None:
        """Follow an address: where it leads on to, or None where its bytes were read."""
        import httpx2

        origin, address = await self._looked_at(url)
        headers = {
            "Host": _authority(origin.host, None if origin.port == PORTS[origin.scheme] else origin.port),
            "Accept": "image/jpeg, image/png",
            "Accept-Encoding": "identity",
            "User-Agent": "visavis",
        }
        parts = urlsplit(url)
        there = f"{origin.scheme}://{_authority(address, origin.port)}{parts.path or '/'}"
        there += f"?{parts.query}" if parts.query else ""
        client = httpx2.AsyncClient(
            transport=self.transport,
            trust_env=False,
            follow_redirects=False,
            timeout=WITHIN_S,
            headers=headers,
        )
        try:
            # The certificate has to be that of the name, whatever address the connection goes to.
            extensions = {"sni_hostname": origin.host}
            async with client, client.stream("GET", there, extensions=extensions) as answer:
                if answer.has_redirect_location:
                    return urljoin(url, answer.headers["location"])
                if answer.status_code != 200:
                    raise _invalid(self.field)
                async for chunk in answer.aiter_raw():
                    if len(self.body.data) + len(chunk) > MAX_BYTES:
                        raise too_large(self.field)
                    self.body.add(chunk)
                return None
        except httpx2.TimeoutException:
            raise TimeoutError from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError):
            raise _invalid(self.field) from None

    async def _looked_at(self, url: str) -> tuple[Origin, str]:
        """Where an address leads, if it may: one of the IP addresses of its host, which are all public."""
        try:
            origin = Origin.of(url[: MAX_URL + 1])
            if len(url) > MAX_URL or origin not in self.allowed:
                raise _invalid(self.field)
            addresses = await self.resolve(origin.host, origin.port)
        except (ValueError, OSError):
            raise _invalid(self.field) from None
        if not addresses or not all(map(is_public, addresses)):
            raise _invalid(self.field)
        return origin, next(iter(addresses))


def _authority(host: str, port: int | None) -> str:
    """Host and port as they stand in an address."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _invalid(field: str) -> Said:
    return Said(400, "INVALID_IMAGE_URL", field)
