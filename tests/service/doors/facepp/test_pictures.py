"""Base64 in its careless forms, and which pictures are taken."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.photo.hostile import hostile
from tests.pictures import samples

from visavis.errors import PhotoError
from visavis.service.doors.facepp.errors import OfFieldError, Said
from visavis.service.doors.facepp.form import Form
from visavis.service.doors.facepp.pictures import MAX_BYTES, ONE, SIDES, decoded, of_field, opened

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = bytes(range(256)) + b"\xfb\xef\xff"  # has + and / in base64, and needs padding
TEXT = base64.b64encode(DATA + b"\0")
assert b"+" in TEXT
assert b"/" in TEXT
assert TEXT.endswith(b"=")


@pytest.mark.parametrize(
    "made",
    [
        lambda text: text,
        lambda text: b"data:image/jpeg;base64," + text,
        lambda text: b"  data:;base64," + text,
        lambda text: b"DATA:image/png;charset=x;base64," + text,
        lambda text: b"\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
        lambda text: b"\n" + text + b"\n",
        lambda text: text.replace(b"+", b" "),
        lambda text: b" " + text.replace(b"+", b" ") + b" ",
        lambda text: text.rstrip(b"="),
        lambda text: text + b"==",
        lambda text: text.replace(b"+", b"-").replace(b"/", b"_"),
        lambda text: b"data:image/jpeg;base64," + text.replace(b"+", b" ").rstrip(b"=") + b"\r\n",
    ],
)
def test_base64_however_carelessly(made: Callable[[bytes], bytes]) -> None:
    assert decoded(made(TEXT), "image_base64_1") == DATA + b"\0"


@pytest.mark.parametrize("text", [b"%%%", b"abcde", b"data:image/jpeg;base64", "größe".encode(), b"\xff" * 8])
def test_what_isnt_base64(text: bytes) -> None:
    with pytest.raises(Said, match="IMAGE_ERROR_UNSUPPORTED_FORMAT: image_base64_2"):
        decoded(text, "image_base64_2")


def test_too_much_base64_is_refused_before_it_is_decoded() -> None:
    assert len(decoded(base64.b64encode(bytes(MAX_BYTES)), "f")) == MAX_BYTES
    with pytest.raises(Said, match="IMAGE_FILE_TOO_LARGE: f"):
        decoded(base64.b64encode(bytes(MAX_BYTES + 3)), "f")


def test_precedence() -> None:
    """Section 2: face_token > image_file > image_base64 > image_url."""
    side = SIDES[0]
    values = dict.fromkeys(("image_url1", "image_base64_1", "image_file1", "face_token1"), b"x")
    for expected in ("face_token1", "image_file1", "image_base64_1", "image_url1"):
        assert side.given(Form(values)) == expected
        del values[expected]
    with pytest.raises(Said) as caught:
        side.given(Form({"image_file2": b"x", "image_base641": b"x"}))
    told = "MISSING_ARGUMENTS: face_token1, image_file1, image_base64_1, image_url1"
    assert caught.value.detail == told
    with pytest.raises(Said, match="MISSING_ARGUMENTS: image_file, image_base64, image_url"):
        ONE.given(Form({"face_token": b"x"}))


def encoded(kind: str, width: int, height: int) -> bytes:
    to = io.BytesIO()
    Image.new("RGB", (width, height), (99, 120, 140)).save(to, kind)
    return to.getvalue()


@pytest.mark.parametrize(
    ("kind", "width", "height", "said"),
    [
        ("JPEG", 48, 48, None),
        ("PNG", 48, 4096, None),
        ("JPEG", 47, 300, "INVALID_IMAGE_SIZE: f"),
        ("PNG", 300, 47, "INVALID_IMAGE_SIZE: f"),
        ("PNG", 4097, 60, "INVALID_IMAGE_SIZE: f"),
        ("JPEG", 60, 4097, "INVALID_IMAGE_SIZE: f"),
        ("JPEG", 8, 8, "INVALID_IMAGE_SIZE: f"),
        ("GIF", 100, 100, "IMAGE_ERROR_UNSUPPORTED_FORMAT: f"),
        ("WEBP", 100, 100, "IMAGE_ERROR_UNSUPPORTED_FORMAT: f"),
        ("BMP", 100, 100, "IMAGE_ERROR_UNSUPPORTED_FORMAT: f"),
    ],
)
def test_formats_and_sizes(kind: str, width: int, height: int, said: str | None) -> None:
    """Section 2: JPEG or PNG, 48 x 48 to 4096 x 4096."""
    data = encoded(kind, width, height)
    if said is None:
        photo = opened(data)
        assert (photo.width, photo.height) == (width, height)
        return
    with pytest.raises(OfFieldError) as caught, of_field("f"):
        opened(data)
    assert (caught.value.said.status, caught.value.said.detail) == (400, said)


HOSTILE = hostile()


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_pictures(name: str) -> None:
    data, _, _ = HOSTILE[name]
    with pytest.raises(OfFieldError) as caught, of_field("image_file2"):
        opened(data)
    code, _, field = caught.value.said.detail.partition(": ")
    assert code in ("IMAGE_ERROR_UNSUPPORTED_FORMAT", "INVALID_IMAGE_SIZE")
    assert field == "image_file2"


def test_other_formats_are_not_even_decoded() -> None:
    for data in samples(96, 96).values():
        if data.startswith((b"\xff\xd8\xff", b"\x89PNG")):
            opened(data)
        else:
            with pytest.raises(PhotoError):
                opened(data)
