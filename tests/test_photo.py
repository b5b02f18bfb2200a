"""Bytes to photo: what is accepted and how exactly, and what is refused with which code."""

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from tests import pictures
from tests.pictures import encoded, png_chunk, png_chunks, png_from, png_header, png_of, scene, tiff_grey

from visavis import photo
from visavis.errors import PhotoError
from visavis.photo import Photo

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SAMPLES = pictures.samples()
NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory comes from /proc")


def reference(data: bytes) -> NDArray[Any]:
    """What Pillow makes of a picture without alpha, profile or orientation."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def difference(pixels: NDArray[Any], expected: NDArray[Any]) -> float:
    assert pixels.shape == expected.shape
    return float(np.abs(pixels.astype(int) - expected).max())


# Formats


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


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"])
def test_tiff_in_each_lossless_compression(compression: str | None) -> None:
    data = encoded("TIFF", compression=compression)
    assert difference(Photo.open(data).pixels, scene()) == 0


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_pixels_are_contiguous_and_read_only(data: bytes) -> None:
    pixels = Photo.open(data).pixels
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0


def test_the_digest_is_of_the_encoded_bytes() -> None:
    assert Photo.open(SAMPLES["bmp"]).sha256 == hashlib.sha256(SAMPLES["bmp"]).hexdigest()


def test_the_repr_is_one_short_line() -> None:
    text = repr(Photo.open(encoded("JPEG", scene(1920, 1080))))
    assert text.startswith("<Photo 1920 x 1080 JPEG at scale 0.5, sha256 ")
    assert len(text) < 80
    assert "\n" not in text


# Sources


def test_every_kind_of_source_gives_the_same_photo(tmp_path: Path) -> None:
    data = SAMPLES["png"]
    path = tmp_path / "a picture.png"
    path.write_bytes(data)
    expected = Photo.open(data)
    with path.open("rb") as file:
        sources: list[Any] = [
            bytearray(data),
            memoryview(data),
            str(path),
            path,
            io.BytesIO(data),
            file,
            Dribbling(data),
        ]
        for source in sources:
            read = Photo.open(source)
            assert read.sha256 == expected.sha256
            assert difference(read.pixels, expected.pixels) == 0


class Dribbling(io.RawIOBase):
    """A raw file that gives a few bytes at a time, as sockets do."""

    def __init__(self, data: bytes) -> None:
        self.rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.rest.read(min(size, 1000))


@pytest.mark.skipif(sys.platform != "linux", reason="only here may a name be any bytes")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe\n.png")
    Path(name).write_bytes(SAMPLES["png"])
    assert Photo.open(name).format == "PNG"
    with pytest.raises(PhotoError) as caught:
        Photo.open(name + "x")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda folder: folder / "nothing.jpg", "photo.missing"),
        (lambda folder: "", "photo.missing"),
        (lambda folder: "a\0b", "photo.missing"),
        (lambda folder: write(folder / "file", b"x") / "below.jpg", "photo.missing"),
        (lambda folder: folder, "photo.directory"),
        (lambda folder: write(folder / "empty.jpg", b""), "photo.empty"),
        (lambda folder: "x" * 5000, "photo.unreadable"),
        (lambda folder: pipe(folder / "pipe"), "photo.unreadable"),
        (lambda folder: "/dev/zero", "photo.unreadable"),
        (lambda folder: sparse(folder / "sparse.jpg", photo.MAX_BYTES + 1), "photo.too_many_bytes"),
        (lambda folder: io.StringIO("text"), "photo.unreadable"),
        (lambda folder: closed(), "photo.unreadable"),
        (lambda folder: Endless(), "photo.too_many_bytes"),
        (lambda folder: bytes(photo.MAX_BYTES + 1), "photo.too_many_bytes"),
        (lambda folder: b"", "photo.empty"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="pipes and devices")
def test_sources_that_give_no_bytes(make: Callable[[Path], Any], code: str, tmp_path: Path) -> None:
    with pytest.raises(PhotoError) as caught:
        Photo.open(make(tmp_path))
    assert caught.value.code == code
    assert str(caught.value).isprintable()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def closed() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


class Endless(io.RawIOBase):
    """Gives bytes for ever, but remembers how many."""

    given = 0

    def read(self, size: int = -1) -> bytes:
        self.given += size
        assert self.given <= photo.MAX_BYTES + 1, "more was read than the limit"
        return bytes(size)


def test_a_source_of_another_kind_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="not from int"):
        Photo.open(5)  # type: ignore[arg-type]


# Scale


@pytest.mark.parametrize(
    ("size", "detail", "decoded"),
    [
        ((1920, 1080), 960, (960, 540)),
        ((1080, 1920), 960, (540, 960)),
        ((1922, 1081), 960, (961, 541)),  # libjpeg rounds up: ceil(1081 / 2)
        ((1919, 1080), 960, (960, 540)),  # the half has enough: ceil(1919 / 2) is 960 ...
        ((1900, 1080), 960, (1900, 1080)),  # ... but here it is 950
        ((1920, 1080), 200, (240, 135)),
        ((1920, 1080), 1, (240, 135)),  # an eighth is the coarsest
        ((1920, 1080), None, (1920, 1080)),
        ((640, 480), 960, (640, 480)),
    ],
)
def test_a_jpeg_is_decoded_at_the_scale_that_is_needed(
    size: tuple[int, int], detail: int | None, decoded: tuple[int, int]
) -> None:
    read = Photo.open(encoded("JPEG", scene(*size)), detail=detail)
    assert (read.width, read.height) == size
    assert read.pixels.shape == (decoded[1], decoded[0], 3)
    assert read.scale == decoded[0] / size[0]


def test_the_default_detail_is_half_of_full_hd() -> None:
    assert Photo.open(encoded("JPEG", scene(1920, 1080))).pixels.shape == (540, 960, 3)


@pytest.mark.parametrize("divisor", [2, 4, 8])
def test_a_scaled_jpeg_agrees_with_the_full_one_made_smaller(divisor: int) -> None:
    data = encoded("JPEG", scene(640, 480, grain=2), quality=95)
    smaller = Image.open(io.BytesIO(data)).reduce(divisor)
    pixels = Photo.open(data, detail=640 // divisor).pixels
    # The inverse DCT of fewer coefficients is no box filter: alike on average, not in each pixel.
    assert np.abs(pixels.astype(int) - np.asarray(smaller)).mean() < 2


def test_finer_gives_the_same_picture_with_more_pixels() -> None:
    data = encoded("JPEG", scene(1920, 1080), exif=pictures.exif_of(6))
    coarse = Photo.open(data, detail=200)
    assert coarse.finer(coarse.scale) is coarse
    for scale, shape in ((0.2, (480, 270, 3)), (0.3, (960, 540, 3)), (1.0, (1920, 1080, 3))):
        finer = coarse.finer(scale)
        assert finer.scale >= scale
        assert finer.pixels.shape == shape
        assert (finer.width, finer.height, finer.sha256) == (coarse.width, coarse.height, coarse.sha256)
        assert finer.notes == coarse.notes == ("turned by EXIF orientation 6",)
    full = coarse.finer(1.0)
    assert full.finer(1.0) is full
    assert difference(full.pixels, np.rot90(reference(data), -1)) == 0


def test_finer_of_a_picture_decoded_in_full_is_itself() -> None:
    read = Photo.open(SAMPLES["png"])
    assert read.finer(1.0) is read


def test_no_decode_gives_more_pixels_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo._Jpeg, "max_decoded", 100_000)
    read = Photo.open(encoded("JPEG", scene(640, 480)), detail=None)
    assert read.pixels.shape == (240, 320, 3)
    assert read.finer(1.0) is read


def test_a_200_megapixel_jpeg_comes_at_half_of_its_size() -> None:
    encoded_ = photo._Jpeg(pictures.jpeg_header_only(16320, 12240))
    assert encoded_.scale_for(1.0) == 0.5


def test_a_jpeg_2000_leaves_out_resolution_levels() -> None:
    drawn = scene(1001, 603, grain=1)
    read = Photo.open(encoded("JPEG2000", drawn), detail=480)
    assert read.pixels.shape == (302, 501, 3)
    smaller = Image.fromarray(drawn).resize((501, 302), Image.Resampling.BOX)
    assert np.abs(read.pixels.astype(int) - np.asarray(smaller)).mean() < 4
    assert difference(read.finer(1.0).pixels, drawn) == 0


@pytest.mark.parametrize("offset", [(0, 0), (3, 5)])
@pytest.mark.parametrize("width", range(96, 104))
def test_a_jpeg_2000_of_any_size_gives_the_detail(width: int, offset: tuple[int, int]) -> None:
    moved: dict[str, Any] = {"tile_size": (256, 256), "tile_offset": (0, 0), "offset": offset}
    read = Photo.open(encoded("JPEG2000", scene(width, 68), **moved), detail=10)
    # 97 and 101 can't do without two levels, but 101 can without three.
    assert 10 <= read.pixels.shape[1] <= (104 if any(offset) else 26 if width % 8 in {0, 4, 5, 6, 7} else 52)


# Upright

# CIPA DC-008-2023, tag Orientation: the side of the upright picture where row 0 and column 0 as stored are.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


@pytest.mark.parametrize(("orientation", "sides"), SIDES.items())
def test_each_exif_orientation_is_applied_once(orientation: int, sides: tuple[str, str]) -> None:
    stored = np.full((40, 60, 3), 90, np.uint8)
    row, column = 2, 5
    stored[row, column] = 250, 10, 20
    read = Photo.open(encoded("PNG", stored, exif=pictures.exif_of(orientation)))
    assert (read.width, read.height) == ((60, 40) if orientation < 5 else (40, 60))
    place = {}
    for side, distance in zip(sides, (row, column), strict=True):
        place["x" if side in {"left", "right"} else "y"] = {
            "top": distance,
            "left": distance,
            "bottom": read.height - 1 - distance,
            "right": read.width - 1 - distance,
        }[side]
    assert np.argwhere(read.pixels[..., 0] == 250).tolist() == [[place["y"], place["x"]]]
    assert read.notes == (() if orientation == 1 else (f"turned by EXIF orientation {orientation}",))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("big_endian", [False, True])
def test_every_format_with_exif_is_turned(kind: str, big_endian: bool) -> None:
    exif = Image.Exif()
    exif.endian = ">" if big_endian else "<"
    exif[0x0112] = 8
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    flat = Photo.open(encoded(kind, **options))
    turned = Photo.open(encoded(kind, exif=exif, **options))
    assert difference(turned.pixels, np.rot90(flat.pixels)) == 0
    assert turned.notes == ("turned by EXIF orientation 8",)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(value: int) -> None:
    data = encoded("JPEG", exif=pictures.exif_of(value))
    assert difference(Photo.open(data).pixels, reference(data)) == 0


def test_broken_exif_costs_nothing_but_the_orientation() -> None:
    plain = encoded("JPEG")
    whole = pictures.exif_of(6)
    for cut in range(len(whole)):
        read = Photo.open(pictures.with_segment(plain, 0xE1, whole[:cut].ljust(6, b"\0")))
        assert read.notes in ((), ("turned by EXIF orientation 6",))


# Depth, palette, alpha, grey


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = np.tile(np.linspace(0, 65535, 64).round().astype(np.uint16), (32, 1))
    expected = np.round(values / 257).astype(int)
    grey = Photo.open(png_of(values))
    assert difference(grey.pixels, np.repeat(expected[..., None], 3, axis=2)) == 0
    assert grey.notes == ("reduced from 16 to 8 bits",)
    for interlaced in (False, True):
        colour = Photo.open(png_of(np.stack([values, values[:, ::-1], values], -1), interlaced=interlaced))
        assert difference(colour.pixels, np.stack([expected, expected[:, ::-1], expected], -1)) <= 1
        assert colour.notes == ("reduced from 16 to 8 bits",)


def test_sixteen_bits_of_a_tiff() -> None:
    values = np.tile(np.linspace(0, 65535, 64).round().astype(np.uint16), (32, 1))
    expected = np.repeat(np.round(values / 257).astype(int)[..., None], 3, axis=2)
    assert difference(Photo.open(tiff_grey(values)).pixels, expected) == 0
    white_is_zero = Photo.open(tiff_grey(values, tags={262: (3, [0])}))
    assert difference(white_is_zero.pixels, 255 - expected) == 0


def test_twelve_bits_of_a_tiff() -> None:
    values = np.tile(np.linspace(0, 4095, 64).round().astype(int), (32, 1))
    high, low = values[:, ::2], values[:, 1::2]  # TIFF 6.0, section 8: two samples in three bytes
    packed = np.stack([high >> 4, (high & 15) << 4 | low >> 8, low & 255], -1).astype(np.uint8)
    size = (3, [packed.size])
    tags = {256: (3, [64]), 257: (3, [32]), 258: (3, [12]), 259: (3, [1]), 262: (3, [1]), 273: (3, [8])}
    read = Photo.open(pictures.tiff_of(tags | {277: (3, [1]), 278: (3, [32]), 279: size}, packed.tobytes()))
    assert difference(read.pixels[..., 0], np.round(values * 255 / 4095)) == 0
    assert read.notes == ("reduced from 12 to 8 bits",)


def test_sixteen_bits_of_a_jpeg_2000() -> None:
    grey = np.asarray(Image.fromarray(scene()).convert("L"))
    data = encoded("JPEG2000", grey.astype(np.uint16) * 257)
    assert difference(Photo.open(data).pixels[..., 1], grey) == 0


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_alpha_is_laid_over_white(kind: str, options: dict[str, Any]) -> None:
    rgba = np.zeros((32, 48, 4), np.uint8)
    rgba[..., :3] = 200, 100, 50
    rgba[..., 3] = np.arange(48) * 255 // 47
    cover = rgba[..., 3:] / 255
    expected = np.round(rgba[..., :3] * cover + 255 * (1 - cover))  # Porter and Duff 1984: A over B
    read = Photo.open(encoded(kind, rgba, **options))
    assert difference(read.pixels, expected) <= 1
    assert read.notes == ("alpha laid over white",)


def test_an_opaque_alpha_is_no_event() -> None:
    rgba = np.dstack([scene(), np.full((150, 200), 255, np.uint8)])
    read = Photo.open(encoded("PNG", rgba))
    assert difference(read.pixels, scene()) == 0
    assert read.notes == ()


def test_grey_with_alpha() -> None:
    grey = np.full((32, 32, 2), 60, np.uint8)
    grey[:, 16:, 1] = 0
    grey[:, :16, 1] = 255
    pixels = Photo.open(encoded("PNG", Image.fromarray(grey))).pixels
    assert (pixels[0, 0].tolist(), pixels[0, 31].tolist()) == ([60] * 3, [255] * 3)


def test_a_palette_with_and_without_transparency() -> None:
    image = Image.fromarray(np.tile(np.arange(4, dtype=np.uint8).repeat(8), (32, 1)))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7])
    colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]]
    assert Photo.open(encoded("PNG", image)).pixels[0, ::8].tolist() == colours
    assert Photo.open(encoded("TIFF", image)).pixels[0, ::8].tolist() == colours
    half = Photo.open(encoded("PNG", image, transparency=bytes([255, 0, 255, 255])))
    assert half.pixels[0, ::8].tolist() == [colours[0], [255] * 3, *colours[2:]]


def test_a_transparent_colour() -> None:
    rgb = scene(32, 32)
    rgb[:, :16] = 1, 2, 3
    key = (b"tRNS", struct.pack(">3H", 1, 2, 3))
    read = Photo.open(png_of(rgb, extra=key))
    assert (read.pixels[:, :16] == 255).all()
    assert difference(read.pixels[:, 16:], rgb[:, 16:]) == 0
    # With 16 bits Pillow can't compare the colour with the pixels any more: it stays what it is.
    deep = Photo.open(png_of(rgb.astype(np.uint16) * 257, extra=key))
    assert difference(deep.pixels, rgb) <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit(kind: str) -> None:
    image = Image.fromarray(scene()).convert("1")
    assert difference(Photo.open(encoded(kind, image)).pixels, np.asarray(image.convert("RGB"))) == 0


# Colour

COLOURS = np.array(
    [[255, 255, 255], [200, 120, 90], [90, 140, 200], [128, 128, 128], [60, 90, 50], [0, 0, 0]]
)


def swatches(colours: NDArray[Any]) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(colours.astype(np.uint8)[None], 32, axis=0), 32, axis=1)


@pytest.mark.parametrize(
    ("name", "primaries", "gamma"),
    [
        ("Display P3", pictures.DISPLAY_P3, 2.2),
        ("Adobe RGB", pictures.ADOBE_RGB, 563 / 256),
        ("Flat", pictures.SRGB, 1),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_profile_is_converted_to_srgb(
    kind: str, name: str, primaries: tuple[tuple[float, float], ...], gamma: float
) -> None:
    # Both spaces have the white of D65, so the adaptation to D50 and back cancels out.
    linear = pictures.rgb_to_xyz(primaries) @ ((COLOURS / 255) ** gamma).T
    expected = pictures.srgb_of_linear(np.linalg.solve(pictures.rgb_to_xyz(pictures.SRGB), linear)).T
    fine: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}
    profile = pictures.matrix_profile(name, primaries, gamma)
    read = Photo.open(encoded(kind, swatches(COLOURS), icc_profile=profile, **fine.get(kind, {})))
    # Near black a gamma of 1 has few codes, so the rounding of a JPEG weighs much; others are within 1.
    assert np.abs(read.pixels[16, 16::32] - expected).max() <= (8 if kind == "JPEG" else 1.5)
    assert read.notes == (f"converted from ICC profile '{name}'",)


def test_a_profile_that_is_srgb_already_costs_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    read = Photo.open(encoded("PNG", icc_profile=profile))
    assert read.notes == ()
    assert difference(read.pixels, scene()) == 0


@pytest.mark.parametrize(
    ("profile", "note"),
    [
        (b"no profile at all", "made for another kind of picture"),
        (pictures.display_p3()[:200], "damaged"),
        (pictures.grey_profile(1.0), "made for another kind of picture"),
        (pictures.profile_of(b"RGB ", {}), "damaged"),
    ],
)
def test_a_useless_profile_is_ignored_and_noted(profile: bytes, note: str) -> None:
    read = Photo.open(encoded("PNG", icc_profile=profile))
    assert read.notes == (f"ICC profile ignored: {note}",)
    assert difference(read.pixels, scene()) == 0


def test_the_name_of_a_profile_may_be_anything() -> None:
    profile = pictures.matrix_profile("evil\n\x1b[31m" + "x" * 500, pictures.DISPLAY_P3, 2.2)
    (note,) = Photo.open(encoded("PNG", icc_profile=profile)).notes
    assert note.isprintable()
    assert len(note) < 100


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_grey_picture_with_a_grey_profile(kind: str) -> None:
    data = encoded(kind, np.full((32, 32), 128, np.uint8), icc_profile=pictures.grey_profile(1.0))
    # IEC 61966-2-1: a linear 128 / 255 is 187.5 in sRGB.
    assert np.abs(Photo.open(data).pixels.astype(float) - 187.5).max() <= 1


def test_a_grey_picture_with_an_rgb_profile() -> None:
    data = encoded(
        "JPEG", np.full((32, 32), 128, np.uint8), icc_profile=pictures.matrix_profile("F", pictures.SRGB, 1)
    )
    assert np.abs(Photo.open(data).pixels.astype(float) - 187.5).max() <= 1


INKS = {(0, 0, 0, 0): [255, 255, 255], (255, 0, 0, 0): [0, 255, 255], (0, 0, 255, 0): [255, 255, 0]}


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize(("ink", "expected"), INKS.items())
def test_cmyk_without_a_profile(kind: str, ink: tuple[int, ...], expected: list[int]) -> None:
    # Pillow writes the JPEG inverted and with Adobe's marker, as Photoshop does.
    data = encoded(kind, Image.new("CMYK", (32, 32), ink))
    read = Photo.open(data)
    assert difference(read.pixels, np.broadcast_to(expected, (32, 32, 3))) <= 2
    assert read.notes == ("converted from CMYK without a profile",)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_with_its_profile(kind: str) -> None:
    def lab(ink: tuple[int, int, int, int]) -> tuple[float, float, float]:
        c, m, y, k = ink
        return (0, 0, 0) if k else (100 - 20 * c - 25 * m - 5 * y, -20 * c + 25 * m, -15 * c + 30 * y)

    profile = pictures.ink_profile(lab)
    for ink in ((0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 1, 1, 0), (0, 0, 0, 1)):
        full = tuple(255 * part for part in ink)
        read = Photo.open(encoded(kind, Image.new("CMYK", (32, 32), full), icc_profile=profile))
        assert np.abs(read.pixels - pictures.srgb_of_lab(lab(ink))).max() <= 3
        assert read.notes == ("converted from ICC profile 'Inks'",)


# Oddities of honest cameras and programs


def test_trailing_bytes_are_nobodys_business() -> None:
    for name in ("jpeg progressive", "png", "webp", "bmp", "jp2"):
        assert Photo.open(SAMPLES[name] + b"motion photo").sha256
    assert difference(Photo.open(encoded("JPEG") + SAMPLES["bmp"]).pixels, reference(encoded("JPEG"))) == 0


def test_the_first_picture_of_an_mpo_is_meant() -> None:
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(2)]
    data = encoded("MPO", frames[0], save_all=True, append_images=frames[1:])
    read = Photo.open(data)
    assert (read.format, read.width) == ("JPEG", 200)
    assert difference(read.pixels, reference(data)) == 0


@pytest.mark.parametrize("padding", [1, 2, 5, 1000])
def test_zeros_before_the_end_of_a_jpeg(padding: int) -> None:
    data = encoded("JPEG")
    read = Photo.open(data[:-2] + bytes(padding) + data[-2:])
    assert difference(read.pixels, reference(data)) == 0
    assert read.notes in ((), ("padding before the JPEG's end skipped",))  # the decoder itself skips a few
    assert read.notes or padding < 1000


def test_stray_and_fill_bytes_between_jpeg_segments() -> None:
    data = encoded("JPEG")
    stray = Photo.open(data[:20] + b"\0\0\0" + data[20:])
    assert difference(stray.pixels, reference(data)) == 0
    assert stray.notes == ("stray bytes between JPEG segments skipped",)
    assert Photo.open(data[:20] + b"\xff\xff" + data[20:]).notes == ()


def test_an_unknown_jfif_revision_and_adobe_transform() -> None:
    data = bytearray(encoded("JPEG"))
    assert data[6:10] == b"JFIF"
    data[11] = 3
    assert difference(Photo.open(bytes(data)).pixels, reference(encoded("JPEG"))) == 0
    bare = data[:2] + data[20:]  # without JFIF, so that the next one counts
    odd = pictures.with_segment(bytes(bare), 0xEE, b"Adobe\0\x64\0\0\0\0\7")
    assert difference(Photo.open(odd).pixels, reference(encoded("JPEG"))) == 0


def test_a_harmless_warning_hides_no_loss() -> None:
    # libjpeg reports only its first warning.
    data = encoded("JPEG")
    odd = pictures.with_segment(data[:2] + data[20:], 0xEE, b"Adobe\0\x64\0\0\0\0\7")
    with pytest.raises(PhotoError) as caught:
        Photo.open(odd[:3000] + b"\xff\xd9")
    assert caught.value.code == "photo.truncated"


def test_a_thumbnail_behind_a_tiff_is_no_page() -> None:
    grey = np.asarray(Image.fromarray(scene()).convert("L"))
    main = tiff_grey(grey)
    directory = struct.unpack_from("<I", main, 4)[0]
    thumbnail = struct.pack("<HHHII", 1, 254, 4, 1, 1) + bytes(4)
    count = struct.unpack_from("<H", main, directory)[0]
    linked = bytearray(main + thumbnail)
    struct.pack_into("<I", linked, directory + 2 + 12 * count, len(main))
    assert difference(Photo.open(bytes(linked)).pixels[..., 0], grey) == 0


# Hostile input


def hostile() -> dict[str, tuple[bytes, str, str]]:
    """Name -> bytes, expected code, and a word of the message."""
    jpeg, png, webp, tiff, bmp = (encoded(kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP"))
    progressive, restarts, jp2, j2k = (
        SAMPLES["jpeg progressive"],
        SAMPLES["jpeg restarts"],
        SAMPLES["jp2"],
        encoded("JPEG2000", no_jp2=True),
    )
    tiles = encoded("JPEG2000", no_jp2=True, tile_size=(64, 64))
    header, *rest = list(png_chunks(png))
    rng = random.Random(3)
    noise = rng.randbytes(5000)
    scans = pictures.jpeg_scans(progressive)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.jpg", jpeg)
    picture_kind, picture_data = pictures.webp_picture(webp)
    rows = pictures.png_rows(scene())
    passes = pictures.png_rows(scene(200, 149), interlaced=True)
    size_at = j2k.index(b"\xff\x51")
    grey = np.zeros((64, 64), np.uint8)
    ruined = bytearray(progressive)
    ruined[scans[0] + 5] ^= 0x40

    def changed(data: bytes, at: int, new: bytes) -> bytes:
        return data[:at] + new + data[at + len(new) :]

    return {
        # what isn't a picture
        "text": (b"Hello, I am a picture.\n" * 50, "photo.format", "text"),
        "one byte": (b"x", "photo.format", "text"),
        "utf-8 cut in a letter": (("ä" * 2000).encode()[:1023], "photo.format", "text"),
        "noise": (b"\x01\x02" + noise, "photo.format", "unknown bytes"),
        "zip": (zipped.getvalue(), "photo.format", "zip"),
        "svg": (b'<?xml version="1.0"?><svg width="100"></svg>', "photo.format", "SVG"),
        "html": (b"<!DOCTYPE html><p>Not found", "photo.format", "HTML"),
        "pdf": (b"%PDF-1.7\n" + noise, "photo.format", "PDF"),
        "base64": (b"/9j/4AAQSkZJRg==", "photo.format", "base64"),
        "gif": (encoded("GIF"), "photo.format", "GIF"),
        "animated gif": (pictures.animated("GIF"), "photo.format", "GIF"),
        "avif": (b"\0\0\0\x1cftypavif" + noise, "photo.format", "AVIF"),
        "mp4": (b"\0\0\0\x1cftypisom" + noise, "photo.format", "film"),
        "bigtiff": (encoded("TIFF", big_tiff=True), "photo.format", "BigTIFF"),
        # sizes
        "jpeg 60000": (pictures.jpeg_header_only(60000, 60000), "photo.too_large", "60000 x 60000"),
        "jpeg too many pixels": (pictures.jpeg_header_only(20000, 20000), "photo.too_large", "20000 x 20000"),
        "jpeg height 0": (pictures.jpeg_header_only(640, 0), "photo.too_small", "640 x 0"),
        "png 60000": (
            png_from((b"IHDR", png_header(60000, 60000)), (b"IEND", b"")),
            "photo.too_large",
            "60000 x 60000",
        ),
        "png 8000 x 8000": (png_from((b"IHDR", png_header(8000, 8000))), "photo.too_large", "8000 x 8000"),
        "webp 16384": (
            pictures.riff((b"VP8X", bytes(4) + b"\xff\x3f\0\xff\x3f\0"), (b"VP8 ", bytes(20))),
            "photo.too_large",
            "16384 x 16384",
        ),
        "tiff 60000": (
            tiff_grey(grey, tags={256: (4, [60000]), 257: (4, [60000])}),
            "photo.too_large",
            "60000",
        ),
        "bmp 60000": (changed(bmp, 18, struct.pack("<ii", 60000, 60000)), "photo.too_large", "60000"),
        "jp2 60000": (
            changed(j2k, size_at + 6, struct.pack(">II", 60000, 60000)),
            "photo.too_large",
            "60000",
        ),
        **{
            f"1 x 1 {kind}": (encoded(kind, scene(1, 1)), "photo.too_small", "1 x 1")
            for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "JPEG2000")
        },
        "15 x 400": (encoded("PNG", scene(15, 400)), "photo.too_small", "15 x 400"),
        # several frames
        "animated png": (pictures.animated("PNG"), "photo.animated", "3 frames"),
        "animated webp": (pictures.animated("WEBP"), "photo.animated", "3 frames"),
        "two pages": (pictures.animated("TIFF", 2), "photo.animated", "2 pages"),
        "endless pages": (tiff_grey(grey, pages=500), "photo.animated", "100 or more pages"),
        "heic sequence": (b"\0\0\0\x1cftyphevc" + noise, "photo.animated", "sequence"),
        # JPEG
        "jpeg start only": (b"\xff\xd8", "photo.truncated", "JPEG"),
        "jpeg start and end": (b"\xff\xd8\xff\xd9", "photo.truncated", "no picture data"),
        "noise after a jpeg header": (jpeg[:20] + noise, "photo.damaged", "JPEG"),
        "noise after a scan header": (jpeg[:700] + noise + b"\xff\xd9", "photo.damaged", "JPEG"),
        "jpeg half with an end": (jpeg[: len(jpeg) // 2] + b"\xff\xd9", "photo.truncated", "JPEG"),
        "jpeg 10 bytes short": (jpeg[:-12] + b"\xff\xd9", "photo.truncated", "JPEG"),
        "jpeg bytes left over": (jpeg[:-1000] + jpeg[-1500:], "photo.damaged", "extraneous"),
        "jpeg restart lost": (restarts.replace(b"\xff\xd2", b"", 1), "photo.damaged", "JPEG"),
        "jpeg restart renamed": (restarts.replace(b"\xff\xd2", b"\xff\xd5", 1), "photo.damaged", "JPEG"),
        "jpeg without tables": (jpeg.replace(b"\xff\xdb", b"\xff\xe7"), "photo.damaged", "JPEG"),
        "jpeg in a jpeg": (jpeg[:20] + jpeg, "photo.damaged", "0xd8"),
        "jpeg wrong segment length": (changed(jpeg, 4, b"\0\0"), "photo.damaged", "segment"),
        "jpeg long segment": (changed(jpeg, 4, b"\xff\xff"), "photo.truncated", "JPEG"),
        "jpeg of a million segments": (
            jpeg[:2] + pictures.jpeg_segment(0xE5, b"") * (photo.MAX_PIECES + 1) + jpeg[2:],
            "photo.too_large",
            "pieces",
        ),
        "jpeg two frames": (
            pictures.with_segment(jpeg, 0xC0, jpeg_frame(jpeg)),
            "photo.damaged",
            "second frame",
        ),
        "jpeg arithmetic": (jpeg.replace(b"\xff\xc0", b"\xff\xc9"), "photo.format", "process 9"),
        "jpeg 12 bits": (changed(jpeg, jpeg.index(b"\xff\xc0") + 4, b"\x0c"), "photo.format", "12 bits"),
        "jpeg odd sampling": (
            changed(jpeg, jpeg.index(b"\xff\xc0") + 11, b"\x31"),
            "photo.format",
            "subsampling",
        ),
        "progressive damaged": (bytes(ruined), "photo.damaged", "JPEG"),
        **{
            f"progressive with {count} scans": (
                progressive[:position] + b"\xff\xd9",
                "photo.truncated",
                "scans",
            )
            for count, position in enumerate(scans[1:], start=1)
        },
        "progressive bomb": (scan_bomb(), "photo.too_large", "scans"),
        "progressive too large": (
            pictures.jpeg_header_only(14000, 14000, progressive=True),
            "photo.too_large",
            "blocks",
        ),
        # PNG
        "png signature only": (png[:8], "photo.truncated", "PNG"),
        "png without end": (png[:-12], "photo.truncated", "PNG"),
        "png without data": (png_from(header, (b"IEND", b"")), "photo.truncated", "no picture data"),
        "png long chunk": (changed(png, 33, b"\0\xff\0\0"), "photo.truncated", "PNG"),
        "png huge chunk": (changed(png, 33, b"\xff\xff\xff\xff"), "photo.damaged", "chunk"),
        "png short chunk": (changed(png, 33, b"\0\0\0\x05"), "photo.damaged", "PNG"),
        "png wrong checksum": (changed(png, len(png) // 2, b"????"), "photo.damaged", "checksum of IDAT"),
        "png header twice": (png_from(header, header, *rest, (b"IEND", b"")), "photo.damaged", "header"),
        "png short header": (png_from((b"IHDR", header[1][:12]), *rest), "photo.damaged", "header"),
        "png half of the data": (png_of(scene(), rows=rows[: len(rows) // 2]), "photo.truncated", "PNG"),
        "png last row missing": (png_of(scene(), rows=rows[:-601]), "photo.truncated", "PNG"),
        "png last pass missing": (
            png_of(
                scene(200, 149), interlaced=True, rows=passes[: -601 * 74]
            ),  # its last row is of another pass
            "photo.truncated",
            "PNG",
        ),
        "png data of noise": (png_from(header, (b"IDAT", noise), (b"IEND", b"")), "photo.damaged", "PNG"),
        "png cut data": (cut_png(header), "photo.truncated", "PNG"),
        "png text bomb": (
            png_from(
                header, *[(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**20)))] * 100, *rest, (b"IEND", b"")
            ),
            "photo.damaged",
            "PNG",
        ),
        "png of a million chunks": (
            png[:33] + png_chunk(b"teXt", b"") * (photo.MAX_PIECES + 1) + png[33:],
            "photo.too_large",
            "pieces",
        ),
        # WebP
        "webp nothing inside": (pictures.riff(), "photo.truncated", "WebP"),
        "webp short": (webp[:-20], "photo.truncated", "WebP"),
        "webp short data": (
            pictures.riff((picture_kind, picture_data[: len(picture_data) // 2])),
            "photo.damaged",
            "WebP",
        ),
        "webp wrong chunk length": (changed(webp, 16, b"\xff\xff\xff\0"), "photo.truncated", "WebP"),
        "webp of noise": (pictures.riff((b"VP8 ", picture_data[:10] + noise)), "photo.damaged", "WebP"),
        "webp contradicting sizes": (
            pictures.riff((b"VP8X", bytes(4) + b"\x1f\0\0\x1f\0\0"), (picture_kind, picture_data)),
            "photo.damaged",
            "WebP",
        ),
        # TIFF
        "tiff header only": (b"II*\0\x08\0\0\0", "photo.truncated", "TIFF"),
        "tiff directory beyond the end": (b"II*\0\xff\xff\xff\xff" + bytes(50), "photo.truncated", "TIFF"),
        "tiff without a size": (pictures.tiff_of({258: (3, [8])}), "photo.damaged", "tag 256"),
        "tiff short": (tiff[:-100], "photo.truncated", "TIFF"),
        "tiff strip beyond the end": (tiff_grey(grey, tags={273: (4, [4000])}), "photo.truncated", "TIFF"),
        "tiff strip missing": (tiff_grey(grey, tags={278: (4, [32])}), "photo.truncated", "1 of 2 pieces"),
        "tiff strip too short": (tiff_grey(grey, tags={279: (4, [100])}), "photo.truncated", "100 bytes"),
        "tiff tag beyond the end": (
            tiff_grey(grey, tags={700: (4, [1] * 50)})[:-90],
            "photo.truncated",
            "700",
        ),
        "tiff jpeg": (encoded("TIFF", compression="jpeg"), "photo.format", "compression 7"),
        "tiff float": (
            encoded("TIFF", Image.fromarray(np.zeros((32, 32), np.float32))),
            "photo.format",
            "samples of kind F",
        ),
        "tiff raw of a camera": (tiff_grey(grey, tags={50706: (4, [1])}), "photo.format", "raw"),
        "tiff million strips": (
            tiff_grey(grey, tags={273: (4, [8] * 70000), 279: (4, [1] * 70000)}),
            "photo.too_large",
            "pieces",
        ),
        # BMP
        "bmp header only": (b"BM" + bytes(12), "photo.truncated", "BMP"),
        "bmp short": (bmp[:-1], "photo.truncated", "BMP"),
        "bmp run length": (changed(SAMPLES["bmp palette"], 30, b"\1"), "photo.format", "compression 1"),
        "bmp odd depth": (changed(bmp, 28, b"\7"), "photo.damaged", "BMP"),
        "bmp negative width": (changed(bmp, 18, b"\xff\xff\xff\xff"), "photo.too_small", "BMP"),
        # JPEG 2000
        "jp2 signature only": (jp2[:12], "photo.truncated", "JPEG 2000"),
        "jp2 wrong box length": (changed(jp2, 12, b"\0\0\0\4"), "photo.damaged", "JPEG 2000"),
        "jp2 short": (jp2[:-100], "photo.truncated", "JPEG 2000"),
        "jp2 contradicting sizes": (
            changed(jp2, jp2.index(b"ihdr") + 4, b"\0\0\1\0"),
            "photo.damaged",
            "sizes",
        ),
        "j2k cut": (j2k[: len(j2k) // 2], "photo.truncated", "JPEG 2000"),
        "j2k without an end marker": (j2k[:-2], "photo.truncated", "end marker"),
        "j2k short with an end marker": (shorter_tile(j2k), "photo.damaged", "JPEG 2000"),
        "j2k tile missing": (
            tiles[: tiles.rindex(b"\xff\x90\0\x0a")] + b"\xff\xd9",
            "photo.truncated",
            "11 of 12",
        ),
        "j2k part of a tile missing": (
            changed(j2k, j2k.index(b"\xff\x90\0\x0a") + 11, b"\2"),
            "photo.truncated",
            "parts of a tile",
        ),
        "j2k million tiles": (
            changed(j2k, size_at + 22, struct.pack(">II", 1, 1)),
            "photo.too_large",
            "tiles",
        ),
        "j2k 65535 layers": (
            changed(j2k, j2k.index(b"\xff\x52") + 6, b"\xff\xff"),
            "photo.too_large",
            "layers",
        ),
        "j2k order changes": (j2k.replace(b"\xff\x64", b"\xff\x5f", 1), "photo.format", "progression"),
        "j2k tiny blocks": (
            encoded("JPEG2000", no_jp2=True, codeblock_size=(4, 4)),
            "photo.format",
            "tiny code blocks",
        ),
        "j2k 200 components": (changed(j2k, size_at + 38, b"\0\xc8"), "photo.format", "200 components"),
        # HEIC
        "heic cut": (b"\0\0\0\x1cftypheic" + bytes(10), "photo.truncated", "HEIC"),
    }


def jpeg_frame(data: bytes) -> bytes:
    start = data.index(b"\xff\xc0") + 2
    return data[start + 2 : start + struct.unpack_from(">H", data, start)[0]]


def scan_bomb() -> bytes:
    """A small file that would keep the decoder busy for a minute: one scan of a large picture, many times."""
    data = pictures.jpeg_header_only(8000, 6000, progressive=True)
    second, third = pictures.jpeg_scans(data)[1:3]
    return data[:third] + data[second:third] * 500 + data[third:]


def cut_png(header: tuple[bytes, bytes]) -> bytes:
    """Compressed data that stop in the middle, in a chunk that is right in itself."""
    body = zlib.compress(pictures.png_rows(scene()))
    return png_from(header, (b"IDAT", body[: len(body) // 2]), (b"IEND", b""))


def shorter_tile(data: bytes) -> bytes:
    """Half of a tile's data with its length put right and the end marker on: consistent, but cut off."""
    start = data.index(b"\xff\x90\0\x0a")
    kept = data[start : (start + len(data)) // 2]
    return data[:start] + kept[:6] + struct.pack(">I", len(kept)) + kept[10:] + b"\xff\xd9"


HOSTILE = hostile()


@pytest.mark.parametrize(("data", "code", "word"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_end_in_one_clear_line(
    data: bytes, code: str, word: str, capfd: pytest.CaptureFixture[str]
) -> None:
    start = time.process_time()
    with pytest.raises(PhotoError) as caught:
        Photo.open(data)
    assert time.process_time() - start < 2
    assert caught.value.code == code
    assert word in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is None
    assert capfd.readouterr() == ("", "")


@NEEDS_PROC
def test_hostile_bytes_stay_under_500_megabytes(tmp_path: Path) -> None:
    for number, (data, _, _) in enumerate(HOSTILE.values()):
        (tmp_path / str(number)).write_bytes(data)
    # As large as a PNG may be, of one colour: 200 kB that become 200 MB before they are a picture.
    large = zlib.compress(bytes(7071 * (1 + 4 * 7071)), 9)
    parts = ((b"IHDR", png_header(7071, 7071, colour=6)), (b"IDAT", large), (b"IEND", b""))
    (tmp_path / "large").write_bytes(png_from(*parts))
    _, megabytes = in_a_process(
        f"""
        for path in sorted(pathlib.Path({str(tmp_path)!r}).iterdir()):
            try:
                Photo.open(path)
            except PhotoError:
                pass
        """
    )
    assert 300 < megabytes < 500  # the large one is in it: 4 bytes for Pillow and 3 for us of each pixel


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_a_picture_cut_anywhere_is_refused(data: bytes) -> None:
    places = {*range(12, min(len(data), 60)), *range(12, len(data), max(1, len(data) // 60))}
    for cut in sorted(places | {len(data) - 1}):
        with pytest.raises(PhotoError) as caught:
            Photo.open(data[:cut])
        assert caught.value.code == "photo.truncated", cut


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("jpeg")])
def test_a_jpeg_cut_anywhere_in_its_data_with_an_end_marker_put_on_is_refused(name: str) -> None:
    data = SAMPLES[name]
    for cut in range(pictures.jpeg_scans(data)[0] + 20, len(data) - 6, len(data) // 60):
        with pytest.raises(PhotoError):
            Photo.open(data[:cut] + b"\xff\xd9")


def test_mutated_pictures_raise_nothing_else() -> None:
    """A few of the mutations of `benchmarks/fuzz_photo.py`."""
    small = list(pictures.samples(96, 64).values())
    outcomes = set()
    for seed in range(600):
        rng = random.Random(seed)
        start = time.process_time()
        try:
            Photo.open(pictures.mutated(rng.choice(small), rng.choice(small), rng))
            outcomes.add("decoded")
        except PhotoError as error:
            outcomes.add(error.code)
        assert time.process_time() - start < 2
    assert outcomes >= {"decoded", "photo.truncated", "photo.damaged", "photo.format"}


def test_whatever_a_decoder_raises_is_a_damaged_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    import simplejpeg

    def decode(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(simplejpeg, "decode_jpeg", decode)
    with pytest.raises(PhotoError, match="MemoryError") as caught:
        Photo.open(SAMPLES["jpeg"])
    assert caught.value.code == "photo.damaged"


# HEIC

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


# Arrays


def test_pixels_that_somebody_holds_are_copied() -> None:
    mine = scene()
    held, plain = Photo.from_pixels(mine[:, ::-1]), Photo.from_pixels(mine)
    mine[:] = 0
    assert difference(plain.pixels, scene()) == 0
    assert (held.format, held.width, held.height, held.scale, held.notes) == ("array", 200, 150, 1.0, ())
    assert difference(held.pixels, scene()[:, ::-1]) == 0
    assert held.pixels.flags.c_contiguous
    assert not held.pixels.flags.writeable
    assert held.finer(1.0) is held
    assert held.sha256 != plain.sha256


@pytest.mark.parametrize(
    ("pixels", "code"),
    [
        (scene().astype(float), "photo.format"),
        (scene()[..., 0], "photo.format"),
        (np.zeros((64, 64, 4), np.uint8), "photo.format"),
        (np.zeros((64, 8, 3), np.uint8), "photo.too_small"),
        (np.broadcast_to(np.uint8(0), (8000, 8000, 3)), "photo.too_large"),
    ],
)
def test_arrays_that_are_no_photo(pixels: NDArray[Any], code: str) -> None:
    with pytest.raises(PhotoError) as caught:
        Photo.from_pixels(pixels)
    assert caught.value.code == code


# Cost


def in_a_process(body: str) -> tuple[float, int]:
    """Run lines with `Photo` at hand in a fresh process: processor seconds, and peak memory in megabytes."""
    lines = "\n".join(line[8:] for line in body.splitlines())
    code = (
        "import pathlib, time\n"
        "from visavis.photo import Photo, PhotoError\n"
        f"{lines}\n"
        "peak = pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(time.process_time(), int(peak) // 1024)\n"
    )
    source = str(Path(photo.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, megabytes = done.stdout.split()
    return float(seconds), int(megabytes)


@NEEDS_PROC
def test_a_48_megapixel_jpeg_costs_neither_its_full_time_nor_its_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(np.tile(scene(400, 300), (20, 20, 1))).save(path, quality=90)
    coarse = in_a_process(f"        Photo.open({str(path)!r})\n")
    full = in_a_process(f"        Photo.open({str(path)!r}, detail=None)\n")
    assert coarse[1] < 100  # the pixels alone are 144 MB
    assert full[1] > 144
    assert coarse[0] < full[0]


def test_importing_the_module_loads_no_decoder() -> None:
    code = "import sys, visavis.photo; print(*{'numpy', 'PIL', 'cv2', 'simplejpeg'} & sys.modules.keys())"
    env = os.environ | {"PYTHONPATH": str(Path(photo.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_threads_do_not_disturb_each_other() -> None:
    expected = {name: Photo.open(data).pixels for name, data in SAMPLES.items()}
    wrong: list[str] = []

    def work() -> None:
        for _ in range(5):
            wrong.extend(n for n, data in SAMPLES.items() if difference(Photo.open(data).pixels, expected[n]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
