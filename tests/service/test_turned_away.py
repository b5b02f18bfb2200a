"""Who finds no room hears it by the head alone, whatever they go on sending; everybody else is served."""

from __future__ import annotations

import contextlib
import gc
import inspect
import json
import logging
import re
import socket
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient
from tests.service.conftest import Door, make_key
from tests.service.test_load import Running, read_all, read_answer, running, until

from visavis.service import models, protocol, routes
from visavis.service.app import create_app
from visavis.service.intake import Body, Memory
from visavis.service.logs import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from visavis.service.service import Service

MIB = 2**20
LARGE = 24 * MIB  # more than the buffers of a loopback connection take


@pytest.fixture
def full(service: Service) -> Iterator[Running]:
    """A service all of whose places are taken."""
    with running(service, engines=1, queue=0) as here, here.service.pool.place("verdict"):
        yield here


def problem_of(head: bytes, body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    models.ProblemDocument.model_validate(found)
    assert head.startswith(f"HTTP/1.1 {found['status']} ".encode())
    return found


def test_it_is_said_by_the_head_alone(full: Running) -> None:
    with full.connect() as connection:
        times = []
        connection.sendall(full.head(length=LARGE))
        start = time.perf_counter()
        head, body = read_answer(connection)
        times.append(time.perf_counter() - start)
        assert problem_of(head, body)["code"] == "service.busy"
        for field in (rb"retry-after: \d+", b"connection: close", b"x-request-id: [0-9a-f]{32}"):
            assert re.search(rb"(?i)\r\n" + field + rb"\r\n", head + b"\r\n")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):  # what may still come is waited for
            connection.recv(1)
    for _ in range(4):
        with full.connect() as connection:
            start = time.perf_counter()
            connection.sendall(full.head(length=1000))
            read_answer(connection)
            times.append(time.perf_counter() - start)
    assert min(times) < 0.05
    assert full.service.memory.held == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_who_sends_all_before_reading_reads_the_answer(full: Running, chunked: bool) -> None:
    """Closed over bytes that nobody took, the connection would be reset and the answer gone."""
    with full.connect() as connection:
        if chunked:
            head = full.head(length=0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            connection.sendall(head + (b"100000\r\n" + b"x" * MIB + b"\r\n") * (LARGE // MIB) + b"0\r\n\r\n")
        else:
            connection.sendall(full.head(length=LARGE) + b"x" * LARGE)
        head, body = read_answer(connection)
        assert problem_of(head, body)["code"] == "service.busy"
        if not chunked:
            assert connection.recv(1) == b""  # all of it came: the connection ends
    until(lambda: not full.server.server_state.connections)


def test_who_goes_on_sending_for_ever_is_cut(full: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "FAREWELL_S", 0.5)
    with full.connect() as connection:
        connection.sendall(full.head(length=LARGE))
        read_answer(connection)
        start = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - start < 10:
                connection.sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() - start < 5
    until(lambda: not full.server.server_state.connections)


def test_no_more_is_taken_than_was_announced(full: Running) -> None:
    with full.connect() as connection:
        connection.sendall(full.head(length=10) + b"x" * 10)
        assert read_all(connection).startswith(b"HTTP/1.1 429 ")
    with full.connect() as connection:
        connection.sendall(full.head(length=10**15))
        read_answer(connection)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 256 * MIB:
                sent += connection.send(b"x" * MIB)
        most = full.service.config.body_mib * MIB
        assert sent < most + LARGE


def test_a_body_that_waits_for_a_word_is_not_asked_for(full: Running) -> None:
    head = full.head(length=LARGE).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with full.connect() as connection:
        connection.sendall(head)
        assert read_all(connection).startswith(b"HTTP/1.1 429 ")


def test_a_connection_that_was_served_before_is_turned_away_too(full: Running) -> None:
    with full.connect() as connection:
        for _ in range(2):
            connection.sendall(b"GET /v1/health/live HTTP/1.1\r\nHost: here\r\n\r\n")
            assert read_answer(connection)[0].startswith(b"HTTP/1.1 200 ")
        connection.sendall(full.head(length=2) + b"{}")
        assert read_all(connection).startswith(b"HTTP/1.1 429 ")


def test_one_that_was_sent_ahead_is_turned_away_when_its_turn_comes(full: Running) -> None:
    with full.connect() as connection:
        connection.sendall(
            b"GET /v1/health/live HTTP/1.1\r\nHost: here\r\n\r\n" + full.head(length=2) + b"{}"
        )
        found = read_all(connection)
        assert re.findall(rb"HTTP/1\.1 (\d+) ", found) == [b"200", b"429"]


def test_everything_else_is_answered(full: Running) -> None:
    paths = ("/v1/health/live", "/v1/health/ready", "/v1/about", "/metrics", "/.well-known/jwks.json")
    with full.client() as client:
        for path in paths:
            assert client.get(path).status_code == 200, path
        assert client.get("/v1/verifications/verification_" + "0" * 32).status_code == 404
        assert client.post("/v1/challenges").status_code == 201  # no engine has to do with it
        assert client.post("/v1/else").status_code == 404
        for path in ("/v1/quality", "/v1/documents", "/v1/crosschecks", f"/v1/challenges/{'0' * 32}/answers"):
            assert client.post(path).status_code == 429, path
        # However its path is written, a request meets the application or the porter, and the same refusal.
        assert client.post("/v1/%76erifications?x=1").status_code == 429


def test_it_is_like_a_refusal_of_the_application(
    full: Running, small: Mapping[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Beside each other: the porter's answer, and that of the application where nobody stands at the door."""
    files = {"reference": small["obama"], "probe": small["obama2"]}
    given = {"X-Request-Id": "mine-1"}

    def counted() -> list[str]:
        text = full.service.metrics.text().decode()
        return re.findall(
            r'^visavis_requests_total{.*route="/v1/verifications",status="429"} (\S+)', text, re.MULTILINE
        )

    found, before = [], float((counted() or ["0"])[0])
    with caplog.at_level("INFO", logger="visavis.service"):
        with full.client() as client:
            found.append(client.post("/v1/verifications", files=files, headers=given))
        with TestClient(create_app(full.service)) as http:
            found.append(
                Door(http, full.service, full.token).post("/v1/verifications", files=files, headers=given)
            )
    by_porter, by_application = found
    assert by_porter.json() == by_application.json()
    assert by_porter.json()["request_id"] == "mine-1"
    of_the_server = {"date", "connection"}
    assert set(by_porter.headers) - of_the_server == set(by_application.headers)
    assert all(by_porter.headers[name] == value for name, value in by_application.headers.items())
    assert float(counted()[0]) == before + 2
    lines = [vars(record) for record in caplog.records if record.getMessage() == "answered"]
    told = ("request_id", "method", "route", "status", "code")
    assert [tuple(line[name] for name in told) for line in lines] == [
        ("mine-1", "POST", "/v1/verifications", 429, "service.busy")
    ] * 2
    assert {name for name in lines[0] if name not in lines[1]} == set()


def test_the_porter_knows_every_route_to_an_engine() -> None:
    to_an_engine = {
        route.endpoint
        for route in routes.router.routes
        if isinstance(route, APIRoute) and "await answered(" in inspect.getsource(route.endpoint)
    }
    assert len(to_an_engine) >= 5
    assert to_an_engine == set(routes.QUEUED)


def test_who_sends_slowly_keeps_nobody_out(
    service: Service, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(service, engines=1, queue=0) as here, here.client() as client:
        body, content_type = form({"reference": small["obama"], "probe": small["obama2"]})
        head = here.head(length=len(body)).replace(b"application/json", content_type.encode())
        with here.connect() as slow:
            slow.sendall(head + body[:1000])
            until(lambda: here.service.memory.held == 1000 and here.service.pool.inside == 0)
            quick = client.post("/v1/verifications", content=body, headers={"Content-Type": content_type})
            assert quick.status_code == 200
            slow.sendall(body[1000:])
            assert read_answer(slow)[0].startswith(b"HTTP/1.1 200 ")
        with here.connect() as slow:
            slow.sendall(head + body[:1000])
            until(lambda: here.service.memory.held == 1000 and here.service.pool.inside == 0)
            with here.service.pool.place("verdict"):
                slow.sendall(body[1000:])
                answer = read_answer(slow)
            assert problem_of(*answer)["code"] == "service.busy"
        until(lambda: here.service.memory.held == 0)


def form(files: Mapping[str, bytes]) -> tuple[bytes, str]:
    request = httpx2.Request("POST", "http://here", files=files)
    return request.read(), request.headers["content-type"]


def left_in_the_head(here: Running) -> None:
    with here.connect() as connection:
        connection.sendall(here.head(length=1000)[:-2])


def left_in_the_body(here: Running) -> None:
    with here.connect() as connection:
        connection.sendall(here.head(length=1000) + b"{")
        until(lambda: here.service.memory.held == 1)


def reset_in_the_body(here: Running) -> None:
    with here.connect() as connection:
        connection.sendall(here.head(length=1000) + b"{")
        until(lambda: here.service.memory.held == 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def posted(path: str, **given: Any) -> Any:
    def ask(here: Running) -> None:
        with here.client() as client:
            answer = client.post(path, **{"headers": {}, **given})
        assert 400 <= answer.status_code < 600

    return ask


def left_while_a_refusal_is_recorded(here: Running) -> None:
    with held_up(type(here.service.ledger), "append"):
        left_soon(here)


def left_while_an_engine_works(here: Running) -> None:
    with held_up(type(here.service.engine), "verify"):
        left_soon(here)


def left_soon(here: Running) -> None:
    with here.client() as client, pytest.raises(httpx2.ReadTimeout):
        client.post("/v1/verifications", files={"reference": b"x", "probe": b"y"}, timeout=0.5)


@contextlib.contextmanager
def held_up(owner: type, name: str) -> Iterator[None]:
    """Let nothing of this name go on before the block has ended."""
    do, ended = getattr(owner, name), threading.Event()

    def waits(*given: Any, **named: Any) -> Any:
        assert ended.wait(15)
        return do(*given, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, waits)
        try:
            yield
        finally:
            ended.set()


def fails_in(owner: str, name: str) -> Callable[[Running], None]:
    def ask(here: Running) -> None:
        def fails(*_: Any, **__: Any) -> Any:
            raise ZeroDivisionError

        with pytest.MonkeyPatch.context() as patched, here.client() as client:
            patched.setattr(type(getattr(here.service, owner)), name, fails)
            client.post("/v1/verifications", files={"reference": b"x", "probe": b"y"})

    return ask


def at_face_plus_plus(here: Running) -> None:
    _, name, secret = here.token.split("_", 2)
    key, files = {"api_key": name, "api_secret": secret}, {"image_file1": b"x", "image_file2": b"y"}
    with here.client() as client:
        assert client.post("/facepp/v3/compare", data=key, files=files).status_code == 400


def at_mosip(here: Running) -> None:
    with here.client() as client:
        answer = client.post("/biosdk-service/match", json={"version": "1.0", "request": "e30="})
    assert answer.json()["response"]["statusCode"] == 402


WAYS = {
    "no key": posted("/v1/verifications", headers={"Authorization": ""}),
    "unknown key": posted("/v1/verifications", headers={"Authorization": "Bearer vv_else"}),
    "no content": posted("/v1/verifications"),
    "no JSON": posted("/v1/verifications", content=b"{", headers={"Content-Type": "application/json"}),
    "no picture": posted("/v1/verifications", files={"reference": b"x", "probe": b"y"}),
    "a bad Idempotency-Key": posted("/v1/verifications", headers={"Idempotency-Key": ""}),
    "no challenge": posted(
        f"/v1/challenges/{'0' * 32}/answers", files={"frame": b"x"}, data={"times": "[0]"}
    ),
    "too large": posted(
        "/v1/quality", content=b"x" * (2 * MIB), headers={"Content-Type": "application/json"}
    ),
    "left in the head": left_in_the_head,
    "left in the body": left_in_the_body,
    "reset in the body": reset_in_the_body,
    "at Face++'s door": at_face_plus_plus,
    "at MOSIP's door": at_mosip,
    "left while a refusal is recorded": left_while_a_refusal_is_recorded,
    "left while an engine works": left_while_an_engine_works,
    "a fault of the engine": fails_in("engine", "verify"),
    "a fault of the ledger": fails_in("ledger", "append"),
}


@pytest.fixture
def bodies(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[weakref.WeakSet[Body]]:
    """All bodies that somebody holds, with nobody to find those that only hold each other."""
    caplog.set_level(logging.CRITICAL + 1, LOGGER)  # pytest would keep each fault, and with it what was given
    found: weakref.WeakSet[Body] = weakref.WeakSet()
    begin = Body.__init__

    def begins(body: Body, memory: Memory) -> None:
        begin(body, memory)
        found.add(body)

    monkeypatch.setattr(Body, "__init__", begins)
    gc.disable()
    try:
        yield found
    finally:
        gc.enable()


@pytest.mark.parametrize("way", WAYS)
def test_a_place_and_its_memory_come_back_at_once_however_a_request_ends(
    service: Service, bodies: weakref.WeakSet[Body], way: str
) -> None:
    doors = ("facepp", "mosip")
    with running(service, engines=1, queue=1, body_mib=1, picture_mib=1, doors=doors) as here:
        for _ in range(3):
            WAYS[way](here)
            until(lambda: here.service.pool.inside == 0 and not bodies and here.service.memory.held == 0)
        assert re.search(rb"^visavis_jobs 0\.0$", here.service.metrics.text(), re.MULTILINE)


def test_a_place_comes_back_after_an_answer_and_after_each_kind_of_failure(
    service: Service,
    small: Mapping[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    bodies: weakref.WeakSet[Body],
) -> None:
    files = {"reference": small["obama"], "probe": small["obama2"]}

    def fails(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    with running(service, engines=1, queue=0) as here, here.client() as client:
        for owner, name, status in (
            (None, "", 200),
            (type(service.engine), "verify", 500),
            (type(service.ledger), "append", 500),
            (type(service.gate), "enter", 500),
            (Memory, "take", 500),
            (None, "", 200),
        ):
            with monkeypatch.context() as patched:
                if owner is not None:
                    patched.setattr(owner, name, fails)
                assert client.post("/v1/verifications", files=files).status_code == status
            until(lambda: here.service.pool.inside == 0 and not bodies)
        with monkeypatch.context() as patched:
            patched.setattr(type(service.engine), "verify", lambda *_, **__: time.sleep(1.3))
            with (
                running(here.service, engines=1, queue=0, answer_s=1) as impatient,
                impatient.client() as other,
            ):
                answer = other.post("/v1/verifications", files=files)
                assert (answer.status_code, answer.json()["code"]) == (503, "service.timeout")
                assert impatient.service.pool.inside == 1  # its engine isn't free yet
                until(lambda: impatient.service.pool.inside == 0 and not bodies)


def test_many_at_once_are_answered_or_turned_away(service: Service, small: Mapping[str, bytes]) -> None:
    files = {"reference": small["obama"], "probe": small["obama2"]}
    with running(service, engines=1, queue=1) as here, ThreadPoolExecutor(8) as threads:
        token = make_key(service)

        def ask(_: int) -> int:
            with here.client() as client:
                headers = {"Authorization": f"Bearer {token}"}
                return client.post("/v1/verifications", files=files, headers=headers).status_code

        statuses = list(threads.map(ask, range(24)))
        assert set(statuses) <= {200, 429}
        assert statuses.count(200) >= 2
        until(lambda: here.service.pool.inside == 0)
