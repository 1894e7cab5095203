"""The inbox: every delivery once, with how it ended. A row is the duplicate filter and the work item in one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter

from sqlalchemy import Connection, func, select, text, update

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


@dataclass(frozen=True, slots=True)
class Fresh:
    """A delivery as it arrives. `state` is "waiting", or "ignored" with the reason.

    It names its merchant, because deliveries for shops of many are written together.
    """

    merchant_id: int
    shop_id: int
    dedup_key: str
    topic: str
    kind: str
    external_id: str
    sealed_body: bytes | None
    state: str
    reason: str
    received_at: datetime


_COLUMNS = ", ".join(Fresh.__slots__)
_TYPES = {"merchant_id": "integer", "shop_id": "bigint", "sealed_body": "bytea", "received_at": "timestamptz"}
_VALUES = ", ".join(f"%b::{_TYPES.get(name, 'text')}" for name in Fresh.__slots__)
_ARRAYS = ", ".join(f"%b::{_TYPES.get(name, 'text')}[]" for name in Fresh.__slots__)
_INSERT = f"""
    INSERT INTO inbox ({_COLUMNS}, due_at, finished_at)
    SELECT {_COLUMNS}, received_at, CASE WHEN state = 'waiting' THEN NULL ELSE received_at END FROM
    """  # noqa: S608 -- names of our own columns
_COUNT = "ON CONFLICT (shop_id, dedup_key) DO UPDATE SET repeats = inbox.repeats + 1 RETURNING"
_ADD_ONE = f"{_INSERT} (VALUES ({_VALUES})) AS n ({_COLUMNS}) {_COUNT} repeats"
_ADD = f"{_INSERT} unnest({_ARRAYS}) AS n ({_COLUMNS}) {_COUNT} shop_id, dedup_key, repeats"
_values = attrgetter(*Fresh.__slots__)

_ROW = tuple(inbox.c[field.name] for field in fields(Row))


def add(
    conn: Connection,
    *,
    merchant_id: int,
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
    row = Fresh(merchant_id, shop_id, dedup_key, topic, kind, external_id, sealed_body, state, reason, now)
    return add_many(conn, [row])[0]


def add_many(conn: Connection, rows: Sequence[Fresh]) -> list[bool]:
    """Store deliveries unless they are there already, in one statement; which of them are new. Repeats are counted.

    No two of them may have the same shop and key.
    """
    if len(rows) == 1:
        return [conn.exec_driver_sql(_ADD_ONE, _values(rows[0])).scalar_one() == 0]
    columns = tuple(map(list, zip(*map(_values, rows), strict=True)))
    repeats = {(shop_id, key): count for shop_id, key, count in conn.exec_driver_sql(_ADD, columns).all()}
    return [repeats[row.shop_id, row.dedup_key] == 0 for row in rows]


def lock_due(conn: Connection, shop_id: int, now: datetime, *, limit: int) -> list[Row]:
    """Due rows of a shop, oldest first, locked until the transaction ends; those others hold are passed over."""
    due = (
        select(*_ROW)
        .where(inbox.c.shop_id == shop_id, inbox.c.state == "waiting", inbox.c.due_at <= now)
        .order_by(inbox.c.due_at, inbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return sorted((Row(*row) for row in conn.execute(due).all()), key=lambda row: row.id)


def claim(conn: Connection, shop_id: int, now: datetime, *, lease: timedelta, limit: int) -> list[Row]:
    """Take due rows of a shop, oldest first; they come due again by themselves when the claimer dies."""
    rows = lock_due(conn, shop_id, now, limit=limit)
    if rows:
        conn.execute(update(inbox).where(among(inbox.c.id, [row.id for row in rows])).values(due_at=now + lease))
    return rows


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
