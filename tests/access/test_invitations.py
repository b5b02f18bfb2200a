from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.access.conftest import PASSWORD, Desk
from tests.access.test_users import code

from visavis.access.invitations import FIRST, Invitations

if TYPE_CHECKING:
    from tests.access.conftest import Clock


def test_a_link_sets_a_password_once(desk: Desk) -> None:
    user = desk.users.add("anna", ["clerk"])
    token = desk.invitations.make(user.id)
    assert desk.invitations.find(token) == desk.invitations.find(token) == user, "to look uses nothing up"
    assert desk.invitations.accept(token, PASSWORD).state == "active"
    assert desk.users.password_fits("anna", PASSWORD)[1]
    assert code(lambda: desk.invitations.find(token)) == "access.invitation"
    assert code(lambda: desk.invitations.accept(token, "another good password")) == "access.invitation"
    assert desk.users.password_fits("anna", PASSWORD)[1]


def test_only_a_keyed_digest_is_kept(desk: Desk) -> None:
    user = desk.users.add("anna", ["clerk"])
    token = desk.invitations.make(user.id)
    assert len(token) == 43, "256 bits"
    assert token not in desk.stored()
    assert token != desk.invitations.make(user.id)


def test_a_password_that_can_be_none_leaves_the_link_open(desk: Desk) -> None:
    token = desk.invitations.make(desk.users.add("anna", ["clerk"]).id)
    assert code(lambda: desk.invitations.accept(token, "too short")) == "access.password"
    assert desk.invitations.accept(token, PASSWORD).has_password


def test_a_link_ends_after_a_day(desk: Desk, clock: Clock) -> None:
    token = desk.invitations.make(desk.users.add("anna", ["clerk"]).id)
    clock.move(hours=23, minutes=59, seconds=59)
    assert desk.invitations.expire() == 0
    desk.invitations.find(token)
    clock.move(seconds=1)
    assert code(lambda: desk.invitations.accept(token, PASSWORD)) == "access.invitation"
    assert desk.invitations.expire() == 1


def test_a_new_link_voids_the_one_before(desk: Desk) -> None:
    user = desk.users.add("anna", ["clerk"])
    first, second = desk.invitations.make(user.id), desk.invitations.make(user.id)
    assert code(lambda: desk.invitations.find(first)) == "access.invitation"
    desk.invitations.find(second)


def test_blocking_voids_a_link(desk: Desk) -> None:
    user = desk.users.add("anna", ["clerk"])
    token = desk.invitations.make(user.id)
    desk.users.block(user.id)
    assert code(lambda: desk.invitations.accept(token, PASSWORD)) == "access.invitation"
    assert code(lambda: desk.invitations.make(user.id)) == "access.blocked"
    desk.users.unblock(user.id)
    assert code(lambda: desk.invitations.accept(token, PASSWORD)) == "access.invitation", "for good"


def test_a_link_for_somebody_with_a_password_ends_their_sessions(desk: Desk) -> None:
    user = desk.user()
    token = desk.sign_in().token
    link = desk.invitations.make(user.id)
    desk.sessions.find(token)
    desk.invitations.accept(link, "another good password")
    assert code(lambda: desk.sessions.find(token)) == "access.session"
    assert code(desk.sign_in) == "access.sign_in"
    desk.sign_in(password="another good password")


def test_who_signs_in_at_a_provider_gets_no_link(desk: Desk) -> None:
    user = desk.users.add("anna", ["clerk"], openid=("https://id.example", "1"))
    assert code(lambda: desk.invitations.make(user.id)) == "access.user_fields"
    assert code(lambda: desk.invitations.make("nobody")) == "access.no_user"


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 43, "A" * 1_000_000, "\ud800" * 43, "' OR 1=1 --" + "A" * 32]
)
def test_whatever_is_no_link(somewhere: Desk, token: str) -> None:
    somewhere.invitations.make(somewhere.users.named("anna").id)
    assert code(lambda: somewhere.invitations.accept(token, PASSWORD)) == "access.invitation"


def test_of_two_who_use_a_link_one_wins(desk: Desk, other: Desk) -> None:
    token = desk.invitations.make(desk.users.add("anna", ["clerk"]).id)
    ready = threading.Barrier(2)
    answers: dict[str, str] = {}

    def work(invitations: Invitations, password: str) -> None:
        ready.wait()
        answers[password] = code(lambda: invitations.accept(token, password))

    passwords = ("first good password", "second good password")
    threads = [
        threading.Thread(target=work, args=pair)
        for pair in zip((desk.invitations, other.invitations), passwords, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == ["", "access.invitation"]
    for password, answer in answers.items():
        assert desk.users.password_fits("anna", password)[1] is (answer == "")


# The first start


def test_a_first_start_invites_an_administrator(desk: Desk, clock: Clock) -> None:
    found = desk.invitations.first()
    assert found is not None
    user, token = found
    assert (user.name, user.roles) == (FIRST, frozenset({"administrator"}))
    clock.move(hours=25)
    again = desk.invitations.first()  # nobody used the link
    assert again is not None
    assert again[0] == user
    assert code(lambda: desk.invitations.find(token)) == "access.invitation"
    desk.invitations.accept(again[1], PASSWORD)
    assert desk.invitations.first() is None
    assert desk.users.password_fits(FIRST, PASSWORD)[1]


def test_later_starts_invite_nobody(desk: Desk) -> None:
    desk.user("clerk-only", "clerk")
    found = desk.invitations.first()  # there is nobody yet who could manage users
    assert found is not None
    desk.users.add("chief", ["administrator"], openid=("https://id.example", "1"))
    assert desk.invitations.first() is None
    assert len(desk.users.all()) == 3


def test_a_blocked_administrator_is_not_let_in_by_a_start(desk: Desk) -> None:
    chief = desk.user("chief", "administrator")
    desk.user("second", "administrator")
    desk.users.block(chief.id)
    assert desk.invitations.first() is None


def test_a_name_that_somebody_has_already_keeps_no_service_from_starting(desk: Desk) -> None:
    desk.users.of_openid("https://id.example", "1", name=FIRST, roles=frozenset({"clerk"}))
    found = desk.invitations.first()
    assert found is not None
    assert found[0].name.startswith(f"{FIRST}-")
    assert found[0].roles == {"administrator"}
    again = desk.invitations.first()
    assert again is not None
    assert again[0] == found[0]


def test_another_password_voids_a_link_that_is_open(desk: Desk) -> None:
    user = desk.user("anna")
    session, token = desk.sign_in(), desk.invitations.make(user.id)
    desk.sessions.change_password(session.token, PASSWORD, "another good password", address=None)
    assert code(lambda: desk.invitations.find(token)) == "access.invitation"


def test_who_was_given_a_link_is_not_kept_out_by_others_failures(desk: Desk) -> None:
    user = desk.user("anna")
    for _ in range(5):
        assert code(lambda: desk.sign_in(password="wrong")) == "access.sign_in"
    assert code(desk.sign_in) == "access.locked"
    desk.accounts.accept(desk.invitations.make(user.id), "another good password")
    assert desk.sign_in(password="another good password").session is not None
