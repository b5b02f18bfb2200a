"""What could not be decided goes to a second person, who decides with a note; nobody decides on their own.

The queue shows what waits, without pictures; those of a check are shown on its own page, as long as it waits.
A decision counts once it is in the ledger. Whoever asked reads it on the page of their check, which they find
under what they asked, also after they have signed in again.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from visavis.errors import AccessError
from visavis.ledger.recording import Use, of_review
from visavis.report.page import scale_of
from visavis.service.pages.check import MAX_WHY, address, picture_of
from visavis.service.pages.checks import session_of
from visavis.service.pages.frame import Pages
from visavis.service.pages.receipt import why
from visavis.service.pages.words import Words
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from visavis.access.users import Users
    from visavis.service.pages.checks import Check
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

PAGES = Pages()
MAY, ASKED_MAY = "reviews", "verifications"

QUEUE = "/desk/review"
MAX_NOTE = MAX_WHY


def _(text: str) -> str:
    """Marks a text for the catalogues; it is said in a language when somebody reads it."""
    return text


DECISIONS: Mapping[str, tuple[str, str]] = {
    "match": (_("The same person"), _("You recognise one person, and nothing speaks against it.")),
    "no_match": (_("Not the same person"), _("You see differences that light, age or pose do not explain.")),
    "inconclusive": (
        _("The person should come again"),
        _("From these pictures nobody can tell. That is a good answer where you are in doubt."),
    ),
}
"""By its name, what a second person may decide, and when."""


# The second person


@PAGES.get("/review", may=MAY)
async def queue(visit: Visit) -> Response:
    """What waits."""
    words = Words(visit.language)
    waiting = visit.desk.checks.waiting()
    names = await visit.ask(_names, visit.desk.accounts.users, [each.user for each in waiting])
    return visit.page(
        "review_queue.html",
        title=visit.gettext("Checks that wait for a second person"),
        waiting=[(each, names[each.user], _why(each, words), each.user == visit.user.id) for each in waiting],
    )


@PAGES.get("/review/{id}", may=MAY)
async def case(visit: Visit) -> Response:
    """One that waits, with its pictures."""
    return await _case(visit, _waiting(visit), {"decision": "", "note": ""}, {})


@PAGES.get("/review/{id}/picture/{name}", may=MAY)
async def picture(visit: Visit) -> Response:
    """A picture of one that waits."""
    return picture_of(visit, _waiting(visit), visit.given("name"))


@PAGES.post("/review/{id}", may=MAY)
async def decide(visit: Visit, form: Form) -> Response:
    """What the second person decides."""
    # Whoever goes away meanwhile leaves nothing half done: it is brought to its end.
    return await asyncio.shield(visit.desk.service.in_background(_decide(visit, form)))


async def _decide(visit: Visit, form: Form) -> Response:
    gettext, checks = visit.gettext, visit.desk.checks
    check = checks.waiting_for(visit.given("id"), user=visit.user.id)
    if check is None:
        return _over(visit)
    given = {"decision": form.text("decision"), "note": form.text("note", most=4 * MAX_NOTE)}
    errors = {}
    if given["decision"] not in DECISIONS:
        errors["decision"] = gettext("Choose what you decide.")
    if not given["note"] or len(given["note"]) > MAX_NOTE:
        errors["note"] = gettext("Say why in up to %(most)s letters.", most=visit.language.number(MAX_NOTE))
    if errors:
        return await _case(visit, check, given, errors, 422)
    async with check.lock:
        found, review = check.verdict, check.review
        is_there = checks.waiting_for(check.id, user=visit.user.id) is check
        if not is_there or form.text("step") != str(check.step) or found is None or review is None:
            return _over(visit)
        assert found.ledger is not None  # noqa: S101  # no verdict of the desk is without
        use = Use(purpose=check.purpose, subject=check.subject, key=check.key)
        event = of_review(found.ledger.index, given["decision"], given["note"], visit.user.id, use)
        receipt = await visit.ask(visit.desk.service.ledger.append, event)
        review.decision, review.note, review.by = given["decision"], given["note"], visit.user.id
        review.decided_at, review.index = datetime.now(UTC), receipt.index
        checks.reviewed(check)
    visit.tell(
        gettext(
            "Your decision is recorded as entry %(number)s of the ledger. Whoever asked can read it now.",
            number=visit.language.number(receipt.index),
        )
    )
    return visit.redirect(QUEUE)


# Whoever asked


@PAGES.get("/asked", may=ASKED_MAY)
async def asked(visit: Visit) -> Response:
    """What somebody asked a second person about, and what they said."""
    words = Words(visit.language)
    return visit.page(
        "review_asked.html",
        title=visit.gettext("What you asked a second person"),
        asked=[(each, _why(each, words)) for each in visit.desk.checks.asked(visit.user.id)],
        decisions=_decisions(visit),
    )


@PAGES.get("/asked/{id}", may=ASKED_MAY)
async def resume(visit: Visit) -> Response:
    """The check, in the session of today."""
    check = visit.desk.checks.resume(visit.given("id"), user=visit.user.id, session=session_of(visit.token))
    if check is None:
        raise Problem(404, "desk.check", "there is no such check, or it has ended")
    return visit.redirect(address(check, "verdict"))


# What they share


def _waiting(visit: Visit) -> Check:
    check = visit.desk.checks.waiting_for(visit.given("id"), user=visit.user.id)
    if check is None:
        raise Problem(404, "desk.check", "there is no such check that waits for this user")
    return check


def _over(visit: Visit) -> Response:
    visit.tell(
        visit.gettext(
            "This check waits no more: somebody else decided on it, or it was ended. Nothing was changed."
        ),
        "note",
    )
    return visit.redirect(QUEUE)


async def _case(
    visit: Visit, check: Check, given: Mapping[str, str], errors: Mapping[str, str], status: int = 200
) -> Response:
    found, words = check.verdict, Words(visit.language)
    assert found is not None  # noqa: S101  # what waits has one
    names = await visit.ask(_names, visit.desk.accounts.users, [check.user])
    remarks = [*found.reasons, *(found.document.problems if found.document is not None else ())]
    return visit.page(
        "review_case.html",
        title=visit.gettext("Look at this check"),
        status=status,
        check=check,
        verdict=found,
        asker=names[check.user],
        words=words,
        said=words.reasons(remarks),
        scale=scale_of(found, visit.desk.service.engine.verifier.calibration),
        decisions=[(name, *each) for name, each in _decisions(visit).items()],
        given=given,
        most=MAX_NOTE,
        errors=errors,
    )


def _decisions(visit: Visit) -> dict[str, tuple[str, str]]:
    return {name: (visit.gettext(said), visit.gettext(told)) for name, (said, told) in DECISIONS.items()}


def _why(check: Check, words: Words) -> list[str]:
    """Why nothing was decided, in words."""
    found = check.verdict
    return [] if found is None else why(words.reasons(found.reasons))


def _names(users: Users, ids: Iterable[str]) -> dict[str, str]:
    """What users are called who asked; may wait for the database."""
    found = {}
    for id_ in dict.fromkeys(ids):
        try:
            found[id_] = users.get(id_).name
        except AccessError:  # not there any more
            found[id_] = id_
    return found
