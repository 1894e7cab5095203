"""The worlds of the flow's tests, for those of the chaos suites that need no processes."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from connector.db import tables
from tests.flow.conftest import make

__all__ = ["make"]

Empty = Callable[[], None]


@pytest.fixture
def empty(database_url: str) -> Empty:
    """Takes every row away, for a test that plays many days."""

    def delete() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(b"SET session_replication_role = replica")
            names = [sql.Identifier(table.name) for table in tables.metadata.sorted_tables]
            connection.execute(sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(name) for name in names))

    return delete
