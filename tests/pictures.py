"""Drawn pictures in every format, whole and hostile. No people."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray


Tags = dict[int, tuple[int, list[int]]]  # of a TIFF: number -> (3 for 16 bits or 4 for 32 bits, values)


def scene(width: int = 200, height: int = 150, *, grain: float = 4, seed: int = 7) -> NDArray[np.uint8]:
    """Soft colour waves with some grain: H x W x 3, RGB, with all values well inside 0 to 255."""
    y, x = np.mgrid[:height, :width]
    waves = [
        np.sin(x / 37) + 0.4 * np.cos(y / 11),
        np.sin((x + y) / 53),
        np.cos(y / 71) - 0.3 * np.sin(x / 9),
    ]
    noise = np.random.default_rng(seed).normal(0, grain, (height, width, 3))
    drawn: NDArray[np.uint8] = (128 + 75 * np.stack(waves, -1) + noise).clip(0, 255).astype(np.uint8)
    return drawn


def encoded(kind: str, pixels: NDArray[Any] | Image.Image | None = None, **options: Any) -> bytes:
    """A picture written by Pillow (`kind` as Pillow calls it: ``"JPEG2000"``)."""
    if pixels is None:
        pixels = scene()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def samples(width: int = 200, height: int = 150) -> dict[str, bytes]:
    """One good picture of each format and of each kind that takes another way through the decoders."""
    rgb = Image.fromarray(scene(width, height))
    alpha = rgb.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(rgb.size))
    deep = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
    exif = exif_of(6)
    lossy = {"irreversible": True, "quality_mode": "rates", "quality_layers": [20]}
    return {
        "jpeg": encoded("JPEG", rgb, quality=88, exif=exif),
        "jpeg progressive": encoded("JPEG", rgb, progressive=True),
        "jpeg restarts": encoded("JPEG", rgb, restart_marker_rows=1),
        "jpeg grey": encoded("JPEG", rgb.convert("L")),
        "jpeg cmyk": encoded("JPEG", rgb.convert("CMYK")),
        "jpeg icc": encoded("JPEG", rgb, icc_profile=display_p3()),
        "png": encoded("PNG", rgb, exif=exif),
        "png alpha": encoded("PNG", alpha, icc_profile=display_p3()),
        "png grey 16 bit": encoded("PNG", deep),
        "png palette": encoded("PNG", rgb.quantize(64), transparency=3),
        "png interlaced": png_of(scene(width, height), interlaced=True),
        "webp": encoded("WEBP", rgb, quality=80),
        "webp lossless alpha": encoded("WEBP", alpha, lossless=True, icc_profile=display_p3(), exif=exif),
        "tiff": encoded("TIFF", rgb, exif=exif),
        "tiff lzw": encoded("TIFF", alpha, compression="tiff_lzw"),
        "tiff deflate": encoded("TIFF", rgb.convert("CMYK"), compression="tiff_adobe_deflate"),
        "tiff packbits": encoded("TIFF", deep, compression="packbits"),
        "bmp": encoded("BMP", rgb),
        "bmp palette": encoded("BMP", rgb.quantize(64)),
        "jp2": encoded("JPEG2000", rgb, **lossy),
        "jp2 tiles": encoded("JPEG2000", rgb, tile_size=(64, 64)),
        "j2k grey 16 bit": encoded("JPEG2000", deep, no_jp2=True),
    }


# Pieces of the formats


def exif_of(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 8
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position + 8 : position + 8 + length]
        position += 12 + length


def png_from(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in chunks)


def png_header(width: int, height: int, *, bits: int = 8, colour: int = 2, interlaced: bool = False) -> bytes:
    return struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png_rows(pixels: NDArray[Any], *, interlaced: bool = False) -> bytes:
    """Unfiltered rows as a PNG stores them before compression; samples of 16 bits are big-endian."""
    stored = pixels.astype(pixels.dtype.newbyteorder(">"))
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = [stored[top::down, left::right] for left, top, right, down in passes]
    return b"".join(b"\0" + row.tobytes() for part in parts for row in part)


def png_of(
    pixels: NDArray[Any],
    *,
    interlaced: bool = False,
    rows: bytes | None = None,
    extra: tuple[bytes, bytes] = (b"", b""),
) -> bytes:
    """A PNG of grey, RGB or RGBA samples of 8 or 16 bits, which Pillow can't write in all combinations."""
    height, width = pixels.shape[:2]
    colour = {1: 0, 3: 2, 4: 6}[pixels.shape[2] if pixels.ndim == 3 else 1]
    header = png_header(width, height, bits=8 * pixels.itemsize, colour=colour, interlaced=interlaced)
    body = zlib.compress(png_rows(pixels, interlaced=interlaced) if rows is None else rows)
    chunks = [(b"IHDR", header), extra, (b"IDAT", body), (b"IEND", b"")]
    return png_from(*(chunk for chunk in chunks if chunk[0]))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP of these chunks."""
    parts = [kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for kind, body in chunks]
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_picture(data: bytes) -> tuple[bytes, bytes]:
    """The chunk with the picture data of a simple WebP."""
    kind, length = struct.unpack_from("<4sI", data, 12)
    return kind, data[20 : 20 + length]


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """A JPEG with one more segment right at its start."""
    return data[:2] + jpeg_segment(marker, body) + data[2:]


def jpeg_scans(data: bytes) -> list[int]:
    """Where the scans of a JPEG start."""
    return [i for i in range(len(data) - 1) if data[i : i + 2] == b"\xff\xda"]


def jpeg_header_only(width: int, height: int, *, progressive: bool = False) -> bytes:
    """A JPEG whose header promises a size, with no data to it."""
    small = bytearray(encoded("JPEG", scene(32, 32), progressive=progressive))
    frame = small.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    struct.pack_into(">HH", small, frame + 5, height, width)
    return bytes(small)


def tiff_of(tags: Tags, data: bytes = b"", *, pages: int = 1) -> bytes:
    """A little-endian TIFF: the data start at byte 8, and each of `pages` has the same tags."""
    out = b"II*\0" + struct.pack("<I", 8 + len(data) + len(data) % 2) + data + b"\0" * (len(data) % 2)
    for page in range(pages):
        values = b""
        entries = b""
        after = len(out) + 2 + 12 * len(tags) + 4
        for tag in sorted(tags):
            kind, numbers = tags[tag]
            packed = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
            if len(packed) > 4:
                entries += struct.pack("<HHII", tag, kind, len(numbers), after + len(values))
                values += packed
            else:
                entries += struct.pack("<HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
        following = after + len(values) if page + 1 < pages else 0
        out += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + values
    return out


def tiff_grey(pixels: NDArray[Any], *, tags: Tags | None = None, pages: int = 1) -> bytes:
    """An uncompressed grey TIFF of 8 or 16 bits in one strip, with tags of your own on top."""
    height, width = pixels.shape
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    plain: Tags = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [8 * pixels.itemsize]),
        259: (3, [1]),
        262: (3, [1]),
        273: (4, [8]),
        277: (3, [1]),
        278: (4, [height]),
        279: (4, [len(data)]),
    }
    return tiff_of(plain | (tags or {}), data, pages=pages)


def animated(kind: str, frames: int = 3) -> bytes:
    pictures = [Image.fromarray(scene(seed=seed)) for seed in range(frames)]
    return encoded(kind, pictures[0], save_all=True, append_images=pictures[1:])


# Colour profiles, built from the published numbers of their colour spaces rather than by a library

D50 = (0.9642, 1.0, 0.8249)  # ICC.1:2022, 7.2.16: the profile connection space
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def rgb_to_xyz(
    primaries: Sequence[tuple[float, float]], white: tuple[float, float] = (0.3127, 0.3290)
) -> NDArray[Any]:
    """Linear RGB to XYZ from chromaticities (SMPTE RP 177)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    target = np.array([white[0] / white[1], 1, (1 - white[0] - white[1]) / white[1]])
    return columns * np.linalg.solve(columns, target)


SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))  # IEC 61966-2-1
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))  # SMPTE EG 432-1, with the white of D65
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))  # Adobe RGB (1998), 4.3.1; gamma 2.19921875


def to_d50(xyz: NDArray[Any], white: NDArray[Any]) -> NDArray[Any]:
    """Chromatic adaptation by Bradford (ICC.1:2022, annex E)."""
    scale = (BRADFORD @ np.array(D50)) / (BRADFORD @ white)
    adapted: NDArray[Any] = np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD @ xyz
    return adapted


def profile_of(
    space: bytes, tags: dict[bytes, bytes], *, pcs: bytes = b"XYZ ", kind: bytes = b"mntr"
) -> bytes:
    """An ICC profile of version 2 with these tags (ICC.1:2001-04, clause 6)."""
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s", offset + len(body), b"test", 0x02400000, kind, space, pcs, bytes(12), b"acsp"
    )
    head = head.ljust(68, b"\0") + struct.pack(">3i", *(round(v * 65536) for v in D50))
    return head.ljust(128, b"\0") + table + body


def description(name: str) -> bytes:
    text = name.encode() + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)


def xyz_tag(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))


def curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def matrix_profile(name: str, primaries: Sequence[tuple[float, float]], gamma: float) -> bytes:
    matrix = rgb_to_xyz(primaries)
    columns = to_d50(matrix, matrix.sum(axis=1)).T
    tags = {b"desc": description(name), b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz_tag(D50)}
    tags |= {key: xyz_tag(column) for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    return profile_of(b"RGB ", tags | {key: curve(gamma) for key in (b"rTRC", b"gTRC", b"bTRC")})


def display_p3() -> bytes:
    """Display P3 but with a plain gamma of 2.2, whose expected values are one line of arithmetic."""
    return matrix_profile("Display P3", DISPLAY_P3, 2.2)


def grey_profile(gamma: float) -> bytes:
    tags = {
        b"desc": description("Grey"),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": xyz_tag(D50),
        b"kTRC": curve(gamma),
    }
    return profile_of(b"GRAY", tags)


def ink_profile(lab: Callable[[tuple[int, int, int, int]], tuple[float, float, float]]) -> bytes:
    """A CMYK profile that knows the Lab of each full ink or none: a `lut8Type` table of 2^4 points."""
    ramp = bytes(range(256))
    inks = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    points = bytes(
        v for ink in inks for v in (round(lab(ink)[0] * 2.55), *(round(x) + 128 for x in lab(ink)[1:]))
    )
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + points + ramp * 3
    tags = {
        b"desc": description("Inks"),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": xyz_tag(D50),
        b"A2B0": table,
    }
    return profile_of(b"CMYK", tags | {b"A2B1": table}, pcs=b"Lab ", kind=b"prtr")


def srgb_of_linear(linear: NDArray[Any]) -> NDArray[Any]:
    """Linear light, 0 to 1, as sRGB values, 0 to 255 (IEC 61966-2-1, 5.2)."""
    light = np.clip(linear, 0, 1)
    values: NDArray[Any] = 255 * np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )
    return values


def srgb_of_lab(lab: Sequence[float]) -> NDArray[Any]:
    """Lab of the profile connection space (D50) as sRGB, 0 to 255 (CIE 15)."""
    fy = (lab[0] + 16) / 116
    f = np.array([fy + lab[1] / 500, fy, fy - lab[2] / 200])
    xyz = np.array(D50) * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    matrix = rgb_to_xyz(SRGB)
    return srgb_of_linear(np.linalg.solve(to_d50(matrix, matrix.sum(axis=1)), xyz))


# Mutations

LENGTHS_NEAR = (  # names and markers of the formats' pieces, whose lengths stand before or behind them
    *(
        b"IDAT",
        b"IHDR",
        b"eXIf",
        b"iCCP",
        b"PLTE",
        b"tRNS",
        b"VP8 ",
        b"VP8L",
        b"VP8X",
        b"ICCP",
        b"EXIF",
        b"RIFF",
    ),
    *(b"jp2h", b"ihdr", b"jp2c", b"colr", b"\xff\x51", b"\xff\x52", b"\xff\x5c", b"\xff\x90", b"II*\0"),
    *(b"\xff\xe1", b"\xff\xe2", b"\xff\xdb", b"\xff\xc4", b"\xff\xc0", b"\xff\xc2", b"\xff\xda"),
)
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 60000, 0x7FFFFFFF, 0xFFFFFFFF)


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """A picture with one to four injuries; half of the time its checksums and outer length fit again."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        rng.choice(INJURIES)(out, other, rng)
    return _consistent(bytes(out)) if rng.random() < 0.5 else bytes(out)


def _position(out: bytearray, rng: random.Random) -> int:
    """Anywhere, but as often in the first part, where headers are, or near the end."""
    return rng.choice(
        (rng.randrange(len(out) + 1), rng.randrange(min(len(out), 64) + 1), max(len(out) - 20, 0))
    )


def _flip(out: bytearray, other: bytes, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 3, 20))):
        if out:
            out[min(_position(out, rng), len(out) - 1)] ^= 1 << rng.randrange(8)


def _overwrite(out: bytearray, other: bytes, rng: random.Random) -> None:
    position = _position(out, rng)
    noise = rng.choice((rng.randbytes, bytes))(rng.choice((1, 2, 4, 30, 300)))
    out[position : position + len(noise)] = noise


def _number(out: bytearray, other: bytes, rng: random.Random) -> None:
    """An extreme number where a header might have one."""
    size, order = rng.choice((1, 2, 4)), rng.choice(("big", "little"))
    position = _position(out, rng)
    value = rng.choice(EXTREMES) & (256**size - 1)
    out[position : position + size] = value.to_bytes(size, "big" if order == "big" else "little")


def _length(out: bytearray, other: bytes, rng: random.Random) -> None:
    """Another length of a chunk, a segment, a box or an entry that the format has."""
    places = [position for name in LENGTHS_NEAR if (position := out.find(name)) >= 0]
    if places:
        position = rng.choice(places) + rng.choice((-4, -2, 2, 4, 6, 8))
        change = rng.choice((-1, 1, -4, 4, 1000, -1000))
        part = out[max(position, 0) : position + 4]
        value = rng.choice((int.from_bytes(part) + change, rng.choice(EXTREMES))) & 0xFFFFFFFF
        out[max(position, 0) : position + 4] = value.to_bytes(4)[-len(part) :] if part else b""


def _insert(out: bytearray, other: bytes, rng: random.Random) -> None:
    position = _position(out, rng)
    out[position:position] = rng.randbytes(rng.choice((1, 2, 7, 64)))


def _delete(out: bytearray, other: bytes, rng: random.Random) -> None:
    position = _position(out, rng)
    del out[position : position + rng.choice((1, 2, 4, 16, 500))]


def _cut(out: bytearray, other: bytes, rng: random.Random) -> None:
    del out[rng.randrange(len(out) + 1) :]


def _repeat(out: bytearray, other: bytes, rng: random.Random) -> None:
    start = _position(out, rng)
    part = out[start : start + rng.choice((4, 20, 100, 2000))]
    out[start:start] = part * rng.choice((1, 1, 3))


def _splice(out: bytearray, other: bytes, rng: random.Random) -> None:
    """The start of one picture with the end of another."""
    out[rng.randrange(len(out) + 1) :] = other[rng.randrange(len(other) + 1) :]


def _end(out: bytearray, other: bytes, rng: random.Random) -> None:
    """Cut off, with a proper end put on again."""
    _cut(out, other, rng)
    out += rng.choice((b"\xff\xd9", png_chunk(b"IEND", b"")))


INJURIES = (
    _flip,
    _flip,
    _overwrite,
    _number,
    _length,
    _length,
    _insert,
    _delete,
    _cut,
    _repeat,
    _splice,
    _end,
)


def _consistent(data: bytes) -> bytes:
    """Checksums and outer lengths put right, so that an injury reaches the decoder behind them."""
    if data.startswith(b"\x89PNG"):
        return png_from(*png_chunks(data))
    if data.startswith(b"RIFF"):
        return data[:4] + struct.pack("<I", max(len(data) - 8, 0)) + data[8:]
    return data
