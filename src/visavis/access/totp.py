"""The second factor: one-time passwords by time (RFC 6238), as authenticator apps make them.

SHA-1, six digits and steps of 30 seconds are what all of these apps know. SHA-1's weakness against collisions
doesn't touch HMAC. A code counts in its step and the ones beside it, for clocks differ, and each step once
(RFC 6238, section 5.2).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from datetime import datetime

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20
"""160 bits, as RFC 4226, section 4, recommends."""
CODE = re.compile(r"[0-9]{6}")
RECOVERY = re.compile(r"[a-z2-7]{16}")
RECOVERY_CODES = 10


def new_secret() -> bytes:
    """A secret that app and service share."""
    return secrets.token_bytes(SECRET_BYTES)


def step_at(moment: datetime) -> int:
    """The number of the step that a moment lies in (`T` of RFC 6238, section 4.2)."""
    return int(moment.timestamp()) // STEP_S


def code_of(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of a step: HOTP (RFC 4226) with the step as its counter.

    Args:
        secret: As `new_secret` gives it.
        step: As `step_at` gives it.
        digits: 6 to 8.
    """
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.hotp import HOTP

    return HOTP(secret, digits, SHA1()).generate(step).decode()  # noqa: S303  # what RFC 6238 says


def step_of(secret: bytes, code: str, *, now: int) -> int | None:
    """Which step a code is of, the current one or one beside it; None where it is of none of them.

    Args:
        secret: As `new_secret` gives it.
        code: What was typed, as `plain` gives it.
        now: The current step.
    """
    if not CODE.fullmatch(code):
        return None
    found = None
    for step in (now + 1, now - 1, now):
        if hmac.compare_digest(code_of(secret, step), code):
            found = step
    return found


def spelled(secret: bytes) -> str:
    """A secret as one types it into an app: base32, in capitals."""
    return base64.b32encode(secret).decode().rstrip("=")


def address(secret: bytes, *, name: str, issuer: str) -> str:
    """What the QR code says that an app reads (Key Uri Format of Google Authenticator).

    Args:
        secret: As `new_secret` gives it.
        name: The name that the user signs in with.
        issuer: What the app calls the service.
    """
    told = {
        "secret": spelled(secret),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP_S,
    }
    return (
        f"otpauth://totp/{quote(issuer, safe='')}:{quote(name, safe='')}?{urlencode(told, quote_via=quote)}"
    )


def plain(code: str) -> str:
    """A code as it was meant: without spaces and hyphens, in small letters."""
    return re.sub(r"[\s-]", "", code[:64]).lower()


def new_recovery_codes() -> list[str]:
    """Codes of 80 random bits that each stand in once for a second factor that was lost."""
    made = (base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES))
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in made]
