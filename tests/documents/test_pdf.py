from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.documents.specimens import pdf

from visavis.documents import pdf as module
from visavis.documents import pdf_child
from visavis.documents.pdf import MAX_PAGES, is_pdf, render
from visavis.documents.pdf_child import SIDE
from visavis.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path


def written(*pages: str, kids: str | None = None) -> bytes:
    """A PDF by hand, without the table of places: a viewer makes one."""
    numbers = range(3, 3 + len(pages))
    listed = kids or " ".join(f"{number} 0 R" for number in numbers)
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{listed}] /Count {len(pages)} >>",
        *(f"<< /Type /Page /Parent 2 0 R {page} >>" for page in pages),
    ]
    body = "".join(f"{number} 0 obj\n{text}\nendobj\n" for number, text in enumerate(objects, 1))
    return f"%PDF-1.7\n{body}trailer << /Root 1 0 R /Size {len(objects) + 1} >>\n%%EOF\n".encode()


def refused(data: bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        render(data)
    assert caught.value.code == "document.pdf"
    assert "\n" not in str(caught.value)
    return caught.value


def test_pages_come_in_their_order_and_colours() -> None:
    colours = [(200, 30, 10), (10, 30, 200)]
    photos = render(pdf([Image.new("RGB", (300, 200), colour) for colour in colours]))
    assert [max(photo.width, photo.height) for photo in photos] == [SIDE, SIDE]
    for photo, colour in zip(photos, colours, strict=True):
        assert np.abs(photo.pixels[::50, ::50].astype(int) - colour).max() <= 4  # JPEG within the PDF
        assert photo.format == "PDF"
    assert photos[1].notes == (f"page 2 of a PDF, rendered at {SIDE} pixels",)


def test_a_row_of_an_odd_length_has_its_padding_left_out() -> None:
    drawn = Image.new("RGB", (300, 101), (255, 255, 255))
    drawn.paste((0, 0, 0), (0, 0, 150, 101))
    [photo] = render(pdf([drawn]))
    row = photo.pixels[photo.height // 2, :, 0]
    assert (row[: photo.width // 2 - 40] < 20).all()
    assert (row[photo.width // 2 + 40 :] > 235).all()


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        (b"%PDF-1.7\n", True),
        (b"\n" * 1000 + b"%PDF-1.4", True),
        (b"\n" * 2000 + b"%PDF-1.4", False),
        (b"\xff\xd8\xff\xe0 %PDF-", False),
        (b"", False),
    ],
)
def test_what_a_pdf_begins_with(data: bytes, is_it: bool) -> None:
    assert is_pdf(data) is is_it


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-",
        b"%PDF-1.7\n" + bytes(range(256)) * 40,
        pdf([Image.new("RGB", (300, 200))])[:200],
        written(),
        written(*["/MediaBox [0 0 200 100]"] * (MAX_PAGES + 1)),
        written("/MediaBox [0 0 100000000 1]"),
        written("/MediaBox [0 0 200 100]", kids="2 0 R"),  # a tree that holds itself
        b"%PDF-1.7\n" + b"[" * 500_000,
    ],
    ids=["start", "noise", "cut", "no page", "too many", "a line", "circle", "nested"],
)
def test_a_hostile_pdf_is_refused_by_name(data: bytes) -> None:
    refused(data)


def test_a_page_of_any_size_is_rendered_at_one() -> None:
    for size in ("1 1", "14400 14400"):
        [photo] = render(written(f"/MediaBox [0 0 {size}]"))
        assert max(photo.width, photo.height) <= SIDE + 1


def test_a_renderer_that_stalls_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WALL_SECONDS", 0.01)
    assert "0.01 s" in str(refused(written("/MediaBox [0 0 200 100]")))


def test_a_renderer_that_breaks_down_breaks_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "child.py"
    script.write_text("import os\nos.abort()\n", encoding="utf-8")
    monkeypatch.setattr(pdf_child, "__file__", str(script))
    assert "broke down" in str(refused(written("/MediaBox [0 0 200 100]")))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "pip install 'visavis[pdf]'" in str(refused(b"%PDF-1.7"))
