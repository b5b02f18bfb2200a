from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.pictures import encoded, scene

from visavis.faces import detect
from visavis.faces.detect import Detector, central_first, detail_for
from visavis.faces.face import Face
from visavis.geometry import Box
from visavis.packs.install import require
from visavis.packs.runtime import Network
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.geometry import Floats
    from visavis.verifier import Verifier

# Read off the pictures by eye, on a grid laid over them: pupils, tip of the nose, corners of the mouth.
BY_EYE = {
    "obama.jpg": [(445, 213), (546, 212), (495, 270), (443, 322), (550, 320)],
    "obama2.jpg": [(252, 369), (364, 379), (287, 450), (249, 524), (352, 525)],
    "biden.jpg": [(530, 321), (652, 346), (605, 398), (515, 462), (628, 475)],
}


@pytest.fixture(scope="module")
def detector(sface: Verifier) -> Detector:
    pack = require("sface")
    return Detector(Network(pack.model("detector"), threads=1), Network(pack.model("landmarks"), threads=1))


@pytest.fixture(scope="module")
def images(portraits: Mapping[str, bytes]) -> dict[str, Image.Image]:
    return {name: Image.open(io.BytesIO(data)).convert("RGB") for name, data in portraits.items()}


def photo_of(image: Image.Image) -> Photo:
    return Photo.from_pixels(np.asarray(image))


def one(detector: Detector, photo: Photo) -> tuple[Face, int]:
    """The only face, its points placed, and by how much the photo was turned."""
    found = detector.find(photo)
    (face,) = found.faces
    return detector.place(photo.finer(detail_for(face)), face), found.turned


def box_in(face: Face, width: int, height: int) -> Box:
    """A box that holds the five points, and lies with its middle in the picture."""
    low, high = face.points.min(axis=0), face.points.max(axis=0)
    assert face.box.x - 2 <= low[0] <= high[0] <= face.box.x + face.box.width + 2
    assert face.box.y - 2 <= low[1] <= high[1] <= face.box.y + face.box.height + 2
    x, y = face.box.centre
    assert 0 < x < width
    assert 0 < y < height
    return face.box


@pytest.mark.parametrize("name", BY_EYE)
def test_a_portrait(name: str, detector: Detector, portraits: Mapping[str, bytes]) -> None:
    photo = Photo.open(portraits[name])
    face, turned = one(detector, photo)
    assert turned == 0
    assert face.confidence > 0.9
    assert face.disagreement is not None
    assert face.disagreement < 0.2
    assert face.placed_confidence is not None
    assert 0.8 < face.placed_confidence <= 1
    box_in(face, photo.width, photo.height)
    # A tenth of the distance between the eyes; the tip of a nose is a matter of taste.
    off = np.linalg.norm(face.points - BY_EYE[name], axis=1) / face.inter_eye_px
    assert off[[0, 1, 3, 4]].max() < 0.13
    assert off[2] < 0.2


@pytest.mark.parametrize("name", BY_EYE)
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_portrait_on_its_side(
    name: str, degrees: int, detector: Detector, images: Mapping[str, Image.Image]
) -> None:
    upright, _ = one(detector, photo_of(images[name]))
    lying = photo_of(images[name].rotate(-degrees, expand=True))  # Pillow turns counter-clockwise
    face, turned = one(detector, lying)
    assert turned == 360 - degrees, "what turns it upright again"
    assert (face.roll_deg - upright.roll_deg - degrees + 180) % 360 - 180 == pytest.approx(0, abs=5)
    x, y = upright.points.T
    width, height = images[name].size
    places = {90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[degrees]
    off = np.linalg.norm(face.points - np.stack(places, axis=1), axis=1)
    assert off.max() < 0.1 * face.inter_eye_px
    box_in(face, lying.width, lying.height)


@pytest.mark.parametrize("name", ["obama.jpg", "obama2.jpg", "biden.jpg"])
@pytest.mark.parametrize("degrees", [-40, -30, -20, 20, 30, 40])
def test_a_head_held_askew(
    name: str, degrees: int, detector: Detector, images: Mapping[str, Image.Image]
) -> None:
    """The finder draws its points too upright then; they must come out where they are."""
    upright, _ = one(detector, photo_of(images[name]))
    askew = images[name].rotate(-degrees, Image.Resampling.BILINEAR, expand=True)
    face, _ = one(detector, photo_of(askew))
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle, moved = np.array(images[name].size) / 2, np.array(askew.size) / 2
    expected = (upright.points - middle) @ rotation.T + moved
    off = np.linalg.norm(face.points - expected, axis=1) / upright.inter_eye_px
    assert off.max() < 0.2
    assert off.mean() < 0.12


@pytest.mark.parametrize("height", [300, 200, 120])
def test_a_small_face_in_a_corner(height: int, detector: Detector, images: Mapping[str, Image.Image]) -> None:
    small = images["obama.jpg"].resize((round(910 * height / 1137), height), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (1600, 1200), (120, 130, 140))
    left, top = 1600 - small.width, 1200 - height
    canvas.paste(small, (left, top))
    face, turned = one(detector, photo_of(canvas))
    assert turned == 0
    expected = np.array(BY_EYE["obama.jpg"]) * height / 1137 + (left, top)
    assert np.linalg.norm(face.points - expected, axis=1).max() < 0.25 * face.inter_eye_px


@pytest.mark.parametrize(
    ("cut", "times"),
    [
        ((360, 100, 620, 410), 1),
        ((390, 140, 600, 380), 1),
        ((417, 188, 577, 348), 2),  # nothing is found unless it's framed
    ],
)
def test_a_face_that_overfills_the_picture(
    cut: tuple[int, int, int, int], times: int, detector: Detector, images: Mapping[str, Image.Image]
) -> None:
    image = images["obama.jpg"].crop(cut)
    face, turned = one(detector, photo_of(image.resize((times * image.width, times * image.height))))
    assert turned == 0
    expected = (np.array(BY_EYE["obama.jpg"]) - cut[:2]) * times
    assert np.linalg.norm(face.points - expected, axis=1).max() < 0.2 * face.inter_eye_px


def test_two_faces_the_larger_central_one_first(
    detector: Detector, images: Mapping[str, Image.Image]
) -> None:
    canvas = Image.new("RGB", (1000, 600))
    canvas.paste(images["biden.jpg"].crop((250, 0, 900, 758)).resize((300, 350)), (0, 0))
    canvas.paste(images["obama.jpg"].crop((200, 0, 800, 700)).resize((514, 600)), (300, 0))
    found = detector.find(photo_of(canvas))
    assert [300 < face.box.centre[0] < 814 for face in found.faces] == [True, False]


def drawn_face() -> Image.Image:
    """A child's drawing: no detector for people should call it one."""
    image = Image.new("RGB", (400, 400), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((80, 60, 320, 340), outline="black", width=4)
    return image


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (640, 480), "black"),
        Image.new("RGB", (640, 480), "white"),
        Image.fromarray(scene(640, 480)),
        Image.fromarray(scene(3000, 20)),
        Image.fromarray(scene(16, 16)),
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)),
        drawn_face(),
    ],
    ids=["black", "white", "waves", "strip", "tiny", "noise", "drawing"],
)
def test_no_face(image: Image.Image, detector: Detector) -> None:
    found = detector.find(photo_of(image))
    assert (found.faces, found.turned) == ((), 0)


def test_a_large_jpeg_is_looked_at_coarsely_and_placed_finely(
    detector: Detector, images: Mapping[str, Image.Image]
) -> None:
    data = encoded("JPEG", images["obama.jpg"].resize((3640, 4548)), quality=85)
    photo = Photo.open(data)
    assert photo.scale == 0.25
    face, _ = one(detector, photo)
    expected = np.array(BY_EYE["obama.jpg"]) * 4
    assert np.linalg.norm(face.points - expected, axis=1).max() < 0.2 * face.inter_eye_px


# Order and detail


def boxed(x: float, y: float, width: float, height: float) -> Face:
    return Face(Box(x, y, width, height), ((0, 0), (1, 0), (0, 1), (0, 2), (1, 2)), 0.9)


def test_size_and_place_decide_who_comes_first() -> None:
    photo = Photo.from_pixels(np.zeros((400, 400, 3), dtype=np.uint8))
    middle, near, far, tiny = (
        boxed(160, 160, 80, 80),  # 6400
        boxed(160, 200, 80, 80),  # 6400 - 2 * 40² = 3200
        boxed(0, 0, 120, 120),  # 14400 - 2 * (140² + 140²) = -64000
        boxed(190, 190, 20, 20),  # 400
    )
    assert central_first((far, tiny, near, middle), photo) == (middle, near, tiny, far)


@pytest.mark.parametrize(("inter_eye", "detail"), [(10, 1.0), (40, 1.0), (80, 0.5), (400, 0.1)])
def test_large_faces_need_less_detail(inter_eye: float, detail: float) -> None:
    face = Face(Box(0, 0, 1, 1), ((0, 0), (inter_eye, 0), (0, 0), (0, 0), (0, 0)), 0.9)
    assert detail_for(face) == detail


def test_the_place_strays_from_a_wrong_guess_and_says_so(
    detector: Detector, images: Mapping[str, Image.Image]
) -> None:
    """Points beside the face, twice as small: the two networks can't agree, and the finder's points stay."""
    photo = photo_of(images["obama.jpg"])
    (face,) = detector.find(photo).faces
    wrong = moved(face, lambda points, middle: (points - middle) / 2 + middle - (0.9 * face.inter_eye_px, 0))
    placed = detector.place(photo, wrong)
    assert placed.disagreement is not None
    assert placed.disagreement > detect.DOUBTFUL
    assert placed.landmarks == wrong.landmarks
    assert face.placed_confidence is None
    assert placed.placed_confidence is not None
    assert placed.placed_confidence < (detector.place(photo, face).placed_confidence or 0)


def test_points_upside_down_are_put_right(detector: Detector, images: Mapping[str, Image.Image]) -> None:
    photo = photo_of(images["obama.jpg"])
    (face,) = detector.find(photo).faces
    placed = detector.place(photo, moved(face, lambda points, middle: 2 * middle - points))
    assert placed.disagreement is not None
    assert placed.disagreement < detect.SETTLED
    off = np.linalg.norm(placed.points - detector.place(photo, face).points, axis=1)
    assert off.max() < 0.15 * face.inter_eye_px


def moved(face: Face, move: Callable[[Floats, Floats], Floats]) -> Face:
    """The face with its points somewhere else, given where they are and where their middle is."""
    points = move(face.points, face.points.mean(axis=0))
    first, second, third, fourth, fifth = ((float(x), float(y)) for x, y in points)
    return Face(face.box, (first, second, third, fourth, fifth), 0.9)


def test_the_first_look_sees_what_the_search_sees(
    detector: Detector, images: Mapping[str, Image.Image]
) -> None:
    for image in images.values():
        assert detector.first_look(photo_of(image)) == detector.find(photo_of(image))
    assert detector.first_look(photo_of(Image.new("RGB", (640, 480), "grey"))) is None


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_photo_whose_turn_is_known_is_looked_at_that_way_alone(
    turned: int, detector: Detector, images: Mapping[str, Image.Image]
) -> None:
    lying = photo_of(images["obama.jpg"].rotate(turned, expand=True))  # against the clock
    searched, known = detector.find(lying), detector.find(lying, turned=turned)
    assert known.turned == searched.turned == turned
    (face,), (other,) = known.faces, searched.faces
    assert face.box.overlap(other.box) > 0.8  # not the same: the search has gone on to finer pictures
    upright = detector.find(photo_of(images["obama.jpg"])).faces[0]
    assert face.confidence == pytest.approx(upright.confidence, abs=0.01)
    wrong = detector.find(lying, turned=(turned + 180) % 360)
    assert max((face.confidence for face in wrong.faces), default=0) < known.faces[0].confidence
