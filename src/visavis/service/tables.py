"""The service's own tables, as the code sees them; `storage.migrations` makes them.

service_requests    what was asked under an Idempotency-Key, and where its answer is kept
service_challenges  challenges that were drawn, until they expire
service_face_tokens  faces that were detected, until their tokens expire

Answers themselves are kept by `access.verdicts`, encrypted and within reach of an erasure.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

requests = sa.Table(
    "service_requests",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("name", sa.LargeBinary, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("lease", sa.Double, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
"""`key` is the id of an access key, `name` a keyed digest of the Idempotency-Key, `body` one of what was
asked, `answer` the id under which its answer is kept, `lease` until when somebody works on it, `until` when
the row goes."""

challenges = sa.Table(
    "service_challenges",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
"""`sealed` is the challenge with its seal, as JSON; `state` is ``drawn``, ``answered`` or ``used``."""

face_tokens = sa.Table(
    "service_face_tokens",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("face", sa.LargeBinary, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
"""`id` is a keyed digest of the token, `key` the id of the access key that it was made for, `face` a kept
face, encrypted under a key that nobody has without the token."""
