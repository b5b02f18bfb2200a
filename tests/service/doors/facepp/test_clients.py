"""Programs that exist, against a server with a socket: curl, and a client from PyPI as it is."""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import types
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from tests.service.conftest import make_key, with_config
from tests.service.doors.facepp.conftest import COMPARE, DETECT, Facepp

from visavis.service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from visavis.service.service import Service


@pytest.fixture
def address(service: Service) -> Iterator[str]:
    """A server on the loopback interface with the door open."""
    app = create_app(with_config(service, doors=("facepp",)))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http="visavis.service.protocol:Patient", ws="none", lifespan="on", log_config=None
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            end = time.monotonic() + 20
            while not server.started and time.monotonic() < end:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def pair(service: Service) -> dict[str, str]:
    client: Any = None
    return Facepp(client, service, make_key(service)).pair


@pytest.fixture
def folder(tmp_path: Path, small: Mapping[str, bytes]) -> Path:
    for name, data in small.items():
        (tmp_path / f"{name}.jpg").write_bytes(data)
    return tmp_path


@pytest.mark.parametrize("declared", [True, False])
def test_a_client_that_sends_all_before_it_reads_hears_that_it_is_too_much(
    address: str, declared: bool
) -> None:
    """As urllib does, and with it the official SDK: over a reset connection it would try ten times more."""
    pieces = [bytes(2**20)] * 12
    data = b"".join(pieces) if declared else iter(pieces)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(address + COMPARE, data=data), timeout=20)
    assert (caught.value.code, caught.value.read()) == (413, b"Request Entity Too Large")


@pytest.mark.parametrize(
    "field", ["Content-Length: 999999999999", "Content-Length: 9000000\r\nExpect: 100-continue"]
)
def test_nobody_waits_for_what_is_not_taken_anyway(address: str, field: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as greedy:
        greedy.sendall(f"POST {COMPARE} HTTP/1.1\r\nHost: {host}\r\n{field}\r\n\r\n".encode())
        assert greedy.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize(
    "words",
    [
        "-F image_file1=@obama.jpg -F image_file2=@obama2.jpg",
        "-F image_file1=@obama.jpg;type=application/octet-stream;filename=x -F image_base64_2=<two.txt",
        "--data-urlencode image_base64_1@one.txt --data-urlencode image_base64_2@two.txt",
        "--data-urlencode image_base64_1@one.txt -d @careless.txt",
        "-H Expect: -F image_file1=@obama.jpg -F image_file2=@obama2.jpg -F image_url1= -F api_x=",
        "-H Transfer-Encoding:chunked -F image_file1=@obama.jpg -F image_file2=@obama2.jpg",
    ],
)
def test_curl(
    address: str, pair: dict[str, str], folder: Path, small: Mapping[str, bytes], words: str
) -> None:
    one, two = (base64.encodebytes(small[name]).decode() for name in ("obama", "obama2"))
    (folder / "one.txt").write_text(one)
    (folder / "two.txt").write_text(two)
    (folder / "careless.txt").write_text("image_base64_2=" + two.replace("\n", ""))  # nothing is escaped
    flag = "-d" if "-F " not in words else "-F"
    keys = [word for name, value in pair.items() for word in (flag, f"{name}={value}")]
    command = ["curl", "-sS", "--noproxy", "*", f"{address}{COMPARE}", *keys, *words.split(" ")]
    ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=30, check=True)
    plain = json.loads(ran.stdout)
    assert "error_message" not in plain, plain
    assert plain["confidence"] > plain["thresholds"]["1e-5"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_is_told_that_it_sent_too_much(address: str, folder: Path) -> None:
    (folder / "large").write_bytes(bytes(9 * 2**20))
    command = [
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "-w",
        "\n%{http_code}",
        "-F",
        "image_file=@large",
        address + DETECT,
    ]
    ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=30, check=True)
    assert ran.stdout == b"Request Entity Too Large\n413"


def test_as_the_official_python_sdk_sends(
    address: str, pair: dict[str, str], small: Mapping[str, bytes]
) -> None:
    """Its bytes, as they were seen: texts first and without a type, its own boundary, one connection."""
    boundary = "------PylibFormBoundarySSkDNnFjUJAc"
    body = b""
    for name, value in {**pair, "return_landmark": "0"}.items():
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for name, picture in (("image_file1", "obama"), ("image_file2", "obama2")):
        head = f'Content-Disposition: form-data; name="{name}"; filename="{picture}.jpg"'
        body += f"--{boundary}\r\n{head}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
        body += small[picture] + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        address + COMPARE,
        data=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}", "Connection": "close"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        plain = json.load(answer)
    assert plain["confidence"] > plain["thresholds"]["1e-5"]
    # An error status isn't tried again, and its body is read from the exception.
    bad = urllib.request.Request(address + DETECT, data=b"api_key=x&api_secret=y")
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(bad, timeout=30)
    assert (caught.value.code, json.load(caught.value)["error_message"]) == (401, "AUTHENTICATION_ERROR")
    caught.value.close()


@pytest.fixture
def facepplib(monkeypatch: pytest.MonkeyPatch) -> Any:
    """python-facepp 0.1.0a5 as it is; its one import that newer Pythons don't have is put in its place."""
    distutils, version = types.ModuleType("distutils"), types.ModuleType("distutils.version")
    version.LooseVersion = tuple  # type: ignore[attr-defined]  # it compares none where no version is asked for
    monkeypatch.setitem(sys.modules, "distutils", distutils)
    monkeypatch.setitem(sys.modules, "distutils.version", version)
    try:
        return importlib.import_module("facepplib")
    except ImportError:
        pytest.skip("needs python-facepp")


def test_a_client_from_pypi(facepplib: Any, address: str, pair: dict[str, str], folder: Path) -> None:
    client = facepplib.FacePP(**pair, url=address)
    with contextlib.closing(client.engine.session):
        compared = client.compare.get(
            image_file1=str(folder / "obama.jpg"), image_file2=str(folder / "obama2.jpg")
        )
        assert compared.confidence > compared.thresholds["1e-5"]
        image = client.image.get(
            image_file=str(folder / "obama.jpg"), return_attributes=["facequality", "gender", "blur"]
        )
        [face] = image.faces
        assert face.facequality["value"] > face.facequality["threshold"]
        again = client.compare.get(face_token1=face.face_token, image_file2=str(folder / "biden.jpg"))
        assert again.confidence < again.thresholds["1e-3"]
        wrong = facepplib.FacePP(api_key="nobody", api_secret="nothing", url=address)
        with (
            contextlib.closing(wrong.engine.session),
            pytest.raises(facepplib.exceptions.AuthenticationError),
        ):
            wrong.image.get(image_file=str(folder / "obama.jpg"))
        (folder / "text.jpg").write_text("no picture")
        with pytest.raises(facepplib.exceptions.ImageErrorUnsupportedFormat):
            client.image.get(image_file=str(folder / "text.jpg"))
