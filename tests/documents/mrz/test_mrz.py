from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavis.documents.mrz.layout import ALPHABET, DIGITS, FORMS, LETTERS, form_named
from visavis.documents.mrz.mrz import Mrz, compose, parse
from visavis.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 3, 10)

# The samples of Doc 9303 parts 4 to 7 (the third one: part 5, appendix B) and a card as France printed it.
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
LONG = "I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<JOHN<<<<<<<<<"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"
MRVA = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"
MRVB = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"
FRA = "IDFRABERTHIER<<<<<<<<<<<<<<<<<<<<<<<", "8806923102858CORINNE<<<<<<<6512068F6"
SAMPLES = {"TD3": TD3, "TD1": TD1, "LONG": LONG, "TD2": TD2, "MRVA": MRVA, "MRVB": MRVB, "FRA": FRA}


def read(*lines: str) -> Mrz:
    found = parse(lines, today=TODAY)
    assert found is not None
    return found


def values(zone: Mrz) -> dict[str, str]:
    return {name: field.value for name, field in zone.fields.items()}


ERIKSSON = {
    "issuing_state": "UTO",
    "surname": "ERIKSSON",
    "given_names": "ANNA MARIA",
    "nationality": "UTO",
    "date_of_birth": "1974-08-12",
    "sex": "F",
    "date_of_expiry": "2012-04-15",
}
VISA = ERIKSSON | {
    "document_code": "V",
    "document_number": "L8988901C",
    "nationality": "XXX",
    "date_of_birth": "1940-09-07",
    "date_of_expiry": "1996-12-10",
}


@pytest.mark.parametrize(
    ("name", "format_", "expected"),
    [
        (
            "TD3",
            "TD3",
            ERIKSSON | {"document_code": "P", "document_number": "L898902C3", "personal_number": "ZE184226B"},
        ),
        (
            "TD1",
            "TD1",
            ERIKSSON
            | {
                "document_code": "I",
                "document_number": "D23145890",
                "optional_data": "",
                "optional_data_2": "",
            },
        ),
        (
            "TD2",
            "TD2",
            ERIKSSON | {"document_code": "I", "document_number": "D23145890", "optional_data": ""},
        ),
        ("MRVA", "MRVA", VISA | {"optional_data": "6ZE184226B"}),
        ("MRVB", "MRVB", VISA | {"optional_data": ""}),
        (
            "LONG",
            "TD1",
            {
                "document_code": "I",
                "issuing_state": "UTO",
                "document_number": "D23145890734",
                "optional_data": "",
                "date_of_birth": "1934-07-12",
                "sex": "M",
                "date_of_expiry": "1995-07-12",
                "nationality": "UTO",
                "optional_data_2": "",
                "surname": "STEVENSON",
                "given_names": "PETER JOHN",
            },
        ),
        (
            "FRA",
            "FRA",
            {
                "document_code": "ID",
                "issuing_state": "FRA",
                "surname": "BERTHIER",
                "optional_data": "",
                "document_number": "880692310285",
                "given_names": "CORINNE",
                "date_of_birth": "1965-12-06",
                "sex": "F",
            },
        ),
    ],
)
def test_published_samples(name: str, format_: str, expected: dict[str, str]) -> None:
    zone = read(*SAMPLES[name])
    assert zone.format == format_
    assert values(zone) == expected
    assert zone.valid
    assert zone.confidence == 1.0
    assert not zone.names_truncated


def test_a_field_says_whether_a_check_digit_covers_it() -> None:
    checked = {name: field.checked for name, field in read(*TD3).fields.items()}
    assert [name for name, is_it in checked.items() if is_it is None] == [
        "document_code",
        "issuing_state",
        "surname",
        "given_names",
        "nationality",
        "sex",
    ]
    assert all(is_it for is_it in checked.values() if is_it is not None)
    # The composite digit alone covers the optional data, and all of a French card.
    assert read(*TD1).fields["optional_data"].checked is True
    assert read(*MRVA).fields["optional_data"].checked is None
    assert read(*FRA).fields["surname"].checked is True


def test_a_wrong_check_digit_is_told_for_its_field() -> None:
    zone = read(TD3[0], TD3[1].replace("7408122", "7408123"))
    assert not zone.valid
    assert zone.fields["date_of_birth"].checked is False
    assert zone.fields["document_number"].checked is True
    assert zone.fields["date_of_birth"].confidence == 0.5


@pytest.mark.parametrize("name", SAMPLES)
def test_one_other_digit_is_noticed(name: str) -> None:
    """Where a check digit covers it; weights 7, 3, 1 see every single digit that changed."""
    lines = SAMPLES[name]
    form = form_named(read(*lines).format)
    assert form is not None
    for line, column in {cell for check in form.checks for cell in (*check.cells, check.digit)}:
        old = lines[line][column]
        if old not in DIGITS:
            continue
        for digit in set(DIGITS) - {old}:
            changed = [list(text) for text in lines]
            changed[line][column] = digit
            assert not read(*("".join(text) for text in changed)).valid


def test_confidences_are_those_of_the_least_sure_character() -> None:
    confidences = [[0.99] * 44, [0.98] * 44]
    confidences[0][7] = 0.6  # a letter of the surname
    confidences[1][3] = 0.7  # of the number
    zone = parse(TD3, confidences, today=TODAY)
    assert zone is not None
    sure = {name: field.confidence for name, field in zone.fields.items()}
    assert sure["surname"] == 0.6
    assert sure["given_names"] == 0.99
    assert sure["document_number"] == 0.7
    assert sure["date_of_birth"] == 0.98
    assert zone.confidence == 0.6


def test_an_unknown_code_lowers_the_confidence_and_no_more() -> None:
    zone = read(TD3[0].replace("UTO", "BDR"), TD3[1])
    assert zone.valid
    assert zone.fields["issuing_state"].confidence == 0.5
    assert zone.fields["nationality"].confidence == 1.0


@pytest.mark.parametrize(
    ("line", "old", "new", "field", "value"),
    [
        (0, "UTO", "D<<", "issuing_state", "D"),
        (0, "P<", "PA", "document_code", "PA"),
        (1, "F120415", "<120415", "sex", "X"),
        (1, "7408122", "7408<<6", "date_of_birth", "1974-08-XX"),
        (1, "7408122", "<<<<<<0", "date_of_birth", "XXXX-XX-XX"),
        (1, "7408122", "7413122", "date_of_birth", ""),
    ],
)
def test_values(line: int, old: str, new: str, field: str, value: str) -> None:
    lines = list(TD3)
    lines[line] = lines[line].replace(old, new, 1)
    assert read(*lines).fields[field].value == value


def test_a_name_that_fills_the_field_may_be_cut() -> None:
    full = "P<UTONILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"
    assert read(full, TD3[1]).names_truncated
    assert read("P<UTO" + "A" * 39, TD3[1]).names_truncated
    assert not read("P<UTO" + "A" * 37 + "<<", TD3[1]).names_truncated


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("",),
        ("", ""),
        TD3[:1],
        (*TD3, TD3[1]),
        (TD3[0], TD2[1]),
        (TD3[0][:-1], TD3[1][:-1]),
        (TD3[0].lower(), TD3[1]),
        (TD3[0].replace("P", "1", 1), TD3[1]),
        (TD3[0].replace("P", "<", 1), TD3[1]),
        (TD3[0].replace("UTO", "ÜTO"), TD3[1]),
        (TD1[0], TD1[1]),
        (*TD1, *TD1),
        ("V" + TD1[0][1:], *TD1[1:]),
    ],
)
def test_no_zone(lines: tuple[str, ...]) -> None:
    assert parse(lines, today=TODAY) is None


@given(st.lists(st.text(max_size=50), max_size=4))
def test_no_text_harms(lines: list[str]) -> None:
    parse(lines, today=TODAY)


@settings(max_examples=200)
@given(st.data())
def test_nothing_of_the_right_size_harms(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(FORMS))
    lines = [
        data.draw(st.text(ALPHABET, min_size=form.length, max_size=form.length)) for _ in range(form.count)
    ]
    lines[0] = data.draw(st.sampled_from([*form.leads, *form.may_lead]))[:1] + lines[0][1:]
    zone = parse(lines, today=TODAY)
    assert zone is not None
    assert 0.0 <= zone.confidence <= 1.0
    json.dumps(zone.to_dict())


def test_as_plain_data() -> None:
    data = read(*TD3).to_dict()
    assert (data["format"], data["lines"], data["valid"]) == ("TD3", list(TD3), True)
    assert data["fields"]["surname"] == {
        "value": "ERIKSSON",
        "raw": "ERIKSSON<<",
        "confidence": 1.0,
        "checked": None,
    }
    assert data["repairs"] == []
    json.dumps(data)


def test_nothing_says_how_old_somebody_is() -> None:
    assert "age" not in " ".join(read(*TD3).fields).replace("_", " ").split()


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_composed(name: str) -> None:
    zone = read(*SAMPLES[name])
    assert compose(zone.format, values(zone)) == SAMPLES[name]


def digit_of(text: str) -> str:
    """The check digit, written anew."""
    numbers = [0 if c == "<" else int(c, 36) for c in text]
    return str((7 * sum(numbers[::3]) + 3 * sum(numbers[1::3]) + sum(numbers[2::3])) % 10)


NAME = st.lists(st.text(LETTERS, min_size=1, max_size=6), min_size=1, max_size=2).map(" ".join)
CODE = st.text(LETTERS, min_size=3, max_size=3)
BIRTH = st.dates(date(1930, 1, 1), TODAY)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    form = draw(st.sampled_from(FORMS))
    fields: dict[str, Any] = {
        "document_code": draw(st.sampled_from(["I", "ID", "C"])) if form.name in ("TD1", "TD2") else "P",
        "issuing_state": draw(CODE),
        "surname": draw(NAME),
        "given_names": draw(st.one_of(st.just(""), NAME)),
        "document_number": draw(
            st.text(LETTERS + DIGITS, min_size=1, max_size=20 if form.name == "TD1" else 9)
        ),
        "nationality": draw(CODE),
        "date_of_birth": draw(BIRTH).isoformat(),
        "sex": draw(st.sampled_from("FMX")),
        "date_of_expiry": (TODAY + timedelta(days=draw(st.integers(-9_000, 9_000)))).isoformat(),
    }
    if form.name.startswith("MRV"):
        fields["document_code"] = draw(st.sampled_from(["V", "VC"]))
    if form.name == "FRA":
        fields |= {"document_code": "ID", "issuing_state": "FRA"}
        del fields["nationality"], fields["date_of_expiry"]
    for span in form.spans:
        if span.name == "personal_number" or span.name.startswith("optional"):
            room = 2 if span.name == form.overflow and len(fields["document_number"]) > 9 else span.length
            room = min(room, 6) if form.name == "TD2" else room
            fields[span.name] = draw(st.text(LETTERS + DIGITS, max_size=room))
    return form.name, fields


@given(documents())
def test_what_is_composed_is_read(document: tuple[str, dict[str, str]]) -> None:
    form, fields = document
    lines = compose(form, fields)
    zone = read(*lines)
    assert (zone.format, values(zone)) == (form, fields)
    assert zone.valid
    if form == "TD3":
        line = lines[1]
        assert line[9] == digit_of(line[:9])
        assert line[19] == digit_of(line[13:19])
        assert line[27] == digit_of(line[21:27])
        assert line[43] == digit_of(line[:10] + line[13:20] + line[21:43])


@pytest.mark.parametrize(
    ("form", "fields", "code"),
    [
        ("TD4", {}, "mrz.form"),
        ("TD3", {"optional_data": "A"}, "mrz.field"),
        ("TD3", {"names": "A"}, "mrz.field"),
        ("TD3", {"surname": "山田"}, "mrz.field"),
        ("TD3", {"given_names": "ANNA"}, "mrz.field"),
        ("TD3", {"document_number": "A123456789"}, "mrz.field"),
        ("TD3", {"document_number": "a12"}, "mrz.field"),
        ("TD3", {"nationality": "UT0"}, "mrz.field"),
        ("TD3", {"sex": "Q"}, "mrz.field"),
        ("TD3", {"date_of_birth": "740812"}, "mrz.field"),
        ("TD3", {"date_of_birth": "1974-02-30"}, "mrz.field"),
        ("TD1", {"document_number": "A" * 24}, "mrz.field"),
        ("TD1", {"document_number": "A" * 20, "optional_data": "AAAA"}, "mrz.field"),
    ],
)
def test_what_cannot_be_composed(form: str, fields: dict[str, str], code: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compose(form, fields)
    assert caught.value.code == code
    assert caught.value.found is not None
    assert caught.value.expected is not None


def test_specimens_that_people_read_by_eye(shared: Path) -> None:
    truth = json.loads((shared / "data/mrz/truth.json").read_text(encoding="utf-8"))
    assert len(truth) == 38
    for name, document in truth.items():
        zone = read(*document["lines"])
        assert zone.format == document["format"], name
        assert zone.lines == tuple(document["lines"])
        assert zone.valid == document["conforms_to_9303"], name
        assert zone.fields["surname"].value, name
        assert zone.fields["date_of_birth"].value, name
