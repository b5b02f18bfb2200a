"""What the tests of `evaluate` and `calibrate` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.evaluation.invented import Examiner

import visavis.examiner

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, invented people instead of an engine, and a working directory."""
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(visavis.examiner, "Examiner", Examiner)
    Examiner.asked.clear()
    monkeypatch.chdir(tmp_path)
    return tmp_path
