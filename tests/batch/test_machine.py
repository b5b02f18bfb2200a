from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis.batch import machine

if TYPE_CHECKING:
    from pathlib import Path


def lay_out(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


MEMINFO = "MemTotal:  2000 kB\nMemAvailable:    1000 kB\n"


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 1_024_000),
        ({"memory.max": "max\n", "memory.current": "5\n"}, 1_024_000),
        ({"memory.max": "700000\n", "memory.current": "200000\n"}, 500_000),
        ({"memory.max": "7\n", "memory.current": "20\n"}, 0),
        (
            {
                "memory.max": "700000\n",
                "memory.current": "600000\n",
                "memory.stat": "anon 5\ninactive_file 350000\nactive_file 7\n",
            },
            450_000,
        ),
        (
            {
                "memory/memory.limit_in_bytes": "600000",
                "memory/memory.usage_in_bytes": "500000",
                "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 200000\n",
            },
            300_000,
        ),
        (
            {"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "1"},
            1_024_000,
        ),
        ({"memory/memory.limit_in_bytes": "600000", "memory/memory.usage_in_bytes": "1"}, 599_999),
    ],
)
def test_memory_is_what_machine_and_container_leave(tmp_path: Path, files: dict[str, str], free: int) -> None:
    lay_out(tmp_path, {**files, "meminfo": MEMINFO})
    assert machine.free_memory(tmp_path, tmp_path / "meminfo") == free


@pytest.mark.parametrize(
    ("cores", "free", "count"),
    [
        (2, None, 2),
        (2, 64 * 2**30, 2),
        (64, machine.OWN + 10 * machine.EACH + 5, 10),
        (8, 0, 1),
    ],
)
def test_processes_follow_from_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, cores: int, free: int | None, count: int
) -> None:
    monkeypatch.setattr(machine, "available_cores", lambda: cores)
    monkeypatch.setattr(machine, "free_memory", lambda: free)
    assert machine.processes() == count
