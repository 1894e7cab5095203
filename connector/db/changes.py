"""What changed orders leave behind: refusals of locations, goods that came back, counts of lines, bundles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from connector.db.many import among
from connector.db.tables import (
    bundles,
    fulfillment_lines,
    fulfillment_orders,
    items,
    line_refusals,
    line_returns,
    movements,
    order_lines,
    orders,
)


def refusals(conn: Connection, order_ids: Collection[int]) -> dict[int, dict[int, frozenset[int]]]:
    """Order id -> line id -> locations that could not give it. Goods that arrived there since outdate a refusal."""
    arrived = exists().where(
        movements.c.item_id == order_lines.c.item_id,
        movements.c.location_id == line_refusals.c.location_id,
        movements.c.on_hand_delta > 0,
        movements.c.order_id.is_(None),
        movements.c.at > line_refusals.c.at,
    )
    rows = conn.execute(
        select(order_lines.c.order_id, order_lines.c.id, line_refusals.c.location_id)
        .join(line_refusals, line_refusals.c.order_line_id == order_lines.c.id)
        .where(order_lines.c.order_id.in_(list(order_ids)), ~arrived)
    )
    found: dict[int, dict[int, frozenset[int]]] = defaultdict(dict)
    for row in rows:
        found[row.order_id][row.id] = found[row.order_id].get(row.id, frozenset()) | {row.location_id}
    return found


def refuse(
    conn: Connection, line_ids: Iterable[int], location_id: int, *, reason: str, note: str, actor: str, now: datetime
) -> None:
    """Note that a location cannot give these lines."""
    rows = [
        {"order_line_id": line, "location_id": location_id, "reason": reason, "note": note, "actor": actor, "at": now}
        for line in line_ids
    ]
    statement = upsert(line_refusals)
    newest = {name: statement.excluded[name] for name in ("reason", "note", "actor", "at")}
    if rows:
        conn.execute(statement.on_conflict_do_update(index_elements=["order_line_id", "location_id"], set_=newest), rows)


def forget_refusals(conn: Connection, line_ids: Collection[int], location_id: int) -> None:
    """A person sends the lines there after all."""
    known = line_refusals.c.order_line_id.in_(list(line_ids)) & (line_refusals.c.location_id == location_id)
    conn.execute(delete(line_refusals).where(known))


def returned(conn: Connection, order_ids: Collection[int]) -> dict[int, dict[tuple[int, str], int]]:
    """Order id -> (line id, source) -> units that came back."""
    rows = conn.execute(
        select(order_lines.c.order_id, line_returns.c.order_line_id, line_returns.c.source, line_returns.c.quantity)
        .join(line_returns, line_returns.c.order_line_id == order_lines.c.id)
        .where(among(order_lines.c.order_id, order_ids))
    )
    found: dict[int, dict[tuple[int, str], int]] = defaultdict(dict)
    for row in rows:
        found[row.order_id][row.order_line_id, row.source] = row.quantity
    return found


def note_returned(conn: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Units that came back, in all, by line and source."""
    statement = upsert(line_returns)
    more = {"quantity": statement.excluded.quantity, "at": statement.excluded.at}
    if rows:
        conn.execute(
            statement.on_conflict_do_update(index_elements=["order_line_id", "source"], set_=more),
            [{**row, "at": now} for row in rows],
        )


def set_counts(conn: Connection, rows: Sequence[tuple[int, int, int]]) -> None:
    """(line id, units handed over elsewhere, units taken back here)."""
    if rows:
        changed = update(order_lines).where(order_lines.c.id == bindparam("line"))
        changed = changed.values(elsewhere=bindparam("_elsewhere"), taken_back=bindparam("_taken_back"))
        conn.execute(changed, [{"line": line, "_elsewhere": out, "_taken_back": back} for line, out, back in rows])


def components(conn: Connection, item_ids: Collection[int]) -> dict[int, list[tuple[int, str, str, int]]]:
    """Bundle's item id -> (component's item id, SKU, title, how many), in the order of the items."""
    if not item_ids:
        return {}
    rows = conn.execute(
        select(bundles.c.item_id, bundles.c.component_id, items.c.sku, items.c.title, bundles.c.quantity)
        .join(items, items.c.id == bundles.c.component_id)
        .where(among(bundles.c.item_id, item_ids))
        .order_by(bundles.c.component_id)
    )
    found: dict[int, list[tuple[int, str, str, int]]] = defaultdict(list)
    for row in rows:
        found[row.item_id].append((row.component_id, row.sku, row.title, row.quantity))
    return dict(found)


def set_bundle(conn: Connection, item_id: int, parts: Mapping[int, int]) -> None:
    """What the item is made of from now on: component id -> how many; nothing makes it an ordinary item."""
    conn.execute(delete(bundles).where(bundles.c.item_id == item_id))
    rows = [{"item_id": item_id, "component_id": component, "quantity": count} for component, count in parts.items()]
    if rows:
        conn.execute(insert(bundles), rows)


def is_component(conn: Connection, item_id: int) -> bool:
    """Whether some bundle is made of it."""
    return conn.execute(select(bundles.c.item_id).where(bundles.c.component_id == item_id).limit(1)).first() is not None


def whole_lines_of(conn: Connection, item_id: int) -> list[dict[str, Any]]:
    """Rows of waiting orders that sell this item as one thing and of which nothing has left; their orders are locked."""
    left = (
        select(fulfillment_lines.c.order_line_id)
        .join(fulfillment_orders, fulfillment_orders.c.id == fulfillment_lines.c.fulfillment_order_id)
        .where(fulfillment_orders.c.state.in_(("shipped", "picked_up")))
    )
    rows = (
        select(order_lines)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(order_lines.c.item_id == item_id, order_lines.c.kind == "physical", orders.c.open, order_lines.c.id.not_in(left))
        .where(order_lines.c.parent_id.is_(None))
        .order_by(orders.c.id, order_lines.c.id)
        .with_for_update(of=orders)
    )
    return [dict(row._mapping) for row in conn.execute(rows)]


def mark_bundles(conn: Connection, line_ids: Collection[int]) -> None:
    """These lines sell bundles: their components take the stock."""
    conn.execute(update(order_lines).where(order_lines.c.id.in_(list(line_ids))).values(kind="bundle", backordered=0))
