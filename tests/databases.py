"""Databases for tests: a file of SQLite, and a private PostgreSQL from Debian's packages where they are."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from visavis.ledger import log

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_THERE = "PostgreSQL isn't installed (apt install postgresql): this is only tested with SQLite"


def binaries() -> Path | None:
    """Where initdb and postgres of the latest version lie; None where they don't."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: [int(number) for number in re.findall(r"\d+", path.parent.name)],
    )
    for folder in reversed(found):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    beside = shutil.which("initdb")
    return None if beside is None else Path(beside).parent


class PostgreSQL:
    """A server of its own in a temporary folder, reached through a socket there and by no network."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.folder = folder
        self.user = user
        self.binaries = binaries()
        self._server: subprocess.Popen[bytes] | None = None
        self._prepared: str | None = None

    def make(self) -> None:
        self._run(
            "initdb",
            "--pgdata",
            "data",
            "--username",
            "visavis",
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--no-sync",
        )

    def start(self) -> None:
        assert self.binaries is not None
        options = [
            "-D",
            "data",
            "-k",
            str(self.folder),
            "-c",
            "listen_addresses=",
            "-c",
            "max_connections=40",
            # What a server leaves that is killed is the same: only the end of the machine would differ, and
            # no test ends that. To make and to drop a database takes a tenth of the time.
            "-c",
            "fsync=off",
        ]
        self._server = subprocess.Popen(
            [self.binaries / "postgres", *options],
            cwd=self.folder,
            user=self.user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        import psycopg

        for _ in range(300):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.address("postgres")).close()
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(0.1)
                break
        raise RuntimeError("the private PostgreSQL doesn't start")

    def stop(self) -> None:
        """At once, as when the machine's power fails: nothing may hang on a tidy end."""
        if self._server is not None:
            self._server.send_signal(3)  # SIGQUIT: an immediate shutdown
            self._server.wait(30)
            self._server = None

    def address(self, database: str) -> str:
        return f"postgresql://visavis@/{database}?host={self.folder}"

    def new(self, like: str = "template1") -> str:
        """The address of a new database.

        Args:
            like: Name of the one that it is a copy of; PostgreSQL's own template is empty.
        """
        import psycopg

        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.address(name)

    def new_with_tables(self) -> str:
        """The address of a new database with all tables, which are made once and copied."""
        if self._prepared is None:
            address = self.new()
            log.prepare(address)
            self._prepared = address.partition("@/")[2].partition("?")[0]
        return self.new(like=self._prepared)

    def drop(self, address: str) -> None:
        import psycopg

        name = address.partition("@/")[2].partition("?")[0]
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, program: str, *arguments: str) -> None:
        assert self.binaries is not None
        subprocess.run(
            [self.binaries / program, *arguments],
            cwd=self.folder,
            user=self.user,
            check=True,
            capture_output=True,
        )


@contextlib.contextmanager
def private_postgresql() -> Iterator[PostgreSQL]:
    """A server that is gone afterwards; skips the test where PostgreSQL isn't installed."""
    if binaries() is None:
        pytest.skip(NOT_THERE)
    # Not below pytest's own folder, which only its user may enter; a socket's path must be short, too.
    folder = Path(tempfile.mkdtemp(prefix="visavis-pg-"))
    try:
        user = _other_user() if os.geteuid() == 0 else None  # PostgreSQL refuses to be run by root
        if user is not None:
            shutil.chown(folder, user)
        server = PostgreSQL(folder, user)
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody", "daemon") if name in known)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The server that the tests of a session share."""
    with private_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A database without tables: the path of a file that isn't there, or an address of PostgreSQL."""
    monkeypatch.delenv("VISAVIS_LEDGER", raising=False)
    if request.param == "sqlite":
        monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
        yield str(tmp_path / "ledger.db")
        return
    monkeypatch.setenv("VISAVIS_LEDGER_KEY", str(tmp_path / "ledger.key"))
    server: Any = request.getfixturevalue("postgresql")
    address = server.new()
    yield address
    server.drop(address)


@pytest.fixture(scope="session")
def file_with_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with all tables, to be copied."""
    file = tmp_path_factory.mktemp("prepared") / "ledger.db"
    log.prepare(file)
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_with_tables(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """As `database`, with all tables: for rooms that need them in each test, and don't make them."""
    monkeypatch.delenv("VISAVIS_LEDGER", raising=False)
    if request.param == "sqlite":
        monkeypatch.delenv("VISAVIS_LEDGER_KEY", raising=False)
        yield shutil.copy(request.getfixturevalue("file_with_tables"), str(tmp_path / "ledger.db"))
        return
    monkeypatch.setenv("VISAVIS_LEDGER_KEY", str(tmp_path / "ledger.key"))
    server: Any = request.getfixturevalue("postgresql")
    address = server.new_with_tables()
    yield address
    server.drop(address)
