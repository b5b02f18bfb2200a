"""Alembic's migrations; `storage.schema` runs them.

They only lead forward: no command undoes one, so none has a `downgrade`, and Alembic refuses before it
changes anything. Who goes back to an earlier version takes the copy of the database from before.
"""
