"""Pictures that are kept where the operator asks for it: which, how, who sees them, and how they go."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.service.conftest import PURPOSE, make_key
from tests.service.pages import test_check as checking
from tests.service.pages import test_crosscheck as crosschecking
from tests.service.pages.test_audit import purpose_of, put, recorded, verdict
from tests.service.pages.test_check import begin, decided, entries, press, send, text_of
from tests.service.pages.test_receipt import set_up
from tests.service.pages.test_subject import erase

from visavis.access import tables
from visavis.errors import StorageError
from visavis.ledger.entry import Entry
from visavis.service.logs import LOGGER
from visavis.service.pages import crosscheck
from visavis.service.pages.opened import MOST, OPEN_S, Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.service.pages.conftest import Browser

    from visavis.access.users import Role
    from visavis.decision.verdict import Verdict

opened, faces = checking.opened, crosschecking.faces

DAYS = 30
CASE = "case 4711"
JPEG = b"\xff\xd8\xff\xe0 a picture of somebody"
LOOK = "Look at the pictures"


@pytest.fixture
def keeping(opened: Callable[..., Browser]) -> Browser:
    """A desk that keeps pictures, and a clerk."""
    desk = opened(desk_picture_days=DAYS)
    desk.sign_in("clerk")
    return desk


@pytest.fixture
def auditor(desk: Browser) -> Browser:
    """An auditor who was given the purpose."""
    set_up(desk, desk_picture_days=DAYS)
    desk.sign_in("auditor")
    return desk


def kept(desk: Browser, names: tuple[str, ...] = ("portrait", "probe"), purpose: str = PURPOSE) -> int:
    """The index of a verdict whose pictures are kept."""
    [index] = put(desk, [verdict(subject=CASE, purpose=purpose)])
    pictures = {name: JPEG + name.encode() for name in names}
    desk.service.pictures.keep(index, pictures, purpose=purpose, subject=CASE, keep_for=timedelta(days=DAYS))
    return index


def ask(desk: Browser, index: int, **given: str) -> Any:
    """Ask to see the pictures of an entry."""
    address = f"/desk/ledger/entry/{index}"
    return desk.post(f"{address}/pictures", {"purpose": purpose_of(desk), **given}, page=address)


def rows(desk: Browser) -> list[Any]:
    with desk.service.ledger.storage.reading() as connection:
        return list(connection.execute(tables.pictures.select()))


def readable(folder: Path, pictures: list[bytes]) -> list[str]:
    """Files in which a part of a picture lies; three bytes that a JPEG begins with may be there by chance."""
    parts = {data[at : at + 24] for data in pictures for at in range(0, len(data) - 24, 997)} | {b"JFIF"}
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(part in path.read_bytes() for part in parts)]


# What is kept


def test_of_a_check_what_it_showed_is_kept_and_nothing_lies_in_the_clear(
    keeping: Browser, small: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    check = begin(keeping, way="pictures", subject=CASE)
    send(keeping, check, "claim", {"page": small["obama"]})
    assert rows(keeping) == []  # nothing before the verdict
    send(keeping, check, "face", {"probe": small["obama2"]})
    found = next(iter(checking.checks(keeping)._all.values()))
    shown, [row] = dict(found.pictures), rows(keeping)
    index = found.verdict.ledger.index
    assert (row.id, row.purpose) == (index, PURPOSE)
    assert Entry.parse(keeping.service.ledger.leaf(index)).kind == "verdict"
    expected = {name: data for name, data in shown.items() if name in ("reference", "probe")}
    assert set(shown) - set(expected) == {"face-reference", "face-probe"}
    assert keeping.service.pictures.get(index, purpose=PURPOSE) == expected
    assert len(row.body) > 20_000  # so that a part of a picture would be found
    left = timedelta(microseconds=row.expires_at) - (datetime.now(UTC) - datetime(1970, 1, 1, tzinfo=UTC))
    assert timedelta(days=DAYS, minutes=-1) < left <= timedelta(days=DAYS)
    assert readable(tmp_path, [small["obama"], small["obama2"], *shown.values()]) == []
    assert CASE.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("desk.sqlite*"))
    assert list(scratch.iterdir()) == []
    (tmp_path / "left.bin").write_bytes(b"before" + expected["probe"][900:2100])
    assert readable(tmp_path, [expected["probe"]]) == ["left.bin"]  # it finds some


def test_what_the_clerk_and_the_person_are_told(keeping: Browser, small: Mapping[str, bytes]) -> None:
    start = text_of(keeping.get("/desk/check").text)
    assert "This desk keeps the pictures of each check, encrypted, for 30 days." in start
    assert "Its pictures are kept, encrypted, for 30 days." in start
    assert "not required" not in start
    check = decided(keeping, small["obama"], small["obama2"], subject=CASE)
    found = next(iter(checking.checks(keeping)._all.values()))
    until = keeping.http.app.state.desk.languages.source.time(found.keeping.until)  # type: ignore[attr-defined]
    page = text_of(keeping.get(f"{check}/verdict").text)
    assert f"They are kept, encrypted, until {until} at the latest." in page
    assert "could not be kept" not in page
    receipt = text_of(keeping.get(f"{check}/receipt").text)
    assert (
        f"The pictures that were taken and shown: encrypted, until {until}. Then they are deleted." in receipt
    )
    assert "not kept" not in receipt
    checking.checks(keeping)._clock = lambda: found.decided + 700
    page = text_of(keeping.get(f"{check}/verdict").text)
    assert "as they should be" not in page
    assert "The pictures are shown here for a few minutes at most." in page
    press(keeping, check, "end")
    told = f"The check has ended. Its pictures are kept, encrypted, until {until} at the latest."
    assert told in keeping.get("/desk/check").text


def test_without_a_reference_nothing_begins(keeping: Browser) -> None:
    for path, data in (
        ("/desk/check", {"way": "pictures"}),
        ("/desk/crosscheck", {}),
    ):
        page = keeping.get(path).text
        hidden = dict(re.findall(r'type="hidden" name="(csrf|id|purpose)" value="([^"]+)"', page))
        assert re.search(r'<input id="subject"[^>]* required', page)
        answer = keeping.http.post(path, data={**hidden, **data, "subject": "  "})
        assert answer.status_code == 422
        assert "Enter a reference: without it nobody could find the pictures" in answer.text
    assert len(checking.checks(keeping)) == 0


def test_where_it_is_off_nothing_is_asked_said_or_kept(
    opened: Callable[..., Browser], small: Mapping[str, bytes]
) -> None:
    desk = opened()
    desk.sign_in("clerk")
    check = decided(desk, small["obama"], small["obama2"], subject=CASE)
    assert rows(desk) == []
    pages = [desk.get(path).text for path in ("/desk/check", "/desk/crosscheck", f"{check}/verdict")]
    assert all("Pictures are not kept." in page for page in pages)
    assert not any("kept, encrypted" in page or "keeps the pictures" in page for page in pages)
    assert "Reference of the person (not required)" in pages[0]
    assert "The pictures: not kept." in desk.get(f"{check}/receipt").text
    desk.sign_in("auditor")
    assert "Pictures that are kept" not in desk.get("/desk/ledger/entry/1").text


def test_a_check_that_is_done_again_is_one_of_its_own(keeping: Browser, small: Mapping[str, bytes]) -> None:
    check = decided(keeping, small["obama"], small["obama2"], subject=CASE)
    again = press(keeping, check, "again").headers["location"].removesuffix("/face")
    assert next(iter(checking.checks(keeping)._all.values())).keeping.until is None
    send(keeping, again, "face", {"probe": small["biden"]})
    first, second = [row.id for row in rows(keeping)]
    pictures = keeping.service.pictures
    one, two = pictures.get(first, purpose=PURPOSE), pictures.get(second, purpose=PURPOSE)
    assert one is not None
    assert two is not None
    assert one["reference"] == two["reference"]
    assert one["probe"] != two["probe"]


def test_of_two_documents(keeping: Browser, faces: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("first-page-1", "first-portrait", "first-face-reference", "second-portrait")
    found = crosschecking.compared(faces, *crosschecking.same_rows())

    def work(*_: object) -> Any:
        return crosscheck._Compared(found, {name: JPEG + name.encode() for name in names})

    monkeypatch.setattr(crosscheck._Pairing, "work", work)
    form = crosschecking.form_of(keeping) | {"subject": CASE}
    files = {"first_front": b"1", "second_front": b"2"}
    where = keeping.http.post("/desk/crosscheck", data=form, files=files).headers["location"]
    [row] = rows(keeping)
    pictures = keeping.service.pictures.get(row.id, purpose=PURPOSE)
    assert pictures is not None
    assert list(pictures) == ["first-page-1", "first-portrait", "second-portrait"]
    assert Entry.parse(keeping.service.ledger.leaf(row.id)).kind == "crosscheck"
    assert "They are kept, encrypted, until" in text_of(keeping.get(where).text)
    assert "The pictures that were taken and shown: encrypted" in keeping.get(f"{where}/receipt").text
    keeping.http.post(f"{where}/end", data={"csrf": keeping.token("/desk/")})
    assert "The crosscheck has ended. Its pictures are kept, encrypted" in keeping.get("/desk/").text
    keeping.sign_in("auditor")
    assert ask(keeping, row.id).status_code == 303
    page = keeping.get(f"/desk/ledger/entry/{row.id}/pictures").text
    order = ("First document", "Picture 1 of the document", "first-portrait", "Second document")
    assert [page.index(each) for each in order] == sorted(page.index(each) for each in order)


def test_pictures_of_programs_are_never_kept(keeping: Browser, small: Mapping[str, bytes]) -> None:
    answer = keeping.http.post(
        "/v1/verifications",
        files={"reference": small["obama"], "probe": small["obama2"]},
        data={"subject": CASE},
        headers={"Authorization": f"Bearer {make_key(keeping.service)}"},
    )
    assert answer.status_code == 200
    assert rows(keeping) == []


@pytest.mark.parametrize("way", ["said by the database", "no table"])
def test_where_they_can_not_be_kept_the_verdict_stands(
    keeping: Browser,
    small: Mapping[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("storage.full", "there is no space left for the database")

    if way == "no table":
        with keeping.service.ledger.storage.writing() as connection:
            connection.exec_driver_sql("DROP TABLE access_pictures")
    else:
        monkeypatch.setattr(keeping.service.pictures, "keep", full)
    monkeypatch.setattr(logging.getLogger(LOGGER), "propagate", True)
    with caplog.at_level(logging.WARNING, LOGGER):
        check = decided(keeping, small["obama"], small["obama2"], subject=CASE)
    page = keeping.get(f"{check}/verdict").text
    assert '<div class="decision match">' in page
    assert "The verdict stands, but its pictures could not be kept" in page
    assert "They are kept" not in page
    assert "The pictures: not kept." in keeping.get(f"{check}/receipt").text
    assert [each.decision for each in entries(keeping, "verdict")] == ["match"]
    [record] = [each for each in caplog.records if each.getMessage() == "pictures not kept"]
    assert record.code == ("storage.tables" if way == "no table" else "storage.full")  # type: ignore[attr-defined]
    press(keeping, check, "end")
    assert "The check has ended, and its pictures are gone." in keeping.get("/desk/check").text


# Who sees them


def test_an_auditor_sees_them_once_the_ledger_says_so(auditor: Browser) -> None:
    index = kept(auditor)
    page = text_of(auditor.get(f"/desk/ledger/entry/{index}").text)
    assert "The pictures of this check are kept, encrypted, until" in page
    assert LOOK in page
    assert recorded(auditor, "access") == []  # so much is said to whoever reads the entry
    answer = ask(auditor, index)
    assert answer.headers["location"] == f"/desk/ledger/entry/{index}/pictures"
    [access] = recorded(auditor, "access")
    assert (access.purpose, access.key) == (PURPOSE, purpose_of(auditor))
    assert access.details == {"what": "pictures", "entry": index, "user": auditor.users["auditor"].id}
    page = auditor.get(answer.headers["location"])
    assert page.headers["cache-control"] == "no-store"
    assert re.findall(r'src="/desk/ledger/entry/\d+/picture/([a-z0-9-]+)" alt="([^"]+)"', page.text) == [
        ("portrait", "Portrait on the document"),
        ("probe", "Picture that was taken at the check"),
    ]
    picture = auditor.get(f"/desk/ledger/entry/{index}/picture/probe")
    assert picture.content == JPEG + b"probe"
    assert picture.headers["cache-control"] == "no-store"
    assert picture.headers["content-type"] == "image/jpeg"
    assert len(recorded(auditor, "access")) == 1  # once asked, to look again within minutes is the same look
    given = {"reference": CASE, "purpose": purpose_of(auditor)}
    report = text_of(auditor.post("/desk/subject", given, page="/desk/subject").text)
    assert "Pictures of the person that are kept were looked at. Purpose: opening accounts." in report
    assert "Pictures that are kept of 1 check, encrypted, until" in report
    assert "gone when the answer is given" not in report
    plain = auditor.post("/desk/subject/file", given, page="/desk/subject").json()
    assert len(plain["pictures_kept_until"]) == 1


def test_where_it_can_not_be_recorded_nothing_is_shown(
    auditor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = kept(auditor)

    def full(*_: object) -> None:
        raise StorageError("storage.full", "there is no space left for the database")

    monkeypatch.setattr(auditor.service.ledger, "append", full)
    assert ask(auditor, index).status_code == 503
    assert auditor.get(f"/desk/ledger/entry/{index}/picture/probe").status_code == 404


def test_only_the_session_that_asked_and_only_for_minutes(auditor: Browser) -> None:
    index, other = kept(auditor), kept(auditor)
    address = f"/desk/ledger/entry/{index}"
    elsewhere = auditor.another()
    elsewhere.sign_in("auditor")
    assert auditor.get(f"{address}/pictures").headers["location"] == address
    assert "If some are kept, ask here." in auditor.get(address).text
    ask(auditor, index)
    assert auditor.get(f"{address}/picture/probe").status_code == 200
    assert auditor.get(f"{address}/picture/nobody").status_code == 404
    assert auditor.get(f"/desk/ledger/entry/{other}/picture/probe").status_code == 404
    assert elsewhere.get(f"{address}/picture/probe").status_code == 404
    assert elsewhere.get(f"{address}/pictures").status_code == 303
    store = auditor.http.app.state.desk.opened  # type: ignore[attr-defined]
    before = store._clock
    store._clock = lambda: before() + OPEN_S + 1
    assert auditor.get(f"{address}/picture/probe").status_code == 404
    assert auditor.get(f"{address}/pictures").status_code == 303
    store._clock = before
    auditor.http.post("/desk/sign-out", data={"csrf": auditor.token("/desk/")})
    assert len(store._open) == 0
    assert auditor.get(f"{address}/picture/probe").status_code in (303, 401)
    auditor.sign_in("auditor")
    assert auditor.get(f"{address}/picture/probe").status_code == 404


def test_only_for_the_purpose_that_they_were_kept_for(auditor: Browser) -> None:
    index = kept(auditor, purpose="lending books")
    page = text_of(auditor.get(f"/desk/ledger/entry/{index}").text)
    assert "They are kept for the purpose “lending books”. You were not given this purpose" in page
    assert LOOK not in page
    answer = ask(auditor, index)
    assert answer.status_code == 403
    assert "You were not given this purpose" in answer.text
    assert recorded(auditor, "access") == []
    assert auditor.get(f"/desk/ledger/entry/{index}/picture/probe").status_code == 404
    other = auditor.user("auditor", name="other", purpose="lending books")
    [key] = auditor.accounts.users.purposes(other.id)
    assert ask(auditor, index, purpose=key.id).status_code == 401  # somebody else's
    assert recorded(auditor, "access") == []


def test_who_loses_the_purpose_sees_no_more(auditor: Browser) -> None:
    index = kept(auditor)
    ask(auditor, index)
    user = auditor.users["auditor"]
    auditor.accounts.users.take_purpose(user.id, purpose_of(auditor))
    assert auditor.get(f"/desk/ledger/entry/{index}/picture/probe").status_code == 404
    assert "You were not given this purpose" in auditor.get(f"/desk/ledger/entry/{index}").text


@pytest.mark.parametrize("role", ["clerk", "reviewer", "administrator"])
def test_nobody_else_sees_them(auditor: Browser, role: Role) -> None:
    index = kept(auditor)
    ask(auditor, index)
    other = auditor.another()
    user = other.sign_in(role)
    [key] = auditor.accounts.users.purposes(user.id)
    address = f"/desk/ledger/entry/{index}"
    assert other.get(f"{address}/pictures").status_code == 403
    assert other.get(f"{address}/picture/probe").status_code == 403
    assert other.post(f"{address}/pictures", {"purpose": key.id}, page="/desk/").status_code == 403


def test_of_what_is_not_there_nothing_is_recorded(auditor: Browser) -> None:
    [index] = put(auditor, [verdict(subject=CASE)])
    page = text_of(auditor.get(f"/desk/ledger/entry/{index}").text)
    assert "No pictures are kept with this entry" in page
    assert ask(auditor, index).headers["location"] == f"/desk/ledger/entry/{index}"
    assert recorded(auditor, "access") == []
    for path in ("x/pictures", "-1/picture/probe", "1/picture/..%2f", "99999/picture/probe"):
        assert auditor.get(f"/desk/ledger/entry/{path}").status_code == 404


def test_what_was_altered_is_told_and_not_shown(auditor: Browser) -> None:
    index, other = kept(auditor), kept(auditor)
    with auditor.service.ledger.storage.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE access_pictures SET body = (SELECT body FROM access_pictures WHERE id = {other})"
        )
    ask(auditor, index)
    assert auditor.get(f"/desk/ledger/entry/{index}/pictures").status_code == 503
    assert JPEG not in auditor.get(f"/desk/ledger/entry/{index}/picture/probe").content


# How they go


def test_after_their_time_they_are_gone(auditor: Browser) -> None:
    index = kept(auditor)
    ask(auditor, index)
    pictures = auditor.service.pictures
    later = datetime.now(UTC) + timedelta(days=DAYS)
    pictures._clock = lambda: later
    assert auditor.get(f"/desk/ledger/entry/{index}/picture/probe").status_code == 404
    assert "No pictures are kept with this entry" in auditor.get(f"/desk/ledger/entry/{index}").text
    assert ask(auditor, index).headers["location"] == f"/desk/ledger/entry/{index}"
    assert len(rows(auditor)) == 1
    assert auditor.service.expire() >= 1
    assert rows(auditor) == []


def test_erasing_the_person_takes_them(auditor: Browser, tmp_path: Path) -> None:
    index = kept(auditor)
    ask(auditor, index)
    [row] = rows(auditor)
    administrator = auditor.another()
    administrator.sign_in("administrator")
    assert "Answers and pictures that are kept" in administrator.get("/desk/admin/erasure").text
    assert erase(administrator, reference=CASE, purpose="x", really="on", sure="on").status_code == 303
    told = administrator.get("/desk/admin/retention").text
    assert "The pictures of 1 check that were kept are deleted." in told
    assert rows(auditor) == []
    files = b"".join(path.read_bytes() for path in tmp_path.glob("desk.sqlite*"))
    assert row.body not in files
    assert row.body[12:40] not in files
    assert auditor.get(f"/desk/ledger/entry/{index}/picture/probe").status_code == 404


def test_erasing_what_entries_were_about_takes_them(auditor: Browser) -> None:
    index, other = kept(auditor), kept(auditor)
    administrator = auditor.another()
    administrator.sign_in("administrator")
    given = {"first": f"{index}", "last": f"{index}", "purpose": "x", "really": "on", "sure": "on"}
    page = "/desk/admin/retention"
    assert administrator.post(f"{page}/entries", given, page=page).status_code == 303
    assert [row.id for row in rows(auditor)] == [other]


def test_administrators_read_how_long(auditor: Browser) -> None:
    auditor.sign_in("administrator")
    page = text_of(auditor.get("/desk/admin/retention").text)
    assert "Pictures 30 days, encrypted: those of checks at the desk desk_picture_days" in page


# What is open to whom


def test_what_is_open_is_bounded() -> None:
    now = [0.0]
    store = Opened(lambda: now[0])
    for index in range(MOST + 1):
        store.open(b"a", index, "p")
    store.open(b"b", 1, "q")
    assert [store.purpose(b"a", index) for index in (0, 1, 2)] == [None, None, "p"]
    assert store.purpose(b"b", 1) == "q"
    store.sign_out(b"a")
    assert store.purpose(b"a", 2) is None
    now[0] = OPEN_S - 0.1
    assert store.purpose(b"b", 1) == "q"
    now[0] = OPEN_S
    assert store.purpose(b"b", 1) is None
