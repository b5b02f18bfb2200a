"""What the door answers where it can't answer: Face++'s words for what visavis says.

A body always has ``request_id``, ``time_used`` and ``error_message``, which is a code, or a code, a colon,
one space and what it is about. Only a request that is too large as a whole is answered in plain text.
"""

from __future__ import annotations

import time
import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING

from visavis.errors import PhotoError
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

TOO_LARGE = "Request Entity Too Large"
INTERNAL = (500, "INTERNAL_ERROR")

DENIED = (403, "AUTHORIZATION_ERROR: Denied by Admin")
BUSY = (403, "CONCURRENCY_LIMIT_EXCEEDED")

SAID: Mapping[str, tuple[int, str]] = {
    "access.unknown": (401, "AUTHENTICATION_ERROR"),
    "access.expired": (401, "AUTHENTICATION_ERROR"),
    "access.revoked": (401, "AUTHENTICATION_ERROR"),
    "access.scope": DENIED,
    "access.policy": DENIED,
    "access.fan_out": DENIED,
    "access.quota": (403, "AUTHORIZATION_ERROR: Insufficient Account Balance"),
    "access.rate": BUSY,
    "service.busy": BUSY,
    "service.memory": BUSY,
    "service.timeout": BUSY,
    "service.stopping": BUSY,
    "request.path": (404, "API_NOT_FOUND"),
    "request.length": (400, "BAD_ARGUMENTS: body"),
    "request.slow": (400, "BAD_ARGUMENTS: body"),
    "request.malformed": (400, "BAD_ARGUMENTS: body"),
}
"""By visavis's code: status and message. What isn't here is an `INTERNAL_ERROR`."""

SIZE = ("photo.too_small", "photo.too_large")
"""Of a picture, where its number of pixels is what is wrong; otherwise it can't be read."""

began: ContextVar[float] = ContextVar("facepp_began")
"""When a request came, by `time.perf_counter`."""


class Said(Problem):
    """A problem in Face++'s own words."""

    def __init__(self, status: int, code: str, about: str | None = None) -> None:
        """Name it.

        Args:
            status: HTTP status.
            code: Face++'s, ``"BAD_ARGUMENTS"`` for instance.
            about: What is told after the colon.
        """
        super().__init__(status, f"facepp.{code.lower()}", code if about is None else f"{code}: {about}")


class OfFieldError(PhotoError):
    """A picture that can't be used, and which field it came in."""

    def __init__(self, error: PhotoError, field: str) -> None:
        super().__init__(error.code, error.message, found=error.found, expected=error.expected)
        self.field = field

    @property
    def said(self) -> Said:
        """In Face++'s words."""
        code = "INVALID_IMAGE_SIZE" if self.code in SIZE else "IMAGE_ERROR_UNSUPPORTED_FORMAT"
        return Said(400, code, self.field)


def bad(field: str) -> Said:
    """That a field can't be read."""
    return Said(400, "BAD_ARGUMENTS", field)


def refused(problem: Problem, request_id: str | None) -> Response:
    """A problem as this door answers it."""
    from starlette.responses import JSONResponse, PlainTextResponse

    headers = {name: text for name, text in problem.headers.items() if name != "WWW-Authenticate"}
    headers["Cache-Control"] = "no-store"
    if problem.code == "request.too_large":
        return PlainTextResponse(TOO_LARGE, 413, headers=headers)
    status, message = SAID.get(problem.code, INTERNAL)
    if isinstance(problem, Said):
        status, message = problem.status, problem.detail
    start = began.get(None)
    body = {
        "time_used": 0 if start is None else since(start),
        "error_message": message,
        "request_id": identity(request_id),
    }
    return JSONResponse(body, status, headers=headers)


def since(start: float) -> int:
    """Milliseconds since then."""
    return round((time.perf_counter() - start) * 1000)


def identity(request_id: str | None) -> str:
    """The id that Face++ would give a request: the time, a comma, a random UUID.

    The UUID is made of the service's own id of the request, so that it is found in the log: all but two of
    its digits are the same. A client's own id can't be one.
    """
    try:
        found = uuid.UUID(hex=request_id or "", version=4)
    except ValueError:
        found = uuid.uuid4()
    return f"{int(time.time())},{found}"
