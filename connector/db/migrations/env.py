"""Alembic's entry: the connection is handed in by `connector.db.migrate`, never read from a file."""

from __future__ import annotations

from alembic import context

from connector.db.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()
