"""How a body is counted: as long as somebody has something of it."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import re
import threading
from typing import TYPE_CHECKING

import httpx2
import pytest
from tests.service.test_load import held, running, until

from visavis.service.intake import Body, Held, Memory, parse
from visavis.service.pool import GoneError
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.service.test_load import Held as HeldEngine

    from visavis.service.service import Service

__all__ = ["held"]  # a fixture

FILE = b"a file" * 100


def taken_in(memory: Memory, kind: str) -> tuple[Body, list[bytes]]:
    """A body that was read, and its files."""
    if kind == "application/json":
        data = json.dumps({"probe": base64.b64encode(FILE).decode()}).encode()
    else:
        data = (
            b'--x\r\nContent-Disposition: form-data; name="probe"; filename="a"\r\n\r\n'
            + FILE
            + b"\r\n--x--\r\n"
        )
        kind += "; boundary=x"
    body = Body(memory)
    body.add(data[:100])
    body.add(data[100:])
    assert memory.held == len(data)
    return body, list(parse(kind, body.data, files={"probe": 1}, most=1000).files["probe"])


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data"])
@pytest.mark.parametrize("left", [GoneError, asyncio.CancelledError])
def test_what_a_client_left_behind_is_counted_until_nobody_has_it(
    kind: str, left: type[BaseException]
) -> None:
    memory = Memory(10_000)
    body, files = taken_in(memory, kind)
    size = memory.held
    assert files == [FILE]
    assert type(files[0]) is Held
    try:
        raise left
    except left:
        body.let_go()
    del body
    assert memory.held == size
    del files
    assert memory.held == 0


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data"])
def test_what_was_answered_is_counted_out_at_once(kind: str) -> None:
    memory = Memory(10_000)
    body, files = taken_in(memory, kind)
    try:
        raise Problem(422, "request.fields", "refused")
    except Problem:
        body.let_go()
    assert memory.held == 0
    del body, files
    assert memory.held == 0, "once"


def test_a_body_without_files_is_counted_out_when_its_client_leaves() -> None:
    memory = Memory(10)
    body = Body(memory)
    body.add(b"x" * 10)
    with pytest.raises(Problem, match=r"service\.memory"):
        body.add(b"x")
    try:
        raise GoneError
    except GoneError:
        body.let_go()
    assert memory.held == 0


def test_the_garbage_collector_may_count_a_body_out_while_another_one_is_counted_in() -> None:
    """It runs at any moment, also in the thread that holds the lock."""
    memory = Memory(100)
    left_behind = [Body(memory)]
    left_behind[0].add(b"x" * 10)

    class Meanwhile(int):
        def __radd__(self, held: int) -> int:
            left_behind.clear()
            gc.collect()
            return held + int(self)

    taking = threading.Thread(target=memory.take, args=(Meanwhile(5),), daemon=True)
    taking.start()
    taking.join(10)
    assert not taking.is_alive()
    assert memory.held == 5


def left(service: Service) -> float:
    """How many clients were gone before they were answered."""
    found = re.findall(
        rb'^visavis_requests_total\{.*status="499".*\} (\S+)$', service.metrics.text(), re.MULTILINE
    )
    return sum(map(float, found))


def test_an_engine_that_is_at_work_keeps_the_body_counted(
    service: Service, held: HeldEngine, small: Mapping[str, bytes]
) -> None:
    files = {"reference": small["obama"], "probe": small["obama2"]}
    size = sum(map(len, files.values()))
    with running(service, engines=1, queue=1) as here:
        before = left(here.service)
        with here.client() as client, pytest.raises(httpx2.ReadTimeout):
            client.post("/v1/verifications", files=files, timeout=0.5)
        until(lambda: held.began == 1)
        until(lambda: left(here.service) > before)  # the service has seen it
        assert here.service.memory.held > size
        held.open.set()
        until(lambda: held.ended == 0 and here.service.memory.held == 0)
