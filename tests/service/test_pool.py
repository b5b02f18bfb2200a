"""The bounded queue: what fits is done, what doesn't is refused at once, what nobody waits for is left."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from visavis.service.pool import GoneError, Pool, Wanted
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate:
    """A job that ends when it is let."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.began = 0

    def __call__(self, wanted: Wanted) -> str:
        self.began += 1
        assert self.open.wait(10)
        return "done"


async def until(what: Callable[[], bool]) -> None:
    for _ in range(500):
        if what():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


def test_what_does_not_fit_is_refused_at_once() -> None:
    async def main() -> None:
        pool, gate = Pool(2, 3), Gate()
        jobs = [asyncio.ensure_future(pool.run(gate, patience_s=10)) for _ in range(5)]
        await until(lambda: gate.began == 2)
        assert (pool.inside, pool.waiting) == (5, 3)
        start = time.perf_counter()
        with pytest.raises(Problem) as refused:
            await pool.run(gate, patience_s=10)
        assert time.perf_counter() - start < 0.05
        assert (refused.value.status, refused.value.code) == (429, "service.busy")
        assert int(refused.value.headers["Retry-After"]) >= 1
        gate.open.set()
        assert await asyncio.gather(*jobs) == ["done"] * 5
        await until(lambda: pool.inside == 0)
        assert gate.began == 5
        pool.close()

    asyncio.run(main())


def test_what_nobody_waits_for_is_not_worked_on() -> None:
    async def main() -> None:
        pool, gate = Pool(1, 3), Gate()
        first = asyncio.ensure_future(pool.run(gate, patience_s=10))
        await until(lambda: gate.began == 1)
        second = asyncio.ensure_future(pool.run(gate, patience_s=10))
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
        pool, parts = Pool(1, 0), []
        left = threading.Event()

        def job(wanted: Wanted) -> None:
            parts.append("first")
            assert left.wait(10)
            wanted.check()
            parts.append("second")

        task = asyncio.ensure_future(pool.run(job, patience_s=10))
        await until(lambda: parts == ["first"])
        task.cancel()
        await asyncio.wait({task})
        left.set()
        await until(lambda: pool.inside == 0)
        pool.close()
        assert parts == ["first"]

    asyncio.run(main())


def test_patience_ends() -> None:
    async def main() -> None:
        pool, gate = Pool(1, 1), Gate()
        with pytest.raises(Problem) as late:
            await pool.run(gate, patience_s=0.05)
        assert (late.value.status, late.value.code) == (503, "service.timeout")
        gate.open.set()
        pool.close()

    asyncio.run(main())


def test_an_error_of_a_job_is_its_callers() -> None:
    async def main() -> None:
        pool = Pool(1, 1)

        def job(wanted: Wanted) -> None:
            raise LookupError("of the job")

        with pytest.raises(LookupError, match="of the job"):
            await pool.run(job, patience_s=5)
        await until(lambda: pool.inside == 0)
        pool.close()
        with pytest.raises(Problem) as stopped:
            pool.admit()
        assert stopped.value.status == 503

    asyncio.run(main())


def test_nobody_wants_it() -> None:
    wanted = Wanted()
    wanted.check()
    wanted.give_up()
    with pytest.raises(GoneError):
        wanted.check()
