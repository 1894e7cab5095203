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
from connector.flow.case import Case, Draft
from connector.flow.correct import as_it_counts
from connector.flow.lines import changed, line_rows, rewrite_lines, settled_rows
from connector.flow.replan import carry_out, lines_after, plan, replan, row_after
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
    ids = _ids(conn, newest, stored)
    found = {ids[key]: order for key, order in newest.items()}
    columns = {ids[key]: orders.columns(order, seal, fingerprints[key]) for key, order in newest.items()}
    lines = line_rows(conn, shop, newest, ids, policy)
    known = [ids[key] for key in newest if key in stored]
    before = orders.lines_of(conn, known) if known else {}
    orders.update_many(conn, [{"id": order_id, **columns[order_id]} for order_id in known])
    rewrite_lines(conn, {order_id: lines[order_id] for order_id in known})
    own = {"shop_id": shop.id, "received_at": now}
    new = {
        order_id: _New(
            {"id": order_id, **own, "history": is_history(order.lifecycle, policy), **columns[order_id]},
            settled_rows(lines[order_id]),
        )
        for order_id, order in found.items()
        if order_id not in known
    }
    drafts = {order_id: one.draft() for order_id, one in new.items()}
    news = changed(conn, found, before, {order_id: draft.lines for order_id, draft in drafts.items()})
    planned = plan(conn, list(found), drafts=drafts, news=news, in_turn=True)
    _add(conn, new, [case for case in planned.cases if case.head.id in new])
    orders.note_words(conn, found, new.keys())
    orders.note_events(conn, [_event(order, ids[key], stored.get(key)) for key, order in newest.items()], now)
    return TakenIn(tuple(judged), carry_out(conn, planned, now))


@dataclass(frozen=True, slots=True)
class _New:
    """A new order: its own row and those of its lines, as they came."""

    row: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]

    def draft(self) -> Draft:
        """What is decided about, before anything is written."""
        return Draft(orders.head_of(self.row), [orders.line_of(line) for line in self.lines])


def _ids(conn: Connection, newest: Mapping[str, Order], stored: Mapping[str, Head]) -> dict[str, int]:
    """Our id of each order, by the platform's; the new ones get theirs."""
    new = [key for key in newest if key not in stored]
    fresh = dict(zip(new, orders.new_ids(conn, orders_table, len(new)), strict=True))
    return {key: stored[key].id if key in stored else fresh[key] for key in newest}


def _add(conn: Connection, new: Mapping[int, _New], cases: Sequence[Case]) -> None:
    """Write the new orders and their lines as it was decided: once, and with what came of it."""
    for case in cases:
        case.written, case.lines = row_after(case), lines_after(case)
    orders.insert_many(conn, [{**new[case.head.id].row, **(case.written or {})} for case in cases])
    waiting = {line.id: line.backordered for case in cases for line in case.lines}
    orders.add_lines(conn, [{**row, "backordered": waiting[row["id"]]} for one in new.values() for row in one.lines])


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
