"""Verifying against a document, and two documents against each other, on specimens."""

from __future__ import annotations

import dataclasses
import io
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

import visavis
from visavis.decision.policy import Policy
from visavis.decision.verdict import Verdict
from visavis.documents import camera, specimen
from visavis.documents.crosscheck import Crosscheck
from visavis.documents.specimen_chip import SpecimenState, make_chip
from visavis.documents.trust import Trust
from visavis.packs.install import install
from visavis.report.crosscheck_page import crosscheck_page
from visavis.report.page import page
from visavis.report.text import crosscheck_text, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.documents.document import Document
    from visavis.documents.specimen import Holder, Pixels
    from visavis.verifier import Verifier

VALID = Policy(require_valid_document=True)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def cut(sface: Verifier, portraits: Mapping[str, bytes]) -> dict[str, Pixels]:
    """The demo's portraits as a document has them."""
    made = {}
    for name, data in portraits.items():
        seen = sface.examine(data)
        assert seen.evidence.face is not None
        made[name.removesuffix(".jpg")] = specimen.portrait_of(seen.photo, seen.evidence.face)
    return made


@pytest.fixture(scope="module")
def holder() -> Holder:
    return specimen.Holder(
        surname="Nobody",
        given_names="Anne",
        number="U12345678",
        birth=date(1980, 2, 3),
        issued=date(2022, 1, 1),
        expiry=date(2032, 1, 1),
    )


def shot(portrait: Pixels, holder: Holder, seed: int = 5, *, ghost: bool = False) -> bytes:
    drawn = specimen.draw("passport", holder, portrait, ghost=ghost, seed=seed)
    spared = [drawn.portrait, *drawn.line_boxes]
    return camera.photograph(drawn.page, severity=1, seed=seed, spared=spared).jpeg


@pytest.fixture(scope="module")
def reading(sface: Verifier) -> Verifier:
    install("mrz")
    return sface


@pytest.fixture(scope="module")
def passport(reading: Verifier, cut: Mapping[str, Pixels], holder: Holder) -> Document:
    return reading.read_document(shot(cut["obama"], holder), name="passport.jpg")


@pytest.fixture(scope="module")
def state() -> SpecimenState:
    return SpecimenState.make()


def chip_of(state: SpecimenState, portrait: Pixels, holder: Holder) -> bytes:
    import zipfile

    jpeg, packed = io.BytesIO(), io.BytesIO()
    Image.fromarray(portrait).save(jpeg, "JPEG", quality=90)
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in make_chip(specimen.zone_of("passport", holder), jpeg.getvalue(), state).items():
            archive.writestr(f"EF.{name}", content)
    return packed.getvalue()


def codes(found: Verdict | Crosscheck) -> set[str]:
    return {reason.code for reason in found.reasons}


def outcomes(verdict: Verdict) -> dict[tuple[str, str], bool | None]:
    assert verdict.document is not None
    return {(each.first, each.second): each.match for each in verdict.document.comparisons}


def test_the_printed_portrait(reading: Verifier, passport: Document, portraits: Mapping[str, bytes]) -> None:
    match = reading.verify_document(passport, portraits["obama2.jpg"])
    assert (match.decision, match.reasons) == ("match", ())
    other = reading.verify_document(passport, portraits["biden.jpg"])
    assert other.decision == "no_match"
    for verdict, same in ((match, True), (other, False)):
        part = verdict.document
        assert part is not None
        assert (part.portrait, part.why, part.chip) == ("printed", "no chip was given", None)
        assert part.mrz is not None
        assert part.mrz["fields"]["document_number"]["value"] == "U12345678"
        assert outcomes(verdict) == {("probe", "printed portrait"): same}
        data = verdict.to_dict()
        assert Verdict.from_dict(data).to_dict() == data
        told = text(verdict)
        assert "\nportrait    printed: no chip was given\n" in told
        assert "\nnot checked whether a live person was there, whether the printed page is genuine\n" in told


def test_the_portrait_of_a_chip(
    reading: Verifier,
    cut: Mapping[str, Pixels],
    holder: Holder,
    state: SpecimenState,
    portraits: Mapping[str, bytes],
) -> None:
    """The page shows another person than the chip: what counts is the chip where it is authentic."""
    picture, chip = shot(cut["biden"], holder), chip_of(state, cut["obama"], holder)
    trust, strange = Trust.read(state.authority), Trust.read(SpecimenState.make().authority)
    for given, portrait, decision in (
        (trust, "chip", "match"),
        (None, "chip", "match"),
        (strange, "printed", "no_match"),
    ):
        document = reading.read_document(picture, chip=chip, trust=given)
        verdict = reading.verify_document(document, portraits["obama2.jpg"])
        assert verdict.document is not None
        assert (verdict.document.portrait, verdict.decision) == (portrait, decision)
        assert "portraits_differ" in codes(verdict)
        assert ("chip_not_used" in codes(verdict)) == (given is strange)
        assert outcomes(verdict) == {
            ("probe", "chip portrait"): True,
            ("probe", "printed portrait"): False,
            ("printed portrait", "chip portrait"): False,
        }
        data = verdict.to_dict()
        assert Verdict.from_dict(data).to_dict() == data
        assert "whether the chip is a clone" in " ".join(text(verdict).split())
        required = reading.verify_document(document, portraits["obama2.jpg"], policy=VALID)
        assert ("chip_failed" in codes(required)) == (given is strange)
        assert (required.similarity is None) == (given is strange)


def test_a_chip_of_another_document_is_noticed(
    reading: Verifier,
    cut: Mapping[str, Pixels],
    holder: Holder,
    state: SpecimenState,
    portraits: Mapping[str, bytes],
) -> None:
    chip = chip_of(state, cut["obama"], dataclasses.replace(holder, number="U87654321"))
    document = reading.read_document(shot(cut["obama"], holder), chip=chip)
    verdict = reading.verify_document(document, portraits["obama2.jpg"])
    assert (verdict.decision, codes(verdict)) == ("match", {"chip_of_another_document"})
    (reason,) = verdict.reasons
    assert not reason.decisive
    assert reason.message == (
        "the chip of the document is that of another document than its printed page, by document number: "
        "read the chip of the document that is shown"
    )
    assert verdict.document is not None
    assert (verdict.document.portrait, verdict.document.problems) == ("chip", ())
    required = reading.verify_document(document, portraits["obama2.jpg"], policy=VALID)
    assert (required.decision, required.similarity) == ("inconclusive", None)
    assert [(each.code, each.decisive) for each in required.reasons] == [("chip_of_another_document", True)]
    second = reading.read_document(shot(cut["obama2"], holder, 6))
    assert "chip_of_another_document" in codes(reading.crosscheck(second, document))
    found = reading.crosscheck(second, document, policy=VALID)
    assert (found.decision, found.reasons[0].code) == ("inconclusive", "faces_not_compared")
    assert [each.about for each in found.reasons if each.code == "chip_of_another_document"] == [
        "second document"
    ]


def test_what_else_a_chip_says_otherwise_is_noted(
    reading: Verifier,
    cut: Mapping[str, Pixels],
    holder: Holder,
    state: SpecimenState,
    portraits: Mapping[str, bytes],
) -> None:
    chip = chip_of(state, cut["obama"], dataclasses.replace(holder, given_names="Berta"))
    document = reading.read_document(shot(cut["obama"], holder), chip=chip)
    for policy in (Policy(), VALID):
        verdict = reading.verify_document(document, portraits["obama2.jpg"], policy=policy)
        assert verdict.decision == "match"
        (reason,) = verdict.reasons
        assert (reason.code, reason.decisive) == ("fields_differ", False)
        assert reason.message == "chip and print of the document differ: given names"


def test_pictures_of_two_documents_decide_nothing(
    reading: Verifier,
    cut: Mapping[str, Pixels],
    holder: Holder,
    state: SpecimenState,
    portraits: Mapping[str, bytes],
) -> None:
    """Not even where an authentic chip says whose they are."""
    other = dataclasses.replace(holder, number="U00000009")
    pictures = [shot(cut["obama"], holder), shot(cut["obama"], other, 6)]
    for chip in (None, chip_of(state, cut["obama"], holder)):
        document = reading.read_document(pictures, chip=chip, trust=Trust.read(state.authority))
        for probe in ("obama2.jpg", "biden.jpg"):
            verdict = reading.verify_document(document, portraits[probe])
            assert (verdict.decision, verdict.similarity) == ("inconclusive", None)
            assert [(each.code, each.decisive) for each in verdict.reasons] == [("several_documents", True)]
            assert verdict.document is not None
            assert verdict.document.portrait is None
            assert outcomes(verdict) == {}
        found = reading.crosscheck(document, reading.read_document(shot(cut["obama2"], holder, 7)))
        assert found.decision == "inconclusive"
        assert {"faces_not_compared", "several_documents"} <= codes(found)
        assert "no_portrait" not in codes(found)


def test_portraits_of_two_people_are_no_document(
    reading: Verifier,
    cut: Mapping[str, Pixels],
    holder: Holder,
    state: SpecimenState,
    portraits: Mapping[str, bytes],
) -> None:
    """Two fronts of cards, of which no zone says whose they are."""
    fronts = {name: front(cut[name], holder) for name in ("obama", "obama2", "biden")}
    one = reading.read_document([fronts["obama"], fronts["obama2"]])
    assert len(one.further_portraits) == 1
    match = reading.verify_document(one, portraits["obama.jpg"])
    assert (match.decision, codes(match)) == ("match", set())
    assert outcomes(match)["printed portrait", f"portrait of picture {one.further_portraits[0].page + 1}"]
    for chip in (None, chip_of(state, cut["obama"], holder)):
        two = reading.read_document([fronts["obama"], fronts["biden"]], chip=chip)
        for probe in ("obama2.jpg", "biden.jpg"):
            verdict = reading.verify_document(two, portraits[probe])
            assert (verdict.decision, verdict.similarity) == ("inconclusive", None)
            (reason,) = (each for each in verdict.reasons if each.decisive)
            assert reason.code == "several_documents"
            assert "don't match each other; give pictures of one document" in reason.message
        found = reading.crosscheck(one, two)
        assert found.decision == "inconclusive"
        assert [each.about for each in found.reasons if each.code == "several_documents"] == [
            "second document"
        ]
    data = verdict.to_dict()
    assert Verdict.from_dict(data).to_dict() == data


def front(portrait: Pixels, holder: Holder) -> bytes:
    """The side of a card that has the portrait, and no zone."""
    drawn = specimen.draw("card", holder, portrait, seed=7)
    return camera.photograph(drawn.page, severity=1, seed=7).jpeg


def test_validity_is_judged_on_request(
    reading: Verifier, cut: Mapping[str, Pixels], holder: Holder, portraits: Mapping[str, bytes]
) -> None:
    old = dataclasses.replace(holder, issued=date(2010, 1, 1), expiry=date(2020, 1, 1))
    document = reading.read_document(shot(cut["obama"], old))
    assert reading.verify_document(document, portraits["obama2.jpg"]).decision == "match"
    verdict = reading.verify_document(document, portraits["obama2.jpg"], policy=VALID)
    assert verdict.decision == "inconclusive"
    assert [(reason.code, reason.decisive) for reason in verdict.reasons] == [("document_expired", True)]
    assert outcomes(verdict) == {}, "no similarity to a probe where nothing may be decided"
    unread = dataclasses.replace(document, mrz=None)
    verdict = reading.verify_document(unread, portraits["obama2.jpg"], policy=VALID)
    assert codes(verdict) == {"expiry_unknown"}
    before = dataclasses.replace(document, read_at=datetime(2019, 1, 1, tzinfo=UTC))
    assert reading.verify_document(before, portraits["obama2.jpg"], policy=VALID).decision == "match"
    unborn = dataclasses.replace(document, read_at=datetime(1975, 1, 1, tzinfo=UTC))
    verdict = reading.verify_document(unborn, portraits["obama2.jpg"], policy=VALID)
    assert codes(verdict) == {"birth_in_future"}


def test_no_portrait_and_two(reading: Verifier, portraits: Mapping[str, bytes]) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (800, 500), (180, 190, 200)).save(blank, "JPEG")
    document = reading.read_document(blank.getvalue())
    verdict = reading.verify_document(document, portraits["obama.jpg"])
    assert (verdict.decision, codes(verdict)) == ("inconclusive", {"no_portrait"})
    two = Image.new("RGB", (1200, 700), (180, 190, 200))
    for place, name in ((20, "obama.jpg"), (620, "biden.jpg")):
        image = Image.open(io.BytesIO(portraits[name]))
        two.paste(image.crop((200, 0, 850, 750)).resize((560, 646)), (place, 20))
    packed = io.BytesIO()
    two.save(packed, "JPEG")
    verdict = reading.verify_document(reading.read_document(packed.getvalue()), portraits["obama.jpg"])
    assert (verdict.decision, codes(verdict)) == ("inconclusive", {"two_portraits"})
    assert verdict.document is not None
    assert verdict.document.portrait is None


# Two documents


def test_two_documents_of_one_person(
    reading: Verifier, passport: Document, cut: Mapping[str, Pixels], holder: Holder
) -> None:
    renewed = dataclasses.replace(holder, number="U00000001", expiry=date(2033, 1, 1))
    second = reading.read_document(shot(cut["obama2"], renewed, 6, ghost=True))
    found = reading.crosscheck(passport, second)
    assert (found.decision, found.same_picture) == ("match", None)
    assert found.reasons[0].code == "faces_and_fields_agree"
    differ = {row.field for row in found.fields if row.outcome == "differs"}
    assert differ == {"document_number", "date_of_expiry"}
    data = found.to_dict()
    assert Crosscheck.from_dict(data).to_dict() == data
    told = crosscheck_text(found)
    assert told.startswith("MATCH\n")
    assert max(map(len, told.splitlines())) <= 100
    assert all(sentence[:40] in told for sentence in found.rule)


def test_two_documents_that_contradict_each_other(
    reading: Verifier, passport: Document, cut: Mapping[str, Pixels], holder: Holder
) -> None:
    other = dataclasses.replace(holder, number="U00000002", birth=date(1981, 2, 3))
    same_face = reading.crosscheck(passport, reading.read_document(shot(cut["obama2"], other, 7)))
    assert (same_face.decision, same_face.reasons[0].code) == ("inconclusive", "fields_contradict")
    another = reading.crosscheck(passport, reading.read_document(shot(cut["biden"], other, 7)))
    assert (another.decision, another.reasons[0].code) == ("no_match", "faces_and_fields_differ")
    same = dataclasses.replace(holder, number="U00000003")
    namesake = reading.crosscheck(passport, reading.read_document(shot(cut["biden"], same, 7)))
    assert (namesake.decision, namesake.reasons[0].code) == ("inconclusive", "faces_contradict")


def test_one_picture_on_two_documents(
    reading: Verifier, passport: Document, cut: Mapping[str, Pixels], holder: Holder
) -> None:
    twice = reading.crosscheck(passport, passport)
    assert (twice.decision, twice.same_picture) == ("inconclusive", "one file was given for both documents")
    assert {"same_picture", "same_document"} <= codes(twice)
    other = dataclasses.replace(holder, number="U00000004")
    again = reading.crosscheck(passport, reading.read_document(shot(cut["obama"], other, 8)))
    assert again.decision == "inconclusive"
    assert (again.same_picture or "").startswith("both documents carry the same picture")


def test_no_document_without_a_portrait_is_compared(reading: Verifier, passport: Document) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (800, 500), (180, 190, 200)).save(blank, "JPEG")
    found = reading.crosscheck(passport, reading.read_document(blank.getvalue()))
    assert found.decision == "inconclusive"
    assert [reason.about for reason in found.reasons if reason.code == "no_portrait"] == ["second document"]
    assert found.faces.similarity is None


# Reports


def test_the_pages_show_all(
    reading: Verifier,
    cut: Mapping[str, Pixels],
    holder: Holder,
    state: SpecimenState,
    portraits: Mapping[str, bytes],
    passport: Document,
) -> None:
    document = reading.read_document(
        shot(cut["obama"], holder, 9), chip=chip_of(state, cut["obama"], holder), name="<b>&.jpg"
    )
    read, probe = reading.examine_document(document), reading.examine(portraits["obama2.jpg"])
    verdict = reading.verify_document(read, probe)
    one = page(verdict, [read.reference], probe, calibration=reading.calibration, document=read, made_at=NOW)
    first = reading.examine_document(passport)
    found = reading.crosscheck(first, read)
    two = crosscheck_page(found, first, read, made_at=NOW)
    for html in (one, two):
        assert "cloned chip" in html
        assert html.count("data:image/") >= 4
        assert "<script" not in html
        assert "<b>&.jpg" not in html
        for value in ("NOBODY", "U12345678", "1980-02-03", "2032-01-01"):
            assert value in html
    for row in found.fields:
        assert row.why in two
    for sentence in found.rule:
        assert sentence.replace("'", "&#39;") in two
    with pytest.raises(ValueError, match="documents of the crosscheck"):
        crosscheck_page(found, read, first)


def test_the_call_of_the_library(
    reading: Verifier, cut: Mapping[str, Pixels], holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavis.verifier._loaded", lambda _pack: reading)
    picture = shot(cut["obama"], holder)
    found: Any = visavis.crosscheck(picture, picture)
    assert isinstance(found, visavis.Crosscheck)
    assert found.decision == "inconclusive"
