from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from visavis.batch import pairs as room
from visavis.batch.pairs import Pairs, Part, Survey
from visavis.batch.results import COLUMNS
from visavis.batch.rows import Claim, Malformed, Row
from visavis.errors import BatchError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "reference,probe,subject,purpose\n"


def read(file: Path, purpose: str | None = None) -> tuple[Survey, list[Row], list[Part]]:
    """A table as both readings give it; they agree."""
    pairs = Pairs(str(file), purpose=purpose, reserved=COLUMNS)
    first: list[Row] = []
    survey = pairs.survey(first.append)
    parts = list(pairs.parts(survey))
    assert [row for part in parts for row in part.rows] == first
    assert [part.number for part in parts] == list(range(1, survey.parts + 1))
    assert all(part.passed.num_rows == len(part.rows) for part in parts)
    assert survey.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    return survey, first, parts


def refused(file: Path, **given: Any) -> BatchError:
    with pytest.raises(BatchError) as caught:
        read(file, **given)
    return caught.value


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def claim(number: int, folder: Path, subject: str = "s") -> Claim:
    return Claim(number, str(folder / "a.jpg"), None, str(folder / "b.jpg"), subject, "p")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "a.jpg,b.jpg,s,p\n",
        "\ufeff" + HEAD + "a.jpg,b.jpg,s,p",
        "Reference;PROBE;Subject;Purpose\r\na.jpg;b.jpg;s;p\r\n",
        "\n\n" + HEAD.replace(",", "\t") + "a.jpg\tb.jpg\ts\tp\n\n\n",
        HEAD + ' a.jpg ,"b.jpg",s,p,,\n',
    ],
)
def test_csv_as_programs_save_it(tmp_path: Path, text: str) -> None:
    survey, rows, _ = read(write(tmp_path / "t.csv", text))
    assert rows == [claim(1, tmp_path)]
    assert survey.rows == 1


def test_three_kinds_of_table_say_the_same(tmp_path: Path) -> None:
    said = [
        {"reference": "a.jpg", "probe": "b.jpg", "subject": f"s{n}", "purpose": "p", "branch": f"b{n}"}
        for n in range(3)
    ]
    lines = "\n".join(",".join(each.values()) for each in said)
    write(tmp_path / "t.csv", f"{HEAD.strip()},branch\n{lines}\n")
    write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, said)))
    parquet.write_table(pa.Table.from_pylist(said), tmp_path / "t.parquet")
    found = [read(tmp_path / f"t.{kind}") for kind in ("csv", "jsonl", "parquet")]
    for survey, rows, parts in found:
        assert rows == [claim(n + 1, tmp_path, f"s{n}") for n in range(3)]
        assert parts[0].passed.to_pylist() == said
        assert survey.columns == (*HEAD.strip().split(","), "branch")


def test_rows_that_make_no_claim_say_why(tmp_path: Path) -> None:
    rows = [
        "a.jpg,b.jpg,s,p,,",
        ",b.jpg,s,p,,",
        "a.jpg,b.jpg,s,p,d.jpg,",
        "a.jpg,,s,p,,",
        "a.jpg,b.jpg,,p,,",
        "a.jpg,b.jpg,s,,,",
        "a.jpg,b.jpg,s,p,,,more",
        f"a.jpg,b.jpg,{'s' * 201},p,,",
        "a.jpg,simplecache::s3://b/b.jpg,s,p,,",
        ",b.jpg,s,p,d.jpg,",
        "a.jpg,b.jpg",
    ]
    file = write(tmp_path / "t.csv", HEAD.strip() + ",document,note\n" + "\n".join(rows))
    survey, found, parts = read(file)
    told = {row.number: (row.code, row.message) for row in found if isinstance(row, Malformed)}
    assert told == {
        2: ("batch.row", "a claim rests on a reference or on a document, found neither"),
        3: ("batch.row", "a claim rests on a reference or on a document, found both"),
        4: ("batch.row", "probe is empty"),
        5: ("batch.row", "subject is empty"),
        6: ("batch.row", "purpose is empty"),
        7: ("batch.row", "7 cells, expected 6: a cell with a comma in it needs quotes"),
        8: ("ledger.entry", "the subject doesn't fit into the ledger (expected 1 to 200 characters)"),
        9: ("batch.row", "probe: addresses within addresses aren't opened"),
        11: ("batch.row", "subject is empty"),
    }
    assert survey.has_documents
    assert isinstance(found[9], Claim)
    assert found[9].document == str(tmp_path / "d.jpg")
    assert parts[0].passed["reference"].to_pylist()[-1] == "a.jpg"


def test_a_purpose_for_all_rows(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", "reference,probe,subject\na.jpg,b.jpg,s\n")
    assert read(file, purpose="p")[1] == [claim(1, tmp_path)]
    assert refused(file).code == "batch.columns"
    file = write(tmp_path / "u.csv", HEAD + "a.jpg,b.jpg,s,p\na.jpg,b.jpg,s,\n")
    assert [row.purpose for row in read(file, purpose="q")[1] if isinstance(row, Claim)] == ["p", "q"]


def test_lines_that_are_no_json_are_rows_of_their_own(tmp_path: Path) -> None:
    good = {"reference": "a.jpg", "probe": "b.jpg", "subject": 17, "purpose": "p", "extra": {"x": [1, None]}}
    lines = [json.dumps(good), "[]", "{", '{"probe": "\\ud800"}', "", "NaN", json.dumps({"later": True})]
    survey, rows, parts = read(write(tmp_path / "t.jsonl", "\n".join(lines)))
    assert rows[0] == claim(1, tmp_path, "17")
    assert [(row.number, getattr(row, "message", "")) for row in rows[1:]] == [
        *((number, "the line is no object of JSON") for number in (2, 3, 4, 6)),
        (7, "a claim rests on a reference or on a document, found neither"),
    ]
    assert parts[0].passed["extra"].to_pylist()[0] == '{"x": [1, null]}'
    assert parts[0].passed["later"].to_pylist() == [None] * 5 + ["true"]
    assert survey.columns[-1] == "later"


def test_parquet_keeps_the_types_of_what_passes_through(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Reference": ["a.jpg"] * 2,
            "probe": ["b.jpg"] * 2,
            "subject": pa.array([1, None], pa.int32()),
            "purpose": pa.array(["p", "p"]).dictionary_encode(),
            "when": pa.array([1, 2], pa.timestamp("ns", "UTC")),
            "list": pa.array([[1], None], pa.list_(pa.int8())),
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    _, rows, parts = read(tmp_path / "t.parquet")
    assert rows == [claim(1, tmp_path, "1"), Malformed(2, "batch.row", "subject is empty")]
    for name in ("when", "list"):
        assert parts[0].passed.schema.field(name).type == table.schema.field(name).type


def test_parts_are_cut_by_the_table_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "t.csv", HEAD + "".join(f"a.jpg,b.jpg,s{n},p\n" for n in range(200)))
    _, _, parts = read(file)
    assert [len(part.rows) for part in parts] == [64, 64, 64, 8]
    monkeypatch.setattr(room, "BLOCK", 7)
    _, _, again = read(file)
    assert [part.rows for part in again] == [part.rows for part in parts]
    assert all(one.passed.equals(other.passed) for one, other in zip(parts, again, strict=True))


@pytest.mark.parametrize(("rows", "part"), [(1, 64), (32_000, 64), (100_000, 200), (10**6, 1024)])
def test_how_large_parts_are(rows: int, part: int) -> None:
    assert Survey("", rows, (), has_documents=False).part_rows == part


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("t.csv", "", "batch.columns"),
        ("t.csv", HEAD, "batch.empty"),
        ("t.csv", "reference,probe,subject\na,b,c\n", "batch.columns"),
        ("t.csv", "reference,probe,probe,subject,purpose\na,b,b,c,d\n", "batch.columns"),
        ("t.csv", HEAD.strip() + ",decision\na,b,c,d,match\n", "batch.columns"),
        ("t.csv", HEAD + 'a.jpg,"b.jpg,s,p\n', "batch.unreadable"),
        ("t.csv", HEAD + '"a"b,c,s,p\n', "batch.unreadable"),
        ("t.csv", HEAD + "," * 2**21, "batch.unreadable"),
        ("t.csv", "," * 2**21 + HEAD, "batch.unreadable"),
        ("t.jsonl", "\n\n", "batch.empty"),
        ("t.jsonl", '{"reference": "a.jpg"}', "batch.columns"),
        ("t.jsonl", '{"a": "' + "x" * 2**20 + '"}', "batch.unreadable"),
        ("t.parquet", "no parquet", "batch.unreadable"),
        ("t.txt", HEAD, "batch.unreadable"),
    ],
)
def test_tables_that_cant_be_used(tmp_path: Path, name: str, text: str, code: str) -> None:
    assert refused(write(tmp_path / name, text)).code == code


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(HEAD.encode() + "a.jpg,b.jpg,Jürgen,p\n".encode("latin-1"))
    assert refused(tmp_path / "t.csv").code == "batch.unreadable"


def test_a_table_that_isnt_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.csv").code == "batch.missing"
    (tmp_path / "folder.csv").mkdir()
    assert refused(tmp_path / "folder.csv").code == "batch.unreadable"


def test_a_table_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_ROWS", 2)
    file = write(tmp_path / "t.csv", HEAD + "a.jpg,b.jpg,s,p\n" * 3)
    assert refused(file).code == "batch.too_large"


def test_a_table_that_changes_is_noticed(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", HEAD + "a.jpg,b.jpg,s,p\n")
    pairs = Pairs(str(file))
    survey = pairs.survey(lambda row: None)
    write(file, HEAD + "a.jpg,b.jpg,t,p\n")
    with pytest.raises(BatchError) as caught:
        list(pairs.parts(survey))
    assert caught.value.code == "batch.changed"
