"""How many processes a batch has on this machine: by its cores and by the memory that is free."""

from __future__ import annotations

import os
from pathlib import Path

from visavis.packs.runtime import available_cores

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
OWN, EACH = 300 * 2**20, 400 * 2**20
"""Bytes that the batch itself takes, and each process with an engine: a pack, one large picture at a time."""


def processes() -> int:
    """How many engines to run at once, at least 1."""
    free = free_memory()
    if free is None:
        return available_cores()
    return max(1, min(available_cores(), (free - OWN) // EACH))


def free_memory(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> int | None:
    """Bytes that this process may still take, by machine and container; None where that can't be told.

    Args:
        cgroup: Where this process's control group is mounted, of version 2 or 1.
        meminfo: What Linux says of its memory.
    """
    found = []
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pass
    for folder, limit, used in (
        (cgroup, "memory.max", "memory.current"),
        (cgroup / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            most = int((folder / limit).read_text())  # "max" is no number: there is no limit
            taken = int((folder / used).read_text()) - _given_back(folder / "memory.stat")
            found.append(max(0, most - taken))
        except (OSError, ValueError):
            continue
    if not found and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)


def _given_back(stat: Path) -> int:
    """Bytes of files that were read, which a container gives back before it runs out of memory."""
    try:
        said = dict(line.split() for line in stat.read_text().splitlines())
        return int(said.get("total_inactive_file") or said.get("inactive_file") or 0)
    except (OSError, ValueError):
        return 0
