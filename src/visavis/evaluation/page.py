"""An evaluation as one HTML file that needs nothing else: for a person who answers for the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.documents.templates import templates
from visavis.evaluation import charts, words
from visavis.report import words as report_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.evaluation.result import Evaluation, Grouping, GroupsAt

LISTED = 50
"""How many files a list names; it says how many more there are."""

# Times the overall rate from which on a cell of the matrix is shaded, the deeper the more.
SHADES = (1.5, 3.0, 6.0, 12.0)


@dataclass(frozen=True, slots=True)
class Cell:
    """FMR within a group or across two of them, and how deep its cell is shaded (0 to 4)."""

    rate: str
    interval: str
    shade: int


@dataclass(frozen=True, slots=True)
class Chapter:
    """One column of labels, at one threshold in full and at all others in short.

    Attributes:
        grouping: The column.
        at: The threshold that is shown in full; None where there is none.
        chart: FMR of each group as SVG, or None.
        matrix: The lower half of FMR across groups: a row for each group, itself last; empty without cross
            rates.
    """

    grouping: Grouping
    at: GroupsAt | None
    chart: str | None
    matrix: tuple[tuple[Cell | None, ...], ...]


def page(evaluation: Evaluation) -> str:
    """The evaluation as HTML, without scripts and without anything from outside; the same for the same."""
    return (
        templates("visavis.evaluation")
        .get_template("page.html")
        .render(
            evaluation=evaluation,
            counts=evaluation.counts,
            words=words,
            one_in=report_words.one_in,
            printable=report_words.printable,
            best=words.strictest_supported(evaluation),
            det=charts.det(evaluation, "det"),
            det_floor=charts.det_floor(evaluation),
            histogram=charts.histogram(evaluation, "scores"),
            chapters=list(_chapters(evaluation)),
            shades=SHADES,
            listed=LISTED,
        )
    )


def _chapters(evaluation: Evaluation) -> Iterator[Chapter]:
    overall = {point.fmr_target: point.at for point in evaluation.operating_points}
    for number, grouping in enumerate(evaluation.groupings, start=1):
        at = words.strictest_telling(grouping)
        if at is None:
            yield Chapter(grouping, None, None, ())
            continue
        point = overall[at.fmr_target]
        reference = point.fmr_per_person if point.supported else 0.0
        yield Chapter(
            grouping, at, charts.groups(at, point, f"groups-{number}"), tuple(_matrix(at, reference))
        )


def _matrix(at: GroupsAt, overall: float) -> Iterator[tuple[Cell | None, ...]]:
    if not at.cross:
        return
    rates = {}
    for group in at.rates:
        if group.fmr_high is not None:
            rates[group.name, group.name] = _cell(
                group.fmr, group.fmr_low, group.fmr_high, overall, supported=group.fmr_supported
            )
    for cross in at.cross:
        cell = _cell(cross.fmr, cross.fmr_low, cross.fmr_high, overall, supported=cross.fmr_supported)
        rates[cross.first, cross.second] = rates[cross.second, cross.first] = cell
    for row, group in enumerate(at.rates):
        yield tuple(rates.get((group.name, other.name)) for other in at.rates[: row + 1])


def _cell(
    fmr: float | None, low: float | None, high: float | None, overall: float, *, supported: bool
) -> Cell:
    if fmr is None or not supported:
        return Cell(words.below(high), "", 0)
    times = fmr / overall if overall > 0 else 0.0
    return Cell(words.percent(fmr), words.interval(low, high), sum(times >= shade for shade in SHADES))
