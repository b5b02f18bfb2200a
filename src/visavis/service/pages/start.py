"""The start page, how the desk looks and speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visavis.service.pages.frame import LANGUAGE, LOOK, LOOKS, YEAR_S, Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

PAGES = Pages()


@PAGES.get("/")
async def start(visit: Visit) -> Response:
    """What one may do here."""
    return visit.page("start.html", title=visit.gettext("What would you like to do?"))


@PAGES.post("/language", anybody=True)
async def speak(visit: Visit, form: Form) -> Response:
    """Another language, for whoever is signed in and for this browser."""
    tag = form.text("language")
    if tag in visit.desk.languages.all:
        visit.keep(LANGUAGE, tag, lasting_s=YEAR_S)
        if visit.session is not None:
            await visit.ask(visit.desk.accounts.users.set_language, visit.user.id, tag)
    return visit.redirect(form.text("back"))


@PAGES.post("/look", anybody=True)
async def look(visit: Visit, form: Form) -> Response:
    """Light or dark, in this browser."""
    wished = form.text("look")
    if wished in LOOKS:
        visit.keep(LOOK, "" if wished == LOOKS[0] else wished, lasting_s=YEAR_S)
    return visit.redirect(form.text("back"))
