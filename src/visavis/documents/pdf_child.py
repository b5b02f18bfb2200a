"""Renders a PDF's pages, in a process of its own: what breaks or stalls pdfium then harms nobody else.

Run as a script with standard input and output. In: the bytes of a PDF. Out: a line of JSON with width, height
and bytes per row of each page, then the pages' pixels, RGB. It imports nothing of visavis.
"""

from __future__ import annotations

import importlib
import json
import math
import sys

MAX_PAGES = 8
SIDE = 2000  # pixels of a page's longer side
NARROWEST = 0.05  # of the longer side: no document is longer than that
MAX_MEMORY = 2**30  # bytes; a page's bitmap has at most 12 MB, and the library itself takes about 60
MAX_SECONDS = 20  # of computing


def main() -> None:
    """Render standard input; leave with a sentence on standard error where that can't be done."""
    _limit()
    try:
        pages = _render(sys.stdin.buffer.read())
    # A renderer of foreign bytes raises what it likes, MemoryError included.
    except Exception as error:  # noqa: BLE001
        sys.exit(str(error) or type(error).__name__)
    sys.stdout.buffer.write(json.dumps([shape for shape, _ in pages]).encode() + b"\n")
    for _, pixels in pages:
        sys.stdout.buffer.write(pixels)


def _limit() -> None:
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return  # Windows has no such limits; the time is limited from outside, too
    for kind, limit in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CPU, MAX_SECONDS)):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _render(data: bytes) -> list[tuple[tuple[int, int, int], bytes]]:
    """Width, height and bytes per row of each page, and its pixels."""
    pdf = importlib.import_module("pypdfium2").PdfDocument(data)
    if not 1 <= len(pdf) <= MAX_PAGES:
        raise ValueError(f"it has {len(pdf)} pages, and 1 to {MAX_PAGES} are read")
    pages = []
    for page in pdf:
        width, height = page.get_size()
        longer, shorter = max(width, height), min(width, height)
        if not (math.isfinite(longer) and shorter > NARROWEST * longer > 0):
            raise ValueError(f"a page of {width:g} x {height:g} points is none of a document")
        bitmap = page.render(scale=SIDE / longer, rev_byteorder=True)
        if bitmap.n_channels != 3:
            raise ValueError(f"a page has {bitmap.n_channels} channels")
        pages.append(((bitmap.width, bitmap.height, bitmap.stride), bytes(bitmap.buffer)))
        bitmap.close()
        page.close()
    return pages


if __name__ == "__main__":
    main()
