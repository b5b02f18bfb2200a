"""What the benchmarks share: the demo's portraits as 1080p pictures, templates of a folder, the machine."""

from __future__ import annotations

import io
import os
import platform
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import Progress

from visavis.cli.doctor import processor_features
from visavis.evaluation.acquire import Acquired, acquire
from visavis.evaluation.folders import read_folders
from visavis.evaluation.store import Workplace
from visavis.evaluation.truth import Truth
from visavis.examiner import Examiner
from visavis.packs.install import fetch_demo_pictures

WIDTH, HEIGHT = 1920, 1080


def pictures_1080p() -> dict[str, bytes]:
    """The demo's portraits, each as high as a 1920 x 1080 JPEG and centred on grey, by file name."""
    made = {}
    for name, content in fetch_demo_pictures().items():
        portrait = Image.open(io.BytesIO(content)).convert("RGB")
        portrait = portrait.resize((round(portrait.width * HEIGHT / portrait.height), HEIGHT))
        canvas = Image.new("RGB", (WIDTH, HEIGHT), (96, 104, 112))
        canvas.paste(portrait, ((WIDTH - portrait.width) // 2, 0))
        encoded = io.BytesIO()
        canvas.save(encoded, "JPEG", quality=90)
        made[name] = encoded.getvalue()
    return made


def use_one_core() -> None:
    """Keep this process, and every library's thread pool in it, on one core. Call before heavy imports."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def machine() -> str:
    """The processor in a line, with the features that the networks' speed depends on."""
    features = ", ".join(processor_features()) or "not known"
    return f"{platform.machine()}, {platform.system()}, processor features: {features}"


def templates(folder: Path, examiner: Examiner) -> tuple[Truth, Acquired]:
    """Whose pictures lie in a folder with one folder for each person, and their templates."""
    truth = read_folders(folder)
    about = f"a benchmark of {folder.resolve()}"
    with (
        Progress(console=Console(stderr=True)) as bar,
        Workplace(examiner.fingerprint, about) as workplace,
    ):
        task = bar.add_task(examiner.pack.name, total=len(truth.pictures))
        acquired = acquire(
            truth, examiner, workplace=workplace, progress=lambda done, _: bar.update(task, completed=done)
        )
        workplace.finish()
    return truth, acquired
