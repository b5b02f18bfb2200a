"""The desk's other rooms in a real browser: signing in, auditors, administrators, languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.e2e.stand import PASSWORD, PURPOSE, employ, with_pictures

from visavis.access.totp import code_of, step_at
from visavis.ledger import rows
from visavis.service.pages.frame import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.stand import Hands, Papers, Stand


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


# Signing in


def test_a_second_factor(sits: Callable[..., Page], stand: Stand) -> None:
    """Set up by reading the key on the page as an app would, and then signing in with its codes."""
    import base64
    from datetime import UTC, datetime

    user = employ(stand.accounts, "twice", ["auditor"])
    page = sits("twice")
    page.goto("/desk/account")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("The password that you have now").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    assert page.get_by_role("img", name="QR code").is_visible()
    secret = base64.b32decode(page.locator("bdi.code").inner_text().replace(" ", ""))

    def code(later: int = 0) -> str:
        return code_of(secret, step_at(datetime.now(UTC)) + later)

    page.get_by_role("textbox", name="Code").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    page.locator(".mistake").wait_for()
    page.get_by_role("textbox", name="Code").fill(code())
    page.get_by_role("button", name="Turn it on").click()
    page.locator(".codes").wait_for()
    recovery = page.locator(".codes li").first.inner_text()
    assert stand.accounts.users.get(user.id).has_second_factor

    other = sits()
    for number in (code(1), recovery):
        other.context.clear_cookies()
        other.goto("/desk/account")
        other.get_by_label("Name").fill("twice")
        other.get_by_label("Password").fill(PASSWORD)
        other.get_by_role("button", name="Sign in").click()
        assert heading(other) == "Your second factor"
        other.get_by_role("textbox", name="Code").fill(number)
        other.get_by_role("button", name="Sign in").click()
        other.wait_for_url("**/desk/account")
    assert "recovery codes left" in other.locator("main").inner_text()


def test_signed_in_by_an_organisation(sits: Callable[..., Page]) -> None:
    """To the OpenID provider and back, with a strict cookie at the end of it."""
    page = sits(elsewhere=True)
    page.goto("/desk/ledger")
    page.get_by_role("link", name="Go to your organisation’s sign-in").click()
    page.wait_for_url("**/desk/ledger")
    assert "anna" in page.locator(".mine").inner_text()
    assert "New check" not in page.locator("nav.places").inner_text()
    [cookie] = [each for each in page.context.cookies() if each["name"] == SESSION]
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")


def test_wrong_passwords_and_roles(sits: Callable[..., Page]) -> None:
    page = sits()
    page.goto("/desk/sign-in")
    page.get_by_label("Name").fill("auditor")
    page.get_by_label("Password").fill("wrong horse")
    page.get_by_role("button", name="Sign in").click()
    alert = page.get_by_role("alert")
    assert alert.is_visible()
    assert alert.evaluate("it => it === document.activeElement")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/")
    page.goto("/desk/admin")
    assert "role" in page.locator("main").inner_text()


def test_nothing_is_seen_after_signing_out(sits: Callable[..., Page]) -> None:
    """Whoever comes next to this browser goes back, and has to sign in."""
    page = sits()
    page.goto("/desk/sign-in")
    page.get_by_label("Name").fill("auditor")
    page.get_by_label("Password").fill(PASSWORD)
    before = {each["value"] for each in page.context.cookies()}
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/")
    session = [each["value"] for each in page.context.cookies() if each["name"] == SESSION]
    assert len(session) == 1
    assert not before & set(session)
    page.goto("/desk/ledger")
    page.locator("summary", has_text="auditor").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/desk/sign-in")
    assert SESSION not in {each["name"] for each in page.context.cookies()}
    page.go_back()
    page.wait_for_url(re.compile(r"/desk/sign-in\?back=/desk/ledger$"))
    assert page.locator("table").count() == 0


# The auditor


def outcome(page: Page, stand: Stand) -> str:
    page.goto("/desk/ledger/verification")
    page.get_by_role("button", name="Verify", exact=True).click()
    page.locator("#outcome[data-outcome]").wait_for()
    return page.locator("#outcome").get_attribute("data-outcome") or ""


def test_the_ledger_is_verified_in_the_browser(
    sits: Callable[..., Page], stand: Stand, hands: Callable[[str], Hands], papers: Papers
) -> None:
    hands("clerk").checked(papers.portrait, papers.person)
    page = sits("auditor")
    assert outcome(page, stand) == "outcome-right"
    findings = page.locator("#findings").inner_text()
    assert "Wrong" not in findings
    assert page.locator('#findings [data-name="all-hold"]').count() == 1
    assert page.locator('#findings [data-name^="signed"]').count() == 1

    hands("clerk").begin()
    page.goto("/desk/account")  # between two visits the ledger grew
    assert outcome(page, stand) == "outcome-right"
    assert page.locator('#findings [data-name="grew-kept"]').count() == 1

    ledger, table = stand.ledger, rows.tables().entries
    index = next(each for each in reversed(range(ledger.state().size)) if b"opening" in ledger.leaf(each))
    leaf = ledger.leaf(index)
    changed = leaf.replace(b"opening", b"0pening")
    with ledger.storage.writing() as connection:
        connection.execute(table.update().where(table.c.idx == index).values(leaf=changed))
    try:
        assert outcome(page, stand) == "outcome-wrong"
        assert str(index) in page.locator('#findings [data-name="altered"]').inner_text()
    finally:
        with ledger.storage.writing() as connection:
            connection.execute(table.update().where(table.c.idx == index).values(leaf=leaf))
    assert outcome(page, stand) == "outcome-right"


def test_an_entry_is_found(sits: Callable[..., Page], hands: Callable[[str], Hands], papers: Papers) -> None:
    hands("clerk").checked(papers.portrait, papers.person)
    page = sits("auditor")
    page.goto("/desk/")
    page.get_by_role("link", name="Ledger").first.click()
    for room in ("Uses", "Alarms and refusals", "Error rates"):
        page.locator("nav.rooms").get_by_role("link", name=room).click()
        assert PURPOSE in page.locator("main").inner_text() or room != "Uses"
    page.locator("nav.rooms").get_by_role("link", name="Entries").click()
    page.locator("table.entries tbody th a").first.click()
    assert re.search(r"\d", heading(page))


def test_pictures_that_are_kept(
    sits: Callable[..., Page], stand: Stand, hands: Callable[[str], Hands], papers: Papers
) -> None:
    """Asked for with a purpose, and shown to nobody else who is signed in."""
    hands("clerk").checked(papers.portrait, papers.person)
    entry = with_pictures(stand.ledger, papers)
    page = sits("auditor")
    page.goto(entry)
    page.get_by_role("button", name="Look at the pictures").click()
    page.wait_for_url("**/pictures")
    pictures = page.locator("main img")
    assert pictures.count() == 2
    for each in pictures.all():
        each.scroll_into_view_if_needed()
        assert each.evaluate("it => it.decode().then(() => it.naturalWidth)") > 100
    page.get_by_role("link", name="Back to the entry").click()
    page.wait_for_url(f"**{entry}")
    page.locator("nav.rooms").get_by_role("link", name="Entries").click()
    assert "Access" in page.locator("table.entries tbody tr").first.inner_text()
    other = sits("auditor")
    other.goto(f"{entry}/pictures")
    assert other.url.endswith(entry)
    assert other.locator("main img").count() == 0


# The administrator


def test_a_key_is_made(sits: Callable[..., Page], stand: Stand) -> None:
    """Its secret opens the door for programs, and is never seen again."""
    import httpx2

    page = sits("administrator")
    page.goto("/desk/admin/keys")
    page.get_by_label("Purpose").fill("hiring")
    page.get_by_label("Legal basis").fill("consent")
    page.get_by_role("button", name="Make the key").click()
    problem = page.get_by_role("alert")
    if problem.count():  # nothing was chosen that it may be used for
        page.locator("#scopes input").first.check()
        page.get_by_role("button", name="Make the key").click()
    secret = page.locator("code.secret").inner_text()
    answer = httpx2.post(
        f"{stand.url}/v1/verifications", headers={"Authorization": f"Bearer {secret}"}, trust_env=False
    )
    assert answer.status_code in (400, 403, 415, 422)
    page.get_by_role("link", name="I have it: go on").click()
    assert secret not in page.content()


def test_somebody_is_invited(sits: Callable[..., Page], stand: Stand) -> None:
    admin, new = sits("administrator"), sits()
    admin.goto("/desk/admin/users")
    admin.get_by_label("Name to sign in with").fill("newcomer")
    admin.get_by_role("checkbox", name=re.compile("^Clerk", re.IGNORECASE)).check()
    admin.get_by_role("button", name="Add the user").click()
    link = admin.locator("code.secret").inner_text()
    new.goto("/desk/invitation/" + link.rpartition("/")[2])
    new.get_by_label("New password").fill("correct horse battery")
    new.get_by_label("The same password again").fill("another one here")
    new.get_by_role("button", name="Set the password").click()
    assert new.locator(".mistake").count() >= 1
    new.get_by_label("New password").fill("correct horse battery")
    new.get_by_label("The same password again").fill("correct horse battery")
    new.get_by_role("button", name="Set the password").click()
    new.wait_for_url("**/second-factor")
    new.goto("/desk/check")
    assert "You have no purpose to act for." in new.locator("main").inner_text()

    admin.get_by_role("link", name="I have it: go on").click()
    admin.locator("summary", has_text="urpose").click()
    admin.get_by_role("textbox", name="Purpose").fill(PURPOSE)
    admin.get_by_label("Legal basis").fill("consent")
    admin.get_by_role("button", name="Give this purpose").click()
    assert PURPOSE in admin.locator("main").inner_text()
    new.reload()
    assert new.get_by_role("button", name="Begin").is_visible()

    again = sits()
    again.goto("/desk/invitation/" + link.rpartition("/")[2])
    assert heading(again) == "This link is void"


# Languages and looks


@pytest.mark.parametrize(("name", "tag", "direction"), [("العربية", "ar", "rtl"), ("Deutsch", "de", "ltr")])
def test_another_language(sits: Callable[..., Page], name: str, tag: str, direction: str) -> None:
    page = sits(viewport={"width": 360, "height": 740})
    page.goto("/desk/sign-in")
    before = heading(page)
    page.locator("summary", has_text="English").click()
    page.get_by_role("button", name=name).click()
    root = page.locator("html")
    assert (root.get_attribute("lang"), root.get_attribute("dir")) == (tag, direction)
    assert heading(page) != before
    page.reload()
    assert root.get_attribute("lang") == tag
    bar, box = page.locator("header .brand").bounding_box(), page.locator("main").bounding_box()
    assert bar is not None
    assert box is not None
    is_right = bar["x"] > box["width"] / 2
    assert is_right == (direction == "rtl")


def test_dark_as_one_likes(sits: Callable[..., Page]) -> None:
    page = sits(color_scheme="light")
    page.goto("/desk/sign-in")
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.locator("summary", has_text="Appearance").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_load_state()
    assert page.evaluate(paper) != light
    page.emulate_media(color_scheme="dark")
    page.locator("summary", has_text="Appearance").click()
    page.get_by_role("button", name="Light").click()
    page.wait_for_load_state()
    assert page.evaluate(paper) == light
