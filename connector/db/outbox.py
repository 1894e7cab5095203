"""The outbox: what a platform has still to be told, and how each telling ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from connector.db.tables import attempts, outbox


@dataclass(frozen=True, slots=True)
class Row:
    """A claimed announcement. `leased_until` names this claim: only its holder may end the row."""

    id: int
    order_id: int
    act: str
    announcement: dict[str, Any]
    tries: int
    leased_until: datetime


def told(conn: Connection, order_ids: Collection[int]) -> dict[int, set[tuple[str, int]]]:
    """What has been put in the outbox for each order: order id -> {(act, part id)}."""
    rows = conn.execute(
        select(outbox.c.order_id, outbox.c.act, outbox.c.fulfillment_order_id).where(
            outbox.c.order_id.in_(list(order_ids)), outbox.c.fulfillment_order_id.is_not(None)
        )
    )
    found: dict[int, set[tuple[str, int]]] = {}
    for row in rows:
        found.setdefault(row.order_id, set()).add((row.act, row.fulfillment_order_id))
    return found


def add(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put announcements in the line; one with a known effect key is there already."""
    if rows:
        conn.execute(upsert(outbox).on_conflict_do_nothing(index_elements=["effect_key"]), list(rows))


def withdraw(conn: Connection, part_id: int, acts: Collection[str], now: datetime) -> bool:
    """Take back what nobody has been told yet; whether all of it could be (a claim in flight cannot)."""
    mine = (outbox.c.fulfillment_order_id == part_id) & outbox.c.act.in_(list(acts))
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    untold = update(outbox).where(mine, outbox.c.state == "waiting", outbox.c.tries == 0, free)
    conn.execute(untold.values(state="delivered", outcome="withdrawn", reason="Taken back before it was told.", finished_at=now))
    return conn.execute(select(outbox.c.id).where(mine, outbox.c.outcome != "withdrawn")).first() is None


def claim(conn: Connection, shop_id: int, now: datetime, *, lease: timedelta, limit: int) -> list[Row]:
    """Take due rows of a shop by lease; of one order only the oldest that waits, so that its moves leave in sequence."""
    earlier = outbox.alias("earlier")
    overtaken = exists().where(earlier.c.order_id == outbox.c.order_id, earlier.c.id < outbox.c.id, earlier.c.state == "waiting")
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    due = (
        select(outbox.c.id)
        .where(outbox.c.shop_id == shop_id, outbox.c.state == "waiting", outbox.c.due_at <= now, free, ~overtaken)
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(conn.execute(due).scalars())
    if not ids:
        return []
    taken = update(outbox).where(outbox.c.id.in_(ids)).values(leased_until=now + lease)
    columns = (outbox.c.id, outbox.c.order_id, outbox.c.act, outbox.c.announcement, outbox.c.tries, outbox.c.leased_until)
    return sorted((Row(*row) for row in conn.execute(taken.returning(*columns))), key=lambda row: row.id)


def end(conn: Connection, row: Row, state: str, outcome: str, reason: str, now: datetime) -> bool:
    """Finish a row still held by this claim; False where the lease had run out and somebody else took it."""
    mine = (outbox.c.id == row.id) & (outbox.c.leased_until == row.leased_until) & (outbox.c.state == "waiting")
    ended = update(outbox).where(mine)
    ended = ended.values(state=state, outcome=outcome, reason=reason, finished_at=now, leased_until=None)
    return conn.execute(ended).rowcount == 1


def postpone(conn: Connection, row: Row, due_at: datetime, reason: str, *, counts: bool) -> None:
    """Try a row again later; `counts` where this was a try that failed."""
    mine = (outbox.c.id == row.id) & (outbox.c.leased_until == row.leased_until) & (outbox.c.state == "waiting")
    tries = outbox.c.tries + (1 if counts else 0)
    conn.execute(update(outbox).where(mine).values(due_at=due_at, reason=reason, tries=tries, leased_until=None))


def note_attempt(conn: Connection, outbox_id: int, outcome: str, detail: str, milliseconds: int, now: datetime) -> None:
    """Record one attempt."""
    values = {"outbox_id": outbox_id, "outcome": outcome, "detail": detail, "milliseconds": milliseconds, "at": now}
    conn.execute(insert(attempts).values(**values))


def more_due(conn: Connection, shop_id: int, now: datetime) -> bool:
    """Whether the shop has rows that could be claimed now."""
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    due = select(outbox.c.id).where(outbox.c.shop_id == shop_id, outbox.c.state == "waiting", outbox.c.due_at <= now, free)
    return conn.execute(due.limit(1)).first() is not None


def due_shops(conn: Connection, now: datetime) -> list[int]:
    """Shops with rows that could be claimed now, the one that waits longest first."""
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    rows = select(outbox.c.shop_id).where(outbox.c.state == "waiting", outbox.c.due_at <= now, free)
    return list(conn.execute(rows.group_by(outbox.c.shop_id).order_by(func.min(outbox.c.due_at))).scalars())


def replay(conn: Connection, ids: Collection[int], now: datetime, *, ended: Collection[str] = ("dead",)) -> int:
    """Put rows that have ended so back in the line; safe, because every telling reads first. Returns how many."""
    again = update(outbox).where(outbox.c.id.in_(list(ids)), outbox.c.state.in_(list(ended)))
    fresh = again.values(state="waiting", reason="replay", outcome="", tries=0, due_at=now, finished_at=None)
    return conn.execute(fresh).rowcount
