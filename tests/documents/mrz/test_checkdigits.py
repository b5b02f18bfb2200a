from __future__ import annotations

import pytest

from visavis.documents.mrz.checkdigits import check_digit, checks_of, is_right
from visavis.documents.mrz.layout import TD1, TD3


@pytest.mark.parametrize(
    ("text", "digit"),
    [
        ("520727", "3"),  # Doc 9303-3, 4.9, example 1
        ("AB2134<<<", "5"),  # example 2
        ("HA672242<658022549601086<<<<<<<<<<<<<<0", "8"),  # example 3, TD3
        ("D231458907<<<<<<<<<<<<<<<34071279507122<<<<<<<<<<<", "2"),  # example 4, TD1
        ("", "0"),
        ("<<<<", "0"),
    ],
)
def test_published_check_digits(text: str, digit: str) -> None:
    assert check_digit(text) == digit


@pytest.mark.parametrize("text", ["a", "É", " ", "٣", "A-B"])
def test_other_characters_have_none(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        check_digit(text)


LONG = ("I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<JOHN<<<<<<<<<")


def test_a_long_document_number_has_its_digit_behind_it() -> None:
    """The sample of Doc 9303-5, appendix B: number D23145890734."""
    check = checks_of(TD1, LONG)[0]
    assert "".join(LONG[line][column] for line, column in check.cells) == "D23145890734"
    assert LONG[check.digit[0]][check.digit[1]] == "9"
    assert all(is_right(check, LONG) for check in checks_of(TD1, LONG))


def test_a_short_one_has_it_in_its_place() -> None:
    lines = ("I<UTOD2314589<<7349<<<<<<<<<<<", *LONG[1:])  # a filler within the number: not a long one
    assert checks_of(TD1, lines) == TD1.checks
    assert not is_right(TD1.checks[0], lines)


@pytest.mark.parametrize(
    ("personal", "right"),
    [
        ("<" * 14 + "<", True),
        ("<" * 14 + "0", True),
        ("<" * 14 + "1", False),
        ("ZE184226B<<<<<1", True),
        ("ZE184226B<<<<<<", False),
        ("ZE184226B<<<<<A", False),
    ],
)
def test_a_filler_is_right_where_the_field_is_empty(personal: str, right: bool) -> None:
    lines = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", f"L898902C36UTO7408122F1204159{personal}0")
    assert is_right(TD3.checks[3], lines) is right


def test_a_filler_is_no_composite_digit() -> None:
    lines = ("P" + "<" * 43, "<" * 44)
    assert not is_right(TD3.checks[-1], lines)
