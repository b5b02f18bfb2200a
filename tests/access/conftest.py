"""What the tests of this room share: a ledger in either database, a clock that is set, and invented faces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.faces.recognise import Template
from visavis.ledger import log
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Faces:
    """Templates of nobody, 128 numbers as those of the default pack."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)

    def new(self, fingerprint: str = "0123456789abcdef") -> Template:
        """Of somebody else; of 128 random numbers two are nearly at a right angle."""
        return self._template(self._random.normal(size=128), fingerprint)

    def near(self, face: Template, cosine: float) -> Template:
        """One whose cosine with a face is as given."""
        aside = self._random.normal(size=128)
        aside -= (aside @ face.vector) * face.vector
        aside /= np.linalg.norm(aside)
        return self._template(cosine * face.vector + np.sqrt(1 - cosine**2) * aside, face.fingerprint)

    def _template(self, vector: np.ndarray, fingerprint: str) -> Template:
        return Template((vector / np.linalg.norm(vector)).astype(np.float32), "sface", fingerprint)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faces() -> Faces:
    return Faces()


@pytest.fixture
def ledger(database: str, clock: Clock) -> Iterator[Ledger]:
    """A new ledger, in SQLite and in PostgreSQL."""
    log.prepare(database)
    with Ledger.open(database, clock=clock) as opened:
        yield opened
