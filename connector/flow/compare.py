"""Comparing our orders with the platform's, page by page, and mending what differs.

First the platform's list of the orders it should have told us of; then every open order of ours that the list did not
show. A drift row says what differed, since when, and what was done. It can be killed at any page and goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from connector.db import comparing, drifts, publications, shops
from connector.db.comparing import Standing
from connector.db.drifts import Drift
from connector.db.sealed import Seal
from connector.domain.backfill import StockPolicy
from connector.domain.drift import EXTRA, ORDER_KINDS, STOCK, UNREADABLE, differences
from connector.domain.errors import ConnectorError
from connector.domain.orders import Order
from connector.domain.retry import USUAL, Patience
from connector.flow import stock_drift
from connector.flow.ingest import Drained, note_failure
from connector.flow.intake import Arrival, presentable, take_away, take_in
from connector.flow.wake import Wake
from connector.platform import CallError, NotYet, OrderPage, Platform, Shop

EVERY = timedelta(days=1)
WINDOW = timedelta(days=60)  # Shopify shows no older ones without a permission of their own; open ones are read by id
GRACE = timedelta(minutes=10)  # what is younger may still be on its way by webhook
_AGAIN = timedelta(minutes=15)
_BY_ID = "open orders"
_AT_ONCE = 20
_READ_AGAIN = "read again"
_FOUND = "found only"

_PUBLISHED = "published again"


@dataclass(frozen=True, slots=True)
class Compared:
    """What one step did: orders looked at, what differed, and whether there is more to compare now."""

    looked_at: int = 0
    found: tuple[Drift, ...] = ()
    more: bool = False
    wait_seconds: float = 0.0
    wakes: tuple[Wake, ...] = ()

    def drained(self) -> Drained:
        """As a task's pass."""
        return Drained(self.looked_at, self.more, self.wakes)


@dataclass(slots=True)
class _Step:
    """What every part of a step works on."""

    engine: Engine
    seal: Seal
    platform: Platform
    shop: Shop
    now: datetime
    repair: bool
    grace: timedelta
    patience: Patience
    standing: Standing = field(init=False)
    began_at: datetime = field(init=False)


def step(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    shop: Shop,
    now: datetime,
    *,
    repair: bool = True,
    grace: timedelta = GRACE,
    begin: bool = False,
    patience: Patience = USUAL,
) -> Compared:
    """Compare one page; the first one begins when the shop's time has come, or with `begin`. Call errors rest the shop."""
    at = _Step(engine, seal, platform, shop, now, repair, grace, patience)
    with engine.begin() as conn:
        at.standing = comparing.standing(conn, shop.id)
        if at.standing.due_at > now and not begin:
            return Compared()
        at.began_at = at.standing.began_at or now
        # Due again even if this step fails on the way.
        comparing.move(conn, shop.id, began_at=at.began_at, cursor=at.standing.cursor, due_at=now + _AGAIN)
    try:
        return _by_id(at) if at.standing.cursor == _BY_ID else _page(at)
    except CallError as error:
        with engine.begin() as conn:
            note_failure(conn, shop, error, now, patience)
        raise


def restart(engine: Engine, shop: Shop, now: datetime) -> None:
    """Forget a comparison that is under way: the next step begins a new one."""
    with engine.begin() as conn:
        comparing.move(conn, shop.id, began_at=None, cursor="", due_at=now)


# --- the platform's list ---------------------------------------------------------------------------------------------


def _page(at: _Step) -> Compared:
    """One page of the platform's list. It begins where we began to hold its orders: by linking, or by a backfill."""
    since = max(at.began_at - WINDOW, min(at.standing.linked_at, at.standing.filled_since or at.standing.linked_at))
    until = at.began_at - at.grace
    asked = since < until
    page = at.platform.list_orders(at.shop, since, until, at.standing.cursor) if asked else OrderPage()
    if page.next and page.next == at.standing.cursor and not page.wait_seconds:
        raise ConnectorError("The shop's list of orders repeats itself.", "The comparison begins anew tonight; report it.")
    with at.engine.begin() as conn:
        _answered(conn, at, asked=asked)
        found, telling = _judge(conn, at, page.orders)
        found += [Drift(UNREADABLE, order_id, {}, {"reason": reason}) for order_id, reason in page.unreadable]
        drifts.note(conn, at.shop.id, [one for one in found if one.kind == UNREADABLE], _FOUND, at.now)
        shown = [*page.left_out, *page.unreadable]
        comparing.mark(conn, at.shop.id, [order_id for order_id, _ in shown], at.now)
        due = at.now + timedelta(seconds=page.wait_seconds)
        comparing.move(conn, at.shop.id, began_at=at.began_at, cursor=page.next or _BY_ID, due_at=due)
    return Compared(len(page.orders), tuple(found), not page.wait_seconds, page.wait_seconds, telling)


def _answered(conn: Connection, at: _Step, *, asked: bool) -> None:
    """Only an answer of the shop's speaks for it: its failures are not forgotten by a step that asked nothing."""
    if asked:
        shops.succeeded(conn, at.shop.id)


def _judge(conn: Connection, at: _Step, orders: Sequence[Order]) -> tuple[list[Drift], tuple[Wake, ...]]:
    """Compare, note what differs, and take in again what does."""
    ids = [order.external_id for order in orders]
    held, waiting = comparing.held(conn, at.shop.id, ids), comparing.waiting(conn, at.shop.id, ids)
    settled = [order for order in map(presentable, orders) if order.external_id not in waiting and _is_settled(at, order)]
    differing = [(order, differences(held.get(order.external_id), order)) for order in settled]
    found = [Drift(what.kind, order.external_id, what.ours, what.theirs) for order, what in differing if what is not None]
    wakes = _noted(conn, at, found, [order for order, what in differing if what is not None])
    comparing.mark(conn, at.shop.id, ids, at.now)
    return found, wakes


def _is_settled(at: _Step, order: Order) -> bool:
    return order.version <= at.began_at - at.grace


def _noted(conn: Connection, at: _Step, found: Sequence[Drift], orders: Sequence[Order]) -> tuple[Wake, ...]:
    drifts.note(conn, at.shop.id, found, _READ_AGAIN if at.repair else _FOUND, at.now)
    if not at.repair or not orders:
        return ()
    past = [order for order in orders if order.placed_at < at.standing.linked_at]
    live = [order for order in orders if order.placed_at >= at.standing.linked_at]
    telling: frozenset[int] = frozenset()
    for policy, some in ((StockPolicy.APPLY, past), (StockPolicy.LIVE, live)):
        arrivals = [Arrival(order, fetched=True, forced=True) for order in some]
        telling |= take_in(conn, at.seal, at.shop, arrivals, at.now, policy).telling if arrivals else frozenset()
    drifts.repaired(conn, at.shop.id, found, at.now)
    return tuple(Wake("deliver", shop_id) for shop_id in telling)


# --- our open orders that it did not show ----------------------------------------------------------------------------


def _by_id(at: _Step) -> Compared:
    with at.engine.connect() as conn:
        ids = comparing.unseen(conn, at.shop.id, at.began_at, at.began_at - at.grace, limit=_AT_ONCE)
    if not ids:
        return _ended(at)
    read = {order_id: _read(at, order_id) for order_id in ids}
    with at.engine.begin() as conn:
        _answered(conn, at, asked=True)
        found, wakes = _judge(conn, at, [order for order in read.values() if isinstance(order, Order)])
        gone = [order_id for order_id, order in read.items() if order is None]
        extra = [Drift(EXTRA, order_id, {"open": True}, {"deleted": True}) for order_id in gone]
        _take_away(conn, at, extra)
        comparing.mark(conn, at.shop.id, ids, at.now)
        comparing.move(conn, at.shop.id, began_at=at.began_at, cursor=_BY_ID, due_at=at.now)
    return Compared(len(ids), (*found, *extra), True, wakes=wakes)


def _read(at: _Step, order_id: str) -> Order | NotYet | None:
    try:
        return at.platform.fetch_order(at.shop, order_id)
    except NotYet as error:
        return error  # the platform itself is still deciding on it: nothing to compare yet


def _take_away(conn: Connection, at: _Step, extra: Sequence[Drift]) -> None:
    drifts.note(conn, at.shop.id, extra, "cancelled here" if at.repair else _FOUND, at.now)
    if at.repair:
        for one in extra:
            take_away(conn, at.shop, one.subject, at.now)
        drifts.repaired(conn, at.shop.id, extra, at.now)


def _ended(at: _Step) -> Compared:
    """All orders were compared, and what was open before and was not seen again is gone; the published stock comes last."""
    stock = stock_drift.found(at.engine, at.seal, at.platform, at.shop, at.now, at.patience)
    with at.engine.begin() as conn:
        drifts.note(conn, at.shop.id, stock, _PUBLISHED if at.repair else _FOUND, at.now)
        drifts.gone(conn, at.shop.id, (*ORDER_KINDS, STOCK), at.began_at, at.now)
        if at.repair:
            drifts.repaired(conn, at.shop.id, stock, at.now)
            publications.look_again(conn, at.shop.id, stock_drift.spots(conn, at.shop, stock), at.now)
        comparing.move(conn, at.shop.id, began_at=None, cursor="", due_at=at.now + EVERY)
    return Compared(0, tuple(stock), wakes=(Wake("publish", at.shop.id),) if stock and at.repair else ())
