from __future__ import annotations

from datetime import date

import pytest

from visavis.documents.mrz.compare import FIELDS, Row, compare
from visavis.documents.mrz.mrz import Mrz, compose, parse

TODAY = date(2026, 3, 10)
FIELDS_OF = {
    "issuing_state": "UTO",
    "surname": "Müller",
    "given_names": "Anna Maria",
    "document_number": "L898902C3",
    "nationality": "UTO",
    "date_of_birth": "1974-08-12",
    "sex": "F",
    "date_of_expiry": "2030-04-15",
}


def zone(form: str, code: str, **changed: str) -> Mrz:
    found = parse(compose(form, FIELDS_OF | {"document_code": code} | changed), today=TODAY)
    assert found is not None
    return found


def outcomes(rows: tuple[Row, ...]) -> dict[str, str]:
    return {row.field: row.outcome for row in rows}


def test_a_passport_and_a_card_of_one_person() -> None:
    rows = compare(zone("TD3", "P"), zone("TD1", "I", document_number="X123", date_of_expiry="2028-01-01"))
    assert outcomes(rows) == {
        "document_code": "differs",
        "issuing_state": "same",
        "surname": "same",
        "given_names": "same",
        "document_number": "differs",
        "nationality": "same",
        "date_of_birth": "same",
        "sex": "same",
        "date_of_expiry": "differs",
        "personal_number": "not_comparable",
    }
    assert [row.field for row in rows] == [field for field in FIELDS if field in outcomes(rows)]
    assert all(row.why for row in rows)


def test_a_document_is_itself() -> None:
    found = outcomes(compare(zone("TD3", "P", personal_number="7"), zone("TD3", "P", personal_number="7")))
    assert set(found.values()) == {"same"}


@pytest.mark.parametrize(
    ("field", "printed", "outcome"),
    [
        ("surname", "MÜLLER", "same"),
        ("surname", "Mueller", "same"),
        ("surname", "MULLER", "not_comparable"),
        ("surname", "Möller", "differs"),
        ("surname", "", "not_comparable"),
        ("given_names", "Anna-Maria", "same"),
        ("given_names", "Anna", "differs"),
        ("document_number", "L 898 902-C3", "same"),
        ("document_number", "L898902C4", "differs"),
        ("nationality", "UTOPIAN", "not_comparable"),
        ("nationality", "D", "differs"),
        ("date_of_birth", "1974-08-12", "same"),
        ("date_of_birth", "1974-08-XX", "not_comparable"),
        ("date_of_birth", "1974-09-XX", "differs"),
        ("date_of_birth", "12 AUG 1974", "not_comparable"),
        ("sex", "F", "same"),
        ("sex", "M", "differs"),
        ("sex", "X", "not_comparable"),
    ],
)
def test_a_zone_and_what_is_printed(field: str, printed: str, outcome: str) -> None:
    for rows in (compare(zone("TD3", "P"), {field: printed}), compare({field: printed}, zone("TD3", "P"))):
        assert outcomes(rows)[field] == outcome


def test_two_codes_of_one_state() -> None:
    rows = compare(zone("TD3", "P", nationality="D"), {"nationality": "DEU"})
    assert next(row for row in rows if row.field == "nationality").to_dict() == {
        "field": "nationality",
        "first": "D",
        "second": "DEU",
        "outcome": "same",
        "why": "two codes of one state",
    }


def test_a_name_that_was_cut() -> None:
    long = {"surname": "Nilavadhanananda", "given_names": "Chayapa Dejthamrong Krasuang"}
    cut = zone("TD3", "P", **long)
    assert cut.fields["given_names"].value == "CHAYAPA DEJTHAMRONG K"
    rows = {row.field: row for row in compare(cut, long)}
    assert (rows["surname"].outcome, rows["given_names"].outcome) == ("same", "same")
    assert "cut" in rows["given_names"].why
    other = compare(cut, long | {"given_names": "Chayapa Somchai Krasuang"})
    assert outcomes(other)["given_names"] == "differs"


def test_a_long_number_on_a_card() -> None:
    card = zone("TD1", "I", document_number="D23145890734")
    assert outcomes(compare(card, {"document_number": "D23145890734"}))["document_number"] == "same"


def test_a_field_that_is_no_date_is_shown_as_it_stands() -> None:
    lines = compose("TD3", FIELDS_OF | {"document_code": "P"})
    broken = parse((lines[0], lines[1].replace("740812", "741312")), today=TODAY)
    assert broken is not None
    row = next(row for row in compare(broken, zone("TD3", "P")) if row.field == "date_of_birth")
    assert (row.first, row.outcome) == ("741312", "not_comparable")


def test_what_one_of_them_has_alone() -> None:
    [row] = compare({"personal_number": "1"}, {})
    assert (row.outcome, row.why) == ("not_comparable", "the first has it alone")
    [row] = compare({}, {"personal_number": "1"})
    assert (row.outcome, row.why) == ("not_comparable", "the second has it alone")


def test_nothing_and_nothing() -> None:
    assert compare({}, {}) == ()
