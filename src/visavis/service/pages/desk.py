"""The desk: all that the pages hold of a running service, and the application that they are.

It is an application of its own under ``/desk``, so that what goes wrong there is told as a page, and answers
carry the headers of pages in the place of those that the API sends.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from visavis.access.passwords import LEAST
from visavis.errors import VisavisError
from visavis.service import manners
from visavis.service.accounts import accounts
from visavis.service.pages import (
    account,
    admin,
    admin_keys,
    admin_users,
    audit,
    check,
    crosscheck,
    failures,
    pictures,
    proofs,
    receipt,
    review,
    signin,
    start,
    subject,
)
from visavis.service.pages.checks import Checks
from visavis.service.pages.languages import Languages
from visavis.service.pages.notes import Notes
from visavis.service.pages.opened import Opened
from visavis.service.pages.pairs import Pairs
from visavis.service.pages.porch import Porch
from visavis.service.pages.uses import Tally
from visavis.service.pages.web import Web
from visavis.service.pool import GoneError
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    import jinja2
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from visavis.access.accounts import Accounts
    from visavis.service.pages.frame import Pages
    from visavis.service.pages.languages import Language
    from visavis.service.service import Service

PREFIX = "/desk"

PAGES: tuple[Pages, ...] = (
    start.PAGES,
    signin.PAGES,
    account.PAGES,
    check.PAGES,
    review.PAGES,
    receipt.PAGES,
    crosscheck.PAGES,
    audit.PAGES,
    pictures.PAGES,
    proofs.PAGES,
    subject.PAGES,
    admin.PAGES,
    admin_keys.PAGES,
    admin_users.PAGES,
)
"""All pages; a module that has some is added here."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Mapping[bytes, bytes] = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    b"cache-control": b"no-store",
}
"""What every answer carries; one that says something else itself is right."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages hold of a running service; one, for the desk is one process.

    Attributes:
        service: The service.
        accounts: Users, and how they sign in.
        languages: What can be read.
        templates: By the tag of a language: the templates that speak it.
        web: Scripts and sheets.
        notes: What is to be said on the next page.
        checks: The checks under way.
        pairs: The crosschecks.
        opened: Which session may see pictures that are kept.
        tally: What was counted of the ledger.
        passwords: Where those wait whose password is to be looked at.
        provider: Where those wait who sign in at the OpenID provider.
    """

    service: Service
    accounts: Accounts
    languages: Languages
    templates: Mapping[str, jinja2.Environment]
    web: Web
    notes: Notes
    checks: Checks
    pairs: Pairs
    opened: Opened
    tally: Tally
    passwords: Porch
    provider: Porch

    @classmethod
    def of(cls, service: Service, accounts: Accounts) -> Desk:
        """The desk of a service.

        Args:
            service: It runs.
            accounts: Users, and how they sign in.
        """
        languages, web, templates = _shipped()
        return cls(
            service=service,
            accounts=accounts,
            languages=languages,
            templates=templates,
            web=web,
            notes=Notes(),
            checks=Checks(service.memory),
            pairs=Pairs(service.memory),
            opened=Opened(),
            tally=Tally(),
            passwords=Porch(),
            provider=Porch(),
        )

    def application(self) -> ASGIApp:
        """What answers under ``/desk``."""
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.routing import Route

        app = Starlette(
            routes=[
                Route("/web/{name}", self.web.answer),
                *(route for pages in PAGES for route in pages.routes),
            ],
            exception_handlers={
                VisavisError: failures.on_problem,
                Problem: failures.on_problem,
                GoneError: manners.on_gone,
                HTTPException: failures.on_http_error,
                Exception: failures.on_fault,
            },
        )
        app.router.redirect_slashes = False
        app.state.desk = self
        return _Framed(app)


def open_desk(app: Starlette, service: Service) -> Desk:
    """Put the desk of a service into its application.

    Raises:
        AccessError: `access.openid_settings`.
    """
    from starlette.responses import RedirectResponse

    async def there(request: Request) -> Response:  # noqa: ARG001
        return RedirectResponse(f"{PREFIX}/", 308)

    desk = Desk.of(service, accounts(service.ledger, service.config))
    app.router.add_route(PREFIX, there, include_in_schema=False)
    app.mount(PREFIX, desk.application())
    return desk


class _Framed:
    """Puts the headers of pages on what has none of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                names = {name.lower() for name, _ in given}
                message["headers"] = given + [each for each in HEADERS.items() if each[0] not in names]
            await send(message)

        await self._app(scope, receive, sent)


@functools.cache
def _shipped() -> tuple[Languages, Web, Mapping[str, jinja2.Environment]]:
    """What ships and is the same for every desk: read once, for it takes longer than all else."""
    languages, web = Languages(), Web()
    return languages, web, {tag: _templates(language, web) for tag, language in languages.all.items()}


def _templates(language: Language, web: Web) -> jinja2.Environment:
    """The templates, speaking a language."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("visavis.service.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(language.texts, newstyle=True)  # type: ignore[attr-defined]
    environment.globals |= {"web": web.address, "language": language, "LEAST": LEAST}
    return environment
