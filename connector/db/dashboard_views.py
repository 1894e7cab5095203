"""What the dashboard draws. Every query is bounded by a window of time or by a number of rows, however many orders have ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Float, cast, func, select

from connector.db.tables import attempts, event_attempts, inbox, orders, outbox, shops
from connector.platform import Told

_HOUR_SECONDS = 3600
_NEWEST = 10_000  # of deliveries and of tries: a larger number tells nothing more
_WENT_WELL = tuple(told.value for told in Told)


@dataclass(frozen=True, slots=True)
class Hourly:
    """So many orders of a shop, placed in the hour that begins then."""

    hour: datetime
    shop_id: int
    shop: str
    platform: str
    orders: int


@dataclass(frozen=True, slots=True)
class Taking:
    """How long deliveries of an hour waited from being stored to being taken in: half of them, and 19 of 20, at most so long."""

    hour: datetime
    deliveries: int
    half_seconds: float
    most_seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """So many calls that failed in one way. `to` is the platform that was to be told, or "endpoint"."""

    to: str
    kind: str
    tries: int


def orders_by_hour(conn: Connection, since: datetime, until: datetime) -> list[Hourly]:
    """Orders by the hour (UTC) they were placed in, and by shop."""
    hour = func.floor(func.extract("epoch", orders.c.placed_at) / _HOUR_SECONDS)
    rows = (
        select(hour.label("hour"), shops.c.id, shops.c.name, shops.c.platform, func.count())
        .join(shops, shops.c.id == orders.c.shop_id)
        .where(orders.c.placed_at >= since, orders.c.placed_at < until)
        .group_by("hour", shops.c.id)
        .order_by("hour", shops.c.id)
    )
    return [Hourly(_begin(row[0]), *row[1:]) for row in conn.execute(rows)]


def taking_in(conn: Connection, since: datetime) -> list[Taking]:
    """The newest deliveries of the window that were taken in, by the hour (UTC) they came in."""
    newest = (
        select(inbox.c.received_at, inbox.c.finished_at, inbox.c.state)
        .where(inbox.c.received_at >= since)
        .order_by(inbox.c.received_at.desc())
        .limit(_NEWEST)
        .subquery()
    )
    hour = func.floor(func.extract("epoch", newest.c.received_at) / _HOUR_SECONDS)
    waited = cast(func.extract("epoch", newest.c.finished_at - newest.c.received_at), Float)
    shares = (func.percentile_cont(share).within_group(waited) for share in (0.5, 0.95))
    rows = select(hour.label("hour"), func.count(), *shares).where(newest.c.state == "done")
    return [Taking(_begin(row[0]), *row[1:]) for row in conn.execute(rows.group_by("hour").order_by("hour"))]


def failures(conn: Connection, since: datetime) -> list[Failure]:
    """Calls of the window that failed, by whom and how, the most frequent first; among the newest tries only."""
    newest = select(attempts).order_by(attempts.c.id.desc()).limit(_NEWEST).subquery()
    told = (
        select(shops.c.platform, newest.c.outcome, func.count())
        .select_from(newest.join(outbox, outbox.c.id == newest.c.outbox_id).join(shops, shops.c.id == outbox.c.shop_id))
        .where(newest.c.at >= since, newest.c.outcome.not_in(_WENT_WELL))
        .group_by(shops.c.platform, newest.c.outcome)
    )
    sent = select(event_attempts).order_by(event_attempts.c.id.desc()).limit(_NEWEST).subquery()
    lost = (
        select(sent.c.status, func.count())
        .where(sent.c.at >= since, (sent.c.status < 200) | (sent.c.status >= 300))
        .group_by(sent.c.status)
    )
    found = [Failure(*row) for row in conn.execute(told)]
    found += [Failure("endpoint", str(status) if status else "no_answer", tries) for status, tries in conn.execute(lost)]
    return sorted(found, key=lambda failure: (-failure.tries, failure.to, failure.kind))


def hours(until: datetime, count: int) -> list[datetime]:
    """The beginnings of so many hours, the last being the one of `until`."""
    last = until.replace(minute=0, second=0, microsecond=0)
    return [last - timedelta(hours=back) for back in range(count - 1, -1, -1)]


def _begin(hour: Any) -> datetime:
    return datetime.fromtimestamp(int(hour) * _HOUR_SECONDS, UTC)
