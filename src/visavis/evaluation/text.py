"""An evaluation as lines for a person at a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from visavis.evaluation import words
from visavis.report.words import one_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from visavis.evaluation.result import Evaluation, Grouping, GroupsAt

WIDTH = 100
INDENT = 14
LISTED = 10
NAME = 24

RESULT = ("FMR asked", "threshold", "FMR measured", "FNMR per person", "over all")
GROUP = ("group", "people", "FMR within", "FNMR per person")


def text(evaluation: Evaluation) -> str:
    """The main result, a table of operating points, what was compared, a short table of groups, notes.

    Lines are at most 100 columns wide.
    """
    blocks = [
        [f"{words.short(evaluation.pack, 40)} on {words.short(evaluation.data, 52)}"],
        textwrap.wrap(words.headline(evaluation), WIDTH),
    ]
    if evaluation.operating_points:
        blocks.append(list(_table([RESULT, *_operating_points(evaluation)])))
    for grouping in evaluation.groupings:
        at = words.strictest_telling(grouping)
        if at is not None:
            blocks.append(list(_grouping(grouping, at)))
    blocks.append([line for label, value in _rows(evaluation) for line in _row(label, value)])
    return "\n\n".join("\n".join(block) for block in blocks).replace("\N{NO-BREAK SPACE}", " ")


def _operating_points(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    for point in evaluation.operating_points:
        at = point.at
        yield (
            one_in(point.fmr_target),
            f"{at.threshold:.3f}",
            _fmr(at.fmr, at.fmr_low, at.fmr_high, supported=at.supported),
            *(
                (
                    _rate(at.fnmr_per_person, at.fnmr_per_person_low, at.fnmr_per_person_high),
                    words.percent(at.fnmr),
                )
                if evaluation.counts.genuine
                else ("not compared", "not compared")
            ),
        )


def _grouping(grouping: Grouping, at: GroupsAt) -> Iterator[str]:
    yield (
        f"by label {words.short(grouping.name, NAME)}, every person weighing the same, "
        f"at the threshold for {one_in(at.fmr_target)}:"
    )
    rows = [
        (
            words.short(group.name, NAME),
            f"{group.people:,}",
            _fmr(group.fmr, group.fmr_low, group.fmr_high, supported=group.fmr_supported),
            _rate(group.fnmr_per_person, group.fnmr_per_person_low, group.fnmr_per_person_high),
        )
        for group in at.rates
    ]
    yield from _table([GROUP, *rows])


def _rows(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    counts, eer, ten_fold = evaluation.counts, evaluation.eer, evaluation.ten_fold
    if eer is not None:
        yield "EER", f"{_rate(eer.per_person, eer.per_person_low, eer.per_person_high)}, FNMR per person"
    if ten_fold is not None:
        mean, error = 100 * ten_fold.accuracy, 100 * ten_fold.standard_error
        yield "ten folds", f"accuracy {mean:.2f} % +- {error:.2f} (standard error)"
    if evaluation.robustness and evaluation.robustness.rows:
        worst = max(evaluation.robustness.rows, key=lambda row: row.fnmr)
        rate = _rate(worst.fnmr, worst.fnmr_low, worst.fnmr_high)
        yield "made worse", f"FNMR up to {rate}: {words.short(worst.condition, 40)}"
    yield "protocol", f"{evaluation.protocol}: {words.PROTOCOLS[evaluation.protocol]}"
    yield "people", f"{counts.people:,}; pictures {counts.pictures:,}"
    pairs = words.counted(counts.genuine, "pair")
    yield "compared", f"{pairs} of one person, {counts.impostors:,} of two people"
    lost = f"{words.counted(counts.failures_to_acquire, 'picture')} without a face"
    yield "failures", f"{lost}{_listed(evaluation.failures)}"
    if counts.genuine_lost:
        ending = "is a false non-match" if counts.genuine_lost == 1 else "are false non-matches"
        yield "", f"{words.counted(counts.genuine_lost, 'pair')} of one person lost that way {ending}"
    codes = Counter(words.short(each.code.replace("_", " "), NAME) for each in evaluation.dropped)
    told = ", ".join(f"{number:,} {code}" for code, number in codes.most_common(LISTED))
    left_out = words.counted(counts.dropped, "file or row", "files and rows")
    yield "left out", f"{left_out}{': ' if told else ''}{told}"
    yield "intervals", f"95 %; FMR: {evaluation.fmr_interval}, FNMR: {evaluation.fnmr_interval}"
    if evaluation.finest_fmr:
        yield "finest FMR", f"{one_in(evaluation.finest_fmr)}: rarer false matches the data can't tell apart"
    else:
        yield "finest FMR", "none: the data supports bounds and no rates"
    yield "not shown", "other people and cameras, growing older, relatives, liveness"
    yield (
        "pack",
        f"{words.short(evaluation.pack, 40)} (fingerprint {words.short(evaluation.fingerprint, 40)})",
    )


def _listed(names: Sequence[str]) -> str:
    """The first few names."""
    if not names:
        return ""
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return f": {', '.join(words.short(name, 40) for name in names[:LISTED])}{more}"


def _row(label: str, value: str) -> Iterator[str]:
    """Wrapped by columns of the terminal: letters of some scripts take two."""
    from rich.cells import cell_len

    line = label.ljust(INDENT)
    empty = True
    for word in value.split(" "):
        if not empty and cell_len(line) + 1 + cell_len(word) > WIDTH:
            yield line
            line, empty = " " * INDENT, True
        line, empty = f"{line}{'' if empty else ' '}{word}", False
    yield line


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _fmr(fmr: float | None, low: float | None, high: float | None, *, supported: bool) -> str:
    """In powers of ten: in per cent, FMRs would be too long for a line."""
    if high is None:
        return "not compared"
    return words.power(fmr, low, high) if supported else words.below_power(high)


def _rate(rate: float | None, low: float | None, high: float | None) -> str:
    return "not compared" if rate is None else f"{words.percent(rate)} ({words.interval(low, high)})"
