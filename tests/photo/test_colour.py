"""Colour profiles, and inks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from tests import pictures
from tests.photo.common import difference
from tests.pictures import encoded, scene

from visavis.photo import Photo

if TYPE_CHECKING:
    from numpy.typing import NDArray


COLOURS = np.array(
    [[255, 255, 255], [200, 120, 90], [90, 140, 200], [128, 128, 128], [60, 90, 50], [0, 0, 0]]
)


def swatches(colours: NDArray[Any]) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(colours.astype(np.uint8)[None], 32, axis=0), 32, axis=1)


@pytest.mark.parametrize(
    ("name", "primaries", "gamma"),
    [
        ("Display P3", pictures.DISPLAY_P3, 2.2),
        ("Adobe RGB", pictures.ADOBE_RGB, 563 / 256),
        ("Flat", pictures.SRGB, 1),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_profile_is_converted_to_srgb(
    kind: str, name: str, primaries: tuple[tuple[float, float], ...], gamma: float
) -> None:
    # Both spaces have the white of D65, so the adaptation to D50 and back cancels out.
    linear = pictures.rgb_to_xyz(primaries) @ ((COLOURS / 255) ** gamma).T
    expected = pictures.srgb_of_linear(np.linalg.solve(pictures.rgb_to_xyz(pictures.SRGB), linear)).T
    fine: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}
    profile = pictures.matrix_profile(name, primaries, gamma)
    read = Photo.open(encoded(kind, swatches(COLOURS), icc_profile=profile, **fine.get(kind, {})))
    # Near black a gamma of 1 has few codes, so the rounding of a JPEG weighs much; others are within 1.
    assert np.abs(read.pixels[16, 16::32] - expected).max() <= (8 if kind == "JPEG" else 1.5)
    assert read.notes == (f"converted from ICC profile '{name}'",)


def test_a_profile_that_is_srgb_already_costs_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    read = Photo.open(encoded("PNG", icc_profile=profile))
    assert read.notes == ()
    assert difference(read.pixels, scene()) == 0


@pytest.mark.parametrize(
    ("profile", "note"),
    [
        (b"no profile at all", "made for another kind of picture"),
        (pictures.display_p3()[:200], "damaged"),
        (pictures.grey_profile(1.0), "made for another kind of picture"),
        (pictures.profile_of(b"RGB ", {}), "damaged"),
    ],
)
def test_a_useless_profile_is_ignored_and_noted(profile: bytes, note: str) -> None:
    read = Photo.open(encoded("PNG", icc_profile=profile))
    assert read.notes == (f"ICC profile ignored: {note}",)
    assert difference(read.pixels, scene()) == 0


def test_the_name_of_a_profile_may_be_anything() -> None:
    profile = pictures.matrix_profile("evil\n\x1b[31m" + "x" * 500, pictures.DISPLAY_P3, 2.2)
    (note,) = Photo.open(encoded("PNG", icc_profile=profile)).notes
    assert note.isprintable()
    assert len(note) < 100


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_grey_picture_with_a_grey_profile(kind: str) -> None:
    data = encoded(kind, np.full((32, 32), 128, np.uint8), icc_profile=pictures.grey_profile(1.0))
    # IEC 61966-2-1: a linear 128 / 255 is 187.5 in sRGB.
    assert np.abs(Photo.open(data).pixels.astype(float) - 187.5).max() <= 1


def test_a_grey_picture_with_an_rgb_profile() -> None:
    data = encoded(
        "JPEG", np.full((32, 32), 128, np.uint8), icc_profile=pictures.matrix_profile("F", pictures.SRGB, 1)
    )
    assert np.abs(Photo.open(data).pixels.astype(float) - 187.5).max() <= 1


INKS = {(0, 0, 0, 0): [255, 255, 255], (255, 0, 0, 0): [0, 255, 255], (0, 0, 255, 0): [255, 255, 0]}


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize(("ink", "expected"), INKS.items())
def test_cmyk_without_a_profile(kind: str, ink: tuple[int, ...], expected: list[int]) -> None:
    # Pillow writes the JPEG inverted and with Adobe's marker, as Photoshop does.
    data = encoded(kind, Image.new("CMYK", (32, 32), ink))
    read = Photo.open(data)
    assert difference(read.pixels, np.broadcast_to(expected, (32, 32, 3))) <= 2
    assert read.notes == ("converted from CMYK without a profile",)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_with_its_profile(kind: str) -> None:
    def lab(ink: tuple[int, int, int, int]) -> tuple[float, float, float]:
        c, m, y, k = ink
        return (0, 0, 0) if k else (100 - 20 * c - 25 * m - 5 * y, -20 * c + 25 * m, -15 * c + 30 * y)

    profile = pictures.ink_profile(lab)
    for ink in ((0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 1, 1, 0), (0, 0, 0, 1)):
        full = tuple(255 * part for part in ink)
        read = Photo.open(encoded(kind, Image.new("CMYK", (32, 32), full), icc_profile=profile))
        assert np.abs(read.pixels - pictures.srgb_of_lab(lab(ink))).max() <= 3
        assert read.notes == ("converted from ICC profile 'Inks'",)
