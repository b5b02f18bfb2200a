"""A bounded number of places before and at engine threads: whoever finds none is refused at once.

A request takes its place when its head was read and leaves it when it is answered, so that what is on its way
can't be more than what is answered soon. The engines are threads of one process: the networks, decoders and
numpy let go of Python's lock while they work, and one set of weights serves all of them. Processes in their
place take no less of the cores for a verification: `benchmarks/service.py --workers 2` shows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType

Answer = TypeVar("Answer")

FIRST_GUESS_S = 0.2
"""How long a job takes, until the first one of its kind has shown it."""
WEIGHT = 0.1
"""Of the newest job in the running mean of how long those of its kind take."""
NICER = 3
"""How much nicer an engine is than the event loop, which otherwise waits for a core behind the engines while
somebody is to be told that there is no room. Other programs of the same rank get a little more, too."""


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


class Place:
    """A request's place in a `Pool`; leaving its `with` block gives it back, once its job has ended too.

    Attributes:
        kind: What is asked for; each kind has its own running mean.
    """

    def __init__(self, pool: Pool, kind: str) -> None:
        """Use `Pool.place`."""
        self.kind = kind
        self.began: float | None = None
        self._pool = pool
        self._job: Future[object] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Place:
        """Hold it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back; where a job of it is still worked on, when that ends."""
        self._stop()
        # Place and job would hold each other, and with them the request's pictures.
        job, self._job = self._job, None
        if job is None:
            self._pool.leave(self)
        else:
            job.add_done_callback(lambda _: self._pool.leave(self))

    def hold_for(self, seconds: float) -> None:
        """Give it back after some time, unless `secure` comes first."""
        self._stop()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._pool.leave, self)

    def secure(self) -> None:
        """Hold it until the end, or find another one where it was given back meanwhile.

        Raises:
            Problem: As `Pool.place`.
        """
        self._stop()
        self._pool.enter(self)

    async def work(self, job: Callable[[Wanted], Answer], *, patience_s: float) -> Answer:
        """Have a job done by an engine; a place has one.

        Args:
            job: What is to be done; it asks the `Wanted` it is given whether it still is.
            patience_s: How long it may wait and take.

        Raises:
            Problem: 503 `service.timeout`: it took too long.
            asyncio.CancelledError: The caller was cancelled; the job is then taken out of the queue, or ends
                before its next part.
        """
        wanted = Wanted()
        future = self._pool.submit(self, job, wanted)
        self._job = future  # type: ignore[assignment]  # whatever it answers
        answer = asyncio.wrap_future(future)
        try:
            await asyncio.wait({answer}, timeout=patience_s)
            if answer.done():
                return answer.result()
            raise Problem(
                503,
                "service.timeout",
                "the request took too long",
                expected=f"at most {patience_s:g} seconds",
                headers={"Retry-After": str(self._pool.retry_after())},
            )
        finally:
            wanted.give_up()
            if not answer.cancel():  # where its job waits, that is taken out of the queue
                answer.exception()  # nobody may hear of it any more; that is no fault
            # They hold what went wrong, which holds this call, and with it the request's pictures.
            del future, answer

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Pool:
    """Engine threads and the places before them; its methods are called in one event loop.

    Attributes:
        engines: How many jobs are worked on at the same time.
        queue: How many more requests are let in.
        wait_s: How long a request may be expected to wait for an engine.
    """

    def __init__(self, engines: int, queue: int, wait_s: float) -> None:
        """Start no thread yet; the first jobs do."""
        self.engines = engines
        self.queue = queue
        self.wait_s = wait_s
        self._threads = ThreadPoolExecutor(engines, thread_name_prefix="engine", initializer=_step_back)
        self._lock = threading.Lock()
        self._places: set[Place] = set()
        self._means: dict[str, float] = {}
        self._closed = False

    @property
    def inside(self) -> int:
        """Places that are taken."""
        return len(self._places)

    @property
    def is_closed(self) -> bool:
        """Whether it admits nothing any more."""
        return self._closed

    def admit(self) -> None:
        """See whether a request would find a place now.

        Raises:
            Problem: 429 where there is none or the wait would be too long, 503 where the service stops.
        """
        if self._closed:
            raise Problem(503, "service.stopping", "the service stops", headers={"Retry-After": "5"})
        if len(self._places) >= self.engines + self.queue or self.expected_s() > self.wait_s:
            raise Problem(
                429,
                "service.busy",
                "all engines are at work and the queue is full: try again later",
                headers={"Retry-After": str(self.retry_after())},
            )

    def place(self, kind: str) -> Place:
        """Let a request in, before any work is put into it.

        Args:
            kind: What is asked for.

        Raises:
            Problem: As `admit`.
        """
        place = Place(self, kind)
        self.enter(place)
        return place

    def expected_s(self) -> float:
        """How long one more request would wait for an engine, as far as earlier ones of each kind tell."""
        with self._lock:
            if len(self._places) < self.engines:
                return 0.0
            now = time.perf_counter()
            ahead = sum(
                max(0.0, self._means.get(place.kind, FIRST_GUESS_S) - (now - (place.began or now)))
                for place in self._places
            )
        return ahead / self.engines

    def retry_after(self) -> int:
        """In how many seconds there will be room, about; at least 1."""
        return max(1, round(self.expected_s()))

    def close(self) -> None:
        """Admit nothing more and wait for what is worked on."""
        self._closed = True
        self._threads.shutdown(wait=True)

    # For places only

    def enter(self, place: Place) -> None:
        """Take a place in, unless it is; raises as `admit`."""
        if place not in self._places:
            self.admit()
            with self._lock:
                self._places.add(place)

    def leave(self, place: Place) -> None:
        """Let a place go, once; from any thread."""
        with self._lock:
            self._places.discard(place)

    def submit(self, place: Place, job: Callable[[Wanted], Answer], wanted: Wanted) -> Future[Answer]:
        """Put a place's job behind those that are there."""
        try:
            return self._threads.submit(self._work, place, job, wanted)
        except RuntimeError:  # they were told to end
            self.admit()
            raise

    def _work(self, place: Place, job: Callable[[Wanted], Answer], wanted: Wanted) -> Answer:
        wanted.check()
        place.began = time.perf_counter()
        answer = job(wanted)
        took = time.perf_counter() - place.began
        with self._lock:
            mean = self._means.get(place.kind, took)
            self._means[place.kind] = mean + WEIGHT * (took - mean)
        return answer


def _step_back() -> None:
    """Make this thread nicer than the one that started it; elsewhere than on Linux threads can't be."""
    if sys.platform == "linux":
        own = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + NICER)
