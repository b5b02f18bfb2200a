"""Invented people in place of an engine: files that say who is on them. No faces.

``face of NAME, take N`` is a picture of somebody; ``near`` in place of ``take`` makes near-duplicates of one
picture. Other first words make a process die or take its time.
"""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.batch.work import NO_PIXELS, Answers, Setup, Task, Worker
from visavis.decision.calibration import shipped
from visavis.decision.verdict import Evidence
from visavis.errors import PhotoError
from visavis.examiner import Examined
from visavis.faces.recognise import Template
from visavis.packs.catalogue import PACKS
from visavis.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

PACK = PACKS["sface"]
FINGERPRINT = PACK.fingerprint  # it takes a while to work out
SAID = re.compile(r"face of (.+), (take|near) (\d+)")


def picture(who: str, take: int = 0, *, near: bool = False) -> bytes:
    """A picture of somebody."""
    return f"face of {who}, {'near' if near else 'take'} {take}".encode()


def vector(who: str, kind: str, take: int) -> NDArray[np.float32]:
    """Its template: takes of one person lie at a cosine of about 0.7, near-duplicates above 0.99."""

    def drawn(text: str) -> NDArray[np.float64]:
        unit = np.random.default_rng([*text.encode()]).normal(size=128)
        return unit / np.linalg.norm(unit)

    found = drawn(who) + (0.65 if kind == "take" else 0.08) * drawn(f"{who} {kind} {take}")
    return (found / np.linalg.norm(found)).astype(np.float32)


class InventedVerifier(Verifier):
    """Decides as the real one, on what files say."""

    def __init__(self, setup: Setup) -> None:
        self.pack = PACK
        self.policy = setup.policy
        self.calibration = shipped(PACK.name, FINGERPRINT)
        self._record = False
        self.examiner = self  # type: ignore[assignment]  # it has the fingerprint and nothing else is asked
        self.fingerprint = FINGERPRINT
        self.asked: list[bytes] = []

    def examine(
        self, source: Any, *, policy: Any = None, face: Any = None, name: str | None = None
    ) -> Examined:
        """Who is on it."""
        self.asked.append(source)
        text = source.decode(errors="replace")
        _obey(text)
        if text == "a wall":
            return self._seen(source, name, None)
        if (said := SAID.search(text)) is None:
            raise PhotoError("photo.format", "this isn't a supported picture", found="text")
        return self._seen(source, name, vector(said[1], said[2], int(said[3])))

    def _seen(self, source: bytes, name: str | None, found: NDArray[np.float32] | None) -> Examined:
        import hashlib

        digest = hashlib.sha256(source).hexdigest()
        evidence = Evidence(name, 250, 250, "JPEG", digest, (), 0, None, ())
        template = None if found is None else Template(found, PACK.name, FINGERPRINT)
        return Examined(NO_PIXELS, evidence, "no_face" if found is None else None, None, template, {})


def _obey(text: str) -> None:
    """``die PATH N``: the process dies, as long as PATH has been there fewer than N times."""
    if (told := re.match(r"die (\S+) (\d+)", text)) is not None:
        file = Path(told[1])
        times = len(file.read_bytes()) if file.exists() else 0
        if times < int(told[2]):
            file.write_bytes(b"." * (times + 1))
            os.kill(os.getpid(), signal.SIGKILL)
    if (told := re.match(r"wait (\S+)", text)) is not None:
        time.sleep(float(told[1]))
    if text.startswith("fault"):
        raise RuntimeError("a fault of ours")


@dataclass(frozen=True, slots=True)
class InventedSetup(Setup):
    """A setup whose engine is invented, in whatever process it is made."""

    def verifier(self) -> Verifier:
        """The engine."""
        return InventedVerifier(self)


def invented(setup: Setup) -> InventedSetup:
    """The same setup with an invented engine."""
    return InventedSetup(setup.pack, setup.policy, setup.calibration, setup.batch)


class InventedEngine:
    """One worker in this process; it counts what it was asked."""

    def __init__(self, setup: Setup) -> None:
        self.worker = Worker(invented(setup))
        self.tasks: list[Task] = []
        self.closed = False

    @property
    def asked(self) -> list[bytes]:
        """The pictures that were looked at."""
        verifier = self.worker._verifier
        assert isinstance(verifier, InventedVerifier)
        return verifier.asked

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answers]:
        """As `Engine.answers`."""
        for task in tasks:
            self.tasks.append(task)
            yield self.worker(task)

    def close(self) -> None:
        """As `Engine.close`."""
        self.closed = True
