"""Items that are to be settled, and the orders this concerns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.tables import fulfillment_lines, fulfillment_orders, levels, order_lines, orders, refills, shops
from connector.domain.fulfillment import State


@dataclass(frozen=True, slots=True)
class Holding:
    """Units of a line that a part nobody has packed yet holds."""

    order_id: int
    part_id: int
    line_id: int
    quantity: int


def waiting(conn: Connection) -> dict[int, int]:
    """Item id -> how often it was noted, for the items to be settled."""
    return {row.item_id: row.rises for row in conn.execute(select(refills).order_by(refills.c.item_id))}


def merchants_waiting(conn: Connection) -> list[int]:
    """Merchants with items to be settled (for the house, which sees all)."""
    return list(conn.execute(select(refills.c.merchant_id).distinct().order_by(refills.c.merchant_id)).scalars())


def note(conn: Connection, item_ids: Collection[int]) -> None:
    """These items are to be settled."""
    if item_ids:
        again = {"rises": refills.c.rises + 1}
        statement = insert(refills).on_conflict_do_update(index_elements=["item_id"], set_=again)
        conn.execute(statement, [{"item_id": item} for item in sorted(item_ids)])


def settled(conn: Connection, item_id: int, rises: int) -> None:
    """The item is settled, unless it was noted again meanwhile."""
    conn.execute(delete(refills).where(refills.c.item_id == item_id, refills.c.rises == rises))


def backordered_items(conn: Connection) -> list[int]:
    """Items that open orders wait for."""
    rows = select(order_lines.c.item_id).where(order_lines.c.backordered > 0, order_lines.c.item_id.is_not(None)).distinct()
    return sorted(item for item in conn.execute(rows).scalars() if item is not None)


def orders_waiting(
    conn: Connection, item_id: int, after: tuple[datetime, int] | None, *, limit: int
) -> list[tuple[datetime, int]]:
    """Open orders with backordered units of the item as (placed at, order id), the oldest first, after the given one."""
    line = select(order_lines.c.id).where(
        order_lines.c.order_id == orders.c.id, order_lines.c.item_id == item_id, order_lines.c.backordered > 0
    )
    rows = select(orders.c.placed_at, orders.c.id).where(orders.c.open, exists(line))
    if after is not None:
        rows = rows.where(tuple_(orders.c.placed_at, orders.c.id) > after)
    return [(row.placed_at, row.id) for row in conn.execute(rows.order_by(orders.c.placed_at, orders.c.id).limit(limit))]


_BEHIND = text(
    """
    SELECT mine.order_id, refills.item_id FROM refills
    JOIN LATERAL (
        SELECT orders.placed_at, orders.id FROM order_lines JOIN orders ON orders.id = order_lines.order_id
        WHERE order_lines.item_id = refills.item_id AND order_lines.backordered > 0 AND orders.open
        ORDER BY orders.placed_at, orders.id LIMIT 1
    ) first ON true
    JOIN unnest(CAST(:placed AS timestamptz[]), CAST(:order_ids AS bigint[])) AS mine (placed_at, order_id)
        ON (mine.placed_at, mine.order_id) > (first.placed_at, first.id)
    WHERE refills.item_id = ANY(:item_ids)
    """
)


def behind(conn: Connection, placed: Mapping[int, datetime], item_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Order id -> items still to be settled that an earlier order waits for, of orders with the time they were placed. Ask
    with the levels locked."""
    found: dict[int, set[int]] = {}
    known = {"order_ids": list(placed), "placed": list(placed.values()), "item_ids": list(item_ids)}
    for row in conn.execute(_BEHIND, known):
        found.setdefault(row.order_id, set()).add(row.item_id)
    return {order_id: frozenset(items) for order_id, items in found.items()}


def any_available(conn: Connection, item_id: int) -> bool:
    """Whether any location has a unit to give."""
    return bool(conn.execute(select(exists().where(levels.c.item_id == item_id, levels.c.available > 0))).scalar())


def short(conn: Connection, item_id: int) -> dict[int, int]:
    """Location id -> units promised there beyond what is on hand."""
    rows = conn.execute(
        select(levels.c.location_id, levels.c.available).where(levels.c.item_id == item_id, levels.c.available < 0)
    )
    return {row.location_id: -row.available for row in rows}


def holdings(conn: Connection, item_id: int, location_id: int) -> list[Holding]:
    """What unpacked parts hold of the item at the location, in the order they give it back: those nobody has started first,
    then the newest orders. Shops that sell below zero give nothing back."""
    started = fulfillment_orders.c.state == State.IN_PROGRESS.value
    rows = (
        select(orders.c.id, fulfillment_orders.c.id, order_lines.c.id, fulfillment_lines.c.quantity)
        .select_from(fulfillment_lines)
        .join(fulfillment_orders, fulfillment_orders.c.id == fulfillment_lines.c.fulfillment_order_id)
        .join(order_lines, order_lines.c.id == fulfillment_lines.c.order_line_id)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .join(shops, shops.c.id == orders.c.shop_id)
        .where(
            order_lines.c.item_id == item_id,
            fulfillment_orders.c.location_id == location_id,
            fulfillment_orders.c.state.in_((State.NEW.value, State.IN_PROGRESS.value)),
            func.coalesce(shops.c.settings["oversell"].astext, "") != "negative",
        )
        .order_by(started, orders.c.placed_at.desc(), orders.c.id.desc(), fulfillment_orders.c.id.desc(), order_lines.c.id.desc())
    )
    return [Holding(*row) for row in conn.execute(rows)]


def give_back(conn: Connection, given: Holding, units: int, now: datetime) -> None:
    """Take units of a line out of a part; a part left without a line is cancelled."""
    line = (fulfillment_lines.c.fulfillment_order_id == given.part_id) & (fulfillment_lines.c.order_line_id == given.line_id)
    if units < given.quantity:
        conn.execute(update(fulfillment_lines).where(line).values(quantity=given.quantity - units))
        return
    conn.execute(delete(fulfillment_lines).where(line))
    empty = ~exists().where(fulfillment_lines.c.fulfillment_order_id == given.part_id)
    ended = update(fulfillment_orders).where(fulfillment_orders.c.id == given.part_id, empty)
    conn.execute(ended.values(state=State.CANCELLED.value, changed_at=text(":at")), {"at": now})
