"""What the tests in a browser share: one desk, a Chromium for each module, and people who sit before it."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.access.provider import CLIENT, SECRET, Key, OpenIDProvider
from tests.e2e.stand import Hands, Papers, Stand, staff

from visavis.access.openid import Settings
from visavis.errors import PackError
from visavis.packs.install import install
from visavis.service.config import Config
from visavis.service.pages.frame import SESSION
from visavis.service.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, Response

    from visavis.access.accounts import Accounts
    from visavis.verifier import Verifier

PATIENCE_MS = 60_000
"""How long something on a page may take before a test fails; the machine may be busy."""
REFUSED = re.compile(r"Failed to load resource: (the server responded with a status of 4|net::ERR_INTERNET)")
"""What Chromium writes to the console where an answer says no, which is no fault of the page."""


@pytest.fixture(scope="session")
def provider() -> Iterator[OpenIDProvider]:
    """An OpenID provider on this machine, for which Anna is an auditor."""
    made = OpenIDProvider(Key())
    made.person |= {"roles": ["checks"]}
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def papers(
    tmp_path_factory: pytest.TempPathFactory, sface: Verifier, portraits: Mapping[str, bytes]
) -> Papers:
    return Papers.make(tmp_path_factory.mktemp("papers"), sface, portraits)


@pytest.fixture(scope="session")
def stand(
    sface: Verifier, provider: OpenIDProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    """The desk of all tests here."""
    install("mrz")
    with contextlib.suppress(PackError):  # its files can't be had everywhere
        install("pad")
    folder = tmp_path_factory.mktemp("stand")
    config = Config(database=str(folder / "desk.sqlite"), engines=2, queue=16, desk=True)
    service = Service.start(config)

    def accounts(url: str) -> Accounts:
        provider.redirect = f"{url}/desk/openid"
        roles: dict[str, str] = {"checks": "auditor"}
        settings = Settings(
            issuer=provider.url,
            client=CLIENT,
            secret=SECRET,
            redirect=provider.redirect,
            claim="roles",
            roles=roles,
        )
        return staff(service.ledger, openid=settings)

    made = Stand(service, accounts)
    made.start()
    yield made
    made.stop()
    service.ledger.close()


@pytest.fixture(scope="module")
def chromium(papers: Papers) -> Iterator[Browser]:
    """A browser whose camera shows a person who comes closer.

    One for each module: while Playwright runs, nothing else can use asyncio in this thread.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs Chromium: apt install chromium")
    arguments = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={papers.camera}"]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What pages did that they may not do."""

    elsewhere: str
    wrong: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext, url: str, *, elsewhere: bool = False) -> None:
        """Watch what the pages of a context do; they may go to the provider where somebody signs in there."""
        here = (f"{url}/desk", f"blob:{url}", *([self.elsewhere] if elsewhere else []))
        context.on("console", self._console)
        context.on("weberror", lambda error: self.wrong.append(f"{error.error}"))
        context.on("request", lambda request: self._request(request, here))
        context.on("response", self._response)
        context.on("dialog", self._dialog)

    def _dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not REFUSED.match(message.text):
            self.wrong.append(f"console: {message.text} ({message.location})")

    def _request(self, request: Request, here: tuple[str, ...]) -> None:
        if not request.url.startswith(here):
            self.wrong.append(f"asked for {request.url}")

    def _response(self, response: Response) -> None:
        is_part = response.request.resource_type in ("stylesheet", "script", "image")
        if response.status >= 500 or (is_part and response.status >= 400):
            self.wrong.append(f"{response.status} for {response.url}")


@pytest.fixture
def watch(provider: OpenIDProvider) -> Iterator[Watch]:
    """Fails a test whose pages say something on the console, ask elsewhere, or lack a part."""
    made = Watch(provider.url)
    yield made
    assert not made.wrong


@pytest.fixture
def sits(chromium: Browser, stand: Stand, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Sets somebody down before a browser of their own: by a user's name signed in, otherwise a stranger."""
    contexts = []

    def sit(
        name: str | None = None,
        *,
        token: str = "",
        camera: bool = False,
        elsewhere: bool = False,
        **options: Any,
    ) -> Page:
        size, allowed = {"width": 1280, "height": 900}, ["camera"] if camera else []
        options = {"viewport": size, "locale": "en-GB", "base_url": stand.url, **options}
        context = chromium.new_context(permissions=allowed, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        watch.over(context, options["base_url"], elsewhere=elsewhere)
        token = token or (stand.token(name) if name else "")
        if token:
            # A cookie belongs to no port and no scheme, but is only taken for the latter's secure kind.
            address = stand.url.replace("http:", "https:")
            cookie = {"name": SESSION, "value": token, "url": address, "secure": True, "httpOnly": True}
            context.add_cookies([{**cookie, "sameSite": "Strict"}])  # type: ignore[typeddict-item]
        return context.new_page()

    yield sit
    for context in contexts:
        context.close()


@pytest.fixture
def hands(stand: Stand) -> Iterator[Callable[[str], Hands]]:
    """Signs somebody in who needs no browser."""
    with contextlib.ExitStack() as held:

        def signed_in(name: str) -> Hands:
            made = Hands(stand.url, stand.token(name))
            held.callback(made.http.close)
            return made

        yield signed_in
