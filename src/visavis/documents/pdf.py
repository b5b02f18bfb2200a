"""A PDF of a document -> a photo of each page, rendered by the optional pypdfium2 in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from visavis.documents import pdf_child
from visavis.documents.pdf_child import MAX_PAGES, MAX_SECONDS, SIDE
from visavis.errors import DocumentError
from visavis.photo import Photo
from visavis.photo.refusals import one_line

START = b"%PDF-"
START_WITHIN = 1024  # bytes; PDF viewers accept so much before it
MAX_WALL_SECONDS = 2 * MAX_SECONDS

__all__ = ["MAX_PAGES", "is_pdf", "render"]


def is_pdf(data: bytes) -> bool:
    """Whether these bytes are those of a PDF, and of no picture."""
    return START in data[:START_WITHIN] and not data.startswith(
        (b"\xff\xd8", b"\x89PNG", b"RIFF", b"II", b"MM")
    )


def render(data: bytes) -> list[Photo]:
    """A photo of each page.

    Raises:
        DocumentError: `document.pdf`: the extra isn't installed, or the PDF is damaged, locked, has too many
            pages or takes too much time or memory.
    """
    if importlib.util.find_spec("pypdfium2") is None:
        raise DocumentError(
            "document.pdf",
            "PDF documents need an extra: pip install 'visavis[pdf]'",
            expected="the package pypdfium2",
        )
    return [_photo(pixels, number) for number, pixels in enumerate(_pages(_rendered(data)), 1)]


def _rendered(data: bytes) -> bytes:
    """What the child says."""
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        child = subprocess.run(  # our own script, and nothing of the PDF on the command line
            [sys.executable, "-P", pdf_child.__file__],
            input=data,
            capture_output=True,
            timeout=MAX_WALL_SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": paths},
        )
    except subprocess.TimeoutExpired:
        raise _refused(f"not done after {MAX_WALL_SECONDS} s") from None
    except OSError as error:
        raise _refused(f"it can't be rendered: {one_line(error)}") from None
    if child.returncode != 0:
        said = child.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _refused(one_line(said[-1] if said else f"the renderer broke down ({child.returncode})"))
    return child.stdout


def _pages(output: bytes) -> list[Any]:
    """Pixels of each page: H x W x 3, RGB."""
    head = output.index(b"\n")
    pages, at = [], head + 1
    for width, height, stride in json.loads(output[:head]):
        rows = np.frombuffer(output, np.uint8, height * stride, at).reshape(height, stride)
        pages.append(rows[:, : 3 * width].reshape(height, width, 3))
        at += height * stride
    return pages


def _photo(pixels: Any, number: int) -> Photo:
    photo = Photo.from_pixels(pixels)
    return replace(photo, format="PDF", notes=(f"page {number} of a PDF, rendered at {SIDE} pixels",))


def _refused(found: str) -> DocumentError:
    return DocumentError(
        "document.pdf",
        "the PDF can't be used",
        found=found,
        expected=f"1 to {MAX_PAGES} pages that can be shown without a password",
    )
