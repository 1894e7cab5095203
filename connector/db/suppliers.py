"""Who goods are bought from, and what open orders want of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.many import among
from connector.db.tables import fulfillment_lines, fulfillment_orders, items, order_lines, orders, suppliers
from connector.domain.text import fold

_AT_WORK = ("new", "in_progress", "packed", "ready")
_MOST = 2000


@dataclass(frozen=True, slots=True)
class SupplierRow:
    """A supplier, with how many of our items come from it and how many units open orders wait for."""

    id: int
    name: str
    items: int
    backordered: int


@dataclass(frozen=True, slots=True)
class WantedLine:
    """So many units of an item in one open order: promised from stock, and waiting for stock."""

    item_id: int
    sku: str
    barcode: str
    title: str
    order_id: int
    number: str
    placed_at: datetime
    allocated: int
    backordered: int


def ids_of(conn: Connection, names: Collection[str]) -> dict[str, int]:
    """Name -> id, made where it is new; two spellings that differ in case and accents only are one supplier."""
    by_fold = {fold(name.strip()): name.strip() for name in names if name.strip()}
    if not by_fold:
        return {}
    rows = [{"name": name, "name_folded": folded} for folded, name in sorted(by_fold.items())]
    conn.execute(insert(suppliers).on_conflict_do_nothing(index_elements=["merchant_id", "name_folded"]), rows)
    known = select(suppliers.c.name_folded, suppliers.c.id).where(among(suppliers.c.name_folded, list(by_fold)))
    found = {row.name_folded: row.id for row in conn.execute(known)}
    return {name: found[fold(name.strip())] for name in names if name.strip()}


def assign(conn: Connection, named: Mapping[int, str]) -> None:
    """Item id -> its supplier's name; "" takes the supplier away."""
    ids = ids_of(conn, set(named.values()))
    for name in set(named.values()):
        mine = [item for item, wanted in named.items() if wanted == name]
        conn.execute(update(items).where(among(items.c.id, mine)).values(supplier_id=ids.get(name)))


def named(conn: Connection, supplier_id: int) -> str | None:
    """The name of a supplier."""
    return conn.execute(select(suppliers.c.name).where(suppliers.c.id == supplier_id)).scalar()


def known(conn: Connection, name: str) -> int | None:
    """The id of the supplier of this name, however it is spelled."""
    return conn.execute(select(suppliers.c.id).where(suppliers.c.name_folded == fold(name.strip()))).scalar()


def choices(conn: Connection) -> list[tuple[int, str]]:
    """(id, name) of every supplier, by name."""
    rows = select(suppliers.c.id, suppliers.c.name).order_by(suppliers.c.name_folded).limit(_MOST)
    return [(row.id, row.name) for row in conn.execute(rows)]


def words_that_name_one(conn: Connection, words: Iterable[str]) -> frozenset[str]:
    """Those of the folded words that are part of a supplier's name."""
    names = list(conn.execute(select(suppliers.c.name_folded).limit(_MOST)).scalars())
    return frozenset(word for word in words if any(word in name for name in names))


def list_suppliers(conn: Connection) -> list[SupplierRow]:
    """Every supplier by name."""
    waiting = (
        select(items.c.supplier_id, func.sum(order_lines.c.backordered).label("units"))
        .join(order_lines, order_lines.c.item_id == items.c.id)
        .where(order_lines.c.backordered > 0, items.c.supplier_id.is_not(None))
        .group_by(items.c.supplier_id)
        .subquery()
    )
    number = select(func.count()).select_from(items).where(items.c.supplier_id == suppliers.c.id).scalar_subquery()
    rows = select(suppliers.c.id, suppliers.c.name, number, func.coalesce(waiting.c.units, 0))
    rows = rows.outerjoin(waiting, waiting.c.supplier_id == suppliers.c.id)
    return [SupplierRow(*row) for row in conn.execute(rows.order_by(suppliers.c.name_folded).limit(_MOST))]


def wanted_of(conn: Connection, supplier_id: int) -> list[WantedLine]:
    """The lines of open orders for a supplier's items, by title, the oldest order first; what has left is not among them."""
    held = (
        select(func.coalesce(func.sum(fulfillment_lines.c.quantity), 0))
        .join(fulfillment_orders, fulfillment_orders.c.id == fulfillment_lines.c.fulfillment_order_id)
        .where(fulfillment_lines.c.order_line_id == order_lines.c.id, fulfillment_orders.c.state.in_(_AT_WORK))
        .scalar_subquery()
    )
    rows = (
        select(
            items.c.id,
            items.c.sku,
            items.c.barcode,
            items.c.title,
            orders.c.id,
            func.coalesce(func.nullif(orders.c.number, ""), orders.c.external_id),
            orders.c.placed_at,
            held.label("held"),
            order_lines.c.backordered,
        )
        .select_from(orders)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .join(items, items.c.id == order_lines.c.item_id)
        .where(orders.c.open, items.c.supplier_id == supplier_id)
        .order_by(items.c.title, items.c.sku, orders.c.placed_at, orders.c.id)
    )
    found = [WantedLine(*row) for row in conn.execute(rows)]
    return [line for line in found if line.allocated or line.backordered]
