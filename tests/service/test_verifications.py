"""`POST /v1/verifications` and what is found again: with real pictures and the real pack."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from tests.photo.hostile import hostile
from tests.service.conftest import PURPOSE, Door, make_key, with_config

from visavis.decision.policy import Policy
from visavis.ledger.statement import verify as verify_statement
from visavis.service import models
from visavis.service.app import create_app

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.service.service import Service

HOSTILE = hostile()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_same_person_is_a_match(door: Door, small: Mapping[str, bytes], sface: Any) -> None:
    answer = door.verify(small["obama"], small["obama2"], data={"subject": "applicant-1"})
    assert answer.status_code == 200
    plain = answer.json()
    models.VerificationAnswer.model_validate(plain)
    assert plain["purpose"] == PURPOSE
    # The library's own verdict on the same bytes, but for how long it took.
    own = sface.verify(small["obama"], small["obama2"]).to_dict()
    told = plain["verdict"]
    for verdict in (own, told):
        del verdict["timings"]
        verdict.pop("ledger", None)
    assert told == own
    assert told["decision"] == "match"


def test_it_is_recorded_once_where_a_ledger_is_named(
    door: Door, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would record it too, and ask for a purpose."""
    monkeypatch.setenv("VISAVIS_LEDGER", door.service.config.database)
    before = door.service.ledger.state().size
    plain = door.verify(small["obama"], small["obama2"]).json()
    assert plain["verdict"]["ledger"] == plain["ledger"]
    assert door.service.ledger.state().size == before + 1


def test_another_person_is_no_match(door: Door, small: Mapping[str, bytes]) -> None:
    plain = door.verify(small["obama"], small["biden"]).json()
    assert plain["verdict"]["decision"] == "no_match"


def test_as_json(door: Door, small: Mapping[str, bytes]) -> None:
    asked = {"reference": encoded(small["obama"]), "probe": encoded(small["obama2"]), "policy": {"fmr": 1e-5}}
    answer = door.post("/v1/verifications", json=asked)
    assert answer.status_code == 200
    assert answer.json()["verdict"]["policy"]["fmr"] == 1e-5
    assert answer.json()["verdict"]["decision"] == "match"


def test_several_references_of_one_person(door: Door, small: Mapping[str, bytes]) -> None:
    files = [("reference", small["obama"]), ("reference", small["obama2"]), ("probe", small["obama"])]
    plain = door.post("/v1/verifications", files=files).json()
    assert plain["verdict"]["decision"] == "match"
    assert len(plain["verdict"]["further_references"]) == 1
    asked = {
        "reference": [encoded(small["obama"]), encoded(small["biden"])],
        "probe": encoded(small["obama"]),
    }
    plain = door.post("/v1/verifications", json=asked).json()
    assert plain["verdict"]["decision"] == "inconclusive"  # they are of two people


def test_no_face_and_low_quality_are_answers(door: Door, small: Mapping[str, bytes], faceless: bytes) -> None:
    answer = door.verify(small["obama"], faceless)
    assert answer.status_code == 200
    verdict = answer.json()["verdict"]
    assert (verdict["decision"], verdict["similarity"]) == ("inconclusive", None)
    assert [reason["code"] for reason in verdict["reasons"]] == ["no_face"]
    policy = json.dumps({"floors": {"inter_eye_distance": 100}})
    answer = door.verify(small["obama"], small["obama2"], data={"policy": policy})
    assert answer.status_code == 200
    models.VerificationAnswer.model_validate(answer.json())
    assert "quality_low" in {reason["code"] for reason in answer.json()["verdict"]["reasons"]}


def test_an_answer_is_in_the_ledger_and_its_statement_proves_it(
    door: Door, small: Mapping[str, bytes]
) -> None:
    plain = door.verify(small["obama"], small["obama2"], data={"subject": "applicant-2"}).json()
    ledger = door.service.ledger
    entry = door.entries()[plain["ledger"]["index"]]
    assert (entry.kind, entry.decision, entry.purpose) == ("verdict", "match", PURPOSE)
    assert set(entry.inputs) == {"reference", "probe"}
    leaf = ledger.leaf(plain["ledger"]["index"]).decode()
    assert "applicant-2" not in leaf
    for digest in (plain["verdict"]["probe"]["sha256"], plain["verdict"]["reference"]["sha256"]):
        assert digest not in leaf
    statement = verify_statement(plain["statement"], [door.service.key.verifier.public])
    assert statement.index == plain["ledger"]["index"]


def test_a_verdict_is_found_again_under_its_purpose_only(door: Door, small: Mapping[str, bytes]) -> None:
    plain = door.verify(small["obama"], small["obama2"]).json()
    found = door.get(f"/v1/verifications/{plain['id']}")
    assert (found.status_code, found.json()) == (200, plain)
    entry = door.entries()[-1]
    assert (entry.kind, entry.details["answer"]) == ("access", plain["id"])
    other = make_key(door.service, purpose="something else")
    hidden = door.http.get(f"/v1/verifications/{plain['id']}", headers={"Authorization": f"Bearer {other}"})
    assert (hidden.status_code, hidden.json()["code"]) == (404, "verification.unknown")


def test_nothing_is_kept_where_nothing_is_to_be(service: Service, small: Mapping[str, bytes]) -> None:
    with TestClient(create_app(with_config(service, verdict_hours=0))) as http:
        door = Door(http, service, make_key(service))
        plain = door.verify(small["obama"], small["obama2"]).json()
        assert door.get(f"/v1/verifications/{plain['id']}").status_code == 404


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_picture_is_refused_by_name(door: Door, small: Mapping[str, bytes], name: str) -> None:
    data, code, _ = HOSTILE[name]
    answer = door.verify(small["obama"], data)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    models.ProblemDocument.model_validate(problem)
    too_large = len(data) > door.service.config.picture_mib * 2**20
    assert problem["code"] == ("request.file_too_large" if too_large else code)
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_a_refusal_is_recorded(door: Door, small: Mapping[str, bytes]) -> None:
    door.verify(small["obama"], b"no picture", data={"subject": "applicant-3"})
    entry = door.entries()[-1]
    assert (entry.kind, entry.reasons, entry.purpose) == ("refusal", ("photo.format",), PURPOSE)
    assert entry.subject is not None


@pytest.mark.parametrize(
    ("files", "data", "status", "code"),
    [
        ({}, {}, 422, "request.fields"),
        ({"probe": b"p"}, {}, 422, "request.fields"),
        ({"reference": b"r"}, {}, 422, "request.fields"),
        ({"reference": b"r", "page": b"p", "probe": b"p"}, {}, 422, "request.fields"),
        ({"reference": b"r", "chip": b"c", "probe": b"p"}, {}, 422, "request.fields"),
        ({"reference": b"r", "probe": b"p"}, {"policy": "{"}, 400, "request.malformed"),
        ({"reference": b"r", "probe": b"p"}, {"policy": '{"fmr":1e-5,"fmr":1}'}, 400, "request.malformed"),
        ({"reference": b"r", "probe": b"p"}, {"policy": '{"fmr":NaN}'}, 400, "request.malformed"),
        ({"reference": b"r", "probe": b"p"}, {"policy": '{"fmr":1e400}'}, 400, "request.malformed"),
        ({"reference": b"r", "probe": b"p"}, {"policy": '{"fmr":2}'}, 422, "request.fields"),
        ({"reference": b"r", "probe": b"p"}, {"policy": '{"search":true}'}, 422, "request.fields"),
        ({"reference": b"r", "probe": b"p"}, {"policy": '{"fmr":1e-9}'}, 422, "policy.fmr_unsupported"),
        ({"reference": b"r", "probe": b"p"}, {"policy": '{"fmr":0.01}'}, 403, "request.policy_laxer"),
        (
            {"reference": b"r", "probe": b"p"},
            {"policy": '{"min_confidence":0.1}'},
            403,
            "request.policy_laxer",
        ),
        ({"reference": b"r", "probe": b"p"}, {"policy": '{"floors":{"beauty":3}}'}, 422, "policy.floors"),
        ({"reference": b"r", "probe": b"p"}, {"subject": " "}, 422, "request.fields"),
        ({"reference": b"r", "probe": b"p"}, {"subject": "a\x00b"}, 422, "request.fields"),
        ({"reference": b"r", "probe": b"p"}, {"subject": "x" * 201}, 422, "request.fields"),
        ({"reference": b"r", "probe": b"p"}, {"gallery": "yes"}, 422, "request.fields"),
        ({"reference": b"r", "probe": b"p"}, {"challenge": "0" * 32}, 422, "policy.liveness"),
        (
            {"reference": b"r", "probe": b"p"},
            {"challenge": "0" * 32, "policy": '{"liveness":"require"}'},
            404,
            "request.challenge_unknown",
        ),
        ([("reference", b"r")] * 9 + [("probe", b"p")], {}, 422, "request.fields"),
        ([("reference", b"r")] + [("probe", b"p")] * 2, {}, 422, "request.fields"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    door: Door, files: Any, data: dict[str, str], status: int, code: str
) -> None:
    answer = door.post("/v1/verifications", files=files or {"": b""}, data=data)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        (None, b"x", 415, "request.content_type"),
        ("text/plain", b"x", 415, "request.content_type"),
        ("application/json", b"", 400, "request.malformed"),
        ("application/json", b"[1]", 400, "request.malformed"),
        ("application/json", b'{"probe": 3}', 422, "request.fields"),
        ("application/json", b'{"probe": "&&&"}', 422, "request.fields"),
        ("application/json", b'{"probe": "AA==", "probe": "AA=="}', 400, "request.malformed"),
        ("application/json", b"[" * 100_000, 400, "request.malformed"),
        ("application/json", b'{"probe": "\xff"}', 400, "request.malformed"),
        ("application/json", b'{"subject": "\\ud800", "probe": "AA==", "reference": "AA=="}', 422, None),
        ("multipart/form-data", b"x", 400, "request.malformed"),
        ("multipart/form-data; boundary=x", b"--y\r\n", 400, "request.malformed"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n", 400, "request.malformed"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="probe"\r\n\r\ncut',
            400,
            "request.malformed",
        ),
        ("multipart/form-data; boundary=" + "x" * 500, b"x", 400, "request.malformed"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    door: Door, content_type: str | None, body: bytes, status: int, code: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = door.post("/v1/verifications", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code


def test_a_service_may_be_stricter_than_its_callers(service: Service, small: Mapping[str, bytes]) -> None:
    strict = Policy(fmr=1e-5, liveness="assess", quality="selfie", require_valid_document=True)
    with TestClient(create_app(with_config(service, policy=strict))) as http:
        door = Door(http, service, make_key(service))
        verdict = door.verify(small["obama"], small["obama2"]).json()["verdict"]
        assert verdict["policy"] == strict.to_dict()
        # Without the pack `pad`, whose files can't be had everywhere, the verdict says so.
        missing = "the pack 'pad' is not installed" in verdict["liveness"]["why"]
        expected = {"not assessed"} if missing else {"live", "attack"}
        assert verdict["liveness"]["outcome"] in expected
        for laxer in (
            {"fmr": 1e-4},
            {"liveness": "off"},
            {"quality": None},
            {"floors": {"sharpness_proxy": 0}},
            {"require_valid_document": False},
        ):
            answer = door.verify(small["obama"], small["obama2"], data={"policy": json.dumps(laxer)})
            assert (answer.status_code, answer.json()["code"]) == (403, "request.policy_laxer"), laxer


def test_a_key_may_allow_less(door: Door, small: Mapping[str, bytes]) -> None:
    token = make_key(door.service, max_fmr=1e-5)
    narrow = Door(door.http, door.service, token)
    answer = narrow.verify(small["obama"], small["obama2"])
    assert (answer.status_code, answer.json()["code"]) == (403, "access.policy")
    other = Door(door.http, door.service, make_key(door.service, scopes=["quality"]))
    answer = other.verify(small["obama"], small["obama2"])
    assert (answer.status_code, answer.json()["code"]) == (403, "access.scope")


@pytest.mark.parametrize("given", [None, "", "Basic abc", "Bearer", "Bearer vv_nothing", "Bearer \xff"])
def test_without_a_good_key_there_is_no_answer(door: Door, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    answer = door.http.post("/v1/verifications", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"].startswith(("access.", "request.key"))


def test_one_face_against_many_is_stopped(service: Service, small: Mapping[str, bytes], shared: Any) -> None:
    """A probe that is compared with one different reference after another; each of another person."""
    people = sorted(path for path in (shared / "data" / "lfw-dev").iterdir() if path.is_dir())[:40:4]
    with TestClient(create_app(service)) as http:
        door = Door(http, service, make_key(service))
        codes = []
        for person in people:
            picture = next(iter(sorted(person.glob("*.jpg")))).read_bytes()
            answer = door.verify(picture, small["biden"])
            codes.append(answer.status_code)
            if answer.status_code == 429:
                break
        assert codes[-1] == 429
        assert answer.json()["code"] == "access.fan_out"
        assert int(answer.headers["retry-after"]) > 0
        entry = door.entries()[-1]
        assert (entry.kind, entry.reasons) == ("refusal", ("access.fan_out",))
