"""What the tests of this room share: a folder with invented people, a table of them, and a run of it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest
from tests.batch.invented import FINGERPRINT, PACK, InventedEngine, picture

from visavis.batch import run as room
from visavis.batch.run import run
from visavis.decision.calibration import shipped
from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from visavis.batch.summary import Summary
    from visavis.batch.work import Setup

HEAD = ("reference", "probe", "subject", "purpose")


class Desk:
    """Where batches are run.

    Attributes:
        path: A folder.
        engines: Those that were started, in order.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ledger = path / "ledger.db"
        self.engines: list[InventedEngine] = []

    def put(self, name: str, content: bytes) -> str:
        """Write a picture; gives its name."""
        (self.path / name).write_bytes(content)
        return name

    def person(self, who: str) -> tuple[str, str]:
        """Two pictures of somebody: a reference and a probe."""
        return self.put(f"{who}-0.jpg", picture(who, 0)), self.put(f"{who}-1.jpg", picture(who, 1))

    def table(
        self, rows: Sequence[Sequence[str]], head: Sequence[str] = HEAD, name: str = "pairs.csv"
    ) -> str:
        """Write a table; gives its path."""
        with (self.path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])
        return str(self.path / name)

    def crowd(self, people: int, name: str = "pairs.csv") -> str:
        """A table of so many people who each verify once."""
        rows = [(*self.person(f"p{number}"), f"subject {number}", "a test") for number in range(people)]
        return self.table(rows, name=name)

    def engine(self, setup: Setup) -> InventedEngine:
        """Start an engine in this process."""
        self.engines.append(InventedEngine(setup))
        return self.engines[-1]

    def run(self, table: str, out: str = "out", **given: Any) -> Summary:
        """Run a batch."""
        return run(table, self.path / out, **{"ledger": self.ledger, "engine": self.engine, **given})

    def rows(self, out: str = "out") -> list[dict[str, Any]]:
        """All results, in order."""
        import pyarrow.dataset as ds

        found: list[dict[str, Any]] = (
            ds.dataset(self.path / out / "results").to_table().sort_by("row").to_pylist()
        )
        return found

    def entries(self) -> list[Entry]:
        """What the ledger holds after its first entry; it is sound."""
        with Ledger.open(self.ledger) as ledger:
            assert ledger.key is not None
            assert verify(ledger, key=ledger.key.verifier).findings == ()
            return [Entry.parse(leaf) for _, leaf in ledger.leaves()][1:]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A place for batches of invented people, whose pack needn't be installed."""
    for name in ("VISAVIS_LEDGER", "VISAVIS_LEDGER_KEY", "VISAVIS_PURPOSE"):
        monkeypatch.delenv(name, raising=False)
    rates = (shipped(PACK.name, FINGERPRINT), FINGERPRINT)
    monkeypatch.setattr(room, "_rates", lambda name, calibration: rates)
    return Desk(tmp_path)
