"""The ledger's tables, as the code sees them; `storage.migrations` makes them.

ledger_log          one row: whose log it is, how long, and its root; who appends holds a lock on it
ledger_entries      the leaves, and three of their fields a second time, to find them by
ledger_tiles        the complete subtrees, see `tiles`
ledger_checkpoints  what was signed, by the size of the tree
ledger_salts        the salt of each input of an entry; destroyed by an erasure
ledger_subjects     the salt of each subject; destroyed by an erasure
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

log = sa.Table(
    "ledger_log",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("verifier_key", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
)
entries = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=True),
)
tiles = sa.Table(
    "ledger_tiles",
    metadata,
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hashes", sa.LargeBinary, nullable=False),
)
checkpoints = sa.Table(
    "ledger_checkpoints",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("note", sa.Text, nullable=False),
)
salts = sa.Table(
    "ledger_salts",
    metadata,
    sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("salt", sa.LargeBinary, nullable=False),
)
subjects = sa.Table(
    "ledger_subjects",
    metadata,
    sa.Column("lookup", sa.LargeBinary, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
)
