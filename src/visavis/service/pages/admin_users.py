"""The administrator's pages about users: added, invited, their roles and purposes, kept out, let in again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.access.accounts import invitation_link
from visavis.access.users import NAME, PER_DAY, PER_MINUTE, ROLES
from visavis.errors import AccessError
from visavis.service.pages.account import role_names
from visavis.service.pages.admin_keys import limits_wrong
from visavis.service.pages.frame import Pages
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from visavis.access.users import User
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

PAGES = Pages()
MAY = "users"

USERS = "/desk/admin/users"
LIMITS = {"rate": str(PER_MINUTE), "quota": str(PER_DAY), "purpose": "", "legal_basis": ""}
MOST_SHOWN = 500


@PAGES.get("/admin/users", may=MAY)
async def users(visit: Visit) -> Response:
    """All users, and a form for another one."""
    return await _all(visit, {"name": "", "issuer": "", "subject": ""}, set(), {})


@PAGES.post("/admin/users", may=MAY)
async def add(visit: Visit, form: Form) -> Response:
    """Another user, and the link by which they set a password, which is shown this once."""
    _ = visit.gettext
    accounts = visit.desk.accounts
    given = {name: form.text(name) for name in ("name", "issuer", "subject")}
    roles = {role for role in ROLES if form.is_on(role)}
    errors = {}
    if not NAME.fullmatch(given["name"].lower()):
        errors["name"] = _("A name has 2 to 64 of a to z, 0 to 9, and . _ @ + -")
    if not roles:
        errors["roles"] = _("Choose at least one role.")
    if bool(given["issuer"]) != bool(given["subject"]):
        errors["subject" if given["issuer"] else "issuer"] = _("Enter both the issuer and the subject.")
    if errors:
        return await _all(visit, given, roles, errors)
    openid = (given["issuer"], given["subject"]) if given["issuer"] else None

    def added() -> tuple[User, str | None]:
        user = accounts.users.add(given["name"], roles, openid=openid, by=visit.user.id)
        return user, None if openid else accounts.invitations.make(user.id, by=visit.user.id)

    try:
        user, token = await visit.ask(added)
    except AccessError as error:
        told = {
            "access.user_exists": {"name": _("There is a user of this name already.")},
            "access.user_fields": {"issuer": _("Issuer and subject have to be as the provider gives them.")},
        }.get(error.code)
        if told is None:
            raise
        return await _all(visit, given, roles, told)
    if token is None:
        visit.tell(_("The user is added, and signs in at the OpenID provider."))
        return visit.redirect(f"{USERS}/{user.id}")
    return _link(visit, user, token)


@PAGES.get("/admin/users/{id}", may=MAY)
async def user(visit: Visit) -> Response:
    """One user."""
    return await _one(visit, await _found(visit), {})


@PAGES.post("/admin/users/{id}/roles", may=MAY)
async def roles(visit: Visit, form: Form) -> Response:
    """Other roles; the user's sessions end."""
    _ = visit.gettext
    found, chosen = await _found(visit), {role for role in ROLES if form.is_on(role)}
    if not chosen:
        return await _one(visit, found, {"roles": _("Choose at least one role.")})
    manage = visit.desk.accounts.users
    return await _done(
        visit,
        found,
        lambda: manage.set_roles(found.id, chosen, by=visit.user.id),
        _("The roles are changed, and the user was signed out."),
        "roles",
    )


@PAGES.post("/admin/users/{id}/block", may=MAY)
async def block(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Kept out from now on."""
    found, manage = await _found(visit), visit.desk.accounts.users
    told = visit.gettext("The user is blocked, and was signed out.")
    return await _done(visit, found, lambda: manage.block(found.id, by=visit.user.id), told)


@PAGES.post("/admin/users/{id}/unblock", may=MAY)
async def unblock(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Let in again."""
    found, manage = await _found(visit), visit.desk.accounts.users
    told = visit.gettext("The user may sign in again.")
    return await _done(visit, found, lambda: manage.unblock(found.id, by=visit.user.id), told)


@PAGES.post("/admin/users/{id}/sign-out", may=MAY)
async def sign_out(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Signed out everywhere."""
    found, manage = await _found(visit), visit.desk.accounts.users
    told = visit.gettext("The user was signed out everywhere.")
    return await _done(visit, found, lambda: manage.end_sessions(found.id, by=visit.user.id), told)


@PAGES.post("/admin/users/{id}/second-factor", may=MAY)
async def second_factor(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """No second factor any more, as for a lost phone."""
    found, factor = await _found(visit), visit.desk.accounts.second_factor
    if found.id == visit.user.id:
        return await _one(visit, found, {"": _mine(visit)})
    told = visit.gettext("The second factor is taken away, and the user was signed out.")
    return await _done(visit, found, lambda: factor.reset(found.id, by=visit.user.id), told)


@PAGES.post("/admin/users/{id}/invitation", may=MAY)
async def invite(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Another link, which is shown this once; the one before is void."""
    found, invitations = await _found(visit), visit.desk.accounts.invitations
    if found.id == visit.user.id:
        return await _one(visit, found, {"": _mine(visit)})
    try:
        token = await visit.ask(invitations.make, found.id, by=visit.user.id)
    except AccessError as error:
        if error.code not in ("access.blocked", "access.user_fields"):
            raise
        return await _one(visit, found, {"": visit.gettext("This user can’t be given a link.")})
    return _link(visit, found, token)


@PAGES.post("/admin/users/{id}/purposes", may=MAY)
async def give_purpose(visit: Visit, form: Form) -> Response:
    """One purpose more."""
    found, manage = await _found(visit), visit.desk.accounts.users
    given = {name: form.text(name) for name in LIMITS}
    errors = limits_wrong(visit, given)
    if errors:
        return await _one(visit, found, errors, given)
    await visit.ask(
        manage.give_purpose,
        found.id,
        purpose=given["purpose"],
        legal_basis=given["legal_basis"],
        rate_per_min=int(given["rate"]),
        quota_per_day=int(given["quota"]),
        by=visit.user.id,
    )
    visit.tell(visit.gettext("The user may act for this purpose."))
    return visit.redirect(f"{USERS}/{found.id}")


@PAGES.post("/admin/users/{id}/purposes/{key}/end", may=MAY)
async def take_purpose(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """One purpose less."""
    found, manage = await _found(visit), visit.desk.accounts.users
    try:
        await visit.ask(manage.take_purpose, found.id, visit.given("key"), by=visit.user.id)
    except AccessError as error:
        if error.code != "access.no_key":
            raise
        raise Problem(404, "request.path", "the user has no such purpose") from None
    visit.tell(visit.gettext("The user acts for this purpose no more."))
    return visit.redirect(f"{USERS}/{found.id}")


async def _done(
    visit: Visit, found: User, work: Callable[[], object], told: str, field: str = ""
) -> Response:
    """What comes of a change; the last administrator who can sign in stays one."""
    try:
        await visit.ask(work)
    except AccessError as error:
        if error.code != "access.last_administrator":
            raise
        why = visit.gettext("Nobody else could manage users: make another administrator first.")
        return await _one(visit, found, {field: why})
    visit.tell(told)
    return visit.redirect(f"{USERS}/{found.id}")


def _mine(visit: Visit) -> str:
    """What is said to somebody who would get around the password that their own account asks for."""
    return visit.gettext(
        "This is you. Change your own password and second factor under “My account”, where your password is "
        "asked for."
    )


async def _found(visit: Visit) -> User:
    try:
        return await visit.ask(visit.desk.accounts.users.get, visit.given("id"))
    except AccessError as error:
        if error.code != "access.no_user":
            raise
        raise Problem(404, "request.path", "there is no such user") from None


async def _all(
    visit: Visit, given: Mapping[str, str], chosen: set[str], errors: Mapping[str, str]
) -> Response:
    found = await visit.ask(visit.desk.accounts.users.all)
    return visit.page(
        "admin_users.html",
        title=visit.gettext("Users"),
        status=422 if errors else 200,
        users=[(each, _roles(visit, each)) for each in found[:MOST_SHOWN]],
        left_out=max(0, len(found) - MOST_SHOWN),
        roles=_choices(visit),
        chosen=chosen,
        given=given,
        errors=errors,
    )


async def _one(
    visit: Visit, found: User, errors: Mapping[str, str], given: Mapping[str, str] | None = None
) -> Response:
    accounts = visit.desk.accounts
    return visit.page(
        "admin_user.html",
        title=visit.gettext("User %(name)s", name=found.name),
        status=422 if errors else 200,
        one=found,
        purposes=await visit.ask(accounts.users.purposes, found.id),
        roles=_choices(visit),
        given=given or LIMITS,
        is_me=found.id == visit.user.id,
        mine=_mine(visit),
        errors=errors,
    )


def _link(visit: Visit, user: User, token: str) -> Response:
    return visit.page(
        "admin_link.html",
        title=visit.gettext("A link for %(name)s", name=user.name),
        one=user,
        link=invitation_link(visit.desk.service.config.origin, token),
    )


def _roles(visit: Visit, user: User) -> str:
    return visit.language.listed(name for role, name in role_names(visit).items() if role in user.roles)


def _choices(visit: Visit) -> list[tuple[str, str, str]]:
    """Roles with what they allow, for boxes of a form."""
    _ = visit.gettext
    told = {
        "clerk": _("Checks people and their documents."),
        "reviewer": _("Decides on cases that were put aside."),
        "auditor": _("Reads the ledger, and reports of what was done with a person’s data."),
        "administrator": _("Manages users and keys, and erases."),
    }
    return [(role, name, told[role]) for role, name in role_names(visit).items()]
