"""The gate that every call of a service goes through: whose key, what for, and what may be compared."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from visavis.access.fan_out import FanOut, secret_of
from visavis.access.keys import Grant, Keys
from visavis.access.windows import DatabaseWindow
from visavis.errors import AccessError
from visavis.ledger.entry import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from visavis.access.fan_out import Limits
    from visavis.decision.policy import Policy
    from visavis.faces.recognise import Template
    from visavis.ledger.log import Ledger

__all__ = ["Gate", "Grant"]


class Gate:
    """Lets calls in and comparisons through; safe for several threads and processes at once.

    Attributes:
        keys: The keys.
        limits: How many different faces one face may be compared with.
    """

    def __init__(
        self, ledger: Ledger, *, limits: Limits | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        """Take a ledger that is open to be appended to.

        Args:
            ledger: Keeps keys and windows, and records who was refused.
            limits: How many different faces one face may be compared with; all processes have the same.
            clock: What time it is.
        """
        self.keys = Keys(ledger, clock)
        assert ledger.key is not None  # noqa: S101  # Keys has just seen to it
        secret = secret_of(ledger.key.secret)
        self._ledger = ledger
        self._fan_out = FanOut(DatabaseWindow(ledger.storage), limits, secret=secret, clock=clock)
        self.limits = self._fan_out.limits

    def enter(self, token: str, scope: str) -> Grant:
        """Let a call in: its key is good, is for this, and has a call left; see `Keys.admit`.

        Raises:
            AccessError: As `Keys.admit`.
            StorageError: As `Keys.admit`.
        """
        return self.keys.admit(token, scope)

    def compare(
        self, grant: Grant, *, reference: Sequence[Template], probe: Template, asked: str = "verifications"
    ) -> None:
        """Let a comparison through; to be asked once there are templates, and before they are compared.

        Args:
            grant: Of the call.
            reference: Pictures of one person.
            probe: What they are to be compared with.
            asked: What the call is.

        Raises:
            AccessError: `access.fan_out`; the ledger says so by then.
            StorageError: Nothing may be compared.
        """
        try:
            self._fan_out.admit(key=grant.key, reference=reference, probe=probe)
        except AccessError as error:
            hours = self.limits.window / timedelta(hours=1)
            details = {"asked": asked, "found": str(error.found), "expected": str(error.expected)}
            self._ledger.append(
                Event(
                    kind="refusal",
                    purpose=grant.purpose,
                    key=grant.key,
                    decision="stopped",
                    reasons=(error.code,),
                    details={**details, "window_hours": hours},
                )
            )
            raise

    def expire(self) -> None:
        """Destroy what comparisons were counted by, where its time is over; see `FanOut.expire`."""
        self._fan_out.expire()

    def allow_policy(self, grant: Grant, policy: Policy) -> None:
        """Refuse a policy that accepts more false matches than the key's owner may.

        Raises:
            AccessError: `access.policy`.
        """
        if grant.max_fmr is not None and policy.fmr > grant.max_fmr:
            raise AccessError(
                "access.policy",
                "the policy accepts a higher false match rate than the key allows",
                found=f"{policy.fmr:g}",
                expected=f"at most {grant.max_fmr:g}",
            )
