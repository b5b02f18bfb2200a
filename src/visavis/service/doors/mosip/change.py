"""Faces of a record changed or taken out, with all else as it came."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from visavis.ledger.entry import Event
from visavis.service.doors.mosip.asked import is_face

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.ledger.entry import Scalar
    from visavis.ledger.recording import Use
    from visavis.records.cbeff import BiometricRecord, Bir


def with_faces(record: BiometricRecord, change: Callable[[Bir], Bir]) -> BiometricRecord:
    """A record each of whose faces is changed."""

    def changed(block: Bir) -> Bir:
        found = change(block) if is_face(block) else block
        return replace(found, birs=tuple(map(changed, found.birs))) if found.birs else found

    return replace(record, segments=tuple(map(changed, record.segments)))


def of_change(
    what: str, inputs: Mapping[str, str], use: Use, *, decision: str, details: Mapping[str, Scalar]
) -> Event:
    """What is recorded where a record was brought into another form."""
    return Event(
        kind="conversion",
        purpose=use.purpose,
        subject=use.subject,
        key=use.key,
        inputs={role: bytes.fromhex(digest) for role, digest in inputs.items()},
        decision=decision,
        details={"asked": what, **details},
    )
