"""The administrator's pages about the service: what is in force, how long things are kept, and erasing.

What is set comes from the settings of the service and is only shown here: a file that somebody can read and
keep says more of how a service was run than buttons do.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import visavis
from visavis.errors import LedgerError, StorageError
from visavis.ledger.entry import TEXT, Event
from visavis.service.config import PREFIX
from visavis.service.pages.acting import tell_unsure
from visavis.service.pages.frame import Pages
from visavis.service.pages.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from visavis.ledger.log import Receipt
    from visavis.service.pages.desk import Desk
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

PAGES = Pages()
MAY = "users"

ADMIN = "/desk/admin"
RETENTION = f"{ADMIN}/retention"
MAX_TEXT = 200
NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


@PAGES.get("/admin", may=MAY)
async def overview(visit: Visit) -> Response:
    """What there is to administer."""
    return visit.page("admin.html", title=visit.gettext("Administration"))


@PAGES.get("/admin/policy", may=MAY)
async def policy(visit: Visit) -> Response:
    """Which rules and which engine are in force; they come from the settings."""
    service = visit.desk.service
    verifier, engine = service.engine.verifier, service.engine
    rules = _flat(service.config.policy.to_dict())
    return visit.page(
        "admin_policy.html",
        title=visit.gettext("Rules and engine"),
        words=Words(visit.language),
        policy=service.config.policy,
        rules=rules,
        pack=verifier.pack,
        calibration=verifier.calibration,
        threshold=verifier.threshold(service.config.policy),
        has_liveness=engine.has_liveness,
        has_documents=engine.has_documents,
        prefix=PREFIX,
    )


@PAGES.get("/admin/settings", may=MAY)
async def settings(visit: Visit) -> Response:
    """How this desk is set up."""
    service = visit.desk.service
    return visit.page(
        "admin_settings.html",
        title=visit.gettext("Settings"),
        config=service.config,
        limits=service.gate.limits,
        hours=service.gate.limits.window // timedelta(hours=1),
        version=visavis.__version__,
        prefix=PREFIX,
    )


@PAGES.get("/admin/retention", may=MAY)
async def retention(visit: Visit) -> Response:
    """How long what is kept, and ways to end that sooner."""
    return await _retention(visit, {"first": "", "last": "", "purpose": ""}, {})


@PAGES.post("/admin/retention/expire", may=MAY)
async def expire(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Delete what is past its time, now."""
    count = await visit.ask(_expire, visit.desk, visit.user.id)
    visit.tell(
        visit.ngettext(
            "%(count)s thing that was past its time is deleted.",
            "%(count)s things that were past their time are deleted.",
            count,
        )
    )
    return visit.redirect(RETENTION)


@PAGES.post("/admin/retention/entries", may=MAY)
async def erase_entries(visit: Visit, form: Form) -> Response:
    """Which entries are to be erased is asked once more; then they are."""
    _ = visit.gettext
    given = {name: form.text(name, most=5 * MAX_TEXT) for name in ("first", "last", "purpose")}
    size = (await visit.ask(visit.desk.service.ledger.state)).size
    errors = _wrong(visit, given, size)
    if errors:
        return await _retention(visit, given, errors)
    first, last = int(given["first"]), int(given["last"])
    if form.is_on("really") and not form.is_on("sure"):
        errors["sure"] = _("Tick the box if you are sure.")
    if not form.is_on("sure"):
        return visit.page(
            "admin_erase.html",
            title=_("Erase what these entries were about?"),
            status=422 if errors else 200,
            errors=errors,
            given=given,
            count=last - first + 1,
        )
    try:
        receipt = await visit.ask(_erase, visit.desk, first, last, given["purpose"], visit.user.id)
    except LedgerError as error:
        if error.code != "ledger.index":
            raise
        return await _retention(visit, given, {"last": _("The ledger has no such entries.")})
    except StorageError as error:
        tell_unsure(visit, error)
        return await _retention(visit, given, {})
    visit.tell(_("It is done. Entry %(index)s of the ledger says so.", index=receipt.index))
    return visit.redirect(RETENTION)


def _expire(desk: Desk, by: str) -> int:
    """Delete what is past its time, once the ledger says who asked for it."""
    desk.service.ledger.append(Event(kind="access", details={"what": "expiry", "by": by}))
    return desk.service.expire() + desk.accounts.expire()


def _erase(desk: Desk, first: int, last: int, purpose: str, by: str) -> Receipt:
    """Destroy the salts of entries and delete their pictures, once the ledger says who does it."""
    service = desk.service
    details: dict[str, Any] = {"what": "erasure of entries", "by": by, "first": first, "last": last}
    service.ledger.append(Event(kind="access", purpose=purpose, details=details))
    return service.subjects.erase_entries(first, last, purpose=purpose)


def _wrong(visit: Visit, given: Mapping[str, str], size: int) -> dict[str, str]:
    _ = visit.gettext
    errors = {
        name: _("Enter the number of an entry.")
        for name in ("first", "last")
        if not NUMBER.fullmatch(given[name])
    }
    if not errors and int(given["last"]) < int(given["first"]):
        errors["last"] = _("The last entry comes before the first one.")
    elif not errors and int(given["last"]) >= size:
        errors["last"] = _("The newest entry has the number %(number)s.", number=size - 1)
    if not given["purpose"] or not TEXT.fullmatch(given["purpose"]):
        errors["purpose"] = _("Say what it is done for, in one line of up to 200 characters.")
    return errors


async def _retention(visit: Visit, given: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    config = visit.desk.service.config
    return visit.page(
        "admin_retention.html",
        title=visit.gettext("Keeping and erasing"),
        status=422 if errors else 200,
        config=config,
        given=given,
        errors=errors,
        newest=(await visit.ask(visit.desk.service.ledger.state)).size - 1,
        window_h=visit.desk.service.gate.limits.window // timedelta(hours=1),
        prefix=PREFIX,
    )


def _flat(rules: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rules by their names in the settings, as they are written there; empty where one isn't set."""
    return [(name, _written(value)) for name, value in sorted(rules.items())]


def _written(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} = {least:g}" for name, least in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
