"""The second factor of users who want one: begun, confirmed, asked for, and reset when it is lost.

The secret that app and service share lies encrypted (AES-256-GCM under a key from the ledger's key file,
bound to its user). It counts once a first code has shown that the app has it; then the user gets recovery
codes, which are shown once and of which keyed digests are kept.

Each step and each recovery code counts once, whoever is faster.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavis.access import totp
from visavis.access.keys import us
from visavis.errors import AccessError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from visavis.access.users import User, Users

NONCE_BYTES = 12
ISSUER = "visavis"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app has to be told, once.

    Attributes:
        secret: As one types it in.
        address: As a QR code says it.
    """

    secret: str
    address: str


class SecondFactor:
    """The second factors in a ledger's database; safe for several threads and processes at once."""

    def __init__(self, users: Users) -> None:
        """Take the users whose second factors they are."""
        self._users = users
        self._storage = users.ledger.storage
        self._key = users.secret(b"totp")
        self._secret = users.secret(b"recovery codes")

    def begin(self, user: User, *, issuer: str = ISSUER) -> Enrolment:
        """A new secret for a user's app; it counts for nothing before `confirm`.

        Args:
            user: Who is signed in.
            issuer: What the app is to call the service.

        Raises:
            AccessError: `access.second_factor`: they have one, which is to be reset first; or their OpenID
                provider asks for one, or doesn't.
            StorageError: It can't be written.
        """
        if user.issuer is not None:
            raise AccessError("access.second_factor", f"second factors are asked for by {user.issuer}")
        secret = totp.new_secret()
        users = _tables().users
        with self._storage.writing() as connection:
            kept = connection.execute(
                users.update()
                .where(users.c.id == user.id, users.c.totp_since.is_(None))
                .values(totp=self._sealed(user.id, secret), totp_step=0)
            )
        if kept.rowcount != 1:
            raise AccessError("access.second_factor", "there is a second factor already: reset it first")
        return Enrolment(totp.spelled(secret), totp.address(secret, name=user.name, issuer=issuer))

    def confirm(self, user: User, code: str) -> list[str]:
        """Let the second factor count from now on; the user's sessions end.

        Args:
            user: Who is signed in.
            code: What the app shows.

        Returns:
            Recovery codes, each good once; they can't be had again.

        Raises:
            AccessError: `access.second_factor`: the code is wrong, or nothing was begun.
            StorageError: It can't be written.
        """
        row = self._row(user.id)
        step = None if row is None or row.totp_since is not None else self._step(row, code)
        if step is None:
            raise _wrong()
        self._users.record("second-factor", user.id, user.id)
        codes = totp.new_recovery_codes()
        tables = _tables()
        users, kept = tables.users, tables.recovery_codes
        with self._storage.writing() as connection:
            changed = connection.execute(
                users.update()
                .where(users.c.id == user.id, users.c.epoch == user.epoch)
                .where(users.c.totp_since.is_(None), users.c.totp == row.totp)
                .values(totp_since=us(self._users.clock()), totp_step=step)
            )
            if changed.rowcount != 1:
                raise _wrong()
            self._users.end_sessions_of(connection, user.id)
            connection.execute(kept.delete().where(kept.c.user_id == user.id))
            rows = [{"user_id": user.id, "digest": self._digest(user.id, each)} for each in codes]
            connection.execute(kept.insert(), rows)
        return codes

    def use(self, id_: str, code: str) -> str | None:
        """Whether it is a user's second factor, which is used up with that.

        Args:
            id_: The user's.
            code: What they typed: the app's code, or a recovery code.

        Returns:
            ``"code"`` or ``"recovery code"``; None where it is neither, or was used.

        Raises:
            StorageError: It can't be read or written.
        """
        row = self._row(id_)
        if row is None or row.totp_since is None:
            return None
        typed, tables = totp.plain(code), _tables()
        if totp.RECOVERY.fullmatch(typed):
            kept = tables.recovery_codes
            mine = (kept.c.user_id == id_) & (kept.c.digest == self._digest(id_, typed))
            with self._storage.writing() as connection:
                used = connection.execute(kept.delete().where(mine)).rowcount == 1
            if used:
                self._users.record("recovery-code", id_, id_, {"left": self.left(id_)})
            return "recovery code" if used else None
        step, users = self._step(row, typed), tables.users
        if step is None:
            return None
        with self._storage.writing() as connection:
            first = connection.execute(
                users.update()
                .where(users.c.id == id_, users.c.totp == row.totp, users.c.totp_step < step)
                .values(totp_step=step)
            )
        return "code" if first.rowcount == 1 else None

    def left(self, id_: str) -> int:
        """How many recovery codes a user has left."""
        import sqlalchemy as sa

        kept = _tables().recovery_codes
        query = sa.select(sa.func.count()).select_from(kept).where(kept.c.user_id == id_)
        with self._storage.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def reset(self, id_: str, *, by: str | None = None) -> None:
        """Take a user's second factor away, as for a lost phone; their sessions end.

        Args:
            id_: The user's.
            by: Id of who does it; None at the command line.

        Raises:
            AccessError: `access.no_user`.
            StorageError: It can't be written.
        """
        self._users.get(id_)
        self._users.record("second-factor-reset", id_, by)
        kept = _tables().recovery_codes
        with self._storage.writing() as connection:
            connection.execute(kept.delete().where(kept.c.user_id == id_))
            self._users.end_sessions_of(connection, id_, totp=None, totp_since=None, totp_step=0)

    def _row(self, id_: str) -> Any:
        users = _tables().users
        with self._storage.reading() as connection:
            return connection.execute(users.select().where(users.c.id == id_)).first()

    def _step(self, row: Any, code: str) -> int | None:
        """Which step a code is of that wasn't used."""
        if row.totp is None:
            return None
        secret = self._opened(row.id, bytes(row.totp))
        step = totp.step_of(secret, totp.plain(code), now=totp.step_at(self._users.clock()))
        return step if step is not None and step > row.totp_step else None

    def _sealed(self, id_: str, secret: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, secret, id_.encode())

    def _opened(self, id_: str, sealed: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], id_.encode())
        except (InvalidTag, ValueError):
            raise AccessError(
                "access.damaged", "a second factor that was kept is damaged, or of another key", found=id_
            ) from None

    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def _digest(self, id_: str, code: str) -> bytes:
        return hmac.digest(self._secret, f"{id_}\n{totp.plain(code)}".encode(), "sha256")


def _wrong() -> AccessError:
    return AccessError("access.second_factor", "the code is wrong, was used, or is over")


def _tables() -> Any:
    from visavis.access import tables

    return tables
