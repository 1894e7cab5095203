"""From waiting inbox rows to orders, commitments and fulfillment orders.

Three steps: claim rows by lease, read orders from the platform where the row does not carry them (no transaction is open
then), write everything in one transaction. What fails is set aside or put off alone; the rest of its batch goes through.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from connector.db import inbox, refills, shops
from connector.db.inbox import Row
from connector.db.sealed import Seal
from connector.domain.errors import Malformed
from connector.domain.orders import Freshness, Order
from connector.domain.retry import USUAL, Patience, Trouble, next_try
from connector.flow import parting
from connector.flow.intake import Arrival, TakenIn, presentable, take_away, take_in
from connector.flow.wake import EVERYWHERE, Wake
from connector.platform import AuthLost, CallError, Kind, NotYet, Platform, Refused, Shop, Throttled, TimedOut

_MOST_READS = 20
_READERS = 4
_READING_SECONDS = 1.0  # of a pass; a shop that lets us read few orders a second must not keep a worker from the others
_NOT_YET_THERE = timedelta(seconds=60)
_LOOK_AGAIN = timedelta(seconds=5)
POLL = "poll"  # the topic of rows that no delivery brought
READ_AGAIN = "read again: two states of the same second"
_CORRECT_IT = "Look at the order in the shop; once it is corrected there, replay."


@dataclass(frozen=True, slots=True)
class Drained:
    """What one pass did: rows finished, whether more are due now, and whom to wake."""

    finished: int
    more: bool
    wakes: tuple[Wake, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    """A row with what it turned out to say: an order, or that it is gone, or why it could not be read."""

    row: Row
    order: Order | None = None
    fetched: bool = False
    trouble: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a row ends (`state`), or when it is looked at again (`due_at`, `counts` as a failed try)."""

    row: Row
    reason: str
    state: str = ""
    due_at: datetime | None = None
    counts: bool = False


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a pass looks, how patient it is, and until when the shop rests (None: it may be called)."""

    now: datetime
    patience: Patience
    resting_until: datetime | None


def drain(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    shop: Shop,
    now: datetime,
    *,
    limit: int = 100,
    patience: Patience = USUAL,
) -> Drained:
    """Take in up to `limit` due rows of one shop. A poisoned row never takes its batch down with it."""
    if (done := _at_once(engine, seal, platform, shop, now, limit)) is not None:
        return done
    with engine.begin() as conn:
        rows = inbox.claim(conn, shop.id, now, lease=timedelta(seconds=patience.inbox_lease_seconds), limit=limit)
        health = shops.health(conn, shop.id) if rows else None
        late = any(row.kind == Kind.UNINSTALLED for row in rows) and parting.may_be_late(conn, shop.id, now)
        _note_delivery(conn, shop, rows)
    if health is None:
        return Drained(0, more=False)
    resting_until = health.paused_until if health.paused_until and health.paused_until > now else None
    if late:
        rows = [row for row in rows if row.kind != Kind.UNINSTALLED or not _outlived(engine, platform, shop, row, now)]
    readings = _read(seal, platform, shop, rows, resting=resting_until is not None)
    at = _Moment(now, patience, resting_until)
    _note_health(engine, shop, readings, at)
    telling, finished = _write(engine, seal, shop, readings, at)
    with engine.connect() as conn:
        more = inbox.more_due(conn, shop.id, now)
        released = bool(refills.waiting(conn))
    return Drained(finished, more, _wakes(telling, released=released))


def _at_once(engine: Engine, seal: Seal, platform: Platform, shop: Shop, now: datetime, limit: int) -> Drained | None:
    """The whole pass in one transaction, without a lease, where every due row carries its order and all can be written.

    None, with nothing done, where the platform must be asked or a row makes trouble: that takes the three steps.
    """
    try:
        with engine.begin() as conn:
            rows = inbox.lock_due(conn, shop.id, now, limit=limit)
            arrivals = [Arrival(order, fetched=False) for order in _orders_in(seal, platform, shop, rows)]
            if len(arrivals) < len(rows):
                return None
            _note_delivery(conn, shop, rows)
            taken = take_in(conn, seal, shop, arrivals, now) if rows else TakenIn((), frozenset())
            judged = list(zip(rows, taken.judged, strict=True))
            unclear = [row for row, verdict in judged if verdict is Freshness.UNCLEAR]
            inbox.finish(conn, [(row.id, "done", verdict.value) for row, verdict in judged if row not in unclear], now)
            for row in unclear:
                inbox.postpone(conn, row.id, now, READ_AGAIN, counts=False)
            more = bool(unclear) or (len(rows) == limit and inbox.more_due(conn, shop.id, now))
            released = bool(refills.waiting(conn))
    except OperationalError:
        raise  # the database, not a row
    except Exception:  # noqa: BLE001 - whose fault it is comes out where each row is written alone
        return None
    return Drained(len(judged) - len(unclear), more, _wakes(taken.telling, released=released))


def _wakes(telling: frozenset[int], *, released: bool) -> tuple[Wake, ...]:
    return (*(Wake("deliver", shop_id) for shop_id in sorted(telling)), *([Wake("refill", EVERYWHERE)] if released else []))


def _note_delivery(conn: Connection, shop: Shop, rows: Sequence[Row]) -> None:
    delivered = [row.received_at for row in rows if row.topic != POLL]
    if delivered:
        shops.touch(conn, shop.id, max(delivered))


def _orders_in(seal: Seal, platform: Platform, shop: Shop, rows: Sequence[Row]) -> Iterator[Order]:
    """The orders the rows carry, up to the first row that carries none."""
    for row in rows:
        reading = _carried(seal, platform, shop, row)
        if reading is None or reading.order is None:
            return
        yield reading.order


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(seal: Seal, platform: Platform, shop: Shop, rows: Sequence[Row], *, resting: bool) -> list[_Reading]:
    """Bodies that carry the order are taken as they are; the others are read by id, each order once, a few at a time."""
    read = {row.id: _carried(seal, platform, shop, row) for row in rows}
    wanted = dict.fromkeys(row.external_id for row in rows if read[row.id] is None)
    first = list(wanted)[:_MOST_READS]
    fetched = {} if resting else _fetched(platform, shop, first)
    return [read[row.id] or _as_fetched(row, fetched) for row in rows]


def _carried(seal: Seal, platform: Platform, shop: Shop, row: Row) -> _Reading | None:
    """What the row says by itself; None where the platform must be asked."""
    if row.kind != Kind.ORDER or row.sealed_body is None or row.reason in (READ_AGAIN, "replay"):
        return None if row.kind == Kind.ORDER else _Reading(row)
    try:
        order = platform.normalize(shop, seal.open(row.sealed_body))
        return None if order is None else _Reading(row, presentable(order))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one body is that body's trouble alone
        return _Reading(row, trouble=error)


def _fetched(platform: Platform, shop: Shop, ids: Sequence[str]) -> dict[str, Order | Exception | None]:
    late: list[TimedOut] = []
    end = time.monotonic() + _READING_SECONDS

    def fetch(external_id: str) -> Order | Exception | None:
        if late or time.monotonic() > end:  # the shop hangs: one wait for it is enough in one pass
            return _NotRead()
        try:
            order = platform.fetch_order(shop, external_id)
            return None if order is None else presentable(order)
        except TimedOut as error:
            late.append(error)
            return error
        except Exception as error:  # noqa: BLE001 - one order that cannot be read does not stop the others
            return error

    if not ids:
        return {}
    with ThreadPoolExecutor(min(_READERS, len(ids))) as readers:
        return dict(zip(ids, readers.map(fetch, ids), strict=True))


def _as_fetched(row: Row, fetched: dict[str, Order | Exception | None]) -> _Reading:
    if row.external_id not in fetched:
        return _Reading(row, trouble=_NotRead())
    found = fetched[row.external_id]
    return _Reading(row, trouble=found) if isinstance(found, Exception) else _Reading(row, found, fetched=True)


class _NotRead(Exception):
    """Not asked in this pass: the shop rests, or it took long enough already."""


def _outlived(engine: Engine, platform: Platform, shop: Shop, row: Row, now: datetime) -> bool:
    """Whether a word of the app's removal came after the shop had been linked again: then it ends here. Where the shop
    does not answer, its lease brings the row back."""
    try:
        linked = parting.still_linked(platform, shop)
    except CallError:
        return True
    if linked:
        with engine.begin() as conn:
            inbox.finish(conn, [(row.id, "ignored", "It is older than the shop's present link.")], now)
    return linked


def _note_health(engine: Engine, shop: Shop, readings: Sequence[_Reading], at: _Moment) -> None:
    """Feed the shop's breaker with how the reading went."""
    failures = {reading.row.external_id: reading.trouble for reading in readings if isinstance(reading.trouble, CallError)}
    with engine.begin() as conn:
        if any(reading.fetched for reading in readings):
            shops.succeeded(conn, shop.id)
        for error in failures.values():
            note_failure(conn, shop, error, at.now, at.patience)


def note_failure(conn: Connection, shop: Shop, error: Exception | None, now: datetime, patience: Patience) -> None:
    """A call failed: pause the shop where its credentials are lost, rest it where it asks for that or keeps failing.

    An answer that is only not the one we wait for speaks for the shop, not against it.
    """
    if isinstance(error, AuthLost):
        shops.rest(conn, shop.id, now + timedelta(seconds=patience.auth_lost_rest_seconds), str(error), state="paused")
    elif isinstance(error, Throttled):
        asked, least = error.retry_after_seconds, patience.slow_down_seconds
        pause = next_try(1, (0.0,), 0.5, trouble=Trouble.SLOW, asked_seconds=asked, slow_down_seconds=least)
        shops.rest(conn, shop.id, now + timedelta(seconds=pause.seconds or 0), str(error))
    elif isinstance(error, NotYet):
        shops.succeeded(conn, shop.id)
    elif isinstance(error, CallError) and not isinstance(error, Refused):
        after, probe = (timedelta(seconds=wait) for wait in (patience.breaker_after_seconds, patience.breaker_probe_seconds))
        shops.failed(conn, shop.id, now, limit=patience.breaker_failures, after=after, probe=probe)


# --- writing ---------------------------------------------------------------------------------------------------------


def _write(engine: Engine, seal: Seal, shop: Shop, readings: Sequence[_Reading], at: _Moment) -> tuple[frozenset[int], int]:
    """All in one transaction; where that fails, each row in its own, so that the poisoned one is found."""
    try:
        return _write_together(engine, seal, shop, readings, at)
    except OperationalError:
        raise  # the database, not a row: the lease runs out and the rows come due again
    except Exception as error:  # noqa: BLE001 - one row that cannot be written must not take its batch down with it
        if len(readings) == 1:
            poisoned = _Reading(readings[0].row, trouble=error)
            return _write_together(engine, seal, shop, [poisoned], at)
    telling: frozenset[int] = frozenset()
    finished = 0
    for reading in readings:
        told, ended = _write(engine, seal, shop, [reading], at)
        telling, finished = telling | told, finished + ended
    return telling, finished


def _write_together(
    engine: Engine, seal: Seal, shop: Shop, readings: Sequence[_Reading], at: _Moment
) -> tuple[frozenset[int], int]:
    with engine.begin() as conn:
        waiting = inbox.still_waiting(conn, [reading.row.id for reading in readings])
        mine = [reading for reading in readings if reading.row.id in waiting]
        carrying = [reading for reading in mine if reading.order is not None]
        arrivals = [Arrival(reading.order, reading.fetched) for reading in carrying if reading.order is not None]
        taken = take_in(conn, seal, shop, arrivals, at.now) if arrivals else None
        judged = {reading.row.id: verdict for reading, verdict in zip(carrying, taken.judged if taken else (), strict=True)}
        endings = [_ending(conn, seal, shop, reading, judged.get(reading.row.id), at) for reading in mine]
        inbox.finish(conn, [(end.row.id, end.state, end.reason) for end in endings if end.due_at is None], at.now)
        for end in endings:
            if end.due_at is not None:
                inbox.postpone(conn, end.row.id, end.due_at, end.reason, counts=end.counts)
    return taken.telling if taken else frozenset(), sum(end.due_at is None for end in endings)


def _ending(conn: Connection, seal: Seal, shop: Shop, reading: _Reading, verdict: Freshness | None, at: _Moment) -> _Ending:
    row = reading.row
    if verdict is Freshness.UNCLEAR:
        return _Ending(row, READ_AGAIN, due_at=at.now)
    if verdict is not None:
        return _Ending(row, verdict.value, "done")
    if isinstance(reading.trouble, _NotRead):
        return _Ending(row, row.reason, due_at=at.resting_until or at.now)
    if reading.trouble is not None:
        return _put_off(row, reading.trouble, at)
    if row.kind == Kind.UNINSTALLED:
        parting.depart(conn, seal, shop.id, at.now)
        return _Ending(row, "uninstalled", "done")
    return _gone(conn, shop, row, at.now)


def _gone(conn: Connection, shop: Shop, row: Row, now: datetime) -> _Ending:
    """The platform has no such order (any more). A new one may take a moment to appear there."""
    if take_away(conn, shop, row.external_id, now):
        return _Ending(row, "gone", "done")
    if now - row.received_at < _NOT_YET_THERE:
        return _Ending(row, "The shop does not show this order yet.", due_at=now + _LOOK_AGAIN)
    return _Ending(row, "The shop has no such order, or it is only a draft.", "ignored")


def _put_off(row: Row, error: Exception, at: _Moment) -> _Ending:
    """When a row is tried again: never for what was refused or makes no sense, endlessly while a shop cannot be reached."""
    if isinstance(error, (Malformed, Refused)):
        return _Ending(row, str(error) if error.remedy else f"{error} {_CORRECT_IT}", "dead")
    unreachable = isinstance(error, CallError)
    waits = at.patience.read_waits_seconds if unreachable else at.patience.inbox_waits_seconds
    asked = error.retry_after_seconds if isinstance(error, CallError) else None
    retry = next_try(row.tries + 1, waits, 0.5, asked_seconds=asked, endless=unreachable)
    reason = str(error) if unreachable else f"{type(error).__name__} in the connector; report it, then replay."
    if retry.seconds is None:
        return _Ending(row, reason, "dead")
    return _Ending(row, reason, due_at=at.now + timedelta(seconds=retry.seconds), counts=True)
