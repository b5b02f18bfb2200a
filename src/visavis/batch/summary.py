"""What a batch came to, counted over its parts: decisions, reasons, rejected rows, similarities."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from visavis.batch.results import read_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from visavis.batch.folder import Folder

BINS = 100
EDGES = tuple(round(-1 + 2 * step / BINS, 2) for step in range(BINS + 1))
SHOWN = ("row", "decision", "similarity", "reasons", "error", "message", "ledger_index")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a batch came to.

    Attributes:
        batch: Its id.
        table: Name and SHA-256 of the table.
        rows: How many rows the table has.
        decisions: How many rows came to each decision.
        reasons: How many rows have each reason or remark, the most frequent first.
        rejected: How many rows have no verdict, by code, the most frequent first.
        edges: Of the classes of similarities.
        match: How many rows with ``match`` lie in each class.
        no_match: How many with ``no_match``.
        threshold: The similarity from which on it was a match.
        policy: The policy that was applied.
        pack: Name of the pack.
        fingerprint: Its fingerprint.
        calibration: Its calibration's digest.
        ledger: Origin of the ledger, and the indices of the first and the last entry.
        version: Of visavis.
    """

    batch: str
    table: Mapping[str, str]
    rows: int
    decisions: Mapping[str, int]
    reasons: Mapping[str, int]
    rejected: Mapping[str, int]
    edges: tuple[float, ...]
    match: tuple[int, ...]
    no_match: tuple[int, ...]
    threshold: float
    policy: Mapping[str, Any]
    pack: str
    fingerprint: str
    calibration: str
    ledger: Mapping[str, Any]
    version: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def summarise(files: Sequence[Path], manifest: Mapping[str, Any], threshold: float) -> Summary:
    """Count over parts.

    Args:
        files: The parts, in order.
        manifest: What the batch is bound to.
        threshold: The similarity from which on it is a match.
    """
    import visavis

    decisions: Counter[str] = Counter(match=0, no_match=0, inconclusive=0)
    reasons: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    spread = {"match": [0] * BINS, "no_match": [0] * BINS}
    first = last = None
    for row in read_all(files, SHOWN):
        if row["error"] is not None:
            rejected[row["error"]] += 1
        else:
            decisions[row["decision"]] += 1
            reasons.update(set(row["reasons"]))
        if row["similarity"] is not None:
            spread[row["decision"]][_bin(row["similarity"])] += 1
        if row["ledger_index"] is not None:
            first = row["ledger_index"] if first is None else first
            last = row["ledger_index"]
    return Summary(
        batch=manifest["batch"],
        table=manifest["table"],
        rows=manifest["rows"],
        decisions=dict(decisions),
        reasons=_frequent(reasons),
        rejected=_frequent(rejected),
        edges=EDGES,
        match=tuple(spread["match"]),
        no_match=tuple(spread["no_match"]),
        threshold=round(threshold, 5),
        policy=manifest["policy"],
        pack=manifest["pack"],
        fingerprint=manifest["fingerprint"],
        calibration=manifest["calibration"],
        ledger={"origin": manifest["ledger"], "first": first, "last": last},
        version=visavis.__version__,
    )


def write(folder: Folder, summary: Summary) -> None:
    """Write the summary and the list of rejected rows into a batch's folder.

    Raises:
        BatchError: `batch.out`.
    """
    from visavis.batch.page import page

    with folder.whole("rejected.jsonl") as file:
        for row in rejected_rows(list(folder.parts().values())):
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    folder.write("summary.html", page(summary).encode())
    folder.write("summary.json", json.dumps(summary.to_dict(), indent=1).encode())


def rejected_rows(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Rows without a verdict: number, code and reason."""
    for row in read_all(files, SHOWN):
        if row["error"] is not None:
            yield {"row": row["row"], "code": row["error"], "reason": row["message"]}


def lines(summary: Summary) -> Iterator[tuple[str, str]]:
    """What it came to in a few labelled lines."""
    yield "rows", f"{summary.rows:,}"
    for decision, count in summary.decisions.items():
        yield decision.replace("_", " "), f"{count:,}"
    rejected = sum(summary.rejected.values())
    yield "rejected", f"{rejected:,}" + (f": {_listed(summary.rejected.items())}" if rejected else "")
    if summary.reasons:
        yield "reasons", _listed(summary.reasons.items())
    yield "ledger", _entries(summary.ledger)


def _entries(ledger: Mapping[str, Any]) -> str:
    if ledger["first"] is None:
        return f"no entries, {ledger['origin']}"
    return f"entries {ledger['first']} to {ledger['last']} of {ledger['origin']}"


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{code} {count:,}" for code, count in counts)


def _frequent(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _bin(similarity: float) -> int:
    return min(max(int((similarity + 1) / 2 * BINS), 0), BINS - 1)
