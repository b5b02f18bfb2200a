from __future__ import annotations

import pytest

from visavis.documents.mrz.countries import CODES, ISO_3166, canonical


def test_there_are_as_many_codes_as_in_iso_3166() -> None:
    assert len(ISO_3166) == 249  # ISO 3166-1, since 2011 with South Sudan


@pytest.mark.parametrize(
    "code",
    [
        "UTO",
        "D",
        "GBD",
        "GBN",
        "GBO",
        "GBP",
        "GBS",
        "XXA",
        "XXB",
        "XXC",
        "XXX",
        "XPO",
        "XCE",
        "XES",
        "XMP",
        "XDC",
        "XOM",
        "EUE",
        "UNO",
        "UNA",
        "UNK",
        "IAO",
        "RKS",
        "XAF",
    ],
)
def test_codes_of_the_standard_beside_iso_3166(code: str) -> None:
    assert code in CODES
    assert code not in ISO_3166


def test_codes_are_capitals() -> None:
    assert all(code.isascii() and code.isalpha() and code.isupper() and len(code) in (1, 3) for code in CODES)


def test_two_codes_of_one_state() -> None:
    assert canonical("D") == canonical("DEU")
    assert canonical("FRA") != canonical("DEU")
