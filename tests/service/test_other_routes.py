"""Crosschecks, documents, quality, challenges and what is recorded of a person: with real pictures."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.documents.specimens import Specimens, make
from tests.service.conftest import PURPOSE, Door, make_key

from visavis.ledger.verify import verify
from visavis.liveness.active import Active
from visavis.service import challenges, models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from visavis.verifier import Verifier


@pytest.fixture(scope="module")
def specimens(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Specimens:
    return make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])


def zipped(specimens: Specimens) -> bytes:
    return specimens.other_chip.read_bytes()


def test_a_document_is_read(door: Door, specimens: Specimens) -> None:
    files = {"page": specimens.passport.read_bytes()}
    answer = door.post("/v1/documents", files=files, data={"subject": "applicant-5"})
    assert answer.status_code == 200, answer.text
    plain = answer.json()
    models.DocumentAnswer.model_validate(plain)
    assert plain["document"]["mrz"]["lines"] == list(specimens.passport_lines)
    entry = door.entries()[plain["ledger"]["index"]]
    assert (entry.kind, entry.decision) == ("document", "read")
    # Nothing of what was read is in the ledger.
    leaf = door.service.ledger.leaf(plain["ledger"]["index"]).decode()
    for field in plain["document"]["mrz"]["fields"].values():
        if len(field["value"]) > 3:
            assert field["value"] not in leaf


def test_a_claim_may_rest_on_a_document(door: Door, specimens: Specimens, small: Mapping[str, bytes]) -> None:
    files = [
        ("page", specimens.front.read_bytes()),
        ("page", specimens.back.read_bytes()),
        ("chip", zipped(specimens)),
        ("probe", small["obama2"]),
    ]
    answer = door.post("/v1/verifications", files=files)
    assert answer.status_code == 200, answer.text
    plain = answer.json()
    models.VerificationAnswer.model_validate(plain)
    verdict = plain["verdict"]
    assert verdict["decision"] == "match"
    assert verdict["document"]["chip"] is not None


def test_two_documents_of_one_person(door: Door, specimens: Specimens) -> None:
    files = {"first_page": specimens.passport.read_bytes(), "second_page": specimens.back.read_bytes()}
    answer = door.post("/v1/crosschecks", files=files)
    assert answer.status_code == 200, answer.text
    plain = answer.json()
    models.CrosscheckAnswer.model_validate(plain)
    assert plain["crosscheck"]["decision"] == "inconclusive"  # the back of a card has no portrait
    entry = door.entries()[plain["ledger"]["index"]]
    assert (entry.kind, entry.decision) == ("crosscheck", "inconclusive")


@pytest.mark.parametrize(
    ("path", "files", "status", "code"),
    [
        ("/v1/documents", {"page": b"x"}, 415, "photo.format"),
        ("/v1/documents", {"page": b"%PDF-1.7 x"}, 422, None),
        ("/v1/documents", {"chip": b"x"}, 422, "request.fields"),
        ("/v1/documents", {"page": b"x", "probe": b"y"}, 422, "request.fields"),
        ("/v1/crosschecks", {"first_page": b"x"}, 422, "request.fields"),
        ("/v1/crosschecks", {"first_page": b"x", "second_page": b"y"}, 415, "photo.format"),
        ("/v1/quality", {}, 422, "request.fields"),
        ("/v1/quality", {"picture": b"x"}, 415, "photo.format"),
    ],
)
def test_what_cannot_be_read_is_refused(
    door: Door, path: str, files: dict[str, bytes], status: int, code: str | None
) -> None:
    answer = door.post(path, files=files or {"": b""})
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code


def test_a_damaged_chip_is_refused_by_name(door: Door, specimens: Specimens) -> None:
    files = {"page": specimens.passport.read_bytes(), "chip": zipped(specimens)[:-60]}
    answer = door.post("/v1/documents", files=files)
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"].startswith("chip.")


# Quality


def test_quality_against_a_profile(door: Door, small: Mapping[str, bytes], faceless: bytes) -> None:
    good = door.post("/v1/quality", files={"picture": small["obama"]}).json()
    models.QualityAnswer.model_validate(good)
    assert good["picture"]["quality"]["profile"] == "selfie"
    assert good["outcome"] == "meets"
    strict = door.post(
        "/v1/quality", files={"picture": small["obama2"]}, data={"profile": "icao_portrait"}
    ).json()
    assert strict["outcome"] == "falls_short"
    assert "quality_low" in {reason["code"] for reason in strict["reasons"]}
    none = door.post("/v1/quality", files={"picture": faceless}).json()
    assert (none["outcome"], none["picture"]["quality"]) == ("not_assessed", None)
    assert door.entries()[none["ledger"]["index"]].decision == "not_assessed"
    wrong = door.post("/v1/quality", files={"picture": faceless}, data={"profile": "handsome"})
    assert wrong.status_code == 422


# Challenges


def drawn(door: Door, **asked: Any) -> dict[str, Any]:
    answer = door.post("/v1/challenges", json=asked) if asked else door.post("/v1/challenges")
    assert answer.status_code == 201, answer.text
    plain: dict[str, Any] = answer.json()
    models.ChallengeDrawn.model_validate(plain)
    return plain


def frames(picture: bytes, challenge: Mapping[str, Any], count: int = 4) -> dict[str, Any]:
    times = [challenge["duration_ms"] * number / (count - 1) for number in range(count)]
    return {
        "files": [("frame", picture)] * count,
        "data": {"times": json.dumps(times)},
    }


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets answers come in so long after the challenge was drawn."""

    def move(**by: float) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(**by)

        monkeypatch.setattr(challenges, "datetime", Later)

    return move


def test_the_same_picture_over_and_over_is_no_answer(
    door: Door, small: Mapping[str, bytes], later: Any
) -> None:
    challenge = drawn(door)
    later(seconds=20)
    answer = door.post(f"/v1/challenges/{challenge['id']}/answers", **frames(small["obama"], challenge))
    assert answer.status_code == 200, answer.text
    plain = answer.json()
    models.ChallengeAnswer.model_validate(plain)
    assert plain["liveness"]["outcome"] != "live"
    entry = door.entries()[plain["ledger"]["index"]]
    assert (entry.kind, entry.decision) == ("liveness", plain["liveness"]["outcome"])
    again = door.post(f"/v1/challenges/{challenge['id']}/answers", **frames(small["obama"], challenge))
    assert (again.status_code, again.json()["code"]) == (409, "request.challenge_answered")


@pytest.mark.parametrize(
    ("seconds", "code"), [(1, "request.challenge_too_soon"), (185, "request.challenge_expired")]
)
def test_an_answer_counts_in_time(
    door: Door, small: Mapping[str, bytes], later: Any, seconds: float, code: str
) -> None:
    challenge = drawn(door)
    later(seconds=seconds)
    answer = door.post(f"/v1/challenges/{challenge['id']}/answers", **frames(small["obama"], challenge))
    assert (answer.status_code, answer.json()["code"]) == (409, code)


def test_a_challenge_is_of_one_purpose_and_one_subject(
    door: Door, small: Mapping[str, bytes], later: Any
) -> None:
    challenge = drawn(door, subject="applicant-8")
    later(seconds=20)
    path = f"/v1/challenges/{challenge['id']}/answers"
    other = Door(door.http, door.service, make_key(door.service, purpose="something else"))
    assert other.post(path, **frames(small["obama"], challenge)).status_code == 404
    answer = door.post(path, **frames(small["obama"], challenge))
    assert (answer.status_code, answer.json()["code"]) == (409, "request.challenge_of_another_request")
    given = frames(small["obama"], challenge)
    given["data"]["subject"] = "applicant-8"
    assert door.post(path, **given).status_code == 200
    assert "applicant-8" not in str(challenge)


@pytest.mark.parametrize(
    ("count", "times", "status"),
    [(2, "[0]", 422), (1, "[]", 422), (1, "[1e300]", 422), (1, '"0"', 422), (1, "[", 400)],
)
def test_frames_that_cannot_be_are_refused(
    door: Door, small: Mapping[str, bytes], count: int, times: str, status: int
) -> None:
    challenge = drawn(door)
    answer = door.post(
        f"/v1/challenges/{challenge['id']}/answers",
        files=[("frame", small["obama"])] * count,
        data={"times": times},
    )
    assert answer.status_code == status, answer.text


def test_a_verification_rests_on_an_answer_once(
    door: Door, small: Mapping[str, bytes], later: Any, monkeypatch: pytest.MonkeyPatch, sface: Verifier
) -> None:
    """The detector is told to say live: what is held here is what the service makes of that."""
    template = sface.examine(small["obama"]).template
    live = Active("live", 0.9, 0.5, (), None, "all checks passed", template)
    monkeypatch.setattr(type(door.service.engine), "judge", lambda *_: live)
    policy = json.dumps({"liveness": "require"})

    def rest_on(challenge: Mapping[str, Any], probe: bytes, **more: Any) -> Any:
        data = {"policy": policy, "challenge": challenge["id"], **more}
        return door.verify(small["obama2"], probe, data=data)

    challenge = drawn(door)
    unanswered = rest_on(challenge, small["obama"])
    assert (unanswered.status_code, unanswered.json()["code"]) == (409, "request.challenge_not_answered")
    later(seconds=20)
    path = f"/v1/challenges/{challenge['id']}/answers"
    assert door.post(path, **frames(small["obama"], challenge)).status_code == 200
    of_another = rest_on(challenge, small["obama"], subject="applicant-9")
    assert of_another.json()["code"] == "request.challenge_of_another_request"
    verdict = rest_on(challenge, small["obama"]).json()["verdict"]
    assert verdict["liveness"]["active"]["outcome"] == "live"
    again = rest_on(challenge, small["obama"])
    assert (again.status_code, again.json()["code"]) == (409, "request.challenge_used")

    challenge = drawn(door)
    assert (
        door.post(
            f"/v1/challenges/{challenge['id']}/answers", **frames(small["obama"], challenge)
        ).status_code
        == 200
    )
    stranger = rest_on(challenge, small["biden"]).json()["verdict"]
    assert stranger["decision"] == "inconclusive"
    assert "liveness_of_another" in {reason["code"] for reason in stranger["reasons"]}


# What is recorded of a person


def test_a_person_sees_every_use_under_the_purpose_of_the_key(door: Door, small: Mapping[str, bytes]) -> None:
    door.verify(small["obama"], small["obama2"], data={"subject": "applicant-10"})
    other = Door(door.http, door.service, make_key(door.service, purpose="something else"))
    other.verify(small["obama"], small["obama2"], data={"subject": "applicant-10"})
    report = door.get("/v1/subjects/applicant-10/report")
    assert report.status_code == 200
    plain = report.json()
    models.SubjectReport.model_validate(plain)
    assert {use["purpose"] for use in plain["uses"]} == {PURPOSE}
    assert [use["kind"] for use in plain["uses"]] == ["verdict", "access"]
    assert len(plain["kept_until"]) == 1  # the answer under this key's purpose, not the other one
    assert plain["pictures_kept_until"] == []
    for reference in ("nobody", "with%2Fa%20slash", "report"):
        assert [use["kind"] for use in door.get(f"/v1/subjects/{reference}/report").json()["uses"]] in (
            [],
            ["access"],
        )


def test_a_person_sees_that_a_verdict_was_fetched(door: Door, small: Mapping[str, bytes]) -> None:
    """By its id, which doesn't say whose it is; after an erasure nobody can tell it either."""
    plain = door.verify(small["obama"], small["obama2"], data={"subject": "applicant-12"}).json()
    nobodys = door.verify(small["obama"], small["obama2"]).json()
    for each in (plain, nobodys):
        assert door.get(f"/v1/verifications/{each['id']}").json() == each
    ledger = door.service.ledger
    digest = ledger.subject_digest("applicant-12")
    uses = door.get("/v1/subjects/applicant-12/report").json()["uses"]
    assert [use["kind"] for use in uses] == ["verdict", "access", "access"]
    entry = ledger.entry(uses[1]["index"])
    assert entry.details == {"asked": "a verdict that was given", "answer": plain["id"]}
    assert entry.subject is not None
    assert (entry.subject.digest, entry.subject) == (digest, ledger.entry(plain["ledger"]["index"]).subject)
    last = ledger.state().size - 1
    about_nobody = ledger.entry(last - 1)
    assert (about_nobody.details["answer"], about_nobody.subject) == (nobodys["id"], None)
    door.service.subjects.erase("applicant-12", purpose=PURPOSE)
    assert ledger.subject_digest("applicant-12") is None
    assert ledger.key is not None
    assert verify(ledger, key=ledger.key.verifier).sound


def test_an_erasure_reaches_what_is_kept(door: Door, small: Mapping[str, bytes]) -> None:
    name = {"Idempotency-Key": "to be erased"}
    data = {"subject": "applicant-11"}
    plain = door.verify(small["obama"], small["obama2"], data=data, headers=name).json()
    door.service.subjects.erase("applicant-11", purpose=PURPOSE)
    assert door.get(f"/v1/verifications/{plain['id']}").status_code == 404
    again = door.verify(small["obama"], small["obama2"], data=data, headers=name)
    assert again.status_code == 409  # its answer is gone, and its time isn't over
