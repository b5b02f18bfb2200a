"""Events for tests of the ledger."""

from __future__ import annotations

import hashlib

from visavis.ledger.entry import Event


def picture(name: object) -> bytes:
    """The SHA-256 of a picture."""
    return hashlib.sha256(str(name).encode()).digest()


def verdict(number: object = 0, *, subject: str | None = None, purpose: str = "onboarding") -> Event:
    """A verdict with all that one has."""
    return Event(
        kind="verdict",
        purpose=purpose,
        subject=subject,
        inputs={"reference": picture(f"r{number}"), "probe": picture(f"p{number}")},
        decision="match",
        fmr=1.23e-6,
        fmr_upper=5.6e-6,
        policy={"fmr": 1e-4, "faces": "only", "extrapolate": False, "quality": None},
        pack="sface",
        fingerprint="0e786c95e261bf85",
        calibration="42" * 32,
        reasons=("turned",),
        details={"threshold": 0.419},
    )
