"""The layout of ISO/IEC 19794-5:2005, as the chips of passports hold it.

All numbers are big-endian; section numbers are those of the standard.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from visavis.records.face_image import (
    LANDMARK,
    Capture2005,
    FaceImage,
    damaged,
    kind_of,
    landmark_bytes,
    landmarks_of,
    packed,
    unwritable,
)

if TYPE_CHECKING:
    from visavis.records.face_image import Kind

VERSION = b"010\0"

HEADER = struct.Struct(">4s4sIH")  # 5.4: format, version, length, number of images
FACE = struct.Struct(">IH8s3B3B")  # 5.5: length, feature points, about the person, pose, its uncertainty
IMAGE = struct.Struct(">BBHHBBHH")  # 5.7: types, width, height, colour, source, device, quality
ABOUT_PERSON = 8

DATA_TYPES: tuple[Kind, ...] = ("JPEG", "JPEG 2000")
"""What each stated type of picture is."""


def read_header(data: bytes) -> tuple[int, int, int]:
    """Stated length and number of images (5.4); how these follow one another in time isn't stated: 0."""
    _, _, length, count = HEADER.unpack_from(data)
    return length, count, 0


def read_image(data: bytes, start: int, notes: list[str]) -> tuple[FaceImage, int]:
    """The image whose block begins at `start` (5.5 to 5.8), and where the next begins."""
    if start + FACE.size > len(data):
        raise damaged("no room for an image", "as many images as are stated")
    length, points, person, *angles = FACE.unpack_from(data, start)
    end = start + length
    if end > len(data):
        raise damaged(f"an image of {length} bytes", f"at most {len(data) - start}, which are there")
    after_face = start + FACE.size
    at = after_face + LANDMARK.size * points
    picture = at + IMAGE.size
    if picture >= end:
        raise damaged(f"an image of {length} bytes with {points} feature points", "room for a picture")
    image_type, data_type, width, height, colour, *capture = IMAGE.unpack_from(data, at)
    content = data[picture:end]
    kind = kind_of(content, DATA_TYPES)
    if data_type >= len(DATA_TYPES) or DATA_TYPES[data_type] != kind:
        notes.append(f"the face record calls its picture type {data_type}, but it is a {kind}")
    image = FaceImage(
        data=content,
        width=width,
        height=height,
        data_type=data_type,
        image_type=image_type,
        colour_space=colour,
        landmarks=landmarks_of(data[after_face:at]),
        pose=(angles[0], angles[1], angles[2]),
        pose_uncertainty=(angles[3], angles[4], angles[5]),
        capture=Capture2005(*capture),
        _person=person,
    )
    return image, end


def write(images: tuple[FaceImage, ...], temporal: int) -> bytes:
    """The record; `RecordError` with ``record.field`` where something doesn't fit."""
    if temporal:
        raise unwritable("an order in time", "an edition of 2011")
    body = b"".join(_image(image) for image in images)
    return packed("4s4sIH", b"FAC\0", VERSION, HEADER.size + len(body), len(images)) + body


def _image(image: FaceImage) -> bytes:
    capture = image.capture
    if not isinstance(capture, Capture2005):
        raise unwritable("a picture of another edition", "one of 2005")
    points = landmark_bytes(image.landmarks)
    about = packed(
        "HHBBHH",
        image.width,
        image.height,
        image.colour_space,
        capture.source,
        capture.device,
        capture.quality,
    )
    length = FACE.size + len(points) + IMAGE.size + len(image.data)
    person = image.person_bytes(ABOUT_PERSON)
    return (
        packed("IH8s6B", length, len(image.landmarks), person, *image.pose, *image.pose_uncertainty)
        + points
        + packed("BB", image.image_type, image.data_type)
        + about
        + image.data
    )
