"""Two documents at the desk: the form, the verdict with its table, receipt and statement, whose it is."""

from __future__ import annotations

import ast
import inspect
import json
import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.documents.specimens import Specimens, make
from tests.service.pages.test_receipt import text_of

from visavis.decision.verdict import DocumentPart, LedgerPlace
from visavis.documents import crosscheck as library
from visavis.documents.mrz import compare as comparing
from visavis.documents.mrz.compare import Row
from visavis.ledger.entry import Entry
from visavis.ledger.statement import read_keys, verify
from visavis.service.intake import Memory
from visavis.service.pages import crosscheck as pages
from visavis.service.pages.held import IDLE_S, RESULT_S, WAITING_S
from visavis.service.pages.pairs import MOST_OF_ONE, Pairs, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.service.pages.conftest import Browser

    from visavis.access.users import Role
    from visavis.decision.verdict import Verdict
    from visavis.documents.crosscheck import Crosscheck
    from visavis.verifier import Verifier

START = "/desk/crosscheck"
JPEG = b"\xff\xd8\xff"
ALL_SAME = {"surname": "MUSTER", "given_names": "ERIKA", "date_of_birth": "1974-08-12", "sex": "F"}


@pytest.fixture(scope="module")
def specimens(
    tmp_path_factory: pytest.TempPathFactory, sface: Verifier, portraits: Mapping[str, bytes]
) -> Specimens:
    return make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])


@pytest.fixture(scope="module")
def faces(sface: Verifier, small: Mapping[str, bytes]) -> Verdict:
    return sface.verify(small["obama"], small["obama2"])


def compared(faces: Verdict, *rows: Row, same_picture: str | None = None) -> Crosscheck:
    """What the rule makes of faces and fields."""
    part = DocumentPart("printed", "the only one")
    found = library.crosscheck(faces, rows, part, part, same_picture=same_picture)
    return replace(found, ledger=LedgerPlace("here", 7))


NONE, EMPTY, NO_ZIP = "not a picture that can be read", "This file is empty.", "this is no zip archive"


def same_rows() -> list[Row]:
    return [Row(name, value, value, "same", "the same characters") for name, value in ALL_SAME.items()]


def form_of(desk: Browser) -> dict[str, str]:
    page = desk.get(START).text
    return dict(re.findall(r'type="hidden" name="(csrf|id|purpose)" value="([^"]+)"', page))


def given(desk: Browser, monkeypatch: pytest.MonkeyPatch, found: Crosscheck) -> str:
    """The address of a crosscheck that came to this, of whoever is signed in."""

    async def done(*_: object) -> Any:
        answer = {
            "answered_at": "2026-03-10T12:00:00+00:00",
            "ledger": {"origin": "here", "index": 7},
            "statement": "a.b.c",
        }
        return pages._Compared(found, {"first-portrait": JPEG, "second-portrait": JPEG}), answer

    with monkeypatch.context() as patched:
        patched.setattr(pages, "_done", done)
        files = {"first_front": b"1", "second_front": b"2"}
        answer = desk.http.post(START, data=form_of(desk), files=files)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def crosschecks(desk: Browser) -> int:
    """How many crosschecks the ledger has."""
    ledger = desk.service.ledger
    kinds = [Entry.parse(ledger.leaf(index)).kind for index in range(ledger.state().size)]
    return kinds.count("crosscheck")


def test_two_documents(desk: Browser, specimens: Specimens) -> None:
    """Passport and card of one person, with the same picture on both: nothing is decided."""
    desk.sign_in("clerk")
    form = form_of(desk)
    read = {"first_front": specimens.passport, "second_front": specimens.front, "second_back": specimens.back}
    files = {name: path.read_bytes() for name, path in read.items()}
    held = desk.service.memory.held
    answer = desk.http.post(START, data={**form, "subject": "case 4711"}, files=files)
    where = answer.headers["location"]
    assert re.fullmatch(f"{START}/p[A-Za-z0-9_-]{{24}}", where)
    page = desk.get(where).text
    said = text_of(page)
    assert "Can’t decide" in said
    assert "Both documents carry the same picture." in said
    assert "Surname OUDEIS OUDEIS same the same name" in said
    assert "differs · may differ" in said  # passport and card are of another kind
    assert re.search(r"only the (first|second) has it", said)
    assert "case 4711" in said
    assert all(text_of(rule).replace("’", "'") in said.replace("’", "'") for rule in library.RULES)
    pictures = set(re.findall(rf'src="({where}/picture/[a-z0-9-]+)"', page))
    assert {each.rpartition("/")[2] for each in pictures} == {"first-portrait", "second-portrait"}
    for each in pictures:
        picture = desk.get(each)
        assert picture.content[:3] == JPEG
        assert (picture.headers["content-type"], picture.headers["cache-control"]) == (
            "image/jpeg",
            "no-store",
        )
    assert desk.service.memory.held > held

    receipt = text_of(desk.get(f"{where}/receipt").text)
    assert "Receipt of a crosscheck" in receipt
    assert "Both documents carry the same picture" in receipt
    assert "opening accounts (legal basis: consent)" in receipt
    answer = desk.get(f"{where}/statement")
    keys = read_keys(json.dumps(desk.get("/.well-known/jwks.json").json()).encode())
    statement = verify(answer.content.strip(), keys)
    assert (statement.entry.kind, statement.entry.decision) == ("crosscheck", "inconclusive")
    assert f"Entry {statement.index} of the ledger" in said
    assert f'filename="visavis-statement-{statement.index}.jws"' in answer.headers["content-disposition"]

    again = desk.http.post(
        START, data={**form, "subject": "case 4711"}, files=files
    )  # the same form once more
    assert again.headers["location"] == where
    assert crosschecks(desk) == 1
    # Back in the browser, and other documents chosen on the page that was used before.
    files["second_front"] = specimens.passport.read_bytes()
    other = desk.http.post(START, data={**form, "subject": "case 4712"}, files=files)
    assert other.headers["location"] not in (where, START)
    assert "case 4712" in text_of(desk.get(other.headers["location"]).text)
    assert "case 4711" in text_of(desk.get(where).text)
    assert crosschecks(desk) == 2
    desk.post(f"{other.headers['location']}/end", page=where)

    ended = desk.post(f"{where}/end", page=where)
    assert ended.headers["location"] == START
    assert desk.get(where).status_code == desk.get(f"{where}/picture/first-portrait").status_code == 404
    assert desk.service.memory.held == held


def test_a_match_and_a_contradiction(desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sign_in("clerk")
    said = text_of(desk.get(given(desk, monkeypatch, compared(faces, *same_rows()))).text)
    assert "By portraits and fields the two documents are taken to belong to one person." in said
    assert "The faces match, and no field of the person differs." in said
    rows = [*same_rows()[1:], Row("surname", "MUSTER", "MUSTERMANN", "differs", "other characters")]
    said = text_of(desk.get(given(desk, monkeypatch, compared(faces, *rows))).text)
    assert "Surname MUSTER MUSTERMANN differs · has to be the same" in said
    assert "differ in what has to be the same: Surname." in said
    said = text_of(desk.get(given(desk, monkeypatch, compared(faces))).text)
    assert "this can’t be compared: Surname and Date of birth." in said
    assert "no field was compared" in said


def test_what_a_document_says_is_only_text(
    desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sign_in("clerk")
    bad = "<script>alert('1')</script>"
    rows = [Row("surname", bad, f'"{bad}', "differs", bad), Row(f"x{bad}", bad, None, "not_comparable", bad)]
    found = replace(compared(faces, *rows, same_picture=bad), rule=(bad,))
    where = given(desk, monkeypatch, found)
    for path in ("", "/receipt"):
        page = desk.get(where + path).text
        assert "<script>alert" not in page
    assert "&lt;script&gt;" in desk.get(where).text


def test_every_reason_outcome_and_rule_has_words(faces: Verdict) -> None:
    """What the library can say of two documents, by its source, is said in the reader's language."""
    codes = set(re.findall(r'Reason\("([a-z_]+)"', inspect.getsource(library)))
    assert codes == set(pages.REASONS)
    assert [rule.replace("’", "'") for rule in pages.RULE] == list(library.RULES)
    functions = (comparing._compare, comparing._names, comparing._dates, comparing._states)
    texts = {
        node.value
        for function in functions
        for node in ast.walk(ast.parse(inspect.getsource(function)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    }
    parts = {"the ", " has it alone"}
    assert texts - parts <= set(pages.WHY)
    said = {"first", "second"}
    assert {f"the {each} has it alone" for each in said} <= set(pages.WHY)
    assert set(pages.OUTCOMES) == {"same", "differs", "not_comparable"}
    doubted = [library._fair(Row("sex", "M", "F", "differs", ""), [{"sex"}, set[str]()])]
    doubted.append(library._fair(Row("sex", "M", "F", "differs", ""), [{"sex"}, {"sex"}]))
    assert {row.why for row in doubted} <= set(pages.WHY)


@pytest.mark.parametrize(
    ("changes", "missing", "field"),
    [
        ({}, "first_front", "first_front"),
        ({}, "second_front", "second_front"),
        ({"purpose": ""}, "", "purpose"),
        ({"purpose": "nobody's"}, "", "purpose"),
        ({"subject": "a\nb"}, "", "subject"),
        ({"subject": "a" * 201}, "", "subject"),
    ],
)
def test_what_is_missing(desk: Browser, changes: dict[str, str], missing: str, field: str) -> None:
    desk.sign_in("clerk")
    files = {name: b"1" for name in ("first_front", "second_front") if name != missing}
    answer = desk.http.post(START, data={**form_of(desk), **changes}, files=files)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert "choose all of them again" in answer.text


def test_a_file_that_is_no_picture_is_told_beside_its_field(
    desk: Browser, small: Mapping[str, bytes]
) -> None:
    desk.sign_in("clerk")
    form = form_of(desk)
    files = {"first_front": small["obama"], "second_front": b"no picture"}
    answer = desk.http.post(START, data=form, files=files)
    assert answer.status_code == 422
    assert 'id="second_front-mistake"' in answer.text
    assert 'id="first_front-mistake"' not in answer.text
    assert "not a picture that can be read" in answer.text
    assert desk.get(f"{START}/{form['id']}").status_code == 404
    ledger = desk.service.ledger
    last = Entry.parse(ledger.leaf(ledger.state().size - 1))
    assert (last.kind, last.reasons, last.details) == ("refusal", ("photo.format",), {"asked": "crosscheck"})


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"first_front": b"no picture", "second_front": b""}, {"first_front": NONE, "second_front": EMPTY}),
        (
            {"first_front": b"", "second_front": None, "second_chip": b""},
            {"first_front": EMPTY, "second_chip": NO_ZIP},
        ),
        ({"first_front": None, "second_front": None, "first_chip": b"no zip"}, {"first_chip": NO_ZIP}),
        (
            {"first_front": None, "second_front": None, "first_chip": b"", "second_chip": b""},
            {"first_chip": NO_ZIP, "second_chip": NO_ZIP},
        ),
    ],
)
def test_each_document_is_told_beside_its_field(
    desk: Browser, small: Mapping[str, bytes], files: dict[str, bytes | None], told: dict[str, str]
) -> None:
    desk.sign_in("clerk")
    sent = {name: ("a", small["obama"] if data is None else data) for name, data in files.items()}
    page = desk.http.post(START, data=form_of(desk), files=sent)
    assert page.status_code == 422
    said = dict(re.findall(r'id="([a-z_]+)-mistake">.*?</span>([^<]+)</span>', page.text))
    assert said.keys() == told.keys()
    assert all(text in said[field] for field, text in told.items())


def test_without_room_nothing_is_lost(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from visavis.service.problems import Problem

    async def busy(*_: object) -> None:
        raise Problem(429, "service.busy", "no place", headers={"Retry-After": "2"})

    monkeypatch.setattr(pages, "_done", busy)
    desk.sign_in("clerk")
    data = {**form_of(desk), "subject": "case 4711"}
    answer = desk.http.post(START, data=data, files={"first_front": b"1", "second_front": b"2"})
    assert answer.status_code == 429
    assert 'value="case 4711"' in answer.text
    assert "Try again in 2 seconds." in answer.text
    assert len(desk.http.app.state.desk.pairs) == 0  # type: ignore[attr-defined]


def test_two_clicks_are_one_crosscheck(
    desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    desk.sign_in("clerk")
    count = []

    async def slow(*_: object) -> Any:
        count.append(1)
        await asyncio.sleep(0.2)
        return pages._Compared(compared(faces), {}), {"ledger": {"index": 7, "origin": "here"}}

    monkeypatch.setattr(pages, "_done", slow)
    form, answers = form_of(desk), []

    def post() -> None:
        files = {"first_front": b"1", "second_front": b"2"}
        answers.append(desk.http.post(START, data=form, files=files).headers["location"])

    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers[0] == answers[1] != START
    assert len(count) == 1


def test_the_second_of_two_clicks_whose_first_failed_says_so(
    desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It doesn't go on with what has ended: its result would be lost."""
    import asyncio

    from visavis.service.problems import Problem

    desk.sign_in("clerk")
    count = []

    async def slow(*_: object) -> Any:
        count.append(1)
        await asyncio.sleep(0.3)
        raise Problem(503, "service.busy", "no place came free in time")

    monkeypatch.setattr(pages, "_done", slow)
    form, statuses = form_of(desk), []

    def post() -> None:
        files = {"first_front": b"1", "second_front": b"2"}
        statuses.append(desk.http.post(START, data=form, files=files).status_code)

    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [429, 503]
    assert len(count) == 1


ROUTES = ("", "/picture/first-portrait", "/receipt", "/statement")


def test_whose_it_is(desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = desk.another()
    owner.sign_in("clerk")
    where = given(owner, monkeypatch, compared(faces))
    for route in ROUTES:
        assert owner.get(where + route).status_code == 200
    assert owner.get(f"{where}/picture/second-chip").status_code == 404
    desk.sign_in("clerk")  # the same user, signed in elsewhere
    other = desk.another()
    other.sign_in("clerk", name="other")
    for browser in (desk, other):
        for route in ROUTES:
            assert browser.get(where + route).status_code == 404
        assert browser.post(f"{where}/end", page=START).status_code == 404
    files = {"first_front": b"1", "second_front": b"2"}
    # With somebody else's id it is a form of one's own, whose files are no pictures.
    form = {**form_of(other), "id": where.rpartition("/")[2]}
    assert other.http.post(START, data=form, files=files).status_code == 422
    assert owner.get(where).status_code == 200
    check = "c" * 24  # of a check's form
    for id_ in (check, "", "p", f"p{check}x", f"p{check[:-1]}/"):
        assert other.http.post(START, data={**form, "id": id_}, files=files).status_code == 429
    roles: tuple[Role, ...] = ("reviewer", "auditor", "administrator")
    for role in roles:
        browser = desk.another()
        browser.sign_in(role)
        token = browser.token("/desk/account")
        for route in ROUTES:
            assert browser.get(where + route).status_code == 403
        assert browser.get(START).status_code == 403
        for path in (START, f"{where}/end"):
            assert browser.http.post(path, data={"csrf": token}).status_code == 403
    for route in ROUTES:
        assert desk.another().get(where + route).headers["location"].startswith("/desk/sign-in")
    owner.post("/desk/sign-out", page="/desk/account")
    assert len(desk.http.app.state.desk.pairs) == 0  # type: ignore[attr-defined]


def test_nothing_is_on_disk(
    desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk.sign_in("clerk")
    marked = JPEG + b"a picture that is nowhere but in memory"
    monkeypatch.setattr("tests.service.pages.test_crosscheck.JPEG", marked)
    where = given(desk, monkeypatch, compared(faces))
    assert desk.get(f"{where}/picture/first-portrait").content == marked
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or marked[3:] not in file.read_bytes()


# A second person


def undecided(desk: Browser, monkeypatch: pytest.MonkeyPatch, faces: Verdict) -> str:
    """The address of a crosscheck that came to nothing: the faces match, and the surnames differ."""
    rows = same_rows()
    rows[0] = Row(
        "surname", "MUSTER", "<b>BEISPIEL", "differs", "no way of writing letters makes them one name"
    )
    where = given(desk, monkeypatch, compared(faces, *rows))
    form = dict(re.findall(r'name="(csrf|step)" value="([^"]+)"', desk.get(where).text))
    for why in ("", "a" * 501):
        assert desk.http.post(f"{where}/review", data={**form, "why": why}).status_code == 422
    answer = desk.http.post(f"{where}/review", data={**form, "why": "Is this <i>one</i> person?"})
    assert answer.headers["location"] == where
    again = desk.http.post(f"{where}/review", data={**form, "why": "twice"})
    assert again.headers["location"] == where
    assert "Nothing was done twice" in desk.get(where).text
    return where


def test_a_second_person_decides(desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    clerk = desk.another()
    clerk.sign_in("clerk")
    where = undecided(clerk, monkeypatch, faces)
    waits = clerk.get(where).text
    assert "A second person was asked at" in waits
    assert f"{where}/end" not in waits
    assert f"{where}/review" not in waits
    assert "Nobody has decided yet." in clerk.get("/desk/asked").text
    assert clerk.get(f"{where}/statement/review").status_code == 404

    reviewer = desk.sign_in("reviewer")
    path = where.replace("/crosscheck/", "/review/")
    queue = text_of(desk.get("/desk/review").text)
    assert "Two documents opening accounts" in queue
    assert "The faces match, but the documents differ in what has to be the same: Surname." in queue
    page = desk.get(path).text
    assert "Is this &lt;i&gt;one&lt;/i&gt; person?" in page
    assert "&lt;b&gt;BEISPIEL" in page
    assert "has to be the same" in page
    pictures = re.findall(rf'src="({path}/picture/[a-z-]+)"', page)
    assert {each.rpartition("/")[2] for each in pictures} == {"first-portrait", "second-portrait"}
    for each in pictures:
        answer = desk.get(each)
        assert (answer.content, answer.headers["cache-control"]) == (JPEG, "no-store")
    form = dict(re.findall(r'name="(csrf|step)" value="([^"]+)"', page))
    assert desk.http.post(path, data={**form, "decision": "match"}).status_code == 422
    decided = {**form, "decision": "match", "note": "She has married."}
    assert desk.http.post(path, data=decided).headers["location"] == "/desk/review"
    assert "Nothing waits at the moment." in desk.get("/desk/review").text
    for gone in (path, *pictures):
        assert desk.get(gone).status_code == 404

    ledger = desk.service.ledger
    entry = Entry.parse(ledger.leaf(ledger.state().size - 1))
    assert (entry.kind, entry.decision, entry.purpose) == ("review", "match", "opening accounts")
    assert entry.details == {"entry": 7, "user": reviewer.id}
    said = text_of(clerk.get(where).text)
    assert "A second person decided: The same person She has married." in said
    assert "Go on with what the second person decided." in said
    receipt = text_of(clerk.get(f"{where}/receipt").text)
    assert "Decision of a second person The same person" in receipt
    assert clerk.get(f"{where}/statement/review").status_code == 200
    assert "She has married." in clerk.get("/desk/asked").text


def test_nobody_decides_on_a_crosscheck_of_their_own_or_of_another_purpose(
    desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = desk.another()
    clerk.sign_in("clerk", "reviewer")
    path = undecided(clerk, monkeypatch, faces).replace("/crosscheck/", "/review/")
    assert "Your own check" in clerk.get("/desk/review").text
    stranger = desk.another()
    desk.user("reviewer", name="stranger", purpose="paying benefits")
    stranger.sign_in("reviewer", name="stranger")
    assert "Nothing waits at the moment." in stranger.get("/desk/review").text
    for browser in (clerk, stranger):
        assert browser.get(path).status_code == 404
        assert browser.get(f"{path}/picture/first-portrait").status_code == 404


def test_what_a_second_person_said_is_there_after_signing_in_again_and_what_was_read_is_gone(
    desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = desk.another()
    clerk.sign_in("clerk")
    where = undecided(clerk, monkeypatch, faces)
    clerk.post("/desk/sign-out", page="/desk/account")
    desk.sign_in("reviewer")
    path = where.replace("/crosscheck/", "/review/")
    page = desk.get(path).text
    assert "BEISPIEL" in page  # it still waits, with all that was read
    form = dict(re.findall(r'name="(csrf|step)" value="([^"]+)"', page))
    desk.http.post(path, data={**form, "decision": "inconclusive", "note": "Too dark."})
    again = desk.another()
    again.sign_in("clerk")
    assert again.get(where).status_code == 404
    asked = where.replace("/crosscheck/", "/asked/")
    assert f'href="{asked}"' in again.get("/desk/asked").text
    assert again.get(asked).headers["location"] == where
    assert "Too dark." in again.get(where).text
    pairs = desk.http.app.state.desk.pairs  # type: ignore[attr-defined]
    at = pairs._clock()
    pairs._clock = lambda: at + RESULT_S + 1
    page = again.get(where).text
    assert "Too dark." in page
    assert "BEISPIEL" not in page
    pairs._clock = lambda: at + WAITING_S + 1
    assert again.get(where).status_code == 404
    assert len(pairs) == 0


def test_what_was_decided_is_put_before_nobody(
    desk: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sign_in("clerk")
    where = given(desk, monkeypatch, compared(faces, *same_rows()))
    page = desk.get(where).text
    assert f"{where}/review" not in page
    form = {"csrf": form_of(desk)["csrf"], "step": "1", "why": "really?"}
    assert desk.http.post(f"{where}/review", data=form).headers["location"] == where
    assert desk.http.app.state.desk.pairs.waiting() == []  # type: ignore[attr-defined]


# What is under way


def test_pairs_are_bounded_in_number(faces: Verdict) -> None:
    pairs = Pairs(Memory(2**30))
    ids = [new_id() for _ in range(MOST_OF_ONE + 1)]
    begun = [pairs.begin(id_, user="a", session=b"1") for id_ in ids[:-1]]
    assert all(begun)
    assert pairs.begin(ids[-1], user="a", session=b"1") is None
    assert pairs.begin(ids[0], user="a", session=b"1") is begun[0]
    assert pairs.begin(ids[-1], user="a", session=b"2") is not None  # in another session
    assert pairs.begin(ids[0], user="b", session=b"1") is None  # it is somebody else's
    assert pairs.begin("short", user="b", session=b"3") is None
    assert pairs.begin("<" * 24, user="b", session=b"3") is None
    assert begun[0] is not None
    pairs.decide(begun[0], compared(faces), {}, {})
    new = pairs.begin(new_id(), user="a", session=b"1")  # the one that is over makes room
    assert new is not None
    assert pairs.find(ids[0], user="a", session=b"1") is None


def test_pairs_are_bounded_in_bytes_and_time(faces: Verdict) -> None:
    now = [0.0]
    memory = Memory(2**20)
    pairs = Pairs(memory, lambda: now[0])
    pair = pairs.begin(new_id(), user="a", session=b"1")
    assert pair is not None
    pairs.decide(pair, compared(faces), {}, {"first-portrait": bytes(2**19)})
    assert memory.held > 2**19
    other = pairs.begin(new_id(), user="a", session=b"1")
    assert other is not None
    pairs.decide(other, compared(faces), {}, {"first-portrait": bytes(2**19)})  # there is no room
    assert other.pictures == {}
    assert other.found is not None
    now[0] = RESULT_S + 1
    assert pairs.find(pair.id, user="a", session=b"1") is pair
    assert (pair.pictures, memory.held) == ({}, 0)
    now[0] += IDLE_S + 1
    assert pairs.expire() == 2
    assert len(pairs) == 0
    pairs.end(pair)
    assert memory.held == 0
    gone = pairs.begin(new_id(), user="a", session=b"1")
    assert gone is not None
    pairs.sign_out(b"1")
    pairs.decide(gone, compared(faces), {}, {"first-portrait": b"1"})  # it was still worked on
    assert (memory.held, len(pairs)) == (0, 0)
