"""Writing what platforms say of their orders: newer than what we hold? -> upsert -> replan. One transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector.db import orders
from connector.db import shops as shop_rows
from connector.db.orders import Head
from connector.db.sealed import Seal
from connector.db.tables import orders as orders_table
from connector.domain.backfill import StockPolicy, is_history
from connector.domain.orders import Freshness, Lifecycle, Order, digest, freshness, possible
from connector.domain.text import storable
from connector.flow.correct import as_it_counts
from connector.flow.lines import changed, write_lines
from connector.flow.replan import replan
from connector.platform import Shop

_DELETED = "deleted"  # in place of a digest: any state the platform may show again is news


@dataclass(frozen=True, slots=True)
class Arrival:
    """An order as it came: `fetched` was just read from the platform, otherwise it was carried by a delivery.

    `forced` is written even where it seems to be held already: what we hold of it was found damaged.
    """

    order: Order
    fetched: bool
    forced: bool = False


@dataclass(frozen=True, slots=True)
class TakenIn:
    """How each arrival was judged, in their order, and which shops now have something to be told."""

    judged: tuple[Freshness, ...]
    telling: frozenset[int]


def take_in(
    conn: Connection,
    seal: Seal,
    shop: Shop,
    arrivals: Sequence[Arrival],
    now: datetime,
    policy: StockPolicy = StockPolicy.LIVE,
) -> TakenIn:
    """Store the newest state of each order and bring stock and parts into agreement with it.

    Any number of arrivals may be of one order; replaying any of them changes nothing. `policy` says which orders that
    were never seen before are taken in as a record only (see `connector.domain.backfill`).
    """
    shop_rows.lock_intake(conn, shop.id)
    stored = orders.lock_by_external_ids(conn, shop.id, {arrival.order.external_id for arrival in arrivals})
    judged, newest, fingerprints = _judge(arrivals, stored)
    if not newest:
        return TakenIn(tuple(judged), frozenset())
    newest = as_it_counts(conn, seal, newest, {key: head.id for key, head in stored.items()}, now)
    fresh = _write_heads(conn, seal, shop, newest, stored, fingerprints, policy, now)
    ids = {**{key: head.id for key, head in stored.items()}, **fresh}
    known = [ids[key] for key in newest if key in stored]
    before = orders.lines_of(conn, known) if known else {}
    write_lines(conn, shop, newest, ids, stored, policy)
    orders.note_words(conn, {ids[key]: order for key, order in newest.items()}, fresh.values())
    news = changed(conn, {ids[key]: order for key, order in newest.items()}, before)
    orders.note_events(conn, [_event(order, ids[key], stored.get(key)) for key, order in newest.items()], now)
    telling = replan(conn, [ids[key] for key in newest], now, fresh=frozenset(fresh.values()), news=news, in_turn=True)
    return TakenIn(tuple(judged), telling)


def judge(conn: Connection, shop: Shop, given: Sequence[Order]) -> tuple[Freshness, ...]:
    """How these orders, just read, would be judged; nothing is written."""
    stored = orders.lock_by_external_ids(conn, shop.id, {order.external_id for order in given})
    return tuple(_judge([Arrival(presentable(order), fetched=True) for order in given], stored)[0])


def take_away(conn: Connection, shop: Shop, external_id: str, now: datetime) -> bool:
    """The order no longer exists on the platform: it ends as cancelled here, unless it is completed: then the merchant only
    tidied up, and it stays so. Whether we ever had it."""
    head = orders.lock_by_external_ids(conn, shop.id, [external_id]).get(external_id)
    if head is None or head.digest == _DELETED:
        return head is not None
    ended = head.state == "completed" or head.lifecycle == Lifecycle.CANCELLED
    lifecycle = head.lifecycle if ended else Lifecycle.CANCELLED.value
    gone = {"id": head.id, "lifecycle": lifecycle, "platform_status": "deleted", "digest": _DELETED}
    orders.update_many(conn, [gone])
    orders.note_events(conn, [(head.id, "deleted", {}, "platform")], now)
    if not ended:
        replan(conn, [head.id], now)
    return True


def _judge(arrivals: Sequence[Arrival], stored: Mapping[str, Head]) -> tuple[list[Freshness], dict[str, Order], dict[str, str]]:
    """Measure each arrival against the newest state known so far, the stored one or an earlier arrival's.

    Returns the verdicts, and by external id the orders to be written and their digests.
    """
    known = {key: (head.version, head.digest) for key, head in stored.items()}
    newest: dict[str, Order] = {}
    judged = []
    for arrival in arrivals:
        order = arrival.order
        fingerprint = digest(order)
        verdict = freshness(known.get(order.external_id), order.version, fingerprint, fetched=arrival.fetched)
        if arrival.forced and verdict is Freshness.SAME:
            verdict = Freshness.NEWER
        judged.append(verdict)
        if verdict in (Freshness.NEW, Freshness.NEWER):
            known[order.external_id] = (order.version, fingerprint)
            newest[order.external_id] = order
    return judged, newest, {key: known[key][1] for key in newest}


def _write_heads(
    conn: Connection,
    seal: Seal,
    shop: Shop,
    newest: Mapping[str, Order],
    stored: Mapping[str, Head],
    fingerprints: Mapping[str, str],
    policy: StockPolicy,
    now: datetime,
) -> dict[str, int]:
    """Insert new orders, update known ones; external id -> id of the new ones."""
    new = [key for key in newest if key not in stored]
    fresh = dict(zip(new, orders.new_ids(conn, orders_table, len(new)), strict=True))
    columns = {key: orders.columns(order, seal, fingerprints[key]) for key, order in newest.items()}
    past = {key: is_history(newest[key].lifecycle, policy) for key in new}
    row = {"shop_id": shop.id, "received_at": now}
    orders.insert_many(conn, [{"id": fresh[key], **row, "history": past[key], **columns[key]} for key in new])
    orders.update_many(conn, [{"id": stored[key].id, **columns[key]} for key in newest if key in stored])
    return fresh


def _event(order: Order, order_id: int, before: Head | None) -> tuple[int, str, dict[str, Any], str]:
    """The timeline's line for what the platform told us."""
    facts = {"status": order.platform_status, "payment": order.payment.value}
    if before is None:
        return order_id, "received", facts, "platform"
    if order.lifecycle is Lifecycle.CANCELLED and before.lifecycle != Lifecycle.CANCELLED:
        return order_id, "cancelled", facts, "platform"
    if order.lifecycle is Lifecycle.COMPLETED and before.lifecycle != Lifecycle.COMPLETED:
        return order_id, "completed", facts, "platform"
    return order_id, "changed", facts, "platform"


def presentable(order: Order) -> Order:
    """The order with every text storable and every quantity possible; what had to be removed is marked for attention."""
    order = possible(order)
    try:
        text = repr(order)
        text.encode()
        if "\\x00" not in text and "\\ud" not in text:
            return order
    except UnicodeEncodeError:
        pass
    cleaned = _cleaned(order)
    return order if cleaned == order else replace(cleaned, attention=(*order.attention, "odd_characters"))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str) and type(value) is str:
        return storable(value)
    if isinstance(value, tuple):
        return tuple(_cleaned(part) for part in value)
    fields = getattr(value, "__dataclass_fields__", None)
    return replace(value, **{name: _cleaned(getattr(value, name)) for name in fields}) if fields else value
