"""Each format is recognised and decodes as elsewhere."""

from __future__ import annotations

import pytest
from tests.photo.common import SAMPLES, difference, reference
from tests.pictures import encoded

from visavis.photo import Photo


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("jpeg progressive", "JPEG"),
        ("jpeg restarts", "JPEG"),
        ("jpeg grey", "JPEG"),
        ("png interlaced", "PNG"),
        ("webp", "WebP"),
        ("bmp", "BMP"),
        ("bmp palette", "BMP"),
        ("jp2", "JPEG 2000"),
        ("jp2 tiles", "JPEG 2000"),
    ],
)
def test_each_format_decodes_as_pillow_does(name: str, format_: str) -> None:
    read = Photo.open(SAMPLES[name])
    assert (read.format, read.width, read.height, read.scale, read.notes) == (format_, 200, 150, 1.0, ())
    assert difference(read.pixels, reference(SAMPLES[name])) == 0


def test_trailing_bytes_are_nobodys_business() -> None:
    for name in ("jpeg progressive", "png", "webp", "bmp", "jp2"):
        assert Photo.open(SAMPLES[name] + b"motion photo").sha256
    assert difference(Photo.open(encoded("JPEG") + SAMPLES["bmp"]).pixels, reference(encoded("JPEG"))) == 0
