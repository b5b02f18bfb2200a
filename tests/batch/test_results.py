"""Parts of the results as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.batch import results
from visavis.errors import BatchError

if TYPE_CHECKING:
    from pathlib import Path

pa = pytest.importorskip("pyarrow")


def part(folder: Path) -> Path:
    """A part of two rows, one of them rejected."""
    file = folder / "part-000001.parquet"
    passed = pa.table({"branch": ["north", "south"]})
    rows = [
        {"row": 1, "decision": "match", "similarity": 0.75, "reasons": ["some"], "ledger_index": 7},
        {"row": 2, "error": "photo.missing", "message": "probe: it isn't there"},
    ]
    with file.open("wb") as out:
        results.write(out, rows, passed, {"pack": "sface"})
    return file


def test_a_part_is_read_as_it_was_written(tmp_path: Path) -> None:
    read = results.read(part(tmp_path), ["row", "decision", "reasons", "error", "ledger_index", "branch"])
    first = {"row": 1, "decision": "match", "reasons": ["some"], "error": None, "ledger_index": 7}
    second = {"row": 2, "decision": None, "reasons": None, "error": "photo.missing", "ledger_index": None}
    assert read == [first | {"branch": "north"}, second | {"branch": "south"}]


@pytest.mark.parametrize("kept", [0, 4, 100, -1, -4])
def test_a_damaged_part_is_named(tmp_path: Path, kept: int) -> None:
    file = part(tmp_path)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(BatchError, match=r"part-000001\.parquet.* is damaged") as raised:
        results.read(file, ["row"])
    assert raised.value.code == "batch.out"
