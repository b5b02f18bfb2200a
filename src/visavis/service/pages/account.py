"""One's own account: language, password, second factor, and being signed out everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.access.second_factor import ISSUER
from visavis.errors import AccessError
from visavis.service.pages import credentials
from visavis.service.pages.details import ROLES
from visavis.service.pages.frame import SIGN_IN, Pages
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from starlette.responses import Response

    from visavis.access.second_factor import Enrolment
    from visavis.access.sessions import SignedIn
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

ACCOUNT = "/desk/account"
SECOND_FACTOR = f"{ACCOUNT}/second-factor"

PAGES = Pages()


@PAGES.get("/account")
async def account(visit: Visit) -> Response:
    """What is known of whoever is signed in, and what they may change."""
    return await _shown(visit, {})


@PAGES.post("/account/password")
async def change_password(visit: Visit, form: Form) -> Response:
    """Another password, by the one that they have."""
    _ = visit.gettext
    password, errors = credentials.new_password(visit, form)
    if errors:
        return await _shown(visit, errors)
    old, sessions = credentials.password_of(form, "old"), visit.desk.accounts.sessions
    try:
        signed_in = await visit.ask_from(
            visit.desk.passwords,
            sessions.change_password,
            visit.token,
            old,
            password,
            address=visit.address,
            browser=visit.browser,
        )
    except AccessError as error:
        if error.code == "access.password":
            return await _shown(visit, {"new": credentials.weak(visit, password)})
        return await _shown(visit, *_unproved(visit, error, "old"))
    _let_go_everywhere(visit)
    visit.enter(signed_in.token, signed_in.session)
    visit.tell(_("Your password is changed. You were signed out everywhere else."))
    return visit.redirect(ACCOUNT)


@PAGES.post("/account/sign-out-everywhere")
async def sign_out_everywhere(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Out, in every browser."""
    await visit.ask(visit.desk.accounts.sessions.sign_out_everywhere, visit.token)
    _let_go_everywhere(visit)
    return _left(visit, visit.gettext("You are signed out everywhere."))


@PAGES.get("/account/second-factor")
async def second_factor(visit: Visit) -> Response:
    """What a second factor is, and the way to have one."""
    return _second(visit)


@PAGES.post("/account/second-factor/begin")
async def begin(visit: Visit, form: Form) -> Response:
    """A new secret, shown once, to whoever gives the password: an open screen alone doesn't do."""
    _refuse_unfit(visit)
    try:
        await _prove(visit, form)
    except AccessError as error:
        errors, waits = _unproved(visit, error)
        return _second(visit, errors=errors, error=waits)
    enrolment = await visit.ask(visit.desk.accounts.second_factor.begin, visit.user, issuer=ISSUER)
    return _second(visit, enrolment=enrolment, began=True)


@PAGES.post("/account/second-factor")
async def confirm(visit: Visit, form: Form) -> Response:
    """The first code, and in return the recovery codes, shown once."""
    _ = visit.gettext
    _refuse_unfit(visit)
    code, sessions, user = credentials.code_of(form), visit.desk.accounts.sessions, visit.user

    def confirmed() -> tuple[SignedIn, list[str]]:
        attempt = sessions.attempts.begin("second factor", user.id, visit.address)
        try:
            made = sessions.confirm_second_factor(visit.token, code)
        except AccessError as error:
            if error.code == "access.second_factor":
                sessions.attempts.failed(attempt, user.id)
            else:
                sessions.attempts.withdrawn(attempt)
            raise
        sessions.attempts.passed(attempt)
        return made

    try:
        signed_in, codes = await visit.ask(confirmed)
    except AccessError as error:
        if error.code == "access.locked":
            waits = credentials.waiting(visit, error)
            return _second(visit, began=True, errors={"code": waits}, error=error)
        if error.code != "access.second_factor":
            raise
        told = _("This code is wrong or too old. Wait for the next one in your app.")
        return _second(visit, began=True, errors={"code": told})
    visit.enter(signed_in.token, signed_in.session)
    return visit.page("recovery_codes.html", title=_("Your recovery codes"), codes=codes)


@PAGES.post("/account/second-factor/end")
async def end(visit: Visit, form: Form) -> Response:
    """No second factor any more, by the password and a code of it."""
    _ = visit.gettext
    _refuse_unfit(visit)
    user, accounts, code = visit.user, visit.desk.accounts, credentials.code_of(form)

    def used() -> bool:
        attempt = accounts.sessions.attempts.begin("second factor", user.id, visit.address)
        if accounts.second_factor.use(user.id, code) is None:
            accounts.sessions.attempts.failed(attempt, user.id)
            return False
        accounts.sessions.attempts.passed(attempt)
        accounts.second_factor.reset(user.id, by=user.id)
        return True

    try:
        await _prove(visit, form)
    except AccessError as error:
        errors, waits = _unproved(visit, error)
        return _second(visit, errors=errors, error=waits)
    try:
        is_right = await visit.ask(used)
    except AccessError as error:
        if error.code != "access.locked":
            raise
        return _second(visit, errors={"code": credentials.waiting(visit, error)}, error=error)
    if not is_right:
        return _second(visit, errors={"code": _("This code is wrong, was used before, or is too old.")})
    return _left(visit, _("The second factor is off. Sign in again."))


async def _shown(visit: Visit, errors: dict[str, str], error: AccessError | None = None) -> Response:
    accounts, user = visit.desk.accounts, visit.user
    left = await visit.ask(accounts.second_factor.left, user.id) if user.has_second_factor else 0
    status = 422 if errors else 200
    return visit.page(
        "account.html",
        title=visit.gettext("My account"),
        status=status if error is None else Problem.of(error).status,
        headers={} if error is None else credentials.headers_of(error),
        errors=errors,
        roles=visit.language.listed(name for role, name in role_names(visit).items() if role in user.roles),
        purposes=await visit.ask(accounts.users.purposes, user.id),
        left=left,
        session=visit.session,
    )


def role_names(visit: Visit) -> dict[str, str]:
    """What the roles are called, in their order."""
    return {role: visit.gettext(name) for role, name in ROLES.items()}


def _second(
    visit: Visit,
    *,
    enrolment: Enrolment | None = None,
    began: bool = False,
    errors: dict[str, str] | None = None,
    error: AccessError | None = None,
) -> Response:
    status = 422 if errors else 200
    return visit.page(
        "second_factor.html",
        title=visit.gettext("Second factor"),
        status=status if error is None else Problem.of(error).status,
        headers={} if error is None else credentials.headers_of(error),
        enrolment=enrolment,
        qr=None if enrolment is None else drawn(enrolment.address),
        began=began,
        errors=errors or {},
    )


async def _prove(visit: Visit, form: Form) -> None:
    """Have them type their password before they change how they sign in.

    Raises:
        AccessError: As `Sessions.prove`.
    """
    await visit.ask_from(
        visit.desk.passwords,
        visit.desk.accounts.sessions.prove,
        visit.token,
        credentials.password_of(form, "password"),
        address=visit.address,
        browser=visit.browser,
    )


def _unproved(
    visit: Visit, error: AccessError, field: str = "password"
) -> tuple[dict[str, str], AccessError | None]:
    """What is said where the password was wrong or nobody could look at it; all else is raised again."""
    if error.code == "access.sign_in":
        return {field: visit.gettext("This is not the password that you have now.")}, None
    if error.code in ("access.locked", "access.busy"):
        return {"": credentials.waiting(visit, error)}, error
    raise error


def _refuse_unfit(visit: Visit) -> None:
    """A second factor goes with a password; a provider of OpenID asks for its own."""
    if not visit.user.has_password:
        raise AccessError("access.role", "a second factor goes with a password")


def _let_go_everywhere(visit: Visit) -> None:
    """End what is under way in all sessions of a user: they have ended."""
    for store in (visit.desk.checks, visit.desk.pairs):
        store.sign_out_everywhere(visit.user.id)


def _left(visit: Visit, told: str) -> Response:
    visit.leave()
    visit.tell(told)
    return visit.redirect(SIGN_IN)


def drawn(text: str) -> tuple[int, str]:
    """A QR code: its modules along a side with the quiet zone, and the dark ones as an SVG path."""
    import segno

    code = segno.make(text, error="m", micro=False)
    rows = list(code.matrix_iter(border=4))
    dark = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    return len(rows), "".join(dark)
