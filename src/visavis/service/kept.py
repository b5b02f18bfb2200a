"""A face that is kept as its template and what was found on its picture: as bytes, and to compare.

The bytes leave the house with whoever asked for them, or lie in the database. Only this installation reads
them, only under the purpose that they were made for, and no two of one picture are alike:

    "VVT" and a 1 | the pack's fingerprint, 16 characters | a nonce, 12 bytes | the rest, AES-256-GCM

The key follows from that of the ledger, the nonce is random. What stands in the clear and the purpose are
authenticated with the rest, which is JSON, compressed: the vector and the evidence.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from visavis.decision.reasons import poverty
from visavis.decision.verdict import Evidence
from visavis.errors import AccessError, PackError
from visavis.examiner import Examined
from visavis.faces.recognise import Template
from visavis.photo import Photo
from visavis.quality.assessed import held
from visavis.quality.measure import Quality, measure
from visavis.quality.profiles import Profile

if TYPE_CHECKING:
    from visavis.decision.policy import Policy

START = b"VVT\x01"
FINGERPRINT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
HEAD_BYTES = len(START) + FINGERPRINT_BYTES
MOST_BYTES = 2**16
"""Of one, at most: it takes about 3,000."""
MOST_INSIDE = 2**20

NO_FLOORS = Profile("", {})
NOTHING = np.zeros((1, 1, 3), np.uint8)
NOTHING.flags.writeable = False
COMPONENTS_MISSING = "a kept face has its quality with it"


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A face without its picture.

    Attributes:
        template: Of the face.
        evidence: What was found on its picture, with all components of quality held against no floors.
    """

    template: Template
    evidence: Evidence

    @classmethod
    def of(cls, seen: Examined) -> Kept | None:
        """What is kept of an examined photo; None where it is too poor to compare."""
        face = seen.evidence.face
        if seen.template is None or seen.problem is not None or face is None:
            return None
        quality = held(measure(seen.photo, face, seen.evidence.others), NO_FLOORS)
        return cls(seen.template, replace(seen.evidence, name=None, quality=quality))

    def examined(self, policy: Policy, asked: Profile | None, given: bytes | None = None) -> Examined:
        """As if its picture had just been examined.

        Args:
            policy: By which a face may be too poor; another one than when it was made, perhaps.
            asked: What the policy asks of its quality; see `Policy.demanded`.
            given: The bytes that stand for it: their digest stands in the place of the picture's then.
        """
        evidence = self.evidence
        assert evidence.quality is not None, COMPONENTS_MISSING  # noqa: S101  # `of` and `unpacked` see to it
        quality = None if asked is None else held(Quality(evidence.quality.components), asked)
        digest = evidence.sha256 if given is None else hashlib.sha256(given).hexdigest()
        evidence = replace(evidence, quality=quality, sha256=digest)
        photo = Photo(
            NOTHING, evidence.width, evidence.height, evidence.format, evidence.sha256, evidence.notes
        )
        return Examined(photo, evidence, poverty(evidence, policy), None, self.template, {})

    def packed(self) -> bytes:
        """As bytes that anybody could read."""
        vector = np.ascontiguousarray(self.template.vector, dtype="<f4").tobytes()
        plain = {
            "vector": base64.b64encode(vector).decode(),
            "pack": self.template.pack,
            "fingerprint": self.template.fingerprint,
            "evidence": self.evidence.to_dict(),
        }
        return zlib.compress(json.dumps(plain, separators=(",", ":")).encode())

    @classmethod
    def unpacked(cls, data: bytes) -> Kept:
        """The inverse of `packed`; a `ValueError` or `KeyError` where it is none."""
        inside = zlib.decompressobj()
        plain = json.loads(inside.decompress(data, MOST_INSIDE))
        vector = np.frombuffer(base64.b64decode(plain["vector"]), "<f4").astype(np.float32)
        vector.flags.writeable = False
        evidence = Evidence.from_dict(plain["evidence"])
        if evidence.quality is None:
            raise ValueError(COMPONENTS_MISSING)
        return cls(Template(vector, plain["pack"], plain["fingerprint"]), evidence)

    def sealed(self, secret: bytes, purpose: str) -> bytes:
        """As bytes that only this installation reads.

        Args:
            secret: 32 bytes, from `service.derived`.
            purpose: Under which they may be read again.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        head = START + self.template.fingerprint.encode("ascii").ljust(FINGERPRINT_BYTES)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return head + nonce + AESGCM(secret).encrypt(nonce, self.packed(), _bound(head, purpose))


def is_sealed(data: bytes) -> bool:
    """Whether bytes say of themselves that they are a kept face, of whatever version."""
    return data.startswith(START[:3])


def unsealed(data: bytes, secret: bytes, purpose: str, fingerprint: str) -> Kept:
    """The inverse of `Kept.sealed`.

    Args:
        data: What it gave.
        secret: As there.
        purpose: As there.
        fingerprint: Of the pack that is to compare it.

    Raises:
        PackError: `pack.other_template`: another pack made it.
        AccessError: `access.damaged`: it is of another version, installation or purpose, or was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head, nonce = data[:HEAD_BYTES], data[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES]
    whole = HEAD_BYTES + NONCE_BYTES + TAG_BYTES < len(data) <= MOST_BYTES
    if not whole or not head.startswith(START):
        raise _unreadable()
    made_by = head[len(START) :].decode("latin-1").strip()
    if made_by != fingerprint:
        raise PackError(
            "pack.other_template",
            "templates of two packs can't be compared",
            found=made_by if made_by.isascii() and made_by.isalnum() else "another one",
            expected=fingerprint,
        )
    try:
        return Kept.unpacked(AESGCM(secret).decrypt(nonce, data[len(head + nonce) :], _bound(head, purpose)))
    except (InvalidTag, ValueError, KeyError, TypeError, zlib.error):
        raise _unreadable() from None


def _bound(head: bytes, purpose: str) -> bytes:
    """What is authenticated and stands elsewhere, or in the clear."""
    return head + purpose.encode()


def _unreadable() -> AccessError:
    return AccessError(
        "access.damaged",
        "a template can't be read: it is damaged, of another installation, or was made for another purpose",
    )


def emptied(photo: Photo) -> Photo:
    """A photo of which nothing is left but what it was: nobody looks at it again."""
    return Photo(NOTHING, photo.width, photo.height, photo.format, photo.sha256, photo.notes)


def without_picture(seen: Examined, asked: Profile | None) -> Examined:
    """An examined photo that can still be compared, and of which no picture is left.

    Args:
        seen: The photo.
        asked: What a policy asks of its quality, which is measured now or never; see `Policy.demanded`.
    """
    evidence = seen.evidence
    if asked is not None and evidence.face is not None and evidence.quality is None:
        quality = held(measure(seen.photo, evidence.face, evidence.others), asked)
        evidence = replace(evidence, quality=quality)
    return replace(seen, photo=emptied(seen.photo), evidence=evidence)
