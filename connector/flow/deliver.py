"""Telling the platforms: claim by lease, announce, record the attempt. No transaction is open over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from connector.db import orders, outbox, shops
from connector.db.outbox import Row
from connector.domain.retry import USUAL, Patience, Trouble, next_try
from connector.flow.announcements import decode
from connector.flow.ingest import Drained, note_failure
from connector.platform import AuthLost, CallError, Outcome, Platform, Refused, Shop, Throttled, TimedOut

# Claimed one by one: a row that waited behind a slow one would be told when its lease is over, perhaps by two at once.
_AT_ONCE = 1


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How one telling went."""

    row: Row
    milliseconds: int
    outcome: Outcome | None = None
    trouble: Exception | None = None


def drain(
    engine: Engine,
    platform: Platform,
    shop: Shop,
    now: Callable[[], datetime],
    rnd: Callable[[], float],
    *,
    limit: int = 20,
    patience: Patience = USUAL,
) -> Drained:
    """Announce up to `limit` due outbox rows of one shop, those of one order in sequence. No lock is held over HTTP."""
    tried = finished = 0
    lease = timedelta(seconds=patience.outbox_lease_seconds)
    while tried < limit:
        with engine.begin() as conn:
            if shop.id not in shops.callable_now(conn, now()):
                return Drained(finished, more=False)
            rows = outbox.claim(conn, shop.id, now(), lease=lease, limit=_AT_ONCE)
        if not rows:
            return Drained(finished, more=False)
        tried += len(rows)
        for row in rows:
            finished += _record(engine, platform, shop, _tell(platform, shop, row), now(), rnd(), patience)
    with engine.connect() as conn:
        return Drained(finished, more=outbox.more_due(conn, shop.id, now()))


def _tell(platform: Platform, shop: Shop, row: Row) -> _Attempt:
    began = time.monotonic()
    try:
        outcome, trouble = platform.announce(shop, decode(row.announcement)), None
    except Exception as error:  # noqa: BLE001 - recorded with the attempt, tried again, and dead with its reason in the end
        outcome, trouble = None, error
    return _Attempt(row, int((time.monotonic() - began) * 1000), outcome, trouble)


def _record(
    engine: Engine, platform: Platform, shop: Shop, attempt: _Attempt, now: datetime, rnd: float, patience: Patience
) -> int:
    """Write the attempt and what follows from it; 1 where the row is finished."""
    row, outcome, error = attempt.row, attempt.outcome, attempt.trouble
    with engine.begin() as conn:
        if outcome is not None:
            shops.succeeded(conn, shop.id)
            outbox.note_attempt(conn, row.id, outcome.told.value, outcome.detail, attempt.milliseconds, now)
            ended = outbox.end(conn, row, "delivered", outcome.told.value, outcome.detail, now)
            facts = {"act": row.act, "told": outcome.told.value, "detail": outcome.detail, "platform": platform.title}
            if ended:
                orders.note_events(conn, [(row.order_id, "told", facts, "connector")], now)
            return int(ended)
        reason = str(error) if isinstance(error, CallError) else f"{type(error).__name__} in the connector; report it."
        outbox.note_attempt(conn, row.id, type(error).__name__.lower(), reason, attempt.milliseconds, now)
        note_failure(conn, shop, error, now, patience)
        due_at = _next(row, error, now, rnd, patience)
        if due_at is not None:
            outbox.postpone(conn, row, due_at, reason, counts=not isinstance(error, (AuthLost, Throttled)))
            return 0
        if outbox.end(conn, row, "dead", "", reason, now):
            facts = {"act": row.act, "reason": reason, "platform": platform.title}
            orders.note_events(conn, [(row.order_id, "not_told", facts, "connector")], now)
        return 1


def _next(row: Row, error: Exception | None, now: datetime, rnd: float, patience: Patience) -> datetime | None:
    """When to try again; None where a person must look. Waiting for credentials or for a busy shop costs no try."""
    if isinstance(error, Refused):
        return None
    trouble = Trouble.SLOW if isinstance(error, (Throttled, TimedOut)) else Trouble.FAILED
    asked = error.retry_after_seconds if isinstance(error, CallError) else None
    endless = isinstance(error, (AuthLost, Throttled))
    waits, least = patience.outbox_waits_seconds, patience.slow_down_seconds
    retry = next_try(row.tries + 1, waits, rnd, trouble=trouble, asked_seconds=asked, endless=endless, slow_down_seconds=least)
    return None if retry.seconds is None else now + timedelta(seconds=retry.seconds)
