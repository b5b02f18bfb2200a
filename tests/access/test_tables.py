from __future__ import annotations

import sqlalchemy as sa

from visavis.access.tables import metadata
from visavis.storage import schema
from visavis.storage.engine import open_storage


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
