from __future__ import annotations

import numpy as np
import pytest

from visavis.documents.portrait import choose_portrait, crop_box
from visavis.faces.face import Face
from visavis.geometry import Box

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
