"""HEIC, with its extra and without."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image
from tests.pictures import scene

from visavis.errors import PhotoError
from visavis.photo import Photo

BOX = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_heic_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match=r"visavis\[heic\]") as caught:
        Photo.open(BOX)
    assert caught.value.code == "photo.heic"


def test_heic() -> None:
    heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    heif.from_pillow(Image.fromarray(scene())).save(out, quality=95)
    read = Photo.open(out.getvalue())
    assert (read.format, read.width, read.height, read.notes) == ("HEIC", 200, 150, ())
    assert np.abs(read.pixels.astype(int) - scene()).mean() < 4
    for cut in range(12, len(out.getvalue()), 97):
        with pytest.raises(PhotoError) as caught:
            Photo.open(out.getvalue()[:cut])
        assert caught.value.code == "photo.truncated"
