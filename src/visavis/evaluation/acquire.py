"""From pictures to templates, on all cores, as far as an evaluation needs it: vectors and nothing else."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from visavis.decision.policy import Policy
from visavis.errors import PhotoError
from visavis.evaluation.result import Dropped
from visavis.evaluation.workers import on_all_cores
from visavis.photo.source import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from visavis.evaluation.store import Workplace
    from visavis.evaluation.truth import Truth
    from visavis.examiner import Examiner

# Whatever face there is counts: rates without the hard pictures would be too good.
POLICY = Policy(
    faces="largest_central", min_inter_eye_px=0, min_confidence=0, max_disagreement=10, min_inside=0
)

# The first byte of what is stored; after it comes the vector, or the code of the problem.
TEMPLATE, PROBLEM = b"\x01", b"\x00"


@dataclass(frozen=True, slots=True, eq=False)
class Acquired:
    """Templates of pictures.

    Attributes:
        vectors: n x d, float32, each row of length 1: of the pictures with a template, in their order; 0 x 0
            where there are none.
        acquired: Whether each picture has a template.
        readable: Whether each picture can be decoded. One that can but has no template is a failure to
            acquire (ISO/IEC 19795-1); one that can't takes no part.
        failures: Names of the failures to acquire.
        dropped: The pictures that can't be decoded.
        fingerprint: Of the pack that made the templates.
        seconds: Wall time.
    """

    vectors: NDArray[np.float32]
    acquired: NDArray[np.bool_]
    readable: NDArray[np.bool_]
    failures: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    fingerprint: str
    seconds: float


def acquire(
    truth: Truth,
    examiner: Examiner,
    *,
    workplace: Workplace,
    progress: Callable[[int, int], None] | None = None,
) -> Acquired:
    """Make a template of each picture, or take it from the workplace where a run before this one made it.

    Args:
        truth: Whose pictures are meant.
        examiner: Built with ``threads=1``: the cores are kept busy by several pictures at once.
        workplace: Entered; it keeps what was made if this is interrupted.
        progress: Called with the number of pictures done and of all, from the caller's thread.

    Raises:
        EvaluationError: `evaluation.store`: the workplace can't be written.
    """
    start = time.perf_counter()
    total = len(truth.pictures)
    vectors: list[NDArray[np.float32]] = []
    acquired, readable = np.zeros(total, dtype=bool), np.zeros(total, dtype=bool)
    failures, dropped = [], []
    work = partial(_outcome, examiner=examiner, workplace=workplace)
    with closing(on_all_cores(work, truth.pictures)) as outcomes:
        for number, outcome in enumerate(outcomes):
            name = truth.picture_names[number]
            readable[number] = not isinstance(outcome, PhotoError)
            if isinstance(outcome, PhotoError):
                # The error knows the path on this machine, which is nobody else's business.
                message = str(outcome).replace(ascii(os.fspath(truth.pictures[number])), ascii(name))
                dropped.append(Dropped(name, "unreadable", message))
            elif outcome.startswith(TEMPLATE):
                acquired[number] = True
                vectors.append(np.frombuffer(outcome, dtype="<f4", offset=1))
            else:
                failures.append(name)
            if progress is not None:
                progress(number + 1, total)
    return Acquired(
        vectors=np.stack(vectors).astype(np.float32, copy=False)
        if vectors
        else np.empty((0, 0), dtype=np.float32),
        acquired=acquired,
        readable=readable,
        failures=tuple(failures),
        dropped=tuple(dropped),
        fingerprint=examiner.fingerprint,
        seconds=time.perf_counter() - start,
    )


def _outcome(path: Path, examiner: Examiner, workplace: Workplace) -> bytes | PhotoError:
    """A status byte with what follows it, or why the picture can't be used."""
    try:
        content = read_bytes(path)
        digest = hashlib.sha256(content).digest()
        if (known := workplace.get(digest)) is not None:
            return known
        seen = examiner.examine(content, policy=POLICY)
    except PhotoError as error:
        return error
    if seen.template is None:
        outcome = PROBLEM + str(seen.problem).encode()
    else:
        outcome = TEMPLATE + seen.template.vector.astype("<f4").tobytes()
    workplace.put(digest, outcome)
    return outcome
