"""Bringing a database to the newest schema. Several processes may try at once; one does it, the others wait."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, text

from connector.db import walls
from connector.db.tables import metadata

_ONE_AT_A_TIME = 7300


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> None:
    """Run every migration that has not run yet and put up the walls that are missing, in one transaction."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        command.upgrade(_config(connection), "head")
        walls.build(connection)


def drift(engine: Engine) -> list[object]:
    """What differs between the migrated database and the tables the code declares; empty where they agree."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


def write_revision(engine: Engine, message: str, revision: str) -> None:
    """Write the next migration from what differs (for whoever changes the schema)."""
    with engine.connect() as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=revision)
