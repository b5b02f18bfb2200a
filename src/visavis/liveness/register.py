"""That a challenge counts once, in time, for the request that it was drawn for, and as it was drawn.

Whoever draws challenges seals them with a key that nobody else has (HMAC-SHA256) and gives them away; nothing
is kept until one is answered. Then its id is kept until it would have expired anyway.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from visavis.disk import sync_folder
from visavis.errors import ChallengeError
from visavis.liveness.challenge import Challenge, damaged, draw
from visavis.liveness.files import read_file
from visavis.packs.store import home

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_BYTES = 32
MAX_CHALLENGE_BYTES = 2**16
"""Of a challenge's file: one takes 2 kB."""

MAX_REGISTER_BYTES = 2**24
"""Of the file of spent challenges: some hundred thousand of the last three minutes."""

LOCK_TIMEOUT_S = 10.0

EARLY_MS = 1000.0
"""How much sooner than its steps take an answer may come: the clocks of two machines differ a little."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A challenge as it is given away.

    Attributes:
        challenge: What is asked.
        mac: HMAC-SHA256 over its canonical JSON, 64 hexadecimal digits.
    """

    challenge: Challenge
    mac: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data, ready for JSON."""
        return {"challenge": self.challenge.to_dict(), "mac": self.mac}

    @classmethod
    def from_dict(cls, data: object) -> Sealed:
        """The inverse of `to_dict`, for data that nobody vouches for.

        Raises:
            ChallengeError: `challenge.damaged` or `challenge.binding`.
        """
        if isinstance(data, dict) and set(data) == {"challenge", "mac"} and isinstance(data["mac"], str):
            return cls(Challenge.from_dict(data["challenge"]), data["mac"])
        raise damaged("its file", expected="an object with challenge and mac, and nothing else")


def read_sealed(path: str | os.PathLike[str]) -> Sealed:
    """A challenge from a file.

    Raises:
        ChallengeError: `challenge.missing`, `challenge.unreadable`, `challenge.too_large`,
            `challenge.damaged` or `challenge.binding`.
    """
    data = read_file(Path(path), MAX_CHALLENGE_BYTES, "challenge")
    try:
        given = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise damaged("its file isn't JSON") from None
    return Sealed.from_dict(given)


class Register(Protocol):
    """Remembers which challenges were answered."""

    def spend(self, challenge_id: str, expires_at: datetime, *, now: datetime) -> bool:
        """Note that a challenge was answered; at once, however many ask for it at the same time.

        Args:
            challenge_id: Its id.
            expires_at: Until when it must be remembered.
            now: The time.

        Returns:
            Whether this is the first time.
        """


class Issuer:
    """Gives challenges away and takes each back once.

    Attributes:
        register: Remembers which were answered.
    """

    def __init__(self, key: bytes, register: Register) -> None:
        """Take a key and a register.

        Args:
            key: At least 32 bytes that nobody can guess.
            register: Remembers which challenges were answered.
        """
        if len(key) < KEY_BYTES:
            raise ValueError(f"a key of at least {KEY_BYTES} bytes was expected, found {len(key)}")
        self._key = key
        self.register = register

    @classmethod
    def at_home(cls) -> Issuer:
        """That of the command line: key and register lie in `VISAVIS_HOME`.

        Raises:
            ChallengeError: `challenge.key` or `challenge.home`.
        """
        root = home()
        return cls(key_at(root / "challenge.key"), FileRegister(root / "challenges.json"))

    def issue(self, binding: str = "", *, now: datetime | None = None) -> Sealed:
        """Draw a challenge and seal it; see `challenge.draw`."""
        challenge = draw(binding, now=now)
        return Sealed(challenge, self._mac(challenge))

    def admit(
        self, sealed: Sealed, *, binding: str = "", now: datetime | None = None
    ) -> tuple[str, str] | None:
        """Take an answer: the challenge is spent, whatever its frames come to.

        Args:
            sealed: The challenge that it says it answers.
            binding: Which request it is given for.
            now: When it came in; the machine's clock by default.

        Returns:
            None where it counts. Else why not, as a code and a sentence: `challenge_altered`,
            `challenge_of_another_request`, `challenge_expired`, `challenge_too_soon`, `challenge_answered`.

        Raises:
            ChallengeError: `challenge.home`: the register can't be read or written.
        """
        challenge = sealed.challenge
        now = now or datetime.now(UTC)
        if not hmac.compare_digest(self._mac(challenge).encode(), sealed.mac.encode("utf-8", "replace")):
            return "challenge_altered", "the challenge was altered, or somebody else drew it"
        if challenge.binding != binding:
            return "challenge_of_another_request", "the challenge was drawn for another request"
        if now >= challenge.expires_at:
            return "challenge_expired", "the challenge has expired: draw another one"
        if (now - challenge.issued_at).total_seconds() * 1000 < challenge.duration_ms - EARLY_MS:
            return "challenge_too_soon", "the answer came sooner than the challenge takes"
        if not self.register.spend(challenge.id, challenge.expires_at, now=now):
            return "challenge_answered", "the challenge was answered before: draw another one"
        return None

    def _mac(self, challenge: Challenge) -> str:
        content = json.dumps(challenge.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hmac.new(self._key, b"visavis challenge 1\n" + content.encode(), hashlib.sha256).hexdigest()


class FileRegister:
    """A register in a file, for one machine; safe for several processes at once."""

    def __init__(self, path: Path) -> None:
        """Take a path; the file is made on first use."""
        self._path = path

    def spend(self, challenge_id: str, expires_at: datetime, *, now: datetime) -> bool:
        """As `Register.spend`.

        Raises:
            ChallengeError: `challenge.home`: the file can't be read or written, or holds something else. What
                was spent is never forgotten by mistake.
        """
        with _locked(self._path):
            spent = {
                number: until for number, until in self._read().items() if datetime.fromisoformat(until) > now
            }
            if challenge_id in spent:
                return False
            spent[challenge_id] = expires_at.astimezone(UTC).isoformat()
            _write(self._path, json.dumps({"spent": spent}, indent=1).encode() + b"\n")
        return True

    def _read(self) -> dict[str, str]:
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_REGISTER_BYTES + 1)
        except FileNotFoundError:
            return {}
        try:
            spent = json.loads(data.decode("utf-8"))["spent"] if len(data) <= MAX_REGISTER_BYTES else None
            if isinstance(spent, dict) and all(
                datetime.fromisoformat(until).tzinfo is not None for until in spent.values()
            ):
                return spent
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        raise _home(self._path, "it is no register of challenges: move it away, and draw challenges anew")


def key_at(path: Path) -> bytes:
    """The key in a file that only its owner may read; made on first use.

    Raises:
        ChallengeError: `challenge.key`: it can't be read, others may read it, or it is no key;
            `challenge.home`: it can't be made.
    """
    try:
        return _read_key(path)
    except FileNotFoundError:
        with _locked(path):
            if not path.exists():
                _write(path, secrets.token_bytes(KEY_BYTES))
        return _read_key(path)


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read(KEY_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ChallengeError("challenge.key", f"{str(path)!r} can't be read", found=error.strerror) from None
    if os.name == "posix" and mode & 0o077:
        message = f"others may read {str(path)!r}: challenges sealed with it prove nothing; delete it"
        raise ChallengeError("challenge.key", message, found=f"mode {mode:o}", expected="mode 600")
    if len(key) != KEY_BYTES:
        raise ChallengeError("challenge.key", f"{str(path)!r} is no key", expected=f"{KEY_BYTES} bytes")
    return key


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock beside a file, whose folder is made; what goes wrong with files has a name."""
    import filelock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_name(path.name + ".lock"), timeout=LOCK_TIMEOUT_S):
            yield
    except filelock.Timeout:
        raise _home(path, "another process holds its lock") from None
    except OSError as error:
        raise _home(path, error.strerror or str(error)) from None


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, wholly or not at all, also through a power cut."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
        sync_folder(path.parent)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _home(path: Path, found: str) -> ChallengeError:
    return ChallengeError("challenge.home", f"{str(path)!r} can't be used", found=found)
