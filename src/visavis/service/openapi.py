"""The OpenAPI document: what FastAPI writes of the routes, and what it can't know of bodies read by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from visavis.service.answering import IDEMPOTENCY, MAX_IDEMPOTENCY_KEY
from visavis.service.intake import JSON, MULTIPART
from visavis.service.models import ProblemDocument
from visavis.service.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI
    from pydantic import BaseModel

REFERENCE = "#/components/schemas/{model}"

SUMMARIES = {
    400: "The request can't be read.",
    401: "There is no key, or it is no good (any more).",
    403: "The key doesn't allow this, or the service's policy is stricter.",
    404: "There is no such thing, or it is of another purpose.",
    405: "There is no such method.",
    408: "The request came too slowly.",
    409: "It contradicts what was asked before.",
    413: "The request, or a picture in it, is too large.",
    415: "The request, or a picture in it, has a form that can't be read.",
    422: "What was sent can't be used; the code says why.",
    429: "Too much at once, for the key or for the service; Retry-After says when to come again.",
    501: "A pack that this takes isn't installed.",
    503: "The service can't answer at the moment. Nothing was decided.",
}
ASKING = (400, 401, 403, 408, 409, 413, 415, 422, 429, 503)
"""Of a route that an engine answers."""
READING = (401, 403, 404, 422, 429, 503)
"""Of a route that finds what was answered."""
CHALLENGES = (*ASKING, 404)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for FastAPI's `responses`."""
    schema = {"$ref": REFERENCE.format(model=ProblemDocument.__name__)}
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        found[status] = {"description": SUMMARIES[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        if status in (429, 503):
            wait = {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
            found[status]["headers"] = {"Retry-After": wait}
    return found


SECURED: dict[str, Any] = {"security": [{"key": []}]}


def asking(
    shape: type[BaseModel],
    files: Mapping[str, int],
    needed: Sequence[str],
    example: Mapping[str, Any],
    *,
    once: bool = True,
) -> dict[str, Any]:
    """What a route takes that answers by an engine, for FastAPI's `openapi_extra`.

    Args:
        shape: Of the request as JSON.
        files: The names of its files, with how many of each there may be.
        needed: Those that must be there.
        example: Of a request as JSON.
        once: Whether it takes an Idempotency-Key.
    """
    name = {
        "name": IDEMPOTENCY,
        "in": "header",
        "required": False,
        "description": "The same key with the same request gives the same answer, and asks once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY, "pattern": "^[ -~]+$"},
    }
    return {
        **SECURED,
        "parameters": [name] if once else [],
        "requestBody": {
            "required": bool(needed),
            "content": {
                MULTIPART: {"schema": _form(shape, files, needed)},
                JSON: {"schema": {"$ref": REFERENCE.format(model=shape.__name__)}, "example": dict(example)},
            },
        },
    }


def _form(shape: type[BaseModel], files: Mapping[str, int], needed: Sequence[str]) -> dict[str, Any]:
    """The same as a form, with files as they are."""
    file = {"type": "string", "format": "binary"}
    properties: dict[str, Any] = {}
    for name, field in shape.model_fields.items():
        if name in files:
            several = {"type": "array", "items": file, "minItems": 1, "maxItems": files[name]}
            properties[name] = several if files[name] > 1 else file
        else:
            properties[name] = _property(shape, name)
            if field.description:
                properties[name].setdefault("description", field.description)
    return {
        "type": "object",
        "properties": properties,
        "required": list(needed),
        "additionalProperties": False,
    }


def _property(shape: type[BaseModel], name: str) -> dict[str, Any]:
    """A field's own schema, without the null that a form hasn't."""
    found: dict[str, Any] = shape.model_json_schema(ref_template=REFERENCE)["properties"][name]
    options = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
    if len(options) == 1:
        return dict(options[0])
    return {key: value for key, value in found.items() if key not in ("default", "title")}


def completed(app: FastAPI, shapes: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """The document of an application, with the shapes that only bodies and problems refer to."""
    from fastapi.openapi.utils import get_openapi

    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        license_info=app.license_info,
        servers=[{"url": "/"}],
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    every: tuple[type[BaseModel], ...] = (*shapes, ProblemDocument)
    for shape in every:
        own = shape.model_json_schema(ref_template=REFERENCE)
        for name, schema in own.pop("$defs", {}).items():
            schemas.setdefault(name, schema)
        schemas.setdefault(shape.__name__, own)
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key that `visavis keys create` made."}
    }
    return document
