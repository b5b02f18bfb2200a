"""The receipt of a check, to be printed and given away, and the signed statement as a file.

It says what was done, why, what was kept and until when, how to check it, and whom to ask. It goes on one
sheet of A4, in the language of whoever gets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from visavis.errors import AccessError
from visavis.ledger.statement import issue
from visavis.service.pages.check import address, beside, check_of
from visavis.service.pages.frame import Pages
from visavis.service.pages.words import Words
from visavis.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.responses import Response

    from visavis.decision.verdict import Verdict
    from visavis.service.pages.checks import Check
    from visavis.service.pages.frame import Visit
    from visavis.service.pages.held import Review
    from visavis.service.pages.languages import Language
    from visavis.service.pages.words import Said

PAGES = Pages()
MAY = "verifications"

KEYS = "/.well-known/jwks.json"
MEDIA_TYPE = "application/jose"
"""Of a JSON Web Signature in compact form (RFC 7515, section 9.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receipt is made of.

    Attributes:
        where: The address of what it is about; receipt and statement lie below it.
        title: What it is called.
        what: What was done, in a sentence.
        decision: What it came to.
        meaning: What that says, in a sentence.
        reasons: Why nothing was decided, in words, where nothing was.
        verdict: The faces against each other.
        key: Id of the purpose.
        purpose: What it was done for.
        subject: The operator's own reference of the person, or None.
        answer: The answer as the API gives it.
        pictures_until: Until when the pictures are kept, or None.
        review: What a second person was asked, and what they said; None where nobody was.
        check: The check, where it is one.
    """

    where: str
    title: str
    what: str
    decision: str
    meaning: str
    reasons: Sequence[str]
    verdict: Verdict
    key: str
    purpose: str
    subject: str | None
    answer: Mapping[str, Any]
    pictures_until: datetime | None = None
    review: Review | None = None
    check: Check | None = None


@PAGES.get("/check/{id}/receipt", may=MAY)
async def receipt(visit: Visit) -> Response:
    """The receipt of a check."""
    check = check_of(visit)
    found, answer = _decided(check)
    spoken = in_language(visit)
    gettext, words = visit.gettext, Words(visit.language)
    what = (
        gettext("A picture of a face was compared with the portrait on a document.")
        if check.way == "document" and not check.is_face_alone
        else gettext("A picture of a face was compared with another picture.")
    )
    made = Receipt(
        where=address(check, "")[:-1],
        title=gettext("Receipt of a check"),
        what=what,
        decision=found.decision,
        meaning=gettext("Nothing is said about whether the pictures show the same person.")
        if found.decision == "inconclusive"
        else words.meaning(found),
        reasons=[
            *why(visit.language, words.reasons(found.reasons)),
            *(remarked(visit.language, each) for each in beside(words, check)),
        ],
        verdict=found,
        key=check.key,
        purpose=check.purpose,
        subject=check.subject,
        answer=answer,
        pictures_until=check.keeping.until,
        review=check.review,
        check=check,
    )
    return await receipt_page(visit, made, spoken)


@PAGES.get("/check/{id}/statement", may=MAY)
async def statement(visit: Visit) -> Response:
    """The signed statement of the verdict."""
    _, answer = _decided(check_of(visit))
    return statement_of(visit, answer)


@PAGES.get("/check/{id}/statement/review", may=MAY)
async def review_statement(visit: Visit) -> Response:
    """The signed statement of what a second person decided."""
    return await review_statement_of(visit, check_of(visit).review)


# What the crosscheck's pages share


def in_language(visit: Visit) -> Language:
    """The language that the address asks for, in the place of the visitor's own; says which that was."""
    own = visit.language
    visit.language = visit.desk.languages.all.get(visit.query("in"), own)
    return own


async def receipt_page(visit: Visit, made: Receipt, own: Language) -> Response:
    """A receipt as a page, in the language that `in_language` chose.

    Args:
        visit: Who looks at it.
        made: What it says.
        own: The visitor's own language.
    """
    service = visit.desk.service
    at = datetime.fromisoformat(made.answer["answered_at"])
    hours = service.config.verdict_hours
    return visit.page(
        "receipt.html",
        title=made.title,
        made=made,
        words=Words(visit.language),
        at=at,
        legal_basis=await visit.ask(_legal_basis, visit, made.key),
        kept_until=at + timedelta(hours=hours) if hours else None,
        index=made.answer["ledger"]["index"],
        ledger=made.answer["ledger"]["origin"],
        file=file_name(made.answer["ledger"]["index"]),
        keys=service.config.origin + KEYS,
        operator=service.config.desk_operator,
        contact=service.config.desk_contact,
        own=own,
    )


def why(language: Language, said: Iterable[Said]) -> list[str]:
    """Why nothing was decided, of what is said of a verdict; empty where something was."""
    return [remarked(language, each) for each in said if each.decisive]


def remarked(language: Language, each: Said) -> str:
    """One thing that is said, in a line."""
    return language.gettext("%(about)s: %(remark)s", about=each.about, remark=each.text)


def statement_of(visit: Visit, answer: Mapping[str, Any]) -> Response:
    """The statement of an answer as a file."""
    return _file(visit, answer["statement"], answer["ledger"]["index"])


async def review_statement_of(visit: Visit, review: Review | None) -> Response:
    """The statement of what a second person decided as a file.

    Raises:
        Problem: 404: nobody has.
    """
    if review is None or review.index is None:
        raise Problem(404, "desk.check", "no second person has decided on this")
    signed = await visit.ask(issue, visit.desk.service.ledger, review.index)
    return _file(visit, signed, review.index)


def file_name(index: int) -> str:
    """What the file of a statement is called."""
    return f"visavis-statement-{index}.jws"


def _file(visit: Visit, signed: str, index: int) -> Response:
    from starlette.responses import Response

    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{file_name(index)}"',
    }
    return visit.finished(Response(f"{signed}\n", media_type=MEDIA_TYPE, headers=headers))


def _decided(check: Check) -> tuple[Verdict, Mapping[str, Any]]:
    if check.verdict is None or check.answer is None:
        raise Problem(404, "desk.check", "this check has no verdict yet")
    return check.verdict, check.answer


def _legal_basis(visit: Visit, key: str) -> str | None:
    """On which ground it was done; may wait for the database."""
    try:
        return visit.desk.accounts.users.keys.get(key).legal_basis
    except AccessError:  # not there any more
        return None
