"""The routes: what can be asked. None takes one face and many candidates, none guesses what a person is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response

import visavis
from visavis.decision.verdict import Provenance
from visavis.errors import VisavisError
from visavis.ledger.entry import Event
from visavis.ledger.statement import published
from visavis.service import challenges, crosschecks, models, quality, verifications
from visavis.service.answering import answered, asked_for, enter
from visavis.service.openapi import ASKING, CHALLENGES, READING, SECURED, asking, problems
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from visavis.service.service import Service

PICTURE = "<the bytes of a picture, base64>"

AnswerId = Annotated[str, Path(pattern="^verification_[0-9a-f]{32}$", examples=["verification_" + "0" * 32])]
ChallengeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["0" * 32])]
Reference = Annotated[
    str,
    Path(
        min_length=1,
        max_length=models.MAX_SUBJECT,
        pattern=models.SUBJECT,
        description="The operator's own reference of the person",
        examples=["applicant-4711"],
    ),
]

BODIES = (
    models.VerificationRequest,
    models.CrosscheckRequest,
    models.DocumentRequest,
    models.QualityRequest,
    models.ChallengeRequest,
    models.AnswerRequest,
)
"""Shapes of bodies, which are read by hand."""

router = APIRouter()


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


@router.post(
    "/v1/verifications",
    operation_id="verify",
    summary="Is the person on the probe the one on the reference, or on the document?",
    response_model=models.VerificationAnswer,
    responses=problems(*ASKING, 404, 501),
    openapi_extra=asking(
        models.VerificationRequest,
        verifications.FILES,
        ("probe",),
        {"reference": PICTURE, "probe": PICTURE, "policy": {"fmr": 1e-5}, "subject": "applicant-4711"},
    ),
)
async def verify(request: Request) -> Response:
    """A claim rests on one to eight pictures of one person, or on one document."""
    return await answered(_service(request), request, verifications.VERIFICATION)


@router.get(
    "/v1/verifications/{id}",
    operation_id="verification",
    summary="A verdict that was given, never the pictures.",
    response_model=models.VerificationAnswer,
    responses=problems(*READING),
    openapi_extra=SECURED,
)
async def verification(request: Request, id: AnswerId) -> Response:  # noqa: A002  # as the path has it
    """Only under the purpose that it was asked for under, and only as long as it is kept."""
    service = _service(request)
    grant = await enter(service, request, "verifications")
    kept = await service.at_desk(service.verdicts.find, id, purpose=grant.purpose)
    if kept is None:
        told = "there is no such verdict, it isn't kept any more, or it is of another purpose"
        raise Problem(404, "verification.unknown", told)
    access = Event(
        kind="access",
        purpose=grant.purpose,
        key=grant.key,
        place=kept.place,
        details={"asked": "a verdict that was given", "answer": id},
    )
    await service.at_desk(service.ledger.append, access)
    return Response(kept.body, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.post(
    "/v1/crosschecks",
    operation_id="crosscheck",
    summary="Do two documents belong to one person?",
    response_model=models.CrosscheckAnswer,
    responses=problems(*ASKING, 501),
    openapi_extra=asking(
        models.CrosscheckRequest,
        crosschecks.FILES,
        ("first_page", "second_page"),
        {"first_page": PICTURE, "second_page": PICTURE, "subject": "applicant-4711"},
    ),
)
async def crosscheck(request: Request) -> Response:
    """By their portraits and by what is printed on them."""
    return await answered(_service(request), request, crosschecks.CROSSCHECK)


@router.post(
    "/v1/documents",
    operation_id="document",
    summary="What is printed on a document, and on its chip?",
    response_model=models.DocumentAnswer,
    responses=problems(*ASKING, 501),
    openapi_extra=asking(models.DocumentRequest, crosschecks.DOCUMENT_FILES, ("page",), {"page": PICTURE}),
)
async def document(request: Request) -> Response:
    """Its portrait is found and never compared."""
    return await answered(_service(request), request, crosschecks.DOCUMENT)


@router.post(
    "/v1/quality",
    operation_id="quality",
    summary="Is a picture fit to decide on?",
    response_model=models.QualityAnswer,
    responses=problems(*ASKING),
    openapi_extra=asking(
        models.QualityRequest, quality.FILES, ("picture",), {"picture": PICTURE, "profile": "selfie"}
    ),
)
async def picture_quality(request: Request) -> Response:
    """Components of ISO/IEC 29794-5 against what a picture is meant for; no template is made."""
    return await answered(_service(request), request, quality.QUALITY)


@router.post(
    "/v1/challenges",
    operation_id="challenge",
    status_code=201,
    summary="Draw a challenge for a person before a camera.",
    response_model=models.ChallengeDrawn,
    responses=problems(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=asking(models.ChallengeRequest, {}, (), {"subject": "applicant-4711"}, once=False),
)
async def challenge(request: Request) -> Response:
    """It counts once, for some minutes, for the subject that it was drawn for."""
    service = _service(request)
    grant, asked = await asked_for(service, request, "challenges", models.ChallengeRequest)
    drawn = await service.at_desk(challenges.draw, service, grant, asked.subject)
    return JSONResponse(drawn, 201, headers={"Cache-Control": "no-store"})


@router.post(
    "/v1/challenges/{id}/answers",
    operation_id="answer",
    summary="Answer a challenge with frames of the person.",
    response_model=models.ChallengeAnswer,
    responses=problems(*CHALLENGES),
    openapi_extra=asking(
        models.AnswerRequest,
        challenges.FILES,
        ("frame", "times"),
        {"frame": [PICTURE, PICTURE], "times": [0.0, 98.4]},
    ),
)
async def answer(request: Request, id: ChallengeId) -> Response:  # noqa: A002  # as the path has it
    """One verification under the same purpose may rest on it for some minutes."""
    return await answered(_service(request), request, challenges.answer_to(id))


@router.get(
    "/v1/subjects/{ref:path}/report",
    operation_id="subject_report",
    summary="Every use of a person's data under a reference, in words.",
    response_model=models.SubjectReport,
    responses=problems(*READING),
    openapi_extra=SECURED,
)
async def subject_report(request: Request, ref: Reference) -> Response:
    """Only of what was done under the key's own purpose; that somebody looked is recorded too."""
    service = _service(request)
    grant = await enter(service, request, "subjects")
    report = await service.at_desk(
        service.subjects.report, ref, purpose=grant.purpose, key=grant.key, only=grant.purpose
    )
    return JSONResponse(report.to_dict(), headers={"Cache-Control": "no-store"})


# About the service itself


@router.get("/v1/health/live", operation_id="live", response_model=models.Health, summary="It runs.")
async def live() -> Response:
    """Without a key."""
    return JSONResponse({"status": "ok", "failing": []})


@router.get(
    "/v1/health/ready",
    operation_id="ready",
    response_model=models.Health,
    responses={503: {"model": models.Health, "description": "It can't answer at the moment."}},
    summary="It can answer.",
)
async def ready(request: Request) -> Response:
    """Without a key: whether its database can be reached."""
    service = _service(request)
    failing = ["service.stopping"] if service.pool.is_closed else []
    try:
        await service.at_desk(service.ledger.state)
    except VisavisError as error:
        failing.append(error.code)
    health = {"status": "failing" if failing else "ok", "failing": failing}
    return JSONResponse(health, 503 if failing else 200)


@router.get("/v1/about", operation_id="about", response_model=models.About, summary="What answers here.")
async def about(request: Request) -> Response:
    """Without a key: version, pack, calibration, and the policy that applies."""
    return JSONResponse(await asyncio.to_thread(_about, _service(request)))


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Counts and times for Prometheus, nothing about a person.",
    response_class=Response,
    responses={
        200: {
            "description": "As Prometheus reads it.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **problems(401, 403, 429, 503),
    },
    openapi_extra=SECURED,
)
async def metrics(request: Request) -> Response:
    """With a key whose scope is metrics."""
    service = _service(request)
    await enter(service, request, "metrics")
    text = await asyncio.to_thread(service.metrics.text)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get(
    "/.well-known/jwks.json",
    operation_id="keys",
    summary="The public keys that statements are checked with (RFC 7517).",
    response_model=models.PublicKeys,
    responses=problems(503),
)
async def keys(request: Request) -> Response:
    """Without a key: the one that signs first, then those that signed before and still count."""
    service = _service(request)
    return JSONResponse(await service.at_desk(published, service.ledger))


QUEUED = (verify, crosscheck, document, picture_quality, answer)
"""What an engine answers, so that it may have to wait."""


def _about(service: Service) -> dict[str, Any]:
    verifier = service.engine.verifier
    return {
        "version": visavis.__version__,
        "pack": verifier.pack.name,
        "fingerprint": verifier.calibration.fingerprint,
        "calibration": Provenance.of(verifier.calibration).to_dict(),
        "liveness": service.engine.has_liveness,
        "documents": service.engine.has_documents,
        "ledger": service.key.verifier.name,
        "policy": service.config.policy.to_dict(),
        "engines": service.pool.engines,
        "queue": service.pool.queue,
    }
