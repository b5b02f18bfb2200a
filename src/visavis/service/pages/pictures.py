"""Pictures that are kept, for auditors: who looks at them says what for, and that is recorded before.

Only for the purpose that they were kept for: whoever was given others sees that they are there, and no more.
The page and its pictures are for the session that asked, and for minutes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from visavis.access.subjects import look_at_pictures
from visavis.ledger.entry import Event
from visavis.service.pages.acting import grant, purposes
from visavis.service.pages.audit import LEDGER, entry_page, index_of
from visavis.service.pages.frame import Pages
from visavis.service.pages.held import session_of
from visavis.service.pages.languages import marked as _
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

PAGES = Pages()
MAY = "ledger"

NAME = re.compile(r"(?:(first|second)-)?(page|portrait|chip|reference|probe)(?:-(\d+))?")


SIDES: Mapping[str, str] = {"": "", "first": _("First document"), "second": _("Second document")}
CAPTIONS: Mapping[str, str] = {
    "page": _("Picture %(number)s of the document"),
    "portrait": _("Portrait on the document"),
    "chip": _("Portrait on the chip"),
    "reference": _("Reference picture"),
    "probe": _("Picture that was taken at the check"),
}


@PAGES.post("/ledger/entry/{index}/pictures", may=MAY)
async def ask(visit: Visit, form: Form) -> Response:
    """Let somebody look at the pictures that are kept of a check, once the ledger says so."""
    index, service = index_of(visit), visit.desk.service
    granted = await grant(visit, form, MAY)
    note = await visit.ask(service.pictures.note, index)
    if note is None:
        return _gone(visit, index)
    if note.purpose != granted.purpose:
        visit.request.state.code = "access.scope"  # for the log
        return await entry_page(visit, index, 403)
    looked = Event(
        kind="access",
        purpose=granted.purpose,
        key=granted.key,
        place=note.place,
        details=look_at_pictures(index, visit.user.id),
    )
    await visit.ask(service.ledger.append, looked)
    visit.desk.opened.open(session_of(visit.token), index, note.purpose)
    return visit.redirect(_address(index))


@PAGES.get("/ledger/entry/{index}/pictures", may=MAY)
async def show(visit: Visit) -> Response:
    """The pictures, for whoever asked."""
    index = index_of(visit)
    note = await visit.ask(visit.desk.service.pictures.note, index)
    found = await _seen(visit, index)
    if found is None or note is None:
        return _gone(visit, index)
    return visit.page(
        "audit_pictures.html",
        title=visit.gettext("Pictures of entry %(number)s", number=index),
        index=index,
        note=note,
        groups=_groups(visit, found),
    )


@PAGES.get("/ledger/entry/{index}/picture/{name}", may=MAY)
async def picture(visit: Visit) -> Response:
    """One of them; it is kept nowhere on its way."""
    from starlette.responses import Response as Plain

    found = await _seen(visit, index_of(visit)) or {}
    data = found.get(visit.given("name"))
    if data is None:
        raise Problem(404, "desk.check", "there is no such picture, or it is gone")
    headers = {"Cache-Control": "no-store", "Content-Disposition": "inline"}
    return visit.finished(Plain(data, media_type="image/jpeg", headers=headers))


async def _seen(visit: Visit, index: int) -> Mapping[str, bytes] | None:
    """The pictures, where the session has asked for them and still has the purpose; otherwise None."""
    purpose = visit.desk.opened.purpose(session_of(visit.token), index)
    if purpose is None or purpose not in [key.purpose for key in await purposes(visit)]:
        return None
    return await visit.ask(visit.desk.service.pictures.get, index, purpose=purpose)


def _gone(visit: Visit, index: int) -> Response:
    visit.tell(
        visit.gettext(
            "Pictures are shown for a few minutes after somebody asked for them. If some are kept, ask here."
        ),
        "note",
    )
    return visit.redirect(_address(index).removesuffix("/pictures"))


def _address(index: int) -> str:
    return f"{LEDGER}/entry/{index}/pictures"


def _groups(visit: Visit, names: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Pictures by the document of two that they belong to: its title, then names and captions."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        parts = NAME.fullmatch(name)
        if parts is None:  # of another version; it is shown under its own name
            groups.setdefault("", []).append((name, name))
            continue
        side, what, number = parts[1] or "", parts[2], visit.language.number(int(parts[3] or 1))
        groups.setdefault(side, []).append((name, visit.gettext(CAPTIONS[what], number=number)))
    return [(visit.gettext(SIDES[side]) if side else "", each) for side, each in groups.items()]
