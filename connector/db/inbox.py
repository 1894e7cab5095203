"""The inbox: every delivery once, with how it ended. A row is the duplicate filter and the work item in one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.many import among
from connector.db.tables import inbox


@dataclass(frozen=True, slots=True)
class Row:
    """A claimed delivery."""

    id: int
    topic: str
    kind: str
    external_id: str
    sealed_body: bytes | None
    tries: int
    received_at: datetime
    reason: str


def add(
    conn: Connection,
    *,
    shop_id: int,
    dedup_key: str,
    topic: str,
    kind: str,
    external_id: str,
    sealed_body: bytes | None,
    state: str,
    reason: str,
    now: datetime,
) -> bool:
    """Store a delivery unless it is there already; whether it is new. A repeat is counted."""
    statement = insert(inbox).values(
        shop_id=shop_id,
        dedup_key=dedup_key,
        topic=topic,
        kind=kind,
        external_id=external_id,
        sealed_body=sealed_body,
        state=state,
        reason=reason,
        received_at=now,
        due_at=now,
        finished_at=None if state == "waiting" else now,
    )
    counted = statement.on_conflict_do_update(
        index_elements=[inbox.c.shop_id, inbox.c.dedup_key], set_={"repeats": inbox.c.repeats + 1}
    ).returning(inbox.c.repeats)
    return int(conn.execute(counted).scalar_one()) == 0


def claim(conn: Connection, shop_id: int, now: datetime, *, lease: timedelta, limit: int) -> list[Row]:
    """Take due rows of a shop, oldest first; they come due again by themselves when the claimer dies."""
    due = (
        select(inbox.c.id)
        .where(inbox.c.shop_id == shop_id, inbox.c.state == "waiting", inbox.c.due_at <= now)
        .order_by(inbox.c.due_at, inbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(conn.execute(due).scalars())
    if not ids:
        return []
    columns = (
        inbox.c.id,
        inbox.c.topic,
        inbox.c.kind,
        inbox.c.external_id,
        inbox.c.sealed_body,
        inbox.c.tries,
        inbox.c.received_at,
        inbox.c.reason,
    )
    taken = update(inbox).where(among(inbox.c.id, ids)).values(due_at=now + lease).returning(*columns)
    return sorted((Row(*row) for row in conn.execute(taken)), key=lambda row: row.id)


def still_waiting(conn: Connection, ids: Collection[int]) -> set[int]:
    """Those of the rows that nobody finished meanwhile, locked until the transaction ends."""
    rows = select(inbox.c.id).where(among(inbox.c.id, ids), inbox.c.state == "waiting").order_by(inbox.c.id)
    return set(conn.execute(rows.with_for_update()).scalars())


_FINISH = text(
    """
    UPDATE inbox SET state = f.state, reason = f.reason, finished_at = :now
    FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[])) AS f (id, state, reason)
    WHERE inbox.id = f.id
    """
)


def finish(conn: Connection, ended: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """End rows: (id, state, reason)."""
    if ended:
        ids, states, reasons = zip(*ended, strict=True)
        conn.execute(_FINISH, {"ids": list(ids), "states": list(states), "reasons": list(reasons), "now": now})


def postpone(conn: Connection, row_id: int, due_at: datetime, reason: str, *, counts: bool) -> None:
    """Look at a row again later; `counts` where it was a try that failed."""
    tries = inbox.c.tries + (1 if counts else 0)
    conn.execute(update(inbox).where(inbox.c.id == row_id).values(due_at=due_at, reason=reason, tries=tries))


def more_due(conn: Connection, shop_id: int, now: datetime) -> bool:
    """Whether the shop has rows due now."""
    due = select(inbox.c.id).where(inbox.c.shop_id == shop_id, inbox.c.state == "waiting", inbox.c.due_at <= now)
    return conn.execute(due.limit(1)).first() is not None


def due_shops(conn: Connection, now: datetime) -> list[int]:
    """Shops with rows due now, the one that waits longest first."""
    oldest = func.min(inbox.c.due_at)
    rows = select(inbox.c.shop_id).where(inbox.c.state == "waiting", inbox.c.due_at <= now)
    return list(conn.execute(rows.group_by(inbox.c.shop_id).order_by(oldest)).scalars())


def replay(conn: Connection, ids: Collection[int], now: datetime) -> int:
    """Put ended rows back in the line; safe at any time, because effects are differences. Returns how many."""
    again = update(inbox).where(among(inbox.c.id, ids), inbox.c.kind == "order", inbox.c.state != "waiting")
    return conn.execute(again.values(state="waiting", reason="replay", tries=0, due_at=now, finished_at=None)).rowcount
