"""What the ledger must agree with: levels with the sum of their movements, commitments with what the parts of orders hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, lateral, select, text, true

from connector.db.tables import items, locations, merchants, orders, stock_checks

_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the movements of an order say it holds (`booked`), and what its parts hold (`held`). No order: nobody holds it."""

    order_id: int | None
    item_id: int
    location_id: int
    booked: int
    held: int


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check."""

    at: datetime
    differences: int
    found: list[dict[str, Any]]


_PROMISES = text(
    """
    WITH booked AS (
        SELECT order_id, item_id, location_id, sum(committed_delta) AS units FROM movements
        GROUP BY order_id, item_id, location_id HAVING sum(committed_delta) <> 0
    ), held AS (
        SELECT fo.order_id, ol.item_id, fo.location_id, sum(fl.quantity) AS units
        FROM fulfillment_lines fl
        JOIN fulfillment_orders fo ON fo.id = fl.fulfillment_order_id
        JOIN order_lines ol ON ol.id = fl.order_line_id
        WHERE fo.state NOT IN ('shipped', 'picked_up', 'cancelled') AND ol.item_id IS NOT NULL
        GROUP BY fo.order_id, ol.item_id, fo.location_id
    )
    SELECT coalesce(b.order_id, h.order_id), coalesce(b.item_id, h.item_id), coalesce(b.location_id, h.location_id),
           coalesce(b.units, 0), coalesce(h.units, 0)
    FROM booked b FULL JOIN held h
        ON h.order_id = b.order_id AND h.item_id = b.item_id AND h.location_id = b.location_id
    WHERE coalesce(b.units, 0) <> coalesce(h.units, 0)
    ORDER BY 2, 3, 1
    """
)

_UNDIVIDED = text(
    """
    SELECT o.id, l.id, l.quantity, l.backordered, coalesce(p.units, 0)
    FROM order_lines l JOIN orders o ON o.id = l.order_id
    LEFT JOIN (
        SELECT fl.order_line_id, sum(fl.quantity) AS units
        FROM fulfillment_lines fl JOIN fulfillment_orders fo ON fo.id = fl.fulfillment_order_id
        WHERE fo.state <> 'cancelled' GROUP BY fl.order_line_id
    ) p ON p.order_line_id = l.id
    WHERE l.item_id IS NOT NULL AND l.kind IN ('physical', 'custom') AND o.lifecycle IN ('open', 'on_hold')
        AND coalesce(p.units, 0) + l.backordered < l.quantity
    ORDER BY o.id, l.id
    """
)


def promises(conn: Connection) -> list[Promise]:
    """Where the commitments of an order are not what its parts hold."""
    return [Promise(*row) for row in conn.execute(_PROMISES)]


def undivided(conn: Connection) -> list[tuple[int, int, int, int, int]]:
    """Lines whose units are neither given nor waiting: (order, line, wanted, backordered, given)."""
    return [tuple(row) for row in conn.execute(_UNDIVIDED)]


def set_levels_to_sums(conn: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Make these levels the sum of their movements again. The levels must be locked."""
    wanted = [{"item": item, "location": location} for item, location in pairs]
    made = text(
        """
        INSERT INTO levels (item_id, location_id, on_hand, committed)
        SELECT :item, :location, coalesce(sum(on_hand_delta), 0), coalesce(sum(committed_delta), 0)
        FROM movements WHERE item_id = :item AND location_id = :location
        ON CONFLICT (item_id, location_id) DO UPDATE SET on_hand = excluded.on_hand, committed = excluded.committed
        """
    )
    if wanted:
        conn.execute(made, wanted)


def skus(conn: Connection, item_ids: Collection[int]) -> dict[int, str]:
    """Item id -> SKU."""
    return {row.id: row.sku for row in conn.execute(select(items.c.id, items.c.sku).where(items.c.id.in_(list(item_ids))))}


def codes(conn: Connection) -> dict[int, str]:
    """Location id -> code."""
    return {row.id: row.code for row in conn.execute(select(locations.c.id, locations.c.code))}


def numbers(conn: Connection, order_ids: Collection[int]) -> dict[int, str]:
    """Order id -> the number people call it by."""
    rows = select(orders.c.id, orders.c.number).where(orders.c.id.in_(list(order_ids)))
    return {row.id: row.number for row in conn.execute(rows)}


def note_check(conn: Connection, at: datetime, found: Sequence[Mapping[str, Any]]) -> None:
    """Keep the result of a check, and forget those of long ago."""
    conn.execute(delete(stock_checks).where(stock_checks.c.at < at - _KEPT))
    conn.execute(insert(stock_checks).values(at=at, differences=len(found), found=[dict(one) for one in found]))


def last_check(conn: Connection) -> Checked | None:
    """The newest check; None where there was none. Where the house asks: the newest of each merchant, and the oldest time."""
    columns = (stock_checks.c.at, stock_checks.c.differences, stock_checks.c.found)
    newest = select(*columns).where(stock_checks.c.merchant_id == merchants.c.id)
    newest = newest.order_by(stock_checks.c.at.desc(), stock_checks.c.id.desc()).limit(1)
    last = lateral(newest, "last")
    rows = conn.execute(select(last).select_from(merchants.join(last, true()))).all()
    if not rows:
        return None
    return Checked(min(row.at for row in rows), sum(row.differences for row in rows), [one for row in rows for one in row.found])
