from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from visavis.cli.statement import statement_group
from visavis.errors import LedgerError, StorageError
from visavis.ledger.entry import Event
from visavis.ledger.keys import LedgerKey
from visavis.ledger.log import Ledger
from visavis.ledger.statement import issue, jwks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A statement, its picture and the keys in a folder; the ledger elsewhere."""
    monkeypatch.delenv("VISAVIS_LEDGER", raising=False)
    monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "selfie.jpg").write_bytes(b"a picture")
    (folder / "other.jpg").write_bytes(b"another")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        receipt = ledger.append(
            Event(
                kind="verdict",
                purpose="opening an account",
                inputs={"probe": hashlib.sha256(b"a picture").digest()},
                decision="match",
                fmr=1e-5,
                fmr_upper=2e-5,
                policy={"fmr": 1e-4},
                pack="sface",
                fingerprint="0123456789abcdef",
                reasons=("small_face",),
            )
        )
        assert ledger.key is not None
        (folder / "statement.jws").write_text(issue(ledger, receipt.index) + "\n")
        (folder / "jwks.json").write_text(json.dumps(jwks(ledger.key.verifier)))
    (folder / "wrong.json").write_text(json.dumps(jwks(LedgerKey.new().verifier)))
    return folder


def run(*words: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(statement_group, words, input=given)


def test_a_statement_that_holds(place: Path) -> None:
    ran = run("verify", "statement.jws", "--key", "jwks.json", "--picture", "probe=selfie.jpg")
    assert ran.exit_code == 0
    title, *lines = ran.stdout.splitlines()
    assert title == "HOLDS"
    rows = {line[:14].strip(): line[14:] for line in lines}
    assert rows["says"] == "verdict: match"
    assert rows["FMR"] == "1 in 100,000 (upper bound 1 in 50,000)"
    assert rows["accepted"] == "1 in 10,000"
    assert rows["pack"] == "sface, 0123456789abcdef"
    assert rows["purpose"] == "opening an account"
    assert rows["ledger"].startswith("entry 1 of 2 in visavis/ledger-")
    assert rows["picture"] == "it is the probe: selfie.jpg"


def test_the_key_may_stand_in_the_command_and_the_statement_come_in(place: Path) -> None:
    [key] = json.loads((place / "jwks.json").read_text())["keys"]
    ran = run("verify", "-", "--key", json.dumps(key), given=(place / "statement.jws").read_bytes())
    assert ran.exit_code == 0


def test_json_says_the_same(place: Path) -> None:
    ran = run("verify", "statement.jws", "--key", "jwks.json", "--picture", "probe=other.jpg", "--json")
    told = json.loads(ran.stdout)
    assert ran.exit_code == 1
    assert (told["holds"], told["pictures"]) == (True, {"probe": False})
    assert told["entry"]["decision"] == "match"


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        ("probe=other.jpg", "it is NOT the probe: other.jpg"),
        ("reference=selfie.jpg", "the statement can't tell whether it is the reference: selfie.jpg"),
    ],
)
def test_a_picture_that_it_is_not_about(place: Path, picture: str, said: str) -> None:
    ran = run("verify", "statement.jws", "--key", "jwks.json", "--picture", picture)
    assert ran.exit_code == 1
    assert ran.stdout.startswith("HOLDS")
    assert said in ran.stdout


def test_a_statement_that_does_not_hold(place: Path) -> None:
    ran = run("verify", "statement.jws", "--key", "wrong.json")
    assert ran.exit_code == 1
    assert ran.stdout.splitlines()[0] == "DOES NOT HOLD"
    token = (place / "statement.jws").read_text().strip()
    (place / "spoilt.jws").write_text(token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:])
    told = json.loads(run("verify", "spoilt.jws", "--key", "jwks.json", "--json").stdout)
    assert (told["holds"], told["code"]) == (False, "statement.signature")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("verify", "selfie.jpg", "--key", "jwks.json"), "statement.malformed"),
        (("verify", "nowhere.jws", "--key", "jwks.json"), "ledger.no_file"),
        (("verify", "statement.jws", "--key", "nowhere.json"), "ledger.no_file"),
        (("verify", "statement.jws", "--key", "selfie.jpg"), "statement.key"),
        (("verify", "statement.jws", "--key", "{}"), "statement.key"),
        (("verify", "statement.jws", "--key", "jwks.json", "--picture", "probe=no.jpg"), "ledger.no_file"),
    ],
)
def test_what_cannot_be_checked_has_a_code(place: Path, words: tuple[str, ...], code: str) -> None:
    ran = run(*words)
    assert isinstance(ran.exception, LedgerError)
    assert ran.exception.code == code


@pytest.mark.parametrize("words", [(), ("--picture", "selfie.jpg", "--key", "jwks.json")])
def test_wrong_usage(place: Path, words: tuple[str, ...]) -> None:
    assert run("verify", "statement.jws", *words).exit_code == 2


def test_a_password_in_an_address_is_not_shown(place: Path) -> None:
    ran = run("verify", "statement.jws", "--ledger", "postgres://user:secret@host/x")
    assert isinstance(ran.exception, StorageError)
    assert ran.exception.code == "storage.address"
    assert "secret" not in str(ran.exception)


def test_the_operator_issues_and_checks_with_the_ledger(place: Path) -> None:
    where = ["--ledger", str(place.parent / "ledger.db")]
    ran = run("issue", "1", *where)
    assert ran.exit_code == 0
    assert run("verify", "-", *where, given=ran.stdout_bytes).exit_code == 0
    assert json.loads(run("keys", *where).stdout) == json.loads((place / "jwks.json").read_text())
    failed = run("issue", "2", *where)
    assert isinstance(failed.exception, LedgerError)
    assert failed.exception.code == "ledger.index"
    (place.parent / "ledger.db.key").unlink()
    for words in (("issue", "1"), ("keys",)):
        failed = run(*words, *where)
        assert isinstance(failed.exception, LedgerError)
        assert failed.exception.code == "ledger.no_key"
