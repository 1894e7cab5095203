"""How each shop stands: is it linked, when did an order last come, what waits, and what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from connector.db import shop_views
from connector.db.shop_views import ShopRow
from connector.db.tables import drifts, inbox, orders, outbox, shops
from connector.domain.drift import SUBSCRIPTION

_REMOVED_SHOWN = timedelta(days=7)

BOXES = MappingProxyType({"inbox": inbox, "outbox": outbox})


@dataclass(frozen=True, slots=True)
class Health:
    """A shop, its newest order, and the oldest delivery or announcement that is still to be dealt with."""

    shop: ShopRow
    last_order_at: datetime | None
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class LostLink:
    """A shop whose link is broken. `loss`: "paused" (it refuses our credentials), "uninstalled", or "webhooks" (so many of its
    subscriptions, `flaws`, are not well)."""

    shop_id: int
    shop: str
    loss: str
    flaws: int = 0


@dataclass(frozen=True, slots=True)
class Dead:
    """So many rows of a shop that were given up for the same reason; `ids` are the oldest of them."""

    shop: str
    platform: str
    reason: str
    rows: int
    ids: tuple[int, ...]


def healths(conn: Connection) -> list[Health]:
    """Every shop."""
    found = []
    for shop in shop_views.list_shops(conn):
        newest = conn.execute(select(func.max(orders.c.placed_at)).where(orders.c.shop_id == shop.id)).scalar()
        waits = [conn.execute(_oldest(table, shop.id)).scalar() for table in BOXES.values()]
        found.append(Health(shop, newest, min((at for at in waits if at is not None), default=None)))
    return found


def lost_links(conn: Connection, now: datetime) -> list[LostLink]:
    """Shops whose link a person has to mend. One that the merchant removed is named for some days, not for ever."""
    flaws = select(func.count()).select_from(drifts).where(_is_flaw(), drifts.c.shop_id == shops.c.id).scalar_subquery()
    rows = select(shops.c.id, shops.c.name, shops.c.state, flaws).where((shops.c.state != "linked") | (flaws > 0))
    found = []
    for shop_id, name, state, count in conn.execute(rows.order_by(shops.c.id)):
        removed = shop_views.uninstalled_at(conn, shop_id) if state == "uninstalled" else None
        if removed is None or now - removed < _REMOVED_SHOWN:
            found.append(LostLink(shop_id, name, "webhooks" if state == "linked" else state, count))
    return found


def _is_flaw() -> ColumnElement[bool]:
    return (drifts.c.kind == SUBSCRIPTION) & (drifts.c.state == "open")


def dead_letters(conn: Connection, box: str, *, ids: Sequence[int] = (), limit: int = 50) -> list[Dead]:
    """What was given up, by shop and reason, the most frequent first; only `ids` where they are given."""
    table = BOXES[box]
    count = func.count()
    oldest = func.array_agg(table.c.id)
    rows = (
        select(shops.c.name, shops.c.platform, table.c.reason, count, oldest)
        .join(shops, shops.c.id == table.c.shop_id)
        .where(table.c.state == "dead")
        .group_by(shops.c.name, shops.c.platform, table.c.reason)
        .order_by(count.desc())
        .limit(limit)
    )
    if ids:
        rows = rows.where(table.c.id.in_(list(ids)))
    return [
        Dead(name, platform, reason, number, tuple(sorted(of)[:1000]))
        for name, platform, reason, number, of in conn.execute(rows)
    ]


def sealed_body(conn: Connection, inbox_id: int) -> bytes | None:
    """The body of a delivery, sealed; None where there is no such delivery or its body is no longer kept."""
    return conn.execute(select(inbox.c.sealed_body).where(inbox.c.id == inbox_id)).scalar()


def announcement(conn: Connection, outbox_id: int) -> object:
    """What a platform was to be told; None where there is no such row."""
    return conn.execute(select(outbox.c.announcement).where(outbox.c.id == outbox_id)).scalar()


def _oldest(table: Table, shop_id: int) -> Select[Any]:
    came = table.c.received_at if "received_at" in table.c else table.c.created_at
    return select(func.min(came)).where(table.c.shop_id == shop_id, table.c.state == "waiting")
