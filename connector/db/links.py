"""A shop's catalogue as it was last read, and which of our items each variant is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, any_, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.many import among
from connector.db.tables import item_links, items, order_lines, orders
from connector.domain.errors import NotFound
from connector.domain.linking import WORDS, Match, Variant

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A variant of a shop as a person wants to see it: our SKU behind it ("" for none), what is wrong, and what to do."""

    external_id: str
    sku: str
    barcode: str
    title: str
    item: str
    matched_by: str
    problem: str
    meaning: str
    remedy: str


def items_of(conn: Connection, shop_id: int, external_ids: Collection[str]) -> dict[str, int]:
    """Variant id -> item id, for those that are linked."""
    wanted = [external_id for external_id in external_ids if external_id]
    if not wanted:
        return {}
    table = item_links.c
    linked = (table.shop_id == shop_id) & among(table.external_id, wanted) & table.item_id.is_not(None)
    return {row.external_id: row.item_id for row in conn.execute(select(table.external_id, table.item_id).where(linked))}


def made_by_hand(conn: Connection, shop_id: int) -> dict[str, int]:
    """The links a person made: variant id -> item id."""
    table = item_links.c
    mine = (table.shop_id == shop_id) & (table.matched_by == "hand")
    return {row.external_id: row.item_id for row in conn.execute(select(table.external_id, table.item_id).where(mine))}


def catalogue(conn: Connection, shop_id: int) -> list[Variant]:
    """The variants that were there when the catalogue was last read."""
    table = item_links.c
    columns = (table.external_id, table.unit_id, table.sku, table.barcode, table.title, table.tracked, table.image_url)
    rows = select(*columns).where(table.shop_id == shop_id, ~table.gone).order_by(table.external_id)
    return [Variant(*row) for row in conn.execute(rows)]


def store(conn: Connection, shop_id: int, matches: Sequence[Match], now: datetime) -> None:
    """Keep the whole catalogue with its matches; variants that are not in it any more are marked as gone."""
    statement = insert(item_links)
    names = ("unit_id", "sku", "barcode", "title", "tracked", "image_url", "item_id", "matched_by", "problem", "gone", "read_at")
    kept = statement.on_conflict_do_update(
        index_elements=["shop_id", "external_id"], set_={name: statement.excluded[name] for name in names}
    )
    rows = [_row(shop_id, one, now) for one in matches]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        conn.execute(kept, rows[start : start + _ROWS_AT_ONCE])
    gone = update(item_links).where(item_links.c.shop_id == shop_id, item_links.c.read_at < now)
    conn.execute(gone.values(gone=True))


def _row(shop_id: int, one: Match, now: datetime) -> dict[str, object]:
    variant = one.variant
    return {
        "shop_id": shop_id,
        "external_id": variant.external_id,
        "unit_id": variant.unit_id,
        "sku": variant.sku,
        "barcode": variant.barcode,
        "title": variant.title,
        "tracked": variant.tracked,
        "image_url": variant.image_url,
        "item_id": one.item_id,
        "matched_by": one.by,
        "problem": one.problem,
        "gone": False,
        "read_at": now,
    }


def set_by_hand(conn: Connection, shop_id: int, external_id: str, item_id: int | None) -> None:
    """A person says which item a variant is (None: takes that back). NotFound where the catalogue has no such variant."""
    mine = (item_links.c.shop_id == shop_id) & (item_links.c.external_id == external_id)
    values = {"item_id": item_id, "matched_by": "hand" if item_id is not None else "", "problem": ""}
    if not conn.execute(update(item_links).where(mine).values(**values)).rowcount:
        raise NotFound(
            f"The shop has no variant {external_id[:60]!r}.", "`connector items links SHOP` lists them; read it again?"
        )


def barcodes(conn: Connection) -> list[tuple[str, int]]:
    """Every item's barcode with its id."""
    rows = conn.execute(select(items.c.barcode, items.c.id).where(items.c.barcode != ""))
    return [(row.barcode, row.id) for row in rows]


def map_lines(conn: Connection, shop_id: int) -> list[int]:
    """Give the shop's waiting lines the item of their variant; the ids of the orders concerned."""
    waiting = and_(
        order_lines.c.item_id.is_(None),
        order_lines.c.variant_id != "",
        order_lines.c.order_id == orders.c.id,
        orders.c.shop_id == shop_id,
        item_links.c.shop_id == shop_id,
        item_links.c.external_id == order_lines.c.variant_id,
        item_links.c.item_id.is_not(None),
    )
    mapped = update(order_lines).where(waiting).values(item_id=item_links.c.item_id).returning(order_lines.c.order_id)
    return sorted(set(conn.execute(mapped).scalars()))


def waiting_pickups(conn: Connection, shop_id: int, external_location: str) -> list[int]:
    """Open orders to be collected at this place of the shop of which something waits, the oldest first."""
    rows = (
        select(orders.c.id)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(
            orders.c.shop_id == shop_id,
            orders.c.pickup_location == external_location,
            orders.c.open,
            or_(order_lines.c.backordered > 0, literal("pickup_unknown") == any_(orders.c.attention)),
        )
        .group_by(orders.c.id)
        .order_by(orders.c.placed_at, orders.c.id)
    )
    return list(conn.execute(rows).scalars())


def waiting_orders(conn: Connection, shop_id: int) -> list[int]:
    """The shop's open orders of which something waits, the oldest first."""
    waits = select(order_lines.c.id).where(order_lines.c.order_id == orders.c.id, order_lines.c.backordered > 0)
    rows = select(orders.c.id).where(orders.c.shop_id == shop_id, orders.c.open, waits.exists())
    return list(conn.execute(rows.order_by(orders.c.placed_at, orders.c.id)).scalars())


def shops(conn: Connection) -> list[int]:
    """The shops whose catalogue was read."""
    return list(conn.execute(select(item_links.c.shop_id).distinct().order_by(item_links.c.shop_id)).scalars())


def listed(conn: Connection, shop_id: int, *, problems: bool = False, limit: int = 10_000) -> list[LinkRow]:
    """The shop's variants, those with something to do first where `problems` is off, and only those where it is on."""
    table = item_links.c
    rows = (
        select(
            table.external_id,
            table.sku,
            table.barcode,
            table.title,
            func.coalesce(items.c.sku, ""),
            table.matched_by,
            table.problem,
        )
        .outerjoin(items, items.c.id == table.item_id)
        .where(table.shop_id == shop_id, ~table.gone)
        .order_by(table.problem == "", table.sku, table.external_id)
        .limit(limit)
    )
    if problems:
        rows = rows.where(table.problem != "")
    return [LinkRow(*row, *WORDS.get(row.problem, ("", ""))) for row in conn.execute(rows)]


def counts(conn: Connection, shop_id: int) -> Mapping[str, int]:
    """How many variants there are, how many of them are linked, and how many have a problem."""
    row = conn.execute(
        text(
            "SELECT count(*), count(item_id), count(*) FILTER (WHERE problem <> '') "
            "FROM item_links WHERE shop_id = :shop AND NOT gone"
        ),
        {"shop": shop_id},
    ).one()
    return dict(zip(("variants", "linked", "problems"), row, strict=True))
