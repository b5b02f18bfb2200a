"""Paths, methods, other origins, limits on the whole, and who is turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.service.conftest import make_key
from tests.service.doors.facepp import shapes
from tests.service.doors.facepp.conftest import COMPARE, DETECT, VERIFY, Facepp, opened

from visavis.access.fan_out import Limits
from visavis.errors import StorageError
from visavis.service.app import _ways
from visavis.service.doors.facepp.routes import DOOR, MAX_BODY
from visavis.service.porter import Porter
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.service.service import Service

ERROR = {"request_id": str, "time_used": int, "error_message": str}


@pytest.mark.parametrize("path", ["/facepp/v3/compare", "/facepp/v3/compare/", "/v3/compare", "/v3/compare/"])
def test_paths_of_compare(facepp: Facepp, small: Mapping[str, bytes], path: str) -> None:
    answer = facepp.ask(path, image_file1=small["obama"], image_file2=small["obama"])
    assert answer.json()["confidence"] > 99


@pytest.mark.parametrize("path", ["/facepp/v3/detect", "/facepp/v3/detect/", "/v3/detect", "/v3/detect/"])
def test_paths_of_detect(facepp: Facepp, small: Mapping[str, bytes], path: str) -> None:
    assert facepp.ask(path, image_file=small["obama"]).json()["face_num"] == 1


@pytest.mark.parametrize("path", [COMPARE, f"{DETECT}/", "/v3/compare", "/v3/detect", VERIFY])
def test_a_host_that_was_given_with_a_slash_at_its_end(facepp: Facepp, path: str) -> None:
    """As `python-facepp` puts the two together."""
    wanted = facepp.refused(path)
    assert wanted[1].startswith("MISSING_ARGUMENTS")
    assert facepp.refused(f"http://testserver/{path}") == wanted
    asked = facepp.http.options(f"http://testserver/{path}")
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")
    ways = _ways(DOOR.router, DOOR.queued, DOOR.refused)
    assert sum(way.pattern.fullmatch(f"/{path}") is not None for way in ways) == 1


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/facepp/v3/search",
            "/facepp/v3/face/analyze",
            "/facepp/v3/face/getdetail",
            "/facepp/v3/face/setuserid",
        ),
        *("/facepp/v3/faceset/create", "/facepp/v3/faceset/addface", "/facepp/v3/faceset/getfacesets"),
        *("/facepp/v1/compare", "/facepp/v3", "/facepp/", "/v3/search", "/humanbodypp/v1/detect"),
        *(
            "/cardpp/v1/ocridcard",
            "/imagepp/v1/mergeface",
            "/faceid/v1/verify",
            "/faceid/v3/sdk/get_biz_token",
        ),
        "/facepp/v3/compare/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_isnt_here(facepp: Facepp, path: str, method: str) -> None:
    for address in (path, f"http://testserver/{path}"):
        answer = facepp.http.request(method, address)
        assert (answer.status_code, answer.json()["error_message"]) == (404, "API_NOT_FOUND")
        shapes.fits(answer.json(), ERROR)


@pytest.mark.parametrize("path", [COMPARE, DETECT, VERIFY])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE"])
def test_there_is_only_post(facepp: Facepp, path: str, method: str) -> None:
    answer = facepp.http.request(method, path, params=facepp.pair)
    assert (answer.status_code, answer.json()["error_message"]) == (404, "API_NOT_FOUND")


def test_without_the_door_there_is_nothing(service: Service, door: Any) -> None:
    answer = door.http.post(COMPARE)
    assert (answer.status_code, answer.json()["code"]) == (404, "request.path")
    assert not any("facepp" in path for path in door.http.get("/openapi.json").json()["paths"])


def test_pages_of_other_origins_may_ask(facepp: Facepp) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = facepp.http.options(COMPARE, headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    refused = facepp.http.post(DETECT, headers={"Origin": "https://shop.example"})
    assert refused.headers["access-control-allow-origin"] == "*"


def test_unless_the_operator_says_no(service: Service, small: Mapping[str, bytes]) -> None:
    with opened(service, facepp_cors=False) as http:
        facepp = Facepp(http, service, make_key(service))
        answers = [http.options(COMPARE), http.post(DETECT), facepp.ask(DETECT, image_file=small["obama"])]
        for answer in answers:
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_whole_request_has_a_limit(facepp: Facepp) -> None:
    answer = facepp.ask(COMPARE, {"image_base64_1": "A" * MAX_BODY})
    assert (answer.status_code, answer.text) == (413, "Request Entity Too Large")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["access-control-allow-origin"] == "*"
    # That of FaceID is larger.
    given = {"comparison_type": "0", "image_ref1": "A" * MAX_BODY, "image": "A"}
    assert facepp.refused(VERIFY, given) == (400, "IMAGE_FILE_TOO_LARGE: image_ref1")


def test_too_many_fields(facepp: Facepp) -> None:
    answer = facepp.ask(COMPARE, {f"field{number}": "x" for number in range(200)})
    assert (answer.status_code, answer.text) == (413, "Request Entity Too Large")


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("multipart/form-data", b"x", "BAD_ARGUMENTS: body"),
        ("multipart/form-data; boundary=a", b"--b\r\n", "BAD_ARGUMENTS: body"),
        ("application/json", b'{"api_key": "x"}', "MISSING_ARGUMENTS: api_key, api_secret"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff", "MISSING_ARGUMENTS: api_key, api_secret"),
        ("application/x-www-form-urlencoded", b"api_key=%ff", "BAD_ARGUMENTS: api_key"),
        ("", b"", "MISSING_ARGUMENTS: api_key, api_secret"),
    ],
)
def test_bodies_that_are_none(facepp: Facepp, content_type: str, body: bytes, message: str) -> None:
    answer = facepp.http.post(COMPARE, content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error_message"]) == (400, message)


# Who is turned away


def test_a_key_that_may_not(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    only = Facepp(facepp.http, facepp.service, make_key(facepp.service, scopes=["quality"]))
    assert only.ask(DETECT, image_file=small["obama"]).status_code == 200
    assert only.refused(COMPARE) == (403, "AUTHORIZATION_ERROR: Denied by Admin")
    other = Facepp(facepp.http, facepp.service, make_key(facepp.service, scopes=["verifications"]))
    assert other.refused(DETECT) == (403, "AUTHORIZATION_ERROR: Denied by Admin")
    strict = Facepp(facepp.http, facepp.service, make_key(facepp.service, max_fmr=1e-6))
    found = strict.refused(COMPARE, image_file1=small["obama"], image_file2=small["obama"])
    assert found == (403, "AUTHORIZATION_ERROR: Denied by Admin")


def test_a_key_that_asks_too_often(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    fast = Facepp(facepp.http, facepp.service, make_key(facepp.service, rate_per_min=1))
    assert fast.ask(DETECT, image_file=small["obama"]).status_code == 200
    assert fast.refused(DETECT, image_file=small["obama"]) == (403, "CONCURRENCY_LIMIT_EXCEEDED")
    used_up = Facepp(facepp.http, facepp.service, make_key(facepp.service, quota_per_day=1))
    assert used_up.ask(DETECT, image_file=small["obama"]).status_code == 200
    found = used_up.refused(DETECT, image_file=small["obama"])
    assert found == (403, "AUTHORIZATION_ERROR: Insufficient Account Balance")


def test_a_revoked_key(facepp: Facepp, small: Mapping[str, bytes]) -> None:
    facepp.service.gate.keys.revoke(facepp.pair["api_key"])
    assert facepp.refused(DETECT, image_file=small["obama"]) == (401, "AUTHENTICATION_ERROR")


def full(_pool: object = None) -> None:
    raise Problem(429, "service.busy", "full", headers={"Retry-After": "3"})


def test_where_there_is_no_room(
    facepp: Facepp, service: Service, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.pool, "admit", full)
    assert facepp.refused(COMPARE, image_file1=small["obama"]) == (403, "CONCURRENCY_LIMIT_EXCEEDED")
    # By its head, before anything is read.
    ways = _ways(DOOR.router, DOOR.queued, DOOR.turning_away(service.config))
    porter = Porter(service, ways)
    for path in (COMPARE, f"{COMPARE}/", "/v3/detect", VERIFY):
        refusal = porter.refusal(b"POST", path.encode() + b"?api_key=x", [])
        assert refusal is not None
        head = dict(refusal.fields)
        assert (refusal.status, head[b"retry-after"]) == (403, b"3")
        assert head[b"access-control-allow-origin"] == b"*"
        assert b'"error_message":"CONCURRENCY_LIMIT_EXCEEDED"' in refusal.body.replace(b" ", b"")
    assert porter.refusal(b"POST", b"/facepp/v3/search", []) is None


def test_what_is_the_operators_business(
    facepp: Facepp, service: Service, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StorageError("storage.gone", "the database at 10.0.0.7 is gone")

    with monkeypatch.context() as patch:
        patch.setattr(service.ledger, "append", gone)
        found = facepp.refused(COMPARE, image_file1=small["obama"], image_file2=small["obama"])
        assert found == (500, "INTERNAL_ERROR")

    def fault(*_: object, **__: object) -> None:
        raise RuntimeError("something inside")

    monkeypatch.setattr(service.engine, "find", fault)
    assert facepp.refused(DETECT, image_file=small["obama"]) == (500, "INTERNAL_ERROR")


# One face and many others: the same rule behind every door


def test_a_search_is_stopped_across_the_doors(
    limited: Callable[[Limits], Facepp], small: Mapping[str, bytes]
) -> None:
    facepp = limited(Limits(references=1, references_all_keys=1000, probes=1000, probes_all_keys=1000))
    facepp.compared(image_file1=small["obama"], image_file2=small["obama2"])
    native = facepp.verify(small["biden"], small["obama2"])
    assert (native.status_code, native.json()["code"]) == (429, "access.fan_out")
    found = facepp.refused(COMPARE, image_file1=small["biden"], image_file2=small["obama2"])
    assert found == (403, "AUTHORIZATION_ERROR: Denied by Admin")
    entry = facepp.entries()[-1]
    assert (entry.kind, entry.reasons) == ("refusal", ("access.fan_out",))
    # Nor by tokens, nor through FaceID.
    probe, other = (
        facepp.detected(image_file=small[name])["faces"][0]["face_token"] for name in ("obama2", "biden")
    )
    found = facepp.refused(COMPARE, {"face_token1": other, "face_token2": probe})
    assert found == (403, "AUTHORIZATION_ERROR: Denied by Admin")
    found = facepp.refused(VERIFY, {"comparison_type": "0"}, image=small["obama2"], image_ref1=small["biden"])
    assert found == (403, "AUTHORIZATION_ERROR: Denied by Admin")
    # The one that it was compared with first still may be.
    facepp.compared(image_file1=small["obama"], image_file2=small["obama2"])


def test_what_was_compared_natively_counts_here(
    limited: Callable[[Limits], Facepp], small: Mapping[str, bytes]
) -> None:
    facepp = limited(Limits(references=1, references_all_keys=1000, probes=1000, probes_all_keys=1000))
    assert facepp.verify(small["obama"], small["biden"]).status_code == 200
    found = facepp.refused(COMPARE, image_file1=small["biden"], image_file2=small["biden"])
    assert found == (403, "AUTHORIZATION_ERROR: Denied by Admin")
