"""The ledger as JSON Lines and Parquet: every entry, in bytes that can be checked."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest
from tests.ledger.events import verdict

from visavis.errors import LedgerError
from visavis.ledger.entry import Event
from visavis.ledger.export import export_jsonl, export_parquet, read_line
from visavis.ledger.log import Ledger
from visavis.ledger.merkle import includes, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        opened.append_many([verdict(number, subject="S-1") for number in range(5)])
        opened.append(Event(kind="access", purpose="caf\u00e9"))
        yield opened


def test_json_lines(ledger: Ledger) -> None:
    out = io.BytesIO()
    assert export_jsonl(ledger.leaves(), out) == 7
    lines = out.getvalue().splitlines()
    assert [json.loads(line)["index"] for line in lines] == list(range(7))
    for index, line in enumerate(lines):
        assert read_line(line) == (index, ledger.entry(index))
        data = json.loads(line)
        leaf = line.partition(b'"entry":')[2][:-1]
        assert leaf == ledger.leaf(index)
        proof = ledger.prove(index)
        root = ledger.state().root
        assert includes(bytes.fromhex(data["leaf_hash"]), index, 7, proof.hashes, root)


@pytest.mark.parametrize(
    ("old", "new"), [(b'"match"', b'"no_match"'), (b'"leaf_hash":"', b'"leaf_hash":"0'), (b'"entry"', b'"x"')]
)
def test_a_line_that_was_altered(old: bytes, new: bytes, ledger: Ledger) -> None:
    out = io.BytesIO()
    export_jsonl(ledger.leaves(), out)
    line = out.getvalue().splitlines()[2]
    assert old in line
    with pytest.raises(LedgerError) as caught:
        read_line(line.replace(old, new, 1))
    assert caught.value.code == "ledger.entry"


@pytest.mark.parametrize("line", [b"", b"[]", b"null", b'{"index":1}'])
def test_what_is_no_line(line: bytes) -> None:
    with pytest.raises(LedgerError):
        read_line(line)


def test_parquet(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("visavis.ledger.export.ROWS", 3)
    out = io.BytesIO()
    assert export_parquet(ledger.leaves(), out) == 7
    table = parquet.read_table(io.BytesIO(out.getvalue()))
    assert table.num_rows == 7
    rows = table.to_pylist()
    assert [row["kind"] for row in rows] == ["start", *["verdict"] * 5, "access"]
    for index, row in enumerate(rows):
        assert row["leaf"] == ledger.leaf(index)
        assert row["leaf_hash"] == leaf_hash(ledger.leaf(index)).hex()
        assert row["time"].isoformat().startswith(ledger.entry(index).time[:19])
    assert (rows[1]["fmr"], rows[1]["reasons"], rows[6]["purpose"]) == (1.23e-6, ["turned"], "caf\u00e9")
    assert json.loads(rows[1]["policy"])["fmr"] == 1e-4


def test_without_pyarrow(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LedgerError, match="pip install") as caught:
        export_parquet(ledger.leaves(), io.BytesIO())
    assert caught.value.code == "ledger.parquet"
