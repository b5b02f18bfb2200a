"""Error rates from comparisons (ISO/IEC 19795-1), with intervals that know that comparisons share people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from visavis.evaluation.comparisons import Comparisons, Integers
    from visavis.geometry import Floats


def threshold_at(comparisons: Comparisons, fmr: float) -> float:
    """The lowest threshold whose measured FMR is at most `fmr`; a score that reaches it is a match.

    Equal scores match or fail together, so the FMR may stay below what was asked. Asked for less than one
    false match, it is the next number above the highest impostor score.

    Raises:
        ValueError: `fmr` is larger than the share of impostor scores that were kept one by one.
    """
    allowed = int(fmr * comparisons.impostors + 1e-9)
    tail = comparisons.tail
    if allowed >= tail.size:
        raise ValueError(
            f"an FMR below {tail.size / comparisons.impostors:.3g} was expected, found {fmr:.3g}"
        )
    return float(np.nextafter(tail[allowed], np.float32(np.inf)))


def fmr_at(comparisons: Comparisons, threshold: float) -> float:
    """Share of impostor comparisons that reach `threshold`.

    Raises:
        ValueError: `threshold` lies below ``tail_from``: not all scores that reach it were kept.
    """
    return int(_reaching(comparisons, [threshold])[0]) / comparisons.impostors


def fnmr_at(comparisons: Comparisons, threshold: float) -> tuple[float, float]:
    """FNMR at a threshold, over all comparisons, and as the mean of each person's own FNMR."""
    missed = comparisons.genuine < threshold
    total = np.bincount(comparisons.genuine_person, minlength=comparisons.people)
    wrong = np.bincount(comparisons.genuine_person[missed], minlength=comparisons.people)
    compared = total > 0
    return float(missed.mean()), float((wrong[compared] / total[compared]).mean())


def fmr_replicates(
    comparisons: Comparisons, thresholds: Sequence[float], *, replicates: int, seed: int
) -> Floats:
    """FMR at each threshold when the people are drawn anew, with replacement.

    Comparisons that share a person are not independent, so a binomial interval over them is far too narrow.
    Drawing people and weighing each comparison by the product of how often its two people were drawn keeps
    that dependence (the subsets bootstrap of Bolle, Ratha, Pankanti, "Error analysis of pattern recognition
    systems: the subsets bootstrap", CVIU 93(1), 2004, with the weights for pairs of Owen, "The pigeonhole
    bootstrap", Annals of Applied Statistics 1(2), 2007).

    Returns:
        replicates x thresholds.

    Raises:
        ValueError: A threshold lies below ``tail_from``.
    """
    ends = _reaching(comparisons, thresholds)
    rates = np.empty((replicates, len(ends)))
    for row, drawn in enumerate(_draws(comparisons.people, replicates, seed)):
        pictures = drawn * comparisons.pictures_of
        # All pairs of pictures, less those of one person with themselves, each drawn as often as its two
        # people.
        total = (pictures.sum() ** 2 - (pictures**2).sum()) / 2
        weights = drawn[comparisons.tail_people].prod(axis=1)
        rates[row] = np.concatenate([[0], np.cumsum(weights)])[ends] / total
    return rates


def _reaching(comparisons: Comparisons, thresholds: Sequence[float]) -> Integers:
    """How many impostor scores reach each threshold."""
    if min(thresholds, default=1.0) < comparisons.tail_from:
        raise ValueError(f"thresholds from {comparisons.tail_from} up were expected, found {min(thresholds)}")
    reaching: Integers = np.searchsorted(-comparisons.tail, -np.asarray(thresholds), side="right")
    return reaching


def _draws(people: int, replicates: int, seed: int) -> Iterator[Integers]:
    """How often each person is drawn when as many people as there are are drawn with replacement."""
    random = np.random.default_rng(seed)
    for _ in range(replicates):
        yield np.bincount(random.integers(people, size=people), minlength=people)
