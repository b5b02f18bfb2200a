from __future__ import annotations

import dataclasses
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from visavis.errors import ChallengeError
from visavis.liveness.challenge import LIFETIME
from visavis.liveness.register import (
    FileRegister,
    Issuer,
    Sealed,
    key_at,
    read_sealed,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=20)
ID = "0123456789abcdef" * 2


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(bytes(range(32)), FileRegister(tmp_path / "challenges.json"))


def code(found: tuple[str, str] | None) -> str | None:
    return None if found is None else found[0]


def test_a_challenge_counts_once(issuer: Issuer) -> None:
    sealed = issuer.issue("request 7", now=NOW)
    assert issuer.admit(sealed, binding="request 7", now=LATER) is None
    assert code(issuer.admit(sealed, binding="request 7", now=LATER)) == "challenge_answered"
    other = issuer.issue("request 7", now=NOW)
    assert issuer.admit(other, binding="request 7", now=LATER) is None


@pytest.mark.parametrize(
    ("binding", "after", "expected"),
    [
        ("request 7", LIFETIME, "challenge_expired"),
        ("request 7", LIFETIME - timedelta(seconds=1), None),
        ("request 8", timedelta(seconds=20), "challenge_of_another_request"),
        ("", timedelta(seconds=20), "challenge_of_another_request"),
        ("request 7", timedelta(seconds=2), "challenge_too_soon"),
        ("request 7", timedelta(seconds=-60), "challenge_too_soon"),
    ],
)
def test_in_time_and_for_its_request(
    binding: str, after: timedelta, expected: str | None, issuer: Issuer
) -> None:
    sealed = issuer.issue("request 7", now=NOW)
    assert code(issuer.admit(sealed, binding=binding, now=NOW + after)) == expected
    # What was refused for another reason isn't spent.
    again = issuer.admit(sealed, binding="request 7", now=LATER)
    assert code(again) == ("challenge_answered" if expected is None else None)


def altered(sealed: Sealed) -> dict[str, Sealed]:
    challenge = sealed.challenge
    longer = challenge.expires_at + timedelta(days=1)
    return {
        "lives longer": dataclasses.replace(
            sealed, challenge=dataclasses.replace(challenge, expires_at=longer)
        ),
        "other request": dataclasses.replace(sealed, challenge=dataclasses.replace(challenge, binding="8")),
        "other id": dataclasses.replace(sealed, challenge=dataclasses.replace(challenge, id=ID)),
        "shorter": dataclasses.replace(
            sealed,
            challenge=dataclasses.replace(challenge, steps=(*challenge.steps[:-1], _shorter(challenge))),
        ),
        "no seal": dataclasses.replace(sealed, mac=""),
        "other seal": dataclasses.replace(sealed, mac="0" * 64),
        "no digits": dataclasses.replace(sealed, mac="ü\ud800" * 20),
    }


def _shorter(challenge: Any) -> Any:
    last = challenge.steps[-1]
    return dataclasses.replace(last, until_ms=last.until_ms - 100)


@pytest.mark.parametrize(
    "how", ["lives longer", "other request", "other id", "shorter", "no seal", "other seal", "no digits"]
)
def test_what_was_altered_does_not_count(how: str, issuer: Issuer) -> None:
    sealed = altered(issuer.issue("request 7", now=NOW))[how]
    assert code(issuer.admit(sealed, binding=sealed.challenge.binding, now=LATER)) == "challenge_altered"


def test_somebody_elses_challenge_does_not_count(issuer: Issuer) -> None:
    other = Issuer(bytes(32), issuer.register).issue("request 7", now=NOW)
    assert code(issuer.admit(other, binding="request 7", now=LATER)) == "challenge_altered"


def test_of_many_at_once_one_counts(issuer: Issuer) -> None:
    sealed = issuer.issue(now=NOW)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: issuer.admit(sealed, now=LATER), range(16)))
    assert found.count(None) == 1
    assert {code(each) for each in found if each} == {"challenge_answered"}


def test_what_has_expired_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "challenges.json"
    register = FileRegister(path)
    assert register.spend("a", NOW + LIFETIME, now=NOW)
    assert register.spend("b", NOW + 2 * LIFETIME, now=NOW)
    assert not register.spend("a", NOW + LIFETIME, now=NOW)
    assert register.spend("c", NOW + 3 * LIFETIME, now=NOW + LIFETIME)
    assert json.loads(path.read_text(encoding="utf-8"))["spent"].keys() == {"b", "c"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"spent": []}',
        b'{"spent": {"a": 1}}',
        b'{"spent": {"a": "soon"}}',
        b'{"spent": {"a": "2026-01-31T12:00:00"}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_register_that_cannot_be_read_forgets_nothing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "challenges.json"
    path.write_bytes(content)
    with pytest.raises(ChallengeError) as refused:
        FileRegister(path).spend("a", NOW, now=NOW)
    assert refused.value.code == "challenge.home"
    assert path.read_bytes() == content


def test_a_register_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ChallengeError) as refused:
        FileRegister(tmp_path / "file" / "challenges.json").spend("a", NOW, now=NOW)
    assert refused.value.code == "challenge.home"


# The key


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "challenge.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: key_at(path), range(8)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "challenge.key"
    key_at(path)
    path.chmod(0o644)
    with pytest.raises(ChallengeError) as refused:
        key_at(path)
    assert (refused.value.code, refused.value.found) == ("challenge.key", "mode 644")


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33)])
def test_what_is_no_key(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "challenge.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(ChallengeError) as refused:
        key_at(path)
    assert refused.value.code == "challenge.key"


def test_a_short_key_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Issuer(b"short", FileRegister(tmp_path / "challenges.json"))


def test_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    sealed = Issuer.at_home().issue(now=NOW)
    assert Issuer.at_home().admit(sealed, now=LATER) is None
    assert code(Issuer.at_home().admit(sealed, now=LATER)) == "challenge_answered"


# The file


def test_a_challenge_in_a_file(issuer: Issuer, tmp_path: Path) -> None:
    sealed = issuer.issue("request 7", now=NOW)
    path = tmp_path / "challenge.json"
    path.write_text(json.dumps(sealed.to_dict()), encoding="utf-8")
    assert read_sealed(path) == sealed


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "challenge.damaged"),
        (b"[]", "challenge.damaged"),
        (b'{"challenge": {}, "mac": ""}', "challenge.damaged"),
        (b'{"challenge": {}, "mac": 7}', "challenge.damaged"),
        (b"[" * 60_000, "challenge.damaged"),
        (b"\xff", "challenge.damaged"),
        (b" " * 70_000, "challenge.too_large"),
        (None, "challenge.missing"),
    ],
)
def test_files_without_a_challenge(content: bytes | None, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "challenge.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ChallengeError) as refused:
        read_sealed(path)
    assert refused.value.code == expected


def test_a_folder_is_no_challenge(tmp_path: Path) -> None:
    with pytest.raises(ChallengeError) as refused:
        read_sealed(tmp_path)
    assert refused.value.code == "challenge.unreadable"
