from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from visavis.access.keys import TOKEN, Keys
from visavis.cli.keys import keys_group
from visavis.errors import AccessError, LedgerError, StorageError
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = [
    *("--purpose", "opening an account", "--legal-basis", "consent", "--rate", "60/min"),
    *("--quota", "1000/day", "--scopes", "verifications, quality"),
]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    where = tmp_path / "ledger.db"
    monkeypatch.setenv("VISAVIS_LEDGER", str(where))
    monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
    return where


def run(*words: str) -> Result:
    return CliRunner().invoke(keys_group, words)


def make(*words: str) -> tuple[str, str]:
    """A key's id, and the key."""
    ran = run("create", *PLAIN, *words)
    assert ran.exit_code == 0, ran.output
    token = ran.stdout.strip()
    return token[3:15], token


def test_a_key_is_printed_once_and_alone(ledger: Path) -> None:
    ran = run("create", *PLAIN)
    assert ran.exit_code == 0
    token = ran.stdout.removesuffix("\n")
    assert TOKEN.fullmatch(token)
    assert ran.stderr.splitlines()[0].startswith(f"key {token[3:15]} for 'opening an account', ends 2")
    assert token not in ran.stderr
    assert token[16:] not in run("list").output + run("list", "--json").output
    with Ledger.open(ledger) as opened:
        assert Keys(opened).admit(token, "quality").purpose == "opening an account"


def test_a_key_ends_after_a_year_by_default(ledger: Path) -> None:
    make()
    [key] = json.loads(run("list", "--json").stdout)
    ends = datetime.fromisoformat(key["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=364) < ends < timedelta(days=365)
    assert key["state"] == "valid"
    assert key["scopes"] == ["verifications", "quality"]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("never", None),
        ("2127-01-31", "2127-01-31T00:00:00+00:00"),
        ("2127-01-31T12:00+02:00", "2127-01-31T12:00:00+02:00"),
    ],
)
def test_when_a_key_ends(ledger: Path, text: str, ends: str | None) -> None:
    make("--expires", text)
    [key] = json.loads(run("list", "--json").stdout)
    found = key["expires_at"]
    assert found is ends is None or datetime.fromisoformat(found) == datetime.fromisoformat(ends or "")


@pytest.mark.parametrize(
    "wrong",
    [
        ("--rate", "60"),
        ("--rate", "60/s"),
        ("--rate", "0/min"),
        ("--rate", "-1/min"),
        ("--rate", "1000001/min"),
        ("--rate", "\u0663/min"),
        ("--quota", "100/min"),
        ("--quota", "1e3/day"),
        ("--expires", "soon"),
        ("--expires", "90"),
        ("--expires", "2127-13-01"),
    ],
)
def test_wrong_options_are_wrong_usage(ledger: Path, wrong: tuple[str, str]) -> None:
    ran = run("create", *PLAIN, *wrong)
    assert ran.exit_code == 2  # click's own, which visavis.cli.main makes 64
    assert wrong[0] in ran.output
    assert not ledger.exists()


@pytest.mark.parametrize(
    "wrong", [("--scopes", "everything"), ("--scopes", ","), ("--purpose", " "), ("--max-fmr", "0.5")]
)
def test_a_key_that_makes_no_sense_has_a_code(ledger: Path, wrong: tuple[str, str]) -> None:
    ran = run("create", *PLAIN, *wrong)
    assert isinstance(ran.exception, AccessError)
    assert ran.exception.code == "access.key_fields"


def test_keys_are_listed_with_what_they_may_do(ledger: Path) -> None:
    first, _ = make()
    second, _ = make("--expires", "never")
    assert run("revoke", first).stdout == f"{first} is revoked\n"
    heads, *lines = run("list").stdout.splitlines()
    assert heads.split() == ["ID", "STATE", "RATE", "QUOTA", "ENDS", "SCOPES", "PURPOSE"]
    assert [line.split()[:2] for line in lines] == [[first, "revoked"], [second, "valid"]]
    assert lines[1].split(maxsplit=6)[2:] == [
        "60/min",
        "1000/day",
        "never",
        "verifications,quality",
        "opening an account",
    ]


def test_a_rotation_prints_the_next_secret(ledger: Path) -> None:
    id_, first = make()
    ran = run("rotate", id_, "--overlap", "0m")
    second = ran.stdout.strip()
    assert TOKEN.fullmatch(second)
    assert second != first
    assert "the secret before it is valid until" in ran.stderr
    with Ledger.open(ledger) as opened:
        keys = Keys(opened)
        keys.admit(second, "quality")
        with pytest.raises(AccessError):
            keys.admit(first, "quality")
    told = json.loads(run("rotate", id_, "--json").stdout)
    assert TOKEN.fullmatch(told["secret"])
    assert told["id"] == id_
    assert run("rotate", id_, "--overlap", "soon").exit_code == 2


def test_only_create_makes_a_ledger(ledger: Path) -> None:
    for words in (("list",), ("rotate", "x"), ("revoke", "x")):
        ran = run(*words)
        assert isinstance(ran.exception, StorageError | LedgerError)
    assert not ledger.exists()


def test_a_key_that_is_not_there(ledger: Path) -> None:
    make()
    for words in (("rotate", "x"), ("revoke", "x")):
        ran = run(*words)
        assert isinstance(ran.exception, AccessError)
        assert ran.exception.code == "access.no_key"


def test_a_ledger_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISAVIS_LEDGER", raising=False)
    assert run("list").exit_code == 2
