"""What the tests of photo share: pictures, how far one is from another, and what a process needs for them."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests import pictures

import visavis

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES = pictures.samples()
NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory comes from /proc")


def reference(data: bytes) -> NDArray[Any]:
    """What Pillow makes of a picture without alpha, profile or orientation."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def difference(pixels: NDArray[Any], expected: NDArray[Any]) -> float:
    assert pixels.shape == expected.shape
    return float(np.abs(pixels.astype(int) - expected).max())


def tiff_followed_by(tiff: bytes, directories: bytes) -> bytes:
    """A TIFF of little-endian numbers with more directories behind it; the first of them follows its own."""
    linked = bytearray(tiff + directories)
    (own,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, own)
    struct.pack_into("<I", linked, own + 2 + 12 * count, len(tiff))
    return bytes(linked)


def in_a_process(body: str) -> tuple[float, int]:
    """Run lines with `Photo` at hand in a fresh process: processor seconds, and peak memory in megabytes."""
    lines = "\n".join(line[8:] for line in body.splitlines())
    code = (
        "import pathlib, time\n"
        "from visavis import Photo, PhotoError\n"
        f"{lines}\n"
        "peak = pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(time.process_time(), int(peak) // 1024)\n"
    )
    source = str(Path(visavis.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, megabytes = done.stdout.split()
    return float(seconds), int(megabytes)
