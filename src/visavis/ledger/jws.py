"""JSON Web Signatures in compact form with Ed25519, and nothing else of JOSE (RFC 7515, RFC 8037, RFC 7638).

One algorithm, one form and one kind of key need no library that knows all of them; what is left out can't be
confused. Whatever isn't as this module writes it is refused: another algorithm, a header of another name, a
name that stands twice, padding, a signature of another length.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from visavis.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ALGORITHM = "EdDSA"
SIGNATURE_BYTES = 64
KEY_BYTES = 32
MAX_TOKEN = 131_072
"""Bytes of a token; one of a verdict takes some 7,000."""
MAX_KEYS = 65_536
MOST_KEYS = 64
URL_SAFE = re.compile(r"[A-Za-z0-9_-]+")


def compact(header: Mapping[str, Any], payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """A token.

    Args:
        header: What stands in its protected header.
        payload: What is signed.
        sign: Gives the signature, 64 bytes.
    """
    head = json.dumps(header, separators=(",", ":")).encode()
    signed = f"{encoded(head)}.{encoded(payload)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def parts(token: str | bytes) -> tuple[dict[str, Any], bytes, bytes, bytes]:
    """Header, payload, signature, and what was signed; nothing is verified yet.

    Raises:
        LedgerError: `statement.malformed`: this is no token in compact form.
    """
    content = token.encode("utf-8", "replace") if isinstance(token, str) else token
    if len(content) > MAX_TOKEN:
        raise malformed(f"{len(content)} bytes")
    try:
        text = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise malformed("text that isn't ASCII") from None
    pieces = text.split(".")
    if len(pieces) != 3:
        raise malformed(f"{len(pieces)} parts")
    head, payload, signature = (_part(piece) for piece in pieces)
    if len(signature) != SIGNATURE_BYTES:
        raise malformed(f"a signature of {len(signature)} bytes")
    header = strict_json(head)
    if not isinstance(header, dict):
        raise malformed("a header that is no object")
    return header, payload, signature, f"{pieces[0]}.{pieces[1]}".encode()


def verified(public: bytes, signature: bytes, signed: bytes) -> bool:
    """Whether it is a key's signature.

    Args:
        public: The key, 32 bytes.
        signature: 64 bytes.
        signed: What was signed.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def jwk(public: bytes) -> dict[str, str]:
    """A public key as JSON Web Key (RFC 8037, section 2), named by its thumbprint.

    Args:
        public: 32 bytes, RFC 8032.
    """
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": encoded(public),
        "kid": thumbprint(public),
        "alg": ALGORITHM,
        "use": "sig",
    }


def thumbprint(public: bytes) -> str:
    """A key's thumbprint (RFC 7638): SHA-256 over its required members, 43 characters."""
    required = {"crv": "Ed25519", "kty": "OKP", "x": encoded(public)}
    return encoded(hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest())


def read_keys(text: str | bytes) -> list[bytes]:
    """The public Ed25519 keys of a JSON Web Key or a set of them; keys for other uses are passed over.

    Raises:
        LedgerError: `statement.key`: there is none, or something isn't as it should be.
    """
    content = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        data = strict_json(content) if len(content) <= MAX_KEYS else None
    except LedgerError:
        data = None
    if not isinstance(data, dict):
        raise _no_key("no object of JSON")
    every = data.get("keys", [data])
    if (
        not isinstance(every, list)
        or len(every) > MOST_KEYS
        or not all(isinstance(each, dict) for each in every)
    ):
        raise _no_key(f"no list of at most {MOST_KEYS} keys")
    found = [_public(each) for each in every if (each.get("kty"), each.get("crv")) == ("OKP", "Ed25519")]
    keys = [public for public in found if public is not None]
    if not keys:
        raise _no_key("none of Ed25519 for signatures")
    return keys


def _public(data: Mapping[str, Any]) -> bytes | None:
    """The key of an entry of a set; None where it is for something else."""
    if "d" in data:
        raise _no_key("a private key, which belongs to nobody else")
    if data.get("use", "sig") != "sig" or data.get("alg", ALGORITHM) not in (ALGORITHM, "Ed25519"):
        return None
    operations = data.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    public = decoded(data["x"]) if isinstance(data.get("x"), str) else None
    if public is None or len(public) != KEY_BYTES:
        raise _no_key("a key of another length")
    return public


def strict_json(content: bytes) -> Any:
    """JSON in UTF-8 in which no name stands twice and every number is finite.

    Raises:
        LedgerError: `statement.malformed`.
    """
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise malformed("no JSON, or a name that stands twice in it") from None


def encoded(content: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decoded(text: str) -> bytes | None:
    """The inverse; None for whatever isn't in the one form that encoding gives."""
    if not URL_SAFE.fullmatch(text):
        return None
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return content if encoded(content) == text else None


def malformed(found: str, expected: str = "a compact JWS as visavis signs it") -> LedgerError:
    """What to raise where a token isn't one."""
    return LedgerError("statement.malformed", "this is no signed statement", found=found, expected=expected)


def _part(piece: str) -> bytes:
    content = decoded(piece)
    if content is None:
        raise malformed("a part that isn't base64url")
    return content


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _no_key(found: str) -> LedgerError:
    return LedgerError(
        "statement.key",
        "this is no key to check a statement by",
        found=found,
        expected="a JWK of Ed25519, or a set of them",
    )
