"""From every earlier schema to the newest, with what was there, under programs that still run the code of before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine.interfaces import ReflectedColumn

from connector.db import engine as engines
from connector.db import migrate
from tests.desk.seeding import _MANY
from tests.serving import wait_until

# Up to here the tables were laid out anew before anybody ran the connector; from here on every migration must let the
# programs of the schema before it go on, because `connector migrate` comes before their restart.
_FIRST_THAT_RUNS = "0020"
_ORDERS = 100_000
_MOST_SECONDS = 2.0


@pytest.fixture
def fresh(new_database: str) -> Iterator[Engine]:
    """An engine on a database without tables."""
    made = engines.create(new_database, name="migrations")
    yield made
    made.dispose()


def _revisions(conn: Connection) -> list[str]:
    """All of them, the first one first."""
    scripts = ScriptDirectory.from_config(migrate._config(conn))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def _to(engine: Engine, revision: str) -> None:
    with engine.begin() as conn:
        command.upgrade(migrate._config(conn), revision)


Shape = dict[str, dict[str, ReflectedColumn]]


def _shape(engine: Engine) -> Shape:
    """Table -> column -> what it is."""
    found = inspect(engine)
    return {table: {column["name"]: column for column in found.get_columns(table)} for table in found.get_table_names()}


def _broken_by(before: Shape, after: Shape) -> list[str]:
    """What a program that knows only the schema of before would stumble over."""
    problems = []
    for table, columns in before.items():
        there = after.get(table, {})
        problems += [f"{table}.{name} is gone" for name in columns.keys() - there.keys()]
        changed = [name for name in columns.keys() & there.keys() if str(columns[name]["type"]) != str(there[name]["type"])]
        problems += [f"{table}.{name} has another type" for name in changed]
        new = [there[name] for name in there.keys() - columns.keys()]
        asking = [column["name"] for column in new if not column["nullable"] and column["default"] is None]
        problems += [f"{table}.{name} must be given" for name in asking if "identity" not in there[name]]
    return problems


def test_each_schema_leads_to_the_newest_and_lets_the_code_of_before_go_on(fresh: Engine) -> None:
    with fresh.connect() as conn:
        revisions = _revisions(conn)
    before: Shape = {}
    for revision in revisions:
        _to(fresh, revision)
        after = _shape(fresh)
        if revision > _FIRST_THAT_RUNS:
            assert _broken_by(before, after) == [], revision
        before = after
    migrate.upgrade(fresh)
    assert migrate.drift(fresh) == []


def test_what_the_code_of_before_would_stumble_over_is_found(fresh: Engine) -> None:
    with fresh.begin() as conn:
        conn.execute(text("CREATE TABLE pots (id integer PRIMARY KEY, lid text, size integer)"))
    before = _shape(fresh)
    with fresh.begin() as conn:
        conn.execute(text("ALTER TABLE pots DROP COLUMN lid, ALTER COLUMN size TYPE text, ADD COLUMN colour text NOT NULL"))
        conn.execute(text("ALTER TABLE pots ADD COLUMN weight integer, ADD COLUMN handles integer NOT NULL DEFAULT 2"))
    assert _broken_by(before, _shape(fresh)) == ["pots.lid is gone", "pots.size has another type", "pots.colour must be given"]


def test_the_newest_schema_stays_as_it_is(fresh: Engine) -> None:
    migrate.upgrade(fresh)
    before = _shape(fresh)
    migrate.upgrade(fresh)
    assert str(_shape(fresh)) == str(before)


# --- with a hundred thousand orders, and a program that goes on writing them ------------------------------------------

_HOUSE = (
    "INSERT INTO locations (code, name, kind) VALUES ('a', 'A', 'shop'), ('b', 'B', 'shop'), ('c', 'C', 'shop')",
    "INSERT INTO shops (key, platform, external_id, name, address, sealed_credentials) "
    "VALUES ('k', 'toy', 't', 'T', 'https://t', '')",
)
_CHANGE = text("UPDATE orders SET version = now() WHERE id = (SELECT min(id) + :number FROM orders)")
_COUNT = text(
    "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines), (SELECT count(*) FROM fulfillment_lines)"
)


class OldProgram(threading.Thread):
    """Writes orders as the code of before does, without a rest, and notes how long each took."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="old program", daemon=True)
        self._engine = engine
        self._over = threading.Event()
        self.seconds: list[float] = []
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            for number in range(10**9):
                began = time.monotonic()
                with self._engine.begin() as conn:
                    conn.execute(_CHANGE, {"number": number % 1000})
                    conn.execute(text(_MANY), {"shop": _shop(conn), "count": 0})
                self.seconds.append(time.monotonic() - began)
                if self._over.wait(0.01):
                    return
        except Exception as error:  # noqa: BLE001 - shown by the test, which waits for this thread
            self.failed = error

    def end(self) -> None:
        self._over.set()
        self.join()


def _shop(conn: Connection) -> int:
    return int(conn.execute(text("SELECT id FROM shops")).scalar_one())


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_hundred_thousand_orders_are_carried_over_and_nobody_waits_long(fresh: Engine) -> None:
    with fresh.connect() as conn:
        before = _revisions(conn)[-2]
    _to(fresh, before)
    with fresh.begin() as conn:
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in _HOUSE:
            conn.execute(text(statement))
        conn.execute(text(_MANY), {"shop": _shop(conn), "count": _ORDERS})
        held = conn.execute(_COUNT).one()
    program = OldProgram(fresh)
    program.start()
    wait_until(lambda: len(program.seconds) > 10 or program.failed is not None)
    migrate.upgrade(fresh)
    program.end()
    assert program.failed is None, program.failed
    assert max(program.seconds) <= _MOST_SECONDS, f"from {before} a program waited {max(program.seconds):.1f} s"
    with fresh.connect() as conn:
        assert conn.execute(_COUNT).one() == held
    assert migrate.drift(fresh) == []
