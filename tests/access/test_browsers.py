from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.access.conftest import ADDRESS, PASSWORD
from tests.access.test_users import code

from visavis.access.browsers import COOKIE, NAMES, Browsers

if TYPE_CHECKING:
    from tests.access.conftest import Desk

BROWSERS = Browsers(b"s" * 32)


def test_a_browser_is_known_by_the_names_that_signed_in_with_it() -> None:
    one = BROWSERS.known(None, "anna")
    both = BROWSERS.known(one, "Bert ")
    number = BROWSERS.number(one, "anna")
    assert number is not None
    assert len(number) == 22  # 128 bits
    assert [BROWSERS.number(both, name) for name in ("anna", " ANNA", "bert")] == [number] * 3
    assert BROWSERS.number(one, "bert") is None
    assert "anna" not in both
    assert BROWSERS.known(both, "bert") == both, "as often as one signs in"
    assert sorted(BROWSERS.known(both, "anna")) == sorted(both)


def test_two_browsers_are_two() -> None:
    one, other = BROWSERS.known(None, "anna"), BROWSERS.known(None, "anna")
    assert BROWSERS.number(one, "anna") != BROWSERS.number(other, "anna")
    number, mark = one.split(".")
    assert BROWSERS.number(f"{other.split('.')[0]}.{mark}", "anna") is None, "a mark is of one browser"
    assert number not in other


def test_the_names_before_are_forgotten_one_day() -> None:
    cookie = None
    for number in range(NAMES + 3):
        cookie = BROWSERS.known(cookie, f"name-{number}")
        assert COOKIE.fullmatch(cookie)
    found = [BROWSERS.number(cookie, f"name-{number}") is not None for number in range(NAMES + 3)]
    assert found == [False] * 3 + [True] * NAMES


@pytest.mark.parametrize(
    "cookie",
    [None, "", "A" * 22, ".", f"{'A' * 22}.{'A' * 22}", f"{'A' * 22}." * 9 + "A" * 22, "\ud800", "ä" * 45],
)
def test_what_nobody_made_knows_nobody(cookie: str | None) -> None:
    assert BROWSERS.number(cookie, "anna") is None
    assert BROWSERS.number(BROWSERS.known(cookie, "anna"), "anna") is not None


def test_a_cookie_of_another_desk_counts_for_nothing() -> None:
    cookie = Browsers(b"t" * 32).known(None, "anna")
    assert BROWSERS.number(cookie, "anna") is None


def test_a_known_browser_is_counted_by_itself(desk: Desk) -> None:
    desk.user("anna")
    desk.user("bert")
    cookie = desk.sessions.browsers.known(None, "anna")
    for _ in range(5):
        assert code(lambda: desk.sign_in(password="wrong")) == "access.sign_in"
    assert code(desk.sign_in) == "access.locked"

    def own(name: str, password: str) -> str:
        return code(lambda: desk.sessions.sign_in(name, password, address=ADDRESS, browser=cookie))

    assert own("anna", PASSWORD) == "", "others failed, and not here"
    assert own("bert", PASSWORD) == "", "not known by this name, and counted as ever"
    assert code(desk.sign_in) == "access.locked", "what others fail at stays counted"
    assert [own("anna", "wrong") for _ in range(5)] == ["access.sign_in"] * 5
    assert own("anna", PASSWORD) == "access.locked", "a thief of the cookie has no more guesses than that"
    [first, second] = desk.recorded("refusal")
    assert (first.details["by"], second.details["by"]) == ("name", "browser")
    assert cookie[:22] not in desk.stored()
