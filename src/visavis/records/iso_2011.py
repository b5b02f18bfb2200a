"""The layout of ISO/IEC 19794-5:2011, as MOSIP and other systems exchange it.

All numbers are big-endian. Beside the edition of 2005 it knows PNG, the time and device of the capture,
scores of quality, and a shape of the face behind its picture. Sizes agree with records of MOSIP's: one score
and no landmarks make 73 bytes in front of the picture.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from visavis.records.face_image import (
    LANDMARK,
    Capture2011,
    FaceImage,
    QualityBlock,
    damaged,
    kind_of,
    landmark_bytes,
    landmarks_of,
    packed,
    unsupported,
    unwritable,
)

if TYPE_CHECKING:
    from visavis.records.face_image import Kind

VERSION = b"030\0"

HEADER = struct.Struct(">4s4sIHBH")  # format, version, length, representations, certification, time semantics
CAPTURE = struct.Struct(">I9sBHHB")  # length, time, technology, vendor, device, number of scores
QUALITY = struct.Struct(">BHH")
FACE = struct.Struct(">H9s3B3B")  # landmarks, about the person, pose, its uncertainty
IMAGE = struct.Struct(">BBHHBHBBI")  # types, size, sampling, processing, cross reference, colour, length
ABOUT_PERSON = 9

JPEG, JPEG_2000_LOSSY, JPEG_2000_LOSSLESS, PNG = range(4)
DATA_TYPES: tuple[Kind, ...] = ("JPEG", "JPEG 2000", "JPEG 2000", "PNG")
"""What each stated type of picture is."""

WITH_SHAPE = 0x80
"""Image types from here on have a shape of the face behind the picture."""

SMALLEST = CAPTURE.size + FACE.size + IMAGE.size + 1


def read_header(data: bytes) -> tuple[int, int, int]:
    """Stated length, number of representations, and how these follow one another in time."""
    _, _, length, count, certified, temporal = HEADER.unpack_from(data)
    if certified:
        raise unsupported(f"certification {certified}", "none")
    return length, count, temporal


def read_image(data: bytes, start: int, notes: list[str]) -> tuple[FaceImage, int]:
    """The representation that begins at `start`, and where the next begins."""
    if start + SMALLEST > len(data):
        raise damaged("no room for an image", "as many images as are stated")
    length, time, technology, vendor, device, scores = CAPTURE.unpack_from(data, start)
    end = start + length
    if end > len(data):
        raise damaged(f"an image of {length} bytes", f"at most {len(data) - start}, which are there")
    scores_at = start + CAPTURE.size
    face_at = scores_at + QUALITY.size * scores
    points_at = face_at + FACE.size
    if points_at > end:
        raise damaged(f"an image of {length} bytes with {scores} scores", "room for them")
    points, person, *angles = FACE.unpack_from(data, face_at)
    image_at = points_at + LANDMARK.size * points
    picture_at = image_at + IMAGE.size
    if picture_at >= end:
        raise damaged(f"an image of {length} bytes with {points} feature points", "room for a picture")
    image_type, data_type, width, height, sampling, processing, cross, colour, size = IMAGE.unpack_from(
        data, image_at
    )
    after = picture_at + size
    if after > end or (after < end and image_type < WITH_SHAPE):
        raise damaged(f"a picture of {size} bytes", f"the {end - picture_at} that are there")
    content = data[picture_at:after]
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
        landmarks=landmarks_of(data[points_at:image_at]),
        pose=(angles[0], angles[1], angles[2]),
        pose_uncertainty=(angles[3], angles[4], angles[5]),
        capture=Capture2011(
            time=time,
            technology=technology,
            vendor=vendor,
            device=device,
            qualities=tuple(QualityBlock(*each) for each in QUALITY.iter_unpack(data[scores_at:face_at])),
            sampling=sampling,
            processing=processing,
            cross_reference=cross,
            solid=data[after:end],
        ),
        _person=person,
    )
    return image, end


def write(images: tuple[FaceImage, ...], temporal: int) -> bytes:
    """The record; `RecordError` with ``record.field`` where something doesn't fit."""
    body = b"".join(_image(image) for image in images)
    length = HEADER.size + len(body)
    return packed("4s4sIHBH", b"FAC\0", VERSION, length, len(images), 0, temporal) + body


def _image(image: FaceImage) -> bytes:
    capture = image.capture
    if not isinstance(capture, Capture2011):
        raise unwritable("a picture of another edition", "one of 2011")
    if len(capture.time) != 9:
        raise unwritable(f"a time of {len(capture.time)} bytes", "nine")
    if capture.solid and image.image_type < WITH_SHAPE:
        raise unwritable(f"a shape behind a picture of type {image.image_type}", "a type from 128 on")
    scores = b"".join(packed("BHH", each.score, each.vendor, each.algorithm) for each in capture.qualities)
    person = image.person_bytes(ABOUT_PERSON)
    body = (
        packed(
            "9sBHHB", capture.time, capture.technology, capture.vendor, capture.device, len(capture.qualities)
        )
        + scores
        + packed("H9s6B", len(image.landmarks), person, *image.pose, *image.pose_uncertainty)
        + landmark_bytes(image.landmarks)
        + packed("BBHH", image.image_type, image.data_type, image.width, image.height)
        + packed("BHBB", capture.sampling, capture.processing, capture.cross_reference, image.colour_space)
        + packed("I", len(image.data))
        + image.data
        + capture.solid
    )
    return packed("I", 4 + len(body)) + body
