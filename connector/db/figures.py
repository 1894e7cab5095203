"""What monitoring counts in the database at each look: every query is bounded, however large the tables have grown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from connector.db.tables import attempts, outbox, shops

_MOST_ATTEMPTS = 10_000


@dataclass(frozen=True, slots=True)
class Attempts:
    """So many tries to tell a platform, by what was told and how it went, and how long they took together."""

    platform: str
    act: str
    outcome: str
    tries: int
    milliseconds: int


@dataclass(frozen=True, slots=True)
class ShopHealth:
    """How a shop answers: `failures` in a row, and until when it is left alone."""

    id: int
    platform: str
    address: str
    state: str
    failures: int
    paused_until: datetime | None
    polled_to: datetime | None


def recent_attempts(conn: Connection, now: datetime, window: timedelta) -> list[Attempts]:
    """The tries of the window, as far as they are among the newest 10,000."""
    newest = select(attempts).order_by(attempts.c.id.desc()).limit(_MOST_ATTEMPTS).subquery()
    rows = (
        select(shops.c.platform, outbox.c.act, newest.c.outcome, func.count(), func.sum(newest.c.milliseconds))
        .select_from(newest.join(outbox, outbox.c.id == newest.c.outbox_id).join(shops, shops.c.id == outbox.c.shop_id))
        .where(newest.c.at > now - window)
        .group_by(shops.c.platform, outbox.c.act, newest.c.outcome)
    )
    return [Attempts(*row) for row in conn.execute(rows)]


def shop_health(conn: Connection) -> list[ShopHealth]:
    """Every shop that is linked or paused."""
    columns = [shops.c[name] for name in ShopHealth.__slots__]
    return [ShopHealth(*row) for row in conn.execute(select(*columns).where(shops.c.state != "uninstalled"))]
