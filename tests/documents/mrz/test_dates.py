from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.documents.mrz import dates

TODAY = date(2026, 3, 10)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("740812", "1974-08-12"),
        ("260310", "2026-03-10"),  # today
        ("260311", "1926-03-11"),  # tomorrow, so a century ago
        ("000229", "2000-02-29"),
        ("010229", None),  # no leap day in 2001, nor in 1901
        ("270229", None),
        ("40<<<<", "1940-XX-XX"),
        ("4007<<", "1940-07-XX"),
        ("<<<<<<", "XXXX-XX-XX"),
        ("<<0229", "XXXX-02-29"),
        ("<<0230", None),
        ("4<0712", None),
        ("741301", None),
        ("740100", None),
        ("74O812", None),
        ("74081", None),
        ("", None),
        ("٧٤٠٨١٢", None),
    ],
)
def test_dates_of_birth_lie_in_the_past(raw: str, expected: str | None) -> None:
    assert dates.date_of_birth(raw, TODAY) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("120415", "2012-04-15"),
        ("360309", "2036-03-09"),
        ("751231", "2075-12-31"),
        ("760101", "1976-01-01"),
        ("961210", "1996-12-10"),
        ("<<<<<<", "XXXX-XX-XX"),
        ("990230", None),
    ],
)
def test_dates_of_expiry_lie_within_fifty_years(raw: str, expected: str | None) -> None:
    assert dates.date_of_expiry(raw, TODAY) == expected


@given(st.dates(date(1927, 1, 1), TODAY))
def test_a_date_of_birth_comes_back(day: date) -> None:
    raw = dates.raw_of(day.isoformat())
    assert raw == day.strftime("%y%m%d")
    assert dates.date_of_birth(raw, TODAY) == day.isoformat()


@given(st.text(max_size=8))
def test_no_text_is_a_date_by_accident(text: str) -> None:
    for found in (dates.date_of_birth(text, TODAY), dates.date_of_expiry(text, TODAY)):
        assert found is None or dates.is_date(found)
    assert dates.raw_of(text) is None


@pytest.mark.parametrize(
    ("birth", "expiry", "codes"),
    [
        ("1974-08-12", "2030-01-01", []),
        ("1974-08-12", "2026-03-10", []),  # the last day
        ("1974-08-12", "2026-03-09", ["expired"]),
        ("2026-03-11", None, ["birth_in_future"]),
        ("2026-03-10", None, []),
        (None, "2026-XX-XX", []),  # may be a day to come
        (None, "2025-XX-XX", ["expired"]),
        ("2026-XX-XX", None, []),
        ("2027-XX-XX", "2026-02-XX", ["birth_in_future", "expired"]),
        ("XXXX-XX-XX", "XXXX-XX-XX", []),
        (None, None, []),
    ],
)
def test_concerns(birth: str | None, expiry: str | None, codes: list[str]) -> None:
    found = list(dates.concerns("reference", birth, expiry, TODAY))
    assert [reason.code for reason in found] == codes
    assert all(reason.about == "reference" and not reason.decisive for reason in found)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("1974-08-12", "1974-08-12", True),
        ("1974-08-12", "1974-08-13", False),
        ("1974-08-XX", "1974-08-13", None),
        ("1974-XX-XX", "1975-08-13", False),
        ("XXXX-XX-XX", "XXXX-XX-XX", None),
    ],
)
def test_same_date(a: str, b: str, same: bool | None) -> None:
    assert dates.same_date(a, b) is same
    assert dates.same_date(b, a) is same
