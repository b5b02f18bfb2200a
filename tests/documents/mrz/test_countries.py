from __future__ import annotations

import pytest

from visavis.documents.mrz.countries import CODES, ISO_3166, canonical, of_certificates


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


@pytest.mark.parametrize(
    ("code", "two"),
    [
        # ISO 3166-1, of those whose two letters aren't the first two of the three
        ("AUT", "AT"), ("AUS", "AU"), ("SVK", "SK"), ("SVN", "SI"), ("SWE", "SE"), ("SWZ", "SZ"),
        ("CHE", "CH"), ("CHN", "CN"), ("CHL", "CL"), ("CZE", "CZ"), ("DNK", "DK"), ("EST", "EE"),
        ("IRL", "IE"), ("IRN", "IR"), ("IRQ", "IQ"), ("ISR", "IL"), ("ISL", "IS"), ("KOR", "KR"),
        ("PRK", "KP"), ("PRT", "PT"), ("POL", "PL"), ("SRB", "RS"), ("TUR", "TR"), ("UKR", "UA"),
        ("BIH", "BA"), ("COD", "CD"), ("COG", "CG"), ("MNE", "ME"), ("NIC", "NI"), ("NER", "NE"),
        ("NGA", "NG"), ("BEN", "BJ"), ("BRN", "BN"), ("BGD", "BD"), ("MAR", "MA"), ("MDG", "MG"),
        # Doc 9303-3, section 5
        ("D", "DE"), ("DEU", "DE"), ("EUE", "EU"), ("UNO", "UN"), ("UTO", "UT"), ("GBS", "GB"), ("RKS", "KS"),
        ("ROM", "RO"),  # ISO 3166-3: withdrawn in 2002, the same state
    ],
)  # fmt: skip
def test_what_certificates_say(code: str, two: str) -> None:
    assert of_certificates(code)[0] == two


def test_every_state_has_two_letters_of_its_own() -> None:
    made = {code: of_certificates(code)[0] for code in ISO_3166}
    assert len(set(made.values())) == len(ISO_3166)
    assert all(len(two) == 2 and two.isupper() for two in made.values())


@pytest.mark.parametrize("code", ["", "XXX", "XXA", "YUG", "ZQQ", "UT", "DE"])
def test_what_no_certificate_says(code: str) -> None:
    assert of_certificates(code) == ()
