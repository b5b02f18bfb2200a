"""Passwords: what one has to be, and how little of it is kept.

Kept is Argon2id (RFC 9106) in the PHC string format. The hash takes a secret value beside the password (`K`
in section 3.1) that follows from the ledger's key and the user: a stolen database alone gives nothing to
guess at, one user's hash is none of another's, and whoever can write the database can't put a password of
their own into it.

What a password has to be follows NIST SP 800-63B-4, section 3.1.1.2: length, and nothing that everybody tries
first; no rules about kinds of characters, and no end after some months.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
import unicodedata
from dataclasses import dataclass

from visavis.errors import AccessError

LEAST, MOST = 15, 256
"""Characters. 15 is the least of NIST SP 800-63B-4 where a password is the only factor; it asks for room for
64 and more."""
FEW = 5
"""Different characters that a password has at least."""
LEFT = 8
"""Characters that are left without the names that everybody would try."""
ROWS = (
    *("0123456789" * 3, "9876543210" * 3, "abcdefghijklmnopqrstuvwxyz" * 2),
    *("qwertyuiopasdfghjklzxcvbnm" * 2, "qwertzuiopasdfghjklyxcvbnm" * 2, "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik"),
)

SALT_BYTES, HASH_BYTES = 16, 32
AT_ONCE = 2
"""Passwords that one process looks at at the same time: each takes its memory, and strangers may ask."""
WAIT_S = 5.0
PARAMETERS = re.compile(r"\$argon2id\$v=19\$m=([0-9]{1,10}),t=([0-9]{1,10}),p=([0-9]{1,10})\$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """How much work a password is.

    The default is the second recommended option of RFC 9106, section 4, for where 2 GiB are too much; it is
    above all that the OWASP Password Storage Cheat Sheet asks for (19 MiB with two passes).

    Attributes:
        memory_kib: KiB of memory.
        passes: Passes over it.
        lanes: Lanes.
    """

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


class Passwords:
    """Makes and checks what is kept of passwords; safe for several threads at once."""

    def __init__(self, secret: bytes, cost: Cost | None = None) -> None:
        """Take a secret.

        Args:
            secret: Without it no hash can be made or checked.
            cost: How much work a new hash is.
        """
        self._secret = secret
        self._cost = cost or Cost()
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = ""

    def hashed(self, user: str, password: str) -> str:
        """What is kept of a password.

        Args:
            user: The user's id.
            password: As `refuse_weak` lets it pass.

        Raises:
            AccessError: `access.busy`.
        """
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        work = Argon2id(
            salt=secrets.token_bytes(SALT_BYTES),
            length=HASH_BYTES,
            iterations=self._cost.passes,
            lanes=self._cost.lanes,
            memory_cost=self._cost.memory_kib,
            secret=self._of(user),
        )
        self._take_place()
        try:
            return work.derive_phc_encoded((_normal(password) or "").encode())
        finally:
            self._places.release()

    def fits(self, user: str, password: str, kept: str | None) -> bool:
        """Whether it is a user's password; a user without one is as much work.

        Args:
            user: The user's id; any text where there is no such user.
            password: What was typed.
            kept: What is kept of the right one; None where there is none.

        Raises:
            AccessError: `access.busy`: too many others ask.
        """
        from cryptography.exceptions import InvalidKey
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        text = _normal(password)
        typed = b"" if text is None else text.encode("utf-8", "surrogatepass")
        if not self._nobody:
            # For names that nobody has: as much work as for the others, and nothing that fits.
            self._nobody = self.hashed("nobody", secrets.token_hex())
        self._take_place()
        try:
            Argon2id.verify_phc_encoded(typed, kept or self._nobody, secret=self._of(user))
        except (InvalidKey, ValueError):
            return False
        finally:
            self._places.release()
        return text is not None and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether less work went into what is kept than would go into it now."""
        found = PARAMETERS.match(kept)
        memory, passes = (0, 0) if found is None else (int(found[1]), int(found[2]))
        return memory < self._cost.memory_kib or passes < self._cost.passes

    def _of(self, user: str) -> bytes:
        return hmac.digest(self._secret, b"password" + user.encode(), "sha256")

    def _take_place(self) -> None:
        if not self._places.acquire(timeout=WAIT_S):
            raise AccessError("access.busy", "too many sign in at the same time", retry_after_s=int(WAIT_S))


def refuse_weak(password: str, name: str) -> None:
    """Refuse what is no password.

    Args:
        password: What a user chose.
        name: The name that they sign in with.

    Raises:
        AccessError: `access.password`; it never says the password.
    """
    try:
        password.encode()
    except UnicodeEncodeError:
        raise _weak("it can't be written as UTF-8") from None
    text = _normal(password)
    if text is None or len(text) < LEAST:
        raise _weak(
            f"{len(password)} characters", f"{LEAST} to {MOST} characters; several words make a good one"
        )
    plain = text.casefold()
    rest = plain
    for known in (name.casefold(), name.partition("@")[0].casefold(), "visavis", "password", "passwort"):
        rest = rest.replace(known, "") if len(known) > 2 else rest
    if len(rest) < LEFT:
        raise _weak("little more than a name that everybody would try", "words that only you think of")
    repeats = (plain + plain).find(plain, 1) <= len(plain) // 2 or len(set(plain)) < FEW
    if repeats or any(plain in row for row in ROWS):
        raise _weak("the same again and again, or a row of keys", "words that only you think of")


def _normal(password: str) -> str | None:
    """As it is hashed: two ways to write one character are one (NIST SP 800-63B-4, section 3.1.1.2).

    None for one that is too long to be looked at.
    """
    text = unicodedata.normalize("NFC", password[: 4 * MOST + 1])
    return text if len(password) <= 4 * MOST and len(text) <= MOST else None


def _weak(found: str, expected: str | None = None) -> AccessError:
    return AccessError("access.password", "this can't be a password", found=found, expected=expected)
