"""The paths of the door, and that there are no others: what takes one face and many candidates isn't here."""

from __future__ import annotations

import functools
import itertools
import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from visavis.service.answering import answered_at_door
from visavis.service.doors.door import Door, speaking
from visavis.service.doors.facepp import compare, detect, faceid, form, pictures, urls
from visavis.service.doors.facepp.asked import Asked, token_of
from visavis.service.doors.facepp.errors import OfFieldError, began, refused
from visavis.service.intake import unpacked
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.service.answering import Task
    from visavis.service.config import Config
    from visavis.service.doors.facepp.pictures import Names
    from visavis.service.service import Service

    Endpoint = Callable[[Request], Awaitable[Response]]
    Make = Callable[[Asked, Service, Grant], Task[Any]]

MAX_BODY = 8 * 2**20
"""Two pictures in base64, and all that goes with them."""
MAX_FACEID_BODY = 20 * 2**20

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"]
FAMILIES = ("facepp", "v3", "faceid", "humanbodypp", "cardpp", "imagepp")
"""What the paths of Face++ begin with."""
SLASH = ("", "/")
"""What may stand before and after a path. A host that ends with a slash makes two at the beginning."""
ALLOWED = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}

router = APIRouter()


def fields(config: Config) -> Mapping[str, str]:
    """What stands in the head of every answer: pages of any origin may ask, unless the operator says no."""
    return {"Access-Control-Allow-Origin": "*"} if config.facepp_cors else {}


def at_the_door(endpoint: Endpoint) -> Endpoint:
    """Makes an endpoint answer in the door's form, with its fields, and say how long it took."""
    spoken = speaking(refused)(endpoint)

    @functools.wraps(endpoint)
    async def wrapped(request: Request) -> Response:
        began.set(time.perf_counter())
        response = await spoken(request)
        response.headers.update(fields(request.app.state.service.config))
        return response

    return wrapped


def posted(*paths: str) -> Callable[[Endpoint], Endpoint]:
    """Makes an endpoint answer what is posted to one of these paths."""

    def register(endpoint: Endpoint) -> Endpoint:
        for before, path, after in itertools.product(SLASH, paths, SLASH):
            router.post(f"{before}{path}{after}")(endpoint)
        return endpoint

    return register


async def _answered(
    request: Request, make: Make, names: Sequence[Names], *, what: str, scope: str, most: int
) -> Response:
    """Answer a request that an engine works on."""
    service: Service = request.app.state.service
    content_type, query = request.headers.get("content-type"), request.scope["query_string"]
    start = began.get()

    def read(body: bytes | bytearray) -> Asked:
        unpacked(body, form.GROWTH)
        found = form.read(content_type, body, query)
        request_id: str = request.state.request_id
        return Asked(found, body, names, make, request_id, start, token_of(found))

    try:
        return await answered_at_door(
            service,
            request,
            what=what,
            scope=scope,
            most=min(most, service.config.body_mib * 2**20),
            read=read,
            bring=lambda asked: _bring(service, asked),
        )
    except OfFieldError as error:
        raise error.said from None


async def _bring(service: Service, asked: Asked) -> None:
    """Fetch the pictures that fields only say the address of."""
    counted = [(names, names.given(asked.form)) for names in asked.names]
    for names, field in counted:
        if field == names.url:
            url = asked.form.text(field) or ""
            asked.fetched[field] = await urls.fetched(service, url, field)


@posted("/facepp/v3/compare", "/v3/compare")
@at_the_door
async def compare_faces(request: Request) -> Response:
    """How alike are two faces?"""
    return await _answered(
        request, compare.make, pictures.SIDES, what="verdict", scope="verifications", most=MAX_BODY
    )


@posted("/facepp/v3/detect", "/v3/detect")
@at_the_door
async def detect_faces(request: Request) -> Response:
    """Which faces are on a picture?"""
    return await _answered(
        request, detect.make, (pictures.ONE,), what="faces", scope="quality", most=MAX_BODY
    )


@posted("/faceid/v2/verify")
@at_the_door
async def verify_face(request: Request) -> Response:
    """Is the person on a picture the one on the caller's own?"""
    return await _answered(
        request, faceid.make, (), what="verdict", scope="verifications", most=MAX_FACEID_BODY
    )


async def preflight(request: Request) -> Response:
    """What a browser asks before a page of another origin may."""
    allowed = fields(request.app.state.service.config)
    return Response(status_code=204, headers={**allowed, **(ALLOWED if allowed else {})})


@at_the_door
async def not_here(request: Request) -> Response:  # noqa: ARG001  # whatever was asked
    """Face++ has more paths, and other methods have none."""
    raise Problem(404, "request.path", "there is no such path")


for slash, family in itertools.product(SLASH, FAMILIES):
    path = f"{slash}/{family}/{{rest:path}}"
    router.options(path)(preflight)
    router.api_route(path, methods=METHODS)(not_here)


DOOR = Door(
    name="facepp",
    router=router,
    queued=(compare_faces, detect_faces, verify_face),
    refused=refused,
    fields=fields,
)
