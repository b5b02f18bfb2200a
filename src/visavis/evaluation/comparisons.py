"""Comparisons of many pictures, reduced at once to what error rates need.

Memory grows with pictures and people, not with comparisons: similarities are counted on a grid of `BINS`
steps. Comparisons that share people are not independent, so of impostor comparisons the two people count
too: they are kept of every comparison that decides at a strict FMR, and of a random part of the others, level
by level, with weights.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from visavis.packs.runtime import available_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from visavis.geometry import Floats

    Integers = NDArray[np.integer[Any]]
    Booleans = NDArray[np.bool_]

BINS = 65_536  # over -1 ... 1; thresholds are the edges between them, 3e-5 apart, well below what decides
LEVELS = 10  # in each power of ten of the FMR; of each level at most
PER_LEVEL = 30_000  # comparisons are kept: 0.6 % of noise, where people drawn anew make 5 % and more
TILE_ROWS, TILE_COLUMNS = 1024, 4096  # pictures compared in one matrix product
CHUNK = 65_536  # listed pairs compared at once
SEED = 19795


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Impostor comparisons that were listed.

    Attributes:
        people: n x 2, the two people of each.
        share: One through the number of comparisons that its two people have, float32.
    """

    people: Integers
    share: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """What the comparisons of a set come to.

    A similarity s lies in bin floor((s + 1) BINS / 2).

    Attributes:
        people: How many people.
        pictures_of: Pictures of each person that gave a template; 0 where pairs were listed.
        genuine_person: The person, 0 to `people` - 1, of each entry of `genuine_count`.
        genuine_bin: The bin of each.
        genuine_count: How many comparisons of that person fell into that bin.
        lost: Genuine comparisons of each person that a failure to acquire took. Each is a false non-match
            at every threshold (ISO/IEC 19795-1).
        histogram: Impostor comparisons in each of the `BINS` bins.
        kept_bin: Bins of the impostor comparisons that were kept, highest first.
        kept_people: k x 2, the two people of each.
        kept_weight: For how many comparisons each stands, float32.
        kept_share: The same as a share of all comparisons of its two people, float32.
        listed: Where pairs were listed, what was compared; None where every picture was with every other.
    """

    people: int
    pictures_of: Integers
    genuine_person: Integers
    genuine_bin: Integers
    genuine_count: Integers
    lost: Integers
    histogram: Integers
    kept_bin: Integers
    kept_people: Integers
    kept_weight: Floats
    kept_share: Floats
    listed: Listed | None = None

    @property
    def genuine(self) -> int:
        """Comparisons of one person, the lost ones among them."""
        return int(self.genuine_count.sum() + self.lost.sum())

    @property
    def impostors(self) -> int:
        """Comparisons of two people."""
        return int(self.histogram.sum())


def edge(bin_: int) -> float:
    """The lowest similarity that falls into a bin; exact in floating point."""
    return bin_ / (BINS / 2) - 1


def bin_of(threshold: float) -> int:
    """The first bin whose similarities all reach a threshold; `BINS` where there is none."""
    return int(np.clip(np.ceil((threshold + 1) * (BINS / 2)), 0, BINS))


def all_pairs(templates: Floats, person: Integers, *, missing: Integers | None = None) -> Comparisons:
    """Compare every picture with every other one by cosine.

    Args:
        templates: n x d, float32, each row of length 1.
        person: The person of each row, 0 to k - 1.
        missing: The person of each picture without a template.
    """
    missing = np.empty(0, dtype=np.int64) if missing is None else missing
    people = 1 + int(max(person.max(initial=-1), missing.max(initial=-1)))
    order = np.argsort(person, kind="stable")
    templates, person = np.ascontiguousarray(templates[order], dtype=np.float32), person[order]
    tiles = _Tiles(templates, person.astype(np.int32))
    histogram = np.zeros(BINS, dtype=np.int64)
    genuine = []
    with ThreadPoolExecutor(available_cores()) as pool:
        for counted, of_one in pool.map(tiles.count, tiles):
            histogram += counted
            genuine.append(of_one)
        levels = _Levels(histogram)
        kept = list(pool.map(lambda tile: tiles.keep(tile, levels), tiles))
    keys, counts = _merged(genuine)
    lost = _pairs(np.bincount(np.concatenate([person, missing]), minlength=people))
    lost -= _pairs(np.bincount(person, minlength=people))
    bins, two = _highest_first(kept)
    weight = levels.weights(bins)
    pictures_of = np.bincount(person, minlength=people)
    return Comparisons(
        people=people,
        pictures_of=pictures_of,
        genuine_person=keys // BINS,
        genuine_bin=keys % BINS,
        genuine_count=counts,
        lost=lost,
        histogram=histogram,
        kept_bin=bins,
        kept_people=two,
        kept_weight=weight,
        kept_share=(weight / pictures_of[two].prod(axis=1)).astype(np.float32),
    )


def listed_pairs(scores: Floats, first: Integers, second: Integers, same: Booleans) -> Comparisons:
    """Take comparisons that were listed and made one by one.

    Args:
        scores: Similarity of each; minus infinity where one of the two pictures gave no template.
        first: The person of the one picture, 0 to k - 1.
        second: The person of the other.
        same: Whether they are one person.
    """
    first, second = first.astype(np.int64), second.astype(np.int64)  # two of them become one number below
    people = 1 + int(max(first.max(initial=-1), second.max(initial=-1)))
    made = np.isfinite(scores)
    bins = _bins(np.where(made, scores, -1)).astype(np.int64)
    genuine, impostor = made & same, made & ~same
    keys, counts = np.unique(first[genuine] * BINS + bins[genuine], return_counts=True)
    order = np.argsort(-bins[impostor], kind="stable")
    two = np.sort(np.stack([first[impostor], second[impostor]], axis=1)[order], axis=1)
    _, pair, count = np.unique(two[:, 0] * people + two[:, 1], return_inverse=True, return_counts=True)
    share = (1 / count[pair]).astype(np.float32)
    return Comparisons(
        people=people,
        pictures_of=np.zeros(people, dtype=np.int64),
        genuine_person=keys // BINS,
        genuine_bin=keys % BINS,
        genuine_count=counts,
        lost=np.bincount(first[same & ~made], minlength=people),
        histogram=np.bincount(bins[impostor], minlength=BINS),
        kept_bin=bins[impostor][order],
        kept_people=two,
        kept_weight=np.ones(len(two), dtype=np.float32),
        kept_share=share,
        listed=Listed(two, share),
    )


def scores_of(templates: Floats, row: Integers, first: Integers, second: Integers) -> Floats:
    """Similarities of listed pairs, float32.

    Args:
        templates: n x d, each row of length 1.
        row: For each picture its row in `templates`, or -1 where it gave no template.
        first: One picture of each pair.
        second: The other.

    Returns:
        One for each pair, minus infinity where a picture gave no template.
    """
    scores = np.full(len(first), -np.inf, dtype=np.float32)
    made = np.flatnonzero((row[first] >= 0) & (row[second] >= 0))
    for start in range(0, len(made), CHUNK):
        part = made[start : start + CHUNK]
        one, other = templates[row[first[part]]], templates[row[second[part]]]
        scores[part] = np.clip(np.einsum("ij,ij->i", one, other), -1, 1)
    return scores


class _Tiles:
    """The upper triangle of the score matrix in tiles; pictures are sorted by person."""

    def __init__(self, templates: Floats, person: Integers) -> None:
        self._templates = templates
        self._person = person

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for row in range(0, len(self._person), TILE_ROWS):
            yield from ((row, column) for column in range(row, len(self._person), TILE_COLUMNS))

    def count(self, tile: tuple[int, int]) -> tuple[Integers, tuple[Integers, Integers]]:
        """Impostor scores by bin, and genuine ones by person and bin (as person * BINS + bin, and count)."""
        import cv2

        bins, rows, columns = self._bins(tile)
        genuine = np.empty(0, dtype=np.int64)
        if self._mixed(rows, columns):
            same, counted = self._same(rows, columns)
            at, beside = np.nonzero(same & counted)
            genuine = rows[at].astype(np.int64) * BINS + bins[at, beside]
            bins = bins[~same & counted][None]
        if bins.size:
            histogram = cv2.calcHist([bins], [0], None, [BINS], [0, BINS]).ravel().astype(np.int64)
        else:
            histogram = np.zeros(BINS, dtype=np.int64)
        return histogram, np.unique(genuine, return_counts=True)

    def keep(self, tile: tuple[int, int], levels: _Levels) -> tuple[Integers, Integers]:
        """Bins and people of the impostor scores that are kept."""
        bins, rows, columns = self._bins(tile)
        chosen = (
            np.random.default_rng([SEED, *tile]).random(bins.shape, dtype=np.float32) < levels.share[bins]
        )
        if self._mixed(rows, columns):
            same, counted = self._same(rows, columns)
            chosen &= ~same & counted
        at, beside = np.divmod(np.flatnonzero(chosen), bins.shape[1])
        return bins[at, beside], np.stack([rows[at], columns[beside]], axis=1)

    def _bins(self, tile: tuple[int, int]) -> tuple[NDArray[np.uint16], Integers, Integers]:
        row, column = tile
        rows, columns = slice(row, row + TILE_ROWS), slice(column, column + TILE_COLUMNS)
        scores = self._templates[rows] @ self._templates[columns].T
        return _bins(scores), self._person[rows], self._person[columns]

    def _mixed(self, rows: Integers, columns: Integers) -> bool:
        """Whether the tile holds comparisons of one person, or pairs that another tile counts."""
        return bool(rows[-1] >= columns[0])

    def _same(self, rows: Integers, columns: Integers) -> tuple[Booleans, Booleans]:
        """Which pairs are of one person, and which lie above the diagonal."""
        row, column = self._place(rows), self._place(columns)
        return rows[:, None] == columns[None, :], row[:, None] < column[None, :]

    def _place(self, part: Integers) -> Integers:
        """Places of a view of `_person`, which is contiguous."""
        start = (part.ctypes.data - self._person.ctypes.data) // self._person.itemsize
        return np.arange(start, start + len(part))


class _Levels:
    """Which share of the impostor scores of a bin is kept, so that no level of FMR holds too many."""

    def __init__(self, histogram: Integers) -> None:
        reached = np.cumsum(histogram[::-1])[::-1]
        rates = np.maximum(reached, 1) / max(int(histogram.sum()), 1)
        self._level = np.floor(-np.log10(rates) * LEVELS + 1e-9).astype(np.int64)
        # Levels that hold few comparisons together are one: nothing is left out of them.
        few = reached <= PER_LEVEL
        self._level[few] = self._level.max(initial=0, where=~few) + 1
        self._held = np.bincount(self._level, weights=histogram)
        shares = np.minimum(1.0, PER_LEVEL / np.maximum(self._held, 1))
        self.share = shares.astype(np.float32)[self._level]

    def weights(self, bins: Integers) -> Floats:
        """For how many comparisons each kept one stands: those of a level stand for all of it."""
        kept = np.bincount(self._level[bins], minlength=len(self._held))
        return (self._held / np.maximum(kept, 1)).astype(np.float32)[self._level[bins]]


def _bins(scores: Floats) -> NDArray[np.uint16]:
    steps = scores + np.float32(1)
    steps *= np.float32(BINS / 2)
    return np.clip(steps, 0, BINS - 1, out=steps).astype(np.uint16)


def _merged(parts: list[tuple[Integers, Integers]]) -> tuple[Integers, Integers]:
    keys = np.concatenate([np.empty(0, dtype=np.int64), *(keys for keys, _ in parts)])
    counts = np.concatenate([np.empty(0, dtype=np.int64), *(counts for _, counts in parts)])
    merged, place = np.unique(keys, return_inverse=True)
    return merged, np.bincount(place, weights=counts, minlength=len(merged)).astype(np.int64)


def _highest_first(kept: list[tuple[Integers, Integers]]) -> tuple[Integers, Integers]:
    bins = np.concatenate([np.empty(0, dtype=np.uint16), *(bins for bins, _ in kept)]).astype(np.int64)
    two = np.concatenate([np.empty((0, 2), dtype=np.int32), *(two for _, two in kept)])
    order = np.argsort(-bins, kind="stable")
    return bins[order], two[order]


def _pairs(pictures_of: Integers) -> Integers:
    return pictures_of * (pictures_of - 1) // 2
