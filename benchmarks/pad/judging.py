"""Answers rendered and judged, on several processes."""

from __future__ import annotations

import multiprocessing
import os
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pad.people import Half, People
from pad.species import render
from visavis.examiner import Examined, Examiner
from visavis.liveness.active import POLICY, ActiveDetector
from visavis.liveness.challenge import draw
from visavis.liveness.check import WORKING, working_points
from visavis.liveness.frames import Frame
from visavis.liveness.passive import PassiveDetector, unfit

PASSIVE_FRAMES = 9
"""Frames of an answer that the passive detector looks at, spread evenly; their median counts."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was made of one answer; nothing in it says whose it was.

    Attributes:
        half: Of the people.
        species: Which.
        seed: Of its drawing.
        outcome: Of the active challenge.
        problem: What kept it from being assessed.
        failed: The weakest check, where the outcome is an attack.
        values: What its checks measured, by ``"check.measure"``.
        passive: The median score of the passive detector; None where it could say nothing of most frames.
    """

    half: str
    species: str
    seed: int
    outcome: str
    problem: str | None
    failed: str | None
    values: dict[str, float]
    passive: float | None


def rejudged(judged: Judged) -> Judged:
    """The same measures judged by the working points that there are now."""
    if not judged.values:
        return judged
    values = judged.values
    scores: dict[str, float] = {}
    for name, point in working_points().items():
        if name in values:
            check = name.split(".")[0]
            scores[check] = min(scores.get(check, 1.0), point.score(values[name]))
    if values.get("timing.repeated"):
        scores["timing"] = 0.0
    if "person.least_similarity" in values and values["person.least_similarity"] < values["person.threshold"]:
        scores["person"] = 0.0
    weakest = min(scores, key=lambda check: scores[check])
    if scores[weakest] < WORKING:
        return replace(judged, outcome="attack", problem=None, failed=weakest)
    if {*working_points(), "person.least_similarity"} <= values.keys():
        return replace(judged, outcome="live", problem=None, failed=None)
    return replace(judged, outcome="not assessed", problem="check_not_assessed", failed=None)


class LookingOnce(Examiner):
    """An examiner that keeps what it saw on the frames of one answer: both detectors ask for the same."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self._seen: dict[int, tuple[Any, Examined]] = {}  # with the source, or its number would be given anew

    def look(self, source: Any, **asked: Any) -> Examined:
        """As `Examiner.look`."""
        if id(source) not in self._seen:
            self._seen[id(source)] = source, super().look(source, **asked)
        return self._seen[id(source)][1]

    def forget(self) -> None:
        """Let go of the frames of one answer before those of another come."""
        self._seen.clear()


class Judge:
    """Renders and judges; loaded once in each process."""

    def __init__(self, folder: Path, half: Half) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._examiner = LookingOnce()
        self._half = half
        self._people = People(folder, half, self._examiner)
        self._active, self._passive = ActiveDetector(self._examiner), PassiveDetector(threads=1)

    def __call__(self, species: str, seed: int) -> Judged:
        """One answer of a species, drawn by a seed."""
        challenge = draw(seed=f"{species} {seed}".encode())
        frames = render(species, self._people, challenge, seed)
        self._examiner.forget()
        active = self._active.judge(challenge, frames)
        values = {
            f"{check.name}.{name}": float(value)
            for check in active.checks
            for name, value in check.values.items()
            if value is not None
        }
        failed = None
        if active.outcome == "attack":
            failed = min(
                (check for check in active.checks if check.score is not None),
                key=lambda each: each.score or 0,
            ).name
        passive = self._passively(frames)
        return Judged(self._half, species, seed, active.outcome, active.problem, failed, values, passive)

    def _passively(self, frames: Sequence[Frame]) -> float | None:
        scores = []
        chosen = [frames[round(n * (len(frames) - 1) / (PASSIVE_FRAMES - 1))] for n in range(PASSIVE_FRAMES)]
        for frame in chosen:
            looked = self._examiner.look(frame.photo, policy=POLICY)
            face = looked.evidence.face
            if face is not None and unfit(looked.photo, face) is None:
                scores.append(self._passive.look(looked.photo, face).score)
        return statistics.median(scores) if len(scores) > PASSIVE_FRAMES // 2 else None


def judge_all(folder: Path, half: Half, work: Sequence[tuple[str, int]], processes: int) -> Iterator[Judged]:
    """Everything in `work`, each a species and a seed, in that order.

    Args:
        folder: With one folder of pictures for each person.
        half: Which of them.
        work: What to render and judge.
        processes: How many at once.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_prepare, initargs=(folder, half)) as pool:
        yield from pool.map(_work, work)


_judge: Judge | None = None


def _prepare(folder: Path, half: Half) -> None:
    global _judge  # noqa: PLW0603  # one for each process
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    _judge = Judge(folder, half)


def _work(given: tuple[str, int]) -> Judged:
    if _judge is None:
        raise RuntimeError("the process wasn't prepared")
    return _judge(*given)
