"""The ledger's key: a file that only its owner may read, made on first use.

    PRIVATE+KEY+<name>+<id>+<base64 of 0x01 and the seed>     signs checkpoints (the form of Go's sumdb/note)
    VISAVIS+SALT+<base64 of 32 bytes>                         the secret of `digests`

Whoever has it can sign another history, and can confirm guesses about what a stolen ledger's digests stand
for as long as their salts are there. It is best kept on another disk than the ledger, and in a backup.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from visavis.disk import sync_folder
from visavis.errors import LedgerError
from visavis.ledger.checkpoint import ED25519, NAME, Checkpoint, VerifierKey, signed

SEED_BYTES = SECRET_BYTES = 32
SIGNING, SALTING = "PRIVATE+KEY+", "VISAVIS+SALT+"
MAX_FILE = 4096
TOO_OPEN = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH | stat.S_IWGRP
"""A group may be let in to read, as containers hand secrets over; everybody may not."""


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """Signs a ledger's checkpoints and opens its digests.

    Attributes:
        verifier: The public half.
    """

    verifier: VerifierKey
    _seed: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, name: str | None = None) -> LedgerKey:
        """A new key.

        Args:
            name: Of the key and the ledger, without spaces and plus signs; a random one by default.
        """
        name = f"visavis/ledger-{secrets.token_hex(8)}" if name is None else name
        return cls.of(name, secrets.token_bytes(SEED_BYTES), secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def of(cls, name: str, seed: bytes, secret: bytes) -> LedgerKey:
        """The key of a seed (32 bytes, RFC 8032) and a secret."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return cls(VerifierKey(name, public), seed, secret)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note of a checkpoint."""
        return self.sign_text(checkpoint.text)

    def sign_text(self, text: str) -> str:
        """The signed note of a text that ends with a line's end."""
        return signed(text, self.verifier, self.signature(text.encode()))

    def signature(self, content: bytes) -> bytes:
        """The bare signature over some bytes, 64 bytes; what is signed says by its form what it is."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._seed).sign(content)

    def text(self) -> str:
        """What stands in the file."""
        seed = base64.b64encode(ED25519 + self._seed).decode()
        secret = base64.b64encode(self.secret).decode()
        name, id_ = self.verifier.name, self.verifier.id.hex()
        return f"{SIGNING}{name}+{id_}+{seed}\n{SALTING}{secret}\n"

    @classmethod
    def parse(cls, text: str) -> LedgerKey:
        """The inverse of `text`.

        Raises:
            LedgerError: `ledger.key`: it is no key.
        """
        lines = text.splitlines()
        if len(lines) == 2 and lines[0].startswith(SIGNING) and lines[1].startswith(SALTING):
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
                    return key
        raise LedgerError("ledger.key", "the file of the ledger's key holds none")


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
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(LedgerKey.new().text())
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, path)  # fails where somebody was faster, and then theirs counts
        except FileExistsError:
            pass
        finally:
            Path(beside).unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(
            "ledger.key", f"the ledger's key {str(path)!r} can't be made", found=error.strerror
        ) from None
    return read_key(path)
