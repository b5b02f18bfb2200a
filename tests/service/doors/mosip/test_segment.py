"""`/segment`: one segment for each picture of a face, as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.service.doors.mosip import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.service.doors.mosip.conftest import Mosip


def test_one_face_stays_as_it_came(mosip: Mosip, jp2: Mapping[str, bytes]) -> None:
    sample = wire.face(jp2["obama"])
    inner = {"sample": sample, "modalitiesToSegment": ["FACE"], "flags": {}}
    found = mosip.ask("segment", inner, status=200)
    assert found["response"] == sample
    entry = mosip.entries()[-1]
    assert (entry.kind, entry.decision, entry.details["asked"]) == ("conversion", "segmented", "segment")
    assert f"entry {len(mosip.entries()) - 1} of " in found["statusMessage"]


def test_what_is_no_face_is_left_out(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    sample = wire.face(small["obama"])
    face = sample["segments"][0]
    proof = wire.segment(face["bdb"], kind="EXCEPTION_PHOTO")
    sample["segments"] = [proof, wire.segment([1], kind="IRIS"), face]
    assert mosip.ask("segment", {"sample": sample}, status=200)["response"]["segments"] == [face]


def test_a_record_with_several_pictures_becomes_several(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    both = wire.face_record(small["obama"], small["obama2"], data_type=0)
    sample = wire.record(wire.segment(wire.in_base64(both)))
    found = mosip.ask("segment", {"sample": sample}, status=200)["response"]["segments"]
    alone = [wire.face_record(small[name], data_type=0) for name in ("obama", "obama2")]
    assert [segment["bdb"] for segment in found] == [wire.in_base64(each) for each in alone]
    assert [segment["sb"] for segment in found] == [None, None]  # it was over all of it


def test_pictures_without_exactly_one_face(mosip: Mosip, faceless: bytes, pair: bytes) -> None:
    for picture, status, code in ((faceless, 404, "no_face"), (pair, 401, "several_faces")):
        found = mosip.ask("segment", {"sample": wire.face(picture)}, status=status)
        assert found["response"] is None
        assert found["statusMessage"].startswith(f"{code} (sample): ")
        assert mosip.entries()[-1].decision == "not_segmented"


def test_too_many_pictures(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    bdb = wire.in_base64(wire.face_record(*[small["obama"]] * 9, data_type=0))
    found = mosip.ask("segment", {"sample": wire.record(wire.segment(bdb))}, status=401)
    assert "9 pictures" in found["statusMessage"]
