"""The envelope: what requests and answers come in, and how it is said that something can't be answered.

The HTTP status is always 200, for the platform's client takes any other one for a failure of the transport.
What it asks for and can't have is told by a status inside; what isn't a request, or can't be answered at all,
is an error of the envelope, which the client raises.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from visavis.errors import RecordError
from visavis.records.cbeff_json import read_json
from visavis.service.intake import unpacked
from visavis.service.problems import MAX_FOUND, Problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

VERSION = "1.0"

MOST_BYTES = 8 * 2**20
"""Of a request's body. A byte of a record takes about five on the wire: a list of numbers, in base64. The
platform sends one modality at a time, and a face takes 0.1 to 0.4 MB; unpacking the most takes half a second,
during part of which nothing else is done."""

GROWTH = 12
"""How many times the size of its body a request takes at most while it is unpacked: a list of numbers is a
list of objects then, most of them of 32 bytes for four characters."""

FINE = 200
INVALID_INPUT, MISSING_INPUT, POOR_QUALITY, NO_SUCH_BIOMETRIC = 401, 402, 403, 404
MATCHING_FAILED, TOO_POOR = 405, 406
"""The SDK's statuses; its 500 would be an error of the envelope here."""

NO_PROVIDER, SDK_FAILED, UNREADABLE, UNEXPECTED = (
    "BIO_SDK_001",
    "BIOSDK_LIB_EXCEPTION",
    "INVALID_REQUEST_BODY",
    "UNCHECKED_EXCEPTION",
)
"""The codes of the envelope's errors."""

CODES = (
    ("request.version", NO_PROVIDER),
    ("request.path", UNEXPECTED),
    ("request.method", UNEXPECTED),
    ("service.fault", UNEXPECTED),
    ("request.key_missing", SDK_FAILED),
    ("request.", UNREADABLE),
    ("", SDK_FAILED),
)
"""By what a code of ours begins with, which of them; the first that fits."""

OF_THE_PICTURE = ("photo.", "record.")
"""Errors that say that the record, and not the request, can't be used."""


class Stated(Problem):
    """Something that was asked for and can't be had: a status inside the envelope.

    Attributes:
        number: The SDK's status.
        is_kept: Whether the ledger says that it was asked for.
    """

    def __init__(
        self,
        number: int,
        code: str,
        detail: str,
        *,
        found: object = None,
        expected: object = None,
        is_kept: bool = False,
    ) -> None:
        super().__init__(422, code, detail, found=found, expected=expected)
        self.number = number
        self.is_kept = is_kept


def read(data: bytes | bytearray) -> dict[str, Any]:
    """What is asked for in a body: the JSON inside the envelope.

    Raises:
        Problem: 400 `request.malformed`, `request.version`; 413 `request.too_large`; 429 `service.memory`.
    """
    unpacked(data, GROWTH)
    return _object(_inside(data), "what is inside the request")


def _inside(data: bytes | bytearray) -> bytes:
    """What is in the envelope of a request; of the envelope nothing is held any more."""
    outer = _object(data, "the request")
    version, request = outer.get("version"), outer.get("request")
    if version != VERSION:
        raise Problem(
            400,
            "request.version",
            "there is no provider for this version",
            found=ascii(version)[:20],
            expected=VERSION,
        )
    if not isinstance(request, str):
        raise _malformed("request isn't a text", found=type(request).__name__)
    try:
        return base64.b64decode(request, validate=True)
    except (binascii.Error, ValueError):
        raise _malformed("request isn't base64", expected="RFC 4648, section 4") from None


def answer(response: object) -> dict[str, Any]:
    """The envelope around what is answered."""
    return {"version": VERSION, "responsetime": _now(), "response": response, "errors": []}


def stated(number: int, message: str, response: object) -> dict[str, Any]:
    """The envelope around an answer with a status.

    Args:
        number: One of the SDK's statuses.
        message: For a person.
        response: What is answered, or None.
    """
    return answer({"statusCode": number, "statusMessage": message, "response": response})


def refused(problem: Problem, request_id: str | None) -> Response:
    """A problem in this form; the request's id stands in the head, as that of every answer."""
    from starlette.responses import Response

    del request_id
    if isinstance(problem, Stated):
        content = stated(problem.number, told(problem), None)
    elif problem.code.startswith(OF_THE_PICTURE):
        content = stated(INVALID_INPUT, told(problem), None)
    else:
        code = next(code for start, code in CODES if problem.code.startswith(start))
        content = {**answer(""), "errors": [{"code": code, "message": told(problem)}]}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    connection = {name: value for name, value in problem.headers.items() if name == "Connection"}
    return Response(
        body, 200, media_type="application/json", headers={**connection, "Cache-Control": "no-store"}
    )


def told(problem: Problem) -> str:
    """A problem in one line: its stable code, what it is, what was found and expected."""
    more = [
        f"{name} {str(value)[:MAX_FOUND]}"
        for name, value in (("found", problem.found), ("expected", problem.expected))
        if value is not None
    ]
    return f"{problem.code}: {problem.detail}" + (f" ({', '.join(more)})" if more else "")


def is_json(request: Request) -> bool:
    """Whether a request says that it is JSON, which a page of another site can't unless it is allowed to."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _now() -> str:
    """UTC to the millisecond."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _object(data: bytes | bytearray, what: str) -> dict[str, Any]:
    """The JSON object in some bytes."""
    try:
        found = read_json(bytes(data))
    except RecordError as error:
        is_large = error.code == "record.too_large"
        raise Problem(
            413 if is_large else 400,
            "request.too_large" if is_large else "request.malformed",
            f"{what} can't be read",
            found=error.found,
            expected=error.expected,
        ) from None
    if not isinstance(found, dict):
        raise _malformed(f"{what} isn't a JSON object", found=type(found).__name__)
    return found


def _malformed(detail: str, *, found: object = None, expected: object = None) -> Problem:
    return Problem(400, "request.malformed", detail, found=found, expected=expected)
