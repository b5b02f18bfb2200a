"""What was answered outlives whatever happens: kills, a full disk, a database that is taken away."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from tests.service.test_server import Process, new_key

from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from ready_loaded import Forked, ReadyLoaded  # no package: it lies in benchmarks/

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KILLS, WHOLE = 50, 2
"""Of so many services, and so many of them started as an operator does; `benchmarks/soak_kill.py` kills a
thousand."""
UNTIL_S = 30


class Place:
    """A database with a key for it, services on it, and what they answered."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "service.sqlite"
        self.token = new_key(str(self.database))
        self.acknowledged: list[dict[str, Any]] = []

    def ask(self, http: httpx2.Client, port: int, files: Mapping[str, bytes], **headers: str) -> Any:
        url = f"http://127.0.0.1:{port}/v1/verifications"
        headers |= {"Authorization": f"Bearer {self.token}"}
        answer = http.post(url, files=files, headers=headers)
        if answer.status_code == 200:
            self.acknowledged.append(answer.json())
        return answer

    def files(self) -> list[Path]:
        """Of the database: itself, its log, and the log's index."""
        return [path for path in self.database.parent.glob("service.sqlite*") if path.suffix != ".key"]

    def look_up(self) -> None:
        """Whatever was acknowledged is in the ledger, once, and the ledger is whole."""
        with Ledger.open(self.database) as ledger:
            for answer in self.acknowledged:
                entry = Entry.parse(ledger.leaf(answer["ledger"]["index"]))
                assert (entry.kind, entry.decision) == ("verdict", answer["verdict"]["decision"])
                assert entry.fmr_upper == answer["verdict"]["fmr_upper"]
            indices = [answer["ledger"]["index"] for answer in self.acknowledged]
            assert len(set(indices)) == len(indices)
            assert ledger.key is not None
            assert verify(ledger, key=ledger.key.verifier).findings == ()


def client() -> httpx2.Client:
    """One that loads no certificates, which would take longer than to be answered."""
    return httpx2.Client(trust_env=False, timeout=20, verify=False)


def ready(service: Forked) -> Forked:
    """A service, once it answers."""
    end = time.monotonic() + UNTIL_S
    with client() as http:
        while time.monotonic() < end:
            with contextlib.suppress(httpx2.ConnectError):
                assert http.get(f"http://127.0.0.1:{service.port}/v1/health/ready").status_code == 200
                return service
            time.sleep(0.01)
    raise AssertionError("it isn't ready")


@contextlib.contextmanager
def asked(place: Place, port: int, pairs: list[Mapping[str, bytes]]) -> Iterator[None]:
    """Callers that ask again and again until nobody answers."""
    gone = threading.Event()

    def ask(files: Mapping[str, bytes]) -> None:
        with client() as http:
            while not gone.is_set():
                try:
                    if place.ask(http, port, files).status_code != 200:
                        time.sleep(0.02)  # too many at once
                except httpx2.ConnectError:
                    time.sleep(0.005)  # it doesn't listen yet
                except httpx2.TransportError:
                    return

    threads = [threading.Thread(target=ask, args=(pair,)) for pair in pairs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        gone.set()
        for thread in threads:
            thread.join(UNTIL_S)


@pytest.fixture
def pair(small: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {"reference": small["obama"], "probe": small["obama2"]}


@pytest.fixture
def nobody(faceless: bytes) -> Mapping[str, bytes]:
    """Pictures that go the whole way to the ledger and take little time."""
    return {"reference": faceless, "probe": faceless}


def test_every_acknowledged_verdict_survives_a_kill(
    tmp_path: Path, pair: Mapping[str, bytes], nobody: Mapping[str, bytes], sface: object
) -> None:
    """Each time at another moment after the first answer; the next one begins with what was left behind."""
    place, chance = Place(tmp_path), random.Random(7)
    with ReadyLoaded(place.database, tmp_path / "log") as loaded:
        for kill in range(KILLS):
            whole = Process(str(place.database), log=tmp_path / "log") if kill < WHOLE else None
            service = whole or loaded.fork()
            before = len(place.acknowledged)
            with asked(place, service.port, [pair, nobody, nobody]):
                end = time.monotonic() + UNTIL_S
                while len(place.acknowledged) == before and time.monotonic() < end:
                    time.sleep(0.002)
                time.sleep(chance.uniform(0, 0.05))
                if isinstance(service, Forked):
                    service.kill()
                else:
                    assert service.end(signal.SIGKILL) == -signal.SIGKILL
            assert len(place.acknowledged) > before
    place.look_up()


@pytest.fixture
def forked(tmp_path: Path, sface: object) -> Iterator[tuple[Place, Forked]]:
    """A service on a database in a folder of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    place = Place(folder)
    with ReadyLoaded(place.database, tmp_path / "log") as loaded:
        service = ready(loaded.fork())
        try:
            yield place, service
        finally:
            service.kill()


def refused(answer: Any, *codes: str) -> None:
    """It is a problem document as the service's own description has it."""
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in codes
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process")
def test_a_file_that_cannot_grow(forked: tuple[Place, Forked], nobody: Mapping[str, bytes]) -> None:
    """As on a full disk, each write of a request in its turn is the one that fails."""
    place, service = forked
    log = place.database.with_name("service.sqlite-wal")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    statuses = []
    with client() as http:
        assert place.ask(http, service.port, nobody).status_code == 200
        description = http.get(f"http://127.0.0.1:{service.port}/openapi.json").json()
        documented = description["paths"]["/v1/verifications"]["post"]["responses"]["503"]
        assert "application/problem+json" in documented["content"]
        for room in range(0, 160_000, 8_000):
            resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + room, most))
            answer = place.ask(http, service.port, nobody, **{"Idempotency-Key": f"with room {room}"})
            if answer.status_code != 200:
                refused(answer, "storage.full", "storage.gone")
            statuses.append(answer.status_code)
            resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (most, most))
            again = place.ask(http, service.port, nobody)
            assert again.status_code == 200, "there is room again"
    assert statuses[0] == 503
    assert statuses[-1] == 200
    place.look_up()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can mount a disk of its own")
def test_a_disk_that_is_full(tmp_path: Path, nobody: Mapping[str, bytes], sface: object) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        place = Place(disk)
        with ReadyLoaded(place.database, tmp_path / "log") as loaded, client() as http:
            service = ready(loaded.fork())
            assert place.ask(http, service.port, nobody).status_code == 200
            with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(4096))
            answers = [place.ask(http, service.port, nobody) for _ in range(20)]
            refused(answers[-1], "storage.full")
            assert http.get(f"http://127.0.0.1:{service.port}/v1/health/live").status_code == 200
            (disk / "ballast").unlink()
            assert place.ask(http, service.port, nobody).status_code == 200
            service.kill()
            place.look_up()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_database_that_is_taken_away(
    forked: tuple[Place, Forked], tmp_path: Path, nobody: Mapping[str, bytes]
) -> None:
    """Moved elsewhere and back; then deleted and put back from a copy. No answer meanwhile, and none lost."""
    place, service = forked
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with client() as http:
        for take_away in ("move", "delete"):
            assert place.ask(http, service.port, nobody).status_code == 200
            for path in place.files():
                if take_away == "move":
                    path.rename(elsewhere / path.name)
                else:
                    shutil.copy(path, elsewhere / path.name)
                    path.unlink()
            for _ in range(20):  # whichever connection is taken
                refused(place.ask(http, service.port, nobody), "storage.gone")
            assert http.get(f"http://127.0.0.1:{service.port}/v1/health/ready").status_code == 503
            for path in elsewhere.iterdir():
                if take_away == "move" or not path.name.endswith("-shm"):
                    path.rename(place.database.parent / path.name)
            for _ in range(20):
                assert place.ask(http, service.port, nobody).status_code == 200
            assert http.get(f"http://127.0.0.1:{service.port}/v1/health/ready").status_code == 200
    place.look_up()


COUNTING = """
import os, signal, sys
from visavis.service.metrics import Metrics
metrics = Metrics.new()
metrics.inside.inc()
metrics.answers.labels("verdict", "match").inc()
print(metrics.text().decode(), flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_jobs_of_a_process_that_was_killed_are_not_counted(tmp_path: Path) -> None:
    """What it has answered stays counted."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def counted(fate: str, before: str = "") -> list[str]:
        command = [sys.executable, "-c", before + COUNTING, fate]
        ran = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
        assert ran.stderr == ""
        lines = ran.stdout.splitlines()
        return sorted(line for line in lines if line.startswith(("visavis_jobs", "visavis_ans")))

    answered = 'visavis_answers_total{asked="verdict",outcome="match"}'
    assert counted("killed") == [f"{answered} 1.0", "visavis_jobs 1.0"]
    assert counted("killed") == [f"{answered} 2.0", "visavis_jobs 1.0"]
    # Nor does a process that gets the number of one that was killed go on from what that one was at.
    number = f"import os; os.getpid = lambda: {os.getpid()}\n"
    assert counted("ends", number) == [f"{answered} 3.0", "visavis_jobs 1.0"]
    assert counted("ends", number) == [f"{answered} 4.0", "visavis_jobs 1.0"]
