from __future__ import annotations

import dataclasses
import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.liveness.faces import face_at
from tests.pictures import encoded

from visavis.errors import PackError
from visavis.faces.detect import Detector
from visavis.geometry import Box
from visavis.liveness import passive
from visavis.liveness.passive import Crop, Passive, PassiveDetector, crop_place, cut, unfit
from visavis.packs import runtime
from visavis.packs.install import require
from visavis.packs.runtime import Network
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from visavis.faces.face import Face
    from visavis.verifier import Verifier

# Where the crops lie: upstream's arithmetic by hand


@pytest.mark.parametrize(
    ("box", "scale", "size", "expected"),
    [
        pytest.param(
            # 61 x 2.7 = 164.7 and 81 x 2.7 = 218.7 around (130.5, 120.5): 48.15 to 212.85, 11.15 to 229.85.
            Box(100, 80, 61, 81),
            2.7,
            (640, 480),
            Crop(48, 11, 212, 229, 2.7, shifted=False),
            id="inside",
        ),
        pytest.param(
            # Around (40.5, 45.5): -41.85 to 122.85, -63.85 to 154.85; both moved up to 0.
            Box(10, 5, 61, 81),
            2.7,
            (640, 480),
            Crop(0, 0, 164, 218, 2.7, shifted=True),
            id="over the upper left corner",
        ),
        pytest.param(
            # Around (600.5, 440.5): 518.15 to 682.85, 331.15 to 549.85; moved back to 639 and 479.
            Box(570, 400, 61, 81),
            2.7,
            (640, 480),
            Crop(474, 260, 639, 479, 2.7, shifted=True),
            id="over the lower right corner",
        ),
        pytest.param(
            # 249 / 200 = 1.245 < 4: 75.945 x 249 around (130.5, 120): 92.5275 to 168.4725, -4.5 to 244.5.
            Box(100, 20, 61, 200),
            4.0,
            (250, 250),
            Crop(92, 0, 168, 249, 1.245, shifted=True),
            id="shrunk by the height",
        ),
        pytest.param(
            # 299 / 200 = 1.495 < 2.7: 299 x 149.5 around (150, 200): 0.5 to 299.5, 125.25 to 274.75.
            Box(50, 150, 200, 100),
            2.7,
            (300, 400),
            Crop(0, 125, 299, 274, 1.495, shifted=True),
            id="shrunk by the width",
        ),
        pytest.param(
            # 199 / 400 = 0.4975: 248.75 x 199 around (150, 150): 25.625 to 274.375, 50.5 to 249.5.
            Box(-100, -50, 500, 400),
            2.7,
            (250, 200),
            Crop(0, 0, 249, 199, 0.4975, shifted=True),
            id="a face larger than the picture",
        ),
        pytest.param(
            # 120 x 160 at 1 stays where it is: 10.5 to 130.5, 20.9 to 180.9.
            Box(10.5, 20.9, 120, 160),
            1.0,
            (640, 480),
            Crop(10, 20, 130, 180, 1.0, shifted=False),
            id="truncated, not rounded",
        ),
    ],
)
def test_crops_lie_where_upstream_lays_them(
    box: Box, scale: float, size: tuple[int, int], expected: Crop
) -> None:
    place = crop_place(box, scale, *size)
    assert place.scale == pytest.approx(expected.scale)
    assert dataclasses.replace(place, scale=expected.scale) == expected


def test_a_crop_is_never_outside_its_picture() -> None:
    rng = np.random.default_rng(11)
    for _ in range(3000):
        width, height = (int(side) for side in rng.integers(1, 700, 2))
        x, y = rng.uniform(-1000, 1000, 2)
        sides = 10 ** rng.uniform(-3, 5, 2)
        for scale in passive.SCALES.values():
            place = crop_place(Box(x, y, *sides), scale, width, height)
            assert 0 <= place.left <= place.right < width
            assert 0 <= place.top <= place.bottom < height


# How they are cut


def noise(height: int, width: int, seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_both_ends_of_a_crop_belong_to_it() -> None:
    pixels = noise(200, 300)
    found = cut(pixels, Crop(left=10, top=20, right=89, bottom=99, scale=1, shifted=False))
    assert np.array_equal(found, pixels[20:100, 10:90])


def test_a_crop_is_stretched_to_a_square_from_single_pixels() -> None:
    """Column c of 80 lies at 8 c + 3.5 of 640, row r at 3 r + 1 of 240: halfway, and on a pixel."""
    pixels = noise(240, 640)
    expected = (pixels[1::3, 3::8].astype(float) + pixels[1::3, 4::8]) / 2
    found = cut(pixels, Crop(left=0, top=0, right=639, bottom=239, scale=1, shifted=False))
    assert found.shape == (80, 80, 3)
    assert np.abs(found - expected).max() <= 0.5


# What is made of the networks' numbers


class Toy:
    """Stands for the pack and its networks: the logits say which class, and how red the crop is."""

    fingerprint = "0123456789abcdef"

    def model(self, role: str) -> str:
        return role

    @staticmethod
    def network(role: str, *, threads: int | None, device: str) -> Any:
        def run(crops: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
            assert crops.shape == (1, 80, 80, 3)
            assert crops.dtype == np.uint8
            live = {"pad_close": math.log(2), "pad_wide": math.log(6)}[role]
            return {"logits": np.array([[0, live + crops[..., 0].mean(), 0]], np.float32)}

        return run


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> PassiveDetector:
    monkeypatch.setattr(passive, "require_any", lambda name: Toy())
    monkeypatch.setattr(runtime, "Network", Toy.network)
    return PassiveDetector(threads=1)


BLACK = np.zeros((480, 640, 3), np.uint8)


def test_the_score_is_the_mean_probability_of_a_live_face(toy: PassiveDetector) -> None:
    found = toy.look(Photo.from_pixels(BLACK), face_at(Box(280, 200, 60, 80)))
    # 2 of 1 + 2 + 1 parts, and 6 of 1 + 6 + 1.
    assert found.probabilities == {
        "pad_close": pytest.approx((0.25, 0.5, 0.25)),
        "pad_wide": pytest.approx((0.125, 0.75, 0.125)),
    }
    assert found.score == pytest.approx(0.625)
    assert found.notes == ()
    assert toy.fingerprint == Toy.fingerprint


def test_large_logits_overflow_nothing(toy: PassiveDetector) -> None:
    found = toy.look(Photo.from_pixels(BLACK + 255), face_at(Box(280, 200, 60, 80)))
    assert found.score == pytest.approx(1)


@pytest.mark.parametrize(
    ("box", "notes"),
    [
        (
            Box(10, 200, 60, 80),
            [
                "the close crop was moved to lie inside the photo",
                "the wide crop was moved to lie inside the photo",
            ],
        ),
        (
            Box(270, 170, 100, 140),
            [
                "the wide crop was shrunk from 4.0 to 3.42 times the face",
                "the wide crop was moved to lie inside the photo",
            ],
        ),
        (
            Box(-100, -100, 900, 700),
            [
                "the close crop was shrunk from 2.7 to 0.68 times the face",
                "the close crop was moved to lie inside the photo",
                "the wide crop was shrunk from 4.0 to 0.68 times the face",
                "the wide crop was moved to lie inside the photo",
            ],
        ),
    ],
)
def test_crops_that_would_leave_the_photo_are_noted(box: Box, notes: list[str], toy: PassiveDetector) -> None:
    assert list(toy.look(Photo.from_pixels(BLACK), face_at(box)).notes) == notes


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Box, float, int, int]]:
    """What is asked about the places of crops."""
    asked: list[tuple[Box, float, int, int]] = []

    def noted(box: Box, scale: float, width: int, height: int) -> Crop:
        asked.append((box, scale, width, height))
        return crop_place(box, scale, width, height)

    monkeypatch.setattr(passive, "crop_place", noted)
    return asked


def test_a_photo_is_looked_at_in_full_size(toy: PassiveDetector, places: list[Any]) -> None:
    photo = Photo.open(encoded("JPEG", noise(600, 800)), detail=100)
    assert photo.scale < 0.2
    assert toy.look(photo, face_at(Box(350, 250, 60, 80))).notes == ()
    assert places == [(Box(350, 250, 60, 80), 2.7, 800, 600), (Box(350, 250, 60, 80), 4.0, 800, 600)]


def test_a_photo_too_large_for_full_size_is_noted(
    toy: PassiveDetector, places: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Photo, "finer", lambda self, scale: self)
    photo = Photo.open(encoded("JPEG", noise(600, 800)), detail=400)
    assert photo.scale == 0.5
    found = toy.look(photo, face_at(Box(350, 250, 60, 80)))
    assert places == [(Box(175, 125, 30, 40), 2.7, 400, 300), (Box(175, 125, 30, 40), 4.0, 400, 300)]
    assert found.notes == ("the photo was decoded at less than full size",)


# Faces that nothing can be said about

HOSTILE = {
    "no size": (Box(280, 200, 0, 0), 0, "the face is too small: 0 pixels of the 30 that it takes"),
    "no width": (Box(280, 200, 0, 80), 0, "the face is too small: 0 pixels of the 30 that it takes"),
    "tiny": (Box(280, 200, 1e-300, 1e-300), 0, "the face is too small: 0 pixels of the 30 that it takes"),
    "a pixel short": (Box(280, 200, 29, 40), 0, "the face is too small: 29 pixels of the 30 that it takes"),
    "left of the photo": (Box(-90, 200, 60, 80), 0, "the middle of the face lies outside the photo"),
    "below the photo": (Box(280, 440, 60, 80), 0, "the middle of the face lies outside the photo"),
    "far away": (Box(1e300, -1e300, 60, 80), 0, "the middle of the face lies outside the photo"),
    "at the end of numbers": (
        Box(1.7e308, 0, 1.7e308, 80),
        0,
        "the middle of the face lies outside the photo",
    ),
    "leaning": (Box(280, 200, 60, 80), 31, "the face leans by more than 30 degrees"),
    "leaning the other way": (Box(280, 200, 60, 80), -90, "the face leans by more than 30 degrees"),
}


@pytest.mark.parametrize(("box", "roll", "told"), HOSTILE.values(), ids=HOSTILE.keys())
def test_an_unfit_face_is_told(box: Box, roll: float, told: str, toy: PassiveDetector) -> None:
    photo, face = Photo.from_pixels(BLACK), face_at(box, roll=roll)
    assert unfit(photo, face) == told
    with pytest.raises(ValueError, match=told):
        toy.look(photo, face)


@pytest.mark.parametrize(
    "box",
    [
        Box(280, 200, 30, 40),
        Box(-29, -39, 60, 80),
        Box(609, 439, 60, 80),
        Box(-1e6, -1e6, 2e6 + 600, 2e6 + 400),
        Box(-1e300, -1e300, 2e300, 2e300),
        Box(300, -1e6, 30, 2e6 + 400),
    ],
)
def test_a_strange_but_fit_face_has_a_score(box: Box, toy: PassiveDetector) -> None:
    photo, face = Photo.from_pixels(BLACK), face_at(box)
    assert unfit(photo, face) is None
    assert toy.look(photo, face).score == pytest.approx(0.625)


@pytest.mark.parametrize("roll", [-30, 0, 29])
def test_a_face_may_lean_a_little(roll: float) -> None:
    assert unfit(Photo.from_pixels(BLACK), face_at(Box(280, 200, 60, 80), roll=roll * 0.999)) is None


def test_as_plain_data() -> None:
    found = Passive(0.123456, {"pad_close": (0.25, 0.5000049, 0.2499951)}, ("a note",))
    data = {"score": 0.1235, "probabilities": {"pad_close": [0.25, 0.5, 0.25]}, "notes": ["a note"]}
    assert found.to_dict() == data
    assert json.loads(json.dumps(found.to_dict())) == data


# With the real networks


def test_the_pack_must_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path))
    with pytest.raises(PackError) as caught:
        PassiveDetector()
    assert caught.value.code == "pack.not_installed"


@pytest.fixture(scope="module")
def seen(sface: Verifier, portraits: Mapping[str, bytes]) -> dict[str, tuple[Photo, Face]]:
    """The demo's photographs and the face on each."""
    pack = require("sface")
    finder = Detector(*(Network(pack.model(role), threads=1) for role in ("detector", "landmarks")))
    photos = {name: Photo.open(content) for name, content in portraits.items()}
    return {name: (photo, finder.find(photo).faces[0]) for name, photo in photos.items()}


def on_a_screen(photo: Photo, face: Face) -> tuple[Photo, Face]:
    """The same picture in stripes of red, green and blue, inside a dark frame."""
    pixels = photo.finer(1.0).pixels
    height, width = pixels.shape[:2]
    frame = width // 5
    stripes = np.full((1, width, 3), 0.35)
    for channel in range(3):
        stripes[0, np.arange(width) % 6 // 2 == channel, channel] = 1
    rows = np.where(np.arange(height) % 6 < 5, 1, 0.5)[:, None, None]
    scene = np.full((height + 2 * frame, width + 2 * frame, 3), 10, np.uint8)
    scene[frame:-frame, frame:-frame] = pixels * stripes * rows
    box = face.box
    return Photo.from_pixels(scene), face_at(Box(box.x + frame, box.y + frame, box.width, box.height))


@pytest.mark.parametrize("name", ["obama.jpg", "obama2.jpg", "biden.jpg"])
def test_a_portrait_is_live_and_on_a_screen_it_is_not(
    name: str, seen: Mapping[str, tuple[Photo, Face]], detector: PassiveDetector
) -> None:
    photo, face = seen[name]
    live = detector.look(photo, face).score
    assert live > 0.9
    assert detector.look(*on_a_screen(photo, face)).score < live - 0.4


def test_threads_get_the_same_scores(
    seen: Mapping[str, tuple[Photo, Face]], detector: PassiveDetector
) -> None:
    pairs = list(seen.values()) * 6
    alone = [detector.look(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda pair: detector.look(*pair), pairs)) == alone
