"""`/match` with real pictures: decisions, every form on the wire, and only ever one claimed identity."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from starlette.testclient import TestClient
from tests.service.conftest import make_key, with_config
from tests.service.doors.mosip import wire
from tests.service.doors.mosip.conftest import Mosip

from visavis.decision.policy import Policy
from visavis.service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Mapping


def asked(sample: Any, *others: Any, **more: Any) -> dict[str, Any]:
    return {"sample": sample, "gallery": list(others), "modalitiesToMatch": ["FACE"], "flags": {}, **more}


def decision(response: Any) -> dict[str, Any]:
    """That on the face, of the only record."""
    [found] = response["response"]
    assert found["galleryIndex"] == 0
    assert found["analyticsInfo"] == {}
    face: dict[str, Any] = found["decisions"]["FACE"]
    return face


def test_the_same_person(mosip: Mosip, jp2: Mapping[str, bytes], sface: Any) -> None:
    sample, reference = wire.face(jp2["obama"], purpose="VERIFY"), wire.face(jp2["obama2"])
    found = decision(mosip.ask("match", asked(sample, reference), status=200))
    assert (found["match"], found["errors"]) == ("MATCHED", [])
    own = sface.verify(jp2["obama2"], jp2["obama"])
    info = found["analyticsInfo"]
    assert all(type(value) is str for value in info.values())
    assert float(info["similarity"]) == pytest.approx(own.similarity, abs=1e-5)
    assert float(info["threshold"]) == pytest.approx(own.threshold, abs=1e-5)
    assert info["fmr"] == ""  # the data can only bound it
    assert float(info["fmr_upper"]) == pytest.approx(own.fmr_upper, rel=1e-2)
    assert (info["pack"], info["fingerprint"]) == (own.pack, own.fingerprint)
    assert (info["decision"], float(info["policy_fmr"])) == ("match", 1e-4)


def test_it_is_recorded_before_it_is_answered(mosip: Mosip, jp2: Mapping[str, bytes]) -> None:
    found = decision(mosip.ask("match", asked(wire.face(jp2["obama"]), wire.face(jp2["obama2"]))))
    info = found["analyticsInfo"]
    entry = mosip.entries()[int(info["ledger_index"])]
    assert info["ledger"] == mosip.service.ledger.state().origin
    assert (entry.kind, entry.decision, entry.subject) == ("verdict", "match", None)
    assert set(entry.inputs) == {"reference", "probe"}
    assert entry.purpose == "opening accounts"


def test_another_person(mosip: Mosip, jp2: Mapping[str, bytes]) -> None:
    found = decision(mosip.ask("match", asked(wire.face(jp2["obama"]), wire.face(jp2["biden"])), status=200))
    assert (found["match"], found["errors"]) == ("NOT_MATCHED", [])
    assert float(found["analyticsInfo"]["similarity"]) < float(found["analyticsInfo"]["threshold"])


FORMS = {"signed": wire.signed, "unsigned": wire.unsigned, "base64": wire.in_base64}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_bytes(mosip: Mosip, jp2: Mapping[str, bytes], form: str) -> None:
    as_form = FORMS[form]
    sample, other = (
        wire.record(wire.segment(as_form(wire.face_record(jp2[name])))) for name in ("obama", "obama2")
    )
    assert decision(mosip.ask("match", asked(sample, other), status=200))["match"] == "MATCHED"


DATES: dict[str, Any] = {
    "object": {
        "date": {"year": 2026, "month": 1, "day": 2},
        "time": {"hour": 3, "minute": 4, "second": 5, "nano": 6},
    },
    "text": "2026-01-02T03:04:05.678Z",
    "milliseconds": 1767323045678,
    "six numbers": [2026, 1, 2, 3, 4, 5],
    "seven numbers": [2026, 1, 2, 3, 4, 5, 678000000],
    "null": None,
}


@pytest.mark.parametrize("form", DATES)
def test_every_form_of_a_date(mosip: Mosip, small: Mapping[str, bytes], form: str) -> None:
    sample = wire.face(small["obama"])
    for info in (sample["segments"][0]["bdbInfo"], sample["segments"][0]["birInfo"]):
        info["creationDate"] = DATES[form]
    found = decision(mosip.ask("match", asked(sample, wire.face(small["obama2"])), status=200))
    assert found["match"] == "MATCHED"


def png(picture: bytes) -> bytes:
    to = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        opened.save(to, "PNG")
    return to.getvalue()


def test_every_encoding_of_a_picture(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    """JPEG, JPEG 2000 with and without loss, PNG; and a bare picture, as `convert-format` makes one."""
    lossless = wire.jpeg_2000(small["obama"], lossy=False)
    samples = [
        wire.face_record(small["obama"], data_type=0),
        wire.face_record(lossless, data_type=2),
        wire.face_record(png(small["obama"]), data_type=3),
        small["obama"],
    ]
    for bdb in samples:
        sample = wire.record(wire.segment(wire.in_base64(bdb)))
        found = decision(mosip.ask("match", asked(sample, wire.face(small["obama2"])), status=200))
        assert found["match"] == "MATCHED"


@pytest.mark.parametrize("kind", ["Face", "face", "FACE"])
def test_names_in_any_case(mosip: Mosip, small: Mapping[str, bytes], kind: str) -> None:
    sample, other = wire.face(small["obama"], kind=kind), wire.face(small["obama2"], kind=kind)
    inner = asked(sample, other, modalitiesToMatch=[kind])
    assert decision(mosip.ask("match", inner, status=200))["match"] == "MATCHED"


def test_unknown_names_are_ignored_and_null_is_missing(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    sample = wire.face(small["obama"])
    sample["segments"][0] |= {
        "zodiac": {"a": [1]},
        "others": None,
        "birInfo": None,
        "sbInfo": None,
        "birs": None,
    }
    inner = asked(sample, wire.face(small["obama2"]), modalitiesToMatch=None, flags=None, more=1)
    assert decision(mosip.ask("match", inner, status=200))["match"] == "MATCHED"


# One claimed identity


def test_several_records_are_refused_and_that_is_recorded(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    before = len(mosip.entries())
    others = [wire.face(small[name]) for name in ("obama2", "biden")]
    found = mosip.ask("match", asked(wire.face(small["obama"]), *others), status=401)
    assert found["response"] is None
    assert "searches for nobody" in found["statusMessage"]
    assert "2 records" in found["statusMessage"]
    [entry] = mosip.entries()[before:]
    assert (entry.kind, entry.reasons) == ("refusal", ("request.several_records",))
    assert entry.details["asked"] == "verdict"
    assert entry.key is not None


def test_only_the_first_face_of_a_record_is_compared(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    """Other people in one record are no way around it."""
    bdbs = [wire.signed(wire.face_record(small[name])) for name in ("biden", "obama2")]
    other = wire.record(*map(wire.segment, bdbs))
    found = decision(mosip.ask("match", asked(wire.face(small["obama"]), other), status=200))
    assert found["match"] == "NOT_MATCHED"
    both = wire.record(
        wire.segment(wire.signed(wire.face_record(small["biden"], small["obama2"], data_type=0)))
    )
    found = decision(mosip.ask("match", asked(wire.face(small["obama"]), both), status=200))
    assert found["match"] == "NOT_MATCHED"


def test_one_face_compared_with_many_is_stopped(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    """As at every other door: the gate sees both templates, and the key, before they are compared."""
    from visavis.errors import AccessError

    asked_of_it: list[tuple[str, int, str]] = []

    def refuse(_gate: Any, grant: Any, *, reference: Any, probe: Any, asked: str) -> None:
        assert reference[0].fingerprint == probe.fingerprint
        asked_of_it.append((grant.key, len(reference), asked))
        raise AccessError("access.fan_out", "one face is compared with too many different ones")

    template = mosip.ask("extract-template", {"sample": wire.face(small["obama2"])}, status=200)["response"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(mosip.service.gate), "compare", refuse)
        for other in (wire.face(small["obama2"]), template):
            inner = wire.enveloped(asked(wire.face(small["obama"]), other))
            plain = mosip.post(f"{wire.PATH}/match", json=inner).json()
            [error] = plain["errors"]
            assert error["code"] == "BIOSDK_LIB_EXCEPTION"
            assert error["message"].startswith("access.fan_out: ")
            assert plain["response"] == ""
    assert asked_of_it == [(mosip.token.split("_")[1], 1, "verifications")] * 2


# What can't be decided


def test_a_proof_of_exception_is_never_compared(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    bdb = wire.signed(wire.face_record(small["obama2"]))
    proof = wire.segment(bdb, kind="EXCEPTION_PHOTO")
    found = mosip.ask("match", asked(wire.face(small["obama"]), wire.record(proof)), status=404)
    assert found["response"] is None
    assert "EXCEPTION_PHOTO" in found["statusMessage"]
    both = wire.segment(bdb)
    both["bdbInfo"]["type"] = ["FACE", "ExceptionPhoto"]
    mosip.ask("match", asked(wire.face(small["obama"]), wire.record(both)), status=404)
    marked = wire.segment(bdb, EXCEPTION="true")
    mosip.ask("match", asked(wire.face(small["obama"]), wire.record(marked)), status=404)
    real = wire.segment(wire.signed(wire.face_record(small["obama"])))
    together = wire.record(proof, marked, real)
    found = decision(mosip.ask("match", asked(wire.face(small["obama2"]), together), status=200))
    assert found["match"] == "MATCHED"


def test_no_face_on_the_picture(mosip: Mosip, small: Mapping[str, bytes], faceless: bytes) -> None:
    found = mosip.ask("match", asked(wire.face(faceless), wire.face(small["obama"])), status=404)
    face = decision(found)
    assert face["match"] == "ERROR"
    assert face["errors"][0].startswith("no_face (probe): ")
    assert face["analyticsInfo"]["similarity"] == ""
    assert mosip.entries()[-1].decision == "inconclusive"


def test_a_face_that_is_too_poor(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    policy = Policy(min_inter_eye_px=5000)
    own = with_config(mosip.service, policy=policy)
    with TestClient(create_app(own)) as http:
        strict = Mosip(http, own, mosip.token)
        found = strict.ask("match", asked(wire.face(small["obama"]), wire.face(small["obama2"])), status=406)
    face = decision(found)
    assert face["match"] == "ERROR"
    assert [text.partition(" ")[0] for text in face["errors"]] == ["face_too_small", "face_too_small"]
    assert "face_too_small" in found["statusMessage"]


def test_several_faces_on_a_picture(mosip: Mosip, small: Mapping[str, bytes], pair: bytes) -> None:
    found = mosip.ask("match", asked(wire.face(pair), wire.face(small["obama"])), status=401)
    assert decision(found)["errors"][0].startswith("several_faces (probe): ")


def test_other_modalities_beside_the_face(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    inner = asked(
        wire.face(small["obama"]), wire.face(small["obama2"]), modalitiesToMatch=["Iris", "FACE", "FACE"]
    )
    found = mosip.ask("match", inner, status=200)
    decisions = found["response"][0]["decisions"]
    assert set(decisions) == {"FACE", "IRIS"}
    assert (decisions["FACE"]["match"], decisions["IRIS"]["match"]) == ("MATCHED", "ERROR")
    assert decisions["IRIS"]["errors"] == ["request.modality: visavis knows faces and nothing else"]


def test_the_key_may_demand_a_stricter_policy(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    token = make_key(mosip.service, max_fmr=1e-6)
    inner = wire.enveloped(asked(wire.face(small["obama"]), wire.face(small["obama2"])))
    answer = mosip.http.post(
        f"{wire.PATH}/match", json=inner, headers={"Authorization": f"Bearer {token}"}
    ).json()
    assert answer["errors"][0]["message"].startswith("access.policy: ")


# What can't be used

EMPTY: dict[str, Any] = {"segments": []}
TABLE: list[tuple[str, dict[str, Any], int, str]] = [
    ("no sample", {"sample": None}, 402, "request.missing: sample is missing"),
    ("a sample that is a text", {"sample": "face"}, 401, "request.input: sample"),
    ("no other record", {"gallery": None}, 402, "request.missing: gallery is missing"),
    ("an empty list of them", {"gallery": []}, 402, "request.missing: gallery is missing"),
    ("a record in their place", {"gallery": EMPTY}, 401, "request.input: gallery"),
    ("null in their place", {"gallery": [None]}, 402, "request.missing: gallery[0] is missing"),
    ("a number in their place", {"gallery": [3]}, 401, "request.input: gallery[0]"),
    ("no segments", {"sample": {}}, 404, "request.no_face: there is no face in sample"),
    (
        "no segments in the other",
        {"gallery": [EMPTY]},
        404,
        "request.no_face: there is no face in gallery[0]",
    ),
    ("segments that are a number", {"sample": {"segments": 3}}, 401, "record.damaged: "),
    ("other modalities only", {"modalitiesToMatch": ["FINGER"]}, 401, "request.modality: "),
    ("modalities that are a text", {"modalitiesToMatch": "FACE"}, 401, "request.input: modalitiesToMatch"),
    ("modalities that are numbers", {"modalitiesToMatch": [1]}, 401, "request.input: modalitiesToMatch"),
    ("no block", {"sample": wire.record(wire.segment(None))}, 404, "request.no_face: "),
    ("an empty block", {"sample": wire.record(wire.segment([]))}, 404, "request.no_face: "),
    ("numbers that are no bytes", {"sample": wire.record(wire.segment([300]))}, 401, "record.damaged: "),
    ("both signs and too large", {"sample": wire.record(wire.segment([-1, 200]))}, 401, "record.damaged: "),
    ("no base64", {"sample": wire.record(wire.segment("§"))}, 401, "record.damaged: "),
    ("no picture", {"sample": wire.record(wire.segment([1, 2, 3, 4]))}, 401, "photo.format: "),
    (
        "half a record",
        {"sample": wire.record(wire.segment(wire.signed(b"FAC\0" + b"030\0")))},
        401,
        "record.",
    ),
    (
        "another record",
        {"sample": wire.record(wire.segment(wire.signed(b"FAC\0" + b"999\0" * 9)))},
        401,
        "record.",
    ),
    ("a finger's", {"sample": wire.record(wire.segment([1], kind="FINGER"))}, 404, "found FINGER"),
    ("too many segments", {"sample": wire.record(*[wire.segment(None)] * 200)}, 401, "record.too_large: "),
]


@pytest.mark.parametrize(
    ("changes", "status", "said"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_what_can_not_be_used(
    mosip: Mosip, small: Mapping[str, bytes], changes: dict[str, Any], status: int, said: str
) -> None:
    good = asked(wire.face(small["obama"]), wire.face(small["obama2"]))
    found = mosip.ask("match", {**good, **changes}, status=status)
    assert said in found["statusMessage"]
    assert found["response"] is None


@pytest.mark.parametrize("at", [3, 11, 20, 60, 72, 200])
def test_a_face_record_that_was_cut_or_grew(mosip: Mosip, small: Mapping[str, bytes], at: int) -> None:
    whole = wire.face_record(small["obama"])
    for bdb in (whole[:at], whole[:at] + b"\xff" + whole[at + 1 :], whole + bytes(at)):
        sample = wire.record(wire.segment(wire.in_base64(bdb)))
        found = mosip.ask("match", asked(sample, wire.face(small["obama2"])))
        assert found["statusCode"] in (200, 401, 404, 406)


def test_a_picture_that_is_cut_is_recorded_as_a_refusal(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    sample = wire.record(wire.segment(wire.signed(small["obama"][:2000])))
    found = mosip.ask("match", asked(sample, wire.face(small["obama2"])), status=401)
    assert found["statusMessage"].startswith("photo.truncated: ")
    entry = mosip.entries()[-1]
    assert (entry.kind, entry.reasons) == ("refusal", ("photo.truncated",))
