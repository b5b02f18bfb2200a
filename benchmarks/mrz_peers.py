"""A peer at work for `benchmarks/mrz.py`, in an interpreter of its own: it has other libraries than we do.

    PYTHON benchmarks/mrz_peers.py rapidocr|passporteye

Reads one path of a picture a line, and answers each with a line of JSON: `ms` that the peer took from the
file to its text, and the `lines` of text. A first line says `ready`, or why the peer can't be used.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable

for variable in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"


def rapidocr() -> Callable[[str], list[str]]:
    """The whole picture, as its documentation says: detection, direction, recognition."""
    import logging

    from rapidocr import RapidOCR  # type: ignore[import-not-found]

    settings = {
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    engine = RapidOCR(params=settings)
    logging.disable(logging.CRITICAL)
    return lambda path: list(engine(path).txts or ())


def passporteye() -> Callable[[str], list[str]]:
    """Its one call; it runs the tesseract binary."""
    import shutil

    from passporteye import read_mrz  # type: ignore[import-not-found]

    if shutil.which("tesseract") is None:
        raise ImportError("the tesseract binary isn't installed")

    def read(path: str) -> list[str]:
        found = read_mrz(path)
        return [] if found is None else str(found.aux["text"]).splitlines()

    return read


def main() -> None:
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        read = {"rapidocr": rapidocr, "passporteye": passporteye}[sys.argv[1]]()
    except ImportError as error:
        print(json.dumps({"problem": str(error)}), file=answers, flush=True)
        return
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        try:
            lines = read(line.rstrip("\n"))
        except Exception as error:  # noqa: BLE001  # whatever a peer does with a picture is its answer
            lines = [repr(error)]
        took = (time.perf_counter() - start) * 1000
        print(json.dumps({"ms": took, "lines": lines}), file=answers, flush=True)


if __name__ == "__main__":
    main()
