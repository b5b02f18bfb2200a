"""What a person is told before the camera: pictures made so that one thing is wrong with each."""

from __future__ import annotations

import inspect
import io
import re
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from visavis.decision.policy import Policy
from visavis.photo import Photo
from visavis.service.pages import guidance
from visavis.service.pages.guidance import FLOORS, HINTS, Last, guide, guided
from visavis.service.pool import GoneError, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.examiner import Examiner
    from visavis.service.service import Service
    from visavis.verifier import Verifier

WIDTH, HEIGHT = 480, 270
POLICY = Policy()


@pytest.fixture(scope="module")
def examiner(sface: Verifier) -> Examiner:
    return sface.examiner


@pytest.fixture(scope="module")
def cut_out(portraits: Mapping[str, bytes], examiner: Examiner) -> Image.Image:
    """A face with what is around it, eyes 100 pixels apart, in the middle of 500 x 500."""
    photo = Photo.open(portraits["obama.jpg"], detail=None)
    [face, *_] = examiner.find(photo).faces
    x, y = face.box.centre
    half = 2.5 * face.inter_eye_px
    with Image.open(io.BytesIO(portraits["obama.jpg"])) as picture:
        part = picture.convert("RGB").crop(
            (round(x - half), round(y - half), round(x + half), round(y + half))
        )
    return part.resize((500, 500), Image.Resampling.LANCZOS)


def frame(
    face: Image.Image, *, apart: float = 0.16, x: float = 0.5, y: float = 0.5, turned: float = 0.0
) -> Image.Image:
    """A camera's picture of a face: `apart` is the distance between the eyes as a share of its height."""
    size = round(5 * apart * HEIGHT)
    part = face.rotate(turned, fillcolor=(120, 120, 120), resample=Image.Resampling.BICUBIC).resize(
        (size, size)
    )
    whole = Image.new("RGB", (WIDTH, HEIGHT), (150, 155, 160))
    whole.paste(part, (round(x * WIDTH - size / 2), round(y * HEIGHT - size / 2)))
    return whole


def hint(examiner: Examiner, picture: Image.Image, last: Last | None = None) -> str:
    return guided(examiner, Photo.from_pixels(np.array(picture)), POLICY, last).hint


def test_a_good_picture_is_good(examiner: Examiner, cut_out: Image.Image) -> None:
    found = guided(examiner, Photo.from_pixels(np.array(frame(cut_out))), POLICY, None)
    assert (found.hint, found.is_good) == ("good", True)
    assert found.last is not None
    assert found.last.x == pytest.approx(WIDTH / HEIGHT / 2, abs=0.05)  # in heights of the frame
    assert hint(examiner, frame(cut_out), found.last) == "good"


@pytest.mark.parametrize(
    ("apart", "expected"), [(0.05, "closer"), (0.08, "closer"), (0.13, "good"), (0.4, "further")]
)
def test_how_near(examiner: Examiner, cut_out: Image.Image, apart: float, expected: str) -> None:
    assert hint(examiner, frame(cut_out, apart=apart)) == expected


def test_nobody_is_there(examiner: Examiner) -> None:
    assert hint(examiner, Image.new("RGB", (WIDTH, HEIGHT), (120, 120, 120))) == "face"


def test_two_people(examiner: Examiner, cut_out: Image.Image) -> None:
    both = frame(cut_out, apart=0.14, x=0.3)
    both.paste(frame(cut_out, apart=0.14, x=0.3).crop((0, 0, 240, HEIGHT)), (240, 0))
    assert hint(examiner, both) == "one"


def test_off_the_middle(examiner: Examiner, cut_out: Image.Image) -> None:
    assert hint(examiner, frame(cut_out, apart=0.13, x=0.25)) == "middle"


def test_a_head_that_leans(examiner: Examiner, cut_out: Image.Image) -> None:
    assert hint(examiner, frame(cut_out, turned=38)) == "upright"


def test_a_room_that_is_dark(examiner: Examiner, cut_out: Image.Image) -> None:
    assert hint(examiner, ImageEnhance.Brightness(frame(cut_out)).enhance(0.1)) == "light"


def test_a_room_that_is_glaring(examiner: Examiner, cut_out: Image.Image) -> None:
    assert hint(examiner, ImageEnhance.Brightness(frame(cut_out)).enhance(2.0)) == "glare"


def test_light_from_one_side(examiner: Examiner, cut_out: Image.Image) -> None:
    picture = np.array(frame(cut_out), np.float64)
    picture[:, : WIDTH // 2] *= 0.25
    assert hint(examiner, Image.fromarray(picture.astype(np.uint8))) == "even"


def test_somebody_who_moves(examiner: Examiner, cut_out: Image.Image) -> None:
    before = guided(examiner, Photo.from_pixels(np.array(frame(cut_out, x=0.45))), POLICY, None).last
    assert hint(examiner, frame(cut_out, x=0.5), before) == "still"


def test_a_mask_over_mouth_and_nose(examiner: Examiner, cut_out: Image.Image) -> None:
    picture = frame(cut_out)
    middle, size = (WIDTH // 2, HEIGHT // 2), round(0.16 * HEIGHT)
    ImageDraw.Draw(picture).rectangle(
        (middle[0] - 1.2 * size, middle[1] - 0.3 * size, middle[0] + 1.2 * size, middle[1] + 2 * size),
        fill=(235, 240, 245),
    )
    assert hint(examiner, picture) == "uncover"


def test_floors_of_the_policy_count(examiner: Examiner, cut_out: Image.Image) -> None:
    """Where the policy asks for more light than the profile of guidance does, so does guidance."""
    dim = ImageEnhance.Brightness(frame(cut_out)).enhance(0.45)
    assert hint(examiner, dim) == "good"
    asked = Policy(quality="selfie", floors={"luminance_mean": 60})
    assert guided(examiner, Photo.from_pixels(np.array(dim)), asked, None).hint == "light"


def test_every_hint_has_words_and_none_is_idle() -> None:
    source = inspect.getsource(guidance)
    said = {*re.findall(r'return "(\w+)"', source), *re.findall(r'Guidance\("(\w+)"', source)}
    said |= {each for pair in FLOORS.values() for each in pair}
    assert said == set(HINTS)


def test_nobody_waits(service: Service, cut_out: Image.Image) -> None:
    wanted = Wanted()
    wanted.give_up()
    with pytest.raises(GoneError):
        guide(service.engine, wanted, b"", POLICY, None)


def test_it_is_quick_enough_for_eight_a_second(service: Service, cut_out: Image.Image) -> None:
    """The frame that takes longest to look at is a good one; decoding is counted too. The best of many."""
    to = io.BytesIO()
    frame(cut_out).save(to, "JPEG", quality=70)
    times = []
    for _ in range(12):
        began = time.perf_counter()
        guide(service.engine, Wanted(), to.getvalue(), POLICY, None)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.125
