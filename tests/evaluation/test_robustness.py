from __future__ import annotations

import io
import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PIL import Image

from visavis.decision.verdict import Evidence
from visavis.evaluation.acquire import POLICY
from visavis.evaluation.robustness import (
    AS_THEY_ARE,
    CONDITIONS,
    blurred,
    compressed,
    grey,
    robustness,
    smaller,
    tilted,
)
from visavis.evaluation.truth import Pairs, Truth
from visavis.examiner import Examined, Examiner
from visavis.faces.face import Face
from visavis.faces.recognise import Template
from visavis.geometry import Box
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from visavis.evaluation.result import Robustness, RobustnessTable
    from visavis.photo import PhotoSource
    from visavis.verifier import Verifier

POINTS = np.array([(80.0, 80), (120, 80), (100, 100), (85, 120), (115, 120)])  # eyes 40 px apart


def flat(value: int | Sequence[int], width: int = 200, height: int = 200) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, dtype=np.uint8)


# The ways to make a picture worse


def test_shrinking_averages_areas() -> None:
    pixels = flat(0)
    pixels[::2, ::2] = 200  # one of the four pixels that become one
    half = smaller(pixels, POINTS, inter_eye=20)
    assert half is not None
    assert half.shape == (100, 100, 3)
    assert (half == 50).all()


@pytest.mark.parametrize(("inter_eye", "side"), [(40, 200), (30, 150), (15, 75), (10, 50)])
def test_shrinking_brings_the_eyes_where_they_should_be(inter_eye: float, side: int) -> None:
    found = smaller(flat(7), POINTS, inter_eye=inter_eye)
    assert found is not None
    assert found.shape == (side, side, 3)


def test_a_picture_is_never_enlarged() -> None:
    assert smaller(flat(7), POINTS, inter_eye=40.5) is None


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_the_blur_is_as_wide_as_it_says(share: float) -> None:
    """An edge becomes the normal distribution's integral; eyes 200 px apart."""
    pixels = flat(0, 400, 400)
    pixels[:, 200:] = 255
    profile = blurred(pixels, POINTS * 5, share=share)[200, :, 0] / 255
    normal = NormalDist(199.5, share * 200)  # the edge lies between two pixels' centres
    expected = [normal.cdf(x) for x in range(400)]
    assert np.abs(profile - expected).max() < 0.005  # rounding takes 0.002, the cut at 3 s 0.0013


@pytest.mark.parametrize(("quality", "first"), [(50, 16), (30, 27), (10, 80)])
def test_the_quality_is_on_the_scale_of_libjpeg(quality: int, first: int) -> None:
    """The first step for brightness is 16 in the standard's table K.1; libjpeg takes it times 5000 / quality
    per cent below 50."""
    data = compressed(flat(90), POINTS, quality=quality)
    with Image.open(io.BytesIO(data)) as picture:
        tables = cast("Any", picture).quantization
        assert tables[0][0] == first
        assert cast("Any", picture).layer[0][1:3] == (2, 2)  # brightness twice as fine as colours, both ways
        assert picture.size == (200, 200)


@pytest.mark.parametrize("degrees", [15, 30, 45])
def test_tilting_is_clockwise_around_the_middle_of_the_face(degrees: float) -> None:
    pixels = flat(0, 240, 200)
    middle = POINTS.mean(axis=0)
    pixels[98:103, 148:153] = 255  # around (150.5, 100.5)
    found = tilted(pixels, POINTS, degrees=degrees)
    assert found.shape == pixels.shape
    y, x = (float(np.mean(where)) + 0.5 for where in np.nonzero(found[:, :, 0] > 200))
    assert middle.tolist() == [100, 100]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    assert x == pytest.approx(100 + 50.5 * cos - 0.5 * sin, abs=0.3)
    assert y == pytest.approx(100 + 50.5 * sin + 0.5 * cos, abs=0.3)  # y runs down: clockwise


def test_what_comes_in_from_outside_is_grey() -> None:
    found = tilted(flat(0), POINTS, degrees=45)
    assert (found[0, 0] == 128).all()
    assert (found[100, 100] == 0).all()


def test_grey_is_by_hand() -> None:
    pixels = flat(0)
    pixels[0], pixels[1], pixels[2], pixels[3] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 20, 30)
    found = grey(pixels, POINTS)
    # 0.299, 0.587 and 0.114 of 255; 2.99 + 11.74 + 3.42 = 18.15
    assert [found[row, 0].tolist() for row in range(4)] == [[76] * 3, [150] * 3, [29] * 3, [18] * 3]


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_no_condition_changes_what_it_is_given(condition: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    before = pixels.copy()
    pixels.flags.writeable = False
    condition.worsen(pixels, POINTS)
    assert (pixels == before).all()


# All pairs, with an examiner that sees what the test wants


class Fake:
    """Sees a face with its eyes a fifth of the width apart; who it is, is the amount of red.

    Attributes:
        blind: Of which photos it gets no template.
        faceless: On which photos it sees no face.
        confused: Which photos it takes for somebody else.
    """

    def __init__(
        self,
        blind: Callable[[Photo], bool] = lambda photo: False,
        *,
        faceless: Callable[[Photo], bool] = lambda photo: False,
        confused: Callable[[Photo], bool] = lambda photo: False,
    ) -> None:
        self._blind, self._faceless, self._confused = blind, faceless, confused

    def examine(self, source: PhotoSource | Photo, *, policy: object) -> Examined:
        assert policy is POLICY
        photo = source if isinstance(source, Photo) else Photo.open(source)
        width, height = photo.width, photo.height
        marks = tuple((float(x * width / 200), float(y * height / 200)) for x, y in POINTS)
        face = None
        if not self._faceless(photo):
            face = Face(Box(0, 0, width, height), cast("Any", marks), confidence=0.9)
        template = None
        if face is not None and not self._blind(photo):
            angle = 2.0 if self._confused(photo) else 0.0
            vector = np.array([math.cos(angle), math.sin(angle)], dtype=np.float32)
            template = Template(vector, "fake", "0" * 16)
        evidence = Evidence(None, width, height, photo.format, photo.sha256, (), 0, face, ())
        problem = None if template is not None else "no_face"
        return Examined(photo, evidence, problem, None, template, {})


def truth(
    folder: Path, pictures: Sequence[Sequence[tuple[int, int] | None]], pairs: Pairs | None = None
) -> Truth:
    """For each person the width and shade of each picture; None for a file that is no picture."""
    files, person = [], []
    for who, own in enumerate(pictures):
        for number, picture in enumerate(own):
            file = folder / f"{who}-{number}.png"
            if picture is None:
                file.write_bytes(b"no picture")
            else:
                width, shade = picture
                Image.fromarray(flat((shade, 90, 10), width, width)).save(file)
            files.append(file)
            person.append(who)
    return Truth(
        protocol="all-pairs" if pairs is None else "pairs",
        pictures=tuple(files),
        picture_names=tuple(file.name for file in files),
        person=np.array(person, dtype=np.int64),
        names=tuple(str(who) for who in range(len(pictures))),
        pairs=pairs,
        groups=(),
        dropped=(),
    )


def table(of: Truth, examiner: Fake, *, people: int = 200, seed: int = 1) -> RobustnessTable:
    found = robustness(
        of, cast("Examiner", examiner), fmr_target=1e-4, threshold=0.5, people=people, seed=seed
    )
    assert found is not None
    return found


def rows(found: RobustnessTable) -> dict[str, Robustness]:
    return {row.condition: row for row in found.rows}


def test_all_conditions_in_order(tmp_path: Path) -> None:
    found = table(truth(tmp_path, [[(200, 10), (200, 20)]] * 3), Fake())
    assert (found.fmr_target, found.threshold) == (1e-4, 0.5)
    assert [(row.condition, row.kind) for row in found.rows] == [
        ("as they are", "none"),
        ("eyes 30 px apart", "size"),
        ("eyes 20 px apart", "size"),
        ("eyes 15 px apart", "size"),
        ("eyes 10 px apart", "size"),
        ("blurred by 5% of the eyes' distance", "blur"),
        ("blurred by 10% of the eyes' distance", "blur"),
        ("JPEG quality 50", "compression"),
        ("JPEG quality 30", "compression"),
        ("JPEG quality 10", "compression"),
        ("tilted by 15°", "tilt"),
        ("tilted by 30°", "tilt"),
        ("tilted by 45°", "tilt"),
        ("grey", "grey"),
    ]
    for row in found.rows:
        assert (row.fnmr, row.fnmr_low, row.failures_to_acquire, row.pairs) == (0, 0, 0, 3)
        # Wilson's upper end for 0 of 3 is z² / (3 + z²), z = 1.95996.
        assert row.fnmr_high == pytest.approx(3.84146 / 6.84146, abs=1e-5)


def test_only_what_is_confused_is_a_false_non_match(tmp_path: Path) -> None:
    def colourless(photo: Photo) -> bool:
        return bool((photo.pixels == photo.pixels[:, :, :1]).all())

    found = rows(table(truth(tmp_path, [[(200, 10), (200, 20)]] * 2), Fake(confused=colourless)))
    assert found["grey"].fnmr == 1
    assert found["grey"].failures_to_acquire == 0
    assert {row.fnmr for name, row in found.items() if name != "grey"} == {0}


def test_a_probe_without_a_template_is_a_false_non_match(tmp_path: Path) -> None:
    found = rows(table(truth(tmp_path, [[(200, 10), (200, 20)]] * 2), Fake(lambda photo: photo.width < 80)))
    lost = {name: (row.fnmr, row.failures_to_acquire) for name, row in found.items() if row.fnmr}
    assert lost == {"eyes 15 px apart": (1, 2), "eyes 10 px apart": (1, 2)}  # 75 and 50 pixels wide


def test_pictures_that_are_worse_already_are_left_out_of_that_row(tmp_path: Path) -> None:
    # Eyes 40 px apart, 24, 24, and 12.
    sizes = [[(width, 10), (width, 20)] for width in (200, 120, 120, 60)]
    found = rows(table(truth(tmp_path, sizes), Fake()))
    pairs = {name: row.pairs for name, row in found.items() if row.kind == "size"}
    assert pairs == {
        "eyes 30 px apart": 1,
        "eyes 20 px apart": 3,
        "eyes 15 px apart": 3,
        "eyes 10 px apart": 4,
    }
    assert found[AS_THEY_ARE].pairs == found["grey"].pairs == 4


def test_sizes_are_those_of_the_pixels_that_were_decoded(tmp_path: Path) -> None:
    """A JPEG of 2400 pixels is decoded at half; its eyes are 480 pixels apart, or 240 decoded ones."""
    of = truth(tmp_path, [[(200, 10), (200, 20)]])
    for file in of.pictures:
        Image.fromarray(flat(60, 2400, 2400)).save(file, "JPEG")
    assert Photo.open(of.pictures[0]).scale == 0.5
    widths = set()

    def noted(photo: Photo) -> bool:
        widths.add(photo.width)
        return False

    table(of, Fake(noted))
    assert widths == {2400, 1200, 150, 100, 75, 50}


def test_a_similarity_that_reaches_the_threshold_is_a_match(tmp_path: Path) -> None:
    of = truth(tmp_path, [[(200, 10), (200, 20)]])
    examiner = cast("Examiner", Fake())
    for threshold, fnmr in ((1.0, 0), (1.0001, 1)):
        found = robustness(of, examiner, fmr_target=1e-4, threshold=threshold, people=200, seed=1)
        assert found is not None
        assert {row.fnmr for row in found.rows} == {fnmr}


def test_a_row_without_a_picture_is_none(tmp_path: Path) -> None:
    found = rows(table(truth(tmp_path, [[(60, 10), (60, 20)]]), Fake()))
    assert "eyes 15 px apart" not in found
    assert found["eyes 10 px apart"].pairs == 1


def test_a_probe_without_a_face_counts_under_every_condition(tmp_path: Path) -> None:
    found = table(truth(tmp_path, [[(200, 10), (200, 20)]]), Fake(faceless=lambda photo: True))
    assert len(found.rows) == 1 + len(CONDITIONS)
    assert {(row.fnmr, row.failures_to_acquire, row.pairs) for row in found.rows} == {(1, 1, 1)}


def test_a_reference_without_a_template_is_no_failure_of_the_probe(tmp_path: Path) -> None:
    """The smaller picture gives a template once it is a JPEG; either may be drawn as the probe."""
    of = truth(tmp_path, [[(150, 10), (200, 20)]])
    examiner = Fake(lambda photo: photo.format == "PNG" and photo.width == 150)
    told = set()
    for seed in range(8):
        found = rows(table(of, examiner, seed=seed))
        clean, worse = found[AS_THEY_ARE], found["JPEG quality 50"]
        assert clean.fnmr == 1
        told.add((clean.failures_to_acquire, worse.fnmr, worse.failures_to_acquire))
    assert told == {(0, 1, 0), (1, 0, 0)}


def test_a_picture_too_small_for_anybody_is_a_failure_to_acquire(tmp_path: Path) -> None:
    """Eyes 16 px apart on a picture of 20: shrunk to 10 px, its side is under the limit of 16."""

    class Close(Fake):
        def examine(self, source: PhotoSource | Photo, *, policy: object) -> Examined:
            seen = super().examine(source, policy=policy)
            width = seen.photo.width
            marks = ((0.1 * width, 8.0), (0.9 * width, 8.0), (8.0, 9.0), (7.0, 12.0), (9.0, 12.0))
            evidence = Evidence(
                None, width, width, "PNG", "", (), 0, Face(Box(0, 0, width, width), marks, 0.9), ()
            )
            return Examined(seen.photo, evidence, None, None, seen.template, {})

    found = rows(table(truth(tmp_path, [[(20, 10), (20, 20)]]), Close()))
    assert (found["eyes 10 px apart"].fnmr, found["eyes 10 px apart"].failures_to_acquire) == (1, 1)
    assert found[AS_THEY_ARE].fnmr == 0


# Who is drawn


def test_files_that_cannot_be_read_give_way(tmp_path: Path) -> None:
    good = (200, 10)
    of = truth(tmp_path, [[None, good, None, good], [None, good], [None, None], [good], [good, good]])
    for seed in range(5):
        assert {row.pairs for row in table(of, Fake(), seed=seed).rows} == {2}, "of the first and the last"


def test_a_person_who_gives_no_pair_makes_room_for_another(tmp_path: Path) -> None:
    good = (200, 10)
    of = truth(tmp_path, [[None, good]] * 5 + [[good, good]] * 3)
    for seed in range(5):
        assert table(of, Fake(), people=3, seed=seed).rows[0].pairs == 3


def test_nobody_has_two_pictures(tmp_path: Path) -> None:
    for people in ([], [[(200, 10)], [(200, 10)]], [[None, (200, 10)]]):
        of = truth(tmp_path, people)
        assert (
            robustness(of, cast("Examiner", Fake()), fmr_target=1e-4, threshold=0.5, people=200, seed=1)
            is None
        )


def test_as_many_people_as_asked_for_drawn_by_the_seed(tmp_path: Path) -> None:
    """Of 4 of 12 people no picture gives a template; how many of those are among the 5 drawn varies."""
    of = truth(
        tmp_path, [[(200 if who < 8 else 210, 10), (200 if who < 8 else 210, 20)] for who in range(12)]
    )
    examiner = Fake(lambda photo: photo.width == 210)
    drawn = [table(of, examiner, people=5, seed=seed) for seed in range(8)]
    assert {row.pairs for found in drawn for row in found.rows} == {5}
    assert len({found.rows[0].fnmr for found in drawn}) > 1
    assert drawn == [table(of, examiner, people=5, seed=seed) for seed in range(8)]


def test_of_listed_pairs_one_genuine_pair_of_each_person(tmp_path: Path) -> None:
    # Two people of three pictures each: (0, 1) and (1, 2) of the one are listed, (4, 5) of the other.
    # Picture 2 gives no template; picture 3, which only impostor pairs hold, can't be read.
    pairs = Pairs(
        first=np.array([0, 1, 4, 0, 3]),
        second=np.array([1, 2, 5, 3, 1]),
        same=np.array([True, True, True, False, False]),
        fold=None,
    )
    good = (200, 10)
    of = truth(tmp_path, [[good, good, (210, 10)], [None, good, good]], pairs)
    found = [table(of, Fake(lambda photo: photo.width == 210), seed=seed).rows[0] for seed in range(12)]
    assert {row.pairs for row in found} == {2}
    assert {row.fnmr for row in found} == {0, 0.5}, "either pair of the first person may be drawn"


def test_progress_is_told_in_order(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    of = truth(tmp_path, [[(200, 10), (200, 20)]] * 6)
    robustness(
        of,
        cast("Examiner", Fake()),
        fmr_target=1e-4,
        threshold=0.5,
        people=4,
        seed=1,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


# With the real examiner


def test_the_portraits_of_the_demo(sface: Verifier, portraits: Mapping[str, bytes], tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("obama.jpg", "obama2.jpg", "biden.jpg")]
    for file in files:
        file.write_bytes(portraits[file.name])
    of = Truth(
        protocol="all-pairs",
        pictures=tuple(files),
        picture_names=tuple(file.name for file in files),
        person=np.array([0, 0, 1]),
        names=("obama", "biden"),
        pairs=None,
        groups=(),
        dropped=(),
    )
    threshold = 0.36  # about that of an FMR of 1e-4
    found = robustness(
        of, Examiner("sface", threads=1), fmr_target=1e-4, threshold=threshold, people=200, seed=1
    )
    assert found is not None
    assert len(found.rows) == 1 + len(CONDITIONS)
    assert {row.pairs for row in found.rows} == {1}
    by_name = rows(found)
    for name in (AS_THEY_ARE, "eyes 30 px apart", "JPEG quality 50", "tilted by 15°", "grey"):
        assert (by_name[name].fnmr, by_name[name].failures_to_acquire) == (0, 0), name
    nobody = robustness(of, Examiner("sface", threads=1), fmr_target=1e-4, threshold=1.0, people=200, seed=1)
    assert nobody is not None
    assert {row.fnmr for row in nobody.rows} == {1}


@pytest.mark.parametrize(("name", "degrees"), [("biden.jpg", 15), ("obama.jpg", 30)])
def test_a_real_face_leans_as_far_as_it_was_tilted(
    name: str, degrees: float, sface: Verifier, portraits: Mapping[str, bytes]
) -> None:
    before = sface.examine(portraits[name], policy=POLICY)
    face = before.evidence.face
    assert face is not None
    worse = tilted(before.photo.pixels, face.points * before.photo.scale, degrees=degrees)
    after = sface.examine(Photo.from_pixels(worse), policy=POLICY).evidence.face
    assert after is not None
    assert after.roll_deg - face.roll_deg == pytest.approx(degrees, abs=4)
