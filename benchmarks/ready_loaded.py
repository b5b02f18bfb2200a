"""A process that has loaded what a service needs and forks one whenever it is told to.

Most of a start goes into imports and networks, which say nothing about what survives a kill. A service that
is forked from here does the rest itself, by the code that `visavis serve` runs: it binds its socket, opens
the database and answers; nothing of that was there before the fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

START_S = 60.0


@dataclass(frozen=True, slots=True)
class Forked:
    """A service that was forked.

    Attributes:
        pid: Its process.
        port: Where it listens on the loopback interface.
    """

    pid: int
    port: int

    def kill(self) -> None:
        """Kill it (SIGKILL), and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        end = time.monotonic() + START_S
        with contextlib.suppress(ProcessLookupError):  # whoever forked it has taken it away
            while time.monotonic() < end:
                os.kill(self.pid, 0)
                time.sleep(0.002)
            raise SystemExit(f"process {self.pid} can't be killed")


class ReadyLoaded:
    """The process that forks them."""

    def __init__(self, database: Path, log: Path, doors: tuple[str, ...] = ()) -> None:
        """Start it.

        Args:
            database: Of every service that it forks.
            log: Where their logs go.
            doors: That are open at each.
        """
        self._log = log
        with log.open("ab") as file:
            command = [sys.executable, __file__, str(database), *doors]
            pipe = subprocess.PIPE
            # No fork takes threads along, so numpy makes none of its own.
            alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=file, env=alone)
        self._told()

    def fork(self) -> Forked:
        """A new service, once it listens."""
        begin = self._log.stat().st_size
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        pid = int(self._told())
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            for line in self._lines(begin):
                if line.get("event") == "listening":
                    return Forked(pid, int(line["told"].rpartition(":")[2]))
            time.sleep(0.005)
        raise SystemExit(f"a service doesn't start: {self._log.read_text()[-2000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _told(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line:
            raise SystemExit(f"nothing can be forked: {self._log.read_text()[-2000:]}")
        return line

    def _lines(self, begin: int) -> list[dict[str, Any]]:
        with self._log.open("rb") as file:
            file.seek(begin)
            return [json.loads(line) for line in file if line.startswith(b"{") and line.endswith(b"}\n")]


def _main(database: str, *doors: str) -> None:
    """What the process does: load, then fork a service for each line that comes."""
    from visavis.service import app, engine, protocol, server, service  # noqa: F401  # loaded once for all
    from visavis.service.config import Config

    config = Config(database=database, port=0, doors=doors)
    loaded = engine.Engine(config)
    setattr(service, "Engine", lambda _config: loaded)  # noqa: B010  # those that are forked have it already
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever is killed leaves nothing behind
    print("ready", flush=True)
    while os.read(0, 1):
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(0)
            os.close(1)
            server.serve(config, print)
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
