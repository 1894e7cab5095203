"""Items and locations, and which of a shop's own locations ours are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from connector.db import suppliers
from connector.db.many import among
from connector.db.tables import buffers, fulfillment_orders, items, location_links, locations
from connector.domain.allocation import Place
from connector.domain.distance import Point
from connector.domain.fulfillment import State


def item_ids(conn: Connection, skus: Collection[str]) -> dict[str, int]:
    """SKU -> item id, for those known here."""
    if not skus:
        return {}
    rows = conn.execute(select(items.c.sku, items.c.id).where(among(items.c.sku, skus)))
    return {row.sku: row.id for row in rows}


def add_items(conn: Connection, rows: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """Add or rename items ({sku, title, barcode}); SKU -> item id. A row that names a `supplier` gives it one, or none by ""."""
    if not rows:
        return {}
    statement = insert(items)
    renamed = statement.on_conflict_do_update(
        index_elements=["merchant_id", "sku"],
        set_={"title": statement.excluded.title, "barcode": statement.excluded.barcode},
    )
    values = [{"sku": row["sku"], "title": row.get("title", ""), "barcode": row.get("barcode", "")} for row in rows]
    conn.execute(renamed, values)
    ids = item_ids(conn, [row["sku"] for row in rows])
    suppliers.assign(conn, {ids[row["sku"]]: row["supplier"].strip() for row in rows if "supplier" in row})
    return ids


def places(conn: Connection) -> list[Place]:
    """Every location, as routing sees it."""
    rows = conn.execute(select(locations).order_by(locations.c.priority, locations.c.id))
    return [Place(row.id, row.name, row.priority, row.enabled, _point(row.latitude, row.longitude)) for row in rows]


def _point(latitude: float | None, longitude: float | None) -> Point | None:
    return None if latitude is None or longitude is None else (latitude, longitude)


def open_parts(conn: Connection) -> dict[int, int]:
    """Location id -> parts of orders still to be packed there."""
    unpacked = fulfillment_orders.c.state.in_((State.NEW.value, State.IN_PROGRESS.value))
    rows = select(fulfillment_orders.c.location_id, func.count().label("parts")).where(unpacked)
    return {row.location_id: row.parts for row in conn.execute(rows.group_by(fulfillment_orders.c.location_id))}


def location_ids(conn: Connection) -> dict[str, int]:
    """Location code -> id."""
    return {row.code: row.id for row in conn.execute(select(locations.c.code, locations.c.id))}


def add_location(conn: Connection, *, code: str, name: str, kind: str, priority: int, point: Point | None = None) -> int:
    """A location by its code; its name, kind and priority are brought up to date, and its point where one is given."""
    known = {"name": name, "kind": kind, "priority": priority}
    if point is not None:
        known |= {"latitude": point[0], "longitude": point[1]}
    statement = insert(locations).values(code=code, **known)
    kept = statement.on_conflict_do_update(index_elements=["merchant_id", "code"], set_=known).returning(locations.c.id)
    return int(conn.execute(kept).scalar_one())


def enable(conn: Connection, location_id: int, *, enabled: bool) -> None:
    """Open a location to online orders, or close it."""
    conn.execute(update(locations).where(locations.c.id == location_id).values(enabled=enabled))


def named(conn: Connection, item_id: int, location_id: int) -> tuple[str, str]:
    """The SKU and the location's name, for messages."""
    sku = conn.execute(select(items.c.sku).where(items.c.id == item_id)).scalar_one()
    name = conn.execute(select(locations.c.name).where(locations.c.id == location_id)).scalar_one()
    return sku, name


def set_buffer(conn: Connection, shop_id: int, item_id: int, units: int) -> None:
    """Units of an item that a shop never offers."""
    statement = insert(buffers).values(shop_id=shop_id, item_id=item_id, units=units)
    conn.execute(statement.on_conflict_do_update(index_elements=["shop_id", "item_id"], set_={"units": units}))


def buffers_of(conn: Connection, shop_id: int) -> dict[int, int]:
    """Item id -> units the shop never offers, for the items that have a buffer of their own."""
    rows = select(buffers.c.item_id, buffers.c.units).where(buffers.c.shop_id == shop_id)
    return {row.item_id: row.units for row in conn.execute(rows)}


def note_remote_locations(
    conn: Connection, shop_id: int, remote: Sequence[tuple[str, str]], *, stocked: Collection[str] = ()
) -> None:
    """Remember a shop's own locations (external id, name), leaving what they are linked to as it is.

    `stocked` are the ids of those at which the shop keeps quantities.
    """
    if not remote:
        return
    statement = insert(location_links)
    news = {name: statement.excluded[name] for name in ("name", "keeps_stock")}
    noted = statement.on_conflict_do_update(index_elements=[location_links.c.shop_id, location_links.c.external_id], set_=news)
    rows = [{"shop_id": shop_id, "external_id": key, "name": name, "keeps_stock": key in stocked} for key, name in remote]
    conn.execute(noted, rows)


def link_location(conn: Connection, shop_id: int, external_id: str, location_id: int | None) -> None:
    """Say which of our locations a shop's location is (None: none of them)."""
    statement = insert(location_links).values(shop_id=shop_id, external_id=external_id, name=external_id, location_id=location_id)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[location_links.c.shop_id, location_links.c.external_id], set_={"location_id": location_id}
        )
    )


def linked_locations(conn: Connection, shop_id: int) -> dict[str, int]:
    """A shop's external location id -> ours, for those that are linked."""
    rows = conn.execute(
        select(location_links.c.external_id, location_links.c.location_id).where(
            location_links.c.shop_id == shop_id, location_links.c.location_id.is_not(None)
        )
    )
    return {row.external_id: row.location_id for row in rows}
