from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image
from tests.pictures import encoded, exif_of, scene
from tests.records.samples import JP2, JPEG, PNG, image_2005, image_2011, record_2005, record_2011

from visavis.errors import PhotoError, RecordError, VisavisError
from visavis.photo import Photo
from visavis.records.convert import TARGETS, convert
from visavis.records.face_image import Capture2011, Landmark
from visavis.records.face_record import FaceRecord

KINDS = {"JPEG": (JPEG, 0), "JPEG 2000": (JP2, 2), "PNG": (PNG, 3)}


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("given", KINDS)
def test_a_picture_is_encoded_as_asked(given: str, to: str) -> None:
    data, number = KINDS[given]
    result = convert(record_2011(image_2011(data, kind=number, size=(1, 2))), to)
    wanted = to.rpartition("/")[2]
    if to.startswith("ISO"):
        (image,) = FaceRecord.read(result, editions=("2011",)).images
        assert image.data_type == {"JPEG": 0, "PNG": 3}[wanted]
        result = image.data
        stated = (image.width, image.height)
        assert stated == ((1, 2) if given == wanted else (90, 120)), "the true size, where it's a new picture"
    photo = Photo.open(result, detail=None)
    assert photo.format == wanted
    before = Photo.open(data, detail=None).pixels.astype(int)
    loss = np.abs(photo.pixels - before)
    if given == wanted:
        assert result == data
    elif wanted == "PNG":
        assert loss.max() == 0
    else:
        assert loss.mean() < 4, "no more than the grain of the scene"


def test_a_record_keeps_what_is_not_about_the_person() -> None:
    given = FaceRecord.read(record_2011(image_2011(points=2, scores=2), temporal=1))
    found = FaceRecord.read(convert(given.write(), "ISO19794_5_2011/PNG"))
    (before,), (after,) = given.images, found.images
    assert found.temporal == 1
    changed = {"data", "data_type"}
    for field in dataclasses.fields(before):
        if field.compare and field.name not in changed:
            assert getattr(after, field.name) == getattr(before, field.name), field.name
    start = 17 + 19 + 2 * 5 + 2
    assert given.write()[start : start + 9] != bytes(9)
    assert found.write()[start : start + 9] == bytes(9)


def flat(width: int, height: int) -> bytes:
    """A large picture in a small file."""
    to = io.BytesIO()
    Image.new("L", (width, height), 128).save(to, "PNG")
    return to.getvalue()


@pytest.mark.parametrize("to", TARGETS)
def test_a_large_picture_in_a_small_file_is_not_even_decoded(
    to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = record_2011(image_2011(flat(5000, 2501), kind=3))
    monkeypatch.setattr(Photo, "open", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(RecordError) as caught:
        convert(data, to)
    assert (caught.value.code, caught.value.found) == ("record.too_large", "12505000 pixels")


def test_pixels_are_counted_over_all_pictures() -> None:
    data = record_2011(*[image_2011(flat(2501, 1000), kind=3)] * 5)
    with pytest.raises(RecordError, match="too large"):
        convert(data, "ISO19794_5_2011/JPEG")


def test_what_is_made_is_no_larger_than_a_record() -> None:
    """A picture of noise: as JPEG it has less than a third of the bytes that it has as PNG."""
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), np.uint8)
    to = io.BytesIO()
    Image.fromarray(noise).save(to, "JPEG", quality=50)
    data = record_2011(image_2011(to.getvalue(), kind=0))
    with pytest.raises(RecordError) as caught:
        convert(data, "IMAGE/PNG")
    assert caught.value.code == "record.too_large"
    assert convert(data, "IMAGE/JPEG") == to.getvalue()


def test_all_pictures_of_a_record_are_converted() -> None:
    data = record_2011(image_2011(JP2), image_2011(JPEG, kind=0))
    found = FaceRecord.read(convert(data, "ISO19794_5_2011/JPEG"))
    assert [image.kind for image in found.images] == ["JPEG", "JPEG"]
    with pytest.raises(RecordError, match="2 images"):
        convert(data, "IMAGE/JPEG")


def test_landmarks_go_where_a_picture_is_turned() -> None:
    turned = encoded("JPEG", scene(90, 120), exif=exif_of(6))
    data = record_2011(image_2011(turned, kind=0, points=1))
    (image,) = FaceRecord.read(convert(data, "ISO19794_5_2011/PNG")).images
    assert (image.width, image.height, image.landmarks) == (120, 90, ())
    (as_it_was,) = FaceRecord.read(convert(data, "ISO19794_5_2011/JPEG")).images
    assert (as_it_was.data, as_it_was.landmarks) == (turned, (Landmark(1, 0x21, 16, 32, 7),))


def test_a_grey_picture_becomes_colours_that_are_stated() -> None:
    grey = encoded("JPEG", scene(90, 120)[..., 0])
    (image,) = FaceRecord.read(convert(record_2011(image_2011(grey, kind=0)), "ISO19794_5_2011/PNG")).images
    assert image.colour_space == 1
    assert isinstance(image.capture, Capture2011)


GOOD = record_2011(image_2011())
NOISE = np.random.default_rng(1).integers(0, 256, (1300, 1300, 3), np.uint8)


@pytest.mark.parametrize(
    ("record", "to", "kind", "code"),
    [
        (GOOD, "IMAGE/JP2", RecordError, "record.unsupported"),
        (GOOD, "image/jpeg", RecordError, "record.unsupported"),
        (GOOD, "\x1b[2m" * 100, RecordError, "record.unsupported"),
        (record_2005(image_2005()), "IMAGE/JPEG", RecordError, "record.unsupported"),
        (GOOD[:-1], "IMAGE/JPEG", RecordError, "record.damaged"),
        (record_2011(image_2011(JP2[:-40])), "IMAGE/JPEG", PhotoError, "photo.truncated"),
        (record_2011(image_2011(JPEG[:3], kind=0)), "IMAGE/JPEG", PhotoError, "photo."),
        (record_2011(image_2011(PNG[:-12], kind=3)), "IMAGE/PNG", PhotoError, "photo."),
        (
            record_2011(image_2011(encoded("JPEG", NOISE, quality=60), kind=0)),
            "ISO19794_5_2011/PNG",
            RecordError,
            "record.too_large",
        ),
    ],
)
def test_what_cannot_be_converted(record: bytes, to: str, kind: type[VisavisError], code: str) -> None:
    with pytest.raises(kind) as caught:
        convert(record, to)
    assert caught.value.code.startswith(code)
    assert str(caught.value).isprintable()
