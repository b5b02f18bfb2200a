"""Invented people: files that say who is on them, and an examiner that sees just that. No faces."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from visavis.errors import PhotoError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from visavis.decision.policy import Policy

SIZE = 64
NOISE = 0.8
WALL = b"a wall"
FINGERPRINT = "0123456789abcdef"


def picture(who: str, take: int) -> bytes:
    """A picture of somebody."""
    return f"face of {who}, take {take}".encode()


def vector(who: str, take: int) -> NDArray[np.float32]:
    """The template of that picture."""

    def drawn(text: str) -> NDArray[np.float64]:
        unit = np.random.default_rng([*text.encode()]).normal(size=SIZE)
        return unit / np.linalg.norm(unit)

    found = drawn(who) + NOISE * drawn(f"{who} {take}")
    return (found / np.linalg.norm(found)).astype(np.float32)


def make(folder: Path, people: dict[str, int]) -> Path:
    """A folder of people with so many pictures each."""
    for who, pictures in people.items():
        (folder / who).mkdir(parents=True)
        for take in range(pictures):
            (folder / who / f"{take}.jpg").write_bytes(picture(who, take))
    return folder


def crowd(folder: Path, people: int = 40, pictures: int = 3) -> Path:
    """The same with people called p00, p01 ..."""
    return make(folder, {f"p{number:02}": pictures for number in range(people)})


class Examiner:
    """Takes the place of the real one; `asked` counts how often any of them was asked for each picture.

    With VISAVIS_TEST_SLOW set, each picture takes so many seconds.
    """

    fingerprint = FINGERPRINT
    asked: ClassVar[Counter[bytes]] = Counter()
    _guard = threading.Lock()

    def __init__(self, pack: str = "sface", *, threads: int | None = None) -> None:
        assert threads == 1, "pictures are spread over the cores already"
        self.pack = SimpleNamespace(name=pack)

    def examine(self, content: bytes, *, policy: Policy) -> Any:
        """Who is on it; policies are for real faces."""
        del policy
        time.sleep(float(os.environ.get("VISAVIS_TEST_SLOW", "0")))
        with self._guard:
            self.asked[content] += 1
        if content == WALL:
            return SimpleNamespace(template=None, problem="no_face")
        said = re.fullmatch(r"face of (.+), take (\d+)", content.decode(errors="replace"))
        if said is None:
            raise PhotoError("photo.format", "this isn't a supported picture", found="text")
        return SimpleNamespace(template=SimpleNamespace(vector=vector(said[1], int(said[2]))), problem=None)


def main() -> None:
    """The command line with this examiner: ``python -m tests.evaluation.invented evaluate ...``."""
    import visavis.examiner
    from visavis import cli

    visavis.examiner.Examiner = Examiner  # type: ignore[assignment,misc]
    cli.main()


if __name__ == "__main__":
    main()
