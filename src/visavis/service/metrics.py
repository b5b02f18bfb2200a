"""What Prometheus reads: counts and times, nothing about a person."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where several processes of a service put what they count; `serve` sets it."""


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
            together = CollectorRegistry()
            MultiProcessCollector(together)  # type: ignore[no-untyped-call]
            return generate_latest(together)
        return generate_latest(self.registry)
