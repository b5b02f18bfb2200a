"""`/check-quality`: one score, every component as text, and what is said where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.service.doors.mosip import wire

from visavis.decision.policy import Policy
from visavis.quality.component import NAMES
from visavis.quality.measure import measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.service.doors.mosip.conftest import Mosip


def scored(response: Any) -> dict[str, Any]:
    assert response["response"]["analyticsInfo"] == {}
    face: dict[str, Any] = response["response"]["scores"]["FACE"]
    return face


def test_the_score_is_the_unified_one(mosip: Mosip, jp2: Mapping[str, bytes], sface: Any) -> None:
    found = scored(mosip.ask("check-quality", {"sample": wire.face(jp2["obama"])}, status=200))
    seen = sface.examiner.look(jp2["obama"], policy=Policy())
    own = measure(seen.photo, seen.evidence.face, seen.evidence.others)
    assert type(found["score"]) is float
    assert found["score"] == pytest.approx(own.score, abs=0.06)
    assert found["errors"] == []
    info = found["analyticsInfo"]
    assert all(type(value) is str for value in info.values())
    assert set(NAMES) <= set(info)
    for name in NAMES:
        component = own[name]
        if component.score is None:
            assert (info[name], info[f"{name}.problem"]) == ("", component.problem)
        else:
            assert float(info[name]) == pytest.approx(component.score, abs=0.06)
            assert float(info[f"{name}.native"]) == pytest.approx(component.native, rel=1e-3)
    entry = mosip.entries()[int(info["ledger_index"])]
    assert (entry.kind, entry.decision) == ("quality", "measured")


def test_a_worse_picture_scores_less(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    import io

    from PIL import Image, ImageFilter

    to = io.BytesIO()
    Image.open(io.BytesIO(small["obama"])).filter(ImageFilter.GaussianBlur(8)).save(to, "JPEG")
    scores = [
        scored(mosip.ask("check-quality", {"sample": wire.face(data)}, status=200))["score"]
        for data in (small["obama"], to.getvalue())
    ]
    assert scores[0] > scores[1] + 10
    info = scored(mosip.ask("check-quality", {"sample": wire.face(to.getvalue())}))["analyticsInfo"]
    assert info["meets_profile"] == "false"
    assert info["advice"]


def test_no_face(mosip: Mosip, faceless: bytes) -> None:
    found = mosip.ask("check-quality", {"sample": wire.face(faceless)}, status=404)
    assert scored(found)["score"] == 0.0
    assert scored(found)["errors"][0].startswith("no_face (sample): ")


def test_several_faces(mosip: Mosip, pair: bytes) -> None:
    found = mosip.ask("check-quality", {"sample": wire.face(pair)}, status=401)
    assert scored(found)["errors"][0].startswith("several_faces (sample): ")


def test_too_little_can_be_assessed(
    mosip: Mosip, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from visavis.quality import unified

    monkeypatch.setattr(unified, "MOST_MISSING", -1.0)
    found = mosip.ask("check-quality", {"sample": wire.face(small["obama"])}, status=403)
    assert scored(found)["score"] == 0.0
    assert scored(found)["errors"][0].startswith("quality: ")


def test_other_modalities_beside_the_face(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    inner = {"sample": wire.face(small["obama"]), "modalitiesToCheck": ["FACE", "FINGER"]}
    scores = mosip.ask("check-quality", inner, status=200)["response"]["scores"]
    assert set(scores) == {"FACE", "FINGER"}
    assert scores["FINGER"]["score"] == 0.0
    assert scores["FINGER"]["errors"]
    mosip.ask("check-quality", {**inner, "modalitiesToCheck": ["FINGER"]}, status=401)


def test_a_proof_of_exception_is_not_measured(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    bdb = wire.signed(wire.face_record(small["obama"]))
    proof = wire.record(wire.segment(bdb, kind="EXCEPTION_PHOTO"))
    mosip.ask("check-quality", {"sample": proof}, status=404)


def test_what_a_device_wrote_counts_for_nothing(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    scores = set()
    for stated in (0, 100):
        sample = wire.record(wire.segment(wire.signed(wire.face_record(small["obama"], quality=stated))))
        sample["segments"][0]["bdbInfo"]["quality"]["score"] = stated
        sample["segments"][0]["others"]["SDK_SCORE"] = str(stated)
        scores.add(scored(mosip.ask("check-quality", {"sample": sample}, status=200))["score"])
    assert len(scores) == 1
