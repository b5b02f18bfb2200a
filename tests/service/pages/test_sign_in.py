"""The way in: password, second factor, links, OpenID; what a cookie is, and what a stranger learns."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.service.pages.conftest import PASSWORD, csrf_of

from visavis.access import totp
from visavis.errors import AccessError
from visavis.service.pages.frame import local
from visavis.service.pages.held import session_of

if TYPE_CHECKING:
    from http.cookies import Morsel

    from tests.service.pages.conftest import Browser

    from visavis.access.sessions import SignedIn

OTHER = "paper tiger in the rain"


def cookies(answer: object) -> dict[str, Morsel[str]]:
    from http.cookies import SimpleCookie

    found = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):  # type: ignore[attr-defined]
        found.load(header)
    return dict(found)


def code(secret: str, *, ahead: int = 0) -> str:
    """What an app shows, which was given the secret."""
    import base64

    key = base64.b32decode(secret.replace(" ", "") + "=" * (-len(secret.replace(" ", "")) % 8))
    return totp.code_of(key, totp.step_at(datetime.now(UTC)) + ahead)


def with_second_factor(desk: Browser) -> tuple[str, list[str]]:
    """Set one up for whoever is signed in; its secret and the recovery codes."""
    typed = {"password": PASSWORD}
    page = desk.post("/desk/account/second-factor/begin", typed, page="/desk/account").text
    secret = re.search(r'<bdi class="code mono">([A-Z2-7 ]+)</bdi>', page)
    assert secret is not None
    answer = desk.post("/desk/account/second-factor", {"code": code(secret[1])}, page="/desk/account")
    assert answer.status_code == 200, answer.text
    return secret[1], re.findall(r'<bdi class="code">([a-z2-7-]+)</bdi>', answer.text)


def test_signs_in_and_out(desk: Browser) -> None:
    desk.user("clerk")
    first = desk.get("/desk/")
    assert (first.status_code, first.headers["location"]) == (303, "/desk/sign-in")
    answer = desk.post("/desk/sign-in", {"name": " Clerk ", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/")
    assert "<bdi>clerk</bdi>" in desk.get("/desk/").text
    out = desk.post("/desk/sign-out", page="/desk/")
    assert out.headers["location"] == "/desk/sign-in"
    assert "You are signed out." in desk.get("/desk/sign-in").text
    assert desk.get("/desk/").status_code == 303


def test_sign_out_ends_the_session_on_the_side_of_the_desk(desk: Browser) -> None:
    desk.sign_in("clerk")
    token = desk.http.cookies["__Host-visavis"]
    desk.post("/desk/sign-out", page="/desk/")
    desk.http.cookies.set("__Host-visavis", token)
    assert desk.get("/desk/").status_code == 303


def test_cookies_are_for_this_host_by_https_alone_and_no_script_reads_them(desk: Browser) -> None:
    desk.user("clerk")
    before = cookies(desk.get("/desk/sign-in"))
    answer = desk.post("/desk/sign-in", {"name": "clerk", "password": PASSWORD})
    after = cookies(answer)
    assert set(before) == {"__Host-visavis-before"}
    assert set(after) == {"__Host-visavis", "__Host-visavis-before", "__Host-visavis-browser"}
    assert after["__Host-visavis-before"]["max-age"] == "0"
    for cookie in (*before.values(), *after.values()):
        assert (cookie["secure"], cookie["httponly"], cookie["path"]) == (True, True, "/")
        assert (cookie["samesite"], cookie["domain"]) == ("strict", "")
    assert after["__Host-visavis"]["max-age"] == ""  # gone when the browser is closed


def test_a_token_that_somebody_planted_is_worth_nothing_after_signing_in(desk: Browser) -> None:
    desk.user("clerk")
    desk.get("/desk/sign-in")
    planted = desk.http.cookies["__Host-visavis-before"]
    desk.post("/desk/sign-in", {"name": "clerk", "password": PASSWORD})
    token = desk.http.cookies["__Host-visavis"]
    assert token != planted
    thief = desk.another()
    for name in ("__Host-visavis", "__Host-visavis-before"):
        thief.http.cookies.set(name, planted)
    assert thief.get("/desk/").status_code == 303


def test_signing_in_anew_ends_the_session_before(desk: Browser) -> None:
    desk.sign_in("clerk")
    first = desk.http.cookies["__Host-visavis"]
    desk.user("auditor")
    desk.post("/desk/sign-in", {"name": "auditor", "password": PASSWORD}, page="/desk/")
    assert desk.http.cookies["__Host-visavis"] != first
    desk.http.cookies.clear()
    desk.http.cookies.set("__Host-visavis", first)
    assert desk.get("/desk/").status_code == 303


@pytest.mark.parametrize(
    ("path", "form", "left"),
    [
        ("/desk/sign-in", {"name": "clerk", "password": PASSWORD}, 1),
        ("/desk/sign-out", {}, 1),
        ("/desk/account/sign-out-everywhere", {}, 0),
        ("/desk/account/password", {"old": PASSWORD, "new": OTHER, "again": OTHER}, 0),
    ],
)
def test_what_is_under_way_ends_with_its_session(
    desk: Browser, path: str, form: dict[str, str], left: int
) -> None:
    user = desk.sign_in("clerk")
    checks = desk.http.app.state.desk.checks  # type: ignore[attr-defined]
    session = session_of(desk.http.cookies["__Host-visavis"])
    [key] = desk.accounts.users.purposes(user.id)
    given = {"key": key.id, "purpose": key.purpose, "subject": None, "way": "pictures"}
    for whose in (session, b"another session"):
        assert checks.begin(user=user.id, session=whose, **given) is not None
    assert desk.post(path, form, page="/desk/account").status_code == 303
    assert checks.mine(user=user.id, session=session) == []
    assert len(checks) == left


def test_nothing_tells_whether_there_is_such_a_user(desk: Browser) -> None:
    desk.user("clerk")
    blocked = desk.user("auditor")
    desk.accounts.users.block(blocked.id)
    pages = []
    for name, password in (("clerk", OTHER), ("nobody", OTHER), ("auditor", PASSWORD)):
        answer = desk.post("/desk/sign-in", {"name": name, "password": password})
        assert answer.status_code == 403
        pages.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert pages[0] == pages[1] == pages[2]
    assert "The name or the password is wrong" in pages[0]


def test_who_fails_too_often_is_told_how_long_to_wait(desk: Browser) -> None:
    desk.user("clerk")
    for name in ("clerk", "nobody"):
        for _ in range(5):
            desk.post("/desk/sign-in", {"name": name, "password": OTHER})
        answer = desk.post("/desk/sign-in", {"name": name, "password": PASSWORD})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) <= 30
        assert re.search(r"Try again in (\d\d|30) seconds", answer.text)


def test_what_strangers_fail_at_keeps_nobody_out_of_their_own_browser(desk: Browser) -> None:
    desk.sign_in("clerk")
    desk.post("/desk/sign-out", page="/desk/")
    stranger, form = desk.another(), {"name": "clerk", "password": OTHER}
    for _ in range(5):
        assert stranger.post("/desk/sign-in", form).status_code == 403
    assert stranger.post("/desk/sign-in", {**form, "password": PASSWORD}).status_code == 429
    assert desk.post("/desk/sign-in", {**form, "password": PASSWORD}).status_code == 303
    assert "clerk" not in desk.http.cookies["__Host-visavis-browser"]
    changed = {"old": PASSWORD, "new": OTHER, "again": OTHER}
    assert desk.post("/desk/account/password", changed, page="/desk/account").status_code == 303
    assert stranger.post("/desk/sign-in", form).status_code == 429


def test_one_comes_back_to_where_one_was(desk: Browser) -> None:
    desk.user("clerk")
    away = desk.get("/desk/account?x=1&y=2")
    where = away.headers["location"]
    assert where == "/desk/sign-in?back=/desk/account%3Fx%3D1%26y%3D2"
    page = desk.get(where).text
    back = re.search(r'name="back" value="([^"]+)"', page.partition('action="/desk/sign-in"')[2])
    assert back is not None
    assert back[1] == "/desk/account?x=1&amp;y=2"
    answer = desk.post(
        "/desk/sign-in", {"name": "clerk", "password": PASSWORD, "back": "/desk/account?x=1&y=2"}
    )
    assert answer.headers["location"] == "/desk/account?x=1&y=2"


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/desk/",
    "/\\evil.example",
    "/desk/\\..\\..//evil.example",
    "/desk//evil.example",
    "/desk/../v1/about",
    "/desk/%2e%2e/v1/about",
    "/desk/%252e%252e/v1/about",
    "/desk/.",
    "/v1/about",
    "desk/",
    "javascript:alert(1)",
    "",
    "/desk/\r\nSet-Cookie: x=1",
    "/desk/%0d%0aSet-Cookie:x=1",
    "/desk/\u2028",
)


def test_nobody_is_led_elsewhere(desk: Browser) -> None:
    desk.sign_in("clerk")
    token = csrf_of(desk.get("/desk/").text)
    for back in ELSEWHERE:
        assert local(back) == "/desk/"
        assert desk.get(f"/desk/sign-in?back={quote(back)}").headers["location"] == "/desk/"
        answer = desk.http.post("/desk/look", data={"csrf": token, "look": "dark", "back": back})
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/")
    for back in ELSEWHERE[:3]:
        again = {"name": "clerk", "password": PASSWORD, "back": back}
        assert desk.post("/desk/sign-in", again, page="/desk/").headers["location"] == "/desk/"
    assert local("/desk/" + "a" * 2000) == "/desk/"


@pytest.mark.parametrize(
    "target", ["/desk/check/4?x=1#face", "/desk/a%20b", "/desk/subjects/4711.1", "/desk/?back=/desk/"]
)
def test_pages_of_the_desk_are_gone_back_to(target: str) -> None:
    assert local(target) == target


def test_the_second_factor(desk: Browser) -> None:
    desk.sign_in("clerk")
    before = desk.http.cookies["__Host-visavis"]
    secret, recovery = with_second_factor(desk)
    assert len(recovery) == 10
    assert desk.http.cookies["__Host-visavis"] != before  # all sessions ended, and this one goes on anew
    desk.post("/desk/sign-out", page="/desk/")

    half = desk.post("/desk/sign-in", {"name": "clerk", "password": PASSWORD, "back": "/desk/account"})
    assert half.headers["location"] == "/desk/sign-in/code?back=/desk/account"
    assert "__Host-visavis" not in desk.http.cookies
    assert desk.get("/desk/account").status_code == 303  # the password alone opens nothing
    wrong = desk.post("/desk/sign-in/code", {"code": "000000"}, page="/desk/sign-in/code")
    assert wrong.status_code == 403
    assert 'aria-invalid="true"' in wrong.text
    right = code(secret, ahead=1).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    answer = desk.post(
        "/desk/sign-in/code", {"code": right, "back": "/desk/account"}, page="/desk/sign-in/code"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/account")
    assert desk.get("/desk/account").status_code == 200


def test_a_recovery_code_counts_once(desk: Browser) -> None:
    desk.sign_in("clerk")
    _, recovery = with_second_factor(desk)
    for expected in (303, 403):
        desk.post("/desk/sign-out", page="/desk/")
        desk.post("/desk/sign-in", {"name": "clerk", "password": PASSWORD})
        answer = desk.post("/desk/sign-in/code", {"code": recovery[0].upper()}, page="/desk/sign-in/code")
        assert answer.status_code == expected
        if expected == 303:
            assert "You have 9 recovery codes left." in desk.get("/desk/").text


def test_the_second_factor_is_turned_on_by_the_password_alone(desk: Browser) -> None:
    user = desk.sign_in("clerk")
    path = "/desk/account/second-factor/begin"
    for typed in ({}, {"password": OTHER}):
        answer = desk.post(path, typed, page="/desk/account")
        assert (answer.status_code, "not the password that you have now" in answer.text) == (422, True)
        assert 'class="qr"' not in answer.text
    page = desk.post(path, {"password": PASSWORD}, page="/desk/account")
    assert (page.status_code, 'class="qr"' in page.text, PASSWORD in page.text) == (200, True, False)
    assert 'class="qr"' not in desk.get("/desk/account/second-factor").text
    assert not desk.accounts.users.get(user.id).has_second_factor


def test_the_second_factor_is_turned_off_by_the_password_and_a_code_of_it(desk: Browser) -> None:
    user = desk.sign_in("clerk")
    _, recovery = with_second_factor(desk)
    path = "/desk/account/second-factor/end"
    for typed in (
        {"code": "123456", "password": PASSWORD},
        {"code": recovery[0], "password": OTHER},
        {"code": recovery[0]},
    ):
        assert desk.post(path, typed, page="/desk/account").status_code == 422
        assert desk.accounts.users.get(user.id).has_second_factor
    assert desk.accounts.second_factor.left(user.id) == 10  # without the password no code is looked at
    answer = desk.post(path, {"code": recovery[0], "password": PASSWORD}, page="/desk/account")
    assert answer.headers["location"] == "/desk/sign-in"
    assert not desk.accounts.users.get(user.id).has_second_factor
    assert desk.get("/desk/account").status_code == 303


def test_a_guess_at_the_code_is_locked_out(desk: Browser) -> None:
    desk.sign_in("clerk")
    with_second_factor(desk)
    path, typed = "/desk/account/second-factor/end", {"code": "123456", "password": PASSWORD}
    statuses = [desk.post(path, typed, page="/desk/account").status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]


def test_a_guess_at_the_first_code_is_locked_out(desk: Browser) -> None:
    """Whoever has but the session can't make a second factor count that its owner began."""
    desk.sign_in("clerk")
    desk.post("/desk/account/second-factor/begin", {"password": PASSWORD}, page="/desk/account")
    path = "/desk/account/second-factor"
    answers = [desk.post(path, {"code": "123456"}, page="/desk/account") for _ in range(6)]
    assert [each.status_code for each in answers] == [422] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) <= 30


def test_a_guess_at_the_password_is_locked_out_as_at_the_sign_in(desk: Browser) -> None:
    desk.sign_in("clerk")
    path, typed = "/desk/account/second-factor/begin", {"password": OTHER}
    answers = [desk.post(path, typed, page="/desk/account") for _ in range(6)]
    assert [each.status_code for each in answers] == [422] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) <= 30
    assert desk.post(path, {"password": PASSWORD}, page="/desk/account").status_code == 429


def test_the_code_without_a_password_before_it(desk: Browser) -> None:
    assert desk.get("/desk/sign-in/code").headers["location"] == "/desk/sign-in"
    assert desk.post("/desk/sign-in/code", {"code": "123456"}).headers["location"] == "/desk/sign-in"


def test_an_invitation_sets_the_password_and_signs_in(desk: Browser) -> None:
    user = desk.accounts.users.add("new", ["clerk"])
    path = "/desk/invitation/" + desk.accounts.invitations.make(user.id)
    page = desk.get(path)
    assert page.status_code == 200
    assert "for the user new." in page.text
    for new, again, told in (
        ("short", "short", "at least 15 characters"),
        (OTHER, PASSWORD, "two different passwords"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "Many would try this password"),
        ("a long one " * 30, "a long one " * 30, "at most 256 characters"),
    ):
        answer = desk.post(path, {"new": new, "again": again}, page=path)
        assert (answer.status_code, told in answer.text) == (422, True), told
        assert new not in answer.text  # no password ever stands in a page
    answer = desk.post(path, {"new": OTHER, "again": OTHER}, page=path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/account/second-factor")
    assert "Your password is set, and you are signed in." in desk.get("/desk/account/second-factor").text
    void = desk.another().get(path)
    assert (void.status_code, "This link is void" in void.text) == (404, True)


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "..%2f..", "<script>"])
def test_links_that_never_were(desk: Browser, token: str) -> None:
    answer = desk.get(f"/desk/invitation/{token}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    posted = desk.post(f"/desk/invitation/{token}", {"new": OTHER, "again": OTHER})
    assert posted.status_code == 404


def test_another_password(desk: Browser) -> None:
    desk.sign_in("clerk")
    elsewhere = desk.another()
    elsewhere.sign_in("clerk")
    path, asked = "/desk/account/password", {"new": OTHER, "again": OTHER}
    wrong = desk.post(path, {"old": OTHER, **asked}, page="/desk/account")
    assert (wrong.status_code, "not the password that you have now" in wrong.text) == (422, True)
    assert desk.post(path, {"old": PASSWORD, **asked}, page="/desk/account").status_code == 303
    assert "Your password is changed." in desk.get("/desk/account").text
    assert elsewhere.get("/desk/account").status_code == 303
    with pytest.raises(AccessError):
        desk.accounts.sessions.sign_in("clerk", PASSWORD, address=None)


def test_out_everywhere(desk: Browser) -> None:
    desk.sign_in("clerk")
    elsewhere = desk.another()
    elsewhere.sign_in("clerk")
    answer = desk.post("/desk/account/sign-out-everywhere", page="/desk/account")
    assert answer.headers["location"] == "/desk/sign-in"
    assert [each.get("/desk/").status_code for each in (desk, elsewhere)] == [303, 303]


def test_without_a_provider_there_is_no_openid(desk: Browser) -> None:
    assert "openid" not in desk.get("/desk/sign-in").text
    assert desk.get("/desk/openid/start").status_code == 404
    assert desk.get("/desk/openid?code=x&state=y").status_code == 503


class Provider:
    """Stands in for an OpenID provider; `access.openid` is tested with a real one."""

    def __init__(self) -> None:
        self.finished: list[tuple[str | None, dict[str, str]]] = []

    def begin(self) -> object:
        from visavis.access.openid import Begun

        return Begun("https://provider.example/authorize?state=s", "sealed")


def test_openid(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    provider = Provider()
    user = desk.accounts.users.add("ada", ["clerk"], openid=("https://provider.example", "4711"))
    accounts = replace(desk.accounts, openid=provider)  # type: ignore[arg-type]

    def finish(sealed: str | None, given: dict[str, str]) -> SignedIn:
        provider.finished.append((sealed, given))
        if given.get("state") != "s":
            raise AccessError("access.openid", "signing in failed")
        return accounts.sessions.sign_in_openid(user)

    monkeypatch.setattr(type(accounts), "finish_openid", lambda _self, sealed, given: finish(sealed, given))
    inner = desk.http.app.state.desk  # type: ignore[attr-defined]
    object.__setattr__(inner, "accounts", accounts)
    assert "/desk/openid/start?back=/desk/account" in desk.get("/desk/sign-in?back=/desk/account").text
    away = desk.get("/desk/openid/start?back=/desk/account")
    assert away.headers["location"] == "https://provider.example/authorize?state=s"
    assert {each["samesite"] for each in cookies(away).values()} == {"lax"}
    wrong = desk.get("/desk/openid?code=c&state=other")
    assert (wrong.status_code, "was not completed" in wrong.text) == (403, True)
    desk.get("/desk/openid/start?back=/desk/account")
    back = desk.get("/desk/openid?code=c&state=s")
    assert back.status_code == 200  # a page: a strict cookie doesn't go along with a redirect from elsewhere
    assert 'http-equiv="refresh" content="0; url=/desk/account"' in back.text
    assert provider.finished[-1] == ("sealed", {"code": "c", "state": "s"})
    assert desk.get("/desk/account").status_code == 200
    assert "your organisation’s account" in desk.get("/desk/account/second-factor").text
    for step in ("/begin", "", "/end"):  # they have no password, and their factor is the provider's
        answer = desk.post(f"/desk/account/second-factor{step}", {"code": "1"}, page="/desk/account")
        assert answer.status_code == 403
    assert "__Host-visavis-openid" not in desk.http.cookies


def test_a_link_for_the_first_administrator(desk: Browser) -> None:
    from visavis.service import server

    told: list[str] = []
    server._invite_first(desk.accounts, "http://127.0.0.1:8420", told.append)
    assert len(told) == 1
    _, found, token = told[0].partition("http://127.0.0.1:8420/desk/invitation/")
    assert found
    answer = desk.post(f"/desk/invitation/{token}", {"new": OTHER, "again": OTHER})
    assert answer.status_code == 303
    assert desk.accounts.invitations.first() is None


def test_a_link_from_elsewhere_comes_without_a_cookie_and_goes_on_from_here(desk: Browser) -> None:
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}
    answer = desk.get("/desk/account?x=1", headers=from_elsewhere)
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0; url=/desk/account?x=1"' in answer.text
    again = desk.get("/desk/account?x=1", headers={"Sec-Fetch-Site": "same-origin"})
    assert again.headers["location"] == "/desk/sign-in?back=/desk/account%3Fx%3D1"


def test_forms_of_an_earlier_page_are_good_as_long_as_one_is_signed_in(desk: Browser) -> None:
    desk.sign_in("clerk")
    token = csrf_of(desk.get("/desk/account").text)
    for _ in range(2):
        answer = desk.http.post("/desk/look", data={"csrf": token, "look": "dark", "back": "/desk/"})
        assert answer.status_code == 303
