"""`POST /v1/crosschecks` and `POST /v1/documents`: two documents, and one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.documents.pdf import MAX_PAGES
from visavis.ledger.recording import of_crosscheck, of_document
from visavis.service import models
from visavis.service.answering import Kind, Task
from visavis.service.engine import Papers
from visavis.service.fields import digest_of, fields, policy_of, several, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace
    from visavis.documents.crosscheck import Crosscheck
    from visavis.documents.document import Document
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.service.engine import Engine, Guard
    from visavis.service.intake import Given
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

FILES = {"first_page": MAX_PAGES, "first_chip": 1, "second_page": MAX_PAGES, "second_chip": 1}
DOCUMENT_FILES = {"page": MAX_PAGES, "chip": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Crosschecking(Task["Crosscheck"]):
    """Two documents that are said to be of one person."""

    first: Papers
    second: Papers
    policy: Policy
    subject: str | None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.policy.to_dict(), self.subject)

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        given = self.first.named("first document") | self.second.named("second document")
        return {role: sha256(data) for role, data in given.items()}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Crosscheck:
        """As `Task.work`."""
        return engine.crosscheck(wanted, self.first, self.second, policy=self.policy, guard=guard)

    def event(self, result: Crosscheck, use: Use) -> Event:
        """As `Task.event`."""
        return of_crosscheck(result, use)

    def answer(self, result: Crosscheck, place: LedgerPlace) -> dict[str, Any]:
        """As `Task.answer`."""
        return {"crosscheck": replace(result, ledger=place).to_dict()}

    def outcome(self, result: Crosscheck) -> str:
        """As `Task.outcome`."""
        return result.decision


@dataclass(frozen=True, slots=True, eq=False)
class Reading(Task["Document"]):
    """A document that is to be read."""

    papers: Papers
    pack: str
    subject: str | None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.subject)

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        return {role: sha256(data) for role, data in self.papers.named("document").items()}

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Document:  # noqa: ARG002  # nothing is compared
        """As `Task.work`."""
        return engine.read_document(wanted, self.papers)

    def event(self, result: Document, use: Use) -> Event:
        """As `Task.event`."""
        return of_document(result, self.pack, use)

    def answer(self, result: Document, place: LedgerPlace) -> dict[str, Any]:  # noqa: ARG002  # it says nothing of the ledger
        """As `Task.answer`."""
        return {"document": result.to_dict()}

    def outcome(self, result: Document) -> str:
        """As `Task.outcome`."""
        return "undecided" if any(problem.decisive for problem in result.problems) else "read"


def _read_two(service: Service, grant: Grant, given: Given) -> Crosschecking:
    asked = fields(models.Judged, given)
    return Crosschecking(
        first=_papers(given, "first_"),
        second=_papers(given, "second_"),
        policy=policy_of(service, grant, asked.policy),
        subject=asked.subject,
    )


def _read_one(service: Service, grant: Grant, given: Given) -> Reading:  # noqa: ARG001  # every kind is read so
    asked = fields(models.OfSubject, given)
    return Reading(_papers(given, ""), service.engine.verifier.pack.name, asked.subject)


def _papers(given: Given, before: str) -> Papers:
    chip = given.files.get(f"{before}chip")
    return Papers(several(given, f"{before}page"), chip[0] if chip else None)


CROSSCHECK = Kind("crosscheck", "crosscheck", "crosschecks", FILES, _read_two)
DOCUMENT = Kind("document", "document", "documents", DOCUMENT_FILES, _read_one)
