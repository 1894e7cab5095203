"""The reading side of the inbox: lists for people, figures for monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from connector.db.tables import heartbeats, inbox, shops


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as a person wants to see it; its body stays sealed."""

    id: int
    shop: str
    platform: str
    topic: str
    kind: str
    external_id: str
    state: str
    reason: str
    tries: int
    repeats: int
    received_at: datetime
    due_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """So many rows of a platform in a state, and the time of the oldest."""

    platform: str
    state: str
    rows: int
    oldest: datetime


def list_inbox(
    conn: Connection, *, state: str = "", shop_id: int | None = None, before: int | None = None, limit: int = 50
) -> list[Row]:
    """Deliveries, newest first; `before` continues a list with the last id seen."""
    rows = (
        select(
            inbox.c.id,
            shops.c.name.label("shop"),
            shops.c.platform,
            inbox.c.topic,
            inbox.c.kind,
            inbox.c.external_id,
            inbox.c.state,
            inbox.c.reason,
            inbox.c.tries,
            inbox.c.repeats,
            inbox.c.received_at,
            inbox.c.due_at,
            inbox.c.finished_at,
        )
        .join(shops, shops.c.id == inbox.c.shop_id)
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )
    if state:
        rows = rows.where(inbox.c.state == state)
    if shop_id is not None:
        rows = rows.where(inbox.c.shop_id == shop_id)
    if before is not None:
        rows = rows.where(inbox.c.id < before)
    return [Row(*tuple(row)) for row in conn.execute(rows)]


def ids_in_state(conn: Connection, state: str, *, limit: int) -> list[int]:
    """Ids of rows in a state, oldest first."""
    return list(conn.execute(select(inbox.c.id).where(inbox.c.state == state).order_by(inbox.c.id).limit(limit)).scalars())


def shops_of(conn: Connection, ids: list[int]) -> list[int]:
    """The shops the rows belong to."""
    return list(conn.execute(select(inbox.c.shop_id).where(inbox.c.id.in_(ids)).distinct()).scalars())


def standings(conn: Connection) -> list[Standing]:
    """The unfinished rows of the inbox: those that wait, and those a person must look at."""
    rows = (
        select(shops.c.platform, inbox.c.state, func.count(), func.min(inbox.c.received_at))
        .join(shops, shops.c.id == inbox.c.shop_id)
        .where(inbox.c.state.in_(("waiting", "dead")))
        .group_by(shops.c.platform, inbox.c.state)
    )
    return [Standing(*row) for row in conn.execute(rows)]


def oldest_due(conn: Connection, now: datetime) -> datetime | None:
    """Since when the oldest row that could be worked on has been due; shops that are paused do not count."""
    callable_now = and_(shops.c.state == "linked", or_(shops.c.paused_until.is_(None), shops.c.paused_until <= now))
    rows = (
        select(func.min(inbox.c.due_at))
        .join(shops, shops.c.id == inbox.c.shop_id)
        .where(inbox.c.state == "waiting", inbox.c.due_at <= now, callable_now)
    )
    return conn.execute(rows).scalar()


def heartbeat(conn: Connection, name: str) -> datetime | None:
    """When the named process last said that it is alive."""
    return conn.execute(select(heartbeats.c.at).where(heartbeats.c.name == name)).scalar()
