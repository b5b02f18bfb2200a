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
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import APIRouter
    from starlette.datastructures import State
    from starlette.requests import Request
    from starlette.responses import Response

    from visavis.service.config import Config

    Endpoint = Callable[[Request], Awaitable[Response]]
    Refused = Callable[[Problem, str | None], Response]

log = logging.getLogger(LOGGER)


def no_fields(config: Config) -> Mapping[str, str]:  # noqa: ARG001  # every door's are asked for like this
    """Nothing."""
    return {}


@dataclass(frozen=True, slots=True)
class Door:
    """One door.

    Attributes:
        name: As settings call it.
        router: Its paths; none of them stands in the OpenAPI document, which is that of the native API.
        queued: Those of its endpoints that lead to an engine.
        refused: Makes its answer to a request of a problem and the request's id.
        fields: What stands in the head of its answers, by the service's settings; its endpoints see to it
            themselves, and for who is turned away before them `app` does.
    """

    name: str
    router: APIRouter
    queued: tuple[Endpoint, ...]
    refused: Refused
    fields: Callable[[Config], Mapping[str, str]] = no_fields

    def turning_away(self, config: Config) -> Refused:
        """What answers where there is no room: `refused`, with the door's fields."""
        more = self.fields(config)

        def answer(problem: Problem, request_id: str | None) -> Response:
            response = self.refused(problem, request_id)
            response.headers.update(more)
            return response

        return answer if more else self.refused


def speaking(refused: Refused) -> Callable[[Endpoint], Endpoint]:
    """Makes an endpoint tell everything that goes wrong in its door's form, a fault of ours too."""

    def told(state: State, problem: Problem) -> Response:
        state.code = problem.code
        return refused(problem, state.request_id)

    def wrap(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        async def wrapped(request: Request) -> Response:
            state = request.state
            try:
                return await endpoint(request)
            except GoneError:
                raise
            except Problem as error:
                return told(state, error)
            except VisavisError as error:
                problem = Problem.of(error)
                if problem.status >= 500:  # only the operator is told
                    state.told = error.message
                return told(state, problem)
            except Exception:  # its place goes to the log, and nothing to the client
                log.exception("fault", extra={"request_id": state.request_id})
                return told(
                    state, Problem(500, "service.fault", "a fault in visavis itself: please report it")
                )

        return wrapped

    return wrap
