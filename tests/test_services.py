"""The fixtures themselves: each test starts from nothing, and can change what it likes."""

from __future__ import annotations

import pytest
import redis
from sqlalchemy import Engine, insert, select, text

from connector.db import tables


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_starts_with_an_empty_database(engine: Engine, turn: int) -> None:
    with engine.begin() as connection:
        assert connection.execute(select(tables.locations.c.code)).all() == []
        connection.execute(insert(tables.locations).values(code=f"turn-{turn}", name="Somewhere"))


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_starts_with_an_empty_queue(redis_url: str, turn: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.incr("turn") == 1


def test_a_lock_left_by_an_earlier_test_does_not_hold_the_next(engine: Engine, request: pytest.FixtureRequest) -> None:
    left = engine.connect()
    left.execute(text("LOCK TABLE locations IN ACCESS EXCLUSIVE MODE"))
    request.getfixturevalue("database_url")
    left.invalidate()
    left.close()


def test_an_own_database_is_empty(new_database: str) -> None:
    from connector.db.engine import create

    engine = create(new_database)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar_one() == 0
    engine.dispose()
