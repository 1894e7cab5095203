"""Telling the platforms: claim by lease, announce, record the attempt. No transaction is open over HTTP.

Several orders of one shop are told at the same time where its platform has room; those of one order one after the other.
"""

from __future__ import annotations

import contextvars
import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from connector.db import orders, outbox, shops
from connector.db.outbox import Row
from connector.domain.retry import USUAL, Patience, Trouble, next_try
from connector.flow.announcements import decode
from connector.flow.ingest import Drained, note_failure
from connector.platform import AuthLost, CallError, Outcome, Platform, Refused, Shop, Throttled, TimedOut

_LOOK_SECONDS = 0.05  # how soon it is looked again whether one more may begin beside those under way


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How one telling went, and when by the monotonic clock."""

    row: Row
    began: float
    ended: float
    outcome: Outcome | None = None
    trouble: Exception | None = None

    @property
    def milliseconds(self) -> int:
        """How long it took."""
        return int((self.ended - self.began) * 1000)


@dataclass(slots=True)
class _Underway:
    """The tellings that have begun, each in a thread of its own."""

    platform: Platform
    shop: Shop
    count: int = 0
    _ended: queue.SimpleQueue[_Attempt | BaseException] = field(default_factory=queue.SimpleQueue)

    def begin(self, row: Row) -> None:
        """Tell a row, now: its lease has begun. A worker that is asked to end waits for no thread; the lease frees the row."""
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._tell, row), name="telling", daemon=True).start()
        self.count += 1

    def _tell(self, row: Row) -> None:
        try:
            self._ended.put(_tell(self.platform, self.shop, row))
        except BaseException as error:  # noqa: BLE001 - raised again by `next`, where it is waited for
            self._ended.put(error)

    def next(self, seconds: float | None) -> _Attempt | None:
        """One that has ended; None where none does in so many seconds."""
        try:
            attempt = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        self.count -= 1
        if isinstance(attempt, BaseException):
            raise attempt
        return attempt


def _tell(platform: Platform, shop: Shop, row: Row) -> _Attempt:
    began = time.monotonic()
    try:
        outcome, trouble = platform.announce(shop, decode(row.announcement)), None
    except Exception as error:  # noqa: BLE001 - recorded with the attempt, tried again, and dead with its reason in the end
        outcome, trouble = None, error
    return _Attempt(row, began, time.monotonic(), outcome, trouble)


def drain(
    engine: Engine,
    platform: Platform,
    shop: Shop,
    now: Callable[[], datetime],
    rnd: Callable[[], float],
    *,
    limit: int = 20,
    seconds: float = math.inf,
    at_once: int = 1,
    patience: Patience = USUAL,
) -> Drained:
    """Announce up to `limit` due outbox rows of one shop, those of one order in sequence. No lock is held over HTTP.

    `at_once` at the same time at most, as far as the platform has room. None is begun after so many `seconds`.
    """
    underway, more, tried, finished, troubled_at = _Underway(platform, shop), True, 0, 0, -math.inf
    end = time.monotonic() + seconds
    while True:
        begins = tried < limit and time.monotonic() < end
        if begins and underway.count < at_once and platform.room(shop, underway.count):
            row = _claim(engine, shop, now(), patience, alone=underway.count == 0)
            more = row is not None
            if row is not None:
                underway.begin(row)
                tried += 1
                continue
        if underway.count == 0:
            break
        attempt = underway.next(_LOOK_SECONDS if begins and underway.count < at_once else None)
        if attempt is not None:
            well = attempt.began > troubled_at
            finished += _record(engine, platform, shop, attempt, now(), rnd(), patience, well=well)
            troubled_at = troubled_at if attempt.trouble is None else time.monotonic()
    with engine.connect() as conn:
        return Drained(finished, more=more and outbox.more_due(conn, shop.id, now()))


def _claim(engine: Engine, shop: Shop, now: datetime, patience: Patience, *, alone: bool) -> Row | None:
    """The next row; None where nothing is due or the shop may not be called. One that is not well is told one at a time."""
    with engine.begin() as conn:
        health = shops.health(conn, shop.id)
        if not health.may_be_called(now) or not (alone or health.is_well):
            return None
        rows = outbox.claim(conn, shop.id, now, lease=timedelta(seconds=patience.outbox_lease_seconds), limit=1)
    return rows[0] if rows else None


def _record(
    engine: Engine,
    platform: Platform,
    shop: Shop,
    attempt: _Attempt,
    now: datetime,
    rnd: float,
    patience: Patience,
    *,
    well: bool,
) -> int:
    """Write the attempt and what follows from it; 1 where the row is finished.

    `well`: what went well says that the shop is; what had begun before another one failed does not.
    """
    row, outcome, error = attempt.row, attempt.outcome, attempt.trouble
    with engine.begin() as conn:
        if outcome is not None:
            if well:
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
