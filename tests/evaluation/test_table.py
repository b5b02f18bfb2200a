from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from visavis.evaluation import table as module
from visavis.evaluation.table import read_table
from visavis.evaluation.truth import EvaluationError

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def parquet(folder: Path, **columns: Any) -> Path:
    import pyarrow as pa
    from pyarrow import parquet as pq

    path = folder / "table.parquet"
    pq.write_table(pa.table(columns), path)
    return path


GOOD = [{"a": "1", "b": "x y"}, {"a": "2", "b": "ü"}]


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x y\n2,ü\n",
        "a;b\n1;x y\n2;ü",
        "a\tb\r\n1\tx y\r\n2\tü\r\n",
        "a,b\r1,x y\r2,ü",
        "\ufeffa,b\n1,x y\n2,ü\n",
        '"a";"b"\n"1";"x y"\n"2";"ü"\n',
        " A , B ,\n 1 , x y ,\n,,\n\n 2 ,ü,,,\n",
        "b,ignored,a,,\nx y,!,1,!,!\nü,,2,,\n",
        "\n\na,b\n1,x y\n2,ü\n",
        "b,a,c;d\nx y,1,\nü,2,",
    ],
)
def test_the_ways_to_write_a_table(text: str, tmp_path: Path) -> None:
    table = read_table(write(tmp_path, text), ("a", "b"), ())
    assert [row.cells for row in table.rows] == GOOD
    assert table.dropped == []


def test_rows_are_numbered_as_a_spreadsheet_does(tmp_path: Path) -> None:
    text = 'a,b\n"two\nlines",x\n\nshort\n1,2,3\n4,5\n'
    table = read_table(write(tmp_path, text), ("a", "b"), ())
    assert [row.what for row in table.rows] == ["row 2", "row 4", "row 6"]
    assert table.rows[1].cells == {"a": "short", "b": ""}
    assert [(one.what, one.code) for one in table.dropped] == [("row 5", "unreadable")]
    assert table.dropped[0].message.startswith("3 cells, expected 2")


def test_columns_that_are_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "Person,Region,x,x\nana,north,1,2\n")
    assert read_table(path, ("person",), ("region", "other")).columns == {
        "person": "Person",
        "region": "Region",
    }
    with pytest.raises(EvaluationError, match="several columns 'x'"):
        read_table(path, ("person",), None)


def test_parquet_of_all_types(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        A=["x", None],
        flag=[True, False],
        number=[1, 0],
        decimal=[1.0, float("nan")],
        unasked=[{"deep": b"\xff"}, None],
    )
    table = read_table(path, ("a",), ("flag", "number", "decimal"))
    assert [row.cells for row in table.rows] == [
        {"a": "x", "flag": "True", "number": "1", "decimal": "1.0"},
        {"a": "", "flag": "False", "number": "0", "decimal": ""},
    ]
    assert [row.what for row in table.rows] == ["row 1", "row 2"]
    assert read_table(path, ("a",), None).columns.keys() == {"a", "flag", "number", "decimal", "unasked"}


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path, a=[1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(EvaluationError, match=r"pip install 'visavis\[parquet\]'") as caught:
        read_table(path, ("a",), ())
    assert caught.value.code == "evaluation.parquet"


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "evaluation.truth", "no column a and no column b"),
        (b"\n\n", "evaluation.truth", "found none"),
        (b"a,c\n1,2\n", "evaluation.truth", "no column b .found a, c, expected a, b"),
        (b"1,2\n3,4\n", "evaluation.truth", "no column a"),
        (b"a,b,A\n1,2,3\n", "evaluation.truth", "several columns 'a'"),
        (b"a,b\n", "evaluation.empty", "no rows"),
        (b"a,b\n1,2,3\n,\n", "evaluation.empty", "no rows"),
        ("a,b\nü,2\n".encode("latin-1"), "evaluation.unreadable", "found byte 0xfc at 4"),
        ("a,b\n1,2\n".encode("utf-16"), "evaluation.unreadable", "UTF-8"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "evaluation.unreadable", "UTF-8"),
        (b'a,b\n1,"never closed\n2,3\n', "evaluation.unreadable", "unexpected end"),
        (b'a,b\n1,"x"y\n', "evaluation.unreadable", "at line 2"),
        (b"a,b\n1," + b"x" * 200_000, "evaluation.unreadable", "field larger than"),
        (b"x" * 200_000, "evaluation.unreadable", "field larger than"),
        (b"\0" * 100, "evaluation.truth", "no column a"),
        (b"PAR1" + bytes(100) + b"PAR1", "evaluation.truth", "no column a"),
    ],
)
def test_hostile_tables(content: bytes, code: str, words: str, name: str, tmp_path: Path) -> None:
    if name.endswith("parquet"):  # none of these is one
        code, words = "evaluation.unreadable", "no sound Parquet"
    with pytest.raises(EvaluationError, match=words) as caught:
        read_table(write(tmp_path, content, name), ("a", "b"), ())
    assert caught.value.code == code
    assert str(caught.value).isprintable()


def test_parquet_that_is_damaged(tmp_path: Path) -> None:
    whole = parquet(tmp_path, a=[f"text {number}" for number in range(1000)]).read_bytes()
    for cut in (10, 200, len(whole) - 9):
        with pytest.raises(EvaluationError) as caught:
            read_table(write(tmp_path, whole[:cut], "cut.parquet"), ("a",), ())
        assert caught.value.code == "evaluation.unreadable"
    zeroed = whole[:20] + bytes(500) + whole[520:]
    with pytest.raises(EvaluationError, match="no sound Parquet"):
        read_table(write(tmp_path, zeroed, "zeroed.parquet"), ("a",), ())


def test_parquet_of_too_many_rows_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    assert len(read_table(parquet(tmp_path, a=[1, 2]), ("a",), ()).rows) == 2
    with pytest.raises(EvaluationError, match="found 3, expected at most 2"):
        read_table(parquet(tmp_path, a=[1, 2, 3]), ("a",), ())
    with pytest.raises(EvaluationError, match="no rows"):
        read_table(parquet(tmp_path, a=[]), ("a",), ())
    with pytest.raises(EvaluationError, match="no column b"):
        read_table(parquet(tmp_path, a=[1]), ("b",), ())
    with pytest.raises(EvaluationError, match="several columns 'a'"):
        read_table(parquet(tmp_path, a=[1], A=[1]), ("a",), ())


@pytest.mark.parametrize("name", ["nothing.csv", "folder", "a\0b.csv", "x" * 5000])
def test_files_that_are_not_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(EvaluationError, match="can't be read") as caught:
        read_table(tmp_path / name, ("a",), ())
    assert caught.value.code == "evaluation.unreadable"
    assert str(caught.value).isprintable()


def test_no_more_is_read_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TABLE_BYTES", 8)
    assert read_table(write(tmp_path, "a,b\n1,2\n"), ("a", "b"), ()).rows
    with pytest.raises(EvaluationError, match="too large for a table"):
        read_table(write(tmp_path, "a,b\n1,23\n"), ("a", "b"), ())
