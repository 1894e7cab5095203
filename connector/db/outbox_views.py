"""The reading side of the outbox: what the platforms were told, and what they are still to be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from connector.db.inbox_views import Standing
from connector.db.tables import attempts, orders, outbox, shops


@dataclass(frozen=True, slots=True)
class Row:
    """An announcement as a person wants to see it."""

    id: int
    shop: str
    platform: str
    order_id: int
    number: str
    fulfillment_order_id: int | None
    act: str
    state: str
    outcome: str
    reason: str
    tries: int
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to tell the platform."""

    at: datetime
    outcome: str
    detail: str
    milliseconds: int


def list_outbox(
    conn: Connection,
    *,
    state: str = "",
    shop_id: int | None = None,
    order_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Row]:
    """Announcements, newest first; `before` continues a list with the last id seen."""
    rows = (
        select(
            outbox.c.id,
            shops.c.name.label("shop"),
            shops.c.platform,
            outbox.c.order_id,
            orders.c.number,
            outbox.c.fulfillment_order_id,
            outbox.c.act,
            outbox.c.state,
            outbox.c.outcome,
            outbox.c.reason,
            outbox.c.tries,
            outbox.c.created_at,
            outbox.c.due_at,
            outbox.c.finished_at,
        )
        .join(shops, shops.c.id == outbox.c.shop_id)
        .join(orders, orders.c.id == outbox.c.order_id)
        .order_by(outbox.c.id.desc())
        .limit(limit)
    )
    if state:
        rows = rows.where(outbox.c.state == state)
    if shop_id is not None:
        rows = rows.where(outbox.c.shop_id == shop_id)
    if order_id is not None:
        rows = rows.where(outbox.c.order_id == order_id)
    if before is not None:
        rows = rows.where(outbox.c.id < before)
    return [Row(*tuple(row)) for row in conn.execute(rows)]


def attempts_of(conn: Connection, outbox_id: int) -> list[Attempt]:
    """Every try of one announcement, oldest first."""
    rows = select(attempts.c.at, attempts.c.outcome, attempts.c.detail, attempts.c.milliseconds)
    return [Attempt(*row) for row in conn.execute(rows.where(attempts.c.outbox_id == outbox_id).order_by(attempts.c.id))]


def oldest_due(conn: Connection, now: datetime) -> datetime | None:
    """Since when the oldest announcement that could be made has been due; shops that are paused or rest do not count."""
    callable_now = and_(shops.c.state == "linked", or_(shops.c.paused_until.is_(None), shops.c.paused_until <= now))
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    rows = (
        select(func.min(outbox.c.due_at))
        .join(shops, shops.c.id == outbox.c.shop_id)
        .where(outbox.c.state == "waiting", outbox.c.due_at <= now, free, callable_now)
    )
    return conn.execute(rows).scalar()


def ids_in_state(conn: Connection, state: str, *, limit: int) -> list[int]:
    """Ids of rows in a state, oldest first."""
    return list(conn.execute(select(outbox.c.id).where(outbox.c.state == state).order_by(outbox.c.id).limit(limit)).scalars())


def shops_of(conn: Connection, ids: list[int]) -> list[int]:
    """The shops the rows belong to."""
    return list(conn.execute(select(outbox.c.shop_id).where(outbox.c.id.in_(ids)).distinct()).scalars())


def standings(conn: Connection) -> list[Standing]:
    """The unfinished rows of the outbox: those that wait, and those a person must look at."""
    rows = (
        select(shops.c.platform, outbox.c.state, func.count(), func.min(outbox.c.created_at))
        .join(shops, shops.c.id == outbox.c.shop_id)
        .where(outbox.c.state.in_(("waiting", "dead")))
        .group_by(shops.c.platform, outbox.c.state)
    )
    return [Standing(*row) for row in conn.execute(rows)]
