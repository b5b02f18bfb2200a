from __future__ import annotations

import re
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.access.conftest import PASSWORD, Desk

from visavis.access.accounts import Accounts
from visavis.access.keys import SCOPES, TOKEN
from visavis.access.passwords import Cost
from visavis.access.users import ACTS, DESK_SCOPES, ROLES, Users
from visavis.errors import VisavisError
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.access.conftest import Clock

PURPOSE: dict[str, Any] = {"purpose": "opening an account", "legal_basis": "consent"}


def code(work: Callable[[], object]) -> str:
    """What it is refused for; "" where it isn't."""
    try:
        work()
    except VisavisError as error:
        return error.code
    return ""


def test_a_user_is_added_and_found(desk: Desk, clock: Clock) -> None:
    user = desk.users.add(" Anna.Smith@Bank.Example ", ["reviewer", "clerk"])
    assert (user.name, user.state, user.created_at) == ("anna.smith@bank.example", "invited", clock.now)
    assert user.roles == {"clerk", "reviewer"}
    assert desk.users.get(user.id) == desk.users.named("ANNA.smith@bank.example") == user
    assert desk.users.all() == [user]
    assert user.to_dict()["roles"] == ["clerk", "reviewer"]
    assert code(lambda: desk.users.add("anna.smith@bank.example", ["clerk"])) == "access.user_exists"


@pytest.mark.parametrize(
    "name",
    [
        *("", "a", " ", "-anna", "anna-", "a b", "a\nb", "anna\0", "x" * 65, "../anna", "anna'--"),
        *("\u0430nna", "ann\u00e4", "anna\u200b", "\ud800\ud800", "<b>anna</b>"),
    ],
)
def test_a_name_that_is_none(somewhere: Desk, name: str) -> None:
    before = len(somewhere.users.all())
    assert code(lambda: somewhere.users.add(name, ["clerk"])) == "access.user_fields"
    assert len(somewhere.users.all()) == before


@pytest.mark.parametrize("roles", [[], ["boss"], ["clerk", "boss"], ["Clerk"], ["clerk,administrator"]])
def test_roles_that_are_none(somewhere: Desk, roles: list[str]) -> None:
    assert code(lambda: somewhere.users.add("bert", roles)) == "access.user_fields"


@pytest.mark.parametrize(
    "openid", [("", "1"), ("https://id.example", ""), ("https://id.example", "x" * 256), ("a\nb", "1")]
)
def test_identities_that_are_none(somewhere: Desk, openid: tuple[str, str]) -> None:
    assert code(lambda: somewhere.users.add("bert", ["clerk"], openid=openid)) == "access.user_fields"


@pytest.mark.parametrize("use", ["get", "named", "block", "unblock", "end_sessions"])
def test_a_user_who_is_not_there(somewhere: Desk, use: str) -> None:
    assert code(lambda: getattr(somewhere.users, use)("nobody")) == "access.no_user"


def test_every_role_has_its_acts() -> None:
    assert set(ACTS) == set(ROLES)
    assert set(DESK_SCOPES) <= set(SCOPES)
    everything = [act for acts in ACTS.values() for act in acts]
    assert len(everything) == len(set(everything)), "each act is one role's"
    assert not ACTS["administrator"] & {"verifications", "ledger", "subjects", "reviews"}


def test_the_roles_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "users.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|`]+ \| ([^|]+) \|$", page, re.MULTILINE)
    assert {role: set(re.findall(r"`(\w+)`", acts)) for role, acts in rows} == ACTS


def test_every_change_is_in_the_ledger_and_no_name(desk: Desk) -> None:
    user = desk.user("anna.unmistakable")
    chief = desk.user("chief", "administrator")
    desk.users.set_roles(user.id, ["clerk", "auditor"], by=chief.id)
    key = desk.users.give_purpose(user.id, **PURPOSE, by=chief.id)
    desk.users.take_purpose(user.id, key.id, by=chief.id)
    desk.users.block(user.id, by=chief.id)
    desk.users.block(user.id, by=chief.id)
    desk.users.unblock(user.id, by=chief.id)
    assert desk.actions(user) == [
        *("add", "invite", "password", "roles", "purpose", "purpose-end", "block", "unblock")
    ]
    by = {entry.decision: entry.details["by"] for entry in desk.recorded()}
    assert (by["add"], by["roles"], by["purpose"], by["block"]) == (None, chief.id, chief.id, chief.id)
    [roles] = [entry for entry in desk.recorded() if entry.decision == "roles"]
    assert (roles.details["before"], roles.details["roles"]) == ("clerk", "clerk,auditor")
    [given] = [entry for entry in desk.recorded() if entry.decision == "purpose"]
    assert (given.purpose, given.details["key"]) == ("opening an account", key.id)
    assert all(b"unmistakable" not in leaf for _, leaf in desk.ledger.leaves())
    assert desk.ledger.key is not None
    assert verify(desk.ledger, key=desk.ledger.key.verifier).sound


# Nobody is left who could let anybody in


def test_the_last_administrator_stays(desk: Desk) -> None:
    chief = desk.user("chief", "administrator", "clerk")
    desk.users.add("invited", ["administrator"])  # who can't sign in yet
    before = desk.recorded()
    assert code(lambda: desk.users.block(chief.id)) == "access.last_administrator"
    assert code(lambda: desk.users.set_roles(chief.id, ["clerk"])) == "access.last_administrator"
    assert desk.recorded() == before
    desk.users.set_roles(chief.id, ["administrator", "auditor"])
    desk.user("second", "administrator")
    desk.users.set_roles(chief.id, ["clerk"])
    assert desk.users.get(chief.id).roles == {"clerk"}


def test_of_two_administrators_who_block_each_other_one_stays(desk: Desk, other: Desk) -> None:
    one, two = desk.user("one", "administrator"), desk.user("two", "administrator")
    ready = threading.Barrier(2)
    answers: list[str] = []

    def work(users: Users, whom: str) -> None:
        ready.wait()
        answers.append(code(lambda: users.block(whom)))

    threads = [
        threading.Thread(target=work, args=pair) for pair in ((desk.users, two.id), (other.users, one.id))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["", "access.last_administrator"]
    assert sum(user.state == "active" for user in desk.users.all()) == 1


# Purposes


def test_a_user_acts_under_a_key_of_their_own(desk: Desk) -> None:
    user = desk.user("anna", "clerk")
    key = desk.users.give_purpose(user.id, **PURPOSE, rate_per_min=6, quota_per_day=100, max_fmr=1e-4)
    assert desk.users.purposes(user.id) == [key]
    assert key.user == user.id
    grant = desk.users.grant(user, key.id, "verifications")
    assert (grant.key, grant.purpose, grant.legal_basis) == (key.id, "opening an account", "consent")
    assert (grant.remaining, grant.remaining_today, grant.max_fmr) == (5, 99, 1e-4)
    for _ in range(5):
        desk.users.grant(user, key.id, "quality")
    assert code(lambda: desk.users.grant(user, key.id, "quality")) == "access.rate"
    [made] = desk.recorded("key")
    assert (made.decision, made.key, made.details["user"]) == ("create", key.id, user.id)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_role_allows_its_scopes_only(somewhere: Desk, role: str, scope: str) -> None:
    name = f"{role}-{scope}"
    user = somewhere.users.add(name, [role])
    key = somewhere.users.give_purpose(user.id, **PURPOSE)
    expected = "" if scope in ACTS[role] else "access.role"
    assert code(lambda: somewhere.users.grant(user, key.id, scope)) == expected
    assert user.may(scope) is (expected == "")


def test_what_a_role_does_not_allow_is_recorded_once_a_minute(desk: Desk) -> None:
    user = desk.user("anna", "clerk")
    key = desk.users.give_purpose(user.id, **PURPOSE)
    for _ in range(3):
        assert code(lambda: desk.users.grant(user, key.id, "ledger")) == "access.role"
    [entry] = desk.recorded("refusal")
    assert (entry.key, entry.reasons) == (key.id, ("access.role",))


def test_a_key_is_its_users_alone_and_has_no_secret(desk: Desk) -> None:
    anna, bert = desk.user("anna"), desk.user("bert")
    key = desk.users.give_purpose(anna.id, **PURPOSE)
    program, token = desk.users.keys.create(
        **PURPOSE, scopes=["verifications"], rate_per_min=60, quota_per_day=100
    )
    assert code(lambda: desk.users.grant(bert, key.id, "verifications")) == "access.unknown"
    assert code(lambda: desk.users.grant(anna, program.id, "verifications")) == "access.unknown"
    assert code(lambda: desk.users.grant(anna, "nothing", "verifications")) == "access.unknown"
    assert code(lambda: desk.users.take_purpose(bert.id, key.id)) == "access.no_key"
    assert code(lambda: desk.users.take_purpose(bert.id, program.id)) == "access.no_key"
    assert code(lambda: desk.users.keys.rotate(key.id)) == "access.desk_key"
    assert desk.users.keys.admit(token, "verifications").key == program.id


def test_a_key_of_a_user_lets_no_program_in_even_with_its_secret(desk: Desk) -> None:
    user = desk.user("anna")
    key, token = desk.users.keys.create(
        **PURPOSE, scopes=["verifications"], rate_per_min=60, quota_per_day=100, user=user.id
    )
    assert TOKEN.fullmatch(token)
    assert code(lambda: desk.users.keys.admit(token, "verifications")) == "access.unknown"
    assert desk.users.grant(user, key.id, "verifications").key == key.id


def test_whether_anybody_else_may_decide_for_a_purpose(desk: Desk, other: Desk) -> None:
    anna, bert = desk.user("anna", "clerk", "reviewer"), desk.user("bert", "reviewer")

    def found(purpose: str = "hiring") -> bool:
        return other.users.anybody_else_may("reviews", purpose, but=anna.id)

    desk.users.give_purpose(anna.id, purpose="hiring", legal_basis="consent")
    assert not found()  # not oneself
    key = desk.users.give_purpose(bert.id, purpose="hiring", legal_basis="consent")
    assert (found(), found("Hiring"), found("")) == (True, False, False)
    assert not other.users.anybody_else_may("users", "hiring", but=anna.id)
    desk.users.block(bert.id)
    assert not found()
    desk.users.unblock(bert.id)
    assert found()
    desk.users.take_purpose(bert.id, key.id)
    assert not found()
    invited = desk.users.add("carla", ["reviewer"])
    desk.users.give_purpose(invited.id, purpose="hiring", legal_basis="consent")
    assert not found()  # she has never been here


def test_a_purpose_that_was_taken_lets_nobody_in(desk: Desk, other: Desk) -> None:
    user = desk.user("anna")
    key = desk.users.give_purpose(user.id, **PURPOSE)
    other.users.take_purpose(user.id, key.id)
    assert code(lambda: desk.users.grant(user, key.id, "verifications")) == "access.revoked"
    assert desk.users.purposes(user.id) == []


@pytest.mark.parametrize(
    "wrong",
    [{"purpose": " "}, {"legal_basis": ""}, {"rate_per_min": 0}, {"quota_per_day": 0}, {"max_fmr": 0.5}],
)
def test_a_purpose_that_makes_no_sense(somewhere: Desk, wrong: dict[str, Any]) -> None:
    user = somewhere.users.add(f"wrong-{next(iter(wrong)).replace('_', '-')}", ["clerk"])
    assert code(lambda: somewhere.users.give_purpose(user.id, **{**PURPOSE, **wrong})) == "access.key_fields"
    assert somewhere.users.purposes(user.id) == []


# Passwords


def test_only_the_right_password_fits(desk: Desk) -> None:
    user = desk.user()
    assert desk.users.password_fits("ANNA ", PASSWORD) == (user, True)
    assert desk.users.password_fits("anna", PASSWORD + "x") == (user, False)
    assert desk.users.password_fits("nobody", PASSWORD) == (None, False)
    assert desk.users.password_fits("' OR 1=1 --", PASSWORD) == (None, False)
    invited = desk.users.add("invited", ["clerk"])
    assert desk.users.password_fits("invited", PASSWORD) == (invited, False)
    blocked = desk.users.block(user.id)
    assert desk.users.password_fits("anna", PASSWORD) == (blocked, False)


def test_a_hash_is_made_anew_when_the_work_rises(desk: Desk, ledger: Ledger, clock: Clock) -> None:
    desk.user()

    def kept() -> str:
        with ledger.storage.reading() as connection:
            return str(connection.exec_driver_sql("SELECT password FROM access_users").scalar())

    before = kept()
    more = Users(ledger, clock, cost=Cost(memory_kib=128, passes=2, lanes=1))
    assert more.password_fits("anna", "wrong" * 5)[1] is False
    assert kept() == before
    assert more.password_fits("anna", PASSWORD)[1] is True
    assert kept().startswith("$argon2id$v=19$m=128,t=2,p=1$")
    assert more.password_fits("anna", PASSWORD)[1] is True


def test_unknown_names_are_as_much_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: each answer verifies one hash of the same parameters."""
    desk.user()
    desk.users.add("invited", ["clerk"])
    looked: list[str] = []
    fits = desk.users._passwords.fits

    def counted(user: str, password: str, kept: str | None) -> bool:
        looked.append("a hash" if kept else "none")
        return fits(user, password, kept)

    monkeypatch.setattr(desk.users._passwords, "fits", counted)
    for name in ("anna", "invited", "nobody", "no name at all"):
        assert desk.users.password_fits(name, "wrong" * 5)[1] is False
    assert looked == ["a hash", "none", "none", "none"]


# Somebody else's word for them


def test_a_user_of_a_provider_is_found_by_issuer_and_subject(desk: Desk) -> None:
    added = desk.users.add("anna", ["clerk"], openid=("https://id.example", "4711"))
    assert added.state == "active"
    found = desk.users.of_openid("https://id.example", "4711", name="somebody", roles=None)
    assert found == added
    for issuer, subject in (("https://id.example", "4712"), ("https://other.example", "4711")):
        refused = code(partial(desk.users.of_openid, issuer, subject, name="anna", roles=None))
        assert refused == "access.openid_user"
    desk.users.block(added.id)
    blocked = code(lambda: desk.users.of_openid("https://id.example", "4711", name=None, roles=None))
    assert blocked == "access.openid_user"


def test_where_the_provider_gives_roles_they_are_taken_each_time(desk: Desk) -> None:
    first = desk.users.of_openid("https://id.example", "1", name="Bert", roles=frozenset({"clerk"}))
    assert (first.name, first.roles, first.issuer) == ("bert", frozenset({"clerk"}), "https://id.example")
    again = desk.users.of_openid(
        "https://id.example", "1", name="renamed", roles=frozenset({"auditor", "clerk"})
    )
    assert (again.id, again.name, again.roles) == (first.id, "bert", frozenset({"auditor", "clerk"}))
    assert again.epoch > first.epoch, "their sessions end"
    none = code(lambda: desk.users.of_openid("https://id.example", "1", name=None, roles=frozenset()))
    assert none == "access.openid_user"
    stranger = code(lambda: desk.users.of_openid("https://id.example", "2", name=None, roles=frozenset()))
    assert stranger == "access.openid_user"
    assert len(desk.users.all()) == 1


@pytest.mark.parametrize("name", ["anna", "\u0430nna", "", None, "x" * 100, "' OR 1=1"])
def test_a_provider_can_not_give_somebody_elses_name(somewhere: Desk, name: str | None) -> None:
    users = somewhere.users
    anna = users.named("anna")
    found = users.of_openid("https://id.example", f"of {name!a}", name=name, roles=frozenset({"clerk"}))
    assert found.id != anna.id
    assert found.name.startswith("openid-")
    assert users.named("anna") == anna


def test_of_two_first_sign_ins_of_one_person_one_user_is_made(desk: Desk, other: Desk) -> None:
    ready = threading.Barrier(2)
    found: list[str] = []

    def work(users: Users) -> None:
        ready.wait()
        found.append(users.of_openid("https://id.example", "1", name="bert", roles=frozenset({"clerk"})).id)

    threads = [threading.Thread(target=work, args=(each.users,)) for each in (desk, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.users.all()) == 1
    assert set(found) == {desk.users.all()[0].id}


def test_without_the_ledgers_key_there_are_no_users(tmp_path: Path) -> None:
    from visavis.ledger.reader import Reader

    with Ledger.open(tmp_path / "ledger.db"):
        pass
    (tmp_path / "ledger.db.key").rename(tmp_path / "elsewhere")
    with Reader.read(tmp_path / "ledger.db") as reader:
        assert code(lambda: Accounts.of(reader)) == "access.no_secret"  # type: ignore[arg-type]
