"""Every picture of a set of people against every other, reduced at once to what error rates need.

Memory does not grow with the number of comparisons: impostor scores go into a histogram, and only the highest
of them, those that decide at a strict FMR, are kept one by one together with the two people they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from visavis.geometry import Floats

    Integers = NDArray[np.integer[Any]]

BINS = 40_000  # of the impostor histogram over -1 ... 1
TAIL = 0.1  # share of the highest impostor scores that is kept one by one
ROWS = 1024  # pictures compared with all the others in one matrix product


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What all comparisons of a set come to.

    Attributes:
        genuine: Scores of pairs of one person, float32.
        genuine_person: The person of each of them, 0 to `people` - 1.
        histogram: Counts of impostor scores in `BINS` bins over -1 ... 1.
        impostors: How many impostor comparisons there were.
        tail: The impostor scores from `tail_from` up, float32, highest first.
        tail_people: tail.size x 2, the two people of each.
        tail_from: Every impostor score at or above this one is in `tail`.
        people: How many people.
        pictures_of: Pictures of each person that gave a template.
    """

    genuine: Floats
    genuine_person: Integers
    histogram: Integers
    impostors: int
    tail: Floats
    tail_people: Integers
    tail_from: float
    people: int
    pictures_of: Integers


def all_pairs(templates: Floats, person: Integers, *, missing: Integers | None = None) -> Comparisons:
    """Compare every picture with every other one by cosine.

    Args:
        templates: n x d, float32, each row of length 1.
        person: The person of each row, 0 to k - 1.
        missing: The persons of pictures without a template. A failure to acquire is a false non-match at
            every threshold (ISO/IEC 19795-1): the genuine comparisons of such a picture score minus infinity.
    """
    missing = np.empty(0, dtype=np.int64) if missing is None else missing
    people = int(max(person.max(), missing.max(initial=-1))) + 1
    order = np.argsort(person, kind="stable")
    templates, person = np.ascontiguousarray(templates[order], dtype=np.float32), person[order]
    histogram = np.zeros(BINS, dtype=np.int64)
    genuine, genuine_person = [], []
    for scores, rows, columns in _blocks(templates):
        same = person[rows, None] == person[None, columns]
        later = rows[:, None] < columns[None, :]
        genuine.append(scores[same & later])
        genuine_person.append(np.broadcast_to(person[rows, None], same.shape)[same & later])
        counted = np.clip(((scores[~same & later] + 1) * (BINS / 2)).astype(np.int64), 0, BINS - 1)
        histogram += np.bincount(counted, minlength=BINS)
    impostors = int(histogram.sum())
    above = np.cumsum(histogram[::-1])[::-1]
    lowest_bin = int(np.searchsorted(-above, -max(TAIL * impostors, min(impostors, 1000))))
    tail_from = float(max(lowest_bin - 1, 0) / (BINS / 2) - 1)
    tail, pairs = [], []
    for scores, rows, columns in _blocks(templates):
        wanted = scores >= tail_from
        wanted &= rows[:, None] < columns[None, :]
        row, column = np.nonzero(wanted)
        others = person[rows[row]] != person[columns[column]]
        row, column = row[others], column[others]
        tail.append(scores[row, column])
        pairs.append(np.stack([person[rows[row]], person[columns[column]]], axis=1))
    scores_kept, people_kept = np.concatenate(tail), np.concatenate(pairs)
    highest_first = np.argsort(-scores_kept, kind="stable")
    lost = _pairs(np.bincount(np.concatenate([person, missing]), minlength=people))
    lost -= _pairs(np.bincount(person, minlength=people))
    return Comparisons(
        genuine=np.concatenate([*genuine, np.full(lost.sum(), -np.inf, dtype=np.float32)]),
        genuine_person=np.concatenate([*genuine_person, np.repeat(np.arange(people), lost)]),
        histogram=histogram,
        impostors=impostors,
        tail=scores_kept[highest_first],
        tail_people=people_kept[highest_first],
        tail_from=tail_from,
        people=people,
        pictures_of=np.bincount(person, minlength=people),
    )


def _pairs(pictures_of: Integers) -> Integers:
    return pictures_of * (pictures_of - 1) // 2


def _blocks(templates: Floats) -> Iterator[tuple[Floats, Integers, Integers]]:
    """Blocks of the upper triangle of the score matrix, with the pictures of their rows and columns."""
    for start in range(0, len(templates), ROWS):
        rows = np.arange(start, min(start + ROWS, len(templates)))
        yield templates[rows] @ templates[start:].T, rows, np.arange(start, len(templates))
