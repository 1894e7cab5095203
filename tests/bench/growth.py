"""B4: orders per second, and the desk's pages, on an empty base and on ones with very many orders; the plans of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection, text

from connector.db.tables import metadata
from tests.bench import draining, pages, whole
from tests.bench.measuring import Figure, figure, in_turns, number, order_count, ratios, rounds, spread
from tests.bench.stage import Stage, World

_GROWN, _YOUNG = "bench_grown", "bench_young"
_REAL = 1_000  # orders that were really taken in; the others are copies of them
_STILL_OPEN_COPIES = 2  # the rest is history: completed, shipped
_YOUNG_COPIES = _STILL_OPEN_COPIES + 1  # a young base: as many open orders as the grown one, and little history
_COPIED = (
    *("orders", "order_lines", "order_words", "fulfillment_orders", "fulfillment_lines"),
    *("movements", "order_events", "inbox"),
)
_STEP = whole.FILLING  # between the ids of one copy and the next
_IDS = frozenset({"id", "order_id", "fulfillment_order_id", "order_line_id"})
_NAMES = {"external_id", "dedup_key", "effect_key", "number"}
_OLDER = {
    ("orders", "placed_at"): "t.placed_at - k * interval '37 minutes'",
    ("orders", "state"): f"CASE WHEN k <= {_STILL_OPEN_COPIES} THEN t.state ELSE 'completed' END",
    ("orders", "open"): f"k <= {_STILL_OPEN_COPIES}",
    ("fulfillment_orders", "state"): f"CASE WHEN k <= {_STILL_OPEN_COPIES} THEN t.state ELSE 'shipped' END",
    ("inbox", "received_at"): "t.received_at - k * interval '37 minutes'",
    ("inbox", "sealed_body"): "NULL",  # as retention leaves it
}
_INDEXES = text(
    "SELECT i.indexname, i.indexdef FROM pg_indexes i LEFT JOIN pg_constraint c ON c.conname = i.indexname "
    "WHERE i.schemaname = current_schema() AND i.tablename = ANY(:tables) AND c.oid IS NULL"
)


def measure(stage: Stage) -> list[Figure]:
    """Ours on the grown bases over ours on the empty one, at a tenth of BENCH_GROWTH orders and at all of them."""
    most, count = number("BENCH_GROWTH", 1_000_000), order_count() // 2
    figures: list[Figure] = []
    with _furnished(stage) as real:
        _grow(stage, real, range(1, _YOUNG_COPIES + 1))
        stage.copy(_GROWN, _YOUNG)
        copies, first = _YOUNG_COPIES, 2 * _REAL + 1
        for size in (most // 10, most):
            wanted = max(copies + 1, size // _REAL)
            _grow(stage, real, range(copies + 1, wanted + 1))
            copies = wanted
            figures += pages.measure(stage, _YOUNG, _GROWN, size, last=size == most)
            figures.append(_speed(stage, size, count, first, last=size == most))
            _finish(stage, real)
            first += rounds() * 2 * count
    return figures


def _speed(stage: Stage, size: int, count: int, first: int, *, last: bool) -> Figure:
    turn = iter(range(rounds()))

    def grown() -> float:
        begin = first + next(turn) * 2 * count
        return whole.ours(stage, count, 2, first=begin, world=stage.existing(_GROWN))

    speed = in_turns({"empty": partial(whole.ours, stage, count, 2, first=first), "grown": grown})
    name = "B4" if last else f"B4_{size}"
    note = f"orders with {size:,} in the base {spread(speed['grown'])}, with none {spread(speed['empty'])}"
    return figure(name, 0.9, ratios(speed["grown"], speed["empty"]), note)


def _finish(stage: Stage, real: dict[str, int]) -> None:
    """What was taken in to measure the speed becomes history, so that the base keeps the number of its open orders."""
    with stage.existing(_GROWN) as world, world.engine.begin() as conn:
        of_the_speed = {"real": real["orders"], "copies": _STEP}
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in (
            "UPDATE fulfillment_orders SET state = 'shipped' WHERE order_id > :real AND order_id <= :copies",
            "UPDATE orders SET state = 'completed', open = false WHERE id > :real AND id <= :copies",
        ):
            conn.execute(text(statement), of_the_speed)


@contextmanager
def _furnished(stage: Stage) -> Iterator[dict[str, int]]:
    """A database with orders that were really taken in, to be copied: the last of them in each table, by its key."""
    stage.drop(_YOUNG)
    stage.drop(_GROWN)
    with stage.world() as world:
        draining.fill(world, _REAL, shops=1)
        assert draining.drain(world) == _REAL
        with world.engine.connect() as conn:
            last = {table: conn.execute(text(f"SELECT max({_key(table)}) FROM {table}")).scalar_one() for table in _COPIED}  # noqa: S608 -- names of ours
        world.engine.dispose()
        stage.copy(world.url.split("/")[-1].split("?")[0], _GROWN)
    try:
        yield last
    finally:
        stage.drop(_YOUNG)
        stage.drop(_GROWN)


def _key(table: str) -> str:
    """The column by which a row belongs to what was really taken in."""
    names = metadata.tables[table].columns.keys()
    return next(name for name in ("order_id", "fulfillment_order_id", "id") if name in names)


def _grow(stage: Stage, real: dict[str, int], copies: range) -> None:
    """So many more copies of the real orders, most of them done long ago; indexes are made anew after them."""
    with stage.existing(_GROWN) as world:
        with world.engine.begin() as conn:
            conn.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL session_replication_role = replica"))
            conn.execute(text("SET LOCAL maintenance_work_mem = '1GB'; SET LOCAL synchronous_commit = off"))
            indexes = conn.execute(_INDEXES, {"tables": list(_COPIED)}).all()
            for name, _ in indexes:
                conn.execute(text(f'DROP INDEX "{name}"'))
            for table in _COPIED:
                _copy(conn, table, real[table], copies)
            for _, definition in indexes:
                conn.execute(text(definition))
        _analyze(world)


def _analyze(world: World) -> None:
    with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET statement_timeout = 0"))
        conn.execute(text("VACUUM ANALYZE"))
        conn.execute(text("CHECKPOINT"))
        conn.invalidate()


def _copy(conn: Connection, table: str, real: int, copies: range) -> None:
    columns = [column.name for column in metadata.tables[table].columns if column.computed is None]
    values = ", ".join(_value(table, name) for name in columns)
    query = (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "  # noqa: S608 -- names of our own columns
        f"FROM {table} t, generate_series(CAST(:first AS integer), CAST(:last AS integer)) k WHERE t.{_key(table)} <= :real"
    )
    conn.execute(text(query), {"first": copies[0], "last": copies[-1], "real": real})


def _value(table: str, name: str) -> str:
    if (table, name) in _OLDER:
        return _OLDER[table, name]
    if name in _IDS:
        return f"t.{name} + k::bigint * {_STEP}"
    return f"t.{name} || '-' || k" if name in _NAMES else f"t.{name}"
