"""What library and command line came to -> events, and into the ledger that `VISAVIS_LEDGER` names.

Without that variable nothing is recorded. With it every verdict needs a purpose, and is only answered once it
is on disk. What goes in are decisions, rates, rules and the digests of what was given: no value that was read
on a document, no similarity, no picture.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.decision.verdict import LedgerPlace
from visavis.errors import LedgerError
from visavis.ledger.entry import MAX_ITEMS, Event, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from visavis.decision.policy import Policy
    from visavis.decision.verdict import Evidence, Reason, Verdict
    from visavis.documents.crosscheck import Crosscheck
    from visavis.documents.document import Document
    from visavis.errors import VisavisError
    from visavis.ledger.entry import Kind, Scalar
    from visavis.ledger.log import Ledger, Receipt

LEDGER, PURPOSE = "VISAVIS_LEDGER", "VISAVIS_PURPOSE"

_opened: dict[tuple[int, str, str | None], Ledger] = {}
_opening = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """For what, for whom and about whom something is done.

    Attributes:
        purpose: What it is done for.
        subject: The operator's own reference of the person, never a name.
        key: The name of the key that asked, where a service was asked.
    """

    purpose: str | None = None
    subject: str | None = None
    key: str | None = None


def use(purpose: str | None = None, subject: str | None = None) -> Use | None:
    """For what and about whom; None where no ledger is named. To be asked before anything is looked at.

    Args:
        purpose: What it is done for; by default what `VISAVIS_PURPOSE` says.
        subject: The operator's own reference of the person.

    Raises:
        LedgerError: `ledger.purpose`: a ledger is named and no purpose; `ledger.not_set`: something was to be
            recorded and no ledger is named.
    """
    if not os.environ.get(LEDGER):
        if purpose is None and subject is None:
            return None
        raise LedgerError(
            "ledger.not_set",
            "purpose and subject are for the ledger, and none is named",
            expected=f"a path or address in {LEDGER}",
        )
    purpose = purpose or os.environ.get(PURPOSE)
    if not purpose:
        raise LedgerError(
            "ledger.purpose",
            "whatever is recorded in the ledger needs a purpose",
            expected=f"a purpose with the call, --purpose, or {PURPOSE}",
        )
    found = Use(purpose=purpose, subject=subject)
    Event(kind="access", purpose=purpose, subject=subject)  # refused now rather than after the work
    return found


def recorded(verdict: Verdict, use: Use | None) -> Verdict:
    """A verdict that says where it is recorded, once it is; as it is where there is nothing to record.

    Raises:
        StorageError: As `record`.
        LedgerError: As `record`.
    """
    return verdict if use is None else replace(verdict, ledger=_place(record(of_verdict(verdict, use))))


def recorded_crosscheck(found: Crosscheck, use: Use | None) -> Crosscheck:
    """The same of two documents against each other.

    Raises:
        StorageError: As `record`.
        LedgerError: As `record`.
    """
    return found if use is None else replace(found, ledger=_place(record(of_crosscheck(found, use))))


def _place(receipt: Receipt) -> LedgerPlace:
    return LedgerPlace(receipt.origin, receipt.index)


def record(event: Event) -> Receipt:
    """Append to the ledger that `VISAVIS_LEDGER` names; each process opens it once.

    Raises:
        StorageError: It can't be written.
        LedgerError: Its key can't be used, or it is damaged; `ledger.not_set`: none is named.
    """
    return opened().append(event)


def opened() -> Ledger:
    """The ledger that `VISAVIS_LEDGER` names, open to append until the process ends.

    Raises:
        StorageError: It can't be opened.
        LedgerError: As `record`.
    """
    from visavis.ledger.log import Ledger

    where = os.environ.get(LEDGER)
    if not where:
        raise LedgerError("ledger.not_set", "no ledger is named", expected=f"a path or address in {LEDGER}")
    place = (os.getpid(), where, os.environ.get("VISAVIS_LEDGER_KEY"))
    with _opening:
        if place not in _opened:
            _opened[place] = Ledger.open(where)
            atexit.register(_close, place[0], _opened[place])
        return _opened[place]


def _close(pid: int, ledger: Ledger) -> None:
    """Close a ledger where it was opened, and not in processes that were made of that one meanwhile."""
    if os.getpid() == pid:
        ledger.close()


# Events


def of_verdict(verdict: Verdict, use: Use) -> Event:
    """What is recorded of a verdict."""
    evidence = {"reference": verdict.reference}
    evidence |= {f"reference {number}": each for number, each in enumerate(verdict.further_references, 2)}
    evidence["probe"] = verdict.probe
    portrait = None if verdict.document is None else verdict.document.portrait or "none"
    details: dict[str, Scalar] = {"portrait": portrait, "liveness": verdict.liveness.outcome}
    return _decided(
        "verdict",
        verdict,
        use,
        evidence=evidence,
        reasons=verdict.reasons,
        decision=verdict.decision,
        details=details,
    )


def of_crosscheck(found: Crosscheck, use: Use) -> Event:
    """What is recorded of two documents against each other."""
    evidence = {"first document": found.faces.reference, "second document": found.faces.probe}
    outcomes = [row.outcome for row in found.fields]
    details: dict[str, Scalar] = {
        "faces": found.faces.decision,
        "same_picture": found.same_picture is not None,
        "fields_same": outcomes.count("same"),
        "fields_different": outcomes.count("differs"),
    }
    return _decided(
        "crosscheck",
        found.faces,
        use,
        evidence=evidence,
        reasons=found.reasons,
        decision=found.decision,
        details=details,
    )


def of_document(document: Document, pack: str, use: Use) -> Event:
    """What is recorded of a document that was read.

    Args:
        document: What was read.
        pack: The pack that found the portrait.
        use: For what and about whom.
    """
    authenticity = document.authenticity
    stages = {} if authenticity is None else {stage.name: stage.outcome for stage in authenticity.stages}
    inputs = {f"picture {number}": side.photo.sha256 for number, side in enumerate(document.pages, 1)}
    if document.chip_portrait is not None:
        inputs["chip portrait"] = document.chip_portrait.sha256
    return Event(
        kind="document",
        purpose=use.purpose,
        subject=use.subject,
        key=use.key,
        inputs=_digests(inputs),
        decision="undecided" if any(problem.decisive for problem in document.problems) else "read",
        pack=pack,
        reasons=_codes(document.problems),
        details={
            "zone": None if document.mrz is None else "valid" if document.mrz.valid else "not valid",
            "chip": document.chip is not None,
            **{f"chip: {name}"[:100]: str(outcome) for name, outcome in stages.items()},
        },
    )


def of_picture(
    kind: Kind,
    seen: Evidence,
    use: Use,
    *,
    decision: str,
    pack: str,
    reasons: Iterable[str] = (),
    details: Mapping[str, Scalar] | None = None,
) -> Event:
    """What is recorded of one picture whose quality or liveness was looked at.

    Args:
        kind: ``"quality"`` or ``"liveness"``.
        seen: What was found on the picture.
        use: For what and about whom.
        decision: What it came to.
        pack: The pack that looked.
        reasons: Codes of what keeps it from being better.
        details: What else is to be recorded.
    """
    return Event(
        kind=kind,
        purpose=use.purpose,
        subject=use.subject,
        key=use.key,
        inputs=_digests({"picture": seen.sha256}),
        decision=decision,
        pack=pack,
        reasons=_once(reasons),
        details=details,
    )


def of_frames(
    challenge_id: str,
    frames: Iterable[str],
    use: Use,
    *,
    decision: str,
    pack: str,
    reasons: Iterable[str] = (),
) -> Event:
    """What is recorded of frames that were sent for a challenge.

    Args:
        challenge_id: Which challenge.
        frames: SHA-256 of each frame, hexadecimal, in order.
        use: For what and about whom.
        decision: What they came to.
        pack: The pack that looked.
        reasons: Codes of what speaks against a live person.
    """
    frames = list(frames)
    return Event(
        kind="liveness",
        purpose=use.purpose,
        subject=use.subject,
        key=use.key,
        inputs=_digests({"frames": together(frames)}),
        decision=decision,
        pack=pack,
        reasons=_once(reasons),
        details={"challenge": challenge_id, "frames": len(frames)},
    )


def together(frames: Iterable[str]) -> str:
    """One SHA-256 for those of all frames, hexadecimal: an entry has no room for two hundred."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, frames))).hexdigest()


def of_review(index: int, decision: str, note: str, reviewer: str, use: Use) -> Event:
    """What is recorded where a second person decided.

    Args:
        index: Of the entry that says that nothing could be decided.
        decision: As that of a verdict.
        note: Why, in their words; who wrote it may have put a name into it, so it is only kept as a digest.
        reviewer: Id of the user who decided.
        use: As that of the entry.
    """
    return Event(
        kind="review",
        purpose=use.purpose,
        subject=use.subject,
        key=use.key,
        inputs={"note": hashlib.sha256(note.encode()).digest()},
        decision=decision,
        details={"entry": index, "user": reviewer},
    )


def of_refusal(error: VisavisError, asked: str, use: Use, inputs: Mapping[str, str] | None = None) -> Event:
    """What is recorded where an answer was refused.

    Args:
        error: Why.
        asked: What was asked for, ``"verdict"`` for instance.
        use: For what and about whom.
        inputs: By role: SHA-256 of what was given, in hex, as far as it was read.
    """
    return Event(
        kind="refusal",
        purpose=use.purpose,
        subject=use.subject,
        key=use.key,
        inputs=_digests(inputs or {}),
        reasons=(error.code,),
        details={"asked": asked},
    )


def _decided(
    kind: Kind,
    verdict: Verdict,
    use: Use,
    *,
    evidence: Mapping[str, Evidence],
    reasons: Iterable[Reason],
    decision: str,
    details: Mapping[str, Scalar],
) -> Event:
    plain = verdict.to_dict()
    return Event(
        kind=kind,
        purpose=use.purpose,
        subject=use.subject,
        key=use.key,
        inputs=_digests({role: each.sha256 for role, each in evidence.items()}),
        decision=decision,
        fmr=plain["fmr"],
        fmr_upper=plain["fmr_upper"],
        policy=_rules(verdict.policy),
        pack=verdict.pack,
        fingerprint=verdict.fingerprint,
        calibration=verdict.calibration.digest,
        reasons=_codes(reasons),
        details={"threshold": plain["threshold"], **details},
    )


def _rules(policy: Policy) -> dict[str, Scalar]:
    """The fields of a policy, and a digest over all of them."""
    plain = policy.to_dict()
    return {**_flat(plain), "digest": hashlib.sha256(canonical(plain)).hexdigest()}


def _flat(data: Mapping[str, Any], before: str = "") -> dict[str, Scalar]:
    """Fields of fields under names with dots."""
    flat: dict[str, Scalar] = {}
    for name, value in data.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        elif isinstance(value, list | tuple):
            flat[before + name] = ", ".join(map(str, value))
        else:
            flat[before + name] = value
    return flat


def _digests(inputs: Mapping[str, str]) -> dict[str, bytes]:
    return {role: bytes.fromhex(sha256) for role, sha256 in inputs.items()}


def _codes(reasons: Iterable[Reason]) -> tuple[str, ...]:
    return _once(reason.code for reason in reasons)


def _once(codes: Iterable[str]) -> tuple[str, ...]:
    """Each code once, as many as an entry has room for."""
    return tuple(dict.fromkeys(codes))[:MAX_ITEMS]
