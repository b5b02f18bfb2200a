"""The application: what starts and ends with it, and what becomes of an error."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

import visavis
from visavis.errors import VisavisError
from visavis.service import manners, routes
from visavis.service.doors.open import doors
from visavis.service.logs import LOGGER
from visavis.service.openapi import completed
from visavis.service.porter import Porter, Way
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from fastapi import APIRouter

    from visavis.service.doors.door import Refused
    from visavis.service.service import Service

log = logging.getLogger(LOGGER)

EXPIRE_EVERY_S = 600.0
"""How often what is past its time is deleted; reading never finds it from the moment it is."""

ABOUT = """\
One photograph against one other photograph: is this the same person? Every call is made with a key, and a key
has a purpose. Every answer stands in the ledger before it is given. No face and low quality are answers with
status 200; what isn't answered is a problem document (RFC 9457) with a stable code.
"""

TOLD: dict[str, Any] = {
    "title": "visavis",
    "version": visavis.__version__,
    "summary": "Is the person in this photograph the person in that one?",
    "description": ABOUT,
    "license_info": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}
"""What the OpenAPI document says of the service."""


def create_app(service: Service, *, ends_it: bool = False) -> FastAPI:
    """The application.

    Args:
        service: What answers.
        ends_it: Whether it ends with the application.
    """
    inside = doors(service.config.doors)
    ways = _ways(routes.router, routes.QUEUED, Problem.response)
    for door in inside:
        ways += _ways(door.router, door.queued, door.turning_away(service.config))

    expiring = [service.expire]

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        keeper = asyncio.ensure_future(_keep_time(service, expiring))
        log.info("started")
        try:
            yield {"porter": Porter(service, ways)}  # `protocol.Patient` asks it
        finally:
            keeper.cancel()
            if ends_it:
                await service.close()
            log.info("stopped")

    app = FastAPI(
        **TOLD,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    for kind, handler in manners.HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(HTTPException, manners.on_http_error)
    app.add_exception_handler(RequestValidationError, manners.on_invalid)
    app.add_middleware(manners.Manners, metrics=service.metrics)
    app.include_router(routes.router)
    for door in inside:
        app.include_router(door.router)
    if service.config.desk:
        from visavis.service.pages.desk import open_desk

        app.state.desk = open_desk(app, service)
        expiring += (
            app.state.desk.accounts.expire,
            app.state.desk.checks.expire,
            app.state.desk.pairs.expire,
        )

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(app, routes.BODIES)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    return app


def _ways(router: APIRouter, endpoints: Iterable[object], refused: Refused) -> list[Way]:
    """Routes that lead to an engine."""
    return [
        Way(route.path_regex, route.path, refused)
        for route in router.routes
        if isinstance(route, APIRoute) and route.endpoint in endpoints
    ]


async def _keep_time(service: Service, expiring: Iterable[Callable[[], int]]) -> None:
    """Delete what is past its time, now and then."""
    while True:
        await asyncio.sleep(EXPIRE_EVERY_S)
        for expire in expiring:
            try:
                await service.at_desk(expire)
            except VisavisError as error:
                log.warning("expiry", extra={"code": error.code, "told": error.message})
