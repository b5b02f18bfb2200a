"""The ledger as JSON Lines or Parquet, for whoever wants to count in it; written as it is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from visavis.errors import LedgerError
from visavis.ledger.entry import Entry, canonical
from visavis.ledger.merkle import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = 10_000
"""Rows of a group of Parquet."""


def line(index: int, leaf: bytes) -> bytes:
    """One entry as a line of JSON, its bytes in it as they are hashed."""
    return b'{"index":%d,"leaf_hash":"%s","entry":%s}\n' % (index, leaf_hash(leaf).hex().encode(), leaf)


def export_jsonl(leaves: Iterable[tuple[int, bytes]], out: BinaryIO) -> int:
    """Write entries as JSON Lines; returns how many.

    What follows ``"entry":`` up to the last brace of a line are the bytes that are the leaf: their SHA-256
    after a zero byte is ``leaf_hash``, and what an inclusion proof is about.

    Args:
        leaves: Index and bytes of each entry.
        out: Where to.
    """
    count = 0
    for index, leaf in leaves:
        out.write(line(index, leaf))
        count += 1
    return count


def export_parquet(leaves: Iterable[tuple[int, bytes]], out: BinaryIO) -> int:
    """Write entries as Parquet, one column for each field; returns how many.

    ``leaf`` holds the bytes that are hashed. Policy, inputs and details are JSON.

    Args:
        leaves: Index and bytes of each entry.
        out: Where to.

    Raises:
        LedgerError: `ledger.parquet`: pyarrow isn't installed; `ledger.entry`: bytes that are no entry.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise LedgerError(
            "ledger.parquet",
            "Parquet can't be written: pyarrow isn't installed; install it with: "
            "pip install 'visavis[parquet]'",
        ) from None
    text = pa.string()
    schema = pa.schema(
        [
            ("index", pa.int64()),
            ("time", pa.timestamp("us", tz="UTC")),
            ("kind", text),
            ("purpose", text),
            ("key", text),
            ("subject", text),
            ("decision", text),
            ("fmr", pa.float64()),
            ("fmr_upper", pa.float64()),
            ("pack", text),
            ("fingerprint", text),
            ("calibration", text),
            ("reasons", pa.list_(text)),
            ("policy", text),
            ("inputs", text),
            ("details", text),
            ("leaf_hash", text),
            ("leaf", pa.binary()),
        ]
    )
    count = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        group: list[dict[str, Any]] = []
        for index, leaf in leaves:
            group.append(_row(index, leaf))
            count += 1
            if len(group) == ROWS:
                writer.write_table(pa.Table.from_pylist(group, schema))
                group = []
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema))
    return count


def _row(index: int, leaf: bytes) -> dict[str, Any]:
    from datetime import datetime

    entry = Entry.parse(leaf)
    plain = entry.to_dict()
    return plain | {
        "index": index,
        "time": datetime.fromisoformat(entry.time),
        "subject": None if entry.subject is None else entry.subject.digest,
        "policy": None if entry.policy is None else _json(plain["policy"]),
        "inputs": _json(plain["inputs"]),
        "details": _json(plain["details"]),
        "leaf_hash": leaf_hash(leaf).hex(),
        "leaf": leaf,
    }


def _json(data: object) -> str:
    return canonical(data).decode()


def read_line(text: bytes) -> tuple[int, Entry]:
    """Index and entry of a line that `export_jsonl` wrote, whose hash is compared.

    Raises:
        LedgerError: `ledger.entry`: it is no such line.
    """
    try:
        data = json.loads(text)
        index, hash_ = data["index"], data["leaf_hash"]
        leaf = canonical(data["entry"])
    except (ValueError, KeyError, TypeError):
        raise LedgerError("ledger.entry", "this is no line of an exported ledger") from None
    if not isinstance(index, int) or leaf_hash(leaf).hex() != hash_:
        raise LedgerError(
            "ledger.entry", "this line of an exported ledger was altered", found=f"entry {index}"
        )
    return index, Entry.parse(leaf)
