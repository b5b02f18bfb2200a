from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.documents.mrz.layout import ALPHABET
from visavis.documents.ocr_b import GLYPHS, PITCH, ink

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE = 254.0  # pixels from character to character: a pixel is a hundredth of a mm
DIGITS = "0123456789"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def extent(character: str) -> tuple[int, int, int, int]:
    """Left, right, upper and lower edge of what is dark, in hundredths of a mm."""
    rows, columns = np.nonzero(ink(character, FINE) > 127)
    return columns.min(), columns.max() + 1, rows.min(), rows.max() + 1


def test_all_characters_of_the_zone_and_no_other() -> None:
    assert "".join(sorted(GLYPHS)) == "".join(sorted(ALPHABET))


@pytest.mark.parametrize("character", GLYPHS)
def test_proportions(character: str) -> None:
    """Size I is 10 characters an inch; capitals are printed about 2.55 mm high, digits 2.75 mm."""
    left, right, top, bottom = extent(character)
    high = bottom - top
    if character in CAPITALS:
        assert high == pytest.approx(255, abs=3)
    elif character in DIGITS:
        assert high == pytest.approx(275, abs=3)
    else:
        assert 150 < high < 255
    assert 110 < right - left < 215
    assert left >= 20  # neighbours lie 0.4 mm apart or more
    assert right <= 254 - 20
    assert (left + right) / 2 == pytest.approx(127, abs=14)


def test_characters_stand_on_one_base() -> None:
    lowest = [extent(character)[3] for character in CAPITALS + DIGITS]
    assert max(lowest) - min(lowest) <= 2
    _, _, top, bottom = extent("<")
    assert (top + bottom) / 2 == pytest.approx(sum(extent("H")[2:]) / 2, abs=2)  # amid the capitals


@pytest.mark.parametrize("character", ["I", "L", "T", "Y", "1"])
def test_strokes_are_as_wide_as_the_standard_has_them(character: str) -> None:
    """0.35 mm, across the upright stem."""
    dark = ink(character, FINE) > 127
    assert dark[200].sum() == pytest.approx(35, abs=1)


@pytest.mark.parametrize("character", ["T", "Y", "4"])
def test_strokes_end_round(character: str) -> None:
    """0.05 mm above its end a tip of 0.35 mm is 2 sqrt(0.175^2 - 0.125^2) = 0.245 mm wide."""
    dark = ink(character, FINE) > 127
    assert dark[extent(character)[3] - 5].sum() == pytest.approx(24.5, abs=2)


def test_every_character_takes_the_same_room() -> None:
    line = ink("W<I0", FINE)
    for place, character in enumerate("W<I0"):
        alone = ink(character, FINE)[:, :254]
        assert np.array_equal(line[:, place * 254 : (place + 1) * 254], alone)


@pytest.mark.parametrize("pitch", [11, 20.32, 30.48, 71.7])
def test_any_pitch(pitch: float) -> None:
    for character in ALPHABET:
        drawn, fine = ink(character, pitch), ink(character, FINE)
        assert drawn.sum() / pitch**2 == pytest.approx(fine.sum() / FINE**2, rel=0.1)
        assert drawn.max() > 200


@pytest.mark.parametrize("shift", [(0.25, 0.5), (0.9, 0.1), (1.0, 1.0)])
def test_a_shift_moves_the_ink_by_parts_of_a_pixel(shift: tuple[float, float]) -> None:
    for character in "A8<":
        before, after = ink(character, 30.48), ink(character, 30.48, shift)
        assert np.subtract(middle(after), middle(before)) == pytest.approx(shift, abs=0.05)


def middle(drawn: NDArray[np.uint8]) -> tuple[float, float]:
    """x and y of the centre of gravity of the ink."""
    y, x = np.indices(drawn.shape)
    return float((x * drawn).sum() / drawn.sum()), float((y * drawn).sum() / drawn.sum())


def test_no_two_characters_look_alike() -> None:
    """At 12 pixels a mm, however one is laid on the other, a twelfth of the ink of both differs."""
    pitch = 12 * PITCH
    drawn = {character: np.pad(ink(character, pitch).astype(float), 3) for character in ALPHABET}
    nearest = {}
    for first, second in itertools.combinations(ALPHABET, 2):
        a, b = drawn[first], drawn[second]
        shifted = [np.roll(b, (y, x), (0, 1)) for y in (-2, -1, 0, 1, 2) for x in (-2, -1, 0, 1, 2)]
        nearest[first + second] = min(abs(a - each).sum() for each in shifted) / (a.sum() + b.sum())
    assert min(nearest.values()) > 1 / 12, min(nearest, key=lambda pair: nearest[pair])
