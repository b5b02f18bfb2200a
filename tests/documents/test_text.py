from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from visavis.documents.text import (
    LINE_HEIGHT,
    WIDTHS,
    LineReader,
    TextFinder,
    Zone,
    find_lines,
    find_zones,
    legibility,
    rectify,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from visavis.geometry import Floats

Segment = tuple[float, float, float, float]


def text_map(
    *segments: Segment, size: tuple[int, int] = (400, 640), thickness: int = 5
) -> NDArray[np.float32]:
    """What the detector gives: strips from x, y to x, y."""
    drawn = np.zeros(size, np.float32)
    for x, y, to_x, to_y in segments:
        cv2.line(drawn, (round(x), round(y)), (round(to_x), round(to_y)), 1.0, thickness)
    return drawn


def turned(segments: Sequence[Segment], degrees: float) -> list[Segment]:
    angle = np.radians(degrees)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))

    def move(x: float, y: float) -> tuple[float, float]:
        return 320 + cos * (x - 320) - sin * (y - 200), 200 + sin * (x - 320) + cos * (y - 200)

    return [(*move(x, y), *move(to_x, to_y)) for x, y, to_x, to_y in segments]


PASSPORT = [(120.0, 190.0, 520.0, 190.0), (120.0, 213.0, 520.0, 213.0)]  # 400 / 23 = 17.4
CARD = [(120.0, float(y), 520.0, float(y)) for y in (180, 203, 226)]
PARAGRAPH = [(40.0, float(y), 600.0, float(y)) for y in range(20, 160, 20)]


# Lines


def test_a_line_is_measured() -> None:
    (line,) = find_lines(text_map((100, 50, 400, 80)))
    assert line.centre == pytest.approx((250.5, 65.5), abs=0.7)
    assert np.degrees(np.arctan2(line.direction[1], line.direction[0])) == pytest.approx(5.71, abs=0.2)
    assert line.length == pytest.approx(301.5 + 5, abs=4)  # with the ends of a pen of 5
    assert line.thickness == pytest.approx(5, abs=2)


@pytest.mark.parametrize(("gap", "lines"), [(0.05, 2), (0.3, 1)])
def test_pieces_of_a_line_are_joined_over_gaps_of_its_length(gap: float, lines: int) -> None:
    drawn = text_map((100, 50, 300, 50), (340, 50, 440, 50))
    assert len(find_lines(drawn, gap)) == lines


def test_what_lies_beside_a_line_isnt_its_continuation() -> None:
    assert len(find_lines(text_map((100, 50, 300, 50), (310, 60, 440, 60)), 1.2)) == 2


def test_blots_are_no_lines() -> None:
    drawn = text_map((100, 50, 130, 50), thickness=25)
    assert find_lines(drawn) == []
    assert find_lines(np.zeros((64, 64), np.float32)) == []


# Zones


@pytest.mark.parametrize("degrees", [0, 20, -35, 90, 160])
@pytest.mark.parametrize(("segments", "count"), [(PASSPORT, 2), (CARD, 3)])
def test_lines_as_the_standard_sets_them_are_a_zone(
    segments: list[Segment], count: int, degrees: float
) -> None:
    zone = find_zones(find_lines(text_map(*turned(segments, degrees))))[0]
    assert len(zone.curves) == count
    assert zone.length == pytest.approx(405, abs=6)
    assert zone.distance == pytest.approx(23, abs=0.8)
    wanted = np.radians(degrees)
    assert abs(zone.direction[0] * np.cos(wanted) + zone.direction[1] * np.sin(wanted)) > 0.9998
    middle = np.mean(
        [[(x + to_x) / 2, (y + to_y) / 2] for x, y, to_x, to_y in turned(segments, degrees)], axis=0
    )
    ends = zone.points(np.array([zone.low, zone.high]), np.arange(count, dtype=float))
    np.testing.assert_allclose(ends.mean(axis=(0, 1)), middle + 0.5, atol=1.5)


@pytest.mark.parametrize(
    "segments",
    [
        [PASSPORT[0]],
        [PASSPORT[0], (120, 205, 520, 205)],  # 400 / 15: too near
        [PASSPORT[0], (120, 250, 520, 250)],  # 400 / 60: too far
        [PASSPORT[0], (120, 213, 300, 213)],  # less than half as long
        [PASSPORT[0], (300, 213, 640, 213)],  # beside one another
        [(120, 150, 520, 150), (120, 190, 520, 240)],  # not parallel
    ],
)
def test_other_lines_are_none(segments: list[Segment]) -> None:
    assert find_zones(find_lines(text_map(*segments))) == []


def test_a_zone_comes_before_the_lines_of_a_paragraph() -> None:
    drawn = text_map(*PARAGRAPH, (120, 250, 520, 250), (120, 273, 520, 273))
    first = find_zones(find_lines(drawn))[0]
    assert first.centre[1] == pytest.approx(262, abs=1)


def test_a_zone_whose_lines_end_together_comes_first() -> None:
    drawn = text_map((150, 167, 480, 167), *PASSPORT)
    first = find_zones(find_lines(drawn))[0]
    assert len(first.curves) == 2
    assert first.centre[1] == pytest.approx(202, abs=1)


def test_a_portrait_says_along_which_lines() -> None:
    upright = [(60.0, 60.0, 60.0, 360.0), (77.0, 60.0, 77.0, 360.0)]
    flat = [(200.0, 300.0, 480.0, 300.0), (200.0, 316.0, 480.0, 316.0)]
    lines = find_lines(text_map(*upright, *flat))
    assert abs(find_zones(lines)[0].direction[1]) > 0.99
    assert abs(find_zones(lines, along=(1.0, 0.0))[0].direction[0]) > 0.99


BENT = Zone((300.0, 200.0), (0.8, 0.6), -100.0, 120.0, ((-10.0, 0.01, 1e-4), (12.0, -0.02, 2e-4)))


def test_points_of_a_zone() -> None:
    """By hand: u = 50 on line 0 lies -10 + 0.5 + 0.25 = -9.25 along the normal (-0.6, 0.8)."""
    points = BENT.points(np.array([0.0, 50.0]), np.array([0.0, 0.5]))
    assert points.shape == (2, 2, 2)
    np.testing.assert_allclose(points[0, 1], (300 + 40 + 5.55, 200 + 30 - 7.4))
    np.testing.assert_allclose(points[1, 0], (300 - 0.6, 200 + 0.8))  # half way from -10 to 12


def test_a_zone_turned_has_the_same_points_in_the_other_order() -> None:
    along, line = np.array([-100.0, 0.0, 120.0]), np.array([0.0, 1.0])
    np.testing.assert_allclose(BENT.turned().points(-along, line), BENT.points(along, line[::-1]))
    assert BENT.turned().turned() == BENT


def test_a_zone_scaled_has_its_points_there() -> None:
    along, line = np.array([-100.0, 0.0, 120.0]), np.array([0.0, 1.0])
    np.testing.assert_allclose(BENT.scaled(2.5).points(along * 2.5, line), BENT.points(along, line) * 2.5)


# Reading


def test_rectified_lines_are_straight_and_of_one_size() -> None:
    """A picture whose red is the place along the bent lines, and whose green the place between them."""
    y, x = np.mgrid[:420, :640] + 0.5
    u = (x - 300) * 0.8 + (y - 200) * 0.6
    v = -(x - 300) * 0.6 + (y - 200) * 0.8
    first, last = -10 + 0.01 * u + 1e-4 * u**2, 12 - 0.02 * u + 2e-4 * u**2
    picture = np.stack([u + 110, 60 + 60 * (v - first) / (last - first), 0 * u], axis=2)
    lines = rectify(picture.clip(0, 255).astype(np.uint8), BENT, 200, margin=0.02)
    assert lines.shape == (2, LINE_HEIGHT, 200, 3)
    for index, line in enumerate(lines):
        rows = line[20:28, :, 1].astype(float)
        np.testing.assert_allclose(rows, 60 + 60 * index, atol=8)  # of 60 from line to line
        np.testing.assert_allclose(line[24, :, 0], BENT.places(np.linspace(-0.02, 1.02, 200)) + 110, atol=2)


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_lines_may_leave_the_picture(factor: float) -> None:
    picture = np.full((30, 40, 3), 200, np.uint8)
    assert (rectify(picture, BENT.scaled(factor), 160, margin=0.02) <= 200).all()


def fake(**outputs: Any) -> Any:
    return lambda pictures: {name: make(pictures) for name, make in outputs.items()}


def test_the_finder_answers_in_pixels_of_the_picture_it_was_given() -> None:
    seen = []

    def text(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen.append(pictures.shape)
        return text_map(*PASSPORT, size=(416, 640))[None, None]

    finder = TextFinder(fake(text=text))
    looks = list(finder.zones(np.zeros((800, 1280, 3), np.uint8), 640))
    assert seen == [(1, 416, 640, 3)]  # filled up to a multiple of 32
    (zone,) = [zone for look in looks for zone in look]  # and not once for each look
    assert zone.length == pytest.approx(810, abs=12)
    assert zone.centre == pytest.approx((641, 404), abs=3)


def probabilities(steps: int, read: float, sure: float = 1.0) -> NDArray[np.float32]:
    """The first part of the steps read as A with that certainty, the rest as blank."""
    made = np.zeros((steps, 38), np.float32)
    made[: round(read * steps), 1] = sure
    made[: round(read * steps), 0] = 1 - sure
    made[round(read * steps) :, 0] = 1
    return made


def test_legibility_is_the_share_of_what_is_read_times_its_certainty() -> None:
    assert legibility([probabilities(100, 0.5), probabilities(100, 0.3)]) == pytest.approx(0.4)
    assert legibility([probabilities(100, 0.5, 0.8)]) == pytest.approx(0.4)
    assert legibility([probabilities(100, 0.0)]) == 0


@pytest.mark.parametrize("count", [2, 3])
def test_the_reader_reads_all_lines_at_once(count: int) -> None:
    shapes = []

    def characters(lines: NDArray[np.uint8]) -> NDArray[np.float32]:
        shapes.append(lines.shape)
        return np.stack([probabilities(lines.shape[2] // 8, 0.5)] * len(lines))

    zone = Zone((300.0, 200.0), (1.0, 0.0), -200.0, 200.0, tuple((23.0 * i, 0.0, 0.0) for i in range(count)))
    lines = LineReader(fake(characters=characters))(np.zeros((400, 640, 3), np.uint8), zone)
    assert shapes == [(count, LINE_HEIGHT, WIDTHS[count], 3)]
    assert [line.shape for line in lines] == [(WIDTHS[count] // 8, 38)] * count


def test_a_glance_goes_by_the_less_legible_of_two_lines_and_by_the_second_of_three() -> None:
    def characters(lines: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack([probabilities(20, float(line.mean()) / 255) for line in lines])

    picture = np.zeros((400, 640, 3), np.uint8)
    picture[150:200], picture[200:250], picture[250:] = 51, 153, 204  # 0.2, 0.6, 0.8
    places = ((175, 225, 275), (175, 225), (225, 275))
    zones = [
        Zone((300.0, 0.0), (1.0, 0.0), -200.0, 200.0, tuple((float(y), 0.0, 0.0) for y in ys))
        for ys in places
    ]
    scores = LineReader(fake(characters=characters)).glance(picture, zones)
    assert scores == pytest.approx([0.6, 0.2, 0.6], abs=0.03)


def test_characters_of_one_pitch_keep_it_whichever_way_the_camera_looks() -> None:
    """Two lines of 44 characters through a camera that sees the page from its side."""
    camera = np.array([[9.0, 0.4, 60.0], [-0.3, 8.0, 400.0], [0.004, 0.0, 1.0]])

    def seen(x: Floats, y: float) -> Floats:
        points = np.stack([x, np.full_like(x, y), np.ones_like(x)]) * 1.0
        moved = camera @ points
        return np.asarray((moved[:2] / moved[2]).T)

    upper, lower = (seen(np.linspace(0, 112, 45), y) for y in (0.0, 6.35))
    middle = (upper[0] + upper[-1] + lower[0] + lower[-1]) / 4
    direction = upper[-1] - upper[0] + lower[-1] - lower[0]
    direction /= np.linalg.norm(direction)
    normal = np.array([-direction[1], direction[0]])
    along = [(line - middle) @ direction for line in (upper, lower)]
    curves = tuple(
        (float(c0), float(c1), 0.0)
        for c1, c0 in (
            np.polyfit(u, (line - middle) @ normal, 1) for u, line in zip(along, (upper, lower), strict=True)
        )
    )
    x, y, right, down = (float(each) for each in (*middle, *direction))
    low, high = (float(np.mean([u[index] for u in along])) for index in (0, -1))
    zone = Zone((x, y), (right, down), low, high, curves)
    pitch = zone.length / 44
    expected = np.mean(along, axis=0)
    straight = np.abs(np.linspace(low, high, 45) - expected).max() / pitch
    assert straight > 2  # what a constant pitch would be off, in characters
    assert np.abs(zone.places(np.linspace(0, 1, 45)) - expected).max() / pitch < 0.2


@pytest.mark.parametrize("lean", [0.8, -0.8])
def test_lines_that_stand_upright_lean_to_either_side(lean: float) -> None:
    """A page turned by a quarter, whose lines perspective lets lean apart: one zone, as long as its lines."""
    aside = 150 * np.tan(np.radians(lean))
    text = text_map((100 - aside, 50, 100 + aside, 350), (118 + aside, 50, 118 - aside, 350))
    zone = find_zones(find_lines(text))[0]
    assert zone.length == pytest.approx(300, abs=8)
    assert abs(zone.distance) == pytest.approx(18, abs=2)
