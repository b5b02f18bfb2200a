"""The ledger's key: a file that only its owner may read, made on first use.

    PRIVATE+KEY+<name>+<id>+<base64 of 0x01 and the seed>     signs checkpoints (the form of Go's sumdb/note)
    VISAVIS+SALT+<base64 of 32 bytes>                         the secret of `digests`
    VISAVIS+FORMER+<verifier key>                             the public half of each key that signed before

Whoever has it can sign another history, and can confirm guesses about what a stolen ledger's digests stand
for as long as their salts are there. It is best kept on another disk than the ledger, and in a backup.

Where the key that signs is exchanged, database and file can't change in one step. So the new file lies beside
the old one, under `next_path`, before the database names the new key, and takes its place afterwards.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from visavis.disk import sync_folder
from visavis.errors import LedgerError
from visavis.ledger.checkpoint import ED25519, NAME, Checkpoint, VerifierKey, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_BYTES = SECRET_BYTES = 32
SIGNING, SALTING, FORMER = "PRIVATE+KEY+", "VISAVIS+SALT+", "VISAVIS+FORMER+"
MAX_FILE = 16_384
MOST_FORMER = 32
"""Keys that signed before, whose public halves are kept in the file; of more, those that were used last."""
TOO_OPEN = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH | stat.S_IWGRP
"""A group may be let in to read, as containers hand secrets over; everybody may not."""


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """Signs a ledger's checkpoints and opens its digests.

    Attributes:
        verifier: The public half.
        secret: Of `digests`, 32 bytes.
        former: Public halves of keys that signed before and whose statements still count, the latest first.
    """

    verifier: VerifierKey
    _seed: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    former: tuple[VerifierKey, ...] = ()

    @classmethod
    def new(cls, name: str | None = None) -> LedgerKey:
        """A new key.

        Args:
            name: Of the key and the ledger, without spaces and plus signs; a random one by default.
        """
        name = f"visavis/ledger-{secrets.token_hex(8)}" if name is None else name
        return cls.of(name, secrets.token_bytes(SEED_BYTES), secrets.token_bytes(SECRET_BYTES))

    def rotated(self, *, leaked: bool) -> LedgerKey:
        """A new key of the same ledger, with the same secret.

        Args:
            leaked: Whether somebody else may have this one, so that its statements don't count any more.
        """
        new = LedgerKey.of(self.verifier.name, secrets.token_bytes(SEED_BYTES), self.secret)
        former = self.former if leaked else (self.verifier, *self.former)
        return replace(new, former=former[:MOST_FORMER])

    @classmethod
    def of(cls, name: str, seed: bytes, secret: bytes) -> LedgerKey:
        """The key of a seed (32 bytes, RFC 8032) and a secret."""
        public = _private(seed).public_key().public_bytes_raw()
        return cls(VerifierKey(name, public), seed, secret)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note of a checkpoint."""
        return self.sign_text(checkpoint.text)

    def sign_text(self, text: str) -> str:
        """The signed note of a text that ends with a line's end."""
        return signed(text, self.verifier, self.signature(text.encode()))

    def signature(self, content: bytes) -> bytes:
        """The bare signature over some bytes, 64 bytes; what is signed says by its form what it is."""
        return _private(self._seed).sign(content)

    def text(self) -> str:
        """What stands in the file."""
        seed = base64.b64encode(ED25519 + self._seed).decode()
        secret = base64.b64encode(self.secret).decode()
        name, id_ = self.verifier.name, self.verifier.id.hex()
        former = "".join(f"{FORMER}{each}\n" for each in self.former)
        return f"{SIGNING}{name}+{id_}+{seed}\n{SALTING}{secret}\n{former}"

    @classmethod
    def parse(cls, text: str) -> LedgerKey:
        """The inverse of `text`.

        Raises:
            LedgerError: `ledger.key`: it is no key.
        """
        lines = text.splitlines()
        if len(lines) >= 2 and lines[0].startswith(SIGNING) and lines[1].startswith(SALTING):
            name, _, rest = lines[0].removeprefix(SIGNING).partition("+")
            id_, _, encoded = rest.partition("+")
            try:
                seed = base64.b64decode(encoded, validate=True)
                secret = base64.b64decode(lines[1].removeprefix(SALTING), validate=True)
            except binascii.Error:
                seed = secret = b""
            if (
                NAME.fullmatch(name)
                and seed[:1] == ED25519
                and len(seed) == 1 + SEED_BYTES
                and len(secret) == SECRET_BYTES
            ):
                key = cls.of(name, seed[1:], secret)
                if key.verifier.id.hex() == id_:
                    return replace(key, former=_former(lines[2:], name))
        raise LedgerError("ledger.key", "the file of the ledger's key holds none")


@functools.lru_cache(maxsize=2)
def _private(seed: bytes) -> Ed25519PrivateKey:
    """What signs; to make it takes longer than to sign."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def read_key(path: Path) -> LedgerKey:
    """The key in a file.

    Raises:
        LedgerError: `ledger.no_key`: there is no such file; `ledger.key`: it can't be read or holds none;
            `ledger.key_exposed`: others may read it, or a group may write it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise LedgerError("ledger.no_key", f"there is no key of the ledger at {str(path)!r}") from None
    except OSError as error:
        raise LedgerError(
            "ledger.key", f"the ledger's key {str(path)!r} can't be read", found=error.strerror
        ) from None
    if os.name == "posix" and mode & TOO_OPEN:
        raise LedgerError(
            "ledger.key_exposed",
            f"others may read or write the ledger's key {str(path)!r}",
            found=f"mode {stat.S_IMODE(mode):04o}",
            expected="mode 0600",
        )
    try:
        return LedgerKey.parse(content.decode("ascii") if len(content) <= MAX_FILE else "")
    except UnicodeDecodeError:
        return LedgerKey.parse("")


def next_path(path: Path) -> Path:
    """Where a key lies that is about to take the place of that in a file."""
    return path.with_name(f"{path.name}.next")


def key_that_signs(path: Path, verifier: str) -> LedgerKey:
    """The key of a ledger, also where it was being exchanged and that hasn't come to its end.

    Args:
        path: The file of the key.
        verifier: The public half, as the ledger names it.

    Raises:
        LedgerError: As `read_key`; `ledger.other_key`: the key in the file is another one.
    """
    key = read_key(path)
    for place in (next_path(path), path):  # it may be moved from one to the other at this moment
        if str(key.verifier) == verifier:
            return key
        with contextlib.suppress(LedgerError):
            key = read_key(place)
    if str(key.verifier) == verifier:
        return key
    raise LedgerError(
        "ledger.other_key",
        f"the key in {str(path)!r} is not the one that the ledger names",
        found=key.verifier,
        expected=verifier,
    )


def write_next(path: Path, key: LedgerKey) -> None:
    """Write a key that is about to take the place of that in a file; on disk when this returns.

    Whoever may read the one may read the other. This and `take_place` are only done by whoever holds the lock
    on the ledger, so that nobody takes a key away before the ledger names it.

    Raises:
        LedgerError: `ledger.key`: it can't be written.
    """
    try:
        beside = _written(path, key)
        try:
            now, new = path.stat(), beside.stat()
            beside.chmod(stat.S_IMODE(now.st_mode))
            if (new.st_uid, new.st_gid) != (now.st_uid, now.st_gid):
                os.chown(beside, now.st_uid, now.st_gid)
            beside.replace(next_path(path))
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None


def take_place(path: Path, verifier: str) -> None:
    """Put a key that `write_next` wrote into the place of the one before, which is gone then.

    Args:
        path: The file of the key.
        verifier: The public half of the key that the ledger names; where another one was written, that was
            never brought to its end, and it stays where it is.

    Raises:
        LedgerError: `ledger.key`: it can't be done. `key_that_signs` finds it nevertheless.
    """
    try:
        following = read_key(next_path(path))
    except LedgerError as error:
        if error.code == "ledger.no_key":
            return
        raise
    if str(following.verifier) != verifier:
        return
    try:
        next_path(path).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None


def make_key(path: Path) -> LedgerKey:
    """The key in a file, which is made where there is none; of several who make it at once one succeeds.

    Raises:
        LedgerError: As `read_key`; or `ledger.key`: it can't be written.
    """
    try:
        return read_key(path)
    except LedgerError as error:
        if error.code != "ledger.no_key":
            raise
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = _written(path, LedgerKey.new())
        try:
            os.link(beside, path)  # fails where somebody was faster, and then theirs counts
        except FileExistsError:
            pass
        finally:
            beside.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    return read_key(path)


def _written(path: Path, key: LedgerKey) -> Path:
    """A file beside another one, which holds a key and which only its owner may read."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")  # mode 0600
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.text())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        beside.unlink()
        raise
    return beside


def _former(lines: Sequence[str], name: str) -> tuple[VerifierKey, ...]:
    """The keys that signed before, by the lines of a file."""
    found = []
    for line in lines:
        if not line.startswith(FORMER):
            raise LedgerError("ledger.key", "the file of the ledger's key holds something else too")
        found.append(VerifierKey.parse(line.removeprefix(FORMER)))
    if len(found) > MOST_FORMER or any(key.name != name for key in found):
        raise LedgerError("ledger.key", "the file of the ledger's key holds keys of other ledgers")
    return tuple(found)


def _unwritable(path: Path, error: OSError) -> LedgerError:
    return LedgerError("ledger.key", f"the ledger's key {str(path)!r} can't be written", found=error.strerror)
