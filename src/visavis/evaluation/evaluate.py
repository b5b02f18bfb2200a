"""The evaluation itself: from pictures whose truth is known to error rates.

truth -> templates -> comparisons -> rates, groups, pictures made worse -> Evaluation
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import visavis
from visavis.decision.calibration import Data
from visavis.decision.checks import LONGEST_NAME
from visavis.evaluation.comparisons import all_pairs, listed_pairs, scores_of
from visavis.evaluation.groups import MIN_PEOPLE, OTHER, grouping, worst_group
from visavis.evaluation.rates import (
    REPLICATES,
    equal_error_rate,
    finest,
    genuine_disjoint,
    impostors_disjoint,
    misses,
    points,
    score_histogram,
    ten_fold,
    threshold_at,
    trade_off,
)
from visavis.evaluation.result import Counts, Evaluation, OperatingPoint
from visavis.evaluation.truth import EvaluationError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from visavis.evaluation.acquire import Acquired
    from visavis.evaluation.comparisons import Booleans, Comparisons, Integers
    from visavis.evaluation.rates import Supported
    from visavis.evaluation.result import TenFold
    from visavis.evaluation.truth import Groups, Truth

FMRS = (1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """All comparisons of a set.

    Attributes:
        truth: What was to be compared.
        acquired: The templates.
        comparisons: What their comparisons come to.
        ten_fold: Accuracy by folds, where the pairs have them.
        seconds: Wall time of comparing.
    """

    truth: Truth
    acquired: Acquired
    comparisons: Comparisons
    ten_fold: TenFold | None
    seconds: float

    @property
    def counts(self) -> Counts:
        """How much was compared."""
        readable = self.acquired.readable
        _, genuine = misses(self.comparisons, [])
        return Counts(
            people=len(np.unique(self.truth.person[readable])),
            people_with_genuine=int((genuine > 0).sum()),
            pictures=int(readable.sum()),
            failures_to_acquire=len(self.acquired.failures),
            genuine=self.comparisons.genuine,
            genuine_lost=int(self.comparisons.lost.sum()),
            impostors=self.comparisons.impostors,
            dropped=len(self.truth.dropped) + len(self.acquired.dropped),
        )

    def data(self, name: str, description: str) -> Data:
        """The pictures, as a calibration names them."""
        counts = self.counts
        return Data(
            name=name,
            description=description,
            people=counts.people,
            pictures=counts.pictures,
            impostor_comparisons=counts.impostors,
            genuine_comparisons=counts.genuine,
            without_face=counts.failures_to_acquire,
        )


def compare(truth: Truth, acquired: Acquired) -> Compared:
    """Compare what the truth asks for.

    Raises:
        EvaluationError: `evaluation.empty`: nothing is left to compare.
    """
    start = time.perf_counter()
    folds = None
    if truth.pairs is None:
        missing = truth.person[acquired.readable & ~acquired.acquired]
        comparisons = all_pairs(acquired.vectors, truth.person[acquired.acquired], missing=missing)
    else:
        pairs = truth.pairs
        row = np.where(acquired.acquired, np.cumsum(acquired.acquired) - 1, -1)
        usable = acquired.readable[pairs.first] & acquired.readable[pairs.second]
        first, second, same = pairs.first[usable], pairs.second[usable], pairs.same[usable]
        scores = scores_of(acquired.vectors, row, first, second)
        comparisons = listed_pairs(scores, truth.person[first], truth.person[second], same)
        if pairs.fold is not None and _tell_nobody(
            fold := pairs.fold[usable], same, truth.person[first], truth.person[second]
        ):
            folds = ten_fold(scores, same, fold)
    if not comparisons.genuine and not comparisons.impostors:
        raise EvaluationError(
            "evaluation.empty",
            "there is nothing to compare",
            found=f"{int(acquired.readable.sum())} pictures that can be read",
            expected="pictures of two people, or two of one, with a face on them",
        )
    return Compared(truth, acquired, comparisons, folds, time.perf_counter() - start)


def evaluate(
    compared: Compared,
    *,
    pack: str,
    data: str,
    fmrs: Sequence[float] = FMRS,
    in_worst_group: bool = False,
) -> Evaluation:
    """All error rates; pictures made worse are added by `dataclasses.replace`.

    Args:
        compared: The comparisons.
        pack: Name of the pack that made the templates.
        data: What the operator calls the pictures.
        fmrs: The FMRs at which operating points are taken.
        in_worst_group: Take them at the thresholds that hold each FMR in the worst group of any column of
            labels, instead of over all comparisons; those FMRs that the groups' comparisons don't support
            are left out.

    Raises:
        EvaluationError: `evaluation.support`: none of the FMRs is supported in the groups.
    """
    start = time.perf_counter()
    truth = compared.truth
    comparisons = compared.comparisons
    last = finest(comparisons)
    if in_worst_group:
        at = _in_worst_group(compared, fmrs, last)
    else:
        at = {fmr: threshold_at(comparisons, fmr) for fmr in fmrs}
    operating_points = tuple(
        OperatingPoint(fmr, point)
        for fmr, point in zip(at, points(comparisons, list(at.values()), last), strict=True)
    )
    groupings = tuple(grouping(comparisons, groups, operating_points, last) for groups in truth.groups)
    eer = equal_error_rate(comparisons)
    det = points(comparisons, trade_off(comparisons), last)
    return Evaluation(
        version=visavis.__version__,
        pack=pack,
        fingerprint=compared.acquired.fingerprint,
        protocol=truth.protocol,
        data=data,
        counts=compared.counts,
        rule="worst_group" if in_worst_group else "overall",
        fmr_interval="binomial" if impostors_disjoint(comparisons) else "bootstrap over people",
        fnmr_interval="binomial" if genuine_disjoint(comparisons) else "bootstrap over people",
        replicates=REPLICATES,
        finest_fmr=None if last is None else last.fmr,
        operating_points=operating_points,
        eer=eer,
        det=det,
        scores=score_histogram(comparisons),
        ten_fold=compared.ten_fold,
        groupings=groupings,
        robustness=None,
        failures=compared.acquired.failures,
        dropped=(*truth.dropped, *compared.acquired.dropped),
        seconds={
            "templates": compared.acquired.seconds,
            "comparisons": compared.seconds,
            "rates": time.perf_counter() - start,
        },
    )


def check_groups(truth: Truth) -> None:
    """Find out before any picture is looked at whether there can be a worst group.

    Raises:
        EvaluationError: `evaluation.labels`: fewer than two groups of enough people, or a label that a
            calibration couldn't hold.
    """
    found = 0
    for groups in truth.groups:
        for label in groups.labels:
            if len(text := f"{groups.name}: {label}") > LONGEST_NAME or not text.isprintable():
                raise EvaluationError(
                    "evaluation.labels",
                    "a label can't stand in a calibration",
                    found=repr(printable(text)[:40]),
                    expected=f"at most {LONGEST_NAME} printable characters with the name of its column",
                )
        found += _large(groups)
    if found < 2:
        raise EvaluationError(
            "evaluation.labels",
            "there are too few groups for one to be the worst",
            found=found,
            expected=f"two groups or more, each of at least {MIN_PEOPLE} people with pictures",
        )


def _large(groups: Groups) -> int:
    """How many groups of enough people a column makes, with that of all other labels together."""
    people = np.bincount(groups.of_person[groups.of_person >= 0], minlength=len(groups.labels))
    own = (people >= MIN_PEOPLE) & (np.array(groups.labels, dtype=object) != OTHER)
    return int(own.sum()) + int(people[~own].sum() >= MIN_PEOPLE)


def _tell_nobody(fold: Integers, same: Booleans, first: Integers, second: Integers) -> bool:
    """Whether there are folds, and each is over enough people of either kind.

    Accuracy in a fold of a single comparison would say how that one came out.
    """
    folds = np.unique(fold)
    return len(folds) > 1 and all(
        len(np.unique([first[chosen], second[chosen]])) >= MIN_PEOPLE
        for number in folds
        for chosen in ((fold == number) & same, (fold == number) & ~same)
    )


def _in_worst_group(compared: Compared, fmrs: Sequence[float], last: Supported | None) -> dict[float, float]:
    """For each FMR that is supported the threshold that holds it in every group of every column."""
    found = {}
    for fmr in fmrs:
        worst = [worst_group(compared.comparisons, groups, fmr, last).at for groups in compared.truth.groups]
        thresholds = [point.threshold for point in worst if point is not None]
        if thresholds and len(thresholds) == len(worst):
            found[fmr] = max(thresholds)
    if not found:
        raise EvaluationError(
            "evaluation.support",
            "the groups have too few comparisons for any of these false match rates",
            found=", ".join(f"{fmr:.0e}" for fmr in fmrs),
            expected="a larger rate (--fmr), or more people in each group",
        )
    return found
