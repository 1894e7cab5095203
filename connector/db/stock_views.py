"""The reading side of goods and places."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from connector.db.tables import items, levels, locations
from connector.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class LevelRow:
    """The level of an item at a location, by the location's code."""

    location: str
    name: str
    on_hand: int
    committed: int
    available: int


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


@dataclass(frozen=True, slots=True)
class LocationRow:
    """A place that keeps stock."""

    id: int
    code: str
    name: str
    kind: str
    priority: int
    enabled: bool


def levels_of(conn: Connection, sku: str) -> list[LevelRow]:
    """The level of an item at every location, zero where it has none; NotFound for an unknown SKU."""
    item_id = conn.execute(select(items.c.id).where(items.c.sku == sku)).scalar()
    if item_id is None:
        raise NotFound(f"There is no item {sku!r}.", "`connector items list` shows them; `connector items add` adds one.")
    rows = (
        select(
            locations.c.code,
            locations.c.name,
            func.coalesce(levels.c.on_hand, 0),
            func.coalesce(levels.c.committed, 0),
            func.coalesce(levels.c.available, 0),
        )
        .outerjoin(levels, (levels.c.location_id == locations.c.id) & (levels.c.item_id == item_id))
        .order_by(locations.c.priority, locations.c.id)
    )
    return [LevelRow(*row) for row in conn.execute(rows)]


def list_items(conn: Connection, *, search: str = "", after: str = "", limit: int = 200) -> list[ItemRow]:
    """Items by SKU; `search` is part of a SKU, title or barcode; `after` continues a list with the last SKU seen."""
    sums = [func.coalesce(func.sum(column), 0) for column in (levels.c.on_hand, levels.c.committed, levels.c.available)]
    rows = (
        select(items.c.id, items.c.sku, items.c.title, items.c.barcode, *sums)
        .outerjoin(levels, levels.c.item_id == items.c.id)
        .where(items.c.sku > after)
        .group_by(items.c.id)
        .order_by(items.c.sku)
        .limit(limit)
    )
    if search:
        words = [column.icontains(search, autoescape=True) for column in (items.c.sku, items.c.title, items.c.barcode)]
        rows = rows.where(words[0] | words[1] | words[2])
    return [ItemRow(*row) for row in conn.execute(rows)]


def list_locations(conn: Connection) -> list[LocationRow]:
    """Every location, the first in line first."""
    rows = select(locations.c.id, locations.c.code, locations.c.name, locations.c.kind, locations.c.priority, locations.c.enabled)
    return [LocationRow(*row) for row in conn.execute(rows.order_by(locations.c.priority, locations.c.id))]
