"""A signed statement: what the ledger has of one verdict, for somebody who has nothing of the ledger.

It is a JSON Web Signature (RFC 7515, EdDSA by RFC 8037) in compact form. What it says:

    iss                                          which ledger
    kind, time, purpose, decision, fmr, ...      the entry, for whoever reads the JSON
    ledger.index, ledger.leaf                    the entry's place and its bytes, as they are hashed
    ledger.inclusion, ledger.checkpoint          that it is in the ledger: a proof, and what was signed of it
    openings                                     what shows that a digest in the entry is of a given picture

Token and checkpoint are signed with one key, that of the ledger: so one public key checks both. Neither can
be taken for the other: what a token signs has no line's end in it, and every checkpoint has three.

Who has a statement can show with the pictures that it is about them, also after the operator has erased the
salts. The subject's digest isn't opened: an operator's references are short enough to be guessed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.errors import LedgerError
from visavis.ledger import digests, jws
from visavis.ledger.checkpoint import NAME, Checkpoint, VerifierKey, read_checkpoint
from visavis.ledger.entry import MAX_LEAF, Entry
from visavis.ledger.jws import malformed, read_keys
from visavis.ledger.merkle import HASH_BYTES, includes, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from visavis.ledger.keys import LedgerKey
    from visavis.ledger.reader import Proof, Reader

__all__ = ["Statement", "issue", "jwks", "published", "read_keys", "verify"]

TYPE = "visavis-statement+jws"
"""In the header, so that no other token of the same key is taken for one (RFC 8725, section 3.11)."""

CLAIMS = (
    "kind",
    "time",
    "purpose",
    "decision",
    "fmr",
    "fmr_upper",
    "policy",
    "pack",
    "fingerprint",
    "calibration",
    "reasons",
)
"""What stands in a statement a second time, to be read; it must be what the leaf says."""

MAX_PROOF = 64
"""Hashes of a proof: a tree of 2^64 entries."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that holds: its signature, the proof, and the checkpoint's signature.

    Attributes:
        index: Of the entry.
        entry: What is recorded.
        checkpoint: The state of the ledger that the entry is proved to be in.
        key: Whose signature it is, 32 bytes.
        openings: By the role of an input: what opens its digest.
    """

    index: int
    entry: Entry
    checkpoint: Checkpoint
    key: bytes
    openings: Mapping[str, bytes]

    def is_about(self, role: str, content: bytes) -> bool | None:
        """Whether an input of the entry is of these bytes; None where the statement can't tell.

        Args:
            role: ``"reference"`` or ``"probe"`` for instance.
            content: The bytes of a picture's file.
        """
        opening, salted = self.openings.get(role), self.entry.inputs.get(role)
        if opening is None or salted is None:
            return None
        return digests.digest(opening, hashlib.sha256(content).digest()) == salted.digest

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "ledger": self.checkpoint.origin,
            "index": self.index,
            "size": self.checkpoint.size,
            "key": jws.thumbprint(self.key),
            "entry": self.entry.to_dict(),
        }


def issue(ledger: Reader, index: int) -> str:
    """The statement of an entry.

    Args:
        ledger: One with its key.
        index: Of the entry.

    Raises:
        LedgerError: `ledger.no_key`; `ledger.index`: there is no such entry; `ledger.damaged`.
        StorageError: The ledger can't be read.
    """
    if ledger.key is None:
        raise LedgerError("ledger.no_key", "a statement takes the key of the ledger, which isn't there")
    proof, key = _proved(ledger, index)
    entry = Entry.parse(proof.leaf)
    plain = entry.to_dict()
    payload = {
        "iss": key.verifier.name,
        **{name: plain[name] for name in CLAIMS},
        "openings": {role: each.hex() for role, each in ledger.openings(index).items()},
        "ledger": {
            "index": index,
            "leaf": proof.leaf.decode(),
            "inclusion": [each.hex() for each in proof.hashes],
            "checkpoint": proof.note,
        },
    }
    public = key.verifier.public
    header = {"alg": jws.ALGORITHM, "kid": jws.thumbprint(public), "typ": TYPE}
    content = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return jws.compact(header, content, key.signature)


def _proved(ledger: Reader, index: int) -> tuple[Proof, LedgerKey]:
    """A proof, and the key that signed its checkpoint."""
    proof = ledger.prove(index)
    try:
        return proof, ledger.signing_key(proof.key)
    except LedgerError as error:
        if error.code != "ledger.other_key":
            raise
    proof = ledger.prove(index)  # the key may have been exchanged between the two steps
    return proof, ledger.signing_key(proof.key)


def verify(token: str | bytes, keys: Sequence[bytes]) -> Statement:
    """What a statement says, once everything about it holds.

    Args:
        token: The compact form.
        keys: Public keys that are trusted, 32 bytes each; never one that came with the statement.

    Raises:
        LedgerError: `statement.malformed`: it is no statement; `statement.untrusted`: no trusted key signed
            it; `statement.signature`: its signature is wrong; `statement.proof`: what it says is not in the
            ledger that it names; `ledger.checkpoint` or `ledger.signature`: about its checkpoint;
            `ledger.entry`: about its entry.
    """
    header, payload, signature, signed = jws.parts(token)
    if set(header) != {"alg", "kid", "typ"} or (header["alg"], header["typ"]) != (jws.ALGORITHM, TYPE):
        raise malformed("another header", expected=f"alg {jws.ALGORITHM}, typ {TYPE}, kid, and nothing else")
    public = next((key for key in keys if jws.thumbprint(key) == header["kid"]), None)
    if public is None:
        raise LedgerError(
            "statement.untrusted",
            "no key that is trusted signed the statement",
            found=str(header["kid"])[:100],
            expected=", ".join(jws.thumbprint(key) for key in keys) or "one",
        )
    if not jws.verified(public, signature, signed):
        raise LedgerError("statement.signature", "the signature on the statement is wrong")
    return _held(jws.strict_json(payload), public)


def jwks(*keys: VerifierKey) -> dict[str, Any]:
    """The set of public keys by which statements can be checked (RFC 7517), ready for JSON.

    Args:
        keys: Of the ledger, and of those before it whose statements still count.
    """
    return {"keys": [jws.jwk(key.public) for key in keys]}


def published(ledger: Reader) -> dict[str, Any]:
    """The public keys of a ledger: the one that signs, and those before it whose statements still count.

    They come from the key's file and not from the database: who can write the latter can't add one.

    Raises:
        LedgerError: As `Reader.signing_key`.
        StorageError: Likewise.
    """
    key = ledger.signing_key()
    return jwks(key.verifier, *key.former)


def _held(data: Any, public: bytes) -> Statement:
    """The statement of a payload whose signature is right: is what it says in the ledger?"""
    _names(data, {"iss", "openings", "ledger", *CLAIMS}, "the statement")
    origin = data["iss"]
    if not isinstance(origin, str) or not NAME.fullmatch(origin):
        raise malformed("no name of a ledger")
    _utf8(origin)
    place = data["ledger"]
    _names(place, {"index", "leaf", "inclusion", "checkpoint"}, "what it says of the ledger")
    index, leaf, note = place["index"], place["leaf"], place["checkpoint"]
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise malformed("no index")
    if not isinstance(leaf, str) or not isinstance(note, str) or len(leaf) > MAX_LEAF:
        raise malformed("no entry and checkpoint")
    content = _utf8(leaf)
    entry = Entry.parse(content)
    plain = entry.to_dict()
    for name in CLAIMS:
        # By their JSON, for in Python True is 1 and 1 is 1.0.
        if json.dumps(data[name], sort_keys=True) != json.dumps(plain[name], sort_keys=True):
            raise LedgerError("statement.proof", f"the statement and its entry differ in {name!r}")
    _utf8(note)
    checkpoint = read_checkpoint(note, [VerifierKey(origin, public)])
    if checkpoint.origin != origin:
        raise LedgerError(
            "statement.proof", "the checkpoint is of another ledger", found=checkpoint.origin, expected=origin
        )
    hashes = _hashes(place["inclusion"])
    if not includes(leaf_hash(content), index, checkpoint.size, hashes, checkpoint.root):
        raise LedgerError(
            "statement.proof", "the proof doesn't lead to the checkpoint: the entry isn't in the ledger"
        )
    return Statement(index, entry, checkpoint, public, _openings(data["openings"], entry))


def _names(data: object, names: set[str], what: str) -> None:
    if not isinstance(data, dict) or set(data) != names:
        raise malformed(f"{what} with other names")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold
        raise malformed("text that isn't UTF-8") from None


def _hashes(data: object) -> list[bytes]:
    if not isinstance(data, list) or len(data) > MAX_PROOF:
        raise malformed("no proof")
    return [_hex(each) for each in data]


def _openings(data: object, entry: Entry) -> dict[str, bytes]:
    if not isinstance(data, dict) or not set(data) <= set(entry.inputs):
        raise malformed("openings of something else")
    return {role: _hex(each) for role, each in data.items()}


def _hex(text: object) -> bytes:
    """32 bytes in hex, in lower case."""
    if isinstance(text, str) and len(text) == 2 * HASH_BYTES:
        try:
            content = bytes.fromhex(text)
        except ValueError:
            content = b""
        if content.hex() == text:
            return content
    raise malformed("no hash of 32 bytes in hex")
