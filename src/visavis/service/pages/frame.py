"""The frame around every page of the desk: who is there, in which language, and what a page may do.

A page is a function of a `Visit`, named with its address in a `Pages`, which lets in who may see it:

    PAGES = Pages()

    @PAGES.get("/box/{id}", may="verifications")
    async def box(visit: Visit) -> Response:
        return visit.page("box.html", title=visit.gettext("A box"), box=...)

    @PAGES.post("/box/{id}", may="verifications", files={"photo": 1})
    async def put(visit: Visit, form: Form) -> Response:
        ...
        return visit.redirect("/desk/box/4")

What goes wrong on the way ends in `failures`, as a page.
"""

from __future__ import annotations

import ipaddress
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote, unquote, urlsplit

from visavis.access.sessions import TOKEN
from visavis.errors import AccessError
from visavis.service.intake import Body
from visavis.service.pages.forms import Form, check_source, read_form
from visavis.service.pages.held import session_of
from visavis.service.pages.navigation import PLACES
from visavis.service.pages.notes import Note

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from visavis.access.sessions import Session
    from visavis.access.users import User
    from visavis.service.pages.desk import Desk
    from visavis.service.pages.languages import Language
    from visavis.service.pages.porch import Porch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

START = "/desk/"
SIGN_IN = "/desk/sign-in"

SESSION = "__Host-visavis"
"""The cookie of somebody who is signed in."""
BEFORE = "__Host-visavis-before"
"""That of somebody who isn't yet; another one, for a link from elsewhere brings no strict cookie and must not
replace the session's."""
BROWSER = "__Host-visavis-browser"
"""By which a browser is known that somebody has signed in with; see `access.browsers`."""
LANGUAGE = "__Host-visavis-language"
LOOK = "__Host-visavis-look"
LOOKS = ("auto", "light", "dark")
YEAR_S = 365 * 24 * 3600
MAX_TARGET = 2000
LOOKED_AT_S = 1.0
"""For how long it stands who is there while a form comes in; then it is looked at again."""


@dataclass(slots=True)
class Visit:
    """One request of a page.

    Attributes:
        desk: What the pages hold.
        request: The request.
        session: Who is signed in; None where nobody is.
        token: Of the cookie that the page's forms belong to.
        language: What the page speaks.
        look: ``"light"``, ``"dark"``, or ``"auto"`` for what the system says.
    """

    desk: Desk
    request: Request
    session: Session | None
    token: str
    language: Language
    look: str
    _cookies: list[dict[str, Any]] = field(default_factory=list)

    # Who is there

    @property
    def user(self) -> User:
        """Who is signed in; only for pages that nobody else gets to see.

        Raises:
            AccessError: `access.session`.
        """
        if self.session is None:
            raise AccessError("access.session", "nobody is signed in, or not any more: sign in again")
        return self.session.user

    def may(self, act: str) -> bool:
        """Whether who is there may do something, of the values of `access.users.ACTS`."""
        return self.session is not None and self.session.user.may(act)

    @property
    def address(self) -> str | None:
        """Where they come from; None where only a proxy on this machine is known."""
        client = self.request.client
        return None if client is None or _is_here(client.host) else client.host

    @property
    def browser(self) -> str | None:
        """The cookie by which their browser is known; None where it isn't."""
        return self.request.cookies.get(BROWSER)

    # What is asked

    def given(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """A value from the address; empty where there is none."""
        return self.request.query_params.get(name, "")[:MAX_TARGET]

    async def ask(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Have something done that waits for the database, or takes long, without all others waiting."""
        return await self.desk.service.at_desk(work, *args, **kwargs)

    async def ask_from(
        self,
        porch: Porch,
        work: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """As `ask`, for what strangers may have done and what takes long; they wait on a porch.

        Raises:
            AccessError: `access.busy`: too many wait there already.
        """
        async with porch.place():
            return await self.ask(work, *args, **kwargs)

    # What is said

    def gettext(self, text: str, **values: object) -> str:
        """A text in the visitor's language; as `_` of the templates."""
        return self.language.gettext(text, **values)

    def ngettext(self, one: str, several: str, count: int, **values: object) -> str:
        """A text that depends on a count."""
        return self.language.ngettext(one, several, count, **values)

    def tell(self, text: str, kind: str = "done") -> None:
        """Have something said at the top of the page that they see next.

        Args:
            text: In their language.
            kind: ``"done"``, ``"note"`` or ``"problem"``.
        """
        self.desk.notes.put(self.csrf, Note(text, kind))

    # What is answered

    @property
    def csrf(self) -> str:
        """What stands in the page's forms."""
        if not self.token:
            self.token = self.desk.accounts.sessions.before()
            self._cookies.append(_cookie(BEFORE, self.token))
        return self.desk.accounts.sessions.csrf(self.token)

    @property
    def here(self) -> str:
        """The page's own address, to come back to; of a form that was sent, the page that it stood in."""
        url = self.request.url
        if self.request.method in ("GET", "HEAD"):
            return local(f"{url.path}?{url.query}" if url.query else url.path)
        referer = urlsplit(self.request.headers.get("referer", ""))
        return local(f"{referer.path}?{referer.query}" if referer.query else referer.path)

    def page(
        self,
        template: str,
        *,
        title: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **given: Any,
    ) -> Response:
        """A page.

        Args:
            template: Of the folder ``templates``; it extends ``layout.html``.
            title: Its heading, which also stands in the window's title.
            status: HTTP status.
            headers: What goes with it.
            given: What the template says.
        """
        from starlette.responses import HTMLResponse

        gettext = self.gettext
        page = self.desk.templates[self.language.tag].get_template(template)
        told = {
            "visit": self,
            "title": title,
            "csrf": self.csrf,
            "user": None if self.session is None else self.session.user,
            "places": [place.named(gettext) for place in PLACES if self.may(place.act)],
            "path": self.request.url.path,
            "notes": self.desk.notes.take(self.csrf),
        }
        return self.finished(HTMLResponse(page.render({**told, **given}), status, headers=headers))

    def json(self, answer: Mapping[str, Any], status: int = 200) -> Response:
        """An answer for a script of ours."""
        from starlette.responses import JSONResponse

        return self.finished(JSONResponse(dict(answer), status))

    def redirect(self, to: str) -> Response:
        """Go on at another page, after a form was worked on (303).

        Args:
            to: An address of the desk; anything else leads to its start.
        """
        from starlette.responses import RedirectResponse

        return self.finished(RedirectResponse(local(to), 303))

    def keep(self, name: str, value: str, *, lasting_s: int | None = None, samesite: str = "strict") -> None:
        """Have a cookie set with the answer; an empty value takes it away."""
        self._cookies.append(_cookie(name, value, lasting_s, samesite))

    def enter(self, token: str, session: Session | None) -> None:
        """Let a session begin, or a step towards one; its token takes the place of the one before."""
        self._let_go()
        self.token, self.session = token, session
        if session is None:
            self.keep(BEFORE, token)
            return
        self.keep(SESSION, token)
        self.keep(BEFORE, "")
        if session.user.has_password:
            known = self.desk.accounts.sessions.browsers.known(self.browser, session.user.name)
            self.keep(BROWSER, known, lasting_s=YEAR_S)
        if (language := self.desk.languages.all.get(session.user.language or "")) is not None:
            self.language = language

    def leave(self) -> None:
        """Let the session end in this browser."""
        self._let_go()
        self.keep(SESSION, "")
        self.token, self.session = "", None

    def _let_go(self) -> None:
        """End what is under way in the session that ends: nobody would find it any more."""
        if self.session is not None:
            whose = session_of(self.token)
            self.desk.checks.sign_out(whose)
            self.desk.pairs.sign_out(whose)
            self.desk.opened.sign_out(whose)

    def finished(self, response: Response) -> Response:
        """A response with the cookies that were kept for it."""
        for cookie in self._cookies:
            response.set_cookie(**cookie)
        self._cookies.clear()
        return response


def _cookie(name: str, value: str, lasting_s: int | None = None, samesite: str = "strict") -> dict[str, Any]:
    return {
        "key": name,
        "value": value,
        "max_age": lasting_s if value else 0,
        "path": "/",
        "secure": True,
        "httponly": True,
        "samesite": samesite,
    }


def _is_here(address: str) -> bool:
    """Whether an address is this machine's own, as IPv6 writes those of IPv4 too."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


async def visit_of(request: Request) -> Visit:
    """The visit that a request is; the same one each time.

    Raises:
        StorageError: It can't be said who is there.
    """
    if hasattr(request.state, "visit"):
        return request.state.visit  # type: ignore[no-any-return]
    desk: Desk = request.app.state.desk
    token, session = request.cookies.get(SESSION), None
    if token:
        try:
            session = await desk.service.at_desk(desk.accounts.sessions.find, token)
        except AccessError:
            token = None
    request.state.visit = visit_with(request, session, token if session is not None else None)
    return request.state.visit  # type: ignore[no-any-return]


def visit_with(request: Request, session: Session | None, token: str | None) -> Visit:
    """The visit of somebody of whom it is known whether they are signed in."""
    desk: Desk = request.app.state.desk
    before = request.cookies.get(BEFORE, "")
    language = desk.languages.chosen(
        None if session is None else session.user.language,
        request.cookies.get(LANGUAGE),
        accepted=request.headers.get("accept-language"),
    )
    look = request.cookies.get(LOOK, "auto")
    return Visit(
        desk=desk,
        request=request,
        session=session,
        token=token or (before if TOKEN.fullmatch(before) else ""),
        language=language,
        look=look if look in LOOKS else "auto",
    )


def local(target: str | None) -> str:
    """An address if it is one of the desk's pages, otherwise that of its start: nobody is led elsewhere."""
    target = target or ""
    plain = unquote(unquote(target))
    is_odd = not plain.isprintable() or "\\" in plain or " " in target
    path = plain.partition("?")[0].partition("#")[0]
    if len(target) > MAX_TARGET or is_odd or not target.isascii() or not path.startswith(START):
        return START
    return START if "//" in path or re.search(r"/\.\.?(/|$)", path) else target


def sign_in_address(back: str) -> str:
    """Where to sign in, and come back from."""
    return SIGN_IN if local(back) == START else f"{SIGN_IN}?back={quote(local(back), safe='/')}"


class Pages:
    """The pages of a module; `desk` collects them.

    Attributes:
        routes: Their routes, without ``/desk``.
        acts: By method and path: what one must be allowed, None where to be signed in is enough, and ``""``
            where anybody comes in.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.routes: list[Route] = []
        self.acts: dict[tuple[str, str], str | None] = {}

    def get(
        self, path: str, *, may: str | None = None, anybody: bool = False
    ) -> Callable[[Callable[[Visit], Awaitable[Response]]], Callable[[Visit], Awaitable[Response]]]:
        """Name a page that is looked at.

        Args:
            path: Without ``/desk``; ``{name}`` in it is `Visit.given`.
            may: What one must be allowed, of the values of `access.users.ACTS`; None: to be signed in.
            anybody: Whether nobody needs to be signed in.
        """

        def named(page: Callable[[Visit], Awaitable[Response]]) -> Callable[[Visit], Awaitable[Response]]:
            async def endpoint(request: Request) -> Response:
                return await page(await _let_in(request, path, may, anybody))

            self._add("GET", path, endpoint, "" if anybody else may)
            return page

        return named

    def post(
        self,
        path: str,
        *,
        may: str | None = None,
        anybody: bool = False,
        files: Mapping[str, int] | None = None,
        most: int | None = None,
    ) -> Callable[
        [Callable[[Visit, Form], Awaitable[Response]]], Callable[[Visit, Form], Awaitable[Response]]
    ]:
        """Name what works on a form.

        Args:
            path: As for `get`.
            may: As for `get`.
            anybody: As for `get`.
            files: Which names are files, and how many of each there may be.
            most: Bytes of the form at most; by default what the service takes.
        """

        def named(
            work: Callable[[Visit, Form], Awaitable[Response]],
        ) -> Callable[[Visit, Form], Awaitable[Response]]:
            async def endpoint(request: Request) -> Response:
                visit = await _let_in(request, path, may, anybody)
                config = visit.desk.service.config
                check_source(request, config.desk_origin)
                body, began = Body(visit.desk.service.memory), time.monotonic()
                try:
                    form = await read_form(request, body, config, files=files or {}, most=most)
                    if time.monotonic() - began > LOOKED_AT_S:  # whoever sent it may be out by now
                        del request.state.visit
                        visit = await _let_in(request, path, may, anybody)
                    visit.desk.accounts.sessions.check_csrf(visit.token or None, form.fields.get("csrf"))
                    return await work(visit, form)
                finally:
                    body.let_go()

            self._add("POST", path, endpoint, "" if anybody else may)
            return work

        return named

    def _add(
        self, method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]], act: str | None
    ) -> None:
        from starlette.routing import Route

        self.routes.append(Route(path, endpoint, methods=[method]))
        self.acts[method, path] = act


@dataclass(frozen=True, slots=True)
class _Where:
    """What the log and the counts call a request; never its path, which may hold more."""

    path: str


async def _let_in(request: Request, path: str, may: str | None, anybody: bool) -> Visit:
    """The visit of somebody who may see a page.

    Raises:
        AccessError: `access.role`, `access.session`.
        StorageError: It can't be said who is there.
    """
    request.scope["route"] = _Where(f"/desk{path}")
    visit = await visit_of(request)
    if anybody:
        return visit
    if visit.session is None:
        raise AccessError("access.session", "nobody is signed in, or not any more: sign in again")
    if may is not None and not visit.session.user.may(may):
        raise AccessError("access.role", "the user's roles don't allow this", found=may)
    return visit
