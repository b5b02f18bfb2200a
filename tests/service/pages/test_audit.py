"""The auditor's pages: filters, paging, entries in words, counts, alarms, and that every look is recorded."""

from __future__ import annotations

import json
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from tests.service.pages.conftest import PASSWORD

from visavis.ledger import rows, statement
from visavis.ledger.entry import Entry, Event
from visavis.service.pages import audit, uses
from visavis.service.pages.entries import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.service.pages.conftest import Browser

SCRIPT = "<script>alert('1')</script>"
DIGEST = bytes(range(32))


def verdict(**changes: Any) -> Event:
    """A verification as it is recorded."""
    given: dict[str, Any] = {
        "kind": "verdict",
        "purpose": "lending books",
        "key": "abcdefghijkl",
        "decision": "match",
        "fmr": 2e-6,
        "fmr_upper": 3e-5,
        "inputs": {"reference": DIGEST, "probe": DIGEST},
        "pack": "sface",
        "policy": {"fmr": 1e-4, "faces": "only"},
        "details": {"threshold": 0.36, "liveness": "not assessed"},
    }
    return Event(**{**given, **changes})


def put(desk: Browser, events: Iterable[Event]) -> list[int]:
    return [receipt.index for receipt in desk.service.ledger.append_many(list(events))]


def recorded(desk: Browser, kind: str) -> list[Entry]:
    return [Entry.parse(leaf) for _, leaf in desk.service.ledger.leaves(kind=kind)]


def numbers(page: str) -> list[int]:
    """The entries on a page, in their order."""
    return [int(found) for found in re.findall(r'<a href="/desk/ledger/entry/(\d+)">\d+</a>', page)]


def purpose_of(desk: Browser, name: str = "auditor") -> str:
    [key] = desk.accounts.users.purposes(desk.users[name].id)
    return key.id


# The list


def test_the_newest_entries_come_first(desk: Browser) -> None:
    desk.sign_in("auditor")
    last = put(desk, [verdict() for _ in range(PAGE + 5)])[-1]
    page = desk.get("/desk/ledger").text
    assert numbers(page) == list(range(last, last - PAGE, -1))
    assert "Older entries" in page
    older = re.search(r'href="(/desk/ledger\?before=\d+)"', page)
    assert older is not None
    assert numbers(desk.get(older[1]).text)[:5] == list(range(last - PAGE, last - PAGE - 5, -1))
    assert numbers(desk.get("/desk/ledger?before=1").text) == [0]
    assert "Older entries" not in desk.get("/desk/ledger?before=1").text


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("kind=verdict", [0, 1, 3]),
        ("kind=refusal", [2]),
        ("purpose=lending+books", [0, 2]),
        ("purpose=other+%22things%22+%C3%A9", [1]),
        ("purpose=lending", []),
        ("key=mnopqrstuvwx", [3]),
        ("decision=no_match", [1]),
        ("decision=stopped", [2]),
        ("kind=verdict&decision=match&key=abcdefghijkl", [0]),
    ],
)
def test_filters(desk: Browser, asked: str, expected: list[int]) -> None:
    desk.sign_in("auditor")
    first = put(
        desk,
        [
            verdict(),
            verdict(purpose='other "things" é', decision="no_match"),
            Event(kind="refusal", purpose="lending books", key="abcdefghijkl", decision="stopped"),
            verdict(purpose=None, key="mnopqrstuvwx"),
        ],
    )[0]
    answer = desk.get(f"/desk/ledger?{asked}")
    assert answer.status_code == 200
    assert numbers(answer.text) == [first + index for index in reversed(expected)]
    assert ("There are no such entries." in answer.text) == (not expected)


def test_days(desk: Browser) -> None:
    desk.sign_in("auditor")
    put(desk, [verdict()])
    today = datetime.now().astimezone().date()
    size = desk.service.ledger.state().size
    before, after = today - timedelta(days=1), today + timedelta(days=1)
    for asked, count in (
        (f"from={today}", size),
        (f"to={today}", size),
        (f"from={before}&to={after}", size),
        (f"to={before}", 0),
        (f"from={after}", 0),
    ):
        assert len(numbers(desk.get(f"/desk/ledger?{asked}").text)) == count, asked


@pytest.mark.parametrize(
    "asked",
    [
        "kind=nothing",
        f"kind={SCRIPT}",
        "from=yesterday",
        "from=2026-02-30",
        "to=0001-01-01",
        "from=9999-12-31",
        "from=2026-01-02&to=2026-01-01",
    ],
)
def test_what_nobody_can_ask_for_is_told_beside_its_field(desk: Browser, asked: str) -> None:
    desk.sign_in("auditor")
    answer = desk.get(f"/desk/ledger?{asked}")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text or 'class="mistake"' in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("before", ["-1", "x", "9" * 40, "1.5", ""])
def test_an_odd_place_is_no_place(desk: Browser, before: str) -> None:
    desk.sign_in("auditor")
    assert 0 in numbers(desk.get(f"/desk/ledger?before={before}").text)


def test_paging_keeps_what_was_asked(desk: Browser) -> None:
    desk.sign_in("auditor")
    put(desk, [verdict(purpose="a & b=c") for _ in range(PAGE + 1)])
    page = desk.get("/desk/ledger?purpose=a+%26+b%3Dc").text
    older = re.search(r'class="button second" href="([^"]+)"', page.partition("</table>")[2])
    assert older is not None
    address = older[1].replace("&amp;", "&")
    assert "purpose=a+%26+b%3Dc" in address
    assert len(numbers(desk.get(address).text)) == 1


def test_looking_further_back_is_offered_where_it_takes_too_long(
    desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visavis.service.pages import entries

    desk.sign_in("auditor")
    rare = put(desk, [verdict(purpose="rare"), *(verdict() for _ in range(40))])[0]
    monkeypatch.setattr(entries, "STEP", 10)
    monkeypatch.setattr(entries, "MOST_READ", 20)
    page = desk.get("/desk/ledger?purpose=rare").text
    assert numbers(page) == []
    assert "None of them fits." in page
    further = re.search(r'href="(/desk/ledger\?purpose=rare&amp;before=\d+)">Look further back', page)
    assert further is not None
    page = desk.get(further[1].replace("&amp;", "&")).text
    further = re.search(r'href="(/desk/ledger\?purpose=rare&amp;before=\d+)">Look further back', page)
    assert further is not None
    assert numbers(desk.get(further[1].replace("&amp;", "&")).text) == [rare]


def test_lists_leave_no_entry(desk: Browser) -> None:
    desk.sign_in("auditor")
    index = put(desk, [verdict(subject="case 1")])[0]
    size = desk.service.ledger.state().size
    for path in (
        "",
        "?kind=verdict",
        f"/entry/{index}",
        f"/entry/{index}/proof",
        "/uses",
        "/alarms",
        "/rates",
    ):
        assert desk.get(f"/desk/ledger{path}").status_code == 200, path
    assert desk.service.ledger.state().size == size


# A person


def test_a_person_is_found_by_their_reference_and_the_look_is_recorded(desk: Browser) -> None:
    desk.sign_in("auditor")
    first, second, _ = put(
        desk, [verdict(subject="case 1"), verdict(subject="case 1"), verdict(subject="case 2")]
    )
    given = {"reference": " case 1 ", "purpose": purpose_of(desk)}
    answer = desk.post("/desk/ledger/person", given, page="/desk/ledger")
    [access] = recorded(desk, "access")
    assert numbers(answer.text)[1:] == [second, first]  # the look itself comes before them
    assert (access.purpose, access.key) == ("opening accounts", purpose_of(desk))
    assert access.details == {"what": "entries of a person", "found": True}
    assert access.subject is not None
    assert access.subject.digest == desk.service.ledger.subject_digest("case 1")


def test_of_somebody_who_isnt_there_no_trace_begins(desk: Browser) -> None:
    desk.sign_in("auditor")
    given = {"reference": "case 9", "purpose": purpose_of(desk)}
    answer = desk.post("/desk/ledger/person", given, page="/desk/ledger")
    assert "Nothing is recorded under this reference" in answer.text
    [access] = recorded(desk, "access")
    assert (access.subject, access.details["found"]) == (None, False)
    assert desk.service.ledger.subject_digest("case 9") is None


def test_more_than_a_page_of_a_person(desk: Browser) -> None:
    desk.sign_in("auditor")
    first = put(desk, [verdict(subject="case 1") for _ in range(PAGE + 2)])[0]
    given = {"reference": "case 1", "purpose": purpose_of(desk)}
    page = desk.post("/desk/ledger/person", given, page="/desk/ledger").text
    before = re.search(r'name="before" value="(\d+)"', page)
    assert before is not None
    page = desk.post("/desk/ledger/person", {**given, "before": before[1]}, page="/desk/ledger").text
    assert numbers(page) == [first + 2, first + 1, first]


@pytest.mark.parametrize(
    "given",
    [{"reference": ""}, {"reference": " "}, {"reference": "x" * 201}, {}],
)
def test_without_a_reference_nobody_is_looked_for(desk: Browser, given: dict[str, str]) -> None:
    desk.sign_in("auditor")
    answer = desk.post("/desk/ledger/person", {"purpose": purpose_of(desk), **given}, page="/desk/ledger")
    assert answer.status_code == 422
    assert recorded(desk, "access") == []


def test_the_purpose_of_somebody_else_counts_for_nothing(desk: Browser) -> None:
    desk.sign_in("auditor")
    put(desk, [verdict(subject="case 1")])
    desk.user("auditor", name="other")
    index = put(desk, [verdict(subject="case 1")])[0]
    for key in (purpose_of(desk, "other"), "", "nothing", SCRIPT):
        given = {"reference": "case 1", "purpose": key}
        for path in ("person", f"entry/{index}/statement"):
            answer = desk.post(f"/desk/ledger/{path}", given, page="/desk/ledger")
            assert answer.status_code in (401, 403), (path, key)
            assert numbers(answer.text) == []
    assert recorded(desk, "access") == []


def test_without_a_purpose_nobody_is_looked_for(desk: Browser) -> None:
    desk.user("auditor", name="purposeless", purpose=None)
    desk.post("/desk/sign-in", {"name": "purposeless", "password": PASSWORD})
    page = desk.get("/desk/ledger").text
    assert "You have no purpose to act for" in page
    assert 'action="/desk/ledger/person"' not in page


# One entry


def test_an_entry_in_words(desk: Browser) -> None:
    desk.sign_in("auditor")
    reasons = ("face_small", "never_heard_of")
    index = put(desk, [verdict(subject="case 1", reasons=reasons, details={"leaked": False, "n": None})])[0]
    page = desk.get(f"/desk/ledger/entry/{index}").text
    entry = desk.service.ledger.entry(index)
    assert entry.subject is not None
    for text in (
        "Verification",
        "the same person",
        "1 in 500,000",
        "at most 1 in 33,000",
        "lending books",
        "abcdefghijkl",
        "sface",
        entry.subject.digest,
        entry.inputs["probe"].digest,
        "The face has few pixels",
        "never heard of",
        "Somebody else may have it",
        "c2sp.org/tlog-proof@v1",
    ):
        assert text in page, text
    assert "case 1" not in page


def test_every_kind_and_every_detail_can_be_told(desk: Browser) -> None:
    from visavis.ledger.entry import KINDS
    from visavis.service.pages.recorded import KINDS as TOLD

    assert set(KINDS) == set(TOLD)
    desk.sign_in("auditor")
    details: dict[str, Any] = {
        "a_text": "x",
        "none": None,
        "max_fmr": None,
        "yes": True,
        "small": 1e-9,
        "whole": 1234567,
        "": "",
    }
    del details[""]
    for index in put(desk, [Event(kind=kind, decision="odd", details=details) for kind in KINDS]):  # type: ignore[arg-type]
        page = desk.get(f"/desk/ledger/entry/{index}").text
        assert "1,234,567" in page
        assert re.search(r"none</th><td><bdi>none</bdi>", page)
        assert re.search(r"Highest false match rate</th><td><bdi>not set</bdi>", page)
        assert "1e-09" in page


@pytest.mark.parametrize("index", ["99999", "-1", "x", "1e3", "00", "9" * 30, "%2e%2e", SCRIPT])
def test_entries_that_arent_there(desk: Browser, index: str) -> None:
    desk.sign_in("auditor")
    for path in (f"/desk/ledger/entry/{index}", f"/desk/ledger/entry/{index}/proof"):
        assert desk.get(path).status_code == 404
    given = {"purpose": purpose_of(desk)}
    answer = desk.post(f"/desk/ledger/entry/{index}/statement", given, page="/desk/ledger")
    assert answer.status_code == 404


def test_the_proof_is_a_file(desk: Browser) -> None:
    desk.sign_in("auditor")
    index = put(desk, [verdict()])[0]
    answer = desk.get(f"/desk/ledger/entry/{index}/proof")
    assert answer.text == desk.service.ledger.prove(index).text
    assert answer.headers["content-disposition"] == f'attachment; filename="entry-{index}.tlog-proof"'


def test_a_statement_holds_and_taking_it_is_recorded(desk: Browser) -> None:
    desk.sign_in("auditor")
    index = put(desk, [verdict(subject="case 1")])[0]
    given = {"purpose": purpose_of(desk)}
    answer = desk.post(f"/desk/ledger/entry/{index}/statement", given, page="/desk/ledger")
    assert answer.headers["content-type"] == "application/jose"
    public = desk.service.key.verifier.public
    assert desk.service.ledger.key is not None
    public = desk.service.ledger.key.verifier.public
    held = statement.verify(answer.text, [public])
    assert (held.index, held.entry.decision) == (index, "match")
    [access] = recorded(desk, "access")
    assert access.details == {"what": "a statement", "entry": index}
    assert access.subject is not None
    assert access.subject.digest == desk.service.ledger.subject_digest("case 1")


def test_a_damaged_entry_is_told_and_breaks_nothing(desk: Browser) -> None:
    desk.sign_in("auditor")
    broken, text = put(desk, [verdict(), verdict()])
    table = rows.tables().entries
    with desk.service.ledger.storage.writing() as connection:
        for index, leaf in ((broken, b"\xff{"), (text, b'{"version":1}')):
            connection.execute(table.update().where(table.c.idx == index).values(leaf=leaf))
    assert desk.get("/desk/ledger").text.count("Damaged") == 2
    page = desk.get(f"/desk/ledger/entry/{broken}")
    assert page.status_code == 200
    assert "it is not what was written" in page.text
    assert desk.get("/desk/ledger/uses").status_code == 200
    given = {"purpose": purpose_of(desk)}
    answer = desk.post(f"/desk/ledger/entry/{broken}/statement", given, page="/desk/ledger")
    assert answer.status_code == 404


# Counts


def test_uses_are_counted_by_purpose_and_by_key(desk: Browser) -> None:
    desk.sign_in("auditor")
    put(
        desk,
        [
            *(verdict(purpose="first") for _ in range(3)),
            *(verdict(purpose="second", key="mnopqrstuvwx") for _ in range(2)),
            Event(kind="quality", purpose="first", key="abcdefghijkl", decision="good"),
            Event(kind="refusal", purpose="first", key="abcdefghijkl", decision="stopped"),
            Event(kind="document", purpose=None, decision="read"),
        ],
    )
    page = desk.get("/desk/ledger/uses?period=7d").text
    assert "<b>7</b> uses in all" in page
    assert "<b>5</b> Verification" in page
    found = re.findall(r'<h3 id="chart-\d+">(.*?)</h3>.*?<p id="sum-\d+">(\d+) uses?</p>', page, re.DOTALL)
    told = [(re.sub(r"<[^>]+>", "", name).strip(), int(count)) for name, count in found]
    assert told == [("first", 4), ("second", 2), ("without a purpose", 1)]
    table = page.partition("The same numbers as a table")[2]
    last = re.findall(r"<td>(\d+)</td>", table.partition("together")[0])[-3:]
    assert last == ["4", "2", "1"]  # today
    page = desk.get("/desk/ledger/uses?period=30d&by=key").text
    assert re.findall(r'<h3 id="chart-\d+"><bdi class="mono">(\w+)</bdi>', page) == [
        "abcdefghijkl",
        "mnopqrstuvwx",
    ]


@pytest.mark.parametrize("period", [*uses.PERIODS, "nothing", SCRIPT])
@pytest.mark.parametrize("until", ["", "1999-12-31", "nothing", "9998-12-31"])
def test_any_period_can_be_asked_for(desk: Browser, period: str, until: str) -> None:
    desk.sign_in("auditor")
    answer = desk.get(f"/desk/ledger/uses?period={period}&until={until}&by={SCRIPT}")
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert len(answer.text) < 100_000


def test_alarms_are_told_with_what_they_mean(desk: Browser) -> None:
    desk.sign_in("auditor")
    stopped = Event(
        kind="refusal",
        purpose="first",
        key="abcdefghijkl",
        decision="stopped",
        reasons=("access.fan_out",),
        details={"asked": "verifications", "found": "6 by the key", "expected": "at most 5 in 24 hours"},
    )
    alarm, *_ = put(
        desk,
        [
            stopped,
            stopped,
            Event(kind="refusal", purpose="first", key="abcdefghijkl", reasons=("access.quota",)),
            Event(kind="refusal", purpose="first", reasons=("photo.format",)),
        ],
    )
    page = desk.get("/desk/ledger/alarms").text
    row = r'<th scope="row">(?:<span class="tag alarm">Alarm</span> )?<bdi>(.*?)</bdi></th>'
    listed = re.findall(row + r"\s*<td[^>]*>(\d+)</td>", page)
    assert listed == [
        ("One face and too many others", "2"),
        ("A picture could not be used", "1"),
        ("The day’s calls were used up", "1"),
    ]
    assert "Ask whoever holds the key" in page
    assert len(numbers(page)) == 4
    assert numbers(desk.get("/desk/ledger/alarms?only=stopped").text) == [alarm + 1, alarm]
    told = desk.get(f"/desk/ledger/entry/{alarm}").text
    assert "This is an alarm" in told
    assert "6 by the key" in told


def test_the_rates_are_those_that_verdicts_rest_on(desk: Browser) -> None:
    desk.sign_in("auditor")
    verifier, policy = desk.service.engine.verifier, desk.service.config.policy
    page = desk.get("/desk/ledger/rates").text
    assert f"<b>{verifier.threshold(policy):.4f}</b>" in page
    assert "<b>1 in 10,000</b> false match rate" in page
    assert verifier.calibration.digest in page
    assert f"{verifier.calibration.data.people:,}" in page
    for fmr in audit.MARKS:
        point = audit.point_at(verifier.calibration, fmr)
        assert point is None or f"{point.threshold:.4f}" in page


# What people write


def test_nothing_that_was_recorded_is_a_part_of_a_page(desk: Browser) -> None:
    desk.sign_in("auditor")
    index = put(
        desk,
        [
            verdict(
                purpose=SCRIPT,
                key=f'"{SCRIPT}',
                decision=SCRIPT,
                pack=SCRIPT,
                reasons=(SCRIPT,),
                subject=SCRIPT,
                policy={SCRIPT: SCRIPT},
                details={SCRIPT: SCRIPT},
            ),
            Event(kind="refusal", purpose=SCRIPT, key=SCRIPT, decision=SCRIPT, reasons=(SCRIPT,)),
        ],
    )[0]
    key = desk.accounts.users.give_purpose(desk.users["auditor"].id, purpose=SCRIPT, legal_basis=SCRIPT).id
    pages = [
        desk.get(path).text
        for path in (
            "/desk/ledger",
            f"/desk/ledger?purpose={SCRIPT}&key={SCRIPT}&decision={SCRIPT}",
            f"/desk/ledger/entry/{index}",
            f"/desk/ledger/entry/{index + 1}",
            "/desk/ledger/uses",
            "/desk/ledger/uses?by=key",
            "/desk/ledger/alarms",
        )
    ]
    given = {"reference": SCRIPT, "purpose": key}
    pages.append(desk.post("/desk/ledger/person", given, page="/desk/ledger").text)
    for page in pages:
        assert "<script>alert" not in page
        assert '"<script' not in page
    assert all("&lt;script&gt;" in page for page in pages)


# Who may


def test_only_auditors_see_it(desk: Browser) -> None:
    for role in ("clerk", "reviewer", "administrator"):
        here = desk.another()
        here.sign_in(role)
        for (method, path), act in (*audit.PAGES.acts.items(),):
            assert act == "ledger"
            where = "/desk" + re.sub(r"\{[^}]*\}", "0", path)
            answer = here.get(where) if method == "GET" else here.post(where, page="/desk/")
            assert answer.status_code == 403, (role, path)


# Long ledgers


@pytest.fixture
def long(desk: Browser) -> Browser:
    """A ledger of 20,000 entries, over 40 days."""
    ledger = desk.service.ledger
    start = datetime.now(UTC) - timedelta(days=40)
    for number in range(20):
        moment = start + timedelta(days=2 * number)
        ledger._clock = lambda moment=moment: moment  # type: ignore[misc]
        some = [verdict(inputs={}, purpose=f"purpose {each % 7}", policy=None) for each in range(1000)]
        ledger.append_many(some)
    ledger._clock = lambda: datetime.now(UTC)
    return desk


def test_a_long_ledger_takes_little_memory(long: Browser) -> None:
    long.sign_in("auditor")
    tally = long.http.app.state.desk.tally  # type: ignore[attr-defined]
    day = (datetime.now().astimezone() - timedelta(days=20)).date()
    paths = (
        "/desk/ledger",
        "/desk/ledger?purpose=nothing",
        f"/desk/ledger?from={day}&to={day}",
        "/desk/ledger/uses?period=52w",
        "/desk/ledger/alarms",
    )
    for path in paths:
        long.get(path)  # what is loaded once
    tally._blocks.clear()
    tracemalloc.start()
    try:
        pages = [long.get(path).text for path in paths]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * 2**20
    assert all(len(page) < 100_000 for page in pages)
    assert "20,000" in json.dumps(pages[3]) or "20,000" in pages[3]
    assert 0 < tally.cells < 1000


def test_numbers_of_a_long_ledger_are_right_however_often_it_goes_on(
    long: Browser,
) -> None:
    tally = uses.Tally()
    last = datetime.now().astimezone().date()
    first = last - timedelta(days=363)
    seen = []
    for _ in range(10):
        found = tally.count(long.service.ledger, first, last, most_s=0)
        seen.append(sum(found.counts.values()))
        if found.since is None:
            break
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert seen[-1] == 20_000
    small = uses.Tally(most=3)
    assert sum(small.count(long.service.ledger, first, last).counts.values()) == 20_000
    assert small.cells <= 3


def test_addresses_hold_no_reference(desk: Browser) -> None:
    desk.sign_in("auditor")
    put(desk, [verdict(subject="case-4711") for _ in range(PAGE + 1)])
    given = {"reference": "case-4711", "purpose": purpose_of(desk)}
    page = desk.post("/desk/ledger/person", given, page="/desk/ledger").text
    for address in re.findall(r'(?:href|action|src)="([^"]*)"', page):
        assert "case-4711" not in unquote(address)


def test_pages_are_light_and_every_id_stands_once(desk: Browser) -> None:
    user = desk.sign_in("auditor", "administrator")
    for number in range(3):
        desk.accounts.users.give_purpose(user.id, purpose=f"purpose {number}", legal_basis="consent")
    key = desk.accounts.users.purposes(user.id)[0].id
    index = put(desk, [verdict(purpose=f"purpose {number}", subject="case 1") for number in range(60)])[0]
    paths = [
        "/desk/ledger",
        f"/desk/ledger/entry/{index}",
        *(f"/desk/ledger/{room}" for room in ("uses?period=52w", "alarms", "rates", "verification")),
        "/desk/subject",
        "/desk/admin",
        *(f"/desk/admin/{room}" for room in ("users", "keys", "policy", "retention", "settings", "erasure")),
        f"/desk/admin/users/{user.id}",
        f"/desk/admin/keys/{key}",
    ]
    given = {"reference": "case 1", "purpose": key}
    pages = {path: desk.get(path).text for path in paths}
    pages |= {
        path: desk.post(path, given, page="/desk/").text for path in ("/desk/subject", "/desk/ledger/person")
    }
    for path, page in pages.items():
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids)), (path, {each for each in ids if ids.count(each) > 1})
        for pointed in re.findall(r'(?:aria-labelledby|aria-describedby|\sfor)="([^"]+)"', page):
            assert set(pointed.split()) <= set(ids), (path, pointed)
        levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), path
        files = {"merkle.js", "note.js"} if "verification" in path else set()
        files |= set(re.findall(r'(?:src|href)="/desk/web/([^"?]+)', page))
        assert len(page) + sum(len(desk.get(f"/desk/web/{file}").content) for file in files) < 150_000
