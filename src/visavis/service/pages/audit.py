"""The auditor's pages: what is in the ledger, how often it was used for what, what was refused, how it errs.

Lists of entries say of nobody who they are, so that looking at them leaves no entry; neither does it on the
command line. Whoever looks a person up by their reference, or takes a statement along, says for which of
their purposes, and that is recorded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from visavis.errors import LedgerError, PolicyError
from visavis.ledger import rows
from visavis.ledger.entry import KINDS, Event
from visavis.ledger.statement import issue
from visavis.service.pages import uses
from visavis.service.pages.acting import grant, purposes, reference_of, shown_days
from visavis.service.pages.entries import Found, Line, Wanted, day_of, descending, parsed, search, span
from visavis.service.pages.frame import Pages
from visavis.service.pages.keeping import is_asked_for
from visavis.service.pages.recorded import Told
from visavis.service.pages.words import Words
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from visavis.decision.calibration import Calibration
    from visavis.ledger.entry import Entry, Scalar
    from visavis.ledger.log import Ledger
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

PAGES = Pages()
MAY = "ledger"

LEDGER = "/desk/ledger"
INDEX = re.compile(r"0|[1-9][0-9]{0,14}")
MAX_FILTER = 200
ALARM_DAYS = 30
MOST_COUNTED = 20_000
"""Refusals that are counted for one page."""
Why = tuple[tuple[str, ...], bool]
"""The codes of a refusal, and whether it is an alarm."""
MARKS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""False match rates whose thresholds are shown beside that of the policy."""


# The list


@PAGES.get("/ledger", may=MAY)
async def entries(visit: Visit) -> Response:
    """The newest entries, or those that fit what is asked of them."""
    _ = visit.gettext
    wanted, given, errors = _wanted(visit)
    before = _number(visit.query("before"))
    found = None
    if not errors:
        found = await visit.ask(search, visit.desk.service.ledger, wanted, before=before)
    return visit.page(
        "audit_entries.html",
        title=_("Ledger"),
        status=422 if errors else 200,
        errors=errors,
        given=given,
        told=Told(visit.language),
        found=found,
        is_any=wanted.is_any,
        more=_more(given, found),
        newest=None if before is None else _address(given),
        purposes=await purposes(visit),
        chosen=visit.session.key if visit.session else None,
    )


@PAGES.post("/ledger/person", may=MAY)
async def person(visit: Visit, form: Form) -> Response:
    """What is recorded of a person; that somebody looked is recorded first.

    The reference comes and goes in forms, never in an address, where a log or a history would keep it.
    """
    _ = visit.gettext
    reference, errors = reference_of(visit, form)
    found, before = None, _number(form.text("before"))
    if not errors:
        granted = await grant(visit, form, MAY)
        ledger = visit.desk.service.ledger
        digest = await visit.ask(ledger.subject_digest, reference)
        looked = Event(
            kind="access",
            purpose=granted.purpose,
            key=granted.key,
            subject=None if digest is None else reference,
            details={"what": "entries of a person", "found": digest is not None},
        )
        await visit.ask(ledger.append, looked)
        if digest is not None:
            found = await visit.ask(search, ledger, Wanted(subject=digest), before=before)
    return visit.page(
        "audit_person.html",
        title=_("Entries about a person"),
        status=422 if errors else 200,
        errors=errors,
        reference=reference,
        found=found,
        told=Told(visit.language),
        purposes=await purposes(visit),
        chosen=form.text("purpose"),
    )


# One entry


@PAGES.get("/ledger/entry/{index}", may=MAY)
async def entry(visit: Visit) -> Response:
    """One entry in words, with the proof that it is in the ledger."""
    return await entry_page(visit, index_of(visit))


async def entry_page(visit: Visit, index: int, status: int = 200) -> Response:
    """The page of an entry.

    Args:
        visit: Who looks at it.
        index: Of the entry.
        status: HTTP status.

    Raises:
        Problem: 404: there is no such entry.
    """

    def read() -> tuple[bytes, str | None, int]:
        """Its bytes, a proof where the tree is whole, and how many entries there are."""
        ledger = visit.desk.service.ledger
        size = ledger.state().size
        try:
            proof = ledger.prove(index)
        except LedgerError as error:
            if error.code != "ledger.damaged":
                raise
            return ledger.leaf(index), None, size
        return proof.leaf, proof.text, size

    try:
        leaf, proof, size = await visit.ask(read)
    except LedgerError as error:
        if error.code != "ledger.index":
            raise
        raise _none() from None
    line, own = Line(index, parsed(leaf)), await purposes(visit)
    note = await visit.ask(visit.desk.service.pictures.note, index)
    is_check = line.entry is not None and line.entry.kind in ("verdict", "crosscheck")
    return visit.page(
        "audit_entry.html",
        title=visit.gettext("Entry %(number)s", number=index),
        status=status,
        line=line,
        told=Told(visit.language),
        leaf=leaf.decode("utf-8", "replace"),
        proof=proof,
        size=size,
        note=note,
        asks_pictures=is_check and is_asked_for(visit.desk.service.config),
        picture_purposes=[key for key in own if note is not None and key.purpose == note.purpose],
        purposes=own,
        chosen=visit.session.key if visit.session else None,
        errors={},
    )


@PAGES.get("/ledger/entry/{index}/proof", may=MAY)
async def proof(visit: Visit) -> Response:
    """The proof alone, in the form of C2SP tlog-proof."""
    from starlette.responses import PlainTextResponse

    index = index_of(visit)
    try:
        found = await visit.ask(visit.desk.service.ledger.prove, index)
    except LedgerError as error:
        if error.code != "ledger.index":
            raise
        raise _none() from None
    return visit.finished(PlainTextResponse(found.text, headers=_as_file(f"entry-{index}.tlog-proof")))


@PAGES.post("/ledger/entry/{index}/statement", may=MAY)
async def statement(visit: Visit, form: Form) -> Response:
    """A signed statement of an entry, which opens its digests; that somebody took it is recorded first."""
    from starlette.responses import Response as Plain

    index = index_of(visit)
    granted = await grant(visit, form, MAY)

    def issued(ledger: Ledger) -> str:
        entry = parsed(ledger.leaf(index))
        if entry is None:
            raise _none()
        details: dict[str, Scalar] = {"what": "a statement", "entry": index}
        place = _place(ledger, entry)
        ledger.append(
            Event(kind="access", purpose=granted.purpose, key=granted.key, place=place, details=details)
        )
        return issue(ledger, index)

    try:
        token = await visit.ask(issued, visit.desk.service.ledger)
    except LedgerError as error:
        if error.code != "ledger.index":
            raise
        raise _none() from None
    headers = _as_file(f"entry-{index}.jws")
    return visit.finished(Plain(token, media_type="application/jose", headers=headers))


# Uses


@PAGES.get("/ledger/uses", may=MAY)
async def counted(visit: Visit) -> Response:
    """How often what was asked for, by purpose or by key, as charts and as a table."""
    _ = visit.gettext
    period = uses.PERIODS.get(visit.query("period"), uses.PERIODS["30d"])
    by = "key" if visit.query("by") == "key" else "purpose"
    try:
        last = day_of(visit.query("until")) or _today()
    except ValueError:
        last = _today()
    parts = period.parts(last)
    ledger = visit.desk.service.ledger
    counts = await visit.ask(visit.desk.tally.count, ledger, parts[0][0], last)
    drawn, most = uses.charts(counts.counts, parts, by)
    whose = {}
    if by == "key":
        whose = {key.id: key for key in await visit.ask(visit.desk.accounts.users.keys.all)}
    kinds = {
        kind: sum(count for cell, count in counts.counts.items() if cell.what == kind) for kind in uses.KINDS
    }
    return visit.page(
        "audit_uses.html",
        title=_("Uses"),
        period=period,
        by=by,
        until=last.isoformat(),
        today=_today().isoformat(),
        charts=drawn,
        most=most,
        whose=whose,
        labels=shown_days(parts, visit),
        total=sum(bars.total for bars in drawn),
        kinds=[(Told(visit.language).kind(kind), count) for kind, count in kinds.items() if count],
        since=None if counts.since is None else _noon(counts.since),
        here=f"{LEDGER}/uses?{urlencode({'period': period.name, 'by': by, 'until': last.isoformat()})}",
        size=(uses.WIDTH, uses.HEIGHT),
        errors={},
    )


# Alarms and refusals


@dataclass(frozen=True, slots=True)
class Refused:
    """How often something was refused.

    Attributes:
        title: What it is called.
        told: What it means.
        count: How often.
        stopped: Whether it is an alarm: one face and too many others.
    """

    title: str
    told: str
    count: int
    stopped: bool


@PAGES.get("/ledger/alarms", may=MAY)
async def alarms(visit: Visit) -> Response:
    """What was refused lately, how often, and what it means."""
    _ = visit.gettext
    told = Told(visit.language)
    today = _today()
    counts, is_whole = await visit.ask(
        _refusals, visit.desk.service.ledger, today - timedelta(days=ALARM_DAYS - 1), today
    )
    only = visit.query("only") == "stopped"
    wanted = Wanted(kind="refusal", decision="stopped" if only else None)
    before = _number(visit.query("before"))
    found = await visit.ask(search, visit.desk.service.ledger, wanted, before=before)
    refused: dict[tuple[str, str, bool], int] = {}
    for (codes, stopped), count in counts.items():
        row = (*told.refusal(codes), stopped)
        refused[row] = refused.get(row, 0) + count
    listed = [Refused(title, means, count, stopped) for (title, means, stopped), count in refused.items()]
    asked = {"only": "stopped"} if only else {}
    limits = visit.desk.service.gate.limits
    return visit.page(
        "audit_alarms.html",
        title=_("Alarms and refusals"),
        told=told,
        days=ALARM_DAYS,
        refused=sorted(listed, key=lambda each: (not each.stopped, -each.count, each.title)),
        is_whole=is_whole,
        found=found,
        only=only,
        more=None
        if found.before is None
        else f"{LEDGER}/alarms?{urlencode({'before': found.before, **asked})}",
        limits=limits,
        hours=limits.window // timedelta(hours=1),
    )


def _refusals(ledger: Ledger, first: date, last: date) -> tuple[Mapping[Why, int], bool]:
    """How often what was refused in some days, and whether all of it was counted."""
    counts: dict[Why, int] = {}
    since, _until = Wanted(first=first).times
    with ledger.storage.reading() as connection:
        size = rows.present(rows.state(connection, lock=False)).size
        low, high = span(connection, size, first, last)
        for number, (_, found, time) in enumerate(descending(connection, "refusal", high=high, low=low)):
            if number >= MOST_COUNTED:
                return counts, False
            if found is not None and (since is None or time >= since):
                place = (found.reasons, found.decision == "stopped")
                counts[place] = counts.get(place, 0) + 1
    return counts, True


# Error rates


@dataclass(frozen=True, slots=True)
class Point:
    """A threshold and what it stands for.

    Attributes:
        fmr: The false match rate.
        upper: Its bound.
        threshold: The similarity from which on it is a match.
    """

    fmr: float
    upper: float
    threshold: float


@PAGES.get("/ledger/rates", may=MAY)
async def rates(visit: Visit) -> Response:
    """How often this desk errs: pack, calibration and policy in force, and the data behind them."""
    verifier, policy = visit.desk.service.engine.verifier, visit.desk.service.config.policy
    calibration = verifier.calibration
    threshold = verifier.threshold(policy)
    found = calibration.rate(threshold)
    return visit.page(
        "audit_rates.html",
        title=visit.gettext("Error rates in force"),
        words=Words(visit.language),
        pack=verifier.pack,
        calibration=calibration,
        policy=policy,
        threshold=threshold,
        rate=found,
        is_measured=calibration.supports(policy.fmr),
        points=[point for fmr in MARKS if (point := point_at(calibration, fmr)) is not None],
    )


def point_at(calibration: Calibration, fmr: float) -> Point | None:
    """Where a false match rate is reached; None where the data doesn't reach it."""
    try:
        threshold = calibration.threshold(fmr)
    except PolicyError:
        return None
    if fmr > calibration.marks[0].fmr:
        return None
    return Point(fmr, calibration.rate(threshold).upper, threshold)


# What they share


def _wanted(visit: Visit) -> tuple[Wanted, dict[str, str], dict[str, str]]:
    """What the address asks for: as filters, as it was typed, and what is wrong with it."""
    _ = visit.gettext
    names = ("kind", "purpose", "key", "decision", "from", "to")
    given = {name: visit.query(name).strip()[:MAX_FILTER] for name in names}
    errors: dict[str, str] = {}
    if given["kind"] and given["kind"] not in KINDS:
        errors["kind"] = _("There is no such kind of entries.")
    days: dict[str, date | None] = {}
    for name in ("from", "to"):
        try:
            days[name] = day_of(given[name])
        except ValueError:
            errors[name] = _("This is not a date. Write it like 2026-01-31.")
    if not errors and (first := days["from"]) and (last := days["to"]) and last < first:
        errors["to"] = _("The last day lies before the first one.")
    if errors:
        return Wanted(), given, errors
    text = {name: given[name] or None for name in ("kind", "purpose", "key", "decision")}
    return Wanted(**text, first=days["from"], last=days["to"]), given, errors


def _more(given: Mapping[str, str], found: Found | None) -> str | None:
    if found is None or found.before is None:
        return None
    return _address(given, before=str(found.before))


def _address(given: Mapping[str, str], **more: str) -> str:
    asked = {name: value for name, value in given.items() if value} | more
    return f"{LEDGER}?{urlencode(asked)}" if asked else LEDGER


def _number(text: str) -> int | None:
    return int(text) if INDEX.fullmatch(text) else None


def index_of(visit: Visit) -> int:
    """The entry that the path names.

    Raises:
        Problem: 404: there can be none.
    """
    found = _number(visit.given("index"))
    if found is None:
        raise _none()
    return found


def _none() -> Problem:
    return Problem(404, "request.path", "there is no such entry")


def _place(ledger: Ledger, entry: Entry) -> bytes | None:
    """Where the ledger has the row of the person whom an entry is about; None without one."""
    if entry.subject is None:
        return None
    with ledger.storage.reading() as connection:
        known = rows.subjects_of(connection, [entry.subject.digest])
    return bytes(known[0].lookup) if known else None


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _today() -> date:
    return datetime.now().astimezone().date()


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12).astimezone()
