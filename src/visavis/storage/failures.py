"""What a database says when it fails -> a `StorageError` by name."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from typing import TYPE_CHECKING

from visavis.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

SAID = {
    "storage.full": "there is no space left for the database",
    "storage.gone": "the database can't be reached, or its disk fails",
    "storage.locked": "others keep the database waiting for too long",
    "storage.read_only": "the database can't be written",
    "storage.missing": "there is no such database",
    "storage.damaged": "the database is damaged, or is none",
    "storage.tables": "the database lacks what visavis keeps in it",
    "storage.failed": "the database gave an error",
}

# https://www.sqlite.org/rescode.html: the lower eight bits of a result code.
OF_SQLITE = {
    sqlite3.SQLITE_BUSY: "storage.locked",
    sqlite3.SQLITE_LOCKED: "storage.locked",
    sqlite3.SQLITE_READONLY: "storage.read_only",
    sqlite3.SQLITE_PERM: "storage.read_only",
    sqlite3.SQLITE_AUTH: "storage.read_only",
    sqlite3.SQLITE_FULL: "storage.full",
    sqlite3.SQLITE_IOERR: "storage.gone",
    sqlite3.SQLITE_CANTOPEN: "storage.gone",
    sqlite3.SQLITE_CORRUPT: "storage.damaged",
    sqlite3.SQLITE_NOTADB: "storage.damaged",
    sqlite3.SQLITE_CONSTRAINT: "storage.damaged",
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html: codes, then their classes.
OF_POSTGRESQL = {
    "53100": "storage.full",
    "25006": "storage.read_only",
    "42501": "storage.read_only",
    "3D000": "storage.missing",
    "42P01": "storage.tables",
    "55P03": "storage.locked",
    "57014": "storage.locked",
    "40001": "storage.locked",
    "40P01": "storage.locked",
    "53": "storage.gone",
    "08": "storage.gone",
    "28": "storage.gone",
    "57": "storage.gone",
    "58": "storage.gone",
    "23": "storage.damaged",
    "XX": "storage.damaged",
}

OF_SYSTEM = {
    errno.ENOSPC: "storage.full",
    errno.EDQUOT: "storage.full",
    errno.EFBIG: "storage.full",
    errno.EACCES: "storage.read_only",
    errno.EPERM: "storage.read_only",
    errno.EROFS: "storage.read_only",
}


@contextlib.contextmanager
def named(where: str) -> Iterator[None]:
    """Turn what a database raises into a `StorageError` by name.

    Args:
        where: Which database, without a password.

    Raises:
        StorageError: `storage.full`, `storage.gone`, `storage.locked`, `storage.read_only`,
            `storage.missing`, `storage.damaged`, `storage.tables`, or `storage.failed` for the rest.
    """
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
    from sqlalchemy.exc import TimeoutError as PoolTimeoutError

    try:
        yield
    except DBAPIError as error:
        raise _error(code_of(error.orig), where, error.orig) from error
    except PoolTimeoutError as error:
        raise _error("storage.locked", where, error) from error
    except SQLAlchemyError as error:
        raise _error("storage.failed", where, error) from error
    except UnicodeDecodeError as error:  # text of SQLite that isn't any
        raise _error("storage.damaged", where, error) from error
    except sqlite3.Error as error:
        raise _error(code_of(error), where, error) from error


def of_system(error: OSError, where: str) -> StorageError:
    """What to raise where a database's file or folder can't be made."""
    return _error(OF_SYSTEM.get(error.errno or 0, "storage.gone"), where, error.strerror)


def code_of(error: BaseException | None) -> str:
    """The code for an error of a driver."""
    if isinstance(error, sqlite3.Error):
        if "no such table" in str(error):
            return "storage.tables"
        number = getattr(error, "sqlite_errorcode", None)  # the driver's own errors have none
        return "storage.failed" if number is None else OF_SQLITE.get(number & 0xFF, "storage.failed")
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return OF_POSTGRESQL.get(state) or OF_POSTGRESQL.get(state[:2], "storage.failed")
    # Without a state the connection failed, or was never made; then the server's own words say why.
    told = str(error)
    return "storage.missing" if "database" in told and "does not exist" in told else "storage.gone"


def _error(code: str, where: str, found: object) -> StorageError:
    lines = str(found).strip().splitlines()
    return StorageError(code, f"{SAID[code]}: {where}", found=lines[0] if lines else None)
