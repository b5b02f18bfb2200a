"""All that people do at the desk, by the keyboard alone: no script clicks, fills or chooses here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.e2e.stand import PASSWORD, PURPOSE, employ, with_pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page
    from tests.e2e.stand import Hands, Papers, Stand

AGAIN_MS = 500
MOST = 150
"""How often the tabulator is pressed at most until something is reached."""
NAMED = """() => {
    const it = document.activeElement
    if (it === document.body) return ''
    const name = it.getAttribute('aria-label') ?? (it.labels?.[0] ?? it).innerText
    return name.trim().replace(/\\s+/g, ' ')
}"""


@dataclass
class Keyboard:
    """The keyboard before a page."""

    page: Page

    def to(self, name: str, most: int = MOST) -> None:
        """The tabulator, until what has the focus is called so; where the focus is shows."""
        passed = []
        for _ in range(most):
            self.page.keyboard.press("Tab")
            focused = self.page.evaluate(NAMED)
            if focused.startswith(name):
                is_seen = self.page.evaluate("() => document.activeElement.matches(':focus-visible')")
                assert is_seen, f"the focus on {name} isn't shown"
                return
            passed.append(focused)
        raise AssertionError(f"the tabulator doesn't lead to {name}, but to {passed}")

    def press(self, name: str, leads: str = "", key: str = "Enter") -> None:
        """Go to a link or button and press it, and wait for the page that it leads to."""
        self.to(name)
        self.page.keyboard.press(key)
        if leads:
            self.page.wait_for_url(leads)

    def type(self, label: str, text: str) -> None:
        """Go to a field and write into it."""
        self.to(label)
        self.page.keyboard.type(text)

    def give(self, label: str, file: Path) -> None:
        """Go to a field for files and choose one."""
        self.to(label)
        with self.page.expect_file_chooser() as chooser:
            # A page that has just come may not be ready for it; who sees nothing presses once more.
            self.page.keyboard.press("Space")
            self.page.wait_for_timeout(AGAIN_MS)
            if not chooser.is_done():
                self.page.keyboard.press("Space")
        chooser.value.set_files(file)

    def said(self) -> str:
        """What the page says."""
        return self.page.locator("main").inner_text()


def test_signing_in_and_a_check(sits: Callable[..., Page], papers: Papers) -> None:
    page = sits(camera=True)
    keys = Keyboard(page)
    page.goto("/desk/sign-in")
    keys.press("Skip to the content")
    keys.to("Name", most=1)  # the link led past the menus
    page.keyboard.type("clerk")
    keys.to("Password", most=1)
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/")
    keys.press("New check", "**/desk/check")
    keys.to("A document")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    keys.to("Reference of the person", most=1)
    page.keyboard.type("case 4711")
    keys.to("Begin", most=1)
    page.keyboard.press("Enter")
    page.wait_for_url("**/claim")
    keys.give("Pictures of the document", papers.passport)
    page.locator(".found").wait_for()
    keys.press("Go on to the face", "**/verdict")  # the camera takes the picture by itself
    assert page.locator(".decision .word").inner_text() == "Match"
    keys.press("Receipt to print", "**/receipt")
    keys.press("Back to the check", "**/verdict")
    keys.press("End this check", "**/desk/check")
    assert "The check has ended" in keys.said()
    keys.press("Signed in as")
    keys.press("Sign out", "**/sign-in")


def test_a_file_in_the_place_of_the_camera(sits: Callable[..., Page], papers: Papers) -> None:
    page = sits("clerk")
    keys = Keyboard(page)
    page.goto("/desk/check")
    keys.to("A document")
    page.keyboard.press("ArrowDown")
    keys.press("Begin", "**/claim")
    keys.give("A picture of the person", papers.portrait)
    page.locator(".found").wait_for()
    keys.press("Go on to the face", "**/face")
    keys.press("Use a file in place of the camera")
    keys.give("A picture of the person’s face", papers.stranger)
    keys.press("Compare", "**/verdict")
    assert page.locator(".decision .word").inner_text() == "No match"
    keys.press("Check this person again", "**/face")


def test_two_documents(sits: Callable[..., Page], papers: Papers) -> None:
    page = sits("clerk")
    keys = Keyboard(page)
    page.goto("/desk/crosscheck")
    keys.give("Side with the portrait", papers.passport)
    keys.to("Back")
    keys.give("Files of the chip", papers.chip)
    keys.give("Side with the portrait", papers.front)
    keys.give("Back", papers.back)
    keys.press("Compare")
    page.locator("table.compared").wait_for()
    assert "OUDEIS" in keys.said()
    keys.press("Receipt to print", "**/receipt")


def test_a_second_person_decides(
    sits: Callable[..., Page], hands: Callable[[str], Hands], papers: Papers
) -> None:
    first = hands("clerk")
    check = first.checked(papers.portrait, papers.nobody, subject="case 0816")
    page = sits(token=first.token)
    clerk, reviewer = Keyboard(page), Keyboard(sits("reviewer"))
    page.goto(f"{check}/verdict")
    clerk.press("Ask a second person")
    clerk.type("What should they look at?", "The camera is broken.")
    clerk.press("Ask a second person")
    page.get_by_text("A second person is asked").wait_for()

    reviewer.page.goto("/desk/")
    reviewer.press("Review queue", "**/desk/review")
    reviewer.press("case 0816", "**/review/*")
    reviewer.to("The same person")
    reviewer.page.keyboard.press("Space")
    reviewer.page.keyboard.press("ArrowDown")
    reviewer.type("Why", "There is no face on it.")
    reviewer.press("Record my decision", "**/desk/review")

    clerk.press("Second opinions", "**/desk/asked")
    assert "There is no face on it." in clerk.said()
    assert "Not the same person" in clerk.said()
    clerk.press("case 0816", "**/verdict")


def test_an_auditor(
    sits: Callable[..., Page], stand: Stand, hands: Callable[[str], Hands], papers: Papers
) -> None:
    hands("clerk").checked(papers.portrait, papers.person, subject="case 0817")
    entry = with_pictures(stand.ledger, papers)
    page = sits("auditor")
    keys = Keyboard(page)
    page.goto("/desk/")
    keys.press("Ledger", "**/desk/ledger")
    keys.press("Choose which entries to see")
    keys.type("Purpose", PURPOSE)
    keys.press("Show", "**/desk/ledger?*")
    keys.type("Reference of the person", "case 0817")
    keys.press("Look up", "**/ledger/person")
    keys.press(entry.rpartition("/")[2], f"**{entry}")
    keys.press("Look at the pictures", "**/pictures")
    assert page.locator("main img").count() == 2
    keys.press("Back to the entry", f"**{entry}")
    keys.press("Verify", "**/verification")
    keys.to("Verify")  # the page itself, once more; behind it is the button
    keys.press("Verify")
    page.locator('#outcome[data-outcome="outcome-right"]').wait_for()
    keys.press("A person’s report", "**/desk/subject")
    keys.type("Reference of the person", "case 0817")
    keys.press("Make the report")
    page.get_by_text("case 0817").first.wait_for()


def test_an_administrator(sits: Callable[..., Page], stand: Stand, hands: Callable[[str], Hands]) -> None:
    hands("clerk").begin(subject="case 0818")
    page = sits("administrator")
    keys = Keyboard(page)
    page.goto("/desk/")
    keys.press("Administration", "**/desk/admin")
    keys.press("Users", "**/admin/users")
    keys.type("Name to sign in with", "typed")
    keys.press("Clerk", key="Space")
    keys.press("Add the user")
    page.locator("code.secret").wait_for()
    keys.press("I have it: go on", "**/admin/users/*")
    keys.press("Keys", "**/admin/keys")
    keys.type("Purpose", "hiring")
    keys.type("Legal basis", "consent")
    keys.press("Verification", key="Space")
    keys.press("Make the key")
    page.locator("code.secret").wait_for()
    keys.press("I have it: go on", "**/admin/keys/*")
    keys.press("Keeping and erasing", "**/admin/retention")
    keys.press("Erase a person’s data", "**/admin/erasure")
    keys.type("Reference of the person", "case 0818")
    keys.type("What it is done for", "consent was withdrawn")
    keys.press("Go on: you are asked once more")
    page.get_by_text("Are you sure?").wait_for()
    keys.press("Yes, erase it for good.", key="Space")
    keys.press("Erase")
    page.get_by_text("1 check that was under way has ended.").wait_for()


def test_a_second_factor(sits: Callable[..., Page], stand: Stand) -> None:
    employ(stand.accounts, "with-keys", ["auditor"])
    page = sits("with-keys")
    keys = Keyboard(page)
    page.goto("/desk/")
    keys.press("Signed in as")
    keys.press("My account", "**/desk/account")
    keys.press("Set it up", "**/second-factor")
    keys.type("The password that you have now", PASSWORD)
    keys.press("Set it up")
    page.locator(".qr").wait_for()
    keys.type("Code", "000000")
    page.keyboard.press("Enter")
    page.locator(".mistake").wait_for()
    assert "This code is wrong or too old." in keys.said()
