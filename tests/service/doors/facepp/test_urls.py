"""Pictures by their address: nothing but what the operator named, at addresses that were looked at."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from tests.service.conftest import make_key, with_config
from tests.service.doors.facepp.conftest import COMPARE, Facepp, opened

from visavis.service.doors.facepp import urls
from visavis.service.doors.facepp.errors import Said
from visavis.service.doors.facepp.pictures import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from visavis.service.service import Service

PUBLIC = "93.184.216.34"
OPENSSL = [
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ed25519",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=pictures.example",
]


@dataclass
class Internet:
    """Names, what lies at addresses, and where connections went."""

    names: dict[str, list[str]]
    pages: dict[str, Callable[[httpx2.Request], httpx2.Response]]
    went: list[tuple[str, str, str | None]] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> list[str]:
        if host not in self.names:
            raise OSError("no such name")
        return self.names[host]

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        host = request.headers["host"]
        self.went.append((request.url.host, host, request.extensions.get("sni_hostname")))
        return self.pages[f"{request.url.scheme}://{host}{request.url.raw_path.decode()}"](request)

    def fetched(self, service: Service, url: str) -> bytes:
        transport = httpx2.MockTransport(self.answer)
        return asyncio.run(
            urls.fetched(service, url, "image_url1", resolve=self.resolve, transport=transport)
        )


class Stream(httpx2.AsyncByteStream):
    """Bytes that come in parts, as they do from a network."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._content), 2**16):
            yield self._content[at : at + 2**16]


def page(
    content: bytes = b"a picture", status: int = 200, **headers: str
) -> Callable[[Any], httpx2.Response]:
    return lambda _: httpx2.Response(status, stream=Stream(content), headers=headers)


def to(url: str) -> Callable[[Any], httpx2.Response]:
    return page(b"", 302, location=url)


@pytest.fixture
def listed(service: Service) -> Service:
    return with_config(
        service, facepp_image_hosts=("pictures.example", "http://plain.example:8080", "other.example")
    )


def test_a_picture_that_may_be_fetched(listed: Service) -> None:
    internet = Internet(
        {"pictures.example": [PUBLIC], "plain.example": ["2606:2800:220:1::1"]},
        {
            "https://pictures.example/a?b=c%20d": page(b"one"),
            "http://plain.example:8080/": page(b"two"),
        },
    )
    assert internet.fetched(listed, "https://pictures.example/a?b=c%20d#part") == b"one"
    assert internet.fetched(listed, "HTTP://Plain.Example:8080") == b"two"
    # The connection goes to the address that was looked at, under the name that the certificate has.
    assert internet.went == [
        (PUBLIC, "pictures.example", "pictures.example"),
        ("2606:2800:220:1::1", "plain.example:8080", "plain.example"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/a",
        "http://pictures.example/a",  # the list says HTTPS
        "https://pictures.example:8443/a",
        "https://plain.example:8080/",
        "http://plain.example/",
        "https://user@pictures.example/a",
        "https://user:secret@pictures.example/a",
        "https://pictures.example@elsewhere.example/a",
        "https://pictures.example.elsewhere.example/a",
        "https://pictures.example\\@elsewhere.example/a",
        "https://pictures.example /a",
        "ftp://pictures.example/a",
        "file:///etc/passwd",
        "gopher://pictures.example/",
        "https://93.184.216.34/a",
        "https://[::1]/a",
        "https://pictures.example:99999/a",
        "//pictures.example/a:b://",
        "https://" + "a" * 3000,
        "https://pictures.example/" + "a" * 3000,
        "https://pictures.\u0435xample/a",
        "",
        "nonsense",
    ],
)
def test_addresses_that_are_not_on_the_list(listed: Service, url: str) -> None:
    internet = Internet(
        {"pictures.example": [PUBLIC], "plain.example": [PUBLIC], "elsewhere.example": [PUBLIC]}, {}
    )
    with pytest.raises(Said, match="INVALID_IMAGE_URL: image_url1"):
        internet.fetched(listed, url)
    assert internet.went == []


NOT_PUBLIC = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1"),
    *(
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "ff02::1",
    ),
    *("::ffff:127.0.0.1", "::ffff:93.184.216.34", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1"),
    *("2001:db8::1", "64:ff9b:1::1", "3fff::1", "5f00::1", "100::1", "4000::1", "not an address", ""),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_names_that_lead_inside(listed: Service, address: str) -> None:
    for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
        internet = Internet({"pictures.example": addresses}, {})
        with pytest.raises(Said, match="INVALID_IMAGE_URL: image_url1"):
            internet.fetched(listed, "https://pictures.example/a")
        assert internet.went == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert urls.is_public(address)


@pytest.mark.parametrize(
    ("there", "inside"),
    [
        ("https://elsewhere.example/a", PUBLIC),
        ("http://169.254.169.254/latest/meta-data", PUBLIC),
        ("http://localhost:8420/metrics", PUBLIC),
        ("file:///etc/passwd", PUBLIC),
        ("https://other.example/b", "10.0.0.1"),
        ("//other.example/b", "127.0.0.1"),
    ],
)
def test_redirects_are_looked_at_like_the_first_address(listed: Service, there: str, inside: str) -> None:
    internet = Internet(
        {
            "pictures.example": [PUBLIC],
            "elsewhere.example": [PUBLIC],
            "localhost": ["127.0.0.1"],
            "other.example": [inside],
        },
        {"https://pictures.example/a": to(there)},
    )
    with pytest.raises(Said, match="INVALID_IMAGE_URL: image_url1"):
        internet.fetched(listed, "https://pictures.example/a")
    assert len(internet.went) == 1


def test_a_few_redirects_are_followed(listed: Service) -> None:
    internet = Internet(
        {"pictures.example": [PUBLIC], "other.example": ["8.8.8.8"]},
        {
            "https://pictures.example/a": to("/b"),
            "https://pictures.example/b": to("https://other.example/c"),
            "https://other.example/c": page(b"there"),
            "https://other.example/round": to("round"),
        },
    )
    assert internet.fetched(listed, "https://pictures.example/a") == b"there"
    assert [address for address, *_ in internet.went] == [PUBLIC, PUBLIC, "8.8.8.8"]
    with pytest.raises(Said, match="INVALID_IMAGE_URL"):
        internet.fetched(listed, "https://other.example/round")
    assert len(internet.went) == 3 + urls.MAX_REDIRECTS + 1


def test_a_name_cant_lead_elsewhere_a_moment_later(listed: Service) -> None:
    """It is asked once for each step, and what it said is what is connected to."""
    answers = [[PUBLIC], ["127.0.0.1"]]
    internet = Internet({}, {"https://pictures.example/a": page(b"once")})

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0)

    transport = httpx2.MockTransport(internet.answer)
    found = asyncio.run(
        urls.fetched(listed, "https://pictures.example/a", "f", resolve=rebinding, transport=transport)
    )
    assert (found, answers, internet.went[0][0]) == (b"once", [["127.0.0.1"]], PUBLIC)


def timed_out(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("slow", request=request)


def broken(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (page(b"", 404), 400, "INVALID_IMAGE_URL: image_url1"),
        (page(b"", 500), 400, "INVALID_IMAGE_URL: image_url1"),
        (page(b"part", 206), 400, "INVALID_IMAGE_URL: image_url1"),
        (broken, 400, "INVALID_IMAGE_URL: image_url1"),
        (page(bytes(MAX_BYTES + 1)), 400, "IMAGE_FILE_TOO_LARGE: image_url1"),
        (timed_out, 412, "IMAGE_DOWNLOAD_TIMEOUT: image_url1"),
    ],
)
def test_what_cant_be_had(
    listed: Service, answer: Callable[[httpx2.Request], httpx2.Response], status: int, message: str
) -> None:
    internet = Internet({"pictures.example": [PUBLIC]}, {"https://pictures.example/a": answer})
    held = listed.memory.held
    with pytest.raises(Said) as caught:
        internet.fetched(listed, "https://pictures.example/a")
    assert (caught.value.status, caught.value.detail) == (status, message)
    del caught
    assert listed.memory.held == held


def test_all_of_it_has_a_time(listed: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "WITHIN_S", 0.05)

    async def slow(host: str, port: int) -> list[str]:
        await asyncio.sleep(10)
        return [PUBLIC]

    with pytest.raises(Said, match="IMAGE_DOWNLOAD_TIMEOUT: f"):
        asyncio.run(urls.fetched(listed, "https://pictures.example/a", "f", resolve=slow))


@pytest.mark.parametrize("secure", [False, True])
def test_over_a_real_connection(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    """The name goes to the server; a certificate that nobody vouches for is refused."""
    seen: list[str | None] = []

    class Pictures(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Host"])
            self.send_response(200)
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b"a picture")

        def log_message(self, *_: object) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # whose certificate is refused is hung up on

    server = Server(("127.0.0.1", 0), Pictures)
    if secure:
        command = [*OPENSSL, "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
        context.sni_callback = lambda _, name, __: seen.append(name)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(urls, "is_public", lambda address: address == "127.0.0.1")
    origin = f"{'https' if secure else 'http'}://pictures.example:{server.server_port}"
    listed = with_config(service, facepp_image_hosts=(origin,))
    internet = Internet({"pictures.example": ["127.0.0.1"]}, {})
    try:
        if secure:
            with pytest.raises(Said, match="INVALID_IMAGE_URL: f"):
                asyncio.run(urls.fetched(listed, f"{origin}/a", "f", resolve=internet.resolve))
            assert seen == ["pictures.example"]
        else:
            found = asyncio.run(urls.fetched(listed, f"{origin}/a", "f", resolve=internet.resolve))
            assert (found, seen) == (b"a picture", [f"pictures.example:{server.server_port}"])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_off_by_default(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    found = facepp.refused(COMPARE, {"image_url2": "https://pictures.example/a"}, image_file1=small["obama"])
    assert found == (400, "INVALID_IMAGE_URL: image_url2")


def test_a_comparison_with_a_picture_that_is_fetched(
    service: Service, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    internet = Internet(
        {"pictures.example": [PUBLIC]}, {"https://pictures.example/2.jpg": page(small["obama2"])}
    )
    real = urls.fetched

    async def fetched(service: Service, url: str, field: str) -> bytes:
        transport = httpx2.MockTransport(internet.answer)
        return await real(service, url, field, resolve=internet.resolve, transport=transport)

    monkeypatch.setattr(urls, "fetched", fetched)
    with opened(service, facepp_image_hosts=("pictures.example",)) as http:
        facepp = Facepp(http, service, make_key(service))
        given = {"image_url2": "https://pictures.example/2.jpg"}
        plain = facepp.compared(given, image_file1=small["obama"])
        assert plain["confidence"] > plain["thresholds"]["1e-5"]
        # Nothing is fetched for whom the key doesn't let in, or for a request that isn't complete.
        assert facepp.refused(COMPARE, {**given, "api_secret": "x"}, image_file1=small["obama"])[0] == 401
        assert facepp.refused(COMPARE, given)[1].startswith("MISSING_ARGUMENTS")
    assert len(internet.went) == 1
