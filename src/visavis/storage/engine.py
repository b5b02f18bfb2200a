"""A database by a file's path or an address: SQLite for one machine, PostgreSQL where several run.

SQLite runs with a write-ahead log and waits for the disk at each commit (`synchronous=FULL`); what is deleted
is overwritten (`secure_delete`). A transaction that writes takes the write lock when it begins, so that it
never fails half-way because another one was faster.

A file that is taken away or replaced while it is open would go on taking whatever is written, for nobody to
find again. So each transaction of SQLite sees first that the file is still the one that was opened, and after
a commit once more, before anybody is told that it is on disk.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from visavis.errors import StorageError
from visavis.storage.failures import named, of_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

Kind = Literal["sqlite", "postgresql"]

WAIT_S = 15.0
"""How long a transaction waits for others: a commit takes milliseconds, so this is a stuck process."""
PAUSE_S = 0.001
"""Between two attempts to take SQLite's write lock."""


class Storage:
    """A database that is open; safe for several threads at once, not to be taken through a fork.

    Attributes:
        kind: ``"sqlite"`` or ``"postgresql"``.
        where: The path, or the address without its password, for messages.
    """

    def __init__(self, engine: Engine, kind: Kind, where: str, file: Path | None = None) -> None:
        """Use `open_storage`.

        Args:
            engine: SQLAlchemy's.
            kind: Which database it is.
            where: For messages.
            file: Of SQLite.
        """
        self.kind = kind
        self.where = where
        self._engine = engine
        self._file = file

    @contextlib.contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[Connection]:
        """A transaction that may write: committed and on disk when the block ends, undone when it raises.

        Args:
            lasting: Whether it has to be on disk by then. Otherwise everybody sees it, a process that is
                killed doesn't undo it, and it is on disk at the latest with the next one that lasts: only a
                power cut before that undoes it, whole.

        Raises:
            StorageError: By what went wrong, see `failures.named`.
        """
        options = {"visavis_writing": True, "visavis_lasting": lasting}
        with (
            named(self.where),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            if not lasting and self.kind == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
            opened = connection.connection.dbapi_connection
            yield connection
        if self._file is not None:
            _see_that_it_is_there(opened, self._file)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database, whatever others write meanwhile.

        Raises:
            StorageError: By what went wrong, see `failures.named`.
        """
        with named(self.where), self._engine.connect() as connection:
            if self.kind == "postgresql":
                connection = connection.execution_options(  # noqa: PLW2901
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    def scrub(self, *tables: str) -> bool:
        """Make what was deleted leave the files of the database, as far as the database can.

        SQLite empties its write-ahead log; deleted rows were overwritten with zeros already. It can't while
        others read an older state of the database. PostgreSQL frees the rows; its own log and every backup
        keep what they hold.

        Args:
            tables: Names of the tables that rows were deleted from.

        Returns:
            Whether it was done; False where others read for so long.
        """
        with named(self.where), self._engine.connect() as connection:
            if self.kind == "sqlite":
                [(busy, _, _)] = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
                return not busy
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")  # noqa: PLW2901
            connection.exec_driver_sql(f"VACUUM {', '.join(tables)}")
            return True

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def open_storage(where: str | Path, *, writable: bool = True) -> Storage:
    """Open a database; a file of SQLite is made where there is none, PostgreSQL's must be there.

    Args:
        where: A file's path, ``sqlite:///path``, or ``postgresql://user@host/database``.
        writable: Otherwise nothing is made or changed, and the database must be there.

    Raises:
        StorageError: `storage.address`: the address can't be read; `storage.driver`: the extra for PostgreSQL
            isn't installed; `storage.missing`: there is no such file; or what `failures.named` tells.
    """
    place = _place(where)
    return _sqlite(place, writable=writable) if isinstance(place, Path) else _postgresql(place)


def file_of(where: str | Path) -> Path | None:
    """The file that a path or an address of SQLite means; None for PostgreSQL.

    Raises:
        StorageError: `storage.address`: the address can't be read.
    """
    place = _place(where)
    return place if isinstance(place, Path) else None


def _place(where: str | Path) -> Path | URL:
    """The file, or the address of PostgreSQL."""
    if not isinstance(where, str) or "://" not in where:
        return Path(where).expanduser()
    url = _url(where)
    if url.get_backend_name() == "postgresql":
        return url
    if not url.database or url.database == ":memory:":
        raise _unusable(where, expected="a file's path after sqlite:///")
    return Path(url.database).expanduser()


def _url(where: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise _unusable(where) from None
    if url.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise _unusable(where)
    return url


def _unusable(where: str, expected: str = "a file's path or postgresql://...") -> StorageError:
    scheme = where.partition("://")[0]  # what follows may hold a password
    return StorageError(
        "storage.address",
        "the address of the database can't be used",
        found=f"{scheme}://...",
        expected=expected,
    )


def _postgresql(url: URL) -> Storage:
    from sqlalchemy import create_engine, event

    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise StorageError(
            "storage.driver",
            "PostgreSQL needs psycopg, which isn't installed; "
            "install it with: pip install 'visavis[postgresql]'",
        ) from None
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_timeout=WAIT_S,
        connect_args={"connect_timeout": int(WAIT_S)},
    )

    def prepare(connection: Any, _record: object) -> None:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # What a commit promises must not hang on how the server is set up.
            cursor.execute("SET synchronous_commit TO on")
            cursor.execute(f"SET lock_timeout TO {int(WAIT_S * 1000)}")
        connection.autocommit = False

    event.listen(engine, "connect", prepare)
    return Storage(engine, "postgresql", url.render_as_string(hide_password=True))


def _sqlite(path: Path, *, writable: bool) -> Storage:
    from sqlalchemy import create_engine, event

    where = str(path)
    try:
        if not path.exists():
            if not writable:
                raise StorageError("storage.missing", f"there is no database {where!r}")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Before SQLite makes it with the mode that everybody's files have; its log takes the same one.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        elif not path.is_file():
            raise StorageError("storage.damaged", f"{where!r} is no file of a database")
    except OSError as error:
        raise of_system(error, where) from None

    file = path.absolute()  # whatever folder the program moves to

    def connect() -> sqlite3.Connection:
        connection: _File = sqlite3.connect(
            f"{file.as_uri()}?{_mode(path, writable=writable)}",
            uri=True,
            timeout=WAIT_S,
            isolation_level=None,
            check_same_thread=False,
            factory=_File,
        )
        connection.place = _place_of(file)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        if writable:
            connection.execute("PRAGMA journal_mode=WAL")
        return connection

    def begin(connection: Connection) -> None:
        try:
            _see_that_it_is_there(connection.connection.dbapi_connection, file)
        except StorageError:
            connection.invalidate()  # where the file comes back, it is opened anew
            raise
        options = connection.get_execution_options()
        if options.get("visavis_writing"):
            opened: Any = connection.connection.dbapi_connection
            opened.last(lasting=options["visavis_lasting"])
            _take_write_lock(opened)
        else:
            connection.exec_driver_sql("BEGIN")

    engine = create_engine("sqlite://", creator=connect, poolclass=_pool(), pool_timeout=WAIT_S)
    event.listen(engine, "begin", begin)
    return Storage(engine, "sqlite", where, file)


class _File(sqlite3.Connection):
    """An open file of SQLite.

    Attributes:
        place: Device and number of the file that was opened; None where it was gone at once.
    """

    place: tuple[int, int] | None = None
    _lasting = True  # as it is opened

    def last(self, *, lasting: bool) -> None:
        """Say whether commits from here on are on disk when they return; between transactions only.

        Otherwise they are in the log, which the next one that lasts brings to disk whole.
        """
        if lasting != self._lasting:
            self.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
            self._lasting = lasting


def _place_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _see_that_it_is_there(connection: Any, path: Path) -> None:
    """Refuse a file that isn't any more where it was opened.

    Raises:
        StorageError: `storage.gone`.
    """
    place = _place_of(path)
    if place is None or place != connection.place:
        raise StorageError(
            "storage.gone",
            f"the database can't be reached: its file was taken away or replaced while it was open: {path}",
        )


def _take_write_lock(connection: Any) -> None:
    """Begin a transaction that writes, as soon as nobody else does.

    SQLite's own waiting sleeps ever longer, so that of two processes that write all the time one starves.
    """
    connection.execute("PRAGMA busy_timeout=0")
    until = time.monotonic() + WAIT_S
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(PAUSE_S)
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(WAIT_S * 1000)}")


def _mode(path: Path, *, writable: bool) -> str:
    """How SQLite is to open the file: a copy in a folder that can't be written needs no log beside it."""
    if writable:
        return "mode=rw"
    log = path.with_name(f"{path.name}-wal")
    alone = not os.access(path.parent, os.W_OK) and not log.exists()
    return "mode=ro&immutable=1" if alone else "mode=ro"


def _pool() -> Any:
    from sqlalchemy import QueuePool

    return QueuePool  # what SQLAlchemy takes for memory, as "sqlite://" reads, is one for each thread
