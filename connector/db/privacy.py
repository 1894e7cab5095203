"""Requests about personal data, and where personal data is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Connection, Row, Table, Text, cast, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from connector.db import orders as words_of
from connector.db.tables import (
    attempts,
    event_attempts,
    event_sends,
    events,
    fulfillment_notes,
    fulfillment_orders,
    inbox,
    order_corrections,
    order_events,
    orders,
    outbox,
    payments,
    privacy_requests,
)

_BATCH = 500
_FREE_WORDS = ("detail", "reason", "reference", "tracking")  # facts of the timeline in which somebody may be named


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request; what it asks is sealed."""

    id: int
    shop_id: int | None
    topic: str
    state: str
    reason: str
    facts: dict[str, Any]
    received_at: datetime
    finished_at: datetime | None
    tries: int
    sealed_request: bytes | None


_ROW = tuple(privacy_requests.c[name] for name in RequestRow.__slots__)


def add(
    conn: Connection,
    *,
    shop_id: int | None,
    platform: str,
    topic: str,
    dedup_key: str,
    sealed_request: bytes | None,
    state: str,
    reason: str,
    now: datetime,
) -> bool:
    """Keep a request; False where it is there already."""
    new = insert(privacy_requests).values(
        shop_id=shop_id,
        platform=platform,
        topic=topic,
        dedup_key=dedup_key,
        sealed_request=sealed_request,
        state=state,
        reason=reason,
        received_at=now,
        due_at=now,
        finished_at=None if state == "waiting" else now,
    )
    unless_known = new.on_conflict_do_nothing(index_elements=["platform", "dedup_key"])
    return conn.execute(unless_known.returning(privacy_requests.c.id)).first() is not None


def claim(conn: Connection, shop_id: int, now: datetime, *, until: datetime) -> list[RequestRow]:
    """The shop's requests that are due, oldest first; they come due again by themselves when the claimer dies."""
    due = select(privacy_requests.c.id).where(
        privacy_requests.c.shop_id == shop_id, privacy_requests.c.state == "waiting", privacy_requests.c.due_at <= now
    )
    ids = list(conn.execute(due.order_by(privacy_requests.c.id).with_for_update(skip_locked=True)).scalars())
    taken = update(privacy_requests).where(privacy_requests.c.id.in_(ids)).values(due_at=until).returning(*_ROW)
    return sorted((RequestRow(*row) for row in conn.execute(taken)), key=lambda row: row.id)


def finish(
    conn: Connection, request_id: int, facts: Mapping[str, Any], now: datetime, *, sealed_export: bytes | None = None
) -> None:
    """It was done; what it asked is forgotten, because it names a person."""
    done = {"state": "done", "facts": dict(facts), "finished_at": now, "sealed_request": None, "sealed_export": sealed_export}
    conn.execute(update(privacy_requests).where(privacy_requests.c.id == request_id).values(done))


def put_off(conn: Connection, request_id: int, due_at: datetime, reason: str, *, sealed_request: bytes | None = None) -> None:
    """It is tried again later; with `sealed_request` in place of what it asked."""
    again: dict[str, Any] = {"due_at": due_at, "reason": reason, "tries": privacy_requests.c.tries + 1}
    if sealed_request is not None:
        again["sealed_request"] = sealed_request
    conn.execute(update(privacy_requests).where(privacy_requests.c.id == request_id).values(again))


def still_to_tell(conn: Connection, order_ids: Collection[int]) -> bool:
    """Whether an announcement of these orders waits that names a parcel."""
    waiting = outbox.c.order_id.in_(list(order_ids)) & (outbox.c.state == "waiting")
    named = func.coalesce(outbox.c.announcement["tracking"]["number"].astext, "") != ""
    return conn.execute(select(outbox.c.id).where(waiting, named).limit(1)).first() is not None


def shops_with_requests_due(conn: Connection, now: datetime) -> list[int]:
    """Shops with a request that is due."""
    rows = select(privacy_requests.c.shop_id).where(
        privacy_requests.c.state == "waiting", privacy_requests.c.due_at <= now, privacy_requests.c.shop_id.is_not(None)
    )
    return list(conn.execute(rows.group_by(privacy_requests.c.shop_id).order_by(func.min(privacy_requests.c.due_at))).scalars())


def requests(conn: Connection, shop_id: int | None = None) -> list[RequestRow]:
    """All requests, newest first."""
    rows = select(*_ROW).order_by(privacy_requests.c.id.desc())
    rows = rows if shop_id is None else rows.where(privacy_requests.c.shop_id == shop_id)
    return [RequestRow(*row) for row in conn.execute(rows)]


def export(conn: Connection, request_id: int) -> Row[Any, Any] | None:
    """The export of a request (shop_id, sealed_export), None where there is none."""
    mine = (privacy_requests.c.id == request_id) & privacy_requests.c.sealed_export.is_not(None)
    return conn.execute(select(privacy_requests.c.shop_id, privacy_requests.c.sealed_export).where(mine)).first()


def exports(conn: Connection, shop_id: int) -> list[Row[Any]]:
    """The exports kept for a shop: id, sealed_export."""
    mine = (privacy_requests.c.shop_id == shop_id) & privacy_requests.c.sealed_export.is_not(None)
    return list(conn.execute(select(privacy_requests.c.id, privacy_requests.c.sealed_export).where(mine)))


def forget_exports(conn: Connection, request_ids: Collection[int]) -> None:
    """Exports are deleted."""
    mine = privacy_requests.c.id.in_(list(request_ids))
    conn.execute(update(privacy_requests).where(mine).values(sealed_export=None))


# --- where personal data is ------------------------------------------------------------------------------------------


def people(conn: Connection, shop_id: int) -> Iterator[Row[Any]]:
    """Every order of a shop with its sealed person, in batches: id, external_id, sealed_person."""
    yield from _batches(conn, orders, shop_id, (orders.c.id, orders.c.external_id, orders.c.sealed_person))


def bodies(conn: Connection, shop_id: int) -> Iterator[Row[Any]]:
    """Every delivery of a shop that still has its body, in batches: id, external_id, sealed_body."""
    yield from (
        row for row in _batches(conn, inbox, shop_id, (inbox.c.id, inbox.c.external_id, inbox.c.sealed_body)) if row.sealed_body
    )


def _batches(conn: Connection, table: Table, shop_id: int, columns: Sequence[Any]) -> Iterator[Row[Any]]:
    last = 0
    while True:
        rows = select(*columns).where(table.c.shop_id == shop_id, table.c.id > last).order_by(table.c.id).limit(_BATCH)
        found = list(conn.execute(rows))
        yield from found
        if len(found) < _BATCH:
            return
        last = found[-1].id


def blank_orders(conn: Connection, order_ids: Collection[int], sealed_nobody: bytes) -> None:
    """Take every person out of orders and of what was written about them. Quantities, money and movements stay."""
    ids = list(order_ids)
    nobody = {"customer_name": "", "customer_folded": "", "sealed_person": sealed_nobody, "note": ""}
    conn.execute(update(orders).where(orders.c.id.in_(ids)).values(nobody))
    words_of.keep_words(conn, ids)  # the name is among what orders are found by
    conn.execute(update(fulfillment_notes).where(fulfillment_notes.c.order_id.in_(ids)).values(text=""))
    parcels = {"tracking_number": "", "tracking_url": ""}  # a carrier shows the address behind a number
    conn.execute(update(fulfillment_orders).where(fulfillment_orders.c.order_id.in_(ids)).values(parcels))
    free = order_events.c.facts.op("-")(cast(list(_FREE_WORDS), ARRAY(Text)))
    conn.execute(update(order_events).where(order_events.c.order_id.in_(ids)).values(facts=free))
    conn.execute(delete(order_corrections).where(order_corrections.c.order_id.in_(ids)))
    told = select(events.c.id).where(events.c.order_id.in_(ids))
    untold = events.c.facts.op("-")(cast(["tracking", "fulfillment_orders"], ARRAY(Text)))
    conn.execute(update(events).where(events.c.order_id.in_(ids)).values(facts=untold))
    sent = select(event_sends.c.id).where(event_sends.c.event_id.in_(told))
    conn.execute(update(event_attempts).where(event_attempts.c.send_id.in_(sent)).values(detail=""))
    conn.execute(update(event_sends).where(event_sends.c.event_id.in_(told)).values(reason=""))
    conn.execute(update(payments).where(payments.c.order_id.in_(ids)).values(reference=""))
    mine = outbox.c.order_id.in_(ids)
    conn.execute(update(attempts).where(attempts.c.outbox_id.in_(select(outbox.c.id).where(mine))).values(detail=""))
    untracked = outbox.c.announcement.op("||")(cast({"tracking": {}}, JSONB))
    conn.execute(update(outbox).where(mine).values(reason=""))
    conn.execute(update(outbox).where(mine, outbox.c.state != "waiting").values(announcement=untracked))


def blank_bodies(conn: Connection, shop_id: int, inbox_ids: Collection[int], external_ids: Collection[str]) -> int:
    """Drop the bodies of deliveries, by id or by the order they are about; how many there were. A replay reads the order
    from the platform instead."""
    named = or_(inbox.c.id.in_(list(inbox_ids)), inbox.c.external_id.in_(list(external_ids)))
    mine = (inbox.c.shop_id == shop_id) & named
    conn.execute(update(inbox).where(mine, inbox.c.state != "waiting").values(reason=""))
    return conn.execute(update(inbox).where(mine, inbox.c.sealed_body.is_not(None)).values(sealed_body=None)).rowcount


def written_about(conn: Connection, order_ids: Collection[int]) -> list[Row[Any]]:
    """What a person may be told of their orders."""
    columns = (orders.c.id, orders.c.number, orders.c.placed_at, orders.c.currency, orders.c.total_minor, orders.c.payment)
    more = (orders.c.state, orders.c.note, orders.c.sealed_person)
    return list(conn.execute(select(*columns, *more).where(orders.c.id.in_(list(order_ids))).order_by(orders.c.id)))
