"""The words that page and text of an evaluation share: rates, intervals, the main result, how it was made."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from visavis.evaluation.rates import FEWEST_FALSE_MATCHES, FEWEST_PEOPLE, WIDEST
from visavis.report.words import one_in, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from visavis.evaluation.result import (
        Counts,
        Evaluation,
        Grouping,
        GroupsAt,
        OperatingPoint,
        Point,
        Protocol,
    )

UNKNOWN = "not known"
PER_CENT = "\N{NO-BREAK SPACE}%"

PROTOCOLS: Mapping[Protocol, str] = {
    "all-pairs": "every picture against every other",
    "pairs": "the pairs of a list",
    "lfw": "the pairs of a list in ten folds, as for Labeled Faces in the Wild",
}

BOOTSTRAP = "bootstrap over people"

NOT_SHOWN = (
    ("Other people.", "The rates hold for people like those of the data; groups that it lacks may differ."),
    (
        "Other cameras.",
        "Another camera, light or distance gives other rates, mostly more false non-matches.",
    ),
    (
        "Document portraits.",
        "Unless the data holds them: prints are small, worn, and covered by security patterns.",
    ),
    (
        "Growing older.",
        "Pictures taken years apart are less alike; how much depends on the gap that the data spans.",
    ),
    (
        "Relatives and twins.",
        "They are mistaken for each other more often than two people of the data picked by chance.",
    ),
    (
        "Liveness.",
        "Whether a live person was there, and how well a photograph, screen or mask is told from one.",
    ),
)

SUPPORTED = (
    f"A measured FMR is called a rate from {FEWEST_FALSE_MATCHES} false matches on (the rule of 30, "
    "Doddington and others, Speech Communication 31, 2000), with at least "
    f"{FEWEST_PEOPLE} people in the comparisons, and where its interval reaches no higher than {WIDEST:g} "
    "times the rate and not down to 0. Otherwise only a bound is given."
)

MEASURES = (
    (
        "Highest / lowest",
        "the highest rate divided by the lowest: 1 where all are the same. One very low rate makes it large.",
    ),
    (
        "Highest / geometric mean",
        "the highest rate divided by the geometric mean of all (NIST IR 8429): less swayed by one low rate.",
    ),
    (
        "Gini coefficient",
        "0 where all rates are the same, 1 where one group has all errors (ISO/IEC 19795-10).",
    ),
)


def percent(rate: float | None) -> str:
    """A rate in per cent with two significant digits: ``"1.4 %"``, ``"0.0098 %"``; the space never breaks."""
    return _percent(rate, ROUND_HALF_EVEN)


def asked(rate: float) -> str:
    """A round rate in per cent, without the zeros that a measured one ends in: ``"0.01 %"``."""
    return f"{100 * rate:g}{PER_CENT}"


def power(rate: float | None, low: float | None, high: float | None) -> str:
    """A rate and its interval in powers of ten, as short as a line of text needs them."""
    ends = _power(low, ROUND_FLOOR), _power(high, ROUND_CEILING)
    return UNKNOWN if UNKNOWN in ends else f"{_power(rate, ROUND_HALF_EVEN)} ({' to '.join(ends)})"


def below_power(high: float | None) -> str:
    """The same for a bound."""
    return UNKNOWN if high is None or not 0 < high < 1 else f"below {_power(high, ROUND_CEILING)}"


def times(ratio: float | None) -> str:
    """How many times one rate is another."""
    if ratio is None:
        return "–"  # noqa: RUF001
    return f"{ratio:.2f}" if ratio < 0.995 else f"{ratio:,.1f}"


def interval(low: float | None, high: float | None) -> str:
    """``"0.80 % to 2.1 %"``, rounded outwards, so that the words are never narrower than the numbers."""
    ends = _percent(low, ROUND_FLOOR), _percent(high, ROUND_CEILING)
    return UNKNOWN if UNKNOWN in ends else " to ".join(ends)


def below(high: float | None) -> str:
    """What is told where the data supports no rate: its bound, rounded up."""
    if high is None or not 0 < high < 1:
        return UNKNOWN
    return f"below {_percent(high, ROUND_CEILING)}"


def short(name: str, most: int) -> str:
    """A name as it can be seen, cut at so many columns of a terminal."""
    from rich.cells import cell_len, set_cell_size

    seen = printable(name)
    return seen if cell_len(seen) <= most else f"{set_cell_size(seen, most - 1).rstrip()}…"


def columns(names: Iterable[str]) -> int:
    """How many columns of a terminal the widest name takes."""
    from rich.cells import cell_len

    return max(map(cell_len, names), default=0)


def counted(count: int, one: str, several: str | None = None) -> str:
    """``"1 picture"``, ``"2,500 pictures"``."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def false_matches(count: int) -> str:
    """``"1 false match"``, ``"2,500 false matches"``."""
    return counted(count, "false match", "false matches")


def strictest_supported(evaluation: Evaluation) -> OperatingPoint | None:
    """The operating point with the lowest FMR that the comparisons support as a rate.

    Where operating points lie by the worst group, those of the groups support it too.
    """
    supported = [point for point in evaluation.operating_points if point.at.supported]
    if evaluation.rule == "worst_group":
        worst = [each for grouping in evaluation.groupings for each in grouping.worst_group]
        unsupported = {each.fmr_target for each in worst if not each.supported}
        supported = [point for point in supported if point.fmr_target not in unsupported]
    return min(supported, key=lambda point: point.fmr_target, default=None)


def strictest_telling(grouping: Grouping) -> GroupsAt | None:
    """Where most groups have an FMR that the data supports; of several such thresholds the strictest."""
    return max(
        grouping.at,
        key=lambda at: (
            sum(group.fmr_supported for group in at.rates if group.name in grouping.groups),
            -at.fmr_target,
        ),
        default=None,
    )


def headline(evaluation: Evaluation) -> str:
    """The main result in a plain sentence or two, at the strictest operating point that is supported."""
    counts = evaluation.counts
    point = strictest_supported(evaluation)
    if point is None:
        return " ".join(_nothing_supported(evaluation))
    within = "" if evaluation.rule == "overall" else " of any one group"
    lead = (
        f"At the threshold where at most {one_in(point.fmr_target)} comparisons of two people{within} "
        "came out as a match"
    )
    if counts.genuine == 0:
        return f"{lead}, nothing is known of false non-matches: no two pictures of one person were compared."
    return f"{lead}, {_missed(point.at)}."


def _nothing_supported(evaluation: Evaluation) -> Iterator[str]:
    yield "The comparisons of two people are too few to support any false match rate that was asked for."
    if evaluation.finest_fmr:
        yield f"The finest that they support is {one_in(evaluation.finest_fmr)}."
    if evaluation.counts.genuine == 0:
        yield "No two pictures of one person were compared, so nothing is known of false non-matches."
    elif evaluation.operating_points:
        point = max(evaluation.operating_points, key=lambda point: point.fmr_target)
        yield f"At the threshold {point.at.threshold:.3f}, {_missed(point.at)}."


def _missed(at: Point) -> str:
    between = interval(at.fnmr_per_person_low, at.fnmr_per_person_high)
    return (
        f"{percent(at.fnmr_per_person)} of the comparisons of one person did not match "
        f"(95{PER_CENT} interval {between}), each person weighing the same"
    )


def compared(counts: Counts) -> Iterator[tuple[str, str]]:
    """What was compared, label and value."""
    yield "People", f"{counts.people:,}, {counts.people_with_genuine:,} of them with two pictures to compare"
    yield "Pictures that could be read", f"{counts.pictures:,}"
    yield (
        "Failures to acquire",
        f"{counts.failures_to_acquire:,} ({percent(counts.failure_to_acquire_rate)}): no face was found",
    )
    yield (
        "Comparisons of one person",
        f"{counts.genuine:,}, {counts.genuine_lost:,} of them false non-matches by a failure to acquire",
    )
    yield "Comparisons of two people", f"{counts.impostors:,}, none with a failure to acquire"
    yield "Files and rows left out", f"{counts.dropped:,}"


def not_shown(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    """What the data can't show, each in a word and a sentence."""
    yield from NOT_SHOWN
    if evaluation.finest_fmr:
        finest = one_in(evaluation.finest_fmr)
        yield (
            f"Nothing finer than {finest}.",
            "The comparisons are too few for rarer false matches.",
        )
    else:
        yield (
            "A false match rate.",
            "The comparisons of two people are too few: there are bounds and no rates.",
        )
    if evaluation.groupings:
        yield "What a label means.", "The groups are what the operator’s labels say, right or wrong."


def interval_method(how: str, replicates: int) -> str:
    """How intervals were made, in a sentence that names the source."""
    if how == BOOTSTRAP:
        return (
            f"Bootstrap over people, {replicates:,} draws: comparisons that share a person are not "
            "independent, so people are drawn anew, with replacement, and each comparison weighs as often as "
            "its people were drawn (the subsets bootstrap of Bolle, Ratha, Pankanti, CVIU 93(1), 2004; for "
            "comparisons of two people with the weights of the pigeonhole bootstrap of Owen, Annals of "
            "Applied Statistics 1(2), 2007)."
        )
    if how == "binomial":
        return "Binomial, Wilson’s interval (JASA 22, 1927): no person has part in two comparisons."
    return how


def _percent(rate: float | None, rounding: str) -> str:
    value = _rounded(rate, rounding)
    return UNKNOWN if value is None else f"{value.scaleb(2):f}{PER_CENT}"


def _power(rate: float | None, rounding: str) -> str:
    value = _rounded(rate, rounding)
    return UNKNOWN if value is None else f"{float(value):.1e}" if value else "0"


def _rounded(rate: float | None, rounding: str) -> Decimal | None:
    """A rate with two significant digits, or to whole per cent."""
    if rate is None:
        return None
    value = Decimal(f"{rate:.9g}")  # less the noise of floating point, which would be rounded outwards too
    if value == 0:
        return Decimal(0)
    return value.quantize(Decimal(1).scaleb(min(-2, value.adjusted() - 1)), rounding)
