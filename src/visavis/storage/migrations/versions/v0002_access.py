"""Access: keys, what stops a key from comparing one face with many, and answers that were kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; what their columns mean stands in `visavis.access.tables`."""
    op.create_table(
        "access_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("legal_basis", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("rate_per_min", sa.Integer, nullable=False),
        sa.Column("quota_per_day", sa.Integer, nullable=False),
        sa.Column("max_fmr", sa.Float, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=True),
        sa.Column("revoked_at", sa.BigInteger, nullable=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("previous_secret", sa.LargeBinary, nullable=True),
        sa.Column("previous_until", sa.BigInteger, nullable=True),
        sa.Column("bucket", sa.BigInteger, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("noted_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_windows",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "access_comparisons",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("reference", sa.BigInteger, nullable=False),
        sa.Column("probe", sa.BigInteger, nullable=False),
    )
    op.create_index("access_comparisons_number", "access_comparisons", ["number"])
    op.create_table(
        "access_marks",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("mark", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("comparison", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_verdicts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("access_verdicts_subject", "access_verdicts", ["subject"])
    op.create_index("access_verdicts_expires", "access_verdicts", ["expires_at"])
