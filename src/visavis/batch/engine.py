"""What answers tasks: an engine on this machine, or on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from visavis.batch.work import Answers, Task


class Engine(Protocol):
    """Answers tasks, several at a time."""

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answers]:
        """What comes of each task, in their order.

        A task is taken only shortly before it is worked on, so that it can bring what is known by then, and
        never more of them than there is memory for. Each is answered once, whatever dies on the way.

        Raises:
            VisavisError: What no row is to blame for; `batch.worker`: whoever worked on a task died of it,
                again and again.
        """

    def close(self) -> None:
        """End whatever works; what wasn't answered is forgotten."""
