"""What was done with a person's data: a report of it for auditors, and erasure by administrators.

The reference of the person comes and goes in forms, never in an address. Who asks for a report says for which
of their purposes; who erases, what for. Both is recorded, as on the command line and through the API.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from visavis.errors import StorageError
from visavis.ledger.entry import TEXT, Event
from visavis.service.pages.acting import grant, purposes, reference_of, tell_unsure
from visavis.service.pages.frame import Pages
from visavis.service.pages.recorded import Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from visavis.access.subjects import Erased, Report
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit
    from visavis.service.service import Service

PAGES = Pages()
REPORTS, ERASES = "subjects", "users"
"""What reports take, and erasure: who looks after what was done is not who undoes it."""

MOST_SHOWN = 500
"""Uses on one page; all of them are in the file."""
MAX_TEXT = 200


@PAGES.get("/subject", may=REPORTS)
async def ask(visit: Visit) -> Response:
    """Of whom, and what for."""
    return await _asking(visit, "", {}, chosen=visit.session.key if visit.session else None)


@PAGES.post("/subject", may=REPORTS)
async def report(visit: Visit, form: Form) -> Response:
    """The report, to be read and printed."""
    reference, errors = reference_of(visit, form)
    if errors:
        return await _asking(visit, reference, errors, chosen=form.text("purpose"))
    found = await _report(visit, form, reference)
    told = Told(visit.language)
    uses = found.uses[-MOST_SHOWN:]
    return visit.page(
        "subject_report.html",
        title=visit.gettext("What was done with this person’s data"),
        report=found,
        told=told,
        uses=[(use, told.use(use)) for use in uses],
        left_out=len(found.uses) - len(uses),
        purpose=form.text("purpose"),
    )


@PAGES.post("/subject/file", may=REPORTS)
async def file(visit: Visit, form: Form) -> Response:
    """All of it as JSON; that is another look, and recorded as one."""
    from starlette.responses import Response as Plain

    reference, errors = reference_of(visit, form)
    if errors:
        return await _asking(visit, reference, errors, chosen=form.text("purpose"))
    found = await _report(visit, form, reference)
    content = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
    headers = {"Content-Disposition": 'attachment; filename="report.json"'}
    return visit.finished(Plain(content, media_type="application/json", headers=headers))


async def _report(visit: Visit, form: Form, reference: str) -> Report:
    granted = await grant(visit, form, REPORTS)
    subjects = visit.desk.service.subjects
    return await visit.ask(subjects.report, reference, purpose=granted.purpose, key=granted.key)


async def _asking(visit: Visit, reference: str, errors: Mapping[str, str], *, chosen: str | None) -> Response:
    return visit.page(
        "subject_ask.html",
        title=visit.gettext("A person’s report"),
        status=422 if errors else 200,
        errors=errors,
        reference=reference,
        purposes=await purposes(visit),
        chosen=chosen,
    )


# Erasure


@PAGES.get("/admin/erasure", may=ERASES)
async def erasure(visit: Visit) -> Response:
    """Whose data, and what for."""
    return _erasing(visit, {"reference": "", "purpose": ""}, {})


@PAGES.post("/admin/erasure", may=ERASES)
async def erase(visit: Visit, form: Form) -> Response:
    """What will be erased is asked once more; then it is."""
    _ = visit.gettext
    reference, errors = reference_of(visit, form)
    given = {"reference": reference, "purpose": form.text("purpose", most=5 * MAX_TEXT)}
    if not given["purpose"] or not TEXT.fullmatch(given["purpose"]):
        errors["purpose"] = _("Say what it is done for, in one line of up to 200 characters.")
    is_sure = form.is_on("sure")
    if form.is_on("really") and not is_sure:
        errors["sure"] = _("Tick the box if you are sure.")
    if errors and not form.is_on("really"):
        return _erasing(visit, given, errors)
    if not is_sure or errors:
        return visit.page(
            "subject_erase.html",
            title=_("Erase this person’s data?"),
            status=422 if errors else 200,
            errors=errors,
            given=given,
        )
    ended = sum(each.erase(reference) for each in (visit.desk.checks, visit.desk.pairs))
    try:
        erased = await visit.ask(_erase, visit.desk.service, reference, given["purpose"], visit.user.id)
    except StorageError as error:
        tell_unsure(visit, error)
        return _erasing(visit, given, {})
    if erased.is_nothing and not ended:
        visit.tell(_("Nothing is kept or recorded under this reference."), "note")
    else:
        told = visit.ngettext(
            "%(count)s answer that was kept is deleted.",
            "%(count)s answers that were kept are deleted.",
            erased.verdicts,
        )
        if erased.pictures:
            told += " " + visit.ngettext(
                "The pictures of %(count)s check that were kept are deleted.",
                "The pictures of %(count)s checks that were kept are deleted.",
                erased.pictures,
            )
        if ended:
            told += " " + visit.ngettext(
                "%(count)s check that was under way has ended.",
                "%(count)s checks that were under way have ended.",
                ended,
            )
        if erased.receipt is not None:
            told += " " + _(
                "Nobody can tell any more which entries were about this person. Entry %(index)s of the "
                "ledger says so.",
                index=erased.receipt.index,
            )
        visit.tell(told)
    return visit.redirect("/desk/admin/retention")


def _erase(service: Service, reference: str, purpose: str, by: str) -> Erased:
    """Erase, once the ledger says who does it."""
    ledger = service.ledger
    is_there = ledger.subject_digest(reference) is not None
    ledger.append(
        Event(
            kind="access",
            purpose=purpose,
            subject=reference if is_there else None,
            details={"what": "erasure of a person", "by": by, "found": is_there},
        )
    )
    return service.subjects.erase(reference, purpose=purpose)


def _erasing(visit: Visit, given: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    return visit.page(
        "subject_erasure.html",
        title=visit.gettext("Erase a person’s data"),
        status=422 if errors else 200,
        errors=errors,
        given=given,
    )
