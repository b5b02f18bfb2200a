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
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            most = int((cgroup / limit).read_text())  # "max" is no number: there is no limit
            found.append(max(0, most - int((cgroup / used).read_text())))
        except (OSError, ValueError):
            continue
    if not found and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)
