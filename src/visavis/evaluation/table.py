"""Tables that an operator wrote: CSV as spreadsheets and programs save it, or Parquet."""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.evaluation.result import Dropped
from visavis.evaluation.truth import EvaluationError, listed, printable
from visavis.photo.refusals import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Records = Iterator[tuple[int, list[str]]]  # each with its number

DELIMITERS = ",;\t"
MAX_TABLE_BYTES = 256 * 2**20
"""Some two million rows; what is larger is no table of pictures and would only fill the memory."""
MAX_ROWS = 10_000_000
"""Of a Parquet file, whose compression lets a few bytes stand for any number of rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row with something in it.

    Attributes:
        what: ``"row 17"``, as a spreadsheet counts: the row of names is the first. Parquet has none, so its
            first row is row 1.
        cells: Text by column; stripped, empty where nothing was said.
    """

    what: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as far as it is of use.

    Attributes:
        columns: Names in lower case -> as they are written.
        rows: Those with as many cells as there are columns.
        dropped: The others.
    """

    columns: dict[str, str]
    rows: list[Row]
    dropped: list[Dropped]


def read_table(file: Path, required: Sequence[str], optional: Sequence[str] | None) -> Table:
    """Read a table by the names of its columns, upper or lower case.

    Args:
        file: CSV with commas, semicolons or tabs, in UTF-8; or Parquet, by the name's end.
        required: Columns that must be there, lower case.
        optional: Those that may be there; None for all that there are. What is neither isn't looked at.

    Raises:
        EvaluationError: `evaluation.unreadable`: the file can't be read or is no table; `evaluation.truth`: a
            column is missing or is there twice; `evaluation.empty`: no rows; `evaluation.parquet`: Parquet
            can't be read here.
    """
    content = _content(file)
    if file.suffix.lower() == ".parquet":
        header, records = _parquet(file, content, None if optional is None else {*required, *optional})
    else:
        header, records = _csv(file, content, required)
    names = [name.lower() for name in header]
    if missing := [name for name in required if name not in names]:
        raise EvaluationError(
            "evaluation.truth",
            f"{printable(file.name)!r} has no column {' and no column '.join(missing)}",
            found=listed(name for name in header if name),
            expected=", ".join(required),
        )
    wanted = [name for name in names if name and (optional is None or name in {*required, *optional})]
    if twice := [name for name in wanted if wanted.count(name) > 1]:
        raise EvaluationError(
            "evaluation.truth",
            f"{printable(file.name)!r} has several columns {printable(twice[0])!r}",
            expected="each column once",
        )
    table = Table({name: header[names.index(name)] for name in wanted}, [], [])
    for number, record in records:
        cells = [cell.strip() for cell in record]
        if not any(cells):
            continue
        what = f"row {number}"
        if any(cells[len(names) :]):
            message = f"{len(cells)} cells, expected {len(names)}: a name with a comma in it needs quotes"
            table.dropped.append(Dropped(what, "unreadable", message))
            continue
        of_column = dict(zip(names, cells, strict=False))
        table.rows.append(Row(what, {name: of_column.get(name, "") for name in wanted}))
    if not table.rows:
        raise EvaluationError(
            "evaluation.empty", f"{printable(file.name)!r} has no rows that can be read", expected="rows"
        )
    return table


def _csv(file: Path, content: bytes, required: Sequence[str]) -> tuple[list[str], Records]:
    """Names of the columns and the records after them."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte {content[error.start]:#04x} at {error.start}"
        raise _unreadable(file, "isn't text in UTF-8", found=found, expected="CSV in UTF-8") from None

    def fits(delimiter: str) -> int:
        try:
            return sum(name.lower() in required for name in _header(_records(file, text, delimiter)))
        except EvaluationError:
            return 0

    records = _records(file, text, max(DELIMITERS, key=fits))
    return _header(records), records


def _records(file: Path, text: str, delimiter: str) -> Records:
    # Not strict, a quote that is never closed would swallow the rest of the table without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from enumerate(reader, start=1)
    except csv.Error as error:
        found = f"{one_line(error)} at line {reader.line_num}"
        raise _unreadable(file, "is no sound CSV", found=found) from None


def _header(records: Records) -> list[str]:
    """The first record with something in it."""
    return next((header for _, record in records if any(header := [cell.strip() for cell in record])), [])


def _parquet(file: Path, content: bytes, wanted: set[str] | None) -> tuple[list[str], Records]:
    """Names of the columns and the records, with empty cells where a column isn't wanted."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise EvaluationError(
            "evaluation.parquet",
            "Parquet can't be read: pyarrow isn't installed; install it with: pip install 'visavis[parquet]'",
        ) from None

    @contextlib.contextmanager
    def sound() -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _unreadable(file, "is no sound Parquet", found=one_line(error)) from None

    with sound():
        opened = parquet.ParquetFile(io.BytesIO(content))
        names = [str(name) for name in opened.schema_arrow.names]
        count = opened.metadata.num_rows
    if count > MAX_ROWS:
        raise _unreadable(file, "has too many rows", found=count, expected=f"at most {MAX_ROWS}")
    header = [name.strip() for name in names]

    def records() -> Records:
        with sound():
            read = opened.read([name for name in names if wanted is None or name.strip().lower() in wanted])
            there = set(read.column_names)
            columns = [
                [_text(cell) for cell in read[name].to_pylist()] if name in there else [""] * count
                for name in names
            ]
        yield from enumerate(map(list, zip(*columns, strict=True)), start=1)

    return header, records()


def _text(cell: Any) -> str:
    """A cell of any type as CSV would have it; a number that isn't there (NaN) is an empty cell."""
    return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_TABLE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise _unreadable(file, "can't be read", found=getattr(error, "strerror", None)) from None
    if len(content) > MAX_TABLE_BYTES:
        raise _unreadable(file, "is too large for a table", expected=f"at most {MAX_TABLE_BYTES} bytes")
    return content


def _unreadable(file: Path, what: str, *, found: object = None, expected: object = None) -> EvaluationError:
    return EvaluationError(
        "evaluation.unreadable", f"{printable(file.name)!r} {what}", found=found, expected=expected
    )
