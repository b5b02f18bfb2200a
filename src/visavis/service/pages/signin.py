"""The way in: name and password, second factor, links that set a password, OpenID Connect; and the way out.

Nothing here tells whether there is a user of some name. With each step the cookie gets another token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from visavis.access.sessions import SECOND, TOKEN
from visavis.errors import AccessError
from visavis.service.pages import credentials
from visavis.service.pages.frame import SIGN_IN, START, Pages, local, sign_in_address
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from starlette.responses import Response

    from visavis.access.sessions import SignedIn
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

CODE = f"{SIGN_IN}/code"
SECOND_FACTOR = "/desk/account/second-factor"
AWAY, BACK = "__Host-visavis-openid", "__Host-visavis-back"
"""Cookies of somebody who is at the OpenID provider. They come back from another site, so these are Lax."""
AWAY_S = 600
FEW_CODES = 3

PAGES = Pages()


@PAGES.get("/sign-in", anybody=True)
async def ask(visit: Visit) -> Response:
    """Name and password."""
    if visit.session is not None:
        return visit.redirect(visit.query("back"))
    return _asked(visit, back=visit.query("back"))


@PAGES.post("/sign-in", anybody=True)
async def sign_in(visit: Visit, form: Form) -> Response:
    """Name and password, typed."""
    _ = visit.gettext
    sessions, back, name = visit.desk.accounts.sessions, local(form.text("back", 2000)), form.text("name")
    password = credentials.password_of(form, "password")
    try:
        signed_in = await visit.ask_from(
            visit.desk.passwords,
            sessions.sign_in,
            name,
            password,
            address=visit.address,
            browser=visit.browser,
        )
    except AccessError as error:
        if error.code not in ("access.sign_in", "access.locked", "access.busy"):
            raise
        told = _("The name or the password is wrong, or this user may not sign in.")
        if error.code != "access.sign_in":
            told = credentials.waiting(visit, error)
        return _asked(visit, back=back, name=name, told=told, error=error)
    await _enter(visit, signed_in)
    if signed_in.session is None:
        return visit.redirect(CODE if back == START else f"{CODE}?back={quote(back, safe='/')}")
    return visit.redirect(back)


@PAGES.get("/sign-in/code", anybody=True)
async def ask_code(visit: Visit) -> Response:
    """The second factor."""
    if not _is_half_in(visit):
        return visit.redirect(sign_in_address(visit.query("back")))
    return _asked_code(visit, back=visit.query("back"))


@PAGES.post("/sign-in/code", anybody=True)
async def sign_in_second(visit: Visit, form: Form) -> Response:
    """The second factor, typed."""
    _ = visit.gettext
    accounts, back = visit.desk.accounts, local(form.text("back", 2000))
    code = credentials.code_of(form)
    try:
        signed_in = await visit.ask(
            accounts.sessions.sign_in_second, visit.token, code, address=visit.address
        )
    except AccessError as error:
        if error.code == "access.session":
            visit.tell(_("That took too long. Begin again with your name and password."), "note")
            return visit.redirect(sign_in_address(back))
        if error.code not in ("access.second_factor", "access.locked"):
            raise
        told = _("This code is wrong, was used before, or is too old. Wait for the next one in your app.")
        if error.code == "access.locked":
            told = credentials.waiting(visit, error)
        return _asked_code(visit, back=back, told=told, error=error)
    await _enter(visit, signed_in)
    if signed_in.session is not None and signed_in.session.how.endswith("recovery code"):
        left = await visit.ask(accounts.second_factor.left, visit.user.id)
        told = visit.ngettext(
            "You have %(count)s recovery code left.", "You have %(count)s recovery codes left.", left
        )
        visit.tell(told, "problem" if left < FEW_CODES else "note")
    return visit.redirect(back)


@PAGES.get("/invitation/{token}", anybody=True)
async def invitation(visit: Visit) -> Response:
    """A link by which somebody sets their password; looking at it uses nothing up."""
    return await _invited(visit, {})


@PAGES.post("/invitation/{token}", anybody=True)
async def accept(visit: Visit, form: Form) -> Response:
    """The password, typed twice."""
    _ = visit.gettext
    accounts = visit.desk.accounts
    password, errors = credentials.new_password(visit, form)
    if errors:
        return await _invited(visit, errors)
    try:
        user = await visit.ask_from(visit.desk.passwords, accounts.accept, visit.given("token"), password)
    except AccessError as error:
        if error.code == "access.password":
            return await _invited(visit, {"new": credentials.weak(visit, password)})
        if error.code == "access.busy":
            return await _invited(visit, {"": credentials.waiting(visit, error)})
        if error.code == "access.invitation":
            return _void(visit)
        raise
    try:
        signed_in = await visit.ask_from(
            visit.desk.passwords,
            accounts.sessions.sign_in,
            user.name,
            password,
            address=visit.address,
            browser=visit.browser,
        )
    except AccessError:  # others at this address may have failed so often that all there have to wait
        visit.tell(_("Your password is set. Sign in with it."))
        return visit.redirect(SIGN_IN)
    await _enter(visit, signed_in)
    if signed_in.session is None:
        return visit.redirect(CODE)
    visit.tell(_("Your password is set, and you are signed in."))
    return visit.redirect(SECOND_FACTOR)


@PAGES.get("/openid/start", anybody=True)
async def go_away(visit: Visit) -> Response:
    """To the OpenID provider."""
    from starlette.responses import RedirectResponse

    openid = visit.desk.accounts.openid
    if openid is None:
        raise Problem(404, "request.path", "no OpenID provider is set")
    back = local(visit.query("back"))
    try:
        begun = await visit.ask_from(visit.desk.provider, openid.begin)
    except AccessError as error:
        return _not_vouched(visit, error, back)
    visit.keep(AWAY, begun.sealed, lasting_s=AWAY_S, samesite="lax")
    visit.keep(BACK, quote(back, safe=""), lasting_s=AWAY_S, samesite="lax")
    return visit.finished(RedirectResponse(begun.url, 303))


@PAGES.get("/openid", anybody=True)
async def come_back(visit: Visit) -> Response:
    """From the OpenID provider."""
    _ = visit.gettext
    cookies = visit.request.cookies
    back, sealed = local(unquote(cookies.get(BACK, ""))), cookies.get(AWAY)
    for name in (AWAY, BACK):
        visit.keep(name, "", samesite="lax")
    given = dict(visit.request.query_params)
    try:
        signed_in = await visit.ask_from(
            visit.desk.provider, visit.desk.accounts.finish_openid, sealed, given
        )
    except AccessError as error:
        return _not_vouched(visit, error, back)
    await _enter(visit, signed_in)
    # A strict cookie doesn't go along while a browser is led here from elsewhere, so this is a page.
    return visit.page("onward.html", title=_("You are signed in"), back=back)


@PAGES.post("/sign-out", anybody=True)
async def sign_out(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Out."""
    await visit.ask(visit.desk.accounts.sessions.sign_out, visit.token or None)
    visit.leave()
    visit.tell(visit.gettext("You are signed out."))
    return visit.redirect(SIGN_IN)


async def _enter(visit: Visit, signed_in: SignedIn) -> None:
    """Go a step further in; what the browser held before counts no more."""
    before = visit.token
    visit.enter(signed_in.token, signed_in.session)
    await visit.ask(visit.desk.accounts.sessions.sign_out, before or None)


def _is_half_in(visit: Visit) -> bool:
    found = TOKEN.fullmatch(visit.token)
    return visit.session is None and found is not None and found[1] == SECOND


def _asked(
    visit: Visit, *, back: str, name: str = "", told: str = "", error: AccessError | None = None
) -> Response:
    return visit.page(
        "sign_in.html",
        title=visit.gettext("Sign in"),
        status=200 if error is None else Problem.of(error).status,
        headers={} if error is None else credentials.headers_of(error),
        back=local(back),
        name=name,
        errors={"": told} if told else {},
        with_openid=visit.desk.accounts.openid is not None,
    )


def _asked_code(visit: Visit, *, back: str, told: str = "", error: AccessError | None = None) -> Response:
    return visit.page(
        "sign_in_code.html",
        title=visit.gettext("Your second factor"),
        status=200 if error is None else Problem.of(error).status,
        headers={} if error is None else credentials.headers_of(error),
        back=local(back),
        errors={"code": told} if told else {},
    )


async def _invited(visit: Visit, errors: dict[str, str]) -> Response:
    try:
        user = await visit.ask(visit.desk.accounts.invitations.find, visit.given("token"))
    except AccessError as error:
        if error.code != "access.invitation":
            raise
        return _void(visit)
    title = visit.gettext("Set your password")
    return visit.page(
        "invitation.html", title=title, status=422 if errors else 200, errors=errors, invited=user
    )


def _void(visit: Visit) -> Response:
    _ = visit.gettext
    return visit.page(
        "void.html",
        title=_("This link is void"),
        status=404,
        happened=_("It was used before, its 24 hours are over, or it never was a link of this desk."),
        next=_(
            "If you have set a password with it, sign in. Otherwise ask an administrator for another link."
        ),
    )


def _not_vouched(visit: Visit, error: AccessError, back: str) -> Response:
    """Why nobody is signed in by the OpenID provider."""
    _ = visit.gettext
    visit.request.state.code = error.code
    if error.code == "access.openid_user":
        told = _("Your account there may not use this desk. Ask an administrator of this desk to add you.")
    elif error.code == "access.openid":
        told = _("Signing in there was not completed, or took too long. Begin again.")
    elif error.code in ("access.openid_provider", "access.openid_settings"):
        visit.request.state.told = str(error)
        told = _("Your organisation’s sign-in can’t be reached at the moment. Try again in some minutes.")
    else:
        raise error
    return _asked(visit, back=back, told=told, error=error)
