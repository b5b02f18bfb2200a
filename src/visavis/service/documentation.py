"""The OpenAPI document of the service, for whoever generates a client: no pack and no database is needed."""

from __future__ import annotations

from typing import Any


def document_of() -> dict[str, Any]:
    """The document, as a running service gives it at ``/openapi.json``."""
    from fastapi import FastAPI

    from visavis.service.app import TOLD
    from visavis.service.openapi import completed
    from visavis.service.routes import BODIES, router

    app = FastAPI(**TOLD)
    app.include_router(router)
    return completed(app, BODIES)
