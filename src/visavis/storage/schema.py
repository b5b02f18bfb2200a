"""Which tables a database has: Alembic's migrations, shipped with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from visavis.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from visavis.storage.engine import Storage

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Those of `migrations/versions`, the oldest first; they stand here so that to look needs no Alembic."""
HEAD = REVISIONS[-1]

MIGRATIONS = Path(__file__).parent / "migrations"
PREPARING = 0x76697361766973  # the number of PostgreSQL's advisory lock: "visavis" in ASCII


def prepare(storage: Storage) -> None:
    """Make the tables, or bring them to this version; nothing where they are.

    Raises:
        StorageError: `storage.newer`: a later version of visavis made them.
    """
    with storage.reading() as connection:
        if _revision(connection) == HEAD:
            return
    with storage.writing() as connection:
        if storage.kind == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({PREPARING})").all()
        _refuse_newer(_revision(connection), storage.where)
        _upgrade(connection)


def check(storage: Storage) -> None:
    """Refuse a database whose tables aren't of this version.

    Raises:
        StorageError: `storage.newer`, or `storage.outdated`: they are older or not there.
    """
    with storage.reading() as connection:
        revision = _revision(connection)
    _refuse_newer(revision, storage.where)
    if revision != HEAD:
        raise StorageError(
            "storage.outdated",
            f"the tables aren't of this version, visavis ledger prepare makes them: {storage.where}",
            found=revision or "no tables",
            expected=HEAD,
        )


def _refuse_newer(revision: str | None, where: str) -> None:
    if revision is not None and revision not in REVISIONS:
        raise StorageError(
            "storage.newer",
            f"a later version of visavis made the tables: {where}",
            found=revision,
            expected=HEAD,
        )


def _revision(connection: Connection) -> str | None:
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
