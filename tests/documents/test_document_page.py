from __future__ import annotations

import base64
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.documents.specimens import changed, make

from visavis.documents.document import read_document
from visavis.documents.document_page import SIDE, page
from visavis.documents.reader import PACK, DocumentReader
from visavis.documents.specimen_chip import make_dg1
from visavis.documents.trust import Trust
from visavis.packs.install import install

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.documents.specimens import Specimens

    from visavis.verifier import Verifier

NOW = datetime(2026, 6, 1, 12, 0, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def reader(sface: Verifier) -> DocumentReader:
    install(PACK)
    return DocumentReader(threads=1)


@pytest.fixture(scope="module")
def specimens(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Specimens:
    return make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])


def heading(html: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", html)
    assert found is not None
    return found[1]


def images(html: str) -> list[tuple[int, int]]:
    """Sizes of the pictures, all of them in the page itself."""
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    return [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).size for source in sources]


def test_a_passport_with_its_chip(specimens: Specimens, reader: DocumentReader) -> None:
    trust = Trust.read(specimens.trusted)
    html = page(read_document(specimens.passport, reader=reader, chip=specimens.chip, trust=trust))
    assert heading(html) == "READ"
    assert '<body class="match">' in html
    shown = images(html)  # photograph, page, portrait, ghost, chip's portrait, strip of the zone
    assert len(shown) == 6
    assert all(max(size) <= SIDE for size in shown)
    assert html.count("<polygon") == 2
    assert html.count("<rect") == 4
    for line in specimens.passport_lines:
        assert line.replace("<", "&lt;") in html
    assert html.count(">passed</span>") == 4
    assert "does not detect a cloned chip" in html
    assert "no check digit" in html
    assert "<script" not in html


def test_a_card_of_two_pictures_without_a_chip(specimens: Specimens, reader: DocumentReader) -> None:
    html = page(read_document([specimens.front, specimens.back], reader=reader, now=NOW))
    assert heading(html) == "READ"
    assert len(images(html)) == 6  # two photographs, two pages, the portrait, the strip
    assert "no files of a chip were given" in html
    assert "2026-06-01T12:00:05Z" in html
    assert "Printed against chip" not in html


def test_a_chip_that_was_changed(specimens: Specimens, reader: DocumentReader, tmp_path: Path) -> None:
    lines = [specimens.passport_lines[0].replace("OUDEIS", "NEMO<<"), specimens.passport_lines[1]]
    assert tuple(lines) != specimens.passport_lines
    chip = changed(specimens.chip, tmp_path / "chip", {"EF.DG1": make_dg1(lines)})
    html = page(read_document(specimens.passport, reader=reader, chip=chip))
    assert heading(html) == "CHIP FAILED"
    assert '<body class="no_match">' in html
    assert ">failed</span>" in html
    assert ">differs</span>" in html


def test_a_chip_of_another_document_and_pictures_of_several(
    specimens: Specimens, reader: DocumentReader
) -> None:
    html = page(read_document([specimens.front, specimens.back], reader=reader, chip=specimens.other_chip))
    assert heading(html) == "CHIP OF ANOTHER DOCUMENT"
    assert '<body class="no_match">' in html
    html = page(read_document([specimens.passport, specimens.other_back], reader=reader))
    assert heading(html) == "SEVERAL DOCUMENTS"
    assert '<body class="inconclusive">' in html
    assert "The pictures are of several documents" in html


def test_a_picture_without_a_document(reader: DocumentReader) -> None:
    to = io.BytesIO()
    Image.new("RGB", (300, 200), (90, 90, 90)).save(to, "PNG")
    html = page(read_document(to.getvalue(), reader=reader))
    assert heading(html) == "NOT ALL COULD BE READ"
    assert "No portrait was found" in html
    assert "none was found" in html
    assert len(images(html)) == 1


def test_a_hostile_file_name_stays_text(specimens: Specimens, reader: DocumentReader, tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    path.write_bytes(specimens.back.read_bytes())
    html = page(read_document(path, reader=reader))
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html
