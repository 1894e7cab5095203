"""The quantities that shops show: what is due, what was pushed under which key, and how it ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, text, update

from connector.db.tables import inbox, items, levels, location_links, locations, publications, pushes, shops
from connector.platform import Spot

# So long after a change the shop is told, so that a burst of orders becomes one push.
_GATHER = timedelta(seconds=1)
_KEEP_PUSHES = timedelta(days=30)

_TOUCH = text(
    """
    WITH locked AS (
        SELECT shop_id, unit_id, external_location FROM publications WHERE item_id = ANY(CAST(:items AS bigint[]))
        ORDER BY shop_id, unit_id, external_location FOR UPDATE
    )
    UPDATE publications p SET due_at = coalesce(p.due_at, :due), revision = p.revision + 1 FROM locked l
    WHERE (p.shop_id, p.unit_id, p.external_location) = (l.shop_id, l.unit_id, l.external_location)
    """
)
_SOURCES = text(
    """
    SELECT external_id, array_agg(DISTINCT location_id) AS places FROM (
        SELECT external_id, location_id FROM location_links
        WHERE shop_id = :shop AND location_id IS NOT NULL AND keeps_stock
        UNION ALL
        SELECT s.external_id, s.location_id FROM stock_sources s
        JOIN location_links l ON l.shop_id = s.shop_id AND l.external_id = s.external_id
        WHERE s.shop_id = :shop AND l.location_id IS NOT NULL AND l.keeps_stock
    ) AS linked GROUP BY external_id
    """
)
_FURNISH = text(
    """
    INSERT INTO publications (shop_id, unit_id, external_location, item_id, due_at)
    SELECT DISTINCT ON (l.unit_id, place) l.shop_id, l.unit_id, place, l.item_id, CAST(:now AS timestamptz)
    FROM item_links l CROSS JOIN unnest(CAST(:places AS text[])) AS place
    WHERE l.shop_id = :shop AND NOT l.gone AND l.tracked AND l.item_id IS NOT NULL AND l.problem <> 'shared_stock'
    ORDER BY l.unit_id, place, l.external_id
    ON CONFLICT (shop_id, unit_id, external_location)
    DO UPDATE SET item_id = excluded.item_id, due_at = excluded.due_at, revision = publications.revision + 1
    WHERE publications.item_id <> excluded.item_id OR CAST(:again AS boolean)
    """
)
_PRUNE = text(
    """
    DELETE FROM publications p WHERE p.shop_id = :shop AND (
        NOT p.external_location = ANY(CAST(:places AS text[]))
        OR NOT EXISTS (
            SELECT FROM item_links l WHERE l.shop_id = p.shop_id AND l.unit_id = p.unit_id AND l.item_id = p.item_id
            AND NOT l.gone AND l.tracked AND l.problem <> 'shared_stock'
        )
    )
    """
)


@dataclass(frozen=True, slots=True)
class Due:
    """A publication to be looked at, as it was claimed."""

    spot: Spot
    item_id: int
    revision: int
    tries: int


@dataclass(frozen=True, slots=True)
class Published:
    """What was written to a spot last, while nothing is to be changed there. `place` is its name, as a person knows it."""

    spot: Spot
    sku: str
    place: str
    published: int
    revision: int


@dataclass(frozen=True, slots=True)
class Push:
    """A write whose end was not recorded."""

    id: int
    key: str
    changes: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PublicationRow:
    """What a shop shows at a spot, as a person wants to see it."""

    sku: str
    unit: str
    location: str
    published: int | None
    waiting: bool
    obstacle: str


def touch(conn: Connection, item_ids: Collection[int], now: datetime) -> None:
    """What is available of these items may have changed, or what shops show of them. Their levels are locked by the caller.

    The row is written even where it is due already: a pass that is looking at it must not take this for looked at.
    """
    if item_ids:
        conn.execute(_TOUCH, {"items": sorted(item_ids), "due": now + _GATHER})


def lock_all(conn: Connection, shop_id: int, rows: Sequence[Due]) -> None:
    """Lock these publications, before they are finished one by one."""
    _lock(conn, shop_id, {row.spot.unit_id for row in rows})


def _lock(conn: Connection, shop_id: int, units: Collection[str] | None = None) -> None:
    """Lock publications in the one order everybody uses, before several of them are written. Levels come before them."""
    table = publications.c
    rows = select(table.unit_id).where(table.shop_id == shop_id)
    if units is not None:
        rows = rows.where(table.unit_id.in_(units))
    conn.execute(rows.order_by(table.shop_id, table.unit_id, table.external_location).with_for_update())


def sources(conn: Connection, shop_id: int) -> dict[str, list[int]]:
    """The shop's own location -> our locations whose stock it shows."""
    return {row.external_id: list(row.places) for row in conn.execute(_SOURCES, {"shop": shop_id})}


def unlinked_places(conn: Connection, shop_id: int) -> list[str]:
    """The names of the shop's own locations that keep stock and are none of ours: nothing is published to them."""
    rows = text(
        "SELECT coalesce(nullif(name, ''), external_id) FROM location_links "
        "WHERE shop_id = :shop AND keeps_stock AND location_id IS NULL ORDER BY 1"
    )
    return list(conn.execute(rows, {"shop": shop_id}).scalars())


def furnish(conn: Connection, shop_id: int, places: Collection[str], now: datetime, *, again: bool = False) -> None:
    """A publication for every linked variant at each of these places, and none for what is linked no more. `again`: all due."""
    facts = {"shop": shop_id, "places": sorted(places), "now": now}
    _lock(conn, shop_id)
    conn.execute(_PRUNE, facts)
    conn.execute(_FURNISH, {**facts, "again": again})


def due_shops(conn: Connection, now: datetime) -> list[int]:
    """Shops with something to be shown."""
    due = select(publications.c.shop_id).where(publications.c.due_at <= now).group_by(publications.c.shop_id)
    on = shops.c.settings["publish_stock"].as_boolean()
    rows = select(shops.c.id).where(shops.c.id.in_(due), on, shops.c.state != "uninstalled")
    return list(conn.execute(rows.order_by(shops.c.id)).scalars())


def claim(conn: Connection, shop_id: int, now: datetime, *, lease: timedelta, settles: timedelta, limit: int) -> list[Due]:
    """Take due publications for a pass; those that a running transaction changes, or that the shop still settles, wait."""
    table = publications.c
    settled = or_(table.written_at.is_(None), table.written_at <= now - settles)
    rows = (
        select(table.unit_id, table.external_location, table.item_id, table.revision, table.tries)
        .where(table.shop_id == shop_id, table.due_at <= now, settled)
        .order_by(table.due_at, table.unit_id, table.external_location)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [Due(Spot(row[0], row[1]), *row[2:]) for row in conn.execute(rows)]
    _each(conn, shop_id, found, {"due_at": now + lease})
    return found


def all_of(conn: Connection, shop_id: int, *, units: Collection[str] | None = None) -> list[Due]:
    """Every publication of the shop, or those of these stock units."""
    table = publications.c
    rows = select(table.unit_id, table.external_location, table.item_id, table.revision, table.tries)
    if units is not None:
        rows = rows.where(table.unit_id.in_(units))
    found = conn.execute(rows.where(table.shop_id == shop_id).order_by(table.unit_id, table.external_location))
    return [Due(Spot(row[0], row[1]), *row[2:]) for row in found]


def refreshed(conn: Connection, shop_id: int, rows: Sequence[Due]) -> list[Due]:
    """The same publications as they stand now, without those that are no more."""
    claimed = {row.spot for row in rows}
    return [row for row in all_of(conn, shop_id, units={spot.unit_id for spot in claimed}) if row.spot in claimed]


def finish(
    conn: Connection,
    shop_id: int,
    rows: Sequence[Due],
    now: datetime,
    *,
    again_at: datetime | None = None,
    failed: bool = False,
    **values: Any,
) -> None:
    """A pass has done with these: due again at `again_at` (None: not), or at once where something changed meanwhile."""
    _lock(conn, shop_id, {row.spot.unit_id for row in rows})
    changes = {**values, "tries": publications.c.tries + 1 if failed else 0}
    same = publications.c.revision == bindparam("seen")
    _each(conn, shop_id, rows, {**changes, "due_at": again_at}, same)
    _each(conn, shop_id, rows, {**changes, "due_at": now}, publications.c.revision != bindparam("seen"))


def _each(conn: Connection, shop_id: int, rows: Sequence[Due], values: Mapping[str, Any], *more: Any) -> None:
    table = publications.c
    one = and_(table.shop_id == shop_id, table.unit_id == bindparam("unit"), table.external_location == bindparam("place"), *more)
    if rows:
        named = [{"unit": row.spot.unit_id, "place": row.spot.location, "seen": row.revision} for row in rows]
        named = named if more else [{"unit": row["unit"], "place": row["place"]} for row in named]
        conn.execute(update(publications).where(one).values(**values), named)


def available(conn: Connection, item_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """(item, location) -> available units at the open locations."""
    rows = (
        select(levels.c.item_id, levels.c.location_id, levels.c.available)
        .join(locations, locations.c.id == levels.c.location_id)
        .where(levels.c.item_id.in_(sorted(set(item_ids))), locations.c.enabled)
    )
    return {(row.item_id, row.location_id): row.available for row in conn.execute(rows)}


def newest_waiting(conn: Connection, shop_id: int) -> int:
    """The last of the shop's deliveries that are not taken in yet; 0 where there is none."""
    waiting = select(func.max(inbox.c.id)).where(inbox.c.shop_id == shop_id, inbox.c.state == "waiting")
    return conn.execute(waiting).scalar() or 0


def orders_waiting(conn: Connection, shop_id: int, newest: int) -> bool:
    """Whether deliveries of the shop up to this one are not taken in yet."""
    waiting = select(inbox.c.id).where(inbox.c.shop_id == shop_id, inbox.c.state == "waiting", inbox.c.id <= newest)
    return conn.execute(waiting.limit(1)).first() is not None


def begin(conn: Connection, shop_id: int, key: str, changes: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Note a push before it is sent; its id. Old ones are forgotten."""
    conn.execute(delete(pushes).where(pushes.c.shop_id == shop_id, pushes.c.finished_at < now - _KEEP_PUSHES))
    noted = insert(pushes).values(shop_id=shop_id, key=key, changes=list(changes), started_at=now)
    return int(conn.execute(noted.returning(pushes.c.id)).scalar_one())


def end(conn: Connection, push_id: int, outcome: str, now: datetime) -> None:
    """How a push ended."""
    conn.execute(update(pushes).where(pushes.c.id == push_id).values(finished_at=now, outcome=outcome[:500]))


def open_pushes(conn: Connection, shop_id: int) -> list[Push]:
    """Pushes whose end is not known, oldest first."""
    rows = select(pushes.c.id, pushes.c.key, pushes.c.changes).where(pushes.c.shop_id == shop_id, pushes.c.finished_at.is_(None))
    return [Push(*row) for row in conn.execute(rows.order_by(pushes.c.id))]


def settled(conn: Connection, shop_id: int) -> list[Published]:
    """The publications with which nothing is to be done."""
    table = publications.c
    place = func.coalesce(func.nullif(location_links.c.name, ""), table.external_location)
    named = (location_links.c.shop_id == table.shop_id) & (location_links.c.external_id == table.external_location)
    rows = (
        select(table.unit_id, table.external_location, items.c.sku, place, table.published, table.revision)
        .join(items, items.c.id == table.item_id)
        .outerjoin(location_links, named)
        .where(table.shop_id == shop_id, table.due_at.is_(None), table.published.is_not(None), table.obstacle == "")
    )
    found = conn.execute(rows.order_by(items.c.sku, table.unit_id, table.external_location))
    return [Published(Spot(row[0], row[1]), *row[2:]) for row in found]


def look_again(conn: Connection, shop_id: int, spots: Collection[Spot], now: datetime) -> None:
    """Make these due."""
    rows = [Due(spot, 0, 0, 0) for spot in spots]
    _lock(conn, shop_id, {spot.unit_id for spot in spots})
    _each(conn, shop_id, rows, {"due_at": now, "revision": publications.c.revision + 1})


def listed(conn: Connection, shop_id: int, *, obstacles: bool = False, limit: int = 10_000) -> list[PublicationRow]:
    """What the shop shows, by SKU; with `obstacles` only what cannot be shown."""
    table = publications.c
    rows = (
        select(items.c.sku, table.unit_id, table.external_location, table.published, table.due_at.is_not(None), table.obstacle)
        .join(items, items.c.id == table.item_id)
        .where(table.shop_id == shop_id)
        .order_by(items.c.sku, table.external_location)
        .limit(limit)
    )
    if obstacles:
        rows = rows.where(table.obstacle != "")
    return [PublicationRow(*row) for row in conn.execute(rows)]
