from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from tests import databases

from visavis.access.keys import Keys
from visavis.access.tables import keys, metadata
from visavis.ledger.log import Ledger
from visavis.storage import schema
from visavis.storage.engine import open_storage

if TYPE_CHECKING:
    import pytest

database = databases.database
"""Without tables, as nowhere else in this room."""


def test_the_code_sees_the_tables_that_the_migrations_make(database: str) -> None:
    storage = open_storage(database)
    schema.prepare(storage)
    with storage.reading() as connection:
        found = sa.inspect(connection)
        for table in metadata.tables.values():
            columns = {column["name"]: column for column in found.get_columns(table.name)}
            assert set(columns) == set(table.columns.keys()), table.name
            for column in table.columns:
                made = columns[column.name]
                assert bool(made["nullable"]) == bool(column.nullable), column
                kind = column.type.dialect_impl(connection.dialect)
                assert made["type"]._type_affinity is kind._type_affinity, column
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert set(keys) == {column.name for column in table.primary_key}
    storage.close()


def test_keys_from_before_there_were_users_go_on(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_upgrade", lambda connection: upgraded(connection, "0003"))
    storage = open_storage(database)
    schema.prepare(storage)
    made: dict[str, Any] = {column.name: 1 for column in keys.columns if column.name != "user_id"}
    made |= {"id": "a" * 12, "purpose": "p", "legal_basis": "l", "scopes": "quality", "secret": b"s"}
    made |= dict.fromkeys(("revoked_at", "expires_at", "previous_secret", "previous_until"))
    with storage.writing() as connection:
        connection.execute(sa.insert(keys).values(made))
    monkeypatch.setattr(schema, "_upgrade", lambda connection: upgraded(connection, "head"))
    schema.prepare(storage)
    storage.close()
    with Ledger.open(database) as ledger:
        [found] = Keys(ledger).all()
        assert (found.id, found.user, found.state(datetime.now(UTC))) == ("a" * 12, None, "valid")
        assert Keys(ledger).of_user("anybody") == []


def upgraded(connection: sa.Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
