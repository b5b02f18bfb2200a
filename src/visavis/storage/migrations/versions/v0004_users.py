"""Users of the desk: accounts, invitations, sessions, failed attempts; keys that belong to a user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; what their columns mean stands in `visavis.access.tables`."""
    op.add_column("access_keys", sa.Column("user_id", sa.Text, nullable=True))
    op.create_index("access_keys_user", "access_keys", ["user_id"])
    op.create_table(
        "access_users",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("blocked_at", sa.BigInteger, nullable=True),
        sa.Column("password", sa.Text, nullable=True),
        sa.Column("totp", sa.LargeBinary, nullable=True),
        sa.Column("totp_since", sa.BigInteger, nullable=True),
        sa.Column("totp_step", sa.BigInteger, nullable=False),
        sa.Column("issuer", sa.Text, nullable=True),
        sa.Column("subject", sa.Text, nullable=True),
        sa.Column("language", sa.Text, nullable=True),
        sa.UniqueConstraint("issuer", "subject", name="access_users_openid"),
    )
    op.create_table(
        "access_invitations",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_recovery_codes",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_sessions",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("access_sessions_user", "access_sessions", ["user_id"])
    op.create_table(
        "access_attempts",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("noted_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
