"""The desk: pictures of checks, where whoever runs it has them kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; what its columns mean stands in `visavis.access.tables`."""
    op.create_table(
        "access_pictures",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("access_pictures_subject", "access_pictures", ["subject"])
    op.create_index("access_pictures_expires", "access_pictures", ["expires_at"])
