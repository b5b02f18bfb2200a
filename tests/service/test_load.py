"""Over a real socket: slow and greedy clients, a full queue, those who leave, and how the service stops."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import uvicorn
from tests.service.conftest import make_key

from visavis.service import server
from visavis.service.app import create_app
from visavis.service.intake import Memory
from visavis.service.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from visavis.service.service import Service

MIB = 2**20


class Running:
    """A service behind a socket, in a thread of the test."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.token = make_key(service)
        self.socket = server.bound("127.0.0.1", 0)
        self.port: int = self.socket.getsockname()[1]
        options = server._options(service.config) | {"log_config": None}
        self.server = uvicorn.Server(uvicorn.Config(create_app(service), **options))
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})

    def start(self) -> None:
        self._thread.start()
        until(lambda: self.server.started)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def client(self, **options: Any) -> httpx2.Client:
        return httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=20,
            trust_env=False,
            **options,
        )

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def head(self, *, length: int, path: str = "/v1/verifications") -> bytes:
        return (
            f"POST {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()


def until(what: Callable[[], bool], within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


@contextlib.contextmanager
def running(service: Service, **changes: Any) -> Iterator[Running]:
    config = replace(service.config, **changes)
    own = replace(
        service,
        config=config,
        pool=Pool(config.engine_count, config.queue_length, config.wait_s),
        memory=Memory(config.memory_mib * MIB),
    )
    found = Running(own)
    found.start()
    try:
        yield found
    finally:
        found.stop()
        own.pool.close()


class Held:
    """In place of the engine's work: each job waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, service: Service, verdict: Any) -> None:
        self.open = threading.Event()
        self.began = 0
        self.ended = 0

        def verify(_engine: Any, wanted: Any, *_: Any, **__: Any) -> Any:
            self.began += 1
            assert self.open.wait(15)
            wanted.check()
            self.ended += 1
            return verdict

        monkeypatch.setattr(type(service.engine), "verify", verify)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, service: Service, sface: Any, small: Mapping[str, bytes]) -> Held:
    return Held(monkeypatch, service, sface.verify(small["obama"], small["obama2"]))


def read_all(connection: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            found += data
    return found


def read_answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of an answer, which may come in pieces."""
    found = b""
    while b"\r\n\r\n" not in found and (data := connection.recv(65536)):
        found += data
    head, _, body = found.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    assert length is not None, head
    while len(body) < int(length[1]) and (data := connection.recv(65536)):
        body += data
    return head, body


def test_a_real_request(service: Service, small: Mapping[str, bytes]) -> None:
    with running(service) as here, here.client() as client:
        files = {"reference": small["obama"], "probe": small["obama2"]}
        answer = client.post("/v1/verifications", files=files)
        assert answer.status_code == 200
        assert answer.json()["verdict"]["decision"] == "match"
        assert "server" not in answer.headers


def test_a_head_that_does_not_end_is_cut(service: Service) -> None:
    with running(service, header_s=1) as here:
        start = time.monotonic()
        with here.connect() as silent, here.connect() as slow:
            slow.sendall(b"GET /v1/health/live HTTP/1.1\r\nHo")
            for _ in range(4):  # a byte now and then doesn't help
                time.sleep(0.2)
                with contextlib.suppress(OSError):
                    slow.sendall(b"x")
            assert read_all(slow) == b""
            assert read_all(silent) == b""
        assert time.monotonic() - start < 4


def test_a_body_that_does_not_come_is_told_so(service: Service) -> None:
    with running(service, body_s=1) as here, here.connect() as slow:
        slow.sendall(here.head(length=1000) + b'{"probe": "')
        start = time.monotonic()
        found = read_all(slow)
        assert 0.5 < time.monotonic() - start < 8
        head, _, body = found.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert json.loads(body)["code"] == "request.slow"


def test_a_body_that_nobody_reads_ends_too(service: Service) -> None:
    """The answer is there long before the body is, which then trickles in."""
    with running(service, body_s=1, header_s=1) as here, here.connect() as slow:
        slow.sendall(here.head(length=100_000, path="/v1/health/live"))
        assert slow.recv(65536).startswith(b"HTTP/1.1 405 ")
        start = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - start < 12:
                slow.sendall(b"x")
                time.sleep(0.2)
        assert time.monotonic() - start < 10


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_not_read(service: Service, declared: bool) -> None:
    with running(service, body_mib=1, picture_mib=1) as here:
        if declared:
            with here.connect() as greedy:
                greedy.sendall(here.head(length=10**12))
                assert b"413" in greedy.recv(65536).split(b"\r\n")[0]
            return
        chunks = (b"x" * 65536 for _ in range(64))
        with here.client() as client, contextlib.suppress(httpx2.WriteError, httpx2.ReadError):
            answer = client.post(
                "/v1/verifications", content=chunks, headers={"Content-Type": "application/json"}
            )
            assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("key", "status"), [(True, 413), (False, 401)])
def test_a_client_that_sends_all_before_it_reads_hears_why(
    service: Service, key: bool, status: int, declared: bool
) -> None:
    """As urllib does: over a connection that is reset it would never hear."""
    pieces = [bytes(MIB)] * 12
    with running(service, body_mib=8, picture_mib=1) as here:
        url = f"http://127.0.0.1:{here.port}/v1/verifications"
        headers = {"Authorization": f"Bearer {here.token}"} if key else {}
        data = b"".join(pieces) if declared else iter(pieces)
        asked = urllib.request.Request(url, data, {**headers, "Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(asked, timeout=20)
        assert caught.value.code == status
        caught.value.close()


def test_all_bodies_together_have_a_limit(service: Service) -> None:
    limits = {"body_mib": 8, "picture_mib": 8, "memory_mib": 16}
    with running(service, **limits) as here, contextlib.ExitStack() as open_ones:
        waiting = [open_ones.enter_context(here.connect()) for _ in range(2)]
        for connection in waiting:
            connection.sendall(here.head(length=8 * MIB) + b"x" * (7 * MIB))
        until(lambda: here.service.memory.held == 14 * MIB, within_s=25)
        with here.connect() as third:
            third.sendall(here.head(length=8 * MIB) + b"x" * (3 * MIB))
            head, body = read_answer(third)
            assert head.startswith(b"HTTP/1.1 429 ")
            assert json.loads(body)["code"] == "service.memory"
        open_ones.close()
        until(lambda: here.service.memory.held == 0)


def test_a_head_that_is_too_large_is_refused(service: Service) -> None:
    with running(service) as here, here.connect() as greedy:
        with contextlib.suppress(OSError):
            greedy.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")
        assert read_all(greedy)[:12] in (b"HTTP/1.1 400", b"")


def test_a_length_of_too_many_digits_is_refused(service: Service) -> None:
    """Python reads numbers of 4,300 digits at most."""
    with running(service) as here, here.connect() as greedy:
        greedy.sendall(here.head(length=0).replace(b"Length: 0", b"Length: " + b"9" * 5000))
        assert read_all(greedy).startswith(b"HTTP/1.1 400 ")


def test_one_connection_too_many_is_sent_away(service: Service) -> None:
    with running(service, connections=4) as here:
        kept = [here.connect() for _ in range(4)]
        until(lambda: len(here.server.server_state.connections) == 4)
        with here.connect() as more:
            assert read_all(more) == b""
        for connection in kept:
            connection.close()
        until(lambda: not here.server.server_state.connections)
        with here.client() as client:
            assert client.get("/v1/health/live").status_code == 200


def test_a_full_queue_says_so_at_once(service: Service, held: Held, small: Mapping[str, bytes]) -> None:
    files = {"reference": small["obama"], "probe": small["obama2"]}
    with running(service, engines=1, queue=1) as here, ThreadPoolExecutor(2) as threads:

        def ask() -> int:
            with here.client() as client:
                return client.post("/v1/verifications", files=files).status_code

        accepted = [threads.submit(ask) for _ in range(2)]
        until(lambda: here.service.pool.inside == 2 and held.began == 1)
        times = []
        with here.client() as client:
            client.get("/v1/health/live")
            for _ in range(5):
                start = time.perf_counter()
                answer = client.post("/v1/verifications", files=files)
                times.append(time.perf_counter() - start)
                assert (answer.status_code, answer.json()["code"]) == (429, "service.busy")
                assert int(answer.headers["retry-after"]) >= 1
            counted = client.get("/metrics").text
            assert re.search(r"^visavis_jobs 2\.0$", counted, re.MULTILINE)
        assert min(times) < 0.05
        held.open.set()
        assert [each.result() for each in accepted] == [200, 200]


def test_whoever_leaves_the_queue_is_not_worked_on(
    service: Service, held: Held, small: Mapping[str, bytes]
) -> None:
    files = {"reference": small["obama"], "probe": small["obama2"]}
    with running(service, engines=1, queue=4) as here, ThreadPoolExecutor(1) as threads:

        def ask() -> int:
            with here.client() as client:
                return client.post("/v1/verifications", files=files).status_code

        first = threads.submit(ask)
        until(lambda: held.began == 1)
        before = here.service.ledger.state().size
        for _ in range(3):
            with here.client() as client, pytest.raises(httpx2.ReadTimeout):
                client.post("/v1/verifications", files=files, timeout=0.3)
        until(lambda: here.service.pool.inside == 1)
        held.open.set()
        assert first.result() == 200
        until(lambda: here.service.pool.inside == 0)
        assert held.began == held.ended == 1
        assert here.service.ledger.state().size == before + 1


def test_what_is_under_way_is_answered_when_it_stops(
    service: Service, held: Held, small: Mapping[str, bytes]
) -> None:
    files = {"reference": small["obama"], "probe": small["obama2"]}
    with ThreadPoolExecutor(1) as threads, running(service, engines=1, queue=1) as here:

        def ask() -> int:
            with here.client() as client:
                return client.post("/v1/verifications", files=files).status_code

        asked = threads.submit(ask)
        until(lambda: held.began == 1)
        here.server.should_exit = True
        time.sleep(0.3)
        with pytest.raises(OSError, match="refused"):
            here.connect()
        held.open.set()
        assert asked.result() == 200
