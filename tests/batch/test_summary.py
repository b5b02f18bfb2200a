"""Counts, classes of similarities, and the page, whatever a table is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest

from visavis.batch import charts, results, summary
from visavis.batch.page import page
from visavis.batch.summary import BINS, EDGES, Summary
from visavis.decision.policy import Policy

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = {
    "batch": "0123",
    "table": {"name": "<b>pairs\u202e.csv", "sha256": "ab" * 32},
    "rows": 6,
    "policy": Policy().to_dict(),
    "pack": "sface",
    "fingerprint": "0123456789abcdef",
    "calibration": "cd" * 32,
    "ledger": "visavis/ledger-1",
}
CELLS: list[dict[str, Any]] = [
    {"row": 1, "decision": "match", "similarity": 0.75, "reasons": [], "ledger_index": 7},
    {"row": 2, "decision": "match", "similarity": 1.0, "reasons": ["turned", "turned"], "ledger_index": 8},
    {"row": 3, "decision": "no_match", "similarity": -1.0, "reasons": ["turned"], "ledger_index": 9},
    {"row": 4, "decision": "inconclusive", "reasons": ["no_face"], "ledger_index": 10},
    {"row": 5, "error": "photo.missing", "message": "probe: there is no file", "ledger_index": 11},
    {"row": 6, "error": "batch.row", "message": "subject is empty"},
]


def files(folder: Path) -> list[Path]:
    """The same rows in two parts."""
    made = []
    for number, cells in enumerate((CELLS[:2], CELLS[2:])):
        passed = pa.table({"subject": [f"s{each['row']}" for each in cells]})
        with (folder / f"{number}.parquet").open("wb") as file:
            results.write(file, cells, passed, MANIFEST)
        made.append(folder / f"{number}.parquet")
    return made


@pytest.fixture
def found(tmp_path: Path) -> Summary:
    return summary.summarise(files(tmp_path), MANIFEST, 0.4188765)


def test_counts(found: Summary) -> None:
    assert found.decisions == {"match": 2, "no_match": 1, "inconclusive": 1}
    assert found.rejected == {"batch.row": 1, "photo.missing": 1}
    assert found.reasons == {"turned": 2, "no_face": 1}, "each once a row"
    assert found.ledger == {"origin": "visavis/ledger-1", "first": 7, "last": 11}
    assert found.threshold == 0.41888


def test_similarities_fall_into_their_classes(found: Summary) -> None:
    assert len(EDGES) == BINS + 1
    assert (EDGES[0], EDGES[-1]) == (-1.0, 1.0)
    filled = {at: count for at, count in enumerate(found.match) if count}
    assert filled == {87: 1, 99: 1}, "0.75 lies between 0.74 and 0.76; 1 in the last class"
    assert {at: count for at, count in enumerate(found.no_match) if count} == {0: 1}


def test_rejected_rows_are_listed(tmp_path: Path) -> None:
    assert list(summary.rejected_rows(files(tmp_path))) == [
        {"row": 5, "code": "photo.missing", "reason": "probe: there is no file"},
        {"row": 6, "code": "batch.row", "reason": "subject is empty"},
    ]


def test_lines(found: Summary) -> None:
    assert dict(summary.lines(found)) == {
        "rows": "6",
        "match": "2",
        "no match": "1",
        "inconclusive": "1",
        "rejected": "2: batch.row 1, photo.missing 1",
        "reasons": "turned 2, no_face 1",
        "ledger": "entries 7 to 11 of visavis/ledger-1",
    }


def test_the_page_needs_nothing_and_believes_no_name(found: Summary) -> None:
    html = page(found)
    assert "<b>pairs" not in html
    assert "\u202e" not in html
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert "src=" not in html.replace("default-src", "").replace("style-src", "")
    assert html == page(found), "the same for the same"


def test_the_chart_says_its_numbers(found: Summary) -> None:
    drawn = charts.spread(found, "it")
    assert drawn is not None
    root = ET.fromstring(drawn)
    assert root.get("aria-labelledby") == "it-title"
    assert "2 rows match, 1 don't. Threshold 0.419." in "".join(root.itertext())


def test_without_a_comparison_there_is_no_chart(tmp_path: Path) -> None:
    with (tmp_path / "a.parquet").open("wb") as file:
        results.write(file, CELLS[5:], pa.table({"subject": ["s"]}), MANIFEST)
    nothing = summary.summarise([tmp_path / "a.parquet"], MANIFEST, 0.4)
    assert charts.spread(nothing, "it") is None
    assert "no entries" in page(nothing)
    assert dict(summary.lines(nothing))["ledger"] == "no entries, visavis/ledger-1"


def test_a_part_has_each_column_whatever_its_rows_say(tmp_path: Path) -> None:
    from pyarrow import parquet

    one, two = (parquet.read_schema(path) for path in files(tmp_path))
    assert one.equals(two)
    assert one.names == [*results.COLUMNS, "subject"]
    assert b'"fingerprint": "0123456789abcdef"' in one.metadata[b"visavis"]
