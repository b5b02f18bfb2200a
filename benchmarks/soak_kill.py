"""Kill the service under load, again and again: every acknowledged verdict must be in the ledger.

    python benchmarks/soak_kill.py --kills 1000
    python benchmarks/soak_kill.py --kills 200 --door mosip

Each round starts a service on one and the same database, lets callers ask, kills it (SIGKILL) at a random
moment after the first answer, and looks each answer up that a caller has got. What comes through the door
for Face++ doesn't say where it stands: there the entries of a round are counted. Half of the callers ask with
pictures of a person; the others with pictures without a face, which take little time, so that something is
being written at most moments. Most services are forked from a process that has imported all and loaded the
networks (`ready_loaded.py`); every `--whole`th is started as an operator does, by turns with one process and
with two. At the end the whole ledger is verified.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx2
import psutil
from PIL import Image

from common import machine
from questions import OK, WAYS, Question, Told, Way
from ready_loaded import Forked, ReadyLoaded
from visavis.access.keys import SCOPES, Keys
from visavis.ledger.entry import Entry
from visavis.ledger.log import Ledger
from visavis.ledger.verify import verify
from visavis.packs.install import fetch_demo_pictures

START_S, ANSWER_S, LONGEST_S = 60.0, 30.0, 0.3


class Whole:
    """A service that was started as an operator does."""

    def __init__(self, database: Path, log: Path, workers: int, doors: tuple[str, ...]) -> None:
        command = [sys.executable, "-m", "visavis", "serve", "--port", "0", "--workers", str(workers)]
        command += [word for door in doors for word in ("--door", door)]
        begin = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [*command, "--database", str(database)], stderr=file, stdout=file
            )
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if found := re.search(rb"http://127\.0\.0\.1:([0-9]+)", log.read_bytes()[begin:]):
                self.port = int(found[1])
                return
            time.sleep(0.01)
        raise SystemExit(f"the service doesn't start: {log.read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill all its processes (SIGKILL), and wait until they are gone."""
        first = psutil.Process(self._process.pid)
        every = [first, *first.children(recursive=True)]
        for each in every:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait(30)
        psutil.wait_procs(every, 30)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--whole", type=int, default=50, help="every so manieth is started as a whole")
    parser.add_argument("--door", choices=sorted(set(WAYS) - {"native"}), help="ask through this one")
    arguments = parser.parse_args()
    print(machine())
    chance, way = random.Random(11), WAYS[arguments.door or "native"]
    acknowledged, placed = 0, set[int]()
    with tempfile.TemporaryDirectory() as folder:
        database, log = Path(folder) / "service.sqlite", Path(folder) / "log"
        with Ledger.open(database) as ledger:
            token = Keys(ledger).create(
                purpose="soak", legal_basis="none", scopes=SCOPES, rate_per_min=10**6, quota_per_day=10**8
            )[1]
        questions = [way.ask(token, *map(way.encoded, pair)) for pair in (people(), nobody())]
        begin, size = time.perf_counter(), 0
        with ReadyLoaded(database, log, way.doors) as ready:
            for kill in range(1, arguments.kills + 1):
                turn, rest = divmod(kill, arguments.whole)
                service = ready.fork() if rest else Whole(database, log, 1 + turn % 2, way.doors)
                answers = one_round(service, way, questions, chance, arguments.callers)
                size = look_up(database, answers, size)
                indices = [answer.index for answer in answers if answer.index is not None]
                if len(set(indices)) < len(indices) or placed.intersection(indices):
                    raise SystemExit("two acknowledged verdicts have one place in the ledger")
                placed.update(indices)
                acknowledged += len(answers)
                if kill % 25 == 0 or kill == arguments.kills:
                    seconds = time.perf_counter() - begin
                    print(
                        f"{kill} kills, {acknowledged} acknowledged verdicts, none missing, {seconds:.0f} s",
                        flush=True,
                    )
        with Ledger.open(database) as ledger:
            assert ledger.key is not None
            report = verify(ledger, key=ledger.key.verifier)
    if acknowledged < arguments.kills:
        raise SystemExit("too few verdicts were acknowledged for this to say anything")
    if not report.sound:
        raise SystemExit(f"THE LEDGER IS NOT SOUND: {report}")
    print(f"the ledger is sound, {report.size} entries")


def one_round(
    service: Forked | Whole, way: Way, questions: list[Question], chance: random.Random, callers: int
) -> list[Told]:
    """What callers got until the service was killed."""
    answers: list[Told] = []
    address, gone = f"http://127.0.0.1:{service.port}", threading.Event()

    def ask(number: int) -> None:
        question = questions[number % len(questions)]
        # Nothing is encrypted here, and to load certificates takes longer than to be answered.
        with httpx2.Client(timeout=ANSWER_S, trust_env=False, verify=False) as http:
            while not gone.is_set():
                try:
                    url = address + question.path
                    answer = http.post(url, content=question.body, headers=question.headers)
                except httpx2.ConnectError:  # it doesn't listen yet
                    time.sleep(0.005)
                except httpx2.TransportError:
                    return
                else:
                    told = way.told(answer.status_code, answer.content)
                    if told.status == OK:
                        answers.append(told)
                    else:  # too many at once
                        time.sleep(0.02)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + START_S
    while not answers and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(chance.uniform(0.0, LONGEST_S))
    service.kill()
    gone.set()
    for thread in threads:
        thread.join()
    return answers


def look_up(database: Path, answers: list[Told], before: int) -> int:
    """Find each answer's entry, and as many verdicts as there are answers behind the first `before` entries.

    Returns:
        How many entries there are now.
    """
    with Ledger.open(database) as ledger:
        size = ledger.state().size
        new = [Entry.parse(ledger.leaf(index)) for index in range(before, size)]
        for answer in answers:
            if answer.index is None:
                continue
            entry = Entry.parse(ledger.leaf(answer.index))
            if (entry.kind, entry.decision) != ("verdict", answer.decision):
                raise SystemExit(f"an acknowledged verdict is missing: {answer}")
    if sum(entry.kind == "verdict" for entry in new) < len(answers):
        raise SystemExit(f"of {len(answers)} acknowledged verdicts some are missing: {len(new)} new entries")
    return size


def people() -> tuple[bytes, bytes]:
    """Two pictures of one person, at a size that is looked at quickly."""
    found = fetch_demo_pictures()
    return small(found["obama.jpg"]), small(found["obama2.jpg"])


def small(picture: bytes) -> bytes:
    """A picture of at most 480 by 480 pixels."""
    with Image.open(io.BytesIO(picture)) as opened:
        opened.thumbnail((480, 480))
        return jpeg(opened)


def nobody() -> tuple[bytes, bytes]:
    """Two pictures without a face."""
    slope = Image.linear_gradient("L").resize((64, 64))
    return jpeg(slope), jpeg(slope.rotate(90))


def jpeg(picture: Image.Image) -> bytes:
    """A picture as JPEG."""
    to = io.BytesIO()
    picture.convert("RGB").save(to, "JPEG", quality=92)
    return to.getvalue()


if __name__ == "__main__":
    main()
