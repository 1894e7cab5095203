"""The worlds of the flow's tests, for those of the chaos suites that need no processes."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.conftest import without_rows
from tests.flow.conftest import make

__all__ = ["make"]

Empty = Callable[[], None]


@pytest.fixture
def empty(database_url: str) -> Empty:
    """Takes every row away, for a test that plays many days."""

    def delete() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(b"SET session_replication_role = replica")
            connection.execute(without_rows())

    return delete
