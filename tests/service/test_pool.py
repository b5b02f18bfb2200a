"""Places and engines: what fits is done, what doesn't is refused at once, what nobody waits for is left."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, TypeVar

import pytest

from visavis.service.pool import FIRST_GUESS_S, NICER, GoneError, Pool, Wanted
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class Gate:
    """A job that ends when it is let."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.began = 0

    def __call__(self, wanted: Wanted) -> str:
        self.began += 1
        assert self.open.wait(10)
        return "done"


async def run(
    pool: Pool, job: Callable[[Wanted], Answer], patience_s: float = 10, kind: str = "verdict"
) -> Answer:
    """A request that is worked on."""
    with pool.place(kind) as place:
        return await place.work(job, patience_s=patience_s)


async def until(what: Callable[[], bool]) -> None:
    for _ in range(500):
        if what():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


def code_of(pool: Pool) -> str:
    """How a request is refused."""
    with pytest.raises(Problem) as refused:
        pool.place("verdict")
    return refused.value.code


def test_what_does_not_fit_is_refused_at_once() -> None:
    async def main() -> None:
        pool, gate = Pool(2, 3, 10), Gate()
        jobs = [asyncio.ensure_future(run(pool, gate)) for _ in range(5)]
        await until(lambda: gate.began == 2)
        assert pool.inside == 5
        start = time.perf_counter()
        with pytest.raises(Problem) as refused:
            pool.place("verdict")
        assert time.perf_counter() - start < 0.05
        assert (refused.value.status, refused.value.code) == (429, "service.busy")
        assert int(refused.value.headers["Retry-After"]) >= 1
        gate.open.set()
        assert await asyncio.gather(*jobs) == ["done"] * 5
        assert (pool.inside, gate.began) == (0, 5)
        pool.close()

    asyncio.run(main())


def test_a_place_counts_from_the_head_on() -> None:
    """Whoever is let in and hasn't come to an engine yet keeps the place."""
    pool = Pool(1, 1, 10)
    with pool.place("verdict"), pool.place("verdict"):
        assert (pool.inside, code_of(pool)) == (2, "service.busy")
    assert pool.inside == 0
    with pytest.raises(LookupError), pool.place("verdict"):
        raise LookupError("before an engine saw it")
    assert pool.inside == 0
    pool.close()


def test_who_sends_slowly_loses_the_place_and_finds_another_one() -> None:
    async def main() -> None:
        pool = Pool(1, 0, 10)
        with pool.place("verdict") as slow:
            slow.hold_for(0.02)
            assert pool.inside == 1
            await until(lambda: pool.inside == 0)
            slow.secure()
            assert pool.inside == 1
            slow.hold_for(0.02)
            slow.secure()  # in time: it is held until the end
            await asyncio.sleep(0.05)
            assert pool.inside == 1
        assert pool.inside == 0
        with pool.place("verdict") as slow:
            slow.hold_for(0.02)
            await until(lambda: pool.inside == 0)
            with pool.place("verdict"):
                with pytest.raises(Problem) as late:
                    slow.secure()
                assert (late.value.status, late.value.code) == (429, "service.busy")
        assert pool.inside == 0
        pool.close()

    asyncio.run(main())


def test_nobody_is_let_in_who_would_wait_too_long() -> None:
    """Two engines at work on jobs that take `FIRST_GUESS_S` each: the next one waits about that long."""

    async def main() -> None:
        for wait_s, fits in ((FIRST_GUESS_S * 1.1, True), (FIRST_GUESS_S * 0.5, False)):
            pool, gate = Pool(2, 8, wait_s), Gate()
            jobs = [asyncio.ensure_future(run(pool, gate)) for _ in range(2)]
            await asyncio.sleep(0)
            assert pool.inside == 2
            assert pool.expected_s() == pytest.approx(FIRST_GUESS_S, rel=0.4)
            if fits:
                pool.admit()
            else:
                assert code_of(pool) == "service.busy"
            gate.open.set()
            await asyncio.gather(*jobs)
            pool.close()

    asyncio.run(main())


def test_each_kind_has_its_own_time() -> None:
    """By hand: one job of 0.2 s makes the mean 0.2 s; ahead of one engine lie one of these and one of 0."""

    async def main() -> None:
        pool, gate = Pool(1, 8, 10), Gate()
        await run(pool, lambda _: time.sleep(0.2), kind="answers of frames")
        await run(pool, lambda _: None, kind="quality")
        assert pool.expected_s() == 0.0
        with pool.place("quality"), pool.place("quality"):
            assert pool.expected_s() < 0.05
        with pool.place("quality"), pool.place("answers of frames"):
            assert pool.expected_s() == pytest.approx(0.2, abs=0.1)
            assert pool.retry_after() == 1
        gate.open.set()
        pool.close()

    asyncio.run(main())


def test_what_nobody_waits_for_is_not_worked_on() -> None:
    async def main() -> None:
        pool, gate = Pool(1, 3, 10), Gate()
        first = asyncio.ensure_future(run(pool, gate))
        await until(lambda: gate.began == 1)
        second = asyncio.ensure_future(run(pool, gate))
        await until(lambda: pool.inside == 2)
        second.cancel()
        await until(lambda: pool.inside == 1)  # its place is free before the first one ends
        gate.open.set()
        assert await first == "done"
        pool.close()
        assert gate.began == 1

    asyncio.run(main())


def test_what_is_under_way_ends_before_its_next_part() -> None:
    async def main() -> None:
        pool, parts = Pool(1, 0, 10), []
        left = threading.Event()

        def job(wanted: Wanted) -> None:
            parts.append("first")
            assert left.wait(10)
            wanted.check()
            parts.append("second")

        task = asyncio.ensure_future(run(pool, job))
        await until(lambda: parts == ["first"])
        task.cancel()
        await asyncio.wait({task})
        assert (pool.inside, code_of(pool)) == (1, "service.busy")  # its engine isn't free yet
        left.set()
        await until(lambda: pool.inside == 0)
        pool.close()
        assert parts == ["first"]

    asyncio.run(main())


def test_patience_ends() -> None:
    async def main() -> None:
        pool, gate = Pool(1, 1, 10), Gate()
        with pytest.raises(Problem) as late:
            await run(pool, gate, patience_s=0.05)
        assert (late.value.status, late.value.code) == (503, "service.timeout")
        assert pool.inside == 1
        gate.open.set()
        await until(lambda: pool.inside == 0)
        pool.close()

    asyncio.run(main())


def test_an_error_of_a_job_is_its_callers() -> None:
    async def main() -> None:
        pool = Pool(1, 1, 10)

        def job(wanted: Wanted) -> None:
            raise LookupError("of the job")

        with pytest.raises(LookupError, match="of the job"):
            await run(pool, job)
        assert pool.inside == 0
        with pool.place("verdict") as place:
            pool.close()
            assert code_of(pool) == "service.stopping"
            with pytest.raises(Problem) as stopped:
                await place.work(job, patience_s=5)
            assert stopped.value.status == 503
        assert pool.inside == 0

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness of their own")
def test_an_engine_lets_the_event_loop_go_first() -> None:
    def niceness(_: Wanted | None = None) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def main() -> None:
        pool, own = Pool(1, 1, 10), niceness()
        assert await run(pool, niceness) == min(own + NICER, 19)
        assert niceness() == own
        pool.close()

    asyncio.run(main())


def test_nobody_wants_it() -> None:
    wanted = Wanted()
    wanted.check()
    wanted.give_up()
    with pytest.raises(GoneError):
        wanted.check()
