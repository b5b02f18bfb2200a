"""The charts of an evaluation as SVG that lies in the page: its fonts, its colours in light and dark.

Lines and markers differ in style and not in colour alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from visavis.evaluation import words
from visavis.report.drawing import FIRST, INK, PAPER, QUIET, SECOND, WASH, canvas, log_ticks, styled, svg
from visavis.report.words import one_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from visavis.evaluation.result import Evaluation, GroupRates, GroupsAt, OperatingPoint, Point

NAME = 22  # columns of a group's name


def det(evaluation: Evaluation, name: str) -> str | None:
    """Detection error trade-off, both axes logarithmic; None where nothing can be drawn.

    Args:
        evaluation: The evaluation.
        name: Begins all ids of the chart, so that several fit on one page.
    """
    drawn = [point for point in evaluation.det if point.fmr > 0]
    if len(drawn) < 2 or evaluation.counts.genuine == 0:
        return None
    floor = det_floor(evaluation)
    marked = [each for each in evaluation.operating_points if each.at.fmr > 0]
    finest = evaluation.finest_fmr or 1.0
    left = min([finest, *(point.fmr for point in drawn), *(each.at.fmr for each in marked)]) / 1.5
    if evaluation.finest_fmr:
        left = min(left, finest / 4)  # room for the words
    right = max(point.fmr for point in drawn) * 1.15
    highest = max(max(point.fnmr_high, point.fnmr_per_person_high) for point in drawn)
    top = min(1.0, max(1.5 * highest, 20 * floor))

    with styled():
        figure, axes = canvas(4.0)
        axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(floor, top))
        axes.axvspan(left, min(finest, right), facecolor=WASH, edgecolor="none", zorder=0)
        axes.text(
            math.sqrt(left * min(finest, right)),
            0.04,
            "beyond the data",
            transform=axes.get_xaxis_transform(),
            rotation=90,
            ha="center",
            va="bottom",
            color=QUIET,
        )
        # Where both are the same, the dashes lie on the line and the dots on the squares.
        curves = (
            ("per person", "fnmr_per_person", FIRST, "-", "o", 4.5),
            ("over all comparisons", "fnmr", SECOND, (0, (4, 1.8)), "s", 7.5),
        )
        for label, rate, colour, line, marker, size in curves:
            x = [point.fmr for point in drawn]
            lows, highs, rates = (
                [max(floor, getattr(point, rate + end)) for point in drawn] for end in ("_low", "_high", "")
            )
            axes.fill_between(x, lows, highs, facecolor=colour, alpha=0.16, edgecolor="none")
            axes.plot(x, rates, color=colour, linestyle=line, linewidth=1.8, label=f"FNMR {label}")
            for each in marked:
                axes.plot(
                    each.at.fmr,
                    max(floor, getattr(each.at, rate)),
                    marker=marker,
                    markersize=size,
                    markeredgecolor=colour,
                    markeredgewidth=1.6,
                    markerfacecolor=colour if each.at.supported else PAPER,
                    linestyle="none",
                    clip_on=False,
                    zorder=4 if marker == "o" else 3,
                )
        axes.set(xlabel="False match rate (FMR) over all comparisons", ylabel="False non-match rate (FNMR)")
        log_ticks(axes.xaxis, left, right, lambda rate: one_in(rate).replace(" in ", " in\n"), most=9)
        log_ticks(axes.yaxis, floor, top, words.asked)
        axes.legend(loc="upper right")
        return svg(
            figure,
            name,
            "Detection error trade-off",
            "; ".join(_told(each) for each in evaluation.operating_points),
        )


def det_floor(evaluation: Evaluation) -> float:
    """Where the FNMR axis of `det` is cut: 1, 2 or 5 in a power of ten, well below all rates above 0."""
    rates = [rate for point in evaluation.det for rate in (point.fnmr, point.fnmr_per_person) if rate > 0]
    return _round_down(min(rates, default=0.1) / 2)


def histogram(evaluation: Evaluation, name: str) -> str | None:
    """How similarities are spread, shares on a logarithmic axis; None where nothing was compared."""
    scores = evaluation.scores
    spread = [*scores.genuine, *scores.impostor]
    smallest = min((share for share in spread if share > 0), default=None)
    if smallest is None:
        return None
    filled = [
        index for index, both in enumerate(zip(scores.genuine, scores.impostor, strict=True)) if max(both) > 0
    ]
    thresholds = sorted((each.at.threshold, -each.fmr_target) for each in evaluation.operating_points)
    left = min([scores.edges[filled[0]], *(at for at, _ in thresholds)])
    right = max([scores.edges[filled[-1] + 1], *(at for at, _ in thresholds)])
    margin = 0.02 * (right - left)
    low, high = smallest / 2, max(spread) * 2

    with styled():
        figure, axes = canvas(3.9, top=1.05 if thresholds else 0.1)
        axes.set(yscale="log", xlim=(left - margin, right + margin), ylim=(low, high))
        for shares, label, colour, line in (
            (scores.impostor, "two people", SECOND, (0, (3.5, 1.5))),
            (scores.genuine, "one person, each person weighing the same", FIRST, "-"),
        ):
            if any(shares):
                axes.stairs(shares, scores.edges, baseline=low / 2, fill=True, facecolor=colour, alpha=0.14)
                axes.stairs(
                    [max(share, low / 2) for share in shares],
                    scores.edges,
                    baseline=low / 2,
                    color=colour,
                    linestyle=line,
                    linewidth=1.6,
                    label=label,
                )
        places = _apart([at for at, _ in thresholds], 0.043 * (right - left + 2 * margin))
        for (at, fmr), place in zip(thresholds, places, strict=True):
            axes.axvline(at, color=INK, linewidth=0.9, linestyle=(0, (1.2, 1.6)))
            axes.annotate(
                one_in(-fmr),
                (at, 1),
                (place, 1.06),
                xycoords=axes.get_xaxis_transform(),
                textcoords=axes.get_xaxis_transform(),
                rotation=90,
                ha="center",
                va="bottom",
                annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0},
            )
        axes.set(xlabel="Similarity", ylabel="Share of comparisons")
        log_ticks(axes.yaxis, low, high, words.asked)
        figure.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 0.0), columnspacing=1.6)
        figure.subplots_adjust(bottom=0.78 / 3.9)
        marks = "; ".join(f"{at:.3f} for an FMR of {one_in(-fmr)}" for at, fmr in thresholds)
        return svg(
            figure,
            name,
            "How similarities are spread",
            f"Shares of comparisons by similarity. Thresholds: {marks or 'none'}.",
        )


def groups(at: GroupsAt, overall: Point, name: str) -> str | None:
    """FMR of each group with its interval on a logarithmic axis; None where there is none to draw."""
    ends = [rate for group in at.rates for rate in (group.fmr, group.fmr_high) if rate]
    if not ends:
        return None
    reference = overall.fmr_per_person if overall.supported else overall.fmr_per_person_high
    lows = [group.fmr_low for group in at.rates if group.fmr_supported]
    left = min(rate for rate in [*ends, *lows, reference] if rate) / 2
    right = min(1.0, max([*ends, reference]) * 1.6)
    rows = len(at.rates)
    # matplotlib's fonts lack most of the world's letters: the names take their places in the SVG.
    names = {f"@{row}@": words.short(group.name, NAME) for row, group in enumerate(at.rates)}

    with styled():
        figure, axes = canvas(0.95 + 0.29 * rows, left=0.3 + 0.075 * words.columns(names.values()), top=0.32)
        axes.set(xscale="log", xlim=(left, right), ylim=(rows - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        if reference > 0:
            line = "-" if overall.supported else (0, (4, 2))
            axes.axvline(reference, color=QUIET, linewidth=1.2, linestyle=line)
            told = words.percent(reference) if overall.supported else words.below(reference)
            axes.text(
                min(max(math.log(reference / left) / math.log(right / left), 0.12), 0.85),
                1.02,
                f"overall {told}",
                transform=axes.transAxes,
                ha="center",
                va="bottom",
                color=QUIET,
            )
        for row, group in enumerate(at.rates):
            if group.fmr_low is None or group.fmr_high is None:
                axes.text(left * 1.1, row, "too few people", va="center", color=QUIET)
                continue
            rate = group.fmr_high if group.fmr is None else group.fmr
            low = max(group.fmr_low, left)
            axes.plot(
                [low, group.fmr_high],
                [row, row],
                color=FIRST,
                linewidth=1.8,
                linestyle="-" if group.fmr_supported else (0, (1.5, 1.5)),
            )
            axes.plot(
                max(rate, left),
                row,
                marker="o" if group.fmr_supported else 4,  # 4 is a caret that points to the left
                markersize=6.5,
                color=FIRST,
                markerfacecolor=FIRST if group.fmr_supported else PAPER,
                markeredgewidth=1.5,
                linestyle="none",
                clip_on=False,
            )
        axes.set_yticks(range(rows), list(names))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("False match rate (FMR) within the group")
        log_ticks(axes.xaxis, left, right, words.asked)
        told = "; ".join(f"{names[f'@{row}@']} {_fmr(group)}" for row, group in enumerate(at.rates))
        return svg(figure, name, "False match rate of each group", told, names)


def _round_down(rate: float) -> float:
    """The next lower of 1, 2, 5 times a power of ten."""
    decade = math.floor(math.log10(rate))
    return max(tick for step in (1, 2, 5) if (tick := float(f"{step}e{decade}")) <= rate * (1 + 1e-9))


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Rising places moved as little as one pass needs so that neighbours lie `gap` apart."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    shift = sum(new - old for new, old in zip(moved, places, strict=True)) / max(1, len(moved))
    return [place - shift for place in moved]


def _fmr(group: GroupRates) -> str:
    if group.fmr_high is None:
        return "not compared"
    return words.percent(group.fmr) if group.fmr_supported else words.below(group.fmr_high)


def _told(point: OperatingPoint) -> str:
    at = point.at
    fmr = words.percent(at.fmr) if at.supported else words.below(at.fmr_high)
    return (
        f"FMR {fmr}: FNMR {words.percent(at.fnmr_per_person)} per person, {words.percent(at.fnmr)} over all"
    )
