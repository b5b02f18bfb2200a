"""The table of errors: what visavis says, in Face++'s words."""

from __future__ import annotations

import re
import time
import uuid

import pytest

from visavis.service.doors.facepp.errors import SAID, Said, identity, refused
from visavis.service.problems import Problem

# Section 5 of what is known of Face++.
DOCUMENTED = {
    *((400, code) for code in ("MISSING_ARGUMENTS", "BAD_ARGUMENTS", "COEXISTENCE_ARGUMENTS")),
    *((400, code) for code in ("IMAGE_ERROR_UNSUPPORTED_FORMAT", "INVALID_IMAGE_SIZE", "INVALID_IMAGE_URL")),
    *((400, code) for code in ("IMAGE_FILE_TOO_LARGE", "INVALID_FACE_TOKEN", "TOO_MANY_FACE_ATTRIBUTES")),
    (401, "AUTHENTICATION_ERROR"),
    *(
        (403, code)
        for code in ("AUTHORIZATION_ERROR", "CONCURRENCY_LIMIT_EXCEEDED", "INSUFFICIENT_PERMISSION")
    ),
    *((404, "API_NOT_FOUND"), (412, "IMAGE_DOWNLOAD_TIMEOUT"), (500, "INTERNAL_ERROR")),
}


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("access.unknown", 401, "AUTHENTICATION_ERROR"),
        ("access.revoked", 401, "AUTHENTICATION_ERROR"),
        ("access.expired", 401, "AUTHENTICATION_ERROR"),
        ("access.scope", 403, "AUTHORIZATION_ERROR: Denied by Admin"),
        ("access.policy", 403, "AUTHORIZATION_ERROR: Denied by Admin"),
        ("access.fan_out", 403, "AUTHORIZATION_ERROR: Denied by Admin"),
        ("access.quota", 403, "AUTHORIZATION_ERROR: Insufficient Account Balance"),
        ("access.rate", 403, "CONCURRENCY_LIMIT_EXCEEDED"),
        ("service.busy", 403, "CONCURRENCY_LIMIT_EXCEEDED"),
        ("service.memory", 403, "CONCURRENCY_LIMIT_EXCEEDED"),
        ("service.timeout", 403, "CONCURRENCY_LIMIT_EXCEEDED"),
        ("service.stopping", 403, "CONCURRENCY_LIMIT_EXCEEDED"),
        ("request.path", 404, "API_NOT_FOUND"),
        ("request.slow", 400, "BAD_ARGUMENTS: body"),
        ("request.length", 400, "BAD_ARGUMENTS: body"),
        ("service.fault", 500, "INTERNAL_ERROR"),
        ("storage.gone", 500, "INTERNAL_ERROR"),
        ("ledger.damaged", 500, "INTERNAL_ERROR"),
        ("anything.else", 500, "INTERNAL_ERROR"),
    ],
)
def test_in_facepps_words(code: str, status: int, message: str) -> None:
    import json

    answer = refused(Problem(429, code, "in ours", headers={"Retry-After": "7"}), None)
    plain = json.loads(bytes(answer.body))
    assert (answer.status_code, plain["error_message"]) == (status, message)
    assert answer.headers["retry-after"] == "7"
    assert (status, message.partition(":")[0]) in DOCUMENTED


def test_the_whole_request_is_refused_in_plain_text() -> None:
    """Section 5: the body is the plain text, not JSON."""
    answer = refused(Problem(413, "request.too_large", "too large"), None)
    assert (answer.status_code, bytes(answer.body)) == (413, b"Request Entity Too Large")
    assert answer.headers["content-type"].startswith("text/plain")


def test_one_space_behind_the_colon() -> None:
    assert Said(400, "BAD_ARGUMENTS", "x").detail == "BAD_ARGUMENTS: x"
    for _, message in SAID.values():
        assert re.fullmatch(r"[A-Z_]+(: \S.*)?", message)


def test_a_request_id_is_a_time_and_a_random_uuid() -> None:
    for given in (None, "not hexadecimal", "0" * 31, "ab" * 16):
        moment, _, found = identity(given).partition(",")
        assert abs(int(moment) - time.time()) < 5
        assert uuid.UUID(found).version == 4
        assert str(uuid.UUID(found)) == found
    assert identity("ab" * 16).partition(",")[2].replace("-", "")[:12] == "ab" * 6
