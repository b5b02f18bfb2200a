"""The service as a process: how it starts, how it stops, and several on one database."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import uvicorn
from starlette.testclient import TestClient
from tests.databases import private_postgresql
from tests.service.conftest import PURPOSE, Door, make_key
from uvicorn.supervisors import Multiprocess

from visavis.access.gate import Gate
from visavis.access.keys import SCOPES, Keys
from visavis.access.verdicts import Verdicts
from visavis.ledger.log import Ledger, prepare
from visavis.service import server
from visavis.service.app import create_app
from visavis.service.config import Config, load
from visavis.service.metrics import SHARED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.service.service import Service

START_S = 60


class Process:
    """A service of its own."""

    def __init__(self, database: str, *options: str, log: Path, **environment: str) -> None:
        command = [sys.executable, "-m", "visavis", "serve", "--port", "0", "--database", database, *options]
        self._log = log
        self._from = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, stderr=file, stdout=file, env={**os.environ, **environment}
            )
        self.port = self._port()

    def lines(self) -> list[dict[str, Any]]:
        with self._log.open("rb") as file:
            file.seek(self._from)
            return [json.loads(line) for line in file if line.startswith(b"{") and line.endswith(b"}\n")]

    def _port(self) -> int:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            assert self.process.poll() is None, self._log.read_text()
            for line in self.lines():
                if line["event"] == "listening":
                    return int(line["told"].rpartition(":")[2])
            time.sleep(0.02)
        raise AssertionError("it doesn't listen")

    def ready(self) -> None:
        end = time.monotonic() + START_S
        with httpx2.Client(trust_env=False) as client:
            while time.monotonic() < end:
                with contextlib.suppress(httpx2.TransportError):
                    if client.get(f"http://127.0.0.1:{self.port}/v1/health/ready", timeout=5).is_success:
                        return
                time.sleep(0.05)
        raise AssertionError("it isn't ready")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, str, Path]:
    """A database with a key, the key, and where the log goes."""
    database = str(tmp_path / "service.sqlite")
    return database, new_key(database), tmp_path / "log"


def new_key(database: str, key_file: Path | None = None) -> str:
    with Ledger.open(database, key_file=key_file) as ledger:
        return Keys(ledger).create(
            purpose=PURPOSE, legal_basis="consent", scopes=SCOPES, rate_per_min=10**6, quota_per_day=10**7
        )[1]


def test_it_stops_when_it_is_told_to(place: tuple[str, str, Path], sface: object) -> None:
    database, _, log = place
    process = Process(database, log=log)
    process.ready()
    assert process.end() == 0
    assert process.lines()[-1]["event"] == f"Finished server process [{process.process.pid}]"


@pytest.mark.parametrize("workers", [1, 2])
def test_links_name_the_port_that_was_found(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """Of a service that asked for any that is free."""
    seen: list[tuple[int, Config]] = []

    def run(_: object, sockets: list[socket.socket]) -> None:
        seen.append((sockets[0].getsockname()[1], load()))

    def run_several(supervisor: Any) -> None:
        run(None, supervisor.sockets)

    for name in ("VISAVIS_SERVICE_PORT", SHARED):  # what several processes are told, and no test after this
        monkeypatch.setenv(name, "0")
    monkeypatch.setattr(server, "_application", lambda config: seen.append((0, config)))
    monkeypatch.setattr(uvicorn.Server, "run", run)
    monkeypatch.setattr(Multiprocess, "run", run_several)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    server.serve(Config(port=0, workers=workers), lambda _: None)
    port, config = (seen[1][0], seen[0][1]) if workers == 1 else seen[0]
    assert port != 0
    assert config.origin == f"http://127.0.0.1:{port}"


def test_several_processes_share_one_database(
    database: str, tmp_path: Path, small: Mapping[str, bytes], sface: object
) -> None:
    key_file = tmp_path / "ledger.key"
    prepare(database)
    token = new_key(database, key_file)
    process = Process(
        database,
        "--workers",
        "2",
        log=tmp_path / "log",
        VISAVIS_SERVICE_LEDGER_KEY=str(key_file),
        VISAVIS_SERVICE_ENGINES="1",
    )
    process.ready()
    files = {"reference": small["obama"], "probe": small["obama2"]}
    headers = {"Authorization": f"Bearer {token}"}
    found = []
    for number in range(12):
        with httpx2.Client(trust_env=False, timeout=30) as client:  # a new connection may meet the other one
            name = {"Idempotency-Key": f"request {number % 6}"}
            answer = client.post(
                f"http://127.0.0.1:{process.port}/v1/verifications", files=files, headers=headers | name
            )
            assert answer.status_code == 200, answer.text
            found.append(answer.json())
    assert found[:6] == found[6:]
    assert len({answer["ledger"]["index"] for answer in found}) == 6
    with httpx2.Client(trust_env=False) as client:
        counted = client.get(f"http://127.0.0.1:{process.port}/metrics", headers=headers).text
    assert 'visavis_answers_total{asked="verdict",outcome="match"} 6.0' in counted
    assert process.end() == 0


def test_a_database_that_goes_away_and_comes_back(
    session_service: Service, small: Mapping[str, bytes], tmp_path: Path
) -> None:
    with private_postgresql() as postgresql:
        address, key_file = postgresql.new(), tmp_path / "ledger.key"
        prepare(address)
        ledger = Ledger.open(address, key_file=key_file)
        assert ledger.key is not None
        service = replace(
            session_service, ledger=ledger, key=ledger.key, gate=Gate(ledger), verdicts=Verdicts(ledger)
        )
        with TestClient(create_app(service)) as http:
            door = Door(http, service, make_key(service))
            assert door.verify(small["obama"], small["obama2"]).status_code == 200
            postgresql.stop()
            answer = door.verify(small["obama"], small["obama2"])
            assert (answer.status_code, answer.json()["code"]) == (503, "storage.gone")
            assert http.get("/v1/health/ready").status_code == 503
            assert http.get("/v1/health/live").status_code == 200
            postgresql.start()
            answer = door.verify(small["obama"], small["obama2"])
            assert answer.status_code == 200
            assert http.get("/v1/health/ready").status_code == 200
            verdicts = [entry for entry in door.entries() if entry.kind == "verdict"]
            assert len(verdicts) == 2
        ledger.close()


def test_what_keeps_it_from_starting_is_said_in_a_line(tmp_path: Path, sface: object) -> None:
    def run(*options: str, **environment: str) -> tuple[int, str]:
        found = subprocess.run(
            [sys.executable, "-m", "visavis", "serve", *options],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **environment},
        )
        return found.returncode, found.stderr

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = run("--port", str(taken.getsockname()[1]), "--database", str(tmp_path / "a"))
        assert code == 64
        assert "can't listen on 127.0.0.1" in said
    code, said = run("--database", "nonsense://x")
    assert code == 64
    assert "Traceback" not in said
    code, said = run(VISAVIS_SERVICE_WORKERS="none")
    assert (code, "workers is a number from 1 to 64" in said) == (64, True)
