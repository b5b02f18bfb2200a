"""The way of a request that is answered by an engine, from its head to the ledger.

a place -> key -> body -> Idempotency-Key -> engine -> ledger -> kept -> answered

What fails on the way is a `Problem`. A refusal of what was asked is recorded too; that a request was
malformed or came at a busy time is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from visavis.decision.verdict import LedgerPlace
from visavis.errors import AccessError, LedgerError, PackError, StorageError, VisavisError
from visavis.ledger.recording import Use, of_refusal
from visavis.ledger.statement import issue
from visavis.service.fields import fields
from visavis.service.intake import MAX_FIELD_BYTES, Body, Given, parse, read_body
from visavis.service.pool import GoneError
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from visavis.access.gate import Grant
    from visavis.ledger.entry import Event
    from visavis.ledger.log import Receipt
    from visavis.service.engine import Engine, Guard
    from visavis.service.models import Asked
    from visavis.service.pool import Place, Wanted
    from visavis.service.service import Service
    from visavis.service.store import Claim

Result = TypeVar("Result")
Answer = TypeVar("Answer")
Shape = TypeVar("Shape", bound="Asked")

NOT_REFUSED = (AccessError, LedgerError, PackError, StorageError)
"""Errors that refuse nothing that was asked, or are recorded where they arise."""

IDEMPOTENCY = "Idempotency-Key"
MAX_IDEMPOTENCY_KEY = 200

PROMPT_S = 0.1
"""How long a request keeps its place while its body comes: about as long as one verification takes. After
that it has to find another one when the body is there."""


class Task(ABC, Generic[Result]):
    """One thing that was asked, complete and within its limits."""

    __slots__ = ()

    subject: str | None

    @abstractmethod
    def digest(self) -> bytes:
        """SHA-256 over all that was asked."""

    @abstractmethod
    def inputs(self) -> Mapping[str, str]:
        """By role: SHA-256 of what was given, in hex."""

    def prepare(self, service: Service, grant: Grant) -> Task[Result]:  # noqa: ARG002  # most need nothing
        """The same with all that it takes from the database, once it is its turn."""
        return self

    @abstractmethod
    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Result:
        """Do it, in an engine's thread."""

    def settle(self, service: Service) -> None:
        """Use up what may only be used once, before the result is recorded."""

    @abstractmethod
    def event(self, result: Result, use: Use) -> Event:
        """What is recorded of the result."""

    def keep(self, service: Service, grant: Grant, result: Result) -> None:
        """Keep what a later request may rest on, once the result is recorded."""

    @abstractmethod
    def answer(self, result: Result, place: LedgerPlace) -> dict[str, Any]:
        """What is answered, once it is known where it is recorded."""

    @abstractmethod
    def outcome(self, result: Result) -> str:
        """What it came to in a word, to be counted."""


class AtDoor(Protocol):
    """What a door made out of a body."""

    @property
    def token(self) -> str:
        """The key that was shown."""

    def task(self, service: Service, grant: Grant) -> Task[Any]:
        """What is asked for; its `Task.answer` is the whole body of the answer. May wait for the database.

        Raises:
            Problem: It isn't complete, or too much.
            VisavisError: The policy can't be had.
        """


Knocked = TypeVar("Knocked", bound=AtDoor)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Result]):
    """One kind of request.

    Attributes:
        name: What is asked for, as the ledger calls it.
        prefix: Of the answers' ids.
        scope: What the key has to allow.
        files: Names of the files of a request, with how many of each there may be.
        read: Makes a task of what was given, or raises a `Problem`; may wait for the database.
    """

    name: str
    prefix: str
    scope: str
    files: Mapping[str, int]
    read: Callable[[Service, Grant, Given], Task[Result]]


async def answered(service: Service, request: Request, kind: Kind[Any]) -> Response:
    """Answer a request of the native API.

    Raises:
        Problem: It isn't answered.
        VisavisError: Likewise.
        GoneError: Nobody waits any more.
    """
    with service.pool.place(kind.name) as place:
        grant = await enter(service, request, kind.scope)
        name = idempotency_key(request)
        async with taken_in(service, request, place, most=service.config.body_mib * 2**20) as body:
            task = await service.at_desk(
                _understood, service, grant, kind, request.headers.get("content-type"), body.data
            )
            body.data = bytearray()  # its parts are held now; they are counted until the end
            answer_id = f"{kind.prefix}_{secrets.token_hex(16)}"
            call = Call(service, grant, kind.name, kind.scope, task, _native, answer_id, name)
            return await waited_for(request, _settled(call, place))


async def performed(
    service: Service,
    *,
    what: str,
    scope: str,
    grant: Callable[[], Grant],
    task: Callable[[Grant], Task[Any]],
    form: Callable[[Call, Any, Receipt], Answer],
    answer_id: str = "",
) -> Answer:
    """Have something done for somebody at the desk, the way that a request goes once its body is there.

    Args:
        service: What does it.
        what: What is asked for, as the ledger calls it.
        scope: What the grant is asked for.
        grant: Counts the call and says what it allows; may wait for the database.
        task: Makes a task that the grant allows; may wait for the database.
        form: Makes the answer of what it came to, once that is recorded.
        answer_id: The id that the answer will have; empty where it has none.

    Raises:
        Problem: It isn't done.
        VisavisError: Likewise.
    """
    with service.pool.place(what) as place, service.metrics.inside.track_inprogress():
        allowed = await service.at_desk(grant)
        asked = await service.at_desk(task, allowed)
        done: Answer = await _settled(Call(service, allowed, what, scope, asked, form, answer_id), place)
        return done


async def answered_at_door(
    service: Service,
    request: Request,
    *,
    what: str,
    scope: str,
    most: int,
    read: Callable[[bytes | bytearray], Knocked],
    bring: Callable[[Knocked], Awaitable[None]] | None = None,
) -> Response:
    """Answer a request that came through a door: its key may stand in its body.

    Args:
        service: What answers.
        request: The request.
        what: What is asked for, as the ledger calls it.
        scope: What the key has to allow.
        most: Bytes of the body at most.
        read: Makes out of the body who asks, and for what; raises a `Problem`. The files of the body are
            taken with `intake.file_of`, so that they are counted as long as somebody holds them.
        bring: Brings what the request only names, once its key was let in; meanwhile it keeps nobody out.

    Raises:
        Problem: It isn't answered.
        VisavisError: Likewise.
        GoneError: Nobody waits any more.
    """
    with service.pool.place(what) as place:
        async with taken_in(service, request, place, most=most) as body:
            asked = await service.at_desk(read, body.data)
            grant = await service.at_desk(service.gate.enter, asked.token, scope)
            request.state.grant = grant
            if bring is not None:
                place.hold_for(PROMPT_S)
                await bring(asked)
                place.secure()
            task = await service.at_desk(asked.task, service, grant)
            body.data = bytearray()
            call = Call(service, grant, what, scope, task, _as_it_is)
            return await waited_for(request, _settled(call, place))


@contextlib.asynccontextmanager
async def taken_in(service: Service, request: Request, place: Place, *, most: int) -> AsyncIterator[Body]:
    """The body of a request, of at most so many bytes, counted until the block ends.

    Who sends it slowly keeps nobody out.
    """
    body = Body(service.memory)
    try:
        place.hold_for(PROMPT_S)
        await read_body(request, body, most=most, within_s=service.config.body_s)
        place.secure()
        with service.metrics.inside.track_inprogress():
            yield body
    finally:
        body.let_go()


def _understood(
    service: Service, grant: Grant, kind: Kind[Any], content_type: str | None, data: bytes | bytearray
) -> Task[Any]:
    given = parse(content_type, data, files=kind.files, most=service.config.picture_mib * 2**20)
    return kind.read(service, grant, given)


async def enter(service: Service, request: Request, scope: str) -> Grant:
    """See what the key of a request allows, and count the call.

    Raises:
        Problem: 401 without a key.
        AccessError: The key doesn't allow it.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(
            401,
            "request.key_missing",
            "a key is needed",
            expected="Authorization: Bearer vv_...",
            headers={"WWW-Authenticate": "Bearer"},
        )
    grant = await service.at_desk(service.gate.enter, token.strip(), scope)
    request.state.grant = grant
    return grant


async def asked_for(
    service: Service, request: Request, scope: str, shape: type[Shape]
) -> tuple[Grant, Shape]:
    """The fields of a small request that no engine answers; an empty body is one without fields.

    Raises:
        Problem: It can't be read.
        AccessError: The key doesn't allow it.
    """
    grant = await enter(service, request, scope)
    body = Body(service.memory)
    try:
        await read_body(request, body, most=MAX_FIELD_BYTES, within_s=service.config.body_s)
        if not body.data:
            return grant, fields(shape, Given({}, {}))
        content_type = request.headers.get("content-type")
        return grant, fields(shape, parse(content_type, body.data, files={}, most=MAX_FIELD_BYTES))
    finally:
        body.let_go()


def idempotency_key(request: Request) -> str | None:
    """What the client calls the request, or None.

    Raises:
        Problem: 400 `idempotency.key`.
    """
    name = request.headers.get(IDEMPOTENCY)
    if name is None:
        return None
    if not 1 <= len(name) <= MAX_IDEMPOTENCY_KEY or not name.isascii() or not name.isprintable():
        expected = f"1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters"
        raise Problem(400, "idempotency.key", f"{IDEMPOTENCY} can't be used", expected=expected)
    return name


async def waited_for(request: Request, work: Awaitable[Answer]) -> Answer:
    """Do something while the client waits; its body has been read.

    Raises:
        GoneError: The client went away; what was under way is cancelled.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
        raise GoneError
    finally:
        gone.cancel()
        task.cancel()
        del task  # as in `Place.work`


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is complete, and who made it.

    Attributes:
        service: What answers.
        grant: What the key allows.
        what: What is asked for, as the ledger calls it.
        scope: What the key had to allow.
        task: What was asked.
        form: Makes the answer of what it came to, once that is recorded.
        answer: The id that the answer will have; empty where it has none.
        name: The Idempotency-Key, or None.
    """

    service: Service
    grant: Grant
    what: str
    scope: str
    task: Task[Any]
    form: Callable[[Call, Any, Receipt], Any]
    answer: str = ""
    name: str | None = None

    @property
    def use(self) -> Use:
        """For what, for whom and about whom it is."""
        return Use(purpose=self.grant.purpose, subject=self.task.subject, key=self.grant.key)


async def _settled(call: Call, place: Place) -> Any:
    """Do what was asked, or find the answer that was given before."""
    service = call.service
    claim = None
    if call.name is not None:
        claim = await service.at_desk(_claimed, call, call.name)
        if not claim.is_new:
            kept = await service.at_desk(service.verdicts.get, claim.answer, purpose=call.grant.purpose)
            if kept is None:
                raise Problem(409, "idempotency.in_flight", "the answer was erased meanwhile: ask again")
            return _response(kept, {"Idempotency-Replayed": "true"})
    try:
        result = await place.work(functools.partial(_worked, call), patience_s=service.config.answer_s)
    except BaseException as error:
        await _release(service, claim)
        if isinstance(error, VisavisError) and not isinstance(error, NOT_REFUSED):
            refusal = of_refusal(error, call.what, call.use, call.task.inputs())
            await service.at_desk(service.ledger.append, refusal)
        raise
    # From here on it is brought to its end, whoever waits: what is in the ledger is kept as well.
    recording = service.in_background(service.at_desk(_recorded, call, result))
    try:
        return await asyncio.shield(recording)
    except (Problem, VisavisError):
        await _release(service, claim)
        raise
    finally:
        del recording  # as in `Place.work`


def _worked(call: Call, wanted: Wanted) -> Any:
    """What was asked, done by an engine."""
    ready = call.task.prepare(call.service, call.grant)
    return ready.work(call.service.engine, wanted, guard_of(call))


def _claimed(call: Call, name: str) -> Claim:
    """Take a request on that has an Idempotency-Key, or find out where its answer is."""
    verdicts, purpose = call.service.verdicts, call.grant.purpose
    return call.service.requests.claim(
        call.grant.key,
        name,
        hashlib.sha256(call.what.encode() + call.task.digest()).digest(),
        call.answer,
        is_kept=lambda kept: verdicts.get(kept, purpose=purpose) is not None,
    )


def guard_of(call: Call) -> Guard:
    """What keeps one face from being compared with many."""
    return lambda references, probe: call.service.gate.compare(
        call.grant, reference=references, probe=probe, asked=call.scope
    )


def _recorded(call: Call, result: Any) -> Any:
    """Put a result into the ledger, and only then make an answer of it."""
    service, task = call.service, call.task
    task.settle(service)
    receipt = service.ledger.append(task.event(result, call.use))
    task.keep(service, call.grant, result)
    response = call.form(call, result, receipt)
    service.metrics.answers.labels(call.what, task.outcome(result)).inc()
    return response


def _native(call: Call, result: Any, receipt: Receipt) -> Response:
    """What the native API answers."""
    return _response(_json(with_statement(call, result, receipt)))


def with_statement(call: Call, result: Any, receipt: Receipt) -> dict[str, Any]:
    """An answer with its statement, which is kept for whoever asks for it again."""
    service, task, purpose = call.service, call.task, call.grant.purpose
    answer = {
        "id": call.answer,
        "answered_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "purpose": purpose,
        "ledger": receipt.to_dict(),
        "statement": issue(service.ledger, receipt.index),
        **task.answer(result, LedgerPlace(receipt.origin, receipt.index)),
    }
    config = service.config
    hours = max(config.verdict_hours, 0 if call.name is None else config.answer_hours)
    if hours:
        service.verdicts.keep(
            call.answer,
            _json(answer),
            purpose=purpose,
            subject=task.subject,
            keep_for=timedelta(hours=hours),
        )
    return answer


def _as_it_is(call: Call, result: Any, receipt: Receipt) -> Response:
    """An answer that is all that its task makes of it."""
    return _response(_json(call.task.answer(result, LedgerPlace(receipt.origin, receipt.index))))


def _json(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


async def _release(service: Service, claim: Claim | None) -> None:
    """Let a request be tried again; where the database is gone, its lease ends by itself."""
    if claim is not None:
        try:
            await service.at_desk(service.requests.release, claim)
        except StorageError:
            return


def _response(content: bytes, headers: Mapping[str, str] | None = None) -> Response:
    from starlette.responses import Response

    return Response(
        content, media_type="application/json", headers={**(headers or {}), "Cache-Control": "no-store"}
    )
