"""A bounded queue in front of engine threads: what doesn't fit is refused at once.

The engines are threads of one process. The networks, decoders and numpy let go of Python's lock while they
work, and one set of weights serves all of them; `benchmarks/service.py` compares this with processes.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

Answer = TypeVar("Answer")

FIRST_GUESS_S = 0.2
"""How long a job takes, until the first ones have shown it."""
WEIGHT = 0.1
"""Of the newest job in the running mean of how long they take."""


class GoneError(Exception):
    """Nobody waits for the answer any more."""


class Wanted:
    """Whether somebody still waits for a job; the engine looks before each part of it."""

    def __init__(self) -> None:
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """Nobody waits any more."""
        self._given_up.set()

    def check(self) -> None:
        """Go on only while somebody waits.

        Raises:
            GoneError: Nobody does.
        """
        if self._given_up.is_set():
            raise GoneError


class Pool:
    """Engine threads with a bounded queue in front of them; its methods are called in one event loop.

    Attributes:
        engines: How many jobs are worked on at the same time.
        queue: How many wait at most.
    """

    def __init__(self, engines: int, queue: int) -> None:
        """Start no thread yet; the first jobs do."""
        self.engines = engines
        self.queue = queue
        self._threads = ThreadPoolExecutor(engines, thread_name_prefix="engine")
        self._lock = threading.Lock()
        self._inside = 0
        self._mean_s = FIRST_GUESS_S
        self._closed = False

    @property
    def inside(self) -> int:
        """Jobs that wait or are worked on."""
        return self._inside

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return max(0, self._inside - self.engines)

    @property
    def is_closed(self) -> bool:
        """Whether it admits nothing any more."""
        return self._closed

    def admit(self) -> None:
        """See that there is room, before any work is put into a request.

        Raises:
            Problem: 429 where there is none, 503 where the service stops.
        """
        if self._closed:
            raise Problem(503, "service.stopping", "the service stops", headers={"Retry-After": "5"})
        if self._inside >= self.engines + self.queue:
            raise self._full()

    async def run(self, job: Callable[[Wanted], Answer], *, patience_s: float) -> Answer:
        """Have a job done by an engine.

        Args:
            job: What is to be done; it asks the `Wanted` it is given whether it still is.
            patience_s: How long it may wait and take.

        Raises:
            Problem: As `admit`; 503 `service.timeout`: it took too long.
            asyncio.CancelledError: The caller was cancelled; the job is then taken out of the queue, or ends
                before its next part.
        """
        self.admit()
        wanted = Wanted()
        with self._lock:
            self._inside += 1
        future = self._threads.submit(self._work, job, wanted)
        future.add_done_callback(self._leave)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), patience_s)
        except TimeoutError:
            raise Problem(
                503,
                "service.timeout",
                "the request took too long",
                expected=f"at most {patience_s:g} seconds",
                headers={"Retry-After": str(self.retry_after())},
            ) from None
        finally:
            wanted.give_up()

    def retry_after(self) -> int:
        """In how many seconds there will be room, by what is inside and how long jobs take; at least 1."""
        return max(1, round(self._mean_s * self._inside / self.engines))

    def close(self) -> None:
        """Admit nothing more and wait for what is worked on."""
        self._closed = True
        self._threads.shutdown(wait=True)

    def _work(self, job: Callable[[Wanted], Answer], wanted: Wanted) -> Answer:
        wanted.check()
        start = time.perf_counter()
        answer = job(wanted)
        self._mean_s += WEIGHT * (time.perf_counter() - start - self._mean_s)
        return answer

    def _leave(self, _future: Future[Answer]) -> None:
        with self._lock:
            self._inside -= 1

    def _full(self) -> Problem:
        return Problem(
            429,
            "service.busy",
            "all engines are at work and the queue is full: try again later",
            headers={"Retry-After": str(self.retry_after())},
        )
