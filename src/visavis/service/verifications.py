"""`POST /v1/verifications`: is the person on the probe the one on the reference, or on the document?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.documents.pdf import MAX_PAGES
from visavis.ledger.recording import of_verdict
from visavis.service import models
from visavis.service.answered_challenge import active_of, used
from visavis.service.answering import Kind, Task
from visavis.service.engine import Papers
from visavis.service.fields import digest_of, fields, one, policy_of, sha256
from visavis.service.problems import Problem
from visavis.verifier import MAX_REFERENCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.access.gate import Grant
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import LedgerPlace, Verdict
    from visavis.ledger.entry import Event
    from visavis.ledger.recording import Use
    from visavis.liveness.active import Active
    from visavis.service.engine import Engine, Guard
    from visavis.service.intake import Given
    from visavis.service.pool import Wanted
    from visavis.service.service import Service

FILES = {"reference": MAX_REFERENCES, "probe": 1, "page": MAX_PAGES, "chip": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Verification(Task["Verdict"]):
    """One claim: references of one person or one document, and a probe."""

    references: Sequence[bytes]
    papers: Papers | None
    probe: bytes
    policy: Policy
    subject: str | None
    challenge: str | None
    active: Active | None = None

    def digest(self) -> bytes:
        """As `Task.digest`."""
        return digest_of(self.inputs(), self.policy.to_dict(), self.subject, self.challenge)

    def inputs(self) -> Mapping[str, str]:
        """As `Task.inputs`."""
        given = {"probe": self.probe}
        given |= {f"reference {number}": data for number, data in enumerate(self.references, 1)}
        if self.papers is not None:
            given |= self.papers.named("document")
        return {role: sha256(data) for role, data in given.items()}

    def prepare(self, service: Service, grant: Grant) -> Verification:
        """As `Task.prepare`: with the answer to its challenge."""
        if self.challenge is None:
            return self
        return replace(self, active=active_of(service, grant, self.challenge, self.subject))

    def settle(self, service: Service) -> None:
        """As `Task.settle`: no other verification may rest on the same challenge."""
        if self.challenge is not None and not service.challenges.use(self.challenge):
            raise used()

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> Verdict:
        """As `Task.work`."""
        if self.papers is not None:
            return engine.verify_document(
                wanted, self.papers, self.probe, policy=self.policy, guard=guard, active=self.active
            )
        return engine.verify(
            wanted, self.references, self.probe, policy=self.policy, guard=guard, active=self.active
        )

    def event(self, result: Verdict, use: Use) -> Event:
        """As `Task.event`."""
        return of_verdict(result, use)

    def answer(self, result: Verdict, place: LedgerPlace) -> dict[str, Any]:
        """As `Task.answer`."""
        return {"verdict": replace(result, ledger=place).to_dict()}

    def outcome(self, result: Verdict) -> str:
        """As `Task.outcome`."""
        return result.decision


def read(service: Service, grant: Grant, given: Given) -> Verification:
    """What was asked.

    Raises:
        Problem: It isn't complete, or too much.
        VisavisError: The policy can't be had.
    """
    asked = fields(models.VerificationFields, given)
    references, pages = given.files.get("reference", ()), given.files.get("page", ())
    if bool(references) == bool(pages):
        raise Problem(
            422,
            "request.fields",
            "a claim rests on references or on a document",
            found="both" if pages else "neither",
            expected="reference, or page",
        )
    chip = given.files.get("chip")
    if chip and not pages:
        raise Problem(422, "request.fields", "a chip goes with the pages of its document")
    policy = policy_of(service, grant, asked.policy)
    if asked.challenge is not None and policy.liveness == "off":
        raise Problem(
            422,
            "policy.liveness",
            "a challenge was answered and the policy doesn't ask for liveness",
            found="off",
            expected="assess or require",
        )
    return Verification(
        references=references,
        papers=Papers(pages, chip[0] if chip else None) if pages else None,
        probe=one(given, "probe"),
        policy=policy,
        subject=asked.subject,
        challenge=asked.challenge,
    )


VERIFICATION = Kind("verdict", "verification", "verifications", FILES, read)
