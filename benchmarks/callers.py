"""Callers of the service in one thread of a process of their own, light enough to share its cores.

A request is bytes that were made ready; one event loop writes them to plain sockets and reads what comes
back. How much of a core that took is told with what was seen. An answer's head is read by hand, as far as
that of this service goes: it always has a Content-Length.

Callers that ask one after the other keep their connections; a request's time begins when it is sent. At a
given rate requests come at random times (exponentially distributed gaps), whatever became of those before:
each takes a connection that is idle or opens one, and its time begins when it was due, so that nothing is
hidden by a client that is late itself. A connection that the service closes is closed here too, and what
wasn't sent yet isn't sent any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import random
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from questions import WAYS, Question

WAIT_S = 60.0
"""After which an answer is taken to be lost."""
SEND_BUFFER = 2**20
"""Bytes; a request of two photographs goes to the kernel in one piece."""


@dataclass
class Seen:
    """What callers saw.

    Attributes:
        seconds: By the status of the answer, as `questions.Told` has it: how long each took.
        indices: Where the answers stand in the ledger, as far as they say so.
        lost: Requests that got no answer.
        cores: Cores that the callers took, on average.
        late: How long after it was due each request was sent, in seconds.
    """

    seconds: dict[int, list[float]] = field(default_factory=dict)
    indices: list[int] = field(default_factory=list)
    lost: int = 0
    cores: float = 0.0
    late: list[float] = field(default_factory=list)

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers had each status."""
        return {status: len(times) for status, times in sorted(self.seconds.items())}


class Connection(asyncio.Protocol):
    """One connection, on which one request at a time is asked."""

    def __init__(self) -> None:
        self.is_open = True
        self._found = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Status and body of the answer to a request; `ConnectionError` where there is none."""
        self._found.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """A piece of an answer, or the last of it."""
        self._found += data
        head, end, body = self._found.partition(b"\r\n\r\n")
        if not end or self._answer is None:
            return
        fields = dict(line.lower().split(b": ", 1) for line in bytes(head).split(b"\r\n")[1:])
        if len(body) >= int(fields[b"content-length"]):
            if fields.get(b"connection") == b"close":
                self.close()
            answer, self._answer = self._answer, None
            if not answer.done():
                answer.set_result((int(head.split(b" ", 2)[1]), bytes(body)))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the answer is lost anyway
        """It ended."""
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("it ended without an answer"))

    def close(self) -> None:
        """End it."""
        self.is_open = False
        self.transport.abort()


@dataclass(frozen=True, slots=True)
class Load:
    """How callers ask.

    Attributes:
        address: Of the service.
        question: What is asked.
        way: How, by the name that `questions.WAYS` has for it.
        callers: Who ask one after the other, where no rate is given; connections to begin with, where one is.
        seconds: For how long.
        per_second: At how many requests a second they come by chance.
        most: Requests after which it ends, where no rate is given.
    """

    address: str
    question: Question
    way: str
    callers: int
    seconds: float
    per_second: float | None = None
    most: int = 2**62


def seen(load: Load) -> Seen:
    """What callers in another process see."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_in_a_loop, (load,))


def _in_a_loop(load: Load) -> Seen:
    return asyncio.run(_calls(load))


async def _calls(load: Load) -> Seen:
    found, idle = Seen(), [await _opened(load.address) for _ in range(load.callers)]
    way, request = WAYS[load.way], load.question.to(urlsplit(load.address).netloc)
    began, cpu = time.perf_counter(), time.process_time()

    async def ask(due: float) -> None:
        connection = None
        try:
            while idle and not idle[-1].is_open:
                idle.pop()
            connection = idle.pop() if idle else await _opened(load.address)
            found.late.append(time.perf_counter() - due)
            status, body = await asyncio.wait_for(connection.ask(request), WAIT_S)
        except (OSError, TimeoutError):
            found.lost += 1
            if connection is not None:
                connection.close()
            return
        seconds, told = time.perf_counter() - due, way.told(status, body)
        found.seconds.setdefault(told.status, []).append(seconds)
        if told.index is not None:
            found.indices.append(told.index)
        if connection.is_open:
            idle.append(connection)

    if load.per_second is None:
        await _one_after_the_other(ask, load, began + load.seconds)
    else:
        await _by_chance(ask, began, load.seconds, load.per_second)
    found.cores = (time.process_time() - cpu) / (time.perf_counter() - began)
    for connection in idle:
        connection.close()
    return found


async def _one_after_the_other(ask: Callable[[float], Awaitable[None]], load: Load, end: float) -> None:
    left = load.most

    async def go_on() -> None:
        nonlocal left
        while (now := time.perf_counter()) < end and left > 0:
            left -= 1
            await ask(now)

    await asyncio.gather(*(go_on() for _ in range(load.callers)))


async def _by_chance(
    ask: Callable[[float], Awaitable[None]], began: float, seconds: float, per_second: float
) -> None:
    chance, due, under_way = random.Random(5), began, set[asyncio.Future[None]]()
    while (due := due + chance.expovariate(per_second)) < began + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.ensure_future(ask(due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


async def _opened(address: str) -> Connection:
    where = urlsplit(address)
    connecting = socket.socket()
    connecting.setblocking(False)
    with contextlib.suppress(OSError):
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(connecting, (where.hostname, where.port))
        return (await loop.create_connection(Connection, sock=connecting))[1]
    except OSError:
        connecting.close()
        raise
