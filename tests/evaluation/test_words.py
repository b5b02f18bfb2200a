from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
from tests.evaluation import examples

from visavis.evaluation import words
from visavis.evaluation.result import OperatingPoint


def plain(text: str) -> str:
    """With spaces that break."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


# By hand: two digits, the rest rounded; from 10 per cent on whole ones.
@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0.0, "0 %"),
        (0.014, "1.4 %"),
        (0.0145, "1.4 %"),  # half to even
        (9.8e-5, "0.0098 %"),
        (1e-6, "0.00010 %"),
        (0.123, "12 %"),
        (0.9951, "100 %"),
        (1.0, "100 %"),
        (0.1 + 0.2, "30 %"),  # 0.30000000000000004
        (None, "not known"),
    ],
)
def test_per_cent(rate: float | None, expected: str) -> None:
    assert plain(words.percent(rate)) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.00801, 0.02101, "0.80 % to 2.2 %"),
        (0.008, 0.021, "0.80 % to 2.1 %"),
        (0.0, 0.1 + 0.2, "0 % to 30 %"),
        (0.129, 0.131, "12 % to 14 %"),
        (None, 0.1, "not known"),
        (0.1, None, "not known"),
    ],
)
def test_an_interval_is_rounded_outwards(low: float | None, high: float | None, expected: str) -> None:
    assert plain(words.interval(low, high)) == expected


def test_words_are_never_narrower_than_the_numbers() -> None:
    for step in range(1, 600):
        rate = 10 ** (-step / 87)
        low, high = plain(words.interval(rate, rate)).replace(" %", "").split(" to ")
        assert Fraction(low) <= Fraction(rate) * 100 * (1 + Fraction(1, 10**8))
        assert Fraction(high) >= Fraction(rate) * 100 * (1 - Fraction(1, 10**8))
        assert Fraction(high) <= Fraction(low) * Fraction(12, 10)


@pytest.mark.parametrize(
    ("high", "expected", "power"),
    [
        (3.11e-6, "below 0.00032 %", "below 3.2e-06"),
        (0.46, "below 46 %", "below 4.6e-01"),
        (1.0, "not known", "not known"),
        (0.0, "not known", "not known"),
        (None, "not known", "not known"),
    ],
)
def test_a_bound_is_rounded_up(high: float | None, expected: str, power: str) -> None:
    assert plain(words.below(high)) == expected
    assert words.below_power(high) == power


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(1e-2, "1 %"), (1e-4, "0.01 %"), (1e-6, "0.0001 %"), (0.07, "7 %"), (1e-8, "1e-06 %")],
)
def test_a_rate_that_was_asked_for_has_no_zeros_at_its_end(rate: float, expected: str) -> None:
    assert plain(words.asked(rate)) == expected


def test_powers_of_ten() -> None:
    assert words.power(9.84e-5, 7.19e-5, 1.31e-4) == "9.8e-05 (7.1e-05 to 1.4e-04)"
    assert words.power(1e-3, 0.0, 2e-3) == "1.0e-03 (0 to 2.0e-03)"
    assert words.power(1e-3, None, 2e-3) == "not known"


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(None, "\N{EN DASH}"), (0.6, "0.60"), (0.997, "1.0"), (2.94, "2.9"), (1234.0, "1,234.0")],
)
def test_times(ratio: float | None, expected: str) -> None:
    assert words.times(ratio) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("short", "short"),
        ("exactly ten", "exactly t…"),
        ("面部面部面", "面部面部面"),
        ("面部面部面部", "面部面部…"),  # each letter takes two columns
        ("a\nb\u202e", r"a\nb\u202e"),
    ],
)
def test_names_are_cut_by_columns(name: str, expected: str) -> None:
    assert words.short(name, 10) == expected


def test_headline() -> None:
    assert plain(words.headline(examples.rich())) == (
        "At the threshold where at most 1 in 100,000 comparisons of two people came out as a match, 2.4 % of "
        "the comparisons of one person did not match (95 % interval 1.6 % to 3.3 %), each person weighing "
        "the same."
    )


def test_headline_without_a_comparison_of_one_person() -> None:
    rich = examples.rich()
    alone = dataclasses.replace(rich, counts=dataclasses.replace(rich.counts, genuine=0))
    assert words.headline(alone) == (
        "At the threshold where at most 1 in 100,000 comparisons of two people came out as a match, nothing "
        "is known of false non-matches: no two pictures of one person were compared."
    )


def test_headline_by_the_worst_group() -> None:
    # The example's groups support a threshold for 1 in 100 and 1 in 1,000 and none for finer ones.
    told = plain(words.headline(dataclasses.replace(examples.rich(), rule="worst_group")))
    assert told.startswith(
        "At the threshold where at most 1 in 1,000 comparisons of two people of any one group came out as a "
        "match, 0.33 % of the comparisons of one person did not match"
    )


def test_headline_where_nothing_is_supported() -> None:
    rich = examples.rich()
    points = tuple(OperatingPoint(fmr, examples.point(fmr, supported=False)) for fmr in (1e-5, 1e-3))
    few = dataclasses.replace(rich, operating_points=points, finest_fmr=2e-3)
    assert plain(words.headline(few)) == (
        "The comparisons of two people are too few to support any false match rate that was asked for. The "
        "finest that they support is 1 in 500. At the threshold 0.323, 0.33 % of the comparisons of one "
        "person did not match (95 % interval 0.23 % to 0.45 %), each person weighing the same."
    )
    assert words.headline(examples.minimal()) == words.headline(examples.empty())
    assert "nothing is known of false non-matches" in words.headline(examples.minimal())


def test_groups_are_shown_at_the_strictest_threshold_that_tells_of_most() -> None:
    grouping = examples.rich().groupings[0]
    shown = words.strictest_telling(grouping)
    assert shown is not None
    supported = {
        at.fmr_target: sum(group.fmr_supported for group in at.rates if group.name != "(other)")
        for at in grouping.at
    }
    assert supported == {1e-2: 4, 1e-3: 4, 1e-4: 4, 1e-5: 0, 1e-6: 0}
    assert shown.fmr_target == 1e-4
    assert words.strictest_telling(dataclasses.replace(grouping, at=())) is None


@pytest.mark.parametrize(
    ("how", "cited"),
    [
        (
            "bootstrap over people",
            ["300 draws", "CVIU 93(1), 2004", "Annals of Applied Statistics 1(2), 2007"],
        ),
        ("binomial", ["Wilson", "JASA 22, 1927"]),
        ("by hand", ["by hand"]),
    ],
)
def test_methods_name_their_source(how: str, cited: list[str]) -> None:
    assert all(each in words.interval_method(how, 300) for each in cited)
