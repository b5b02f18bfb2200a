"""How the similarities of a batch are spread, as SVG that lies in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.report.drawing import FIRST, INK, SECOND, canvas, styled, svg

if TYPE_CHECKING:
    from visavis.batch.summary import Summary


def spread(summary: Summary, name: str) -> str | None:
    """Rows by similarity, with the threshold; None where nothing was compared.

    Args:
        summary: Of the batch.
        name: Begins all ids of the chart.
    """
    filled = [at for at, both in enumerate(zip(summary.match, summary.no_match, strict=True)) if any(both)]
    if not filled:
        return None
    left = min(summary.edges[filled[0]], summary.threshold)
    right = max(summary.edges[filled[-1] + 1], summary.threshold)
    margin = 0.02 * (right - left)
    from matplotlib.ticker import MaxNLocator

    with styled():
        drawn, axes = canvas(3.6, top=0.35)
        axes.set(xlim=(left - margin, right + margin))
        for counts, label, colour, line in (
            (summary.no_match, "no match", SECOND, (0, (3.5, 1.5))),
            (summary.match, "match", FIRST, "-"),
        ):
            if any(counts):
                axes.stairs(counts, summary.edges, fill=True, facecolor=colour, alpha=0.14)
                axes.stairs(counts, summary.edges, color=colour, linestyle=line, linewidth=1.6, label=label)
        axes.axvline(summary.threshold, color=INK, linewidth=0.9, linestyle=(0, (1.2, 1.6)))
        axes.text(
            summary.threshold,
            0.98,
            f" threshold {summary.threshold:.3f} ",
            transform=axes.get_xaxis_transform(),
            ha="right" if summary.threshold > (left + right) / 2 else "left",
            va="top",
            color=INK,
        )
        axes.set(xlabel="Similarity", ylabel="Rows")
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
        told = f"{sum(summary.match)} rows match, {sum(summary.no_match)} don't."
        return svg(drawn, name, "How similarities are spread", f"{told} Threshold {summary.threshold:.3f}.")
