"""The lines of arriving orders: written, bundles opened into their components, and what changed beside the wanted units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from connector.db import changes, goods, links, orders
from connector.db.orders import LineRow
from connector.db.tables import order_lines
from connector.domain.backfill import StockPolicy
from connector.domain.orders import LineItem, LineKind, Order
from connector.flow.case import Back, News
from connector.platform import Shop

_Component = tuple[int, str, str, int]


def line_rows(
    conn: Connection, shop: Shop, newest: Mapping[str, Order], ids: Mapping[str, int], policy: StockPolicy
) -> dict[int, list[dict[str, Any]]]:
    """The rows of each order's lines, by the order's id. A variant's link goes before its SKU."""
    skus = {line.sku for order in newest.values() for line in order.lines if line.sku}
    items = goods.item_ids(conn, skus)
    linked = links.items_of(conn, shop.id, {line.variant_id for order in newest.values() for line in order.lines})
    opened = changes.components(conn, {*items.values(), *linked.values()})
    rows = [
        row
        for key, order in newest.items()
        for position, line in enumerate(order.lines)
        for row in _rows(ids[key], position, line, linked.get(line.variant_id, items.get(line.sku)), opened, policy)
    ]
    # Numbered here in one go, so that lines stand in the order's sequence however the rows are sent.
    numbers = orders.new_ids(conn, order_lines, len(rows))
    found: dict[int, list[dict[str, Any]]] = {ids[key]: [] for key in newest}
    for number, row in zip(numbers, rows, strict=True):
        found[row["order_id"]].append({"id": number, **row})
    return found


def rewrite_lines(conn: Connection, rows: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Bring the lines of known orders up to date; those the platform shows no more want nothing."""
    orders.write_lines(conn, [row for of_order in rows.values() for row in of_order])
    if any(row["per_parent"] for of_order in rows.values() for row in of_order):
        orders.link_components(conn, rows.keys())
    for order_id, of_order in rows.items():
        orders.drop_lines(conn, order_id, [row["external_id"] for row in of_order])


def settled_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a new order as they are to stand: one for each name, components told which line they belong to."""
    named: dict[str, dict[str, Any]] = {}
    for row in rows:
        first = named.get(row["external_id"])
        kept = ("id", "left_before", *(("sku", "item_id") if first and first["item_id"] is not None else ()))
        named[row["external_id"]] = {**row, **({name: first[name] for name in kept} if first else {}), "parent_id": None}
    for name, row in named.items():
        if row["per_parent"]:
            row["parent_id"] = named[name.partition(orders.COMPONENT)[0]]["id"]
    return sorted(named.values(), key=lambda row: (row["position"], row["id"]))


def _rows(
    order_id: int,
    position: int,
    line: LineItem,
    item: int | None,
    opened: Mapping[int, Sequence[_Component]],
    policy: StockPolicy,
) -> Iterable[dict[str, Any]]:
    """The line's row; a bundle's is followed by one for each component, which takes the stock."""
    inside = opened.get(item, ()) if item is not None and line.kind is LineKind.PHYSICAL else ()
    row = {"order_id": order_id, "position": position, "item_id": item, "per_parent": 0, **_columns(line, policy)}
    yield {**row, "kind": LineKind.BUNDLE.value} if inside else row
    yield from (_component(row, one) for one in inside)


def _component(row: Mapping[str, Any], component: _Component) -> dict[str, Any]:
    """What a bundle's line takes of one of its components."""
    item, sku, title, count = component
    own = {"item_id": item, "per_parent": count, "sku": sku, "title": title, "barcode": "", "unit_price_minor": 0}
    units = {name: row[name] * count for name in ("quantity", "fulfilled", "refunded", "left_before")}
    return {**row, **own, **units, "external_id": f"{row['external_id']}{orders.COMPONENT}{sku}", "total_minor": 0}


def open_bundles(conn: Connection, item_id: int) -> list[int]:
    """Lines of waiting orders that sold this item as one thing are opened into its components; the orders concerned."""
    sold = changes.whole_lines_of(conn, item_id)
    inside = changes.components(conn, [item_id]).get(item_id, [])
    own = ("id", "backordered", "elsewhere", "taken_back", "parent_id")
    rows = [_component({n: v for n, v in row.items() if n not in own}, one) for row in sold for one in inside]
    numbers = orders.new_ids(conn, order_lines, len(rows))
    orders.write_lines(conn, [{"id": number, **row, "kind": "physical"} for number, row in zip(numbers, rows, strict=True)])
    concerned = sorted({row["order_id"] for row in sold})
    changes.mark_bundles(conn, [row["id"] for row in sold])
    orders.link_components(conn, concerned)
    return concerned


def _columns(line: LineItem, policy: StockPolicy) -> dict[str, Any]:
    return {
        # Only counts where the line is new here; a known one keeps what it had (see `orders.write_lines`).
        "left_before": 0 if policy is StockPolicy.LIVE else min(line.fulfilled, line.quantity),
        "external_id": line.external_id,
        "sku": line.sku,
        "barcode": line.barcode,
        "variant_id": line.variant_id,
        "assigned_location": line.assigned_location,
        "title": line.title,
        "kind": line.kind.value,
        "quantity": line.quantity,
        "unit_price_minor": line.unit_price_minor,
        "total_minor": line.total_minor,
        "refunded": line.refunded,
        "fulfilled": line.fulfilled,
    }


def changed(
    conn: Connection,
    arrived: Mapping[int, Order],
    before: Mapping[int, Sequence[LineRow]],
    drafted: Mapping[int, Sequence[LineRow]],
) -> dict[int, News]:
    """What each arrival changed that its lines, stored or drafted, do not tell any more. Counts that the platform lowered are
    lowered."""
    told = {order_id: order for order_id, order in arrived.items() if order.returns or order_id in before}
    stored = [order_id for order_id in told if order_id not in drafted]
    after = {**drafted, **(orders.lines_of(conn, stored) if stored else {})}
    return {order_id: _news(conn, order, before.get(order_id, ()), after[order_id]) for order_id, order in told.items()}


def _news(conn: Connection, order: Order, before: Sequence[LineRow], after: Sequence[LineRow]) -> News:
    was = {line.id: line for line in before}
    known = [(was[line.id], line) for line in after if line.id in was]
    # Where units left at the same time, what remains may lie elsewhere without anybody having moved it.
    following = {
        new.id
        for old, new in known
        if old.assigned_location and new.assigned_location and old.assigned_location != new.assigned_location
        and old.fulfilled == new.fulfilled
    }  # fmt: skip
    withdrawn = {}
    lowered = []
    for old, new in known:
        drop = max(0, old.fulfilled - new.fulfilled)
        ours = min(drop, old.taken_back)
        others = min(drop - ours, old.elsewhere)
        if ours or others:
            lowered.append((new.id, old.elsewhere - others, old.taken_back - ours))
        if drop > ours + others:
            withdrawn[new.id] = drop - ours - others
    changes.set_counts(conn, lowered)
    return News(frozenset(following), withdrawn, tuple(_back(order, after)))


def _back(order: Order, lines: Sequence[LineRow]) -> Iterable[Back]:
    """What came back, of each line and of each component of a bundle."""
    by_id = {line.external_id: line for line in lines}
    for back in order.returns:
        sold = by_id.get(back.line)
        inside = [line for line in lines if sold is not None and line.parent_id == sold.id]
        for line in inside or ([sold] if sold else []):
            units = back.quantity * (line.per_parent or 1)
            yield Back(line.id, f"refund@{back.location}", units, back.location, back.left)
