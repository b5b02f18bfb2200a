"""A check at the desk in a real browser, from sign-in to receipt, on good days and on bad ones."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from tests.e2e.stand import PASSWORD, Stand
from tests.service.conftest import with_config

from visavis.ledger.statement import read_keys, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from tests.e2e.stand import Hands, Papers

    from visavis.ledger.statement import Statement

DONE_BEFORE = "This step was done before"
OFFLINE = "The network is gone. Your check is not lost"


# What a clerk does


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/desk/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/")


def begin(page: Page, way: str = "A picture", subject: str = "") -> None:
    """As far as the page where the reference is given."""
    page.goto("/desk/check")
    page.get_by_role("radio", name=way, exact=True).check()
    page.get_by_label("Reference of the person").fill(subject)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/claim")


def to_face(page: Page, *pictures: Path, way: str = "A picture", subject: str = "") -> None:
    """As far as the page where the face is given."""
    begin(page, way, subject)
    page.locator("#page").set_input_files(pictures)
    page.get_by_role("link", name="Go on to the face").click()
    page.wait_for_url("**/face")


def choose(page: Page, probe: Any) -> None:
    """Choose a file in the place of what the camera sees."""
    files = page.locator("[data-files]")
    if files.get_attribute("open") is None:
        files.locator("summary").click()
    page.get_by_label("A picture of the person’s face").set_input_files(probe)


def compare(page: Page, probe: Any) -> None:
    choose(page, probe)
    page.get_by_role("button", name="Compare").click()


def word(page: Page) -> str:
    """What the verdict says, once it is there."""
    page.wait_for_url("**/verdict")
    return page.locator(".decision .word").inner_text()


def notice(page: Page) -> str:
    return page.locator("main > .notice").first.inner_text()


def downloaded(page: Page, stand: Stand, link: str) -> Statement:
    """A statement, which holds by itself."""
    with page.expect_download() as found:
        page.get_by_role("link", name=link).first.click()
    keys = httpx2.get(f"{stand.url}/.well-known/jwks.json", trust_env=False).content
    return verify(Path(found.value.path()).read_bytes().strip(), read_keys(keys))


def verdicts(stand: Stand) -> int:
    """How many verdicts the ledger holds."""
    ledger = stand.ledger
    return sum(b'"kind":"verdict"' in ledger.leaf(index) for index in range(ledger.state().size))


def test_from_sign_in_to_receipt(sits: Callable[..., Page], stand: Stand, papers: Papers) -> None:
    page = sits(camera=True)
    sign_in(page, "clerk")
    page.get_by_role("link", name="New check").first.click()
    page.get_by_label("Reference of the person").fill("case 4711")
    page.get_by_role("button", name="Begin").click()
    page.get_by_label("Pictures of the document").set_input_files(papers.passport)
    assert "OUDEIS" in page.get_by_role("table").inner_text()
    page.get_by_role("link", name="Go on to the face").click()
    assert word(page) == "Match"  # the camera took the picture by itself
    page.get_by_role("link", name="Receipt to print").click()
    page.wait_for_url("**/receipt")
    said = page.locator("main").inner_text()
    assert "case 4711" in said
    assert "The pictures: not kept." in said
    statement = downloaded(page, stand, "Signed statement to download")
    assert (statement.entry.kind, statement.entry.decision) == ("verdict", "match")
    page.get_by_role("link", name="Back to the check").click()
    page.get_by_role("button", name="End this check").click()
    assert "The check has ended, and its pictures are gone." in page.get_by_role("status").inner_text()


def test_a_file_where_the_camera_is_refused(sits: Callable[..., Page], papers: Papers) -> None:
    page = sits("clerk")
    to_face(page, papers.front, papers.back, way="A document")
    page.get_by_role("button", name="Turn the camera on").click()
    page.get_by_text("Your browser may not use the camera.").wait_for()
    compare(page, papers.person)  # the way by a file is open by itself
    assert word(page) == "Match"


def test_a_document_before_the_camera(sits: Callable[..., Page]) -> None:
    """The picture is of a face, and so nothing is read; that is said, and the clerk can go on."""
    page = sits("clerk", camera=True)
    begin(page, "A document")
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take the picture").click()
    page.locator(".found").wait_for()
    assert page.locator(".found .said li").count() >= 1


def test_two_photographs(sits: Callable[..., Page], papers: Papers) -> None:
    page = sits("clerk")
    to_face(page, papers.portrait)
    compare(page, papers.stranger)
    assert word(page) == "No match"
    page.get_by_role("button", name="Check this person again").click()
    page.wait_for_url("**/face")
    compare(page, papers.person)
    assert word(page) == "Match"
    pictures = page.locator(".both img")
    assert pictures.count() == 2
    assert all(pictures.nth(each).evaluate("it => it.complete && it.naturalWidth > 50") for each in range(2))


def test_two_documents(sits: Callable[..., Page], stand: Stand, papers: Papers) -> None:
    page = sits("clerk")
    page.goto("/desk/crosscheck")
    first, second = page.locator("fieldset.card").all()
    first.get_by_label("Side with the portrait").set_input_files(papers.passport)
    first.get_by_label("Files of the chip").set_input_files(papers.chip)
    second.get_by_label("Side with the portrait").set_input_files(papers.front)
    second.get_by_label("Back").set_input_files(papers.back)
    page.get_by_role("button", name="Compare").click()
    page.locator(".decision .word").wait_for()
    assert "OUDEIS" in page.locator("table.compared").inner_text()
    statement = downloaded(page, stand, "Signed statement to download")
    assert statement.entry.kind == "crosscheck"
    page.get_by_role("link", name="Receipt to print").click()
    page.wait_for_url("**/receipt")


def test_a_second_person_decides(sits: Callable[..., Page], stand: Stand, papers: Papers) -> None:
    clerk, reviewer = sits("clerk"), sits("reviewer")
    to_face(clerk, papers.portrait, subject="case 0815")
    compare(clerk, papers.nobody)
    assert word(clerk) == "Can’t decide"
    clerk.locator("summary", has_text="Ask a second person").click()
    clerk.get_by_label("What should they look at?").fill("The camera is broken.")
    clerk.get_by_role("button", name="Ask a second person").click()
    assert "A second person is asked" in notice(clerk)

    reviewer.goto("/desk/review")
    reviewer.get_by_role("link", name="case 0815").click()
    assert "The camera is broken." in reviewer.locator("main").inner_text()
    reviewer.get_by_role("radio").last.check()
    reviewer.get_by_label("Why", exact=True).fill("There is no face on it.")
    reviewer.get_by_role("button", name="Record my decision").click()
    reviewer.wait_for_url("**/desk/review")

    clerk.goto("/desk/asked")
    assert "There is no face on it." in clerk.locator("main").inner_text()
    clerk.get_by_role("link", name="case 0815").click()
    clerk.get_by_role("link", name="Receipt to print").click()
    clerk.wait_for_url("**/receipt")
    statement = downloaded(clerk, stand, "Statement of the second person’s decision")
    assert statement.entry.kind == "review"


def test_without_scripts(sits: Callable[..., Page], papers: Papers) -> None:
    page = sits(java_script_enabled=False)
    sign_in(page, "clerk")
    begin(page, "A document")
    page.get_by_label("Pictures of the document").set_input_files(papers.passport)
    page.get_by_role("button", name="Read it").first.click()
    page.get_by_role("link", name="Go on to the face").click()
    compare(page, papers.person)
    assert word(page) == "Match"


# Bad days


def test_the_network_goes_and_comes_back(sits: Callable[..., Page], stand: Stand, papers: Papers) -> None:
    page = sits("clerk")
    to_face(page, papers.portrait)
    before = verdicts(stand)
    page.context.set_offline(True)
    compare(page, papers.person)
    page.get_by_text(OFFLINE).first.wait_for()
    page.context.set_offline(False)
    assert word(page) == "Match"
    assert verdicts(stand) == before + 1


def test_the_network_goes_while_the_camera_is_on(sits: Callable[..., Page], papers: Papers) -> None:
    page = sits("clerk", camera=True)
    to_face(page, papers.portrait)
    page.get_by_role("button", name="Turn the camera off").wait_for()
    page.context.set_offline(True)
    page.get_by_text(OFFLINE).first.wait_for()
    page.context.set_offline(False)
    assert word(page) == "Match"


def test_back_forward_and_loaded_again(sits: Callable[..., Page], stand: Stand, papers: Papers) -> None:
    """Whatever way one goes, the check is where it was, and nothing is done twice."""
    page = sits("clerk")
    to_face(page, papers.portrait)
    before = verdicts(stand)
    page.reload()
    assert page.get_by_role("heading", level=1).inner_text() == "The face"
    page.go_back()
    page.wait_for_url("**/claim")
    page.go_forward()
    page.wait_for_url("**/face")
    compare(page, papers.person)
    assert word(page) == "Match"
    page.reload()
    assert word(page) == "Match"
    page.go_back()
    assert word(page) == "Match"
    assert "This check has its verdict." in notice(page)
    page.goto("/desk/")
    page.go_back()
    assert word(page) == "Match"
    assert verdicts(stand) == before + 1


def test_two_windows(sits: Callable[..., Page], stand: Stand, papers: Papers) -> None:
    first = sits("clerk")
    to_face(first, papers.portrait)
    second = first.context.new_page()
    second.goto(first.url)
    before = verdicts(stand)
    compare(first, papers.person)
    assert word(first) == "Match"
    compare(second, papers.stranger)
    assert word(second) == "Match"
    assert DONE_BEFORE in notice(second)
    assert verdicts(stand) == before + 1
    first.get_by_role("button", name="End this check").click()
    first.wait_for_url("**/desk/check")
    second.get_by_role("button", name="Check this person again").click()
    second.get_by_role("heading", level=1).wait_for()
    assert "ended" in second.locator("main").inner_text()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_double_click(sits: Callable[..., Page], stand: Stand, papers: Papers, scripts: bool) -> None:
    page = sits("clerk", java_script_enabled=scripts)
    begin(page)
    page.locator("#page").set_input_files(papers.portrait)
    if not scripts:
        page.get_by_role("button", name="Use this picture").dblclick()
    page.get_by_role("link", name="Go on to the face").click()
    page.wait_for_url("**/face")
    before = verdicts(stand)
    choose(page, papers.person)
    page.get_by_role("button", name="Compare").dblclick()
    assert word(page) == "Match"
    assert verdicts(stand) == before + 1


def test_signed_out_meanwhile(sits: Callable[..., Page], papers: Papers) -> None:
    """One is told to sign in, comes back, and reads that the check is gone with the session."""
    page = sits("clerk")
    to_face(page, papers.portrait)
    page.context.clear_cookies()
    compare(page, papers.person)
    page.wait_for_url(re.compile(r"/desk/sign-in\?back="))
    page.get_by_label("Name").fill("clerk")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("ended").first.wait_for()


HOSTILE = {
    "a text": ("face.jpg", b"this is no picture"),
    "half a picture": ("face.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"),
    "nothing in it": ("face.jpg", b""),
    "a name that wants to run": ('"><img src=x onerror=alert(1)>.jpg', b"<svg onload=alert(1)>"),
}


def test_no_picture(sits: Callable[..., Page], stand: Stand, papers: Papers) -> None:
    """At each place where a file is chosen: a sentence says what is wrong, and the right file does then."""
    page = sits("clerk")
    before = verdicts(stand)
    told = page.locator("form [data-say]:visible")

    def refused(give: Callable[[Any], None]) -> None:
        for kind, (name, content) in HOSTILE.items():
            with page.expect_response(lambda response: response.status == 422):
                give({"name": name, "mimeType": "image/jpeg", "buffer": content})
            told.wait_for()
            assert re.search(r"[a-z].*\.", told.inner_text()), kind

    begin(page)
    refused(page.locator("#page").set_input_files)
    page.locator("#page").set_input_files(papers.portrait)
    page.get_by_role("link", name="Go on to the face").click()
    page.wait_for_url("**/face")
    refused(lambda file: compare(page, file))
    assert verdicts(stand) == before
    compare(page, papers.person)
    assert word(page) == "Match"


def test_nothing_that_was_typed_runs(
    sits: Callable[..., Page], hands: Callable[[str], Hands], papers: Papers
) -> None:
    """The watch over pages fails this where a dialog opens, or the policy has to stop something."""
    run = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    clerk = hands("clerk")
    check = clerk.checked(papers.portrait, papers.nobody, subject=run[:60])
    clerk.ask(check, run)
    page, reviewer = sits(token=clerk.token), sits("reviewer")
    for path in (f"{check}/verdict", f"{check}/receipt", "/desk/asked"):
        page.goto(path)
        assert run[:60] in page.locator("main").inner_text()
    where = check.replace("/check/", "/review/")
    reviewer.goto(where)
    assert run in reviewer.locator("main").inner_text()
    reviewer.get_by_role("radio").last.check()
    reviewer.get_by_label("Why", exact=True).fill(run)
    reviewer.get_by_role("button", name="Record my decision").click()
    reviewer.wait_for_url("**/desk/review")
    for path in ("/desk/asked", f"{check}/receipt"):
        page.goto(path)
        assert run in page.locator("main").inner_text()


def test_a_challenge_is_stopped(sits: Callable[..., Page], stand: Stand, papers: Papers) -> None:
    """Where the policy asks for a live person, instructions fill the window, and Escape leads out of them."""
    if not stand.service.engine.has_liveness:
        pytest.skip("needs the pack pad")
    policy = replace(stand.service.config.policy, liveness="require")
    strict = Stand(with_config(stand.service, policy=policy), lambda _: stand.accounts)
    strict.start()
    try:
        page = sits("clerk", camera=True, base_url=strict.url)
        to_face(page, papers.portrait)
        page.get_by_role("button", name="Begin the instructions").click()
        dialog = page.get_by_role("dialog", name="Instructions")
        dialog.wait_for()
        assert dialog.locator("[data-order]").inner_text()
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
        assert page.get_by_role("button", name="Begin the instructions").is_visible()
        page.get_by_role("button", name="End this check").click()
        page.wait_for_url("**/desk/check")
    finally:
        strict.stop()
