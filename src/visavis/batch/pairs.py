"""A table of pairs -> its rows: CSV, JSON Lines or Parquet, read in bounded memory, twice.

The first reading says how many rows there are, which columns, and the digest of the bytes; the second gives
the rows in parts. Bytes that changed in between are noticed at the end.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.batch.locations import folder_of, name_of, open_table, table_location
from visavis.batch.rows import KNOWN, NEEDED, Malformed, Row, read_row
from visavis.errors import BatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO, TextIO

DELIMITERS = ",;\t"
KINDS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
BLOCK = 2048
"""Rows that are read at a time."""
MAX_ROWS = 1_000_000
"""Of one table: to refuse it before it starts, something of all rows has to be held in memory."""
MAX_LINE = 2**20
"""Bytes of a line, or characters of one of CSV."""
MAX_COLUMNS = 200
FEWEST_IN_PART, MOST_IN_PART, PARTS = 64, 1024, 500
"""Rows of a part, and how many parts there are about: by the table alone, so that all machines cut alike."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a table once it was read.

    Attributes:
        digest: SHA-256 of its bytes, in hex.
        rows: How many there are.
        columns: Those that pass through, as they are written.
        has_documents: Whether any claim rests on a document.
    """

    digest: str
    rows: int
    columns: tuple[str, ...]
    has_documents: bool

    @property
    def part_rows(self) -> int:
        """How many rows a part has; the last one may have fewer."""
        return min(max(self.rows // PARTS, FEWEST_IN_PART), MOST_IN_PART)

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.rows // self.part_rows)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows that are recorded and written together.

    Attributes:
        number: From 1.
        rows: In order.
        passed: The columns of the table, a row for each: a `pyarrow.Table`.
    """

    number: int
    rows: tuple[Row, ...]
    passed: Any


class Pairs:
    """A table of pairs.

    Attributes:
        location: Where it lies.
        name: Its file's name.
    """

    def __init__(self, where: str, *, purpose: str | None = None, reserved: Iterable[str] = ()) -> None:
        """Say which table; nothing is opened yet.

        Args:
            where: A path, or an address.
            purpose: Of rows that say none.
            reserved: Names that none of its columns may have beside those that are known.

        Raises:
            BatchError: `batch.not_installed`: pyarrow isn't there; `batch.unreadable`: no such kind of table;
                `batch.missing`.
        """
        arrow()
        self.location = table_location(where)
        self.name = name_of(self.location)
        self._base = folder_of(self.location)
        self._purpose = purpose
        self._reserved = frozenset(reserved)
        suffix = f".{self.name.lower().rpartition('.')[2]}"
        if suffix not in KINDS:
            raise BatchError(
                "batch.unreadable",
                f"{self.name!r} is no table that can be read",
                found=suffix,
                expected=", ".join(KINDS),
            )
        self._kind = KINDS[suffix]

    def survey(self, see: Callable[[Row], None]) -> Survey:
        """Read it once.

        Args:
            see: Called with each row.

        Raises:
            BatchError: `batch.missing`, `batch.unreadable`, `batch.unreachable`: it can't be read;
                `batch.columns`: a column is missing, is there twice, or can't pass through; `batch.empty`: no
                rows; `batch.too_large`: too many.
        """
        count, has_documents, columns = 0, False, ()
        with self._opened() as (file, digest):
            for rows, passed in self._blocks(file, None):
                columns = tuple(dict.fromkeys((*columns, *passed.column_names)))
                count += len(rows)
                if count > MAX_ROWS or len(columns) > MAX_COLUMNS:
                    expected = f"at most {MAX_ROWS} rows and {MAX_COLUMNS} columns"
                    raise BatchError("batch.too_large", f"{self.name!r} is too large", expected=expected)
                for row in rows:
                    has_documents |= not isinstance(row, Malformed) and row.document is not None
                    see(row)
            found = digest()
        if not count:
            raise BatchError("batch.empty", f"{self.name!r} has no rows", expected="rows")
        self._check(columns)
        return Survey(found, count, columns, has_documents)

    def parts(self, survey: Survey) -> Iterator[Part]:
        """Read it again, in parts.

        Raises:
            BatchError: As `survey`; `batch.changed`: its bytes aren't those of the first reading.
        """
        pa = arrow()
        number, rows, tables = 0, [], []
        with self._opened() as (file, digest):
            for more, passed in self._blocks(file, survey.columns):
                rows += more
                tables.append(passed)
                whole = pa.concat_tables(tables)
                start = 0
                while len(rows) - start >= survey.part_rows:
                    number += 1
                    part = tuple(rows[start : start + survey.part_rows])
                    yield Part(number, part, whole.slice(start, survey.part_rows))
                    start += survey.part_rows
                rows, tables = rows[start:], [whole.slice(start)]
            if rows:
                yield Part(number + 1, tuple(rows), pa.concat_tables(tables))
            if digest() != survey.digest:
                raise BatchError("batch.changed", f"{self.name!r} changed while it was worked on")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[BinaryIO, Callable[[], str]]]:
        """The open table, and what gives the digest of its bytes once it was read."""
        with open_table(self.location) as file, self._sound():
            if self._kind == "parquet":
                found = hashlib.sha256()
                for block in iter(lambda: file.read(2**20), b""):
                    found.update(block)
                file.seek(0)
                yield file, found.hexdigest
            else:
                hashed = _Hashed(file)
                yield io.BufferedReader(hashed, 2**16), hashed.rest

    @contextlib.contextmanager
    def _sound(self) -> Iterator[None]:
        pa = arrow()
        try:
            yield
        except (pa.ArrowException, OSError, UnicodeError, csv.Error) as error:
            found = " ".join(str(error).split())[:200]
            raise BatchError("batch.unreadable", f"{self.name!r} is no sound table", found=found) from None

    def _blocks(self, file: BinaryIO, columns: tuple[str, ...] | None) -> Iterator[tuple[list[Row], Any]]:
        """Rows with what passes through of them: what `columns` names, or whatever there is."""
        read = {"csv": self._csv, "jsonl": self._jsonl, "parquet": self._parquet}[self._kind]
        yield from read(file, columns)

    def _csv(self, file: BinaryIO, _columns: tuple[str, ...] | None) -> Iterator[tuple[list[Row], Any]]:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        lines = self._lines(text)
        head = next((line for line in lines if line.strip(f"{DELIMITERS}\r\n ")), "")

        def fits(delimiter: str) -> int:
            names = next(csv.reader([head], delimiter=delimiter), [])
            return sum(name.strip().lower() in KNOWN for name in names)

        delimiter = max(DELIMITERS, key=fits)
        # Not strict, a quote that is never closed would swallow the rest of the table without a word.
        names = [cell.strip() for cell in next(csv.reader([head], delimiter=delimiter, strict=True), [])]
        names = [name.lower() if name.lower() in KNOWN else name for name in names]
        self._check(tuple(name for name in names if name))
        records = enumerate(csv.reader(lines, delimiter=delimiter, strict=True), start=1)
        while some := list(itertools.islice(records, BLOCK)):
            said = [(number, cells) for number, cells in some if any(cell.strip() for cell in cells)]
            rows: list[Row] = []
            for number, cells in said:
                if any(cell.strip() for cell in cells[len(names) :]):
                    message = (
                        f"{len(cells)} cells, expected {len(names)}: a cell with a comma in it needs quotes"
                    )
                    rows.append(Malformed(number, "batch.row", message))
                else:
                    rows.append(self._row(number, dict(zip(names, cells, strict=False))))
            yield (
                rows,
                _texts(
                    {
                        name: [cells[at] if at < len(cells) else None for _, cells in said]
                        for at, name in enumerate(names)
                        if name
                    }
                ),
            )

    def _lines(self, text: TextIO) -> Iterator[str]:
        for number, line in enumerate(iter(lambda: text.readline(MAX_LINE), ""), start=1):
            if len(line) == MAX_LINE and not line.endswith(("\r", "\n")):
                raise self._too_long(number)
            yield line

    def _too_long(self, line: int) -> BatchError:
        return BatchError("batch.unreadable", f"{self.name!r}: line {line} is too long")

    def _jsonl(self, file: BinaryIO, columns: tuple[str, ...] | None) -> Iterator[tuple[list[Row], Any]]:
        numbered = enumerate(iter(lambda: file.readline(MAX_LINE), b""), start=1)
        while some := list(itertools.islice(numbered, BLOCK)):
            rows: list[Row] = []
            objects: list[dict[str, Any]] = []
            for number, line in some:
                if len(line) == MAX_LINE and not line.endswith(b"\n"):
                    raise self._too_long(number)
                if not line.strip():
                    continue
                found = _object(line)
                objects.append(found or {})
                if found is None:
                    rows.append(Malformed(number, "batch.row", "the line is no object of JSON"))
                else:
                    cells = {name: _text(found[name]) or "" for name in KNOWN if name in found}
                    rows.append(self._row(number, cells))
            names = columns or tuple(dict.fromkeys(name for each in objects for name in each))
            yield rows, _texts({name: [_text(each.get(name)) for each in objects] for name in names})

    def _parquet(self, file: BinaryIO, _columns: tuple[str, ...] | None) -> Iterator[tuple[list[Row], Any]]:
        pa = arrow()
        from pyarrow import parquet

        opened = parquet.ParquetFile(file)
        given = [str(name) for name in opened.schema_arrow.names]
        names = [name.lower() if name.lower() in KNOWN else name for name in given]
        self._check(tuple(names))
        number = 0
        for batch in opened.iter_batches(BLOCK):
            table = pa.Table.from_batches([batch]).rename_columns(names)
            for name in KNOWN:
                if name in names:
                    at = names.index(name)
                    table = table.set_column(at, name, table[name].cast(pa.string()))
            known = [name for name in KNOWN if name in names]
            rows = []
            for cells in table.select(known).to_pylist():
                number += 1
                rows.append(self._row(number, {name: cell or "" for name, cell in cells.items()}))
            yield rows, table

    def _row(self, number: int, cells: dict[str, str]) -> Row:
        return read_row(number, cells, base=self._base, purpose=self._purpose)

    def _check(self, names: tuple[str, ...]) -> None:
        """Refuse columns that don't do."""
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise BatchError("batch.columns", f"{self.name!r} has several columns {twice[0]!r}")
        needed = [name for name in NEEDED if name != "purpose" or self._purpose is None]
        if "document" in names:
            needed.remove("reference")
        if missing := [name for name in needed if name not in names]:
            raise BatchError(
                "batch.columns",
                f"{self.name!r} has no column {' and no column '.join(missing)}",
                found=", ".join(names)[:200] or "none",
                expected=", ".join(NEEDED),
            )
        if taken := [name for name in names if name in self._reserved]:
            raise BatchError(
                "batch.columns",
                f"{self.name!r} has a column {taken[0]!r}, which the results have too",
                expected="another name",
            )


class _Hashed(io.RawIOBase):
    """Passes bytes on and keeps their digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        """As of any file that is read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As `io.RawIOBase.readinto`."""
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._digest.update(data)
        return len(data)

    def rest(self) -> str:
        """The digest of all bytes, of those too that nobody has read."""
        for block in iter(lambda: self._file.read(2**20), b""):
            self._digest.update(block)
        return self._digest.hexdigest()


def arrow() -> Any:
    """pyarrow, loaded where it is used.

    Raises:
        BatchError: `batch.not_installed`.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise BatchError(
            "batch.not_installed",
            "a batch needs pyarrow, which isn't installed; install it with: pip install 'visavis[batch]'",
        ) from None
    return pa


def _texts(columns: dict[str, list[str | None]]) -> Any:
    pa = arrow()
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
        if b"\\u" in line:
            json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(value: Any) -> str | None:
    """A value as text: itself, or its JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
