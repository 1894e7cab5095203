"""B4: orders per second, and the Orders page, on an empty base and on one with very many orders."""

from __future__ import annotations

import time
from functools import partial

from sqlalchemy import Connection, text

from config.embedded import Addresses
from config.settings import load
from connector.db.tables import metadata
from jobs.environment import open_at
from tests.bench import draining, whole
from tests.bench.measuring import Figure, figure, in_turns, median, number, order_count, ratios, spread
from tests.bench.stage import Stage
from webhooks.app import build

_GROWN = "bench_grown"
_EMPTY = "bench_template"
_REAL = 1_000  # orders that were really taken in; the others are copies of them
_STILL_OPEN_COPIES = 2  # the rest is history: completed, shipped
_LOOKS = 9
_COPIED = ("orders", "order_lines", "fulfillment_orders", "fulfillment_lines", "movements", "order_events", "inbox")
_STEP = 10_000_000  # between the ids of one copy and the next
_IDS = frozenset({"id", "order_id", "fulfillment_order_id", "order_line_id"})
_NAMES = {"external_id", "dedup_key", "effect_key", "number"}
_OLDER = {
    ("orders", "placed_at"): "t.placed_at - k * interval '37 minutes'",
    ("orders", "state"): "CASE WHEN k <= :open THEN t.state ELSE 'completed' END",
    ("orders", "open"): "k <= :open",
    ("fulfillment_orders", "state"): "CASE WHEN k <= :open THEN t.state ELSE 'shipped' END",
    ("inbox", "received_at"): "t.received_at - k * interval '37 minutes'",
}


def measure(stage: Stage) -> list[Figure]:
    """Ours on the grown base over ours on the empty one."""
    base = number("BENCH_GROWTH", 100_000)
    _grow(stage, base)
    first, count = 2 * _REAL + 1, order_count()
    speed = in_turns(
        {name: partial(whole.ours, stage, count, 2, template=name, first=first) for name in (_EMPTY, _GROWN)},
    )
    pages = in_turns({name: partial(_page, stage, name) for name in (_EMPTY, _GROWN)})
    stage.drop(_GROWN)
    note = f"with {base:,} orders in the base {spread(speed[_GROWN])}, with none {spread(speed[_EMPTY])}"
    waits = f"the Orders page takes {median(pages[_GROWN]):.1f} ms with {base:,} orders, {median(pages[_EMPTY]):.1f} ms with 200"
    return [
        figure("B4", 0.9, ratios(speed[_GROWN], speed[_EMPTY]), note),
        figure("B4_page", 0.9, ratios(pages[_EMPTY], pages[_GROWN]), waits),
    ]


def _grow(stage: Stage, base: int) -> None:
    """A database with `base` orders, most of them done long ago."""
    stage.drop(_GROWN)
    with stage.world() as world:
        draining.fill(world, _REAL, shops=1)
        assert draining.drain(world) == _REAL
        with world.engine.begin() as conn:
            conn.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL session_replication_role = replica"))
            for table in _COPIED:
                _copy(conn, table, max(1, base // _REAL))
        with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text("SET statement_timeout = 0"))
            conn.execute(text("VACUUM ANALYZE"))
            conn.invalidate()
        world.engine.dispose()
        stage.copy(world.url.split("/")[-1].split("?")[0], _GROWN)


def _copy(conn: Connection, table: str, copies: int) -> None:
    columns = [column.name for column in metadata.tables[table].columns if column.computed is None]
    values = ", ".join(_value(table, name) for name in columns)
    query = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} t, generate_series(1, :copies) k"  # noqa: S608
    where = " WHERE t.order_id IS NOT NULL" if table == "movements" else ""
    conn.execute(text(query + where), {"copies": copies, **({"open": _STILL_OPEN_COPIES} if ":open" in query else {})})


def _value(table: str, name: str) -> str:
    if (table, name) in _OLDER:
        return _OLDER[table, name]
    if name in _IDS:
        return f"t.{name} + k * {_STEP}"
    return f"t.{name} || '-' || k" if name in _NAMES else f"t.{name}"


def _page(stage: Stage, template: str) -> float:
    """Milliseconds of the Orders page: the median of several looks."""
    with stage.world(template) as world:
        if template == _EMPTY:
            draining.fill(world, 200, shops=1)
            draining.drain(world)
        names = ("DATABASE_URL", "REDIS_URL", "SEAL_KEYS", "SECRET_KEY", "DATA_DIR")
        settings = load({name.lower(): world.environment()[name] for name in names})
        opened = open_at(settings, Addresses(world.url, stage.services.redis_url), name="bench page")
        app = build(opened)
        client, waits = app.test_client(), []
        for _ in range(_LOOKS):
            began = time.perf_counter()
            answer = client.get("/orders", follow_redirects=True)
            waits.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, answer.status
        app.extensions["waker"].close()
        opened.close()
        return median(waits)
