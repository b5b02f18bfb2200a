"""The reader on real specimens of the shared folder, and on what is no document.

What the zones say was read by eye (truth.json beside the pictures).
"""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.documents.specimens import Specimens, make

from visavis.documents import reader as module
from visavis.documents.mrz.mrz import Mrz, parse
from visavis.documents.reader import PACK, SIDES, DocumentReader
from visavis.errors import PackError
from visavis.faces.detect import Found
from visavis.faces.face import Face
from visavis.geometry import Box
from visavis.packs.install import install, require
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from visavis.verifier import Verifier

PASSPORT = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)


@pytest.fixture(scope="module")
def reader(sface: Verifier) -> DocumentReader:
    install(PACK)
    return DocumentReader(threads=1)


@pytest.fixture(scope="module")
def pictures(shared: Path) -> Path:
    folder = shared / "data" / "mrz"
    if not folder.is_dir():
        pytest.skip("the shared folder has no documents")
    return folder


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_passport_is_read_whichever_side_is_up(
    quarters: int, reader: DocumentReader, pictures: Path
) -> None:
    upright = np.array(Image.open(pictures / "passport-td3.png").convert("RGB"))
    height, width = upright.shape[:2]
    reading = reader.read(Photo.from_pixels(np.rot90(upright, quarters)))  # against the clock
    assert reading.mrz is not None
    assert reading.mrz.lines == PASSPORT
    assert reading.mrz.valid
    assert reading.problems == ()
    assert reading.turned == 90 * quarters
    assert reading.portrait is not None
    assert reading.portrait_box is not None
    assert reading.page is not None
    assert reading.page.pixels.shape == (880, 1250, 3)
    # Turned back by hand: the page's upper left corner is the picture's, as all of it is the page.
    corners = reading.page.corners
    back = {
        0: corners,
        1: np.stack([width - corners[:, 1], corners[:, 0]], axis=1),
        2: np.array([width, height]) - corners,
        3: np.stack([corners[:, 1], height - corners[:, 0]], axis=1),
    }[quarters]
    size = np.array([width, height])
    assert np.abs(back - size * [[0, 0], [1, 0], [1, 1], [0, 1]]).max() < 0.08 * width


@pytest.mark.parametrize(
    "name",
    [
        "100_id-si.jpg",  # three lines, no portrait
        "100_pass-lux.jpg",  # photographed, in perspective
        "0_pass-lva.jpg",  # on its side, a page of an open passport
        "62_pass-aus.png",  # turned by 20 degrees on a table
        "100_visa-usa.jpg",  # a further line of text above the zone
        "24_pass-egy.jpg",  # 268 pixels wide
    ],
)
def test_specimens(name: str, reader: DocumentReader, pictures: Path) -> None:
    known = json.loads((pictures / "truth.json").read_text(encoding="utf-8"))[name]
    reading = reader.read(Photo.open(pictures / name))
    assert reading.mrz is not None
    assert list(reading.mrz.lines) == known["lines"]
    assert reading.mrz.format == known["format"].replace("-", "")
    assert (reading.portrait is None) == name.startswith("100_id-si")
    assert reading.timings_ms.keys() >= {"portrait", "zone", "mrz", "page"}


def test_a_large_photo_is_read_at_the_size_that_it_needs(reader: DocumentReader, pictures: Path) -> None:
    """The passport small in a corner of 12 megapixels: text is looked for again, on a finer picture."""
    picture = Image.new("RGB", (4000, 3000), (96, 104, 112))
    passport = Image.open(pictures / "passport-td3.jpg").convert("RGB")
    picture.paste(passport.resize((1100, 726)), (2700, 150))
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=92)
    reading = reader.read(Photo.open(encoded.getvalue()))
    assert reading.mrz is not None
    assert reading.mrz.lines == PASSPORT
    assert reading.page is not None
    low, high = reading.page.corners.min(axis=0), reading.page.corners.max(axis=0)
    assert (low > (2690, 140)).all()
    assert (high < (3810, 886)).all()
    assert reading.portrait_box is not None
    x, y = reading.portrait_box.centre
    assert low[0] < x < low[0] + 500
    assert low[1] < y < high[1]


def test_what_is_no_document_has_no_zone(reader: DocumentReader, portraits: Mapping[str, bytes]) -> None:
    reading = reader.read(Photo.open(portraits["obama.jpg"]))
    assert (reading.mrz, reading.page, reading.problems) == (None, None, ("no_mrz",))
    assert reading.portrait is not None


@pytest.mark.parametrize("size", [(16, 16), (16, 500), (40, 40), (1200, 900)])
def test_an_empty_picture_has_nothing(size: tuple[int, int], reader: DocumentReader) -> None:
    reading = reader.read(Photo.from_pixels(np.full((*size, 3), 128, np.uint8)))
    assert (reading.mrz, reading.page, reading.portrait, reading.ghost) == (None, None, None, None)
    assert reading.problems == ("no_mrz", "no_portrait")


def test_several_threads_read_what_one_does(reader: DocumentReader, pictures: Path) -> None:
    names = ["passport-td3.png", "passport-td2.png", "100_id-si.jpg"] * 2
    photos = [Photo.open(pictures / name) for name in names]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(reader.read, photos))
    for photo, reading in zip(photos, together, strict=True):
        alone = reader.read(photo)
        assert alone.mrz is not None
        assert reading.mrz is not None
        assert reading.mrz.lines == alone.mrz.lines
        assert reading.portrait_box == alone.portrait_box


def test_the_reading_pack_compares_no_faces(reader: DocumentReader) -> None:
    with pytest.raises(PackError) as caught:
        require(PACK)
    assert caught.value.code == "pack.purpose"
    assert "compares no faces" in str(caught.value)


# The way through a photo


@pytest.fixture(scope="module")
def drawn(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Specimens:
    return make(tmp_path_factory.mktemp("drawn"), sface, portraits["obama.jpg"])


def test_a_page_with_a_portrait_is_read_without_the_rest_of_the_photo(
    reader: DocumentReader, drawn: Specimens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DocumentReader, "_read_on_photo", None)  # calling it would raise
    reading = reader.read(Photo.open(drawn.passport))
    assert reading.mrz is not None
    assert reading.mrz.lines == drawn.passport_lines
    assert reading.ghost is not None
    assert reading.page is not None
    assert reading.page.pixels.shape == (880, 1250, 3)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_the_front_of_a_card_has_a_page_and_no_zone(
    quarters: int, reader: DocumentReader, drawn: Specimens
) -> None:
    front = np.array(Image.open(drawn.front).convert("RGB"))
    reading = reader.read(Photo.from_pixels(np.rot90(front, quarters)))
    assert (reading.mrz, reading.problems, reading.turned) == (None, ("no_mrz",), 90 * quarters)
    assert reading.portrait is not None
    assert reading.page is not None
    assert reading.page.pixels.shape == (540, 856, 3)


def test_a_page_without_a_portrait_is_found_by_its_zone(reader: DocumentReader, drawn: Specimens) -> None:
    reading = reader.read(Photo.open(drawn.back))
    assert reading.mrz is not None
    assert reading.mrz.lines == drawn.card_lines
    assert reading.problems == ("no_portrait",)
    assert reading.page is not None


def test_a_portrait_that_ends_with_the_photo_leaves_no_part_below(
    reader: DocumentReader, portraits: Mapping[str, bytes]
) -> None:
    """Cut off at the chin, so that no row, or one, is left below it."""
    upright = np.array(Image.open(io.BytesIO(portraits["obama.jpg"])).convert("RGB"))
    (face,) = reader._detector.find(Photo.from_pixels(upright)).faces
    chin = round(face.box.y + face.box.height)
    for rows in (chin - 1, chin, chin + 1, chin + 2):
        reading = reader.read(Photo.from_pixels(upright[:rows]))
        assert "no_mrz" in reading.problems


@pytest.mark.parametrize(
    ("top", "confidence", "turned", "expected"),
    [
        pytest.param(300, 0.9, 0, [(SIDES[0], 500.0)], id="below the portrait first"),
        pytest.param(790, 0.9, 0, [], id="no room below"),
        pytest.param(50, 0.9, 0, [], id="nearly all of it lies below"),
        pytest.param(300, 0.6, 0, [], id="an unsure face"),
        pytest.param(300, 0.9, 90, [], id="turned: below is aside"),
    ],
)
def test_parts_to_look_at(
    top: float, confidence: float, turned: int, expected: list[tuple[int, float]]
) -> None:
    photo = Photo.from_pixels(np.zeros((1000, 1400, 3), np.uint8))
    face = Face(Box(100, top, 150, 200), ((0.0, 0.0),) * 5, confidence)
    whole = [(side, 0.0) for side in SIDES]
    assert module._parts(photo, Found((face,), turned)) == [*expected, *whole]
    assert module._parts(photo, None) == whole


VALID = parse(PASSPORT)
INVALID = parse((PASSPORT[0], PASSPORT[1].replace("740812", "750812")))


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param((INVALID, VALID), VALID, id="the second is right"),
        pytest.param((None, VALID), VALID, id="the first saw nothing"),
        pytest.param((INVALID, None), INVALID, id="the second saw nothing"),
        pytest.param((VALID, INVALID), VALID, id="what was right stays"),
    ],
)
def test_a_second_look_never_undoes_what_was_right(
    looks: Sequence[Mrz | None],
    expected: Mrz | None,
    reader: DocumentReader,
    drawn: Specimens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a real zone, with what the two looks decode to given; each reading is doubtful."""
    monkeypatch.setattr(module, "DOUBT", 2.0)
    monkeypatch.setattr(module, "decode", lambda *seen: looks[len(seen) - 1])
    reading = reader.read(Photo.open(drawn.passport))
    assert reading.mrz is expected


@pytest.mark.parametrize(
    ("aside", "near"),
    [
        pytest.param((0.0, 0.0), True, id="there"),
        pytest.param((9.0, 0.0), True, id="under a tenth of the longer edge"),
        pytest.param((6.0, 9.0), False, id="10.8 of 100, over it"),
    ],
)
def test_where_a_zone_expects_a_page(aside: tuple[float, float], near: bool) -> None:
    expected = np.array([(0, 0), (100, 0), (100, 70), (0, 70)], dtype=float)
    place = module._Place(expected + aside, (125.0, 88.0), 1.0)
    assert place.is_near(expected) is near


def test_one_corner_far_off_may_be_near_on_the_whole() -> None:
    """The mean over the corners counts: one off by 36 is 9 of 100, by 44 it's 11."""
    expected = np.array([(0, 0), (100, 0), (100, 70), (0, 70)], dtype=float)
    for off, near in ((36.0, True), (44.0, False)):
        corners = expected.copy()
        corners[2] += (off, 0.0)
        assert module._Place(corners, (125.0, 88.0), 1.0).is_near(expected) is near
