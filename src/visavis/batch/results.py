"""Answers -> a part of the results: Parquet, one row for each row of the table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from visavis.batch.pairs import arrow
from visavis.errors import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

COLUMNS: Mapping[str, str] = {
    "row": "int64",
    "decision": "string",
    "similarity": "float64",
    "fmr": "float64",
    "fmr_upper": "float64",
    "fmr_modelled": "float64",
    "llr": "float64",
    "threshold": "float64",
    "reasons": "list",
    "about": "list",
    "probe_quality": "float64",
    "reference_quality": "float64",
    "liveness": "string",
    "liveness_score": "float64",
    "portrait": "string",
    "error": "string",
    "message": "string",
    "ledger_index": "int64",
}
"""What a result says of a row, beside the columns of the table itself, by type."""


def write(out: BinaryIO, cells: Sequence[Mapping[str, Any]], passed: Any, about: Mapping[str, Any]) -> None:
    """Write a part.

    Args:
        out: Where to.
        cells: By name, for each row: what `COLUMNS` has; what is left out isn't there.
        passed: The columns of the table, a `pyarrow.Table` with as many rows.
        about: What goes into the file's own description: pack, policy, ledger.
    """
    pa = arrow()
    from pyarrow import parquet

    types = {
        "int64": pa.int64(),
        "float64": pa.float64(),
        "string": pa.string(),
        "list": pa.list_(pa.string()),
    }
    arrays = {
        name: pa.array([each.get(name) for each in cells], types[kind]) for name, kind in COLUMNS.items()
    }
    table = pa.table(arrays)
    for field, column in zip(passed.schema, passed.columns, strict=True):
        table = table.append_column(field, column)
    described = {**(table.schema.metadata or {}), b"visavis": json.dumps(about, sort_keys=True).encode()}
    parquet.write_table(table.replace_schema_metadata(described), out, compression="zstd")


def read(file: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Some columns of a part, row by row.

    Raises:
        BatchError: `batch.out`: it is damaged, or can't be read.
    """
    pa = arrow()
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as opened:
            return list(opened.read(list(columns)).to_pylist())
    except (OSError, KeyError, pa.ArrowException):
        raise BatchError(
            "batch.out", f"{str(file)!r} is damaged: take it away, and its rows are done again"
        ) from None


def read_all(files: Sequence[Path], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Some columns of all parts, row by row, in bounded memory."""
    for file in files:
        yield from read(file, columns)
