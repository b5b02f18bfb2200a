from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from visavis.access.attempts import NOTED_PER_MINUTE, Attempts, Rules
from visavis.errors import AccessError, VisavisError

if TYPE_CHECKING:
    from tests.access.conftest import Clock, Desk

    from visavis.ledger.log import Ledger


@pytest.fixture
def attempts(ledger: Ledger, clock: Clock) -> Attempts:
    return Attempts(ledger, secret=b"s" * 32, clock=clock, rules=Rules(place=12))


def fail(attempts: Attempts, name: str = "anna", address: str | None = "192.0.2.1") -> int:
    """Fail once; after how many seconds one may try again where it isn't even looked at."""
    try:
        attempts.failed(attempts.begin("name", name, address), None)
    except AccessError as error:
        return (error.retry_after_s or -1) if error.code == "access.locked" else -1
    return 0


def test_the_delay_grows_up_to_a_bound(attempts: Attempts, clock: Clock) -> None:
    assert [fail(attempts) for _ in range(5)] == [0] * 5
    # After 5 failures 30 seconds, twice as long after each further one, at most 15 minutes.
    for seconds in (30, 60, 120, 240, 480, 900, 900):
        assert fail(attempts) == seconds
        clock.move(seconds=seconds - 1)
        assert fail(attempts) == 1
        clock.move(seconds=1)
        assert fail(attempts) == 0


def test_a_refused_attempt_is_not_counted(attempts: Attempts, clock: Clock) -> None:
    for _ in range(5):
        fail(attempts)
    assert [fail(attempts) for _ in range(50)] == [30] * 50
    clock.move(seconds=30)
    assert fail(attempts) == 0
    assert fail(attempts) == 60


def test_failures_are_forgotten_after_a_while(attempts: Attempts, clock: Clock) -> None:
    for _ in range(4):
        fail(attempts)
    clock.move(hours=1)
    assert [fail(attempts) for _ in range(6)] == [0] * 5 + [30]
    clock.move(hours=1)
    assert attempts.expire() >= 2, "name and address, and what was noted"
    assert [fail(attempts) for _ in range(6)] == [0] * 5 + [30]


def test_what_was_right_is_taken_back(attempts: Attempts) -> None:
    for _ in range(30):
        attempts.passed(attempts.begin("name", "anna", "192.0.2.1"))
    for _ in range(4):
        fail(attempts)
    attempts.passed(attempts.begin("name", "anna", "192.0.2.1"))
    assert [fail(attempts) for _ in range(6)] == [0] * 5 + [30]


def test_what_was_not_looked_at_is_taken_back(attempts: Attempts) -> None:
    for _ in range(4):
        fail(attempts)
    for _ in range(20):
        attempts.withdrawn(attempts.begin("name", "anna", "192.0.2.1"))
    assert [fail(attempts) for _ in range(2)] == [0, 30]


def test_an_address_is_counted_over_all_names(attempts: Attempts) -> None:
    assert [fail(attempts, f"name-{number}") for number in range(13)] == [0] * 12 + [30]
    assert fail(attempts, "another", "192.0.2.2") == 0
    assert fail(attempts, "another", None) == 0


def test_what_an_office_mistypes_does_not_add_up_over_the_days(attempts: Attempts, clock: Clock) -> None:
    for number in range(100):
        assert fail(attempts, f"name-{number}") == 0
        clock.move(minutes=6)  # ten in an hour
    for number in range(100, 112):
        fail(attempts, f"name-{number}")
    assert fail(attempts, "another") == 30


def test_an_address_at_its_limit_waits_until_an_hour_was_quiet(attempts: Attempts, clock: Clock) -> None:
    for number in range(12):
        fail(attempts, f"name-{number}")
    for number, seconds in enumerate((30, 60, 120, 240, 480, 900, 900)):
        assert fail(attempts, "another") == seconds
        clock.move(minutes=15)
        assert fail(attempts, f"later-{number}") == 0
    clock.move(hours=1)
    assert [fail(attempts, f"name-{number}") for number in range(13)] == [0] * 12 + [30]


def test_one_own_name_that_is_right_does_not_open_an_address(attempts: Attempts, clock: Clock) -> None:
    """Whoever has an account can't guess at others' between their own sign-ins."""
    for number in range(12):
        fail(attempts, f"name-{number}")
        if number < 11:
            attempts.passed(attempts.begin("name", "mallory", "192.0.2.1"))
    with pytest.raises(AccessError):
        attempts.begin("name", "mallory", "192.0.2.1")
    clock.move(seconds=30)
    attempts.passed(attempts.begin("name", "mallory", "192.0.2.1"))
    assert fail(attempts, "next") == 0
    assert fail(attempts, "next") == 60


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::4", True),
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
        ("::ffff:192.0.2.9", "192.0.2.9", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.8", "192.0.2.9", False),
        ("unix:", "unix:", True),
        ("x" * 100_000, "y" * 100_000, False),
        ("\ud800", "\ud800", True),
    ],
)
def test_what_an_address_is_counted_by(somewhere: Desk, one: str, other: str, same: bool) -> None:
    secret = (one + other)[-32:].encode("utf-8", "replace")  # each row counts by itself
    attempts = Attempts(somewhere.ledger, secret=secret, clock=somewhere.clock, rules=Rules(place=12))
    for number in range(12):
        fail(attempts, f"name-{number}", one)
    assert fail(attempts, "another", other) == (30 if same else 0)


def test_at_the_same_time_is_no_more_than_one_after_the_other(desk: Desk, other: Desk) -> None:
    looked: list[int] = []

    def work(attempts: Attempts) -> None:
        for _ in range(6):
            try:
                attempts.begin("name", "anna", "192.0.2.1")
            except AccessError:
                continue
            looked.append(1)

    threads = [threading.Thread(target=work, args=(each.sessions.attempts,)) for each in (desk, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked) == 5


def test_rows_are_locked_in_one_order(desk: Desk, other: Desk) -> None:
    """Otherwise PostgreSQL ends one of two who sign in at the same time."""
    names = {"anna", "bert", "cleo", "dora"}  # some of their digests come before the address's, some after
    went_wrong: list[VisavisError] = []

    def work(attempts: Attempts) -> None:
        for name in sorted(names) * 6:
            try:
                attempts.passed(attempts.begin("name", name, "192.0.2.1"))
            except VisavisError as error:
                went_wrong.append(error)

    threads = [threading.Thread(target=work, args=(each.sessions.attempts,)) for each in (desk, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert went_wrong == []


def test_a_lock_out_is_one_entry_in_a_window(desk: Desk, clock: Clock) -> None:
    attempts = desk.sessions.attempts
    for whose in ("known", None):
        name = f"name of {whose}"
        for _ in range(8):
            for _ in range(5):
                try:
                    attempts.failed(attempts.begin("name", name, None), whose)
                except AccessError:
                    break
            clock.move(minutes=5)
    known, unknown = desk.recorded("refusal")
    assert known.reasons == unknown.reasons == ("access.locked",)
    assert known.details == {"asked": "sign-in", "by": "name", "failures": 5, "user": "known"}
    assert unknown.details == {**known.details, "user": None}
    assert "name of" not in desk.stored()


def test_strangers_can_not_fill_the_ledger(desk: Desk) -> None:
    attempts = desk.sessions.attempts
    for number in range(NOTED_PER_MINUTE + 5):
        for _ in range(5):
            attempts.failed(attempts.begin("name", f"name-{number}", None), None)
    assert len(desk.recorded("refusal")) == NOTED_PER_MINUTE
    desk.clock.move(minutes=1)
    for _ in range(5):
        attempts.failed(attempts.begin("name", "one more", None), None)
    assert len(desk.recorded("refusal")) == NOTED_PER_MINUTE + 1


def test_addresses_are_kept_nowhere(desk: Desk) -> None:
    attempts = desk.sessions.attempts
    for number in range(120):
        try:
            attempts.failed(attempts.begin("name", f"name-{number}", "198.51.100.77"), None)
        except AccessError:
            break
    [entry] = desk.recorded("refusal")
    assert entry.details["by"] == "address"
    assert "198.51.100" not in desk.stored()
