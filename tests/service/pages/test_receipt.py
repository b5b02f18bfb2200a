"""Receipts and statements: what stands on them, whose they are, and that a statement holds by itself."""

from __future__ import annotations

import html
import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.service.pages.test_review import ask, decide, reviews, send, undecided

from visavis.ledger.statement import read_keys, verify
from visavis.service.pages.languages import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.service.pages.conftest import Browser

    from visavis.access.users import Role


def text_of(page: str) -> str:
    """What is read of a page."""
    page = re.sub(r"</?(bdi|b|span|q)\b[^>]*>", "", page)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def decided(desk: Browser, small: Mapping[str, bytes]) -> str:
    """The address of a check that came to a match, of whoever is signed in."""
    start = desk.get("/desk/check").text
    [purpose] = re.findall(r'name="purpose" value="([^"]+)"', start)
    asked = {"purpose": purpose, "way": "pictures", "subject": "case 4711"}
    address = desk.post("/desk/check", asked, page="/desk/check").headers["location"]
    where = str(address).removesuffix("/claim")
    send(desk, address, address, {}, {"page": small["obama"]})
    answer = send(desk, f"{where}/face", f"{where}/face", {}, {"probe": small["obama2"]})
    assert answer.headers["location"] == f"{where}/verdict"
    return where


def set_up(desk: Browser, **changes: Any) -> None:
    """Set the desk up otherwise; it is new for each test."""
    pages = desk.http.app.state.desk  # type: ignore[attr-defined]
    config = replace(pages.service.config, **changes)
    object.__setattr__(pages, "service", replace(pages.service, config=config))


def test_what_stands_on_a_receipt(desk: Browser, small: Mapping[str, bytes]) -> None:
    desk.sign_in("clerk")
    where = decided(desk, small)
    assert f'href="{where}/receipt"' in desk.get(f"{where}/verdict").text
    answer = desk.get(f"{where}/receipt")
    assert answer.headers["cache-control"] == "no-store"
    assert "<img" not in answer.text
    said = text_of(answer.text)
    index = int(re.search(r"Entry (\d+) of a ledger", said)[1])  # type: ignore[index]
    for text in (
        "opening accounts (legal basis: consent)",
        "case 4711",
        "compared with another picture",
        "Match",
        "The pictures: not kept",
        "encrypted, until",
        "two days at most",
        "At your request, what could show that it is about you is destroyed",
        f"visavis statement verify visavis-statement-{index}.jws --key jwks.json",
        "/.well-known/jwks.json",
        "Ask at the desk where you were checked who is responsible",
        f"Name the entry of the ledger: {index}",
    ):
        assert text in said, text
    assert "second person" not in said
    assert "camera" not in said


def test_a_statement_holds_without_the_desk(desk: Browser, small: Mapping[str, bytes]) -> None:
    desk.sign_in("clerk")
    where = decided(desk, small)
    answer = desk.get(f"{where}/statement")
    assert answer.headers["content-type"] == "application/jose"
    assert answer.headers["cache-control"] == "no-store"
    name = re.fullmatch(
        r'attachment; filename="visavis-statement-(\d+)\.jws"', answer.headers["content-disposition"]
    )
    assert name is not None
    keys = read_keys(json.dumps(desk.get("/.well-known/jwks.json").json()).encode())
    statement = verify(answer.content.strip(), keys)
    assert statement.index == int(name[1])
    assert (statement.entry.kind, statement.entry.decision) == ("verdict", "match")
    assert statement.is_about("probe", small["obama2"]) is True
    assert statement.is_about("reference", small["obama"]) is True
    assert f"visavis-statement-{statement.index}.jws" in desk.get(f"{where}/receipt").text


def test_with_a_second_person(desk: Browser, small: Mapping[str, bytes], faceless: bytes) -> None:
    clerk = desk.another()
    clerk.sign_in("clerk")
    id_ = undecided(clerk, small, faceless)
    where = f"/desk/check/{id_}"
    assert clerk.get(f"{where}/statement/review").status_code == 404
    ask(clerk, id_)
    waiting = text_of(clerk.get(f"{where}/receipt").text)
    assert "No face was found" in waiting
    assert "Decision of a second person" not in waiting
    assert "two days" not in waiting  # nothing was compared
    assert clerk.get(f"{where}/statement/review").status_code == 404
    desk.sign_in("reviewer")
    decide(desk, id_, "no_match", "The ears <b>differ</b>")
    page = clerk.get(f"{where}/receipt").text
    assert "The ears &lt;b&gt;differ&lt;/b&gt;" in page
    assert "Decision of a second person Not the same person" in text_of(page)
    [(index, _)] = reviews(desk)
    assert f"Entry {index} of the same ledger" in text_of(page)
    answer = clerk.get(f"{where}/statement/review")
    assert f'filename="visavis-statement-{index}.jws"' in answer.headers["content-disposition"]
    keys = read_keys(json.dumps(desk.get("/.well-known/jwks.json").json()).encode())
    statement = verify(answer.content.strip(), keys)
    assert (statement.index, statement.entry.kind) == (index, "review")
    for path in ("receipt", "statement", "statement/review"):
        assert desk.get(f"{where}/{path}").status_code == 403  # the reviewer is no clerk


def test_in_the_language_of_the_person(desk: Browser, small: Mapping[str, bytes]) -> None:
    user = desk.sign_in("clerk")
    where = decided(desk, small)
    for tag, direction in (("de", "ltr"), ("ar", "rtl"), ("en", "ltr")):
        page = desk.get(f"{where}/receipt?in={tag}").text
        assert f'<html lang="{tag}" dir="{direction}">' in page
    for odd in ("xx", "", "../de", "<b>"):
        assert '<html lang="en"' in desk.get(f"{where}/receipt", params={"in": odd}).text
    assert '<html lang="en"' in desk.get(f"{where}/receipt").text
    assert desk.accounts.users.get(user.id).language is None


def test_whose_it_is(desk: Browser, small: Mapping[str, bytes]) -> None:
    owner = desk.another()
    owner.sign_in("clerk")
    where = decided(owner, small)
    desk.sign_in("clerk")  # the same user, signed in elsewhere
    other = desk.another()
    other.sign_in("clerk", name="other")
    for path in ("receipt", "statement", "statement/review"):
        assert desk.get(f"{where}/{path}").status_code == 404
        assert other.get(f"{where}/{path}").status_code == 404
        assert desk.get(f"/desk/check/nothing/{path}").status_code == 404
        nobody = desk.another().get(f"{where}/{path}")
        assert nobody.headers["location"].startswith("/desk/sign-in")
        roles: tuple[Role, ...] = ("reviewer", "auditor", "administrator")
        for role in roles:
            another = desk.another()
            another.sign_in(role)
            assert another.get(f"{where}/{path}").status_code == 403
    owner.post(f"{where}/end", page="/desk/check")
    assert owner.get(f"{where}/receipt").status_code == 404


def test_before_the_verdict_there_is_none(desk: Browser) -> None:
    desk.sign_in("clerk")
    [purpose] = re.findall(r'name="purpose" value="([^"]+)"', desk.get("/desk/check").text)
    answer = desk.post("/desk/check", {"purpose": purpose, "way": "pictures"}, page="/desk/check")
    where = answer.headers["location"].removesuffix("/claim")
    for path in ("receipt", "statement", "statement/review"):
        assert desk.get(f"{where}/{path}").status_code == 404


def test_who_is_responsible(desk: Browser, small: Mapping[str, bytes]) -> None:
    desk.sign_in("clerk")
    where = decided(desk, small)
    set_up(
        desk,
        desk_operator="Bank & <Söhne>",
        desk_contact="privacy@bank.example",
        verdict_hours=0,
    )
    page = desk.get(f"{where}/receipt").text
    assert "Bank &amp; &lt;Söhne&gt;" in page
    said = text_of(page)
    assert "Responsible: Bank & <Söhne>. Write to: privacy@bank.example" in said
    assert "Ask at the desk" not in said
    assert "encrypted, until" not in said
    set_up(desk, desk_operator="Bank", desk_contact=None)
    assert "Responsible: Bank. Ask at the desk" in text_of(desk.get(f"{where}/receipt").text)


def test_a_purpose_that_was_taken_away_is_still_named(desk: Browser, small: Mapping[str, bytes]) -> None:
    user = desk.sign_in("clerk")
    where = decided(desk, small)
    [key] = desk.accounts.users.purposes(user.id)
    desk.accounts.users.take_purpose(user.id, key.id)
    assert "opening accounts (legal basis: consent)" in text_of(desk.get(f"{where}/receipt").text)


def test_it_goes_on_one_sheet_in_every_language(
    desk: Browser, small: Mapping[str, bytes], faceless: bytes, tmp_path: Path
) -> None:
    """The longest receipt that there can be, printed by a browser on A4."""
    playwright: Any = pytest.importorskip("playwright.sync_api")
    pdfium: Any = pytest.importorskip("pypdfium2")
    browser_path = shutil.which("chromium")
    if browser_path is None:
        pytest.skip("needs chromium")
    clerk = desk.another()
    clerk.sign_in("clerk")
    id_ = undecided(clerk, small, faceless, subject="4711-" * 40)
    ask(clerk, id_)
    desk.sign_in("reviewer")
    decide(desk, id_, "inconclusive", "The ears can't be seen. " * 20)
    set_up(desk, desk_operator="Operator & " * 9, desk_contact="Main Street 1, " * 13)
    pages = {}
    for tag in NAMES:
        page = clerk.get(f"/desk/check/{id_}/receipt?in={tag}").text
        for sheet in set(re.findall(r'href="(/desk/web/[^"]+\.css[^"]*)"', page)):
            name = sheet.rpartition("/")[2].partition("?")[0]
            (tmp_path / name).write_bytes(clerk.get(sheet).content)
            page = page.replace(sheet, name)
        pages[tag] = tmp_path / f"{tag}.html"
        pages[tag].write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        shown = browser.new_page()
        for tag, file in pages.items():
            shown.goto(file.as_uri())
            printed = pdfium.PdfDocument(shown.pdf(prefer_css_page_size=True))
            assert len(printed) == 1, tag
            assert printed[0].get_size() == pytest.approx((595, 842), abs=1), tag  # A4, in points
        browser.close()
