"""The administrator's pages about keys: made, shown once, given another secret, ended."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from visavis.access.keys import LIFETIME, MAX_QUOTA, MAX_RATE, SCOPES
from visavis.errors import AccessError
from visavis.ledger.entry import TEXT
from visavis.service.pages.entries import day_of
from visavis.service.pages.frame import Pages
from visavis.service.pages.recorded import Told
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from visavis.access.keys import Key
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

PAGES = Pages()
MAY = "users"

KEYS = "/desk/admin/keys"
NUMBER = re.compile(r"[1-9][0-9]{0,9}")
FIRST = {"rate": "60", "quota": "1000", "purpose": "", "legal_basis": "", "max_fmr": "", "never": ""}
"""What a form begins with."""
OVERLAPS: Mapping[str, timedelta] = {
    "0": timedelta(0),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
"""How long the secret before may stay valid, by the name that it has in the form."""
MOST_SHOWN = 500
MAX_FMR = 0.1


@PAGES.get("/admin/keys", may=MAY)
async def keys(visit: Visit) -> Response:
    """All keys, those that are valid first, and a form for another one."""
    ends = (datetime.now().astimezone() + LIFETIME).date().isoformat()
    return await _all(visit, {**FIRST, "ends": ends}, set(), {})


@PAGES.post("/admin/keys", may=MAY)
async def create(visit: Visit, form: Form) -> Response:
    """Another key, whose secret is shown this once."""
    _ = visit.gettext
    given = {name: form.text(name) for name in (*FIRST, "ends")}
    scopes = {scope for scope in SCOPES if form.is_on(scope)}
    errors = limits_wrong(visit, given)
    ends, max_fmr = None, None
    if not scopes:
        errors["scopes"] = _("Choose at least one.")
    if given["max_fmr"]:
        try:
            max_fmr = float(given["max_fmr"].replace(",", "."))
        except ValueError:
            max_fmr = 0
        if not 0 < max_fmr <= MAX_FMR:
            errors["max_fmr"] = _("Enter a rate above 0 and up to 0.1, such as 0.0001, or leave it empty.")
    if not form.is_on("never"):
        try:
            day = day_of(given["ends"])
        except ValueError:
            day = None
        if day is None:
            errors["ends"] = _("This is not a date. Write it like 2026-01-31.")
        else:
            ends = datetime(day.year, day.month, day.day).astimezone()
            if ends <= datetime.now(UTC):
                errors["ends"] = _("This date is in the past. Choose a later one.")
    if errors:
        return await _all(visit, given, scopes, errors)
    key, secret = await visit.ask(
        visit.desk.accounts.users.keys.create,
        purpose=given["purpose"],
        legal_basis=given["legal_basis"],
        scopes=scopes,
        rate_per_min=int(given["rate"]),
        quota_per_day=int(given["quota"]),
        max_fmr=max_fmr,
        expires_at=ends,
        by=visit.user.id,
    )
    return _shown_once(visit, key, secret, _("The new key"))


@PAGES.get("/admin/keys/{id}", may=MAY)
async def key(visit: Visit) -> Response:
    """One key."""
    return _one(visit, await _found(visit), {})


@PAGES.post("/admin/keys/{id}/rotate", may=MAY)
async def rotate(visit: Visit, form: Form) -> Response:
    """Another secret, which is shown this once."""
    _ = visit.gettext
    found, overlap = await _found(visit), OVERLAPS.get(form.text("overlap"))
    if overlap is None:
        return _one(visit, found, {"overlap": _("Choose how long the previous secret stays valid.")})
    manage = visit.desk.accounts.users.keys
    try:
        secret = await visit.ask(manage.rotate, found.id, overlap=overlap, by=visit.user.id)
    except AccessError as error:
        if error.code not in ("access.revoked", "access.expired", "access.desk_key"):
            raise
        return _one(visit, found, {"": _("This key has no secret, or it is not valid any more.")})
    return _shown_once(visit, await visit.ask(manage.get, found.id), secret, _("The key’s new secret"))


@PAGES.post("/admin/keys/{id}/revoke", may=MAY)
async def revoke(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """The key's end."""
    found = await _found(visit)
    await visit.ask(visit.desk.accounts.users.keys.revoke, found.id, by=visit.user.id)
    visit.tell(visit.gettext("The key %(id)s is revoked: the next call with it is refused.", id=found.id))
    return visit.redirect(f"{KEYS}/{found.id}")


def limits_wrong(visit: Visit, given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a purpose, a legal basis, a rate and a quota."""
    _ = visit.gettext
    sentences = {
        "purpose": _("Say what it is for, in one line of up to 200 characters."),
        "legal_basis": _("Say on which ground it is lawful, in one line of up to 200 characters."),
    }
    errors = {
        name: told for name, told in sentences.items() if not given[name] or not TEXT.fullmatch(given[name])
    }
    for name, most in (("rate", MAX_RATE), ("quota", MAX_QUOTA)):
        if not NUMBER.fullmatch(given[name]) or int(given[name]) > most:
            errors[name] = _("Enter a number from 1 to %(most)s.", most=visit.language.number(most))
    return errors


async def _found(visit: Visit) -> Key:
    try:
        return await visit.ask(visit.desk.accounts.users.keys.get, visit.given("id"))
    except AccessError as error:
        if error.code != "access.no_key":
            raise
        raise Problem(404, "request.path", "there is no such key") from None


async def _all(
    visit: Visit, given: Mapping[str, str], scopes: set[str], errors: Mapping[str, str]
) -> Response:
    found = await visit.ask(visit.desk.accounts.users.keys.all)
    now = datetime.now(UTC)
    found = sorted(found, key=lambda each: (each.state(now) != "valid", -each.created_at.timestamp()))
    users = {user.id: user.name for user in await visit.ask(visit.desk.accounts.users.all)}
    told = Told(visit.language)
    return visit.page(
        "admin_keys.html",
        title=visit.gettext("Keys"),
        status=422 if errors else 200,
        keys=[(each, each.state(now)) for each in found[:MOST_SHOWN]],
        left_out=max(0, len(found) - MOST_SHOWN),
        users=users,
        given=given,
        chosen=scopes,
        scopes=told.scopes(),
        told=told,
        errors=errors,
    )


def _one(visit: Visit, found: Key, errors: Mapping[str, str]) -> Response:
    _ = visit.gettext
    told = Told(visit.language)
    names = {
        "0": _("The previous secret ends at once"),
        "1h": _("1 hour"),
        "24h": _("24 hours"),
        "7d": _("7 days"),
        "30d": _("30 days"),
    }
    return visit.page(
        "admin_key.html",
        title=_("Key %(id)s", id=found.id),
        status=422 if errors else 200,
        key=found,
        state=found.state(datetime.now(UTC)),
        scopes=visit.language.listed(told.scope(scope) for scope in SCOPES if scope in found.scopes),
        overlaps=list(names.items()),
        errors=errors,
    )


def _shown_once(visit: Visit, found: Key, secret: str, title: str) -> Response:
    return visit.page("admin_secret.html", title=title, key=found, secret=secret)
