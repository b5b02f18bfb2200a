"""What goes wrong at the desk, as a page: what happened in a sentence, and what to do next.

A script of ours that asks for JSON gets the same as a problem document with that sentence in it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from visavis.errors import StorageError, VisavisError
from visavis.service.logs import LOGGER
from visavis.service.pages.frame import BEFORE, START, sign_in_address, visit_of, visit_with
from visavis.service.pages.languages import marked as _
from visavis.service.pages.words import Words
from visavis.service.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from visavis.service.pages.frame import Visit

log = logging.getLogger(LOGGER)

ELSEWHERE = ("access.session", "access.csrf", "access.role")
"""What isn't told on the page where it arose: nobody may see that any more."""

Said = tuple[str, str, str]
"""Heading, what happened, what to do next."""


async def on_problem(request: Request, error: Exception) -> Response:
    """A problem, or an error of the library, as a page."""
    if isinstance(error, VisavisError):
        problem = Problem.of(error)
        if problem.status >= 500:  # only the operator is told
            request.state.told = error.message
    else:
        assert isinstance(error, Problem)  # noqa: S101  # registered for these only
        problem = error
    return await answer(request, problem)


async def on_http_error(request: Request, error: Exception) -> Response:
    """No such page, or none that takes a form."""
    from starlette.exceptions import HTTPException

    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it only
    code = {404: "request.path", 405: "request.method"}.get(error.status_code, "request.refused")
    return await answer(request, Problem(error.status_code, code, str(error.detail), headers=error.headers))


async def on_fault(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """A fault of ours; whoever called this logs where it arose."""
    problem = Problem(500, "service.fault", "a fault in visavis itself: please report it")
    return await answer(request, problem, has_failed=not hasattr(request.state, "visit"))


async def answer(request: Request, problem: Problem, *, has_failed: bool = False) -> Response:
    """A problem as the page, or the document, that is answered.

    Args:
        request: What was asked.
        problem: Why it isn't answered.
        has_failed: Whether it was a fault to look who is there; it isn't tried again.
    """
    request.state.code = problem.code
    try:
        visit = visit_with(request, None, None) if has_failed else await visit_of(request)
    except StorageError:  # it is told all the same
        visit = visit_with(request, None, None)
    wants_json = request.headers.get("accept", "").partition(",")[0].strip() == "application/json"
    if problem.code == "access.session" and request.method == "POST":  # the page that asks to sign in says it
        told = visit.gettext("You were signed out in the meantime, and what you sent was not kept.")
        visit.tell(told, "note")
    if problem.code == "access.session" and not wants_json:
        if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
            # A strict cookie doesn't come along with a link from elsewhere; from a page of ours it does.
            return visit.page("onward.html", title=visit.gettext("One moment"), back=visit.here)
        return visit.redirect(sign_in_address(visit.here))
    heading, happened, next_ = said(problem, visit)
    if wants_json:
        from starlette.responses import JSONResponse

        document = problem.document(request.state.request_id) | {"text": happened, "next": next_}
        if problem.code == "access.session":
            document["sign_in"] = sign_in_address(visit.here)
        return visit.finished(
            JSONResponse(document, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)
        )
    headers = {name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"}
    return visit.page(
        "failure.html",
        title=heading,
        status=problem.status,
        headers=headers,
        happened=happened,
        next=next_,
        back=visit.here if request.method == "POST" else START,
        request_id=request.state.request_id,
        code=problem.code,
    )


def said(problem: Problem, visit: Visit) -> Said:
    """What is said of a problem, in the visitor's language."""
    code, status = problem.code, problem.status
    fallback = REFUSED if status < 500 else FAULT
    fits = (
        made for found, made in SAID if found == status or (isinstance(found, str) and code.startswith(found))
    )
    made = next(fits, fallback)
    if callable(made):
        return made(visit, problem)
    heading, happened, next_ = (visit.gettext(text) for text in made)
    return heading, happened, next_


def told_here(visit: Visit, error: Problem | VisavisError) -> tuple[str, int]:
    """What is said of a problem on the page where it arose, and the answer's status.

    Raises:
        Problem: Nobody may see that page any more.
        VisavisError: Likewise.
    """
    problem = Problem.of(error) if isinstance(error, VisavisError) else error
    if problem.code in ELSEWHERE:
        raise error
    visit.request.state.code = problem.code
    if problem.status >= 500 and isinstance(error, VisavisError):  # only the operator is told
        visit.request.state.told = error.message
    unusable = Words(visit.language).unusable(problem.code)
    if unusable is not None:
        return unusable, 422
    _, happened, next_ = said(problem, visit)
    return f"{happened} {next_}", problem.status


def _form(visit: Visit, problem: Problem) -> Said:  # noqa: ARG001
    _ = visit.gettext
    if BEFORE not in visit.request.cookies and visit.session is None:
        return (
            _("This form can’t be accepted"),
            _("Your browser sent no cookie with it. The desk needs cookies to know who sends a form."),
            _(
                "Allow cookies for this address, open the desk by https, load the page again, and send "
                "the form once more."
            ),
        )
    return (
        _("This form can’t be accepted"),
        _("It is too old, or it was not opened from this desk. Nothing was changed."),
        _("Go back, load the page again and send the form once more."),
    )


def _too_large(visit: Visit, problem: Problem) -> Said:  # noqa: ARG001
    _ = visit.gettext
    config = visit.desk.service.config
    return (
        _("This is too large"),
        _(
            "A picture may have up to %(picture)s MB, and all that is sent at once up to %(form)s MB.",
            picture=visit.language.number(config.picture_mib),
            form=visit.language.number(config.body_mib),
        ),
        _("Choose a smaller picture, or let the camera take one with fewer pixels."),
    )


def _wait(visit: Visit, problem: Problem) -> Said:
    _ = visit.gettext
    return (
        _("Many people are using the desk just now"),
        _("There was no room for what you sent. Nothing was changed."),
        visit.language.again(problem.headers.get("Retry-After")),
    )


def _often(visit: Visit, problem: Problem) -> Said:
    _ = visit.gettext
    return (
        _("That was too often"),
        _("What may be done under this purpose in this time is used up."),
        visit.language.again(problem.headers.get("Retry-After")),
    )


def _locked(visit: Visit, problem: Problem) -> Said:
    _ = visit.gettext
    return (
        _("Please wait"),
        _("Signing in failed several times. So that nobody can guess on, the next try has to wait."),
        visit.language.again(problem.headers.get("Retry-After")),
    )


def _gone(visit: Visit, problem: Problem) -> Said:
    _ = visit.gettext
    return (
        _("The desk can’t answer at the moment"),
        _("Something that it needs is missing, for example its database. Nothing was changed."),
        visit.language.again(problem.headers.get("Retry-After"))
        + " "
        + _("If it lasts, give the number below to whoever runs this desk."),
    )


NOT_ALLOWED: Said = (
    _("You may not do this"),
    _("Your role does not include this page or this step."),
    _("If you need it for your work, ask an administrator of this desk for the role."),
)
NO_CHECK: Said = (
    _("This check has ended"),
    _("A check ends when it is done, when its clerk signs out, and when nobody goes on with it."),
    _("If you need it, begin a new one."),
)
NO_PAGE: Said = (
    _("There is nothing here"),
    _("This page does not exist, or it has ended: what belongs to a check is gone when the check is."),
    _("Look at the address, or begin again at the start page."),
)
NO_METHOD: Said = (
    _("This address takes a form"),
    _("It was opened without one, for example from the history of the browser."),
    _("Go to the start page and take the way from there."),
)
SLOW: Said = (
    _("The connection is too slow"),
    _("What you sent did not arrive in time. Nothing was changed."),
    _("Send it once more; where the connection stays slow, choose a smaller picture."),
)
FANNED_OUT: Said = (
    _("This face was compared with too many others"),
    _(
        "So that nobody can search for people here, one face may be compared with a few different "
        "people a day and no more. This was written into the ledger."
    ),
    _("If these were honest checks, ask whoever runs this desk. Otherwise try again tomorrow."),
)
NO_PURPOSE: Said = (
    _("You may not do this for this purpose"),
    _("The purpose that you chose ended, was taken from you, or does not allow this step."),
    _("Begin a new check for another purpose, or ask an administrator of this desk."),
)
CHALLENGE: Said = (
    _("The instructions are out of date"),
    _("What the camera asked for counts once and for a few minutes only."),
    _("Begin the instructions again."),
)
NO_DOCUMENTS: Said = (
    _("This desk reads no documents"),
    _("The part that reads documents is not installed here."),
    _("Begin a check with a reference picture, or ask whoever runs this desk."),
)
UNREAD: Said = (
    _("This can’t be read"),
    _(
        "Something in what you sent is missing, too long, or of another kind than the page asks for. "
        "Nothing was changed."
    ),
    _("Go back, look at what you entered, and send it once more."),
)
REFUSED: Said = (
    _("This can’t be done"),
    _("The desk refused what you sent. Nothing was changed."),
    _("Go back and try another way. If it happens again, give the number below to whoever runs this desk."),
)
FAULT: Said = (
    _("There is a fault in the desk"),
    _("It is not your doing. What you did last may not have been kept."),
    _("Begin again at the start page. If it happens again, give the number below to whoever runs this desk."),
)

SAID: tuple[tuple[str | int, Said | Callable[[Visit, Problem], Said]], ...] = (
    ("access.csrf", _form),
    ("access.locked", _locked),
    ("access.rate", _often),
    ("access.quota", _often),
    ("access.fan_out", FANNED_OUT),
    ("access.unknown", NO_PURPOSE),
    ("access.expired", NO_PURPOSE),
    ("access.revoked", NO_PURPOSE),
    ("access.no_key", NO_PURPOSE),
    ("access.scope", NO_PURPOSE),
    ("access.policy", NO_PURPOSE),
    ("desk.check", NO_CHECK),
    ("request.challenge_", CHALLENGE),
    ("service.no_documents", NO_DOCUMENTS),
    (403, NOT_ALLOWED),
    (404, NO_PAGE),
    (405, NO_METHOD),
    (413, _too_large),
    (408, SLOW),
    (429, _wait),
    (400, UNREAD),
    (415, UNREAD),
    (422, UNREAD),
    (503, _gone),
)
"""By what a code begins with, or by status, what is said; the first that fits."""
