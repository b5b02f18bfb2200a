"""What a ledger signs: its size and its root, as C2SP tlog-checkpoint in a C2SP signed note with Ed25519.

A checkpoint that somebody else has kept is what makes a ledger tamper-evident: from then on no entry below
its size can be changed, taken away or put elsewhere without the roots differing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.errors import LedgerError
from visavis.ledger import jws
from visavis.ledger.merkle import HASH_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

ED25519 = b"\x01"  # the signature type, C2SP signed-note
ID_BYTES = 4
MAX_NOTE = 65_536
MAX_SIGNATURES = 64

NAME = re.compile(r"[^\s+]{1,200}")
SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
LINE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a ledger's key.

    Attributes:
        name: The key's name, which is the ledger's origin.
        public: 32 bytes, RFC 8032.
    """

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The key's id, 4 bytes."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_base64(ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The inverse of `str`.

        Raises:
            LedgerError: `ledger.verifier_key`: this is no such key.
        """
        name, _, rest = text.strip().partition("+")
        id_, _, encoded = rest.partition("+")
        content = _decoded(encoded)
        if content is not None and content[:1] == ED25519 and len(content) == 1 + 32 and NAME.fullmatch(name):
            key = cls(name, content[1:])
            if key.id.hex() == id_:
                return key
        raise LedgerError(
            "ledger.verifier_key", "this is no verifier key", expected="name+id+key, of Ed25519"
        )

    def verifies(self, signature: bytes, text: bytes) -> bool:
        """Whether it is this key's signature over a text."""
        return jws.verified(self.public, signature, text)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a ledger at one size.

    Attributes:
        origin: Which ledger.
        size: How many entries it has.
        root: The root of its tree, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def signed(text: str, key: VerifierKey, signature: bytes) -> str:
    """A text and one signature as a note."""
    return f"{text}\n{_signature_line(key, signature)}"


def cosigned(note: str, key: VerifierKey, signature: bytes) -> str:
    """A note with one more signature over the same text."""
    return f"{note}{_signature_line(key, signature)}"


def read_note(note: str | bytes, keys: Sequence[VerifierKey]) -> str:
    """The text of a note that at least one of these keys signed, and where none of theirs is wrong.

    Raises:
        LedgerError: `ledger.checkpoint`: it is no signed note; `ledger.signature`: no key that is known
            signed it, or a signature is wrong.
    """
    content = note.encode() if isinstance(note, str) else note
    try:
        whole = content.decode()
    except UnicodeDecodeError:
        raise _malformed("text that isn't UTF-8") from None
    if len(content) > MAX_NOTE or any(ord(each) < 0x20 and each != "\n" for each in whole):
        raise _malformed("control characters, or more than any note holds")
    head, gap, tail = whole.rpartition("\n\n")
    text = f"{head}\n"
    lines = tail.split("\n")
    if not gap or not head or lines.pop() or not 0 < len(lines) <= MAX_SIGNATURES:
        raise _malformed("no text with signatures under it")
    known = {(key.name, key.id): key for key in keys}
    verified = False
    for line in lines:
        matched = LINE.fullmatch(line)
        signature = _decoded(matched[2]) if matched else None
        if matched is None or signature is None or len(signature) <= ID_BYTES:
            raise _malformed("a line that is no signature")
        key = known.get((matched[1], signature[:ID_BYTES]))
        if key is None:
            continue  # somebody else's, a witness for instance
        if not key.verifies(signature[ID_BYTES:], text.encode()):
            raise LedgerError("ledger.signature", "the signature on the checkpoint is wrong", found=key.name)
        verified = True
    if not verified:
        named = ", ".join(line.split(" ")[1] for line in lines)
        raise LedgerError(
            "ledger.signature",
            "no key that is known signed the checkpoint",
            found=named[:200],
            expected=", ".join(map(str, keys)),
        )
    return text


def read_checkpoint(note: str | bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint in a note, whose signature holds.

    Raises:
        LedgerError: As `read_note`; or `ledger.checkpoint`: what was signed is no checkpoint.
    """
    origin, *rest = read_note(note, keys)[:-1].split("\n")
    if not origin or len(rest) < 2 or not all(rest):
        raise _malformed("no origin, size and root")
    size, root = rest[0], _decoded(rest[1])
    if not SIZE.fullmatch(size) or root is None or len(root) != HASH_BYTES:
        raise _malformed("no size and root")
    return Checkpoint(origin, int(size), root)


def _signature_line(key: VerifierKey, signature: bytes) -> str:
    return f"\u2014 {key.name} {_base64(key.id + signature)}\n"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decoded(text: str) -> bytes | None:
    """What base64 stands for; None where it isn't in the one form that encoding gives."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if _base64(content) == text else None


def _malformed(found: str) -> LedgerError:
    return LedgerError(
        "ledger.checkpoint",
        "this is no checkpoint",
        found=found,
        expected="a signed note of C2SP tlog-checkpoint",
    )
