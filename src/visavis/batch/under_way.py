"""Tasks that are under way: taken as they are needed, done again where whoever had them died, given in order.

Engines differ in who works and how that is told of a task. What they have in common is here.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from visavis.errors import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from visavis.batch.work import Answers, Task

TRIES = 3
"""How many deaths are counted against a task before it is given up. Blamed is the oldest task of whoever died
whose answer isn't here, so that one whose answer was lost on its way may take the blame once."""
HANDED = 2
"""Tasks that a worker has at a time: one that it works on, one that waits."""
AHEAD = 8
"""Tasks for each worker that are taken beyond the oldest one that isn't answered."""


class UnderWay:
    """The tasks of a batch between who makes them and who records their answers."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        """Say where they come from; none is taken yet."""
        self._source = iter(tasks)
        self._again: deque[Task] = deque()
        self._tries: dict[int, int] = {}
        self._done: dict[int, Answers] = {}
        self._taken = self._given = 0
        self._is_last = False

    @property
    def is_over(self) -> bool:
        """Whether all were answered, and the answers given."""
        return self._is_last and self._taken == self._given

    def take(self, workers: int) -> Task | None:
        """The next one to be handed out; None where none may be for now.

        Args:
            workers: How many there are.
        """
        if self._again:
            return self._again.popleft()
        if self._is_last or self._taken - self._given >= AHEAD * workers:
            return None
        task = next(self._source, None)
        if task is None:
            self._is_last = True
        else:
            self._taken += 1
        return task

    def put_back(self, tasks: Sequence[Task], *, found: str) -> None:
        """Have tasks done again, before all others.

        Args:
            tasks: Those of a worker that died, the one that it worked on first; one at least.
            found: What is known of its death.

        Raises:
            BatchError: `batch.worker`: it was one death too many at the same task.
        """
        self._again.extendleft(reversed(tasks))
        first = tasks[0]
        self._tries[first.number] = count = self._tries.get(first.number, 0) + 1
        if count >= TRIES:
            raise given_up(f"rows {first.claims[0].number} to {first.claims[-1].number}", found)

    def keep(self, answers: Answers) -> None:
        """Keep answers until it is their turn."""
        self._done[answers.number] = answers

    def in_order(self) -> Iterator[Answers]:
        """The answers whose turn it is."""
        while (found := self._done.pop(self._given, None)) is not None:
            self._given += 1
            yield found


def given_up(what: str, found: str) -> BatchError:
    """The error of a task that whoever worked on it died of, each time.

    Args:
        what: What it was at work on.
        found: What is known of the last death.
    """
    return BatchError(
        "batch.worker",
        f"a process died {TRIES} times, at work on {what}: too little memory, or a fault",
        found=found,
    )
