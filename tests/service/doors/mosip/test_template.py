"""`/extract-template`: what is handed out, who may have it, who can compare it, and what it tells nobody."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.service.conftest import make_key, with_config
from tests.service.doors.mosip import wire
from tests.service.doors.mosip.conftest import Mosip

from visavis.decision.policy import Policy
from visavis.service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.service.service import Service


def extracted(mosip: Mosip, sample: Any, status: int = 200) -> Any:
    inner = {"sample": sample, "modalitiesToExtract": ["FACE"], "flags": {}}
    return mosip.ask("extract-template", inner, status=status)["response"]


def in_base64(picture: bytes, **changes: Any) -> dict[str, Any]:
    return wire.record(wire.segment(wire.in_base64(wire.face_record(picture)), **changes))


def matched(mosip: Mosip, sample: Any, reference: Any, status: int = 200) -> Any:
    inner = {"sample": sample, "gallery": [reference], "modalitiesToMatch": ["FACE"], "flags": {}}
    return mosip.ask("match", inner, status=status)


def decision(found: Any) -> str:
    return str(found["response"][0]["decisions"]["FACE"]["match"])


def test_a_template_is_compared_as_its_picture(mosip: Mosip, jp2: Mapping[str, bytes]) -> None:
    record = extracted(mosip, wire.face(jp2["obama"]))
    for name, expected in (("obama2", "MATCHED"), ("biden", "NOT_MATCHED")):
        probe = wire.face(jp2[name], purpose="VERIFY")
        by_template, by_picture = (
            matched(mosip, probe, record),
            matched(mosip, probe, wire.face(jp2["obama"])),
        )
        assert decision(by_template) == decision(by_picture) == expected
        similarities = [
            found["response"][0]["decisions"]["FACE"]["analyticsInfo"]["similarity"]
            for found in (by_template, by_picture)
        ]
        assert similarities[0] == similarities[1]
    entry = mosip.entries()[-2]
    assert (entry.kind, set(entry.inputs)) == ("verdict", {"reference", "probe"})


def test_what_the_record_says_of_it(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    sample = wire.face(small["obama"])
    sample["segments"][0]["birInfo"]["payload"] = wire.signed(small["obama"])
    sample["segments"].append(wire.segment([1, 2, 3], kind="FINGER"))
    sample["segments"].append(wire.segment(wire.signed(small["biden"]), kind="EXCEPTION_PHOTO"))
    record = extracted(mosip, sample)
    [segment] = record["segments"]  # of a template's record nothing is a picture
    info = segment["bdbInfo"]
    assert (info["level"], info["type"], info["purpose"]) == ("PROCESSED", ["FACE"], "ENROLL")
    assert info["format"] == {"organization": "visavis", "type": "face-template-1"}
    assert info["encryption"] is True
    assert info["quality"]["algorithm"] == {"organization": "visavis", "type": "unified_score"}
    assert 0 < info["quality"]["score"] <= 100
    assert type(info["quality"]["score"]) is int  # the platform's class for it holds whole numbers
    assert info["creationDate"] == sample["segments"][0]["bdbInfo"]["creationDate"]
    assert segment["birInfo"]["payload"] is None
    assert segment["sb"] is None
    assert "PAYLOAD" not in segment["others"]
    assert segment["others"]["SPEC_VERSION"] == "0.9.5"
    assert all(-128 <= value <= 127 for value in segment["bdb"])  # in the form that it came in
    entry = mosip.entries()[-1]
    assert (entry.kind, entry.decision) == ("template", "extracted")
    assert set(entry.inputs) == {"picture"}


def test_nothing_that_could_be_the_picture_comes_back(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    sample, hidden = in_base64(small["obama"]), "a picture, perhaps"
    segment = sample["segments"][0]
    about = segment["bdbInfo"]
    about["captureDevice"] = {"organization": "Vendor", "type": "Camera"}
    inner = (segment["version"], sample["version"], segment["cbeffversion"], about["captureDevice"])
    for place in (sample, segment, about, segment["birInfo"], sample["birInfo"], *inner):
        place["nobody knows"] = hidden
    for info in (segment["birInfo"], sample["birInfo"]):
        info["payload"] = wire.in_base64(hidden.encode())
    for others in (segment["others"], sample["others"]):
        others["PAYLOAD"] = hidden
    segment["birs"] = [wire.segment(wire.in_base64(hidden.encode()))]
    found = extracted(mosip, sample)
    device = found["segments"][0]["bdbInfo"]["captureDevice"]
    assert device == {"organization": "Vendor", "type": "Camera"}
    record = json.dumps(found)
    assert hidden not in record
    assert wire.in_base64(hidden.encode()) not in record
    assert segment["bdb"] not in record


@pytest.mark.parametrize("purpose", ["VERIFY", "ENROLL", "ENROLLVERIFY", "EnrollVerify"])
def test_purposes_that_allow_it(mosip: Mosip, small: Mapping[str, bytes], purpose: str) -> None:
    assert len(extracted(mosip, wire.face(small["obama"], purpose=purpose))["segments"]) == 1


@pytest.mark.parametrize(
    "purpose", ["IDENTIFY", "ENROLLIDENTIFY", "EnrollIdentify", "AUDIT", "SEARCH", "", None]
)
def test_purposes_that_do_not(mosip: Mosip, small: Mapping[str, bytes], purpose: str | None) -> None:
    found = mosip.ask("extract-template", {"sample": wire.face(small["obama"], purpose=purpose)}, status=401)
    assert found["response"] is None
    assert found["statusMessage"].startswith("request.purpose: ")
    entry = mosip.entries()[-1]
    assert (entry.kind, entry.reasons) == ("refusal", ("request.purpose",))


def test_two_of_one_picture_have_nothing_in_common(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    first, second = (
        base64.b64decode(extracted(mosip, in_base64(small["obama"]))["segments"][0]["bdb"]) for _ in range(2)
    )
    head = 4 + 16  # start and fingerprint, the same for all of one pack
    assert first[:head] == second[:head]
    assert first[:4] == b"VVT\x01"
    bits = np.unpackbits(
        np.frombuffer(bytes(a ^ b for a, b in zip(first[head:], second[head:], strict=False)), "u1")
    )
    # Of n bits of two unrelated texts half differ, with a deviation of sqrt(n)/2; here n is over 10,000.
    assert abs(bits.mean() - 0.5) < 6 * 0.5 / np.sqrt(bits.size)


def test_nothing_of_the_face_stands_in_it(mosip: Mosip, small: Mapping[str, bytes], sface: Any) -> None:
    data = base64.b64decode(extracted(mosip, in_base64(small["obama"]))["segments"][0]["bdb"])
    seen = sface.examine(small["obama"])
    vector = seen.template.vector.astype("<f4").tobytes()
    assert vector[:16] not in data
    assert base64.b64encode(vector)[:16] not in data
    assert seen.evidence.sha256.encode() not in data
    # What isn't encrypted is the pack's fingerprint; a byte of the rest takes about eight bits.
    counts = np.bincount(np.frombuffer(data[20:], "u1"), minlength=256) / len(data[20:])
    entropy = -(counts[counts > 0] * np.log2(counts[counts > 0])).sum()
    assert entropy > 7.5


def test_only_under_its_own_purpose(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    record = extracted(mosip, wire.face(small["obama"]))
    probe = wire.face(small["obama2"])
    same = Mosip(mosip.http, mosip.service, make_key(mosip.service))
    assert decision(matched(same, probe, record)) == "MATCHED"
    other = Mosip(mosip.http, mosip.service, make_key(mosip.service, purpose="something else"))
    found = matched(other, probe, record, status=401)
    assert found["statusMessage"].startswith("request.template: ")


def test_another_installation_can_not_read_it(
    mosip: Mosip, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = extracted(mosip, wire.face(small["obama"]))
    monkeypatch.setattr("visavis.service.doors.mosip.match.secret_of", lambda _: bytes(32))
    found = matched(mosip, wire.face(small["obama2"]), record, status=401)
    assert found["statusMessage"].startswith("request.template: ")


def test_whoever_changes_it_breaks_it(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    record = extracted(mosip, in_base64(small["obama"]))
    whole = base64.b64decode(record["segments"][0]["bdb"])
    probe = in_base64(small["obama2"])
    changed = [
        whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in (3, 20, 31, 32, 200, len(whole) - 1)
    ]
    cut = [whole[:length] for length in (3, 4, 19, 20, 31, 48, len(whole) - 1)]
    for data in (*changed, *cut, whole + b"\0", b"VVT" + bytes(70_000)):
        record["segments"][0]["bdb"] = base64.b64encode(data).decode()
        found = matched(mosip, probe, record, status=401)
        assert found["statusMessage"].startswith("request.template: "), found


def test_one_of_another_pack(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    record = extracted(mosip, in_base64(small["obama"]))
    whole = base64.b64decode(record["segments"][0]["bdb"])
    record["segments"][0]["bdb"] = base64.b64encode(whole[:4] + b"0" * 16 + whole[20:]).decode()
    found = matched(mosip, in_base64(small["obama2"]), record, status=405)
    assert found["statusMessage"].startswith("pack.other_template: ")


@pytest.mark.parametrize("path", ["match", "check-quality", "extract-template", "segment"])
def test_a_template_is_no_sample(mosip: Mosip, small: Mapping[str, bytes], path: str) -> None:
    """What is claimed now is shown by a picture of now."""
    record = extracted(mosip, wire.face(small["obama"]))
    found = mosip.ask(path, {"sample": record, "gallery": [wire.face(small["obama"])]}, status=401)
    assert found["statusMessage"].startswith("request.template: a template stands where a picture is needed")


def test_a_face_that_is_too_poor_gives_none(
    mosip: Mosip, small: Mapping[str, bytes], faceless: bytes, pair: bytes
) -> None:
    for picture, status, code in ((faceless, 404, "no_face"), (pair, 401, "several_faces")):
        found = mosip.ask("extract-template", {"sample": wire.face(picture)}, status=status)
        assert found["response"] is None
        assert found["statusMessage"].startswith(f"{code} (sample): ")
        assert (mosip.entries()[-1].kind, mosip.entries()[-1].decision) == ("template", "too_poor")


def under(service: Service, http: TestClient, token: str, **changes: Any) -> Mosip:
    return Mosip(http, with_config(service, doors=("mosip",), policy=Policy(**changes)), token)


def test_a_stricter_policy_holds_for_a_template_too(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    record, probe = extracted(mosip, wire.face(small["obama"])), wire.face(small["obama2"])
    for changes, reason in (
        ({"min_confidence": 0.999}, "face_doubtful (reference)"),
        ({"reference_quality": "icao_portrait"}, "quality"),
    ):
        own = with_config(mosip.service, policy=Policy(**changes))
        with TestClient(create_app(own)) as http:
            strict = Mosip(http, own, mosip.token)
            found = matched(strict, probe, record, status=406)
            by_picture = matched(strict, probe, wire.face(small["obama"]), status=406)
        errors, other = (each["response"][0]["decisions"]["FACE"]["errors"] for each in (found, by_picture))
        assert any(text.startswith(reason) for text in errors), errors
        assert [text for text in errors if "(reference)" in text] == [
            text for text in other if "(reference)" in text
        ]


def test_what_a_policy_asks_of_references_is_asked_here(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    own = with_config(mosip.service, policy=Policy(reference_quality="icao_portrait"))
    with TestClient(create_app(own)) as http:
        found = Mosip(http, own, mosip.token).ask(
            "extract-template", {"sample": wire.face(small["obama"])}, status=406
        )
    assert found["response"] is None
    assert found["statusMessage"].startswith("quality")
