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
from visavis.service.logs import LOGGER
from visavis.service.openapi import completed
from visavis.service.porter import Porter

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator

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

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        keeper = asyncio.ensure_future(_keep_time(service))
        log.info("started")
        try:
            yield {"porter": Porter(service, _queued())}  # `protocol.Patient` asks it
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

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(app, routes.BODIES)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    return app


def _queued() -> list[tuple[re.Pattern[str], str]]:
    """Paths that lead to an engine, and their routes."""
    return [
        (route.path_regex, route.path)
        for route in routes.router.routes
        if isinstance(route, APIRoute) and route.endpoint in routes.QUEUED
    ]


async def _keep_time(service: Service) -> None:
    """Delete what is past its time, now and then."""
    while True:
        await asyncio.sleep(EXPIRE_EVERY_S)
        try:
            await service.at_desk(service.expire)
        except VisavisError as error:
            log.warning("expiry", extra={"code": error.code, "told": error.message})
