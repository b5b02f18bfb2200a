from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from tests.evaluation import examples

from visavis.evaluation.result import OperatingPoint
from visavis.evaluation.text import WIDTH, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.evaluation.result import Evaluation

# Read and found right by eye; the numbers are those of `examples`, rounded as test_words.py has it.
RICH = """\
sface on Counter photographs, 2025

At the threshold where at most 1 in 100,000 comparisons of two people came out as a match, 2.4 % of
the comparisons of one person did not match (95 % interval 1.6 % to 3.3 %), each person weighing the
same.

FMR asked       threshold  FMR measured                  FNMR per person            over all
1 in 100        0.258      1.0e-02 (9.0e-03 to 1.2e-02)  0.21 % (0.14 % to 0.29 %)  0.21 %
1 in 1,000      0.323      1.0e-03 (8.4e-04 to 1.2e-03)  0.33 % (0.23 % to 0.45 %)  0.35 %
1 in 10,000     0.376      1.0e-04 (7.4e-05 to 1.4e-04)  0.86 % (0.60 % to 1.2 %)   0.94 %
1 in 100,000    0.423      1.0e-05 (6.2e-06 to 1.6e-05)  2.4 % (1.6 % to 3.3 %)     2.6 %
1 in 1,000,000  0.464      below 3.1e-06                 5.5 % (3.8 % to 7.5 %)     6.1 %

by label region, every person weighing the same, at the threshold for 1 in 10,000:
group    people  FMR within                    FNMR per person
north    520     7.2e-05 (4.2e-05 to 1.3e-04)  0.67 % (0.40 % to 1.1 %)
south    410     1.3e-04 (7.7e-05 to 2.4e-04)  0.91 % (0.54 % to 1.4 %)
east     380     3.5e-04 (2.0e-04 to 6.3e-04)  1.5 % (0.88 % to 2.3 %)
west     300     8.9e-04 (5.2e-04 to 1.6e-03)  2.3 % (1.4 % to 3.6 %)
(other)  70      below 7.6e-04                 1.0 % (0.61 % to 1.6 %)

EER           0.79 % (0.55 % to 1.1 %), FNMR per person
ten folds     accuracy 99.38 % +- 0.11 (standard error)
made worse    FNMR up to 31 % (23 % to 40 %): eyes 12 px apart
protocol      all-pairs: every picture against every other
people        1,680; pictures 4,900
compared      12,400 pairs of one person, 3,050,000 of two people
failures      37 pictures without a face: person-0000/0.jpg, person-0001/1.jpg, person-0002/2.jpg,
              person-0003/0.jpg, person-0004/1.jpg, person-0005/2.jpg, person-0006/0.jpg,
              person-0007/1.jpg, person-0008/2.jpg, person-0009/0.jpg and 27 more
              92 pairs of one person lost that way are false non-matches
left out      63 files and rows: 61 duplicate, 1 unreadable, 1 contradiction
intervals     95 %; FMR: bootstrap over people, FNMR: bootstrap over people
finest FMR    1 in 300,000: rarer false matches the data can't tell apart
not shown     other people and cameras, growing older, relatives, liveness
pack          sface (fingerprint 0123456789abcdef)"""

MINIMAL = """\
sface on four

The comparisons of two people are too few to support any false match rate that was asked for. No two
pictures of one person were compared, so nothing is known of false non-matches.

FMR asked    threshold  FMR measured   FNMR per person  over all
1 in 1,000   0.310      below 4.6e-01  not compared     not compared
1 in 10,000  0.310      below 4.6e-01  not compared     not compared

protocol      pairs: the pairs of a list
people        4; pictures 4
compared      0 pairs of one person, 6 of two people
failures      0 pictures without a face
left out      0 files and rows
intervals     95 %; FMR: binomial, FNMR: binomial
finest FMR    none: the data supports bounds and no rates
not shown     other people and cameras, growing older, relatives, liveness
pack          sface (fingerprint 0123456789abcdef)"""


def test_all_that_there_is() -> None:
    assert text(examples.rich()) == RICH


def test_almost_nothing() -> None:
    assert text(examples.minimal()) == MINIMAL


def test_one_is_no_plural() -> None:
    counts = dataclasses.replace(
        examples.rich().counts, failures_to_acquire=1, genuine=1, genuine_lost=1, dropped=1
    )
    told = text(dataclasses.replace(examples.rich(), counts=counts, failures=("sky.jpg",)))
    for line in (
        "compared      1 pair of one person, 3,050,000 of two people",
        "failures      1 picture without a face: sky.jpg",
        "              1 pair of one person lost that way is a false non-match",
        "left out      1 file or row: 61 duplicate",
    ):
        assert line in told


def test_nothing() -> None:
    told = text(examples.empty())
    assert "FMR asked" not in told
    assert "left out      2 files and rows\n" in told


@pytest.mark.parametrize("make", [examples.rich, examples.minimal, examples.empty, examples.hostile])
def test_lines_fit_and_can_be_seen(make: Callable[[], Evaluation]) -> None:
    told = text(make())
    told.encode("utf-8")
    for line in told.split("\n"):
        assert line.isprintable()
        assert cell_len(line) <= WIDTH


def test_small_rates_fit_too() -> None:
    rich = examples.rich()
    tiny = dataclasses.replace(
        examples.point(1e-6), fnmr=2.34e-5, fnmr_per_person=1.23e-5, fnmr_per_person_low=8.1e-6
    )
    told = text(dataclasses.replace(rich, operating_points=(OperatingPoint(1e-6, tiny),), groupings=()))
    assert max(map(len, told.split("\n"))) <= WIDTH


def test_names_are_only_text() -> None:
    told = text(examples.hostile())
    assert r"gpj.\u202etrap\n\x00\x1b[31m" in told
    assert "{{ 7 * 7 }}" in told
    assert "面部面部面部面部面部面…" in told


def test_a_group_without_comparisons() -> None:
    rich = examples.rich()
    (grouping,) = rich.groupings
    at = grouping.at[2]
    alone = dataclasses.replace(
        at.rates[0], fmr=None, fmr_low=None, fmr_high=None, fmr_supported=False, fnmr_per_person=None
    )
    grouping = dataclasses.replace(grouping, at=(dataclasses.replace(at, rates=(alone, *at.rates[1:])),))
    told = text(dataclasses.replace(rich, groupings=(grouping,)))
    assert "north    520     not compared                  not compared\n" in told
