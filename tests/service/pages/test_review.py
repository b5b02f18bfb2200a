"""The second person: the queue, the decision and its entry, nobody's own, two at once, and who sees what."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.service.conftest import PURPOSE

from visavis.access.subjects import WHAT
from visavis.errors import StorageError
from visavis.ledger.entry import Entry
from visavis.service.pages.held import RESULT_S, WAITING_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.service.pages.conftest import Browser

    from visavis.access.users import Role
    from visavis.service.pages.checks import Check, Checks

WHY = "Is this <b>one</b> person?"
NOTE = "Ears and chin are the same <script>alert('1')</script>"
SUBJECT = 'case <i>4711</i> "&'


@dataclass(frozen=True)
class Case:
    """A check that waits, and who asked."""

    id: str
    clerk: Browser

    @property
    def check(self) -> Check:
        found = [each for each in checks_of(self.clerk)._all.values() if each.id == self.id]
        return found[0]


def checks_of(desk: Browser) -> Checks:
    found: Checks = desk.http.app.state.desk.checks  # type: ignore[attr-defined]
    return found


def step_of(page: str) -> str:
    found = re.search(r'name="step" value="(\d+)"', page)
    assert found is not None, page
    return found[1]


def send(desk: Browser, path: str, page: str, data: Mapping[str, str], files: Any = None) -> Any:
    shown = desk.get(page)
    assert shown.status_code == 200, shown.text
    return desk.post(path, {"step": step_of(shown.text), **data}, page=page, files=files)


def undecided(desk: Browser, small: Mapping[str, bytes], faceless: bytes, **given: str) -> str:
    """The id of a check of whoever is signed in, of which nothing could be decided."""
    start = desk.get("/desk/check").text
    [purpose] = re.findall(r'name="purpose" value="([^"]+)"', start)
    asked = {"purpose": purpose, "way": "pictures", "subject": SUBJECT, **given}
    address = desk.post("/desk/check", asked, page="/desk/check").headers["location"]
    where = address.removesuffix("/claim")
    assert send(desk, address, address, {}, {"page": small["obama"]}).status_code == 303
    answer = send(desk, f"{where}/face", f"{where}/face", {}, {"probe": faceless})
    assert answer.headers["location"] == f"{where}/verdict"
    return str(where.rpartition("/")[2])


def ask(desk: Browser, id_: str, why: str = WHY) -> None:
    where = f"/desk/check/{id_}"
    answer = send(desk, f"{where}/review", f"{where}/verdict", {"why": why})
    assert answer.status_code == 303, answer.text


def decide(desk: Browser, id_: str, decision: str = "match", note: str = NOTE) -> Any:
    path = f"/desk/review/{id_}"
    return send(desk, path, path, {"decision": decision, "note": note})


def reviews(desk: Browser) -> list[tuple[int, Entry]]:
    """The reviews that the ledger holds."""
    ledger = desk.service.ledger
    entries = ((index, Entry.parse(ledger.leaf(index))) for index in range(ledger.state().size))
    return [(index, entry) for index, entry in entries if entry.kind == "review"]


@pytest.fixture
def case(desk: Browser, small: Mapping[str, bytes], faceless: bytes) -> Case:
    clerk = desk.another()
    clerk.sign_in("clerk")
    id_ = undecided(clerk, small, faceless)
    ask(clerk, id_)
    return Case(id_, clerk)


def test_from_the_queue_to_the_clerk(desk: Browser, case: Case) -> None:
    reviewer = desk.sign_in("reviewer")
    queue = desk.get("/desk/review").text
    assert f'href="/desk/review/{case.id}"' in queue
    assert "opening accounts" in queue
    assert "case &lt;i&gt;4711&lt;/i&gt; &#34;&amp;" in queue
    assert "Is this &lt;b&gt;one&lt;/b&gt; person?" in queue
    assert "No face was found" in queue
    assert "<img" not in queue

    page = desk.get(f"/desk/review/{case.id}").text
    pictures = re.findall(rf'src="(/desk/review/{case.id}/picture/[a-z]+)"', page)
    assert {each.rpartition("/")[2] for each in pictures} == {"reference", "probe"}
    for each in pictures:
        answer = desk.get(each)
        assert answer.content[:3] == b"\xff\xd8\xff"
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/jpeg", "no-store")

    answer = decide(desk, case.id)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/review")
    [(index, entry)] = reviews(desk)
    verdict = case.check.verdict
    assert verdict is not None
    assert verdict.ledger is not None
    of_verdict = Entry.parse(desk.service.ledger.leaf(verdict.ledger.index))
    assert (of_verdict.kind, of_verdict.decision) == ("verdict", "inconclusive")
    assert entry.decision == "match"
    assert entry.details == {"entry": verdict.ledger.index, "user": reviewer.id}
    assert (entry.purpose, entry.key, entry.subject) == (
        of_verdict.purpose,
        of_verdict.key,
        of_verdict.subject,
    )
    assert list(entry.inputs) == ["note"]
    assert b"Ears" not in desk.service.ledger.leaf(index)
    assert "review" in WHAT

    queue = desk.get("/desk/review").text
    assert "Nothing waits" in queue
    assert f"entry {index} of the ledger" in queue
    seen = case.clerk.get(f"/desk/check/{case.id}/verdict").text
    asked = case.clerk.get("/desk/asked").text
    for text in (seen, asked):
        assert "Ears and chin are the same &lt;script&gt;" in text
        assert "<script>alert" not in text


def test_the_statement_of_a_review_opens_its_note(desk: Browser, case: Case) -> None:
    from visavis.ledger.statement import issue, published, read_keys, verify

    desk.sign_in("reviewer")
    decide(desk, case.id)
    [(index, _)] = reviews(desk)
    ledger = desk.service.ledger
    statement = verify(issue(ledger, index), read_keys(json.dumps(published(ledger)).encode()))
    assert statement.is_about("note", NOTE.encode()) is True
    assert statement.is_about("note", b"another note") is False


@pytest.mark.parametrize("state", ["decided", "waiting", "reviewed"])
def test_what_a_verdict_rests_on_is_not_exchanged(
    desk: Browser, small: Mapping[str, bytes], faceless: bytes, state: str
) -> None:
    clerk = desk.another()
    clerk.sign_in("clerk")
    id_ = undecided(clerk, small, faceless)
    check = Case(id_, clerk).check
    if state != "decided":
        ask(clerk, id_)
    if state == "reviewed":
        desk.sign_in("reviewer")
        decide(desk, id_)
    assert check.state == state
    shown, claim = dict(check.pictures), f"/desk/check/{id_}/claim"
    given = {"step": str(check.step)}
    answer = clerk.post(claim, given, page="/desk/check", files={"page": small["biden"]})
    assert answer.status_code == 303
    assert check.pictures == shown
    assert "done before" in clerk.get(answer.headers["location"]).text


def test_erasing_a_person_ends_what_is_under_way_about_them(
    desk: Browser, small: Mapping[str, bytes], faceless: bytes
) -> None:
    """A check that waits, and one that has only begun; that of somebody else goes on."""
    clerk = desk.another()
    clerk.sign_in("clerk")
    ask(clerk, undecided(clerk, small, faceless, subject="case 1"))
    undecided(clerk, small, faceless, subject="case 1")
    other = undecided(clerk, small, faceless, subject="case 2")
    desk.sign_in("administrator")
    given = {"reference": "case 1", "purpose": "asked for", "really": "on", "sure": "on"}
    assert desk.post("/desk/admin/erasure", given, page="/desk/admin/erasure").status_code == 303
    assert "2 checks that were under way have ended." in desk.get("/desk/admin/retention").text
    assert [each.id for each in checks_of(desk)._all.values()] == [other]
    assert desk.service.memory.held == Case(other, clerk).check.held


@pytest.mark.parametrize("decision", ["no_match", "inconclusive"])
def test_other_decisions(desk: Browser, case: Case, decision: str) -> None:
    desk.sign_in("reviewer")
    decide(desk, case.id, decision)
    [(_, entry)] = reviews(desk)
    assert entry.decision == decision
    said = {"no_match": "Not the same person", "inconclusive": "The person should come again"}[decision]
    next_ = {"no_match": "Go on with what", "inconclusive": "Ask the person to come again"}[decision]
    assert said in case.clerk.get("/desk/asked").text
    seen = case.clerk.get(f"/desk/check/{case.id}/verdict").text
    assert said in seen
    assert next_ in seen


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"note": NOTE}, "decision"),
        ({"decision": "", "note": NOTE}, "decision"),
        ({"decision": "maybe", "note": NOTE}, "decision"),
        ({"decision": "match"}, "note"),
        ({"decision": "match", "note": " \r\n\t "}, "note"),
        ({"decision": "match", "note": "a" * 501}, "note"),
    ],
)
def test_what_cant_be_decided_so(desk: Browser, case: Case, given: Mapping[str, str], field: str) -> None:
    desk.sign_in("reviewer")
    path = f"/desk/review/{case.id}"
    answer = send(desk, path, path, given)
    assert answer.status_code == 422
    assert f'id="{field}-mistake"' in answer.text
    assert f'href="#{field}"' in answer.text
    assert "<title>Error" in answer.text
    if given.get("note", "").startswith("Ears"):
        assert "Ears and chin are the same &lt;script&gt;" in answer.text
    assert reviews(desk) == []
    assert case.check.state == "waiting"


# Nobody's own


def test_nobody_decides_on_their_own(desk: Browser, small: Mapping[str, bytes], faceless: bytes) -> None:
    desk.sign_in("clerk", "reviewer")
    id_ = undecided(desk, small, faceless)
    token = desk.token("/desk/account")
    ask(desk, id_)
    queue = desk.get("/desk/review").text
    assert "Your own check" in queue
    assert f"/desk/review/{id_}" not in queue
    assert desk.get(f"/desk/review/{id_}").status_code == 404
    assert desk.get(f"/desk/review/{id_}/picture/probe").status_code == 404
    data = {"csrf": token, "step": "3", "decision": "match", "note": NOTE}
    answer = desk.http.post(f"/desk/review/{id_}", data=data)
    assert answer.headers["location"] == "/desk/review"
    another = desk.another()  # signed in elsewhere, they are still the same
    another.sign_in("clerk", "reviewer")
    assert another.get(f"/desk/review/{id_}").status_code == 404
    assert reviews(desk) == []
    assert "waits no more" in desk.get("/desk/review").text


# Whose purposes


def test_a_second_person_sees_only_what_is_for_a_purpose_of_theirs(desk: Browser, case: Case) -> None:
    stranger = desk.another()
    reviewer = desk.user("reviewer", name="stranger", purpose="paying benefits")
    stranger.sign_in("reviewer", name="stranger")
    queue = stranger.get("/desk/review").text
    assert "Nothing waits at the moment." in queue
    assert "purposes that you were given: paying benefits." in queue
    assert case.id not in queue
    assert "4711" not in queue
    path, page = f"/desk/review/{case.id}", "/desk/account"
    for each in (path, f"{path}/picture/probe", f"{path}/picture/reference"):
        assert stranger.get(each).status_code == 404
    data = {"step": str(case.check.step), "decision": "match", "note": NOTE}
    assert stranger.post(path, data, page=page).headers["location"] == "/desk/review"
    assert reviews(desk) == []

    given = desk.accounts.users.give_purpose(reviewer.id, purpose=PURPOSE, legal_basis="consent")
    assert case.id in stranger.get("/desk/review").text
    assert stranger.get(path).status_code == 200
    desk.accounts.users.take_purpose(reviewer.id, given.id)  # also from whoever has the page open
    assert stranger.post(path, data, page=page).headers["location"] == "/desk/review"
    assert stranger.get(f"{path}/picture/probe").status_code == 404
    assert reviews(desk) == []
    assert case.check.state == "waiting"


def test_who_has_no_purpose_is_told_why_the_queue_is_empty(desk: Browser, case: Case) -> None:
    desk.user("reviewer", purpose=None)
    desk.sign_in("reviewer")
    queue = desk.get("/desk/review").text
    assert "You have no purpose to decide for" in queue
    assert case.id not in queue


def test_who_asks_is_told_where_nobody_may_decide(
    desk: Browser, small: Mapping[str, bytes], faceless: bytes
) -> None:
    clerk = desk.another()
    clerk.sign_in("clerk", "reviewer")  # nobody decides on their own
    desk.user("reviewer", name="for-something-else", purpose="paying benefits")
    desk.user("auditor")
    invited = desk.accounts.users.add("never-came", ["reviewer"])
    desk.accounts.users.give_purpose(invited.id, purpose=PURPOSE, legal_basis="consent")
    told = "nobody else at this desk may decide for the purpose “opening accounts”"
    for is_there in (False, True):
        if is_there:
            desk.user("reviewer")
        id_ = undecided(clerk, small, faceless)
        ask(clerk, id_)
        page = clerk.get(f"/desk/check/{id_}/verdict").text
        assert (told in page, "A second person is asked" in page) == (not is_there, is_there)


ROUTES = (
    ("GET", "/desk/review", "reviewer"),
    ("GET", "/desk/review/{id}", "reviewer"),
    ("GET", "/desk/review/{id}/picture/probe", "reviewer"),
    ("POST", "/desk/review/{id}", "reviewer"),
    ("GET", "/desk/asked", "clerk"),
    ("GET", "/desk/asked/{id}", "clerk"),
)


def test_roles(desk: Browser, case: Case) -> None:
    roles: tuple[Role, ...] = ("clerk", "reviewer", "auditor", "administrator")
    for role in roles:
        browser = desk.another()
        browser.sign_in(role, name=f"another-{role}")
        for method, route, needed in ROUTES:
            path = route.format(id=case.id)
            if method == "POST" and role == needed:
                continue  # other tests do
            data = {"csrf": browser.token("/desk/account"), "decision": "match", "note": NOTE, "step": "3"}
            answer = browser.http.request(method, path, data=data if method == "POST" else None)
            assert (answer.status_code == 403) == (role != needed), (role, method, path)
    nobody = desk.another()
    for method, path, _ in ROUTES:
        answer = nobody.http.request(method, path.format(id=case.id))
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/desk/sign-in")
    assert reviews(desk) == []


def test_only_what_waits_is_shown(desk: Browser, small: Mapping[str, bytes], faceless: bytes) -> None:
    clerk = desk.another()
    clerk.sign_in("clerk")
    id_ = undecided(clerk, small, faceless)
    desk.sign_in("reviewer")
    for path in (f"/desk/review/{id_}", f"/desk/review/{id_}/picture/probe", "/desk/review/nothing"):
        assert desk.get(path).status_code == 404
    ask(clerk, id_)
    assert desk.get(f"/desk/review/{id_}/picture/nothing").status_code == 404
    assert desk.get(f"/desk/review/{id_}/picture/probe").status_code == 200
    assert desk.get(f"/desk/check/{id_}/picture/probe").status_code == 403  # that is the clerk's
    decide(desk, id_)
    for path in (f"/desk/review/{id_}", f"/desk/review/{id_}/picture/probe"):
        assert desk.get(path).status_code == 404


# Several at once


def test_the_second_of_two_is_told(desk: Browser, case: Case) -> None:
    desk.sign_in("reviewer")
    other = desk.another()
    other.sign_in("reviewer", name="other")
    page = other.get(f"/desk/review/{case.id}").text
    decide(desk, case.id)
    data = {"step": step_of(page), "decision": "no_match", "note": "No."}
    answer = other.post(f"/desk/review/{case.id}", data, page="/desk/account")
    assert answer.headers["location"] == "/desk/review"
    assert "somebody else decided" in other.get("/desk/review").text
    [(_, entry)] = reviews(desk)
    assert entry.decision == "match"
    assert case.check.review is not None
    assert case.check.review.decision == "match"


def test_two_at_the_same_moment(desk: Browser, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [desk, desk.another()]
    both[1].http.portal = desk.http.portal  # one event loop, as a service has it
    both[0].sign_in("reviewer")
    both[1].sign_in("reviewer", name="other")
    forms = []
    for browser in both:
        page = browser.get(f"/desk/review/{case.id}").text
        forms.append({"step": step_of(page), "csrf": browser.token("/desk/account")})
    append, met = desk.service.ledger.append, threading.Event()

    def slow(event: Any) -> Any:
        if event.kind == "review":
            met.wait(0.3)  # until the other one has come, or would have
        return append(event)

    monkeypatch.setattr(desk.service.ledger, "append", slow)
    answers: list[Any] = []

    def post(browser: Browser, form: Mapping[str, str], decision: str) -> None:
        data = {**form, "decision": decision, "note": NOTE}
        answers.append(browser.http.post(f"/desk/review/{case.id}", data=data))

    threads = [
        threading.Thread(target=post, args=(browser, form, decision))
        for browser, form, decision in zip(both, forms, ("match", "no_match"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.headers["location"] for each in answers] == ["/desk/review"] * 2
    [(_, entry)] = reviews(desk)
    assert case.check.review is not None
    assert case.check.review.decision == entry.decision


def test_a_step_that_is_old_decides_nothing(desk: Browser, case: Case) -> None:
    desk.sign_in("reviewer")
    for step in ("", "0", "x", "99"):
        data = {"step": step, "decision": "match", "note": NOTE}
        answer = desk.post(f"/desk/review/{case.id}", data, page="/desk/account")
        assert answer.headers["location"] == "/desk/review"
    assert reviews(desk) == []


def test_without_the_ledger_nothing_is_decided(
    desk: Browser, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sign_in("reviewer")
    path = f"/desk/review/{case.id}"
    data = {"step": step_of(desk.get(path).text), "decision": "match", "note": NOTE}

    def gone(_event: object) -> None:
        raise StorageError("storage.unavailable", "it is gone")

    with monkeypatch.context() as broken:
        broken.setattr(desk.service.ledger, "append", gone)
        assert desk.post(path, data, page=path).status_code == 503
    assert case.check.state == "waiting"
    assert decide(desk, case.id).status_code == 303


# The clerk


def test_the_answer_is_there_after_signing_in_again(desk: Browser, case: Case) -> None:
    case.clerk.post("/desk/sign-out", page="/desk/account")
    desk.sign_in("reviewer")
    decide(desk, case.id)
    again = desk.another()
    again.sign_in("clerk")
    assert again.get(f"/desk/check/{case.id}/verdict").status_code == 404
    assert f'href="/desk/asked/{case.id}"' in again.get("/desk/asked").text
    other = desk.another()
    other.sign_in("clerk", name="other")
    assert case.id not in other.get("/desk/asked").text
    assert other.get(f"/desk/asked/{case.id}").status_code == 404
    answer = again.get(f"/desk/asked/{case.id}")
    assert answer.headers["location"] == f"/desk/check/{case.id}/verdict"
    assert again.get(answer.headers["location"]).status_code == 200
    again.post(
        "/desk/sign-out", page="/desk/account"
    )  # what was read of the pictures goes, what was said stays
    assert case.check.pictures == {}
    assert case.check.review is not None


def test_a_check_that_nobody_was_asked_about_isnt_resumed(
    desk: Browser, small: Mapping[str, bytes], faceless: bytes
) -> None:
    desk.sign_in("clerk")
    id_ = undecided(desk, small, faceless)
    assert desk.get(f"/desk/asked/{id_}").status_code == 404
    assert "You asked nobody" in desk.get("/desk/asked").text


def test_it_waits_a_day_however_often_somebody_looks(desk: Browser, case: Case) -> None:
    checks = checks_of(desk)
    began = case.check.decided
    held = desk.service.memory.held
    checks._clock = lambda: began + WAITING_S - 1
    assert checks.waiting_for(case.id, user="somebody", purposes=[PURPOSE]) is not None
    assert case.check.pictures
    checks._clock = lambda: began + WAITING_S + 1
    assert checks.waiting_for(case.id, user="somebody", purposes=[PURPOSE]) is None
    assert desk.service.memory.held < held
    assert len(checks) == 0


def test_after_the_decision_the_pictures_go_and_what_was_said_stays(desk: Browser, case: Case) -> None:
    desk.sign_in("reviewer")
    decide(desk, case.id)
    checks, check = checks_of(desk), case.check
    at = check.decided
    checks._clock = lambda: at + RESULT_S + 1
    assert case.clerk.get(f"/desk/check/{case.id}/picture/probe").status_code == 404
    assert "The same person" in case.clerk.get("/desk/asked").text
    checks._clock = lambda: at + WAITING_S + 1
    assert "You asked nobody" in case.clerk.get("/desk/asked").text


def test_nothing_of_it_is_on_disk(desk: Browser, case: Case, tmp_path: Path) -> None:
    desk.sign_in("reviewer")
    pictures = list(case.check.pictures.values())
    assert len(pictures) >= 2
    decide(desk, case.id)
    never = [*(each[200:264] for each in pictures), WHY.encode(), NOTE.encode(), SUBJECT.encode()]
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert any(b"review" in content for content in files)  # the ledger is there
    assert not [text for text in never if any(text in content for content in files)]


def test_a_user_who_isnt_there_any_more_is_told_by_their_id(desk: Browser, case: Case) -> None:
    case.check.user = "gone<b>"
    desk.sign_in("reviewer")
    assert "gone&lt;b&gt;" in desk.get("/desk/review").text


def test_a_digest_of_the_note_is_no_plain_digest(desk: Browser, case: Case) -> None:
    """Whoever has the ledger can't try notes out: the digest is salted, and keyed."""
    desk.sign_in("reviewer")
    decide(desk, case.id)
    [(_, entry)] = reviews(desk)
    assert entry.inputs["note"].digest != hashlib.sha256(NOTE.encode()).hexdigest()
