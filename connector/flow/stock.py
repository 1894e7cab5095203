"""Stock facts that no order causes: receipts and counts, each once only by its caller's key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from connector.db import goods, orders, publications
from connector.db import stock as levels
from connector.db.tables import levels as levels_table
from connector.db.tables import movements
from connector.domain.errors import Rejected
from connector.domain.stock import Movement
from connector.flow.replan import replan

_MOST_REFILLED = 200


@dataclass(frozen=True, slots=True)
class StockLine:
    """So many units (>= 0 for a count, any sign for a change) of an item at a location."""

    sku: str
    location_code: str
    quantity: int


def change(engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, reason: str, actor: str) -> int:
    """Add to on hand by `quantity` (a receipt, a till sale, a write-off). Returns the movements written: 0 on a repeat."""
    with engine.begin() as conn:
        wanted = _resolve(conn, lines)
        levels.ensure(conn, wanted)
        levels.lock(conn, {item for item, _ in wanted})
        facts = [
            Movement(item, place, units, 0, reason, f"{reason}:{key}:{item}:{place}", None, key, actor)
            for (item, place), units in wanted.items()
            if units
        ]
        written = levels.post(conn, facts, now)
        publications.touch(conn, {item for item, _ in wanted}, now)
    refill(engine, {item for item, _ in wanted}, now)
    return written


def count(engine: Engine, lines: Sequence[StockLine], now: datetime, *, key: str, actor: str) -> int:
    """Set on hand to what was counted, by the difference. Returns the movements written."""
    if any(line.quantity < 0 for line in lines):
        raise Rejected("A count cannot be negative.", "Give the number of units on the shelf.")
    with engine.begin() as conn:
        wanted = _resolve(conn, lines)
        levels.ensure(conn, wanted)
        levels.lock(conn, {item for item, _ in wanted})
        if conn.execute(select(movements.c.id).where(movements.c.document == key, movements.c.reason == "count")).first():
            return 0
        on_hand = _on_hand(conn, {item for item, _ in wanted})
        facts = [
            Movement(item, place, units - on_hand[item, place], 0, "count", f"count:{key}:{item}:{place}", None, key, actor)
            for (item, place), units in wanted.items()
            if units != on_hand[item, place]
        ]
        written = levels.post(conn, facts, now)
        publications.touch(conn, {item for item, _ in wanted}, now)
    refill(engine, {item for item, _ in wanted}, now)
    return written


def refill(engine: Engine, item_ids: Iterable[int], now: datetime) -> int:
    """Give stock that has come to the orders that wait for it, the oldest first. Returns how many orders were looked at."""
    with engine.begin() as conn:
        waiting = orders.waiting_for(conn, sorted(item_ids), limit=_MOST_REFILLED)
        if waiting:
            replan(conn, waiting, now)
    return len(waiting)


def _resolve(conn: Connection, lines: Sequence[StockLine]) -> dict[tuple[int, int], int]:
    """(item id, location id) -> units; everything unknown is named in one Rejected."""
    items = goods.item_ids(conn, {line.sku for line in lines})
    places = goods.location_ids(conn)
    unknown = sorted({line.sku for line in lines} - items.keys()) + sorted({line.location_code for line in lines} - places.keys())
    if unknown:
        raise Rejected(f"Not known here: {', '.join(unknown[:10])}.", "Add items and locations first.")
    wanted: dict[tuple[int, int], int] = {}
    for line in lines:
        pair = items[line.sku], places[line.location_code]
        wanted[pair] = wanted.get(pair, 0) + line.quantity
    return wanted


def _on_hand(conn: Connection, item_ids: set[int]) -> dict[tuple[int, int], int]:
    table = levels_table.c
    rows = conn.execute(select(table.item_id, table.location_id, table.on_hand).where(table.item_id.in_(sorted(item_ids))))
    return {(row.item_id, row.location_id): row.on_hand for row in rows}


def add_location(engine: Engine, *, code: str, name: str, kind: str = "shop", priority: int = 100) -> int:
    """A place that keeps stock; repeatable by `code`. Returns its id."""
    with engine.begin() as conn:
        return goods.add_location(conn, code=code, name=name, kind=kind, priority=priority)


def add_items(engine: Engine, items: Sequence[Mapping[str, str]], now: datetime) -> int:
    """Add or rename items ({sku, title, barcode}); waiting order lines with these SKUs are mapped. Returns how many."""
    if any(not item["sku"].strip() for item in items):
        raise Rejected("An item has no SKU.", "Every item needs one.")
    with engine.begin() as conn:
        ids = goods.add_items(conn, items)
        concerned = orders.map_lines(conn, ids)
        if concerned:
            replan(conn, concerned, now)
    return len(ids)


def link_location(engine: Engine, shop_id: int, external_id: str, location_code: str) -> None:
    """Say which of our locations a shop's location is. Rejected where we have no such location."""
    with engine.begin() as conn:
        places = goods.location_ids(conn)
        if location_code not in places:
            known = ", ".join(sorted(places)) or "none yet"
            raise Rejected(f"There is no location {location_code!r}.", f"Known: {known}.")
        goods.link_location(conn, shop_id, external_id, places[location_code])
