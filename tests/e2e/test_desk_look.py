"""What every page of the desk is held to: that all can use it, at any size, and that it is light."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import pytest
from tests.e2e.stand import PASSWORD, PURPOSE, Shown, every_page

from visavis.service.pages import desk as desk_module

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playwright.sync_api import Page, Response, ViewportSize
    from tests.e2e.stand import Papers, Stand

Scheme = Literal["light", "dark"]
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 640}
LIGHT: Scheme = "light"
DARK: Scheme = "dark"
LEAST_BYTES, MOST_BYTES = 20_000, 150_000
"""Of a page with its sheets, scripts and icon, without the pictures of a check."""
AXE = "() => axe.run({resultTypes: ['violations']}).then((found) => found.violations)"
OVER = """() => [...document.querySelectorAll('body *')]
    .filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
    .filter((it) => !it.closest('.scroll, .hidden, .oval'))
    .map((it) => `${it.tagName}.${it.className?.baseVal ?? it.className}`)"""
DATA = re.compile(
    r"/picture/|/statement|/proof$|/ledger/(log|checkpoint)|/openid|/sign-in/code$|^/check/\{id\}$|^/crosscheck/\{id\}$"
)
"""What isn't a page, leads to one, or takes a state that another test brings about."""


@pytest.fixture(scope="module")
def pages(stand: Stand, papers: Papers) -> Sequence[Shown]:
    return every_page(stand, papers)


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core, https://github.com/dequelabs/axe-core."""
    pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, which carries axe-core")
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds wrong with a page."""
    if not page.evaluate("() => 'axe' in globalThis"):
        page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(AXE)
    return [f"{each['id']}: {node['html'][:150]}" for each in found for node in each["nodes"]]


def test_every_page_is_here(pages: Sequence[Shown]) -> None:
    """Whoever adds a page shows it to these tests."""
    paths = {path for module in desk_module.PAGES for method, path in module.acts if method == "GET"}
    seen = [each.path.removeprefix("/desk") for each in pages]
    for path in paths:
        if not DATA.search(path):
            shape = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
            assert any(shape.fullmatch(each) for each in seen), path


@dataclass
class Findings:
    """What was seen of all pages: for each something, where there is something to say."""

    violations: dict[str, list[str]] = field(default_factory=dict)
    sticking_out: dict[str, list[str]] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)


@pytest.fixture
def findings(sits: Callable[..., Page], pages: Sequence[Shown], axe: str) -> Findings:
    """Every page, seen once: wide and light, narrow and dark, for colours don't change with the width."""
    found = Findings()
    seats: dict[str, Page] = {}
    for each in pages:
        if each.token not in seats:
            page = seats[each.token] = sits(token=each.token, reduced_motion="reduce")
            page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        page = seats[each.token]
        got: dict[str, Response] = {}
        note = functools.partial(_noted, got)
        page.on("response", note)
        for scheme, size in ((LIGHT, WIDE), (DARK, NARROW)):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            if not got:
                page.goto(each.path, wait_until="load")
            found.violations[f"{each.name}, {scheme}, {size['width']}"] = violations(page, axe)
        page.remove_listener("response", note)
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            found.sticking_out[each.name] = page.evaluate(OVER)
        found.bytes[each.name] = sum(weight(response) for response in got.values())
    return found


def _noted(got: dict[str, Response], response: Response) -> None:
    got[response.url] = response


def test_every_page(findings: Findings) -> None:
    """axe-core finds nothing, narrow and wide, light and dark; nothing sticks out; all is light."""
    assert not {where: what for where, what in findings.violations.items() if what}
    assert not findings.sticking_out
    assert min(findings.bytes.values()) > LEAST_BYTES
    assert max(findings.bytes.values()) < MOST_BYTES, findings.bytes


def test_pages_that_come_of_a_form(sits: Callable[..., Page], stand: Stand, axe: str) -> None:
    """A secret, a link, a person's report, and a form that was filled in wrong."""
    admin, auditor, stranger = sits("administrator"), sits("auditor"), sits()
    admin.goto("/desk/admin/users")
    admin.get_by_label("Name to sign in with").fill("somebody")
    admin.get_by_role("button", name="Add the user").click()
    admin.locator(".mistake").first.wait_for()
    assert not violations(admin, axe)
    admin.locator("#roles input").first.check()
    admin.get_by_role("button", name="Add the user").click()
    admin.locator("code.secret").wait_for()
    assert not violations(admin, axe)
    auditor.goto("/desk/subject")
    auditor.get_by_label("Reference of the person").fill("case 4711")
    auditor.get_by_role("button", name="Make the report").click()
    auditor.get_by_text(PURPOSE).first.wait_for()
    assert not violations(auditor, axe)
    auditor.goto("/desk/account/second-factor")
    auditor.get_by_label("The password that you have now").fill(PASSWORD)
    auditor.get_by_role("button", name="Set it up").click()
    auditor.locator(".qr").wait_for()
    assert not violations(auditor, axe)
    stranger.goto("/desk/sign-in")
    stranger.get_by_label("Name").fill("clerk")
    stranger.get_by_label("Password").fill(PASSWORD[:-1])
    stranger.get_by_role("button", name="Sign in").click()
    stranger.get_by_role("alert").wait_for()
    assert not violations(stranger, axe)


def weight(response: Response) -> int:
    """Bytes of a part, as they lie on the disk; of a check's picture none."""
    is_picture = response.headers.get("content-type", "").startswith("image/jpeg")
    return 0 if is_picture else int(response.headers.get("content-length", "0"))
