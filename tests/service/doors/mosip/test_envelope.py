"""The envelope: always status 200, always well formed, whatever comes; and under which key a call runs."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import re
import tracemalloc
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from tests.service.conftest import make_key, with_config
from tests.service.doors.mosip import wire
from tests.service.doors.mosip.conftest import Mosip
from tests.service.test_load import read_answer, running

from visavis.service.app import create_app
from visavis.service.doors.mosip import envelope
from visavis.service.intake import Memory
from visavis.service.logs import LOGGER, Lines
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.service.service import Service

PATHS = ("init", "match", "check-quality", "extract-template", "convert-format", "segment")
CODES = ("BIO_SDK_001", "BIOSDK_LIB_EXCEPTION", "INVALID_REQUEST_BODY", "UNCHECKED_EXCEPTION")


def error_of(answer: Any) -> tuple[str, str]:
    """Code and message of the only error of an answer, which is an envelope and has all its parts."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    plain = answer.json()
    assert set(plain) == {"version", "responsetime", "response", "errors"}
    assert plain["version"] == "1.0"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", plain["responsetime"])
    assert plain["response"] == ""
    [error] = plain["errors"]
    assert set(error) == {"code", "message"}
    assert error["code"] in CODES
    return error["code"], error["message"]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


DEEP = b"[" * 200_000
MALFORMED: list[tuple[str, bytes, str, str]] = [
    ("nothing", b"", "INVALID_REQUEST_BODY", "request.malformed"),
    ("no JSON", b"hello", "INVALID_REQUEST_BODY", "request.malformed"),
    ("not UTF-8", b'{"version":"1.0","request":"\xff"}', "INVALID_REQUEST_BODY", "request.malformed"),
    ("a list", b"[]", "INVALID_REQUEST_BODY", "request.malformed"),
    ("deep", DEEP, "INVALID_REQUEST_BODY", "request."),
    ("NaN", b'{"version":NaN}', "INVALID_REQUEST_BODY", "request.malformed"),
    ("a name twice", b'{"version":"1.0","version":"1.0"}', "INVALID_REQUEST_BODY", "request.malformed"),
    ("no version", b'{"request":"e30="}', "BIO_SDK_001", "request.version"),
    ("another version", b'{"version":"2.0","request":"e30="}', "BIO_SDK_001", "request.version"),
    ("a number for it", b'{"version":1.0,"request":"e30="}', "BIO_SDK_001", "request.version"),
    ("a huge number", b'{"version":%s}' % (b"9" * 5000), "INVALID_REQUEST_BODY", "request.malformed"),
    ("no request", b'{"version":"1.0"}', "INVALID_REQUEST_BODY", "request.malformed"),
    ("null for it", b'{"version":"1.0","request":null}', "INVALID_REQUEST_BODY", "request.malformed"),
    ("an object for it", b'{"version":"1.0","request":{}}', "INVALID_REQUEST_BODY", "request.malformed"),
    ("no base64", b'{"version":"1.0","request":"***"}', "INVALID_REQUEST_BODY", "request.malformed"),
    ("no padding", b'{"version":"1.0","request":"e30"}', "INVALID_REQUEST_BODY", "request.malformed"),
    ("no ASCII", '{"version":"1.0","request":"é"}'.encode(), "INVALID_REQUEST_BODY", "request.malformed"),
]
INSIDE: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("no JSON", b"hello"),
    ("not UTF-8", b'{"a":"\xff"}'),
    ("a list", b"[]"),
    ("null", b"null"),
    ("deep", DEEP),
    ("infinite", b'{"a":Infinity}'),
    ("too large a number", b'{"a":1e999}'),
    ("a name twice", b'{"a":1,"a":2}'),
    ("half of a pair", b'{"a":"\\ud800"}'),
    ("many parts", b'{"a":[' + b"{}," * 300_000 + b"{}]}"),
]


def sent(mosip: Mosip, path: str, body: bytes, **headers: str) -> Any:
    head = {"Content-Type": "application/json", **headers}
    return mosip.post(f"{wire.PATH}/{path}", content=body, headers=head)


@pytest.mark.parametrize("path", ["init", "match"])
@pytest.mark.parametrize(
    ("body", "code", "said"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
def test_what_is_no_request(mosip: Mosip, path: str, body: bytes, code: str, said: str) -> None:
    found, message = error_of(sent(mosip, path, body))
    assert found == code
    assert message.startswith(said)


@pytest.mark.parametrize("body", [row[1] for row in INSIDE], ids=[row[0] for row in INSIDE])
def test_what_is_none_inside(mosip: Mosip, body: bytes) -> None:
    outer = json.dumps({"version": "1.0", "request": b64(body)}).encode()
    code, message = error_of(sent(mosip, "match", outer))
    assert code == "INVALID_REQUEST_BODY"
    assert message.startswith("request.")


@pytest.mark.parametrize("path", PATHS)
def test_every_path_speaks_so(mosip: Mosip, path: str) -> None:
    assert error_of(sent(mosip, path, b"{"))[0] == "INVALID_REQUEST_BODY"
    assert error_of(mosip.get(f"{wire.PATH}/{path}"))[0] == "UNCHECKED_EXCEPTION"


@pytest.mark.parametrize("path", ["", "/", "/s"])
def test_that_it_runs_is_told_to_head_too(mosip: Mosip, path: str) -> None:
    """As by the platform's own service, for whoever only looks whether it is there."""
    told = mosip.get(f"{wire.PATH}{path}")
    asked = mosip.http.head(f"{wire.PATH}{path}", headers={"Authorization": f"Bearer {mosip.token}"})
    assert (asked.status_code, asked.headers["content-type"]) == (200, told.headers["content-type"])
    assert asked.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["", "/"])
def test_the_bare_address_answers_nothing_else(mosip: Mosip, method: str, path: str) -> None:
    code, message = error_of(mosip.http.request(method, f"{wire.PATH}{path}"))
    assert code == "UNCHECKED_EXCEPTION"
    assert message.startswith("request.path: ")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["nothing", "match/", "v1/match", "%2e%2e/v1/about"])
def test_there_is_nothing_else(mosip: Mosip, method: str, path: str) -> None:
    code, message = error_of(mosip.http.request(method, f"{wire.PATH}/{path}"))
    assert code == "UNCHECKED_EXCEPTION"
    assert message.startswith("request.path: ")


def test_outside_of_it_the_native_api_answers(mosip: Mosip) -> None:
    assert mosip.get("/v1/about").status_code == 200
    assert mosip.get("/nothing").status_code == 404


def test_an_answer(mosip: Mosip) -> None:
    answer = mosip.post(f"{wire.PATH}/init", json=wire.enveloped({"initParams": {}}))
    plain = answer.json()
    assert (plain["version"], plain["errors"]) == ("1.0", [])
    told = datetime.strptime(plain["responsetime"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - told).total_seconds()) < 5
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(mosip: Mosip, kind: str) -> None:
    """What a page of another site may send without being allowed to is none."""
    code, message = error_of(
        sent(mosip, "init", json.dumps(wire.enveloped({})).encode(), **{"Content-Type": kind})
    )
    assert code == "INVALID_REQUEST_BODY"
    assert message.startswith("request.content_type: ")
    answer = mosip.http.options(
        f"{wire.PATH}/match", headers={"Origin": "https://elsewhere", "Access-Control-Request-Method": "POST"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control-")]


# Limits


def test_a_body_that_is_too_large(mosip: Mosip) -> None:
    code, message = error_of(sent(mosip, "match", b"x" * (envelope.MOST_BYTES + 1)))
    assert code == "INVALID_REQUEST_BODY"
    assert message.startswith("request.too_large: ")


def test_what_it_grows_to_is_counted(service: Service) -> None:
    """One of a hundred kilobytes takes a megabyte in numbers: with less there is no room for it."""
    own = with_config(service, doors=("mosip",))
    object.__setattr__(own, "memory", Memory(2**20))
    body = json.dumps({"version": "1.0", "request": b64(b'{"a":"%s"}' % (b"x" * 75_000))}).encode()
    with TestClient(create_app(own)) as http:
        here = Mosip(http, own, make_key(own))
        code, message = error_of(sent(here, "match", body))
        assert (code, message.partition(":")[0]) == ("BIOSDK_LIB_EXCEPTION", "service.memory")
        error_of(sent(here, "match", b"{"))
        assert own.memory.held == 0


def wide(numbers: str) -> bytes:
    """A request that holds many numbers, in half a megabyte."""
    inner = b'{"sample":{"segments":[{"bdb":[%s]}]}}' % numbers.encode()
    return json.dumps({"version": "1.0", "request": b64(inner)}).encode()


COUNT = 130_000
WIDE = {
    "small": ",".join(["-9"] * COUNT),
    "at once": ",".join(["-128"] * COUNT),
    "with spaces": ", ".join(["-9"] * COUNT),
    "with lines": ",\n".join(["-9"] * COUNT),
    "no bytes": ",".join(["-999"] * COUNT),
    "none at the end": ",".join(["-9"] * COUNT) + ",-0",
    "an error behind them": ",".join(["-9"] * COUNT) + "]]}",
}


@pytest.mark.parametrize("numbers", WIDE.values(), ids=WIDE)
def test_it_grows_by_no_more_than_is_counted(numbers: str) -> None:
    body = wide(numbers)
    with contextlib.suppress(Problem):
        envelope.read(wide("1,2"))  # what is imported and kept from then on
    tracemalloc.start()
    try:
        with contextlib.suppress(Problem):
            envelope.read(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < envelope.GROWTH * len(body)


def test_nothing_is_held_when_it_is_answered(mosip: Mosip, small: Mapping[str, bytes]) -> None:
    mosip.ask("check-quality", {"sample": wire.face(small["obama"])}, status=200)
    mosip.ask("extract-template", {"sample": wire.face(small["obama"])}, status=200)
    assert mosip.service.memory.held == 0
    assert mosip.service.pool.inside == 0


def test_where_there_is_no_room_it_is_said_by_the_head_alone(service: Service) -> None:
    with (
        running(service, engines=1, queue=0, doors=("mosip",)) as here,
        here.service.pool.place("verdict"),
        here.connect() as connection,
    ):
        connection.sendall(here.head(length=10**6, path=f"{wire.PATH}/match"))
        head, body = read_answer(connection)
        assert head.startswith(b"HTTP/1.1 200 ")
        [error] = json.loads(body)["errors"]
        assert error["code"] == "BIOSDK_LIB_EXCEPTION"
        assert error["message"].startswith("service.busy: ")
        with here.client() as client:  # what needs no engine is answered
            plain = client.post(f"{wire.PATH}/init", json=wire.enveloped({})).json()
            assert plain["errors"] == []


def test_a_fault_of_ours(mosip: Mosip, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(type(mosip.service.engine), "quality", fail)
    inner = wire.enveloped({"sample": wire.face(small["obama"])})
    code, message = error_of(mosip.post(f"{wire.PATH}/check-quality", json=inner))
    assert code == "UNCHECKED_EXCEPTION"
    assert "secret" not in message


# Keys


def test_without_a_key_nothing_is_answered(mosip: Mosip) -> None:
    for path in PATHS:
        answer = mosip.http.post(f"{wire.PATH}/{path}", json=wire.enveloped({}))
        code, message = error_of(answer)
        assert code == "BIOSDK_LIB_EXCEPTION"
        assert message.startswith("request.key_missing: ")
        assert "mosip_key_file" in message
    assert error_of(mosip.http.get(f"{wire.PATH}/s"))[1].startswith("request.key_missing: ")


@pytest.mark.parametrize("shown", ["Basic abc", "Bearer", "Bearer ", "vv_abc"])
def test_what_is_no_key(mosip: Mosip, shown: str) -> None:
    answer = mosip.http.post(f"{wire.PATH}/init", json=wire.enveloped({}), headers={"Authorization": shown})
    assert error_of(answer)[1].startswith("request.key_missing: ")


def test_a_wrong_key(mosip: Mosip) -> None:
    for token in ("vv_abc", f"vv_{'a' * 12}_{'b' * 43}"):
        headers = {"Authorization": f"Bearer {token}"}
        for path in PATHS:
            answer = mosip.http.post(f"{wire.PATH}/{path}", json=wire.enveloped({}), headers=headers)
            assert error_of(answer) == ("BIOSDK_LIB_EXCEPTION", "access.unknown: there is no such key")


def test_nothing_is_unpacked_for_a_wrong_key(mosip: Mosip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "read", lambda _: pytest.fail("it was unpacked"))
    headers = {"Authorization": f"Bearer vv_{'a' * 12}_{'b' * 43}"}
    answer = mosip.http.post(f"{wire.PATH}/match", json=wire.enveloped({}), headers=headers)
    assert error_of(answer)[1].startswith("access.unknown: ")


SCOPES = {
    "match": "verifications",
    "check-quality": "quality",
    "convert-format": "quality",
    "segment": "quality",
    "extract-template": "templates",
}


@pytest.mark.parametrize(("path", "scope"), SCOPES.items())
def test_what_a_key_has_to_allow(mosip: Mosip, path: str, scope: str) -> None:
    with_it = {"Authorization": f"Bearer {make_key(mosip.service, scopes=(scope,))}"}
    without = [each for each in ("verifications", "quality", "templates", "documents") if each != scope]
    without_it = {"Authorization": f"Bearer {make_key(mosip.service, scopes=without)}"}
    inner = wire.enveloped({})
    answer = mosip.http.post(f"{wire.PATH}/{path}", json=inner, headers=without_it)
    assert error_of(answer)[1].startswith("access.scope: ")
    plain = mosip.http.post(f"{wire.PATH}/{path}", json=inner, headers=with_it).json()
    assert plain["response"]["statusCode"] == 402


def test_calls_without_a_key_run_under_the_one_of_the_settings(
    service: Service, tmp_path: Path, small: Mapping[str, bytes]
) -> None:
    lines, handler = io.StringIO(), None
    file = tmp_path / "mosip.key"
    token = make_key(service, purpose="reviewing applications")
    file.write_text(f"{token}\n")
    own = with_config(service, doors=("mosip",), mosip_key_file=str(file))
    handler = logging.StreamHandler(lines)
    handler.setFormatter(Lines())
    logger = logging.getLogger(LOGGER)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with TestClient(create_app(own)) as http:
            inner = wire.enveloped({"sample": wire.face(small["obama"])})
            assert http.post(f"{wire.PATH}/check-quality", json=inner).json()["response"]["statusCode"] == 200
            entry = Mosip(http, own, token).entries()[-1]
            assert (entry.kind, entry.purpose) == ("quality", "reviewing applications")
            assert http.get(f"{wire.PATH}/s").text.startswith("Service is running...")
            # Of the native API it opens nothing.
            assert http.post("/v1/quality", json={}).status_code == 401
            # Nor to pages: of any origin, this service's own included.
            size = len(Mosip(http, own, token).entries())
            for origin in ("http://testserver", "null"):
                code, message = error_of(
                    http.post(f"{wire.PATH}/check-quality", json=inner, headers={"Origin": origin})
                )
                assert (code, message.partition(":")[0]) == ("BIOSDK_LIB_EXCEPTION", "request.key_missing")
            assert len(Mosip(http, own, token).entries()) == size
            # A key that is shown goes before it.
            shown = {"Authorization": f"Bearer {make_key(service, purpose='another one')}"}
            http.post(f"{wire.PATH}/check-quality", json=inner, headers=shown)
            assert Mosip(http, own, token).entries()[-1].purpose == "another one"
            # Another one counts from the next call on; a file that isn't there lets nobody in.
            file.write_text(make_key(service, purpose="a third one"))
            http.post(f"{wire.PATH}/check-quality", json=inner)
            assert Mosip(http, own, token).entries()[-1].purpose == "a third one"
            file.unlink()
            code, message = error_of(http.post(f"{wire.PATH}/check-quality", json=inner))
            assert (code, message.partition(":")[0]) == ("BIOSDK_LIB_EXCEPTION", "serve.key_file")
            assert str(file) not in message
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    logged = lines.getvalue()
    assert "check-quality" in logged
    assert str(file) in logged  # the operator is told
    assert "vv_" not in logged
    assert token.rpartition("_")[2] not in logged


# What it says of itself


def test_it_runs(mosip: Mosip) -> None:
    for path in ("", "/"):
        answer = mosip.http.get(wire.PATH + path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert re.fullmatch(r"Service is running\.\.\. \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.text)
    assert mosip.get(f"{wire.PATH}/s").text.startswith("Service is running...")


def test_init_describes_what_the_key_may_ask(mosip: Mosip) -> None:
    found = mosip.ask("init", {"initParams": {"face.format.url.default": "http://here"}})
    assert found["apiVersion"] == "0.9"  # the platform's provider class refuses any other
    assert found["supportedModalities"] == ["FACE"]
    methods = {"MATCH", "QUALITY_CHECK", "EXTRACT", "CONVERT_FORMAT", "SEGMENT"}
    assert found["supportedMethods"] == {name: ["FACE"] for name in methods}
    headers = {"Authorization": f"Bearer {make_key(mosip.service, scopes=('quality',))}"}
    answer = mosip.http.post(f"{wire.PATH}/init", json=wire.enveloped({}), headers=headers).json()
    assert set(answer["response"]["supportedMethods"]) == {"QUALITY_CHECK", "CONVERT_FORMAT", "SEGMENT"}
    headers = {"Authorization": f"Bearer {make_key(mosip.service, scopes=('documents',))}"}
    answer = mosip.http.post(f"{wire.PATH}/init", json=wire.enveloped({}), headers=headers)
    assert error_of(answer)[1].startswith("access.scope: ")


def test_it_stands_in_no_openapi_document(mosip: Mosip) -> None:
    assert not [path for path in mosip.get("/openapi.json").json()["paths"] if path.startswith(wire.PATH)]


def test_where_it_is_shut_nothing_is_there(service: Service) -> None:
    with TestClient(create_app(service)) as http:
        assert http.get(f"{wire.PATH}/").status_code == 404
