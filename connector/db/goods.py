"""Items and locations, and which of a shop's own locations ours are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from connector.db.many import among
from connector.db.tables import items, location_links, locations
from connector.domain.allocation import Place


def item_ids(conn: Connection, skus: Collection[str]) -> dict[str, int]:
    """SKU -> item id, for those known here."""
    if not skus:
        return {}
    rows = conn.execute(select(items.c.sku, items.c.id).where(among(items.c.sku, skus)))
    return {row.sku: row.id for row in rows}


def add_items(conn: Connection, rows: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """Add or rename items ({sku, title, barcode}); SKU -> item id."""
    if not rows:
        return {}
    statement = insert(items)
    renamed = statement.on_conflict_do_update(
        index_elements=[items.c.sku],
        set_={"title": statement.excluded.title, "barcode": statement.excluded.barcode},
    )
    values = [{"sku": row["sku"], "title": row.get("title", ""), "barcode": row.get("barcode", "")} for row in rows]
    conn.execute(renamed, values)
    return item_ids(conn, [row["sku"] for row in rows])


def places(conn: Connection) -> list[Place]:
    """Every location, as routing sees it."""
    rows = conn.execute(select(locations).order_by(locations.c.priority, locations.c.id))
    return [Place(row.id, row.name, row.priority, row.enabled) for row in rows]


def location_ids(conn: Connection) -> dict[str, int]:
    """Location code -> id."""
    return {row.code: row.id for row in conn.execute(select(locations.c.code, locations.c.id))}


def add_location(conn: Connection, *, code: str, name: str, kind: str, priority: int) -> int:
    """A location by its code; its name, kind and priority are brought up to date."""
    statement = insert(locations).values(code=code, name=name, kind=kind, priority=priority)
    kept = statement.on_conflict_do_update(
        index_elements=[locations.c.code], set_={"name": name, "kind": kind, "priority": priority}
    ).returning(locations.c.id)
    return int(conn.execute(kept).scalar_one())


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
