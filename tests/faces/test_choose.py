from __future__ import annotations

import pytest

from visavis.faces.choose import choose, rivals
from visavis.faces.face import Face
from visavis.geometry import Box


def face(x: float, y: float, width: float, height: float) -> Face:
    return Face(Box(x, y, width, height), ((0, 0), (1, 0), (0, 1), (0, 2), (1, 2)), 0.9)


MAIN, SECOND, GHOST = face(100, 100, 80, 100), face(300, 100, 50, 60), face(500, 100, 30, 40)


def test_nobody() -> None:
    assert choose((), "only").problem == "no_face"
    assert choose((), "largest_central", Box(0, 0, 10, 10)).problem == "no_face"


@pytest.mark.parametrize(
    ("height", "problem"), [(100, "several_faces"), (60, "several_faces"), (59.9, None), (35, None)]
)
def test_a_second_face_of_60_per_cent_is_a_rival(height: float, problem: str | None) -> None:
    other = face(300, 100, 50, height)
    for faces in ((MAIN, other), (other, MAIN)):
        choice = choose(faces, "only")
        assert choice.problem == problem
        assert choice.face is (None if problem else MAIN)
        assert choice.others == (faces if problem else (other,))


def test_rivals() -> None:
    assert rivals((GHOST, SECOND, MAIN)) == (SECOND, MAIN)
    assert rivals((GHOST,)) == (GHOST,)


def test_the_largest_central_one_is_the_first() -> None:
    choice = choose((SECOND, MAIN), "largest_central")
    assert (choice.face, choice.others, choice.problem) == (SECOND, (MAIN,), None)


@pytest.mark.parametrize("rule", ["only", "largest_central"])
@pytest.mark.parametrize(
    ("box", "chosen"),
    [
        (Box(300, 100, 50, 60), SECOND),
        (Box(500, 100, 30, 40), GHOST),
        (Box(290, 80, 90, 120), SECOND),  # around the whole head
        (Box(318, 133, 14, 18), None),  # a nose: below the centre of the face
        (Box(320, 125, 10, 10), SECOND),  # with the centre of the face in it
        (Box(290, 90, 260, 80), SECOND),  # around two: the one that fits better
        (Box(300, 130, 50, 60), SECOND),  # half a face off: a third is shared
        (Box(300, 137, 50, 60), None),
        (Box(0, 0, 50, 50), None),
        (Box(100, 100, 0, 0), None),
    ],
)
def test_a_box_goes_before_the_rule(rule: str, box: Box, chosen: Face | None) -> None:
    faces = (MAIN, SECOND, GHOST)
    choice = choose(faces, rule, box)
    if chosen is None:
        assert (choice.face, choice.others, choice.problem) == (None, faces, "no_face_in_box")
    else:
        assert choice.face is chosen
        assert choice.others == tuple(other for other in faces if other is not chosen)
        assert choice.problem is None
