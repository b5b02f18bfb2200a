from __future__ import annotations

import dataclasses
import struct

import pytest
from tests.pictures import encoded, scene

from visavis.errors import DocumentError
from visavis.records.face_record import MAX_FACE_RECORD, FaceRecord

JPEG = encoded("JPEG", scene(90, 120))
JP2 = encoded("JPEG2000", scene(90, 120))
J2K = encoded("JPEG2000", scene(90, 120), no_jp2=True)


def image(
    picture: bytes = JPEG,
    *,
    kind: int = 0,
    size: tuple[int, int] = (90, 120),
    points: int = 0,
    length: int | None = None,
    stated_points: int | None = None,
) -> bytes:
    """An image's block, field by field as in ISO/IEC 19794-5:2005, 5.5 to 5.8."""
    about = struct.pack(">BBB3s2s3s3s", 2, 3, 4, b"\0\0\1", b"\0\1", b"\1\2\3", b"\4\5\6")  # skipped
    body = (
        struct.pack(">H", points if stated_points is None else stated_points)
        + about
        + b"\1\x21\0\x10\0\x20\0\0" * points
        + struct.pack(">BBHHBBHH", 1, kind, *size, 1, 2, 0x1234, 77)
        + picture
    )
    return struct.pack(">I", len(body) + 4 if length is None else length) + body


def record(
    *images: bytes, version: bytes = b"010\0", length: int | None = None, count: int | None = None
) -> bytes:
    body = b"".join(images)
    total = len(body) + 14 if length is None else length
    return b"FAC\0" + version + struct.pack(">IH", total, len(images) if count is None else count) + body


@pytest.mark.parametrize(
    ("picture", "number", "kind"), [(JPEG, 0, "JPEG"), (JP2, 1, "JPEG 2000"), (J2K, 1, "JPEG 2000")]
)
@pytest.mark.parametrize("points", [0, 1, 20])
def test_a_record_is_read(picture: bytes, number: int, kind: str, points: int) -> None:
    found = FaceRecord.read(record(image(picture, kind=number, points=points)))
    (only,) = found.images
    assert found.notes == ()
    assert (only.data, only.kind, only.width, only.height) == (picture, kind, 90, 120)
    assert (only.face_type, only.colour, only.source, only.quality) == (
        "full frontal",
        "sRGB",
        "photograph of a digital camera",
        77,
    )


def test_nothing_about_the_person_is_kept() -> None:
    (only,) = FaceRecord.read(record(image())).images
    assert [field.name for field in dataclasses.fields(only)] == [
        "data",
        "kind",
        "width",
        "height",
        "face_type",
        "colour",
        "source",
        "quality",
    ]
    # Other values in the bytes that are about the person change nothing.
    blank = record(image())
    blank = blank[: 14 + 6] + bytes(14) + blank[14 + 20 :]
    assert FaceRecord.read(blank).images == (only,)


def test_several_images_are_kept_in_order() -> None:
    found = FaceRecord.read(record(image(JPEG), image(JP2, kind=1)))
    assert [one.data for one in found.images] == [JPEG, JP2]
    assert found.notes == ("the face record holds 2 images; the first is used",)


def test_a_wrong_type_of_picture_is_noted_and_the_bytes_decide() -> None:
    found = FaceRecord.read(record(image(JP2, kind=0)))
    assert found.images[0].kind == "JPEG 2000"
    assert found.notes == ("the face record calls its picture type 0, but it is a JPEG 2000",)


def test_unknown_values_have_a_name_too() -> None:
    blocks = bytearray(record(image(size=(0, 0))))
    blocks[14 + 20] = blocks[14 + 20 + 6] = blocks[14 + 20 + 7] = 200
    (only,) = FaceRecord.read(bytes(blocks)).images
    assert (only.face_type, only.colour, only.source) == ("other", "other", "other")
    assert (only.width, only.height) == (0, 0)


GOOD = record(image())
HOSTILE = {
    "nothing": (b"", "chip.unsupported", "nothing"),
    "another format": (b"FIR\0" + GOOD[4:], "chip.unsupported", "46 49 52 00"),
    "ISO/IEC 39794-5 block": (b"\x65\x82\1\0" + bytes(256), "chip.unsupported", "ISO/IEC 39794-5"),
    "ISO/IEC 39794-5 template": (b"\xa1\x82\1\0" + bytes(256), "chip.unsupported", "ISO/IEC 39794-5"),
    "the version of 2011": (record(image(), version=b"030\0"), "chip.unsupported", "ISO/IEC 19794-5:2011"),
    "an unknown version": (record(image(), version=b"\x1b[2m"), "chip.unsupported", "version '\\x1b[2m'"),
    "a cut header": (GOOD[:13], "chip.damaged", "13 bytes"),
    "a header alone": (record(), "chip.damaged", "0 images"),
    "a length too long": (record(image(), length=len(GOOD) + 1), "chip.damaged", f"{len(GOOD) + 1}"),
    "an endless length": (record(image(), length=2**32 - 1), "chip.damaged", "4294967295"),
    "a length too short": (record(image(), length=len(GOOD) - 1), "chip.damaged", "stated length"),
    "no image": (record(image(), count=0), "chip.damaged", "0 images"),
    "65535 images": (record(image(), count=65535), "chip.damaged", "65535 images"),
    "two images stated": (record(image(), count=2), "chip.damaged", "no room for an image"),
    "one image stated of two": (record(image(), image(), count=1), "chip.damaged", "after its last image"),
    "an endless block": (record(image(length=2**32 - 1)), "chip.damaged", "4294967295"),
    "a block of no length": (record(image(length=0)), "chip.damaged", "an image of 0 bytes"),
    "a block without a picture": (record(image(b"")), "chip.damaged", "feature points"),
    "65535 feature points": (record(image(stated_points=65535)), "chip.damaged", "65535 feature points"),
    "feature points where the picture is": (record(image(stated_points=3)), "chip.damaged", "begins with"),
    "a picture of zeros": (record(image(bytes(500))), "chip.damaged", "00 00 00 00"),
    "a PNG": (record(image(encoded("PNG", scene(90, 120)))), "chip.damaged", "89 50 4e 47"),
    "five megabytes": (record(image(JPEG + bytes(MAX_FACE_RECORD))), "chip.too_large", "bytes"),
}


@pytest.mark.parametrize(("data", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_records_end_in_one_clear_line(data: bytes, code: str, word: str) -> None:
    with pytest.raises(DocumentError) as caught:
        FaceRecord.read(data)
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_record_cut_anywhere_is_refused() -> None:
    for cut in range(len(GOOD)):
        with pytest.raises(DocumentError):
            FaceRecord.read(GOOD[:cut])
