"""A check, step by step: for what and about whom, what the claim rests on, the face, the verdict.

Each step has an address of its own and shows what the check is at: to go back, to load a page again or to
open it twice does no harm. A form says for which step it was made, and what was done isn't done again. Where
the service has no room or a file can't be used, the page says so, and the check stays as it was.

Scripts of ours send the same forms and ask for JSON: ``to`` says where to go on, ``text`` what went wrong.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from visavis.decision.reasons import below, explain
from visavis.documents.pdf import MAX_PAGES
from visavis.errors import VisavisError
from visavis.liveness.challenge import LIFETIME
from visavis.liveness.frames import MAX_FRAMES
from visavis.report.page import scale_of
from visavis.service.challenges import draw
from visavis.service.engine import Papers
from visavis.service.models import MAX_SUBJECT, SUBJECT
from visavis.service.pages import work
from visavis.service.pages.asking import MAX_WHY, ask_second
from visavis.service.pages.failures import told_here
from visavis.service.pages.frame import Pages
from visavis.service.pages.guidance import HINTS, MOST_BYTES, guide
from visavis.service.pages.held import session_of
from visavis.service.pages.keeping import is_asked_for
from visavis.service.pages.words import Said, Words
from visavis.service.problems import Problem
from visavis.verifier import ExaminedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from visavis.access.keys import Key
    from visavis.decision.policy import Policy
    from visavis.decision.verdict import Evidence, Reason
    from visavis.examiner import Examined
    from visavis.service.pages.checks import Check
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit
    from visavis.service.pages.guidance import Guidance
    from visavis.service.pages.held import Held
    from visavis.service.pages.keeping import Keeping
    from visavis.service.pool import Wanted

PAGES = Pages()
MAY = "verifications"

START = "/desk/check"
MAX_TIMES = 2**14
"""Characters of the times of the frames that answer a challenge."""


# For what, and about whom


@PAGES.get("/check", may=MAY)
async def start(visit: Visit) -> Response:
    """What to begin, and what was begun."""
    return await _start(visit, {}, {})


@PAGES.post("/check", may=MAY)
async def begin(visit: Visit, form: Form) -> Response:
    """Begin a check."""
    _ = visit.gettext
    purposes = await visit.ask(visit.desk.accounts.users.purposes, visit.user.id)
    subject = form.text("subject", most=4 * MAX_SUBJECT)
    given = {"purpose": form.text("purpose"), "subject": subject, "way": form.text("way") or "document"}
    errors = {}
    purpose = next((each for each in purposes if each.id == given["purpose"]), None)
    if purpose is None:
        errors["purpose"] = _("Choose what the check is for.")
    if (wrong := unfit_reference(visit, subject)) is not None:
        errors["subject"] = wrong
    if given["way"] not in ("document", "pictures"):
        errors["way"] = _("Choose what the person is compared with.")
    if errors or purpose is None:
        return await _start(visit, given, errors, 422)
    if purpose.id != (visit.session.key if visit.session is not None else None):
        await visit.ask(visit.desk.accounts.sessions.choose, visit.token, purpose.id)
    check = visit.desk.checks.begin(
        user=visit.user.id,
        session=session_of(visit.token),
        key=purpose.id,
        purpose=purpose.purpose,
        subject=subject or None,
        way="pictures" if given["way"] == "pictures" else "document",
    )
    if check is None:
        return await _start(visit, given, {"": _too_many(visit)}, 429)
    return visit.redirect(address(check, "claim"))


@PAGES.get("/check/{id}", may=MAY)
async def resume(visit: Visit) -> Response:
    """Where the check is."""
    check = check_of(visit)
    return visit.redirect(_here(check, "face"))


# What the claim rests on


@PAGES.get("/check/{id}/claim", may=MAY)
async def claim(visit: Visit) -> Response:
    """What the claim rests on: to be given, or as it was read."""
    check = check_of(visit)
    return _decided(visit, check) or _claim(visit, check)


@PAGES.post("/check/{id}/claim", may=MAY, files={"page": MAX_PAGES, "chip": 1})
async def put(visit: Visit, form: Form) -> Response:
    """A document, more of it, or a photograph."""
    check = check_of(visit)
    async with check.lock:
        if _is_stale(check, form) or check.verdict is not None:  # what it rested on stays as it was
            return _stale(visit, check, "claim")
        pages, chip = list(form.files.get("page", ())), form.file("chip")
        before = check.papers if form.is_on("add") else None
        field = "page" if before is None else "more"
        if not pages and (chip is None or before is None):
            return _claim(visit, check, {field: visit.gettext("Choose a picture.")}, 422)
        if before is not None:
            pages, chip = [*before.pages, *pages], before.chip if chip is None else chip
        try:
            if check.way == "pictures":
                await _look(visit, check, pages[0])
            else:
                papers = Papers([bytes(page) for page in pages], None if chip is None else bytes(chip))
                await _read(visit, check, papers)
        except (Problem, VisavisError) as error:
            told, status = told_here(visit, error)
            if error.code.startswith("chip."):
                field = "chip"
            return _claim(visit, check, {field if status < 429 else "": told}, status)
        check.step += 1
        return _went(visit, address(check, "claim"))


async def _read(visit: Visit, check: Check, papers: Papers) -> None:
    found = await work.read(visit, check, papers)
    visit.desk.checks.keep(check, found.pictures, papers)
    check.reference, read = found.document, found.document.document
    has_page = any(side.reading.page is not None for side in read.pages)
    check.is_face_alone = read.mrz is None and read.chip is None and not has_page


async def _look(visit: Visit, check: Check, picture: bytes) -> None:
    found = await work.look(visit, check, picture)
    visit.desk.checks.keep(check, found.pictures, None)
    check.reference = found.seen


# The face


@PAGES.get("/check/{id}/face", may=MAY)
async def face(visit: Visit) -> Response:
    """The face, from the camera or from a file."""
    check = check_of(visit)
    if (answer := _decided(visit, check)) is not None:
        return answer
    if check.reference is None:
        visit.tell(visit.gettext("First give what the person is compared with."), "note")
        return visit.redirect(address(check, "claim"))
    return _face(visit, check)


@PAGES.post("/check/{id}/face", may=MAY, files={"probe": 1})
async def judge(visit: Visit, form: Form) -> Response:
    """The verdict."""
    check = check_of(visit)
    async with check.lock:
        if _is_stale(check, form) or check.reference is None or check.verdict is not None:
            return _stale(visit, check, "face")
        probe = form.file("probe")
        if probe is None:
            return _face(visit, check, {"probe": visit.gettext("Choose a picture.")}, 422)
        try:
            found, answer = await work.judge(visit, check, bytes(probe))
        except (Problem, VisavisError) as error:
            if error.code.startswith("request.challenge"):
                check.challenge = check.active = None
            told, status = told_here(visit, error)
            return _face(visit, check, {"probe" if status < 429 else "": told}, status)
        checks = visit.desk.checks
        check.keeping = found.keeping
        checks.decide(check, found.verdict, answer)
        try:
            checks.keep(check, {**check.pictures, **found.pictures}, None)
        except Problem:  # the verdict stands; its pictures have no room
            checks.keep(check, {}, None)
        return _went(visit, address(check, "verdict"))


@PAGES.post("/check/{id}/guidance", may=MAY, files={"frame": 1}, most=MOST_BYTES)
async def guidance(visit: Visit, form: Form) -> Response:
    """What to do before the camera; no call of the purpose, for nothing is decided or recorded."""
    check = check_of(visit)
    visit.request.state.often = True
    frame, service = form.file("frame"), visit.desk.service
    if frame is None:
        raise Problem(422, "request.fields", "frame is missing")
    picture, policy, last = bytes(frame), service.config.policy, check.last

    def look(wanted: Wanted) -> Guidance:
        return guide(service.engine, wanted, picture, policy, last)

    with service.pool.place("guidance") as place:
        found = await place.work(look, patience_s=service.config.answer_s)
    check.last = found.last
    text = visit.gettext(HINTS[found.hint])
    return visit.json({"hint": found.hint, "text": text, "good": found.is_good})


@PAGES.post("/check/{id}/challenge", may=MAY)
async def challenge(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Draw what the person is asked to do before the camera."""
    check, service = check_of(visit), visit.desk.service
    _asks_liveness(service.config.policy)
    users = visit.desk.accounts.users
    grant = visit.request.state.grant = await visit.ask(users.grant, visit.user, check.key, "challenges")
    drawn = await visit.ask(draw, service, grant, check.subject)
    words = Words(visit.language)
    steps = [{**step, "words": words.action(step["action"])} for step in drawn["steps"]]
    return visit.json({**drawn, "steps": steps, "lifetime_s": LIFETIME.total_seconds()})


@PAGES.post("/check/{id}/answer", may=MAY, files={"frame": MAX_FRAMES})
async def answer(visit: Visit, form: Form) -> Response:
    """What the person did."""
    check = check_of(visit)
    _asks_liveness(visit.desk.service.config.policy)
    frames, times = form.files.get("frame", ()), _times(form.text("times", most=MAX_TIMES))
    drawn = form.text("challenge", most=100)
    async with check.lock:
        if check.verdict is not None:
            return _stale(visit, check, "face")
        if check.active is not None and check.challenge == drawn:  # it came twice
            return visit.json({"done": True, "text": ""})
        active = await work.answered(visit, check, drawn, frames, times)
        check.challenge, check.active = drawn, active
    is_done = active.outcome != "not assessed"
    if not is_done:
        check.challenge = check.active = None
    return visit.json({"done": is_done, "text": "" if is_done else _unanswered(visit, active.problem)})


# The verdict


@PAGES.get("/check/{id}/verdict", may=MAY)
async def verdict(visit: Visit) -> Response:
    """What it came to, and what to do next."""
    check = check_of(visit)
    if check.verdict is None:
        visit.tell(visit.gettext("This check has no verdict yet."), "note")
        return visit.redirect(_here(check, "face"))
    return _verdict(visit, check, {})


@PAGES.post("/check/{id}/review", may=MAY)
async def ask(visit: Visit, form: Form) -> Response:
    """Ask a second person."""
    _, check = visit.gettext, check_of(visit)
    async with check.lock:
        if _is_stale(check, form) or check.verdict is None or check.review is not None:
            return _stale(visit, check, "verdict")
        if check.verdict.decision != "inconclusive":
            return _stale(visit, check, "verdict")
        gone = _("The pictures are gone. Check again, and ask then.")
        wrong = await ask_second(visit, form, visit.desk.checks, check, gone=gone)
        if wrong is not None:
            return _verdict(visit, check, *wrong)
    return visit.redirect(address(check, "verdict"))


@PAGES.post("/check/{id}/again", may=MAY)
async def again(visit: Visit, form: Form) -> Response:
    """Another check of the same person, who is compared with the same."""
    check = check_of(visit)
    async with check.lock:
        if _is_stale(check, form) or check.verdict is None:
            return _stale(visit, check, "verdict")
        new = visit.desk.checks.again(check)
        if new is None:
            return _verdict(visit, check, {"": _too_many(visit)}, 429)
        if check.review is None:
            visit.desk.checks.end(check)
    return visit.redirect(_here(new, "face"))


@PAGES.post("/check/{id}/end", may=MAY)
async def end(visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """End a check; its pictures are gone at once."""
    check = check_of(visit)
    async with check.lock:  # a verdict that is being made says whether its pictures are kept
        visit.desk.checks.end(check)
    _ = visit.gettext
    tell_end(
        visit,
        check.keeping,
        gone=_("The check has ended, and its pictures are gone."),
        kept=_("The check has ended. Its pictures are kept, encrypted, until %(time)s at the latest."),
    )
    return visit.redirect(START)


@PAGES.get("/check/{id}/picture/{name}", may=MAY)
async def picture(visit: Visit) -> Response:
    """A picture of a check, for whoever does it."""
    return picture_of(visit, check_of(visit), visit.given("name"))


# What other pages of checks share


def check_of(visit: Visit) -> Check:
    """The check that the path names.

    Raises:
        Problem: 404: it isn't there any more, or isn't theirs.
    """
    user, session = visit.user.id, session_of(visit.token)
    check = visit.desk.checks.find(visit.given("id"), user=user, session=session)
    if check is None:
        raise Problem(404, "desk.check", "there is no such check, or it has ended")
    return check


def tell_end(visit: Visit, keeping: Keeping, *, gone: str, kept: str) -> None:
    """Have it said that a check or a crosscheck has ended, and what became of its pictures.

    Args:
        visit: Whose it was.
        keeping: What became of them.
        gone: What is said where they are kept nowhere.
        kept: What is said where they are; ``%(time)s`` in it is until when.
    """
    visit.tell(gone if keeping.until is None else kept % {"time": visit.language.time(keeping.until)})


def picture_of(visit: Visit, one: Held, name: str) -> Response:
    """A picture of a check or a crosscheck; it is kept nowhere on its way.

    Raises:
        Problem: 404: there is none of this name, or not any more.
    """
    from starlette.responses import Response

    data = one.pictures.get(name)
    if data is None:
        raise Problem(404, "desk.check", "there is no such picture, or it is gone")
    headers = {"Cache-Control": "no-store", "Content-Disposition": "inline"}
    return visit.finished(Response(data, media_type="image/jpeg", headers=headers))


def unfit_reference(visit: Visit, subject: str) -> str | None:
    """What is wrong with a reference of the person; it may be left out where no pictures are kept."""
    _ = visit.gettext
    if not subject:
        is_needed = is_asked_for(visit.desk.service.config)
        told = _("Enter a reference: without it nobody could find the pictures for the person.")
        return told if is_needed else None
    if len(subject) <= MAX_SUBJECT and re.fullmatch(SUBJECT, subject):
        return None
    most = visit.language.number(MAX_SUBJECT)
    return _("A reference has up to %(most)s characters, in one line.", most=most)


def address(check: Check, step: str) -> str:
    """Where a step of a check is."""
    return f"{START}/{check.id}/{step}"


# Pages


async def _start(
    visit: Visit, given: Mapping[str, str], errors: Mapping[str, str], status: int = 200
) -> Response:
    purposes: Sequence[Key] = await visit.ask(visit.desk.accounts.users.purposes, visit.user.id)
    chosen = given.get("purpose") or (visit.session.key if visit.session is not None else None)
    mine = visit.desk.checks.mine(user=visit.user.id, session=session_of(visit.token))
    return visit.page(
        "check_start.html",
        title=visit.gettext("New check"),
        status=status,
        purposes=purposes,
        chosen=chosen if len(purposes) != 1 else purposes[0].id,
        subject=given.get("subject", ""),
        days=visit.desk.service.config.desk_picture_days,
        way=given.get("way", "document"),
        most=MAX_SUBJECT,
        mine=mine,
        errors=errors,
    )


def _claim(
    visit: Visit, check: Check, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    _ = visit.gettext
    if errors and _wants_json(visit):
        return _stumbled(visit, errors, status)
    titles = {
        ("document", False): _("The document"),
        ("document", True): _("What the document says"),
        ("pictures", False): _("The reference picture"),
        ("pictures", True): _("The reference picture"),
    }
    words = Words(visit.language)
    return visit.page(
        "check_claim.html",
        title=titles[check.way, check.reference is not None],
        status=status,
        check=check,
        words=words,
        said=words.reasons(_problems(check, visit.desk.service.config.policy), _seen(check))
        + beside(words, check),
        documents=visit.desk.service.engine.has_documents,
        errors=errors or {},
    )


def _face(visit: Visit, check: Check, errors: Mapping[str, str] | None = None, status: int = 200) -> Response:
    if errors and _wants_json(visit):
        return _stumbled(visit, errors, status)
    return visit.page(
        "check_face.html",
        title=visit.gettext("The face"),
        status=status,
        check=check,
        words=Words(visit.language),
        liveness=visit.desk.service.config.policy.liveness,
        errors=errors or {},
    )


def _verdict(visit: Visit, check: Check, errors: Mapping[str, str], status: int = 200) -> Response:
    assert check.verdict is not None  # noqa: S101  # the pages see to it
    engine, words = visit.desk.service.engine, Words(visit.language)
    return visit.page(
        "check_verdict.html",
        title=visit.gettext("The verdict"),
        status=status,
        check=check,
        verdict=check.verdict,
        words=words,
        said=words.reasons(_remarks(check), _seen(check)) + beside(words, check),
        scale=scale_of(check.verdict, engine.verifier.calibration),
        has_receipt=_has("/check/{id}/receipt"),
        has_statement=_has("/check/{id}/statement"),
        most=MAX_WHY,
        errors=errors,
    )


def beside(words: Words, check: Check) -> list[Said]:
    """What the rule doesn't know, and a person should: it decides nothing."""
    _, found, said = words.language.gettext, check.verdict, []
    if check.is_face_alone:
        told = _("Only a face was found here, and neither the outline of a document nor lines of letters.")
        said.append(Said(_("Document"), told, decisive=False))
    if found is not None and found.reference.sha256 == found.probe.sha256:
        told = _("Both are the same picture. That it is like itself proves nothing.")
        said.append(Said(_("The pictures"), told, decisive=False))
    return said


def _problems(check: Check, policy: Policy) -> list[Reason]:
    """What there is to say of what the claim rests on, before anything is compared with it."""
    reference = check.reference
    if reference is None:
        return []
    if not isinstance(reference, ExaminedDocument):
        return [*_of_photo("reference", reference, policy)]
    problems = [*reference.document.problems]
    if reference.choice.portrait is not None:
        problems += _of_photo("document", reference.reference, policy)
    return problems


def _of_photo(about: str, seen: Examined, policy: Policy) -> list[Reason]:
    return [*explain(about, seen.evidence, seen.problem, policy), *below(about, seen.evidence.quality)]


def _remarks(check: Check) -> list[Reason]:
    """What there is to say of a verdict."""
    found = check.verdict
    if found is None:
        return []
    return [*found.reasons, *(found.document.problems if found.document is not None else ())]


def _seen(check: Check) -> dict[str, Evidence]:
    """By what reasons are about: what was found on that picture."""
    if check.verdict is not None:
        return {"reference": check.verdict.reference, "probe": check.verdict.probe}
    if isinstance(check.reference, ExaminedDocument):
        return {"document": check.reference.reference.evidence}
    return {} if check.reference is None else {"reference": check.reference.evidence}


def _has(path: str) -> bool:
    """Whether there is a page of this path."""
    from visavis.service.pages import desk

    return any(("GET", path) in pages.acts for pages in desk.PAGES)


# Order


def _is_stale(check: Check, form: Form) -> bool:
    """Whether a form was made for a step that is done."""
    return form.text("step") != str(check.step)


def tell_stale(visit: Visit) -> None:
    """Have it said that a step was done before."""
    visit.tell(
        visit.gettext(
            "This step was done before, perhaps by a second click or in another window. Nothing was "
            "done twice. The check goes on here."
        ),
        "note",
    )


def _stale(visit: Visit, check: Check, page: str) -> Response:
    tell_stale(visit)
    return _went(visit, _here(check, page))


def _decided(visit: Visit, check: Check) -> Response | None:
    """Away from a page whose step can't be done again."""
    if check.verdict is None:
        return None
    visit.tell(visit.gettext("This check has its verdict. To change anything, check again."), "note")
    return visit.redirect(address(check, "verdict"))


def _here(check: Check, page: str) -> str:
    """The address of a page of a check, or of the one that comes before or after."""
    if check.verdict is not None:
        return address(check, "verdict")
    return address(check, "claim" if check.reference is None or page == "claim" else "face")


def _went(visit: Visit, to: str) -> Response:
    return visit.json({"to": to}) if _wants_json(visit) else visit.redirect(to)


def _wants_json(visit: Visit) -> bool:
    return visit.request.headers.get("accept", "").partition(",")[0].strip() == "application/json"


# What goes wrong


def _stumbled(visit: Visit, errors: Mapping[str, str], status: int) -> Response:
    return visit.json({"text": " ".join(errors.values()), "next": "", "again": status in (429, 503)}, status)


def _too_many(visit: Visit) -> str:
    return visit.gettext("You have too many open checks. End one of them first.")


def _unanswered(visit: Visit, problem: str | None) -> str:
    """Why the answer to a challenge couldn't be looked at, with what to do."""
    _ = visit.gettext
    if problem in ("frames_missing", "too_few_frames", "impossible_times", "clock_backwards"):
        return _("The camera was too slow, or the page was hidden. Close other programs, and begin again.")
    if problem in ("face_missing", "no_face"):
        return _("The face left the picture. Stay before the camera until the end, and begin again.")
    return _("What the camera saw could not be judged. Sit in even light, and begin again.")


def _asks_liveness(policy: Policy) -> None:
    if policy.liveness == "off":
        raise Problem(409, "desk.liveness", "the policy of this desk doesn't ask for liveness")


def _times(text: str) -> list[float]:
    """Milliseconds, as a list of JSON.

    Raises:
        Problem: 422 `request.fields`.
    """
    try:
        found: Any = json.loads(text)
        times = [float(each) for each in found]
    except (ValueError, TypeError, RecursionError):
        raise Problem(422, "request.fields", "times are numbers") from None
    if not all(-1e9 <= each <= 1e9 for each in times):
        raise Problem(422, "request.fields", "times are out of range")
    return times
