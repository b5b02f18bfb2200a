"""A person's report and erasure: what is said, what is recorded, and who may."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.service.pages.test_audit import SCRIPT, purpose_of, put, recorded, verdict

from visavis.ledger.entry import Event

if TYPE_CHECKING:
    from tests.service.pages.conftest import Browser


def erase(desk: Browser, **given: str) -> Any:
    return desk.post("/desk/admin/erasure", given, page="/desk/admin/erasure")


def test_a_report_tells_each_use_in_words(desk: Browser) -> None:
    desk.sign_in("auditor")
    key = desk.accounts.users.keys.create(
        purpose="lending books",
        legal_basis="a library card",
        scopes=["verifications"],
        rate_per_min=1,
        quota_per_day=1,
    )[0]
    put(
        desk,
        [
            verdict(subject="case 1", key=key.id, reasons=("face_small",)),
            Event(kind="refusal", purpose="lending books", subject="case 1", reasons=("photo.format",)),
            verdict(subject="case 2", purpose="something else"),
        ],
    )
    desk.service.verdicts.keep(
        "verification_1", b"{}", purpose="x", subject="case 1", keep_for=timedelta(hours=1)
    )
    given = {"reference": "case 1", "purpose": purpose_of(desk)}
    page = desk.post("/desk/subject", given, page="/desk/subject").text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    for said in (
        "It was asked whether two pictures, or a picture and a document, show the same person.",
        "Result: the same person.",
        "1 in 500,000, at most 1 in 33,000.",
        "The face has few pixels",
        "Purpose: lending books.",
        "Legal basis: a library card.",
        f"Asked with the key {key.id}.",
        "Something was asked for and refused. Why: A picture could not be used.",
        "1 answer, until",
    ):
        assert said in text, said
    assert "something else" not in text
    assert page.count('<section class="use">') == 3  # the report itself is the last one
    [access] = recorded(desk, "access")
    assert (access.purpose, access.key) == ("opening accounts", purpose_of(desk))
    assert access.details == {"what": "report", "found": True}


def test_the_same_as_a_file(desk: Browser) -> None:
    desk.sign_in("auditor")
    put(desk, [verdict(subject=SCRIPT, purpose=SCRIPT)])
    given = {"reference": SCRIPT, "purpose": purpose_of(desk)}
    page = desk.post("/desk/subject", given, page="/desk/subject").text
    assert "<script>alert" not in page
    answer = desk.post("/desk/subject/file", given, page="/desk/subject")
    assert answer.headers["content-disposition"] == 'attachment; filename="report.json"'
    assert answer.headers["content-type"] == "application/json"
    assert [use["kind"] for use in answer.json()["uses"]] == ["verdict", "access", "access"]
    assert len(recorded(desk, "access")) == 2


def test_of_somebody_of_whom_nothing_is_known(desk: Browser) -> None:
    desk.sign_in("auditor")
    given = {"reference": "nobody", "purpose": purpose_of(desk)}
    page = desk.post("/desk/subject", given, page="/desk/subject").text
    assert "Nothing is recorded under this reference" in page
    assert recorded(desk, "access")[0].details["found"] is False


def test_only_under_a_purpose_of_ones_own(desk: Browser) -> None:
    desk.sign_in("auditor")
    desk.user("auditor", name="other")
    put(desk, [verdict(subject="case 1")])
    for key in (purpose_of(desk, "other"), "", SCRIPT):
        for path in ("/desk/subject", "/desk/subject/file"):
            answer = desk.post(path, {"reference": "case 1", "purpose": key}, page="/desk/subject")
            assert answer.status_code in (401, 403)
    assert recorded(desk, "access") == []


def test_a_long_report_says_what_it_leaves_out(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from visavis.service.pages import subject

    monkeypatch.setattr(subject, "MOST_SHOWN", 2)
    desk.sign_in("auditor")
    put(desk, [verdict(subject="case 1") for _ in range(4)])
    given = {"reference": "case 1", "purpose": purpose_of(desk)}
    page = desk.post("/desk/subject", given, page="/desk/subject").text
    assert page.count('<section class="use">') == 2
    assert "3 earlier uses are not shown here" in page


@pytest.mark.parametrize("reference", ["", "x" * 201, " "])
def test_a_reference_is_needed(desk: Browser, reference: str) -> None:
    desk.sign_in("auditor")
    given = {"reference": reference, "purpose": purpose_of(desk)}
    assert desk.post("/desk/subject", given, page="/desk/subject").status_code == 422
    assert recorded(desk, "access") == []


# Erasure


def test_erasure_asks_once_more_and_is_recorded_with_who_did_it(desk: Browser) -> None:
    user = desk.sign_in("administrator")
    put(desk, [verdict(subject="case 1")])
    desk.service.verdicts.keep(
        "verification_1", b"{}", purpose="x", subject="case 1", keep_for=timedelta(hours=1)
    )
    asked = erase(desk, reference="case 1", purpose="the person asked")
    assert asked.status_code == 200
    assert "can’t be undone" in asked.text
    assert desk.service.ledger.subject_digest("case 1") is not None
    again = erase(desk, reference="case 1", purpose="the person asked", really="on")
    assert again.status_code == 422
    assert "Tick the box" in again.text
    assert desk.service.ledger.subject_digest("case 1") is not None
    done = erase(desk, reference="case 1", purpose="the person asked", really="on", sure="on")
    assert done.status_code == 303
    assert desk.service.ledger.subject_digest("case 1") is None
    assert desk.service.verdicts.times_of("case 1") == []
    [access] = recorded(desk, "access")
    [erasure] = recorded(desk, "erasure")
    assert access.details == {"what": "erasure of a person", "by": user.id, "found": True}
    assert erasure.purpose == access.purpose == "the person asked"
    assert "1 answer that was kept is deleted." in desk.get("/desk/admin/retention").text


def test_erasing_somebody_who_isnt_there(desk: Browser) -> None:
    desk.sign_in("administrator")
    done = erase(desk, reference="nobody", purpose="the person asked", really="on", sure="on")
    assert done.status_code == 303
    assert "Nothing is kept or recorded" in desk.get("/desk/admin/retention").text
    assert recorded(desk, "erasure") == []


@pytest.mark.parametrize(
    "given",
    [
        {"reference": "", "purpose": "x"},
        {"reference": "case 1", "purpose": ""},
        {"reference": "case 1", "purpose": "x" * 201},
        {"reference": "case 1", "purpose": "two\nlines"},
        {"reference": "case 1", "purpose": "", "really": "on", "sure": "on"},
        {"reference": SCRIPT, "purpose": "", "really": "on", "sure": "on"},
    ],
)
def test_what_is_not_said_is_asked_for(desk: Browser, given: dict[str, str]) -> None:
    desk.sign_in("administrator")
    put(desk, [verdict(subject="case 1")])
    answer = erase(desk, **given)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert desk.service.ledger.subject_digest("case 1") is not None


def test_who_looks_does_not_erase_and_who_erases_does_not_look(desk: Browser) -> None:
    desk.sign_in("auditor")
    assert erase_as(desk).status_code == 403
    other = desk.another()
    other.sign_in("administrator")
    assert other.get("/desk/subject").status_code == 403
    assert other.post("/desk/subject", {"reference": "x"}, page="/desk/").status_code == 403
    clerk = desk.another()
    clerk.sign_in("clerk")
    for path in ("/desk/subject", "/desk/admin/erasure"):
        assert clerk.get(path).status_code == 403


def erase_as(desk: Browser) -> Any:
    given = {"reference": "case 1", "purpose": "x", "really": "on", "sure": "on"}
    return desk.post("/desk/admin/erasure", given, page="/desk/")
