from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.pictures import scene

from visavis.documents import specimen_page
from visavis.documents.ocr_b import GLYPHS, PITCH, ink
from visavis.documents.specimen import (
    KINDS,
    NAMES,
    NATIONALITIES,
    Holder,
    Specimen,
    draw,
    fictional,
    portrait_of,
    zone_of,
)
from visavis.documents.specimen_fonts import letters
from visavis.documents.specimen_page import PX_PER_MM, RED
from visavis.errors import DocumentError
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from visavis.geometry import Box
    from visavis.verifier import Verifier

# Sizes in mm of Doc 9303: part 5 (TD1), part 6 (TD2), part 4 (TD3), part 7 (MRV-A, MRV-B); lines and length.
FORMS = {
    "passport": (125, 88, 2, 44),
    "card": (85.6, 54, 3, 30),
    "td2": (105, 74, 2, 36),
    "visa": (120, 80, 2, 44),
    "visa-b": (105, 74, 2, 36),
}
# Doc 9303's own example of a holder, parts 4 and 6, but for the dates, which must follow each other here.
ERIKSSON = Holder(
    surname="Eriksson",
    given_names="Anna Maria",
    number="L898902C3",
    birth=date(1974, 8, 12),
    issued=date(2007, 4, 16),
    expiry=date(2012, 4, 15),
    sex="F",
    personal_number="ZE184226B",
)


def face(seed: int = 3) -> NDArray[np.uint8]:
    return scene(420, 540, seed=seed)


def cut(pixels: NDArray[Any], box: Box) -> NDArray[Any]:
    return pixels[round(box.y) : round(box.y + box.height), round(box.x) : round(box.x + box.width)]


def side_of_zone(drawn: Specimen) -> NDArray[np.uint8]:
    return drawn.page if drawn.back is None else drawn.back


def alike(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Correlation of two pictures' greys."""
    grey = [np.asarray(each, dtype=float).mean(axis=-1).ravel() for each in (a, b)]
    return float(np.corrcoef(*grey)[0, 1])


def check_digit(text: str) -> str:
    """Doc 9303 part 3, 4.9: weights 7, 3, 1 on values 0 to 9, A = 10 to Z = 35, < = 0, modulo 10."""
    values = ["0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".find(c) if c != "<" else 0 for c in text]
    assert min(values) >= 0
    return str(sum(value * (7, 3, 1)[i % 3] for i, value in enumerate(values)) % 10)


# The machine-readable zone


def checked_ranges(kind: str, lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """What is protected and its digit, by the columns of Doc 9303 parts 4 to 7."""
    second = lines[1]
    if kind == "card":
        first = lines[0]
        composite = first[5:30] + second[0:7] + second[8:15] + second[18:29]
        pairs = [(first[5:14], first[14]), (second[0:6], second[6]), (second[8:14], second[14])]
        return [*pairs, (composite, second[29])]
    pairs = [(second[0:9], second[9]), (second[13:19], second[19]), (second[21:27], second[27])]
    if kind == "passport":
        if set(second[28:42]) != {"<"} or second[42] != "<":
            pairs.append((second[28:42], second[42]))
        pairs.append((second[0:10] + second[13:20] + second[21:43], second[43]))
    if kind == "td2":
        pairs.append((second[0:10] + second[13:20] + second[21:35], second[35]))
    return pairs


@pytest.mark.parametrize("kind", KINDS)
def test_check_digits_hold(kind: str) -> None:
    for seed in range(60):
        holder = fictional(seed)
        lines = zone_of(kind, holder)
        assert [len(line) for line in lines] == [FORMS[kind][3]] * FORMS[kind][2]
        for text, digit in checked_ranges(kind, lines):
            assert check_digit(text) == digit, (lines, text)
        row = lines[0][5:14] if kind == "card" else lines[1][0:9]
        assert row == holder.number.ljust(9, "<")
        assert lines[0][2:5] == "UTO"


def test_the_example_of_doc_9303() -> None:
    """Part 4, appendix A, prints these lines; a visa's second line differs in its end."""
    assert zone_of("passport", ERIKSSON) == (
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    )
    assert zone_of("visa", ERIKSSON)[1] == "L898902C36UTO7408122F1204159".ljust(44, "<")
    assert zone_of("td2", ERIKSSON)[1].startswith("L898902C36UTO7408122F1204159<<<<<<<")  # no room
    assert zone_of("card", ERIKSSON)[0] == "I<UTOL898902C36ZE184226B<<<<<<"


# What is drawn


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ghost", [False, True])
def test_sizes_and_places(kind: str, ghost: bool) -> None:
    drawn = draw(kind, fictional(5), face(), ghost=ghost, seed=5)
    width, height, count, length = FORMS[kind]
    for side in (drawn.page, drawn.back):
        if side is not None:
            assert side.dtype == np.uint8
            assert side.shape == (round(height * PX_PER_MM), round(width * PX_PER_MM), 3)
    assert (drawn.back is not None) == (kind == "card")
    assert (drawn.ghost is not None) == ghost
    assert len(drawn.line_boxes) == count
    for box in drawn.line_boxes:
        assert box.width == pytest.approx(length * PITCH * PX_PER_MM)
        assert box.x >= 3 * PX_PER_MM
        assert box.x + box.width <= (width - 3) * PX_PER_MM
        assert box.y >= (height - 23.2) * PX_PER_MM  # Doc 9303: the zone's height on all forms
        assert box.y + box.height <= height * PX_PER_MM


@pytest.mark.parametrize("kind", KINDS)
def test_the_lines_are_as_far_apart_as_on_real_documents(kind: str) -> None:
    """Middles above the lower edge and distance in mm: Doc 9303 parts 4, 6 and 7 for two lines; cards in use
    have three lines at six to the inch. The ink begins 6 mm from the edge of a passport, 4 mm from others'.
    """
    drawn = draw(kind, fictional(5), face(), seed=5)
    side = side_of_zone(drawn)
    # A box is as high as a digit, whose middle lies a tenth of a millimetre above that of a capital.
    middles = [side.shape[0] / PX_PER_MM - (box.y + box.height / 2) / PX_PER_MM for box in drawn.line_boxes]
    expected = [6.9 + 2 * 25.4 / 6, 6.9 + 25.4 / 6, 6.9] if kind == "card" else [9.4 + 6.35, 9.4]
    assert middles == pytest.approx(expected, abs=0.15)
    dark = side.max(axis=-1) < 110
    first = min(np.nonzero(cut(dark, box).any(axis=0))[0][0] + round(box.x) for box in drawn.line_boxes)
    assert first / PX_PER_MM == pytest.approx(6 if kind == "passport" else 4, abs=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_by_its_seed(kind: str) -> None:
    first, again, other = (draw(kind, fictional(1), face(), ghost=True, seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(first.page, again.page)
    assert not np.array_equal(first.page, other.page)
    assert (first.portrait, first.line_boxes, first.lines) == (other.portrait, other.line_boxes, other.lines)
    if first.back is not None and again.back is not None:
        assert np.array_equal(first.back, again.back)


@pytest.mark.parametrize("kind", KINDS)
def test_the_lines_are_where_they_are_said_to_be(kind: str) -> None:
    """Each cell of a box, compared with all characters of the type, shows the character of the line."""
    drawn = draw(kind, fictional(9), face(), seed=9)
    side = side_of_zone(drawn)
    grey = side.mean(axis=-1)
    pitch = PITCH * PX_PER_MM
    known = {character: ink(character, pitch) for character in GLYPHS}
    for line, box in zip(drawn.lines, drawn.line_boxes, strict=True):
        read = ""
        for place in range(len(line)):
            left, top = round(box.x + place * pitch), round(box.y)
            cell = 255 - grey[top : top + known["A"].shape[0], left : left + known["A"].shape[1]]
            scores = {c: np.corrcoef(cell.ravel(), shape.ravel())[0, 1] for c, shape in known.items()}
            read += max(scores, key=lambda c: scores[c])
        assert read == line


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_dark_lies_in_the_zone(kind: str) -> None:
    drawn = draw(kind, fictional(2), face(), ghost=True, seed=2)
    dark = side_of_zone(drawn).max(axis=-1) < 110
    zone = dark[-round(23.2 * PX_PER_MM) :]
    inside = np.zeros_like(dark)
    for box in drawn.line_boxes:
        part = cut(dark, box)
        assert 0.05 < part.mean() < 0.4
        top, bottom = math.floor(box.y), math.ceil(box.y + box.height)  # ink may reach into half a pixel
        inside[top:bottom, math.floor(box.x) : math.ceil(box.x + box.width)] = True
    outside = zone & ~inside[-round(23.2 * PX_PER_MM) :]
    assert outside.sum() < 0.002 * zone.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_the_portrait_is_where_it_is_said_to_be(kind: str) -> None:
    given = face()
    drawn = draw(kind, fictional(1), given, seed=1)
    part = cut(drawn.page, drawn.portrait)
    height = round(part.shape[0] * 0.85)  # below is the mark
    shown = np.asarray(Image.fromarray(given).resize((part.shape[1], part.shape[0])))
    assert alike(part[:height], shown[:height]) > 0.97
    moved = np.roll(shown, 30, axis=1)
    assert alike(part[:height], moved[:height]) < 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_the_ghost_is_pale_small_and_the_same_picture(kind: str) -> None:
    given = face()
    plain, haunted = (draw(kind, fictional(1), given, ghost=ghost, seed=1) for ghost in (False, True))
    assert haunted.ghost is not None
    assert haunted.ghost.area < 0.25 * haunted.portrait.area
    part = cut(haunted.page, haunted.ghost)
    shown = np.asarray(Image.fromarray(given).resize((part.shape[1], part.shape[0])))
    middle = np.s_[part.shape[0] // 5 : -part.shape[0] // 5, part.shape[1] // 5 : -part.shape[1] // 5]
    assert alike(part[middle], shown[middle]) > 0.7
    assert abs(alike(cut(plain.page, haunted.ghost)[middle], shown[middle])) < 0.4
    away = np.ones(plain.page.shape[:2], dtype=bool)
    cut(away, haunted.ghost)[:] = False
    assert np.array_equal(plain.page[away], haunted.page[away])


@pytest.mark.parametrize("kind", KINDS)
def test_marked_as_a_specimen(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = draw(kind, fictional(1), face(), ghost=True, seed=1)
    monkeypatch.setattr(specimen_page._Hand, "mark", lambda self: None)
    bare = draw(kind, fictional(1), face(), ghost=True, seed=1)
    pairs = [(marked.page, bare.page)]
    if marked.back is not None and bare.back is not None:
        pairs.append((marked.back, bare.back))
    for with_mark, without in pairs:
        changed = abs(with_mark.astype(int) - without).max(axis=-1) > 0
        redder = (with_mark.astype(int) - without)[changed]
        assert redder[:, 1:].mean() < redder[:, 0].mean() - 20
        columns = np.nonzero(changed[: changed.shape[0] * 7 // 10].any(axis=0))[0] / changed.shape[1]
        assert columns[0] < 0.45  # it goes across
        assert columns[-1] > 0.95
        assert (columns > 0.42).sum() > 0.8 * 0.58 * changed.shape[1]
        ink = abs(with_mark.astype(int) - RED).max(axis=-1) <= 4
        high = ink.shape[0]
        assert ink[: high // 6, ink.shape[1] // 2 :].sum() > 0.005 * ink[: high // 6].size  # in the header
    for box in marked.line_boxes:
        assert np.array_equal(cut(side_of_zone(marked), box), cut(side_of_zone(bare), box))
    zone = abs(side_of_zone(marked).astype(int) - RED).max(axis=-1) <= 4
    last = marked.line_boxes[-1]
    assert zone[round(last.y + last.height) :].sum() > 500  # and below the last line
    # The face itself stays clear: nothing is changed above the mark on the chest.
    clear = np.s_[: round(marked.portrait.height * 0.85)]
    assert np.array_equal(cut(marked.page, marked.portrait)[clear], cut(bare.page, bare.portrait)[clear])


def test_the_visual_zone_says_what_the_holder_is() -> None:
    """Another value changes the page at its field; the fields of the page are all printed."""
    before = draw("passport", ERIKSSON, face(), seed=1).page
    for change in (
        {"surname": "Nilsson"},
        {"given_names": "Maria"},
        {"number": "L898902C4"},
        {"birth": date(1974, 8, 13)},
        {"issued": date(2007, 4, 17)},
        {"expiry": date(2012, 4, 16)},
        {"sex": "M"},
        {"place": "Zenith"},
        {"personal_number": "ZE184226C"},
        {"nationality": "XXA"},
    ):
        after = draw("passport", replace(ERIKSSON, **change), face(), seed=1).page
        upper = round((88 - 23.2) * PX_PER_MM)
        rows, _ = np.nonzero((before != after)[:upper].any(axis=-1))
        assert rows.size, change
        assert np.ptp(rows) < 4 * PX_PER_MM, change  # one line of print


# Holders


def test_fictional_holders_are_many() -> None:
    holders = [fictional(seed) for seed in range(300)]
    assert holders == [fictional(seed) for seed in range(300)]
    assert {holder.nationality for holder in holders} == {"UTO"}
    assert {holder.sex for holder in holders} == {"F", "M", "X"}
    assert len({holder.number for holder in holders}) == 300
    families = {family for holder in holders for family in NAMES if holder.surname in family[0]}
    assert families == set(NAMES)
    beyond = [holder for holder in holders if not (holder.surname + holder.given_names).isascii()]
    assert len(beyond) > 150


def test_every_name_can_be_printed() -> None:
    used = {c for surnames, given in NAMES for name in (*surnames, *given) for c in name + name.upper()}
    assert used - letters() == set()


@pytest.mark.parametrize(
    "change",
    [
        {"surname": ""},
        {"surname": "   "},
        {"surname": " Nobody"},
        {"surname": "-"},
        {"surname": "No\nbody"},
        {"surname": "No\0body"},
        {"surname": "N" * 61},
        {"surname": "田中"},
        {"surname": "Nobody\N{RIGHT-TO-LEFT OVERRIDE}"},
        {"surname": "<script>"},
        {"surname": "ɐʌʍ"},
        {"given_names": "R2D2"},
        {"given_names": "😀"},
        {"place": "A/B"},
        {"number": ""},
        {"number": "ABCDEFGHIJ"},
        {"number": "abc"},
        {"number": "A-1"},
        {"number": "Ä1"},
        {"number": "\N{ARABIC-INDIC DIGIT ONE}"},
        {"personal_number": "A" * 15},
        {"nationality": "FRA"},
        {"nationality": "uto"},
        {"nationality": ""},
        {"sex": "f"},
        {"sex": ""},
        {"birth": date(2007, 4, 16)},
        {"issued": date(2012, 4, 15)},
        {"expiry": date(1999, 1, 1)},
        {"birth": date(1899, 12, 31)},
        {"expiry": date(2100, 1, 1)},
    ],
    ids=str,
)
def test_a_holder_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(DocumentError) as caught:
        replace(ERIKSSON, **change)
    assert caught.value.code == "specimen.holder"
    assert caught.value.found is not None
    assert caught.value.expected is not None


@pytest.mark.parametrize("kind", ["", "Passport", "td1", "passport "])
def test_no_such_kind(kind: str) -> None:
    with pytest.raises(DocumentError) as caught:
        draw(kind, ERIKSSON, face())
    assert caught.value.code == "specimen.kind"


@pytest.mark.parametrize(
    "portrait",
    [
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3), np.float64),
        np.zeros(0, np.uint8),
    ],
    ids=lambda each: f"{each.shape} {each.dtype}",
)
def test_no_portrait(portrait: NDArray[Any]) -> None:
    with pytest.raises(DocumentError) as caught:
        draw("passport", ERIKSSON, portrait)
    assert caught.value.code == "specimen.portrait"


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3000, 20)])
@pytest.mark.parametrize("value", [0, 255])
def test_a_portrait_of_any_shape_is_drawn(size: tuple[int, int], value: int) -> None:
    drawn = draw("card", ERIKSSON, np.full((*size, 3), value, np.uint8), ghost=True)
    assert drawn.page.shape == (648, 1027, 3)


def test_long_names_stay_on_the_page() -> None:
    long = replace(ERIKSSON, surname="Wolkenkuckucksheimer-" * 2 + "Nirgendwo", given_names="Ő" * 60)
    plain = draw("card", ERIKSSON, face(), seed=1)
    drawn = draw("card", long, face(), seed=1)
    changed = (plain.page != drawn.page).any(axis=(0, 2))
    assert np.nonzero(changed)[0].max() < (34 + 49 + 0.5) * PX_PER_MM
    assert all(len(line) == 30 for line in drawn.lines)


@pytest.mark.parametrize("nationality", NATIONALITIES)
def test_nationalities(nationality: str) -> None:
    assert zone_of("passport", replace(ERIKSSON, nationality=nationality))[1][10:13] == nationality


# The portrait


def test_a_portrait_is_cut_upright(sface: Verifier, portraits: Mapping[str, bytes]) -> None:
    """ICAO's portrait guide: the head fills 70 to 80 % of the height, the eyes lie 50 to 70 % up."""
    for name, turned in (("obama.jpg", 0), ("obama.jpg", 12), ("biden.jpg", 0)):
        pixels = np.array(Image.fromarray(Photo.open(portraits[name]).pixels).rotate(turned))
        photo = Photo.from_pixels(pixels)
        found = sface.examine(photo).evidence.face
        assert found is not None
        made = portrait_of(photo, found)
        assert made.shape == (600, 467, 3)
        again = sface.examine(Photo.from_pixels(made)).evidence.face
        assert again is not None
        assert abs(again.roll_deg) < 3
        eyes = again.points[:2].mean(axis=0)
        assert eyes == pytest.approx((467 / 2, 0.45 * 600), abs=12)
        # The detector's box goes from the hairline to the chin, about five sixths of the head.
        assert 0.55 * 600 < again.box.height < 0.75 * 600
