from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from visavis.disk import sync_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_the_folder_is_synced_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    sync_folder(tmp_path)
    [descriptor] = synced
    with pytest.raises(OSError, match="descriptor"):
        stat.S_ISDIR(os.fstat(descriptor).st_mode)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")
