"""The rule, on zones that are composed here; the outcomes follow from the rule's own words."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from visavis.documents import crosscheck as module
from visavis.documents.crosscheck import (
    OF_IT,
    RULES,
    SAME_PICTURE,
    Crosscheck,
    compare_fields,
    decide,
    differing,
    same_structure,
)
from visavis.documents.mrz.compare import FIELDS
from visavis.documents.mrz.mrz import Mrz, compose, parse

if TYPE_CHECKING:
    from visavis.decision.verdict import Decision

PERSON = {
    "document_code": "P",
    "issuing_state": "UTO",
    "surname": "Eriksson",
    "given_names": "Anna Maria",
    "document_number": "L898902C3",
    "nationality": "UTO",
    "date_of_birth": "1974-08-12",
    "sex": "F",
    "date_of_expiry": "2032-04-15",
}
RENEWED = {"document_number": "M12345678", "date_of_expiry": "2034-01-01"}


def zone(form: str = "TD3", **changes: str) -> Mrz:
    read = parse(compose(form, PERSON | changes))
    assert read is not None
    return read


def decided(faces: Decision, *changes: str, **more: Any) -> tuple[Decision, str]:
    decision, reason = decide(faces, compare_fields(zone(), zone(**(RENEWED | more))), None)
    assert reason.decisive == (decision == "inconclusive")
    return decision, reason.code


AGREE, DIFFER = "faces_and_fields_agree", "faces_and_fields_differ"


@pytest.mark.parametrize(
    ("changes", "match", "no_match"),
    [
        # what may differ from document to document
        ({}, ("match", AGREE), ("inconclusive", "faces_contradict")),
        ({"document_code": "PO"}, ("match", AGREE), ("inconclusive", "faces_contradict")),
        ({"issuing_state": "UTO"}, ("match", AGREE), ("inconclusive", "faces_contradict")),
        # what may not
        ({"surname": "Berg"}, ("inconclusive", "fields_contradict"), ("no_match", DIFFER)),
        ({"given_names": "Karin"}, ("inconclusive", "fields_contradict"), ("no_match", DIFFER)),
        ({"date_of_birth": "1974-08-13"}, ("inconclusive", "fields_contradict"), ("no_match", DIFFER)),
        ({"sex": "M"}, ("inconclusive", "fields_contradict"), ("no_match", DIFFER)),
        ({"nationality": "XXA"}, ("inconclusive", "fields_contradict"), ("no_match", DIFFER)),
        # a residence permit of another state says the same nationality
        ({"issuing_state": "FRA"}, ("match", AGREE), ("inconclusive", "faces_contradict")),
        ({"issuing_state": "FRA", "nationality": "ESP"}, ("inconclusive", "fields_contradict"), None),
        # two passports of one person of two nationalities
        ({"issuing_state": "FRA", "nationality": "FRA"}, ("match", AGREE), None),
        # unspecified on one: not comparable, and not needed
        ({"sex": "X"}, ("match", AGREE), None),
        ({"given_names": ""}, ("match", AGREE), None),
        # needed: the date of birth in full
        ({"date_of_birth": "1974-XX-XX"}, ("inconclusive", "fields_missing"), None),
    ],
)
def test_the_rule(changes: dict[str, str], match: tuple[str, str], no_match: tuple[str, str] | None) -> None:
    assert decided("match", **changes) == match
    if no_match is not None:
        assert decided("no_match", **changes) == no_match
    assert decided("inconclusive", **changes) == ("inconclusive", "faces_not_compared")


def test_one_document_may_not_differ_from_itself() -> None:
    rows = compare_fields(zone(), zone(date_of_expiry="2034-01-01"))
    assert differing(rows) == ("date_of_expiry",)
    assert decide("match", rows, None)[1].code == "fields_contradict"
    own = compare_fields(zone(), zone(nationality="FRA"))
    assert differing(own) == ("nationality",)


def test_one_zone_or_none() -> None:
    for rows in (compare_fields(zone(), None), compare_fields(None, zone())):
        assert {row.outcome for row in rows} == {"not_comparable"}
        assert decide("match", rows, None)[1].code == "fields_missing"
        assert decide("no_match", rows, None)[0] == "no_match"
    assert compare_fields(None, None) == ()
    assert decide("match", (), None)[0] == "inconclusive"


def test_one_picture_on_both_proves_nothing() -> None:
    decision, reason = decide("match", compare_fields(zone(), zone(**RENEWED)), "one file was given for both")
    assert (decision, reason.code) == ("inconclusive", "same_picture")
    assert reason.message == "one file was given for both: that the faces are alike proves nothing"


def test_a_date_that_was_misread_differs_from_nothing() -> None:
    lines = compose("TD3", PERSON | RENEWED)
    birth = lines[1][13:19]
    assert birth == "740812"
    read = parse((lines[0], lines[1].replace("740812", "740813", 1)))
    assert read is not None
    assert read.fields["date_of_birth"].checked is False
    (row,) = (row for row in compare_fields(zone(), read) if row.field == "date_of_birth")
    assert (row.outcome, row.why) == ("not_comparable", "its check digit is wrong on the second")


def test_the_rule_in_words_names_every_field() -> None:
    text = " ".join(RULES).lower()
    for name in FIELDS:
        assert name.replace("_", " ").removeprefix("document ") in text, name
    assert set(OF_IT) <= set(FIELDS)
    assert len(RULES) == 6


def test_the_page_about_it_says_the_same() -> None:
    page = (Path(__file__).parents[2] / "docs" / "crosscheck.md").read_text(encoding="utf-8")
    assert all(f"\n- {sentence}\n" in page for sentence in RULES)
    code = Path(module.__file__).read_text(encoding="utf-8")
    reasons = set(re.findall(r'Reason\(\s*"(\w+)"', code))
    assert (
        set(re.findall(r"^\| `(\w+)` \| (?:match|no match|inconclusive|\()", page, re.MULTILINE)) == reasons
    )
    keys = [field.name for field in dataclasses.fields(Crosscheck)]
    table = page.partition("| key of a crosscheck |")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == keys
    assert f"correlates by {SAME_PICTURE:g} or more" in page


def chip(seed: int) -> Image.Image:
    """112 x 112 of smooth noise: structure of all sizes, as a face has it."""
    noise = np.random.default_rng(seed).integers(0, 256, (28, 28, 3), np.uint8)
    return Image.fromarray(noise).resize((112, 112), Image.Resampling.BICUBIC)


def array(image: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(image.convert("RGB"))


def test_one_picture_is_noticed_whatever_light_and_print() -> None:
    one = chip(1)
    packed = io.BytesIO()
    one.save(packed, "JPEG", quality=60)
    changed = {
        "the same": one,
        "packed": Image.open(packed),
        "darker": one.point(lambda value: int(0.5 * value) + 20),
        "blurred": one.filter(ImageFilter.GaussianBlur(0.8)),
        "shifted": Image.fromarray(np.roll(array(one), (2, -1), (0, 1))),
        "grey": one.convert("L"),
    }
    for how, image in changed.items():
        assert same_structure(array(one), array(image)) > SAME_PICTURE, how
    assert same_structure(array(one), array(chip(2))) < 0.5
    assert same_structure(array(one), np.full((112, 112, 3), 90, np.uint8)) == 0


def test_two_pictures_of_one_person_are_two(sface: Any, portraits: Any) -> None:
    chips = [sface.examine(portraits[name]).chips[0] for name in ("obama.jpg", "obama2.jpg")]
    assert same_structure(chips[0], chips[1]) < SAME_PICTURE
