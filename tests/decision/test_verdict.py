from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from visavis.decision.calibration import Calibration, Data, Mark
from visavis.decision.policy import Policy
from visavis.decision.verdict import NOT_ASKED, Evidence, Liveness, Provenance, Reason, Verdict
from visavis.faces.face import Face
from visavis.geometry import Box
from visavis.quality.assessed import held, required
from visavis.quality.component import NAMES, Component
from visavis.quality.measure import Quality

FACE = Face(Box(10, 20, 30, 40), ((1, 2), (31, 2), (16, 9), (5, 30), (27, 30)), 0.91234, 0.1234)
SEEN = Evidence("a.jpg", 640, 480, "JPEG", "ab" * 32, ("turned by EXIF orientation 6",), 90, FACE, (FACE,))
BLANK = Evidence(None, 640, 480, "PNG", "cd" * 32, (), 0, None, ())
COMPONENTS = tuple(
    Component.failed(name, "it needs the eyelids")
    if name in ("eyes_open", "natural_colour")
    else Component.measured(name, 0.123456, 9.87654)
    for name in NAMES
)
DEMANDED = required("selfie", {"head_size": 12})
assert DEMANDED is not None
QUALITY = held(Quality(COMPONENTS), DEMANDED)
LIVE = Liveness("live", 0.98765432, 0.5, "the score reaches it", {"score": 0.9877, "notes": []}, None)
ATTACK = Liveness("attack", 0.1, 0.5, "the answer: too flat", None, {"checks": [{"name": "relief"}]})
DATA = Data("toy", "a toy", 10, 100, 4000, 450, 0)
FROM = Provenance("operator", "ef" * 32, "worst_group", ("a", "b"), DATA)


def verdict(**changes: Any) -> Verdict:
    whole = Verdict(
        decision="match",
        similarity=0.6543219,
        fmr=1.23456e-5,
        fmr_upper=9.87654e-5,
        llr=2.34567,
        threshold=0.4567891,
        policy=Policy(fmr=1e-3),
        pack="sface",
        fingerprint="f" * 16,
        calibration=FROM,
        reference=SEEN,
        further_references=(SEEN,),
        probe=BLANK,
        reasons=(Reason("turned", "reference", "it was turned", decisive=False),),
        timings_ms={"photo": 1.23456, "total": 12.5},
    )
    return dataclasses.replace(whole, **changes)


def test_the_keys_that_others_rely_on() -> None:
    data = verdict().to_dict()
    assert data.keys() >= {
        *("decision", "similarity", "fmr", "fmr_upper", "threshold", "policy", "pack", "fingerprint"),
        *("reference", "further_references", "probe", "liveness", "reasons", "timings", "calibration"),
        *("fmr_modelled", "llr", "llr_is_bound", "threshold_modelled"),
    }
    assert data["calibration"] == {
        "origin": "operator",
        "digest": "ef" * 32,
        "rule": "worst_group",
        "groups": ["a", "b"],
        "name": "toy",
        "description": "a toy",
        "people": 10,
        "pictures": 100,
        "impostor_comparisons": 4000,
        "genuine_comparisons": 450,
        "without_face": 0,
    }
    assert data["reference"].keys() >= {
        *("name", "width", "height", "format", "sha256", "notes", "turned", "face", "others", "quality"),
    }
    assert data["liveness"] == {
        "outcome": "not assessed",
        "score": None,
        "threshold": None,
        "why": "the policy doesn't ask for it",
        "passive": None,
        "active": None,
    }
    assert data["reasons"][0].keys() == {"code", "about", "message", "decisive"}


def test_numbers_are_rounded_to_what_they_can_carry() -> None:
    data = verdict().to_dict()
    assert (data["similarity"], data["threshold"]) == (0.65432, 0.45679)
    assert (data["fmr"], data["fmr_upper"]) == (1.23e-5, 9.88e-5)
    assert (data["llr"], data["fmr_modelled"]) == (2.35, None)
    assert verdict(fmr=None, fmr_modelled=1.23456e-8).to_dict()["fmr_modelled"] == 1.23e-8
    assert data["timings"] == {"photo": 1.23, "total": 12.5}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"decision": "no_match", "fmr": None},
        {"decision": "inconclusive", "similarity": None, "fmr": None, "fmr_upper": None, "llr": None},
        {"fmr": None, "fmr_modelled": 1.2e-8, "llr": -3.0, "llr_is_bound": True, "threshold_modelled": True},
        {"further_references": (), "reasons": ()},
        {"liveness": LIVE},
        {"liveness": ATTACK},
        {"liveness": Liveness.not_assessed("the pack is not there")},
    ],
)
def test_the_way_through_json(changes: dict[str, Any]) -> None:
    data = json.loads(json.dumps(verdict(**changes).to_dict(), allow_nan=False))
    again = Verdict.from_dict(data)
    assert json.loads(json.dumps(again.to_dict())) == data
    assert Verdict.from_dict(again.to_dict()) == again
    reread = again.reference
    assert reread == dataclasses.replace(SEEN, face=reread.face, others=reread.others)
    assert again.probe == BLANK
    assert again.policy == Policy(fmr=1e-3)
    assert again.calibration == FROM


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "<Verdict match: similarity 0.654, FMR 1.2e-05>"),
        ({"fmr": None}, "<Verdict match: similarity 0.654, FMR below 9.9e-05>"),
        (
            {"decision": "inconclusive", "similarity": None, "fmr": None, "fmr_upper": None},
            "<Verdict inconclusive: turned>",
        ),
    ],
)
def test_a_similarity_is_never_shown_without_its_rate(changes: dict[str, Any], expected: str) -> None:
    assert repr(verdict(**changes)) == expected


def test_without_a_similarity_no_rate_is_known() -> None:
    assert verdict(similarity=None, fmr=None, fmr_upper=None).fmr_text == "FMR unknown"


def test_a_verdict_says_which_calibration_it_used() -> None:
    marks = (Mark(0.1, 1e-2, 2e-2), Mark(0.5, 1e-5, 3e-5))
    calibration = Calibration("toy", "f" * 16, DATA, "guessed", marks, origin="shipped")
    assert Provenance.of(calibration) == Provenance("shipped", calibration.digest, "overall", (), DATA)


def test_quality_goes_through_json() -> None:
    seen = dataclasses.replace(SEEN, quality=QUALITY)
    data = json.loads(json.dumps(seen.to_dict(), allow_nan=False))
    again = Evidence.from_dict(data)
    assert json.loads(json.dumps(again.to_dict())) == data
    assert again.quality is not None
    assert again.quality.meets is False
    assert [short.component.name for short in again.quality.shortfalls] == [
        short.component.name for short in QUALITY.shortfalls
    ]
    assert [each.name for each in again.quality.unknown] == ["natural_colour"]
    whole = verdict(probe=seen)
    assert Verdict.from_dict(whole.to_dict()).probe == again


def test_a_verdict_of_an_older_version_still_reads() -> None:
    data = verdict().to_dict()
    del data["liveness"]
    for evidence in (data["reference"], data["probe"], *data["further_references"]):
        del evidence["quality"]
    again = Verdict.from_dict(data)
    assert again.liveness == NOT_ASKED
    assert again.probe == BLANK


def test_a_score_of_liveness_is_rounded_to_what_it_can_carry() -> None:
    assert LIVE.to_dict()["score"] == 0.9877
