"""The same work on many things, on all cores, a little ahead of whoever takes what comes of it."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from visavis.packs.runtime import available_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

AHEAD = 4  # things handed out for each core: one is worked on, the others wait so that no core does

Thing = TypeVar("Thing")
Outcome = TypeVar("Outcome")


def on_all_cores(work: Callable[[Thing], Outcome], things: Iterable[Thing]) -> Generator[Outcome]:
    """What comes of each thing, in their order; memory doesn't grow with their number.

    Closed before the end, only those that a core is busy with are waited for.
    """
    cores = available_cores()
    pool = ThreadPoolExecutor(cores)
    under_way: deque[Future[Outcome]] = deque()
    try:
        for thing in things:
            under_way.append(pool.submit(work, thing))
            if len(under_way) == AHEAD * cores:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
