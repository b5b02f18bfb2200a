"""The same request under the same Idempotency-Key is answered once, however often it is sent."""

from __future__ import annotations

import contextlib
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.service.conftest import Door, make_key

from visavis.ledger import log
from visavis.ledger.log import Ledger
from visavis.service.problems import Problem
from visavis.service.store import Requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def once() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def verdicts(door: Door) -> int:
    return sum(entry.kind == "verdict" for entry in door.entries())


def test_it_is_answered_once(door: Door, small: Mapping[str, bytes]) -> None:
    before, name = verdicts(door), once()
    first = door.verify(small["obama"], small["obama2"], headers=name)
    again = door.verify(small["obama"], small["obama2"], headers=name)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert verdicts(door) == before + 1


def test_it_is_the_same_as_a_form_and_as_json(door: Door, small: Mapping[str, bytes]) -> None:
    import base64

    name = once()
    first = door.verify(small["obama"], small["obama2"], headers=name)
    asked = {
        "reference": base64.b64encode(small["obama"]).decode(),
        "probe": base64.b64encode(small["obama2"]).decode(),
    }
    again = door.post("/v1/verifications", json=asked, headers=name)
    assert again.content == first.content


@pytest.mark.parametrize("change", ["probe", "subject", "policy"])
def test_another_request_under_the_same_key_is_refused(
    door: Door, small: Mapping[str, bytes], change: str
) -> None:
    name = once()
    assert door.verify(small["obama"], small["obama2"], headers=name).status_code == 200
    probe = small["obama"] if change == "probe" else small["obama2"]
    data = {"subject": {"subject": "other"}, "policy": {"policy": '{"fmr":1e-5}'}}.get(change, {})
    answer = door.verify(small["obama"], probe, data=data, headers=name)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.other_body")


def test_each_access_key_has_its_own(door: Door, small: Mapping[str, bytes]) -> None:
    name = once()
    first = door.verify(small["obama"], small["obama2"], headers=name).json()
    other = Door(door.http, door.service, make_key(door.service))
    assert other.verify(small["obama"], small["obama2"], headers=name).json()["id"] != first["id"]


def test_what_failed_may_be_tried_again(door: Door, small: Mapping[str, bytes]) -> None:
    name = once()
    assert door.verify(small["obama"], b"no picture", headers=name).status_code == 415
    assert door.verify(small["obama"], small["obama2"], headers=name).status_code == 200


def test_several_at_once_are_one(door: Door, small: Mapping[str, bytes]) -> None:
    before, name = verdicts(door), once()

    def ask(_: int) -> tuple[int, bytes]:
        answer = door.verify(small["obama"], small["obama2"], headers=name)
        return answer.status_code, answer.content

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))
    assert {status for status, _ in found} <= {200, 409, 429}
    assert len({content for status, content in found if status == 200}) == 1
    assert verdicts(door) == before + 1
    assert door.verify(small["obama"], small["obama2"], headers=name).status_code == 200


@pytest.mark.parametrize("name", ["", "x" * 201, "a\x7fb", "ä"])
def test_a_key_that_cannot_be_one_is_refused(door: Door, name: str) -> None:
    headers = {**door.headers(), "Idempotency-Key": name.encode("latin-1")}
    answer = door.http.post("/v1/verifications", headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key")


# The register itself, in both databases


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Ledger]:
    log.prepare(database)
    with Ledger.open(database, key_file=tmp_path / "ledger.key") as opened:
        yield opened


def claim(
    requests: Requests, answer: str, *, body: bytes = b"b" * 32, kept: frozenset[str] = frozenset()
) -> Any:
    return requests.claim("key", "name", body, answer, is_kept=kept.__contains__)


def test_whoever_died_at_it_is_followed(ledger: Ledger) -> None:
    clock = Clock()
    requests = Requests(ledger.storage, secret=b"s" * 32, lease_s=40, kept_s=1000, clock=clock)
    assert claim(requests, "first").is_new
    with pytest.raises(Problem, match=r"idempotency\.in_flight"):
        claim(requests, "second")
    clock.now += 41
    taken = claim(requests, "second")
    assert (taken.is_new, taken.answer) == (True, "second")
    with pytest.raises(Problem, match=r"idempotency\.in_flight"):
        claim(requests, "third")
    found = claim(requests, "third", kept=frozenset({"second"}))
    assert (found.is_new, found.answer) == (False, "second")
    with pytest.raises(Problem, match=r"idempotency\.other_body"):
        claim(requests, "third", body=b"c" * 32)


def test_nobody_takes_over_what_may_still_be_recorded() -> None:
    """All steps that wait for the database together, and more than a connection is patient."""
    from visavis.service.config import Config
    from visavis.service.protocol import DATABASE_S
    from visavis.service.service import STEPS, lease_s
    from visavis.storage.engine import WAIT_S

    for answer_s in (1.0, 30.0):
        config = Config(answer_s=answer_s)
        assert lease_s(config) > answer_s + max(DATABASE_S, STEPS * WAIT_S)


def test_its_time_ends(ledger: Ledger) -> None:
    clock = Clock()
    requests = Requests(ledger.storage, secret=b"s" * 32, lease_s=40, kept_s=1000, clock=clock)
    claim(requests, "first")
    assert requests.expire() == 0
    clock.now += 1001
    assert claim(requests, "second", body=b"c" * 32).is_new
    clock.now += 1001
    assert requests.expire() == 1


def test_one_of_many_gets_it(ledger: Ledger) -> None:
    requests = Requests(ledger.storage, secret=b"s" * 32, lease_s=40, kept_s=1000)
    start, won = threading.Barrier(6), []

    def ask(number: int) -> None:
        start.wait()
        with contextlib.suppress(Problem):
            won.append(claim(requests, f"answer {number}").is_new)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [True]


def test_the_code_sees_the_tables_that_the_migrations_make(ledger: Ledger) -> None:
    import sqlalchemy as sa

    from visavis.service.tables import metadata

    with ledger.storage.reading() as connection:
        found = sa.inspect(connection)
        for table in metadata.tables.values():
            columns = {column["name"]: column for column in found.get_columns(table.name)}
            assert set(columns) == set(table.columns.keys())
            assert not any(columns[column.name]["nullable"] for column in table.columns)
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert set(keys) == {column.name for column in table.primary_key}
