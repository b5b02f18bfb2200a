"""Opening a database, its tables, and what it says when it fails; the same for SQLite and PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from visavis.errors import StorageError
from visavis.storage import failures, schema
from visavis.storage.engine import Storage, file_of, open_storage

if TYPE_CHECKING:
    from tests.databases import PostgreSQL


def prepared(where: str) -> Storage:
    storage = open_storage(where)
    schema.prepare(storage)
    return storage


def test_tables_are_made_once(database: str) -> None:
    storage = open_storage(database)
    with pytest.raises(StorageError) as caught:
        schema.check(storage)
    assert caught.value.code == "storage.outdated"
    schema.prepare(storage)
    schema.prepare(storage)
    schema.check(storage)
    with storage.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ledger_entries").scalar() == 0
    storage.close()


def test_the_revisions_are_those_of_the_migrations() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert tuple(each.revision for each in script.walk_revisions())[::-1] == schema.REVISIONS


def test_the_code_sees_the_tables_that_the_migrations_make(database: str) -> None:
    import sqlalchemy as sa

    from visavis.ledger.tables import metadata

    storage = prepared(database)
    with storage.reading() as connection:
        found = sa.inspect(connection)
        for table in metadata.tables.values():
            columns = {column["name"]: column for column in found.get_columns(table.name)}
            assert set(columns) == set(table.columns.keys()), table.name
            for column in table.columns:
                assert bool(columns[column.name]["nullable"]) == bool(column.nullable), column
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert set(keys) == {column.name for column in table.primary_key}
        assert {*metadata.tables, "alembic_version"} <= set(found.get_table_names())
    storage.close()


def test_tables_of_a_later_version_are_refused(database: str) -> None:
    storage = prepared(database)
    with storage.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for use in (schema.check, schema.prepare):
        with pytest.raises(StorageError, match="later version") as caught:
            use(storage)
        assert caught.value.code == "storage.newer"
    storage.close()


def test_several_may_make_the_tables_at_once(database: str) -> None:
    errors = []

    def work() -> None:
        try:
            prepared(database).close()
        except StorageError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_what_raises_is_undone(database: str) -> None:
    storage = prepared(database)
    insert = "INSERT INTO ledger_checkpoints (size, note) VALUES (1, 'x')"

    def undone() -> None:
        with storage.writing() as connection:
            connection.exec_driver_sql(insert)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    with storage.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ledger_checkpoints").scalar() == 0
    storage.close()


def test_reading_sees_one_state(database: str) -> None:
    storage = prepared(database)
    with storage.reading() as reading:
        assert reading.exec_driver_sql("SELECT count(*) FROM ledger_checkpoints").scalar() == 0
        with storage.writing() as writing:
            writing.exec_driver_sql("INSERT INTO ledger_checkpoints (size, note) VALUES (1, 'x')")
        assert reading.exec_driver_sql("SELECT count(*) FROM ledger_checkpoints").scalar() == 0
    with storage.reading() as reading:
        assert reading.exec_driver_sql("SELECT count(*) FROM ledger_checkpoints").scalar() == 1
    storage.close()


def test_a_table_that_is_gone_has_a_name(database: str) -> None:
    storage = prepared(database)
    with storage.writing() as connection:
        connection.exec_driver_sql("DROP TABLE ledger_tiles")
    with pytest.raises(StorageError) as caught, storage.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM ledger_tiles")
    assert caught.value.code == "storage.tables"
    storage.close()


def test_a_row_that_is_there_has_a_name(database: str) -> None:
    storage = prepared(database)
    insert = "INSERT INTO ledger_checkpoints (size, note) VALUES (1, 'x')"
    with pytest.raises(StorageError) as caught, storage.writing() as connection:
        connection.exec_driver_sql(f"{insert}, (1, 'y')")
    assert caught.value.code == "storage.damaged"
    storage.close()


# SQLite


def test_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    storage = prepared(str(tmp_path / "a.db"))
    with storage.reading() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    # https://www.sqlite.org/pragma.html: synchronous 2 is FULL.
    assert settings == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    storage.close()


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    storage = prepared(f"sqlite:///{tmp_path}/below/a.db")
    files = list((tmp_path / "below").iterdir())
    assert {file.name for file in files} >= {"a.db", "a.db-wal"}
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert stat.S_IMODE((tmp_path / "below").stat().st_mode) == 0o700
    storage.close()


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        open_storage(tmp_path / "a.db", writable=False)
    assert caught.value.code == "storage.missing"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    prepared(str(tmp_path / "a.db")).close()
    storage = open_storage(tmp_path / "a.db", writable=False)
    with pytest.raises(StorageError) as caught, storage.writing() as connection:
        connection.exec_driver_sql("DELETE FROM ledger_log")
    assert caught.value.code == "storage.read_only"
    storage.close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be looked at" * 20, b"\0" * 4096]
)
def test_another_file_is_no_database(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(StorageError) as caught:
        prepared(str(tmp_path / "a.db"))
    assert caught.value.code == "storage.damaged"


def test_a_copy_in_a_folder_that_cannot_be_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite would want to make its log beside it; where there is none the file is all there is."""
    prepared(str(tmp_path / "a.db")).close()
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]
    monkeypatch.setattr(os, "access", lambda *_: False)
    storage = open_storage(tmp_path / "a.db", writable=False)
    schema.check(storage)
    storage.close()
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        open_storage(tmp_path)
    assert caught.value.code == "storage.damaged"


def test_a_stuck_writer_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.storage.engine.WAIT_S", 0.05)
    storage = prepared(str(tmp_path / "a.db"))
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError) as caught, storage.writing():
        pass
    assert caught.value.code == "storage.locked"
    other.execute("ROLLBACK")
    other.close()
    with storage.writing():
        pass
    storage.close()


@pytest.mark.skipif(os.name != "posix", reason="files that are open can be taken away")
def test_a_file_that_is_taken_away_is_written_by_nobody(tmp_path: Path) -> None:
    """Deleted, and another one in its place: SQLite itself would go on with the one that is open."""
    path = tmp_path / "a.db"
    storage = prepared(str(path))
    copy = path.read_bytes()

    def gone() -> None:
        for transaction in (storage.writing, storage.reading):
            with pytest.raises(StorageError) as caught, transaction():
                raise AssertionError("it began")
            assert caught.value.code == "storage.gone"

    path.rename(tmp_path / "elsewhere")
    gone()
    (tmp_path / "elsewhere").rename(path)
    with storage.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE before_it (x)")
    with pytest.raises(StorageError) as caught, storage.writing():
        path.unlink()
    assert caught.value.code == "storage.gone", "it was committed to a file that nobody finds"
    gone()
    for left in tmp_path.glob("a.db-*"):
        left.unlink()
    path.write_bytes(copy)
    with storage.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE after_it (x)")
    with storage.reading() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE name LIKE '%_it'").all()
    assert [row.name for row in found] == ["after_it"]
    storage.close()


def test_a_program_may_go_to_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = prepared("a.db")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    with storage.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE more (x)")
    storage.close()
    assert not (tmp_path / "other" / "a.db").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_has_a_name(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError) as caught:
        open_storage(tmp_path / "below" / "a.db")
    tmp_path.chmod(0o700)
    assert caught.value.code == "storage.read_only"


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "mysql://a:secret@b/c",
        "postgres://a:secret@b/c",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql+asyncpg://a:secret@b/c",
        "x://",
    ],
)
def test_other_addresses_are_refused_without_their_password(address: str) -> None:
    with pytest.raises(StorageError) as caught:
        open_storage(address)
    assert caught.value.code == "storage.address"
    assert "secret" not in str(caught.value)
    with pytest.raises(StorageError) as caught:
        file_of(address)  # nor is a key looked for under such a name, which a message would show
    assert caught.value.code == "storage.address"


def test_sqlite_waits_for_the_disk_where_it_matters(tmp_path: Path) -> None:
    """A connection that is used again waits again: the pool has one here, as nobody else asks."""
    storage = prepared(str(tmp_path / "a.db"))
    waits = []
    for lasting in (True, False, False, True):
        with storage.writing(lasting=lasting) as connection:
            waits.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
    assert waits == [2, 1, 1, 2]
    storage.close()


def test_which_addresses_are_files(tmp_path: Path) -> None:
    assert file_of("postgresql://a/b") is None
    assert file_of("postgresql+psycopg://a/b") is None
    assert file_of("postgresql.db") == Path("postgresql.db")
    assert file_of(f"sqlite:///{tmp_path}/a.db") == file_of(tmp_path / "a.db") == tmp_path / "a.db"


# PostgreSQL


def test_postgresql_commits_to_disk(postgresql: PostgreSQL) -> None:
    address = postgresql.new()
    storage = open_storage(address)
    with storage.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    with storage.writing(lasting=False) as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
    with storage.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    storage.close()
    postgresql.drop(address)


def test_a_database_that_is_not_there_has_a_name(postgresql: PostgreSQL) -> None:
    storage = open_storage(postgresql.address("nowhere"))
    with pytest.raises(StorageError) as caught, storage.reading():
        pass
    assert caught.value.code == "storage.missing"
    storage.close()


def test_a_server_that_is_not_there_has_a_name(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    storage = open_storage(f"postgresql://visavis:secret@/x?host={tmp_path}")
    with pytest.raises(StorageError) as caught, storage.reading():
        pass
    assert caught.value.code == "storage.gone"
    assert "secret" not in str(caught.value)
    storage.close()


# https://www.postgresql.org/docs/current/errcodes-appendix.html
@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53100", "storage.full"),
        ("53300", "storage.gone"),
        ("57P01", "storage.gone"),
        ("08006", "storage.gone"),
        ("28P01", "storage.gone"),
        ("25006", "storage.read_only"),
        ("42501", "storage.read_only"),
        ("55P03", "storage.locked"),
        ("40P01", "storage.locked"),
        ("23505", "storage.damaged"),
        ("XX001", "storage.damaged"),
        ("42P01", "storage.tables"),
        ("42601", "storage.failed"),
    ],
)
def test_states_of_postgresql_by_name(state: str, code: str) -> None:
    class Error(Exception):
        sqlstate = state

    assert failures.code_of(Error()) == code
