"""A toy catalogue, and a package index on this machine that serves it, with the faults a test asks for."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from visavis.packs import catalogue, convert, download
from visavis.packs.catalogue import Distribution, Engine, File, IndexMember, PackRecogniser, Upstream, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def noise(size: int, seed: int) -> bytes:
    """Bytes that don't compress, the same in every run."""
    return b"".join(hashlib.sha256(b"%d %d" % (seed, i)).digest() for i in range(-(-size // 32)))[:size]


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


class Server(ThreadingHTTPServer):
    """Serves `files`; `faults[path]` is a queue of what goes wrong with the next answers for that path.

    Faults: a status ("500"), "cut" (half of what was asked for, then the end), "stall" (half, then nothing
    for a while), "other" (as long, but not the same), "longer", "redirect ADDRESS".
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, tuple[str, bytes]] = {}
        self.faults: defaultdict[str, list[str]] = defaultdict(list)
        self.log: list[tuple[str, str | None]] = []
        self.ranges = True

    def add(self, path: str, content: bytes, kind: str = "application/octet-stream") -> str:
        self.files[path] = (kind, content)
        return self.url + path

    def asked(self, path: str) -> list[str | None]:
        """The Range headers of the requests for a path."""
        return [wanted for asked, wanted in self.log if asked == path]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.log.append((self.path, wanted))
        faults = self.server.faults[self.path]
        fault = faults.pop(0) if faults else ""
        if fault.isdigit():
            self.send_error(int(fault))
        elif fault.startswith("redirect "):
            self.send_response(302)
            self.send_header("Location", fault.removeprefix("redirect "))
            self.end_headers()
        elif self.path not in self.server.files:
            self.send_error(404)
        else:
            self._answer(*self.server.files[self.path], wanted, fault)

    def _answer(self, kind: str, content: bytes, wanted: str | None, fault: str) -> None:
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        whole = len(content)
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", kind)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        body = content[start:]
        if fault == "other":
            body = bytes(len(body))
        if fault == "longer":
            body += bytes(1000)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half] if fault in ("cut", "stall") else body)
        if fault == "stall":
            self.wfile.flush()
            time.sleep(1)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and no settings of the machine that runs the tests."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_", "VISAVIS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(download, "BACK_OFF_S", (0.01, 0.01, 0.01))
    return tmp_path / "home"


@dataclass
class Toys:
    """Two packs of noise, "toy" and "twin", that share their detectors.

    The detectors are in a wheel, toy's recogniser in an sdist and upstream, twin's upstream only.
    """

    server: Server
    contents: dict[str, bytes] = field(default_factory=dict)
    distributions: dict[str, bytes] = field(default_factory=dict)
    packs: dict[str, Engine] = field(default_factory=dict)
    converted: list[str] = field(default_factory=list)

    def list_on_index(self, *, as_json: bool = False, hashes: bool = True, root: str = "/simple") -> str:
        """Put the distributions on an index; returns its address."""
        for project, filename in (("toy-wheel", WHEEL), ("toy-sdist", SDIST)):
            content = self.distributions[filename]
            self.server.add(f"/files/{filename}", content)
            entry = {
                "url": f"/files/{filename}",
                "filename": filename,
                "hashes": {"sha256": sha256(content)} if hashes else {},
                "requires-python": "<3",  # it's read, so no matter which Python could run it
            }
            fragment = f"#sha256={sha256(content)}" if hashes else ""
            page = f'<a href="/files/{filename}{fragment}" data-requires-python="&lt;3">{filename}</a>'
            text, kind = (
                (json.dumps({"name": project, "files": [entry]}), "application/vnd.pypi.simple.v1+json")
                if as_json
                else (page, "text/html")
            )
            self.server.add(f"{root}/{project}/", text.encode(), kind)
        return self.server.url + root

    def convert(self, recipe: str, source: bytes) -> bytes:
        self.converted.append(recipe)
        return recipe.encode() + source


WHEEL = "toy_wheel-1.0-py3-none-any.whl"
SDIST = "toy_sdist-1.0.tar.gz"


@pytest.fixture
def toys(home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Toys:
    made = Toys(server)
    made.contents = {
        "eyes.onnx": noise(40_000, 1),
        "points.onnx": noise(150_000, 2),
        "toy.onnx": noise(300_000, 3),
        "twin.pt": noise(20_000, 4),
    }
    in_wheel = {f"toy/{name}": made.contents[name] for name in ("eyes.onnx", "points.onnx")}
    made.distributions = {
        WHEEL: zipped({"toy/__init__.py": b"raise RuntimeError('installed')", **in_wheel}),
        SDIST: tarred(
            {"toy/setup.py": b"raise RuntimeError('run')", "toy/toy.onnx": made.contents["toy.onnx"]}
        ),
    }
    held = {
        name: Distribution(requirement, name, sha256(made.distributions[name]), len(made.distributions[name]))
        for name, requirement in ((WHEEL, "toy-wheel==1.0"), (SDIST, "toy-sdist==1.0"))
    }
    upstream = server.url + "/upstream/"

    def file(name: str, *sources: IndexMember | Upstream) -> File:
        content = made.contents[name]
        return File(name, sha256(content), len(content), Path(name).stem, "MIT", "a toy", sources)

    eyes = file("eyes.onnx", IndexMember(held[WHEEL], "toy/eyes.onnx"))
    points = file("points.onnx", IndexMember(held[WHEEL], "toy/points.onnx"))
    toy = file("toy.onnx", IndexMember(held[SDIST], "toy/toy.onnx"), Upstream(upstream + "toy.onnx"))
    twin = file("twin.pt", Upstream(upstream + "twin.pt"))
    made.packs = {
        name: Engine(name, name, "a toy", "MIT", ("noise",), (), (), eyes, points, recognisers)
        for name, recognisers in (
            ("toy", (PackRecogniser(toy, 8, (View(),)),)),
            ("twin", (PackRecogniser(twin, 8, (View(),)),)),
        )
    }
    for name in ("toy.onnx", "twin.pt"):
        server.add(f"/upstream/{name}", made.contents[name])
    for name, pack in made.packs.items():
        monkeypatch.setitem(catalogue.PACKS, name, pack)
    monkeypatch.setattr(convert, "convert", made.convert)
    monkeypatch.setattr(convert, "RECIPE_VERSION", 1)
    return made


@pytest.fixture
def indexed(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> Toys:
    """The toys with their index as the one that pip is configured for."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", toys.list_on_index())
    return toys


@pytest.fixture
def read_only_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Path]]:
    """A home that can be made read-only by calling this, also where root runs the tests."""
    if not hasattr(os, "geteuid"):
        pytest.skip("needs POSIX permissions")
    # Not below tmp_path: the user that root turns into couldn't get there.
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "home"
        root.mkdir()
        root.parent.chmod(0o755)
        monkeypatch.setenv("VISAVIS_HOME", str(root))
        user = os.geteuid()

        def close() -> Path:
            for path in (*root.rglob("*"), root):
                path.chmod(0o555 if path.is_dir() else 0o444)
            if user == 0:
                os.seteuid(65534)
            return root

        yield close
        if user == 0:
            os.seteuid(0)
        for path in (root, *root.rglob("*")):
            path.chmod(0o755)
