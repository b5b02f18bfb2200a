"""What Prometheus reads: counts and times, nothing about a person."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes of a service put what they count; `serve` sets it."""
LIVE = re.compile(r"gauge_live[a-z]*_([0-9]+)\.db")
"""What prometheus_client calls a file with what one process is at."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What is counted, in a registry of its own.

    Attributes:
        registry: Of this process.
        requests: By route, method and status.
        seconds: How long they took, by route.
        answers: By what was asked and what it came to.
        inside: Jobs that wait or are worked on.
    """

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    answers: Counter
    inside: Gauge

    @classmethod
    def new(cls) -> Metrics:
        """Nothing counted yet."""
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        _bury(lambda pid: pid == os.getpid())  # of a process before that had the same number
        registry = CollectorRegistry()
        return cls(
            registry,
            Counter(
                "visavis_requests",
                "Requests by route, method and status",
                ("route", "method", "status"),
                registry=registry,
            ),
            Histogram(
                "visavis_request_seconds",
                "How long requests took, from the head to the answer",
                ("route",),
                buckets=SECONDS,
                registry=registry,
            ),
            Counter(
                "visavis_answers",
                "Answers by what was asked and what it came to",
                ("asked", "outcome"),
                registry=registry,
            ),
            Gauge(
                "visavis_jobs",
                "Jobs that wait for an engine or are worked on",
                registry=registry,
                multiprocess_mode="livesum",
            ),
        )

    def text(self) -> bytes:
        """All of it as Prometheus reads it, of all processes together."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        if os.environ.get(SHARED):
            _bury(lambda pid: not _runs(pid))
            together = CollectorRegistry()
            MultiProcessCollector(together)  # type: ignore[no-untyped-call]
            return generate_latest(together)
        return generate_latest(self.registry)


def _bury(is_dead: Callable[[int], bool]) -> None:
    """Take away what processes that were killed were at: jobs of theirs neither wait nor are worked on."""
    from prometheus_client.multiprocess import mark_process_dead

    folder = os.environ.get(SHARED)
    if not folder:
        return
    named = (LIVE.fullmatch(file.name) for file in Path(folder).glob("gauge_live*.db"))
    for pid in {int(found[1]) for found in named if found}:
        if is_dead(pid):
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


def _runs(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # there is, of somebody else
        return True
    return True
