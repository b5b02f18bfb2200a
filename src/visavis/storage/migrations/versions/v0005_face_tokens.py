"""The service: faces that are kept under a token of the client's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; what its columns mean stands in `visavis.service.tables`."""
    op.create_table(
        "service_face_tokens",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("face", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_index("service_face_tokens_until", "service_face_tokens", ["until"])
