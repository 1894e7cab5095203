"""B3, B6: taking orders in from a full inbox, without anything arriving: beside the raw driver, and by one and two workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from connector.db import shops
from connector.db.engine import of_merchant
from connector.flow import ingest, receive
from connector.flow.wake import Wake
from connector.platform import Platform, Shop
from jobs import queue
from jobs.environment import connect_redis
from platforms import registry
from platforms.http import Http
from tests.bench import orders
from tests.bench.measuring import Figure, figure, in_turns, order_count, ratios, spread
from tests.bench.stage import Stage, World
from tests.bench.whole import _taken_in, _wait, working

_BATCH = 100
# The tables a batch writes, in an order that satisfies their references, and how each finds its order.
_TABLES = {
    "orders": "SELECT t.id, t.* FROM orders t",
    "order_lines": "SELECT t.order_id, t.* FROM order_lines t",
    "fulfillment_orders": "SELECT t.order_id, t.* FROM fulfillment_orders t",
    "fulfillment_lines": (
        "SELECT f.order_id, t.* FROM fulfillment_lines t JOIN fulfillment_orders f ON f.id = t.fulfillment_order_id"
    ),
    "order_events": "SELECT t.order_id, t.* FROM order_events t",
    "order_words": "SELECT t.order_id, t.* FROM order_words t",
    "movements": "SELECT t.order_id, t.* FROM movements t WHERE t.order_id IS NOT NULL",
}


def measure(stage: Stage) -> list[Figure]:
    """B3: ours over the raw driver; the ratio is against the faster of its two forms."""
    count = order_count()
    filled = _filled(stage, count, shops=1)
    batches = _written_by_us(stage, filled)
    forms = {
        "ours": partial(_ours, stage, filled, count),
        "COPY": partial(_raw, stage, filled, batches, count, _copy),
        "executemany": partial(_raw, stage, filled, batches, count, _executemany),
    }
    found = in_turns(forms)
    faster = max(("COPY", "executemany"), key=lambda form: sum(found[form]))
    note = (
        f"orders of 3 lines; ours reads, opens, decides and seals them too: {spread(found['ours'])}; the raw driver, rows ready "
    )
    note += f"made, {_BATCH} orders a commit: COPY {spread(found['COPY'])}, executemany {spread(found['executemany'])}"
    return [
        figure("B3", 0.25, ratios(found["ours"], found[faster]), f"against {faster}. {note}"),
        figure(
            "B3_executemany", 0.25, ratios(found["ours"], found["executemany"]), "against executemany, as it is usually written"
        ),
    ]


def measure_workers(stage: Stage) -> list[Figure]:
    """B6: two workers over one, with four shops' deliveries waiting."""
    count = order_count()
    filled = _filled(stage, count, shops=orders.SHOPS)
    found = in_turns({str(workers): partial(_by_workers, stage, filled, count, workers) for workers in (1, 2)})
    note = f"orders: two workers {spread(found['2'])}, one {spread(found['1'])}; PostgreSQL shares their cores"
    return [figure("B6", 1.3, ratios(found["2"], found["1"]), note)]


def woocommerce() -> Platform:
    """The platform as the product has it."""
    return registry.platforms(Http(private_allowed=True))["woocommerce"]


def bench_shop(world: World, number: int = 0) -> Shop:
    """One of the benchmark's shops."""
    with world.engine.connect() as conn:
        shop = shops.load(conn, world.stage.seal, platform="woocommerce", key=orders.key(number))
    assert shop is not None
    return shop


def fill(world: World, count: int, *, shops: int, first: int = 1) -> None:
    """Store deliveries as receiving does."""
    platform, seal, now = woocommerce(), world.stage.seal, datetime.now(UTC)
    known = [bench_shop(world, number) for number in range(shops)]
    for sent in orders.deliveries(count, first=first, shops=shops):
        headers = {name.lower(): value for name, value in sent.headers.items()}
        receive.receive(world.engine, seal, known[sent.shop], platform.parse(headers, sent.body), sent.body, now)


def drain(world: World) -> int:
    """Take in all that waits at the first shop; how many."""
    platform, shop, seal, done = woocommerce(), bench_shop(world), world.stage.seal, 0
    own = of_merchant(world.engine, shop.merchant_id)  # as a worker does it
    while finished := ingest.drain(own, seal, platform, shop, datetime.now(UTC), limit=_BATCH).finished:
        done += finished
    return done


def _filled(stage: Stage, count: int, *, shops: int) -> str:
    """The name of a database whose inbox is full."""
    name = f"bench_filled_{shops}"
    stage.drop(name)
    with stage.world() as world:
        fill(world, count, shops=shops)
        world.engine.dispose()
        stage.copy(world.url.split("/")[-1].split("?")[0], name)
    return name


def _ours(stage: Stage, filled: str, count: int) -> float:
    with stage.world(filled) as world:
        began = time.perf_counter()
        assert drain(world) == count
        return count / (time.perf_counter() - began)


def _by_workers(stage: Stage, filled: str, count: int, workers: int) -> float:
    with stage.world(filled) as world, working(world, workers), psycopg.connect(world.url, autocommit=True) as connection:
        began = time.monotonic()
        ids = [bench_shop(world, number).id for number in range(orders.SHOPS)]
        queue.ring(connect_redis(stage.services.redis_url), [Wake("ingest", shop_id) for shop_id in ids])
        _wait(lambda: _taken_in(connection), count)
        return count / (time.monotonic() - began)


# --- the raw driver --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one transaction writes: rows by table, the sums by (item, location), and the inbox rows that end with it."""

    rows: dict[str, list[tuple[Any, ...]]]
    sums: list[tuple[int, int, int]]
    inbox: list[int]


def _written_by_us(stage: Stage, filled: str) -> list[_Batch]:
    """Every row that ours wrote, in batches of the same size."""
    with stage.world(filled) as world:
        drain(world)
        with psycopg.connect(world.url) as connection:
            ids = [row[0] for row in connection.execute("SELECT id FROM orders ORDER BY id")]
            done = [row[0] for row in connection.execute("SELECT id FROM inbox ORDER BY id")]
            place = {order_id: number // _BATCH for number, order_id in enumerate(ids)}
            batches = [_Batch({name: [] for name in _TABLES}, [], done[at : at + _BATCH]) for at in range(0, len(ids), _BATCH)]
            for name, query in _TABLES.items():
                for order_id, *row in connection.execute(query.encode()):
                    batches[place[order_id]].rows[name].append(tuple(_plain(value) for value in row))
            query = "SELECT order_id, item_id, location_id, committed_delta FROM movements WHERE order_id IS NOT NULL"
            sums: list[dict[tuple[int, int], int]] = [{} for _ in batches]
            for order_id, item, location, units in connection.execute(query.encode()):
                of_batch = sums[place[order_id]]
                of_batch[item, location] = of_batch.get((item, location), 0) + units
    for batch, of_batch in zip(batches, sums, strict=True):
        batch.sums.extend((item, location, units) for (item, location), units in sorted(of_batch.items()))
    return batches


def _plain(value: object) -> object:
    """As the driver takes it at the least cost: JSON as such, and numbers in an array as PostgreSQL writes them."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
        return Jsonb(value)
    if isinstance(value, list) and value and isinstance(value[0], int):
        return "{" + ",".join(map(str, value)) + "}"
    return value


Write = Callable[[psycopg.Cursor[Any], str, Sequence[tuple[Any, ...]]], None]


def _raw(stage: Stage, filled: str, batches: Sequence[_Batch], count: int, write: Write) -> float:
    with stage.world(filled) as world, psycopg.connect(world.url, prepare_threshold=0) as connection:
        began = time.perf_counter()
        for batch in batches:
            with connection.transaction(), connection.cursor() as cursor:
                for name, rows in batch.rows.items():
                    write(cursor, name, rows)
                _raise_levels(cursor, batch)
        seconds = time.perf_counter() - began
        assert connection.execute("SELECT count(*) FROM inbox WHERE state = 'done'").fetchone() == (count,)
        return count / seconds


def _raise_levels(cursor: psycopg.Cursor[Any], batch: _Batch) -> None:
    items, locations, units = zip(*batch.sums, strict=True)
    cursor.execute(
        "UPDATE levels SET committed = committed + n.units "
        "FROM unnest(%b::bigint[], %b::bigint[], %b::int[]) AS n (item, location, units) "
        "WHERE item_id = n.item AND location_id = n.location",
        (list(items), list(locations), list(units)),
    )
    cursor.execute("UPDATE inbox SET state = 'done', reason = 'new', finished_at = now() WHERE id = ANY(%b)", (batch.inbox,))


def _copy(cursor: psycopg.Cursor[Any], table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
        for row in rows:
            copy.write_row(row)


def _executemany(cursor: psycopg.Cursor[Any], table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        values = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
        cursor.executemany(sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), values), rows)
