"""The administrator's pages: users, keys, what is in force and kept; and that nobody locks themselves out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.service.pages.conftest import PASSWORD
from tests.service.pages.test_audit import SCRIPT, put, recorded, verdict
from tests.service.pages.test_sign_in import code

from visavis.access import tables
from visavis.errors import AccessError
from visavis.service.pages import admin, admin_keys, admin_users, subject

if TYPE_CHECKING:
    from tests.service.pages.conftest import Browser

USERS, KEYS = "/desk/admin/users", "/desk/admin/keys"
KEY = {
    "purpose": "opening accounts",
    "legal_basis": "consent",
    "rate": "60",
    "quota": "1000",
    "ends": "2999-01-31",
    "verifications": "on",
    "quality": "on",
}


def send(desk: Browser, path: str, **given: str) -> Any:
    return desk.post(path, given, page="/desk/admin")


# Users


def test_a_user_is_added_and_comes_in_by_the_link(desk: Browser) -> None:
    chief = desk.sign_in("administrator")
    answer = send(desk, USERS, name=" Anna.Smith ", clerk="on", reviewer="on")
    assert answer.status_code == 200
    link = re.search(r'<code class="secret" tabindex="0">([^<]+)</code>', answer.text)
    assert link is not None
    path = "/desk/invitation/" + link[1].rpartition("/")[2]
    user = desk.accounts.users.named("anna.smith")
    assert user.roles == {"clerk", "reviewer"}
    here = desk.another()
    answer = here.post(path, {"new": PASSWORD, "again": PASSWORD}, page=path)
    assert answer.status_code == 303
    assert here.get("/desk/").status_code == 200
    told = [(entry.decision, entry.details["by"]) for entry in recorded(desk, "user")[-4:]]
    assert told[:2] == [("add", chief.id), ("invite", chief.id)]
    assert "anna.smith" in desk.get(USERS).text
    assert link[1] not in desk.get(f"{USERS}/{user.id}").text


def test_a_user_of_an_openid_provider_gets_no_link(desk: Browser) -> None:
    desk.sign_in("administrator")
    answer = send(desk, USERS, name="anna", clerk="on", issuer="https://id.example", subject="4711")
    assert answer.status_code == 303
    user = desk.accounts.users.named("anna")
    assert (user.issuer, user.subject) == ("https://id.example", "4711")
    assert "https://id.example" in desk.get(f"{USERS}/{user.id}").text
    assert "can’t be given a link" in send(desk, f"{USERS}/{user.id}/invitation").text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "", "clerk": "on"}, "name"),
        ({"name": "a", "clerk": "on"}, "name"),
        ({"name": SCRIPT, "clerk": "on"}, "name"),
        ({"name": "administrator", "clerk": "on"}, "name"),
        ({"name": "anna"}, "roles"),
        ({"name": "anna", "root": "on"}, "roles"),
        ({"name": "anna", "clerk": "on", "issuer": "https://id.example"}, "subject"),
        ({"name": "anna", "clerk": "on", "subject": "4711"}, "issuer"),
        ({"name": "anna", "clerk": "on", "issuer": "é", "subject": "4711"}, "issuer"),
    ],
)
def test_users_that_cant_be(desk: Browser, given: dict[str, str], field: str) -> None:
    desk.sign_in("administrator")
    answer = send(desk, USERS, **given)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert "<script>alert" not in answer.text
    assert [user.name for user in desk.accounts.users.all()] == ["administrator"]


def test_roles_purposes_and_sessions(desk: Browser) -> None:
    chief = desk.sign_in("administrator")
    here = desk.another()
    user = here.sign_in("clerk")
    where = f"{USERS}/{user.id}"
    assert send(desk, f"{where}/roles", auditor="on").status_code == 303
    assert desk.accounts.users.get(user.id).roles == {"auditor"}
    assert here.get("/desk/").status_code == 303  # signed out
    given = {"purpose": SCRIPT, "legal_basis": SCRIPT, "rate": "5", "quota": "6"}
    assert send(desk, f"{where}/purposes", **given).status_code == 303
    page = desk.get(where).text
    assert "<script>alert" not in page
    assert "5 a minute, 6 a day" in page
    [old, key] = desk.accounts.users.purposes(user.id)
    assert (key.purpose, key.rate_per_min, key.quota_per_day) == (SCRIPT, 5, 6)
    assert send(desk, f"{where}/purposes/{old.id}/end").status_code == 303
    assert desk.accounts.users.purposes(user.id) == [key]
    here.post("/desk/sign-in", {"name": "clerk", "password": PASSWORD})
    assert here.get("/desk/").status_code == 200
    assert send(desk, f"{where}/sign-out").status_code == 303
    assert here.get("/desk/").status_code == 303
    told = [entry.decision for entry in recorded(desk, "user") if entry.details["by"] == chief.id]
    assert told == ["sign-in", "roles", "purpose", "purpose-end", "end-sessions"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"purpose": ""}, "purpose"),
        ({"purpose": "x" * 201}, "purpose"),
        ({"legal_basis": "two\nlines"}, "legal_basis"),
        ({"rate": "0"}, "rate"),
        ({"rate": "1e3"}, "rate"),
        ({"quota": "9999999999"}, "quota"),
        ({"quota": "-1"}, "quota"),
    ],
)
def test_purposes_and_keys_that_cant_be(desk: Browser, changed: dict[str, str], field: str) -> None:
    user = desk.sign_in("administrator")
    before = len(desk.accounts.users.keys.all())
    for path in (f"{USERS}/{user.id}/purposes", KEYS):
        answer = send(desk, path, **{**KEY, **changed})
        assert answer.status_code == 422, path
        assert f'href="#{field}"' in answer.text
    assert len(desk.accounts.users.keys.all()) == before


def test_a_purpose_of_somebody_else_is_not_taken_by_another_address(desk: Browser) -> None:
    user = desk.sign_in("administrator")
    other = desk.user("clerk")
    [key] = desk.accounts.users.purposes(other.id)
    program = desk.accounts.users.keys.create(
        purpose="x", legal_basis="y", scopes=["quality"], rate_per_min=1, quota_per_day=1
    )[0]
    for id_ in (key.id, program.id, "nothing", SCRIPT):
        assert send(desk, f"{USERS}/{user.id}/purposes/{id_}/end").status_code == 404
    assert desk.accounts.users.purposes(other.id) == [key]
    assert program.state(datetime.now(UTC)) == "valid"


def test_blocked_and_let_in_again(desk: Browser) -> None:
    desk.sign_in("administrator")
    here = desk.another()
    user = here.sign_in("clerk")
    assert send(desk, f"{USERS}/{user.id}/block").status_code == 303
    assert here.get("/desk/").status_code == 303
    assert desk.accounts.users.get(user.id).state == "blocked"
    assert "blocked" in desk.get(USERS).text
    assert "can’t be given a link" in send(desk, f"{USERS}/{user.id}/invitation").text
    assert send(desk, f"{USERS}/{user.id}/unblock").status_code == 303
    assert desk.accounts.users.get(user.id).state == "active"


def test_the_last_administrator_stays(desk: Browser) -> None:
    chief = desk.sign_in("administrator")
    where = f"{USERS}/{chief.id}"
    for path, given in (("block", {}), ("roles", {"clerk": "on"})):
        answer = send(desk, f"{where}/{path}", **given)
        assert answer.status_code == 422
        assert "Nobody else could manage users" in answer.text
    assert desk.accounts.users.get(chief.id).roles == {"administrator"}
    assert desk.get(USERS).status_code == 200
    send(desk, USERS, name="invited", administrator="on")  # one who never came in is none
    assert send(desk, f"{where}/block").status_code == 422
    desk.user("administrator", name="second")
    assert send(desk, f"{where}/roles", clerk="on").status_code == 303
    assert desk.get(USERS).status_code == 303


def test_a_second_factor_is_taken_away(desk: Browser) -> None:
    desk.sign_in("administrator")
    user = desk.user("clerk")
    enrolment = desk.accounts.second_factor.begin(user)
    desk.accounts.second_factor.confirm(user, code(enrolment.secret))
    page = desk.get(f"{USERS}/{user.id}").text
    assert "Take the second factor away" in page
    assert send(desk, f"{USERS}/{user.id}/second-factor").status_code == 303
    assert not desk.accounts.users.get(user.id).has_second_factor


def test_administrators_change_their_own_way_in_with_their_password_like_all_others(desk: Browser) -> None:
    chief = desk.sign_in("administrator")
    enrolment = desk.accounts.second_factor.begin(chief)
    desk.accounts.second_factor.confirm(chief, code(enrolment.secret))
    desk.post("/desk/sign-in", {"name": "administrator", "password": PASSWORD})
    desk.post("/desk/sign-in/code", {"code": code(enrolment.secret, ahead=1)}, page="/desk/sign-in/code")
    page = desk.get(f"{USERS}/{chief.id}").text
    assert "where your password is asked for" in page
    assert f"{USERS}/{chief.id}/invitation" not in page
    assert f"{USERS}/{chief.id}/second-factor" not in page
    for path in ("invitation", "second-factor"):
        answer = send(desk, f"{USERS}/{chief.id}/{path}")
        assert (answer.status_code, "/desk/invitation/" in answer.text) == (422, False)
    assert desk.accounts.users.get(chief.id).has_second_factor


# Keys


def test_a_key_is_made_and_its_secret_shown_once(desk: Browser) -> None:
    chief = desk.sign_in("administrator")
    answer = send(desk, KEYS, **{**KEY, "purpose": SCRIPT, "max_fmr": "0,0001"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    secret = re.search(r"vv_([a-z2-7]{12})_[A-Za-z0-9_-]{43}", answer.text)
    assert secret is not None
    grant = desk.accounts.users.keys.admit(secret[0], "quality")
    assert (grant.key, grant.max_fmr) == (secret[1], 0.0001)
    key = desk.accounts.users.keys.get(secret[1])
    assert key.scopes == {"verifications", "quality"}
    assert key.expires_at is not None
    assert key.expires_at.astimezone().isoformat()[:10] == "2999-01-31"
    for path in (KEYS, f"{KEYS}/{key.id}"):
        page = desk.get(path).text
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert secret[0] not in page
    assert recorded(desk, "key")[-1].details["by"] == chief.id


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"verifications": "", "quality": ""}, "scopes"),
        ({"max_fmr": "0"}, "max_fmr"),
        ({"max_fmr": "0.2"}, "max_fmr"),
        ({"max_fmr": "nan"}, "max_fmr"),
        ({"max_fmr": SCRIPT}, "max_fmr"),
        ({"ends": ""}, "ends"),
        ({"ends": "2001-01-01"}, "ends"),
        ({"ends": "soon"}, "ends"),
    ],
)
def test_keys_that_cant_be(desk: Browser, changed: dict[str, str], field: str) -> None:
    desk.sign_in("administrator")
    given = {**KEY, **changed}
    for scope in ("verifications", "quality"):
        if not given[scope]:  # a box that isn't ticked isn't sent
            del given[scope]
    answer = send(desk, KEYS, **given)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert len(desk.accounts.users.keys.all()) == 1


def test_a_key_without_an_end(desk: Browser) -> None:
    desk.sign_in("administrator")
    assert send(desk, KEYS, **{**KEY, "ends": "", "never": "on"}).status_code == 200
    assert desk.accounts.users.keys.all()[-1].expires_at is None


def test_another_secret_and_the_end(desk: Browser) -> None:
    chief = desk.sign_in("administrator")
    manage = desk.accounts.users.keys
    key, old = manage.create(
        purpose="x", legal_basis="y", scopes=["quality"], rate_per_min=60, quota_per_day=1000
    )
    where = f"{KEYS}/{key.id}"
    assert send(desk, f"{where}/rotate", overlap="a year").status_code == 422
    answer = send(desk, f"{where}/rotate", overlap="1h")
    new = re.search(r"vv_[a-z2-7]{12}_[A-Za-z0-9_-]{43}", answer.text)
    assert new is not None
    assert manage.admit(new[0], "quality").key == manage.admit(old, "quality").key == key.id
    answer = send(desk, f"{where}/rotate", overlap="0")
    with pytest.raises(AccessError):
        manage.admit(new[0], "quality")
    assert send(desk, f"{where}/revoke").status_code == 303
    assert manage.get(key.id).state(datetime.now(UTC)) == "revoked"
    assert "This key has no secret" in send(desk, f"{where}/rotate", overlap="1h").text
    told = [(each.decision, each.details.get("by")) for each in recorded(desk, "key") if each.key == key.id]
    assert told == [("create", None), *[("rotate", chief.id)] * 2, ("revoke", chief.id)]


def test_the_key_of_a_user_has_no_secret(desk: Browser) -> None:
    user = desk.sign_in("administrator")
    [key] = desk.accounts.users.purposes(user.id)
    assert "Another secret" not in desk.get(f"{KEYS}/{key.id}").text
    answer = send(desk, f"{KEYS}/{key.id}/rotate", overlap="1h")
    assert answer.status_code == 422
    assert "vv_" not in answer.text


@pytest.mark.parametrize("id_", ["nothing", "a" * 500, SCRIPT, "%00"])
def test_what_isnt_there(desk: Browser, id_: str) -> None:
    desk.sign_in("administrator")
    for path in (f"{KEYS}/{id_}", f"{USERS}/{id_}"):
        assert desk.get(path).status_code == 404
    for path in (f"{KEYS}/{id_}/revoke", f"{KEYS}/{id_}/rotate", f"{USERS}/{id_}/block"):
        assert send(desk, path, overlap="1h").status_code == 404


# What is in force, what is kept


def test_what_is_in_force_is_shown_and_how_to_change_it(desk: Browser) -> None:
    desk.sign_in("administrator")
    config, verifier = desk.service.config, desk.service.engine.verifier
    page = desk.get("/desk/admin/policy").text
    for text in (
        verifier.pack.name,
        verifier.calibration.digest,
        "min_inter_eye_px",
        "VISAVIS_SERVICE_POLICY",
    ):
        assert text in page, text
    page = desk.get("/desk/admin/settings").text
    for text in (config.origin, "desk_idle_minutes", f"{config.desk_hours:g} hours"):
        assert text in page, text
    page = desk.get("/desk/admin/retention").text
    for text in (
        "verdict_hours",
        f"{config.verdict_hours:g} hours",
        "48 hours, then their salt is destroyed",
    ):
        assert text in page, text


def test_what_is_past_its_time_is_deleted_now(desk: Browser) -> None:
    user = desk.sign_in("administrator")
    desk.service.verdicts.keep("a", b"{}", purpose="x", subject="case 1", keep_for=timedelta(0))
    assert send(desk, "/desk/admin/retention/expire").status_code == 303
    assert "past" in desk.get("/desk/admin/retention").text
    assert recorded(desk, "access")[-1].details == {"what": "expiry", "by": user.id}
    with desk.service.ledger.storage.reading() as connection:
        assert connection.execute(tables.verdicts.select()).all() == []


def test_entries_are_erased_after_asking_once_more(desk: Browser) -> None:
    user = desk.sign_in("administrator")
    first, last = put(desk, [verdict(), verdict()])
    path = "/desk/admin/retention/entries"
    given = {"first": str(first), "last": str(last), "purpose": "retention ended"}
    answer = send(desk, path, **given)
    assert "can’t be undone" in answer.text
    assert send(desk, path, **given, really="on").status_code == 422
    assert set(desk.service.ledger.openings(first)) == {"reference", "probe"}
    assert send(desk, path, **given, really="on", sure="on").status_code == 303
    assert desk.service.ledger.openings(first) == desk.service.ledger.openings(last) == {}
    [erasure] = recorded(desk, "erasure")
    assert erasure.details == {"first": first, "last": last, "salts": 4}
    assert erasure.purpose == "retention ended"
    assert recorded(desk, "access")[-1].details["by"] == user.id


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"first": ""}, "first"),
        ({"first": "-1"}, "first"),
        ({"last": "x"}, "last"),
        ({"last": "99999"}, "last"),
        ({"first": "3", "last": "2"}, "last"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "two\nlines"}, "purpose"),
    ],
)
def test_entries_that_cant_be_erased(desk: Browser, changed: dict[str, str], field: str) -> None:
    desk.sign_in("administrator")
    put(desk, [verdict()])
    given = {"first": "0", "last": "1", "purpose": "x", "really": "on", "sure": "on", **changed}
    answer = send(desk, "/desk/admin/retention/entries", **given)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert recorded(desk, "erasure") == []


# Who may


def test_only_administrators_see_it(desk: Browser) -> None:
    routes = [
        (method, path, act)
        for module in (admin, admin_keys, admin_users)
        for (method, path), act in module.PAGES.acts.items()
    ]
    assert len(routes) > 15
    assert {act for _, _, act in routes} == {"users"}
    assert subject.PAGES.acts["POST", "/admin/erasure"] == "users"
    for role in ("clerk", "reviewer", "auditor"):
        here = desk.another()
        user = here.sign_in(role)
        for method, path, _ in routes:
            where = "/desk" + path.replace("{id}", user.id).replace("{key}", "x")
            answer = here.get(where) if method == "GET" else here.post(where, page="/desk/")
            assert answer.status_code == 403, (role, where)


@pytest.mark.parametrize("path", ["/desk/admin/retention/entries", "/desk/admin/erasure"])
def test_an_erasure_that_may_have_left_something_is_to_be_done_again(
    desk: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    desk.sign_in("administrator")
    put(desk, [verdict(subject="case 1")])
    given = {"first": "0", "last": "1", "reference": "case 1", "purpose": "x", "really": "on", "sure": "on"}
    monkeypatch.setattr(desk.service.ledger.storage, "scrub", lambda *_: False)
    answer = send(desk, path, **given)
    assert answer.status_code == 200
    assert "Erase it once more." in answer.text
    monkeypatch.undo()
    assert send(desk, path, **given).status_code == 303
