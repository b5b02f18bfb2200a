"""What every request gets: an id, a line in the log that knows nobody, a count, a problem for an error."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from tests.service.conftest import Door, make_key

from visavis.errors import StorageError
from visavis.service import models
from visavis.service.app import create_app
from visavis.service.logs import LOGGER, Lines
from visavis.service.problems import STATUS, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from visavis.service.service import Service


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged, as it would be written."""
    found: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(Lines().format(record))

    log, keeper = logging.getLogger(LOGGER), Keeper()
    level = log.level
    log.addHandler(keeper)
    log.setLevel(logging.INFO)
    yield found
    log.removeHandler(keeper)
    log.setLevel(level)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-123.X_y", True), ("", False), ("x" * 65, False), ("a b", False), ("<script>", False)],
)
def test_a_request_has_an_id(door: Door, given: str, kept: bool) -> None:
    answer = door.http.get("/v1/health/live", headers={"X-Request-Id": given})
    told = answer.headers["x-request-id"]
    assert (told == given) is kept
    assert kept or re.fullmatch("[0-9a-f]{32}", told)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "request.path"),
        ("GET", "/v1/verifications/", 404, "request.path"),
        ("GET", "/docs", 404, "request.path"),
        ("DELETE", "/v1/verifications", 405, "request.method"),
        ("GET", "/v1/verifications", 405, "request.method"),
        ("GET", "/v1/verifications/else", 422, "request.fields"),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    door: Door, method: str, path: str, status: int, code: str
) -> None:
    answer = door.http.request(method, path, headers=door.headers())
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    models.ProblemDocument.model_validate(answer.json())


def test_the_log_knows_nobody(door: Door, small: Mapping[str, bytes], lines: list[str]) -> None:
    plain = door.verify(small["obama"], small["obama2"], data={"subject": "applicant-77"}).json()
    door.get("/v1/subjects/applicant-77/report")
    door.get(f"/v1/verifications/{plain['id']}")
    door.verify(small["obama"], b"no picture", data={"subject": "applicant-77"})
    told = "\n".join(lines)
    assert "applicant-77" not in told
    for secret in (
        door.token.rpartition("_")[2],
        plain["verdict"]["probe"]["sha256"],
        plain["statement"],
        str(plain["verdict"]["similarity"]),
    ):
        assert secret not in told
    found = [json.loads(line) for line in lines]
    assert [(each["route"], each["status"]) for each in found] == [
        ("/v1/verifications", 200),
        ("/v1/subjects/{ref:path}/report", 200),
        ("/v1/verifications/{id}", 200),
        ("/v1/verifications", 415),
    ]
    known = {"time", "level", "event", "request_id", "method", "route", "status", "ms", "key", "code"}
    assert {name for each in found for name in each} == known
    assert all(isinstance(each["ms"], float) for each in found)


def test_a_fault_tells_where_and_not_what(
    service: Service, small: Mapping[str, bytes], lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("the face of Barack Obama")

    monkeypatch.setattr(type(service.engine), "verify", fail)
    with TestClient(create_app(service)) as http:
        answer = Door(http, service, make_key(service)).verify(small["obama"], small["obama2"])
    assert (answer.status_code, answer.json()["code"]) == (500, "service.fault")
    assert "Obama" not in answer.text
    fault = json.loads(next(line for line in lines if '"fault"' in line))
    assert fault["error"] == "ZeroDivisionError"
    assert any(place.endswith(" fail") for place in fault["at"])
    assert "Obama" not in "\n".join(lines)


@pytest.mark.parametrize("where", ["append", "keep"])
def test_nothing_is_answered_that_could_not_be_recorded(
    service: Service, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StorageError("storage.full", "there is no space left for the database: /secret/path")

    thing = service.ledger if where == "append" else service.verdicts
    monkeypatch.setattr(type(thing), where, fail)
    with TestClient(create_app(service)) as http:
        door = Door(http, service, make_key(service)) if where == "keep" else None
        monkeypatch.undo()
        door = door or Door(http, service, make_key(service))
        monkeypatch.setattr(type(thing), where, fail)
        answer = door.verify(small["obama"], small["obama2"], headers={"Idempotency-Key": f"no {where}"})
        assert (answer.status_code, answer.json()["code"]) == (503, "storage.full")
        assert "verdict" not in answer.json()
        assert "secret" not in answer.text
        assert int(answer.headers["retry-after"]) > 0
        monkeypatch.undo()
        again = door.verify(small["obama"], small["obama2"], headers={"Idempotency-Key": f"no {where}"})
        assert again.status_code == 200


def test_where_the_database_is_gone_it_is_not_ready(
    door: Door, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert door.http.get("/v1/health/ready").status_code == 200

    def gone(*_: Any, **__: Any) -> None:
        raise StorageError("storage.gone", "the database can't be reached")

    monkeypatch.setattr(type(door.service.ledger.storage), "reading", gone)
    monkeypatch.setattr(type(door.service.ledger.storage), "writing", gone)
    ready = door.http.get("/v1/health/ready")
    assert (ready.status_code, ready.json()) == (503, {"status": "failing", "failing": ["storage.gone"]})
    answer = door.verify(small["obama"], small["obama2"])
    assert (answer.status_code, answer.json()["code"]) == (503, "storage.gone")
    assert door.http.get("/v1/health/live").status_code == 200


def test_what_is_counted(door: Door, small: Mapping[str, bytes]) -> None:
    def count(text: str, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return 0.0 if found is None else float(found[1])

    verdicts = 'visavis_answers_total{asked="verdict",outcome="match"}'
    requests = 'visavis_requests_total{method="POST",route="/v1/verifications",status="200"}'
    before = door.get("/metrics").text
    door.verify(small["obama"], small["obama2"])
    after = door.get("/metrics").text
    for name in (verdicts, requests):
        assert count(after, name) == count(before, name) + 1
    other = Door(door.http, door.service, make_key(door.service, scopes=["verifications"]))
    assert other.get("/metrics").status_code == 403
    assert door.http.get("/metrics").status_code == 401


def test_about_and_keys(door: Door) -> None:
    about = door.http.get("/v1/about")
    models.About.model_validate(about.json())
    assert (about.json()["pack"], about.json()["engines"]) == ("sface", 2)
    keys = door.http.get("/.well-known/jwks.json").json()
    models.PublicKeys.model_validate(keys)
    [key] = keys["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")  # RFC 8037, section 2


def test_every_problem_has_its_status() -> None:
    assert [status for _, status in STATUS if not 400 <= status < 600] == []
    for code, status in (("photo.truncated", 422), ("photo.too_large", 413), ("pack.damaged", 503)):
        from visavis.errors import VisavisError

        assert Problem.of(VisavisError(code, "wrong")).status == status
