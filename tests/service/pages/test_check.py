"""A check at the desk: every step, every order of steps, and that nothing of it is kept or seen by others."""

from __future__ import annotations

import asyncio
import html
import io
import json
import re
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.documents.specimens import Specimens, make
from tests.service.conftest import PURPOSE, make_key, with_config
from tests.service.pages.conftest import CHEAP, Browser, client, csrf_of

from visavis.access.accounts import Accounts
from visavis.access.fan_out import Limits
from visavis.access.gate import Gate
from visavis.access.pictures import Pictures
from visavis.access.subjects import Subjects
from visavis.access.verdicts import Verdicts
from visavis.decision.policy import Policy
from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger
from visavis.liveness.register import Issuer
from visavis.service.app import create_app
from visavis.service.pages import check as check_module
from visavis.service.pages import desk as desk_module
from visavis.service.pages import work
from visavis.service.pages.held import session_of
from visavis.service.pool import Pool
from visavis.service.service import derived
from visavis.service.store import Challenges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from visavis.liveness.challenge import Challenge
    from visavis.service.service import Service
    from visavis.verifier import Verifier

SCRIPT = '"><script>alert(1)</script>'


@pytest.fixture(scope="module")
def specimens(
    tmp_path_factory: pytest.TempPathFactory, sface: Verifier, portraits: Mapping[str, bytes]
) -> Specimens:
    return make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])


@pytest.fixture
def opened(
    session_service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Browser]]:
    """Opens desks of which everything lies in one new database, each set up otherwise."""
    ledger = Ledger.open(str(tmp_path / "desk.sqlite"))
    accounts = Accounts.of(ledger, cost=CHEAP)
    monkeypatch.setattr(desk_module, "accounts", lambda _ledger, _config: accounts)
    ways = []

    def opens(*, limits: Limits | None = None, pool: Pool | None = None, **config: Any) -> Browser:
        assert ledger.key is not None
        challenges = Challenges(ledger.storage)
        service = replace(
            with_config(session_service, desk=True, **config),
            ledger=ledger,
            key=ledger.key,
            gate=Gate(ledger, limits=limits),
            verdicts=Verdicts(ledger),
            pictures=Pictures(ledger),
            subjects=Subjects(ledger),
            challenges=challenges,
            issuer=Issuer(derived(ledger.key, b"challenges"), challenges),
            pool=pool or session_service.pool,
        )
        way = client(create_app(service))
        way.__enter__()
        ways.append(way)
        return Browser(way, service, accounts)

    yield opens
    for way in ways:
        way.__exit__(None, None, None)
    ledger.close()


@pytest.fixture
def clerk(opened: Callable[..., Browser]) -> Browser:
    desk = opened()
    desk.sign_in("clerk")
    return desk


# What a clerk does


def step_of(page: str) -> str:
    found = re.search(r'name="step" value="(\d+)"', page)
    assert found is not None, page
    return found[1]


def begin(desk: Browser, **given: str) -> str:
    """The address of a new check."""
    start = desk.get("/desk/check").text
    purpose = re.search(r'name="purpose"[^>]* value="([^"]+)"', start)
    assert purpose is not None, start
    data = {"csrf": csrf_of(start), "purpose": purpose[1], "way": "document", **given}
    answer = desk.http.post("/desk/check", data=data)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).removesuffix("/claim")


def send(desk: Browser, check: str, step: str, files: Any, page: str = "", **given: Any) -> Any:
    page = page or desk.get(f"{check}/{step}").text
    data = {"csrf": csrf_of(page), "step": step_of(page), **given.pop("data", {})}
    return desk.http.post(f"{check}/{step}", data=data, files=files, **given)


def press(desk: Browser, check: str, button: str, **data: str) -> Any:
    """Press a button of the verdict's page."""
    page = desk.get(f"{check}/verdict").text
    return desk.http.post(f"{check}/{button}", data={"csrf": csrf_of(page), "step": step_of(page), **data})


def decided(desk: Browser, reference: bytes, probe: bytes, **given: str) -> str:
    """A check of two photographs that has its verdict."""
    check = begin(desk, way="pictures", **given)
    assert send(desk, check, "claim", {"page": reference}).status_code == 303
    assert send(desk, check, "face", {"probe": probe}).headers["location"] == f"{check}/verdict"
    return check


def entries(desk: Browser, *kinds: str) -> list[Entry]:
    ledger = desk.service.ledger
    found = [Entry.parse(ledger.leaf(index)) for index in range(ledger.state().size)]
    return [
        each
        for each in found
        if each.kind in (kinds or ("document", "verdict", "quality", "liveness", "refusal"))
    ]


def checks(desk: Browser) -> Any:
    return desk.http.app.state.desk.checks  # type: ignore[attr-defined]


def text_of(page: str) -> str:
    """What a page says, in one line."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))).replace(" .", ".")


# The steps


def test_document_face_verdict(clerk: Browser, specimens: Specimens, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, subject="case 4711")
    answer = send(clerk, check, "claim", {"page": specimens.passport.read_bytes()})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{check}/claim")
    page = clerk.get(f"{check}/claim").text
    for told in ("OUDEIS", "1954-09-03", "none covers it", "case 4711", "Go on to the face"):
        assert told in text_of(page)
    assert "<input" not in page.partition('<table class="reflow read">')[2].partition("</table>")[0]
    for name in ("portrait", "page-1", "face-reference"):
        picture = clerk.get(f"{check}/picture/{name}")
        assert (picture.status_code, picture.headers["cache-control"]) == (200, "no-store")
        assert Image.open(io.BytesIO(picture.content)).format == "JPEG"
    answer = send(clerk, check, "face", {"probe": small["obama2"]})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{check}/verdict")
    page = clerk.get(f"{check}/verdict").text
    assert '<div class="decision match">' in page
    said = text_of(page)
    assert re.search(
        r"Similarity 0\.\d{3} .* False match rate at this similarity rarer than 1 in 1\d0,000", said
    )
    assert "Entry" in said
    document, verdict = entries(clerk)
    key = clerk.accounts.users.purposes(clerk.users["clerk"].id)[0].id
    assert [(each.kind, each.key, each.purpose) for each in (document, verdict)] == [
        ("document", key, "opening accounts"),
        ("verdict", key, "opening accounts"),
    ]
    assert verdict.decision == "match"
    assert (document.subject is None, verdict.subject is None) == (False, False)


def test_the_answer_is_that_of_the_api(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(clerk, small["obama"], small["obama2"], subject="case 1")
    answer = next(iter(checks(clerk)._all.values())).answer
    token = make_key(clerk.service)
    again = clerk.http.get(f"/v1/verifications/{answer['id']}", headers={"Authorization": f"Bearer {token}"})
    assert again.json() == json.loads(json.dumps(answer))
    assert {"statement", "ledger", "verdict", "purpose", "answered_at"} <= answer.keys()
    assert answer["verdict"]["ledger"]["index"] == answer["ledger"]["index"]
    assert clerk.get(f"{check}/verdict").status_code == 200


def test_both_sides_and_a_chip_are_read_together(clerk: Browser, specimens: Specimens) -> None:
    check = begin(clerk)
    send(clerk, check, "claim", {"page": specimens.front.read_bytes()})
    assert "lines of letters at the lower edge were not found" in text_of(clerk.get(f"{check}/claim").text)
    files = [("page", specimens.back.read_bytes()), ("chip", specimens.other_chip.read_bytes())]
    answer = send(clerk, check, "claim", files, data={"add": "on"})
    assert answer.status_code == 303
    said = text_of(clerk.get(f"{check}/claim").text)
    for told in (
        "Card with three lines of letters",
        "On the chip",
        "The data are those that were signed",
        "passed",
    ):
        assert told in said
    assert "The chip is that of another document than the page" in said
    # Nobody was given whom to trust, so that a state doesn't vouch for it.
    assert "the chip’s data may have been signed by anybody" in said
    assert "as a state signed them" not in said
    assert [clerk.get(f"{check}/picture/page-{number}").status_code for number in (1, 2, 3)] == [
        200,
        200,
        404,
    ]
    answer = send(clerk, check, "claim", {"page": specimens.passport.read_bytes()})  # in their place
    assert "Passport" in text_of(clerk.get(f"{check}/claim").text)
    assert clerk.get(f"{check}/picture/page-2").status_code == 404
    assert len(entries(clerk, "document")) == 3


def test_a_face_alone_is_no_document(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, way="document")
    send(clerk, check, "claim", {"page": small["obama"]})
    alone, said = (
        "neither the outline of a document nor lines of letters",
        text_of(clerk.get(f"{check}/claim").text),
    )
    assert alone in said
    assert "The document was read" not in said
    assert "Go on all the same" in said
    send(clerk, check, "face", {"probe": small["obama2"]})
    assert alone in text_of(clerk.get(f"{check}/verdict").text)
    receipt = text_of(clerk.get(f"{check}/receipt").text)
    assert "compared with another picture" in receipt
    assert alone in receipt
    again = press(clerk, check, "again").headers["location"]
    send(clerk, again.removesuffix("/face"), "face", {"probe": small["obama2"]})
    assert alone in text_of(clerk.get(again.replace("/face", "/verdict")).text)


def test_one_picture_twice_is_told(clerk: Browser, small: Mapping[str, bytes]) -> None:
    same = "Both are the same picture."
    check = decided(clerk, small["obama"], small["obama"])
    for page in ("verdict", "receipt"):
        assert same in text_of(clerk.get(f"{check}/{page}").text)
    check = decided(clerk, small["obama"], small["obama2"])
    for page in ("verdict", "receipt"):
        assert same not in text_of(clerk.get(f"{check}/{page}").text)


def test_two_photographs_of_two_people(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(clerk, small["obama"], small["biden"])
    page = clerk.get(f"{check}/verdict").text
    assert '<div class="decision no_match">' in page
    assert "This does not prove that they show different people" in text_of(page)
    assert "Ask a second person" not in page
    assert [each.kind for each in entries(clerk)] == ["quality", "verdict"]


def test_what_can_not_be_decided_says_why_and_what_to_do(
    clerk: Browser, small: Mapping[str, bytes], faceless: bytes
) -> None:
    check = decided(clerk, small["obama"], faceless)
    page = clerk.get(f"{check}/verdict").text
    assert '<div class="decision inconclusive">' in page
    said = text_of(page)
    assert "Picture of the face : Reason: No face was found. Use a picture that shows one whole face" in said
    assert "nothing was compared" in said
    assert "Ask a second person" in said


def test_a_picture_that_is_not_good_enough_says_what_to_change(
    opened: Callable[..., Browser], small: Mapping[str, bytes]
) -> None:
    desk = opened(policy=Policy(quality="selfie", reference_quality="document_portrait"))
    desk.sign_in("clerk")
    with Image.open(io.BytesIO(small["obama2"])) as picture:
        dark = io.BytesIO()
        picture.point([value // 12 for value in range(256)] * 3).save(dark, "JPEG", quality=95)
    check = decided(desk, small["obama"], dark.getvalue())
    said = text_of(desk.get(f"{check}/verdict").text)
    assert (
        "Picture of the face : Reason: The picture is not as good as the rule of this desk asks for. " in said
    )
    assert "Add light from the front." in said


def test_match_no_match_and_can_not_decide_differ_in_word_and_shape(
    clerk: Browser, small: Mapping[str, bytes], faceless: bytes
) -> None:
    seen = {}
    for probe in (small["obama2"], small["biden"], faceless):
        page = clerk.get(f"{decided(clerk, small['obama'], probe)}/verdict").text
        found = re.search(
            r'<div class="decision \w+">\s*(<svg.*?</svg>).*?<p class="word">(.*?)</p>', page, re.DOTALL
        )
        assert found is not None
        seen[found[2]] = found[1]
    assert set(seen) == {"Match", "No match", "Can’t decide"}
    assert len(set(seen.values())) == 3


def test_a_reference_without_a_face_is_told_at_once(clerk: Browser, faceless: bytes) -> None:
    check = begin(clerk, way="pictures")
    send(clerk, check, "claim", {"page": faceless})
    said = text_of(clerk.get(f"{check}/claim").text)
    assert "Reference picture : Reason: No face was found." in said
    assert "Go on all the same" in said


# Beginning


def test_a_purpose_is_chosen(opened: Callable[..., Browser]) -> None:
    desk = opened()
    user = desk.user("clerk")
    second = desk.accounts.users.give_purpose(user.id, purpose="lost cards", legal_basis="contract")
    desk.sign_in("clerk")
    page = desk.get("/desk/check").text
    assert page.count('type="radio"') == 4
    assert "Legal basis: contract" in text_of(page)
    check = begin(desk, purpose=second.id)
    assert "lost cards" in desk.get(f"{check}/claim").text
    answer = desk.http.post("/desk/check", data={"csrf": csrf_of(page), "way": "document"})
    assert (answer.status_code, "Choose what the check is for." in answer.text) == (422, True)


def test_a_purpose_of_somebody_else_is_refused(opened: Callable[..., Browser]) -> None:
    desk = opened()
    other = desk.user("clerk", name="other")
    key = desk.accounts.users.purposes(other.id)[0].id
    desk.sign_in("clerk")
    page = desk.get("/desk/check").text
    answer = desk.http.post("/desk/check", data={"csrf": csrf_of(page), "purpose": key, "way": "document"})
    assert answer.status_code == 422


def test_without_a_purpose_nothing_begins(opened: Callable[..., Browser]) -> None:
    desk = opened()
    desk.user("clerk", name="nobody", purpose=None)
    desk.sign_in("clerk", name="nobody")
    page = desk.get("/desk/check").text
    assert "You have no purpose to act for" in page
    assert 'action="/desk/check"' not in page


# The last ones show nothing, or what is in another order than it is written (UAX #9, Unicode's controls).
@pytest.mark.parametrize(
    "subject",
    [
        "x" * 201,
        "two\nlines",
        "nothing\x00",
        "two\u2028lines",
        "\u200b",
        " \ufeff\u00ad",
        "moc.\u202eevil",
        "\u2067x",
    ],
)
def test_a_subject_is_a_reference(clerk: Browser, subject: str) -> None:
    page = clerk.get("/desk/check").text
    purpose = re.search(r'name="purpose" value="([^"]+)"', page)
    assert purpose is not None
    data = {"csrf": csrf_of(page), "purpose": purpose[1], "way": "document", "subject": subject}
    answer = clerk.http.post("/desk/check", data=data)
    assert (answer.status_code, "A reference has up to 200" in answer.text) == (422, True)


def test_a_purpose_that_is_taken_away_ends_the_check_in_words(
    clerk: Browser, small: Mapping[str, bytes]
) -> None:
    check = begin(clerk, way="pictures")
    user = clerk.users["clerk"]
    clerk.accounts.users.take_purpose(user.id, clerk.accounts.users.purposes(user.id)[0].id)
    answer = send(clerk, check, "claim", {"page": small["obama"]})
    assert "The purpose that you chose ended" in answer.text
    assert entries(clerk, "quality") == []


# Order


def test_steps_in_any_order_lead_to_where_the_check_is(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, way="pictures")
    first = clerk.get(f"{check}/claim").text
    for step in ("face", "verdict"):
        assert clerk.get(f"{check}/{step}").headers["location"] == f"{check}/claim"
    assert "This check has no verdict yet." in clerk.get(f"{check}/claim").text
    assert clerk.get(check).headers["location"] == f"{check}/claim"
    answer = send(clerk, check, "face", {"probe": small["obama2"]}, page=first)
    assert answer.headers["location"] == f"{check}/claim"
    send(clerk, check, "claim", {"page": small["obama"]})
    assert clerk.get(check).headers["location"] == f"{check}/face"
    assert clerk.get(f"{check}/verdict").headers["location"] == f"{check}/face"
    send(clerk, check, "face", {"probe": small["obama2"]})
    assert clerk.get(check).headers["location"] == f"{check}/verdict"
    for step in ("claim", "face"):
        assert clerk.get(f"{check}/{step}").headers["location"] == f"{check}/verdict"
    assert "This check has its verdict." in clerk.get(f"{check}/verdict").text


def test_what_was_done_is_not_done_twice(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, way="pictures")
    pages = {"claim": clerk.get(f"{check}/claim").text}
    send(clerk, check, "claim", {"page": small["obama"]}, page=pages["claim"])
    again = send(clerk, check, "claim", {"page": small["biden"]}, page=pages["claim"])
    assert again.headers["location"] == f"{check}/claim"
    assert "This step was done before" in clerk.get(f"{check}/claim").text
    pages["face"] = clerk.get(f"{check}/face").text
    send(clerk, check, "face", {"probe": small["obama2"]}, page=pages["face"])
    for _ in range(2):
        again = send(clerk, check, "face", {"probe": small["obama2"]}, page=pages["face"])
        assert again.headers["location"] == f"{check}/verdict"
    assert [each.kind for each in entries(clerk)] == ["quality", "verdict"]
    assert '<div class="decision match">' in clerk.get(f"{check}/verdict").text


def test_what_is_pressed_twice_at_once_is_done_once(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, way="pictures")
    send(clerk, check, "claim", {"page": small["obama"]})
    page = clerk.get(f"{check}/face").text
    with ThreadPoolExecutor(3) as clicks:
        answers = clicks.map(
            lambda _: send(clerk, check, "face", {"probe": small["obama2"]}, page=page), range(3)
        )
        assert {each.headers["location"] for each in answers} == {f"{check}/verdict"}
    assert [each.kind for each in entries(clerk)] == ["quality", "verdict"]


def test_a_check_ends_once_its_verdict_says_what_is_kept(
    clerk: Browser, small: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not while the verdict is being made: nobody could say yet whether its pictures stay."""
    check, order = begin(clerk, way="pictures"), []
    send(clerk, check, "claim", {"page": small["obama"]})
    page, began, real = clerk.get(f"{check}/face").text, threading.Event(), work.judge

    async def slow(*given: Any) -> Any:
        began.set()
        await asyncio.sleep(0.3)
        made = await real(*given)
        order.append("verdict")
        return made

    monkeypatch.setattr(work, "judge", slow)
    face = threading.Thread(target=send, args=(clerk, check, "face", {"probe": small["obama2"]}, page))
    face.start()
    assert began.wait(10)
    ended = clerk.http.post(f"{check}/end", data={"csrf": csrf_of(page)})
    order.append("end")
    face.join()
    assert ended.status_code == 303
    assert order == ["verdict", "end"]
    assert len(checks(clerk)) == 0


def test_another_window_on_an_older_step_changes_nothing(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, way="pictures")
    send(clerk, check, "claim", {"page": small["obama"]})
    old = clerk.get(f"{check}/face").text
    send(clerk, check, "claim", {"page": small["biden"]})  # in the other window
    answer = send(clerk, check, "face", {"probe": small["obama2"]}, page=old)
    assert answer.headers["location"] == f"{check}/face"
    assert entries(clerk, "verdict") == []


def test_to_load_a_page_again_is_harmless(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(clerk, small["obama"], small["obama2"])
    first, second = (clerk.get(f"{check}/verdict").text for _ in range(2))
    assert first == second
    assert len(entries(clerk)) == 2


def test_again_takes_the_reference_along(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(clerk, small["obama"], small["biden"], subject="case 1")
    old = clerk.get(f"{check}/verdict").text
    answer = press(clerk, check, "again")
    new = answer.headers["location"].removesuffix("/face")
    assert new != check
    assert clerk.get(f"{check}/verdict").status_code == 404
    assert "case 1" in clerk.get(f"{new}/face").text
    send(clerk, new, "face", {"probe": small["obama2"]})
    assert '<div class="decision match">' in clerk.get(f"{new}/verdict").text
    assert [each.kind for each in entries(clerk)] == ["quality", "verdict", "verdict"]
    late = clerk.http.post(f"{check}/again", data={"csrf": csrf_of(old), "step": step_of(old)})
    assert late.status_code == 404


def test_open_checks_are_listed_and_few(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, subject="case 77")
    assert f'href="{check}"' in clerk.get("/desk/check").text
    for _ in range(7):
        begin(clerk)
    page = clerk.get("/desk/check").text
    purpose = re.search(r'name="purpose" value="([^"]+)"', page)
    assert purpose is not None
    data = {"csrf": csrf_of(page), "purpose": purpose[1], "way": "document"}
    answer = clerk.http.post("/desk/check", data=data)
    assert (answer.status_code, "You have too many open checks" in answer.text) == (429, True)


# A second person


def test_a_second_person_is_asked(clerk: Browser, small: Mapping[str, bytes], faceless: bytes) -> None:
    check = decided(clerk, small["obama"], faceless)
    for why in ("", "x" * 501):
        answer = press(clerk, check, "review", why=why)
        assert (answer.status_code, "Say in up to 500" in answer.text) == (422, True)
    old = clerk.get(f"{check}/verdict").text
    answer = press(clerk, check, "review", why=f"{SCRIPT} the chin")
    assert answer.headers["location"] == f"{check}/verdict"
    [waiting] = checks(clerk).waiting()
    assert waiting.review.why == f"{SCRIPT} the chin"
    page = clerk.get(f"{check}/verdict").text
    assert "A second person was asked" in page
    assert "Ask a second person" not in page
    twice = clerk.http.post(f"{check}/review", data={"csrf": csrf_of(old), "step": step_of(old), "why": "x"})
    assert twice.headers["location"] == f"{check}/verdict"
    assert waiting.review.why == f"{SCRIPT} the chin"


def test_of_a_verdict_nobody_is_asked(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(clerk, small["obama"], small["biden"])
    press(clerk, check, "review", why="all the same")
    assert checks(clerk).waiting() == []


# Others


def routes() -> list[tuple[str, str]]:
    """Method and path of all that belongs to one check."""
    return [(method, path) for method, path in check_module.PAGES.acts if "{id}" in path]


@pytest.mark.parametrize("who", ["another user", "another session", "nobody", "auditor"])
def test_nobody_else_sees_a_check(clerk: Browser, small: Mapping[str, bytes], who: str) -> None:
    check = decided(clerk, small["obama"], small["obama2"], subject="case 4711")
    other = clerk.another()
    if who == "another user":
        other.sign_in("clerk", name="other")
    elif who == "another session":
        other.sign_in("clerk")
    elif who == "auditor":
        other.sign_in("auditor")
    token = other.token("/desk/" if who != "nobody" else "/desk/sign-in")
    expected = {"nobody": 303, "auditor": 403}.get(who, 404)
    size = clerk.service.ledger.state().size
    for method, path in routes():
        address = "/desk" + path.replace("{id}", check.rpartition("/")[2]).replace("{name}", "probe")
        data = {"csrf": token, "step": "2", "why": "x", "times": "[]"} if method == "POST" else None
        answer = other.http.request(method, address, data=data)
        assert answer.status_code == expected, (method, path)
        assert "case 4711" not in answer.text
        assert not answer.content.startswith(b"\xff\xd8")
    assert clerk.get(f"{check}/verdict").status_code == 200
    added = [each.kind for each in entries(clerk, "document", "verdict", "quality", "liveness")]
    assert added == ["quality", "verdict"], size


def test_a_check_that_is_not_there_is_told(clerk: Browser) -> None:
    for method, path in routes():
        address = "/desk" + path.replace("{id}", "x" * 24).replace("{name}", "probe")
        data = {"csrf": clerk.token("/desk/")} if method == "POST" else None
        answer = clerk.http.request(method, address, data=data)
        assert (answer.status_code, "This check has ended" in answer.text) == (404, True)


def test_a_picture_has_a_name_and_no_path(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(clerk, small["obama"], small["obama2"])
    for name in ("..%2f..%2fetc%2fpasswd", "nothing", "probe.jpg", "%00"):
        assert clerk.get(f"{check}/picture/{name}").status_code == 404


# What comes from outside is text


def test_nothing_from_outside_becomes_markup(
    opened: Callable[..., Browser], specimens: Specimens, small: Mapping[str, bytes]
) -> None:
    desk = opened()
    user = desk.user("clerk", purpose=None)
    desk.accounts.users.give_purpose(user.id, purpose=f"for {SCRIPT}", legal_basis=SCRIPT)
    desk.sign_in("clerk")
    check = begin(desk, subject=SCRIPT)
    files = {"page": (f"{SCRIPT}.jpg", specimens.passport.read_bytes(), f"image/{SCRIPT}")}
    send(desk, check, "claim", files)
    pages = [desk.get("/desk/check").text, desk.get(f"{check}/claim").text, desk.get(f"{check}/face").text]
    send(desk, check, "face", {"probe": (f"{SCRIPT}.png", small["obama2"], "image/png")})
    pages.append(desk.get(f"{check}/verdict").text)
    for page in pages:
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


def test_chip_strings_are_text(clerk: Browser, specimens: Specimens) -> None:
    """A file's name within the archive, and bytes within DG1, are whatever somebody wrote."""
    given = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(specimens.other_chip.read_bytes())) as old,
        zipfile.ZipFile(given, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"OUDEIS", b"<b>DEI"))
        new.writestr("<img src=x onerror=alert(1)>.txt", b"\x61" + b"<script>" * 4)
    check = begin(clerk)
    files = [("page", specimens.passport.read_bytes()), ("chip", given.getvalue())]
    answer = send(clerk, check, "claim", files)
    for page in (answer.text, clerk.get(f"{check}/claim").text):
        assert "<img src=x" not in page
        assert "<script>" not in page
        assert "<b>DEI" not in page


# What can't be used


BAD = {
    "text": b"This is no picture.",
    "html": b"<html><script>alert(1)</script></html>",
    "a cut JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
    "an archive": b"PK\x05\x06" + bytes(18),
    "a PDF that is none": b"%PDF-1.7\nnothing",
    "one byte": b"\x00",
    "an empty file": b"",
    "an SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
}


@pytest.mark.parametrize("way", ["document", "pictures"])
def test_a_file_that_is_no_picture_is_told_and_nothing_is_lost(clerk: Browser, way: str) -> None:
    check = begin(clerk, way=way)
    for name, data in BAD.items():
        answer = send(clerk, check, "claim", {"page": data})
        assert answer.status_code == 422, name
        assert 'class="mistake"' in answer.text
        assert "<title>Error: " in answer.text
        assert "alert(1)" not in answer.text
        assert step_of(clerk.get(f"{check}/claim").text) == "0"


def test_a_probe_that_is_no_picture_is_told_and_nothing_is_lost(
    clerk: Browser, small: Mapping[str, bytes]
) -> None:
    check = begin(clerk, way="pictures")
    send(clerk, check, "claim", {"page": small["obama"]})
    for data in BAD.values():
        answer = send(clerk, check, "face", {"probe": data})
        assert answer.status_code == 422
        assert 'id="probe-mistake"' in answer.text
    assert send(clerk, check, "face", {}).status_code == 422
    assert send(clerk, check, "face", {"probe": small["obama2"]}).headers["location"] == f"{check}/verdict"


def test_a_chip_that_is_none_is_told_at_its_field(clerk: Browser, specimens: Specimens) -> None:
    check = begin(clerk)
    send(clerk, check, "claim", {"page": specimens.passport.read_bytes()})
    for data in (b"no zip", b"", specimens.other_chip.read_bytes()[:-60]):
        answer = send(clerk, check, "claim", {"chip": data}, data={"add": "on"})
        assert (answer.status_code, 'id="chip-mistake"' in answer.text) == (422, True)
    for files in ({"page": b"no picture"}, {}):
        answer = send(clerk, check, "claim", files, data={"add": "on"})
        assert (answer.status_code, 'id="more-mistake"' in answer.text) == (422, True)
    assert "OUDEIS" in clerk.get(f"{check}/claim").text


def test_too_many_pages_are_told(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk)
    answer = send(clerk, check, "claim", [("page", small["obama"])] * 40)
    assert answer.status_code in (413, 422)
    assert clerk.get(f"{check}/claim").status_code == 200


def test_scripts_are_told_the_same_in_json(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, way="pictures")
    asked: dict[str, Any] = {"headers": {"Accept": "application/json"}}
    answer = send(clerk, check, "claim", {"page": b"nothing"}, **asked)
    assert answer.status_code == 422
    assert answer.json()["text"].startswith("This file is not a picture that can be read.")
    assert send(clerk, check, "claim", {"page": small["obama"]}, **asked).json() == {"to": f"{check}/claim"}
    page = clerk.get(f"{check}/face").text
    for _ in range(2):
        answer = send(clerk, check, "face", {"probe": small["obama2"]}, page=page, **asked)
        assert answer.json() == {"to": f"{check}/verdict"}
    assert len(entries(clerk, "verdict")) == 1


def test_who_was_signed_out_meanwhile_is_told_also_by_scripts(
    clerk: Browser, small: Mapping[str, bytes]
) -> None:
    check = begin(clerk, way="pictures")
    page = clerk.get(f"{check}/claim").text
    clerk.accounts.sessions.sign_out(clerk.http.cookies["__Host-visavis"])
    headers = {"Accept": "application/json"}
    answer = send(clerk, check, "claim", {"page": small["obama"]}, page=page, headers=headers)
    assert answer.status_code == 401
    assert "You were signed out in the meantime" in clerk.get(answer.json()["sign_in"]).text


# Busy, and too often


def test_where_there_is_no_room_the_check_waits(
    opened: Callable[..., Browser], small: Mapping[str, bytes]
) -> None:
    pool = Pool(1, 0, 2.0)
    desk = opened(pool=pool)
    desk.sign_in("clerk")
    check = begin(desk, way="pictures")
    send(desk, check, "claim", {"page": small["obama"]})
    with pool.place("something else"):
        answer = send(desk, check, "face", {"probe": small["obama2"]})
        assert answer.status_code == 429
        assert "Many" not in text_of(answer.text).partition("The face")[0]
        assert "There was no room for what you sent. Nothing was changed. Try again in" in text_of(
            answer.text
        )
        page = desk.get(f"{check}/face").text
        told = send(desk, check, "face", {"probe": small["obama2"]}, headers={"Accept": "application/json"})
        assert told.json()["again"] is True
    assert (
        send(desk, check, "face", {"probe": small["obama2"]}, page=page).headers["location"]
        == f"{check}/verdict"
    )
    assert len(entries(desk, "verdict")) == 1
    pool.close()


def test_where_memory_is_short_the_check_waits(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(clerk, way="pictures")
    memory = clerk.service.memory
    rest = memory.most - memory.held - len(small["obama"]) - 2**16
    memory.take(rest)
    try:
        answer = send(clerk, check, "claim", {"page": small["obama"]})
        assert answer.status_code == 429
    finally:
        memory.give_back(rest)
    assert send(clerk, check, "claim", {"page": small["obama"]}).status_code == 303


def test_one_face_against_many_is_stopped_at_the_desk_and_across_the_api(
    opened: Callable[..., Browser], small: Mapping[str, bytes]
) -> None:
    desk = opened(limits=Limits(references=1, references_all_keys=1))
    desk.sign_in("clerk")
    decided(desk, small["obama"], small["obama2"])
    check = begin(desk, way="pictures")
    send(desk, check, "claim", {"page": small["biden"]})
    answer = send(desk, check, "face", {"probe": small["obama2"]})
    assert answer.status_code == 429
    assert "one face may be compared with a few different people a day" in text_of(answer.text)
    headers = {"Authorization": f"Bearer {make_key(desk.service)}"}
    files = {"reference": small["biden"], "probe": small["obama2"]}
    through = desk.http.post("/v1/verifications", files=files, headers=headers)
    assert (through.status_code, through.json()["code"]) == (429, "access.fan_out")
    assert len(entries(desk, "verdict")) == 1
    assert [each.reasons for each in entries(desk, "refusal")] == [("access.fan_out",)] * 2


# Nothing is kept


def leftovers(folder: Path, pictures: list[bytes]) -> list[str]:
    """Files in which a JPEG begins, or a part of a picture lies."""
    found = []
    for path in (each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        if b"\xff\xd8\xff" in content or b"JFIF" in content:
            found.append(f"{path.name}: a JPEG")
        parts = (data[at : at + 24] for data in pictures for at in range(200, len(data) - 24, 997))
        if any(part in content for part in parts):
            found.append(f"{path.name}: a part of a picture")
    return found


def test_nothing_of_a_check_is_on_disk_or_in_the_database(
    clerk: Browser,
    specimens: Specimens,
    small: Mapping[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    passport = specimens.passport.read_bytes()
    check = begin(clerk, subject="case 4711")
    send(clerk, check, "claim", {"page": passport})
    given = [passport, small["obama2"]]
    kept = next(iter(checks(clerk)._all.values()))
    shown = [*kept.pictures.values()]
    assert leftovers(tmp_path, [*given, *shown]) == []
    send(clerk, check, "face", {"probe": small["obama2"]})
    shown = [*kept.pictures.values()]
    assert len(shown) == 5
    press(clerk, check, "end")
    assert leftovers(tmp_path, [*given, *shown]) == []
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for told in (b"OUDEIS", b"UBFM88500", b"case 4711"):
        assert told not in everything
    assert list(scratch.iterdir()) == []


def test_the_test_for_leftovers_finds_some(tmp_path: Path, small: Mapping[str, bytes]) -> None:
    (tmp_path / "left.bin").write_bytes(b"before" + small["obama"][150:4000])
    assert leftovers(tmp_path, [small["obama"]]) == ["left.bin: a part of a picture"]
    (tmp_path / "left.bin").write_bytes(b"before" + small["obama"][:150])
    assert leftovers(tmp_path, []) == ["left.bin: a JPEG"]


@pytest.mark.parametrize("end", ["end", "sign-out", "expiry"])
def test_memory_is_given_back(clerk: Browser, small: Mapping[str, bytes], end: str) -> None:
    memory = clerk.service.memory
    before = memory.held
    check = decided(clerk, small["obama"], small["obama2"])
    begun = begin(clerk, way="pictures")
    send(clerk, begun, "claim", {"page": small["biden"]})
    assert memory.held > before + 100_000
    if end == "end":
        press(clerk, check, "end")
        clerk.http.post(f"{begun}/end", data={"csrf": clerk.token("/desk/")})
    elif end == "sign-out":
        clerk.http.post("/desk/sign-out", data={"csrf": clerk.token("/desk/")})
    else:
        checks(clerk)._clock = lambda: 10.0**9
        assert checks(clerk).expire() == 2
    assert memory.held == before
    assert len(checks(clerk)) == 0


def test_an_ended_check_is_told(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(clerk, small["obama"], small["obama2"])
    answer = press(clerk, check, "end")
    assert answer.headers["location"] == "/desk/check"
    assert "The check has ended, and its pictures are gone." in clerk.get("/desk/check").text
    for address in (check, f"{check}/verdict", f"{check}/picture/probe"):
        assert clerk.get(address).status_code == 404


def test_pictures_that_are_gone_leave_the_verdict(clerk: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(clerk, small["obama"], small["obama2"])
    found = checks(clerk).find(
        check.rpartition("/")[2],
        user=clerk.users["clerk"].id,
        session=session_of(clerk.http.cookies["__Host-visavis"]),
    )
    checks(clerk)._clock = lambda: found.decided + 700
    page = clerk.get(f"{check}/verdict").text
    assert "The pictures of this check are gone" in page
    assert '<div class="decision match">' in page
    assert clerk.get(f"{check}/picture/probe").status_code == 404
    assert press(clerk, check, "again").headers["location"].endswith("/claim")


# The live view


def test_guidance_is_told_and_nothing_is_recorded(
    clerk: Browser, small: Mapping[str, bytes], faceless: bytes
) -> None:
    check = begin(clerk, way="pictures")
    send(clerk, check, "claim", {"page": small["obama"]})
    size, memory = clerk.service.ledger.state().size, clerk.service.memory.held
    csrf = clerk.token("/desk/")
    told = []
    for frame in (faceless, small["obama"]):
        answer = clerk.http.post(f"{check}/guidance", data={"csrf": csrf}, files={"frame": frame})
        told.append(answer.json())
    assert told[0] == {"hint": "face", "text": "Bring your face into the oval.", "good": False}
    assert told[1]["hint"] in ("good", "further", "middle")
    assert clerk.service.ledger.state().size == size
    assert clerk.service.memory.held == memory
    for frame in (b"no picture", b"x" * 2**19):
        answer = clerk.http.post(
            f"{check}/guidance",
            data={"csrf": csrf},
            files={"frame": frame},
            headers={"Accept": "application/json"},
        )
        assert answer.status_code in (413, 415)
        assert answer.json()["text"]
    assert clerk.http.post(f"{check}/guidance", data={"csrf": csrf}).status_code == 422


def test_the_log_names_the_purpose_and_leaves_the_live_view_out(
    clerk: Browser, small: Mapping[str, bytes], faceless: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    check = begin(clerk, way="pictures", subject="case 4711")
    send(clerk, check, "claim", {"page": small["obama"]})
    csrf = clerk.token("/desk/")
    for frame in (faceless, b"no picture"):
        clerk.http.post(f"{check}/guidance", data={"csrf": csrf}, files={"frame": frame})
    lines = [each for each in caplog.records if each.getMessage() == "answered"]
    said = [(each.route, each.status) for each in lines]  # type: ignore[attr-defined]
    assert ("/desk/check/{id}/guidance", 415) in said
    assert ("/desk/check/{id}/guidance", 200) not in said
    key = clerk.accounts.users.purposes(clerk.users["clerk"].id)[0].id
    put = [each for each in lines if (each.method, each.route) == ("POST", "/desk/check/{id}/claim")]  # type: ignore[attr-defined]
    assert [each.key for each in put] == [key]  # type: ignore[attr-defined]
    for line in caplog.records:
        assert "4711" not in str(line.__dict__)
        assert check not in str(line.__dict__.get("route"))


def test_guidance_costs_no_call_of_the_purpose(clerk: Browser, faceless: bytes) -> None:
    check = begin(clerk, way="pictures")
    csrf = clerk.token("/desk/")
    for _ in range(70):  # a purpose has 60 a minute
        answer = clerk.http.post(f"{check}/guidance", data={"csrf": csrf}, files={"frame": faceless})
        assert answer.status_code == 200


# The instructions


@pytest.fixture
def strict(opened: Callable[..., Browser]) -> Browser:
    desk = opened(policy=Policy(liveness="require"))
    desk.sign_in("clerk")
    return desk


def test_a_challenge_is_drawn_in_the_readers_words(strict: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(strict, way="pictures")
    send(strict, check, "claim", {"page": small["obama"]})
    page = strict.get(f"{check}/face").text
    assert f'data-challenge="{check}/challenge"' in page
    drawn = strict.http.post(f"{check}/challenge", data={"csrf": csrf_of(page)}).json()
    assert drawn["steps"][0]["words"] == "Look straight at the camera"
    assert {step["action"] for step in drawn["steps"]} >= {"straight", "closer", "colour"}


def drawn_a_while_ago(desk: Browser) -> Challenge:
    """A challenge that takes no waiting: no answer may come sooner than it takes."""
    sealed = desk.service.issuer.issue("", now=datetime.now(UTC) - timedelta(seconds=20))
    desk.service.challenges.keep(sealed, purpose=PURPOSE, for_s=600)
    return sealed.challenge


def test_an_answer_that_can_not_be_judged_is_told(strict: Browser, small: Mapping[str, bytes]) -> None:
    check = begin(strict, way="pictures")
    send(strict, check, "claim", {"page": small["obama"]})
    csrf = csrf_of(strict.get(f"{check}/face").text)
    asked = {"Accept": "application/json"}
    drawn = drawn_a_while_ago(strict).id
    frames = [("frame", small["obama"])] * 3

    def answer(**given: str) -> Any:
        data = {"csrf": csrf, "challenge": drawn, "times": "[0, 100, 200]", **given}
        return strict.http.post(f"{check}/answer", data=data, files=frames, headers=asked)

    for times in ("", "[0]", "[0, 1, null]", "{}", "[0, 1, 1e99]", "[" * 5000):
        assert answer(times=times).status_code == 422
    assert answer(challenge="0" * 32).status_code == 404
    found = answer()
    assert found.status_code == 200, found.text
    assert found.json()["done"] is False
    assert "begin again" in found.json()["text"]
    again = answer()
    assert (again.status_code, again.json()["text"][:30]) == (409, "What the camera asked for coun")
    assert len(entries(strict, "liveness")) == 1


def test_a_verdict_rests_on_the_answer_once(strict: Browser, small: Mapping[str, bytes]) -> None:
    """One photograph held before the camera: that is no living person, and no verdict but that."""
    check = begin(strict, way="pictures")
    send(strict, check, "claim", {"page": small["obama"]})
    csrf = csrf_of(strict.get(f"{check}/face").text)
    challenge = drawn_a_while_ago(strict)
    times = list(range(0, int(challenge.duration_ms), 200))
    with Image.open(io.BytesIO(small["obama2"])) as held:
        frames = []
        for number in range(len(times)):
            to = io.BytesIO()
            held.rotate(number % 7 / 10, fillcolor=(90, 90, 90)).resize((240, 460)).save(
                to, "JPEG", quality=80
            )
            frames.append(("frame", to.getvalue()))
    data = {"csrf": csrf, "challenge": challenge.id, "times": json.dumps(times)}
    answer = strict.http.post(f"{check}/answer", data=data, files=frames)
    assert answer.json() == {"done": True, "text": ""}
    twice = strict.http.post(
        f"{check}/answer", data=data, files=frames
    )  # the first answer was lost on its way
    assert twice.json() == {"done": True, "text": ""}
    send(strict, check, "face", {"probe": small["obama2"]})
    page = strict.get(f"{check}/verdict").text
    assert '<div class="decision inconclusive">' in page
    assert "The picture may show a print, a screen or a mask" in text_of(page)
    assert [each.decision for each in entries(strict, "liveness", "verdict")] == ["attack", "inconclusive"]
    late = strict.http.post(
        f"{check}/answer", data=data, files=frames[:1], headers={"Accept": "application/json"}
    )
    assert late.json() == {"to": f"{check}/verdict"}


def test_without_an_answer_the_picture_alone_decides(strict: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(strict, small["obama"], small["obama2"])
    said = text_of(strict.get(f"{check}/verdict").text)
    assert "Living person" in said
    assert len(entries(strict, "verdict")) == 1


def test_a_desk_that_asks_for_no_liveness_draws_no_challenge(clerk: Browser) -> None:
    check = begin(clerk, way="pictures")
    csrf = clerk.token("/desk/")
    assert clerk.http.post(f"{check}/challenge", data={"csrf": csrf}).status_code == 409
    assert clerk.http.post(f"{check}/answer", data={"csrf": csrf, "times": "[]"}).status_code == 409


# Pages


def test_pages_are_light_and_hold_no_style_or_script(
    clerk: Browser, specimens: Specimens, small: Mapping[str, bytes]
) -> None:
    check = begin(clerk)
    addresses = ("/desk/check", f"{check}/claim", f"{check}/claim", f"{check}/face", f"{check}/verdict")
    for number, address in enumerate(addresses):
        if number == 2:
            send(clerk, check, "claim", {"page": specimens.passport.read_bytes()})
        elif number == 4:
            send(clerk, check, "face", {"probe": small["obama2"]})
        page = clerk.get(address).text
        files = {each.replace("&amp;", "&") for each in re.findall(r'(?:href|src)="(/desk/web/[^"]+)"', page)}
        if "check.js" in page:
            files |= {f"/desk/web/{name}.js" for name in ("camera", "challenge", "send")}
        files |= set(re.findall(rf'src="({check}/picture/[^"]+)"', page))
        answers = [clerk.get(file) for file in files]
        assert {each.status_code for each in answers} == {200}
        assert len(page.encode()) + sum(len(each.content) for each in answers) < 150_000, address
        assert " style=" not in page
        assert not re.search(r"<script(?![^>]* src=)", page)
        assert not re.search(r"\son\w+=", page)
