"""The walls between merchants, at the level of SQL: every table, generated over what the code declares."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg
import pytest
from sqlalchemy import Column, Engine, RowMapping, Table, delete, insert, make_url, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from connector.db import access, documents, goods, many, merchants, migrate, saved_views, walls
from connector.db import engine as engines
from connector.db.engine import of_merchant
from connector.db.tables import HOUSE, items, metadata
from connector.domain.errors import ConnectorError

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
THEIRS = sorted(metadata.tables.keys() - HOUSE)


@pytest.fixture
def two(engine: Engine) -> tuple[Engine, Engine]:
    """The engines of two merchants."""
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO merchants (id, name) VALUES (2, 'second') ON CONFLICT DO NOTHING"))
    return of_merchant(engine, 1), of_merchant(engine, 2)


# --- a row in every table --------------------------------------------------------------------------------------------


class Filler:
    """Puts a row into every table, with whatever the columns and constraints ask for."""

    def __init__(self, engine: Engine, first: int) -> None:
        self.engine, self._numbers = engine, count(first)
        self.rows: dict[str, RowMapping] = {}
        for table in metadata.sorted_tables:
            if table.name not in HOUSE:
                self.rows[table.name] = self._row(table)

    def _row(self, table: Table) -> RowMapping:
        with self.engine.begin() as conn:
            return conn.execute(insert(table).values(self._values(table)).returning(table)).mappings().one()

    def _values(self, table: Table) -> dict[str, Any]:
        given = _GIVEN.get(table.name, {})
        found = {column.name: self._value(table, column) for column in table.c if _needed(column)}
        return {**found, **{name: value(self) if callable(value) else value for name, value in given.items()}}

    def _value(self, table: Table, column: Column[Any]) -> Any:
        for key in column.foreign_keys:
            if key.parent is column and key.column.table.name in self.rows:
                return self.rows[key.column.table.name][key.column.name]
        kind = column.type.compile(postgresql.dialect())  # type: ignore[no-untyped-call]
        return _PLAIN[kind](next(self._numbers))

    def another(self, name: str) -> int:
        """The id of one more row of the table."""
        return int(self._row(metadata.tables[name])["id"])


def _needed(column: Column[Any]) -> bool:
    made = column.server_default is not None or column.identity is not None or column.computed is not None
    return not column.nullable and not made


_PLAIN: dict[str, Any] = {
    "TEXT": lambda number: f"t{number}",
    "BIGINT": lambda number: number,
    "INTEGER": lambda number: number,
    "BYTEA": lambda number: b"b",
    "BOOLEAN": lambda number: True,
    "JSONB": lambda number: {},
    "TEXT[]": lambda number: [],
    "INTEGER[]": lambda number: [number],
    "TIMESTAMP WITH TIME ZONE": lambda number: NOW,
}
# What the check constraints ask for beyond a value of the type.
_GIVEN: dict[str, dict[str, Any]] = {
    "staff": {"role": "owner"},
    "movements": {"on_hand_delta": 1},
    "backfill_misses": {"kind": "failed"},
    "item_links": {"item_id": lambda filler: filler.rows["items"]["id"], "matched_by": "hand"},
    "fulfillment_lines": {"picked": 0},
    "bundles": {"component_id": lambda filler: filler.another("items")},
    "transfers": {"to_location_id": lambda filler: filler.another("locations")},
}


@pytest.fixture
def filled(two: tuple[Engine, Engine]) -> tuple[Filler, Filler]:
    """Both merchants have a row in every table."""
    return Filler(two[0], 1), Filler(two[1], 1_000_000)


# --- each table ------------------------------------------------------------------------------------------------------


def test_every_table_is_the_houses_or_walled_in(engine: Engine) -> None:
    """A new table has its merchant by itself; whoever wants it to be the house's says so in HOUSE."""
    with engine.connect() as conn:
        there = set(conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")).scalars())
        assert walls.walled(conn) == {*THEIRS, "merchants"}
    assert there - {"alembic_version"} == set(THEIRS) | HOUSE
    assert [name for name in THEIRS if "merchant_id" not in metadata.tables[name].c] == []
    assert migrate.drift(engine) == []


def test_a_merchant_sees_and_changes_its_own_rows_only(two: tuple[Engine, Engine], filled: tuple[Filler, Filler]) -> None:
    own = two[1]
    for name in THEIRS:
        table = metadata.tables[name]
        with own.connect() as conn:
            assert {row.merchant_id for row in conn.execute(select(table))} == {2}, name
            touched = conn.execute(update(table).values(merchant_id=2)).rowcount
            assert touched == len(conn.execute(select(table)).all()), name
            theirs = table.c.merchant_id == 1
            assert conn.execute(update(table).where(theirs).values(merchant_id=2)).rowcount == 0, name
            with conn.begin_nested():
                assert conn.execute(delete(table).where(theirs)).rowcount == 0, name


def test_nobody_writes_a_row_of_another_merchant(two: tuple[Engine, Engine], filled: tuple[Filler, Filler]) -> None:
    for name in THEIRS:
        table, row = metadata.tables[name], filled[0].rows[name]
        values = {column.name: row[column.name] for column in table.c if column.computed is None and column.identity is None}
        with two[1].connect() as conn, pytest.raises(ProgrammingError, match="row-level security"):
            conn.execute(insert(table).values(values))
        with two[1].connect() as conn, pytest.raises(ProgrammingError, match="row-level security"):
            conn.execute(update(table).values(merchant_id=1))


def test_what_is_the_houses_no_merchant_reads(two: tuple[Engine, Engine]) -> None:
    for name in sorted(HOUSE - {"merchants", "heartbeats"}):
        with two[1].connect() as conn, pytest.raises(ProgrammingError, match="permission denied"):
            conn.execute(select(metadata.tables[name]))


def test_a_merchant_knows_of_itself_only(two: tuple[Engine, Engine]) -> None:
    with two[1].connect() as conn:
        assert [one.name for one in merchants.everyone(conn)] == ["second"]
    with two[1].connect() as conn, pytest.raises(ProgrammingError, match="permission denied"):
        merchants.add(conn, "third", NOW)


# --- references ------------------------------------------------------------------------------------------------------


def _carried() -> Iterator[tuple[Table, str, str]]:
    for name in THEIRS:
        for key in metadata.tables[name].foreign_key_constraints:
            if len(key.column_keys) == 2:
                yield metadata.tables[name], key.column_keys[0], key.referred_table.name


def test_not_even_the_house_makes_a_row_refer_to_another_merchants(engine: Engine, filled: tuple[Filler, Filler]) -> None:
    carried = list(_carried())
    assert {target for _, _, target in carried} == {"shops", "orders", "items", "locations", "staff", "suppliers", "endpoints"}
    for table, column, target in carried:
        foreign = filled[0].another(target)
        with engine.connect() as conn, pytest.raises(IntegrityError, match="foreign key"):
            conn.execute(update(table).where(table.c.merchant_id == 2).values({column: foreign}))


# --- the ways to write and read --------------------------------------------------------------------------------------


def test_what_is_copied_in_is_the_merchants(two: tuple[Engine, Engine]) -> None:
    with two[1].begin() as conn:
        many.add(conn, items, [{"sku": "A"}, {"sku": "B"}])
        assert len(conn.execute(select(items)).all()) == 2
        assert conn.execute(text("SELECT current_user")).scalar() == walls.ROLE  # behind the wall again
        with pytest.raises(IntegrityError), conn.begin_nested():
            many.add(conn, items, [{"sku": "A"}])
        assert conn.execute(text("SELECT current_user")).scalar() == walls.ROLE
    with two[0].connect() as conn:
        assert conn.execute(select(items)).all() == []


def test_the_same_names_at_two_merchants(two: tuple[Engine, Engine]) -> None:
    for engine in two:
        with engine.begin() as conn:
            goods.add_items(conn, [{"sku": "BK-001", "title": "first"}])
            goods.add_items(conn, [{"sku": "BK-001", "title": "second"}])
            goods.add_location(conn, code="quay", name="Quay", kind="shop", priority=1)
            assert documents.file(conn, "receipt", "monday", [["BK-001", "quay", 1]], NOW, actor="tests") is not None
            assert documents.file(conn, "receipt", "monday", [["BK-001", "quay", 1]], NOW, actor="tests") is None
            assert access.add(conn, "till", b"hash", ["orders:read"], NOW) is not None
            saved_views.save(conn, None, "today", "state=new", history=False)
            saved_views.save(conn, None, "today", "state=new", history=False)
            assert len(saved_views.views(conn, None)) == 1
    with two[1].connect() as conn:
        assert [row.title for row in conn.execute(select(items))] == ["second"]


def test_a_connection_goes_back_to_the_pool_as_it_was(two: tuple[Engine, Engine], engine: Engine) -> None:
    for ends in ("commit", "rollback", "close"):
        conn = two[1].connect()
        pid = conn.execute(text("SELECT pg_backend_pid()")).scalar()
        getattr(conn, ends)()
        conn.close()
        with engine.connect() as house:
            who = house.execute(text("SELECT pg_backend_pid(), current_user, current_setting('connector.merchant', true)")).one()
            assert who[0] == pid
            assert who[1] != walls.ROLE
            assert not who[2]


def test_a_merchants_work_needs_transactions(two: tuple[Engine, Engine]) -> None:
    with two[1].connect().execution_options(isolation_level="AUTOCOMMIT") as conn, pytest.raises(RuntimeError):
        conn.execute(text("SELECT 1"))


def test_in_the_role_without_a_merchant_nothing_is_seen(engine: Engine, filled: tuple[Filler, Filler]) -> None:
    with engine.connect() as conn:
        conn.execute(text(f"SET LOCAL ROLE {walls.ROLE}"))
        with pytest.raises(DBAPIError, match=r"(connector.merchant|invalid input syntax)"):
            conn.execute(select(items))


def test_a_search_finds_the_merchants_own_words(
    two: tuple[Engine, Engine], engine: Engine, filled: tuple[Filler, Filler]
) -> None:
    own, all_ = text("SELECT order_id FROM own_order_words"), text("SELECT order_id FROM order_words")
    for merchant, filler in zip(two, filled, strict=True):
        with merchant.connect() as conn:
            assert conn.execute(own).scalars().all() == [filler.rows["orders"]["id"]] == conn.execute(all_).scalars().all()
    with engine.connect() as conn:
        assert len(conn.execute(own).all()) == 2


# --- putting them up -------------------------------------------------------------------------------------------------


def test_a_wall_that_is_missing_is_put_up_by_the_next_migration(new_database: str) -> None:
    engine = engines.create(new_database, name="tests")
    migrate.upgrade(engine)
    with engine.begin() as conn:
        conn.execute(text(f"DROP POLICY {walls.POLICY} ON orders; ALTER TABLE items DISABLE ROW LEVEL SECURITY"))
        assert {"orders", "items"}.isdisjoint(walls.walled(conn))
    migrate.upgrade(engine)
    with engine.connect() as conn:
        assert {"orders", "items"} <= walls.walled(conn)
    engine.dispose()


def test_a_user_who_may_not_make_the_role_is_told_what_to_ask_for(new_database: str) -> None:
    with psycopg.connect(new_database, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS plain_user")
        admin.execute("CREATE ROLE plain_user LOGIN")
        admin.execute("GRANT ALL ON SCHEMA public TO plain_user")
        admin.execute(f"DO $$ BEGIN CREATE ROLE {walls.ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    engine = engines.create(make_url(new_database).set(username="plain_user").render_as_string(hide_password=False))
    with pytest.raises(ConnectorError, match="plain_user") as refused:
        migrate.upgrade(engine)
    assert f"GRANT {walls.ROLE} TO plain_user;" in refused.value.remedy
    with psycopg.connect(new_database, autocommit=True) as admin:
        admin.execute(f"GRANT {walls.ROLE} TO plain_user")
    migrate.upgrade(engine)
    with of_merchant(engine, 1).connect() as conn:
        assert conn.execute(text("SELECT current_user")).scalar() == walls.ROLE
    engine.dispose()
    with psycopg.connect(new_database, autocommit=True) as admin:
        admin.execute("DROP OWNED BY plain_user")
        admin.execute("DROP ROLE plain_user")
