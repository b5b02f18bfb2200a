"""Faces under tokens: found by the exact token, by their key only, for as long as they are kept."""

from __future__ import annotations

import re
import secrets
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from visavis.access.keys import Keys
from visavis.decision.verdict import Evidence
from visavis.errors import AccessError
from visavis.faces.face import Face
from visavis.faces.recognise import Template
from visavis.geometry import Box
from visavis.ledger.log import Ledger
from visavis.quality.assessed import held
from visavis.quality.measure import Quality
from visavis.service.doors.facepp.tokens import FaceTokens, new_token
from visavis.service.kept import NO_FLOORS, Kept, unsealed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FINGERPRINT = "0123456789abcdef"
POINTS = ((10.0, 10.0), (20.0, 10.0), (15.0, 15.0), (11.0, 20.0), (19.0, 20.0))


def face(seed: int) -> Kept:
    vector = np.random.default_rng(seed).normal(size=128).astype(np.float32)
    vector /= np.linalg.norm(vector)
    quality = held(Quality(()), NO_FLOORS)
    found = Face(Box(1, 2, 30, 40), POINTS, 0.9)
    evidence = Evidence(None, 64, 64, "JPEG", "0" * 64, (), 0, found, (), quality)
    return Kept(Template(vector, "a pack", FINGERPRINT), evidence)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "tokens.sqlite") as opened:
        yield opened


def test_a_token_is_32_random_hexadecimal_digits() -> None:
    found = {new_token() for _ in range(100)}
    assert len(found) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", token) for token in found)


def test_found_by_the_token_and_its_key_for_72_hours(ledger: Ledger) -> None:
    clock = Clock()
    tokens = FaceTokens(ledger.storage, bytes(32), clock)
    one, other = new_token(), new_token()
    tokens.keep({one: face(1), other: face(2)}, key="mine", hours=72)
    found = tokens.find(one, key="mine", fingerprint=FINGERPRINT)
    assert found is not None
    assert np.array_equal(found.template.vector, face(1).template.vector)
    assert tokens.find(one, key="another's", fingerprint=FINGERPRINT) is None
    assert tokens.find(new_token(), key="mine", fingerprint=FINGERPRINT) is None
    assert tokens.find(one, key="mine", fingerprint="f" * 16) is None, "another pack is in use"
    assert (
        FaceTokens(ledger.storage, bytes([1]) * 32, clock).find(one, key="mine", fingerprint=FINGERPRINT)
        is None
    )
    clock.now += 72 * 3600 - 1
    assert tokens.find(one, key="mine", fingerprint=FINGERPRINT) is not None
    assert tokens.expire() == 0
    clock.now += 1
    assert tokens.find(one, key="mine", fingerprint=FINGERPRINT) is None
    assert tokens.expire() == 2


def test_the_faces_of_a_revoked_key_go(ledger: Ledger) -> None:
    keys = Keys(ledger)
    limits = {
        "purpose": "p",
        "legal_basis": "l",
        "scopes": ["quality"],
        "rate_per_min": 1,
        "quota_per_day": 1,
    }
    revoked, kept = (keys.create(**limits)[0] for _ in range(2))  # type: ignore[arg-type]
    tokens = FaceTokens(ledger.storage, bytes(32))
    for key in (revoked, kept):
        tokens.keep({new_token(): face(1)}, key=key.id, hours=1)
    keys.revoke(revoked.id)
    assert tokens.expire() == 1


def test_a_row_says_nothing_without_its_token(ledger: Ledger, tmp_path: Path) -> None:
    """Neither the token nor the vector lies in the database, and a row can't be given to another key."""
    secret = secrets.token_bytes(32)
    tokens = FaceTokens(ledger.storage, secret)
    token, kept = new_token(), face(3)
    tokens.keep({token: kept}, key="mine", hours=72)
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir() if "sqlite" in path.name)
    assert b"service_face_tokens" in files
    for hidden in (token.encode(), bytes.fromhex(token), kept.template.vector.tobytes()):
        assert hidden not in files
    with sqlite3.connect(tmp_path / "tokens.sqlite") as database:
        [(row, sealed)] = database.execute("SELECT id, face FROM service_face_tokens").fetchall()
    database.close()
    # Who has the service's secret as well lacks the token still.
    for guess in (secret, row, tokens._key(""), tokens._key(row.hex()), tokens._row(row.hex())):
        with pytest.raises(AccessError):
            unsealed(sealed, guess, "face token of mine", FINGERPRINT)
    opened = unsealed(sealed, tokens._key(token), "face token of mine", FINGERPRINT)
    assert np.array_equal(opened.template.vector, kept.template.vector)
    with sqlite3.connect(tmp_path / "tokens.sqlite") as database:
        database.execute("UPDATE service_face_tokens SET key = 'yours'")
    database.close()
    assert tokens.find(token, key="yours", fingerprint=FINGERPRINT) is None
    with sqlite3.connect(tmp_path / "tokens.sqlite") as database:
        database.execute("UPDATE service_face_tokens SET key = 'mine', face = zeroblob(100)")
    database.close()
    assert tokens.find(token, key="mine", fingerprint=FINGERPRINT) is None
