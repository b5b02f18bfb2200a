from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from tests.access.conftest import ADDRESS, PASSWORD, Desk
from tests.access.test_second_factor import enrolled, now_of, secret_of
from tests.access.test_users import PURPOSE, code

from visavis.access.sessions import TOKEN
from visavis.errors import AccessError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.access.conftest import Clock

    from visavis.access.users import User

OTHER = "another good password"


@pytest.fixture
def anna(desk: Desk) -> User:
    return desk.user()


@pytest.fixture(scope="module")
def several(somewhere: Desk) -> Desk:
    """A desk with users who may not sign in with a password."""
    somewhere.users.add("invited", ["clerk"])
    somewhere.users.block(somewhere.user("blocked").id)
    somewhere.users.add("elsewhere", ["clerk"], openid=("https://id.example", "1"))
    return somewhere


def test_who_signs_in_is_signed_in(desk: Desk, anna: User, clock: Clock) -> None:
    signed = desk.sign_in()
    session = signed.session
    assert session is not None
    assert session == desk.sessions.find(signed.token)
    assert (session.user, session.how, session.key, session.since) == (anna, "password", None, clock.now)
    assert desk.sign_in("  ANNA ").session is not None
    assert [entry.details["how"] for entry in desk.recorded() if entry.decision == "sign-in"] == [
        "password"
    ] * 2


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", OTHER),
        ("anna", ""),
        ("nobody", PASSWORD),
        ("", ""),
        ("anna\0", PASSWORD),
        ("\ud800", "\ud800"),
        ("x" * 1_000_000, "x" * 1_000_000),
        ("' OR 1=1 --", PASSWORD),
        ("invited", PASSWORD),
        ("blocked", PASSWORD),
        ("elsewhere", PASSWORD),
    ],
)
def test_whoever_may_not_is_told_the_same(several: Desk, name: str, password: str) -> None:
    with pytest.raises(AccessError) as caught:
        several.sign_in(name, password)
    assert caught.value.code == "access.sign_in"
    assert str(caught.value) == "name or password is wrong, or the user may not sign in"
    assert several.recorded("refusal") == [], "a ledger is no log of attempts"


def test_a_token_has_256_bits_and_only_a_keyed_digest_is_kept(desk: Desk, anna: User) -> None:
    token = desk.sign_in().token
    matched = TOKEN.fullmatch(token)
    assert matched is not None
    assert len(base64.urlsafe_b64decode(matched[2] + "=")) == 32
    assert matched[2] not in desk.stored()
    assert desk.sessions.csrf(token) not in desk.stored()
    assert desk.sign_in().token != token


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: None,
        lambda token: "",
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "\n",
        lambda token: token.replace("vs_", "vp_"),
        lambda token: token.replace("vs_", "vb_"),
        lambda token: "vs_" + "A" * 43,
        lambda token: "vs_" + "\ud800" * 43,
        lambda token: "vs_' OR 1=1 --" + "A" * 32,
        lambda token: "x" * 1_000_000,
    ],
)
def test_whatever_is_no_session(somewhere: Desk, spoil: Any) -> None:
    token = somewhere.sign_in().token
    assert code(lambda: somewhere.sessions.find(spoil(token))) == "access.session"
    somewhere.sessions.sign_out(spoil(token))
    somewhere.sessions.find(token)


def test_a_session_ends_when_nobody_uses_it(desk: Desk, anna: User, clock: Clock) -> None:
    token = desk.sign_in().token
    for _ in range(5):
        clock.move(minutes=29)
        desk.sessions.find(token)
    clock.move(minutes=30)
    assert code(lambda: desk.sessions.find(token)) == "access.session"
    assert desk.sessions.expire() == 2, "the session, and how often signing in failed from the address"


def test_a_session_ends_when_its_time_is_over_however_it_is_used(
    desk: Desk, anna: User, clock: Clock
) -> None:
    token = desk.sign_in().token
    until = clock.now.replace(hour=21, minute=30)  # twelve hours
    while clock.now < until:
        assert desk.sessions.find(token).until == until
        clock.move(minutes=10)
    assert code(lambda: desk.sessions.find(token)) == "access.session"


def test_a_use_is_kept_no_finer_than_a_minute(desk: Desk, anna: User, clock: Clock) -> None:
    token = desk.sign_in().token

    def seen() -> int:
        with desk.ledger.storage.reading() as connection:
            return int(connection.exec_driver_sql("SELECT seen_at FROM access_sessions").scalar_one())

    first = seen()
    clock.move(seconds=59)
    desk.sessions.find(token)
    assert seen() == first
    clock.move(seconds=1)
    desk.sessions.find(token)
    assert seen() == first + 60_000_000


def test_who_signs_out_is_out(desk: Desk, anna: User) -> None:
    one, two = desk.sign_in().token, desk.sign_in().token
    desk.sessions.sign_out(one)
    desk.sessions.sign_out(one)
    desk.sessions.sign_out(None)
    assert code(lambda: desk.sessions.find(one)) == "access.session"
    desk.sessions.find(two)


def test_who_signs_out_everywhere_is_out_everywhere(desk: Desk, other: Desk, anna: User) -> None:
    bert = desk.user("bert")
    tokens = [desk.sign_in().token, other.sign_in().token]
    untouched = desk.sign_in(bert.name).token
    other.sessions.sign_out_everywhere(tokens[0])
    assert [code(partial(desk.sessions.find, token)) for token in tokens] == ["access.session"] * 2
    assert desk.sessions.find(untouched).user == bert
    assert desk.actions(anna)[-1] == "end-sessions"


CHANGES: dict[str, Callable[[Desk, User], object]] = {
    "blocked": lambda desk, user: desk.users.block(user.id),
    "other roles": lambda desk, user: desk.users.set_roles(user.id, ["clerk", "auditor"]),
    "ended": lambda desk, user: desk.users.end_sessions(user.id),
    "a link": lambda desk, user: desk.invitations.accept(desk.invitations.make(user.id), OTHER),
    "a second factor": enrolled,
    "a reset": lambda desk, user: desk.second_factor.reset(user.id),
}


@pytest.mark.parametrize("change", CHANGES)
def test_sessions_end_at_once_in_every_process(desk: Desk, other: Desk, anna: User, change: str) -> None:
    token = desk.sign_in().token
    other.sessions.find(token)
    CHANGES[change](desk, anna)
    assert code(lambda: other.sessions.find(token)) == "access.session"
    if change == "blocked":
        desk.users.unblock(anna.id)
        assert code(lambda: other.sessions.find(token)) == "access.session", "and don't come back"


def test_the_same_roles_again_end_nothing(desk: Desk, anna: User) -> None:
    token = desk.sign_in().token
    desk.users.set_roles(anna.id, ["clerk"])
    desk.sessions.find(token)


def test_a_sign_in_that_a_block_overtakes_comes_to_nothing(
    desk: Desk, other: Desk, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = desk.users.password_fits

    def overtaken(name: str, password: str) -> tuple[User | None, bool]:
        found = fits(name, password)
        other.users.set_roles(anna.id, ["auditor"])
        return found

    monkeypatch.setattr(desk.users, "password_fits", overtaken)
    assert code(desk.sign_in) == "access.session"
    monkeypatch.undo()
    session = desk.sign_in().session
    assert session is not None
    assert session.user.roles == {"auditor"}


def test_somebody_who_writes_the_database_can_make_no_session(desk: Desk, anna: User) -> None:
    import hashlib

    from visavis.access.tables import sessions

    desk.sign_in()
    forged = "vs_" + "A" * 43
    with desk.ledger.storage.writing() as connection:
        row = dict(connection.execute(sa.select(sessions)).mappings().one())
        row["digest"] = hashlib.sha256(forged.encode()).digest()
        connection.execute(sessions.insert(), row)
    assert code(lambda: desk.sessions.find(forged)) == "access.session"


def test_without_the_database_nobody_is_let_in(desk: Desk, anna: User) -> None:
    token = desk.sign_in().token
    with desk.ledger.storage.writing() as connection:
        connection.exec_driver_sql("DROP TABLE access_sessions")
    with pytest.raises(StorageError):
        desk.sessions.find(token)
    with pytest.raises(StorageError):
        desk.sign_in()


# The second factor


def test_with_a_second_factor_the_password_is_half_the_way(desk: Desk, anna: User) -> None:
    secret, codes = enrolled(desk, anna)
    half = desk.sign_in()
    assert half.session is None
    assert code(lambda: desk.sessions.find(half.token)) == "access.session"
    assert code(lambda: desk.sessions.find(half.token.replace("vp_", "vs_"))) == "access.session"
    assert code(lambda: desk.sessions.choose(half.token, "x")) == "access.session"
    wrong = code(lambda: desk.sessions.sign_in_second(half.token, "000000", address=ADDRESS))
    assert wrong == "access.second_factor"
    signed = desk.sessions.sign_in_second(half.token, now_of(desk, secret), address=ADDRESS)
    assert signed.session is not None
    assert signed.session.how == "password and code"
    assert signed.token != half.token
    used = code(lambda: desk.sessions.sign_in_second(half.token, codes[0], address=ADDRESS))
    assert used == "access.session", "the step is over"
    again = desk.sessions.sign_in_second(desk.sign_in().token, codes[0], address=ADDRESS)
    assert again.session is not None
    assert again.session.how == "password and recovery code"


def test_a_session_is_no_step_to_a_second_factor(desk: Desk, anna: User) -> None:
    token = desk.sign_in().token
    assert code(lambda: desk.sessions.sign_in_second(token, "0", address=None)) == "access.session"


def test_there_is_not_much_time_for_the_second_factor(desk: Desk, anna: User, clock: Clock) -> None:
    secret, _ = enrolled(desk, anna)
    half = desk.sign_in().token
    clock.move(minutes=5)
    late = code(lambda: desk.sessions.sign_in_second(half, now_of(desk, secret), address=ADDRESS))
    assert late == "access.session"


def test_guessing_codes_is_locked_out_however_often_the_password_is_right(
    desk: Desk, anna: User, clock: Clock
) -> None:
    secret, _ = enrolled(desk, anna)
    answers = [
        code(lambda: desk.sessions.sign_in_second(desk.sign_in().token, "000000", address=ADDRESS))
        for _ in range(7)
    ]
    assert answers == ["access.second_factor"] * 5 + ["access.locked"] * 2
    [entry] = desk.recorded("refusal")
    assert (entry.details["by"], entry.details["user"]) == ("second factor", anna.id)
    half = desk.sign_in().token
    assert code(lambda: desk.sessions.sign_in_second(half, now_of(desk, secret), address=ADDRESS)) == (
        "access.locked"
    )
    clock.move(seconds=30)
    half = desk.sign_in().token
    assert desk.sessions.sign_in_second(half, now_of(desk, secret), address=ADDRESS).session is not None


def test_a_session_goes_on_under_a_new_token_when_a_second_factor_is_set(
    desk: Desk, anna: User, clock: Clock
) -> None:
    first, elsewhere = desk.sign_in().token, desk.sign_in().token
    secret = secret_of(desk.second_factor.begin(anna).secret)
    assert code(lambda: desk.sessions.confirm_second_factor(first, "0")) == "access.second_factor"
    desk.sessions.find(first)
    clock.move(minutes=20)
    signed, codes = desk.sessions.confirm_second_factor(first, now_of(desk, secret))
    assert signed.session is not None
    assert signed.session.user.has_second_factor
    assert len(codes) == 10
    assert {code(partial(desk.sessions.find, token)) for token in (first, elsewhere)} == {"access.session"}
    assert signed.session.until == clock.now.replace(hour=21, minute=30), "no more time than it had"


# Passwords


def test_another_password_needs_the_one_before(desk: Desk, anna: User) -> None:
    token, elsewhere = desk.sign_in().token, desk.sign_in().token
    change = desk.sessions.change_password
    assert code(lambda: change(token, OTHER, PASSWORD, address=ADDRESS)) == "access.sign_in"
    assert code(lambda: change(token, PASSWORD, "short", address=ADDRESS)) == "access.password"
    desk.sessions.find(elsewhere)
    signed = change(token, PASSWORD, OTHER, address=ADDRESS)
    assert signed.session is not None
    assert {code(partial(desk.sessions.find, each)) for each in (token, elsewhere)} == {"access.session"}
    assert code(desk.sign_in) == "access.sign_in"
    desk.sign_in(password=OTHER)


def test_what_goes_on_anew_ends_with_all_others_that_somebody_ends_meanwhile(
    desk: Desk, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = desk.sessions._again

    def overtaken(user: User, row: Any) -> Any:
        desk.users.end_sessions(anna.id)
        return again(user, row)

    token = desk.sign_in().token
    monkeypatch.setattr(desk.sessions, "_again", overtaken)
    refused = code(
        lambda: desk.sessions.change_password(token, PASSWORD, "another good password", address=None)
    )
    assert refused == "access.session"


def test_guessing_at_the_password_from_a_session_is_locked_out(desk: Desk, anna: User) -> None:
    token = desk.sign_in().token
    answers = [
        code(lambda: desk.sessions.change_password(token, "wrong " * 5, OTHER, address=ADDRESS))
        for _ in range(6)
    ]
    assert answers == ["access.sign_in"] * 5 + ["access.locked"]
    assert code(desk.sign_in) == "access.locked"


def test_showing_once_more_who_one_is_counts_as_signing_in_does(desk: Desk, anna: User) -> None:
    token, prove = desk.sign_in().token, partial(desk.sessions.prove, address=ADDRESS)
    prove(token, PASSWORD)
    assert code(lambda: prove("vs_" + "A" * 43, PASSWORD)) == "access.session"
    answers = [code(lambda: prove(token, "wrong " * 5)) for _ in range(6)]
    assert answers == ["access.sign_in"] * 5 + ["access.locked"]
    assert code(desk.sign_in) == "access.locked"
    desk.sessions.find(token)


def test_locked_out_nobody_looks_at_the_password(desk: Desk, anna: User, clock: Clock) -> None:
    for name in ("anna", "nobody"):
        answers = [code(partial(desk.sign_in, name, "wrong " * 5)) for _ in range(6)]
        assert answers == ["access.sign_in"] * 5 + ["access.locked"], "whether there is such a user or not"
    assert code(desk.sign_in) == "access.locked", "though it is right"
    clock.move(seconds=30)
    assert desk.sign_in().session is not None
    assert [entry.details["user"] for entry in desk.recorded("refusal")] == [anna.id, None]


def test_who_finds_no_place_to_be_looked_at_has_not_failed(
    desk: Desk, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(name: str, password: str) -> tuple[User | None, bool]:
        raise AccessError("access.busy", "too many")

    monkeypatch.setattr(desk.users, "password_fits", busy)
    assert [code(desk.sign_in) for _ in range(10)] == ["access.busy"] * 10
    monkeypatch.undo()
    assert desk.sign_in().session is not None


# A provider's word


def test_who_signs_in_elsewhere_is_signed_in(desk: Desk) -> None:
    user = desk.users.of_openid("https://id.example", "1", name="bert", roles=frozenset({"clerk"}))
    signed = desk.sessions.sign_in_openid(user)
    assert signed.session is not None
    assert (signed.session.user, signed.session.how) == (user, "openid")
    blocked = desk.users.block(user.id)
    assert code(lambda: desk.sessions.sign_in_openid(blocked)) == "access.openid_user"
    assert code(lambda: desk.sessions.sign_in_openid(user)) == "access.session", "blocked meanwhile"


def test_who_has_a_password_is_nobody_elsewhere(desk: Desk, anna: User) -> None:
    assert code(lambda: desk.sessions.sign_in_openid(anna)) == "access.openid_user"


# Purposes


def test_one_purpose_is_chosen_of_several(desk: Desk, anna: User) -> None:
    bert = desk.user("bert")
    one = desk.users.give_purpose(anna.id, **PURPOSE)
    two = desk.users.give_purpose(anna.id, purpose="a loan", legal_basis="contract")
    foreign = desk.users.give_purpose(bert.id, **PURPOSE)
    token = desk.sign_in().token
    assert desk.sessions.find(token).key is None
    assert desk.sessions.choose(token, two.id).key == two.id
    assert code(lambda: desk.sessions.choose(token, foreign.id)) == "access.no_key"
    assert code(lambda: desk.sessions.choose(token, "\0")) == "access.no_key"
    assert desk.sessions.find(token).key == two.id
    desk.users.take_purpose(anna.id, two.id)
    assert desk.sessions.find(token).key is None
    assert code(lambda: desk.sessions.choose(token, two.id)) == "access.no_key"
    assert desk.sessions.choose(token, one.id).key == one.id


def test_the_only_purpose_needs_no_choosing(desk: Desk, anna: User) -> None:
    key = desk.users.give_purpose(anna.id, **PURPOSE)
    session = desk.sign_in().session
    assert session is not None
    assert session.key == key.id


# Forms


def test_a_form_is_bound_to_its_session(desk: Desk, other: Desk, anna: User) -> None:
    token, elsewhere = desk.sign_in().token, desk.sign_in().token
    given = desk.sessions.find(token).csrf
    desk.sessions.check_csrf(token, given)
    other.sessions.check_csrf(token, given)
    assert code(lambda: desk.sessions.check_csrf(elsewhere, given)) == "access.csrf"


@pytest.mark.parametrize("given", [None, "", "x", "\ud800", "A" * 43, "A" * 1_000_000])
def test_a_forged_form_is_refused(somewhere: Desk, given: str | None) -> None:
    sessions = somewhere.sessions
    assert code(lambda: sessions.check_csrf(sessions.before(), given)) == "access.csrf"


@pytest.mark.parametrize("token", [None, "", "x", "vs_", "\ud800"])
def test_without_a_cookie_no_form_is_right(somewhere: Desk, token: str | None) -> None:
    given = somewhere.sessions.csrf(token or "")
    assert code(lambda: somewhere.sessions.check_csrf(token, given)) == "access.csrf"


def test_the_form_to_sign_in_is_bound_to_its_browser(desk: Desk, anna: User) -> None:
    before, elsewhere = desk.sessions.before(), desk.sessions.before()
    given = desk.sessions.csrf(before)
    desk.sessions.check_csrf(before, given)
    assert code(lambda: desk.sessions.check_csrf(elsewhere, given)) == "access.csrf"
    assert code(lambda: desk.sessions.find(before)) == "access.session"
    assert code(lambda: desk.sessions.check_csrf(desk.sign_in().token, given)) == "access.csrf"


def test_what_is_over_is_deleted(desk: Desk, anna: User, clock: Clock) -> None:
    desk.sign_in()
    code(lambda: desk.sign_in("nobody"))
    desk.invitations.make(anna.id)
    assert desk.accounts.expire() == 0
    clock.move(days=2)
    assert desk.accounts.expire() >= 4
