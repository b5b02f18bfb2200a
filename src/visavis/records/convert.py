"""The picture of a face record in another encoding, bare or in a record again.

The targets and their names are those of MOSIP's converter.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from visavis.errors import RecordError
from visavis.photo import Photo
from visavis.photo.formats import recognise
from visavis.photo.refusals import decoder_errors
from visavis.records import iso_2011
from visavis.records.face_image import MAX_FACE_RECORD, too_large
from visavis.records.face_record import FaceRecord

if TYPE_CHECKING:
    from visavis.photo.encoded import Encoded
    from visavis.records.face_image import FaceImage, Kind

SOURCE = "ISO19794_5_2011"

TARGETS: dict[str, tuple[Kind, bool]] = {
    "IMAGE/JPEG": ("JPEG", False),
    "IMAGE/PNG": ("PNG", False),
    "ISO19794_5_2011/JPEG": ("JPEG", True),
    "ISO19794_5_2011/PNG": ("PNG", True),
}
"""Name -> how the picture is to be encoded, and whether it is to be in a record."""

DATA_TYPES: dict[Kind, int] = {"JPEG": iso_2011.JPEG, "PNG": iso_2011.PNG}

JPEG_QUALITY = 95
"""With colours in full resolution: a face is compared afterwards, and its detail is what counts."""

MAX_PIXELS = 12_500_000
"""Of all pictures of a record: a small file may hold many, and as PNG each takes up to three bytes. It is as
many as a picture in JPEG 2000 may have, which is what devices send."""

RGB_24 = 1


def convert(record: bytes, to: str) -> bytes:
    """The picture of an ISO/IEC 19794-5:2011 record, encoded anew.

    It is decoded within the limits of photos, upright and as sRGB; one that is encoded as asked already is
    decoded too, and then left as it is. A record carries landmarks, pose and capture on, and nothing about
    the person: its bytes for that are zeros. Landmarks of a picture that is turned upright are left out.

    Args:
        record: The record. For a bare picture it holds exactly one.
        to: One of `TARGETS`.

    Raises:
        RecordError: There is no such target, or the record can't be read, holds several pictures where a bare
            one is wanted, has too many pixels, or what is made of it is larger than a record may be.
        PhotoError: The picture can't be decoded.
    """
    if to not in TARGETS:
        raise RecordError(
            "record.unsupported",
            "a face record can't be converted to that",
            found=ascii(to[:60]),
            expected=" or ".join(TARGETS),
        )
    kind, wrapped = TARGETS[to]
    given = FaceRecord.read(record, editions=("2011",))
    if (pixels := sum(_pixels(image.data) for image in given.images)) > MAX_PIXELS:
        raise too_large(f"{pixels} pixels", f"at most {MAX_PIXELS} to be converted")
    if wrapped:
        return replace(given, images=tuple(_converted(image, kind) for image in given.images)).write()
    if len(given.images) > 1:
        raise RecordError(
            "record.unsupported",
            "the face record has no single picture",
            found=f"{len(given.images)} images",
            expected="one",
        )
    data = _converted(given.images[0], kind).data
    if len(data) > MAX_FACE_RECORD:
        raise too_large(f"{len(data)} bytes as {kind}", f"at most {MAX_FACE_RECORD}")
    return data


def _converted(image: FaceImage, kind: Kind) -> FaceImage:
    from PIL import Image

    photo = Photo.open(image.data, detail=None)
    if image.kind == kind:
        return replace(image, data_type=DATA_TYPES[kind], _person=b"")
    out = io.BytesIO()
    options = {"quality": JPEG_QUALITY, "subsampling": "4:4:4"} if kind == "JPEG" else {}
    Image.fromarray(photo.pixels).save(out, kind, **options)
    return replace(
        image,
        data=out.getvalue(),
        width=photo.width,
        height=photo.height,
        data_type=DATA_TYPES[kind],
        colour_space=RGB_24,
        landmarks=() if _is_turned(image.data) else image.landmarks,
        _person=b"",
    )


def _is_turned(data: bytes) -> bool:
    """Whether a picture says that it has to be turned to be upright."""
    return _encoded(data).orientation != 1


def _pixels(data: bytes) -> int:
    """How many a picture has, without decoding it."""
    encoded = _encoded(data)
    return encoded.width * encoded.height


def _encoded(data: bytes) -> Encoded:
    kind = recognise(data)
    with decoder_errors(kind.name):
        return kind(data)
