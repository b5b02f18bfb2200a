"""Where a picture comes from, and what it has to be before anybody looks for a face on it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.errors import PhotoError
from visavis.photo import Photo
from visavis.photo.formats import recognise
from visavis.photo.refusals import decoder_errors
from visavis.service.doors.facepp.errors import OfFieldError, Said
from visavis.service.intake import file_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visavis.service.doors.facepp.asked import Asked
    from visavis.service.doors.facepp.form import Form

MAX_BYTES = 2 * 2**20
"""Of one picture."""
MIN_SIDE, MAX_SIDE = 48, 4096
"""In pixels."""
FORMATS = ("JPEG", "PNG")

TOKEN = re.compile(r"[0-9a-f]{32}")
MAX_SHOWN = 64

SCHEME = re.compile(rb"\s*data:[^,]{0,200},", re.IGNORECASE)
WHITE = b"\r\n\t\f\v"
CARELESS = bytes.maketrans(b" -_", b"++/")
"""A space stands where a plus was taken for one; some programs use the letters of RFC 4648, section 5."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One side of a comparison, or the picture of a detection.

    Attributes:
        field: The field that counts.
        token: A face's token, where it is one.
        data: The bytes of a picture, where it is one.
    """

    field: str
    token: str | None = None
    data: bytes = b""

    @property
    def sha256(self) -> str:
        """Of what was given, in hex: the picture, or the token."""
        return hashlib.sha256(self.data if self.token is None else self.token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Names:
    """The fields that a picture may come in, the first that was given counts."""

    file: str
    base64: str
    url: str
    token: str | None = None

    @property
    def all(self) -> list[str]:
        """In their order of precedence."""
        return [name for name in (self.token, self.file, self.base64, self.url) if name is not None]

    def given(self, form: Form) -> str:
        """The one that counts.

        Raises:
            Said: There is none.
        """
        for name in self.all:
            if form.text(name) if name in (self.token, self.url) else name in form:
                return name
        raise Said(400, "MISSING_ARGUMENTS", ", ".join(self.all))


ONE = Names("image_file", "image_base64", "image_url")
SIDES = tuple(Names(f"image_file{n}", f"image_base64_{n}", f"image_url{n}", f"face_token{n}") for n in (1, 2))


def source(asked: Asked, names: Names) -> Source:
    """Where a picture comes from.

    Args:
        asked: What was given.
        names: The fields it may come in.

    Raises:
        Said: There is none, it is too large, or it can't be read.
    """
    form = asked.form
    field = names.given(form)
    if field == names.token:
        return Source(field, token=token_of(form.text(field) or ""))
    if field == names.url:
        return Source(field, data=asked.fetched[field])
    data = form.take(field)
    if field == names.base64:
        data = decoded(data, field)
    if len(data) > MAX_BYTES:
        raise too_large(field)
    return Source(field, data=file_of(data, asked.body))


def token_of(text: str) -> str:
    """A face's token.

    Raises:
        Said: It can't be one.
    """
    if not TOKEN.fullmatch(text):
        raise unknown_token(text)
    return text


def unknown_token(text: str) -> Said:
    """That there is no such token, or none any more."""
    shown = "".join(letter for letter in text[:MAX_SHOWN] if letter.isascii() and letter.isprintable())
    return Said(400, "INVALID_FACE_TOKEN", shown)


def too_large(field: str) -> Said:
    """That a picture has too many bytes."""
    return Said(400, "IMAGE_FILE_TOO_LARGE", field)


def decoded(text: bytes, field: str) -> bytes:
    """The bytes of a picture in base64, however carelessly it was written.

    Raises:
        Said: It isn't base64, or too much.
    """
    if scheme := SCHEME.match(text[:256]):
        text = text[scheme.end() :]
    text = text.translate(None, WHITE).strip(b" ").translate(CARELESS).rstrip(b"=")
    if len(text) * 3 // 4 > MAX_BYTES:
        raise too_large(field)
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Said(400, "IMAGE_ERROR_UNSUPPORTED_FORMAT", field) from None


@contextlib.contextmanager
def of_field(field: str) -> Iterator[None]:
    """Names the field of a picture that can't be used, whenever that is found out.

    A large picture is decoded once to find its faces and again where they are: the second time it may turn
    out to be damaged.

    Raises:
        OfFieldError: In the place of a `PhotoError`.
    """
    try:
        yield
    except PhotoError as error:
        raise OfFieldError(error, field) from None


def opened(data: bytes) -> Photo:
    """A picture within the limits; looked at before it is decoded.

    Raises:
        PhotoError: It can't be used.
    """
    kind = recognise(data) if data else None
    if kind is None or kind.name not in FORMATS:
        found = "nothing" if kind is None else kind.name
        raise PhotoError(
            "photo.format", "the format isn't taken here", found=found, expected=" or ".join(FORMATS)
        )
    with decoder_errors(kind.name):
        encoded = kind(data)
    sides = encoded.width, encoded.height
    for code, wrong in (
        ("photo.too_small", min(sides) < MIN_SIDE),
        ("photo.too_large", max(sides) > MAX_SIDE),
    ):
        if wrong:
            raise PhotoError(
                code,
                "the picture has another size than is taken here",
                found=f"{sides[0]} x {sides[1]}",
                expected=f"sides of {MIN_SIDE} to {MAX_SIDE} pixels",
            )
    return Photo.open(data)
