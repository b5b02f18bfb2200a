from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.documents import camera, specimen
from visavis.documents.page import flatten, to_page
from visavis.documents.portrait import choose_portrait, crop_box, look_for_ghost, moved
from visavis.faces.face import Face
from visavis.geometry import Box
from visavis.packs.install import require
from visavis.packs.runtime import Network
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from visavis.verifier import Verifier

PAGE = np.array([[0, 0], [1000, 0], [1000, 700], [0, 700]], float)


def face(x: float, y: float, side: float, confidence: float = 0.9) -> Face:
    """A square box with its middle at x, y, and an upright face in it, its eyes 0.4 of the side apart."""
    eye, mouth = 0.2 * side, 0.15 * side
    landmarks = ((x - eye, y - eye), (x + eye, y - eye), (x, y), (x - mouth, y + eye), (x + mouth, y + eye))
    return Face(Box(x - side / 2, y - side / 2, side, side), landmarks, confidence)


PORTRAIT, GHOST, WATERMARK = face(200, 300, 200), face(850, 400, 70), face(500, 300, 260, 0.6)


@pytest.mark.parametrize(
    ("faces", "portrait", "ghost", "others"),
    [
        ([PORTRAIT], PORTRAIT, None, ()),
        ([GHOST, PORTRAIT], PORTRAIT, GHOST, ()),
        # A larger face of less confidence is no portrait, nor a ghost of it.
        ([WATERMARK, PORTRAIT], PORTRAIT, None, (WATERMARK,)),
        ([WATERMARK, PORTRAIT, GHOST], PORTRAIT, GHOST, (WATERMARK,)),
        # Where no face is sure, the largest counts.
        (
            [face(500, 300, 260, 0.6), face(100, 100, 60, 0.7)],
            face(500, 300, 260, 0.6),
            face(100, 100, 60, 0.7),
            (),
        ),
        # A thirtieth of the portrait's area is part of a pattern.
        ([PORTRAIT, face(600, 600, 30)], PORTRAIT, None, (face(600, 600, 30),)),
    ],
)
def test_score_comes_first_and_then_area(
    faces: list[Face], portrait: Face, ghost: Face | None, others: tuple[Face, ...]
) -> None:
    found = choose_portrait(faces)
    assert (found.portrait, found.ghost, found.others) == (portrait, ghost, others)
    assert found.problem is None


@pytest.mark.parametrize(
    ("side", "problem"),
    [
        (199, "two_portraits"),
        (142, "two_portraits"),
        (141, None),
    ],  # 141^2 < 200^2 / 2 < 142^2
)
def test_two_faces_of_like_size_leave_open_which_is_meant(side: float, problem: str | None) -> None:
    other = face(600, 300, side)
    found = choose_portrait([PORTRAIT, other])
    assert found.problem == problem
    if problem:
        assert found.portrait is None
        assert set(found.others) == {PORTRAIT, other}


def test_faces_beside_the_page_dont_count() -> None:
    holder = face(1400, 300, 300)
    found = choose_portrait([holder, PORTRAIT], PAGE)
    assert (found.portrait, found.others) == (PORTRAIT, (holder,))
    assert choose_portrait([holder, PORTRAIT], PAGE[::-1]).portrait == PORTRAIT
    assert choose_portrait([holder], PAGE).problem == "no_portrait"


def test_no_face() -> None:
    found = choose_portrait([])
    assert (found.portrait, found.problem) == (None, "no_portrait")


def test_the_printed_portrait_is_cut_as_the_standard_wants_it() -> None:
    """Eyes 80 apart: a head of 248 in a frame of 330.67 x 257.19, the eyes 148.8 below its upper edge."""
    box = crop_box(face(500, 400, 200))
    # From eyes to mouth it's 80 too: times 3 that is less than 3.1 times 80.
    assert box.height == pytest.approx(3.1 * 80 / 0.75)
    assert box.width == pytest.approx(box.height * 7 / 9)
    assert box.y == pytest.approx(360 - 0.45 * box.height)
    assert box.x + box.width / 2 == pytest.approx(500)


def test_a_portrait_that_lies_on_its_side_lies_so_in_its_box() -> None:
    upright = face(500, 400, 200)
    x, y = upright.points[:, 0], upright.points[:, 1]
    turned = [(500 - float(b - 400), 400 + float(a - 500)) for a, b in zip(x, y, strict=True)]
    box = crop_box(Face(upright.box, (turned[0], turned[1], turned[2], turned[3], turned[4]), 0.9))
    assert (box.width, box.height) == pytest.approx((3.1 * 80 / 0.75, 3.1 * 80 / 0.75 * 7 / 9))


def test_a_face_in_pixels_of_another_picture() -> None:
    """Turned by a quarter clockwise about the origin and doubled: x, y becomes -2 y, 2 x."""
    given = face(500, 400, 200, 0.7)
    other = moved(given, lambda points: np.stack([-2 * points[:, 1], 2 * points[:, 0]], axis=1))
    assert other.box == Box(-1000, 800, 400, 400)
    assert other.landmarks[0] == pytest.approx((-720, 920))  # from 460, 360
    assert other.landmarks[4] == pytest.approx((-880, 1060))  # from 530, 440
    assert other.confidence == 0.7


@pytest.fixture(scope="module")
def finder(sface: Verifier) -> Network:
    return Network(require("sface").model("detector"), threads=1)


def photographed(
    sface: Verifier, portrait: bytes, kind: str, *, ghost: bool, seed: int
) -> tuple[NDArray[np.uint8], Face, Box | None]:
    """The page of a specimen as its photo shows it, its portrait's face, and the ghost's place."""
    examined = sface.examine(portrait)
    assert examined.evidence.face is not None
    cut = specimen.portrait_of(examined.photo, examined.evidence.face)
    drawn = specimen.draw(kind, specimen.fictional(seed), cut, ghost=ghost, seed=seed)
    read = [drawn.portrait, *(drawn.line_boxes if drawn.back is None else ())]
    shot = camera.photograph(drawn.page, severity=1, seed=seed, spared=read)
    on_photo = sface.examine(shot.jpeg).evidence.face
    assert on_photo is not None
    height, width = drawn.page.shape[:2]
    page = flatten(shot.pixels, shot.corners, width / 12, height / 12)
    size = page.shape[1], page.shape[0]
    on_page = moved(on_photo, lambda points: to_page(points, shot.corners, size))
    place = drawn.ghost
    if place is not None:
        place = Box(*(10 / 12 * each for each in (place.x, place.y, place.width, place.height)))
    return page, on_page, place


@pytest.mark.parametrize(
    ("portrait", "kind", "seed"),
    [("obama.jpg", "passport", 3), ("biden.jpg", "card", 5), ("obama2.jpg", "visa", 8)],
)
def test_a_ghost_is_found_on_the_page(
    portrait: str, kind: str, seed: int, finder: Network, sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    page, face_of, place = photographed(sface, portraits[portrait], kind, ghost=True, seed=seed)
    ghost = look_for_ghost(finder, page, face_of)
    assert ghost is not None
    assert place is not None
    for x, y in (ghost.box.centre, *ghost.landmarks):
        assert place.x < x < place.x + place.width
        assert place.y < y < place.y + place.height
    # The portrait's own proportion: what stands between its eyes, a half or a third as large.
    assert 0.25 < ghost.inter_eye_px / face_of.inter_eye_px < 0.6


@pytest.mark.parametrize(("kind", "seed"), [("passport", 3), ("card", 5)])
def test_a_page_without_a_ghost_has_none(
    kind: str, seed: int, finder: Network, sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    page, face_of, _ = photographed(sface, portraits["obama.jpg"], kind, ghost=False, seed=seed)
    assert look_for_ghost(finder, page, face_of) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (31, 33), (880, 1250)])
def test_an_empty_page_has_no_ghost(size: tuple[int, int], finder: Network) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for page in (noise, np.zeros_like(noise)):
        assert look_for_ghost(finder, page, PORTRAIT) is None


def test_a_second_face_as_large_as_the_portrait_is_no_ghost(
    finder: Network, sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    photo = Photo.open(portraits["obama.jpg"])
    found = sface.examine(portraits["obama.jpg"]).evidence.face
    assert found is not None
    cut = specimen.portrait_of(photo, found, height=360)
    page = np.full((880, 1250, 3), 220, np.uint8)
    page[200:560, 60:340] = page[200:560, 800:1080] = cut
    # Portrait after portrait_of: the eyes at 45 % of its height, 75 % of that being 3.1 eye distances.
    eye = 0.75 * 360 / 3.1 / 2
    on_page = face(200, 200 + 0.45 * 360 + eye, 5 * eye)
    assert look_for_ghost(finder, page, on_page) is None
    smaller = page.copy()
    smaller[200:560, 800:1080] = 220
    smaller[300:420, 800:893] = specimen.portrait_of(photo, found, height=120)
    assert look_for_ghost(finder, smaller, on_page) is not None
