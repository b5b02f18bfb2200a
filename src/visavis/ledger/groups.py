"""Threads that share a commit: while one writes, those who come gather, and one of them writes for all.

A disk takes milliseconds for a commit, whether it holds one entry or a thousand.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from visavis.errors import VisavisError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Call(Generic[Item, Result]):
    """What one call wants to have written, and what became of it."""

    items: Sequence[Item]
    results: list[Result] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False
    woken: threading.Event = field(default_factory=threading.Event)


class Groups(Generic[Item, Result]):
    """Gathers what several threads want to have written at the same time."""

    def __init__(self, write: Callable[[Sequence[Item]], list[Result]], most: int) -> None:
        """Say how a group is written.

        Args:
            write: Writes items in their order, all or none, and gives a result for each; never called by two
                threads at once.
            most: How many items a group has at most; one call with more is a group of its own.
        """
        self._write = write
        self._most = most
        self._mutex = threading.Lock()
        self._queue: deque[_Call[Item, Result]] = deque()
        self._busy = False

    def submit(self, items: Sequence[Item]) -> list[Result]:
        """Have items written and wait for it; raises what writing them raised."""
        call = _Call[Item, Result](items)
        with self._mutex:
            self._queue.append(call)
            leads, self._busy = not self._busy, True
        if not leads:
            self._wait(call)
        if not call.done:
            self._lead()
        if call.error is not None:
            raise _again(call.error) from call.error
        return call.results

    def _wait(self, call: _Call[Item, Result]) -> None:
        """Wait until a call's items are written, or it is this thread's turn to write."""
        try:
            call.woken.wait()
        except BaseException:  # interrupted: nobody may wait for this thread
            with self._mutex:
                leads = call.woken.is_set() and not call.done
                if call in self._queue:
                    self._queue.remove(call)
                if leads:
                    self._hand_over()
            raise

    def _hand_over(self) -> None:
        """Let the next one write, if there is one; the mutex is held."""
        self._busy = bool(self._queue)
        if self._queue:
            self._queue[0].woken.set()

    def _lead(self) -> None:
        """Write the group at the head of the queue, which this thread's call is part of; then hand over."""
        with self._mutex:
            group = [self._queue.popleft()]
            count = len(group[0].items)
            while self._queue and count + len(self._queue[0].items) <= self._most:
                group.append(self._queue.popleft())
                count += len(group[-1].items)
        try:
            self._settle(group)
        finally:
            for call in group:
                call.done = True
                call.woken.set()
            with self._mutex:
                self._hand_over()

    def _settle(self, group: list[_Call[Item, Result]]) -> None:
        try:
            results = self._write([item for call in group for item in call.items])
        except BaseException as error:
            for call in group:
                call.error = error
            if not isinstance(error, Exception):
                raise
            return
        for call in group:
            call.results, results = results[: len(call.items)], results[len(call.items) :]


def _again(error: BaseException) -> BaseException:
    """The same error for another thread; each has its own traceback."""
    if isinstance(error, VisavisError):
        return type(error)(error.code, error.message, found=error.found, expected=error.expected)
    return error
