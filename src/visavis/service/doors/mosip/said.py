"""How something is said where MOSIP has maps of texts: numbers, reasons, and where it is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.service.doors.mosip.envelope import INVALID_INPUT, NO_SUCH_BIOMETRIC, TOO_POOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from visavis.decision.verdict import LedgerPlace, Reason

STATUS = {"no_face": NO_SUCH_BIOMETRIC, "several_faces": INVALID_INPUT}
"""By the code of a reason that decides; that of all others is 406."""


def texts(values: Mapping[str, object], place: LedgerPlace) -> dict[str, str]:
    """Values as texts, an empty one for None, and where the ledger has what they were given for."""
    recorded = {"ledger": place.origin, "ledger_index": place.index}
    return {name: _text(value) for name, value in {**values, **recorded}.items()}


def decisive(reasons: Iterable[Reason]) -> list[Reason]:
    """Those because of which nothing could be decided."""
    return [reason for reason in reasons if reason.decisive]


def in_words(reasons: Iterable[Reason]) -> list[str]:
    """Reasons, each with its stable code."""
    return [f"{reason.code} ({reason.about}): {reason.message}" for reason in reasons]


def done(what: str, place: LedgerPlace) -> str:
    """That something was done, and where that is recorded: records have no place for it."""
    return f"{what}; entry {place.index} of {place.origin}"


def status_of(reasons: Iterable[Reason]) -> int:
    """The SDK's status for what keeps a face from being used; that of the first reason that decides."""
    return next((STATUS.get(reason.code, TOO_POOR) for reason in reasons if reason.decisive), TOO_POOR)


def _text(value: object) -> str:
    """Numbers as JSON has them, yes and no as Java has them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
