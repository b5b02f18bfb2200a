"""What every request gets: an id, a line in the log, a count, and a problem document for an error."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from visavis.errors import VisavisError
from visavis.service.logs import LOGGER
from visavis.service.pool import GoneError
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from visavis.service.metrics import Metrics

log = logging.getLogger(LOGGER)

REQUEST_ID = "X-Request-Id"
GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CLIENT_GONE = 499  # nobody reads it; the log and the counts do

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Manners:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or one message of the server's."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        own_id = request_id(scope["headers"])
        scope.setdefault("state", {})["request_id"] = own_id
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = list(message.get("headers", []))
                names = {name.lower() for name, _ in given}  # what an answer says itself is right
                message["headers"] = [*given, *(each for each in fields(own_id) if each[0] not in names)]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception:  # a fault of ours: its place goes to the log, and nothing to the client
            log.exception("fault", extra={"request_id": own_id})
            if status == 0:
                problem = Problem(500, "service.fault", "a fault in visavis itself: please report it")
                await problem.response(own_id)(scope, receive, sent)
        finally:
            state = scope["state"]
            more = {name: state[name] for name in ("code", "told") if name in state}
            if "grant" in state:
                more["key"] = state["grant"].key
            note(
                self._metrics,
                method=scope["method"] if scope["method"] in METHODS else "other",
                route=getattr(scope.get("route"), "path", "none"),
                status=status,
                seconds=time.perf_counter() - start,
                request_id=own_id,
                more=more,
                is_told=status >= 400 or "often" not in state,
            )


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def request_id(head: Iterable[tuple[bytes, bytes]]) -> str:
    """The client's id for a request where its head has a plain one, or a new one."""
    wanted = REQUEST_ID.lower().encode()
    given = next((value for name, value in head if name == wanted), b"").decode("latin-1")
    return given if GIVEN_ID.fullmatch(given) else secrets.token_hex(16)


def fields(request_id: str) -> list[tuple[bytes, bytes]]:
    """What stands in the head of every answer."""
    return [(REQUEST_ID.lower().encode(), request_id.encode()), *HEADERS]


def note(
    metrics: Metrics,
    *,
    method: str,
    route: str,
    status: int,
    seconds: float,
    request_id: str,
    more: Mapping[str, Any],
    is_told: bool = True,
) -> None:
    """Count a request that was answered, and write its line into the log.

    Args:
        metrics: What counts.
        method: Of `METHODS`, or ``"other"``.
        route: The route, never the path.
        status: Of the answer.
        seconds: How long it took.
        request_id: Its id.
        more: What else stands in the line, of `logs.FIELDS`.
        is_told: Whether there is a line; none where a page asks ten times a second.
    """
    metrics.requests.labels(route, method, str(status)).inc()
    metrics.seconds.labels(route).observe(seconds)
    if not is_told:
        return
    told = {**more, "request_id": request_id, "method": method, "route": route}
    log.info("answered", extra={**told, "status": status, "ms": round(seconds * 1000, 1)})


# What the application does with an error


async def on_problem(request: Request, error: Exception) -> Response:
    """A problem as an answer."""
    assert isinstance(error, Problem)  # noqa: S101  # registered for it only
    request.state.code = error.code
    return error.response(request.state.request_id)


async def on_error(request: Request, error: Exception) -> Response:
    """An error of the library as a problem; what only concerns the operator goes to the log."""
    assert isinstance(error, VisavisError)  # noqa: S101  # registered for it only
    problem = Problem.of(error)
    request.state.code = error.code
    if problem.status >= 500:
        request.state.told = error.message
    return problem.response(request.state.request_id)


async def on_gone(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Nobody waits any more; the answer is only seen by the log."""
    from starlette.responses import Response

    request.state.code = "request.gone"
    return Response(status_code=CLIENT_GONE)


async def on_http_error(request: Request, error: Exception) -> Response:
    """No such path, or no such method."""
    from starlette.exceptions import HTTPException

    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it only
    code = {404: "request.path", 405: "request.method"}.get(error.status_code, "request.refused")
    problem = Problem(error.status_code, code, str(error.detail), headers=error.headers)
    return await on_problem(request, problem)


async def on_invalid(request: Request, error: Exception) -> Response:
    """A parameter in the path or the head that can't be one."""
    from fastapi.exceptions import RequestValidationError

    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it only
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return await on_problem(request, Problem(422, "request.fields", f"{where}: {first['msg']}"))


HANDLERS = {VisavisError: on_error, Problem: on_problem, GoneError: on_gone}
