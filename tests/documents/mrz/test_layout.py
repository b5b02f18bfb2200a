from __future__ import annotations

import pytest

from visavis.documents.mrz.layout import ALPHABET, FORMS, Form, form_named, kinds
from visavis.packs.convert.text import CHARACTERS

# Doc 9303 parts 4 to 7: lines and characters of each form; 2 x 36 for the old French card.
SIZES = {"TD1": (3, 30), "TD2": (2, 36), "TD3": (2, 44), "MRVA": (2, 44), "MRVB": (2, 36), "FRA": (2, 36)}


def test_the_alphabet_is_the_recognisers() -> None:
    assert ALPHABET == CHARACTERS


def test_every_form_is_there() -> None:
    assert {form.name: (form.count, form.length) for form in FORMS} == SIZES


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_each_character_belongs_to_one_field_or_is_a_check_digit(form: Form) -> None:
    cells = [cell for span in form.spans for cell in span.cells] + [check.digit for check in form.checks]
    assert sorted(cells) == [(line, k) for line in range(form.count) for k in range(form.length)]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_check_digit_covers_its_field_and_never_itself(form: Form) -> None:
    for check in form.checks:
        assert check.digit not in check.cells
        if check.field is not None:
            span = form.span(check.field)
            assert span is not None
            assert check.cells == span.cells


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_visas_alone_have_no_composite_check_digit(form: Form) -> None:
    assert any(check.field is None for check in form.checks) == (not form.name.startswith("MRV"))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_kinds_are_as_long_as_the_lines(form: Form) -> None:
    assert [len(row) for row in kinds(form)] == [form.length] * form.count
    assert kinds(form)[0][0] == "lead"


@pytest.mark.parametrize(
    ("name", "found"), [("TD3", "TD3"), ("MRV-A", "MRVA"), ("MRVB", "MRVB"), ("TD4", None), ("", None)]
)
def test_a_form_has_a_name(name: str, found: str | None) -> None:
    form = form_named(name)
    assert (form.name if form else None) == found
