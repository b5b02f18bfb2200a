"""What a stolen database gives: everything goes through a service once, and its files are looked through."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.documents.specimens import make
from tests.service.conftest import PURPOSE, Door, make_key

from visavis.access.gate import Gate
from visavis.access.pictures import Pictures
from visavis.access.subjects import Subjects
from visavis.access.tables import windows
from visavis.access.verdicts import Verdicts
from visavis.errors import LedgerError, VisavisError
from visavis.ledger.keys import LedgerKey
from visavis.ledger.log import Ledger
from visavis.ledger.reader import Reader
from visavis.ledger.verify import verify
from visavis.liveness.active import Active
from visavis.service import answered_challenge
from visavis.service.app import create_app
from visavis.service.config import Config
from visavis.service.service import derived
from visavis.service.store import Requests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.service.service import Service
    from visavis.verifier import Verifier

SUBJECT = "applicant-4711-unmistakable"


@pytest.fixture(scope="module")
def stolen(
    session_service: Service,
    sface: Verifier,
    portraits: Mapping[str, bytes],
    small: Mapping[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, bytes]]:
    """The files of a database without its key, and all that went through the service."""
    folder = tmp_path_factory.mktemp("robbed")
    database = folder / "service.sqlite"
    own = Ledger.open(database)
    assert own.key is not None
    service = replace(
        session_service,
        config=Config(database=str(database)),
        ledger=own,
        key=own.key,
        gate=Gate(own),
        verdicts=Verdicts(own),
        pictures=Pictures(own),
        requests=Requests(own.storage, secret=derived(own.key, b"requests"), lease_s=40, kept_s=1000),
        subjects=Subjects(own),
    )
    specimens = make(tmp_path_factory.mktemp("specimens"), sface, portraits["obama.jpg"])
    with TestClient(create_app(service)) as http:
        door = Door(http, service, make_key(service))
        told = [
            door.verify(
                small["obama"],
                small["obama2"],
                data={"subject": SUBJECT},
                headers={"Idempotency-Key": "request-of-4711"},
            ),
            door.post(
                "/v1/documents", files={"page": specimens.passport.read_bytes()}, data={"subject": SUBJECT}
            ),
            door.post("/v1/quality", files={"picture": small["biden"]}, data={"subject": SUBJECT}),
            door.get(f"/v1/subjects/{SUBJECT}/report"),
        ]
        assert [answer.status_code for answer in told] == [200] * 4
        template = sface.examine(small["obama"]).template
        assert template is not None
        grant = service.gate.enter(door.token, "challenges")
        answered = Active("live", 0.9, 0.5, (), None, "all checks passed", template)
        answered_challenge.keep(service, grant, "0" * 32, answered, SUBJECT)
        shown = {"page-1": specimens.passport.read_bytes(), "probe": small["obama2"]}
        service.pictures.keep(
            told[0].json()["ledger"]["index"],
            shown,
            purpose=PURPOSE,
            subject=SUBJECT,
            keep_for=timedelta(days=30),
        )
    taken = tmp_path_factory.mktemp("stolen")
    for file in folder.iterdir():
        if not file.name.endswith(".key"):
            shutil.copy(file, taken / file.name)
    own.close()
    zone = told[1].json()["document"]["mrz"]
    secrets = {
        "subject": SUBJECT.encode(),
        "key": door.token.rpartition("_")[2].encode(),
        "digest of the Idempotency-Key": hashlib.sha256(b"request-of-4711").digest(),
        "picture": small["obama"][200:260],
        "picture that is kept": shown["probe"][200:260],
        "end of a picture that is kept": shown["probe"][-60:-20],
        "page that is kept": shown["page-1"][5000:5060],
        "digest of a picture": told[0].json()["verdict"]["probe"]["sha256"].encode(),
        "digest in bytes": bytes.fromhex(told[0].json()["verdict"]["probe"]["sha256"]),
        "template": np.asarray(template.vector, "<f4").tobytes()[:16],
        "template in base64": base64.b64encode(np.asarray(template.vector, "<f4").tobytes())[:40],
        "similarity": str(told[0].json()["verdict"]["similarity"]).encode(),
        "statement": told[0].json()["statement"].encode(),
        **{f"zone {number}": line.encode() for number, line in enumerate(zone["lines"])},
        "name": zone["fields"]["surname"]["value"].encode(),
    }
    return taken, secrets


def test_nothing_that_went_through_can_be_read(stolen: tuple[Path, dict[str, bytes]]) -> None:
    folder, secrets = stolen
    content = b"\n".join(file.read_bytes() for file in sorted(folder.iterdir()))
    assert len(content) > 50_000
    assert PURPOSE.encode() in content  # what the page says that it shows
    assert [name for name, secret in secrets.items() if secret in content] == []


def test_without_the_key_nobody_gets_in(stolen: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    folder, _ = stolen
    shutil.copytree(folder, tmp_path / "copy")
    database = tmp_path / "copy" / "service.sqlite"
    with pytest.raises(LedgerError) as missing:
        Ledger.open(database)
    assert missing.value.code == "ledger.no_key"
    own = tmp_path / "own.key"
    own.write_text(LedgerKey.new().text(), encoding="ascii")
    own.chmod(0o600)
    with pytest.raises(LedgerError) as other:
        Ledger.open(database, key_file=own)
    assert other.value.code == "ledger.other_key"


def test_a_key_of_ones_own_opens_no_answer(stolen: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    """The thief writes his own ledger's name into the copy, to get past the check."""
    folder, _ = stolen
    shutil.copytree(folder, tmp_path / "copy")
    database = tmp_path / "copy" / "service.sqlite"
    key, own = LedgerKey.new(), tmp_path / "own.key"
    own.write_text(key.text(), encoding="ascii")
    own.chmod(0o600)
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE ledger_log SET origin = ?, verifier_key = ?", (key.verifier.name, str(key.verifier))
        )
        ids = [row[0] for row in connection.execute("SELECT id FROM access_verdicts")]
        [index] = [row[0] for row in connection.execute("SELECT id FROM access_pictures")]
    connection.close()
    assert ids
    with Ledger.open(database, key_file=own) as ledger:
        for each in ids:
            with pytest.raises(VisavisError) as damaged:
                Verdicts(ledger).get(each, purpose=PURPOSE)
            assert damaged.value.code == "access.damaged"
        with pytest.raises(VisavisError) as damaged:
            Pictures(ledger).get(index, purpose=PURPOSE)
        assert damaged.value.code == "access.damaged"
        assert Subjects(ledger).report(SUBJECT, purpose=PURPOSE).uses[:-1] == ()
        assert not verify(ledger, key=key.verifier).sound  # and it shows


def test_a_copy_made_while_it_runs_is_whole(session_service: Service, tmp_path: Path) -> None:
    """As the page about the service says: with a program that knows SQLite."""
    ledger = session_service.ledger
    with TestClient(create_app(session_service)) as http:
        Door(http, session_service, make_key(session_service))
    copy = tmp_path / "copy.sqlite"
    with sqlite3.connect(session_service.config.database) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    assert ledger.key is not None
    with Reader.read(copy) as restored:
        assert restored.state() == ledger.state()
        assert verify(restored, key=ledger.key.verifier).sound


def test_answers_are_kept_no_longer_than_said(session_service: Service) -> None:
    verdicts = session_service.verdicts
    verdicts.keep("test_1", json.dumps({}).encode(), purpose=PURPOSE, subject=None, keep_for=timedelta(0))
    assert verdicts.get("test_1", purpose=PURPOSE) is None
    assert session_service.expire() >= 1


def test_salts_of_comparisons_are_kept_no_longer_than_said(session_service: Service) -> None:
    storage = session_service.ledger.storage
    service = replace(session_service, gate=Gate(session_service.ledger))  # one that hasn't looked yet
    with storage.writing() as connection:
        connection.execute(windows.insert(), {"number": 1, "salt": b"s" * 32})  # of 1970
    service.expire()
    with storage.reading() as connection:
        assert [row.number for row in connection.execute(windows.select()) if row.number == 1] == []
