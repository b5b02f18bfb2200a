from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.pictures import scene

from visavis.documents import camera
from visavis.documents.camera import SEVERITIES, photograph
from visavis.errors import DocumentError
from visavis.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.geometry import Floats

    Pixels = NDArray[np.uint8]

SMALL = 640, 360
WIDTH, HEIGHT = 500, 352


def page() -> Pixels:
    """Print-like: fine dark strokes on light paper, and a plain patch at the right."""
    drawn = np.full((HEIGHT, WIDTH, 3), 225, np.uint8)
    drawn[40:320:8, 20:300] = 30
    drawn[40:320, 20:300:10] = 30
    return drawn


def inside(points: Floats, polygon: Floats) -> NDArray[np.bool_]:
    """Which points lie in a convex polygon whose corners go clockwise (y down)."""
    x, y = points[..., 0], points[..., 1]
    sides = zip(polygon, np.roll(polygon, -1, axis=0), strict=True)
    turns = [(b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) for a, b in sides]
    within: NDArray[np.bool_] = np.array(turns).min(axis=0) >= 0
    return within


def grid(size: tuple[int, int]) -> Floats:
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    return np.stack([x, y], axis=-1)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_taken_by_its_seed(severity: int) -> None:
    first, again, other = (photograph(page(), severity=severity, seed=seed, size=SMALL) for seed in (8, 8, 9))
    assert first.jpeg == again.jpeg
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.homography, again.homography)
    assert not np.array_equal(first.pixels, other.pixels)
    assert not np.allclose(first.corners, other.corners)
    with Image.open(io.BytesIO(first.jpeg)) as file:
        assert file.format == "JPEG"
        assert np.array_equal(np.asarray(file), first.pixels)


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), SMALL, (400, 400)])
def test_sizes(size: tuple[int, int]) -> None:
    shot = photograph(scene(600, 420), severity=2, seed=1, size=size)
    assert shot.pixels.shape == (size[1], size[0], 3)
    assert shot.pixels.dtype == np.uint8


@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_page_fills_the_frame_as_the_table_says(severity: int) -> None:
    how = SEVERITIES[severity]
    for seed in range(60):
        homography = camera._pose(WIDTH, HEIGHT, (1920, 1080), how, np.random.default_rng(seed))
        corners = camera._moved(homography, camera._outline(WIDTH, HEIGHT))
        assert (corners >= 0).all()
        assert (corners <= (1920, 1080)).all()
        filled = (np.ptp(corners, axis=0) / (1920, 1080)).max()
        assert how.filled[0] - 1e-9 <= filled <= how.filled[1] + 1e-9
        # The page is never seen from behind: its corners go clockwise.
        x, y = corners.T
        assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() > 0


def test_turns_and_tilts_grow() -> None:
    def of(severity: int) -> tuple[float, float]:
        turns, skews = [], []
        for seed in range(80):
            homography = camera._pose(
                WIDTH, HEIGHT, (1920, 1080), SEVERITIES[severity], np.random.default_rng(seed)
            )
            a, b, c, d = camera._moved(homography, camera._outline(WIDTH, HEIGHT))
            turns.append(abs(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0]))))
            skews.append(abs(np.log(np.linalg.norm(b - a) / np.linalg.norm(c - d))))
        return float(np.mean(turns)), float(np.mean(skews))

    (turn_1, skew_1), (turn_2, skew_2), (turn_3, skew_3) = (of(severity) for severity in (1, 2, 3))
    assert turn_1 < turn_2 < turn_3
    assert skew_1 < skew_2 < skew_3
    assert turn_1 < 5


@pytest.mark.parametrize("severity", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_the_homography_brings_the_page_onto_the_photo(severity: int, seed: int) -> None:
    """Green dots at known places of the page are found on the photo by their colour, where they should be."""
    drawn = np.full((704, 1000, 3), 235, np.uint8)
    known = np.array([(150, 120), (850, 140), (500, 350), (180, 580), (830, 560)], dtype=float)
    for x, y in known.astype(int):
        rows, columns = np.ogrid[:704, :1000]
        drawn[np.hypot(columns + 0.5 - x, rows + 0.5 - y) < 22] = (0, 120, 0)
    shot = photograph(drawn, severity=severity, seed=seed, spared=[Box(100, 80, 800, 540)])
    assert shot.corners == pytest.approx(
        shot.place(np.array([(0, 0), (1000, 0), (1000, 704), (0, 704)], dtype=float))
    )
    for point, expected in zip(known, shot.place(known), strict=True):
        left, top = (int(value) - 40 for value in expected)
        part = shot.pixels[top : top + 80, left : left + 80].astype(float)
        weight = np.clip(part[..., 1] - part[..., 0] - 20, 0, None)  # green has no red
        assert weight.sum() > 0, point
        y, x = np.mgrid[:80, :80] + 0.5
        found = np.array([left + (weight * x).sum() / weight.sum(), top + (weight * y).sum() / weight.sum()])
        assert np.linalg.norm(found - expected) < 1.5, point


# Severities


def test_photographs_get_worse() -> None:
    """Sharpness of an edge, noise on a plain patch, and the file's size: medians of twelve photographs."""
    measured = {}
    step = np.full((352, 500, 3), 225, np.uint8)
    step[:, :250] = 40
    for severity in SEVERITIES:
        sharp, noise, size = [], [], []
        for seed in range(12):
            shot = photograph(step, severity=severity, seed=seed, size=(960, 540))
            grey = shot.pixels.mean(axis=-1)
            [[x, y]] = shot.place(np.array([[250.0, 176.0]]))
            across = grey[int(y) - 20 : int(y) + 20, int(x) - 30 : int(x) + 30]
            slope = np.hypot(*np.gradient(across)).max() / max(np.ptp(across), 1)
            [[x, y]] = shot.place(np.array([[400.0, 176.0]]))
            flat = grey[int(y) - 15 : int(y) + 15, int(x) - 15 : int(x) + 15]
            sharp.append(slope)
            # Second differences along rows: a slope of light has none. Variance 6 of white noise.
            noise.append(np.diff(flat, 2, axis=1).std() / np.sqrt(6))
            size.append(len(shot.jpeg))
        measured[severity] = [float(np.median(each)) for each in (sharp, noise, size)]
    for better, worse in ((1, 2), (2, 3)):
        assert measured[better][0] > measured[worse][0]
        assert measured[better][2] > measured[worse][2]
    # The strongest compression smooths noise away, so that it is compared before the file.
    assert measured[1][1] < measured[2][1]


def test_noise_and_light_before_the_file() -> None:
    light = np.full((200, 300, 3), 0.2, np.float32)
    spreads = {
        severity: [camera._noisy(light, how, np.random.default_rng(seed)).std() for seed in range(10)]
        for severity, how in SEVERITIES.items()
    }
    for severity, how in SEVERITIES.items():
        low, high = how.noise
        assert low * 0.75 < min(spreads[severity])
        assert max(spreads[severity]) < high * 1.25
    assert max(spreads[1]) < min(spreads[3])


def test_the_table_grows_down_the_line() -> None:
    for name in ("turn", "quarters", "tilt", "edged", "glare", "glare_on_spared", "finger", "white_balance"):
        values = [getattr(SEVERITIES[severity], name) for severity in (1, 2, 3)]
        assert values == sorted(values)
        assert values[0] < values[2], name
    for name in ("shadow", "edge", "glare_strength", "glare_radius", "defocus", "motion", "noise"):
        lows, highs = zip(*(getattr(SEVERITIES[severity], name) for severity in (1, 2, 3)), strict=True)
        assert list(lows) == sorted(lows)
        assert list(highs) == sorted(highs)
    documented = camera.__doc__ or ""
    for severity in SEVERITIES.values():
        low, high = severity.quality
        assert f"{low} to {high}" in documented


# What keeps off what must be read


@pytest.mark.parametrize("severity", SEVERITIES)
def test_glare_keeps_off_what_must_be_read(severity: int) -> None:
    how = SEVERITIES[severity]
    corners = np.array([(120, 50), (520, 60), (510, 320), (110, 310)], dtype=float)
    part = np.array([(130, 240), (500, 245), (498, 300), (128, 295)], dtype=float)
    within = inside(grid(SMALL), part)
    assert 10_000 < within.sum() < 25_000
    strongest, seen = 0.0, 0
    for seed in range(60):
        light = camera._glare(SMALL, corners, [part], how, np.random.default_rng(seed))
        assert light.max() <= how.glare_strength[1] + 1e-6
        seen += bool(light.max() > 0)
        strongest = max(strongest, float(light[within].max()))
    assert how.glare * 60 * 0.5 < seen < how.glare * 60 * 1.5
    assert strongest <= how.glare_on_spared * 1.1
    if severity == 3:
        assert strongest > 0.3


@pytest.mark.parametrize("severity", [2, 3])
def test_fingers_keep_off_what_must_be_read(severity: int) -> None:
    how = SEVERITIES[severity]
    corners = np.array([(120, 50), (520, 60), (510, 320), (110, 310)], dtype=float)
    parts = [
        np.array([(130, 240), (500, 245), (498, 300), (128, 295)], dtype=float),
        np.array([(135, 90), (240, 92), (238, 220), (133, 218)], dtype=float),
    ]
    on_page = inside(grid(SMALL), corners)
    within = [inside(grid(SMALL), part) for part in parts]
    touched = 0
    for seed in range(40):
        light = np.ones((SMALL[1], SMALL[0], 3), np.float32)
        camera._finger(light, corners, parts, how, np.random.default_rng(seed))
        hidden = light.min(axis=-1) < 0.45  # its own shadow takes at most half of the light
        touched += bool(hidden[on_page].sum() > 50)
        for part in within:
            assert hidden[part].mean() <= how.finger_on_spared + 0.01
    assert touched > 20


def test_a_careful_user_has_no_finger_in_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    fingers = []
    monkeypatch.setattr(camera, "_draw_finger", lambda *_: fingers.append(1))
    for seed in range(20):
        photograph(page(), severity=1, seed=seed, size=SMALL)
    assert fingers == []
    for seed in range(20):
        photograph(page(), severity=3, seed=seed, size=SMALL)
    assert 4 <= len(fingers) <= 16


def test_every_background_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("_wood", "_cloth", "_desk", "_paper", "_clutter")
    pictures = [getattr(camera, kind)(320, 200, np.random.default_rng(1)) for kind in kinds]
    for picture in pictures:
        assert picture.shape == (200, 320, 3)
        assert 0 <= picture.min() <= picture.max() <= 255
    met = {camera._background(320, 200, np.random.default_rng(seed)).tobytes()[:64] for seed in range(30)}
    assert len(met) == 30


# Hostile


@pytest.mark.parametrize("severity", [0, 4, -1, 1.5, "1", None])
def test_no_such_severity(severity: Any) -> None:
    with pytest.raises(DocumentError) as caught:
        photograph(page(), severity=severity, seed=1)
    assert caught.value.code == "specimen.severity"


@pytest.mark.parametrize("size", [(0, 0), (-1, 500), (239, 500), (500, 8193), (10**9, 10**9)])
def test_no_such_size(size: tuple[int, int]) -> None:
    with pytest.raises(DocumentError) as caught:
        photograph(page(), severity=1, seed=1, size=size)
    assert caught.value.code == "specimen.size"


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((15, 300, 3), np.uint8),
        np.zeros((300, 300), np.uint8),
        np.zeros((300, 300, 4), np.uint8),
        np.zeros((300, 300, 3), np.float32),
    ],
    ids=lambda each: f"{each.shape} {each.dtype}",
)
def test_no_page(pixels: NDArray[Any]) -> None:
    with pytest.raises(DocumentError) as caught:
        photograph(pixels, severity=1, seed=1)
    assert caught.value.code == "specimen.page"


def test_a_tiny_and_a_narrow_page() -> None:
    for shape in ((16, 16, 3), (16, 2000, 3), (2000, 16, 3)):
        shot = photograph(np.full(shape, 200, np.uint8), severity=3, seed=3, size=SMALL)
        assert np.isfinite(shot.corners).all()
