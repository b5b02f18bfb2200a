from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING

import pytest
from tests.access.test_users import code

from visavis.access import totp
from visavis.errors import AccessError

if TYPE_CHECKING:
    from tests.access.conftest import Clock, Desk

    from visavis.access.users import User


def secret_of(enrolment_secret: str) -> bytes:
    return base64.b32decode(enrolment_secret)


@pytest.fixture
def anna(desk: Desk) -> User:
    return desk.user()


def enrolled(desk: Desk, user: User) -> tuple[bytes, list[str]]:
    """The secret in the app, and the recovery codes."""
    secret = secret_of(desk.second_factor.begin(user).secret)
    codes = desk.second_factor.confirm(user, now_of(desk, secret))
    desk.clock.move(seconds=30)  # so that the next code is another one
    return secret, codes


def now_of(desk: Desk, secret: bytes, off: int = 0) -> str:
    return totp.code_of(secret, totp.step_at(desk.clock()) + off)


def test_it_counts_once_a_code_has_shown_that_the_app_has_it(desk: Desk, anna: User) -> None:
    told = desk.second_factor.begin(anna, issuer="desk of the bank")
    assert told.secret in told.address
    assert "desk%20of%20the%20bank" in told.address
    assert not desk.users.get(anna.id).has_second_factor
    assert desk.second_factor.use(anna.id, now_of(desk, secret_of(told.secret))) is None
    assert code(lambda: desk.second_factor.confirm(anna, "000000")) == "access.second_factor"
    codes = desk.second_factor.confirm(anna, now_of(desk, secret_of(told.secret)))
    assert len(codes) == 10
    assert desk.users.get(anna.id).has_second_factor
    assert code(lambda: desk.second_factor.begin(anna)) == "access.second_factor"
    assert code(lambda: desk.second_factor.confirm(anna, "000000")) == "access.second_factor"


def test_who_signs_in_at_a_provider_has_theirs_there(somewhere: Desk) -> None:
    user = somewhere.users.add("elsewhere", ["clerk"], openid=("https://id.example", "1"))
    assert code(lambda: somewhere.second_factor.begin(user)) == "access.second_factor"


def test_begun_anew_the_first_secret_is_worth_nothing(desk: Desk, anna: User) -> None:
    first = secret_of(desk.second_factor.begin(anna).secret)
    second = secret_of(desk.second_factor.begin(anna).secret)
    assert code(lambda: desk.second_factor.confirm(anna, now_of(desk, first))) == "access.second_factor"
    desk.second_factor.confirm(anna, now_of(desk, second))


def test_each_step_counts_once(desk: Desk, anna: User) -> None:
    secret, _ = enrolled(desk, anna)
    now = now_of(desk, secret)
    assert desk.second_factor.use(anna.id, now) == "code"
    assert desk.second_factor.use(anna.id, now) is None
    assert desk.second_factor.use(anna.id, now_of(desk, secret, -1)) is None, "nor one before it"
    assert desk.second_factor.use(anna.id, now_of(desk, secret, 1)) == "code"
    desk.clock.move(seconds=30)
    assert desk.second_factor.use(anna.id, now_of(desk, secret)) is None
    desk.clock.move(seconds=30)
    assert desk.second_factor.use(anna.id, now_of(desk, secret)) == "code"


def test_the_code_that_confirmed_is_used_up(desk: Desk, anna: User) -> None:
    secret = secret_of(desk.second_factor.begin(anna).secret)
    desk.second_factor.confirm(anna, now_of(desk, secret))
    assert desk.second_factor.use(anna.id, now_of(desk, secret)) is None


def test_each_recovery_code_counts_once(desk: Desk, anna: User) -> None:
    _, codes = enrolled(desk, anna)
    assert desk.second_factor.left(anna.id) == 10
    assert desk.second_factor.use(anna.id, codes[3].upper().replace("-", " ")) == "recovery code"
    assert desk.second_factor.use(anna.id, codes[3]) is None
    assert desk.second_factor.left(anna.id) == 9
    [entry] = [entry for entry in desk.recorded() if entry.decision == "recovery-code"]
    assert entry.details["left"] == 9


def test_a_recovery_code_is_its_users_alone(desk: Desk, anna: User) -> None:
    _, codes = enrolled(desk, anna)
    bert = desk.user("bert")
    enrolled(desk, bert)
    assert desk.second_factor.use(bert.id, codes[0]) is None
    assert desk.second_factor.use(anna.id, codes[0]) == "recovery code"


def race(desk: Desk, other: Desk, user: User, typed: str) -> list[str | None]:
    ready = threading.Barrier(2)
    answers: list[str | None] = []

    def work(one: Desk) -> None:
        ready.wait()
        answers.append(one.second_factor.use(user.id, typed))

    threads = [threading.Thread(target=work, args=(each,)) for each in (desk, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_two_with_one_code_one_wins(desk: Desk, other: Desk, anna: User) -> None:
    secret, codes = enrolled(desk, anna)
    for typed, used in ((now_of(desk, secret), "code"), (codes[0], "recovery code")):
        answers = race(desk, other, anna, typed)
        assert answers.count(used) == 1
        assert answers.count(None) == 1


@pytest.mark.parametrize(
    "typed", ["", "0", "1" * 1000, "aaaa-aaaa-aaaa-aaaa", "\ud800" * 16, "' OR 1=1", "\0"]
)
def test_whatever_is_typed_is_only_wrong(somewhere: Desk, typed: str) -> None:
    user = somewhere.users.named("anna")
    if not user.has_second_factor:
        enrolled(somewhere, user)
    assert somewhere.second_factor.use(user.id, typed) is None
    assert somewhere.second_factor.use("nobody", typed) is None


def test_what_is_stored_tells_no_secret(desk: Desk, anna: User) -> None:
    secret, codes = enrolled(desk, anna)
    stored = desk.stored()
    assert repr(secret)[2:-1] not in stored
    assert totp.spelled(secret) not in stored
    assert not any(code in stored or totp.plain(code) in stored for code in codes)


def test_a_secret_in_somebody_elses_row_is_damaged(desk: Desk, anna: User) -> None:
    enrolled(desk, anna)
    bert = desk.user("bert")
    with desk.ledger.storage.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE access_users SET totp = (SELECT totp FROM access_users WHERE name = 'anna'), "
            "totp_since = 1 WHERE name = 'bert'"
        )
    with pytest.raises(AccessError) as caught:
        desk.second_factor.use(bert.id, "123456")
    assert caught.value.code == "access.damaged"


def test_a_reset_takes_it_away(desk: Desk, anna: User, clock: Clock) -> None:
    secret, codes = enrolled(desk, anna)
    desk.second_factor.reset(anna.id, by="someone")
    user = desk.users.get(anna.id)
    assert not user.has_second_factor
    assert desk.second_factor.left(anna.id) == 0
    assert desk.second_factor.use(anna.id, now_of(desk, secret)) is None
    assert desk.second_factor.use(anna.id, codes[0]) is None
    assert desk.actions(anna)[-2:] == ["second-factor", "second-factor-reset"]
    enrolled(desk, user)
    assert code(lambda: desk.second_factor.reset("nobody")) == "access.no_user"
