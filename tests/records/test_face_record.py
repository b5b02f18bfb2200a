from __future__ import annotations

import dataclasses
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pictures import encoded, scene
from tests.records.samples import (
    J2K,
    JP2,
    JPEG,
    PNG,
    image_2005,
    image_2011,
    record_2005,
    record_2011,
)

from visavis.errors import RecordError
from visavis.records.face_image import (
    MAX_FACE_RECORD,
    MAX_IMAGES,
    MAX_LANDMARKS,
    Capture2005,
    Capture2011,
    FaceImage,
    Landmark,
    QualityBlock,
)
from visavis.records.face_record import FaceRecord

# The edition of 2005


@pytest.mark.parametrize(
    ("picture", "number", "kind"), [(JPEG, 0, "JPEG"), (JP2, 1, "JPEG 2000"), (J2K, 1, "JPEG 2000")]
)
@pytest.mark.parametrize("points", [0, 1, 20])
def test_a_record_of_2005_is_read_and_written(picture: bytes, number: int, kind: str, points: int) -> None:
    data = record_2005(image_2005(picture, kind=number, points=points))
    found = FaceRecord.read(data)
    (only,) = found.images
    assert found.notes == ()
    assert (found.edition, found.temporal) == ("2005", 0)
    assert (only.data, only.kind, only.width, only.height) == (picture, kind, 90, 120)
    assert (only.image_type, only.data_type, only.colour_space) == (1, number, 1)
    assert only.capture == Capture2005(source=2, device=0x1234, quality=77)
    assert only.landmarks == (Landmark(1, 0x21, 16, 32),) * points
    assert (only.pose, only.pose_uncertainty) == ((1, 2, 3), (4, 5, 6))
    assert found.write() == data


def test_sizes_of_2005_are_those_of_the_standard() -> None:
    """5.4 to 5.7: a header of 14 bytes, 20 about the face, 12 about the picture."""
    data = FaceRecord("2005", (FaceImage(JPEG, 90, 120, 0, Capture2005()),)).write()
    assert len(data) - len(JPEG) == 14 + 20 + 12
    assert data[:14] == b"FAC\x00010\x00" + struct.pack(">IH", 46 + len(JPEG), 1)
    assert data[14:34] == struct.pack(">I", 32 + len(JPEG)) + bytes(16)
    assert data[34:46] == bytes.fromhex("01 00 005a 0078 00 00 0000 0000")


# The edition of 2011


@pytest.mark.parametrize(
    ("picture", "number", "kind"),
    [(JPEG, 0, "JPEG"), (JP2, 1, "JPEG 2000"), (J2K, 2, "JPEG 2000"), (PNG, 3, "PNG")],
)
@pytest.mark.parametrize("points", [0, 1, 20])
@pytest.mark.parametrize("scores", [0, 1, 255])
def test_a_record_of_2011_is_read_and_written(
    picture: bytes, number: int, kind: str, points: int, scores: int
) -> None:
    data = record_2011(image_2011(picture, kind=number, points=points, scores=scores), temporal=3)
    found = FaceRecord.read(data)
    (only,) = found.images
    assert found.notes == ()
    assert (found.edition, found.temporal) == ("2011", 3)
    assert (only.data, only.kind, only.width, only.height) == (picture, kind, 90, 120)
    assert (only.image_type, only.data_type, only.colour_space) == (1, number, 1)
    assert only.landmarks == (Landmark(1, 0x21, 16, 32, 7),) * points
    assert (only.pose, only.pose_uncertainty) == ((1, 2, 3), (4, 5, 6))
    capture = only.capture
    assert isinstance(capture, Capture2011)
    assert (capture.technology, capture.vendor, capture.device) == (6, 0x0101, 0x0202)
    assert (capture.sampling, capture.processing, capture.cross_reference) == (9, 0x10, 0)
    assert capture.qualities == (QualityBlock(40, 0x0F03, 5),) * scores
    assert capture.moment == datetime(2023, 12, 31, 23, 59, 58, 999_000, UTC)
    assert found.write() == data


@pytest.mark.parametrize(("picture", "whole"), [(18_419, 18_492), (67_014, 67_087)])
def test_sizes_of_2011_are_those_of_records_that_devices_made(picture: int, whole: int) -> None:
    """MOSIP's samples for authentication and registration: 73 bytes, one score, no landmarks."""
    image = FaceImage(
        JP2[:12] + bytes(picture - 12),
        240,
        320,
        1,
        Capture2011(qualities=(QualityBlock(40),)),
        colour_space=1,
    )
    data = FaceRecord("2011", (image,)).write()
    assert len(data) == whole
    assert data[:17] == bytes.fromhex("46414300 30333000") + struct.pack(">IHBH", whole, 1, 0, 0)
    header = struct.pack(">I", whole - 17) + bytes(14) + b"\1" + b"\x28\0\0\0\0" + bytes(17)
    header += bytes.fromhex("01 01 00f0 0140 00 0000 00 01") + struct.pack(">I", picture)
    assert data[17:73] == header


def test_a_shape_behind_the_picture_is_carried() -> None:
    data = record_2011(image_2011(image_type=0x80, solid=b"a shape"))
    found = FaceRecord.read(data)
    capture = found.images[0].capture
    assert isinstance(capture, Capture2011)
    assert (found.images[0].data, capture.solid) == (JP2, b"a shape")
    assert found.write() == data


@pytest.mark.parametrize(
    "time",
    [
        bytes(9),
        b"\xff" * 9,
        bytes.fromhex("07e7 02 1e 00 00 00 0000"),
        bytes.fromhex("07e7 01 01 00 00 00 03e8"),
    ],
)
def test_a_time_that_never_was_is_no_moment(time: bytes) -> None:
    """Not stated; out of range; the thirtieth of February; a thousand milliseconds."""
    data = bytearray(record_2011(image_2011()))
    data[21:30] = time
    found = FaceRecord.read(bytes(data))
    capture = found.images[0].capture
    assert isinstance(capture, Capture2011)
    assert capture.moment is None
    assert found.write() == data


# Both


@pytest.mark.parametrize(
    ("data", "other"),
    [
        (
            record_2005(image_2005()),
            record_2005(image_2005())[:20] + bytes(8) + record_2005(image_2005())[28:],
        ),
        (record_2011(image_2011()), record_2011(image_2011(person=bytes(9)))),
    ],
    ids=["2005", "2011"],
)
def test_nothing_about_the_person_is_read(data: bytes, other: bytes) -> None:
    assert data != other
    found, blank = FaceRecord.read(data), FaceRecord.read(other)
    assert found == blank, "other values in the bytes that are about the person change nothing"
    assert repr(found) == repr(blank)
    assert [each.name for each in dataclasses.fields(FaceImage) if not each.name.startswith("_")] == [
        *("data", "width", "height", "data_type", "capture"),
        *("image_type", "colour_space", "landmarks", "pose", "pose_uncertainty"),
    ]
    assert (found.write(), blank.write()) == (data, other), "but they are carried"


@pytest.mark.parametrize("edition", ["2005", "2011"])
def test_a_record_made_anew_says_nothing_about_the_person(edition: str) -> None:
    """At 20 and 56 bytes: gender, colours, (height), features, expression."""
    if edition == "2005":
        data = FaceRecord("2005", (FaceImage(JPEG, 90, 120, 0, Capture2005()),)).write()
        assert data[20:28] == bytes(8)
    else:
        data = FaceRecord("2011", (FaceImage(JPEG, 90, 120, 0, Capture2011()),)).write()
        assert data[17 + 19 + 2 : 17 + 19 + 11] == bytes(9)


def test_several_images_are_kept_in_order() -> None:
    for data in (
        record_2005(image_2005(JPEG), image_2005(JP2, kind=1, points=2)),
        record_2011(image_2011(JPEG, kind=0), image_2011(JP2, points=2)),
    ):
        found = FaceRecord.read(data)
        assert [one.data for one in found.images] == [JPEG, JP2]
        assert found.notes == ("the face record holds 2 images; the first is used",)
        assert found.write() == data


@pytest.mark.parametrize("number", [0, 3, 200])
def test_a_wrong_type_of_picture_is_noted_and_the_bytes_decide(number: int) -> None:
    for data in (record_2005(image_2005(JP2, kind=number)), record_2011(image_2011(JP2, kind=number))):
        found = FaceRecord.read(data)
        assert found.images[0].kind == "JPEG 2000"
        assert found.notes == (f"the face record calls its picture type {number}, but it is a JPEG 2000",)
        assert found.write() == data


def test_an_edition_may_be_insisted_on() -> None:
    assert FaceRecord.read(record_2011(image_2011()), editions=("2011",)).edition == "2011"
    with pytest.raises(RecordError, match=r"19794-5:2011, expected ISO/IEC 19794-5:2005") as caught:
        FaceRecord.read(record_2011(image_2011()), editions=("2005",))
    assert caught.value.code == "record.unsupported"


u8, u16 = st.integers(0, 255), st.integers(0, 65535)
angles = st.tuples(u8, u8, u8)
points = st.lists(st.builds(Landmark, u8, u8, u16, u16, u16), max_size=30).map(tuple)
scores = st.lists(st.builds(QualityBlock, u8, u16, u16), max_size=5).map(tuple)
captures_2005 = st.builds(Capture2005, u8, u16, u16)
captures_2011 = st.builds(
    Capture2011,
    time=st.binary(min_size=9, max_size=9),
    technology=u8,
    vendor=u16,
    device=u16,
    qualities=scores,
    sampling=u8,
    processing=u16,
    cross_reference=u8,
)


def images(
    captures: st.SearchStrategy[Capture2005 | Capture2011], person: int, *kinds: bytes
) -> st.SearchStrategy[FaceImage]:
    return st.builds(
        FaceImage,
        data=st.builds(bytes.__add__, st.sampled_from(kinds), st.binary(max_size=50)),
        width=u16,
        height=u16,
        data_type=u8,
        capture=captures,
        image_type=st.integers(0, 127),
        colour_space=u8,
        landmarks=points,
        pose=angles,
        pose_uncertainty=angles,
        _person=st.binary(min_size=person, max_size=person),
    )


starts = (b"\xff\xd8\xff", JP2[:12], J2K[:4])
records = st.one_of(
    st.builds(
        FaceRecord,
        st.just("2005"),
        st.lists(images(captures_2005, 8, *starts), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        FaceRecord,
        st.just("2011"),
        st.lists(images(captures_2011, 9, *starts, PNG[:8]), min_size=1, max_size=3).map(tuple),
        u16,
    ),
)


@settings(max_examples=80, deadline=None)
@given(records)
def test_any_record_comes_back(record: FaceRecord) -> None:
    data = record.write()
    found = FaceRecord.read(data)
    assert found == record
    assert found.write() == data


GOOD_5, GOOD_11 = record_2005(image_2005()), record_2011(image_2011())
HOSTILE = {
    "nothing": (b"", "record.unsupported", "nothing"),
    "another format": (b"FIR\0" + GOOD_5[4:], "record.unsupported", "46 49 52 00"),
    "ISO/IEC 39794-5 block": (b"\x65\x82\1\0" + bytes(256), "record.unsupported", "ISO/IEC 39794-5"),
    "ISO/IEC 39794-5 template": (b"\xa1\x82\1\0" + bytes(256), "record.unsupported", "ISO/IEC 39794-5"),
    "an unknown version": (record_2005(image_2005(), version=b"\x1b[2m"), "record.unsupported", "'\\x1b[2m'"),
    "the layout of 2005 called 2011": (record_2005(image_2005(), version=b"030\0"), "record.", "found"),
    "the layout of 2011 called 2005": (
        record_2011(image_2011(), version=b"010\0"),
        "record.damaged",
        "found",
    ),
    "five megabytes": (record_2005(image_2005(JPEG + bytes(MAX_FACE_RECORD))), "record.too_large", "bytes"),
    "certified": (record_2011(image_2011(), certified=1), "record.unsupported", "certification 1"),
    "many landmarks": (
        record_2011(image_2011(points=MAX_LANDMARKS + 1)),
        "record.too_large",
        f"{MAX_LANDMARKS + 1} feature points",
    ),
    "many landmarks, 2005": (
        record_2005(image_2005(points=MAX_LANDMARKS + 1)),
        "record.too_large",
        f"{MAX_LANDMARKS + 1} feature points",
    ),
    "a PNG of 2005": (record_2005(image_2005(PNG)), "record.damaged", "89 50 4e 47"),
    "a WebP": (
        record_2011(image_2011(encoded("WEBP", scene(90, 120)))),
        "record.damaged",
        "JPEG 2000 or PNG",
    ),
    "scores that aren't there": (record_2011(image_2011(stated_scores=255)), "record.damaged", "found"),
    "only scores": (record_2011(image_2011(JP2[:4], stated_scores=255)), "record.damaged", "255 scores"),
    "a picture too long": (
        record_2011(image_2011(picture_length=len(JP2) + 1)),
        "record.damaged",
        "picture of",
    ),
    "an endless picture": (record_2011(image_2011(picture_length=2**32 - 1)), "record.damaged", "4294967295"),
    "a picture too short": (
        record_2011(image_2011(picture_length=len(JP2) - 1)),
        "record.damaged",
        "picture of",
    ),
    "a picture of no length": (record_2011(image_2011(picture_length=0)), "record.damaged", "of 0 bytes"),
    "a shape where none belongs": (record_2011(image_2011(solid=b"a shape")), "record.damaged", "picture of"),
    "a shape and no picture": (
        record_2011(image_2011(b"", solid=b"a shape", image_type=0x80)),
        "record.damaged",
        "begins with nothing",
    ),
}
for edition, record, image, good in (
    ("2005", record_2005, image_2005, GOOD_5),
    ("2011", record_2011, image_2011, GOOD_11),
):
    HOSTILE |= {
        f"{edition}: a cut header": (good[:13], "record.damaged", "13 bytes"),
        f"{edition}: a header alone": (record(), "record.damaged", "0 images"),
        f"{edition}: a length too long": (
            record(image(), length=len(good) + 1),
            "record.damaged",
            f"{len(good) + 1}",
        ),
        f"{edition}: an endless length": (record(image(), length=2**32 - 1), "record.damaged", "4294967295"),
        f"{edition}: a length too short": (
            record(image(), length=len(good) - 1),
            "record.damaged",
            "stated length",
        ),
        f"{edition}: no image": (record(image(), count=0), "record.damaged", "0 images"),
        f"{edition}: 65535 images": (record(image(), count=65535), "record.damaged", "65535 images"),
        f"{edition}: two images stated": (record(image(), count=2), "record.damaged", "no room for an image"),
        f"{edition}: one image stated of two": (
            record(image(), image(), count=1),
            "record.damaged",
            "after its last",
        ),
        f"{edition}: an endless block": (record(image(length=2**32 - 1)), "record.damaged", "4294967295"),
        f"{edition}: a block of no length": (
            record(image(length=0)),
            "record.damaged",
            "an image of 0 bytes",
        ),
        f"{edition}: a block without a picture": (record(image(b"")), "record.damaged", "found"),
        f"{edition}: 65535 feature points": (
            record(image(stated_points=65535)),
            "record.damaged",
            "65535 feature",
        ),
        f"{edition}: a picture of zeros": (record(image(bytes(500))), "record.damaged", "00 00 00 00"),
    }


@pytest.mark.parametrize(("data", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_records_end_in_one_clear_line(data: bytes, code: str, word: str) -> None:
    with pytest.raises(RecordError) as caught:
        FaceRecord.read(data)
    assert caught.value.code.startswith(code)
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("good", [GOOD_5, record_2011(image_2011(points=2, scores=2))], ids=["2005", "2011"])
def test_a_record_cut_anywhere_is_refused(good: bytes) -> None:
    for cut in range(len(good)):
        with pytest.raises(RecordError):
            FaceRecord.read(good[:cut])


P5, P11 = FaceImage(JPEG, 90, 120, 0, Capture2005()), FaceImage(JPEG, 90, 120, 0, Capture2011())
UNWRITABLE = {
    "no image": (FaceRecord("2011", ()), "record.field"),
    "too many images": (FaceRecord("2011", (P11,) * (MAX_IMAGES + 1)), "record.field"),
    "a picture of 2005 in 2011": (FaceRecord("2011", (P5,)), "record.field"),
    "a picture of 2011 in 2005": (FaceRecord("2005", (P11,)), "record.field"),
    "an order in time in 2005": (FaceRecord("2005", (P5,), 1), "record.field"),
    "a width that doesn't fit": (
        FaceRecord("2011", (dataclasses.replace(P11, width=65536),)),
        "record.field",
    ),
    "a negative height": (FaceRecord("2005", (dataclasses.replace(P5, height=-1),)), "record.field"),
    "a short time": (
        FaceRecord("2011", (dataclasses.replace(P11, capture=Capture2011(bytes(8))),)),
        "record.field",
    ),
    "a landmark off the picture": (
        FaceRecord("2011", (dataclasses.replace(P11, landmarks=(Landmark(1, 1, -5, 0),)),)),
        "record.field",
    ),
    "too many landmarks": (
        FaceRecord(
            "2011", (dataclasses.replace(P11, landmarks=(Landmark(1, 1, 1, 1),) * (MAX_LANDMARKS + 1)),)
        ),
        "record.field",
    ),
    "256 scores": (
        FaceRecord(
            "2011", (dataclasses.replace(P11, capture=Capture2011(qualities=(QualityBlock(1),) * 256)),)
        ),
        "record.field",
    ),
    "a shape behind a flat picture": (
        FaceRecord("2011", (dataclasses.replace(P11, capture=Capture2011(solid=b"x")),)),
        "record.field",
    ),
    "a PNG in 2005": (FaceRecord("2005", (dataclasses.replace(P5, data=PNG),)), "record.field"),
    "no picture": (FaceRecord("2011", (dataclasses.replace(P11, data=b""),)), "record.field"),
    "five megabytes": (
        FaceRecord("2011", (dataclasses.replace(P11, data=JPEG + bytes(MAX_FACE_RECORD)),)),
        "record.too_large",
    ),
}


@pytest.mark.parametrize(("unwritable", "code"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_does_not_fit_is_not_written(unwritable: FaceRecord, code: str) -> None:
    with pytest.raises(RecordError) as caught:
        unwritable.write()
    assert caught.value.code == code
    assert str(caught.value).isprintable()
