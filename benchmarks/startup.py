"""How long the program takes to start: `import visavis`, and a cold `visavis verify` of two 1080p pictures.

    python benchmarks/startup.py --runs 7

Each run is a process of its own; its peak memory is the operating system's figure. The first run of each
isn't counted: it compiles the modules to bytecode, in a folder of its own, as an installation does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import machine, pictures_1080p

STARTER = """
import os, sys, time
begin, nothing = time.perf_counter(), os.open(os.devnull, os.O_WRONLY)
quiet = [(os.POSIX_SPAWN_DUP2, nothing, 1), (os.POSIX_SPAWN_DUP2, nothing, 2)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - begin, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
"""Starts a command from a small process: what the one that starts it holds counts as its own peak."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--pack", default="sface")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="write what is printed as JSON too")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def report(title: str, *command: str) -> dict[str, Any]:
            return measured(title, [sys.executable, *command], arguments.runs, environment)

        rows = [report("python -c pass", "-c", "pass"), report("import visavis", "-c", "import visavis")]
        for name, content in pictures_1080p().items():
            (Path(folder) / name).write_bytes(content)
        command = ["-m", "visavis", "verify", "--pack", arguments.pack]
        pair = [f"{folder}/obama.jpg", f"{folder}/obama2.jpg"]
        rows.append(report(f"visavis verify ({arguments.pack})", *command, *pair))
    if arguments.figures:
        figures = {"machine": machine(), "runs": arguments.runs, "rows": rows}
        arguments.figures.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measured(title: str, command: list[str], runs: int, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run a command some times, the first one uncounted, and print median wall time and peak memory."""
    walls, peaks = [], []
    for run in range(-1, runs):
        starter = [sys.executable, "-I", "-S", "-c", STARTER, *command]
        told = subprocess.run(starter, stdout=subprocess.PIPE, env=environment, check=True).stdout
        wall_s, peak_kib, status = told.split()
        if int(status):
            raise SystemExit(f"{title}: exit status {int(status)}, 0 was expected")
        if run >= 0:
            walls.append(float(wall_s))
            peaks.append(int(peak_kib) / 1024)
    wall, peak = statistics.median(walls), max(peaks)
    print(f"{title:<28}{wall:7.3f} s wall (median of {runs}){peak:8.0f} MiB at the most")
    return {"title": title, "wall_s": wall, "peak_mib": peak}


if __name__ == "__main__":
    main()
