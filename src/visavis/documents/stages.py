"""What one stage of passive authentication came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["passed", "failed", "not done"]
NAMES = ("hashes", "signature", "chain", "state", "revocation")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the check.

    Attributes:
        name: One of `NAMES`.
        outcome: ``"passed"``, ``"failed"`` or ``"not done"``.
        why: One sentence: what was found, or why nothing could be.
        notes: What to keep in mind about it.
    """

    name: str
    outcome: Outcome
    why: str
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"name": self.name, "outcome": self.outcome, "why": self.why, "notes": list(self.notes)}
