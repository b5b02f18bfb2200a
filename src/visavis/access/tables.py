"""The tables of this room, as the code sees them; `storage.migrations` makes them in the ledger's database.

access_keys         one row for each key: what it may do, digests of its secrets, and how much of it is used
access_windows      the salts of `fan_out`; a salt is destroyed when its window is over
access_comparisons  which key compared when, for as long as a window looks back
access_marks        salted digests of the faces that were compared
access_verdicts     answers that were kept, encrypted
access_pictures     pictures of checks that were kept, encrypted
access_users        one row for each user of the desk
access_invitations  keyed digests of the links by which a password is set
access_recovery_codes  the same of what stands in for a second factor, once each
access_sessions     who is signed in
access_attempts     by whom, or from where, signing in failed lately: keyed digests of names and addresses

Times are microseconds since 1970, UTC.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # the only one that SQLite counts by itself

keys = sa.Table(
    "access_keys",
    metadata,
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
    sa.Column("user_id", sa.Text, nullable=True),
)
windows = sa.Table(
    "access_windows",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
)
comparisons = sa.Table(
    "access_comparisons",
    metadata,
    sa.Column("id", Number, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("reference", sa.BigInteger, nullable=False),
    sa.Column("probe", sa.BigInteger, nullable=False),
)
marks = sa.Table(
    "access_marks",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("mark", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("comparison", sa.BigInteger, primary_key=True, autoincrement=False),
)
verdicts = sa.Table(
    "access_verdicts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("subject", sa.LargeBinary, nullable=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)
pictures = sa.Table(
    "access_pictures",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)
"""`id` is the index of the ledger's entry that the verdict is."""
users = sa.Table(
    "access_users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
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
)
"""`epoch` rises whenever all sessions of a user end; `totp` is encrypted, and counts from `totp_since` on;
`totp_step` is the last step that was used."""
invitations = sa.Table(
    "access_invitations",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)
recovery_codes = sa.Table(
    "access_recovery_codes",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, primary_key=True),
)
sessions = sa.Table(
    "access_sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
)
"""`stage` is ``second`` where the second factor is still to come, or ``full``."""
attempts = sa.Table(
    "access_attempts",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("noted_at", sa.BigInteger, nullable=False),
)
