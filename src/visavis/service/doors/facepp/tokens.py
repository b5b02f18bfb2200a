"""Faces that were detected, kept for 72 hours under a token that only the client has.

A row is found by a keyed digest of the token, and what lies in it is encrypted under a key that is made of
the token and of a secret of the service: the database tells nothing about a face, neither by itself nor to
whoever has the ledger's key, unless they have the token too. A token is of the access key that it was made
for. There is no way from a face to its token, and none from one token to another.
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING

from visavis.errors import AccessError, PackError
from visavis.service.kept import Kept, unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from visavis.service.service import Service
    from visavis.storage.engine import Storage

TABLE = "service_face_tokens"
HOURS = 72


def new_token() -> str:
    """128 random bits."""
    return secrets.token_hex(16)


def of(service: Service) -> FaceTokens:
    """The tokens of a service."""
    from visavis.service.service import derived

    return FaceTokens(service.ledger.storage, derived(service.key, b"face tokens"))


class FaceTokens:
    """Kept faces by their tokens; safe for several threads and processes."""

    def __init__(self, storage: Storage, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Take a database.

        Args:
            storage: Where the table is.
            secret: 32 bytes, for this use only.
            clock: Seconds since the epoch.
        """
        self._storage = storage
        self._secret = secret
        self._clock = clock

    def keep(self, faces: Mapping[str, Kept], *, key: str, hours: float) -> None:
        """Keep faces under their new tokens, all or none.

        Args:
            faces: By the token.
            key: Id of the access key that they are made for.
            hours: How long.

        Raises:
            StorageError: They can't be kept.
        """
        from visavis.service.tables import face_tokens

        if not faces:
            return
        until = self._clock() + hours * 3600
        rows = [
            {
                "id": self._row(token),
                "key": key,
                "face": kept.sealed(self._key(token), _bound(key)),
                "until": until,
            }
            for token, kept in faces.items()
        ]
        with self._storage.writing() as connection:
            connection.execute(face_tokens.insert(), rows)

    def find(self, token: str, *, key: str, fingerprint: str) -> Kept | None:
        """The face of a token; None where there is none for this access key any more.

        Args:
            token: The token.
            key: Id of the access key that asks.
            fingerprint: Of the pack that is to compare it.

        Raises:
            StorageError: The database can't be read.
        """
        from visavis.service.tables import face_tokens

        with self._storage.reading() as connection:
            row = connection.execute(
                face_tokens.select().where(face_tokens.c.id == self._row(token), face_tokens.c.key == key)
            ).first()
        if row is None or row.until <= self._clock():
            return None
        try:
            return unsealed(bytes(row.face), self._key(token), _bound(key), fingerprint)
        except (AccessError, PackError):  # changed by somebody, or of a pack that isn't in use any more
            return None

    def expire(self) -> int:
        """Delete what is past its time, and what is of keys that were revoked; says how many that were."""
        import sqlalchemy as sa

        from visavis.access.tables import keys
        from visavis.service.tables import face_tokens

        revoked = sa.select(keys.c.id).where(keys.c.revoked_at.is_not(None))
        over = (face_tokens.c.until <= self._clock()) | face_tokens.c.key.in_(revoked)
        with self._storage.writing() as connection:
            gone = connection.execute(face_tokens.delete().where(over)).rowcount
        if gone:
            self._storage.scrub(TABLE)
        return int(gone)

    def _row(self, token: str) -> bytes:
        return hmac.digest(self._secret, b"row" + token.encode(), "sha256")

    def _key(self, token: str) -> bytes:
        return hmac.digest(self._secret, b"key" + token.encode(), "sha256")


def _bound(key: str) -> str:
    """What a face is bound to: in another access key's row it can't be read."""
    return f"face token of {key}"
