"""Rectangles: top first."""

from __future__ import annotations

import numpy as np
import pytest

from visavis.geometry import Box
from visavis.photo import Photo
from visavis.service.doors.facepp import rectangles
from visavis.service.doors.facepp.errors import Said
from visavis.service.doors.facepp.form import Form


@pytest.mark.parametrize(
    "text", [b"12,30,40,50", b"12.00,30.00,40.0,50", b" 12 , 30,40 ,50 ", b"1.2e1,30,40,50"]
)
def test_top_is_first(text: bytes) -> None:
    assert rectangles.given(Form({"r": text}), "r") == Box(30, 12, 40, 50)


def test_none_and_empty() -> None:
    assert rectangles.given(Form({}), "r") is None
    assert rectangles.given(Form({"r": b"  "}), "r") is None


@pytest.mark.parametrize(
    "text",
    [
        b"12,30,40",
        b"12,30,40,50,60",
        b"a,b,c,d",
        b"1,2,0,5",
        b"1,2,3,-5",
        b"nan,1,2,3",
        b"inf,1,2,3",
        b"1e9,1,2,3",
        b"1_0,2,3,4",
        "\u0661,\u0662,\u0663,\u0664".encode(),
    ],
)
def test_what_is_no_rectangle(text: bytes) -> None:
    with pytest.raises(Said, match="BAD_ARGUMENTS: face_rectangle1"):
        rectangles.given(Form({"face_rectangle1": text}), "face_rectangle1")


@pytest.mark.parametrize(
    ("box", "told"),
    [
        (Box(10.4, 20.6, 30.2, 40.1), (21, 10, 31, 40)),
        (Box(-5, -7, 20, 30), (0, 0, 15, 23)),
        (Box(90, 70, 50, 50), (70, 90, 10, 10)),
        (Box(10, 10, 0.1, 0.1), (10, 10, 1, 1)),
        (Box(400, 400, 5, 5), (79, 99, 1, 1)),
        (Box(-50, -50, 5, 5), (0, 0, 1, 1)),
    ],
)
def test_told_in_whole_pixels_of_the_picture(box: Box, told: tuple[int, int, int, int]) -> None:
    photo = Photo.from_pixels(np.zeros((80, 100, 3), np.uint8))
    found = rectangles.told(box, photo)
    assert tuple(found.values()) == told
    assert list(found) == ["top", "left", "width", "height"]
    assert all(type(value) is int for value in found.values())
