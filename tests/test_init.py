"""The public API: what there is, and that importing it costs nothing."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys
import time
from typing import Any

import pytest

import visavis
from visavis.decision.verdict import (
    Comparison,
    DocumentPart,
    Evidence,
    LedgerPlace,
    Liveness,
    Provenance,
    Reason,
)
from visavis.faces.face import Face
from visavis.quality.assessed import Assessed

# A name goes only with a major version; a new one is added here too.
NAMES = {
    *("Box", "PackError", "Photo", "PhotoError", "Policy", "PolicyError", "Verdict", "Verifier"),
    *("VisavisError", "__version__", "verify", "Crosscheck", "DocumentError", "crosscheck"),
}
FIELDS: dict[type, tuple[str, ...]] = {
    visavis.Box: ("x", "y", "width", "height"),
    visavis.Policy: (
        *("fmr", "faces", "min_inter_eye_px", "min_confidence", "max_disagreement", "min_inside"),
        *("extrapolate", "require_valid_document"),
        *("quality", "reference_quality", "floors", "liveness", "liveness_threshold"),
    ),
    visavis.Photo: ("pixels", "width", "height", "format", "sha256", "notes"),
    visavis.Verdict: (
        *("decision", "similarity", "fmr", "fmr_upper", "fmr_modelled", "llr", "llr_is_bound", "threshold"),
        *("threshold_modelled", "policy", "pack", "fingerprint", "calibration"),
        *("reference", "further_references", "probe", "liveness", "document", "reasons", "timings_ms"),
        "ledger",
    ),
    visavis.Crosscheck: (
        *("decision", "faces", "fields", "first", "second", "same_picture", "reasons", "rule"),
        "ledger",
    ),
    LedgerPlace: ("origin", "index"),
    DocumentPart: ("portrait", "why", "mrz", "chip", "comparisons", "fields", "problems"),
    Comparison: ("first", "second", "similarity", "fmr", "fmr_upper", "match"),
    Evidence: (
        *("name", "width", "height", "format", "sha256", "notes", "turned", "face", "others", "quality"),
    ),
    Liveness: ("outcome", "score", "threshold", "why", "passive", "active"),
    Assessed: ("profile", "unified", "components", "shortfalls", "unknown"),
    Face: ("box", "landmarks", "confidence", "disagreement", "inside", "placed_confidence"),
    Provenance: ("origin", "digest", "rule", "groups", "data"),
    Reason: ("code", "about", "message", "decisive"),
}
SIGNATURES = {
    "verify": [
        *("reference", "probe", "*policy", "*pack", "*reference_face", "*probe_face", "*active"),
        *("*purpose", "*subject"),
    ],
    "Verifier": ["pack", "*policy", "*calibration", "*threads", "*device", "*record"],
    "Verifier.verify": [
        *("self", "reference", "probe", "*policy", "*reference_face", "*probe_face", "*active"),
        *("*purpose", "*subject"),
    ],
    "Verifier.examine": ["self", "source", "*policy", "*face", "*name"],
    "Verifier.compare": ["self", "references", "probe", "*policy", "*active", "*purpose", "*subject"],
    "Verifier.threshold": ["self", "policy"],
    "Verifier.read_document": ["self", "pictures", "*chip", "*trust", "*name"],
    "Verifier.examine_document": ["self", "document", "*policy"],
    "Verifier.verify_document": [
        *("self", "document", "probe", "*policy", "*probe_face", "*active", "*purpose", "*subject"),
    ],
    "Verifier.crosscheck": ["self", "first", "second", "*policy", "*purpose", "*subject"],
    "crosscheck": [
        *(
            "first",
            "second",
            "*first_chip",
            "*second_chip",
            "*trust",
            "*policy",
            "*pack",
            "*purpose",
            "*subject",
        ),
    ],
    "Crosscheck.to_dict": ["self"],
    "Crosscheck.from_dict": ["data"],
    "Photo.open": ["source", "*detail"],
    "Photo.from_pixels": ["pixels"],
    "Verdict.to_dict": ["self"],
    "Verdict.from_dict": ["data"],
    "Policy.to_dict": ["self"],
    "Policy.from_dict": ["data"],
    "Box.overlap": ["self", "other"],
    "VisavisError": ["code", "message", "*found", "*expected"],
}


def test_the_names() -> None:
    assert set(visavis.__all__) == NAMES
    assert len(visavis.__all__) == len(NAMES)
    for name in NAMES:
        assert getattr(visavis, name) is not None
        assert name in dir(visavis)


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="module 'visavis' has no attribute 'search'"):
        visavis.search  # noqa: B018


@pytest.mark.parametrize(("kind", "fields"), FIELDS.items(), ids=lambda part: getattr(part, "__name__", ""))
def test_the_fields(kind: Any, fields: tuple[str, ...]) -> None:
    names = tuple(field.name for field in dataclasses.fields(kind) if not field.name.startswith("_"))
    assert names == fields


@pytest.mark.parametrize(("name", "expected"), SIGNATURES.items())
def test_the_signatures(name: str, expected: list[str]) -> None:
    """Options are keyword-only, marked by a star here."""
    thing: Any = visavis
    for part in name.split("."):
        thing = getattr(thing, part)
    parameters = inspect.signature(thing).parameters.values()
    found = ["*" * (parameter.kind is parameter.KEYWORD_ONLY) + parameter.name for parameter in parameters]
    assert found == expected


def test_errors_have_one_base() -> None:
    for kind in (visavis.PhotoError, visavis.PackError, visavis.PolicyError, visavis.DocumentError):
        assert issubclass(kind, visavis.VisavisError)


def test_the_version_is_text() -> None:
    assert visavis.__version__


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_loads_nothing_heavy() -> None:
    heavy = ["numpy", "onnxruntime", "cv2", "PIL", "onnx", "rich", "httpx2", "click", "jinja2", "hypothesis"]
    code = f"import json, sys, visavis; print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    assert json.loads(run(code)) == []
    code = "import json, sys, visavis; print(json.dumps([n for n in sys.modules if n.startswith('visavis')]))"
    assert json.loads(run(code)) == ["visavis"]


def test_the_errors_load_nothing_heavy() -> None:
    code = "import sys; from visavis import PhotoError; print('numpy' in sys.modules)"
    assert run(code).strip() == "False"


def test_importing_takes_under_a_fifth_of_a_second() -> None:
    """The whole process, interpreter included; the best of several, as others use the machine too."""
    times = []
    for _ in range(8):
        start = time.perf_counter()
        run("import visavis")
        times.append(time.perf_counter() - start)
        if times[-1] < 0.2:
            return
    pytest.fail(f"the fastest of {len(times)} took {min(times):.2f} s")
