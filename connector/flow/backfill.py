"""Bringing in the past: page by page, each page's orders and its checkpoint in one transaction.

A page is read while no transaction is open. Whatever happens to the program, the next one goes on behind the last page that
was written; a page that was read and not written is read again, and replaying an order changes nothing. Orders go the way
of those that arrive by webhook (`connector.flow.intake`), with a stock policy of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from connector.db import backfills, shops
from connector.db.backfills import Backfill, Miss
from connector.db.sealed import Seal
from connector.domain.backfill import OUTCOMES, Outcome, StockPolicy, fingerprint, window
from connector.domain.errors import ConnectorError, Rejected
from connector.domain.orders import Order
from connector.domain.retry import USUAL, Patience, next_try
from connector.flow.ingest import Drained, note_failure
from connector.flow.intake import Arrival, judge, presentable, take_in
from connector.flow.wake import Wake
from connector.platform import AuthLost, CallError, OrderPage, Platform, Refused, Shop

_FAULT = "in the connector; report it, then run the backfill again."
_LOOP = "The shop's list of orders repeats itself: a page came twice. The backfill ended; what was read is kept. Report it."
_MOST_PAGES = 100_000


def start(
    engine: Engine,
    shop: Shop,
    since: datetime,
    until: datetime | None,
    now: datetime,
    *,
    stock: StockPolicy,
    dry_run: bool = False,
    actor: str = "cli",
) -> Backfill:
    """Begin a backfill of the orders placed in a window; it runs in the background.

    Rejected where the window is empty, another backfill of the shop has not ended, or the shop is uninstalled.
    """
    since, until = window(since, until, now)
    with engine.begin() as conn:
        if shops.health(conn, shop.id).state == "uninstalled":
            raise Rejected(f"{shop.name} is not linked any more.", "Link it again with `connector shops add`.")
        return backfills.start(conn, shop.id, since, until, now, stock=stock.value, dry_run=dry_run, actor=actor)


# What a person may ask of a backfill: the states it may be in -> the state it gets, and in which tense to say no.
_WISHES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "pause": (("running", "paused"), "paused", "paused"),
    "resume": (("running", "paused", "stopped"), "running", "resumed"),
    "cancel": (("running", "paused", "stopped", "cancelled"), "cancelled", "cancelled"),
}


def steer(engine: Engine, backfill_id: int, wish: str, now: datetime) -> Backfill:
    """Pause, resume or cancel. What was taken in stays. Rejected where its state does not allow it; repeatable."""
    allowed, state, done = _WISHES[wish]
    with engine.begin() as conn:
        backfills.by_id(conn, backfill_id)
        found = backfills.lock(conn, backfill_id)
        if found.state not in allowed:
            raise Rejected(f"Backfill {backfill_id} is {found.state} and cannot be {done}.", "Start a new one.")
        other = backfills.active(conn, found.shop_id)
        if wish == "resume" and other is not None and other.id != backfill_id:
            raise Rejected(
                f"Backfill {other.id} of this shop has not ended.", f"`connector backfill cancel {other.id}`, or wait."
            )
        ended = {"finished_at": now} if state == "cancelled" else {"finished_at": None, "due_at": now, "tries": 0}
        if found.state != state:
            backfills.change(conn, backfill_id, now, state=state, reason="", **ended)
        return backfills.lock(conn, backfill_id)


# --- a step ----------------------------------------------------------------------------------------------------------


def step(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    shop: Shop,
    now: Callable[[], datetime],
    patience: Patience = USUAL,
) -> Drained:
    """Read and write one page of the shop's running backfill. `finished` counts rows; `more` where another page is due."""
    with engine.begin() as conn:
        found = backfills.active(conn, shop.id)
        if found is None or found.state != "running" or found.due_at > now():
            return Drained(0, more=False)
    try:
        found = _begun(engine, platform, shop, found, now())
        page = platform.list_orders(shop, found.since, found.until, found.cursor)
    except CallError as error:
        return _put_off(engine, shop, found, error, now(), patience)
    except ConnectorError as error:
        return _end(engine, found, str(error), now())
    except Exception as error:  # noqa: BLE001 - a fault of ours ends the backfill with a reason, not in an endless loop
        return _end(engine, found, f"{type(error).__name__} {_FAULT}", now())
    with engine.begin() as conn:
        shops.succeeded(conn, shop.id)
    return _write(engine, seal, shop, found, page, now())


def _begun(engine: Engine, platform: Platform, shop: Shop, found: Backfill, now: datetime) -> Backfill:
    """At its beginning the platform is asked for its own count, which the report shows beside ours."""
    if found.started_at is not None:
        return found
    expected = platform.count_orders(shop, found.since, found.until)
    with engine.begin() as conn:
        backfills.change(conn, found.id, now, started_at=now, expected=expected)
        return backfills.lock(conn, found.id)


def _put_off(engine: Engine, shop: Shop, found: Backfill, error: CallError, now: datetime, patience: Patience) -> Drained:
    """The shop could not be read: it is asked again later, endlessly while it cannot be reached, never where it says no."""
    if isinstance(error, Refused):
        return _end(engine, found, str(error), now)
    wait = next_try(found.tries + 1, patience.read_waits_seconds, 0.5, asked_seconds=error.retry_after_seconds, endless=True)
    with engine.begin() as conn:
        note_failure(conn, shop, error, now, patience)
        again = now + timedelta(seconds=wait.seconds or 0.0)
        backfills.change(conn, found.id, now, due_at=again, tries=found.tries + 1, reason=str(error))
    if isinstance(error, AuthLost):
        raise error
    return Drained(0, more=False)


def _end(engine: Engine, found: Backfill, reason: str, now: datetime) -> Drained:
    """Stopped with a reason; it can be resumed once that is mended."""
    with engine.begin() as conn:
        if backfills.lock(conn, found.id).state == "running":
            backfills.change(conn, found.id, now, state="stopped", reason=reason[:1000], finished_at=now)
    return Drained(0, more=False)


# --- writing a page --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Taken:
    """What became of a page's rows."""

    figures: Counter[str]
    misses: list[Miss]
    telling: frozenset[int] = frozenset()

    def miss(self, external_id: str, outcome: Outcome, reason: str) -> None:
        self.figures[outcome.value] += 1
        self.misses.append(Miss(external_id[:200], outcome.value, reason[:500]))


def _write(engine: Engine, seal: Seal, shop: Shop, found: Backfill, page: OrderPage, now: datetime) -> Drained:
    """The page's orders, its figures and the checkpoint behind it, all or nothing."""
    with engine.begin() as conn:
        held = backfills.lock(conn, found.id)
        if held.state != "running" or held.cursor != found.cursor:
            return Drained(0, more=False)  # paused or cancelled meanwhile, or another worker was faster
        if page.wait_seconds:
            later = now + timedelta(seconds=page.wait_seconds)
            backfills.change(conn, found.id, now, cursor=page.next, due_at=later, tries=0, reason="")
            return Drained(0, more=False)
        if not _is_fresh(conn, held, page, now):
            backfills.change(conn, found.id, now, state="stopped", reason=_LOOP, finished_at=now)
            return Drained(0, more=False)
        taken = _take(conn, seal, shop, held, page, now)
        backfills.count(conn, found.id, taken.figures)
        backfills.add_misses(conn, found.id, taken.misses, now)
        ended = {} if page.next else {"state": "finished", "finished_at": now}
        backfills.change(conn, found.id, now, cursor=page.next, tries=0, reason="", **ended)
    wakes = tuple(Wake("deliver", shop_id) for shop_id in taken.telling)
    return Drained(sum(taken.figures.values()), more=bool(page.next), wakes=wakes)


def _is_fresh(conn: Connection, held: Backfill, page: OrderPage, now: datetime) -> bool:
    """Whether neither this page nor where it leads to was met before: a list that turns in a circle must end."""
    rows = [order.external_id for order in page.orders] + [row for row, _ in (*page.left_out, *page.unreadable)]
    fresh = backfills.add_page(conn, held.id, held.cursor, fingerprint(held.cursor, rows), len(rows), now)
    circle = bool(page.next) and (page.next == held.cursor or backfills.page_known(conn, held.id, page.next))
    return fresh and not circle and held.pages < _MOST_PAGES


def _take(conn: Connection, seal: Seal, shop: Shop, held: Backfill, page: OrderPage, now: datetime) -> _Taken:
    taken = _Taken(Counter(), [])
    for external_id, reason in page.left_out:
        taken.miss(external_id, Outcome.SKIPPED, reason)
    for external_id, reason in page.unreadable:
        taken.miss(external_id, Outcome.FAILED, reason)
    if held.dry_run:
        taken.figures.update(OUTCOMES[verdict].value for verdict in judge(conn, shop, page.orders))
    else:
        _take_orders(conn, seal, shop, page.orders, StockPolicy(held.stock), now, taken)
    return taken


def _take_orders(
    conn: Connection,
    seal: Seal,
    shop: Shop,
    orders: Sequence[Order],
    policy: StockPolicy,
    now: datetime,
    taken: _Taken,
) -> None:
    """All together; where that fails, one by one, so that the poisoned one is found and stops nothing."""
    if not orders:
        return
    try:
        with conn.begin_nested():
            arrivals = [Arrival(presentable(order), fetched=True) for order in orders]
            done = take_in(conn, seal, shop, arrivals, now, policy)
    except OperationalError:
        raise  # the database, not an order: the page is read again
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one order must not stop the others
        if len(orders) == 1:
            taken.miss(orders[0].external_id, Outcome.FAILED, f"{type(error).__name__} {_FAULT}")
            return
        for order in orders:
            _take_orders(conn, seal, shop, [order], policy, now, taken)
        return
    taken.figures.update(OUTCOMES[verdict].value for verdict in done.judged)
    taken.telling |= done.telling
