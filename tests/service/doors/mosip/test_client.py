"""A client that behaves as MOSIP's own, over real HTTP; and the shapes of all answers, name by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.service.conftest import make_key
from tests.service.doors.mosip import wire
from tests.service.doors.mosip.wire import JavaClient, SdkError, shape
from tests.service.test_load import running

from visavis.quality.component import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import httpx2

    from visavis.service.service import Service


@pytest.fixture
def http(service: Service, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A connection that shows no key, to a service that names one for those."""
    file = tmp_path / "mosip.key"
    file.write_text(make_key(service, purpose="registering residents"))
    with (
        running(service, doors=("mosip",), mosip_key_file=str(file)) as here,
        here.client() as client,
    ):
        del client.headers["Authorization"]
        yield client


@pytest.fixture
def client(http: httpx2.Client) -> JavaClient:
    found = JavaClient(http)
    address = f"{http.base_url}".rstrip("/") + wire.PATH
    found.init({"face.format.url.default": address, "config.parameter.x": "y"})
    return found


FACE = ["FACE"]


def test_a_registration_and_an_authentication(client: JavaClient, jp2: Mapping[str, bytes]) -> None:
    """What the platform does with one resident: quality at capture, a template kept, one claim checked."""
    registered = wire.face(wire.jpeg_2000(jp2["obama"], lossy=False), purpose="ENROLL")
    quality = client.check_quality(registered, FACE, {})
    assert quality["statusCode"] == 200
    assert 30 <= quality["response"]["scores"]["FACE"]["score"] <= 100  # the toolkit's floor is 30
    template = client.extract_template(registered, FACE, {"FACE.format": "default"})
    assert template["response"]["segments"][0]["bdbInfo"]["level"] == "PROCESSED"
    for name, expected in (("obama2", "MATCHED"), ("biden", "NOT_MATCHED")):
        probe = wire.face(jp2[name], purpose="VERIFY")
        verified = client.match(probe, [template["response"]], FACE, {})
        assert verified["statusCode"] == 200
        assert verified["response"][0]["decisions"]["FACE"]["match"] == expected


def test_its_identify_is_refused(client: JavaClient, small: Mapping[str, bytes]) -> None:
    others = [wire.face(small[name]) for name in ("obama2", "biden")]
    found = client.match(wire.face(small["obama"]), others, FACE, {})
    assert (found["statusCode"], found["response"]) == (401, None)
    assert not 200 <= found["statusCode"] <= 299


def test_the_other_calls(client: JavaClient, jp2: Mapping[str, bytes]) -> None:
    sample = wire.face(jp2["obama"])
    assert client.segment(sample, FACE, {})["response"] == sample
    found = client.convert_format(sample, "ISO19794_5_2011", "IMAGE/PNG", FACE)
    assert found["statusCode"] == 200
    assert bytes(value & 255 for value in found["response"]["segments"][0]["bdb"]).startswith(b"\x89PNG")


def test_an_empty_list_fails_before_it_is_sent(client: JavaClient, small: Mapping[str, bytes]) -> None:
    with pytest.raises(IndexError):
        client.check_quality(wire.face(small["obama"]), [], {})


def test_where_the_key_is_revoked_it_throws(http: httpx2.Client, service: Service, tmp_path: Path) -> None:
    from visavis.access.keys import Keys

    (tmp_path / "mosip.key").write_text(token := make_key(service))
    Keys(service.ledger).revoke(token.split("_")[1])
    with pytest.raises(SdkError) as caught:
        JavaClient(http).init({"format.url.default": f"{http.base_url}".rstrip("/") + wire.PATH})
    assert caught.value.args[0] == "BIOSDK_LIB_EXCEPTION"
    assert caught.value.args[1].startswith("access.revoked: ")


# Shapes

VERSION = {"major": "int", "minor": "int"}
REGISTERED = {"organization": "str", "type": "str"}
DATE = {
    "date": {"year": "int", "month": "int", "day": "int"},
    "time": {"hour": "int", "minute": "int", "second": "int", "nano": "int"},
}
NONE = "NoneType"
SEGMENT: dict[str, Any] = {
    "version": VERSION,
    "cbeffversion": VERSION,
    "birInfo": {
        **dict.fromkeys(("creator", "index", "payload"), NONE),
        "integrity": "bool",
        **dict.fromkeys(("creationDate", "notValidBefore", "notValidAfter"), NONE),
    },
    "bdbInfo": {
        "challengeResponse": NONE,
        "index": "str",
        "format": REGISTERED,
        "encryption": NONE,
        "creationDate": DATE,
        "notValidBefore": NONE,
        "notValidAfter": NONE,
        "type": ["str"],
        "subtype": [],
        "level": "str",
        "product": NONE,
        "captureDevice": NONE,
        "featureExtractionAlgorithm": NONE,
        "comparisonAlgorithm": NONE,
        "compressionAlgorithm": NONE,
        "purpose": "str",
        "quality": {"algorithm": REGISTERED, "score": "int", "qualityCalculationFailed": NONE},
    },
    "bdb": ["int"],
    "sb": ["int"],
    "birs": [],
    "sbInfo": {"format": NONE},
    "others": dict.fromkeys(("EXCEPTION", "RETRIES", "PAYLOAD", "SPEC_VERSION"), "str"),
}
RECORD = {
    "version": VERSION,
    "cbeffversion": VERSION,
    "birInfo": {"integrity": "bool"},
    "segments": [SEGMENT],
    "others": {},
}
PROCESSED = {
    **SEGMENT,
    "bdbInfo": {
        **SEGMENT["bdbInfo"],
        "encryption": "bool",
        "featureExtractionAlgorithm": REGISTERED,
        "comparisonAlgorithm": REGISTERED,
        "quality": {"algorithm": REGISTERED, "score": "int", "qualityCalculationFailed": NONE},
    },
    "sb": NONE,
    "sbInfo": NONE,
    "others": dict.fromkeys(("EXCEPTION", "RETRIES", "SPEC_VERSION"), "str"),
}
CONVERTED = {**SEGMENT, "birInfo": {**SEGMENT["birInfo"], "payload": ["int"]}}
PLACE = ("ledger", "ledger_index")
DECISION = {
    "match": "str",
    "errors": [],
    "analyticsInfo": dict.fromkeys(
        (
            *("decision", "similarity", "threshold", "fmr", "fmr_upper", "llr", "pack", "fingerprint"),
            *("policy_fmr", "calibration", "liveness", "reasons", *PLACE),
        ),
        "str",
    ),
}
METHODS = ("MATCH", "QUALITY_CHECK", "EXTRACT", "CONVERT_FORMAT", "SEGMENT")
OTHER_INFO = ("pack", "fingerprint", "calibration", "policy_fmr", "threshold", "ledger")
SHAPES: dict[str, Any] = {
    "init": {
        "apiVersion": "str",
        "sdkVersion": "str",
        "supportedModalities": ["str"],
        "supportedMethods": {name: ["str"] for name in METHODS},
        "otherInfo": dict.fromkeys(OTHER_INFO, "str"),
        "productOwner": REGISTERED,
    },
    "match": [{"galleryIndex": "int", "decisions": {"FACE": DECISION}, "analyticsInfo": {}}],
    "extract-template": {**RECORD, "segments": [PROCESSED]},
    "segment": RECORD,
    "convert-format": {**RECORD, "segments": [CONVERTED]},
}
"""What stands in `response`, by section 1 of what MOSIP's service answers; lists of numbers as one number."""


@pytest.mark.parametrize("path", [*SHAPES, "check-quality"])
def test_the_shape_of_each_answer(http: httpx2.Client, small: Mapping[str, bytes], path: str) -> None:
    inner = {
        "sample": wire.face(small["obama"]),
        "gallery": [wire.face(small["obama2"])],
        "sourceFormat": "ISO19794_5_2011",
        "targetFormat": "IMAGE/JPEG",
    }
    answer = http.post(f"{wire.PATH}/{path}", json=wire.enveloped(inner))
    assert answer.status_code == 200
    plain = answer.json()
    response = plain.pop("response")
    assert shape(plain) == {"version": "str", "responsetime": "str", "errors": []}
    if path == "init":
        assert shape(response) == SHAPES[path]
        return
    assert {name: shape(response[name]) for name in ("statusCode", "statusMessage")} == {
        "statusCode": "int",
        "statusMessage": "str",
    }
    assert list(response) == ["statusCode", "statusMessage", "response"]
    if path != "check-quality":
        assert shape(response["response"]) == SHAPES[path]
        return
    scores = shape(response["response"])
    info = scores["scores"]["FACE"].pop("analyticsInfo")
    assert scores == {"scores": {"FACE": {"score": "float", "errors": []}}, "analyticsInfo": {}}
    assert set(info.values()) == {"str"}
    beside = {"pack", "reasons", "profile", "meets_profile", "advice", *PLACE}
    assert {name.partition(".")[0] for name in info} == {*NAMES, *beside}
