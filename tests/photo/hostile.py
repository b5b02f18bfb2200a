"""Bytes that are no photo, with the code they are refused with."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image
from tests import pictures
from tests.photo.common import SAMPLES, tiff_followed_by
from tests.pictures import encoded, png_chunk, png_chunks, png_from, png_header, png_of, scene, tiff_grey

from visavis.photo import limits


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

    # An orientation of 16 million values, all there: a tuple of them would take half a gigabyte.
    many = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x0112, 3, 16_000_000, 26, 0) + bytes(32_000_000)
    return {
        # what isn't a picture
        "orientation of millions in png": (
            png_from(header, (b"eXIf", many), *rest),
            "photo.too_large",
            "metadata",
        ),
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
        "thumbnails in a circle": (
            directories_in_a_circle(struct.pack("<HHHII", 1, 254, 4, 1, 1)),
            "photo.animated",
            "100 or more pages",
        ),
        "large pages in a circle": (
            directories_in_a_circle(b"\xff\xff" + bytes(12 * 65535)),
            "photo.animated",
            "100 or more pages",
        ),
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
            jpeg[:2] + pictures.jpeg_segment(0xE5, b"") * (limits.MAX_PIECES + 1) + jpeg[2:],
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
            png[:33] + png_chunk(b"teXt", b"") * (limits.MAX_PIECES + 1) + png[33:],
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


def directories_in_a_circle(entries: bytes) -> bytes:
    """A TIFF with two directories behind its own, each of which names the other as the next."""
    main = tiff_grey(np.zeros((64, 64), np.uint8))
    first = len(main)
    second = first + len(entries) + 4
    return tiff_followed_by(main, entries + struct.pack("<I", second) + entries + struct.pack("<I", first))


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
