"""What could not be decided goes to a second person, who decides with a note; nobody decides on their own.

A second person sees the checks of the purposes that they were given, and no others.
The queue shows what waits, checks and crosschecks, without pictures; those are shown on the page of each, as
long as it waits. A decision counts once it is in the ledger. Whoever asked reads it on the page of what they
asked about, which they find again also after they have signed in anew.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from visavis.errors import AccessError
from visavis.ledger.recording import Use, of_review
from visavis.report.page import scale_of
from visavis.service.pages import check as check_pages
from visavis.service.pages import crosscheck
from visavis.service.pages.asking import MAX_WHY
from visavis.service.pages.check import picture_of
from visavis.service.pages.checks import Check
from visavis.service.pages.frame import Pages
from visavis.service.pages.held import session_of
from visavis.service.pages.languages import marked as _
from visavis.service.pages.pairs import Pair
from visavis.service.pages.receipt import why
from visavis.service.pages.words import Words
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from visavis.access.users import Users
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit
    from visavis.service.pages.held import Held, Store

PAGES = Pages()
MAY, ASKED_MAY = "reviews", "verifications"

QUEUE = "/desk/review"
MAX_NOTE = MAX_WHY


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
    words, purposes = Words(visit.language), await _purposes(visit)
    waiting = [each for store in _stores(visit) for each in store.waiting() if each.purpose in purposes]
    waiting.sort(key=_asked_at)
    names = await visit.ask(_names, visit.desk.accounts.users, [each.user for each in waiting])
    return visit.page(
        "review_queue.html",
        title=visit.gettext("Checks that wait for a second person"),
        waiting=[(each, names[each.user], _why(each, words), each.user == visit.user.id) for each in waiting],
        purposes=purposes,
    )


@PAGES.get("/review/{id}", may=MAY)
async def case(visit: Visit) -> Response:
    """One that waits, with its pictures."""
    return await _case(visit, (await _waiting(visit))[1], {"decision": "", "note": ""}, {})


@PAGES.get("/review/{id}/picture/{name}", may=MAY)
async def picture(visit: Visit) -> Response:
    """A picture of one that waits."""
    return picture_of(visit, (await _waiting(visit))[1], visit.given("name"))


@PAGES.post("/review/{id}", may=MAY)
async def decide(visit: Visit, form: Form) -> Response:
    """What the second person decides."""
    # Whoever goes away meanwhile leaves nothing half done: it is brought to its end.
    return await asyncio.shield(visit.desk.service.in_background(_decide(visit, form)))


async def _decide(visit: Visit, form: Form) -> Response:
    gettext, there = visit.gettext, await _found(visit)
    if there is None:
        return _over(visit)
    store, one = there
    given = {"decision": form.text("decision"), "note": form.text("note", most=4 * MAX_NOTE)}
    errors = {}
    if given["decision"] not in DECISIONS:
        errors["decision"] = gettext("Choose what you decide.")
    if not given["note"] or len(given["note"]) > MAX_NOTE:
        most = visit.language.number(MAX_NOTE)
        errors["note"] = gettext("Say why in up to %(most)s characters.", most=most)
    if errors:
        return await _case(visit, one, given, errors, 422)
    async with one.lock:
        review, answer = one.review, one.answer
        is_there = await _found(visit) == there
        if not is_there or form.text("step") != str(one.step) or answer is None or review is None:
            return _over(visit)
        use = Use(purpose=one.purpose, subject=one.subject, key=one.key)
        event = of_review(answer["ledger"]["index"], given["decision"], given["note"], visit.user.id, use)
        receipt = await visit.ask(visit.desk.service.ledger.append, event)
        review.decision, review.note, review.by = given["decision"], given["note"], visit.user.id
        review.decided_at, review.index = datetime.now(UTC), receipt.index
        store.reviewed(one)
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
    return visit.page(
        "review_asked.html",
        title=visit.gettext("What you asked a second person"),
        asked=sorted(
            (each for store in _stores(visit) for each in store.asked(visit.user.id)),
            key=_asked_at,
            reverse=True,
        ),
        decisions=_decisions(visit),
    )


@PAGES.get("/asked/{id}", may=ASKED_MAY)
async def resume(visit: Visit) -> Response:
    """The check, in the session of today."""
    id_, user, session = visit.given("id"), visit.user.id, session_of(visit.token)
    if (check := visit.desk.checks.resume(id_, user=user, session=session)) is not None:
        return visit.redirect(check_pages.address(check, "verdict"))
    if (pair := visit.desk.pairs.resume(id_, user=user, session=session)) is not None:
        return visit.redirect(crosscheck.address(pair))
    raise Problem(404, "desk.check", "there is no such check, or it has ended")


# What they share


async def _purposes(visit: Visit) -> list[str]:
    """What whoever decides was given, by its names, each once."""
    mine = await visit.ask(visit.desk.accounts.users.purposes, visit.user.id)
    return list(dict.fromkeys(key.purpose for key in mine))


def _stores(visit: Visit) -> tuple[Store[Any], ...]:
    """Where things are that a second person may be asked about."""
    return visit.desk.checks, visit.desk.pairs


def _asked_at(one: Held) -> datetime:
    """When a second person was asked."""
    assert one.review is not None  # noqa: S101  # nobody else comes here
    return one.review.asked_at


async def _found(visit: Visit) -> tuple[Store[Any], Held] | None:
    """What the path names, where it waits for whoever looks, and where it is held."""
    purposes = await _purposes(visit)
    for store in _stores(visit):
        one = store.waiting_for(visit.given("id"), user=visit.user.id, purposes=purposes)
        if one is not None:
            return store, one
    return None


async def _waiting(visit: Visit) -> tuple[Store[Any], Held]:
    there = await _found(visit)
    if there is None:
        raise Problem(404, "desk.check", "there is no such check that waits for this user")
    return there


def _over(visit: Visit) -> Response:
    visit.tell(
        visit.gettext(
            "This check waits no more: somebody else decided on it, or it was ended. Nothing was changed."
        ),
        "note",
    )
    return visit.redirect(QUEUE)


async def _case(
    visit: Visit, one: Held, given: Mapping[str, str], errors: Mapping[str, str], status: int = 200
) -> Response:
    gettext = visit.gettext
    names = await visit.ask(_names, visit.desk.accounts.users, [one.user])
    is_check = isinstance(one, Check)
    return visit.page(
        "review_case.html" if is_check else "review_pair.html",
        title=gettext("Look at this check") if is_check else gettext("Look at these two documents"),
        status=status,
        one=one,
        asker=names[one.user],
        **_seen(visit, one),
        decisions=[(name, *each) for name, each in _decisions(visit).items()],
        given=given,
        most=MAX_NOTE,
        errors=errors,
    )


def _decisions(visit: Visit) -> dict[str, tuple[str, str]]:
    return {name: (visit.gettext(said), visit.gettext(told)) for name, (said, told) in DECISIONS.items()}


def _seen(visit: Visit, one: Held) -> dict[str, Any]:
    """What the page of one shows of it."""
    if isinstance(one, Pair):
        return crosscheck.seen_of(visit, one)
    assert isinstance(one, Check)  # noqa: S101  # there is nothing else
    found, words = one.verdict, Words(visit.language)
    assert found is not None  # noqa: S101  # what waits has one
    remarks = [*found.reasons, *(found.document.problems if found.document is not None else ())]
    return {
        "check": one,
        "verdict": found,
        "words": words,
        "said": words.reasons(remarks) + check_pages.beside(words, one),
        "scale": scale_of(found, visit.desk.service.engine.verifier.calibration),
    }


def _why(one: Held, words: Words) -> list[str]:
    """Why nothing was decided, in words."""
    if isinstance(one, Pair):
        return [] if one.found is None else why(words.language, crosscheck.told_of(words, one.found))
    found = one.verdict if isinstance(one, Check) else None
    return [] if found is None else why(words.language, words.reasons(found.reasons))


def _names(users: Users, ids: Iterable[str]) -> dict[str, str]:
    """What users are called who asked; may wait for the database."""
    found = {}
    for id_ in dict.fromkeys(ids):
        try:
            found[id_] = users.get(id_).name
        except AccessError:  # not there any more
            found[id_] = id_
    return found
