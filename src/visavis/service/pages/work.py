"""What a check has engines do, the way of every request: a place, the user's purpose, the engine, the ledger.

What an engine gives comes without the pictures' pixels, and with what is shown of them.
"""

from __future__ import annotations

import functools
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from visavis.quality.assessed import held
from visavis.quality.measure import measure
from visavis.quality.profiles import PROFILES
from visavis.service.answering import Task, performed, with_statement
from visavis.service.challenges import answering
from visavis.service.crosschecks import Reading
from visavis.service.fields import policy_of
from visavis.service.kept import without_picture
from visavis.service.pages import shown
from visavis.service.pages.keeping import NOT_KEPT, Keeping, keep
from visavis.service.quality import Looking
from visavis.service.verifications import Verification
from visavis.verifier import ExaminedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Verdict
    from visavis.examiner import Examined
    from visavis.ledger.entry import Event
    from visavis.ledger.log import Receipt
    from visavis.ledger.recording import Use
    from visavis.liveness.active import Active
    from visavis.service.answering import Call
    from visavis.service.engine import Engine, Guard, Papers
    from visavis.service.pages.checks import Check
    from visavis.service.pages.frame import Visit
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

Result = TypeVar("Result")
Told = TypeVar("Told")

PROFILE = "selfie"
"""What a photograph that a claim rests on is held against, for whoever looks at it; it decides nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A document that was read, and what is shown of it."""

    document: ExaminedDocument
    pictures: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A photograph that was looked at, held against `PROFILE`, and what is shown of it."""

    seen: Examined
    held: Examined
    pictures: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A verdict, what is shown of the probe, and whether the check's pictures are kept."""

    verdict: Verdict
    pictures: Mapping[str, bytes]
    keeping: Keeping = NOT_KEPT


async def read(visit: Visit, check: Check, papers: Papers) -> Read:
    """Read the document that a claim rests on.

    Raises:
        Problem: It isn't done now.
        VisavisError: It can't be done.
    """
    pack = visit.desk.service.engine.verifier.pack.name

    def task(service: Service, grant: Grant) -> _Reading:
        return _Reading(Reading(papers, pack, check.subject), policy_of(service, grant, None), check.subject)

    return await _done(visit, check, "document", "documents", task=task, form=_result)


async def look(visit: Visit, check: Check, picture: bytes) -> Looked:
    """Look at the photograph that a claim rests on; raises as `read`."""
    pack = visit.desk.service.engine.verifier.pack.name

    def task(service: Service, grant: Grant) -> _Looking:
        policy = policy_of(service, grant, None)
        return _Looking(Looking(picture, PROFILE, policy, pack, check.subject), policy, check.subject)

    return await _done(visit, check, "quality", "quality", task=task, form=_result)


async def judge(visit: Visit, check: Check, probe: bytes) -> tuple[Judged, dict[str, Any]]:
    """The verdict on the reference and a probe, with its answer as the API gives it; raises as `read`."""
    assert check.reference is not None  # noqa: S101  # the page sees to it
    reference = check.reference

    def task(service: Service, grant: Grant) -> _Claim:
        policy = policy_of(service, grant, None)
        challenge = None if policy.liveness == "off" else check.challenge
        claim = Verification((), None, probe, policy, check.subject, challenge)
        return _Claim(claim, reference, check.subject)

    answer_id = f"verification_{secrets.token_hex(16)}"
    form = functools.partial(_with_statement, check.pictures)
    return await _done(visit, check, "verdict", "verifications", task=task, form=form, answer_id=answer_id)


async def answered(
    visit: Visit, check: Check, challenge: str, frames: Sequence[bytes], times: Sequence[float]
) -> Active:
    """What the frames that answer a challenge come to; raises as `read`."""

    def task(service: Service, grant: Grant) -> Task[Active]:
        return answering(service, grant, challenge, frames=frames, times=times, subject=check.subject)

    return await _done(visit, check, "liveness", "challenges", task=task, form=_result)


async def _done(
    visit: Visit,
    check: Check,
    what: str,
    scope: str,
    *,
    task: Callable[[Service, Grant], Task[Any]],
    form: Callable[[Call, Any, Receipt], Told],
    answer_id: str = "",
) -> Told:
    service, users = visit.desk.service, visit.desk.accounts.users

    def grant() -> Grant:
        visit.request.state.grant = found = users.grant(visit.user, check.key, scope)
        return found

    return await performed(
        service,
        what=what,
        scope=scope,
        grant=grant,
        task=functools.partial(task, service),
        form=form,
        answer_id=answer_id,
    )


def _result(call: Call, result: Result, receipt: Receipt) -> Result:  # noqa: ARG001  # all forms are called so
    return result


def _with_statement(
    shown_before: Mapping[str, bytes], call: Call, result: Judged, receipt: Receipt
) -> tuple[Judged, dict[str, Any]]:
    from visavis.decision.verdict import LedgerPlace

    place = LedgerPlace(receipt.origin, receipt.index)
    answer = with_statement(call, result, receipt)
    keeping = keep(call, receipt.index, {**shown_before, **result.pictures})
    return replace(result, verdict=replace(result.verdict, ledger=place), keeping=keeping), answer


@dataclass(frozen=True, slots=True, eq=False)
class _Reading(Task[Read]):
    """A document, read and made ready to be compared, so that the verdict comes at once later on."""

    inner: Reading
    policy: Policy
    subject: str | None

    def digest(self) -> bytes:
        return self.inner.digest()

    def inputs(self) -> Mapping[str, str]:
        return self.inner.inputs()

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Read:  # noqa: ARG002  # nothing is compared
        found = engine.examine_document(wanted, self.inner.papers, policy=self.policy)
        return Read(shown.lean(found, self.policy.demanded()[0]), shown.of_document(found))

    def event(self, result: Read, use: Use) -> Event:
        return self.inner.event(result.document.document, use)

    def answer(self, result: Read, place: LedgerPlace) -> dict[str, Any]:
        return self.inner.answer(result.document.document, place)

    def outcome(self, result: Read) -> str:
        return self.inner.outcome(result.document.document)


@dataclass(frozen=True, slots=True, eq=False)
class _Looking(Task[Looked]):
    """A photograph, looked at and made ready to be compared."""

    inner: Looking
    policy: Policy
    subject: str | None

    def digest(self) -> bytes:
        return self.inner.digest()

    def inputs(self) -> Mapping[str, str]:
        return self.inner.inputs()

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Looked:  # noqa: ARG002  # nothing is compared
        seen = engine.examine_picture(wanted, self.inner.picture, policy=self.policy)
        lean, against = without_picture(seen, self.policy.demanded()[0]), lean_evidence(seen)
        return Looked(lean, against, shown.of_photo(seen, "reference"))

    def event(self, result: Looked, use: Use) -> Event:
        return self.inner.event(result.held, use)

    def answer(self, result: Looked, place: LedgerPlace) -> dict[str, Any]:
        return self.inner.answer(result.held, place)

    def outcome(self, result: Looked) -> str:
        return self.inner.outcome(result.held)


def lean_evidence(seen: Examined) -> Examined:
    """The same held against `PROFILE`, without its picture."""
    face, evidence = seen.evidence.face, seen.evidence
    if face is not None:
        quality = held(measure(seen.photo, face, evidence.others), PROFILES[PROFILE])
        evidence = replace(evidence, quality=quality)
    return without_picture(replace(seen, evidence=evidence), None)


@dataclass(frozen=True, slots=True, eq=False)
class _Claim(Task[Judged]):
    """A probe against what the claim rests on, which was looked at before."""

    inner: Verification
    reference: ExaminedDocument | Examined
    subject: str | None

    def digest(self) -> bytes:
        return self.inner.digest()

    def inputs(self) -> Mapping[str, str]:
        if not isinstance(self.reference, ExaminedDocument):
            return {**self.inner.inputs(), "reference": self.reference.evidence.sha256}
        pages = enumerate(self.reference.document.pages, 1)
        return {**self.inner.inputs(), **{f"document {number}": side.photo.sha256 for number, side in pages}}

    def prepare(self, service: Service, grant: Grant) -> _Claim:
        return replace(self, inner=self.inner.prepare(service, grant))

    def settle(self, service: Service) -> None:
        self.inner.settle(service)

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Judged:
        policy, active = self.inner.policy, self.inner.active
        probe = engine.examine_picture(wanted, self.inner.probe, policy=policy)
        if isinstance(self.reference, ExaminedDocument):
            verdict = engine.compare_document(
                wanted, self.reference, probe, policy=policy, guard=guard, active=active
            )
        else:
            verdict = engine.compare(
                wanted, [self.reference], probe, policy=policy, guard=guard, active=active
            )
        return Judged(verdict, shown.of_photo(probe, "probe"))

    def event(self, result: Judged, use: Use) -> Event:
        return self.inner.event(result.verdict, use)

    def answer(self, result: Judged, place: LedgerPlace) -> dict[str, Any]:
        return self.inner.answer(result.verdict, place)

    def outcome(self, result: Judged) -> str:
        return self.inner.outcome(result.verdict)
