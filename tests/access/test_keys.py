from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from visavis.access.keys import SCOPES, TOKEN, Keys
from visavis.errors import AccessError, StorageError
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify
from visavis.storage.engine import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.access.conftest import Clock

PLAIN: dict[str, Any] = {
    "purpose": "opening an account",
    "legal_basis": "consent",
    "scopes": ["verifications", "quality"],
    "rate_per_min": 60,
    "quota_per_day": 1000,
}


@pytest.fixture
def keys(ledger: Ledger, clock: Clock) -> Keys:
    return Keys(ledger, clock)


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    """Keys in a file that the tables below share: what they try has nothing to do with the database."""
    with Ledger.open(tmp_path_factory.mktemp("keys") / "ledger.db") as ledger:
        yield Keys(ledger)


def code(keys: Keys, token: str, scope: str = "verifications") -> str:
    """What the key is refused for; "" where it isn't."""
    try:
        keys.admit(token, scope)
    except AccessError as error:
        return error.code
    return ""


def recorded(keys: Keys, kind: str) -> list[Any]:
    from visavis.ledger.entry import Entry

    return [Entry.parse(leaf) for _, leaf in keys._ledger.leaves(kind=kind)]


def test_a_key_lets_its_holder_in_under_its_purpose(keys: Keys) -> None:
    key, token = keys.create(**PLAIN, max_fmr=1e-3)
    grant = keys.admit(token, "quality")
    assert (grant.key, grant.purpose, grant.legal_basis) == (key.id, "opening an account", "consent")
    assert grant.scopes == {"verifications", "quality"}
    assert grant.max_fmr == 1e-3
    assert (grant.remaining, grant.remaining_today) == (59, 999)
    assert keys.all() == [key] == [keys.get(key.id)]


def test_a_secret_has_256_bits_and_only_a_keyed_digest_is_stored(keys: Keys, ledger: Ledger) -> None:
    key, token = keys.create(**PLAIN)
    matched = TOKEN.fullmatch(token)
    assert matched is not None
    assert matched[1] == key.id
    assert len(base64.urlsafe_b64decode(matched[2] + "=")) == 32
    with ledger.storage.reading() as connection:
        [row] = connection.exec_driver_sql("SELECT * FROM access_keys").mappings().all()
    stored = b"".join(bytes(value) for value in row.values() if isinstance(value, bytes | memoryview))
    # RFC 2104 by the standard library, under a key of its own that follows from the ledger's secret.
    assert ledger.key is not None
    pepper = hmac.new(ledger.key.secret, b"access keys 1", hashlib.sha256).digest()
    assert stored == hmac.new(pepper, token.removeprefix("vv_").encode(), hashlib.sha256).digest()
    assert matched[2] not in repr(row)
    assert all(matched[2].encode() not in leaf for _, leaf in ledger.leaves())


def test_each_is_another(keys: Keys) -> None:
    made = [keys.create(**PLAIN) for _ in range(5)]
    assert len({key.id for key, _ in made}) == len({token[-43:] for _, token in made}) == 5


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: "",
        lambda token: "vv_",
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "\n",
        lambda token: token.upper(),
        lambda token: token[:16] + ("B" if token[16] == "A" else "A") + token[17:],
        lambda token: f"vv_aaaaaaaaaaaa{token[15:]}",
        lambda token: "vv_aaaaaaaaaaaa_' OR 1=1 --" + "A" * 27,
        lambda token: "vv_" + "\u0131" * 12 + token[15:],
        lambda token: "x" * 100_000,
    ],
)
def test_whatever_is_no_key_is_told_the_same(somewhere: Keys, spoil: Any) -> None:
    keys = somewhere
    _, token = keys.create(**PLAIN)
    with pytest.raises(AccessError) as caught:
        keys.admit(spoil(token), "verifications")
    assert (caught.value.code, str(caught.value)) == ("access.unknown", "there is no such key")
    assert "access.unknown" not in str(recorded(keys, "refusal")), "strangers can't fill the ledger"
    assert code(keys, token) == ""


def test_the_secret_of_another_key_is_none(keys: Keys) -> None:
    (_, one), (_, other) = keys.create(**PLAIN), keys.create(**PLAIN)
    assert code(keys, one[:16] + other[16:]) == "access.unknown"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("purpose", ""),
        ("purpose", "  "),
        ("purpose", "x" * 201),
        ("purpose", "a\nb"),
        ("legal_basis", ""),
        ("legal_basis", "\ud800"),
        ("scopes", []),
        ("scopes", ["verifications", "everything"]),
        ("rate_per_min", 0),
        ("rate_per_min", -1),
        ("rate_per_min", 1_000_001),
        ("quota_per_day", 0),
        ("max_fmr", 0.0),
        ("max_fmr", 0.2),
        ("max_fmr", float("nan")),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(somewhere: Keys, field: str, value: object) -> None:
    before = somewhere.all(), recorded(somewhere, "key")
    with pytest.raises(AccessError) as caught:
        somewhere.create(**{**PLAIN, field: value})
    assert caught.value.code == "access.key_fields"
    assert (somewhere.all(), recorded(somewhere, "key")) == before


def test_a_key_that_has_ended_before_it_begins_is_refused(keys: Keys, clock: Clock) -> None:
    with pytest.raises(AccessError, match="ends"):
        keys.create(**PLAIN, expires_at=clock.now)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_is_for_its_scopes_only(somewhere: Keys, scope: str) -> None:
    _, token = somewhere.create(**PLAIN)
    assert code(somewhere, token, scope) == ("" if scope in PLAIN["scopes"] else "access.scope")


def test_a_key_ends_when_it_was_told_to(keys: Keys, clock: Clock) -> None:
    _, token = keys.create(**PLAIN, expires_at=clock.now + timedelta(days=1))
    clock.move(hours=23, minutes=59, seconds=59)
    assert code(keys, token) == ""
    clock.move(seconds=1)
    assert code(keys, token) == "access.expired"


def test_a_revoked_key_is_refused_at_once_by_everybody(keys: Keys, clock: Clock, database: str) -> None:
    key, token = keys.create(**PLAIN)
    with Ledger.open(database, clock=clock) as again:
        elsewhere = Keys(again, clock)  # as another process: nothing but the database is shared
        assert code(elsewhere, token) == ""
        keys.revoke(key.id)
        assert code(elsewhere, token) == "access.revoked"
    assert keys.revoke(key.id).revoked_at == clock.now, "once more changes nothing"
    assert [entry.decision for entry in recorded(keys, "key")] == ["create", "revoke"]
    with pytest.raises(AccessError) as caught:
        keys.rotate(key.id)
    assert caught.value.code == "access.revoked"


def test_after_a_rotation_both_secrets_are_valid_for_a_while(keys: Keys, clock: Clock) -> None:
    key, first = keys.create(**PLAIN)
    second = keys.rotate(key.id, overlap=timedelta(hours=2))
    assert first != second
    assert first[:16] == second[:16]
    assert [code(keys, token) for token in (first, second)] == ["", ""]
    clock.move(hours=2)
    assert [code(keys, token) for token in (first, second)] == ["access.unknown", ""]
    third = keys.rotate(key.id, overlap=timedelta(0))
    assert [code(keys, token) for token in (first, second, third)] == ["access.unknown"] * 2 + [""]


def test_only_the_last_secret_overlaps(keys: Keys) -> None:
    key, first = keys.create(**PLAIN)
    second = keys.rotate(key.id, overlap=timedelta(days=30))
    third = keys.rotate(key.id, overlap=timedelta(days=30))
    assert [code(keys, token) for token in (first, second, third)] == ["access.unknown", "", ""]


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=31)])
def test_an_overlap_has_bounds(somewhere: Keys, overlap: timedelta) -> None:
    key, _ = somewhere.create(**PLAIN)
    with pytest.raises(AccessError) as caught:
        somewhere.rotate(key.id, overlap=overlap)
    assert caught.value.code == "access.key_fields"


def test_a_rotation_resets_no_count(keys: Keys) -> None:
    key, first = keys.create(**{**PLAIN, "quota_per_day": 2})
    keys.admit(first, "quality")
    second = keys.rotate(key.id)
    assert keys.admit(second, "quality").remaining_today == 0
    assert code(keys, second) == "access.quota"


@pytest.mark.parametrize("use", ["get", "rotate", "revoke"])
def test_a_key_that_is_not_there(somewhere: Keys, use: str) -> None:
    with pytest.raises(AccessError) as caught:
        getattr(somewhere, use)("nobody")
    assert caught.value.code == "access.no_key"


def test_every_change_is_in_the_ledger(keys: Keys, ledger: Ledger) -> None:
    key, _ = keys.create(**PLAIN)
    keys.rotate(key.id)
    keys.revoke(key.id)
    entries = recorded(keys, "key")
    assert [entry.decision for entry in entries] == ["create", "rotate", "revoke"]
    assert {(entry.key, entry.purpose) for entry in entries} == {(key.id, "opening an account")}
    assert entries[0].details == {
        "legal_basis": "consent",
        "scopes": "verifications,quality",
        "rate_per_min": 60,
        "quota_per_day": 1000,
        "max_fmr": None,
        "expires_at": None,
    }
    assert ledger.key is not None
    assert verify(ledger, key=ledger.key.verifier).sound


# Rate and quota


def test_the_bucket_holds_a_minutes_calls_and_fills_evenly(keys: Keys, clock: Clock) -> None:
    _, token = keys.create(**{**PLAIN, "rate_per_min": 6})
    assert [code(keys, token) for _ in range(7)] == [""] * 6 + ["access.rate"]
    with pytest.raises(AccessError) as caught:
        keys.admit(token, "quality")
    # 6 a minute: one call comes back each 10 seconds.
    assert caught.value.retry_after_s == 10
    clock.move(seconds=9.999)
    assert code(keys, token) == "access.rate"
    clock.move(seconds=0.001)
    assert [code(keys, token) for _ in range(2)] == ["", "access.rate"]
    clock.move(seconds=30)
    assert [code(keys, token) for _ in range(4)] == [""] * 3 + ["access.rate"]
    clock.move(hours=5)
    assert Counter(code(keys, token) for _ in range(10)) == {"": 6, "access.rate": 4}


def test_refused_calls_cost_nothing(keys: Keys, clock: Clock) -> None:
    _, token = keys.create(**{**PLAIN, "rate_per_min": 1})
    keys.admit(token, "quality")
    for _ in range(5):
        assert code(keys, token) == "access.rate"
    assert code(keys, token, "ledger") == "access.scope"
    clock.move(minutes=1)
    assert keys.admit(token, "quality").remaining_today == 998


def test_the_quota_is_by_days_of_utc(keys: Keys, clock: Clock) -> None:
    _, token = keys.create(**{**PLAIN, "quota_per_day": 3})
    assert [code(keys, token) for _ in range(4)] == ["", "", "", "access.quota"]
    clock.move(hours=14, minutes=29)
    with pytest.raises(AccessError) as caught:
        keys.admit(token, "quality")
    assert caught.value.retry_after_s == 60, "it is 23:59"
    clock.move(minutes=1)
    assert keys.admit(token, "quality").remaining_today == 2


def test_a_machine_whose_clock_is_late_gives_no_second_quota(keys: Keys, clock: Clock) -> None:
    _, token = keys.create(**{**PLAIN, "quota_per_day": 2})
    clock.move(hours=14, minutes=30)
    keys.admit(token, "quality")
    clock.move(seconds=-2)  # the other machine's clock says that it is still yesterday
    assert keys.admit(token, "quality").remaining_today == 0
    clock.move(seconds=2)
    assert code(keys, token) == "access.quota"


def test_threads_never_get_more_than_there_is(keys: Keys) -> None:
    _, token = keys.create(**{**PLAIN, "rate_per_min": 10})
    answers: Counter[str] = Counter()

    def work() -> None:
        for _ in range(5):
            answers[code(keys, token)] += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"": 10, "access.rate": 10}


CALLS = """
import sys
from datetime import UTC, datetime
from visavis.access.keys import Keys
from visavis.errors import AccessError
from visavis.ledger.log import Ledger

with Ledger.open(sys.argv[1]) as ledger:
    keys = Keys(ledger, lambda: datetime(2026, 3, 14, 9, 30, tzinfo=UTC))
    for _ in range(10):
        try:
            keys.admit(sys.argv[2], "verifications")
            print("in")
        except AccessError as error:
            print(error.code)
"""


def test_processes_share_rate_and_quota(keys: Keys, database: str) -> None:
    _, token = keys.create(**{**PLAIN, "quota_per_day": 12})
    command = [sys.executable, "-c", CALLS, database, token]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = Counter(" ".join(process.communicate(timeout=60)[0] for process in processes).split())
    assert answers == {"in": 12, "access.quota": 8}


def test_refusals_are_recorded_once_a_minute(keys: Keys, clock: Clock) -> None:
    key, token = keys.create(**PLAIN)
    for _ in range(5):
        assert code(keys, token, "ledger") == "access.scope"
    [entry] = recorded(keys, "refusal")
    assert (entry.key, entry.purpose, entry.reasons) == (key.id, "opening an account", ("access.scope",))
    assert entry.details["asked"] == "ledger"
    clock.move(minutes=1)
    assert code(keys, token, "metrics") == "access.scope"
    assert len(recorded(keys, "refusal")) == 2


def test_without_the_database_nobody_is_let_in(tmp_path: Path) -> None:
    where = tmp_path / "ledger.db"
    with Ledger.open(where) as ledger:
        keys = Keys(ledger)
        _, token = keys.create(**PLAIN)
        with ledger.storage.writing() as connection:
            connection.exec_driver_sql("DROP TABLE access_keys")
        with pytest.raises(StorageError):
            keys.admit(token, "quality")


def test_a_key_that_somebody_put_into_the_database_is_none(keys: Keys, database: str) -> None:
    """Whoever can write the database and hasn't the ledger's key can't make a key that fits."""
    _, token = keys.create(**PLAIN)
    forged = "vv_" + "b" * 12 + "_" + "A" * 43
    secret = hashlib.sha256(forged.removeprefix("vv_").encode()).digest()
    storage = open_storage(database)
    with storage.writing() as connection:
        import sqlalchemy as sa

        from visavis.access.tables import keys as table

        row = dict(connection.execute(table.select()).mappings().one())
        connection.execute(table.insert(), row | {"id": "b" * 12, "secret": secret})
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 2
    storage.close()
    assert code(keys, forged) == "access.unknown"
    assert code(keys, token) == ""


def test_who_makes_and_changes_a_key_is_recorded(keys: Keys) -> None:
    key, _ = keys.create(**PLAIN, by="chief")
    keys.rotate(key.id, by="deputy")
    keys.revoke(key.id, by="chief")
    keys.create(**PLAIN)  # at the command line
    told = [(entry.decision, entry.details.get("by", "nobody")) for entry in recorded(keys, "key")]
    assert told == [("create", "chief"), ("rotate", "deputy"), ("revoke", "chief"), ("create", "nobody")]
