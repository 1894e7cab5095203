"""The desk's pages on a young base and on one with a long history and as many open orders, look by look in turns; and the
plan of every query they make."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, event, text

from config.embedded import Addresses
from config.settings import load
from connector.db import merchants
from connector.db.engine import of_merchant
from jobs.environment import open_at
from tests.bench import programs
from tests.bench.measuring import Figure, figure, median, ratios, rounds
from tests.bench.stage import Stage, World
from webhooks.app import build

_PAGES = {
    "list": "/orders",
    "history": "/orders/history",
    "search": "/orders?q=vinc",
    "order": "/orders/{order}",
    "dashboard": "/dashboard",
}
_LARGE = frozenset(
    {
        *("orders", "order_lines", "order_words", "fulfillment_orders", "fulfillment_lines"),
        *("movements", "order_events", "inbox"),
    }
)
_MOST_SCANNED = 10_000  # rows of a large table that a scan without an index may read: more would grow with the base
_PLANS = programs.ROOT / "build" / "bench-plans.txt"


@dataclass(frozen=True, slots=True)
class _Query:
    """A statement as the driver is given it."""

    statement: str
    parameters: Any


@dataclass(frozen=True)
class _Desk:
    """The desk over one database."""

    client: FlaskClient
    engine: Engine
    order_id: int

    def look(self, path: str) -> float:
        """Milliseconds a page takes."""
        began = time.perf_counter()
        answer = self.client.get(path.format(order=self.order_id))
        milliseconds = 1000 * (time.perf_counter() - began)
        assert answer.status_code == 200, (path, answer.status)
        return milliseconds


def measure(stage: Stage, young: str, grown: str, size: int, *, last: bool) -> list[Figure]:
    """Every page on the young base over the same on the grown one; the plans once, on the largest."""
    with ExitStack() as stack:
        small, large = (stack.enter_context(_desk(stage, stack.enter_context(stage.existing(name)))) for name in (young, grown))
        figures = [_page(name, path, small, large, size, last=last) for name, path in _PAGES.items()]
        return [*figures, _plans(large, size)] if last else figures


def _page(name: str, path: str, small: _Desk, large: _Desk, size: int, *, last: bool) -> Figure:
    for desk in (small, large):  # the first look fills caches and pays for imports
        desk.look(path)
    looks = [(small.look(path), large.look(path)) for _ in range(2 * rounds() + 1)]
    few, many = zip(*looks, strict=True)
    note = f"the page takes {median(many):.1f} ms with {size:,} orders in the base, {median(few):.1f} ms in a young one"
    return figure(f"B4_{name}" if last else f"B4_{name}_{size}", 0.9, ratios(few, many), note)


@contextmanager
def _desk(stage: Stage, world: World) -> Iterator[_Desk]:
    names = ("DATABASE_URL", "REDIS_URL", "SEAL_KEYS", "SECRET_KEY", "DATA_DIR")
    settings = load({name.lower(): world.environment()[name] for name in names})
    opened = open_at(settings, Addresses(world.url, stage.services.redis_url), name="bench page")
    app = build(opened)
    with opened.engine.connect() as conn:
        order_id = conn.execute(text("SELECT min(id) FROM orders")).scalar_one()
    try:
        yield _Desk(app.test_client(), opened.engine, order_id)
    finally:
        app.extensions["waker"].close()
        opened.close()


# --- plans -----------------------------------------------------------------------------------------------------------


def _plans(desk: _Desk, size: int) -> Figure:
    """How many queries read much of a large table without an index: none should. All plans go to build/bench-plans.txt."""
    told, wrong, count = [f"The plans of the desk's queries with {size:,} orders in the base."], [], 0
    for name, path in _PAGES.items():
        for query in _queries(desk, path):
            plan = _explained(desk.engine, query)
            scans = [scan for scan in _scans(plan["Plan"]) if scan[0] in _LARGE and scan[1] > _MOST_SCANNED]
            wrong += [f"{name}: {table} ({rows:,} rows)" for table, rows in scans]
            told += [f"\n--- {name}, {plan['Execution Time']:.1f} ms\n{query.statement}", *_lines(plan["Plan"])]
            count += 1
    _PLANS.parent.mkdir(exist_ok=True)
    _PLANS.write_text("\n".join(told) + "\n")
    note = f"of {count} queries read a large table without an index; the plans are in build/{_PLANS.name}"
    return figure("B4_plans", 0, [len(wrong)], "; ".join([note, *wrong]), most=True)


def _queries(desk: _Desk, path: str) -> list[_Query]:
    found: list[_Query] = []

    def note(conn: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")) and "set_config" not in statement:
            found.append(_Query(statement, parameters))

    event.listen(desk.engine, "before_cursor_execute", note)
    try:
        desk.look(path)
    finally:
        event.remove(desk.engine, "before_cursor_execute", note)
    return found


def _explained(engine: Engine, query: _Query) -> dict[str, Any]:
    with of_merchant(engine, merchants.FIRST).connect() as conn:
        return _explain(conn, query)


def _explain(conn: Connection, query: _Query) -> dict[str, Any]:
    answer = conn.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.statement}", query.parameters).scalar_one()
    plan: dict[str, Any] = (json.loads(answer) if isinstance(answer, str) else answer)[0]
    return plan


def _scans(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """(table, rows read) of every scan of a whole table in a plan."""
    if node["Node Type"] in ("Seq Scan", "Parallel Seq Scan"):
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        yield node["Relation Name"], round(read)
    for inner in node.get("Plans", ()):
        yield from _scans(inner)


def _lines(node: dict[str, Any], depth: int = 1) -> Iterator[str]:
    where = " ".join(str(node[name]) for name in ("Index Name", "Relation Name") if name in node)
    condition = next((node[name] for name in ("Index Cond", "Recheck Cond", "Filter") if name in node), "")
    rows = f"({node['Actual Rows']:g} rows x {node['Actual Loops']})"
    yield f"{'  ' * depth}{node['Node Type']} {where} {rows} {condition}".rstrip()
    for inner in node.get("Plans", ()):
        yield from _lines(inner, depth + 1)
