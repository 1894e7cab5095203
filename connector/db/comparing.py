"""The comparison of a shop's orders with the platform's: how far it has come, and what we hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, update

from connector.db.tables import backfills, inbox, order_lines, orders, shops
from connector.domain.drift import Held

_WORDS = ("lifecycle", "payment", "handover", "platform_status", "currency", "total_minor", "outstanding_minor")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a comparison stands; `began_at` None means that none is under way."""

    began_at: datetime | None
    cursor: str
    due_at: datetime
    linked_at: datetime
    filled_since: datetime | None


def standing(conn: Connection, shop_id: int) -> Standing:
    """How far the shop's comparison has come, and since when we hold all its orders."""
    whole = (backfills.c.shop_id == shop_id) & (backfills.c.state == "finished") & backfills.c.dry_run.is_(False)
    filled = select(func.min(backfills.c.since)).where(whole).scalar_subquery()
    columns = (shops.c.compare_began_at, shops.c.compare_cursor, shops.c.compare_due_at, shops.c.created_at, filled)
    return Standing(*conn.execute(select(*columns).where(shops.c.id == shop_id)).one())


def move(conn: Connection, shop_id: int, *, began_at: datetime | None, cursor: str, due_at: datetime) -> None:
    """Write the checkpoint."""
    moved = {"compare_began_at": began_at, "compare_cursor": cursor, "compare_due_at": due_at}
    conn.execute(update(shops).where(shops.c.id == shop_id).values(**moved))


def held(conn: Connection, shop_id: int, external_ids: Collection[str]) -> dict[str, Held]:
    """Our orders by the platform's ids."""
    mine = (orders.c.shop_id == shop_id) & orders.c.external_id.in_(list(external_ids))
    units: dict[str, dict[str, int]] = defaultdict(dict)
    lines = select(orders.c.external_id, order_lines.c.external_id, order_lines.c.quantity).join(order_lines).where(mine)
    for order_id, line_id, quantity in conn.execute(lines):
        units[order_id][line_id] = quantity
    heads = conn.execute(select(orders.c.external_id, orders.c.version, *(orders.c[name] for name in _WORDS)).where(mine))
    return {
        row.external_id: Held(row.version, {name: getattr(row, name) for name in _WORDS}, units[row.external_id]) for row in heads
    }


def waiting(conn: Connection, shop_id: int, external_ids: Collection[str]) -> set[str]:
    """Those of the orders that a delivery or the poll has announced and that are still to be taken in."""
    rows = select(inbox.c.external_id).where(
        inbox.c.shop_id == shop_id, inbox.c.state == "waiting", inbox.c.external_id.in_(list(external_ids))
    )
    return set(conn.execute(rows).scalars())


def mark(conn: Connection, shop_id: int, external_ids: Collection[str], now: datetime) -> None:
    """Note that these were compared."""
    mine = (orders.c.shop_id == shop_id) & orders.c.external_id.in_(list(external_ids))
    conn.execute(update(orders).where(mine).values(compared_at=now))


def unseen(conn: Connection, shop_id: int, began_at: datetime, before: datetime, *, limit: int) -> list[str]:
    """Open orders that the platform's list did not show since the comparison began; those just received are left out."""
    not_compared = or_(orders.c.compared_at.is_(None), orders.c.compared_at < began_at)
    rows = select(orders.c.external_id).where(
        orders.c.shop_id == shop_id, orders.c.open, orders.c.received_at < before, not_compared
    )
    return list(conn.execute(rows.order_by(orders.c.id).limit(limit)).scalars())
