from __future__ import annotations

import numpy as np
import pytest
from tests.quality.layouts import face_at, photo, plain

from visavis import geometry
from visavis.quality.aligned import POINTS, SIDE, align_face, transform_of
from visavis.quality.component import FailureToAssess


def test_a_face_in_place_is_cut_as_it_lies() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    aligned = align_face(photo(pixels), face_at())
    assert (aligned.pixels == pixels).all()
    assert aligned.points == pytest.approx(POINTS)
    assert aligned.on_photo is None


def test_where_the_cheeks_lie() -> None:
    left, right = align_face(photo(plain()), face_at()).cheeks
    # By hand, from OFIQ's points less (180, 228): eyes at (71, 44) and (184, 44), mouth at y = 174; squares
    # of 0.3 * 113 = 33.9 pixels that begin half of 130 below the eyes.
    assert left == (slice(109, 142), slice(38, 71))
    assert right == (slice(109, 142), slice(184, 217))


def test_the_middle_is_symmetric_and_ends_at_the_chin() -> None:
    middle = align_face(photo(plain()), face_at()).middle
    rows, columns = np.nonzero(middle)
    assert (rows.min(), rows.max()) == (4, 248)  # 44 - 40, and less than 44 + 205
    assert (columns.min(), columns.max()) == (12, 242)  # centres from 127.5 - 115 to 127.5 + 115
    # By hand: (230 * 40 + pi / 2 * 115 * 205) / 256².
    assert middle.mean() == pytest.approx(0.7054, abs=0.002)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (np.full((5, 2), 50.0), "less than a pixel"),
        (np.full((5, 2), np.nan), "on a picture"),
        (np.full((5, 2), np.inf), "on a picture"),
        (POINTS * 1e300, "on a picture"),
        (POINTS * -1e6, "on a picture"),
        (POINTS * 1e-3, "less than a pixel"),
        (POINTS * (-1, 1), "as on a face"),  # mirrored
        ([(0, 0), (100, 0), (0, 0), (100, 0), (0, 0)], "as on a face"),  # on a line
        ([(0, 0), (9, 0), (900, 10), (-500, 90), (30, -700)], "as on a face"),
    ],
)
def test_points_that_are_no_face(points: object, why: str) -> None:
    with pytest.raises(FailureToAssess, match=why):
        transform_of(face_at(points))


def test_upside_down_is_still_a_face() -> None:
    turned = face_at(SIDE - POINTS)
    assert geometry.apply(transform_of(turned), turned.points) == pytest.approx(POINTS, abs=1e-6)


@pytest.mark.parametrize(("shift", "share"), [(100, 0.65), (120, 0.55)])
def test_a_cut_face_is_measured_where_it_is(shift: int, share: float) -> None:
    aligned = align_face(photo(plain()), face_at(POINTS - (shift, 0)))
    assert aligned.on_photo is not None
    assert aligned.on_photo[0].sum() == SIDE - shift
    whole = align_face(photo(plain()), face_at()).middle.sum()
    assert aligned.middle.sum() / whole == pytest.approx(share, abs=0.05)
    assert (aligned.pixels[aligned.middle] == plain()[0, 0]).all()  # no black from outside
    with pytest.raises(FailureToAssess, match="a cheek lies outside"):
        _ = aligned.cheeks


@pytest.mark.parametrize("shift", [(150, 0), (0, 180), (-150, 0), (5000, 0), (0, -900_000)])
def test_a_face_mostly_outside(shift: tuple[int, int]) -> None:
    with pytest.raises(FailureToAssess, match="less than half"):
        align_face(photo(plain()), face_at(POINTS - shift))


def test_a_cheek_turned_away() -> None:
    narrow = [(120, 44), (140, 44), (160, 108), (120, 174), (140, 174)]
    with pytest.raises(FailureToAssess, match="turned so far"):
        _ = align_face(photo(plain()), face_at(narrow)).cheeks
