"""What every door has: paths, answers in its own form also where nothing can be answered, and who may knock.

A door is another language for what the native API says; behind it a request goes the same way, under the
purpose of its key, past the same guard, into the same ledger.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.errors import VisavisError
from visavis.service.logs import LOGGER
from visavis.service.pool import GoneError
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import APIRouter
    from starlette.requests import Request
    from starlette.responses import Response

    Endpoint = Callable[[Request], Awaitable[Response]]
    Refused = Callable[[Problem, str | None], Response]

log = logging.getLogger(LOGGER)


@dataclass(frozen=True, slots=True)
class Door:
    """One door.

    Attributes:
        name: As settings call it.
        router: Its paths; none of them stands in the OpenAPI document, which is that of the native API.
        queued: Those of its endpoints that lead to an engine.
        refused: Makes its answer to a request of a problem and the request's id.
    """

    name: str
    router: APIRouter
    queued: tuple[Endpoint, ...]
    refused: Refused


def speaking(refused: Refused) -> Callable[[Endpoint], Endpoint]:
    """Makes an endpoint tell everything that goes wrong in its door's form, a fault of ours too."""

    def wrap(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        async def wrapped(request: Request) -> Response:
            state = request.state
            try:
                return await endpoint(request)
            except GoneError:
                raise
            except Problem as error:
                problem = error
            except VisavisError as error:
                problem = Problem.of(error)
                if problem.status >= 500:  # only the operator is told
                    state.told = error.message
            except Exception:  # its place goes to the log, and nothing to the client
                log.exception("fault", extra={"request_id": state.request_id})
                problem = Problem(500, "service.fault", "a fault in visavis itself: please report it")
            state.code = problem.code
            return refused(problem, state.request_id)

        return wrapped

    return wrap
