"""The reading side of goods and places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, literal, or_, select

from connector.db import documents, pictures
from connector.db.tables import (
    buffers,
    fulfillment_lines,
    fulfillment_orders,
    items,
    levels,
    location_links,
    locations,
    movements,
    order_lines,
    orders,
    shops,
    stock_documents,
    suppliers,
    transfer_lines,
    transfers,
)
from connector.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class LevelRow:
    """The level of an item at a location, by the location's code."""

    location: str
    name: str
    on_hand: int
    committed: int
    available: int
    in_transit: int


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item and its levels over all locations."""

    id: int
    sku: str
    title: str
    barcode: str
    on_hand: int
    committed: int
    available: int
    in_transit: int
    backordered: int
    supplier: str = ""
    image_url: str = ""


@dataclass(frozen=True, slots=True)
class HolderRow:
    """An incomplete order that holds units of an item: `location` "" are units that wait for stock."""

    order_id: int
    number: str
    shop: str
    customer_name: str
    part_id: int | None
    state: str
    location: str
    quantity: int
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One stock fact of an item, with the order or document behind it."""

    id: int
    at: datetime
    location: str
    on_hand: int
    committed: int
    reason: str
    order_id: int | None
    number: str
    document: str
    actor: str


@dataclass(frozen=True, slots=True)
class TransferRow:
    """What of an item is on the way between two locations."""

    id: int
    key: str
    sku: str
    from_location: str
    to_location: str
    quantity: int
    arrived: int
    lost: int
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LocationRow:
    """A place that keeps stock."""

    id: int
    code: str
    name: str
    kind: str
    priority: int
    enabled: bool
    latitude: float | None
    longitude: float | None


def levels_of(conn: Connection, sku: str) -> list[LevelRow]:
    """The level of an item at every location, zero where it has none; NotFound for an unknown SKU."""
    item_id = item_named(conn, sku)
    coming = documents.in_transit(conn, [item_id])
    rows = (
        select(
            locations.c.id,
            locations.c.code,
            locations.c.name,
            func.coalesce(levels.c.on_hand, 0),
            func.coalesce(levels.c.committed, 0),
            func.coalesce(levels.c.available, 0),
        )
        .outerjoin(levels, (levels.c.location_id == locations.c.id) & (levels.c.item_id == item_id))
        .order_by(locations.c.priority, locations.c.id)
    )
    return [LevelRow(*row[1:], coming.get((item_id, row[0]), 0)) for row in conn.execute(rows)]


def item_named(conn: Connection, sku: str) -> int:
    """The id of an item; NotFound for an unknown SKU."""
    item_id = conn.execute(select(items.c.id).where(items.c.sku == sku)).scalar()
    if item_id is None:
        raise NotFound(f"There is no item {sku!r}.", "`connector items list` shows them; `connector items add` adds one.")
    return int(item_id)


def list_items(conn: Connection, *, sku: str = "", search: str = "", after: str = "", limit: int = 200) -> list[ItemRow]:
    """Items by SKU: the one named, or those of whose SKU, title, barcode or supplier `search` is a part; `after` continues a list
    with the last SKU seen."""
    sums = [
        func.coalesce(func.sum(column), 0).label(column.name)
        for column in (levels.c.on_hand, levels.c.committed, levels.c.available)
    ]
    supplier = func.coalesce(suppliers.c.name, "").label("supplier")
    rows: Select[Any] = (
        select(items.c.id, items.c.sku, items.c.title, items.c.barcode, *sums, supplier)
        .outerjoin(levels, levels.c.item_id == items.c.id)
        .outerjoin(suppliers, suppliers.c.id == items.c.supplier_id)
        .where(items.c.sku > after)
        .group_by(items.c.id, suppliers.c.name)
        .order_by(items.c.sku)
        .limit(limit)
    )
    if sku:
        rows = rows.where(items.c.sku == sku)
    if search:
        named = (items.c.sku, items.c.title, items.c.barcode, suppliers.c.name)
        rows = rows.where(or_(*(column.icontains(search, autoescape=True) for column in named)))
    found = conn.execute(rows).all()
    ids = [row.id for row in found]
    coming: dict[int, int] = {}
    for (item, _), units in documents.in_transit(conn, ids).items():
        coming[item] = coming.get(item, 0) + units
    waiting, pictured = _backordered(conn, ids), pictures.of_items(conn, ids)
    return [
        ItemRow(
            **row._mapping,
            in_transit=coming.get(row.id, 0),
            backordered=waiting.get(row.id, 0),
            image_url=pictured.get(row.id, ""),
        )
        for row in found
    ]


def _backordered(conn: Connection, item_ids: list[int]) -> dict[int, int]:
    units = func.sum(order_lines.c.backordered)
    lines = order_lines.c.item_id.in_(item_ids) & (order_lines.c.backordered > 0)
    rows = select(order_lines.c.item_id, units).where(lines).group_by(order_lines.c.item_id)
    return {row[0]: int(row[1]) for row in conn.execute(rows)}


def holders(conn: Connection, sku: str) -> list[HolderRow]:
    """Which incomplete orders hold the item, and where, so that the figure can be compared with the shelf; those that wait
    for it last. The oldest order first."""
    item_id = item_named(conn, sku)
    order = (orders.c.id, orders.c.number, shops.c.name, orders.c.customer_name)
    holding = (
        select(
            *order,
            fulfillment_orders.c.id,
            fulfillment_orders.c.state,
            locations.c.code,
            func.sum(fulfillment_lines.c.quantity),
            orders.c.placed_at,
        )
        .select_from(fulfillment_lines)
        .join(fulfillment_orders, fulfillment_orders.c.id == fulfillment_lines.c.fulfillment_order_id)
        .join(locations, locations.c.id == fulfillment_orders.c.location_id)
        .join(order_lines, order_lines.c.id == fulfillment_lines.c.order_line_id)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .join(shops, shops.c.id == orders.c.shop_id)
        .where(order_lines.c.item_id == item_id, fulfillment_orders.c.state.in_(("new", "in_progress", "packed", "ready")))
        .group_by(orders.c.id, shops.c.name, fulfillment_orders.c.id, locations.c.code)
        .order_by(orders.c.placed_at, orders.c.id, fulfillment_orders.c.id)
    )
    waiting = (
        select(
            *order, literal(None), literal("backordered"), literal(""), func.sum(order_lines.c.backordered), orders.c.placed_at
        )
        .select_from(order_lines)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .join(shops, shops.c.id == orders.c.shop_id)
        .where(order_lines.c.item_id == item_id, order_lines.c.backordered > 0)
        .group_by(orders.c.id, shops.c.name)
        .order_by(orders.c.placed_at, orders.c.id)
    )
    return [HolderRow(*row) for statement in (holding, waiting) for row in conn.execute(statement)]


def movements_of(
    conn: Connection, sku: str, *, location: str = "", before: int | None = None, limit: int = 50
) -> list[MovementRow]:
    """The movements of an item, newest first; `before` continues a list with the last id seen."""
    rows: Select[Any] = (
        select(
            movements.c.id,
            movements.c.at,
            locations.c.code,
            movements.c.on_hand_delta,
            movements.c.committed_delta,
            movements.c.reason,
            movements.c.order_id,
            func.coalesce(orders.c.number, ""),
            movements.c.document,
            movements.c.actor,
        )
        .join(locations, locations.c.id == movements.c.location_id)
        .outerjoin(orders, orders.c.id == movements.c.order_id)
        .where(movements.c.item_id == item_named(conn, sku))
        .order_by(movements.c.id.desc())
        .limit(limit)
    )
    if location:
        rows = rows.where(locations.c.code == location)
    if before is not None:
        rows = rows.where(movements.c.id < before)
    return [MovementRow(*row) for row in conn.execute(rows)]


def transfers_under_way(conn: Connection, *, sku: str = "", every: bool = False, limit: int = 200) -> list[TransferRow]:
    """What is on the way between locations, newest first; `every`: what has arrived or was lost, too."""
    here, there = locations.alias("here"), locations.alias("there")
    line, document = transfer_lines.c, stock_documents.c
    columns = (document.id, document.key, items.c.sku, here.c.code, there.c.code, line.quantity, line.arrived, line.lost)
    rows: Select[Any] = (
        select(*columns, document.actor, document.at)
        .select_from(transfer_lines)
        .join(transfers, transfers.c.document_id == line.document_id)
        .join(stock_documents, document.id == line.document_id)
        .join(items, items.c.id == line.item_id)
        .join(here, here.c.id == transfers.c.from_location_id)
        .join(there, there.c.id == transfers.c.to_location_id)
        .order_by(document.id.desc(), items.c.sku)
        .limit(limit)
    )
    if sku:
        rows = rows.where(items.c.sku == sku)
    if not every:
        rows = rows.where(line.arrived + line.lost < line.quantity)
    return [TransferRow(*row) for row in conn.execute(rows)]


def sellable(conn: Connection, shop_id: int) -> dict[str, int]:
    """SKU -> units a shop may offer: what is available over the open locations linked to it, less the buffer; never below 0."""
    setting = conn.execute(select(shops.c.settings["stock_buffer"].astext).where(shops.c.id == shop_id)).scalar()
    usual = int(setting) if setting and setting.isdecimal() else 0
    linked = select(location_links.c.location_id).where(location_links.c.shop_id == shop_id)
    opened = select(locations.c.id).where(locations.c.id.in_(linked), locations.c.enabled)
    there = func.coalesce(func.sum(levels.c.available), 0)
    rows = (
        select(items.c.sku, there - func.coalesce(func.max(buffers.c.units), usual))
        .select_from(items)
        .outerjoin(levels, (levels.c.item_id == items.c.id) & levels.c.location_id.in_(opened))
        .outerjoin(buffers, (buffers.c.item_id == items.c.id) & (buffers.c.shop_id == shop_id))
        .group_by(items.c.id)
        .order_by(items.c.sku)
    )
    return {row[0]: max(0, int(row[1])) for row in conn.execute(rows)}


def list_locations(conn: Connection) -> list[LocationRow]:
    """Every location, the first in line first."""
    rows = select(*(locations.c[name] for name in LocationRow.__slots__))
    return [LocationRow(*row) for row in conn.execute(rows.order_by(locations.c.priority, locations.c.id))]
