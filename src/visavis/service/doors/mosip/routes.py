"""The paths of MOSIP's BioSDK service. `/match` has one record to compare with, and no path takes several."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from visavis.service.answering import answered_at_door
from visavis.service.doors.door import Door, speaking
from visavis.service.doors.mosip import convert, description, envelope, match, quality, segment, template
from visavis.service.doors.mosip.asked import Asking
from visavis.service.doors.mosip.credentials import a_scope, token_of
from visavis.service.doors.mosip.envelope import MOST_BYTES, refused
from visavis.service.intake import Body, read_body
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from visavis.access.gate import Grant
    from visavis.service.answering import Task
    from visavis.service.doors.mosip.asked import Given
    from visavis.service.service import Service

    Read = Callable[[Service, Grant, Given], Task[Any]]

router = APIRouter(prefix="/biosdk-service", include_in_schema=False)

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


@router.post("/match")
@speaking(refused)
async def match_records(request: Request) -> Response:
    """Is the person on the sample the one whom the other record is of?"""
    return await _answered(request, "verdict", "verifications", match.read)


@router.post("/check-quality")
@speaking(refused)
async def check_quality(request: Request) -> Response:
    """How good is a picture?"""
    return await _answered(request, "quality", "quality", quality.read)


@router.post("/extract-template")
@speaking(refused)
async def extract_template(request: Request) -> Response:
    """A template that only this installation reads."""
    return await _answered(request, "template", "templates", template.read)


@router.post("/convert-format")
@speaking(refused)
async def convert_format(request: Request) -> Response:
    """Pictures in another encoding."""
    return await _answered(request, "conversion", "quality", convert.read)


@router.post("/segment")
@speaking(refused)
async def segment_record(request: Request) -> Response:
    """One segment for each picture."""
    return await _answered(request, "conversion", "quality", segment.read)


@router.post("/init")
@speaking(refused)
async def init(request: Request) -> Response:
    """What answers here. Nothing is worked on, so that no place is needed."""
    service, token = await _entering(request)
    grant = await service.at_desk(_entered, service, token)
    request.state.grant = grant
    body = Body(service.memory)
    try:
        await read_body(request, body, most=_most(service), within_s=service.config.body_s)
        await service.at_desk(envelope.read, body.data)
    finally:
        body.let_go()
    found = await service.at_desk(description.describe, service, grant)
    return JSONResponse(envelope.answer(found), headers={"Cache-Control": "no-store"})


@router.api_route("", methods=["GET", "HEAD"])
@router.api_route("/", methods=["GET", "HEAD"])
async def running() -> Response:
    """It runs. Without a key."""
    return PlainTextResponse(description.running())


@router.api_route("/s", methods=["GET", "HEAD"])
@speaking(refused)
async def running_for_a_key(request: Request) -> Response:
    """It runs, and the key is good."""
    service: Service = request.app.state.service
    token = await service.at_desk(token_of, service, request.headers)
    request.state.grant = await service.at_desk(_entered, service, token)
    return PlainTextResponse(description.running())


@router.api_route("", methods=METHODS)
@router.api_route("/{rest:path}", methods=METHODS)
@speaking(refused)
async def nothing_else(request: Request) -> Response:
    """No such path, or not by this method."""
    raise Problem(404, "request.path", f"nothing is answered to {request.method} here")


def _most(service: Service) -> int:
    """Bytes of a body at most."""
    return min(MOST_BYTES, service.config.body_mib * 2**20)


async def _entering(request: Request) -> tuple[Service, str]:
    """The service, and the key of a request that is one."""
    service: Service = request.app.state.service
    if not envelope.is_json(request):
        kind = request.headers.get("content-type", "nothing")
        detail = "a request is JSON"
        raise Problem(415, "request.content_type", detail, found=kind, expected="application/json")
    return service, await service.at_desk(token_of, service, request.headers)


def _entered(service: Service, token: str) -> Grant:
    return service.gate.enter(token, a_scope(service, token))


async def _answered(request: Request, what: str, scope: str, read: Read) -> Response:
    service, token = await _entering(request)
    asking = functools.partial(_asking, token, what, read)
    return await answered_at_door(service, request, what=what, scope=scope, most=_most(service), read=asking)


def _asking(token: str, what: str, read: Read, body: bytes | bytearray) -> Asking:
    return Asking(token, what, body, read)


DOOR = Door(
    name="mosip",
    router=router,
    queued=(match_records, check_quality, extract_template, convert_format, segment_record),
    refused=refused,
)
