"""The frame: headers, forged forms, roles, escaping, and what goes wrong as a page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request
from tests.service.pages.conftest import PASSWORD, client, csrf_of

import visavis.service.pages
from visavis.access.users import ACTS
from visavis.errors import StorageError
from visavis.service.app import create_app
from visavis.service.pages import desk as desk_module
from visavis.service.pages import frame
from visavis.service.pages.frame import Pages
from visavis.service.pages.navigation import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.service.pages.conftest import Browser

    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

PAGES = Path(visavis.service.pages.__file__).parent
TEMPLATES = sorted((PAGES / "templates").glob("*.html"))
SCRIPT = "<script>alert('1')</script>"


def directives(answer: Any) -> dict[str, list[str]]:
    [policy] = answer.headers.get_list("content-security-policy")
    parts = (part.split() for part in policy.split(";"))
    return {name: values for name, *values in parts}


def test_every_answer_forbids_what_isnt_ours(desk: Browser) -> None:
    desk.user("clerk")
    for path in (
        "/desk/sign-in",
        "/desk/",
        "/desk/nothing",
        "/desk/web/desk.css",
        "/desk/web/none",
        "/desk/look",
    ):
        answer = desk.get(path)
        policy = directives(answer)
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == ["'self'"]
        allowed = {value for values in policy.values() for value in values}
        assert allowed <= {"'none'", "'self'", "blob:"}
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert answer.headers["referrer-policy"] == "same-origin"
        is_file = answer.status_code == 200 and path.startswith("/desk/web")
        assert answer.headers["cache-control"].startswith("public" if is_file else "no-store")


def test_the_api_beside_it_keeps_its_own_headers(desk: Browser) -> None:
    answer = desk.get("/v1/about")
    policy = "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers.get_list("content-security-policy") == [policy]
    assert desk.get("/v1/nothing").headers["content-type"] == "application/problem+json"


def test_where_the_desk_is_off_there_is_none(door: Any) -> None:
    assert door.http.get("/desk/").status_code == door.http.get("/desk").status_code == 404


def test_without_the_slash(desk: Browser) -> None:
    answer = desk.get("/desk")
    assert (answer.status_code, answer.headers["location"]) == (308, "/desk/")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_script_or_a_style(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    never = r"<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|data:|\|\s*safe\b|autoescape"
    assert re.search(never, text, re.IGNORECASE) is None
    for attributes in re.findall(r"<script\b([^>]*)>", text, re.IGNORECASE):
        assert re.search(r'src="\{\{ web\("[a-z_.]+"\) \}\}"', attributes), attributes
    for address in re.findall(r"(?:src|href|action)=\"([^\"]*)\"", text):
        assert not re.match(r"(?:https?:)?//", address), address


def test_templates_are_found() -> None:
    assert len(TEMPLATES) > 8


def test_no_page_needs_more_than_150_kb(desk: Browser) -> None:
    desk.sign_in("clerk", "administrator")
    for path in ("/desk/", "/desk/account", "/desk/account/second-factor"):
        page = desk.get(path).text
        assert page.startswith("<!DOCTYPE html>")
        files = re.findall(r'(?:src|href)="(/desk/web/[^"]+)"', page)
        assert len(files) >= 3
        assert len(page) + sum(len(desk.get(file).content) for file in files) < 150_000


# Forged forms


FORGED: tuple[dict[str, Any], ...] = (
    {"data": {}},
    {"data": {"csrf": ""}},
    {"data": {"csrf": "A" * 43}},
    {"data": {"csrf": "\udcff".encode("utf-8", "surrogatepass")}},
    {"headers": {"Sec-Fetch-Site": "cross-site"}},
    {"headers": {"Sec-Fetch-Site": "same-site"}},
    {"headers": {"Origin": "https://evil.example"}},
    {"headers": {"Origin": "null"}},
    {"headers": {"Origin": "https://desk.example.evil.example"}},
    {"headers": {"Origin": "https://desk.example:444"}},
)


def test_forged_forms_change_nothing(desk: Browser) -> None:
    user = desk.sign_in("clerk")
    token = csrf_of(desk.get("/desk/").text)
    for path in ("/desk/language", "/desk/account/sign-out-everywhere", "/desk/sign-out"):
        for forged in FORGED:
            data = {"csrf": token, "language": "de", **forged.get("data", {})}
            if forged.get("data") == {}:
                del data["csrf"]
            answer = desk.http.post(path, data=data, headers=forged.get("headers"))
            assert answer.status_code in (400, 403), (path, forged)
            assert "Nothing was changed." in answer.text
    assert desk.get("/desk/").status_code == 200
    assert desk.accounts.users.get(user.id).language is None


def test_the_token_of_another_session_counts_for_nothing(desk: Browser) -> None:
    other = desk.another()
    other.sign_in("auditor")
    desk.sign_in("clerk")
    for token in (csrf_of(other.get("/desk/").text), csrf_of(desk.another().get("/desk/sign-in").text)):
        assert desk.http.post("/desk/look", data={"csrf": token, "look": "dark"}).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://desk.example"}]
)
def test_forms_from_here_count(desk: Browser, headers: dict[str, str]) -> None:
    answer = desk.post("/desk/look", {"look": "dark", "back": "/desk/sign-in"}, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/sign-in")
    assert 'media="screen"' in desk.get("/desk/sign-in").text


def test_a_browser_without_cookies_is_told_so(desk: Browser) -> None:
    token = csrf_of(desk.get("/desk/sign-in").text)
    desk.http.cookies.clear()
    answer = desk.http.post("/desk/sign-in", data={"csrf": token, "name": "clerk", "password": PASSWORD})
    assert answer.status_code == 403
    assert "Allow cookies" in answer.text


# Who may


def test_every_page_asks_for_something_that_a_role_allows() -> None:
    known = {act for acts in ACTS.values() for act in acts}
    asked = {act for pages in desk_module.PAGES for act in pages.acts.values()}
    assert asked <= known | {None, ""}
    assert {place.act for place in PLACES} <= known


def test_pages_that_anybody_may_see_are_these() -> None:
    anybody = {where for pages in desk_module.PAGES for where, act in pages.acts.items() if act == ""}
    assert anybody == {
        *(
            ("GET", path)
            for path in ("/sign-in", "/sign-in/code", "/invitation/{token}", "/openid/start", "/openid")
        ),
        *(("POST", path) for path in ("/sign-in", "/sign-in/code", "/invitation/{token}", "/sign-out")),
        *(("POST", path) for path in ("/language", "/look")),
    }


def test_whoever_is_not_signed_in_sees_nothing_else(desk: Browser) -> None:
    for pages in desk_module.PAGES:
        for (method, path), act in pages.acts.items():
            if act == "":
                continue
            where = "/desk" + re.sub(r"\{[^}]*\}", "1", path)
            answer = desk.http.request(method, where)
            assert answer.status_code == 303, where
            assert answer.headers["location"].startswith("/desk/sign-in"), where


def test_places_are_named_by_what_the_roles_allow(desk: Browser) -> None:
    desk.sign_in("auditor")
    page = desk.get("/desk/").text
    for place in PLACES:
        assert (f'href="{place.path}"' in page) == (place.act in ACTS["auditor"]), place.path


def test_whose_role_doesnt_do_is_told_so(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    pages, seen = Pages(), list[object]()

    @pages.get("/secret", may="users")
    async def secret(visit: Visit) -> Any:
        seen.append(visit.user.name)
        return visit.json({})

    @pages.post("/secret", may="users", files={"file": 1})
    async def put(visit: Visit, form: Form) -> Any:
        seen.append((form.text("text"), form.file("file"), form.file("other"), form.is_on("box")))
        return visit.json({})

    monkeypatch.setattr(desk_module, "PAGES", (*desk_module.PAGES, pages))
    here = replace(desk, http=client(create_app(desk.service)), users={})
    here.sign_in("auditor")
    answer = here.get("/desk/secret")
    assert answer.status_code == 403
    assert "Your role does not include this page or this step." in answer.text
    assert here.post("/desk/secret", page="/desk/").status_code == 403
    assert seen == []
    here.user("administrator")
    here.post("/desk/sign-in", {"name": "administrator", "password": PASSWORD}, page="/desk/")
    assert here.get("/desk/secret").status_code == 200
    sent = {"text": "  a b ", "box": "on"}
    here.post("/desk/secret", sent, page="/desk/", files={"file": ("x.jpg", b"picture")})
    here.post("/desk/secret", {"text": ""}, page="/desk/", files={"file": ("x.jpg", b"")})
    token = here.token("/desk/").encode()
    unchosen = (  # as a browser sends it
        b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + token + b"\r\n"
        b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert here.http.post("/desk/secret", content=unchosen, headers=kind).status_code == 200
    assert seen == [
        "administrator",
        ("a b", b"picture", None, True),
        ("", b"", None, False),
        ("", None, None, False),
    ]
    assert desk.service.memory.held == 0


def test_who_is_put_out_while_a_form_comes_in_is_out(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    user = desk.sign_in("clerk")
    desk.user("administrator")
    token = csrf_of(desk.get("/desk/").text)
    monkeypatch.setattr(frame, "LOOKED_AT_S", 0.0)
    body = f"csrf={token}&language=de".encode()

    def slowly() -> Iterator[bytes]:
        yield body[:9]
        desk.accounts.users.block(user.id)
        yield body[9:]

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = desk.http.post("/desk/account/sign-out-everywhere", content=slowly(), headers=kind)
    assert answer.headers["location"] == "/desk/sign-in"
    assert "You were signed out in the meantime" in desk.get("/desk/sign-in").text


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),  # a proxy on this machine, where the service listens on ::
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_proxy_on_this_machine_is_nobodys_address(desk: Browser, host: str, known: str | None) -> None:
    scope = {"type": "http", "headers": [], "client": (host, 4711), "app": desk.http.app}
    scope["app"] = SimpleNamespace(state=SimpleNamespace(desk=desk.http.app.state.desk))  # type: ignore[attr-defined]
    assert frame.visit_with(Request(scope), None, None).address == known


# Escaping


def test_what_people_write_is_never_a_part_of_the_page(desk: Browser) -> None:
    user = desk.user("clerk")
    desk.accounts.users.give_purpose(user.id, purpose=SCRIPT, legal_basis="consent")
    answer = desk.post(
        "/desk/sign-in", {"name": f'"{SCRIPT}', "password": SCRIPT, "back": f'/desk/"{SCRIPT}'}
    )
    assert answer.status_code == 403
    pages = [
        answer.text,
        desk.get(f"/desk/sign-in?back=/desk/{SCRIPT}").text,
        desk.get(f"/desk/{SCRIPT}").text,
    ]
    desk.sign_in("clerk")
    pages.append(desk.get("/desk/account").text)
    assert "&lt;script&gt;" in pages[0]
    assert "&lt;script&gt;" in pages[3]
    for page in pages:
        assert "<script>" not in page
        assert 'value=""' not in page.replace('value="" ', "")


# What goes wrong


def test_what_isnt_there(desk: Browser) -> None:
    for path in (
        "/desk/nothing",
        "/desk/web/nothing.css",
        "/desk/web/..%2fdesk.py",
        "/desk/web/%2e%2e/pages/desk.py",
    ):
        answer = desk.get(path)
        assert (answer.status_code, "There is nothing here" in answer.text) == (404, True), path


def test_an_address_that_takes_a_form_alone(desk: Browser) -> None:
    answer = desk.get("/desk/sign-out")
    assert (answer.status_code, "This address takes a form" in answer.text) == (405, True)
    assert desk.http.put("/desk/").status_code == 405


def test_a_form_that_is_too_large(desk: Browser) -> None:
    answer = desk.post("/desk/look", {"look": "x" * 70_000})
    assert (answer.status_code, "This is too large" in answer.text) == (413, True)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b"csrf=x", 415),
        ("application/x-www-form-urlencoded", b"csrf=%ff", 400),
        ("application/x-www-form-urlencoded", b"csrf=\xff", 400),
        ("application/x-www-form-urlencoded", b"csrf=a&csrf=b", 422),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=" % each for each in range(300)), 400),
        ("application/json", b'{"csrf": 1}', 422),
        ("application/json", b"[]", 400),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=x", b"--y", 400),
    ],
)
def test_what_is_no_form(desk: Browser, content_type: str, body: bytes, status: int) -> None:
    desk.get("/desk/sign-in")
    answer = desk.http.post("/desk/look", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, "This can’t be read" in answer.text) == (status, True)


def test_a_full_memory_is_told_with_when_to_come_again(desk: Browser) -> None:
    token = desk.token()
    desk.service.memory.take(desk.service.memory.most - 10)
    try:
        answer = desk.http.post("/desk/look", data={"csrf": token})
    finally:
        desk.service.memory.give_back(desk.service.memory.most - 10)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "Try again in 1 second." in answer.text


def test_without_its_database(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sign_in("clerk")

    def gone(*_: object) -> None:
        raise StorageError("storage.gone", "the database is gone: /secret/place")

    monkeypatch.setattr(type(desk.accounts.sessions), "find", gone)
    answer = desk.get("/desk/")
    assert answer.status_code == 503
    assert "can’t answer at the moment" in answer.text
    assert "/secret/place" not in answer.text


def test_a_fault_of_ours(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sign_in("clerk")
    monkeypatch.setattr(type(desk.accounts.users), "purposes", lambda *_: 1 / 0)
    answer = desk.get("/desk/account", headers={"X-Request-Id": "number-4711"})
    assert answer.status_code == 500
    assert "There is a fault in the desk" in answer.text
    assert "number-4711" in answer.text
    assert "ZeroDivision" not in answer.text


def test_a_form_that_comes_after_the_session_ended(desk: Browser) -> None:
    desk.sign_in("clerk")
    token = csrf_of(desk.get("/desk/account").text)
    desk.accounts.users.end_sessions(desk.user("clerk").id)
    referer = {"Referer": "https://desk.example/desk/account"}
    answer = desk.http.post("/desk/account/password", data={"csrf": token}, headers=referer)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/sign-in?back=/desk/account")
    assert "You were signed out in the meantime" in desk.get("/desk/sign-in").text


def test_a_script_is_answered_with_a_problem_and_a_sentence(desk: Browser) -> None:
    answer = desk.get("/desk/", headers={"Accept": "application/json", "Accept-Language": "en"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    told = answer.json()
    assert (told["code"], told["sign_in"]) == ("access.session", "/desk/sign-in")
    missing = desk.get("/desk/nothing", headers={"Accept": "application/json"}).json()
    assert missing["code"] == "request.path"
    assert missing["text"].startswith("This page does not exist")


def test_the_log_and_the_counts_name_routes_and_no_paths(desk: Browser) -> None:
    desk.get("/desk/invitation/secret-token")
    counted = desk.service.metrics.requests.labels("/desk/invitation/{token}", "GET", "404")._value.get()
    assert counted >= 1


# Files


def test_files_are_kept_for_ever_under_the_hash_of_what_is_in_them(desk: Browser) -> None:
    page = desk.get("/desk/sign-in").text
    [sheet] = re.findall(r'href="(/desk/web/desk\.css\?v=[0-9a-f]{16})"', page)
    answer = desk.get(sheet)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    plain = desk.get("/desk/web/desk.css", headers={"If-None-Match": answer.headers["etag"]})
    assert (plain.status_code, plain.headers["cache-control"]) == (304, "public, no-cache")
    assert "set-cookie" not in answer.headers
