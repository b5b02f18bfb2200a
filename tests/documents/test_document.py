"""A document as a whole: specimens read for real, and what may be wrong with one by made-up readings."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from PIL import Image
from tests.documents.specimens import changed, jpeg, make, pdf

from visavis.decision.policy import Policy
from visavis.documents.document import Document, read_document
from visavis.documents.mrz.mrz import compose, parse
from visavis.documents.page import Page
from visavis.documents.pdf import MAX_PAGES
from visavis.documents.reader import PACK, DocumentReader, Reading
from visavis.documents.specimen_chip import make_dg1, make_dg2
from visavis.documents.trust import Trust
from visavis.errors import DocumentError, PhotoError
from visavis.faces.face import Face
from visavis.faces.recognise import similarity
from visavis.geometry import Box
from visavis.packs.install import install
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.documents.specimens import Specimens

    from visavis.documents.mrz.mrz import Mrz
    from visavis.verifier import Verifier

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FIELDS = {
    "document_code": "P",
    "issuing_state": "UTO",
    "surname": "Eriksson",
    "given_names": "Anna Maria",
    "document_number": "L898902C3",
    "nationality": "UTO",
    "date_of_birth": "1974-08-12",
    "sex": "F",
    "date_of_expiry": "2034-04-15",
}


@pytest.fixture(scope="module")
def reader(sface: Verifier) -> DocumentReader:
    install(PACK)
    return DocumentReader(threads=1)


@pytest.fixture(scope="module")
def specimens(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Specimens:
    return make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])


# Specimens


def test_a_passport_with_its_chip(specimens: Specimens, reader: DocumentReader, sface: Verifier) -> None:
    trust = Trust.read(specimens.trusted)
    document = read_document(specimens.passport, reader=reader, chip=specimens.chip, trust=trust)
    assert document.name == "passport.jpg"
    assert document.problems == ()
    assert document.mrz is not None
    assert document.mrz.lines == specimens.passport_lines
    assert document.chip_mrz is not None
    assert document.chip_mrz.lines == specimens.passport_lines
    assert document.authenticity is not None
    assert document.authenticity.outcome == "passed"
    assert {row.outcome for row in document.printed_against_chip} == {"same"}
    assert document.portrait is not None
    assert document.ghost is not None
    assert document.chip_portrait is not None
    # All three go down the corridor as they are, and the printed portrait is the chip's.
    printed, chip = (
        sface.examine(photo, policy=Policy(), face=box).template
        for photo, box in (
            (document.portrait.photo, document.portrait.face.box),
            (document.chip_portrait, None),
        )
    )
    assert printed is not None
    assert chip is not None
    assert similarity(printed, chip) > 0.7


def test_front_and_back_of_a_card(specimens: Specimens, reader: DocumentReader) -> None:
    document = read_document([specimens.front, specimens.back], reader=reader, name="the card")
    assert document.name == "the card"
    assert [side.name for side in document.pages] == ["front.jpg", "back.jpg"]
    assert document.problems == ()
    assert document.mrz is not None
    assert document.mrz.lines == specimens.card_lines
    assert document.portrait is not None
    assert document.portrait.page == 0
    assert (document.chip, document.authenticity, document.ghost) == (None, None, None)


def test_a_pdf_is_read_page_by_page(specimens: Specimens, reader: DocumentReader, tmp_path: Path) -> None:
    path = tmp_path / "card.pdf"
    path.write_bytes(pdf([Image.open(specimens.front), Image.open(specimens.back)]))
    document = read_document(path, reader=reader)
    assert document.name == "card.pdf"
    assert [side.name for side in document.pages] == ["card.pdf, page 1", "card.pdf, page 2"]
    assert {side.photo.format for side in document.pages} == {"PDF"}
    assert document.pages[0].photo.sha256 != document.pages[1].photo.sha256
    assert document.mrz is not None
    assert document.mrz.lines == specimens.card_lines
    assert document.portrait is not None
    assert document.portrait.page == 0


def test_the_plain_data_are_json(specimens: Specimens, reader: DocumentReader) -> None:
    data = read_document(specimens.passport, reader=reader, chip=specimens.chip, now=NOW).to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["read_at"] == "2026-06-01T00:00:00+00:00"
    assert tuple(data["mrz"]["lines"]) == specimens.passport_lines
    assert data["mrz"]["format"] == "TD3"
    assert data["mrz"]["valid"] is True
    assert all({"value", "confidence", "checked"} <= field.keys() for field in data["mrz"]["fields"].values())
    assert data["mrz"]["fields"]["document_number"]["checked"] is True
    assert data["mrz"]["fields"]["surname"]["checked"] is None
    assert len(data["pages"][0]["corners_px"]) == 4
    assert len(data["pages"][0]["portrait_px"]) == len(data["portrait"]["face"]["box_px"]) == 4
    assert data["chip"]["groups"] == ["COM", "DG1", "DG2", "SOD"]
    assert [stage["name"] for stage in data["chip"]["authenticity"]["stages"]] == [
        "hashes",
        "signature",
        "chain",
        "state",
        "revocation",
    ]
    assert data["chip"]["portrait"]["format"] == "JPEG"


# What may be wrong with it


class Readings:
    """A reader that says what it's told to, one reading for each picture."""

    def __init__(self, *readings: Reading) -> None:
        self._readings = iter(readings)

    def read(self, photo: Photo) -> Reading:
        return next(self._readings)


def zone(form: str = "TD3", **fields: str) -> Mrz:
    mrz = parse(compose(form, {**FIELDS, **fields}), today=NOW.date())
    assert mrz is not None
    return mrz


def face(size: float, confidence: float = 0.9) -> Face:
    points = ((3.0, 4.0), (7.0, 4.0), (5.0, 6.0), (3.5, 8.0), (6.5, 8.0))
    return Face(Box(0, 0, size, size), points, confidence)


def reading(
    *,
    mrz: Mrz | None = None,
    portrait: Face | None = None,
    ghost: Face | None = None,
    problems: tuple[str, ...] = (),
) -> Reading:
    return Reading(
        page=None,
        portrait=portrait,
        portrait_box=None,
        ghost=ghost,
        mrz=mrz,
        turned=0,
        problems=problems,
        timings_ms={},
    )


GREY = Photo.from_pixels(np.full((120, 200, 3), 99, np.uint8))


def read(*readings: Reading, **options: object) -> Document:
    fake = cast("DocumentReader", Readings(*readings))
    return read_document([GREY] * len(readings), reader=fake, now=NOW, **options)  # type: ignore[arg-type]


def codes(document: Document, *, decisive: bool) -> list[str]:
    return [problem.code for problem in document.problems if problem.decisive is decisive]


def test_a_document_with_all_that_belongs_to_it_has_no_problem() -> None:
    document = read(reading(mrz=zone(), portrait=face(50)))
    assert document.problems == ()
    assert document.name is None
    assert repr(document) == "<Document None: TD3, no problem>"


def test_nothing_at_all() -> None:
    document = read(reading())
    assert codes(document, decisive=True) == ["no_portrait"]
    assert codes(document, decisive=False) == ["no_mrz"]


def test_two_equal_faces_are_no_portrait_though_another_page_has_one() -> None:
    both = reading(mrz=zone(), problems=("two_portraits",))
    document = read(both, reading(portrait=face(90)))
    assert document.portrait is None
    assert codes(document, decisive=True) == ["two_portraits"]


def test_the_portrait_is_the_largest_of_the_sure_faces() -> None:
    document = read(
        reading(portrait=face(90, 0.79)),
        reading(portrait=face(40)),
        reading(portrait=face(60), ghost=face(9)),
    )
    assert document.portrait is not None
    assert document.portrait.page == 2
    assert document.ghost is not None
    assert document.ghost.page == 2


def test_pictures_of_two_documents_are_refused() -> None:
    pages = [reading(mrz=zone(), portrait=face(50)), reading(mrz=zone(document_number="X1234567"))]
    document = read(*pages)
    assert document.portrait is None
    assert codes(document, decisive=True) == ["several_documents"]
    assert "document number differs" in document.problems[0].message


@pytest.mark.parametrize("decided", ["two_portraits", "no_portrait"])
def test_several_documents_go_before_what_is_wrong_with_a_portrait(decided: str) -> None:
    pages = [reading(mrz=zone(), problems=(decided,)), reading(mrz=zone(date_of_birth="1974-08-13"))]
    document = read(*pages)
    assert codes(document, decisive=True) == ["several_documents"]
    assert "date of birth differs" in document.problems[0].message


SOMEWHERE = Page(np.zeros((70, 100, 3), np.uint8), np.array([[0, 0], [100, 0], [100, 70], [0, 70]]), 1.0)


@pytest.mark.parametrize(
    ("first", "second", "further"),
    [
        (reading(portrait=face(50)), reading(portrait=face(50)), True),
        (reading(portrait=face(50)), reading(portrait=face(36)), True),  # 0.52 of the area
        (reading(portrait=face(50)), reading(portrait=face(35)), False),  # 0.49: as a ghost has it
        (reading(portrait=face(35)), reading(portrait=face(50)), False),
        (reading(portrait=face(50)), reading(portrait=face(50, 0.79)), False),  # a watermark
        (reading(portrait=face(50)), reading(), False),
        # On pages of which one was photographed from nearer: both have a quarter of its area.
        (
            replace(reading(portrait=face(50)), page=replace(SOMEWHERE, corners=SOMEWHERE.corners * 1.2)),
            replace(reading(portrait=face(30)), page=replace(SOMEWHERE, corners=SOMEWHERE.corners * 0.72)),
            True,
        ),
        # Where one of them isn't known, the pictures count.
        (replace(reading(portrait=face(50)), page=SOMEWHERE), reading(portrait=face(30)), False),
    ],
)
def test_portraits_of_other_pictures_are_kept_where_they_are_as_large(
    first: Reading, second: Reading, further: bool
) -> None:
    document = read(first, second)
    assert document.portrait is not None
    kept = [portrait.page for portrait in document.further_portraits]
    assert kept == ([1 - document.portrait.page] if further else [])
    assert len(document.to_dict()["further_portraits"]) == len(kept)


def test_two_pictures_of_one_zone_are_one_document() -> None:
    assert read(reading(mrz=zone(), portrait=face(50)), reading(mrz=zone())).problems == ()


def test_the_best_zone_counts() -> None:
    wrong = replace(zone(), valid=False)
    document = read(reading(mrz=replace(wrong, confidence=1.0), portrait=face(50)), reading(mrz=zone()))
    assert document.mrz is not None
    assert document.mrz.valid
    alone = read(reading(mrz=wrong, portrait=face(50)))
    assert codes(alone, decisive=False) == ["mrz_invalid"]


def test_a_wrong_check_digit_names_its_field() -> None:
    lines = list(zone().lines)
    lines[1] = lines[1][:9] + "7" + lines[1][10:]  # the standard's example has 6
    document = read(reading(mrz=parse(lines), portrait=face(50)))
    [problem] = document.problems
    assert problem.code == "mrz_invalid"
    assert "document number" in problem.message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"date_of_expiry": "2026-05-31"}, ["expired"]),
        ({"date_of_expiry": "2026-06-01"}, []),
        ({"date_of_expiry": "2026-06-02"}, []),
    ],
)
def test_expiry_against_today(fields: dict[str, str], expected: list[str]) -> None:
    assert codes(read(reading(mrz=zone(**fields), portrait=face(50))), decisive=False) == expected


@pytest.mark.parametrize(
    ("left", "cut"),
    [(0.0, False), (-4.0, False), (-6.0, True)],  # the longer edge has 100 pixels, of which 5 may be off
)
def test_a_page_that_the_photo_cuts(left: float, cut: bool) -> None:
    corners = np.array([[left, 10], [left + 100, 10], [left + 100, 80], [left, 80]])
    page = Page(np.zeros((70, 100, 3), np.uint8), corners, 1.0)
    document = read(replace(reading(mrz=zone(), portrait=face(50)), page=page))
    assert codes(document, decisive=False) == (["page_cut"] if cut else [])


# Its chip


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("EF.DG1", "chip_failed"),
        ("EF.DG2", "chip_failed"),
        ("EF.SOD", "chip_failed"),
        (None, "chip_not_authenticated"),
    ],
)
def test_a_chip_that_was_changed_or_that_nobody_vouches_for(
    file: str | None, code: str, specimens: Specimens, tmp_path: Path
) -> None:
    files = {
        "EF.DG1": make_dg1(zone().lines),
        "EF.DG2": make_dg2(jpeg(np.full((90, 70, 3), 128, np.uint8))),
        "EF.SOD": specimens.chip.joinpath("EF.SOD").read_bytes()[:-1] + b"\1",
    }
    wanted = {file: files[file]} if file else {}
    chip = changed(specimens.chip, tmp_path / "chip", wanted)
    trust = Trust.read(specimens.trusted) if file else None
    printed = parse(specimens.passport_lines)
    fake = cast("DocumentReader", Readings(reading(mrz=printed, portrait=face(50))))
    document = read_document(GREY, reader=fake, chip=chip, trust=trust)
    found = codes(document, decisive=False)
    assert code in found
    assert ("chip_of_another_document" in found) == (file == "EF.DG1")


def test_a_zone_of_the_chip_with_wrong_check_digits() -> None:
    lines = list(zone().lines)
    lines[1] = lines[1][:9] + "7" + lines[1][10:]
    document = read(reading(mrz=zone(), portrait=face(50)), chip=zipped({"DG1": make_dg1(lines)}))
    assert codes(document, decisive=False) == ["chip_not_authenticated", "chip_mrz_invalid"]
    assert document.chip_portrait is None


@pytest.mark.parametrize(
    ("printed", "code", "told"),
    [
        (zone(document_number="X1234567"), "chip_of_another_document", ": document number differs"),
        (zone(date_of_birth="1974-08-13"), "chip_of_another_document", ": date of birth differs"),
        (
            zone(document_number="X1234567", date_of_birth="1974-08-13"),
            "chip_of_another_document",
            ": date of birth and document number differ",
        ),
        (zone(given_names="Karin"), "chip_differs", "differ in given names"),
        (replace(zone(document_number="X1234567"), valid=False), "chip_differs", "differ in document number"),
    ],
)
def test_a_chip_that_is_not_that_of_the_page(printed: Mrz, code: str, told: str) -> None:
    document = read(reading(mrz=printed, portrait=face(50)), chip=zipped({"DG1": make_dg1(zone().lines)}))
    [problem] = [
        problem
        for problem in document.problems
        if problem.code.startswith("chip_") and told in problem.message
    ]
    assert (problem.code, problem.decisive) == (code, False)
    assert len({"chip_of_another_document", "chip_differs"} & {each.code for each in document.problems}) == 1


def test_without_a_printed_zone_the_chips_dates_count() -> None:
    chip = zipped({"DG1": make_dg1(zone(date_of_expiry="2020-01-01").lines)})
    document = read(reading(portrait=face(50)), chip=chip)
    assert document.best_mrz is document.chip_mrz
    assert codes(document, decisive=False) == ["no_mrz", "chip_not_authenticated", "expired"]


def undecodable() -> bytes:
    """A JPEG of sound structure, of whose first Huffman table nothing can be made."""
    data = bytearray(jpeg(np.zeros((90, 70, 3), np.uint8)))
    table = data.index(b"\xff\xc4") + 5  # marker, length, class
    data[table : table + 16] = b"\xff" * 16
    return bytes(data)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"NOTE": b"no file of a chip"}, "chip.empty"),
        ({"DG1": b"\x61\x05abc"}, "chip.damaged"),
        ({"DG2": make_dg2(undecodable())}, "chip.damaged"),
    ],
    ids=["nothing", "DG1 cut", "portrait that can't be decoded"],
)
def test_a_bad_chip_is_an_error(files: dict[str, bytes], code: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(reading(), chip=zipped(files))
    assert caught.value.code == code


def zipped(files: Mapping[str, bytes]) -> bytes:
    import zipfile

    to = io.BytesIO()
    with zipfile.ZipFile(to, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"EF.{name}", content)
    return to.getvalue()


# Hostile input


@pytest.mark.parametrize("count", [0, MAX_PAGES + 1])
def test_the_number_of_pictures_is_limited(count: int) -> None:
    with pytest.raises(DocumentError) as caught:
        read(*[reading()] * count)
    assert caught.value.code == "document.count"


def test_the_pages_of_pdfs_count_among_the_pictures() -> None:
    page = pdf([Image.new("RGB", (300, 200))] * 5)
    with pytest.raises(DocumentError) as caught:
        read_document([page, page], reader=cast("DocumentReader", Readings()))
    assert caught.value.code == "document.count"
    assert caught.value.found == 10


@pytest.mark.parametrize(
    ("source", "code"),
    [(b"", "photo.empty"), (b"no picture", "photo.format"), ("/nowhere.jpg", "photo.missing")],
)
def test_a_bad_picture_is_a_photo_error(source: bytes | str, code: str) -> None:
    with pytest.raises(PhotoError) as caught:
        read_document([GREY, source], reader=cast("DocumentReader", Readings(reading(), reading())))
    assert caught.value.code == code
