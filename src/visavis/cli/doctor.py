"""`visavis doctor`: what this machine has, how fast it is, and what to do where something is missing."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import visavis
from visavis.cli import NO_PACK
from visavis.errors import VisavisError
from visavis.packs.catalogue import DEFAULT_PACK, Engine, all_packs

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.packs.catalogue import Role

LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "simplejpeg", "onnx")
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "asimddp", "i8mm")
RUNS = 9


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination: what was looked at, what was found, and what to do if it isn't well."""

    subject: str
    found: str
    advice: str | None = None


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor_command(ctx: click.Context, *, as_json: bool) -> None:
    """Look at Python, libraries, packs, threads and speed, and say what to do.

    Exit status: 0 when the default pack can be used, 69 otherwise.
    """
    findings = [*_machine(), *_libraries(), *_home(), *_packs()]
    healthy = not any(finding.advice for finding in findings)
    if as_json:
        rows = [{"subject": f.subject, "found": f.found, "advice": f.advice} for f in findings]
        click.echo(json.dumps({"healthy": healthy, "findings": rows}, indent=2))
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            click.echo(f"{finding.subject:<{width}}  {finding.found}")
            if finding.advice:
                click.echo(f"{'':{width}}  -> {finding.advice}")
        click.echo("\nEverything is in place." if healthy else "\nThe lines marked -> say what to do.")
    ctx.exit(0 if _usable(DEFAULT_PACK) else NO_PACK)


def _machine() -> list[Finding]:
    from visavis.packs.runtime import available_cores

    cores = available_cores()
    return [
        Finding("visavis", visavis.__version__),
        Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("processor", ", ".join(processor_features()) or "features not known"),
        Finding("threads", f"{cores} of {os.cpu_count()} cores, by affinity and quota"),
    ]


def processor_features() -> list[str]:
    """Those of the processor's features that the networks' speed depends on, as Linux names them."""
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return []
    return [feature for feature in FEATURES if feature in words]


def _libraries() -> list[Finding]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    missing = [name for name, version in versions.items() if version == "missing"]
    advice = f"install again with: pip install {' '.join(missing)}" if missing else None
    return [Finding("libraries", ", ".join(" ".join(pair) for pair in versions.items()), advice)]


def _home() -> list[Finding]:
    from visavis.packs.store import home

    folder = home()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    writable = os.access(existing, os.W_OK)
    state = "writable" if writable else "read only: packs can be used here but not installed"
    return [Finding("home", f"{folder} ({state})")]


def _packs() -> list[Finding]:
    from visavis.packs.install import installed, verify

    findings = []
    for name in all_packs():
        needed = name == DEFAULT_PACK
        command = f"visavis packs install {name}"
        try:
            there = installed(name)
            problems = verify(name) if there else []
        except VisavisError as error:
            findings.append(Finding(f"pack {name}", str(error), command))
            continue
        if there is None:
            findings.append(Finding(f"pack {name}", "not installed", command if needed else None))
        elif problems:
            findings.append(Finding(f"pack {name}", str(problems[0]), command))
        else:
            findings.append(Finding(f"pack {name}", f"installed and whole, {_speed(name)}"))
    return findings


def _usable(name: str) -> bool:
    from visavis.packs.install import installed, verify

    try:
        return installed(name) is not None and not verify(name)
    except VisavisError:
        return False


def _speed(name: str) -> str:
    """Median times on one thread, on noise: a network's time doesn't depend on what it sees."""
    import numpy as np

    from visavis.documents.text import LINE_HEIGHT, WIDTHS
    from visavis.faces.align import CHIP_SIDE
    from visavis.faces.detect import CROP_SIDE, SIDES
    from visavis.liveness import passive
    from visavis.packs.install import require_any
    from visavis.packs.runtime import Network

    there = require_any(name)
    random = np.random.default_rng(0)
    shapes: dict[Role, tuple[int, int, int]] = {
        "detector": (1, 192, SIDES[0]),
        "landmarks": (1, CROP_SIDE, CROP_SIDE),
        "text_detector": (1, 448, 640),
        "text_recogniser": (2, LINE_HEIGHT, WIDTHS[2]),
        **dict.fromkeys(passive.SCALES, (1, passive.CROP_SIDE, passive.CROP_SIDE)),
    }
    if isinstance(there.pack, Engine):
        for role, recogniser in there.pack.recognisers_by_role.items():
            shapes[role] = (len(recogniser.views), CHIP_SIDE, CHIP_SIDE)
    times = []
    for role in there.pack.files:
        network = Network(there.model(role), threads=1)
        pictures: Any = random.integers(0, 256, (*shapes[role], 3), dtype=np.uint8)
        times.append(f"{role.replace('_', ' ')} {_median_ms(lambda: network(pictures)):.1f} ms")  # noqa: B023  # called at once
    return ", ".join(times) + " on one thread"


def _median_ms(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)
