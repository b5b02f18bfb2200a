"""`/convert-format`: each source with each target, what moves where, and what is refused."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from tests.service.doors.mosip import wire

from visavis.service.doors.mosip import convert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.service.doors.mosip.conftest import Mosip

SOURCE = "ISO19794_5_2011"
TARGETS = {
    "IMAGE/JPEG": b"\xff\xd8",
    "IMAGE/PNG": b"\x89PNG",
    "ISO19794_5_2011/JPEG": b"FAC\0",
    "ISO19794_5_2011/PNG": b"FAC\0",
}


def asked(sample: Any, target: Any, source: Any = SOURCE, **more: Any) -> dict[str, Any]:
    return {
        "sample": sample,
        "sourceFormat": source,
        "targetFormat": target,
        "sourceParams": {},
        "targetParams": {},
        "modalitiesToConvert": ["FACE"],
        **more,
    }


def in_base64(picture: bytes, **more: Any) -> dict[str, Any]:
    return wire.record(wire.segment(wire.in_base64(wire.face_record(picture, **more))))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("encoding", ["JPEG", "JPEG 2000", "PNG"])
def test_every_target_of_every_encoding(
    mosip: Mosip, small: Mapping[str, bytes], jp2: Mapping[str, bytes], target: str, encoding: str
) -> None:
    picture, data_type = (jp2["obama"], 1) if encoding == "JPEG 2000" else (small["obama"], 0)
    if encoding == "PNG":
        to = io.BytesIO()
        Image.open(io.BytesIO(small["obama"])).save(to, "PNG")
        picture, data_type = to.getvalue(), 3
    sample = in_base64(picture, data_type=data_type)
    found = mosip.ask("convert-format", asked(sample, target), status=200)["response"]
    [segment] = found["segments"]
    given = sample["segments"][0]["bdb"]
    assert segment["birInfo"]["payload"] == given  # the original, in the form that it came in
    data = base64.b64decode(segment["bdb"])
    assert data.startswith(TARGETS[target])
    inside = data[data.index(b"\xff\xd8" if target.endswith("JPEG") else b"\x89PNG") :]
    with Image.open(io.BytesIO(inside)) as converted, Image.open(io.BytesIO(picture)) as original:
        assert converted.size == original.size
        assert converted.format == target.rpartition("/")[2]
    # All else is as it came.
    assert {**segment, "bdb": None, "birInfo": None} == {
        **sample["segments"][0],
        "bdb": None,
        "birInfo": None,
    }
    entry = mosip.entries()[-1]
    assert (entry.kind, entry.decision) == ("conversion", "converted")
    assert (entry.details["asked"], entry.details["target"]) == ("convert", target)


def test_what_was_converted_is_compared(mosip: Mosip, jp2: Mapping[str, bytes]) -> None:
    for target in TARGETS:
        sample = mosip.ask("convert-format", asked(in_base64(jp2["obama"]), target), status=200)["response"]
        inner = {"sample": sample, "gallery": [in_base64(jp2["obama2"])]}
        found = mosip.ask("match", inner, status=200)
        assert found["response"][0]["decisions"]["FACE"]["match"] == "MATCHED"


def test_a_list_of_numbers_stays_one(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    sample = wire.face(small["obama"])
    [segment] = mosip.ask("convert-format", asked(sample, "IMAGE/JPEG"), status=200)["response"]["segments"]
    assert min(segment["bdb"]) < 0
    assert segment["birInfo"]["payload"] == sample["segments"][0]["bdb"]


def test_other_segments_stay_as_they_are(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    sample = wire.face(small["obama"])
    others = [wire.segment([1, -2, 3], kind="FINGER"), wire.segment([4], kind="EXCEPTION_PHOTO")]
    sample["segments"] = [others[0], *sample["segments"], others[1]]
    found = mosip.ask("convert-format", asked(sample, "IMAGE/JPEG"), status=200)["response"]["segments"]
    assert [found[0], found[2]] == others
    assert found[1]["bdb"] != sample["segments"][1]["bdb"]


TABLE: list[tuple[str, dict[str, Any], int, str]] = [
    ("no source", {"sourceFormat": None}, 402, "sourceFormat is missing"),
    ("no target", {"targetFormat": None}, 402, "targetFormat is missing"),
    ("fingers", {"sourceFormat": "ISO19794_4_2011"}, 401, "sourceFormat"),
    ("irises", {"sourceFormat": "ISO19794_6_2011"}, 401, "sourceFormat"),
    ("a picture of a finger", {"targetFormat": "ISO19794_4_2011/JPEG"}, 401, "targetFormat"),
    ("another target", {"targetFormat": "IMAGE/GIF"}, 401, "targetFormat"),
    ("a number", {"targetFormat": 3}, 401, "targetFormat"),
    ("a list", {"sourceFormat": []}, 401, "sourceFormat"),
    ("no record", {"sample": None}, 402, "sample is missing"),
    ("no face", {"sample": wire.record(wire.segment([1], kind="FINGER"))}, 404, "no face"),
    ("no face record", {"sample": wire.record(wire.segment([1, 2]))}, 401, "record."),
    (
        "another edition",
        {"sample": wire.record(wire.segment(wire.signed(b"FAC\0" + b"010\0" + bytes(60))))},
        401,
        "record.",
    ),
    ("other modalities", {"modalitiesToConvert": ["IRIS"]}, 401, "request.modality"),
    ("too many faces", {"sample": wire.record(*[wire.segment([1])] * 9)}, 401, "9 faces"),
]


@pytest.mark.parametrize(
    ("changes", "status", "said"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_what_can_not_be_converted(
    mosip: Mosip, small: Mapping[str, bytes], changes: dict[str, Any], status: int, said: str
) -> None:
    inner = {**asked(in_base64(small["obama"]), "IMAGE/JPEG"), **changes}
    found = mosip.ask("convert-format", inner, status=status)
    assert said in found["statusMessage"]
    assert found["response"] is None


def test_a_picture_that_can_not_be_decoded(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    whole = wire.face_record(small["obama"], data_type=0)
    damaged = whole[:3000] + bytes(len(whole) - 3000)
    sample = wire.record(wire.segment(wire.in_base64(damaged)))
    found = mosip.ask("convert-format", asked(sample, "IMAGE/PNG"), status=401)
    assert found["statusMessage"].startswith("photo.")
    assert mosip.entries()[-1].kind == "refusal"


def test_faces_that_would_become_too_large_together(
    mosip: Mosip, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = wire.segment(wire.in_base64(wire.face_record(small["obama"], data_type=0)))
    monkeypatch.setattr(convert, "MOST_BYTES", int(1.5 * len(small["obama"])))
    mosip.ask("convert-format", asked(wire.record(segment), "IMAGE/JPEG"), status=200)
    found = mosip.ask("convert-format", asked(wire.record(segment, segment), "IMAGE/JPEG"), status=401)
    assert found["statusMessage"].startswith("record.too_large")
    assert mosip.entries()[-1].kind == "refusal"
