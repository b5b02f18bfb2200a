"""The charts of an evaluation as SVG that lies in the page: its fonts, its colours in light and dark.

Lines and markers differ in style and not in colour alone.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from visavis.evaluation import words
from visavis.report.words import one_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from visavis.evaluation.result import Evaluation, GroupRates, GroupsAt, OperatingPoint, Point

WIDTH = 6.3  # inches, of 72 units each: small enough that text can still be read on a phone
FONT = 9.5
NAME = 22  # columns of a group's name

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
NONE: Mapping[str, str] = {}

# Stand-ins that matplotlib draws with; the page's own colours take their places.
INK, QUIET, LINE, WASH, FIRST, SECOND, PAPER = (f"#a1b2c{digit}" for digit in range(7))
VARIABLES = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    LINE: "var(--line)",
    WASH: "var(--wash)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
    PAPER: "var(--paper)",
}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "visavis",
    "font.size": FONT,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelpad": 6,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
}


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

    with _styled():
        figure, axes = _figure(4.0)
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
        _log_ticks(axes.xaxis, left, right, lambda rate: one_in(rate).replace(" in ", " in\n"), most=9)
        _log_ticks(axes.yaxis, floor, top, words.asked)
        axes.legend(loc="upper right")
        return _svg(
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

    with _styled():
        figure, axes = _figure(3.9, top=1.05 if thresholds else 0.1)
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
        _log_ticks(axes.yaxis, low, high, words.asked)
        figure.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 0.0), columnspacing=1.6)
        figure.subplots_adjust(bottom=0.78 / 3.9)
        marks = "; ".join(f"{at:.3f} for an FMR of {one_in(-fmr)}" for at, fmr in thresholds)
        return _svg(
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

    with _styled():
        figure, axes = _figure(0.95 + 0.29 * rows, left=0.3 + 0.075 * words.columns(names.values()), top=0.32)
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
        _log_ticks(axes.xaxis, left, right, words.asked)
        told = "; ".join(f"{names[f'@{row}@']} {_fmr(group)}" for row, group in enumerate(at.rates))
        return _svg(figure, name, "False match rate of each group", told, names)


@contextlib.contextmanager
def _styled() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()  # whatever settings the machine has
        mpl.rcParams.update(STYLE)
        yield


def _figure(height: float, *, left: float = 0.98, top: float = 0.1) -> tuple[Figure, Axes]:
    """Axes on a figure of `height` inches, `left` and `top` inches from its edges."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots()
    figure.subplots_adjust(
        left=left / WIDTH, right=1 - 0.2 / WIDTH, top=1 - top / height, bottom=0.62 / height
    )
    return figure, axes


def _log_ticks(axis: Axis, low: float, high: float, label: Callable[[float], str], *, most: int = 6) -> None:
    """Ticks at 1, 2, 5 times powers of ten; at 1, 3 or at 1 alone where that would be more than `most`."""
    from matplotlib.ticker import NullLocator

    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) <= most:
            break
    axis.set_ticks(ticks, [label(tick) for tick in ticks])
    axis.set_minor_locator(NullLocator())


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


def _svg(figure: Figure, name: str, title: str, description: str, texts: Mapping[str, str] = NONE) -> str:
    """The figure as an element for the inside of an HTML page.

    Args:
        figure: What was drawn with the stand-in colours.
        name: Begins every id.
        title: What it shows, for people who can't see it.
        description: Its numbers in words, for them too.
        texts: Labels of the figure and what takes their places.
    """
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    root = ET.fromstring(drawn.getvalue())  # noqa: S314  # our own
    for parent in list(root.iter()):
        for child in [each for each in parent if each.tag in (f"{SVG}metadata", f"{SVG}style")]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        if element.text is not None and element.text in texts:
            element.text = texts[element.text]
        for key, value in list(element.attrib.items()):
            del element.attrib[key]
            element.set(key.removeprefix(XLINK), _attribute(key, value, name))
    root.attrib = {
        "class": "chart",
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-desc",
    }
    for tag, text in (("desc", description), ("title", title)):
        element = ET.Element(tag, {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(0, element)
    return ET.tostring(root, encoding="unicode", method="xml")


def _attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == f"{XLINK}href":
        return f"#{name}-{value[1:]}"
    value = value.replace("url(#", f"url(#{name}-")
    if key == "style":
        value = re.sub(r"font(?:-family)?: [^;]*;? ?", _font, value)
        value = re.sub(r"#a1b2c\d", lambda found: VARIABLES[found[0]], value)
    return " ".join(value.split())


def _font(found: re.Match[str]) -> str:
    """The size of a font and not its name: the page has its own."""
    size = re.search(r"[\d.]+px", found[0])
    return f"font-size: {size[0]}; " if size else ""
