"""Two documents against each other: their pictures in one form, then the verdict and the table of fields.

A form brings an id of its own, so that what is sent twice is done once. What came of it is kept like a check:
in memory, for the session that asked, and for minutes.
"""

from __future__ import annotations

import functools
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from visavis.decision.verdict import LedgerPlace
from visavis.documents.crosscheck import NEEDED, RULES, differing
from visavis.documents.pdf import MAX_PAGES
from visavis.errors import DocumentError, PhotoError, VisavisError
from visavis.report.page import scale_of
from visavis.service.answering import Task, performed, with_statement
from visavis.service.crosschecks import Crosschecking
from visavis.service.engine import Papers
from visavis.service.fields import policy_of
from visavis.service.models import MAX_SUBJECT
from visavis.service.pages import shown
from visavis.service.pages.asking import MAX_WHY, ask_second
from visavis.service.pages.check import picture_of, tell_end, tell_stale, unfit_reference
from visavis.service.pages.failures import told_here
from visavis.service.pages.frame import Pages
from visavis.service.pages.held import session_of
from visavis.service.pages.keeping import NOT_KEPT, Keeping, keep
from visavis.service.pages.languages import marked as _
from visavis.service.pages.pairs import ID, id_of, new_id
from visavis.service.pages.receipt import (
    Receipt,
    in_language,
    receipt_page,
    review_statement_of,
    statement_of,
    why,
)
from visavis.service.pages.words import Said, Words
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.responses import Response

    from visavis.access.gate import Grant
    from visavis.access.keys import Key
    from visavis.decision.verdict import Reason
    from visavis.documents.crosscheck import Crosscheck
    from visavis.ledger.entry import Event
    from visavis.ledger.log import Receipt as Place
    from visavis.ledger.recording import Use
    from visavis.service.answering import Call
    from visavis.service.engine import Engine, Guard
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit
    from visavis.service.pages.pairs import Pair
    from visavis.service.pool import Wanted

PAGES = Pages()
MAY = "crosschecks"

START = "/desk/crosscheck"
SIDES = ("first", "second")
FILES: Mapping[str, int] = {
    f"{side}_{part}": most
    for side in SIDES
    for part, most in (("front", 1), ("back", MAX_PAGES - 1), ("chip", 1))
}


REASONS: Mapping[str, str] = {
    "same_picture": _(
        "Both documents carry the same picture: that the faces are alike proves nothing then. Look at both "
        "documents closely."
    ),
    "faces_not_compared": _("The faces could not be compared. What else stands here says why."),
    "fields_contradict": _(
        "The faces match, but the documents differ in what has to be the same: %(fields)s. "
        "Look at both closely."
    ),
    "fields_missing": _(
        "The faces match, but this can’t be compared: %(fields)s. Use sharper pictures of "
        "the lines of letters."
    ),
    "faces_and_fields_agree": _("The faces match, and no field of the person differs."),
    "faces_and_fields_differ": _(
        "The faces don’t match, and the documents differ in what has to be the same: %(fields)s."
    ),
    "faces_contradict": _(
        "The faces don’t match, but no field of the person differs. Look at both documents yourself."
    ),
    "faces_differ": _("The faces don’t match, and no field of the person could be compared."),
    "same_document": _(
        "Kind, issuing state and number are the same: these are two pictures of one document, or copies "
        "of it."
    ),
}
"""By code, what is only said of two documents."""

OUTCOMES: Mapping[str, str] = {
    "same": _("same"),
    "differs": _("differs"),
    "not_comparable": _("can’t be compared"),
}

WHY: Mapping[str, str] = {
    "neither has it": _("neither has it"),
    "the first has it alone": _("only the first has it"),
    "the second has it alone": _("only the second has it"),
    "one of them doesn't say": _("one of them doesn’t say"),
    "the same characters": _("the same characters"),
    "other characters": _("different characters"),
    "the same name": _("the same name"),
    "one name by some ways of writing letters, or two": _(
        "the same name in some spellings, and not in others"
    ),
    "no way of writing letters makes them one name": _("different names in every spelling"),
    "as far as it goes: the name was cut to fit the zone": _(
        "the same as far as it goes: the name was cut to fit"
    ),
    "not even the beginnings of the words agree": _("not even the beginnings of the words agree"),
    "one of them is no date": _("one of them is no date"),
    "what is known of them agrees, and a part isn't known": _(
        "what is known of them agrees, and a part isn’t known"
    ),
    "the same day": _("the same day"),
    "other days": _("different days"),
    "the same code": _("the same code"),
    "two codes of one state": _("two codes of one state"),
    "one of them is no code that the standard knows": _("one of them is no code that the standard knows"),
    "other codes": _("different codes"),
    "its check digit is wrong on the first": _("its check digit is wrong on the first"),
    "its check digit is wrong on the second": _("its check digit is wrong on the second"),
    "its check digit is wrong on the first and the second": _("its check digit is wrong on both"),
}
"""By what `documents.crosscheck` gives as a row's reason."""

RULE: Sequence[str] = (
    _(
        "It is a match where the faces match, surname and date of birth are the same on both documents, and "
        "no field of the person differs."
    ),
    _(
        "It is no match where the faces don’t match, and a field of the person differs or none can be "
        "compared."
    ),
    _(
        "Where faces and fields contradict each other, or surname or date of birth can’t be compared, "
        "nothing is decided."
    ),
    _(
        "Fields of the person are surname, given names, date of birth, sex and nationality; nationality may "
        "differ where each document was issued by the state of its own nationality."
    ),
    _(
        "Document code, issuing state, document number, date of expiry and personal number may differ; where "
        "the first three are the same, both are one document, and neither expiry, nationality nor personal "
        "number may differ."
    ),
    _("Where both carry the same picture, it proves nothing about the faces, and nothing is decided."),
)
"""`documents.crosscheck.RULES`, the rule that is applied, marked for the catalogues."""


# The form


@PAGES.get("/crosscheck", may=MAY)
async def start(visit: Visit) -> Response:
    """What to give."""
    return await _start(visit, {}, {})


@PAGES.post("/crosscheck", may=MAY, files=FILES)
async def compare(visit: Visit, form: Form) -> Response:
    """Two documents."""
    _ = visit.gettext
    purposes = await visit.ask(visit.desk.accounts.users.purposes, visit.user.id)
    subject = form.text("subject", most=4 * MAX_SUBJECT)
    given = {"purpose": form.text("purpose"), "subject": subject}
    errors = {}
    purpose = next((each for each in purposes if each.id == given["purpose"]), None)
    if purpose is None:
        errors["purpose"] = _("Choose what the check is for.")
    if (wrong := unfit_reference(visit, subject)) is not None:
        errors["subject"] = wrong
    for side in SIDES:
        if form.file(f"{side}_front") is None:
            errors[f"{side}_front"] = _("Choose a picture of the side with the portrait.")
    if errors or purpose is None:
        return await _start(visit, given, errors, 422)
    pairs, session = visit.desk.pairs, session_of(visit.token)
    papers = [_papers(form, side) for side in SIDES]
    id_ = await visit.ask(_id_of, form, purpose.id, subject, papers)
    pair = None if id_ is None else pairs.begin(id_, user=visit.user.id, session=session)
    too_many = _("There are too many crosschecks under way, or this page is too old. Try again.")
    if pair is None:
        return await _start(visit, given, {"": too_many}, 429)
    async with pair.lock:
        if pairs.find(pair.id, user=visit.user.id, session=session) is not pair:  # it ended meanwhile
            return await _start(visit, given, {"": too_many}, 429)
        if pair.found is not None:  # sent twice, and done once
            return visit.redirect(address(pair))
        pair.key, pair.purpose, pair.subject = purpose.id, purpose.purpose, subject or None
        unread: dict[str, VisavisError] = {}
        try:
            compared, answer = await _done(visit, pair, papers, unread)
        except BaseException as error:
            pairs.end(pair)
            if not isinstance(error, (Problem, VisavisError)):
                raise
            told, status = told_here(visit, error)
            if error in unread.values():
                errors = {field: told_here(visit, each)[0] for field, each in unread.items()}
            unread.clear()  # what went wrong holds this call, and with it both documents
            return await _start(visit, given, errors or {"": told}, status)
        pair.keeping = compared.keeping
        pairs.decide(pair, compared.found, answer, compared.pictures)
    if purpose.id != (visit.session.key if visit.session is not None else None):
        await visit.ask(visit.desk.accounts.sessions.choose, visit.token, purpose.id)
    return visit.redirect(address(pair))


# What it came to


@PAGES.get("/crosscheck/{id}", may=MAY)
async def verdict(visit: Visit) -> Response:
    """What two documents came to against each other."""
    return _verdict(visit, _pair(visit), {})


@PAGES.post("/crosscheck/{id}/review", may=MAY)
async def ask(visit: Visit, form: Form) -> Response:
    """Ask a second person."""
    _, pair = visit.gettext, _pair(visit)
    async with pair.lock:
        is_open = pair.review is None and _decided(pair)[0].decision == "inconclusive"
        if not is_open or form.text("step") != str(pair.step):
            tell_stale(visit)
            return visit.redirect(address(pair))
        gone = _("The pictures are gone. Compare again, and ask then.")
        wrong = await ask_second(visit, form, visit.desk.pairs, pair, gone=gone)
        if wrong is not None:
            return _verdict(visit, pair, *wrong)
    return visit.redirect(address(pair))


@PAGES.get("/crosscheck/{id}/picture/{name}", may=MAY)
async def picture(visit: Visit) -> Response:
    """A picture of a crosscheck, for whoever asked for it."""
    return picture_of(visit, _pair(visit), visit.given("name"))


@PAGES.get("/crosscheck/{id}/receipt", may=MAY)
async def receipt(visit: Visit) -> Response:
    """The receipt of a crosscheck."""
    pair = _pair(visit)
    found, answer = _decided(pair)
    own = in_language(visit)
    made = Receipt(
        where=address(pair),
        title=visit.gettext("Receipt of a crosscheck"),
        what=visit.gettext("Two documents were compared: their portraits, and what is written on them."),
        decision=found.decision,
        meaning=_meaning(visit, found),
        reasons=why(visit.language, told_of(Words(visit.language), found)),
        verdict=found.faces,
        key=pair.key,
        purpose=pair.purpose,
        subject=pair.subject,
        answer=answer,
        pictures_until=pair.keeping.until,
        review=pair.review,
    )
    return await receipt_page(visit, made, own)


@PAGES.get("/crosscheck/{id}/statement", may=MAY)
async def statement(visit: Visit) -> Response:
    """The signed statement of a crosscheck."""
    return statement_of(visit, _decided(_pair(visit))[1])


@PAGES.get("/crosscheck/{id}/statement/review", may=MAY)
async def review_statement(visit: Visit) -> Response:
    """The signed statement of what a second person decided."""
    return await review_statement_of(visit, _pair(visit).review)


@PAGES.post("/crosscheck/{id}/end", may=MAY)
async def end(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """End a crosscheck; its pictures are gone at once."""
    pair = _pair(visit)
    visit.desk.pairs.end(pair)
    _ = visit.gettext
    tell_end(
        visit,
        pair.keeping,
        gone=_("The crosscheck has ended, and its pictures are gone."),
        kept=_("The crosscheck has ended. Its pictures are kept, encrypted, until %(time)s at the latest."),
    )
    return visit.redirect(START)


# Work


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """What it came to, what is shown of it, and whether that is kept."""

    found: Crosscheck
    pictures: Mapping[str, bytes]
    keeping: Keeping = NOT_KEPT


async def _done(
    visit: Visit, pair: Pair, papers: Sequence[Papers], unread: dict[str, VisavisError]
) -> tuple[_Compared, dict[str, Any]]:
    """Have it done, the way of every request.

    Args:
        visit: Who asks.
        pair: For what and about whom.
        papers: Both documents.
        unread: Takes up which documents can't be read, for whoever says so: by the field, why.
    """
    service = visit.desk.service

    def task(grant: Grant) -> _Pairing:
        first, second = papers
        inner = Crosschecking(first, second, policy_of(service, grant, None), pair.subject)
        return _Pairing(inner, unread, pair.subject)

    grant: Callable[[], Grant] = functools.partial(
        visit.desk.accounts.users.grant, visit.user, pair.key, "crosschecks"
    )
    answer_id = f"crosscheck_{secrets.token_hex(16)}"
    return await performed(
        service,
        what="crosscheck",
        scope="crosschecks",
        grant=grant,
        task=task,
        form=_formed,
        answer_id=answer_id,
    )


def _formed(call: Call, result: _Compared, place: Place) -> tuple[_Compared, dict[str, Any]]:
    found = replace(result.found, ledger=LedgerPlace(place.origin, place.index))
    answer = with_statement(call, result, place)
    keeping = keep(call, place.index, result.pictures)
    return replace(result, found=found, keeping=keeping), answer


@dataclass(frozen=True, slots=True, eq=False)
class _Pairing(Task[_Compared]):
    """Two documents, with what is shown of them."""

    inner: Crosschecking
    unread: dict[str, VisavisError]
    subject: str | None

    def digest(self) -> bytes:
        return self.inner.digest()

    def inputs(self) -> Mapping[str, str]:
        return self.inner.inputs()

    def work(self, engine: Engine, wanted: Wanted, guard: Guard) -> _Compared:
        policy, both = self.inner.policy, []
        pictures: dict[str, bytes] = {}
        for side, papers in zip(SIDES, (self.inner.first, self.inner.second), strict=True):
            try:
                read = engine.examine_document(wanted, papers, policy=policy)
            except (PhotoError, DocumentError) as error:
                field = "chip" if error.code.startswith("chip.") else "front"
                self.unread[f"{side}_{field}"] = error
                continue
            pictures |= {f"{side}-{name}": data for name, data in shown.of_document(read).items()}
            both.append(read)
        if self.unread:  # both were looked at, so that both can be said at once
            raise next(iter(self.unread.values()))
        first, second = both
        found = engine.crosscheck_documents(wanted, first, second, policy=policy, guard=guard)
        return _Compared(found, pictures)

    def event(self, result: _Compared, use: Use) -> Event:
        return self.inner.event(result.found, use)

    def answer(self, result: _Compared, place: LedgerPlace) -> dict[str, Any]:
        return self.inner.answer(result.found, place)

    def outcome(self, result: _Compared) -> str:
        return self.inner.outcome(result.found)


def _papers(form: Form, side: str) -> Papers:
    pages = [*form.files.get(f"{side}_front", ()), *form.files.get(f"{side}_back", ())]
    return Papers(pages, form.file(f"{side}_chip"))


def _id_of(form: Form, purpose: str, subject: str, papers: Sequence[Papers]) -> str | None:
    """The id of what comes of a form; None where the form's own is none."""
    if not ID.fullmatch(form.text("id")):
        return None
    given: list[str | bytes] = [purpose, subject]
    for side in papers:
        given += [str(len(side.pages)), *side.pages, side.chip or b""]
    return id_of(form.text("id"), given)


# Words


def _meaning(visit: Visit, found: Crosscheck) -> str:
    """What the decision says, and not more."""
    gettext = visit.gettext
    if found.decision == "match":
        return gettext("By portraits and fields the two documents are taken to belong to one person.")
    if found.decision == "no_match":
        return gettext(
            "By the rule the two documents are not taken to belong to one person. This does not prove that "
            "they belong to different people."
        )
    return gettext(
        "Nothing is said about whether the two documents belong to one person: a person should look."
    )


def told_of(words: Words, found: Crosscheck, but: str = "") -> list[Said]:
    """The reasons in words, but for one code; those that only two documents have are said here."""

    def one(reason: Reason) -> Said:
        of_all = words.reason(reason)
        text = REASONS.get(reason.code)
        if text is None:
            return of_all
        same = {row.field for row in found.fields if row.outcome == "same"}
        lacking = [name for name in NEEDED if name not in same]
        names = lacking if reason.code == "fields_missing" else differing(found.fields)
        fields = words.language.listed(words.field(name) for name in names)
        return replace(of_all, text=words.language.gettext(text, fields=fields))

    reasons = sorted(found.reasons, key=lambda each: not each.decisive)
    return list(dict.fromkeys(one(each) for each in reasons if each.code != but))


def _why(visit: Visit, why: str) -> str:
    """A row's reason in the visitor's language; one that nobody foresaw as the engine says it."""
    return visit.gettext(WHY[why]) if why in WHY else why


def _rule(visit: Visit, found: Crosscheck) -> Sequence[str]:
    """The rule that was applied, in the visitor's language where it is that of this version."""
    return [visit.gettext(each) for each in RULE] if found.rule == RULES else found.rule


# What they share, and what the second person's pages take


def address(pair: Pair) -> str:
    """Where a crosscheck is."""
    return f"{START}/{pair.id}"


def seen_of(visit: Visit, pair: Pair) -> dict[str, Any]:
    """What a page shows of a crosscheck that was done: both documents, field by field, and the faces."""
    gettext, words, found = visit.gettext, Words(visit.language), _decided(pair)[0]
    return {
        "pair": pair,
        "found": found,
        "words": words,
        "said": told_of(words, found, but="same_picture"),  # a notice of its own says it
        "rows": [(row, gettext(OUTCOMES[row.outcome]), _why(visit, row.why)) for row in found.fields],
        "wrong": differing(found.fields),
        "scale": scale_of(found.faces, visit.desk.service.engine.verifier.calibration),
        "parts_of": [
            ("first", gettext("First document"), found.first),
            ("second", gettext("Second document"), found.second),
        ],
    }


def _verdict(visit: Visit, pair: Pair, errors: Mapping[str, str], status: int = 200) -> Response:
    found = _decided(pair)[0]
    return visit.page(
        "crosscheck_verdict.html",
        title=visit.gettext("Two documents against each other"),
        status=status,
        meaning=_meaning(visit, found),
        rule=_rule(visit, found),
        most=MAX_WHY,
        errors=errors,
        **seen_of(visit, pair),
    )


def _pair(visit: Visit) -> Pair:
    user, session = visit.user.id, session_of(visit.token)
    pair = visit.desk.pairs.find(visit.given("id"), user=user, session=session)
    if pair is None or pair.found is None:
        raise Problem(404, "desk.check", "there is no such crosscheck, or it has ended")
    return pair


def _decided(pair: Pair) -> tuple[Crosscheck, Mapping[str, Any]]:
    assert pair.found is not None  # noqa: S101  # `_pair` sees to it
    assert pair.answer is not None  # noqa: S101
    return pair.found, pair.answer


async def _start(
    visit: Visit, given: Mapping[str, str], errors: Mapping[str, str], status: int = 200
) -> Response:
    purposes: Sequence[Key] = await visit.ask(visit.desk.accounts.users.purposes, visit.user.id)
    chosen = given.get("purpose") or (visit.session.key if visit.session is not None else None)
    return visit.page(
        "crosscheck_start.html",
        title=visit.gettext("Compare two documents"),
        status=status,
        purposes=purposes,
        chosen=chosen if len(purposes) != 1 else purposes[0].id,
        subject=given.get("subject", ""),
        days=visit.desk.service.config.desk_picture_days,
        id=new_id(),
        documents=visit.desk.service.engine.has_documents,
        most=MAX_SUBJECT,
        errors=errors,
    )
