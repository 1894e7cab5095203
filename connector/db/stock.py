"""Levels and movements. The only statement that writes a level is the one that writes its movement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert

from connector.db.many import among
from connector.db.tables import levels, movements
from connector.domain.events import STOCK_CHANGED
from connector.domain.stock import Movement

_ITEMS = 7305  # the space of the items' advisory locks

_POST = text(
    """
    WITH moved AS (
        INSERT INTO movements
            (item_id, location_id, on_hand_delta, committed_delta, reason, effect_key, order_id, document, actor, at)
        SELECT m.item_id, m.location_id, m.on_hand, m.committed, m.reason, m.effect_key, m.order_id, m.document, m.actor, :at
        FROM unnest(
            CAST(:items AS bigint[]), CAST(:locations AS bigint[]), CAST(:on_hand AS int[]), CAST(:committed AS int[]),
            CAST(:reasons AS text[]), CAST(:keys AS text[]), CAST(:orders AS bigint[]), CAST(:documents AS text[]),
            CAST(:actors AS text[])
        ) AS m (item_id, location_id, on_hand, committed, reason, effect_key, order_id, document, actor)
        ON CONFLICT (effect_key) DO NOTHING
        RETURNING item_id, location_id, on_hand_delta, committed_delta
    ), sums AS (
        SELECT item_id, location_id, sum(on_hand_delta) AS on_hand, sum(committed_delta) AS committed
        FROM moved GROUP BY item_id, location_id
    ), changed AS (
        UPDATE levels SET on_hand = levels.on_hand + sums.on_hand, committed = levels.committed + sums.committed
        FROM sums WHERE levels.item_id = sums.item_id AND levels.location_id = sums.location_id
        RETURNING levels.merchant_id, levels.item_id, levels.location_id, levels.on_hand, levels.committed, levels.available
    ), told AS (
        INSERT INTO events (merchant_id, type, facts, at)
        SELECT changed.merchant_id, :event, jsonb_build_object(
            'sku', items.sku, 'location', locations.code,
            'on_hand', changed.on_hand, 'committed', changed.committed, 'available', changed.available
        ), CAST(:at AS timestamptz)
        FROM changed JOIN items ON items.id = changed.item_id JOIN locations ON locations.id = changed.location_id
        WHERE EXISTS (
            SELECT 1 FROM endpoints WHERE :event = ANY (endpoints.types) AND endpoints.merchant_id = changed.merchant_id
        )
        ORDER BY changed.item_id, changed.location_id
        RETURNING id, merchant_id
    ), sends AS (
        INSERT INTO event_sends (merchant_id, endpoint_id, event_id, due_at)
        SELECT told.merchant_id, endpoints.id, told.id, CAST(:at AS timestamptz)
        FROM told JOIN endpoints ON :event = ANY (endpoints.types) AND endpoints.merchant_id = told.merchant_id
    ), unsettled AS (
        INSERT INTO refills (item_id)
        SELECT DISTINCT changed.item_id FROM changed
        WHERE changed.available < 0 OR (
            EXISTS (SELECT 1 FROM sums WHERE sums.item_id = changed.item_id AND sums.on_hand > sums.committed)
            AND EXISTS (SELECT 1 FROM order_lines l WHERE l.item_id = changed.item_id AND l.backordered > 0)
        )
        ORDER BY changed.item_id
        ON CONFLICT (item_id) DO UPDATE SET rises = refills.rises + 1
    )
    SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM sums), (SELECT count(*) FROM changed)
    """
)


def lock(conn: Connection, item_ids: Collection[int]) -> dict[tuple[int, int], int]:
    """Lock every level of the items, in the one order everybody uses; (item, location) -> available units.

    Of an item without any level the item itself is locked, so that what arrives meanwhile is seen.
    """
    without = set(item_ids) - _with_levels(conn, item_ids) if item_ids else set()
    _lock_items(conn, without)
    rows = conn.execute(
        select(levels.c.item_id, levels.c.location_id, levels.c.available)
        .where(among(levels.c.item_id, sorted(item_ids)))
        .order_by(levels.c.item_id, levels.c.location_id)
        .with_for_update()
    )
    return {(item, location): available for item, location, available in rows.all()}


def ensure(conn: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Make a level of zero for every (item, location) that has none."""
    wanted = sorted(set(pairs))
    known = {(row.item_id, row.location_id) for row in conn.execute(_pairs({item for item, _ in wanted}))}
    rows = [{"item_id": item, "location_id": location} for item, location in wanted if (item, location) not in known]
    if rows:
        _lock_items(conn, {row["item_id"] for row in rows})
        conn.execute(insert(levels).on_conflict_do_nothing(), rows)


def _pairs(item_ids: Collection[int]) -> Select[tuple[int, int]]:
    return select(levels.c.item_id, levels.c.location_id).where(among(levels.c.item_id, sorted(item_ids)))


def _with_levels(conn: Connection, item_ids: Collection[int]) -> set[int]:
    return {row.item_id for row in conn.execute(_pairs(item_ids))}


def _lock_items(conn: Connection, item_ids: Collection[int]) -> None:
    for item in sorted(item_ids):
        conn.execute(text("SELECT pg_advisory_xact_lock(:space, :item)"), {"space": _ITEMS, "item": item % 2**31})


def post(conn: Connection, facts: Sequence[Movement], at: datetime) -> int:
    """Write the movements and move their levels with them; effects written before are left alone. Returns how many were new.

    Items of which orders wait for what rises, or of which more is promised than there is, are noted to be settled.
    The levels must exist (see `ensure`) and be locked (see `lock`).
    """
    if not facts:
        return 0
    new, moved, changed = conn.execute(
        _POST,
        {
            "at": at,
            "event": STOCK_CHANGED,
            "items": [fact.item_id for fact in facts],
            "locations": [fact.location_id for fact in facts],
            "on_hand": [fact.on_hand for fact in facts],
            "committed": [fact.committed for fact in facts],
            "reasons": [fact.reason for fact in facts],
            "keys": [fact.effect_key for fact in facts],
            "orders": [fact.order_id for fact in facts],
            "documents": [fact.document for fact in facts],
            "actors": [fact.actor for fact in facts],
        },
    ).one()
    if moved != changed:
        raise RuntimeError("a movement was written for a level that does not exist; the transaction is undone")
    return int(new)


def committed_by_order(conn: Connection, order_ids: Collection[int]) -> dict[int, dict[tuple[int, int], int]]:
    """What the ledger says each order holds: order id -> (item, location) -> units."""
    units = func.sum(movements.c.committed_delta)
    rows = conn.execute(
        select(movements.c.order_id, movements.c.item_id, movements.c.location_id, units.label("units"))
        .where(among(movements.c.order_id, order_ids))
        .group_by(movements.c.order_id, movements.c.item_id, movements.c.location_id)
        .having(units != 0)
    )
    held: dict[int, dict[tuple[int, int], int]] = {}
    for row in rows:
        held.setdefault(row.order_id, {})[row.item_id, row.location_id] = row.units
    return held


def on_hand(conn: Connection, item_ids: Collection[int]) -> dict[tuple[int, int], int]:
    """(item, location) -> units on the shelf."""
    table = levels.c
    rows = conn.execute(select(table.item_id, table.location_id, table.on_hand).where(among(table.item_id, sorted(item_ids))))
    return {(row.item_id, row.location_id): row.on_hand for row in rows}


def unbalanced(conn: Connection) -> list[tuple[int, int, int, int, int, int]]:
    """Levels that are not the sum of their movements: (item, location, on hand, its sum, committed, its sum)."""
    rows = conn.execute(
        text(
            """
            SELECT coalesce(l.item_id, m.item_id), coalesce(l.location_id, m.location_id),
                   coalesce(l.on_hand, 0), coalesce(m.on_hand, 0), coalesce(l.committed, 0), coalesce(m.committed, 0)
            FROM levels l FULL JOIN (
                SELECT item_id, location_id, sum(on_hand_delta) AS on_hand, sum(committed_delta) AS committed
                FROM movements GROUP BY item_id, location_id
            ) m ON m.item_id = l.item_id AND m.location_id = l.location_id
            WHERE (coalesce(l.on_hand, 0), coalesce(l.committed, 0)) <> (coalesce(m.on_hand, 0), coalesce(m.committed, 0))
            ORDER BY 1, 2
            """
        )
    )
    return [tuple(row) for row in rows]
