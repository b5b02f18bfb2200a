from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.pictures import encoded, scene

from visavis import geometry
from visavis.faces.align import CHIP_POINTS, CHIP_SIDE, align, inside, warp
from visavis.faces.face import Face
from visavis.geometry import Box
from visavis.packs.catalogue import View
from visavis.photo import Photo

if TYPE_CHECKING:
    from numpy.typing import NDArray

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


def shifted(x: float, y: float, scale: float = 1.0) -> NDArray[np.float64]:
    return np.array([[scale, 0, x], [0, scale, y]])


def ramp(width: int = 100, height: int = 80) -> NDArray[np.uint8]:
    """Red runs with x, green with y: a pixel's value is where it lies."""
    y, x = np.mgrid[:height, :width]
    return np.stack([2 * x, 2 * y, np.full_like(x, 50)], -1).astype(np.uint8)


def photo(pixels: NDArray[np.uint8]) -> Photo:
    return Photo.from_pixels(pixels)


def face_at(points: NDArray[Any]) -> Face:
    first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
    return Face(Box(0, 0, 1, 1), (first, second, third, fourth, fifth), 0.9)


# Warping


def test_the_identity_changes_no_pixel() -> None:
    pixels = scene(100, 80)
    assert (warp(photo(pixels), IDENTITY, 80) == pixels[:, :80]).all()


def test_a_whole_shift_moves_pixels() -> None:
    pixels = scene(100, 80)
    assert (warp(photo(pixels), shifted(-7, -11), 60) == pixels[11:71, 7:67]).all()


def test_half_a_pixel_averages_neighbours() -> None:
    cut = warp(photo(ramp()), shifted(-10.5, -20), 40)
    # Pixel i shows the place 10.5 + i: half of pixel 10 + i and half of pixel 11 + i.
    assert (cut[..., 0] == 2 * np.arange(40) + 21).all()
    assert (cut[..., 1] == 2 * np.arange(40)[:, None] + 40).all()


def test_enlarging_keeps_corners_and_centres_in_place() -> None:
    cut = warp(photo(ramp()), shifted(-40, -40, 2), 40).astype(int)
    # The middle of target pixel i lies at (i + 0.5 + 40) / 2 in the picture, where the ramp is 2 x - 1.
    expected = np.arange(40) + 40.5 - 1
    assert np.abs(cut[..., 0] - expected).max() <= 0.51
    assert np.abs(cut[..., 1] - expected[:, None]).max() <= 0.51


@pytest.mark.parametrize("scale", [1 / 2, 1 / 2.5, 1 / 3, 1 / 3.7])
def test_shrinking_keeps_every_place_where_it_belongs(scale: float) -> None:
    cut = warp(photo(ramp(120, 120)), shifted(0, 0, scale), 30).astype(float)[3:-3, 3:-3]
    expected = 2 * ((np.arange(3, 27) + 0.5) / scale - 0.5)
    for values, right in ((cut[..., 0], expected[None]), (cut[..., 1], expected[:, None])):
        assert np.abs(values - right).max() < 1  # half a pixel of the photo
        assert abs((values - right).mean()) < 0.25  # an eighth of one


@pytest.mark.parametrize("cell", [1, 2])
@pytest.mark.parametrize("scale", [1 / 4, 1 / 5.3, 1 / 8])
def test_shrinking_averages_and_never_picks(cell: int, scale: float) -> None:
    y, x = np.mgrid[:800, :800] // cell
    board = np.repeat(((x + y) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    cut = warp(photo(board), shifted(3, 5, scale), 90).astype(int)[10:80, 10:80]
    assert abs(cut.mean() - 127.5) < 1.5
    assert cut.std() < 26  # picked pixels would be black or white: 127


def test_outside_the_photo_is_black() -> None:
    cut = warp(photo(np.full((50, 50, 3), 200, np.uint8)), shifted(20, 30), 80)
    assert (cut[30:80, 20:70] == 200).all()
    assert (cut[:29] == 0).all()
    assert (cut[:, :19] == 0).all()
    assert (cut[:, 71:] == 0).all()


def test_a_place_wholly_outside() -> None:
    assert (warp(photo(scene(50, 50)), shifted(-5000, 9000), 40) == 0).all()


def test_a_turn() -> None:
    pixels = ramp(80, 80)
    quarter = np.array([[0.0, -1, 80], [1, 0, 0]])  # clockwise, about the corner, and back into the picture
    assert (warp(photo(pixels), quarter, 80) == np.rot90(pixels, -1)).all()


def test_a_photo_decoded_coarsely_gives_the_same_place() -> None:
    data = encoded("JPEG", scene(960, 720, grain=0), quality=98)
    transform = shifted(-40, -30, 0.2)
    fine = warp(Photo.open(data, detail=None), transform, 112).astype(int)
    coarse = Photo.open(data, detail=480)
    assert coarse.scale == 0.5
    cut = warp(coarse, transform, 112).astype(int)
    assert np.abs(fine - cut).max() <= 3
    off = warp(coarse, shifted(-39, -30, 0.2), 112).astype(int)  # one pixel of the target: seen at once
    assert np.abs(fine - off).max() > 8


# Aligning


@pytest.mark.parametrize("degrees", [0, 20, 90, 180, -75])
@pytest.mark.parametrize("size", [0.5, 1, 3])
def test_the_points_of_a_face_land_where_the_recogniser_wants_them(degrees: float, size: float) -> None:
    turn = size * np.exp(1j * np.radians(degrees))
    to_photo = np.array([[turn.real, -turn.imag, 250], [turn.imag, turn.real, 250]])
    places = geometry.apply(to_photo, CHIP_POINTS - CHIP_SIDE / 2)
    pixels = np.zeros((500, 500, 3), dtype=np.uint8)
    y, x = np.mgrid[:500, :500] + 0.5
    for number, (px, py) in enumerate(places):  # soft spots, whose centres of mass know parts of a pixel
        spot = 250 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * (2.5 * size) ** 2))
        pixels[..., number % 3] += spot.round().astype(np.uint8)
    (chip,) = align(photo(pixels), face_at(places), [View()])
    y, x = np.mgrid[:CHIP_SIDE, :CHIP_SIDE] + 0.5
    for number, (px, py) in enumerate(CHIP_POINTS):
        around = np.hypot(x - px, y - py) < 10
        weight = chip[..., number % 3].astype(float) * around
        centre = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
        assert centre == pytest.approx((px, py), abs=0.15), number


def test_each_view_is_cut_as_it_says() -> None:
    pixels = scene(112, 112, grain=0)
    face = face_at(CHIP_POINTS)
    plain, mirrored, larger, smaller = align(
        photo(pixels), face, [View(), View(mirrored=True), View(2.0), View(0.5)]
    )
    assert (plain == pixels).all()
    assert (mirrored == pixels[:, ::-1]).all()
    # Twice as large about the middle: target pixel (56 + 2 k) shows the place 56 + k.
    assert np.abs(larger[1::2, 1::2].astype(int) - pixels[28:84, 28:84]).max() <= 12
    assert (larger == warp(photo(pixels), shifted(-56, -56, 2), 112)).all()
    assert (smaller[:26] == 0).all()
    assert (smaller[:, :26] == 0).all()
    assert smaller[28:84, 28:84].min() > 0


def test_chips_are_what_the_networks_take() -> None:
    chips = align(photo(scene(300, 200)), face_at(CHIP_POINTS), [View(), View(1.1)])
    assert chips.shape == (2, 112, 112, 3)
    assert chips.dtype == np.uint8


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        ((0, 0), 1.0),
        ((-CHIP_SIDE / 2, 0), 0.5),  # the left half of the chip lies beyond the border
        ((0, CHIP_SIDE / 4), 0.75),
        ((-CHIP_SIDE / 2, -CHIP_SIDE / 2), 0.25),
        ((2 * CHIP_SIDE, 0), 0.0),
    ],
)
def test_how_much_of_a_face_lies_on_the_photo(shift: tuple[float, float], expected: float) -> None:
    whole = photo(np.zeros((CHIP_SIDE, CHIP_SIDE, 3), dtype=np.uint8))
    assert inside(whole, face_at(CHIP_POINTS + shift)) == pytest.approx(expected, abs=1e-9)
