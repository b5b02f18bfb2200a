from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from visavis.access import totp
from visavis.access.accounts import INVITATION, Accounts
from visavis.access.passwords import Cost
from visavis.cli.keys import keys_group
from visavis.cli.users import users_group
from visavis.errors import AccessError, LedgerError, StorageError
from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse battery staple"
CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
ACTING = ("--purpose", "opening an account", "--legal-basis", "consent")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    where = tmp_path / "ledger.db"
    monkeypatch.setenv("VISAVIS_LEDGER", str(where))
    monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
    monkeypatch.delenv("VISAVIS_SERVICE_DESK_ORIGIN", raising=False)
    return where


def run(*words: str) -> Result:
    return CliRunner().invoke(users_group, words)


def add(*words: str) -> str:
    """The token of the link that is printed."""
    ran = run("add", *words)
    assert ran.exit_code == 0, ran.output
    return ran.stdout.strip().rpartition("/")[2]


def refusal(*words: str) -> str:
    ran = run(*words)
    assert isinstance(ran.exception, AccessError), ran.output
    return ran.exception.code


def test_a_link_is_printed_once_and_alone(ledger: Path) -> None:
    ran = run("add", "Anna", "--role", "clerk", "--role", "reviewer", *ACTING)
    assert ran.exit_code == 0, ran.output
    link = ran.stdout.removesuffix("\n")
    assert link.startswith(INVITATION)
    token = link.removeprefix(INVITATION)
    assert ran.stderr.startswith("anna is added (")
    assert "clerk, reviewer" in ran.stderr
    assert token not in ran.stderr + run("list").output + run("list", "--json").output
    with Ledger.open(ledger) as opened:
        accounts = Accounts.of(opened, cost=CHEAP)
        user = accounts.invitations.accept(token, PASSWORD)
        session = accounts.sessions.sign_in("anna", PASSWORD, address=None).session
        assert session is not None
        assert session.key is not None
        assert accounts.users.grant(user, session.key, "verifications").purpose == "opening an account"


@pytest.mark.parametrize("origin", ["https://desk.example", "https://desk.example/", "http://localhost:8420"])
def test_the_link_leads_to_the_desk(ledger: Path, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start = origin.rstrip("/") + INVITATION
    assert run("add", "anna", "--role", "clerk", "--origin", origin).stdout.startswith(start)
    monkeypatch.setenv("VISAVIS_SERVICE_DESK_ORIGIN", origin)
    assert run("invite", "anna").stdout.startswith(start)


@pytest.mark.parametrize(
    "words",
    [
        ("add", "anna"),
        ("add", "--role", "clerk"),
        ("add", "anna", "--role", "boss"),
        ("add", "anna", "--role", "clerk", "--purpose", "opening an account"),
        ("add", "anna", "--role", "clerk", "--legal-basis", "consent"),
        ("add", "anna", "--role", "clerk", "--purpose", " ", "--legal-basis", "consent"),
        ("add", "anna", "--role", "clerk", *ACTING, "--rate", "60"),
        ("add", "anna", "--role", "clerk", *ACTING, "--quota", "0/day"),
        ("add", "anna", "--role", "clerk", "--openid", "https://id.example"),
        ("roles", "anna"),
        ("purpose", "anna"),
        ("purpose", "anna", "--purpose", "opening an account"),
        ("purpose", "anna", *ACTING, "--take", "x"),
    ],
)
def test_wrong_options_are_wrong_usage(ledger: Path, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2  # click's own, which visavis.cli.main makes 64
    assert not ledger.exists()


def test_an_origin_that_is_none(ledger: Path) -> None:
    assert run("add", "anna", "--role", "clerk", "--origin", "desk.example").exit_code == 2
    assert not ledger.exists(), "nobody was added whose link is lost"


def test_a_user_that_makes_no_sense_has_a_code(ledger: Path) -> None:
    add("anna", "--role", "clerk")
    assert refusal("add", "anna", "--role", "clerk") == "access.user_exists"
    assert refusal("add", "a b", "--role", "clerk") == "access.user_fields"
    for command in ("block", "unblock", "invite", "totp-reset"):
        assert refusal(command, "nobody") == "access.no_user"


def test_users_are_listed_with_what_they_may_do(ledger: Path) -> None:
    add("bert", "--role", "auditor")
    add("anna", "--role", "clerk", *ACTING)
    assert run("add", "clara", "--role", "clerk", "--openid", "https://id.example", "4711").stdout == ""
    assert run("block", "bert").stdout == "bert is blocked\n"
    heads, *lines = run("list").stdout.splitlines()
    assert heads.split() == ["ID", "NAME", "STATE", "SECOND", "ROLES", "PURPOSES"]
    assert [line.split()[1:5] for line in lines] == [
        ["anna", "invited", "no", "clerk"],
        ["bert", "blocked", "no", "auditor"],
        ["clara", "active", "elsewhere", "clerk"],
    ]
    assert lines[0].split(maxsplit=5)[5].startswith("opening an account (")
    told = json.loads(run("list", "--json").stdout)
    assert [user["name"] for user in told] == ["anna", "bert", "clara"]
    assert told[0]["purposes"][0]["legal_basis"] == "consent"
    assert (told[2]["issuer"], told[2]["subject"]) == ("https://id.example", "4711")
    assert run("unblock", "bert").stdout == "bert is invited\n"


def test_roles_and_purposes_change(ledger: Path) -> None:
    add("anna", "--role", "clerk")
    assert run("roles", "anna", "--role", "auditor", "--role", "clerk").stdout == "anna: clerk, auditor\n"
    ran = run("purpose", "anna", *ACTING, "--rate", "5/min", "--quota", "50/day")
    assert ran.stdout.startswith("anna may act for 'opening an account' (")
    [user] = json.loads(run("list", "--json").stdout)
    [key] = user["purposes"]
    assert (key["rate_per_min"], key["quota_per_day"], key["user"]) == (5, 50, user["id"])
    rotated = CliRunner().invoke(keys_group, ["rotate", key["id"]])
    assert isinstance(rotated.exception, AccessError)
    assert rotated.exception.code == "access.desk_key"
    took = run("purpose", "anna", "--take", key["id"])
    assert took.stdout == "anna acts for 'opening an account' no more\n"
    assert json.loads(run("list", "--json").stdout)[0]["purposes"] == []
    assert refusal("purpose", "anna", "--take", "nothing") == "access.no_key"


def test_a_second_factor_is_reset(ledger: Path) -> None:
    token = add("anna", "--role", "clerk")
    assert refusal("totp-reset", "anna") == "access.second_factor"
    with Ledger.open(ledger) as opened:
        accounts = Accounts.of(opened, cost=CHEAP)
        user = accounts.invitations.accept(token, PASSWORD)
        secret = base64.b32decode(accounts.second_factor.begin(user).secret)
        code = totp.code_of(secret, totp.step_at(accounts.users.clock()))
        accounts.second_factor.confirm(user, code)
    assert run("list").stdout.splitlines()[1].split()[3] == "yes"
    assert run("totp-reset", "anna").stdout == "anna has no second factor any more\n"
    assert run("list").stdout.splitlines()[1].split()[3] == "no"


def test_the_last_administrator_stays(ledger: Path) -> None:
    token = add("chief", "--role", "administrator")
    with Ledger.open(ledger) as opened:
        Accounts.of(opened, cost=CHEAP).invitations.accept(token, PASSWORD)
    assert refusal("block", "chief") == "access.last_administrator"
    assert refusal("roles", "chief", "--role", "clerk") == "access.last_administrator"


def test_all_of_it_is_in_the_ledger(ledger: Path) -> None:
    add("anna.unmistakable", "--role", "clerk", *ACTING)
    run("block", "anna.unmistakable")
    with Ledger.open(ledger) as opened:
        leaves = [leaf for _, leaf in opened.leaves(kind="user")]
    entries = [Entry.parse(leaf) for leaf in leaves]
    assert [entry.decision for entry in entries] == ["add", "purpose", "invite", "block"]
    assert {entry.details["by"] for entry in entries} == {None}
    assert b"unmistakable" not in b"".join(leaves)


def test_only_add_makes_a_ledger(ledger: Path) -> None:
    for words in (("list",), ("block", "x"), ("invite", "x"), ("roles", "x", "--role", "clerk")):
        assert isinstance(run(*words).exception, StorageError | LedgerError)
    assert not ledger.exists()
